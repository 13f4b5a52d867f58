//! The cache: results are those of a run without it, byte for byte, whatever became of the cache, the clock or the run before.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime};

use distsys_hostile::Chance;
use support::{Output, Project, command, finished, project, run, run_cached};
use tempfile::TempDir;

const CHARGE: &str = "import requests\n\n\ndef charge(order):\n    return requests.post('https://pay.example/orders', json=order, timeout=5)\n";
const RETRY: &str = "from app.charge import charge\n\n\ndef buy(order):\n    for attempt in range(3):\n        try:\n            return charge(order)\n        except OSError:\n            if attempt == 2:\n                raise\n";
const QUEUE: &str = "import queue\nfrom fastapi import FastAPI\napp = FastAPI()\nevents = queue.Queue()\n@app.post('/e')\ndef receive(e):\n    events.put(e)\n";
const LOCK: &str = "import { Queue } from 'bullmq'\nexport async function load(id: string) {\n  return fetch(`https://orders.example/${id}`)\n}\n";
const TASK: &str = "pub async fn run() {\n    let (sender, _receiver) = tokio::sync::mpsc::unbounded_channel::<u32>();\n    let _ = sender.send(1);\n}\n";

fn service() -> Project {
    let files = [
        ("app/charge.py", CHARGE),
        ("app/buy.py", RETRY),
        ("app/events.py", QUEUE),
        ("web/load.ts", LOCK),
        ("src/main.rs", TASK),
        ("app/bad.py", "def f(:\n"),
        ("Cargo.toml", "[package]\nname = \"service\"\n"),
    ];
    project(&files)
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// What a run without a cache says.
fn cold(project: &Project) -> Output {
    run(&["check", &project.path(), "--format", "json"])
}

fn warm(project: &Project, cache: &Path) -> Output {
    run_cached(cache, &["check", &project.path(), "--format", "json"])
}

/// How often to try what chance decides; a campaign sets the variable higher.
fn tries(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn files_of(cache: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![cache.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the cache").filter_map(Result::ok) {
            if entry.path().is_dir() { open.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found.sort();
    found
}

/// Makes the files of the project old enough for their times to be believed.
fn age(project: &Project) {
    let past = SystemTime::now() - Duration::from_secs(3600);
    for file in files_of(project.folder()) {
        let file = fs::File::options().write(true).open(file).expect("a file of the project");
        file.set_modified(past).expect("its owner may");
    }
}

#[test]
fn a_second_run_says_the_same_and_writes_nothing() {
    let (project, cache) = (service(), folder());
    let expected = cold(&project);
    assert_eq!(expected.status, 1, "{}", expected.stderr);
    assert!(expected.stdout.contains("retry-without-idempotency-key") && expected.stdout.contains("syntax_error"));
    assert_eq!(warm(&project, cache.path()), expected);
    let before = files_of(cache.path());
    let contents =
        |files: &[PathBuf]| files.iter().map(|file| fs::read(file).expect("it is there")).collect::<Vec<_>>();
    let held = contents(&before);
    assert_eq!(warm(&project, cache.path()), expected);
    assert_eq!(files_of(cache.path()), before);
    assert_eq!(contents(&before), held);
    for format in ["text", "sarif", "markdown"] {
        let arguments = ["check", &project.path(), "--format", format];
        assert_eq!(
            run_cached(cache.path(), &arguments).stdout_without_times(),
            run(&arguments).stdout_without_times(),
            "{format}"
        );
    }
}

#[test]
fn random_edits() {
    let (project, cache) = (service(), folder());
    let mut chance = Chance::new(0);
    let texts = [CHARGE, RETRY, QUEUE, LOCK, TASK, "", "def f(:\n"];
    for step in 0..tries("DISTSYS_EDITS", 40) {
        let name = ["app/charge.py", "app/buy.py", "app/events.py", "web/load.ts", "src/main.rs", "app/new.py"]
            [chance.below(6)];
        let path = project.folder().join(name);
        match chance.below(6) {
            0 => drop(fs::remove_file(&path)),
            1 => project.write(name, texts[chance.below(texts.len())]),
            2 => {
                let other = ["app/moved.py", "app/charge.py", "web/moved.ts"][chance.below(3)];
                drop(fs::rename(&path, project.folder().join(other)));
            }
            // Of the same length, in the same moment: only the content tells.
            3 => {
                if let Ok(text) = fs::read_to_string(&path) {
                    project.write(name, text.replace("timeout=5", "timeout=6").replace("range(3)", "range(9)"));
                }
            }
            4 => age(&project),
            _ => {}
        }
        assert_eq!(warm(&project, cache.path()), cold(&project), "step {step}");
    }
}

#[test]
fn what_is_damaged_is_as_if_it_were_not_there() {
    let (project, cache) = (service(), folder());
    let expected = cold(&project);
    warm(&project, cache.path());
    let files = files_of(cache.path());
    assert!(files.len() > 3, "{files:?}");
    let whole: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).expect("it is there")).collect();
    for (file, whole) in files.iter().zip(&whole) {
        let middle = whole.len() / 2;
        let mut flipped = whole.clone();
        flipped[middle] ^= 0x40;
        let other_version = [b"DSGC9999".as_slice(), whole.get(8..).unwrap_or_default()].concat();
        for damaged in [Vec::new(), whole[..middle].to_vec(), flipped, other_version, b"garbage".repeat(100)] {
            fs::write(file, &damaged).expect("it can be written");
            // A changed file, so that the outcome of the run before does not hide the rest.
            project.write("app/other.py", format!("x = {}\n", damaged.len()));
            let output = warm(&project, cache.path());
            assert_eq!(
                (output.status, &output.stdout),
                (expected.status, &cold(&project).stdout),
                "{}",
                file.display()
            );
            fs::write(file, whole).expect("it can be written");
        }
        fs::remove_file(project.folder().join("app/other.py")).expect("it was written");
        assert_eq!(warm(&project, cache.path()).stdout, expected.stdout, "{}", file.display());
    }
}

#[cfg(unix)]
#[test]
fn a_cache_that_cannot_be_written_is_done_without() {
    let (project, cache) = (service(), folder());
    let expected = cold(&project);
    let file = cache.path().join("file");
    fs::write(&file, "x").expect("it can be written");
    let mut outputs = vec![warm(&project, &file.join("inside"))];
    // Others' folders are not taken.
    outputs.push(warm(&project, cache.path()));
    // A full disk: no file may grow.
    let full = folder();
    let binary = env!("CARGO_BIN_EXE_distsys-graph");
    let script = format!(
        "trap '' XFSZ; ulimit -f 0; exec {binary} check {} --format json --cache-dir {}",
        project.path(),
        full.path().display()
    );
    outputs.push(finished(std::process::Command::new("bash").args(["-c", &script])));
    for output in outputs {
        assert_eq!((output.status, &output.stdout), (expected.status, &expected.stdout));
        assert!(output.stderr.starts_with("note: ") && output.stderr.lines().count() == 1, "{}", output.stderr);
    }
    assert_eq!(files_of(cache.path()), [file]);
}

fn started(project: &Project, cache: &Path) -> Child {
    command(&["check", &project.path(), "--format", "json"])
        .env("DISTSYS_GRAPH_CACHE_DIR", cache)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command was built for this test")
}

#[test]
fn runs_at_the_same_time() {
    let (project, cache) = (service(), folder());
    for round in 0..6 {
        project.write("app/other.py", format!("import queue\nx{round} = queue.Queue()\n"));
        let expected = cold(&project).stdout;
        let running: Vec<Child> = (0..4).map(|_| started(&project, cache.path())).collect();
        for child in running {
            let output = child.wait_with_output().expect("it ends");
            assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "round {round}");
            assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        assert_eq!(warm(&project, cache.path()).stdout, expected, "round {round}");
    }
}

#[test]
fn killed_at_any_moment() {
    let (project, cache) = (service(), folder());
    let mut chance = Chance::new(1);
    let start = std::time::Instant::now();
    warm(&project, folder().path());
    let whole = start.elapsed().as_micros() as usize;
    for step in 0..tries("DISTSYS_KILLS", 16) {
        project.write("app/other.py", format!("import queue\nx{step} = queue.Queue()\n"));
        let mut child = started(&project, cache.path());
        std::thread::sleep(Duration::from_micros(chance.below(whole * 5 / 4) as u64));
        // It may have ended by then.
        drop(child.kill());
        child.wait().expect("it was started");
        assert_eq!(warm(&project, cache.path()), cold(&project), "step {step}");
    }
}

#[test]
fn a_clock_that_was_set_back() {
    let (project, cache) = (service(), folder());
    let path = project.folder().join("app/charge.py");
    let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
    let date = |path: &Path| {
        let file = fs::File::options().write(true).open(path).expect("it is there");
        file.set_modified(tomorrow).expect("its owner may");
    };
    date(&path);
    warm(&project, cache.path());
    files_of(cache.path()).iter().for_each(|file| date(file));
    // The same length and the same time as before.
    project.write("app/charge.py", CHARGE.replace("timeout=5", "timeout=0"));
    date(&path);
    assert_eq!(warm(&project, cache.path()), cold(&project));
    age(&project);
    assert_eq!(warm(&project, cache.path()), cold(&project));
}

#[test]
fn the_users_cache_is_not_kept_inside_what_is_analysed() {
    let project = service();
    let inside = project.folder().join("home/.cache");
    let arguments = ["check", &project.path(), "--format", "json"];
    let output = finished(command(&arguments).env("XDG_CACHE_HOME", &inside));
    assert_eq!(output, cold(&project));
    assert!(!inside.exists());
    // Asked for, it is; what it holds is no source.
    let asked = project.folder().join(".cache");
    assert_eq!(warm(&project, &asked).stdout, cold(&project).stdout);
    assert!(asked.join("CACHEDIR.TAG").is_file());
    assert_eq!(warm(&project, &asked).stdout, cold(&project).stdout);
}

#[test]
fn clean_removes_what_is_ours_and_nothing_else() {
    let (project, cache) = (service(), folder());
    let cache = cache.path().join("cache");
    warm(&project, &cache);
    let foreign = cache.join("notes.txt");
    fs::write(&foreign, "x").expect("it can be written");
    let output = run_cached(&cache, &["clean"]);
    assert!(output.status == 0 && output.stdout.contains("MB removed"), "{}", output.stderr);
    let left: Vec<PathBuf> = files_of(&cache);
    assert_eq!(left, [cache.join(".gitignore"), cache.join("CACHEDIR.TAG"), foreign]);
    let output = run_cached(project.folder(), &["clean"]);
    assert!(output.status == 2 && output.stderr.contains("is no cache"), "{}", output.stderr);
}

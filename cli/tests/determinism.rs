//! Same input, same output, byte for byte, whatever the number of threads.

mod support;

use std::fs;
use std::path::Path;

use support::{command, finished, run};

#[test]
fn threads_change_nothing() {
    // The example and the sources of this project: three languages, several hundred files.
    for folder in ["/../examples/shop", "/.."] {
        let path = format!("{}{folder}", env!("CARGO_MANIFEST_DIR"));
        let mut outputs = Vec::new();
        for jobs in ["1", "2", "8"] {
            for _ in 0..if folder.ends_with("shop") { 10 } else { 2 } {
                outputs
                    .push(run(&["check", &path, "--format", "json", "--min-confidence", "low", "--jobs", jobs]).stdout);
            }
        }
        assert!(outputs.windows(2).all(|pair| pair[0] == pair[1]), "{folder} differs between runs");
    }
}

/// Copies the texts of a folder to `to`, the last of a folder first: the order in which a file system lists them may differ.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder of a temporary project");
    let mut entries: Vec<_> = fs::read_dir(from).expect("it is there").filter_map(Result::ok).collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.file_name()));
    for entry in entries {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("it can be copied");
        }
    }
}

#[test]
fn neither_the_place_of_the_checkout_nor_the_surroundings_change_anything() {
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/shop");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let elsewhere = folder.path().join("a folder/with ünusual näme/tests/node_modules");
    copy(&shop, &elsewhere);
    for format in ["json", "sarif", "markdown", "concise"] {
        let arguments = |path: &Path| ["check".to_owned(), path.display().to_string(), format!("--format={format}")];
        let output = |path: &Path, variables: &[(&str, &str)]| {
            let arguments = arguments(path);
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let mut command = command(&arguments);
            finished(command.env("DISTSYS_GRAPH_NO_CACHE", "1").envs(variables.iter().copied()))
        };
        let expected = output(&shop, &[]);
        assert_eq!(expected.status, 1, "{}", expected.stderr);
        for variables in [
            &[("TZ", "Pacific/Kiritimati"), ("LC_ALL", "tr_TR.UTF-8"), ("LANG", "ja_JP.EUC-JP")][..],
            &[("TZ", "America/Los_Angeles"), ("LC_ALL", "C"), ("HOME", "/nonexistent"), ("COLUMNS", "40")],
        ] {
            assert_eq!(output(&shop, variables), expected, "{format} {variables:?}");
            assert_eq!(output(&elsewhere, variables), expected, "{format} {variables:?}");
        }
        // Seen from within, the tree has no name of its own.
        let mut within = command(&["check", ".", "--format", format]);
        assert_eq!(finished(within.current_dir(&elsewhere).env("DISTSYS_GRAPH_NO_CACHE", "1")), expected, "{format}");
    }
}

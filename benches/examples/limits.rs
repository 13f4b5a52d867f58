//! Trees that nobody writes by hand, at half their size and whole: `cargo run --release -p distsys-benches --example limits
//! BINARY [SHARE]` makes each in a temporary folder, lets `BINARY bench` measure it and prints the table of docs/limits.md.
//! Time and memory that double with the size are linear; SHARE (as 0.1) makes all trees smaller.

#![allow(clippy::print_stdout, clippy::expect_used, reason = "a measurement, run by hand")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

struct Tree {
    name: &'static str,
    size: usize,
    make: fn(&Path, usize),
}

const TREES: &[Tree] = &[
    Tree { name: "small files", size: 200_000, make: small_files },
    Tree { name: "megabytes in one file", size: 50, make: one_file },
    Tree { name: "functions of one name", size: 10_000, make: one_name },
    Tree { name: "calls in a chain", size: 5_000, make: chain },
    Tree { name: "functions in a cycle", size: 3_000, make: cycle },
    Tree { name: "classes deep", size: 500, make: hierarchy },
    Tree { name: "modules in a cycle of imports", size: 2_000, make: imports },
    Tree { name: "definitions of `retry`", size: 4_000, make: retries },
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let binary = arguments.next().expect("the path of distsys-graph");
    let share: f64 = arguments.next().map_or(1.0, |text| text.parse().expect("a number, as 0.1"));
    println!("| tree | lines | seconds | peak MB | half of it: seconds | peak MB |\n|---|---:|---:|---:|---:|---:|");
    for tree in TREES {
        let size = ((tree.size as f64 * share) as usize).max(2);
        let (half, whole) = (measure(&binary, tree, size / 2), measure(&binary, tree, size));
        let grouped = |number: usize| {
            let digits: Vec<char> = number.to_string().chars().rev().collect();
            let groups: Vec<String> = digits.chunks(3).map(|group| group.iter().rev().collect()).collect();
            groups.into_iter().rev().collect::<Vec<String>>().join(",")
        };
        println!(
            "| {} {} | {} | {:.2} | {:.0} | {:.2} | {:.0} |",
            grouped(size),
            tree.name,
            grouped(whole.0),
            whole.1,
            whole.2,
            half.1,
            half.2
        );
    }
}

/// Lines, seconds and megabytes.
fn measure(binary: &str, tree: &Tree, size: usize) -> (usize, f64, f64) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    (tree.make)(folder.path(), size);
    let output = Command::new(binary).args(["bench", "--format", "json"]).arg(folder.path()).output().expect("it runs");
    assert!(output.status.success(), "{}: {}", tree.name, String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let seconds = report["phases_ms"]["all"].as_f64().expect("milliseconds") / 1000.0;
    let bytes = report["peak_memory_bytes"].as_f64().unwrap_or_default();
    (report["lines"].as_u64().unwrap_or_default() as usize, seconds, bytes / 1e6)
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("it can be written");
}

fn small_files(folder: &Path, size: usize) {
    for part in 0..size.div_ceil(500) {
        let inner = folder.join(format!("part{part}"));
        fs::create_dir(&inner).expect("it can be made");
        for number in part * 500..size.min(part * 500 + 500) {
            let text =
                format!("import requests\n\ndef fetch_{number}(url):\n    return requests.get(url, timeout=5)\n");
            write(&inner, &format!("module_{number}.py"), &text);
        }
    }
}

/// Too large for a file of source: it is left out, and said so. A file of two megabytes stands beside it.
fn one_file(folder: &Path, size: usize) {
    let line = "def f(a, b):\n    return [a.b(c, d=e)[f] for g in h if i(j) and k]\n\n";
    write(folder, "large.py", &line.repeat(size * 1_000_000 / line.len()));
    write(folder, "within.py", &line.repeat(2_000_000 / line.len()));
}

fn one_name(folder: &Path, size: usize) {
    for part in 0..size.div_ceil(100) {
        let mut text = String::from("import requests\n\n");
        for number in part * 100..size.min(part * 100 + 100) {
            let _ = write!(
                text,
                "class C{number}:\n    def handle(self, x):\n        return requests.post(x.url, timeout=5)\n\n\
                 def run_{number}(x):\n    return x.handle(x)\n\n"
            );
        }
        write(folder, &format!("part{part}.py"), &text);
    }
}

fn chain(folder: &Path, size: usize) {
    let mut text = String::from("import requests\n\ndef f0(x):\n    return requests.post(x, timeout=5)\n\n");
    for number in 1..size {
        let _ = write!(text, "def f{number}(x):\n    return f{}(x)\n\n", number - 1);
    }
    write(folder, "chain.py", &text);
}

fn cycle(folder: &Path, size: usize) {
    let mut text = String::from("import requests\n\n");
    for number in 0..size {
        let next = (number + 1) % size;
        let _ = write!(
            text,
            "def f{number}(x):\n    requests.post('https://a.example/{number}', timeout=5)\n    return f{next}(x)\n\n"
        );
    }
    write(folder, "cycle.py", &text);
}

fn hierarchy(folder: &Path, size: usize) {
    let mut text = String::from("class C0:\n    def m0(self):\n        return self.m0()\n\n");
    for number in 1..size {
        let _ = write!(
            text,
            "class C{number}(C{}):\n    def m{number}(self):\n        self.field{number} = self.m{}()\n        return self.m0()\n\n",
            number - 1,
            number - 1
        );
    }
    write(folder, "deep.py", &text);
}

fn imports(folder: &Path, size: usize) {
    for number in 0..size {
        let next = (number + 1) % size;
        let text = format!(
            "export * from './module{next}'\nimport {{ f{next} }} from './module{next}'\n\
             export const f{number} = (x: number): number => f{next}(x)\n"
        );
        write(folder, &format!("module{number}.ts"), &text);
    }
}

fn retries(folder: &Path, size: usize) {
    for number in 0..size {
        let text = format!(
            "import requests\n\ndef retry(f):\n    for attempt in range(3):\n        try:\n            return f()\n        \
             except OSError:\n            pass\n\ndef call_{number}(url):\n    return retry(lambda: requests.get(url, timeout=5))\n"
        );
        write(folder, &format!("module{number}.py"), &text);
    }
}

//! Published packages, by version: counts that change only when behaviour does.
//!
//! Crates are those this project builds with, read from cargo's registry. npm and PyPI packages are fetched by their
//! clients into the build folder, once; where a client is missing or the network is, their part is skipped and says so.

use std::path::{Path, PathBuf};
use std::process::Command;

use distsys_extract::driver::{Input, Options, extract};
use distsys_facts::Word;

/// Counts of a tree as one line each.
fn counts(name: &str, root: &Path) -> String {
    let facts = extract(Input::Tree { root, paths: &[] }, &Options::default(), &|_, _| {})
        .expect("the package can be read")
        .facts;
    let r = &facts.relations;
    let unparsed = r.diagnostic.iter().map(|row| row.kind.name()).collect::<Vec<_>>().join(",");
    format!(
        "{name}: files {}, functions {}, classes {}, calls {}, awaits {}, loops {}, imports {}, sql {}, diagnostics [{unparsed}]\n",
        r.file.len(),
        r.function.len(),
        r.class.len(),
        r.call.len(),
        r.suspend.len(),
        r.region.iter().filter(|row| row.kind.name() == "loop").count(),
        r.import.len(),
        r.sql.len(),
    )
}

#[test]
fn crates_of_the_registry() {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .expect("cargo has a home");
    let sources = home.join("registry/src");
    let mut text = String::new();
    for package in ["syn-3.0.10", "ascent-0.8.1", "sqlparser-0.64.0", "oxc_parser-0.146.0"] {
        let index = std::fs::read_dir(&sources).expect("cargo has fetched the dependencies").flatten();
        let root = index
            .map(|entry| entry.path().join(package))
            .find(|path| path.is_dir())
            .expect("it is pinned and built with");
        text.push_str(&counts(package, &root.join("src")));
    }
    insta::assert_snapshot!("crates", text);
}

fn cache() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages");
    std::fs::create_dir_all(&folder).expect("the build folder can be written");
    folder
}

/// Runs a client in the cache; false if it is missing or fails.
fn client(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).current_dir(cache()).output().is_ok_and(|output| output.status.success())
}

fn unpack(archive: &str, folder: &str) -> bool {
    cache().join(folder).is_dir()
        || (std::fs::create_dir_all(cache().join(folder)).is_ok()
            && client("tar", &["xzf", archive, "-C", folder, "--strip-components=1"]))
}

#[test]
fn packages_of_npm() {
    let mut text = String::new();
    for (package, archive, folder) in
        [("kafkajs@2.2.4", "kafkajs-2.2.4.tgz", "kafkajs"), ("amqplib@0.10.4", "amqplib-0.10.4.tgz", "amqplib")]
    {
        if !cache().join(archive).is_file() && !client("npm", &["pack", "--silent", package]) {
            return skipped("npm");
        }
        if !unpack(archive, folder) {
            return skipped("tar");
        }
        text.push_str(&counts(package, &cache().join(folder)));
    }
    insta::assert_snapshot!("npm", text);
}

#[test]
fn packages_of_pypi() {
    let mut text = String::new();
    for (package, archive, folder) in
        [("celery==5.4.0", "celery-5.4.0.tar.gz", "celery"), ("tenacity==9.0.0", "tenacity-9.0.0.tar.gz", "tenacity")]
    {
        let arguments = ["download", "--quiet", "--no-deps", "--no-binary", ":all:", package];
        if !cache().join(archive).is_file() && !client("pip", &arguments) && !client("pip3", &arguments) {
            return skipped("pip");
        }
        if !unpack(archive, folder) {
            return skipped("tar");
        }
        text.push_str(&counts(package, &cache().join(folder)));
    }
    insta::assert_snapshot!("pypi", text);
}

#[allow(clippy::print_stderr, reason = "a test that did not run must say so")]
fn skipped(client: &str) {
    eprintln!("skipped: `{client}` is not here or could not fetch");
}

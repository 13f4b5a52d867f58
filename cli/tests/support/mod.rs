//! Runs the command on small projects.

use std::fs;
use std::path::Path;
use std::process::Command;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Output {
    #[allow(dead_code, reason = "not every test file reads it")]
    pub(crate) status: i32,
    pub(crate) stdout: String,
    #[allow(dead_code, reason = "not every test file reads it")]
    pub(crate) stderr: String,
}

impl Output {
    /// Durations differ from run to run.
    #[allow(dead_code, reason = "not every test file needs it")]
    pub(crate) fn stdout_without_times(&self) -> String {
        self.stdout.lines().map(|line| line.split(" in 0.").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
    }
}

#[allow(dead_code, reason = "not every test file needs it")]
pub(crate) fn run(arguments: &[&str]) -> Output {
    run_in(Path::new("."), arguments)
}

#[allow(dead_code, reason = "not every test file needs it")]
pub(crate) fn run_in(folder: &Path, arguments: &[&str]) -> Output {
    finished(command(arguments).current_dir(folder).env("DISTSYS_GRAPH_NO_CACHE", "1"))
}

/// Runs the command with a cache at `cache`.
#[allow(dead_code, reason = "not every test file needs it")]
pub(crate) fn run_cached(cache: &Path, arguments: &[&str]) -> Output {
    finished(command(arguments).env("DISTSYS_GRAPH_CACHE_DIR", cache))
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_distsys-graph"));
    command.args(arguments).env_remove("CLICOLOR_FORCE");
    command.env_remove("DISTSYS_GRAPH_NO_CACHE").env_remove("DISTSYS_GRAPH_CACHE_DIR");
    command
}

pub(crate) fn finished(command: &mut Command) -> Output {
    let output = command.output().expect("the command was built for this test");
    Output {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[allow(dead_code, reason = "not every test file makes projects")]
pub(crate) struct Project {
    folder: tempfile::TempDir,
}

#[allow(dead_code, reason = "not every test file makes projects")]
impl Project {
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self) -> String {
        self.folder.path().display().to_string()
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let file = self.folder.path().join(path);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).expect("a folder of a temporary project");
        }
        fs::write(file, content).expect("a file of a temporary project");
    }
}

#[allow(dead_code, reason = "not every test file makes projects")]
pub(crate) fn project(files: &[(&str, &str)]) -> Project {
    let project = Project { folder: tempfile::tempdir().expect("a temporary folder") };
    for (path, content) in files {
        project.write(path, content);
    }
    project
}

//! `git`, called as a program: the one module that does.
//!
//! Revisions come from people and are never read as options (`--end-of-options`); nothing that a repository configures to be
//! run (hooks, file-system monitors, text conversions, external differs, LFS filters) is run.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A repository with a work tree.
#[derive(Clone, Debug)]
pub struct Repository {
    root: PathBuf,
}

/// Why `git` gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    #[error("git cannot be run: {0}; install it, or name files and folders to review")]
    Missing(std::io::Error),
    #[error("{0}: not in a git repository; name a file or folder to review, or go into a repository")]
    NoRepository(String),
    #[error("`{0}` is no commit of this repository; `git fetch` it, or correct the name")]
    NoCommit(String),
    #[error(
        "no default branch is known: neither origin/HEAD nor main nor master; name the range, as `review main..HEAD`"
    )]
    NoDefaultBranch,
    #[error("{base} and {head} have no commit in common{hint}")]
    NoMergeBase { base: String, head: String, hint: &'static str },
    #[error("git {command}: {message}")]
    Failed { command: String, message: String },
}

/// A file that differs between two versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its path in the later version, or, of a deleted file, in the earlier one.
    pub path: String,
    /// Its path before, if it was renamed.
    pub before: Option<String>,
    pub deleted: bool,
    /// Ranges of changed lines in the later version: first line, number of lines; none of them: the file was only renamed.
    pub lines: Vec<(u32, u32)>,
}

impl Change {
    pub fn touches(&self, line: u32) -> bool {
        self.lines.iter().any(|&(first, count)| line >= first && line - first < count)
    }
}

const QUIET: &[&str] = &[
    "-c",
    "core.quotePath=false",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "color.ui=never",
    "-c",
    "filter.lfs.smudge=",
    "-c",
    "filter.lfs.process=",
    "-c",
    "filter.lfs.required=false",
    "-c",
    "protocol.ext.allow=never",
];

impl Repository {
    /// The repository that `path` is in.
    pub fn of(path: &Path) -> Result<Self, GitError> {
        let folder = if path.is_file() { path.parent().unwrap_or(path) } else { path };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let here = Repository { root: folder.to_path_buf() };
        match here.line(&["rev-parse", "--show-toplevel"]) {
            Ok(root) if !root.is_empty() => Ok(Repository { root: PathBuf::from(root) }),
            Err(GitError::Missing(error)) => Err(GitError::Missing(error)),
            _ => Err(GitError::NoRepository(path.display().to_string())),
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The full name of the commit that `revision` means.
    pub fn commit(&self, revision: &str) -> Result<String, GitError> {
        let wanted = format!("{revision}^{{commit}}");
        match self.line(&["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted]) {
            Ok(commit) if !commit.is_empty() => Ok(commit),
            Err(GitError::Missing(error)) => Err(GitError::Missing(error)),
            _ => Err(GitError::NoCommit(revision.to_owned())),
        }
    }

    /// The branch that others are merged into: what the remote says, else `main` or `master`.
    pub fn default_branch(&self) -> Result<String, GitError> {
        if let Ok(head) = self.line(&["symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD"])
            && self.commit(&head).is_ok()
        {
            return Ok(head);
        }
        let known = ["origin/main", "origin/master", "main", "master"];
        known
            .iter()
            .find(|name| self.commit(name).is_ok())
            .map(|name| (*name).to_owned())
            .ok_or(GitError::NoDefaultBranch)
    }

    /// The commit that both have in common.
    pub fn merge_base(&self, base: &str, head: &str) -> Result<String, GitError> {
        let found = self.line(&["merge-base", "--end-of-options", base, head]);
        found.ok().filter(|commit| !commit.is_empty()).ok_or_else(|| GitError::NoMergeBase {
            base: base.to_owned(),
            head: head.to_owned(),
            hint: match self.line(&["rev-parse", "--is-shallow-repository"]).as_deref() {
                Ok("true") => "; the clone is shallow: `git fetch --unshallow` brings what is missing",
                _ => "",
            },
        })
    }

    /// The first parent of a commit; none of a root commit.
    pub fn parent(&self, commit: &str) -> Option<String> {
        self.commit(&format!("{commit}^1")).ok()
    }

    /// The tree without files.
    pub fn empty_tree(&self) -> Result<String, GitError> {
        self.line(&["hash-object", "-t", "tree", "--stdin"])
    }

    /// The commit of a reference of a remote, fetched.
    pub fn fetch(&self, remote: &str, reference: &str) -> Result<String, GitError> {
        self.run(&["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--end-of-options", remote, reference])?;
        self.commit("FETCH_HEAD")
    }

    /// Files of the work tree that are not as in the last commit, new ones included.
    pub fn dirty(&self) -> Result<usize, GitError> {
        let status = self.run(&[
            "status",
            "--porcelain=v1",
            "-z",
            "--untracked-files=all",
            "--no-renames",
            "--ignore-submodules=all",
        ])?;
        Ok(status.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()).count())
    }

    /// What differs between `base` and `head` (none: the work tree, with new files), by path.
    pub fn changes(&self, base: &str, head: Option<&str>) -> Result<Vec<Change>, GitError> {
        let mut arguments = vec![
            "diff",
            "--raw",
            "-z",
            "-M",
            "--no-ext-diff",
            "--no-textconv",
            "--ignore-submodules=all",
            "--end-of-options",
            base,
        ];
        arguments.extend(head);
        arguments.push("--");
        let raw = self.run(&arguments)?;
        arguments.splice(1..3, ["-U0", "--patch"]);
        let mut changes = read_changes(&raw, &self.run(&arguments)?);
        if head.is_none() {
            let new = self.run(&["ls-files", "--others", "--exclude-standard", "-z"])?;
            changes.extend(texts(&new).map(|path| Change {
                path,
                before: None,
                deleted: false,
                lines: vec![(1, u32::MAX)],
            }));
        }
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(changes)
    }

    /// The files of the work tree that are tracked, or would be if they were added: what ignore files say of tracked ones does
    /// not count.
    pub fn files(&self) -> Result<Vec<String>, GitError> {
        let listed = self.run(&["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"])?;
        Ok(texts(&listed).collect())
    }

    /// Whether the work tree tracks the file at `path`, from its root.
    pub fn tracks(&self, path: &str) -> bool {
        let literal = format!(":(top,literal){path}");
        self.run(&["ls-files", "--error-unmatch", "-z", "--", &literal]).is_ok()
    }

    /// The files of a commit or tree.
    pub fn paths(&self, tree: &str) -> Result<Vec<String>, GitError> {
        Ok(texts(&self.run(&["ls-tree", "-r", "-z", "--name-only", "--full-tree", "--end-of-options", tree])?)
            .collect())
    }

    /// A place below `folder`, which is empty, for files of a commit or tree.
    pub fn exported(&self, tree: &str, folder: &Path) -> Result<Exported, GitError> {
        let exported = Exported { index: folder.join("index"), tree: folder.join("tree") };
        std::fs::create_dir_all(&exported.tree).map_err(GitError::Missing)?;
        self.output(&["read-tree", tree], Some(&exported.index), &[])?;
        Ok(exported)
    }

    fn line(&self, arguments: &[&str]) -> Result<String, GitError> {
        let output = self.run(arguments)?;
        Ok(String::from_utf8_lossy(&output).trim_end_matches(['\n', '\r']).to_owned())
    }

    fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, GitError> {
        self.output(arguments, None, &[])
    }

    fn output(&self, arguments: &[&str], index: Option<&Path>, input: &[u8]) -> Result<Vec<u8>, GitError> {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.root).args(QUIET).args(arguments);
        command.stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
        command.env_remove("GIT_EXTERNAL_DIFF");
        if let Some(index) = index {
            command.env("GIT_INDEX_FILE", index);
        }
        let mut child = command.spawn().map_err(GitError::Missing)?;
        if let Some(mut stdin) = child.stdin.take() {
            // Whoever does not read it to its end says why.
            let _ = stdin.write_all(input);
        }
        let output = child.wait_with_output().map_err(GitError::Missing)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let message = String::from_utf8_lossy(&output.stderr);
        let message = message.lines().next().unwrap_or("it failed").trim_start_matches("fatal: ").to_owned();
        Err(GitError::Failed { command: arguments.first().copied().unwrap_or_default().to_owned(), message })
    }
}

/// Files of one commit or tree, written out where they are needed.
#[derive(Debug)]
pub struct Exported {
    index: PathBuf,
    tree: PathBuf,
}

impl Exported {
    /// The folder that the files are in.
    pub fn tree(&self) -> &Path {
        &self.tree
    }

    /// Writes all files.
    pub fn bring_all(&self, repository: &Repository) -> Result<(), GitError> {
        self.checkout(repository, &["--all"], &[])
    }

    /// Writes the files at `paths`, which the commit or tree has.
    pub fn bring<'a>(
        &self,
        repository: &Repository,
        paths: impl IntoIterator<Item = &'a String>,
    ) -> Result<(), GitError> {
        let listed: Vec<u8> = paths.into_iter().flat_map(|path| path.bytes().chain([0])).collect();
        if listed.is_empty() { Ok(()) } else { self.checkout(repository, &["-z", "--stdin"], &listed) }
    }

    fn checkout(&self, repository: &Repository, which: &[&str], input: &[u8]) -> Result<(), GitError> {
        // The prefix is put before each path as it is.
        let prefix = format!("--prefix={}/", self.tree.display());
        let arguments = [&["checkout-index", "--quiet", "--force", &prefix], which].concat();
        repository.output(&arguments, Some(&self.index), input).map(|_| ())
    }
}

fn texts(output: &[u8]) -> impl Iterator<Item = String> + '_ {
    output
        .split(|byte| *byte == 0)
        .filter(|part| !part.is_empty())
        .map(|part| String::from_utf8_lossy(part).into_owned())
}

/// What `git diff --raw -z` and `git diff -U0` say of the same two versions.
pub fn read_changes(raw: &[u8], patch: &[u8]) -> Vec<Change> {
    let mut changes = raw_changes(raw);
    for (change, lines) in changes.iter_mut().zip(hunks(patch)) {
        change.lines = lines;
    }
    changes
}

/// `:100644 100644 abc def R087\0before\0after\0`, and so on.
fn raw_changes(output: &[u8]) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut parts = texts(output);
    while let Some(head) = parts.next() {
        let status = head.rsplit(' ').next().unwrap_or_default().chars().next().unwrap_or('M');
        let Some(path) = parts.next() else { break };
        let (path, before) = match status {
            'R' | 'C' => match parts.next() {
                Some(after) => (after, (status == 'R').then_some(path)),
                None => break,
            },
            _ => (path, None),
        };
        changes.push(Change { path, before, deleted: status == 'D', lines: Vec::new() });
    }
    changes
}

/// The changed lines of each file of a patch without context, in its order.
fn hunks(patch: &[u8]) -> Vec<Vec<(u32, u32)>> {
    let mut files: Vec<Vec<(u32, u32)>> = Vec::new();
    for line in patch.split(|byte| *byte == b'\n') {
        // Lines of content begin with a sign or a space.
        if line.starts_with(b"diff --git ") {
            files.push(Vec::new());
        } else if line.starts_with(b"@@ ")
            && let Some(range) = later_range(&String::from_utf8_lossy(line))
            && let Some(file) = files.last_mut()
        {
            file.push(range);
        }
    }
    files
}

/// `@@ -3,2 +4,5 @@`: 4, 5. Where lines were only taken away, the line before and the one behind the gap.
fn later_range(header: &str) -> Option<(u32, u32)> {
    let range = header.split(' ').find_map(|part| part.strip_prefix('+'))?;
    let (first, count) = range.split_once(',').unwrap_or((range, "1"));
    let (first, count): (u32, u32) = (first.parse().ok()?, count.parse().ok()?);
    Some(if count == 0 { (first, 2) } else { (first, count) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_with_renames_are_read() {
        let raw = b":100644 100644 aa bb M\0src/a b.py\0:100644 100644 cc dd R087\0old.py\0new.py\0:100644 000000 ee ff D\0gone.py\0";
        let changes = raw_changes(raw);
        let names: Vec<(&str, Option<&str>, bool)> =
            changes.iter().map(|change| (change.path.as_str(), change.before.as_deref(), change.deleted)).collect();
        assert_eq!(names, [("src/a b.py", None, false), ("new.py", Some("old.py"), false), ("gone.py", None, true)]);
    }

    #[test]
    fn hunks_are_those_of_their_file() {
        let patch = b"diff --git a/x b/x\n@@ -1,0 +2,3 @@\n+diff --git a/y b/y\n@@ -9,2 +11,0 @@\ndiff --git a/z b/z\n@@ -1 +1 @@\n";
        assert_eq!(hunks(patch), [vec![(2, 3), (11, 2)], vec![(1, 1)]]);
    }
}

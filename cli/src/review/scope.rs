//! What is to be reviewed: a branch, a range, a commit, a pull request, or files as they are.

use std::path::{Path, PathBuf};

use crate::git::{GitError, Repository};

/// What a person asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The current branch, with work that is not committed, against where it left the default branch.
    Branch,
    /// From one version to another; `since_merge_base`: only what the second did (`A...B`).
    Range {
        base: String,
        head: String,
        since_merge_base: bool,
    },
    Commit(String),
    /// A pull or merge request, by the reference under which the remote offers it.
    Request {
        remote: String,
        reference: String,
    },
    /// Files and folders as they are.
    Paths(Vec<PathBuf>),
}

impl Scope {
    /// Reads the arguments of `review`.
    pub fn parse(arguments: &[String]) -> Result<Scope, String> {
        match arguments {
            [] => Ok(Scope::Branch),
            [only] => Scope::of_one(only),
            many => {
                let missing = many.iter().find(|path| !Path::new(path).exists());
                match missing {
                    Some(path) => Err(format!("{path}: no such file or folder; several arguments must be paths")),
                    None => Ok(Scope::Paths(many.iter().map(PathBuf::from).collect())),
                }
            }
        }
    }

    fn of_one(text: &str) -> Result<Scope, String> {
        if let Some(number) = text.strip_prefix('#') {
            let reference =
                request("pull", number).ok_or_else(|| format!("`{text}` is no number of a pull request"))?;
            return Ok(Scope::Request { remote: "origin".to_owned(), reference });
        }
        if let Some(request) = of_url(text) {
            return Ok(request);
        }
        if Path::new(text).exists() {
            return Ok(Scope::Paths(vec![PathBuf::from(text)]));
        }
        for (separator, since_merge_base) in [("...", true), ("..", false)] {
            if let Some((base, head)) = text.split_once(separator) {
                let or_head = |side: &str| if side.is_empty() { "HEAD".to_owned() } else { side.to_owned() };
                return Ok(Scope::Range { base: or_head(base), head: or_head(head), since_merge_base });
            }
        }
        Ok(Scope::Commit(text.to_owned()))
    }

    /// The two versions that are compared. Of paths there is but one.
    pub fn versions(&self, repository: &Repository) -> Result<Versions, GitError> {
        let merged = |head: &str| -> Result<(String, String), GitError> {
            let branch = repository.default_branch()?;
            Ok((repository.merge_base(&branch, head)?, branch))
        };
        Ok(match self {
            Scope::Branch | Scope::Paths(_) => {
                let head = repository.commit("HEAD")?;
                let (base, branch) = merged(&head)?;
                Versions { base, head: None, shown: format!("the work tree against {branch}") }
            }
            Scope::Range { base, head, since_merge_base } => {
                let (from, to) = (repository.commit(base)?, repository.commit(head)?);
                let from = if *since_merge_base { repository.merge_base(&from, &to)? } else { from };
                let dots = if *since_merge_base { "..." } else { ".." };
                Versions { base: from, head: Some(to), shown: format!("{base}{dots}{head}") }
            }
            Scope::Commit(name) => {
                let commit = repository.commit(name)?;
                let base = match repository.parent(&commit) {
                    Some(parent) => parent,
                    None => repository.empty_tree()?,
                };
                Versions { base, head: Some(commit), shown: format!("commit {name}") }
            }
            Scope::Request { remote, reference } => {
                let commit = repository.fetch(remote, reference)?;
                let (base, branch) = merged(&commit)?;
                Versions { base, head: Some(commit), shown: format!("{reference} against {branch}") }
            }
        })
    }
}

/// What is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    pub base: String,
    /// None: the work tree.
    pub head: Option<String>,
    /// For people.
    pub shown: String,
}

fn request(kind: &str, number: &str) -> Option<String> {
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("refs/{kind}/{number}/head"))
}

/// `https://host/owner/name/pull/7`, `https://host/group/name/-/merge_requests/7`.
fn of_url(text: &str) -> Option<Scope> {
    if !text.starts_with("https://") && !text.starts_with("http://") {
        return None;
    }
    for (marker, kind) in [("/-/merge_requests/", "merge-requests"), ("/pull/", "pull"), ("/pulls/", "pull")] {
        if let Some((repository, rest)) = text.split_once(marker) {
            let number = rest.split(['/', '?', '#']).next().unwrap_or_default();
            return Some(Scope::Request { remote: repository.to_owned(), reference: request(kind, number)? });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        Scope::parse(&[text.to_owned()]).expect("a scope")
    }

    #[test]
    fn arguments_say_what_is_reviewed() {
        let range = |base: &str, head: &str, since_merge_base| Scope::Range {
            base: base.to_owned(),
            head: head.to_owned(),
            since_merge_base,
        };
        assert_eq!(Scope::parse(&[]), Ok(Scope::Branch));
        assert_eq!(scope("v1..v2"), range("v1", "v2", false));
        assert_eq!(scope("main..."), range("main", "HEAD", true));
        assert_eq!(scope("4f2a"), Scope::Commit("4f2a".to_owned()));
        let request = |remote: &str, reference: &str| Scope::Request {
            remote: remote.to_owned(),
            reference: reference.to_owned(),
        };
        assert_eq!(scope("#12"), request("origin", "refs/pull/12/head"));
        assert_eq!(scope("https://github.com/a/b/pull/7/files"), request("https://github.com/a/b", "refs/pull/7/head"));
        assert_eq!(
            scope("https://gitlab.com/a/b/-/merge_requests/3"),
            request("https://gitlab.com/a/b", "refs/merge-requests/3/head")
        );
        assert!(Scope::parse(&["#x".to_owned()]).is_err());
    }
}

//! Imports, and the names that packages go by.

use tree_sitter::Node;

use super::Lower;
use crate::tree;

impl<'s> Lower<'s> {
    pub(super) fn imports(&mut self, root: Node<'_>) {
        let mut unnamed: Vec<&'s str> = Vec::new();
        for declaration in tree::parts(root).into_iter().filter(|node| node.kind() == "import_declaration") {
            let mut specs = Vec::new();
            for child in tree::parts(declaration) {
                match child.kind() {
                    "import_spec" => specs.push(child),
                    "import_spec_list" => specs.extend(tree::parts(child)),
                    _ => {}
                }
            }
            for spec in specs {
                let Some(path) = spec.child_by_field_name("path") else { continue };
                let path = self.text(path).trim_matches(['"', '`']);
                match spec.child_by_field_name("name").map(|name| self.text(name)) {
                    Some("_") => {}
                    Some(".") => self.to.import_glob(path),
                    Some(name) => self.import(name, path),
                    None => unnamed.push(path),
                }
            }
        }
        // What a package calls itself stands in its own files; its path says it nearly always. The likely names come first.
        let names: Vec<Vec<String>> = unnamed.iter().map(|path| package_names(path)).collect();
        for rank in 0..names.iter().map(Vec::len).max().unwrap_or(0) {
            for (path, names) in unnamed.iter().zip(&names) {
                if let Some(name) = names.get(rank)
                    && self.to.lookup(name).is_none()
                    && (rank == 0 || self.is_qualifier(name))
                {
                    self.import(name, path);
                }
            }
        }
    }

    fn import(&mut self, name: &str, path: &'s str) {
        let var = self.to.import(name, path, "");
        self.packages.insert(var, path);
    }

    /// Whether the file has `name.` somewhere.
    fn is_qualifier(&self, name: &str) -> bool {
        self.source.match_indices(name).any(|(at, _)| {
            let before = self.source[..at].chars().next_back();
            self.source[at + name.len()..].starts_with('.')
                && !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.'))
        })
    }
}

/// The names that a package at `path` may have, the likeliest first: `go-redis/v9` is `redis`, `kafka-go` is `kafka`.
fn package_names(path: &str) -> Vec<String> {
    let mut segments: Vec<&str> = path.split('/').collect();
    let mut major = None;
    if segments.len() > 1 && segments.last().is_some_and(|last| is_major(last)) {
        major = segments.pop();
    }
    let last = segments.last().copied().unwrap_or(path);
    // `gopkg.in/yaml.v3`
    let last = match last.rsplit_once('.') {
        Some((name, version)) if is_major(version) => name,
        _ => last,
    };
    let mut names: Vec<String> = Vec::new();
    let mut add = |name: &str| {
        let plain = name.replace(['-', '.'], "");
        if !plain.is_empty() && !names.contains(&plain) {
            names.push(plain);
        }
    };
    let bare = last
        .strip_prefix("go-")
        .or_else(|| last.strip_prefix("golang-"))
        .or_else(|| last.strip_suffix("-go"))
        .or_else(|| last.strip_suffix(".go"))
        .unwrap_or(last);
    add(bare);
    add(last);
    if let Some(part) = last.rsplit(['-', '.']).next() {
        add(part);
    }
    if let Some(part) = last.split(['-', '.']).next() {
        add(part);
    }
    // `go.etcd.io/etcd/client/v3` is `clientv3`.
    if let Some(major) = major {
        add(&format!("{last}{major}"));
    }
    names
}

/// `v2`, `v10`.
fn is_major(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::package_names;

    #[test]
    fn packages_go_by_their_paths() {
        assert_eq!(package_names("database/sql")[0], "sql");
        assert_eq!(package_names("github.com/redis/go-redis/v9")[0], "redis");
        assert_eq!(package_names("github.com/segmentio/kafka-go")[0], "kafka");
        assert_eq!(package_names("gopkg.in/yaml.v3")[0], "yaml");
        assert!(package_names("go.etcd.io/etcd/client/v3").contains(&"clientv3".to_owned()));
    }
}

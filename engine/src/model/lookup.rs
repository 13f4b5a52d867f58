//! Patterns by their last segment, so that a path is tried against few of them.

use rustc_hash::FxHashMap;

use super::pattern::Pattern;

/// Patterns by their last segment; those that end in a wildcard are tried always.
#[derive(Debug)]
pub(super) struct Lookup<T> {
    pub(super) by_last: FxHashMap<String, Vec<(Pattern, T)>>,
    pub(super) open: Vec<(Pattern, T)>,
}

impl<T> Default for Lookup<T> {
    fn default() -> Self {
        Lookup { by_last: FxHashMap::default(), open: Vec::new() }
    }
}

impl<T: Clone> Lookup<T> {
    pub(super) fn add(&mut self, pattern: Pattern, value: T) {
        match pattern.last().map(str::to_owned) {
            Some(last) => self.by_last.entry(last).or_default().push((pattern, value)),
            None => self.open.push((pattern, value)),
        }
    }

    pub(super) fn add_all(&mut self, patterns: &[Pattern], value: &T) {
        for pattern in patterns {
            self.add(pattern.clone(), value.clone());
        }
    }

    pub(super) fn candidates(&self, path: &str) -> impl Iterator<Item = &(Pattern, T)> {
        let last = path.rsplit('.').next().unwrap_or(path);
        self.by_last.get(last).into_iter().flatten().chain(&self.open)
    }

    pub(super) fn of(&self, path: &str) -> impl Iterator<Item = &T> {
        self.candidates(path).filter(move |(pattern, _)| pattern.matches(path)).map(|(_, value)| value)
    }
}

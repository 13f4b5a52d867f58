//! Patterns by their ends, so that a path is tried against few of them.

use rustc_hash::FxHashMap;

use super::pattern::{Pattern, first_segment};

/// Patterns with what each says, in the order in which they were added.
#[derive(Debug)]
pub(super) struct Lookup<T> {
    entries: Vec<(Pattern, T)>,
    by_last: FxHashMap<String, ByFirst>,
    /// Those that end in a wildcard.
    open: ByFirst,
}

/// A set of patterns.
pub(super) type Patterns = Lookup<()>;

/// Numbers of entries by the first segment of their pattern, ascending.
#[derive(Debug, Default)]
struct ByFirst {
    named: FxHashMap<String, Vec<u32>>,
    /// Those that begin with a wildcard.
    any: Vec<u32>,
}

impl<T> Default for Lookup<T> {
    fn default() -> Self {
        Lookup { entries: Vec::new(), by_last: FxHashMap::default(), open: ByFirst::default() }
    }
}

impl<T> Lookup<T> {
    pub(super) fn add(&mut self, pattern: Pattern, value: T) {
        let number = self.entries.len() as u32;
        let ending = match pattern.last() {
            Some(last) => self.by_last.entry(last.to_owned()).or_default(),
            None => &mut self.open,
        };
        match pattern.first() {
            Some(first) => ending.named.entry(first.to_owned()).or_default().push(number),
            None => ending.any.push(number),
        }
        self.entries.push((pattern, value));
    }

    /// What the patterns that match the whole of `path` say: first those that name its last segment.
    pub(super) fn of(&self, path: &str) -> impl Iterator<Item = &T> {
        self.anchored(self.by_last.get(last_segment(path)), path).chain(self.anchored(Some(&self.open), path))
    }

    /// Likewise, only those that name the last segment.
    pub(super) fn of_named(&self, path: &str) -> impl Iterator<Item = &T> {
        self.anchored(self.by_last.get(last_segment(path)), path)
    }

    /// What the patterns that match the end of `path` say.
    pub(super) fn of_end(&self, path: &str) -> impl Iterator<Item = &T> {
        let sets = self.by_last.get(last_segment(path)).into_iter().chain([&self.open]);
        let numbers = sets.flat_map(|set| set.named.values().flatten().chain(&set.any));
        let entries = numbers.map(|number| &self.entries[*number as usize]);
        entries.filter(move |(pattern, _)| pattern.matches_end(path)).map(|(_, value)| value)
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        self.of(path).next().is_some()
    }

    fn anchored(&self, set: Option<&ByFirst>, path: &str) -> impl Iterator<Item = &T> {
        let numbers = set.into_iter().flat_map(|set| set.beginning(first_segment(path)));
        let entries = numbers.map(|number| &self.entries[number as usize]);
        entries.filter(move |(pattern, _)| pattern.matches(path)).map(|(_, value)| value)
    }
}

impl<T: Clone> Lookup<T> {
    pub(super) fn add_all(&mut self, patterns: &[Pattern], value: &T) {
        for pattern in patterns {
            self.add(pattern.clone(), value.clone());
        }
    }
}

impl Patterns {
    pub(super) fn extend(&mut self, patterns: impl IntoIterator<Item = Pattern>) {
        patterns.into_iter().for_each(|pattern| self.add(pattern, ()));
    }
}

impl ByFirst {
    /// The numbers of those that may begin with the segment, ascending.
    fn beginning(&self, first: &str) -> impl Iterator<Item = u32> {
        let mut named = self.named.get(first).map_or(&[][..], Vec::as_slice);
        let mut any = self.any.as_slice();
        std::iter::from_fn(move || {
            let next = match (named.first(), any.first()) {
                (Some(one), Some(other)) if one < other => &mut named,
                (Some(_), None) => &mut named,
                _ => &mut any,
            };
            let (first, rest) = next.split_first()?;
            *next = rest;
            Some(*first)
        })
    }
}

fn last_segment(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_first_is_found_first() {
        let mut lookup = Lookup::default();
        for (number, text) in ["*.Client.get", "redis.Redis.get", "redis.**", "**.get", "pg.get"].iter().enumerate() {
            lookup.add_all(&Pattern::parse(text), &number);
        }
        let of = |path: &str| lookup.of(path).copied().collect::<Vec<_>>();
        assert_eq!(of("redis.Redis.get"), [1, 3, 2]);
        assert_eq!(of("redis.Client.get"), [0, 3, 2]);
        assert_eq!(of("redis.Client.set"), [2]);
        assert!(of("pg.set").is_empty());
        assert_eq!(lookup.of_named("redis.Client.set").count(), 0);
        let mut at_end: Vec<usize> = lookup.of_end("a.pg.get").copied().collect();
        at_end.sort_unstable();
        assert_eq!(at_end, [3, 4]);
    }
}

//! Patterns by their ends, so that a path is tried against few of them.

use rustc_hash::FxHashMap;

use super::pattern::{Pattern, first_segment};

/// Patterns with what each says, in the order in which they were added.
#[derive(Debug)]
pub(super) struct Lookup<T> {
    entries: Vec<(Pattern, T)>,
    /// Numbers of those without a wildcard, by their text.
    whole: FxHashMap<String, Vec<u32>>,
    /// The others that end in plain text, by it.
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
        Lookup {
            entries: Vec::new(),
            whole: FxHashMap::default(),
            by_last: FxHashMap::default(),
            open: ByFirst::default(),
        }
    }
}

impl<T> Lookup<T> {
    pub(super) fn add(&mut self, pattern: Pattern, value: T) {
        let number = self.entries.len() as u32;
        if let Some(text) = pattern.literal() {
            self.whole.entry(text).or_default().push(number);
        } else {
            let ending = match pattern.last() {
                Some(last) => self.by_last.entry(last.to_owned()).or_default(),
                None => &mut self.open,
            };
            match pattern.first() {
                Some(first) => ending.named.entry(first.to_owned()).or_default().push(number),
                None => ending.any.push(number),
            }
        }
        self.entries.push((pattern, value));
    }

    /// What the patterns that match the whole of `path` say: first those that name its last segment.
    pub(super) fn of(&self, path: &str) -> impl Iterator<Item = &T> {
        self.of_named(path).chain(self.anchored(Some(&self.open), &[], path))
    }

    /// Likewise, only those that name the last segment.
    pub(super) fn of_named(&self, path: &str) -> impl Iterator<Item = &T> {
        let whole = self.whole.get(path).map_or(&[][..], Vec::as_slice);
        self.anchored(self.by_last.get(last_segment(path)), whole, path)
    }

    /// What the patterns that match the end of `path` say.
    pub(super) fn of_end(&self, path: &str) -> impl Iterator<Item = &T> {
        let dots = path.match_indices('.').map(|(at, _)| at + 1);
        let whole = std::iter::once(0).chain(dots).filter_map(|at| self.whole.get(&path[at..])).flatten();
        let sets = self.by_last.get(last_segment(path)).into_iter().chain([&self.open]);
        let numbers = sets.flat_map(|set| set.named.values().flatten().chain(&set.any));
        let others = numbers.filter(|number| self.entries[**number as usize].0.matches_end(path));
        whole.chain(others).map(|number| &self.entries[*number as usize].1)
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        self.of(path).next().is_some()
    }

    /// What those say that have no wildcard and are the path (`whole`), and those of a set that match it, as they were added.
    fn anchored<'a>(&'a self, set: Option<&'a ByFirst>, whole: &'a [u32], path: &str) -> impl Iterator<Item = &'a T> {
        let (named, any) = set.map_or((&[][..], &[][..]), |set| set.beginning(first_segment(path)));
        let numbers = ascending(whole, ascending(named, any.iter().copied()));
        let fits = move |number: &u32| whole.contains(number) || self.entries[*number as usize].0.matches(path);
        numbers.filter(fits).map(|number| &self.entries[number as usize].1)
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
    /// The numbers of those that begin with the segment, and of those that may begin with any.
    fn beginning(&self, first: &str) -> (&[u32], &[u32]) {
        (self.named.get(first).map_or(&[][..], Vec::as_slice), &self.any)
    }
}

/// Two ascending lists as one.
fn ascending(mut one: &[u32], other: impl Iterator<Item = u32>) -> impl Iterator<Item = u32> {
    let mut other = other.peekable();
    std::iter::from_fn(move || match (one.split_first(), other.peek()) {
        (Some((first, rest)), next) if next.is_none_or(|next| first < next) => {
            one = rest;
            Some(*first)
        }
        _ => other.next(),
    })
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

//! Patterns over qualified names: `redis.Redis.{get,mget}`, `*.findUnique`, `django.**.delay`.

/// A compiled pattern; braces are expanded into several of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Text(String),
    /// `*`: one segment.
    One,
    /// `**`: any number of segments.
    Any,
    /// A segment with a `*` inside, as `post*`: prefix and suffix.
    Part(String, String),
}

impl Pattern {
    /// All patterns that `text` stands for, braces expanded.
    pub fn parse(text: &str) -> Vec<Pattern> {
        expand(text).iter().map(|text| Pattern { segments: text.split('.').map(segment).collect() }).collect()
    }

    /// The last segment, if it is plain text: what patterns are looked up by.
    pub fn last(&self) -> Option<&str> {
        match self.segments.last() {
            Some(Segment::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The first segment, if it is plain text.
    pub(super) fn first(&self) -> Option<&str> {
        match self.segments.first() {
            Some(Segment::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The text if the pattern has no wildcard.
    pub fn literal(&self) -> Option<String> {
        let texts: Option<Vec<&str>> = self
            .segments
            .iter()
            .map(|segment| match segment {
                Segment::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        texts.map(|texts| texts.join("."))
    }

    /// The names that are plain text up to a segment: `a.b` and `a.b.c` of `a.b.c.*`.
    pub fn prefixes(&self) -> Vec<String> {
        let mut prefixes: Vec<String> = Vec::new();
        for segment in &self.segments {
            let Segment::Text(text) = segment else { break };
            prefixes.push(match prefixes.last() {
                Some(before) => format!("{before}.{text}"),
                None => text.clone(),
            });
        }
        prefixes
    }

    pub fn matches(&self, path: &str) -> bool {
        matches(&self.segments, Some(path))
    }

    /// Whether the pattern matches the last segments of `path`.
    pub fn matches_end(&self, path: &str) -> bool {
        let mut left = Some(path);
        while let Some(path) = left {
            if matches(&self.segments, left) {
                return true;
            }
            left = split_first(path).1;
        }
        false
    }
}

pub(super) fn first_segment(path: &str) -> &str {
    split_first(path).0
}

/// The first segment of a path, and what is left if there are more.
fn split_first(path: &str) -> (&str, Option<&str>) {
    match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    }
}

fn segment(text: &str) -> Segment {
    match text {
        "*" => Segment::One,
        "**" => Segment::Any,
        _ => match text.split_once('*') {
            Some((before, after)) => Segment::Part(before.to_owned(), after.to_owned()),
            None => Segment::Text(text.to_owned()),
        },
    }
}

/// `path`: none if all its segments are matched.
fn matches(segments: &[Segment], path: Option<&str>) -> bool {
    let Some((segment, rest)) = segments.split_first() else { return path.is_none() };
    if *segment == Segment::Any {
        let mut left = path;
        while let Some(path) = left {
            if matches(rest, left) {
                return true;
            }
            left = split_first(path).1;
        }
        return matches(rest, None);
    }
    let Some(path) = path else { return false };
    let (first, tail) = split_first(path);
    let fits = match segment {
        Segment::Text(text) => text == first,
        Segment::Part(before, after) => {
            first.len() >= before.len() + after.len()
                && first.starts_with(before.as_str())
                && first.ends_with(after.as_str())
        }
        Segment::One | Segment::Any => true,
    };
    fits && matches(rest, tail)
}

/// `a.{b,c}.d` → `a.b.d`, `a.c.d`.
fn expand(text: &str) -> Vec<String> {
    let Some(open) = text.find('{') else { return vec![text.to_owned()] };
    let Some(close) = text[open..].find('}').map(|at| at + open) else { return vec![text.to_owned()] };
    let (before, inner, after) = (&text[..open], &text[open + 1..close], &text[close + 1..]);
    inner.split(',').flat_map(|part| expand(&format!("{before}{}{after}", part.trim()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, path: &str) -> bool {
        Pattern::parse(pattern).iter().any(|pattern| pattern.matches(path))
    }

    #[test]
    fn wildcards_and_braces() {
        assert!(fits("redis.Redis.{get,set}", "redis.Redis.set"));
        assert!(!fits("redis.Redis.{get,set}", "redis.Redis.delete"));
        assert!(fits("a.*.c", "a.b.c"));
        assert!(!fits("a.*.c", "a.b.b.c"));
        assert!(fits("a.**.c", "a.c") && fits("a.**.c", "a.b.b.c"));
        assert!(fits("a.find*", "a.findMany"));
        assert!(Pattern::parse("*.findUnique")[0].matches_end("x.y.order.findUnique"));
    }
}

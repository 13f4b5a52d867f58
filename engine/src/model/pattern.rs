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
        let path: Vec<&str> = path.split('.').collect();
        matches(&self.segments, &path)
    }

    /// Whether the pattern matches the last segments of `path`.
    pub fn matches_end(&self, path: &str) -> bool {
        let path: Vec<&str> = path.split('.').collect();
        (0..path.len()).any(|start| matches(&self.segments, &path[start..]))
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

fn matches(segments: &[Segment], path: &[&str]) -> bool {
    match (segments.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((Segment::Any, rest)), _) => (0..=path.len()).any(|skip| matches(rest, &path[skip..])),
        (Some((segment, rest)), Some((first, tail))) => {
            let fits = match segment {
                Segment::Text(text) => text == first,
                Segment::One => true,
                Segment::Part(before, after) => {
                    first.len() >= before.len() + after.len()
                        && first.starts_with(before.as_str())
                        && first.ends_with(after.as_str())
                }
                Segment::Any => unreachable!("matched above"),
            };
            fits && matches(rest, tail)
        }
        _ => false,
    }
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

//! XML as a run of tags and text. What is not closed, or not opened, is taken as it stands.

use std::borrow::Cow;

/// A tag, or what stands between tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part<'t> {
    Text(Cow<'t, str>),
    /// `closed`: it holds nothing (`<include refid="columns"/>`).
    Open {
        name: &'t str,
        attributes: &'t str,
        closed: bool,
    },
    Close(&'t str),
}

/// The parts of a text in order, each with the byte at which it begins. Comments and declarations are none.
#[derive(Clone, Debug)]
pub(crate) struct Parts<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Parts<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Parts { text, at: 0 }
    }
}

impl<'t> Iterator for Parts<'t> {
    type Item = (usize, Part<'t>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let start = self.at;
            let rest = &self.text[start..];
            if rest.is_empty() {
                return None;
            }
            let until = |mark: &str, from: usize| rest[from..].find(mark).map(|at| (from + at, from + at + mark.len()));
            if rest.starts_with("<!--") {
                self.at += until("-->", 4).map_or(rest.len(), |(_, end)| end);
                continue;
            }
            if let Some(inner) = rest.strip_prefix("<![CDATA[") {
                let (inner, length) = match until("]]>", 9) {
                    Some((close, end)) => (&rest[9..close], end),
                    None => (inner, rest.len()),
                };
                self.at += length;
                return Some((start, Part::Text(Cow::Borrowed(inner))));
            }
            if rest.starts_with("<?") || rest.starts_with("<!") {
                self.at += until(">", 2).map_or(rest.len(), |(_, end)| end);
                continue;
            }
            if is_tag(rest)
                && let Some(end) = end_of_tag(rest)
            {
                self.at += end;
                return Some((start, tag(&rest[1..end - 1])));
            }
            // A `<` that begins no tag is text.
            let text = match rest[1..].find('<') {
                Some(next) => &rest[..1 + next],
                None => rest,
            };
            self.at += text.len();
            return Some((start, Part::Text(without_entities(text))));
        }
    }
}

fn is_tag(rest: &str) -> bool {
    rest.strip_prefix('<').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/'))
}

/// The length of the tag at the beginning of `rest`; a `>` in the text of an attribute ends none.
fn end_of_tag(rest: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            b'"' | b'\'' if quote.is_none() => quote = Some(byte),
            _ if quote == Some(byte) => quote = None,
            b'>' if quote.is_none() => return Some(at + 1),
            _ => {}
        }
    }
    None
}

fn tag(inner: &str) -> Part<'_> {
    if let Some(name) = inner.strip_prefix('/') {
        return Part::Close(name.trim());
    }
    let (inner, closed) = match inner.strip_suffix('/') {
        Some(inner) => (inner, true),
        None => (inner, false),
    };
    let length = inner.find(char::is_whitespace).unwrap_or(inner.len());
    Part::Open { name: &inner[..length], attributes: &inner[length..], closed }
}

/// The text that the attributes of a tag give under a name.
pub(crate) fn attribute<'t>(attributes: &'t str, name: &str) -> Option<&'t str> {
    let mut rest = attributes;
    loop {
        let (key, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, next) = after[1..].split_once(quote)?;
        if key.trim() == name {
            return Some(value);
        }
        rest = next;
    }
}

fn without_entities(text: &str) -> Cow<'_, str> {
    const ENTITIES: &[(&str, &str)] =
        &[("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(ENTITIES.iter().fold(text.to_owned(), |text, (entity, plain)| text.replace(entity, plain)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_text_and_what_is_neither() {
        let text = "<a x='1 > 0' y = \"2\">b &lt; c<!-- <d> --><![CDATA[ <e> ]]><f/></a> 1 < 2 <open";
        let parts: Vec<Part<'_>> = Parts::new(text).map(|(_, part)| part).collect();
        let Part::Open { name: "a", attributes, closed: false } = parts[0] else { panic!("{parts:?}") };
        assert_eq!(attribute(attributes, "y"), Some("2"));
        assert_eq!(attribute(attributes, "z"), None);
        assert_eq!(parts[1], Part::Text("b < c".into()));
        assert_eq!(parts[2], Part::Text(" <e> ".into()));
        assert_eq!(parts[3], Part::Open { name: "f", attributes: "", closed: true });
        assert_eq!(parts[4], Part::Close("a"));
        let rest: String = parts[5..].iter().map(|part| if let Part::Text(text) = part { text } else { "?" }).collect();
        assert_eq!(rest, " 1 < 2 <open");
    }
}

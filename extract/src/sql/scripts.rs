//! Statements with tags in them, as MyBatis has them: `UPDATE orders <set><if test="…">state = #{state},</if></set>`.

use std::borrow::Cow;

use crate::markup::{Part, Parts, attribute};

/// The statement of a script, `<script>…</script>`; any other text is as it was.
pub(super) fn without_tags(text: &str) -> Cow<'_, str> {
    match text.trim_start().strip_prefix("<script>") {
        Some(script) => Cow::Owned(rendered(script)),
        None => Cow::Borrowed(text),
    }
}

/// What a tag makes of what stands in it, from `start` of the text on.
struct Frame<'t> {
    name: &'t str,
    attributes: &'t str,
    start: usize,
    /// Of a choice: one of its ways was taken.
    taken: bool,
}

/// A script with all that it may hold: each condition, one element of each list, the first way of each choice.
fn rendered(script: &str) -> String {
    let mut out = String::with_capacity(script.len());
    let mut frames: Vec<Frame<'_>> = Vec::new();
    // Tags inside of one that is left out.
    let mut left_out = 0usize;
    for (_, part) in Parts::new(script) {
        match part {
            Part::Open { closed: false, .. } if left_out > 0 => left_out += 1,
            Part::Close(_) if left_out > 0 => left_out -= 1,
            _ if left_out > 0 => {}
            Part::Text(text) => out.push_str(&text),
            Part::Open { closed: true, .. } => out.push(' '),
            Part::Open { name, attributes, .. } => {
                let is_way = matches!(name, "when" | "otherwise");
                let choice = frames.last_mut().filter(|frame| is_way && frame.name == "choose");
                let is_other_way = choice.is_some_and(|frame| std::mem::replace(&mut frame.taken, true));
                if is_other_way || matches!(name, "selectKey" | "bind") {
                    left_out = 1;
                } else {
                    frames.push(Frame { name, attributes, start: out.len(), taken: false });
                }
            }
            Part::Close(name) => {
                while let Some(frame) = frames.pop() {
                    let inner = out.split_off(frame.start);
                    put(&mut out, &frame, inner.trim());
                    if frame.name == name {
                        break;
                    }
                }
            }
        }
    }
    while let Some(frame) = frames.pop() {
        let inner = out.split_off(frame.start);
        put(&mut out, &frame, inner.trim());
    }
    out.trim().to_owned()
}

fn put(out: &mut String, frame: &Frame<'_>, inner: &str) {
    let said = |name: &str| attribute(frame.attributes, name).unwrap_or("");
    let (before, inner, after) = match frame.name {
        "where" => ("where", without_ends(inner, "AND |OR ", ""), ""),
        "set" => ("set", without_ends(inner, "", ","), ""),
        "trim" => {
            (said("prefix"), without_ends(inner, said("prefixOverrides"), said("suffixOverrides")), said("suffix"))
        }
        "foreach" => (said("open"), inner, said("close")),
        _ => ("", inner, ""),
    };
    if !inner.is_empty() {
        for text in [" ", before, " ", inner, " ", after, " "] {
            out.push_str(text);
        }
    }
}

/// A text without one of the words that a `|` parts at its beginning, and one at its end.
fn without_ends<'t>(text: &'t str, first: &str, last: &str) -> &'t str {
    let begins = |word: &&str| text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    let first = first.split('|').filter(|word| !word.is_empty()).find(begins);
    let text = text[first.map_or(0, str::len)..].trim();
    let ends = |word: &&str| {
        let head = text.len().checked_sub(word.len());
        head.and_then(|head| text.get(head..)).is_some_and(|tail| tail.eq_ignore_ascii_case(word))
    };
    let last = last.split('|').map(str::trim).filter(|word| !word.is_empty()).find(ends);
    text[..text.len() - last.map_or(0, str::len)].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(script: &str) -> String {
        without_tags(&format!("<script>{script}</script>")).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn conditions_are_all_there_and_words_at_the_ends_go() {
        let update = "update orders <set><if test=\"a > 0\">state = #{a},</if></set>
            <where><if test='b'>AND id = #{b}</if> and n &lt; 3</where>";
        assert_eq!(plain(update), "update orders set state = #{a} where id = #{b} and n < 3");
        assert_eq!(plain("select 1 <where></where>"), "select 1");
        let trimmed = "insert into t <trim prefix=\"(\" suffix=\")\" suffixOverrides=\",\">a, b,</trim> values (1, 2)";
        assert_eq!(plain(trimmed), "insert into t ( a, b ) values (1, 2)");
    }

    #[test]
    fn one_way_of_a_choice_and_one_element_of_a_list() {
        let choice = "select * from t where <choose><when test=\"a\">a = 1</when><otherwise>b = 1</otherwise></choose>";
        assert_eq!(plain(choice), "select * from t where a = 1");
        let list = "delete from t where id in <foreach open=\"(\" close=\")\" separator=\",\">#{id}</foreach>";
        assert_eq!(plain(list), "delete from t where id in ( #{id} )");
        let key = "<selectKey keyProperty=\"id\">select last_insert_id()</selectKey>insert into t (a) values (1)";
        assert_eq!(plain(key), "insert into t (a) values (1)");
    }
}

//! Literals, and text that is made of parts.

use distsys_facts::{LiteralKind, VarId};
use tree_sitter::Node;

use super::Lower;
use crate::tree;

impl<'s> Lower<'s> {
    /// A number in plain notation.
    pub(super) fn number(&mut self, node: Node<'_>, sign: &str) -> VarId {
        let text = self.slice(node).replace('_', "");
        let float = node.kind().ends_with("floating_point_literal");
        if float {
            let plain = text.trim_end_matches(['f', 'F', 'd', 'D']);
            return self.to.literal(LiteralKind::Float, &format!("{sign}{plain}"));
        }
        let plain = text.trim_end_matches(['l', 'L']);
        let (digits, radix) = match node.kind() {
            "hex_integer_literal" => (plain.trim_start_matches("0x").trim_start_matches("0X"), 16),
            "binary_integer_literal" => (plain.trim_start_matches("0b").trim_start_matches("0B"), 2),
            "octal_integer_literal" => (plain.trim_start_matches('0'), 8),
            _ => (plain, 10),
        };
        let value = u64::from_str_radix(digits, radix).map_or_else(|_| plain.to_owned(), |value| value.to_string());
        self.to.literal(LiteralKind::Integer, &format!("{sign}{value}"))
    }

    pub(super) fn string_literal(&mut self, node: Node<'_>) -> VarId {
        let text = self.string_text(node);
        self.to.string(&text)
    }

    /// The text of a literal without quotes; escapes are read, the indentation of a text block is taken off.
    pub(super) fn string_text(&self, node: Node<'_>) -> String {
        let raw = self.slice(node);
        let block = raw.strip_prefix("\"\"\"").and_then(|rest| rest.strip_suffix("\"\"\""));
        match block {
            Some(inner) => unescape(&without_indentation(inner)),
            None => unescape(raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(raw)),
        }
    }

    /// `"a" + x + "b"` as a template; none if no part of it is known to be text.
    pub(super) fn concatenation(&mut self, node: Node<'_>) -> Option<VarId> {
        let mut parts = Vec::new();
        let mut at = node;
        loop {
            let is_sum = at.kind() == "binary_expression"
                && at.child_by_field_name("operator").is_some_and(|operator| operator.kind() == "+");
            if !is_sum {
                parts.push(at);
                break;
            }
            parts.push(at.child_by_field_name("right")?);
            at = at.child_by_field_name("left")?;
        }
        parts.reverse();
        if !parts.iter().any(|part| part.kind() == "string_literal") {
            return None;
        }
        let (mut text, mut holes) = (String::new(), Vec::new());
        for part in parts {
            if part.kind() == "string_literal" {
                text.push_str(&self.string_text(part));
            } else {
                holes.push(self.expression(part));
                text.push_str("{}");
            }
        }
        Some(self.to.template(&text, &holes))
    }

    /// `String.format("… %s", x)`, `"… %s".formatted(x)`
    pub(super) fn formatted(&mut self, name: &str, object: Node<'_>, node: Node<'_>) -> Option<VarId> {
        let arguments = node.child_by_field_name("arguments").map(tree::parts)?;
        let (format, rest) = match name {
            "format" if self.slice(object) == "String" => {
                // A locale may stand first.
                let at = arguments.iter().take(2).position(|argument| argument.kind() == "string_literal")?;
                (arguments[at], &arguments[at + 1..])
            }
            "formatted" if object.kind() == "string_literal" => (object, arguments.as_slice()),
            _ => return None,
        };
        let text = self.string_text(format);
        let (text, count) = holes(&text);
        let mut values: Vec<VarId> = rest.iter().map(|argument| self.expression(*argument)).collect();
        values.resize_with(count, || self.to.fresh_var());
        Some(self.to.template(&text, &values))
    }
}

/// `%s` and its like as `{}`, with their number.
fn holes(format: &str) -> (String, usize) {
    let (mut text, mut count) = (String::with_capacity(format.len()), 0);
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        // Flags, width and precision, then the letter of the conversion.
        match chars.by_ref().find(|c| c.is_alphabetic() || *c == '%') {
            Some('%') => text.push('%'),
            Some('n') => text.push('\n'),
            Some('t' | 'T') => {
                chars.next();
                text.push_str("{}");
                count += 1;
            }
            Some(_) => {
                text.push_str("{}");
                count += 1;
            }
            None => {}
        }
    }
    (text, count)
}

fn without_indentation(block: &str) -> String {
    let body = block.split_once('\n').map_or(block, |(_, body)| body);
    let depth = body
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let lines: Vec<&str> = body.split('\n').map(|line| line.get(depth..).unwrap_or("").trim_end()).collect();
    lines.join("\n")
}

fn unescape(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => plain.push('\n'),
            Some('t') => plain.push('\t'),
            Some('r') => plain.push('\r'),
            Some('s') => plain.push(' '),
            // A line that goes on.
            Some('\n') => {}
            Some('u') => {
                let digits: String = chars.by_ref().skip_while(|c| *c == 'u').take(4).collect();
                plain.extend(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32));
            }
            Some(other) => plain.push(other),
            None => {}
        }
    }
    plain
}

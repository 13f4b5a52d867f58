//! Text to tokens.

use super::problem::{Pos, Problem, Texts};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    /// `.decl`, `.output`, …
    Directive(String),
    Number(i64),
    Text(String),
    Symbol(&'static str),
    /// The point that ends a clause.
    Stop,
    End,
}

/// Longer ones first.
const SYMBOLS: &[&str] = &[
    ":-", "<=", ">=", "!=", "<:", "(", ")", "{", "}", "[", "]", ",", ";", ":", "=", "<", ">", "!", "+", "-", "*", "/",
    "%", "^", "|", "_",
];

pub(super) fn lex(texts: &Texts, number: u32) -> Result<Vec<(Token, Pos)>, Problem> {
    let text = &texts.0[number as usize].1;
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    let pos = |at: usize| Pos { text: number, at: at as u32 };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'?');
    while at < bytes.len() {
        let start = at;
        let byte = bytes[at];
        if byte.is_ascii_whitespace() {
            at += 1;
        } else if text[at..].starts_with("//") {
            at = text[at..].find('\n').map_or(bytes.len(), |end| at + end);
        } else if text[at..].starts_with("/*") {
            let end = text[at + 2..].find("*/");
            at = end
                .map(|end| at + 2 + end + 2)
                .ok_or_else(|| Problem::at(texts, pos(start), "this comment is not closed; end it with `*/`"))?;
        } else if byte == b'"' {
            let (value, end) = string(texts, number, at)?;
            tokens.push((Token::Text(value), pos(start)));
            at = end;
        } else if byte.is_ascii_digit() {
            while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_') {
                at += 1;
            }
            let written = text[start..at].replace('_', "");
            let value = match written.get(..2) {
                Some("0x" | "0X") => i64::from_str_radix(&written[2..], 16).ok(),
                Some("0b" | "0B") => i64::from_str_radix(&written[2..], 2).ok(),
                _ => written.parse().ok(),
            };
            let value = value
                .filter(|value| *value <= i64::from(u32::MAX))
                .ok_or_else(|| Problem::at(texts, pos(start), format!("`{written}` is no number of 32 bits")))?;
            tokens.push((Token::Number(value), pos(start)));
        } else if byte == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic) && is_directive(text, at) {
            at += 1;
            while at < bytes.len() && is_name(bytes[at]) {
                at += 1;
            }
            tokens.push((Token::Directive(text[start + 1..at].to_owned()), pos(start)));
        } else if byte == b'.' {
            at += 1;
            tokens.push((Token::Stop, pos(start)));
        } else if byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'?') {
            while at < bytes.len() && is_name(bytes[at]) {
                at += 1;
            }
            let name = &text[start..at];
            let token = if name == "_" { Token::Symbol("_") } else { Token::Name(name.to_owned()) };
            tokens.push((token, pos(start)));
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| text[at..].starts_with(**symbol)) {
            at += symbol.len();
            tokens.push((Token::Symbol(symbol), pos(start)));
        } else {
            let c = text[at..].chars().next().unwrap_or(' ');
            return Err(Problem::at(texts, pos(at), format!("`{}` has no meaning here", c.escape_default())));
        }
    }
    tokens.push((Token::End, pos(bytes.len())));
    Ok(tokens)
}

/// Directives begin a line's statement; `r(x).s(x).` are two facts.
fn is_directive(text: &str, at: usize) -> bool {
    const KNOWN: &[&str] = &[
        "decl",
        "input",
        "output",
        "printsize",
        "type",
        "include",
        "pragma",
        "plan",
        "limitsize",
        "comp",
        "init",
        "functor",
        "once",
        "override",
        "number_type",
        "symbol_type",
        "lattice",
    ];
    let name: String = text[at + 1..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    KNOWN.contains(&name.as_str()) && !text[at + 1 + name.len()..].trim_start().starts_with('(')
}

fn string(texts: &Texts, number: u32, start: usize) -> Result<(String, usize), Problem> {
    let text = &texts.0[number as usize].1;
    let mut value = String::new();
    let mut chars = text[start + 1..].char_indices();
    while let Some((offset, c)) = chars.next() {
        match c {
            '"' => return Ok((value, start + 1 + offset + 1)),
            '\n' => break,
            '\\' => match chars.next().map(|(_, c)| c) {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some('r') => value.push('\r'),
                Some(c @ ('"' | '\\')) => value.push(c),
                // A pattern's own escape: `\d`.
                Some(c) => value.extend(['\\', c]),
                None => break,
            },
            c => value.push(c),
        }
    }
    let pos = Pos { text: number, at: start as u32 };
    Err(Problem::at(texts, pos, "this text is not closed; end it with `\"` on the same line"))
}

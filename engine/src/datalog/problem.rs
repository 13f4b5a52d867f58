//! What is wrong with a program, and where.

use std::fmt;

/// A place in one of the texts of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(super) struct Pos {
    /// Number of the text: the program, then what it includes.
    pub(super) text: u32,
    /// Byte offset.
    pub(super) at: u32,
}

/// The texts of a program by number, each with its name.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts(pub(super) Vec<(String, String)>);

/// An error with its place, an excerpt and, where there is one, the nearest that would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub message: String,
    /// Name of the text, line and column from 1, and the line; none for limits that were met.
    pub place: Option<(String, u32, u32, String)>,
}

impl Problem {
    pub(super) fn at(texts: &Texts, pos: Pos, message: impl Into<String>) -> Problem {
        let place = texts.0.get(pos.text as usize).map(|(name, text)| {
            let mut at = (pos.at as usize).min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
            let line = text[..at].matches('\n').count() as u32 + 1;
            let excerpt = text[start..].lines().next().unwrap_or_default().to_owned();
            (name.clone(), line, text[start..at].chars().count() as u32 + 1, excerpt)
        });
        Problem { message: message.into(), place }
    }

    pub(super) fn limit(message: impl Into<String>) -> Problem {
        Problem { message: message.into(), place: None }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((name, line, column, excerpt)) = &self.place else { return f.write_str(&self.message) };
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        let before: String =
            excerpt.chars().take(*column as usize - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        write!(
            f,
            "{message}\n{margin}--> {name}:{line}:{column}\n{margin} |\n{number} | {excerpt}\n{margin} | {before}^",
            message = self.message
        )
    }
}

impl std::error::Error for Problem {}

/// The one of `known` that is nearest to what was written, if one is near.
pub(super) fn nearest<'k>(written: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let distance = |name: &str| strsim::damerau_levenshtein(written, name);
    // Of names of one letter all are a letter apart.
    let close = |name: &&str| {
        let distance = distance(name);
        (distance <= 1 + written.len() / 4 && distance < written.len()) || name.eq_ignore_ascii_case(written)
    };
    // A letter left out is likelier than one mistaken.
    let left_out = |name: &str| {
        let mut letters = name.chars();
        written.chars().all(|letter| letters.any(|next| next == letter))
    };
    known.filter(close).min_by_key(|name| (distance(name), !left_out(name), name.len(), *name))
}

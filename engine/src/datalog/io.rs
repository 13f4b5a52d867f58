//! Relations from and to plain text: a row a line, columns between tabs (or what the directive says).

use super::ast::{Io, IoKind};
use super::problem::Problem;
use super::relation::{Database, Type};

impl Io {
    pub fn parameter(&self, key: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// What an input asks for that is not read here: rows come from plain text alone.
    pub(super) fn beyond(&self) -> Option<String> {
        if self.kind != IoKind::Input {
            return None;
        }
        let is = |key: &str, values: &[&str]| self.parameter(key).is_none_or(|value| values.contains(&value));
        if !is("IO", &["file", "stdin"]) {
            return Some("rows are read from files of text only, a row a line; leave `IO` out".to_owned());
        }
        let is_quoted = !is("rfc4180", &["false"]);
        is_quoted.then(|| "quotes of RFC 4180 are not in the subset that is read here; leave `rfc4180` out".to_owned())
    }

    /// The file that an input is read from, within the folder of facts.
    pub fn file(&self) -> String {
        self.parameter("filename").map_or_else(|| format!("{}.facts", self.relation), str::to_owned)
    }
}

/// Reads the rows of a directive's relation.
///
/// # Errors
/// A line that is no row of the relation, with its number.
pub fn read(database: &mut Database, directive: &Io, text: &str) -> Result<(), Problem> {
    let Some(number) = database.number(&directive.relation) else {
        return Err(Problem::limit(format!("there is no relation `{}` to read into", directive.relation)));
    };
    let delimiter = match directive.parameter("delimiter") {
        Some("\\t") | None => "\t",
        Some(delimiter) => delimiter,
    };
    let (relations, symbols) = database.parts();
    let relation = &mut relations[number];
    let types: Vec<Type> = relation.columns.iter().map(|column| column.type_).collect();
    let skipped = usize::from(directive.parameter("headers") == Some("true"));
    let mut row = Vec::with_capacity(types.len());
    for (line, written) in text.lines().enumerate().skip(skipped) {
        // An empty line is a row of no columns, or of one empty text.
        if written.is_empty() && types.len() > 1 {
            continue;
        }
        row.clear();
        let mut cells = written.split(delimiter);
        for (type_, column) in types.iter().zip(&relation.columns) {
            let problem = |what: &str| {
                let file = directive.file();
                Problem::limit(format!(
                    "{file}:{}: {what}; the column is `{}` of `{}`",
                    line + 1,
                    column.name,
                    relation.name
                ))
            };
            let cell = cells.next().ok_or_else(|| problem("the line has too few columns"))?;
            row.push(match type_ {
                Type::Symbol => symbols.intern(cell).0,
                Type::Number | Type::Id(_) => {
                    let signed = cell.trim().parse::<i32>().map(|number| number as u32);
                    signed
                        .or_else(|_| cell.trim().parse::<u32>())
                        .map_err(|_| problem(&format!("`{cell}` is no number")))?
                }
            });
        }
        if types.is_empty() || cells.next().is_none() {
            relation.insert(&row);
            continue;
        }
        return Err(Problem::limit(format!(
            "{}:{}: the line has too many columns for `{}`",
            directive.file(),
            line + 1,
            relation.name
        )));
    }
    Ok(())
}

//! Facts as text: Souffle's tab-separated `.facts` with the declarations, and JSON Lines.
//!
//! Ids are numbers (0: none), words their names, positions `line:column`, sets of flags joined by `|`.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::base::FactBase;
use crate::column::ColumnType;
use crate::ids::{IdKind, Position, Sym};
use crate::relation::{RelationSpec, RelationVisitor, Row};
use crate::schema::SPECS;

/// A way to write facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Tsv,
    JsonLines,
}

impl Format {
    /// The ending of a relation's file.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Tsv => "facts",
            Format::JsonLines => "jsonl",
        }
    }
}

/// Writes every relation to the writer that `open` gives for its file name.
pub fn write_all<W: Write>(
    facts: &FactBase,
    format: Format,
    open: impl FnMut(&str) -> io::Result<W>,
) -> io::Result<()> {
    let mut export = Export { facts, format, open, line: String::new() };
    facts.relations.visit(&mut export)
}

struct Export<'f, F> {
    facts: &'f FactBase,
    format: Format,
    open: F,
    line: String,
}

impl<W: Write, F: FnMut(&str) -> io::Result<W>> RelationVisitor for Export<'_, F> {
    type Error = io::Error;

    fn relation<R: Row>(&mut self, rows: &[R]) -> io::Result<()> {
        let spec = R::SPEC;
        let mut out = (self.open)(&format!("{}.{}", spec.name, self.format.extension()))?;
        let mut raw = Vec::new();
        for row in rows {
            raw.clear();
            row.encode(&mut raw);
            self.line.clear();
            match self.format {
                Format::Tsv => tsv(self.facts, spec, &raw, &mut self.line),
                Format::JsonLines => json(self.facts, spec, &raw, &mut self.line),
            }
            self.line.push('\n');
            out.write_all(self.line.as_bytes())?;
        }
        out.flush()
    }
}

fn tsv(facts: &FactBase, spec: &RelationSpec, raw: &[u32], line: &mut String) {
    for (index, (column, value)) in spec.columns.iter().zip(raw).enumerate() {
        if index > 0 {
            line.push('\t');
        }
        match column.column_type {
            ColumnType::Symbol => {
                for c in facts.text(Sym(*value)).chars() {
                    match c {
                        '\t' => line.push_str("\\t"),
                        '\n' => line.push_str("\\n"),
                        '\r' => line.push_str("\\r"),
                        '\\' => line.push_str("\\\\"),
                        c => line.push(c),
                    }
                }
            }
            other => plain(other, *value, line),
        }
    }
}

fn json(facts: &FactBase, spec: &RelationSpec, raw: &[u32], line: &mut String) {
    line.push('{');
    for (index, (column, value)) in spec.columns.iter().zip(raw).enumerate() {
        if index > 0 {
            line.push(',');
        }
        // Writing to a string cannot fail.
        let _ = write!(line, "\"{}\":", column.name.trim_end_matches('_'));
        match column.column_type {
            ColumnType::Symbol => quoted(facts.text(Sym(*value)), line),
            ColumnType::Number | ColumnType::Id(_) => plain(column.column_type, *value, line),
            other => {
                line.push('"');
                plain(other, *value, line);
                line.push('"');
            }
        }
    }
    line.push('}');
}

fn quoted(text: &str, line: &mut String) {
    line.push('"');
    for c in text.chars() {
        match c {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            c if (c as u32) < 0x20 => {
                let _ = write!(line, "\\u{:04x}", c as u32);
            }
            c => line.push(c),
        }
    }
    line.push('"');
}

/// Appends a column that is no text of its own as it is exported.
pub fn plain(column_type: ColumnType, value: u32, line: &mut String) {
    let _ = match column_type {
        ColumnType::Position => write!(line, "{}:{}", Position(value).line(), Position(value).column()),
        ColumnType::Word { names, .. } => write!(line, "{}", names.get(value as usize).copied().unwrap_or("?")),
        ColumnType::Flags { names } => {
            let set: Vec<&str> =
                names.iter().enumerate().filter(|(bit, _)| value & (1 << bit) != 0).map(|(_, name)| *name).collect();
            write!(line, "{}", set.join("|"))
        }
        ColumnType::Symbol | ColumnType::Number | ColumnType::Id(_) => write!(line, "{value}"),
    };
}

/// The declarations that `.facts` files are read by, in Souffle's syntax.
pub fn declarations() -> String {
    let mut out = String::from("// The facts of distsys-graph. Ids are numbers; 0 means none.\n");
    for kind in IdKind::ALL {
        let _ = writeln!(out, ".type {} <: number", kind.name());
    }
    for spec in SPECS {
        let columns: Vec<String> = spec
            .columns
            .iter()
            .map(|column| format!("{}: {}", column.name, souffle_type(column.column_type)))
            .collect();
        let _ = writeln!(
            out,
            "\n// {}\n.decl {}({})\n.input {}",
            spec.doc.trim(),
            spec.name,
            columns.join(", "),
            spec.name
        );
    }
    out
}

fn souffle_type(column_type: ColumnType) -> &'static str {
    match column_type {
        ColumnType::Number => "number",
        ColumnType::Id(kind) => kind.name(),
        ColumnType::Symbol | ColumnType::Position | ColumnType::Word { .. } | ColumnType::Flags { .. } => "symbol",
    }
}

/// The reference of all extracted relations, as Markdown.
pub fn reference() -> String {
    let mut out = String::from(
        "# Relations\n\nEvery relation that is extracted from source, generated from the schema. Ids are dense numbers of their kind; `0` is none.\n",
    );
    for spec in SPECS {
        let _ = writeln!(out, "\n## {}\n\n{}\n\n| column | type |\n|---|---|", spec.name, spec.doc.trim());
        for column in spec.columns {
            let type_ = match column.column_type {
                ColumnType::Symbol => "text".to_owned(),
                ColumnType::Number => "number".to_owned(),
                ColumnType::Position => "position, `line:column`".to_owned(),
                ColumnType::Id(kind) => format!("id of a {}", kind.name()),
                ColumnType::Word { names, .. } => format!("one of {}", names.join(", ")),
                ColumnType::Flags { names } => format!("any of {}", names.join(", ")),
            };
            let _ = writeln!(out, "| {} | {type_} |", column.name);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ModuleId, VarId};
    use crate::schema::Export as ExportRow;

    #[test]
    fn text_is_escaped_in_both_forms() {
        let mut facts = FactBase::default();
        let module: ModuleId = facts.fresh();
        let var: VarId = facts.fresh();
        let name = facts.intern("a\t\"b\"\n");
        facts.relations.export.push(ExportRow { module, name, var });
        let spec = <ExportRow as Row>::SPEC;
        let mut raw = Vec::new();
        facts.relations.export[0].encode(&mut raw);
        let (mut tab, mut object) = (String::new(), String::new());
        tsv(&facts, spec, &raw, &mut tab);
        json(&facts, spec, &raw, &mut object);
        assert_eq!(tab, "1\ta\\t\"b\"\\n\t1");
        assert_eq!(object, "{\"module\":1,\"name\":\"a\\t\\\"b\\\"\\n\",\"var\":1}");
    }

    #[test]
    fn the_committed_reference_is_the_schema() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/relations.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, reference()).expect("docs can be written");
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == reference(),
            "docs/relations.md is not what the schema says; run UPDATE_DOCS=1 cargo test -p distsys-facts"
        );
    }
}

//! Proofs of rows, as trees of text.

use distsys_engine::datalog::{Database, Premise, Proof, Type, Value};

use crate::outputs::plain;

/// A proof as lines, each premise below what it proves. `readable` says what an id stands for.
pub(crate) fn lines(proof: &Proof, database: &Database, readable: &dyn Fn(Value) -> Option<String>) -> Vec<String> {
    let mut out = Vec::new();
    let writer = Writer { database, readable };
    writer.proof(proof, "", "", &mut out);
    out
}

struct Writer<'w> {
    database: &'w Database,
    readable: &'w dyn Fn(Value) -> Option<String>,
}

impl Writer<'_> {
    /// `first` stands before the row itself, `rest` before what is below it.
    fn proof(&self, proof: &Proof, first: &str, rest: &str, out: &mut Vec<String>) {
        let row: Vec<String> = proof.row.iter().map(|value| self.value(*value)).collect();
        let by = proof.clause.as_ref().map(|(name, line)| format!("   by {}:{line}", plain(name))).unwrap_or_default();
        out.push(format!("{first}{}({}){by}", proof.relation, row.join(", ")));
        for (number, premise) in proof.premises.iter().enumerate() {
            let last = number + 1 == proof.premises.len();
            let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let (first, rest) = (format!("{rest}{branch}"), format!("{rest}{below}"));
            match premise {
                Premise::Holds(proof) => self.proof(proof, &first, &rest, out),
                Premise::Absent { relation, row, rows } => {
                    let row: Vec<String> =
                        row.iter().map(|value| value.map_or("_".to_owned(), |value| self.value(value))).collect();
                    out.push(format!("{first}not {relation}({}): looked for among {rows} rows", row.join(", ")));
                }
                Premise::Computed => out.push(format!("{first}what the clause computes and compares holds")),
            }
        }
    }

    fn value(&self, value: Value) -> String {
        match value {
            (raw, Type::Symbol) => format!("{:?}", plain(self.database.text(raw))),
            (raw, Type::Number) => (raw as i32).to_string(),
            (raw, Type::Id(_)) => (self.readable)(value).map_or_else(|| raw.to_string(), |text| plain(&text)),
        }
    }
}

//! Why a row or a finding is there, as trees of text.

mod findings;

use distsys_engine::datalog::{Database, Premise, Proof, Type, Value};

use crate::outputs::plain;

pub use findings::{ExplainError, explain};

/// A line with what it rests on.
pub(crate) struct Tree {
    text: String,
    below: Vec<Tree>,
}

impl Tree {
    pub(crate) fn leaf(text: String) -> Tree {
        Tree { text, below: Vec::new() }
    }

    /// As lines, each premise below what it proves.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut out = Vec::new();
        self.draw("", "", &mut out);
        out
    }

    /// `first` stands before the line itself, `rest` before what is below it.
    fn draw(&self, first: &str, rest: &str, out: &mut Vec<String>) {
        out.push(format!("{first}{}", self.text));
        for (number, tree) in self.below.iter().enumerate() {
            let last = number + 1 == self.below.len();
            let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            tree.draw(&format!("{rest}{branch}"), &format!("{rest}{below}"), out);
        }
    }
}

/// A proof as lines. `readable` says what an id stands for.
pub(crate) fn lines(proof: &Proof, database: &Database, readable: &dyn Fn(Value) -> Option<String>) -> Vec<String> {
    Writer { database, readable }.tree(proof).lines()
}

pub(crate) struct Writer<'w> {
    pub(crate) database: &'w Database,
    pub(crate) readable: &'w dyn Fn(Value) -> Option<String>,
}

impl Writer<'_> {
    fn tree(&self, proof: &Proof) -> Tree {
        let by = proof.clause.as_ref().map(|(name, line)| format!("   by {}:{line}", plain(name))).unwrap_or_default();
        let text = format!("{}{by}", self.row(&proof.relation, proof.row.iter().copied().map(Some)));
        let premises = proof.premises.iter().map(|premise| match premise {
            Premise::Holds(proof) => self.tree(proof),
            Premise::Absent { relation, row, rows } => {
                Tree::leaf(format!("not {}: looked for among {rows} rows", self.row(relation, row.iter().copied())))
            }
            Premise::Computed => Tree::leaf("what the clause computes and compares holds".to_owned()),
        });
        Tree { text, below: premises.collect() }
    }

    /// `calls(a, b, _)`; none: whatever stands there.
    pub(crate) fn row(&self, relation: &str, row: impl Iterator<Item = Option<Value>>) -> String {
        let values: Vec<String> = row.map(|value| value.map_or("_".to_owned(), |value| self.value(value))).collect();
        format!("{relation}({})", values.join(", "))
    }

    fn value(&self, value: Value) -> String {
        match value {
            (raw, Type::Symbol) => format!("{:?}", plain(self.database.text(raw))),
            (raw, Type::Number) => (raw as i32).to_string(),
            (raw, Type::Id(_)) => (self.readable)(value).map_or_else(|| raw.to_string(), |text| plain(&text)),
        }
    }
}

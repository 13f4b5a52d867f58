//! Entries that a spread puts in the place of others: `{ ...defaults, ...options }`, where callers give the options.

use distsys_facts::{ParameterKind, VarId};

use super::Meaning;
use super::callbacks::parameter_of;
use super::operations::Operation;
use crate::model::source::Source;
use crate::operation::Attr;

impl Meaning<'_> {
    /// The parameter by whose entry callers replace what an operation's options say of an attribute, and the way to that entry.
    pub fn put_over(&self, op: &Operation, attr: Attr) -> Option<(VarId, Vec<String>)> {
        let reader = self.reader();
        let program = self.program;
        let r = &program.facts.relations;
        reader.model(op).attribute(attr).into_iter().flatten().find_map(|source| {
            let Source::Position(position, path) = source else { return None };
            let first = path.first()?;
            let options = reader.object(reader.argument(op.call, *position + op.shift as usize)?)?;
            let says = |key: &str| key == "**" || key == first;
            let last = program.entry_by_var.of(&r.entry, options).filter(|row| says(program.text(row.key))).last()?;
            let parameter = parameter_of(reader, last.value).filter(|_| program.text(last.key) == "**")?;
            program.parameter(parameter).filter(|row| row.kind != ParameterKind::Receiver)?;
            Some((parameter, path.clone()))
        })
    }
}

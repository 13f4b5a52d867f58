//! Units of work: mappers that watch the objects they gave out and write what was stored into them.
//!
//! `order = session.get(Order, id); order.state = "paid"` is an update of `orders`, though no call says so: the session
//! writes it at the next flush. A model says so with `tracked = "result"` on its reads.

use distsys_facts::{SiteId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::effects::{Effect, EffectFlags};
use super::operations::{Found, Operand, Operation};
use super::own_effects::is_versioned;
use super::reader::Reader;
use super::terms::{Describer, Role, Term};
use crate::operation::{Attr, OpKind};

/// The values that mappers watch, with the read that gave each.
#[derive(Debug, Default)]
pub(super) struct Tracked {
    reads: FxHashMap<VarId, Effect>,
}

/// Objects are followed back over so many values.
const MAX_VALUES: usize = 48;

impl Tracked {
    /// Notes what `op`, which has `effects`, gives out watched.
    pub(super) fn note(&mut self, reader: Reader<'_, '_>, op: &Operation, effects: &[Effect]) {
        if let [effect] = effects
            && effect.kind == OpKind::DbRead
            && let Found::Is(Operand::Var(var)) = reader.attribute(op, Attr::Tracked)
        {
            // The mapper asks for the version that was read.
            let flags = if is_versioned(reader, op) { EffectFlags::CONDITIONAL } else { EffectFlags::default() };
            self.reads.insert(var, Effect { flags, ..*effect });
        }
    }

    /// What is stored into watched objects, as writes at the sites of the stores.
    pub(super) fn writes(&self, describer: &mut Describer<'_, '_>) -> Vec<(SiteId, Effect)> {
        if self.reads.is_empty() {
            return Vec::new();
        }
        let reader = describer.reader;
        let update = Term::Text(describer.names.intern("update"));
        let stores = reader.program.facts.relations.store.iter();
        let written = stores.filter_map(|row| {
            let read = self.read_of(reader, row.base)?;
            // What is read from a copy is not written back through it: the object is only dressed up for an answer.
            let dressed_up = read.role == Role::Replica;
            (!dressed_up).then_some((row.site, self.write(read, update)))
        });
        written.collect()
    }

    fn write(&self, read: Effect, verb: Term) -> Effect {
        Effect { kind: OpKind::DbWrite, verb, key: Term::Absent, ..read }
    }

    /// Whether a write that `op` makes of what it is given is of an object that was read: `session.add(loaded)`.
    pub(super) fn is_of_read(&self, reader: Reader<'_, '_>, op: &Operation) -> bool {
        op.kind == OpKind::DbWrite
            && matches!(reader.attribute(op, Attr::Tracked),
                Found::Is(Operand::Var(var)) if self.read_of(reader, var).is_some())
    }

    /// The read that gave the object `var`, through the project's own helpers and a result's accessors.
    fn read_of(&self, reader: Reader<'_, '_>, var: VarId) -> Option<Effect> {
        let program = reader.program;
        let r = &program.facts.relations;
        let mut stack = vec![var];
        let mut seen: FxHashSet<VarId> = FxHashSet::default();
        while let Some(at) = stack.pop() {
            if seen.len() > MAX_VALUES || !seen.insert(at) {
                continue;
            }
            if let Some(read) = self.reads.get(&at) {
                return Some(*read);
            }
            stack.extend(program.assigned_from(at).map(|row| row.src));
            if let Some(load) = program.loaded_as(at)
                && matches!(program.text(load.field), "[*]" | "[]" | "0")
            {
                stack.push(load.base);
            }
            let Some(call) = program.call_giving(at) else { continue };
            let edges = reader.resolution.calls_at(call.site);
            if edges.is_empty() {
                stack.extend(call.receiver);
            }
            for edge in edges {
                let returns = program.returns_by_function.of(&r.returns, edge.function);
                stack.extend(returns.filter_map(|row| row.var));
            }
        }
        None
    }
}

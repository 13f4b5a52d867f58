//! Answers that come piece by piece, for as long as the other side sends.

use distsys_engine::OpKind;
use distsys_engine::meaning::Operation;
use distsys_engine::words::words;
use distsys_facts::{Sym, VarId};
use rustc_hash::FxHashSet;

use crate::Context;

/// What loops go through.
pub(crate) struct Streams {
    iterated: FxHashSet<VarId>,
}

impl Streams {
    pub(crate) fn new(context: &Context<'_>) -> Self {
        let iterates = &context.meaning.program.facts.relations.iterates;
        Streams { iterated: iterates.iter().map(|row| row.var).collect() }
    }

    /// Whether a call of another service is answered so: what ends that is no limit of the call.
    pub(crate) fn holds(&self, context: &Context<'_>, op: &Operation) -> bool {
        let program = context.meaning.program;
        let r = &program.facts.relations;
        let Some(call) = program.call(op.site).filter(|_| op.kind == OpKind::Rpc) else { return false };
        let says_so = |type_: Sym| {
            let type_ = program.text(type_);
            // Of `List<JobIterator>` the whole.
            let outer = type_.split(['<', '[']).next().unwrap_or(type_);
            words(outer).last().is_some_and(|word| matches!(word.as_str(), "iterator" | "stream"))
        };
        let (mut stack, mut seen) = (vec![call.result], FxHashSet::default());
        while let Some(at) = stack.pop() {
            if !seen.insert(at) {
                continue;
            }
            let mut asked = program.calls_by_receiver.of(&r.call, at).map(|call| program.text(call.name));
            let is_read = asked.any(|name| matches!(name, "Recv" | "recv" | "hasNext" | "forEachRemaining"));
            if is_read || self.iterated.contains(&at) {
                return true;
            }
            stack.extend(program.assign_by_src.of(&r.assign, at).map(|row| row.dst));
            // `stream, err := client.Watch(ctx, request)`
            let first = program.load_by_base.of(&r.load, at).filter(|load| program.text(load.field) == "0");
            stack.extend(first.map(|load| load.dst));
        }
        let mut returned = program.returns_by_function.of(&r.returns, op.function).filter_map(|row| row.var);
        let mut types = program.return_type_by_function.of(&r.return_type, op.function);
        returned.any(|var| seen.contains(&var)) && types.any(|row| says_so(row.type_))
    }
}

//! Transactions that are opened and ended, and that nothing is done in: whatever carries them is handed to nobody.

use distsys_facts::VarId;
use rustc_hash::FxHashSet;

use super::{Extent, Meaning, Scope};
use crate::operation::OpKind;

impl Meaning<'_> {
    /// Whether all that is done with what carries the transaction of a scope is to end it.
    pub fn is_idle_transaction(&self, scope: &Scope) -> bool {
        let program = self.program;
        let is_opened_here = matches!(scope.extent, Extent::Open(_) | Extent::Function(_)) && scope.steps.is_empty();
        let carriers = self.carriers(scope);
        // `async (_tx) => …` says that it is not wanted.
        let is_wanted = |var: &VarId| program.variable(*var).is_none_or(|row| !program.text(row.name).starts_with('_'));
        if !is_opened_here || carriers.is_empty() || !carriers.iter().all(is_wanted) {
            return false;
        }
        let (mut stack, mut seen): (Vec<VarId>, FxHashSet<VarId>) =
            (carriers.into_iter().collect(), FxHashSet::default());
        let r = &program.facts.relations;
        while let Some(at) = stack.pop() {
            if !seen.insert(at) {
                continue;
            }
            let ends =
                |site| self.operations.at(site).any(|op| matches!(op.kind, OpKind::TxCommit | OpKind::TxRollback));
            let is_given = program.argument_by_var.of(&r.argument, at).next().is_some() || self.flow.is_kept(at);
            if is_given || program.calls_by_receiver.of(&r.call, at).any(|call| !ends(call.site)) {
                return false;
            }
            stack.extend(program.assign_by_src.of(&r.assign, at).map(|row| row.dst));
            for load in program.load_by_base.of(&r.load, at) {
                // The first of several results; a member is another thing.
                let field = program.text(load.field);
                if !field.bytes().all(|byte| byte.is_ascii_digit())
                    && !program.calls_by_callee.of(&r.call, load.dst).any(|call| ends(call.site))
                {
                    return false;
                }
                stack.extend((field == "0").then_some(load.dst));
            }
        }
        true
    }
}

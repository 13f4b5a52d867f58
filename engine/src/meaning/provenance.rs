//! Provenance: what a value is made from, backwards through assignments, templates, calls and fields.

use distsys_facts::VarId;
use rustc_hash::FxHashSet;

use super::Meaning;

/// A slice that grows beyond this is cut; what was not reached is not known to be a source.
const MAX_SLICE: usize = 400;

impl Meaning<'_> {
    /// Everything that the value of `var` is made from in its function and those around it, itself included.
    pub fn made_from(&self, var: VarId) -> FxHashSet<VarId> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut seen: FxHashSet<VarId> = FxHashSet::default();
        let mut stack = vec![var];
        while let Some(at) = stack.pop() {
            if seen.len() > MAX_SLICE || !seen.insert(at) {
                continue;
            }
            stack.extend(program.assigned_from(at).map(|row| row.src));
            stack.extend(program.loaded_as(at).map(|row| row.base));
            stack.extend(program.hole_by_var.of(&r.hole, at).map(|row| row.value));
            stack.extend(program.entry_by_var.of(&r.entry, at).map(|row| row.value));
            stack.extend(program.element_by_var.of(&r.element, at).map(|row| row.value));
            for row in program.binary_by_dst.of(&r.binary, at) {
                stack.push(row.left);
                stack.extend(row.right);
            }
            for store in program.stores_to(at) {
                stack.push(store.src);
            }
            if let Some(call) = program.call_giving(at) {
                stack.extend(call.receiver);
                stack.extend(program.arguments(call.site).map(|row| row.var));
            }
        }
        seen
    }
}

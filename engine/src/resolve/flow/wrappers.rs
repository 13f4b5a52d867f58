//! Wrappers: functions that give back a function which calls what they were given (`traced(work)`).

use distsys_facts::{FunctionId, VarId};
use rustc_hash::FxHashSet;

use crate::program::Program;

/// A returned value is followed back through so many assignments to the closure that it is.
const MAX_STEPS: usize = 4;

/// The parameters that the function which their owner returns calls.
pub(super) fn wrapped(program: &Program<'_>) -> FxHashSet<VarId> {
    let mut found = FxHashSet::default();
    for call in &program.facts.relations.call {
        // `target(…)`, `target.apply(this, arguments)`
        let called = match program.text(call.name) {
            "apply" | "call" => call.receiver.or(call.callee),
            _ => call.callee,
        };
        let Some(parameter) = called.and_then(|var| program.parameter(var)) else { continue };
        let mut inner = program.site(call.site).function;
        while let Some(parent) = program.function(inner).parent {
            if parent == parameter.function {
                if returns(program, parent, inner) {
                    found.insert(parameter.var);
                }
                break;
            }
            inner = parent;
        }
    }
    found
}

/// Whether `outer` returns the closure `inner`.
fn returns(program: &Program<'_>, outer: FunctionId, inner: FunctionId) -> bool {
    let r = &program.facts.relations;
    let mut stack: Vec<(VarId, usize)> =
        program.returns_by_function.of(&r.returns, outer).filter_map(|row| row.var).map(|var| (var, 0)).collect();
    while let Some((var, steps)) = stack.pop() {
        if program.closure(var) == Some(inner) {
            return true;
        }
        if steps < MAX_STEPS {
            stack.extend(program.assigned_from(var).map(|row| (row.src, steps + 1)));
        }
    }
    false
}

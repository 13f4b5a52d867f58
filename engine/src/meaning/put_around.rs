//! Decorators of libraries that the code itself puts around functions: `retry(attempts=3)(send)`, also in a decorator of the
//! project's own (`def resilient(call): return retry(attempts=3)(call)`).

use distsys_facts::{FunctionId, VarId};

use super::callbacks::{functions_of, parameter_of};
use super::operations::Operation;
use super::scopes::Builder;

impl Builder<'_, '_, '_> {
    /// The functions that the decorator which an operation makes is put around, other than by an annotation.
    pub(super) fn put_around(&self, op: &Operation) -> Vec<FunctionId> {
        let program = self.reader.program;
        if self.operations.decorated(op.site).is_some() {
            return Vec::new();
        }
        let is_made = |var: VarId| program.call_giving(program.held_at(var)).is_some_and(|call| call.site == op.site);
        let calls = program.sites(op.function).filter_map(|row| program.call(row.site));
        let put = calls.filter(|call| call.callee.is_some_and(is_made));
        let given = put.filter_map(|call| program.arguments(call.site).next().map(|row| row.var));
        let mut found: Vec<FunctionId> = given.flat_map(|var| self.meant(var)).collect();
        // `def resilient(): return retry(attempts=3)`, `@resilient()`
        let r = &program.facts.relations;
        let mut returned = program.returns_by_function.of(&r.returns, op.function).filter_map(|row| row.var);
        // What is put around a function is no decorator any more: `return retry(attempts=3)(call)`.
        let callee = program.call(op.call).and_then(|call| call.callee);
        let is_put = callee.is_some_and(|var| program.call_giving(program.held_at(var)).is_some());
        if !is_put && returned.any(is_made) {
            let annotated = self.index.annotations.get(&op.function).into_iter().flatten();
            found.extend(annotated.map(|(_, function)| *function));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The functions that a value is, or that a decorator of the project is given for it.
    fn meant(&self, var: VarId) -> Vec<FunctionId> {
        let program = self.reader.program;
        let Some(parameter) = parameter_of(self.reader, var).and_then(|var| program.parameter(var)) else {
            return functions_of(self.reader, var);
        };
        // `@resilient`, or `@resilient(3)` that gives the decorator.
        let decorator = parameter.function;
        let maker = program.function(decorator).parent;
        let by = |function: FunctionId| self.index.annotations.get(&function).into_iter().flatten();
        let made = maker
            .into_iter()
            .flat_map(|maker| by(maker).filter(move |(site, _)| program.makes_decorator(*site, maker)));
        let mut annotated: Vec<FunctionId> = by(decorator).chain(made).map(|(_, function)| *function).collect();
        annotated.sort_unstable();
        let passed = self.reader.resolution.passed_to(parameter.var);
        let passed = passed.flat_map(|row| functions_of(self.reader, row.argument));
        annotated.into_iter().chain(passed).collect()
    }
}

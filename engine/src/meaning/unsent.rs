//! Conditions of retries that hold only where nothing was sent: `|error| error.is_connect()`, `(e) => e.code === "ECONNREFUSED"`.

use distsys_facts::{FunctionId, VarId};

use super::reader::Reader;
use crate::words::is_failure_to_connect;

/// Conditions are put together, and values copied, no deeper than this.
const MAX_DEPTH: u32 = 4;

impl Reader<'_, '_> {
    /// Whether a function gives true only for failures by which nothing was sent.
    pub(super) fn holds_only_unsent(self, function: FunctionId) -> bool {
        let program = self.program;
        let mut returned = program.returns_by_function.of(&program.facts.relations.returns, function).peekable();
        returned.peek().is_some() && returned.all(|row| row.var.is_some_and(|var| self.asks_unsent(var, 0)))
    }

    fn asks_unsent(self, var: VarId, depth: u32) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        if depth > MAX_DEPTH {
            return false;
        }
        let deeper = |var: VarId| self.asks_unsent(var, depth + 1);
        if let Some(row) = program.binary_by_dst.of(&r.binary, var).next() {
            let right = row.right;
            return match program.text(row.operator) {
                "==" | "===" => {
                    self.names_unsent(row.left, 0) || right.is_some_and(|right| self.names_unsent(right, 0))
                }
                "in" | "instanceof" => right.is_some_and(|right| self.names_unsent(right, 0)),
                "||" | "or" => deeper(row.left) && right.is_some_and(deeper),
                "&&" | "and" => deeper(row.left) || right.is_some_and(deeper),
                _ => false,
            };
        }
        if let Some(call) = program.call_giving(var) {
            let mut given = program.arguments(call.site).map(|row| row.var);
            return match program.text(call.name) {
                // `CODES.has(error.code)`
                "has" | "includes" | "contains" => call.receiver.is_some_and(|list| self.names_unsent(list, 0)),
                "isinstance" => given.nth(1).is_some_and(|class| self.names_unsent(class, 0)),
                name => is_failure_to_connect(name),
            };
        }
        // `error instanceof Refused && error.getCause() instanceof ConnectException`
        if let Some(choice) = program.chosen(var).filter(|choice| choice.otherwise == choice.condition) {
            return deeper(choice.condition) || deeper(choice.taken);
        }
        let mut sources = program.assigned_from(var).map(|row| row.src).peekable();
        sources.peek().is_some() && sources.all(deeper)
    }

    /// Whether a value is, or all that a list or set holds are, names or codes of failures by which nothing was sent.
    fn names_unsent(self, var: VarId, depth: u32) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        if depth > MAX_DEPTH {
            return false;
        }
        let deeper = |var: VarId| self.names_unsent(var, depth + 1);
        if let Some(literal) = program.literal(var) {
            return is_failure_to_connect(program.text(literal.value));
        }
        let mut elements = program.element_by_var.of(&r.element, var).map(|row| row.value).peekable();
        if elements.peek().is_some() {
            return elements.all(deeper);
        }
        if let Some(call) = program.call_giving(var) {
            // `new Set(["ECONNREFUSED"])`
            let mut given = program.arguments(call.site).map(|row| row.var).peekable();
            return matches!(program.text(call.name), "Set" | "set" | "frozenset" | "of" | "asList")
                && given.peek().is_some()
                && given.all(deeper);
        }
        let named = program.variable(var).is_some_and(|row| is_failure_to_connect(program.text(row.name)));
        let imported = program.import(var).is_some_and(|row| is_failure_to_connect(program.text(row.member)));
        let loaded = program.loaded_as(var).is_some_and(|load| is_failure_to_connect(program.text(load.field)));
        let global = program.global(var).is_some_and(|path| is_failure_to_connect(program.text(path)));
        if named || imported || loaded || global {
            return true;
        }
        let mut sources = program.assigned_from(var).map(|row| row.src).peekable();
        match sources.peek() {
            Some(_) => sources.all(deeper),
            None => self.resolution.imported(var).is_some_and(deeper),
        }
    }
}

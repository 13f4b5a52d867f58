//! Keys of an operation on a cache that takes several: each of the arguments, of the elements of a list, of what a helper is
//! given however many there are.

use distsys_facts::{FunctionId, ParameterKind, SiteId, VarId};

use super::at_calls::Argument;
use super::operations::{Found, Operand, Operation};
use super::terms::{Describer, Term};
use crate::model::source::Source;
use crate::operation::Attr;

/// The field under which the elements of a collection are loaded, one after another.
const EACH: &str = "[*]";

/// More keys than these are a sweep.
const MAX_KEYS: usize = 16;

impl Describer<'_, '_> {
    /// The keys that the operation is given, where it is given several or may be: `del("orders", "order:1")`, `del(keys)`.
    pub(super) fn keys_given(&mut self, op: &Operation) -> Vec<Term> {
        let reader = self.reader;
        let sources = reader.model(op).attribute(Attr::Key).unwrap_or_default();
        let first = sources.iter().find_map(|source| match source {
            Source::Rest(position) => Some(*position as u32 + op.shift),
            _ => None,
        });
        if let Some(first) = first {
            let all = reader.program.arguments(op.call).filter(|row| row.position != u32::MAX && row.position >= first);
            let given = all.map(|row| (row.var, reader.program.text(row.keyword) == "*")).collect();
            return self.several(given);
        }
        let Found::Is(Operand::Var(var)) = reader.attribute(op, Attr::Key) else { return Vec::new() };
        let keys = self.several(vec![(var, false)]);
        if keys.len() > 1 { keys } else { Vec::new() }
    }

    /// The keys of a callee's operation as a call gives them; `site` is where the callee is run, which may not be a call of it.
    pub(super) fn keys_at_call(
        &mut self,
        key: Term,
        callee: FunctionId,
        call: Option<SiteId>,
        site: SiteId,
    ) -> Vec<Term> {
        let (parameter, each) = match key {
            Term::Parameter(parameter) => (parameter, false),
            Term::Within(parameter, path) if self.names.text(path) == EACH => (parameter, true),
            _ => return vec![self.at_call(key, callee, call)],
        };
        let program = self.reader.program;
        match self.argument(parameter, callee, call) {
            Argument::Given(var) => self.several(vec![(var, each)]),
            Argument::Gathered(given) => {
                let is_spread = |var: VarId| {
                    let mut rows = call.into_iter().flat_map(|site| program.arguments(site));
                    rows.any(|row| row.var == var && program.text(row.keyword) == "*")
                };
                let given = given.into_iter().map(|var| (var, is_spread(var))).collect();
                self.several(given)
            }
            // `keys.map((key) => redis.del(key))`
            Argument::Hidden if call.is_none() && self.is_first(parameter) => match self.run_over(site) {
                Some(list) => self.several(vec![(list, true)]),
                None => vec![Term::Unknown],
            },
            _ => vec![self.at_call(key, callee, call)],
        }
    }

    fn several(&mut self, given: Vec<(VarId, bool)>) -> Vec<Term> {
        let mut keys: Vec<Term> = given.into_iter().flat_map(|(var, spread)| self.each(var, spread)).collect();
        keys.sort_unstable();
        keys.dedup();
        if keys.len() > MAX_KEYS { vec![Term::Unknown] } else { keys }
    }

    /// What is given for one argument: itself, or its elements if it is a list; of one that is `spread` its elements alone.
    fn each(&mut self, var: VarId, spread: bool) -> Vec<Term> {
        let listed = self.elements(var);
        if !listed.is_empty() {
            return listed.into_iter().map(|var| self.describe(var)).collect();
        }
        let is_gathered = self.reader.is_gathered(var);
        vec![match self.describe(var) {
            Term::Parameter(parameter) if spread || is_gathered => Term::Within(parameter, self.names.intern(EACH)),
            _ if spread => Term::Unknown,
            term => term,
        }]
    }

    /// The elements of a literal list, of one that a loop goes over for `var` too.
    fn elements(&self, var: VarId) -> Vec<VarId> {
        let reader = self.reader;
        let r = &reader.program.facts.relations;
        let program = reader.program;
        let of_list = |list: VarId| -> Vec<VarId> {
            // One that is filled further holds what is not seen here.
            let is_filled = program.calls_by_receiver.of(&r.call, list).any(|call| {
                matches!(
                    program.text(call.name),
                    "append" | "push" | "add" | "extend" | "insert" | "concat" | "unshift"
                )
            });
            let mut made = program.assigned_from(list).map(|row| row.src);
            let only = match (made.next(), made.next()) {
                (Some(only), None) if !is_filled => only,
                _ => list,
            };
            program.element_by_var.of(&r.element, only).map(|row| row.value).collect()
        };
        let listed = of_list(var);
        // `for key in [a, b]`
        let over = program.assigned_from(var).map(|row| row.src).chain([var]).find_map(|var| program.loaded_as(var));
        match over {
            Some(load) if listed.is_empty() && program.text(load.field) == EACH => of_list(load.base),
            _ => listed,
        }
    }

    fn is_first(&self, parameter: VarId) -> bool {
        self.reader
            .program
            .parameter(parameter)
            .is_some_and(|row| row.index == 0 && row.kind != ParameterKind::Receiver)
    }

    /// The collection for each element of which a call runs what it is given.
    fn run_over(&self, site: SiteId) -> Option<VarId> {
        let program = self.reader.program;
        let call = program.call(site)?;
        matches!(program.text(call.name), "map" | "forEach" | "for_each" | "flatMap" | "flat_map")
            .then_some(call.receiver?)
    }
}

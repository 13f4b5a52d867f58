//! Settings that a function has in an object of its own, which nothing fills but the options that its callers give:
//! `var s settings; for _, option := range options { option(&s) }`.

use distsys_facts::schema::{Load, Parameter};
use distsys_facts::{FunctionId, ParameterKind, SiteId, VarId};

use super::Meaning;
use super::callbacks::functions_of;

impl Meaning<'_> {
    /// The calls whose options leave a setting as it was made: empty.
    pub(super) fn left_out_of_options(&self, var: VarId) -> Vec<SiteId> {
        let Some((rest, load)) = self.set_by_options(var) else { return Vec::new() };
        let before = self.program.parameters(rest.function);
        let before = before.filter(|row| row.index < rest.index && row.kind != ParameterKind::Receiver).count();
        let leaves_out = |site: &SiteId| {
            let only = matches!(self.resolution.calls_at(*site), [edge] if edge.function == rest.function);
            let options =
                self.program.arguments(*site).filter(|row| row.position as usize >= before && row.keyword.is_empty());
            let is_other = |option: VarId| {
                let made = functions_of(self.reader(), option);
                !made.is_empty() && made.into_iter().all(|function| !self.stores(function, &load))
            };
            only && !self.spreads(*site)
                && !self.is_out_of_scope(self.program.site(*site).function)
                && options.into_iter().all(|row| is_other(row.var))
        };
        self.callers(rest.function).iter().copied().filter(leaves_out).collect()
    }

    /// The parameter that takes the options which alone set what `var` is, a field of an object that was made empty.
    fn set_by_options(&self, var: VarId) -> Option<(&Parameter, Load)> {
        let program = self.program;
        let load = *program.loaded_as(self.reader().root(var))?;
        let function = program.variable(load.base)?.function;
        let rest = program.parameters(function).find(|row| row.kind == ParameterKind::Rest)?;
        // What a function of the project makes may have been filled there.
        let is_made_elsewhere =
            |made: VarId| program.call_giving(made).is_some_and(|call| !self.callees(call.site).is_empty());
        let is_empty = |made: VarId| {
            let mut given = program.call_giving(made).into_iter().flat_map(|call| program.arguments(call.site));
            !is_made_elsewhere(made) && given.all(|row| row.keyword != load.field && !row.keyword.is_empty())
        };
        let made_empty = program.assigned_from(load.base).all(|row| is_empty(row.src));
        let is_set_here = program.stores_to(load.base).any(|row| row.field == load.field);
        if !made_empty || is_set_here {
            return None;
        }
        let mut by_option = false;
        for call in program.sites(function).filter_map(|site| program.call(site.site)) {
            let given = program.arguments(call.site).map(|row| row.var).chain(call.receiver);
            if !given.into_iter().any(|given| given == load.base) {
                continue;
            }
            if call.callee.is_some_and(|callee| self.made_from(callee).contains(&rest.var)) {
                by_option = true;
            } else if self.callees(call.site).into_iter().any(|callee| self.stores(callee, &load)) {
                return None;
            }
        }
        by_option.then_some((rest, load))
    }

    /// Whether a function sets a field of that name.
    fn stores(&self, function: FunctionId, load: &Load) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let set = program.sites(function).filter_map(|site| {
            let at = r.store.binary_search_by_key(&site.site, |row| row.site).ok()?;
            Some(r.store[at].field)
        });
        set.into_iter().any(|field| field == load.field)
    }
}

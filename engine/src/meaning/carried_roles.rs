//! Connections that go to the replica unless the context of the request says otherwise: what a helper put into it
//! (`context.WithValue(ctx, pinned, true)`), another looks up (`ctx.Value(pinned)`) and then gives the primary.

use distsys_facts::schema::Call;
use distsys_facts::{FunctionKind, RegionKind, SiteId, VarId};
use rustc_hash::FxHashSet;

use super::Meaning;
use super::reader::Reader;
use super::terms::{Describer, MAX_DEPTH, Role};

/// A context is handed on through so many calls.
const MAX_CALLERS: u32 = 8;

/// A condition is taken apart into so many parts.
const MAX_PARTS: usize = 16;

impl Describer<'_, '_> {
    /// The role of what a helper gives that asks its context where to go: the replica's where that holds nothing.
    pub(super) fn role_by_context(&self, site: SiteId, depth: usize) -> Option<Role> {
        let reader = self.reader;
        let program = reader.program;
        let [edge] = reader.resolution.calls_at(site) else { return None };
        let mut context = None;
        let mut otherwise = None;
        for row in program.returns_by_function.of(&program.facts.relations.returns, edge.function) {
            match reader.asked_context(row.site) {
                Some(parameter) => context = Some(parameter),
                None if otherwise.is_some() => return None,
                None => otherwise = Some(row.var?),
            }
        }
        let (context, otherwise) = (context?, otherwise?);
        if self.role_at(otherwise, depth + 1) != Role::Replica {
            return None;
        }
        let passed = reader.resolution.passed_at(site).iter().find(|row| row.parameter == context);
        Some(passed.map_or(Role::Unknown, |row| reader.role_carried(row.argument)))
    }
}

impl Reader<'_, '_> {
    /// The context that decides whether a place is come to, by what it holds.
    fn asked_context(&self, site: SiteId) -> Option<VarId> {
        let program = self.program;
        let r = &program.facts.relations;
        let arms = program.regions_outward(program.site(site).region).filter(|row| row.kind == RegionKind::Branch);
        let mut parts: Vec<VarId> =
            arms.flat_map(|row| program.condition_by_region.of(&r.condition, row.region)).map(|row| row.var).collect();
        let looked_up = |call: &Call| {
            let asked = call.receiver.filter(|_| program.text(call.name) == "Value");
            asked.filter(|var| program.parameter(*var).is_some() && self.is_carrier(*var))
        };
        let mut seen: FxHashSet<VarId> = FxHashSet::default();
        while let Some(at) = parts.pop() {
            if seen.len() > MAX_PARTS || !seen.insert(at) {
                continue;
            }
            if let Some(context) = program.call_giving(at).and_then(looked_up) {
                return Some(context);
            }
            for row in program.binary_by_dst.of(&r.binary, at) {
                parts.extend(std::iter::once(row.left).chain(row.right));
                // What is asserted to be of a type (`tx, ok := ctx.Value(key).(*sql.Tx)`) is another value, looked up just before.
                let before = program.sites(program.site(row.site).function).rfind(|site| site.site < row.site);
                if let Some(context) = before.and_then(|site| program.call(site.site)).and_then(looked_up) {
                    return Some(context);
                }
            }
            parts.extend(program.assigned_from(at).map(|row| row.src));
            parts.extend(program.loaded_as(at).map(|load| load.base));
        }
        None
    }

    /// The role under a context: the replica's where nothing is put into it, that of the caller's where it is one.
    pub(super) fn role_carried(&self, context: VarId) -> Role {
        let program = self.program;
        let mut at = context;
        for _ in 0..MAX_DEPTH {
            // `ctx = pinned(ctx)`: from somewhere on it is another one.
            let mut sources = program.assigned_from(at).map(|row| row.src);
            if program.parameter(at).is_some() {
                return if sources.next().is_none() { Role::Carried(at) } else { Role::Unknown };
            }
            if let Some(call) = program.call_giving(at) {
                let given = program.arguments(call.site).next().map(|row| row.var);
                match program.written_name(call) {
                    _ if !self.resolution.calls_at(call.site).is_empty() => return Role::Unknown,
                    "Background" | "TODO" | "Context" => return Role::Replica,
                    "WithTimeout" | "WithCancel" | "WithDeadline" => at = given.unwrap_or(at),
                    _ => return Role::Unknown,
                }
                continue;
            }
            match (sources.next(), sources.next()) {
                (Some(only), None) => at = only,
                _ => return Role::Unknown,
            }
        }
        Role::Unknown
    }
}

impl Meaning<'_> {
    /// The role under the context that a function is given: the replica's if all who call it give it one that holds nothing.
    pub fn role_under(&self, context: VarId) -> Role {
        self.role_under_all(context, 0)
    }

    fn role_under_all(&self, context: VarId, depth: u32) -> Role {
        let program = self.program;
        let Some(row) = program.parameter(context).filter(|_| depth < MAX_CALLERS) else { return Role::Unknown };
        if program.function(row.function).kind == FunctionKind::Closure {
            return Role::Unknown;
        }
        let in_scope = |site: SiteId| !self.is_out_of_scope(program.site(site).function);
        let given = self.resolution.passed_to(context).filter(|row| in_scope(row.site));
        let mut roles = given.map(|row| match self.reader().role_carried(row.argument) {
            Role::Carried(outer) if outer != context => self.role_under_all(outer, depth + 1),
            role => role,
        });
        match roles.next() {
            Some(Role::Replica) if roles.all(|role| role == Role::Replica) => Role::Replica,
            _ => Role::Unknown,
        }
    }
}

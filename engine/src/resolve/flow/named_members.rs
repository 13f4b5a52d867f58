//! Members taken by a name that is a value: `getattr(plugin, method_name)(…)`.
//!
//! Which method it is, only who gives the name knows: `self.run("order_paid", order)` calls the plugins' `order_paid`, and
//! no other caller of `run` does.

use distsys_facts::{FunctionFlags, Sym, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Confidence, Flow, MAX_TARGETS};
use crate::paths::PathId;
use crate::resolve::values::{Value, ValueKind};

/// `member` is what `name` of `object` is.
#[derive(Clone, Copy, Debug)]
pub(super) struct NamedMember {
    pub(super) object: VarId,
    pub(super) name: VarId,
    pub(super) member: VarId,
}

/// A name or a member is followed through so many assignments.
const MAX_STEPS: usize = 4;

impl Flow<'_, '_> {
    /// Calls that give the name of a method are calls of that method, where what they call calls a member so named.
    pub(super) fn by_named_members(&mut self) {
        let mut objects: FxHashMap<VarId, Vec<VarId>> = FxHashMap::default();
        let mut queue: Vec<(VarId, VarId)> = Vec::new();
        for row in std::mem::take(&mut self.named_members) {
            if self.is_called(row.member) {
                queue.extend(self.as_parameter(row.name).map(|parameter| (parameter, row.object)));
            }
        }
        let mut given: FxHashMap<VarId, Vec<(distsys_facts::SiteId, VarId)>> = FxHashMap::default();
        for row in self.passed.iter().filter(|_| !queue.is_empty()) {
            given.entry(row.parameter).or_default().push((row.site, row.argument));
        }
        let mut found: FxHashSet<(distsys_facts::SiteId, Sym, VarId)> = FxHashSet::default();
        while let Some((parameter, object)) = queue.pop() {
            let known = objects.entry(parameter).or_default();
            if known.contains(&object) {
                continue;
            }
            known.push(object);
            for &(site, argument) in given.get(&parameter).into_iter().flatten() {
                match self.program.literal(argument) {
                    Some(literal) => {
                        found.insert((site, literal.value, object));
                    }
                    None => queue.extend(self.as_parameter(argument).map(|outer| (outer, object))),
                }
            }
        }
        for (site, name, object) in found {
            let classes = self.sets.of(Self::node(object)).filter_map(|id| match self.values.get(id).kind {
                ValueKind::Class(class) | ValueKind::Instance(class) => Some(class),
                _ => None,
            });
            let mut methods: Vec<_> =
                classes.flat_map(|class| self.grounds.hierarchy.methods_below(class, name)).collect();
            methods.retain(|method| !self.program.function(*method).flags.has(FunctionFlags::ABSTRACT));
            methods.sort_unstable();
            methods.dedup();
            if methods.len() <= MAX_TARGETS {
                methods.into_iter().for_each(|method| self.record(site, method, Confidence::Medium));
            }
        }
    }

    /// One of the methods of what a library offers, by a name that is a value: `axios[method](url)`, where a model says what
    /// they have in common.
    pub(super) fn some_method(&mut self, path: PathId, base: Value, to: u32) {
        let family = self.paths.family(path);
        let method = format!("{}.[]", self.paths.text(path));
        if self.models.names_method(family, &method) {
            let path = self.paths.intern(family, &method);
            self.add(to, Value { kind: ValueKind::External(path), ..base });
        }
    }

    /// The parameter that a variable holds the value of.
    fn as_parameter(&self, mut var: VarId) -> Option<VarId> {
        for _ in 0..MAX_STEPS {
            if self.program.parameter(var).is_some() {
                return Some(var);
            }
            var = self.program.assigned_from(var).next()?.src;
        }
        None
    }

    fn is_called(&self, member: VarId) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let mut held = vec![member];
        let mut at = 0;
        while at < held.len() && at < MAX_STEPS {
            if program.calls_by_callee.of(&r.call, held[at]).next().is_some() {
                return true;
            }
            held.extend(program.assign_by_src.of(&r.assign, held[at]).map(|row| row.dst));
            at += 1;
        }
        false
    }
}

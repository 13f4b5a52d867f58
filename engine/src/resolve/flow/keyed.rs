//! Mappings of the languages themselves, whose values are put in and taken out by calls: `handlers.get(kind)(event)`.
//!
//! Which key a call names is not known here, so what is taken out is all that was put in.

use std::collections::BTreeSet;

use distsys_facts::schema::Call;
use distsys_facts::{FunctionId, ParameterKind, SiteId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{EdgeKind, Flow};
use crate::model::Family;
use crate::paths::PathId;
use crate::resolve::values::{Value, ValueKind};

/// What is taken out of a mapping, looked up when all that is passed is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Taken {
    object: VarId,
    key: Option<VarId>,
    result: VarId,
}

/// A decorated function is handed on through so many functions to what keeps it.
const MAX_HANDED: usize = 3;

impl Flow<'_, '_> {
    /// An empty mapping made by a call: `new Map()`, `defaultdict(list)`. What its first argument lists as pairs is in it.
    pub(super) fn makes_mapping(&mut self, row: &Call, path: PathId) {
        if !matches!(
            (self.paths.family(path), self.paths.text(path)),
            (Family::Script, "Map" | "WeakMap") | (Family::Python, "collections.defaultdict")
        ) {
            return;
        }
        self.add(Self::node(row.result), Value::new(ValueKind::Object(row.result)));
        let program = self.program;
        let r = &program.facts.relations;
        let Some(listed) = self.positional(row.site, 0) else { return };
        for pair in program.element_by_var.of(&r.element, listed) {
            let mut parts = program.element_by_var.of(&r.element, pair.value);
            if let Some(value) = parts.find(|part| part.index == 1) {
                let to = self.object_field(row.result, self.names.computed);
                self.edge(Self::node(value.value), to, EdgeKind::All);
            }
        }
    }

    /// A method of a mapping; false if it is none.
    pub(super) fn call_mapping(&mut self, row: &Call, object: VarId) -> bool {
        let program = self.program;
        let family = Family::from(self.language_of(row.site));
        let is_made = || program.call_giving(object).is_some();
        match (family, program.text(row.name)) {
            (Family::Script, "set") if is_made() => {
                if let Some(value) = self.positional(row.site, 1) {
                    let to = self.object_field(object, self.names.computed);
                    self.edge(Self::node(value), to, EdgeKind::All);
                }
                self.add(Self::node(row.result), Value::new(ValueKind::Object(object)));
            }
            (Family::Script, "get") if is_made() => self.take(row, object),
            (Family::Python, "get" | "pop" | "setdefault") => {
                self.take(row, object);
                if let Some(otherwise) = self.positional(row.site, 1) {
                    self.edge(Self::node(otherwise), Self::node(row.result), EdgeKind::All);
                }
            }
            // As a list: each of them.
            (Family::Python, "values") => self.add(Self::node(row.result), Value::new(ValueKind::Object(object))),
            (Family::Script, "values") if is_made() => {
                self.add(Self::node(row.result), Value::new(ValueKind::Object(object)))
            }
            _ => return false,
        }
        true
    }

    fn take(&mut self, row: &Call, object: VarId) {
        let key = self.positional(row.site, 0);
        self.taken.insert(Taken { object, key, result: row.result });
    }

    /// What is taken out under a key that no caller names: `handlers.get(message.kind)`. Where callers do (`emit("paid")`),
    /// each means one, and all of them together would say of each what the others do.
    pub(super) fn by_keys(&mut self) {
        let mut taken: Vec<Taken> = std::mem::take(&mut self.taken).into_iter().collect();
        taken.sort_unstable();
        let mut named: FxHashSet<VarId> = FxHashSet::default();
        if !taken.is_empty() {
            named.extend(
                self.passed.iter().filter(|row| self.program.literal(row.argument).is_some()).map(|row| row.parameter),
            );
        }
        for Taken { object, key, result } in taken {
            let is_named = key.is_some_and(|key| {
                let mut sources = self.program.assigned_from(key).map(|row| row.src);
                named.contains(&key) || sources.any(|src| named.contains(&src)) || self.program.literal(key).is_some()
            });
            if !is_named {
                self.object_member(object, self.names.computed, Self::node(result));
            }
        }
    }

    /// Decorators of the project that keep the function under them: `handlers[kind] = function`.
    pub(super) fn by_keeping_decorators(&mut self) {
        let program = self.program;
        let r = &program.facts.relations;
        let decorated: FxHashMap<SiteId, FunctionId> =
            r.function_annotation.iter().map(|row| (row.site, row.function)).collect();
        let mut given: BTreeSet<(VarId, FunctionId)> = BTreeSet::new();
        for &(site, decorator) in self.calls.keys() {
            let Some(&function) = decorated.get(&site) else { continue };
            let takes = |decorator: FunctionId| {
                let mut parameters = program.parameters(decorator);
                parameters.find(|row| row.kind == ParameterKind::Positional).map(|row| row.var)
            };
            if program.arguments(site).next().is_none() {
                given.extend(takes(decorator).map(|parameter| (parameter, function)));
            }
            if program.makes_decorator(site, decorator) {
                let made = self.functions_in(self.return_node(decorator)).into_iter();
                let made = made.filter(|inner| program.function(*inner).parent == Some(decorator));
                given.extend(made.filter_map(takes).map(|parameter| (parameter, function)));
            }
        }
        if given.is_empty() {
            return;
        }
        let mut handed: FxHashMap<VarId, Vec<VarId>> = FxHashMap::default();
        for row in &self.passed {
            handed.entry(row.argument).or_default().push(row.parameter);
        }
        let mut stores: FxHashMap<VarId, Vec<_>> = FxHashMap::default();
        for row in &r.store {
            stores.entry(row.src).or_default().push(row);
        }
        for (parameter, function) in given {
            let kept = Value::new(ValueKind::Function(function));
            let (mut held, mut at) = (vec![parameter], 0);
            while at < held.len() && at <= MAX_HANDED {
                for store in stores.get(&held[at]).into_iter().flatten() {
                    for object in self.objects_in(store.base) {
                        let to = self.object_field(object, self.key_of(store.field));
                        self.add(to, kept);
                    }
                }
                for row in program.argument_by_var.of(&r.argument, held[at]) {
                    let list = Value::new(ValueKind::Collection(self.values.intern(kept)));
                    for object in self.listed_by(row.site) {
                        let to = self.object_field(object, self.names.computed);
                        self.add(to, list);
                    }
                }
                let mut next = handed.get(&held[at]).cloned().unwrap_or_default();
                next.sort_unstable();
                held.extend(next);
                at += 1;
            }
        }
    }

    /// Lists that a mapping holds under its keys: `handlers[kind].append(function)`, `handlers.get(kind).push(work)`.
    pub(super) fn by_listing_mappings(&mut self) {
        let program = self.program;
        let r = &program.facts.relations;
        for call in r.call.iter().filter(|call| puts_into_list(program.text(call.name))) {
            let Some(given) = self.positional(call.site, 0) else { continue };
            for object in self.listed_by(call.site) {
                let to = self.object_field(object, self.names.computed);
                self.edge(Self::node(given), to, EdgeKind::Listed);
            }
        }
    }

    /// The mappings that hold the list which the call at `site` puts something into.
    fn listed_by(&self, site: SiteId) -> Vec<VarId> {
        let program = self.program;
        let Some(call) = program.call(site).filter(|call| puts_into_list(program.text(call.name))) else {
            return Vec::new();
        };
        let Some(list) = call.receiver else { return Vec::new() };
        let list = program.assigned_from(list).next().map_or(list, |row| row.src);
        let loaded = program.loaded_as(list).filter(|load| program.text(load.field).starts_with('['));
        let taken = || {
            let made = program.call_giving(list)?;
            matches!(program.text(made.name), "get" | "setdefault").then_some(made.receiver).flatten()
        };
        loaded.map(|load| load.base).or_else(taken).map_or(Vec::new(), |mapping| self.objects_in(mapping))
    }

    fn objects_in(&self, var: VarId) -> Vec<VarId> {
        let of_value = |id| match self.values.get(id).kind {
            ValueKind::Object(object) => Some(object),
            _ => None,
        };
        self.sets.of(Self::node(var)).filter_map(of_value).collect()
    }
}

fn puts_into_list(name: &str) -> bool {
    matches!(name, "append" | "push" | "add")
}

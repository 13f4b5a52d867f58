//! From the fixed point to the resolution: edges with their confidence, in order.

use std::sync::OnceLock;

use distsys_facts::{ClassId, FunctionFlags, FunctionId, FunctionKind, Id, IdKind, ParameterKind, SiteId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::resolution::{CallEdge, Confidence, Passed, Resolution};
use super::{Flow, MAX_ALTERNATIVES};
use crate::csr::Csr;
use crate::model::Family;
use crate::paths::PathId;
use crate::resolve::bindings::Binding;
use crate::resolve::values::{HandleRole, Value, ValueKind};

impl<'p, 'f> Flow<'p, 'f> {
    /// The roles of what is made, by what it is made from; none where connections of different roles go in. Unless `strict`, a
    /// connection that is there with a role and without counts as having it.
    pub(super) fn made_roles(&self, strict: bool) -> FxHashMap<u32, HandleRole> {
        let mut made: FxHashMap<u32, Option<HandleRole>> = FxHashMap::default();
        for &(from, to) in &self.role_edges {
            let (mut roles, mut is_plain) = (Vec::new(), false);
            for value in self.sets.of(from).map(|id| self.values.get(id)) {
                match value.role {
                    HandleRole::Unknown => is_plain |= self.is_handle(value),
                    role if roles.contains(&role) => {}
                    role => roles.push(role),
                }
            }
            let role = match roles[..] {
                [] if is_plain => None,
                [] => continue,
                [role] if !(strict && is_plain) => Some(role),
                _ => None,
            };
            made.entry(to).and_modify(|known| *known = known.filter(|known| Some(*known) == role)).or_insert(role);
        }
        made.into_iter().filter_map(|(node, role)| Some((node, role?))).collect()
    }

    /// Whether an edge says that awaiting a call of an asynchronous function runs the `async` block which that function
    /// awaited itself and gave back the result of: values pass through an await, the block does not.
    fn is_result_of_future(&self, edge: &CallEdge, of_async: &FxHashSet<SiteId>) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        if program.function(edge.function).kind != FunctionKind::AsyncBlock {
            return false;
        }
        let Ok(at) = r.suspend.binary_search_by_key(&edge.site, |row| row.site) else { return false };
        let Some(made) = r.suspend[at].var.and_then(|var| program.call_giving(var)) else { return false };
        of_async.contains(&made.site)
    }

    /// The class whose method calls something on an object that its own object holds: a repository with a cache around another
    /// one asks that one, not one of its own kind.
    fn holder(&self, site: SiteId) -> Option<ClassId> {
        let program = self.program;
        let receiver = program.call(site)?.receiver?;
        let held = program
            .assigned_from(receiver)
            .map(|row| row.src)
            .chain([receiver])
            .find_map(|var| program.loaded_as(var))?;
        let is_own = program.parameter(held.base).is_some_and(|row| row.kind == ParameterKind::Receiver);
        program.class_around(program.site(site).function).filter(|_| is_own)
    }

    /// Edges from what is put around an object to methods of its own class, where other classes have the method, too.
    fn to_itself(&self, calls: &[CallEdge]) -> FxHashSet<(SiteId, FunctionId)> {
        let mut found = FxHashSet::default();
        let class_of = |edge: &CallEdge| self.program.function(edge.function).class;
        for edges in calls.chunk_by(|left, right| left.site == right.site).filter(|edges| edges.len() > 1) {
            let Some(holder) = self.holder(edges[0].site) else { continue };
            let is_own = |edge: &CallEdge| class_of(edge) == Some(holder);
            if edges.iter().any(|edge| !is_own(edge)) {
                found.extend(edges.iter().filter(|edge| is_own(edge)).map(|edge| (edge.site, edge.function)));
            }
        }
        found
    }

    /// Whether a method calls the method of its own name on what its object holds.
    fn hands_on(&self, function: FunctionId) -> bool {
        let program = self.program;
        let own = program.function(function);
        let calls = program.sites(function).filter_map(|site| program.call(site.site));
        own.class.is_some()
            && calls.filter(|call| call.name == own.name).any(|call| self.holder(call.site) == own.class)
    }

    /// Where types have interfaces without saying so, several classes with the called method are alternatives of which a
    /// program mostly has one: that it is this one is a guess.
    fn doubt_alternatives(&self, calls: &mut [CallEdge]) -> Vec<(SiteId, FunctionId)> {
        let mut doubted = Vec::new();
        let mut handing_on: FxHashMap<FunctionId, bool> = FxHashMap::default();
        let class_of = |edge: &CallEdge| self.program.function(edge.function).class;
        for edges in calls.chunk_by_mut(|left, right| left.site == right.site) {
            let first = class_of(&edges[0]);
            let structural = Family::from(self.language_of(edges[0].site)).has_structural_interfaces();
            if !structural || first.is_none() || edges.iter().all(|edge| class_of(edge) == first) {
                continue;
            }
            // What is put around another (to log, to measure, to keep) hands on to what does the work: that is called either way.
            let mut hands_on = |of: FunctionId| *handing_on.entry(of).or_insert_with(|| self.hands_on(of));
            let mut workers = edges.iter().filter(|edge| !hands_on(edge.function)).map(class_of);
            let only = workers.next().flatten().filter(|only| workers.all(|other| other == Some(*only)));
            for edge in edges.iter_mut().filter(|edge| only.is_none() || class_of(edge) != only) {
                edge.confidence = Confidence::Low;
                doubted.extend(only.is_none().then_some((edge.site, edge.function)));
            }
        }
        doubted
    }

    /// The implementations that calls of abstract methods may lead to, where they are not targets; what holds the object that
    /// is called is none of them. Of very many some taken from all over stand for the rest.
    fn implementations_of_many(&self) -> impl Iterator<Item = (SiteId, FunctionId)> + '_ {
        self.of_many.iter().flat_map(move |&(site, function)| {
            let all = self.grounds.hierarchy.implementations(self.program, function);
            let step = all.len().div_ceil(MAX_ALTERNATIVES).max(1);
            let holder = self.holder(site);
            let is_other = move |of: &FunctionId| holder.is_none() || self.program.function(*of).class != holder;
            all.into_iter().step_by(step).filter(is_other).map(move |function| (site, function))
        })
    }

    pub(super) fn finish(self) -> Resolution {
        let settings = self.settings_read();
        let mut calls: Vec<CallEdge> =
            self.calls.iter().map(|(&(site, function), &confidence)| CallEdge { site, function, confidence }).collect();
        // A double that a test puts in is not what the service runs; what a tool generated is.
        let is_double = |site: SiteId, function: FunctionId| {
            self.program.is_out_of_scope(function)
                && !self.program.is_generated(function)
                && !self.program.is_out_of_scope(self.program.site(site).function)
        };
        let is_async = |function: FunctionId| self.program.function(function).flags.has(FunctionFlags::ASYNC);
        let of_async = calls.iter().filter(|edge| is_async(edge.function)).map(|edge| edge.site).collect();
        calls.retain(|edge| !is_double(edge.site, edge.function) && !self.is_result_of_future(edge, &of_async));
        calls.sort_unstable();
        let to_itself = self.to_itself(&calls);
        calls.retain(|edge| !to_itself.contains(&(edge.site, edge.function)));
        let mut alternatives = self.doubt_alternatives(&mut calls);
        alternatives.extend(
            self.implementations_of_many().filter(|(_, function)| {
                !self.program.is_out_of_scope(*function) || self.program.is_generated(*function)
            }),
        );
        alternatives.sort_unstable();
        alternatives.dedup();
        let mut external: Vec<(SiteId, PathId, Value)> = self.external.iter().copied().collect();
        // Path and value ids are made in an order that the input alone decides, so this order is deterministic.
        external.sort_unstable();
        // What is not called there is not passed anything there.
        let mut passed: Vec<Passed> = self.passed.iter().copied().collect();
        passed.retain(|row| {
            let taken_by = self.program.parameter(row.parameter).map(|row| row.function);
            let is_called = |function| !is_double(row.site, function) && !to_itself.contains(&(row.site, function));
            taken_by.is_none_or(is_called)
        });
        passed.sort_unstable();
        let passed_by_site = ranges(&passed, |row| row.site);
        let passed_by_parameter =
            Csr::by(self.program.facts.count(IdKind::Var), &passed, |row: &Passed| Some(row.parameter));
        let calls_by_site = ranges(&calls, |edge| edge.site);
        let external_by_site = ranges(&external, |row| row.0);
        let mut class_lines = FxHashMap::default();
        for row in &self.program.facts.relations.class {
            let bases: Vec<PathId> = self.grounds.hierarchy.external_bases(row.class).map(|(path, _)| path).collect();
            if !bases.is_empty() {
                class_lines.insert(row.class, bases);
            }
        }
        let classes = self.program.facts.count(IdKind::Class);
        let r = &self.program.facts.relations;
        let bindings = &self.grounds.bindings;
        let imports = r.import.iter().map(|row| (row.var, bindings.imported(row.var)));
        let free = r.global.iter().map(|row| (row.var, bindings.free(row.module, self.program.text(row.path))));
        // `schema.orders`, where `schema` is a module.
        let members = r.load.iter().map(|row| {
            let mut values = self.sets.of(Self::node(row.base)).map(|id| self.values.get(id).kind);
            match (values.next(), values.next()) {
                (Some(ValueKind::Module(module)), None) => (row.dst, bindings.exported(module, row.field, 0)),
                _ => (row.dst, None),
            }
        });
        let registered = self.registered.iter().map(|(var, made)| (*var, Some(Binding::Var(*made))));
        let imported = imports
            .chain(registered)
            .chain(free)
            .chain(members)
            .filter_map(|(from, binding)| match binding {
                Some(Binding::Var(var)) => Some((from, var)),
                _ => None,
            })
            .chain(self.provided.parameters)
            .collect();
        let mut constructed = self.constructed;
        for given in constructed.values_mut() {
            given.sort_unstable();
            given.dedup();
        }
        let ancestors: Vec<Vec<ClassId>> =
            (0..classes).map(|index| self.grounds.hierarchy.ancestors(ClassId::new(index)).to_vec()).collect();
        let of_others = |(index, line): (usize, &Vec<ClassId>)| {
            line.iter().copied().filter(move |class| class.index() != index).collect::<Vec<_>>()
        };
        let bases = ancestors.iter().enumerate().flat_map(of_others).collect();
        let derived = (0..classes).map(|index| self.grounds.hierarchy.derived(ClassId::new(index)).to_vec()).collect();
        let base_arguments = self.grounds.hierarchy.base_arguments().clone();
        let own_fields = self.grounds.hierarchy.own_fields().clone();
        let line = |class: ClassId| ancestors[class.index()].iter().filter(move |base| **base != class);
        let overridden =
            own_fields.iter().flat_map(|(class, field)| line(*class).map(|base| (*base, *field))).collect();
        Resolution {
            paths: self.paths,
            values: self.values,
            sets: self.sets,
            calls,
            alternatives,
            external,
            passed,
            steps: self.steps,
            constructed,
            fields: self.class_fields,
            ancestors,
            derived,
            bases,
            imported,
            exports: self.grounds.bindings.into_exports(),
            provided: self.provided.fields,
            calls_by_site,
            passed_by_site,
            passed_by_parameter,
            external_by_site,
            class_lines,
            base_arguments,
            own_fields,
            overridden,
            given_as: self.given_as,
            settings,
            bounds_requests: OnceLock::new(),
            sites_by_name: OnceLock::new(),
            carriers: OnceLock::new(),
        }
    }
}

fn ranges<R>(rows: &[R], key: impl Fn(&R) -> SiteId) -> FxHashMap<SiteId, (u32, u32)> {
    let mut ranges: FxHashMap<SiteId, (u32, u32)> = FxHashMap::default();
    for (at, row) in rows.iter().enumerate() {
        ranges.entry(key(row)).or_insert((at as u32, at as u32)).1 = at as u32 + 1;
    }
    ranges
}

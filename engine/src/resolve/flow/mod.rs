//! The propagation itself.

mod calls;
mod containers;
mod generics;
mod given_back;
mod given_closures;
mod grounds;
mod guesses;
mod held;
mod lambdas;
mod listed;
mod named_classes;
mod named_members;
mod overloads;
mod propagate;
mod provided;
mod registries;
mod seed;
mod static_types;
mod told;
mod wrappers;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::OnceLock;

use distsys_facts::{
    ClassId, FunctionFlags, FunctionId, FunctionKind, Id, IdKind, Language, ModuleId, SiteId, Sym, VarId,
};
use rustc_hash::{FxHashMap, FxHashSet};

use super::bindings::Binding;
use super::values::{HandleRole, Sets, Value, ValueId, ValueKind, Values};
use crate::csr::Csr;
use crate::model::{Family, ModelSet};
use crate::paths::{PathId, Paths};
use crate::program::Program;
use crate::words::role_of_name;
use grounds::Grounds;
use told::Told;

/// How sure an edge of the call graph is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    /// A guess.
    Low,
    /// By a name that is unique in the project, or one of several implementations.
    Medium,
    /// By type or binding.
    High,
}

/// `site` calls `function`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallEdge {
    pub site: SiteId,
    pub function: FunctionId,
    pub confidence: Confidence,
}

/// How many call sites of a language were resolved to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unresolved {
    pub project: usize,
    pub external: usize,
    pub unresolved: usize,
}

/// The call `site` passes `argument` as `parameter`, the receiver included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Passed {
    pub site: SiteId,
    pub parameter: VarId,
    pub argument: VarId,
}

/// The result: what is called where, and what every variable may hold.
#[derive(Debug)]
pub struct Resolution {
    pub paths: Paths,
    pub values: Values,
    sets: Sets,
    /// By site.
    pub calls: Vec<CallEdge>,
    /// Implementations of what is called, by site, where there are too many for each to be a target that one would
    /// believe in.
    pub alternatives: Vec<(SiteId, FunctionId)>,
    /// Library functions called, by site: the name, and the value through which it was reached.
    pub external: Vec<(SiteId, PathId, Value)>,
    /// By site.
    pub passed: Vec<Passed>,
    /// How many values went from a node to those behind it, all propagations together.
    pub steps: usize,
    /// What literals of a class give its fields.
    constructed: FxHashMap<(ClassId, Sym), Vec<VarId>>,
    /// Class fields, with the nodes that hold them.
    fields: FxHashMap<(ClassId, Sym), u32>,
    ancestors: Vec<Vec<ClassId>>,
    /// Classes that others derive from.
    bases: FxHashSet<ClassId>,
    /// The variable of another module that an import, or a free name, stands for.
    imported: FxHashMap<VarId, VarId>,
    exports: FxHashMap<(ModuleId, Sym), VarId>,
    /// Fields that get what a function of the project provides.
    provided: FxHashMap<(ClassId, Sym), VarId>,
    calls_by_site: FxHashMap<SiteId, (u32, u32)>,
    passed_by_site: FxHashMap<SiteId, (u32, u32)>,
    passed_by_parameter: Csr,
    external_by_site: FxHashMap<SiteId, (u32, u32)>,
    class_lines: FxHashMap<ClassId, Vec<PathId>>,
    /// The classes that classes name as what their base is of.
    base_arguments: FxHashMap<ClassId, ClassId>,
    /// Fields that classes have of their own, and those that classes below have of the same name.
    own_fields: FxHashSet<(ClassId, Sym)>,
    overridden: FxHashSet<(ClassId, Sym)>,
    /// Whether some call of the tree gives requests a deadline, once it has been asked.
    pub(crate) bounds_requests: OnceLock<bool>,
}

impl Resolution {
    pub fn values_of(&self, var: VarId) -> impl Iterator<Item = Value> + '_ {
        self.sets.of(var.index() as u32).map(|id| self.values.get(id))
    }

    pub fn calls_at(&self, site: SiteId) -> &[CallEdge] {
        self.calls_by_site.get(&site).map_or(&[], |&(start, end)| &self.calls[start as usize..end as usize])
    }

    pub fn external_at(&self, site: SiteId) -> &[(SiteId, PathId, Value)] {
        self.external_by_site.get(&site).map_or(&[], |&(start, end)| &self.external[start as usize..end as usize])
    }

    /// What literals of the class give its field.
    pub fn constructed(&self, class: ClassId, field: Sym) -> &[VarId] {
        self.constructed.get(&(class, field)).map_or(&[], Vec::as_slice)
    }

    /// The arguments that reach parameters of project functions at `site`.
    pub fn passed_at(&self, site: SiteId) -> &[Passed] {
        self.passed_by_site.get(&site).map_or(&[], |&(start, end)| &self.passed[start as usize..end as usize])
    }

    /// The arguments that reach a parameter.
    pub fn passed_to(&self, parameter: VarId) -> impl DoubleEndedIterator<Item = &Passed> + Clone {
        self.passed_by_parameter.of(&self.passed, parameter)
    }

    /// What a field of a class may hold, inherited ones included.
    pub fn field_values(&self, class: ClassId, field: Sym) -> impl Iterator<Item = Value> + '_ {
        self.ancestors[class.index()]
            .iter()
            .filter_map(move |ancestor| self.fields.get(&(*ancestor, field)))
            .flat_map(|&node| self.sets.of(node))
            .map(|id| self.values.get(id))
    }

    /// The variable that a module offers under a name.
    pub fn exported(&self, module: ModuleId, name: Sym) -> Option<VarId> {
        self.exports.get(&(module, name)).copied()
    }

    /// The variable that an imported one, a member of a module, or a parameter that a provider answers, stands for.
    pub fn imported(&self, var: VarId) -> Option<VarId> {
        self.imported.get(&var).copied()
    }

    /// What is given to a field by a function of the project that provides it.
    pub fn provided(&self, class: ClassId, field: Sym) -> Option<VarId> {
        self.provided.get(&(class, field)).copied()
    }

    /// A class with its project bases, nearest first.
    pub fn ancestors(&self, class: ClassId) -> &[ClassId] {
        &self.ancestors[class.index()]
    }

    /// Whether other classes of the project derive from this one.
    pub fn is_derived_from(&self, class: ClassId) -> bool {
        self.bases.contains(&class)
    }

    /// The class that one names as what its base is of: `Order` of `class Orders extends JpaRepository<Order, Long>`.
    pub fn argument_of_base(&self, class: ClassId) -> Option<ClassId> {
        self.base_arguments.get(&class).copied()
    }

    /// Whether a class declares or stores a field of its own.
    pub fn has_field(&self, class: ClassId, field: Sym) -> bool {
        self.own_fields.contains(&(class, field))
    }

    /// Whether classes that derive from a class have a field of this name of their own.
    pub fn is_overridden(&self, class: ClassId, field: Sym) -> bool {
        self.overridden.contains(&(class, field))
    }

    /// The library classes that a project class derives from.
    pub fn library_bases(&self, class: ClassId) -> &[PathId] {
        self.class_lines.get(&class).map_or(&[], Vec::as_slice)
    }

    /// Call sites by language.
    pub fn shares(&self, program: &Program<'_>) -> Vec<(Language, Unresolved)> {
        let mut shares: Vec<(Language, Unresolved)> = Vec::new();
        for call in &program.facts.relations.call {
            let site = program.site(call.site);
            let language = program.language(program.file_of_function(site.function));
            let share = match shares.iter_mut().find(|(known, _)| *known == language) {
                Some((_, share)) => share,
                None => {
                    shares.push((language, Unresolved::default()));
                    match shares.last_mut() {
                        Some((_, share)) => share,
                        None => continue,
                    }
                }
            };
            if !self.calls_at(call.site).is_empty() {
                share.project += 1;
            } else if !self.external_at(call.site).is_empty() {
                share.external += 1;
            } else {
                share.unresolved += 1;
            }
        }
        shares.sort_by_key(|(language, _)| *language);
        shares
    }

    pub fn solve(program: &Program<'_>, models: &ModelSet) -> Resolution {
        let grounds = Grounds::new(program, models);
        let mut first = Self::propagate(program, models, grounds, Told::default(), None, 0);
        // The plain connection of a declared type has gone on beside the one that was given.
        let told = first.told();
        if !told.is_empty() {
            let steps = first.steps;
            first = Self::propagate(program, models, first.grounds, told, None, steps);
        }
        if !first.is_enriched {
            return first.finish();
        }
        // What a connection is made from says its role only after the connection has gone on without one. Where that happens,
        // all is done again, with the roles known from the start.
        let roles = first.made_roles(false);
        let steps = first.steps;
        let second = Self::propagate(program, models, first.grounds, first.told, Some(roles.clone()), steps);
        let settled = second.made_roles(true);
        if settled == roles {
            return second.finish();
        }
        let steps = second.steps;
        Self::propagate(program, models, second.grounds, second.told, Some(settled), steps).finish()
    }

    fn propagate<'p, 'f>(
        program: &'p Program<'f>,
        models: &'p ModelSet,
        grounds: Grounds<'p, 'f>,
        told: Told,
        roles: Option<FxHashMap<u32, HandleRole>>,
        steps: usize,
    ) -> Flow<'p, 'f> {
        let mut flow = Flow::new(program, models, grounds);
        flow.told = told;
        flow.roles = roles;
        flow.steps = steps;
        flow.seed();
        flow.by_providers();
        flow.by_declared_interfaces();
        flow.by_handed();
        flow.by_given_registries();
        flow.run();
        flow.by_containers();
        flow.run();
        flow.by_registries();
        flow.run();
        flow.by_listing_classes();
        flow.run();
        flow.by_decorated_functions();
        flow.run();
        flow.by_named_members();
        flow.run();
        flow.by_extension_traits();
        flow.run();
        flow.by_stubs();
        flow.run();
        flow.by_unique_name();
        flow.run();
        flow.by_connections_given();
        flow.run();
        flow.by_given_closures();
        flow.run();
        flow
    }
}

/// Edges added while solving, as linked lists: most nodes have none.
#[derive(Debug, Default)]
struct DynamicEdges {
    heads: FxHashMap<u32, u32>,
    edges: Vec<(u32, u32, EdgeKind)>,
    known: FxHashSet<(u32, u32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EdgeKind {
    All,
    /// Only the role passes: a session is a replica's if its engine is.
    Role,
    /// What the object holds, each in a pair with its name.
    Entries,
    /// In a pair, one of many.
    Paired,
    /// Only the project class passes that a value is or is of: to something of that class.
    Class(PathId),
    /// Likewise: to an instance of it.
    Instance,
    /// Only classes of the project themselves.
    Classes,
    /// What a class has from its library, or puts in its place, is that class's: `Order.objects`.
    Held(ClassId),
}

const END: u32 = u32::MAX;

struct Flow<'p, 'f> {
    program: &'p Program<'f>,
    models: &'p ModelSet,
    grounds: Grounds<'p, 'f>,
    paths: Paths,
    values: Values,
    sets: Sets,
    queue: VecDeque<(u32, ValueId)>,
    dynamic: DynamicEdges,
    nodes: u32,
    return_base: u32,
    class_fields: FxHashMap<(ClassId, Sym), u32>,
    constructed: FxHashMap<(ClassId, Sym), Vec<VarId>>,
    object_fields: FxHashMap<(VarId, Sym), u32>,
    /// What the project puts into objects of libraries that are there to hold it.
    held_fields: FxHashMap<(PathId, Sym), u32>,
    /// Role that the name of a field gives to connections under it; by node, from the first that was made for a field.
    field_roles: Vec<HandleRole>,
    /// Parameters and fields whose declared type adds nothing to what is given.
    told: Told,
    /// Roles of what is made, by the node of what it is made at, where they are known from the start.
    roles: Option<FxHashMap<u32, HandleRole>>,
    /// What goes into what is made.
    role_edges: Vec<(u32, u32)>,
    /// Whether something got a role after it was made.
    is_enriched: bool,
    /// Whether a library's name is that of a handle, by what was asked before.
    handles: RefCell<FxHashMap<PathId, bool>>,
    calls: FxHashMap<(SiteId, FunctionId), Confidence>,
    /// Calls of abstract methods that many fill in.
    of_many: FxHashSet<(SiteId, FunctionId)>,
    external: FxHashSet<(SiteId, PathId, Value)>,
    bound: FxHashSet<(SiteId, FunctionId)>,
    passed: FxHashSet<Passed>,
    /// The nodes that get what the functions in a node give.
    results_of: FxHashMap<u32, Vec<u32>>,
    /// Nodes that hold what a call of a member may call.
    callee_nodes: FxHashMap<SiteId, u32>,
    callee_sites: FxHashMap<u32, SiteId>,
    /// What a library gives to the functions that a node holds, by the position of the parameter.
    handed: FxHashMap<u32, Vec<(usize, PathId)>>,
    /// Members taken by a name that is a value.
    named_members: Vec<named_members::NamedMember>,
    /// Parameters that are given to a method of a connection, each with that connection.
    connections_given: Vec<(VarId, VarId)>,
    provided: provided::Provided,
    any_element: Sym,
    computed: Sym,
    spread_depth: usize,
    /// Values taken from the queue, in this propagation and those before.
    steps: usize,
}

const MAX_SPREAD_DEPTH: usize = 4;

/// A call with more targets than this is not resolved, only guessed.
const MAX_TARGETS: usize = 4;

/// What more implementations than this have in common nobody looks for.
const MAX_ALTERNATIVES: usize = 48;

/// A method that calls an abstract one on its own object is written for all classes below: each fills it in.
const MAX_OWN_TARGETS: usize = 48;

impl<'p, 'f> Flow<'p, 'f> {
    fn new(program: &'p Program<'f>, models: &'p ModelSet, grounds: Grounds<'p, 'f>) -> Self {
        let facts = program.facts;
        let return_base = facts.count(IdKind::Var) as u32;
        let nodes = return_base + facts.count(IdKind::Function) as u32;
        let mut sets = Sets::default();
        sets.grow(nodes as usize);
        Flow {
            program,
            models,
            paths: grounds.first_paths.clone(),
            grounds,
            values: Values::default(),
            sets,
            queue: VecDeque::new(),
            dynamic: DynamicEdges::default(),
            nodes,
            return_base,
            class_fields: FxHashMap::default(),
            constructed: FxHashMap::default(),
            object_fields: FxHashMap::default(),
            held_fields: FxHashMap::default(),
            field_roles: Vec::new(),
            told: Told::default(),
            roles: None,
            role_edges: Vec::new(),
            is_enriched: false,
            handles: RefCell::default(),
            calls: FxHashMap::default(),
            of_many: FxHashSet::default(),
            external: FxHashSet::default(),
            bound: FxHashSet::default(),
            passed: FxHashSet::default(),
            results_of: FxHashMap::default(),
            callee_nodes: FxHashMap::default(),
            callee_sites: FxHashMap::default(),
            handed: FxHashMap::default(),
            named_members: Vec::new(),
            connections_given: Vec::new(),
            provided: provided::Provided::default(),
            any_element: facts.symbols.lookup("[*]").unwrap_or(Sym::EMPTY),
            computed: facts.symbols.lookup("[]").unwrap_or(Sym::EMPTY),
            spread_depth: 0,
            steps: 0,
        }
    }

    fn role_of(&mut self, name: Sym) -> HandleRole {
        let text = self.program.text(name);
        *self.grounds.roles_by_name.entry(name).or_insert_with(|| role_of_name(text, false))
    }

    /// Role that the name of a node gives to connections under it.
    fn role_of_node(&self, node: u32) -> HandleRole {
        let (node, named) = (node as usize, &self.grounds.name_roles);
        if node < named.len() { named[node] } else { self.field_roles[node - named.len()] }
    }

    // ---- nodes and values

    pub(super) fn add(&mut self, node: u32, value: Value) {
        let id = self.values.intern(value);
        self.add_id(node, id);
    }

    pub(super) fn add_id(&mut self, node: u32, mut id: ValueId) {
        let role = self.role_of_node(node);
        if role != HandleRole::Unknown {
            let value = self.values.get(id);
            if value.role == HandleRole::Unknown && self.is_handle(value) {
                id = self.values.intern(Value { role, ..value });
            }
        }
        if let Some(&role) = self.roles.as_ref().and_then(|roles| roles.get(&node)) {
            let value = self.values.get(id);
            if value.role == HandleRole::Unknown {
                id = self.values.intern(Value { role, ..value });
            }
        }
        if self.sets.add(node, id) {
            self.queue.push_back((node, id));
        }
    }

    pub(super) fn is_handle(&self, value: Value) -> bool {
        let names_one = |path: PathId| {
            let ask = || self.models.is_handle_anywhere(self.paths.text(path));
            *self.handles.borrow_mut().entry(path).or_insert_with(ask)
        };
        match value.kind {
            ValueKind::External(path) => names_one(path),
            ValueKind::Instance(class) => self.grounds.hierarchy.external_bases(class).any(|(path, _)| names_one(path)),
            _ => false,
        }
    }

    pub(super) fn edge(&mut self, from: u32, to: u32, kind: EdgeKind) {
        if from == to || !self.dynamic.known.insert((from, to)) {
            return;
        }
        if kind == EdgeKind::Role {
            self.role_edges.push((from, to));
            // Known already.
            if self.roles.is_some() {
                return;
            }
        }
        let next = self.dynamic.heads.insert(from, self.dynamic.edges.len() as u32).unwrap_or(END);
        self.dynamic.edges.push((to, next, kind));
        let now: Vec<ValueId> = self.sets.of(from).collect();
        for id in now {
            self.pass(id, to, kind);
        }
    }

    pub(super) fn pass(&mut self, id: ValueId, to: u32, kind: EdgeKind) {
        match kind {
            EdgeKind::All => self.add_id(to, id),
            EdgeKind::Entries => {
                if let ValueKind::Object(object) = self.values.get(id).kind {
                    let program = self.program;
                    let entries = program.entry_by_var.of(&program.facts.relations.entry, object);
                    for row in entries.filter(|row| program.text(row.key) != "**") {
                        self.edge(Self::node(row.value), to, EdgeKind::Paired);
                    }
                }
            }
            EdgeKind::Paired => {
                // Of a pair within a pair nothing is asked.
                if !matches!(self.values.get(id).kind, ValueKind::Collection(_)) {
                    let pair = self.values.intern(Value::new(ValueKind::Collection(id)));
                    self.add(to, Value::new(ValueKind::Collection(pair)));
                }
            }
            EdgeKind::Held(owner) => {
                let value = self.held_by(self.values.get(id), owner);
                self.add(to, value);
            }
            EdgeKind::Classes => {
                if let ValueKind::Class(_) = self.values.get(id).kind {
                    self.add_id(to, id);
                }
            }
            EdgeKind::Class(_) | EdgeKind::Instance => {
                let value = self.values.get(id);
                let class = match value.kind {
                    ValueKind::Class(class) => Some(class),
                    ValueKind::External(_) => value.class,
                    _ => None,
                };
                if let Some(class) = class {
                    let value = match kind {
                        EdgeKind::Class(path) => Value { class: Some(class), ..Value::new(ValueKind::External(path)) },
                        _ => Value::new(ValueKind::Instance(class)),
                    };
                    self.add(to, value);
                }
            }
            EdgeKind::Role => {
                let role = self.values.get(id).role;
                if role != HandleRole::Unknown {
                    self.is_enriched = true;
                    let changed: Vec<Value> = self
                        .sets
                        .of(to)
                        .map(|id| self.values.get(id))
                        .filter(|value| value.role == HandleRole::Unknown)
                        .collect();
                    for value in changed {
                        self.add(to, Value { role, ..value });
                    }
                }
            }
        }
    }

    /// The roles of what is made, by what it is made from; none where connections of different roles go in. Unless `strict`, a
    /// connection that is there with a role and without counts as having it.
    fn made_roles(&self, strict: bool) -> FxHashMap<u32, HandleRole> {
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

    pub(super) fn node(var: VarId) -> u32 {
        var.index() as u32
    }

    pub(super) fn return_node(&self, function: FunctionId) -> u32 {
        self.return_base + function.index() as u32
    }

    pub(super) fn fresh_node(&mut self, name: Sym) -> u32 {
        let node = self.nodes;
        self.nodes += 1;
        self.sets.grow(self.nodes as usize);
        let role = self.role_of(name);
        self.field_roles.push(role);
        node
    }

    pub(super) fn class_field(&mut self, class: ClassId, field: Sym) -> u32 {
        if let Some(&node) = self.class_fields.get(&(class, field)) {
            return node;
        }
        let node = self.fresh_node(field);
        self.class_fields.insert((class, field), node);
        node
    }

    pub(super) fn object_field(&mut self, object: VarId, field: Sym) -> u32 {
        if let Some(&node) = self.object_fields.get(&(object, field)) {
            return node;
        }
        let node = self.fresh_node(field);
        self.object_fields.insert((object, field), node);
        node
    }

    pub(super) fn held_field(&mut self, holder: PathId, field: Sym) -> u32 {
        if let Some(&node) = self.held_fields.get(&(holder, field)) {
            return node;
        }
        let node = self.fresh_node(field);
        self.held_fields.insert((holder, field), node);
        node
    }

    pub(super) fn language_of(&self, site: SiteId) -> Language {
        self.program.language(self.program.file_of_function(self.program.site(site).function))
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

    /// Where types have interfaces without saying so, several classes with the called method are alternatives of which a
    /// program mostly has one: that it is this one is a guess.
    fn doubt_alternatives(&self, calls: &mut [CallEdge]) -> Vec<(SiteId, FunctionId)> {
        let mut doubted = Vec::new();
        let class_of = |edge: &CallEdge| self.program.function(edge.function).class;
        for edges in calls.chunk_by_mut(|left, right| left.site == right.site) {
            let first = class_of(&edges[0]);
            let structural = Family::from(self.language_of(edges[0].site)).has_structural_interfaces();
            if structural && first.is_some() && edges.iter().any(|edge| class_of(edge) != first) {
                edges.iter_mut().for_each(|edge| edge.confidence = Confidence::Low);
                doubted.extend(edges.iter().map(|edge| (edge.site, edge.function)));
            }
        }
        doubted
    }

    /// The implementations that calls of abstract methods may lead to, where they are not targets.
    fn implementations_of_many(&self) -> impl Iterator<Item = (SiteId, FunctionId)> + '_ {
        self.of_many.iter().flat_map(|&(site, function)| {
            let all = self.grounds.hierarchy.implementations(self.program, function);
            let is_bounded = all.len() <= MAX_ALTERNATIVES;
            all.into_iter().filter(move |_| is_bounded).map(move |function| (site, function))
        })
    }

    pub(super) fn finish(self) -> Resolution {
        let mut calls: Vec<CallEdge> =
            self.calls.iter().map(|(&(site, function), &confidence)| CallEdge { site, function, confidence }).collect();
        // A double that a test puts in is not what the service runs; what a tool generated is.
        let is_double = |edge: &CallEdge| {
            self.program.is_out_of_scope(edge.function)
                && !self.program.is_generated(edge.function)
                && !self.program.is_out_of_scope(self.program.site(edge.site).function)
        };
        let is_async = |function: FunctionId| self.program.function(function).flags.has(FunctionFlags::ASYNC);
        let of_async = calls.iter().filter(|edge| is_async(edge.function)).map(|edge| edge.site).collect();
        calls.retain(|edge| !is_double(edge) && !self.is_result_of_future(edge, &of_async));
        calls.sort_unstable();
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
        let mut passed: Vec<Passed> = self.passed.iter().copied().collect();
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
        let imported = imports
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
            bounds_requests: OnceLock::new(),
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

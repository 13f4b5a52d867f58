//! The propagation itself.

mod annotated_roles;
mod calls;
mod configured;
mod containers;
mod filled;
mod finish;
mod generics;
mod given_back;
mod given_closures;
mod grounds;
mod guesses;
mod held;
mod keyed;
mod lambdas;
mod listed;
mod lists;
mod made_connections;
mod named_classes;
mod named_members;
mod names;
mod overloads;
mod propagate;
mod provided;
mod registries;
mod resolution;
mod rest;
mod said;
mod seed;
mod sql_handles;
mod static_types;
mod told;
mod tried;
mod uses;
mod wrappers;

use std::collections::VecDeque;

use distsys_facts::{ClassId, FunctionId, Id, IdKind, Language, SiteId, Sym, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::values::{HandleRole, Sets, Value, ValueId, ValueKind, Values};
use crate::model::ModelSet;
use crate::paths::{PathId, Paths};
use crate::program::Program;
use crate::words::role_of_name;
use grounds::Grounds;
use names::Names;
pub use resolution::{CallEdge, Confidence, Passed, Resolution, Unresolved};
use said::{OfPath, Said};
use told::Told;
use uses::Uses;

impl Resolution {
    pub fn solve(program: &Program<'_>, models: &ModelSet) -> Resolution {
        let mut flow = Self::propagate(program, models, Grounds::new(program, models), Told::default(), None, 0);
        // Of what helpers make of settings nothing said the role yet.
        let made = flow.made_connections();
        if !made.is_empty() {
            flow = flow.again(Told::of_made(made), None);
        }
        // Which copy of the data a connection leads to is asked only where there are two.
        if !flow.values.all().any(|value| value.role == HandleRole::Replica) {
            return flow.finish();
        }
        // The plain connection of a declared type has gone on beside the one that was given, and one that was made had gone on
        // before what it is made from said its role. Where that happens, all is done again, with both known from the start.
        let told = flow.told();
        let mut roles = flow.is_enriched.then(|| flow.made_roles(false));
        if told.is_settled() && roles.is_none() {
            return flow.finish();
        }
        flow = flow.again(told, roles.clone());
        if roles.is_none() && flow.is_enriched {
            roles = Some(flow.made_roles(false));
            let told = std::mem::take(&mut flow.told);
            flow = flow.again(told, roles.clone());
        }
        let Some(roles) = roles else { return flow.finish() };
        let settled = flow.made_roles(true);
        if settled == roles {
            return flow.finish();
        }
        let told = std::mem::take(&mut flow.told);
        flow.again(told, Some(settled)).finish()
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
        flow.by_settings();
        flow.run();
        flow.by_settings_asked();
        flow.run();
        flow.by_containers();
        flow.run();
        flow.by_registries();
        flow.run();
        flow.by_listing_classes();
        flow.run();
        flow.by_decorated_functions();
        flow.run();
        flow.by_keeping_decorators();
        flow.by_listing_mappings();
        flow.run();
        flow.by_keys();
        flow.run();
        flow.by_filled_types();
        flow.run();
        flow.by_named_members();
        flow.run();
        flow.by_extension_traits();
        flow.run();
        flow.by_tests();
        flow.run();
        flow.by_stubs();
        flow.run();
        flow.by_statements();
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
    /// By node.
    heads: Vec<u32>,
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
    /// As one of a list.
    Listed,
    /// Only the project class passes that a value is or is of: to something of that class.
    Class(PathId),
    /// Likewise: to an instance of it.
    Instance,
    /// The member that a name stands for which is not known.
    Computed,
    /// Only classes of the project themselves.
    Classes,
    /// Only of which type it is.
    Type,
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
    /// What is known by the name that a library registers it under, with what the call gives that registers it.
    registered: FxHashMap<VarId, VarId>,
    /// Roles of what is made, by the node of what it is made at, where they are known from the start.
    roles: Option<FxHashMap<u32, HandleRole>>,
    /// What goes into what is made.
    role_edges: Vec<(u32, u32)>,
    /// Whether something got a role after it was made.
    is_enriched: bool,
    said: Said<'p>,
    calls: FxHashMap<(SiteId, FunctionId), Confidence>,
    /// Calls of abstract methods that many fill in.
    of_many: FxHashSet<(SiteId, FunctionId)>,
    external: FxHashSet<(SiteId, PathId, Value)>,
    bound: FxHashSet<(SiteId, FunctionId)>,
    /// Calls that call one of their arguments with what follows it, by how many stand before that.
    handed_on: FxHashMap<SiteId, u32>,
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
    filled: Vec<filled::Filled>,
    taken: FxHashSet<keyed::Taken>,
    /// Lambdas that functions give back, each with the library's interface that it is given as.
    given_as: Vec<(FunctionId, FunctionId, PathId)>,
    /// Parameters that are given to a method of a connection, each with that connection.
    connections_given: Vec<(VarId, VarId)>,
    /// What tests give to the code that they try out.
    given_by_tests: Vec<(u32, u32)>,
    provided: provided::Provided,
    /// Literals of settings files that code reads, with the fields that hold them.
    settings: FxHashMap<VarId, Vec<(ClassId, Sym)>>,
    names: Names,
    /// What each node is used for.
    uses: Vec<Uses>,
    spread_depth: usize,
    /// Values taken from the queue, in this propagation and those before.
    steps: usize,
}

const MAX_SPREAD_DEPTH: usize = 4;

/// A call with more targets than this is not resolved, only guessed.
const MAX_TARGETS: usize = 4;

/// What so many implementations have in common all are taken to have.
const MAX_ALTERNATIVES: usize = 48;

/// A method that calls an abstract one on its own object is written for all classes below: each fills it in.
const MAX_OWN_TARGETS: usize = 48;

impl<'p, 'f> Flow<'p, 'f> {
    /// Another propagation, which starts from more.
    fn again(mut self, told: Told, roles: Option<FxHashMap<u32, HandleRole>>) -> Self {
        self.grounds.paths = self.paths;
        self.grounds.said = self.said;
        Resolution::propagate(self.program, self.models, self.grounds, told, roles, self.steps)
    }

    fn new(program: &'p Program<'f>, models: &'p ModelSet, mut grounds: Grounds<'p, 'f>) -> Self {
        let facts = program.facts;
        let return_base = facts.count(IdKind::Var) as u32;
        let nodes = return_base + facts.count(IdKind::Function) as u32;
        let mut sets = Sets::default();
        sets.grow(nodes as usize);
        let mut uses = grounds.uses.clone();
        uses.resize(nodes as usize, Uses::default());
        Flow {
            program,
            models,
            paths: std::mem::take(&mut grounds.paths),
            said: std::mem::take(&mut grounds.said),
            grounds,
            values: Values::default(),
            sets,
            queue: VecDeque::new(),
            dynamic: DynamicEdges { heads: vec![END; nodes as usize], ..DynamicEdges::default() },
            nodes,
            return_base,
            class_fields: FxHashMap::default(),
            constructed: FxHashMap::default(),
            object_fields: FxHashMap::default(),
            held_fields: FxHashMap::default(),
            field_roles: Vec::new(),
            told: Told::default(),
            registered: FxHashMap::default(),
            roles: None,
            role_edges: Vec::new(),
            is_enriched: false,
            given_as: Vec::new(),
            calls: FxHashMap::default(),
            of_many: FxHashSet::default(),
            external: FxHashSet::default(),
            bound: FxHashSet::default(),
            handed_on: FxHashMap::default(),
            passed: FxHashSet::default(),
            results_of: FxHashMap::default(),
            callee_nodes: FxHashMap::default(),
            callee_sites: FxHashMap::default(),
            handed: FxHashMap::default(),
            named_members: Vec::new(),
            filled: Vec::new(),
            taken: FxHashSet::default(),
            connections_given: Vec::new(),
            given_by_tests: Vec::new(),
            provided: provided::Provided::default(),
            settings: FxHashMap::default(),
            names: Names::new(facts),
            uses,
            spread_depth: 0,
            steps: 0,
        }
    }

    /// What models say of a library's name.
    fn said(&self, path: PathId) -> OfPath<'p> {
        self.said.of(self.models, &self.paths, path)
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
        if let Some(&role) = self.told.made.get(&node) {
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
        let names_one = |path: PathId| self.said(path).is_handle;
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
        let next = std::mem::replace(&mut self.dynamic.heads[from as usize], self.dynamic.edges.len() as u32);
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
            EdgeKind::Listed => {
                if !matches!(self.values.get(id).kind, ValueKind::Collection(_)) {
                    self.add(to, Value::new(ValueKind::Collection(id)));
                }
            }
            EdgeKind::Held(owner) => {
                let value = self.held_by(self.values.get(id), owner);
                self.add(to, value);
            }
            EdgeKind::Computed => {
                let value = self.values.get(id);
                if let ValueKind::External(path) = value.kind {
                    self.some_method(path, value, to);
                }
            }
            EdgeKind::Classes => {
                if let ValueKind::Class(_) = self.values.get(id).kind {
                    self.add_id(to, id);
                }
            }
            EdgeKind::Type => {
                let value = self.values.get(id);
                if matches!(value.kind, ValueKind::External(_) | ValueKind::Instance(_)) {
                    self.add(to, Value { role: HandleRole::Unknown, ..value });
                }
            }
            EdgeKind::Class(_) | EdgeKind::Instance => {
                let value = self.values.get(id);
                let class = match value.kind {
                    ValueKind::Class(class) => Some(class),
                    ValueKind::External(_) => value.class,
                    ValueKind::Instance(class) if matches!(kind, EdgeKind::Class(_)) => Some(class),
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

    pub(super) fn node(var: VarId) -> u32 {
        var.index() as u32
    }

    pub(super) fn return_node(&self, function: FunctionId) -> u32 {
        self.return_base + function.index() as u32
    }

    pub(super) fn fresh_node(&mut self, name: Sym) -> u32 {
        let node = self.nodes;
        self.nodes += 1;
        self.dynamic.heads.push(END);
        self.uses.push(Uses::default());
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
        if let (Some(&role), Some(last)) =
            (self.grounds.annotated_fields.get(&(class, field)), self.field_roles.last_mut())
        {
            *last = role;
        }
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
}

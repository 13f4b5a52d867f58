//! The propagation itself.

use std::collections::VecDeque;

use distsys_facts::schema::{Call, Load, Store};
use distsys_facts::{
    CallKind, ClassId, FunctionFlags, FunctionId, FunctionKind, Id, IdKind, Language, ModuleId, ParameterKind, SiteId,
    Sym, VarId,
};
use rustc_hash::{FxHashMap, FxHashSet};

use super::bindings::{Binding, Bindings, TypeTarget};
use super::members::{Hierarchy, Member};
use super::values::{HandleRole, Sets, Value, ValueId, ValueKind, Values};
use crate::model::{ModelSet, Returned};
use crate::paths::{PathId, Paths};
use crate::program::Program;
use crate::words::role_of_name;

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
    /// Library functions called, by site: the name, and the value through which it was reached.
    pub external: Vec<(SiteId, PathId, Value)>,
    /// By site.
    pub passed: Vec<Passed>,
    /// Class fields, with the nodes that hold them.
    fields: FxHashMap<(ClassId, Sym), u32>,
    ancestors: Vec<Vec<ClassId>>,
    /// The variable of another module that an import stands for.
    imported: FxHashMap<VarId, VarId>,
    calls_by_site: FxHashMap<SiteId, (u32, u32)>,
    passed_by_site: FxHashMap<SiteId, (u32, u32)>,
    external_by_site: FxHashMap<SiteId, (u32, u32)>,
    class_lines: FxHashMap<ClassId, Vec<PathId>>,
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

    /// The arguments that reach parameters of project functions at `site`.
    pub fn passed_at(&self, site: SiteId) -> &[Passed] {
        self.passed_by_site.get(&site).map_or(&[], |&(start, end)| &self.passed[start as usize..end as usize])
    }

    /// What a field of a class may hold, inherited ones included.
    pub fn field_values(&self, class: ClassId, field: Sym) -> impl Iterator<Item = Value> + '_ {
        self.ancestors[class.index()]
            .iter()
            .filter_map(move |ancestor| self.fields.get(&(*ancestor, field)))
            .flat_map(|&node| self.sets.of(node))
            .map(|id| self.values.get(id))
    }

    /// The variable that an imported one stands for.
    pub fn imported(&self, var: VarId) -> Option<VarId> {
        self.imported.get(&var).copied()
    }

    /// A class with its project bases, nearest first.
    pub fn ancestors(&self, class: ClassId) -> &[ClassId] {
        &self.ancestors[class.index()]
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
        let mut paths = Paths::default();
        let bindings = Bindings::new(program, models);
        let hierarchy = Hierarchy::new(program, &bindings, &mut paths);
        let mut flow = Flow::new(program, models, bindings, hierarchy, paths);
        flow.seed();
        flow.run();
        flow.by_decorated_functions();
        flow.run();
        flow.by_unique_name();
        flow.run();
        flow.finish()
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
}

const END: u32 = u32::MAX;

struct Flow<'p, 'f> {
    program: &'p Program<'f>,
    models: &'p ModelSet,
    bindings: Bindings<'p, 'f>,
    hierarchy: Hierarchy,
    paths: Paths,
    values: Values,
    sets: Sets,
    queue: VecDeque<(u32, ValueId)>,
    dynamic: DynamicEdges,
    nodes: u32,
    return_base: u32,
    class_fields: FxHashMap<(ClassId, Sym), u32>,
    object_fields: FxHashMap<(VarId, Sym), u32>,
    /// Role that the name of a node gives to connections under it.
    name_roles: FxHashMap<u32, HandleRole>,
    calls: FxHashMap<(SiteId, FunctionId), Confidence>,
    external: FxHashSet<(SiteId, PathId, Value)>,
    bound: FxHashSet<(SiteId, FunctionId)>,
    passed: FxHashSet<Passed>,
    /// Nodes that hold what a call of a member may call.
    callee_nodes: FxHashMap<SiteId, u32>,
    callee_sites: FxHashMap<u32, SiteId>,
    any_element: Sym,
    computed: Sym,
    spread_depth: usize,
}

const MAX_SPREAD_DEPTH: usize = 4;

/// A call with more targets than this is not resolved, only guessed.
const MAX_TARGETS: usize = 4;

impl<'p, 'f> Flow<'p, 'f> {
    fn new(
        program: &'p Program<'f>,
        models: &'p ModelSet,
        bindings: Bindings<'p, 'f>,
        hierarchy: Hierarchy,
        paths: Paths,
    ) -> Self {
        let facts = program.facts;
        let return_base = facts.count(IdKind::Var) as u32;
        let nodes = return_base + facts.count(IdKind::Function) as u32;
        let mut sets = Sets::default();
        sets.grow(nodes as usize);
        let mut flow = Flow {
            program,
            models,
            bindings,
            hierarchy,
            paths,
            values: Values::default(),
            sets,
            queue: VecDeque::new(),
            dynamic: DynamicEdges::default(),
            nodes,
            return_base,
            class_fields: FxHashMap::default(),
            object_fields: FxHashMap::default(),
            name_roles: FxHashMap::default(),
            calls: FxHashMap::default(),
            external: FxHashSet::default(),
            bound: FxHashSet::default(),
            passed: FxHashSet::default(),
            callee_nodes: FxHashMap::default(),
            callee_sites: FxHashMap::default(),
            any_element: facts.symbols.lookup("[*]").unwrap_or(Sym::EMPTY),
            computed: facts.symbols.lookup("[]").unwrap_or(Sym::EMPTY),
            spread_depth: 0,
        };
        flow.name_the_nodes();
        flow
    }

    fn name_the_nodes(&mut self) {
        let facts = self.program.facts;
        let mut by_name: FxHashMap<Sym, HandleRole> = FxHashMap::default();
        for row in &facts.relations.variable {
            let role = *by_name.entry(row.name).or_insert_with(|| role_of_name(facts.text(row.name), false));
            if role != HandleRole::Unknown {
                self.name_roles.insert(row.var.index() as u32, role);
            }
        }
        for row in &facts.relations.function {
            let role = role_of_name(facts.text(row.name), true);
            if role != HandleRole::Unknown {
                self.name_roles.insert(self.return_base + row.function.index() as u32, role);
            }
        }
    }

    // ---- nodes and values

    fn add(&mut self, node: u32, value: Value) {
        let id = self.values.intern(value);
        self.add_id(node, id);
    }

    fn add_id(&mut self, node: u32, mut id: ValueId) {
        if let Some(&role) = self.name_roles.get(&node) {
            let value = self.values.get(id);
            if value.role == HandleRole::Unknown && self.is_handle(value) {
                id = self.values.intern(Value { role, ..value });
            }
        }
        if self.sets.add(node, id) {
            self.queue.push_back((node, id));
        }
    }

    fn is_handle(&self, value: Value) -> bool {
        match value.kind {
            ValueKind::External(path) => self.models.is_handle_anywhere(self.paths.text(path)),
            ValueKind::Instance(class) => self
                .hierarchy
                .external_bases(class)
                .any(|(path, _)| self.models.is_handle_anywhere(self.paths.text(path))),
            _ => false,
        }
    }

    fn edge(&mut self, from: u32, to: u32, kind: EdgeKind) {
        if from == to || !self.dynamic.known.insert((from, to)) {
            return;
        }
        let next = self.dynamic.heads.insert(from, self.dynamic.edges.len() as u32).unwrap_or(END);
        self.dynamic.edges.push((to, next, kind));
        let now: Vec<ValueId> = self.sets.of(from).collect();
        for id in now {
            self.pass(id, to, kind);
        }
    }

    fn pass(&mut self, id: ValueId, to: u32, kind: EdgeKind) {
        match kind {
            EdgeKind::All => self.add_id(to, id),
            EdgeKind::Role => {
                let role = self.values.get(id).role;
                if role != HandleRole::Unknown {
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

    fn node(var: VarId) -> u32 {
        var.index() as u32
    }

    fn return_node(&self, function: FunctionId) -> u32 {
        self.return_base + function.index() as u32
    }

    fn fresh_node(&mut self, name: Sym) -> u32 {
        let node = self.nodes;
        self.nodes += 1;
        self.sets.grow(self.nodes as usize);
        let role = role_of_name(self.program.text(name), false);
        if role != HandleRole::Unknown {
            self.name_roles.insert(node, role);
        }
        node
    }

    fn class_field(&mut self, class: ClassId, field: Sym) -> u32 {
        if let Some(&node) = self.class_fields.get(&(class, field)) {
            return node;
        }
        let node = self.fresh_node(field);
        self.class_fields.insert((class, field), node);
        node
    }

    fn object_field(&mut self, object: VarId, field: Sym) -> u32 {
        if let Some(&node) = self.object_fields.get(&(object, field)) {
            return node;
        }
        let node = self.fresh_node(field);
        self.object_fields.insert((object, field), node);
        node
    }

    fn language_of(&self, site: SiteId) -> Language {
        self.program.language(self.program.file_of_function(self.program.site(site).function))
    }

    // ---- seeds

    fn seed(&mut self) {
        let r = &self.program.facts.relations;
        for row in &r.closure {
            self.add(Self::node(row.var), Value::new(ValueKind::Function(row.function)));
        }
        for row in &r.class_value {
            self.add(Self::node(row.var), Value::new(ValueKind::Class(row.class)));
        }
        for row in &r.import {
            if let Some(binding) = self.bindings.imported(row.var) {
                self.seed_binding(Self::node(row.var), binding);
            }
        }
        for row in &r.global {
            if let Some(binding) = self.bindings.free(row.module, self.program.text(row.path)) {
                self.seed_binding(Self::node(row.var), binding);
            }
        }
        for row in &r.parameter {
            let node = Self::node(row.var);
            let function = self.program.function(row.function);
            if row.kind == ParameterKind::Receiver
                && let Some(class) = function.class
            {
                let class = self.hierarchy.whole(class);
                self.add(node, Value::new(ValueKind::Instance(class)));
            }
            if !row.type_.is_empty() {
                self.seed_type(node, function.module, row.type_);
            }
            if let Some(default) = row.default {
                self.edge(Self::node(default), node, EdgeKind::All);
            }
        }
        let mut type_modules: FxHashMap<VarId, ModuleId> = FxHashMap::default();
        for row in &r.variable {
            type_modules.insert(row.var, self.program.function(row.function).module);
        }
        for row in &r.declared_type {
            let module = type_modules.get(&row.var).copied().or_else(|| {
                let call = self.program.call_giving(row.var)?;
                Some(self.program.function(self.program.site(call.site).function).module)
            });
            if let Some(module) = module {
                self.seed_type(Self::node(row.var), module, row.type_);
            }
        }
        for row in &r.return_type {
            let function = self.program.function(row.function);
            let node = self.return_node(row.function);
            self.seed_type(node, function.module, row.type_);
        }
        for row in &r.field {
            let class = self.hierarchy.whole(row.class);
            let node = self.class_field(class, row.name);
            if !row.type_.is_empty() {
                self.seed_type(node, self.program.class(row.class).module, row.type_);
            }
            if let Some(value) = row.value {
                self.edge(Self::node(value), node, EdgeKind::All);
            }
        }
        for row in &r.returns {
            if let Some(var) = row.var {
                let node = self.return_node(row.function);
                self.edge(Self::node(var), node, EdgeKind::All);
            }
        }
        for row in &r.yields {
            if let Some(var) = row.var {
                let node = self.return_node(row.function);
                self.edge(Self::node(var), node, EdgeKind::All);
            }
        }
        self.seed_constants();
        let mut last = None;
        for var in r.entry.iter().map(|row| row.var).chain(r.element.iter().map(|row| row.var)) {
            if last != Some(var) {
                self.add(Self::node(var), Value::new(ValueKind::Object(var)));
                last = Some(var);
            }
        }
    }

    /// Literals that modules, classes and object literals give a name; others are seen where they stand.
    fn seed_constants(&mut self) {
        let program = self.program;
        let r = &program.facts.relations;
        let module_level = |var: VarId| {
            program.variable(var).is_some_and(|row| program.function(row.function).kind == FunctionKind::Module)
        };
        let named = r.assign.iter().filter(|row| module_level(row.dst)).map(|row| row.src);
        let fields = r.field.iter().filter_map(|row| row.value);
        let entries = r.entry.iter().map(|row| row.value);
        for var in named.chain(fields).chain(entries) {
            if program.literal(var).is_some() {
                self.add(Self::node(var), Value::new(ValueKind::Literal(var)));
            }
        }
    }

    fn seed_binding(&mut self, node: u32, binding: Binding) {
        match binding {
            Binding::Var(var) => self.edge(Self::node(var), node, EdgeKind::All),
            Binding::Module(module) => self.add(node, Value::new(ValueKind::Module(module))),
            Binding::External(path) => {
                let path = self.paths.intern(&path);
                self.add(node, Value::new(ValueKind::External(path)));
            }
        }
    }

    fn seed_type(&mut self, node: u32, module: ModuleId, text: Sym) {
        for target in self.bindings.types(module, self.program.text(text), 0) {
            if let Some(value) = self.value_of_type(&target) {
                self.add(node, value);
            }
        }
    }

    fn value_of_type(&mut self, target: &TypeTarget) -> Option<Value> {
        Some(match target {
            TypeTarget::Class(class) => Value::new(ValueKind::Instance(self.hierarchy.whole(*class))),
            TypeTarget::External(path, class) => {
                Value { class: *class, ..Value::new(ValueKind::External(self.paths.intern(path))) }
            }
            TypeTarget::Collection(inner) => {
                let inner = self.value_of_type(inner)?;
                let inner = self.values.intern(inner);
                Value::new(ValueKind::Collection(inner))
            }
        })
    }

    // ---- propagation

    fn run(&mut self) {
        while let Some((node, id)) = self.queue.pop_front() {
            let mut next = self.dynamic.heads.get(&node).copied().unwrap_or(END);
            while next != END {
                let (to, after, kind) = self.dynamic.edges[next as usize];
                self.pass(id, to, kind);
                next = after;
            }
            if let Some(&site) = self.callee_sites.get(&node)
                && let Some(row) = self.program.call(site)
            {
                let value = self.values.get(id);
                self.call(row, value, Confidence::High);
            }
            if node >= self.return_base {
                continue;
            }
            let var = VarId::new(node as usize);
            let value = self.values.get(id);
            let program = self.program;
            let r = &program.facts.relations;
            for row in program.assign_by_src.of(&r.assign, var) {
                self.add_id(Self::node(row.dst), id);
            }
            for row in program.load_by_base.of(&r.load, var) {
                self.load(row, value);
            }
            for row in program.store_by_base.of(&r.store, var) {
                self.store(row, value);
            }
            for row in program.calls_by_callee.of(&r.call, var) {
                self.call(row, value, Confidence::High);
            }
            for row in program.calls_by_receiver.of(&r.call, var) {
                self.call_member(row, value);
            }
            // An `async` block runs where it is awaited.
            if let ValueKind::Function(function) = value.kind
                && program.function(function).kind == FunctionKind::AsyncBlock
            {
                for row in program.suspend_by_var.of(&r.suspend, var) {
                    self.record(row.site, function, Confidence::High);
                }
            }
        }
    }

    fn load(&mut self, row: &Load, base: Value) {
        let to = Self::node(row.dst);
        // What a pointer points to is of its type.
        if self.program.text(row.field) == "*" {
            self.add(to, base);
            return;
        }
        self.member(base, row.field, to);
    }

    /// Lets what `name` of `base` is flow to `to`.
    fn member(&mut self, base: Value, name: Sym, to: u32) {
        match base.kind {
            ValueKind::Module(module) => {
                if let Some(binding) = self.bindings.exported(module, name, 0) {
                    self.seed_binding(to, binding);
                } else if let Some(binding) = self.whole_export(module) {
                    // CommonJS: `module.exports = x`, then `require(…).name`.
                    let values: Vec<Value> = self.sets.of(Self::node(binding)).map(|id| self.values.get(id)).collect();
                    for value in values {
                        if !matches!(value.kind, ValueKind::Module(_)) {
                            self.member(value, name, to);
                        }
                    }
                }
            }
            ValueKind::Class(class) | ValueKind::Instance(class) => match self.hierarchy.member(class, name) {
                Member::Method(function) => {
                    if self.program.function(function).flags.has(FunctionFlags::PROPERTY) {
                        let from = self.return_node(function);
                        self.edge(from, to, EdgeKind::All);
                    } else {
                        self.add(to, Value { class: Some(class), ..Value::new(ValueKind::Function(function)) });
                    }
                }
                Member::Field => {
                    let line: Vec<ClassId> = self.hierarchy.ancestors(class).to_vec();
                    for ancestor in line {
                        let from = self.class_field(ancestor, name);
                        self.edge(from, to, EdgeKind::All);
                    }
                }
                Member::External(bases) => {
                    for (path, argument) in bases {
                        self.external_member(path, name, Value { class: argument.or(Some(class)), ..base }, to);
                    }
                }
                Member::Nothing => {}
            },
            ValueKind::External(path) => self.external_member(path, name, base, to),
            ValueKind::Object(object) => self.object_member(object, name, to),
            ValueKind::Collection(inner) => {
                let text = self.program.text(name);
                if name == self.any_element || name == self.computed || text.bytes().all(|byte| byte.is_ascii_digit()) {
                    self.add_id(to, inner);
                }
            }
            ValueKind::Function(_) | ValueKind::Literal(_) => {}
        }
    }

    fn whole_export(&self, module: ModuleId) -> Option<VarId> {
        let name = self.program.facts.symbols.lookup("=")?;
        match self.bindings.exported(module, name, 0) {
            Some(Binding::Var(var)) => Some(var),
            _ => None,
        }
    }

    fn external_member(&mut self, path: PathId, name: Sym, base: Value, to: u32) {
        let text = self.program.text(name);
        let models = self.models;
        if text.starts_with('[') {
            // Elements are of a type of their own where a model says so.
            let element = format!("{}.[]", self.paths.text(path));
            if let Some(type_) = models.element_type(&element) {
                let path = self.paths.intern(&type_);
                self.add(to, Value { kind: ValueKind::External(path), ..base });
                return;
            }
        }
        if text.starts_with('[') || text.is_empty() {
            return;
        }
        let member = self.paths.member(path, name, text, |whole| models.canonical_anywhere(whole));
        if let Some(member) = member {
            self.add(to, Value { kind: ValueKind::External(member), ..base });
        }
    }

    fn object_member(&mut self, object: VarId, name: Sym, to: u32) {
        let program = self.program;
        let r = &program.facts.relations;
        let any = name == self.any_element || name == self.computed;
        for row in program.entry_by_var.of(&r.entry, object) {
            if any || row.key == name {
                self.edge(Self::node(row.value), to, EdgeKind::All);
            } else if program.text(row.key) == "**" && self.spread_depth < MAX_SPREAD_DEPTH {
                // Objects may hold one another; the depth ends such circles.
                self.spread_depth += 1;
                let values: Vec<Value> = self.sets.of(Self::node(row.value)).map(|id| self.values.get(id)).collect();
                for value in values {
                    if value.kind != ValueKind::Object(object) {
                        self.member(value, name, to);
                    }
                }
                self.spread_depth -= 1;
            }
        }
        for row in program.element_by_var.of(&r.element, object) {
            if any || program.text(name).parse() == Ok(row.index) {
                self.edge(Self::node(row.value), to, EdgeKind::All);
            }
        }
        let from = self.object_field(object, name);
        self.edge(from, to, EdgeKind::All);
    }

    fn store(&mut self, row: &Store, base: Value) {
        let from = Self::node(row.src);
        match base.kind {
            ValueKind::Instance(class) | ValueKind::Class(class) => {
                let to = self.class_field(class, row.field);
                self.edge(from, to, EdgeKind::All);
            }
            ValueKind::Object(object) => {
                let to = self.object_field(object, row.field);
                self.edge(from, to, EdgeKind::All);
            }
            _ => {}
        }
    }

    fn call_member(&mut self, row: &Call, receiver: Value) {
        // A temporary node a call stands for the member that is called.
        let class = match receiver.kind {
            ValueKind::Class(class) | ValueKind::Instance(class) => class,
            ValueKind::External(path) => {
                let text = self.program.text(row.name);
                let models = self.models;
                if let Some(member) = self.paths.member(path, row.name, text, |whole| models.canonical_anywhere(whole))
                {
                    self.call_external(row, member, receiver);
                }
                return;
            }
            ValueKind::Collection(inner) => {
                self.apply_to_elements(row, inner);
                return;
            }
            _ => {
                let node = self.callee_node(row.site);
                self.member(receiver, row.name, node);
                return;
            }
        };
        match self.hierarchy.member(class, row.name) {
            Member::Method(function) => {
                let receiver_is_class = matches!(receiver.kind, ValueKind::Class(_));
                self.call_function(row, function, Some(receiver_is_class), Confidence::High);
            }
            Member::Field => {
                let node = self.callee_node(row.site);
                self.member(receiver, row.name, node);
            }
            Member::External(bases) => {
                let text = self.program.text(row.name);
                let models = self.models;
                for (path, argument) in bases {
                    if let Some(member) =
                        self.paths.member(path, row.name, text, |whole| models.canonical_anywhere(whole))
                    {
                        let via = Value { class: argument.or(Some(class)), ..receiver };
                        self.call_external(row, member, via);
                    }
                }
            }
            Member::Nothing => {}
        }
    }

    /// The node whose values are called at `site`.
    fn callee_node(&mut self, site: SiteId) -> u32 {
        if let Some(&node) = self.callee_nodes.get(&site) {
            return node;
        }
        let node = self.fresh_node(Sym::EMPTY);
        self.callee_nodes.insert(site, node);
        self.callee_sites.insert(node, site);
        node
    }

    // ---- calls

    fn call(&mut self, row: &Call, callee: Value, confidence: Confidence) {
        match callee.kind {
            ValueKind::Function(function) => {
                let through = callee.class.map(|_| false);
                self.call_function(row, function, through, confidence);
            }
            ValueKind::Class(class) => self.construct(row, class),
            ValueKind::Instance(class) => {
                let name = self.program.facts.symbols.lookup("__call__");
                if let Some(name) = name
                    && let Member::Method(function) = self.hierarchy.member(class, name)
                {
                    self.call_function(row, function, Some(false), confidence);
                }
            }
            ValueKind::External(path) => self.call_external(row, path, callee),
            ValueKind::Module(module) => {
                if let Some(var) = self.whole_export(module) {
                    let node = self.callee_node(row.site);
                    self.edge(Self::node(var), node, EdgeKind::All);
                }
            }
            ValueKind::Object(_) | ValueKind::Collection(_) | ValueKind::Literal(_) => {}
        }
    }

    /// `through`: called as a member, of a class (true) or of an instance (false).
    fn call_function(&mut self, row: &Call, function: FunctionId, through: Option<bool>, confidence: Confidence) {
        let implementations = self.hierarchy.implementations(self.program, function);
        if implementations.is_empty() {
            self.record(row.site, function, confidence);
            self.bind(row, function, through);
            return;
        }
        if implementations.len() > MAX_TARGETS {
            // Still of the abstract method's type.
            self.bind(row, function, through);
            return;
        }
        let confidence = if implementations.len() == 1 { confidence } else { confidence.min(Confidence::Medium) };
        self.bind(row, function, through);
        for function in implementations {
            self.record(row.site, function, confidence);
            self.bind(row, function, through);
        }
    }

    fn record(&mut self, site: SiteId, function: FunctionId, confidence: Confidence) {
        self.calls.entry((site, function)).and_modify(|known| *known = (*known).max(confidence)).or_insert(confidence);
    }

    /// Arguments flow to parameters, the returned value to the result.
    fn bind(&mut self, row: &Call, function: FunctionId, through: Option<bool>) {
        self.bind_receiver(row, function, through, row.receiver);
    }

    fn bind_receiver(&mut self, row: &Call, function: FunctionId, through: Option<bool>, receiver: Option<VarId>) {
        if row.kind == CallKind::Annotation || !self.bound.insert((row.site, function)) {
            return;
        }
        let program = self.program;
        let parameters: Vec<_> = program.parameters(function).collect();
        let has_receiver = parameters.first().is_some_and(|parameter| parameter.kind == ParameterKind::Receiver);
        let positional = program.arguments(row.site).filter(|argument| argument.position != u32::MAX).count();
        let named = parameters.iter().filter(|parameter| parameter.kind == ParameterKind::Positional).count();
        // `Type::method(x, …)` passes the receiver as the first argument.
        let explicit_receiver = has_receiver && through != Some(false) && positional == named + 1;
        let offset = usize::from(has_receiver && !explicit_receiver);
        for argument in program.arguments(row.site) {
            let keyword = program.text(argument.keyword);
            let target = if argument.position != u32::MAX && keyword.is_empty() {
                let at = argument.position as usize + offset;
                match parameters.get(at) {
                    Some(parameter) if parameter.kind != ParameterKind::KeywordOnly => Some(parameter),
                    _ => None,
                }
            } else {
                parameters.iter().find(|parameter| parameter.name == argument.keyword && !keyword.is_empty())
            };
            if let Some(parameter) = target
                && !matches!(parameter.kind, ParameterKind::Rest | ParameterKind::KeywordRest)
            {
                self.edge(Self::node(argument.var), Self::node(parameter.var), EdgeKind::All);
                self.passed.insert(Passed { site: row.site, parameter: parameter.var, argument: argument.var });
            }
        }
        if has_receiver
            && !explicit_receiver
            && let Some(receiver) = receiver
        {
            self.passed.insert(Passed { site: row.site, parameter: parameters[0].var, argument: receiver });
        }
        let from = self.return_node(function);
        self.edge(from, Self::node(row.result), EdgeKind::All);
    }

    fn construct(&mut self, row: &Call, class: ClassId) {
        if row.kind == CallKind::Annotation {
            return;
        }
        let class = self.hierarchy.whole(class);
        self.add(Self::node(row.result), Value::new(ValueKind::Instance(class)));
        // `Orders(replica_session)`: what is built on a connection has its role.
        for argument in self.program.arguments(row.site) {
            self.edge(Self::node(argument.var), Self::node(row.result), EdgeKind::Role);
        }
        for name in ["__init__", "constructor"] {
            if let Some(name) = self.program.facts.symbols.lookup(name)
                && let Member::Method(function) = self.hierarchy.member(class, name)
            {
                self.record(row.site, function, Confidence::High);
                let result = Call { result: row.result, ..*row };
                self.bind_constructor(&result, function);
                return;
            }
        }
        // A struct literal, a dataclass: arguments are fields.
        for argument in self.program.arguments(row.site) {
            if !argument.keyword.is_empty() {
                let to = self.class_field(class, argument.keyword);
                self.edge(Self::node(argument.var), to, EdgeKind::All);
            }
        }
        let bases: Vec<(PathId, Option<ClassId>)> = self.hierarchy.external_bases(class).collect();
        for (path, _) in bases {
            self.external.insert((
                row.site,
                path,
                Value { class: Some(class), ..Value::new(ValueKind::External(path)) },
            ));
        }
    }

    fn bind_constructor(&mut self, row: &Call, function: FunctionId) {
        // What a constructor returns is not what constructing gives.
        let returns = self.return_node(function);
        self.dynamic.known.insert((returns, Self::node(row.result)));
        self.bind_receiver(row, function, Some(false), Some(row.result));
    }

    fn call_external(&mut self, row: &Call, path: PathId, via: Value) {
        if !self.external.insert((row.site, path, via)) || row.kind == CallKind::Annotation {
            return;
        }
        let to = Self::node(row.result);
        if self.paths.text(path) == "super" && row.receiver.is_none() {
            for value in self.bases_of_method(row.site) {
                self.add(to, value);
            }
            return;
        }
        let family = self.language_of(row.site).into();
        let returned = self.models.returns(family, self.paths.text(path)).cloned();
        let value = match returned {
            None => Value { kind: ValueKind::External(path), ..via },
            Some(Returned::SelfType) => {
                let Some(parent) = self.parent(path) else { return };
                Value { kind: ValueKind::External(parent), ..via }
            }
            Some(Returned::Receiver) => {
                if let Some(receiver) = row.receiver {
                    self.edge(Self::node(receiver), to, EdgeKind::All);
                }
                return;
            }
            Some(Returned::Argument(index)) => {
                if let Some(var) = self.positional(row.site, index) {
                    self.edge(Self::node(var), to, EdgeKind::All);
                }
                return;
            }
            Some(Returned::CallOf(index)) => {
                if let Some(var) = self.positional(row.site, index) {
                    let node = self.callee_node(row.site);
                    self.edge(Self::node(var), node, EdgeKind::All);
                }
                return;
            }
            Some(Returned::Type(text)) => {
                let text = self.fill(&text, row.site);
                let text = self.models.canonical_anywhere(&text).unwrap_or(text);
                Value { kind: ValueKind::External(self.paths.intern(&text)), ..via }
            }
        };
        // A class argument says what the value is of: `getRepository(Order)`, `session.query(Order)`.
        let class = value.class.or_else(|| self.class_argument(row.site));
        let mut value = Value { class, ..value };
        if self.is_handle(value) {
            if value.role == HandleRole::Unknown {
                value.role = self.role_of_arguments(row.site);
            }
            for argument in self.program.arguments(row.site) {
                self.edge(Self::node(argument.var), to, EdgeKind::Role);
            }
        }
        self.add(to, value);
        self.callback_gets_receiver(row, via);
    }

    /// A function given to a method of a connection gets that connection (`db.transaction(tx => …)`).
    fn callback_gets_receiver(&mut self, row: &Call, via: Value) {
        let Some(receiver) = row.receiver else { return };
        if !matches!(via.kind, ValueKind::External(_) | ValueKind::Instance(_)) {
            return;
        }
        for argument in self.program.arguments(row.site) {
            let Some(function) = self.program.closure(argument.var) else { continue };
            if let Some(parameter) =
                self.program.parameters(function).find(|parameter| parameter.kind == ParameterKind::Positional)
                && parameter.type_.is_empty()
            {
                let values: Vec<Value> = self.sets.of(Self::node(receiver)).map(|id| self.values.get(id)).collect();
                for value in values {
                    if self.is_handle(value) {
                        self.add(Self::node(parameter.var), value);
                    }
                }
            }
        }
    }

    /// A function given to a method of a collection gets its elements (`orders.map(order => …)`).
    fn apply_to_elements(&mut self, row: &Call, inner: ValueId) {
        for argument in self.program.arguments(row.site) {
            if let Some(function) = self.program.closure(argument.var)
                && let Some(parameter) = self.program.parameters(function).next()
            {
                self.add_id(Self::node(parameter.var), inner);
            }
        }
        let name = self.program.text(row.name);
        if matches!(
            name,
            "pop"
                | "shift"
                | "find"
                | "at"
                | "get"
                | "first"
                | "last"
                | "next"
                | "pop_front"
                | "values"
                | "iter"
                | "into_iter"
        ) {
            self.add_id(Self::node(row.result), inner);
        }
    }

    fn parent(&mut self, path: PathId) -> Option<PathId> {
        let text = self.paths.text(path);
        let (parent, _) = text.rsplit_once('.')?;
        let parent = parent.to_owned();
        Some(self.paths.intern(&parent))
    }

    fn positional(&self, site: SiteId, index: usize) -> Option<VarId> {
        self.program.arguments(site).find(|argument| argument.position as usize == index).map(|argument| argument.var)
    }

    /// `boto3.{0}` with the text of argument 0.
    fn fill(&self, text: &str, site: SiteId) -> String {
        let mut filled = text.to_owned();
        for index in 0..3 {
            let hole = format!("{{{index}}}");
            if filled.contains(&hole) {
                let argument = self.positional(site, index).and_then(|var| self.program.literal(var));
                let value = argument.map_or("unknown", |literal| self.program.text(literal.value));
                filled = filled.replace(&hole, value);
            }
        }
        filled
    }

    fn class_argument(&self, site: SiteId) -> Option<ClassId> {
        let first = self.positional(site, 0)?;
        self.sets.of(Self::node(first)).find_map(|id| match self.values.get(id).kind {
            ValueKind::Class(class) => Some(class),
            _ => None,
        })
    }

    /// The role that the names and settings in the arguments of a connection's making say.
    fn role_of_arguments(&self, site: SiteId) -> HandleRole {
        let mut roles = self.program.arguments(site).map(|argument| self.role_of_value(argument.var, 0));
        roles.find(|role| *role != HandleRole::Unknown).unwrap_or_default()
    }

    fn role_of_value(&self, var: VarId, depth: u32) -> HandleRole {
        const MAX_DEPTH: u32 = 5;
        if depth > MAX_DEPTH {
            return HandleRole::Unknown;
        }
        let program = self.program;
        let r = &program.facts.relations;
        let known = |role: HandleRole| (role != HandleRole::Unknown).then_some(role);
        let by_name = |sym: Sym| known(role_of_name(program.text(sym), false));
        program
            .literal(var)
            .and_then(|literal| by_name(literal.value))
            .or_else(|| {
                program
                    .loaded_as(var)
                    .and_then(|load| by_name(load.field).or_else(|| known(self.role_of_value(load.base, depth + 1))))
            })
            .or_else(|| program.variable(var).and_then(|variable| by_name(variable.name)))
            .or_else(|| program.global(var).and_then(by_name))
            .or_else(|| program.template(var).and_then(by_name))
            .or_else(|| program.assigned_from(var).find_map(|row| known(self.role_of_value(row.src, depth + 1))))
            .or_else(|| {
                program.hole_by_var.of(&r.hole, var).find_map(|row| known(self.role_of_value(row.value, depth + 1)))
            })
            .or_else(|| {
                program.entry_by_var.of(&r.entry, var).find_map(|row| known(self.role_of_value(row.value, depth + 1)))
            })
            .or_else(|| {
                let call = program.call_giving(var)?;
                program.arguments(call.site).find_map(|argument| known(self.role_of_value(argument.var, depth + 1)))
            })
            .unwrap_or_default()
    }

    /// A method of a decorated function is the decorator's: `work.delay()` of a `@shared_task`.
    fn by_decorated_functions(&mut self) {
        let program = self.program;
        let r = &program.facts.relations;
        let mut found: Vec<(Call, PathId, Value)> = Vec::new();
        let mut decorators: FxHashMap<FunctionId, Vec<SiteId>> = FxHashMap::default();
        for row in &r.function_annotation {
            decorators.entry(row.function).or_default().push(row.site);
        }
        let mut by_site: FxHashMap<SiteId, Vec<(PathId, Value)>> = FxHashMap::default();
        for &(site, path, via) in &self.external {
            by_site.entry(site).or_default().push((path, via));
        }
        for row in &r.call {
            let Some(receiver) = row.receiver else { continue };
            for id in self.sets.of(Self::node(receiver)) {
                let ValueKind::Function(function) = self.values.get(id).kind else { continue };
                for site in decorators.get(&function).into_iter().flatten() {
                    let mut paths = by_site.get(site).cloned().unwrap_or_default();
                    paths.sort_unstable();
                    found.extend(paths.into_iter().map(|(path, via)| (*row, path, via)));
                }
            }
        }
        // `@task(bind=True) def work(self)`: the first parameter is the decorator's object.
        for (&function, sites) in &decorators {
            if program.function(function).class.is_some() {
                continue;
            }
            let Some(first) = program.parameters(function).next().filter(|row| program.text(row.name) == "self") else {
                continue;
            };
            let mut values: Vec<(PathId, Value)> =
                sites.iter().flat_map(|site| by_site.get(site).cloned().unwrap_or_default()).collect();
            values.sort_unstable();
            for (path, _) in values {
                self.add(Self::node(first.var), Value::new(ValueKind::External(path)));
            }
        }
        for (row, path, via) in found {
            let models = self.models;
            let text = program.text(row.name);
            if let Some(member) = self.paths.member(path, row.name, text, |whole| models.canonical_anywhere(whole)) {
                self.call_external(&row, member, via);
            }
        }
    }

    /// What `super()` is in the method that `site` stands in: an instance as its bases see it.
    fn bases_of_method(&mut self, site: SiteId) -> Vec<Value> {
        let program = self.program;
        let mut function = Some(program.site(site).function);
        while let Some(id) = function {
            let row = program.function(id);
            if let Some(class) = row.class {
                let line: Vec<ClassId> = self.hierarchy.ancestors(class)[1..].to_vec();
                if let Some(&base) = line.first() {
                    return vec![Value::new(ValueKind::Instance(base))];
                }
                let bases: Vec<(PathId, Option<ClassId>)> = self.hierarchy.external_bases(class).collect();
                return bases
                    .into_iter()
                    .map(|(path, argument)| Value {
                        class: argument.or(Some(class)),
                        ..Value::new(ValueKind::External(path))
                    })
                    .collect();
            }
            function = row.parent;
        }
        Vec::new()
    }

    /// A method name that one class of the project alone defines, and that is no common word, names that method.
    fn by_unique_name(&mut self) {
        let program = self.program;
        let r = &program.facts.relations;
        let mut owners: FxHashMap<(Language, Sym), Option<FunctionId>> = FxHashMap::default();
        for row in &r.method {
            let function = program.function(row.function);
            if function.flags.has(FunctionFlags::ABSTRACT) {
                continue;
            }
            let language = program.language(program.file_of_module(function.module));
            owners.entry((language, row.name)).and_modify(|owner| *owner = None).or_insert(Some(row.function));
        }
        for row in &r.call {
            let Some(receiver) = row.receiver else { continue };
            if !self.sets.is_empty(Self::node(receiver)) || row.kind == CallKind::Annotation {
                continue;
            }
            let name = program.text(row.name);
            if !is_distinctive(name) {
                continue;
            }
            let Some(&Some(function)) = owners.get(&(self.language_of(row.site), row.name)) else { continue };
            let arguments = program.arguments(row.site).count();
            let parameters =
                program.parameters(function).filter(|parameter| parameter.kind != ParameterKind::Receiver).count();
            if arguments <= parameters && !program.is_out_of_scope(function) {
                self.record(row.site, function, Confidence::Medium);
                self.bind(row, function, Some(false));
            }
        }
    }

    fn finish(self) -> Resolution {
        let mut calls: Vec<CallEdge> =
            self.calls.iter().map(|(&(site, function), &confidence)| CallEdge { site, function, confidence }).collect();
        calls.sort_unstable();
        let mut external: Vec<(SiteId, PathId, Value)> = self.external.iter().copied().collect();
        // Path and value ids are made in an order that the input alone decides, so this order is deterministic.
        external.sort_unstable();
        let mut passed: Vec<Passed> = self.passed.iter().copied().collect();
        passed.sort_unstable();
        let passed_by_site = ranges(&passed, |row| row.site);
        let calls_by_site = ranges(&calls, |edge| edge.site);
        let external_by_site = ranges(&external, |row| row.0);
        let mut class_lines = FxHashMap::default();
        for row in &self.program.facts.relations.class {
            let bases: Vec<PathId> = self.hierarchy.external_bases(row.class).map(|(path, _)| path).collect();
            if !bases.is_empty() {
                class_lines.insert(row.class, bases);
            }
        }
        let classes = self.program.facts.count(IdKind::Class);
        let imports = self.program.facts.relations.import.iter();
        let imported = imports
            .filter_map(|row| match self.bindings.imported(row.var) {
                Some(Binding::Var(var)) => Some((row.var, var)),
                _ => None,
            })
            .collect();
        let ancestors = (0..classes).map(|index| self.hierarchy.ancestors(ClassId::new(index)).to_vec()).collect();
        Resolution {
            paths: self.paths,
            values: self.values,
            sets: self.sets,
            calls,
            external,
            passed,
            fields: self.class_fields,
            ancestors,
            imported,
            calls_by_site,
            passed_by_site,
            external_by_site,
            class_lines,
        }
    }
}

/// More than one word: `place_order`, not `get`.
fn is_distinctive(name: &str) -> bool {
    name.len() >= 8 && crate::words::words(name).len() >= 2
}

fn ranges<R>(rows: &[R], key: impl Fn(&R) -> SiteId) -> FxHashMap<SiteId, (u32, u32)> {
    let mut ranges: FxHashMap<SiteId, (u32, u32)> = FxHashMap::default();
    for (at, row) in rows.iter().enumerate() {
        ranges.entry(key(row)).or_insert((at as u32, at as u32)).1 = at as u32 + 1;
    }
    ranges
}

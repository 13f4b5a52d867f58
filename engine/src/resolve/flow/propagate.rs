//! How values move: assignments, loads, stores, members.

use distsys_facts::schema::{Call, Load, Store};
use distsys_facts::{
    ClassId, FunctionFlags, FunctionId, FunctionKind, Id, Language, ModuleId, ParameterKind, SiteId, Sym, VarId,
};

use super::generics::combines_functions;
use super::uses::Uses;
use super::{Confidence, END, EdgeKind, Flow, MAX_SPREAD_DEPTH, MAX_TARGETS};
use crate::model::Family;
use crate::paths::PathId;
use crate::resolve::bindings::Binding;
use crate::resolve::members::Member;
use crate::resolve::values::{Value, ValueKind};

/// So many classes are asked what library a mixin's objects are of.
pub(super) const MAX_MIXED: usize = 8;

/// Of so many methods of one name one is likely what a call means, of more hardly.
const MAX_LIKELY: usize = 3;

impl<'p, 'f> Flow<'p, 'f> {
    pub(super) fn run(&mut self) {
        while let Some((node, id)) = self.queue.pop_front() {
            self.steps += 1;
            let mut next = self.dynamic.heads[node as usize];
            while next != END {
                let (to, after, kind) = self.dynamic.edges[next as usize];
                self.pass(id, to, kind);
                next = after;
            }
            let uses = self.uses[node as usize];
            if uses.has(Uses::CALLEE)
                && let Some(&site) = self.callee_sites.get(&node)
                && let Some(row) = self.program.call(site)
            {
                let value = self.values.get(id);
                self.call(row, value, Confidence::High);
            }
            if uses.has(Uses::RESULTS)
                && let Some(results) = self.results_of.get(&node)
            {
                match self.values.get(id).kind {
                    ValueKind::Function(function) => {
                        let (from, results) = (self.return_node(function), results.clone());
                        for to in results {
                            self.edge(from, to, EdgeKind::All);
                        }
                    }
                    // Calling a class makes an object of it.
                    ValueKind::Class(class) => {
                        let results = results.clone();
                        let made = Value::new(ValueKind::Instance(self.grounds.hierarchy.whole(class)));
                        for to in results {
                            self.add(to, made);
                        }
                    }
                    _ => {}
                }
            }
            if uses.has(Uses::HANDED)
                && let Some(handed) = self.handed.get(&node)
                && let Some(function) = self.run_by(self.values.get(id))
            {
                let handed = handed.clone();
                self.hand(function, &handed);
            }
            if node >= self.return_base {
                continue;
            }
            let var = VarId::new(node as usize);
            let value = self.values.get(id);
            let program = self.program;
            let r = &program.facts.relations;
            if uses.has(Uses::ASSIGNED) {
                for row in program.assign_by_src.of(&r.assign, var) {
                    self.add_id(Self::node(row.dst), id);
                }
            }
            if uses.has(Uses::LOADED_FROM) {
                for row in program.load_by_base.of(&r.load, var) {
                    self.load(row, value);
                }
            }
            if uses.has(Uses::STORED_TO) {
                for row in program.store_by_base.of(&r.store, var) {
                    self.store(row, value);
                }
            }
            if uses.has(Uses::CALLED) {
                for row in program.calls_by_callee.of(&r.call, var) {
                    self.call(row, value, Confidence::High);
                }
            }
            if uses.has(Uses::RECEIVER) {
                for row in program.calls_by_receiver.of(&r.call, var) {
                    self.call_member(row, value);
                }
            }
            // An `async` block runs where it is awaited.
            if uses.has(Uses::WAITED_FOR)
                && let ValueKind::Function(function) = value.kind
                && program.function(function).kind == FunctionKind::AsyncBlock
                && !program.is_given_by_parameter(var)
            {
                for row in program.suspend_by_var.of(&r.suspend, var) {
                    self.record(row.site, function, Confidence::High);
                }
            }
        }
    }

    pub(super) fn load(&mut self, row: &Load, base: Value) {
        let to = Self::node(row.dst);
        // What a pointer points to is of its type.
        if Some(row.field) == self.names.pointee {
            self.add(to, base);
            return;
        }
        if self.is_better_known(row, base) {
            return;
        }
        // An object of one method is that method: `work::get` of a lambda.
        if let ValueKind::Function(function) = base.kind {
            let is_java = self.program.language(self.program.file_of_function(function)) == Language::Java;
            if is_java && !combines_functions(self.program.text(row.field)) {
                self.add(to, base);
            }
            return;
        }
        if let ValueKind::Instance(class) | ValueKind::Class(class) = base.kind {
            self.own_class(row.base, row.field, class, base, to);
        }
        match base.kind {
            ValueKind::Instance(class) if self.is_field_not_method(class, row.field) => {
                self.field(class, row.field, to, EdgeKind::All)
            }
            _ => self.member(base, row.field, to),
        }
    }

    /// What the object of a method is of, and what classes below say of its field: `self.__class__`, `self.model`.
    fn own_class(&mut self, object: VarId, name: Sym, class: ClassId, base: Value, to: u32) {
        if Some(name) == self.names.own_class {
            self.add(to, Value::new(ValueKind::Class(class)));
            return;
        }
        let receiver = self.program.parameter(object).filter(|row| row.kind == ParameterKind::Receiver);
        if receiver.is_none_or(|row| self.program.function(row.function).class != Some(class)) {
            return;
        }
        for below in self.grounds.hierarchy.overriding_field(class, name).to_vec() {
            let from = self.class_field(below, name);
            self.edge(from, to, EdgeKind::Classes);
        }
        // A mixin's object is of a class that derives from the library's, too.
        if let Member::Nothing = self.grounds.hierarchy.member(class, name) {
            for below in self.grounds.hierarchy.below_in_library(class).take(MAX_MIXED).collect::<Vec<_>>() {
                if let Member::External(bases) = self.grounds.hierarchy.member(below, name) {
                    for (path, argument) in bases {
                        let via = Value { class: argument.or(Some(below)), ..base };
                        self.external_member(path, name, via, to);
                    }
                }
            }
        }
    }

    /// Where fields and methods have name spaces of their own, `self.eta` is the field beside a method `eta`.
    fn is_field_not_method(&self, class: ClassId, name: Sym) -> bool {
        let module = self.program.class(class).module;
        matches!(self.program.language(self.program.file_of_module(module)), Language::Rust | Language::Java)
            && self.grounds.hierarchy.has_field(class, name)
    }

    fn field(&mut self, class: ClassId, name: Sym, to: u32, kind: EdgeKind) {
        let line: Vec<ClassId> = self.grounds.hierarchy.ancestors(class).to_vec();
        for ancestor in line {
            let from = self.class_field(ancestor, name);
            self.edge(from, to, kind);
        }
    }

    /// Lets what `name` of `base` is flow to `to`.
    pub(super) fn member(&mut self, base: Value, name: Sym, to: u32) {
        if let ValueKind::Class(class) = base.kind
            && let Some(inner) = self.nested(class, name)
        {
            return self.add(to, Value::new(ValueKind::Class(inner)));
        }
        match base.kind {
            ValueKind::Module(module) => {
                if let Some(binding) = self.grounds.bindings.exported(module, name, 0) {
                    self.seed_binding(to, module, binding);
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
            ValueKind::Class(class) | ValueKind::Instance(class) if self.is_declared_beside(class, name) => {
                let module = self.program.class(class).module;
                if let Some(binding) = self.grounds.bindings.declared(module, self.program.text(name)) {
                    self.seed_binding(to, module, binding);
                }
            }
            ValueKind::Class(class) | ValueKind::Instance(class) => match self.grounds.hierarchy.member(class, name) {
                Member::Method(function) => {
                    if self.program.function(function).flags.has(FunctionFlags::PROPERTY) {
                        let from = self.return_node(function);
                        self.edge(from, to, EdgeKind::All);
                    } else {
                        // `this::one`, which each class below brings.
                        let brought = self.grounds.hierarchy.implementations(self.program, function);
                        let few = brought.into_iter().filter(|_| base.kind == ValueKind::Instance(class));
                        let few: Vec<FunctionId> = few.take(MAX_TARGETS + 1).collect();
                        for method in few.iter().take_while(|_| few.len() <= MAX_TARGETS).chain([&function]) {
                            self.add(to, Value { class: Some(class), ..Value::new(ValueKind::Function(*method)) });
                        }
                    }
                }
                Member::Field => {
                    let of_class = matches!(base.kind, ValueKind::Class(_));
                    self.field(class, name, to, if of_class { EdgeKind::Held(class) } else { EdgeKind::All });
                }
                Member::External(bases) => {
                    for (path, argument) in bases {
                        let via = Value { class: self.owner(base, class, path, argument), ..base };
                        self.external_member(path, name, via, to);
                    }
                }
                Member::Nothing => {}
            },
            ValueKind::External(path) => self.external_member(path, name, base, to),
            ValueKind::Object(object) => self.object_member(object, name, to),
            ValueKind::Collection(inner) => {
                let text = self.program.text(name);
                if text.starts_with('[') || text.bytes().all(|byte| byte.is_ascii_digit()) {
                    self.add_id(to, inner);
                }
            }
            ValueKind::Function(_) | ValueKind::Literal(_) => {}
        }
    }

    /// The class that is declared in another, or in one that it derives from (`Outer.Inner`).
    fn nested(&self, class: ClassId, name: Sym) -> Option<ClassId> {
        if matches!(self.grounds.hierarchy.member(class, name), Member::Method(_) | Member::Field) {
            return None;
        }
        let mut line = self.grounds.hierarchy.ancestors(class).iter();
        line.find_map(|ancestor| self.grounds.bindings.nested(*ancestor, self.program.text(name)))
    }

    /// Whether an annotation on the class makes a field of this name (`log` of Lombok's `@Slf4j`).
    fn is_declared_beside(&self, class: ClassId, name: Sym) -> bool {
        let row = self.program.class(class);
        self.program.language(self.program.file_of_module(row.module)) == Language::Java
            && !matches!(self.grounds.hierarchy.member(class, name), Member::Method(_) | Member::Field)
            && self.grounds.bindings.declared(row.module, self.program.text(name)).is_some()
    }

    pub(super) fn whole_export(&self, module: ModuleId) -> Option<VarId> {
        match self.grounds.bindings.exported(module, self.names.whole_export?, 0) {
            Some(Binding::Var(var)) => Some(var),
            _ => None,
        }
    }

    pub(super) fn external_member(&mut self, path: PathId, name: Sym, base: Value, to: u32) {
        if let Some((block, function)) = self.grounds.hierarchy.extension(path, base.class, name) {
            return self.add(to, Value { class: Some(block), ..Value::new(ValueKind::Function(function)) });
        }
        let text = self.program.text(name);
        let (models, said) = (self.models, self.said(path));
        if said.is_holder_by_key {
            let from = self.held_field(path, name);
            self.edge(from, to, EdgeKind::All);
            // What the project has put there has no other name.
            if self.sets.of(from).next().is_some() {
                return;
            }
        }
        if self.put_onto(path, name, to) {
            return;
        }
        if text.starts_with('[') {
            // Elements are of a type of their own where a model says so.
            let element = format!("{}.[]", self.paths.text(path));
            let family = self.paths.family(path);
            if let Some(type_) = models.element_type(family, &element) {
                let path = self.paths.intern(family, &type_);
                self.add(to, Value { kind: ValueKind::External(path), ..base });
                return;
            }
            if let Some(class) = base.class.filter(|_| models.element_of_class(family, &element)) {
                self.add(to, Value::new(ValueKind::Instance(class)));
                return;
            }
            if name == self.names.computed {
                self.some_method(path, base, to);
            }
        }
        // `order, created = Order.objects.get_or_create(…)`
        if let Some(class) = base.class.filter(|_| text.bytes().all(|byte| byte.is_ascii_digit())) {
            let part = format!("{}.{text}", self.paths.text(path));
            if models.element_of_class(self.paths.family(path), &part) {
                self.add(to, Value::new(ValueKind::Instance(class)));
                return;
            }
        }
        if text.starts_with('[') || text.is_empty() {
            return;
        }
        if said.is_holder {
            let from = self.held_field(path, name);
            return self.edge(from, to, EdgeKind::All);
        }
        let member = self.paths.member(path, name, text, models);
        if let Some(member) = member {
            self.add(to, Value { kind: ValueKind::External(member), ..base });
        }
    }

    /// The key of an object that a member's name stands for: which one a constant in brackets is, is not known here.
    pub(super) fn key_of(&self, name: Sym) -> Sym {
        let is_computed = self.program.text(name).starts_with('[') && name != self.names.any_element;
        if is_computed { self.names.computed } else { name }
    }

    pub(super) fn object_member(&mut self, object: VarId, name: Sym, to: u32) {
        let program = self.program;
        let r = &program.facts.relations;
        let name = self.key_of(name);
        let any = name == self.names.computed || name == self.names.any_element;
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

    pub(super) fn store(&mut self, row: &Store, base: Value) {
        let from = Self::node(row.src);
        match base.kind {
            ValueKind::Instance(class) | ValueKind::Class(class) => {
                let to = self.class_field(class, row.field);
                if self.is_class_tried_at(row.site, class) {
                    return self.given_by_tests.push((from, to));
                }
                self.edge(from, to, EdgeKind::All);
            }
            ValueKind::Object(object) => {
                let to = self.object_field(object, self.key_of(row.field));
                self.edge(from, to, EdgeKind::All);
            }
            // `app.state.cache = Redis()`
            ValueKind::External(path) if self.said(path).is_holder_anyhow => {
                let to = self.held_field(path, row.field);
                self.edge(from, to, EdgeKind::All);
            }
            ValueKind::External(path) => self.put_function_onto(row, path),
            _ => {}
        }
    }

    /// `Order.total = function () { … }`, `Order.prototype.pay = function () { … }`: a function that the project puts onto a
    /// type of a library is a member of all objects of that type.
    fn put_function_onto(&mut self, row: &Store, path: PathId) {
        let family = self.paths.family(path);
        let Some(type_) = self.said(path).extended else { return };
        if self.program.closure(row.src).is_none() {
            return;
        }
        let holder = self.paths.intern(family, type_);
        let to = self.held_field(holder, row.field);
        self.edge(Self::node(row.src), to, EdgeKind::All);
    }

    /// Leads a member of an object of a library to what the project has put there; whether there is any.
    fn put_onto(&mut self, path: PathId, name: Sym, to: u32) -> bool {
        let family = self.paths.family(path);
        let Some(type_) = self.said(path).extended else { return false };
        let holder = self.paths.intern(family, type_);
        let from = self.held_field(holder, name);
        self.edge(from, to, EdgeKind::All);
        self.sets.of(from).next().is_some()
    }

    /// `load(id).then((order) => …)`: the function gets what is waited for, and what it gives is the whole call's.
    fn hand_awaited(&mut self, row: &Call, awaited: Value) {
        let Some(function) = self.positional(row.site, 0).and_then(|var| self.program.closure(var)) else { return };
        let mut taken = self.program.parameters(function).filter(|row| row.kind == ParameterKind::Positional);
        if let Some(parameter) = taken.next() {
            self.add(Self::node(parameter.var), awaited);
        }
        let from = self.return_node(function);
        self.edge(from, Self::node(row.result), EdgeKind::All);
    }

    pub(super) fn call_member(&mut self, row: &Call, receiver: Value) {
        if Some(row.name) == self.names.then && Family::from(self.language_of(row.site)) == Family::Script {
            self.hand_awaited(row, receiver);
        }
        // A temporary node a call stands for the member that is called.
        let class = match receiver.kind {
            ValueKind::Class(class) | ValueKind::Instance(class) => class,
            ValueKind::External(path) => {
                if let Some((_, function)) = self.grounds.hierarchy.extension(path, receiver.class, row.name) {
                    return self.call_function(row, function, Some(false), Confidence::High);
                }
                let text = self.program.text(row.name);
                let models = self.models;
                if self.said(path).extended.is_some() {
                    let node = self.callee_node(row.site);
                    if self.put_onto(path, row.name, node) {
                        return;
                    }
                }
                if let Some(member) = self.paths.member(path, row.name, text, models) {
                    self.call_external(row, member, receiver);
                }
                return;
            }
            ValueKind::Collection(inner) => {
                self.apply_to_elements(row, inner);
                match self.language_of(row.site) {
                    Language::Java => self.keep_elements(row, receiver),
                    Language::Go if self.program.text(row.name) == "Load" => self.add_id(Self::node(row.result), inner),
                    _ => {}
                }
                return;
            }
            // An object of one method is that method: `task.run()` of a lambda.
            ValueKind::Function(_) if self.language_of(row.site) == Language::Java => {
                if !combines_functions(self.program.text(row.name)) {
                    self.call(row, receiver, Confidence::High);
                }
                return;
            }
            // `service.work.bind(service)`: the method itself, with its object.
            ValueKind::Function(_)
                if Some(row.name) == self.names.bind
                    && Family::from(self.language_of(row.site)) == Family::Script
                    && self.program.arguments(row.site).count() == 1 =>
            {
                self.add(Self::node(row.result), receiver);
                return;
            }
            ValueKind::Object(object) if self.call_mapping(row, object) || self.call_list(row, object) => return,
            _ => {
                let node = self.callee_node(row.site);
                self.member(receiver, row.name, node);
                return;
            }
        };
        if self.language_of(row.site) == Language::Java {
            self.written_by_lombok(row, class, receiver);
        }
        match self.grounds.hierarchy.member(class, row.name) {
            Member::Method(function) => {
                let receiver_is_class = matches!(receiver.kind, ValueKind::Class(_));
                let chosen = self.chosen(row, class, function);
                let sure = match chosen.len() {
                    1 => Confidence::High,
                    2..=MAX_LIKELY => Confidence::Medium,
                    _ => Confidence::Low,
                };
                for function in chosen {
                    if let (ValueKind::Instance(_), Some(owner)) = (receiver.kind, receiver.class) {
                        self.edge(self.return_node(function), Self::node(row.result), EdgeKind::Held(owner));
                    }
                    self.call_function(row, function, Some(receiver_is_class), sure);
                    self.call_derived(row, class, function, receiver);
                }
            }
            // `container.orders()`
            Member::Field if self.gives_members(class) => self.member(receiver, row.name, Self::node(row.result)),
            Member::Field => {
                let node = self.callee_node(row.site);
                if let Some(object) = row.receiver {
                    self.own_class(object, row.name, class, receiver, node);
                }
                self.member(receiver, row.name, node);
            }
            Member::External(bases) => {
                let text = self.program.text(row.name);
                let models = self.models;
                for (path, argument) in bases {
                    if let Some(member) = self.paths.member(path, row.name, text, models) {
                        let via = Value { class: self.owner(receiver, class, path, argument), ..receiver };
                        self.call_external(row, member, via);
                    }
                }
            }
            Member::Nothing => {
                if let Some(path) = self.of_every_object(row, receiver) {
                    self.call_external(row, path, Value { class: Some(class), ..receiver });
                }
            }
        }
    }

    /// What Lombok writes for the fields of a class and no source shows gives the object on: `new Order().setId(7).setName("a")`,
    /// `order.withName("a")`, `Order.builder().id(7).build()`, where a builder stands for what it builds.
    fn written_by_lombok(&mut self, row: &Call, class: ClassId, receiver: Value) {
        let program = self.program;
        let name = program.text(row.name);
        if matches!(self.grounds.hierarchy.member(class, row.name), Member::Method(_)) {
            return;
        }
        let result = Self::node(row.result);
        let mut arguments = program.arguments(row.site);
        let first = arguments.next();
        let is_single = arguments.next().is_none();
        match (first, receiver.kind) {
            (None, ValueKind::Class(_)) if name == "builder" => {
                self.add(result, Value::new(ValueKind::Instance(class)));
            }
            (None, ValueKind::Instance(_)) if matches!(name, "build" | "toBuilder") => self.add(result, receiver),
            (Some(argument), ValueKind::Instance(_)) if is_single => {
                let of =
                    ["set", "with"].into_iter().find_map(|verb| name.strip_prefix(verb)).and_then(field_of_property);
                let field = program.facts.symbols.lookup(of.as_deref().unwrap_or(name));
                if let Some(field) = field.filter(|field| self.grounds.hierarchy.has_field(class, *field)) {
                    let kept = self.class_field(class, field);
                    self.edge(Self::node(argument.var), kept, EdgeKind::All);
                    self.add(result, receiver);
                }
            }
            _ => {}
        }
    }

    /// Whether members of a class's objects are called to get what they hold, as those of a container.
    fn gives_members(&self, class: ClassId) -> bool {
        self.grounds.hierarchy.external_bases(class).any(|(path, _)| self.said(path).gives_members)
    }

    /// The node whose values are called at `site`.
    pub(super) fn callee_node(&mut self, site: SiteId) -> u32 {
        if let Some(&node) = self.callee_nodes.get(&site) {
            return node;
        }
        let node = self.fresh_node(Sym::EMPTY);
        self.callee_nodes.insert(site, node);
        self.callee_sites.insert(node, site);
        self.uses[node as usize].add(Uses::CALLEE);
        node
    }
}

/// `Name` of `setName`, as its field is called.
fn field_of_property(rest: &str) -> Option<String> {
    let first = rest.chars().next().filter(|first| first.is_uppercase())?;
    Some(first.to_lowercase().chain(rest.chars().skip(1)).collect())
}

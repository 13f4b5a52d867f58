//! What a call does with values: arguments, results, construction, libraries.

use distsys_facts::schema::Call;
use distsys_facts::{CallKind, ClassId, FunctionFlags, FunctionId, Language, ParameterKind, SiteId, Sym, VarId};

use super::filled::Filled;
use super::named_members::NamedMember;
use super::uses::Uses;
use super::{Confidence, EdgeKind, Flow, MAX_OWN_TARGETS, MAX_TARGETS, Passed};
use crate::model::source::Source;
use crate::model::{Callback, Family, Returned};
use crate::paths::PathId;
use crate::resolve::members::Member;
use crate::resolve::values::{HandleRole, Value, ValueId, ValueKind};

impl<'p, 'f> Flow<'p, 'f> {
    pub(super) fn call(&mut self, row: &Call, callee: Value, confidence: Confidence) {
        match callee.kind {
            ValueKind::Function(function) => {
                // A function that the project puts onto a prototype is called on an object.
                let is_put = || {
                    let mut parameters = self.program.parameters(function);
                    self.program.function(function).class.is_none()
                        && parameters.any(|row| row.kind == ParameterKind::Receiver)
                };
                let through = callee.class.map(|_| false).or_else(|| is_put().then_some(false));
                self.call_function(row, function, through, confidence);
            }
            ValueKind::Class(class) => self.construct(row, class),
            ValueKind::Instance(_) => {
                if let Some(function) = self.run_by(callee) {
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
    pub(super) fn call_function(
        &mut self,
        row: &Call,
        function: FunctionId,
        through: Option<bool>,
        confidence: Confidence,
    ) {
        let mut implementations = self.grounds.hierarchy.implementations(self.program, function);
        let own = if implementations.len() > 1 { self.called_on_itself(row) } else { None };
        if let Some(class) = own {
            self.grounds.hierarchy.below(self.program, class, function, &mut implementations);
        }
        let most = if own.is_some() { MAX_OWN_TARGETS } else { MAX_TARGETS };
        if implementations.is_empty() {
            self.record(row.site, function, confidence);
            self.bind(row, function, through);
            return;
        }
        if implementations.len() > most {
            self.of_many.insert((row.site, function));
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

    /// The class whose method calls one on its own object: a template method, which runs what the classes below fill in.
    fn called_on_itself(&self, row: &Call) -> Option<ClassId> {
        let receiver = row.receiver?;
        let program = self.program;
        let mut at = Some(program.site(row.site).function);
        while let Some(function) = at {
            let own = program.function(function);
            if own.class.is_some() {
                let is_own = |var: VarId| {
                    program
                        .parameters(function)
                        .any(|parameter| parameter.kind == ParameterKind::Receiver && parameter.var == var)
                };
                let copied = || program.assigned_from(receiver).any(|assigned| is_own(assigned.src));
                return own.class.filter(|_| is_own(receiver) || copied());
            }
            at = own.parent;
        }
        None
    }

    pub(super) fn record(&mut self, site: SiteId, function: FunctionId, confidence: Confidence) {
        self.calls.entry((site, function)).and_modify(|known| *known = (*known).max(confidence)).or_insert(confidence);
    }

    /// Arguments flow to parameters, the returned value to the result.
    pub(super) fn bind(&mut self, row: &Call, function: FunctionId, through: Option<bool>) {
        self.bind_receiver(row, function, through, row.receiver);
    }

    pub(super) fn bind_receiver(
        &mut self,
        row: &Call,
        function: FunctionId,
        through: Option<bool>,
        receiver: Option<VarId>,
    ) {
        let program = self.program;
        // `@locked("orders", ttl=30)` calls what makes the decorator; a decorator by itself is given the function.
        let decorates = row.kind == CallKind::Annotation;
        if decorates && program.arguments(row.site).next().is_none() || !self.bound.insert((row.site, function)) {
            return;
        }
        let parameters: Vec<_> = program.parameters(function).collect();
        let has_receiver = parameters.first().is_some_and(|parameter| parameter.kind == ParameterKind::Receiver);
        // `Singleton(Orders, engine)`: what is called gets what follows it.
        let before = self.handed_on.get(&row.site).copied().unwrap_or(0);
        let positional = program.arguments(row.site).filter(|argument| argument.position != u32::MAX).count();
        let positional = positional.saturating_sub(before as usize);
        let named = parameters.iter().filter(|parameter| parameter.kind == ParameterKind::Positional).count();
        // `Type::method(x, …)` passes the receiver as the first argument; a method of the class has it from before the dot.
        let of_class = program.function(function).flags.has(FunctionFlags::STATIC);
        let explicit_receiver = has_receiver && !of_class && through != Some(false) && positional == named + 1;
        let offset = usize::from(has_receiver && !explicit_receiver);
        let given_back = self.grounds.given_back.get(&function).copied().filter(|_| !decorates);
        let is_tried = self.is_tried_at(row.site, function);
        for argument in program.arguments(row.site) {
            let keyword = program.text(argument.keyword);
            let target = if argument.position != u32::MAX && keyword.is_empty() {
                if argument.position < before {
                    continue;
                }
                let at = (argument.position - before) as usize + offset;
                match parameters.get(at) {
                    Some(parameter) if parameter.kind != ParameterKind::KeywordOnly => Some(parameter),
                    _ => None,
                }
            } else {
                parameters.iter().find(|parameter| parameter.name == argument.keyword && !keyword.is_empty())
            };
            let rest = || parameters.iter().find(|parameter| parameter.kind == ParameterKind::Rest);
            if argument.position != u32::MAX
                && target.is_none_or(|parameter| parameter.kind == ParameterKind::Rest)
                && let Some(parameter) = rest()
            {
                self.bind_rest(argument.var, parameter.var);
            }
            if let Some(parameter) = target
                && !matches!(parameter.kind, ParameterKind::Rest | ParameterKind::KeywordRest)
            {
                // What one caller wraps, another does not get: it goes to the result of this call alone.
                let to = if self.grounds.wrapped.contains(&parameter.var) { row.result } else { parameter.var };
                if is_tried && to == parameter.var {
                    self.given_by_tests.push((Self::node(argument.var), Self::node(to)));
                    continue;
                }
                self.edge(Self::node(argument.var), Self::node(to), EdgeKind::All);
                if let Some(given) = given_back.filter(|given| given.parameter == parameter.var) {
                    if given.called {
                        self.result_of(argument.var, row.result);
                    } else {
                        self.edge(Self::node(argument.var), Self::node(row.result), EdgeKind::All);
                    }
                }
                self.given_as_interface(argument.var, function, parameter.type_);
                if !is_tried {
                    self.passed.insert(Passed { site: row.site, parameter: parameter.var, argument: argument.var });
                }
            }
        }
        if has_receiver
            && !explicit_receiver
            && !is_tried
            && let Some(receiver) = receiver
        {
            self.passed.insert(Passed { site: row.site, parameter: parameters[0].var, argument: receiver });
            // `return self`, `return cls(session)`: of the class that it is called on.
            if let Some(given) = given_back.filter(|given| given.parameter == parameters[0].var) {
                let kind = if given.called { EdgeKind::Instance } else { EdgeKind::All };
                self.edge(Self::node(receiver), Self::node(row.result), kind);
                self.bind_further_results(row, function);
                return;
            }
        }
        if decorates {
            return;
        }
        self.bind_further_results(row, function);
        if given_back.is_none() {
            let from = self.return_node(function);
            self.edge(from, Self::node(row.result), EdgeKind::All);
            return;
        }
        for row_of_type in program.return_type_by_function.of(&program.facts.relations.return_type, function) {
            self.seed_type(Self::node(row.result), program.function(function).module, row_of_type.type_);
        }
    }

    /// What a function gives beside its first result goes to what is taken from the call by position.
    fn bind_further_results(&mut self, row: &Call, function: FunctionId) {
        let program = self.program;
        let r = &program.facts.relations;
        for given in program.further_result_by_function.of(&r.further_result, function) {
            for load in program.load_by_base.of(&r.load, row.result) {
                if program.text(load.field).parse() == Ok(given.index) {
                    self.edge(Self::node(given.var), Self::node(load.dst), EdgeKind::All);
                }
            }
        }
    }

    /// Lets what the functions that `var` may be give flow to `result`.
    fn result_of(&mut self, var: VarId, result: VarId) {
        let node = Self::node(var);
        self.results_of.entry(node).or_default().push(Self::node(result));
        self.uses[node as usize].add(Uses::RESULTS);
        for function in self.functions_in(node) {
            let from = self.return_node(function);
            self.edge(from, Self::node(result), EdgeKind::All);
        }
        let is_class = |value: &Value| matches!(value.kind, ValueKind::Class(_));
        let classes: Vec<Value> = self.sets.of(node).map(|id| self.values.get(id)).filter(is_class).collect();
        for value in classes {
            if let ValueKind::Class(class) = value.kind {
                self.add(Self::node(result), Value::new(ValueKind::Instance(self.grounds.hierarchy.whole(class))));
            }
        }
    }

    pub(super) fn functions_in(&self, node: u32) -> Vec<FunctionId> {
        self.sets.of(node).filter_map(|id| self.run_by(self.values.get(id))).collect()
    }

    /// The function that calling a value runs: itself, or the method of an object that can be called (`def __call__(self)`).
    pub(super) fn run_by(&self, value: Value) -> Option<FunctionId> {
        match value.kind {
            ValueKind::Function(function) => Some(function),
            ValueKind::Instance(class) => match self.grounds.hierarchy.member(class, self.names.called?) {
                Member::Method(function) => Some(function),
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn construct(&mut self, row: &Call, class: ClassId) {
        if row.kind == CallKind::Annotation {
            // `class counted(rq.decorators.job)`, `@counted("orders")`: the library's annotation, by a class of the project.
            return self.construct_base(row, class);
        }
        let class = self.grounds.hierarchy.whole(class);
        self.add(Self::node(row.result), Value::new(ValueKind::Instance(class)));
        // `Orders(replica_session)`: what is built on a connection has its role.
        for argument in self.program.arguments(row.site) {
            self.edge(Self::node(argument.var), Self::node(row.result), EdgeKind::Role);
        }
        for name in self.names.constructors {
            if let Some(name) = name
                && let Member::Method(function) = self.grounds.hierarchy.member(class, name)
            {
                for function in self.chosen(row, class, function) {
                    self.record(row.site, function, Confidence::High);
                    let result = Call { result: row.result, ..*row };
                    self.bind_constructor(&result, function);
                }
                return;
            }
        }
        // A struct literal, a dataclass: arguments are fields, in their order where they have no names.
        let program = self.program;
        let before = self.handed_on.get(&row.site).copied().unwrap_or(0);
        for argument in program.arguments(row.site).filter(|argument| argument.position >= before) {
            let position = argument.position - before;
            // `Traced("prices", handler)`: the fields of a tuple are called by their numbers.
            let is_named = |name: &Sym| {
                row.kind == CallKind::New || program.text(*name).parse::<u32>().is_ok_and(|field| field == position)
            };
            let in_order = || {
                let mut declared = program.field_by_class.of(&program.facts.relations.field, class);
                declared.nth(position as usize).map(|row| row.name).filter(is_named)
            };
            let field = match argument.keyword.is_empty() {
                true => in_order(),
                false => Some(argument.keyword),
            };
            if let Some(field) = field {
                let to = self.class_field(class, field);
                if self.is_class_tried_at(row.site, class) {
                    self.given_by_tests.push((Self::node(argument.var), to));
                    continue;
                }
                self.edge(Self::node(argument.var), to, EdgeKind::All);
                if row.kind == CallKind::New || argument.keyword.is_empty() {
                    self.constructed.entry((class, field)).or_default().push(argument.var);
                }
            }
        }
        self.construct_base(row, class);
    }

    fn construct_base(&mut self, row: &Call, class: ClassId) {
        let bases: Vec<(PathId, Option<ClassId>)> = self.grounds.hierarchy.external_bases(class).collect();
        for (path, _) in bases {
            self.external.insert((
                row.site,
                path,
                Value { class: Some(class), ..Value::new(ValueKind::External(path)) },
            ));
        }
    }

    pub(super) fn bind_constructor(&mut self, row: &Call, function: FunctionId) {
        // What a constructor returns is not what constructing gives.
        let returns = self.return_node(function);
        self.dynamic.known.insert((returns, Self::node(row.result)));
        self.bind_receiver(row, function, Some(false), Some(row.result));
    }

    pub(super) fn call_external(&mut self, row: &Call, path: PathId, via: Value) {
        if !self.external.insert((row.site, path, via)) {
            return;
        }
        if row.kind == CallKind::Annotation {
            return self.decorated_gets_given(row.site, path);
        }
        self.hold_named(row, path, via);
        self.makes_mapping(row, path);
        let to = Self::node(row.result);
        if self.paths.text(path) == "super" && row.receiver.is_none() {
            for value in self.bases_of_method(row.site) {
                self.add(to, value);
                self.construct_part(row, value);
            }
            return;
        }
        let family = self.language_of(row.site).into();
        let said = self.said(path);
        self.callback_gets_element(row, via);
        let value = match said.returned.cloned() {
            None => Value { kind: ValueKind::External(path), ..self.after_step(row, via) },
            Some(Returned::Of(index)) => {
                if let Some(var) = self.positional(row.site, index) {
                    self.edge(Self::node(var), to, EdgeKind::Class(path));
                }
                Value { kind: ValueKind::External(path), ..via }
            }
            Some(Returned::InstanceOf(index)) => {
                if let Some(var) = self.positional(row.site, index) {
                    self.edge(Self::node(var), to, EdgeKind::Instance);
                }
                return;
            }
            Some(Returned::InstanceOn(index)) => {
                if let Some(var) = self.positional(row.site, index) {
                    self.edge(Self::node(var), to, EdgeKind::Instance);
                }
                if let Some(receiver) = row.receiver {
                    self.edge(Self::node(receiver), to, EdgeKind::Role);
                }
                return;
            }
            // `repository.findOne(…)`, `manager.findOne(Order, …)`
            Some(Returned::OfClass) => match via.class.or_else(|| self.class_argument(row.site)) {
                Some(class) => Value { class: None, ..Value::new(ValueKind::Instance(class)) },
                None => Value { kind: ValueKind::External(path), ..via },
            },
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
            Some(Returned::Argument(index) | Returned::Waited(index)) => {
                if let Some(var) = self.positional(row.site, index) {
                    self.edge(Self::node(var), to, EdgeKind::All);
                }
                return;
            }
            Some(Returned::Pairs(index)) => {
                if let Some(var) = self.positional(row.site, index) {
                    self.edge(Self::node(var), to, EdgeKind::Entries);
                }
                return;
            }
            Some(Returned::CallOf(index)) => {
                if let Some(var) = self.positional(row.site, index) {
                    self.handed_on.insert(row.site, index as u32 + 1);
                    let node = self.callee_node(row.site);
                    self.edge(Self::node(var), node, EdgeKind::All);
                }
                return;
            }
            Some(Returned::Named(names) | Returned::Held(names)) => {
                let class = match via.kind {
                    ValueKind::Instance(class) => Some(class),
                    _ => via.class,
                };
                let kind = match said.returned {
                    Some(Returned::Held(_)) => EdgeKind::All,
                    _ => EdgeKind::Instance,
                };
                if let Some(class) = class {
                    self.named_by_class(class, &names, row.receiver, to, kind);
                }
                return;
            }
            Some(Returned::MemberOf(object, name)) => {
                let at = |index| self.positional(row.site, index);
                if let (Some(object), Some(name)) = (at(object), at(name)) {
                    self.edge(Self::node(object), to, EdgeKind::Computed);
                    self.named_members.push(NamedMember { object, name, member: row.result });
                }
                return;
            }
            Some(Returned::Type(text)) => {
                if let Some(name) = self.filled_by(&text, row.site) {
                    self.filled.push(Filled { site: row.site, name, text: text.to_string() });
                }
                let text = self.fill(&text, row.site);
                let text = self.models.respelled(family, &text).unwrap_or(text);
                Value { kind: ValueKind::External(self.paths.intern(family, &text)), ..via }
            }
        };
        // A class argument says what the value is of: `getRepository(Order)`, `session.query(Order)`.
        let class = value.class.or_else(|| self.class_argument(row.site));
        let mut value = Value { class, ..value };
        if self.is_handle(value) {
            if value.role == HandleRole::Unknown {
                value.role = self.role_of_arguments(row.site);
            }
            if value.role == HandleRole::Unknown && self.models.gives_primary(family, self.paths.text(path)) {
                value.role = HandleRole::Primary;
            }
            for argument in self.program.arguments(row.site) {
                self.edge(Self::node(argument.var), to, EdgeKind::Role);
            }
        }
        self.add(to, value);
        self.gives_what_function_gives(row, value);
        // Unless something else is known of what it gets.
        if !said.gives_type {
            self.callback_gets_receiver(row, via);
        }
        if said.gives {
            self.callback_gets_given(row, path, family);
        }
    }

    /// `super("orders")` in a constructor: that of the base class is called on the same object.
    fn construct_part(&mut self, row: &Call, base: Value) {
        let program = self.program;
        let caller = program.site(row.site).function;
        let ValueKind::Instance(base) = base.kind else { return };
        // `super.close()`
        if program.calls_by_receiver.of(&program.facts.relations.call, row.result).next().is_some() {
            return;
        }
        let Some(name) = program.facts.symbols.lookup("constructor") else { return };
        if Family::from(self.language_of(row.site)) != Family::Script || program.function(caller).name != name {
            return;
        }
        let own = program.parameters(caller).find(|row| row.kind == ParameterKind::Receiver).map(|row| row.var);
        if let Member::Method(function) = self.grounds.hierarchy.member(base, name) {
            self.record(row.site, function, Confidence::High);
            self.bind_receiver(row, function, Some(false), own);
        }
    }

    /// `app.decorate("redis", client)`: what is put under a name into an object that is there to hold it.
    fn hold_named(&mut self, row: &Call, path: PathId, via: Value) {
        let ValueKind::External(holder) = via.kind else { return };
        let Some(sets) = self.said(path).sets else { return };
        if !self.said(holder).is_holder {
            return;
        }
        let at = |sources: &[Source]| match sources {
            [Source::Position(position, inner)] if inner.is_empty() => self.positional(row.site, *position),
            _ => None,
        };
        if let (Some(key), Some(value)) = (at(&sets.key), at(&sets.value))
            && let Some(name) = self.program.literal(key).map(|literal| literal.value)
        {
            let to = self.held_field(holder, name);
            self.edge(Self::node(value), to, EdgeKind::All);
        }
    }

    /// What a model says that a function gets which carries a decorator (`@routes.post("/orders")`).
    fn decorated_gets_given(&mut self, site: SiteId, path: PathId) {
        let family = self.language_of(site).into();
        let given: Vec<String> = self
            .models
            .giving(family, self.paths.text(path))
            .filter(|op| op.callbacks.contains(&Callback::Decorated))
            .flat_map(|op| op.gives.clone())
            .collect();
        if given.is_empty() {
            return;
        }
        let r = &self.program.facts.relations;
        let Some(row) = r.function_annotation.iter().find(|row| row.site == site) else { return };
        let given = given.iter().enumerate().filter(|(_, type_)| !type_.is_empty());
        let handed: Vec<(usize, PathId)> = given.map(|(at, type_)| (at, self.paths.intern(family, type_))).collect();
        self.hand(row.function, &handed);
    }

    /// What a model says that the function given to a call gets (`subscribe("orders", cb=handle)`).
    fn callback_gets_given(&mut self, row: &Call, path: PathId, family: Family) {
        let program = self.program;
        let mut handed: Vec<(u32, usize, String)> = Vec::new();
        let mut made: Vec<(u32, VarId)> = Vec::new();
        let mut on: Vec<(u32, u32)> = Vec::new();
        for op in self.models.giving(family, self.paths.text(path)) {
            let types = || op.gives.iter().enumerate().filter(|(_, type_)| !type_.is_empty());
            for callback in &op.callbacks {
                let Callback::At(sources) = callback else { continue };
                let vars = sources.iter().filter_map(|source| match source {
                    Source::Position(position, path) if path.is_empty() => self.positional(row.site, *position),
                    Source::Position(position, path) => {
                        let object = self.positional(row.site, *position)?;
                        self.entry(object, path.first()?)
                    }
                    Source::Named(name, path) => {
                        let mut arguments = program.arguments(row.site);
                        let named = |keyword| program.text(keyword) == name;
                        let keyword = arguments.find(|argument| named(argument.keyword)).map(|argument| argument.var);
                        let given = keyword.or_else(|| {
                            program.arguments(row.site).find_map(|argument| self.entry(argument.var, name))
                        });
                        match path.first() {
                            Some(key) => self.entry(given?, key),
                            None => given,
                        }
                    }
                    _ => None,
                });
                for var in vars {
                    for (at, type_) in types() {
                        let closure = program.closure(var);
                        let named = closure.into_iter().flat_map(|function| program.parameters(function));
                        let named = named.filter(|row| row.kind != ParameterKind::Receiver).nth(at);
                        // An instance of the class that an argument is: `useExtension(Orders.class, orders -> …)`.
                        match type_.strip_prefix("instance(").and_then(|rest| rest.strip_suffix(')')?.parse().ok()) {
                            Some(position) => {
                                let class = self.positional(row.site, position);
                                let to = named.map(|row| row.var);
                                made.extend(class.zip(to).map(|(class, to)| (Self::node(class), to)));
                            }
                            None => handed.push((Self::node(var), at, type_.clone())),
                        }
                        // On the connection that it is asked of.
                        if let (Some(receiver), Some(named)) = (row.receiver, named) {
                            on.push((Self::node(receiver), Self::node(named.var)));
                        }
                    }
                }
            }
        }
        for (receiver, to) in on {
            self.edge(receiver, to, EdgeKind::Role);
        }
        for (class, to) in made {
            self.edge(class, Self::node(to), EdgeKind::Instance);
        }
        for (node, at, type_) in handed {
            let path = self.paths.intern(family, &type_);
            self.uses[node as usize].add(Uses::HANDED);
            let known = self.handed.entry(node).or_default();
            if known.contains(&(at, path)) {
                continue;
            }
            known.push((at, path));
            self.functions_in(node).into_iter().for_each(|function| self.hand(function, &[(at, path)]));
        }
    }

    /// The entry of an object literal, or the element of a list that stands at a number.
    fn entry(&self, object: VarId, key: &str) -> Option<VarId> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut entries = program.entry_by_var.of(&r.entry, object);
        let in_list = |index: u32| program.element_by_var.of(&r.element, object).find(|row| row.index == index);
        let entry = entries.find(|row| program.text(row.key) == key).map(|row| row.value);
        entry.or_else(|| in_list(key.parse().ok()?).map(|row| row.value))
    }

    pub(super) fn hand(&mut self, function: FunctionId, handed: &[(usize, PathId)]) {
        let named = self.program.parameters(function).filter(|row| row.kind != ParameterKind::Receiver);
        let vars: Vec<VarId> = named.map(|row| row.var).collect();
        for &(at, path) in handed {
            if let Some(var) = vars.get(at) {
                self.add(Self::node(*var), Value::new(ValueKind::External(path)));
            }
        }
    }

    /// A function given to a method of a connection gets that connection (`db.transaction(tx => …)`).
    pub(super) fn callback_gets_receiver(&mut self, row: &Call, via: Value) {
        let Some(receiver) = row.receiver else { return };
        if !matches!(via.kind, ValueKind::External(_) | ValueKind::Instance(_)) {
            return;
        }
        for argument in self.program.arguments(row.site) {
            match self.program.closure(argument.var) {
                Some(function) => self.hand_connection(function, receiver),
                // `transaction(work)`: whoever gives this function its work gives it what gets the connection.
                None if self.program.parameter(argument.var).is_some() => {
                    self.connections_given.push((argument.var, receiver));
                }
                None => {}
            }
        }
    }

    /// The first parameter of a function that says no type gets the connections that `receiver` is.
    pub(super) fn hand_connection(&mut self, function: FunctionId, receiver: VarId) {
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

    /// A function given to a method of a collection gets its elements (`orders.map(order => …)`).
    pub(super) fn apply_to_elements(&mut self, row: &Call, inner: ValueId) {
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

    pub(super) fn parent(&mut self, path: PathId) -> Option<PathId> {
        let text = self.paths.text(path);
        let (parent, _) = text.rsplit_once('.')?;
        let parent = parent.to_owned();
        Some(self.paths.intern(self.paths.family(path), &parent))
    }

    pub(super) fn positional(&self, site: SiteId, index: usize) -> Option<VarId> {
        self.program.arguments(site).find(|argument| argument.position as usize == index).map(|argument| argument.var)
    }

    /// `boto3.{0}` with the text of argument 0.
    pub(super) fn fill(&self, text: &str, site: SiteId) -> String {
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

    pub(super) fn class_argument(&self, site: SiteId) -> Option<ClassId> {
        let class_at = |index| {
            let argument = self.positional(site, index)?;
            self.sets.of(Self::node(argument)).find_map(|id| match self.values.get(id).kind {
                ValueKind::Class(class) => Some(class),
                _ => None,
            })
        };
        // `createQuery(text, Order.class)`
        class_at(0).or_else(|| class_at(1).filter(|_| self.language_of(site) == Language::Java))
    }
}

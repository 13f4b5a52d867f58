//! Entities that differ by the class that a method is called on: what a base class says of its own `model`, `repo` or `cls` is
//! known where the class of the object is.

use distsys_facts::schema::Call;
use distsys_facts::{ClassId, FunctionFlags, FunctionId, ParameterKind, SiteId, Sym, VarId};

use super::at_calls::Argument;
use super::callbacks::parameter_of;
use super::operations::{Found, Operand};
use super::reader::{MAX_CHAIN, Reader};
use super::terms::{Describer, Name, Term};
use crate::resolve::ValueKind;

impl<'m> Reader<'m, '_> {
    /// The receiver and the field of it that `var` is, if objects of other classes hold something else there.
    fn own_member(&self, var: VarId) -> Option<(VarId, Sym)> {
        let program = self.program;
        let mut at = var;
        let load = (0..MAX_CHAIN).find_map(|_| {
            program.loaded_as(at).map(Some).or_else(|| {
                let mut sources = program.assigned_from(at).map(|row| row.src);
                match (sources.next(), sources.next()) {
                    (Some(only), None) => at = only,
                    _ => return Some(None),
                }
                None
            })
        })??;
        self.is_own_field(load.base, load.field, load.dst).map(|receiver| (receiver, load.field))
    }

    /// The receiver that `base` is, if objects of other classes hold something else than `var` in the field.
    fn is_own_field(&self, base: VarId, field: Sym, var: VarId) -> Option<VarId> {
        let program = self.program;
        let receiver = parameter_of(*self, base).and_then(|var| program.parameter(var))?;
        let class = program.function(receiver.function).class.filter(|_| receiver.kind == ParameterKind::Receiver)?;
        let differs = || self.entities_of(var).len() != 1;
        let given = || self.stored(base, field).is_some_and(|stored| parameter_of(*self, stored).is_some());
        let of_class = self.resolution.is_derived_from(class)
            && (self.resolution.is_overridden(class, field) || differs() && self.resolution.has_field(class, field));
        let of_object = || self.entities_of(var).len() > 1 && given();
        (of_class || of_object()).then_some(receiver.var)
    }

    /// The class that the method is called on, or what its object holds, if that is what `var` is.
    pub(super) fn own(&self, var: VarId) -> Option<Operand> {
        if self.is_own_class(var) {
            return Some(Operand::Var(var));
        }
        if let Some(load) = self.program.loaded_as(var).filter(|load| self.program.text(load.field) == "__class__")
            && let Some(object) = parameter_of(*self, load.base)
        {
            return Some(Operand::Var(object));
        }
        if self.is_held_object(var) {
            return Some(Operand::Var(var));
        }
        let (receiver, field) = self.own_member(var)?;
        Some(Operand::Within(receiver, vec![self.program.text(field).to_owned()]))
    }

    /// Whether `var` is the object of a method of what the library's classes hold for themselves (a manager, a query set): it is
    /// of whatever class holds it.
    fn is_held_object(&self, var: VarId) -> bool {
        let receiver = self.program.parameter(var).filter(|row| row.kind == ParameterKind::Receiver);
        let method = receiver.map(|row| self.program.function(row.function));
        let class = method.filter(|method| !method.flags.has(FunctionFlags::STATIC)).and_then(|method| method.class);
        class.is_some_and(|class| self.resolution.is_held(class))
    }

    /// The classes of the project that `var` is, is an object of, or is a way to the objects of: `Repository<Order>`.
    pub(super) fn entities_of(&self, var: VarId) -> Vec<ClassId> {
        let of_value = |value: crate::resolve::Value| match value.kind {
            ValueKind::Class(class) => Some(class),
            ValueKind::Instance(class) if self.resolution.is_held(class) => value.class,
            ValueKind::Instance(class) => Some(self.resolution.argument_of_base(class).unwrap_or(class)),
            ValueKind::External(_) => value.class,
            _ => None,
        };
        let mut classes: Vec<ClassId> = self.resolution.values_of(var).filter_map(of_value).collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    }

    /// What of the calls and members that led to `var` is the class that the method is called on, or held by its object; none
    /// where the `class` that sticks to `var` was only said after that: `this.source.getRepository(Order)`.
    pub(super) fn own_in_chain(&self, var: VarId, class: Option<ClassId>) -> Option<Operand> {
        let program = self.program;
        let says = |own: &Operand, var: VarId| {
            class.is_none() || matches!(own, Operand::Var(_)) || !self.entities_of(var).is_empty()
        };
        let mut at = var;
        for _ in 0..MAX_CHAIN {
            if let Some(own) = self.own(at) {
                return says(&own, at).then_some(own);
            }
            if let Some(call) = program.call_giving(at) {
                if let Some(own) = self.own_called(call) {
                    return says(&own, call.result).then_some(own);
                }
                let first = program.arguments(call.site).next().filter(|row| program.text(row.keyword).is_empty());
                if let Some(own) = first.and_then(|row| self.own(row.var)) {
                    return Some(own);
                }
                at = call.receiver?;
                continue;
            }
            at = match program.loaded_as(at) {
                Some(load) => load.base,
                None => program.assigned_from(at).next()?.src,
            };
        }
        None
    }

    /// What a method of the object itself gives, or makes of a class that it holds, where other classes have something else:
    /// `self.model(**values)`, `getRepository()`.
    fn own_called(&self, call: &Call) -> Option<Operand> {
        let program = self.program;
        let receiver = parameter_of(*self, call.receiver?).and_then(|var| program.parameter(var))?;
        let class = program.function(receiver.function).class.filter(|_| receiver.kind == ParameterKind::Receiver)?;
        let line = self.resolution.ancestors(class);
        let method = line.iter().find_map(|class| program.methods.get(&(*class, call.name)));
        let differs = match method {
            Some(method) => {
                program.function(*method).flags.has(FunctionFlags::ABSTRACT) && self.resolution.is_derived_from(class)
            }
            None => self.is_own_field(receiver.var, call.name, call.result).is_some(),
        };
        differs.then(|| Operand::Within(receiver.var, vec![program.text(call.name).to_owned()]))
    }

    /// The class that an object is of, as the callers of the function know it: `cls(**values)`, `self.model(**values)`, or what
    /// they give.
    pub(super) fn own_type(&self, var: VarId) -> Option<Operand> {
        let program = self.program;
        if let Some(call) = self.maker(var) {
            return call.callee.map_or_else(|| self.own_called(call), |callee| self.own(callee));
        }
        let parameter = parameter_of(*self, var)?;
        let is_receiver = program.parameter(parameter).is_some_and(|row| row.kind == ParameterKind::Receiver);
        let is_open = match self.class_of(parameter) {
            // The object of a mixin's method is of a class that has the mixin: `session.add(self)`.
            Some(class) => {
                self.resolution.is_derived_from(class)
                    && (!is_receiver || self.resolution.library_bases(class).is_empty())
            }
            None => !is_receiver,
        };
        is_open.then_some(Operand::Var(parameter))
    }
}

impl Describer<'_, '_> {
    /// The entity that a source of an operation names.
    pub(super) fn entity_term(&mut self, found: &Found) -> Term {
        let own = match found {
            Found::Is(Operand::Var(var)) => self.reader.own(*var),
            _ => None,
        };
        match own {
            Some(own) => self.operand(&own),
            None => self.term(found),
        }
    }

    /// A callee's entity at a call.
    pub(super) fn entity_at_call(&mut self, entity: Term, callee: FunctionId, call: Option<SiteId>) -> Term {
        match entity {
            Term::Parameter(parameter) => match self.argument(parameter, callee, call) {
                Argument::Given(var) => self.entity_given(var),
                _ => self.at_call(entity, callee, call),
            },
            Term::Within(parameter, field) => match self.argument(parameter, callee, call) {
                Argument::Given(var) if self.is_receiver(parameter) => self.held_entity(var, field),
                _ => self.at_call(entity, callee, call),
            },
            entity => self.at_call(entity, callee, call),
        }
    }

    /// The entity of what a caller gives: its class, an object of it, a way to such objects, its name.
    fn entity_given(&mut self, var: VarId) -> Term {
        let reader = self.reader;
        if let Some(own) = reader.own(var).or_else(|| reader.own_type(var)) {
            return self.operand(&own);
        }
        if let [only] = reader.entities_of(var)[..] {
            return self.entity_of(only);
        }
        if reader.class_of(var).is_some_and(|class| reader.resolution.is_held(class)) {
            return reader.own_in_chain(var, None).map_or(Term::Unknown, |own| self.operand(&own));
        }
        let found = reader.name_of(var);
        let term = self.term(&found);
        self.as_entity(term)
    }

    /// The entity of what the object `var` holds in a field: of what it was made with, or its class says.
    fn held_entity(&mut self, var: VarId, field: Name) -> Term {
        let reader = self.reader;
        let program = reader.program;
        // `super().statement()`: the object itself, as one of what stands above.
        let is_above = |call: &&Call| call.receiver.is_none() && program.written_name(call) == "super";
        let above = program.call_giving(var).filter(is_above).map(|call| program.site(call.site).function);
        let own = above.and_then(|method| program.parameters(method).find(|row| row.kind == ParameterKind::Receiver));
        let var = own.map_or(var, |row| row.var);
        // What is said to be of a base may be known to be of a class below it.
        let classes = reader.classes_of(var);
        let above = |class: &ClassId| reader.resolution.ancestors(*class);
        let lowest = classes.iter().find(|class| classes.iter().all(|other| above(class).contains(other))).copied();
        let receiver = parameter_of(reader, var).filter(|parameter| self.is_receiver(*parameter));
        // A method's own object is of its class, whatever protocol it is said to follow.
        let own = receiver.and_then(|var| program.function(program.parameter(var)?.function).class);
        let Some(class) = own.or_else(|| reader.class_of(var)).or(lowest) else { return Term::Unknown };
        if let Some(receiver) = receiver.filter(|_| reader.resolution.is_derived_from(class)) {
            return Term::Within(receiver, field);
        }
        let Some(field) = program.facts.symbols.lookup(self.names.text(field)) else { return Term::Unknown };
        let stored = reader.stored(var, field);
        let line = reader.resolution.ancestors(class);
        let method = line.iter().find_map(|class| program.methods.get(&(*class, field)));
        let returned = method.and_then(|method| reader.only_returned(*method));
        let stored = stored.or(returned);
        let given = stored.and_then(|stored| parameter_of(reader, stored));
        let known = match (given, stored) {
            (Some(parameter), _) => self.constructed_with(var, class, parameter),
            (None, Some(stored)) => self.entity_given(stored),
            (None, None) => Term::Unknown,
        };
        if let Term::Text(_) = known {
            return known;
        }
        // `class Ships extends Store<Ship>`
        match line.iter().find_map(|class| reader.resolution.argument_of_base(*class)) {
            Some(entity) => self.entity_of(entity),
            None => Term::Unknown,
        }
    }

    /// The entity of what the constructor that keeps its `parameter` was given for the object `var` of `class`: where the object
    /// is made, or by the constructor of a class between.
    fn constructed_with(&mut self, var: VarId, class: ClassId, parameter: VarId) -> Term {
        let reader = self.reader;
        let program = reader.program;
        let made = reader.only_maker(var).map(|call| call.site);
        let of = |parameter: VarId| program.parameter(parameter).map(|row| row.function);
        let mut at = parameter;
        for _ in 0..MAX_CHAIN {
            let Some(function) = of(at) else { break };
            if let Some(site) = made
                && let Argument::Given(given) = self.argument(at, function, Some(site))
            {
                return self.entity_given(given);
            }
            // `super().__init__(Ship)`, `super(ships)`
            let line = reader.resolution.ancestors(class);
            let by_class = |site: SiteId| {
                let caller = program.function(program.site(site).function).class?;
                line.iter().position(|class| *class == caller)
            };
            let own = program.function(function).class;
            let above = reader.resolution.passed_to(at).filter_map(|row| Some((by_class(row.site)?, row.argument)));
            let above = above.filter(|(place, _)| Some(line[*place]) != own).min_by_key(|(place, _)| *place);
            let Some((_, argument)) = above else { break };
            if let [only] = reader.entities_of(argument)[..] {
                return self.entity_of(only);
            }
            match parameter_of(reader, argument) {
                Some(further) if further != at => at = further,
                _ => return self.entity_given(argument),
            }
        }
        Term::Unknown
    }
}

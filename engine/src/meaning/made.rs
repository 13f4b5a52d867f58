//! Objects that a library's calls make and fill: `req = http.NewRequest(method, url, body)`, then
//! `req.Header.Set("Idempotency-Key", key)`. Models say what such calls do (`[[makes]]`, `[[sets]]`), so that the entry of
//! such an object is read like that of an object literal, also behind a helper of the project that makes it.

use distsys_facts::schema::{Call, Parameter};
use distsys_facts::{CallKind, FunctionId, ParameterKind, SiteId, VarId};

use super::callbacks::{functions_of, handed_parameter};
use super::operations::{Found, Operand, Operation};
use super::reader::{Reader, is_var};
use super::spelled::same_key;
use crate::model::source::Source;
use crate::model::{Family, Makes, Returned, Sets};
use crate::operation::OpKind;
use crate::resolve::{Confidence, Value, ValueKind};

/// Helpers around helpers are followed this deep.
const MAX_HELPERS: usize = 4;

/// An object is held by so many variables.
const MAX_HOLDERS: usize = 16;

/// Options within options are looked through this deep.
const MAX_OPTIONS: u32 = 3;

/// The call that makes an object.
struct Making<'m> {
    call: &'m Call,
    /// What a model says of it; none of a call that only copies another object.
    makes: Option<&'m Makes>,
    /// The calls of the project's helpers that lead to it, outermost first, each with what the helper gives.
    through: Vec<(SiteId, VarId)>,
}

impl<'m> Reader<'m, '_> {
    /// The entry at `path` of an object that library calls have made or filled; none if no model knows such a call.
    pub(super) fn made_entry(&self, var: VarId, path: &[String], depth: usize) -> Option<Found> {
        let (first, rest) = path.split_first()?;
        let making = self.making(var, 0);
        let filled = self.filled(var, path, depth, 0);
        // What options may set comes after what is set for sure.
        let by_options = match &filled {
            Found::Is(Operand::Within(options, _)) => self.is_gathered(*options),
            _ => false,
        };
        if filled != Found::Absent && !by_options {
            return Some(filled);
        }
        let Some(making) = making else {
            let whole = self.program.parameter(var).is_none() && self.is_whole_literal(var);
            return (whole || by_options).then_some(filled);
        };
        for (_, given) in &making.through {
            match self.filled(*given, path, depth, 0) {
                Found::Absent => {}
                found => return Some(self.seen_from_caller(found, &making.through, depth)),
            }
        }
        if making.makes.is_some_and(|makes| makes.pairs) {
            let found = self.paired(making.call, first);
            return Some(match self.seen_from_caller(found, &making.through, depth) {
                Found::Is(Operand::Var(value)) => self.within_at(value, rest, depth + 1),
                found => found,
            });
        }
        let mut fields = making.makes.into_iter().flat_map(|makes| &makes.fields);
        let Some((_, sources)) = fields.find(|(name, _)| same_key(name, first)) else {
            for original in self.copied(making.call) {
                // What the function's own object holds, who has the object knows.
                let found = match self.is_held_by_parameter(original) {
                    true => Found::Is(Operand::Within(original, path.to_vec())),
                    false => self.within_at(original, path, depth + 1),
                };
                match self.seen_from_caller(found, &making.through, depth) {
                    Found::Absent => {}
                    found => return Some(found),
                }
            }
            return Some(filled);
        };
        let found = self.first(&self.at(making.call), sources);
        Some(match self.seen_from_caller(found, &making.through, depth) {
            Found::Is(Operand::Var(value)) => self.within_at(value, rest, depth + 1),
            found => found,
        })
    }

    /// Whether `var` is a field of what the function is given.
    fn is_held_by_parameter(&self, var: VarId) -> bool {
        let load = self.program.loaded_as(self.root(var));
        load.is_some_and(|load| self.program.parameter(self.root(load.base)).is_some())
    }

    /// The value after the key among arguments that are keys and values in turn: `Map.of("total", total)`.
    fn paired(&self, call: &Call, key: &str) -> Found {
        let mut given: Vec<VarId> = self.program.arguments(call.site).map(|row| row.var).collect();
        // `HashMap::from([("total", total)])`
        if let [only] = given[..] {
            given = self.elements(only).into_iter().flat_map(|pair| self.elements(pair)).collect();
            if given.is_empty() {
                return Found::Unknown;
            }
        }
        let mut unknown = given.len() % 2 == 1;
        for pair in given.chunks_exact(2) {
            match self.constant(pair[0]) {
                Some(text) if same_key(text, key) => return Found::Is(Operand::Var(pair[1])),
                Some(_) => {}
                None => unknown = true,
            }
        }
        if unknown { Found::Unknown } else { Found::Absent }
    }

    fn elements(&self, list: VarId) -> Vec<VarId> {
        let r = &self.program.facts.relations;
        self.program.element_by_var.of(&r.element, self.root(list)).map(|row| row.value).collect()
    }

    /// Whether `var` is made by a literal that names every field it sets.
    fn is_whole_literal(&self, var: VarId) -> bool {
        self.maker(var).is_some_and(|call| call.kind == CallKind::New && self.family(call.site).names_fields())
    }

    /// What is stored in a field of a literal that did not name it: `client := &http.Client{}`, `client.Timeout = limit`.
    pub(super) fn set_later(&self, site: SiteId, name: &str, path: &[String]) -> Found {
        let Some(call) = self.call(site) else { return Found::Absent };
        if call.kind == CallKind::New && self.family(site) == Family::Java {
            return self.set_as_bean(call, name);
        }
        if call.kind != CallKind::New || !self.family(site).names_fields() {
            return Found::Absent;
        }
        let mut whole = vec![name.to_owned()];
        whole.extend(path.iter().cloned());
        self.filled(call.result, &whole, 0, 0)
    }

    /// `pool.setQueueCapacity(16);` for `queueCapacity` of `pool = new ThreadPoolTaskExecutor()`.
    fn set_as_bean(&self, made: &Call, property: &str) -> Found {
        let program = self.program;
        let r = &program.facts.relations;
        let named = |setter: &str| {
            let Some(rest) = setter.strip_prefix("set") else { return false };
            let mut letters = rest.chars();
            letters.next().is_some_and(|first| first.to_lowercase().chain(letters).eq(property.chars()))
        };
        let held = program.assign_by_src.of(&r.assign, made.result).map(|row| row.dst);
        let mut setters = std::iter::once(made.result)
            .chain(held)
            .flat_map(|var| program.calls_by_receiver.of(&r.call, var))
            .filter(|call| named(program.text(call.name)));
        let given = setters.next().and_then(|call| program.arguments(call.site).next());
        given.map_or(Found::Absent, |argument| is_var(argument.var))
    }

    /// The call of the library that makes the object `var`.
    fn making(&self, var: VarId, depth: usize) -> Option<Making<'m>> {
        let call = self.maker(var)?;
        for (_, path, _) in self.resolution.external_at(call.site) {
            let family = self.resolution.paths.family(*path);
            if let Some(makes) = self.models.makes(family, self.resolution.paths.text(*path)) {
                return Some(Making { call, makes: Some(makes), through: Vec::new() });
            }
        }
        if !self.copied(call).is_empty() {
            return Some(Making { call, makes: None, through: Vec::new() });
        }
        if depth >= MAX_HELPERS {
            return None;
        }
        let [edge] = self.resolution.calls_at(call.site) else { return None };
        let r = &self.program.facts.relations;
        let mut given = self.program.returns_by_function.of(&r.returns, edge.function).filter_map(|row| row.var);
        given.find_map(|given| {
            let mut making = self.making(given, depth + 1)?;
            making.through.insert(0, (call.site, given));
            Some(making)
        })
    }

    /// A value in the helper that made the object, as the caller of the outermost helper knows it.
    fn seen_from_caller(&self, found: Found, through: &[(SiteId, VarId)], depth: usize) -> Found {
        through.iter().rev().fold(found, |found, (site, _)| self.passed_from(found, *site, depth))
    }

    /// A value that a callee was passed, as its caller knows it, `depth` steps from where the question began.
    pub(super) fn passed_from(&self, found: Found, site: SiteId, depth: usize) -> Found {
        let passed = |var: VarId| {
            let root = self.root(var);
            self.resolution.passed_at(site).iter().find(|row| row.parameter == root).map(|row| row.argument)
        };
        if let Found::Is(Operand::Within(var, path)) = &found
            && let Some(set) = self.set_by_gathered(*var, path, site)
        {
            return set;
        }
        match found {
            Found::Is(Operand::Var(var)) => Found::Is(Operand::Var(passed(var).unwrap_or(var))),
            Found::Is(Operand::Within(var, path)) => match passed(var) {
                Some(argument) => self.within_at(argument, &path, depth + 1),
                None => Found::Is(Operand::Within(var, path)),
            },
            found => found,
        }
    }

    /// What `var` was assigned from, if that is one value throughout.
    pub(super) fn root(&self, var: VarId) -> VarId {
        let mut at = var;
        for _ in 0..MAX_HOLDERS {
            match self.program.only_source(at).filter(|_| self.program.parameter(at).is_none()) {
                Some(source) => at = source,
                None => break,
            }
        }
        at
    }

    /// What calls and stores put at `path` of the object `var`, here or in helpers of the project that are given it.
    pub(super) fn filled(&self, var: VarId, path: &[String], depth: usize, helpers: usize) -> Found {
        let Some((first, rest)) = path.split_first() else { return Found::Absent };
        let program = self.program;
        let r = &program.facts.relations;
        let mut unknown = false;
        let mut by_options = None;
        let mut note = |found: Found| match found {
            Found::Absent => None,
            Found::Unknown => {
                unknown = true;
                None
            }
            found => Some(found),
        };
        for holder in self.holders(var) {
            if let Some(found) = note(self.set_on(holder, path, depth)) {
                return found;
            }
            for merged in self.merged_into(holder) {
                if let Some(found) = note(self.within_at(merged, path, depth + 1)) {
                    return found;
                }
            }
            for load in program.load_by_base.of(&r.load, holder) {
                if !same_key(program.text(load.field), first) {
                    continue;
                }
                if let Some(found) = note(self.set_on(load.dst, rest, depth)) {
                    return found;
                }
                for merged in self.merged_into(load.dst).into_iter().filter(|_| !rest.is_empty()) {
                    if let Some(found) = note(self.within_at(merged, rest, depth + 1)) {
                        return found;
                    }
                }
                // `req.Header["Idempotency-Key"] = []string{key}`
                let Some((key, further)) = rest.split_first() else { continue };
                let is_key = |field: &str| self.is_under(field, key) == Some(true);
                for store in program.stores_to(load.dst).filter(|row| is_key(program.text(row.field))) {
                    if let Some(found) = note(self.within_at(store.src, further, depth + 1)) {
                        return found;
                    }
                }
                for found in self.stored_by_turns(load.dst, rest, depth) {
                    if let Some(found) = note(found) {
                        return found;
                    }
                }
            }
            for store in program.stores_to(holder) {
                if self.is_under(program.text(store.field), first) == Some(true)
                    && let Some(found) = note(self.within_at(store.src, rest, depth + 1))
                {
                    return found;
                }
            }
            for found in self.stored_by_turns(holder, path, depth) {
                if let Some(found) = note(found) {
                    return found;
                }
            }
            if helpers >= MAX_HELPERS {
                continue;
            }
            // `request.key(id);` of an object of the project's own.
            let is_own = |var: VarId| program.parameter(var).is_some_and(|row| row.kind == ParameterKind::Receiver);
            let on_it = program.calls_by_receiver.of(&r.call, holder).filter(|_| helpers == 0 && !is_own(holder));
            for call in on_it {
                let [edge] = self.resolution.calls_at(call.site) else { continue };
                let Some(receiver) = program.parameters(edge.function).find(|row| is_own(row.var)) else { continue };
                let found = self.filled(receiver.var, path, depth + 1, helpers + 1);
                if let Some(found) = note(self.passed_from(found, call.site, depth)) {
                    return found;
                }
            }
            for argument in program.argument_by_var.of(&r.argument, holder) {
                if let Some(options) = self.gathered_functions(argument.site) {
                    by_options.get_or_insert(Operand::Within(options, path.to_vec()));
                }
                for passed in self.resolution.passed_at(argument.site).iter().filter(|row| row.argument == holder) {
                    let found = self.filled(passed.parameter, path, depth + 1, helpers + 1);
                    if let Some(found) = note(self.passed_from(found, argument.site, depth)) {
                        return found;
                    }
                }
            }
        }
        match by_options {
            _ if unknown => Found::Unknown,
            Some(within) => Found::Is(within),
            None => Found::Absent,
        }
    }

    /// The parameter that gathers functions of which one is called at `site`: `for _, option := range options { option(req) }`.
    fn gathered_functions(&self, site: SiteId) -> Option<VarId> {
        let callee = self.program.call(site)?.callee?;
        let load = self.program.loaded_as(self.root(callee))?;
        let parameter = self.program.parameter(self.root(load.base))?;
        let is_one = self.program.text(load.field) == "[*]" && parameter.kind == ParameterKind::Rest;
        is_one.then_some(parameter.var)
    }

    /// What a call gives to the parameter that gathers what is left; none where it cannot be told apart.
    pub(super) fn gathered(&self, rest: &Parameter, site: SiteId) -> Option<Vec<VarId>> {
        let program = self.program;
        let receivers = program.parameters(rest.function).filter(|row| row.kind == ParameterKind::Receiver).count();
        let first = rest.index.checked_sub(receivers as u32)?;
        let by_position = program.arguments(site).filter(|row| row.position != u32::MAX);
        // What is spread before may reach this far.
        if by_position.clone().any(|row| row.position < first && !row.keyword.is_empty()) {
            return None;
        }
        Some(by_position.filter(|row| row.position >= first).map(|row| row.var).collect())
    }

    /// What the options that the call at `site` gives for a parameter that gathers them set, if that is known:
    /// `NewTransport(WithIdle(5), WithProxy(url))`, `NewTransport()`.
    fn set_by_gathered(&self, var: VarId, path: &[String], site: SiteId) -> Option<Found> {
        let rest = self.program.parameter(self.root(var)).filter(|row| row.kind == ParameterKind::Rest)?;
        let is_called = self.resolution.calls_at(site).iter().any(|edge| edge.function == rest.function);
        let given = self.gathered(rest, site).filter(|_| is_called)?;
        Some(self.set_by_options(&given, path)).filter(|found| *found != Found::Unknown)
    }

    /// What functions that a call gives for a parameter that gathers them put at `path` of what they are called with.
    pub(super) fn set_by_options(&self, given: &[VarId], path: &[String]) -> Found {
        let r = &self.program.facts.relations;
        let mut unknown = false;
        for &var in given {
            // `options...`, be it a list or what this function was given itself.
            let elements = self.program.element_by_var.of(&r.element, self.root(var)).map(|row| row.value);
            let elements: Vec<VarId> = elements.collect();
            if !elements.is_empty() {
                match self.set_by_options(&elements, path) {
                    Found::Absent => {}
                    Found::Unknown => unknown = true,
                    found => return found,
                }
                continue;
            }
            if let Some(parameter) = self.program.parameter(self.root(var)) {
                return Found::Is(Operand::Within(parameter.var, path.to_vec()));
            }
            let functions = functions_of(*self, var);
            unknown |= functions.is_empty();
            for function in functions {
                let mut parameters = self.program.parameters(function);
                let Some(first) = parameters.find(|row| row.kind != ParameterKind::Receiver) else { continue };
                let found = match self.filled(first.var, path, 0, 0) {
                    found @ Found::Is(_) => {
                        self.maker(var).map_or(found.clone(), |call| self.passed_from(found, call.site, 0))
                    }
                    found => found,
                };
                match found {
                    Found::Absent => {}
                    Found::Unknown => unknown = true,
                    found => return found,
                }
            }
        }
        if unknown { Found::Unknown } else { Found::Absent }
    }

    /// The variables of its function that hold the same object.
    pub(super) fn holders(&self, var: VarId) -> Vec<VarId> {
        let r = &self.program.facts.relations;
        let mut holders = vec![var];
        let mut at = 0;
        while let Some(&holder) = holders.get(at)
            && holders.len() < MAX_HOLDERS
        {
            let before = self.program.assigned_from(holder).map(|row| row.src);
            let after = self.program.assign_by_src.of(&r.assign, holder).map(|row| row.dst);
            let more: Vec<VarId> = before.chain(after).collect();
            for var in more {
                if !holders.contains(&var) {
                    holders.push(var);
                }
            }
            at += 1;
        }
        holders
    }

    /// What calls on `receiver` itself put at `path`.
    fn set_on(&self, receiver: VarId, path: &[String], depth: usize) -> Found {
        let Some((first, rest)) = path.split_first() else { return Found::Absent };
        let program = self.program;
        let mut unknown = false;
        for call in program.calls_by_receiver.of(&program.facts.relations.call, receiver) {
            for (_, name, _) in self.resolution.external_at(call.site) {
                let family = self.resolution.paths.family(*name);
                let Some(sets) = self.models.sets(family, self.resolution.paths.text(*name)) else { continue };
                if sets.key.is_empty() || sets.into.is_some() {
                    continue;
                }
                let at = self.at(call);
                let key = match self.first(&at, &sets.key) {
                    Found::Is(Operand::Text(text)) => Some(text),
                    Found::Is(Operand::Var(var)) => self.constant(var).map(str::to_owned),
                    _ => None,
                };
                match key {
                    Some(key) if same_key(&key, first) => {
                        return match self.first(&at, &sets.value) {
                            Found::Is(Operand::Var(value)) => self.within_at(value, rest, depth + 1),
                            found => found,
                        };
                    }
                    Some(_) => {}
                    // `for name, value := range headers { request.Header.Set(name, value) }`
                    None => match self.each_set(&at, sets).map(|all| self.within_at(all, path, depth + 1)) {
                        Some(Found::Absent) => {}
                        Some(found @ Found::Is(_)) => return found,
                        _ => unknown = true,
                    },
                }
            }
        }
        if unknown { Found::Unknown } else { Found::Absent }
    }

    /// What is stored at `path` of a mapping under keys that are no constants: one entry of another in each turn of a loop
    /// (`headers[name] = value`).
    fn stored_by_turns(&self, mapping: VarId, path: &[String], depth: usize) -> Vec<Found> {
        let stores = self.program.stores_to(mapping).filter(|row| self.program.text(row.field) == "[]");
        let found = stores.map(|store| match self.part_of_each(store.src) {
            Some(all) => self.within_at(all, path, depth + 1),
            None => Found::Unknown,
        });
        found.collect()
    }

    /// The mapping of which a call sets one entry after another.
    fn each_set(&self, at: &Operation, sets: &Sets) -> Option<VarId> {
        let of_key = || match self.first(at, &sets.key) {
            Found::Is(Operand::Var(key)) => self.part_of_each(key),
            _ => None,
        };
        // `for name, values := range headers { request.Header.Set(name, values[0]) }`
        let of_value = || match self.first(at, &sets.value) {
            Found::Is(Operand::Var(value)) => self.part_of_each(value),
            _ => None,
        };
        self.element_of(at, &sets.value).or_else(of_key).or_else(of_value)
    }

    /// The collection of which a value is one element.
    fn element_of(&self, at: &Operation, sources: &[Source]) -> Option<VarId> {
        let Found::Is(Operand::Var(value)) = self.first(at, sources) else { return None };
        let load = self.program.loaded_as(value)?;
        (self.program.text(load.field) == "[*]").then_some(load.base)
    }

    /// What the library's calls that made and filled the object `var` in this function were given.
    pub(super) fn given_to_make(&self, var: VarId) -> Vec<VarId> {
        let program = self.program;
        let r = &program.facts.relations;
        let Some(making) = self.making(var, MAX_HELPERS) else { return Vec::new() };
        let mut given: Vec<VarId> = program.arguments(making.call.site).map(|row| row.var).collect();
        for holder in self.holders(var) {
            let parts = program.load_by_base.of(&r.load, holder).map(|row| row.dst);
            for receiver in std::iter::once(holder).chain(parts) {
                for call in program.calls_by_receiver.of(&r.call, receiver) {
                    let mut names = self.resolution.external_at(call.site).iter();
                    let paths = &self.resolution.paths;
                    if names.any(|(_, name, _)| self.models.sets(paths.family(*name), paths.text(*name)).is_some()) {
                        given.extend(program.arguments(call.site).map(|row| row.var));
                    }
                }
            }
        }
        given
    }

    /// A source at a call of the name among the arguments of `site`: `retry.Do(work, retry.Attempts(3))`.
    pub(super) fn option(&self, site: SiteId, name: &str, inner: &Source) -> Found {
        let mut unknown = false;
        let mut stack: Vec<(VarId, u32)> = self.program.arguments(site).map(|row| (row.var, 0)).collect();
        stack.reverse();
        while let Some((var, depth)) = stack.pop() {
            let elements = self.program.element_by_var.of(&self.program.facts.relations.element, var);
            let mut given: Vec<VarId> = elements.map(|row| row.value).collect();
            if let Some(call) = self.maker(var) {
                if self.program.text(call.name) == name {
                    return self.source(&self.at(call), inner);
                }
                given.extend(self.program.arguments(call.site).map(|row| row.var));
                // A policy that a helper of the project makes.
                match self.only_return(call.site) {
                    Some(returned) => given.push(returned),
                    None => unknown |= !self.resolution.calls_at(call.site).is_empty(),
                }
            } else if self.program.parameter(self.root(var)).is_some_and(|row| self.gathers(row.function, row.var)) {
                // Options that the caller gives.
                unknown = true;
            }
            if depth < MAX_OPTIONS {
                stack.extend(given.into_iter().rev().map(|var| (var, depth + 1)));
            }
        }
        if unknown { Found::Unknown } else { Found::Absent }
    }

    /// Whether a parameter takes what is left of the arguments.
    fn gathers(&self, function: FunctionId, var: VarId) -> bool {
        let mut rows = self.program.parameters(function);
        rows.any(|row| row.var == var && row.kind == ParameterKind::Rest)
    }

    /// The argument, or the receiver, that a call of a library gives back as it is: `aws.String(name)`, `header.Clone()`.
    pub(super) fn same_as(&self, call: &Call) -> Option<VarId> {
        let (_, path, _) = self.resolution.external_at(call.site).first()?;
        let paths = &self.resolution.paths;
        match self.models.returns(paths.family(*path), paths.text(*path))? {
            Returned::Argument(position) => self.argument(call.site, *position),
            Returned::Receiver => call.receiver,
            _ => None,
        }
    }

    /// Whether `var` is a function of the project: a closure, one by its name, or a parameter that callers give one for.
    pub(super) fn is_function(&self, var: VarId) -> bool {
        let is_given = |value: Value| matches!(value.kind, ValueKind::Function(_));
        self.program.closure(var).is_some()
            || !functions_of(*self, var).is_empty()
            || handed_parameter(*self, var).is_some() && self.resolution.values_of(var).any(is_given)
    }

    /// A call, as an operation whose sources can be read.
    pub(super) fn at(&self, call: &Call) -> Operation {
        let site = call.site;
        Operation {
            site,
            call: site,
            function: self.program.site(site).function,
            kind: OpKind::Apply,
            family: self.family(site),
            model: 0,
            path: self.resolution.external_at(site).first().map(|(_, path, _)| *path),
            via: Value::new(ValueKind::Object(call.result)),
            confidence: Confidence::High,
            shift: 0,
        }
    }
}

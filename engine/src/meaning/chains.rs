//! What a value was made by: the chain of calls before a call, through variables, fields and the project's own helpers.

use std::collections::VecDeque;

use distsys_facts::schema::{Call, Load};
use distsys_facts::{
    CallKind, FunctionFlags, FunctionId, LiteralKind, ParameterKind, RegionId, RegionKind, SiteId, Sym, VarId,
};

use super::callbacks::{functions_of, parameter_of};
use super::operations::{Found, Operand, Operation};
use super::reader::{MAX_CHAIN, Reader};
use crate::model::source::Source;
use crate::model::{Family, Returned};
use crate::operation::{Attr, OpKind};
use crate::paths::PathId;
use crate::resolve::ValueKind;

/// A variable that is assigned in more places than this is no builder.
const MAX_WAYS: usize = 6;

/// A value is copied so often before it is handed in, and handed in so often.
const MAX_COPIES: usize = 4;

/// Methods of a promise, which run nothing of the chain.
pub(super) fn settles(name: &str) -> bool {
    matches!(name, "then" | "catch" | "finally")
}

/// `setLong`, `setReadTimeout`
fn is_setter(name: &str) -> bool {
    name.strip_prefix("set").is_some_and(|what| what.starts_with(|c: char| c.is_ascii_uppercase()))
}

impl<'m> Reader<'m, '_> {
    /// The calls that the receiver of `site` came from, nearest first: a builder chain, through variables and fields, on all
    /// of the ways that lead here (`if let Some(key) = key { request = request.header("Idempotency-Key", key) }`).
    pub(super) fn chain_calls(&self, site: SiteId) -> Vec<SiteId> {
        let start = self.call(site).and_then(|call| self.held_function(call).or(call.receiver).or(call.callee));
        self.calls_behind(site, start)
    }

    /// What is called itself, where the function's own object holds it: `self._claim(keys=[key])`.
    fn held_function(&self, call: &Call) -> Option<VarId> {
        let receiver = call.receiver.filter(|_| self.resolution.calls_at(call.site).is_empty())?;
        self.program.parameter(receiver).filter(|row| row.kind == ParameterKind::Receiver)?;
        self.stored(receiver, call.name)
    }

    /// Likewise, of what `start` is for the call `site`.
    fn calls_behind(&self, site: SiteId, start: Option<VarId>) -> Vec<SiteId> {
        let mut found: Vec<SiteId> = Vec::new();
        let mut queue: VecDeque<VarId> = start.into_iter().collect();
        while let Some(var) = queue.pop_front()
            && found.len() < MAX_CHAIN
        {
            let setters: Vec<SiteId> = self.setters_on(var).collect();
            for &setter in &setters {
                if setter != site && !found.contains(&setter) && !self.is_alternative(setter, &setters) {
                    found.push(setter);
                }
            }
            let makers = self.makers(var);
            // `client.orders.findMany()`: what the client was made by.
            if makers.is_empty()
                && self.family(site).gives_promises()
                && let Some(load) = self.loaded_from(var)
                && self.leads_on(load.base)
            {
                queue.push_back(load.base);
            }
            for call in makers {
                if !found.contains(&call.site) {
                    found.push(call.site);
                    queue.extend(self.only_return(call.site).or(call.receiver).or(call.callee));
                }
            }
        }
        found
    }

    /// The calls that made what the chain before `site` begins with, where one caller alone hands it in.
    fn calls_handed_in(&self, site: SiteId, before: &[SiteId]) -> Vec<SiteId> {
        let mut found: Vec<SiteId> = Vec::new();
        let first = self.call(before.last().copied().unwrap_or(site));
        let mut next = first.and_then(|call| call.receiver.or(call.callee));
        for _ in 0..MAX_COPIES {
            let Some(given) = next.and_then(|var| self.given_alone(var)) else { break };
            let behind = self.calls_behind(site, Some(given));
            next = match behind.last().and_then(|last| self.call(*last)) {
                Some(call) => call.receiver,
                None => Some(given),
            };
            found.extend(behind);
        }
        found
    }

    /// What is given for a parameter, or for an entry of the object that it is, if one caller alone gives it:
    /// `const makeClose = ({ tickets }: Deps) => …`.
    fn given_alone(&self, var: VarId) -> Option<VarId> {
        let program = self.program;
        let r = &program.facts.relations;
        let alone = |parameter: VarId| {
            let mut given = self.resolution.passed_to(program.parameter(parameter)?.var);
            given.next().filter(|_| given.next().is_none()).map(|row| row.argument)
        };
        let mut at = var;
        for _ in 0..MAX_COPIES {
            if let Some(given) = alone(at) {
                return Some(given);
            }
            if let Some(load) = program.loaded_as(at) {
                let object = alone(load.base).or_else(|| alone(program.only_source(load.base)?))?;
                let mut entries = program.entry_by_var.of(&r.entry, program.held_at(object));
                return entries.find(|row| row.key == load.field).map(|row| row.value);
            }
            at = program.only_source(at)?;
        }
        None
    }

    /// The member that `var` is, or is assigned.
    fn loaded_from(&self, var: VarId) -> Option<&'m Load> {
        let program = self.program;
        let assigned = || program.assigned_from(var).find_map(|row| program.loaded_as(row.src));
        program.loaded_as(var).or_else(assigned)
    }

    /// Statements that set something of the object that a variable holds: `statement.setLong(1, id);`.
    pub(super) fn setters_on(&self, var: VarId) -> impl Iterator<Item = SiteId> {
        let program = self.program;
        let calls = program.calls_by_receiver.of(&program.facts.relations.call, var);
        // `builder.header(name, value);`
        let builds = move || self.is_of_builder(var);
        let is_statement =
            move |call: &Call| self.family(call.site) == Family::Java && !self.is_looked_at(call.result) && builds();
        // `request.SetHeader(name, value)`, which gives the same object back.
        let gives_back = move |call: &Call| !self.is_looked_at(call.result) && self.gives_receiver(call.site);
        // A library's module is built by nobody, and a file may call it thousands of times.
        let is_library = program.import(var).is_some() && self.resolution.imported(var).is_none();
        let calls = (!is_library).then_some(calls).into_iter().flatten();
        calls
            .filter(move |call| is_setter(program.text(call.name)) || is_statement(call) || gives_back(call))
            .map(|call| call.site)
    }

    /// Whether what `var` holds is a builder: made as one, or by calls on one.
    fn is_of_builder(&self, var: VarId) -> bool {
        let mut made = self.maker(var);
        for _ in 0..MAX_CHAIN {
            let Some(call) = made else { return false };
            let name = self.program.text(call.name);
            if call.kind == CallKind::New {
                return name.ends_with("Builder");
            }
            if matches!(name, "builder" | "newBuilder") {
                return true;
            }
            made = call.receiver.and_then(|receiver| self.maker(receiver));
        }
        false
    }

    /// Whether a call of a library gives the very object that it is called on.
    pub(super) fn gives_receiver(&self, site: SiteId) -> bool {
        self.resolution.external_at(site).iter().any(|(_, path, _)| {
            let paths = &self.resolution.paths;
            matches!(self.models.returns(paths.family(*path), paths.text(*path)), Some(Returned::Receiver))
        })
    }

    /// Whether a statement sets one thing where another one, in an arm beside, sets another:
    /// `case "GET" -> builder.get(); case "POST" -> builder.post(body);`.
    fn is_alternative(&self, setter: SiteId, setters: &[SiteId]) -> bool {
        let program = self.program;
        let arm = program.region(program.site(setter).region);
        let name = |site: SiteId| self.call(site).map(|call| call.name);
        setters.iter().any(|other| {
            let beside = program.region(program.site(*other).region);
            beside.region != arm.region
                && beside.parent == arm.parent
                && arm.kind == RegionKind::Branch
                && beside.kind == RegionKind::Branch
                && name(*other) != name(setter)
                && self.asks_alike(arm.region, beside.region)
        })
    }

    /// Whether two arms are of one choice, which asks one thing; `if key != nil {…}` and then `if body != nil {…}` are two.
    fn asks_alike(&self, left: RegionId, right: RegionId) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let asked = |region: RegionId| {
            let conditions = program.condition_by_region.of(&r.condition, region).map(|row| row.var);
            let compared = conditions.flat_map(|var| program.binary_by_dst.of(&r.binary, var));
            compared.map(|row| self.root(row.left)).collect::<Vec<VarId>>()
        };
        let (left, right) = (asked(left), asked(right));
        left.is_empty() || right.is_empty() || left.iter().any(|var| right.contains(var))
    }

    /// The last call of the chain that `site` begins, as far as it is written in one expression:
    /// `returning` of `db.insert(orders).values(row).returning()`.
    pub(super) fn chain_end(&self, site: SiteId) -> SiteId {
        let program = self.program;
        let mut last = site;
        for _ in 0..MAX_CHAIN {
            let Some(call) = self.call(last) else { break };
            let mut next = program.calls_by_receiver.of(&program.facts.relations.call, call.result);
            match (next.next(), next.next()) {
                (Some(only), None) if !settles(program.text(only.name)) => last = only.site,
                _ => break,
            }
        }
        last
    }

    /// Whether a call that an attribute looks for in the chain before is made on what the operation gives, here or by a
    /// helper that is given it: `locked(Order.objects.all())`, where `locked` calls `select_for_update`.
    pub(super) fn is_called_later(&self, op: &Operation, attr: Attr) -> bool {
        self.put_later(op, attr, op.site).is_some()
    }

    /// Likewise, on what the call `from` gives, which goes on from what the operation gave.
    pub(super) fn put_later(&self, op: &Operation, attr: Attr, from: SiteId) -> Option<SiteId> {
        let sources = self.model(op).attribute(attr).unwrap_or_default();
        let wanted =
            |name: &str| sources.iter().any(|source| matches!(source, Source::Chain(known, _) if known == name));
        let program = self.program;
        let r = &program.facts.relations;
        let mut stack: Vec<VarId> = self.call(from).map(|call| call.result).into_iter().collect();
        let mut seen: Vec<VarId> = Vec::new();
        while let Some(var) = stack.pop() {
            if seen.len() > MAX_CHAIN || seen.contains(&var) {
                continue;
            }
            seen.push(var);
            for call in program.calls_by_receiver.of(&r.call, var) {
                if wanted(program.text(call.name)) {
                    return Some(call.site);
                }
                stack.push(call.result);
            }
            stack.extend(program.assign_by_src.of(&r.assign, var).map(|row| row.dst));
            for argument in program.argument_by_var.of(&r.argument, var) {
                let passed = self.resolution.passed_at(argument.site).iter();
                stack.extend(passed.filter(|row| row.argument == var).map(|row| row.parameter));
            }
        }
        None
    }

    /// The calls that made the value of `var`: one, but for a variable that is assigned on several ways in its function.
    fn makers(&self, var: VarId) -> Vec<&'m Call> {
        let ways = self.ways(var);
        if ways.len() < 2 || ways.len() > MAX_WAYS {
            return self.maker(var).into_iter().collect();
        }
        ways.into_iter().filter_map(|way| self.maker(way)).collect()
    }

    /// Whether `var` may be a library's connection, or what the project puts functions onto: what its members are made by.
    fn leads_on(&self, var: VarId) -> bool {
        let paths = &self.resolution.paths;
        self.resolution.values_of(var).any(|value| match value.kind {
            ValueKind::External(path) => {
                let text = paths.text(path);
                self.models.is_handle_anywhere(text) || self.models.extended(paths.family(path), text).is_some()
            }
            _ => false,
        })
    }

    /// What a helper of the project gives, if it is the one function called and has one `return`.
    pub(super) fn only_return(&self, site: SiteId) -> Option<VarId> {
        let [edge] = self.resolution.calls_at(site) else { return None };
        self.only_returned(edge.function)
    }

    /// What a function gives, if it has one `return`, or what a manager (`with relay() as server`) has one `yield` for.
    pub(super) fn only_returned(&self, function: FunctionId) -> Option<VarId> {
        let r = &self.program.facts.relations;
        let mut returns = self.program.returns_by_function.of(&r.returns, function);
        let mut yields = self.program.yields_by_function.of(&r.yields, function);
        match (returns.next(), returns.next(), yields.next(), yields.next()) {
            (Some(only), None, None, _) => only.var,
            (None, _, Some(only), None) => only.var,
            _ => None,
        }
    }

    /// Whether `var` is something outside by its name: imported or global, not made by a call.
    pub(super) fn is_named(&self, var: VarId) -> bool {
        let program = self.program;
        program.import(var).is_some()
            || program.global(var).is_some()
            || program.loaded_as(var).is_some_and(|load| self.is_named(load.base))
    }

    /// The call that made the value of `var`, through assignments, captured and module-level variables and fields.
    pub(super) fn maker(&self, var: VarId) -> Option<&'m Call> {
        let program = self.program;
        let mut at = var;
        // `models.Order ?? model("Order", schema)`: where one way leads to no call, another may.
        let mut others: Vec<VarId> = Vec::new();
        for _ in 0..MAX_CHAIN {
            if let Some(call) = program.call_giving(at) {
                return Some(call);
            }
            let mut ways = program.assigned_from(at).map(|row| row.src);
            if let Some(first) = ways.next() {
                others.extend(ways.take(MAX_WAYS));
                at = first;
                continue;
            }
            if let Some(original) = self.resolution.imported(at) {
                at = original;
                continue;
            }
            if let Some(load) = program.loaded_as(at)
                && let Some(src) = self.offered(load.base, load.field).or_else(|| self.stored(load.base, load.field))
            {
                at = src;
                continue;
            }
            at = others.pop()?;
        }
        None
    }

    /// The call that made `var`, if no other way gives it a value.
    pub(super) fn only_maker(&self, var: VarId) -> Option<&'m Call> {
        (self.ways(var).len() <= 1).then(|| self.maker(var)).flatten()
    }

    /// The call of `path` that made the decorator which stands at `site` under a name: `policy` of `policy = retry(…)`.
    pub(super) fn decorator_made(&self, site: SiteId, path: PathId) -> Option<SiteId> {
        let program = self.program;
        let call = program.call(site)?;
        if program.arguments(site).next().is_some() {
            return None;
        }
        let held = || call.receiver.and_then(|holder| self.kept(holder, call.name));
        let made = self.maker(call.callee.or_else(held)?)?.site;
        let is_made = self.resolution.external_at(made).iter().any(|(_, of, _)| *of == path);
        (made != site && is_made).then_some(made)
    }

    /// What a module or a class keeps under a name.
    fn kept(&self, holder: VarId, name: Sym) -> Option<VarId> {
        let r = &self.program.facts.relations;
        let of_class = || {
            self.resolution.values_of(holder).find_map(|value| match value.kind {
                ValueKind::Class(class) => self
                    .program
                    .field_by_class
                    .of(&r.field, class)
                    .find(|row| row.name == name)
                    .and_then(|row| row.value),
                _ => None,
            })
        };
        self.offered(holder, name).or_else(of_class)
    }

    /// The variable that a module which `base` is offers under a name.
    pub(super) fn offered(&self, base: VarId, name: Sym) -> Option<VarId> {
        self.resolution.values_of(base).find_map(|value| match value.kind {
            ValueKind::Module(module) => self.resolution.exported(module, name),
            _ => None,
        })
    }

    /// What the project puts under a name into the library's object that `base` is and that is there to hold it.
    pub(super) fn held(&self, base: VarId, field: Sym) -> Vec<VarId> {
        let paths = &self.resolution.paths;
        let holder = |var: VarId| {
            self.resolution.values_of(var).find_map(|value| match value.kind {
                ValueKind::External(path) => Some(path),
                _ => None,
            })
        };
        let Some(path) =
            holder(base).filter(|path| self.models.is_holder_anyhow(paths.family(*path), paths.text(*path)))
        else {
            return Vec::new();
        };
        let stores = self.program.stores_under(field);
        stores.filter(|row| holder(row.base) == Some(path)).map(|row| row.src).collect()
    }

    /// What was stored in a field of the object that `base` is: the one store of its class.
    pub(super) fn stored(&self, base: VarId, field: Sym) -> Option<VarId> {
        let program = self.program;
        let Some(class) = self.class_of(base) else { return self.held(base, field).first().copied() };
        // What only says that nothing is there yet is not what is there later.
        let is_empty = |var: VarId| program.literal(var).is_some_and(|row| row.kind == LiteralKind::Null);
        let mut empty = None;
        for &ancestor in self.resolution.ancestors(class) {
            let r = &program.facts.relations;
            for method in program.method_by_class.of(&r.method, ancestor) {
                // `Self { client, url }` in `new`.
                let is_static = program.function(method.function).flags.has(FunctionFlags::STATIC);
                let made = is_static.then(|| program.sites(method.function)).into_iter().flatten();
                let made = made.filter_map(|row| program.call(row.site));
                let mut made =
                    made.filter(|call| call.kind == CallKind::New && self.class_of(call.result) == Some(class));
                if let Some(value) = made
                    .find_map(|call| program.arguments(call.site).find(|row| row.keyword == field).map(|row| row.var))
                {
                    return Some(value);
                }
                for parameter in program.parameters(method.function).take(1) {
                    for store in program.stores_to(parameter.var).filter(|store| store.field == field) {
                        if !is_empty(store.src) {
                            return Some(store.src);
                        }
                        empty = Some(store.src);
                    }
                }
            }
            if let Some(value) =
                program.field_by_class.of(&r.field, ancestor).find(|row| row.name == field).and_then(|row| row.value)
            {
                if !is_empty(value) {
                    return Some(value);
                }
                empty = Some(value);
            }
            if let Some(value) = self.resolution.provided(ancestor, field) {
                return Some(value);
            }
        }
        // A struct is made by a function beside it: `Service{store: store}` in `NewService`.
        match self.resolution.constructed(class, field) {
            [only] => Some(*only),
            _ => empty,
        }
    }

    pub(super) fn chain(&self, op: &Operation, name: &str, inner: &Source) -> Found {
        let mut unknown = false;
        let after = Some(op.site).filter(|site| *site != op.call);
        let before = self.chain_calls(op.site);
        // `const request = https.get(url); request.setTimeout(3000);`
        let later = self.called_later(op);
        // Of a request that is handed in half made each caller says its own.
        let handed =
            || if op.kind == OpKind::HttpRequest { Vec::new() } else { self.calls_handed_in(op.site, &before) };
        let handed = std::iter::once_with(handed).flatten().map(|site| (site, true));
        let own = after.into_iter().chain(before.iter().copied()).chain(later).map(|site| (site, false));
        for (site, is_handed) in own.chain(handed) {
            let Some(call) = self.call(site) else { continue };
            if name != "*" && self.program.text(call.name) != name && !self.is_called(site, name) {
                continue;
            }
            let path = match inner {
                Source::PathSegment(_) => self.resolution.external_at(site).first().map(|(_, path, _)| *path),
                _ => op.path,
            };
            let at = Operation { site, call: site, path, ..*op };
            match self.source(&at, inner) {
                Found::Absent => {}
                Found::Unknown => unknown = true,
                // A value of the caller's own is known where it hands it in, and not here.
                found if is_handed && !self.is_settled(&found) => {}
                found => return self.as_passed(found, &before),
            }
        }
        if unknown { Found::Unknown } else { Found::Absent }
    }

    /// Whether what was found is the same wherever it is looked at: a constant, or a function.
    fn is_settled(&self, found: &Found) -> bool {
        let is_function = |var: VarId| !functions_of(*self, var).is_empty();
        match found {
            Found::Is(Operand::Var(var)) => {
                let made = || self.maker(*var).into_iter().flat_map(|call| self.program.arguments(call.site));
                self.constant(*var).is_some() || is_function(*var) || made().any(|row| is_function(row.var))
            }
            Found::Is(Operand::Text(_) | Operand::Present) => true,
            _ => false,
        }
    }

    /// The calls on the variable that holds what an operation gives whose chain may go on.
    fn called_later(&self, op: &Operation) -> Vec<SiteId> {
        let program = self.program;
        let r = &program.facts.relations;
        if !self.model(op).chain {
            return Vec::new();
        }
        let held = self.call(op.site).map(|call| program.assign_by_src.of(&r.assign, call.result));
        let calls = held.into_iter().flatten().flat_map(|row| program.calls_by_receiver.of(&r.call, row.dst));
        calls.map(|call| call.site).collect()
    }

    /// What was found in a helper of the project that a call of the chain leads through, as that call passes it:
    /// `consumer(&channel, BasicConsumeOptions { no_ack: true, .. })`, where `consumer` hands its parameter on.
    pub(super) fn as_passed(&self, mut found: Found, chain: &[SiteId]) -> Found {
        for _ in 0..MAX_CHAIN {
            let (var, path) = match &found {
                Found::Is(Operand::Var(var)) => (*var, &[][..]),
                Found::Is(Operand::Within(var, path)) => (*var, &path[..]),
                _ => return found,
            };
            let Some(parameter) = parameter_of(*self, var) else { return found };
            let passed = |site: &SiteId| self.resolution.passed_at(*site).iter().find(|row| row.parameter == parameter);
            let Some(row) = chain.iter().find_map(passed) else { return found };
            found = self.within(row.argument, path);
        }
        found
    }

    /// Whether the call `site` is of the qualified name `path`.
    fn is_called(&self, site: SiteId, path: &str) -> bool {
        let external =
            || self.resolution.external_at(site).iter().map(|(_, path, _)| self.resolution.paths.text(*path));
        // `import { retry as policy }`: a function has the name that its library gives it.
        let is_plain = || self.call(site).is_some_and(|call| call.receiver.is_none());
        match path.contains('.') {
            true => external().any(|known| known == path),
            false => is_plain() && external().any(|known| known.rsplit('.').next() == Some(path)),
        }
    }

    /// The arguments of a call and of the calls that built its receiver, in the order written; after an object that a
    /// library's calls made and filled, what these were given.
    pub(super) fn chain_arguments(&self, site: SiteId) -> Vec<VarId> {
        let mut sites = self.chain_calls(site);
        sites.reverse();
        sites.push(site);
        let r = &self.program.facts.relations;
        let mut arguments = Vec::new();
        for site in sites {
            for row in self.program.arguments(site).filter(|row| !self.is_carrier(row.var)) {
                let elements = self.program.element_by_var.of(&r.element, row.var);
                let before = arguments.len();
                arguments.extend(elements.map(|element| element.value));
                if arguments.len() == before {
                    arguments.push(row.var);
                }
                arguments.extend(self.given_to_make(row.var));
            }
        }
        arguments
    }

    /// `order.findUnique` of `this.prisma.order.findUnique(…)`, as far as it is written in one expression.
    pub(super) fn written_path(&self, row: &Call) -> String {
        let program = self.program;
        let mut text = program.text(row.name).to_owned();
        let mut next = row.receiver;
        for _ in 0..4 {
            let Some(var) = next else { break };
            if let Some(load) = program.loaded_as(var) {
                text = format!("{}.{text}", program.text(load.field));
                next = Some(load.base);
            } else if let Some(call) = program.call_giving(var).filter(|call| call.kind != CallKind::New) {
                text = format!("{}.{text}", program.text(call.name));
                next = call.receiver;
            } else {
                let named = program.variable(var).map(|row| program.text(row.name)).filter(|name| !name.is_empty());
                return named.map_or_else(|| text.clone(), |name| format!("{name}.{text}"));
            }
        }
        text
    }
}

//! Meaning: what the rules judge.
//!
//! Resolution says what is called; here models say what the calls do ([`operations`]), functions get the effects of
//! all they reach ([`effects`]), retries, transactions and locks the code they extend over ([`scopes`]), and sites
//! their order ([`order`]).

mod after_commit;
mod built;
mod by_caller;
mod causes;
mod chains;
mod clients;
mod columns;
mod connections;
mod consensus;
mod conventions;
mod copies;
mod cursors;
mod deadlines;
mod deferred;
mod durations;
mod effects;
mod environments;
mod failures;
mod gates;
mod generic;
mod given_to_run;
mod guards;
mod handed_in;
mod invoked;
mod lift;
mod listeners;
mod lock_guards;
mod loop_bounds;
mod made;
mod makers;
mod mappings;
mod operations;
mod order;
mod own_effects;
mod provenance;
mod reader;
mod retries;
mod runs;
mod scopes;
mod settings;
mod terms;
mod trace;
mod tracked;
mod tries;
mod uniqueness;
mod wrapped;

use std::sync::OnceLock;

use distsys_facts::{ClassId, FunctionId, FunctionKind, RegionKind, SiteId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::source::Source;
use crate::model::{ModelSet, ScopeKind};
use crate::operation::{Attr, OpKind};
use crate::program::Program;
use crate::resolve::{HandleRole, Resolution};
use crate::words::{role_of_name, words};

pub use connections::Runs;
pub use effects::{Effect, EffectFlags, EffectId, Effects, SiteEffect};
pub use failures::Failure;
pub use guards::Decision;
pub use invoked::{Invocations, Invoked, Mode, Wrapped};
pub use operations::{Found, Operand, Operation, Operations};
pub use order::Order;
pub use scopes::{Extent, Scope, Scopes};
pub use terms::{Name, Names, Role, Term};

use own_effects::statements;
use reader::Reader;

/// Where the object that an operation is done on is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Creation {
    /// It is not made: a function of a module.
    None,
    /// Somewhere that is not seen.
    Unseen,
    /// Here; those places only that do not set what was asked for.
    Seen(Vec<SiteId>),
}

/// All that rules may ask.
#[derive(Debug)]
pub struct Meaning<'m> {
    pub program: &'m Program<'m>,
    pub models: &'m ModelSet,
    pub resolution: &'m Resolution,
    pub operations: Operations,
    pub invocations: Invocations,
    pub effects: Effects,
    pub scopes: Scopes,
    pub order: Order,
    pub names: Names,
    callers: FxHashMap<FunctionId, Vec<SiteId>>,
    flow: provenance::FlowIndex,
    served: OnceLock<FxHashSet<FunctionId>>,
    requested: OnceLock<FxHashSet<FunctionId>>,
    unique: OnceLock<FxHashMap<String, uniqueness::Keys>>,
    run_limits: OnceLock<FxHashMap<FunctionId, Option<f64>>>,
}

/// What waiting for a promise gives is followed this far.
const MAX_STEPS: usize = 12;

/// `READ COMMITTED`, `read_uncommitted`
fn lets_others_write(level: &str) -> bool {
    words(level).last().is_some_and(|word| word.ends_with("committed"))
}

/// Calls that a stream of what is to be done is run by.
fn subscribes(name: &str) -> bool {
    const RUN: &[&str] = &["subscribe", "block", "toFuture", "toStream", "toIterable", "connect"];
    RUN.iter().any(|run| name.starts_with(run))
}

impl<'m> Meaning<'m> {
    pub fn derive(program: &'m Program<'m>, models: &'m ModelSet, resolution: &'m Resolution) -> Self {
        let reader = Reader { program, models, resolution };
        let flow = provenance::FlowIndex::new(program, resolution);
        let mut operations = Operations::new(program, models, resolution);
        operations.drop_refined(&reader, &flow);
        let invocations = Invocations::new(reader, &operations);
        operations.add_given(&reader, |parameter| !invocations.applied(parameter).is_empty());
        operations.add_applied(&reader);
        let order = Order::new(program);
        let mut describer = terms::Describer::new(reader);
        let unmarked = Effects::new(&mut describer, &operations, &invocations, &FxHashMap::default());
        let scopes = scopes::Builder::new(reader, &operations, &invocations, &unmarked, &order).build();
        let causes = causes::Causes::new(reader, &operations, &unmarked, &order);
        let mut marks: FxHashMap<SiteId, EffectFlags> = FxHashMap::default();
        for scope in &scopes.all {
            let mark = match scope.kind {
                OpKind::RetryScope => EffectFlags::RETRIED,
                OpKind::TimeoutScope => EffectFlags::TIMED,
                _ => continue,
            };
            let mut covered = scopes::sites(program, &order, &unmarked, scope);
            if scope.kind == OpKind::RetryScope {
                causes.keep_repeated(scope, &mut covered);
            }
            for site in covered {
                let marks = marks.entry(site).or_default();
                *marks = *marks | mark;
            }
        }
        for site in after_commit::else_at_once(program, &invocations, &unmarked, &order) {
            let marks = marks.entry(site).or_default();
            *marks = *marks | EffectFlags::AFTER_COMMIT;
        }
        let effects =
            if marks.is_empty() { unmarked } else { Effects::new(&mut describer, &operations, &invocations, &marks) };
        let mut callers: FxHashMap<FunctionId, Vec<SiteId>> = FxHashMap::default();
        for edge in &resolution.calls {
            // What calls its own parameter is not the caller: who gives the function is, where it is run by that.
            if invocations.is_through_parameter(edge.site) && invocations.is_invoked(edge.function) {
                continue;
            }
            callers.entry(edge.function).or_default().push(edge.site);
        }
        for row in &invocations.all {
            callers.entry(row.function).or_default().push(row.site);
        }
        for sites in callers.values_mut() {
            sites.sort_unstable();
            sites.dedup();
        }
        let names = describer.names;
        Meaning {
            program,
            models,
            resolution,
            operations,
            invocations,
            effects,
            scopes,
            order,
            names,
            callers,
            flow,
            served: OnceLock::new(),
            requested: OnceLock::new(),
            unique: OnceLock::new(),
            run_limits: OnceLock::new(),
        }
    }

    fn reader(&self) -> Reader<'m, 'm> {
        Reader { program: self.program, models: self.models, resolution: self.resolution }
    }

    /// The value of an attribute of an operation.
    pub fn attribute(&self, op: &Operation, attr: Attr) -> Found {
        self.reader().attribute(op, attr)
    }

    /// What the call `site` passes for the parameter `var`, at `path` within it.
    pub fn passed_within(&self, site: SiteId, var: VarId, path: &[String]) -> Found {
        self.reader().passed_within(site, var, path)
    }

    /// Whether the model of an operation says where an attribute would stand.
    pub fn declares(&self, op: &Operation, attr: Attr) -> bool {
        self.reader().model(op).attribute(attr).is_some()
    }

    /// Where an attribute may also be set for all calls at once.
    pub fn set_at_creation(&self, op: &Operation, attr: Attr) -> Creation {
        let reader = self.reader();
        let created = match self.creations(op, attr) {
            None => return Creation::None,
            Some(created) if created.is_empty() => return Creation::Unseen,
            Some(created) => created,
        };
        // Switched off on purpose, where the library would have set it.
        let is_none = |var: VarId| reader.is_null(var) || reader.constant(var) == Some("0");
        let is_off = |found: &Found| match found {
            Found::Is(Operand::Var(var) | Operand::Counted(var, _)) => is_none(*var),
            _ => false,
        };
        let off: Vec<SiteId> = created.iter().filter(|(_, found)| is_off(found)).map(|(site, _)| *site).collect();
        if !off.is_empty() {
            return Creation::Seen(off);
        }
        // Made in one place, set on one of the ways from there.
        let set: FxHashSet<SiteId> =
            created.iter().filter(|(_, found)| *found != Found::Absent).map(|(site, _)| *site).collect();
        let mut bare: Vec<SiteId> =
            created.into_iter().map(|(site, _)| site).filter(|site| !set.contains(site)).collect();
        bare.dedup();
        Creation::Seen(bare)
    }

    /// Whether `var` is a function of the project: a closure, or one by its name.
    pub fn is_function(&self, var: VarId) -> bool {
        self.reader().is_function(var)
    }

    /// What the creation of the client that an operation goes through gives as an attribute, by site of creation; nothing if
    /// not all of them are seen, none if no client is made.
    fn creations(&self, op: &Operation, attr: Attr) -> Option<Vec<(SiteId, Found)>> {
        let reader = self.reader();
        let of_chain = |source: &&Source| matches!(source, Source::Chain(..));
        let sources: Vec<Source> =
            reader.model(op).attribute(attr).into_iter().flatten().filter(of_chain).cloned().collect();
        let receiver = self.program.call(op.call).and_then(|call| call.receiver.or(call.callee))?;
        // A function of the library's module has no client of its own.
        if sources.is_empty() || reader.is_named(receiver) {
            return None;
        }
        let given = |site: SiteId| {
            let Some(call) = self.program.call(site) else { return Found::Absent };
            let at = Operation { site, call: site, ..*op };
            let of_call = sources.iter().filter_map(|source| match source {
                Source::Chain(name, inner) if name == "*" || name == self.program.text(call.name) => {
                    Some(reader.source(&at, inner))
                }
                _ => None,
            });
            let found = of_call.into_iter().find(|found| *found != Found::Absent);
            found.or_else(|| self.client_default(site, attr)).unwrap_or(Found::Absent)
        };
        let mut on_the_way = Vec::new();
        let (created, complete) = self.creators(receiver, |site| {
            let found = given(site);
            let is_set = found != Found::Absent;
            on_the_way.extend(is_set.then_some(found));
            is_set
        });
        if !complete {
            return Some(Vec::new());
        }
        let found = created.into_iter().map(|(site, set)| match given(site) {
            // By a call on the way from there.
            Found::Absent if set && on_the_way.len() == 1 => (site, on_the_way[0].clone()),
            Found::Absent if set => (site, Found::Unknown),
            found => (site, found),
        });
        Some(found.collect())
    }

    /// Where the client is made that an operation goes through and that may say the attribute, as far as all places are seen.
    pub fn made_with(&self, op: &Operation, attr: Attr) -> Vec<SiteId> {
        self.creations(op, attr).unwrap_or_default().into_iter().map(|(site, _)| site).collect()
    }

    /// The span that an attribute says at the call or, the same wherever it is made, at the creation of the client that the
    /// call goes through, in milliseconds; the library's own default does not count.
    pub fn span_set(&self, op: &Operation, attr: Attr) -> Option<f64> {
        if matches!(self.attribute(op, attr), Found::Is(Operand::Var(_))) {
            return self.span(op, attr);
        }
        let mut spans = self.creations(op, attr)?.into_iter().map(|(_, found)| self.span_found(op, &found));
        let first = spans.next()??;
        spans.all(|span| span == Some(first)).then_some(first)
    }

    /// What sets an attribute beyond the call itself is not seen: a default of the library that the project changes
    /// (`axios.defaults.timeout = …`).
    pub fn has_default_set(&self, attr: Attr) -> bool {
        self.defaults_stored(attr).into_iter().any(|(client, _)| self.reader().maker(client).is_none())
    }

    /// The default that the client made at `site` is given later: `client.defaults.timeout = 500`.
    fn client_default(&self, site: SiteId, attr: Attr) -> Option<Found> {
        let is_of = |client: VarId| self.reader().maker(client).is_some_and(|made| made.site == site);
        let stored = self.defaults_stored(attr).into_iter().find(|(client, _)| is_of(*client));
        stored.map(|(_, value)| Found::Is(Operand::Var(value)))
    }

    /// Clients whose default for an attribute is stored, or set by what sees each request before it is sent
    /// (`client.interceptors.request.use((config) => …)`), each with the value.
    fn defaults_stored(&self, attr: Attr) -> Vec<(VarId, VarId)> {
        let program = self.program;
        let r = &program.facts.relations;
        let stores = r.store.iter().filter(|row| program.text(row.field) == attr.name());
        let mut found: Vec<(VarId, VarId)> =
            stores.filter_map(|row| Some((self.member_base(row.base, "defaults")?, row.src))).collect();
        for call in r.call.iter().filter(|call| program.text(call.name) == "use") {
            let requests = call.receiver.and_then(|var| self.member_base(var, "request"));
            let Some(client) = requests.and_then(|var| self.member_base(var, "interceptors")) else { continue };
            for function in program.arguments(call.site).filter_map(|row| program.closure(row.var)) {
                let given = program.parameters(function).next().map(|row| row.var);
                let stored = given.into_iter().flat_map(|var| program.stores_to(var));
                let stored = stored.filter(|row| program.text(row.field) == attr.name()).map(|row| row.src);
                let returned = program.returns_by_function.of(&r.returns, function).filter_map(|row| row.var);
                let entries = returned.flat_map(|var| program.entry_by_var.of(&r.entry, var));
                let entries = entries.filter(|row| program.text(row.key) == attr.name()).map(|row| row.value);
                found.extend(stored.chain(entries).map(|value| (client, value)));
            }
        }
        found
    }

    /// The object whose member of this name a variable is.
    fn member_base(&self, var: VarId, member: &str) -> Option<VarId> {
        self.program.loaded_as(var).filter(|load| self.program.text(load.field) == member).map(|load| load.base)
    }

    /// Whether an operation gives something that must be awaited or kept for it to be done, and nobody does.
    pub fn is_lost_unless_awaited(&self, op: &Operation) -> bool {
        let program = self.program;
        let gives = match self.attribute(op, Attr::Completion) {
            Found::Is(Operand::Var(var)) => Some(var),
            Found::Is(Operand::Text(text)) if text == "none" || text == "flush" => None,
            Found::Is(Operand::Text(text)) if text == "awaited" => {
                return program.call(op.site).is_some_and(|call| self.is_unconfirmed(call.result));
            }
            // Nothing is done before somebody subscribes to what the last call of the chain gives.
            Found::Is(Operand::Text(text)) if text == "subscribed" => {
                let last = program.call(self.reader().chain_end(op.site));
                last.filter(|last| !subscribes(program.text(last.name))).map(|last| last.result)
            }
            // Whatever a library of this family does outside the process gives a promise.
            _ if op.family.gives_promises() && does_outside(op.kind) => program.call(op.site).map(|call| call.result),
            _ => None,
        };
        let is_used = |var: VarId| match op.family.gives_outcomes() {
            // `_, err := …`: only what it gives beside is looked at.
            true => self.is_first_result_used(var),
            false => self.is_used(var),
        };
        gives.is_some_and(|var| !is_used(var)) && !(op.kind == OpKind::Spawn && self.handles_itself(op.site))
    }

    /// Whether what the libraries of a call's language do outside the process gives a promise.
    pub fn gives_promises(&self, site: SiteId) -> bool {
        self.reader().family(site).gives_promises()
    }

    /// Whether a transaction is begun at a stricter level than the database's own, as an option or in the statement.
    pub fn is_isolated(&self, op: &Operation) -> bool {
        let by_statement = || match self.attribute(op, Attr::Sql) {
            Found::Is(Operand::Var(var)) => {
                statements(self.reader(), var).iter().any(|row| self.program.has_clause(row, "serializable"))
            }
            _ => false,
        };
        let by_option = || match self.attribute(op, Attr::Isolation) {
            Found::Absent => false,
            Found::Is(Operand::Var(var)) => !self.constant(var).is_some_and(lets_others_write),
            _ => true,
        };
        by_option() || by_statement()
    }

    /// Whether what is started at a site lets no failure out: it catches all by itself, or only calls what does.
    fn handles_itself(&self, site: SiteId) -> bool {
        let started: Vec<FunctionId> = self.invocations.at(site).map(|row| row.function).collect();
        !started.is_empty() && started.into_iter().all(|function| self.catches_all(function, 0))
    }

    fn catches_all(&self, function: FunctionId, depth: u32) -> bool {
        const MAX_DEPTH: u32 = 2;
        let program = self.program;
        let mut handlers =
            self.failures(function).into_iter().filter(|failure| failure.all).filter_map(|failure| failure.region);
        if handlers.any(|region| program.region(region).kind == RegionKind::Catch) {
            return true;
        }
        let given = program.function(function).kind == FunctionKind::Closure;
        let mut sites: Vec<SiteId> = self
            .effects
            .in_function(function)
            .filter(|(effect, _)| does_outside(effect.kind))
            .map(|(_, row)| row.site)
            .collect();
        sites.dedup();
        depth < MAX_DEPTH
            && given
            && !sites.is_empty()
            && sites.into_iter().all(|site| {
                let callees = self.callees(site);
                !callees.is_empty() && callees.into_iter().all(|callee| self.catches_all(callee, depth + 1))
            })
    }

    /// Whether what waiting for `promise` gives, itself a promise, is dropped: `context.publish(…).await?;`.
    fn is_unconfirmed(&self, promise: VarId) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let mut waits = 0;
        let (mut stack, mut seen) = (vec![promise], FxHashSet::default());
        while let Some(at) = stack.pop() {
            if !seen.insert(at) {
                continue;
            }
            if seen.len() > MAX_STEPS {
                return false;
            }
            waits += program.suspend_by_var.of(&r.suspend, at).count();
            let named = program.variable(at).is_some_and(|row| !row.name.is_empty());
            if named || program.argument_by_var.of(&r.argument, at).next().is_some() || self.flow.is_kept(at) {
                return false;
            }
            // `.map_err(…)`, `.expect(…)`
            stack.extend(program.calls_by_receiver.of(&r.call, at).map(|call| call.result));
            stack.extend(program.assign_by_src.of(&r.assign, at).map(|row| row.dst));
        }
        waits <= 1
    }

    /// The arguments of a call and of the calls that built its receiver, in the order written.
    pub fn chain_arguments(&self, site: SiteId) -> Vec<VarId> {
        self.reader().chain_arguments(site)
    }

    /// Whether anything looks at the first of the results of a call.
    fn is_first_result_used(&self, var: VarId) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let further = |field: &str| field.parse::<u32>().is_ok_and(|at| at > 0);
        let mut loads = program.load_by_base.of(&r.load, var).peekable();
        let only_further = loads.peek().is_some() && loads.all(|load| further(program.text(load.field)));
        let named = program
            .assign_by_src
            .of(&r.assign, var)
            .any(|row| program.variable(row.dst).is_none_or(|own| program.text(own.name) != "_"));
        let otherwise = program.suspend_by_var.of(&r.suspend, var).next().is_some()
            || program.argument_by_var.of(&r.argument, var).next().is_some()
            || program.calls_by_receiver.of(&r.call, var).next().is_some();
        match only_further {
            true => named || otherwise || self.flow.is_kept(var),
            false => self.is_used(var),
        }
    }

    /// Whether anything looks at a value.
    pub fn is_used(&self, var: VarId) -> bool {
        self.reader().is_looked_at(var) || self.flow.is_kept(var)
    }

    /// The call that a value is made by.
    pub fn made_by(&self, var: VarId) -> Option<SiteId> {
        self.reader().maker(var).map(|call| call.site)
    }

    /// Whether a value goes along with calls for their deadline.
    pub fn is_carrier(&self, var: VarId) -> bool {
        self.reader().is_carrier(var)
    }

    /// Whether a carrier ends when the call has been answered that its function was given it for.
    pub fn ends_with_call(&self, carrier: VarId) -> bool {
        self.reader().ends_with_call(carrier, 0)
    }

    /// Whether a value is returned, yielded, stored, or part of another value.
    pub fn is_kept(&self, var: VarId) -> bool {
        self.flow.is_kept(var)
    }

    /// The class of the project that a value is an instance of.
    pub fn class_of(&self, var: VarId) -> Option<ClassId> {
        self.reader().class_of(var)
    }

    /// The constant text that `var` surely is.
    pub fn constant(&self, var: VarId) -> Option<&'m str> {
        Reader { program: self.program, models: self.models, resolution: self.resolution }.constant(var)
    }

    pub fn name(&self, name: Name) -> &str {
        self.names.text(name)
    }

    /// The text of a term, if it is constant.
    pub fn text(&self, term: Term) -> Option<&str> {
        match term {
            Term::Text(name) => Some(self.names.text(name)),
            Term::Filled(_, name, _) => Some(self.names.text(name)).filter(|text| !text.replace("{}", "").is_empty()),
            Term::Function(function) => Some(self.program.text(self.program.function(function).name)),
            _ => None,
        }
    }

    /// Where a function is called from.
    pub fn callers(&self, function: FunctionId) -> &[SiteId] {
        self.callers.get(&function).map_or(&[], Vec::as_slice)
    }

    pub fn precedes(&self, a: SiteId, b: SiteId) -> bool {
        self.order.precedes(self.program, a, b)
    }

    /// The sites that a scope covers; of a retry scope, those that may be repeated.
    pub fn sites(&self, scope: &Scope) -> Vec<SiteId> {
        if scope.passed_on && matches!(scope.kind, OpKind::TxScope | OpKind::ConnectionAcquire) {
            return Vec::new();
        }
        let mut sites = scopes::sites(self.program, &self.order, &self.effects, scope);
        if scope.kind == OpKind::RetryScope {
            causes::Causes::new(self.reader(), &self.operations, &self.effects, &self.order)
                .keep_repeated(scope, &mut sites);
        }
        sites
    }

    /// What ends an open scope in its function, after it has begun.
    pub fn closers(&self, scope: &Scope) -> Vec<SiteId> {
        let Extent::Open(from) = scope.extent else { return Vec::new() };
        let in_function = self.effects.in_function(scope.function);
        let by_effect = in_function.filter(|(effect, _)| scopes::closes(scope.kind, effect.kind));
        let mut closers: Vec<SiteId> =
            by_effect.map(|(_, row)| row.site).chain(scope.closers.iter().copied()).collect();
        closers.retain(|site| self.precedes(from, *site));
        closers.sort_unstable();
        closers.dedup();
        closers
    }

    /// Whether there is a way from `a` to `b` that passes none of `between`.
    pub fn avoids(&self, a: SiteId, between: &[SiteId], b: SiteId) -> bool {
        self.order.avoids(self.program, a, between, b)
    }

    /// Whether what fails at a site leaves its function without a word in the code: an exception.
    pub fn throws_silently(&self, site: SiteId) -> bool {
        !self.reader().family(site).gives_outcomes()
    }

    /// Whether a scope comes from the configuration of a client, which holds for all calls on it.
    pub fn is_of_client(&self, scope: &Scope) -> bool {
        self.operation(scope).is_some_and(|op| self.models.op(op.family, op.model).scopes.contains(&ScopeKind::Client))
    }

    /// Whether a scope goes along with the calls it is for, as an argument of theirs.
    pub fn travels(&self, scope: &Scope) -> bool {
        self.operation(scope).is_some_and(|op| self.models.op(op.family, op.model).scopes.contains(&ScopeKind::Passed))
    }

    /// The role of the connection that a scope is opened on, as its names say.
    pub fn role_of(&self, scope: &Scope) -> HandleRole {
        let Some(op) = self.operation(scope) else { return HandleRole::Unknown };
        match self.attribute(op, Attr::Role) {
            Found::Is(Operand::Var(var)) => self.reader().role_named(var),
            Found::Is(Operand::Text(text)) => role_of_name(&text, false),
            _ => op.via.role,
        }
    }

    /// The operation that makes a scope.
    pub fn operation(&self, scope: &Scope) -> Option<&Operation> {
        scope.op.map(|number| &self.operations.all[number as usize])
    }

    /// Whether a function is the code of tests, examples or generated files.
    pub fn is_out_of_scope(&self, function: FunctionId) -> bool {
        self.program.is_out_of_scope(function)
    }

    /// Functions that something outside runs: routes, consumers, jobs, schedules.
    pub fn entry_points(&self) -> Vec<(FunctionId, OpKind)> {
        let mut found: Vec<(FunctionId, OpKind)> = Vec::new();
        for row in self.invocations.all.iter().filter(|row| row.mode == Mode::Registered) {
            for op in self.operations.at(row.site) {
                found.push((row.function, op.kind));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether `function`, which the route `op` runs, serves this HTTP method.
    pub fn serves(&self, op: &Operation, function: FunctionId, method: &str) -> bool {
        let program = self.program;
        let handlers = &self.reader().model(op).handlers;
        if let Some((_, serves)) = handlers
            .iter()
            // What a file offers by default has a name of its own there.
            .find(|(name, _)| {
                matches!(name.as_str(), "*" | "default") || name == program.text(program.function(function).name)
            })
        {
            return serves.eq_ignore_ascii_case(method);
        }
        let named = |var| self.constant(var).is_some_and(|text| text.eq_ignore_ascii_case(method));
        match self.attribute(op, Attr::Method) {
            Found::Is(Operand::Text(text)) => text.eq_ignore_ascii_case(method),
            Found::Is(Operand::Var(var)) => {
                let mut elements = program.element_by_var.of(&program.facts.relations.element, var);
                named(var) || elements.any(|row| named(row.value))
            }
            _ => false,
        }
    }

    /// What requests, messages, jobs and schedules may run.
    pub fn is_served(&self, function: FunctionId) -> bool {
        self.served
            .get_or_init(|| self.reached(self.entry_points().into_iter().map(|(function, _)| function).collect()))
            .contains(&function)
    }

    /// What runs while a request waits for its answer.
    pub fn is_requested(&self, function: FunctionId) -> bool {
        let collect = || {
            let routes = self.entry_points().into_iter().filter(|(_, kind)| *kind == OpKind::Route);
            let mut from: Vec<FunctionId> = routes.map(|(function, _)| function).collect();
            let mut reached = FxHashSet::default();
            while let Some(at) = from.pop() {
                if reached.insert(at) {
                    from.extend(self.program.sites(at).flat_map(|site| self.waited_for(site.site)));
                }
            }
            reached
        };
        self.requested.get_or_init(collect).contains(&function)
    }

    /// What functions may run, themselves included.
    pub fn reached(&self, mut from: Vec<FunctionId>) -> FxHashSet<FunctionId> {
        let mut reached = FxHashSet::default();
        while let Some(at) = from.pop() {
            if reached.insert(at) {
                from.extend(self.program.sites(at).flat_map(|site| self.callees(site.site)));
            }
        }
        reached
    }

    /// Rows by derived relation, for figures.
    pub fn counts(&self) -> Vec<(&'static str, usize)> {
        vec![
            ("propagated", self.resolution.steps),
            ("calls", self.resolution.calls.len()),
            ("external", self.resolution.external.len()),
            ("passed", self.resolution.passed.len()),
            ("operation", self.operations.all.len()),
            ("invoked", self.invocations.all.len()),
            ("site_effect", self.effects.rows().len()),
            ("scope", self.scopes.all.len()),
        ]
    }
}

/// What another process or machine sees.
fn does_outside(kind: OpKind) -> bool {
    matches!(
        kind,
        OpKind::HttpRequest
            | OpKind::Rpc
            | OpKind::DbWrite
            | OpKind::Publish
            | OpKind::Enqueue
            | OpKind::Payment
            | OpKind::Notify
            | OpKind::ObjectWrite
    )
}

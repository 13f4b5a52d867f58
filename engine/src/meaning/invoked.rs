//! Functions that are run through a value: callbacks, closures, jobs.
//!
//! A function that calls its own parameter (`with_retry(f)`) does not do what every caller passes to it; each caller does
//! what it passes. So such calls are followed from where the closure is passed, not from inside.

use std::collections::VecDeque;

use distsys_facts::{FunctionId, FunctionKind, IdKind, SiteId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::callbacks::{
    MAX_HELPERS, callback_vars, called_by_its_method, decorated_method, functions_of, handed_parameter, made_anywhere,
    made_by, methods_run, parameter_of,
};
use super::kept_functions::{Closures, registers_a_handler, says_later};
use super::listeners::{Listeners, listening};
use super::operations::{Operation, Operations};
use super::reader::Reader;
use super::unawaited::{gives_promise, keeps};
use crate::csr::Csr;
use crate::model::{Callback, ScopeKind};
use crate::operation::OpKind;
use crate::program::Program;
use crate::resolve::Passed;

/// When a function given away runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// During the call.
    Inline,
    /// In a task of its own.
    Background,
    /// After the transaction.
    AfterCommit,
    /// On a request, a message, a schedule.
    Registered,
}

/// The call at `site` makes `function` run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Invoked {
    pub site: SiteId,
    pub function: FunctionId,
    pub mode: Mode,
}

/// A function that a wrapper of the project puts another one around: `@remembered("venue:{}") def venue(id)`,
/// `cached("venue:{}", load)`. Whoever calls it by the name that it has then calls the other, which calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Wrapped {
    /// The annotation, or the call of the wrapper.
    pub site: SiteId,
    pub function: FunctionId,
    pub wrapper: FunctionId,
    /// What is put around it: a function of the wrapper.
    pub around: FunctionId,
}

/// What runs through values.
#[derive(Debug, Default)]
pub struct Invocations {
    /// By site.
    pub all: Vec<Invoked>,
    pub(super) by_site: Csr,
    pub(super) functions: FxHashSet<FunctionId>,
    /// Sites at which a parameter's value is called or given to what calls it.
    pub(super) applied: FxHashMap<VarId, Vec<SiteId>>,
    /// The same by site: the parameters whose values are called there.
    pub(super) applied_at: FxHashMap<SiteId, Vec<VarId>>,
    /// Calls that pass a parameter on, with the parameter that receives it and the caller's own.
    pub(super) passed_on: FxHashMap<SiteId, Vec<(VarId, VarId)>>,
    /// Calls of wrappers that a parameter is given to, by what they are registered with: `new Worker(name, traced(work))`.
    pub(super) wrapped_for: FxHashMap<SiteId, SiteId>,
    /// Calls whose values are registered, wherever they were made, with the operations that register them.
    pub(super) registered_by: FxHashMap<SiteId, Vec<SiteId>>,
    /// Those of them that only hand on what they were given: that is registered itself.
    pub(super) transparent: FxHashSet<SiteId>,
    /// The parameters that closures are given as.
    pub(super) given_as: FxHashMap<FunctionId, Vec<VarId>>,
    /// Calls whose result a task runs (`create_task(work())`).
    pub(super) background: FxHashSet<SiteId>,
    /// Calls of asynchronous functions whose result nobody looks at.
    pub(super) unawaited: Vec<SiteId>,
    /// Sites that call a parameter directly.
    pub(super) through_parameter: FxHashSet<SiteId>,
    /// Functions under wrappers of the project, by site.
    pub(super) wrapped: Vec<Wrapped>,
    /// Calls of what lists hold, by the list.
    pub(super) out_of_lists: FxHashMap<VarId, Vec<SiteId>>,
}

impl Invocations {
    pub(super) fn new(reader: Reader<'_, '_>, operations: &Operations) -> Self {
        let mut invocations = Invocations::default();
        invocations.find_applied(reader, operations);
        invocations.by_operations(reader, operations);
        invocations.unawaited(reader, operations);
        invocations.by_project(reader, operations);
        invocations.by_decorators(reader);
        invocations.wrapped = invocations.find_wrapped(reader);
        invocations.out_of_lists = calls_out_of_lists(reader.program);
        invocations.by_unknown_libraries(reader, operations);
        // What a framework runs on a request is not run by the wrapper that it is given to.
        invocations.all.sort_unstable_by_key(|row| (row.site, row.function, row.mode != Mode::Registered, row.mode));
        invocations.all.dedup_by_key(|row| (row.site, row.function));
        invocations.functions = invocations.all.iter().map(|row| row.function).collect();
        invocations.by_site = Csr::by(reader.program.facts.count(IdKind::Site), &invocations.all, |row| Some(row.site));
        invocations
    }

    pub fn at(&self, site: SiteId) -> impl Iterator<Item = &Invoked> {
        self.by_site.of(&self.all, site)
    }

    /// The functions that the wrapper of the project wraps which is called at `site`.
    pub fn wrapped_at(&self, site: SiteId) -> impl Iterator<Item = &Wrapped> {
        let start = self.wrapped.partition_point(|row| row.site < site);
        self.wrapped[start..].iter().take_while(move |row| row.site == site)
    }

    /// By site.
    pub fn wrapped(&self) -> &[Wrapped] {
        &self.wrapped
    }

    /// Whether something that is given the function as a value makes it run.
    pub fn is_invoked(&self, function: FunctionId) -> bool {
        self.functions.contains(&function)
    }

    /// Where the value of a parameter is called, in the function or in what it is passed to.
    pub fn applied(&self, parameter: VarId) -> &[SiteId] {
        self.applied.get(&parameter).map_or(&[], Vec::as_slice)
    }

    /// The parameters whose values the call `site` calls, or gives to what calls them.
    pub(super) fn applied_at(&self, site: SiteId) -> &[VarId] {
        self.applied_at.get(&site).map_or(&[], Vec::as_slice)
    }

    pub fn is_background(&self, site: SiteId) -> bool {
        self.background.contains(&site)
    }

    /// Calls of asynchronous functions whose result is neither awaited nor kept.
    pub fn unawaited_calls(&self) -> impl Iterator<Item = SiteId> {
        self.unawaited.iter().copied()
    }

    /// Whether what is called at `site` is a parameter's value.
    pub fn is_through_parameter(&self, site: SiteId) -> bool {
        self.through_parameter.contains(&site)
    }

    /// Where what a list holds is called.
    fn called_out_of(&self, list: VarId) -> &[SiteId] {
        self.out_of_lists.get(&list).map_or(&[], Vec::as_slice)
    }

    fn find_applied(&mut self, reader: Reader<'_, '_>, operations: &Operations) {
        let program = reader.program;
        let r = &program.facts.relations;
        let mut queue: VecDeque<VarId> = VecDeque::new();
        let of_elements = reader.given_elements();
        for call in &r.call {
            let applied = match program.text(call.name) {
                "apply" | "call" => call.receiver.and_then(|function| decorated_method(reader, function)),
                _ => None,
            };
            let called = call.callee.and_then(|callee| parameter_of(reader, callee));
            let called = called.or_else(|| called_by_its_method(reader, call));
            let is_its_own = |parameter: &VarId| !is_known_here(reader, &of_elements, call.site, *parameter);
            if let Some(parameter) = called.or(applied).filter(is_its_own) {
                self.through_parameter.insert(call.site);
                self.applied.entry(parameter).or_default().push(call.site);
                queue.push_back(parameter);
            }
        }
        for op in &operations.all {
            for var in callback_vars(reader, op) {
                if let Some(parameter) = handed_parameter(reader, var) {
                    self.applied.entry(parameter).or_default().push(op.site);
                    queue.push_back(parameter);
                } else if mode_of(op.kind) == Mode::Registered
                    && let Some(made) = made_by(reader, var)
                {
                    self.wrapped_for.insert(made, op.site);
                }
                if mode_of(op.kind) == Mode::Registered
                    && let Some(made) = made_anywhere(reader, var)
                {
                    self.registered_by.entry(made).or_default().push(op.site);
                }
            }
        }
        // `items.map(work)`: the collection's own method calls what it is given, where callers give functions.
        for row in &r.argument {
            let by_element = || {
                let name = program.call(row.site).map_or("", |call| program.text(call.name));
                row.keyword.is_empty()
                    && ELEMENTWISE.contains(&name)
                    && reader.resolution.calls_at(row.site).is_empty()
                    && operations.at(row.site).next().is_none()
            };
            let is_function = |parameter: VarId| {
                let mut given = reader.resolution.passed_to(parameter);
                given.any(|passed| !functions_of(reader, passed.argument).is_empty())
            };
            if let Some(parameter) = parameter_of(reader, row.var).filter(|var| by_element() && is_function(*var)) {
                self.applied.entry(parameter).or_default().push(row.site);
                queue.push_back(parameter);
            }
        }
        // A call that passes its own parameter on, by the parameter that receives it.
        let mut passed_on: FxHashMap<VarId, Vec<(SiteId, VarId)>> = FxHashMap::default();
        for row in &reader.resolution.passed {
            if let Some(closure) = program.closure(row.argument) {
                self.given_as.entry(closure).or_default().push(row.parameter);
            }
            if let Some(own) = handed_parameter(reader, row.argument) {
                passed_on.entry(row.parameter).or_default().push((row.site, own));
                self.passed_on.entry(row.site).or_default().push((row.parameter, own));
            }
        }
        let mut done: FxHashSet<VarId> = FxHashSet::default();
        while let Some(parameter) = queue.pop_front() {
            if !done.insert(parameter) {
                continue;
            }
            for &(site, own) in passed_on.get(&parameter).into_iter().flatten() {
                let sites = self.applied.entry(own).or_default();
                if !sites.contains(&site) {
                    sites.push(site);
                    queue.push_back(own);
                }
            }
        }
        for (parameter, sites) in &self.applied {
            for site in sites {
                self.applied_at.entry(*site).or_default().push(*parameter);
            }
        }
        for parameters in self.applied_at.values_mut() {
            parameters.sort_unstable();
            parameters.dedup();
        }
    }

    fn by_operations(&mut self, reader: Reader<'_, '_>, operations: &Operations) {
        let program = reader.program;
        // Those who listen are called by whoever hands something on to them.
        for op in operations.all.iter().filter(|op| op.kind != OpKind::Listen) {
            let mode = mode_of(op.kind);
            let model = reader.model(op);
            if model.callbacks.contains(&Callback::Decorated)
                && let Some(function) = operations.decorated(op.site)
            {
                self.all.push(Invoked { site: op.site, function, mode: Mode::Registered });
            }
            if model.is_convention() {
                let entered = operations.entered(op.site).iter();
                self.all.extend(entered.map(|&function| Invoked { site: op.site, function, mode }));
            }
            // What only extends over them does not run them.
            let run = if model.scopes.contains(&ScopeKind::Handlers) {
                Vec::new()
            } else {
                methods_run(reader, operations, op)
            };
            for function in run {
                self.all.push(Invoked { site: op.site, function, mode });
            }
            for var in callback_vars(reader, op) {
                for function in functions_of(reader, var) {
                    self.all.push(Invoked { site: op.site, function, mode });
                }
                if mode == Mode::Background
                    && let Some(call) = made_by(reader, var)
                {
                    self.background.insert(call);
                }
            }
        }
        // A function that its annotation lets run in a task of its own, whoever calls it.
        let beside =
            operations.of_kind(OpKind::Spawn).filter(|op| reader.model(op).callbacks.contains(&Callback::Decorated));
        let beside: FxHashSet<FunctionId> = beside.filter_map(|op| operations.decorated(op.site)).collect();
        let heard = Listeners::new(reader, operations).heard(reader, operations).into_iter();
        for (op, function) in listening(reader, operations).into_iter().chain(heard) {
            let mode = match mode_of(op.kind) {
                Mode::Inline if beside.contains(&function) => Mode::Background,
                // What gives no promise is over when the call returns.
                Mode::Background if op.family.gives_promises() && !gives_promise(reader, operations, function, 0) => {
                    Mode::Inline
                }
                mode => mode,
            };
            self.all.push(Invoked { site: op.site, function, mode });
        }
        let calls = reader.resolution.calls.iter().filter(|edge| beside.contains(&edge.function));
        self.background.extend(calls.map(|edge| edge.site));
        // `|| async { … }`: who runs the closure runs the block.
        for row in &program.facts.relations.returns {
            let Some(function) = row.var.and_then(|var| program.closure(var)) else { continue };
            if program.function(function).kind == FunctionKind::AsyncBlock {
                self.all.push(Invoked { site: row.site, function, mode: Mode::Inline });
            }
        }
    }

    fn by_project(&mut self, reader: Reader<'_, '_>, operations: &Operations) {
        let modes = Modes {
            functions: self.all.iter().map(|row| (row.function, row.mode)).collect(),
            sites: operations.all.iter().map(|op| (op.site, mode_of(op.kind))).collect(),
            callers: callers_of_inner(reader),
        };
        let closures = Closures::new(reader);
        for &Passed { site, parameter, argument } in &reader.resolution.passed {
            let applied = self.applied(parameter);
            if applied.is_empty() {
                continue;
            }
            let functions = functions_of(reader, argument);
            if functions.is_empty() {
                continue;
            }
            // `register(handler)`: what the wrapper registers is what it is given, be it in another wrapper.
            let registered_by = |site: &SiteId| {
                let site = self.wrapped_for.get(site).unwrap_or(site);
                modes.sites.contains(&(*site, Mode::Registered)).then_some(*site)
            };
            let registering: Vec<SiteId> = applied.iter().filter_map(registered_by).collect();
            if registering.len() == applied.len() {
                for &site in &registering {
                    let mode = Mode::Registered;
                    self.all.extend(functions.iter().map(|&function| Invoked { site, function, mode }));
                }
                continue;
            }
            // `export const place = guarded(async (request, response) => …)`: what runs for a request is what this call was given.
            if let Some(registering) = self.registered_by.get(&site)
                && self.only_hands_on(reader, operations, parameter)
            {
                let mode = Mode::Registered;
                for &site in registering {
                    self.all.extend(functions.iter().map(|&function| Invoked { site, function, mode }));
                }
                self.transparent.insert(site);
                continue;
            }
            // `subscribe(queue, handler)`: the closure that the wrapper registers calls it, not the call of the wrapper.
            if applied.iter().all(|site| self.runs_as(reader, &modes, *site, parameter, Mode::Registered, 0)) {
                let calls = applied.to_vec();
                for site in calls {
                    let mode = Mode::Inline;
                    self.all.extend(functions.iter().map(|&function| Invoked { site, function, mode }));
                }
                continue;
            }
            // `register(handler)`: whoever goes through what is kept calls the closure that calls it.
            let kept = applied.iter().map(|site| self.kept_at(reader, &closures, *site, parameter, 0));
            if let Some(kept) = kept.collect::<Option<Vec<_>>>() {
                let mode = Mode::Inline;
                for site in kept.into_iter().flatten() {
                    self.all.extend(functions.iter().map(|&function| Invoked { site, function, mode }));
                }
                continue;
            }
            // A wrapper that defers to the commit where there is a transaction knows what it does.
            let after_commit = |site: &SiteId| self.runs_as(reader, &modes, *site, parameter, Mode::AfterCommit, 0);
            let mode = if applied.iter().any(after_commit) {
                Mode::AfterCommit
            } else if applied.iter().all(|site| {
                self.background.contains(site) || self.runs_as(reader, &modes, *site, parameter, Mode::Background, 0)
            }) {
                Mode::Background
            } else {
                Mode::Inline
            };
            self.all.extend(functions.into_iter().map(|function| Invoked { site, function, mode }));
        }
    }

    /// Whether what the owner of `parameter` returns is a closure that calls it and opens nothing around the call: neither a
    /// transaction, a lock nor a retry, by itself or by what it gives the call to.
    fn only_hands_on(&self, reader: Reader<'_, '_>, operations: &Operations, parameter: VarId) -> bool {
        let program = reader.program;
        let Some(owner) = program.parameter(parameter).map(|row| row.function) else { return false };
        let opens = |function: FunctionId| {
            let mut there = program.sites(function).flat_map(|row| operations.at(row.site));
            there.any(|op| !reader.model(op).scopes.is_empty())
        };
        self.applied(parameter).iter().all(|site| {
            let mut function = program.site(*site).function;
            while function != owner {
                let given = self.given_as.get(&function).into_iter().flatten();
                let mut runners =
                    given.flat_map(|receiver| self.applied(*receiver)).map(|at| program.site(*at).function);
                if opens(function) || runners.any(opens) {
                    return false;
                }
                match program.function(function).parent {
                    Some(parent) => function = parent,
                    None => return false,
                }
            }
            program.site(*site).function != owner
        })
    }

    /// Whether `site` gives the parameter to, or is in a closure that its function gives to, what runs in this mode.
    /// A helper that hands it on runs it as what it hands it to, where one of several implementations does.
    fn runs_as(
        &self,
        reader: Reader<'_, '_>,
        modes: &Modes,
        site: SiteId,
        parameter: VarId,
        mode: Mode,
        depth: usize,
    ) -> bool {
        let program = reader.program;
        if modes.sites.contains(&(site, mode)) {
            return true;
        }
        let received_as = |receiver: VarId| {
            let applied = self.applied(receiver);
            let runs = |at: &SiteId| self.runs_as(reader, modes, *at, receiver, mode, depth + 1);
            depth < MAX_HELPERS && !applied.is_empty() && applied.iter().all(runs)
        };
        let handed = self.passed_on.get(&site).into_iter().flatten().filter(|(_, own)| *own == parameter);
        if handed.into_iter().any(|(receiver, _)| received_as(*receiver)) {
            return true;
        }
        let Some(owner) = program.parameter(parameter).map(|row| row.function) else { return false };
        let mut at = program.site(site).function;
        while at != owner {
            let given = self.given_as.get(&at).into_iter().flatten();
            if modes.functions.contains(&(at, mode)) || given.into_iter().any(|receiver| received_as(*receiver)) {
                return true;
            }
            // `const deliver = …; channel.consume(queue, (message) => deliver(message))`
            let called = modes.callers.get(&at).map_or(&[][..], Vec::as_slice);
            let runs = |site: &SiteId| {
                program.site(*site).function != at && self.runs_as(reader, modes, *site, parameter, mode, depth + 1)
            };
            if depth < MAX_HELPERS && !called.is_empty() && called.iter().all(runs) {
                return true;
            }
            match program.function(at).parent {
                Some(parent) => at = parent,
                None => return false,
            }
        }
        false
    }

    /// Functions under a decorator of the project that registers what it is given, or a function around it, with a library.
    fn by_decorators(&mut self, reader: Reader<'_, '_>) {
        let program = reader.program;
        let mut annotations: FxHashMap<FunctionId, Vec<(SiteId, FunctionId)>> = FxHashMap::default();
        for row in &program.facts.relations.function_annotation {
            for edge in reader.resolution.calls_at(row.site) {
                annotations.entry(edge.function).or_default().push((row.site, row.function));
            }
        }
        let registered: Vec<Invoked> =
            self.all.iter().copied().filter(|row| row.mode == Mode::Registered && !annotations.is_empty()).collect();
        for row in registered {
            let mut around = program.function(row.function).parent;
            while let Some(decorator) = around {
                around = program.function(decorator).parent;
                let given = program.parameters(decorator).next().map(|parameter| parameter.var);
                let runs = |site: &SiteId| {
                    let mut at = Some(program.site(*site).function);
                    while let Some(function) = at {
                        if function == row.function {
                            return true;
                        }
                        at = program.function(function).parent;
                    }
                    false
                };
                if !given.is_some_and(|var| self.applied(var).iter().any(runs)) {
                    continue;
                }
                let direct = annotations.get(&decorator).into_iter().flatten();
                let direct = direct.filter(|(site, _)| program.arguments(*site).next().is_none());
                let made = around.into_iter().flat_map(|maker| {
                    let of_maker = annotations.get(&maker).into_iter().flatten();
                    of_maker.filter(move |(site, _)| program.makes_decorator(*site, maker))
                });
                for &(_, function) in direct.chain(made) {
                    self.all.push(Invoked { site: row.site, function, mode: Mode::Registered });
                }
            }
        }
    }

    /// A closure given to a library that no model knows runs during the call.
    fn by_unknown_libraries(&mut self, reader: Reader<'_, '_>, operations: &Operations) {
        let program = reader.program;
        // `async move { … }.boxed()`
        for row in &program.facts.relations.call {
            let Some(function) = row.receiver.and_then(|receiver| program.closure(receiver)) else { continue };
            if program.function(function).kind == FunctionKind::AsyncBlock
                && reader.resolution.calls_at(row.site).is_empty()
            {
                self.all.push(Invoked { site: row.site, function, mode: Mode::Inline });
            }
        }
        // `ids.map(load)`: the collection's own method calls the function that it is given by name.
        for row in &program.facts.relations.argument {
            let name = program.call(row.site).map_or("", |call| program.text(call.name));
            if ELEMENTWISE.contains(&name)
                && program.closure(row.var).is_none()
                && reader.resolution.calls_at(row.site).is_empty()
                && operations.at(row.site).all(|op| mode_of(op.kind) == Mode::Inline)
            {
                let given = functions_of(reader, row.var).into_iter();
                self.all.extend(given.map(|function| Invoked { site: row.site, function, mode: Mode::Inline }));
            }
        }
        let heard: FxHashSet<FunctionId> = self.all.iter().map(|row| row.function).collect();
        for row in &program.facts.relations.argument {
            let Some(function) = program.closure(row.var) else { continue };
            if !matches!(program.function(function).kind, FunctionKind::Closure | FunctionKind::AsyncBlock) {
                continue;
            }
            let is_project = !reader.resolution.calls_at(row.site).is_empty();
            let is_heard = |op: &Operation| op.kind == OpKind::Listen && heard.contains(&function);
            let registers = operations.at(row.site).any(|op| mode_of(op.kind) != Mode::Inline || is_heard(op));
            // `app.get("/orders", wrapped(async (request, response) => …))`: what the wrapper gives runs it, for a request.
            if !is_project
                && !registers
                && let Some(registering) = self.registered_by.get(&row.site)
            {
                let mode = Mode::Registered;
                self.all.extend(registering.iter().map(|&site| Invoked { site, function, mode }));
                continue;
            }
            if !is_project && !registers {
                // `hooks.push(() => …)`: run where what the list holds is called.
                let kept = keeps(program, row.site).map_or(&[][..], |list| self.called_out_of(list));
                let sites = if kept.is_empty() { vec![row.site] } else { kept.to_vec() };
                let is_later = operations.at(row.site).next().is_none()
                    && program.call(row.site).is_some_and(|call| says_later(program.written_name(call)));
                let mode = match is_later || kept.is_empty() && registers_a_handler(program, row.site) {
                    true => Mode::Registered,
                    false => Mode::Inline,
                };
                self.all.extend(sites.into_iter().map(|site| Invoked { site, function, mode }));
            }
        }
    }
}

/// Whether what is called at a site is known there, though a parameter holds it: it is an element of a collection, or the
/// function belongs to an object that was made with it.
fn is_known_here(reader: Reader<'_, '_>, of_elements: &FxHashSet<FunctionId>, site: SiteId, parameter: VarId) -> bool {
    let program = reader.program;
    let Some(owner) = program.parameter(parameter).map(|row| row.function) else { return false };
    match owner == program.site(site).function {
        true => of_elements.contains(&owner) && !reader.resolution.calls_at(site).is_empty(),
        false => reader.resolution.calls_at(site).len() == 1 && reader.makes_object_of_functions(owner),
    }
}

/// Calls of what lists hold, by the list: `for (const hook of hooks) await hook()`, `hooks.map((hook) => hook())`.
fn calls_out_of_lists(program: &Program<'_>) -> FxHashMap<VarId, Vec<SiteId>> {
    let r = &program.facts.relations;
    let mut found: FxHashMap<VarId, Vec<SiteId>> = FxHashMap::default();
    let kept: FxHashSet<VarId> = r
        .argument
        .iter()
        .filter(|row| program.closure(row.var).is_some())
        .filter_map(|row| keeps(program, row.site))
        .collect();
    if kept.is_empty() {
        return found;
    }
    let given =
        r.argument.iter().filter_map(|row| Some((program.closure(row.var)?, program.call(row.site)?.receiver?)));
    let given: FxHashMap<FunctionId, VarId> = given.filter(|(_, list)| kept.contains(list)).collect();
    for call in r.call.iter() {
        let Some(mut at) = call.callee else { continue };
        for _ in 0..4 {
            match program.assigned_from(at).next() {
                Some(row) => at = row.src,
                None => break,
            }
        }
        let list = match program.parameter(at) {
            // The parameter of a closure that a method of the list is given.
            Some(parameter) => given.get(&parameter.function).copied(),
            None => program.loaded_as(at).filter(|load| program.text(load.field) == "[*]").map(|load| load.base),
        };
        if let Some(list) = list.filter(|list| kept.contains(list)) {
            found.entry(list).or_default().push(call.site);
        }
    }
    found
}

/// What calls a function for each element of a collection, or for the value of a promise, in the languages' own libraries.
const ELEMENTWISE: &[&str] =
    &["map", "flatMap", "forEach", "filter", "filter_map", "flat_map", "for_each", "then", "and_then", "reduce"];

/// What runs in which mode, as far as operations say.
struct Modes {
    functions: FxHashSet<(FunctionId, Mode)>,
    sites: FxHashSet<(SiteId, Mode)>,
    /// The calls of functions that are written in others.
    callers: FxHashMap<FunctionId, Vec<SiteId>>,
}

fn callers_of_inner(reader: Reader<'_, '_>) -> FxHashMap<FunctionId, Vec<SiteId>> {
    let program = reader.program;
    let mut callers: FxHashMap<FunctionId, Vec<SiteId>> = FxHashMap::default();
    for edge in &reader.resolution.calls {
        let parent = program.function(edge.function).parent;
        if parent.is_some_and(|parent| program.function(parent).kind != FunctionKind::Module) {
            callers.entry(edge.function).or_default().push(edge.site);
        }
    }
    callers
}

/// When the callbacks of an operation run.
fn mode_of(kind: OpKind) -> Mode {
    match kind {
        OpKind::Spawn => Mode::Background,
        OpKind::AfterCommit => Mode::AfterCommit,
        OpKind::Route
        | OpKind::Middleware
        | OpKind::Consume
        | OpKind::HandleJob
        | OpKind::Cron
        | OpKind::ServerStart
        | OpKind::Enqueue => Mode::Registered,
        _ => Mode::Inline,
    }
}

//! Scopes: what a retry, a transaction, a lock or a guard extends over, also where the project wraps it.
//!
//! A scope found in a wrapper is lifted to its callers: a closure passed to `with_lock(f)`, a function decorated with
//! `@retrying`, the body of `with locked(key):`, what follows `acquire(key)`. Lifted scopes keep the calls between.

use std::collections::VecDeque;

use distsys_facts::{CallKind, ClassId, FunctionFlags, FunctionId, RegionId, RegionKind, SiteId, Sym, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::callbacks::{functions_of, handed_parameter, methods_run, parameter_of, slot_var};
use super::chains::settles;
use super::effects::Effects;
use super::invoked::Invocations;
use super::operations::{Found, Operation, Operations};
use super::order::Order;
use super::reader::Reader;
use super::retries;
use crate::model::ScopeKind;
use crate::operation::{Attr, OpKind};
use crate::paths::PathId;
use crate::resolve::ValueKind;

/// What a scope covers, within one function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Extent {
    Region(RegionId),
    /// All of the function.
    Function(FunctionId),
    /// From the site on, until what closes it.
    Open(SiteId),
    /// While the variable that holds the guard lives; from the site on.
    Life(SiteId, VarId),
    /// One call.
    Site(SiteId),
}

/// Where an operation holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// `RetryScope`, `TxScope`, `LockAcquire`, `SessionLock`, `Guard`, `TimeoutScope`, `Limiter`, `ConnectionAcquire` or
    /// `Consume` (a loop over messages).
    pub kind: OpKind,
    /// The operation, by its index in [`Operations::all`]; none for a retry loop.
    pub op: Option<u32>,
    /// Where the scope is made: the operation's site, or the first site of a retry loop.
    pub origin: Option<SiteId>,
    /// The calls from here to the wrapper that makes it, outermost first.
    pub steps: Vec<SiteId>,
    pub function: FunctionId,
    pub extent: Extent,
    /// Of a retry loop: nothing ends it but success.
    pub endless: bool,
    /// Of an open scope: what ends it beside operations of the closing kind.
    pub closers: Vec<SiteId>,
    /// A transaction or connection that the first statement within opens, as a session does.
    pub lazy: bool,
    /// A call that hands what its caller gave to a wrapper: inside is what runs of that, and not what else the call does.
    pub passed_on: bool,
}

impl Scope {
    /// Whether an effect of that kind ends it. What a caller has of a lock that a helper took in this process is ended by its
    /// `closers` alone: other locks are taken and let go in between.
    pub(super) fn is_closed_by(&self, kind: OpKind) -> bool {
        closes(self.kind, kind) && (self.kind != OpKind::Guard || self.steps.is_empty())
    }
}

/// The scopes of a tree.
#[derive(Debug, Default)]
pub struct Scopes {
    pub all: Vec<Scope>,
    by_function: FxHashMap<FunctionId, Vec<u32>>,
}

/// Wrappers around wrappers are followed this deep.
const MAX_LIFT: usize = 6;

impl Scopes {
    pub fn of_kind(&self, kind: OpKind) -> impl Iterator<Item = &Scope> {
        self.all.iter().filter(move |scope| scope.kind == kind)
    }

    pub fn in_function(&self, function: FunctionId) -> impl Iterator<Item = &Scope> {
        self.by_function.get(&function).into_iter().flatten().map(|&at| &self.all[at as usize])
    }
}

pub(super) struct Builder<'b, 'm, 'f> {
    pub reader: Reader<'m, 'f>,
    pub operations: &'b Operations,
    pub invocations: &'b Invocations,
    pub effects: &'b Effects,
    pub order: &'b Order,
    pub(super) index: Index,
}

/// What lifting asks for again and again.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Calls whose value a `with` holds.
    pub(super) managed: FxHashSet<SiteId>,
    /// With-regions by the project function that gives their manager or enters it, each with the call that made the manager;
    /// one that is handed in was made by somebody else.
    pub(super) managed_by: FxHashMap<FunctionId, Vec<(RegionId, Option<SiteId>)>>,
    pub(super) callers: FxHashMap<FunctionId, Vec<SiteId>>,
    /// Annotations by the project function that they call.
    pub(super) annotations: FxHashMap<FunctionId, Vec<(SiteId, FunctionId)>>,
    pub(super) passed: FxHashMap<VarId, Vec<(SiteId, VarId)>>,
    /// Functions that are given what a function of the project gives, by that: `session: Session = Depends(session)`.
    pub(super) depending: FxHashMap<FunctionId, Vec<(SiteId, FunctionId)>>,
}

/// The kind of scope that an operation makes.
fn scope_kind(kind: OpKind) -> Option<OpKind> {
    match kind {
        OpKind::TxBegin | OpKind::TxScope => Some(OpKind::TxScope),
        OpKind::RetryScope
        | OpKind::LockAcquire
        | OpKind::SessionLock
        | OpKind::Guard
        | OpKind::TimeoutScope
        | OpKind::Limiter
        | OpKind::ConnectionAcquire
        | OpKind::Consume => Some(kind),
        _ => None,
    }
}

/// What ends an open scope.
pub(super) fn closes(scope: OpKind, kind: OpKind) -> bool {
    match scope {
        OpKind::TxScope => matches!(kind, OpKind::TxCommit | OpKind::TxRollback),
        OpKind::LockAcquire => matches!(kind, OpKind::LockRelease),
        OpKind::SessionLock => matches!(kind, OpKind::SessionUnlock),
        OpKind::Guard => matches!(kind, OpKind::GuardRelease),
        OpKind::ConnectionAcquire => matches!(kind, OpKind::ConnectionRelease),
        _ => false,
    }
}

impl<'b, 'm, 'f> Builder<'b, 'm, 'f> {
    pub(super) fn new(
        reader: Reader<'m, 'f>,
        operations: &'b Operations,
        invocations: &'b Invocations,
        effects: &'b Effects,
        order: &'b Order,
    ) -> Self {
        let mut builder = Builder { reader, operations, invocations, effects, order, index: Index::default() };
        builder.index = builder.make_index();
        builder
    }

    pub(super) fn build(&self) -> Scopes {
        let mut found = self.by_operations();
        found.extend(self.by_managed_values());
        found.extend(self.by_receiving());
        found.extend(self.by_cursor());
        found.extend(retries::loops(self));
        found.extend(self.by_dependencies());
        found.extend(self.by_units_of_work());
        let mut known: FxHashSet<(OpKind, Extent, Option<u32>)> = FxHashSet::default();
        let mut queue: VecDeque<Scope> = found.into();
        let mut scopes = Scopes::default();
        while let Some(scope) = queue.pop_front() {
            if !known.insert((scope.kind, scope.extent, scope.op)) {
                continue;
            }
            if scope.steps.len() < MAX_LIFT {
                queue.extend(self.lift(&scope));
            }
            scopes.by_function.entry(scope.function).or_default().push(scopes.all.len() as u32);
            scopes.all.push(scope);
        }
        scopes
    }

    fn by_operations(&self) -> Vec<Scope> {
        let mut found = Vec::new();
        for (number, op) in self.operations.all.iter().enumerate() {
            // `client.query("BEGIN")`, `client.query("SELECT pg_advisory_lock(1)")`
            let by_text = |kind: OpKind| self.effects.at(op.site).any(|(effect, _)| effect.kind == kind);
            let is_text = op.kind == OpKind::Sql && self.reader.resolution.calls_at(op.site).is_empty();
            let begun = [OpKind::TxBegin, OpKind::SessionLock].into_iter().find(|kind| is_text && by_text(*kind));
            let begins = begun.is_some();
            let kind = scope_kind(begun.unwrap_or(op.kind));
            let Some(kind) = kind else { continue };
            let scope = |function, extent| Scope {
                kind,
                op: Some(number as u32),
                origin: Some(op.site),
                steps: Vec::new(),
                function,
                extent,
                endless: false,
                closers: Vec::new(),
                lazy: self.reader.attribute(op, Attr::Lazy) != Found::Absent,
                passed_on: false,
            };
            for model_scope in &self.reader.model(op).scopes {
                match model_scope {
                    ScopeKind::Decorator => {
                        let own = self.operations.decorated(op.site).filter(|own| !self.is_called_past_proxy(op, *own));
                        let of_class = self.operations.decorated_class(op.site).into_iter();
                        let around = self.put_around(op);
                        for function in of_class.flat_map(|class| self.public_methods(class)).chain(own).chain(around) {
                            found.push(scope(function, Extent::Function(function)));
                        }
                    }
                    ScopeKind::Callback(slot) => {
                        let var = slot_var(self.reader, op, slot);
                        // A wrapper's parameter: what its callers give runs inside, to where this is lifted.
                        if var.is_some_and(|var| handed_parameter(self.reader, var).is_some()) {
                            found.push(scope(op.function, Extent::Site(op.site)));
                            continue;
                        }
                        if kind == OpKind::TimeoutScope {
                            let begun = var.map_or_else(Vec::new, |var| self.begun_by_callers(var));
                            found.extend(begun.into_iter().map(|(through, site)| Scope {
                                steps: vec![through],
                                ..scope(self.reader.program.site(site).function, Extent::Site(site))
                            }));
                        }
                        for function in var.into_iter().flat_map(|var| functions_of(self.reader, var)) {
                            found.push(scope(function, Extent::Function(function)));
                        }
                        // A future or promise given instead of a function runs inside, too.
                        if matches!(kind, OpKind::TimeoutScope | OpKind::Limiter)
                            && let Some(var) = var
                        {
                            let made = self.begun_here(var).into_iter();
                            found.extend(made.map(|site| scope(op.function, Extent::Site(site))));
                        }
                    }
                    ScopeKind::Handlers => {
                        let listed = methods_run(self.reader, self.operations, op).into_iter();
                        found.extend(listed.map(|function| scope(function, Extent::Function(function))));
                    }
                    ScopeKind::Guard => {
                        if let Some(extent) = self.life(op) {
                            found.push(scope(op.function, extent));
                        }
                    }
                    ScopeKind::Open if !self.is_managed(op) && self.is_lock(op) => {
                        let closers = self.deletions_of_key(op, op.function);
                        found.push(Scope { closers, ..scope(op.function, Extent::Open(op.site)) });
                    }
                    ScopeKind::Open if !self.is_managed(op) => {
                        found.extend(self.taken_by_callers(op).into_iter().map(|(site, closers)| {
                            let function = self.reader.program.site(site).function;
                            Scope { steps: vec![site], closers, ..scope(function, Extent::Open(site)) }
                        }));
                    }
                    // Of one of several methods that a variable may be (`send = post ? got.post : got.get`) nothing is said for all.
                    ScopeKind::Call if kind == OpKind::RetryScope && self.is_one_of_several(op) => {}
                    ScopeKind::Call => found.push(scope(op.function, Extent::Site(op.site))),
                    ScopeKind::Function => found.push(scope(op.function, Extent::Function(op.function))),
                    ScopeKind::Client => {
                        for site in self.calls_on_client(op) {
                            found.push(scope(self.reader.program.site(site).function, Extent::Site(site)));
                        }
                    }
                    ScopeKind::Passed => {
                        for site in self.calls_passed(op) {
                            found.push(scope(self.reader.program.site(site).function, Extent::Site(site)));
                        }
                    }
                    ScopeKind::Chain => {
                        let program = self.reader.program;
                        let before = self.reader.chain_calls(op.site);
                        // Begun before it, though the chain goes on: `post(url).retry(3).send(order)`.
                        let begun = |other: &&Operation| other.site != other.call && before.contains(&other.call);
                        let beside = program.sites(op.function).flat_map(|row| self.operations.at(row.site));
                        let begun = beside.filter(begun).map(|other| other.site);
                        let here = before.iter().copied().chain(begun);
                        let here = here.filter(|site| program.site(*site).function == op.function);
                        found.extend(here.map(|site| scope(op.function, Extent::Site(site))));
                    }
                    ScopeKind::With => found.extend(self.entered(op).map(|extent| scope(op.function, extent))),
                    ScopeKind::Open => {}
                }
            }
            // `with` around the call itself is found by its region; `pool.begin()` without a model scope is open.
            let is_bare = || self.reader.model(op).scopes.is_empty() && !self.is_managed(op);
            if begins || (op.kind == OpKind::TxBegin && is_bare()) {
                found.push(scope(op.function, Extent::Open(op.site)));
            }
        }
        found
    }

    /// What an operation extends over whose value a stack of managers enters: `stack.enter_context(connection.begin())`; all
    /// of them are left with the stack's own `with`, or by who is given what the function enters.
    fn entered(&self, op: &Operation) -> Option<Extent> {
        let program = self.reader.program;
        let r = &program.facts.relations;
        let given = program.call(op.site).map(|call| call.result)?;
        let enters =
            program.argument_by_var.of(&r.argument, given).filter_map(|row| program.call(row.site)).find(|call| {
                matches!(program.text(call.name), "enter_context" | "enter_async_context")
                    && self.reader.resolution.calls_at(call.site).is_empty()
            })?;
        let stack = self.reader.maker(enters.receiver?).map(|call| call.site);
        let around = program.regions_outward(program.site(op.site).region).find(|region| {
            let mut managed = program.manages_by_region.of(&r.manages, region.region);
            managed.any(|row| stack.is_some() && self.made_here(row.var) == stack)
        });
        let left_by_caller = matches!(program.text(program.function(op.function).name), "__enter__" | "__aenter__");
        match around {
            Some(region) => Some(Extent::Region(region.region)),
            None => left_by_caller.then_some(Extent::Open(op.site)),
        }
    }

    /// Whether the call may be of other methods of the library, of which another is that operation, too, or none.
    fn is_one_of_several(&self, op: &Operation) -> bool {
        let paths = &self.reader.resolution.paths;
        let method = |path: PathId| paths.text(path).rsplit('.').next();
        let mut called = self.reader.resolution.external_at(op.call).iter().map(|(_, path, _)| *path);
        op.path.is_some_and(|own| called.any(|path| method(path) != method(own)))
    }

    /// What can be called from outside on an object of the class: what an annotation on the class speaks of.
    fn public_methods(&self, class: ClassId) -> Vec<FunctionId> {
        let program = self.reader.program;
        let methods = program.method_by_class.of(&program.facts.relations.method, class).map(|row| row.function);
        // What is neither public nor private belongs to the package, whose objects call it on the same proxy.
        let is_private = |flags: FunctionFlags| flags.has(FunctionFlags::PRIVATE);
        methods.filter(|method| !is_private(program.function(*method).flags)).collect()
    }

    /// Whether a `with` holds what the operation gives.
    pub(super) fn is_managed(&self, op: &Operation) -> bool {
        self.index.managed.contains(&op.site)
    }

    pub(super) fn comes_from(&self, var: VarId, source: VarId) -> bool {
        let program = self.reader.program;
        let mut at = var;
        for _ in 0..4 {
            if at == source {
                return true;
            }
            // A copy of what a guard holds is not the guard.
            if !self.keeps_guard(at) {
                return false;
            }
            match program.assigned_from(at).next() {
                Some(row) => at = row.src,
                None => return false,
            }
        }
        false
    }

    /// `with x:` and `for attempt in x:` where a model says that values such as `x` are scopes.
    fn by_managed_values(&self) -> Vec<Scope> {
        let program = self.reader.program;
        let r = &program.facts.relations;
        let iterated = r.iterates.iter().map(|row| (row.region, row.var));
        let mut found = Vec::new();
        for (region, var) in r.manages.iter().map(|row| (row.region, row.var)).chain(iterated) {
            let function = program.region(region).function;
            // The call that made it, if it is seen, be it in a helper: its operation has the attributes.
            let made = self.reader.maker(var).map(|call| call.site);
            let numbers = |made: Option<SiteId>| made.map_or(&[][..], |site| self.operations.numbers_at(site));
            let numbers = match numbers(made) {
                [] => numbers(self.reader.made_at_last(var)),
                here => here,
            };
            let mut of_call =
                numbers.iter().filter(|number| self.has_with(&self.operations.all[**number as usize])).peekable();
            if of_call.peek().is_some() {
                for &number in of_call {
                    let op_row = &self.operations.all[number as usize];
                    let Some(kind) = scope_kind(op_row.kind) else { continue };
                    let (op, origin) = (Some(number), Some(op_row.site));
                    found.push(Scope {
                        kind,
                        op,
                        origin,
                        steps: Vec::new(),
                        function,
                        extent: Extent::Region(region),
                        endless: false,
                        closers: Vec::new(),
                        lazy: self.reader.attribute(op_row, Attr::Lazy) != Found::Absent,
                        passed_on: false,
                    });
                }
                continue;
            }
            let family = program.language(program.file_of_function(function)).into();
            for value in self.reader.resolution.values_of(var) {
                let ValueKind::External(path) = value.kind else { continue };
                for model in self.reader.models.ops_of(family, self.reader.resolution.paths.text(path)) {
                    let model = self.reader.models.op(family, model);
                    if let Some(kind) = scope_kind(model.kind)
                        && model.scopes.contains(&ScopeKind::With)
                    {
                        found.push(Scope {
                            kind,
                            op: None,
                            origin: None,
                            steps: Vec::new(),
                            function,
                            extent: Extent::Region(region),
                            endless: false,
                            closers: Vec::new(),
                            lazy: model.attribute(Attr::Lazy).is_some(),
                            passed_on: false,
                        });
                    }
                }
            }
        }
        found
    }

    /// `case delivery := <-deliveries:` in a loop, where the channel is what a consumer gives: each turn handles a message.
    fn by_receiving(&self) -> Vec<Scope> {
        let program = self.reader.program;
        let mut found = Vec::new();
        for receive in program.facts.relations.call.iter().filter(|call| program.text(call.name) == "receive") {
            let Some(made) = receive.receiver.and_then(|var| self.reader.maker(var)) else { continue };
            let numbers = self.operations.numbers_at(made.site).iter().copied();
            let mut consumes = numbers.filter(|number| {
                let op = &self.operations.all[*number as usize];
                op.kind == OpKind::Consume && self.has_with(op)
            });
            let turn =
                program.regions_outward(program.site(receive.site).region).find(|row| row.kind == RegionKind::Loop);
            let (Some(number), Some(turn)) = (consumes.next(), turn) else { continue };
            found.push(Scope {
                kind: OpKind::Consume,
                op: Some(number),
                origin: Some(made.site),
                steps: Vec::new(),
                function: program.site(receive.site).function,
                extent: Extent::Region(turn.region),
                endless: false,
                closers: Vec::new(),
                lazy: false,
                passed_on: false,
            });
        }
        found
    }

    pub(super) fn has_with(&self, op: &Operation) -> bool {
        self.reader.model(op).scopes.contains(&ScopeKind::With)
    }

    /// The life of the guard that an operation gives: of the variable that holds it, if one does.
    fn life(&self, op: &Operation) -> Option<Extent> {
        self.life_of_result(op.site)
    }

    fn make_index(&self) -> Index {
        let (program, resolution) = (self.reader.program, self.reader.resolution);
        let mut index = Index::default();
        let mut entering: FxHashMap<ClassId, Vec<FunctionId>> = FxHashMap::default();
        for row in &program.facts.relations.manages {
            if let Some(site) = self.made_here(row.var) {
                index.managed.insert(site);
                for edge in resolution.calls_at(site) {
                    index.managed_by.entry(edge.function).or_default().push((row.region, Some(site)));
                }
            }
            // `__enter__` of a class of the project.
            let made = self.reader.maker(row.var).map(|call| call.site);
            for value in resolution.values_of(row.var) {
                let ValueKind::Instance(class) = value.kind else { continue };
                for function in entering.entry(class).or_insert_with(|| self.entering(class)) {
                    let managed = index.managed_by.entry(*function).or_default();
                    let mut of_region = managed.iter().rev().take_while(|(region, _)| *region == row.region);
                    if !of_region.any(|(_, by)| *by == made) {
                        managed.push((row.region, made));
                    }
                }
            }
        }
        for edge in &resolution.calls {
            if program.call(edge.site).is_some_and(|call| call.kind != CallKind::Annotation) {
                index.callers.entry(edge.function).or_default().push(edge.site);
            }
        }
        for row in &program.facts.relations.function_annotation {
            for edge in resolution.calls_at(row.site) {
                index.annotations.entry(edge.function).or_default().push((row.site, row.function));
            }
        }
        let r = &program.facts.relations;
        let mut given: Vec<(FunctionId, SiteId)> =
            r.parameter_annotation.iter().map(|row| (row.function, row.site)).collect();
        for row in &r.parameter {
            if let Some(call) = row.default.and_then(|default| program.call_giving(default)) {
                given.push((row.function, call.site));
            }
        }
        given.sort_unstable();
        given.dedup();
        for (function, site) in given {
            for edge in resolution.calls_at(site) {
                index.depending.entry(edge.function).or_default().push((site, function));
            }
        }
        for row in &resolution.passed {
            index.passed.entry(row.parameter).or_default().push((row.site, row.argument));
        }
        index
    }

    /// The methods that enter a manager of the project: those of its class, and of what is below that if the class leaves it to them.
    fn entering(&self, class: ClassId) -> Vec<FunctionId> {
        let (program, resolution) = (self.reader.program, self.reader.resolution);
        let names = ["__enter__", "__aenter__"].map(|name| program.facts.symbols.lookup(name));
        let mut below: Vec<ClassId> = vec![class];
        let derived = resolution.derived(class).iter().copied();
        below.extend(derived.filter(|other| resolution.ancestors(*other).contains(&class)));
        let entered = |class: ClassId, name: Sym| {
            resolution.ancestors(class).iter().find_map(|ancestor| program.methods.get(&(*ancestor, name))).copied()
        };
        let mut found: Vec<FunctionId> = below
            .into_iter()
            .flat_map(|class| names.into_iter().flatten().filter_map(move |name| entered(class, name)))
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The call in this function whose promise `var` is, with those that what it gives is handed on through
    /// (`fetch(url).then(read)`), and those in the list that it is (`[fetch(url), timer]`).
    fn begun_here(&self, var: VarId) -> Vec<SiteId> {
        let program = self.reader.program;
        let elements = program.element_by_var.of(&program.facts.relations.element, var).map(|row| row.value);
        let mut begun = Vec::new();
        for var in std::iter::once(var).chain(elements) {
            let mut at = self.made_here(var);
            while let Some(site) = at {
                begun.push(site);
                let call = program.call(site).filter(|call| settles(program.text(call.name)));
                at = call.and_then(|call| call.receiver).and_then(|receiver| self.made_here(receiver));
            }
        }
        begun
    }

    /// Calls whose promises the callers give for a parameter that `var` is, or that stands in the list which it is, each with the
    /// call that it is given to: `within(5000, client.get(url))`.
    fn begun_by_callers(&self, var: VarId) -> Vec<(SiteId, SiteId)> {
        let program = self.reader.program;
        let elements = program.element_by_var.of(&program.facts.relations.element, var).map(|row| row.value);
        let parameters = std::iter::once(var).chain(elements).filter_map(|var| parameter_of(self.reader, var));
        let given = parameters.flat_map(|parameter| self.index.passed.get(&parameter).into_iter().flatten());
        let begun = given.map(|(site, argument)| (*site, self.begun_here(*argument)));
        begun.flat_map(|(through, calls)| calls.into_iter().map(move |site| (through, site))).collect()
    }

    /// The call in this function whose result `var` is.
    fn made_here(&self, var: VarId) -> Option<SiteId> {
        let program = self.reader.program;
        let mut at = var;
        for _ in 0..4 {
            if let Some(call) = program.call_giving(at) {
                return Some(call.site);
            }
            at = program.assigned_from(at).next()?.src;
        }
        None
    }

    pub(super) fn sites(&self, scope: &Scope) -> impl Iterator<Item = SiteId> {
        sites(self.reader.program, self.order, self.effects, scope).into_iter()
    }
}

/// Whether what is called at a site ends only what it has begun itself: a helper that does without a transaction of its
/// caller's when it is given none.
pub(super) fn ends_its_own(effects: &Effects, scope: OpKind, site: SiteId) -> bool {
    scope == OpKind::TxScope && effects.at(site).any(|(effect, _)| effect.kind == OpKind::TxBegin)
}

/// So many values are looked at for where a handle goes.
const MAX_HELD: usize = 32;

/// The block whose end nothing that a call gave outlives: that of the variable which holds it, if no variable of a block around
/// it comes to hold it, and the function does not give it back.
fn block_of_holder(program: &crate::program::Program<'_>, made: SiteId) -> Option<RegionId> {
    let r = &program.facts.relations;
    let mut held = vec![program.call(made)?.result];
    let mut block: Option<RegionId> = None;
    let mut at = 0;
    while at < held.len() && held.len() < MAX_HELD {
        let var = held[at];
        at += 1;
        if let Some(row) = program.variable(var).filter(|row| !program.text(row.name).is_empty()) {
            match block {
                Some(block) if !program.region_within(row.region, block) => return None,
                Some(_) => {}
                None => block = Some(row.region),
            }
        }
        for row in program.assign_by_src.of(&r.assign, var) {
            if !held.contains(&row.dst) {
                held.push(row.dst);
            }
        }
    }
    let function = program.site(made).function;
    let mut returned = program.returns_by_function.of(&r.returns, function);
    block.filter(|_| !returned.any(|row| row.var.is_some_and(|var| held.contains(&var))))
}

/// The sites that a scope covers, in order.
pub(super) fn sites(
    program: &crate::program::Program<'_>,
    order: &Order,
    effects: &Effects,
    scope: &Scope,
) -> Vec<SiteId> {
    let all = program.sites(scope.function).map(|row| row.site);
    match scope.extent {
        Extent::Function(_) => all.collect(),
        Extent::Site(site) => vec![site],
        Extent::Region(region) => {
            all.filter(|site| program.region_within(program.site(*site).region, region)).collect()
        }
        Extent::Open(from) => {
            let closers: Vec<SiteId> = effects
                .in_function(scope.function)
                .filter(|(effect, row)| scope.is_closed_by(effect.kind) && !ends_its_own(effects, scope.kind, row.site))
                .map(|(_, row)| row.site)
                .chain(scope.closers.iter().copied())
                .filter(|site| order.precedes(program, from, *site))
                .collect();
            let block = if scope.kind == OpKind::TxScope { block_of_holder(program, from) } else { None };
            all.filter(|site| {
                order.precedes(program, from, *site)
                    && block.is_none_or(|block| program.region_within(program.site(*site).region, block))
                    && !closers.contains(site)
                    && !closers.iter().any(|closer| order.precedes(program, *closer, *site))
            })
            .collect()
        }
        Extent::Life(from, var) => {
            let r = &program.facts.relations;
            let region = program.variable(var).map(|row| row.region);
            // Dropped, or given away by value.
            let ends: Vec<SiteId> = program.releases_by_var.of(&r.releases, var).map(|row| row.site).collect();
            all.filter(|site| {
                order.precedes(program, from, *site)
                    && region.is_none_or(|region| program.region_within(program.site(*site).region, region))
                    && !ends.contains(site)
                    && !ends.iter().any(|end| order.precedes(program, *end, *site))
            })
            .collect()
        }
    }
}

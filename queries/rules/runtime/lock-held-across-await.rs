//! A guard is alive where the task gives way.

use ascent::ascent_run;
use distsys_engine::meaning::{Extent, Found, Scope};
use distsys_engine::{Attr, OpKind};
use distsys_facts::schema::Call;
use distsys_facts::{ClassId, FunctionFlags, FunctionId, SiteId, SiteKind, VarId};
use rustc_hash::FxHashMap;

use crate::check_and_fill::{fills_what_helper_guards, fills_what_it_guards, helper_of};
use crate::finding::{Category, Confidence, Finding, Maturity, RuleInfo, Severity};
use crate::own_locks::{is_of_one_key, is_of_one_run, orders_loads};
use crate::refills::is_filled_elsewhere;
use crate::remote_waits::{
    MAX_COPIES, futures, gives_way, is_of_store, is_remote, is_remote_kind, waited_for,
};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "lock-held-across-await",
        category: Category::Runtime,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "a lock is held while the task waits",
        page: include_str!("lock-held-across-await.md"),
    },
    judge,
};

/// A guard, by its number among the scopes.
type Guard = u32;

/// Where a guard is alive, and whether that is sure.
type Held = (SiteId, Guard, bool);

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let program = meaning.program;
    let mut sync_guard: Vec<(Guard,)> = Vec::new();
    let mut alive: Vec<(Guard, SiteId)> = Vec::new();
    let mut coalesces: Vec<(Guard,)> = Vec::new();
    // Requests under a lock that coalesces a load, which are no part of the load.
    let mut beside: Vec<(Guard, SiteId)> = Vec::new();
    let mut given_back: Vec<(Guard, SiteId)> = Vec::new();
    // Statements for whose sake the lock is there.
    let mut guarded: Vec<(Guard, SiteId)> = Vec::new();
    let mut blocked: Vec<(Guard, SiteId)> = Vec::new();
    for (number, scope) in meaning.scopes.all.iter().enumerate() {
        // Who runs a command waits for nobody else.
        let is_command = program.runs_for_one_user(scope.function);
        if scope.kind != OpKind::Guard || meaning.is_out_of_scope(scope.function) || is_command {
            continue;
        }
        let number = number as Guard;
        let sites = meaning.sites(scope);
        let waits = waits_for_helper(context, scope, &sites);
        if blocks_the_thread(context, scope) {
            sync_guard.push((number,));
        } else if fills_what_it_guards(context, scope, &sites, &waits)
            || is_filled_elsewhere(context, scope, &sites)
            || fills_what_helper_guards(context, scope)
        {
            coalesces.push((number,));
            beside.extend(beside_the_fill(context, scope, &sites).into_iter().map(|site| (number, site)));
        }
        if let Extent::Function(function) = scope.extent {
            given_back.extend(promises_given_back(context, function).into_iter().map(|site| (number, site)));
        }
        blocked.extend(waits.into_iter().map(|site| (number, site)));
        guarded.extend(statements_guarded(context, scope, &sites).into_iter().map(|site| (number, site)));
        // What is waited for first is the lock itself.
        let sites = sites.into_iter().filter(|site| !waits_for_lock(context, scope, *site));
        alive.extend(sites.map(|site| (number, site)));
    }
    let r = &program.facts.relations;
    let suspends: Vec<(SiteId,)> = r.site.iter().filter(|row| row.kind == SiteKind::Await).map(|row| (row.site,)).collect();
    let mut remote: Vec<(SiteId,)> = Vec::new();
    for row in &r.suspend {
        let suspends = gives_way(context, row.site);
        let awaited = row.var.map(|var| futures(context, var)).unwrap_or_default();
        if awaited.into_iter().chain([row.site]).any(|site| is_remote(context, site, suspends)) {
            remote.push((row.site,));
        }
    }
    let program = ascent_run! {
        relation sync_guard(Guard) = sync_guard;
        relation coalesces(Guard) = coalesces;
        relation alive(Guard, SiteId) = alive;
        relation suspends(SiteId) = suspends;
        relation remote(SiteId) = remote;
        relation beside(Guard, SiteId) = beside;
        relation given_back(Guard, SiteId) = given_back;
        relation guarded(Guard, SiteId) = guarded;
        relation blocked(Guard, SiteId) = blocked;
        relation found(Guard, SiteId, bool);
        found(g, s, false) <-- beside(g, s);
        found(g, s, false) <-- blocked(g, s), !sync_guard(g), !coalesces(g);
        found(g, s, false) <-- given_back(g, s), !sync_guard(g), !coalesces(g);
        found(g, s, true) <-- suspends(s), alive(g, s), sync_guard(g);
        found(g, s, false) <-- remote(s), alive(g, s), !sync_guard(g), !coalesces(g), !guarded(g, s);
    };
    let mut found = program.found;
    found.sort_unstable();
    let mut by_guard: FxHashMap<Guard, (SiteId, bool)> = FxHashMap::default();
    for (guard, suspend, sync) in found {
        by_guard.entry(guard).or_insert((suspend, sync));
    }
    by_guard.retain(|guard, (_, sync)| {
        let scope = &meaning.scopes.all[*guard as usize];
        let orders = || {
            let sites = meaning.sites(scope);
            orders_loads(context, scope, &sites, &waits_for_helper(context, scope, &sites))
        };
        !is_of_one_run(context, scope) && (*sync || !orders())
    });
    one_for_each_cause(context, by_guard)
}

/// What many methods of a class wait for under its lock through one call far below has one cause: the first is told, with the
/// others as places.
fn one_for_each_cause(context: &Context<'_>, by_guard: FxHashMap<Guard, (SiteId, bool)>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut found: Vec<(SiteId, Guard, bool)> = by_guard.into_iter().map(|(guard, (wait, sync))| (wait, guard, sync)).collect();
    found.sort_unstable();
    let mut by_cause: Vec<(Cause, Vec<Held>)> = Vec::new();
    for (wait, guard, sync) in found {
        let scope = &meaning.scopes.all[guard as usize];
        let done = waited_for(context, wait).filter(|(_, trace)| trace.len() > 1).and_then(|(_, trace)| trace.last().copied());
        let class = meaning.program.class_around(scope.function);
        let cause = Cause { class, done: done.filter(|_| class.is_some() && !sync).unwrap_or(wait) };
        match by_cause.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, places)) => places.push((wait, guard, sync)),
            None => by_cause.push((cause, vec![(wait, guard, sync)])),
        }
    }
    let told = by_cause.into_iter().flat_map(|(_, mut places)| {
        let others = if places.len() < MANY { Vec::new() } else { places.split_off(1) };
        let others: Vec<SiteId> = others.into_iter().map(|(wait, ..)| wait).collect();
        let reports = places.into_iter().map(|(wait, guard, sync)| {
            report(context, &meaning.scopes.all[guard as usize], wait, sync, &others)
        });
        reports.collect::<Vec<_>>()
    });
    told.collect()
}

/// What so many methods of one class come to is for that to mend.
const MANY: usize = 3;

/// Where in a class one wait under a lock comes from.
#[derive(PartialEq, Eq)]
struct Cause {
    class: Option<ClassId>,
    /// What is waited for, far below, or the wait itself.
    done: SiteId,
}

/// So many other places of one cause are shown.
const MAX_SHOWN: usize = 8;

/// Whether the wait at a site is for the call that takes the lock: `await asyncio.to_thread(lock.acquire)`.
fn waits_for_lock(context: &Context<'_>, scope: &Scope, site: SiteId) -> bool {
    let r = &context.meaning.program.facts.relations;
    let Extent::Open(from) = scope.extent else { return false };
    let awaited = r.suspend.binary_search_by_key(&site, |row| row.site).ok().and_then(|at| r.suspend[at].var);
    // `wait_for(to_thread(lock.acquire), 5)`
    let given = |call: &SiteId| -> Vec<SiteId> {
        context.meaning.program.arguments(*call).flat_map(|row| futures(context, row.var)).collect()
    };
    awaited.is_some_and(|var| futures(context, var).iter().any(|call| *call == from || given(call).contains(&from)))
}

/// The remote calls under a lock that a helper has taken, be it for what it runs (`locked(func() error { … })`) or for its caller,
/// where threads wait for calls: what takes no lock by itself does not say that it waits.
fn waits_for_helper(context: &Context<'_>, scope: &Scope, sites: &[SiteId]) -> Vec<SiteId> {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let helper = scope.origin.filter(|origin| context.function_of(*origin) != scope.function && !scope.passed_on);
    let Some(helper) = helper.filter(|origin| !gives_way(context, *origin)) else { return Vec::new() };
    let mut of_helper = program.sites(context.function_of(helper)).map(|row| row.site);
    let is_task = sites.first().is_some_and(|site| gives_way(context, *site));
    if is_task || !of_helper.any(|site| r.suspend.binary_search_by_key(&site, |row| row.site).is_ok()) {
        return Vec::new();
    }
    let calls = sites.iter().copied().filter(|site| program.site(*site).kind == SiteKind::Call);
    calls.filter(|site| is_remote(context, *site, false)).collect()
}

/// Calls whose promises a function gives back to who runs it under the lock, and waits: `runExclusive(() => client.post(…))`.
fn promises_given_back(context: &Context<'_>, function: FunctionId) -> Vec<SiteId> {
    let meaning = context.meaning;
    let program = meaning.program;
    if program.function(function).flags.has(FunctionFlags::ASYNC) {
        return Vec::new();
    }
    let given = program.returns_by_function.of(&program.facts.relations.returns, function).filter_map(|row| row.var);
    let calls = given.filter_map(|var| program.call_giving(var)).map(|call| call.site);
    calls.filter(|site| meaning.gives_promises(*site) && is_remote(context, *site, true)).collect()
}

/// The waits for statements of the own store under a lock of its connection: on what the lock guards (`let mut con =
/// self.con.lock().await; query.execute(&mut *con).await`), or any, where only one may write at a time and who holds the pool does.
fn statements_guarded(context: &Context<'_>, scope: &Scope, sites: &[SiteId]) -> Vec<SiteId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let guard = match scope.extent {
        Extent::Life(_, guard) => Some(guard),
        _ => None,
    };
    let is_connection = match guard {
        Some(guard) => meaning.resolution.values_of(guard).any(|value| meaning.is_connection(value.kind)),
        None => gives_connection(context, scope),
    };
    let on_guard = |site: SiteId| {
        let Some(guard) = guard else { return false };
        let given = meaning.chain_arguments(site);
        let receiver = program.call(site).and_then(|call| call.receiver);
        given.into_iter().chain(receiver).any(|var| is_same(context, var, guard))
    };
    let of_store = |site: SiteId| {
        let mut remote = meaning.effects.at(site).map(|(effect, _)| effect).filter(|effect| is_remote_kind(effect.kind)).peekable();
        remote.peek().is_some() && remote.all(|effect| is_of_store(effect.kind))
    };
    let awaits = sites.iter().filter(|site| program.site(**site).kind == SiteKind::Await);
    let mut found = Vec::new();
    for wait in awaits {
        let awaited = r.suspend.binary_search_by_key(wait, |row| row.site).ok().and_then(|at| r.suspend[at].var);
        let calls = awaited.map(|var| futures(context, var)).unwrap_or_default();
        let of_store = calls.iter().chain([wait]).all(|site| of_store(*site) || meaning.effects.at(*site).next().is_none());
        if of_store && (is_connection || calls.iter().any(|call| on_guard(*call))) {
            found.push(*wait);
        }
    }
    found
}

/// Whether the helper that takes the lock opens a connection of the store under it, for those whom it lets in one at a time.
fn gives_connection(context: &Context<'_>, scope: &Scope) -> bool {
    let meaning = context.meaning;
    let Some(origin) = scope.origin.filter(|origin| context.function_of(*origin) != scope.function) else { return false };
    meaning.program.sites(context.function_of(origin)).filter(|row| meaning.precedes(origin, row.site)).any(|row| {
        let given = meaning.program.call(row.site).map(|call| call.result);
        given.is_some_and(|var| meaning.resolution.values_of(var).any(|value| meaning.is_connection(value.kind)))
    })
}

/// Whether a value is `guard` or what it points to as a whole (`&mut *guard`), or a transaction or connection that was begun on
/// that: `let mut tx = guard.begin().await?`.
fn is_same(context: &Context<'_>, var: VarId, guard: VarId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let points_to = |var: VarId| {
        program.loaded_as(var).is_some_and(|load| program.text(load.field) == "*" && load.base == guard)
    };
    let is_guard = |var: VarId| {
        let copied = program.assigned_from(var).map(|row| row.src);
        std::iter::once(var).chain(copied).any(|var| var == guard || points_to(var))
    };
    // What the guard holds is not always known.
    let begins = |call: &Call| {
        let mut ops = meaning.operations.at(call.site).peekable();
        let named = || matches!(program.text(call.name), "begin" | "acquire" | "transaction" | "cursor");
        ops.peek().is_none() && named() || ops.any(|op| matches!(op.kind, OpKind::TxBegin | OpKind::ConnectionAcquire))
    };
    let (mut stack, mut seen) = (vec![var], Vec::new());
    while let Some(at) = stack.pop() {
        if seen.len() > MAX_COPIES || seen.contains(&at) {
            continue;
        }
        seen.push(at);
        let begun = program.call_giving(at).filter(|call| begins(call)).and_then(|call| call.receiver);
        if begun.is_some_and(is_guard) {
            return true;
        }
        stack.extend(program.loaded_as(at).filter(|load| program.text(load.field) == "*").map(|load| load.base));
        stack.extend(program.assigned_from(at).map(|row| row.src));
    }
    is_guard(var)
}

fn blocks_the_thread(context: &Context<'_>, scope: &Scope) -> bool {
    let meaning = context.meaning;
    match meaning.operation(scope) {
        Some(op) => !matches!(meaning.attribute(op, Attr::Sync), Found::Absent),
        None => false,
    }
}

/// The requests to other services that are waited for under a lock after what it guards has been filled, and that go their own
/// way: what they give is kept nowhere, and nothing is done with it under the lock.
fn beside_the_fill(context: &Context<'_>, scope: &Scope, sites: &[SiteId]) -> Vec<SiteId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let Extent::Life(_, guard) = scope.extent else { return Vec::new() };
    let awaited = |site: SiteId| r.suspend.binary_search_by_key(&site, |row| row.site).ok().and_then(|at| r.suspend[at].var);
    let waits: Vec<(SiteId, VarId)> = sites
        .iter()
        .filter(|site| program.site(**site).kind == SiteKind::Await && waited_for(context, **site).is_some())
        .filter_map(|site| Some((*site, awaited(*site)?)))
        .collect();
    let is_given_guard = |var: VarId| {
        futures(context, var).into_iter().flat_map(|call| program.arguments(call)).any(|row| is_same(context, row.var, guard))
    };
    let holds = |var: VarId, value: VarId| meaning.made_from(var).contains(&value);
    let is_used = |value: VarId| {
        sites.iter().any(|site| match program.site(*site).kind {
            SiteKind::Store => r.store.binary_search_by_key(site, |row| row.site).is_ok_and(|at| holds(r.store[at].src, value)),
            SiteKind::Call => program.arguments(*site).any(|row| holds(row.var, value)),
            _ => false,
        })
    };
    let asks_service = |site: SiteId| {
        waited_for(context, site)
            .is_some_and(|(effect, _)| matches!(effect.kind, OpKind::HttpRequest | OpKind::Rpc | OpKind::Payment | OpKind::Notify))
    };
    let is_filled_before = |site: SiteId| {
        waits.iter().any(|(fill, value)| *fill != site && meaning.precedes(*fill, site) && (is_given_guard(*value) || is_used(*value)))
    };
    let beside = waits.iter().filter(|(site, value)| {
        asks_service(*site) && !is_given_guard(*value) && !is_used(*value) && is_filled_before(*site)
    });
    beside.map(|(site, _)| *site).collect()
}

/// A way of more steps is long.
const MAX_UNSURE_STEPS: usize = 8;

fn report(context: &Context<'_>, scope: &Scope, suspend: SiteId, sync: bool, others: &[SiteId]) -> Finding {
    let message = if sync {
        "a lock that blocks its thread is held while the task waits; another task on the same thread that asks for it blocks the executor, and what would release it never runs"
    } else {
        "a lock is held during a remote call; while that call is slow, every other task that needs the lock waits, and one slow dependency stops them all"
    };
    let mut builder = FindingBuilder::new(context, &RULE.info, suspend, message.to_owned());
    if sync {
        builder = builder.severity(Severity::Blocker);
    } else if is_of_one_key(context, scope) || helper_of(context, scope).is_some_and(|own| is_of_one_key(context, own)) {
        builder = builder.rests_on(Confidence::Low);
    }
    for site in scope.steps.iter().rev() {
        builder = builder.step(*site, "the guard comes from this call");
    }
    if let Some(origin) = scope.origin {
        builder = builder.step(origin, "the lock is taken here");
    }
    builder = builder.step(suspend, "and still held where the task gives way");
    if let Some((effect, trace)) = waited_for(context, suspend).filter(|_| !sync) {
        // Far below a call that is not surely the one it is a guess.
        if trace.len() > MAX_UNSURE_STEPS && context.confidence_of(trace[0], &effect) < Confidence::High {
            builder = builder.rests_on(Confidence::Low);
        }
        if trace.len() > 1 {
            builder = builder.steps(context.steps(&trace, &effect));
        }
    }
    for other in others.iter().take(MAX_SHOWN) {
        builder = builder.step(*other, "and likewise here");
    }
    builder
        .checked("no release, drop or end of the guard's scope before the wait")
        .help("copy what is needed out of the guard, let it go, then wait")
        .build()
}

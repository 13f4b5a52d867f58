//! A guard is alive where the task gives way.

use ascent::ascent_run;
use distsys_engine::meaning::{Effect, EffectFlags, Extent, Found, Operand, Scope};
use distsys_engine::{Attr, OpKind};
use distsys_facts::schema::Call;
use distsys_facts::{ClassId, FunctionFlags, FunctionId, LiteralKind, SiteId, SiteKind, Sym, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::check_and_fill::{calls_of_given, fields_asked, helper_of};
use crate::finding::{Category, Confidence, Finding, Maturity, RuleInfo, Severity};
use crate::own_locks::{is_of_one_key, is_of_one_run, orders_loads};
use crate::refills::is_filled_elsewhere;
use crate::started::begun_together;
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

/// The own database and cache.
fn is_of_store(kind: OpKind) -> bool {
    matches!(
        kind,
        OpKind::DbRead | OpKind::DbWrite | OpKind::Sql | OpKind::CacheRead | OpKind::CacheWrite | OpKind::CacheDelete
    )
}

fn is_remote_kind(kind: OpKind) -> bool {
    is_of_store(kind)
        || matches!(
            kind,
            OpKind::HttpRequest
                | OpKind::Rpc
                | OpKind::ObjectRead
                | OpKind::ObjectWrite
                | OpKind::Payment
                | OpKind::Notify
                | OpKind::LockAcquire
                | OpKind::Consensus
                | OpKind::Publish
                | OpKind::Enqueue
        )
}

fn blocks_the_thread(context: &Context<'_>, scope: &Scope) -> bool {
    let meaning = context.meaning;
    match meaning.operation(scope) {
        Some(op) => !matches!(meaning.attribute(op, Attr::Sync), Found::Absent),
        None => false,
    }
}

/// The calls that made what is awaited, here or before: `let work = match kind { Kind::A => a().boxed(), Kind::B => b().boxed() };`;
/// of what is waited for together those that each of it began, too: `join_all(ids.iter().map(|id| self.load(id)))`.
fn futures(context: &Context<'_>, awaited: VarId) -> Vec<SiteId> {
    let program = context.meaning.program;
    let (mut found, mut stack, mut seen) = (Vec::new(), vec![awaited], Vec::new());
    while let Some(var) = stack.pop() {
        if seen.len() > MAX_COPIES || seen.contains(&var) {
            continue;
        }
        seen.push(var);
        found.extend(program.call_giving(var).map(|call| call.site));
        stack.extend(program.assigned_from(var).map(|row| row.src));
    }
    let gathers: Vec<SiteId> =
        found.iter().copied().filter(|site| context.operation(*site, OpKind::Gather).is_some()).collect();
    found.extend(gathers.into_iter().flat_map(|gather| begun_together(context, gather)));
    found
}

/// What is awaited is followed back through so many variables.
const MAX_COPIES: usize = 16;

/// Whether a task waits here and its thread goes on with others, not the thread itself.
fn gives_way(context: &Context<'_>, site: SiteId) -> bool {
    context.meaning.program.function(context.function_of(site)).flags.has(FunctionFlags::ASYNC)
}

/// Whether another system is waited for. Of what blocks its thread anyhow, the own database and cache do not count: one
/// statement at a time is what such a lock is often there for.
fn is_remote(context: &Context<'_>, site: SiteId, suspends: bool) -> bool {
    remote_at(context, site, suspends).is_some()
}

/// What another system is waited for, and the way there.
fn remote_at(context: &Context<'_>, site: SiteId, suspends: bool) -> Option<(Effect, Vec<SiteId>)> {
    // What is only put into a client's buffer is not waited for.
    let is_waited_for = |trace: &[SiteId], effect: &Effect| {
        let done = trace.last().and_then(|last| context.operation(*last, effect.kind));
        done.is_none_or(|op| context.meaning.attribute(op, Attr::Completion) == Found::Absent)
    };
    context.meaning.effects.at(site).find_map(|(effect, _)| {
        let may_count = match effect.kind {
            kind if is_of_store(kind) => suspends,
            kind => is_remote_kind(kind),
        };
        if !may_count || effect.flags.has(EffectFlags::BACKGROUND) || effect.flags.has(EffectFlags::AFTER_COMMIT) {
            return None;
        }
        let trace = context.meaning.trace(site, &effect);
        // Handed to a thread of the library, whatever becomes of it.
        let is_handed_on = || {
            let done = trace.last().and_then(|last| context.operation(*last, effect.kind));
            done.is_some_and(|op| matches!(context.meaning.attribute(op, Attr::Completion), Found::Is(Operand::Text(text)) if text == "none"))
        };
        if !suspends && is_handed_on() {
            return None;
        }
        let is_sent = matches!(effect.kind, OpKind::Publish | OpKind::Enqueue);
        (!is_sent || suspends || is_waited_for(&trace, &effect)).then_some((effect, trace))
    })
}

/// Functions that a call under the lock runs are searched this deep for what they fill.
const MAX_DEPTH: u32 = 2;

/// Whether a function, or what it calls, stores a field that the lock's holder has looked at.
fn stores_checked(context: &Context<'_>, function: FunctionId, checked: &impl Fn(Sym) -> bool, depth: u32) -> bool {
    let meaning = context.meaning;
    let r = &meaning.program.facts.relations;
    meaning.program.sites(function).any(|row| match row.kind {
        SiteKind::Store => {
            r.store.binary_search_by_key(&row.site, |row| row.site).is_ok_and(|at| checked(r.store[at].field))
        }
        SiteKind::Call if depth < MAX_DEPTH => {
            meaning.callees(row.site).into_iter().any(|callee| stores_checked(context, callee, checked, depth + 1))
        }
        _ => false,
    })
}

/// Whether the function that took the lock fills what it guards with what the function that it is given loads:
/// `cache.get(key, () => client.get(…))`.
fn fills_what_helper_guards(context: &Context<'_>, scope: &Scope) -> bool {
    let Some(own) = helper_of(context, scope) else { return false };
    let sites = context.meaning.sites(own);
    let loads = calls_of_given(context, &sites);
    !loads.is_empty() && fills_what_it_guards(context, own, &sites, &loads)
}

/// Check, load, fill: the lock is there so that only one caller loads what all of them need.
fn fills_what_it_guards(context: &Context<'_>, scope: &Scope, sites: &[SiteId], waits: &[SiteId]) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let awaited: Vec<VarId> = sites
        .iter()
        .filter(|site| program.site(**site).kind == SiteKind::Await)
        .flat_map(|site| r.suspend.binary_search_by_key(site, |row| row.site).ok().and_then(|at| r.suspend[at].var))
        .chain(waits.iter().filter_map(|site| program.call(*site)).map(|call| call.result))
        .collect();
    let from_awaited = |var: VarId| {
        let sources = meaning.made_from(var);
        awaited.iter().any(|awaited| sources.contains(awaited))
    };
    let guard = match scope.extent {
        Extent::Life(_, var) => Some(var),
        _ => None,
    };
    // What the conditions in reach have looked at: fields, and the guard itself.
    let conditions = program
        .regions_by_function
        .of(&r.region, scope.function)
        .flat_map(|region| program.condition_by_region.of(&r.condition, region.region))
        .flat_map(|condition| meaning.made_from(condition.var))
        .collect::<FxHashSet<VarId>>();
    // What asks how a request has ended (`if err != nil`) has not looked before it.
    let requested: Vec<VarId> = awaited
        .iter()
        .copied()
        .filter(|var| futures(context, *var).into_iter().any(|call| is_remote(context, call, true) || waits.contains(&call)))
        .collect();
    let looks = program
        .regions_by_function
        .of(&r.region, scope.function)
        .flat_map(|region| program.condition_by_region.of(&r.condition, region.region))
        .filter(|condition| !ends_in(context, condition.var, &requested))
        .flat_map(|condition| looked_at(context, condition.var))
        .collect::<FxHashSet<VarId>>();
    // `if (!session) return`: that something is there at all says nothing of what it holds.
    let asked_of = |base: VarId| {
        let regions = program.regions_by_function.of(&r.region, scope.function);
        let mut asks = regions
            .flat_map(|region| program.condition_by_region.of(&r.condition, region.region))
            .filter(|row| !ends_in(context, row.var, &requested) && !only_asks_whether_there(context, row.var, base));
        let sources = meaning.made_from(base);
        asks.any(|row| meaning.made_from(row.var).iter().any(|var| sources.contains(var)))
    };
    // A variable of the module or of a function around this one.
    let outlives = |var: VarId| program.variable(var).is_some_and(|row| row.function != scope.function);
    if conditions.iter().any(|var| outlives(*var) && program.assigned_from(*var).any(|row| from_awaited(row.src))) {
        return true;
    }
    // `known = look(key); if known == null { known = load(key) }`: a second look under the lock, then the load.
    let given_under_lock = |var: VarId| program.call_giving(var).filter(|call| sites.contains(&call.site)).map(|call| call.site);
    let looked_again = |var: &VarId| {
        let (remote, local): (Vec<SiteId>, Vec<SiteId>) =
            program.assigned_from(*var).filter_map(|row| given_under_lock(row.src)).partition(|site| is_remote(context, *site, true));
        remote.iter().any(|load| local.iter().any(|look| meaning.precedes(*look, *load)))
    };
    if conditions.iter().any(looked_again) {
        return true;
    }
    // A lock that only orders what is done coalesces nothing.
    let looked_into = guard.is_some_and(|guard| {
        conditions.iter().any(|var| *var == guard || meaning.made_from(*var).contains(&guard))
    });
    let asked = fields_asked(context, &looks);
    let checked = |field| {
        asked.contains(&field) || looks.iter().any(|var| program.loaded_as(*var).is_some_and(|load| load.field == field))
    };
    // What something points to is the same elsewhere only if it has a name.
    let checked_by_name = |field: Sym| program.text(field) != "*" && checked(field);
    sites.iter().any(|site| match program.site(*site).kind {
        SiteKind::Store => r.store.binary_search_by_key(site, |row| row.site).is_ok_and(|at| {
            let store = r.store[at];
            // What came of a request that was told of what the guard holds is no part of that.
            let came = ends_in(context, store.base, &requested);
            let into_guard = looked_into && guard.is_some_and(|guard| meaning.made_from(store.base).contains(&guard));
            // `if key not in tokens: tokens[key] = await load(key)`
            let asked = || match program.text(store.field) {
                "[]" => meaning.made_from(store.base).iter().any(|var| looks.contains(var)),
                _ => asked_of(store.base),
            };
            from_awaited(store.src) && !came && (checked(store.field) || into_guard || asked())
        }),
        // `guard.insert(key, loaded)`
        SiteKind::Call => program.call(*site).is_some_and(|call| {
            let on_guard = call.receiver.is_some_and(|receiver| guard.is_some_and(|guard| meaning.made_from(receiver).contains(&guard)));
            // `tokens.put(key, load(key))` of what was asked before
            let on_checked = || call.receiver.and_then(|receiver| program.loaded_as(receiver)).is_some_and(|load| checked(load.field));
            let given = || program.arguments(*site).any(|argument| from_awaited(argument.var));
            // `known.set(key, loaded)` of the map that was asked before, which outlives the call
            let on_asked = || call.receiver.is_some_and(|receiver| outlives(receiver) && conditions.contains(&receiver));
            (looked_into && on_guard || on_checked() || on_asked()) && given()
                || meaning.callees(*site).into_iter().any(|callee| stores_checked(context, callee, &checked_by_name, 0))
        }),
        _ => false,
    })
}

/// What a condition asks for whether it is there at all: `var` of `!var`, `var == null`, `var is None`.
fn asked_whether_there(context: &Context<'_>, condition: VarId) -> VarId {
    let program = context.meaning.program;
    let is_null = |at: VarId| program.literal(at).is_some_and(|row| row.kind == LiteralKind::Null);
    let mut asks = program.binary_by_dst.of(&program.facts.relations.binary, condition);
    let asked = asks.find(|row| match program.text(row.operator) {
        "!" | "not" => true,
        "==" | "===" | "!=" | "!==" | "is" | "is not" => row.right.is_some_and(is_null),
        _ => false,
    });
    program.held_at(asked.map_or(condition, |row| row.left))
}

/// Whether a condition only asks whether `var` is there at all.
fn only_asks_whether_there(context: &Context<'_>, condition: VarId, var: VarId) -> bool {
    asked_whether_there(context, condition) == context.meaning.program.held_at(var)
}

/// What a condition looks at: of what a library's call gave (`known.get(key)`), if only that it is there, not what it holds.
fn looked_at(context: &Context<'_>, condition: VarId) -> FxHashSet<VarId> {
    let meaning = context.meaning;
    let asked = asked_whether_there(context, condition);
    let call = meaning.program.call_giving(asked).filter(|call| meaning.resolution.calls_at(call.site).is_empty());
    match call.and_then(|call| call.receiver) {
        Some(receiver) => meaning.made_from(receiver).into_iter().chain([asked, receiver]).collect(),
        None => meaning.made_from(condition),
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

/// Whether a value is, or is taken from, what one of the requests has given.
fn ends_in(context: &Context<'_>, var: VarId, requested: &[VarId]) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let mut stack = vec![var];
    let mut seen: Vec<VarId> = Vec::new();
    while let Some(at) = stack.pop() {
        if requested.contains(&at) {
            return true;
        }
        if seen.len() > MAX_TAKEN || seen.contains(&at) {
            continue;
        }
        seen.push(at);
        stack.extend(program.assigned_from(at).map(|row| row.src));
        stack.extend(program.loaded_as(at).map(|load| load.base));
        for row in program.binary_by_dst.of(&r.binary, at) {
            stack.push(row.left);
            stack.extend(row.right);
        }
    }
    false
}

/// What is taken from an answer is followed this far.
const MAX_TAKEN: usize = 24;

/// The remote call that is waited for at `suspend`, and the way there.
fn waited_for(context: &Context<'_>, suspend: SiteId) -> Option<(Effect, Vec<SiteId>)> {
    let r = &context.meaning.program.facts.relations;
    let awaited = r.suspend.binary_search_by_key(&suspend, |row| row.site).ok().and_then(|at| r.suspend[at].var);
    let calls = awaited.map(|var| futures(context, var)).unwrap_or_default();
    let suspends = gives_way(context, suspend);
    calls.into_iter().chain([suspend]).find_map(|site| remote_at(context, site, suspends))
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

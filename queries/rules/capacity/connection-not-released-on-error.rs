//! A connection, or the transaction that has one, is still taken where the function is left before its end.

use distsys_engine::meaning::{Extent, Found, Operand, Scope};
use distsys_engine::{Attr, OpKind};
use distsys_facts::{RegionKind, SiteId, SiteKind, VarId};
use rustc_hash::FxHashMap;

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::taken::{Leak, fails, is_released_by_handler, is_released_if_held, may_have_failed};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "connection-not-released-on-error",
        category: Category::Capacity,
        severity: Severity::Major,
        maturity: Maturity::Preview,
        yields_to: &["lock-not-released-on-error"],
        summary: "a way out of the function leaves its connection taken",
        page: include_str!("connection-not-released-on-error.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut leaks: FxHashMap<SiteId, Leak<'_>> = FxHashMap::default();
    for scope in &meaning.scopes.all {
        let holds = matches!(scope.kind, OpKind::TxScope | OpKind::ConnectionAcquire);
        let Extent::Open(taken) = scope.extent else { continue };
        if !holds || !context.in_scope(taken) || is_given_back_by_itself(context, scope) {
            continue;
        }
        let mut releases = meaning.closers(scope);
        // What is done only where the function has panicked is not done for an error.
        releases.retain(|release| !is_after_panic(context, *release));
        let handed = handed_over(context, taken);
        // A function that never releases leaves it to its caller.
        if releases.is_empty() && handed.is_empty() {
            continue;
        }
        let ends: Vec<SiteId> = releases.iter().chain(&handed).copied().collect();
        let mut exits = exits(context, scope, taken, &ends);
        if releases.is_empty() {
            exits.retain(|exit| is_for_failure(context, *exit));
        }
        let fails = match exits.is_empty() && !releases.is_empty() {
            true => fails(context, scope.kind, taken, &ends, |site| is_released_after(context, site, &ends)),
            false => None,
        };
        if exits.is_empty() && fails.is_none() {
            continue;
        }
        let leak = Leak { scope, taken, releases, exits, fails };
        leaks.entry(leak.place()).or_insert(leak);
    }
    leaks.into_iter().map(|(place, leak)| report(context, place, &leak)).collect()
}

/// Whether what was taken ends with the value that holds it, or is of a connection that somebody else gives back. A statement
/// that says `BEGIN` has no such value.
fn is_given_back_by_itself(context: &Context<'_>, scope: &Scope) -> bool {
    let meaning = context.meaning;
    let Some(op) = meaning.operation(scope) else { return true };
    let receiver = meaning.program.call(op.call).and_then(|call| call.receiver);
    // `connection.setAutoCommit(false)`
    let is_of_receiver = || match meaning.attribute(op, Attr::Connection) {
        Found::Is(Operand::Var(var)) => Some(var) == receiver,
        _ => op.kind == OpKind::TxBegin && !meaning.declares(op, Attr::Connection),
    };
    op.kind != OpKind::Sql && (op.family.drops_values() || op.kind == OpKind::TxBegin && is_of_receiver())
}

/// `defer func() { if r := recover(); r != nil { tx.Rollback() } }()`
fn is_after_panic(context: &Context<'_>, release: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let asks = |condition: VarId| {
        let made = meaning.made_from(condition).into_iter().filter_map(|var| program.call_giving(var));
        made.into_iter().any(|call| {
            call.receiver.is_none() && program.text(call.name) == "recover" && program.arguments(call.site).next().is_none()
        })
    };
    let ends = meaning.effects.at(release).map(|(effect, _)| effect).filter(|effect| {
        matches!(effect.kind, OpKind::TxCommit | OpKind::TxRollback | OpKind::ConnectionRelease)
    });
    let mut ways = ends.map(|effect| meaning.trace(release, &effect)).peekable();
    ways.peek().is_some() && ways.all(|way| way.into_iter().any(|step| context.decisions(step).into_iter().any(asks)))
}

/// Where the function gives its caller what it has taken, or keeps it in what outlives the function.
fn handed_over(context: &Context<'_>, taken: SiteId) -> Vec<SiteId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let Some(got) = program.call(taken).map(|call| call.result) else { return Vec::new() };
    let function = context.function_of(taken);
    let returned = program.returns_by_function.of(&r.returns, function).map(|row| (row.site, row.var));
    let stored = program.sites(function).filter(|row| row.kind == SiteKind::Store).filter_map(|row| {
        let at = r.store.binary_search_by_key(&row.site, |row| row.site).ok()?;
        Some((row.site, Some(r.store[at].src)))
    });
    let passes = |var: VarId| var == got || is_whole(context, var, got);
    let handed = returned.chain(stored).filter(|(_, var)| var.is_some_and(passes));
    handed.map(|(site, _)| site).filter(|site| meaning.precedes(taken, *site)).collect()
}

/// Whether a value is what was taken, holds it, or is a function that does: not what a statement on it gave.
fn is_whole(context: &Context<'_>, var: VarId, got: VarId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let (mut stack, mut seen) = (vec![var], Vec::new());
    while let Some(at) = stack.pop() {
        if at == got {
            return true;
        }
        if seen.len() > MAX_PARTS || seen.contains(&at) {
            continue;
        }
        seen.push(at);
        stack.extend(program.assigned_from(at).map(|row| row.src));
        stack.extend(program.element_by_var.of(&r.element, at).map(|row| row.value));
        stack.extend(program.entry_by_var.of(&r.entry, at).map(|row| row.value));
        // `Session { tx }`, `new Unit(connection)`
        stack.extend(program.call_giving(at).into_iter().flat_map(|call| program.arguments(call.site)).map(|row| row.var));
        // `connection.unwrap()`; what a statement on it gives is no connection.
        let asks = |site: SiteId| context.meaning.operations.at(site).next().is_some() || program.arguments(site).next().is_some();
        stack.extend(program.call_giving(at).filter(|call| !asks(call.site)).and_then(|call| call.receiver));
        // `tx.Commit`, `func() { tx.Rollback(ctx) }`; the other results of a call are not what it took.
        stack.extend(program.loaded_as(at).map(|load| load.base).filter(|base| program.call_giving(*base).is_none()));
        let closure = program.closure(at);
        let used = closure.into_iter().flat_map(|function| program.sites(function)).filter_map(|row| program.call(row.site));
        stack.extend(used.flat_map(|call| program.arguments(call.site).map(|row| row.var).chain(call.receiver)));
    }
    false
}

/// What is given back is taken apart into so many values.
const MAX_PARTS: usize = 256;

/// Where the function is left with the connection, though it was got.
fn exits(context: &Context<'_>, scope: &Scope, taken: SiteId, ends: &[SiteId]) -> Vec<SiteId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let sites = program.sites(context.function_of(taken));
    let exits = sites.filter(|row| matches!(row.kind, SiteKind::Return | SiteKind::Throw)).map(|row| row.site).filter(|exit| {
        meaning.precedes(taken, *exit)
            && !ends.contains(exit)
            && meaning.avoids(taken, ends, *exit)
            && !is_released_by_handler(context, scope.kind, *exit, ends)
            && !is_released_if_held(context, taken, *exit, ends)
            && !may_have_failed(context, taken, *exit)
            && !is_refused(context, taken, *exit)
            && !asks_whether_got(context, taken, *exit)
    });
    exits.collect()
}

/// Whether the function is left because what takes the connection has failed: its error is asked, or thrown on, and no call
/// that came after it has given another under that name.
fn is_refused(context: &Context<'_>, taken: SiteId, exit: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let throws = &program.facts.relations.throws;
    let thrown = throws.binary_search_by_key(&exit, |row| row.site).ok().and_then(|at| throws[at].var);
    let asked = context.decisions(exit).into_iter().flat_map(|condition| program.asked_variant(condition));
    let asked = asked.filter(|(_, variant)| *variant == "Err").map(|(value, _)| value);
    asked.chain(thrown).any(|value| {
        let mut calls = outcome_of(context, value);
        let is_its = calls.contains(&taken);
        calls.retain(|call| *call != taken);
        is_its && meaning.avoids(taken, &calls, exit)
    })
}

/// The calls whose outcome a value is: not those that gave what they were done on.
fn outcome_of(context: &Context<'_>, value: VarId) -> Vec<SiteId> {
    let program = context.meaning.program;
    let (mut stack, mut seen, mut calls) = (vec![value], Vec::new(), Vec::new());
    while let Some(at) = stack.pop() {
        if seen.len() > MAX_PARTS || seen.contains(&at) {
            continue;
        }
        seen.push(at);
        stack.extend(program.assigned_from(at).map(|row| row.src));
        stack.extend(program.loaded_as(at).map(|load| load.base));
        if let Some(call) = program.call_giving(at) {
            calls.push(call.site);
            // `pool.get().await.map_err(Failure::Pool)?`
            stack.extend(call.receiver.filter(|receiver| program.variable(*receiver).is_none()));
        }
    }
    calls
}

/// Whether the function is left for an error, or by one.
fn is_for_failure(context: &Context<'_>, exit: SiteId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    program.site(exit).kind == SiteKind::Throw
        || program.regions_outward(program.site(exit).region).any(|row| {
            row.kind == RegionKind::Catch
                || program
                    .condition_by_region
                    .of(&r.condition, row.region)
                    .any(|condition| program.asked_variant(condition.var).any(|(_, variant)| variant == "Err"))
        })
}

/// `if (connection == null) return;`
fn asks_whether_got(context: &Context<'_>, taken: SiteId, exit: SiteId) -> bool {
    let program = context.meaning.program;
    let Some(got) = program.call(taken).map(|call| call.result) else { return true };
    let of_got = |var: VarId| {
        let through = |at: VarId| at == got || program.call_giving(at).is_none();
        context.meaning.made_from_through(var, |_| true, through).contains(&got)
    };
    let asks_outcome = |var: VarId| program.asked_variant(var).any(|(_, variant)| matches!(variant, "Err" | "Ok"));
    context.decisions(exit).into_iter().any(|condition| !asks_outcome(condition) && of_got(condition))
}

/// Whether a handler around a site goes on with what comes after it, where a release stands.
fn is_released_after(context: &Context<'_>, site: SiteId, ends: &[SiteId]) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let bodies = program.regions_outward(program.site(site).region).filter(|row| row.kind == RegionKind::Try);
    let after = |body| ends.iter().any(|end| meaning.precedes(site, *end) && !program.region_within(program.site(*end).region, body));
    bodies.map(|row| row.region).any(after)
}

fn report(context: &Context<'_>, place: SiteId, leak: &Leak<'_>) -> Finding {
    let what = match leak.scope.kind {
        OpKind::TxScope => "the transaction open, and its connection taken",
        _ => "the connection taken",
    };
    let message = match leak.fails {
        Some(_) => format!("what fails before the end leaves {what}; the pool has one less each time, until nobody gets one"),
        None => format!("the function is left here with {what}; the pool has one less each time, until nobody gets one"),
    };
    let builder = FindingBuilder::new(context, &RULE.info, place, message);
    leak.told(builder, "it is taken here", "it is given back here only")
        .checked("no `finally`, deferred call or handler around it gives it back")
        .help("give it back in `finally` (a deferred call, a `with` block, a function that is given the transaction), so that every way out does it")
        .build()
}

//! What rules about retries share: the scope around a trace, and what it would cost to do the effect twice.

use std::collections::BTreeMap;

use ascent::ascent_run;
use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, EffectFlags, EffectId, Extent, Found, Scope, Term};
use distsys_engine::words::{is_repeatable_action, words};
use distsys_facts::{FunctionId, SiteId, SiteKind, VarId};

use crate::Context;
use crate::handlers::answers_nothing;

/// What retries repeat of the effects that are `chosen`, each at the lowest site that is known to do so by itself,
/// whoever calls it.
pub(crate) fn repeated(context: &Context<'_>, chosen: impl Fn(SiteId, &Effect) -> bool) -> Vec<(SiteId, EffectId)> {
    let meaning = context.meaning;
    let mut repeated: Vec<(SiteId, EffectId)> = Vec::new();
    let mut runs: Vec<(SiteId, FunctionId)> = Vec::new();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        if effect.flags.has(EffectFlags::RETRIED) && chosen(row.site, &effect) {
            repeated.push((row.site, row.effect));
            runs.extend(meaning.callees(row.site).into_iter().map(|callee| (row.site, callee)));
        }
    }
    let program = ascent_run! {
        relation repeated(SiteId, EffectId) = repeated;
        relation runs(SiteId, FunctionId) = runs;
        relation by_itself(FunctionId);
        by_itself(context.function_of(*s)) <-- repeated(s, _);
        relation told_below(SiteId);
        told_below(s) <-- runs(s, f), by_itself(f);
        relation found(SiteId, EffectId);
        found(s, e) <-- repeated(s, e), !told_below(s);
    };
    let mut found = program.found;
    found.sort_unstable();
    let is_again = |trace: &[SiteId]| !is_tried_once(context, trace) && !is_spared(context, trace);
    found.retain(|(site, effect)| is_again(&meaning.trace(*site, &meaning.effects.get(*effect))));
    found
}

/// Whether no attempt does again what one before it did: each takes another item, or what fails there never comes back to
/// where the attempts are repeated.
pub(crate) fn is_spared(context: &Context<'_>, trace: &[SiteId]) -> bool {
    scope_at(context, trace).is_some_and(|(scope, at)| {
        takes_another(context, trace, scope, at) || is_ended_below(context, trace, scope, at)
    })
}

/// Whether each attempt takes what it sends out of a queue of the process first: the next one takes another, the one in hand is
/// gone with the attempt that failed.
fn takes_another(context: &Context<'_>, trace: &[SiteId], scope: &Scope, covered: usize) -> bool {
    let meaning = context.meaning;
    let takes = |site: &SiteId| {
        let function = context.function_of(*site);
        let mut taken = meaning.operations.of_kind(OpKind::Receive).filter(|op| op.function == function);
        taken.any(|op| meaning.precedes(op.site, *site))
    };
    // A scope that is a whole function holds what that takes itself.
    let first = if matches!(scope.extent, Extent::Function(_)) { covered } else { covered + 1 };
    trace.iter().skip(first).any(takes)
}

/// Whether a function below the scope deals with the failure, and nothing that comes after it in the attempt may fail.
fn is_ended_below(context: &Context<'_>, trace: &[SiteId], scope: &Scope, covered: usize) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let Some(dealt) = meaning.dealt_with_at(&trace[covered..]) else { return false };
    // What it answers instead, the loop of attempts may look at.
    if !answers_nothing(context, context.function_of(trace[covered + dealt])) {
        return false;
    }
    let may_fail = |site: SiteId| {
        let throws = program.site(site).kind == SiteKind::Throw;
        throws || meaning.effects.at(site).any(|(effect, _)| leaves_process(effect.kind)) && !meaning.ends_at(site)
    };
    let all = meaning.sites(scope);
    !trace[covered..=covered + dealt].iter().enumerate().any(|(level, step)| {
        let within = |site: SiteId| level > 0 || all.contains(&site);
        let beside = program.sites(context.function_of(*step)).map(|row| row.site);
        let mut later = beside.filter(|site| site != step && within(*site) && meaning.precedes(*step, *site));
        later.any(may_fail)
    })
}

fn leaves_process(kind: OpKind) -> bool {
    use OpKind as K;
    matches!(
        kind,
        K::HttpRequest | K::Rpc | K::Payment | K::Publish | K::Enqueue | K::Notify | K::ObjectRead | K::ObjectWrite
    ) || matches!(kind, K::DbRead | K::DbWrite | K::CacheRead | K::CacheWrite | K::CacheDelete | K::LockAcquire)
}

/// Whether the call that leads into the loop of attempts says that there is to be only one.
fn is_tried_once(context: &Context<'_>, trace: &[SiteId]) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let Some((scope, at)) = scope_at(context, trace) else { return false };
    let Some(call) = at.checked_sub(1).map(|at| trace[at]).filter(|_| scope.op.is_none()) else { return false };
    let r = &program.facts.relations;
    let passed = meaning.resolution.passed_at(call);
    let says_one = |name: &str, value: VarId| {
        let says = |list: &[&str]| words(name).iter().any(|word| list.contains(&word.as_str()));
        match meaning.constant(value) {
            Some("1") => says(&["attempt", "attempts", "tries"]),
            Some("0") => says(&["retry", "retries"]),
            _ => false,
        }
    };
    let is_passed = |parameter: VarId| passed.iter().any(|row| row.parameter == parameter);
    let mut left_out = program.parameters(scope.function).filter(|row| !is_passed(row.var));
    passed.iter().any(|row| {
        program.parameter(row.parameter).is_some_and(|parameter| says_one(program.text(parameter.name), row.argument))
    }) || left_out.any(|row| row.default.is_some_and(|value| says_one(program.text(row.name), value)))
        || passed.iter().any(|row| {
            // `options.retries ?? 0`, of options that say nothing about it.
            program.load_by_base.of(&r.load, row.parameter).any(|load| {
                let name = program.text(load.field);
                let chosen = program.assign_by_src.of(&r.assign, load.dst);
                let mut beside = chosen.flat_map(|row| program.assigned_from(row.dst));
                let is_one_else = beside.any(|row| row.src != load.dst && says_one(name, row.src));
                is_one_else && meaning.passed_within(call, row.parameter, &[name.to_owned()]) == Found::Absent
            })
        })
}

/// What many callers retry through one operation that they share has one place there; else each has its own.
pub(crate) fn by_cause(places: Vec<(SiteId, Repeated)>) -> Vec<(SiteId, Vec<Repeated>)> {
    let mut by_operation: BTreeMap<SiteId, Vec<(SiteId, Repeated)>> = BTreeMap::new();
    for (place, repeated) in places {
        let operation = repeated.0.last().copied().unwrap_or(place);
        by_operation.entry(operation).or_default().push((place, repeated));
    }
    let mut causes = Vec::new();
    for (operation, mut sharers) in by_operation {
        sharers.sort_unstable_by_key(|(place, _)| *place);
        match sharers.len() {
            ..MANY => causes.extend(sharers.into_iter().map(|(place, repeated)| (place, vec![repeated]))),
            _ => causes.push((operation, sharers.into_iter().map(|(_, repeated)| repeated).collect())),
        }
    }
    causes
}

/// So many callers of one operation are told in one finding.
const MANY: usize = 4;

/// What a retry repeats: the way to it and what it does.
pub(crate) type Repeated = (Vec<SiteId>, Effect);

/// The innermost retry scope that covers a site of the trace.
pub(crate) fn retry_around<'m>(context: &Context<'m>, trace: &[SiteId]) -> Option<&'m Scope> {
    scope_at(context, trace).map(|(scope, _)| scope)
}

/// The same with the covered site's position in the trace.
pub(crate) fn scope_at<'m>(context: &Context<'m>, trace: &[SiteId]) -> Option<(&'m Scope, usize)> {
    let meaning = context.meaning;
    trace.iter().enumerate().rev().find_map(|(at, site)| {
        meaning
            .scopes
            .in_function(context.function_of(*site))
            .filter(|scope| scope.kind == OpKind::RetryScope)
            .find(|scope| meaning.sites(scope).contains(site))
            .map(|scope| (scope, at))
    })
}

/// Whether what is counted are the attempts themselves: `SET attempts = attempts + 1`.
pub(crate) fn counts_attempts(context: &Context<'_>, trace: &[SiteId]) -> bool {
    let columns = trace.last().map(|site| context.meaning.columns_written(*site)).unwrap_or_default();
    let says =
        |word: &String| matches!(word.as_str(), "attempt" | "attempts" | "retry" | "retries" | "tries" | "failures");
    columns.iter().any(|column| words(column).iter().any(says))
}

pub(crate) fn scope_steps(scope: &Scope) -> Vec<(SiteId, String)> {
    let mut steps: Vec<(SiteId, String)> =
        scope.steps.iter().map(|site| (*site, "retried through this wrapper".to_owned())).collect();
    steps.extend(scope.origin.map(|site| (site, "attempts are repeated here".to_owned())));
    steps
}

/// Whether doing it twice does it twice.
pub(crate) fn creates_again(context: &Context<'_>, effect: &Effect) -> bool {
    // What a task of its own does is not what the attempt waits for.
    let apart = effect.flags.has(EffectFlags::BACKGROUND) || effect.flags.has(EffectFlags::CONDITIONAL);
    if effect.key != Term::Absent || apart || effect.flags.has(EffectFlags::COMPUTED) {
        return false;
    }
    match effect.kind {
        OpKind::Payment => true,
        OpKind::HttpRequest if context.meaning.text(effect.entity).is_some_and(is_repeatable_action) => false,
        OpKind::HttpRequest => match context.meaning.text(effect.verb) {
            Some("post" | "patch") => true,
            // A PUT of a named thing sets it; one to a collection or an action creates.
            Some("put") => {
                context.meaning.text(effect.entity).is_some_and(|url| !url.trim_end_matches('/').ends_with("{}"))
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether the effect moves money: by its library, its URL, or the name of the function that does it.
pub(crate) fn is_payment(context: &Context<'_>, trace: &[SiteId], effect: &Effect) -> bool {
    const WORDS: &[&str] = &[
        "payment",
        "payments",
        "charge",
        "charges",
        "refund",
        "refunds",
        "payout",
        "payouts",
        "transfer",
        "transfers",
    ];
    let says = |text: &str| words(text).iter().any(|word| WORDS.contains(&word.as_str()));
    let named =
        |site: &SiteId| says(context.named_function(context.function_of(*site)).rsplit('.').next().unwrap_or(""));
    effect.kind == OpKind::Payment
        || context.meaning.text(effect.entity).is_some_and(says)
        || trace.last().is_some_and(named)
}

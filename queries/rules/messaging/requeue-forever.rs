//! A message whose processing fails goes back into its queue each time, without an end.

use distsys_engine::meaning::{Failure, Found, Operand, Operation};
use distsys_engine::resolve::ValueKind;
use distsys_engine::words::words;
use distsys_engine::{Attr, OpKind};
use distsys_facts::{FunctionId, SiteId, VarId};

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "requeue-forever",
        category: Category::Messaging,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "a message that always fails is put back into its queue for ever",
        page: include_str!("requeue-forever.md"),
    },
    judge,
};

/// What a queue is declared with when the broker itself counts deliveries.
const DELIVERY_LIMIT: &str = "x-delivery-limit";

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut found: Vec<Finding> = Vec::new();
    let mut limited = None;
    for op in meaning.operations.of_kind(OpKind::Nack).filter(|op| context.in_scope(op.site)) {
        if !is_always_requeued(context, op) {
            continue;
        }
        if counts(context, op.function) || rejects_others(context, op.function) {
            continue;
        }
        let Some((failure, site)) = failure_of(context, op.function, op.site, 0) else { continue };
        if *limited.get_or_insert_with(|| has_delivery_limit(context)) {
            return Vec::new();
        }
        found.push(report(context, op, &failure, site));
    }
    found
}

/// Whether the message is put back, whatever it is.
fn is_always_requeued(context: &Context<'_>, op: &Operation) -> bool {
    requeues(context, op) == Some(true)
}

/// Whether other failures in the same function reject the message: what can never be processed is told apart.
fn rejects_others(context: &Context<'_>, function: FunctionId) -> bool {
    let mut others = context.meaning.operations.of_kind(OpKind::Nack).filter(|other| other.function == function);
    others.any(|other| requeues(context, other) == Some(false))
}

/// Whether a refusal puts the message back, as far as it is constant.
fn requeues(context: &Context<'_>, op: &Operation) -> Option<bool> {
    let text = match context.meaning.attribute(op, Attr::Requeue) {
        Found::Is(Operand::Text(text)) => text,
        Found::Is(Operand::Var(var)) => context.meaning.constant(var)?.to_ascii_lowercase(),
        _ => return None,
    };
    text.parse().ok()
}

/// Helpers that put a message back are followed up so far.
const MAX_HELPERS: usize = 3;

/// Where every failure of the processing comes, if the message is put back there whatever it is: by `site`, in `function` or
/// one around it, or by a call of the helper that the site is in. With the site that is in the handler of the failure.
fn failure_of(context: &Context<'_>, own: FunctionId, site: SiteId, depth: usize) -> Option<(Failure, SiteId)> {
    let meaning = context.meaning;
    let mut function = Some(own);
    while let Some(at) = function {
        let mut failures = meaning.failures(at).into_iter();
        if let Some(failure) = failures.find(|failure| failure.all && failure.sites.contains(&site)) {
            return (!is_decided_inside(context, site, &failure)).then_some((failure, site));
        }
        function = meaning.program.function(at).parent;
    }
    let asks = |region| meaning.program.condition_by_region.of(&meaning.program.facts.relations.condition, region).next().is_some();
    let is_asked = meaning.program.regions_outward(meaning.program.site(site).region).any(|row| asks(row.region));
    if depth >= MAX_HELPERS || is_asked {
        return None;
    }
    let calls = runs_of(context, own).into_iter().filter(|call| context.in_scope(*call));
    calls.into_iter().find_map(|call| {
        let caller = context.function_of(call);
        let decides = caller == own || counts(context, caller) || rejects_others(context, caller);
        if decides { None } else { failure_of(context, caller, call, depth + 1) }
    })
}

/// Where a function is run: by calls of it, and, where it is given to somebody, by calls of what was given.
fn runs_of(context: &Context<'_>, function: FunctionId) -> Vec<SiteId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let is_it = |var: VarId| {
        program.closure(var) == Some(function)
            || meaning.resolution.values_of(var).any(|value| value.kind == ValueKind::Function(function))
    };
    let mut runs = Vec::new();
    for &site in meaning.callers(function) {
        let calls = meaning.resolution.calls_at(site).iter().any(|edge| edge.function == function);
        let given = meaning.resolution.passed_at(site).iter().filter(|row| is_it(row.argument));
        runs.extend(given.flat_map(|row| meaning.invocations.applied(row.parameter)).copied());
        runs.extend(calls.then_some(site));
    }
    runs
}

/// Whether the handler asks something before it puts the message back: how often it came, what failed.
fn is_decided_inside(context: &Context<'_>, site: SiteId, failure: &Failure) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let inside = program.regions_outward(program.site(site).region).take_while(|row| Some(row.region) != failure.region);
    let asks = |region| program.condition_by_region.of(&r.condition, region).next().is_some();
    // A closure given to `catch` ends with its own body.
    inside.into_iter().any(|row| asks(row.region))
}

/// Whether the function, or one around or inside of it, asks how often the message has come.
fn counts(context: &Context<'_>, function: FunctionId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let mut outer = function;
    while let Some(parent) = program.function(outer).parent.filter(|at| program.function(*at).parent.is_some()) {
        outer = parent;
    }
    let belongs = |mut at: FunctionId| loop {
        match program.function(at).parent {
            _ if at == outer => return true,
            Some(parent) => at = parent,
            None => return false,
        }
    };
    let says = |var: VarId| {
        let field = program.loaded_as(var).map(|load| program.text(load.field));
        let call = program.call_giving(var).map(|call| program.text(call.name));
        let name = program.variable(var).map(|row| program.text(row.name));
        let literal = program.literal(var).map(|row| program.text(row.value));
        [field, call, name, literal].into_iter().flatten().any(is_count)
    };
    let mut asked = r.condition.iter().filter(|row| belongs(program.region(row.region).function));
    asked.any(|row| meaning.made_from(row.var).into_iter().any(says))
}

/// Whether a name is that of how often a message has come, or of where that stands.
fn is_count(name: &str) -> bool {
    const COUNTS: &[&str] = &[
        "redelivered",
        "attempt",
        "attempts",
        "retry",
        "retries",
        "retried",
        "death",
        "deaths",
        "tries",
        "headers",
    ];
    let words = words(name);
    let has = |word: &str| words.iter().any(|known| known == word);
    words.iter().any(|word| COUNTS.contains(&word.as_str())) || has("delivery") && has("count")
}

fn has_delivery_limit(context: &Context<'_>) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    program.facts.symbols.lookup(DELIVERY_LIMIT).is_some_and(|limit| {
        r.entry.iter().any(|row| row.key == limit)
            || r.literal.iter().any(|row| row.value == limit)
            || r.manifest.iter().any(|row| row.value == limit)
    })
}

fn report(context: &Context<'_>, op: &Operation, failure: &Failure, site: SiteId) -> Finding {
    let message = "whatever fails here puts the message back into its queue; one that always fails comes at once again, for ever, \
                   and keeps the others waiting"
        .to_owned();
    let mut builder = FindingBuilder::new(context, &RULE.info, op.site, message);
    if let Some(site) = failure.protected.first() {
        builder = builder.step(*site, "when this fails");
    }
    if site != op.site {
        builder = builder.step(site, format!("calls `{}`", context.named_function(op.function)));
    }
    builder
        .step(op.site, "the message is put back")
        .checked("nobody looks at how often the message has come, and no queue is declared with a limit of deliveries")
        .help("count the deliveries (`x-death`, a header, a quorum queue's `x-delivery-limit`) and reject to a dead-letter exchange after some")
        .build()
}

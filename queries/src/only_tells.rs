//! Dealing with a failure that is nothing but telling of it.

use distsys_engine::OpKind;
use distsys_engine::meaning::{Failure, Found};
use distsys_engine::words::is_report;
use distsys_facts::schema::Call;
use distsys_facts::{ClassId, FunctionId, ParameterKind, SiteId, SiteKind, VarId};

use crate::Context;

/// What is answered at the end of a handler, where somebody looks at it or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// Whoever calls it may ask what it answers.
    Asked,
    /// A queue does not know the answers of HTTP.
    NotOfHttp,
    /// A job that answers that it failed has been done for its queue.
    NotOfFailure,
}

/// Whether dealing with the failure is nothing but telling of it.
pub(crate) fn only_tells(context: &Context<'_>, failure: &Failure, answers: Answers) -> bool {
    tells_at(context, &failure.sites, answers, None) || gives_what_tells(context, failure)
}

/// Whether a function that is given what failed is nothing but a line of the log: `|error| error!(%error, "no")`.
fn gives_what_tells(context: &Context<'_>, failure: &Failure) -> bool {
    let program = context.meaning.program;
    let is_line = |site: SiteId| program.call(site).is_none_or(|call| tells(context, call));
    failure.region.is_none()
        && !failure.sites.is_empty()
        && failure
            .sites
            .iter()
            .all(|site| matches!(program.site(*site).kind, SiteKind::Call | SiteKind::Return) && is_line(*site))
}

/// A method that the code for a failure calls, which a class below fills with one that only tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hook {
    /// Where that method tells.
    pub told: SiteId,
    pub class: ClassId,
}

/// The methods that take a failure, of which some class fills one with what only tells, where all else that is done about the
/// failure is told, too: `except Exception as e: await self.on_failure(record, e)`.
pub(crate) fn hooks_that_only_tell(context: &Context<'_>, failure: &Failure) -> Vec<Hook> {
    let meaning = context.meaning;
    let mut found = Vec::new();
    for &site in &failure.sites {
        let methods: Vec<(FunctionId, ClassId)> =
            meaning.callees(site).into_iter().flat_map(|method| brought_below(context, method)).collect();
        if methods.is_empty() || !tells_at(context, &failure.sites, Answers::Asked, Some(site)) {
            continue;
        }
        found.extend(
            methods.into_iter().filter_map(|(method, class)| Some(Hook { told: told_by(context, method)?, class })),
        );
    }
    found
}

/// The methods that classes below bring in the place of a method.
fn brought_below(context: &Context<'_>, method: FunctionId) -> Vec<(FunctionId, ClassId)> {
    let meaning = context.meaning;
    let program = meaning.program;
    let row = program.function(method);
    let Some(class) = row.class else { return Vec::new() };
    let same = program.methods_named(row.name).filter(|other| other.function != method);
    let below = same.filter(|other| meaning.resolution.ancestors(other.class).contains(&class));
    below.map(|other| (other.function, other.class)).collect()
}

/// Where a function tells that does nothing else.
fn told_by(context: &Context<'_>, function: FunctionId) -> Option<SiteId> {
    let program = context.meaning.program;
    let sites: Vec<SiteId> = program.sites(function).map(|row| row.site).collect();
    let told = sites.iter().copied().find(|site| program.call(*site).is_some_and(|call| tells(context, call)))?;
    tells_at(context, &sites, Answers::Asked, None).then_some(told)
}

fn tells_at(context: &Context<'_>, sites: &[SiteId], asked: Answers, besides: Option<SiteId>) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    // What is answered, somebody may look at.
    let returns = &program.facts.relations.returns;
    let answered = sites.iter().flat_map(|site| {
        let returned = program.returns_by_function.of(returns, context.function_of(*site));
        returned.filter(|row| row.site == *site).filter_map(|row| row.var)
    });
    let answered: Vec<VarId> = answered.collect();
    let is_for_nobody = |var: VarId| match asked {
        Answers::Asked => false,
        Answers::NotOfHttp => is_of_http(context, var),
        Answers::NotOfFailure => says_failed(context, var),
    };
    if !answered.iter().all(|var| is_for_nobody(*var)) {
        return false;
    }
    sites.iter().filter(|site| besides != Some(**site)).all(|site| match program.site(*site).kind {
        SiteKind::Throw => false,
        // `log.atError().setCause(e)`
        SiteKind::Store => {
            let stores = &program.facts.relations.store;
            let store = stores.binary_search_by_key(site, |row| row.site).ok().map(|at| stores[at]);
            store.and_then(|store| program.call_giving(store.base)).is_some_and(|call| tells(context, call))
        }
        SiteKind::Call => is_of_telling(context, *site, sites, &answered),
        _ => true,
    })
}

/// Whether what is answered is an answer of HTTP, by its status: `{"statusCode": 500}`.
fn is_of_http(context: &Context<'_>, var: VarId) -> bool {
    let program = context.meaning.program;
    let mut entries = program.entry_by_var.of(&program.facts.relations.entry, program.held_at(var));
    entries.any(|row| matches!(program.text(row.key), "statusCode" | "status_code" | "status"))
}

/// Whether what is answered says that it failed, and no more than that and why: `{ ok: false }`, `{"success": False, "error": …}`.
fn says_failed(context: &Context<'_>, var: VarId) -> bool {
    let program = context.meaning.program;
    let mut entries = program.entry_by_var.of(&program.facts.relations.entry, program.held_at(var));
    let is_no = |value: VarId| context.meaning.constant(value).is_some_and(|text| text.eq_ignore_ascii_case("false"));
    let says = |key: &str| matches!(key, "ok" | "success" | "succeeded" | "done");
    entries.any(|row| says(program.text(row.key)) && is_no(row.value))
}

/// Whether a call tells of a failure, acknowledges or waits, or is only done for what is told: `body.get("id")` in the
/// text, each step of `log.atError().setCause(e).log("no")`. What is given something and kept under a name may be where the
/// message is parked.
fn is_of_telling(context: &Context<'_>, site: SiteId, around: &[SiteId], answered: &[VarId]) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let Some(call) = program.call(site) else { return true };
    let mut kinds = meaning.effects.at(site).map(|(effect, _)| effect.kind);
    if !kinds.all(|kind| matches!(kind, OpKind::Ack | OpKind::Log | OpKind::Metric | OpKind::Trace | OpKind::Sleep)) {
        return false;
    }
    if is_given_by_none(context, call) {
        return true;
    }
    let waits = |kind| {
        meaning.effects.at(site).any(|(effect, _)| effect.kind == kind)
            || meaning.operations.at(site).any(|op| op.kind == kind)
    };
    if waits(OpKind::Ack) || waits(OpKind::Sleep) || tells(context, call) {
        return true;
    }
    let r = &program.facts.relations;
    let is_kept = || program.assign_by_src.of(&r.assign, call.result).next().is_some();
    // What the project does there may be anything.
    let does = |kind: SiteKind| matches!(kind, SiteKind::Call | SiteKind::Store);
    let looks = |function: FunctionId| program.sites(function).all(|row| !does(row.kind));
    let is_answered = || answered.iter().any(|var| meaning.made_from(*var).contains(&call.result));
    let told = |other: &SiteId| {
        let Some(other) = program.call(*other).filter(|other| other.site != site && tells(context, other)) else {
            return false;
        };
        let given = program.arguments(other.site).map(|row| row.var).chain(other.receiver);
        given.into_iter().any(|var| meaning.made_from(var).contains(&call.result))
    };
    meaning.callees(site).into_iter().all(looks)
        && (program.arguments(site).next().is_none() || !is_kept())
        && (around.iter().any(told) || is_answered())
}

/// Whether a call is of what callers may give and none of them does: `onFailure?.(message)`.
fn is_given_by_none(context: &Context<'_>, call: &Call) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let Some(mut callee) = call.callee.or(call.receiver) else { return false };
    // `{ onFailure } = {}`
    while let (Some(row), true) = (program.assigned_from(callee).next(), program.parameter(callee).is_none()) {
        callee = row.src;
    }
    if !meaning.callees(call.site).is_empty() || meaning.resolution.values_of(callee).next().is_some() {
        return false;
    }
    let field = program.loaded_as(callee).map(|load| (load.base, program.text(load.field).to_owned()));
    let (asked, path) = match (call.callee, field) {
        (Some(_), None) => (callee, Vec::new()),
        (Some(_), Some((base, field))) => (base, vec![field]),
        (None, _) => (callee, vec![program.text(call.name).to_owned()]),
    };
    let Some(parameter) = program.parameter(asked).filter(|row| row.kind != ParameterKind::Receiver) else {
        return false;
    };
    let callers: Vec<SiteId> =
        meaning.callers(parameter.function).iter().copied().filter(|site| context.in_scope(*site)).collect();
    !callers.is_empty()
        && callers.into_iter().all(|site| {
            let passed = meaning.resolution.passed_at(site).iter().find(|row| row.parameter == parameter.var);
            let spreads = program.arguments(site).any(|row| matches!(program.text(row.keyword), "*" | "**"));
            match passed {
                None => !spreads,
                Some(_) if path.is_empty() => false,
                Some(row) => meaning.passed_within(site, row.parameter, &path) == Found::Absent,
            }
        })
}

/// Whether a call is to what reports, or to what one gave: `log.Error().Err(err).Msg("no")`.
pub(crate) fn tells(context: &Context<'_>, call: &Call) -> bool {
    let program = context.meaning.program;
    let mut at = Some(call);
    for _ in 0..MAX_CHAIN {
        let Some(call) = at else { return false };
        if context.meaning.operations.at(call.site).any(|op| op.kind == OpKind::Log) {
            return true;
        }
        let held = call.receiver.and_then(|var| program.variable(var)).map(|row| program.text(row.name));
        let named = call.callee.and_then(|var| program.variable(var)).map(|row| program.text(row.name));
        let global = call.callee.or(call.receiver).and_then(|var| program.global(var)).map(|path| program.text(path));
        if [Some(program.text(call.name)), held, named, global].into_iter().flatten().any(is_report) {
            return true;
        }
        at = call.receiver.and_then(|var| program.call_giving(var));
    }
    false
}

/// So many calls make a line of a log.
const MAX_CHAIN: usize = 12;

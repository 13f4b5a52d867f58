//! A handler of everything that may fail logs or ignores it, and the message counts as done.

use distsys_engine::meaning::{Effect, EffectFlags, Failure, Found, Operand, Operation};
use distsys_engine::{Attr, OpKind};
use distsys_facts::{RegionId, RegionKind, SiteId, VarId};
use rustc_hash::FxHashMap;

use crate::done::{Done, done_at};
use crate::handlers::{Handler, acknowledging, given_to_loop, is_acknowledged_before, is_work, redelivered, webhooks};

use crate::finding::{Category, Confidence, Finding, Maturity, RuleInfo, Severity};
use crate::only_tells::{Answers, hooks_that_only_tell, only_tells, tells};
use crate::polled::polled;
use crate::sweeps::is_found_again;
use crate::told_beside::{is_note_of_failure, is_notice, is_only_told};
use crate::wrapped_handlers::{around, done_by, done_for};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "swallowed-consumer-error",
        category: Category::Messaging,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "a message whose handling failed counts as done",
        page: include_str!("swallowed-consumer-error.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let mut by_place: FxHashMap<SiteId, Swallowed> = FxHashMap::default();
    // Whoever calls a webhook calls again what was not answered well.
    let called = webhooks(context).into_iter().filter(|(_, sure)| *sure == Confidence::High).map(|(handler, _)| handler);
    let taken = redelivered(context).into_iter().chain(acknowledging(context)).chain(polled(context));
    let taken = taken.flat_map(|handler| given_to_loop(context, &handler).into_iter().chain([handler]).collect::<Vec<_>>());
    let taken = taken.chain(called);
    let taken = taken.flat_map(|handler| around(context, &handler).into_iter().chain([handler]).collect::<Vec<_>>());
    for handler in taken.flat_map(|handler| with_helpers(context, handler)) {
        lost_by_shared_helper(context, &handler, &mut by_place);
        for failure in context.meaning.failures(handler.function) {
            if !failure.all || is_left_for_the_end(context, &failure) || !is_for_one_message(context, &handler, &failure) {
                continue;
            }
            if !only_tells(context, &failure, asked_answers(context, &handler)) {
                lost_by_class(context, &handler, &failure, &mut by_place);
                continue;
            }
            if answers_that_it_failed(context, &handler, &failure) {
                continue;
            }
            let Some(ack) = counts_as_done(context, &handler, &failure) else { continue };
            let Some(done) = work(context, &handler, &failure, ack) else { continue };
            if is_beside_the_point(context, &handler, &failure) || is_found_again(context, &handler, &failure) || is_dealt_with_later(context, &failure) {
                continue;
            }
            if is_only_told(context, &handler, &failure) || is_notice(context, &handler, &failure) || is_note_of_failure(context, &handler, &failure) {
                continue;
            }
            if is_lost_claim(context, &done) {
                continue;
            }
            // Lost already when it was acknowledged, whatever is done about the failure.
            let begun = done.begun();
            if is_acknowledged_before(context, &handler, begun) || context.meaning.is_after_failure(begun) {
                continue;
            }
            let borne = failure.region.is_some_and(|region| context.meaning.program.is_borne(region));
            let region = failure.region.filter(|_| handler.under.is_none());
            let swallowed = Swallowed { region, origin: handler.origin, ack, done, borne };
            // One wrapper may be right for a route and wrong for a queue.
            let under = handler.under.map(|under| under.site);
            let place = under.or(failure.sites.first().copied()).unwrap_or(begun);
            by_place.entry(place).or_insert(swallowed);
        }
    }
    by_place.into_iter().map(|(place, swallowed)| report(context, place, &swallowed)).collect()
}

/// Whether whoever runs the handler may ask what it answers.
fn asked_answers(context: &Context<'_>, handler: &Handler) -> Answers {
    if handler.region.is_some() {
        return Answers::Asked;
    }
    if context.operation(handler.origin, OpKind::HandleJob).is_some() {
        return Answers::NotOfFailure;
    }
    let is_of_queue = context.operation(handler.origin, OpKind::Consume).is_some();
    if is_of_queue { Answers::NotOfHttp } else { Answers::Asked }
}

/// What is lost with a helper that others use, too, which only tells of whatever fails of what it is given to run, and answers
/// nothing that the handler looks at: `Quietly.run("reading", () -> readings.store(reading))`.
fn lost_by_shared_helper(context: &Context<'_>, handler: &Handler, by_place: &mut FxHashMap<SiteId, Swallowed>) {
    let meaning = context.meaning;
    let program = meaning.program;
    for &site in &handler.sites {
        let given: Vec<_> = program.arguments(site).flat_map(|row| meaning.functions_given(row.var)).collect();
        let is_dropped = || program.call(site).is_some_and(|call| !meaning.is_used(call.result) || meaning.is_awaited_only(call.result));
        if given.is_empty() || !context.in_scope(site) || !is_dropped() {
            continue;
        }
        let helpers = meaning.resolution.calls_at(site).iter().flat_map(|edge| meaning.failures(edge.function));
        // Where nobody is told, that is what is wrong.
        let tells = |failure: &Failure| !failure.idle && failure.region.is_none_or(|region| !meaning.gives_failure(region));
        let told = helpers.filter(|failure| failure.all && tells(failure) && only_tells(context, failure, asked_answers(context, handler)));
        let run = told.flat_map(|failure| failure.protected).flat_map(|site| meaning.given_to_run(site)).map(|(_, function)| function);
        let run: Vec<_> = run.filter(|function| given.contains(function)).collect();
        let done = run.into_iter().flat_map(|function| {
            let effects = meaning.effects.in_function(function).filter(|(effect, _)| is_work(context, effect));
            effects.map(|(effect, row)| Done { through: vec![site], site: row.site, effect }).collect::<Vec<_>>()
        });
        let fails = |done: &Done| done.traces(context).iter().any(|way| !meaning.is_dealt_with_below(way));
        let Some(done) = done.into_iter().find(fails) else { continue };
        // As the handler sees it, the call goes on.
        let failure = meaning.failure_of(site);
        let Some(ack) = counts_as_done(context, handler, &failure) else { continue };
        let is_excused = is_found_again(context, handler, &failure)
            || is_notice(context, handler, &failure)
            || is_acknowledged_before(context, handler, site)
            || meaning.is_after_failure(site);
        if !is_excused {
            by_place.entry(site).or_insert(Swallowed { region: None, origin: handler.origin, ack, done, borne: false });
        }
    }
}

/// What is lost with a class that fills a hook for failures with what only tells of them.
fn lost_by_class(context: &Context<'_>, handler: &Handler, failure: &Failure, by_place: &mut FxHashMap<SiteId, Swallowed>) {
    let hooks = hooks_that_only_tell(context, failure);
    let Some(ack) = hooks.first().and_then(|_| counts_as_done(context, handler, failure)) else { return };
    for hook in hooks {
        let brought = failure.protected.iter().flat_map(|site| done_by(context, hook.class, *site));
        let is_lost = |done: &Done| is_work(context, &done.effect) && done.traces(context).iter().any(|way| !context.meaning.is_dealt_with_below(way));
        let Some(done) = brought.into_iter().find(is_lost) else { continue };
        if !is_acknowledged_before(context, handler, done.begun()) && context.in_scope(hook.told) {
            let swallowed = Swallowed { region: None, origin: handler.origin, ack, done, borne: false };
            by_place.entry(hook.told).or_insert(swallowed);
        }
    }
}

/// A handler with the functions that only it calls: what they swallow, it does.
fn with_helpers(context: &Context<'_>, handler: Handler) -> Vec<Handler> {
    let meaning = context.meaning;
    let mut parts = vec![handler];
    let mut at = 0;
    while at < parts.len() && parts.len() < MAX_PARTS {
        let part = &parts[at];
        let mut helpers = Vec::new();
        for &site in &part.sites {
            for function in meaning.callees(site) {
                let own = meaning.callers(function).iter().all(|caller| part.sites.contains(caller));
                if own && !parts.iter().any(|known| known.function == function) {
                    let inner = meaning.program.sites(function).map(|row| row.site);
                    // What comes after the part itself comes after what it calls.
                    let comes_later = |later: &SiteId| meaning.precedes(site, *later) || comes_after_part(context, part, *later);
                    let later: Vec<SiteId> = part.sites.iter().copied().filter(comes_later).collect();
                    let sites = inner.chain(later.iter().copied()).collect();
                    let helper = Handler { function, region: None, sites, ..*part };
                    for mut wrapper in around(context, &helper) {
                        wrapper.sites.extend(&later);
                        helpers.push(wrapper);
                    }
                    helpers.push(helper);
                }
            }
        }
        parts.extend(helpers);
        at += 1;
    }
    parts
}

/// Whether a site of a handler stands in a function around it, after the call that leads to it.
fn comes_after_part(context: &Context<'_>, part: &Handler, site: SiteId) -> bool {
    part.region.is_none() && context.function_of(site) != part.function
}

/// Whether the handler of a route answers that it failed, or hands the failure on to what it was given for that:
/// `res.status(500).end()`, `w.WriteHeader(http.StatusBadGateway)`, `http.Error(w, "no", 500)`, `next(error)`.
fn answers_that_it_failed(context: &Context<'_>, handler: &Handler, failure: &Failure) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    if context.operation(handler.origin, OpKind::Route).is_none() {
        return false;
    }
    let given: Vec<VarId> = program.parameters(handler.function).map(|row| row.var).collect();
    let is_given = |var: VarId| given.contains(&var) || meaning.made_from(var).iter().any(|source| given.contains(source));
    // What is neither written out there nor given may be a status of any name: `http.StatusBadGateway`.
    let is_bad = |var: VarId| match program.literal(var) {
        Some(literal) => program.text(literal.value).parse::<u32>().is_ok_and(|status| (300..600).contains(&status)),
        None => !is_given(var) && program.entry_by_var.of(&program.facts.relations.entry, var).next().is_none(),
    };
    failure.sites.iter().filter_map(|site| program.call(*site)).any(|call| {
        let arguments = || program.arguments(call.site).map(|row| row.var);
        let passes_on = call.callee.is_some_and(|callee| given.contains(&callee));
        let answers = call.receiver.is_some_and(is_given) || arguments().any(is_given);
        passes_on || answers && arguments().any(is_bad)
    })
}

/// A handler of more functions than this is a program of its own.
const MAX_PARTS: usize = 24;

struct Swallowed {
    region: Option<RegionId>,
    origin: SiteId,
    /// Where the message is acknowledged after the failure; none: by the library, when the handler returns.
    ack: Option<SiteId>,
    done: Done,
    /// The work itself goes on without it, as its handler says.
    borne: bool,
}

/// Whether what may fail is left for the end, when the message has been dealt with or has failed: to fail for it would do all of
/// that again.
fn is_left_for_the_end(context: &Context<'_>, failure: &Failure) -> bool {
    let program = context.meaning.program;
    let at_end = |site: &SiteId| {
        program.regions_outward(program.site(*site).region).any(|region| region.kind == RegionKind::Finally)
    };
    !failure.protected.is_empty() && failure.protected.iter().all(at_end)
}

/// Whether the failure of one message is dealt with, and then the next one comes.
fn is_for_one_message(context: &Context<'_>, handler: &Handler, failure: &Failure) -> bool {
    match (handler.region, failure.region) {
        (Some(turn), Some(region)) => context.meaning.program.region_within(region, turn),
        _ => true,
    }
}

/// Whether no message is taken any more after the failure: what was not acknowledged comes again to who takes messages next.
fn gives_up(context: &Context<'_>, handler: &Handler, failure: &Failure) -> bool {
    let (Some(turn), Some(entry)) = (handler.region, failure.entry) else { return false };
    context.meaning.program.region(turn).function == handler.function && !context.meaning.comes_round(entry, turn)
}

/// Whether a message whose handling failed is acknowledged nevertheless, and where if it is by hand.
fn counts_as_done(context: &Context<'_>, handler: &Handler, failure: &Failure) -> Option<Option<SiteId>> {
    let meaning = context.meaning;
    if handler.acked.is_some() {
        return Some(handler.acked);
    }
    if let Some(mark) = handler.marked {
        return is_marked_nevertheless(context, handler, failure, mark).then_some(Some(mark));
    }
    let acks: Vec<SiteId> = handler
        .sites
        .iter()
        .copied()
        .filter(|site| meaning.effects.at(*site).any(|(effect, _)| effect.kind == OpKind::Ack))
        .collect();
    let after = |ack: &&SiteId| {
        if !failure.sites.contains(ack) && meaning.is_kept_from_failures(**ack) {
            return false;
        }
        // A function that is given what failed goes on where it was given.
        let goes_on = |protected: &SiteId| failure.region.is_none() && meaning.precedes(*protected, **ack);
        let leads = failure.entry.is_some_and(|entry| meaning.leads(entry, **ack));
        failure.sites.contains(ack) || context.function_of(**ack) != handler.function || leads || failure.protected.iter().any(goes_on)
    };
    match acks.iter().filter(|ack| !is_of_what_went_well(context, failure, **ack)).find(after) {
        Some(ack) => Some(Some(*ack)),
        None if handler.by_position => (!gives_up(context, handler, failure)).then_some(None),
        None if !acks.is_empty() => None,
        // Who acknowledges by hand and does not here has not acknowledged.
        None => (!acknowledges_by_hand(context, handler)).then_some(None),
    }
}

/// Whether the row that something failed for is marked in the same turn, after that; what failed in a helper or closure must not
/// have been the marking.
fn is_marked_nevertheless(context: &Context<'_>, handler: &Handler, failure: &Failure, mark: SiteId) -> bool {
    let meaning = context.meaning;
    let function = meaning.program.site(failure.protected[0]).function;
    if function == context.function_of(mark) {
        let comes_later = failure.protected.iter().all(|site| *site < mark);
        return comes_later && !meaning.is_kept_from_failures(mark) && failure.entry.is_some_and(|entry| meaning.leads(entry, mark));
    }
    let writes = meaning.effects.at(mark).filter(|(effect, _)| effect.kind == OpKind::DbWrite);
    let mut ways = writes.flat_map(|(effect, _)| meaning.traces(mark, &effect));
    let is_before = |site: &SiteId| *site < mark && meaning.precedes(*site, mark) && meaning.callees(*site).contains(&function);
    let mut beside = meaning.program.sites(context.function_of(mark)).map(|row| row.site);
    handler.function == function
        && beside.any(|site| is_before(&site))
        && !ways.any(|way| way.iter().any(|site| context.function_of(*site) == function))
}

/// Whether what is acknowledged has been collected where nothing had failed: `done.append(id)` after the work, `ack(*done)` later.
fn is_of_what_went_well(context: &Context<'_>, failure: &Failure, ack: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let works = |site: &SiteId| done_at(context, *site).iter().any(|done| is_work(context, &done.effect));
    program.arguments(ack).any(|row| {
        let lists = meaning.made_from(row.var).into_iter().chain([row.var]);
        let added = lists.flat_map(|list| program.calls_by_receiver.of(&r.call, list));
        let mut added = added.filter(|call| matches!(program.text(call.name), "append" | "push" | "add")).map(|call| call.site).peekable();
        added.peek().is_some()
            && added.all(|site| {
                let before = |work: &&SiteId| works(work) && meaning.precedes(**work, site);
                failure.protected.contains(&site) && failure.protected.iter().find(before).is_some()
            })
    })
}

/// Whether the library of the handler knows acknowledgement by hand.
fn acknowledges_by_hand(context: &Context<'_>, handler: &Handler) -> bool {
    let meaning = context.meaning;
    let takes = |kind: OpKind| matches!(kind, OpKind::Consume | OpKind::HandleJob | OpKind::Route);
    let Some(op) = meaning.operations.at(handler.origin).find(|op| takes(op.kind)) else { return true };
    let is_done_when_left = matches!(meaning.attribute(op, Attr::Redelivered), Found::Is(Operand::Text(said)) if said == "returned");
    op.kind == OpKind::Consume && !is_done_when_left && meaning.models.acknowledges(op.family, op.model)
}

/// What the message was sent for, among what may fail.
fn work(context: &Context<'_>, handler: &Handler, failure: &Failure, ack: Option<SiteId>) -> Option<Done> {
    let protected = failure.protected.iter().filter(|site| handler.sites.contains(site));
    let mut handed_on = None;
    // What a function below has dealt with does not come here.
    let fails = |done: &Done| done.traces(context).iter().any(|way| !context.meaning.is_dealt_with_below(way));
    for done in protected.flat_map(|site| done_for(context, handler, *site)).filter(fails) {
        if is_work(context, &done.effect) {
            return Some(done);
        }
        // A message that is there to be handed on is lost with it; what is told to others beside the work is not the message.
        if is_sent_on(&done.effect) && handed_on.is_none() && !is_beside(context, done.begun(), &done.effect, ack) {
            handed_on = Some(done);
        }
    }
    handed_on
}

/// Whether a task of its own does it, which does not acknowledge the message.
fn is_beside(context: &Context<'_>, site: SiteId, effect: &Effect, ack: Option<SiteId>) -> bool {
    let function = context.function_of(site);
    let is_task = || context.meaning.callers(function).iter().any(|caller| context.operation(*caller, OpKind::Spawn).is_some());
    let acknowledges = ack.is_some_and(|ack| context.function_of(ack) == function);
    effect.flags.has(EffectFlags::BACKGROUND) || !acknowledges && is_task()
}

fn is_sent_on(effect: &Effect) -> bool {
    matches!(effect.kind, OpKind::Publish | OpKind::Enqueue)
}

/// Whether what failed is a part that the message is dealt with without: nothing was to be sent out there and the handler goes
/// on to do so, or it was only tidied up and the work comes after.
fn is_beside_the_point(context: &Context<'_>, handler: &Handler, failure: &Failure) -> bool {
    let meaning = context.meaning;
    let Some(entry) = failure.entry else { return false };
    let function = meaning.program.site(failure.protected[0]).function;
    let comes_after = |site: &SiteId| {
        context.function_of(*site) == function
            && !failure.protected.contains(site)
            && !failure.sites.contains(site)
            && meaning.leads(entry, *site)
    };
    let after: Vec<Effect> = handler
        .sites
        .iter()
        .filter(|site| comes_after(site))
        .flat_map(|site| done_at(context, *site))
        .map(|done| done.effect)
        .filter(|effect| is_work(context, effect) || is_sent_on(effect))
        .collect();
    let protected = failure.protected.iter().filter(|site| handler.sites.contains(site));
    let failed = protected.flat_map(|site| done_at(context, *site)).map(|done| done.effect);
    let failed: Vec<Effect> = failed.filter(|effect| is_work(context, effect) || is_sent_on(effect)).collect();
    let deletes = |effect: &Effect| meaning.text(effect.verb) == Some("delete");
    let sent_out = |effect: &Effect| effect.kind != OpKind::DbWrite;
    !after.is_empty() && failed.iter().all(deletes) || after.iter().any(sent_out) && !failed.iter().any(sent_out)
}

/// Whether what fails is a claim, which does so where another run has changed the row in between: it sets what it asks for.
fn is_lost_claim(context: &Context<'_>, done: &Done) -> bool {
    let meaning = context.meaning;
    let trace = done.trace(context);
    let claims = |site: SiteId| {
        let fails = |op: &Operation| op.kind == OpKind::DbWrite && meaning.attribute(op, Attr::Missing) != Found::Absent;
        meaning.operations.at(site).any(fails) && meaning.compares_and_sets(site)
    };
    trace.last().is_some_and(|last| claims(*last))
}

/// Whether the error is asked for again after it was told of, or handed to what does more than tell: `if err != nil { log }`, and
/// then `settle(message, err)`.
fn is_dealt_with_later(context: &Context<'_>, failure: &Failure) -> bool {
    let meaning = context.meaning;
    let handed = meaning.handed_on_after(failure).into_iter().filter_map(|site| meaning.program.call(site));
    meaning.is_asked_again(failure) || handed.into_iter().any(|call| !tells(context, call))
}

fn report(context: &Context<'_>, place: SiteId, swallowed: &Swallowed) -> Finding {
    let effect = &swallowed.done.effect;
    let trace = swallowed.done.trace(context);
    let what = context.does(effect);
    let message = format!(
        "when what {what} fails, it is only told of and the message counts as done: nobody handles it again, and nothing keeps it for a look"
    );
    let mut builder = FindingBuilder::new(context, &RULE.info, place, message)
        .subject(context.meaning.text(effect.entity).unwrap_or_default())
        .rests_on(context.confidence_of(swallowed.done.site, effect));
    if swallowed.borne {
        builder = builder.rests_on(Confidence::Low);
    }
    if let Some(region) = swallowed.region {
        builder = builder.at_region(region);
    }
    builder = builder.step(swallowed.origin, "messages are handled").steps(context.steps(&trace, effect));
    if let Some(ack) = swallowed.ack {
        builder = builder.step(ack, "acknowledged in spite of the failure");
    }
    builder
        .checked("it is not raised again, refused, parked or written down")
        .help("let the failure out so that the message comes again, or park it (dead-letter queue, table of failures) before it is acknowledged")
        .build()
}

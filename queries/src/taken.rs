//! What is taken at a site and given back at others, a lock or a connection: the ways out of the function that still have it.

use distsys_engine::OpKind;
use distsys_engine::meaning::Scope;
use distsys_facts::{FunctionKind, LiteralKind, RegionId, RegionKind, SiteId, SiteKind, VarId};

use crate::{Context, FindingBuilder};

/// What stays taken where a function is left.
pub(crate) struct Leak<'m> {
    pub(crate) scope: &'m Scope,
    pub(crate) taken: SiteId,
    pub(crate) releases: Vec<SiteId>,
    /// Where the function is left with it, by its own words.
    pub(crate) exits: Vec<SiteId>,
    /// What may fail between, past every release.
    pub(crate) fails: Option<SiteId>,
}

impl Leak<'_> {
    /// The way out that is told of; where what fails is one, where it is taken.
    pub(crate) fn place(&self) -> SiteId {
        self.exits.first().copied().unwrap_or(self.taken)
    }

    /// Tells where it is taken, what may fail, where else the function is left with it and where it is given back.
    pub(crate) fn told<'c, 'm>(
        &self,
        builder: FindingBuilder<'c, 'm>,
        taken: &str,
        released: &str,
    ) -> FindingBuilder<'c, 'm> {
        const MAX_EXITS: usize = 3;
        const MAX_RELEASES: usize = 2;
        let mut builder = builder.step(self.taken, taken);
        for site in self.scope.steps.iter().skip(1).chain(&self.scope.origin).filter(|site| **site != self.taken) {
            builder = builder.step(*site, "by this");
        }
        if let Some(site) = self.fails {
            builder = builder.step(site, "this may fail");
        }
        for exit in self.exits.iter().skip(1).take(MAX_EXITS) {
            builder = builder.step(*exit, "and left here, too");
        }
        for release in self.releases.iter().take(MAX_RELEASES) {
            builder = builder.step(*release, released);
        }
        builder
    }
}

/// Where the function is left with the lock.
pub(crate) fn exits(context: &Context<'_>, scope: &Scope, taken: SiteId, releases: &[SiteId]) -> Vec<SiteId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let function = context.function_of(taken);
    let sites = program.sites(function).filter(|row| matches!(row.kind, SiteKind::Return | SiteKind::Throw));
    sites
        .map(|row| row.site)
        .filter(|exit| {
            meaning.precedes(taken, *exit)
                && meaning.avoids(taken, releases, *exit)
                && !is_released_by_handler(context, scope.kind, *exit, releases)
                && !is_released_if_held(context, taken, *exit, releases)
                && !is_refused(context, scope, taken, *exit)
                && !hands_over(context, scope, taken, *exit, releases)
        })
        .collect()
}

/// Whether a handler or `finally` around a site releases.
pub(crate) fn is_released_by_handler(context: &Context<'_>, kind: OpKind, site: SiteId, releases: &[SiteId]) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let leaves_by_return = program.site(site).kind == SiteKind::Return;
    // A handler belongs to the body whose `finally` runs after it.
    let body_of = |region| program.handled_by(region).next().map(|row| row.body);
    let bodies = program.regions_outward(program.site(site).region).filter_map(|row| match row.kind {
        RegionKind::Try => Some((row.region, false)),
        RegionKind::Catch => body_of(row.region).map(|body| (body, true)),
        _ => None,
    });
    let mut ends = bodies
        .flat_map(|(body, handled)| program.handles_by_body.of(&r.handles, body).map(move |row| (row.region, handled)));
    ends.any(|(region, handled)| {
        // A handler sees neither a `return` nor what another handler throws.
        let runs = !(leaves_by_return || handled) || program.region(region).kind == RegionKind::Finally;
        let is_in_time = |release: SiteId| kind != OpKind::Guard || !is_deferred_later(context, site, release);
        let mut inside =
            releases.iter().filter(|release| program.region_within(program.site(**release).region, region));
        runs && inside.any(|release| is_in_time(*release))
    })
}

/// Whether what is done at the end was put off to there (`defer mu.Unlock()`) only after `exit`: it is written between that and
/// something else of the body.
fn is_deferred_later(context: &Context<'_>, exit: SiteId, release: SiteId) -> bool {
    let program = context.meaning.program;
    let start = |site: SiteId| program.site(site).start;
    let body = program.regions_outward(program.site(exit).region).filter(|row| row.kind == RegionKind::Try).last();
    let mut later = program.sites(context.function_of(exit)).filter(|row| row.start > start(release));
    start(exit) < start(release)
        && body.is_some_and(|body| later.any(|row| program.region_within(row.region, body.region)))
}

/// Whether a release before the exit is done if something holds: that the lock was got, as far as is known.
pub(crate) fn is_released_if_held(context: &Context<'_>, taken: SiteId, exit: SiteId, releases: &[SiteId]) -> bool {
    let program = context.meaning.program;
    releases.iter().any(|release| {
        let arm = program.regions_outward(program.site(*release).region).find(|row| row.kind == RegionKind::Branch);
        arm.is_some_and(|arm| {
            let is_in = |site: SiteId| program.region_within(program.site(site).region, arm.region);
            let leaves = program
                .sites(context.function_of(taken))
                .any(|row| matches!(row.kind, SiteKind::Return | SiteKind::Throw) && is_in(row.site));
            !is_in(taken) && !is_in(exit) && *release < exit && !leaves
        })
    })
}

/// Whether the function is left because the lock was not got.
fn is_refused(context: &Context<'_>, scope: &Scope, taken: SiteId, exit: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let Some(got) = program.call(taken).map(|call| call.result) else { return true };
    let thrown = r.throws.binary_search_by_key(&exit, |row| row.site).ok().and_then(|at| r.throws[at].var);
    let mut asked = context.conditions(exit).into_iter().chain(thrown);
    // What the helper tells beside the lock is no refusal of that: `state, release, err := s.locked(id)`.
    if asked.any(|var| meaning.made_from(var).contains(&got)) && !is_always_taken(context, scope) {
        return true;
    }
    // `if (lock.acquire(5, SECONDS)) { …; return true; } return false;`: who got it has left by then.
    let is_got = |var: VarId| var == got || program.assigned_from(var).any(|row| row.src == got);
    let mut arms = program
        .regions_by_function
        .of(&r.region, context.function_of(taken))
        .filter(|row| row.kind == RegionKind::Branch);
    let left_with_it = arms.any(|arm| {
        let within = |site: SiteId| program.region_within(program.site(site).region, arm.region);
        let mut held =
            program.sites(context.function_of(taken)).map(|row| row.site).filter(|site| within(*site)).peekable();
        !within(exit)
            && program.condition_by_region.of(&r.condition, arm.region).any(|row| is_got(row.var))
            && held.peek().is_some()
            && held.all(|site| !meaning.precedes(site, exit))
    });
    if left_with_it {
        return true;
    }
    // `loop { if try_lock() { break; } if late() { return Err(…) } }`: what got it has left the loop by then.
    let tries = program.regions_outward(program.site(taken).region).find(|row| row.kind == RegionKind::Loop);
    if let Some(tries) = tries.filter(|tries| program.region_within(program.site(exit).region, tries.region)) {
        let arms = program.regions_by_function.of(&r.region, context.function_of(taken));
        let mut arms =
            arms.filter(|row| row.kind == RegionKind::Branch && program.region_within(row.region, tries.region));
        let asks = |arm: RegionId| {
            program.condition_by_region.of(&r.condition, arm).any(|row| meaning.made_from(row.var).contains(&got))
        };
        if arms.any(|row| asks(row.region) && !program.region_within(program.site(exit).region, row.region)) {
            return true;
        }
    }
    may_have_failed(context, taken, exit)
}

/// Whether a site is in a handler of the body that takes it: whatever failed there, it may not have been got yet. What is
/// released there alone is kept on purpose else.
pub(crate) fn may_have_failed(context: &Context<'_>, taken: SiteId, site: SiteId) -> bool {
    let program = context.meaning.program;
    program.regions_outward(program.site(site).region).filter(|row| row.kind == RegionKind::Catch).any(|handler| {
        let mut bodies = program.handled_by(handler.region);
        bodies.any(|row| program.region_within(program.site(taken).region, row.body))
    })
}

/// Whether who comes to a site has not got what is taken at `taken`: in the handler of a body that ends with taking it, or where
/// what that gave is asked and says so.
pub(crate) fn is_refused_at(context: &Context<'_>, taken: SiteId, site: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let Some(got) = program.call(taken).map(|call| call.result) else { return false };
    program.regions_outward(program.site(site).region).any(|region| match region.kind {
        RegionKind::Catch => {
            let body = program.handled_by(region.region).next().map(|row| row.body);
            body.is_some_and(|body| ends_with(context, body, taken))
        }
        RegionKind::Branch => {
            let mut asked = program.condition_by_region.of(&r.condition, region.region);
            asked.any(|row| says_refused(context, row.var, taken, got, 0))
        }
        RegionKind::Else => {
            let mut asked = program.condition_by_region.of(&r.condition, region.region);
            asked.any(|row| row.var == got || program.assigned_from(row.var).any(|row| row.src == got))
        }
        _ => false,
    })
}

/// Whether nothing else is called in a body after what is called at a site.
fn ends_with(context: &Context<'_>, body: RegionId, last: SiteId) -> bool {
    let program = context.meaning.program;
    let inside = |site: SiteId| program.region_within(program.site(site).region, body);
    let mut calls =
        program.sites(context.function_of(last)).filter(|row| matches!(row.kind, SiteKind::Call | SiteKind::Throw));
    inside(last) && !calls.any(|row| row.site > last && inside(row.site))
}

/// Whether a condition holds where what was asked for was not got: `!ok`, `lock === null`, `err != nil || !ok`.
fn says_refused(context: &Context<'_>, condition: VarId, taken: SiteId, got: VarId, depth: u32) -> bool {
    const MAX_ASKED: u32 = 3;
    let meaning = context.meaning;
    let program = meaning.program;
    let Some(row) = program.binary_by_dst.first(&program.facts.relations.binary, condition) else { return false };
    let mut further = std::iter::once(row.left).chain(row.right);
    if matches!(program.text(row.operator), "||" | "or") {
        return depth < MAX_ASKED && further.any(|part| says_refused(context, part, taken, got, depth + 1));
    }
    let said = row.right.and_then(|right| program.literal(right));
    let is_none = said.is_some_and(|row| {
        row.kind == LiteralKind::Null || matches!(program.text(row.value), "Err" | "None" | "false" | "0")
    });
    let refuses = match program.text(row.operator) {
        "!" | "not" => true,
        "is" | "==" | "===" => is_none,
        "!=" | "!==" => said.is_some_and(|row| row.kind == LiteralKind::String),
        _ => false,
    };
    let sources = meaning.made_from(row.left);
    // The variable may have got what another call gave since: `err = other()`.
    let is_later = |site: SiteId| {
        let call = program.call(site).filter(|call| sources.contains(&call.result));
        call.is_some_and(|call| !call.receiver.is_some_and(|on| meaning.made_from(on).contains(&got)))
    };
    let between =
        program.sites(context.function_of(taken)).map(|row| row.site).filter(|site| taken < *site && *site < row.site);
    refuses && sources.contains(&got) && !between.into_iter().any(is_later)
}

/// Whether who calls a helper has its lock in any case: no way out of it goes around what takes the lock, and nothing asks what
/// that gave.
fn is_always_taken(context: &Context<'_>, scope: &Scope) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let Some(origin) = scope.origin.filter(|_| scope.kind == OpKind::Guard && !scope.steps.is_empty()) else {
        return false;
    };
    let is_passed = |taken: SiteId| {
        let mut sites = program.sites(context.function_of(taken)).peekable();
        let Some(first) = sites.peek().map(|row| row.site) else { return false };
        let mut exits = sites.filter(|row| matches!(row.kind, SiteKind::Return | SiteKind::Throw)).map(|row| row.site);
        exits.all(|exit| meaning.precedes(taken, exit) && (first == taken || !meaning.avoids(first, &[taken], exit)))
    };
    let taking = context.function_of(origin);
    let got = program.call(origin).map(|call| call.result);
    let is_outcome = |var: VarId| got.is_some_and(|got| meaning.made_from(var).contains(&got));
    let mut asked = program
        .regions_by_function
        .of(&r.region, taking)
        .flat_map(|region| program.condition_by_region.of(&r.condition, region.region))
        .map(|row| row.var)
        .chain(program.returns_by_function.of(&r.returns, taking).filter_map(|row| row.var));
    scope.steps.iter().skip(1).copied().chain([origin]).all(is_passed) && !asked.any(is_outcome)
}

/// Whether the lock, or what releases it, goes to the caller.
pub(crate) fn hands_over(
    context: &Context<'_>,
    scope: &Scope,
    taken: SiteId,
    exit: SiteId,
    releases: &[SiteId],
) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let Some(got) = program.call(taken).map(|call| call.result) else { return true };
    let function = context.function_of(taken);
    let mut given = program.returns_by_function.of(&program.facts.relations.returns, function);
    // Of all that a helper gives beside the lock, that alone by which it is let go here.
    let handles = match is_always_taken(context, scope) {
        true => releases.iter().flat_map(|release| handles(context, *release, got)).collect(),
        false => vec![got],
    };
    given.any(|row| {
        row.site == exit
            && row.var.is_some_and(|var| {
                let from = meaning.made_from(var);
                handles.iter().any(|handle| from.contains(handle))
            })
    })
}

/// The variables between what took the lock and what is called to let it go.
fn handles(context: &Context<'_>, release: SiteId, got: VarId) -> Vec<VarId> {
    let program = context.meaning.program;
    let mut stack: Vec<VarId> =
        program.call(release).into_iter().flat_map(|call| call.callee.into_iter().chain(call.receiver)).collect();
    let mut handles = Vec::new();
    while let Some(at) = stack.pop() {
        if at == got || handles.len() > MAX_COPIES || handles.contains(&at) {
            continue;
        }
        handles.push(at);
        stack.extend(program.assigned_from(at).map(|row| row.src));
        stack.extend(program.loaded_as(at).map(|load| load.base));
    }
    handles
}

/// What lets go is copied so many times.
const MAX_COPIES: usize = 16;

/// What another system is asked between, and may throw past every release, unless what it throws is `survived`.
pub(crate) fn fails(
    context: &Context<'_>,
    kind: OpKind,
    taken: SiteId,
    releases: &[SiteId],
    survived: impl Fn(SiteId) -> bool,
) -> Option<SiteId> {
    let meaning = context.meaning;
    if !meaning.throws_silently(taken) || releases.iter().any(|release| is_given_away(context, *release)) {
        return None;
    }
    let may_fail = |kind: OpKind| {
        matches!(
            kind,
            OpKind::HttpRequest
                | OpKind::Rpc
                | OpKind::Payment
                | OpKind::DbRead
                | OpKind::DbWrite
                | OpKind::Publish
                | OpKind::Enqueue
                | OpKind::Notify
                | OpKind::ObjectRead
                | OpKind::ObjectWrite
        )
    };
    let rows = meaning.effects.in_function(context.function_of(taken));
    let mut sites: Vec<SiteId> = rows.filter(|(effect, _)| may_fail(effect.kind)).map(|(_, row)| row.site).collect();
    sites.sort_unstable();
    sites.into_iter().find(|site| {
        !releases.contains(site)
            && releases.iter().any(|release| meaning.precedes(*site, *release))
            && meaning.precedes(taken, *site)
            && meaning.avoids(taken, releases, *site)
            && !survived(*site)
            && !is_released_by_handler(context, kind, *site, releases)
    })
}

/// Whether a handler in the function catches what a site throws.
pub(crate) fn is_caught(context: &Context<'_>, site: SiteId) -> bool {
    let program = context.meaning.program;
    program.regions_outward(program.site(site).region).any(|row| row.kind == RegionKind::Try)
}

/// Whether a release is done by a function that is given to somebody: `work().finally(() => lock.release())`.
pub(crate) fn is_given_away(context: &Context<'_>, release: SiteId) -> bool {
    let program = context.meaning.program;
    let closures = context.meaning.callees(release).into_iter();
    closures.into_iter().any(|function| program.function(function).kind == FunctionKind::Closure)
}

/// Where the lock that is taken goes into a field, or into a collection that outlives the function.
pub(crate) fn puts_away(context: &Context<'_>, taken: SiteId) -> Vec<SiteId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let stores = &program.facts.relations.store;
    let Some(lock) = program.call(taken).and_then(|call| call.receiver).filter(|var| program.variable(*var).is_some())
    else {
        return Vec::new();
    };
    let is_lock = |var: VarId| var == lock || meaning.made_from(var).contains(&lock);
    // Not a collection that the function has made for itself.
    let is_of_others = |var: VarId| {
        program.loaded_as(var).is_some()
            || program.parameter(var).is_some()
            || program.variable(var).is_some_and(|row| program.function(row.function).kind == FunctionKind::Module)
    };
    let outlives = |var: VarId| is_of_others(var) || meaning.made_from(var).into_iter().any(is_of_others);
    let puts = |site: SiteId| match program.site(site).kind {
        SiteKind::Store => stores.binary_search_by_key(&site, |row| row.site).is_ok_and(|at| is_lock(stores[at].src)),
        SiteKind::Call => program.call(site).is_some_and(|call| {
            matches!(
                program.text(call.name),
                "put" | "putIfAbsent" | "add" | "set" | "push" | "append" | "insert" | "offer"
            ) && call.receiver.is_some_and(outlives)
                && program.arguments(site).any(|row| is_lock(row.var))
        }),
        _ => false,
    };
    let later = program.sites(context.function_of(taken)).map(|row| row.site);
    later.filter(|site| meaning.precedes(taken, *site) && puts(*site)).collect()
}

//! A remote call that nothing bounds in time.

use ascent::ascent_run;
use distsys_engine::meaning::{Creation, Found, Operand, Operation};
use distsys_engine::words::words;
use distsys_engine::{Attr, OpKind};
use distsys_facts::{FunctionId, FunctionKind, RegionKind, SiteId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::bounded_uses::bounded_where_used;
use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::streams::Streams;
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "missing-timeout",
        category: Category::Capacity,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "a remote call may wait for ever",
        page: include_str!("missing-timeout.md"),
    },
    judge,
};

/// What bounds a call, with the way to it.
type Told = (Bound, Vec<SiteId>);

/// A place that is told, and others that are told with it.
type Place = (SiteId, Told, Vec<SiteId>);

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    // Whether what bounds the call goes along with it, as a context: then who calls says whether it does.
    let mut open: Vec<(SiteId, bool)> = Vec::new();
    let mut bounds: FxHashMap<SiteId, Bound> = FxHashMap::default();
    // The operation that waits, by the call that says how long.
    let mut asked_by: FxHashMap<SiteId, SiteId> = FxHashMap::default();
    let mut makers: FxHashSet<SiteId> = FxHashSet::default();
    let streams = Streams::new(context);
    for op in &meaning.operations.all {
        if !(waits(op.kind) || waits_for_a_turn(context, op)) || !meaning.declares(op, Attr::Timeout) || !context.in_scope(op.site) {
            continue;
        }
        // What the caller decides, each for itself; where all of them do without it is told once.
        let said = meaning.attribute(op, Attr::Timeout);
        let is_said = said != Found::Absent && bound(context, &said) != Some(Bound::None);
        let off = is_said && !meaning.switched_off_at_creation(op, Attr::Timeout).is_empty();
        let own = if off { Some(Bound::None) } else { bound(context, &said) };
        let by_caller = if own.is_none() { meaning.attribute_by_caller(op, Attr::Timeout) } else { Vec::new() };
        let by_caller = by_caller.into_iter().filter(|(site, _)| context.in_scope(*site));
        let mut by_caller: Vec<(SiteId, Option<Bound>)> =
            by_caller.map(|(site, found)| (site, bound(context, &found))).collect();
        let by_maker = if own.is_none() && by_caller.is_empty() { unlimited_by_makers(context, &said) } else { Vec::new() };
        by_caller.extend(by_maker.iter().map(|site| (*site, Some(Bound::None))));
        let alike = by_caller.first().filter(|_| by_maker.is_empty()).filter(|(_, first)| by_caller.iter().all(|(_, bound)| bound == first));
        let Some(bound) = own.or(alike.and_then(|(_, bound)| *bound)).or(by_caller.iter().find_map(|(_, bound)| *bound)) else {
            continue;
        };
        if own.is_some() || alike.is_some() {
            by_caller.clear();
        }
        if meaning.has_default_set(op, Attr::Timeout) || meaning.program.runs_for_one_user(op.function) {
            continue;
        }
        // A long default hurts where many wait, for somebody else's answer.
        if bound != Bound::None && (!many_wait(context, op) || asks_own_service(context, op) || loads_a_file(context, op)) {
            continue;
        }
        if streams.holds(context, op) || meaning.ends_with_request(op.function) || asks_itself(context, op) || meaning.is_left_out_in_production(op.site) {
            continue;
        }
        if by_caller.is_empty() {
            open.push((op.site, meaning.goes_by_carrier(op)));
            bounds.insert(op.site, bound);
        }
        for (site, bound) in by_caller.into_iter().filter_map(|(site, bound)| Some((site, bound?))) {
            open.push((site, meaning.goes_by_carrier(op)));
            bounds.insert(site, bound);
            asked_by.insert(site, op.site);
        }
        makers.extend(by_maker);
    }
    let mut timed: Vec<(SiteId,)> = Vec::new();
    let mut held: Vec<(SiteId,)> = Vec::new();
    for scope in meaning.scopes.of_kind(OpKind::TimeoutScope) {
        let sites: Vec<(SiteId,)> = meaning.sites(scope).into_iter().map(|site| (site,)).collect();
        if !meaning.travels(scope) {
            held.extend(&sites);
        }
        timed.extend(sites);
    }
    // Only callers of what is open are climbed.
    let mut calls: Vec<(FunctionId, SiteId)> = Vec::new();
    let mut stack: Vec<FunctionId> = open.iter().map(|(site, _)| context.function_of(*site)).collect();
    let mut seen: FxHashSet<FunctionId> = FxHashSet::default();
    while let Some(function) = stack.pop() {
        if timed.is_empty() || !seen.insert(function) {
            continue;
        }
        for &site in meaning.callers(function) {
            calls.push((function, site));
            stack.push(context.function_of(site));
        }
    }
    let function_of = |site: &SiteId| context.function_of(*site);
    let one_arm = bounded_on_one_arm(context, &calls, &timed);
    let program = ascent_run! {
        relation open(SiteId, bool) = open;
        relation timed(SiteId) = timed;
        relation held(SiteId) = held;
        relation calls(FunctionId, SiteId) = calls;
        // Some caller bounds what it waits for, and does not do without where it chooses to.
        relation bounded(FunctionId);
        bounded(f) <-- calls(f, s), timed(s), if !one_arm.contains(&(*f, *s));
        bounded(f) <-- calls(f, s), bounded(function_of(s)), if !one_arm.contains(&(*f, *s));
        relation kept(FunctionId);
        kept(f) <-- calls(f, s), held(s);
        kept(f) <-- calls(f, s), kept(function_of(s));
        relation found(SiteId, bool);
        found(s, false) <-- open(s, false), !timed(s), !bounded(function_of(s));
        found(s, true) <-- open(s, true), !timed(s), !kept(function_of(s));
    };
    let mut found = program.found;
    let timed: FxHashSet<SiteId> = program.timed.into_iter().map(|(site,)| site).collect();
    let held: FxHashSet<SiteId> = program.held.into_iter().map(|(site,)| site).collect();
    found.retain(|(site, by_carrier)| {
        let timed = if *by_carrier { &held } else { &timed };
        timed.is_empty()
            || is_always_bounded(context, context.function_of(*site), timed, &mut FxHashMap::default()) != Some(true)
    });
    found.sort_unstable();
    // A client is configured once: one finding, at its creation.
    let mut by_place: FxHashMap<SiteId, (Bound, Vec<SiteId>)> = FxHashMap::default();
    for (site, _) in found {
        let done = asked_by.get(&site).copied().unwrap_or(site);
        let Some(op) = meaning.operations.at(done).find(|op| waits(op.kind) || op.kind == OpKind::Receive) else { continue };
        // Switched off by the call itself, where its client has one or may have.
        let is_off_here = matches!(meaning.attribute(op, Attr::Timeout), Found::Is(Operand::Var(var))
            if bounds[&site] == Bound::None && meaning.program.arguments(op.site).any(|row| row.var == var));
        let of_service = |place: &SiteId| {
            let for_one_user = meaning.program.runs_for_one_user(context.function_of(*place)) || sends_cookies(context, *place);
            context.in_scope(*place) && !for_one_user
        };
        let places = match meaning.set_at_creation(op, Attr::Timeout) {
            // The object that is made there gives each call its limit.
            _ if makers.contains(&site) => vec![site],
            Creation::Seen(created) if is_off_here && created.is_empty() => vec![site],
            Creation::Unseen if is_off_here => vec![site],
            // Others of its callers do set it: the client need not.
            Creation::Seen(created) if done != site && !created.is_empty() => {
                if created.iter().any(of_service) { vec![site] } else { Vec::new() }
            }
            // Whoever made the client may have set it.
            Creation::Unseen => continue,
            Creation::Seen(created) => created,
            Creation::None => vec![site],
        };
        // What every use of it bounds need have no limit of its own.
        let is_open = |place: &SiteId| *place == site || !bounded_where_used(context, *place, &timed);
        for place in places.into_iter().filter(of_service).filter(is_open) {
            by_place.entry(place).or_insert_with(|| (bounds[&site], Vec::new())).1.push(done);
        }
    }
    // Several that one function makes, one on each of its arms, are made for one purpose.
    let mut places: Vec<(SiteId, (Bound, Vec<SiteId>))> = by_place.into_iter().collect();
    places.sort_unstable_by_key(|(place, _)| *place);
    let apart = |left: SiteId, right: SiteId| !meaning.precedes(left, right) && !meaning.precedes(right, left);
    // A class may be made in more than one way.
    let maker = |place: SiteId| {
        let function = meaning.program.function(context.function_of(place));
        (function.module, function.class, function.name, function.class.is_none().then_some(context.function_of(place)))
    };
    let mut made: FxHashMap<_, usize> = FxHashMap::default();
    let mut told: Vec<Place> = Vec::new();
    for (place, (bound, sites)) in places {
        let is_made = !sites.contains(&place) && !asked_by.contains_key(&place);
        let known = made.get(&(maker(place), bound)).filter(|at| is_made && apart(told[**at].0, place));
        match known {
            Some(at) => told[*at].2.push(place),
            None => {
                if is_made {
                    made.insert((maker(place), bound), told.len());
                }
                told.push((place, (bound, sites), Vec::new()));
            }
        }
    }
    let told = once_a_client(context, told);
    told.into_iter().map(|(place, (bound, sites), beside)| report(context, place, bound, &sites, &beside, asked_by.contains_key(&place))).collect()
}

/// Where each call is to carry its limit, the calls of one client in one class or file that carry none are one omission.
fn once_a_client(context: &Context<'_>, told: Vec<Place>) -> Vec<Place> {
    let meaning = context.meaning;
    let client = |site: SiteId| {
        let op = meaning.operations.at(site).find(|op| waits(op.kind) && meaning.goes_by_carrier(op))?;
        let function = meaning.program.function(op.function);
        Some((function.module, function.class, op.family))
    };
    let mut first: FxHashMap<_, usize> = FxHashMap::default();
    let mut kept: Vec<Place> = Vec::new();
    for (place, (bound, sites), beside) in told {
        let client = client(place).filter(|_| sites == [place]).map(|client| (client, bound));
        match client.and_then(|client| first.get(&client)) {
            Some(&at) => kept[at].2.push(place),
            None => {
                first.extend(client.map(|client| (client, kept.len())));
                kept.push((place, (bound, sites), beside));
            }
        }
    }
    kept
}

/// Where an object is made without the limit that its methods give each call, while others of its class have one:
/// `requests.get(url, timeout=self._timeout)`.
fn unlimited_by_makers(context: &Context<'_>, said: &Found) -> Vec<SiteId> {
    let Found::Is(Operand::Var(var)) = said else { return Vec::new() };
    let of_object = context.meaning.program.loaded_as(*var).is_some();
    let sites = if of_object { context.meaning.unlimited_by(*var) } else { Vec::new() };
    sites.into_iter().filter(|site| context.in_scope(*site)).collect()
}

/// Whether a client is made to send the cookies of whoever looks at the page: only a browser has those.
fn sends_cookies(context: &Context<'_>, made: SiteId) -> bool {
    let program = context.meaning.program;
    let entries = &program.facts.relations.entry;
    let mut options = program.arguments(made).flat_map(|row| program.entry_by_var.of(entries, row.var));
    options.any(|row| {
        let is_on = || program.literal(row.value).is_some_and(|literal| program.text(literal.value) == "true");
        program.text(row.key) == "withCredentials" && is_on()
    })
}

/// Calls that a function bounds, of what it calls without a bound on another arm: `limit > 0 ? within(limit, send) : send()`.
fn bounded_on_one_arm(
    context: &Context<'_>,
    calls: &[(FunctionId, SiteId)],
    timed: &[(SiteId,)],
) -> FxHashSet<(FunctionId, SiteId)> {
    let program = context.meaning.program;
    let timed: FxHashSet<SiteId> = timed.iter().map(|(site,)| *site).collect();
    let is_closure = |function: FunctionId| program.function(function).kind == FunctionKind::Closure;
    let around = |site: SiteId| {
        let mut at = context.function_of(site);
        while let Some(parent) = program.function(at).parent.filter(|_| is_closure(at)) {
            at = parent;
        }
        at
    };
    let is_in_arm = |site: SiteId| {
        let mut outward = program.regions_outward(program.site(site).region);
        outward.any(|region| matches!(region.kind, RegionKind::Branch | RegionKind::Else))
    };
    let closures: FxHashSet<FunctionId> = calls.iter().filter(|(_, site)| timed.contains(site)).map(|(function, _)| *function).collect();
    // In a task that somebody waits for so long.
    let is_timed = |site: SiteId| {
        let function = context.function_of(site);
        timed.contains(&site) || is_closure(function) && closures.contains(&function)
    };
    let bare = calls.iter().filter(|(_, site)| !is_timed(*site) && context.in_scope(*site) && is_in_arm(*site));
    let bare: FxHashSet<(FunctionId, FunctionId)> = bare.map(|(function, site)| (*function, around(*site))).collect();
    let of_arm = |(function, site): &&(FunctionId, SiteId)| is_timed(*site) && bare.contains(&(*function, around(*site)));
    calls.iter().filter(of_arm).copied().collect()
}

/// Whether more than a few may wait at once: requests and jobs do that no platform ends first; not what administrators ask for,
/// or what is done once for old data.
fn many_wait(context: &Context<'_>, op: &Operation) -> bool {
    let meaning = context.meaning;
    let path = context.place(op.site).path;
    let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
    let for_few = |part: &str| part == "admin" || words(part).iter().any(|word| word == "backfill");
    let ended = meaning.run_limit(op.function).is_some_and(|limit| limit <= SHORT_RUN);
    meaning.is_served(op.function) && (names_host(context, op) || !is_of_jobs(context, op.function)) && !ended && !folders.split('/').any(for_few)
}

/// Whether the code says whose host a request goes to: a service of others, not one of the project's own that a setting names.
fn names_host(context: &Context<'_>, op: &Operation) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let Found::Is(Operand::Var(url)) = meaning.attribute(op, Attr::Url) else { return false };
    // `process.env.LAMPS_URL ?? "https://api.lamps.example"`
    let is_host = |var: VarId| meaning.constant(var).is_some_and(|text| text.starts_with("http"));
    let says = |var: VarId| is_host(var) || meaning.made_from(var).into_iter().any(is_host);
    let sources = std::iter::once(url).chain(program.assigned_from(url).map(|row| row.src));
    sources.into_iter().any(|var| {
        let text = program.template(var).map(|text| program.text(text));
        let first = || program.hole_by_var.of(&program.facts.relations.hole, var).find(|row| row.index == 0);
        says(var)
            || text.is_some_and(|text| {
                text.starts_with("http") && !text.starts_with("http://{}") && !text.starts_with("https://{}")
                    || text.starts_with("{}") && first().is_some_and(|row| says(row.value))
            })
    })
}

/// Whether nothing but jobs and schedules run a function: what they wait for keeps no request waiting, and a long answer may be right.
fn is_of_jobs(context: &Context<'_>, function: FunctionId) -> bool {
    let meaning = context.meaning;
    let (mut stack, mut seen, mut entered) = (vec![function], FxHashSet::default(), false);
    while let Some(at) = stack.pop() {
        if !seen.insert(at) || seen.len() > MAX_CLIMBED {
            continue;
        }
        let runs = meaning.run_by(at);
        if runs.iter().any(|kind| !matches!(kind, OpKind::HandleJob | OpKind::Cron)) {
            return false;
        }
        entered |= !runs.is_empty();
        let callers = meaning.callers(at).iter().filter(|site| context.in_scope(**site));
        stack.extend(callers.map(|site| context.function_of(*site)));
    }
    entered && seen.len() <= MAX_CLIMBED
}

/// Whether a request goes to the service's own address, as the setting says that its URL begins with (`NEXTAUTH_URL`,
/// `PUBLIC_BASE_URL`): it ends with what the service itself does.
fn asks_own_service(context: &Context<'_>, op: &Operation) -> bool {
    const OWN: &[&str] = &[
        "app", "base", "domain", "host", "next", "nextauth", "nuxt", "origin", "own", "public", "root", "self", "server", "site",
        "uri", "url", "vercel", "vite", "web", "website",
    ];
    let meaning = context.meaning;
    let program = meaning.program;
    let Found::Is(Operand::Var(url)) = meaning.attribute(op, Attr::Url) else { return false };
    // What the text of the URL begins with.
    let first = program.hole_by_var.of(&program.facts.relations.hole, url).next().map(|row| row.value);
    let begins = program.template(url).is_some_and(|text| program.text(text).starts_with('{'));
    let Some(base) = first.filter(|_| begins) else { return false };
    let settings = meaning.made_from(base).into_iter().chain([base]);
    let mut settings = settings.filter_map(|var| {
        let read = || {
            let load = program.loaded_as(var)?;
            let of = program.loaded_as(load.base).map(|outer| outer.field).or_else(|| program.global(load.base))?;
            program.text(of).ends_with("env").then(|| program.text(load.field))
        };
        let path = program.global(var).and_then(|path| program.text(path).strip_prefix("process.env."));
        path.or_else(read)
    });
    settings.any(|name| words(name).iter().all(|word| OWN.contains(&word.as_str())))
}

/// Whether all that is asked for is a file, to be read as it is or handed on as it comes: how long that takes is its size's
/// to say.
fn loads_a_file(context: &Context<'_>, op: &Operation) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let Some(call) = program.call(op.call) else { return false };
    let asks_more = program.arguments(op.call).nth(1).is_some();
    let (mut stack, mut seen) = (vec![call.result], FxHashSet::default());
    let (mut whole, mut streamed, mut parsed) = (false, false, false);
    while let Some(at) = stack.pop() {
        if !seen.insert(at) {
            continue;
        }
        stack.extend(program.assign_by_src.of(&r.assign, at).map(|row| row.dst));
        for read in program.calls_by_receiver.of(&r.call, at) {
            match program.text(read.name) {
                "arrayBuffer" | "blob" | "bytes" | "buffer" => whole = true,
                "json" | "formData" => parsed = true,
                _ => {}
            }
        }
        streamed |= program.load_by_base.of(&r.load, at).any(|load| program.text(load.field) == "body");
    }
    !parsed && (streamed || whole && !asks_more)
}

/// A run that its platform ends after so many milliseconds piles up nothing.
const SHORT_RUN: f64 = 30_000.0;

/// Whether a request goes to the machine itself, by its constant address.
fn asks_itself(context: &Context<'_>, op: &Operation) -> bool {
    let Found::Is(Operand::Var(url)) = context.meaning.attribute(op, Attr::Url) else { return false };
    let host = context.meaning.constant(url).and_then(|url| url.split_once("://")).map(|(_, rest)| rest);
    host.is_some_and(|host| ["localhost", "127.0.0.1", "[::1]"].iter().any(|local| host.starts_with(local)))
}

/// Whether whatever is seen to call a function ends in time; of a method that nobody is seen to call, whether someone who
/// calls one of its name on something unknown does. None while that is being asked.
fn is_always_bounded(
    context: &Context<'_>,
    function: FunctionId,
    timed: &FxHashSet<SiteId>,
    known: &mut FxHashMap<FunctionId, Option<bool>>,
) -> Option<bool> {
    let meaning = context.meaning;
    let program = meaning.program;
    if let Some(known) = known.get(&function) {
        return *known;
    }
    if known.len() > MAX_CLIMBED {
        return Some(false);
    }
    known.insert(function, None);
    let mut bounds = |site: SiteId| {
        let mut by_caller = || is_always_bounded(context, context.function_of(site), timed, known);
        if timed.contains(&site) { Some(true) } else { by_caller() }
    };
    let callers = meaning.callers(function).iter().copied().filter(|site| context.in_scope(*site));
    let callers: Vec<SiteId> = callers.collect();
    let row = program.function(function);
    let bounded = if !callers.is_empty() {
        let bounds: Vec<bool> = callers.into_iter().filter_map(&mut bounds).collect();
        !bounds.is_empty() && bounds.into_iter().all(|bounded| bounded)
    } else if row.class.is_some() {
        let calls = program.calls_named(row.name).filter(|call| call.receiver.is_some());
        let unknown = calls.filter(|call| meaning.resolution.calls_at(call.site).is_empty() && context.in_scope(call.site));
        let unknown: Vec<SiteId> = unknown.map(|call| call.site).take(FEW_CALLS + 1).collect();
        unknown.len() <= FEW_CALLS && unknown.into_iter().any(|site| bounds(site) == Some(true))
    } else {
        false
    };
    known.insert(function, Some(bounded));
    Some(bounded)
}

/// A name that is called in more places says nothing of whose method it is.
const FEW_CALLS: usize = 6;

/// So many functions are climbed.
const MAX_CLIMBED: usize = 64;

/// What ends the wait.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Bound {
    None,
    /// The library's own default, in seconds.
    Default(u32),
}

/// A library's default up to this is fine.
const MAX_DEFAULT_SECONDS: u32 = 60;

fn waits(kind: OpKind) -> bool {
    matches!(kind, OpKind::HttpRequest | OpKind::Rpc | OpKind::Notify | OpKind::Payment | OpKind::Join | OpKind::Consensus)
}

/// Whether a queue is a pool: what is taken out of it is put back by the same function, and whoever comes meanwhile waits.
fn waits_for_a_turn(context: &Context<'_>, op: &Operation) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    if op.kind != OpKind::Receive {
        return false;
    }
    let Some(taken) = program.call(op.site) else { return false };
    let held_in = |receiver: VarId| program.loaded_as(receiver).map(|load| load.field);
    let same_queue = |site: SiteId| {
        let (Some(left), Some(right)) = (taken.receiver, program.call(site).and_then(|call| call.receiver)) else { return false };
        left == right || (held_in(left).is_some() && held_in(left) == held_in(right))
    };
    meaning.operations.of_kind(OpKind::Send).any(|send| {
        send.function == op.function
            && same_queue(send.site)
            && program.arguments(send.site).any(|row| meaning.made_from(row.var).contains(&taken.result))
    })
}

/// None where something ends the wait in time, or may.
fn bound(context: &Context<'_>, found: &Found) -> Option<Bound> {
    match found {
        Found::Absent => Some(Bound::None),
        Found::Is(Operand::Text(text)) if text == "none" => Some(Bound::None),
        Found::Is(Operand::Text(text)) => {
            let seconds = text.parse().ok()?;
            (seconds > MAX_DEFAULT_SECONDS).then_some(Bound::Default(seconds))
        }
        Found::Is(Operand::Var(var) | Operand::Counted(var, _)) => {
            let says_none = |value: &str| matches!(value, "null" | "None" | "0" | "undefined" | "Infinity");
            let is_none = context.meaning.constant(*var).is_some_and(says_none) || context.meaning.is_endless(*var);
            is_none.then_some(Bound::None)
        }
        _ => None,
    }
}

fn report(context: &Context<'_>, place: SiteId, bound: Bound, sites: &[SiteId], beside: &[SiteId], by_caller: bool) -> Finding {
    let whose = if sites.contains(&place) || by_caller { "this call" } else { "requests of this client" };
    let in_turn = sites.iter().any(|site| context.operation(*site, OpKind::Receive).is_some());
    let message = match bound {
        Bound::None if in_turn => {
            "nothing ends this wait for a slot of the pool; when what holds the slots is slow, everybody who asks for one hangs here behind it".to_owned()
        }
        Bound::None => format!(
            "nothing ends {whose} when the other side accepts the connection and never answers; the worker waits for ever, and with enough of them the service stops"
        ),
        Bound::Default(seconds) => format!(
            "only the library's default of {seconds} s ends {whose} when the other side does not answer; workers pile up behind it long before"
        ),
    };
    let mut builder = FindingBuilder::new(context, &RULE.info, place, message);
    if let Bound::Default(_) = bound {
        builder = builder.severity(Severity::Minor);
    }
    for site in sites.iter().filter(|site| **site != place).take(MAX_SHOWN) {
        builder = builder.step(*site, "waits without a limit");
    }
    for site in beside.iter().take(MAX_SHOWN) {
        let is_call = sites.contains(&place);
        builder = builder.step(*site, if is_call { "neither does anything end this one" } else { "and so do those of this one" });
    }
    // What a file asks of one library is mended in one place of it.
    let asked = sites.iter().find_map(|site| context.meaning.operations.at(*site).find(|op| waits(op.kind)));
    let library = asked.map(|op| context.meaning.library_of(op));
    builder
        .caused_in_file(&format!("{library:?}"))
        .checked("no timeout on the call, on its client or around it in any caller")
        .help("set a timeout, shorter than what the caller of this code waits for")
        .build()
}

/// So many calls of one client are shown.
const MAX_SHOWN: usize = 6;

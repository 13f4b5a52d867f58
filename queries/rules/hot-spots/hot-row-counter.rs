//! One row that many requests change: a counter beside what is counted, a mark of the last use.

use distsys_engine::meaning::{Effect, EffectFlags};
use distsys_engine::words::words;
use distsys_engine::OpKind;
use distsys_facts::{FunctionId, RegionKind, SiteId, SqlVerb, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::transactions::{covered, is_elsewhere};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "hot-row-counter",
        category: Category::HotSpots,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "many requests queue for the lock of one row that all of them change",
        page: include_str!("hot-row-counter.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let mut found: FxHashMap<SiteId, Hot> = FxHashMap::default();
    let mut counts: FxHashMap<FunctionId, Vec<(SiteId, Effect)>> = FxHashMap::default();
    let mut inserts: FxHashMap<FunctionId, Vec<(SiteId, Effect)>> = FxHashMap::default();
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        if effect.kind != OpKind::DbWrite || is_elsewhere(effect.flags) || !context.in_scope(row.site) {
            continue;
        }
        let function = context.function_of(row.site);
        match meaning.text(effect.verb) {
            // What a caller gives to be stored is not known here.
            Some("insert") => inserts.entry(function).or_default().push((row.site, effect)),
            Some("increment" | "update" | "upsert") if effect.entity_name().is_some() => counts.entry(function).or_default().push((row.site, effect)),
            _ => {}
        }
    }
    let transactions: FxHashSet<SiteId> = covered(context).into_iter().map(|(_, site)| site).collect();
    for (function, counts) in counts {
        for (site, effect) in counts {
            let mut trace = meaning.trace(site, &effect);
            let tally = trace.iter().position(|site| meaning.is_tally(*site));
            trace.truncate(tally.map_or(trace.len(), |at| at + 1));
            let Some(&last) = trace.last() else { continue };
            if trace.len() == 1 && marks_a_use(context, site, &effect) {
                found.insert(site, Hot { trace, effect, kind: Kind::Use });
                continue;
            }
            let adds = meaning.text(effect.verb) == Some("increment");
            let is_same = || trace.len() == 1 && is_the_same_for_all(context, site) || is_given_constants(context, &trace);
            if adds && is_same() && counts_up(context, last, &effect) && meaning.is_requested(function) {
                found.insert(context.primary(&trace), Hot { trace, effect, kind: Kind::Same });
                continue;
            }
            let mut inserted = inserts.get(&function).into_iter().flatten().filter(|(beside, row)| {
                row.entity_name() != effect.entity_name() && *beside != site
            });
            let Some(&(beside, row)) = inserted.next() else { continue };
            if !(tally.is_some() || counts_up(context, last, &effect)) || is_spread(context, last) {
                continue;
            }
            let is_total = meaning.text(effect.entity).is_some_and(is_total) && meaning.is_served(function);
            let is_held = trace.iter().any(|site| transactions.contains(site)) && transactions.contains(&beside);
            if is_total || is_held && (tally.is_some() || is_counted_for_each(context, function, &trace)) {
                let known = found.get(&last).is_some_and(|known| known.trace.len() <= trace.len());
                if !known {
                    found.insert(last, Hot { trace, effect, kind: Kind::Beside(beside, row) });
                }
            }
        }
    }
    found.into_values().map(|hot| report(context, &hot)).collect()
}

/// A change of a row that many wait for.
struct Hot {
    trace: Vec<SiteId>,
    effect: Effect,
    kind: Kind,
}

enum Kind {
    /// A counter, and the insert that it is counted up beside.
    Beside(SiteId, Effect),
    /// A counter that a constant picks out.
    Same,
    /// The time of a credential's last use.
    Use,
}

/// Whether the row that is changed is one and the same whoever asks: it is picked out by constants, and nobody is given what it
/// then holds (a number that is drawn is what the row is for).
fn is_the_same_for_all(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let statements: Vec<VarId> = program
        .arguments(site)
        .flat_map(|row| meaning.made_from(row.var))
        .filter(|var| program.sql_by_var.of(&r.sql, *var).next().is_some())
        .collect();
    if let [statement] = statements[..] {
        let text = program.literal(statement).map(|row| row.value).or(program.template(statement)).map(|text| program.text(text));
        let draws = program.sql_by_var.of(&r.sql, statement).any(|row| program.text(row.clauses).split(',').any(|clause| clause == "returning"));
        return !draws && text.is_some_and(|text| !takes_values(text));
    }
    let keys = keys_of(context, site);
    !keys.is_empty() && statements.is_empty() && keys.into_iter().all(|key| is_constant_key(context, key))
}

/// Whether the statement at the end of a way is given nothing but constants, by the first site of the way and by none below it:
/// `bump("signups")`, where `bump(name)` does `UPDATE counters SET n = n + 1 WHERE name = $1`.
fn is_given_constants(context: &Context<'_>, trace: &[SiteId]) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let Some(&last) = trace.last() else { return false };
    let mut wanted: Vec<VarId> = program.arguments(last).map(|row| row.var).filter(|var| !meaning.is_carrier(*var)).collect();
    let (mut has_statement, mut constants) = (false, 0);
    for (depth, site) in trace.iter().enumerate().rev() {
        let mut open = Vec::new();
        for var in wanted {
            let made = meaning.made_from(var).into_iter().chain([var]);
            if let Some(row) = made.into_iter().find_map(|var| program.sql_by_var.first(&r.sql, var)) {
                // A number that is drawn is what the row is for.
                let draws = program.text(row.clauses).split(',').any(|clause| clause == "returning");
                if draws || row.verb != SqlVerb::Update || program.text(row.where_columns).is_empty() {
                    return false;
                }
                has_statement = true;
                continue;
            }
            let elements: Vec<VarId> = program.element_by_var.of(&r.element, var).map(|row| row.value).collect();
            let values = if elements.is_empty() { vec![var] } else { elements };
            let (known, others): (Vec<VarId>, Vec<VarId>) = values.into_iter().partition(|value| meaning.constant(*value).is_some());
            constants += known.len();
            open.extend(others);
        }
        if open.is_empty() {
            // Who calls one that says it all has no part in it.
            return has_statement && constants > 0 && depth == 0;
        }
        if depth == 0 {
            return false;
        }
        // What is given further down comes from the call above.
        let passed = meaning.resolution.passed_at(trace[depth - 1]);
        let above: Option<Vec<VarId>> = open
            .into_iter()
            .map(|var| {
                let at = program.held_at(var);
                passed.iter().find(|row| row.parameter == at).map(|row| row.argument)
            })
            .collect();
        let Some(above) = above.filter(|_| context.function_of(*site) != context.function_of(trace[depth - 1])) else { return false };
        wanted = above;
    }
    false
}

/// Whether a statement has places for values.
fn takes_values(text: &str) -> bool {
    let follows = |mark: char, is_name: fn(char) -> bool| {
        let mut places = text.match_indices(mark).map(|(at, _)| &text[at + 1..]);
        places.any(|rest| rest.starts_with(is_name))
    };
    text.contains(['?', '{', '@'])
        || follows('%', |c| matches!(c, 's' | '(' | 'd' | 'v'))
        || follows('$', |c| c.is_ascii_digit())
        || follows(':', |c| c.is_ascii_alphabetic())
}

/// Whether what a row is picked out by holds constants alone: `"visits"`, `{ name: "visits" }`, `eq(counters.name, "visits")`.
fn is_constant_key(context: &Context<'_>, key: VarId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let given = meaning.given_by_each(key);
    if meaning.constant(key).is_some() || !given.is_empty() && given.iter().all(|(_, value)| meaning.constant(*value).is_some()) {
        return true;
    }
    let mut entries = program.entry_by_var.of(&r.entry, key).peekable();
    if entries.peek().is_some() {
        return entries.all(|row| is_constant_key(context, row.value));
    }
    let Some(call) = program.call_giving(key) else { return false };
    let (constant, others): (Vec<VarId>, Vec<VarId>) =
        program.arguments(call.site).map(|row| row.var).partition(|var| meaning.constant(*var).is_some());
    // The column, which the schema names.
    let is_column = |var: &VarId| program.loaded_as(*var).is_some_and(|load| program.parameter(load.base).is_none() && program.call_giving(load.base).is_none());
    !constant.is_empty() && others.iter().all(is_column)
}

/// Whether an entity is what others add up to, as it is spelt in one word: `notificationstatistic`, `apiusage`.
fn is_total(entity: &str) -> bool {
    const TOTALS: &[&str] = &["statistic", "stat", "stats", "counter", "usage", "quota", "tally", "total", "aggregate"];
    TOTALS.iter().any(|total| entity.ends_with(total))
}

/// Whether the row is counted up by one: by the database, or by a helper that gives the new value of a column so.
fn counts_up(context: &Context<'_>, site: SiteId, effect: &Effect) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let columns = meaning.columns_written(site);
    // Money and stock are what the row is about; attempts are counted on the row of the work itself.
    if columns.iter().any(|column| words(column).iter().any(|word| NO_COUNTERS.contains(&word.as_str()))) {
        return false;
    }
    let values: Vec<VarId> = meaning.chain_arguments(site).into_iter().flat_map(|var| meaning.made_from(var)).collect();
    // So many at once: that is what a batch does.
    let sized = |var: &VarId| {
        let called = program.call_giving(*var).map(|call| program.text(call.name));
        let loaded = program.loaded_as(*var).map(|load| program.text(load.field));
        [called, loaded].into_iter().flatten().any(|name| matches!(name, "len" | "length" | "count" | "size"))
    };
    if values.iter().any(sized) {
        return false;
    }
    if meaning.text(effect.verb) == Some("increment") {
        return true;
    }
    let is_one = |var: VarId| program.literal(var).is_some_and(|row| program.text(row.value) == "1");
    let adds_one = |var: VarId| {
        program.binary_by_dst.of(&r.binary, var).any(|row| {
            matches!(program.text(row.operator), "+" | "+=") && (is_one(row.left) || row.right.is_some_and(is_one))
        })
    };
    if values.iter().copied().any(adds_one) {
        return true;
    }
    // `update(next_count(kind))`
    let helpers = values.iter().filter_map(|var| program.call_giving(*var)).flat_map(|call| meaning.callees(call.site));
    let given = helpers.flat_map(|helper| program.returns_by_function.of(&r.returns, helper)).filter_map(|row| row.var);
    given.flat_map(|var| meaning.made_from(var)).any(adds_one)
}

const NO_COUNTERS: &[&str] = &[
    "balance", "amount", "cents", "price", "credit", "credits", "debit", "stock", "quantity", "inventory", "available", "reserved",
    "attempt", "attempts", "retry", "retries", "tries", "version", "revision", "failures",
];

/// Whether the row is one of several among which chance or a hash chooses.
fn is_spread(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let mut given = meaning.chain_arguments(site).into_iter().flat_map(|var| meaning.made_from(var));
    given.any(|var| {
        let names = [
            program.variable(var).map(|row| row.name),
            program.loaded_as(var).map(|row| row.field),
            program.call_giving(var).map(|call| call.name),
        ];
        names.into_iter().flatten().any(|name| {
            words(program.text(name)).iter().any(|word| matches!(word.as_str(), "shard" | "slot" | "bucket" | "random" | "rand" | "partition"))
        })
    })
}

/// Callers are climbed this far for the loop that calls them.
const MAX_CALLERS: usize = 3;

/// Whether a loop does it for each of its elements, on a row that the elements do not choose.
fn is_counted_for_each(context: &Context<'_>, function: FunctionId, trace: &[SiteId]) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let mut ways: Vec<Vec<SiteId>> = vec![trace.to_vec()];
    let mut at = function;
    for _ in 0..=MAX_CALLERS {
        let mut next = Vec::new();
        for way in &ways {
            let site = way[0];
            let around = program.regions_outward(program.site(site).region);
            let loops = around.into_iter().filter(|region| region.kind == RegionKind::Loop);
            for over in loops.filter_map(|region| program.iterates_by_region.first(&r.iterates, region.region)) {
                let elements: Vec<VarId> = program.load_by_base.of(&r.load, over.var).map(|row| row.dst).collect();
                if !elements.is_empty() && is_key_apart(context, way, &elements) {
                    return true;
                }
            }
            let callers = meaning.callers(context.function_of(site)).iter().filter(|site| context.in_scope(**site));
            next.extend(callers.map(|caller| std::iter::once(*caller).chain(way.iter().copied()).collect::<Vec<_>>()));
        }
        let Some(first) = next.first() else { return false };
        let above = context.function_of(first[0]);
        if above == at || next.len() > MAX_WAYS {
            return false;
        }
        at = above;
        ways = next;
    }
    false
}

/// More callers than this are not followed.
const MAX_WAYS: usize = 8;

/// Whether the row that is changed at the end of a way is chosen by what comes from outside the loop, and by nothing of its
/// elements.
fn is_key_apart(context: &Context<'_>, way: &[SiteId], elements: &[VarId]) -> bool {
    let meaning = context.meaning;
    let mut of_element: FxHashSet<VarId> = elements.iter().copied().collect();
    for site in &way[..way.len() - 1] {
        let passed = meaning.resolution.passed_at(*site).iter();
        let handed: Vec<VarId> = passed
            .filter(|row| meaning.made_from(row.argument).iter().any(|var| of_element.contains(var)))
            .map(|row| row.parameter)
            .collect();
        of_element.extend(handed);
    }
    let keys = keys_of(context, way[way.len() - 1]);
    let made: FxHashSet<VarId> = keys.into_iter().flat_map(|var| meaning.made_from(var)).collect();
    let is_given = made.iter().any(|var| meaning.program.parameter(*var).is_some() || meaning.program.variable(*var).is_some());
    is_given && made.iter().all(|var| !of_element.contains(var))
}

/// The values that a write is told its row by: `where: { id }`, `.filter(id=id)`.
fn keys_of(context: &Context<'_>, site: SiteId) -> Vec<VarId> {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let mut keys = Vec::new();
    for argument in meaning.chain_arguments(site) {
        let entries = program.entry_by_var.of(&r.entry, argument).filter(|row| program.text(row.key) == "where");
        keys.extend(entries.map(|row| row.value));
    }
    for filter in filters(context, site) {
        keys.extend(program.arguments(filter).map(|row| row.var));
    }
    keys
}

/// The calls of a statement's chain that say which rows it is about.
fn filters(context: &Context<'_>, site: SiteId) -> Vec<SiteId> {
    let program = context.meaning.program;
    let mut found = Vec::new();
    let mut at = program.call(site);
    while let Some(call) = at {
        if matches!(program.text(call.name), "where" | "filter" | "filter_by" | "Where" | "and_where") {
            found.push(call.site);
        }
        at = call.receiver.and_then(|receiver| program.call_giving(receiver));
    }
    found
}

/// Whether the write does no more than note on a credential that it was used, whenever it is.
fn marks_a_use(context: &Context<'_>, site: SiteId, effect: &Effect) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let columns = meaning.columns_written(site);
    if columns.is_empty()
        || !columns.iter().all(|column| is_last_use(column))
        || effect.flags.has(EffectFlags::CONDITIONAL)
        || !meaning.text(effect.entity).is_some_and(is_credential)
    {
        return false;
    }
    // How long ago it was, chance, or a cache may let most of the writes go.
    let thins_out = |site: SiteId| {
        context.decisions(site).into_iter().flat_map(|var| meaning.made_from(var)).any(|var| {
            let asks = program.call_giving(var).is_some_and(|call| {
                let kinds = meaning.operations.at(call.site).map(|op| op.kind);
                let named = words(program.text(call.name));
                kinds.into_iter().any(|kind| matches!(kind, OpKind::ClockRead | OpKind::MonotonicClock | OpKind::CacheRead | OpKind::Fresh))
                    || named.iter().any(|word| matches!(word.as_str(), "random" | "should" | "stale" | "throttle" | "now"))
            });
            asks || program.loaded_as(var).is_some_and(|load| is_last_use(program.text(load.field)))
        })
    };
    let function = context.function_of(site);
    let callers = meaning.callers(function);
    // What is saved as it was found is not written.
    let noted = program.call(site).and_then(|call| call.receiver).into_iter().flat_map(|object| program.stores_to(object));
    let mut noted = noted.filter(|store| is_last_use(program.text(store.field)) && context.function_of(store.site) == function).peekable();
    let is_noted_seldom = noted.peek().is_some() && noted.all(|store| thins_out(store.site));
    let is_thinned = thins_out(site) || is_noted_seldom || !callers.is_empty() && callers.iter().all(|caller| thins_out(*caller));
    let mut names = std::iter::once(function).chain(callers.iter().map(|caller| context.function_of(*caller)));
    let checks = names.any(|function| {
        let name = context.named_function(function).to_ascii_lowercase();
        ["auth", "verif", "validat"].iter().any(|part| name.contains(part))
    });
    // What is collected and written later, or by a job, lets no request wait.
    let is_batch = meaning.program.call(site).is_some_and(|call| meaning.program.text(call.name).to_ascii_lowercase().contains("batch"));
    let is_apart = meaning.invocations.is_background(site);
    !is_thinned && !is_batch && !is_apart && !asks_the_time(context, site) && (checks || meaning.is_requested(function))
}

/// Whether the write's own condition asks for the time that is stored.
fn asks_the_time(context: &Context<'_>, site: SiteId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    keys_of(context, site).into_iter().flat_map(|var| context.meaning.made_from(var)).any(|var| {
        let keys = program.entry_by_var.of(&r.entry, var).map(|row| row.key);
        let mut names = keys.chain(program.loaded_as(var).map(|load| load.field));
        names.any(|name| is_last_use(program.text(name)))
    }) || filters(context, site).into_iter().flat_map(|filter| program.arguments(filter)).any(|row| is_last_use(program.text(row.keyword)))
}

/// `last_used_at`, `lastAccessed`
fn is_last_use(column: &str) -> bool {
    let words = words(column);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    has(&["last"]) && has(&["used", "use", "usage", "accessed", "access", "seen", "active", "activity"])
}

/// By the name of its table or class in one word: `personalaccesstoken`, `apikey`.
fn is_credential(entity: &str) -> bool {
    ["token", "key", "credential", "secret"].iter().any(|name| entity.ends_with(name))
}

fn report(context: &Context<'_>, hot: &Hot) -> Finding {
    let meaning = context.meaning;
    let entity = context.quoted(hot.effect.entity);
    let last = match hot.kind {
        Kind::Same => context.primary(&hot.trace),
        _ => *hot.trace.last().unwrap_or(&hot.trace[0]),
    };
    let (message, checked, help) = match hot.kind {
        Kind::Beside(..) => (
            format!("each of these adds to one row of {entity} beside what it stores; all that count on that row wait for its lock, one after another"),
            "the counter is neither spread over rows nor added to in batches",
            "count what is stored when it is asked for, add up in batches, or spread the counter over several rows",
        ),
        Kind::Same => (
            format!("each of these adds to the same row of {entity}, whoever asks; all wait for its lock, one after another"),
            "the counter is neither spread over rows nor added to in batches",
            "add up in batches, or spread the counter over several rows and sum them when it is read",
        ),
        Kind::Use => (
            format!("each request with the same credential writes its row of {entity}, only to note when it was used; a busy client makes all of its requests wait for one row"),
            "no condition on the stored time, chance or cache lets a write go",
            "write only where the stored time is older than some minutes, in the condition of the update",
        ),
    };
    let mut builder = FindingBuilder::new(context, &RULE.info, last, message)
        .subject(meaning.text(hot.effect.entity).unwrap_or_default())
        .rests_on(context.confidence_of(hot.trace[0], &hot.effect));
    if matches!(hot.kind, Kind::Use) {
        builder = builder.severity(Severity::Minor);
    }
    builder = builder.steps(context.steps(&hot.trace, &hot.effect));
    if let Kind::Beside(beside, row) = hot.kind {
        builder = builder.steps(context.steps(&meaning.trace(beside, &row), &row));
    }
    builder.checked(checked).help(help).build()
}

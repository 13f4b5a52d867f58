//! Retry loops: loops that do the same again because it failed.

use distsys_facts::{BlockId, EdgeKind, FunctionId, Id, IdKind, LiteralKind, RegionId, RegionKind, SiteKind, VarId};
use rustc_hash::FxHashSet;

use super::answered::asks_good_answer;
use super::kinds;
use super::loop_bounds::goes_by_parts;
use super::polls;
use super::recursions::recursions;
use super::scopes::{Builder, Extent, Scope};
use super::tries::{goes_on_until_done, slept, tries_later};
use crate::csr::Csr;
use crate::operation::OpKind;
use crate::program::Program;
use crate::words::words;

/// Every loop that retries: after a failure it goes round, after a success it ends.
///
/// Evidence is structural (a handler that leads back to the head while the body's success leads out), or a counter
/// that is named for attempts. A loop over data is none: a failure there means the next element, not another try.
pub(super) fn loops(builder: &Builder<'_, '_, '_>) -> Vec<Scope> {
    let program = builder.reader.program;
    let r = &program.facts.relations;
    let for_ever = r.iterates.iter().filter(|row| counts_for_ever(builder, row.var)).map(|row| row.region);
    let graph = Graph::new(program, for_ever.collect());
    let mut found = Vec::new();
    for row in r.region.iter().filter(|row| row.kind == RegionKind::Loop) {
        let iterated = program.iterates_by_region.first(&r.iterates, row.region).map(|row| row.var);
        let delays = iterated
            .is_some_and(|var| is_delays(builder, row.region, var) || is_slept_through(builder, row.region, var));
        if iterated.is_some_and(|var| !delays && !counts(builder, var)) || goes_by_parts(program, row.region) {
            continue;
        }
        let counted =
            delays || iterated.is_some_and(|_| names_attempts(program, row.region)) || counter(program, row.region);
        let counts_failures =
            || counted && graph.may_leave_early(program, row.region) && looks_at_failure(builder, &graph, row.region);
        let answers = if iterated.is_none() { polls::answers(builder, &graph, row.region) } else { Vec::new() };
        if !(!answers.is_empty()
            || graph.retries_on_error(program, row.region)
            || graph.retries_on_error_value(program, row.region, iterated.is_none())
            || counts_failures()
            || tries_later(builder, &graph, row.region)
            || goes_on_until_done(&graph, program, row.region))
        {
            continue;
        }
        if graph.goes_round_for_refusals(program, row.region) || builder.asks_a_person(row.region) {
            continue;
        }
        let origin = program
            .sites(row.function)
            .find(|site| program.region_within(site.region, row.region))
            .map(|site| site.site);
        found.push(Scope {
            kind: OpKind::RetryScope,
            op: None,
            origin,
            steps: Vec::new(),
            function: row.function,
            extent: Extent::Region(row.region),
            endless: (iterated.is_none() || graph.for_ever.contains(&row.region))
                && graph.is_endless(program, row.region, &answers)
                && !builder.ends_by_what_it_calls(row.region),
            closers: Vec::new(),
            lazy: false,
            passed_on: false,
        });
    }
    found.extend(recursions(builder));
    found
}

/// What a look at says that a loop ends some time: a count, a deadline, a wish to stop.
const BOUND_WORDS: &[&str] = &[
    "attempt",
    "attempts",
    "tries",
    "retry",
    "retries",
    "deadline",
    "cancel",
    "canceled",
    "cancelled",
    "cancellation",
    "elapsed",
    "timeout",
    "expired",
    "expires",
    "shutdown",
    "stop",
    "stopped",
    "stopping",
    "closed",
    "closing",
    "max",
    "limit",
    "remaining",
    "until",
    "abort",
    "aborted",
    "exit",
    "running",
    "ongoing",
    "exhausted",
    "terminate",
    "done",
    "quit",
    "alive",
    "count",
    "counter",
];

pub(super) fn says_bound(text: &str) -> bool {
    words(text).iter().any(|word| BOUND_WORDS.contains(&word.as_str()))
}

/// Whether a collection is only a count: `range(3)`, `0..max`.
fn counts(builder: &Builder<'_, '_, '_>, var: VarId) -> bool {
    let program = builder.reader.program;
    if let Some(call) = program.call_giving(var) {
        return matches!(program.text(call.name), "range" | "count" | "xrange" | "take" | "keys");
    }
    let r = &program.facts.relations;
    program.binary_by_dst.of(&r.binary, var).any(|row| program.text(row.operator).starts_with(".."))
}

/// Whether a count has no end: `itertools.count()`, `0..`.
fn counts_for_ever(builder: &Builder<'_, '_, '_>, var: VarId) -> bool {
    let program = builder.reader.program;
    if let Some(call) = program.call_giving(var) {
        return program.text(call.name) == "count" && builder.reader.resolution.calls_at(call.site).is_empty();
    }
    let r = &program.facts.relations;
    program.binary_by_dst.of(&r.binary, var).any(|row| program.text(row.operator) == ".." && row.right.is_none())
}

/// Whether a collection is how long to wait before each next try: `for delay in (0.2, 1, 5)`.
fn is_delays(builder: &Builder<'_, '_, '_>, region: RegionId, var: VarId) -> bool {
    let program = builder.reader.program;
    let r = &program.facts.relations;
    let mut at = var;
    for _ in 0..MAX_COPIES {
        let mut elements = program.element_by_var.of(&r.element, at).peekable();
        if elements.peek().is_some() {
            let number = |row: &distsys_facts::schema::Element| {
                program
                    .literal(row.value)
                    .is_some_and(|row| matches!(row.kind, LiteralKind::Integer | LiteralKind::Float))
            };
            return elements.all(number) && loop_names(program, region).any(says_delay);
        }
        at = match program.only_source(at).or_else(|| builder.reader.resolution.imported(at)) {
            Some(source) => source,
            None => return false,
        };
    }
    false
}

/// Whether each element of a collection is how long the loop sleeps, whatever it is called: `for d := range waits { …;
/// time.Sleep(d) }`.
fn is_slept_through(builder: &Builder<'_, '_, '_>, region: RegionId, var: VarId) -> bool {
    let program = builder.reader.program;
    let r = &program.facts.relations;
    let sites = program.sites(program.region(region).function);
    let within = sites.filter(|site| program.region_within(site.region, region));
    let mut sleeps = within.filter_map(|site| slept(builder, site.site)).peekable();
    // A name of the module may have as many elements as the module has loops.
    if sleeps.peek().is_none() {
        return false;
    }
    let loads = program.load_by_base.of(&r.load, var).filter(|load| program.text(load.field).starts_with('['));
    let elements: FxHashSet<VarId> = loads
        .flat_map(|load| program.assign_by_src.of(&r.assign, load.dst).map(|row| row.dst).chain([load.dst]))
        .collect();
    // `sleep(Duration::from_millis(wait))`, `time.Sleep(wait * time.Second)`
    let is_of_element = |var: &VarId| {
        let given = program.call_giving(*var).into_iter().flat_map(|call| program.arguments(call.site));
        let operands = program.binary_by_dst.of(&r.binary, *var).flat_map(|row| [Some(row.left), row.right]);
        let mut parts = given.map(|row| row.var).chain(operands.flatten()).chain([*var]);
        parts.any(|part| elements.contains(&part))
    };
    sleeps.any(|given| given.iter().any(is_of_element))
}

/// A list of delays is copied and imported so often.
const MAX_COPIES: usize = 4;

fn says_delay(text: &str) -> bool {
    says_attempt(text)
        || words(text).iter().any(|word| {
            matches!(word.as_str(), "delay" | "delays" | "backoff" | "wait" | "pause" | "sleep" | "left" | "interval")
        })
}

/// The names that a loop gives the elements.
fn loop_names<'f>(program: &Program<'f>, region: RegionId) -> impl Iterator<Item = &'f str> {
    let r = &program.facts.relations;
    let iterated = program.iterates_by_region.first(&r.iterates, region).map(|row| row.var);
    iterated
        .into_iter()
        .flat_map(|iterated| program.load_by_base.of(&r.load, iterated))
        .flat_map(|load| program.assign_by_src.of(&r.assign, load.dst))
        .filter_map(|row| program.variable(row.dst))
        .map(|variable| program.text(variable.name))
}

const ATTEMPT_WORDS: &[&str] = &["attempt", "attempts", "retry", "retries", "tries", "try", "trial", "retrying"];

fn says_attempt(text: &str) -> bool {
    words(text).iter().any(|word| ATTEMPT_WORDS.contains(&word.as_str()))
}

/// Whether the loop's variable is named for attempts.
fn names_attempts(program: &Program<'_>, region: RegionId) -> bool {
    loop_names(program, region).any(says_attempt)
}

/// Whether something named for attempts is counted up or down in the loop.
fn counter(program: &Program<'_>, region: RegionId) -> bool {
    let function = program.region(region).function;
    let r = &program.facts.relations;
    program
        .sites(function)
        .filter(|site| program.region_within(site.region, region))
        .filter_map(|site| r.binary.binary_search_by_key(&site.site, |row| row.site).ok().map(|at| r.binary[at]))
        .any(|row| {
            matches!(program.text(row.operator), "+=" | "-=" | "++" | "--" | "+" | "-")
                && program.variable(row.left).is_some_and(|variable| says_attempt(program.text(variable.name)))
        })
}

/// Whether the loop asks if something failed: a handler that goes round, an arm for an error, a look at a status. A loop that
/// only counts while it polls for a state asks nothing of the kind.
fn looks_at_failure(builder: &Builder<'_, '_, '_>, graph: &Graph, region: RegionId) -> bool {
    let program = builder.reader.program;
    let r = &program.facts.relations;
    let function = program.region(region).function;
    let says_failure = |text: &str| {
        matches!(
            text,
            "Err"
                | "Ok"
                | "ok"
                | "is_ok"
                | "is_err"
                | "success"
                | "is_success"
                | "isSuccess"
                | "status"
                | "statusCode"
                | "status_code"
                | "error"
                | "err"
                | "failed"
        )
    };
    program.regions_by_function.of(&r.region, function).filter(|row| program.region_within(row.region, region)).any(
        |row| {
            if row.kind == RegionKind::Catch {
                return graph.leads(program, row.region, region, Way::Round, &[]);
            }
            program.condition_by_region.of(&r.condition, row.region).any(|condition| {
                let mut stack = vec![condition.var];
                let mut seen = 0;
                while let Some(var) = stack.pop() {
                    seen += 1;
                    if seen > 16 {
                        break;
                    }
                    let named = program.literal(var).map(|row| program.text(row.value)).into_iter();
                    let named = named.chain(program.loaded_as(var).map(|load| program.text(load.field)));
                    let mut named = named.chain(program.call_giving(var).map(|call| program.text(call.name)));
                    if named.any(says_failure) {
                        return true;
                    }
                    for binary in program.binary_by_dst.of(&r.binary, var) {
                        stack.push(binary.left);
                        stack.extend(binary.right);
                    }
                    stack.extend(program.assigned_from(var).map(|row| row.src));
                }
                false
            })
        },
    )
}

/// Whether a region is entered for an error: `Err(e) => …`.
pub(super) fn asks_error(program: &Program<'_>, region: RegionId) -> bool {
    let conditions = program.condition_by_region.of(&program.facts.relations.condition, region);
    conditions.flat_map(|row| program.asked_variant(row.var)).any(|(_, variant)| variant == "Err")
}

/// Whether a loop goes on as long as there is an error, and perhaps something else: `while last.is_err() && n < 3`.
fn goes_on_while_failing(program: &Program<'_>, region: RegionId) -> bool {
    let conditions = program.condition_by_region.of(&program.facts.relations.condition, region);
    let parts = conditions.flat_map(|row| {
        let parts = program.assigned_from(row.var).map(|part| part.src);
        std::iter::once(row.var).chain(parts)
    });
    parts.flat_map(|part| program.asked_variant(part)).any(|(_, variant)| variant == "Err")
}

/// Whether a region is entered for a success: `Ok(value) => …`, `if response.status().is_success()`; or for that and something
/// else, such as the last attempt: `if err == nil || !retryable(err)`.
pub(super) fn asks_success(program: &Program<'_>, region: RegionId) -> bool {
    let mut conditions = program.condition_by_region.of(&program.facts.relations.condition, region);
    program.region(region).kind == RegionKind::Branch
        && conditions.any(|row| alternatives(program, row.var).into_iter().any(|part| says_success(program, part)))
}

fn says_success(program: &Program<'_>, condition: VarId) -> bool {
    let of_status = program.call_giving(condition).map(|call| program.text(call.name));
    of_status == Some("is_success") || program.asked_variant(condition).any(|(_, variant)| variant == "Ok")
}

/// Whether a region is entered for a success and for something else, too.
fn asks_more_than_success(program: &Program<'_>, region: RegionId) -> bool {
    let mut conditions = program.condition_by_region.of(&program.facts.relations.condition, region);
    conditions.any(|row| !says_success(program, row.var))
}

/// What a condition holds for any of: the sides of `||`, of which each may be one itself.
fn alternatives(program: &Program<'_>, condition: VarId) -> Vec<VarId> {
    let r = &program.facts.relations;
    let mut parts = vec![condition];
    let mut at = 0;
    while let Some(&part) = parts.get(at).filter(|_| at < MAX_ALTERNATIVES) {
        let sides = program.binary_by_dst.of(&r.binary, part).filter(|row| program.text(row.operator) == "||");
        parts.extend(sides.flat_map(|row| [Some(row.left), row.right]).flatten());
        let sources: Vec<VarId> = program.assigned_from(part).map(|row| row.src).collect();
        if let [first, _] = sources[..]
            && is_asked_otherwise(program, first)
        {
            parts.extend(sources);
        }
        at += 1;
    }
    parts
}

/// Whether something else is evaluated where `first` does not hold: the right side of `||`.
fn is_asked_otherwise(program: &Program<'_>, first: VarId) -> bool {
    let r = &program.facts.relations;
    let asked = program.call_giving(first).map(|call| call.site);
    let asked = asked.or_else(|| program.binary_by_dst.of(&r.binary, first).map(|row| row.site).next());
    asked.is_some_and(|site| {
        let mut otherwise = program.regions_by_function.of(&r.region, program.site(site).function);
        otherwise.any(|row| {
            row.kind == RegionKind::Else
                && program.condition_by_region.of(&r.condition, row.region).any(|condition| condition.var == first)
        })
    })
}

/// A condition holds for so many things at most.
const MAX_ALTERNATIVES: usize = 16;

/// Whether a condition is only whether a result is a success or a failure.
pub(super) fn asks_outcome(program: &Program<'_>, condition: VarId) -> bool {
    program.asked_variant(condition).any(|(_, variant)| matches!(variant, "Ok" | "Err" | "Some" | "None"))
}

/// The names and constants that a condition is made of.
pub(super) fn names_in<'f>(program: &Program<'f>, var: VarId) -> Vec<&'f str> {
    let r = &program.facts.relations;
    let (mut stack, mut names) = (vec![var], Vec::new());
    let mut seen = 0;
    while let Some(var) = stack.pop() {
        seen += 1;
        if seen > 24 {
            break;
        }
        names.extend(program.literal(var).map(|row| program.text(row.value)));
        names.extend(program.variable(var).map(|row| program.text(row.name)));
        names.extend(program.parameter(var).map(|row| program.text(row.name)));
        if let Some(load) = program.loaded_as(var) {
            names.push(program.text(load.field));
            stack.push(load.base);
        }
        if let Some(call) = program.call_giving(var) {
            names.push(program.text(call.name));
            stack.extend(call.receiver);
            stack.extend(program.arguments(call.site).map(|row| row.var));
        }
        for binary in program.binary_by_dst.of(&r.binary, var) {
            stack.push(binary.left);
            stack.extend(binary.right);
        }
        stack.extend(program.assigned_from(var).map(|row| row.src));
    }
    names
}

/// The control-flow graph, indexed once for all loops.
pub(super) struct Graph {
    edges: Csr,
    blocks_by_function: Csr,
    /// Blocks that a `return` ends.
    returning: FxHashSet<BlockId>,
    /// Blocks that control may come to; what follows a `return` is dead.
    reached: FxHashSet<BlockId>,
    /// Loops over a count that has no end.
    for_ever: FxHashSet<RegionId>,
}

impl Graph {
    fn new(program: &Program<'_>, for_ever: FxHashSet<RegionId>) -> Self {
        let r = &program.facts.relations;
        Graph {
            for_ever,
            edges: Csr::by(program.facts.count(IdKind::Block), &r.edge, |row| Some(row.from)),
            blocks_by_function: Csr::by(program.facts.count(IdKind::Function), &r.block, |row| Some(row.function)),
            returning: r.returns.iter().map(|row| program.site(row.site).block).collect(),
            reached: FxHashSet::default(),
        }
        .with_reached(program)
    }

    /// A function starts at its first block.
    fn with_reached(mut self, program: &Program<'_>) -> Self {
        let r = &program.facts.relations;
        let mut stack: Vec<BlockId> = (0..program.facts.count(IdKind::Function))
            .filter_map(|number| {
                let blocks = self.blocks_by_function.of(&r.block, FunctionId::new(number));
                blocks.map(|row| row.block).min()
            })
            .collect();
        while let Some(block) = stack.pop() {
            if self.reached.insert(block) {
                stack.extend(self.edges.of(&r.edge, block).map(|edge| edge.to));
            }
        }
        self
    }

    /// A handler of a `try` in the loop leads back to its head, and the body's success leads out.
    fn retries_on_error(&self, program: &Program<'_>, region: RegionId) -> bool {
        let r = &program.facts.relations;
        let function = program.region(region).function;
        let bodies = program.regions_by_function.of(&r.region, function).filter(|row| row.kind == RegionKind::Try);
        bodies.filter(|row| nearest_loop(program, row.region) == Some(region)).any(|body| {
            let handlers: Vec<RegionId> = program
                .handles_by_body
                .of(&r.handles, body.region)
                .map(|row| row.region)
                .filter(|handler| program.region(*handler).kind == RegionKind::Catch)
                .collect();
            let goes_round = handlers.iter().any(|handler| self.leads(program, *handler, region, Way::Round, &[]));
            let leaves = self.leads(program, body.region, region, Way::Out, &handlers);
            // A consumer's loop goes round after success, too.
            let success_goes_round = self.leads(program, body.region, region, Way::Round, &handlers);
            let counted = counter(program, region) || loop_names(program, region).any(says_delay);
            goes_round && leaves && (!success_goes_round || counted)
        })
    }

    /// The same where errors are values: the arm for an error leads back to the head, what follows a success leads out;
    /// or the loop goes on as long as there is an error. What `waits` for no next element may look at the answer itself.
    fn retries_on_error_value(&self, program: &Program<'_>, region: RegionId, waits: bool) -> bool {
        let r = &program.facts.relations;
        if goes_on_while_failing(program, region) {
            return true;
        }
        let function = program.region(region).function;
        let arms_that = |asks: fn(&Program<'_>, RegionId) -> bool| -> Vec<RegionId> {
            let inner = program.regions_by_function.of(&r.region, function).map(|row| row.region);
            inner
                .filter(|arm| *arm != region && nearest_loop(program, *arm) == Some(region) && asks(program, *arm))
                .collect()
        };
        // `if err == nil { return nil }`, and round again.
        let mut successes = arms_that(asks_success);
        if waits {
            successes.extend(arms_that(asks_good_answer));
        }
        if successes.iter().any(|arm| {
            self.leads(program, *arm, region, Way::Out, &[]) && !self.leads(program, *arm, region, Way::Round, &[])
        }) && self.leads(program, region, region, Way::Round, &successes)
        {
            return true;
        }
        let only_these_go_round = |arms: &[RegionId]| {
            arms.iter().any(|arm| self.leads(program, *arm, region, Way::Round, &[]))
                && self.leads(program, region, region, Way::Out, arms)
                && !self.leads(program, region, region, Way::Round, arms)
        };
        // `if retryable(err) { continue }`, and what else it was is given back.
        only_these_go_round(&arms_that(asks_error)) || only_these_go_round(&arms_that(kinds::asked))
    }

    /// Whether nothing ends the loop but success: it has no condition, its failures lead nowhere else, and no count, deadline
    /// or cancellation is looked at. What ends it as one of the `answers` that it waits for bounds nothing.
    fn is_endless(&self, program: &Program<'_>, region: RegionId, answers: &[RegionId]) -> bool {
        let r = &program.facts.relations;
        let function = program.region(region).function;
        let for_ever =
            |var: VarId| program.literal(var).is_some_and(|row| matches!(program.text(row.value), "true" | "1"));
        // `while let Err(e) = work()` ends with success alone.
        let while_failing = asks_error(program, region);
        // `for err != nil && n < 3` ends by its count, too.
        let mut conditions = program.condition_by_region.of(&r.condition, region);
        if conditions
            .any(|condition| !(for_ever(condition.var) || while_failing && asks_outcome(program, condition.var)))
        {
            return false;
        }
        let inside =
            |row: &distsys_facts::schema::Region| row.region != region && program.region_within(row.region, region);
        // What ends it for one kind of failure ends it for no other.
        let for_kinds = kinds::leaving(program, self, region);
        let is_for_kind = |at: RegionId| for_kinds.iter().any(|kind| program.region_within(at, *kind));
        let throws_in = |inner: RegionId| {
            program.sites(function).any(|site| {
                program.region_within(site.region, inner)
                    && !is_for_kind(site.region)
                    && r.throws.binary_search_by_key(&site.site, |row| row.site).is_ok()
            })
        };
        // What follows `if err == nil { return }` is for failures.
        let successes: Vec<RegionId> = program
            .regions_by_function
            .of(&r.region, function)
            .filter(|row| inside(row) && (asks_success(program, row.region) || asks_good_answer(program, row.region)))
            .map(|row| row.region)
            .collect();
        let told: Vec<RegionId> = successes.iter().chain(&for_kinds).copied().collect();
        if !successes.is_empty() && self.leads(program, region, region, Way::Out, &told) {
            return false;
        }
        // What ends it beside the answers that it waits for gives up.
        let awaited: Vec<RegionId> = answers.iter().chain(&told).copied().collect();
        let throws_beside = || {
            let arms = program.regions_by_function.of(&r.region, function).filter(|row| inside(row));
            let mut arms = arms.filter(|row| matches!(row.kind, RegionKind::Branch | RegionKind::Else));
            arms.any(|row| !answers.contains(&row.region) && throws_in(row.region))
        };
        let leaves = || self.leads(program, region, region, Way::Out, &awaited);
        if !answers.is_empty() && (leaves() || throws_beside()) {
            return false;
        }
        // `if err == nil || ctx.Err() != nil { return err }`: what else is asked there gives up.
        let mut gives_up_with_success = successes
            .iter()
            .filter(|success| asks_success(program, **success) && asks_more_than_success(program, **success));
        if gives_up_with_success.any(|success| self.leads(program, *success, region, Way::Out, &[])) {
            return false;
        }
        // What an answer other than a good one is refused for ends the loop, where nothing here handles that.
        let by_answer = successes.iter().any(|success| asks_good_answer(program, *success));
        let is_handled = |site: &distsys_facts::schema::Site| {
            let mut around = program.regions_outward(site.region).take_while(|row| row.region != region);
            around.any(|row| row.kind == RegionKind::Try)
        };
        let refuses = |site: &distsys_facts::schema::Site| {
            r.throws.binary_search_by_key(&site.site, |row| row.site).is_ok()
                || program.call(site.site).is_some_and(|call| program.text(call.name).starts_with("raise_for"))
        };
        let mut inner = program.sites(function).filter(|site| program.region_within(site.region, region));
        if by_answer && inner.any(|site| refuses(site) && !is_handled(site)) {
            return false;
        }
        // `Ok(Some(_)) => continue`: what went well is followed by the next at once; the loop does work, it does not try again.
        let goes_on = successes.iter().any(|success| {
            let mut sites = program.sites(function).filter(|site| program.region_within(site.region, *success));
            !self.leads(program, *success, region, Way::Out, &[])
                && self.leads(program, *success, region, Way::Round, &[])
                && sites.all(|site| site.kind != SiteKind::Call)
        });
        if goes_on {
            return false;
        }
        let gives_up = program.regions_by_function.of(&r.region, function).filter(|row| inside(row)).any(|row| {
            // Where the loop goes on as long as it fails, all of it is for failures: what compares a count there gives up; what
            // looks at the kind of the failure gives up for that kind.
            let compares = || {
                let conditions = program.condition_by_region.of(&r.condition, row.region);
                conditions
                    .flat_map(|row| program.binary_by_dst.of(&r.binary, row.var))
                    .any(|row| matches!(program.text(row.operator), "<" | ">" | "<=" | ">=" | "=="))
            };
            let is_failure = row.kind == RegionKind::Catch
                || asks_error(program, row.region)
                || while_failing && row.kind == RegionKind::Branch && compares();
            is_failure && (self.leads(program, row.region, region, Way::Out, &for_kinds) || throws_in(row.region))
        });
        let is_bounded = || {
            program
                .regions_by_function
                .of(&r.region, function)
                .filter(|row| inside(row) && !is_for_kind(row.region) && !answers.contains(&row.region))
                .any(|row| {
                    program
                        .condition_by_region
                        .of(&r.condition, row.region)
                        // `Err(e)` asks how it went, not how often.
                        .filter(|condition| !asks_outcome(program, condition.var))
                        .any(|condition| names_in(program, condition.var).iter().any(|name| says_bound(name)))
                })
                || program.sites(function).filter(|site| program.region_within(site.region, region)).any(|site| {
                    program.call(site.site).is_some_and(|call| {
                        let says = |text: &str| {
                            let text = text.to_ascii_lowercase();
                            ["cancel", "shutdown", "abort", "stopped", "is_set"].iter().any(|word| text.contains(word))
                        };
                        // `backoff(attempts, &self.cancel)`: what is called ends when it is told to.
                        let given = program.arguments(site.site).filter_map(|row| {
                            let field = program.loaded_as(row.var).map(|load| load.field);
                            field.or_else(|| program.variable(row.var).map(|variable| variable.name))
                        });
                        says(program.text(call.name)) || given.into_iter().any(|name| says(program.text(name)))
                    })
                })
        };
        !gives_up && !is_bounded() && !self.leaves_by_a_count(program, region)
    }

    /// Some way leads out of the loop before its condition ends it.
    pub(super) fn may_leave_early(&self, program: &Program<'_>, region: RegionId) -> bool {
        self.leads(program, region, region, Way::Out, &[])
    }

    /// Whether from a block of `from`, not through `without`, control goes round `loop_` or out of it.
    pub(super) fn leads(
        &self,
        program: &Program<'_>,
        from: RegionId,
        loop_: RegionId,
        way: Way,
        without: &[RegionId],
    ) -> bool {
        let r = &program.facts.relations;
        let function = program.region(loop_).function;
        let region_of = |block: BlockId| r.block[block.index()].region;
        let excluded = |block: BlockId| without.iter().any(|handler| program.region_within(region_of(block), *handler));
        let blocks = self.blocks_by_function.of(&r.block, function);
        let head = blocks.filter(|row| program.region_within(row.region, loop_)).map(|row| row.block).min();
        let mut stack: Vec<BlockId> = self
            .blocks_by_function
            .of(&r.block, function)
            .filter(|row| program.region_within(row.region, from))
            .map(|row| row.block)
            .filter(|block| self.reached.contains(block) && !excluded(*block))
            .collect();
        // A loop is entered at its head; its other blocks may be reached through what is left out alone.
        if from == loop_ {
            stack = stack.into_iter().min().into_iter().collect();
        }
        let mut seen: FxHashSet<BlockId> = stack.iter().copied().collect();
        while let Some(block) = stack.pop() {
            if way == Way::Out && self.returning.contains(&block) {
                return true;
            }
            for edge in self.edges.of(&r.edge, block) {
                match edge.kind {
                    EdgeKind::Exception => {}
                    EdgeKind::Back if way == Way::Round && program.region_within(region_of(edge.to), loop_) => {
                        return true;
                    }
                    EdgeKind::Back => {}
                    EdgeKind::Normal if !program.region_within(region_of(edge.to), loop_) => {
                        // A count without end is never through.
                        if way == Way::Out && !(head == Some(block) && self.for_ever.contains(&loop_)) {
                            return true;
                        }
                    }
                    EdgeKind::Normal => {
                        if !excluded(edge.to) && seen.insert(edge.to) {
                            stack.push(edge.to);
                        }
                    }
                }
            }
        }
        false
    }
}

pub(super) fn nearest_loop(program: &Program<'_>, region: RegionId) -> Option<RegionId> {
    program.regions_outward(region).find(|row| row.kind == RegionKind::Loop).map(|row| row.region)
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Round,
    Out,
}

//! Writes that are done or refused by how much of something a row says is there: a balance, a credit, a count of what is taken.
//! What says so need not be of the row that is written.

use distsys_engine::meaning::{Decision, Effect};
use distsys_engine::words::words;
use distsys_facts::{LiteralKind, SiteId, VarId};

use crate::Context;
use crate::carried::is_from;
use crate::computed::{Read, is_row};
use crate::worked_out::{given_back, helpers_at};

/// Helpers ask so many others.
const MAX_DEPTH: u32 = 3;

/// Calls from where both meet down to a read and a write: what lies further apart is seldom about one thing that is had or taken.
const MAX_NEAR: usize = 7;

/// Whether how much what is read at one site says there is decides what is written at another.
pub(crate) fn decides_by_amount(context: &Context<'_>, read: (SiteId, &Effect), write: (SiteId, &Effect)) -> bool {
    let meaning = context.meaning;
    let Some(value) = meaning.program.call(read.0).map(|call| call.result) else { return false };
    let reads = meaning.trace(read.0, read.1);
    reads.len() + meaning.trace(write.0, write.1).len() <= MAX_NEAR
        && is_decided_by_amount(context, value, write.0)
        && tells_what_is_read(context, &reads)
}

/// Whether a condition before `site` compares how much `value` is, or a field of it, here or in a helper that is asked or that
/// throws.
fn is_decided_by_amount(context: &Context<'_>, value: VarId, site: SiteId) -> bool {
    let mut decisions = context.meaning.decisions(site).into_iter();
    decisions.any(|decision| !is_low(context, &decision) && compares_amount(context, decision.condition, value, 0))
        || is_refused_by(context, value, site, &|condition, value| compares_amount(context, condition, value, 1))
}

/// Whether a site is come to where there is less of something than a constant: what is done then reminds of it, and takes nothing.
fn is_low(context: &Context<'_>, decision: &Decision) -> bool {
    let program = context.meaning.program;
    let Some(row) = program.binary_by_dst.first(&program.facts.relations.binary, decision.condition) else {
        return false;
    };
    let is_less = match program.text(row.operator) {
        "<" | "<=" => decision.holds,
        ">" | ">=" => !decision.holds,
        _ => false,
    };
    is_less && row.right.is_some_and(|right| context.meaning.constant(right).is_some())
}

/// Whether a helper that is given `value` before `site` throws by what it `asks` of it: `require_open(order)`.
pub(crate) fn is_refused_by(
    context: &Context<'_>,
    value: VarId,
    site: SiteId,
    asks: &dyn Fn(VarId, VarId) -> bool,
) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let throws = &program.facts.relations.throws;
    let is_thrown = |site: SiteId| throws.binary_search_by_key(&site, |row| row.site).is_ok();
    let before = program.sites(context.function_of(site)).map(|row| row.site);
    let before = before.filter(|call| *call != site && !meaning.resolution.calls_at(*call).is_empty());
    let before = before.filter(|call| meaning.precedes(*call, site));
    before.flat_map(|call| helpers_at(context, call)).any(|(argument, parameter)| {
        let function = program.parameter(parameter).map(|row| row.function);
        is_part(context, argument, value)
            && function.is_some_and(|function| {
                let thrown = program.sites(function).map(|row| row.site).filter(|site| is_thrown(*site));
                let mut asked = thrown.flat_map(|site| meaning.decisions(site));
                asked.any(|decision| asks(decision.condition, parameter))
            })
    })
}

/// Whether an argument is what was read, or a field of it.
fn is_part(context: &Context<'_>, argument: VarId, value: VarId) -> bool {
    let held = context.meaning.program.held_at(argument);
    let base = context.meaning.program.loaded_as(held).map(|load| load.base);
    base.into_iter().chain([argument]).any(|var| is_row(context, var, value, false))
        && is_from(context, argument, value)
}

/// Whether what a call gives has something of what is read on the way `trace` down from it.
fn tells_what_is_read(context: &Context<'_>, trace: &[SiteId]) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    trace.iter().skip(1).all(|step| {
        let Some(read) = program.call(*step).map(|call| call.result) else { return true };
        let function = context.function_of(*step);
        let mut returned = program.returns_by_function.of(&r.returns, function).filter_map(|row| row.var);
        returned.any(|var| meaning.made_from(var).contains(&read))
    })
}

fn compares_amount(context: &Context<'_>, condition: VarId, value: VarId, depth: u32) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    if !is_from(context, condition, value) {
        return false;
    }
    let sources = context.meaning.made_from(condition);
    let mut compared = sources.iter().flat_map(|var| program.binary_by_dst.of(&r.binary, *var));
    let here = compared.any(|row| {
        let is_ordered = matches!(program.text(row.operator), "<" | ">" | "<=" | ">=");
        let sides = || std::iter::once(row.left).chain(row.right);
        is_ordered
            && sides().any(|side| is_amount(context, side, value))
            && !sides().any(|side| is_timed(context, side))
            && !(sides().any(|side| is_none(context, side)) && sides().any(|side| is_counted(context, side)))
    });
    let read = Read { value, at: None, column: None, entities: &[] };
    let mut asked = sources.iter().filter_map(|var| program.call_giving(*var)).filter(|_| depth < MAX_DEPTH);
    here || asked.any(|call| {
        let given = given_back(context, call, None, &read).into_iter();
        given.into_iter().any(|(returned, read)| compares_amount(context, returned, read.value, depth + 1))
    })
}

/// What a value is called: the field that it is read from, the function that gives it, the variable that holds it.
fn names(context: &Context<'_>, var: VarId) -> Vec<String> {
    let program = context.meaning.program;
    let held = program.held_at(var);
    let mut names = Vec::new();
    for at in [var, held] {
        names.extend(program.loaded_as(at).map(|load| words(program.text(load.field))));
        names.extend(context.meaning.read_by_column(at).map(|(_, column)| words(column)));
        names.extend(program.call_giving(at).map(|call| words(program.text(call.name))));
        names.extend(program.variable(at).map(|row| words(program.text(row.name))));
    }
    names.into_iter().flatten().collect()
}

/// Whether a side of a comparison is an amount of what was read that others change: no bound that is set once, and no version.
fn is_amount(context: &Context<'_>, side: VarId, value: VarId) -> bool {
    const FIXED: &[&str] = &[
        "allowed",
        "cap",
        "capacity",
        "epoch",
        "generation",
        "id",
        "length",
        "limit",
        "max",
        "maximum",
        "min",
        "minimum",
        "offset",
        "page",
        "position",
        "price",
        "quota",
        "rate",
        "revision",
        "seq",
        "sequence",
        "size",
        "threshold",
        "version",
        "weight",
    ];
    is_from(context, side, value) && !names(context, side).iter().any(|word| FIXED.contains(&word.as_str()))
}

fn is_timed(context: &Context<'_>, side: VarId) -> bool {
    const TIMES: &[&str] = &[
        "age",
        "at",
        "before",
        "after",
        "date",
        "day",
        "days",
        "deadline",
        "due",
        "elapsed",
        "expires",
        "expiry",
        "hours",
        "minutes",
        "now",
        "seconds",
        "since",
        "time",
        "timestamp",
        "today",
        "until",
    ];
    names(context, side).iter().any(|word| TIMES.contains(&word.as_str()))
}

fn is_none(context: &Context<'_>, side: VarId) -> bool {
    let program = context.meaning.program;
    let literal = program.literal(program.held_at(side));
    literal.is_some_and(|row| row.kind == LiteralKind::Null || matches!(program.text(row.value), "0" | "1"))
}

/// Whether a side counts rows: more than none is that some are there.
fn is_counted(context: &Context<'_>, side: VarId) -> bool {
    const COUNTS: &[&str] = &["affected", "changed", "count", "len", "length", "rows", "size"];
    names(context, side).iter().any(|word| COUNTS.contains(&word.as_str()))
}

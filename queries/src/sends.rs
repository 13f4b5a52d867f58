//! Sends into a queue that can be only so many, whoever drives them.

use distsys_engine::OpKind;
use distsys_engine::words::words;
use distsys_facts::{FunctionFlags, FunctionKind, SiteId, Sym, VarId};
use rustc_hash::FxHashMap;

use crate::Context;

/// Whether something about a send bounds how much it can put on a queue.
pub(crate) fn is_bounded_send(context: &Context<'_>, send: SiteId) -> bool {
    is_last_act(context, send)
        || is_of_keyboard(context, send)
        || is_worklist(context, send)
        || has_prefetch(context, send)
        || compares_with_limit(context, send)
}

/// Whether the function of a send compares with something named for the most that there may be.
fn compares_with_limit(context: &Context<'_>, send: SiteId) -> bool {
    let program = context.meaning.program;
    program
        .binaries(context.function_of(send))
        .filter(|row| matches!(program.text(row.operator), "<" | "<=" | ">" | ">="))
        .flat_map(|row| [Some(row.left), row.right])
        .flatten()
        .any(|var| says_limit(context, var))
}

/// Whether a value is named for the most that there may be.
fn says_limit(context: &Context<'_>, var: VarId) -> bool {
    let program = context.meaning.program;
    let held = program.variable(var).map(|row| row.name).or(program.loaded_as(var).map(|load| load.field));
    let says =
        |name: &str| words(name).iter().any(|word| matches!(word.as_str(), "max" | "limit" | "capacity" | "bound"));
    held.is_some_and(|name| says(program.text(name)))
}

/// Whether the send is a last act: the method takes away what it is called on, so each of these sends once.
fn is_last_act(context: &Context<'_>, send: SiteId) -> bool {
    let function = context.meaning.program.function(context.function_of(send));
    function.flags.has(FunctionFlags::CONSUMES)
}

/// Whether the function around a send takes from the same queue without waiting: a list of what is left to do, which ends
/// when it is empty.
fn is_worklist(context: &Context<'_>, send: SiteId) -> bool {
    const TAKES: &[&str] =
        &["poll", "pollFirst", "pop", "popleft", "pop_front", "shift", "try_recv", "get_nowait", "dequeue"];
    let program = context.meaning.program;
    let receiver = |site: SiteId| program.call(site).and_then(|call| call.receiver);
    let held = |site: SiteId| {
        program.call(site).and_then(|call| call.receiver).and_then(|var| program.loaded_as(var)).map(|load| load.field)
    };
    let mut function = Some(context.function_of(send));
    while let Some(id) = function {
        let calls = program.sites(id).filter_map(|row| program.call(row.site));
        let mut takes = calls
            .filter(|call| TAKES.contains(&program.text(call.name)) && program.arguments(call.site).next().is_none());
        if takes.any(|call| {
            call.receiver.is_some() && call.receiver == receiver(send)
                || held(send).is_some() && held(call.site) == held(send)
        }) {
            return true;
        }
        function = program.function(id).parent.filter(|parent| program.function(*parent).kind != FunctionKind::Module);
    }
    false
}

/// Whether the broker hands out only so many messages at once to what fills the queue, as the class or file around says.
fn has_prefetch(context: &Context<'_>, send: SiteId) -> bool {
    let program = context.meaning.program;
    let function = context.function_of(send);
    if !context.meaning.run_by(function).contains(&OpKind::Consume) {
        return false;
    }
    let prefetching = context.known.prefetching.get_or_init(|| {
        let says = |name: &str| words(name).iter().any(|word| matches!(word.as_str(), "qos" | "prefetch"));
        let mut names: FxHashMap<Sym, bool> = FxHashMap::default();
        let calls = program.facts.relations.call.iter();
        let calls = calls.filter(|call| *names.entry(call.name).or_insert_with(|| says(program.text(call.name))));
        calls.map(|call| program.file_of_function(context.function_of(call.site))).collect()
    });
    prefetching.contains(&program.file_of_function(function))
}

/// Whether one person at a keyboard fills the queue, in a program that draws in a terminal.
fn is_of_keyboard(context: &Context<'_>, send: SiteId) -> bool {
    let function = context.function_of(send);
    let says = |word: &String| matches!(word.as_str(), "key" | "keys" | "keyboard" | "keypress" | "input");
    context.meaning.program.draws_in_terminal(function) && words(context.named_function(function)).iter().any(says)
}

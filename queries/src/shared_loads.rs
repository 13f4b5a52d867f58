//! Loads that one caller begins for all: what is under way is put into a collection that all of them look into first.

use distsys_facts::{SiteId, Sym, VarId};

use crate::Context;

/// Whether a load is only begun where a collection of the process has none under way, and is put into it as it begins:
/// `if (!loading.has(id)) loading.set(id, load(id)); return loading.get(id)`.
pub(crate) fn is_shared(context: &Context<'_>, load: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let function = context.function_of(load);
    let Some(result) = program.call(load).map(|call| call.result) else { return false };
    // A variable that outlives the call, or a field.
    let name_of = |var: VarId| -> Option<Sym> {
        let field = program.loaded_as(var).map(|load| load.field);
        field.or_else(|| program.variable(var).filter(|row| row.function != function).map(|row| row.name))
    };
    let is_of_process = |site: SiteId| meaning.effects.at(site).next().is_none() && meaning.callees(site).is_empty();
    // What is kept is the load under way, not what it gave.
    let is_awaited = program.sites(function).any(|row| {
        let at = r.suspend.binary_search_by_key(&row.site, |suspend| suspend.site).ok();
        at.and_then(|at| r.suspend[at].var) == Some(result)
    });
    let is_task = |var: VarId| {
        let call = program.call_giving(var).filter(|call| {
            matches!(program.text(call.name), "create_task" | "ensure_future" | "submit" | "supplyAsync" | "spawn")
        });
        call.is_some_and(|call| program.arguments(call.site).any(|row| meaning.made_from(row.var).contains(&result)))
    };
    let begun = |var: VarId| {
        let sources = meaning.made_from(var);
        sources.contains(&result) && !is_awaited && (meaning.gives_promises(load) || sources.into_iter().any(is_task))
    };
    let by_call = program.sites(function).filter_map(|row| program.call(row.site)).filter_map(|call| {
        let puts = matches!(program.text(call.name), "set" | "put" | "putIfAbsent" | "setdefault" | "insert" | "Store");
        let is_begun = puts && is_of_process(call.site) && program.arguments(call.site).any(|row| begun(row.var));
        name_of(call.receiver.filter(|_| is_begun)?)
    });
    let by_store = program.sites(function).filter_map(|row| {
        let at = r.store.binary_search_by_key(&row.site, |store| store.site).ok()?;
        let store = r.store[at];
        name_of(Some(store.base).filter(|_| program.text(store.field).starts_with('[') && begun(store.src))?)
    });
    let kept: Vec<Sym> = by_call.chain(by_store).collect();
    let looks_into = |var: &VarId| {
        let asked = program.call_giving(*var).filter(|call| {
            is_of_process(call.site)
                && matches!(
                    program.text(call.name),
                    "has" | "get" | "contains" | "containsKey" | "contains_key" | "Load"
                )
        });
        let by_key =
            program.loaded_as(*var).filter(|load| program.text(load.field).starts_with('[')).map(|load| load.base);
        let held = asked.and_then(|call| call.receiver).or(by_key);
        held.and_then(name_of).is_some_and(|name| kept.contains(&name))
    };
    let asked = || meaning.decisions(load).into_iter().map(|decision| decision.condition);
    // `key in loading`
    let is_in = |condition: VarId| {
        let compared = program.binary_by_dst.of(&r.binary, condition);
        let inside =
            compared.filter(|row| matches!(program.text(row.operator), "in" | "not in")).filter_map(|row| row.right);
        inside.filter_map(name_of).any(|name| kept.contains(&name))
    };
    !kept.is_empty() && asked().any(|condition| is_in(condition) || meaning.made_from(condition).iter().any(looks_into))
}

//! Locks that keep nobody waiting who should not: those that one run of a function has for itself, those of one key, and those
//! that are there for nothing but a load whose readers do not take them.

use distsys_engine::meaning::{Extent, Found, Operand, Scope};
use distsys_engine::{Attr, OpKind};
use distsys_facts::{ClassId, FunctionId, FunctionKind, SiteId, SiteKind, Sym, VarId};
use rustc_hash::FxHashSet;

use crate::Context;

/// What is locked: the receiver of the operation that takes the lock, or the value that a `with` body is entered with.
fn lock_of(context: &Context<'_>, scope: &Scope) -> Option<VarId> {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    match scope.extent {
        Extent::Region(region) if scope.steps.is_empty() => {
            program.manages_by_region.first(&r.manages, region).map(|row| row.var)
        }
        _ => scope.origin.and_then(|origin| program.call(origin)).and_then(|call| call.receiver),
    }
}

/// Whether the lock is a variable of one run of a function, which only its own closures use, and these it calls itself: nobody
/// else can wait for it.
pub(crate) fn is_of_one_run(context: &Context<'_>, scope: &Scope) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let Some(lock) = lock_of(context, scope) else { return false };
    let Some(variable) = program.variable(lock) else { return false };
    let owner = program.function(variable.function).kind;
    if matches!(owner, FunctionKind::Module) || program.parameter(lock).is_some() {
        return false;
    }
    // What is found, or comes of a helper, is shared: `locks.entry(key).or_default().clone()`.
    let is_found = |var: VarId| {
        program.call_giving(var).is_some_and(|call| {
            let of_helper = context.meaning.resolution.calls_at(call.site);
            let builds = |function| program.function(function).kind == FunctionKind::Constructor;
            matches!(
                program.text(call.name),
                "clone" | "get" | "or_default" | "or_insert_with" | "computeIfAbsent" | "setdefault"
            ) || of_helper.iter().any(|edge| !builds(edge.function))
        })
    };
    if program.assigned_from(lock).any(|row| is_found(row.src)) {
        return false;
    }
    // Copied, stored, returned or given away it may be anybody's.
    let is_given = program.argument_by_var.of(&r.argument, lock).next().is_some()
        || program.assigned_from(lock).any(|row| program.call_giving(row.src).is_none())
        || program.assign_by_src.of(&r.assign, lock).next().is_some()
        || program
            .load_by_base
            .of(&r.load, lock)
            .any(|row| program.argument_by_var.of(&r.argument, row.dst).next().is_some())
        || context.meaning.is_kept(lock);
    !is_given
        && r.capture
            .iter()
            .filter(|row| row.var == lock)
            .all(|row| is_called_directly(context, row.function, variable.function))
}

/// Whether a closure is run by nothing but direct calls of the function around it: neither in a task nor by whom it is given to.
fn is_called_directly(context: &Context<'_>, closure: FunctionId, owner: FunctionId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    if closure == owner {
        return true;
    }
    let vars: Vec<VarId> = program.closures_of(closure).map(|row| row.var).collect();
    let names: Vec<VarId> =
        vars.iter().flat_map(|var| program.assign_by_src.of(&r.assign, *var)).map(|row| row.dst).collect();
    let held: FxHashSet<VarId> = vars.into_iter().chain(names).collect();
    let is_given =
        |var: &VarId| program.argument_by_var.of(&r.argument, *var).next().is_some() || context.meaning.is_kept(*var);
    if held.iter().any(is_given) {
        return false;
    }
    let mut calls = held.iter().flat_map(|var| program.calls_by_callee.of(&r.call, *var));
    calls.all(|call| {
        let mut at = context.function_of(call.site);
        while at != owner {
            // What is deferred runs as the function ends.
            match program.function(at).parent {
                Some(parent) if at == closure || is_called_directly(context, at, owner) => at = parent,
                _ => return false,
            }
        }
        true
    })
}

/// Whether the lock is one of many, found under a key or taken by one: only those who are after the same thing wait for one
/// another.
pub(crate) fn is_of_one_key(context: &Context<'_>, scope: &Scope) -> bool {
    let program = context.meaning.program;
    let key = context.meaning.operation(scope).map(|op| context.meaning.attribute(op, Attr::Key));
    if let Some(Found::Is(Operand::Var(key))) = key {
        return context.meaning.constant(key).is_none();
    }
    let Some(lock) = lock_of(context, scope) else { return false };
    let mut at = lock;
    for _ in 0..MAX_COPIES {
        if program.loaded_as(at).is_some_and(|load| program.text(load.field) == "[]") {
            return true;
        }
        if let Some(call) = program.call_giving(at) {
            let found = matches!(
                program.text(call.name),
                "get"
                    | "computeIfAbsent"
                    | "setdefault"
                    | "LoadOrStore"
                    | "GetOrAdd"
                    | "getOrDefault"
                    | "get_or_insert_with"
            );
            let of_map = found && call.receiver.is_some() && program.arguments(call.site).next().is_some();
            return of_map && context.meaning.resolution.calls_at(call.site).is_empty();
        }
        match program.assigned_from(at).next() {
            Some(row) => at = row.src,
            None => return false,
        }
    }
    false
}

/// A lock is copied so many times.
const MAX_COPIES: usize = 6;

/// Whether what is waited for under the lock is put into a field that others look at without taking it: it is there so that
/// one load goes on at a time, and no older answer comes after a newer one.
pub(crate) fn orders_loads(context: &Context<'_>, scope: &Scope, sites: &[SiteId], waits: &[SiteId]) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let Some(class) = program.class_around(scope.function) else { return false };
    let suspended = sites.iter().filter_map(|site| r.suspend.binary_search_by_key(site, |row| row.site).ok());
    let awaited: Vec<VarId> = suspended
        .filter_map(|at| r.suspend[at].var)
        .chain(waits.iter().filter_map(|site| program.call(*site)).map(|call| call.result))
        .collect();
    let loaded = |var: VarId| {
        let sources = context.meaning.made_from(var);
        awaited.iter().any(|awaited| sources.contains(awaited))
    };
    let stores = sites.iter().filter(|site| program.site(**site).kind == SiteKind::Store);
    let stores =
        stores.filter_map(|site| r.store.binary_search_by_key(site, |row| row.site).ok().map(|at| r.store[at]));
    let filled =
        stores.filter(|store| loaded(store.src)).filter_map(|store| field_of(context, store.base, store.field));
    filled.into_iter().any(|field| is_read_without_lock(context, scope, class, field))
}

/// The field of the object that a store is into: `self.known`, `self.known[key]`, `*self.known.write()`.
fn field_of(context: &Context<'_>, base: VarId, field: Sym) -> Option<Sym> {
    let program = context.meaning.program;
    let is_self = |var: VarId| {
        let row = program.parameter(var);
        row.is_some_and(|row| row.index == 0 && program.function(row.function).class.is_some())
    };
    if is_self(base) {
        return Some(field);
    }
    let mut at = base;
    for _ in 0..MAX_COPIES {
        if let Some(load) = program.loaded_as(at) {
            if is_self(load.base) {
                return Some(load.field);
            }
            at = load.base;
        } else if let Some(receiver) = program.call_giving(at).and_then(|call| call.receiver) {
            at = receiver;
        } else {
            at = program.assigned_from(at).next()?.src;
        }
    }
    None
}

/// Whether another method of the class looks into a field and takes no lock of this process, or another one than this.
fn is_read_without_lock(context: &Context<'_>, scope: &Scope, class: ClassId, field: Sym) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let name = |scope: &Scope| lock_of(context, scope).and_then(|lock| program.loaded_as(lock)).map(|load| load.field);
    let own = name(scope);
    // What a lock guards by itself (`self.state.lock()`) is not looked at without it.
    if own.is_none() || own == Some(field) {
        return false;
    }
    let loads = program.loads_of(field);
    let readers: FxHashSet<FunctionId> = loads
        .filter_map(|load| program.parameter(load.base).filter(|row| row.index == 0))
        .map(|row| row.function)
        .filter(|function| *function != scope.function && program.function(*function).class == Some(class))
        .collect();
    // `locked(() => this.known.get(key))`: a closure of the method looks, and is run under the lock.
    let is_within = |inner: FunctionId, outer: FunctionId| {
        let mut around = std::iter::successors(Some(inner), |at| program.function(*at).parent);
        around.any(|at| at == outer)
    };
    let takes = |function: FunctionId| {
        let mut guards = meaning.scopes.of_kind(OpKind::Guard);
        guards.any(|other| is_within(other.function, function) && name(other) == own)
    };
    !readers.is_empty() && !readers.into_iter().any(takes)
}

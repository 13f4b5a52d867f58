//! Functions that hand on what an operation gives to wait for: who drops what they give drops that.

use std::collections::VecDeque;

use distsys_facts::schema::Call;
use distsys_facts::{FunctionFlags, FunctionId, FunctionKind, SiteId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::callbacks::functions_of;
use super::operations::{Found, Operation};
use super::promises::Wait;
use super::served::subscribes;
use super::{MAX_STEPS, Meaning, does_outside};
use crate::model::Family;
use crate::operation::{Attr, OpKind};

/// What is waited for, as a function hands it on.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Handed {
    operation: SiteId,
    /// Where the function gets it: the operation itself, or a call of what hands it on.
    got_at: SiteId,
    wait: Wait,
}

/// Where the functions lie that a function given to a call goes to.
struct Given {
    call: SiteId,
    function: FunctionId,
}

/// Of one operation after another: so many are handed on by one function at most.
const MAX_HANDED: usize = 8;

/// What takes a function and looks at nothing that it gives.
fn drops_results(name: &str) -> bool {
    const DROP: &[&str] = &[
        "forEach",
        "doOnNext",
        "doOnSuccess",
        "doOnEach",
        "doOnTerminate",
        "doAfterTerminate",
        "doFinally",
        "ifPresent",
        "peek",
        "thenAccept",
        "thenRun",
        "invoke",
    ];
    DROP.contains(&name)
}

/// What takes a function and goes on with the promise that it gives.
fn goes_on_with(name: &str) -> bool {
    const GO_ON: &[&str] = &[
        "flatMap",
        "concatMap",
        "switchMap",
        "thenCompose",
        "compose",
        "transformToUni",
        "chain",
        "call",
        "defer",
        "deferred",
        "andThen",
    ];
    GO_ON.contains(&name)
}

/// What waits for a promise, or takes it over.
fn waits(name: &str) -> bool {
    const WAIT: &[&str] =
        &["get", "join", "getNow", "result", "await", "atMost", "indefinitely", "recv", "Get", "exception"];
    WAIT.contains(&name) || subscribes(name)
}

impl Meaning<'_> {
    /// Calls of functions that hand on what an operation gives to wait for, where nobody looks at what they give, each with
    /// the operation.
    pub fn dropped_promises(&self) -> Vec<(SiteId, SiteId)> {
        let program = self.program;
        let r = &program.facts.relations;
        let returned: FxHashMap<VarId, FunctionId> =
            r.returns.iter().filter_map(|row| Some((row.var?, row.function))).collect();
        let given = self.given_functions();
        let mut handed: FxHashMap<FunctionId, Vec<Handed>> = FxHashMap::default();
        let mut queue: VecDeque<(FunctionId, Handed)> = VecDeque::new();
        for op in self.operations.all.iter().filter(|op| !op.family.gives_promises()) {
            // A function without a body that is declared to give a promise does what its annotation says.
            if let Some(wait) = self.promise_without_body(op) {
                queue.push_back((op.function, Handed { operation: op.site, got_at: op.site, wait }));
                continue;
            }
            let Some((promise, wait)) = self.promise_given(op) else { continue };
            let next = Handed { operation: op.site, got_at: op.site, wait };
            queue.extend(self.handed_from(promise, next, &returned, &given));
        }
        let mut dropped: Vec<(SiteId, SiteId)> = Vec::new();
        while let Some((function, next)) = queue.pop_front() {
            let known = handed.entry(function).or_default();
            if known.len() >= MAX_HANDED || known.contains(&next) {
                continue;
            }
            known.push(next);
            let lost = given.lost.iter().filter(|row| row.function == function);
            let is_closure = program.function(function).kind == FunctionKind::Closure;
            dropped.extend(lost.map(|row| (if is_closure { next.got_at } else { row.call }, next.operation)));
            for &site in self.callers(function) {
                let Some(call) = program.call(site).filter(|_| self.resolution.calls_at(site).len() == 1) else {
                    continue;
                };
                let is_async = program.function(function).flags.has(FunctionFlags::ASYNC);
                let wait = if is_async && next.wait == Wait::Promise { Wait::Confirmation } else { next.wait };
                let here = Handed { got_at: site, wait, ..next };
                let onwards = self.handed_from(call.result, here, &returned, &given);
                if onwards.is_empty() && self.is_dropped(call, wait) {
                    dropped.push((site, next.operation));
                }
                queue.extend(onwards);
            }
        }
        dropped.sort_unstable();
        dropped.dedup();
        dropped
    }

    /// Whether two calls belong to one chain: `pool.prepare(text)` and `.execute(row)` on what that gives.
    pub fn is_one_chain(&self, a: SiteId, b: SiteId) -> bool {
        a == b || self.reader().chain_end(a) == self.reader().chain_end(b)
    }

    /// What an operation gives to wait for, by its model or by what the function is declared to give that hands it on.
    fn promise_given(&self, op: &Operation) -> Option<(VarId, Wait)> {
        self.promise_of(op).or_else(|| {
            let is_declared = does_outside(op.kind) && self.is_promise_declared(op.function).is_some();
            let unsaid = is_declared && self.attribute(op, Attr::Completion) == Found::Absent;
            let call = self.program.call(op.site).filter(|_| unsaid)?;
            let wait = if self.is_promise_declared(op.function)? { Wait::Subscription } else { Wait::Promise };
            Some((call.result, wait))
        })
    }

    fn promise_without_body(&self, op: &Operation) -> Option<Wait> {
        let program = self.program;
        let r = &program.facts.relations;
        let on_function =
            program.annotation_by_function.of(&r.function_annotation, op.function).any(|row| row.site == op.site);
        let is_open = on_function
            && does_outside(op.kind)
            && program.returns_by_function.of(&r.returns, op.function).next().is_none();
        let lazy = self.is_promise_declared(op.function).filter(|_| is_open)?;
        Some(if lazy { Wait::Subscription } else { Wait::Promise })
    }

    /// Whether a function is declared to give something of a library that is waited for, and if so, whether that does nothing
    /// before somebody subscribes.
    fn is_promise_declared(&self, function: FunctionId) -> Option<bool> {
        let program = self.program;
        let row = program.return_type_by_function.first(&program.facts.relations.return_type, function)?;
        let text = program.text(row.type_);
        let name = text.split('<').next()?.rsplit('.').next()?;
        let family = Family::from(program.language(program.file_of_function(function)));
        self.models.promised_by(family, name)
    }

    /// The functions that `promise` is returned from, with what they hand on then.
    fn handed_from(
        &self,
        promise: VarId,
        next: Handed,
        returned: &FxHashMap<VarId, FunctionId>,
        given: &GivenFunctions,
    ) -> Vec<(FunctionId, Handed)> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut found = Vec::new();
        let (mut stack, mut seen) = (vec![promise], FxHashSet::default());
        while let Some(at) = stack.pop() {
            if !seen.insert(at) || seen.len() > MAX_STEPS {
                continue;
            }
            if let Some(&function) = returned.get(&at) {
                found.push((function, next));
                // What the closure gives, the chain goes on with that it is given to.
                let on = given.kept.iter().filter(|row| row.function == function);
                stack.extend(on.filter_map(|row| program.call(row.call)).map(|call| call.result));
            }
            let is_awaited = program.suspend_by_var.of(&r.suspend, at).next().is_some();
            if is_awaited && next.wait != Wait::Confirmation {
                continue;
            }
            let chained = program
                .calls_by_receiver
                .of(&r.call, at)
                .filter(|call| !waits(program.text(call.name)) && self.resolution.calls_at(call.site).is_empty());
            stack.extend(chained.map(|call| call.result));
            stack.extend(program.assign_by_src.of(&r.assign, at).map(|row| row.dst));
            // `Ok(confirm)`
            let wrapped = program.argument_by_var.of(&r.argument, at).filter_map(|row| program.call(row.site));
            stack.extend(wrapped.filter(|call| is_good(self, call)).map(|call| call.result));
        }
        found
    }

    fn is_dropped(&self, call: &Call, wait: Wait) -> bool {
        match wait {
            Wait::Promise => !self.is_promise_used(call.site, call.result),
            Wait::Subscription => {
                let last = self.program.call(self.reader().chain_end(call.site));
                last.is_some_and(|last| !subscribes(self.program.text(last.name)) && !self.is_used(last.result))
            }
            Wait::Confirmation => self.is_unconfirmed(call.result),
        }
    }

    /// Functions given to what looks at nothing that they give, or goes on with it.
    fn given_functions(&self) -> GivenFunctions {
        let program = self.program;
        let mut given = GivenFunctions::default();
        for row in &program.facts.relations.argument {
            let Some(call) = program.call(row.site).filter(|call| call.receiver.is_some()) else { continue };
            let name = program.text(call.name);
            let list = match (drops_results(name), goes_on_with(name)) {
                (true, _) => &mut given.lost,
                (_, true) => &mut given.kept,
                _ => continue,
            };
            if !self.resolution.calls_at(row.site).is_empty()
                || self.operations.at(row.site).any(|op| op.kind == OpKind::Spawn)
            {
                continue;
            }
            list.extend(
                functions_of(self.reader(), row.var).into_iter().map(|function| Given { call: row.site, function }),
            );
        }
        given
    }
}

#[derive(Default)]
struct GivenFunctions {
    lost: Vec<Given>,
    kept: Vec<Given>,
}

/// `Ok(value)`: the outcome of a function that gives it.
fn is_good(meaning: &Meaning<'_>, call: &Call) -> bool {
    let callee = call.callee.and_then(|var| meaning.program.global(var));
    callee.is_some_and(|path| meaning.program.text(path) == "Ok")
}

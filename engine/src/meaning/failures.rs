//! Failures: where code deals with what failed, whatever a language calls it: a handler of exceptions, an arm for an error
//! value, a function given to a promise's `catch`.

use distsys_facts::{BlockId, FunctionFlags, FunctionId, RegionId, RegionKind, SiteId, VarId};
use rustc_hash::FxHashSet;

use super::Meaning;
use super::operations::{Found, Operand, Operation};
use crate::model::Family;
use crate::operation::{Attr, OpKind};
use crate::words::is_unique_violation;

/// What is done when something failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The arm or handler; none for a function given to `catch`.
    pub region: Option<RegionId>,
    /// Whether every failure comes here.
    pub all: bool,
    /// The libraries whatever failure of whose calls comes here, if not every failure does.
    pub(super) libraries: Vec<u32>,
    /// Those of whose calls only what was not answered in time does.
    pub(super) timing_out: Vec<u32>,
    /// Whether nothing at all is done: no statement, no comment that says why.
    pub empty: bool,
    /// Whether nothing is done but to answer with a constant, which some caller may look at.
    pub idle: bool,
    /// What may fail.
    pub protected: Vec<SiteId>,
    /// What is done then.
    pub sites: Vec<SiteId>,
    /// Where dealing with it begins in the function whose sites may fail.
    pub entry: Option<BlockId>,
}

impl Failure {
    /// Of the calls whose outcome a caller has told of.
    pub(super) fn told_by(protected: Vec<SiteId>) -> Self {
        Failure {
            region: None,
            all: true,
            libraries: Vec::new(),
            timing_out: Vec::new(),
            empty: false,
            idle: false,
            protected,
            sites: Vec::new(),
            entry: None,
        }
    }
}

/// An outcome goes through so many steps before it is an answer.
const MAX_CHAINED: usize = 8;

/// Calls that run the function that they are given with what failed, and go on with what it gives: of promises, of results and
/// of futures.
const TAKES_FAILURES: &[&str] = &["catch", "unwrap_or_else", "exceptionally", "handle", "onErrorResume"];

/// A value is followed over so many awaits and assignments.
const MAX_STEPS: usize = 8;

impl<'m> Meaning<'m> {
    /// Where `function` deals with failures of its own calls.
    pub fn failures(&self, function: FunctionId) -> Vec<Failure> {
        let mut found = self.handlers_of(function);
        found.extend(self.error_arms(function));
        found.extend(self.promise_handlers(function));
        found.extend(self.recovered(function));
        found.extend(self.dropped_results(function));
        found.extend(self.folded_results(function));
        found.extend(self.resumed_empty(function));
        found
    }

    /// The failure of one call, of which nothing is done where it stands.
    pub fn failure_of(&self, site: SiteId) -> Failure {
        Failure::told_by(vec![site])
    }

    /// Whether nothing is done with a value but to wait for it.
    pub fn is_awaited_only(&self, var: VarId) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let awaited = program.assign_by_src.of(&r.assign, var).map(|row| row.dst);
        program.suspend_by_var.of(&r.suspend, var).next().is_some() && awaited.into_iter().all(|var| !self.is_used(var))
    }

    /// `return err == nil`, `client.put(url).send().await.is_ok()`: what says how it went becomes an answer that no caller
    /// looks at.
    fn folded_results(&self, function: FunctionId) -> Vec<Failure> {
        let program = self.program;
        let r = &program.facts.relations;
        let family: Family = program.language(program.file_of_function(function)).into();
        if !family.gives_outcomes() {
            return Vec::new();
        }
        let returned = program.returns_by_function.of(&r.returns, function).filter_map(|row| row.var);
        let folded =
            returned.flat_map(|var| program.asked_variant(self.reader().root(var))).map(|(outcome, _)| outcome);
        // `send(order).await.and_then(|answer| answer.error_for_status()).is_ok()`
        let chain = |var: VarId| {
            let calls = std::iter::successors(self.reader().maker(var), |call| self.reader().maker(call.receiver?));
            calls.map(|call| call.site).take(MAX_CHAINED).collect::<Vec<_>>()
        };
        let protected: Vec<SiteId> = folded.flat_map(chain).collect();
        let tells = |site: SiteId| {
            self.operations.at(site).any(|op| matches!(op.kind, OpKind::Log | OpKind::Metric | OpKind::Trace))
        };
        if protected.is_empty()
            || !self.is_answer_dropped(function)
            || program.sites(function).any(|row| tells(row.site))
        {
            return Vec::new();
        }
        vec![Failure { empty: true, idle: true, ..Failure::told_by(protected) }]
    }

    /// `let _ = send(order).await;`, `send(order).await.ok();`: what says how it went is dropped unread.
    fn dropped_results(&self, function: FunctionId) -> Vec<Failure> {
        let program = self.program;
        let sites = program.sites(function).map(|row| row.site);
        // Where something has failed already, what is noted about it is a courtesy.
        let in_failure = |site: SiteId| {
            program.regions_outward(program.site(site).region).any(|row| {
                // So is what is put away at the end.
                if row.kind == RegionKind::Finally {
                    return true;
                }
                let mut asked = program
                    .condition_by_region
                    .of(&program.facts.relations.condition, row.region)
                    .flat_map(|condition| program.asked_variant(condition.var));
                asked.any(|(_, variant)| variant == "Err")
            })
        };
        let dropped =
            sites.filter(|site| self.gives_outcome(*site) && self.is_outcome_dropped(*site) && !in_failure(*site));
        dropped.map(|site| Failure { empty: true, idle: true, ..Failure::told_by(vec![site]) }).collect()
    }

    /// Whether a call tells by its value whether it failed.
    fn gives_outcome(&self, site: SiteId) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let edges = self.resolution.calls_at(site);
        let says = |text: &str| {
            let head = text.split('<').next().unwrap_or(text);
            head.rsplit('.').next() == Some("Result")
        };
        let of_project = || {
            edges.iter().all(|edge| {
                program
                    .return_type_by_function
                    .first(&r.return_type, edge.function)
                    .is_some_and(|row| says(program.text(row.type_)))
            })
        };
        match edges.is_empty() {
            true => self
                .operations
                .at(site)
                .filter(|op| op.family.gives_outcomes() && (super::does_outside(op.kind) || op.kind == OpKind::Sql))
                .any(|op| !self.tells_later(op)),
            false => {
                let is_told = || edges.iter().all(|edge| self.tells_of_failures(edge.function));
                self.reader().family(site).gives_outcomes() && of_project() && !is_told()
            }
        }
    }

    /// Whether how it went is told by what the operation gives, once that has been waited for.
    fn tells_later(&self, op: &Operation) -> bool {
        match self.attribute(op, Attr::Completion) {
            Found::Is(Operand::Var(_)) => true,
            Found::Is(Operand::Text(text)) => matches!(text.as_str(), "awaited" | "flush"),
            _ => false,
        }
    }

    /// Whether a function says itself that what it does has failed, in a log or a metric.
    fn tells_of_failures(&self, function: FunctionId) -> bool {
        let is_told = |site: &SiteId| {
            self.operations.at(*site).any(|op| matches!(op.kind, OpKind::Log | OpKind::Metric | OpKind::Trace))
        };
        self.error_arms(function).iter().any(|failure| failure.sites.iter().any(is_told))
    }

    pub(super) fn is_outcome_dropped(&self, site: SiteId) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let Some(call) = program.call(site) else { return false };
        // Where a call does its work before it returns, nothing has to wait for it.
        let edges = self.resolution.calls_at(site);
        let family = self.reader().family(site);
        // A function that gives nothing but `None` has no answer to be looked at.
        let answers = |function: FunctionId| {
            let mut returned = program.returns_by_function.of(&r.returns, function).filter_map(|row| row.var);
            !program.function(function).flags.has(FunctionFlags::ASYNC)
                && returned.any(|var| !self.reader().is_null(var))
        };
        let waits = !family.gives_outcomes() && !edges.is_empty() && edges.iter().all(|edge| answers(edge.function));
        let (mut at, mut awaited) = (call.result, waits || !family.gives_futures());
        for _ in 0..MAX_STEPS {
            awaited |= program.suspend_by_var.first(&r.suspend, at).is_some();
            let named = program.variable(at).is_some_and(|row| !row.name.is_empty());
            let looked_at = program.throws_by_var.first(&r.throws, at).is_some()
                || program.argument_by_var.of(&r.argument, at).next().is_some()
                || program.load_by_base.of(&r.load, at).next().is_some()
                || self.flow.is_kept(at);
            if named || looked_at {
                return false;
            }
            let mut after = program.calls_by_receiver.of(&r.call, at);
            let mut assigned = program.assign_by_src.of(&r.assign, at).map(|row| row.dst);
            match (after.next(), assigned.next()) {
                (Some(next), _) if matches!(program.text(next.name), "ok" | "err") => at = next.result,
                (Some(_), _) => return false,
                (None, Some(var)) => at = var,
                (None, None) => return awaited,
            }
        }
        false
    }

    pub(super) fn handlers_of(&self, function: FunctionId) -> Vec<Failure> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut found = Vec::new();
        for body in program.regions_by_function.of(&r.region, function).filter(|row| row.kind == RegionKind::Try) {
            for row in program.handles_by_body.of(&r.handles, body.region) {
                let Some(catches) = program.catches_by_region.first(&r.catches, row.region) else { continue };
                let all = matches!(
                    program.text(catches.type_),
                    "" | "Exception" | "BaseException" | "Throwable" | "RuntimeException"
                );
                let names = program.text(catches.type_).split('|').filter(|_| !all);
                let paths: Vec<String> = names.flat_map(|name| self.qualified_as(function, name.trim())).collect();
                let family = program.language(program.file_of_function(function)).into();
                let of = |known: &dyn Fn(&str) -> &'m [u32]| {
                    let mut libraries: Vec<u32> = paths.iter().flat_map(|path| known(path)).copied().collect();
                    libraries.sort_unstable();
                    libraries.dedup();
                    libraries
                };
                let libraries = of(&|path| self.models.failing_with(family, path));
                let timing_out = of(&|path| self.models.timing_out_with(family, path));
                let failure = self.failure_in(row.region, all, self.sites_in(body.region));
                let told = failure.empty && self.answers_otherwise(&failure) && !self.is_answer_dropped(function);
                found.push(Failure { libraries, timing_out, empty: failure.empty && !told, ..failure });
            }
        }
        found
    }

    /// Whether the failure of an operation that is done at `site` comes to a handler, whichever it is.
    pub fn is_handled(&self, failure: &Failure, site: SiteId) -> bool {
        let mut libraries = self.operations.at(site).map(|op| self.reader().model(op).library);
        failure.all || libraries.any(|library| failure.libraries.contains(&library))
    }

    /// Whether an operation at `site` that is not answered in time comes to a handler.
    pub fn is_timeout_handled(&self, failure: &Failure, site: SiteId) -> bool {
        let comes = |op: &Operation| {
            let library = self.reader().model(op).library;
            let all = failure.libraries.contains(&library) && !self.models.times_out_apart(op.family, library);
            all || failure.timing_out.contains(&library)
        };
        failure.all || self.operations.at(site).any(comes)
    }

    /// The qualified names that one of an exception may stand for, as it is written in `function`.
    fn qualified_as(&self, function: FunctionId, name: &str) -> Vec<String> {
        let program = self.program;
        let r = &program.facts.relations;
        let module = program.function(function).module;
        let (first, rest) = name.split_once('.').map_or((name, ""), |(first, rest)| (first, rest));
        let imported =
            program.imported_as(module, first).map(|row| [program.text(row.target), program.text(row.member), rest]);
        // `import java.io.*;`; a name in full.
        let globs = program.import_glob_by_module.of(&r.import_glob, module);
        let spelt = globs.map(|row| [program.text(row.target), name, ""]).chain([["", name, ""]]);
        let whole = imported.chain(spelt).map(|parts| {
            let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            parts.join(".")
        });
        whole.collect()
    }

    /// `if let Err(e) = work()`, `Err(e) => …`.
    fn error_arms(&self, function: FunctionId) -> Vec<Failure> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut found = Vec::new();
        for arm in program.regions_by_function.of(&r.region, function).filter(|row| row.kind == RegionKind::Branch) {
            for condition in program.condition_by_region.of(&r.condition, arm.region) {
                // `err != nil || reply.StatusCode >= 300`: the failure comes here, too.
                let mut asked = self.either(condition.var).into_iter().flat_map(|var| program.asked_variant(var));
                let Some((matched, _)) = asked.find(|(_, variant)| *variant == "Err") else { continue };
                let protected = self.failing_calls(matched, function);
                if protected.is_empty() {
                    continue;
                }
                let failure = self.failure_in(arm.region, true, protected);
                // `Err(Error::UniqueViolation) => {}` beside an arm for all others: the one refusal that is wanted.
                let kinds = program.condition_by_region.of(&r.condition, arm.region);
                let is_wanted =
                    kinds.flat_map(|row| program.asked_variant(row.var)).any(|(_, kind)| is_unique_violation(kind));
                found.push(Failure { empty: failure.empty && !is_wanted, ..failure });
            }
        }
        found
    }

    /// What a region does about the failure of what it protects.
    fn failure_in(&self, region: RegionId, all: bool, protected: Vec<SiteId>) -> Failure {
        let function = self.program.region(region).function;
        let idle = self.program.is_idle(region);
        Failure {
            region: Some(region),
            all,
            libraries: Vec::new(),
            timing_out: Vec::new(),
            empty: idle && (!self.answers(region) || self.is_answer_dropped(function)),
            idle,
            protected,
            sites: self.sites_in(region),
            entry: self.order.entry_of(self.program, region),
        }
    }

    /// What a condition holds for any of: the sides of `||`.
    fn either(&self, condition: VarId) -> Vec<VarId> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut found = vec![condition];
        let mut at = 0;
        while let Some(&var) = found.get(at).filter(|_| at < MAX_STEPS) {
            let sides = program
                .binary_by_dst
                .of(&r.binary, var)
                .filter(|row| matches!(program.text(row.operator), "||" | "or"));
            found.extend(sides.flat_map(|row| [Some(row.left), row.right]).flatten());
            at += 1;
        }
        found
    }

    /// Whether a region answers with something that callers do not get when all went well: `except TimeoutError: return False`.
    fn answers(&self, region: RegionId) -> bool {
        let r = &self.program.facts.relations;
        let function = self.program.region(region).function;
        let returned = || self.program.returns_by_function.of(&r.returns, function);
        // Of a function that gives but an error, none says that all went well; `return` alone never says anything.
        let only_error = self.gives_only_error(function);
        let says_nothing = |var: Option<VarId>| var.is_none_or(|var| only_error && self.reader().is_null(var));
        let is_silent = only_error || returned().all(|row| row.var.is_none());
        returned()
            .filter(|row| self.program.region_within(self.program.site(row.site).region, region))
            .any(|row| !is_silent || !says_nothing(row.var))
    }

    /// Whether all that a function gives is how it went: `func (m *Mail) Send(to string) error`.
    fn gives_only_error(&self, function: FunctionId) -> bool {
        let program = self.program;
        let given = program.return_type_by_function.first(&program.facts.relations.return_type, function);
        given.is_some_and(|row| program.text(row.type_).starts_with("Result<()"))
    }

    /// Whether the function gives another constant after a failure than where all went well: `try { …; return true; } catch {}
    /// return false;`.
    fn answers_otherwise(&self, failure: &Failure) -> bool {
        let program = self.program;
        let Some((region, entry)) = failure.region.zip(failure.entry) else { return false };
        let function = program.region(region).function;
        let constant = |var: Option<VarId>| var.and_then(|var| self.constant(var));
        let mut returned = program.returns_by_function.of(&program.facts.relations.returns, function);
        let well: Vec<_> =
            returned.clone().filter(|row| failure.protected.contains(&row.site)).map(|row| constant(row.var)).collect();
        let mut failed = returned
            .by_ref()
            .filter(|row| !failure.protected.contains(&row.site) && self.leads(entry, row.site))
            .peekable();
        !well.is_empty()
            && failed.peek().is_some()
            && failed.all(|row| constant(row.var).is_some_and(|text| !well.contains(&Some(text))))
    }

    /// Whether whoever calls the function ignores what it answers.
    fn is_answer_dropped(&self, function: FunctionId) -> bool {
        let callers = self.callers(function);
        !callers.is_empty()
            && callers.iter().all(|site| {
                self.resolution.calls_at(*site).iter().any(|edge| edge.function == function)
                    && self.is_outcome_dropped(*site)
            })
    }

    /// `work().catch((error) => …)`, `work().await.unwrap_or_else(|error| …)`
    fn promise_handlers(&self, function: FunctionId) -> Vec<Failure> {
        let program = self.program;
        let mut found = Vec::new();
        for site in program.sites(function) {
            let Some(call) = program.call(site.site) else { continue };
            let name = program.text(call.name);
            if !TAKES_FAILURES.contains(&name) || !self.resolution.calls_at(site.site).is_empty() {
                continue;
            }
            let given = program.arguments(site.site).next().and_then(|argument| program.closure(argument.var));
            let (Some(receiver), Some(handler)) = (call.receiver, given) else { continue };
            // What gives a value for one that is not there is given nothing.
            if name != "catch" && program.parameters(handler).next().is_none() {
                continue;
            }
            // `future.handle((value, error) -> …)`; of one alone anything is handled.
            if name == "handle" && program.parameters(handler).count() != 2 {
                continue;
            }
            let sites: Vec<SiteId> = program.sites(handler).map(|row| row.site).collect();
            // `() => undefined`, where nobody looks at what is given instead.
            let returned = program.returns_by_function.of(&program.facts.relations.returns, handler);
            let instead = returned.clone().all(|row| row.var.is_none_or(|var| program.literal(var).is_some()))
                && returned.clone().count() == sites.len()
                && (self.is_outcome_dropped(site.site) || self.is_handed_on_and_dropped(function, call.result));
            // Who does not wait either has let it go on purpose.
            let empty = name == "catch" && (sites.is_empty() || instead) && self.is_used(call.result);
            found.push(Failure {
                empty,
                idle: empty,
                sites,
                ..Failure::told_by(self.failing_calls(receiver, function))
            });
        }
        found
    }

    /// Whether a function gives a value to its callers, who ignore it: `(user) => api.put(user).catch(() => false)`.
    fn is_handed_on_and_dropped(&self, function: FunctionId, value: VarId) -> bool {
        let r = &self.program.facts.relations;
        let mut returned = self.program.returns_by_function.of(&r.returns, function).filter_map(|row| row.var);
        returned.any(|var| self.reader().root(var) == value) && self.is_answer_dropped(function)
    }

    /// The calls in `function` whose failure `value` may be: along awaits, assignments and chains.
    pub(super) fn failing_calls(&self, value: VarId, function: FunctionId) -> Vec<SiteId> {
        let program = self.program;
        let mut found: Vec<SiteId> = Vec::new();
        let mut seen: FxHashSet<VarId> = FxHashSet::default();
        let mut stack = vec![value];
        while let Some(at) = stack.pop() {
            if !seen.insert(at) {
                continue;
            }
            stack.extend(program.assigned_from(at).map(|row| row.src));
            // The error among the results of a call.
            stack.extend(
                program.loaded_as(at).map(|load| load.base).filter(|base| program.call_giving(*base).is_some()),
            );
            if let Some(call) = program.call_giving(at) {
                if program.site(call.site).function == function {
                    found.push(call.site);
                }
                stack.extend(call.receiver);
            }
        }
        found.sort_unstable();
        found
    }

    /// The sites in a region.
    pub fn sites_in(&self, region: RegionId) -> Vec<SiteId> {
        let program = self.program;
        let all = program.sites(program.region(region).function);
        all.filter(|row| program.region_within(row.region, region)).map(|row| row.site).collect()
    }

    /// Whether control may come from `block` to the beginning of `region` again, in a later turn of a loop.
    pub fn comes_round(&self, block: BlockId, region: RegionId) -> bool {
        self.order.comes_round(self.program, block, region)
    }

    /// Whether control may come from `block` to `site`, or `site` is in it.
    pub fn leads(&self, block: BlockId, site: SiteId) -> bool {
        self.program.site(site).block == block || self.order.leads(self.program, block, site)
    }
}

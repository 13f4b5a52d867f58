//! Streams that go on as if nothing had failed: `client.put().retrieve().toBodilessEntity().onErrorResume(e -> Mono.empty())`.

use distsys_facts::schema::Call;
use distsys_facts::{FunctionId, SiteKind, VarId};

use super::{Failure, Meaning};

/// What follows on something that gives nothing is followed over so many calls.
const MAX_AFTER: usize = 6;

impl Meaning<'_> {
    /// Where a stream ends well when it has failed, and nobody downstream can tell.
    pub(super) fn resumed_empty(&self, function: FunctionId) -> Vec<Failure> {
        let program = self.program;
        let calls = program.sites(function).filter_map(|row| program.call(row.site));
        let resumed = calls.filter(|call| self.resolution.calls_at(call.site).is_empty());
        let resumed = resumed.filter(|call| self.resumes_empty(call) && self.gives_nothing(function, call.result));
        let dropped = resumed.filter_map(|call| {
            let protected = self.failing_calls(call.receiver?, function);
            Some(Failure { empty: true, idle: true, ..Failure::told_by(protected) })
        });
        dropped.collect()
    }

    /// `onErrorComplete()`, `onErrorResume(e -> Mono.empty())`: what failed is left out.
    fn resumes_empty(&self, call: &Call) -> bool {
        let program = self.program;
        let mut given = program.arguments(call.site);
        match (program.text(call.name), given.next()) {
            ("onErrorComplete", None) => true,
            ("onErrorResume", Some(given)) => program.closure(given.var).is_some_and(|handler| {
                let mut done = program.sites(handler).filter(|row| row.kind == SiteKind::Call);
                let only = done.next().filter(|_| done.next().is_none()).and_then(|row| program.call(row.site));
                only.is_some_and(|call| {
                    program.text(call.name) == "empty" && program.arguments(call.site).next().is_none()
                })
            }),
            _ => false,
        }
    }

    /// Whether a stream tells no more than that it has ended: `….then()`, or a function that gives a `Mono<Void>`.
    fn gives_nothing(&self, function: FunctionId, stream: VarId) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let mut at = stream;
        for _ in 0..MAX_AFTER {
            let Some(next) = program.calls_by_receiver.of(&r.call, at).next() else { break };
            match program.text(next.name) {
                "then" if program.arguments(next.site).next().is_none() => return true,
                // What is there instead of nothing, or looked at where it ends.
                "switchIfEmpty" | "defaultIfEmpty" | "hasElement" | "then" | "thenReturn" => return false,
                _ => at = next.result,
            }
        }
        let is_void = program.return_type_by_function.first(&r.return_type, function).is_some_and(|row| {
            let type_ = program.text(row.type_);
            ["<Void>", "<java.lang.Void>"].iter().any(|argument| type_.ends_with(argument))
        });
        let mut returned = program.returns_by_function.of(&r.returns, function).filter_map(|row| row.var);
        is_void && returned.any(|var| self.reader().root(var) == at)
    }
}

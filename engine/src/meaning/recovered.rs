//! Streams and futures that go on as if nothing had failed: `save(order).onFailure().recoverWithNull()`, `save(order).onErrorComplete()`.

use distsys_facts::{FunctionId, SiteId, SiteKind};

use super::Meaning;
use super::failures::Failure;

/// Calls that put a value, or nothing, in the place of a failure, of which each may say whose.
const PUT_INSTEAD: &[&str] = &["recoverWithNull", "recoverWithItem", "onErrorReturn", "onErrorComplete"];

/// Calls before them that are given a function to be told of the failure.
const TELL: &[&str] = &["invoke", "doOnError", "onFailure"];

impl Meaning<'_> {
    /// Where `function` has a chain of calls go on in spite of whatever failed before.
    pub(super) fn recovered(&self, function: FunctionId) -> Vec<Failure> {
        let program = self.program;
        let mut found = Vec::new();
        for site in program.sites(function) {
            let Some(call) = program.call(site.site) else { continue };
            let name = program.text(call.name);
            let Some(receiver) = call.receiver.filter(|_| PUT_INSTEAD.contains(&name)) else { continue };
            if !self.resolution.calls_at(site.site).is_empty() {
                continue;
            }
            // `onFailure(Busy.class).recoverWithNull()`, `onErrorReturn(Busy.class, none)`
            let given = program.arguments(site.site).count();
            let chosen = program.call_giving(receiver).filter(|before| program.text(before.name) == "onFailure");
            let of_some = match (name, chosen) {
                ("recoverWithNull" | "recoverWithItem", Some(before)) => program.arguments(before.site).count() > 0,
                ("recoverWithNull" | "recoverWithItem", None) => true,
                ("onErrorReturn", _) => given != 1,
                _ => given > 0,
            };
            if of_some {
                continue;
            }
            let chain = self.failing_calls(receiver, function);
            let tells =
                |site: &&SiteId| program.call(**site).is_some_and(|call| TELL.contains(&program.text(call.name)));
            let told = chain.iter().filter(tells).flat_map(|site| program.arguments(*site));
            let told = told.filter_map(|row| program.closure(row.var));
            // What they give nobody looks at.
            let done = told.flat_map(|closure| program.sites(closure)).filter(|row| row.kind != SiteKind::Return);
            let sites = done.map(|row| row.site).collect();
            let mut failure = Failure::told_by(chain);
            failure.sites = sites;
            found.push(failure);
        }
        found
    }
}

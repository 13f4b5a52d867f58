//! Meaning to findings: the rules, the library models they rest on, and the catalogue of both.

mod added_again;
mod amounts;
mod begun;
mod bounded_uses;
mod builder;
mod cached;
mod carried;
#[path = "../rules/mod.rs"]
mod catalogue;
mod check_and_fill;
mod claims;
mod combined;
mod computed;
mod context;
mod creations;
mod done;
mod fills;
pub mod finding;
mod freshness;
mod gates;
mod given_back;
mod handlers;
mod items;
mod kept;
mod keyed_by_client;
mod keys;
mod left_behind;
mod lock_rows;
mod locks;
mod missing;
mod models;
mod on_miss;
mod only_tells;
mod other_columns;
mod other_keys;
mod outlived;
mod own_locks;
mod own_rules;
mod polled;
mod refills;
mod relations;
mod remote_waits;
mod replaced;
mod resent;
mod retried;
mod routed;
mod sends;
mod shared_loads;
mod sizes;
mod started;
mod stored_at;
mod streams;
mod sweeps;
mod taken;
mod timed_later;
mod told_beside;
mod transactions;
mod unknown_loads;
mod untimed;
mod versioned;
mod worked_out;
mod wrapped_handlers;

use std::time::Instant;

use distsys_engine::resolve::Resolution;
use distsys_engine::{Meaning, Program};
use distsys_facts::{FactBase, Word};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

pub use builder::FindingBuilder;
pub use context::Context;
pub use distsys_engine::model::LibraryInfo;
pub use distsys_engine::{Family, ModelError};
pub use finding::{Category, Confidence, Finding, Maturity, Place, RuleInfo, Severity, Step};
pub use missing::{MissingLibrary, missing};
pub use models::{built_in_models, model_set, read_models};
pub use own_rules::{OwnRule, OwnRuleError};
pub use relations::{
    DERIVED, Derived, Schema, derive_relations, derive_tables, derived_reference, load_extracted, load_tables, schemas,
};

/// A rule of the catalogue.
#[derive(Debug)]
pub struct Rule {
    pub info: RuleInfo,
    pub(crate) judge: fn(&Context<'_>) -> Vec<Finding>,
}

/// Every built-in rule, by category and slug.
pub fn rules() -> &'static [&'static Rule] {
    catalogue::RULES
}

/// The rule with this slug.
pub fn rule(slug: &str) -> Option<&'static Rule> {
    rules().iter().copied().find(|rule| rule.info.slug == slug)
}

/// What judging gave, and what it rests on.
#[derive(Debug, Default)]
pub struct Judgement {
    /// By path, line and rule.
    pub findings: Vec<Finding>,
    /// Milliseconds by phase, in order.
    pub phases: Vec<(&'static str, f64)>,
    /// Tuples by derived relation.
    pub counts: Vec<(&'static str, usize)>,
    /// Call sites by language: language, to project functions, to named library functions, unresolved.
    pub resolution: Vec<(&'static str, usize, usize, usize)>,
    /// The rules that were not judged because there was no time left.
    pub unfinished: Vec<&'static str>,
}

/// One operation, one finding: a rule is silent where a more specific one speaks.
fn leave_the_specific(findings: &mut Vec<Finding>) {
    let mut told: FxHashMap<(Place, &'static str), Option<Place>> = FxHashMap::default();
    for finding in findings.iter() {
        told.insert((finding.primary.clone(), finding.rule.slug), finding.operation.clone());
    }
    findings.retain(|finding| {
        let is_told = |specific: &&str| match told.get(&(finding.primary.clone(), *specific)) {
            Some(Some(known)) => finding.operation.as_ref().is_none_or(|own| own == known),
            Some(None) => true,
            None => false,
        };
        !finding.rule.yields_to.iter().any(is_told)
    });
}

/// What each of `rules` finds; nothing of those that there is no time for.
fn judge_rules(context: &Context<'_>, rules: &[&'static Rule], go_on: GoOn<'_>) -> Vec<Option<Vec<Finding>>> {
    rules.par_iter().map(|rule| go_on().then(|| (rule.judge)(context))).collect()
}

/// What `rules` find, and what was `found` by others.
fn judge_meaning(context: &Context<'_>, rules: &[&'static Rule], found: Vec<Finding>) -> Vec<Finding> {
    in_order(judge_rules(context, rules, &|| true).into_iter().flatten().flatten().chain(found).collect())
}

/// All findings by path, line and rule, each with an id of its own.
fn in_order(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by(|a, b| (&a.primary, a.rule.slug, &a.message).cmp(&(&b.primary, b.rule.slug, &b.message)));
    findings.dedup_by(|a, b| a.primary == b.primary && a.rule.slug == b.rule.slug);
    leave_the_specific(&mut findings);
    builder::separate_ids(&mut findings);
    findings
}

/// Why facts could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    OwnRule(#[from] OwnRuleError),
}

/// Judges the facts by `rules` and those of the project's own, with the built-in models and the project's own (`(origin, TOML
/// text)`).
pub fn judge(
    facts: &FactBase,
    rules: &[&'static Rule],
    own_models: &[(String, String)],
    own_rules: &[&OwnRule],
) -> Result<Judgement, JudgeError> {
    judge_while(facts, rules, own_models, own_rules, &|| true)
}

/// Whether there is time for more.
pub type GoOn<'a> = &'a (dyn Fn() -> bool + Sync);

/// As [`judge`], as long as `go_on` says so: it is asked before each phase and each rule.
pub fn judge_while(
    facts: &FactBase,
    rules: &[&'static Rule],
    own_models: &[(String, String)],
    own_rules: &[&OwnRule],
    go_on: GoOn<'_>,
) -> Result<Judgement, JudgeError> {
    let slugs = || rules.iter().map(|rule| rule.info.slug).chain(own_rules.iter().map(|rule| rule.info.slug)).collect();
    let unjudged = |judgement| Judgement { unfinished: slugs(), ..judgement };
    let mut judgement = Judgement::default();
    let mut start = Instant::now();
    let mut phase = |name: &'static str, phases: &mut Vec<(&'static str, f64)>| {
        phases.push((name, start.elapsed().as_secs_f64() * 1000.0));
        start = Instant::now();
    };
    let models = models::model_set(own_models)?;
    phase("models", &mut judgement.phases);
    let program = Program::new(facts);
    phase("index", &mut judgement.phases);
    if !go_on() {
        return Ok(unjudged(judgement));
    }
    let resolution = Resolution::solve(&program, &models);
    phase("resolve", &mut judgement.phases);
    if !go_on() {
        return Ok(unjudged(judgement));
    }
    let meaning = Meaning::derive(&program, &models, &resolution);
    phase("mean", &mut judgement.phases);
    let context = Context::new(&meaning);
    if !go_on() {
        return Ok(unjudged(judgement));
    }
    let own = own_rules::judge(&context, facts, own_rules)?;
    let mut findings = Vec::new();
    for (rule, found) in rules.iter().zip(judge_rules(&context, rules, go_on)) {
        match found {
            Some(found) => findings.extend(found),
            None => judgement.unfinished.push(rule.info.slug),
        }
    }
    findings.extend(own);
    judgement.findings = in_order(findings);
    phase("rules", &mut judgement.phases);
    judgement.counts = meaning.counts();
    judgement.resolution = resolution
        .shares(&program)
        .into_iter()
        .map(|(language, share)| (language.name(), share.project, share.external, share.unresolved))
        .collect();
    Ok(judgement)
}

//! Meaning to findings: the rules, the library models they rest on, and the catalogue of both.

pub mod finding;

pub use finding::{Category, Confidence, Finding, Maturity, Place, RuleInfo, Severity, Step};

use distsys_facts::FactBase;

/// A rule of the catalogue.
#[derive(Debug)]
pub struct Rule {
    pub info: RuleInfo,
}

/// Every built-in rule, by category and slug.
pub fn rules() -> &'static [&'static Rule] {
    &[]
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
    /// Milliseconds by phase, in order: `resolve`, `model`, `mean`, `rules`.
    pub phases: Vec<(&'static str, f64)>,
    /// Tuples by derived relation.
    pub counts: Vec<(&'static str, usize)>,
    /// Call sites by language: language, to project functions, to named library functions, unresolved.
    pub resolution: Vec<(&'static str, usize, usize, usize)>,
}

/// A model of the project's own that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{origin}: {message}")]
pub struct ModelError {
    pub origin: String,
    pub message: String,
}

/// Judges the facts by `rules`, with the built-in models and the project's own (`(origin, TOML text)`).
pub fn judge(facts: &FactBase, rules: &[&'static Rule], own_models: &[(String, String)]) -> Result<Judgement, ModelError> {
    let _ = (facts, rules, own_models);
    Ok(Judgement::default())
}

//! Builds a finding; the primary place is required, everything else is added.

use std::hash::{Hash, Hasher};

use distsys_facts::{RegionId, SiteId};
use rustc_hash::FxHasher;

use crate::context::Context;
use crate::finding::{Confidence, Finding, RuleInfo, Severity, Step};

/// A finding in the making.
#[derive(Debug)]
pub struct FindingBuilder<'c, 'm> {
    context: &'c Context<'m>,
    primary: SiteId,
    finding: Finding,
}

impl<'c, 'm> FindingBuilder<'c, 'm> {
    /// `message`: what, why and what it costs.
    pub fn new(context: &'c Context<'m>, rule: &'static RuleInfo, primary: SiteId, message: String) -> Self {
        FindingBuilder {
            context,
            primary,
            finding: Finding {
                id: String::new(),
                function: String::new(),
                subject: String::new(),
                cause: String::new(),
                operation: None,
                rule,
                severity: rule.severity,
                confidence: Confidence::High,
                message,
                primary: context.place(primary),
                steps: Vec::new(),
                checked: Vec::new(),
                help: String::new(),
            },
        }
    }

    pub fn severity(mut self, severity: Severity) -> Self {
        self.finding.severity = severity;
        self
    }

    /// Puts the comment where a region begins: the header of a loop.
    pub fn at_region(mut self, region: RegionId) -> Self {
        let row = self.context.meaning.program.region(region);
        self.finding.primary.line = row.start.line();
        self.finding.primary.column = row.start.column();
        self.finding.primary.end_line = row.start.line();
        self.finding.primary.end_column = row.start.column() + 1;
        self
    }

    /// Lowers the confidence to that of something the finding rests on.
    pub fn rests_on(mut self, confidence: Confidence) -> Self {
        self.finding.confidence = self.finding.confidence.min(confidence);
        self
    }

    /// What the finding is about, beside its rule and function: part of its id.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.finding.subject = subject.into();
        self
    }

    /// What the primary place does, at the end of a way.
    pub fn about(mut self, operation: Option<SiteId>) -> Self {
        self.finding.operation = operation.map(|site| self.context.place(site));
        self
    }

    /// The places that all findings of one cause share.
    pub fn caused_at(mut self, sites: impl IntoIterator<Item = SiteId>) -> Self {
        let places = sites.into_iter().map(|site| self.context.place(site));
        let shown: Vec<String> =
            places.map(|place| format!("{}:{}:{}", place.path, place.line, place.column)).collect();
        self.finding.cause = shown.join(" ");
        self
    }

    /// The file that is to be changed for this finding and for others of `kind`.
    pub fn caused_in_file(mut self, kind: &str) -> Self {
        self.finding.cause = format!("{} {kind}", self.finding.primary.path);
        self
    }

    pub fn step(mut self, site: SiteId, message: impl Into<String>) -> Self {
        let place = self.context.place(site);
        let message = message.into();
        if !self.finding.steps.iter().any(|step| step.place == place && step.message == message) {
            self.finding.steps.push(Step { place, message });
        }
        self
    }

    pub fn steps(self, steps: impl IntoIterator<Item = (SiteId, String)>) -> Self {
        steps.into_iter().fold(self, |builder, (site, message)| builder.step(site, message))
    }

    /// What was looked for and not found.
    pub fn checked(mut self, text: impl Into<String>) -> Self {
        self.finding.checked.push(text.into());
        self
    }

    /// What to do.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.finding.help = text.into();
        self
    }

    pub fn build(mut self) -> Finding {
        let function = self.context.function_of(self.primary);
        self.finding.function = self.context.function_name(function).to_owned();
        let mut hasher = FxHasher::default();
        self.finding.rule.slug.hash(&mut hasher);
        self.finding.primary.path.hash(&mut hasher);
        self.finding.function.hash(&mut hasher);
        self.finding.subject.hash(&mut hasher);
        self.finding.id = format!("{:016x}", hasher.finish());
        self.finding
    }
}

/// Gives findings that would share an id (two of a kind in one function) ids of their own, by their order.
pub(crate) fn separate_ids(findings: &mut [Finding]) {
    let mut seen: rustc_hash::FxHashMap<String, u32> = rustc_hash::FxHashMap::default();
    for finding in findings {
        let count = seen.entry(finding.id.clone()).or_default();
        *count += 1;
        if *count > 1 {
            finding.id = format!("{}-{count}", finding.id);
        }
    }
}

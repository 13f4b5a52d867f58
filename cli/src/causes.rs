//! One cause, one comment: where many places are as they are for one reason, a reviewer names the reason once and lists them.
//!
//! It is the last thing that is done to a report: what is new, silenced or in a baseline is asked of each place by itself.

use std::hash::{Hash, Hasher};

use distsys_queries::{Finding, Step};
use rustc_hash::{FxHashMap, FxHasher};

use crate::analysis::{Report, Reported};

/// What stands in the id of such a finding between that of the place where it is told and what the others make of it.
const OF_SEVERAL: char = '+';

/// The id of the place where a finding is told.
pub fn id_of_place(id: &str) -> &str {
    id.split(OF_SEVERAL).next().unwrap_or(id)
}

/// So many findings of one cause are one.
const MANY: usize = 2;

impl Report {
    /// Leaves of many findings of one cause the gravest, with the places of the others among its steps.
    pub fn tell_causes_once(&mut self) {
        let mut by_cause: FxHashMap<(&str, &str), Vec<usize>> = FxHashMap::default();
        for (at, reported) in self.findings.iter().enumerate().filter(|(_, reported)| reported.counts()) {
            let finding = &reported.finding;
            if !finding.cause.is_empty() {
                by_cause.entry((finding.rule.slug, &finding.cause)).or_default().push(at);
            }
        }
        let mut beside: FxHashMap<usize, Vec<usize>> = FxHashMap::default();
        for alike in by_cause.into_values().filter(|alike| alike.len() >= MANY) {
            let rank = |at: &usize| (self.findings[*at].finding.severity, self.findings[*at].finding.confidence);
            // The first of the gravest.
            let Some(told) = alike.iter().copied().rev().max_by_key(rank) else { continue };
            beside.insert(told, alike.into_iter().filter(|at| *at != told).collect());
        }
        if beside.is_empty() {
            return;
        }
        let mut kept: Vec<Option<Reported>> = std::mem::take(&mut self.findings).into_iter().map(Some).collect();
        let mut told: Vec<(usize, Vec<usize>)> = beside.into_iter().collect();
        told.sort_unstable();
        for (at, others) in told {
            let places =
                others.iter().filter_map(|other| kept[*other].take()).map(|reported| reported.finding).collect();
            if let Some(reported) = &mut kept[at] {
                add(&mut reported.finding, places);
            }
        }
        self.findings = kept.into_iter().flatten().collect();
        self.summary.count(&self.findings);
    }
}

fn add(finding: &mut Finding, others: Vec<Finding>) {
    finding.message.push_str(&match others.len() {
        1 => "; so it is at another place, for the same reason".to_owned(),
        many => format!("; so it is at {many} other places, for the same reason"),
    });
    // Where one of the places is mended it is another finding.
    let mut ids: Vec<&str> = others.iter().map(|other| other.id.as_str()).collect();
    ids.sort_unstable();
    let mut hasher = FxHasher::default();
    ids.hash(&mut hasher);
    finding.id = format!("{}{OF_SEVERAL}{:08x}", finding.id, hasher.finish() as u32);
    for other in others {
        let known = |step: &Step| step.place == other.primary;
        if !finding.steps.iter().any(known) && other.primary != finding.primary {
            finding.steps.push(Step { place: other.primary, message: "and here".to_owned() });
        }
    }
}

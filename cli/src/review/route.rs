//! Routing: which findings ask a question that a specialist should answer, and which one.

use distsys_queries::{Category, Confidence, Finding, Severity};

/// Who is to look deeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// Data model, replication, consistency.
    Data,
    /// Messaging, retries, timeouts, caches, sagas.
    Runtime,
}

impl Route {
    pub fn name(self) -> &'static str {
        match self {
            Route::Data => "distsys-data",
            Route::Runtime => "distsys-runtime",
        }
    }

    /// Where `finding` is sent, if its soundness is not plain from the code it names: it rests on a guess, or it is grave and
    /// its proof goes through more than one file.
    pub fn of(finding: &Finding) -> Option<Route> {
        let files = finding.steps.iter().map(|step| step.place.path.as_str()).chain([finding.primary.path.as_str()]);
        let spread = files.collect::<std::collections::BTreeSet<_>>().len() > 1;
        let is_deep = finding.confidence < Confidence::High || finding.severity == Severity::Blocker && spread;
        is_deep.then_some(match finding.rule.category {
            Category::Fencing
            | Category::Replication
            | Category::Time
            | Category::HotSpots
            | Category::Transactions
            | Category::Schema
            | Category::Consensus => Route::Data,
            _ => Route::Runtime,
        })
    }

    /// The question that the specialist answers.
    pub fn question(self, finding: &Finding) -> String {
        let about = match self {
            Route::Data => {
                "Does the data model, or what the database and its replicas guarantee, already rule this out?"
            }
            Route::Runtime => {
                "Does the broker, client, cache or deployment, as it is configured, already rule this out?"
            }
        };
        format!("{}. {about} If not, what is the smallest change that makes it safe?", finding.message)
    }
}

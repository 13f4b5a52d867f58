//! What a rule says: a [`Finding`] with one primary place and the steps that prove it.

use std::fmt;

/// How bad it is in production.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    Nit,
    Minor,
    Major,
    /// Data loss, wrong money, an outage waiting to happen.
    Blocker,
}

/// How sure the derivation is: the lowest of what it rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    Low,
    Medium,
    High,
}

/// Whether a rule runs by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Maturity {
    /// Only with `--preview`.
    Preview,
    Stable,
}

/// The sixteen categories of the catalogue (and 17, deviance); the number is the category's in every output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    Retries = 1,
    Bounds,
    Fencing,
    Caching,
    Replication,
    Time,
    Messaging,
    HotSpots,
    EndToEnd,
    Transactions,
    Ordering,
    Schema,
    Capacity,
    Observability,
    Consensus,
    Runtime,
    Deviance,
}

/// What is known of a rule without running it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// What users see, write in suppressions and look up.
    pub slug: &'static str,
    pub category: Category,
    /// The default; a finding may be graver or milder.
    pub severity: Severity,
    pub maturity: Maturity,
    /// More specific rules: at a place where one of them speaks, this one is silent.
    pub yields_to: &'static [&'static str],
    /// One line.
    pub summary: &'static str,
    /// The rule's page in Markdown: what happens in production, examples that are its tests, how to silence.
    pub page: &'static str,
}

/// A range in a file of the tree; lines and columns from 1, the end exclusive in its column.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Relative to the root of the analysis, with `/`.
    pub path: String,
    pub line: u32,
    pub column: u32,
    pub end_line: u32,
    pub end_column: u32,
}

/// A step of the derivation: a place and what it adds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Step {
    pub place: Place,
    pub message: String,
}

/// One cause, reported once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable when lines move: rule, path, function and what it is about, hashed; hexadecimal.
    pub id: String,
    /// The function of the primary place, qualified within its module.
    pub function: String,
    /// What the finding is about, beside its rule and function: a table, a URL, a key.
    pub subject: String,
    /// What is one reason for all findings of the rule that name it, and is mended at once: a client's file, a cache's entry;
    /// empty where each stands for itself.
    pub cause: String,
    /// The operation that it is about, where the primary place is a call that leads to several.
    pub operation: Option<Place>,
    pub rule: &'static RuleInfo,
    pub severity: Severity,
    pub confidence: Confidence,
    /// What, why and what it costs, in one or two sentences.
    pub message: String,
    /// Where a reviewer would put the comment.
    pub primary: Place,
    /// From cause to effect, in the order of the story; the primary place is among them or added by reports.
    pub steps: Vec<Step>,
    /// What was looked for and not found.
    pub checked: Vec<String>,
    /// What to do.
    pub help: String,
}

macro_rules! lower_case_names {
    ($($type:ident { $($variant:ident = $name:literal,)* })*) => {$(
        impl $type {
            pub const ALL: &'static [$type] = &[$($type::$variant,)*];

            pub fn name(self) -> &'static str {
                match self { $($type::$variant => $name,)* }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|value| value.name() == text).ok_or_else(|| {
                    let names: Vec<&str> = Self::ALL.iter().map(|value| value.name()).collect();
                    format!("`{text}` is none of {}", names.join(", "))
                })
            }
        }
    )*};
}

lower_case_names! {
    Severity { Nit = "nit", Minor = "minor", Major = "major", Blocker = "blocker", }
    Confidence { Low = "low", Medium = "medium", High = "high", }
    Maturity { Preview = "preview", Stable = "stable", }
    Category {
        Retries = "retries", Bounds = "bounds", Fencing = "fencing", Caching = "caching",
        Replication = "replication", Time = "time", Messaging = "messaging", HotSpots = "hot-spots",
        EndToEnd = "end-to-end", Transactions = "transactions", Ordering = "ordering", Schema = "schema",
        Capacity = "capacity", Observability = "observability", Consensus = "consensus", Runtime = "runtime",
        Deviance = "deviance",
    }
}

impl Category {
    pub fn number(self) -> u8 {
        self as u8
    }
}

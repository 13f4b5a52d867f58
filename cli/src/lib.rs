//! distsys-graph as a library: source code in, findings out.
//!
//! ```
//! use distsys_graph::{Analysis, Source};
//!
//! let report = Analysis::of_sources(vec![Source::new("app.py", "import queue\n")]).run()?;
//! assert!(report.findings.is_empty());
//! # Ok::<(), distsys_graph::AnalysisError>(())
//! ```
//!
//! Nothing here parses arguments or touches a terminal; that is the binary's part (feature `cli`).

mod accept;
mod analysis;
mod baseline;
mod causes;
pub mod config;
mod deployment;
pub mod git;
pub mod graph;
pub mod json;
mod kept;
pub mod outputs;
pub mod own_rules;
pub mod pages;
pub mod proofs;
pub mod query;
pub mod review;
mod run;
mod suppress;

pub use accept::{Acceptance, Date};
pub use analysis::{
    Analysis, AnalysisError, Progress, Report, Reported, Selection, Silence, SilencedBy, Source, Stage, Summary,
};
pub use baseline::{Baseline, BaselineError};
pub use causes::id_of_place;
pub use config::Config;
pub use distsys_engine::datalog;
pub use distsys_extract::cache::{CacheError, CacheFolder};
pub use distsys_extract::driver::{Limits, Listing};
pub use distsys_facts as facts;
pub use distsys_queries::{
    Category, Confidence, Family, Finding, LibraryInfo, Maturity, MissingLibrary, Place, Rule, RuleInfo, Severity,
    Step, built_in_models, rule, rules,
};

//! What may be written on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use distsys_graph::{Confidence, Severity};

#[derive(Debug, Parser)]
#[command(
    name = "distsys-graph",
    version,
    about = "Finds distributed-systems bugs that cross functions, files and services",
    max_term_width = 100
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// When to colour the output
    #[arg(long, value_enum, default_value_t = Color::Auto, global = true)]
    pub(crate) color: Color,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Analyse files or folders and report findings
    ///
    /// Exit status: 0 nothing at or above the threshold, 1 findings, 2 the work could not be done.
    Check(CheckArguments),
    /// Write the facts of a tree: one file a relation
    Facts(FactsArguments),
    /// List the rules
    Rules {
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Print a rule's page: what it finds, why, what to do
    Explain {
        /// The rule, as `distsys-graph rules` names it
        rule: String,
    },
    /// Ask in Datalog over the facts of a tree and all that is derived from them
    ///
    /// A question is a program in Souffle's syntax, or only a body, whose variables are the columns of the answer:
    /// distsys-graph query src -e 'effect(function: f, kind: "payment"), entry_point(f, _)'
    Query(QueryArguments),
    /// List the library models, or the calls of a tree that no model knows
    Models(ModelsArguments),
    /// Measure an analysis: phases, tuples, peak memory
    Bench {
        #[arg(default_value = ".")]
        path: PathBuf,
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        #[arg(long)]
        jobs: Option<usize>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// Files or folders
    #[arg(default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Run only these rules
    #[arg(long, value_delimiter = ',', value_name = "RULE")]
    pub(crate) rule: Vec<String>,
    /// Leave these rules out
    #[arg(long, value_delimiter = ',', value_name = "RULE")]
    pub(crate) exclude_rule: Vec<String>,
    /// Report findings of at least this severity: nit, minor, major, blocker
    #[arg(long, value_name = "SEVERITY")]
    pub(crate) min_severity: Option<Severity>,
    /// Report findings of at least this confidence: low, medium, high [default: medium]
    #[arg(long, value_name = "CONFIDENCE")]
    pub(crate) min_confidence: Option<Confidence>,
    /// Exit with 1 on findings of at least this severity [default: any]
    #[arg(long, value_name = "SEVERITY")]
    pub(crate) fail_on: Option<Severity>,
    /// Run rules that are still in preview, too
    #[arg(long)]
    pub(crate) preview: bool,
    /// Threads [default: one a core]
    #[arg(long)]
    pub(crate) jobs: Option<usize>,
    /// Use this configuration instead of the one found upward from the target
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    pub(crate) config: Option<PathBuf>,
    /// Use no configuration
    #[arg(long)]
    pub(crate) no_config: bool,
    /// Print phases and tuple counts to stderr
    #[arg(long)]
    pub(crate) stats: bool,
    /// No progress and no summary
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsArguments {
    /// List the library calls of this file or folder that no model knows, most called libraries first
    #[arg(long, value_name = "PATH")]
    pub(crate) missing: Option<PathBuf>,
    /// Show so many libraries
    #[arg(long, default_value_t = 40, value_name = "N")]
    pub(crate) limit: usize,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    #[arg(long)]
    pub(crate) jobs: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct QueryArguments {
    /// A program (`.dl`), and the tree or bundle of facts to ask [default: the current folder]
    #[arg(value_name = "PROGRAM|TREE|BUNDLE")]
    pub(crate) paths: Vec<PathBuf>,
    /// The question itself
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) expression: Option<String>,
    /// Run the program over plain files: `.input r` reads `DIR/r.facts`
    #[arg(long, value_name = "DIR")]
    pub(crate) facts_dir: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = QueryFormat::Table)]
    pub(crate) format: QueryFormat,
    /// Show so many rows of each relation
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Show only how many rows there are
    #[arg(long)]
    pub(crate) count: bool,
    /// Stop when so many tuples are derived
    #[arg(long, value_name = "N", default_value_t = 200_000_000)]
    pub(crate) max_tuples: usize,
    /// Stop after so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<f64>,
    /// List the relations that may be asked for, or the columns of one
    #[arg(long, value_name = "RELATION", num_args = 0..=1, default_missing_value = "")]
    pub(crate) schema: Option<String>,
    #[arg(long)]
    pub(crate) jobs: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum QueryFormat {
    Table,
    Tsv,
    Csv,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct FactsArguments {
    #[arg(default_value = ".")]
    pub(crate) path: PathBuf,
    /// The folder to write to; made if it is not there
    #[arg(long, value_name = "DIR", required_unless_present = "bundle")]
    pub(crate) out: Option<PathBuf>,
    /// Souffle's `.facts` with a `schema.dl`, or JSON Lines
    #[arg(long, value_enum, default_value_t = FactsFormat::Tsv)]
    pub(crate) format: FactsFormat,
    /// Write all facts to one file
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    #[arg(long)]
    pub(crate) jobs: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FactsFormat {
    Tsv,
    Jsonl,
}

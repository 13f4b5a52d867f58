//! What may be written on the command line.

use std::path::PathBuf;
use std::time::Duration;

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
    /// Review a change: report what is new in it, through every file it reaches
    ///
    /// The whole program is analysed before and after the change. Exit status: as of `check`.
    Review(ReviewArguments),
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
    /// Write the graph of calls and effects, whole or around a function, an entity or a finding
    Graph(GraphArguments),
    /// Run the pages beside the project's own rules: what they find and what they leave
    Test {
        /// A folder of rules, or a project that has one
        #[arg(default_value = ".")]
        path: PathBuf,
    },
    /// Remove what earlier runs left in the cache
    Clean {
        /// The folder of the cache [default: the user's cache folder]
        #[arg(long, value_name = "DIR", env = CACHE_DIR)]
        cache_dir: Option<PathBuf>,
    },
    /// Write a commented configuration to the current folder
    Init {
        /// Also make what is found now the baseline
        #[arg(long)]
        baseline: bool,
    },
    /// Print the completions of a shell
    Completions {
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the man page
    Man {
        /// Write it, and one for each command, to this folder instead; made if it is not there
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Measure an analysis: phases, tuples, peak memory
    Bench {
        #[arg(default_value = ".")]
        path: PathBuf,
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        #[arg(long)]
        jobs: Option<usize>,
        /// Measure runs with a cache of their own, too: the first, and one with no change
        #[arg(long)]
        warm: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// Files or folders
    #[arg(default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub(crate) format: ReportFormat,
    #[command(flatten)]
    pub(crate) choice: ChoiceArguments,
    /// Leave out what this file lists: findings that were there before
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Write what is found to this file, as the baseline of later runs
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = BASELINE, conflicts_with = "baseline")]
    pub(crate) write_baseline: Option<PathBuf>,
    /// Take out of the baseline what is no longer found
    #[arg(long, requires = "baseline")]
    pub(crate) prune_baseline: bool,
    /// Show why the finding with this id (or the beginning of one, as `--format json` gives it) is there
    #[arg(long, value_name = "ID")]
    pub(crate) explain: Option<String>,
    /// Print phases and tuple counts to stderr
    #[arg(long)]
    pub(crate) stats: bool,
    /// No progress and no summary
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// The name of a baseline that is given none.
pub(crate) const BASELINE: &str = "distsys-graph-baseline.txt";

#[derive(Debug, Args)]
pub(crate) struct ReviewArguments {
    /// A..B, A...B, a commit, '#123' or the address of a pull request, files or folders [default: the current branch, with
    /// what is not committed, against the default branch]
    #[arg(value_name = "WHAT")]
    pub(crate) what: Vec<String>,
    #[arg(long, value_enum, default_value_t = ReportFormat::Markdown)]
    pub(crate) format: ReportFormat,
    #[command(flatten)]
    pub(crate) choice: ChoiceArguments,
    /// Also tell what was there before, where a step of it lies in a changed line
    #[arg(long)]
    pub(crate) touched: bool,
    /// Leave out what this file lists: findings that were there before
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Heed what the change makes of configuration, baseline, conventions, models and rules; else the base's hold
    #[arg(long)]
    pub(crate) trust_head: bool,
    /// Write a question for each routed finding to this folder, as Markdown and JSON; `-`: JSON Lines instead of the report
    #[arg(long, value_name = "DIR")]
    pub(crate) packets: Option<PathBuf>,
}

/// Which rules run, and what of their findings is told.
#[derive(Debug, Args)]
pub(crate) struct ChoiceArguments {
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
    #[command(flatten)]
    pub(crate) cache: CacheArguments,
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
}

/// The variable that names the folder of the cache.
const CACHE_DIR: &str = "DISTSYS_GRAPH_CACHE_DIR";

/// Where what is read is kept for later runs.
#[derive(Debug, Args)]
pub(crate) struct CacheArguments {
    /// Keep what is read here for later runs [default: the user's cache folder]
    #[arg(long, value_name = "DIR", env = CACHE_DIR)]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Read everything, keep nothing
    #[arg(long, env = "DISTSYS_GRAPH_NO_CACHE", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) no_cache: bool,
}

/// What a run may take.
#[derive(Debug, Args)]
pub(crate) struct LimitArguments {
    /// Stop after so many seconds and tell what is known by then; exit with 2
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
    /// Give up a file that takes longer than so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "10")]
    pub(crate) file_timeout: Duration,
    /// Stop before the process holds more memory than this (as 800M, 2G) and tell what is known by then; exit with 2
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub(crate) max_memory: Option<u64>,
    /// Exit with 2 if a file was not read, or not whole
    #[arg(long)]
    pub(crate) strict: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|time| !time.is_zero()).ok_or_else(|| "give a number of seconds above 0, as 30 or 0.5".to_owned())
}

fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.to_ascii_lowercase().strip_suffix('b').unwrap_or(&text.to_ascii_lowercase()) {
        text if text.ends_with('k') => (text.trim_end_matches('k').to_owned(), 1_000),
        text if text.ends_with('m') => (text.trim_end_matches('m').to_owned(), 1_000_000),
        text if text.ends_with('g') => (text.trim_end_matches('g').to_owned(), 1_000_000_000),
        text => (text.to_owned(), 1),
    };
    let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| "give a number of bytes, as 800M or 2G".to_owned())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// Code frames, for people
    Text,
    /// One line a finding
    Concise,
    Markdown,
    Json,
    /// One finding a line
    Jsonl,
    /// SARIF 2.1.0
    Sarif,
    /// Annotations of GitHub Actions
    Github,
    /// GitLab's Code Quality
    Gitlab,
    Junit,
    /// One page with everything in it: findings step by step, and the service's picture
    Html,
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
    /// A program (`.dl`), and the tree or bundle of facts to ask [default: the current folder]; without a program questions
    /// are read line by line
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
    /// Show why the first rows are there (`--limit`, else one of each relation): the clauses and rows that each rests on
    #[arg(long)]
    pub(crate) explain: bool,
    /// Stop when so many tuples are derived
    #[arg(long, value_name = "N", default_value_t = 200_000_000)]
    pub(crate) max_tuples: usize,
    /// Stop after so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<f64>,
    /// List the relations that may be asked for, or the columns of one
    #[arg(long, value_name = "RELATION", num_args = 0..=1, default_missing_value = "")]
    pub(crate) schema: Option<String>,
    /// The configuration [default: distsys-graph.toml, found upward]; its models and excluded paths hold
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    pub(crate) config: Option<PathBuf>,
    /// Without a configuration
    #[arg(long)]
    pub(crate) no_config: bool,
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

#[derive(Debug, Args)]
pub(crate) struct GraphArguments {
    #[arg(default_value = ".")]
    pub(crate) path: PathBuf,
    #[arg(long, value_enum, default_value_t = GraphForm::Dot)]
    pub(crate) format: GraphForm,
    /// Only what is near the functions and entities whose names end so
    #[arg(long, value_name = "NAME", conflicts_with = "finding")]
    pub(crate) around: Option<String>,
    /// Only what is near the functions that a finding goes through; its id is in the JSON report
    #[arg(long, value_name = "ID")]
    pub(crate) finding: Option<String>,
    /// How many edges away, either way
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub(crate) depth: usize,
    #[arg(long)]
    pub(crate) jobs: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphForm {
    Dot,
    Mermaid,
    Json,
    /// A picture with its own layout
    Svg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FactsFormat {
    Tsv,
    Jsonl,
}

//! `init`: a configuration to start from.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use distsys_graph::config::FILE_NAME;
use distsys_graph::{Analysis, Baseline};

use crate::args::BASELINE;
use crate::check::write_baseline;

const TEMPLATE: &str = r#"# Configuration of distsys-graph. Everything here is optional.

# Exit with 1 on findings of at least this severity: nit, minor, major, blocker.
# fail-on = "major"
# min-severity = "minor"
# min-confidence = "medium"

[rules]
# Only these; `distsys-graph rules` lists all.
# select = ["retry-without-idempotency-key"]
# ignore = ["missing-timeout"]
# preview = true

[severity]
# unbounded-queue = "minor"

[paths]
# As in .gitignore.
# exclude = ["legacy/**"]

[models]
# What the project's own libraries do; docs/models.md says how to write it.
# files = ["distsys-models.toml"]

# What the project accepts, with the reason, and for how long.
# [[accept]]
# rule = "cache-stampede"
# paths = ["reports/**"]
# reason = "reports are made once a day"
# until = 2030-12-31
"#;

pub(crate) fn run(baseline: bool) -> anyhow::Result<ExitCode> {
    let opened = OpenOptions::new().write(true).create_new(true).open(FILE_NAME);
    let mut file = opened.with_context(|| format!("{FILE_NAME} cannot be made here; it may be there already"))?;
    file.write_all(TEMPLATE.as_bytes())?;
    anstream::eprintln!("{FILE_NAME} is written");
    if baseline {
        let found = Baseline::of(&Analysis::of_paths([PathBuf::from(".")]).run()?);
        write_baseline(Path::new(BASELINE), &found)?;
        anstream::eprintln!(
            "{BASELINE}: {} findings are the baseline; check with `--baseline {BASELINE}`",
            found.len()
        );
    } else {
        anstream::eprintln!("`distsys-graph check --write-baseline` makes what is found now the baseline");
    }
    Ok(ExitCode::SUCCESS)
}

//! `init`: a configuration to start from.

use std::fs::OpenOptions;
use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use distsys_graph::config::FILE_NAME;

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

pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let opened = OpenOptions::new().write(true).create_new(true).open(FILE_NAME);
    let mut file = opened.with_context(|| format!("{FILE_NAME} cannot be made here; it may be there already"))?;
    file.write_all(TEMPLATE.as_bytes())?;
    anstream::eprintln!(
        "{FILE_NAME} is written; `distsys-graph check --write-baseline` makes what is found now the baseline"
    );
    Ok(ExitCode::SUCCESS)
}

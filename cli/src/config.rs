//! `distsys-graph.toml`: found upward from the target, every unknown key refused by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use distsys_queries::{Confidence, Severity, rules};
use toml::{Table, Value};

use crate::AnalysisError;
use crate::accept::{Acceptance, check_glob};
use crate::own_rules::inside;

pub const FILE_NAME: &str = "distsys-graph.toml";

/// What a project wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The folder of the file, which its paths are relative to.
    pub folder: PathBuf,
    /// Only these rules, if any are named.
    pub select: Vec<String>,
    pub ignore: Vec<String>,
    pub preview: bool,
    pub severities: BTreeMap<String, Severity>,
    pub exclude: Vec<String>,
    pub model_files: Vec<String>,
    pub fail_on: Option<Severity>,
    pub min_severity: Option<Severity>,
    pub min_confidence: Option<Confidence>,
    pub accept: Vec<Acceptance>,
}

/// What is wrong with a configuration file, and where.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{path}: {message}")]
    Invalid { path: String, message: String },
    #[error("{path}: {source}")]
    Unreadable { path: String, source: std::io::Error },
}

impl Config {
    /// The file that holds for `target`: in its folder or one above it.
    pub fn find(target: &Path) -> Option<PathBuf> {
        let start = std::path::absolute(target).ok()?;
        start.ancestors().map(|folder| folder.join(FILE_NAME)).find(|file| file.is_file())
    }

    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Config, ConfigError> {
        Config::read_as(path, &path.display().to_string())
    }

    /// Reads the file at `path`, which people know as `shown`.
    pub fn read_as(path: &Path, shown: &str) -> Result<Config, ConfigError> {
        let shown = || shown.to_owned();
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: shown(), source })?;
        let mut config = Config::parse(&text).map_err(|message| ConfigError::Invalid { path: shown(), message })?;
        config.folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(config)
    }

    /// The names and texts of the models that the project brings.
    pub fn own_models(&self) -> Result<Vec<(String, String)>, AnalysisError> {
        let mut models = Vec::new();
        for file in &self.model_files {
            let path = self.folder.join(file);
            // What a file holds shows in the error where it is no model: a project does not read others' files so.
            if path.exists() && inside(&self.folder, file).is_none() {
                return Err(AnalysisError::ModelOutside { path: file.clone() });
            }
            let text = std::fs::read_to_string(&path)
                .map_err(|source| AnalysisError::ModelFile { path: path.display().to_string(), source })?;
            models.push((file.clone(), text));
        }
        Ok(models)
    }

    /// Reads the text of a configuration file.
    pub fn parse(text: &str) -> Result<Config, String> {
        // The line itself is not shown: the file may be a link to anything, and reports are seen by many.
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            format!("line {}: {}", before.matches('\n').count() + 1, error.message())
        })?;
        let mut config = Config::default();
        const TOP: &[&str] =
            &["rules", "severity", "paths", "models", "accept", "fail-on", "min-severity", "min-confidence"];
        for (key, value) in &table {
            match key.as_str() {
                "rules" => {
                    for (key, value) in section(key, value)? {
                        match key.as_str() {
                            "select" => config.select = slugs(key, value)?,
                            "ignore" => config.ignore = slugs(key, value)?,
                            "preview" => {
                                config.preview = value.as_bool().ok_or("`rules.preview` must be true or false")?
                            }
                            _ => return Err(unknown(&format!("rules.{key}"), key, &["select", "ignore", "preview"])),
                        }
                    }
                }
                "severity" => {
                    for (slug, value) in section(key, value)? {
                        let slug = known_slug(slug)?;
                        config.severities.insert(slug, word(&format!("severity.{key}"), value)?);
                    }
                }
                "paths" => {
                    for (key, value) in section(key, value)? {
                        match key.as_str() {
                            "exclude" => config.exclude = strings(key, value)?,
                            _ => return Err(unknown(&format!("paths.{key}"), key, &["exclude"])),
                        }
                    }
                }
                "models" => {
                    for (key, value) in section(key, value)? {
                        match key.as_str() {
                            "files" => config.model_files = strings(key, value)?,
                            _ => return Err(unknown(&format!("models.{key}"), key, &["files"])),
                        }
                    }
                }
                "accept" => {
                    let entries = value.as_array().ok_or("`accept` must be a list of tables, as [[accept]]")?;
                    for entry in entries {
                        config.accept.push(acceptance(section(key, entry)?)?);
                    }
                }
                "fail-on" => config.fail_on = Some(word(key, value)?),
                "min-severity" => config.min_severity = Some(word(key, value)?),
                "min-confidence" => config.min_confidence = Some(word(key, value)?),
                _ => return Err(unknown(key, key, TOP)),
            }
        }
        Ok(config)
    }
}

fn acceptance(entry: &Table) -> Result<Acceptance, String> {
    let mut rule = None;
    let (mut paths, mut reason, mut until) = (Vec::new(), String::new(), None);
    for (key, value) in entry {
        match key.as_str() {
            "rule" => rule = Some(known_slug(value.as_str().ok_or("`accept.rule` must be a text")?)?),
            "paths" => {
                paths = strings(key, value)?;
                for glob in &paths {
                    check_glob(glob).map_err(|message| format!("`accept.paths`: `{glob}`: {message}"))?;
                }
            }
            "reason" => reason = value.as_str().ok_or("`accept.reason` must be a text")?.trim().to_owned(),
            "until" => {
                let date = match value {
                    Value::Datetime(date) => date.date,
                    Value::String(text) => text.parse::<toml::value::Datetime>().ok().and_then(|date| date.date),
                    _ => None,
                };
                let date = date.ok_or("`accept.until` must be a date, as 2027-01-31")?;
                until = Some((date.year, date.month, date.day));
            }
            _ => return Err(unknown(&format!("accept.{key}"), key, &["rule", "paths", "reason", "until"])),
        }
    }
    let rule = rule.ok_or("an [[accept]] lacks its `rule`")?;
    if reason.is_empty() {
        return Err(format!("the [[accept]] of `{rule}` lacks its `reason`"));
    }
    Ok(Acceptance { rule, paths, reason, until, origin: FILE_NAME.to_owned() })
}

fn unknown(shown: &str, key: &str, known: &[&str]) -> String {
    match nearest(key, known.iter().copied()) {
        Some(near) => format!("unknown key `{shown}`; did you mean `{near}`?"),
        None => format!("unknown key `{shown}`; known are {}", known.join(", ")),
    }
}

/// The known word that is spelled most alike, if one is near enough to be meant.
pub fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let best = known.map(|name| (strsim::damerau_levenshtein(word, name), name)).min()?;
    (best.0 <= word.len() / 3 + 1).then_some(best.1)
}

/// `slug` if there is such a rule; the error names the nearest.
pub fn known_slug(slug: &str) -> Result<String, String> {
    // `team/name` is a rule of a project's own; whether there is one is seen where its rules are.
    if slug.contains('/') || rules().iter().any(|rule| rule.info.slug == slug) {
        return Ok(slug.to_owned());
    }
    match nearest(slug, rules().iter().map(|rule| rule.info.slug)) {
        Some(near) => Err(format!("no rule is called `{slug}`; did you mean `{near}`?")),
        None => Err(format!("no rule is called `{slug}`; `distsys-graph rules` lists them")),
    }
}

fn section<'v>(key: &str, value: &'v Value) -> Result<&'v Table, String> {
    value.as_table().ok_or_else(|| format!("`{key}` must be a table, as [{key}]"))
}

fn strings(key: &str, value: &Value) -> Result<Vec<String>, String> {
    let list = value.as_array().ok_or_else(|| format!("`{key}` must be a list of texts"))?;
    list.iter()
        .map(|value| value.as_str().map(str::to_owned).ok_or_else(|| format!("`{key}` must hold texts only")))
        .collect()
}

fn slugs(key: &str, value: &Value) -> Result<Vec<String>, String> {
    strings(key, value)?.iter().map(|slug| known_slug(slug)).collect()
}

fn word<T: std::str::FromStr<Err = String>>(key: &str, value: &Value) -> Result<T, String> {
    let text = value.as_str().ok_or_else(|| format!("`{key}` must be a text"))?;
    text.parse().map_err(|error| format!("`{key}`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_file_is_read() {
        let config = Config::parse(
            "fail-on = 'major'\n[rules]\nignore = ['unbounded-queue']\n[severity]\nunbounded-queue = 'minor'\n[paths]\nexclude = ['legacy/**']\n",
        )
        .expect("it is right");
        assert_eq!(config.fail_on, Some(Severity::Major));
        assert_eq!(config.ignore, ["unbounded-queue"]);
        assert_eq!(config.severities["unbounded-queue"], Severity::Minor);
    }

    #[test]
    fn unknown_words_are_refused_with_the_nearest() {
        let error = |text: &str| Config::parse(text).expect_err("it is wrong");
        assert!(error("fail_on = 'major'").contains("`fail-on`"));
        assert!(error("[rules]\nselct = []").contains("`select`"));
        assert!(error("[rules]\nignore = ['unbounded-que']").contains("`unbounded-queue`"));
        assert!(error("fail-on = 'grave'").contains("none of"));
    }
}

//! Where a project keeps rules of its own: `.distsys-graph/rules/*.dl`, in the root of the analysis or above it.

use std::path::{Path, PathBuf};

use distsys_queries::OwnRule;

use crate::analysis::{Analysis, AnalysisError};
use crate::pages::cases;

pub const FOLDER: &str = ".distsys-graph/rules";

/// The rules of the analysed project.
pub(crate) fn load(analysis: &Analysis) -> Result<Vec<OwnRule>, AnalysisError> {
    if let Some(texts) = analysis.own_texts() {
        // What others include is no rule.
        let rules = texts.iter().filter(|(_, text)| is_rule(text));
        let include = |file: &str| texts.iter().find(|(name, _)| name == file).map(|(_, text)| text.clone());
        return rules.map(|(name, text)| Ok(OwnRule::parse(name, text, &mut { include })?)).collect();
    }
    let Some(folder) = analysis.rules_folder() else { return Ok(Vec::new()) };
    of_folder(&folder)
}

/// The folder that holds for `target`: below it, or below a folder above it.
pub fn folder_for(target: &Path) -> Option<PathBuf> {
    let start = std::path::absolute(target).ok()?;
    start.ancestors().map(|folder| folder.join(FOLDER)).find(|folder| folder.is_dir())
}

/// The text of a file that a rule includes.
pub(crate) fn included(analysis: &Analysis, file: &str) -> Option<String> {
    if let Some(texts) = analysis.own_texts() {
        return texts.iter().find(|(name, _)| name == file).map(|(_, text)| text.clone());
    }
    read_inside(&analysis.rules_folder()?, file)
}

/// The text of a file in `folder`; none of one that a link or `..` leads out to: what it holds would show in errors.
fn read_inside(folder: &Path, file: &str) -> Option<String> {
    std::fs::read_to_string(inside(folder, file)?).ok()
}

/// Where `file` leads, if that is in `folder` or below.
pub(crate) fn inside(folder: &Path, file: &str) -> Option<PathBuf> {
    let path = folder.join(file).canonicalize().ok()?;
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    path.starts_with(folder.canonicalize().ok()?).then_some(path)
}

fn of_folder(folder: &Path) -> Result<Vec<OwnRule>, AnalysisError> {
    let mut rules = Vec::new();
    for path in files(folder, "dl")? {
        let text = read(&path)?;
        let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        let include = |file: &str| read_inside(folder, file);
        if is_rule(&text) {
            rules.push(OwnRule::parse(&name, &text, &mut { include })?);
        }
    }
    Ok(rules)
}

fn is_rule(text: &str) -> bool {
    slug(text).is_some()
}

/// The files of one ending in a folder, by name.
pub(crate) fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, AnalysisError> {
    let fail = |source| AnalysisError::RuleFile { path: folder.display().to_string(), source };
    let entries = std::fs::read_dir(folder).map_err(fail)?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|known| known == ending));
    paths.sort();
    Ok(paths)
}

pub(crate) fn read(path: &Path) -> Result<String, AnalysisError> {
    std::fs::read_to_string(path).map_err(|source| AnalysisError::RuleFile { path: path.display().to_string(), source })
}

/// A case of a page beside a rule that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    pub page: String,
    pub section: String,
    pub case: String,
    pub problem: String,
}

/// Runs the pages (`*.md`) beside the rules in `folder`, each with the rule of its name alone: what other rules say of its cases
/// is not its matter. Gives how many cases there are, and those that fail.
///
/// # Errors
/// A rule or page that cannot be read.
pub fn test(folder: &Path) -> Result<(usize, Vec<Failure>), AnalysisError> {
    let name_of = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut texts = Vec::new();
    for path in files(folder, "dl")? {
        texts.push((name_of(&path), read(&path)?));
    }
    let (mut count, mut failures) = (0, Vec::new());
    for path in files(folder, "md")? {
        let rule = name_of(&path.with_extension("dl"));
        let slug = texts.iter().find(|(name, _)| *name == rule).and_then(|(_, text)| slug(text));
        for case in cases(&read(&path)?) {
            count += 1;
            let only: Vec<String> = slug.iter().cloned().collect();
            let checked = match only.is_empty() {
                true => Err(format!("    there is no rule {rule} beside this page")),
                false => case.check(|analysis| analysis.own_rules(texts.clone()).only(only)),
            };
            if let Err(problem) = checked {
                failures.push(Failure { page: name_of(&path), section: case.section, case: case.title, problem });
            }
        }
    }
    Ok((count, failures))
}

fn slug(text: &str) -> Option<String> {
    text.lines().find_map(|line| line.trim().strip_prefix("// rule:").map(|slug| slug.trim().to_owned()))
}

//! Why a finding is there: the rule, the places that it rests on with the facts of each, and what was looked for in vain. A rule
//! of the project's own is a program, so its findings have proofs as rows have.

use distsys_engine::datalog::{Database, Type};
use distsys_facts::{FactBase, IdKind, SiteId};
use distsys_queries::{Finding, ModelError, Place, derive_relations};

use super::{Tree, Writer};
use crate::analysis::{Analysis, AnalysisError, Report};
use crate::causes::id_of_place;
use crate::outputs::plain;
use crate::own_rules;
use crate::query::{Names, QueryError, prove_finding, readable};

/// Why a finding cannot be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    #[error("no finding has the id `{0}`; `check --format json` gives the ids of all")]
    Unknown(String),
    #[error("several findings have an id that begins with `{0}`; give more of it")]
    Several(String),
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// The tree of a finding's premises, as lines.
///
/// # Errors
/// No finding with this id, or something amiss with the project's models.
pub fn explain(analysis: &Analysis, report: &Report, id: &str) -> Result<Vec<String>, ExplainError> {
    let finding = find(report, id_of_place(id))?;
    let own_models = analysis.configuration().own_models()?;
    if finding.rule.slug.contains('/') {
        let mut include = |file: &str| own_rules::included(analysis, file);
        let (name, text, place) = (finding.rule.slug, finding.rule.page, written(&finding.primary));
        if let Some(lines) = prove_finding(report.facts(), &own_models, name, text, &mut include, &place)? {
            return Ok(lines);
        }
    }
    let facts = Facts::new(report.facts(), &own_models)?;
    Ok(tree(finding, &facts).lines())
}

fn find<'r>(report: &'r Report, id: &str) -> Result<&'r Finding, ExplainError> {
    let all = || report.findings.iter().map(|reported| &reported.finding);
    if let Some(finding) = all().find(|finding| finding.id == id) {
        return Ok(finding);
    }
    let mut like = all().filter(|finding| !id.is_empty() && finding.id.starts_with(id));
    match (like.next(), like.next()) {
        (Some(finding), None) => Ok(finding),
        (Some(_), Some(_)) => Err(ExplainError::Several(id.to_owned())),
        _ => Err(ExplainError::Unknown(id.to_owned())),
    }
}

fn tree(finding: &Finding, facts: &Facts<'_>) -> Tree {
    let mut below: Vec<Tree> = Vec::new();
    let mut sites: Vec<u32> = Vec::new();
    let mut tell = |text: String, place: &Place| {
        let here = facts.sites(place);
        below.push(Tree { text, below: facts.at(&here) });
        sites.extend(here);
    };
    // The place itself, if no step is there.
    if !finding.steps.iter().any(|step| step.place == finding.primary) {
        tell(format!("{} here", written(&finding.primary)), &finding.primary);
    }
    for step in &finding.steps {
        tell(format!("{} {}", written(&step.place), plain(&step.message)), &step.place);
    }
    let between = facts.between(&sites);
    if !between.is_empty() {
        below.push(Tree { text: "between these".to_owned(), below: between });
    }
    let told = below.len();
    below.extend(finding.checked.iter().map(|text| Tree::leaf(format!("looked for and not there: {}", plain(text)))));
    if let Some(first) = below.get_mut(told) {
        first.below = facts.absent(&sites);
    }
    let rule = finding.rule;
    Tree { text: format!("{}({})   by the rule: {}", rule.slug, written(&finding.primary), rule.summary), below }
}

fn written(place: &Place) -> String {
    format!("{}:{}:{}", plain(&place.path), place.line, place.column)
}

/// What the tree says of a site, by relation.
const ASKED: &[&str] = &["op", "effect", "attribute", "calls", "scope_made", "callback"];

/// What it says of two of the sites: which holds around the other, comes before it, decides it.
const BETWEEN: &[&str] = &["scope", "precedes", "rests_on", "loop_over", "after_failure"];

/// So many rows of a relation are shown at a place.
const MAX_ROWS: usize = 6;

struct Facts<'f> {
    facts: &'f FactBase,
    names: Names<'f>,
    database: Database,
}

impl<'f> Facts<'f> {
    fn new(facts: &'f FactBase, own_models: &[(String, String)]) -> Result<Self, ModelError> {
        let mut database = Database::default();
        distsys_queries::load_extracted(facts, &[], &mut database);
        derive_relations(facts, own_models, &[ASKED, BETWEEN].concat(), &mut database)?;
        Ok(Facts { facts, names: Names::new(facts), database })
    }

    /// The sites that begin at a place.
    fn sites(&self, place: &Place) -> Vec<u32> {
        let begins =
            |row: &&distsys_facts::schema::Site| row.start.line() == place.line && row.start.column() == place.column;
        let here = |site: &SiteId| {
            let readable = self.names.readable(IdKind::Site, site.raw());
            readable.is_some_and(|readable| readable == format!("{}:{}:{}", place.path, place.line, place.column))
        };
        let sites = self.facts.relations.site.iter().filter(begins).map(|row| row.site);
        sites.filter(here).map(SiteId::raw).collect()
    }

    /// The rows about the sites of one place.
    fn at(&self, sites: &[u32]) -> Vec<Tree> {
        let about = |name: &str, columns: &[usize], row: &[u32]| {
            columns.first().is_some_and(|column| sites.contains(&row[*column])) && self.says_something(name, row)
        };
        ASKED.iter().flat_map(|name| self.rows(name, about)).collect()
    }

    /// The rows about two of the sites.
    fn between(&self, sites: &[u32]) -> Vec<Tree> {
        let about = |_: &str, columns: &[usize], row: &[u32]| {
            columns.iter().all(|column| sites.contains(&row[*column])) && row[columns[0]] != row[columns[1]]
        };
        BETWEEN.iter().flat_map(|name| self.rows(name, about)).collect()
    }

    /// What the operations at the sites were not given.
    fn absent(&self, sites: &[u32]) -> Vec<Tree> {
        self.rows("attribute", |name, columns, row| sites.contains(&row[columns[0]]) && !self.says_something(name, row))
    }

    /// The first rows of a relation that are chosen, by its name, its columns of sites and the row.
    fn rows(&self, name: &str, chosen: impl Fn(&str, &[usize], &[u32]) -> bool) -> Vec<Tree> {
        let Some(relation) = self.database.relation(name) else { return Vec::new() };
        let is_site = |column: &usize| relation.columns[*column].type_ == Type::Id(IdKind::Site);
        let columns: Vec<usize> = (0..relation.columns.len()).filter(is_site).collect();
        let readable = readable(Some(&self.names));
        let writer = Writer { database: &self.database, readable: &readable };
        let rows = relation.rows().filter(|row| chosen(name, &columns, row));
        let mut written: Vec<String> = Vec::new();
        for row in rows {
            let values = row.iter().zip(&relation.columns).map(|(value, column)| Some((*value, column.type_)));
            let row = writer.row(name, values);
            // A call and what it calls begin at one place.
            if !written.contains(&row) {
                written.push(row);
            }
            if written.len() == MAX_ROWS {
                break;
            }
        }
        written.into_iter().map(Tree::leaf).collect()
    }

    /// That an attribute is absent is told by what was looked for; an effect from below by the calls.
    fn says_something(&self, relation: &str, row: &[u32]) -> bool {
        match relation {
            "attribute" => row.get(3).is_some_and(|state| self.database.text(*state) != "absent"),
            "effect" => row.last() == Some(&1),
            _ => true,
        }
    }
}

//! Rules of a project's own, in the query language.
//!
//! ```
//! use distsys_queries::OwnRule;
//!
//! let text = r#"
//!     // rule: shop/audited-orders
//!     // category: end-to-end
//!     // summary: orders change with no line in the audit log
//!     // help: write to the audit log in the same transaction
//!     audited(f) :- effect(function: f, kind: "db_write", entity: "auditline").
//!     finding("shop/audited-orders", "major", s, "this changes an order and no line is written to the audit log") :-
//!         effect(site: s, function: f, kind: "db_write", entity: "order", direct: 1), !audited(f).
//! "#;
//! let rule = OwnRule::parse("audited-orders.dl", text, &mut |_| None)?;
//! assert_eq!(rule.info.slug, "shop/audited-orders");
//! # Ok::<(), distsys_queries::OwnRuleError>(())
//! ```

use std::sync::Mutex;

use distsys_engine::datalog::{self, Column, Database, Limits, Problem, Program, Type};
use distsys_facts::{FactBase, IdKind, SiteId};

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::relations::{DERIVED, load_derived, load_extracted, schemas};
use crate::{Context, FindingBuilder};

/// A rule that a project brings with it.
#[derive(Debug)]
pub struct OwnRule {
    pub info: &'static RuleInfo,
    origin: String,
    help: String,
    program: Program,
}

/// What is wrong with a rule of a project's own.
#[derive(Debug, thiserror::Error)]
pub enum OwnRuleError {
    #[error(transparent)]
    Program(#[from] Problem),
    #[error("{origin}: {message}")]
    Header { origin: String, message: String },
    #[error("{origin}: {message}")]
    Finding { origin: String, message: String },
}

/// What a rule derives: the rule's name, the severity, where, and what happens.
const FINDING: &[(&str, Type)] =
    &[("rule", Type::Symbol), ("severity", Type::Symbol), ("site", Type::Id(IdKind::Site)), ("message", Type::Symbol)];

/// Further places of a finding: the finding's site, the step's, and what it adds.
const STEP: &[(&str, Type)] =
    &[("site", Type::Id(IdKind::Site)), ("at", Type::Id(IdKind::Site)), ("message", Type::Symbol)];

impl OwnRule {
    /// Reads a rule file; `origin` names it in errors.
    ///
    /// # Errors
    /// What is missing in its head of comments, or what is not in the language.
    pub fn parse(
        origin: &str,
        text: &str,
        include: &mut dyn FnMut(&str) -> Option<String>,
    ) -> Result<Self, OwnRuleError> {
        let fail = |message: String| OwnRuleError::Header { origin: origin.to_owned(), message };
        let mut header = Header {
            rule: String::new(),
            summary: String::new(),
            help: String::new(),
            category: None,
            maturity: Maturity::Stable,
        };
        for line in text.lines().map(str::trim) {
            let Some((key, value)) = line.strip_prefix("//").and_then(|line| line.split_once(':')) else { continue };
            let value = value.trim();
            match key.trim() {
                "rule" => header.rule = value.to_owned(),
                "summary" => header.summary = value.to_owned(),
                "help" => header.help = value.to_owned(),
                "category" => header.category = Some(value.parse().map_err(fail)?),
                "maturity" => header.maturity = value.parse().map_err(fail)?,
                _ => {}
            }
        }
        let named = |name: &str| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        if !header.rule.split_once('/').is_some_and(|(team, name)| named(team) && named(name)) {
            return Err(fail(format!(
                "`// rule: team/name` is needed, in small letters, digits and `-`; found `{}`",
                header.rule
            )));
        }
        if header.summary.is_empty() {
            return Err(fail("`// summary: …` is needed: one line of what the rule finds".to_owned()));
        }
        let program = datalog::parse(origin, text, include)?;
        let info = RuleInfo {
            slug: kept(header.rule),
            category: header.category.unwrap_or(Category::Deviance),
            severity: Severity::Major,
            maturity: header.maturity,
            yields_to: &[],
            summary: kept(header.summary),
            page: kept(text.to_owned()),
        };
        Ok(OwnRule { info: kept_info(info), origin: origin.to_owned(), help: header.help, program })
    }

    fn wanted(&self) -> Vec<&str> {
        self.program.foreign()
    }

    fn judge(&self, context: &Context<'_>, mut database: Database) -> Result<Vec<Finding>, OwnRuleError> {
        let fail = |message: String| OwnRuleError::Finding { origin: self.origin.clone(), message };
        // The rule's own `finding` is not that of the built-in rules.
        for schema in schemas().into_iter().filter(|schema| !matches!(schema.name, "finding" | "step")) {
            database.declare(schema.name, schema.columns);
        }
        datalog::declare(&self.program, &mut database)?;
        datalog::evaluate(&self.program, &mut database, &Limits::default())?;
        let rows = |name: &str, shape: &[(&str, Type)]| -> Result<Vec<Vec<u32>>, OwnRuleError> {
            let Some(relation) = database.relation(name) else { return Ok(Vec::new()) };
            let types: Vec<Type> = relation.columns.iter().map(|column: &Column| column.type_).collect();
            if types != shape.iter().map(|(_, type_)| *type_).collect::<Vec<_>>() {
                let columns: Vec<&str> = shape.iter().map(|(name, _)| *name).collect();
                return Err(fail(format!(
                    "`{name}` must have the columns {}; `site` is the id of a site",
                    columns.join(", ")
                )));
            }
            let mut rows: Vec<Vec<u32>> = relation.rows().map(<[u32]>::to_vec).collect();
            rows.sort();
            Ok(rows)
        };
        if database.relation("finding").is_none() {
            return Err(fail("it derives no `finding(rule, severity, site, message)`".to_owned()));
        }
        let mut steps = rows("step", STEP)?;
        steps.sort_by_key(|row| (row[0], SiteId::from_raw(row[1]).map(|site| context.place(site))));
        let mut findings = Vec::new();
        for row in rows("finding", FINDING)? {
            let (rule, severity) = (database.text(row[0]), database.text(row[1]));
            if rule != self.info.slug {
                return Err(fail(format!("a finding is of `{rule}`, and the file is the rule `{}`", self.info.slug)));
            }
            let severity: Severity = severity.parse().map_err(fail)?;
            let Some(site) = SiteId::from_raw(row[2]) else { continue };
            if !context.in_scope(site) {
                continue;
            }
            let mut builder =
                FindingBuilder::new(context, self.info, site, database.text(row[3]).to_owned()).severity(severity);
            for step in steps.iter().filter(|step| step[0] == row[2]) {
                if let Some(at) = SiteId::from_raw(step[1]) {
                    builder = builder.step(at, database.text(step[2]));
                }
            }
            findings.push(builder.help(self.help.clone()).build());
        }
        Ok(findings)
    }
}

/// What `rules` find. Relations are filled once for all of them.
pub(crate) fn judge(context: &Context<'_>, facts: &FactBase, rules: &[&OwnRule]) -> Result<Vec<Finding>, OwnRuleError> {
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    let wanted: Vec<&str> = rules.iter().flat_map(|rule| rule.wanted()).collect();
    let mut database = Database::default();
    load_extracted(facts, &wanted, &mut database);
    for derived in DERIVED.iter().filter(|derived| wanted.contains(&derived.name)) {
        load_derived(derived, context, &mut database);
    }
    let mut findings = Vec::new();
    for rule in rules {
        findings.extend(rule.judge(context, database.clone())?);
    }
    Ok(findings)
}

#[derive(Debug)]
struct Header {
    rule: String,
    summary: String,
    help: String,
    category: Option<Category>,
    maturity: Maturity,
}

/// Texts and descriptions of rules live as long as the program, as those of built-in rules do; the same one is kept once.
fn kept(text: String) -> &'static str {
    static KEPT: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut known = KEPT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(same) = known.iter().find(|kept| **kept == text) {
        return same;
    }
    let text: &'static str = text.leak();
    known.push(text);
    text
}

fn kept_info(info: RuleInfo) -> &'static RuleInfo {
    static KEPT: Mutex<Vec<&'static RuleInfo>> = Mutex::new(Vec::new());
    let mut known = KEPT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(same) = known.iter().find(|kept| ***kept == info) {
        return same;
    }
    let info: &'static RuleInfo = Box::leak(Box::new(info));
    known.push(info);
    info
}

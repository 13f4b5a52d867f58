//! What `engine` and the rules derive, as relations of the query language.

use std::fmt::Write as _;

use distsys_engine::datalog::{Column, Database, Type};
use distsys_engine::meaning::{Extent, Term};
use distsys_engine::resolve::{self, Resolution};
use distsys_engine::{Meaning, ModelError, Program};
use distsys_facts::{FactBase, IdKind};

use crate::{Context, Finding, models, rules};

/// A derived relation: its name, one sentence that restates its columns, and these.
#[derive(Debug)]
pub struct Derived {
    pub name: &'static str,
    pub doc: &'static str,
    pub columns: &'static [(&'static str, Type)],
}

const SITE: Type = Type::Id(IdKind::Site);
const FUNCTION: Type = Type::Id(IdKind::Function);
const TEXT: Type = Type::Symbol;

/// Every derived relation.
pub const DERIVED: &[Derived] = &[
    Derived {
        name: "calls",
        doc: "At `site` the project's `function` is called, which is as sure as `confidence` says (`high`: by type or definition, `medium`: by a unique name).",
        columns: &[("site", SITE), ("function", FUNCTION), ("confidence", TEXT)],
    },
    Derived {
        name: "call_graph",
        doc: "The project's function `caller` calls `callee`, at `site`; closures that it hands over and that run before it goes on count.",
        columns: &[("caller", FUNCTION), ("callee", FUNCTION), ("site", SITE)],
    },
    Derived {
        name: "external_call",
        doc: "At `site` in `function` the thing outside that `path` names is called.",
        columns: &[("site", SITE), ("function", FUNCTION), ("path", TEXT)],
    },
    Derived {
        name: "op",
        doc: "At `site` in `function` a library does `kind` (see docs/models.md), as the model of `path` says.",
        columns: &[("site", SITE), ("function", FUNCTION), ("kind", TEXT), ("path", TEXT)],
    },
    Derived {
        name: "effect",
        doc: "At `site` in `function`, itself (`direct` is 1) or by what it calls, `kind` is done with `verb` on `entity` under `key`, over a connection of `role`; what is not known is empty.",
        columns: &[
            ("site", SITE),
            ("function", FUNCTION),
            ("kind", TEXT),
            ("verb", TEXT),
            ("entity", TEXT),
            ("key", TEXT),
            ("role", TEXT),
            ("direct", Type::Number),
        ],
    },
    Derived {
        name: "scope",
        doc: "`site` in `function` is inside the scope `scope` of `kind` (`tx_scope`, `retry_scope`, `lock_acquire`, `guard`, `timeout_scope`, `limiter`, `connection_acquire`, `consume`) that is made at `origin`.",
        columns: &[("scope", Type::Number), ("kind", TEXT), ("origin", SITE), ("function", FUNCTION), ("site", SITE)],
    },
    Derived {
        name: "entry_point",
        doc: "Something outside runs `function`: `kind` is `route`, `consume`, `handle_job`, `cron`, …",
        columns: &[("function", FUNCTION), ("kind", TEXT)],
    },
    Derived {
        name: "callback",
        doc: "The operation at `site` runs `function`, which was given to it.",
        columns: &[("site", SITE), ("function", FUNCTION)],
    },
    Derived {
        name: "finding",
        doc: "`rule` finds `message`, of `severity` and `confidence`, at `path` and `line`, under the stable `id`.",
        columns: &[
            ("id", TEXT),
            ("rule", TEXT),
            ("severity", TEXT),
            ("confidence", TEXT),
            ("path", TEXT),
            ("line", Type::Number),
            ("message", TEXT),
        ],
    },
];

/// Fills those of the derived relations that are `wanted`, and declares them.
///
/// # Errors
/// A model that cannot be read.
pub fn derive_relations(
    facts: &FactBase,
    own_models: &[(String, String)],
    wanted: &[&str],
    database: &mut Database,
) -> Result<(), ModelError> {
    let wanted: Vec<&Derived> = DERIVED.iter().filter(|derived| wanted.contains(&derived.name)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let models = models::model_set(own_models)?;
    let program = Program::new(facts);
    let resolution = Resolution::solve(&program, &models);
    let meaning = Meaning::derive(&program, &models, &resolution);
    for derived in wanted {
        fill(derived, &meaning, database);
    }
    Ok(())
}

fn fill(derived: &Derived, meaning: &Meaning<'_>, database: &mut Database) {
    let column = |(name, type_): &(&str, Type)| Column { name: (*name).to_owned(), type_: *type_ };
    database.declare(derived.name, derived.columns.iter().map(column).collect());
    let mut rows = Vec::new();
    {
        let symbols = &mut database.symbols;
        let mut text = |text: &str| symbols.intern(text).0;
        let (program, resolution) = (meaning.program, meaning.resolution);
        let function_of = |site| program.site(site).function.raw();
        match derived.name {
            "calls" => {
                for edge in &resolution.calls {
                    rows.push(vec![edge.site.raw(), edge.function.raw(), text(confidence(edge.confidence))]);
                }
            }
            "call_graph" => {
                for row in &program.facts.relations.site {
                    for callee in meaning.callees(row.site) {
                        rows.push(vec![row.function.raw(), callee.raw(), row.site.raw()]);
                    }
                }
            }
            "external_call" => {
                for (site, path, _) in &resolution.external {
                    rows.push(vec![site.raw(), function_of(*site), text(resolution.paths.text(*path))]);
                }
            }
            "op" => {
                for op in &meaning.operations.all {
                    let path = op.path.map_or("", |path| resolution.paths.text(path));
                    rows.push(vec![op.site.raw(), op.function.raw(), text(&op.kind.to_string()), text(path)]);
                }
            }
            "effect" => {
                for row in meaning.effects.rows() {
                    let effect = meaning.effects.get(row.effect);
                    let mut of = |term: Term| text(meaning.text(term).unwrap_or_default());
                    let (verb, entity, key) = (of(effect.verb), of(effect.entity), of(effect.key));
                    let role = match effect.role {
                        distsys_engine::meaning::Role::Primary => "primary",
                        distsys_engine::meaning::Role::Replica => "replica",
                        _ => "",
                    };
                    let direct = u32::from(meaning.callees(row.site).is_empty());
                    let kind = text(&effect.kind.to_string());
                    rows.push(vec![row.site.raw(), function_of(row.site), kind, verb, entity, key, text(role), direct]);
                }
            }
            "scope" => {
                for (number, scope) in meaning.scopes.all.iter().enumerate() {
                    let kind = text(&scope.kind.to_string());
                    let origin = match (scope.origin, scope.extent) {
                        (Some(origin), _) => origin.raw(),
                        (None, Extent::Open(site) | Extent::Life(site, _) | Extent::Site(site)) => site.raw(),
                        _ => 0,
                    };
                    for site in meaning.sites(scope) {
                        rows.push(vec![number as u32, kind, origin, scope.function.raw(), site.raw()]);
                    }
                }
            }
            "entry_point" => {
                for (function, kind) in meaning.entry_points() {
                    rows.push(vec![function.raw(), text(&kind.to_string())]);
                }
            }
            "callback" => {
                for row in &meaning.invocations.all {
                    rows.push(vec![row.site.raw(), row.function.raw()]);
                }
            }
            "finding" => {
                for finding in findings(meaning) {
                    rows.push(vec![
                        text(&finding.id),
                        text(finding.rule.slug),
                        text(finding.severity.name()),
                        text(finding.confidence.name()),
                        text(&finding.primary.path),
                        finding.primary.line,
                        text(&finding.message),
                    ]);
                }
            }
            _ => {}
        }
    }
    let relation = database.declare(derived.name, Vec::new());
    rows.iter().for_each(|row| {
        relation.insert(row);
    });
}

fn findings(meaning: &Meaning<'_>) -> Vec<Finding> {
    crate::judge_meaning(&Context { meaning }, rules())
}

fn confidence(confidence: resolve::Confidence) -> &'static str {
    match confidence {
        resolve::Confidence::High => "high",
        resolve::Confidence::Medium => "medium",
        resolve::Confidence::Low => "low",
    }
}

/// The reference of all derived relations, as Markdown.
pub fn derived_reference() -> String {
    let mut out = String::from(
        "# Derived relations\n\nWhat the query language knows beside the [extracted relations](relations.md). Generated.\n",
    );
    for derived in DERIVED {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "\n## {}\n\n{}\n\n| column | type |\n|---|---|", derived.name, derived.doc);
        for (name, type_) in derived.columns {
            let type_ = match type_ {
                Type::Number => "number".to_owned(),
                Type::Symbol => "text".to_owned(),
                Type::Id(kind) => format!("id of a {}", kind.name()),
            };
            let _ = writeln!(out, "| {name} | {type_} |");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::derived_reference;

    #[test]
    fn the_committed_reference_is_what_is_derived() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/derived.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, derived_reference()).expect("docs can be written");
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == derived_reference(),
            "docs/derived.md is not what is derived; run UPDATE_DOCS=1 cargo test -p distsys-queries"
        );
    }
}

//! What `engine` and the rules derive, as relations of the query language.

use std::fmt::Write as _;

use distsys_engine::datalog::{Column, Database, Relation, Type};
use distsys_engine::meaning::{Extent, Role, Term};
use distsys_engine::resolve::Resolution;
use distsys_engine::{Meaning, ModelError, Program};
use distsys_facts::column::ColumnType;
use distsys_facts::relation::{RelationSpec, RelationVisitor, Row};
use distsys_facts::{FactBase, IdKind, Interner, bundle, export, schema};

use crate::{Context, models, rules};

mod details;

/// A derived relation: its name, one sentence that restates its columns, and these.
#[derive(Debug)]
pub struct Derived {
    pub name: &'static str,
    pub doc: &'static str,
    columns: &'static [(&'static str, Type)],
    rows: fn(&Context<'_>, &mut Rows<'_>),
}

impl Derived {
    pub fn columns(&self) -> Vec<Column> {
        let column = |(name, type_): &(&str, Type)| Column { name: (*name).to_owned(), type_: *type_ };
        self.columns.iter().map(column).collect()
    }
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
        rows: calls,
    },
    Derived {
        name: "call_graph",
        doc: "The project's function `caller` calls `callee`, at `site`; closures that it hands over and that run before it goes on count.",
        columns: &[("caller", FUNCTION), ("callee", FUNCTION), ("site", SITE)],
        rows: call_graph,
    },
    Derived {
        name: "external_call",
        doc: "At `site` in `function` the thing outside that `path` names is called.",
        columns: &[("site", SITE), ("function", FUNCTION), ("path", TEXT)],
        rows: external_calls,
    },
    Derived {
        name: "op",
        doc: "At `site` in `function` a library does `kind` (see docs/models.md), as the model of `path` says.",
        columns: &[("site", SITE), ("function", FUNCTION), ("kind", TEXT), ("path", TEXT)],
        rows: operations,
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
        rows: effects,
    },
    Derived {
        name: "scope",
        doc: "`site` in `function` is inside the scope `scope` of `kind` (`tx_scope`, `retry_scope`, `lock_acquire`, `guard`, `timeout_scope`, `limiter`, `connection_acquire`, `consume`) that is made at `origin`.",
        columns: &[("scope", Type::Number), ("kind", TEXT), ("origin", SITE), ("function", FUNCTION), ("site", SITE)],
        rows: scopes,
    },
    Derived {
        name: "entry_point",
        doc: "Something outside runs `function`: `kind` is `route`, `consume`, `handle_job`, `cron`, …",
        columns: &[("function", FUNCTION), ("kind", TEXT)],
        rows: entry_points,
    },
    Derived {
        name: "callback",
        doc: "The operation at `site` runs `function`, which was given to it.",
        columns: &[("site", SITE), ("function", FUNCTION)],
        rows: callbacks,
    },
    Derived {
        name: "happens",
        doc: "As `effect`, each with a number: at `site` in `function` the `effect` happens, which is told at `place` and done at `last`, `depth` sites down; `entity` is its name, if it has one.",
        columns: &[
            ("site", SITE),
            ("function", FUNCTION),
            ("effect", Type::Number),
            ("kind", TEXT),
            ("verb", TEXT),
            ("entity", TEXT),
            ("role", TEXT),
            ("place", SITE),
            ("last", SITE),
            ("depth", Type::Number),
        ],
        rows: details::happens,
    },
    Derived {
        name: "way",
        doc: "From `site` down to where `effect` is done the site number `step` is `at`.",
        columns: &[("site", SITE), ("effect", Type::Number), ("step", Type::Number), ("at", SITE)],
        rows: details::ways,
    },
    Derived {
        name: "effect_mark",
        doc: "Of `effect` this `mark` is true: `conditional`, `background`, `after_commit`, `row_lock`, `transactional`, `retried`, `timed`, `by_clock`, `computed` (what is asked is worked out and answered, and nothing is kept), `keyed` (it has a key, known or not), `made_anew` (it keeps what is worked out from other data), or `measured` (it is sent to a stream of measurements).",
        columns: &[("effect", Type::Number), ("mark", TEXT)],
        rows: details::marks,
    },
    Derived {
        name: "precedes",
        doc: "In one function control may pass `before` and later `after`, which both do something.",
        columns: &[("before", SITE), ("after", SITE)],
        rows: details::precedes,
    },
    Derived {
        name: "rests_on",
        doc: "In one function the `write` of an entity rests on what `read` gives of it: on its state, not merely on which row it is.",
        columns: &[("read", SITE), ("write", SITE)],
        rows: details::rests_on,
    },
    Derived {
        name: "decides_by_amount",
        doc: "In one function how much `read`, on a replica, says there is (a balance, a count of what is taken) decides the `write` of something else.",
        columns: &[("read", SITE), ("write", SITE)],
        rows: details::decides_by_amount,
    },
    Derived {
        name: "judged",
        doc: "The rules look at `function`: it is not of tests, examples or generated code.",
        columns: &[("function", FUNCTION)],
        rows: details::judged,
    },
    Derived {
        name: "for_one_user",
        doc: "A person runs `function` and ends it: it is of a command, a tool of the project or a page.",
        columns: &[("function", FUNCTION)],
        rows: details::for_one_user,
    },
    Derived {
        name: "attribute",
        doc: "Of the operation of `kind` at `site` the attribute `name` (see docs/models.md) is `absent`, `given` or `unknown`, with its `value` if that is constant, and as a span of time in `millis` (-1: it is none).",
        columns: &[
            ("site", SITE),
            ("kind", TEXT),
            ("name", TEXT),
            ("state", TEXT),
            ("value", TEXT),
            ("millis", Type::Number),
        ],
        rows: details::attributes,
    },
    Derived {
        name: "scope_made",
        doc: "The scope `scope` of `kind` in `function` is made at `origin` by the `operation` there, if it is one, holds for the `region`, if for one, on a connection of `role`; `endless` is 1 for a retry that only success ends.",
        columns: &[
            ("scope", Type::Number),
            ("kind", TEXT),
            ("function", FUNCTION),
            ("origin", SITE),
            ("operation", SITE),
            ("region", Type::Id(IdKind::Region)),
            ("role", TEXT),
            ("endless", Type::Number),
        ],
        rows: details::scopes_made,
    },
    Derived {
        name: "scope_mark",
        doc: "Of `scope` this `mark` is true: `whole_function` (it holds for all of its function), `lazy` (a session: from its first statement on), `ended_by_block` (the end of a block ends it).",
        columns: &[("scope", Type::Number), ("mark", TEXT)],
        rows: details::scope_marks,
    },
    Derived {
        name: "transaction_open",
        doc: "At `site` the transaction `scope` is open: one that a session opens by itself is from its first statement on.",
        columns: &[("scope", Type::Number), ("site", SITE)],
        rows: details::transactions_open,
    },
    Derived {
        name: "settled",
        doc: "The call at `site` commits what it does as `effect` before it comes back, always or as it is asked to.",
        columns: &[("site", SITE), ("effect", Type::Number)],
        rows: details::settled,
    },
    Derived {
        name: "not_waited_for",
        doc: "The lock that the call at `site` asks for as `effect` is not waited for: its answer is taken whoever holds it, or only the object is made that will ask for it.",
        columns: &[("site", SITE), ("effect", Type::Number)],
        rows: details::not_waited_for,
    },
    Derived {
        name: "over",
        doc: "What the call at `site` does as `effect` is over as it comes back: the block in which it took the connection, or began the transaction, has ended.",
        columns: &[("site", SITE), ("effect", Type::Number)],
        rows: details::over,
    },
    Derived {
        name: "handed_on",
        doc: "The call at `site`, in the transaction `scope`, is given the connection that opened it.",
        columns: &[("site", SITE), ("scope", Type::Number)],
        rows: details::handed_on,
    },
    Derived {
        name: "site_mark",
        doc: "At `site` this `mark` is true: `known_again` (what was done before is told by stored state, a mark or a name), `own_commit` (what commits has begun the transaction itself), `compares_and_sets` (the write compares what it sets), `starts_task` (what is called runs by itself), `locks_first` (what is called locks rows before it writes), `timed_later` (a key that is set if it is absent is a turn that gets its time to live by a second command).",
        columns: &[("site", SITE), ("mark", TEXT)],
        rows: details::site_marks,
    },
    Derived {
        name: "other_columns",
        doc: "What is written at `site` of an entity sets columns of it that what is read of it at `at`, on a replica, neither takes nor asks for.",
        columns: &[("site", SITE), ("at", SITE)],
        rows: details::other_columns,
    },
    Derived {
        name: "other_keys",
        doc: "What is written at `site` of an entity has keys that begin otherwise than those of what is read of it at `at`, on a replica.",
        columns: &[("site", SITE), ("at", SITE)],
        rows: details::other_keys,
    },
    Derived {
        name: "looked_at",
        doc: "The write at `site` has something of what is read at `at` under a row lock, is decided by it, or by what is read after it on the primary.",
        columns: &[("site", SITE), ("at", SITE)],
        rows: details::looked_at,
    },
    Derived {
        name: "untimed",
        doc: "The call at `site` leaves out how long the lock that is taken at `at` may be held.",
        columns: &[("site", SITE), ("at", SITE)],
        rows: details::untimed_locks,
    },
    Derived {
        name: "added_again",
        doc: "To do `effect` at `site` again, by itself, leaves two: a count, a row that nothing refuses, a mail, a job or a message that carries nothing by which it is known again.",
        columns: &[("site", SITE), ("effect", Type::Number)],
        rows: details::added_again,
    },
    Derived {
        name: "left_behind",
        doc: "What is written at `site` as `effect` in an attempt is committed by what is called at `at`, before something else of the attempt may fail there, and nothing knows it again.",
        columns: &[("site", SITE), ("effect", Type::Number), ("at", SITE)],
        rows: details::left_behind,
    },
    Derived {
        name: "spared",
        doc: "What is done at `site` as `effect` in an attempt is not done again by the next one: that takes another item, or the failure does not come back to where attempts are repeated.",
        columns: &[("site", SITE), ("effect", Type::Number)],
        rows: details::spared,
    },
    Derived {
        name: "loop_over",
        doc: "`site` stands in a loop over what the call at `read`, in the same function, gives.",
        columns: &[("site", SITE), ("read", SITE)],
        rows: details::loops_over,
    },
    Derived {
        name: "after_failure",
        doc: "In one function `site` is passed where what was `tried` has failed.",
        columns: &[("tried", SITE), ("site", SITE)],
        rows: details::after_failures,
    },
    Derived {
        name: "writes_column",
        doc: "The operation at `site` writes the `column`, in whose name stands the `word`.",
        columns: &[("site", SITE), ("column", TEXT), ("word", TEXT)],
        rows: details::columns,
    },
    Derived {
        name: "place",
        doc: "`site` is in the file `path`, at `line`.",
        columns: &[("site", SITE), ("path", TEXT), ("line", Type::Number)],
        rows: details::places,
    },
    Derived {
        name: "region_place",
        doc: "`region` begins in the file `path`, at `line`.",
        columns: &[("region", Type::Id(IdKind::Region)), ("path", TEXT), ("line", Type::Number)],
        rows: details::region_places,
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
        rows: findings,
    },
];

/// Who derives: a bundle's tables are good for the same models and rules only.
const DERIVED_BY: &str = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));

/// Large, and asked for by rules more than by people: a bundle does without.
const NOT_KEPT: &[&str] = &[
    "happens",
    "way",
    "for_one_user",
    "effect_mark",
    "precedes",
    "rests_on",
    "decides_by_amount",
    "attribute",
    "scope_made",
    "scope_mark",
    "transaction_open",
    "settled",
    "not_waited_for",
    "over",
    "handed_on",
    "site_mark",
    "added_again",
    "left_behind",
    "spared",
    "loop_over",
    "after_failure",
    "writes_column",
    "place",
    "region_place",
];

/// Derived relations as raw tables, to be kept with the facts, whose symbols grow by the texts that are new.
///
/// # Errors
/// A model that cannot be read.
pub fn derive_tables(facts: &mut FactBase, own_models: &[(String, String)]) -> Result<bundle::Derived, ModelError> {
    let mut database = Database::default();
    load_extracted(facts, &[], &mut database);
    let all: Vec<&str> = DERIVED.iter().map(|derived| derived.name).filter(|name| !NOT_KEPT.contains(name)).collect();
    derive_relations(facts, own_models, &all, &mut database)?;
    for text in database.symbols.iter().skip(facts.symbols.len()) {
        facts.symbols.intern(text);
    }
    let tables = DERIVED.iter().filter_map(|derived| {
        let relation = database.relation(derived.name)?;
        let rows = relation.rows().flatten().copied().collect();
        Some(bundle::Table { name: derived.name.to_owned(), width: derived.columns.len() as u32, rows })
    });
    Ok(bundle::Derived { by: DERIVED_BY.to_owned(), tables: tables.collect() })
}

/// Fills those of the derived relations that are `wanted` and that a bundle holds; the rest is left to be derived.
pub fn load_tables<'w>(
    facts: &FactBase,
    kept: &bundle::Derived,
    wanted: &[&'w str],
    database: &mut Database,
) -> Vec<&'w str> {
    let mut open = wanted.to_vec();
    if kept.by != DERIVED_BY {
        return open;
    }
    for table in &kept.tables {
        let Some(derived) = DERIVED.iter().find(|derived| derived.name == table.name) else { continue };
        let columns = derived.columns();
        let width = columns.len();
        let is_sound = |(at, value): (usize, &u32)| match columns[at % width].type_ {
            Type::Symbol => (*value as usize) < facts.symbols.len(),
            Type::Id(kind) => (*value as usize) <= facts.count(kind),
            Type::Number => true,
        };
        let is_whole = table.width as usize == width && table.rows.iter().enumerate().all(is_sound);
        if is_whole && open.contains(&derived.name) {
            database.fill(derived.name, columns.clone(), |_, relation| {
                table.rows.chunks_exact(width).for_each(|row| {
                    relation.insert(row);
                });
            });
            open.retain(|name| *name != derived.name);
        }
    }
    open
}

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
    let context = Context::new(&meaning);
    for derived in wanted {
        load_derived(derived, &context, database);
    }
    Ok(())
}

/// Fills one derived relation.
pub(crate) fn load_derived(derived: &Derived, context: &Context<'_>, database: &mut Database) {
    database.fill(derived.name, derived.columns(), |symbols, relation| {
        (derived.rows)(context, &mut Rows { symbols, relation });
    });
}

/// A relation that questions may use.
#[derive(Clone, Debug)]
pub struct Schema {
    pub name: &'static str,
    pub doc: &'static str,
    pub columns: Vec<Column>,
}

/// Every relation over a tree, extracted and derived.
pub fn schemas() -> Vec<Schema> {
    let extracted = schema::SPECS.iter().map(|spec| Schema {
        name: spec.name,
        doc: spec.doc.trim(),
        columns: extracted_columns(spec),
    });
    let derived =
        DERIVED.iter().map(|derived| Schema { name: derived.name, doc: derived.doc, columns: derived.columns() });
    extracted.chain(derived).collect()
}

/// Fills those of the extracted relations that are `wanted`, and takes over all symbols. The first to be loaded: the numbers
/// of symbols stay those of the facts, and need no translation.
pub fn load_extracted(facts: &FactBase, wanted: &[&str], database: &mut Database) {
    facts.symbols.iter().for_each(|text| {
        database.symbols.intern(text);
    });
    let Ok(()) = facts.relations.visit(&mut Load { wanted, database });
}

/// The columns of an extracted relation in the query language.
fn extracted_columns(spec: &RelationSpec) -> Vec<Column> {
    let type_of = |column_type| match column_type {
        ColumnType::Number => Type::Number,
        ColumnType::Id(kind) => Type::Id(kind),
        ColumnType::Symbol | ColumnType::Position | ColumnType::Word { .. } | ColumnType::Flags { .. } => Type::Symbol,
    };
    let columns = spec.columns.iter();
    columns
        .map(|column| Column { name: column.name.trim_end_matches('_').to_owned(), type_: type_of(column.column_type) })
        .collect()
}

struct Load<'l> {
    wanted: &'l [&'l str],
    database: &'l mut Database,
}

impl RelationVisitor for Load<'_> {
    type Error = std::convert::Infallible;

    fn relation<R: Row>(&mut self, rows: &[R]) -> Result<(), Self::Error> {
        let spec = R::SPEC;
        if !self.wanted.contains(&spec.name) {
            return Ok(());
        }
        self.database.fill(spec.name, extracted_columns(spec), |symbols, relation| {
            let (mut raw, mut text) = (Vec::new(), String::new());
            for row in rows {
                raw.clear();
                row.encode(&mut raw);
                for (column, value) in spec.columns.iter().zip(&mut raw) {
                    if matches!(
                        column.column_type,
                        ColumnType::Position | ColumnType::Word { .. } | ColumnType::Flags { .. }
                    ) {
                        text.clear();
                        export::plain(column.column_type, *value, &mut text);
                        *value = symbols.intern(&text).0;
                    }
                }
                relation.insert(&raw);
            }
        });
        Ok(())
    }
}

/// What a derived relation is filled through: its symbols, and itself.
struct Rows<'r> {
    symbols: &'r mut Interner,
    relation: &'r mut Relation,
}

impl Rows<'_> {
    fn text(&mut self, text: &str) -> u32 {
        self.symbols.intern(text).0
    }

    fn add(&mut self, row: &[u32]) {
        self.relation.insert(row);
    }
}

fn calls(context: &Context<'_>, rows: &mut Rows<'_>) {
    for edge in &context.meaning.resolution.calls {
        let confidence = rows.text(context.confidence(edge.confidence).name());
        rows.add(&[edge.site.raw(), edge.function.raw(), confidence]);
    }
}

fn call_graph(context: &Context<'_>, rows: &mut Rows<'_>) {
    for row in &context.meaning.program.facts.relations.site {
        for callee in context.meaning.callees(row.site) {
            rows.add(&[row.function.raw(), callee.raw(), row.site.raw()]);
        }
    }
}

fn external_calls(context: &Context<'_>, rows: &mut Rows<'_>) {
    let resolution = context.meaning.resolution;
    for (site, path, _) in &resolution.external {
        let path = rows.text(resolution.paths.text(*path));
        rows.add(&[site.raw(), context.function_of(*site).raw(), path]);
    }
}

fn operations(context: &Context<'_>, rows: &mut Rows<'_>) {
    let paths = &context.meaning.resolution.paths;
    for op in &context.meaning.operations.all {
        let (kind, path) = (rows.text(&op.kind.to_string()), rows.text(op.path.map_or("", |path| paths.text(path))));
        rows.add(&[op.site.raw(), op.function.raw(), kind, path]);
    }
}

fn effects(context: &Context<'_>, rows: &mut Rows<'_>) {
    let meaning = context.meaning;
    for row in meaning.effects.rows() {
        let effect = meaning.effects.get(row.effect);
        let role = match effect.role {
            Role::Primary => "primary",
            Role::Replica => "replica",
            _ => "",
        };
        let mut of = |term: Term| rows.text(meaning.text(term).unwrap_or_default());
        let (verb, entity, key) = (of(effect.verb), of(effect.entity), of(effect.key));
        let (kind, role) = (rows.text(&effect.kind.to_string()), rows.text(role));
        let direct = u32::from(meaning.callees(row.site).is_empty());
        rows.add(&[row.site.raw(), context.function_of(row.site).raw(), kind, verb, entity, key, role, direct]);
    }
}

fn scopes(context: &Context<'_>, rows: &mut Rows<'_>) {
    let meaning = context.meaning;
    for (number, scope) in meaning.scopes.all.iter().enumerate() {
        let kind = rows.text(&scope.kind.to_string());
        let origin = match (scope.origin, scope.extent) {
            (Some(origin), _) => origin.raw(),
            (None, Extent::Open(site) | Extent::Life(site, _) | Extent::Site(site)) => site.raw(),
            _ => 0,
        };
        for site in meaning.sites(scope) {
            rows.add(&[number as u32, kind, origin, scope.function.raw(), site.raw()]);
        }
    }
}

fn entry_points(context: &Context<'_>, rows: &mut Rows<'_>) {
    for (function, kind) in context.meaning.entry_points() {
        let kind = rows.text(&kind.to_string());
        rows.add(&[function.raw(), kind]);
    }
}

fn callbacks(context: &Context<'_>, rows: &mut Rows<'_>) {
    for row in &context.meaning.invocations.all {
        rows.add(&[row.site.raw(), row.function.raw()]);
    }
}

fn findings(context: &Context<'_>, rows: &mut Rows<'_>) {
    for finding in crate::judge_meaning(context, rules(), Vec::new()) {
        let row = [
            rows.text(&finding.id),
            rows.text(finding.rule.slug),
            rows.text(finding.severity.name()),
            rows.text(finding.confidence.name()),
            rows.text(&finding.primary.path),
            finding.primary.line,
            rows.text(&finding.message),
        ];
        rows.add(&row);
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

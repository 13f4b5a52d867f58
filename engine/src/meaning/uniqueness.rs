//! Which entities have a key of their own that a second row would break.

use distsys_facts::{ClassId, Id, SiteId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Meaning;
use super::terms::Name;
use crate::program::Program;
use crate::words::{entity_name, words};

/// Declarations of a table lie within one another no deeper than this.
const MAX_DEPTH: u32 = 4;

/// The columns of an entity's unique keys, in one spelling; nothing where they are not seen.
pub(super) type Keys = Option<FxHashSet<String>>;

impl Meaning<'_> {
    /// Whether a second row with the same values in `columns` (none: not known) breaks a key of the entity, the primary
    /// key apart.
    pub fn has_unique_key(&self, entity: Name, columns: &[&str]) -> bool {
        match self.unique.get_or_init(|| unique_keys(self)).get(self.name(entity)) {
            Some(Some(keys)) => columns.is_empty() || columns.iter().any(|column| keys.contains(&plain(column))),
            Some(None) => true,
            None => false,
        }
    }
}

fn plain(column: &str) -> String {
    words(column).concat()
}

fn unique_keys(meaning: &Meaning<'_>) -> FxHashMap<String, Keys> {
    let program = meaning.program;
    let r = &program.facts.relations;
    let reader = meaning.reader();
    let mut found: FxHashMap<String, Keys> = FxHashMap::default();
    let mut add = |entity: &str, columns: Keys| {
        let known = found.entry(entity_name(entity)).or_insert_with(|| Some(FxHashSet::default()));
        match (known, columns) {
            (Some(known), Some(columns)) => known.extend(columns),
            (known, _) => *known = None,
        }
    };
    for row in &r.sql {
        if program.has_clause(row, "unique") {
            add(program.text(row.table), Some(program.text(row.columns).split(',').map(plain).collect()));
        }
    }
    for row in &r.class {
        let Some(columns) = keys_of(meaning, row.class) else { continue };
        // `class Meta` within a model speaks of the model.
        let outer = program.text(row.qualified).rsplit_once('.').map(|(outer, _)| outer);
        // A class comes right before those within it.
        let before = r.class[..row.class.index()].iter().rev().take_while(|known| known.module == row.module);
        let outer = before.filter(|known| Some(program.text(known.qualified)) == outer);
        for row in outer.chain([row]) {
            add(program.text(row.name), columns.clone());
            if let Some(table) = reader.table_of(row.class) {
                add(table, columns.clone());
            }
        }
    }
    // `pgTable("orders", { reference: text("reference").unique() })`, `Table("orders", metadata, UniqueConstraint("reference"))`
    for row in &r.call {
        let name = program.arguments(row.site).next().and_then(|first| program.literal(first.var));
        let Some(name) = name.filter(|_| program.arguments(row.site).nth(1).is_some()) else { continue };
        for argument in program.arguments(row.site).skip(1) {
            let entries = program.entry_by_var.of(&r.entry, argument.var);
            let marked = entries.filter(|entry| says_unique(meaning, entry.value, 0));
            let columns: FxHashSet<String> = marked.map(|entry| plain(program.text(entry.key))).collect();
            if !columns.is_empty() {
                add(program.text(name.value), Some(columns));
            } else if says_unique(meaning, argument.var, 0) {
                add(program.text(name.value), None);
            }
        }
    }
    found
}

/// `reference = CharField(unique=True)`, `@Column({ unique: true })`; nothing where columns are unique together; none if
/// the class says nothing of it.
fn keys_of(meaning: &Meaning<'_>, class: ClassId) -> Option<Keys> {
    let program = meaning.program;
    let r = &program.facts.relations;
    let says = |site: SiteId| {
        program.call(site).is_some_and(|call| is_unique_word(program.written_name(call)))
            || program.arguments(site).any(|row| {
                says_unique(meaning, row.var, 0)
                    || is_set(meaning, program.text(row.keyword), row.var)
                    || meaning.constant(row.var) == Some("unique")
            })
    };
    let mut columns: FxHashSet<String> = FxHashSet::default();
    for row in program.field_by_class.of(&r.field, class) {
        let name = program.text(row.name);
        let Some(value) = row.value else { continue };
        if name == "unique_together" || (says_unique(meaning, value, 0) && !is_column(meaning, value)) {
            return Some(None);
        }
        if says_unique(meaning, value, 0) {
            columns.insert(plain(name));
        }
    }
    if program.annotation_by_class.of(&r.class_annotation, class).any(|row| says(row.site)) {
        return Some(None);
    }
    let marked = program.field_annotation_by_class.of(&r.field_annotation, class).filter(|row| says(row.site));
    columns.extend(marked.map(|row| plain(program.text(row.name))));
    Some(Some(columns)).filter(|columns| columns.as_ref().is_some_and(|columns| !columns.is_empty()))
}

/// Whether a field's value declares one column: it is made by a call, not a list of constraints.
fn is_column(meaning: &Meaning<'_>, value: VarId) -> bool {
    meaning.program.call_giving(value).is_some()
}

fn is_unique_word(name: &str) -> bool {
    words(name).iter().any(|word| word == "unique")
}

fn is_set(meaning: &Meaning<'_>, key: &str, value: VarId) -> bool {
    key == "unique" && meaning.constant(value).is_none_or(|text| !text.eq_ignore_ascii_case("false"))
}

/// Whether what declares a column, an index or a table says that it is unique.
fn says_unique(meaning: &Meaning<'_>, var: VarId, depth: u32) -> bool {
    let program = meaning.program;
    let r = &program.facts.relations;
    if depth > MAX_DEPTH {
        return false;
    }
    let made = program.call_giving(var);
    let called = made.is_some_and(|call| {
        is_unique_word(program.written_name(call))
            || program.arguments(call.site).any(|row| {
                is_set(meaning, program.text(row.keyword), row.var) || says_unique(meaning, row.var, depth + 1)
            })
            || call.receiver.is_some_and(|receiver| says_unique(meaning, receiver, depth + 1))
    });
    called
        || program.element_by_var.of(&r.element, var).any(|row| says_unique(meaning, row.value, depth + 1))
        || program
            .entry_by_var
            .of(&r.entry, var)
            .any(|row| is_set(meaning, program.text(row.key), row.value) || says_unique(meaning, row.value, depth + 1))
        || returned_by(program, var).into_iter().any(|var| says_unique(meaning, var, depth + 1))
}

/// What a closure written here gives: `(table) => ({ one: uniqueIndex("one").on(table.reference) })`.
fn returned_by(program: &Program<'_>, var: VarId) -> Vec<VarId> {
    let r = &program.facts.relations;
    let Some(function) = program.closure(var) else { return Vec::new() };
    program.returns_by_function.of(&r.returns, function).filter_map(|row| row.var).collect()
}

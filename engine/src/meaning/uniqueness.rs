//! Which entities have a key of their own that a second row would break.

use distsys_facts::{ClassId, VarId};
use rustc_hash::FxHashSet;

use super::Meaning;
use super::terms::Name;
use crate::program::Program;
use crate::words::{entity_name, words};

/// Declarations of a table lie within one another no deeper than this.
const MAX_DEPTH: u32 = 4;

impl Meaning<'_> {
    /// Whether a column of the entity, or several together, must be unique, the primary key apart.
    pub fn has_unique_key(&self, entity: Name) -> bool {
        self.unique.get_or_init(|| unique_entities(self)).contains(self.name(entity))
    }
}

fn unique_entities(meaning: &Meaning<'_>) -> FxHashSet<String> {
    let program = meaning.program;
    let r = &program.facts.relations;
    let reader = meaning.reader();
    let mut found: FxHashSet<String> = FxHashSet::default();
    let keyed = r.sql.iter().filter(|row| program.text(row.clauses).split(',').any(|clause| clause == "unique"));
    found.extend(keyed.map(|row| entity_name(program.text(row.table))));
    for row in &r.class {
        if !is_keyed(meaning, row.class) {
            continue;
        }
        // `class Meta` within a model speaks of the model.
        let outer = program.text(row.qualified).rsplit_once('.').map(|(outer, _)| outer);
        let outer = r.class.iter().filter(|known| known.module == row.module && Some(program.text(known.qualified)) == outer);
        for row in outer.chain([row]) {
            let named = reader.table_of(row.class).unwrap_or_else(|| program.text(row.name));
            found.extend([entity_name(named), entity_name(program.text(row.name))]);
        }
    }
    // `pgTable("orders", { reference: text("reference").unique() })`, `Table("orders", metadata, UniqueConstraint("reference"))`
    for row in &r.call {
        let name = program.arguments(row.site).next().and_then(|first| program.literal(first.var));
        let Some(name) = name.filter(|_| program.arguments(row.site).nth(1).is_some()) else { continue };
        if program.arguments(row.site).skip(1).any(|argument| says_unique(meaning, argument.var, 0)) {
            found.insert(entity_name(program.text(name.value)));
        }
    }
    found
}

/// `reference = CharField(unique=True)`, `class Meta: constraints = [UniqueConstraint(…)]`, `@Column({ unique: true })`.
fn is_keyed(meaning: &Meaning<'_>, class: ClassId) -> bool {
    let program = meaning.program;
    let r = &program.facts.relations;
    let mut fields = program.field_by_class.of(&r.field, class);
    let annotations = program.annotation_by_class.of(&r.class_annotation, class).map(|row| row.site);
    let of_fields = program.field_annotation_by_class.of(&r.field_annotation, class).map(|row| row.site);
    let mut sites = annotations.chain(of_fields);
    fields.any(|row| {
        let named = program.text(row.name) == "unique_together";
        row.value.is_some_and(|value| named || says_unique(meaning, value, 0))
    }) || sites.any(|site| {
        program.call(site).is_some_and(|call| is_unique_word(program.written_name(call)))
            || program.arguments(site).any(|row| {
                says_unique(meaning, row.var, 0)
                    || is_set(meaning, program.text(row.keyword), row.var)
                    || meaning.constant(row.var) == Some("unique")
            })
    })
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
        || program.entry_by_var.of(&r.entry, var).any(|row| {
            is_set(meaning, program.text(row.key), row.value) || says_unique(meaning, row.value, depth + 1)
        })
        || returned_by(program, var).into_iter().any(|var| says_unique(meaning, var, depth + 1))
}

/// What a closure written here gives: `(table) => ({ one: uniqueIndex("one").on(table.reference) })`.
fn returned_by(program: &Program<'_>, var: VarId) -> Vec<VarId> {
    let r = &program.facts.relations;
    let Some(function) = program.closure(var) else { return Vec::new() };
    program.returns_by_function.of(&r.returns, function).filter_map(|row| row.var).collect()
}

//! Roles that annotations give to what is asked for: `@InjectRepository(Order, "replica") orders`, `@Qualifier("readOnly") db`.

use distsys_facts::{ClassId, FunctionId, SiteId, Sym, VarId};
use rustc_hash::FxHashMap;

use crate::program::Program;
use crate::resolve::values::HandleRole;
use crate::words::role_of_name;

/// The roles of what carries such an annotation.
#[derive(Debug, Default)]
pub(super) struct AnnotatedRoles {
    pub(super) parameters: Vec<(VarId, HandleRole)>,
    pub(super) fields: FxHashMap<(ClassId, Sym), HandleRole>,
}

pub(super) fn annotated_roles(program: &Program<'_>) -> AnnotatedRoles {
    let r = &program.facts.relations;
    let mut said: FxHashMap<(FunctionId, u32), HandleRole> = FxHashMap::default();
    for row in &r.parameter_annotation {
        if let Some(role) = said_at(program, row.site) {
            said.insert((row.function, row.index), role);
        }
    }
    let of = |row: &distsys_facts::schema::Parameter| Some((row.var, *said.get(&(row.function, row.index))?));
    let parameters = if said.is_empty() { Vec::new() } else { r.parameter.iter().filter_map(of).collect() };
    let fields = r.field_annotation.iter().filter_map(|row| Some(((row.class, row.name), said_at(program, row.site)?)));
    AnnotatedRoles { parameters, fields: fields.collect() }
}

/// What a text among the arguments says, or one in a list of options.
fn said_at(program: &Program<'_>, site: SiteId) -> Option<HandleRole> {
    let r = &program.facts.relations;
    let said = |var: VarId| {
        let known = program.literal(var).map(|row| row.value).or_else(|| constant_name(program, var));
        known.map(|text| role_of_name(program.text(text), false)).filter(|role| *role != HandleRole::Unknown)
    };
    program.arguments(site).find_map(|argument| {
        let entries = program.entry_by_var.of(&r.entry, argument.var).map(|row| row.value);
        std::iter::once(argument.var).chain(entries).find_map(said)
    })
}

/// `REPLICA`, `Connections.READ_ONLY`: what is written as a constant is named for what it holds.
fn constant_name(program: &Program<'_>, var: VarId) -> Option<Sym> {
    let name = program
        .loaded_as(var)
        .map(|load| load.field)
        .or_else(|| program.variable(var).map(|row| row.name))
        .or_else(|| program.global(var))?;
    let text = program.text(name);
    let is_constant = text.chars().any(|letter| letter.is_ascii_uppercase())
        && !text.chars().any(|letter| letter.is_ascii_lowercase());
    is_constant.then_some(name)
}

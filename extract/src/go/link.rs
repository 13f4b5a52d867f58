//! What shows only when all files of a package are there: which type the methods in another file belong to.

use distsys_facts::{ClassId, FactBase, Id, Language, Role, Sym};
use rustc_hash::{FxHashMap, FxHashSet};

/// Gives methods to the type of their package, wherever it stands.
pub(super) fn link(facts: &mut FactBase) {
    let r = &facts.relations;
    let file_of = |class: ClassId| &r.file[r.module[r.class[class.index()].module.index()].file.index()];
    let folder_of = |class: ClassId| {
        let path = facts.text(file_of(class).path);
        path.rsplit_once('/').map_or("", |(folder, _)| folder)
    };
    let parts: FxHashMap<ClassId, &str> = r
        .extends
        .iter()
        .filter(|row| file_of(row.class).language == Language::Go)
        .filter_map(|row| Some((row.class, facts.text(row.base).strip_prefix("impl.")?)))
        .collect();
    if parts.is_empty() {
        return;
    }
    // Types of functions and of tests' doubles shadow none.
    let mut types: FxHashMap<(&str, Sym), (bool, ClassId)> = FxHashMap::default();
    for row in r.class.iter().filter(|row| row.name == row.qualified && !parts.contains_key(&row.class)) {
        let file = file_of(row.class);
        if file.language == Language::Go {
            let found = (file.role == Role::Test, row.class);
            types
                .entry((folder_of(row.class), row.name))
                .and_modify(|known| *known = found.min(*known))
                .or_insert(found);
        }
    }
    let whole: FxHashMap<ClassId, ClassId> = parts
        .keys()
        .filter_map(|&part| {
            let (_, class) = types.get(&(folder_of(part), r.class[part.index()].name))?;
            Some((part, *class))
        })
        .collect();
    let merged: FxHashSet<ClassId> = whole.keys().copied().collect();
    let relations = &mut facts.relations;
    for row in &mut relations.function {
        if let Some(class) = row.class.and_then(|class| whole.get(&class)) {
            row.class = Some(*class);
        }
    }
    for row in &mut relations.method {
        if let Some(class) = whole.get(&row.class) {
            row.class = *class;
        }
    }
    relations.extends.retain(|row| !merged.contains(&row.class));
}

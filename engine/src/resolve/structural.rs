//! Interfaces that types have by their methods alone.

use distsys_facts::{ClassId, ClassKind, FunctionFlags, FunctionId, Id, IdKind, ParameterKind, Role, Sym};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::Family;
use crate::program::Program;
use crate::words::words;

/// The classes that have all methods of an interface, for every interface of the project, or protocol that says that it is
/// one; doubles of tests are none.
pub(super) fn implementers(
    program: &Program<'_>,
    ancestors: &[Vec<ClassId>],
    methods: &FxHashMap<(ClassId, Sym), FunctionId>,
    is_part: impl Fn(ClassId) -> bool,
    is_protocol: impl Fn(ClassId) -> bool,
) -> Vec<(ClassId, ClassId)> {
    let count = program.facts.count(IdKind::Class);
    let family_of =
        |class: ClassId| Family::from(program.language(program.file_of_module(program.class(class).module)));
    let protocols: FxHashSet<ClassId> = (0..count).map(ClassId::new).filter(|class| is_protocol(*class)).collect();
    let with_protocols: FxHashSet<Family> = protocols.iter().map(|class| family_of(*class)).collect();
    let is_interface = |class: ClassId| match family_of(class).has_structural_interfaces() {
        true => program.class(class).kind == ClassKind::Interface,
        false => protocols.contains(&class),
    };
    let is_structural =
        |class: ClassId| family_of(class).has_structural_interfaces() || with_protocols.contains(&family_of(class));
    let is_double = |class: ClassId| {
        let row = program.class(class);
        let file = program.file_of_module(row.module);
        let says = |text: &str| {
            words(text).iter().any(|word| matches!(word.as_str(), "mock" | "mocks" | "fake" | "stub" | "unimplemented"))
        };
        matches!(program.facts.relations.file[file.index()].role, Role::Test | Role::Example)
            || says(program.text(row.name))
    };
    let mut own: Vec<Vec<(Sym, FunctionId)>> = vec![Vec::new(); count];
    for (&(class, name), &function) in methods {
        own[class.index()].push((name, function));
    }
    let methods_of = |class: ClassId, of_interfaces: bool| {
        let line = ancestors[class.index()].iter();
        let line = line.filter(|class| is_interface(**class) == of_interfaces);
        let mut found: FxHashMap<Sym, FunctionId> = FxHashMap::default();
        for ancestor in line {
            for &(name, function) in &own[ancestor.index()] {
                found.entry(name).or_insert(function);
            }
        }
        found
    };
    let mut owners: FxHashMap<Sym, Vec<ClassId>> = FxHashMap::default();
    let mut sets: FxHashMap<ClassId, FxHashMap<Sym, FunctionId>> = FxHashMap::default();
    let classes = (0..count).map(ClassId::new).filter(|class| is_structural(*class) && !is_part(*class));
    let (interfaces, concrete): (Vec<ClassId>, Vec<ClassId>) = classes.partition(|class| is_interface(*class));
    for class in concrete.into_iter().filter(|class| !is_double(*class)) {
        let set = methods_of(class, false);
        for &name in set.keys() {
            owners.entry(name).or_default().push(class);
        }
        sets.insert(class, set);
    }
    let mut found = Vec::new();
    for interface in interfaces {
        let wanted = methods_of(interface, true);
        let rarest = wanted.keys().min_by_key(|name| (owners.get(name).map_or(0, Vec::len), **name));
        let Some(candidates) = rarest.and_then(|name| owners.get(name)) else { continue };
        let fitting = |fits: &dyn Fn(FunctionId, FunctionId) -> bool| -> Vec<ClassId> {
            let has = |class: &&ClassId| {
                let set = &sets[*class];
                wanted.iter().all(|(name, function)| set.get(name).is_some_and(|other| fits(*function, *other)))
            };
            candidates.iter().filter(has).copied().collect()
        };
        let mut classes = fitting(&|wanted, own| same_signature(program, wanted, own));
        if !family_of(interface).has_structural_interfaces() {
            // Not all types are written; of several that fit nobody knows which one is meant.
            if classes.is_empty() {
                classes = fitting(&|wanted, own| same_count(program, wanted, own));
            }
            if classes.len() > 1 {
                continue;
            }
        }
        found.extend(classes.into_iter().map(|class| (interface, class)));
    }
    found.sort_unstable();
    found
}

/// Whether two functions are called in the same way, as far as no types say otherwise.
fn same_count(program: &Program<'_>, left: FunctionId, right: FunctionId) -> bool {
    let taken =
        |function: FunctionId| program.parameters(function).filter(|row| row.kind != ParameterKind::Receiver).count();
    let is_async = |function: FunctionId| program.function(function).flags.has(FunctionFlags::ASYNC);
    taken(left) == taken(right) && is_async(left) == is_async(right)
}

/// Whether two functions take and give the same, as far as the written types say: what a package calls `Order` another calls
/// `orders.Order`.
fn same_signature(program: &Program<'_>, left: FunctionId, right: FunctionId) -> bool {
    let last = |sym: Sym| {
        let text = program.text(sym);
        let head = text.split('<').next().unwrap_or(text);
        head.rsplit('.').next().unwrap_or(head)
    };
    let taken = |function: FunctionId| {
        program.parameters(function).filter(|row| row.kind != ParameterKind::Receiver).map(|row| last(row.type_))
    };
    let given = |function: FunctionId| {
        program.return_type_by_function.first(&program.facts.relations.return_type, function).map(|row| last(row.type_))
    };
    taken(left).eq(taken(right)) && given(left) == given(right)
}

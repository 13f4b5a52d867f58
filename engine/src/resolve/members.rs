//! Class hierarchies: where a member is found.

use distsys_facts::{ClassId, ClassKind, FunctionFlags, FunctionId, Id, IdKind, Language, ParameterKind, Sym};
use rustc_hash::{FxHashMap, FxHashSet};

use super::bindings::{Bindings, TypeTarget};
use super::structural;
use super::types;
use crate::model::Family;
use crate::paths::{PathId, Paths};
use crate::program::Program;

/// Bases, derived classes and declared fields of every class.
#[derive(Debug)]
pub(super) struct Hierarchy {
    /// Project classes that a class derives from, nearest first, itself at the head.
    ancestors: Vec<Vec<ClassId>>,
    derived: Vec<Vec<ClassId>>,
    /// The library classes at the top of a hierarchy, with the class among their type arguments.
    external: Vec<Vec<(PathId, Option<ClassId>)>>,
    /// What the project adds to a library's type, by the type (`impl Entity { … }` of one that a macro makes).
    extensions: FxHashMap<(PathId, Option<ClassId>), Vec<ClassId>>,
    /// Fields declared in the class body or stored through the receiver.
    fields: FxHashSet<(ClassId, Sym)>,
    /// An `impl` block apart from its type stands for the type.
    stands_for: FxHashMap<ClassId, ClassId>,
    methods: FxHashMap<(ClassId, Sym), FunctionId>,
    /// The class that a class names as what its base is of.
    base_arguments: FxHashMap<ClassId, ClassId>,
    /// The classes that give a value to a field which classes above them have or ask for.
    overriding: FxHashMap<(ClassId, Sym), Vec<ClassId>>,
    /// Methods that share class and name, where the language tells them apart by their parameters.
    overloads: FxHashMap<(ClassId, Sym), Vec<FunctionId>>,
}

/// Where a member leads.
#[derive(Clone, Debug)]
pub(super) enum Member {
    Method(FunctionId),
    /// A field of one of these classes.
    Field,
    /// A member of a library's class.
    External(Vec<(PathId, Option<ClassId>)>),
    Nothing,
}

const MAX_ANCESTORS: usize = 64;

/// So many classes are asked what a field of a base is.
const MAX_OVERRIDING: usize = 64;

impl Hierarchy {
    pub(super) fn new(program: &Program<'_>, bindings: &Bindings<'_, '_>, paths: &mut Paths) -> Self {
        let count = program.facts.count(IdKind::Class);
        let mut bases: Vec<Vec<ClassId>> = vec![Vec::new(); count];
        let mut external: Vec<Vec<(PathId, Option<ClassId>)>> = vec![Vec::new(); count];
        let mut extensions: FxHashMap<(PathId, Option<ClassId>), Vec<ClassId>> = FxHashMap::default();
        let mut stands_for = FxHashMap::default();
        let mut base_arguments: FxHashMap<ClassId, ClassId> = FxHashMap::default();
        for row in &program.facts.relations.extends {
            let module = program.class(row.class).module;
            let family = program.language(program.file_of_module(module)).into();
            let text = program.text(row.base);
            let (text, is_impl) = match text.strip_prefix("impl.") {
                Some(rest) => (rest, true),
                None => (text, false),
            };
            let named = types::alternatives(text).into_iter().next().and_then(|base| base.arguments.first().copied());
            let of = named.map(|named| bindings.types(module, named, 0));
            if let Some([TypeTarget::Class(of)]) = of.as_deref()
                && !is_impl
            {
                base_arguments.entry(row.class).or_insert(*of);
            }
            for target in bindings.types(module, text, 0) {
                match target {
                    TypeTarget::Class(base) if is_impl && base != row.class => {
                        stands_for.insert(row.class, base);
                    }
                    TypeTarget::Class(base) if base != row.class => bases[row.class.index()].push(base),
                    TypeTarget::External(path, argument) => {
                        let path = paths.intern(family, &path);
                        external[row.class.index()].push((path, argument));
                        if is_impl {
                            extensions.entry((path, argument)).or_default().push(row.class);
                        }
                    }
                    TypeTarget::Class(_) | TypeTarget::Collection(_) => {}
                }
            }
        }
        for (class, base) in implemented(program, bindings) {
            bases[class.index()].push(base);
        }
        let mut methods = program.methods.clone();
        for (&part, &whole) in &stands_for {
            for row in program.method_by_class.of(&program.facts.relations.method, part) {
                methods.entry((whole, row.name)).or_insert(row.function);
            }
            let (inherited, outside) =
                (std::mem::take(&mut bases[part.index()]), std::mem::take(&mut external[part.index()]));
            bases[whole.index()].extend(inherited);
            external[whole.index()].extend(outside);
            bases[part.index()].push(whole);
        }
        let mut ancestors = Vec::with_capacity(count);
        let mut derived: Vec<Vec<ClassId>> = vec![Vec::new(); count];
        for index in 0..count {
            let class = ClassId::new(index);
            let mut line = vec![class];
            let mut at = 0;
            while at < line.len() && line.len() < MAX_ANCESTORS {
                for &base in &bases[line[at].index()] {
                    if !line.contains(&base) {
                        line.push(base);
                    }
                }
                at += 1;
            }
            for &base in &line[1..] {
                derived[base.index()].push(class);
            }
            ancestors.push(line);
        }
        let is_protocol = |class: ClassId| {
            let family: Family = program.language(program.file_of_module(program.class(class).module)).into();
            external[class.index()].iter().any(|(path, _)| family.is_protocol(paths.text(*path)))
        };
        let is_part = |class: ClassId| stands_for.contains_key(&class);
        for (interface, class) in structural::implementers(program, &ancestors, &methods, is_part, is_protocol) {
            if !derived[interface.index()].contains(&class) {
                derived[interface.index()].push(class);
            }
        }
        let fields = declared_fields(program);
        let mut overriding: FxHashMap<(ClassId, Sym), Vec<ClassId>> = FxHashMap::default();
        for row in program.facts.relations.field.iter().filter(|row| row.value.is_some()) {
            let class = stands_for.get(&row.class).copied().unwrap_or(row.class);
            for &base in ancestors[class.index()].iter().filter(|base| **base != class) {
                let classes = overriding.entry((base, row.name)).or_default();
                if classes.len() < MAX_OVERRIDING && classes.last() != Some(&class) {
                    classes.push(class);
                }
            }
        }
        let overloads = overloads(program);
        Hierarchy {
            ancestors,
            derived,
            external,
            extensions,
            fields,
            stands_for,
            methods,
            base_arguments,
            overriding,
            overloads,
        }
    }

    /// The classes that have a mixin, each with the class of the project that comes behind the mixin in its line.
    pub(super) fn behind(&self, mixin: ClassId) -> impl Iterator<Item = (ClassId, Option<ClassId>)> + '_ {
        self.derived[mixin.index()].iter().map(move |class| {
            let mut line = self.ancestors(*class).iter().copied().skip_while(move |ancestor| *ancestor != mixin);
            (*class, line.nth(1))
        })
    }

    /// The classes below one that derive from a library's, too.
    pub(super) fn below_in_library(&self, class: ClassId) -> impl Iterator<Item = ClassId> + '_ {
        let below = self.derived[class.index()].iter().copied();
        below.filter(|class| self.external_bases(*class).next().is_some())
    }

    /// The classes below `class` that say what one of its fields is.
    pub(super) fn overriding_field(&self, class: ClassId, name: Sym) -> &[ClassId] {
        self.overriding.get(&(class, name)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn base_arguments(&self) -> &FxHashMap<ClassId, ClassId> {
        &self.base_arguments
    }

    pub(super) fn own_fields(&self) -> &FxHashSet<(ClassId, Sym)> {
        &self.fields
    }

    pub(super) fn ancestors(&self, class: ClassId) -> &[ClassId] {
        &self.ancestors[class.index()]
    }

    pub(super) fn derived(&self, class: ClassId) -> &[ClassId] {
        &self.derived[class.index()]
    }

    /// The class that an `impl` block belongs to.
    pub(super) fn whole(&self, class: ClassId) -> ClassId {
        self.stands_for.get(&class).copied().unwrap_or(class)
    }

    pub(super) fn member(&self, class: ClassId, name: Sym) -> Member {
        let line = self.ancestors(class);
        for &ancestor in line {
            if let Some(&function) = self.methods.get(&(ancestor, name)) {
                return Member::Method(function);
            }
            if self.fields.contains(&(ancestor, name)) {
                return Member::Field;
            }
        }
        let external: Vec<_> = self.external_bases(class).collect();
        if external.is_empty() { Member::Nothing } else { Member::External(external) }
    }

    /// The method that the project adds to a library's type, with the class that stands for its block.
    pub(super) fn extension(&self, path: PathId, of: Option<ClassId>, name: Sym) -> Option<(ClassId, FunctionId)> {
        let mut blocks = self.extensions.get(&(path, of))?.iter();
        blocks.find_map(|block| match self.member(*block, name) {
            Member::Method(function) => Some((*block, function)),
            _ => None,
        })
    }

    /// Whether objects of a class have a field of a name, whatever methods of that name there are.
    pub(super) fn has_field(&self, class: ClassId, name: Sym) -> bool {
        self.ancestors(class).iter().any(|ancestor| self.fields.contains(&(*ancestor, name)))
    }

    /// All methods that a name means in a class, its own first, if there are several.
    pub(super) fn overloads(&self, class: ClassId, name: Sym) -> Vec<FunctionId> {
        let line = self.ancestors(class);
        if !line.iter().any(|ancestor| self.overloads.contains_key(&(*ancestor, name))) {
            return Vec::new();
        }
        let of = |ancestor: &ClassId| {
            let several = self.overloads.get(&(*ancestor, name)).cloned();
            several.unwrap_or_else(|| self.methods.get(&(*ancestor, name)).copied().into_iter().collect())
        };
        line.iter().flat_map(of).collect()
    }

    /// The method of a class that overrides `function`: of several of that name the one with its parameters.
    fn overriding(&self, program: &Program<'_>, class: ClassId, function: FunctionId) -> Option<FunctionId> {
        let name = program.function(function).name;
        let Some(several) = self.overloads.get(&(class, name)) else {
            return self.methods.get(&(class, name)).copied();
        };
        let types = |of: FunctionId| -> Vec<Sym> { program.parameters(of).skip(1).map(|row| row.type_).collect() };
        let wanted = types(function);
        let same = several.iter().find(|method| types(**method) == wanted);
        // A type parameter may stand where the class names a type.
        same.or_else(|| several.iter().find(|method| types(**method).len() == wanted.len())).copied()
    }

    /// The methods of a name that an instance of `class` may have, whatever class below it is of.
    pub(super) fn methods_below(&self, class: ClassId, name: Sym) -> Vec<FunctionId> {
        let own = match self.member(class, name) {
            Member::Method(function) => Some(function),
            _ => None,
        };
        let below = self.derived[class.index()].iter().filter_map(|class| self.methods.get(&(*class, name)).copied());
        let mut found: Vec<FunctionId> = own.into_iter().chain(below).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The library classes that a class derives from, with what they are of: where a base in between leaves that open but for a
    /// bound (`interface Rows<T extends Row> extends Repository<T>`), what the class says (`interface Orders extends Rows<Order>`).
    pub(super) fn external_bases(&self, class: ClassId) -> impl Iterator<Item = (PathId, Option<ClassId>)> + '_ {
        let line = self.ancestors(class);
        let said = line.iter().find_map(|ancestor| self.base_arguments.get(ancestor).copied());
        let closer = move |bound: ClassId| said.filter(|said| self.ancestors(*said).contains(&bound)).unwrap_or(bound);
        let external = line.iter().flat_map(|ancestor| self.external[ancestor.index()].iter().copied());
        external.map(move |(path, of)| (path, of.map(closer)))
    }

    /// Of what an abstract method may be, leaves what objects of `class` and of those below it have, if any do.
    pub(super) fn below(
        &self,
        program: &Program<'_>,
        class: ClassId,
        function: FunctionId,
        found: &mut Vec<FunctionId>,
    ) {
        let class = self.whole(class);
        let owned = |method: FunctionId| {
            let lines = self.derived[class.index()].iter().chain([&class]);
            lines
                .filter_map(|class| {
                    let mut line =
                        self.ancestors(*class).iter().filter_map(|class| self.overriding(program, *class, function));
                    line.find(|method| !program.function(*method).flags.has(FunctionFlags::ABSTRACT))
                })
                .any(|known| known == method)
        };
        if found.len() > 1 && found.iter().any(|method| owned(*method)) {
            found.retain(|method| owned(*method));
        }
    }

    /// What an abstract method may be at run time: the methods of that name in derived classes.
    pub(super) fn implementations(&self, program: &Program<'_>, function: FunctionId) -> Vec<FunctionId> {
        let row = program.function(function);
        let Some(class) = row.class else { return Vec::new() };
        if !row.flags.has(FunctionFlags::ABSTRACT) {
            return Vec::new();
        }
        let mut found: Vec<FunctionId> = Vec::new();
        for &class in &self.derived[self.whole(class).index()] {
            let mut line = self.ancestors(class).iter().filter_map(|class| self.overriding(program, *class, function));
            if let Some(method) = line.find(|method| !program.function(*method).flags.has(FunctionFlags::ABSTRACT))
                && method != function
                && !found.contains(&method)
            {
                found.push(method);
            }
        }
        found
    }
}

fn overloads(program: &Program<'_>) -> FxHashMap<(ClassId, Sym), Vec<FunctionId>> {
    let mut found: FxHashMap<(ClassId, Sym), Vec<FunctionId>> = FxHashMap::default();
    for row in &program.facts.relations.method {
        if program.language(program.file_of_function(row.function)) == Language::Java {
            found.entry((row.class, row.name)).or_default().push(row.function);
        }
    }
    found.retain(|_, methods| methods.len() > 1);
    found
}

fn declared_fields(program: &Program<'_>) -> FxHashSet<(ClassId, Sym)> {
    let r = &program.facts.relations;
    let mut fields: FxHashSet<(ClassId, Sym)> = r.field.iter().map(|row| (row.class, row.name)).collect();
    for row in &r.parameter {
        if row.kind == ParameterKind::Receiver
            && let Some(class) = program.function(row.function).class
        {
            fields.extend(program.stores_to(row.var).map(|store| (class, store.field)));
        }
    }
    fields
}

/// Classes with the traits that an annotation on either says they have (`#[enum_dispatch(Trait)] enum E { … }`).
fn implemented(program: &Program<'_>, bindings: &Bindings<'_, '_>) -> Vec<(ClassId, ClassId)> {
    let mut found = Vec::new();
    for row in &program.facts.relations.class_annotation {
        let Some(call) = program.call(row.site) else { continue };
        let annotated = program.class(row.class);
        let family = program.language(program.file_of_module(annotated.module)).into();
        if !bindings.models.declares(family, program.written_name(call)).is_some_and(|declares| declares.implements) {
            continue;
        }
        for argument in program.arguments(row.site) {
            let Some(named) = bindings.class_named(argument.var).filter(|named| *named != row.class) else { continue };
            found.push(match annotated.kind {
                ClassKind::Trait => (named, row.class),
                _ => (row.class, named),
            });
        }
    }
    found
}

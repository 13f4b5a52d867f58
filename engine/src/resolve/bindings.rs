//! What names stand for before any value flows: imports, exports, classes, type names.

mod java;

use std::borrow::Cow;
use std::cell::RefCell;

use distsys_facts::{ClassId, Id, Language, ModuleId, Sym, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::macro_types;
use super::modules::{Modules, Target};
use super::types::{self, Generic};
use crate::model::ModelSet;
use crate::program::Program;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Binding {
    Var(VarId),
    Module(ModuleId),
    External(String),
    /// A library's type that an annotation on a class declares beside it.
    Declared(String, ClassId),
}

/// What a type name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TypeTarget {
    Class(ClassId),
    /// A library's type, with the project class among its arguments (`Repository<Order>`).
    External(String, Option<ClassId>),
    Collection(Box<TypeTarget>),
}

/// Name tables of all modules.
#[derive(Debug)]
pub(super) struct Bindings<'p, 'f> {
    program: &'p Program<'f>,
    pub(super) modules: Modules,
    pub(super) models: &'p ModelSet,
    /// Blocks of methods whose type nothing declares.
    of_macros: FxHashSet<ClassId>,
    exports: FxHashMap<(ModuleId, Sym), VarId>,
    /// What modules are that offer one value and nothing else: `module.exports = new Store()`.
    whole: FxHashMap<ModuleId, VarId>,
    reexports: FxHashMap<ModuleId, Vec<u32>>,
    globs: FxHashMap<ModuleId, Vec<Sym>>,
    /// Names declared at the top level of a module, exported or not.
    top_level: FxHashMap<(ModuleId, Sym), VarId>,
    aliases: FxHashMap<(ModuleId, Sym), Sym>,
    class_of_var: FxHashMap<VarId, ClassId>,
    var_of_class: FxHashMap<ClassId, VarId>,
    /// Classes by their name within their module.
    class_by_path: FxHashMap<(ModuleId, Sym), ClassId>,
    /// By module: name, type, the class that is annotated.
    declared: FxHashMap<ModuleId, Vec<(String, String, ClassId)>>,
    /// What was asked before: an index that re-exports everything is asked for every name by every importer.
    targets: RefCell<FxHashMap<(ModuleId, Sym), Target>>,
    found: RefCell<FxHashMap<(ModuleId, Sym, u32), Option<Binding>>>,
}

/// Re-exports and aliases may lead in circles; real ones are shorter than this.
const MAX_HOPS: u32 = 12;

impl<'p, 'f> Bindings<'p, 'f> {
    pub(super) fn new(program: &'p Program<'f>, models: &'p ModelSet) -> Self {
        let r = &program.facts.relations;
        let mut reexports: FxHashMap<ModuleId, Vec<u32>> = FxHashMap::default();
        for (number, row) in r.reexport.iter().enumerate() {
            reexports.entry(row.module).or_default().push(number as u32);
        }
        let mut globs: FxHashMap<ModuleId, Vec<Sym>> = FxHashMap::default();
        for row in &r.import_glob {
            globs.entry(row.module).or_default().push(row.target);
        }
        let mut top_level = FxHashMap::default();
        for row in &r.variable {
            let function = program.function(row.function);
            if function.parent.is_none() {
                top_level.insert((function.module, row.name), row.var);
            }
        }
        for row in &r.import {
            if let Some(variable) = program.variable(row.var) {
                top_level.entry((row.module, variable.name)).or_insert(row.var);
            }
        }
        let mut declared: FxHashMap<ModuleId, Vec<(String, String, ClassId)>> = FxHashMap::default();
        for row in &r.class_annotation {
            let module = program.class(row.class).module;
            let family = program.language(program.file_of_module(module)).into();
            let Some(call) = program.call(row.site) else { continue };
            let Some(declares) = models.declares(family, program.written_name(call)) else { continue };
            let names = declares.names.iter().map(|(name, type_)| (name.clone(), type_.clone(), row.class));
            declared.entry(module).or_default().extend(names);
        }
        let modules = Modules::new(program, models);
        let mut exports = FxHashMap::default();
        let mut whole: FxHashMap<ModuleId, Option<VarId>> = FxHashMap::default();
        for row in &r.export {
            let scope = modules.scope(row.module);
            let var = written_entry(program, row.var);
            if scope == row.module {
                exports.insert((scope, row.name), var);
            } else {
                exports.entry((scope, row.name)).or_insert(var);
            }
            let is_all = program.text(row.name) == "=";
            whole.entry(row.module).and_modify(|all| *all = None).or_insert(is_all.then_some(var));
        }
        let whole = whole.into_iter().filter_map(|(module, var)| Some((module, var?))).collect();
        let aliases = r.type_alias.iter().map(|row| ((modules.scope(row.module), row.name), row.type_)).collect();
        Bindings {
            of_macros: macro_types::blocks(program),
            program,
            modules,
            models,
            exports,
            whole,
            reexports,
            globs,
            top_level,
            aliases,
            declared,
            // Of two of one name the first counts.
            class_by_path: r.class.iter().rev().map(|row| ((row.module, row.qualified), row.class)).collect(),
            class_of_var: r.class_value.iter().map(|row| (row.var, row.class)).collect(),
            var_of_class: r.class_value.iter().rev().map(|row| (row.class, row.var)).collect(),
            targets: RefCell::default(),
            found: RefCell::default(),
        }
    }

    /// What the import of `target` in `importer` means.
    fn resolved(&self, importer: ModuleId, target: Sym) -> Target {
        if let Some(known) = self.targets.borrow().get(&(importer, target)) {
            return known.clone();
        }
        let found = self.modules.resolve(self.program, importer, self.program.text(target));
        self.targets.borrow_mut().insert((importer, target), found.clone());
        found
    }

    /// What modules offer; the files of a Go package under the module that stands for it.
    pub(super) fn into_exports(self) -> FxHashMap<(ModuleId, Sym), VarId> {
        self.exports
    }

    pub(super) fn canonical(&self, language: Language, path: &str) -> Option<String> {
        match self.models.canonical(language.into(), path) {
            Cow::Owned(text) => Some(text),
            Cow::Borrowed(_) => None,
        }
    }

    pub(super) fn external(&self, language: Language, path: String) -> String {
        self.canonical(language, &path).unwrap_or(path)
    }

    /// What `name` of `module` is to other modules.
    pub(super) fn exported(&self, module: ModuleId, name: Sym, hops: u32) -> Option<Binding> {
        if hops > MAX_HOPS {
            return None;
        }
        if let Some(&var) = self.exports.get(&(self.modules.scope(module), name)) {
            return Some(Binding::Var(var));
        }
        // The number of hops is part of the question: far from it the same name may be out of reach.
        if let Some(known) = self.found.borrow().get(&(module, name, hops)) {
            return known.clone();
        }
        let found = self.passed_on(module, name, hops);
        self.found.borrow_mut().insert((module, name, hops), found.clone());
        found
    }

    /// What `name` is of what `module` re-exports, holds or declares.
    fn passed_on(&self, module: ModuleId, name: Sym, hops: u32) -> Option<Binding> {
        let program = self.program;
        let text = program.text(name);
        let mut outside: Vec<Binding> = Vec::new();
        for &number in self.reexports.get(&module).into_iter().flatten() {
            let row = &program.facts.relations.reexport[number as usize];
            let all = program.text(row.name) == "*";
            if row.name != name && !all {
                continue;
            }
            let member = if all { name } else { row.member };
            if all && text == "default" {
                continue;
            }
            match self.member_of(module, row.target, member, hops + 1) {
                Some(found @ Binding::External(_)) if all => outside.push(found),
                None => {}
                found => return found,
            }
        }
        for &target in self.globs.get(&module).into_iter().flatten() {
            match self.member_of(module, target, name, hops + 1) {
                Some(Binding::External(_)) | None => {}
                found => return found,
            }
        }
        let child = self.modules.child(program, module, text).map(Binding::Module);
        // Everything of one package outside (`export * from "@prisma/client"`): what the project does not have comes from there.
        let own = child.or_else(|| self.declared(module, text)).or_else(|| self.made(module, name));
        own.or_else(|| outside.pop().filter(|_| outside.is_empty()))
    }

    /// What a module is to who imports all of it.
    fn all_of(&self, module: ModuleId) -> Binding {
        self.whole.get(&module).map_or(Binding::Module(module), |var| Binding::Var(*var))
    }

    pub(super) fn declared(&self, module: ModuleId, name: &str) -> Option<Binding> {
        let names = self.declared.get(&module)?;
        let (_, path, class) = names.iter().find(|(known, ..)| known == name)?;
        Some(Binding::Declared(path.clone(), *class))
    }

    /// Member `member` of what `target` means in `importer`.
    pub(super) fn member_of(&self, importer: ModuleId, target: Sym, member: Sym, hops: u32) -> Option<Binding> {
        let program = self.program;
        let (written, member_text) = (target, program.text(member));
        let target = program.text(target);
        let language = program.language(program.file_of_module(importer));
        if language == Language::Rust {
            let whole = if member.is_empty() { target.to_owned() } else { format!("{target}.{member_text}") };
            return match self.modules.rust_prefix(importer, &whole) {
                (Some(module), "") => Some(Binding::Module(module)),
                (Some(module), rest) => {
                    let first = rest.split('.').next().unwrap_or(rest);
                    let name = program.facts.symbols.lookup(first);
                    // What is not written there a macro makes.
                    name.and_then(|name| self.exported(module, name, hops + 1)).or(Some(Binding::External(whole)))
                }
                (None, _) => Some(Binding::External(self.external(language, whole))),
            };
        }
        if language == Language::Java {
            return Some(self.type_of_package(importer, target, member_text));
        }
        match self.resolved(importer, written) {
            Target::Module(module) if member.is_empty() => Some(self.all_of(module)),
            Target::Module(module) => self.exported(module, member, hops + 1).or_else(|| {
                // `import x from "./m"` of a CommonJS module: all of it.
                (member_text == "default").then(|| self.all_of(module))
            }),
            outside => {
                // `from shop import orders`, `from . import orders`: a module below.
                if language == Language::Python && !member.is_empty() {
                    let dot = if target.ends_with('.') { "" } else { "." };
                    let below = format!("{target}{dot}{member_text}");
                    if let Target::Module(module) = self.modules.resolve(program, importer, &below) {
                        return Some(Binding::Module(module));
                    }
                }
                let Target::External(path) = outside else { return None };
                let path =
                    if member.is_empty() || member_text == "default" { path } else { format!("{path}.{member_text}") };
                Some(Binding::External(self.external(language, path)))
            }
        }
    }

    /// What an imported variable stands for.
    pub(super) fn imported(&self, var: VarId) -> Option<Binding> {
        let row = self.program.import(var)?;
        self.member_of(row.module, row.target, row.member, 0)
    }

    /// What the free name `path` stands for in `module`.
    pub(super) fn free(&self, module: ModuleId, path: &str) -> Option<Binding> {
        let language = self.program.language(self.program.file_of_module(module));
        if language == Language::Rust {
            if let (Some(found), rest) = self.modules.rust_prefix(module, path)
                && rest.is_empty()
            {
                return Some(Binding::Module(found));
            }
            if matches!(path, "crate" | "self" | "super") {
                return None;
            }
            if let Some(declared) = self.declared(module, path) {
                return Some(declared);
            }
        }
        // Another file of the package may.
        if self.modules.scope_is_shared(module)
            && let Some(name) = self.program.facts.symbols.lookup(path)
            && let Some(&var) = self.exports.get(&(self.modules.scope(module), name))
        {
            return Some(Binding::Var(var));
        }
        if language == Language::Java {
            return self.free_in_java(module, path);
        }
        // A star import may bind it.
        if let Some(globs) = self.globs.get(&module)
            && let Some(name) = self.program.facts.symbols.lookup(path)
        {
            // Of several libraries' only a model can tell which has it.
            let mut known = None;
            for &target in globs {
                match self.member_of(module, target, name, 1) {
                    Some(Binding::External(path))
                        if known.is_none() && self.models.mentions(language.into(), &path) =>
                    {
                        known = Some(Binding::External(path));
                    }
                    Some(Binding::External(_)) | None => {}
                    found => return found,
                }
            }
            if known.is_some() {
                return known;
            }
        }
        let made = self.program.facts.symbols.lookup(path).and_then(|name| self.made(module, name));
        made.or_else(|| Some(Binding::External(self.external(language, path.to_owned()))))
    }

    /// The type that a macro makes, by the block of methods that its module has for it.
    fn made(&self, module: ModuleId, name: Sym) -> Option<Binding> {
        let class = self.class_by_path.get(&(module, name)).filter(|class| self.of_macros.contains(class))?;
        self.var_of_class.get(class).map(|var| Binding::Var(*var))
    }

    /// Follows a binding to the class, module or outside name that it denotes, through imports and plain assignments.
    fn denotes(&self, binding: Binding, hops: u32) -> Option<Denoted> {
        if hops > MAX_HOPS {
            return None;
        }
        let var = match binding {
            Binding::Module(module) => return Some(Denoted::Module(module)),
            Binding::External(path) => return Some(Denoted::External(path)),
            Binding::Declared(path, class) => return Some(Denoted::Declared(path, class)),
            Binding::Var(var) => var,
        };
        if let Some(&class) = self.class_of_var.get(&var) {
            return Some(Denoted::Class(class));
        }
        if self.program.import(var).is_some() {
            return self.denotes(self.imported(var)?, hops + 1);
        }
        if let Some(path) = self.program.global(var) {
            // A free name's module is that of the file; file-level is near enough for types.
            let text = self.program.text(path);
            return Some(Denoted::External(text.to_owned()));
        }
        if let Some(load) = self.program.loaded_as(var) {
            return self.member(self.denotes(Binding::Var(load.base), hops + 1)?, self.program.text(load.field), hops);
        }
        if let Some(call) = self.program.call_giving(var) {
            let callee = match (call.callee, call.receiver) {
                (Some(callee), _) => self.denotes(Binding::Var(callee), hops + 1)?,
                (None, Some(receiver)) => {
                    self.member(self.denotes(Binding::Var(receiver), hops + 1)?, self.program.text(call.name), hops)?
                }
                (None, None) => return None,
            };
            return match callee {
                Denoted::External(path) => {
                    let language =
                        self.program.language(self.program.file_of_function(self.program.site(call.site).function));
                    let returned = self.models.returned_type(language.into(), &path).unwrap_or(path);
                    Some(Denoted::External(self.external(language, returned)))
                }
                other => Some(other),
            };
        }
        let mut sources = self.program.assigned_from(var);
        let only = sources.next()?;
        self.denotes(Binding::Var(only.src), hops + 1)
    }

    /// The project's class that a variable names.
    pub(super) fn class_named(&self, var: VarId) -> Option<ClassId> {
        match self.denotes(Binding::Var(var), 0)? {
            Denoted::Class(class) => Some(class),
            _ => None,
        }
    }

    fn member(&self, base: Denoted, name: &str, hops: u32) -> Option<Denoted> {
        match base {
            Denoted::External(path) | Denoted::Declared(path, _) => Some(Denoted::External(format!("{path}.{name}"))),
            Denoted::Module(module) => {
                let exported = match self.program.facts.symbols.lookup(name) {
                    Some(name) => self.exported(module, name, hops + 1),
                    None => self.declared(module, name),
                };
                // What is not written in a module of Rust a macro makes.
                let is_rust = || self.program.language(self.program.file_of_module(module)) == Language::Rust;
                match exported {
                    Some(exported) => self.denotes(exported, hops + 1),
                    None if is_rust() => {
                        let module = self.program.text(self.program.facts.relations.module[module.index()].name);
                        Some(Denoted::External(format!("crate.{module}.{name}")))
                    }
                    None => None,
                }
            }
            Denoted::Class(class) => self.nested(class, name).map(Denoted::Class),
        }
    }

    /// The class, or associated type, of the name within another.
    pub(super) fn nested(&self, class: ClassId, name: &str) -> Option<ClassId> {
        let outer = self.program.class(class);
        let qualified = format!("{}.{name}", self.program.text(outer.qualified));
        let qualified = self.program.facts.symbols.lookup(&qualified)?;
        self.class_by_path.get(&(outer.module, qualified)).copied()
    }

    /// The types that an annotation in `module` names.
    pub(super) fn types(&self, module: ModuleId, text: &str, hops: u32) -> Vec<TypeTarget> {
        if hops > MAX_HOPS || text.len() > 400 {
            return Vec::new();
        }
        let mut targets = Vec::new();
        let is_java = self.program.language(self.program.file_of_module(module)) == Language::Java;
        for part in types::alternatives(text).into_iter().take(4) {
            if is_java && types::is_java_collection(part.name) {
                // Beside what is in it, it is a type of the library.
                let inner = part.arguments.last().map(|argument| self.types(module, argument, hops + 1));
                targets.extend(inner.into_iter().flatten().map(|inner| TypeTarget::Collection(Box::new(inner))));
            }
            match if is_java { Generic::Opaque } else { types::generic(part.name) } {
                Generic::Transparent => {
                    if let Some(argument) = types::element_argument(&part) {
                        targets.extend(self.types(module, argument, hops + 1));
                        continue;
                    }
                }
                // `Collection<Order>` of a database's client holds no orders: it is asked for them.
                Generic::Collection if self.is_of_client(module, part.name, hops) => {}
                Generic::Collection => {
                    if let Some(argument) = types::element_argument(&part) {
                        targets.extend(
                            self.types(module, argument, hops + 1)
                                .into_iter()
                                .map(|inner| TypeTarget::Collection(Box::new(inner))),
                        );
                        continue;
                    }
                }
                Generic::Opaque => {}
            }
            let class_argument = || {
                part.arguments.iter().take(3).find_map(|argument| {
                    match self.types(module, argument, hops + 1).first() {
                        Some(TypeTarget::Class(class)) => Some(*class),
                        _ => None,
                    }
                })
            };
            match self.type_name(module, part.name, hops) {
                Named::Is(Denoted::Class(class)) => targets.push(TypeTarget::Class(class)),
                Named::Is(Denoted::External(path)) => targets.push(TypeTarget::External(path, class_argument())),
                Named::Is(Denoted::Declared(path, class)) => targets.push(TypeTarget::External(path, Some(class))),
                Named::Is(Denoted::Module(_)) | Named::Nothing => {}
                Named::Alias(module, text) => targets.extend(self.types(module, text, hops + 1)),
            }
        }
        targets
    }

    /// Whether a name that languages have for a collection is imported from a library that gives connections under it.
    fn is_of_client(&self, module: ModuleId, name: &str, hops: u32) -> bool {
        match self.type_name(module, name, hops) {
            Named::Is(Denoted::External(path)) => self.models.is_handle_anywhere(&path),
            _ => false,
        }
    }

    fn type_name(&self, module: ModuleId, name: &str, hops: u32) -> Named<'f> {
        let (first, rest) = name.split_once('.').unwrap_or((name, ""));
        let language = self.program.language(self.program.file_of_module(module));
        if language == Language::Java && !first.starts_with(char::is_uppercase) {
            return self.java_type_in_full(module, name, hops);
        }
        // A name that stands alone nowhere is bound nowhere: it is a library's.
        let Some(sym) = self.program.facts.symbols.lookup(first) else {
            return match self.free(module, first) {
                Some(Binding::External(path)) if !rest.is_empty() => {
                    Named::Is(Denoted::External(self.external(language, format!("{path}.{rest}"))))
                }
                Some(Binding::External(path)) if language == Language::Java => Named::Is(Denoted::External(path)),
                _ => Named::Nothing,
            };
        };
        if rest.is_empty()
            && let Some(&alias) = self.aliases.get(&(self.modules.scope(module), sym))
            && self.program.text(alias) != name
        {
            return Named::Alias(module, self.program.text(alias));
        }
        let binding =
            match self.exports.get(&(self.modules.scope(module), sym)).or_else(|| self.top_level.get(&(module, sym))) {
                Some(&var) => {
                    // An imported alias is looked up where it stands.
                    if let Some(row) = self.program.import(var)
                        && rest.is_empty()
                        && let Some(found) = self.imported_alias(row.module, row.target, row.member, hops)
                    {
                        return found;
                    }
                    Some(Binding::Var(var))
                }
                None => self.free(module, first),
            };
        let Some(mut at) = binding.and_then(|binding| self.denotes(binding, hops + 1)) else { return Named::Nothing };
        for segment in rest.split('.').filter(|segment| !segment.is_empty()) {
            if let Denoted::Module(inner) = at
                && let Some(sym) = self.program.facts.symbols.lookup(segment)
                && let Some(&alias) = self.aliases.get(&(self.modules.scope(inner), sym))
            {
                return Named::Alias(inner, self.program.text(alias));
            }
            match self.member(at, segment, hops + 1) {
                Some(next) => at = next,
                None => return Named::Nothing,
            }
        }
        if let Denoted::External(path) = at {
            at = Denoted::External(self.external(language, path));
        }
        Named::Is(at)
    }

    fn imported_alias(&self, importer: ModuleId, target: Sym, member: Sym, hops: u32) -> Option<Named<'f>> {
        if hops > MAX_HOPS {
            return None;
        }
        let Target::Module(module) = self.target_module(importer, target)? else { return None };
        if let Some(&alias) = self.aliases.get(&(module, member)) {
            return Some(Named::Alias(module, self.program.text(alias)));
        }
        for &number in self.reexports.get(&module).into_iter().flatten() {
            let row = &self.program.facts.relations.reexport[number as usize];
            let all = self.program.text(row.name) == "*";
            if all || row.name == member {
                let inner = if all { member } else { row.member };
                if let Some(found) = self.imported_alias(module, row.target, inner, hops + 1) {
                    return Some(found);
                }
            }
        }
        None
    }

    fn target_module(&self, importer: ModuleId, target: Sym) -> Option<Target> {
        let text = self.program.text(target);
        if self.program.language(self.program.file_of_module(importer)) == Language::Rust {
            let (module, rest) = self.modules.rust_prefix(importer, text);
            return rest.is_empty().then_some(Target::Module(module?));
        }
        Some(self.resolved(importer, target))
    }
}

#[derive(Clone, Debug)]
enum Denoted {
    Class(ClassId),
    Module(ModuleId),
    External(String),
    Declared(String, ClassId),
}

enum Named<'f> {
    Is(Denoted),
    Alias(ModuleId, &'f str),
    Nothing,
}

/// The value of an entry that an object literal is exported with: `module.exports = { Driver }`.
fn written_entry(program: &Program<'_>, var: VarId) -> VarId {
    let Some(load) = program.loaded_as(var) else { return var };
    let mut entries = program.entry_by_var.of(&program.facts.relations.entry, load.base);
    entries.find(|row| row.key == load.field).map_or(var, |row| row.value)
}

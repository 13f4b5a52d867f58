//! Names of Java: a package's types are there without an import, inner types by their outer ones, `java.lang` for all.

use distsys_facts::{ClassId, Id, Language, ModuleId, VarId};

use super::{Binding, Bindings, Named};
use crate::resolve::modules::java::is_of_language;

/// Java: types are found by their package.
impl Bindings<'_, '_> {
    /// The type `name` of `package`, seen from `importer`.
    pub(super) fn type_of_package(&self, importer: ModuleId, package: &str, name: &str) -> Binding {
        if let Some(var) = self.project_type(importer, package, name) {
            return Binding::Var(var);
        }
        let path = match (package, name) {
            ("", _) => name.to_owned(),
            (_, "") => package.to_owned(),
            _ => format!("{package}.{name}"),
        };
        Binding::External(self.external(Language::Java, path))
    }

    pub(super) fn project_type(&self, importer: ModuleId, package: &str, name: &str) -> Option<VarId> {
        let name = self.program.facts.symbols.lookup(name)?;
        let files = self.modules.files_of_package(self.program, importer, package);
        files.into_iter().find_map(|module| self.exports.get(&(module, name)).copied())
    }

    /// The class that a name in full means, in a package of the project: `com.shop.Tables`.
    pub(super) fn project_class(&self, importer: ModuleId, whole: &str) -> Option<ClassId> {
        let parts: Vec<&str> = whole.split('.').collect();
        let at = parts.iter().position(|part| part.starts_with(char::is_uppercase))?;
        let outermost = self.project_type(importer, &parts[..at].join("."), parts[at])?;
        let outermost = self.class_of_var.get(&outermost).copied();
        parts[at + 1..].iter().fold(outermost, |outer, part| self.nested(outer?, part))
    }

    /// The type `name` that a class declares whose types a file imports whole: `import com.shop.Tables.*;`.
    pub(super) fn type_within(&self, importer: ModuleId, class: &str, name: &str) -> Option<VarId> {
        let inner = self.nested(self.project_class(importer, class)?, name)?;
        self.var_of_class.get(&inner).copied()
    }

    /// Whether the project declares what a file imports whole, a package or a class.
    pub(super) fn is_of_project(&self, importer: ModuleId, whole: &str) -> bool {
        !self.modules.files_of_package(self.program, importer, whole).is_empty()
            || self.project_class(importer, whole).is_some()
    }

    /// A type that a file names without importing it: of its own package, of one that it imports whole, of `java.lang`.
    pub(super) fn free_in_java(&self, module: ModuleId, name: &str) -> Option<Binding> {
        let program = self.program;
        if let Some(declared) = self.declared(module, name) {
            return Some(declared);
        }
        let external = |path: String| Some(Binding::External(self.external(Language::Java, path)));
        if name.contains('.') {
            return external(name.to_owned());
        }
        if !name.starts_with(char::is_uppercase) {
            return None;
        }
        let package = program.text(program.facts.relations.module[module.index()].name);
        let globs = || self.globs.get(&module).into_iter().flatten().map(|target| program.text(*target));
        let declared_by = |of| self.project_type(module, of, name).or_else(|| self.type_within(module, of, name));
        if let Some(var) = std::iter::once(package).chain(globs()).find_map(declared_by) {
            return Some(Binding::Var(var));
        }
        if is_of_language(name) {
            return external(format!("java.lang.{name}"));
        }
        // Which of several packages it is of only a model can tell. What no model knows is outside all the same: its
        // members are read by their names (`HttpMethod.POST`). What the project itself declares has been looked at.
        let is_outside = |of: &&str| !self.is_of_project(module, of);
        let mut known = globs().filter(is_outside).map(|of| format!("{of}.{name}"));
        let knows = |path: &String| {
            self.models.knows_type(Language::Java.into(), path)
                || self.models.knows_type(Language::Java.into(), &self.external(Language::Java, path.clone()))
        };
        if let Some(path) = known.clone().find(knows) {
            return external(path);
        }
        match known.next() {
            Some(first) => external(first),
            None if package.is_empty() => external(name.to_owned()),
            None => external(format!("{package}.{name}")),
        }
    }

    /// `com.shop.Order.Line`: the package ends before the first part that is spelt as types are.
    pub(super) fn java_type_in_full(&self, module: ModuleId, name: &str, hops: u32) -> Named<'static> {
        let parts: Vec<&str> = name.split('.').collect();
        let Some(at) = parts.iter().position(|part| part.starts_with(char::is_uppercase)) else {
            return Named::Nothing;
        };
        let outermost = self.type_of_package(module, &parts[..at].join("."), parts[at]);
        let mut found = self.denotes(outermost, hops + 1);
        for part in &parts[at + 1..] {
            found = found.and_then(|outer| self.member(outer, part, hops + 1));
        }
        found.map_or(Named::Nothing, Named::Is)
    }
}

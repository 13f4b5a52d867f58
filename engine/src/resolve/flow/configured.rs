//! Settings files in the flow of values: what a class that mirrors one holds, what an annotation or a call asks for by its path.
//!
//! A settings file is an object literal that no code holds. It is bound to code by its shape alone: a class whose fields are
//! the keys of the file, the classes of those fields below it, a class whose annotation names a section. What code stores
//! itself is not what the file says. The nearest file above the code counts, so that services of one tree stay apart.

use distsys_facts::{ClassId, Language, SiteId, Sym, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Flow;
use crate::program::Program;
use crate::resolve::bindings::TypeTarget;
use crate::resolve::values::{Value, ValueKind};
use crate::words::is_settings_name;

/// Folders that settings stand in below what they are for.
const HOLDERS: &[&str] = &["config", "configs", "conf", "settings", "etc", "resources", "main", "src", "deploy"];

/// Sections within sections are followed this deep.
const MAX_DEPTH: usize = 6;

/// One file, by folded names.
struct Settings<'f> {
    /// The folder that it speaks for, with a `/` at its end; empty for the whole tree.
    folder: &'f str,
    sections: Vec<Section>,
    /// Sections and literals by their path from the top.
    paths: FxHashMap<String, VarId>,
}

/// An object in a file.
struct Section {
    is_root: bool,
    entries: FxHashMap<String, VarId>,
}

impl Flow<'_, '_> {
    pub(super) fn by_settings(&mut self) {
        let files = read(self.program);
        if files.is_empty() {
            return;
        }
        let stored = self.stored_by_code();
        let program = self.program;
        for row in &program.facts.relations.class {
            let module = program.file_of_module(row.module);
            let Some(file) = nearest(&files, program.path(module)) else { continue };
            let mut bound = FxHashSet::default();
            match self.section_named(row.class, file) {
                Some(section) => self.bind_section(row.class, section, &stored, &mut bound, 0),
                None => {
                    for section in self.mirrored(row.class, file) {
                        self.bind_entries(row.class, &section.entries, &stored, &mut bound, 0);
                    }
                }
            }
        }
        self.bind_annotated(&files, &stored);
    }

    /// The settings that are read, and whether literals of the class say nothing else.
    pub(super) fn settings_read(&self) -> FxHashMap<VarId, bool> {
        let is_alone = |fields: &[(ClassId, Sym)]| !fields.iter().any(|field| self.constructed.contains_key(field));
        self.settings.iter().map(|(setting, fields)| (*setting, is_alone(fields))).collect()
    }

    /// The fields that code gives a value to, other than a constructor or setter what it was given.
    fn stored_by_code(&self) -> FxHashSet<(ClassId, Sym)> {
        let program = self.program;
        let mut stored: FxHashSet<(ClassId, Sym)> = FxHashSet::default();
        for row in &program.facts.relations.store {
            let class = program.class_around(program.site(row.site).function);
            if let Some(class) = class.filter(|_| program.parameter(program.held_at(row.src)).is_none()) {
                stored.insert((class, row.field));
            }
        }
        stored
    }

    /// The section that an annotation of the class names: `@ConfigurationProperties(prefix = "clients.insurer")`.
    fn section_named(&self, class: ClassId, file: &Settings<'_>) -> Option<VarId> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut annotations = program.annotation_by_class.of(&r.class_annotation, class);
        let is_section = |var: &VarId| program.literal(*var).is_none();
        annotations.find_map(|row| texts(program, row.site).find_map(|text| file.at(text)).filter(is_section))
    }

    /// The sections whose keys are the fields of the class: the whole file, or one for a class that is named for settings.
    fn mirrored<'s>(&self, class: ClassId, file: &'s Settings<'_>) -> Vec<&'s Section> {
        let program = self.program;
        let fields = program.field_by_class.of(&program.facts.relations.field, class);
        let fields: FxHashSet<String> = fields.map(|row| folded(program.text(row.name))).collect();
        if fields.len() < 2 {
            return Vec::new();
        }
        let is_named = is_settings_name(program.text(program.class(class).name));
        let mirrors = |section: &&Section| {
            let common = section.entries.keys().filter(|key| fields.contains(*key)).count();
            let of = |all: usize| common * 10 >= all * 7;
            (section.is_root || is_named) && common >= 2 && of(section.entries.len()) && of(fields.len())
        };
        file.sections.iter().filter(mirrors).collect()
    }

    fn bind_section(
        &mut self,
        class: ClassId,
        section: VarId,
        stored: &FxHashSet<(ClassId, Sym)>,
        bound: &mut FxHashSet<(ClassId, VarId)>,
        depth: usize,
    ) {
        if depth <= MAX_DEPTH && bound.insert((class, section)) {
            self.bind_entries(class, &entries(self.program, section), stored, bound, depth);
        }
    }

    fn bind_entries(
        &mut self,
        class: ClassId,
        section: &FxHashMap<String, VarId>,
        stored: &FxHashSet<(ClassId, Sym)>,
        bound: &mut FxHashSet<(ClassId, VarId)>,
        depth: usize,
    ) {
        let program = self.program;
        let r = &program.facts.relations;
        let class = self.grounds.hierarchy.whole(class);
        let module = program.class(class).module;
        let fields: Vec<(Sym, Sym)> =
            program.field_by_class.of(&r.field, class).map(|row| (row.name, row.type_)).collect();
        for (name, type_) in fields {
            let Some(&value) = section.get(&folded(program.text(name))) else { continue };
            if stored.contains(&(class, name)) {
                continue;
            }
            if program.literal(value).is_some() {
                self.configure_field(class, name, value);
                continue;
            }
            let types = self.grounds.types(program, module, type_);
            let below: Vec<ClassId> = types
                .iter()
                .filter_map(|target| match target {
                    TypeTarget::Class(class) => Some(*class),
                    _ => None,
                })
                .collect();
            for class in below {
                self.bind_section(class, value, stored, bound, depth + 1);
            }
        }
        // An interface whose methods are settings.
        let methods: Vec<_> =
            program.method_by_class.of(&r.method, class).map(|row| (row.name, row.function)).collect();
        for (name, function) in methods {
            let Some(&value) = section.get(&folded(program.text(name))) else { continue };
            if program.literal(value).is_some() && program.sites(function).next().is_none() {
                let node = self.return_node(function);
                self.configure(node, value);
            }
        }
    }

    /// Fields and parameters whose annotation names a setting: `@Value("${clients.insurer.timeout:5s}")`.
    fn bind_annotated(&mut self, files: &[Settings<'_>], stored: &FxHashSet<(ClassId, Sym)>) {
        let program = self.program;
        let r = &program.facts.relations;
        for row in &r.field_annotation {
            if let Some(value) = named_at(program, row.site, files) {
                let class = self.grounds.hierarchy.whole(row.class);
                if !stored.contains(&(class, row.name)) {
                    self.configure_field(class, row.name, value);
                }
            }
        }
        for row in &r.parameter_annotation {
            if let Some(value) = named_at(program, row.site, files)
                && let Some(parameter) = program.parameters(row.function).find(|known| known.index == row.index)
            {
                self.configure(Self::node(parameter.var), value);
            }
        }
    }

    fn configure(&mut self, node: u32, setting: VarId) {
        self.settings.entry(setting).or_default();
        self.add(node, Value::new(ValueKind::Literal(setting)));
    }

    fn configure_field(&mut self, class: ClassId, field: Sym, setting: VarId) {
        self.settings.entry(setting).or_default().push((class, field));
        let node = self.class_field(class, field);
        self.add(node, Value::new(ValueKind::Literal(setting)));
    }

    /// What libraries are asked for by its path: `viper.GetDuration("payments.timeout")`, `env.getProperty("payments.timeout")`.
    pub(super) fn by_settings_asked(&mut self) {
        let program = self.program;
        let files = &read(program)[..];
        if files.is_empty() {
            return;
        }
        let called: FxHashSet<SiteId> = self.calls.keys().map(|(site, _)| *site).collect();
        for row in &program.facts.relations.argument {
            let Some(literal) = program.literal(row.var).filter(|_| row.position == 0) else { continue };
            let text = program.text(literal.value);
            if !text.contains('.') || called.contains(&row.site) {
                continue;
            }
            let Some(call) = program.call(row.site).filter(|call| asks(program.text(call.name))) else { continue };
            let path = program.path(program.file_of_function(program.site(row.site).function));
            let value = nearest(files, path).and_then(|file| file.at(text));
            if let Some(value) = value.filter(|value| program.literal(*value).is_some()) {
                self.configure(Self::node(call.result), value);
            }
        }
    }
}

/// Whether a method is called like one that looks something up.
fn asks(name: &str) -> bool {
    let name = name.to_lowercase();
    ["get", "require", "must"].iter().any(|verb| name.starts_with(verb))
}

impl Settings<'_> {
    fn at(&self, path: &str) -> Option<VarId> {
        let path = path.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).unwrap_or(path);
        let path = path.split_once(':').map_or(path, |(path, _)| path);
        self.paths.get(&folded(path)).copied()
    }
}

/// The setting that an annotation's text names.
fn named_at(program: &Program<'_>, site: SiteId, files: &[Settings<'_>]) -> Option<VarId> {
    let path = program.path(program.file_of_function(program.site(site).function));
    let file = nearest(files, path)?;
    let value = texts(program, site).filter(|text| text.contains('.')).find_map(|text| file.at(text))?;
    program.literal(value).map(|_| value)
}

/// The texts that an annotation is given.
fn texts<'p>(program: &'p Program<'_>, site: SiteId) -> impl Iterator<Item = &'p str> {
    program.arguments(site).filter_map(|row| program.literal(row.var)).map(|row| program.text(row.value))
}

fn nearest<'s, 'f>(files: &'s [Settings<'f>], path: &str) -> Option<&'s Settings<'f>> {
    files.iter().find(|file| path.starts_with(file.folder))
}

/// The files of settings, those that speak for the smallest part first.
fn read<'f>(program: &Program<'f>) -> Vec<Settings<'f>> {
    let r = &program.facts.relations;
    let mut files: Vec<Settings<'f>> = Vec::new();
    for row in &r.export {
        let file = program.file_of_module(row.module);
        if program.language(file) != Language::Manifest {
            continue;
        }
        let folder = speaks_for(program.path(file));
        let at = files.iter().position(|known| known.folder == folder).unwrap_or_else(|| {
            files.push(Settings { folder, sections: Vec::new(), paths: FxHashMap::default() });
            files.len() - 1
        });
        section(program, row.var, "", &mut files[at], 0);
    }
    files.sort_by_key(|file| std::cmp::Reverse(file.folder.len()));
    files
}

/// `shop/src/main/resources/application.yml` → `shop/`
fn speaks_for(path: &str) -> &str {
    let mut folder = path.rfind('/').map_or("", |at| &path[..at]);
    loop {
        let (outer, last) = folder.rsplit_once('/').unwrap_or(("", folder));
        if !HOLDERS.contains(&last) {
            break;
        }
        folder = outer;
    }
    if folder.is_empty() { "" } else { &path[..=folder.len()] }
}

fn entries(program: &Program<'_>, object: VarId) -> FxHashMap<String, VarId> {
    let rows = program.entry_by_var.of(&program.facts.relations.entry, object);
    rows.map(|row| (folded(program.text(row.key)), row.value)).collect()
}

fn section(program: &Program<'_>, object: VarId, path: &str, settings: &mut Settings<'_>, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    let entries = entries(program, object);
    for (key, value) in &entries {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        if program.literal(*value).is_none() {
            section(program, *value, &path, settings, depth + 1);
        }
        settings.paths.entry(path).or_insert(*value);
    }
    if !entries.is_empty() {
        settings.sections.push(Section { is_root: path.is_empty(), entries });
    }
}

/// `max-attempts`, `max_attempts` and `MaxAttempts` are one setting.
fn folded(name: &str) -> String {
    name.chars().filter(|letter| !matches!(letter, '-' | '_')).flat_map(char::to_lowercase).collect()
}

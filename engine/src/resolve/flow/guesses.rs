//! What names and settings say where values do not: roles, decorated functions, unique names.

use distsys_facts::schema::Call;
use distsys_facts::{
    CallKind, ClassId, FunctionFlags, FunctionId, Language, ModuleId, ParameterKind, SiteId, Sym, VarId,
};
use rustc_hash::{FxHashMap, FxHashSet};

use super::propagate::MAX_MIXED;
use super::{Confidence, Flow};
use crate::model::Family;
use crate::paths::PathId;
use crate::resolve::bindings::Binding;
use crate::resolve::values::{HandleRole, Value, ValueKind};
use crate::words::role_of_name;

impl<'p, 'f> Flow<'p, 'f> {
    /// The role that the names and settings in the arguments of a connection's making say.
    pub(super) fn role_of_arguments(&self, site: SiteId) -> HandleRole {
        let mut roles = self.program.arguments(site).map(|argument| self.role_of_value(argument.var, 0));
        roles.find(|role| *role != HandleRole::Unknown).unwrap_or_default()
    }

    pub(super) fn role_of_value(&self, var: VarId, depth: u32) -> HandleRole {
        const MAX_DEPTH: u32 = 5;
        if depth > MAX_DEPTH {
            return HandleRole::Unknown;
        }
        let program = self.program;
        let r = &program.facts.relations;
        let known = |role: HandleRole| (role != HandleRole::Unknown).then_some(role);
        let by_name = |sym: Sym| known(role_of_name(program.text(sym), false));
        program
            .literal(var)
            .and_then(|literal| by_name(literal.value))
            .or_else(|| {
                program
                    .loaded_as(var)
                    .and_then(|load| by_name(load.field).or_else(|| known(self.role_of_value(load.base, depth + 1))))
            })
            .or_else(|| known(self.role_of_node(Self::node(var))))
            .or_else(|| program.global(var).and_then(by_name))
            .or_else(|| program.template(var).and_then(by_name))
            .or_else(|| program.assigned_from(var).find_map(|row| known(self.role_of_value(row.src, depth + 1))))
            .or_else(|| {
                program.hole_by_var.of(&r.hole, var).find_map(|row| known(self.role_of_value(row.value, depth + 1)))
            })
            .or_else(|| {
                program.entry_by_var.of(&r.entry, var).find_map(|row| known(self.role_of_value(row.value, depth + 1)))
            })
            .or_else(|| {
                let call = program.call_giving(var)?;
                // `builder().url(replicaUrl).build()`
                let chain = call.receiver.filter(|var| program.call_giving(*var).is_some());
                let given = program.arguments(call.site).map(|argument| argument.var).chain(chain);
                given.into_iter().find_map(|var| known(self.role_of_value(var, depth + 1)))
            })
            .unwrap_or_default()
    }

    /// A method of a decorated function is the decorator's: `work.delay()` of a `@shared_task`.
    pub(super) fn by_decorated_functions(&mut self) {
        let program = self.program;
        let r = &program.facts.relations;
        let mut found: Vec<(Call, PathId, Value)> = Vec::new();
        let mut decorators: FxHashMap<FunctionId, Vec<SiteId>> = FxHashMap::default();
        for row in &r.function_annotation {
            decorators.entry(row.function).or_default().push(row.site);
        }
        let mut by_site: FxHashMap<SiteId, Vec<(PathId, Value)>> = FxHashMap::default();
        for &(site, path, via) in &self.external {
            by_site.entry(site).or_default().push((path, via));
        }
        for row in &r.call {
            let Some(receiver) = row.receiver else { continue };
            for id in self.sets.of(Self::node(receiver)) {
                let ValueKind::Function(function) = self.values.get(id).kind else { continue };
                for site in decorators.get(&function).into_iter().flatten() {
                    let mut paths = by_site.get(site).cloned().unwrap_or_default();
                    paths.sort_unstable();
                    found.extend(paths.into_iter().map(|(path, via)| (*row, path, via)));
                }
            }
        }
        // `@task(bind=True) def work(self)`: the first parameter is the decorator's object.
        for (&function, sites) in &decorators {
            if program.function(function).class.is_some() {
                continue;
            }
            let Some(first) = program.parameters(function).next().filter(|row| program.text(row.name) == "self") else {
                continue;
            };
            let mut values: Vec<(PathId, Value)> =
                sites.iter().flat_map(|site| by_site.get(site).cloned().unwrap_or_default()).collect();
            values.sort_unstable();
            for (path, _) in values {
                self.add(Self::node(first.var), Value::new(ValueKind::External(path)));
            }
        }
        for (row, path, via) in found {
            let models = self.models;
            let text = program.text(row.name);
            if let Some(member) = self.paths.member(path, row.name, text, models) {
                self.call_external(&row, member, via);
            }
        }
    }

    /// A method that nothing known has is that of a library's trait in scope: `connection.get(key)` where `AsyncCommands`
    /// is imported, `attempt.retry(backoff)` of a closure where `Retryable` is.
    pub(super) fn by_extension_traits(&mut self) {
        let program = self.program;
        let r = &program.facts.relations;
        let rust = Family::from(Language::Rust);
        // What fields or parameters are of, or what is made, is a type and no trait.
        let mut types: FxHashSet<(ModuleId, &str)> = FxHashSet::default();
        for row in &r.field {
            let text = program.text(row.type_);
            types.insert((program.class(row.class).module, text.split('<').next().unwrap_or(text)));
        }
        for row in &r.parameter {
            let text = program.text(row.type_);
            types.insert((program.function(row.function).module, text.split('<').next().unwrap_or(text)));
        }
        let made: FxHashSet<VarId> =
            r.call.iter().filter(|row| makes_one(program.text(row.name))).filter_map(|row| row.receiver).collect();
        let mut traits: FxHashMap<ModuleId, Vec<String>> = FxHashMap::default();
        for row in &r.import {
            if program.language(program.file_of_module(row.module)) == Language::Rust
                && let Some(Binding::External(path)) = self.grounds.bindings.imported(row.var)
                && path.rsplit('.').next().is_some_and(|name| name.starts_with(char::is_uppercase))
                && !self.models.is_given(rust, &path)
                && !made.contains(&row.var)
                && !program.variable(row.var).is_some_and(|own| types.contains(&(row.module, program.text(own.name))))
            {
                traits.entry(row.module).or_default().push(path);
            }
        }
        if traits.is_empty() {
            return;
        }
        let mut told: FxHashSet<SiteId> = self.calls.keys().map(|(site, _)| *site).collect();
        told.extend(
            self.external
                .iter()
                .filter(|(_, path, _)| !self.models.ops_of(rust, self.paths.text(*path)).is_empty())
                .map(|(site, ..)| *site),
        );
        let mut found: Vec<(Call, PathId, Value)> = Vec::new();
        for row in &r.call {
            let Some(receiver) = row.receiver.filter(|_| !told.contains(&row.site)) else { continue };
            let module = program.function(program.site(row.site).function).module;
            let Some(names) = traits.get(&module) else { continue };
            let name = program.text(row.name);
            let mut values = self.sets.of(Self::node(receiver)).map(|id| self.values.get(id)).peekable();
            let open = match values.peek() {
                None => is_distinctive(name),
                Some(_) => values.all(|value| match value.kind {
                    ValueKind::External(path) => !is_of_language(self.paths.text(path)),
                    ValueKind::Function(_) => true,
                    _ => false,
                }),
            };
            if !open {
                continue;
            }
            for path in names {
                let whole = format!("{path}.{name}");
                let whole = self.models.canonical(rust, &whole);
                if self.models.names_method(rust, &whole) {
                    let via = self.sets.of(Self::node(receiver)).map(|id| self.values.get(id)).next();
                    let path = self.paths.intern(rust, &whole);
                    let via = Value {
                        kind: ValueKind::External(path),
                        ..via.unwrap_or(Value::new(ValueKind::External(path)))
                    };
                    found.push((*row, path, via));
                    break;
                }
            }
        }
        for (row, path, via) in found {
            self.call_external(&row, path, via);
        }
    }

    /// A call that no model knows, given a connection on which clients are made (`orderspb.NewOrdersClient(conn)`), gives one.
    pub(super) fn by_stubs(&mut self) {
        let program = self.program;
        let mut found: Vec<(VarId, PathId)> = Vec::new();
        let mut asked: Vec<(SiteId, Family)> = Vec::new();
        for &(site, path, _) in &self.external {
            let family = self.paths.family(path);
            let is_named = self.paths.text(path).rsplit('.').next().is_some_and(|name| {
                name.starts_with("New")
                    || name.starts_with("new")
                    || name.starts_with("make")
                    || name.starts_with("create")
            });
            if is_named && self.models.has_stubs(family) && self.models.returns(family, self.paths.text(path)).is_none()
            {
                asked.push((site, family));
            }
        }
        asked.sort_unstable_by_key(|(site, _)| *site);
        asked.dedup_by_key(|(site, _)| *site);
        for (site, family) in asked {
            let Some(call) = program.call(site) else { continue };
            let given: Vec<Value> = program
                .arguments(site)
                .flat_map(|row| self.sets.of(Self::node(row.var)))
                .map(|id| self.values.get(id))
                .collect();
            for value in given {
                let ValueKind::External(path) = value.kind else { continue };
                if let Some(type_) = self.models.stub_on(family, self.paths.text(path)) {
                    let path = self.paths.intern(family, type_);
                    found.push((call.result, path));
                }
            }
        }
        for (var, path) in found {
            self.add(Self::node(var), Value::new(ValueKind::External(path)));
        }
    }

    /// What `super()` is in the method that `site` stands in: an instance as its bases see it.
    pub(super) fn bases_of_method(&mut self, site: SiteId) -> Vec<Value> {
        let program = self.program;
        let mut function = Some(program.site(site).function);
        while let Some(id) = function {
            let row = program.function(id);
            if let Some(class) = row.class {
                let line: Vec<ClassId> = self.grounds.hierarchy.ancestors(class)[1..].to_vec();
                if let Some(&base) = line.first() {
                    return vec![Value::new(ValueKind::Instance(base))];
                }
                let outside = |class: ClassId| {
                    self.grounds.hierarchy.external_bases(class).map(move |(path, argument)| Value {
                        class: argument.or(Some(class)),
                        ..Value::new(ValueKind::External(path))
                    })
                };
                // What all classes derive from, or what only says how this one is used, has nothing to give.
                let is_plain = |value: &Value| match value.kind {
                    ValueKind::External(path) => {
                        let text = self.paths.text(path);
                        text == "object" || ["builtins.", "abc.", "typing."].iter().any(|root| text.starts_with(root))
                    }
                    _ => false,
                };
                let bases: Vec<Value> = outside(class).filter(|value| !is_plain(value)).collect();
                if !bases.is_empty() {
                    return bases;
                }
                // A mixin: what comes behind it where a class has it.
                let mut behind = Vec::new();
                for (below, next) in self.grounds.hierarchy.behind(class).take(MAX_MIXED) {
                    match next {
                        Some(next) => behind.push(Value::new(ValueKind::Instance(next))),
                        None => behind.extend(outside(below)),
                    }
                }
                behind.sort_unstable();
                behind.dedup();
                return behind;
            }
            function = row.parent;
        }
        Vec::new()
    }

    /// A method name that one class of the project alone defines, and that is no common word, names that method.
    pub(super) fn by_unique_name(&mut self) {
        let program = self.program;
        let r = &program.facts.relations;
        let mut owners: FxHashMap<(Language, Sym), Option<FunctionId>> = FxHashMap::default();
        for row in &r.method {
            let function = program.function(row.function);
            if function.flags.has(FunctionFlags::ABSTRACT) {
                continue;
            }
            let language = program.language(program.file_of_module(function.module));
            owners.entry((language, row.name)).and_modify(|owner| *owner = None).or_insert(Some(row.function));
        }
        for row in &r.call {
            let Some(receiver) = row.receiver else { continue };
            if !self.sets.is_empty(Self::node(receiver)) || row.kind == CallKind::Annotation {
                continue;
            }
            let name = program.text(row.name);
            if !is_distinctive(name) {
                continue;
            }
            let Some(&Some(function)) = owners.get(&(self.language_of(row.site), row.name)) else { continue };
            let arguments = program.arguments(row.site).count();
            let parameters =
                program.parameters(function).filter(|parameter| parameter.kind != ParameterKind::Receiver).count();
            if arguments <= parameters && !program.is_out_of_scope(function) {
                self.record(row.site, function, Confidence::Medium);
                self.bind(row, function, Some(false));
            }
        }
    }
}

/// Functions of a type that give a value of it.
fn makes_one(name: &str) -> bool {
    matches!(name, "new" | "default" | "builder" | "connect" | "open")
        || name.starts_with("with_")
        || name.starts_with("from_")
}

/// Types of the language itself, whose methods are known to be theirs.
fn is_of_language(path: &str) -> bool {
    let first = path.split('.').next().unwrap_or(path);
    matches!(first, "std" | "core" | "alloc" | "str" | "Vec" | "String" | "Option" | "Result" | "Default" | "HashMap")
        || first.len() <= 5 && first.starts_with(['i', 'u', 'f']) && first[1..].bytes().all(|b| b.is_ascii_digit())
}

/// More than one word: `place_order`, not `get`; and none that values of the languages themselves have.
fn is_distinctive(name: &str) -> bool {
    const OF_LANGUAGE: &[&str] = &[
        "toString",
        "toLocaleString",
        "toISOString",
        "hasOwnProperty",
        "addEventListener",
        "removeEventListener",
        "to_string",
        "to_owned",
        "as_bytes",
        "is_empty",
        "into_iter",
        "into_inner",
        "to_lowercase",
        "to_uppercase",
        "to_vec",
        "sort_by",
        "starts_with",
        "ends_with",
    ];
    !OF_LANGUAGE.contains(&name) && name.len() >= 8 && crate::words::words(name).len() >= 2
}

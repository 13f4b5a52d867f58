//! Provenance: what a value is made from, backwards through assignments, templates, calls and fields.

use distsys_facts::schema::Load;
use distsys_facts::{ClassId, IdKind, ParameterKind, SiteId, Sym, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Meaning;
use super::members::Members;
use crate::csr::Csr;
use crate::model::Family;
use crate::operation::OpKind;
use crate::program::Program;
use crate::resolve::{Resolution, ValueKind};

/// A slice that grows beyond this is cut; what was not reached is not known to be a source.
const MAX_SLICE: usize = 400;
const MAX_SPREAD: usize = 2000;

/// Whether a method of this name puts its arguments into a list that it is called on, in whatever language.
fn puts_into_list(method: &str) -> bool {
    matches!(method, "append" | "push" | "push_back" | "extend" | "unshift")
}

impl Meaning<'_> {
    /// Everything that the value of `var` is made from in its function and those around it, itself included.
    pub fn made_from(&self, var: VarId) -> FxHashSet<VarId> {
        self.made_from_by(var, |_| true)
    }

    /// Likewise, where of an object only the fields that are `followed` lead to it.
    pub fn made_from_by(&self, var: VarId, followed: impl Fn(&str) -> bool) -> FxHashSet<VarId> {
        self.made_from_through(var, followed, |_| true)
    }

    /// Likewise, through those variables alone that `pass`.
    pub fn made_from_through(
        &self,
        var: VarId,
        followed: impl Fn(&str) -> bool,
        passes: impl Fn(VarId) -> bool,
    ) -> FxHashSet<VarId> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut seen: FxHashSet<VarId> = FxHashSet::default();
        let mut stack = vec![var];
        while let Some(at) = stack.pop() {
            let is_known = seen.len() > MAX_SLICE || seen.contains(&at);
            if is_known || self.reader().is_carrier(at) || !passes(at) || !seen.insert(at) {
                continue;
            }
            stack.extend(program.assigned_from(at).map(|row| row.src));
            stack.extend(program.loaded_as(at).filter(|row| followed(program.text(row.field))).map(|row| row.base));
            stack.extend(self.flow.given_by.get(&at));
            stack.extend(self.fetched(at));
            stack.extend(program.hole_by_var.of(&r.hole, at).map(|row| row.value));
            stack.extend(program.entry_by_var.of(&r.entry, at).map(|row| row.value));
            stack.extend(program.element_by_var.of(&r.element, at).map(|row| row.value));
            for row in program.binary_by_dst.of(&r.binary, at) {
                stack.push(row.left);
                stack.extend(row.right);
            }
            // What a caller gives stays what it is when something is stored into it.
            if program.parameter(at).is_none_or(|row| row.kind == ParameterKind::Receiver) {
                stack.extend(program.stores_to(at).map(|store| store.src));
                // `changed.append(row)`
                let puts =
                    program.calls_by_receiver.of(&r.call, at).filter(|call| puts_into_list(program.text(call.name)));
                stack.extend(puts.flat_map(|call| program.arguments(call.site)).map(|row| row.var));
            }
            if let Some(call) = program.call_giving(at) {
                stack.extend(call.receiver);
                stack.extend(program.arguments(call.site).map(|row| row.var));
            }
        }
        seen
    }

    /// The results of the statements whose rows `var` is fetched from, where a cursor stands between.
    pub fn fetched(&self, var: VarId) -> &[VarId] {
        self.flow.fetched.get(&var).map_or(&[], Vec::as_slice)
    }

    /// Everything that the value of `var` may come to be, forwards: copies, clones, fields, parameters, captured
    /// variables. Bounded; a value that spreads further is known only so far.
    pub fn flows_to(&self, var: VarId) -> FxHashSet<VarId> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut seen: FxHashSet<VarId> = FxHashSet::default();
        let mut stack = vec![var];
        while let Some(at) = stack.pop() {
            if seen.len() > MAX_SPREAD || !seen.insert(at) {
                continue;
            }
            stack.extend(program.assign_by_src.of(&r.assign, at).map(|row| row.dst));
            // The two ends of a channel, a wrapper's inner value.
            stack.extend(
                program
                    .load_by_base
                    .of(&r.load, at)
                    .filter(|row| program.text(row.field).bytes().all(|byte| byte.is_ascii_digit()))
                    .map(|row| row.dst),
            );
            for call in program.calls_by_receiver.of(&r.call, at) {
                if matches!(
                    program.text(call.name),
                    "clone" | "downgrade" | "upgrade" | "unwrap" | "as_ref" | "sender" | "subscribe"
                ) {
                    stack.push(call.result);
                }
            }
            for store in program.stores_of(at) {
                self.loads_of_field(store.base, store.field, &mut stack);
            }
            for row in program.fields_of(at) {
                self.loads_of_class_field(row.class, row.name, &mut stack);
            }
            for row in program.entries_of(at) {
                self.loads_of_entry(row.var, row.key, &mut stack);
            }
            for row in program.argument_by_var.of(&r.argument, at) {
                if let Some(call) = program.call(row.site) {
                    // Wrappers that give their argument back, struct literals that hold it.
                    if matches!(program.text(call.name), "new" | "clone" | "from" | "Some")
                        && self.resolution.calls_at(row.site).is_empty()
                    {
                        stack.push(call.result);
                    }
                    if !row.keyword.is_empty() {
                        self.loads_of_field(call.result, row.keyword, &mut stack);
                    }
                }
            }
            stack.extend(self.flow.passed_by_argument.of(&self.resolution.passed, at).map(|row| row.parameter));
            stack.extend(self.flow.provided_to.get(&at).into_iter().flatten());
            let returning = self.flow.returns_by_var.of(&r.returns, at).map(|row| row.function);
            let yielding = self.flow.yields_by_var.of(&r.yields, at).map(|row| row.function);
            for function in returning.chain(yielding) {
                for site in self.callers(function) {
                    stack.extend(program.call(*site).map(|call| call.result));
                }
            }
            if let Some(variable) = program.variable(at) {
                for import in self.flow.imports_of(variable.name) {
                    if self.resolution.imported(*import) == Some(at) {
                        stack.push(*import);
                    }
                }
            }
        }
        seen
    }

    /// What is taken out of an object under a key, where the object is handed on: `start({ queue })`, `function start({ queue })`.
    fn loads_of_entry(&self, object: VarId, key: Sym, found: &mut Vec<VarId>) {
        const MAX_HANDED: usize = 8;
        let program = self.program;
        let r = &program.facts.relations;
        let mut held = vec![object];
        let mut at = 0;
        while let Some(&var) = held.get(at).filter(|_| at < MAX_HANDED) {
            let copies = program.assign_by_src.of(&r.assign, var).map(|row| row.dst);
            let passed = self.flow.passed_by_argument.of(&self.resolution.passed, var).map(|row| row.parameter);
            held.extend(copies.chain(passed));
            found.extend(program.load_by_base.of(&r.load, var).filter(|row| row.field == key).map(|row| row.dst));
            at += 1;
        }
    }

    /// The library calls that make what `var` may be, backwards through builders, parameters, fields, wrappers and helpers
    /// of the project, each with whether a call on the way (or itself) `sets` something; false if it may come from
    /// elsewhere, too.
    pub(super) fn creators(&self, var: VarId, mut sets: impl FnMut(SiteId) -> bool) -> (Vec<(SiteId, bool)>, bool) {
        let program = self.program;
        let mut created: Vec<(SiteId, bool)> = Vec::new();
        let mut complete = true;
        let mut seen: FxHashSet<(VarId, bool)> = FxHashSet::default();
        let mut stack: Vec<(VarId, bool)> = vec![(var, false)];
        // What may be stored in a field instead of what is made for it: who gives nothing gets that.
        let mut instead: FxHashSet<VarId> = FxHashSet::default();
        while let Some((at, set)) = stack.pop() {
            if !seen.insert((at, set)) {
                continue;
            }
            if seen.len() > MAX_SLICE {
                return (created, false);
            }
            let (before, known) = (stack.len(), created.len());
            // `rest.setRequestFactory(factory);`
            let set = set || self.reader().setters_on(at).any(&mut sets);
            // What an accessor gives is the field, too; who made it, the call says.
            if program.call_giving(at).is_none() {
                stack.extend(program.assigned_from(at).map(|row| (row.src, set)));
            }
            if let Some(call) = program.call_giving(at) {
                let set = set || sets(call.site);
                let edges = self.resolution.calls_at(call.site);
                let from = call.receiver.or(call.callee);
                if !edges.is_empty() {
                    for edge in edges {
                        stack.extend(program.given_by(edge.function).map(|var| (var, set)));
                    }
                } else if from.is_some_and(|from| self.reader().is_named(from)) {
                    // `Arc::new(client)`, `ClientBuilder::new(client)`: around something that is made elsewhere.
                    let arguments = program.arguments(call.site).filter(|row| program.text(row.keyword).is_empty());
                    let held = arguments.map(|row| row.var).filter(|var| self.is_from_library(*var));
                    let inner: Vec<VarId> = held.collect();
                    if inner.is_empty() {
                        created.push((call.site, set));
                    }
                    stack.extend(inner.into_iter().map(|var| (var, set)));
                } else if matches!(program.text(call.name), "into" | "try_into" | "parse") {
                    // `let endpoint: Endpoint = uri.into();`: made here, of what is no client.
                    created.push((call.site, set));
                } else if let Some(from) = from {
                    stack.push((from, set));
                }
            }
            if let Some(load) = program.loaded_as(at) {
                let mut stored = self.stored_in(load.base, load.field);
                if stored.is_empty() && self.reader().class_of(load.base).is_none() {
                    stored = self.elements_put(load);
                }
                let is_made = |var: &VarId| program.parameter(*var).is_none();
                if stored.iter().any(is_made) {
                    instead.extend(stored.iter().copied().filter(|var| !is_made(var)));
                }
                if stored.is_empty() {
                    created.extend(self.made_as_zero(load).into_iter().map(|site| (site, set)));
                }
                for var in stored {
                    // `this.rest = new RestTemplate(); this.rest.setRequestFactory(factory);`
                    let set = set
                        || self
                            .named_again(var, load.field)
                            .into_iter()
                            .any(|var| self.reader().setters_on(var).any(&mut sets));
                    stack.push((var, set));
                }
            }
            if program.parameter(at).is_some() {
                let passed = self.resolution.passed_to(at);
                stack.extend(passed.map(|row| (row.argument, set)));
            }
            stack.extend(self.resolution.imported(at).map(|var| (var, set)));
            let is_known = stack.len() > before || created.len() > known || program.literal(at).is_some();
            complete &= is_known || instead.contains(&at);
        }
        created.sort_unstable();
        (created, complete)
    }

    /// Where the function that makes a value and stores it in a field of its own object takes it out again.
    fn named_again(&self, stored: VarId, field: Sym) -> Vec<VarId> {
        let program = self.program;
        let r = &program.facts.relations;
        let Some(call) = program.call_giving(stored) else { return Vec::new() };
        let mut parameters = program.parameters(program.site(call.site).function);
        let Some(own) = parameters.find(|row| row.kind == ParameterKind::Receiver).map(|row| row.var) else {
            return Vec::new();
        };
        if !program.stores_to(own).any(|row| row.field == field && row.src == stored) {
            return Vec::new();
        }
        program.load_by_base.of(&r.load, own).filter(|load| load.field == field).map(|load| load.dst).collect()
    }

    /// Where a field that nothing is ever stored in, and that is used as it is, is made with its object:
    /// `type Client struct { http http.Client }`, `Client{base: base}`. Nothing if something may be set of it later.
    fn made_as_zero(&self, load: &Load) -> Vec<SiteId> {
        let program = self.program;
        let r = &program.facts.relations;
        let reader = self.reader();
        let Some(class) = reader.class_of(load.base) else { return Vec::new() };
        let family: Family = program.language(program.file_of_module(program.class(class).module)).into();
        if !family.names_fields() {
            return Vec::new();
        }
        let of_class = |var: VarId| reader.class_of(var) == Some(class);
        let mut uses = program.loads_of(load.field).filter(|row| of_class(row.base)).map(|row| row.dst);
        let is_given_away = |var: VarId| {
            program.stores_to(var).next().is_some()
                || program.argument_by_var.of(&r.argument, var).next().is_some()
                || program.assign_by_src.of(&r.assign, var).next().is_some()
        };
        if uses.any(is_given_away) {
            return Vec::new();
        }
        let made = self.made_of(class);
        // By position every field is given.
        let names_all = |site: &SiteId| program.arguments(*site).all(|row| !program.text(row.keyword).is_empty());
        if made.iter().all(names_all) { made.to_vec() } else { Vec::new() }
    }

    /// The calls of libraries that make what `var` may be, and whether all of them are seen.
    pub fn made_at(&self, var: VarId) -> (Vec<SiteId>, bool) {
        let (created, complete) = self.creators(var, |_| false);
        (created.into_iter().map(|(site, _)| site).collect(), complete)
    }

    fn is_from_library(&self, var: VarId) -> bool {
        self.resolution.values_of(var).any(|value| match value.kind {
            ValueKind::External(path) => {
                let (family, text) = (self.resolution.paths.family(path), self.resolution.paths.text(path));
                let reads = |path: &str| {
                    let mut ops = self.models.ops_of(family, path).into_iter();
                    ops.any(|op| self.models.op(family, op).kind == OpKind::ConfigRead)
                };
                // `std::env::var("PAY_URL").unwrap()`: what is made of a setting is one.
                let ends = text.match_indices('.').map(|(at, _)| at).chain([text.len()]);
                let is_setting = || ends.into_iter().any(|end| reads(&text[..end]));
                // `String.clone`: what plain data gives is plain.
                let first = text.split('.').next().unwrap_or(text);
                !is_plain_data(text) && !is_plain_data(first) && self.may_connect(family, text) && !is_setting()
            }
            _ => false,
        })
    }

    /// Whether what a library's type gives may be a client, or what one sends by: a type that no model knows is none
    /// (`new RestTemplate(converters.getConverters())`).
    fn may_connect(&self, family: Family, path: &str) -> bool {
        let is_type = |segment: &str| segment.starts_with(|first: char| first.is_uppercase());
        let mut end = 0;
        let mut named = false;
        for segment in path.split('.') {
            end += segment.len();
            named |= is_type(segment);
            if named && self.models.knows_type(family, &path[..end]) {
                return true;
            }
            end += 1;
        }
        !named
    }

    /// What is stored in a field of the class that `base` is: in its methods, at its construction, by default.
    pub fn stored_in(&self, base: VarId, field: Sym) -> Vec<VarId> {
        let program = self.program;
        let r = &program.facts.relations;
        let Some(class) = self.reader().class_of(base) else { return self.reader().held(base, field) };
        let mut stored = self.members().stored(self.reader(), class, field);
        for &ancestor in self.resolution.ancestors(class) {
            let fields = program.field_by_class.of(&r.field, ancestor);
            stored.extend(fields.filter(|row| row.name == field).filter_map(|row| row.value));
            stored.extend(self.resolution.provided(ancestor, field));
        }
        stored
    }

    /// What is stored under a name of a field that few places store to, of whatever class; nothing if it is a column of rows.
    pub fn stored_under(&self, field: Sym) -> Vec<VarId> {
        const FEW: usize = 6;
        let stores = self.program.stores_under(field);
        let is_saved = |object: VarId| {
            let mut calls = self.program.calls_by_receiver.of(&self.program.facts.relations.call, object);
            calls.any(|call| self.operations.at(call.site).any(|op| op.kind == OpKind::DbWrite))
        };
        if stores.clone().any(|row| self.is_mapped(row.base) || is_saved(row.base)) {
            return Vec::new();
        }
        let in_scope: Vec<VarId> = stores
            .filter(|row| {
                let function = self.program.site(row.site).function;
                !self.program.is_out_of_scope(function) && !self.program.runs_in_browser(function)
            })
            .map(|row| row.src)
            .collect();
        if in_scope.len() > FEW { Vec::new() } else { in_scope }
    }

    /// Where the field of a project class is read.
    pub(super) fn loads_of_field(&self, base: VarId, field: Sym, stack: &mut Vec<VarId>) {
        if let Some(class) = self.reader().class_of(base) {
            self.loads_of_class_field(class, field, stack);
        }
    }

    fn loads_of_class_field(&self, class: distsys_facts::ClassId, field: Sym, stack: &mut Vec<VarId>) {
        stack.extend(self.members().loads(self.reader(), class, field));
    }

    fn members(&self) -> &Members {
        self.members.get_or_init(|| Members::new(self.reader()))
    }

    /// Where objects that are known to be of just this class are made.
    pub fn made_of(&self, class: ClassId) -> &[SiteId] {
        self.members().made(class)
    }
}

/// Indexes for following values forwards, made when first asked for.
#[derive(Debug)]
pub(super) struct FlowIndex {
    passed_by_argument: Csr,
    returns_by_var: Csr,
    yields_by_var: Csr,
    /// What is fetched from a cursor, with the results of the statements that it is of.
    pub(super) fetched: FxHashMap<VarId, Vec<VarId>>,
    /// The value whose method calls a closure, by the closure's parameters.
    pub(super) given_by: FxHashMap<VarId, VarId>,
    imports_by_member: FxHashMap<Sym, Vec<VarId>>,
    /// The parameters that get what a function of the project provides, by what it returns.
    provided_to: FxHashMap<VarId, Vec<VarId>>,
    /// Values that are returned, yielded, stored, or part of another value.
    kept: FxHashSet<VarId>,
}

impl FlowIndex {
    pub(super) fn new(program: &Program<'_>, resolution: &Resolution) -> Self {
        let r = &program.facts.relations;
        let vars = program.facts.count(IdKind::Var);
        let mut imports_by_member: FxHashMap<Sym, Vec<VarId>> = FxHashMap::default();
        for row in &r.import {
            imports_by_member.entry(row.member).or_default().push(row.var);
        }
        // `elapsed().map(|age| age < limit)`
        let mut given_by: FxHashMap<VarId, VarId> = FxHashMap::default();
        for row in &r.argument {
            let Some(closure) = program.closure(row.var) else { continue };
            let receiver = program.call(row.site).filter(|_| resolution.calls_at(row.site).is_empty());
            let Some(receiver) = receiver.and_then(|call| call.receiver) else { continue };
            given_by.extend(program.parameters(closure).map(|row| (row.var, receiver)));
        }
        let mut kept: FxHashSet<VarId> = r.returns.iter().filter_map(|row| row.var).collect();
        kept.extend(r.further_result.iter().map(|row| row.var));
        kept.extend(r.yields.iter().filter_map(|row| row.var));
        kept.extend(r.hole.iter().map(|row| row.value));
        kept.extend(r.entry.iter().map(|row| row.value));
        kept.extend(r.element.iter().map(|row| row.value));
        kept.extend(r.store.iter().map(|row| row.src));
        // A slice is the value itself, cut: what becomes of the part tells.
        let is_slice = |row: &&distsys_facts::schema::Binary| program.text(row.operator) == "[..]";
        kept.extend(r.binary.iter().filter(|row| !is_slice(row)).map(|row| row.left));
        kept.extend(r.binary.iter().filter_map(|row| row.right));
        let mut provided_to: FxHashMap<VarId, Vec<VarId>> = FxHashMap::default();
        for row in &r.parameter {
            if let Some(returned) = resolution.imported(row.var) {
                provided_to.entry(returned).or_default().push(row.var);
            }
        }
        FlowIndex {
            provided_to,
            kept,
            fetched: FxHashMap::default(),
            given_by,
            passed_by_argument: Csr::by(vars, &resolution.passed, |row| Some(row.argument)),
            returns_by_var: Csr::by(vars, &r.returns, |row| row.var),
            yields_by_var: Csr::by(vars, &r.yields, |row| row.var),
            imports_by_member,
        }
    }

    pub(super) fn is_kept(&self, var: VarId) -> bool {
        self.kept.contains(&var)
    }

    fn imports_of(&self, name: Sym) -> &[VarId] {
        self.imports_by_member.get(&name).map_or(&[], Vec::as_slice)
    }
}

/// Whether a type is one of values that a client is told (where, how long, who), none that could carry a client or its options.
fn is_plain_data(path: &str) -> bool {
    let name = path.rsplit('.').next().unwrap_or(path);
    let is_number = name.len() <= 5
        && name.starts_with(['i', 'u', 'f'])
        && name[1..].bytes().all(|byte| byte.is_ascii_digit())
        && name.len() > 1;
    is_number
        || matches!(
            name,
            "str"
                | "string"
                | "String"
                | "CharSequence"
                | "SecretStr"
                | "SecretString"
                | "bytes"
                | "int"
                | "Integer"
                | "isize"
                | "usize"
                | "Long"
                | "Short"
                | "Byte"
                | "float"
                | "Float"
                | "Double"
                | "number"
                | "Number"
                | "Decimal"
                | "bool"
                | "boolean"
                | "Boolean"
                | "char"
                | "Character"
                | "Object"
                | "Url"
                | "URL"
                | "AnyUrl"
                | "AnyHttpUrl"
                | "HttpUrl"
                | "Uri"
                | "URI"
                | "Path"
                | "PathBuf"
                | "UUID"
                | "Uuid"
        )
}

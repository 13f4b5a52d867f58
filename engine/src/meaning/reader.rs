//! Reading call sites: arguments, options objects, the chain of calls before, constants and names.

use distsys_facts::schema::Call;
use distsys_facts::{ClassId, FunctionFlags, Id, LiteralKind, ParameterKind, SiteId, VarId};

use super::durations::unit_of_name;
use super::invoked::parameter_of;
use super::operations::{Found, Operand, Operation};
use super::own_effects::statements;
use crate::model::source::{Condition, Source};
use crate::model::{Family, ModelSet, OpModel, Returned};
use crate::operation::Attr;
use crate::program::Program;
use crate::resolve::{HandleRole, Resolution, Value, ValueKind};
use crate::words::role_of_name;

/// Evaluates the sources of models at call sites.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'m, 'f> {
    pub program: &'m Program<'f>,
    pub models: &'m ModelSet,
    pub resolution: &'m Resolution,
}

/// Chains of calls are shorter than this.
pub(super) const MAX_CHAIN: usize = 24;

impl<'m> Reader<'m, '_> {
    pub(super) fn family(&self, site: SiteId) -> Family {
        self.program.language(self.program.file_of_function(self.program.site(site).function)).into()
    }

    pub(super) fn model(&self, op: &Operation) -> &'m OpModel {
        self.models.op(op.family, op.model)
    }

    /// The value of an attribute; `Absent` too if the model says nothing of it.
    pub(super) fn attribute(&self, op: &Operation, attr: Attr) -> Found {
        match self.model(op).attribute(attr) {
            Some(sources) => match self.first(op, sources) {
                found @ (Found::Absent | Found::Unknown) => self.said_by_callers(op, attr).unwrap_or(found),
                found => found,
            },
            None => Found::Absent,
        }
    }

    pub(super) fn first(&self, op: &Operation, sources: &[Source]) -> Found {
        let mut unknown = false;
        for source in sources {
            match self.source(op, source) {
                Found::Absent => {}
                Found::Unknown => unknown = true,
                found => return found,
            }
        }
        if unknown { Found::Unknown } else { Found::Absent }
    }

    pub(super) fn holds(&self, op: &Operation, condition: &Condition) -> bool {
        match condition {
            Condition::Present(sources) => match self.first(op, sources) {
                Found::Is(operand) => !self.is_false(&operand),
                _ => false,
            },
            Condition::Absent(sources) => match self.first(op, sources) {
                Found::Absent => true,
                Found::Unknown => true,
                Found::Is(operand) => self.is_false(&operand),
            },
            Condition::Equals(sources, text) => self.is_like(op, sources, text),
            Condition::NotEquals(sources, text) => !self.is_like(op, sources, text),
        }
    }

    /// Whether a source is the text, a `*` at whose end stands for any more; between two of them it may stand anywhere.
    fn is_like(&self, op: &Operation, sources: &[Source], text: &str) -> bool {
        let Some(start) = text.strip_suffix('*') else { return self.is_text(op, sources, text) };
        let begins = |found: &str| match start.strip_prefix('*') {
            Some(part) => found.to_ascii_lowercase().contains(&part.to_ascii_lowercase()),
            None => found.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)),
        };
        match self.first(op, sources) {
            Found::Is(Operand::Text(found)) => begins(&found),
            Found::Is(Operand::Var(var)) => self.constant(var).is_some_and(begins),
            _ => false,
        }
    }

    pub(super) fn is_text(&self, op: &Operation, sources: &[Source], text: &str) -> bool {
        match self.first(op, sources) {
            Found::Is(Operand::Text(found)) => found.eq_ignore_ascii_case(text),
            Found::Is(Operand::Var(var)) => self.is_or_holds(var, text),
            _ => false,
        }
    }

    /// Whether `var` is the constant `text`, or a collection with that element.
    fn is_or_holds(&self, var: VarId, text: &str) -> bool {
        let program = self.program;
        // `Propagation.NEVER`
        let names = |value: Value| match value.kind {
            ValueKind::External(path) => self.resolution.paths.text(path).rsplit('.').next() == Some(text),
            _ => false,
        };
        let is = |var: VarId| match self.constant(var) {
            Some(found) => found.eq_ignore_ascii_case(text),
            None => self.resolution.values_of(var).any(names),
        };
        // `frozenset({"GET", "POST"})`
        let given = self.maker(var).and_then(|call| program.arguments(call.site).next()).map_or(var, |row| row.var);
        let collection = self.ways(given).first().copied().unwrap_or(given);
        is(var) || program.element_by_var.of(&program.facts.relations.element, collection).any(|row| is(row.value))
    }

    pub(super) fn is_false(&self, operand: &Operand) -> bool {
        match operand {
            Operand::Var(var) => self.literal(*var).is_some_and(|var| {
                self.program.literal(var).is_some_and(|row| match row.kind {
                    LiteralKind::Null => true,
                    LiteralKind::Boolean => self.program.text(row.value) == "false",
                    _ => false,
                })
            }),
            _ => false,
        }
    }

    /// The literal that `var` surely is, through assignments and named constants.
    pub(super) fn literal(&self, var: VarId) -> Option<VarId> {
        let mut at = var;
        for _ in 0..MAX_CHAIN {
            if self.program.literal(at).is_some() {
                return Some(at);
            }
            if let Some(inner) = self.program.call_giving(at).and_then(|call| self.same_as(call)) {
                at = inner;
                continue;
            }
            let mut sources = self.program.assigned_from(at);
            match (sources.next(), sources.next()) {
                (Some(only), None) if self.program.parameter(at).is_none() => at = only.src,
                _ => break,
            }
        }
        if self.program.parameter(at).is_some() {
            return None;
        }
        let mut literals = self.resolution.values_of(at).filter(|value| !self.says_text(value.kind));
        match (literals.next(), literals.next()) {
            (Some(Value { kind: ValueKind::Literal(var), .. }), None) => Some(var),
            _ => None,
        }
    }

    /// Whether a value is only the type of text, as a constant is declared of it: that says nothing of the text.
    pub(super) fn says_text(&self, kind: ValueKind) -> bool {
        match kind {
            ValueKind::External(path) => {
                matches!(self.resolution.paths.text(path), "str" | "string" | "String" | "java.lang.String")
            }
            _ => false,
        }
    }

    /// Whether a value is waited for, copied, handed on or taken apart.
    pub(super) fn is_looked_at(&self, var: VarId) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        program.suspend_by_var.of(&r.suspend, var).next().is_some()
            || program.assign_by_src.of(&r.assign, var).next().is_some()
            || program.argument_by_var.of(&r.argument, var).next().is_some()
            || program.calls_by_receiver.of(&r.call, var).next().is_some()
            || program.load_by_base.of(&r.load, var).next().is_some()
    }

    pub(super) fn is_null(&self, var: VarId) -> bool {
        let literal = self.literal(var).and_then(|var| self.program.literal(var));
        literal.is_some_and(|row| row.kind == LiteralKind::Null)
    }

    pub(super) fn constant(&self, var: VarId) -> Option<&'m str> {
        match self.literal(var) {
            Some(literal) => self.program.literal(literal).map(|row| self.program.text(row.value)),
            None => self.library_constant(var),
        }
    }

    /// Whether `var` goes along with calls for their deadline, and says nothing of what they do.
    pub(super) fn is_carrier(&self, var: VarId) -> bool {
        let paths = &self.resolution.paths;
        self.resolution.values_of(var).any(|value| match value.kind {
            ValueKind::External(path) => self.models.is_carrier(paths.family(path), paths.text(path)),
            _ => false,
        })
    }

    /// The text of the library's constant that `var` surely is.
    pub(super) fn library_constant(&self, var: VarId) -> Option<&'m str> {
        let mut values = self.resolution.values_of(var);
        match (values.next()?.kind, values.next()) {
            (ValueKind::External(path), None) if self.program.parameter(var).is_none() => {
                let paths = &self.resolution.paths;
                self.models.constant(paths.family(path), paths.text(path))
            }
            _ => None,
        }
    }

    pub(super) fn source(&self, op: &Operation, source: &Source) -> Found {
        match source {
            Source::Constant(text) => Found::Is(Operand::Text(text.clone())),
            Source::Position(position, path) => self.position(op.call, *position + op.shift as usize, path),
            Source::Named(name, path) => match self.named(op.call, name, path) {
                Found::Absent => self.set_later(op.call, name, path),
                found => found,
            },
            Source::Receiver => {
                self.call(op.call).and_then(|call| call.receiver.or(call.callee)).map_or(Found::Absent, is_var)
            }
            Source::ReceiverClass => self.receiver_class(op),
            Source::ReceiverName => self.receiver_name(op),
            Source::ReceiverNew => {
                self.call(op.call).and_then(|call| call.receiver).map_or(Found::Absent, |var| self.is_new(var))
            }
            Source::ResultClass => {
                let class = self.call(op.site).and_then(|call| self.class_of(call.result));
                class.map_or(Found::Absent, |class| Found::Is(Operand::Class(class)))
            }
            Source::Result => self.call(op.site).map_or(Found::Absent, |call| is_var(call.result)),
            Source::Chain(name, inner) => self.chain(op, name, inner),
            Source::PathSegment(from_end) => {
                let text = match op.path {
                    Some(path) => self.resolution.paths.text(path).to_owned(),
                    None => self.call(op.site).map(|call| self.written_path(call)).unwrap_or_default(),
                };
                match text.rsplit('.').nth(from_end.saturating_sub(1)) {
                    Some(segment) => Found::Is(Operand::Text(segment.to_owned())),
                    None => Found::Absent,
                }
            }
            Source::PathBefore(segment) => {
                let path = op.path.map(|path| self.resolution.paths.text(path));
                let before = path.and_then(|path| before(path, segment));
                before.map_or(Found::Absent, |name| Found::Is(Operand::Text(name.to_owned())))
            }
            Source::ArgumentBefore(position, segment) => {
                let Some(var) = self.argument(op.call, *position + op.shift as usize) else { return Found::Absent };
                let names = self.resolution.values_of(var).filter_map(|value| match value.kind {
                    ValueKind::External(path) => before(self.resolution.paths.text(path), segment),
                    _ => None,
                });
                names.take(1).next().map_or(Found::Absent, |name| Found::Is(Operand::Text(name.to_owned())))
            }
            Source::TypeOf(position) => match self.argument(op.call, *position + op.shift as usize) {
                Some(var) => match (self.own_type(var), self.class_of(var)) {
                    (Some(own), _) => Found::Is(own),
                    (None, Some(class)) => Found::Is(Operand::Class(class)),
                    (None, None) => Found::Unknown,
                },
                None => Found::Absent,
            },
            Source::ArgumentName(position) => match self.argument(op.call, *position + op.shift as usize) {
                Some(var) => self.name_of(var),
                None => Found::Absent,
            },
            Source::Deadline(position) => self.deadline(op.call, *position + op.shift as usize),
            Source::Timer(position) => self.timer(op.call, *position + op.shift as usize),
            Source::Maker(position, inner) => match self.argument(op.call, *position + op.shift as usize) {
                Some(var) => self.at_maker(op, var, inner),
                None => Found::Absent,
            },
            Source::Span(count, unit) => {
                let at = |position: usize| self.argument(op.call, position + op.shift as usize);
                let Some(count) = at(*count) else { return Found::Absent };
                // Without a unit it is a span by itself.
                let Some(unit) = at(*unit) else { return is_var(count) };
                Found::Is(self.unit(unit).map_or(Operand::Present, |unit| Operand::Counted(count, unit)))
            }
            Source::OuterClass => {
                let annotated = self
                    .program
                    .annotated_by_site
                    .of(&self.program.facts.relations.function_annotation, op.call)
                    .next();
                let class = annotated.and_then(|row| self.program.function(row.function).class);
                class.map_or(Found::Absent, |class| Found::Is(Operand::Class(class)))
            }
            Source::Outer(name, inner) => self.outer(op, name, inner.as_deref()),
            Source::Beside(name, inner) => {
                let r = &self.program.facts.relations;
                let annotated = self.program.annotated_by_site.of(&r.function_annotation, op.call).next();
                let function = annotated.map(|row| row.function).into_iter();
                let others = function
                    .flat_map(|function| self.program.annotation_by_function.of(&r.function_annotation, function));
                self.annotation(op, name, inner.as_deref(), others.map(|row| row.site))
            }
            Source::Any(text) => {
                let there = self
                    .chain_arguments(op.site)
                    .into_iter()
                    .any(|var| self.constant(var).is_some_and(|value| value.eq_ignore_ascii_case(text)));
                if there { Found::Is(Operand::Present) } else { Found::Absent }
            }
            Source::OfType(name) => {
                let is_of = |var: &VarId| {
                    self.resolution.values_of(*var).any(|value| match value.kind {
                        ValueKind::External(path) => self.resolution.paths.text(path) == name,
                        _ => false,
                    })
                };
                let given = self.program.arguments(op.site).map(|row| row.var).find(is_of);
                given.map_or(Found::Absent, is_var)
            }
            Source::MadeBy(name) if name == "new" => match self.argument(op.call, op.shift as usize) {
                Some(var) => self.is_constructed(var),
                None => Found::Absent,
            },
            Source::MadeBy(name) => {
                let Some(maker) = self.argument(op.call, op.shift as usize).and_then(|var| self.maker(var)) else {
                    return Found::Unknown;
                };
                let named = |call: &Call| self.program.text(call.name) == name;
                let chain = self.chain_calls(maker.site);
                let made = named(maker) || chain.into_iter().filter_map(|site| self.call(site)).any(named);
                if made { Found::Is(Operand::Present) } else { Found::Absent }
            }
            Source::Tree(name) => {
                let mut called = self.resolution.external.iter().map(|(_, path, _)| self.resolution.paths.text(*path));
                if called.any(|path| path == name) { Found::Is(Operand::Present) } else { Found::Absent }
            }
            Source::PassedTo(name, result) => {
                let taken = self.call(op.site).and_then(|call| self.passed_to(call.result, name));
                match taken {
                    Some(call) if *result => is_var(call.result),
                    Some(_) => Found::Is(Operand::Present),
                    None => Found::Absent,
                }
            }
            Source::Function(position) => match self.argument(op.call, *position + op.shift as usize) {
                Some(var) if self.is_function(var) => is_var(var),
                _ => Found::Absent,
            },
            Source::Statement(position) => match self.argument(op.call, *position + op.shift as usize) {
                Some(var) if !statements(*self, var).is_empty() => is_var(var),
                _ => Found::Absent,
            },
            Source::Option(name, inner) => self.option(op.call, name, inner),
            Source::Counted(inner, millis) => match self.source(op, inner) {
                Found::Is(Operand::Var(var)) => Found::Is(Operand::Counted(var, f64::from(*millis))),
                found => found,
            },
            Source::Exported(name, path) => self.exported(op, name, path),
            Source::Manifest { name, section, entry } => self.deployed(op, name, section, entry),
            Source::Setting(name) => self.setting(name),
            Source::Overrides(attribute, position) => {
                let of = match position {
                    Some(position) => self.argument(op.call, *position + op.shift as usize),
                    None => self.call(op.call).and_then(|call| call.receiver),
                };
                let gives = of.is_some_and(|var| self.gives_by_itself(var, attribute));
                if gives { Found::Is(Operand::Present) } else { Found::Absent }
            }
            Source::After(text) => {
                let arguments = self.chain_arguments(op.site);
                let at = arguments
                    .iter()
                    .position(|var| self.constant(*var).is_some_and(|value| value.eq_ignore_ascii_case(text)));
                match at.and_then(|at| arguments.get(at + 1)) {
                    Some(var) => is_var(*var),
                    // `with(client.post(url)).send()`: what a function that is given may have said.
                    None if self.goes_through_given(op.site) => Found::Unknown,
                    None => match self.call(op.site).and_then(|call| call.receiver) {
                        Some(builder) => self.handed_on(builder, text),
                        None => Found::Absent,
                    },
                }
            }
        }
    }

    /// The entry `key` of a map all of whose entries are given to an object: `headers.forEach(builder::header)`,
    /// `builder.setAll(headers)`, `for (var header : headers.entrySet()) { builder.header(header.getKey(), …); }`.
    pub(super) fn handed_on(&self, builder: VarId, key: &str) -> Found {
        let program = self.program;
        let r = &program.facts.relations;
        let path = [key.to_owned()];
        for load in program.load_by_base.of(&r.load, builder) {
            let given = program.argument_by_var.of(&r.argument, load.dst).filter_map(|row| self.call(row.site));
            let each =
                given.filter(|call| program.text(call.name) == "forEach" && self.family(call.site) == Family::Java);
            if let Some(map) = each.filter_map(|call| call.receiver).next() {
                return self.within(map, &path);
            }
        }
        for call in program.calls_by_receiver.of(&r.call, builder) {
            if let Some(pairs) = program.arguments(call.site).next().and_then(|row| self.first_of_each(row.var)) {
                return self.within(pairs, &path);
            }
            if self.family(call.site) != Family::Java {
                continue;
            }
            let Some(first) = program.arguments(call.site).next() else { continue };
            if matches!(program.text(call.name), "setAll" | "putAll" | "addAll") {
                return self.within(first.var, &path);
            }
            let key_of = program.assigned_from(first.var).find_map(|row| program.loaded_as(row.src));
            let Some(entry) = key_of.filter(|load| program.text(load.field) == "key") else { continue };
            let element = program.assigned_from(entry.base).find_map(|row| program.loaded_as(row.src));
            let Some(all) = element.filter(|load| program.text(load.field) == "[*]") else { continue };
            let map = program.call_giving(all.base).filter(|call| program.text(call.name) == "entrySet");
            if let Some(map) = map.and_then(|call| call.receiver) {
                return self.within(map, &path);
            }
        }
        Found::Absent
    }

    /// The collection of pairs of each of which `var` is the first: `for (name, value) in headers`.
    fn first_of_each(&self, var: VarId) -> Option<VarId> {
        let program = self.program;
        let mut first = program.loaded_as(self.root(var))?;
        if program.text(first.field) == "*" {
            first = program.loaded_as(self.root(first.base))?;
        }
        let element = program.loaded_as(self.root(first.base)).filter(|_| program.text(first.field) == "0")?;
        (program.text(element.field) == "[*]").then_some(element.base)
    }

    /// Whether a call of the chain that leads to `site` is one of a function that the caller gives.
    fn goes_through_given(&self, site: SiteId) -> bool {
        let given = |site: SiteId| {
            let callee = self.call(site).filter(|call| call.receiver.is_none()).and_then(|call| call.callee);
            callee.is_some_and(|callee| parameter_of(*self, callee).is_some())
        };
        self.chain_calls(site).into_iter().any(given)
    }

    /// The unit of time that a library's constant stands for.
    fn unit(&self, var: VarId) -> Option<f64> {
        self.resolution.values_of(var).find_map(|value| match value.kind {
            ValueKind::External(path) => unit_of_name(self.resolution.paths.text(path).rsplit('.').next()?),
            _ => None,
        })
    }

    /// A source at an annotation on the class whose member the operation's annotation stands on.
    fn outer(&self, op: &Operation, name: &str, inner: Option<&Source>) -> Found {
        let program = self.program;
        let r = &program.facts.relations;
        let annotated = program.annotated_by_site.of(&r.function_annotation, op.call).next();
        let Some(class) = annotated.and_then(|row| program.function(row.function).class) else { return Found::Absent };
        let annotations = program.annotation_by_class.of(&r.class_annotation, class);
        self.annotation(op, name, inner, annotations.map(|row| row.site))
    }

    /// A source at the annotation of a qualified name among some.
    fn annotation(
        &self,
        op: &Operation,
        name: &str,
        inner: Option<&Source>,
        mut annotations: impl Iterator<Item = SiteId>,
    ) -> Found {
        let is_named = |site: SiteId| {
            self.resolution.external_at(site).iter().any(|(_, path, _)| self.resolution.paths.text(*path) == name)
        };
        match (annotations.find(|site| is_named(*site)), inner) {
            (None, _) => Found::Absent,
            (Some(_), None) => Found::Is(Operand::Present),
            (Some(site), Some(inner)) => self.source(&Operation { site, call: site, shift: 0, ..*op }, inner),
        }
    }

    /// The call of this name that a value is given to.
    fn passed_to(&self, var: VarId, name: &str) -> Option<&'m Call> {
        let program = self.program;
        let r = &program.facts.relations;
        let copies = program.assign_by_src.of(&r.assign, var).map(|row| row.dst);
        let given = std::iter::once(var).chain(copies).flat_map(|var| program.argument_by_var.of(&r.argument, var));
        given.filter_map(|row| self.call(row.site)).find(|call| program.text(call.name) == name)
    }

    pub(super) fn call(&self, site: SiteId) -> Option<&'m Call> {
        self.program.call(site)
    }

    pub(super) fn argument(&self, site: SiteId, position: usize) -> Option<VarId> {
        self.program.arguments(site).find(|row| row.position as usize == position).map(|row| row.var)
    }

    pub(super) fn position(&self, site: SiteId, position: usize, path: &[String]) -> Found {
        for row in self.program.arguments(site).filter(|row| row.position != u32::MAX) {
            if self.program.text(row.keyword) == "*" {
                if row.position as usize == position && self.is_gathered(row.var) {
                    return self.within(row.var, path);
                }
                if row.position as usize <= position {
                    return Found::Unknown;
                }
            } else if row.position as usize == position {
                return self.within(row.var, path);
            }
        }
        Found::Absent
    }

    /// Whether `var` is what is left of the arguments of its function: `func (c *Cache) Drop(keys ...string)`.
    pub(super) fn is_gathered(&self, var: VarId) -> bool {
        let parameter = parameter_of(*self, var).and_then(|var| self.program.parameter(var));
        parameter.is_some_and(|row| row.kind == ParameterKind::Rest)
    }

    pub(super) fn named(&self, site: SiteId, name: &str, path: &[String]) -> Found {
        let program = self.program;
        let mut unknown = false;
        for row in program.arguments(site) {
            let keyword = program.text(row.keyword);
            if same_key(keyword, name) {
                return self.within(row.var, path);
            }
            match keyword {
                "**" => {
                    let mut whole = vec![name.to_owned()];
                    whole.extend(path.iter().cloned());
                    match self.within(row.var, &whole) {
                        Found::Absent => {}
                        Found::Unknown => unknown = true,
                        found => return found,
                    }
                }
                "" if self.object(row.var).is_some() => {
                    let mut whole = vec![name.to_owned()];
                    whole.extend(path.iter().cloned());
                    match self.within(row.var, &whole) {
                        Found::Absent => {}
                        found => return found,
                    }
                }
                _ => {}
            }
        }
        match self.bound_before(site) {
            _ if unknown => Found::Unknown,
            Some(bound) => self.named(bound, name, path),
            None => Found::Absent,
        }
    }

    /// The call that has given what is called at `site` some of its arguments: `get = partial(requests.get, timeout=4)`.
    fn bound_before(&self, site: SiteId) -> Option<SiteId> {
        let call = self.call(site).filter(|call| call.receiver.is_none())?;
        let bound = self.only_maker(call.callee?).filter(|bound| bound.site != site)?;
        let (_, path, _) = self.resolution.external_at(bound.site).first()?;
        let paths = &self.resolution.paths;
        let hands_on = self.models.returns(paths.family(*path), paths.text(*path)) == Some(&Returned::Argument(0));
        (hands_on && self.program.arguments(bound.site).nth(1).is_some()).then_some(bound.site)
    }

    /// What the keyword arguments of a call say at a path.
    pub(super) fn keyword(&self, site: SiteId, path: &[String]) -> Found {
        match path.split_first() {
            Some((first, rest)) => self.named(site, first, rest),
            None => Found::Unknown,
        }
    }

    /// The object literal that `var` surely is.
    pub(super) fn object(&self, var: VarId) -> Option<VarId> {
        let program = self.program;
        let mut at = var;
        for _ in 0..MAX_CHAIN {
            let r = &program.facts.relations;
            if program.entry_by_var.of(&r.entry, at).next().is_some() {
                return Some(at);
            }
            let mut sources = program.assigned_from(at);
            match (sources.next(), sources.next()) {
                (Some(only), None) if program.parameter(at).is_none() => at = only.src,
                _ => break,
            }
        }
        if program.parameter(at).is_some() {
            return None;
        }
        let mut values = self.resolution.values_of(at);
        match (values.next(), values.next()) {
            (Some(Value { kind: ValueKind::Object(object), .. }), None) => Some(object),
            _ => None,
        }
    }

    /// What `var` is on each of the ways that give it a value in its function.
    pub(super) fn ways(&self, var: VarId) -> Vec<VarId> {
        let mut at = var;
        for _ in 0..MAX_CHAIN {
            let ways: Vec<VarId> = self.program.assigned_from(at).map(|row| row.src).collect();
            match ways[..] {
                [only] => at = only,
                _ => return ways,
            }
        }
        Vec::new()
    }

    /// The entry at `path` of what `var` is.
    pub(super) fn within(&self, var: VarId, path: &[String]) -> Found {
        self.within_at(var, path, 0)
    }

    pub(super) fn within_at(&self, var: VarId, path: &[String], depth: usize) -> Found {
        if depth > MAX_CHAIN {
            return Found::Unknown;
        }
        let Some((first, rest)) = path.split_first() else { return is_var(var) };
        if let Some(found) = self.said_under(var, first) {
            return found;
        }
        let program = self.program;
        let Some(object) = self.object(var) else {
            if self.literal(var).is_some() {
                return Found::Absent;
            }
            // `HTTPAdapter(max_retries=Retry(total=5))`
            if let Some(call) = self.maker(var)
                && let Some(row) = program.arguments(call.site).find(|row| same_key(program.text(row.keyword), first))
            {
                return self.within_at(row.var, rest, depth + 1);
            }
            // `{"Idempotency-Key": key} if key else {}`: it is there on one of the ways.
            if let Some(found) = self.made_entry(var, path, depth) {
                return found;
            }
            if let Some(found) = self.built_entry(var, path, depth + 1) {
                return found;
            }
            if let Some(found) = self.given_entry(var, path, depth + 1) {
                return found;
            }
            let ways = self.ways(var);
            if ways.len() > 1 && ways.iter().all(|way| self.is_entries_or_given(*way)) {
                let mut found: Vec<Found> = ways.iter().map(|way| self.within_at(*way, path, depth + 1)).collect();
                // What stands here before what a caller may bring (`headers or {}`).
                found.sort_by_key(|found| match found {
                    Found::Is(Operand::Within(..)) => 1,
                    Found::Is(_) => 0,
                    Found::Unknown => 2,
                    Found::Absent => 3,
                });
                return found.swap_remove(0);
            }
            return Found::Is(Operand::Within(var, path.to_vec()));
        };
        if let Some(found) = self.given_by_helper(var, object, path, depth) {
            return found;
        }
        let r = &program.facts.relations;
        let mut unknown = false;
        // Mappings that a spread, a merge or a loop takes entries from, which only the caller may know.
        let mut taken: Vec<VarId> = Vec::new();
        for row in program.entry_by_var.of(&r.entry, object) {
            match program.text(row.key) {
                key if !key.is_empty() && same_key(key, first) => return self.within_at(row.value, rest, depth + 1),
                "" => unknown = true,
                "**" => taken.push(row.value),
                _ => {}
            }
        }
        // An object filled after it was made (`headers["x"] = y`).
        for holder in program.assign_by_src.of(&r.assign, object).map(|row| row.dst).chain([object, var]) {
            for store in program.stores_to(holder) {
                let key = program.text(store.field);
                if same_key(key, first) {
                    return self.within_at(store.src, rest, depth + 1);
                }
                if key == "[]" {
                    match self.part_of_each(store.src) {
                        Some(mapping) => taken.push(mapping),
                        None => unknown = true,
                    }
                }
            }
        }
        let mut brought = None;
        for mapping in taken {
            match self.within_at(mapping, path, depth + 1) {
                Found::Absent => {}
                Found::Is(Operand::Var(var)) => return is_var(var),
                Found::Is(within @ Operand::Within(..)) => brought = Some(within),
                _ => unknown = true,
            }
        }
        // `options.update(timeout=5)`
        for holder in if var == object { vec![object] } else { vec![object, var] } {
            match self.put_by_calls(holder, path, depth + 1) {
                Found::Absent => {}
                Found::Unknown => unknown = true,
                found => return found,
            }
        }
        match brought {
            _ if unknown => Found::Unknown,
            Some(within) => Found::Is(within),
            None => Found::Absent,
        }
    }

    /// The entry at `path` of an object that a helper of the project made, as who calls the helper knows it.
    fn given_by_helper(&self, var: VarId, object: VarId, path: &[String], depth: usize) -> Option<Found> {
        let call = self.only_maker(var)?;
        let [edge] = self.resolution.calls_at(call.site) else { return None };
        let r = &self.program.facts.relations;
        let mut given = self.program.returns_by_function.of(&r.returns, edge.function).filter_map(|row| row.var);
        let made = given.find(|given| self.object(*given) == Some(object))?;
        Some(self.passed_from(self.within_at(made, path, depth + 1), call.site, depth))
    }

    /// Whether the entries of `var` are known: those of an object, none, or the caller's.
    fn is_entries_or_given(&self, var: VarId) -> bool {
        self.object(var).is_some() || self.literal(var).is_some() || parameter_of(*self, var).is_some()
    }

    /// What the receiver of the first call of the chain is called, as a member or a variable: `models.Order.unscoped().findAll()`.
    fn receiver_name(&self, op: &Operation) -> Found {
        let program = self.program;
        let mut at = self.call(op.call).and_then(|call| call.receiver);
        for _ in 0..MAX_CHAIN {
            let Some(var) = at else { break };
            if let Some(call) = program.call_giving(var) {
                at = call.receiver;
                continue;
            }
            let member = program.loaded_as(var).map(|load| load.field);
            let name = member.or_else(|| program.variable(var).map(|row| row.name)).map(|name| program.text(name));
            let name = name.filter(|name| name.starts_with(char::is_uppercase));
            return name.map_or(Found::Absent, |name| Found::Is(Operand::Text(name.to_owned())));
        }
        Found::Absent
    }

    pub(super) fn receiver_class(&self, op: &Operation) -> Found {
        let receiver = self.call(op.call).and_then(|call| call.receiver);
        if let Some(own) = receiver.and_then(|var| self.own_in_chain(var, op.via.class)) {
            return Found::Is(own);
        }
        // A manager or query set of the project's own is of whatever class holds it.
        let said = |class: &ClassId| !self.resolution.is_held(*class);
        let class = op.via.class.or_else(|| receiver.and_then(|var| self.class_of(var)));
        class.filter(said).map_or(Found::Absent, |class| Found::Is(Operand::Class(class)))
    }

    /// The one project class that `var` is, or is an instance of.
    pub(super) fn class_of(&self, var: VarId) -> Option<ClassId> {
        let mut found = None;
        for value in self.resolution.values_of(var) {
            let class = match value.kind {
                ValueKind::Class(class) | ValueKind::Instance(class) => class,
                ValueKind::External(_) => value.class?,
                ValueKind::Collection(inner) => match self.resolution.values.get(inner).kind {
                    ValueKind::Class(class) | ValueKind::Instance(class) => class,
                    _ => return None,
                },
                _ => continue,
            };
            if found.is_some_and(|known| known != class) {
                return None;
            }
            found = Some(class);
        }
        found
    }

    /// The project classes that `var` may be or be an instance of.
    pub(super) fn classes_of(&self, var: VarId) -> Vec<ClassId> {
        let of_value = |value: Value| match value.kind {
            ValueKind::Class(class) | ValueKind::Instance(class) => Some(class),
            _ => None,
        };
        let mut classes: Vec<ClassId> = self.resolution.values_of(var).filter_map(of_value).collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    }

    /// Whether `var` is a class of the project itself, not an object of it.
    pub(super) fn is_class(&self, var: VarId) -> bool {
        self.only_class(var).is_some()
    }

    fn only_class(&self, var: VarId) -> Option<ClassId> {
        let mut values = self.resolution.values_of(var);
        match (values.next()?.kind, values.next()) {
            (ValueKind::Class(class), None) => Some(class),
            _ => None,
        }
    }

    /// The table that a class says it is of; none if it is called like the class.
    pub(super) fn table_of(&self, class: ClassId) -> Option<&'m str> {
        let program = self.program;
        let fields = program.field_by_class.of(&program.facts.relations.field, class);
        let mut named = fields
            .filter(|row| matches!(program.text(row.name), "__tablename__" | "tableName" | "table_name" | "TABLE"));
        let text = named.find_map(|row| program.literal(row.value?).map(|literal| program.text(literal.value)));
        let text = text.or_else(|| self.table_within(class)).or_else(|| self.table_by_method(class));
        text.or_else(|| self.annotated_entity(class))
    }

    /// `class Meta: table = "orders"` within the class.
    fn table_within(&self, class: ClassId) -> Option<&'m str> {
        let program = self.program;
        let meta = self.meta_of(class)?;
        let mut fields = program.field_by_class.of(&program.facts.relations.field, meta);
        let named = fields.find(|row| matches!(program.text(row.name), "table" | "table_name"));
        if let Some(named) = named {
            return named.value.and_then(|value| self.constant(value));
        }
        let of = self.model_within(class)?;
        Some(self.table_of(of).unwrap_or_else(|| program.text(program.class(of).name)))
    }

    /// `class Meta: model = Order` within what takes an order in.
    pub(super) fn model_within(&self, class: ClassId) -> Option<ClassId> {
        let program = self.program;
        let mut line = self.resolution.ancestors(class).iter();
        let meta = line.find_map(|class| self.meta_of(*class))?;
        let mut fields = program.field_by_class.of(&program.facts.relations.field, meta);
        let value = fields.find(|row| program.text(row.name) == "model")?.value?;
        self.only_class(value).filter(|of| *of != class && *of != meta && self.is_model(*of))
    }

    /// A model is of no other.
    fn is_model(&self, class: ClassId) -> bool {
        let program = self.program;
        self.meta_of(class).is_none_or(|meta| {
            let mut fields = program.field_by_class.of(&program.facts.relations.field, meta);
            fields.all(|row| program.text(row.name) != "model")
        })
    }

    fn meta_of(&self, class: ClassId) -> Option<ClassId> {
        let program = self.program;
        let r = &program.facts.relations;
        let outer = program.text(program.class(class).qualified);
        // Classes within a class come right after it.
        let inner = r.class.iter().skip(class.index() + 1);
        let mut inner = inner.take_while(|row| {
            row.module == program.class(class).module
                && program.text(row.qualified).strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'))
        });
        inner.find(|row| program.text(row.name) == "Meta").map(|row| row.class)
    }

    /// `func (Order) TableName() string { return "orders" }`
    fn table_by_method(&self, class: ClassId) -> Option<&'m str> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut methods =
            self.resolution.ancestors(class).iter().flat_map(|class| program.method_by_class.of(&r.method, *class));
        let named = methods.find(|row| matches!(program.text(row.name), "TableName" | "tableName" | "table_name"))?;
        let mut given = program.returns_by_function.of(&r.returns, named.function);
        match (given.next().and_then(|row| row.var), given.next()) {
            (Some(only), None) => self.constant(only),
            _ => None,
        }
    }

    pub(super) fn is_own_class(&self, var: VarId) -> bool {
        let Some(row) = self.program.parameter(var).filter(|row| row.kind == ParameterKind::Receiver) else {
            return false;
        };
        let function = self.program.function(row.function);
        function.flags.has(FunctionFlags::STATIC)
            && function.class.is_some_and(|class| self.resolution.is_derived_from(class))
    }

    pub(super) fn name_of(&self, var: VarId) -> Found {
        // `cls` of a class that others derive from is the class that the method is called on.
        if let Some(own) = self.own(var) {
            return Found::Is(own);
        }
        if let Some(class) = self.class_of(var) {
            return Found::Is(Operand::Class(class));
        }
        if self.is_null(var) {
            return Found::Unknown;
        }
        if let Some(text) = self.constant(var) {
            return Found::Is(Operand::Text(text.to_owned()));
        }
        // A column of an entity's class: `select(Account.balance)`, `select(func.count(Account.id))`.
        let counted = self.program.call_giving(var).and_then(|call| self.program.arguments(call.site).next());
        if let Some(load) = self.program.loaded_as(counted.map_or(var, |row| row.var))
            && let Some(class) = self.only_class(load.base)
        {
            return Found::Is(Operand::Class(class));
        }
        if let Some(name) = self.made_under(var) {
            return Found::Is(Operand::Text(name.to_owned()));
        }
        // What a call of a library gave is not called like that.
        let is_given = self.maker(var).is_some() || parameter_of(*self, var).is_some();
        let is_name = |path: &str| {
            let is_type = path.rsplit('.').next().is_some_and(|name| name.starts_with(char::is_uppercase));
            !path.starts_with("typing") && (is_type || !is_given)
        };
        let mut names = self.resolution.values_of(var).filter_map(|value| match value.kind {
            ValueKind::External(path) if !is_name(self.resolution.paths.text(path)) => None,
            ValueKind::Function(function) => Some(self.program.text(self.program.function(function).name).to_owned()),
            // What a library made for a variable of the project is not called like the library's function.
            ValueKind::External(_) if self.resolution.imported(var).is_some() => None,
            ValueKind::External(path) => self.resolution.paths.text(path).rsplit('.').next().map(str::to_owned),
            _ => None,
        });
        match (names.next(), names.next()) {
            (Some(name), None) => Found::Is(Operand::Text(name)),
            _ => is_var(var),
        }
    }

    /// The name under which a library made `var`: `pgTable("orders", …)`, `Table("orders", metadata)`.
    pub(super) fn made_under(&self, var: VarId) -> Option<&'m str> {
        let maker = self.maker(var)?;
        if self.resolution.external_at(maker.site).is_empty() {
            return None;
        }
        let name = self.constant(self.argument(maker.site, 0)?)?;
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        name.chars().all(plain).then_some(name)
    }

    /// Everything that names a value: its constant text, the text around its holes, the variables and fields it is held by.
    pub(super) fn names_of(&self, var: VarId) -> Vec<&'m str> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut names = Vec::new();
        let mut stack = vec![var];
        while let Some(at) = stack.pop() {
            if names.len() > MAX_CHAIN {
                break;
            }
            names.extend(self.constant(at));
            names.extend(program.template(at).map(|text| program.text(text)));
            names.extend(program.variable(at).map(|row| program.text(row.name)));
            names.extend(program.parameter(at).map(|row| program.text(row.name)));
            if let Some(load) = program.loaded_as(at) {
                names.push(program.text(load.field));
            }
            if let Some(call) = program.call_giving(at) {
                names.push(program.text(call.name));
            }
            stack.extend(program.assigned_from(at).map(|row| row.src));
            stack.extend(program.element_by_var.of(&r.element, at).map(|row| row.value));
            stack.extend(program.hole_by_var.of(&r.hole, at).map(|row| row.value));
            // `PREFIX + id`
            for row in program.binary_by_dst.of(&r.binary, at).filter(|row| program.text(row.operator) == "+") {
                stack.extend(row.right);
                stack.push(row.left);
            }
            // `lock_key(id)`: a helper of the project that puts it together.
            stack.extend(program.call_giving(at).and_then(|call| self.only_return(call.site)));
        }
        names
    }

    /// The role of a connection that the names of a value say.
    pub(super) fn role_named(&self, var: VarId) -> HandleRole {
        let roles = self.names_of(var).into_iter().map(|name| role_of_name(name, false));
        roles.into_iter().find(|role| *role != HandleRole::Unknown).unwrap_or_default()
    }
}

/// The segment of a qualified name before the one called `segment`.
fn before<'t>(path: &'t str, segment: &str) -> Option<&'t str> {
    let mut last = None;
    for part in path.split('.') {
        if part == segment {
            return last;
        }
        last = Some(part);
    }
    None
}

fn is_var(var: VarId) -> Found {
    Found::Is(Operand::Var(var))
}

/// Keys compare without case, `-` and `_`.
pub(super) fn same_key(left: &str, right: &str) -> bool {
    let plain =
        |text: &str| text.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect::<Vec<_>>();
    left == right || (!left.is_empty() && left.len().abs_diff(right.len()) <= 6 && plain(left) == plain(right))
}

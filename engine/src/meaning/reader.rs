//! Reading call sites: arguments, options objects, the chain of calls before, constants and names.

use distsys_facts::schema::Call;
use distsys_facts::{FunctionKind, LiteralKind, ParameterKind, SiteId, SiteKind, Sym, VarId};

use super::callbacks::{functions_of, parameter_of};
use super::durations::unit_of_name;
use super::gates::{Asked, Gate, entered_by};
use super::operations::{Found, Operand, Operation};
use super::own_effects::statements;
use super::spelled::{before, same_header};
use crate::model::source::{Condition, Source};
use crate::model::{Family, ModelSet, OpModel};
use crate::operation::{Attr, OpKind};
use crate::program::Program;
use crate::resolve::{Passed, Resolution, Value, ValueKind};

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
        Found::first(sources.iter().map(|source| self.source(op, source)))
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
                Found::Is(operand) => {
                    self.is_false(&operand)
                        || op.kind == OpKind::CacheWrite && self.asked_of_caller(op, condition).is_some()
                }
            },
            Condition::Equals(sources, text) => self.is_like(op, sources, text),
            Condition::NotEquals(sources, text) => !self.is_like(op, sources, text),
        }
    }

    /// What a condition asks of a parameter of the function that the operation is in: each caller decides.
    pub(super) fn asked_of_caller(&self, op: &Operation, condition: &Condition) -> Option<Gate> {
        let (sources, asked) = match (condition, op.kind) {
            (Condition::Present(sources), OpKind::LockAcquire) => (sources, Asked::Holds),
            (Condition::Absent(sources), OpKind::CacheWrite) => (sources, Asked::HoldsNot),
            _ => return None,
        };
        let found = self.first(op, sources);
        if let Found::Is(Operand::Var(var)) = found
            && self.constant(var) == Some("true")
        {
            return self.set_for_callers(op, var, asked);
        }
        let (var, entry) = match found {
            Found::Is(Operand::Var(var)) => (var, Sym::EMPTY),
            Found::Is(Operand::Within(var, path)) => match &path[..] {
                [entry] => (var, self.program.facts.symbols.lookup(entry)?),
                _ => return None,
            },
            _ => return None,
        };
        let parameter = self.program.parameter(parameter_of(*self, var)?)?;
        let own = parameter.function == op.function && parameter.kind != ParameterKind::Receiver;
        (own && self.program.assigned_from(parameter.var).next().is_none()).then_some((parameter.var, entry, asked))
    }

    /// What decides whether an option is set before the call: `if (!replace) options.NX = true`.
    fn set_for_callers(&self, op: &Operation, value: VarId, asked: Asked) -> Option<Gate> {
        let stores = &self.program.facts.relations.store;
        let sites = self.program.sites(op.function).filter(|row| row.kind == SiteKind::Store);
        let mut set = sites.filter_map(|row| stores.binary_search_by_key(&row.site, |store| store.site).ok());
        let store = set.find(|at| stores[*at].src == value)?;
        let (parameter, entry, entered) = entered_by(*self, stores[store].site)?;
        let asked = match (entered, asked) {
            (Asked::Holds, Asked::HoldsNot) => Asked::HoldsNot,
            (_, Asked::HoldsNot) => Asked::Holds,
            (entered, _) => entered,
        };
        Some((parameter, entry, asked))
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

    fn is_false(&self, operand: &Operand) -> bool {
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
            match self.program.only_source(at).filter(|_| self.program.parameter(at).is_none()) {
                Some(source) => at = source,
                None => break,
            }
        }
        if self.program.parameter(at).is_some() {
            return self.setting_read(at).filter(|_| self.given_by_only_caller(at).is_some());
        }
        let mut literals = self.resolution.values_of(at).filter(|value| !self.says_text(value.kind));
        match (literals.next(), literals.next()) {
            (Some(Value { kind: ValueKind::Literal(var), .. }), None) => {
                Some(var).filter(|var| self.resolution.settings.get(var) != Some(&false))
            }
            // What a getter gives is known of its call.
            _ => self.setting_read(at).or_else(|| self.setting_read(var)),
        }
    }

    /// The literal of a settings file that `var` surely is: what libraries say beside it is of which type it is, or who read it.
    fn setting_read(&self, var: VarId) -> Option<VarId> {
        let mut setting = None;
        for value in self.resolution.values_of(var) {
            match value.kind {
                ValueKind::Literal(literal)
                    if setting.is_none() && self.resolution.settings.get(&literal) == Some(&true) =>
                {
                    setting = Some(literal);
                }
                ValueKind::External(_) => {}
                _ => return None,
            }
        }
        setting
    }

    /// What the only call in the tree that gives a parameter gives it; tests aside.
    pub(super) fn given_by_only_caller(&self, var: VarId) -> Option<VarId> {
        let program = self.program;
        let parameter = program.parameter(parameter_of(*self, var)?).filter(|row| row.default.is_none())?;
        let is_of_service = |row: &&Passed| !program.is_out_of_scope(program.site(row.site).function);
        let mut given = self.resolution.passed_to(parameter.var).filter(is_of_service);
        let only = given.next()?;
        given.next().is_none().then_some(only.argument)
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

    /// Likewise, or `kept`; what is only put into a variable that nobody asks for again is not.
    pub(super) fn is_taken(&self, var: VarId, kept: &dyn Fn(VarId) -> bool, depth: u32) -> bool {
        const MAX_COPIES: u32 = 3;
        let program = self.program;
        let r = &program.facts.relations;
        let is_at_top = |var: VarId| {
            program.variable(var).is_some_and(|row| program.function(row.function).kind == FunctionKind::Module)
        };
        kept(var)
            || program.suspend_by_var.of(&r.suspend, var).next().is_some()
            || program.argument_by_var.of(&r.argument, var).next().is_some()
            || program.calls_by_receiver.of(&r.call, var).next().is_some()
            || program.calls_by_callee.of(&r.call, var).next().is_some()
            || program.load_by_base.of(&r.load, var).next().is_some()
            || program.parameter(var).is_some()
            || depth > 0 && program.conditions_on(var).next().is_some()
            || program
                .assign_by_src
                .of(&r.assign, var)
                .any(|row| depth >= MAX_COPIES || is_at_top(row.dst) || self.is_taken(row.dst, kept, depth + 1))
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
        let carriers = self.resolution.carriers.get_or_init(|| {
            let paths = &self.resolution.paths;
            paths.all().filter(|path| self.models.is_carrier(paths.family(*path), paths.text(*path))).collect()
        });
        let is_one = |kind: ValueKind| matches!(kind, ValueKind::External(path) if carriers.contains(&path));
        !carriers.is_empty() && self.resolution.values_of(var).any(|value| is_one(value.kind))
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
            Source::Rest(position) => self.position(op.call, *position + op.shift as usize, &[]),
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
            Source::ReceiverRoot => {
                let mut at = self.call(op.call).and_then(|call| call.receiver);
                while let Some(load) = at.and_then(|var| self.program.loaded_as(var)) {
                    at = Some(load.base).filter(|base| *base != load.dst);
                }
                at.map_or(Found::Absent, is_var)
            }
            Source::Resends(position, calls) => {
                let given = self.argument(op.call, *position + op.shift as usize);
                let functions = given.map(|var| functions_of(*self, var)).unwrap_or_default();
                let again = functions.into_iter().any(|function| self.sends_again(function, calls));
                if again { Found::Is(Operand::Present) } else { Found::Absent }
            }
            Source::Decorated => {
                let annotated = &self.program.facts.relations.function_annotation;
                let Some(row) = self.program.annotated_by_site.of(annotated, op.call).next() else {
                    return Found::Absent;
                };
                let name = self.program.text(self.program.function(row.function).name);
                let mut given = self.program.parameters(row.function);
                let takes = given.any(|row| row.kind != ParameterKind::Receiver);
                Found::Is(Operand::Text(if takes { format!("{name}:{{}}") } else { name.to_owned() }))
            }
            Source::Column(position) => {
                let only = self.program.arguments(op.call).filter(|row| row.keyword.is_empty()).count() == 1;
                let given = self.argument(op.call, *position + op.shift as usize).filter(|_| only);
                let member = |var: &VarId| self.program.loaded_as(*var).is_some_and(|load| self.is_class(load.base));
                given.filter(member).map_or(Found::Absent, is_var)
            }
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
                    .any(|var| self.constant(var).is_some_and(|value| same_header(value, text)));
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
                let is_made = |maker: &Call| {
                    let chain = self.chain_calls(maker.site);
                    named(maker) || chain.into_iter().filter_map(|site| self.call(site)).any(named)
                };
                // Also what a function of the project made and gives.
                let given = || self.only_return(maker.site).and_then(|var| self.maker(var));
                if is_made(maker) || given().is_some_and(is_made) {
                    return Found::Is(Operand::Present);
                }
                // Of several ways to give it nothing is known.
                if self.resolution.calls_at(maker.site).is_empty() || given().is_some() {
                    Found::Absent
                } else {
                    Found::Unknown
                }
            }
            Source::Tree(name) => {
                if self.resolution.calls_of(name).is_empty() {
                    Found::Absent
                } else {
                    Found::Is(Operand::Present)
                }
            }
            Source::Said(name, inner) => {
                let called = self.resolution.calls_of(name).iter();
                let mut said: Vec<Found> =
                    called.map(|&site| self.source(&Operation { site, call: site, shift: 0, ..*op }, inner)).collect();
                said.dedup();
                match said.len() {
                    0 => Found::Absent,
                    1 => said.remove(0),
                    _ => Found::Unknown,
                }
            }
            Source::TreeText(start, end) => {
                if self.program.says(start, end) {
                    Found::Is(Operand::Present)
                } else {
                    Found::Absent
                }
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
            Source::Annotated(position, name) => {
                let r = &self.program.facts.relations;
                let given = self.argument(op.call, *position + op.shift as usize);
                let functions = given.map(|var| functions_of(*self, var)).unwrap_or_default().into_iter();
                let annotations = functions
                    .flat_map(|function| self.program.annotation_by_function.of(&r.function_annotation, function));
                self.annotation(op, name, None, annotations.map(|row| row.site))
            }
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
            Source::Answers(name) => self.answered_replica(name),
            Source::By(name, inner) => self.by_own_method(op, name, inner),
            Source::Entry(names) => self.entry_anywhere(names),
            Source::Stored(path) => self.stored_into_library(path),
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
                let at =
                    arguments.iter().position(|var| self.constant(*var).is_some_and(|value| same_header(value, text)));
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
}

pub(super) fn is_var(var: VarId) -> Found {
    Found::Is(Operand::Var(var))
}

//! Operations: which calls do what, by the library models.

use distsys_facts::{ClassId, FunctionId, IdKind, SiteId, VarId};
use rustc_hash::FxHashMap;

use super::callbacks::parameter_of;
use super::conventions::{self, Entry};
use super::reader::Reader;
use crate::csr::Csr;
use crate::model::source::Source;
use crate::model::{Callback, Family, ModelSet};
use crate::operation::OpKind;
use crate::paths::PathId;
use crate::program::Program;
use crate::resolve::{Confidence, Resolution, Value, ValueKind};

/// Whether a value is a member of another: `session.post`.
fn is_member(reader: &Reader<'_, '_>, var: VarId) -> bool {
    reader.program.call_giving(var).is_none() && reader.program.loaded_as(var).is_some()
}

/// A call (or an annotation) that does something a model knows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Operation {
    /// Where it is done: `call`, or the last call of the chain that `call` begins.
    pub site: SiteId,
    /// The call that the model names.
    pub call: SiteId,
    /// The function that the site is in.
    pub function: FunctionId,
    pub kind: OpKind,
    pub family: Family,
    /// The model's number in its family.
    pub model: u32,
    /// The qualified name that was called; none where only its shape was known.
    pub path: Option<PathId>,
    /// The value through which the library was reached.
    pub via: Value,
    pub confidence: Confidence,
    /// How far positional arguments are shifted: `retry(client.post, url)` passes `url` on as the first of `post`.
    pub shift: u32,
}

/// What a source of an attribute gives at a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    Var(VarId),
    /// The entry at this path of a value that is not made here.
    Within(VarId, Vec<String>),
    Text(String),
    Class(ClassId),
    /// A number of so many milliseconds each.
    Counted(VarId, f64),
    /// It is there; more is not known.
    Present,
}

/// The outcome of looking for an operand.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    Absent,
    /// It may be there (a spread argument, a value made elsewhere).
    Unknown,
    Is(Operand),
}

impl Found {
    /// The first that is there, of places that are looked at one after another; unknown, if none is and one may be.
    pub(super) fn first(found: impl IntoIterator<Item = Found>) -> Found {
        let mut unknown = false;
        for found in found {
            match found {
                Found::Absent => {}
                Found::Unknown => unknown = true,
                found => return found,
            }
        }
        if unknown { Found::Unknown } else { Found::Absent }
    }
}

/// All operations of a tree.
#[derive(Debug, Default)]
pub struct Operations {
    /// By site, then by kind.
    pub all: Vec<Operation>,
    /// Queries that lock what they read, and are never run: nothing looks at what they give.
    pub never_run: Vec<Operation>,
    by_site: Csr,
    /// The function that an annotation site decorates.
    decorated: FxHashMap<SiteId, FunctionId>,
    decorated_class: FxHashMap<SiteId, ClassId>,
    /// Functions that are run by convention, by the site that stands for it.
    entered: FxHashMap<SiteId, Vec<FunctionId>>,
    /// The shift of operations that are being added.
    shift: u32,
}

impl Operations {
    pub(super) fn new(program: &Program<'_>, models: &ModelSet, resolution: &Resolution) -> Self {
        let mut operations = Operations::default();
        for row in &program.facts.relations.function_annotation {
            operations.decorated.insert(row.site, row.function);
        }
        let classes = program.facts.relations.class_annotation.iter();
        operations.decorated_class.extend(classes.map(|row| (row.site, row.class)));
        let reader = Reader { program, models, resolution };
        let mut by_path: FxHashMap<(Family, PathId), Vec<u32>> = FxHashMap::default();
        for &(site, path, via) in &resolution.external {
            // What a wrapper does with the function that it is given is seen where the function is given; a connection that is
            // called is no such function (`` sql`…` ``), and what it calls if it is given none it calls itself.
            let called =
                program.call(site).and_then(|call| call.callee).and_then(|callee| parameter_of(reader, callee));
            let is_default = |parameter: VarId| {
                let default = program.parameter(parameter).and_then(|row| row.default);
                let is_it = |value: Value| value.kind == ValueKind::External(path);
                default.is_some_and(|default| resolution.values_of(default).any(is_it))
            };
            // `def get_consumers(self, Consumer, channel)`: a framework gives it, and no caller.
            let is_given = |parameter: VarId| resolution.passed_to(parameter).next().is_some();
            if called.is_some_and(|parameter| is_given(parameter) && !is_default(parameter))
                && !models.is_handle_anywhere(resolution.paths.text(path))
            {
                continue;
            }
            let family = reader.family(site);
            let candidates =
                by_path.entry((family, path)).or_insert_with(|| models.ops_of(family, resolution.paths.text(path)));
            for &model in candidates.iter() {
                operations.consider(&reader, site, family, model, Some(path), via, Confidence::High);
            }
        }
        operations.by_shape(&reader);
        operations.by_convention(&reader);
        operations.drop_misnamed(reader);
        operations.index(program);
        operations
    }

    pub(super) fn index(&mut self, program: &Program<'_>) {
        self.all.sort_by_key(|op| (op.site, op.kind, op.model));
        // One call may have several functions listen: `init(columns, { hooks: { afterCreate, afterDestroy } })`.
        self.all.dedup_by_key(|op| (op.site, op.kind, if op.kind == OpKind::Listen { op.model } else { 0 }));
        self.by_site = Csr::by(program.facts.count(IdKind::Site), &self.all, |op| Some(op.site));
    }

    /// Library functions given to wrappers that call them (`with_retry(session.post, url)`).
    pub(super) fn add_given(&mut self, reader: &Reader<'_, '_>, applied: impl Fn(VarId) -> bool) {
        let program = reader.program;
        for passed in &reader.resolution.passed {
            if !applied(passed.parameter) || parameter_of(*reader, passed.argument).is_some() {
                continue;
            }
            let Some(position) =
                program.arguments(passed.site).find(|row| row.var == passed.argument).map(|row| row.position)
            else {
                continue;
            };
            let family = reader.family(passed.site);
            let values: Vec<Value> = reader.resolution.values_of(passed.argument).collect();
            for value in values {
                let ValueKind::External(path) = value.kind else { continue };
                if reader.models.is_handle_anywhere(reader.resolution.paths.text(path)) {
                    continue;
                }
                self.shift = if position == u32::MAX { 0 } else { position + 1 };
                for model in reader.models.ops_of(family, reader.resolution.paths.text(path)) {
                    self.consider(reader, passed.site, family, model, Some(path), value, Confidence::High);
                }
            }
        }
        self.shift = 0;
        self.index(program);
    }

    /// Library functions given to what runs them elsewhere and gives their result (`asyncio.to_thread(requests.get, url)`).
    pub(super) fn add_applied(&mut self, reader: &Reader<'_, '_>) {
        let applied: Vec<Operation> = self.of_kind(OpKind::Apply).copied().collect();
        for op in applied {
            let positions = reader.model(&op).callbacks.iter().filter_map(|callback| match callback {
                Callback::At(sources) => sources.iter().find_map(|source| match source {
                    Source::Position(position, path) if path.is_empty() => Some(*position),
                    _ => None,
                }),
                _ => None,
            });
            for position in positions {
                let Some(given) = reader.argument(op.call, position) else { continue };
                // What a call gave has that call's name, and is no function of it.
                if parameter_of(*reader, given).is_some() || reader.maker(given).is_some() && !is_member(reader, given)
                {
                    continue;
                }
                let values: Vec<Value> = reader.resolution.values_of(given).collect();
                for value in values {
                    let ValueKind::External(path) = value.kind else { continue };
                    self.shift = position as u32 + 1;
                    for model in reader.models.ops_of(op.family, reader.resolution.paths.text(path)) {
                        self.consider(reader, op.site, op.family, model, Some(path), value, Confidence::High);
                    }
                }
            }
        }
        self.shift = 0;
        self.index(reader.program);
    }

    /// Calls of nothing known whose method name alone says what they do.
    fn by_shape(&mut self, reader: &Reader<'_, '_>) {
        for row in &reader.program.facts.relations.call {
            if row.receiver.is_none()
                || !reader.resolution.calls_at(row.site).is_empty()
                || !reader.resolution.external_at(row.site).is_empty()
            {
                continue;
            }
            let family = reader.family(row.site);
            let path = reader.written_path(row);
            for model in reader.models.ops_of_shape(family, &path) {
                let via = Value::new(ValueKind::Object(row.result));
                self.consider(reader, row.site, family, model, None, via, Confidence::Medium);
            }
        }
    }

    /// Functions that are run for the file that they are in, or for what they take.
    fn by_convention(&mut self, reader: &Reader<'_, '_>) {
        for Entry { site, function, model } in conventions::entries(reader) {
            let via = Value::new(ValueKind::Function(function));
            self.consider(reader, site, reader.family(site), model, None, via, Confidence::High);
            let entered = self.entered.entry(site).or_default();
            if !entered.contains(&function) {
                entered.push(function);
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one call site, all of it belongs to the operation")]
    fn consider(
        &mut self,
        reader: &Reader<'_, '_>,
        site: SiteId,
        family: Family,
        model: u32,
        path: Option<PathId>,
        via: Value,
        confidence: Confidence,
    ) {
        let known = reader.models.op(family, model);
        let function = reader.program.site(site).function;
        // `policy = retry(stop=…)`, `@policy`: what it says, it says where it was made.
        let made =
            path.filter(|_| self.decorated.contains_key(&site)).and_then(|path| reader.decorator_made(site, path));
        let (call, shift) = (made.unwrap_or(site), self.shift);
        let site = if known.chain { reader.chain_end(site) } else { site };
        let op = Operation { site, call, function, kind: known.kind, family, model, path, via, confidence, shift };
        if known.when.iter().all(|condition| reader.holds(&op, condition)) {
            self.all.push(op);
        }
    }

    pub fn at(&self, site: SiteId) -> impl DoubleEndedIterator<Item = &Operation> + Clone {
        self.by_site.of(&self.all, site)
    }

    /// The indexes in [`Operations::all`] of the operations at a site.
    pub fn numbers_at(&self, site: SiteId) -> &[u32] {
        self.by_site.rows(site)
    }

    pub fn of_kind(&self, kind: OpKind) -> impl Iterator<Item = &Operation> {
        self.all.iter().filter(move |op| op.kind == kind)
    }

    /// The functions that are run by convention, which `site` stands for.
    pub fn entered(&self, site: SiteId) -> &[FunctionId] {
        self.entered.get(&site).map_or(&[], Vec::as_slice)
    }

    /// The class that carries the annotation `site`.
    pub fn decorated_class(&self, site: SiteId) -> Option<ClassId> {
        self.decorated_class.get(&site).copied()
    }

    /// The function that carries the annotation `site`.
    pub fn decorated(&self, site: SiteId) -> Option<FunctionId> {
        self.decorated.get(&site).copied()
    }
}

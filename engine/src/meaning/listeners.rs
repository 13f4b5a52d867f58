//! Who listens in this process: functions that hear of whatever is handed on to all who asked for it.
//!
//! Two ways of asking are known: by what the function takes (an event of that class), and by what a call or an annotation
//! says to be listened for, a name, a class, or an object that is there to be listened to.

use distsys_facts::{ClassId, FunctionId, ParameterKind, SiteId, VarId};
use rustc_hash::FxHashMap;

use super::Meaning;
use super::callbacks::{callback_vars, functions_of, methods_run};
use super::operations::{Found, Operand, Operation, Operations};
use super::reader::Reader;
use crate::model::Callback;
use crate::model::source::Source;
use crate::operation::{Attr, OpKind};
use crate::resolve::ValueKind;

/// Calls that hand an object to whoever listens for its class, each with a function that does.
pub(super) fn listening<'o>(reader: Reader<'_, '_>, operations: &'o Operations) -> Vec<(&'o Operation, FunctionId)> {
    let program = reader.program;
    let r = &program.facts.relations;
    let mut by_annotation: FxHashMap<&str, Vec<(FunctionId, ClassId)>> = FxHashMap::default();
    let mut found = Vec::new();
    for op in &operations.all {
        for callback in &reader.model(op).callbacks {
            let Callback::Listeners(annotation) = callback else { continue };
            let listeners = by_annotation.entry(annotation).or_insert_with(|| {
                // `jakarta.enterprise.event.Observes during AFTER_SUCCESS`
                let mut words = annotation.split(' ');
                let (name, argument) = (words.next().unwrap_or_default(), words.next());
                let asked: Vec<&str> = words.collect();
                let is_named = |site: &SiteId| {
                    let paths = &reader.resolution.paths;
                    reader.resolution.external_at(*site).iter().any(|(_, path, _)| paths.text(*path) == name)
                        && argument.is_none_or(|argument| says(reader, *site, argument, &asked))
                };
                let given = |var: VarId| reader.classes_of(var);
                let of_function = r.function_annotation.iter().filter(|row| is_named(&row.site)).flat_map(|row| {
                    let parameter = program.parameters(row.function).find(|row| row.kind != ParameterKind::Receiver);
                    parameter
                        .into_iter()
                        .flat_map(move |row| given(row.var).into_iter().map(move |class| (row.function, class)))
                });
                let of_parameter = r.parameter_annotation.iter().filter(|row| is_named(&row.site));
                let of_parameter = of_parameter.flat_map(|row| {
                    let parameter = program.parameters(row.function).find(|known| known.index == row.index);
                    parameter
                        .into_iter()
                        .flat_map(move |known| given(known.var).into_iter().map(move |class| (row.function, class)))
                });
                of_function.chain(of_parameter).collect()
            });
            let Some(argument) = program.arguments(op.site).next() else { continue };
            for class in reader.classes_of(argument.var) {
                let line = reader.resolution.ancestors(class);
                let hears = listeners.iter().filter(|(_, heard)| *heard == class || line.contains(heard));
                found.extend(hears.map(|(function, _)| (op, *function)));
            }
        }
    }
    found
}

/// Whether an annotation gives an argument one of some constants (`none`: nothing).
fn says(reader: Reader<'_, '_>, annotation: SiteId, argument: &str, asked: &[&str]) -> bool {
    let program = reader.program;
    let given = program.arguments(annotation).find(|row| program.text(row.keyword) == argument);
    let Some(given) = given else { return asked.contains(&"none") };
    let named =
        program.loaded_as(given.var).map(|load| program.text(load.field)).or_else(|| reader.constant(given.var));
    named.is_some_and(|name| asked.contains(&name))
}

/// What is listened for, or whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Subject {
    /// A name, or something of a library's by its qualified name.
    Text(String),
    Class(ClassId),
    /// What a call made.
    Made(SiteId),
}

/// A function that hears of something.
struct Listener {
    function: FunctionId,
    whose: Vec<Subject>,
}

/// Those who listen, by the library that calls them and by what they hear of.
#[derive(Default)]
pub(super) struct Listeners {
    by_subject: FxHashMap<(u32, Subject), Vec<Listener>>,
}

impl Listeners {
    pub(super) fn new(reader: Reader<'_, '_>, operations: &Operations) -> Self {
        let mut listeners = Listeners::default();
        for op in operations.of_kind(OpKind::Listen) {
            let model = reader.model(op);
            let mut functions = methods_run(reader, operations, op);
            functions.extend(callback_vars(reader, op).into_iter().flat_map(|var| functions_of(reader, var)));
            if model.callbacks.contains(&Callback::Decorated) {
                functions.extend(operations.decorated(op.site));
            }
            let of = |attr: Attr| subjects(reader, op, model.attribute(attr).unwrap_or_default());
            let (heard, whose) = (of(Attr::Entity), of(Attr::Key));
            for subject in heard {
                let known = listeners.by_subject.entry((model.library, subject)).or_default();
                known.extend(functions.iter().map(|&function| Listener { function, whose: whose.clone() }));
            }
        }
        listeners
    }

    /// Calls that hand something on to those who listen for it, each with a function that does.
    pub(super) fn heard<'o>(
        &self,
        reader: Reader<'_, '_>,
        operations: &'o Operations,
    ) -> Vec<(&'o Operation, FunctionId)> {
        let mut found = Vec::new();
        if self.by_subject.is_empty() {
            return found;
        }
        for op in &operations.all {
            let model = reader.model(op);
            for callback in &model.callbacks {
                let Callback::Heard { what, whose } = callback else { continue };
                let of = subjects(reader, op, whose);
                // What is known to be of one, but not of which, is nobody's.
                if of.is_empty() && !whose.is_empty() {
                    continue;
                }
                let hears = subjects(reader, op, what).into_iter();
                let hears = hears.filter_map(|subject| self.by_subject.get(&(model.library, subject))).flatten();
                let hears = hears.filter(|listener| {
                    of.is_empty() || listener.whose.iter().any(|own| of.iter().any(|of| is_same(reader, own, of)))
                });
                found.extend(hears.map(|listener| (op, listener.function)));
            }
        }
        found
    }
}

/// Whether two name the same: a class is named with what it lies in, too (`"orders.Order"`).
fn is_same(reader: Reader<'_, '_>, left: &Subject, right: &Subject) -> bool {
    let named = |class: ClassId, text: &str| {
        text.rsplit_once('.').is_some_and(|(_, last)| last == reader.program.text(reader.program.class(class).name))
    };
    match (left, right) {
        (Subject::Class(class), Subject::Text(text)) | (Subject::Text(text), Subject::Class(class)) => {
            named(*class, text)
        }
        _ => left == right,
    }
}

/// What the sources of an attribute say at a call; a list says each of its elements.
fn subjects(reader: Reader<'_, '_>, op: &Operation, sources: &[Source]) -> Vec<Subject> {
    let mut found = Vec::new();
    for source in sources {
        match reader.source(op, source) {
            Found::Is(Operand::Text(text)) => found.push(Subject::Text(text)),
            Found::Is(Operand::Class(class)) => {
                found.push(Subject::Class(class));
                // A form of orders stores an order.
                found.extend(reader.model_within(class).map(Subject::Class));
            }
            Found::Is(Operand::Var(var)) => {
                let r = &reader.program.facts.relations;
                let list = reader.ways(var).first().copied().unwrap_or(var);
                let elements: Vec<VarId> =
                    reader.program.element_by_var.of(&r.element, list).map(|row| row.value).collect();
                match elements.is_empty() {
                    true => found.extend(subjects_of(reader, var)),
                    false => found.extend(elements.into_iter().flat_map(|var| subjects_of(reader, var))),
                }
            }
            _ => {}
        }
    }
    found.dedup();
    found
}

fn subjects_of(reader: Reader<'_, '_>, var: VarId) -> Vec<Subject> {
    if let Some(text) = reader.constant(var) {
        return vec![Subject::Text(text.to_owned())];
    }
    let classes = reader.classes_of(var);
    if !classes.is_empty() {
        return classes.into_iter().map(Subject::Class).collect();
    }
    // What a library offers under a name is not made by a call of the project.
    if let Some(made) = reader.maker(var) {
        return vec![Subject::Made(made.site)];
    }
    let paths = &reader.resolution.paths;
    let named = reader.resolution.values_of(var).filter_map(|value| match value.kind {
        ValueKind::External(path) if reader.is_named(var) => Some(Subject::Text(paths.text(path).to_owned())),
        _ => None,
    });
    named.collect()
}

impl Meaning<'_> {
    /// Whether an operation hands something on to those in the process who asked to hear of it.
    pub fn is_heard(&self, op: &Operation) -> bool {
        let callbacks = &self.reader().model(op).callbacks;
        callbacks.iter().any(|callback| matches!(callback, Callback::Listeners(_) | Callback::Heard { .. }))
    }
}

//! Which functions an operation is given to run: its callback slots, methods of objects, templates.

use distsys_facts::schema::Call;
use distsys_facts::{ClassId, ClassKind, FunctionFlags, FunctionId, Id, Language, ParameterKind, SiteId, VarId};

use super::operations::{Found, Operand, Operation, Operations};
use super::reader::Reader;
use crate::model::{Callback, Family, ScopeKind, Slot};
use crate::resolve::ValueKind;

/// The variables that hold the functions that an operation runs.
pub(super) fn callback_vars(reader: Reader<'_, '_>, op: &Operation) -> Vec<VarId> {
    let model = reader.model(op);
    let mut vars = Vec::new();
    for callback in &model.callbacks {
        if let Callback::At(sources) = callback
            && let Found::Is(Operand::Var(var)) = reader.first(op, sources)
        {
            vars.push(var);
        }
    }
    for scope in &model.scopes {
        if let ScopeKind::Callback(slot) = scope
            && let Some(var) = slot_var(reader, op, slot)
        {
            vars.push(var);
        }
    }
    vars
}

/// The methods of a class that an operation runs: those of a view that is hung up under a path.
pub(super) fn methods_run(reader: Reader<'_, '_>, operations: &Operations, op: &Operation) -> Vec<FunctionId> {
    let model = reader.model(op);
    let classes = model.callbacks.iter().flat_map(|callback| match callback {
        Callback::Methods(sources) => match reader.first(op, sources) {
            Found::Is(Operand::Class(class)) => vec![class],
            // What a wrapper of the project is given: `def add(self, resource): self.api.add_resource(resource)`.
            Found::Is(Operand::Var(var)) => reader.classes_of(var),
            _ => Vec::new(),
        },
        Callback::MethodsDecorated => operations.decorated_class(op.site).into_iter().collect(),
        _ => Vec::new(),
    });
    let program = reader.program;
    let mut methods = Vec::new();
    for class in classes {
        for (name, _) in &model.handlers {
            if name == "*" {
                let own = program.method_by_class.of(&program.facts.relations.method, class);
                methods.extend(own.map(|row| row.function));
                continue;
            }
            let Some(name) = program.facts.symbols.lookup(name) else { continue };
            let line = reader.resolution.ancestors(class).iter();
            let found = line.filter_map(|class| program.methods.get(&(*class, name))).next().copied();
            methods.extend(found.into_iter().flat_map(|method| with_overrides(reader, class, method)));
        }
    }
    methods
}

/// How far a base class's method is followed into what it calls on itself.
const MAX_TEMPLATES: usize = 64;

/// A method that a class inherits, with the class's own methods that it calls on itself: `mutate` of a base class, and the
/// `perform_mutation` that each class brings.
fn with_overrides(reader: Reader<'_, '_>, class: ClassId, method: FunctionId) -> Vec<FunctionId> {
    let program = reader.program;
    let line = reader.resolution.ancestors(class);
    let mut own = vec![method];
    let (mut seen, mut at) = (vec![method], 0);
    while let Some(&function) = seen.get(at)
        && seen.len() < MAX_TEMPLATES
    {
        at += 1;
        let receiver = program.parameters(function).next().filter(|row| row.kind == ParameterKind::Receiver);
        let Some(receiver) = receiver else { continue };
        let called = program.calls_by_receiver.of(&program.facts.relations.call, receiver.var);
        for call in called.filter(|call| !call.name.is_empty()) {
            let Some(&found) = line.iter().find_map(|class| program.methods.get(&(*class, call.name))) else {
                continue;
            };
            if !seen.contains(&found) {
                seen.push(found);
                // What the calling class has itself or inherits is called there, as is what is known to take its place.
                let of_caller = program.function(function).class;
                let inherits = |class| of_caller.is_some_and(|own| reader.resolution.ancestors(own).contains(&class));
                let is_called = || reader.resolution.calls_at(call.site).iter().any(|edge| edge.function == found);
                if !program.function(found).class.is_some_and(inherits) && !is_called() {
                    own.push(found);
                }
            }
        }
    }
    own
}

/// The argument in a slot.
pub(super) fn slot_var(reader: Reader<'_, '_>, op: &Operation, slot: &Slot) -> Option<VarId> {
    let source = match slot {
        Slot::Position(position) => crate::model::source::Source::Position(*position, Vec::new()),
        Slot::Named(name) if name == "receiver" => crate::model::source::Source::Receiver,
        Slot::Named(name) => crate::model::source::Source::Named(name.clone(), Vec::new()),
    };
    match reader.first(op, &[source]) {
        Found::Is(Operand::Var(var)) => Some(var),
        _ => None,
    }
}

/// The parameter whose value `var` surely is.
pub(super) fn parameter_of(reader: Reader<'_, '_>, var: VarId) -> Option<VarId> {
    let program = reader.program;
    let mut at = var;
    for _ in 0..6 {
        if program.parameter(at).is_some() {
            return Some(at);
        }
        at = program.only_source(at)?;
    }
    None
}

/// The parameter whose only method is called: `task.run()`, where callers give functions.
pub(super) fn called_by_its_method(reader: Reader<'_, '_>, call: &Call) -> Option<VarId> {
    let receiver = call.receiver?;
    if reader.family(call.site) != Family::Java {
        return None;
    }
    let is_given = |function: FunctionId| {
        reader.resolution.values_of(receiver).any(|value| value.kind == ValueKind::Function(function))
    };
    // The interface's own method, where the interface is the project's, does nothing itself.
    let is_declared = |function: FunctionId| reader.program.function(function).flags.has(FunctionFlags::ABSTRACT);
    let edges = reader.resolution.calls_at(call.site);
    let all = edges.iter().any(|edge| is_given(edge.function))
        && edges.iter().all(|edge| is_given(edge.function) || is_declared(edge.function));
    parameter_of(reader, receiver).filter(|_| all)
}

/// The parameter that `var` is or whose only method it is: `work`, `work::get`, where callers give functions. To hand on the one
/// is to hand on the other.
pub(super) fn handed_parameter(reader: Reader<'_, '_>, var: VarId) -> Option<VarId> {
    parameter_of(reader, var).or_else(|| {
        let program = reader.program;
        let base = program.loaded_as(var)?.base;
        let parameter = parameter_of(reader, base)?;
        let file = program.file_of_function(program.parameter(parameter)?.function);
        if program.language(file) != Language::Java {
            return None;
        }
        let mut given = false;
        // An object of a class that implements the interface is more than a function.
        let only_functions = reader.resolution.values_of(base).all(|value| match value.kind {
            ValueKind::Function(function) => {
                given |= reader.resolution.values_of(var).any(|value| value.kind == ValueKind::Function(function));
                true
            }
            ValueKind::Instance(class) => program.class(class).kind == ClassKind::Interface,
            _ => true,
        });
        (given && only_functions).then_some(parameter)
    })
}

/// The position of the descriptor among the parameters of a method's decorator (ECMAScript, legacy decorators).
pub(super) const DESCRIPTOR: u32 = 2;

/// The descriptor whose method `var` surely is: `const original = descriptor.value`.
pub(super) fn decorated_method(reader: Reader<'_, '_>, var: VarId) -> Option<VarId> {
    let program = reader.program;
    let mut at = var;
    for _ in 0..6 {
        if let Some(load) = program.loaded_as(at) {
            let descriptor = parameter_of(reader, load.base)?;
            let is_third = program.parameter(descriptor).is_some_and(|row| row.index == DESCRIPTOR);
            return (program.text(load.field) == "value" && is_third).then_some(descriptor);
        }
        at = program.assigned_from(at).next()?.src;
    }
    None
}

/// A function is handed on through so many helpers.
pub(super) const MAX_HELPERS: usize = 4;

/// A value that may be more functions than this says nothing.
const MAX_FUNCTIONS: usize = 3;

/// The project functions that `var` may be.
pub(super) fn functions_of(reader: Reader<'_, '_>, var: VarId) -> Vec<FunctionId> {
    if let Some(function) = reader.program.closure(var) {
        return vec![function];
    }
    if handed_parameter(reader, var).is_some() {
        return Vec::new();
    }
    let mut functions: Vec<FunctionId> = reader
        .resolution
        .values_of(var)
        .filter_map(|value| match value.kind {
            ValueKind::Function(function) => Some(function),
            ValueKind::Instance(class) => called_itself(reader, class),
            _ => None,
        })
        .collect();
    functions.sort_unstable_by_key(|function| function.index());
    functions.dedup();
    if functions.len() > MAX_FUNCTIONS {
        // What a wrapper gives calls what it was given, by everybody; it is itself but its own closure.
        let wrapper = made_by(reader, var).map_or(&[][..], |made| reader.resolution.calls_at(made));
        let is_own = |function: &FunctionId| {
            let parent = reader.program.function(*function).parent;
            parent.is_some_and(|parent| wrapper.iter().any(|edge| edge.function == parent))
        };
        functions.retain(is_own);
        functions.truncate(MAX_FUNCTIONS);
    }
    functions
}

/// What calling an object of the class runs: `def __call__(self, message)`.
fn called_itself(reader: Reader<'_, '_>, class: ClassId) -> Option<FunctionId> {
    let program = reader.program;
    let name = program.facts.symbols.lookup("__call__")?;
    reader.resolution.ancestors(class).iter().find_map(|class| program.methods.get(&(*class, name)).copied())
}

/// The call whose result `var` is, unawaited, through whatever constants and modules it is handed on.
pub(super) fn made_anywhere(reader: Reader<'_, '_>, var: VarId) -> Option<SiteId> {
    const MAX_STEPS: usize = 8;
    let program = reader.program;
    let mut at = var;
    for _ in 0..MAX_STEPS {
        if let Some(call) = program.call_giving(at) {
            return Some(call.site);
        }
        at = match program.assigned_from(at).next() {
            Some(_) => program.only_source(at)?,
            None => reader.resolution.imported(at)?,
        };
    }
    None
}

/// The call whose result `var` is, unawaited.
pub(super) fn made_by(reader: Reader<'_, '_>, var: VarId) -> Option<SiteId> {
    let program = reader.program;
    if let Some(call) = program.call_giving(var) {
        return Some(call.site);
    }
    program.call_giving(program.only_source(var)?).map(|call| call.site)
}

//! Java: what passes through the types of the language and its libraries, whose own code is not read.

use distsys_facts::schema::{Call, Load};
use distsys_facts::{ClassId, FunctionFlags, FunctionId, Language, ParameterKind};

use super::{EdgeKind, Flow};
use crate::model::Family;
use crate::paths::PathId;
use crate::resolve::members::Member;
use crate::resolve::values::{Value, ValueKind};

/// Methods that give a function what is inside of a value: of `Optional`, streams, futures, reactive types.
const OF_CONTENT: &[&str] = &[
    "anyMatch",
    "allMatch",
    "concatMap",
    "doOnNext",
    "doOnSuccess",
    "filter",
    "flatMap",
    "flatMapMany",
    "forEach",
    "handle",
    "ifPresent",
    "ifPresentOrElse",
    "map",
    "noneMatch",
    "peek",
    "subscribe",
    "thenAccept",
    "thenAcceptAsync",
    "thenApply",
    "thenApplyAsync",
    "thenCompose",
    "thenComposeAsync",
    "whenComplete",
];

/// Those of them whose value is of what the function gives.
const TRANSFORM: &[&str] = &[
    "concatMap",
    "flatMap",
    "flatMapMany",
    "handle",
    "map",
    "thenAccept",
    "thenAcceptAsync",
    "thenApply",
    "thenApplyAsync",
    "thenCompose",
    "thenComposeAsync",
];

/// Methods whose value holds what the function gives that they are given.
const GIVE_MADE: &[&str] = &[
    "callAsync",
    "concatMap",
    "flatMap",
    "flatMapMany",
    "map",
    "or",
    "submit",
    "supplyAsync",
    "thenApply",
    "thenApplyAsync",
    "thenCompose",
    "thenComposeAsync",
];

/// Methods of collections and streams that give as many of the same.
const KEEP: &[&str] = &[
    "collect",
    "distinct",
    "filter",
    "iterator",
    "limit",
    "parallelStream",
    "peek",
    "reversed",
    "skip",
    "sorted",
    "stream",
    "subList",
    "toList",
    "values",
];

/// Methods that give one of them.
const ONE: &[&str] = &[
    "element",
    "findAny",
    "findFirst",
    "getFirst",
    "getLast",
    "getOrDefault",
    "computeIfAbsent",
    "peek",
    "poll",
    "pollFirst",
    "remove",
    "removeFirst",
    "take",
];

/// Whether a method of the functional interfaces makes a function of functions, and runs none.
pub(super) fn combines_functions(name: &str) -> bool {
    matches!(name, "andThen" | "compose" | "negate" | "and" | "or" | "reversed" | "thenComparing")
}

impl<'p, 'f> Flow<'p, 'f> {
    /// A function given to a method of a value that holds objects of a class gets such an object.
    pub(super) fn callback_gets_element(&mut self, row: &Call, via: Value) {
        let program = self.program;
        let Some(class) = via.class else { return };
        if self.language_of(row.site) != Language::Java || !OF_CONTENT.contains(&program.text(row.name)) {
            return;
        }
        for argument in program.arguments(row.site) {
            let Some(function) = program.closure(argument.var) else { continue };
            let first = program.parameters(function).find(|row| row.kind == ParameterKind::Positional);
            if let Some(first) = first.filter(|row| row.type_.is_empty()) {
                self.add(Self::node(first.var), Value::new(ValueKind::Instance(class)));
            }
        }
    }

    /// What a function gives to a method that hands it on inside of such a value: `Optional.map(Order::of)`.
    pub(super) fn gives_what_function_gives(&mut self, row: &Call, value: Value) {
        let program = self.program;
        let ValueKind::External(path) = value.kind else { return };
        if self.language_of(row.site) != Language::Java || !GIVE_MADE.contains(&program.text(row.name)) {
            return;
        }
        for function in program.arguments(row.site).filter_map(|argument| program.closure(argument.var)) {
            self.edge(self.return_node(function), Self::node(row.result), EdgeKind::Class(path));
        }
    }

    /// What sticks to the value of a call whose receiver was reached through a class.
    pub(super) fn after_step(&self, row: &Call, via: Value) -> Value {
        let transforms =
            self.language_of(row.site) == Language::Java && TRANSFORM.contains(&self.program.text(row.name));
        if transforms { Value { class: None, ..via } } else { via }
    }

    pub(super) fn keep_elements(&mut self, row: &Call, receiver: Value) {
        let name = self.program.text(row.name);
        if KEEP.contains(&name) {
            self.add(Self::node(row.result), receiver);
        }
        if let ValueKind::Collection(inner) = receiver.kind
            && ONE.contains(&name)
        {
            self.add_id(Self::node(row.result), inner);
        }
    }

    /// An abstract method that nobody in the project implements, of a class that derives from a library's: the library
    /// implements it (`interface Orders extends JpaRepository<Order, Long> { List<Order> findByState(String state); }`).
    pub(super) fn call_derived(&mut self, row: &Call, class: ClassId, function: FunctionId, receiver: Value) {
        let program = self.program;
        let is_abstract = program.function(function).flags.has(FunctionFlags::ABSTRACT);
        if !is_abstract
            || self.language_of(row.site) != Language::Java
            || !self.grounds.hierarchy.implementations(program, function).is_empty()
        {
            return;
        }
        let bases: Vec<(PathId, Option<ClassId>)> = self.grounds.hierarchy.external_bases(class).collect();
        let models = self.models;
        for (path, argument) in bases {
            let text = program.text(row.name);
            if let Some(member) = self.paths.member(path, row.name, text, models) {
                let via = Value { class: argument.or(Some(class)), ..receiver };
                self.call_external(row, member, via);
            }
        }
    }

    /// A method that every object has, every class, or every constant of an enum.
    pub(super) fn of_every_object(&mut self, row: &Call, receiver: Value) -> Option<PathId> {
        if self.language_of(row.site) != Language::Java {
            return None;
        }
        let name = self.program.text(row.name);
        let owner = match name {
            "getName"
            | "getSimpleName"
            | "getCanonicalName"
            | "getPackage"
            | "getClassLoader"
            | "getResource"
            | "getResourceAsStream"
            | "getAnnotation"
            | "isAnnotationPresent"
            | "isInstance"
            | "isAssignableFrom"
            | "cast"
                if matches!(receiver.kind, ValueKind::Class(_)) =>
            {
                "Class"
            }
            "equals" | "hashCode" | "toString" | "getClass" | "wait" | "notify" | "notifyAll" => "Object",
            "name" | "ordinal" | "values" | "valueOf" | "compareTo" => "Enum",
            "constructor" => return Some(self.paths.intern(Family::Java, "java.lang.Object")),
            _ => return None,
        };
        Some(self.paths.intern(Family::Java, &format!("java.lang.{owner}.{name}")))
    }

    /// Whether a load only repeats a call that the front end took for a getter: of an object whose class is not the project's,
    /// or one that has such a method, what the call gives is known better.
    pub(super) fn is_better_known(&self, row: &Load, base: Value) -> bool {
        let program = self.program;
        let of_method = match base.kind {
            ValueKind::External(path) => self.paths.family(path) == Family::Java,
            ValueKind::Instance(class) | ValueKind::Class(class) => {
                matches!(self.grounds.hierarchy.member(class, row.field), Member::Method(_))
            }
            _ => false,
        };
        of_method
            && program
                .assign_by_src
                .of(&program.facts.relations.assign, row.dst)
                .any(|assign| program.call_giving(assign.dst).is_some_and(|call| call.receiver == Some(row.base)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_transforms_gives_its_function_the_content() {
        assert!(TRANSFORM.iter().all(|name| OF_CONTENT.contains(name)));
    }

    #[test]
    fn combinators_run_nothing() {
        assert!(combines_functions("andThen") && !combines_functions("apply"));
    }
}

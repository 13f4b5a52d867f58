//! What a connection was made by: a value followed backwards along the calls that lead to the statement which uses it.

use distsys_facts::{ClassId, FunctionId, FunctionKind, ParameterKind, SiteId, Sym, VarId};
use rustc_hash::FxHashSet;

use super::Meaning;
use crate::operation::OpKind;
use crate::resolve::ValueKind;

/// A value is followed over so many steps; one that goes further is not known.
const MAX_STEPS: usize = 300;

/// What is given to a constructor lies so deep.
const MAX_WITHIN: usize = 4;

/// What a connection was made by or is known under.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    Made(SiteId),
    /// The one object of a class of the project that derives from a library's.
    Class(ClassId),
    Module(VarId),
    /// What is held under this path in a parameter whose callers are not asked.
    Held(VarId, Vec<Sym>),
    /// A field or parameter that somebody else fills.
    Filled(Sym),
}

/// The function that a variable is looked at in, of the trace or beyond it of those that were entered; none: whoever calls it.
pub(super) type Frame = Option<usize>;

#[derive(Debug, Default)]
pub(super) struct Origins {
    pub(super) found: FxHashSet<Origin>,
    pub(super) inside: bool,
    pub(super) unknown: bool,
}

pub(super) struct Walk<'w, 'm> {
    meaning: &'w Meaning<'m>,
    /// From the function that is looked from down to the statement.
    trace: &'w [SiteId],
    /// What carries the transaction.
    carriers: &'w FxHashSet<VarId>,
    /// The calls whose value was looked for in what they call, each with the frame that it is in.
    entered: Vec<(SiteId, Frame)>,
    pub(super) origins: Origins,
    seen: FxHashSet<(VarId, Vec<Sym>, Frame)>,
}

impl<'w, 'm> Walk<'w, 'm> {
    pub(super) fn new(meaning: &'w Meaning<'m>, trace: &'w [SiteId], carriers: &'w FxHashSet<VarId>) -> Self {
        Walk { meaning, trace, carriers, entered: Vec::new(), origins: Origins::default(), seen: FxHashSet::default() }
    }

    fn function_at(&self, frame: usize) -> FunctionId {
        self.meaning.program.site(self.trace[frame]).function
    }

    /// What is at `path` in `var`.
    pub(super) fn follow(&mut self, var: VarId, path: Vec<Sym>, frame: Frame) {
        if self.carriers.contains(&var) {
            self.origins.inside = true;
            return;
        }
        if self.seen.len() >= MAX_STEPS {
            self.origins.unknown = true;
            return;
        }
        if !self.seen.insert((var, path.clone(), frame)) {
            return;
        }
        let meaning = self.meaning;
        let program = meaning.program;
        if program.parameter(var).is_some() {
            return self.parameter(var, path, frame);
        }
        if let Some(original) = meaning.resolution.imported(var) {
            return self.follow(original, path, None);
        }
        if program.literal(var).is_some() {
            return;
        }
        if self.entry(var, &path, frame) {
            return;
        }
        if let Some(load) = program.loaded_as(var) {
            let of_library = meaning.resolution.values_of(load.base).any(|value| self.is_connection(value.kind));
            // `prisma.order`, `runner.manager`, `*tx`: still the connection.
            let path = match of_library || program.text(load.field) == "*" {
                true => path,
                false => std::iter::once(load.field).chain(path).collect(),
            };
            return self.follow(load.base, path, frame);
        }
        if let Some(call) = program.call_giving(var) {
            return self.call(call.site, path, frame);
        }
        let region = program.variable(var).map(|row| program.function(program.region(row.region).function).kind);
        let of_module = region == Some(FunctionKind::Module);
        if of_module {
            self.origins.found.insert(match path.is_empty() {
                true => Origin::Module(var),
                false => Origin::Held(var, path.clone()),
            });
        }
        let mut sources = program.assigned_from(var).map(|row| row.src).peekable();
        if sources.peek().is_none() {
            self.origins.unknown |= !of_module;
            return;
        }
        let before = self.origins.unknown;
        for source in sources {
            // What a variable of a module is made by does not tell more, but what an object was made with may.
            let is_named = program.variable(source).is_some() || program.import(source).is_some();
            let is_made = || !path.is_empty() && program.call_giving(source).is_some();
            if !of_module || is_named || is_made() {
                self.follow(source, path.clone(), frame);
            }
        }
        if of_module && !path.is_empty() {
            self.origins.unknown = before;
        }
    }

    fn is_connection(&self, kind: ValueKind) -> bool {
        self.meaning.is_connection(kind)
    }

    /// Whether `var` is a name of the library's own, not one that the project holds something under.
    fn is_of_library(&self, var: VarId) -> bool {
        let root = self.meaning.program.loaded_as(var).map_or(var, |load| load.base);
        self.meaning.reader().is_named(var) && self.meaning.resolution.imported(root).is_none()
    }

    /// The entry of an object literal; false if `var` is none.
    fn entry(&mut self, var: VarId, path: &[Sym], frame: Frame) -> bool {
        let program = self.meaning.program;
        let entries = program.entry_by_var.of(&program.facts.relations.entry, var);
        let Some((first, rest)) = path.split_first() else { return false };
        let mut is_object = false;
        for entry in entries {
            is_object = true;
            if entry.key == *first {
                self.follow(entry.value, rest.to_vec(), frame);
            } else if program.text(entry.key) == "**" {
                self.follow(entry.value, path.to_vec(), frame);
            } else if entry.key.is_empty() {
                self.origins.unknown = true;
            }
        }
        is_object
    }

    fn parameter(&mut self, var: VarId, path: Vec<Sym>, frame: Frame) {
        let program = self.meaning.program;
        let Some(row) = program.parameter(var) else { return };
        let entered = frame.and_then(|frame| self.entered.get(frame.checked_sub(self.trace.len())?).copied());
        if let Some((site, around)) = entered {
            let calls = self.meaning.resolution.calls_at(site).iter().any(|edge| edge.function == row.function);
            return match calls {
                true => self.given_at(var, path, site, (around, frame)),
                false if self.is_around(row.function) => self.held(var, path),
                false => self.by_anybody(var, path),
            };
        }
        let at = frame.and_then(|frame| (0..=frame).rev().find(|at| self.function_at(*at) == row.function));
        match at {
            Some(0) => self.held(var, path),
            Some(at) => self.given(var, path, at),
            None if self.is_around(row.function) => self.held(var, path),
            None => self.by_anybody(var, path),
        }
    }

    /// Whether the function that is looked from stands in `function`.
    fn is_around(&self, function: FunctionId) -> bool {
        let program = self.meaning.program;
        let mut at = self.trace.first().map(|_| self.function_at(0));
        while let Some(inner) = at {
            if inner == function {
                return true;
            }
            at = program.function(inner).parent;
        }
        false
    }

    /// A parameter of the function that is looked from, or of one around it.
    fn held(&mut self, var: VarId, path: Vec<Sym>) {
        let before = self.origins.unknown;
        self.origins.found.insert(Origin::Held(var, path.clone()));
        self.of_class(var, path);
        self.origins.unknown = before;
    }

    /// What the caller in the trace gives for a parameter.
    fn given(&mut self, var: VarId, path: Vec<Sym>, at: usize) {
        self.given_at(var, path, self.trace[at - 1], (Some(at - 1), Some(at)));
    }

    /// What the call at `site` gives for a parameter of what it calls; `frames` are the caller's and the callee's.
    fn given_at(&mut self, var: VarId, path: Vec<Sym>, site: SiteId, frames: (Frame, Frame)) {
        let meaning = self.meaning;
        let program = meaning.program;
        let Some(row) = program.parameter(var) else { return };
        let (caller, callee) = frames;
        if row.kind == ParameterKind::Receiver {
            match program.call(site).and_then(|call| call.receiver) {
                Some(receiver) => self.follow(receiver, path, caller),
                None => self.of_class(var, path),
            }
            return;
        }
        let mut given =
            meaning.resolution.passed_at(site).iter().filter(|passed| passed.parameter == var).map(|row| row.argument);
        if let Some(argument) = given.next() {
            return self.follow(argument, path, caller);
        }
        // A transaction inside of a transaction, a connection for a callback: it is where what it is opened on is.
        let opens =
            meaning.operations.at(site).find(|op| matches!(op.kind, OpKind::TxScope | OpKind::ConnectionAcquire));
        if let Some(receiver) = opens.and_then(|op| meaning.receiver_of(op)) {
            return self.follow(receiver, path, caller);
        }
        let is_called = meaning.resolution.calls_at(site).iter().any(|edge| edge.function == row.function);
        let is_spread = program.arguments(site).any(|row| matches!(program.text(row.keyword), "*" | "**"));
        match row.default {
            _ if !is_called || is_spread => self.origins.unknown = true,
            Some(default) => self.follow(default, path, callee),
            // Not given: nothing.
            None => {}
        }
    }

    /// A parameter whose caller is not known: all of them.
    fn by_anybody(&mut self, var: VarId, path: Vec<Sym>) {
        let meaning = self.meaning;
        let program = meaning.program;
        let Some(row) = program.parameter(var) else { return };
        if row.kind == ParameterKind::Receiver {
            return self.of_class(var, path);
        }
        let passed = meaning.resolution.passed_to(var);
        let mut arguments: Vec<VarId> = passed.map(|row| row.argument).collect();
        arguments.extend(row.default);
        if !arguments.is_empty() {
            arguments.into_iter().for_each(|argument| self.follow(argument, path.clone(), None));
            return;
        }
        // What is injected into a constructor is one object for all.
        let is_constructor = matches!(program.text(program.function(row.function).name), "constructor" | "__init__");
        match is_constructor && path.is_empty() {
            true => self.injected(var, row.name),
            false => self.origins.unknown = true,
        }
    }

    fn injected(&mut self, var: VarId, name: Sym) {
        let class =
            self.meaning.class_of(var).filter(|class| !self.meaning.resolution.library_bases(*class).is_empty());
        self.origins.found.insert(class.map_or(Origin::Filled(name), Origin::Class));
    }

    /// A field of an object whose making is not seen: whatever its class has there.
    fn of_class(&mut self, var: VarId, path: Vec<Sym>) {
        let Some((field, rest)) = path.split_first() else {
            self.origins.unknown = true;
            return;
        };
        let stored = self.meaning.stored_in(var, *field);
        if stored.is_empty() {
            match rest.is_empty() {
                true => self.origins.found.insert(Origin::Filled(*field)),
                false => {
                    self.origins.unknown = true;
                    false
                }
            };
        }
        for source in stored {
            self.follow(source, rest.to_vec(), None);
        }
    }

    /// The variable that a chain of fields begins at, and the chain: of `options.db` these are `options` and `db`.
    fn root_of(&self, var: VarId) -> (VarId, Vec<Sym>) {
        let (mut root, mut within) = (var, Vec::new());
        while let Some(load) = self.meaning.program.loaded_as(root).filter(|_| within.len() < MAX_WITHIN) {
            within.insert(0, load.field);
            root = load.base;
        }
        (root, within)
    }

    /// What a call gives.
    fn call(&mut self, site: SiteId, path: Vec<Sym>, frame: Frame) {
        let meaning = self.meaning;
        let program = meaning.program;
        let Some(call) = program.call(site) else { return };
        let made = meaning.resolution.values_of(call.result).find_map(|value| match value.kind {
            ValueKind::Instance(class) => Some(class),
            _ => None,
        });
        let edges = meaning.resolution.calls_at(site);
        // `Wrapped{DB: db}` embeds what it is a connection by.
        if edges.is_empty()
            && path.is_empty()
            && made.is_some_and(|class| self.is_connection(ValueKind::Instance(class)))
        {
            let embedded = program.arguments(site).map(|row| row.var);
            let is_handle =
                |var: &VarId| meaning.resolution.values_of(*var).any(|value| self.is_connection(value.kind));
            let embedded: Vec<VarId> = embedded.filter(is_handle).collect();
            if !embedded.is_empty() {
                embedded.into_iter().for_each(|var| self.follow(var, Vec::new(), frame));
                return;
            }
        }
        if let (Some(_), Some((field, rest)), true) =
            (made, path.split_first(), call.callee.is_some_and(|callee| meaning.reader().is_class(callee)))
        {
            // `Service{db: tx}`: the fields are named where the object is made.
            let named = program.arguments(site).find(|row| edges.is_empty() && row.keyword == *field);
            if let Some(named) = named {
                return self.follow(named.var, rest.to_vec(), frame);
            }
            // `new Service(tx)`, `new Service({ db: tx })`: the field that a parameter of the constructor goes into, or what
            // it holds.
            for source in meaning.stored_in(call.result, *field) {
                let (root, within) = self.root_of(source);
                let passed = meaning.resolution.passed_at(site).iter().find(|row| row.parameter == root);
                match (passed, program.parameter(source)) {
                    (Some(passed), _) => self.follow(passed.argument, [&within[..], rest].concat(), frame),
                    (None, Some(parameter)) if !edges.is_empty() => {
                        if let Some(default) = parameter.default {
                            self.follow(default, rest.to_vec(), None);
                        }
                    }
                    _ => self.follow(source, rest.to_vec(), frame),
                }
            }
            return;
        }
        if !edges.is_empty() {
            let inside = self.trace.len() + self.entered.len();
            self.entered.push((site, frame));
            for edge in edges {
                let given: Vec<VarId> = program.given_by(edge.function).collect();
                given.into_iter().for_each(|var| self.follow(var, path.clone(), Some(inside)));
            }
            return;
        }
        let from = call.receiver.or(call.callee);
        match from {
            Some(from) if self.is_of_library(from) && !meaning.resolution.external_at(site).is_empty() => {
                self.origins.found.insert(Origin::Made(site));
            }
            Some(from) if call.receiver.is_some() || !meaning.resolution.external_at(site).is_empty() => {
                self.follow(from, path, frame);
            }
            _ => self.origins.unknown = true,
        }
    }
}

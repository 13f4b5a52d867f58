//! Connections: whether a statement runs in a transaction that a value carries.
//!
//! Most libraries give the open transaction as a value (`tx`, a session, a connection), and what is done on anything else
//! is done beside it, on a connection of its own. The value is followed backwards along the calls that lead to the
//! statement, so that a parameter is what this caller gives, and an object what was put into it here.

use distsys_facts::{ClassId, FunctionId, FunctionKind, ParameterKind, SiteId, Sym, VarId};
use rustc_hash::FxHashSet;

use super::Meaning;
use super::operations::{Found, Operand, Operation};
use super::scopes::{Extent, Scope};
use crate::model::Family;
use crate::operation::{Attr, OpKind};
use crate::paths::PathId;
use crate::resolve::ValueKind;

/// Where a statement runs, as seen from an open transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    Inside,
    /// On another connection to the same database.
    Outside,
    Unknown,
}

/// A value is followed over so many steps; one that goes further is not known.
const MAX_STEPS: usize = 300;

/// What is given to a constructor lies so deep.
const MAX_WITHIN: usize = 4;

/// What a connection was made by or is known under.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Origin {
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
type Frame = Option<usize>;

#[derive(Debug, Default)]
struct Origins {
    found: FxHashSet<Origin>,
    inside: bool,
    unknown: bool,
}

struct Walk<'w, 'm> {
    meaning: &'w Meaning<'m>,
    /// From the function that is looked from down to the statement.
    trace: &'w [SiteId],
    /// What carries the transaction.
    carriers: &'w FxHashSet<VarId>,
    /// The calls whose value was looked for in what they call, each with the frame that it is in.
    entered: Vec<(SiteId, Frame)>,
    origins: Origins,
    seen: FxHashSet<(VarId, Vec<Sym>, Frame)>,
}

impl Meaning<'_> {
    /// Whether a value is a connection, or a pool of them.
    pub fn is_connection(&self, kind: ValueKind) -> bool {
        let is_handle = |path: &PathId| self.models.is_handle_anywhere(self.resolution.paths.text(*path));
        match kind {
            ValueKind::External(path) => is_handle(&path),
            ValueKind::Instance(class) => self.resolution.library_bases(class).iter().any(is_handle),
            _ => false,
        }
    }

    /// Whether a value carries the transaction of a scope, so that what is not done on it is done beside it.
    pub fn is_carried(&self, scope: &Scope) -> bool {
        let is_ambient = self.operation(scope).is_some_and(|op| self.is_ambient(op));
        scope.kind == OpKind::TxScope && !is_ambient && !self.carriers(scope).is_empty()
    }

    /// Whether open transactions of an operation's library reach statements without being handed to them.
    fn is_ambient(&self, op: &Operation) -> bool {
        self.operations.of_kind(OpKind::TxAmbient).any(|other| self.library(other) == self.library(op))
    }

    fn library(&self, op: &Operation) -> (Family, u32) {
        (op.family, self.models.op(op.family, op.model).library)
    }

    /// Whether the statement at the end of `trace`, which starts at a site in `scope`, runs in the scope's transaction.
    pub fn runs_in(&self, scope: &Scope, trace: &[SiteId]) -> Runs {
        let carriers = self.carriers(scope);
        let Some(opens) = self.operation(scope) else { return Runs::Unknown };
        let (Some(statement), false) = (self.statement(trace), carriers.is_empty()) else { return Runs::Unknown };
        if self.library(statement) != self.library(opens) {
            return Runs::Unknown;
        }
        let mut walk = Walk::new(self, trace, &carriers);
        let last = trace.len() - 1;
        match self.connection_of(statement) {
            // The library takes a connection of its own where it is given none.
            Found::Absent => return Runs::Outside,
            Found::Is(Operand::Var(var)) => walk.follow(var, Vec::new(), Some(last)),
            Found::Is(Operand::Within(var, path)) => {
                let path = path.iter().map(|key| self.program.facts.symbols.lookup(key)).collect::<Option<Vec<_>>>();
                match path {
                    Some(path) => walk.follow(self.spread_into(statement, var).unwrap_or(var), path, Some(last)),
                    None => return Runs::Unknown,
                }
                // An option that is not given.
                if walk.origins.found.is_empty() && !walk.origins.inside && !walk.origins.unknown {
                    return match self.is_stored_on_the_way(scope, trace, statement) {
                        true => Runs::Unknown,
                        false => Runs::Outside,
                    };
                }
            }
            _ => return Runs::Unknown,
        }
        let used = walk.origins;
        match (used.inside, used.unknown || used.found.is_empty()) {
            (true, _) => Runs::Inside,
            (false, true) => Runs::Unknown,
            // An option that is given is another transaction.
            (false, false) if self.declares(statement, Attr::Connection) => Runs::Unknown,
            (false, false) => match self.shares_base(statement, &used.found, scope, opens) {
                true => Runs::Outside,
                false => Runs::Unknown,
            },
        }
    }

    /// The mapping given to a statement that takes the entries of `var` and of others, any of which may bring the connection:
    /// `{ ...context, ...options }`.
    fn spread_into(&self, statement: &Operation, var: VarId) -> Option<VarId> {
        let program = self.program;
        let entry = &program.facts.relations.entry;
        let mut given = program.arguments(statement.call).filter_map(|row| self.reader().object(row.var));
        given.find(|object| {
            let mut spread = program
                .entry_by_var
                .of(entry, *object)
                .filter(|row| program.text(row.key) == "**")
                .map(|row| row.value);
            spread.any(|value| value == var)
        })
    }

    /// Whether what a statement runs on, known under `used`, leads to the database that a transaction was opened on.
    fn shares_base(&self, statement: &Operation, used: &FxHashSet<Origin>, scope: &Scope, opens: &Operation) -> bool {
        let base = self.base(scope, opens);
        // A repository beside the source of connections: each is injected, once for the database.
        let is_injected = |origins: &FxHashSet<Origin>| {
            let by_receiver =
                |var: VarId| self.program.parameter(var).is_some_and(|row| row.kind == ParameterKind::Receiver);
            origins.iter().any(|origin| matches!(origin, Origin::Filled(_)))
                && origins.iter().all(|origin| match origin {
                    Origin::Filled(_) => true,
                    Origin::Held(var, _) => by_receiver(*var),
                    _ => false,
                })
        };
        let types = |op: &Operation| -> Vec<PathId> {
            let values = self.receiver_of(op).into_iter().flat_map(|var| self.resolution.values_of(var));
            let paths = values.filter_map(|value| match value.kind {
                ValueKind::External(path) => Some(path),
                _ => None,
            });
            paths.collect()
        };
        let are_of_two_types = || {
            let (left, right) = (types(statement), types(opens));
            !left.is_empty() && !right.is_empty() && left.iter().all(|path| !right.contains(path))
        };
        // What a source lends to a callback is of another type than the source, and tells nothing by that.
        let is_lent = || {
            let lent = self.receiver_of(statement).and_then(|var| self.program.parameter(var));
            lent.is_some_and(|row| self.program.function(row.function).kind == FunctionKind::Closure)
        };
        let are_beside = || is_injected(used) && is_injected(&base) && !is_lent() && are_of_two_types();
        base.iter().any(|origin| used.contains(origin)) || are_beside()
    }

    /// Whether something is stored, in the functions that lead to a statement, under the name of the option that tells it
    /// the transaction: `ctx.context.transaction = transaction`.
    fn is_stored_on_the_way(&self, scope: &Scope, trace: &[SiteId], statement: &Operation) -> bool {
        let Found::Is(Operand::Within(_, path)) = self.connection_of(statement) else { return false };
        let passes = |site: SiteId| {
            let function = self.program.site(site).function;
            function == scope.function || trace.iter().any(|step| self.program.site(*step).function == function)
        };
        let mut stores = self.program.facts.relations.store.iter();
        stores.any(|row| path.last().is_some_and(|key| self.program.text(row.field) == key) && passes(row.site))
    }

    /// Whether a statement of a library that must be told the transaction is told one; none if that is not known.
    pub fn is_told_transaction(&self, op: &Operation) -> Option<bool> {
        match self.connection_of(op) {
            _ if !self.declares(op, Attr::Connection) || self.is_ambient(op) => None,
            Found::Absent => Some(false),
            Found::Is(Operand::Var(var)) => Some(!self.reader().is_null(var)),
            _ => None,
        }
    }

    /// The operation at the end of a trace that has a connection.
    fn statement(&self, trace: &[SiteId]) -> Option<&Operation> {
        let is_statement = |op: &&Operation| matches!(op.kind, OpKind::DbRead | OpKind::DbWrite | OpKind::Sql);
        self.operations.at(*trace.last()?).find(is_statement)
    }

    /// What a statement runs on.
    fn connection_of(&self, op: &Operation) -> Found {
        // A part of a statement runs where that one does.
        if let Some(outer) = self.given_to_statement(op).and_then(|call| call.receiver) {
            return Found::Is(Operand::Var(outer));
        }
        if self.declares(op, Attr::Connection) {
            return match self.attribute(op, Attr::Connection) {
                // `Order.updateOne(…).session(session)`
                Found::Absent if self.reader().is_called_later(op, Attr::Connection) => Found::Unknown,
                found => found,
            };
        }
        match self.attribute(op, Attr::Role) {
            found @ Found::Is(Operand::Var(_)) => found,
            _ => self.receiver_of(op).map_or(Found::Unknown, |var| Found::Is(Operand::Var(var))),
        }
    }

    fn receiver_of(&self, op: &Operation) -> Option<VarId> {
        self.program.call(op.call).and_then(|call| call.receiver.or(call.callee))
    }

    /// The variables that carry the transaction of a scope in its function.
    fn carriers(&self, scope: &Scope) -> FxHashSet<VarId> {
        let mut carriers = FxHashSet::default();
        let Some(op) = self.operation(scope) else { return carriers };
        let carrier = match op.kind {
            // `client.query("BEGIN")`
            OpKind::Sql => self.connection_of(op),
            _ => self.attribute(op, Attr::Connection),
        };
        match (carrier, scope.extent) {
            (Found::Is(Operand::Text(text)), Extent::Function(function)) if text == "given" => {
                let given = self.program.parameters(function).filter(|row| row.kind != ParameterKind::Receiver);
                carriers.extend(given.map(|row| row.var));
            }
            (Found::Is(Operand::Var(var)), Extent::Open(site) | Extent::Site(site)) => {
                // A wrapper gives what it has opened.
                match scope.steps.is_empty() {
                    true => self.hold(var, &mut carriers),
                    false => carriers.extend(self.program.call(site).map(|call| call.result)),
                }
            }
            (Found::Is(Operand::Var(var)), Extent::Region(region)) => {
                let r = &self.program.facts.relations;
                let managed = self.program.manages_by_region.of(&r.manages, region);
                carriers.extend(managed.filter_map(|row| row.bound));
                if scope.steps.is_empty() {
                    self.hold(var, &mut carriers);
                }
            }
            (Found::Is(Operand::Var(var)), Extent::Function(_)) if scope.steps.is_empty() => {
                self.hold(var, &mut carriers);
            }
            (Found::Is(Operand::Var(var)), Extent::Function(function)) => {
                // A wrapper of the project opens it, and gives it, or what it makes of it, to the function that it runs.
                let mut opened = FxHashSet::default();
                self.hold(var, &mut opened);
                opened.extend(scope.steps.iter().filter_map(|step| self.program.call(*step)).map(|call| call.result));
                let given = self.program.parameters(function).filter(|row| row.kind != ParameterKind::Receiver);
                let carries = |argument: VarId| self.made_from(argument).iter().any(|source| opened.contains(source));
                carriers.extend(
                    given
                        .map(|row| row.var)
                        .filter(|parameter| self.resolution.passed_to(*parameter).any(|row| carries(row.argument))),
                );
            }
            _ => {}
        }
        carriers
    }

    /// A variable with those whose value it has.
    fn hold(&self, var: VarId, carriers: &mut FxHashSet<VarId>) {
        let mut stack = vec![var];
        while let Some(at) = stack.pop() {
            if carriers.insert(at) && self.program.call_giving(at).is_none() {
                stack.extend(self.program.assigned_from(at).map(|row| row.src));
            }
        }
    }

    /// What the transaction of a scope was opened on.
    fn base(&self, scope: &Scope, opens: &Operation) -> FxHashSet<Origin> {
        let mut trace = scope.steps.clone();
        trace.push(opens.site);
        let none = FxHashSet::default();
        let mut walk = Walk::new(self, &trace, &none);
        let base = match self.attribute(opens, Attr::Role) {
            Found::Is(Operand::Var(var)) => Some(var),
            _ => self.receiver_of(opens),
        };
        if let Some(var) = base {
            walk.follow(var, Vec::new(), Some(trace.len() - 1));
        }
        walk.origins.found
    }
}

impl<'w, 'm> Walk<'w, 'm> {
    fn new(meaning: &'w Meaning<'m>, trace: &'w [SiteId], carriers: &'w FxHashSet<VarId>) -> Self {
        Walk { meaning, trace, carriers, entered: Vec::new(), origins: Origins::default(), seen: FxHashSet::default() }
    }

    fn function_at(&self, frame: usize) -> FunctionId {
        self.meaning.program.site(self.trace[frame]).function
    }

    /// What is at `path` in `var`.
    fn follow(&mut self, var: VarId, path: Vec<Sym>, frame: Frame) {
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
            let r = &program.facts.relations;
            let inside = self.trace.len() + self.entered.len();
            self.entered.push((site, frame));
            for edge in edges {
                let given = program.returns_by_function.of(&r.returns, edge.function).filter_map(|row| row.var);
                given.collect::<Vec<_>>().into_iter().for_each(|var| self.follow(var, path.clone(), Some(inside)));
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

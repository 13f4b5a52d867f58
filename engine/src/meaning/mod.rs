//! Meaning: what the rules judge.
//!
//! Resolution says what is called; here models say what the calls do ([`operations`]), functions get the effects of
//! all they reach ([`effects`]), retries, transactions and locks the code they extend over ([`scopes`]), and sites
//! their order ([`order`]).

mod accessors;
mod after_commit;
mod answered;
mod arguments;
mod asked_person;
mod at_calls;
mod brought_ids;
mod built;
mod built_statements;
mod by_caller;
mod by_excluded;
mod by_method;
mod by_time;
mod cache_spaces;
mod callbacks;
mod carried_roles;
mod causes;
mod chains;
mod chosen;
mod clients;
mod collected;
mod columns;
mod columns_read;
mod connections;
mod consensus;
mod conventions;
mod copies;
mod creation;
mod cursors;
mod deadlines;
mod deferred;
mod discriminators;
mod dropped_for;
mod dropped_given;
mod dropped_outcomes;
mod durations;
mod effects;
mod ended;
mod environments;
mod factories;
mod failed_for;
mod failures;
mod fetched;
mod filters;
mod functional_options;
mod gates;
mod generic;
mod given_or;
mod given_to_run;
mod given_values;
mod guards;
mod handed_back;
mod handed_in;
mod handed_promises;
mod handle_roles;
mod held_roles;
mod idle_transactions;
mod in_pages;
mod inference;
mod invoked;
mod iterated;
mod kept_elements;
mod kept_functions;
mod keys;
mod kinds;
mod lift;
mod listeners;
mod lock_callers;
mod lock_guards;
mod lock_scopes;
mod loop_bounds;
mod loop_counts;
mod made;
mod makers;
mod mappings;
mod marks;
mod members;
mod members_asked;
mod misnamed;
mod operations;
mod order;
mod origins;
mod own_effects;
mod polls;
mod promises;
mod provenance;
mod proxied;
mod put_around;
mod put_over;
mod raised_as;
mod reader;
mod recovered;
mod recursions;
mod refusals;
mod refused;
mod replaced;
mod replica_waits;
mod request_hooks;
mod resends;
mod resumed;
mod retries;
mod routed_reads;
mod runs;
mod schedules;
mod scopes;
mod served;
mod settings;
mod spelled;
mod tables;
mod terms;
mod trace;
mod tracked;
mod tries;
mod turns;
mod unawaited;
mod uniqueness;
mod units_of_work;
mod unsent;
mod wrapped;

use std::sync::{Arc, Mutex, OnceLock};

use distsys_facts::{ClassId, FunctionId, RegionId, SiteId, Sym, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::source::Source;
use crate::model::{Family, ModelSet, ScopeKind};
use crate::operation::{Attr, OpKind};
use crate::program::Program;
use crate::resolve::{HandleRole, Resolution, ValueKind};
use crate::words::{role_of_name, words};

pub use connections::Runs;
pub use effects::{Effect, EffectFlags, EffectId, Effects, SiteEffect};
pub use failed_for::FailedFor;
pub use failures::Failure;
pub use guards::Decision;
pub use invoked::{Invocations, Invoked, Mode, Wrapped};
pub use operations::{Found, Operand, Operation, Operations};
pub use order::Order;
pub use request_hooks::{ClientKey, KeyHook};
pub use scopes::{Extent, Scope, Scopes};
pub use terms::{Name, Names, Role, Term};

use reader::Reader;

/// Where the object that an operation is done on is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Creation {
    /// It is not made: a function of a module.
    None,
    /// Somewhere that is not seen.
    Unseen,
    /// Here; those places only that do not set what was asked for.
    Seen(Vec<SiteId>),
}

/// All that rules may ask.
#[derive(Debug)]
pub struct Meaning<'m> {
    pub program: &'m Program<'m>,
    pub models: &'m ModelSet,
    pub resolution: &'m Resolution,
    pub operations: Operations,
    pub invocations: Invocations,
    pub effects: Effects,
    pub scopes: Scopes,
    pub order: Order,
    pub names: Names,
    callers: FxHashMap<FunctionId, Vec<SiteId>>,
    traces: trace::Traces,
    flow: provenance::FlowIndex,
    members: OnceLock<members::Members>,
    /// The operations from which scopes come.
    entered: OnceLock<FxHashSet<SiteId>>,
    served: OnceLock<FxHashSet<FunctionId>>,
    requested: OnceLock<FxHashSet<FunctionId>>,
    outcomes_dropped: OnceLock<Vec<SiteId>>,
    run_by: OnceLock<FxHashMap<FunctionId, Vec<OpKind>>>,
    page_modules: OnceLock<FxHashSet<distsys_facts::ModuleId>>,
    /// The families of libraries of which a call ends requests in time, and with them what they wait for.
    requests_end: OnceLock<Vec<Family>>,
    /// The entities whose mappers compare versions.
    versioned: OnceLock<FxHashSet<String>>,
    unique: OnceLock<FxHashMap<String, uniqueness::Keys>>,
    run_limits: OnceLock<FxHashMap<FunctionId, Option<f64>>>,
    /// What is stored as a default of a client, by the name of what is set.
    defaults: OnceLock<FxHashMap<&'m str, Vec<(VarId, VarId)>>>,
    /// The functions that give requests their idempotency keys, and where they are handed to a client that is there.
    key_hooks: OnceLock<request_hooks::KeyHooks>,
    /// By the library types that a client may be of.
    keys_by_type: Mutex<FxHashMap<Vec<ValueKind>, Option<ClientKey>>>,
    hooks_given: OnceLock<FxHashMap<SiteId, Vec<SiteId>>>,
    /// What the functions in which attempts are repeated are parts of.
    repeating: OnceLock<request_hooks::Parts>,
    /// Whether a function puts the next of the layers that it is given around those before.
    last_outermost: Mutex<FxHashMap<FunctionId, bool>>,
    development: OnceLock<environments::Development>,
    /// The sites of a function that deal with a failure.
    after_failures: Mutex<FxHashMap<FunctionId, Arc<FxHashSet<SiteId>>>>,
}

/// What waiting for a promise gives is followed this far.
const MAX_STEPS: usize = 12;

/// `READ COMMITTED`, `read_uncommitted`
fn lets_others_write(level: &str) -> bool {
    words(level).last().is_some_and(|word| word.ends_with("committed"))
}

impl<'m> Meaning<'m> {
    pub fn derive(program: &'m Program<'m>, models: &'m ModelSet, resolution: &'m Resolution) -> Self {
        let reader = Reader { program, models, resolution };
        let mut flow = provenance::FlowIndex::new(program, resolution);
        let mut operations = Operations::new(program, models, resolution);
        operations.drop_refined(&reader, &flow);
        let invocations = Invocations::new(reader, &operations);
        operations.add_given(&reader, |parameter| !invocations.applied(parameter).is_empty());
        operations.add_applied(&reader);
        let order = Order::new(program);
        flow.fetched = fetched::fetched(program, resolution, &operations, &order);
        let mut describer = terms::Describer::new(reader);
        let unmarked = Effects::new(&mut describer, &operations, &invocations, &FxHashMap::default());
        let scopes = scopes::Builder::new(reader, &operations, &invocations, &unmarked, &order).build();
        let causes = causes::Causes::new(reader, &operations, &unmarked, &order, &describer.names);
        let mut marks: FxHashMap<SiteId, EffectFlags> = FxHashMap::default();
        for scope in &scopes.all {
            let mark = match scope.kind {
                OpKind::RetryScope => EffectFlags::RETRIED,
                OpKind::TimeoutScope => EffectFlags::TIMED,
                _ => continue,
            };
            let mut covered = scopes::sites(program, &order, &unmarked, scope);
            if scope.kind == OpKind::RetryScope {
                causes.keep_repeated(scope, &mut covered);
            }
            for site in covered {
                let marks = marks.entry(site).or_default();
                *marks = *marks | mark;
            }
        }
        for site in after_commit::else_at_once(program, &invocations, &unmarked, &order) {
            let marks = marks.entry(site).or_default();
            *marks = *marks | EffectFlags::AFTER_COMMIT;
        }
        let effects =
            if marks.is_empty() { unmarked } else { Effects::new(&mut describer, &operations, &invocations, &marks) };
        let mut callers: FxHashMap<FunctionId, Vec<SiteId>> = FxHashMap::default();
        for edge in &resolution.calls {
            // What calls its own parameter is not the caller: who gives the function is, where it is run by that.
            if invocations.is_through_parameter(edge.site) && invocations.is_invoked(edge.function) {
                continue;
            }
            if program.is_tried_by(program.site(edge.site).function, edge.function) {
                continue;
            }
            callers.entry(edge.function).or_default().push(edge.site);
        }
        for row in &invocations.all {
            callers.entry(row.function).or_default().push(row.site);
        }
        for sites in callers.values_mut() {
            sites.sort_unstable();
            sites.dedup();
        }
        let names = describer.names;
        Meaning {
            program,
            models,
            resolution,
            operations,
            invocations,
            effects,
            scopes,
            order,
            names,
            callers,
            traces: trace::Traces::default(),
            flow,
            members: OnceLock::new(),
            entered: OnceLock::new(),
            served: OnceLock::new(),
            requested: OnceLock::new(),
            outcomes_dropped: OnceLock::new(),
            run_by: OnceLock::new(),
            page_modules: OnceLock::new(),
            requests_end: OnceLock::new(),
            versioned: OnceLock::new(),
            unique: OnceLock::new(),
            run_limits: OnceLock::new(),
            defaults: OnceLock::new(),
            key_hooks: OnceLock::new(),
            keys_by_type: Mutex::default(),
            hooks_given: OnceLock::new(),
            repeating: OnceLock::new(),
            last_outermost: Mutex::default(),
            development: OnceLock::new(),
            after_failures: Mutex::default(),
        }
    }

    fn reader(&self) -> Reader<'m, 'm> {
        Reader { program: self.program, models: self.models, resolution: self.resolution }
    }

    /// The value of an attribute of an operation.
    pub fn attribute(&self, op: &Operation, attr: Attr) -> Found {
        self.reader().attribute(op, attr)
    }

    /// What the call `site` passes for the parameter `var`, at `path` within it.
    pub fn passed_within(&self, site: SiteId, var: VarId, path: &[String]) -> Found {
        self.reader().passed_within(site, var, path)
    }

    /// Whether a queue of no capacity lets each send wait for its receiver.
    pub fn is_rendezvous(&self, op: &Operation) -> bool {
        self.models.op(op.family, op.model).rendezvous
    }

    /// Whether the model of an operation says where an attribute would stand.
    pub fn declares(&self, op: &Operation, attr: Attr) -> bool {
        self.reader().model(op).attribute(attr).is_some()
    }

    /// Whether the time after which an operation ends goes along with it, in a value that it is given.
    pub fn goes_by_carrier(&self, op: &Operation) -> bool {
        let sources = self.reader().model(op).attribute(Attr::Timeout);
        sources.into_iter().flatten().any(|source| matches!(source, Source::Deadline(_)))
    }

    /// Whether `var` is a function of the project: a closure, or one by its name.
    pub fn is_function(&self, var: VarId) -> bool {
        self.reader().is_function(var)
    }

    /// The functions of the project that `var` may be.
    pub fn functions_given(&self, var: VarId) -> Vec<FunctionId> {
        callbacks::functions_of(self.reader(), var)
    }

    /// The arguments of a call and of the calls that built its receiver, in the order written.
    pub fn chain_arguments(&self, site: SiteId) -> Vec<VarId> {
        self.reader().chain_arguments(site)
    }

    /// The call that a value is made by.
    pub fn made_by(&self, var: VarId) -> Option<SiteId> {
        self.reader().maker(var).map(|call| call.site)
    }

    /// Whether a value goes along with calls for their deadline.
    pub fn is_carrier(&self, var: VarId) -> bool {
        self.reader().is_carrier(var)
    }

    /// Whether a carrier ends when the call has been answered that its function was given it for.
    pub fn ends_with_call(&self, carrier: VarId) -> bool {
        self.reader().ends_with_call(carrier, 0)
    }

    /// Whether a value is returned, yielded, stored, or part of another value.
    pub fn is_kept(&self, var: VarId) -> bool {
        self.flow.is_kept(var)
    }

    /// The class of the project that a value is an instance of.
    pub fn class_of(&self, var: VarId) -> Option<ClassId> {
        self.reader().class_of(var)
    }

    /// Whether an operation holds for what is entered with what it gives, and nothing here enters it: it only makes the object.
    pub fn is_never_entered(&self, op: &Operation) -> bool {
        let scopes = &self.reader().model(op).scopes;
        let entered = || self.scopes.all.iter().filter_map(|scope| scope.origin).collect();
        !scopes.is_empty()
            && scopes.iter().all(|scope| matches!(scope, ScopeKind::With))
            && !self.entered.get_or_init(entered).contains(&op.site)
    }

    /// Whether the class of what is written at `site` counts its versions, which its mapper compares then.
    pub fn is_versioned(&self, site: SiteId) -> bool {
        self.operations.at(site).any(|op| own_effects::is_versioned(self.reader(), op))
    }

    /// Whether the mapper of an entity compares the version of each row that it writes.
    pub fn counts_versions(&self, entity: Name) -> bool {
        let reader = self.reader();
        let versioned = self.versioned.get_or_init(|| {
            let classes = self.program.facts.relations.class.iter().map(|row| row.class);
            let classes = classes.filter(|class| own_effects::counts_versions(reader, *class));
            classes.map(|class| reader.entity_text(class)).collect()
        });
        versioned.contains(self.names.text(entity))
    }

    /// Likewise, of the class that an object is of, or that a library gave it for; of several the one that is mapped to `entity`.
    pub fn is_of_versioned(&self, object: VarId, entity: Option<Name>) -> bool {
        let reader = self.reader();
        let given_for = self.resolution.values_of(object).filter_map(|value| value.class);
        let mut classes: Vec<ClassId> = reader.classes_of(object).into_iter().chain(given_for).collect();
        let is_its =
            |class: &ClassId| entity.is_some_and(|entity| reader.entity_text(*class) == self.names.text(entity));
        if classes.iter().any(is_its) {
            classes.retain(is_its);
        }
        classes.into_iter().any(|class| own_effects::counts_versions(reader, class))
    }

    /// Whether an object is a row of a table, as far as its classes say.
    pub fn is_mapped(&self, object: VarId) -> bool {
        let classes = self.reader().classes_of(object);
        classes.into_iter().any(|class| self.reader().is_mapped(class))
    }

    /// Whether rows of a mapped class have a column of this name.
    pub fn is_mapped_field(&self, field: Sym) -> bool {
        self.program.fields_named(field).any(|row| self.reader().is_mapped(row.class))
    }

    /// The constant text that `var` surely is.
    pub fn constant(&self, var: VarId) -> Option<&'m str> {
        Reader { program: self.program, models: self.models, resolution: self.resolution }.constant(var)
    }

    pub fn name(&self, name: Name) -> &str {
        self.names.text(name)
    }

    /// The text of a term, if it is constant.
    pub fn text(&self, term: Term) -> Option<&str> {
        match term {
            Term::Text(name) => Some(self.names.text(name)),
            Term::Filled(_, name, _) => Some(self.names.text(name)).filter(|text| !text.replace("{}", "").is_empty()),
            Term::Function(function) => Some(self.program.text(self.program.function(function).name)),
            _ => None,
        }
    }

    /// Where a function is called from.
    pub fn callers(&self, function: FunctionId) -> &[SiteId] {
        self.callers.get(&function).map_or(&[], Vec::as_slice)
    }

    pub fn precedes(&self, a: SiteId, b: SiteId) -> bool {
        self.order.precedes(self.program, a, b)
    }

    /// Whether a loop goes on as long as the program does.
    pub fn never_ends(&self, turn: RegionId) -> bool {
        self.order.never_ends(self.program, turn)
    }

    /// The sites that a scope covers; of a retry scope, those that may be repeated.
    pub fn sites(&self, scope: &Scope) -> Vec<SiteId> {
        if scope.passed_on && matches!(scope.kind, OpKind::TxScope | OpKind::ConnectionAcquire) {
            return Vec::new();
        }
        let mut sites = scopes::sites(self.program, &self.order, &self.effects, scope);
        if scope.kind == OpKind::RetryScope {
            causes::Causes::new(self.reader(), &self.operations, &self.effects, &self.order, &self.names)
                .keep_repeated(scope, &mut sites);
        }
        sites
    }

    /// What ends an open scope in its function, after it has begun.
    pub fn closers(&self, scope: &Scope) -> Vec<SiteId> {
        let Extent::Open(from) = scope.extent else { return Vec::new() };
        let in_function = self.effects.in_function(scope.function);
        let by_effect = in_function.filter(|(effect, _)| scope.is_closed_by(effect.kind));
        let mut closers: Vec<SiteId> =
            by_effect.map(|(_, row)| row.site).chain(scope.closers.iter().copied()).collect();
        closers.retain(|site| self.precedes(from, *site));
        closers.sort_unstable();
        closers.dedup();
        closers
    }

    /// Whether there is a way from `a` to `b` that passes none of `between`.
    pub fn avoids(&self, a: SiteId, between: &[SiteId], b: SiteId) -> bool {
        self.order.avoids(self.program, a, between, b)
    }

    /// Whether what fails at a site leaves its function without a word in the code: an exception.
    pub fn throws_silently(&self, site: SiteId) -> bool {
        !self.reader().family(site).gives_outcomes()
    }

    /// Whether a scope comes from the configuration of a client, which holds for all calls on it.
    pub fn is_of_client(&self, scope: &Scope) -> bool {
        self.operation(scope).is_some_and(|op| self.models.op(op.family, op.model).scopes.contains(&ScopeKind::Client))
    }

    /// Whether the client itself does what a scope says, be it configured for all calls or asked for with one.
    pub fn is_done_by_client(&self, scope: &Scope) -> bool {
        let is_own = |kind: &ScopeKind| matches!(kind, ScopeKind::Client | ScopeKind::Call);
        self.operation(scope).is_some_and(|op| self.models.op(op.family, op.model).scopes.iter().any(is_own))
    }

    /// Whether a scope goes along with the calls it is for, as an argument of theirs.
    pub fn travels(&self, scope: &Scope) -> bool {
        self.operation(scope).is_some_and(|op| self.is_passed_on(op))
    }

    /// The number of the library whose model says what an operation does.
    pub fn library_of(&self, op: &Operation) -> u32 {
        self.reader().model(op).library
    }

    /// Whether what an operation makes goes along with calls that are given it.
    pub fn is_passed_on(&self, op: &Operation) -> bool {
        self.models.op(op.family, op.model).scopes.contains(&ScopeKind::Passed)
    }

    /// The role of the connection that a scope is opened on, as its names say.
    pub fn role_of(&self, scope: &Scope) -> HandleRole {
        let Some(op) = self.operation(scope) else { return HandleRole::Unknown };
        match self.attribute(op, Attr::Role) {
            Found::Is(Operand::Var(var)) => self.reader().role_named(var),
            Found::Is(Operand::Text(text)) => role_of_name(&text, false),
            _ => op.via.role,
        }
    }

    /// The operation that makes a scope.
    pub fn operation(&self, scope: &Scope) -> Option<&Operation> {
        scope.op.map(|number| &self.operations.all[number as usize])
    }

    /// Whether a function is the code of tests, examples or generated files.
    pub fn is_out_of_scope(&self, function: FunctionId) -> bool {
        self.program.is_out_of_scope(function)
    }

    /// Rows by derived relation, for figures.
    pub fn counts(&self) -> Vec<(&'static str, usize)> {
        vec![
            ("propagated", self.resolution.steps),
            ("calls", self.resolution.calls.len()),
            ("external", self.resolution.external.len()),
            ("passed", self.resolution.passed.len()),
            ("operation", self.operations.all.len()),
            ("invoked", self.invocations.all.len()),
            ("site_effect", self.effects.rows().len()),
            ("scope", self.scopes.all.len()),
        ]
    }
}

/// What another process or machine sees.
fn does_outside(kind: OpKind) -> bool {
    matches!(
        kind,
        OpKind::HttpRequest
            | OpKind::Rpc
            | OpKind::DbWrite
            | OpKind::Publish
            | OpKind::Enqueue
            | OpKind::Payment
            | OpKind::Notify
            | OpKind::ObjectWrite
    )
}

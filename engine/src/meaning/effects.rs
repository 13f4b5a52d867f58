//! Effects: what a function may do to the world outside, through all that it calls.
//!
//! Summaries, not instances: a function has a set of effects, each a kind with what matters of it, in terms of its own
//! parameters; a caller's effects are its callees' with its arguments put in.

use distsys_facts::{CallKind, FunctionId, Id, IdKind, SiteId};
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use rustc_hash::FxHashMap;

use super::built_statements;
use super::consensus::Alternatives;
use super::gates::{Gate, Gates, Given, asked_by, given, is_captured};
use super::invoked::{Invocations, Mode};
use super::operations::Operations;
use super::own_effects::{effects_of, joined_in_text, lower_case, of_sql_text};
use super::terms::{Describer, Name, Role, Term};
use super::tracked::Tracked;
use crate::csr::Csr;
use crate::operation::OpKind;
use crate::resolve::Confidence;
use crate::words::words;

/// What a function may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Effect {
    pub kind: OpKind,
    /// HTTP method in lower case, or insert, update, upsert, delete, increment.
    pub verb: Term,
    /// Table, topic, job, or for requests the URL.
    pub entity: Term,
    pub role: Role,
    /// Idempotency key, lock key, cache key: by kind.
    pub key: Term,
    pub flags: EffectFlags,
}

/// Marks of an effect, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct EffectFlags(u16);

impl EffectFlags {
    /// A version, token or precondition decides whether the write happens.
    pub const CONDITIONAL: EffectFlags = EffectFlags(1);
    /// In a task of its own.
    pub const BACKGROUND: EffectFlags = EffectFlags(2);
    /// Once the transaction has committed.
    pub const AFTER_COMMIT: EffectFlags = EffectFlags(4);
    /// The database itself locks the row (`FOR UPDATE`).
    pub const ROW_LOCK: EffectFlags = EffectFlags(8);
    /// Inside the transaction of the data it belongs to (an outbox, a transactional queue).
    pub const TRANSACTIONAL: EffectFlags = EffectFlags(16);
    /// In a retry scope: it may happen again because it seemed to fail.
    pub const RETRIED: EffectFlags = EffectFlags(32);
    /// In a scope that bounds how long it takes.
    pub const TIMED: EffectFlags = EffectFlags(64);
    /// The later of two wall-clock times decides whether the write happens.
    pub const BY_CLOCK: EffectFlags = EffectFlags(128);
    /// A message that only those get who listen while it is sent.
    pub const LOSSY: EffectFlags = EffectFlags(256);
    /// What is asked is computed and answered: done twice it is as if it were done once.
    pub const COMPUTED: EffectFlags = EffectFlags(512);

    pub(super) fn without(self, other: EffectFlags) -> EffectFlags {
        EffectFlags(self.0 & !other.0)
    }

    pub fn has(self, other: EffectFlags) -> bool {
        self.0 & other.0 != 0
    }
}

impl std::ops::BitOr for EffectFlags {
    type Output = EffectFlags;
    fn bitor(self, other: EffectFlags) -> EffectFlags {
        EffectFlags(self.0 | other.0)
    }
}

impl std::fmt::Debug for EffectFlags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#b}", self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EffectId(u32);

/// `site`, directly or through what it calls, may do `effect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SiteEffect {
    pub site: SiteId,
    pub effect: EffectId,
    pub confidence: Confidence,
}

/// The effects of every function and of the sites they come from.
#[derive(Debug, Default)]
pub struct Effects {
    table: Vec<Effect>,
    ids: FxHashMap<Effect, EffectId>,
    /// By function, then by site.
    rows: Vec<SiteEffect>,
    by_site: Csr,
    by_function: Csr,
    summaries: Vec<Summary>,
}

/// What a function may do.
#[derive(Clone, Debug, Default)]
struct Summary {
    all: Vec<(EffectId, Confidence)>,
    /// What a template method does through the many classes that fill it in: it is known of the method and of those of its
    /// class that call it. Whoever calls it on one object does not do what all of the others would.
    of_siblings: Vec<(EffectId, Confidence)>,
    /// Effects that are not done without a parameter, or an entry of one.
    gated: Vec<(EffectId, Gate)>,
}

/// A function that does more different things than this is a whole program; the rest is left out.
pub(super) const MAX_EFFECTS: usize = 192;
const MAX_ROUNDS: usize = 4;

/// What is asked before an operation of a kind is done at a site.
type AskedAt = FxHashMap<(SiteId, OpKind), Vec<Gate>>;

impl Effects {
    /// `marks` are put on what happens at the sites in scopes; scopes need effects themselves to know their ends, so
    /// this is done twice, first without.
    pub(super) fn new(
        describer: &mut Describer<'_, '_>,
        operations: &Operations,
        invocations: &Invocations,
        marks: &FxHashMap<SiteId, EffectFlags>,
    ) -> Self {
        let program = describer.reader.program;
        let functions = program.facts.count(IdKind::Function);
        let mut effects = Effects { summaries: vec![Summary::default(); functions], ..Effects::default() };
        let own = effects.own(describer, operations, invocations);
        let asked = asked_of_callers(describer, operations);
        let callees = callees(describer, invocations);
        let gates = Gates::new(describer.reader);
        let mut graph: DiGraph<(), (), u32> = DiGraph::with_capacity(functions, callees.iter().map(Vec::len).sum());
        for _ in 0..functions {
            graph.add_node(());
        }
        for (caller, edges) in callees.iter().enumerate() {
            for edge in edges {
                graph.add_edge(NodeIndex::new(caller), NodeIndex::new(edge.callee.index()), ());
            }
        }
        let own_of = |function: FunctionId| {
            let start = own.partition_point(|row| row.0 < function);
            let end = own.partition_point(|row| row.0 <= function);
            &own[start..end]
        };
        for component in kosaraju_scc(&graph) {
            let mut members: Vec<FunctionId> = component.iter().map(|node| FunctionId::new(node.index())).collect();
            members.sort_unstable();
            let rounds =
                if members.len() > 1 || callees[members[0].index()].iter().any(|edge| edge.callee == members[0]) {
                    MAX_ROUNDS
                } else {
                    1
                };
            let mut last: Vec<Vec<SiteEffect>> = Vec::new();
            for _ in 0..rounds {
                let mut changed = false;
                last.clear();
                for &function in &members {
                    let own = own_of(function);
                    let rows =
                        effects.of_function(describer, operations, (own, &asked), &callees[function.index()], marks);
                    let known = &mut effects.summaries[function.index()];
                    let places = rows.known.iter().chain(&rows.of_siblings).map(|row| (row.site, row.effect));
                    let summary = Summary {
                        all: summarise(&rows.known),
                        of_siblings: summarise(&rows.of_siblings),
                        gated: gates.of(describer.reader, places, &rows.gates),
                    };
                    changed |=
                        (summary.all.len(), summary.of_siblings.len()) != (known.all.len(), known.of_siblings.len());
                    *known = summary;
                    last.push(rows.together());
                }
                if !changed {
                    break;
                }
            }
            effects.rows.extend(last.into_iter().flatten());
        }
        effects.rows.sort_unstable();
        effects.by_site = Csr::by(program.facts.count(IdKind::Site), &effects.rows, |row| Some(row.site));
        effects.by_function = Csr::by(functions, &effects.rows, |row| Some(program.site(row.site).function));
        effects
    }

    pub fn get(&self, id: EffectId) -> Effect {
        self.table[id.0 as usize]
    }

    /// What happens at a site, its callees included.
    pub fn at(&self, site: SiteId) -> impl Iterator<Item = (Effect, SiteEffect)> + '_ {
        self.by_site.of(&self.rows, site).map(|row| (self.get(row.effect), *row))
    }

    /// What happens in a function, by site.
    pub fn in_function(&self, function: FunctionId) -> impl Iterator<Item = (Effect, SiteEffect)> + '_ {
        self.by_function.of(&self.rows, function).map(|row| (self.get(row.effect), *row))
    }

    /// What a function may do.
    pub fn of(&self, function: FunctionId) -> impl Iterator<Item = (Effect, Confidence)> + '_ {
        let summary = &self.summaries[function.index()];
        summary.all.iter().chain(&summary.of_siblings).map(|(id, confidence)| (self.get(*id), *confidence))
    }

    pub fn rows(&self) -> &[SiteEffect] {
        &self.rows
    }

    fn marked(&mut self, id: EffectId, marks: Option<&EffectFlags>) -> EffectId {
        match marks {
            Some(&marks) => {
                let effect = self.get(id);
                self.intern(Effect { flags: effect.flags | marks, ..effect })
            }
            None => id,
        }
    }

    fn intern(&mut self, effect: Effect) -> EffectId {
        *self.ids.entry(effect).or_insert_with(|| {
            self.table.push(effect);
            EffectId(self.table.len() as u32 - 1)
        })
    }

    /// The effects of operations, by the function that they are in.
    fn own(
        &mut self,
        describer: &mut Describer<'_, '_>,
        operations: &Operations,
        invocations: &Invocations,
    ) -> Vec<(FunctionId, SiteEffect)> {
        let (mut own, mut found) = (Vec::new(), Vec::new());
        let mut tracked = Tracked::default();
        for op in &operations.all {
            // What stands on a method without a body is done by who calls it; on one with a body it says what is run, but for
            // a cache of what the method gives: that is asked, filled or emptied with each call.
            if !is_of_copy(op.kind) && operations.decorated(op.site).is_some_and(|function| function != op.function) {
                continue;
            }
            let effects = effects_of(describer, operations, op);
            tracked.note(describer.reader, op, &effects);
            found.extend(effects.into_iter().map(|effect| (op, effect)));
        }
        let update = Term::Text(describer.names.intern("update"));
        for (op, mut effect) in found {
            if tracked.is_of_read(describer.reader, op) {
                effect.verb = update;
            }
            let effect = self.intern(effect);
            let function = operations.decorated(op.site).unwrap_or(op.function);
            own.push((function, SiteEffect { site: op.site, effect, confidence: op.confidence }));
        }
        for (site, effect) in tracked.writes(describer, operations, invocations) {
            let effect = self.intern(effect);
            let function = describer.reader.program.site(site).function;
            own.push((function, SiteEffect { site, effect, confidence: Confidence::High }));
        }
        own.sort_unstable();
        own.dedup();
        own
    }

    fn of_function(
        &mut self,
        describer: &mut Describer<'_, '_>,
        operations: &Operations,
        (own, asked): (&[(FunctionId, SiteEffect)], &AskedAt),
        edges: &[Edge],
        marks: &FxHashMap<SiteId, EffectFlags>,
    ) -> Rows {
        let mut rows =
            Rows { known: Vec::with_capacity(own.len()), of_siblings: Vec::new(), gates: FxHashMap::default() };
        for (_, row) in own {
            let effect = self.marked(row.effect, marks.get(&row.site));
            if let Some(gates) = asked.get(&(row.site, self.get(effect).kind)) {
                rows.gates.insert((row.site, effect), gates.clone());
            }
            rows.known.push(SiteEffect { effect, ..*row });
        }
        let mut alternatives = Alternatives::default();
        for edge in edges {
            if edge.mode == Mode::Registered {
                continue;
            }
            if edge.of_many {
                let done = self.summaries[edge.callee.index()].all.clone();
                let sure = done.into_iter().filter(|(_, confidence)| *confidence >= Confidence::Medium);
                // Of one among many no argument of the call is known to be its parameter.
                let call = edge.direct.then_some(edge.site);
                let effects: Vec<Effect> =
                    sure.map(|(id, _)| at_call(describer, operations, self.get(id), edge, call)).collect();
                match is_stand_in(describer, edge.callee, &effects) {
                    true => alternatives.add_stand_in(edge.site),
                    false => alternatives.add(edge.site, edge.callee, effects),
                }
                continue;
            }
            let Summary { all, of_siblings, gated } = self.summaries[edge.callee.index()].clone();
            let call = edge.direct.then_some(edge.site);
            let at_edge = |gate: Gate| match call {
                Some(site) => Some(given(describer.reader, site, gate)),
                None => is_captured(describer.reader, edge.site, gate).then_some(Given::Own(gate)),
            };
            let given: FxHashMap<Gate, Given> =
                gated.iter().filter_map(|(_, gate)| Some((*gate, at_edge(*gate)?))).collect();
            let of_siblings = of_siblings.into_iter().filter(|_| edge.of_own_class).map(|row| (row, true));
            for ((id, confidence), of_siblings) in all.into_iter().map(|row| (row, edge.of_siblings)).chain(of_siblings)
            {
                let gates = gated.iter().filter(|(effect, _)| *effect == id).filter_map(|(_, gate)| given.get(gate));
                let mut handed = Vec::new();
                let mut nothing = false;
                for gate in gates {
                    match gate {
                        Given::Nothing => nothing = true,
                        Given::Own(own) => handed.push(*own),
                        Given::Other => {}
                    }
                }
                if nothing {
                    continue;
                }
                let effect = self.get(id);
                if edge.wrapper.is_some() && !is_of_copy(effect.kind) {
                    continue;
                }
                for seen in at_call_each(describer, operations, effect, edge, call) {
                    // The request of another caller.
                    if seen.entity == Term::Absent && describer.is_said_before(effect.entity) {
                        continue;
                    }
                    let effect = self.intern(seen);
                    let effect = self.marked(effect, marks.get(&edge.site));
                    // Another way to it at the same site may ask for nothing.
                    let place = (edge.site, effect);
                    let known =
                        || rows.known.iter().chain(&rows.of_siblings).any(|row| (row.site, row.effect) == place);
                    match rows.gates.get_mut(&place) {
                        Some(gates) => gates.retain(|gate| handed.contains(gate)),
                        None if !handed.is_empty() && !known() => drop(rows.gates.insert(place, handed.clone())),
                        None => {}
                    }
                    let row = SiteEffect { site: edge.site, effect, confidence: confidence.min(edge.confidence) };
                    if of_siblings { rows.of_siblings.push(row) } else { rows.known.push(row) }
                }
            }
        }
        for (site, effect) in alternatives.agreed() {
            let effect = self.intern(effect);
            let effect = self.marked(effect, marks.get(&site));
            rows.known.push(SiteEffect { site, effect, confidence: Confidence::Medium });
        }
        rows
    }
}

/// What operations ask of the callers of their functions, by their place and kind.
fn asked_of_callers(describer: &Describer<'_, '_>, operations: &Operations) -> FxHashMap<(SiteId, OpKind), Vec<Gate>> {
    let asked = operations.all.iter().map(|op| ((op.site, op.kind), asked_by(describer.reader, op)));
    asked.filter(|(_, gates)| !gates.is_empty()).collect()
}

/// The effects of a function's sites.
struct Rows {
    known: Vec<SiteEffect>,
    /// Those that only the class of the function knows of.
    of_siblings: Vec<SiteEffect>,
    /// The gates of the function's own that calls hand on to what asks for them.
    gates: FxHashMap<(SiteId, EffectId), Vec<Gate>>,
}

impl Rows {
    fn together(self) -> Vec<SiteEffect> {
        let mut rows = self.known;
        rows.extend(self.of_siblings);
        rows.sort_unstable_by_key(|row| (row.site, row.effect, std::cmp::Reverse(row.confidence)));
        rows.dedup_by_key(|row| (row.site, row.effect));
        rows
    }
}

/// A way from a function to one that it runs.
#[derive(Clone, Copy, Debug)]
struct Edge {
    site: SiteId,
    callee: FunctionId,
    mode: Mode,
    confidence: Confidence,
    /// The arguments of the call are those of the callee.
    direct: bool,
    /// One of the many that fill in a template method.
    of_siblings: bool,
    /// From a method to one of the same class.
    of_own_class: bool,
    /// To one of the many implementations of what is called: what they have in common is done.
    of_many: bool,
    /// From a function to what this wrapper of the project puts around it: of what the wrapper does, the function's callers
    /// see what becomes of the function's value.
    wrapper: Option<FunctionId>,
}

/// Whoever calls one of so few may well do what any of them does.
const FEW_TARGETS: usize = 4;

fn callees(describer: &Describer<'_, '_>, invocations: &Invocations) -> Vec<Vec<Edge>> {
    let reader = describer.reader;
    let program = reader.program;
    let mut callees: Vec<Vec<Edge>> = vec![Vec::new(); program.facts.count(IdKind::Function)];
    let is_annotation = |site: SiteId| program.call(site).is_some_and(|row| row.kind == CallKind::Annotation);
    let mode = |site: SiteId| if invocations.is_background(site) { Mode::Background } else { Mode::Inline };
    for call in &reader.resolution.calls {
        if invocations.is_through_parameter(call.site) || is_annotation(call.site) {
            continue;
        }
        let caller = program.site(call.site).function;
        callees[caller.index()].push(Edge {
            site: call.site,
            callee: call.function,
            mode: mode(call.site),
            confidence: call.confidence,
            direct: true,
            of_siblings: reader.resolution.calls_at(call.site).len() > FEW_TARGETS,
            of_own_class: program
                .class_around(caller)
                .is_some_and(|class| program.function(call.function).class == Some(class)),
            of_many: false,
            wrapper: None,
        });
    }
    for &(site, function) in &reader.resolution.alternatives {
        if is_annotation(site) {
            continue;
        }
        callees[program.site(site).function.index()].push(Edge {
            site,
            callee: function,
            mode: mode(site),
            confidence: Confidence::Medium,
            direct: reader.resolution.calls_at(site).iter().any(|edge| edge.function == function),
            of_siblings: false,
            of_own_class: false,
            of_many: true,
            wrapper: None,
        });
    }
    for row in &invocations.all {
        if row.mode != Mode::Registered {
            let caller = program.site(row.site).function;
            let edge = Edge {
                site: row.site,
                callee: row.function,
                mode: row.mode,
                confidence: Confidence::High,
                direct: false,
                of_siblings: false,
                of_own_class: true,
                of_many: false,
                wrapper: None,
            };
            callees[caller.index()].push(edge);
        }
    }
    for row in invocations.wrapped() {
        callees[row.function.index()].push(Edge {
            site: row.site,
            callee: row.around,
            mode: Mode::Inline,
            confidence: Confidence::High,
            direct: true,
            of_siblings: false,
            of_own_class: false,
            of_many: false,
            wrapper: Some(row.wrapper),
        });
    }
    callees
}

/// Whether a method is of what is put in the place of the real thing, as its class or package says; what is there for one machine
/// by itself is, unless it does anything outside.
fn is_stand_in(describer: &Describer<'_, '_>, function: FunctionId, effects: &[Effect]) -> bool {
    const DOES_NOTHING: &[&str] =
        &["discard", "disabled", "dummy", "fake", "mock", "nil", "none", "noop", "nop", "null", "stub", "void"];
    const BY_ITSELF: &[&str] = &["inmem", "inmemory", "local", "log", "logging", "mem", "memory"];
    let program = describer.reader.program;
    let Some(class) = program.function(function).class else { return false };
    let is_local = effects.iter().all(|effect| !effect.kind.leaves_the_process());
    let says = |name: &str| {
        words(name)
            .iter()
            .map(String::as_str)
            .any(|word| DOES_NOTHING.contains(&word) || is_local && BY_ITSELF.contains(&word))
    };
    let package = program.path(program.file_of_function(function)).rsplit('/').nth(1);
    says(program.text(program.class(class).qualified)) || package.is_some_and(says)
}

/// Whether an effect keeps, asks or drops a copy of what a function gives.
fn is_of_copy(kind: OpKind) -> bool {
    matches!(kind, OpKind::CacheRead | OpKind::CacheWrite | OpKind::CacheDelete)
}

fn at_call(
    describer: &mut Describer<'_, '_>,
    operations: &Operations,
    effect: Effect,
    edge: &Edge,
    call: Option<SiteId>,
) -> Effect {
    // What is given to the wrapper, the function within it knows.
    let callee = edge.wrapper.unwrap_or(edge.callee);
    let entity = match effect.kind {
        OpKind::DbRead if effect.entity == Term::Unknown => {
            describer.entity_given_back(callee, call).unwrap_or(Term::Unknown)
        }
        OpKind::DbRead | OpKind::DbWrite => describer.entity_at_call(effect.entity, callee, call),
        OpKind::Sql => statement_at_call(describer, effect.entity, callee, call),
        _ => describer.at_call(effect.entity, callee, call),
    };
    let changed = entity != effect.entity;
    let before = effect;
    let mut effect = Effect {
        verb: describer.at_call(effect.verb, callee, call),
        role: describer.role_at_call(effect.role, callee, call),
        key: describer.at_call(effect.key, callee, call),
        entity,
        ..effect
    };
    if effect.kind == OpKind::HttpRequest {
        effect.verb = lower_case(describer, effect.verb);
    }
    // Nothing given as a key is none.
    if matches!(effect.kind, OpKind::HttpRequest | OpKind::Payment | OpKind::Rpc)
        && matches!(effect.key, Term::Text(name) if describer.names.text(name).is_empty())
    {
        effect.key = Term::Absent;
    }
    if changed {
        effect = match effect.kind {
            OpKind::Sql => match built_statements::at_call(describer, operations, before, callee, call) {
                Some(built) => Effect { role: effect.role, ..built },
                None => of_sql_text(describer, effect),
            },
            OpKind::DbRead | OpKind::DbWrite => Effect { entity: describer.as_entity(effect.entity), ..effect },
            _ => effect,
        };
    }
    effect = built_statements::locked_at_call(describer, before.key, effect);
    match edge.mode {
        Mode::Background => effect.flags = effect.flags | EffectFlags::BACKGROUND,
        Mode::AfterCommit => effect.flags = effect.flags | EffectFlags::AFTER_COMMIT,
        Mode::Inline | Mode::Registered => {}
    }
    effect
}

/// An effect as it is at a call: on a copy it is several where the call gives several keys, and so is a statement that reads
/// several tables.
fn at_call_each(
    describer: &mut Describer<'_, '_>,
    operations: &Operations,
    effect: Effect,
    edge: &Edge,
    call: Option<SiteId>,
) -> Vec<Effect> {
    let seen = at_call(describer, operations, effect, edge, call);
    if effect.kind == OpKind::Sql && seen.kind == OpKind::DbRead {
        let text = statement_at_call(describer, effect.entity, edge.wrapper.unwrap_or(edge.callee), call);
        let others = joined_in_text(describer, text, seen);
        return std::iter::once(seen).chain(others).collect();
    }
    if !matches!(effect.kind, OpKind::CacheWrite | OpKind::CacheDelete) || edge.wrapper.is_some() {
        return vec![seen];
    }
    let keys = describer.keys_at_call(effect.key, edge.callee, call, edge.site);
    keys.into_iter().map(|key| Effect { key, ..seen }).collect()
}

/// A statement as the caller gives it: where a library takes an object that holds the text, it takes the text alone, too.
fn statement_at_call(
    describer: &mut Describer<'_, '_>,
    statement: Term,
    callee: FunctionId,
    call: Option<SiteId>,
) -> Term {
    match (statement, describer.at_call(statement, callee, call)) {
        (Term::Within(parameter, _), Term::Absent | Term::Unknown) => {
            describer.at_call(Term::Parameter(parameter), callee, call)
        }
        (_, given) => given,
    }
}

fn summarise(rows: &[SiteEffect]) -> Vec<(EffectId, Confidence)> {
    let mut summary: Vec<(EffectId, Confidence)> = rows.iter().map(|row| (row.effect, row.confidence)).collect();
    summary.sort_unstable_by_key(|(effect, confidence)| (*effect, std::cmp::Reverse(*confidence)));
    summary.dedup_by_key(|(effect, _)| *effect);
    summary.truncate(MAX_EFFECTS);
    summary
}

/// Text of a term's name, for messages and comparisons.
impl Effect {
    pub fn entity_name(&self) -> Option<Name> {
        self.entity.pattern()
    }
}

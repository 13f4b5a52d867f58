//! What a client does to each request before it sends it, where that gives the request its idempotency key: interceptors, hooks,
//! filters, transports around transports.
//!
//! No library is known here: a function is a hook where it sets a header so called, and where it is handed to the client, as it
//! is made or by a call on it.

use std::sync::PoisonError;

use distsys_facts::{CallKind, ClassId, FunctionId, LiteralKind, ParameterKind, SiteId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Meaning;
use super::operations::Operation;
use crate::operation::OpKind;
use crate::resolve::ValueKind;

/// Layers within layers, and lists of them, are looked into so deep.
const MAX_DEPTH: u32 = 8;

/// A client that is made with more than this is made with something else.
const MAX_LAYERS: usize = 32;

/// So many values are looked into for what one call is given: expressions fan out.
const MAX_LOOKED_INTO: usize = 128;

/// From `client.interceptors.request` up to the client.
const MAX_MEMBERS: usize = 4;

/// A function that gives each request that it is handed an idempotency key.
#[derive(Clone, Copy, Debug)]
pub struct KeyHook {
    pub function: FunctionId,
    /// The call that makes the key, if it makes another one each time.
    pub made: Option<SiteId>,
    /// It asks first whether there is a key.
    pub looks_first: bool,
}

/// All hooks of a tree, and what they are parts of.
#[derive(Debug)]
pub(super) struct KeyHooks {
    all: Vec<KeyHook>,
    parts: Parts,
}

/// What some functions are parts of, each with the number of the first of them.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// The functions themselves and those around them.
    by_function: FxHashMap<FunctionId, usize>,
    by_class: FxHashMap<ClassId, usize>,
}

/// How a client gives the requests that go through it their keys.
#[derive(Clone, Copy, Debug)]
pub struct ClientKey {
    pub hook: KeyHook,
    /// Where the hook is handed to the client.
    pub given_at: SiteId,
    /// A layer of the project's around the hook that sends each request several times, which comes to the hook each time.
    pub repeated_by: Option<FunctionId>,
}

/// What a client is made with, from the outside to the inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Function(FunctionId),
    Class(ClassId),
}

/// Whether a header or an option of this name is an idempotency key; the id of a request for traces is none.
fn names_key(text: &str) -> bool {
    const MAX_LENGTH: usize = 40;
    if text.len() > MAX_LENGTH || text.contains(char::is_whitespace) {
        return false;
    }
    let letters: String = text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    letters.contains("idempot") || letters.contains("dedup") || letters == "paypalrequestid"
}

impl Meaning<'_> {
    /// How the client that an operation goes through gives its requests a key, if it does.
    pub fn key_of_client(&self, op: &Operation) -> Option<ClientKey> {
        let hooks = self.key_hooks.get_or_init(|| {
            let all = self.all_key_hooks();
            KeyHooks { parts: self.parts(all.iter().map(|hook| hook.function)), all }
        });
        if hooks.all.is_empty() || self.is_keyed_by_call(op) {
            return None;
        }
        let call = self.program.call(op.call)?;
        let client = call.receiver.or(call.callee)?;
        let mut given: Vec<SiteId> = Vec::new();
        let (created, complete) = self.creators(client, |site| {
            given.push(site);
            false
        });
        let created: FxHashSet<SiteId> = created.into_iter().map(|(site, _)| site).collect();
        given.extend(created.iter());
        let later = self.hooks_given_later();
        given.extend(created.iter().flat_map(|made| later.get(made)).flatten());
        given.retain(|site| *site != op.site && *site != op.call);
        given.sort_unstable();
        given.dedup();
        let seen = self.key_given(hooks, &given).or_else(|| self.key_of_own_class(hooks, client, op.call));
        // One that is handed in is one of those that the project makes.
        seen.or_else(|| if complete { None } else { self.key_of_all_like(client) })
    }

    /// The key that the client's own class gives each request, in a method that it has in place of the library's:
    /// `def request(self, method, url, **options): options["headers"].setdefault("Idempotency-Key", uuid4().hex)`.
    fn key_of_own_class(&self, hooks: &KeyHooks, client: VarId, call: SiteId) -> Option<ClientKey> {
        let classes = self.reader().classes_of(client).into_iter();
        let mut derived = classes.filter(|class| {
            let mut line = self.resolution.ancestors(*class).iter().chain([class]);
            line.any(|class| !self.resolution.library_bases(*class).is_empty())
        });
        let class = derived.find(|class| self.first_within(&hooks.parts, Layer::Class(*class)).is_some())?;
        // It goes on with the library's method that it stands for: all requests come through it.
        let goes_on = |function: FunctionId| {
            let name = self.program.function(function).name;
            let mut calls = self.program.sites(function).filter_map(|row| self.program.call(row.site));
            calls.any(|call| call.name == name && self.resolution.calls_at(call.site).is_empty())
        };
        let mut within = hooks
            .all
            .iter()
            .filter(|hook| self.is_within(hook.function, Layer::Class(class)) && goes_on(hook.function));
        let given_at = self.made_at(client).0.first().copied().unwrap_or(call);
        within.next().map(|hook| ClientKey { hook: *hook, given_at, repeated_by: None })
    }

    /// The key that the first of the hooks gives that is among what these calls give to a client.
    fn key_given(&self, hooks: &KeyHooks, calls: &[SiteId]) -> Option<ClientKey> {
        let layers: Vec<(SiteId, Layer)> =
            calls.iter().flat_map(|site| self.layers_given(*site).into_iter().map(|layer| (*site, layer))).collect();
        let within = |layer: Layer| self.first_within(&hooks.parts, layer);
        let first = layers.iter().filter_map(|(_, layer)| within(*layer)).min()?;
        let at = layers.iter().position(|(_, layer)| self.is_within(hooks.all[first].function, *layer))?;
        let repeated_by = layers[..at].iter().find_map(|(_, layer)| self.repeats(*layer));
        Some(ClientKey { hook: hooks.all[first], given_at: layers[at].0, repeated_by })
    }

    /// The same for a client of which only the type is known, where all of that type are made with the hook.
    fn key_of_all_like(&self, client: VarId) -> Option<ClientKey> {
        let wanted: Vec<ValueKind> = self.library_types(client).collect();
        if wanted.is_empty() {
            return None;
        }
        let mut known = self.keys_by_type.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(wanted).or_insert_with_key(|wanted| self.key_of_types(wanted))
    }

    fn library_types(&self, var: VarId) -> impl Iterator<Item = ValueKind> + '_ {
        let types = self.resolution.values_of(var).map(|value| value.kind);
        types.filter(|kind| matches!(kind, ValueKind::External(_)))
    }

    fn key_of_types(&self, wanted: &[ValueKind]) -> Option<ClientKey> {
        let hooks = self.key_hooks.get()?;
        let is_like = |var: VarId| self.library_types(var).any(|kind| wanted.contains(&kind));
        let r = &self.program.facts.relations;
        let makes = r.call.iter().filter(|call| {
            let is_made = call.kind == CallKind::New || call.receiver.is_none_or(|from| !is_like(from));
            is_made && self.resolution.calls_at(call.site).is_empty() && is_like(call.result)
        });
        let mut found = None;
        for call in makes {
            let mut given = vec![call.site];
            self.creators(call.result, |site| {
                given.push(site);
                false
            });
            given.sort_unstable();
            given.dedup();
            found = Some(self.key_given(hooks, &given)?);
        }
        found
    }

    /// Whether the call itself gives a key, under whatever name the hook looks for one.
    fn is_keyed_by_call(&self, op: &Operation) -> bool {
        let r = &self.program.facts.relations;
        let given = self.program.arguments(op.call).flat_map(|row| self.made_from(row.var));
        let mut entries = given.flat_map(|var| self.program.entry_by_var.of(&r.entry, var));
        entries.any(|row| names_key(self.program.text(row.key)))
    }

    /// The functions that set such a header of something.
    fn all_key_hooks(&self) -> Vec<KeyHook> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut set: Vec<(FunctionId, VarId, bool)> = Vec::new();
        let mut looked: FxHashSet<FunctionId> = FxHashSet::default();
        let mut names: FxHashSet<VarId> = FxHashSet::default();
        let named =
            r.literal.iter().filter(|row| row.kind == LiteralKind::String && names_key(program.text(row.value)));
        for name in named.flat_map(|row| self.flows_to(row.var)) {
            for argument in program.argument_by_var.of(&r.argument, name) {
                let function = program.site(argument.site).function;
                let after = program.arguments(argument.site).skip_while(|row| row.var != name).nth(1);
                let call = program.call(argument.site).map(|call| program.text(call.name).to_ascii_lowercase());
                let unless_there = call.is_some_and(|name| name.contains("absent") || name.contains("default"));
                match after {
                    Some(value) => set.push((function, value.var, unless_there)),
                    None => drop(looked.insert(function)),
                }
            }
            names.insert(name);
        }
        // `if "Idempotency-Key" not in request.headers`
        let asked = r.binary.iter().map(|row| row.left).filter(|name| names.contains(name));
        looked.extend(asked.filter_map(|name| self.function_holding(name)));
        let stored = r.store.iter().filter(|row| names_key(program.text(row.field)));
        set.extend(stored.map(|row| (program.site(row.site).function, row.src, false)));
        let entries = r.entry.iter().filter(|row| names_key(program.text(row.key)));
        set.extend(entries.filter_map(|row| Some((self.function_holding(row.var)?, row.value, false))));
        let loads = r.load.iter().filter(|row| names_key(program.text(row.field)));
        looked.extend(loads.filter_map(|row| self.function_holding(row.base)));
        let is_handed = |function: &FunctionId| {
            let mut parameters = program.parameters(*function);
            parameters.any(|row| row.kind != ParameterKind::Receiver)
        };
        set.retain(|(function, ..)| is_handed(function));
        let mut hooks: Vec<KeyHook> = set
            .into_iter()
            .map(|(function, value, unless_there)| {
                let parts = self.made_from(value).into_iter().filter_map(|var| program.call_giving(var));
                let made = parts
                    .map(|call| call.site)
                    .filter(|site| self.makes_anew(*site, |kind| kind == OpKind::Fresh))
                    .min();
                KeyHook { function, made, looks_first: unless_there || looked.contains(&function) }
            })
            .collect();
        hooks.sort_unstable_by_key(|hook| (hook.function, hook.made));
        hooks.dedup_by_key(|hook| hook.function);
        hooks
    }

    /// Whether a call gives another value each time: a generator that is `wanted`, or a helper of the project that only asks one.
    pub fn makes_anew(&self, site: SiteId, wanted: impl Fn(OpKind) -> bool) -> bool {
        let program = self.program;
        let is_generator = |site: SiteId| self.operations.at(site).any(|op| wanted(op.kind));
        is_generator(site)
            || self.callees(site).into_iter().any(|callee| {
                let returned =
                    program.returns_by_function.of(&program.facts.relations.returns, callee).filter_map(|row| row.var);
                let made = returned.flat_map(|var| self.made_from(var)).filter_map(|var| program.call_giving(var));
                made.into_iter().any(|call| is_generator(call.site))
            })
    }

    /// The function that a value is held in, named or not.
    fn function_holding(&self, var: VarId) -> Option<FunctionId> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut at = var;
        for _ in 0..MAX_DEPTH {
            let named = program.variable(at).map(|row| row.function);
            let made = || program.call_giving(at).map(|call| program.site(call.site).function);
            let given =
                || program.argument_by_var.of(&r.argument, at).next().map(|row| program.site(row.site).function);
            if let Some(function) = named.or_else(made).or_else(given) {
                return Some(function);
            }
            let whole = program.entries_of(at).next().map(|row| row.var);
            let copy = || program.assign_by_src.of(&r.assign, at).next().map(|row| row.dst);
            at = program.loaded_as(at).map(|load| load.base).or(whole).or_else(copy)?;
        }
        None
    }

    /// Calls that hand a hook to a client that is there, by each call that made the client.
    fn hooks_given_later(&self) -> &FxHashMap<SiteId, Vec<SiteId>> {
        self.hooks_given.get_or_init(|| {
            let program = self.program;
            let mut found: FxHashMap<SiteId, Vec<SiteId>> = FxHashMap::default();
            let Some(hooks) = self.key_hooks.get() else { return found };
            let gives = |site: SiteId| {
                self.layers_given(site).into_iter().any(|layer| self.first_within(&hooks.parts, layer).is_some())
            };
            for call in &program.facts.relations.call {
                let Some(on) = call.receiver.filter(|_| gives(call.site)) else { continue };
                // `base.extend({ hooks })` gives another client; `client.interceptors.request.use(hook)` is told the client.
                let mut is_told = !self.reader().is_looked_at(call.result);
                let mut at = on;
                for _ in 0..MAX_MEMBERS {
                    if is_told {
                        for made in self.made_at(at).0 {
                            found.entry(made).or_default().push(call.site);
                        }
                    }
                    let held = program.loaded_as(at).map(|load| load.base);
                    let held = held.or_else(|| program.call_giving(at).and_then(|call| call.receiver));
                    is_told |= held.is_some();
                    match held.or_else(|| program.only_source(at)) {
                        Some(next) => at = next,
                        None => break,
                    }
                }
            }
            found
        })
    }

    /// What a call is given of functions and objects of the project, from the outside to the inside.
    fn layers_given(&self, site: SiteId) -> Vec<Layer> {
        let mut found = Vec::new();
        let mut left = MAX_LOOKED_INTO;
        for row in self.program.arguments(site) {
            self.add_layers(row.var, 0, &mut left, &mut found);
        }
        found
    }

    /// `left`: how many more values may be looked into.
    fn add_layers(&self, var: VarId, depth: u32, left: &mut usize, found: &mut Vec<Layer>) {
        if depth > MAX_DEPTH || found.len() > MAX_LAYERS || *left == 0 {
            return;
        }
        *left -= 1;
        let program = self.program;
        let r = &program.facts.relations;
        let at = program.held_at(var);
        if let Some(function) = program.closure(at) {
            found.push(Layer::Function(function));
            return;
        }
        if let Some(call) = program.call_giving(at) {
            // What a parameter gives, or what is held in one, whoever calls says.
            let mut called = call.callee;
            while let Some(var) = called {
                if program.parameter(var).is_some() {
                    return;
                }
                called = program.loaded_as(var).map(|load| load.base).or_else(|| program.only_source(var));
            }
            let class = self.class_of(at).filter(|_| call.kind == CallKind::New);
            let mut within = Vec::new();
            let mut given = Vec::new();
            match class {
                Some(class) => within.push(Layer::Class(class)),
                None => {
                    for edge in self.resolution.calls_at(call.site) {
                        let returned =
                            program.returns_by_function.of(&r.returns, edge.function).filter_map(|row| row.var);
                        returned.for_each(|var| self.add_layers(var, depth + 1, left, &mut within));
                    }
                }
            }
            for row in program.arguments(call.site) {
                self.add_layers(row.var, depth + 1, left, &mut given);
            }
            // A function that puts layers around one another.
            let callee = self.resolution.calls_at(call.site).first().filter(|_| within.is_empty());
            if callee.is_some_and(|edge| self.is_last_outermost(edge.function)) {
                given.reverse();
            }
            found.extend(within.into_iter().chain(given));
            return;
        }
        let before = found.len();
        let elements = program.element_by_var.of(&r.element, at).map(|row| row.value);
        let entries = program.entry_by_var.of(&r.entry, at).map(|row| row.value);
        elements.chain(entries).for_each(|var| self.add_layers(var, depth + 1, left, found));
        if found.len() == before {
            found.extend(self.functions_given(at).into_iter().map(Layer::Function));
        }
        if found.len() == before && program.parameter(at).is_none() {
            // A type without fields stands for its only object.
            let by_name = self.resolution.values_of(at).find_map(|value| match value.kind {
                ValueKind::Class(class) => Some(class),
                _ => None,
            });
            found.extend(self.class_of(at).or(by_name).map(Layer::Class));
        }
    }

    /// Whether a function goes through what it is given and puts the next around those before.
    fn is_last_outermost(&self, function: FunctionId) -> bool {
        let mut known = self.last_outermost.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(function).or_insert_with(|| self.puts_last_outermost(function))
    }

    fn puts_last_outermost(&self, function: FunctionId) -> bool {
        let program = self.program;
        let called = |wanted: &[&str]| {
            let mut calls = program.sites(function).filter_map(|row| program.call(row.site));
            calls.any(|call| wanted.contains(&program.written_name(call).to_ascii_lowercase().as_str()))
        };
        let counts_down = program.binaries(function).any(|row| program.text(row.operator).starts_with('-'));
        let regions = program.regions_by_function.of(&program.facts.relations.region, function);
        let loops = regions.into_iter().any(|row| row.kind == distsys_facts::RegionKind::Loop);
        let turned = counts_down
            || called(&["reverse", "reversed", "toreversed", "backward", "rev", "rfold", "reduceright", "foldright"]);
        !turned && (loops || called(&["reduce", "fold"]))
    }

    /// Whether a function is one that a layer runs: it, one inside of it, or a method.
    fn is_within(&self, function: FunctionId, layer: Layer) -> bool {
        let program = self.program;
        match layer {
            Layer::Class(class) => program
                .class_around(function)
                .is_some_and(|own| own == class || self.resolution.ancestors(class).contains(&own)),
            Layer::Function(outer) => {
                std::iter::successors(Some(function), |at| program.function(*at).parent).any(|at| at == outer)
            }
        }
    }

    fn parts(&self, functions: impl Iterator<Item = FunctionId>) -> Parts {
        let program = self.program;
        let mut parts = Parts::default();
        for (number, function) in functions.enumerate() {
            for outer in std::iter::successors(Some(function), |at| program.function(*at).parent) {
                parts.by_function.entry(outer).or_insert(number);
            }
            if let Some(class) = program.class_around(function) {
                parts.by_class.entry(class).or_insert(number);
            }
        }
        parts
    }

    /// The number of the first function that is one that a layer runs.
    fn first_within(&self, parts: &Parts, layer: Layer) -> Option<usize> {
        match layer {
            Layer::Function(outer) => parts.by_function.get(&outer).copied(),
            Layer::Class(class) => {
                let line = self.resolution.ancestors(class).iter().chain([&class]);
                line.filter_map(|class| parts.by_class.get(class)).min().copied()
            }
        }
    }

    /// The function of a layer in which attempts are repeated.
    fn repeats(&self, layer: Layer) -> Option<FunctionId> {
        let functions = || self.scopes.of_kind(OpKind::RetryScope).map(|scope| scope.function);
        let parts = self.repeating.get_or_init(|| self.parts(functions()));
        functions().nth(self.first_within(parts, layer)?)
    }
}

//! What a cache is filled with: a value that its function reads, or what a helper loads for it.

use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, Mode, Name};
use distsys_facts::{ClassId, FunctionId, SiteId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::Context;
use crate::cached::{carried, notes_failure};

/// What the copies of a program are made from. One is asked about once for each read beside it, so each is looked at once.
pub(crate) struct Fills<'a, 'm> {
    context: &'a Context<'m>,
    carried: FxHashMap<SiteId, FxHashSet<VarId>>,
    below: FxHashMap<(SiteId, Name), bool>,
}

impl<'a, 'm> Fills<'a, 'm> {
    pub(crate) fn new(context: &'a Context<'m>) -> Self {
        Fills { context, carried: FxHashMap::default(), below: FxHashMap::default() }
    }

    /// Whether what was read is what is cached, not only a part of the key.
    pub(crate) fn carries(&mut self, read: SiteId, write: SiteId) -> bool {
        let context = self.context;
        if notes_failure(context, read, write) {
            return false;
        }
        let Some(read) = context.meaning.program.call(read) else { return false };
        self.carried.entry(write).or_insert_with(|| carried(context, write)).contains(&read.result)
    }

    /// Whether what is called at `site` fills the cache with what it loads of an entity, of which it does not know itself how
    /// the copy is called: a base class whose object says so, and loads it.
    pub(crate) fn is_filled_below(&mut self, site: SiteId, entity: Name) -> bool {
        self.is_filled_at(site, entity, 0)
    }

    fn is_filled_at(&mut self, site: SiteId, entity: Name, depth: u32) -> bool {
        const MAX_DEPTH: u32 = 2;
        if let Some(known) = self.below.get(&(site, entity)) {
            return *known;
        }
        let (context, meaning) = (self.context, self.context.meaning);
        let reads_it = |effect: &Effect| effect.kind == OpKind::DbRead && effect.entity_name() == Some(entity);
        let is_foreign =
            meaning.effects.at(site).map(|(effect, _)| effect).find(reads_it).is_some_and(|effect| {
                meaning.trace(site, &effect).iter().any(|step| is_of_sibling(context, site, *step))
            });
        // One that knows the name has told it.
        let is_open = |effect: &Effect| effect.kind == OpKind::CacheWrite && pattern(context, effect).is_none();
        let found = !is_foreign
            && meaning.callees(site).into_iter().any(|callee| {
                let sites = |does: &dyn Fn(&Effect) -> bool| {
                    let rows = meaning.effects.in_function(callee).filter(|(effect, _)| does(effect));
                    rows.map(|(_, row)| row.site).collect::<FxHashSet<SiteId>>()
                };
                let (fills, reads) = (sites(&is_open), sites(&reads_it));
                fills.into_iter().any(|fill| {
                    reads.iter().any(|read| *read != fill && meaning.precedes(*read, fill) && self.carries(*read, fill))
                        || reads.contains(&fill) && depth < MAX_DEPTH && self.is_filled_at(fill, entity, depth + 1)
                })
            });
        // Deeper down less is looked at.
        if depth == 0 {
            self.below.insert((site, entity), found);
        }
        found
    }
}

/// Whether a helper called here fills the cache with what a function that it is given loads: `cached(key, ttl, () => …)`.
pub(crate) fn is_filled_by_given(context: &Context<'_>, site: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let gives = program.arguments(site).any(|row| meaning.is_function(row.var));
    // `cache.get_or_set(key, load)`: the library does.
    let by_library = meaning.operations.at(site).any(|op| op.kind == OpKind::CacheWrite)
        && meaning.invocations.at(site).any(|row| row.mode == Mode::Inline);
    // The library may have been given its loader as the cache was made.
    by_library
        || gives
            && (meaning.callees(site).into_iter().flat_map(|helper| with_closures(context, helper)).any(|helper| {
                let loads = program.sites(helper).filter(|row| meaning.invocations.is_through_parameter(row.site));
                // `unstable_cache(async () => JSON.stringify(await load()), keys)`
                let by_own = program.sites(helper).filter(|row| {
                    meaning.operations.at(row.site).any(|op| op.kind == OpKind::CacheWrite)
                        && meaning.invocations.at(row.site).any(|run| {
                            program.sites(run.function).any(|row| meaning.invocations.is_through_parameter(row.site))
                        })
                });
                if by_own.into_iter().next().is_some() {
                    return true;
                }
                let loaded: Vec<VarId> =
                    loads.filter_map(|row| program.call(row.site)).map(|call| call.result).collect();
                let (then, loaded) = with_continuations(context, helper, loaded);
                let fills = then
                    .into_iter()
                    .flat_map(|function| program.sites(function))
                    .filter(|row| meaning.effects.at(row.site).any(|(effect, _)| effect.kind == OpKind::CacheWrite));
                fills.flat_map(|row| program.arguments(row.site)).any(|row| {
                    let made = meaning.made_from(row.var);
                    loaded.iter().any(|var| made.contains(var))
                })
            }))
}

/// A helper with the functions that go on with what it has loaded (`load().then((value) => …)`), and what is loaded under the
/// names that it has there.
fn with_continuations(
    context: &Context<'_>,
    helper: FunctionId,
    mut loaded: Vec<VarId>,
) -> (Vec<FunctionId>, Vec<VarId>) {
    const GO_ON: &[&str] = &["then", "tap", "map", "flatMap", "doOnNext", "thenApply", "thenCompose", "whenComplete"];
    let meaning = context.meaning;
    let program = meaning.program;
    let mut functions = vec![helper];
    if loaded.is_empty() {
        return (functions, loaded);
    }
    for call in program.sites(helper).filter_map(|row| program.call(row.site)) {
        let goes_on = GO_ON.contains(&program.text(call.name)) && meaning.callees(call.site).len() < 2;
        let Some(receiver) = call.receiver.filter(|_| goes_on) else { continue };
        let given = program.arguments(call.site).next().and_then(|row| program.closure(row.var));
        let Some(inner) = given.filter(|_| meaning.made_from(receiver).iter().any(|var| loaded.contains(var))) else {
            continue;
        };
        functions.push(inner);
        loaded.extend(program.parameters(inner).take(1).map(|row| row.var));
    }
    (functions, loaded)
}

/// Whether `step` stands in a method of a class beside that of the object which is asked at `site`.
fn is_of_sibling(context: &Context<'_>, site: SiteId, step: SiteId) -> bool {
    let meaning = context.meaning;
    let asked = meaning.program.call(site).and_then(|call| call.receiver).and_then(|var| meaning.class_of(var));
    let of_step = meaning.program.class_around(context.function_of(step));
    let (Some(asked), Some(of_step)) = (asked, of_step) else { return false };
    let line = |class: ClassId| meaning.resolution.ancestors(class);
    asked != of_step
        && !line(asked).contains(&of_step)
        && line(asked).iter().any(|base| *base != asked && line(of_step).contains(base))
}

/// A function, its closures that run in it (`flights.Do(key, func() { … })`), and those that it hands what it is given to run:
/// `return this.fill(key, load)`.
fn with_closures(context: &Context<'_>, function: FunctionId) -> Vec<FunctionId> {
    let meaning = context.meaning;
    let called = meaning.program.sites(function).flat_map(|row| meaning.callees(row.site));
    let mut found: Vec<FunctionId> =
        called.filter(|inner| meaning.program.function(*inner).parent == Some(function)).collect();
    let handed = meaning.program.sites(function).flat_map(|row| meaning.resolution.passed_at(row.site)).filter(|row| {
        meaning.program.parameter(row.argument).is_some_and(|given| given.function == function)
            && !meaning.invocations.applied(row.parameter).is_empty()
    });
    found.extend(handed.filter_map(|row| Some(meaning.program.parameter(row.parameter)?.function)));
    found.push(function);
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether what a function gives is made from what it reads.
pub(crate) fn is_given(context: &Context<'_>, function: FunctionId, read: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let read = program.call(read).map(|call| call.result);
    let mut given =
        program.returns_by_function.of(&program.facts.relations.returns, function).filter_map(|row| row.var);
    read.is_some_and(|read| given.any(|var| meaning.made_from(var).contains(&read)))
}

/// The pattern of a key that says more than that there is one.
pub(crate) fn pattern(context: &Context<'_>, effect: &Effect) -> Option<Name> {
    effect.key.pattern().filter(|name| context.meaning.name(*name).replace("{}", "").len() > 2)
}

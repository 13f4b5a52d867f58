//! New values that are computed from what a row held, on their way into a write of that row: in the function that read it, or in
//! those that it hands the row to.

use distsys_engine::OpKind;
use distsys_engine::meaning::{Effect, Mode, Name};
use distsys_engine::words::words;
use distsys_facts::schema::{Call, Load, Store};
use distsys_facts::{CallKind, FunctionFlags, FunctionId, ParameterKind, SiteId, SiteKind, Sym, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::Context;
use crate::combined::{combined_on, merged_on, put_before};
use crate::worked_out::{self, Field, fields_of, given_back, helpers_at};

/// Where a run left off: one run at a time moves it on, and an older value only does work again.
fn is_cursor(field: &str) -> bool {
    let words = words(field);
    let named = words
        .iter()
        .any(|word| matches!(word.as_str(), "cursor" | "offset" | "checkpoint" | "sync" | "synced" | "watermark"));
    named
        || (words.last().is_some_and(|word| word == "at")
            && words.first().is_some_and(|word| matches!(word.as_str(), "last" | "next")))
}

/// What a function may write of a row that it has.
pub(crate) struct Rewrite<'c, 'm> {
    pub context: &'c Context<'m>,
    /// Sites that others wait for: what is written there is no old value.
    pub guarded: &'c FxHashSet<SiteId>,
    /// The writes that set what the program computed.
    pub writes: &'c FxHashMap<SiteId, Vec<Effect>>,
}

/// A row is handed on so many times.
const MAX_HANDED: u32 = 3;

/// A value is followed down so many calls.
const MAX_CARRIED: u32 = 4;

impl Rewrite<'_, '_> {
    /// Where a value that the write carries is computed from the same field of what was read.
    pub(crate) fn computed_from(&self, read: SiteId, write: SiteId) -> Option<SiteId> {
        let context = self.context;
        let value = context.meaning.program.call(read)?.result;
        let column = only_column(context, read).filter(|column| writes_column(context, write, column));
        if is_of_other_row(context, read, write) {
            return None;
        }
        let reads = context.meaning.effects.at(read).filter(|(effect, _)| effect.kind == OpKind::DbRead);
        let entities: Vec<Name> = reads.filter_map(|(effect, _)| effect.entity_name()).collect();
        let of = Read { value, at: Some(read), column, entities: &entities };
        let here = self.computed_here(&of, write).or_else(|| self.computed_for_helper(&of, write));
        here.or_else(|| self.computed_in_closure(&of, write)).or_else(|| {
            let after = |site: SiteId| context.meaning.precedes(read, site);
            gives_read(context, read, OpKind::DbRead, 0)
                .then(|| self.computed_by_callee(&of, &after, write, 0))
                .flatten()
        })
    }

    /// Likewise, in the function of the write.
    fn computed_here(&self, of: &Read<'_>, write: SiteId) -> Option<SiteId> {
        let context = self.context;
        let meaning = context.meaning;
        let program = meaning.program;
        // The mapper writes what is stored into the object.
        if let Some(store) = store_at(context, write) {
            return self.changed_by(&store, of).filter(|_| !self.is_set_before(of.value, store.field, write, 0));
        }
        let call = program.call(write)?;
        // What is stored into the object that was read, before it is written.
        let stored: Vec<(&str, VarId)> = self
            .stores_into(of.value, context.function_of(write))
            .filter(|store| meaning.precedes(store.site, write) && writes_object(context, call, store.base, of.value))
            .filter(|store| !self.is_set_before(of.value, store.field, store.site, 0))
            .map(|store| (program.text(store.field), store.src))
            .collect();
        // That it is of this entity, nothing says: then it is so of the object alone whose method it is.
        // What is read has no name either where one place holds both.
        let is_named = |effect: &Effect| match effect.entity_name() {
            Some(name) => of.entities.contains(&name),
            None => of.entities.is_empty(),
        };
        if self.writes.get(&write).is_some_and(|all| !all.iter().any(is_named)) {
            let own = call.receiver.is_some_and(|var| is_row(context, var, of.value, false));
            let stored = stored.into_iter().filter(|(field, _)| own && !is_cursor(field));
            return stored.into_iter().find_map(|(field, var)| arithmetic_on(context, Some(field), var, of, write));
        }
        // What is passed as the new value of a field.
        let mut passed: Vec<(&str, VarId)> = meaning.columns_set(write);
        for argument in program.arguments(write) {
            if !program.text(argument.keyword).is_empty() {
                passed.push((program.text(argument.keyword), argument.var));
            }
        }
        let passed = passed.into_iter().map(|(field, value)| Field { field, value, of: *of, by: None });
        let passed = passed.chain(fields_of(context, meaning.chain_arguments(write), of));
        let stored = stored.into_iter().map(|(field, value)| Field { field, value, of: *of, by: None });
        let named = stored
            .chain(passed)
            .filter(|set| !is_cursor(set.field))
            // `{":cents": row["cents"] - amount}` names no column.
            .find_map(|set| {
                let column = Some(set.field).filter(|field| !field.starts_with(':'));
                let combined = || combined_on(context, column?, set.value, set.of.value, write);
                let merged = || merged_on(context, Some(column?), set.value, &set.of, 0);
                let computed = arithmetic_on(context, column, set.value, &set.of, write).or_else(combined);
                let computed = computed.or_else(merged)?;
                Some(set.by.unwrap_or(computed))
            })
            .or_else(|| put_before(context, of.value, write));
        // What is bound to a statement, or given to a helper that writes it, has no name there.
        let is_text =
            meaning.operations.at(write).any(|op| op.kind == OpKind::Sql) || !meaning.callees(write).is_empty();
        // Of another object that is written when it changes itself.
        let is_other = || {
            let effects = self.writes.get(&write).into_iter().flatten();
            let mut ends = effects.filter_map(|effect| meaning.trace(write, effect).last().copied());
            ends.any(|end| end != write && store_at(context, end).is_some())
                && self.handed_on(of.value, write).is_empty()
        };
        named.or_else(|| {
            let bound = if is_text && !is_other() { meaning.chain_arguments(write) } else { Vec::new() };
            let computed_or_merged = |var: VarId| {
                let computed = arithmetic_on(context, None, var, of, write);
                computed.or_else(|| of.column.and_then(|_| merged_on(context, None, var, of, 0)))
            };
            let computed = bound.into_iter().filter_map(|var| Some((var, computed_or_merged(var)?)));
            let in_time = |computed: SiteId| {
                let here = context.function_of(computed) == context.function_of(write);
                !here || computed == write || meaning.precedes(computed, write)
            };
            let mut computed = computed.filter(|(_, computed)| in_time(*computed));
            computed.find(|(var, _)| self.is_carried(write, *var, write, 0)).map(|(_, computed)| computed)
        })
    }

    /// Likewise, where a helper is given the row and the new value of one of its fields, stores that and writes the row:
    /// `store(tool, tool.hours + hours)`.
    fn computed_for_helper(&self, of: &Read<'_>, write: SiteId) -> Option<SiteId> {
        let context = self.context;
        let meaning = context.meaning;
        self.handed_on(of.value, write).into_iter().find_map(|(_, _, row)| {
            let callee = meaning.program.parameter(row)?.function;
            let inner = meaning.effects.in_function(callee).map(|(_, inner)| inner.site);
            let inner: Vec<SiteId> = inner.filter(|site| self.may_be_part(*site, write)).collect();
            let is_written = |store: &Store| {
                inner.iter().any(|site| {
                    let call = meaning.program.call(*site);
                    *site == store.site
                        || meaning.precedes(store.site, *site)
                            && call.is_some_and(|call| writes_object(context, call, store.base, row))
                })
            };
            let set = self.stores_into(row, callee).filter(|store| is_written(store));
            let set: Vec<Store> = set.filter(|store| !is_cursor(meaning.program.text(store.field))).collect();
            set.into_iter().find_map(|store| {
                let from = meaning.made_from(store.src);
                let field = meaning.program.text(store.field);
                let given = meaning.resolution.passed_at(write).iter();
                let mut given = given.filter(|passed| passed.parameter != row && from.contains(&passed.parameter));
                given.find_map(|passed| arithmetic_on(context, Some(field), passed.argument, of, write))
            })
        })
    }

    /// Likewise, in a closure that is run there and has what is around it:
    /// `const row = await find(id); await db.transaction((tx) => tx.update({ stock: row.stock - 1 }))`.
    fn computed_in_closure(&self, of: &Read<'_>, write: SiteId) -> Option<SiteId> {
        let context = self.context;
        let meaning = context.meaning;
        let function = context.function_of(write);
        let runs = meaning.invocations.at(write).filter(|run| run.mode == Mode::Inline).map(|run| run.function);
        let inner = runs.filter(|run| meaning.program.function(*run).parent == Some(function));
        let inner = inner.flat_map(|run| meaning.effects.in_function(run)).map(|(_, row)| row.site);
        let mut inner: Vec<SiteId> = inner.filter(|site| self.may_be_part(*site, write)).collect();
        inner.dedup();
        inner.into_iter().find_map(|inner| {
            let changed_before = || {
                let call = meaning.program.call(inner)?;
                let stored = self.stores_into(of.value, function).filter(|store| {
                    meaning.precedes(store.site, write)
                        && writes_object(context, call, store.base, of.value)
                        && !self.is_set_before(of.value, store.field, store.site, 0)
                });
                let stored = stored.map(|store| (meaning.program.text(store.field), store.src));
                let mut kept = stored.filter(|(field, _)| !is_cursor(field));
                kept.find_map(|(field, var)| arithmetic_on(context, Some(field), var, of, inner))
            };
            self.computed_here(of, inner).or_else(changed_before).or_else(|| self.computed_in_closure(of, inner))
        })
    }

    /// Whether what a call at `site` is given as `var`, or as a part of an argument, comes to what makes it the write: not to
    /// something else that is done on the way.
    fn is_carried(&self, site: SiteId, var: VarId, write: SiteId, depth: u32) -> bool {
        let context = self.context;
        let meaning = context.meaning;
        let passed = meaning.resolution.passed_at(site);
        if depth >= MAX_CARRIED || passed.is_empty() {
            return true;
        }
        let goes_on = passed.iter().filter(|row| row.argument == var || meaning.made_from(row.argument).contains(&var));
        // A closure has what is around it.
        let known: Vec<VarId> = goes_on.map(|row| row.parameter).chain([var]).collect();
        let edges = meaning.resolution.calls_at(site).iter();
        let inner = edges.flat_map(|edge| meaning.effects.in_function(edge.function)).map(|(_, row)| row.site);
        let mut inner: Vec<SiteId> = inner.filter(|site| self.may_be_part(*site, write)).collect();
        inner.dedup();
        inner.is_empty()
            || inner.into_iter().any(|inner| {
                let call = meaning.program.call(inner);
                // What stands at a method without a body is done with what that is given.
                if call.is_some_and(|call| call.kind == CallKind::Annotation) {
                    return true;
                }
                let receiver = call.and_then(|call| call.receiver);
                let stored = store_at(context, inner).map(|store| store.src);
                let given = meaning.chain_arguments(inner).into_iter().chain(receiver).chain(stored);
                let given: Vec<(VarId, FxHashSet<VarId>)> = given.map(|var| (var, meaning.made_from(var))).collect();
                let mut carried = given.iter().filter(|(_, from)| known.iter().any(|var| from.contains(var)));
                carried.any(|(var, _)| self.is_carried(inner, *var, write, depth + 1))
            })
    }

    /// Likewise, in what is called with the row `after` it was read and not later than the write: its own method, or a function
    /// that is given it, which changes the row and writes it, or leaves that to this one.
    fn computed_by_callee(
        &self,
        of: &Read<'_>,
        after: &dyn Fn(SiteId) -> bool,
        write: SiteId,
        depth: u32,
    ) -> Option<SiteId> {
        let context = self.context;
        let meaning = context.meaning;
        if depth >= MAX_HANDED {
            return None;
        }
        let call = meaning.program.call(write);
        let sites = meaning.program.sites(context.function_of(write)).map(|row| row.site);
        let sites = sites.filter(|site| *site == write || after(*site) && meaning.precedes(*site, write));
        sites.flat_map(|site| self.handed_on(of.value, site)).find_map(|(site, argument, given)| {
            let callee = meaning.program.parameter(given)?.function;
            if site != write {
                let written = call.is_some_and(|call| writes_object(context, call, argument, of.value));
                let changes = if written { self.changes(given, callee, depth) } else { Vec::new() };
                let kept =
                    changes.into_iter().filter(|change| !self.is_set_before(of.value, change.field, site, depth));
                return kept.map(|change| change.computed).min();
            }
            let inner = meaning.effects.in_function(callee).map(|(_, row)| row.site);
            let mut inner: Vec<SiteId> = inner.filter(|site| self.may_be_part(*site, write)).collect();
            inner.dedup();
            inner.into_iter().find_map(|inner| {
                let of = Read { value: given, at: None, column: None, entities: of.entities };
                self.computed_here(&of, inner).or_else(|| self.computed_by_callee(&of, &|_| true, inner, depth + 1))
            })
        })
    }

    /// Whether the write at `inner`, in a function that is called at `write`, is what makes that a write.
    fn may_be_part(&self, inner: SiteId, write: SiteId) -> bool {
        let known = |site: SiteId| self.writes.get(&site).into_iter().flatten();
        let same = |left: &Effect| {
            known(write).any(|right| left.entity_name().is_none() || left.entity_name() == right.entity_name())
        };
        !self.guarded.contains(&inner) && known(inner).any(same)
    }

    /// The fields that a function changes of the row that it is given by what they held.
    fn changes(&self, given: VarId, function: FunctionId, depth: u32) -> Vec<Change> {
        let of = Read { value: given, at: None, column: None, entities: &[] };
        let here = self.stores_into(given, function).filter(|store| !self.guarded.contains(&store.site));
        let own = here.filter_map(|store| {
            let computed = self.changed_by(&store, &of)?;
            Some(Change { field: store.field, site: store.site, computed })
        });
        let mut changes: Vec<Change> = own.collect();
        for (site, given, callee) in self.handed_further(given, function, depth) {
            let further = self.changes(given, callee, depth + 1).into_iter();
            changes.extend(further.map(|change| Change { site, ..change }));
        }
        changes.retain(|change| !self.is_set_before(given, change.field, change.site, depth));
        changes
    }

    /// Whether a field of a row is given a value that does not come from the row before `site`: what is added to it there is a
    /// sum that begins in the program.
    fn is_set_before(&self, row: VarId, field: Sym, site: SiteId, depth: u32) -> bool {
        let meaning = self.context.meaning;
        let set = self.sets(row, self.context.function_of(site), false, depth);
        set.into_iter().any(|(known, at)| known == field && at != site && meaning.precedes(at, site))
    }

    /// The fields that a function gives such values, each with where it does so; of one that was `handed` the row those alone
    /// that are not handed to it as well, as to a setter.
    fn sets(&self, row: VarId, function: FunctionId, handed: bool, depth: u32) -> Vec<(Sym, SiteId)> {
        let meaning = self.context.meaning;
        let own = self.stores_into(row, function).filter(|store| {
            let from = meaning.made_from(store.src);
            let is_given = || from.iter().any(|var| meaning.program.parameter(*var).is_some());
            !from.contains(&row) && (!handed || !is_given())
        });
        let mut sets: Vec<(Sym, SiteId)> = own.map(|store| (store.field, store.site)).collect();
        for (site, given, callee) in self.handed_further(row, function, depth) {
            sets.extend(self.sets(given, callee, true, depth + 1).into_iter().map(|(field, _)| (field, site)));
        }
        sets
    }

    /// The calls of a function that hand the row on, each with the parameter it is given as and its function.
    fn handed_further(&self, row: VarId, function: FunctionId, depth: u32) -> Vec<(SiteId, VarId, FunctionId)> {
        let program = self.context.meaning.program;
        if depth + 1 >= MAX_HANDED {
            return Vec::new();
        }
        let handed = program.sites(function).flat_map(|at| self.handed_on(row, at.site));
        handed.filter_map(|(site, _, given)| Some((site, given, program.parameter(given)?.function))).collect()
    }

    fn changed_by(&self, store: &Store, of: &Read<'_>) -> Option<SiteId> {
        let context = self.context;
        let field = context.meaning.program.text(store.field);
        let is_of_row = is_row(context, store.base, of.value, true)
            && !is_cursor(field)
            && !context.meaning.holds_rows(store.base, store.field);
        let combined = || combined_on(context, field, store.src, of.value, store.site);
        let computed = || arithmetic_on(context, Some(field), store.src, of, store.site);
        let merged = || merged_on(context, Some(field), store.src, of, 0);
        // `row.labels[key] = label`
        let put = || {
            let base = context.meaning.program.loaded_as(context.meaning.program.held_at(store.base));
            let base = base.filter(|load| field == "[]" && is_row(context, load.base, of.value, false));
            let is_own = |load: &&Load| {
                let field = context.meaning.program.text(load.field);
                !is_element(field) && !is_cursor(field) && !context.meaning.holds_rows(load.base, load.field)
            };
            base.filter(is_own).map(|_| store.site)
        };
        is_of_row.then(|| computed().or_else(combined).or_else(merged).or_else(put)).flatten()
    }

    /// What a function stores into a row that it has.
    fn stores_into(&self, row: VarId, function: FunctionId) -> impl Iterator<Item = Store> {
        let context = self.context;
        let sites = context.meaning.program.sites(function).filter(|row| row.kind == SiteKind::Store);
        sites
            .filter_map(move |row| store_at(context, row.site))
            .filter(move |store| is_row(context, store.base, row, true))
            .filter(move |store| !context.meaning.holds_rows(store.base, store.field))
    }

    /// The parameters of functions of the project that a call gives the row itself, each with the call and the argument.
    fn handed_on(&self, row: VarId, site: SiteId) -> Vec<(SiteId, VarId, VarId)> {
        let context = self.context;
        let meaning = context.meaning;
        if meaning.invocations.is_background(site) {
            return Vec::new();
        }
        let passed = helpers_at(context, site).into_iter();
        let given = passed.filter(|(argument, _)| is_row(context, *argument, row, false));
        let given = given.map(|(argument, parameter)| (site, argument, parameter));
        given.chain(self.given_to_closure(row, site)).collect()
    }

    /// The parameter of a closure that a library calls with the row that it holds: `orders.findById(id).ifPresent(order -> …)`.
    fn given_to_closure(&self, row: VarId, site: SiteId) -> Option<(SiteId, VarId, VarId)> {
        let context = self.context;
        let meaning = context.meaning;
        let receiver = meaning.program.call(site)?.receiver.filter(|_| meaning.resolution.calls_at(site).is_empty())?;
        let closure = meaning.invocations.at(site).find(|run| run.mode == Mode::Inline)?.function;
        let mut parameters = meaning.program.parameters(closure).filter(|row| row.kind != ParameterKind::Receiver);
        let parameter = parameters.next().filter(|_| is_row(context, receiver, row, false))?;
        Some((site, receiver, parameter.var))
    }
}

/// A field of a row that gets a value computed from what it held: by the store or call at `site`.
struct Change {
    field: Sym,
    site: SiteId,
    computed: SiteId,
}

pub(crate) fn store_at(context: &Context<'_>, site: SiteId) -> Option<Store> {
    let r = &context.meaning.program.facts.relations;
    r.store.binary_search_by_key(&site, |store| store.site).ok().map(|at| r.store[at])
}

/// Whether two calls that say by objects which rows they mean (`{ where: { id } }`) have nothing in common there: the first of
/// the others is read to put a row before it.
fn is_of_other_row(context: &Context<'_>, read: SiteId, write: SiteId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let asked = |site: SiteId| {
        let objects = program.arguments(site).flat_map(|row| program.entry_by_var.of(&r.entry, row.var));
        let filters = objects.filter(|row| program.text(row.key) == "where");
        filters
            .flat_map(|row| program.entry_by_var.of(&r.entry, row.value))
            .map(|row| row.value)
            .collect::<Vec<VarId>>()
    };
    let (of_read, of_write) = (asked(read), asked(write));
    let Some(value) = program.call(read).map(|call| call.result) else { return false };
    // A variable, a member of one, or a constant.
    let same = |left: VarId, right: VarId| {
        let plain = |var: VarId| program.assigned_from(var).next().map_or(var, |row| row.src);
        let member = |var: VarId| program.loaded_as(var).map(|load| (plain(load.base), load.field));
        let (left, right) = (plain(left), plain(right));
        left == right
            || member(left).is_some() && member(left) == member(right)
            || meaning.constant(left).is_some() && meaning.constant(left) == meaning.constant(right)
    };
    !of_read.is_empty()
        && !of_write.is_empty()
        && !of_write.iter().any(|var| meaning.made_from(*var).contains(&value))
        && !of_write.iter().any(|left| of_read.iter().any(|right| same(*left, *right)))
}

/// Whether `base` is what was read, in a copy or out of a wrapper (or, if asked for, a `part` of it); what is merely stored into
/// it does not make it so.
pub(crate) fn is_row(context: &Context<'_>, base: VarId, value: VarId, part: bool) -> bool {
    let program = context.meaning.program;
    let mut stack = vec![base];
    let mut seen: FxHashSet<VarId> = FxHashSet::default();
    while let Some(at) = stack.pop() {
        if at == value {
            return true;
        }
        if seen.len() > MAX_COPIES || !seen.insert(at) {
            continue;
        }
        stack.extend(program.assigned_from(at).map(|row| row.src));
        stack.extend(context.meaning.fetched(at));
        let is_element = |field: &str| field == "[&]" || is_element(field);
        let loaded = program.loaded_as(at).filter(|load| part || is_element(program.text(load.field)));
        if loaded.is_some_and(|load| is_filled(context, load, |last| last.result == value)) {
            return true;
        }
        stack.extend(loaded.map(|load| load.base));
        // What another read gives is another row, be it asked for by this one.
        let reads = |site: SiteId| context.meaning.effects.at(site).any(|(effect, _)| effect.kind == OpKind::DbRead);
        // What the project makes of a row is no longer the row itself.
        let is_other = |call: &Call| call.kind == CallKind::New || !is_of_library(context, call.site);
        if let Some(call) = program.call_giving(at).filter(|call| !reads(call.site) && (part || !is_other(call))) {
            stack.extend(call.receiver);
            stack.extend(program.arguments(call.site).map(|row| row.var));
        }
    }
    false
}

/// Whether what a call gives is what it reads, in the project's own helpers too, and not merely made after much else was read.
pub(crate) fn gives_read(context: &Context<'_>, site: SiteId, kind: OpKind, depth: u32) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let callees = meaning.resolution.calls_at(site);
    if is_of_library(context, site) {
        // Within a function that runs the statement that it is given, it is not known what that does.
        let is_given = |effect: &Effect| depth > 0 && kind == OpKind::DbRead && effect.kind == OpKind::Sql;
        return meaning.effects.at(site).any(|(effect, _)| effect.kind == kind || is_given(&effect));
    }
    if depth > MAX_HANDED {
        return false;
    }
    let returned = callees.iter().flat_map(|edge| program.returns_by_function.of(&r.returns, edge.function));
    let mut stack: Vec<VarId> = returned.filter_map(|row| row.var).collect();
    let mut seen: FxHashSet<VarId> = FxHashSet::default();
    while let Some(at) = stack.pop() {
        if seen.len() > MAX_COPIES || !seen.insert(at) {
            continue;
        }
        stack.extend(program.assigned_from(at).map(|row| row.src));
        let loaded = program.loaded_as(at);
        let reads = |call: &Call| meaning.effects.at(call.site).any(|(effect, _)| effect.kind == kind);
        if loaded.is_some_and(|load| is_filled(context, load, reads)) {
            return true;
        }
        // `const { rows } = await pool.query(…)`: what a library answers is put into some field of its own.
        let is_answered = |load: &Load| {
            let made = program.call_giving(program.held_at(load.base)).filter(|call| call.kind != CallKind::New);
            made.is_some_and(|call| is_of_library(context, call.site) && reads(call))
        };
        let is_part = |load: &&Load| is_element(program.text(load.field)) || is_answered(load);
        stack.extend(loaded.filter(is_part).map(|load| load.base));
        // `cursor.fetchone()`: what the statement gave that was run before.
        stack.extend(meaning.fetched(at));
        let Some(call) = program.call_giving(at).filter(|call| call.kind != CallKind::New) else { continue };
        if gives_read(context, call.site, kind, depth + 1) {
            return true;
        }
        // A helper that makes a row of what it is given: `to_account(cursor.fetchone())`.
        if depth == 0 {
            let made = worked_out::made_from_arguments(context, call.site);
            stack.extend(made);
        }
        // `result.scalar_one()`, `Ok(row)`
        if is_of_library(context, call.site) {
            stack.extend(call.receiver);
            // What a cache holds is text that is read: `json.loads(text)`.
            let is_wrapped = call.receiver.is_none() || kind == OpKind::CacheRead;
            stack.extend(program.arguments(call.site).map(|row| row.var).filter(|_| is_wrapped));
        }
    }
    false
}

/// Whether what is called has no body in the project: a library's, or a method that an interface declares.
fn is_of_library(context: &Context<'_>, site: SiteId) -> bool {
    let is_hollow =
        |function: FunctionId| context.meaning.program.function(function).flags.has(FunctionFlags::ABSTRACT);
    context.meaning.resolution.calls_at(site).iter().all(|edge| is_hollow(edge.function))
}

fn is_element(field: &str) -> bool {
    matches!(field, "[*]" | "[]" | "[&]") || field.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether what a builder was given to put a row into is filled by a later call of its chain that the test holds for:
/// `db.NewSelect().Model(&order).Where("id = ?", id).Scan(ctx)`.
fn is_filled(context: &Context<'_>, load: &Load, test: impl Fn(&Call) -> bool) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    if program.text(load.field) != "[&]" {
        return false;
    }
    let next = |call: &Call| program.calls_by_receiver.of(&r.call, call.result).next().copied();
    let first = program.call_giving(load.base).and_then(next);
    std::iter::successors(first, next).take(MAX_CHAIN).any(|call| test(&call))
}

/// A builder is given so much before it is run.
const MAX_CHAIN: usize = 24;

/// A row is copied, and taken out of wrappers, so many times.
const MAX_COPIES: usize = 64;

/// Whether the write is of the object `base`, of what `value` is: its own method, or an argument. What that was asked with (a
/// filter, the table) is no part of it.
fn writes_object(context: &Context<'_>, call: &Call, base: VarId, value: VarId) -> bool {
    let meaning = context.meaning;
    let asked_with = meaning.made_from(value);
    let from = |var: VarId| {
        let (mine, other) = (meaning.made_from(var), meaning.made_from(base));
        // What an object's own methods are called on is part of much.
        let is_own = meaning.program.parameter(var).is_some_and(|row| row.kind == ParameterKind::Receiver);
        mine.contains(&base) || !is_own && other.contains(&var) && (var == value || !asked_with.contains(&var))
    };
    call.receiver.is_some_and(from) || meaning.program.arguments(call.site).any(|argument| from(argument.var))
}

/// What was read.
#[derive(Clone, Copy)]
pub(crate) struct Read<'m> {
    pub value: VarId,
    /// Where it was read, if that is seen: what was computed before has nothing of it.
    pub at: Option<SiteId>,
    /// The only column that it has, if the write sets it: then the value may be that column's.
    pub column: Option<&'m str>,
    /// What it is a row of.
    pub entities: &'m [Name],
}

/// The column that a read of one column names: `SELECT stock FROM products WHERE id = $1`.
pub(crate) fn only_column<'m>(context: &Context<'m>, read: SiteId) -> Option<&'m str> {
    let meaning = context.meaning;
    let (effect, _) = meaning.effects.at(read).find(|(effect, _)| effect.kind == OpKind::DbRead)?;
    let last = *meaning.trace(read, &effect).last()?;
    let [column] = meaning.columns_written(last)[..] else { return None };
    Some(column)
}

/// Whether the write sets the column, as far as its columns are known.
fn writes_column(context: &Context<'_>, write: SiteId, column: &str) -> bool {
    let meaning = context.meaning;
    let of_write = meaning.effects.at(write).find(|(effect, _)| effect.kind == OpKind::DbWrite);
    let last = of_write.and_then(|(effect, _)| meaning.trace(write, &effect).last().copied()).unwrap_or(write);
    let written = meaning.columns_written(last);
    written.is_empty() || written.iter().any(|known| words(known) == words(column))
}

/// Whether what is computed at a site may have something of what was read.
fn is_after(context: &Context<'_>, of: &Read<'_>, computed: SiteId) -> bool {
    let meaning = context.meaning;
    let same = |read: &SiteId| context.function_of(*read) == context.function_of(computed);
    of.at.filter(same).is_none_or(|read| meaning.precedes(read, computed) || !meaning.precedes(computed, read))
}

/// Whether a value is what another system, or another statement, has answered: it is none of what went there. What is merely
/// worked out after something was read is no answer.
fn is_answer(context: &Context<'_>, var: VarId) -> bool {
    const ANSWERS: &[OpKind] = &[OpKind::HttpRequest, OpKind::Rpc, OpKind::DbRead, OpKind::DbWrite, OpKind::Payment];
    let Some(call) = context.meaning.program.call_giving(var) else { return false };
    let does = |kind: OpKind| context.meaning.effects.at(call.site).any(|(effect, _)| effect.kind == kind);
    context
        .known
        .answers
        .get(var, || ANSWERS.iter().any(|kind| does(*kind) && gives_read(context, call.site, *kind, 0)))
}

/// Where `var` is computed from `field` (any, if none is named) of the value read: `read.field - amount`, here or in a helper that
/// gives it back. Of several places one before what it is computed for, which stands at `until`.
fn arithmetic_on(
    context: &Context<'_>,
    field: Option<&str>,
    var: VarId,
    of: &Read<'_>,
    until: SiteId,
) -> Option<SiteId> {
    arithmetic_within(context, field, var, of, until, 0)
}

/// Everything that `var` is made from, but for what another system has answered.
fn sources(context: &Context<'_>, var: VarId, of: &Read<'_>) -> FxHashSet<VarId> {
    let passes = |at: VarId| at == var || at == of.value || !is_answer(context, at);
    context.meaning.made_from_through(var, |_| true, passes)
}

/// Whether `operand` is made from `field` (any, if none is named) of the value read.
pub(crate) fn is_made_of(context: &Context<'_>, field: Option<&str>, operand: VarId, of: &Read<'_>) -> bool {
    let asked = (field.map(str::to_owned), operand, of.value, of.column.map(str::to_owned));
    context.known.made_of.get(asked, || is_made_of_anew(context, field, operand, of))
}

fn is_made_of_anew(context: &Context<'_>, field: Option<&str>, operand: VarId, of: &Read<'_>) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    sources(context, operand, of).into_iter().any(|var| {
        let is_column =
            var == of.value && of.column.is_some_and(|column| field.is_none_or(|field| words(field) == words(column)));
        let loaded = program.loaded_as(var).map(|load| (load.base, program.text(load.field)));
        is_column
            || loaded.or_else(|| meaning.read_by_column(var)).is_some_and(|(base, column)| {
                // A column and the field that holds it: `balance_cents`, `BalanceCents`.
                field.is_none_or(|field| words(field) == words(column)) && is_row(context, base, of.value, true)
            })
    })
}

/// Whether `operand` is `field` (any, if none is named) of the value read, as it is or as a number.
fn is_field_itself(context: &Context<'_>, field: Option<&str>, operand: VarId, of: &Read<'_>) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let mut stack = vec![operand];
    for _ in 0..MAX_COPIES {
        let Some(at) = stack.pop() else { return false };
        let is_column = at == of.value && of.column.is_some();
        let loaded = program.loaded_as(at).map(|load| (load.base, program.text(load.field)));
        let is_named = |(base, column): (VarId, &str)| {
            field.is_none_or(|field| words(field) == words(column)) && is_row(context, base, of.value, true)
        };
        if is_column || loaded.or_else(|| meaning.read_by_column(at)).is_some_and(is_named) {
            return true;
        }
        stack.extend(program.assigned_from(at).map(|row| row.src));
        // `Number(row.balance)`, `int(row.balance)`
        let converted =
            program.call_giving(at).filter(|call| is_of_library(context, call.site) && call.receiver.is_none());
        stack.extend(converted.and_then(|call| match program.arguments(call.site).collect::<Vec<_>>()[..] {
            [only] => Some(only.var),
            _ => None,
        }));
    }
    false
}

/// Likewise, so many helpers down.
fn arithmetic_within(
    context: &Context<'_>,
    field: Option<&str>,
    var: VarId,
    of: &Read<'_>,
    until: SiteId,
    depth: u32,
) -> Option<SiteId> {
    const CHANGES: &[&str] = &["+", "-", "*", "/", "|", "+=", "-=", "*=", "/=", "|=", "++", "--"];
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let sources = sources(context, var, of);
    let computed = sources.iter().flat_map(|var| program.binary_by_dst.of(&r.binary, *var)).filter(|row| {
        let is_sign = row.right.is_none() && program.text(row.operator) == "-";
        CHANGES.contains(&program.text(row.operator))
            && !is_sign
            && is_after(context, of, row.site)
            && std::iter::once(row.left).chain(row.right).any(|operand| match depth {
                0 => is_made_of(context, field, operand, of),
                // A helper joins texts and makes paths, too.
                _ => !matches!(program.text(row.operator), "/" | "|") && is_field_itself(context, field, operand, of),
            })
    });
    let is_before = |site: SiteId| site == until || meaning.precedes(site, until);
    let here = computed.map(|row| row.site).max_by_key(|site| (is_before(*site), std::cmp::Reverse(*site)));
    here.or_else(|| {
        // Of what has no name in a statement it is the value itself that is worked out.
        let itself = program.held_at(var);
        let calls = sources.iter().filter(|source| field.is_some() || **source == itself);
        let calls = calls.filter_map(|var| program.call_giving(*var)).filter(|_| depth < MAX_CARRIED);
        let mut calls: Vec<&Call> = calls.filter(|call| is_after(context, of, call.site)).collect();
        calls.sort_unstable_by_key(|call| call.site);
        let mut found = calls.into_iter().filter(|call| {
            given_back(context, call, field, of)
                .into_iter()
                .any(|(returned, of)| arithmetic_within(context, field, returned, &of, until, depth + 1).is_some())
        });
        found.next().map(|call| call.site)
    })
}

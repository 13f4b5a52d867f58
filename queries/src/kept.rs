//! What a program puts where another call finds it: under a key of a cache, in a map, in a cell that threads share.

use distsys_engine::OpKind;
use distsys_engine::meaning::Name;
use distsys_facts::schema::Call;
use distsys_facts::{ClassId, SiteId, Sym, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::Context;

/// All that is put anywhere, by where it is held; made once, asked for each reading.
pub(crate) struct Kept<'a, 'm> {
    context: &'a Context<'m>,
    in_maps: FxHashMap<Map, Vec<VarId>>,
    in_cells: FxHashMap<Cell, Vec<VarId>>,
    in_caches: FxHashMap<Name, Vec<VarId>>,
    /// The parameters of functions that are run for each entry of a map.
    of_each: FxHashMap<VarId, Map>,
}

/// A map in a field of the class, or in a variable that outlives the call.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Map {
    Field(Sym, Option<ClassId>),
    Variable(VarId),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Cell {
    /// By the class of the object that has it.
    Field(Sym, Option<ClassId>),
    Variable(VarId),
}

impl<'a, 'm> Kept<'a, 'm> {
    pub(crate) fn new(context: &'a Context<'m>) -> Self {
        let (meaning, program) = (context.meaning, context.meaning.program);
        let r = &program.facts.relations;
        let mut kept = Kept {
            context,
            in_maps: FxHashMap::default(),
            in_cells: FxHashMap::default(),
            in_caches: FxHashMap::default(),
            of_each: FxHashMap::default(),
        };
        for call in &r.call {
            let name = program.text(call.name);
            if matches!(name, "put" | "set" | "insert")
                && let Some(map) = kept.map(call.receiver, call.site)
            {
                kept.in_maps.entry(map).or_default().extend(program.arguments(call.site).nth(1).map(|row| row.var));
            }
            if matches!(name, "retain" | "removeIf" | "forEach") {
                kept.goes_over(call);
            }
            if puts_into_cell(name)
                && let Some(parts) = cell_parts(context, call)
            {
                let at = usize::from(matches!(parts.name, "compareAndSet" | "CompareAndSwap" | "compare_exchange"));
                for cell in kept.cells(parts.cell) {
                    kept.in_cells.entry(cell).or_default().extend(parts.given.get(at));
                }
            }
        }
        // `seen[client] = time.time()`
        for row in r.store.iter().filter(|row| program.text(row.field) == "[]") {
            if let Some(map) = kept.map(Some(row.base), row.site) {
                kept.in_maps.entry(map).or_default().push(row.src);
            }
        }
        for op in meaning.operations.of_kind(OpKind::CacheWrite) {
            if let Some(key) = kept.key(op.site, OpKind::CacheWrite) {
                kept.in_caches.entry(key).or_default().extend(program.arguments(op.site).map(|row| row.var));
            }
        }
        kept
    }

    /// What is put into the map, or under the key of the cache, that a call asks.
    pub(crate) fn under_key(&self, site: SiteId) -> &[VarId] {
        let program = self.context.meaning.program;
        let found = match self.key(site, OpKind::CacheRead) {
            Some(key) => self.in_caches.get(&key),
            None => program
                .call(site)
                .filter(|call| matches!(program.text(call.name), "get" | "getOrDefault"))
                .and_then(|call| self.map(call.receiver, site))
                .and_then(|map| self.in_maps.get(&map)),
        };
        found.map_or(&[], Vec::as_slice)
    }

    /// What is put into the map that a function is run for each entry of, for one of its parameters:
    /// `seen.retain(|_, at| now - *at < ttl)`, `seen.values().removeIf(at -> …)`.
    pub(crate) fn of_each(&self, parameter: VarId) -> &[VarId] {
        let map = self.of_each.get(&parameter);
        map.and_then(|map| self.in_maps.get(map)).map_or(&[], Vec::as_slice)
    }

    fn goes_over(&mut self, call: &Call) {
        let program = self.context.meaning.program;
        let view = call.receiver.and_then(|receiver| program.call_giving(receiver));
        let view = view.filter(|call| matches!(program.text(call.name), "values" | "entrySet"));
        let Some(map) = self.map(view.map_or(call.receiver, |view| view.receiver), call.site) else { return };
        let given = program.arguments(call.site).filter_map(|row| program.closure(row.var));
        self.of_each.extend(given.flat_map(|function| program.parameters(function)).map(|row| (row.var, map)));
    }

    /// What stands under `field` in the objects that are kept in the map which `object` was taken from:
    /// `at.set(client, { t: Date.now() })`, also where it was made on the way: `entry = { t: Date.now() }; at.set(client, entry)`.
    pub(crate) fn entry(&self, object: VarId, field: Sym) -> Vec<VarId> {
        let meaning = self.context.meaning;
        let program = meaning.program;
        let held = |var: VarId| std::iter::once(var).chain(program.assigned_from(var).map(|row| row.src));
        let asked = held(object).filter_map(|var| program.call_giving(var)).map(|call| call.site);
        let asked = asked.chain(meaning.made_by(object));
        let kept: FxHashSet<VarId> = asked.flat_map(|site| self.under_key(site)).copied().flat_map(held).collect();
        let entries = kept.into_iter().flat_map(|var| program.entry_by_var.of(&program.facts.relations.entry, var));
        let mut found: Vec<VarId> = entries.filter(|row| row.key == field).map(|row| row.value).collect();
        found.sort_unstable();
        found
    }

    /// What is put into the cell that a call reads: `last.getAndSet(now)`, `self.last.load(Ordering::Relaxed)`,
    /// `atomic.LoadInt64(&last)`.
    pub(crate) fn in_cell(&self, read: &Call) -> Vec<VarId> {
        let Some(parts) = cell_parts(self.context, read) else { return Vec::new() };
        let reads = match parts.name {
            "get" | "getPlain" | "getAcquire" | "Load" => parts.given.is_empty(),
            "getAndSet" | "load" | "swap" | "Swap" => true,
            _ => false,
        };
        if !reads || !self.context.meaning.resolution.calls_at(read.site).is_empty() {
            return Vec::new();
        }
        let mut found: Vec<VarId> =
            self.cells(parts.cell).filter_map(|cell| self.in_cells.get(&cell)).flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    fn key(&self, site: SiteId, kind: OpKind) -> Option<Name> {
        let found = self.context.meaning.effects.at(site).find(|(effect, _)| effect.kind == kind);
        found.and_then(|(effect, _)| effect.key.pattern())
    }

    fn map(&self, receiver: Option<VarId>, site: SiteId) -> Option<Map> {
        let program = self.context.meaning.program;
        let receiver = receiver?;
        Some(match program.loaded_as(receiver) {
            Some(load) => Map::Field(load.field, program.function(self.context.function_of(site)).class),
            None => Map::Variable(receiver),
        })
    }

    fn cells(&self, var: VarId) -> impl Iterator<Item = Cell> + use<> {
        let meaning = self.context.meaning;
        let field = meaning.program.loaded_as(var).map(|load| Cell::Field(load.field, meaning.class_of(load.base)));
        std::iter::once(Cell::Variable(var)).chain(field)
    }
}

struct CellParts<'m> {
    name: &'m str,
    cell: VarId,
    given: Vec<VarId>,
}

/// The cell of a call, and what is given beside it.
fn cell_parts<'m>(context: &Context<'m>, call: &Call) -> Option<CellParts<'m>> {
    let program = context.meaning.program;
    let name = program.text(call.name);
    let given: Vec<VarId> = program.arguments(call.site).map(|row| row.var).collect();
    match given.split_first() {
        Some((cell, rest)) if name.ends_with("Int64") || name.ends_with("Uint64") => {
            Some(CellParts { name: of_package(name), cell: *cell, given: rest.to_vec() })
        }
        _ => Some(CellParts { name, cell: call.receiver?, given }),
    }
}

/// `atomic.LoadInt64` is called for what it does and for what it does that to.
fn of_package(name: &str) -> &str {
    name.trim_end_matches("Int64").trim_end_matches("Uint64")
}

/// Whether a call of this name puts a value into a cell that threads share.
fn puts_into_cell(name: &str) -> bool {
    matches!(
        of_package(name),
        "set"
            | "lazySet"
            | "setRelease"
            | "getAndSet"
            | "compareAndSet"
            | "store"
            | "Store"
            | "swap"
            | "Swap"
            | "CompareAndSwap"
            | "compare_exchange"
    )
}

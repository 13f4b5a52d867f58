//! Rows by what only some questions ask for: the name that they go by, the value that they keep. Each index is made when it is
//! first asked, once a run; without it each question would look through the whole relation.

use std::sync::{Mutex, OnceLock, PoisonError};

use distsys_facts::schema::{
    Argument, Call, Capture, Choice, Closure, Condition, Entry, Field, Handles, Load, Method, Store,
};
use distsys_facts::{FunctionId, IdKind, LiteralKind, RegionId, Sym, VarId};
use rustc_hash::FxHashMap;

use crate::csr::Csr;
use crate::program::Program;

/// The indices, empty until they are asked for.
#[derive(Debug, Default)]
pub(crate) struct ByName {
    loads: OnceLock<Csr>,
    stores: OnceLock<Csr>,
    entries: OnceLock<Csr>,
    arguments: OnceLock<Csr>,
    calls: OnceLock<Csr>,
    fields: OnceLock<Csr>,
    methods: OnceLock<Csr>,
    stores_by_src: OnceLock<Csr>,
    entries_by_value: OnceLock<Csr>,
    fields_by_value: OnceLock<Csr>,
    conditions_by_var: OnceLock<Csr>,
    choices_by_condition: OnceLock<Csr>,
    handles_by_handler: OnceLock<Csr>,
    closures: OnceLock<Csr>,
    captures: OnceLock<Csr>,
    says: Mutex<FxHashMap<(String, String), bool>>,
}

impl Program<'_> {
    fn by_symbol<'a, R>(
        &'a self,
        index: &'a OnceLock<Csr>,
        rows: &'a [R],
        name: Sym,
        key: impl Fn(&R) -> Sym,
    ) -> impl DoubleEndedIterator<Item = &'a R> + Clone {
        let index = index.get_or_init(|| Csr::by_symbol(self.facts.symbols.len(), rows, key));
        index.of_symbol(rows, name)
    }

    fn by_var<'a, R>(
        &'a self,
        index: &'a OnceLock<Csr>,
        rows: &'a [R],
        var: VarId,
        key: impl Fn(&R) -> Option<VarId>,
    ) -> impl DoubleEndedIterator<Item = &'a R> + Clone {
        index.get_or_init(|| Csr::by(self.facts.count(IdKind::Var), rows, key)).of(rows, var)
    }

    /// Where a member of this name is read.
    pub fn loads_of(&self, field: Sym) -> impl DoubleEndedIterator<Item = &Load> + Clone {
        self.by_symbol(&self.by_name.loads, &self.facts.relations.load, field, |row| row.field)
    }

    /// Where something is stored under this name.
    pub fn stores_under(&self, field: Sym) -> impl DoubleEndedIterator<Item = &Store> + Clone {
        self.by_symbol(&self.by_name.stores, &self.facts.relations.store, field, |row| row.field)
    }

    /// The entries of literal objects under this key.
    pub fn entries_under(&self, key: Sym) -> impl DoubleEndedIterator<Item = &Entry> + Clone {
        self.by_symbol(&self.by_name.entries, &self.facts.relations.entry, key, |row| row.key)
    }

    /// What calls are given by this keyword.
    pub fn arguments_named(&self, keyword: Sym) -> impl DoubleEndedIterator<Item = &Argument> + Clone {
        self.by_symbol(&self.by_name.arguments, &self.facts.relations.argument, keyword, |row| row.keyword)
    }

    /// The calls of whatever has this name.
    pub fn calls_named(&self, name: Sym) -> impl DoubleEndedIterator<Item = &Call> + Clone {
        self.by_symbol(&self.by_name.calls, &self.facts.relations.call, name, |row| row.name)
    }

    /// The fields of this name that classes declare.
    pub fn fields_named(&self, name: Sym) -> impl DoubleEndedIterator<Item = &Field> + Clone {
        self.by_symbol(&self.by_name.fields, &self.facts.relations.field, name, |row| row.name)
    }

    /// The methods of this name, of all classes.
    pub fn methods_named(&self, name: Sym) -> impl DoubleEndedIterator<Item = &Method> + Clone {
        self.by_symbol(&self.by_name.methods, &self.facts.relations.method, name, |row| row.name)
    }

    /// Where a value is stored in a field.
    pub fn stores_of(&self, value: VarId) -> impl DoubleEndedIterator<Item = &Store> + Clone {
        self.by_var(&self.by_name.stores_by_src, &self.facts.relations.store, value, |row| Some(row.src))
    }

    /// The entries of literal objects that a value is.
    pub fn entries_of(&self, value: VarId) -> impl DoubleEndedIterator<Item = &Entry> + Clone {
        self.by_var(&self.by_name.entries_by_value, &self.facts.relations.entry, value, |row| Some(row.value))
    }

    /// The fields whose declaration gives them a value.
    pub fn fields_of(&self, value: VarId) -> impl DoubleEndedIterator<Item = &Field> + Clone {
        self.by_var(&self.by_name.fields_by_value, &self.facts.relations.field, value, |row| row.value)
    }

    /// The arms that ask a value.
    pub fn conditions_on(&self, var: VarId) -> impl DoubleEndedIterator<Item = &Condition> + Clone {
        self.by_var(&self.by_name.conditions_by_var, &self.facts.relations.condition, var, |row| Some(row.var))
    }

    /// The choices (`a if var else b`) that a value makes.
    pub fn choices_on(&self, var: VarId) -> impl DoubleEndedIterator<Item = &Choice> + Clone {
        self.by_var(&self.by_name.choices_by_condition, &self.facts.relations.choice, var, |row| Some(row.condition))
    }

    /// The bodies that a handler or `finally` belongs to.
    pub fn handled_by(&self, handler: RegionId) -> impl DoubleEndedIterator<Item = &Handles> + Clone {
        let (rows, count) = (&self.facts.relations.handles, self.facts.count(IdKind::Region));
        self.by_name.handles_by_handler.get_or_init(|| Csr::by(count, rows, |row| Some(row.region))).of(rows, handler)
    }

    /// The values that a closure is.
    pub fn closures_of(&self, function: FunctionId) -> impl DoubleEndedIterator<Item = &Closure> + Clone {
        let (rows, count) = (&self.facts.relations.closure, self.facts.count(IdKind::Function));
        self.by_name.closures.get_or_init(|| Csr::by(count, rows, |row| Some(row.function))).of(rows, function)
    }

    /// Whether a text of the tree begins and ends so.
    pub fn says(&self, start: &str, end: &str) -> bool {
        let is_like =
            |text: &str| text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end);
        let look = || {
            let mut strings = self.facts.relations.literal.iter().filter(|row| row.kind == LiteralKind::String);
            strings.any(|row| is_like(self.text(row.value)))
        };
        let mut known = self.by_name.says.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry((start.to_owned(), end.to_owned())).or_insert_with(look)
    }

    /// What a closure sees of the functions around it.
    pub fn captured_by(&self, function: FunctionId) -> impl DoubleEndedIterator<Item = &Capture> + Clone {
        let (rows, count) = (&self.facts.relations.capture, self.facts.count(IdKind::Function));
        self.by_name.captures.get_or_init(|| Csr::by(count, rows, |row| Some(row.function))).of(rows, function)
    }
}

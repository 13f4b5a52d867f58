//! Columns: which of an entity's a write sets, a condition asks for, a copy holds.

use distsys_facts::schema::{Argument, Call, Sql};
use distsys_facts::{CallKind, SiteId, VarId, names_version};

use super::Meaning;
use super::filters;
use super::operations::{Found, Operand, Operations};
use super::own_effects::statements;
use super::reader::Reader;
use crate::operation::{Attr, OpKind};

/// The part of what a call gives that it puts into a variable by its address; it may be any column.
const FILLED: &str = "[&]";

/// A value is copied so often before it is handed on.
const MAX_COPIES: usize = 4;

/// How deep conditions within conditions are read.
pub(super) const MAX_CONDITION: u32 = 3;

/// Calls that set columns: `update(Order).values(state="paid")`, `.set({ state })`, `.update(state="paid")`.
fn sets_columns(name: &str) -> bool {
    matches!(
        name,
        "values"
            | "set"
            | "Set"
            | "SetMap"
            | "create"
            | "update"
            | "updateMany"
            | "updateOne"
            | "update_one"
            | "Updates"
            | "UpdateColumns"
            | "UpdateOne"
            | "UpdateMany"
            | "UpdateByID"
            | "FindOneAndUpdate"
            | "findOneAndUpdate"
            | "find_one_and_update"
            | "update_many"
            | "patch"
            | "patchAndFetch"
            | "patchAndFetchById"
    )
}

/// Calls that set one column: its name, then its value.
fn sets_one_column(name: &str) -> bool {
    matches!(name, "col_expr" | "value" | "Update" | "UpdateColumn")
}

/// Calls that say which rows a statement is about.
pub(super) fn asks_columns(name: &str) -> bool {
    matches!(name, "where" | "Where" | "exclude" | "filter" | "filter_by" | "and" | "And" | "andWhere" | "and_where")
}

/// Objects within objects that hold the columns of a write: `{ where, data: { state } }`.
fn holds_columns(key: &str) -> bool {
    matches!(key, "data" | "set" | "$set" | "values" | "defaults")
}

/// Objects in the place of a value that say what is done to the old one.
fn counts_on(key: &str) -> bool {
    matches!(key, "increment" | "decrement" | "multiply" | "divide")
}

/// The columns that a condition written as text compares with something; with a value beside it, a name alone is one.
fn columns_in_condition(text: &str, has_value: bool) -> impl Iterator<Item = &str> {
    let alone = (has_value && !text.is_empty() && text.chars().all(is_of_word)).then_some(text);
    // Where a comparison begins: `=`, `<`, `<=`; not at `<>`, nor at `->`.
    let begins = |(at, sign): (usize, &str)| {
        let (before, after) = (&text[..at], &text[at + sign.len()..]);
        !(before.ends_with(['<', '-']) && sign == ">" || sign == "<" && after.starts_with('>'))
    };
    let signs = text.match_indices(['=', '<', '>']).filter(move |sign| begins(*sign));
    let compared = signs.map(|(at, _)| last_word(text[..at].trim_end().trim_end_matches(['`', '"', ']'])));
    alone.into_iter().chain(compared.filter(|column| !column.is_empty()))
}

/// The word that a text ends in; empty if it ends otherwise.
pub(super) fn last_word(text: &str) -> &str {
    text.rsplit(|c| !is_of_word(c)).next().unwrap_or_default()
}

/// Whether a text has `word`, whole.
fn has_word(text: &str, word: &str) -> bool {
    text.split(|c| !is_of_word(c)).any(|part| part == word)
}

pub(super) fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What a text without a table sets, each column with its new value (`visits = visits + 1 where id = ?1`), and its condition.
fn assignments(text: &str) -> (Vec<(&str, &str)>, &str) {
    let lower = text.to_ascii_lowercase();
    let (set, condition) = match lower.find(" where ") {
        Some(at) => (&text[..at], &text[at + 7..]),
        None => (text, ""),
    };
    let parts = set.split(',').filter_map(|part| part.split_once('='));
    let parts = parts.map(|(before, value)| (last_word(before.trim_end()), value.trim()));
    (parts.filter(|(column, _)| !column.is_empty()).collect(), condition)
}

impl Reader<'_, '_> {
    /// Whether a write says by itself that the database counts on: `{ $inc: { cents } }`.
    pub(super) fn counts_by_operator(&self, site: SiteId) -> bool {
        let program = self.program;
        let objects = program.arguments(site).filter_map(|row| self.object(row.var));
        let r = &program.facts.relations;
        let entries: Vec<_> = objects.flat_map(|object| program.entry_by_var.of(&r.entry, object)).collect();
        // A version that is counted up beside what is set makes no sum of that.
        let sets = entries.iter().any(|row| program.text(row.key) == "$set");
        let only_version = |counted: VarId| {
            let object = self.object(counted).into_iter();
            let mut counted = object.flat_map(|object| program.entry_by_var.of(&r.entry, object)).peekable();
            counted.peek().is_some() && counted.all(|row| names_version(program.text(row.key)))
        };
        let mut counted = entries.iter().filter(|row| matches!(program.text(row.key), "$inc" | "$mul"));
        counted.any(|row| !(sets && only_version(row.value)))
    }
}

impl<'m, 'f> Reader<'m, 'f> {
    /// The calls that built a statement, `last` included.
    pub(super) fn builders(&self, last: SiteId) -> Vec<&'m Call> {
        std::iter::once(last).chain(self.chain_calls(last)).filter_map(|site| self.call(site)).collect()
    }

    /// The object that says which documents are updated, before the one that says how:
    /// `updateOne({ id, version }, { $set: { state, version: version + 1 } })`.
    fn filter_of(&self, call: &Call) -> Option<Argument> {
        const BY_FILTER: &[&str] = &[
            "updateOne",
            "updateMany",
            "findOneAndUpdate",
            "update_one",
            "update_many",
            "find_one_and_update",
            "UpdateOne",
            "UpdateMany",
            "FindOneAndUpdate",
            "replaceOne",
            "replace_one",
            "ReplaceOne",
            // TypeORM's; of others it takes one object.
            "update",
        ];
        if !BY_FILTER.contains(&self.program.text(call.name)) {
            return None;
        }
        let given = self.program.arguments(call.site).filter(|row| row.keyword.is_empty());
        let mut given = given.filter(|row| !self.is_carrier(row.var));
        let (filter, changes) = (given.next()?, given.next()?);
        let is_alone = self.program.text(call.name) == "update" && self.object(changes.var).is_none();
        self.object(filter.var).filter(|_| !is_alone).map(|_| *filter)
    }

    /// The columns that a built statement sets, each with its new value.
    pub(super) fn columns_set(&self, last: SiteId) -> Vec<(&'m str, VarId)> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut set = Vec::new();
        for call in self.builders(last) {
            let given: Vec<VarId> = program.arguments(call.site).map(|row| row.var).collect();
            match given[..] {
                // `.col_expr(order::Column::State, Expr::value("paid"))`
                [column, value, ..] if sets_one_column(program.text(call.name)) => {
                    set.extend(self.column_name(column).map(|name| (name, value)));
                }
                // `.set(ORDERS.STATE, "paid")`
                [column, value] if matches!(program.text(call.name), "set" | "Set") => {
                    set.extend(self.column_name(column).map(|name| (name, value)));
                    continue;
                }
                _ => {}
            }
            if !sets_columns(program.text(call.name)) {
                continue;
            }
            // `Pet.update("visits = visits + 1 where id = ?1", id)`
            if let Some((var, text)) = self.text_that_sets(call) {
                set.extend(assignments(text).0.into_iter().map(|(column, _)| (column, var)));
                continue;
            }
            let filter = self.filter_of(call).map(|filter| filter.var);
            for argument in program.arguments(call.site).filter(|row| Some(row.var) != filter) {
                set.extend(self.columns_compared(argument.var));
                let keyword = program.text(argument.keyword);
                let object = self.object(argument.var).or_else(|| self.object_built(argument.var));
                let entries = |object: VarId| {
                    program.entry_by_var.of(&r.entry, object).map(|row| (program.text(row.key), row.value))
                };
                match object {
                    _ if !keyword.is_empty() && !holds_columns(keyword) => set.push((keyword, argument.var)),
                    Some(object) => {
                        let inner = entries(object).filter(|(key, _)| holds_columns(key));
                        let inner: Vec<VarId> = inner.filter_map(|(_, value)| self.object(value)).collect();
                        match inner[..] {
                            [] => set.extend(entries(object)),
                            _ => set.extend(inner.into_iter().flat_map(entries)),
                        }
                    }
                    // `.Updates(Order{State: "paid"})`
                    None => {
                        let made = self.maker(argument.var).filter(|made| made.kind == CallKind::New);
                        let made = made.filter(|made| self.family(made.site).names_fields());
                        let fields = made.into_iter().flat_map(|made| program.arguments(made.site));
                        set.extend(fields.map(|row| (program.text(row.keyword), row.var)));
                    }
                }
            }
        }
        set.retain(|(column, _)| !column.is_empty());
        set
    }

    /// The text that says what a call sets, without a table.
    fn text_that_sets(&self, call: &Call) -> Option<(VarId, &'m str)> {
        let first = self.program.arguments(call.site).next().filter(|row| row.keyword.is_empty())?.var;
        let text =
            self.constant(first).filter(|text| self.program.text(call.name) == "update" && text.contains('='))?;
        Some((first, text))
    }

    /// `.set((eb) => ({ balance: eb("balance", "+", amount) }))`
    fn object_built(&self, var: VarId) -> Option<VarId> {
        let program = self.program;
        let given = program.returns_by_function.of(&program.facts.relations.returns, program.closure(var)?);
        given.filter_map(|row| row.var).find_map(|var| self.object(var))
    }

    /// `.set(orders::state.eq("paid"))`, `.set((a.eq(1), b.eq(2)))`
    fn columns_compared(&self, var: VarId) -> Vec<(&'m str, VarId)> {
        let program = self.program;
        let elements = program.element_by_var.of(&program.facts.relations.element, var).map(|row| row.value);
        let compared = std::iter::once(var).chain(elements).filter_map(|var| program.call_giving(var));
        let equal = compared.filter(|call| program.text(call.name) == "eq");
        equal
            .filter_map(|call| {
                let value = program.arguments(call.site).next()?;
                Some((self.column_name(call.receiver?)?, value.var))
            })
            .collect()
    }

    /// The column that `var` stands for: its name as text, or a member of that name.
    pub(super) fn column_name(&self, var: VarId) -> Option<&'m str> {
        let program = self.program;
        let loaded = || program.loaded_as(var).map(|load| program.text(load.field));
        let path = || program.global(var).and_then(|path| program.text(path).rsplit('.').next());
        self.constant(var).or_else(loaded).or_else(path).or_else(|| self.column_made(var))
    }

    /// The column that a call makes of its name: `field("state", String.class)`.
    fn column_made(&self, var: VarId) -> Option<&'m str> {
        let program = self.program;
        let call =
            program.call_giving(var).filter(|call| matches!(program.text(call.name), "field" | "column" | "col"))?;
        self.constant(program.arguments(call.site).next()?.var)
    }

    /// The columns that the conditions of a built statement compare with something: `.where(Order.state == "new")`.
    pub(super) fn columns_asked(&self, last: SiteId) -> Vec<&'m str> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut asked = Vec::new();
        let mut builders = self.builders(last);
        // `update(orders.filter(state.eq("new")))`
        let given = builders
            .iter()
            .flat_map(|call| program.arguments(call.site))
            .filter_map(|row| program.call_giving(row.var));
        let inner: Vec<&Call> = given.flat_map(|call| self.builders(call.site)).collect();
        builders.extend(inner);
        for call in builders {
            if let Some((_, text)) = self.text_that_sets(call) {
                asked.extend(columns_in_condition(assignments(text).1, false));
            }
            if let Some(filter) = self.filter_of(call).and_then(|filter| self.object(filter.var)) {
                let entries = program.entry_by_var.of(&r.entry, filter);
                asked.extend(entries.map(|row| program.text(row.key)).filter(|key| !key.is_empty()));
            }
            if !asks_columns(program.text(call.name)) {
                continue;
            }
            // `.Where("id = ? AND version = ?", id, seen)`, `.where("version", seen)`, `.where({ id, version })`
            let mut given = program.arguments(call.site).filter(|row| row.keyword.is_empty());
            if let Some(first) = given.next() {
                match self.constant(first.var) {
                    Some(text) => asked.extend(columns_in_condition(text, given.next().is_some())),
                    None => {
                        let object = self.object(first.var).into_iter();
                        let entries = object.flat_map(|object| program.entry_by_var.of(&r.entry, object));
                        asked.extend(entries.map(|row| program.text(row.key)));
                    }
                }
            }
            let mut stack: Vec<(VarId, u32)> = Vec::new();
            for argument in program.arguments(call.site) {
                asked.extend(Some(program.text(argument.keyword)).filter(|keyword| !keyword.is_empty()));
                stack.push((argument.var, 0));
            }
            while let Some((var, depth)) = stack.pop() {
                let compared = program.binary_by_dst.of(&r.binary, var);
                let sides = compared.flat_map(|row| std::iter::once(row.left).chain(row.right));
                // `Order.state.in_(...)`
                let test = program.call_giving(var);
                let tested = test.and_then(|call| call.receiver);
                // `and(eq(orders.state, "new"), …)`, `ORDERS.ID.eq(id).and(ORDERS.STATE.eq("new"))`, and text with holes.
                let given = test.into_iter().flat_map(|call| program.arguments(call.site)).map(|row| row.var);
                let joined = tested.filter(|var| program.call_giving(*var).is_some());
                let given: Vec<VarId> = given.chain(joined).chain(self.holes(var)).collect();
                let loads = sides.chain(tested).chain(given.iter().copied());
                let loads = loads.filter(|var| program.loaded_as(*var).is_some() || self.column_made(*var).is_some());
                asked.extend(loads.filter_map(|var| self.column_name(var)));
                if depth < MAX_CONDITION {
                    stack.extend(given.into_iter().map(|var| (var, depth + 1)));
                }
            }
        }
        asked
    }

    /// What is put into the text that `var` is.
    fn holes(&self, var: VarId) -> impl Iterator<Item = VarId> {
        let program = self.program;
        program.hole_by_var.of(&program.facts.relations.hole, var).map(|row| row.value)
    }

    /// Whether text for the database works on the column itself: ``sql`${orders.stock} - ${n}` ``, `raw("stock - ?", n)`.
    fn text_counts_on(&self, operations: &Operations, column: &str, text: VarId) -> bool {
        let counts = |text: &str| text.contains(['+', '-', '*']);
        if let Some(constant) = self.constant(text) {
            return counts(constant) && has_word(constant, column);
        }
        let Some(template) = self.program.template(text).map(|template| self.program.text(template)) else {
            return false;
        };
        counts(template)
            && (has_word(template, column) || self.holes(text).any(|hole| self.is_column(operations, column, hole)))
    }

    /// Whether an expression is built of the column, an operator and a number: `eb("balance", "+", amount)`.
    fn built_to_count_on(&self, column: &str, built: SiteId) -> bool {
        let given: Vec<VarId> = self.program.arguments(built).map(|row| row.var).collect();
        let [left, operator, _] = given[..] else { return false };
        self.constant(operator).is_some_and(|text| matches!(text, "+" | "-" | "*"))
            && self.constant(left) == Some(column)
    }

    /// Whether the new value of `column` is counted on from what the row holds: `Account.balance + amount`.
    pub(super) fn is_counted_on(&self, operations: &Operations, column: &str, value: VarId) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        // `{ balance: { increment: amount } }`
        if let Some(object) = self.object(value)
            && program.entry_by_var.of(&r.entry, object).any(|row| counts_on(program.text(row.key)))
        {
            return true;
        }
        if let Some(text) = self.constant(value) {
            return assignments(text)
                .0
                .into_iter()
                .any(|(known, value)| known == column && value.contains(['+', '-', '*']) && has_word(value, column));
        }
        let made = program.call_giving(value);
        let text = made.and_then(|call| program.arguments(call.site).next());
        if text.is_some_and(|row| self.text_counts_on(operations, column, row.var)) {
            return true;
        }
        if made.is_some_and(|call| self.built_to_count_on(column, call.site)) {
            return true;
        }
        let added = made.filter(|call| matches!(program.text(call.name), "add" | "sub" | "mul"));
        if added.and_then(|call| call.receiver).is_some_and(|receiver| self.is_column(operations, column, receiver)) {
            return true;
        }
        program.binary_by_dst.of(&r.binary, value).any(|row| {
            let counts = matches!(program.text(row.operator), "+" | "-" | "*");
            counts && std::iter::once(row.left).chain(row.right).any(|side| self.is_column(operations, column, side))
        })
    }

    fn is_column(&self, operations: &Operations, column: &str, var: VarId) -> bool {
        let program = self.program;
        // Of the class, which stands for the column; of an object it would be what was read.
        if let Some(load) = program.loaded_as(var) {
            // `const orders = pgTable("orders", …)`
            let makes_table = |call: &Call| operations.at(call.site).next().is_none();
            let is_table = || self.maker(load.base).is_some_and(makes_table) && self.made_under(load.base).is_some();
            return program.text(load.field) == column
                && (self.is_class(load.base) || self.is_named(load.base) || is_table());
        }
        // `Expr::col(Column::Cents).add(cents)`
        let ops = program.call_giving(var).into_iter().flat_map(|call| operations.at(call.site));
        ops.filter(|op| op.kind == OpKind::Column).any(|op| match self.attribute(op, Attr::Key) {
            Found::Is(Operand::Var(key)) => self.column_name(key) == Some(column),
            _ => false,
        })
    }
}

impl<'m> Meaning<'m> {
    /// The columns that the calls which built the write at `site` set, each with its new value.
    pub fn columns_set(&self, site: SiteId) -> Vec<(&'m str, VarId)> {
        self.reader().columns_set(site)
    }

    /// What `var` is read out of by the name of a column, with that name: `record.get(ORDERS.TOTAL)`, `row.getLong("total")`.
    pub fn read_by_column(&self, var: VarId) -> Option<(VarId, &'m str)> {
        let call = self.program.call_giving(var).filter(|call| self.program.text(call.name).starts_with("get"))?;
        let mut given = self.program.arguments(call.site).map(|row| row.var);
        Some((call.receiver?, self.reader().column_name(given.next()?)?))
    }

    /// The fields that a new object of the project's is given before the write at `site` stores it (`session.add(Order(n=1))`);
    /// empty if not all of them are seen.
    pub fn fields_given(&self, site: SiteId) -> Vec<&'m str> {
        let (program, reader) = (self.program, self.reader());
        let Some(call) = program.call(site) else { return Vec::new() };
        let Some(object) = program.arguments(site).next().map(|row| row.var).or(call.receiver) else {
            return Vec::new();
        };
        let Some(made) = reader.maker(object).filter(|made| reader.class_of(made.result).is_some()) else {
            return Vec::new();
        };
        let mut given = Vec::new();
        for row in program.arguments(made.site) {
            match program.text(row.keyword) {
                "" | "*" | "**" => return Vec::new(),
                keyword => given.push(keyword),
            }
        }
        let holders = program.assign_by_src.of(&program.facts.relations.assign, made.result).map(|row| row.dst);
        for holder in holders.chain([object]) {
            given.extend(program.stores_to(holder).map(|store| program.text(store.field)));
        }
        given
    }

    /// Whether a write compares what it sets, so that the second of two finds another row:
    /// `updateMany({ where: { id, state: "new" }, data: { state: "done" } })`.
    pub fn compares_and_sets(&self, site: SiteId) -> bool {
        let (program, reader) = (self.program, self.reader());
        let r = &program.facts.relations;
        let entries = |object: VarId| program.entry_by_var.of(&r.entry, object);
        let given = program.arguments(site).filter_map(|row| reader.object(row.var));
        let filters = given.flat_map(entries).filter(|row| program.text(row.key) == "where");
        // `{ not: "paid" }` asks for no value.
        let equal = filters
            .filter_map(|row| reader.object(row.value))
            .flat_map(entries)
            .filter(|row| reader.object(row.value).is_none());
        let asked: Vec<&str> =
            equal.map(|row| program.text(row.key)).filter(|key| !matches!(*key, "" | "**")).collect();
        !asked.is_empty() && self.columns_set(site).iter().any(|(column, _)| asked.contains(column))
    }

    /// The columns that the write at `site` sets; empty if they are not known.
    pub fn columns_written(&self, site: SiteId) -> Vec<&'m str> {
        let (program, reader) = (self.program, self.reader());
        let r = &program.facts.relations;
        if let Ok(at) = r.store.binary_search_by_key(&site, |row| row.site) {
            return vec![program.text(r.store[at].field)];
        }
        if let Some(named) = self.columns_named(site) {
            return named;
        }
        let last = self.built(site).map_or(site, |call| call.site);
        let texts = self.texts_run(site);
        let of_text =
            texts.iter().flat_map(|row| program.text(row.columns).split(',')).filter(|column| !column.is_empty());
        let set = reader.columns_set(last).into_iter().map(|(column, _)| column);
        let told: Vec<&str> =
            set.chain(of_text).chain(self.columns_made_with(site)).filter(|column| *column != "id").collect();
        if !told.is_empty() {
            return told;
        }
        self.columns_stored(site).into_iter().map(|(column, _)| column).collect()
    }

    /// The call that made the statement which is run at a place.
    fn built(&self, site: SiteId) -> Option<&'m Call> {
        let op = self.operations.at(site).find(|op| op.kind == OpKind::Sql)?;
        let run = match self.attribute(op, Attr::Sql) {
            Found::Is(Operand::Var(var)) => Some(var),
            _ => None,
        };
        let first = || self.program.arguments(site).next().map(|row| row.var);
        run.or_else(first).and_then(|var| self.reader().maker(var))
    }

    /// The columns by which the statement at `site` chooses its rows, as far as they are known.
    pub fn columns_filtered(&self, site: SiteId) -> Vec<&'m str> {
        let (program, reader) = (self.program, self.reader());
        let asked = reader.columns_asked(self.built(site).map_or(site, |call| call.site));
        let texts = self.texts_run(site);
        let of_text = texts.iter().flat_map(|row| program.text(row.where_columns).split(','));
        let of_objects = reader.columns_in_filters(site);
        let all = asked.into_iter().chain(of_text).chain(of_objects).filter(|column| !column.is_empty());
        all.map(filters::without_lookup).collect()
    }

    /// The columns that a read names (`select: { expires: true }`), or that a write does: `save(update_fields=["stock"])`.
    pub fn columns_named(&self, site: SiteId) -> Option<Vec<&'m str>> {
        let program = self.program;
        // `session.scalar(select(Order.total))`: the statement says it.
        let built =
            self.built(site).into_iter().flat_map(|call| self.reader().builders(call.site)).map(|call| call.site);
        let said = built.flat_map(|site| self.operations.at(site)).filter(|op| op.kind == OpKind::Statement);
        let mut found = self.operations.at(site).chain(said).map(|op| self.attribute(op, Attr::Columns));
        let Some(Found::Is(Operand::Var(var))) = found.find(|found| matches!(found, Found::Is(_))) else { return None };
        if let Some(column) = self.reader().column_name(var) {
            return Some(vec![column]);
        }
        // `save({ total, customer })`
        let object = self.reader().object(var);
        let entries = object.into_iter().flat_map(|var| program.entry_by_var.of(&program.facts.relations.entry, var));
        let keys: Vec<&str> = entries.map(|row| program.text(row.key)).collect();
        if !keys.is_empty() {
            return Some(keys);
        }
        let elements = program.element_by_var.of(&program.facts.relations.element, var);
        let columns: Option<Vec<&str>> = elements.map(|row| self.reader().column_name(row.value)).collect();
        columns.filter(|columns| !columns.is_empty())
    }

    /// Whether the text at `site` puts a row in, or counts up the one that is there: `ON CONFLICT … SET count = count + 1`.
    pub fn is_tally(&self, site: SiteId) -> bool {
        self.texts_run(site).iter().any(|row| self.program.has_clause(row, "tally"))
    }

    /// The statements, written as text, that are run at a place.
    pub(super) fn texts_run(&self, site: SiteId) -> Vec<Sql> {
        let (program, reader) = (self.program, self.reader());
        let run = self.operations.at(site).filter_map(|op| match self.attribute(op, Attr::Sql) {
            Found::Is(Operand::Var(var)) => Some(var),
            _ => None,
        });
        let texts: Vec<Sql> = run.flat_map(|var| statements(reader, var)).collect();
        match texts.is_empty() {
            true => program
                .arguments(site)
                .flat_map(|row| program.sql_by_var.of(&program.facts.relations.sql, row.var))
                .copied()
                .collect(),
            false => texts,
        }
    }

    /// The columns that an object is made with where it is written: `order::ActiveModel { state: Set(paid), .. }.update(db)`.
    fn columns_made_with(&self, site: SiteId) -> impl Iterator<Item = &'m str> {
        let program = self.program;
        let receiver = program.call(site).and_then(|call| call.receiver);
        let saved = receiver.into_iter().chain(program.arguments(site).map(|row| row.var));
        let made = saved.filter_map(|var| self.reader().maker(var)).filter(|call| call.kind == CallKind::New);
        let columns = made.flat_map(|call| program.arguments(call.site)).map(|row| program.text(row.keyword));
        columns.filter(|column| !column.is_empty() && *column != "**")
    }

    /// The columns that are set on an object before it is saved, each with its value: `order.state = "paid"`, then `order.save()`.
    pub fn columns_stored(&self, site: SiteId) -> Vec<(&'m str, VarId)> {
        let program = self.program;
        let receiver = program.call(site).and_then(|call| call.receiver);
        let saved = receiver.into_iter().chain(program.arguments(site).map(|row| row.var));
        let stores = saved.flat_map(|var| program.stores_to(var)).filter(|row| self.precedes(row.site, site));
        stores.map(|row| (program.text(row.field), row.src)).collect()
    }

    /// The columns of what was read as `row` that `value` is made from; empty if it may be all of them.
    pub fn columns_held(&self, row: VarId, value: VarId) -> Vec<&'m str> {
        let program = self.program;
        let r = &program.facts.relations;
        let is_row = |var: VarId| var == row || self.made_from(var).contains(&row);
        let reader = self.reader();
        // `str(row.price)`, `row.created_at.isoformat()`: the column in another form.
        let converted = |part: VarId| {
            // `row.getPrice()`: what an accessor gives is the field.
            let mut given = program.assigned_from(part).map(|row| row.src);
            if let Some(field) = given.find(|src| program.loaded_as(*src).is_some()) {
                return field;
            }
            let call = program.call_giving(part).filter(|call| reader.resolution.calls_at(call.site).is_empty());
            let mut given = call.into_iter().flat_map(|call| {
                call.receiver
                    .filter(|var| !reader.is_named(*var))
                    .into_iter()
                    .chain(program.arguments(call.site).map(|row| row.var))
            });
            match (given.next(), given.next()) {
                (Some(only), None) => only,
                _ => part,
            }
        };
        // `data = cache.get(key)`, and where there is none `data = {"name": row.name}`.
        let mut ways: Vec<VarId> = reader.ways(value).into_iter().filter(|way| is_row(*way)).collect();
        // `row && { name: row.name }`: what is given instead is no row.
        let chosen = std::iter::successors(Some(value), |at| program.only_source(*at)).take(MAX_COPIES);
        let chosen = chosen.into_iter().find_map(|at| program.chosen(at)).filter(|row| row.otherwise == row.condition);
        ways.retain(|way| chosen.is_none_or(|row| *way != row.otherwise));
        if ways.is_empty() {
            ways.push(value);
        }
        // `json.dumps(data)`
        ways.iter_mut().for_each(|way| *way = if reader.object(*way).is_none() { converted(*way) } else { *way });
        let alone: Option<Vec<&str>> = ways
            .iter()
            .map(|way| {
                let load = program.loaded_as(converted(*way)).filter(|load| is_row(load.base))?;
                Some(program.text(load.field)).filter(|field| *field != FILLED)
            })
            .collect();
        if let Some(columns) = alone {
            return if columns.iter().any(|field| is_of_result(field)) { Vec::new() } else { columns };
        }
        let objects: Option<Vec<VarId>> = ways.into_iter().map(|way| reader.object(way)).collect();
        let Some(objects) = objects else { return Vec::new() };
        let parts =
            objects.into_iter().flat_map(|object| program.entry_by_var.of(&r.entry, object).map(|row| row.value));
        let parts: Vec<VarId> = parts.collect();
        let mut held = Vec::new();
        for part in parts.into_iter().filter(|part| is_row(*part)) {
            match program.loaded_as(converted(part)) {
                Some(load) if is_row(load.base) && !is_of_result(program.text(load.field)) => {
                    held.push(program.text(load.field));
                }
                _ => return Vec::new(),
            }
        }
        held
    }
}

/// Whether a member of what a query gives is no column: its rows, one of them, or what stands at a position of a row.
fn is_of_result(field: &str) -> bool {
    field.starts_with('[')
        || field == "*"
        || field.bytes().all(|byte| byte.is_ascii_digit())
        || matches!(field, "rows" | "recordset" | "recordsets")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_taken_apart_at_words_of_any_script() {
        assert_eq!(assignments("visits = visits + 1 where id = ?1"), (vec![("visits", "visits + 1")], "id = ?1"));
        assert_eq!(assignments("a→größe = größe + 1, →= 2").0, [("größe", "größe + 1")]);
        assert_eq!(columns_in_condition("→id = 1 and `größe` = 2", false).collect::<Vec<_>>(), ["id", "größe"]);
        let asked = |text| columns_in_condition(text, false).collect::<Vec<_>>();
        assert_eq!(asked("id = ? AND version < ?"), ["id", "version"]);
        assert_eq!(asked("version <= ? AND seen >= ? AND state <> 'new' AND data->'x' = 1"), ["version", "seen"]);
        assert!(has_word("größe + 1", "größe") && !has_word("sizes + 1", "size"));
    }
}

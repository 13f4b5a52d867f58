//! Values and the sites that make them: calls, loads, stores, literals.

use distsys_facts::schema::{
    Argument, Assign, Binary, Call, Choice, ClassValue, Closure, DeclaredType, Element, Entry, FurtherResult, Hole,
    Literal, Load, Releases, Returns, Site, Sql, Store, Suspend, Template, Throws, Yields,
};
use distsys_facts::{CallKind, ClassId, FunctionFlags, FunctionId, LiteralKind, SiteId, SiteKind, Sym, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Lowering, Span};
use crate::sql;

/// What is called.
#[derive(Clone, Copy, Debug)]
pub enum Callee<'a> {
    /// `f(…)`: the value `f`, by the name it is written as (empty: an expression).
    Value(VarId, &'a str),
    /// `receiver.name(…)`.
    Member(VarId, &'a str),
}

/// An argument of a call.
#[derive(Clone, Copy, Debug)]
pub enum Arg<'a> {
    Positional(VarId),
    Keyword(&'a str, VarId),
    /// `*xs`, `...xs`.
    Spread(VarId),
    /// `**xs`; also Rust's `..base` in struct literals.
    SpreadKeywords(VarId),
}

const NO_POSITION: u32 = u32::MAX;

impl Lowering<'_> {
    /// A temporary.
    pub fn fresh_var(&mut self) -> VarId {
        self.facts.fresh()
    }

    fn site(&mut self, kind: SiteKind, span: Span) -> SiteId {
        let site: SiteId = self.facts.fresh();
        let (start, end) = (self.source.position(span.start), self.source.position(span.end));
        let (function, region, block) = (self.function(), self.region(), self.block());
        self.facts.relations.site.push(Site { site, function, region, block, kind, start, end });
        site
    }

    /// A call whose callee and arguments were lowered before; gives its site and its value.
    pub fn call(&mut self, kind: CallKind, callee: Callee<'_>, arguments: &[Arg<'_>], span: Span) -> (SiteId, VarId) {
        let site = self.site(SiteKind::Call, span);
        let result = self.fresh_var();
        let (callee, receiver, name) = match callee {
            Callee::Value(var, name) => (Some(var), None, name),
            Callee::Member(var, name) => (None, Some(var), name),
        };
        let name = self.facts.intern(name);
        self.facts.relations.call.push(Call { site, kind, callee, receiver, name, result });
        let mut next = 0;
        for argument in arguments {
            let (position, keyword, var) = match *argument {
                Arg::Positional(var) => {
                    next += 1;
                    (next - 1, Sym::EMPTY, var)
                }
                Arg::Keyword(name, var) => (NO_POSITION, self.facts.intern(name), var),
                Arg::Spread(var) => {
                    next += 1;
                    (next - 1, self.facts.intern("*"), var)
                }
                Arg::SpreadKeywords(var) => (NO_POSITION, self.facts.intern("**"), var),
            };
            self.facts.relations.argument.push(Argument { site, position, keyword, var });
        }
        (site, result)
    }

    /// `await var`; the value awaited.
    pub fn await_(&mut self, var: VarId, span: Span) -> VarId {
        self.suspend(Some(var), span);
        let value = self.fresh_var();
        self.assign(value, var);
        value
    }

    /// A suspension point without a value of its own (a turn of `async for`, `async with`).
    pub fn suspend(&mut self, var: Option<VarId>, span: Span) -> SiteId {
        let site = self.site(SiteKind::Await, span);
        self.facts.relations.suspend.push(Suspend { site, var });
        site
    }

    /// Ends the block: what follows is not reached from here.
    pub fn return_(&mut self, var: Option<VarId>, span: Span) {
        self.result(var, span);
        self.leave_function();
    }

    /// Likewise, with further results, each with its index.
    pub fn return_several(&mut self, var: Option<VarId>, further: &[(u32, VarId)], span: Span) {
        let site = self.result(var, span);
        for &(index, var) in further {
            self.further_result(site, index, var);
        }
        self.leave_function();
    }

    /// The value of a function whose end is reached (an expression body).
    pub fn result(&mut self, var: Option<VarId>, span: Span) -> SiteId {
        let site = self.site(SiteKind::Return, span);
        let function = self.function();
        self.facts.relations.returns.push(Returns { site, function, var });
        site
    }

    /// A value that the function gives at `site` beside the first one.
    pub fn further_result(&mut self, site: SiteId, index: u32, var: VarId) {
        let function = self.function();
        self.facts.relations.further_result.push(FurtherResult { site, function, index, var });
    }

    pub fn throw(&mut self, var: Option<VarId>, span: Span) {
        let site = self.site(SiteKind::Throw, span);
        self.facts.relations.throws.push(Throws { site, var });
        self.leave_by_exception();
    }

    /// Says that control may leave here with an error (`?`), or go on.
    pub fn may_throw(&mut self, var: VarId, span: Span) {
        let site = self.site(SiteKind::Throw, span);
        self.facts.relations.throws.push(Throws { site, var: Some(var) });
    }

    /// Marks the function as a generator; the value is what the consumer sends back.
    pub fn yield_(&mut self, var: Option<VarId>, span: Span) -> VarId {
        let site = self.site(SiteKind::Yield, span);
        let function = self.function();
        self.facts.relations.yields.push(Yields { site, function, var });
        self.add_function_flags(function, FunctionFlags::GENERATOR);
        self.fresh_var()
    }

    pub fn release(&mut self, var: VarId, span: Span) {
        let site = self.site(SiteKind::Release, span);
        self.facts.relations.releases.push(Releases { site, var });
    }

    pub fn assign(&mut self, dst: VarId, src: VarId) {
        if dst != src {
            self.facts.relations.assign.push(Assign { dst, src });
        }
    }

    /// `taken if condition else otherwise`: its arms were lowered before, and reach `dst` by [`Self::assign`].
    pub fn choice(&mut self, dst: VarId, condition: VarId, taken: VarId, otherwise: VarId) {
        self.facts.relations.choice.push(Choice { dst, condition, taken, otherwise });
    }

    pub fn load(&mut self, base: VarId, field: &str) -> VarId {
        let dst = self.fresh_var();
        self.load_to(dst, base, field);
        dst
    }

    pub fn load_to(&mut self, dst: VarId, base: VarId, field: &str) {
        let field = self.facts.intern(field);
        self.facts.relations.load.push(Load { dst, base, field });
    }

    pub fn store(&mut self, base: VarId, field: &str, src: VarId, span: Span) -> SiteId {
        let site = self.site(SiteKind::Store, span);
        let field = self.facts.intern(field);
        self.facts.relations.store.push(Store { site, base, field, src });
        site
    }

    pub fn binary(&mut self, operator: &str, left: VarId, right: Option<VarId>, span: Span) -> VarId {
        let site = self.site(SiteKind::Operation, span);
        let dst = self.fresh_var();
        let operator = self.facts.intern(operator);
        self.facts.relations.binary.push(Binary { site, dst, operator, left, right });
        dst
    }

    /// The part of `base` before `end`, of the same kind as the whole.
    pub fn slice(&mut self, base: VarId, end: Option<VarId>, span: Span) -> VarId {
        let part = match end {
            Some(_) => self.binary("[..]", base, end, span),
            None => self.fresh_var(),
        };
        self.assign(part, base);
        part
    }

    /// A literal; equal ones are one variable a file. Text that is SQL is read.
    pub fn literal(&mut self, kind: LiteralKind, value: &str) -> VarId {
        let sym = self.facts.intern(value);
        if let Some(&var) = self.literals.get(&(kind, sym)) {
            return var;
        }
        let var = self.fresh_var();
        self.literals.insert((kind, sym), var);
        self.facts.relations.literal.push(Literal { var, kind, value: sym });
        if kind == LiteralKind::String {
            self.sql(var, value);
        }
        var
    }

    pub fn string(&mut self, value: &str) -> VarId {
        self.literal(LiteralKind::String, value)
    }

    pub fn null(&mut self) -> VarId {
        self.literal(LiteralKind::Null, "null")
    }

    /// Text with a `{}` for each of `holes`.
    pub fn template(&mut self, text: &str, holes: &[VarId]) -> VarId {
        if holes.is_empty() {
            return self.string(text);
        }
        let var = self.fresh_var();
        let sym = self.facts.intern(text);
        self.facts.relations.template.push(Template { var, text: sym });
        for (index, &value) in holes.iter().enumerate() {
            self.facts.relations.hole.push(Hole { var, index: index as u32, value });
        }
        self.sql(var, text);
        var
    }

    fn sql(&mut self, var: VarId, text: &str) {
        for (index, statement) in sql::read(text).into_iter().enumerate() {
            let row = Sql {
                var,
                index: index as u32,
                verb: statement.verb,
                table: self.facts.intern(&statement.table),
                columns: self.facts.intern(&statement.columns.join(",")),
                where_columns: self.facts.intern(&statement.where_columns.join(",")),
                clauses: self.facts.intern(&statement.clauses.join(",")),
            };
            self.facts.relations.sql.push(row);
        }
    }

    /// Statements that go on from one that the file has under a name are that text and their own: `selectOrder + " FOR UPDATE"`.
    pub(super) fn continue_statements(&mut self) {
        let r = &self.facts.relations;
        let goes_on = |text: &str| text.strip_prefix("{}").is_some_and(|rest| rest.starts_with(char::is_whitespace));
        let open: Vec<usize> =
            (0..r.template.len()).filter(|row| goes_on(self.facts.text(r.template[*row].text))).collect();
        if open.is_empty() {
            return;
        }
        let read: FxHashSet<VarId> = r.sql.iter().map(|row| row.var).collect();
        let begun = r.literal.iter().filter(|row| read.contains(&row.var)).map(|row| (row.var, row.value));
        let begun: FxHashMap<VarId, Sym> = begun.collect();
        let first = r.hole.iter().filter(|row| row.index == 0).map(|row| (row.var, row.value));
        let first: FxHashMap<VarId, VarId> = first.collect();
        let mut assigned: FxHashMap<VarId, Option<VarId>> = FxHashMap::default();
        for row in &r.assign {
            assigned.entry(row.dst).and_modify(|known| *known = None).or_insert(Some(row.src));
        }
        let mut whole: FxHashMap<VarId, (usize, String)> = FxHashMap::default();
        for row in open {
            let Template { var, text } = r.template[row];
            let Some(&name) = first.get(&var) else { continue };
            let Some(begin) = assigned.get(&name).copied().flatten().and_then(|held| begun.get(&held)) else {
                continue;
            };
            let (begin, rest) = (self.facts.text(*begin), self.facts.text(text).strip_prefix("{}").unwrap_or_default());
            if !begin.contains("{}") {
                whole.insert(var, (row, format!("{begin}{rest}")));
            }
        }
        self.facts.relations.hole.retain(|row| row.index > 0 || !whole.contains_key(&row.var));
        for row in self.facts.relations.hole.iter_mut().filter(|row| whole.contains_key(&row.var)) {
            row.index -= 1;
        }
        let mut whole: Vec<(VarId, (usize, String))> = whole.into_iter().collect();
        whole.sort_unstable_by_key(|(var, _)| *var);
        for (var, (row, text)) in whole {
            self.facts.relations.template[row].text = self.facts.intern(&text);
            self.sql(var, &text);
        }
    }

    /// An empty object, dictionary or keyword literal; entries follow.
    pub fn object(&mut self) -> VarId {
        self.fresh_var()
    }

    /// An object literal without entries: it takes in nothing, and is known to be one.
    pub fn empty_object(&mut self) -> VarId {
        let (object, nothing) = (self.fresh_var(), self.null());
        self.entry(object, "**", nothing);
        object
    }

    /// `key` is empty if computed, `**` to take in all entries of `value`.
    pub fn entry(&mut self, object: VarId, key: &str, value: VarId) {
        let key = self.facts.intern(key);
        self.facts.relations.entry.push(Entry { var: object, key, value });
    }

    pub fn array(&mut self, elements: &[VarId]) -> VarId {
        let var = self.fresh_var();
        for (index, &value) in elements.iter().enumerate() {
            self.facts.relations.element.push(Element { var, index: index as u32, value });
        }
        var
    }

    pub fn function_value(&mut self, function: FunctionId) -> VarId {
        let var = self.fresh_var();
        self.function_value_to(var, function);
        var
    }

    pub fn function_value_to(&mut self, var: VarId, function: FunctionId) {
        self.facts.relations.closure.push(Closure { var, function });
    }

    pub fn class_value_to(&mut self, var: VarId, class: ClassId) {
        self.facts.relations.class_value.push(ClassValue { var, class });
    }

    /// The type that was last declared of a variable.
    pub fn declared_type(&self, var: VarId) -> Option<String> {
        let mut rows = self.facts.relations.declared_type.iter().rev();
        rows.find(|row| row.var == var).map(|row| self.facts.text(row.type_).to_owned())
    }

    /// `type_` in the schema's spelling; nothing is recorded if it is empty.
    pub fn declare_type(&mut self, var: VarId, type_: &str) {
        if !type_.is_empty() {
            let type_ = self.facts.intern(type_);
            self.facts.relations.declared_type.push(DeclaredType { var, type_ });
        }
    }
}

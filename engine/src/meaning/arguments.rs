//! Arguments of calls and entries of options objects: by position, by name, by path.

use distsys_facts::schema::{Binary, Call};
use distsys_facts::{CallKind, ParameterKind, SiteId, VarId};

use super::callbacks::parameter_of;
use super::operations::{Found, Operand};
use super::reader::{MAX_CHAIN, Reader, is_var};
use super::spelled::same_key;
use super::turns::Turn;
use crate::model::Returned;
use crate::resolve::{Value, ValueKind};

impl<'m> Reader<'m, '_> {
    /// The call of this name that a value is given to.
    pub(super) fn passed_to(&self, var: VarId, name: &str) -> Option<&'m Call> {
        let program = self.program;
        let r = &program.facts.relations;
        let copies = program.assign_by_src.of(&r.assign, var).map(|row| row.dst);
        let given = std::iter::once(var).chain(copies).flat_map(|var| program.argument_by_var.of(&r.argument, var));
        given.filter_map(|row| self.call(row.site)).find(|call| program.text(call.name) == name)
    }

    pub(super) fn call(&self, site: SiteId) -> Option<&'m Call> {
        self.program.call(site)
    }

    pub(super) fn argument(&self, site: SiteId, position: usize) -> Option<VarId> {
        self.program.arguments(site).find(|row| row.position as usize == position).map(|row| row.var)
    }

    pub(super) fn position(&self, site: SiteId, position: usize, path: &[String]) -> Found {
        for row in self.program.arguments(site).filter(|row| row.position != u32::MAX) {
            if self.program.text(row.keyword) == "*" {
                if row.position as usize == position && self.is_gathered(row.var) {
                    return self.within(row.var, path);
                }
                if row.position as usize <= position {
                    return Found::Unknown;
                }
            } else if row.position as usize == position {
                return self.within(row.var, path);
            }
        }
        Found::Absent
    }

    /// Whether `var` is what is left of the arguments of its function: `func (c *Cache) Drop(keys ...string)`.
    pub(super) fn is_gathered(&self, var: VarId) -> bool {
        let parameter = parameter_of(*self, var).and_then(|var| self.program.parameter(var));
        parameter.is_some_and(|row| row.kind == ParameterKind::Rest)
    }

    pub(super) fn named(&self, site: SiteId, name: &str, path: &[String]) -> Found {
        let program = self.program;
        let mut unknown = false;
        for row in program.arguments(site) {
            let keyword = program.text(row.keyword);
            if same_key(keyword, name) {
                return self.within(row.var, path);
            }
            match keyword {
                "**" => {
                    let mut whole = vec![name.to_owned()];
                    whole.extend(path.iter().cloned());
                    match self.within(row.var, &whole) {
                        Found::Absent => {}
                        Found::Unknown => unknown = true,
                        found => return found,
                    }
                }
                "" if self.object(row.var).is_some() => {
                    let mut whole = vec![name.to_owned()];
                    whole.extend(path.iter().cloned());
                    match self.within(row.var, &whole) {
                        Found::Absent => {}
                        found => return found,
                    }
                }
                _ => {}
            }
        }
        match self.bound_before(site) {
            _ if unknown => Found::Unknown,
            Some(bound) => self.named(bound, name, path),
            None => Found::Absent,
        }
    }

    /// The call that has given what is called at `site` some of its arguments: `get = partial(requests.get, timeout=4)`.
    fn bound_before(&self, site: SiteId) -> Option<SiteId> {
        let call = self.call(site).filter(|call| call.receiver.is_none())?;
        let bound = self.only_maker(call.callee?).filter(|bound| bound.site != site)?;
        let (_, path, _) = self.resolution.external_at(bound.site).first()?;
        let paths = &self.resolution.paths;
        let hands_on = self.models.returns(paths.family(*path), paths.text(*path)) == Some(&Returned::Argument(0));
        (hands_on && self.program.arguments(bound.site).nth(1).is_some()).then_some(bound.site)
    }

    /// What the keyword arguments of a call say at a path.
    pub(super) fn keyword(&self, site: SiteId, path: &[String]) -> Found {
        match path.split_first() {
            Some((first, rest)) => self.named(site, first, rest),
            None => Found::Unknown,
        }
    }

    /// The object literal that `var` surely is.
    pub(super) fn object(&self, var: VarId) -> Option<VarId> {
        let program = self.program;
        let mut at = var;
        for _ in 0..MAX_CHAIN {
            let r = &program.facts.relations;
            if program.entry_by_var.of(&r.entry, at).next().is_some() {
                return Some(at);
            }
            match program.only_source(at).filter(|_| program.parameter(at).is_none()) {
                Some(source) => at = source,
                None => break,
            }
        }
        if program.parameter(at).is_some() {
            return None;
        }
        let mut values = self.resolution.values_of(at);
        match (values.next(), values.next()) {
            (Some(Value { kind: ValueKind::Object(object), .. }), None) => Some(object),
            _ => None,
        }
    }

    /// What `var` is on each of the ways that give it a value in its function.
    pub(super) fn ways(&self, var: VarId) -> Vec<VarId> {
        let mut at = var;
        for _ in 0..MAX_CHAIN {
            let ways: Vec<VarId> = self.program.assigned_from(at).map(|row| row.src).collect();
            match ways[..] {
                [only] => at = only,
                _ => return ways,
            }
        }
        Vec::new()
    }

    /// The entry at `path` of what `var` is.
    pub(super) fn within(&self, var: VarId, path: &[String]) -> Found {
        self.within_at(var, path, 0)
    }

    pub(super) fn within_at(&self, var: VarId, path: &[String], depth: usize) -> Found {
        let Some(_turn) = Turn::take().filter(|_| depth <= MAX_CHAIN) else { return Found::Unknown };
        let Some((first, rest)) = path.split_first() else { return is_var(var) };
        if let Some(found) = self.said_under(var, first) {
            return found;
        }
        let program = self.program;
        let Some(object) = self.object(var) else {
            // A text has no entries, be it put together.
            let root = self.root(var);
            let is_joined = |row: &Binary| matches!(program.text(row.operator), "+" | "%");
            if self.literal(var).is_some()
                || program.template(root).is_some()
                || program.binary_by_dst.first(&program.facts.relations.binary, root).is_some_and(is_joined)
            {
                return Found::Absent;
            }
            // `HTTPAdapter(max_retries=Retry(total=5))`
            if let Some(call) = self.maker(var)
                && let Some(row) = program.arguments(call.site).find(|row| same_key(program.text(row.keyword), first))
            {
                return self.within_at(row.var, rest, depth + 1);
            }
            // `Self { cents, ..Self::blank() }`
            let taken_over = || {
                let call = self.maker(var).filter(|call| call.kind == CallKind::New)?;
                program.arguments(call.site).find(|row| program.text(row.keyword) == "**").map(|row| row.var)
            };
            if let Some(whole) = taken_over() {
                return self.within_at(whole, path, depth + 1);
            }
            // `{"Idempotency-Key": key} if key else {}`: it is there on one of the ways.
            if let Some(found) = self.made_entry(var, path, depth) {
                return found;
            }
            if let Some(found) = self.built_entry(var, path, depth + 1) {
                return found;
            }
            if let Some(found) = self.given_entry(var, path, depth + 1) {
                return found;
            }
            // `base=QuickTask`
            if let Some(found) = self.kept_by_class(var, first, rest, depth) {
                return found;
            }
            let ways = self.ways(var);
            if ways.len() > 1 && ways.iter().all(|way| self.is_entries_or_given(*way)) {
                let mut found: Vec<Found> = ways.iter().map(|way| self.within_at(*way, path, depth + 1)).collect();
                // What stands here before what a caller may bring (`headers or {}`).
                found.sort_by_key(|found| match found {
                    Found::Is(Operand::Within(..)) => 1,
                    Found::Is(_) => 0,
                    Found::Unknown => 2,
                    Found::Absent => 3,
                });
                return found.swap_remove(0);
            }
            return Found::Is(Operand::Within(var, path.to_vec()));
        };
        if let Some(found) = self.given_by_helper(var, object, path, depth) {
            return found;
        }
        let r = &program.facts.relations;
        let mut unknown = false;
        // Mappings that a spread, a merge or a loop takes entries from, which only the caller may know.
        let mut taken: Vec<VarId> = Vec::new();
        for row in program.entry_by_var.of(&r.entry, object) {
            match program.text(row.key) {
                "" => unknown = true,
                "**" => taken.push(row.value),
                key => match self.is_under(key, first) {
                    Some(true) => return self.within_at(row.value, rest, depth + 1),
                    Some(false) => {}
                    None => unknown = true,
                },
            }
        }
        // An object filled after it was made (`headers["x"] = y`).
        for holder in program.assign_by_src.of(&r.assign, object).map(|row| row.dst).chain([object, var]) {
            for store in program.stores_to(holder) {
                let key = program.text(store.field);
                if key == "[]" {
                    match self.part_of_each(store.src) {
                        Some(mapping) => taken.push(mapping),
                        None => unknown = true,
                    }
                    continue;
                }
                match self.is_under(key, first) {
                    Some(true) => return self.within_at(store.src, rest, depth + 1),
                    Some(false) => {}
                    None => unknown = true,
                }
            }
        }
        let mut brought = None;
        for mapping in taken {
            match self.within_at(mapping, path, depth + 1) {
                Found::Absent => {}
                Found::Is(Operand::Var(var)) => return is_var(var),
                Found::Is(within @ Operand::Within(..)) => brought = Some(within),
                _ => unknown = true,
            }
        }
        // `options.update(timeout=5)`
        for holder in if var == object { vec![object] } else { vec![object, var] } {
            match self.put_by_calls(holder, path, depth + 1) {
                Found::Absent => {}
                Found::Unknown => unknown = true,
                found => return found,
            }
        }
        match brought {
            _ if unknown => Found::Unknown,
            Some(within) => Found::Is(within),
            None => Found::Absent,
        }
    }

    /// What a class of the project, given itself, holds under a name: in its own body, or in that of what it derives from.
    fn kept_by_class(&self, var: VarId, name: &str, rest: &[String], depth: usize) -> Option<Found> {
        let program = self.program;
        let mut values = self.resolution.values_of(var);
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let ValueKind::Class(class) = value.kind else { return None };
        let classes = std::iter::once(class).chain(self.resolution.ancestors(class).iter().copied());
        let mut fields = classes.flat_map(|class| program.field_by_class.of(&program.facts.relations.field, class));
        let held = fields.find(|row| row.value.is_some() && program.text(row.name) == name).and_then(|row| row.value);
        Some(held.map_or(Found::Absent, |value| self.within_at(value, rest, depth + 1)))
    }

    /// The entry at `path` of an object that a helper of the project made, as who calls the helper knows it.
    fn given_by_helper(&self, var: VarId, object: VarId, path: &[String], depth: usize) -> Option<Found> {
        let call = self.only_maker(var)?;
        let [edge] = self.resolution.calls_at(call.site) else { return None };
        let r = &self.program.facts.relations;
        let mut given = self.program.returns_by_function.of(&r.returns, edge.function).filter_map(|row| row.var);
        let made = given.find(|given| self.object(*given) == Some(object))?;
        Some(self.passed_from(self.within_at(made, path, depth + 1), call.site, depth))
    }

    /// Whether the entries of `var` are known: those of an object, none, or the caller's.
    fn is_entries_or_given(&self, var: VarId) -> bool {
        self.object(var).is_some() || self.literal(var).is_some() || parameter_of(*self, var).is_some()
    }

    /// The collection of pairs of each of which `var` is the first: `for (name, value) in headers`.
    pub(super) fn first_of_each(&self, var: VarId) -> Option<VarId> {
        let program = self.program;
        let mut first = program.loaded_as(self.root(var))?;
        if program.text(first.field) == "*" {
            first = program.loaded_as(self.root(first.base))?;
        }
        let element = program.loaded_as(self.root(first.base)).filter(|_| program.text(first.field) == "0")?;
        (program.text(element.field) == "[*]").then_some(element.base)
    }

    /// Whether a call of the chain that leads to `site` is one of a function that the caller gives.
    pub(super) fn goes_through_given(&self, site: SiteId) -> bool {
        let given = |site: SiteId| {
            let callee = self.call(site).filter(|call| call.receiver.is_none()).and_then(|call| call.callee);
            callee.is_some_and(|callee| parameter_of(*self, callee).is_some())
        };
        self.chain_calls(site).into_iter().any(given)
    }
}

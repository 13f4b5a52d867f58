//! Guards: what was asked of stored state before a site runs.
//!
//! A handler that looks whether its message was already dealt with, and leaves if so, does no harm when the message comes
//! twice. A handler that only leaves when what it loads is not there guards nothing.

use std::cell::OnceCell;

use distsys_facts::schema::Call;
use distsys_facts::{FunctionId, LiteralKind, RegionId, RegionKind, SiteId, VarId};
use rustc_hash::FxHashSet;

use super::Meaning;
use super::effects::MAX_EFFECTS;
use super::refused::is_write;
use crate::operation::OpKind;
use crate::words::{is_predicate, is_state};

/// A condition that decides whether a site runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    pub condition: VarId,
    /// Whether the condition holds when the site runs.
    pub holds: bool,
}

/// What a look at stored state means for the code behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// Whether something is there.
    Presence,
    /// What state it is in, or whether a write did something.
    State,
}

/// Conditions are taken apart this deep.
const MAX_DEPTH: u32 = 8;

/// What a value is made from is looked at so far.
const MAX_MADE: usize = 400;

/// A row is followed through so many names.
const MAX_COPIES: usize = 16;

/// Calls that give what an optional row or an outcome holds, and change nothing of it.
const OPENS: &[&str] = &[
    "as_ref",
    "context",
    "expect",
    "ok_or",
    "ok_or_else",
    "orElseThrow",
    "unwrap",
    "unwrap_or_default",
    "with_context",
];

impl Meaning<'_> {
    /// The decisions before `site` in its function: of the arms around it, and of the arms that leave before it.
    pub fn decisions(&self, site: SiteId) -> Vec<Decision> {
        let program = self.program;
        let r = &program.facts.relations;
        let row = program.site(site);
        let around: FxHashSet<RegionId> = program.regions_outward(row.region).map(|region| region.region).collect();
        let mut found = Vec::new();
        for region in program.regions_by_function.of(&r.region, row.function) {
            let arm = match region.kind {
                RegionKind::Branch => true,
                RegionKind::Else => false,
                _ => continue,
            };
            let holds = if around.contains(&region.region) {
                arm
            } else if region.start < row.start && self.leaves_before(region.region, site) {
                !arm
            } else {
                continue;
            };
            for row in program.condition_by_region.of(&r.condition, region.region) {
                found.push(Decision { condition: row.var, holds });
            }
        }
        found
    }

    /// Whether who enters an arm does not come to the site: it returns, throws or goes round.
    fn leaves_before(&self, region: RegionId, site: SiteId) -> bool {
        let entry = self.order.entry_of(self.program, region);
        entry.is_some_and(|block| !self.order.leads(self.program, block, site))
    }

    /// Whether `site` runs only where stored state says that it has not been done: a look for a mark of it, at a status, or
    /// at whether a conditional write was the first.
    ///
    /// State that `whole`, the function that is run again, never writes is the same each time: it is a precondition, and
    /// tells nobody of what was done.
    pub fn is_decided_by_state(&self, site: SiteId, whole: Option<FunctionId>) -> bool {
        let decisions = self.decisions(site).into_iter();
        decisions.into_iter().any(|decision| self.proves_new(site, decision.condition, decision.holds, whole, 0))
    }

    fn proves_new(&self, site: SiteId, condition: VarId, holds: bool, whole: Option<FunctionId>, depth: u32) -> bool {
        if depth > MAX_DEPTH {
            return false;
        }
        let program = self.program;
        let r = &program.facts.relations;
        let mut parts = program.binary_by_dst.of(&r.binary, condition).peekable();
        if parts.peek().is_some() {
            return parts.any(|binary| {
                let right = binary.right;
                match (program.text(binary.operator), right) {
                    ("!" | "not", None) => self.proves_new(site, binary.left, !holds, whole, depth + 1),
                    ("is" | "==" | "===" | "is not" | "!=" | "!==", Some(right)) => {
                        let equal = matches!(program.text(binary.operator), "is" | "==" | "===");
                        if self.asks_whether_write_failed(binary.left, right) {
                            return false;
                        }
                        match self.asks_presence(right) {
                            // `x == null`, `if let None = x`
                            Some(present) => {
                                self.proves_new(site, binary.left, holds == (equal == present), whole, depth + 1)
                            }
                            None => self.tells(binary.left, right, holds != equal, whole),
                        }
                    }
                    ("in" | "not in", Some(right)) => {
                        let within = program.text(binary.operator) == "in";
                        self.tells(binary.left, right, holds != within, whole)
                    }
                    (_, Some(right)) => self.tells(binary.left, right, false, whole),
                    _ => false,
                }
            });
        }
        // `known ? { id: known.id } : null`
        if let Some(choice) = program.chosen(condition) {
            let is_null = |var: VarId| self.reader().is_null(var);
            match (is_null(choice.taken), is_null(choice.otherwise)) {
                (false, true) => return self.proves_new(site, choice.condition, holds, whole, depth + 1),
                (true, false) => return self.proves_new(site, choice.condition, !holds, whole, depth + 1),
                _ => {}
            }
        }
        // `cursor.fetchone()`, `cursor.rowcount`: what the statement gave that was run on the cursor before.
        if let [run, ..] = self.fetched(condition) {
            return self.proves_new(site, *run, holds, whole, depth + 1);
        }
        if let Some(call) = program.call_giving(condition) {
            if let Some(asked) = self.asks_state(call.site) {
                return match asked {
                    Asked::State => !holds || self.may_change(call.site, whole),
                    Asked::Presence => !holds,
                };
            }
            // `rows.first()`, `len(rows)`: there when what it is taken from is there.
            let first = program.arguments(call.site).next().map(|argument| argument.var);
            let Some(of) = call.receiver.or(first).filter(|of| self.is_stored(*of, None)) else { return false };
            let empty = matches!(program.text(call.name), "is_none" | "is_empty" | "isEmpty");
            return self.proves_new(site, of, holds != empty, whole, depth + 1);
        }
        if let Some(load) = program.loaded_as(condition) {
            return match program.text(load.field) {
                // Of the rows that a write has written, or of those that are there.
                "length" => self.is_stored(load.base, None) && (!holds || self.is_of_write(load.base)),
                // A row's field, not a row of several.
                field if field.bytes().all(|byte| byte.is_ascii_digit()) || field == "*" => {
                    self.proves_new(site, load.base, holds, whole, depth + 1)
                }
                // Of a row that the caller has loaded, as its name says.
                _ => self.tells(condition, condition, !holds, whole),
            };
        }
        let before = program.assigned_from(condition).filter(|row| !self.is_given_after(row.src, site));
        before.into_iter().any(|row| self.proves_new(site, row.src, holds, whole, depth + 1))
    }

    /// Whether a call gives the value that is done at `site`, or after it: a variable for errors holds one after the other, and
    /// that one did not decide about the site.
    fn is_given_after(&self, value: VarId, site: SiteId) -> bool {
        let program = self.program;
        let source = |var: &VarId| {
            let whole = program.loaded_as(*var).map(|load| load.base);
            whole.or_else(|| program.only_source(*var))
        };
        let mut given = std::iter::successors(Some(value), source).take(MAX_DEPTH as usize);
        let giver = given.find_map(|var| program.call_giving(var)).map(|call| call.site);
        giver.is_some_and(|giver| {
            let own = program.site(giver).function == program.site(site).function;
            own && (giver == site || self.precedes(site, giver) && !self.precedes(giver, site))
        })
    }

    /// Whether what is asked is only if a write failed, of which there are many causes.
    fn asks_whether_write_failed(&self, left: VarId, right: VarId) -> bool {
        let program = self.program;
        let outcome = program.literal(right).is_some_and(|row| matches!(program.text(row.value), "Ok" | "Err"));
        // One of several results, and copies of it.
        let whole = |var: VarId| program.loaded_as(var).map(|load| load.base);
        let source = |var: VarId| whole(var).or_else(|| program.assigned_from(var).next().map(|row| row.src));
        let mut given = std::iter::successors(Some(left), |var| source(*var)).take(MAX_DEPTH as usize);
        outcome
            && given.find_map(|var| program.call_giving(var)).is_some_and(|call| {
                let mut kinds = self.effects.at(call.site).map(|(effect, _)| effect.kind).peekable();
                kinds.peek().is_some()
                    && kinds.all(|kind| matches!(kind, OpKind::DbWrite | OpKind::CacheWrite | OpKind::LockAcquire))
            })
    }

    /// What comparing with `right` asks: whether the left side is there (true), is not (false), or something else.
    fn asks_presence(&self, right: VarId) -> Option<bool> {
        let literal = self.program.literal(right)?;
        match (literal.kind, self.program.text(literal.value)) {
            (LiteralKind::Null, _) | (LiteralKind::String, "None" | "Err") => Some(false),
            (LiteralKind::String, "Some" | "Ok") | (LiteralKind::Boolean, "true") => Some(true),
            (LiteralKind::Boolean, "false") | (LiteralKind::Integer, "0") => Some(false),
            _ => None,
        }
    }

    /// Whether one of two sides that are compared tells what was done. That it has not come as far as something (`open`)
    /// does; that it is something may be so each time, if nothing changes it.
    fn tells(&self, left: VarId, right: VarId, open: bool, whole: Option<FunctionId>) -> bool {
        [left, right].into_iter().any(|side| {
            let named = self.names_state(side);
            match self.is_stored(side, None) {
                true => self.is_stored(side, whole.filter(|_| !(named && open))),
                // Of a row that the caller has loaded, as its name says.
                false => named && self.program.loaded_as(side).is_some(),
            }
        })
    }

    fn names_state(&self, var: VarId) -> bool {
        let program = self.program;
        program.loaded_as(var).is_some_and(|load| is_state(program.text(load.field)))
            || program.variable(var).is_some_and(|row| is_state(program.text(row.name)))
    }

    /// Whether a value comes out of a store or of a write to one, and is not the same each time that `whole` is run.
    fn is_stored(&self, var: VarId, whole: Option<FunctionId>) -> bool {
        let Some(whole) = whole else {
            let mut made = self.made_from(var).into_iter().filter_map(|var| self.program.call_giving(var));
            return made.any(|call| self.asks_state(call.site).is_some());
        };
        self.asked_for(var).into_iter().any(|asked| self.may_change(asked, Some(whole)))
    }

    fn is_of_write(&self, var: VarId) -> bool {
        let writes = |asked: SiteId| self.effects.at(asked).any(|(effect, _)| effect.kind == OpKind::DbWrite);
        self.asked_for(var).into_iter().any(writes)
    }

    /// The calls that ask for what `var` is made from; not those for what these are given.
    fn asked_for(&self, var: VarId) -> Vec<SiteId> {
        let program = self.program;
        let r = &program.facts.relations;
        let (mut stack, mut seen, mut found) = (vec![var], FxHashSet::default(), Vec::new());
        while let Some(at) = stack.pop() {
            if seen.len() > MAX_MADE || !seen.insert(at) {
                continue;
            }
            if let Some(call) = program.call_giving(at) {
                match self.asks_state(call.site) {
                    Some(_) => found.push(call.site),
                    None => {
                        stack.extend(call.receiver);
                        stack.extend(program.arguments(call.site).map(|row| row.var));
                    }
                }
            }
            stack.extend(program.assigned_from(at).map(|row| row.src));
            stack.extend(program.loaded_as(at).map(|row| row.base));
            stack.extend(self.flow.given_by.get(&at));
            stack.extend(program.element_by_var.of(&r.element, at).map(|row| row.value));
            for row in program.binary_by_dst.of(&r.binary, at) {
                stack.push(row.left);
                stack.extend(row.right);
            }
        }
        found
    }

    /// Whether what is asked at `asked` may be something else when `whole` is run again: it writes it, or may do so.
    fn may_change(&self, asked: SiteId, whole: Option<FunctionId>) -> bool {
        let Some(whole) = whole else { return true };
        let mut entities = Vec::new();
        let refuses = OnceCell::new();
        for (effect, _) in self.effects.at(asked) {
            match (effect.kind, effect.entity_name()) {
                (kind, _) if is_write(kind) && *refuses.get_or_init(|| self.writes_of_refused(asked)) => {}
                (OpKind::DbRead, Some(entity)) => entities.push(entity),
                (
                    OpKind::DbRead
                    | OpKind::DbWrite
                    | OpKind::CacheRead
                    | OpKind::CacheWrite
                    | OpKind::ObjectRead
                    | OpKind::LockAcquire
                    | OpKind::Sql,
                    _,
                ) => return true,
                _ => {}
            }
        }
        let mut done = 0;
        let writes = self.effects.in_function(whole).any(|(effect, _)| {
            done += 1;
            match effect.kind {
                OpKind::DbWrite => effect.entity_name().is_none_or(|entity| entities.contains(&entity)),
                OpKind::Sql => true,
                _ => false,
            }
        });
        writes || done >= MAX_EFFECTS || self.is_handed_on(asked)
    }

    /// Whether what a call gives is changed, or given to something that nothing is known of and that may change it.
    fn is_handed_on(&self, asked: SiteId) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let Some(call) = program.call(asked) else { return true };
        let is_seen =
            |site: SiteId| !self.resolution.calls_at(site).is_empty() || self.operations.at(site).next().is_some();
        // A library that is given a row does not write it.
        let is_known = |site: SiteId| is_seen(site) || !self.resolution.external_at(site).is_empty();
        let mut held = vec![call.result];
        let mut at = 0;
        while let Some(&var) = held.get(at)
            && at < MAX_COPIES
        {
            at += 1;
            let awaited = program.assign_by_src.of(&r.assign, var).map(|row| row.dst);
            held.extend(awaited.filter(|copy| !held.contains(copy)).collect::<Vec<_>>());
            let opens = |call: &&Call| OPENS.contains(&program.text(call.name));
            let opened = program.calls_by_receiver.of(&r.call, var).filter(opens).map(|call| call.result);
            held.extend(opened.filter(|inner| !held.contains(inner)).collect::<Vec<_>>());
            let mut asked = program.calls_by_receiver.of(&r.call, var).filter(|call| !opens(call));
            if program.stores_to(var).next().is_some()
                || asked.any(|call| !is_seen(call.site))
                || program.argument_by_var.of(&r.argument, var).any(|row| !is_known(row.site))
            {
                return true;
            }
        }
        false
    }

    fn asks_state(&self, site: SiteId) -> Option<Asked> {
        let name = self.program.call(site).map(|call| self.program.text(call.name)).unwrap_or_default();
        let predicate = is_predicate(name);
        let mut asked = None;
        let refuses = OnceCell::new();
        for (effect, _) in self.effects.at(site) {
            match effect.kind {
                // What is parked of what cannot be dealt with says nothing of what is.
                kind if is_write(kind) && *refuses.get_or_init(|| self.writes_of_refused(site)) => {}
                // As often as it is asked, it is done again.
                OpKind::DbWrite if self.text(effect.verb) == Some("increment") => {}
                OpKind::DbWrite | OpKind::CacheWrite | OpKind::LockAcquire => return Some(Asked::State),
                OpKind::DbRead | OpKind::CacheRead | OpKind::ObjectRead | OpKind::Sql if predicate => {
                    return Some(Asked::State);
                }
                OpKind::DbRead | OpKind::CacheRead | OpKind::ObjectRead | OpKind::Sql => asked = Some(Asked::Presence),
                _ => {}
            }
        }
        asked
    }

    /// Whether in `function` a mark that can be set only once is set before `site`: an insert that fails when it is there,
    /// into what holds marks by its name.
    pub fn is_marked_before(&self, site: SiteId) -> bool {
        let function: FunctionId = self.program.site(site).function;
        self.effects.in_function(function).any(|(effect, row)| {
            let holds_marks = || {
                self.text(effect.entity).is_some_and(|entity| {
                    ["process", "dedup", "idempot", "inbox", "handled", "seen", "consumed"]
                        .iter()
                        .any(|mark| entity.to_ascii_lowercase().contains(mark))
                })
            };
            effect.kind == OpKind::DbWrite
                && self.text(effect.verb) == Some("insert")
                && holds_marks()
                && self.precedes(row.site, site)
        })
    }
}

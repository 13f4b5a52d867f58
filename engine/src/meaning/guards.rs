//! Guards: what was asked of stored state before a site runs.
//!
//! A handler that looks whether its message was already dealt with, and leaves if so, does no harm when the message comes
//! twice. A handler that only leaves when what it loads is not there guards nothing.

use distsys_facts::{FunctionId, LiteralKind, RegionId, RegionKind, SiteId, VarId};
use rustc_hash::FxHashSet;

use super::Meaning;
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
    pub fn is_decided_by_state(&self, site: SiteId) -> bool {
        self.decisions(site).into_iter().any(|decision| self.proves_new(decision.condition, decision.holds, 0))
    }

    fn proves_new(&self, condition: VarId, holds: bool, depth: u32) -> bool {
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
                    ("!" | "not", None) => self.proves_new(binary.left, !holds, depth + 1),
                    ("is" | "==" | "===" | "is not" | "!=" | "!==", Some(right)) => {
                        let equal = matches!(program.text(binary.operator), "is" | "==" | "===");
                        if self.asks_whether_write_failed(binary.left, right) {
                            return false;
                        }
                        match self.asks_presence(right) {
                            // `x == null`, `if let None = x`
                            Some(present) => self.proves_new(binary.left, holds == (equal == present), depth + 1),
                            None => self.is_state(binary.left) || self.is_state(right),
                        }
                    }
                    (_, Some(right)) => self.is_state(binary.left) || self.is_state(right),
                    _ => false,
                }
            });
        }
        if let Some(call) = program.call_giving(condition) {
            if let Some(asked) = self.asks_state(call.site) {
                return asked == Asked::State || !holds;
            }
            // `rows.first()`, `len(rows)`: there when what it is taken from is there.
            let first = program.arguments(call.site).next().map(|argument| argument.var);
            let Some(of) = call.receiver.or(first).filter(|of| self.is_stored(*of)) else { return false };
            let empty = matches!(program.text(call.name), "is_none" | "is_empty" | "isEmpty");
            return self.proves_new(of, holds != empty, depth + 1);
        }
        if let Some(load) = program.loaded_as(condition) {
            return match program.text(load.field) {
                "length" => self.is_stored(load.base) && !holds,
                // A row's field, not a row of several.
                field if field.bytes().all(|byte| byte.is_ascii_digit()) || field == "*" => {
                    self.proves_new(load.base, holds, depth + 1)
                }
                // Of a row that the caller has loaded, as its name says.
                field => is_state(field) || self.is_stored(load.base),
            };
        }
        program.assigned_from(condition).any(|row| self.proves_new(row.src, holds, depth + 1))
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

    fn is_state(&self, var: VarId) -> bool {
        let program = self.program;
        program.loaded_as(var).is_some_and(|load| is_state(program.text(load.field))) || self.is_stored(var)
    }

    /// Whether a value comes out of a store or of a write to one.
    fn is_stored(&self, var: VarId) -> bool {
        self.made_from(var)
            .into_iter()
            .any(|var| self.program.call_giving(var).is_some_and(|call| self.asks_state(call.site).is_some()))
    }

    fn asks_state(&self, site: SiteId) -> Option<Asked> {
        let name = self.program.call(site).map(|call| self.program.text(call.name)).unwrap_or_default();
        let predicate = is_predicate(name);
        let mut asked = None;
        for (effect, _) in self.effects.at(site) {
            match effect.kind {
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

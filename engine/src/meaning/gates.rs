//! Gates: parameters, and entries of options, without which a function does not come to an effect
//! (`if payment: refund(payment)`, `if (allowed.apiKey) …`), or that are to be a constant for it (`if method == "post": …`).
//!
//! Who calls the function without them, or gives nothing for them, does not do what stands behind the gate.

use distsys_facts::{Position, RegionId, RegionKind, SiteId, Sym, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::callbacks::parameter_of;
use super::effects::EffectId;
use super::operations::{Found, Operand, Operation};
use super::reader::Reader;

/// A parameter, the entry of it that is asked for (empty: the parameter itself), and what is asked of it.
pub(super) type Gate = (VarId, Sym, Asked);

/// `false` is there, and yet does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Asked {
    There,
    Holds,
    HoldsNot,
    /// A text, in whatever case: `method.upper() == "POST"`.
    Is(Sym),
    IsNot(Sym),
}

/// Conditions are taken apart this deep.
const MAX_DEPTH: u32 = 4;

/// What regions ask of their function's parameters: that they are there.
#[derive(Debug, Default)]
pub(super) struct Gates {
    by_region: FxHashMap<RegionId, Vec<Gate>>,
    /// What holds in a region behind an arm that leaves the function: `if method == "get": return …`.
    behind: FxHashMap<RegionId, Vec<(Position, Gate)>>,
}

/// What a caller gives for a parameter.
pub(super) enum Given {
    Nothing,
    /// What the caller itself is given.
    Own(Gate),
    Other,
}

impl Gates {
    pub(super) fn new(reader: Reader<'_, '_>) -> Self {
        let program = reader.program;
        let r = &program.facts.relations;
        let mut gates = Gates::default();
        let ends = r.returns.iter().map(|row| row.site).chain(r.throws.iter().map(|row| row.site));
        let left: FxHashSet<RegionId> = ends.map(|site| program.site(site).region).collect();
        for row in &r.condition {
            let region = program.region(row.region);
            // A closure asks what the function around it was given, too.
            let mut around = vec![region.function];
            while let Some(outer) = around.last().and_then(|function| program.function(*function).parent) {
                around.push(outer);
            }
            let is_given =
                |var: VarId| program.parameter(var).is_some_and(|parameter| around.contains(&parameter.function));
            let mut asked = Vec::new();
            match region.kind {
                RegionKind::Branch => present(reader, row.var, Asked::Holds, 0, &mut asked),
                RegionKind::Else => denied(reader, row.var, 0, &mut asked),
                _ => continue,
            }
            asked.retain(|(var, ..)| is_given(*var));
            if !asked.is_empty() {
                gates.by_region.entry(row.region).or_default().extend(asked);
            }
            let Some(parent) =
                region.parent.filter(|_| region.kind == RegionKind::Branch && left.contains(&row.region))
            else {
                continue;
            };
            let mut else_ = Vec::new();
            denied(reader, row.var, 0, &mut else_);
            let else_ = else_.into_iter().filter(|(var, ..)| is_given(*var)).map(|gate| (region.end, gate));
            gates.behind.entry(parent).or_default().extend(else_);
        }
        gates.behind.retain(|_, gates| !gates.is_empty());
        gates
    }

    /// The parameters that must be there for a site to be reached.
    fn at(&self, reader: Reader<'_, '_>, site: SiteId) -> Vec<Gate> {
        let program = reader.program;
        let row = program.site(site);
        let mut found: Vec<Gate> = Vec::new();
        for region in program.regions_outward(row.region) {
            found.extend(self.by_region.get(&region.region).into_iter().flatten());
            let behind = self.behind.get(&region.region).into_iter().flatten();
            found.extend(behind.filter(|(end, _)| *end <= row.start).map(|(_, gate)| *gate));
        }
        found
    }

    /// The parameters that must be there for each of some effects: all sites that do it stand behind them. `also` are the
    /// gates that calls hand on.
    pub(super) fn of(
        &self,
        reader: Reader<'_, '_>,
        rows: impl Iterator<Item = (SiteId, EffectId)>,
        also: &FxHashMap<(SiteId, EffectId), Vec<Gate>>,
    ) -> Vec<(EffectId, Gate)> {
        if self.by_region.is_empty() && self.behind.is_empty() && also.is_empty() {
            return Vec::new();
        }
        let mut by_effect: FxHashMap<EffectId, Vec<Gate>> = FxHashMap::default();
        let mut at_site: FxHashMap<SiteId, Vec<Gate>> = FxHashMap::default();
        for (site, effect) in rows {
            let own = at_site.entry(site).or_insert_with(|| self.at(reader, site));
            let handed = also.get(&(site, effect)).into_iter().flatten();
            let gates: Vec<Gate> = own.iter().chain(handed).copied().collect();
            by_effect.entry(effect).and_modify(|known| known.retain(|gate| gates.contains(gate))).or_insert(gates);
        }
        let mut gated: Vec<(EffectId, Gate)> = by_effect
            .into_iter()
            .flat_map(|(effect, gates)| gates.into_iter().map(move |gate| (effect, gate)))
            .collect();
        gated.sort_unstable();
        gated.dedup();
        gated
    }
}

/// The parameter of its function that alone decides whether a site is reached: `if lock: query = query.with_for_update()`.
pub(super) fn decided_by(reader: Reader<'_, '_>, site: SiteId) -> Option<VarId> {
    let program = reader.program;
    let around = program.site(site);
    let mut regions = program.regions_outward(around.region).filter(|row| row.kind == RegionKind::Branch);
    let region = regions.next().filter(|_| regions.next().is_none())?;
    let row = program.condition_by_region.first(&program.facts.relations.condition, region.region)?;
    let mut asked = Vec::new();
    present(reader, row.var, Asked::Holds, 0, &mut asked);
    match asked[..] {
        [(parameter, entry, Asked::Holds)] if entry.is_empty() => {
            let own = program.parameter(parameter).filter(|row| row.function == around.function);
            own.map(|_| parameter)
        }
        _ => None,
    }
}

/// What alone decides whether a site is reached, where it is what a caller gives: `if (!replace) options.NX = true`.
pub(super) fn entered_by(reader: Reader<'_, '_>, site: SiteId) -> Option<Gate> {
    let program = reader.program;
    let r = &program.facts.relations;
    let around = program.regions_outward(program.site(site).region);
    let mut arms = around.filter(|row| matches!(row.kind, RegionKind::Branch | RegionKind::Else));
    let arm = arms.next().filter(|_| arms.next().is_none())?;
    let condition = program.condition_by_region.first(&r.condition, arm.region)?.var;
    let denied = program.binary_by_dst.first(&r.binary, condition).and_then(|row| {
        match (program.text(row.operator), row.right) {
            ("!" | "not", None) => Some(row.left),
            ("==" | "===" | "is", Some(right)) if reader.constant(right) == Some("false") => Some(row.left),
            _ => None,
        }
    });
    let mut asked = Vec::new();
    present(reader, denied.unwrap_or(condition), Asked::Holds, 0, &mut asked);
    let [(parameter, entry, Asked::Holds)] = asked[..] else { return None };
    let is_denied = denied.is_some() != (arm.kind == RegionKind::Else);
    Some((parameter, entry, if is_denied { Asked::HoldsNot } else { Asked::Holds }))
}

/// The parameters that are surely there where `var` holds.
fn present(reader: Reader<'_, '_>, var: VarId, asked: Asked, depth: u32, found: &mut Vec<Gate>) {
    let program = reader.program;
    if depth > MAX_DEPTH {
        return;
    }
    if let Some(parameter) = parameter_of(reader, var) {
        // What is given anew on the way may be there all the same.
        if program.assigned_from(parameter).next().is_none() {
            found.push((parameter, Sym::EMPTY, asked));
        }
        return;
    }
    if let Some(load) = program.loaded_as(var) {
        // `const allowed = given ?? all`: what is given, if something is.
        let ways = reader.ways(load.base).into_iter().chain([load.base]);
        let given = ways.filter_map(|way| parameter_of(reader, way));
        let given = given.filter(|parameter| program.assigned_from(*parameter).next().is_none());
        found.extend(given.take(1).map(|parameter| (parameter, load.field, asked)));
        return;
    }
    if let Some(row) = program.binary_by_dst.first(&program.facts.relations.binary, var) {
        match (program.text(row.operator), row.right) {
            ("and" | "&&", Some(right)) => {
                present(reader, row.left, asked, depth + 1, found);
                present(reader, right, asked, depth + 1, found);
            }
            ("is not" | "!=" | "!==", Some(right)) if reader.is_null(right) => {
                present(reader, row.left, Asked::There, depth + 1, found);
            }
            ("==" | "===", Some(right)) => compared(reader, row.left, right, Asked::Is, found),
            ("!=" | "!==", Some(right)) => compared(reader, row.left, right, Asked::IsNot, found),
            _ => {}
        }
    }
}

/// What is so of parameters where `var` does not hold.
fn denied(reader: Reader<'_, '_>, var: VarId, depth: u32, found: &mut Vec<Gate>) {
    let program = reader.program;
    match program.binary_by_dst.first(&program.facts.relations.binary, var) {
        None => present(reader, var, Asked::HoldsNot, MAX_DEPTH, found),
        Some(row) => match (program.text(row.operator), row.right) {
            ("not" | "!", None) => present(reader, row.left, Asked::Holds, MAX_DEPTH, found),
            ("is" | "==" | "===", Some(right)) if reader.is_null(right) => {
                present(reader, row.left, Asked::There, MAX_DEPTH, found);
            }
            ("==" | "===", Some(right)) => compared(reader, row.left, right, Asked::IsNot, found),
            ("!=" | "!==", Some(right)) => compared(reader, row.left, right, Asked::Is, found),
            ("or" | "||", Some(right)) if depth < MAX_DEPTH => {
                denied(reader, row.left, depth + 1, found);
                denied(reader, right, depth + 1, found);
            }
            _ => {}
        },
    }
}

/// The parameter, or entry of one, that is compared with a constant text.
fn compared(reader: Reader<'_, '_>, left: VarId, right: VarId, asked: fn(Sym) -> Asked, found: &mut Vec<Gate>) {
    let program = reader.program;
    let text = |var: VarId| reader.constant(var).and_then(|text| program.facts.symbols.lookup(text));
    let (var, text) = match (text(left), text(right)) {
        (None, Some(text)) => (left, text),
        (Some(text), None) => (right, text),
        _ => return,
    };
    // `method.upper()`
    let in_case = program.call_giving(var).filter(|call| {
        matches!(program.text(call.name), "lower" | "upper" | "toLowerCase" | "toUpperCase" | "casefold")
    });
    let var = in_case.and_then(|call| call.receiver).unwrap_or(var);
    present(reader, var, asked(text), MAX_DEPTH, found);
}

/// Whether what is asked is a parameter of the function that `site` is in: a closure asks for it that runs there.
pub(super) fn is_captured(reader: Reader<'_, '_>, site: SiteId, (parameter, ..): Gate) -> bool {
    let program = reader.program;
    program.parameter(parameter).is_some_and(|row| row.function == program.site(site).function)
}

/// What an operation asks of the callers of its function: `client.set(key, value, nx=nx)` takes a lock for those who say so, and
/// writes an entry for the others.
pub(super) fn asked_by(reader: Reader<'_, '_>, op: &Operation) -> Vec<Gate> {
    let conditions = reader.model(op).when.iter();
    conditions.filter_map(|condition| reader.asked_of_caller(op, condition)).collect()
}

/// What the call at `site` gives for a parameter of what it calls, or for an entry of it.
pub(super) fn given(reader: Reader<'_, '_>, site: SiteId, (parameter, entry, asked): Gate) -> Given {
    let program = reader.program;
    let is_same = |given: &str, text: Sym| given.eq_ignore_ascii_case(program.text(text));
    let is_nothing = |var: VarId| match asked {
        Asked::There => reader.is_null(var),
        Asked::Holds => reader.is_null(var) || reader.constant(var) == Some("false"),
        Asked::HoldsNot => reader.constant(var) == Some("true"),
        Asked::Is(text) => reader.is_null(var) || reader.constant(var).is_some_and(|given| !is_same(given, text)),
        Asked::IsNot(text) => reader.constant(var).is_some_and(|given| is_same(given, text)),
    };
    let passed = reader.resolution.passed_at(site).iter().find(|row| row.parameter == parameter);
    if let Some(row) = passed {
        let own = parameter_of(reader, row.argument).filter(|own| program.assigned_from(*own).next().is_none());
        if let Some(own) = own {
            return Given::Own((own, entry, asked));
        }
        let is_none = match entry.is_empty() {
            true => is_nothing(row.argument),
            // An object that is seen whole.
            false => {
                reader.object(row.argument).is_some()
                    && match reader.within(row.argument, &[program.text(entry).to_owned()]) {
                        Found::Absent => !matches!(asked, Asked::HoldsNot | Asked::IsNot(_)),
                        Found::Is(Operand::Var(var)) => is_nothing(var),
                        _ => false,
                    }
            }
        };
        return if is_none { Given::Nothing } else { Given::Other };
    }
    // What a closure asks of the function around it, that function was given.
    if is_captured(reader, site, (parameter, entry, asked)) {
        return Given::Own((parameter, entry, asked));
    }
    // What is spread may hold it.
    if !entry.is_empty() || program.arguments(site).any(|row| program.text(row.keyword).starts_with('*')) {
        return Given::Other;
    }
    match program.parameter(parameter).and_then(|row| row.default) {
        Some(default) if is_nothing(default) => Given::Nothing,
        _ => Given::Other,
    }
}

//! Gates: parameters without which a function does not come to an effect (`if payment: refund(payment)`).
//!
//! Who calls the function without the parameter, or gives nothing for it, does not do what stands behind the gate.

use distsys_facts::{RegionId, RegionKind, SiteId, VarId};
use rustc_hash::FxHashMap;

use super::effects::EffectId;
use super::invoked::parameter_of;
use super::reader::Reader;

/// Conditions are taken apart this deep.
const MAX_DEPTH: u32 = 4;

/// What regions ask of their function's parameters: that they are there.
#[derive(Debug, Default)]
pub(super) struct Gates {
    by_region: FxHashMap<RegionId, Vec<VarId>>,
}

/// What a caller gives for a parameter.
pub(super) enum Given {
    Nothing,
    /// What the caller itself is given.
    Parameter(VarId),
    Other,
}

impl Gates {
    pub(super) fn new(reader: Reader<'_, '_>) -> Self {
        let program = reader.program;
        let mut by_region: FxHashMap<RegionId, Vec<VarId>> = FxHashMap::default();
        for row in &program.facts.relations.condition {
            let region = program.region(row.region);
            if region.kind != RegionKind::Branch {
                continue;
            }
            let mut asked = Vec::new();
            present(reader, row.var, 0, &mut asked);
            asked.retain(|var| program.parameter(*var).is_some_and(|parameter| parameter.function == region.function));
            if !asked.is_empty() {
                by_region.entry(row.region).or_default().extend(asked);
            }
        }
        Gates { by_region }
    }

    /// The parameters that must be there for a site to be reached.
    fn at(&self, reader: Reader<'_, '_>, site: SiteId) -> Vec<VarId> {
        let around = reader.program.regions_outward(reader.program.site(site).region);
        around.filter_map(|row| self.by_region.get(&row.region)).flatten().copied().collect()
    }

    /// The parameters that must be there for each of some effects: all sites that do it stand behind them. `also` are the
    /// gates that calls hand on.
    pub(super) fn of(
        &self,
        reader: Reader<'_, '_>,
        rows: impl Iterator<Item = (SiteId, EffectId)>,
        also: &FxHashMap<(SiteId, EffectId), Vec<VarId>>,
    ) -> Vec<(EffectId, VarId)> {
        if self.by_region.is_empty() && also.is_empty() {
            return Vec::new();
        }
        let mut by_effect: FxHashMap<EffectId, Vec<VarId>> = FxHashMap::default();
        let mut at_site: FxHashMap<SiteId, Vec<VarId>> = FxHashMap::default();
        for (site, effect) in rows {
            let own = at_site.entry(site).or_insert_with(|| self.at(reader, site));
            let handed = also.get(&(site, effect)).into_iter().flatten();
            let gates: Vec<VarId> = own.iter().chain(handed).copied().collect();
            by_effect.entry(effect).and_modify(|known| known.retain(|var| gates.contains(var))).or_insert(gates);
        }
        let mut gated: Vec<(EffectId, VarId)> =
            by_effect.into_iter().flat_map(|(effect, vars)| vars.into_iter().map(move |var| (effect, var))).collect();
        gated.sort_unstable();
        gated.dedup();
        gated
    }
}

/// The parameters that are surely there where `var` holds.
fn present(reader: Reader<'_, '_>, var: VarId, depth: u32, found: &mut Vec<VarId>) {
    let program = reader.program;
    if depth > MAX_DEPTH {
        return;
    }
    if let Some(parameter) = parameter_of(reader, var) {
        // What is given anew on the way may be there all the same.
        if program.assigned_from(parameter).next().is_none() {
            found.push(parameter);
        }
        return;
    }
    if let Some(row) = program.binary_by_dst.first(&program.facts.relations.binary, var) {
        match (program.text(row.operator), row.right) {
            ("and" | "&&", Some(right)) => {
                present(reader, row.left, depth + 1, found);
                present(reader, right, depth + 1, found);
            }
            ("is not" | "!=" | "!==", Some(right)) if reader.is_null(right) => {
                present(reader, row.left, depth + 1, found);
            }
            _ => {}
        }
    }
}

/// What the call at `site` gives for a parameter of what it calls.
pub(super) fn given(reader: Reader<'_, '_>, site: SiteId, parameter: VarId) -> Given {
    let program = reader.program;
    let is_nothing = |var: VarId| reader.is_null(var) || reader.constant(var) == Some("false");
    let passed = reader.resolution.passed_at(site).iter().find(|row| row.parameter == parameter);
    if let Some(row) = passed {
        return match parameter_of(reader, row.argument) {
            _ if is_nothing(row.argument) => Given::Nothing,
            Some(own) if program.assigned_from(own).next().is_none() => Given::Parameter(own),
            _ => Given::Other,
        };
    }
    // What is spread may hold it.
    if program.arguments(site).any(|row| program.text(row.keyword).starts_with('*')) {
        return Given::Other;
    }
    match program.parameter(parameter).and_then(|row| row.default) {
        Some(default) if is_nothing(default) => Given::Nothing,
        _ => Given::Other,
    }
}

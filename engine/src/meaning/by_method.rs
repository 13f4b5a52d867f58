//! Clients of a project that try again what may be repeated alone: `if (attempt >= 3 || !SAFE.has(options.method)) throw error`.

use distsys_facts::{RegionKind, SiteId, VarId};
use rustc_hash::FxHashSet;

use super::causes::Causes;
use super::scopes::{Extent, Scope};
use super::terms::{Hole, Term};
use crate::operation::OpKind;

/// A condition is taken apart into so many parts.
const MAX_PARTS: usize = 48;

impl Causes<'_, '_, '_> {
    /// Leaves of the sites that a loop tries again those whose requests it does so for whatever their method.
    pub(super) fn keep_whatever_the_method(&self, scope: &Scope, sites: &mut Vec<SiteId>) {
        let Extent::Region(_) = scope.extent else { return };
        let asked = |site: SiteId| -> Vec<Hole> {
            let requests = self.effects.at(site).map(|(effect, _)| effect);
            let verbs = requests.filter(|effect| effect.kind == OpKind::HttpRequest).map(|effect| effect.verb);
            let holes = verbs.filter_map(|verb| match verb {
                Term::Parameter(parameter) => Some(Hole { parameter, field: None }),
                Term::Within(parameter, field) => Some(Hole { parameter, field: Some(field) }),
                Term::Given(hole, ..) => Some(hole),
                _ => None,
            });
            holes.collect()
        };
        let holes: Vec<(SiteId, Vec<Hole>)> = sites.iter().map(|site| (*site, asked(*site))).collect();
        if holes.iter().all(|(_, holes)| holes.is_empty()) {
            return;
        }
        let deciding = self.deciding(scope);
        let requests: Vec<SiteId> =
            holes.iter().filter(|(_, holes)| !holes.is_empty()).map(|(site, _)| *site).collect();
        let decides = |hole: &Hole| deciding.iter().any(|condition| self.asks_for(*condition, hole, &requests));
        let by_method: FxHashSet<SiteId> =
            holes.into_iter().filter(|(_, holes)| holes.iter().any(decides)).map(|(site, _)| site).collect();
        sites.retain(|site| !by_method.contains(site));
    }

    /// What decides whether a loop goes on, or is come to: its conditions and bounds, and those of the ways that leave it or
    /// the function before it.
    fn deciding(&self, scope: &Scope) -> Vec<VarId> {
        let program = self.reader.program;
        let r = &program.facts.relations;
        let Extent::Region(turn) = scope.extent else { return Vec::new() };
        let first = program.sites(scope.function).find(|site| program.region_within(site.region, turn));
        let leaves = |region| {
            let mut inside = program.sites(scope.function).filter(|site| program.region_within(site.region, region));
            inside.any(|site| {
                let before = first.is_none_or(|first| site.site < first.site);
                let within = program.region_within(region, turn);
                let throws = r.throws.binary_search_by_key(&site.site, |row| row.site).is_ok();
                let returns = || r.returns.binary_search_by_key(&site.site, |row| row.site).is_ok();
                within && throws || !within && before && (throws || returns())
            })
        };
        let regions = program.regions_by_function.of(&r.region, scope.function);
        let counted = program.iterates_by_region.of(&r.iterates, turn).map(|row| row.var);
        let conditions = regions
            .filter(|row| {
                row.region == turn
                    || program.region_within(turn, row.region)
                    || matches!(row.kind, RegionKind::Branch | RegionKind::Else) && leaves(row.region)
            })
            .flat_map(|row| program.condition_by_region.of(&r.condition, row.region))
            .map(|row| row.var);
        conditions.chain(counted).collect()
    }

    /// Whether a condition looks at what the caller gives for `hole`; what the `requests` themselves answer is no look at it.
    fn asks_for(&self, condition: VarId, hole: &Hole, requests: &[SiteId]) -> bool {
        let program = self.reader.program;
        let r = &program.facts.relations;
        let field = hole.field.map(|field| self.names.text(field));
        let mut stack = vec![condition];
        let mut seen: FxHashSet<VarId> = FxHashSet::default();
        while let Some(var) = stack.pop().filter(|_| seen.len() < MAX_PARTS) {
            if !seen.insert(var) {
                continue;
            }
            if var == hole.parameter && field.is_none() {
                return true;
            }
            if let Some(load) = program.loaded_as(var) {
                // `request, err := http.NewRequest(method, …)`: how that went says nothing of the method.
                let is_beside = program.text(load.field).parse::<u32>().is_ok_and(|index| index > 0);
                if is_beside && program.call_giving(load.base).is_some() {
                    continue;
                }
                if self.reader.root(load.base) == hole.parameter && field == Some(program.text(load.field)) {
                    return true;
                }
                stack.push(load.base);
            }
            if let Some(choice) = program.chosen(var) {
                stack.push(choice.condition);
            }
            for binary in program.binary_by_dst.of(&r.binary, var) {
                stack.push(binary.left);
                stack.extend(binary.right);
            }
            if let Some(call) = program.call_giving(var).filter(|call| !requests.contains(&call.site)) {
                stack.extend(call.receiver);
                stack.extend(program.arguments(call.site).map(|row| row.var));
            }
            stack.extend(program.assigned_from(var).map(|row| row.src));
        }
        false
    }
}

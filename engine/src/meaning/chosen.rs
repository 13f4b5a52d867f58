//! What a function of the project gives where a constant of the call decides: `session(readonly=True)` of
//! `def session(readonly=False): return Replica() if readonly else Primary()`.

use distsys_facts::{FunctionId, LiteralKind, RegionKind, SiteId, VarId};

use super::at_calls::Argument;
use super::terms::Describer;

/// Conditions are taken apart this deep.
const MAX_DEPTH: u32 = 4;

/// Values are followed to what made them in so many steps.
const MAX_STEPS: usize = 4;

impl Describer<'_, '_> {
    /// The values that a call of `function` may give, as far as what it passes is known.
    pub(super) fn given_by(&self, site: SiteId, function: FunctionId) -> Vec<VarId> {
        let program = self.reader.program;
        let r = &program.facts.relations;
        let mut given = Vec::new();
        for row in program.returns_by_function.of(&r.returns, function) {
            let Some(var) = row.var.filter(|var| program.literal(*var).is_none()) else { continue };
            match self.is_entered(row.site, site, function) {
                Some(false) => {}
                Some(true) => return self.ways_taken(var, site, function),
                None => given.extend(self.ways_taken(var, site, function)),
            }
        }
        given
    }

    /// The ways of a value that a call takes: of `a() if wanted else b()` one.
    fn ways_taken(&self, var: VarId, site: SiteId, function: FunctionId) -> Vec<VarId> {
        let program = self.reader.program;
        let ways: Vec<VarId> = program.assigned_from(var).map(|row| row.src).collect();
        let made = |var: VarId| {
            let mut at = var;
            for _ in 0..MAX_STEPS {
                match (program.call_giving(at), program.assigned_from(at).next()) {
                    (Some(call), _) => return Some(call.site),
                    (None, Some(row)) => at = row.src,
                    (None, None) => return None,
                }
            }
            None
        };
        let taken = |way: &VarId| made(*way).and_then(|made| self.is_entered(made, site, function));
        let known: Vec<VarId> = ways.iter().copied().filter(|way| taken(way) == Some(true)).collect();
        match known[..] {
            [only] if ways.len() > 1 => vec![only],
            _ => vec![var],
        }
    }

    /// Whether a place of a function is come to when it is called at `call`, as far as constants of that say; none where
    /// nothing that is known decides.
    fn is_entered(&self, place: SiteId, call: SiteId, function: FunctionId) -> Option<bool> {
        let program = self.reader.program;
        let r = &program.facts.relations;
        let mut entered = None;
        for region in program.regions_outward(program.site(place).region) {
            let wanted = match region.kind {
                RegionKind::Branch => true,
                RegionKind::Else => false,
                _ => continue,
            };
            for condition in program.condition_by_region.of(&r.condition, region.region) {
                match self.holds_at(condition.var, call, function, 0) {
                    Some(holds) if holds == wanted => entered = Some(true),
                    Some(_) => return Some(false),
                    None => return None,
                }
            }
        }
        entered
    }

    fn holds_at(&self, condition: VarId, call: SiteId, function: FunctionId, depth: u32) -> Option<bool> {
        let program = self.reader.program;
        let r = &program.facts.relations;
        if depth > MAX_DEPTH {
            return None;
        }
        if program.parameter(condition).is_some() {
            let given = match self.argument(condition, function, Some(call)) {
                Argument::Given(given) => self.reader.literal(given)?,
                Argument::Omitted => return Some(false),
                _ => return None,
            };
            let literal = program.literal(given)?;
            return match literal.kind {
                LiteralKind::Boolean => Some(program.text(literal.value) == "true"),
                LiteralKind::Null => Some(false),
                _ => None,
            };
        }
        if let Some(row) = program.binary_by_dst.first(&r.binary, condition) {
            let negated = matches!(program.text(row.operator), "!" | "not" | "!=" | "!==");
            let holds = match row.right {
                None if negated => self.holds_at(row.left, call, function, depth + 1)?,
                Some(right) if negated || matches!(program.text(row.operator), "==" | "===" | "is") => {
                    program.parameter(row.left)?;
                    let Argument::Given(given) = self.argument(row.left, function, Some(call)) else { return None };
                    self.reader.constant(given)? == self.reader.constant(right)?
                }
                _ => return None,
            };
            return Some(holds != negated);
        }
        let mut sources = program.assigned_from(condition).map(|row| row.src);
        match (sources.next(), sources.next()) {
            (Some(only), None) => self.holds_at(only, call, function, depth + 1),
            _ => None,
        }
    }
}

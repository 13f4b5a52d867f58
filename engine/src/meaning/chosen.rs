//! What a function of the project gives where a constant of the call decides: `session(readonly=True)` of
//! `def session(readonly=False): return Replica() if readonly else Primary()`, or yields it.

use distsys_facts::schema::Choice;
use distsys_facts::{FunctionId, LiteralKind, ParameterKind, RegionKind, SiteId, VarId};

use super::at_calls::Argument;
use super::terms::{Describer, Role};
use crate::resolve::HandleRole;

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
        let returned = program.returns_by_function.of(&r.returns, function).map(|row| (row.site, row.var));
        // What a context manager gives to the block under it, or an iterator to the loop over it.
        let yielded = program.yields_by_function.of(&r.yields, function).map(|row| (row.site, row.var));
        for (place, var) in returned.chain(yielded) {
            let Some(var) = var.filter(|var| program.literal(*var).is_none()) else { continue };
            match self.is_entered(place, site, function) {
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
        if let Some(choice) = self.choice_behind(var) {
            return match self.holds_at(choice.condition, site, function, 0) {
                Some(true) => vec![choice.taken],
                Some(false) => vec![choice.otherwise],
                None => vec![var],
            };
        }
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

    /// The conditional that a connection is, or that it is taken from or made on: `(writer if fresh else reader).connection()`,
    /// `Session(replica if readonly else primary)`.
    pub(super) fn choice_behind(&self, var: VarId) -> Option<Choice> {
        let program = self.reader.program;
        let mut at = var;
        for _ in 0..MAX_STEPS * 2 {
            if let Some(choice) = program.chosen(at) {
                return Some(*choice);
            }
            if let Some(call) = program.call_giving(at) {
                if !self.reader.resolution.calls_at(call.site).is_empty() {
                    // `source = db.connection if fresh else db.follower`, then `source()`.
                    return call.callee.and_then(|callee| program.chosen(self.reader.root(callee))).copied();
                }
                let given = || program.arguments(call.site).find_map(|row| program.chosen(self.reader.root(row.var)));
                // `factory = Primary if fresh else Replica`, then `factory()`.
                let maker = || call.callee.and_then(|callee| program.chosen(self.reader.root(callee)));
                match call.receiver.filter(|receiver| !self.reader.is_named(*receiver)) {
                    Some(receiver) => at = receiver,
                    None => return given().or_else(maker).copied(),
                }
                continue;
            }
            at = program.only_source(at)?;
        }
        None
    }

    /// What decides is what the caller gave: the parameter that a condition is, where it is that alone.
    pub(super) fn asked_parameter(&self, condition: VarId) -> Option<VarId> {
        let program = self.reader.program;
        let root = self.reader.root(condition);
        program.parameter(root).filter(|row| row.kind != ParameterKind::Receiver).map(|row| row.var)
    }

    /// Whether a condition looks at what the caller gave.
    pub(super) fn is_asked_of_caller(&self, condition: VarId, depth: u32) -> bool {
        let program = self.reader.program;
        let r = &program.facts.relations;
        let root = self.reader.root(condition);
        let mut looked_at = program.binary_by_dst.of(&r.binary, root).map(|row| row.left);
        depth <= MAX_DEPTH
            && (self.asked_parameter(root).is_some() || looked_at.any(|left| self.is_asked_of_caller(left, depth + 1)))
    }

    /// The one of two roles that a call decides for, as far as constants say; that which its own caller decides for, where it
    /// hands on what it was given.
    pub(super) fn role_chosen(
        &self,
        (condition, taken, otherwise): (VarId, HandleRole, HandleRole),
        callee: FunctionId,
        call: Option<SiteId>,
    ) -> Role {
        let role = Role::Chosen(condition, taken, otherwise);
        let Some(site) = call else { return Role::Unknown };
        match self.holds_at(condition, site, callee, 0) {
            Some(true) => return taken.into(),
            Some(false) => return otherwise.into(),
            None => {}
        }
        let Some(parameter) = self.asked_parameter(condition) else { return Role::Unknown };
        match self.argument(parameter, callee, call) {
            Argument::Elsewhere => role,
            Argument::Given(given) => {
                self.asked_parameter(given).map_or(Role::Unknown, |of_caller| Role::Chosen(of_caller, taken, otherwise))
            }
            _ => Role::Unknown,
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

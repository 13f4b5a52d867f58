//! How often a loop runs at most, where that is a number: `range(3)`, `0..3`, `for (let n = 0; n < times; n++)`, a look at what
//! is counted that leaves.

use distsys_facts::{FunctionId, RegionId, RegionKind, SiteId, SiteKind, VarId};

use super::Meaning;
use super::callbacks::parameter_of;
use super::operations::{Found, Operand};
use super::scopes::Scope;

/// A setting is followed through so many fields and calls.
const MAX_FIELDS: u32 = 8;

/// More turns than these are no attempts.
const MAX_TURNS: f64 = 1000.0;

impl Meaning<'_> {
    /// How often the loop of a retry is run at most, the first time included; none if that is no constant. `calls` lead to its
    /// function, outermost first: what they give counts.
    pub fn turns_at_most(&self, scope: &Scope, calls: &[SiteId]) -> Option<f64> {
        let program = self.program;
        let origin = scope.origin.filter(|_| scope.op.is_none())?;
        let loop_ =
            program.regions_outward(program.site(origin).region).find(|row| row.kind == RegionKind::Loop)?.region;
        let calls: Vec<SiteId> = calls.iter().chain(&scope.steps).copied().collect();
        let turns = self.turns_iterated(loop_, &calls).or_else(|| self.turns_counted(loop_, &calls))?;
        (1.0..=MAX_TURNS).contains(&turns).then_some(turns)
    }

    /// `for _ in range(3)`, `for n in 1..=3`
    fn turns_iterated(&self, loop_: RegionId, calls: &[SiteId]) -> Option<f64> {
        let program = self.program;
        let r = &program.facts.relations;
        let over = self.reader().root(program.iterates_by_region.first(&r.iterates, loop_)?.var);
        if let Some(row) = program.binary_by_dst.first(&r.binary, over) {
            let inclusive = match program.text(row.operator) {
                ".." => 0.0,
                "..=" => 1.0,
                _ => return None,
            };
            return Some(self.number_given(row.right?, calls)? - self.number_given(row.left, calls)? + inclusive);
        }
        let call = program.call_giving(over).filter(|call| matches!(program.text(call.name), "range" | "xrange"))?;
        let given: Vec<VarId> = program.arguments(call.site).map(|row| row.var).collect();
        match given[..] {
            [end] => self.number_given(end, calls),
            [start, end] => Some(self.number_given(end, calls)? - self.number_given(start, calls)?),
            _ => None,
        }
    }

    /// `n < 3` at the head, or `if n >= 3 { throw … }` inside.
    fn turns_counted(&self, loop_: RegionId, calls: &[SiteId]) -> Option<f64> {
        let program = self.program;
        let r = &program.facts.relations;
        let function = program.region(loop_).function;
        let of_head = program.condition_by_region.of(&r.condition, loop_).filter_map(|row| {
            let binary = program.binary_by_dst.first(&r.binary, row.var)?;
            let start = self.start_of_count(binary.left, loop_)?;
            let end = self.number_given(binary.right?, calls)?;
            match program.text(binary.operator) {
                "<" => Some(end - start),
                "<=" => Some(end - start + 1.0),
                _ => None,
            }
        });
        let of_arms = program
            .regions_by_function
            .of(&r.region, function)
            .filter(|row| row.kind == RegionKind::Branch && program.region_within(row.region, loop_))
            .filter(|row| self.leaves_for_good(function, row.region))
            .flat_map(|row| program.condition_by_region.of(&r.condition, row.region))
            .filter_map(|row| {
                let binary = program.binary_by_dst.first(&r.binary, row.var)?;
                let start = self.start_of_count(binary.left, loop_)?;
                let end = self.number_given(binary.right?, calls)?;
                let turns = match program.text(binary.operator) {
                    ">=" | "==" | "===" => end - start,
                    ">" => end - start + 1.0,
                    _ => return None,
                };
                // What counts after the look has not counted this turn yet.
                let counted = self.counted_at(binary.left, loop_)?;
                Some(if counted < binary.site { turns } else { turns + 1.0 })
            });
        of_head.chain(of_arms).reduce(f64::min)
    }

    /// Whether an arm throws or returns.
    fn leaves_for_good(&self, function: FunctionId, arm: RegionId) -> bool {
        let mut inside = self.program.sites(function).filter(|site| self.program.region_within(site.region, arm));
        inside.any(|site| matches!(site.kind, SiteKind::Throw | SiteKind::Return))
    }

    /// What a variable that a loop counts up is before it.
    fn start_of_count(&self, count: VarId, loop_: RegionId) -> Option<f64> {
        let program = self.program;
        self.counted_at(count, loop_)?;
        let starts = program.assigned_from(count).filter_map(|row| program.literal(row.src));
        let mut starts = starts.filter_map(|row| program.text(row.value).parse::<f64>().ok());
        let start = starts.next()?;
        starts.next().is_none().then_some(start)
    }

    /// Where a loop counts a variable up by one.
    fn counted_at(&self, count: VarId, loop_: RegionId) -> Option<SiteId> {
        let program = self.program;
        let r = &program.facts.relations;
        let sites = program.sites(program.region(loop_).function);
        let mut counted = sites.filter(|site| program.region_within(site.region, loop_)).filter_map(|site| {
            let at = r.binary.binary_search_by_key(&site.site, |row| row.site).ok()?;
            let row = &r.binary[at];
            let by_one = row.right.is_none_or(|step| self.constant(step) == Some("1"));
            (matches!(program.text(row.operator), "+=" | "++" | "+") && row.left == count && by_one).then_some(row.site)
        });
        counted.next()
    }

    /// The number that a value is where `calls` lead to its function.
    fn number_given(&self, var: VarId, calls: &[SiteId]) -> Option<f64> {
        self.number_at(var, calls, 0)
    }

    fn number_at(&self, var: VarId, calls: &[SiteId], depth: u32) -> Option<f64> {
        if depth > MAX_FIELDS {
            return None;
        }
        if let Some(number) = self.number(var) {
            return Some(number);
        }
        // A setting's default: `settings.attempts`.
        let root = self.reader().root(var);
        let set = self.program.loaded_as(root).and_then(|load| self.reader().stored(load.base, load.field));
        if let Some(number) = set.and_then(|set| self.number(set)) {
            return Some(number);
        }
        if let Some(load) = self.program.loaded_as(root) {
            return self.number_within(load.base, self.program.text(load.field), calls, depth + 1);
        }
        let parameter = self.program.parameter(parameter_of(self.reader(), var)?)?;
        // Only what leads to this very function gives it anything.
        let is_callee =
            |site: &SiteId| self.resolution.calls_at(*site).iter().any(|edge| edge.function == parameter.function);
        let at = calls.iter().rposition(is_callee)?;
        let given = self.reader().given_at(calls[at], parameter).or(parameter.default)?;
        self.number_at(given, &calls[..at], depth + 1)
    }

    /// The number that a field of an object is, where `calls` lead to its function: of a policy that they are given, or that
    /// their own object keeps.
    fn number_within(&self, object: VarId, field: &str, calls: &[SiteId], depth: u32) -> Option<f64> {
        if depth > MAX_FIELDS {
            return None;
        }
        let reader = self.reader();
        let root = reader.root(object);
        if let Found::Is(Operand::Var(set)) = reader.within(root, &[field.to_owned()])
            && set != root
        {
            return self.number_at(set, &[], depth + 1);
        }
        if let Some(load) = self.program.loaded_as(root) {
            return self.number_within(reader.stored(load.base, load.field)?, field, &[], depth + 1);
        }
        let parameter = self.program.parameter(parameter_of(reader, root)?)?;
        let is_callee =
            |site: &SiteId| self.resolution.calls_at(*site).iter().any(|edge| edge.function == parameter.function);
        let at = calls.iter().rposition(is_callee)?;
        self.number_within(reader.given_at(calls[at], parameter)?, field, &calls[..at], depth + 1)
    }
}

//! Loops that end by a count: because they look at one themselves (`if r.is_ok() || n >= 3 { return r; }`), or because what
//! they call gives up (`pause(++attempt)`, which throws from the fifth attempt on).

use distsys_facts::{FunctionId, ParameterKind, RegionId, RegionKind, SiteKind, Sym, VarId};
use rustc_hash::FxHashSet;

use super::retries::{Graph, Way};
use super::scopes::Builder;
use crate::program::Program;

/// What a condition is made of is looked at so far.
const MAX_PARTS: usize = 24;

/// Whether a loop goes over a list part by part: `for (let i = 0; i < rows.length; i += SIZE)`. The next turn is another part.
pub(super) fn goes_by_parts(program: &Program<'_>, loop_: RegionId) -> bool {
    let r = &program.facts.relations;
    let is_size = |var: VarId| {
        program.loaded_as(var).is_some_and(|load| matches!(program.text(load.field), "length" | "size"))
            || program.call_giving(var).is_some_and(|call| matches!(program.text(call.name), "len" | "size"))
    };
    let name_of = |var: VarId| program.variable(var).map(|row| row.name);
    let conditions = program.condition_by_region.of(&r.condition, loop_).map(|row| row.var);
    let compared = conditions.flat_map(|var| program.binary_by_dst.of(&r.binary, var));
    let within = compared.filter(|row| program.text(row.operator) == "<" && row.right.is_some_and(is_size));
    let counters: Vec<Sym> = within.filter_map(|row| name_of(row.left)).collect();
    let is_one = |var: VarId| program.literal(var).is_some_and(|row| program.text(row.value) == "1");
    !counters.is_empty()
        && program.binaries(program.region(loop_).function).any(|row| {
            program.text(row.operator) == "+="
                && name_of(row.left).is_some_and(|name| counters.contains(&name))
                && row.right.is_some_and(|right| !is_one(right))
        })
}

impl Graph {
    /// Whether a branch of a loop that leads out of it for good is taken for a count: what the loop counts, compared.
    pub(super) fn leaves_by_a_count(&self, program: &Program<'_>, loop_: RegionId) -> bool {
        let r = &program.facts.relations;
        let function = program.region(loop_).function;
        let counted: FxHashSet<Sym> = program
            .sites(function)
            .filter(|site| program.region_within(site.region, loop_))
            .filter_map(|site| r.binary.binary_search_by_key(&site.site, |row| row.site).ok().map(|at| r.binary[at]))
            .filter(|row| matches!(program.text(row.operator), "+=" | "-=" | "++" | "--"))
            .filter_map(|row| program.variable(row.left).map(|variable| variable.name))
            .collect();
        if counted.is_empty() {
            return false;
        }
        let is_counted = |var: VarId| program.variable(var).is_some_and(|row| counted.contains(&row.name));
        let compares_count = |condition: VarId| {
            let (mut stack, mut seen) = (vec![condition], 0);
            while let Some(var) = stack.pop() {
                seen += 1;
                if seen > MAX_PARTS {
                    break;
                }
                for row in program.binary_by_dst.of(&r.binary, var) {
                    let compares = matches!(program.text(row.operator), "<" | ">" | "<=" | ">=" | "==" | "===");
                    if compares && (is_counted(row.left) || row.right.is_some_and(is_counted)) {
                        return true;
                    }
                    if matches!(program.text(row.operator), "&&" | "||" | "and" | "or") {
                        stack.push(row.left);
                        stack.extend(row.right);
                    }
                }
                stack.extend(program.assigned_from(var).map(|row| row.src));
            }
            false
        };
        let branches = program.regions_by_function.of(&r.region, function).filter(|row| {
            row.kind == RegionKind::Branch && row.region != loop_ && program.region_within(row.region, loop_)
        });
        branches
            .filter(|row| program.condition_by_region.of(&r.condition, row.region).any(|row| compares_count(row.var)))
            .any(|row| {
                self.leads(program, row.region, loop_, Way::Out, &[])
                    && !self.leads(program, row.region, loop_, Way::Round, &[])
            })
    }
}

impl Builder<'_, '_, '_> {
    /// Whether a function of the project that a loop calls, and whose failure leaves the loop, fails by a count: of what it is
    /// given, or of what its object holds.
    pub(super) fn ends_by_what_it_calls(&self, loop_: RegionId) -> bool {
        let program = self.reader.program;
        let leaves = |region: RegionId| {
            let inside = program.regions_outward(region).take_while(|row| row.region != loop_);
            inside.into_iter().all(|row| row.kind != RegionKind::Try)
        };
        let sites = program.sites(program.region(loop_).function).filter(|site| {
            site.kind == SiteKind::Call && program.region_within(site.region, loop_) && leaves(site.region)
        });
        let mut called = sites.flat_map(|site| self.reader.resolution.calls_at(site.site));
        called.any(|edge| self.gives_up_by_a_count(edge.function))
    }

    fn gives_up_by_a_count(&self, function: FunctionId) -> bool {
        let program = self.reader.program;
        let r = &program.facts.relations;
        let is_own = |var: VarId| {
            let root = self.reader.root(var);
            match program.loaded_as(root) {
                Some(load) => program.parameter(load.base).is_some_and(|row| row.kind == ParameterKind::Receiver),
                None => program.parameter(root).is_some_and(|row| row.kind != ParameterKind::Receiver),
            }
        };
        let is_bound = |var: VarId| is_own(var) || self.reader.constant(var).is_some();
        let compares = |var: VarId| {
            program.binary_by_dst.of(&r.binary, var).any(|row| {
                let right = row.right.is_some_and(|right| {
                    (is_own(row.left) && is_bound(right)) || (is_bound(row.left) && is_own(right))
                });
                matches!(program.text(row.operator), "<" | ">" | "<=" | ">=" | "==" | "===") && right
            })
        };
        program.sites(function).filter(|site| site.kind == SiteKind::Throw).any(|site| {
            let around = program.regions_outward(site.region).filter(|row| row.kind == RegionKind::Branch);
            let mut asked = around.flat_map(|row| program.condition_by_region.of(&r.condition, row.region));
            asked.any(|condition| compares(condition.var))
        })
    }
}

//! Order in a function: what may come before what, by control flow.

use std::sync::OnceLock;

use distsys_facts::{BlockId, EdgeKind, FunctionId, Id, IdKind, RegionId, RegionKind, SiteId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::csr::Csr;
use crate::program::Program;

/// Reachability between the blocks of a function, as rows of bits.
#[derive(Debug)]
struct Reach {
    index: FxHashMap<BlockId, u32>,
    words: usize,
    forward: Vec<u64>,
}

/// Functions with more blocks than this are ordered by position alone; the matrix would grow with their square.
const MAX_BLOCKS: usize = 4096;

/// The order of sites, worked out for a function when it is first asked for.
#[derive(Debug)]
pub struct Order {
    blocks_by_function: Csr,
    edges_by_block: Csr,
    reach: Vec<OnceLock<Option<Box<Reach>>>>,
}

impl Order {
    pub(super) fn new(program: &Program<'_>) -> Self {
        let r = &program.facts.relations;
        let functions = program.facts.count(IdKind::Function);
        Order {
            blocks_by_function: Csr::by(functions, &r.block, |row| Some(row.function)),
            edges_by_block: Csr::by(program.facts.count(IdKind::Block), &r.edge, |row| Some(row.from)),
            reach: (0..functions).map(|_| OnceLock::new()).collect(),
        }
    }

    /// Whether control may pass `a` and later, without going round a loop, `b`. Both must be in one function.
    pub fn precedes(&self, program: &Program<'_>, a: SiteId, b: SiteId) -> bool {
        let (from, to) = (program.site(a), program.site(b));
        if from.function != to.function || a == b {
            return false;
        }
        if from.block == to.block {
            return a < b;
        }
        match self.reach(program, from.function) {
            Some(reach) => reach.reaches(from.block, to.block),
            None => a < b,
        }
    }

    /// Whether there is a way from `a` to `b` that passes no site of `between`, without going round a loop.
    pub fn avoids(&self, program: &Program<'_>, a: SiteId, between: &[SiteId], b: SiteId) -> bool {
        let r = &program.facts.relations;
        let (from, to) = (program.site(a), program.site(b));
        let in_block = |block: BlockId| between.iter().copied().filter(move |site| program.site(*site).block == block);
        if from.block == to.block {
            return a < b && !in_block(from.block).any(|site| a < site && site < b);
        }
        if in_block(from.block).any(|site| a < site) || in_block(to.block).any(|site| site < b) {
            return false;
        }
        let mut seen: Vec<BlockId> = vec![from.block];
        let mut stack = vec![from.block];
        while let Some(block) = stack.pop() {
            for edge in self.edges_by_block.of(&r.edge, block).filter(|edge| edge.kind != EdgeKind::Back) {
                if edge.to == to.block {
                    return true;
                }
                if in_block(edge.to).next().is_none() && !seen.contains(&edge.to) {
                    seen.push(edge.to);
                    stack.push(edge.to);
                }
            }
        }
        false
    }

    /// Whether some site of `between` lies on a way from `a` to `b`.
    pub fn passes(
        &self,
        program: &Program<'_>,
        a: SiteId,
        mut between: impl Iterator<Item = SiteId>,
        b: SiteId,
    ) -> bool {
        between.any(|site| self.precedes(program, a, site) && self.precedes(program, site, b))
    }

    /// Whether control may pass through `block` and later, without going round a loop, `site`.
    pub fn leads(&self, program: &Program<'_>, block: BlockId, site: SiteId) -> bool {
        let row = program.site(site);
        match self.reach(program, row.function) {
            Some(reach) => reach.reaches(block, row.block),
            None => true,
        }
    }

    /// Whether control may come from `block` to the beginning of `region`, going round loops.
    pub fn comes_round(&self, program: &Program<'_>, block: BlockId, region: RegionId) -> bool {
        let r = &program.facts.relations;
        let Some(wanted) = self.entry_of(program, region) else { return true };
        let mut seen: FxHashSet<BlockId> = FxHashSet::default();
        let mut stack = vec![block];
        while let Some(at) = stack.pop() {
            for edge in self.edges_by_block.of(&r.edge, at) {
                if edge.to == wanted {
                    return true;
                }
                if seen.len() < MAX_BLOCKS && seen.insert(edge.to) {
                    stack.push(edge.to);
                }
            }
        }
        false
    }

    /// Whether a loop goes on as long as the program does: it has no condition, and nothing leads out of it but what a `select`
    /// hears (`case <-ctx.Done(): return`) and failures.
    pub fn never_ends(&self, program: &Program<'_>, turn: RegionId) -> bool {
        let r = &program.facts.relations;
        let function = program.region(turn).function;
        let region_of = |block: BlockId| r.block[block.index()].region;
        let is_true =
            |var| program.literal(var).is_some_and(|row| matches!(program.text(row.value), "true" | "True" | "1"));
        if program.iterates_by_region.of(&r.iterates, turn).next().is_some()
            || program.condition_by_region.of(&r.condition, turn).any(|row| !is_true(row.var))
        {
            return false;
        }
        let within = |region: RegionId| program.region_within(region, turn);
        let is_heard = |region: RegionId| {
            let mut outward = program.regions_outward(region).take_while(|row| row.region != turn);
            outward.any(|row| row.kind == RegionKind::Select)
        };
        let returned = program.returns_by_function.of(&r.returns, function).map(|row| program.site(row.site).region);
        let head = self.entry_of(program, turn);
        let own = self.blocks_by_function.of(&r.block, function).filter(|row| within(row.region));
        !returned.into_iter().any(|region| within(region) && !is_heard(region))
            && own.into_iter().all(|row| {
                let mut ends = self.edges_by_block.of(&r.edge, row.block).filter(|edge| edge.kind == EdgeKind::Normal);
                ends.all(|edge| within(region_of(edge.to)) || Some(row.block) == head || is_heard(row.region))
            })
    }

    /// The basic block by which a region is entered.
    pub fn entry_of(&self, program: &Program<'_>, region: RegionId) -> Option<BlockId> {
        let r = &program.facts.relations;
        let blocks = self.blocks_by_function.of(&r.block, program.region(region).function);
        blocks.filter(|row| program.region_within(row.region, region)).map(|row| row.block).min()
    }

    /// Where a loop that begins with the block `head` leads when its condition fails there.
    fn exits_of(&self, program: &Program<'_>, head: BlockId) -> Vec<BlockId> {
        let r = &program.facts.relations;
        let region_of = |block: BlockId| r.block[block.index()].region;
        let turn = region_of(head);
        let ends = self.edges_by_block.of(&r.edge, head).filter(|edge| edge.kind == EdgeKind::Normal);
        ends.map(|edge| edge.to).filter(|to| !program.region_within(region_of(*to), turn)).collect()
    }

    fn reach(&self, program: &Program<'_>, function: FunctionId) -> Option<&Reach> {
        self.reach[function.index()].get_or_init(|| self.compute(program, function).map(Box::new)).as_deref()
    }

    fn compute(&self, program: &Program<'_>, function: FunctionId) -> Option<Reach> {
        let r = &program.facts.relations;
        let blocks: Vec<BlockId> = self.blocks_by_function.of(&r.block, function).map(|row| row.block).collect();
        if blocks.len() > MAX_BLOCKS {
            return None;
        }
        let index: FxHashMap<BlockId, u32> = blocks.iter().enumerate().map(|(at, block)| (*block, at as u32)).collect();
        let words = blocks.len().div_ceil(64);
        let mut forward = vec![0u64; words * blocks.len()];
        let forward_edges =
            |block: BlockId| self.edges_by_block.of(&r.edge, block).filter(|edge| edge.kind != EdgeKind::Back);
        // After its last turn a loop ends by its condition.
        let ends = |block: BlockId| {
            let back = self.edges_by_block.of(&r.edge, block).filter(|edge| edge.kind == EdgeKind::Back);
            back.flat_map(|edge| self.exits_of(program, edge.to)).collect::<Vec<BlockId>>()
        };
        // Without back edges the graph is acyclic: blocks in depth-first postorder see their successors done.
        let successors =
            |block: BlockId| forward_edges(block).map(|edge| edge.to).chain(ends(block)).collect::<Vec<BlockId>>();
        let mut state = vec![0u8; blocks.len()];
        for &root in &blocks {
            let mut stack = vec![root];
            while let Some(&block) = stack.last() {
                let at = index[&block] as usize;
                if state[at] == 0 {
                    state[at] = 1;
                    let open = |to: &BlockId| index.get(to).is_some_and(|to| state[*to as usize] == 0);
                    stack.extend(successors(block).into_iter().filter(open));
                    continue;
                }
                stack.pop();
                if state[at] == 2 {
                    continue;
                }
                state[at] = 2;
                for to in successors(block) {
                    let Some(&to) = index.get(&to) else { continue };
                    let to = to as usize;
                    forward[at * words + to / 64] |= 1 << (to % 64);
                    for word in 0..words {
                        forward[at * words + word] |= forward[to * words + word];
                    }
                }
            }
        }
        Some(Reach { index, words, forward })
    }
}

impl Reach {
    fn reaches(&self, from: BlockId, to: BlockId) -> bool {
        match (self.index.get(&from), self.index.get(&to)) {
            (Some(&from), Some(&to)) => {
                self.forward[from as usize * self.words + to as usize / 64] & (1 << (to % 64)) != 0
            }
            _ => false,
        }
    }
}

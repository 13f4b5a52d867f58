//! Regions and basic blocks, built structurally: choices, loops, `try`, early exits.

use distsys_facts::schema::{Block, Borne, Catches, Condition, Edge, Handles, Idle, Iterates, Manages, Region};
use distsys_facts::{BlockId, EdgeKind, RegionId, RegionKind, VarId};

use super::{Lowering, Span};

/// What a handler or arm says of itself stands in its first bytes, so many.
const MAX_REMARK: u32 = 600;

#[derive(Debug)]
pub(super) struct LoopFrame {
    label: String,
    /// None of a `switch` or a labelled block, which only `break` knows.
    head: Option<BlockId>,
    exit: BlockId,
}

#[derive(Debug)]
pub(super) struct TryFrame {
    /// Where an exception in the body goes.
    handler: BlockId,
    finally: Option<BlockId>,
}

/// An open choice between arms: `if`, `switch`, `match`, a conditional expression, `select!`.
#[derive(Debug)]
#[must_use]
pub struct Choice {
    head: BlockId,
    exits: Vec<BlockId>,
}

/// An open loop.
#[derive(Debug)]
#[must_use]
pub struct Loop {
    pub region: RegionId,
    head: BlockId,
    exit: BlockId,
}

/// An open `try`.
#[derive(Debug)]
#[must_use]
pub struct Try {
    pub body: RegionId,
    handler: BlockId,
    finally: Option<BlockId>,
    exits: Vec<BlockId>,
    in_body: bool,
}

impl Lowering<'_> {
    fn new_block(&mut self) -> BlockId {
        let block: BlockId = self.facts.fresh();
        let (function, region) = (self.function(), self.region());
        self.facts.relations.block.push(Block { block, function, region });
        block
    }

    fn edge(&mut self, from: BlockId, to: BlockId, kind: EdgeKind) {
        self.facts.relations.edge.push(Edge { from, to, kind });
    }

    /// Sites go to `block` from now on; inside a `try` its exceptions go to the handler.
    fn enter(&mut self, block: BlockId) {
        let handler = self.frame().tries.last().map(|frame| frame.handler);
        self.frame().block = block;
        if let Some(handler) = handler {
            self.edge(block, handler, EdgeKind::Exception);
        }
    }

    fn enter_new(&mut self) -> BlockId {
        let block = self.new_block();
        self.enter(block);
        block
    }

    pub fn begin_region(&mut self, kind: RegionKind, span: Span) -> RegionId {
        let region: RegionId = self.facts.fresh();
        let (start, end) = (self.source.position(span.start), self.source.position(span.end));
        let (function, parent) = (self.function(), Some(self.region()));
        self.facts.relations.region.push(Region { region, function, parent, kind, start, end });
        self.frame().regions.push(region);
        region
    }

    pub fn end_region(&mut self) {
        self.frame().regions.pop();
    }

    pub fn condition(&mut self, region: RegionId, var: VarId) {
        self.facts.relations.condition.push(Condition { region, var });
    }

    pub fn iterates(&mut self, region: RegionId, var: VarId) {
        self.facts.relations.iterates.push(Iterates { region, var });
    }

    pub fn manages(&mut self, region: RegionId, var: VarId, bound: Option<VarId>) {
        self.facts.relations.manages.push(Manages { region, var, bound });
    }

    // ---- choices

    /// Opens a choice at the current block; each arm starts from here.
    pub fn begin_choice(&mut self) -> Choice {
        Choice { head: self.block(), exits: Vec::new() }
    }

    /// Begins an arm (`Branch`, `Else`, …) taken if `condition` holds (for `Else`: does not). Lower its body, then
    /// [`Lowering::end_arm`].
    pub fn begin_arm(&mut self, choice: &Choice, kind: RegionKind, condition: Option<VarId>, span: Span) -> RegionId {
        let region = self.begin_region(kind, span);
        if let Some(var) = condition {
            self.condition(region, var);
        }
        self.bear(region, span);
        let block = self.enter_new();
        self.edge(choice.head, block, EdgeKind::Normal);
        region
    }

    /// What holds where one of two does; nothing where one of them asks nothing.
    pub fn either(&mut self, left: Option<VarId>, right: Option<VarId>, span: Span) -> Option<VarId> {
        Some(self.binary("||", left?, Some(right?), span))
    }

    pub fn end_arm(&mut self, choice: &mut Choice) {
        choice.exits.push(self.block());
        self.end_region();
    }

    /// Lets the current arm fall through into the next one (`switch` without `break`): call after `begin_arm` of the next.
    pub fn fall_through(&mut self, choice: &mut Choice) {
        if let Some(previous) = choice.exits.pop() {
            let block = self.block();
            self.edge(previous, block, EdgeKind::Normal);
        }
    }

    /// Closes the choice; unless the arms are exhaustive, control may also pass by all of them.
    pub fn end_choice(&mut self, choice: Choice, exhaustive: bool) {
        let join = self.enter_new();
        for exit in choice.exits {
            self.edge(exit, join, EdgeKind::Normal);
        }
        if !exhaustive {
            self.edge(choice.head, join, EdgeKind::Normal);
        }
    }

    // ---- loops

    /// Begins a loop; its condition is lowered inside. `label` is empty if there is none.
    pub fn begin_loop(&mut self, label: &str, span: Span) -> Loop {
        let exit = self.new_block();
        let region = self.begin_region(RegionKind::Loop, span);
        let before = self.block();
        let head = self.enter_new();
        self.edge(before, head, EdgeKind::Normal);
        self.frame().loops.push(LoopFrame { label: label.to_owned(), head: Some(head), exit });
        Loop { region, head, exit }
    }

    /// Says that control may leave the loop here because its condition fails or its collection is exhausted
    /// (not for `loop` and `while true`).
    pub fn loop_may_end(&mut self, loop_: &Loop) {
        let at = self.block();
        self.edge(at, loop_.exit, EdgeKind::Normal);
        let body = self.enter_new();
        self.edge(at, body, EdgeKind::Normal);
    }

    pub fn end_loop(&mut self, loop_: Loop) {
        let end = self.block();
        self.edge(end, loop_.head, EdgeKind::Back);
        self.frame().loops.pop();
        self.end_region();
        self.enter(loop_.exit);
    }

    /// Leaves the loop `label` (empty: the innermost).
    pub fn break_(&mut self, label: &str) {
        if let Some(target) = self.loop_frame(label).map(|frame| frame.exit) {
            let at = self.block();
            self.edge(at, target, EdgeKind::Normal);
        }
        self.enter_new();
    }

    /// Begins what `break` leaves though it is no loop (`switch`, a labelled block).
    pub fn begin_breakable(&mut self, label: &str) -> BlockId {
        let exit = self.new_block();
        self.frame().loops.push(LoopFrame { label: label.to_owned(), head: None, exit });
        exit
    }

    pub fn end_breakable(&mut self, exit: BlockId) {
        let at = self.block();
        self.edge(at, exit, EdgeKind::Normal);
        self.frame().loops.pop();
        self.enter(exit);
    }

    pub fn continue_(&mut self, label: &str) {
        let loops = &self.frame().loops;
        let target =
            loops.iter().rev().filter(|frame| label.is_empty() || frame.label == label).find_map(|frame| frame.head);
        if let Some(target) = target {
            let at = self.block();
            self.edge(at, target, EdgeKind::Back);
        }
        self.enter_new();
    }

    fn loop_frame(&mut self, label: &str) -> Option<&LoopFrame> {
        let loops = &self.frame().loops;
        if label.is_empty() { loops.last() } else { loops.iter().rev().find(|frame| frame.label == label) }
    }

    // ---- exceptions

    /// Begins the body of a `try`.
    pub fn begin_try(&mut self, has_finally: bool, span: Span) -> Try {
        let handler = self.new_block();
        let finally = has_finally.then(|| self.new_block());
        let body = self.begin_region(RegionKind::Try, span);
        self.frame().tries.push(TryFrame { handler, finally });
        let before = self.block();
        let block = self.enter_new();
        self.edge(before, block, EdgeKind::Normal);
        Try { body, handler, finally, exits: Vec::new(), in_body: true }
    }

    fn end_try_body(&mut self, try_: &mut Try) {
        if try_.in_body {
            try_.in_body = false;
            try_.exits.push(self.block());
            self.end_region();
            self.frame().tries.pop();
        }
    }

    /// Says of a handler or arm if it bears what fails there.
    fn bear(&mut self, region: RegionId, span: Span) {
        if super::remarks::says_borne(self.source().beginning(span, MAX_REMARK)) {
            self.facts.relations.borne.push(Borne { region });
        }
    }

    /// Says that a handler or arm does nothing.
    pub fn idle(&mut self, region: RegionId) {
        self.facts.relations.idle.push(Idle { region });
    }

    /// Begins the next handler, for exceptions of `type_` (empty: all).
    pub fn begin_catch(&mut self, try_: &mut Try, type_: &str, var: Option<VarId>, span: Span) -> RegionId {
        self.end_try_body(try_);
        let region = self.begin_region(RegionKind::Catch, span);
        let type_ = self.facts.intern(type_);
        self.facts.relations.catches.push(Catches { region, type_, var });
        self.facts.relations.handles.push(Handles { region, body: try_.body });
        self.bear(region, span);
        let block = self.enter_new();
        self.edge(try_.handler, block, EdgeKind::Exception);
        region
    }

    pub fn end_catch(&mut self, try_: &mut Try) {
        try_.exits.push(self.block());
        self.end_region();
    }

    /// Begins what runs when the body ends without exception (Python's `else`); it belongs to no handler.
    pub fn begin_try_else(&mut self, try_: &mut Try) {
        self.end_try_body(try_);
        let Some(end_of_body) = try_.exits.pop() else { return };
        let block = self.enter_new();
        self.edge(end_of_body, block, EdgeKind::Normal);
    }

    pub fn end_try_else(&mut self, try_: &mut Try) {
        try_.exits.push(self.block());
    }

    pub fn begin_finally(&mut self, try_: &mut Try, span: Span) -> RegionId {
        self.end_try_body(try_);
        let region = self.begin_region(RegionKind::Finally, span);
        self.facts.relations.handles.push(Handles { region, body: try_.body });
        let block = match try_.finally {
            Some(block) => {
                self.enter(block);
                block
            }
            None => self.enter_new(),
        };
        for exit in std::mem::take(&mut try_.exits) {
            self.edge(exit, block, EdgeKind::Normal);
        }
        self.edge(try_.handler, block, EdgeKind::Exception);
        region
    }

    pub fn end_finally(&mut self, try_: &mut Try) {
        try_.exits.push(self.block());
        self.end_region();
    }

    pub fn end_try(&mut self, mut try_: Try) {
        self.end_try_body(&mut try_);
        let after = self.enter_new();
        for exit in try_.exits {
            self.edge(exit, after, EdgeKind::Normal);
        }
    }

    // ---- exits

    pub(super) fn leave_function(&mut self) {
        if let Some(finally) = self.frame().tries.iter().rev().find_map(|frame| frame.finally) {
            let at = self.block();
            self.edge(at, finally, EdgeKind::Exception);
        }
        self.enter_new();
    }

    pub(super) fn leave_by_exception(&mut self) {
        if let Some(handler) = self.frame().tries.last().map(|frame| frame.handler) {
            let at = self.block();
            self.edge(at, handler, EdgeKind::Exception);
        }
        self.enter_new();
    }
}

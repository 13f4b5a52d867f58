//! What the values of a node are used for: most are used for one thing, and propagation asks at every value that comes.

use distsys_facts::schema::Relations;
use distsys_facts::{Id, IdKind, VarId};

use crate::program::Program;

/// A set of uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Uses(u16);

impl Uses {
    pub(super) const ASSIGNED: Uses = Uses(1);
    pub(super) const LOADED_FROM: Uses = Uses(1 << 1);
    pub(super) const STORED_TO: Uses = Uses(1 << 2);
    pub(super) const CALLED: Uses = Uses(1 << 3);
    pub(super) const RECEIVER: Uses = Uses(1 << 4);
    pub(super) const WAITED_FOR: Uses = Uses(1 << 5);
    /// It stands for the member that a call calls.
    pub(super) const CALLEE: Uses = Uses(1 << 6);
    /// What its functions give goes somewhere.
    pub(super) const RESULTS: Uses = Uses(1 << 7);
    /// A library gives something to its functions.
    pub(super) const HANDED: Uses = Uses(1 << 8);

    pub(super) fn has(self, use_: Uses) -> bool {
        self.0 & use_.0 != 0
    }

    pub(super) fn add(&mut self, use_: Uses) {
        self.0 |= use_.0;
    }
}

/// What the program does with each of its variables, by id.
pub(super) fn of_variables(program: &Program<'_>) -> Vec<Uses> {
    let mut uses = vec![Uses::default(); program.facts.count(IdKind::Var)];
    let mut all = |vars: &mut dyn Iterator<Item = VarId>, use_: Uses| vars.for_each(|var| uses[var.index()].add(use_));
    let Relations { assign, load, store, call, suspend, .. } = &program.facts.relations;
    all(&mut assign.iter().map(|row| row.src), Uses::ASSIGNED);
    all(&mut load.iter().map(|row| row.base), Uses::LOADED_FROM);
    all(&mut store.iter().map(|row| row.base), Uses::STORED_TO);
    all(&mut call.iter().filter_map(|row| row.callee), Uses::CALLED);
    all(&mut call.iter().filter_map(|row| row.receiver), Uses::RECEIVER);
    all(&mut suspend.iter().filter_map(|row| row.var), Uses::WAITED_FOR);
    uses
}

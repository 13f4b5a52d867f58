//! The rows of a clause's head, as its body finds them.

use super::expression::{Expression, Rule};
use super::fresh::Fresh;
use super::index::Slice;
use super::machine::{Machine, Sink, Stop};
use super::plan::Step;
use super::problem::Problem;
use super::relation::Relation;

/// Tuples that may still be derived, of so many in all.
#[derive(Clone, Copy)]
pub(super) struct Room {
    pub left: usize,
    pub of: usize,
}

pub(super) struct Head<'h> {
    values: &'h [Expression],
    relation: &'h Relation,
    fresh: &'h mut Fresh,
    room: Room,
    found: usize,
    row: Vec<u32>,
    /// The columns as the last probe of the body gives them: what is in its cells, and what is known before.
    columns: Option<Vec<Column>>,
}

enum Column {
    Cell(usize),
    Slot(usize),
    Constant(u32),
}

impl<'h> Head<'h> {
    pub(super) fn new(
        rule: &'h Rule,
        steps: &[Step],
        relation: &'h Relation,
        fresh: &'h mut Fresh,
        room: Room,
    ) -> Self {
        let columns = match steps.last() {
            Some(Step::Probe { binds, .. }) => rule.values.iter().map(|value| Column::of(value, binds)).collect(),
            _ => None,
        };
        let row = vec![0; rule.values.len()];
        Head { values: &rule.values, relation, fresh, room, found: 0, row, columns }
    }

    /// Deals with what is buffered; gives how many rows were new in all.
    pub(super) fn settle(mut self) -> Result<usize, Stop> {
        self.settle_some()?;
        Ok(self.found)
    }

    fn settle_some(&mut self) -> Result<(), Stop> {
        self.found += self.relation.settle(self.fresh);
        if self.found <= self.room.left {
            return Ok(());
        }
        Err(Box::new(Problem::limit(format!(
            "more than {} tuples are derived, the last of them in `{}`; ask for less, or raise --max-tuples",
            self.room.of, self.relation.name
        ))))
    }

    #[inline]
    fn offer_packed(&mut self, packed: u64) -> Result<(), Stop> {
        if self.fresh.offer_packed(packed) { self.settle_some() } else { Ok(()) }
    }
}

impl Column {
    fn of(value: &Expression, binds: &[(usize, usize)]) -> Option<Column> {
        match value {
            Expression::Constant(value) => Some(Column::Constant(*value)),
            Expression::Slot(slot) => {
                let cell = binds.iter().find(|(_, bound)| bound == slot).map(|(cell, _)| *cell);
                Some(cell.map_or(Column::Slot(*slot), Column::Cell))
            }
            Expression::Call(..) => None,
        }
    }

    fn before(&self, slots: &[u32]) -> u32 {
        match self {
            Column::Cell(_) => 0,
            Column::Slot(slot) => slots[*slot],
            Column::Constant(value) => *value,
        }
    }
}

impl Sink for Head<'_> {
    fn found(&mut self, machine: &Machine<'_>, slots: &[u32]) -> Result<(), Stop> {
        for (value, cell) in self.values.iter().zip(&mut self.row) {
            match value.value(slots, &machine.symbols) {
                Some(value) => *cell = value,
                None => return Ok(()),
            }
        }
        if self.fresh.offer(&self.row) { self.settle_some() } else { Ok(()) }
    }

    fn slice(&mut self, slice: Slice<'_>, slots: &[u32]) -> Option<Result<(), Stop>> {
        let columns = self.columns.take()?;
        let outcome = self.rows(&columns, slice, slots);
        self.columns = Some(columns);
        Some(outcome)
    }
}

impl Head<'_> {
    /// Offers what `packed` makes of one cell of each row.
    fn pairs(&mut self, cells: &[u32], stride: usize, cell: usize, packed: impl Fn(u32) -> u64) -> Result<(), Stop> {
        if stride == 1 {
            return cells.iter().try_for_each(|value| self.offer_packed(packed(*value)));
        }
        cells.chunks_exact(stride).try_for_each(|row| self.offer_packed(packed(row[cell])))
    }

    /// Offers rows of three or four columns.
    fn wide(&mut self, columns: &[Column], slice: Slice<'_>, slots: &[u32]) -> Result<(), Stop> {
        let before = columns.iter().rev().fold(0, |all, column| all << 32 | u128::from(column.before(slots)));
        let (mut found, mut count) = ([(0, 0); 4], 0);
        for (at, column) in columns.iter().enumerate() {
            if let Column::Cell(cell) = column {
                found[count] = (32 * at, *cell);
                count += 1;
            }
        }
        let found = &found[..count];
        (0..slice.count).try_for_each(|number| {
            let row = &slice.cells[number * slice.stride..][..slice.stride];
            let wide = found.iter().fold(before, |all, (shift, cell)| all | u128::from(row[*cell]) << shift);
            if self.fresh.offer_wide(wide) { self.settle_some() } else { Ok(()) }
        })
    }

    fn rows(&mut self, columns: &[Column], slice: Slice<'_>, slots: &[u32]) -> Result<(), Stop> {
        let Slice { cells, stride, .. } = slice;
        // Most heads have two columns, of which one comes out of the last probe.
        match columns {
            [Column::Cell(cell), other @ (Column::Slot(_) | Column::Constant(_))] => {
                let other = u64::from(other.before(slots)) << 32;
                self.pairs(cells, stride, *cell, |value| u64::from(value) | other)
            }
            [other @ (Column::Slot(_) | Column::Constant(_)), Column::Cell(cell)] => {
                let other = u64::from(other.before(slots));
                self.pairs(cells, stride, *cell, |value| other | u64::from(value) << 32)
            }
            [_, _, _] | [_, _, _, _] => self.wide(columns, slice, slots),
            _ => {
                let mut row = std::mem::take(&mut self.row);
                row.iter_mut().zip(columns).for_each(|(cell, column)| *cell = column.before(slots));
                let outcome = (0..slice.count).try_for_each(|number| {
                    let found = &cells[number * stride..][..stride];
                    for (cell, column) in row.iter_mut().zip(columns) {
                        if let Column::Cell(at) = column {
                            *cell = found[*at];
                        }
                    }
                    if self.fresh.offer(&row) { self.settle_some() } else { Ok(()) }
                });
                self.row = row;
                outcome
            }
        }
    }
}

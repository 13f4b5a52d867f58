//! The steps of a body, run as nested probes.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use distsys_facts::{Interner, Sym};
use regex::Regex;
use rustc_hash::FxHashMap;

use super::ast::{Aggregate, Test};
use super::expression::{Expression, compares};
use super::index::{Slice, turn_of};
use super::plan::{Step, Version};
use super::problem::Problem;
use super::relation::Relation;

pub(super) struct Machine<'m> {
    relations: &'m [Relation],
    /// The rows of the stratum's relations that were known before the last turn.
    old: Vec<usize>,
    pub symbols: RefCell<&'m mut Interner>,
    patterns: RefCell<FxHashMap<u32, Option<Regex>>>,
    ticks: Cell<usize>,
    clock: Clock,
}

/// When to stop.
#[derive(Clone, Copy, Default)]
pub(super) struct Clock {
    pub deadline: Option<Instant>,
    pub stop: Option<&'static AtomicBool>,
}

impl Clock {
    pub(super) fn look(self) -> Result<(), Stop> {
        if self.deadline.is_some_and(|deadline| Instant::now() > deadline) {
            return Err(Box::new(Problem::limit("the time for this query is over; ask for less, or raise --timeout")));
        }
        if self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            return Err(Box::new(Problem::limit("the query was stopped")));
        }
        Ok(())
    }
}

/// Why an evaluation stops; in a box, for it is handed up through every step and mostly is not there.
pub(super) type Stop = Box<Problem>;

/// What is done with what a body finds.
pub(super) trait Sink {
    fn found(&mut self, machine: &Machine<'_>, slots: &[u32]) -> Result<(), Stop>;

    /// Takes all that the last probe of a body finds at once, if it can.
    fn slice(&mut self, _found: Slice<'_>, _slots: &[u32]) -> Option<Result<(), Stop>> {
        None
    }
}

/// Rows looked at between two looks at the clock.
const TICKS: usize = 1 << 16;

/// Values of a key; few have many columns.
#[derive(Default)]
struct Key {
    few: [u32; 4],
    many: Vec<u32>,
}

impl Machine<'_> {
    pub(super) fn new<'m>(
        relations: &'m [Relation],
        symbols: &'m mut Interner,
        old: &FxHashMap<usize, usize>,
        clock: Clock,
    ) -> Machine<'m> {
        let old = (0..relations.len()).map(|number| old.get(&number).copied().unwrap_or(0)).collect();
        let symbols = RefCell::new(symbols);
        Machine { relations, old, symbols, patterns: RefCell::default(), ticks: Cell::new(0), clock }
    }

    pub(super) fn run<S: Sink>(&self, steps: &[Step], slots: &mut [u32], sink: &mut S) -> Result<(), Stop> {
        let Some((step, rest)) = steps.split_first() else { return sink.found(self, slots) };
        match step {
            Step::Probe { relation, version, index, key, by_number, binds, same } => {
                let rows = &self.relations[*relation];
                let old = self.old[*relation];
                let slice = match index {
                    None => {
                        let (from, to) = match version {
                            Version::All => (0, rows.len()),
                            Version::Delta => (old, rows.len()),
                            Version::Old => (0, old),
                        };
                        Slice { cells: rows.cells(from..to), stride: rows.columns.len(), count: to - from }
                    }
                    Some(index) => {
                        let index = &rows.indexes[*index];
                        if let [Expression::Slot(slot)] = key[..] {
                            index.find(&[slots[slot]], *version, turn_of(old))
                        } else {
                            let mut buffer = Key::default();
                            let Some(key) = self.key(key, slots, &mut buffer) else { return Ok(()) };
                            index.find(key, *version, turn_of(old))
                        }
                    }
                };
                if slice.count == 0 {
                    return Ok(());
                }
                self.tick(slice.count)?;
                if rest.is_empty()
                    && same.is_empty()
                    && !by_number
                    && let Some(outcome) = sink.slice(slice, slots)
                {
                    return outcome;
                }
                for number in 0..slice.count {
                    let mut cells = &slice.cells[number * slice.stride..][..slice.stride];
                    if *by_number {
                        cells = rows.row(cells[0] as usize);
                    }
                    for (cell, slot) in binds {
                        slots[*slot] = cells[*cell];
                    }
                    if same.iter().all(|(cell, expression)| self.value(expression, slots) == Some(cells[*cell])) {
                        self.run(rest, slots, sink)?;
                    }
                }
                Ok(())
            }
            Step::Contains { relation, values, holds } => {
                let mut buffer = Key::default();
                let row = self.key(values, slots, &mut buffer);
                if row.is_some_and(|row| self.relations[*relation].contains(row) == *holds) {
                    self.run(rest, slots, sink)
                } else {
                    Ok(())
                }
            }
            Step::Absent { relation, index, key } => {
                let mut buffer = Key::default();
                let index = &self.relations[*relation].indexes[*index];
                let key = self.key(key, slots, &mut buffer);
                if key.is_some_and(|key| index.find(key, Version::All, 0).count == 0) {
                    self.run(rest, slots, sink)
                } else {
                    Ok(())
                }
            }
            Step::Empty { relation } => {
                if self.relations[*relation].is_empty() {
                    self.run(rest, slots, sink)
                } else {
                    Ok(())
                }
            }
            Step::Compare(comparison, left, right, type_) => {
                match (self.value(left, slots), self.value(right, slots)) {
                    (Some(left), Some(right)) if compares(*comparison, *type_, left, right, &self.symbols) => {
                        self.run(rest, slots, sink)
                    }
                    _ => Ok(()),
                }
            }
            Step::Bind(slot, expression) => match self.value(expression, slots) {
                Some(value) => {
                    slots[*slot] = value;
                    self.run(rest, slots, sink)
                }
                None => Ok(()),
            },
            Step::Test(test, part, text, holds) => match (self.value(part, slots), self.value(text, slots)) {
                (Some(part), Some(text)) if self.holds(*test, part, text)? == *holds => self.run(rest, slots, sink),
                _ => Ok(()),
            },
            Step::Aggregate { slot, is_bound, aggregate, value, bodies } => {
                let mut folded = Folded { value: value.as_ref(), count: 0, sum: 0, least: None, most: None };
                // What bodies bind is theirs alone.
                bodies.iter().try_for_each(|body| self.run(body, slots, &mut folded))?;
                match folded.result(*aggregate) {
                    Some(result) if !is_bound || slots[*slot] == result => {
                        slots[*slot] = result;
                        self.run(rest, slots, sink)
                    }
                    _ => Ok(()),
                }
            }
            Step::Range { slot, from, to, step } => {
                let number =
                    |expression: &Expression| self.value(expression, slots).map(|value| i64::from(value as i32));
                let (Some(from), Some(to)) = (number(from), number(to)) else { return Ok(()) };
                let towards = if from <= to { 1 } else { -1 };
                let step = step.as_ref().map_or(Some(towards), number).unwrap_or_default();
                let mut at = from;
                while (step > 0 && at < to) || (step < 0 && at > to) {
                    self.tick(1)?;
                    slots[*slot] = at as i32 as u32;
                    self.run(rest, slots, sink)?;
                    at += step;
                }
                Ok(())
            }
            Step::Never => Ok(()),
        }
    }

    fn value(&self, expression: &Expression, slots: &[u32]) -> Option<u32> {
        expression.value(slots, &self.symbols)
    }

    /// The values of a key; none if one has none.
    fn key<'k>(&self, key: &[Expression], slots: &[u32], buffer: &'k mut Key) -> Option<&'k [u32]> {
        let Key { few, many } = buffer;
        let values = match few.get_mut(..key.len()) {
            Some(values) => values,
            None => {
                many.resize(key.len(), 0);
                &mut many[..]
            }
        };
        for (expression, value) in key.iter().zip(values.iter_mut()) {
            *value = self.value(expression, slots)?;
        }
        Some(values)
    }

    /// The clock is looked at now and then.
    fn tick(&self, rows: usize) -> Result<(), Stop> {
        let ticks = self.ticks.get() + rows;
        if ticks < TICKS {
            self.ticks.set(ticks);
            return Ok(());
        }
        self.ticks.set(0);
        self.clock.look()
    }

    fn holds(&self, test: Test, part: u32, text: u32) -> Result<bool, Stop> {
        let symbols = self.symbols.borrow();
        let (part_text, text) = (symbols.text(Sym(part)), symbols.text(Sym(text)));
        if test == Test::Contains {
            return Ok(text.contains(part_text));
        }
        let mut patterns = self.patterns.borrow_mut();
        let pattern = patterns.entry(part).or_insert_with(|| Regex::new(&format!("^(?:{part_text})$")).ok());
        match pattern {
            Some(pattern) => Ok(pattern.is_match(text)),
            None => Err(Box::new(Problem::limit(format!("`{part_text}` is no regular expression")))),
        }
    }
}

/// An aggregate over what its bodies find.
struct Folded<'f> {
    value: Option<&'f Expression>,
    count: i32,
    sum: i32,
    least: Option<i32>,
    most: Option<i32>,
}

impl Folded<'_> {
    fn result(&self, aggregate: Aggregate) -> Option<u32> {
        let result = match aggregate {
            Aggregate::Count => Some(self.count),
            Aggregate::Sum => Some(self.sum),
            Aggregate::Min => self.least,
            Aggregate::Max => self.most,
        };
        result.map(|result| result as u32)
    }
}

impl Sink for Folded<'_> {
    fn found(&mut self, machine: &Machine<'_>, slots: &[u32]) -> Result<(), Stop> {
        self.count = self.count.wrapping_add(1);
        if let Some(one) = self.value.and_then(|of| machine.value(of, slots)).map(|one| one as i32) {
            self.sum = self.sum.wrapping_add(one);
            self.least = Some(self.least.map_or(one, |least| least.min(one)));
            self.most = Some(self.most.map_or(one, |most| most.max(one)));
        }
        Ok(())
    }

    fn slice(&mut self, found: Slice<'_>, _: &[u32]) -> Option<Result<(), Stop>> {
        // To count, nothing need be looked at.
        self.value.is_none().then(|| {
            self.count = self.count.wrapping_add(found.count as i32);
            Ok(())
        })
    }
}

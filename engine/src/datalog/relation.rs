//! Relations as flat rows, with the indexes that rules ask for.

use std::cell::RefCell;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use distsys_facts::{IdKind, Interner, Sym};
use rustc_hash::{FxHashMap, FxHashSet};

use super::fresh::Fresh;
use super::index::{Index, Source, hash};
use super::known::{Known, Rows};

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// 32 bits, signed.
    Number,
    Symbol,
    /// An id of the facts, which prints as what it stands for; 0 is none.
    Id(IdKind),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub type_: Type,
}

/// Bounds of an evaluation.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Tuples derived, over all relations.
    pub max_tuples: usize,
    pub timeout: Option<Duration>,
    /// Stops the evaluation when it is set.
    pub stop: Option<&'static AtomicBool>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { max_tuples: 200_000_000, timeout: None, stop: None }
    }
}

/// Relations by name, with the text of their symbols.
#[derive(Clone, Debug, Default)]
pub struct Database {
    pub symbols: Interner,
    relations: Vec<Relation>,
    numbers: FxHashMap<String, usize>,
    /// Of the last evaluation, by stratum.
    turns: Vec<usize>,
}

impl Database {
    /// Adds a relation without rows, or gives the one of that name.
    pub fn declare(&mut self, name: &str, columns: Vec<Column>) -> &mut Relation {
        let number = *self.numbers.entry(name.to_owned()).or_insert_with(|| {
            self.relations.push(Relation::new(name, columns));
            self.relations.len() - 1
        });
        &mut self.relations[number]
    }

    /// Adds a relation, if there is none of that name, and lets `fill` give it rows.
    pub fn fill(&mut self, name: &str, columns: Vec<Column>, fill: impl FnOnce(&mut Interner, &mut Relation)) {
        self.declare(name, columns);
        if let Some(number) = self.number(name) {
            fill(&mut self.symbols, &mut self.relations[number]);
        }
    }

    pub fn relation(&self, name: &str) -> Option<&Relation> {
        self.numbers.get(name).map(|number| &self.relations[*number])
    }

    pub fn relations(&self) -> &[Relation] {
        &self.relations
    }

    /// How often the rules of each stratum were run by the last evaluation, until nothing more came of them.
    pub fn turns(&self) -> &[usize] {
        &self.turns
    }

    pub(super) fn set_turns(&mut self, turns: Vec<usize>) {
        self.turns = turns;
    }

    /// Forgets the relations beyond the first `count`.
    pub fn truncate(&mut self, count: usize) {
        self.relations.truncate(count);
        self.numbers.retain(|_, number| *number < count);
    }

    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).copied()
    }

    pub(super) fn parts(&mut self) -> (&mut Vec<Relation>, &mut Interner) {
        (&mut self.relations, &mut self.symbols)
    }

    pub fn text(&self, value: u32) -> &str {
        self.symbols.text(Sym(value))
    }
}

/// A set of rows, in the order in which they came. Row numbers are dense; nothing is ever taken out.
#[derive(Clone, Debug)]
pub struct Relation {
    pub name: String,
    pub columns: Vec<Column>,
    rows: Vec<u32>,
    count: usize,
    /// Told of what a turn finds as it is found, while the rules still read the rows.
    known: RefCell<Known>,
    /// By column: the number of rows when its different values were last counted, and how many these were.
    distinct: Vec<(usize, usize)>,
    /// By columns: the number of rows when they were last sampled, and the fan-out then.
    fan_outs: Vec<(Vec<usize>, usize, f64)>,
    pub(super) indexes: Vec<Index>,
}

/// So many rows say what a relation is like.
const SAMPLE: usize = 4096;

impl Relation {
    pub fn new(name: &str, columns: Vec<Column>) -> Self {
        let (distinct, known) = (vec![(0, 0); columns.len()], RefCell::new(Known::new(columns.len())));
        Relation {
            name: name.to_owned(),
            columns,
            distinct,
            rows: Vec::new(),
            count: 0,
            known,
            fan_outs: Vec::new(),
            indexes: Vec::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn row(&self, number: usize) -> &[u32] {
        let width = self.columns.len();
        &self.rows[number * width..(number + 1) * width]
    }

    pub fn rows(&self) -> impl Iterator<Item = &[u32]> {
        (0..self.count).map(|number| self.row(number))
    }

    /// Whether a row is there, or has just been found: rules that see it early derive nothing that they would not later.
    pub fn contains(&self, row: &[u32]) -> bool {
        self.known.borrow().contains(row, Rows { had: &self.rows, found: &[] })
    }

    /// Adds a row; false if it was there.
    pub fn insert(&mut self, row: &[u32]) -> bool {
        let rows = Rows { had: &self.rows, found: &[] };
        let is_new = self.known.get_mut().insert(row, self.count as u32, rows);
        if is_new {
            self.rows.extend_from_slice(row);
            self.count += 1;
        }
        is_new
    }

    /// Keeps of what a turn has found so far that which is new; gives how much.
    pub(super) fn settle(&self, fresh: &mut Fresh) -> usize {
        fresh.settle(&mut self.known.borrow_mut(), &self.rows, self.count)
    }

    /// Adds what a turn has found and settled.
    pub(super) fn append(&mut self, fresh: &mut Fresh) {
        let (mut found, count) = fresh.take();
        self.count += count;
        if self.rows.is_empty() {
            self.rows = found;
            return;
        }
        // Of a large addition no room is kept in reserve; small ones share what the vector doubles to.
        if found.len() > self.rows.len() / 8 {
            self.rows.reserve_exact(found.len());
        }
        self.rows.append(&mut found);
    }

    /// About how many different values a column has, counted on a sample, again when the relation has doubled.
    pub(super) fn distinct(&mut self, column: usize) -> usize {
        let (counted, values) = self.distinct[column];
        if self.count < 2 * counted && counted > 0 {
            return values.max(1);
        }
        let step = (self.count / SAMPLE).max(1);
        let mut seen: FxHashSet<u32> = FxHashSet::default();
        let mut taken = 0;
        for number in (0..self.count).step_by(step) {
            seen.insert(self.rows[number * self.columns.len() + column]);
            taken += 1;
        }
        // Where nearly every sampled value is new, so are those that were not sampled.
        let values = if seen.len() * 2 > taken && taken > 0 { self.count * seen.len() / taken } else { seen.len() };
        self.distinct[column] = (self.count, values);
        values.max(1)
    }

    /// The rows that share their values in some columns with a row, on average over the rows: where few values are had by many
    /// rows, it is these that are looked up most. From a sample, taken again when the relation has doubled.
    pub(super) fn fan_out(&mut self, columns: &[usize]) -> f64 {
        if let Some((_, counted, fan_out)) = self.fan_outs.iter().find(|(known, ..)| known == columns)
            && self.count < 2 * counted
        {
            return *fan_out;
        }
        let step = (self.count / SAMPLE).max(1);
        let mut times: FxHashMap<u64, u32> = FxHashMap::default();
        let mut taken: u32 = 0;
        for number in (0..self.count).step_by(step) {
            let row = self.row(number);
            *times.entry(hash(columns.iter().map(|column| row[*column]))).or_default() += 1;
            taken += 1;
        }
        let pairs: f64 = times.values().map(|times| f64::from(*times) * (f64::from(*times) - 1.0)).sum();
        let sampled = f64::from(taken) / self.count.max(1) as f64;
        let fan_out = 1.0 + pairs / (sampled * f64::from(taken).max(1.0));
        self.fan_outs.retain(|(known, ..)| known != columns);
        self.fan_outs.push((columns.to_vec(), self.count, fan_out));
        fan_out
    }

    /// The number of the index by these columns, made if there is none; the next [`Self::refresh`] brings it up to the rows.
    pub(super) fn index(&mut self, columns: &[usize]) -> usize {
        let at = self.indexes.iter().position(|index| index.columns == columns).unwrap_or_else(|| {
            self.indexes.push(Index::new(columns, self.columns.len()));
            self.indexes.len() - 1
        });
        self.indexes[at].is_wanted = true;
        at
    }

    /// Brings the indexes that are wanted up to the rows. One that has not been for long gives its memory back. `old`: the rows
    /// known before the last turn, if one is going on.
    pub(super) fn refresh(&mut self, old: Option<usize>) {
        let source = Source { rows: &self.rows, width: self.columns.len(), count: self.count };
        for index in &mut self.indexes {
            if std::mem::take(&mut index.is_wanted) {
                index.refresh(source, old);
            } else if 2 * index.len() < source.count && index.len() > 0 {
                *index = Index::new(&index.columns, source.width);
            }
        }
    }

    /// All cells of some rows, flat.
    pub(super) fn cells(&self, rows: std::ops::Range<usize>) -> &[u32] {
        let width = self.columns.len();
        &self.rows[rows.start * width..rows.end * width]
    }
}

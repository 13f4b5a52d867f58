//! Which rows are there: the set behind a relation, and the rows that a turn finds.
//!
//! A large set is split by hash into parts that fit the cache. What rules find is kept in a buffer and dealt with part by part,
//! so that each look at a part meets it in the cache; row by row nearly every look would miss it.

use std::hash::{BuildHasher, Hash, Hasher};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rustc_hash::FxBuildHasher;

/// Parts of a large set.
const PARTS: usize = 256;
/// A set of so many rows is split.
const LARGE: usize = 1 << 16;

pub(super) fn hash(values: impl Iterator<Item = u32>) -> u64 {
    let mut hasher = FxBuildHasher.build_hasher();
    values.for_each(|value| value.hash(&mut hasher));
    hasher.finish()
}

pub(super) fn hash_of(row: &[u32]) -> u64 {
    hash(row.iter().copied())
}

/// The part of a hash; tables use its lowest and its highest bits.
fn part_of(hash: u64) -> usize {
    (hash >> 40) as usize & (PARTS - 1)
}

/// A set of rows of one width.
#[derive(Clone, Debug)]
pub(super) struct Known {
    width: usize,
    count: usize,
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    /// Rows of at most two columns stand in the table themselves.
    Packed(HashTable<u64>),
    /// Others by their number.
    Numbers(HashTable<u32>),
}

fn pack(row: &[u32]) -> u64 {
    let at = |column: usize| row.get(column).copied().map_or(0, u64::from);
    at(0) | at(1) << 32
}

fn hash_of_packed(packed: u64, width: usize) -> u64 {
    let row = [packed as u32, (packed >> 32) as u32];
    hash_of(&row[..width])
}

impl Known {
    pub(super) fn new(width: usize) -> Self {
        Known { width, count: 0, parts: vec![Known::part(width)] }
    }

    fn part(width: usize) -> Part {
        if width <= 2 { Part::Packed(HashTable::new()) } else { Part::Numbers(HashTable::new()) }
    }

    fn of(&self, hash: u64) -> usize {
        if self.parts.len() == 1 { 0 } else { part_of(hash) }
    }

    /// Whether a row is there.
    pub(super) fn contains(&self, hash: u64, row: &[u32], rows: Rows<'_>) -> bool {
        match &self.parts[self.of(hash)] {
            Part::Packed(table) => {
                let packed = pack(row);
                table.find(hash, |known| *known == packed).is_some()
            }
            // What this turn has found has numbers beyond the rows that are seen here.
            Part::Numbers(table) => {
                let seen = |known: &u32| (*known as usize) * self.width < rows.had.len() + rows.found.len();
                table.find(hash, |known| seen(known) && rows.at(*known, self.width) == row).is_some()
            }
        }
    }

    /// Adds a row, which gets the number `number`; false if it was there.
    pub(super) fn insert(&mut self, hash: u64, row: &[u32], number: u32, rows: Rows<'_>) -> bool {
        let (width, of) = (self.width, self.of(hash));
        let is_new = match &mut self.parts[of] {
            Part::Packed(table) => {
                let packed = pack(row);
                match table.entry(hash, |known| *known == packed, |known| hash_of_packed(*known, width)) {
                    Entry::Occupied(_) => false,
                    Entry::Vacant(vacant) => {
                        vacant.insert(packed);
                        true
                    }
                }
            }
            Part::Numbers(table) => {
                let same = |known: &u32| rows.at(*known, width) == row;
                match table.entry(hash, same, |known| hash_of(rows.at(*known, width))) {
                    Entry::Occupied(_) => false,
                    Entry::Vacant(vacant) => {
                        vacant.insert(number);
                        true
                    }
                }
            }
        };
        if is_new {
            self.count += 1;
            if self.count == LARGE && self.parts.len() == 1 {
                self.split(number, row, rows);
            }
        }
        is_new
    }

    /// `last` is the row `number`, which is not among `rows` yet.
    fn split(&mut self, number: u32, last: &[u32], rows: Rows<'_>) {
        let width = self.width;
        let whole = std::mem::replace(&mut self.parts, (0..PARTS).map(|_| Known::part(width)).collect());
        for part in whole {
            match part {
                Part::Packed(table) => {
                    for packed in table {
                        let hash = hash_of_packed(packed, width);
                        if let Part::Packed(table) = &mut self.parts[part_of(hash)] {
                            table.insert_unique(hash, packed, |known| hash_of_packed(*known, width));
                        }
                    }
                }
                Part::Numbers(table) => {
                    let row = |known: u32| if known == number { last } else { rows.at(known, width) };
                    for known in table {
                        let hash = hash_of(row(known));
                        if let Part::Numbers(table) = &mut self.parts[part_of(hash)] {
                            table.insert_unique(hash, known, |known| hash_of(row(*known)));
                        }
                    }
                }
            }
        }
    }
}

/// The rows of a relation by number, flat: those that it has, and behind them those that this turn has found.
#[derive(Clone, Copy)]
pub(super) struct Rows<'r> {
    pub(super) had: &'r [u32],
    pub(super) found: &'r [u32],
}

impl<'r> Rows<'r> {
    fn at(self, number: u32, width: usize) -> &'r [u32] {
        let start = number as usize * width;
        match start.checked_sub(self.had.len()) {
            None => &self.had[start..start + width],
            Some(start) => &self.found[start..start + width],
        }
    }
}

/// Rows so many are dealt with at once.
const BUFFER: usize = 1 << 18;

/// What a turn finds for one relation.
pub(super) struct Fresh {
    width: usize,
    buffer: Vec<u32>,
    buffered: usize,
    /// Of the buffered rows; kept for the next time.
    hashes: Vec<u64>,
    order: Vec<u32>,
    rows: Vec<u32>,
    count: usize,
}

impl Fresh {
    pub(super) fn new(width: usize) -> Self {
        Fresh {
            width,
            buffer: Vec::new(),
            buffered: 0,
            hashes: Vec::new(),
            order: Vec::new(),
            rows: Vec::new(),
            count: 0,
        }
    }

    /// Takes a row; true if the buffer is full and must be settled.
    pub(super) fn offer(&mut self, row: &[u32]) -> bool {
        self.buffer.extend_from_slice(row);
        self.buffered += 1;
        self.buffered >= BUFFER
    }

    /// Keeps of the buffered rows those that are new to `known`, which learns them; gives how many. `had`: the rows that the
    /// relation has, `had_count` of them.
    pub(super) fn settle(&mut self, known: &mut Known, had: &[u32], had_count: usize) -> usize {
        let Fresh { width, buffer, buffered, hashes, order, rows: found, count } = self;
        let row = |number: usize| &buffer[number * *width..(number + 1) * *width];
        hashes.clear();
        hashes.extend((0..*buffered).map(|number| hash_of(row(number))));
        let before = *count;
        let is_split = known.parts.len() > 1;
        let mut keep = |number: usize| {
            let (hash, row) = (hashes[number], row(number));
            if known.insert(hash, row, (had_count + *count) as u32, Rows { had, found }) {
                found.extend_from_slice(row);
                *count += 1;
            }
        };
        if is_split {
            by_part(hashes, order);
            order.iter().for_each(|number| keep(*number as usize));
        } else {
            (0..*buffered).for_each(&mut keep);
        }
        buffer.clear();
        *buffered = 0;
        *count - before
    }

    /// Hands over what was found.
    pub(super) fn into_rows(self) -> Vec<u32> {
        self.rows
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }
}

/// Puts the numbers of hashes in the order of their parts (a counting sort).
fn by_part(hashes: &[u64], order: &mut Vec<u32>) {
    let mut starts = [0usize; PARTS + 1];
    for hash in hashes {
        starts[part_of(*hash) + 1] += 1;
    }
    for part in 0..PARTS {
        starts[part + 1] += starts[part];
    }
    order.resize(hashes.len(), 0);
    for (number, hash) in hashes.iter().enumerate() {
        let next = &mut starts[part_of(*hash)];
        order[*next] = number as u32;
        *next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_that_splits_keeps_its_rows() {
        for width in [1, 2, 3] {
            let row = |number: u32| [number, number / 3, number / 7][..width].to_vec();
            let (mut known, mut rows) = (Known::new(width), Vec::new());
            for number in 0..LARGE as u32 + 100 {
                assert!(known.insert(hash_of(&row(number)), &row(number), number, Rows { had: &rows, found: &[] }));
                rows.extend(row(number));
            }
            assert_eq!(known.parts.len(), PARTS);
            for number in 0..LARGE as u32 + 100 {
                assert!(known.contains(hash_of(&row(number)), &row(number), Rows { had: &rows, found: &[] }));
                assert!(!known.insert(hash_of(&row(number)), &row(number), 0, Rows { had: &rows, found: &[] }));
            }
            let other = vec![u32::MAX; width];
            assert!(!known.contains(hash_of(&other), &other, Rows { had: &rows, found: &[] }));
        }
    }

    #[test]
    fn what_is_new_is_kept_once() {
        let (mut known, had) = (Known::new(3), [1, 2, 0]);
        assert!(known.insert(hash_of(&had), &had, 0, Rows { had: &[], found: &[] }));
        let mut fresh = Fresh::new(3);
        for row in [[1, 2, 0], [3, 4, 0], [3, 4, 0], [5, 6, 0]] {
            fresh.offer(&row);
        }
        assert_eq!(fresh.settle(&mut known, &had, 1), 2);
        fresh.offer(&[5, 6, 0]);
        assert_eq!(fresh.settle(&mut known, &had, 1), 0);
        assert_eq!(fresh.into_rows(), [3, 4, 0, 5, 6, 0]);
    }
}

//! Rows by the values of some columns: for each key one block of memory with what the rows hold besides, in the order in which
//! they came. A block knows how many of its rows were there before the last turn, so that the last turn's rows, the older ones
//! and all of them are slices of it.

use std::hash::{BuildHasher, Hash, Hasher};

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use super::known::{hash_of_packed, pack};
use super::plan::Version;

/// Keys lie close together if the greatest is not beyond so many times the number of rows, or that much.
const MAX_SPREAD: usize = 4;
const LEAST_SPREAD: usize = 1024;

/// Rows with more columns beside the key stand in an index by their number.
const MAX_CELLS: usize = 3;

pub(super) fn hash(values: impl Iterator<Item = u32>) -> u64 {
    let mut hasher = FxBuildHasher.build_hasher();
    values.for_each(|value| value.hash(&mut hasher));
    hasher.finish()
}

#[derive(Clone, Debug)]
pub(super) struct Index {
    pub columns: Vec<usize>,
    /// Whether the turn that is planned looks into it.
    pub is_wanted: bool,
    held: Held,
    /// Cells a row.
    stride: usize,
    keys: Keys,
    /// The key of each block, flat; of long keys.
    of_blocks: Vec<u32>,
    blocks: Vec<Block>,
    cells: Vec<u32>,
    /// Blocks that were outgrown, by the power of two that they have room for.
    outgrown: Vec<Vec<u32>>,
    count: usize,
}

/// What an index holds of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// These columns: all beside the key.
    Cells(Vec<usize>),
    /// Its number.
    Number,
}

impl Held {
    /// Writes what is held of a row.
    fn write(&self, source: Source<'_>, number: usize, cells: &mut [u32]) {
        match self {
            Held::Number => cells[0] = number as u32,
            Held::Cells(others) => {
                let values = others.iter().map(|column| source.value(number, *column));
                cells.iter_mut().zip(values).for_each(|(cell, value)| *cell = value);
            }
        }
    }
}

/// The block of a key.
#[derive(Clone, Debug)]
enum Keys {
    /// By the one value of the key, where these lie close together and the relation is complete: where its rows begin and the
    /// one before ends.
    Sorted(Vec<u32>),
    /// By the one value of the key, where these lie close together: the number of the block and one, 0 for none.
    Dense(Vec<u32>),
    Packed(HashTable<Packed>),
    /// Longer keys stand with their blocks.
    Long(HashTable<u32>),
}

/// A key of at most two columns, with its block and the turn that last added to that: most keys have nothing new, and then the
/// block need not be looked at.
#[derive(Clone, Copy, Debug)]
struct Packed {
    key: u64,
    block: u32,
    turn: u32,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    /// In rows, as all numbers here.
    start: u32,
    count: u32,
    room: u32,
    /// The rows that were there before the turn that `turn` names added more.
    before: u32,
    turn: u32,
}

/// The rows of a key: `count` rows of `stride` cells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice<'i> {
    pub cells: &'i [u32],
    pub stride: usize,
    pub count: usize,
}

/// Rows as an index takes them in.
#[derive(Clone, Copy)]
pub(super) struct Source<'r> {
    pub rows: &'r [u32],
    pub width: usize,
    pub count: usize,
}

impl Source<'_> {
    fn value(&self, number: usize, column: usize) -> u32 {
        self.rows[number * self.width + column]
    }
}

/// What an index by `columns` holds of a row of `width` columns.
pub(super) fn held(columns: &[usize], width: usize) -> Held {
    let others: Vec<usize> = (0..width).filter(|column| !columns.contains(column)).collect();
    if others.len() <= MAX_CELLS { Held::Cells(others) } else { Held::Number }
}

/// What names a turn: the number of rows known before the last one.
pub(super) fn turn_of(old: usize) -> u32 {
    u32::try_from(old).map_or(0, |old| old.wrapping_add(1))
}

impl Index {
    pub(super) fn new(columns: &[usize], width: usize) -> Self {
        let held = held(columns, width);
        let stride = match &held {
            Held::Cells(others) => others.len(),
            Held::Number => 1,
        };
        let keys = match columns.len() {
            1 => Keys::Dense(Vec::new()),
            2 => Keys::Packed(HashTable::new()),
            _ => Keys::Long(HashTable::new()),
        };
        Index {
            columns: columns.to_vec(),
            is_wanted: false,
            held,
            stride,
            keys,
            of_blocks: Vec::new(),
            blocks: Vec::new(),
            cells: Vec::new(),
            outgrown: Vec::new(),
            count: 0,
        }
    }

    pub(super) fn held(&self) -> &Held {
        &self.held
    }

    /// The rows that are in it.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Takes in the rows that it lacks. `old`: the rows known before the last turn, if the relation is being derived.
    pub(super) fn refresh(&mut self, source: Source<'_>, old: Option<usize>) {
        if self.count == source.count {
            return;
        }
        if self.count == 0 && old.is_none() && self.sort(source) {
            return;
        }
        if matches!(self.keys, Keys::Sorted(_)) {
            *self = Index::new(&self.columns, source.width);
        }
        let first = self.count;
        // Each block is made as large as what comes needs, once.
        let turn = old.map(turn_of);
        let turn_of_row = |number: usize| turn.filter(|_| old.is_some_and(|old| number >= old));
        let of_rows: Vec<u32> =
            (first..source.count).map(|number| self.block_of(source, number, turn_of_row(number))).collect();
        let mut more = vec![0u32; self.blocks.len()];
        of_rows.iter().for_each(|block| more[*block as usize] += 1);
        let is_first = first == 0;
        for (number, more) in more.iter().enumerate().filter(|(_, more)| **more > 0) {
            self.make_room(number, *more, is_first);
        }
        for (number, block) in (first..source.count).zip(of_rows) {
            let block = &mut self.blocks[block as usize];
            if let Some(turn) = turn_of_row(number).filter(|turn| block.turn != *turn) {
                (block.turn, block.before) = (turn, block.count);
            }
            let at = (block.start + block.count) as usize * self.stride;
            block.count += 1;
            self.held.write(source, number, &mut self.cells[at..]);
        }
        self.count = source.count;
    }

    /// Makes the index of a complete relation by a counting sort; false if its keys do not lie close together.
    fn sort(&mut self, source: Source<'_>) -> bool {
        let [column] = self.columns[..] else { return false };
        let values = || (0..source.count).map(|number| source.value(number, column) as usize);
        let greatest = values().max().unwrap_or(0);
        if greatest >= MAX_SPREAD * source.count + LEAST_SPREAD {
            return false;
        }
        let mut starts = vec![0u32; greatest + 2];
        values().for_each(|value| starts[value + 1] += 1);
        for value in 0..=greatest {
            starts[value + 1] += starts[value];
        }
        self.cells = vec![0; source.count * self.stride];
        let mut next = starts.clone();
        for (number, value) in values().enumerate() {
            self.held.write(source, number, &mut self.cells[next[value] as usize * self.stride..]);
            next[value] += 1;
        }
        self.keys = Keys::Sorted(starts);
        self.count = source.count;
        true
    }

    /// The block for the key of a row, made if there is none. `turn`: the turn that added the row, if it is the last.
    fn block_of(&mut self, source: Source<'_>, number: usize, turn: Option<u32>) -> u32 {
        let (columns, blocks, of_blocks) = (&self.columns, &mut self.blocks, &mut self.of_blocks);
        let key = || columns.iter().map(|column| source.value(number, *column));
        let mut made = || {
            blocks.push(Block::EMPTY);
            blocks.len() as u32 - 1
        };
        match &mut self.keys {
            Keys::Sorted(_) => 0,
            Keys::Dense(dense) => {
                let value = source.value(number, columns[0]) as usize;
                if value >= dense.len() {
                    if value >= MAX_SPREAD * source.count + LEAST_SPREAD {
                        self.keys = spread_out(dense, blocks, turn);
                        return self.block_of(source, number, turn);
                    }
                    dense.resize((value + 1).max(dense.len() + dense.len() / 2), 0);
                }
                if dense[value] == 0 {
                    dense[value] = made() + 1;
                }
                dense[value] - 1
            }
            Keys::Packed(table) => {
                let packed = packed(key());
                let hash_of = |known: &Packed| hash_of_packed(known.key);
                let entry = table.entry(hash_of_packed(packed), |known| known.key == packed, hash_of);
                let mut entry = entry.or_insert_with(|| Packed { key: packed, block: made(), turn: 0 });
                if let Some(turn) = turn {
                    entry.get_mut().turn = turn;
                }
                entry.get().block
            }
            Keys::Long(table) => {
                let width = columns.len();
                let same = |block: &u32| of_blocks[*block as usize * width..][..width].iter().copied().eq(key());
                if let Some(block) = table.find(hash(key()), same) {
                    return *block;
                }
                let block = made();
                of_blocks.extend(key());
                table.insert_unique(hash(key()), block, |block| {
                    hash(of_blocks[*block as usize * width..][..width].iter().copied())
                });
                block
            }
        }
    }

    fn make_room(&mut self, number: usize, more: u32, exactly: bool) {
        let Block { start, count, room, .. } = self.blocks[number];
        let needed = count + more;
        if needed <= room {
            return;
        }
        let room_then = if exactly { needed } else { needed.next_power_of_two() };
        let reused = if exactly { None } else { self.outgrown.get_mut(class_of(room_then)).and_then(Vec::pop) };
        let stride = self.stride;
        let new_start = reused.unwrap_or_else(|| {
            let start = self.cells.len().checked_div(stride).unwrap_or(0);
            let (had, wanted) = (self.cells.len(), (start + room_then as usize) * stride);
            if wanted > self.cells.capacity() {
                self.cells.reserve_exact((wanted - had).max(had / 4));
            }
            self.cells.resize(wanted, 0);
            start as u32
        });
        let from = start as usize * stride;
        self.cells.copy_within(from..from + count as usize * stride, new_start as usize * stride);
        if room > 0 {
            let class = class_of(room);
            if self.outgrown.len() <= class {
                self.outgrown.resize(class + 1, Vec::new());
            }
            self.outgrown[class].push(start);
        }
        let block = &mut self.blocks[number];
        (block.start, block.room) = (new_start, room_then);
    }

    /// The rows with this key that a version shows; `turn`: what names the turn that is going on.
    pub(super) fn find(&self, key: &[u32], version: Version, turn: u32) -> Slice<'_> {
        let stride = self.stride;
        let block = match &self.keys {
            Keys::Sorted(starts) => {
                let key = key[0] as usize;
                let Some(&[from, to]) = starts.get(key..).and_then(<[u32]>::first_chunk) else {
                    return Slice { cells: &[], stride, count: 0 };
                };
                let (from, to) = (from as usize, to as usize);
                return Slice { cells: &self.cells[from * stride..to * stride], stride, count: to - from };
            }
            Keys::Dense(blocks) => blocks.get(key[0] as usize).and_then(|block| block.checked_sub(1)),
            Keys::Packed(table) => {
                let packed = pack(key);
                let known = table.find(hash_of_packed(packed), |known| known.key == packed);
                known.filter(|known| version != Version::Delta || known.turn == turn).map(|known| known.block)
            }
            Keys::Long(table) => {
                let same = |block: &u32| &self.of_blocks[*block as usize * key.len()..][..key.len()] == key;
                table.find(hash(key.iter().copied()), same).copied()
            }
        };
        let Some(block) = block.map(|block| self.blocks[block as usize]) else {
            return Slice { cells: &[], stride, count: 0 };
        };
        let has_new = block.turn == turn;
        let (from, to) = match version {
            Version::All => (0, block.count),
            Version::Old => (0, if has_new { block.before } else { block.count }),
            Version::Delta => (if has_new { block.before } else { block.count }, block.count),
        };
        let cells = (block.start + from) as usize * stride..(block.start + to) as usize * stride;
        Slice { cells: &self.cells[cells], stride, count: (to - from) as usize }
    }
}

/// The keys of blocks, by values that lie far apart. `turn`: the turn whose rows are being taken in, to which any may be added.
fn spread_out(dense: &[u32], blocks: &[Block], turn: Option<u32>) -> Keys {
    let mut table = HashTable::new();
    for (value, block) in dense.iter().enumerate().filter(|(_, block)| **block > 0) {
        let (key, block) = (value as u64, *block - 1);
        let turn = turn.unwrap_or(blocks[block as usize].turn);
        table.insert_unique(hash_of_packed(key), Packed { key, block, turn }, |known| hash_of_packed(known.key));
    }
    Keys::Packed(table)
}

fn packed(mut key: impl Iterator<Item = u32>) -> u64 {
    let mut next = || key.next().map_or(0, u64::from);
    next() | next() << 32
}

impl Block {
    const EMPTY: Block = Block { start: 0, count: 0, room: 0, before: 0, turn: 0 };
}

/// The power of two that a block has room for.
fn class_of(room: u32) -> usize {
    room.ilog2() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What rows of a version hold beside their key, in order, by looking at all of them.
    fn by_hand(
        rows: &[[u32; 5]],
        width: usize,
        columns: &[usize],
        key: &[u32],
        range: std::ops::Range<usize>,
    ) -> Vec<Vec<u32>> {
        let numbers =
            range.filter(|number| columns.iter().zip(key).all(|(column, value)| rows[*number][*column] == *value));
        numbers
            .map(|number| match held(columns, width) {
                Held::Number => vec![number as u32],
                Held::Cells(others) => others.iter().map(|column| rows[number][*column]).collect(),
            })
            .collect()
    }

    fn found(index: &Index, key: &[u32], version: Version, old: usize) -> Vec<Vec<u32>> {
        let slice = index.find(key, version, turn_of(old));
        (0..slice.count).map(|number| slice.cells[number * slice.stride..][..slice.stride].to_vec()).collect()
    }

    #[test]
    fn each_version_shows_its_rows_whatever_the_keys_are_like() {
        // The last keys lie far apart, which moves an index from an array to a table in the midst of a turn.
        let row = |number: u32| {
            let far = if number > 700 { 1 << 20 } else { 1 };
            [number % 7 * far, number % 11, number % 13, number % 3, number]
        };
        let rows: Vec<[u32; 5]> = (0..1000).map(row).collect();
        for (width, columns) in
            [(2, &[0][..]), (2, &[1]), (3, &[0, 1]), (5, &[0, 1]), (5, &[0]), (4, &[0, 1, 2]), (2, &[0, 1])]
        {
            let flat: Vec<u32> = rows.iter().flat_map(|row| &row[..width]).copied().collect();
            let source = |count: usize| Source { rows: &flat[..count * width], width, count };
            let mut index = Index::new(columns, width);
            let check = |index: &Index, old: usize, count: usize| {
                for row in rows.iter().step_by(31) {
                    let key: Vec<u32> = columns.iter().map(|column| row[*column]).collect();
                    for (version, range) in
                        [(Version::All, 0..count), (Version::Old, 0..old), (Version::Delta, old..count)]
                    {
                        let wanted = by_hand(&rows, width, columns, &key, range);
                        assert_eq!(
                            found(index, &key, version, old),
                            wanted,
                            "{columns:?} of {width}, {version:?}, {old} to {count}"
                        );
                    }
                }
            };
            // It need not see every turn.
            for (old, count) in [(0, 100), (100, 300), (300, 650), (720, 800), (800, 1000)] {
                index.refresh(source(count), Some(old));
                check(&index, old, count);
            }
            // A relation that is complete when it is first looked into, and grows later all the same.
            let mut complete = Index::new(columns, width);
            for count in [600, 1000] {
                complete.refresh(source(count), None);
                for row in rows.iter().step_by(31) {
                    let key: Vec<u32> = columns.iter().map(|column| row[*column]).collect();
                    let wanted = by_hand(&rows, width, columns, &key, 0..count);
                    assert_eq!(found(&complete, &key, Version::All, 0), wanted, "{columns:?} of {width}");
                }
            }
        }
    }
}

//! Which rows are there: the set behind a relation.
//!
//! A large set is split by hash into parts that fit the cache; what rules find is dealt with part by part (`fresh.rs`), so that
//! each look at a part meets it in the cache. Row by row nearly every look would miss it.

/// Parts of a large set.
pub(super) const PARTS: usize = 256;
/// A set of so many rows is split.
const LARGE: usize = 1 << 16;

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// A hash of which all bits are good: parts take the highest, places in a table take others.
fn spread(mixed: u64) -> u64 {
    let product = (mixed ^ 0x2545_f491).wrapping_mul(MULTIPLIER);
    (product ^ (product >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

pub(super) fn hash_of(row: &[u32]) -> u64 {
    match row.len() {
        0..=2 => spread(pack(row)),
        3..=4 => hash_of_wide(wide(row)),
        _ => {
            let mix = |mixed: u64, value: &u32| (mixed.rotate_left(5) ^ u64::from(*value)).wrapping_mul(MULTIPLIER);
            spread(row.iter().fold(0, mix))
        }
    }
}

pub(super) fn hash_of_packed(packed: u64) -> u64 {
    spread(packed)
}

pub(super) fn hash_of_wide(wide: u128) -> u64 {
    spread((wide as u64).wrapping_mul(MULTIPLIER).rotate_left(23) ^ (wide >> 64) as u64)
}

/// A row of three or four columns in one word.
pub(super) fn wide(row: &[u32]) -> u128 {
    let mut cells = [0; 4];
    cells.iter_mut().zip(row).for_each(|(cell, value)| *cell = *value);
    cells.iter().rev().fold(0, |packed, value| packed << 32 | u128::from(*value))
}

/// The row that [`wide`] made a word of, with nothing in the columns that it has not.
pub(super) fn unwide(wide: u128) -> [u32; 4] {
    [wide as u32, (wide >> 32) as u32, (wide >> 64) as u32, (wide >> 96) as u32]
}

/// A row of at most two columns in one word.
pub(super) fn pack(row: &[u32]) -> u64 {
    let at = |column: usize| row.get(column).copied().map_or(0, u64::from);
    at(0) | at(1) << 32
}

pub(super) fn part_of(hash: u64) -> usize {
    (hash >> 56) as usize
}

fn place_of(hash: u64) -> u32 {
    (hash >> 24) as u32
}

/// A set of rows of one width.
#[derive(Clone, Debug)]
pub(super) struct Known {
    width: usize,
    count: usize,
    parts: Parts,
}

/// Short rows stand in the tables themselves; of longer ones the number stands there, below a part of the hash.
#[derive(Clone, Debug)]
enum Parts {
    /// At most two columns.
    Packed(Vec<Table<u64>>),
    /// Three or four columns.
    Wide(Vec<Table<u128>>),
    Numbered(Vec<Table<u64>>),
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

impl Known {
    pub(super) fn new(width: usize) -> Self {
        let parts = match width {
            0..=2 => Parts::Packed(vec![Table::default()]),
            3..=4 => Parts::Wide(vec![Table::default()]),
            _ => Parts::Numbered(vec![Table::default()]),
        };
        Known { width, count: 0, parts }
    }

    pub(super) fn parts(&self) -> usize {
        match &self.parts {
            Parts::Packed(parts) | Parts::Numbered(parts) => parts.len(),
            Parts::Wide(parts) => parts.len(),
        }
    }

    /// Whether a row is there.
    pub(super) fn contains(&self, row: &[u32], rows: Rows<'_>) -> bool {
        let hash = hash_of(row);
        match &self.parts {
            Parts::Packed(parts) => {
                let packed = pack(row);
                part(parts, hash).find(place_of(hash), packed, |known| known == packed)
            }
            Parts::Wide(parts) => {
                let wide = wide(row);
                part(parts, hash).find(place_of(hash), wide, |known| known == wide)
            }
            Parts::Numbered(parts) => {
                // What this turn has found has numbers beyond the rows that are seen here.
                let seen = |number: u32| (number as usize) * self.width < rows.had.len() + rows.found.len();
                let entry = numbered(hash, 0);
                part(parts, hash).find(place_of(hash), entry, |known| {
                    same_hash(known, entry) && seen(known as u32) && rows.at(known as u32, self.width) == row
                })
            }
        }
    }

    /// Adds a row, which gets the number `number`; false if it was there.
    pub(super) fn insert(&mut self, row: &[u32], number: u32, rows: Rows<'_>) -> bool {
        let (hash, width) = (hash_of(row), self.width);
        let is_new = match &mut self.parts {
            Parts::Packed(_) => return self.insert_packed(pack(row)),
            Parts::Wide(_) => return self.insert_wide(wide(row)),
            Parts::Numbered(parts) => {
                let entry = numbered(hash, number);
                let same = |known: u64| same_hash(known, entry) && rows.at(known as u32, width) == row;
                part_mut(parts, hash).insert(place_of(hash), entry, same, place_of_numbered)
            }
        };
        if self.has_outgrown(is_new)
            && let Parts::Numbered(parts) = &mut self.parts
        {
            let of_number = |known: u32| if known == number { row } else { rows.at(known, width) };
            split(parts, |known| hash_of(of_number(known as u32)), place_of);
        }
        is_new
    }

    /// As [`Self::insert`], of a row of at most two columns.
    pub(super) fn insert_packed(&mut self, packed: u64) -> bool {
        let Parts::Packed(parts) = &mut self.parts else { return false };
        let hash = hash_of_packed(packed);
        let place = |known| place_of(hash_of_packed(known));
        let is_new = part_mut(parts, hash).insert(place_of(hash), packed, |known| known == packed, place);
        if self.has_outgrown(is_new)
            && let Parts::Packed(parts) = &mut self.parts
        {
            split(parts, hash_of_packed, place_of);
        }
        is_new
    }

    /// As [`Self::insert`], of a row of three or four columns.
    pub(super) fn insert_wide(&mut self, wide: u128) -> bool {
        let Parts::Wide(parts) = &mut self.parts else { return false };
        let hash = hash_of_wide(wide);
        let place = |known| place_of(hash_of_wide(known));
        let is_new = part_mut(parts, hash).insert(place_of(hash), wide, |known| known == wide, place);
        if self.has_outgrown(is_new)
            && let Parts::Wide(parts) = &mut self.parts
        {
            split(parts, hash_of_wide, place_of);
        }
        is_new
    }

    /// Counts a row; true if the set is to be split now.
    fn has_outgrown(&mut self, is_new: bool) -> bool {
        self.count += usize::from(is_new);
        is_new && self.count == LARGE
    }
}

fn part<W>(parts: &[Table<W>], hash: u64) -> &Table<W> {
    if parts.len() == 1 { &parts[0] } else { &parts[part_of(hash)] }
}

fn part_mut<W>(parts: &mut [Table<W>], hash: u64) -> &mut Table<W> {
    if parts.len() == 1 { &mut parts[0] } else { &mut parts[part_of(hash)] }
}

fn split<W: Word>(parts: &mut Vec<Table<W>>, hash_of_word: impl Fn(W) -> u64, place_of_hash: impl Fn(u64) -> u32) {
    let whole = std::mem::replace(parts, vec![Table::default(); PARTS]);
    for word in whole.iter().flat_map(Table::words) {
        let hash = hash_of_word(word);
        let place = |known| place_of_hash(hash_of_word(known));
        parts[part_of(hash)].insert(place_of_hash(hash), word, |_| false, place);
    }
}

fn numbered(hash: u64, number: u32) -> u64 {
    u64::from(place_of(hash)) << 32 | u64::from(number)
}

fn place_of_numbered(entry: u64) -> u32 {
    (entry >> 32) as u32
}

fn same_hash(left: u64, right: u64) -> bool {
    (left ^ right) >> 32 == 0
}

/// Words by open addressing, the next free place after the one that the hash gives.
#[derive(Clone, Debug, Default)]
struct Table<W> {
    places: Vec<W>,
    count: usize,
    /// The word that marks a free place may itself be had.
    has_free: bool,
}

/// What a table holds.
trait Word: Copy + Eq + Default {
    /// Marks a free place.
    const FREE: Self;
}

impl Word for u64 {
    const FREE: u64 = u64::MAX;
}

impl Word for u128 {
    const FREE: u128 = u128::MAX;
}

/// Tables grow by doubling up to so many places, then by half: large ones are most of the memory.
const DOUBLED: usize = 1 << 12;

impl<W: Word> Table<W> {
    fn home(&self, place: u32) -> usize {
        ((u64::from(place) * self.places.len() as u64) >> 32) as usize
    }

    fn find(&self, place: u32, word: W, same: impl Fn(W) -> bool) -> bool {
        if word == W::FREE {
            return self.has_free;
        }
        if self.places.is_empty() {
            return false;
        }
        let (before, after) = self.places.split_at(self.home(place));
        after.iter().chain(before).take_while(|known| **known != W::FREE).any(|known| same(*known))
    }

    /// Adds a word, if there is none that is the same. `place_of_word`: where a word belongs, when the table grows.
    fn insert(&mut self, place: u32, word: W, same: impl Fn(W) -> bool, place_of_word: impl Fn(W) -> u32) -> bool {
        if word == W::FREE {
            return !std::mem::replace(&mut self.has_free, true);
        }
        if self.count * 5 >= self.places.len() * 4 {
            self.grow(place_of_word);
        }
        let mut at = self.home(place);
        loop {
            let known = self.places[at];
            if known == W::FREE {
                self.places[at] = word;
                self.count += 1;
                return true;
            }
            if same(known) {
                return false;
            }
            at = self.next(at);
        }
    }

    fn next(&self, at: usize) -> usize {
        if at + 1 == self.places.len() { 0 } else { at + 1 }
    }

    fn grow(&mut self, place_of_word: impl Fn(W) -> u32) {
        let had = self.places.len();
        let room = if had < DOUBLED { (had * 2).max(8) } else { had + had / 2 };
        let words = std::mem::replace(&mut self.places, vec![W::FREE; room]);
        for word in words.into_iter().filter(|word| *word != W::FREE) {
            let mut at = self.home(place_of_word(word));
            while self.places[at] != W::FREE {
                at = self.next(at);
            }
            self.places[at] = word;
        }
    }

    fn words(&self) -> impl Iterator<Item = W> {
        let marks = self.has_free.then_some(W::FREE);
        self.places.iter().copied().filter(|word| *word != W::FREE).chain(marks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_that_splits_keeps_its_rows() {
        for width in [1, 2, 3, 4, 5] {
            let row = |number: u32| {
                [u32::MAX - number, u32::MAX - number / 3, u32::MAX - number / 7, u32::MAX, u32::MAX][..width].to_vec()
            };
            let (mut known, mut rows) = (Known::new(width), Vec::new());
            for number in 0..LARGE as u32 + 100 {
                assert!(known.insert(&row(number), number, Rows { had: &rows, found: &[] }));
                rows.extend(row(number));
            }
            assert_eq!(known.parts(), PARTS);
            for number in 0..LARGE as u32 + 100 {
                assert!(known.contains(&row(number), Rows { had: &rows, found: &[] }));
                assert!(!known.insert(&row(number), 0, Rows { had: &rows, found: &[] }));
            }
            let other = vec![1; width];
            assert!(!known.contains(&other, Rows { had: &rows, found: &[] }));
        }
    }
}

//! The rows that a turn finds for one relation, kept by the parts of its set until there are enough to look at a part for.

use super::known::{Known, PARTS, Rows, hash_of, hash_of_packed, hash_of_wide, pack, part_of, unwide, wide};

/// So many rows of one part are dealt with at once.
const ROOM: usize = 8192;
/// The same for a set that is not split.
const WHOLE_ROOM: usize = 1 << 14;

#[derive(Debug)]
pub(super) struct Fresh {
    width: usize,
    buffers: Buffers,
    recent: Recent,
    /// The part that is full.
    full: Option<usize>,
    /// New rows, flat.
    rows: Vec<u32>,
    count: usize,
}

#[derive(Debug)]
enum Buffers {
    /// Rows of at most two columns.
    Packed(Vec<Vec<u64>>),
    /// Three or four columns.
    Wide(Vec<Vec<u128>>),
    Flat(Vec<Vec<u32>>),
}

/// Pairs that were offered lately, by hash. What one binding of a body finds is often found by the next one, too, and need not be
/// looked up in the set: of fifteen million pairs that a points-to analysis offers nine are met here.
#[derive(Debug, Default)]
struct Recent {
    pairs: Vec<u64>,
    looked: u32,
    met: u32,
    /// Too few were met for looking to pay.
    rests: bool,
}

/// As many pairs as a near cache holds.
const RECENT: usize = 1 << 13;
/// After so many looks it is asked whether they pay, which they do if one in [`PAYING`] meets its pair.
const LOOKS: u32 = 1 << 14;
const PAYING: u32 = 8;

impl Recent {
    /// Whether a pair was offered a short while ago, and so need not be offered again.
    fn meets(&mut self, packed: u64, hash: u64) -> bool {
        if self.rests {
            return false;
        }
        let Some(place) = self.pairs.get_mut((hash >> 32) as usize % RECENT) else {
            self.pairs = vec![u64::MAX; RECENT];
            return false;
        };
        self.looked += 1;
        // What marks an empty place is never met.
        if *place == packed && packed != u64::MAX {
            self.met += 1;
            return true;
        }
        *place = packed;
        if self.looked >= LOOKS {
            self.rests = self.met < LOOKS / PAYING;
            (self.looked, self.met) = (0, 0);
        }
        false
    }
}

impl Fresh {
    pub(super) fn new(width: usize) -> Self {
        let buffers = match width {
            0..=2 => Buffers::Packed(vec![Vec::new()]),
            3..=4 => Buffers::Wide(vec![Vec::new()]),
            _ => Buffers::Flat(vec![Vec::new()]),
        };
        Fresh { width, buffers, recent: Recent::default(), full: None, rows: Vec::new(), count: 0 }
    }

    /// Takes a row; true if a part is full, and what is buffered must be settled.
    pub(super) fn offer(&mut self, row: &[u32]) -> bool {
        let parts = match &mut self.buffers {
            Buffers::Packed(_) => return self.offer_packed(pack(row)),
            Buffers::Wide(_) => return self.offer_wide(wide(row)),
            Buffers::Flat(parts) => parts,
        };
        let part = if parts.len() == 1 { 0 } else { part_of(hash_of(row)) };
        let room = if parts.len() == 1 { WHOLE_ROOM } else { ROOM };
        parts[part].extend_from_slice(row);
        let is_full = parts[part].len() >= room * self.width;
        if is_full {
            self.full = Some(part);
        }
        is_full
    }

    /// As [`Self::offer`], of a row of at most two columns.
    #[inline]
    pub(super) fn offer_packed(&mut self, packed: u64) -> bool {
        let Buffers::Packed(parts) = &mut self.buffers else { return false };
        let hash = hash_of_packed(packed);
        if self.recent.meets(packed, hash) {
            return false;
        }
        let (part, room) = if parts.len() == 1 { (0, WHOLE_ROOM) } else { (part_of(hash), ROOM) };
        parts[part].push(packed);
        let is_full = parts[part].len() >= room;
        if is_full {
            self.full = Some(part);
        }
        is_full
    }

    /// As [`Self::offer`], of a row of three or four columns.
    #[inline]
    pub(super) fn offer_wide(&mut self, wide: u128) -> bool {
        let Buffers::Wide(parts) = &mut self.buffers else { return false };
        let (part, room) = if parts.len() == 1 { (0, WHOLE_ROOM) } else { (part_of(hash_of_wide(wide)), ROOM) };
        parts[part].push(wide);
        let is_full = parts[part].len() >= room;
        if is_full {
            self.full = Some(part);
        }
        is_full
    }

    /// Keeps of the rows of the part that is full, or else of all, those that are new to `known`, which learns them; gives how
    /// many. `had`: the rows that the relation has, `had_count` of them.
    pub(super) fn settle(&mut self, known: &mut Known, had: &[u32], had_count: usize) -> usize {
        let before = self.count;
        match self.full.take() {
            Some(part) => self.settle_part(part, known, had, had_count),
            None => (0..self.parts()).for_each(|part| self.settle_part(part, known, had, had_count)),
        }
        if known.parts() != self.parts() {
            let parts = known.parts();
            match &mut self.buffers {
                Buffers::Packed(buffers) => buffers.resize_with(parts, Vec::new),
                Buffers::Wide(buffers) => buffers.resize_with(parts, Vec::new),
                Buffers::Flat(buffers) => buffers.resize_with(parts, Vec::new),
            }
        }
        self.count - before
    }

    fn parts(&self) -> usize {
        match &self.buffers {
            Buffers::Packed(parts) => parts.len(),
            Buffers::Wide(parts) => parts.len(),
            Buffers::Flat(parts) => parts.len(),
        }
    }

    fn settle_part(&mut self, part: usize, known: &mut Known, had: &[u32], had_count: usize) {
        let Fresh { width, buffers, rows: found, count, .. } = self;
        match buffers {
            Buffers::Packed(parts) => {
                for packed in parts[part].drain(..) {
                    if known.insert_packed(packed) {
                        let row = [packed as u32, (packed >> 32) as u32];
                        found.extend_from_slice(&row[..*width]);
                        *count += 1;
                    }
                }
            }
            Buffers::Wide(parts) => {
                for wide in parts[part].drain(..) {
                    if known.insert_wide(wide) {
                        found.extend_from_slice(&unwide(wide)[..*width]);
                        *count += 1;
                    }
                }
            }
            Buffers::Flat(parts) => {
                for row in parts[part].chunks_exact(*width) {
                    if known.insert(row, (had_count + *count) as u32, Rows { had, found }) {
                        found.extend_from_slice(row);
                        *count += 1;
                    }
                }
                parts[part].clear();
            }
        }
    }

    /// Hands over what was found, flat, and its number; buffers are kept for the next turn, which may find the same rows
    /// again and again where this one did not.
    pub(super) fn take(&mut self) -> (Vec<u32>, usize) {
        self.recent.rests = false;
        (std::mem::take(&mut self.rows), std::mem::take(&mut self.count))
    }
}

const _: () = assert!(PARTS * ROOM >= WHOLE_ROOM, "a part of a set that is split holds no more than the whole did");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_is_kept_once() {
        let (mut known, had) = (Known::new(3), [1, 2, 0]);
        assert!(known.insert(&had, 0, Rows { had: &[], found: &[] }));
        let mut fresh = Fresh::new(3);
        for row in [[1, 2, 0], [3, 4, 0], [3, 4, 0], [5, 6, 0]] {
            fresh.offer(&row);
        }
        assert_eq!(fresh.settle(&mut known, &had, 1), 2);
        fresh.offer(&[5, 6, 0]);
        assert_eq!(fresh.settle(&mut known, &had, 1), 0);
        assert_eq!(fresh.take(), (vec![3, 4, 0, 5, 6, 0], 2));
    }
}

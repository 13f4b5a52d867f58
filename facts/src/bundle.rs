//! Bundles: a [`FactBase`] as bytes.
//!
//! Layout: magic, format version and a hash of the schema as little-endian `u32`; then, all numbers in LEB128, the counts of
//! ids by kind, the number of symbols, their lengths, their text, then each relation as its number of rows and its rows; then
//! what was derived from them: who derived it, the number of tables, each with its name, width, number of values and rows.
//! A value of a row is written as its difference to the value above it: ids and positions ascend, so most take one byte.
//! A bundle of another schema is refused, a damaged one gives an error and never a panic.

use std::hash::Hasher;
use std::sync::OnceLock;

use rustc_hash::FxHasher;

use crate::base::FactBase;
use crate::column::ColumnType;
use crate::ids::IdKind;
use crate::interner::Interner;
use crate::relation::{RelationSource, RelationVisitor, Row};
use crate::schema::{Relations, SPECS};

const MAGIC: u32 = u32::from_le_bytes(*b"DSGB");
const VERSION: u32 = 3;

/// Why bytes are no bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    #[error("this is no bundle of facts")]
    NotABundle,
    #[error("the bundle has format {found}, this program reads {VERSION}; write it again")]
    Version { found: u32 },
    #[error("the bundle was written with other relations than this program has; write it again")]
    Schema,
    #[error("the bundle is damaged at byte {at}")]
    Damaged { at: usize },
}

/// Relations derived from the facts of a bundle, so that they need not be derived again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Derived {
    /// The program that derived them; another one derives them anew.
    pub by: String,
    pub tables: Vec<Table>,
}

/// Raw rows: ids, numbers, and for texts the symbols of the base.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub width: u32,
    pub rows: Vec<u32>,
}

/// The bytes of a base and of what was derived from it.
pub fn write(facts: &FactBase, derived: &Derived) -> Vec<u8> {
    let mut out = Writer(Vec::new());
    for number in [MAGIC, VERSION, schema_hash()] {
        out.0.extend_from_slice(&number.to_le_bytes());
    }
    for count in facts.counts() {
        out.number(count);
    }
    out.number(facts.symbols.len() as u32);
    for text in facts.symbols.iter() {
        out.number(text.len() as u32);
    }
    for text in facts.symbols.iter() {
        out.0.extend_from_slice(text.as_bytes());
    }
    match facts.relations.visit(&mut out) {
        Ok(()) => {}
        Err(never) => match never {},
    }
    out.text(&derived.by);
    out.number(derived.tables.len() as u32);
    for table in &derived.tables {
        out.text(&table.name);
        out.number(table.width);
        out.number(table.rows.len() as u32);
        let mut above = vec![0; table.width as usize];
        table.rows.chunks_exact(table.width.max(1) as usize).for_each(|row| out.row(row, &mut above));
    }
    out.0
}

/// Whether a file begins as a bundle does.
pub fn is_bundle(path: &std::path::Path) -> bool {
    let mut start = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut start));
    read.is_ok() && u32::from_le_bytes(start) == MAGIC
}

/// The base that bytes hold, and what was derived from it. The values of derived rows are as they were written: whoever
/// reads them checks that they are of the base.
pub fn read(bytes: &[u8]) -> Result<(FactBase, Derived), BundleError> {
    let (mut facts, derived) = read_to_merge(bytes)?;
    match facts.symbols.index() {
        true => Ok((facts, derived)),
        false => Err(BundleError::Damaged { at: 0 }),
    }
}

/// As [`read`], for facts that are merged next: no text of theirs is looked up by then.
pub fn read_to_merge(bytes: &[u8]) -> Result<(FactBase, Derived), BundleError> {
    let mut head = bytes.chunks_exact(4).map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]));
    if head.next() != Some(MAGIC) {
        return Err(BundleError::NotABundle);
    }
    match head.next() {
        Some(VERSION) => {}
        Some(found) => return Err(BundleError::Version { found }),
        None => return Err(BundleError::Damaged { at: 4 }),
    }
    match head.next() {
        Some(hash) if hash == schema_hash() => {}
        Some(_) => return Err(BundleError::Schema),
        None => return Err(BundleError::Damaged { at: 8 }),
    }
    let mut reader = Reader { bytes, at: 12, counts: [0; IdKind::ALL.len()], symbols: 0 };
    for kind in 0..IdKind::ALL.len() {
        reader.counts[kind] = reader.number()?;
    }
    let symbols = reader.symbols()?;
    let relations = Relations::read(&mut reader)?;
    let derived = reader.derived()?;
    if reader.at != bytes.len() {
        return Err(reader.damaged());
    }
    Ok((FactBase::from_parts(symbols, relations, reader.counts), derived))
}

/// A number that changes when a relation or column does.
fn schema_hash() -> u32 {
    static HASH: OnceLock<u32> = OnceLock::new();
    *HASH.get_or_init(|| {
        let mut hasher = FxHasher::default();
        for spec in SPECS {
            hasher.write(spec.name.as_bytes());
            for column in spec.columns {
                hasher.write(column.name.as_bytes());
                hasher.write(format!("{:?}", column.column_type).as_bytes());
            }
        }
        let hash = hasher.finish();
        (hash ^ (hash >> 32)) as u32
    })
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut number: u32) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u32);
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Differences go around at 2^32; the sign is the lowest bit, so that small ones of either sign are short.
    fn row(&mut self, row: &[u32], above: &mut [u32]) {
        for (value, above) in row.iter().zip(above) {
            let difference = value.wrapping_sub(*above) as i32;
            self.number(((difference << 1) ^ (difference >> 31)) as u32);
            *above = *value;
        }
    }
}

impl RelationVisitor for Writer {
    type Error = std::convert::Infallible;

    fn relation<R: Row>(&mut self, rows: &[R]) -> Result<(), Self::Error> {
        self.number(rows.len() as u32);
        let mut raw = Vec::with_capacity(R::SPEC.columns.len());
        let mut above = vec![0; R::SPEC.columns.len()];
        for row in rows {
            raw.clear();
            row.encode(&mut raw);
            self.row(&raw, &mut above);
        }
        Ok(())
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    counts: [u32; IdKind::ALL.len()],
    symbols: u32,
}

impl Reader<'_> {
    fn damaged(&self) -> BundleError {
        BundleError::Damaged { at: self.at }
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    #[inline]
    fn number(&mut self) -> Result<u32, BundleError> {
        let mut number = 0;
        for shift in [0, 7, 14, 21, 28] {
            let Some(&byte) = self.bytes.get(self.at) else { return Err(self.damaged()) };
            self.at += 1;
            number |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                // One spelling a number: the last byte holds four bits and is none of an empty tail.
                return if (shift == 28 && byte > 0x0f) || (shift > 0 && byte == 0) {
                    Err(self.damaged())
                } else {
                    Ok(number)
                };
            }
        }
        Err(self.damaged())
    }

    #[inline]
    fn below(&mut self, above: u32) -> Result<u32, BundleError> {
        let coded = self.number()?;
        Ok(above.wrapping_add((coded >> 1) ^ (coded & 1).wrapping_neg()))
    }

    fn text(&mut self) -> Result<String, BundleError> {
        let length = self.number()? as usize;
        let end = self.at.checked_add(length).ok_or(self.damaged())?;
        let bytes = self.bytes.get(self.at..end).ok_or(self.damaged())?;
        let text = std::str::from_utf8(bytes).map_err(|_| self.damaged())?.to_owned();
        self.at = end;
        Ok(text)
    }

    fn derived(&mut self) -> Result<Derived, BundleError> {
        let by = self.text()?;
        let count = self.number()?;
        let mut tables = Vec::new();
        for _ in 0..count {
            let (name, width, values) = (self.text()?, self.number()? as usize, self.number()? as usize);
            // What is left bounds what may be claimed, so that a damaged count allocates nothing.
            if width == 0 || width > self.left() + 1 || values % width != 0 || values > self.left() {
                return Err(self.damaged());
            }
            let mut above = vec![0; width];
            let mut rows = Vec::with_capacity(values);
            for _ in 0..values / width {
                for above in &mut above {
                    *above = self.below(*above)?;
                    rows.push(*above);
                }
            }
            tables.push(Table { name, width: width as u32, rows });
        }
        Ok(Derived { by, tables })
    }

    fn symbols(&mut self) -> Result<Interner, BundleError> {
        let count = self.number()?;
        if count as usize > self.left() {
            return Err(self.damaged());
        }
        let mut end = 0u32;
        let mut ends = Vec::with_capacity(count as usize);
        for _ in 0..count {
            end = end.checked_add(self.number()?).ok_or(self.damaged())?;
            ends.push(end);
        }
        let bytes = self.at.checked_add(end as usize).and_then(|until| self.bytes.get(self.at..until));
        let text = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).ok_or(self.damaged())?;
        let interner = Interner::of_arena(text.to_owned(), ends).ok_or(self.damaged())?;
        self.at += end as usize;
        self.symbols = count;
        Ok(interner)
    }

    /// The greatest number that a column may hold: every id must be below the count of its kind, every symbol must be there.
    fn greatest(&self, column_type: ColumnType) -> Option<u32> {
        match column_type {
            ColumnType::Symbol => self.symbols.checked_sub(1),
            ColumnType::Id(kind) => Some(self.counts[kind as usize]),
            ColumnType::Word { names, .. } => (names.len() as u32).checked_sub(1),
            ColumnType::Number | ColumnType::Position | ColumnType::Flags { .. } => Some(u32::MAX),
        }
    }
}

impl RelationSource for Reader<'_> {
    type Error = BundleError;

    fn relation<R: Row>(&mut self) -> Result<Vec<R>, BundleError> {
        let columns = R::SPEC.columns;
        let count = self.number()? as usize;
        if count.saturating_mul(columns.len()) > self.left() {
            return Err(self.damaged());
        }
        let greatest: Option<Vec<u32>> = columns.iter().map(|column| self.greatest(column.column_type)).collect();
        let greatest = greatest.ok_or(self.damaged())?;
        let mut rows = Vec::with_capacity(count);
        let mut raw = vec![0; columns.len()];
        for _ in 0..count {
            for (value, greatest) in raw.iter_mut().zip(&greatest) {
                let at = self.at;
                *value = self.below(*value)?;
                if *value > *greatest {
                    return Err(BundleError::Damaged { at });
                }
            }
            rows.push(R::decode(&raw).ok_or(self.damaged())?);
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ModuleId, VarId};
    use crate::schema::Export;

    fn small() -> FactBase {
        let mut facts = FactBase::default();
        let module: ModuleId = facts.fresh();
        let var: VarId = facts.fresh();
        let name = facts.intern("näme");
        facts.relations.export.push(Export { module, name, var });
        facts
    }

    #[test]
    fn what_is_written_is_read() {
        let facts = small();
        let derived = Derived {
            by: "this".to_owned(),
            tables: vec![Table { name: "calls".to_owned(), width: 2, rows: vec![1, 2, 3, 4] }],
        };
        let (again, tables) = read(&write(&facts, &derived)).expect("it was just written");
        assert_eq!(tables, derived);
        assert_eq!(again.relations, facts.relations);
        assert_eq!(again.text(again.relations.export[0].name), "näme");
        assert_eq!(write(&again, &derived), write(&facts, &derived));
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = write(&small(), &Derived::default());
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn flipped_bytes_never_panic() {
        let bytes = write(&small(), &Derived::default());
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                let _ = read(&damaged);
            }
        }
    }
}

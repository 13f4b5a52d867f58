//! Bundles: a [`FactBase`] as bytes.
//!
//! Layout, all numbers little-endian `u32`: magic, format version, a hash of the schema, the counts of ids by kind, the
//! number of symbols, their lengths, their text, then each relation as its number of rows and its rows; then what was
//! derived from them: who derived it, the number of tables, each with its name, width, number of rows and rows. A bundle of
//! another schema is refused, a damaged one gives an error and never a panic.

use std::hash::Hasher;

use rustc_hash::FxHasher;

use crate::base::FactBase;
use crate::column::ColumnType;
use crate::ids::{IdKind, Sym};
use crate::interner::Interner;
use crate::relation::{RelationSource, RelationVisitor, Row};
use crate::schema::{Relations, SPECS};

const MAGIC: u32 = u32::from_le_bytes(*b"DSGB");
const VERSION: u32 = 2;

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
    out.number(MAGIC);
    out.number(VERSION);
    out.number(schema_hash());
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
        table.rows.iter().for_each(|value| out.number(*value));
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
    let mut reader = Reader { bytes, at: 0, counts: [0; IdKind::ALL.len()], symbols: 0 };
    if reader.number().map_err(|_| BundleError::NotABundle)? != MAGIC {
        return Err(BundleError::NotABundle);
    }
    let version = reader.number()?;
    if version != VERSION {
        return Err(BundleError::Version { found: version });
    }
    if reader.number()? != schema_hash() {
        return Err(BundleError::Schema);
    }
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
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u32);
        self.0.extend_from_slice(text.as_bytes());
    }
}

impl RelationVisitor for Writer {
    type Error = std::convert::Infallible;

    fn relation<R: Row>(&mut self, rows: &[R]) -> Result<(), Self::Error> {
        self.number(rows.len() as u32);
        let mut raw = Vec::new();
        for row in rows {
            raw.clear();
            row.encode(&mut raw);
            raw.iter().for_each(|number| self.number(*number));
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

    fn number(&mut self) -> Result<u32, BundleError> {
        let bytes = self.bytes.get(self.at..self.at + 4).ok_or(self.damaged())?;
        self.at += 4;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
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
            let (name, width, values) = (self.text()?, self.number()?, self.number()? as usize);
            let is_whole = width > 0 && values % (width as usize) == 0;
            if !is_whole || values.saturating_mul(4) > self.bytes.len() - self.at {
                return Err(self.damaged());
            }
            let rows = (0..values).map(|_| self.number()).collect::<Result<Vec<u32>, _>>()?;
            tables.push(Table { name, width, rows });
        }
        Ok(Derived { by, tables })
    }

    fn symbols(&mut self) -> Result<Interner, BundleError> {
        let count = self.number()?;
        // What is left bounds what may be claimed, so that a damaged count allocates nothing.
        if (count as usize) > self.bytes.len() / 4 {
            return Err(self.damaged());
        }
        let lengths = (0..count).map(|_| self.number()).collect::<Result<Vec<u32>, _>>()?;
        let mut interner = Interner::default();
        for (index, length) in lengths.into_iter().enumerate() {
            let end = self.at.checked_add(length as usize).ok_or(self.damaged())?;
            let text =
                self.bytes.get(self.at..end).and_then(|bytes| std::str::from_utf8(bytes).ok()).ok_or(self.damaged())?;
            if interner.intern(text) != Sym(index as u32) {
                return Err(self.damaged());
            }
            self.at = end;
        }
        self.symbols = count;
        Ok(interner)
    }

    /// Every id must be below the count of its kind, every symbol must be there.
    fn is_sound(&self, column_type: ColumnType, raw: u32) -> bool {
        match column_type {
            ColumnType::Symbol => raw < self.symbols,
            ColumnType::Id(kind) => raw <= self.counts[kind as usize],
            ColumnType::Word { names, .. } => (raw as usize) < names.len(),
            ColumnType::Number | ColumnType::Position | ColumnType::Flags { .. } => true,
        }
    }
}

impl RelationSource for Reader<'_> {
    type Error = BundleError;

    fn relation<R: Row>(&mut self) -> Result<Vec<R>, BundleError> {
        let columns = R::SPEC.columns;
        let count = self.number()? as usize;
        if count.saturating_mul(columns.len() * 4) > self.bytes.len() - self.at {
            return Err(self.damaged());
        }
        let mut rows = Vec::with_capacity(count);
        let mut raw = vec![0; columns.len()];
        for _ in 0..count {
            for (slot, column) in raw.iter_mut().zip(columns) {
                let at = self.at;
                *slot = self.number()?;
                if !self.is_sound(column.column_type, *slot) {
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

//! Compressed sparse rows: the rows of a relation grouped by the id in one of their columns.

use distsys_facts::{Id, Sym};

/// For each id, the numbers of the rows that have it, in row order. Eight bytes an id and row.
#[derive(Clone, Debug, Default)]
pub struct Csr {
    starts: Vec<u32>,
    rows: Vec<u32>,
}

impl Csr {
    /// Groups `rows` by `key`; rows without key are left out.
    pub fn by<R, I: Id>(ids: usize, rows: &[R], key: impl Fn(&R) -> Option<I>) -> Self {
        Csr::grouped(ids, rows, |row| key(row).map(I::index))
    }

    fn grouped<R>(ids: usize, rows: &[R], key: impl Fn(&R) -> Option<usize>) -> Self {
        let mut starts = vec![0u32; ids + 1];
        for row in rows {
            if let Some(id) = key(row) {
                starts[id + 1] += 1;
            }
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut grouped = vec![0u32; starts.last().map_or(0, |total| *total as usize)];
        for (number, row) in rows.iter().enumerate() {
            if let Some(id) = key(row) {
                let slot = &mut next[id];
                grouped[*slot as usize] = number as u32;
                *slot += 1;
            }
        }
        Csr { starts, rows: grouped }
    }

    /// Groups `rows` by the name that `key` gives each; rows with an empty one are left out.
    pub fn by_symbol<R>(symbols: usize, rows: &[R], key: impl Fn(&R) -> Sym) -> Self {
        Csr::grouped(symbols, rows, |row| Some(key(row)).filter(|name| !name.is_empty()).map(Sym::index))
    }

    /// The numbers of the rows of `id`.
    pub fn rows<I: Id>(&self, id: I) -> &[u32] {
        self.rows_at(id.index())
    }

    fn rows_at(&self, index: usize) -> &[u32] {
        match (self.starts.get(index), self.starts.get(index + 1)) {
            (Some(&start), Some(&end)) => &self.rows[start as usize..end as usize],
            _ => &[],
        }
    }

    /// The rows of `id` out of the relation that was grouped.
    pub fn of<'a, R, I: Id>(&'a self, relation: &'a [R], id: I) -> impl DoubleEndedIterator<Item = &'a R> + Clone {
        self.rows(id).iter().map(move |&row| &relation[row as usize])
    }

    /// The rows that go by a name.
    pub fn of_symbol<'a, R>(&'a self, relation: &'a [R], name: Sym) -> impl DoubleEndedIterator<Item = &'a R> + Clone {
        self.rows_at(name.index()).iter().map(move |&row| &relation[row as usize])
    }

    pub fn first<'a, R, I: Id>(&self, relation: &'a [R], id: I) -> Option<&'a R> {
        self.rows(id).first().map(|&row| &relation[row as usize])
    }
}

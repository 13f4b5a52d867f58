//! Interned text: every distinct string once, named by a `u32`.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use crate::ids::Sym;

/// Strings in one arena; the table holds numbers only, so a symbol costs its bytes plus about ten.
#[derive(Clone, Debug)]
pub struct Interner {
    text: String,
    /// End offset in `text` of each symbol; it starts where the one before ends.
    ends: Vec<u32>,
    table: HashTable<u32>,
}

impl Default for Interner {
    fn default() -> Self {
        let mut interner = Interner { text: String::new(), ends: Vec::new(), table: HashTable::new() };
        let empty = interner.intern("");
        debug_assert_eq!(empty, Sym::EMPTY);
        interner
    }
}

impl Interner {
    /// The symbol of `text`, made if it is new.
    ///
    /// # Panics
    /// If all text together exceeds 4 GiB, which the limits on input exclude.
    pub fn intern(&mut self, text: &str) -> Sym {
        let hash = FxBuildHasher.hash_one(text);
        let (arena, ends) = (&self.text, &self.ends);
        if let Some(&found) = self.table.find(hash, |&index| resolve(arena, ends, index) == text) {
            return Sym(found);
        }
        let index = self.ends.len() as u32;
        self.text.push_str(text);
        match u32::try_from(self.text.len()) {
            Ok(end) => self.ends.push(end),
            Err(_) => panic!("more than 4 GiB of distinct text"),
        }
        let (arena, ends) = (&self.text, &self.ends);
        self.table.insert_unique(hash, index, |&other| FxBuildHasher.hash_one(resolve(arena, ends, other)));
        Sym(index)
    }

    /// The symbol of `text` if it was interned before.
    pub fn lookup(&self, text: &str) -> Option<Sym> {
        let hash = FxBuildHasher.hash_one(text);
        self.table.find(hash, |&index| resolve(&self.text, &self.ends, index) == text).map(|&index| Sym(index))
    }

    /// The text of a symbol of this interner.
    pub fn text(&self, sym: Sym) -> &str {
        resolve(&self.text, &self.ends, sym.0)
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// False: the empty string is always there.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All strings in the order of their symbols.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.ends.len() as u32).map(|index| resolve(&self.text, &self.ends, index))
    }

    pub fn bytes(&self) -> usize {
        self.text.len() + self.ends.len() * size_of::<u32>() + self.table.capacity() * (size_of::<u32>() + 1)
    }
}

fn resolve<'a>(arena: &'a str, ends: &[u32], index: u32) -> &'a str {
    let start = if index == 0 { 0 } else { ends[index as usize - 1] };
    &arena[start as usize..ends[index as usize] as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_text_same_symbol() {
        let mut interner = Interner::default();
        let order = interner.intern("order");
        assert_eq!(order, interner.intern("order"));
        assert_ne!(order, interner.intern("orders"));
        assert_eq!(interner.text(order), "order");
        assert_eq!(interner.intern(""), Sym::EMPTY);
        assert_eq!(interner.lookup("absent"), None);
    }
}

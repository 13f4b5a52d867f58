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
    /// Of all symbols, or empty: facts that are only merged need none.
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
    /// The symbols that lie one after another in `text`, without a table. None if they do not: an end is no boundary of
    /// characters or before the one before it, the first symbol is not the empty one, or text is left.
    pub(crate) fn of_arena(text: String, ends: Vec<u32>) -> Option<Self> {
        let is_sound = ends.first() == Some(&0)
            && ends.is_sorted()
            && ends.last().is_some_and(|end| *end as usize == text.len())
            && ends.iter().all(|end| text.is_char_boundary(*end as usize));
        is_sound.then_some(Interner { text, ends, table: HashTable::new() })
    }

    /// Makes the table. False if a text is there twice.
    pub(crate) fn index(&mut self) -> bool {
        let (arena, ends) = (&self.text, &self.ends);
        let hash = |&index: &u32| FxBuildHasher.hash_one(resolve(arena, ends, index));
        self.table = HashTable::with_capacity(ends.len());
        (0..ends.len() as u32).all(|index| {
            let text = resolve(arena, ends, index);
            let is_new = self.table.find(hash(&index), |&other| resolve(arena, ends, other) == text).is_none();
            self.table.insert_unique(hash(&index), index, hash);
            is_new
        })
    }

    fn is_indexed(&self) -> bool {
        self.table.len() == self.ends.len()
    }

    /// The symbol of `text`, made if it is new.
    ///
    /// # Panics
    /// If all text together exceeds 4 GiB, which the limits on input exclude.
    pub fn intern(&mut self, text: &str) -> Sym {
        if !self.is_indexed() {
            self.index();
        }
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
        if !self.is_indexed() {
            return self.iter().position(|known| known == text).map(|index| Sym(index as u32));
        }
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

    #[test]
    fn without_a_table_it_says_the_same() {
        let mut interner = Interner::of_arena("ordnäme".to_owned(), vec![0, 3, 8]).expect("it is sound");
        assert_eq!(
            (interner.lookup("näme"), interner.lookup("ord"), interner.lookup("")),
            (Some(Sym(2)), Some(Sym(1)), Some(Sym(0)))
        );
        assert_eq!((interner.intern("ord"), interner.intern("new")), (Sym(1), Sym(3)));
        assert_eq!((interner.lookup("new"), interner.lookup("absent")), (Some(Sym(3)), None));
        for ends in [vec![], vec![3, 8], vec![0, 3], vec![0, 5, 8], vec![0, 8, 3], vec![0, 9]] {
            assert!(Interner::of_arena("ordnäme".to_owned(), ends).is_none());
        }
        assert!(!Interner::of_arena("aa".to_owned(), vec![0, 1, 2]).expect("it is sound").index());
    }
}

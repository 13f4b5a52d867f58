//! Qualified names of things outside the project, as a trie: `redis.Redis.set` is the node `set` below `redis.Redis`.

use distsys_facts::Sym;
use rustc_hash::FxHashMap;

use crate::model::{Family, ModelSet};

/// A qualified name in one family of languages: what two of them call alike are two things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathId(u32);

/// Longer names are cut: a chain this long is a builder whose end no model names.
const MAX_DEPTH: u8 = 14;

/// Java's packages alone take a good part of that.
fn max_depth(family: Family) -> u8 {
    if family == Family::Java { MAX_DEPTH + 6 } else { MAX_DEPTH }
}

/// All qualified names, each made once.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    texts: Vec<String>,
    families: Vec<Family>,
    depths: Vec<u8>,
    by_text: [FxHashMap<String, PathId>; Family::ALL.len()],
    members: FxHashMap<(PathId, Sym), Option<PathId>>,
    /// By path: whether no part of it that ends at a dot has another spelling, as is known of those that were made member by
    /// member.
    settled: Vec<bool>,
}

impl PathId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

impl Paths {
    pub fn intern(&mut self, family: Family, text: &str) -> PathId {
        if let Some(&id) = self.by_text[family as usize].get(text) {
            return id;
        }
        let id = PathId(self.texts.len() as u32);
        self.texts.push(text.to_owned());
        self.depths.push(text.split('.').count().min(usize::from(u8::MAX)) as u8);
        self.families.push(family);
        self.settled.push(false);
        self.by_text[family as usize].insert(text.to_owned(), id);
        id
    }

    pub fn text(&self, path: PathId) -> &str {
        &self.texts[path.0 as usize]
    }

    pub fn family(&self, path: PathId) -> Family {
        self.families[path.0 as usize]
    }

    pub fn all(&self) -> impl Iterator<Item = PathId> {
        (0..self.texts.len() as u32).map(PathId)
    }

    pub fn len(&self) -> usize {
        self.texts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The member `segment` of `path`, spelled as models spell it; none if the name gets too long.
    /// A segment repeated often (`q.filter(…).filter(…).filter(…)`) is written twice.
    pub fn member(&mut self, path: PathId, key: Sym, segment: &str, models: &ModelSet) -> Option<PathId> {
        if let Some(&known) = self.members.get(&(path, key)) {
            return known;
        }
        let family = self.family(path);
        let base = self.text(path);
        let mut last = base.rsplit('.');
        let made = if last.next() == Some(segment) && last.next() == Some(segment) {
            Some(path)
        } else if self.depths[path.0 as usize] >= max_depth(family) {
            None
        } else {
            let text = format!("{base}.{segment}");
            let may_be_respelled =
                !self.settled[path.index()] || segment.contains('.') || models.is_alias(family, &text);
            let respelled = if may_be_respelled { models.respelled(family, &text) } else { None };
            let made = self.intern(family, respelled.as_deref().unwrap_or(&text));
            if respelled.is_none() {
                self.settled[made.index()] = true;
            }
            Some(made)
        };
        self.members.insert((path, key), made);
        made
    }
}

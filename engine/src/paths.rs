//! Qualified names of things outside the project, as a trie: `redis.Redis.set` is the node `set` below `redis.Redis`.

use distsys_facts::Sym;
use rustc_hash::FxHashMap;

/// A qualified name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathId(u32);

/// Longer names are cut: a chain this long is a builder whose end no model names.
const MAX_DEPTH: u8 = 14;

/// All qualified names, each made once.
#[derive(Debug, Default)]
pub struct Paths {
    texts: Vec<String>,
    depths: Vec<u8>,
    by_text: FxHashMap<String, PathId>,
    members: FxHashMap<(PathId, Sym), Option<PathId>>,
}

impl Paths {
    pub fn intern(&mut self, text: &str) -> PathId {
        if let Some(&id) = self.by_text.get(text) {
            return id;
        }
        let id = PathId(self.texts.len() as u32);
        self.texts.push(text.to_owned());
        self.depths.push(text.split('.').count().min(usize::from(u8::MAX)) as u8);
        self.by_text.insert(text.to_owned(), id);
        id
    }

    pub fn text(&self, path: PathId) -> &str {
        &self.texts[path.0 as usize]
    }

    pub fn lookup(&self, text: &str) -> Option<PathId> {
        self.by_text.get(text).copied()
    }

    pub fn len(&self) -> usize {
        self.texts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The member `segment` of `path`, spelled canonically by `canonical`; none if the name gets too long.
    /// A segment repeated often (`q.filter(…).filter(…).filter(…)`) is written twice.
    pub fn member(
        &mut self,
        path: PathId,
        key: Sym,
        segment: &str,
        canonical: impl Fn(&str) -> Option<String>,
    ) -> Option<PathId> {
        if let Some(&known) = self.members.get(&(path, key)) {
            return known;
        }
        let base = self.text(path);
        let mut last = base.rsplit('.');
        let made = if last.next() == Some(segment) && last.next() == Some(segment) {
            Some(path)
        } else if self.depths[path.0 as usize] >= MAX_DEPTH {
            None
        } else {
            let text = format!("{base}.{segment}");
            let text = canonical(&text).unwrap_or(text);
            Some(self.intern(&text))
        };
        self.members.insert((path, key), made);
        made
    }
}

//! What models say of names of libraries: propagation asks the same of a name at every value that passes, so each is asked
//! once, and what is known is handed from one propagation to the next.

use std::cell::RefCell;

use crate::model::{ModelSet, Returned, Sets};
use crate::paths::{PathId, Paths};

/// What models say of one name.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfPath<'p> {
    /// Whether a value of it is a connection.
    pub(super) is_handle: bool,
    /// Whether it is an object that holds what the project puts into it: always, by key, or whatever is stored.
    pub(super) is_holder: bool,
    pub(super) is_holder_by_key: bool,
    pub(super) is_holder_anyhow: bool,
    /// Whether its members are called to get what they hold.
    pub(super) gives_members: bool,
    /// The type onto which the project puts functions of its own.
    pub(super) extended: Option<&'p str>,
    pub(super) returned: Option<&'p Returned>,
    pub(super) sets: Option<&'p Sets>,
    /// Whether what a function gets that is given to its call is known, and whether by a type.
    pub(super) gives: bool,
    pub(super) gives_type: bool,
}

#[derive(Debug, Default)]
pub(super) struct Said<'p> {
    by_path: RefCell<Vec<Option<OfPath<'p>>>>,
}

impl<'p> Said<'p> {
    pub(super) fn of(&self, models: &'p ModelSet, paths: &Paths, path: PathId) -> OfPath<'p> {
        let mut known = self.by_path.borrow_mut();
        if known.len() <= path.index() {
            known.resize(paths.len(), None);
        }
        *known[path.index()].get_or_insert_with(|| ask(models, paths, path))
    }
}

fn ask<'p>(models: &'p ModelSet, paths: &Paths, path: PathId) -> OfPath<'p> {
    let (family, text) = (paths.family(path), paths.text(path));
    let mut giving = models.giving(family, text).peekable();
    OfPath {
        is_handle: models.is_handle_anywhere(text),
        is_holder: models.is_holder(family, text),
        is_holder_by_key: models.is_holder_by_key(family, text),
        is_holder_anyhow: models.is_holder_anyhow(family, text),
        gives_members: models.gives_members(family, text),
        extended: models.extended(family, text),
        returned: models.returns(family, text),
        sets: models.sets(family, text),
        gives: giving.peek().is_some(),
        gives_type: giving.any(|op| op.gives.first().is_some_and(|type_| !type_.is_empty())),
    }
}

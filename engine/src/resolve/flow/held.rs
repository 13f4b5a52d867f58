//! What classes of a library hold for themselves (`Order.objects`), which a project may derive from and put in its place.

use distsys_facts::ClassId;

use super::{Flow, PathId, Paths, Resolution, Value, ValueKind};

impl Flow<'_, '_> {
    /// A value that the class `owner`, or one that it derives from, has in a field: if that is what its library's class has
    /// there, or derives from it, it is the owner's.
    pub(super) fn held_by(&self, value: Value, owner: ClassId) -> Value {
        let is_its = |path: PathId| {
            let text = self.paths.text(path);
            let mut bases = self.grounds.hierarchy.external_bases(owner);
            bases.any(|(base, _)| text.strip_prefix(self.paths.text(base)).is_some_and(|rest| rest.starts_with('.')))
        };
        let derives = |class: ClassId| self.grounds.hierarchy.external_bases(class).any(|(path, _)| is_its(path));
        let held = match (value.kind, value.class) {
            (ValueKind::External(path), None) => is_its(path),
            // Made of a class of the project's own: `OrderQuerySet.as_manager()`.
            (ValueKind::External(path), Some(class)) => is_its(path) && derives(class),
            (ValueKind::Instance(class), None) => derives(class),
            _ => false,
        };
        if held { Value { class: Some(owner), ..value } } else { value }
    }

    /// The class that a member of a library is about when it is asked of an object of the project's `class`, which has it from
    /// `base`: the one that holds the object; unless it is known to be held by some, its own.
    pub(super) fn owner(
        &self,
        object: Value,
        class: ClassId,
        base: PathId,
        argument: Option<ClassId>,
    ) -> Option<ClassId> {
        match object.kind {
            ValueKind::Instance(_) if is_held(&self.paths, base) => object.class.or(argument),
            // `interface Orders extends Base<Order>`, where `interface Base<T> extends Repository<T>` hands it on.
            _ => argument.or_else(|| self.grounds.hierarchy.base_arguments().get(&class).copied()).or(Some(class)),
        }
    }
}

impl Resolution {
    /// Whether objects of a class of the project are what the library's classes hold for themselves: managers, query sets.
    pub fn is_held(&self, class: ClassId) -> bool {
        self.library_bases(class).iter().any(|path| is_held(&self.paths, *path))
    }
}

/// Whether a path is what a class of the library holds, and no class: `Model.objects`.
fn is_held(paths: &Paths, path: PathId) -> bool {
    let mut parts = paths.text(path).rsplit('.');
    let starts = |part: Option<&str>, test: fn(char) -> bool| part.is_some_and(|part| part.starts_with(test));
    starts(parts.next(), char::is_lowercase) && starts(parts.next(), char::is_uppercase)
}

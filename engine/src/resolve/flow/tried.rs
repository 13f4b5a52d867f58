//! What tests and examples give to the code that they try out.
//!
//! A test hands a mock, a connection of its own or a closure to a function of the service. That says neither which connection
//! the service hands over, nor who calls the function there; but where nothing else tells what a parameter or field holds, it
//! tells of which type that is.

use distsys_facts::{ClassId, FunctionId, SiteId};

use super::{EdgeKind, Flow};

impl Flow<'_, '_> {
    /// Whether `function` is the service's, and what calls it at `site` only tries it out.
    pub(super) fn is_tried_at(&self, site: SiteId, function: FunctionId) -> bool {
        self.program.is_tried_by(self.program.site(site).function, function)
    }

    /// Likewise of objects of a class that a test makes or fills.
    pub(super) fn is_class_tried_at(&self, site: SiteId, class: ClassId) -> bool {
        let of_class = self.program.class(class).module;
        let around = self.program.module_functions.get(&of_class);
        around.is_some_and(|module| self.is_tried_at(site, *module))
    }

    /// Lets the types of what tests give flow to what nothing else is known of.
    pub(super) fn by_tests(&mut self) {
        let mut given = std::mem::take(&mut self.given_by_tests);
        given.retain(|(_, to)| self.sets.is_empty(*to));
        given.sort_unstable();
        given.dedup();
        for (from, to) in given {
            self.edge(from, to, EdgeKind::Type);
        }
    }
}

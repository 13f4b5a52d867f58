//! Annotations that an object in front of the annotated one sees to (Spring's proxies): a method that its own object alone
//! calls is never called through that, and the annotation says nothing.

use distsys_facts::{FunctionId, ParameterKind, SiteId};

use super::callbacks::parameter_of;
use super::operations::{Found, Operation};
use super::scopes::Builder;
use crate::operation::Attr;

impl Builder<'_, '_, '_> {
    /// Whether the annotation that `op` is has no effect on `function`: all calls of it are of methods of its own class on
    /// the same object (`this.refresh()`), and nothing else is written on it by which a framework might call it.
    pub(super) fn is_called_past_proxy(&self, op: &Operation, function: FunctionId) -> bool {
        if self.reader.attribute(op, Attr::Proxied) == Found::Absent {
            return false;
        }
        let program = self.reader.program;
        let r = &program.facts.relations;
        let mut annotations = program.annotation_by_function.of(&r.function_annotation, function);
        if annotations.any(|row| row.site != op.site) {
            return false;
        }
        let on_itself = |site: SiteId| {
            let receiver = program.call(site).and_then(|call| call.receiver);
            let given = receiver.and_then(|var| parameter_of(self.reader, var)).and_then(|var| program.parameter(var));
            given.is_some_and(|row| {
                let class = program.function(row.function).class;
                row.kind == ParameterKind::Receiver && class.is_some() && class == program.function(function).class
            })
        };
        let callers = self.index.callers.get(&function).map_or(&[][..], Vec::as_slice);
        !callers.is_empty() && callers.iter().all(|site| on_itself(*site))
    }
}

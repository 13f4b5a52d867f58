//! Types named by what a helper is given: `def client(name): return boto3.client(name)`.
//!
//! Which type it is, only who gives the name knows: `client("s3")` gives one, and no other caller of `client` has it.

use distsys_facts::{FunctionId, SiteId, VarId};
use rustc_hash::FxHashMap;

use super::Flow;
use crate::model::Family;
use crate::resolve::values::{Value, ValueKind};

/// The call at `site` gives a value of the type `text`, whose hole the parameter `name` fills.
#[derive(Clone, Debug)]
pub(super) struct Filled {
    pub(super) site: SiteId,
    pub(super) name: VarId,
    pub(super) text: String,
}

impl Flow<'_, '_> {
    /// The parameter that fills the only hole of a type, where no text does.
    pub(super) fn filled_by(&self, text: &str, site: SiteId) -> Option<VarId> {
        let mut holes = (0..3).filter(|index| text.contains(&format!("{{{index}}}")));
        let argument = self.positional(site, holes.next()?)?;
        (holes.next().is_none() && self.program.literal(argument).is_none()).then_some(())?;
        let held = self.program.held_at(argument);
        self.program.parameter(held).map(|row| row.var)
    }

    /// Callers that give a name get a value of the type that it names: from the call itself where the function returns it.
    pub(super) fn by_filled_types(&mut self) {
        let program = self.program;
        let waiting = std::mem::take(&mut self.filled);
        if waiting.is_empty() {
            return;
        }
        let mut given: FxHashMap<VarId, Vec<(SiteId, String)>> = FxHashMap::default();
        for row in &self.passed {
            if let Some(literal) = program.literal(row.argument) {
                given.entry(row.parameter).or_default().push((row.site, program.text(literal.value).to_owned()));
            }
        }
        for row in waiting {
            let Some(call) = program.call(row.site) else { continue };
            let function = program.site(row.site).function;
            let is_returned = self.gives(function, call.result);
            let mut callers = given.get(&row.name).cloned().unwrap_or_default();
            callers.sort_unstable();
            for (site, name) in callers {
                let family = Family::from(self.language_of(row.site));
                let text = (0..3).fold(row.text.clone(), |text, index| text.replace(&format!("{{{index}}}"), &name));
                let text = self.models.respelled(family, &text).unwrap_or(text);
                let value = Value::new(ValueKind::External(self.paths.intern(family, &text)));
                let to = program.call(site).filter(|_| is_returned).map_or(call.result, |call| call.result);
                self.add(Self::node(to), value);
            }
        }
    }

    fn gives(&self, function: FunctionId, value: VarId) -> bool {
        let r = &self.program.facts.relations;
        let mut returned = self.program.returns_by_function.of(&r.returns, function).filter_map(|row| row.var);
        returned.any(|var| self.program.held_at(var) == value)
    }
}

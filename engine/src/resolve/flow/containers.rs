//! Containers that make what they are asked for by name: what is registered under a name is what whoever the container
//! makes finds under that name, as a member of its first argument or as the parameter of that name.

use distsys_facts::schema::Call;
use distsys_facts::{FunctionId, ParameterKind, Sym, VarId};
use rustc_hash::FxHashSet;

use super::{EdgeKind, Flow};
use crate::model::Container;
use crate::paths::PathId;
use crate::resolve::members::Member;
use crate::resolve::values::{Value, ValueKind};

/// A way to make a value is described by so many calls: `asClass(Orders).singleton()`.
const MAX_CHAIN: usize = 6;

impl Flow<'_, '_> {
    pub(super) fn by_containers(&mut self) {
        if !self.models.has_containers() {
            return;
        }
        let mut calls: Vec<_> = self.external.iter().map(|&(site, path, _)| (site, path)).collect();
        calls.sort_unstable();
        calls.dedup();
        let mut registered: FxHashSet<(PathId, Sym)> = FxHashSet::default();
        let mut made: Vec<(FunctionId, PathId)> = Vec::new();
        for &(site, path) in &calls {
            let family = self.paths.family(path);
            let models = self.models;
            let Some(row) = self.program.call(site) else { continue };
            if let Some(container) = models.container(family, |known| &known.register, self.paths.text(path)) {
                let holder = self.paths.intern(family, &container.holds);
                for (name, how) in self.registrations(row) {
                    registered.insert((holder, name));
                    self.register(container, holder, name, how, &mut made);
                }
            }
            if let Some(container) = models.container(family, |known| &known.resolve, self.paths.text(path))
                && let Some(name) = self.positional(site, 0).and_then(|var| self.program.literal(var))
            {
                let holder = self.paths.intern(family, &container.holds);
                let held = self.held_field(holder, name.value);
                self.edge(held, Self::node(row.result), EdgeKind::All);
            }
        }
        made.sort_unstable();
        made.dedup();
        for (function, holder) in made {
            let parameters = self.program.parameters(function).filter(|row| row.kind != ParameterKind::Receiver);
            let parameters: Vec<(VarId, Sym)> = parameters.map(|row| (row.var, row.name)).collect();
            for (at, (var, name)) in parameters.into_iter().enumerate() {
                if registered.contains(&(holder, name)) {
                    let held = self.held_field(holder, name);
                    self.edge(held, Self::node(var), EdgeKind::All);
                } else if at == 0 {
                    self.add(Self::node(var), Value::new(ValueKind::External(holder)));
                }
            }
        }
    }

    /// `register("orders", how)`, `register({ orders: how, … })`.
    fn registrations(&self, row: &Call) -> Vec<(Sym, VarId)> {
        let program = self.program;
        let Some(first) = self.positional(row.site, 0) else { return Vec::new() };
        if let (Some(name), Some(how)) = (program.literal(first), self.positional(row.site, 1)) {
            return vec![(name.value, how)];
        }
        let object = program.assigned_from(first).next().map_or(first, |row| row.src);
        program.entry_by_var.of(&program.facts.relations.entry, object).map(|row| (row.key, row.value)).collect()
    }

    fn register(
        &mut self,
        container: &Container,
        holder: PathId,
        name: Sym,
        how: VarId,
        made: &mut Vec<(FunctionId, PathId)>,
    ) {
        let held = self.held_field(holder, name);
        let Some(first) = self.first_of_chain(how) else { return };
        let Some(given) = self.positional(first.site, 0) else { return };
        let called = self.program.text(first.name);
        let says = |names: &[String]| names.iter().any(|name| name == called);
        if says(&container.values) {
            return self.edge(Self::node(given), held, EdgeKind::All);
        }
        let values: Vec<ValueKind> = self.sets.of(Self::node(given)).map(|id| self.values.get(id).kind).collect();
        for value in values {
            match value {
                ValueKind::Class(class) if says(&container.classes) => {
                    self.add(held, Value::new(ValueKind::Instance(class)));
                    let constructor = self.program.facts.symbols.lookup("constructor");
                    if let Some(Member::Method(function)) =
                        constructor.map(|name| self.grounds.hierarchy.member(class, name))
                    {
                        made.push((function, holder));
                    }
                }
                ValueKind::Function(function) if says(&container.functions) => {
                    let given = self.return_node(function);
                    self.edge(given, held, EdgeKind::All);
                    made.push((function, holder));
                }
                _ => {}
            }
        }
    }

    /// The call that a chain of calls begins with.
    fn first_of_chain(&self, var: VarId) -> Option<&Call> {
        let program = self.program;
        let source = program.assigned_from(var).next().map_or(var, |row| row.src);
        let mut first = program.call_giving(source)?;
        for _ in 0..MAX_CHAIN {
            match first.receiver.and_then(|receiver| program.call_giving(receiver)) {
                Some(before) => first = before,
                None => break,
            }
        }
        Some(first)
    }
}

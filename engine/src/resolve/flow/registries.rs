//! Things that a library knows by name for the whole project: however this collects them (a loop over the files of a folder),
//! `models.Order` is what was registered as `Order`.

use distsys_facts::{ClassId, Id, IdKind, ParameterKind, Sym, VarId};
use rustc_hash::FxHashMap;

use super::{EdgeKind, Flow};
use crate::model::Family;
use crate::resolve::values::{Value, ValueKind};

impl Flow<'_, '_> {
    /// `module.exports = (sequelize, DataTypes) => …`: who is called by the loop is given the library's object.
    pub(super) fn by_given_registries(&mut self) {
        let program = self.program;
        let models = self.models;
        let all: Vec<_> = models.registries().filter(|(_, registry)| !registry.given.is_empty()).collect();
        if all.is_empty() {
            return;
        }
        for row in &program.facts.relations.parameter {
            let language = program.language(program.file_of_function(row.function));
            let name = program.text(row.name);
            let known =
                all.iter().find(|(family, registry)| registry.beside == name && Family::from(language) == *family);
            let Some((family, registry)) = known else { continue };
            let first = program.parameters(row.function).find(|row| row.kind != ParameterKind::Receiver);
            if let Some(first) = first.filter(|first| first.var != row.var && first.type_.is_empty()) {
                let path = self.paths.intern(*family, &registry.given);
                self.add(Self::node(first.var), Value::new(ValueKind::External(path)));
            }
        }
    }

    /// Members of what is not known otherwise, and imports of it, that are called like something registered.
    pub(super) fn by_registries(&mut self) {
        let program = self.program;
        let models = self.models;
        let r = &program.facts.relations;
        let mut named: FxHashMap<(Family, Sym), Vec<Registered>> = FxHashMap::default();
        let collected: Vec<&String> = models.registries().flat_map(|(_, registry)| &registry.members).collect();
        for (family, registry) in models.registries() {
            let mut sites: Vec<_> =
                self.external.iter().filter(|(_, path, _)| self.paths.family(*path) == family).collect();
            sites.sort_unstable();
            for (site, path, _) in sites {
                let text = self.paths.text(*path);
                if registry.register.iter().any(|pattern| pattern.matches(text))
                    && let Some(name) = self.positional(*site, 0).and_then(|var| program.literal(var))
                    && let Some(call) = program.call(*site)
                {
                    named.entry((family, name.value)).or_default().push(Registered::At(call.result));
                }
            }
            for index in 0..program.facts.count(IdKind::Class) {
                let class = ClassId::new(index);
                let mut bases = self.grounds.hierarchy.external_bases(class);
                let is_one = bases.any(|(path, _)| {
                    self.paths.family(path) == family
                        && registry.base.iter().any(|pattern| pattern.matches(self.paths.text(path)))
                });
                if is_one {
                    named.entry((family, program.class(class).name)).or_default().push(Registered::Class(class));
                }
            }
        }
        if named.is_empty() {
            return;
        }
        let members = r.load.iter().filter_map(|row| Some((program.variable(row.base)?.function, row.field, row.dst)));
        let imports =
            r.import.iter().filter_map(|row| Some((program.variable(row.var)?.function, row.member, row.var)));
        for (function, name, var) in members.chain(imports) {
            let language = program.language(program.file_of_function(function));
            let Some(known) = named.get(&(language.into(), name)) else { continue };
            // `sequelize.models.Order` has a name of the library's, too.
            let is_collected = |value: Value| match value.kind {
                ValueKind::External(path) => {
                    let (holder, member) = self.paths.text(path).rsplit_once('.').unwrap_or_default();
                    member == program.text(name) && collected.iter().any(|known| *known == holder)
                }
                _ => false,
            };
            if !self.sets.of(Self::node(var)).all(|id| is_collected(self.values.get(id))) {
                continue;
            }
            if let [Registered::At(made)] = known[..] {
                self.registered.insert(var, made);
            }
            for registered in known {
                match registered {
                    Registered::At(made) => self.edge(Self::node(*made), Self::node(var), EdgeKind::All),
                    Registered::Class(class) => self.add(Self::node(var), Value::new(ValueKind::Class(*class))),
                }
            }
        }
    }
}

/// What stands behind a name.
enum Registered {
    /// Of a call that gives it.
    At(VarId),
    Class(ClassId),
}

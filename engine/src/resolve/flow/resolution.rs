//! What resolution found, and questions to it.

use std::sync::OnceLock;

use distsys_facts::{ClassId, FunctionId, Id, Language, ModuleId, SiteId, Sym, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::csr::Csr;
use crate::paths::{PathId, Paths};
use crate::program::Program;
use crate::resolve::values::{Sets, Value, Values};

/// How sure an edge of the call graph is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    /// A guess.
    Low,
    /// By a name that is unique in the project, or one of several implementations.
    Medium,
    /// By type or binding.
    High,
}

/// `site` calls `function`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallEdge {
    pub site: SiteId,
    pub function: FunctionId,
    pub confidence: Confidence,
}

/// How many call sites of a language were resolved to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unresolved {
    pub project: usize,
    pub external: usize,
    pub unresolved: usize,
}

/// The call `site` passes `argument` as `parameter`, the receiver included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Passed {
    pub site: SiteId,
    pub parameter: VarId,
    pub argument: VarId,
}

/// The result: what is called where, and what every variable may hold.
#[derive(Debug)]
pub struct Resolution {
    pub paths: Paths,
    pub values: Values,
    pub(super) sets: Sets,
    /// By site.
    pub calls: Vec<CallEdge>,
    /// Implementations of what is called, by site, where there are too many for each to be a target that one would
    /// believe in.
    pub alternatives: Vec<(SiteId, FunctionId)>,
    /// Library functions called, by site: the name, and the value through which it was reached.
    pub external: Vec<(SiteId, PathId, Value)>,
    /// By site.
    pub passed: Vec<Passed>,
    /// How many values went from a node to those behind it, all propagations together.
    pub steps: usize,
    /// What literals of a class give its fields.
    pub(super) constructed: FxHashMap<(ClassId, Sym), Vec<VarId>>,
    /// Class fields, with the nodes that hold them.
    pub(super) fields: FxHashMap<(ClassId, Sym), u32>,
    pub(super) ancestors: Vec<Vec<ClassId>>,
    pub(super) derived: Vec<Vec<ClassId>>,
    /// Classes that others derive from.
    pub(super) bases: FxHashSet<ClassId>,
    /// The variable of another module that an import, or a free name, stands for.
    pub(super) imported: FxHashMap<VarId, VarId>,
    pub(super) exports: FxHashMap<(ModuleId, Sym), VarId>,
    /// Fields that get what a function of the project provides.
    pub(super) provided: FxHashMap<(ClassId, Sym), VarId>,
    pub(super) calls_by_site: FxHashMap<SiteId, (u32, u32)>,
    pub(super) passed_by_site: FxHashMap<SiteId, (u32, u32)>,
    pub(super) passed_by_parameter: Csr,
    pub(super) external_by_site: FxHashMap<SiteId, (u32, u32)>,
    pub(super) class_lines: FxHashMap<ClassId, Vec<PathId>>,
    /// The classes that classes name as what their base is of.
    pub(super) base_arguments: FxHashMap<ClassId, ClassId>,
    /// Fields that classes have of their own, and those that classes below have of the same name.
    pub(super) own_fields: FxHashSet<(ClassId, Sym)>,
    pub(super) overridden: FxHashSet<(ClassId, Sym)>,
    /// Lambdas that functions give back: the function, the lambda, and the library's interface that it is given as.
    pub(crate) given_as: Vec<(FunctionId, FunctionId, PathId)>,
    /// Literals of settings files that code reads, and whether nothing else is set where it reads them.
    pub(crate) settings: FxHashMap<VarId, bool>,
    /// Whether some call of the tree gives requests a deadline, once it has been asked.
    pub(crate) bounds_requests: OnceLock<bool>,
    pub(super) sites_by_name: OnceLock<FxHashMap<String, Vec<SiteId>>>,
    /// The types whose values go along with calls for their deadline.
    pub(crate) carriers: OnceLock<FxHashSet<PathId>>,
}

impl Resolution {
    pub fn values_of(&self, var: VarId) -> impl Iterator<Item = Value> + '_ {
        self.sets.of(var.index() as u32).map(|id| self.values.get(id))
    }

    pub fn calls_at(&self, site: SiteId) -> &[CallEdge] {
        self.calls_by_site.get(&site).map_or(&[], |&(start, end)| &self.calls[start as usize..end as usize])
    }

    pub fn external_at(&self, site: SiteId) -> &[(SiteId, PathId, Value)] {
        self.external_by_site.get(&site).map_or(&[], |&(start, end)| &self.external[start as usize..end as usize])
    }

    /// The calls of the library's function that is so called, in whatever language.
    pub fn calls_of(&self, name: &str) -> &[SiteId] {
        let sites = self.sites_by_name.get_or_init(|| {
            let mut by_path: FxHashMap<PathId, Vec<SiteId>> = FxHashMap::default();
            for (site, path, _) in &self.external {
                by_path.entry(*path).or_default().push(*site);
            }
            let mut sites: FxHashMap<String, Vec<SiteId>> = FxHashMap::default();
            for (path, of_path) in by_path {
                sites.entry(self.paths.text(path).to_owned()).or_default().extend(of_path);
            }
            sites.values_mut().for_each(|sites| sites.sort_unstable());
            sites
        });
        sites.get(name).map_or(&[], Vec::as_slice)
    }

    /// What literals of the class give its field.
    pub fn constructed(&self, class: ClassId, field: Sym) -> &[VarId] {
        self.constructed.get(&(class, field)).map_or(&[], Vec::as_slice)
    }

    /// The arguments that reach parameters of project functions at `site`.
    pub fn passed_at(&self, site: SiteId) -> &[Passed] {
        self.passed_by_site.get(&site).map_or(&[], |&(start, end)| &self.passed[start as usize..end as usize])
    }

    /// The arguments that reach a parameter.
    pub fn passed_to(&self, parameter: VarId) -> impl DoubleEndedIterator<Item = &Passed> + Clone {
        self.passed_by_parameter.of(&self.passed, parameter)
    }

    /// What a field of a class may hold, inherited ones included.
    pub fn field_values(&self, class: ClassId, field: Sym) -> impl Iterator<Item = Value> + '_ {
        self.ancestors[class.index()]
            .iter()
            .filter_map(move |ancestor| self.fields.get(&(*ancestor, field)))
            .flat_map(|&node| self.sets.of(node))
            .map(|id| self.values.get(id))
    }

    /// The variable that a module offers under a name.
    pub fn exported(&self, module: ModuleId, name: Sym) -> Option<VarId> {
        self.exports.get(&(module, name)).copied()
    }

    /// The variable that an imported one, a member of a module, or a parameter that a provider answers, stands for.
    pub fn imported(&self, var: VarId) -> Option<VarId> {
        self.imported.get(&var).copied()
    }

    /// What is given to a field by a function of the project that provides it.
    pub fn provided(&self, class: ClassId, field: Sym) -> Option<VarId> {
        self.provided.get(&(class, field)).copied()
    }

    /// A class with its project bases, nearest first.
    pub fn ancestors(&self, class: ClassId) -> &[ClassId] {
        &self.ancestors[class.index()]
    }

    /// The project classes that derive from a class.
    pub fn derived(&self, class: ClassId) -> &[ClassId] {
        &self.derived[class.index()]
    }

    /// Whether other classes of the project derive from this one.
    pub fn is_derived_from(&self, class: ClassId) -> bool {
        self.bases.contains(&class)
    }

    /// The class that one names as what its base is of: `Order` of `class Orders extends JpaRepository<Order, Long>`.
    pub fn argument_of_base(&self, class: ClassId) -> Option<ClassId> {
        self.base_arguments.get(&class).copied()
    }

    /// Whether a class declares or stores a field of its own.
    pub fn has_field(&self, class: ClassId, field: Sym) -> bool {
        self.own_fields.contains(&(class, field))
    }

    /// Whether classes that derive from a class have a field of this name of their own.
    pub fn is_overridden(&self, class: ClassId, field: Sym) -> bool {
        self.overridden.contains(&(class, field))
    }

    /// The library classes that a project class derives from.
    pub fn library_bases(&self, class: ClassId) -> &[PathId] {
        self.class_lines.get(&class).map_or(&[], Vec::as_slice)
    }

    /// Call sites by language.
    pub fn shares(&self, program: &Program<'_>) -> Vec<(Language, Unresolved)> {
        let mut shares: Vec<(Language, Unresolved)> = Vec::new();
        for call in &program.facts.relations.call {
            let site = program.site(call.site);
            let language = program.language(program.file_of_function(site.function));
            let share = match shares.iter_mut().find(|(known, _)| *known == language) {
                Some((_, share)) => share,
                None => {
                    shares.push((language, Unresolved::default()));
                    match shares.last_mut() {
                        Some((_, share)) => share,
                        None => continue,
                    }
                }
            };
            if !self.calls_at(call.site).is_empty() {
                share.project += 1;
            } else if !self.external_at(call.site).is_empty() {
                share.external += 1;
            } else {
                share.unresolved += 1;
            }
        }
        shares.sort_by_key(|(language, _)| *language);
        shares
    }
}

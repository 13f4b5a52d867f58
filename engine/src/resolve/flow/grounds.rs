//! What a propagation starts from: all that the program says before any value flows, and that no value changes.

use std::rc::Rc;

use distsys_facts::{ClassId, FunctionId, Id, IdKind, ModuleId, Sym, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::annotated_roles::annotated_roles;
use super::given_back::{GivenBack, given_back};
use super::rest::called_out_of;
use super::said::Said;
use super::static_types::StaticTypes;
use super::uses::{Uses, of_variables};
use super::wrappers::wrapped;
use crate::model::ModelSet;
use crate::paths::Paths;
use crate::program::Program;
use crate::resolve::bindings::{Bindings, TypeTarget};
use crate::resolve::members::Hierarchy;
use crate::resolve::values::HandleRole;
use crate::words::role_of_name;

/// Worked out once, and handed from one propagation to the next.
pub(super) struct Grounds<'p, 'f> {
    pub(super) bindings: Bindings<'p, 'f>,
    pub(super) hierarchy: Hierarchy,
    /// The names that are known so far, and what models say of them.
    pub(super) paths: Paths,
    pub(super) said: Said<'p>,
    /// Parameters that the function which their owner returns calls: calling what a wrapper gives calls what it was given.
    pub(super) wrapped: FxHashSet<VarId>,
    /// Parameters that take the rest of the arguments, and of which elements are called.
    pub(super) called_out_of: FxHashSet<VarId>,
    /// The types that annotations name, by the module and the text.
    types: FxHashMap<(ModuleId, Sym), Rc<[TypeTarget]>>,
    /// What functions give back of what they are given.
    pub(super) given_back: FxHashMap<FunctionId, GivenBack>,
    /// Declared types of variables, where overloads are told apart by them.
    pub(super) static_types: StaticTypes,
    /// Role that the name of a variable, or of the function of a returned value, gives to connections under it; by node.
    pub(super) name_roles: Vec<HandleRole>,
    /// Role that an annotation of a field gives to the connection there.
    pub(super) annotated_fields: FxHashMap<(ClassId, Sym), HandleRole>,
    /// What the program does with its variables.
    pub(super) uses: Vec<Uses>,
    /// By the names themselves: few name many.
    pub(super) roles_by_name: FxHashMap<Sym, HandleRole>,
}

impl<'p, 'f> Grounds<'p, 'f> {
    pub(super) fn new(program: &'p Program<'f>, models: &'p ModelSet) -> Self {
        let bindings = Bindings::new(program, models);
        let mut paths = Paths::default();
        let hierarchy = Hierarchy::new(program, &bindings, &mut paths);
        let mut grounds = Grounds {
            bindings,
            hierarchy,
            paths,
            said: Said::default(),
            types: FxHashMap::default(),
            wrapped: wrapped(program),
            called_out_of: called_out_of(program),
            given_back: given_back(program),
            static_types: StaticTypes::new(program),
            name_roles: Vec::new(),
            uses: of_variables(program),
            annotated_fields: FxHashMap::default(),
            roles_by_name: FxHashMap::default(),
        };
        grounds.name_the_nodes(program);
        grounds
    }

    /// The types that an annotation in a module names; most stand there more than once, and are asked for by each propagation.
    pub(super) fn types(&mut self, program: &Program<'_>, module: ModuleId, text: Sym) -> Rc<[TypeTarget]> {
        let known = self.types.entry((module, text));
        Rc::clone(known.or_insert_with(|| self.bindings.types(module, program.text(text), 0).into()))
    }

    fn name_the_nodes(&mut self, program: &Program<'_>) {
        let facts = program.facts;
        let vars = facts.count(IdKind::Var);
        self.name_roles = vec![HandleRole::Unknown; vars + facts.count(IdKind::Function)];
        for row in &facts.relations.variable {
            let of_name = self.roles_by_name.entry(row.name);
            self.name_roles[row.var.index()] = *of_name.or_insert_with(|| role_of_name(facts.text(row.name), false));
        }
        let mut of_functions: FxHashMap<Sym, HandleRole> = FxHashMap::default();
        for row in &facts.relations.function {
            let of_name = of_functions.entry(row.name);
            let role = *of_name.or_insert_with(|| role_of_name(facts.text(row.name), true));
            self.name_roles[vars + row.function.index()] = role;
        }
        let annotated = annotated_roles(program);
        for (parameter, role) in annotated.parameters {
            self.name_roles[parameter.index()] = role;
        }
        self.annotated_fields = annotated.fields;
    }
}

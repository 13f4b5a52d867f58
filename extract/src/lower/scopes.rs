//! Lexical scopes: which variable a name means at this point of the file.

use distsys_facts::schema::{Capture, Export, Global, Import, ImportGlob, Reexport, Variable};
use distsys_facts::{FunctionId, Sym, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Lowering;

/// The names of one lexical scope.
#[derive(Debug, Default)]
pub(super) struct Scope {
    names: FxHashMap<Sym, VarId>,
    function: Option<FunctionId>,
    /// A scope that lookup from inside does not pass (an inline module), or that only its own level sees (a class body).
    opaque: bool,
    class_body: bool,
    captured: FxHashSet<VarId>,
}

impl Lowering<'_> {
    /// Opens a block scope of the current function.
    pub fn push_scope(&mut self) {
        let function = Some(self.function());
        self.scopes.push(Scope { function, ..Scope::default() });
    }

    /// Opens the scope of a class body, whose names are not seen from the functions inside it.
    pub fn push_class_scope(&mut self) {
        let function = Some(self.function());
        self.scopes.push(Scope { function, class_body: true, ..Scope::default() });
    }

    pub(super) fn push_module_scope(&mut self) {
        let function = Some(self.function());
        self.scopes.push(Scope { function, opaque: true, ..Scope::default() });
    }

    pub fn pop_scope(&mut self) {
        self.scopes.pop();
    }

    /// Declares `name` in the innermost scope; a second declaration there shadows the first.
    pub fn declare(&mut self, name: &str) -> VarId {
        let name = self.facts.intern(name);
        let var = self.fresh_var();
        let (function, region) = (self.function(), self.region());
        self.facts.relations.variable.push(Variable { var, function, region, name });
        if let Some(scope) = self.scopes.last_mut() {
            scope.names.insert(name, var);
        }
        var
    }

    /// Whether the innermost scope binds `name`.
    pub fn binds_here(&self, name: &str) -> bool {
        let sym = self.facts.symbols.lookup(name);
        self.scopes.last().zip(sym).is_some_and(|(scope, sym)| scope.names.contains_key(&sym))
    }

    /// The variable `name` of the innermost scope, declared now if it is not there yet (hoisting, Python's assignments).
    pub fn declare_once(&mut self, name: &str) -> VarId {
        let sym = self.facts.intern(name);
        match self.scopes.last().and_then(|scope| scope.names.get(&sym)) {
            Some(&var) => var,
            None => self.declare(name),
        }
    }

    /// Like [`Lowering::declare_once`], in the outermost scope of the current function (`var` hoisting).
    pub fn declare_in_function(&mut self, name: &str) -> VarId {
        let sym = self.facts.intern(name);
        let function = self.function();
        let Some(depth) = self.scopes.iter().position(|scope| scope.function == Some(function)) else {
            return self.declare(name);
        };
        if let Some(&var) = self.scopes[depth].names.get(&sym) {
            return var;
        }
        let var = self.declare(name);
        if let Some(innermost) = self.scopes.last_mut() {
            innermost.names.remove(&sym);
        }
        self.scopes[depth].names.insert(sym, var);
        var
    }

    /// Makes `name` mean `var` in the innermost scope.
    pub fn bind(&mut self, name: &str, var: VarId) {
        let name = self.facts.intern(name);
        if let Some(scope) = self.scopes.last_mut() {
            scope.names.insert(name, var);
        }
    }

    /// The variable that `name` means here, if the file binds it; use from an inner function is recorded as a capture.
    pub fn lookup(&mut self, name: &str) -> Option<VarId> {
        self.lookup_besides(name, |_| false)
    }

    /// Likewise, as if those that are `hidden` were not there: what they shadow.
    pub fn lookup_besides(&mut self, name: &str, hidden: impl Fn(VarId) -> bool) -> Option<VarId> {
        let sym = self.facts.symbols.lookup(name)?;
        let function = self.function();
        let mut found = None;
        let mut innermost = true;
        for scope in self.scopes.iter().rev() {
            // A class body is seen from its own level only, not from the methods inside.
            let visible = !scope.class_body || innermost || scope.function == Some(function);
            if visible
                && let Some(&var) = scope.names.get(&sym)
                && !hidden(var)
            {
                found = Some((var, scope.function));
                break;
            }
            if scope.opaque {
                break;
            }
            innermost = false;
        }
        let (var, owner) = found?;
        if owner != Some(function) && self.capture_is_new(var) {
            self.facts.relations.capture.push(Capture { function, var });
        }
        Some(var)
    }

    /// The variable that `name` means here, or the free name.
    pub fn name(&mut self, name: &str) -> VarId {
        match self.lookup(name) {
            Some(var) => var,
            None => self.global(name),
        }
    }

    /// The free name `path`, one variable a module.
    pub fn global(&mut self, path: &str) -> VarId {
        let path = self.facts.intern(path);
        let module = self.module();
        if let Some(&var) = self.globals.get(&(module, path)) {
            return var;
        }
        let var = self.fresh_var();
        self.globals.insert((module, path), var);
        self.facts.relations.global.push(Global { var, module, path });
        var
    }

    /// Declares `name` as an import (see the module's conventions).
    pub fn import(&mut self, name: &str, target: &str, member: &str) -> VarId {
        let var = self.declare(name);
        self.import_to(var, target, member);
        var
    }

    /// Says that `var`, declared before, is an import.
    pub fn import_to(&mut self, var: VarId, target: &str, member: &str) {
        let (target, member) = (self.facts.intern(target), self.facts.intern(member));
        let module = self.module();
        self.facts.relations.import.push(Import { var, module, target, member });
    }

    pub fn import_glob(&mut self, target: &str) {
        let target = self.facts.intern(target);
        let module = self.module();
        self.facts.relations.import_glob.push(ImportGlob { module, target });
    }

    pub fn export(&mut self, name: &str, var: VarId) {
        let name = self.facts.intern(name);
        let module = self.module();
        self.facts.relations.export.push(Export { module, name, var });
    }

    pub fn reexport(&mut self, name: &str, target: &str, member: &str) {
        let (name, target, member) = (self.facts.intern(name), self.facts.intern(target), self.facts.intern(member));
        let module = self.module();
        self.facts.relations.reexport.push(Reexport { module, name, target, member });
    }

    fn capture_is_new(&mut self, var: VarId) -> bool {
        let function = self.function();
        match self.scopes.iter_mut().find(|scope| scope.function == Some(function)) {
            Some(scope) => scope.captured.insert(var),
            None => true,
        }
    }
}

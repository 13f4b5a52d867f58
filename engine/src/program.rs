//! The facts with the indexes that meaning is derived by.

use distsys_facts::schema::{
    Argument, Assign, Binary, Call, Choice, Class, Function, Load, Parameter, Region, Site, Sql, Store,
};
use distsys_facts::{
    ClassId, FactBase, FileId, FunctionFlags, FunctionId, FunctionKind, Id, IdKind, Language, LiteralKind, ModuleId,
    ParameterKind, RegionId, RegionKind, Role, SiteId, Sym, VarId,
};
use std::sync::OnceLock;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::by_name::ByName;
use crate::csr::Csr;
use crate::packages;

/// A tree's facts, indexed. Ids are dense, so an index is an array.
#[derive(Debug)]
pub struct Program<'f> {
    pub facts: &'f FactBase,
    pub assign_by_dst: Csr,
    pub assign_by_src: Csr,
    pub load_by_dst: Csr,
    pub load_by_base: Csr,
    pub store_by_base: Csr,
    /// Names of fields that something is stored to, in whatever object.
    pub stored_fields: FxHashSet<Sym>,
    pub entry_by_var: Csr,
    pub element_by_var: Csr,
    pub hole_by_var: Csr,
    pub argument_by_site: Csr,
    pub argument_by_var: Csr,
    pub parameter_by_function: Csr,
    pub returns_by_function: Csr,
    pub yields_by_function: Csr,
    pub return_type_by_function: Csr,
    pub further_result_by_function: Csr,
    pub throws_by_var: Csr,
    pub annotation_by_function: Csr,
    pub export_by_module: Csr,
    pub import_by_module: Csr,
    pub import_glob_by_module: Csr,
    pub manifest_by_file: Csr,
    pub annotation_by_class: Csr,
    pub annotated_by_site: Csr,
    pub parameter_annotation_by_function: Csr,
    pub field_annotation_by_class: Csr,
    pub extends_by_class: Csr,
    pub method_by_class: Csr,
    pub field_by_class: Csr,
    pub sites_by_function: Csr,
    pub regions_by_function: Csr,
    pub functions_by_parent: Csr,
    pub sql_by_var: Csr,
    pub suspend_by_var: Csr,
    pub releases_by_var: Csr,
    /// The row of the call that gives a var, by var.
    pub call_by_result: Csr,
    pub calls_by_callee: Csr,
    pub calls_by_receiver: Csr,
    /// Row numbers by id; every id of these kinds has at most one row.
    call_of_site: Csr,
    literal_of_var: Csr,
    template_of_var: Csr,
    global_of_var: Csr,
    closure_of_var: Csr,
    parameter_of_var: Csr,
    variable_of_var: Csr,
    import_of_var: Csr,
    pub binary_by_dst: Csr,
    choice_by_dst: Csr,
    pub manages_by_region: Csr,
    pub catches_by_region: Csr,
    idle_by_region: Csr,
    borne_by_region: Csr,
    pub handles_by_body: Csr,
    pub iterates_by_region: Csr,
    pub condition_by_region: Csr,
    /// The method of a class by name.
    pub methods: FxHashMap<(ClassId, Sym), FunctionId>,
    /// The top-level function of each file.
    pub module_functions: FxHashMap<ModuleId, FunctionId>,
    file_of_module: Vec<FileId>,
    /// Folders (with `/` at the end) of packages that run in a browser.
    browser_packages: Vec<&'f str>,
    server_packages: Vec<&'f str>,
    /// Those that draw pages, beside a server of theirs or not, and build none of them on it.
    page_packages: Vec<&'f str>,
    tool_packages: Vec<&'f str>,
    browser_modules: OnceLock<FxHashSet<ModuleId>>,
    /// Source files that are there for tests.
    test_support: FxHashSet<FileId>,
    terminal_packages: Vec<&'f str>,
    scripts: OnceLock<FxHashSet<ModuleId>>,
    binary_by_function: OnceLock<Csr>,
    texts_by_name: OnceLock<FxHashMap<Sym, Vec<Sym>>>,
    sql_by_text: OnceLock<FxHashMap<Sym, VarId>>,
    pub(crate) by_name: ByName,
}

impl<'f> Program<'f> {
    pub fn new(facts: &'f FactBase) -> Self {
        let r = &facts.relations;
        let (vars, sites, functions, classes, regions) = (
            facts.count(IdKind::Var),
            facts.count(IdKind::Site),
            facts.count(IdKind::Function),
            facts.count(IdKind::Class),
            facts.count(IdKind::Region),
        );
        let mut methods = FxHashMap::default();
        for row in &r.method {
            methods.entry((row.class, row.name)).or_insert(row.function);
        }
        let module_functions = r
            .function
            .iter()
            .filter(|row| row.kind == FunctionKind::Module)
            .map(|row| (row.module, row.function))
            .collect();
        Program {
            assign_by_dst: Csr::by(vars, &r.assign, |row| Some(row.dst)),
            assign_by_src: Csr::by(vars, &r.assign, |row| Some(row.src)),
            load_by_dst: Csr::by(vars, &r.load, |row| Some(row.dst)),
            load_by_base: Csr::by(vars, &r.load, |row| Some(row.base)),
            stored_fields: r.store.iter().map(|row| row.field).collect(),
            store_by_base: Csr::by(vars, &r.store, |row| Some(row.base)),
            entry_by_var: Csr::by(vars, &r.entry, |row| Some(row.var)),
            element_by_var: Csr::by(vars, &r.element, |row| Some(row.var)),
            hole_by_var: Csr::by(vars, &r.hole, |row| Some(row.var)),
            argument_by_site: Csr::by(sites, &r.argument, |row| Some(row.site)),
            argument_by_var: Csr::by(vars, &r.argument, |row| Some(row.var)),
            parameter_by_function: Csr::by(functions, &r.parameter, |row| Some(row.function)),
            returns_by_function: Csr::by(functions, &r.returns, |row| Some(row.function)),
            yields_by_function: Csr::by(functions, &r.yields, |row| Some(row.function)),
            further_result_by_function: Csr::by(functions, &r.further_result, |row| Some(row.function)),
            return_type_by_function: Csr::by(functions, &r.return_type, |row| Some(row.function)),
            throws_by_var: Csr::by(vars, &r.throws, |row| row.var),
            export_by_module: Csr::by(facts.count(IdKind::Module), &r.export, |row| Some(row.module)),
            import_by_module: Csr::by(facts.count(IdKind::Module), &r.import, |row| Some(row.module)),
            import_glob_by_module: Csr::by(facts.count(IdKind::Module), &r.import_glob, |row| Some(row.module)),
            manifest_by_file: Csr::by(facts.count(IdKind::File), &r.manifest, |row| Some(row.file)),
            annotation_by_function: Csr::by(functions, &r.function_annotation, |row| Some(row.function)),
            parameter_annotation_by_function: Csr::by(functions, &r.parameter_annotation, |row| Some(row.function)),
            annotated_by_site: Csr::by(sites, &r.function_annotation, |row| Some(row.site)),
            annotation_by_class: Csr::by(classes, &r.class_annotation, |row| Some(row.class)),
            field_annotation_by_class: Csr::by(classes, &r.field_annotation, |row| Some(row.class)),
            extends_by_class: Csr::by(classes, &r.extends, |row| Some(row.class)),
            method_by_class: Csr::by(classes, &r.method, |row| Some(row.class)),
            field_by_class: Csr::by(classes, &r.field, |row| Some(row.class)),
            sites_by_function: Csr::by(functions, &r.site, |row| Some(row.function)),
            regions_by_function: Csr::by(functions, &r.region, |row| Some(row.function)),
            functions_by_parent: Csr::by(functions, &r.function, |row| row.parent),
            suspend_by_var: Csr::by(vars, &r.suspend, |row| row.var),
            releases_by_var: Csr::by(vars, &r.releases, |row| Some(row.var)),
            sql_by_var: Csr::by(vars, &r.sql, |row| Some(row.var)),
            call_by_result: Csr::by(vars, &r.call, |row| Some(row.result)),
            calls_by_callee: Csr::by(vars, &r.call, |row| row.callee),
            calls_by_receiver: Csr::by(vars, &r.call, |row| row.receiver),
            call_of_site: Csr::by(sites, &r.call, |row| Some(row.site)),
            literal_of_var: Csr::by(vars, &r.literal, |row| Some(row.var)),
            template_of_var: Csr::by(vars, &r.template, |row| Some(row.var)),
            global_of_var: Csr::by(vars, &r.global, |row| Some(row.var)),
            closure_of_var: Csr::by(vars, &r.closure, |row| Some(row.var)),
            parameter_of_var: Csr::by(vars, &r.parameter, |row| Some(row.var)),
            variable_of_var: Csr::by(vars, &r.variable, |row| Some(row.var)),
            import_of_var: Csr::by(vars, &r.import, |row| Some(row.var)),
            binary_by_dst: Csr::by(vars, &r.binary, |row| Some(row.dst)),
            choice_by_dst: Csr::by(vars, &r.choice, |row| Some(row.dst)),
            manages_by_region: Csr::by(regions, &r.manages, |row| Some(row.region)),
            catches_by_region: Csr::by(regions, &r.catches, |row| Some(row.region)),
            idle_by_region: Csr::by(regions, &r.idle, |row| Some(row.region)),
            borne_by_region: Csr::by(regions, &r.borne, |row| Some(row.region)),
            handles_by_body: Csr::by(regions, &r.handles, |row| Some(row.body)),
            iterates_by_region: Csr::by(regions, &r.iterates, |row| Some(row.region)),
            condition_by_region: Csr::by(regions, &r.condition, |row| Some(row.region)),
            methods,
            module_functions,
            file_of_module: r.module.iter().map(|row| row.file).collect(),
            browser_packages: packages::by_place(facts, true),
            server_packages: packages::by_place(facts, false),
            page_packages: packages::of_pages(facts),
            tool_packages: packages::tools(facts),
            browser_modules: OnceLock::new(),
            test_support: crate::test_support::files(facts),
            terminal_packages: packages::drawn_in_terminal(facts),
            scripts: OnceLock::new(),
            binary_by_function: OnceLock::new(),
            texts_by_name: OnceLock::new(),
            sql_by_text: OnceLock::new(),
            by_name: ByName::default(),
            facts,
        }
    }

    pub fn text(&self, sym: Sym) -> &'f str {
        self.facts.text(sym)
    }

    // Rows by id: relations whose ids are made with their row are in id order.

    pub fn function(&self, id: FunctionId) -> &'f Function {
        &self.facts.relations.function[id.index()]
    }

    pub fn class(&self, id: ClassId) -> &'f Class {
        &self.facts.relations.class[id.index()]
    }

    pub fn site(&self, id: SiteId) -> &'f Site {
        &self.facts.relations.site[id.index()]
    }

    pub fn region(&self, id: RegionId) -> &'f Region {
        &self.facts.relations.region[id.index()]
    }

    pub fn call(&self, site: SiteId) -> Option<&'f Call> {
        self.call_of_site.first(&self.facts.relations.call, site)
    }

    pub fn call_giving(&self, var: VarId) -> Option<&'f Call> {
        self.call_by_result.first(&self.facts.relations.call, var)
    }

    /// Whether a value is what a parameter gives when it is called: `let future = work();` of `work: impl FnOnce() -> F`.
    pub fn is_given_by_parameter(&self, var: VarId) -> bool {
        let mut at = var;
        for _ in 0..6 {
            if let Some(call) = self.call_giving(at) {
                match call.callee {
                    Some(callee) => at = callee,
                    None => return false,
                }
            }
            if self.parameter(at).is_some() {
                return at != var;
            }
            match self.assigned_from(at).next() {
                Some(row) => at = row.src,
                None => return false,
            }
        }
        false
    }

    /// The matched value and the variant that a condition asks for: `Err` of `if let Err(e) = work()`, of `work().is_err()`.
    pub fn asked_variant(&self, condition: VarId) -> impl Iterator<Item = (VarId, &'f str)> {
        let asked = self.binary_by_dst.of(&self.facts.relations.binary, condition);
        let matched = asked.filter(|row| self.text(row.operator) == "is").filter_map(|row| {
            let variant = self.literal(row.right?)?;
            Some((row.left, self.text(variant.value)))
        });
        let called = self.call_giving(condition).and_then(|call| {
            let variant = match self.text(call.name) {
                "is_ok" => "Ok",
                "is_err" => "Err",
                _ => return None,
            };
            Some((call.receiver?, variant))
        });
        matched.chain(called)
    }

    pub fn literal(&self, var: VarId) -> Option<&'f distsys_facts::schema::Literal> {
        self.literal_of_var.first(&self.facts.relations.literal, var)
    }

    pub fn template(&self, var: VarId) -> Option<Sym> {
        self.template_of_var.first(&self.facts.relations.template, var).map(|row| row.text)
    }

    pub fn global(&self, var: VarId) -> Option<Sym> {
        self.global_of_var.first(&self.facts.relations.global, var).map(|row| row.path)
    }

    pub fn closure(&self, var: VarId) -> Option<FunctionId> {
        self.closure_of_var.first(&self.facts.relations.closure, var).map(|row| row.function)
    }

    pub fn parameter(&self, var: VarId) -> Option<&'f Parameter> {
        self.parameter_of_var.first(&self.facts.relations.parameter, var)
    }

    /// What a module imports under a name.
    pub fn imported_as(&self, module: ModuleId, name: &str) -> impl Iterator<Item = &distsys_facts::schema::Import> {
        let rows = self.import_by_module.of(&self.facts.relations.import, module);
        rows.filter(move |row| self.variable(row.var).is_some_and(|var| self.text(var.name) == name))
    }

    pub fn import(&self, var: VarId) -> Option<&'f distsys_facts::schema::Import> {
        self.import_of_var.first(&self.facts.relations.import, var)
    }

    pub fn variable(&self, var: VarId) -> Option<&'f distsys_facts::schema::Variable> {
        self.variable_of_var.first(&self.facts.relations.variable, var)
    }

    pub fn arguments(&self, site: SiteId) -> impl DoubleEndedIterator<Item = &Argument> + Clone {
        self.argument_by_site.of(&self.facts.relations.argument, site)
    }

    /// What calling a function gives: what it returns, or yields to who enters it as a manager (`with relay() as server`).
    pub fn given_by(&self, function: FunctionId) -> impl Iterator<Item = VarId> + '_ {
        let r = &self.facts.relations;
        let returned = self.returns_by_function.of(&r.returns, function).filter_map(|row| row.var);
        returned.chain(self.yields_by_function.of(&r.yields, function).filter_map(|row| row.var))
    }

    pub fn parameters(&self, function: FunctionId) -> impl DoubleEndedIterator<Item = &Parameter> + Clone {
        self.parameter_by_function.of(&self.facts.relations.parameter, function)
    }

    /// Whether the annotation `site` calls `function` for it to make the decorator (`@retrying(times=3)`, `@retrying()`); the
    /// other way is that `function` is the decorator (`@retrying`).
    pub fn makes_decorator(&self, site: SiteId, function: FunctionId) -> bool {
        let is_optional = |row: &Parameter| {
            row.default.is_some() || matches!(row.kind, ParameterKind::Rest | ParameterKind::KeywordRest)
        };
        self.arguments(site).next().is_some() || self.parameters(function).all(is_optional)
    }

    pub fn sites(&self, function: FunctionId) -> impl DoubleEndedIterator<Item = &Site> + Clone {
        self.sites_by_function.of(&self.facts.relations.site, function)
    }

    /// The operators that a function applies.
    pub fn binaries(&self, function: FunctionId) -> impl Iterator<Item = &Binary> {
        let rows = &self.facts.relations.binary;
        let by_function = self.binary_by_function.get_or_init(|| {
            Csr::by(self.facts.count(IdKind::Function), rows, |row| Some(self.site(row.site).function))
        });
        by_function.of(rows, function)
    }

    /// The statements of an SQL text, wherever it stands.
    pub fn sql_of_text(&self, text: Sym) -> impl Iterator<Item = &Sql> {
        let r = &self.facts.relations;
        let by_text = self.sql_by_text.get_or_init(|| {
            let mut by_text = FxHashMap::default();
            for row in &r.sql {
                let literal = self.literal(row.var).map(|literal| literal.value);
                for text in literal.into_iter().chain(self.template(row.var)) {
                    by_text.entry(text).or_insert(row.var);
                }
            }
            by_text
        });
        by_text.get(&text).into_iter().flat_map(|var| self.sql_by_var.of(&r.sql, *var))
    }

    /// The texts that modules and classes give to what they call by a name.
    pub fn texts_called(&self, name: Sym) -> &[Sym] {
        let r = &self.facts.relations;
        let texts = self.texts_by_name.get_or_init(|| {
            let at_top = |var: VarId| {
                self.variable(var)
                    .filter(|row| self.function(row.function).kind == FunctionKind::Module)
                    .map(|row| row.name)
            };
            let of_modules = r.assign.iter().filter_map(|row| Some((at_top(row.dst)?, row.src)));
            let of_classes = r.field.iter().filter_map(|row| Some((row.name, row.value?)));
            let mut texts: FxHashMap<Sym, Vec<Sym>> = FxHashMap::default();
            for (name, var) in of_modules.chain(of_classes) {
                if let Some(literal) = self.literal(var).filter(|row| row.kind == LiteralKind::String) {
                    texts.entry(name).or_default().push(literal.value);
                }
            }
            texts
        });
        texts.get(&name).map_or(&[], Vec::as_slice)
    }

    pub fn assigned_from(&self, dst: VarId) -> impl DoubleEndedIterator<Item = &Assign> + Clone {
        self.assign_by_dst.of(&self.facts.relations.assign, dst)
    }

    /// What a variable is a copy of, if that is one value throughout.
    pub fn only_source(&self, dst: VarId) -> Option<VarId> {
        let mut sources = self.assigned_from(dst);
        let only = sources.next()?;
        sources.next().is_none().then_some(only.src)
    }

    /// What `var` is a copy of, back to where it is loaded from a field or is no copy any more.
    pub fn held_at(&self, var: VarId) -> VarId {
        const MAX_COPIES: usize = 16;
        let mut at = var;
        for _ in 0..MAX_COPIES {
            match self.assigned_from(at).next() {
                Some(row) if self.loaded_as(at).is_none() => at = row.src,
                _ => break,
            }
        }
        at
    }

    /// The conditional that a value is.
    pub fn chosen(&self, dst: VarId) -> Option<&'f Choice> {
        self.choice_by_dst.first(&self.facts.relations.choice, dst)
    }

    pub fn loaded_as(&self, dst: VarId) -> Option<&'f Load> {
        self.load_by_dst.first(&self.facts.relations.load, dst)
    }

    /// The name of what is called, as written: the last part of it.
    pub fn written_name(&self, call: &Call) -> &'f str {
        if !call.name.is_empty() {
            return self.text(call.name);
        }
        let callee = call.callee.map(|callee| {
            let loaded = self.loaded_as(callee).map(|load| self.text(load.field));
            let global = || self.global(callee).map(|path| self.text(path));
            let variable = || self.variable(callee).map(|row| self.text(row.name));
            loaded.or_else(global).or_else(variable).unwrap_or_default()
        });
        callee.unwrap_or_default()
    }

    pub fn stores_to(&self, base: VarId) -> impl DoubleEndedIterator<Item = &Store> + Clone {
        self.store_by_base.of(&self.facts.relations.store, base)
    }

    /// Whether a statement has a clause, or is marked with one.
    pub fn has_clause(&self, statement: &Sql, clause: &str) -> bool {
        self.text(statement.clauses).split(',').any(|known| known == clause)
    }

    pub fn file_of_module(&self, module: ModuleId) -> FileId {
        self.file_of_module[module.index()]
    }

    pub fn file_of_function(&self, function: FunctionId) -> FileId {
        self.file_of_module(self.function(function).module)
    }

    /// The files that are manifests.
    pub fn manifests(&self) -> impl Iterator<Item = FileId> {
        let rows = self.facts.relations.file.iter();
        rows.filter(|row| row.language == Language::Manifest).map(|row| row.file)
    }

    pub fn language(&self, file: FileId) -> Language {
        self.facts.relations.file[file.index()].language
    }

    pub fn path(&self, file: FileId) -> &'f str {
        self.text(self.facts.relations.file[file.index()].path)
    }

    /// Whether a handler or arm does nothing and says not why.
    pub fn is_idle(&self, region: RegionId) -> bool {
        self.idle_by_region.first(&self.facts.relations.idle, region).is_some()
    }

    /// Whether a handler or arm says that what fails there is borne.
    pub fn is_borne(&self, region: RegionId) -> bool {
        self.borne_by_region.first(&self.facts.relations.borne, region).is_some()
    }

    /// The class that a function, or the one that it is written in, is a method of.
    pub fn class_around(&self, function: FunctionId) -> Option<ClassId> {
        let mut at = Some(function);
        while let Some(function) = at {
            let row = self.function(function);
            if row.class.is_some() {
                return row.class;
            }
            at = row.parent;
        }
        None
    }

    /// Whether a region is `inner` or lies inside of it.
    pub fn region_within(&self, mut region: RegionId, outer: RegionId) -> bool {
        loop {
            if region == outer {
                return true;
            }
            match self.region(region).parent {
                Some(parent) => region = parent,
                None => return false,
            }
        }
    }

    /// The regions from `region` outwards, to the body of the function.
    pub fn regions_outward(&self, region: RegionId) -> impl Iterator<Item = &'f Region> {
        let mut next = Some(region);
        std::iter::from_fn(move || {
            let row = self.region(next?);
            next = row.parent;
            Some(row)
        })
    }

    /// Whether a function runs in a browser, where waiting costs one user and not a service: by its package's
    /// dependencies, or because it holds markup.
    pub fn runs_in_browser(&self, function: FunctionId) -> bool {
        let file = self.file_of_function(function);
        if !matches!(self.language(file), Language::TypeScript | Language::JavaScript) {
            return false;
        }
        let path = self.path(file);
        let depth = |folders: &[&str]| {
            folders.iter().filter(|folder| path.starts_with(**folder)).map(|folder| folder.len() + 1).max()
        };
        path.ends_with("sx")
            || depth(&self.browser_packages) > depth(&self.server_packages)
            || self.browser_modules().contains(&self.function(function).module)
    }

    /// Whether a function is in a package that draws pages, which are not built on a server.
    pub fn is_beside_pages(&self, function: FunctionId) -> bool {
        let path = self.path(self.file_of_function(function));
        self.page_packages.iter().any(|folder| path.starts_with(folder))
    }

    fn browser_modules(&self) -> &FxHashSet<ModuleId> {
        self.browser_modules.get_or_init(|| crate::browsers::modules(self))
    }

    /// Whether a module is one that a person runs and that comes to an end: it says so itself (`if __name__ == "__main__"`,
    /// `main()` at its top), nothing imports it, no manifest starts it, and it does not go round for ever.
    fn is_script(&self, function: FunctionId) -> bool {
        let scripts = self.scripts.get_or_init(|| {
            let r = &self.facts.relations;
            let asks_name = |var: VarId| self.global(var).is_some_and(|path| self.text(path) == "__name__");
            let mut scripts: FxHashSet<ModuleId> = r
                .binary
                .iter()
                .filter(|row| asks_name(row.left) && row.right.is_some_and(|right| self.is_text(right, "__main__")))
                .map(|row| self.function(self.site(row.site).function).module)
                .collect();
            scripts.extend(crate::scripts::that_run_main(self));
            let last = |path: &str| path.rsplit(['.', '/']).next().unwrap_or_default().to_owned();
            let imports = r.import.iter().filter(|_| !scripts.is_empty());
            let imported: FxHashSet<String> =
                imports.flat_map(|row| [last(self.text(row.target)), self.text(row.member).to_owned()]).collect();
            scripts.retain(|module| {
                let path = self.path(self.file_of_module(*module));
                let name = path.rsplit('/').next().and_then(|name| name.split('.').next()).unwrap_or_default();
                !imported.contains(name)
            });
            for row in r.condition.iter().filter(|row| self.is_text(row.var, "true")) {
                let region = self.region(row.region);
                if region.kind == RegionKind::Loop {
                    scripts.remove(&self.function(region.function).module);
                }
            }
            scripts
        });
        scripts.contains(&self.function(function).module)
    }

    fn is_text(&self, var: VarId, text: &str) -> bool {
        self.literal(var).is_some_and(|row| self.text(row.value).eq_ignore_ascii_case(text))
    }

    /// Whether a function belongs to a tool that one person runs and stops: by its package's `bin`, by what its package draws
    /// with, or by its folder.
    pub fn runs_for_one_user(&self, function: FunctionId) -> bool {
        let file = self.file_of_function(function);
        let path = self.path(file);
        let commands =
            self.language(file) == Language::Python && path.split('/').rev().skip(1).any(|part| part == "bin");
        let in_tool = path.split('/').any(|part| crate::words::words(part).iter().any(|word| word == "cli"));
        in_tool
            || commands
            || packages::is_of_tools(path)
            || self.is_script(function)
            || self.tool_packages.iter().any(|folder| path.starts_with(folder))
            || self.runs_in_browser(function)
    }

    /// Whether a function belongs to a package that draws in a terminal: one person at a keyboard drives it.
    pub fn draws_in_terminal(&self, function: FunctionId) -> bool {
        let path = self.path(self.file_of_function(function));
        self.terminal_packages.iter().any(|folder| path.starts_with(folder))
    }

    /// Test, example and generated code, by path or construct; rules stay out of it.
    pub fn is_out_of_scope(&self, function: FunctionId) -> bool {
        let file = self.file_of_function(function);
        !matches!(self.facts.relations.file[file.index()].role, Role::Source | Role::Migration)
            || self.test_support.contains(&file)
            || self.is_test(function)
    }

    /// Whether a function tries out or shows what the service's code does: a test, an example. What it gives to that code
    /// says nothing of what the service gives it.
    pub fn tries_out(&self, function: FunctionId) -> bool {
        self.is_out_of_scope(function) && !self.is_generated(function)
    }

    /// Whether a function is the service's, and its caller only tries it out.
    pub fn is_tried_by(&self, caller: FunctionId, function: FunctionId) -> bool {
        self.tries_out(caller) && !self.tries_out(function)
    }

    /// Whether a tool wrote the file of a function.
    pub fn is_generated(&self, function: FunctionId) -> bool {
        let file = self.file_of_function(function);
        self.facts.relations.file[file.index()].role == Role::Generated
    }

    fn is_test(&self, function: FunctionId) -> bool {
        let mut next = Some(function);
        while let Some(id) = next {
            let row = self.function(id);
            if row.flags.has(FunctionFlags::TEST) {
                return true;
            }
            next = row.parent;
        }
        false
    }
}

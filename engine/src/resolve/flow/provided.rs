//! Values that one function of the project provides to whoever asks for their type: `@Bean RestTemplate rest()`, and a
//! constructor that takes a `RestTemplate`. Which annotations say so is said by models.

use distsys_facts::{ClassId, FunctionId, ModuleId, SiteId, Sym, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{EdgeKind, Flow};
use crate::model::{Family, Provides};
use crate::paths::PathId;
use crate::resolve::bindings::TypeTarget;

/// A function that provides a value.
struct Provider<'f> {
    function: FunctionId,
    names: Vec<&'f str>,
    /// It is the one where nothing else is said.
    first: bool,
}

type Providers<'f> = FxHashMap<(Family, PathId), Vec<Provider<'f>>>;

/// Who asked and was answered, with what the provider returns.
#[derive(Debug, Default)]
pub(in crate::resolve) struct Provided {
    pub parameters: FxHashMap<VarId, VarId>,
    pub fields: FxHashMap<(ClassId, Sym), VarId>,
}

impl<'p, 'f> Flow<'p, 'f> {
    /// Lets what providers return flow to those who ask for its type.
    pub(super) fn by_providers(&mut self) {
        let providers = self.providers();
        if providers.is_empty() {
            return;
        }
        self.answer_parameters(&providers);
        self.answer_fields(&providers);
    }

    /// To constructors, and to other providers.
    fn answer_parameters(&mut self, providers: &Providers<'f>) {
        let program = self.program;
        let r = &program.facts.relations;
        let mut annotated: FxHashMap<(FunctionId, u32), Vec<SiteId>> = FxHashMap::default();
        for row in &r.parameter_annotation {
            annotated.entry((row.function, row.index)).or_default().push(row.site);
        }
        let providing: FxHashSet<FunctionId> = providers.values().flatten().map(|provider| provider.function).collect();
        for row in r.parameter.iter().filter(|row| !row.type_.is_empty()) {
            let function = program.function(row.function);
            let constructs =
                function.class.is_some() && matches!(program.text(function.name), "__init__" | "constructor");
            if !constructs && !providing.contains(&row.function) {
                continue;
            }
            let Some(key) = self.provided_type(function.module, row.type_) else { continue };
            let sites = annotated.get(&(row.function, row.index)).map_or(&[][..], Vec::as_slice);
            let asked = self.asked_by(key.0, sites).unwrap_or(program.text(row.name));
            let Some(provider) = choose(providers.get(&key), asked).filter(|known| *known != row.function) else {
                continue;
            };
            self.edge(self.return_node(provider), Self::node(row.var), EdgeKind::All);
            if let Some(returned) = self.returned(provider) {
                self.provided.parameters.insert(row.var, returned);
            }
        }
    }

    /// To fields that are filled without a constructor that is seen.
    fn answer_fields(&mut self, providers: &Providers<'f>) {
        let program = self.program;
        let r = &program.facts.relations;
        let mut annotated: FxHashMap<(ClassId, Sym), Vec<SiteId>> = FxHashMap::default();
        for row in &r.field_annotation {
            annotated.entry((row.class, row.name)).or_default().push(row.site);
        }
        let filled = r.class_annotation.iter().filter(|row| self.is_filled(row.site)).map(|row| row.class);
        let filled: FxHashSet<ClassId> = filled.collect();
        for row in r.field.iter().filter(|row| row.value.is_none() && !row.type_.is_empty()) {
            let sites = annotated.get(&(row.class, row.name)).map_or(&[][..], Vec::as_slice);
            if !filled.contains(&row.class) && !sites.iter().any(|site| self.is_filled(*site)) {
                continue;
            }
            let Some(key) = self.provided_type(program.class(row.class).module, row.type_) else { continue };
            let asked = self.asked_by(key.0, sites).unwrap_or(program.text(row.name));
            let Some(provider) = choose(providers.get(&key), asked) else { continue };
            let field = self.class_field(row.class, row.name);
            self.edge(self.return_node(provider), field, EdgeKind::All);
            if let Some(returned) = self.returned(provider) {
                self.provided.fields.insert((row.class, row.name), returned);
            }
        }
    }

    fn providers(&mut self) -> Providers<'f> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut annotated: FxHashMap<FunctionId, Vec<SiteId>> = FxHashMap::default();
        for row in &r.function_annotation {
            annotated.entry(row.function).or_default().push(row.site);
        }
        let mut functions: Vec<FunctionId> = annotated.keys().copied().collect();
        functions.sort_unstable();
        let mut providers: Providers<'f> = FxHashMap::default();
        for function in functions {
            let sites = &annotated[&function];
            let found = sites.iter().find_map(|site| Some((*site, self.provides(*site)?)));
            let Some((site, provides)) = found else { continue };
            let row = program.function(function);
            let Some(type_) = program.return_type_by_function.first(&r.return_type, function) else { continue };
            let Some(key) = self.provided_type(row.module, type_.type_) else { continue };
            let named = program.arguments(site).filter(|argument| {
                let keyword = program.text(argument.keyword);
                provides
                    .name
                    .iter()
                    .any(|name| name == keyword || (keyword.is_empty() && name.parse() == Ok(argument.position)))
            });
            let mut names: Vec<&str> = named
                .flat_map(|argument| {
                    let elements = program.element_by_var.of(&r.element, argument.var).map(|row| row.value);
                    elements.chain([argument.var])
                })
                .filter_map(|var| program.literal(var).map(|row| program.text(row.value)))
                .collect();
            if names.is_empty() {
                names.push(program.text(row.name));
            }
            let first = sites.iter().any(|site| self.written(*site).is_some_and(|name| name == provides.first));
            providers.entry(key).or_default().push(Provider { function, names, first });
        }
        providers
    }

    /// The library's type that stands for `text`, in its one spelling.
    fn provided_type(&mut self, module: ModuleId, text: Sym) -> Option<(Family, PathId)> {
        let family = self.program.language(self.program.file_of_module(module)).into();
        let targets = self.grounds.bindings.types(module, self.program.text(text), 0);
        let path = targets.into_iter().find_map(|target| match target {
            TypeTarget::External(path, _) => Some(path),
            _ => None,
        })?;
        let path = self.models.canonical(family, &path).into_owned();
        Some((family, self.paths.intern(family, &path)))
    }

    fn provides(&self, annotation: SiteId) -> Option<&'p Provides> {
        self.models.provides(self.family_at(annotation), |known| {
            self.written(annotation).is_some_and(|name| name == known.annotation)
        })
    }

    /// Whether an annotation says that its field, or the fields of its class, are filled from outside.
    fn is_filled(&self, annotation: SiteId) -> bool {
        let Some(written) = self.written(annotation) else { return false };
        let names = |known: &Provides| known.fills.iter().any(|name| name == written);
        self.models.provides(self.family_at(annotation), names).is_some()
    }

    /// The name by which the annotations of who asks tell one provided value from others.
    fn asked_by(&self, family: Family, sites: &[SiteId]) -> Option<&'f str> {
        let program = self.program;
        sites.iter().find_map(|site| {
            let written = self.written(*site)?;
            self.models.provides(family, |known| known.asked.iter().any(|name| name == written))?;
            let first = program.arguments(*site).next()?;
            program.literal(first.var).map(|row| program.text(row.value))
        })
    }

    fn written(&self, annotation: SiteId) -> Option<&'f str> {
        self.program.call(annotation).map(|call| self.program.written_name(call))
    }

    fn family_at(&self, site: SiteId) -> Family {
        let program = self.program;
        program.language(program.file_of_function(program.site(site).function)).into()
    }

    /// What a function returns, if it does so in one place.
    fn returned(&self, function: FunctionId) -> Option<VarId> {
        let program = self.program;
        let mut returns = program.returns_by_function.of(&program.facts.relations.returns, function);
        match (returns.next(), returns.next()) {
            (Some(only), None) => only.var,
            _ => None,
        }
    }
}

/// The one provider, the one of that name, or the first among several.
fn choose(providers: Option<&Vec<Provider<'_>>>, asked: &str) -> Option<FunctionId> {
    let providers = providers?;
    let one = |chosen: Vec<&Provider<'_>>| match chosen[..] {
        [only] => Some(only.function),
        _ => None,
    };
    one(providers.iter().collect())
        .or_else(|| one(providers.iter().filter(|provider| provider.names.contains(&asked)).collect()))
        .or_else(|| one(providers.iter().filter(|provider| provider.first).collect()))
}

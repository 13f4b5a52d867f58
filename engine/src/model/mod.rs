//! Library models: what calls to libraries do, declared in TOML (docs/models.md), looked up by qualified name.

mod format;
pub mod pattern;
pub mod source;

use std::borrow::Cow;

use distsys_facts::Language;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::operation::{Attr, OpKind};
use pattern::Pattern;
use source::{Condition, Source};

/// Languages that share their libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    Go,
    Python,
    Rust,
    Script,
    Java,
}

impl Family {
    pub const ALL: [Family; 5] = [Family::Go, Family::Java, Family::Python, Family::Rust, Family::Script];

    /// By the name of its folder of models.
    pub fn from_name(name: &str) -> Option<Family> {
        match name {
            "go" => Some(Family::Go),
            "python" => Some(Family::Python),
            "rust" => Some(Family::Rust),
            "typescript" | "javascript" => Some(Family::Script),
            "java" => Some(Family::Java),
            _ => None,
        }
    }

    /// Whether calls tell by their value whether they failed.
    pub fn gives_outcomes(self) -> bool {
        matches!(self, Family::Go | Family::Rust)
    }

    /// Whether a construction names every field that it sets.
    pub fn names_fields(self) -> bool {
        self == Family::Go
    }

    /// Whether a call that takes time gives something to wait for, and does nothing before.
    pub fn gives_futures(self) -> bool {
        matches!(self, Family::Python | Family::Rust)
    }

    /// Whether a type has an interface by its methods alone, without saying so.
    pub fn has_structural_interfaces(self) -> bool {
        self == Family::Go
    }

    /// Whether what a library does outside the process is under way when its call returns, and told by a promise.
    pub fn gives_promises(self) -> bool {
        self == Family::Script
    }
}

impl From<Language> for Family {
    fn from(language: Language) -> Self {
        match language {
            Language::Go => Family::Go,
            Language::Python => Family::Python,
            Language::Rust => Family::Rust,
            Language::Java => Family::Java,
            Language::TypeScript | Language::JavaScript | Language::Sql | Language::Manifest => Family::Script,
        }
    }
}

/// What a call gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Returned {
    /// The type that the method belongs to.
    SelfType,
    /// The receiver's own value.
    Receiver,
    /// The value of an argument.
    Argument(usize),
    /// What calling an argument gives.
    CallOf(usize),
    /// The member of an argument that another one names.
    MemberOf(usize, usize),
    /// What an argument holds, each with its name.
    Pairs(usize),
    /// An instance of the project class that the receiver is of (`Optional<Order>`).
    OfClass,
    /// Itself, of the project class that an argument is or is of (`session.scalars(select(Order))`).
    Of(usize),
    /// An instance of that class (`session.get(Order, id)`).
    InstanceOf(usize),
    /// Likewise, and it works on the receiver (`jdbi.onDemand(Orders.class)`).
    InstanceOn(usize),
    /// An instance of the class that the receiver's class names, in a field, in one of a class within it (`Meta.model`), or by
    /// what a method of its own gives.
    Named(Vec<String>),
    /// What the receiver's class holds there itself.
    Held(Vec<String>),
    /// A qualified type, `{0}` filled with the text of argument 0.
    Type(String),
}

/// What a framework gives to methods that it calls.
#[derive(Clone, Debug, Default)]
pub struct Handed {
    /// Types of the library that a class with such methods derives from.
    pub of: Vec<Pattern>,
    pub methods: Vec<String>,
    /// The parameter, the receiver not counted.
    pub parameter: usize,
    /// Where the class names what it is an instance of, as in [`Returned::Named`].
    pub named: Vec<String>,
}

/// Over what an operation extends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeKind {
    With,
    Decorator,
    Callback(Slot),
    /// While the value lives.
    Guard,
    /// Until the operation of the closing kind.
    Open,
    /// Calls on the client that this configures.
    Client,
    /// Calls that get what this gives as an argument (a context with a deadline).
    Passed,
    /// The calls before in the same chain: `client.post(…).retrieve().timeout(…)`.
    Chain,
    /// The call itself, and nothing else.
    Call,
    /// The whole function that the call stands in (`raise self.retry()`).
    Function,
}

/// Which argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slot {
    Position(usize),
    Named(String),
}

/// The function that an operation runs, later or elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callback {
    At(Vec<Source>),
    Decorated,
    /// Those methods of a class that `handlers` names.
    Methods(Vec<Source>),
    /// Likewise, of the class that carries the decorator.
    MethodsDecorated,
    /// The functions that an annotation of this qualified name, theirs or their parameter's, has listen for objects of the
    /// class that argument 0 is of.
    Listeners(String),
    /// Those that operations of kind `listen` have hear of this, and of nobody else's where it is somebody's.
    Heard {
        what: Vec<Source>,
        whose: Vec<Source>,
    },
}

/// One `[[op]]`.
#[derive(Clone, Debug)]
pub struct OpModel {
    /// Index into [`ModelSet::libraries`].
    pub library: u32,
    pub patterns: Vec<Pattern>,
    pub shapes: Vec<Pattern>,
    /// Files, their paths as names: what they export under the names in `handlers` is run.
    pub files: Vec<Pattern>,
    /// Names of classes: the functions listed in the fields in `handlers` are run.
    pub classes: Vec<Pattern>,
    /// Types: functions that take a parameter of one are run.
    pub takes: Vec<Pattern>,
    /// Types: functions that are given to a name which is declared of one are run.
    pub typed: Vec<Pattern>,
    /// What functions that it is about read: an entry of their first parameter, and what is read of that in turn.
    pub reads: Vec<String>,
    pub kind: OpKind,
    pub when: Vec<Condition>,
    pub attributes: Vec<(Attr, Vec<Source>)>,
    pub scopes: Vec<ScopeKind>,
    pub callbacks: Vec<Callback>,
    /// The types of what the callback gets, in order; empty text where nothing is known.
    pub gives: Vec<String>,
    /// Whether the calls that follow in the same chain belong to it, and the last of them does it.
    pub chain: bool,
    /// Done when its value is looked at: a call that refines the value does it instead.
    pub deferred: bool,
    /// Methods that the operation runs, each with the HTTP method that it serves (empty: any).
    pub handlers: Vec<(String, String)>,
    pub client: Vec<Source>,
    /// How bare numbers among its spans of time count, in milliseconds; none: as the language's libraries do.
    pub unit: Option<f64>,
    pub examples: Vec<String>,
}

impl OpModel {
    /// Whether no call says what is run, but where it stands or what it takes.
    pub fn is_convention(&self) -> bool {
        let patterns = [&self.files, &self.classes, &self.takes, &self.typed];
        !(patterns.iter().all(|patterns| patterns.is_empty()) && self.reads.is_empty())
    }

    /// The sources of an attribute; none if the model says nothing of it.
    pub fn attribute(&self, attr: Attr) -> Option<&[Source]> {
        self.attributes.iter().find(|(known, _)| *known == attr).map(|(_, sources)| sources.as_slice())
    }
}

/// What an annotation on a class says of it: `#[sea_orm(table_name = "orders")]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declares {
    /// The annotation's name, as written.
    pub annotation: String,
    /// Names that it declares beside the class, each with the type that it is.
    pub names: Vec<(String, String)>,
    /// The arguments that name the entity: keywords, or positions.
    pub entity: Vec<String>,
}

/// What a call makes, as an object with entries: `http.NewRequest(method, url, body)`.
#[derive(Clone, Debug, Default)]
pub struct Makes {
    patterns: Vec<Pattern>,
    /// The entries, each with what of the call it is.
    pub fields: Vec<(String, Vec<Source>)>,
    /// Whether the arguments are keys and values in turn.
    pub pairs: bool,
    /// Objects whose entries it has beside those; of two that hold an entry the first one's counts.
    pub copies: Vec<Source>,
}

/// A call that stores into its receiver: `request.Header.Set(name, value)`.
#[derive(Clone, Debug, Default)]
pub struct Sets {
    patterns: Vec<Pattern>,
    pub key: Vec<Source>,
    pub value: Vec<Source>,
    /// The argument that it stores into, where that is not the receiver.
    pub into: Option<usize>,
    /// Objects all of whose entries it stores, the last first.
    pub entries: Vec<Source>,
}

/// What an annotation on a function says: that others get its value by its type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provides {
    /// The annotation's name, as written.
    pub annotation: String,
    /// Its arguments that name the value: keywords, or positions.
    pub name: Vec<String>,
    /// Annotations of a parameter or field whose first argument names the value that is asked for.
    pub asked: Vec<String>,
    /// Annotations of a field, or of a class for its fields, that let it be filled.
    pub fills: Vec<String>,
    /// The annotation of the one that is given where several are there.
    pub first: String,
}

/// What is made on a connection: generated clients, whose names only the project knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stub {
    /// The types of the connection.
    pub on: Vec<String>,
    /// The type that what is made counts as.
    pub type_: String,
}

/// What the library's generator wrote into the project: its names are the library's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Generated {
    /// What a file that it wrote imports.
    pub imports: String,
    /// What models call the package.
    pub package: String,
}

/// What makes values by the names that they are registered under.
#[derive(Clone, Debug, Default)]
pub struct Container {
    /// Calls that register under a name, or those of an object's entries.
    pub register: Vec<Pattern>,
    /// Calls that give what is registered under a name.
    pub resolve: Vec<Pattern>,
    /// The type of the object that whoever is made finds it all in.
    pub holds: String,
    /// Names of calls that say how it is made: by constructing a class, by calling a function; or that it is there.
    pub classes: Vec<String>,
    pub functions: Vec<String>,
    pub values: Vec<String>,
}

/// What is known to the whole project by the name that it is registered under, however the project collects it.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    /// Calls that register what they give under the name that argument 0 is.
    pub register: Vec<Pattern>,
    /// Types of which classes are known by their own names.
    pub base: Vec<Pattern>,
    /// A function with a parameter of this name is given an object of the type `given` as its first.
    pub beside: String,
    pub given: String,
}

#[derive(Clone, Debug)]
struct Returns {
    patterns: Vec<Pattern>,
    returned: Returned,
}

#[derive(Clone, Debug, Default)]
struct Library {
    name: String,
    modules: Vec<String>,
    aliases: Vec<(String, String)>,
    constants: Vec<(String, String)>,
    failures: Vec<String>,
    returns: Vec<Returns>,
    makes: Vec<Makes>,
    sets: Vec<Sets>,
    handles: Vec<String>,
    carriers: Vec<String>,
    detached: Vec<String>,
    answered: Vec<String>,
    answers: Vec<String>,
    bounding: Vec<String>,
    stubs: Vec<Stub>,
    generated: Vec<Generated>,
    holders: Vec<String>,
    unstored: Vec<String>,
    containers: Vec<Container>,
    handed: Vec<Handed>,
    registries: Vec<Registry>,
    declares: Vec<Declares>,
    provides: Vec<Provides>,
    ops: Vec<OpModel>,
}

/// Why a model file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {message}")]
pub struct ModelError {
    /// The file.
    pub origin: String,
    pub message: String,
}

/// A library that has a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibraryInfo {
    pub family: Family,
    pub name: String,
    pub modules: Vec<String>,
    pub operations: usize,
}

/// All models, by family.
#[derive(Debug, Default)]
pub struct ModelSet {
    pub libraries: Vec<LibraryInfo>,
    families: FxHashMap<Family, FamilyModels>,
}

#[derive(Debug, Default)]
struct FamilyModels {
    aliases: FxHashMap<String, String>,
    /// Named values of libraries, each with its text.
    constants: FxHashMap<String, String>,
    /// The exceptions that all failures of a library's calls are, each with the libraries.
    failures: FxHashMap<String, Vec<u32>>,
    returns: Lookup<Returned>,
    makes: Vec<Makes>,
    by_making: Lookup<u32>,
    sets: Vec<Sets>,
    by_setting: Lookup<u32>,
    handles: Vec<Pattern>,
    carriers: Vec<Pattern>,
    /// Calls that make a carrier which ends with no other.
    detached: Vec<Pattern>,
    /// Calls that give the carrier of a request, the types by which a function answers one, and the calls after which
    /// requests have a deadline.
    answered: Vec<Pattern>,
    answers: Vec<Pattern>,
    bounding: Vec<Pattern>,
    /// Names of types that calls give.
    types: FxHashSet<String>,
    stubs: Vec<Stub>,
    generated: Vec<Generated>,
    holders: Vec<Pattern>,
    /// Annotations of fields that are no columns, by their qualified names.
    unstored: Vec<Pattern>,
    containers: Vec<Container>,
    handed: Vec<Handed>,
    registries: Vec<Registry>,
    declares: Vec<Declares>,
    provides: Vec<Provides>,
    ops: Vec<OpModel>,
    by_call: Lookup<u32>,
    giving: Lookup<u32>,
    /// What names of calls begin with, as far as patterns say it in plain text.
    prefixes: FxHashSet<String>,
    /// Operations that no call names.
    conventions: Vec<u32>,
    shapes: Lookup<u32>,
}

/// Patterns by their last segment; those that end in a wildcard are tried always.
#[derive(Debug)]
struct Lookup<T> {
    by_last: FxHashMap<String, Vec<(Pattern, T)>>,
    open: Vec<(Pattern, T)>,
}

impl<T> Default for Lookup<T> {
    fn default() -> Self {
        Lookup { by_last: FxHashMap::default(), open: Vec::new() }
    }
}

impl<T: Clone> Lookup<T> {
    fn add(&mut self, pattern: Pattern, value: T) {
        match pattern.last().map(str::to_owned) {
            Some(last) => self.by_last.entry(last).or_default().push((pattern, value)),
            None => self.open.push((pattern, value)),
        }
    }

    fn candidates(&self, path: &str) -> impl Iterator<Item = &(Pattern, T)> {
        let last = path.rsplit('.').next().unwrap_or(path);
        self.by_last.get(last).into_iter().flatten().chain(&self.open)
    }

    fn of(&self, path: &str) -> impl Iterator<Item = &T> {
        self.candidates(path).filter(move |(pattern, _)| pattern.matches(path)).map(|(_, value)| value)
    }
}

const MAX_ALIAS_STEPS: usize = 4;

impl ModelSet {
    /// Adds one model file. `origin` names it in errors.
    pub fn add(&mut self, family: Family, origin: &str, text: &str) -> Result<(), ModelError> {
        let fail = |message: String| ModelError { origin: origin.to_owned(), message };
        let library = format::library(text).map_err(fail)?;
        if self.libraries.iter().any(|known| known.family == family && known.name == library.name) {
            return Err(fail(format!("library `{}` has a model already", library.name)));
        }
        let number = self.libraries.len() as u32;
        self.libraries.push(LibraryInfo {
            family,
            name: library.name,
            modules: library.modules,
            operations: library.ops.len(),
        });
        let models = self.families.entry(family).or_default();
        for (from, to) in library.aliases {
            models.prefixes.insert(from.clone());
            if let Some(other) = models.aliases.insert(from.clone(), to.clone())
                && other != to
            {
                return Err(fail(format!("alias `{from}` already stands for `{other}`")));
            }
        }
        models.types.extend(
            library.constants.iter().filter_map(|(path, _)| path.rsplit_once('.')).map(|(type_, _)| type_.to_owned()),
        );
        models.constants.extend(library.constants);
        for failure in library.failures {
            models.failures.entry(failure).or_default().push(number);
        }
        for makes in library.makes {
            let at = models.makes.len() as u32;
            for pattern in &makes.patterns {
                models.prefixes.extend(pattern.prefixes());
                models.by_making.add(pattern.clone(), at);
            }
            models.makes.push(makes);
        }
        for sets in library.sets {
            let at = models.sets.len() as u32;
            for pattern in &sets.patterns {
                models.prefixes.extend(pattern.prefixes());
                models.by_setting.add(pattern.clone(), at);
            }
            models.sets.push(sets);
        }
        for returns in library.returns {
            for pattern in returns.patterns {
                let prefixes = pattern.prefixes();
                match &returns.returned {
                    Returned::Type(text) => drop(models.types.insert(text.clone())),
                    Returned::SelfType => models.types.extend(prefixes.last().cloned()),
                    _ => {}
                }
                models.prefixes.extend(prefixes);
                models.returns.add(pattern, returns.returned.clone());
            }
        }
        for carrier in library.carriers {
            models.carriers.extend(Pattern::parse(&carrier));
        }
        for call in library.detached {
            models.detached.extend(Pattern::parse(&call));
        }
        models.answered.extend(library.answered.iter().flat_map(|call| Pattern::parse(call)));
        models.answers.extend(library.answers.iter().flat_map(|type_| Pattern::parse(type_)));
        models.bounding.extend(library.bounding.iter().flat_map(|call| Pattern::parse(call)));
        for holder in library.holders {
            models.holders.extend(Pattern::parse(&holder));
        }
        for annotation in library.unstored {
            models.unstored.extend(Pattern::parse(&annotation));
        }
        for container in library.containers {
            let calls = container.register.iter().chain(&container.resolve);
            models.prefixes.extend(calls.flat_map(Pattern::prefixes));
            models.holders.extend(Pattern::parse(&container.holds));
            models.containers.push(container);
        }
        for handed in library.handed {
            models.prefixes.extend(handed.of.iter().flat_map(Pattern::prefixes));
            models.handed.push(handed);
        }
        for registry in library.registries {
            models.prefixes.extend(registry.register.iter().chain(&registry.base).flat_map(Pattern::prefixes));
            models.registries.push(registry);
        }
        for handle in library.handles {
            models.handles.extend(Pattern::parse(&handle));
        }
        models.stubs.extend(library.stubs);
        models.generated.extend(library.generated);
        models.declares.extend(library.declares);
        models.provides.extend(library.provides);
        for mut op in library.ops {
            op.library = number;
            let at = models.ops.len() as u32;
            for pattern in &op.patterns {
                models.prefixes.extend(pattern.prefixes());
                models.by_call.add(pattern.clone(), at);
                if !op.gives.is_empty() {
                    models.giving.add(pattern.clone(), at);
                }
            }
            if op.is_convention() {
                models.conventions.push(at);
            }
            for pattern in &op.shapes {
                models.shapes.add(pattern.clone(), at);
            }
            models.ops.push(op);
        }
        Ok(())
    }

    pub fn registries(&self) -> impl Iterator<Item = (Family, &Registry)> {
        self.families.iter().flat_map(|(family, models)| models.registries.iter().map(|registry| (*family, registry)))
    }

    /// What a framework gives to methods of classes that derive from one of its types.
    pub fn handed<'a>(&'a self, family: Family, base: &'a str) -> impl Iterator<Item = &'a Handed> {
        let models = self.families.get(&family).into_iter();
        let known = models.flat_map(|models| &models.handed);
        known.filter(move |handed| handed.of.iter().any(|pattern| pattern.matches(base)))
    }

    /// Whether the library of an operation acknowledges messages by hand.
    pub fn acknowledges(&self, family: Family, model: u32) -> bool {
        let library = self.op(family, model).library;
        self.families
            .get(&family)
            .is_some_and(|models| models.ops.iter().any(|op| op.library == library && op.kind == OpKind::Ack))
    }

    /// The one spelling of a name: aliases applied to its longest known prefix.
    pub fn canonical<'t>(&self, family: Family, path: &'t str) -> Cow<'t, str> {
        let Some(models) = self.families.get(&family) else { return Cow::Borrowed(path) };
        let mut at = Cow::Borrowed(path);
        for _ in 0..MAX_ALIAS_STEPS {
            match models.step(&at) {
                Some(next) => at = Cow::Owned(next),
                None => break,
            }
        }
        at
    }

    /// Likewise; none if nothing changes.
    pub fn respelled(&self, family: Family, path: &str) -> Option<String> {
        match self.canonical(family, path) {
            Cow::Owned(text) => Some(text),
            Cow::Borrowed(_) => None,
        }
    }

    /// The text of the library's constant `path`.
    pub fn constant(&self, family: Family, path: &str) -> Option<&str> {
        self.families.get(&family)?.constants.get(path).map(String::as_str)
    }

    /// What calling `path` makes, as an object.
    pub fn makes(&self, family: Family, path: &str) -> Option<&Makes> {
        let models = self.families.get(&family)?;
        models.by_making.of(path).next().map(|at| &models.makes[*at as usize])
    }

    /// What calling `path` stores into its receiver.
    pub fn sets(&self, family: Family, path: &str) -> Option<&Sets> {
        let models = self.families.get(&family)?;
        models.by_setting.of(path).next().map(|at| &models.sets[*at as usize])
    }

    /// Whether some model names `path` or something below it.
    pub fn mentions(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.prefixes.contains(path))
    }

    /// Likewise, `path` being spelt as it may be, of a type or an annotation.
    pub fn knows_type(&self, family: Family, path: &str) -> bool {
        let spelt = self.canonical(family, path);
        let Some(models) = self.families.get(&family) else { return false };
        let is_mentioned = |path: &str| models.prefixes.contains(path) || models.types.contains(path);
        is_mentioned(path) || is_mentioned(&spelt) || models.by_call.of(&spelt).next().is_some()
    }

    /// What calling `path` gives, if a model says so.
    pub fn returns(&self, family: Family, path: &str) -> Option<&Returned> {
        self.families.get(&family)?.returns.of(path).next()
    }

    /// The type that calling `path` gives, if a model names it.
    pub fn returned_type(&self, family: Family, path: &str) -> Option<String> {
        match self.returns(family, path)? {
            Returned::Type(text) => Some(text.clone()),
            Returned::SelfType => path.rsplit_once('.').map(|(parent, _)| parent.to_owned()),
            _ => None,
        }
    }

    /// The type of the elements of what `path` (ending in `.[]`) names, if a model says so.
    pub fn element_of_class(&self, family: Family, path: &str) -> bool {
        self.returns(family, path) == Some(&Returned::OfClass)
    }

    pub fn element_type(&self, family: Family, path: &str) -> Option<String> {
        match self.returns(family, path) {
            Some(Returned::Type(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// Whether some call gives a value of the type `path`, so that it is no trait.
    pub fn is_given(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.types.contains(path))
    }

    /// The type of what a call that no model knows makes on a connection of the type `path`.
    pub fn stub_on(&self, family: Family, path: &str) -> Option<&str> {
        let models = self.families.get(&family)?;
        models.stubs.iter().find(|stub| stub.on.iter().any(|on| on == path)).map(|stub| stub.type_.as_str())
    }

    pub fn has_stubs(&self, family: Family) -> bool {
        self.families.get(&family).is_some_and(|models| !models.stubs.is_empty())
    }

    /// What models call a package that holds a generated file which imports `target`.
    pub fn generated_by(&self, family: Family, target: &str) -> Option<&str> {
        let models = self.families.get(&family)?;
        models.generated.iter().find(|known| known.imports == target).map(|known| known.package.as_str())
    }

    /// What an annotation on a class says of it.
    pub fn declares(&self, family: Family, annotation: &str) -> Option<&Declares> {
        self.families.get(&family)?.declares.iter().find(|known| known.annotation == annotation)
    }

    /// Whether values of the type carry deadlines and the like along with calls, and no data.
    pub fn is_carrier(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.carriers.iter().any(|pattern| pattern.matches(path)))
    }

    /// Whether a call makes a carrier that ends with no other, not even the one that it is given.
    pub fn is_detached(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.detached.iter().any(|pattern| pattern.matches(path)))
    }

    /// Whether a call gives the carrier of a request, and so no deadline of its own where the request is answered here.
    pub fn is_answered(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.answered.iter().any(|pattern| pattern.matches(path)))
    }

    /// Whether a function that takes a value of the type answers a request.
    pub fn answers(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.answers.iter().any(|pattern| pattern.matches(path)))
    }

    /// Whether a call gives the requests of a server a deadline.
    pub fn bounds_requests(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.bounding.iter().any(|pattern| pattern.matches(path)))
    }

    /// The libraries any failure of whose calls is an exception of this qualified name.
    pub fn failing_with(&self, family: Family, path: &str) -> &[u32] {
        let libraries = self
            .families
            .get(&family)
            .and_then(|models| models.failures.get(self.respelled(family, path).as_deref().unwrap_or(path)));
        libraries.map_or(&[], Vec::as_slice)
    }

    pub fn has_containers(&self) -> bool {
        self.families.values().any(|models| !models.containers.is_empty())
    }

    /// The container one of whose calls of a sort has this name.
    pub fn container(
        &self,
        family: Family,
        calls: impl Fn(&Container) -> &Vec<Pattern>,
        path: &str,
    ) -> Option<&Container> {
        let known = &self.families.get(&family)?.containers;
        known.iter().find(|container| calls(container).iter().any(|pattern| pattern.matches(path)))
    }

    /// Whether objects of the type only hold what the project puts into them, under names of the project's own.
    pub fn is_holder(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.holders.iter().any(|pattern| pattern.matches(path)))
    }

    /// Whether an annotation says of a field that it is no column.
    pub fn is_unstored(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.unstored.iter().any(|pattern| pattern.matches(path)))
    }

    /// Likewise, under keys (`app["cache"]`), beside members of the library's own.
    pub fn is_holder_by_key(&self, family: Family, path: &str) -> bool {
        self.is_holder(family, &format!("{path}.[]"))
    }

    /// Whether the project puts things into objects of the type, under names or keys.
    pub fn is_holder_anyhow(&self, family: Family, path: &str) -> bool {
        self.is_holder(family, path) || self.is_holder_by_key(family, path)
    }

    /// What a model says of values that annotated functions provide, chosen by a test.
    pub fn provides(&self, family: Family, test: impl Fn(&Provides) -> bool) -> Option<&Provides> {
        self.families.get(&family)?.provides.iter().find(|known| test(known))
    }

    /// Whether values of the type are connections.
    pub fn is_handle_anywhere(&self, path: &str) -> bool {
        self.families.values().any(|models| models.handles.iter().any(|pattern| pattern.matches(path)))
    }

    /// The models of calls of `path`, most specific library first come.
    pub fn ops_of(&self, family: Family, path: &str) -> Vec<u32> {
        let mut found: Vec<u32> =
            self.families.get(&family).map(|models| models.by_call.of(path).copied().collect()).unwrap_or_default();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether a model names the last segment of `path` in plain text: what any name matches is no method of a trait.
    pub fn names_method(&self, family: Family, path: &str) -> bool {
        let last = path.rsplit('.').next().unwrap_or(path);
        let known = self.families.get(&family).and_then(|models| models.by_call.by_last.get(last));
        known.into_iter().flatten().any(|(pattern, _)| pattern.matches(path))
    }

    /// The models of a call that say what the function given to it gets.
    pub fn giving(&self, family: Family, path: &str) -> impl Iterator<Item = &OpModel> {
        let models = self.families.get(&family);
        models.into_iter().flat_map(move |models| models.giving.of(path).map(|number| &models.ops[*number as usize]))
    }

    /// The models of what a file offers by its path, written as a name (`app.orders.route`).
    pub fn ops_of_file(&self, family: Family, path: &str) -> Vec<u32> {
        self.ops_where(family, |op| op.files.iter().any(|pattern| pattern.matches(path)))
    }

    /// The models of what a class of this name lists.
    pub fn ops_of_class(&self, family: Family, name: &str) -> Vec<u32> {
        self.ops_where(family, |op| op.classes.iter().any(|pattern| pattern.matches(name)))
    }

    /// Operations that functions are about by what they read of their first parameter.
    pub fn ops_that_read(&self, family: Family) -> Vec<u32> {
        self.ops_where(family, |op| !op.reads.is_empty())
    }

    /// The models of functions that take a value of this type.
    pub fn ops_that_take(&self, family: Family, type_: &str) -> Vec<u32> {
        self.ops_where(family, |op| op.takes.iter().any(|pattern| pattern.matches(type_)))
    }

    /// The models of functions that are declared of a type.
    pub fn ops_of_type(&self, family: Family, type_: &str) -> Vec<u32> {
        self.ops_where(family, |op| op.typed.iter().any(|pattern| pattern.matches(type_)))
    }

    fn ops_where(&self, family: Family, test: impl Fn(&OpModel) -> bool) -> Vec<u32> {
        let Some(models) = self.families.get(&family) else { return Vec::new() };
        models.conventions.iter().copied().filter(|number| test(&models.ops[*number as usize])).collect()
    }

    /// The models that a method name alone suggests.
    pub fn ops_of_shape(&self, family: Family, path: &str) -> Vec<u32> {
        let Some(models) = self.families.get(&family) else { return Vec::new() };
        let mut found: Vec<u32> = models
            .shapes
            .candidates(path)
            .filter(|(pattern, _)| pattern.matches_end(path))
            .map(|(_, op)| *op)
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    pub fn op(&self, family: Family, number: u32) -> &OpModel {
        &self.families[&family].ops[number as usize]
    }

    /// All operations with their family, for the tests of models.
    pub fn all_ops(&self) -> impl Iterator<Item = (Family, &OpModel)> {
        self.families.iter().flat_map(|(family, models)| models.ops.iter().map(|op| (*family, op)))
    }
}

impl FamilyModels {
    fn step(&self, path: &str) -> Option<String> {
        if let Some(to) = self.aliases.get(path) {
            return Some(to.clone());
        }
        let mut end = path.len();
        while let Some(dot) = path[..end].rfind('.') {
            if let Some(to) = self.aliases.get(&path[..dot]) {
                // An alias that lengthens its own name (`a` → `a.b`) is applied once.
                if to.len() > dot && path.starts_with(to.as_str()) {
                    return None;
                }
                return Some(format!("{to}{}", &path[dot..]));
            }
            end = dot;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REDIS: &str = r#"
library = "redis"
modules = ["redis"]
[alias]
"redis.asyncio" = "redis"
[[returns]]
call = "redis.from_url"
type = "redis.Redis"
[[handle]]
type = "redis.Redis"
[[op]]
call = "redis.Redis.set"
kind = "lock_acquire"
when = ["nx"]
key = "0|name"
ttl = ["ex", "px"]
example = "redis.Redis().set('lock', 't', nx=True)"
"#;

    #[test]
    fn a_model_is_found_under_its_aliases() {
        let mut models = ModelSet::default();
        models.add(Family::Python, "redis.toml", REDIS).expect("the model is right");
        assert_eq!(models.canonical(Family::Python, "redis.asyncio.Redis.set"), "redis.Redis.set");
        assert_eq!(models.returns(Family::Python, "redis.from_url"), Some(&Returned::Type("redis.Redis".to_owned())));
        let ops = models.ops_of(Family::Python, "redis.Redis.set");
        assert_eq!(models.op(Family::Python, ops[0]).kind, OpKind::LockAcquire);
        assert!(models.ops_of(Family::Rust, "redis.Redis.set").is_empty());
    }

    #[test]
    fn unknown_words_and_duplicates_are_refused() {
        let mut models = ModelSet::default();
        let error = models.add(Family::Python, "x.toml", "library = 'x'\nmodles = []").expect_err("a typing error");
        assert!(error.message.contains("modles"), "{error}");
        models.add(Family::Python, "a.toml", REDIS).expect("the model is right");
        assert!(models.add(Family::Python, "b.toml", REDIS).is_err());
    }
}

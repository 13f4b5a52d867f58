//! Library models: what calls to libraries do, declared in TOML (docs/models.md), looked up by qualified name.

mod adding;
mod format;
mod lookup;
pub mod pattern;
mod set;
pub mod source;

use distsys_facts::Language;

use crate::operation::{Attr, OpKind};
use pattern::Pattern;
use source::{Condition, Source};

pub use set::{LibraryInfo, ModelError, ModelSet};

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

    /// Whether what a value holds is given back where the value ends.
    pub fn drops_values(self) -> bool {
        self == Family::Rust
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

    /// Whether a class that derives from the type of this name is an interface that others have by their methods alone.
    pub fn is_protocol(self, base: &str) -> bool {
        self == Family::Python && matches!(base, "typing.Protocol" | "typing_extensions.Protocol")
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
    /// Likewise, of an asynchronous function that is waited for where it is called then.
    Waited(usize),
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
    /// A qualified type of the library; empty if the class names it.
    pub type_: String,
}

/// Over what an operation extends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeKind {
    With,
    Decorator,
    Callback(Slot),
    /// Each of the methods that the operation's callback lists, whoever runs them.
    Handlers,
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
    /// Types: the methods in `handlers` of classes that derive from one are run.
    pub derives: Vec<Pattern>,
    /// Types: functions that take a parameter of one are run.
    pub takes: Vec<Pattern>,
    /// Types: functions that are given to a name which is declared of one are run.
    pub typed: Vec<Pattern>,
    /// What functions that it is about read: an entry of their first parameter, and what is read of that in turn.
    pub reads: Vec<String>,
    pub kind: OpKind,
    pub when: Vec<Condition>,
    /// When what is read outside of transactions is read from a replica; never if nothing is said.
    pub routed: Vec<Condition>,
    pub attributes: Vec<(Attr, Vec<Source>)>,
    pub scopes: Vec<ScopeKind>,
    pub callbacks: Vec<Callback>,
    /// The types of what the callback gets, in order; empty text where nothing is known.
    pub gives: Vec<String>,
    /// Whether the calls that follow in the same chain belong to it, and the last of them does it.
    pub chain: bool,
    /// Done when its value is looked at: a call that refines the value does it instead.
    pub deferred: bool,
    /// Whether a capacity of zero lets each send wait for its receiver; elsewhere it means that there is no limit.
    pub rendezvous: bool,
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
        let patterns = [&self.files, &self.classes, &self.derives, &self.takes, &self.typed];
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
    /// Whether the arguments are the traits that the class has or, on a trait, the classes that have it.
    pub implements: bool,
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

/// A value of which nothing is known is such a connection if a method of it is given an SQL text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SqlHandle {
    /// The methods.
    pub methods: Vec<String>,
    /// Methods of a connection that give what may have those methods instead of it.
    pub made_by: Vec<String>,
    /// The type that the connection counts as.
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
    /// Objects of the library whose members are what is registered.
    pub members: Vec<String>,
}

#[derive(Clone, Debug)]
struct Returns {
    patterns: Vec<Pattern>,
    returned: Returned,
}

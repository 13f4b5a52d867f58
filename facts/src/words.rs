//! The closed vocabularies of the schema: columns that take one of a few words.
//!
//! A word is stored as its number and printed as its name; the names are what queries and exports show.

/// A column type with a closed set of named values.
pub trait Word: Copy + Sized + 'static {
    const TYPE: &'static str;
    const NAMES: &'static [&'static str];
    fn number(self) -> u32;
    fn from_number(number: u32) -> Option<Self>;
    fn name(self) -> &'static str {
        Self::NAMES[self.number() as usize]
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $type:ident($type_name:literal) { $($(#[$vdoc:meta])* $variant:ident = $name:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum $type { $($(#[$vdoc])* $variant,)* }

        impl $type {
            pub const ALL: &'static [$type] = &[$($type::$variant,)*];
        }

        impl Word for $type {
            const TYPE: &'static str = $type_name;
            const NAMES: &'static [&'static str] = &[$($name,)*];
            fn number(self) -> u32 { self as u32 }
            fn from_number(number: u32) -> Option<Self> { Self::ALL.get(number as usize).copied() }
        }
    )*};
}

words! {
    /// The language that a file is written in.
    Language("language") {
        Rust = "rust",
        TypeScript = "typescript",
        JavaScript = "javascript",
        Python = "python",
        Go = "go",
        Sql = "sql",
        /// TOML, YAML or JSON read as key paths.
        Manifest = "manifest",
        Java = "java",
    }

    /// What a file is for. Rules look at `source` by default.
    Role("role") {
        Source = "source",
        Test = "test",
        /// Examples and benchmarks.
        Example = "example",
        Generated = "generated",
        Migration = "migration",
        Manifest = "manifest",
        /// What says of itself that it runs in a browser.
        Page = "page",
    }

    FunctionKind("function_kind") {
        /// A named function outside a class.
        Function = "function",
        Method = "method",
        Constructor = "constructor",
        /// A closure, lambda, arrow function or function expression.
        Closure = "closure",
        /// An `async` block, which runs like a closure that is called where it is awaited or spawned.
        AsyncBlock = "async_block",
        /// The top-level code of a file.
        Module = "module",
    }

    ClassKind("class_kind") {
        Class = "class",
        Struct = "struct",
        Enum = "enum",
        Interface = "interface",
        Trait = "trait",
    }

    ParameterKind("parameter_kind") {
        /// `self`, `cls`, `this`: the receiver.
        Receiver = "receiver",
        Positional = "positional",
        KeywordOnly = "keyword_only",
        /// `*args`, `...rest`.
        Rest = "rest",
        /// `**kwargs`.
        KeywordRest = "keyword_rest",
    }

    CallKind("call_kind") {
        Call = "call",
        /// `new C(…)`, a Rust struct literal (its fields are keyword arguments).
        New = "new",
        /// A macro invocation that is not expanded to something better.
        Macro = "macro",
        /// A decorator or attribute, with or without arguments.
        Annotation = "annotation",
        /// A tagged template: the tag is the callee, the template the first argument.
        Tagged = "tagged",
    }

    SiteKind("site_kind") {
        Call = "call",
        /// A suspension point: `await`, each turn of `async for`, enter and exit of `async with`.
        Await = "await",
        Return = "return",
        Throw = "throw",
        Yield = "yield",
        /// An assignment to a field or an element.
        Store = "store",
        /// A comparison or arithmetic on values.
        Operation = "operation",
        /// `drop(x)`, end of a guard's life where the language makes it explicit (`del x`).
        Release = "release",
    }

    LiteralKind("literal_kind") {
        String = "string",
        Integer = "integer",
        Float = "float",
        Boolean = "boolean",
        /// `null`, `undefined`, `None`.
        Null = "null",
        Regex = "regex",
    }

    RegionKind("region_kind") {
        /// The whole body of a function; the root of its regions.
        Body = "body",
        Loop = "loop",
        Try = "try",
        Catch = "catch",
        Finally = "finally",
        /// An arm taken when a condition holds (`if`, `case`, `match` arm).
        Branch = "branch",
        Else = "else",
        /// `with`, `async with`, `using`.
        With = "with",
        /// All arms of a `select!`.
        Select = "select",
        /// A lexical block that bounds the life of its variables (Rust guards).
        Block = "block",
    }

    EdgeKind("edge_kind") {
        Normal = "normal",
        /// From a block in a `try` body to its handler.
        Exception = "exception",
        /// Back to the head of a loop.
        Back = "back",
    }

    SqlVerb("sql_verb") {
        Select = "select",
        Insert = "insert",
        Update = "update",
        Delete = "delete",
        /// `BEGIN`, `COMMIT`, `ROLLBACK`, `SET TRANSACTION`.
        Transaction = "transaction",
        /// `CREATE`, `ALTER`, `DROP`.
        Ddl = "ddl",
        Other = "other",
    }

    DiagnosticKind("diagnostic_kind") {
        /// Parts of the file did not parse; the facts are of what did.
        SyntaxError = "syntax_error",
        /// Nothing of the file could be read as its language.
        Unparsable = "unparsable",
        /// Nesting or a chain is deeper than the parser's stack holds.
        TooDeep = "too_deep",
        TooLarge = "too_large",
        InvalidUtf8 = "invalid_utf8",
        Unreadable = "unreadable",
        Minified = "minified",
        Generated = "generated",
        Vendored = "vendored",
        /// A symbolic link out of the tree or in a circle, not followed.
        Link = "link",
        /// The front end failed on this file; the fault is ours.
        Internal = "internal",
        Timeout = "timeout",
        /// A suppression without reason, for an unknown rule, or that silences nothing.
        Suppression = "suppression",
        Config = "config",
        /// The run reached a limit of time or memory; what it tells is not all.
        Limit = "limit",
        /// No file of a programming language was there.
        NothingAnalysed = "nothing_analysed",
    }
}

impl Language {
    /// Whether it is a programming language; the others are read for what they say of code.
    pub fn is_code(self) -> bool {
        !matches!(self, Language::Sql | Language::Manifest)
    }
}

impl DiagnosticKind {
    /// Whether it says that something was not read, or not whole, which nobody asked for.
    pub fn is_fault(self) -> bool {
        use DiagnosticKind as Kind;
        match self {
            Kind::SyntaxError | Kind::Unparsable | Kind::TooDeep | Kind::TooLarge | Kind::InvalidUtf8 => true,
            Kind::Unreadable | Kind::Internal | Kind::Timeout | Kind::Limit | Kind::NothingAnalysed => true,
            Kind::Minified | Kind::Generated | Kind::Vendored | Kind::Link => false,
            Kind::Suppression | Kind::Config => false,
        }
    }
}

/// What is true of a function, as bits in one column.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FunctionFlags(pub u32);

impl FunctionFlags {
    pub const ASYNC: FunctionFlags = FunctionFlags(1);
    pub const GENERATOR: FunctionFlags = FunctionFlags(2);
    /// Test code by construct: `#[test]`, `describe/it`, `test_*`.
    pub const TEST: FunctionFlags = FunctionFlags(4);
    /// Without an instance; a receiver, if there is one, is the class itself.
    pub const STATIC: FunctionFlags = FunctionFlags(8);
    /// `pub`, `export`: visible outside its module.
    pub const PUBLIC: FunctionFlags = FunctionFlags(16);
    /// Without a body: a trait or interface method, an overload, a stub.
    pub const ABSTRACT: FunctionFlags = FunctionFlags(32);
    /// A property: reading the attribute calls the function.
    pub const PROPERTY: FunctionFlags = FunctionFlags(64);
    /// Takes its receiver away from the caller: nothing else is called on it afterwards.
    pub const CONSUMES: FunctionFlags = FunctionFlags(128);

    /// Called by nobody but its own class.
    pub const PRIVATE: FunctionFlags = FunctionFlags(256);

    pub const NAMES: [&'static str; 9] =
        ["async", "generator", "test", "static", "public", "abstract", "property", "consumes", "private"];

    pub fn has(self, other: FunctionFlags) -> bool {
        self.0 & other.0 != 0
    }
}

impl std::ops::BitOr for FunctionFlags {
    type Output = FunctionFlags;
    fn bitor(self, other: FunctionFlags) -> FunctionFlags {
        FunctionFlags(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for FunctionFlags {
    fn bitor_assign(&mut self, other: FunctionFlags) {
        self.0 |= other.0;
    }
}

impl std::fmt::Debug for FunctionFlags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let set: Vec<&str> =
            Self::NAMES.iter().enumerate().filter(|(bit, _)| self.0 & (1 << bit) != 0).map(|(_, name)| *name).collect();
        write!(f, "{}", set.join("|"))
    }
}

/// The words of a name, in lower case.
fn words_of(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut after_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || c.is_uppercase() && after_lower {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        after_lower = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a column tells by its name one state of a row from the next, or one holder of a lock from the next, so that a write
/// which asks for it is refused once the row has moved on: `version`, `lock_version`, `last_fence`, `etag`.
pub fn names_version(name: &str) -> bool {
    const WORDS: &[&str] = &["fence", "fencing", "epoch", "generation", "revision", "etag"];
    let words = words_of(name);
    let plain = words.concat();
    matches!(plain.as_str(), "version" | "lockversion" | "rowversion" | "versionid" | "rev" | "token")
        || words.iter().any(|word| WORDS.contains(&word.as_str()))
}

/// The name of a time without the unit that it is counted in: `updated_at` of `updated_at_ms`, `editedAt` of `editedAtMillis`.
fn without_unit(name: &str) -> &str {
    const UNITS: &[&str] = &[
        "ms",
        "millis",
        "milliseconds",
        "us",
        "micros",
        "microseconds",
        "ns",
        "nanos",
        "sec",
        "secs",
        "seconds",
        "unix",
        "epoch",
        "utc",
    ];
    let is_unit = |word: &str| UNITS.iter().any(|unit| unit.eq_ignore_ascii_case(word));
    match (name.rsplit_once('_'), name.rfind(char::is_uppercase)) {
        (Some((rest, unit)), _) if is_unit(unit) => rest,
        (_, Some(at)) if at > 0 && name[..at].ends_with(char::is_lowercase) && is_unit(&name[at..]) => &name[..at],
        _ => name,
    }
}

/// Whether a column or field holds the time of a change by its name: `updated_at`, `lastModified`, `ts`, `modified_ms`.
pub fn names_time(name: &str) -> bool {
    let plain: String =
        without_unit(name).chars().filter(|c| *c != '_' && *c != '-').flat_map(char::to_lowercase).collect();
    matches!(
        plain.as_str(),
        "updatedat"
            | "updated"
            | "updatedon"
            | "modifiedat"
            | "modified"
            | "modifiedon"
            | "lastmodified"
            | "lastmodifiedat"
            | "lastupdated"
            | "lastupdatedat"
            | "timestamp"
            | "ts"
            | "mtime"
            | "changedat"
            | "editedat"
            | "editedon"
            | "lastedited"
            | "lasteditedat"
            | "writtenat"
            | "updatetime"
            | "modificationtime"
            | "updatedtime"
            | "eventtime"
    )
}

/// Whether a column or field holds when something happened, by its name: `reported_at`, `seenTime`; not when something is to come.
pub fn names_moment(name: &str) -> bool {
    const TO_COME: &[&str] = &[
        "available",
        "deadline",
        "due",
        "end",
        "ends",
        "expire",
        "expires",
        "expiry",
        "next",
        "reset",
        "resets",
        "retry",
        "run",
        "scheduled",
        "start",
        "starts",
        "trial",
        "until",
        "valid",
        "wake",
    ];
    let words = words_of(without_unit(name));
    words.len() > 1
        && matches!(words.last().map(String::as_str), Some("at" | "time" | "timestamp"))
        && !words.iter().any(|word| TO_COME.contains(&word.as_str()))
}

//! The text of type annotations, in the schema's spelling, taken apart.

/// A type: alternatives of names with arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeText<'t> {
    pub name: &'t str,
    pub arguments: Vec<&'t str>,
}

/// Wrappers that a value looks through: a `Promise<Order>`, `Option<Order>`, `Arc<Order>` is an `Order` for calls on it.
const TRANSPARENT: &[&str] = &[
    "Option",
    "Result",
    "Box",
    "Arc",
    "Rc",
    "Cow",
    "Pin",
    "RefCell",
    "Cell",
    "OnceCell",
    "OnceLock",
    "LazyLock",
    "Lazy",
    "MutexGuard",
    "RwLockReadGuard",
    "RwLockWriteGuard",
    "Future",
    "BoxFuture",
    "ManuallyDrop",
    "Data",
    "State",
    "Extension",
    "Optional",
    "Annotated",
    "Final",
    "ClassVar",
    "Awaitable",
    "Coroutine",
    "AsyncContextManager",
    "ContextManager",
    "Mapped",
    "Type",
    "type",
    "Promise",
    "PromiseLike",
    "Awaited",
    "Readonly",
    "Partial",
    "Required",
    "NonNullable",
    "Omit",
    "Pick",
    "Depends",
    // `lambda_runtime::LambdaEvent<SqsEvent>`
    "LambdaEvent",
];

/// Types whose elements are of their (last) argument.
const COLLECTIONS: &[&str] = &[
    "Array",
    "ReadonlyArray",
    "Set",
    "Map",
    "Record",
    "Vec",
    "VecDeque",
    "HashMap",
    "BTreeMap",
    "HashSet",
    "BTreeSet",
    "List",
    "list",
    "Sequence",
    "Iterable",
    "Iterator",
    "AsyncIterator",
    "AsyncIterable",
    "AsyncGenerator",
    "Generator",
    "Collection",
    "Dict",
    "dict",
    "set",
    "Mapping",
    "Tuple",
    "tuple",
    "FrozenSet",
    "frozenset",
    "Deque",
    "deque",
    "defaultdict",
    "chan",
    // Go's `atomic.Pointer`: a place for one that is loaded.
    "Pointer",
];

/// Generators and context managers yield their first argument.
const YIELDS_FIRST: &[&str] =
    &["AsyncGenerator", "Generator", "AsyncIterator", "Iterator", "AsyncIterable", "Iterable", "Coroutine"];

/// How a generic name treats its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generic {
    /// The value is its argument.
    Transparent,
    /// The value's elements are its argument.
    Collection,
    Opaque,
}

/// Java's, which keep their own methods beside what is in them.
const JAVA_COLLECTIONS: &[&str] = &[
    "Array",
    "ArrayDeque",
    "ArrayList",
    "BlockingDeque",
    "BlockingQueue",
    "Collection",
    "ConcurrentHashMap",
    "ConcurrentLinkedQueue",
    "ConcurrentMap",
    "CopyOnWriteArrayList",
    "Deque",
    "EnumMap",
    "Flux",
    "HashMap",
    "HashSet",
    "Iterable",
    "Iterator",
    "LinkedBlockingQueue",
    "LinkedHashMap",
    "LinkedHashSet",
    "LinkedList",
    "List",
    "Map",
    "PriorityQueue",
    "Queue",
    "Set",
    "SortedMap",
    "SortedSet",
    "Stream",
    "TreeMap",
    "TreeSet",
    "Vector",
];

pub fn is_java_collection(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    JAVA_COLLECTIONS.binary_search(&last).is_ok()
}

pub fn generic(name: &str) -> Generic {
    let last = name.rsplit('.').next().unwrap_or(name);
    if TRANSPARENT.contains(&last) {
        Generic::Transparent
    } else if COLLECTIONS.contains(&last) {
        Generic::Collection
    } else {
        Generic::Opaque
    }
}

/// Which argument counts for a transparent or collection type.
pub fn element_argument<'t>(type_: &TypeText<'t>) -> Option<&'t str> {
    let last = type_.name.rsplit('.').next().unwrap_or(type_.name);
    let first = YIELDS_FIRST.contains(&last) || generic(type_.name) == Generic::Transparent;
    if last == "Coroutine" {
        return type_.arguments.last().copied();
    }
    if first { type_.arguments.first().copied() } else { type_.arguments.last().copied() }
}

/// The alternatives of a type; `None`, `null`, `undefined` are left out.
pub fn alternatives(text: &str) -> Vec<TypeText<'_>> {
    split(text, '|')
        .into_iter()
        .filter(|part| !matches!(*part, "None" | "null" | "undefined" | "void" | "()" | ""))
        .map(|part| match part.find('<') {
            Some(open) if part.ends_with('>') => {
                TypeText { name: &part[..open], arguments: split(&part[open + 1..part.len() - 1], ',') }
            }
            _ => TypeText { name: part, arguments: Vec::new() },
        })
        .collect()
}

/// Splits at `separator` outside of brackets.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut depth, mut start) = (0usize, 0);
    let mut parts = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            '<' | '(' | '[' | '{' => depth += 1,
            '>' | ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ if c == separator && depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generics_and_unions_come_apart() {
        let parts = alternatives("Optional<Session>|None");
        assert_eq!(parts, [TypeText { name: "Optional", arguments: vec!["Session"] }]);
        let parts = alternatives("Result<HashMap<String,Vec<Order>>,Error>");
        assert_eq!(parts[0].arguments, ["HashMap<String,Vec<Order>>", "Error"]);
    }

    #[test]
    fn malformed_text_does_no_harm() {
        assert_eq!(alternatives("A<B").len(), 1);
        assert_eq!(alternatives("").len(), 0);
        assert_eq!(alternatives(">>|<<").len(), 2);
    }
}

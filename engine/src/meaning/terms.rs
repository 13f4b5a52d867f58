//! Terms: what is known of an entity, a key, a topic or a method, in words that pass through calls.

use distsys_facts::schema::Parameter;
use distsys_facts::{ClassId, FunctionId, Interner, LiteralKind, ParameterKind, SiteId, Sym, VarId};
use rustc_hash::FxHashMap;

use super::handed_in;
use super::invoked::parameter_of;
use super::operations::{Found, Operand};
use super::reader::Reader;
use crate::resolve::{HandleRole, ValueKind};
use crate::words;

/// A name of the meaning layer: an entity, a topic, a pattern of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Sym);

/// What is known of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Term {
    /// It is not there.
    Absent,
    /// It may be anything; never equal to another.
    Unknown,
    /// Constant text; `{}` for parts that are not constant.
    Text(Name),
    /// Text whose part of this number (from 0) is what the caller passes: `f"orders:{order_id}"`.
    Filled(Hole, Name, u8),
    Function(FunctionId),
    /// What the caller passes as this parameter (of the function, or of one around it).
    Parameter(VarId),
    /// The entry at a path of what the caller passes.
    Within(VarId, Name),
}

/// What the caller passes as a parameter, or what the object passed as one holds in a field: `self.prefix`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hole {
    parameter: VarId,
    field: Option<Name>,
}

impl Term {
    /// Its text, as far as it is constant; `{}` for the rest.
    pub fn pattern(self) -> Option<Name> {
        match self {
            Term::Text(name) | Term::Filled(_, name, _) => Some(name),
            _ => None,
        }
    }
}

/// Which copy of the data a connection leads to, seen from a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    Unknown,
    Primary,
    Replica,
    /// That of the connection passed as this parameter, or held by the object passed.
    Parameter(VarId),
    /// Likewise; where none is passed, that of the connection taken in its place (`tx ?? this.replica`).
    ParameterOr(VarId, HandleRole),
}

impl From<HandleRole> for Role {
    fn from(role: HandleRole) -> Self {
        match role {
            HandleRole::Unknown => Role::Unknown,
            HandleRole::Primary => Role::Primary,
            HandleRole::Replica => Role::Replica,
        }
    }
}

/// The texts of names.
#[derive(Debug, Default)]
pub struct Names {
    interner: Interner,
}

impl Names {
    pub fn intern(&mut self, text: &str) -> Name {
        Name(self.interner.intern(text))
    }

    pub fn text(&self, name: Name) -> &str {
        self.interner.text(name.0)
    }
}

/// Describes variables as terms; remembers what it has described.
#[derive(Debug)]
pub(super) struct Describer<'m, 'f> {
    pub reader: Reader<'m, 'f>,
    pub names: Names,
    known: FxHashMap<VarId, Term>,
    entities: FxHashMap<ClassId, Name>,
}

const MAX_DEPTH: u32 = 12;

/// Words of fields that hold where a server is.
const SERVERS: &[&str] = &["base", "url", "uri", "host", "endpoint", "origin", "root", "server", "address", "domain"];

impl<'m, 'f> Describer<'m, 'f> {
    pub(super) fn new(reader: Reader<'m, 'f>) -> Self {
        Describer { reader, names: Names::default(), known: FxHashMap::default(), entities: FxHashMap::default() }
    }

    pub(super) fn term(&mut self, found: &Found) -> Term {
        match found {
            Found::Absent => Term::Absent,
            Found::Unknown => Term::Unknown,
            Found::Is(operand) => self.operand(operand),
        }
    }

    pub(super) fn operand(&mut self, operand: &Operand) -> Term {
        match operand {
            Operand::Var(var) | Operand::Counted(var, _) => self.describe(*var),
            Operand::Within(var, path) => self.within(*var, path),
            Operand::Text(text) => Term::Text(self.names.intern(text)),
            Operand::Class(class) => Term::Text(self.entity_of(*class)),
            Operand::Present => Term::Unknown,
        }
    }

    /// The entry at `path` of a value that is not made where it is used.
    fn within(&mut self, var: VarId, path: &[String]) -> Term {
        match self.describe(var) {
            Term::Parameter(parameter) => Term::Within(parameter, self.names.intern(&path.join("."))),
            Term::Within(parameter, outer) => {
                let whole = format!("{}.{}", self.names.text(outer), path.join("."));
                Term::Within(parameter, self.names.intern(&whole))
            }
            Term::Absent => Term::Absent,
            _ => self.within_own(var, path).unwrap_or(Term::Unknown),
        }
    }

    /// The entry at `path` of what the function's own object holds in a field.
    fn within_own(&mut self, var: VarId, path: &[String]) -> Option<Term> {
        let reader = self.reader;
        // `self.header.Clone()`
        let mut at = reader.root(var);
        while let Some(inner) = reader.program.call_giving(at).and_then(|call| reader.same_as(call)) {
            at = reader.root(inner);
        }
        let load = reader.program.loaded_as(at)?;
        let receiver = parameter_of(reader, load.base).filter(|base| self.is_receiver(*base))?;
        let mut whole = vec![reader.program.text(load.field).to_owned()];
        whole.extend(path.iter().cloned());
        match reader.filled(receiver, &whole, 0, 0) {
            Found::Absent => Some(Term::Within(receiver, self.names.intern(&whole.join(".")))),
            Found::Unknown => None,
            found => Some(self.term(&found)),
        }
    }

    /// Whether a term stands for what callers have said of a request.
    pub(super) fn is_said_before(&self, term: Term) -> bool {
        matches!(term, Term::Within(_, entry) if handed_in::is_said_before(self.names.text(entry)))
    }

    pub(super) fn describe(&mut self, var: VarId) -> Term {
        self.describe_at(var, 0)
    }

    fn describe_at(&mut self, var: VarId, depth: u32) -> Term {
        if let Some(&known) = self.known.get(&var) {
            return known;
        }
        if depth > MAX_DEPTH {
            return Term::Unknown;
        }
        // A circle of assignments meets this answer.
        self.known.insert(var, Term::Unknown);
        let term = self.work_out(var, depth);
        self.known.insert(var, term);
        term
    }

    fn work_out(&mut self, var: VarId, depth: u32) -> Term {
        let program = self.reader.program;
        if let Some(literal) = program.literal(var) {
            return match literal.kind {
                LiteralKind::Null => Term::Absent,
                _ => Term::Text(self.names.intern(program.text(literal.value))),
            };
        }
        if let Some(text) = program.template(var) {
            let r = &program.facts.relations;
            let holes: Vec<Term> =
                program.hole_by_var.of(&r.hole, var).map(|row| self.describe_at(row.value, depth + 1)).collect();
            return self.put_together(program.text(text), &holes);
        }
        if let Some(text) = self.concatenated(var, depth) {
            return text;
        }
        if program.parameter(var).is_some() {
            return Term::Parameter(var);
        }
        // `[key]`
        let mut elements = program.element_by_var.of(&program.facts.relations.element, var);
        if let (Some(only), None) = (elements.next(), elements.next()) {
            return self.describe_at(only.value, depth + 1);
        }
        if let Some(call) = program.call_giving(var) {
            if let Some(inner) = self.reader.same_as(call) {
                return self.describe_at(inner, depth + 1);
            }
            // `str(x)`, `x.toString()`, `x.encode()`: the text stays.
            let name = program.text(call.name);
            if matches!(
                name,
                "str"
                    | "String"
                    | "encode"
                    | "toString"
                    | "to_string"
                    | "to_owned"
                    | "into"
                    | "format"
                    | "as_str"
                    | "text"
            ) && let Some(inner) = call.receiver.or_else(|| program.arguments(call.site).next().map(|row| row.var))
            {
                return self.describe_at(inner, depth + 1);
            }
            // `base.join("orders")`: an address below another.
            let mut given = program.arguments(call.site);
            if let ("join", Some(_), Some(only), None) = (name, call.receiver, given.next(), given.next())
                && let Term::Text(below) = self.describe_at(only.var, depth + 1)
            {
                let whole = format!("{{}}/{}", self.names.text(below).trim_start_matches('/'));
                return Term::Text(self.names.intern(&whole));
            }
            // `order_key(id)`: a helper of the project that puts text together.
            if let [edge] = self.reader.resolution.calls_at(call.site)
                && let Some(text) = self.reader.only_returned(edge.function)
                && let of_helper @ (Term::Text(_) | Term::Filled(..)) = self.describe_at(text, depth + 1)
            {
                let here = self.at_call_within(of_helper, edge.function, Some(call.site), depth + 1);
                // What a key is of stands first; which one it is, the same text says of all.
                let is_open = |text: Name, at: u8| at == 0 && self.names.text(text).starts_with("{}");
                match here {
                    Term::Filled(hole, text, at) if hole.field.is_none() && !is_open(text, at) => {
                        return self.settled(text);
                    }
                    Term::Text(_) | Term::Filled(..) => return here,
                    _ => {}
                }
            }
        }
        let mut sources: Vec<VarId> = program.assigned_from(var).map(|row| row.src).take(4).collect();
        // `url += query`: what it was before, and something more.
        let r = &program.facts.relations;
        let appended = |src: &VarId| program.binary_by_dst.of(&r.binary, *src).any(|row| row.left == var);
        let count = sources.len();
        sources.retain(|src| !appended(src));
        if sources.len() < count && sources.len() == 1 {
            if let Some(name) = self.describe_at(sources[0], depth + 1).pattern() {
                let text = format!("{}{{}}", self.names.text(name));
                return Term::Text(self.names.intern(&text));
            }
            return Term::Unknown;
        }
        if !sources.is_empty() {
            let mut terms = sources.iter().map(|src| self.describe_at(*src, depth + 1)).collect::<Vec<_>>();
            terms.dedup();
            if let [only] = terms[..]
                && only != Term::Unknown
            {
                return only;
            }
        }
        // `call.headers()` is the field that it reads.
        if program.loaded_as(var).is_none()
            && let Some((base, field)) = self.reader.field_read(var)
            && let Term::Parameter(parameter) = self.describe_at(base, depth + 1)
            && !self.is_receiver(parameter)
        {
            return Term::Within(parameter, self.names.intern(program.text(field)));
        }
        if let Some(load) = program.loaded_as(var) {
            if program.text(load.field) == "*" {
                return self.describe_at(load.base, depth + 1);
            }
            if let Some(entry) = self.entry(load.base, program.text(load.field)) {
                return self.describe_at(entry, depth + 1);
            }
            if let Term::Parameter(parameter) = self.describe_at(load.base, depth + 1) {
                let is_receiver = program.parameter(parameter).is_some_and(|row| row.kind == ParameterKind::Receiver);
                let field = self.names.intern(program.text(load.field));
                return match is_receiver {
                    false => Term::Within(parameter, field),
                    // What all objects of the class hold; else what the one holds that the caller has.
                    true => match self.of_values(var) {
                        Term::Unknown if self.is_given_to_constructor(load.base, load.field) => {
                            Term::Within(parameter, field)
                        }
                        // `self.key = f"lock:{name}"`
                        Term::Unknown => self.stored_text(load.base, load.field, depth),
                        known => known,
                    },
                };
            }
        }
        self.of_values(var)
    }

    /// The text that the object `base` keeps in a field, as far as it is the same for all objects of its class.
    fn stored_text(&mut self, base: VarId, field: Sym, depth: u32) -> Term {
        let stored = self.reader.stored(base, field);
        let text = stored.map(|stored| self.describe_at(stored, depth + 1)).and_then(Term::pattern);
        text.map_or(Term::Unknown, |text| self.settled(text))
    }

    /// Whether what the object `base` holds in a field is what its constructor was given.
    fn is_given_to_constructor(&self, base: VarId, field: Sym) -> bool {
        let stored = self.reader.stored(base, field);
        stored.is_some_and(|stored| parameter_of(self.reader, stored).is_some())
    }

    /// What the object that `var` is holds in a field: what it was made with, where that is seen.
    fn held(&mut self, var: VarId, field: Name, depth: u32) -> Term {
        let program = self.reader.program;
        let path: Vec<String> = self.names.text(field).split('.').map(str::to_owned).collect();
        // `request.key(id);`, then what made it.
        let found = match self.reader.filled(var, &path, 0, 0) {
            Found::Absent => self.reader.built_entry(var, &path, 0),
            found => Some(found),
        };
        if let Some(found) = found.filter(|found| *found != Found::Unknown) {
            return self.term(&found);
        }
        if let Term::Parameter(parameter) = self.describe_at(var, depth + 1) {
            let is_receiver = program.parameter(parameter).is_some_and(|row| row.kind == ParameterKind::Receiver);
            return if is_receiver { Term::Within(parameter, field) } else { Term::Unknown };
        }
        let (Some(made), Some(symbol)) =
            (self.reader.only_maker(var), program.facts.symbols.lookup(self.names.text(field)))
        else {
            return Term::Unknown;
        };
        let Some(stored) = self.reader.stored(made.result, symbol) else { return Term::Unknown };
        let Some(parameter) = parameter_of(self.reader, stored).and_then(|var| program.parameter(var)) else {
            return self.describe_at(stored, depth + 1);
        };
        match self.argument(parameter.var, parameter.function, Some(made.site)) {
            Argument::Given(given) => self.describe_at(given, depth + 1),
            _ => Term::Unknown,
        }
    }

    /// What the values that reach `var` say, if they are one.
    fn of_values(&mut self, var: VarId) -> Term {
        let reader = self.reader;
        let mut values = reader.resolution.values_of(var).filter(|value| !reader.says_text(value.kind));
        let (Some(only), None) = (values.next(), values.next()) else { return Term::Unknown };
        match only.kind {
            ValueKind::External(_) => match reader.library_constant(var) {
                Some(text) => Term::Text(self.names.intern(text)),
                None => Term::Unknown,
            },
            ValueKind::Literal(literal) => self.describe(literal),
            ValueKind::Class(class) => Term::Text(self.entity_of(class)),
            ValueKind::Function(function) => Term::Function(function),
            _ => Term::Unknown,
        }
    }

    fn entry(&self, base: VarId, key: &str) -> Option<VarId> {
        let object = self.reader.object(base)?;
        let program = self.reader.program;
        let r = &program.facts.relations;
        program.entry_by_var.of(&r.entry, object).find(|row| program.text(row.key) == key).map(|row| row.value)
    }

    /// `base + "/orders/" + id`, as a template.
    fn concatenated(&mut self, var: VarId, depth: u32) -> Option<Term> {
        let program = self.reader.program;
        let r = &program.facts.relations;
        let row = program.binary_by_dst.of(&r.binary, var).next()?;
        let right = row.right.filter(|_| program.text(row.operator) == "+")?;
        let sides = [self.describe_at(row.left, depth + 1), self.describe_at(right, depth + 1)];
        sides
            .iter()
            .any(|side| matches!(side, Term::Text(_) | Term::Filled(..) | Term::Parameter(_)))
            .then(|| self.put_together("{}{}", &sides))
    }

    /// The text of a template with its constant holes filled.
    fn put_together(&mut self, text: &str, holes: &[Term]) -> Term {
        let mut out = String::with_capacity(text.len());
        let mut parts = text.split("{}");
        out.push_str(parts.next().unwrap_or_default());
        let mut given: Vec<(Hole, usize)> = Vec::new();
        for (index, part) in parts.enumerate() {
            let before = out.matches("{}").count();
            match holes.get(index) {
                Some(Term::Text(name)) => out.push_str(self.names.text(*name)),
                Some(Term::Filled(hole, name, at)) => {
                    given.push((*hole, before + *at as usize));
                    out.push_str(self.names.text(*name));
                }
                Some(Term::Parameter(parameter)) => {
                    given.push((Hole { parameter: *parameter, field: None }, before));
                    out.push_str("{}");
                }
                Some(Term::Within(parameter, field)) if self.is_receiver(*parameter) => {
                    given.push((Hole { parameter: *parameter, field: Some(*field) }, before));
                    out.push_str("{}");
                }
                _ => out.push_str("{}"),
            }
            out.push_str(part);
        }
        let name = self.names.intern(&out);
        // Of several the object's own part says what kind of thing it is, else the first: `f"{kind}:{id}"`. Which server is
        // asked says less than what it is asked for: `self.base_url + path`.
        let is_server =
            |field: Name| words::words(self.names.text(field)).iter().any(|word| SERVERS.contains(&word.as_str()));
        let says_kind = |hole: &Hole| hole.field.is_some_and(|field| !is_server(field));
        let says_what = |hole: &Hole| hole.field.is_none();
        let first = |which: &dyn Fn(&Hole) -> bool| given.iter().find(|(hole, _)| which(hole)).copied();
        let chosen = first(&says_kind).or_else(|| first(&says_what)).or(given.first().copied());
        match chosen {
            Some((hole, at)) => u8::try_from(at).map_or(Term::Text(name), |at| Term::Filled(hole, name, at)),
            None => self.settled(name),
        }
    }

    pub(super) fn is_receiver(&self, parameter: VarId) -> bool {
        self.reader.program.parameter(parameter).is_some_and(|row| row.kind == ParameterKind::Receiver)
    }

    /// Text of which nothing more will be known.
    fn settled(&self, name: Name) -> Term {
        let text = self.names.text(name);
        let says_nothing = text.contains("{}") && !text.contains(char::is_alphanumeric);
        if says_nothing { Term::Unknown } else { Term::Text(name) }
    }

    /// The text with what a caller passes put in its place.
    fn filled(&mut self, name: Name, at: u8, with: Term) -> Term {
        let text = self.names.text(name);
        let Some((place, _)) = text.match_indices("{}").nth(at as usize) else { return self.settled(name) };
        let (before, after) = (&text[..place], &text[place + 2..]);
        match with {
            Term::Parameter(parameter) => Term::Filled(Hole { parameter, field: None }, name, at),
            Term::Within(parameter, field) if self.is_receiver(parameter) => {
                Term::Filled(Hole { parameter, field: Some(field) }, name, at)
            }
            Term::Text(inner) => {
                let whole = format!("{before}{}{after}", self.names.text(inner));
                let whole = self.names.intern(&whole);
                self.settled(whole)
            }
            Term::Filled(hole, inner, inner_at) => {
                let whole = format!("{before}{}{after}", self.names.text(inner));
                let whole = self.names.intern(&whole);
                at.checked_add(inner_at).map_or(Term::Text(whole), |at| Term::Filled(hole, whole, at))
            }
            _ => self.settled(name),
        }
    }

    /// The entity that a class stands for: its table if it names one, else its own name.
    pub(super) fn entity_of(&mut self, class: ClassId) -> Name {
        if let Some(&name) = self.entities.get(&class) {
            return name;
        }
        let program = self.reader.program;
        let named = self.reader.table_of(class);
        let text = words::entity_name(named.unwrap_or_else(|| program.text(program.class(class).name)));
        let name = self.names.intern(&text);
        self.entities.insert(class, name);
        name
    }

    /// A term as the name of an entity, in the one spelling that tables and classes share.
    pub(super) fn as_entity(&mut self, term: Term) -> Term {
        match term {
            Term::Text(name) => {
                let text = self.names.text(name);
                // A table whose name is put together says nothing.
                if text.is_empty() || text.contains("{}") {
                    return Term::Unknown;
                }
                let text = words::entity_name(text);
                Term::Text(self.names.intern(&text))
            }
            Term::Function(_) | Term::Filled(..) => Term::Unknown,
            Term::Absent => Term::Unknown,
            term => term,
        }
    }

    /// A callee's term at a call: what the caller passes for its parameters.
    /// `call` is the site, none if a library makes the call.
    pub(super) fn at_call(&mut self, term: Term, callee: FunctionId, call: Option<SiteId>) -> Term {
        self.at_call_within(term, callee, call, 0)
    }

    fn at_call_within(&mut self, term: Term, callee: FunctionId, call: Option<SiteId>, depth: u32) -> Term {
        match term {
            Term::Parameter(parameter) => match self.argument(parameter, callee, call) {
                Argument::Given(var) => self.describe_at(var, depth),
                Argument::Omitted => Term::Absent,
                Argument::Elsewhere => term,
                Argument::Gathered(given) => match given[..] {
                    [only] => self.describe(only),
                    _ => Term::Unknown,
                },
                Argument::Hidden | Argument::Keywords(_) => Term::Unknown,
            },
            Term::Filled(hole, name, at) => match self.argument(hole.parameter, callee, call) {
                Argument::Given(var) => {
                    let given = match hole.field {
                        Some(field) => self.held(var, field, depth),
                        None => self.describe_at(var, depth),
                    };
                    self.filled(name, at, given)
                }
                Argument::Elsewhere => term,
                Argument::Gathered(given) => match given[..] {
                    [only] => {
                        let given = self.describe(only);
                        self.filled(name, at, given)
                    }
                    _ => self.settled(name),
                },
                Argument::Omitted | Argument::Hidden | Argument::Keywords(_) => self.settled(name),
            },
            Term::Within(parameter, path) => match self.argument(parameter, callee, call) {
                Argument::Given(var) if self.is_receiver(parameter) => self.held(var, path, depth),
                Argument::Given(var) => {
                    let path: Vec<String> = self.names.text(path).split('.').map(str::to_owned).collect();
                    let found = self.reader.within(var, &path);
                    self.term(&found)
                }
                Argument::Keywords(site) => {
                    let path: Vec<String> = self.names.text(path).split('.').map(str::to_owned).collect();
                    let found = self.reader.keyword(site, &path);
                    self.term(&found)
                }
                Argument::Gathered(given) => {
                    let path: Vec<String> = self.names.text(path).split('.').map(str::to_owned).collect();
                    let found = self.reader.set_by_options(&given, &path);
                    self.term(&found)
                }
                Argument::Omitted => Term::Absent,
                Argument::Elsewhere => term,
                Argument::Hidden => Term::Unknown,
            },
            term => term,
        }
    }

    pub(super) fn role_at_call(&mut self, role: Role, callee: FunctionId, call: Option<SiteId>) -> Role {
        let (parameter, otherwise) = match role {
            Role::Parameter(parameter) => (parameter, HandleRole::Unknown),
            Role::ParameterOr(parameter, otherwise) => (parameter, otherwise),
            role => return role,
        };
        match self.argument(parameter, callee, call) {
            Argument::Given(var) if otherwise != HandleRole::Unknown && self.reader.is_null(var) => otherwise.into(),
            // Handed on: the caller may have been given none, too.
            Argument::Given(var) if self.is_plain_parameter(var) => match (self.role_of(var), otherwise) {
                (Role::Parameter(of_caller), HandleRole::Replica | HandleRole::Primary) => {
                    Role::ParameterOr(of_caller, otherwise)
                }
                (role, _) => role,
            },
            Argument::Given(var) => match self.role_of(var) {
                // `find(db.reader(), id)`; one of several connections has the name of none.
                Role::Unknown if self.reader.maker(var).is_some() && !self.is_one_of_several(var) => {
                    self.reader.role_named(var).into()
                }
                role => role,
            },
            Argument::Elsewhere => role,
            Argument::Omitted => otherwise.into(),
            Argument::Hidden | Argument::Keywords(_) | Argument::Gathered(_) => Role::Unknown,
        }
    }

    pub(super) fn argument(&self, parameter: VarId, callee: FunctionId, call: Option<SiteId>) -> Argument {
        let program = self.reader.program;
        let Some(row) = program.parameter(parameter) else { return Argument::Hidden };
        if row.function != callee {
            return Argument::Elsewhere;
        }
        let Some(site) = call else { return Argument::Hidden };
        match self.reader.given_at(site, row) {
            Some(given) => Argument::Given(given),
            None if row.kind == ParameterKind::KeywordRest => Argument::Keywords(site),
            None if row.kind == ParameterKind::Rest => {
                self.gathered(row, site).map_or(Argument::Hidden, Argument::Gathered)
            }
            None => row.default.map_or(Argument::Omitted, Argument::Given),
        }
    }

    /// What a call gives to the parameter that gathers what is left; none where it cannot be told apart.
    fn gathered(&self, rest: &Parameter, site: SiteId) -> Option<Vec<VarId>> {
        let program = self.reader.program;
        let receivers = program.parameters(rest.function).filter(|row| row.kind == ParameterKind::Receiver).count();
        let first = rest.index.checked_sub(receivers as u32)?;
        let by_position = program.arguments(site).filter(|row| row.position != u32::MAX);
        // What is spread before may reach this far.
        if by_position.clone().any(|row| row.position < first && !row.keyword.is_empty()) {
            return None;
        }
        Some(by_position.filter(|row| row.position >= first).map(|row| row.var).collect())
    }

    /// The role of the connection that `var` is or holds.
    pub(super) fn role_of(&self, var: VarId) -> Role {
        self.role_at(var, 0)
    }

    fn role_at(&self, var: VarId, depth: usize) -> Role {
        if let Some(role) = self.role_by_helper(var, depth) {
            return role;
        }
        let mut found = HandleRole::Unknown;
        let (mut mixed, mut plain) = (false, false);
        for value in self.reader.resolution.values_of(var) {
            if value.role != HandleRole::Unknown {
                mixed |= found != HandleRole::Unknown && found != value.role;
                found = value.role;
            } else {
                plain |= matches!(value.kind, ValueKind::External(_));
            }
        }
        // Some give a connection whose role nothing says.
        mixed |= plain && !self.is_provided(var);
        let root = self.root_of(var, depth);
        if found != HandleRole::Unknown && !mixed && !matches!(root, Role::ParameterOr(..)) {
            return found.into();
        }
        root
    }

    /// The role of what a helper of the project made from a connection that it was given: that of this call's connection, not
    /// of all that the helper was ever given (`tx, err := begin(ctx, pool)`).
    fn role_by_helper(&self, var: VarId, depth: usize) -> Option<Role> {
        const MAX_HELPERS: usize = 4;
        let program = self.reader.program;
        let names_role = |sym: Sym| words::role_of_name(program.text(sym), false) != HandleRole::Unknown;
        if depth >= MAX_HELPERS {
            return None;
        }
        let mut at = var;
        for _ in 0..MAX_DEPTH {
            if program.parameter(at).is_some() || program.variable(at).is_some_and(|row| names_role(row.name)) {
                return None;
            }
            if let Some(call) = program.call_giving(at) {
                return self.role_given(call.site, depth);
            }
            at = match program.loaded_as(at) {
                Some(load) if names_role(load.field) => return None,
                Some(load) => self.reader.stored(load.base, load.field)?,
                None => {
                    let mut sources = program.assigned_from(at).map(|row| row.src);
                    match (sources.next(), sources.next()) {
                        (Some(only), None) => only,
                        (Some(_), Some(_)) => return self.role_of_ways(at, depth),
                        _ => return None,
                    }
                }
            };
        }
        None
    }

    /// The role of what is one of several connections, if a helper made one of them.
    fn role_of_ways(&self, var: VarId, depth: usize) -> Option<Role> {
        let program = self.reader.program;
        const MAX_WAYS: usize = 6;
        let ways = program.assigned_from(var).map(|row| row.src).filter(|way| program.literal(*way).is_none());
        let ways: Vec<VarId> = ways.take(MAX_WAYS).collect();
        ways.iter().find_map(|way| self.role_by_helper(*way, depth + 1))?;
        let mut roles = ways.iter().map(|way| self.role_at(*way, depth + 1));
        let first = roles.next()?;
        Some(if roles.all(|role| role == first) { first } else { Role::Unknown })
    }

    fn role_given(&self, site: SiteId, depth: usize) -> Option<Role> {
        let program = self.reader.program;
        let r = &program.facts.relations;
        let [edge] = self.reader.resolution.calls_at(site) else { return None };
        let given = program.returns_by_function.of(&r.returns, edge.function).filter_map(|row| row.var);
        let mut found = None;
        for var in given.filter(|var| program.literal(*var).is_none()) {
            let role = match self.role_at(var, depth + 1) {
                Role::Unknown => return None,
                Role::Parameter(parameter) | Role::ParameterOr(parameter, _) => {
                    let passed =
                        self.reader.resolution.passed_at(site).iter().find(|row| row.parameter == parameter)?;
                    self.role_at(passed.argument, depth + 1)
                }
                // An accessor of one of the connections: `fn reader(&self) -> &Pool { &self.replica }`.
                role => role,
            };
            if found.is_some_and(|known| known != role) {
                return Some(Role::Unknown);
            }
            found = Some(role);
        }
        found
    }

    /// Whether a function of the project provides the connection: nobody else gives one.
    fn is_provided(&self, var: VarId) -> bool {
        let program = self.reader.program;
        let resolution = self.reader.resolution;
        let answered = |var: VarId| program.parameter(var).is_some() && resolution.imported(var).is_some();
        let Some(load) = program.loaded_as(var) else { return answered(var) };
        let class = self.reader.class_of(load.base);
        let filled = class.into_iter().flat_map(|class| resolution.ancestors(class));
        filled.into_iter().any(|class| resolution.provided(*class, load.field).is_some())
            || self.reader.stored(load.base, load.field).is_some_and(answered)
    }

    /// Whether more than one value is assigned to `var`, or to what it is a copy of: `tx ?? this.connection`.
    fn is_one_of_several(&self, var: VarId) -> bool {
        let mut at = var;
        for _ in 0..MAX_DEPTH {
            let mut sources = self.reader.program.assigned_from(at).map(|row| row.src);
            match (sources.next(), sources.next()) {
                (Some(_), Some(_)) => return true,
                (Some(only), None) => at = only,
                (None, _) => return false,
            }
        }
        false
    }

    fn is_plain_parameter(&self, var: VarId) -> bool {
        self.reader.program.parameter(var).is_some_and(|row| row.kind != ParameterKind::Receiver)
    }

    /// The role of the parameter that a connection comes from: `session` of `session.query(…)`, `self` of `self.session`.
    fn root_of(&self, var: VarId, depth: usize) -> Role {
        let program = self.reader.program;
        let mut at = var;
        for _ in 0..MAX_DEPTH {
            if program.parameter(at).is_some() {
                return Role::Parameter(at);
            }
            if let Some(load) = program.loaded_as(at) {
                at = load.base;
            } else if let Some(call) = program.call_giving(at) {
                // `on("orders")`, where a connection is called itself.
                let called = || call.callee.filter(|_| self.reader.resolution.calls_at(call.site).is_empty());
                let Some(receiver) = call.receiver.or_else(called) else { break };
                at = receiver;
            } else {
                let mut sources = program.assigned_from(at).map(|row| row.src);
                match (sources.next(), sources.next(), sources.next()) {
                    (Some(only), None, _) => at = only,
                    (Some(given), Some(otherwise), None) => return self.given_or(given, otherwise, depth),
                    _ => break,
                }
            }
        }
        Role::Unknown
    }

    /// `tx ?? this.replica`: what is passed, else a connection that is there.
    fn given_or(&self, given: VarId, otherwise: VarId, depth: usize) -> Role {
        const MAX_CHOICES: usize = 3;
        if depth >= MAX_CHOICES || !self.is_plain_parameter(given) {
            return Role::Unknown;
        }
        match self.role_at(otherwise, depth + 1) {
            Role::Primary => Role::ParameterOr(given, HandleRole::Primary),
            Role::Replica => Role::ParameterOr(given, HandleRole::Replica),
            _ => Role::Unknown,
        }
    }
}

impl<'m, 'f> Reader<'m, 'f> {
    /// The entity that an annotation of a class names: `@Entity("orders")`.
    pub(super) fn annotated_entity(&self, class: ClassId) -> Option<&'m str> {
        let program = self.program;
        let rows = program.annotation_by_class.of(&program.facts.relations.class_annotation, class);
        rows.into_iter().find_map(|row| {
            let call = program.call(row.site)?;
            let declares = self.models.declares(self.family(row.site), program.written_name(call))?;
            declares.entity.iter().find_map(|argument| {
                let found = match argument.parse() {
                    Ok(position) => self.position(row.site, position, &[]),
                    Err(_) => self.named(row.site, argument, &[]),
                };
                match found {
                    Found::Is(Operand::Var(var)) => self.constant(var),
                    _ => None,
                }
            })
        })
    }

    /// What the call `site` passes at `path` of the parameter that the operand `var` is.
    pub(super) fn passed_within(&self, site: SiteId, var: VarId, path: &[String]) -> Found {
        let Some(parameter) = parameter_of(*self, var) else { return Found::Unknown };
        let passed = self.resolution.passed_at(site).iter().find(|row| row.parameter == parameter);
        match (passed, self.program.parameter(parameter).map(|row| row.kind)) {
            (Some(row), _) => self.within(row.argument, path),
            (None, Some(ParameterKind::KeywordRest)) => self.keyword(site, path),
            _ => Found::Unknown,
        }
    }
}

pub(super) enum Argument {
    Given(VarId),
    /// What is given for a parameter that gathers what is left: none, some, or one that is spread.
    Gathered(Vec<VarId>),
    Omitted,
    /// The parameter is of a function around the callee.
    Elsewhere,
    /// The caller is not seen (a callback run by a library).
    Hidden,
    /// All keyword arguments of the call that no other parameter takes.
    Keywords(SiteId),
}

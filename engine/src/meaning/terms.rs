//! Terms: what is known of an entity, a key, a topic or a method, in words that pass through calls.

use distsys_facts::schema::Call;
use distsys_facts::{ClassId, ClassKind, FunctionId, Interner, LiteralKind, ParameterKind, SiteId, Sym, VarId};
use rustc_hash::FxHashMap;

use super::at_calls::Argument;
use super::callbacks::parameter_of;
use super::handed_in;
use super::operations::{Found, Operand};
use super::reader::Reader;
use super::spelled::unnamed_holes;
use crate::model::Family;
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
    /// What the caller passes there (or a text that stands for that), else the last text: `options.method ?? "GET"`,
    /// `body ? "POST" : "GET"`.
    Given(Hole, Option<Name>, Name),
}

/// What the caller passes as a parameter, or what the object passed as one holds in a field: `self.prefix`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hole {
    pub(super) parameter: VarId,
    pub(super) field: Option<Name>,
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
    /// The first where what the caller decides holds (this condition), else the second: `writer if fresh else reader`.
    Chosen(VarId, HandleRole, HandleRole),
    /// The replica's, unless the context passed as this parameter holds what a helper put into it.
    Carried(VarId),
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
    pub(super) known: FxHashMap<VarId, Term>,
    pub(super) entities: FxHashMap<ClassId, Term>,
    /// Classes of which there may be several objects, as far as that was asked.
    pub(super) made_often: FxHashMap<ClassId, bool>,
}

pub(super) const MAX_DEPTH: u32 = 12;

/// Words of fields that hold where a server is.
const SERVERS: &[&str] = &["base", "url", "uri", "host", "endpoint", "origin", "root", "server", "address", "domain"];

impl<'m, 'f> Describer<'m, 'f> {
    pub(super) fn new(reader: Reader<'m, 'f>) -> Self {
        Describer {
            reader,
            names: Names::default(),
            known: FxHashMap::default(),
            entities: FxHashMap::default(),
            made_often: FxHashMap::default(),
        }
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
            Operand::Class(class) => self.entity_of(*class),
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

    pub(super) fn describe_at(&mut self, var: VarId, depth: u32) -> Term {
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
        if let Some(term) = self.text_or(var, depth) {
            return term;
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
                    | "as_ref"
                    | "as_bytes"
                    | "into_bytes"
                    | "getBytes"
                    | "text"
            ) && let Some(inner) = call.receiver.or_else(|| program.arguments(call.site).next().map(|row| row.var))
            {
                let said = self.describe_at(inner, depth + 1);
                return match said {
                    // `KEY.format(tenant=tenant)`: a text that is said elsewhere.
                    Term::Text(text) if name == "format" => {
                        let open = unnamed_holes(self.names.text(text));
                        let open = self.names.intern(&open);
                        self.settled(open)
                    }
                    said => said,
                };
            }
            if let Some(text) = self.newtype(call) {
                return self.describe_at(text, depth + 1);
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
            if let Some(term) = self.part_or_text(var, &terms) {
                return term;
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
                    // `prefix` of a base class, which each class below says in its own way.
                    true if self.is_said_below(load.base, load.field) => Term::Within(parameter, field),
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

    /// What `OrderKey(text)` is made of: a struct of one unnamed field, be it that a macro declares it, says what that says.
    fn newtype(&self, call: &Call) -> Option<VarId> {
        let (program, resolution) = (self.reader.program, self.reader.resolution);
        let mut given = program.arguments(call.site);
        let only = given.next().filter(|row| row.keyword.is_empty())?;
        let (None, Some(callee)) = (given.next(), call.callee) else { return None };
        let mut made = resolution.values_of(callee);
        let is_struct = match made.next()?.kind {
            ValueKind::Class(class) => {
                let fields = program.field_by_class.of(&program.facts.relations.field, class).count();
                program.class(class).kind == ClassKind::Struct && fields <= 1
            }
            ValueKind::External(_) => {
                self.reader.family(call.site) == Family::Rust
                    && program.text(call.name).starts_with(|first: char| first.is_ascii_uppercase())
            }
            _ => false,
        };
        (is_struct && made.next().is_none()).then_some(only.var)
    }

    /// The text that the object `base` keeps in a field, as far as it is the same for all objects of its class.
    fn stored_text(&mut self, base: VarId, field: Sym, depth: u32) -> Term {
        let stored = self.reader.stored(base, field);
        let text = stored.map(|stored| self.describe_at(stored, depth + 1)).and_then(Term::pattern);
        text.map_or(Term::Unknown, |text| self.settled(text))
    }

    /// Whether classes below that of the object `base` have a field of their own in the place of its.
    fn is_said_below(&self, base: VarId, field: Sym) -> bool {
        self.reader.class_of(base).is_some_and(|class| self.reader.resolution.is_overridden(class, field))
    }

    /// Whether what the object `base` holds in a field is what its constructor was given.
    fn is_given_to_constructor(&self, base: VarId, field: Sym) -> bool {
        let stored = self.reader.stored(base, field);
        stored.is_some_and(|stored| parameter_of(self.reader, stored).is_some())
    }

    /// What the object that `var` is holds in a field: what it was made with, where that is seen.
    pub(super) fn held(&mut self, var: VarId, field: Name, depth: u32) -> Term {
        let program = self.reader.program;
        let path = self.path_of(field);
        // `request.key(id);`, then what made it.
        let found = match self.reader.filled(var, &path, 0, 0) {
            Found::Absent => self.reader.built_entry(var, &path, 0),
            found => Some(found),
        };
        if let Some(found) = found.filter(|found| *found != Found::Unknown) {
            return self.term(&found);
        }
        let symbol = program.facts.symbols.lookup(self.names.text(field));
        if let Term::Parameter(parameter) = self.describe_at(var, depth + 1) {
            if !self.is_receiver(parameter) {
                return Term::Unknown;
            }
            // A method that calls one of its base class: what its own class says there, if none below does.
            let own = symbol.filter(|symbol| !self.is_said_below(var, *symbol));
            let said = own
                .and_then(|symbol| self.reader.stored(var, symbol))
                .map(|stored| self.said(stored, None, var, depth));
            return match said {
                Some(text @ Term::Text(_)) => text,
                _ => Term::Within(parameter, field),
            };
        }
        // What a container gives, or a field holds, is of its class though it is not seen to be made.
        let made = self.reader.only_maker(var).filter(|made| self.reader.class_of(made.result).is_some());
        let object = made.map_or(var, |made| made.result);
        let Some(stored) = symbol.and_then(|symbol| self.reader.stored(object, symbol)) else { return Term::Unknown };
        if made.is_none() && symbol.is_some_and(|symbol| self.is_said_below(var, symbol)) {
            return Term::Unknown;
        }
        self.said(stored, made.map(|made| made.site), object, depth)
    }

    /// What was stored in a field of an `object` that was `made` at a site: what its constructor was given there, or was given
    /// by that of a class below: `super("product")`.
    fn said(&mut self, stored: VarId, made: Option<SiteId>, object: VarId, depth: u32) -> Term {
        let (program, resolution) = (self.reader.program, self.reader.resolution);
        let Some(parameter) = parameter_of(self.reader, stored).and_then(|var| program.parameter(var)) else {
            return self.describe_at(stored, depth + 1);
        };
        if depth > MAX_DEPTH {
            return Term::Unknown;
        }
        let calls = |site: &SiteId| resolution.calls_at(*site).iter().any(|edge| edge.function == parameter.function);
        if let Some(site) = made.filter(calls) {
            return match self.argument(parameter.var, parameter.function, Some(site)) {
                Argument::Given(given) => self.describe_at(given, depth + 1),
                _ => Term::Unknown,
            };
        }
        let Some(class) = self.reader.class_of(object) else { return Term::Unknown };
        let is_below = |site: SiteId| {
            let of = program.function(program.site(site).function).class;
            of.is_some_and(|of| resolution.ancestors(class).contains(&of))
        };
        let mut passed = resolution.passed_to(parameter.var).filter(|row| is_below(row.site)).map(|row| row.argument);
        match (passed.next(), passed.next()) {
            (Some(only), None) => self.said(only, made, object, depth + 1),
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
            ValueKind::Class(class) => self.entity_of(class),
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
    pub(super) fn put_together(&mut self, text: &str, holes: &[Term]) -> Term {
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
                Some(Term::Within(parameter, field)) => {
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
        let is_own = |hole: &Hole| hole.field.is_some() && self.is_receiver(hole.parameter);
        let says_kind = |hole: &Hole| is_own(hole) && hole.field.is_some_and(|field| !is_server(field));
        let says_what = |hole: &Hole| !is_own(hole);
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
    pub(super) fn settled(&self, name: Name) -> Term {
        let text = self.names.text(name);
        let says_nothing = text.contains("{}") && !text.contains(char::is_alphanumeric);
        if says_nothing { Term::Unknown } else { Term::Text(name) }
    }

    /// The text with what a caller passes put in its place.
    pub(super) fn filled(&mut self, name: Name, at: u8, with: Term) -> Term {
        let text = self.names.text(name);
        let Some((place, _)) = text.match_indices("{}").nth(at as usize) else { return self.settled(name) };
        let (before, after) = (&text[..place], &text[place + 2..]);
        match with {
            Term::Parameter(parameter) => Term::Filled(Hole { parameter, field: None }, name, at),
            Term::Within(parameter, field) => Term::Filled(Hole { parameter, field: Some(field) }, name, at),
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
    pub(super) fn entity_of(&mut self, class: ClassId) -> Term {
        if let Some(&entity) = self.entities.get(&class) {
            return entity;
        }
        let entity = match self.reader.is_base_of_rows(class) {
            true => Term::Unknown,
            false => Term::Text(self.names.intern(&self.reader.entity_text(class))),
        };
        self.entities.insert(class, entity);
        entity
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
}

impl<'m, 'f> Reader<'m, 'f> {
    /// The name of the entity that a class stands for.
    pub(super) fn entity_text(&self, class: ClassId) -> String {
        let named = self.table_of(class);
        words::entity_name(named.unwrap_or_else(|| self.program.text(self.program.class(class).name)))
    }

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

//! Names, columns and types: from what is written to rules over numbered relations and slots.

use distsys_facts::IdKind;
use regex::Regex;
use rustc_hash::FxHashMap;

use super::ast::{Aggregate, Atom, Clause, Comparison, Functor, Literal, Program, Term, TermKind, Test};
use super::expression::{AggregateOf, AtomOf, Expression, LiteralOf, Pattern, RangeOf, Rule};
use super::problem::{Pos, Problem, nearest};
use super::relation::{Column, Database, Type};
use super::subtypes;

type Checked<T> = Result<T, Problem>;

/// Declares the relations of a program, so that they can be filled before it is evaluated.
///
/// # Errors
/// A type that is not known, a relation that is there already, a directive for none.
pub fn declare(program: &Program, database: &mut Database) -> Checked<()> {
    let types = types(program)?;
    for decl in &program.decls {
        if database.relation(&decl.name).is_some() {
            let message = format!("there is a relation `{}` already; take another name", decl.name);
            return Err(Problem::at(&program.texts, decl.pos, message));
        }
        let mut columns: Vec<Column> = Vec::new();
        for (name, type_) in &decl.columns {
            if columns.iter().any(|column| column.name == *name) {
                return Err(Problem::at(&program.texts, decl.pos, format!("`{}` has two columns `{name}`", decl.name)));
            }
            let Some(type_) = types.get(type_.as_str()) else {
                let known = nearest(type_, types.keys().copied());
                let hint = known.map_or("known are number, symbol and the kinds of ids".to_owned(), |known| {
                    format!("did you mean `{known}`?")
                });
                return Err(Problem::at(&program.texts, decl.pos, format!("there is no type `{type_}`; {hint}")));
            };
            columns.push(Column { name: name.clone(), type_: *type_ });
        }
        database.declare(&decl.name, columns);
    }
    infer(program, database)?;
    subtypes::check(program)?;
    for directive in &program.directives {
        if database.relation(&directive.relation).is_none() {
            return Err(unknown(program, database, &directive.relation, directive.pos));
        }
        if let Some(problem) = directive.beyond() {
            return Err(Problem::at(&program.texts, directive.pos, problem));
        }
    }
    Ok(())
}

/// Declares heads without a declaration by what their clauses bind: columns are named like the variables.
fn infer(program: &Program, database: &mut Database) -> Checked<()> {
    loop {
        let mut problem = None;
        let mut inferred = None;
        for clause in &program.clauses {
            if database.relation(&clause.head.relation).is_some() {
                continue;
            }
            let mut clauses = Clauses {
                program,
                database: &mut *database,
                names: Vec::new(),
                types: Vec::new(),
                hoisted: Vec::new(),
            };
            match clauses.head_columns(clause) {
                Ok(columns) => {
                    inferred = Some((clause.head.relation.clone(), columns));
                    break;
                }
                // Another clause, or another relation first, may say it.
                Err(found) => problem = problem.or(Some(found)),
            }
        }
        match (inferred, problem) {
            (Some((name, columns)), _) => {
                database.declare(&name, columns);
            }
            (None, Some(problem)) => return Err(problem),
            (None, None) => return Ok(()),
        }
    }
}

/// Resolves the clauses of a program whose relations are declared.
pub(super) fn check(program: &Program, database: &mut Database) -> Checked<Vec<Rule>> {
    program
        .clauses
        .iter()
        .map(|clause| {
            Clauses { program, database, names: Vec::new(), types: Vec::new(), hoisted: Vec::new() }
                .rule(&clause.head, &clause.body)
        })
        .collect()
}

fn unknown(program: &Program, database: &Database, name: &str, pos: Pos) -> Problem {
    let known = nearest(name, database.relations().iter().map(|relation| relation.name.as_str()));
    let hint = known.and_then(|known| database.relation(known)).map_or_else(
        || "declare it with `.decl`".to_owned(),
        |relation| {
            let columns: Vec<&str> = relation.columns.iter().map(|column| column.name.as_str()).collect();
            format!("did you mean `{}({})`?", relation.name, columns.join(", "))
        },
    );
    Problem::at(&program.texts, pos, format!("there is no relation `{name}`; {hint}"))
}

/// The types that a program may name.
fn types(program: &Program) -> Checked<FxHashMap<&str, Type>> {
    let mut types: FxHashMap<&str, Type> = FxHashMap::default();
    types.insert("number", Type::Number);
    types.insert("symbol", Type::Symbol);
    for kind in IdKind::ALL {
        types.insert(kind.name(), Type::Id(kind));
    }
    for (number, decl) in program.types.iter().enumerate() {
        if program.types[..number].iter().any(|known| known.name == decl.name) {
            return Err(Problem::at(&program.texts, decl.pos, format!("the type `{}` is there already", decl.name)));
        }
    }
    let mut open: Vec<_> = program.types.iter().collect();
    while !open.is_empty() {
        let before = open.len();
        open.retain(|decl| {
            let known = decl.bases.iter().find_map(|base| types.get(base.as_str()).copied());
            // The facts' own kinds keep their meaning when a program repeats their declaration.
            if let Some(known) = known {
                types.entry(&decl.name).or_insert(known);
            }
            known.is_none()
        });
        if open.len() == before {
            let decl = open[0];
            let message =
                format!("the type `{}` rests on nothing that is known: `{}`", decl.name, decl.bases.join(" | "));
            return Err(Problem::at(&program.texts, decl.pos, message));
        }
    }
    for decl in &program.types {
        let mut bases = decl.bases.iter().map(|base| (base, types.get(base.as_str())));
        if let (Some((first, one)), Some((other, another))) =
            (bases.next(), bases.clone().find(|(_, type_)| *type_ != types.get(decl.bases[0].as_str())))
        {
            let kind = |type_: Option<&Type>| type_.map_or("nothing that is known".to_owned(), |type_| says(*type_));
            let message = format!(
                "the type `{}` is a union of what is not alike: `{first}` is {}, `{other}` is {}",
                decl.name,
                kind(one),
                kind(another)
            );
            return Err(Problem::at(&program.texts, decl.pos, message));
        }
    }
    Ok(types)
}

fn says(type_: Type) -> String {
    match type_ {
        Type::Number => "a number".to_owned(),
        Type::Symbol => "a symbol".to_owned(),
        Type::Id(kind) => format!("the id of a {}", kind.name()),
    }
}

struct Clauses<'p> {
    program: &'p Program,
    database: &'p mut Database,
    /// Slots: variables, then what aggregates give.
    names: Vec<String>,
    types: Vec<Option<Type>>,
    /// Aggregates taken out of the terms that they stand in.
    hoisted: Vec<LiteralOf>,
}

impl Clauses<'_> {
    fn error<T>(&self, pos: Pos, message: impl Into<String>) -> Checked<T> {
        Err(Problem::at(&self.program.texts, pos, message))
    }

    fn rule(mut self, head: &Atom, body: &[Literal]) -> Checked<Rule> {
        let literals = self.literals(body)?;
        let atom = self.atom(head)?;
        let mut values = Vec::new();
        for (pattern, argument) in atom.patterns.into_iter().zip(&head.arguments) {
            match pattern {
                Pattern::Is(expression) => values.push(expression),
                Pattern::Any => return self.error(argument.term.pos, "a head cannot hold `_`: say what stands there"),
            }
        }
        if values.len() < head.arguments.len() || self.database.relations()[atom.relation].columns.len() != values.len()
        {
            return self.error(head.pos, "a head names all of its columns");
        }
        Ok(Rule { head: atom.relation, values, body: literals, slots: self.names, pos: head.pos })
    }

    fn head_columns(&mut self, clause: &Clause) -> Checked<Vec<Column>> {
        // What is declared already says the types; the rest may follow from this very clause.
        let is_known = |literal: &&Literal| {
            let mut used = Vec::new();
            literal.relations(&mut used);
            let is_open = |name: &&str| {
                let defined = self.program.clauses.iter().any(|clause| clause.head.relation == *name);
                defined && self.database.relation(name).is_none()
            };
            !used.iter().any(is_open)
        };
        let known: Vec<Literal> = clause.body.iter().filter(is_known).cloned().collect();
        self.literals(&known)?;
        let mut columns: Vec<Column> = Vec::new();
        for (number, argument) in clause.head.arguments.iter().enumerate() {
            let type_ = match (&argument.term.kind, self.type_of(&argument.term)) {
                (_, Some(type_)) => type_,
                (TermKind::Number(_), None) => Type::Number,
                _ => {
                    let message = format!(
                        "the type of this column of `{}` is not known; declare the relation with `.decl`",
                        clause.head.relation
                    );
                    return self.error(argument.term.pos, message);
                }
            };
            let name = match &argument.term.kind {
                TermKind::Variable(name) if columns.iter().all(|column| column.name != *name) => name.clone(),
                _ => format!("column{}", number + 1),
            };
            columns.push(Column { name: argument.column.clone().unwrap_or(name), type_ });
        }
        Ok(columns)
    }

    fn literals(&mut self, body: &[Literal]) -> Checked<Vec<LiteralOf>> {
        let mut found = Vec::new();
        // Atoms first: they say the types of their variables.
        let (atoms, others): (Vec<_>, Vec<_>) = body.iter().partition(|literal| matches!(literal, Literal::Atom(_)));
        // What stands outside of the aggregates is not theirs, wherever it stands.
        let mut named = Vec::new();
        body.iter().for_each(|literal| literal.variables(&mut named));
        for name in named {
            self.slot(name);
        }
        for literal in atoms.into_iter().chain(others) {
            let resolved = match literal {
                Literal::Atom(atom) => LiteralOf::Atom(self.atom(atom)?),
                Literal::Not(atom) => LiteralOf::Not(self.atom(atom)?),
                Literal::Compare(comparison, left, right) => self.compare(*comparison, left, right)?,
                Literal::Test(test, part, text, holds) => {
                    if let (Test::Match, TermKind::Text(pattern)) = (test, &part.kind)
                        && !is_pattern(pattern)
                    {
                        return self.error(part.pos, format!("`{pattern}` is no regular expression"));
                    }
                    let part = self.typed(part, Type::Symbol)?;
                    LiteralOf::Test(*test, part, self.typed(text, Type::Symbol)?, *holds)
                }
                Literal::Constant(true) => continue,
                Literal::Constant(false) => LiteralOf::Never,
            };
            found.append(&mut self.hoisted);
            found.push(resolved);
        }
        Ok(found)
    }

    fn atom(&mut self, atom: &Atom) -> Checked<AtomOf> {
        let Some(number) = self.database.number(&atom.relation) else {
            return Err(unknown(self.program, self.database, &atom.relation, atom.pos));
        };
        let columns = self.database.relations()[number].columns.clone();
        let named = atom.arguments.iter().any(|argument| argument.column.is_some());
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let shape = format!("`{}({})`", atom.relation, names.join(", "));
        if !named && atom.arguments.len() != columns.len() {
            return self
                .error(atom.pos, format!("{shape} has {} columns, here are {}", columns.len(), atom.arguments.len()));
        }
        let mut patterns = vec![Pattern::Any; columns.len()];
        for (position, argument) in atom.arguments.iter().enumerate() {
            let column = match &argument.column {
                Some(name) => match names.iter().position(|known| known == name) {
                    Some(column) => column,
                    None => {
                        let hint = nearest(name, names.iter().copied())
                            .map_or_else(|| format!("it is {shape}"), |known| format!("did you mean `{known}`?"));
                        return self
                            .error(argument.term.pos, format!("`{}` has no column `{name}`; {hint}", atom.relation));
                    }
                },
                None if named => {
                    return self.error(argument.term.pos, "columns are either all named or all by position");
                }
                None => position,
            };
            if matches!(argument.term.kind, TermKind::Wildcard) {
                continue;
            }
            patterns[column] = Pattern::Is(self.typed(&argument.term, columns[column].type_)?);
        }
        Ok(AtomOf { relation: number, patterns })
    }

    fn compare(&mut self, comparison: Comparison, left: &Term, right: &Term) -> Checked<LiteralOf> {
        let type_ = self.type_of(left).or_else(|| self.type_of(right));
        let (Some(type_), true) = (type_, !is_wildcard(left) && !is_wildcard(right)) else {
            // Two variables of which nothing is known yet: numbers, unless an atom says otherwise.
            let (left, right) = (self.typed(left, Type::Number)?, self.typed(right, Type::Number)?);
            return Ok(LiteralOf::Compare(comparison, left, right, Type::Number));
        };
        let (left, right) = (self.typed(left, type_)?, self.typed(right, type_)?);
        Ok(LiteralOf::Compare(comparison, left, right, type_))
    }

    /// The type of a term as far as it is known without its place.
    fn type_of(&self, term: &Term) -> Option<Type> {
        match &term.kind {
            TermKind::Variable(name) => {
                self.names.iter().position(|known| known == name).and_then(|slot| self.types[slot])
            }
            TermKind::Text(_) => Some(Type::Symbol),
            TermKind::Call(Functor::Cat | Functor::Substring | Functor::ToText, _) => Some(Type::Symbol),
            TermKind::Call(..) | TermKind::Aggregate(..) | TermKind::Range(_) => Some(Type::Number),
            // `site = 0` asks whether there is one.
            TermKind::Number(_) | TermKind::Wildcard => None,
        }
    }

    fn typed(&mut self, term: &Term, wanted: Type) -> Checked<Expression> {
        let mismatch = |found: Type| format!("expected {}, found {}", says(wanted), says(found));
        match &term.kind {
            TermKind::Wildcard => self.error(term.pos, "`_` stands for a column of an atom only"),
            TermKind::Number(_) if wanted == Type::Symbol => self.error(term.pos, mismatch(Type::Number)),
            TermKind::Number(number) => Ok(Expression::Constant(*number as u32)),
            TermKind::Text(_) if wanted != Type::Symbol => self.error(term.pos, mismatch(Type::Symbol)),
            TermKind::Text(text) => Ok(Expression::Constant(self.database.symbols.intern(text).0)),
            TermKind::Variable(name) => {
                let slot = self.slot(name);
                match self.types[slot] {
                    Some(known) if !agree(known, wanted) => {
                        self.error(term.pos, format!("`{name}`: {}", mismatch(known)))
                    }
                    Some(Type::Number) | None => {
                        self.types[slot] = Some(wanted);
                        Ok(Expression::Slot(slot))
                    }
                    Some(_) => Ok(Expression::Slot(slot)),
                }
            }
            TermKind::Call(functor, arguments) => {
                let (takes, gives) = match functor {
                    Functor::Cat => (vec![Type::Symbol; arguments.len()], Type::Symbol),
                    Functor::Substring => (vec![Type::Symbol, Type::Number, Type::Number], Type::Symbol),
                    Functor::Length | Functor::ToNumber | Functor::Ordinal => (vec![Type::Symbol], Type::Number),
                    Functor::ToText => (vec![Type::Number], Type::Symbol),
                    _ => (vec![Type::Number; arguments.len()], Type::Number),
                };
                if !agree(gives, wanted) {
                    return self.error(term.pos, mismatch(gives));
                }
                let arguments: Checked<Vec<Expression>> =
                    arguments.iter().zip(takes).map(|(argument, type_)| self.typed(argument, type_)).collect();
                Ok(Expression::Call(*functor, arguments?))
            }
            TermKind::Range(_) if wanted == Type::Symbol => self.error(term.pos, mismatch(Type::Number)),
            TermKind::Range(bounds) => self.range(bounds),
            TermKind::Aggregate(..) if wanted == Type::Symbol => self.error(term.pos, mismatch(Type::Number)),
            TermKind::Aggregate(aggregate, value, bodies) => self.aggregate(*aggregate, value.as_deref(), bodies),
        }
    }

    /// Takes an aggregate out of its term: a literal that binds a slot of its own.
    fn aggregate(
        &mut self,
        aggregate: Aggregate,
        value: Option<&Term>,
        bodies: &[Vec<Literal>],
    ) -> Checked<Expression> {
        let before = self.names.len();
        let hoisted = std::mem::take(&mut self.hoisted);
        let mut resolved = Vec::new();
        for body in bodies {
            resolved.push(self.literals(body)?);
        }
        let value = value.map(|value| self.typed(value, Type::Number)).transpose()?;
        self.hoisted = hoisted;
        let mut used = Vec::new();
        resolved.iter().flatten().for_each(|literal| slots_of(literal, &mut used));
        value.iter().for_each(|value| value.slots(&mut used));
        used.sort_unstable();
        used.dedup();
        let outer = used.iter().copied().filter(|slot| *slot < before).collect();
        // What the bodies name for the first time is theirs alone.
        for name in &mut self.names[before..] {
            name.push('\'');
        }
        let slot = self.nameless();
        self.hoisted.push(LiteralOf::Aggregate(AggregateOf { slot, aggregate, value, bodies: resolved, outer }));
        Ok(Expression::Slot(slot))
    }

    /// Takes a range out of its term: a literal that binds a slot of its own.
    fn range(&mut self, bounds: &[Term]) -> Checked<Expression> {
        let bounds: Checked<Vec<Expression>> = bounds.iter().map(|bound| self.typed(bound, Type::Number)).collect();
        let mut bounds = bounds?.into_iter();
        let (Some(from), Some(to), step) = (bounds.next(), bounds.next(), bounds.next()) else {
            return Ok(Expression::Constant(0));
        };
        let slot = self.nameless();
        self.hoisted.push(LiteralOf::Range(RangeOf { slot, from, to, step }));
        Ok(Expression::Slot(slot))
    }

    /// A slot that no variable of the text names.
    fn nameless(&mut self) -> usize {
        self.names.push(String::new());
        self.types.push(Some(Type::Number));
        self.names.len() - 1
    }

    fn slot(&mut self, name: &str) -> usize {
        if let Some(slot) = self.names.iter().position(|known| known == name) {
            return slot;
        }
        self.names.push(name.to_owned());
        self.types.push(None);
        self.names.len() - 1
    }
}

fn is_pattern(text: &str) -> bool {
    Regex::new(&format!("^(?:{text})$")).is_ok()
}

fn is_wildcard(term: &Term) -> bool {
    matches!(term.kind, TermKind::Wildcard)
}

/// Ids are numbers, but not those of another kind.
fn agree(left: Type, right: Type) -> bool {
    left == right || matches!((left, right), (Type::Number, Type::Id(_)) | (Type::Id(_), Type::Number))
}

/// The slots that a literal uses or binds.
pub(super) fn slots_of(literal: &LiteralOf, found: &mut Vec<usize>) {
    match literal {
        LiteralOf::Atom(atom) | LiteralOf::Not(atom) => {
            for pattern in &atom.patterns {
                if let Pattern::Is(expression) = pattern {
                    expression.slots(found);
                }
            }
        }
        LiteralOf::Compare(_, left, right, _) | LiteralOf::Test(_, left, right, _) => {
            left.slots(found);
            right.slots(found);
        }
        LiteralOf::Aggregate(aggregate) => {
            found.push(aggregate.slot);
            found.extend(&aggregate.outer);
        }
        LiteralOf::Range(range) => {
            found.push(range.slot);
            range.bounds().for_each(|bound| bound.slots(found));
        }
        LiteralOf::Never => {}
    }
}

//! A program as it is written.

use super::problem::{Pos, Texts};

/// What a file says, with everything that it includes.
#[derive(Clone, Debug, Default)]
pub struct Program {
    pub(super) texts: Texts,
    pub(super) types: Vec<TypeDecl>,
    /// Where terms begin that are said to be of another type: `as(x, type)`.
    pub(super) casts: Vec<Pos>,
    pub(super) decls: Vec<Decl>,
    pub(super) clauses: Vec<Clause>,
    /// `.input`, `.output` and `.printsize`, in order.
    pub directives: Vec<Io>,
}

/// A relation to be read or shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Io {
    pub kind: IoKind,
    pub relation: String,
    /// `filename`, `delimiter`, `headers`, …
    pub parameters: Vec<(String, String)>,
    pub(super) pos: Pos,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoKind {
    Input,
    Output,
    PrintSize,
}

#[derive(Clone, Debug)]
pub(super) struct TypeDecl {
    pub name: String,
    /// What it is a kind of, or another name for; several for a union.
    pub bases: Vec<String>,
    /// A kind of its own below its base (`<:`), which not every value of the base is.
    pub is_new: bool,
    pub pos: Pos,
}

#[derive(Clone, Debug)]
pub(super) struct Decl {
    pub name: String,
    /// Name and type.
    pub columns: Vec<(String, String)>,
    pub pos: Pos,
}

/// `head :- body.`; a fact has no literals.
#[derive(Clone, Debug)]
pub(super) struct Clause {
    pub head: Atom,
    pub body: Vec<Literal>,
}

#[derive(Clone, Debug)]
pub(super) struct Atom {
    pub relation: String,
    pub arguments: Vec<Argument>,
    pub pos: Pos,
}

/// `term`, or `column: term`.
#[derive(Clone, Debug)]
pub(super) struct Argument {
    pub column: Option<String>,
    pub term: Term,
}

#[derive(Clone, Debug)]
pub(super) enum Literal {
    Atom(Atom),
    Not(Atom),
    Compare(Comparison, Term, Term),
    /// `contains(part, text)`, `match(pattern, text)`; `false`: must not hold.
    Test(Test, Term, Term, bool),
    /// `true`, `false`.
    Constant(bool),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Contains,
    Match,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

#[derive(Clone, Debug)]
pub(super) struct Term {
    pub kind: TermKind,
    pub pos: Pos,
}

#[derive(Clone, Debug)]
pub(super) enum TermKind {
    Variable(String),
    Wildcard,
    Number(i32),
    Text(String),
    Call(Functor, Vec<Term>),
    Aggregate(Aggregate, Option<Box<Term>>, Vec<Vec<Literal>>),
    /// `range(from, to)`, `range(from, to, step)`: each number from the first up to the second, which is left out.
    Range(Vec<Term>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aggregate {
    Count,
    Sum,
    Min,
    Max,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Functor {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
    Negate,
    BitAnd,
    BitOr,
    BitXor,
    BitNot,
    ShiftLeft,
    ShiftRight,
    LogicalAnd,
    LogicalOr,
    LogicalNot,
    Min,
    Max,
    Cat,
    Length,
    Substring,
    ToNumber,
    ToText,
    Ordinal,
}

impl Program {
    /// Heads that no other head's body uses: what the program is for.
    pub(super) fn unused_heads(&self) -> Vec<(String, Pos)> {
        let mut used = Vec::new();
        for clause in &self.clauses {
            let mut own = Vec::new();
            clause.body.iter().for_each(|literal| literal.relations(&mut own));
            used.extend(own.into_iter().filter(|relation| *relation != clause.head.relation));
        }
        let mut heads: Vec<(String, Pos)> = Vec::new();
        for head in self.clauses.iter().map(|clause| &clause.head) {
            if !used.contains(&head.relation.as_str()) && heads.iter().all(|(known, _)| *known != head.relation) {
                heads.push((head.relation.clone(), head.pos));
            }
        }
        heads
    }

    /// The relations that the program declares or derives.
    pub fn defined(&self) -> impl Iterator<Item = &str> {
        let declared = self.decls.iter().map(|decl| decl.name.as_str());
        declared.chain(self.clauses.iter().map(|clause| clause.head.relation.as_str()))
    }

    /// The relations that the program uses and does not define.
    pub fn foreign(&self) -> Vec<&str> {
        let mut used: Vec<&str> = Vec::new();
        for clause in &self.clauses {
            used.push(&clause.head.relation);
            clause.body.iter().for_each(|literal| literal.relations(&mut used));
        }
        used.extend(self.directives.iter().map(|directive| directive.relation.as_str()));
        let defined = |name: &str| {
            self.decls.iter().any(|decl| decl.name == name)
                || self.clauses.iter().any(|clause| clause.head.relation == name)
        };
        used.retain(|name| !defined(name));
        used.sort_unstable();
        used.dedup();
        used
    }
}

impl Literal {
    /// The variables outside of aggregates, each once, in order.
    pub(super) fn variables<'l>(&'l self, found: &mut Vec<&'l str>) {
        match self {
            Literal::Atom(atom) | Literal::Not(atom) => {
                atom.arguments.iter().for_each(|argument| argument.term.variables(found));
            }
            Literal::Compare(_, left, right) | Literal::Test(_, left, right, _) => {
                left.variables(found);
                right.variables(found);
            }
            Literal::Constant(_) => {}
        }
    }

    pub(super) fn relations<'l>(&'l self, used: &mut Vec<&'l str>) {
        match self {
            Literal::Atom(atom) | Literal::Not(atom) => {
                used.push(&atom.relation);
                atom.arguments.iter().for_each(|argument| argument.term.relations(used));
            }
            Literal::Compare(_, left, right) | Literal::Test(_, left, right, _) => {
                left.relations(used);
                right.relations(used);
            }
            Literal::Constant(_) => {}
        }
    }
}

impl Term {
    fn variables<'l>(&'l self, found: &mut Vec<&'l str>) {
        match &self.kind {
            TermKind::Variable(name) if !found.contains(&name.as_str()) => found.push(name),
            TermKind::Call(_, arguments) | TermKind::Range(arguments) => {
                arguments.iter().for_each(|argument| argument.variables(found));
            }
            _ => {}
        }
    }

    fn relations<'l>(&'l self, used: &mut Vec<&'l str>) {
        match &self.kind {
            TermKind::Call(_, arguments) | TermKind::Range(arguments) => {
                arguments.iter().for_each(|argument| argument.relations(used));
            }
            TermKind::Aggregate(_, _, bodies) => {
                bodies.iter().flatten().for_each(|literal| literal.relations(used));
            }
            _ => {}
        }
    }
}

//! Terms: variables, constants, operators, functions and aggregates.

use super::{Parsed, Parser};
use crate::datalog::ast::{Aggregate, Functor, Literal, Term, TermKind};
use crate::datalog::lex::Token;
use crate::datalog::problem::Pos;

impl Parser<'_> {
    pub(super) fn term(&mut self) -> Parsed<Term> {
        self.binary(0)
    }

    /// Operators by precedence: sums, products, powers.
    fn binary(&mut self, level: usize) -> Parsed<Term> {
        const LEVELS: &[&[(&str, Functor)]] = &[
            &[("bor", Functor::BitOr), ("bxor", Functor::BitXor), ("lor", Functor::LogicalOr)],
            &[
                ("band", Functor::BitAnd),
                ("land", Functor::LogicalAnd),
                ("bshl", Functor::ShiftLeft),
                ("bshr", Functor::ShiftRight),
            ],
            &[("+", Functor::Add), ("-", Functor::Subtract)],
            &[("*", Functor::Multiply), ("/", Functor::Divide), ("%", Functor::Remainder)],
            &[("^", Functor::Power)],
        ];
        let Some(operators) = LEVELS.get(level) else { return self.primary() };
        self.deeper()?;
        let mut left = self.binary(level + 1)?;
        loop {
            let functor = operators.iter().find(|(written, _)| match self.peek() {
                Token::Symbol(symbol) => symbol == written,
                Token::Name(name) => name == written,
                _ => false,
            });
            let Some((_, functor)) = functor else { break };
            let pos = self.pos();
            self.next();
            let right = self.binary(if *functor == Functor::Power { level } else { level + 1 })?;
            left = Term { kind: TermKind::Call(*functor, vec![left, right]), pos };
        }
        self.depth -= 1;
        Ok(left)
    }

    fn primary(&mut self) -> Parsed<Term> {
        let pos = self.pos();
        let term = |kind| Ok(Term { kind, pos });
        match self.next() {
            Token::Symbol("_") => term(TermKind::Wildcard),
            Token::Text(text) => term(TermKind::Text(text)),
            Token::Number(number) => term(TermKind::Number(number as u32 as i32)),
            Token::Symbol("-") => {
                if let Token::Number(number) = *self.peek() {
                    self.next();
                    return term(TermKind::Number((-number) as i32));
                }
                self.deeper()?;
                let inner = self.binary(4)?;
                self.depth -= 1;
                term(TermKind::Call(Functor::Negate, vec![inner]))
            }
            Token::Symbol("(") => {
                let inner = self.term()?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Name(name) => match aggregate(&name) {
                Some(aggregate) if self.is_aggregate() => self.aggregate(aggregate, pos),
                _ if matches!(name.as_str(), "bnot" | "lnot") => {
                    let functor = if name == "bnot" { Functor::BitNot } else { Functor::LogicalNot };
                    self.deeper()?;
                    let inner = self.primary()?;
                    self.depth -= 1;
                    term(TermKind::Call(functor, vec![inner]))
                }
                _ if matches!(self.peek(), Token::Symbol("(")) => {
                    if name == "as" {
                        self.next();
                        let inner = self.term()?;
                        self.expect(",")?;
                        self.name("a type")?;
                        self.expect(")")?;
                        self.program.casts.push(inner.pos);
                        return Ok(inner);
                    }
                    if name == "range" {
                        self.next();
                        let bounds = self.list(Self::term)?;
                        if !matches!(bounds.len(), 2 | 3) {
                            let message = format!("`range` takes 2 or 3 arguments, here it has {}", bounds.len());
                            return self.error(pos, message);
                        }
                        return term(TermKind::Range(bounds));
                    }
                    let Some((functor, arity)) = functor(&name) else {
                        return self.error(pos, format!("there is no function `{name}`; known are cat, strlen, substr, to_number, to_string, ord, min, max, range"));
                    };
                    self.next();
                    let arguments = self.list(Self::term)?;
                    let enough = match arity {
                        Some(arity) => arguments.len() == arity,
                        None => arguments.len() >= 2,
                    };
                    if !enough {
                        let wanted = arity.map_or("two or more".to_owned(), |arity| arity.to_string());
                        return self
                            .error(pos, format!("`{name}` takes {wanted} arguments, here it has {}", arguments.len()));
                    }
                    term(TermKind::Call(functor, arguments))
                }
                _ => term(TermKind::Variable(name)),
            },
            _ => {
                self.at = self.at.saturating_sub(1);
                Err(self.unexpected("a term"))
            }
        }
    }

    /// `count :`, `sum x :`; not a variable of that name, nor `min(a, b)`.
    fn is_aggregate(&self) -> bool {
        match self.peek() {
            Token::Symbol(":") | Token::Name(_) | Token::Number(_) | Token::Text(_) => true,
            Token::Symbol("(") => matches!(self.after_parenthesis(), Some(Token::Symbol(":"))),
            _ => false,
        }
    }

    fn aggregate(&mut self, aggregate: Aggregate, pos: Pos) -> Parsed<Term> {
        let value = if matches!(self.peek(), Token::Symbol(":")) { None } else { Some(Box::new(self.term()?)) };
        if value.is_none() != (aggregate == Aggregate::Count) {
            return self.error(pos, "`count` takes no value, `sum`, `min` and `max` take one: `sum x : { r(x) }`");
        }
        self.expect(":")?;
        let body = if self.eats("{") {
            let body = self.disjunction()?;
            self.expect("}")?;
            body
        } else {
            vec![vec![Literal::Atom(self.atom()?)]]
        };
        Ok(Term { kind: TermKind::Aggregate(aggregate, value, body), pos })
    }
}

fn aggregate(name: &str) -> Option<Aggregate> {
    match name {
        "count" => Some(Aggregate::Count),
        "sum" => Some(Aggregate::Sum),
        "min" => Some(Aggregate::Min),
        "max" => Some(Aggregate::Max),
        _ => None,
    }
}

/// The functor of a name with the number of its arguments; none: two or more.
pub(super) fn functor(name: &str) -> Option<(Functor, Option<usize>)> {
    match name {
        "cat" => Some((Functor::Cat, None)),
        "strlen" => Some((Functor::Length, Some(1))),
        "substr" => Some((Functor::Substring, Some(3))),
        "to_number" => Some((Functor::ToNumber, Some(1))),
        "to_string" => Some((Functor::ToText, Some(1))),
        "ord" => Some((Functor::Ordinal, Some(1))),
        "min" => Some((Functor::Min, None)),
        "max" => Some((Functor::Max, None)),
        _ => None,
    }
}

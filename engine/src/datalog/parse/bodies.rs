//! Bodies, in disjunctive form.

use super::terms::functor;
use super::{Body, Parsed, Parser};
use crate::datalog::ast::{Comparison, Literal, Test};
use crate::datalog::lex::Token;

/// A clause whose disjunctions multiply to more conjunctions is a mistake.
const MAX_CONJUNCTIONS: usize = 1024;

impl Parser<'_> {
    pub(super) fn disjunction(&mut self) -> Parsed<Body> {
        self.deeper()?;
        let mut any = self.conjunction()?;
        while self.eats(";") {
            any.extend(self.conjunction()?);
        }
        self.depth -= 1;
        Ok(any)
    }

    fn conjunction(&mut self) -> Parsed<Body> {
        let mut all: Body = vec![Vec::new()];
        loop {
            let pos = self.pos();
            let next = self.literal()?;
            let mut product = Vec::with_capacity(all.len() * next.len());
            for left in &all {
                product.extend(next.iter().map(|right| left.iter().chain(right).cloned().collect::<Vec<_>>()));
            }
            if product.len() > MAX_CONJUNCTIONS {
                return self.error(
                    pos,
                    format!("the disjunctions of this clause multiply to more than {MAX_CONJUNCTIONS} bodies"),
                );
            }
            all = product;
            if !self.eats(",") {
                return Ok(all);
            }
        }
    }

    fn literal(&mut self) -> Parsed<Body> {
        let pos = self.pos();
        let mut negated = false;
        while self.eats("!") {
            negated = !negated;
        }
        let one = |literal: Literal| Ok(vec![vec![literal]]);
        match (self.peek().clone(), self.second().clone()) {
            (Token::Symbol("("), _) if self.is_body_in_parentheses() => {
                if negated {
                    return self.error(
                        pos,
                        "a body in parentheses cannot be negated; give it a relation of its own and negate that",
                    );
                }
                self.next();
                let body = self.disjunction()?;
                self.expect(")")?;
                Ok(body)
            }
            (Token::Name(name), second)
                if matches!(name.as_str(), "true" | "false") && second != Token::Symbol("(") =>
            {
                self.next();
                one(Literal::Constant((name == "true") != negated))
            }
            (Token::Name(name), Token::Symbol("(")) if matches!(name.as_str(), "contains" | "match") => {
                self.next();
                self.next();
                let left = self.term()?;
                self.expect(",")?;
                let right = self.term()?;
                self.expect(")")?;
                let test = if name == "contains" { Test::Contains } else { Test::Match };
                one(Literal::Test(test, left, right, !negated))
            }
            (Token::Name(name), Token::Symbol("(")) if functor(&name).is_none() && name != "range" => {
                let atom = self.atom()?;
                one(if negated { Literal::Not(atom) } else { Literal::Atom(atom) })
            }
            _ => {
                let left = self.term()?;
                let comparison = match self.peek() {
                    Token::Symbol("=") => Comparison::Equal,
                    Token::Symbol("!=") => Comparison::Unequal,
                    Token::Symbol("<") => Comparison::Less,
                    Token::Symbol("<=") => Comparison::LessEqual,
                    Token::Symbol(">") => Comparison::Greater,
                    Token::Symbol(">=") => Comparison::GreaterEqual,
                    _ => return Err(self.unexpected("a comparison (`=`, `!=`, `<`, `<=`, `>`, `>=`)")),
                };
                self.next();
                let right = self.term()?;
                one(Literal::Compare(if negated { comparison.negated() } else { comparison }, left, right))
            }
        }
    }

    /// Whether what stands in the parenthesis that begins here is a body, not a term of a comparison.
    fn is_body_in_parentheses(&self) -> bool {
        let goes_on = ["=", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "^"];
        let words = ["bor", "bxor", "lor", "band", "land", "bshl", "bshr"];
        !match self.after_parenthesis() {
            Some(Token::Symbol(symbol)) => goes_on.contains(symbol),
            Some(Token::Name(name)) => words.contains(&name.as_str()),
            _ => false,
        }
    }
}

impl Comparison {
    fn negated(self) -> Comparison {
        match self {
            Comparison::Equal => Comparison::Unequal,
            Comparison::Unequal => Comparison::Equal,
            Comparison::Less => Comparison::GreaterEqual,
            Comparison::GreaterEqual => Comparison::Less,
            Comparison::Greater => Comparison::LessEqual,
            Comparison::LessEqual => Comparison::Greater,
        }
    }
}

//! Tokens to a program, by recursive descent. Disjunctions become clauses of their own.

use super::ast::{
    Aggregate, Argument, Atom, Clause, Comparison, Decl, Functor, Io, IoKind, Literal, Program, Term, TermKind, Test,
    TypeDecl,
};
use super::lex::{Token, lex};
use super::problem::{Pos, Problem};

/// Parses a program; `include` gives the text of an included file, none if it cannot be had.
///
/// # Errors
/// What is not in the language, with its place.
pub fn parse(name: &str, text: &str, include: &mut dyn FnMut(&str) -> Option<String>) -> Result<Program, Problem> {
    let mut program = Program::default();
    read(&mut program, name, text, include)?;
    Ok(program)
}

/// Parses a question: a program, or only a body (`op(site: s, kind: "db_write"), calls(s, f, _)`), whose variables are the columns
/// of the relation `answer`. What nothing shows with `.output` and no other clause uses is shown.
///
/// # Errors
/// What is not in the language, with its place.
pub fn parse_question(
    name: &str,
    text: &str,
    include: &mut dyn FnMut(&str) -> Option<String>,
) -> Result<Program, Problem> {
    let texts = super::problem::Texts(vec![(name.to_owned(), text.to_owned())]);
    let tokens = lex(&texts, 0)?;
    let is_program = tokens.iter().any(|(token, _)| matches!(token, Token::Directive(_) | Token::Symbol(":-")));
    if !is_program {
        return bare(texts, tokens);
    }
    let mut program = parse(name, text, include)?;
    if program.directives.is_empty() {
        let shown: Vec<(String, Pos)> = program.unused_heads();
        for (relation, pos) in shown {
            program.directives.push(Io { kind: IoKind::Output, relation, parameters: Vec::new(), pos });
        }
    }
    Ok(program)
}

fn bare(texts: super::problem::Texts, tokens: Vec<(Token, Pos)>) -> Result<Program, Problem> {
    let mut program = Program { texts, ..Program::default() };
    let mut parser = Parser { program: &mut program, tokens, at: 0, depth: 0, includes: Vec::new() };
    let pos = parser.pos();
    let body = parser.disjunction()?;
    if matches!(parser.peek(), Token::Stop) {
        parser.next();
    }
    if !matches!(parser.peek(), Token::End) {
        return Err(parser.unexpected("the end of the question"));
    }
    let mut variables: Vec<&str> = Vec::new();
    body.iter().flatten().for_each(|literal| literal.variables(&mut variables));
    let argument =
        |name: &str| Argument { column: None, term: Term { kind: TermKind::Variable(name.to_owned()), pos } };
    let arguments: Vec<Argument> = variables.into_iter().map(argument).collect();
    let relation = "answer".to_owned();
    for literals in body {
        let head = Atom { relation: relation.clone(), arguments: arguments.clone(), pos };
        program.clauses.push(Clause { head, body: literals });
    }
    program.directives.push(Io { kind: IoKind::Output, relation, parameters: Vec::new(), pos });
    Ok(program)
}

/// Files include files this deep at most.
const MAX_TEXTS: usize = 64;

fn read(
    program: &mut Program,
    name: &str,
    text: &str,
    include: &mut dyn FnMut(&str) -> Option<String>,
) -> Result<(), Problem> {
    let number = program.texts.0.len() as u32;
    program.texts.0.push((name.to_owned(), text.to_owned()));
    let tokens = lex(&program.texts, number)?;
    let mut parser = Parser { program, tokens, at: 0, depth: 0, includes: Vec::new() };
    parser.statements()?;
    let includes = std::mem::take(&mut parser.includes);
    for (path, pos) in includes {
        if program.texts.0.iter().any(|(known, _)| *known == path) {
            continue;
        }
        if program.texts.0.len() >= MAX_TEXTS {
            return Err(Problem::at(&program.texts, pos, format!("more than {MAX_TEXTS} files are included")));
        }
        let Some(text) = include(&path) else {
            return Err(Problem::at(
                &program.texts,
                pos,
                format!("`{path}` cannot be read; it is looked for beside the program"),
            ));
        };
        read(program, &path, &text, include)?;
    }
    Ok(())
}

struct Parser<'p> {
    program: &'p mut Program,
    tokens: Vec<(Token, Pos)>,
    at: usize,
    depth: usize,
    includes: Vec<(String, Pos)>,
}

/// A body in disjunctive form: any of these conjunctions.
type Body = Vec<Vec<Literal>>;

/// Terms and bodies are nested this deep at most.
const MAX_DEPTH: usize = 200;
/// A clause whose disjunctions multiply to more conjunctions is a mistake.
const MAX_CONJUNCTIONS: usize = 1024;

type Parsed<T> = Result<T, Problem>;

impl Parser<'_> {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn second(&self) -> &Token {
        &self.tokens[(self.at + 1).min(self.tokens.len() - 1)].0
    }

    fn pos(&self) -> Pos {
        self.tokens[self.at].1
    }

    fn next(&mut self) -> Token {
        let token = self.tokens[self.at].0.clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn eats(&mut self, symbol: &str) -> bool {
        let is = matches!(self.peek(), Token::Symbol(known) if *known == symbol);
        if is {
            self.next();
        }
        is
    }

    fn expect(&mut self, symbol: &str) -> Parsed<()> {
        if self.eats(symbol) { Ok(()) } else { Err(self.unexpected(&format!("`{symbol}`"))) }
    }

    fn error<T>(&self, pos: Pos, message: impl Into<String>) -> Parsed<T> {
        Err(Problem::at(&self.program.texts, pos, message))
    }

    fn unexpected(&self, wanted: &str) -> Problem {
        let found = match self.peek() {
            Token::Name(name) => format!("`{name}`"),
            Token::Directive(name) => format!("`.{name}`"),
            Token::Number(number) => format!("`{number}`"),
            Token::Text(_) => "a text".to_owned(),
            Token::Symbol(symbol) => format!("`{symbol}`"),
            Token::Stop => "`.`".to_owned(),
            Token::End => "the end of the program".to_owned(),
        };
        Problem::at(&self.program.texts, self.pos(), format!("expected {wanted}, found {found}"))
    }

    fn name(&mut self, what: &str) -> Parsed<String> {
        match self.peek() {
            Token::Name(name) => {
                let name = name.clone();
                self.next();
                Ok(name)
            }
            _ => Err(self.unexpected(what)),
        }
    }

    fn statements(&mut self) -> Parsed<()> {
        loop {
            let pos = self.pos();
            match self.peek().clone() {
                Token::End => return Ok(()),
                Token::Directive(name) => {
                    self.next();
                    self.directive(&name, pos)?;
                }
                _ => self.clause()?,
            }
        }
    }

    fn directive(&mut self, name: &str, pos: Pos) -> Parsed<()> {
        match name {
            "decl" => self.decl(),
            "type" => self.type_decl(),
            "input" => self.io(IoKind::Input),
            "output" => self.io(IoKind::Output),
            "printsize" => self.io(IoKind::PrintSize),
            "include" => match self.next() {
                Token::Text(path) => {
                    self.includes.push((path, pos));
                    Ok(())
                }
                _ => self.error(pos, "`.include` takes the path of a file: `.include \"rules.dl\"`"),
            },
            "pragma" => {
                while matches!(self.peek(), Token::Text(_)) {
                    self.next();
                }
                Ok(())
            }
            _ => self.error(pos, format!("`.{name}` is not in the subset that is evaluated here")),
        }
    }

    fn decl(&mut self) -> Parsed<()> {
        let mut names = Vec::new();
        loop {
            let pos = self.pos();
            names.push((self.name("the name of a relation")?, pos));
            if !self.eats(",") {
                break;
            }
        }
        self.expect("(")?;
        let mut columns = Vec::new();
        while !self.eats(")") {
            let column = self.name("the name of a column")?;
            self.expect(":")?;
            columns.push((column, self.name("a type")?));
            if !matches!(self.peek(), Token::Symbol(")")) {
                self.expect(",")?;
            }
        }
        // How a relation is kept is the evaluator's business, and so is what is printed of it.
        const QUALIFIERS: &[&str] = &["btree", "brie", "inline", "no_inline", "magic", "no_magic", "overridable"];
        loop {
            match self.peek() {
                Token::Name(name) if QUALIFIERS.contains(&name.as_str()) => {
                    self.next();
                }
                Token::Name(name) if matches!(name.as_str(), "input" | "output" | "printsize") => {
                    let kind = match name.as_str() {
                        "input" => IoKind::Input,
                        "output" => IoKind::Output,
                        _ => IoKind::PrintSize,
                    };
                    self.next();
                    for (relation, pos) in &names {
                        self.program.directives.push(Io {
                            kind,
                            relation: relation.clone(),
                            parameters: Vec::new(),
                            pos: *pos,
                        });
                    }
                }
                _ => break,
            }
        }
        for (name, pos) in names {
            self.program.decls.push(Decl { name, columns: columns.clone(), pos });
        }
        Ok(())
    }

    fn type_decl(&mut self) -> Parsed<()> {
        let pos = self.pos();
        let name = self.name("the name of a type")?;
        let mut bases = Vec::new();
        if self.eats("<:") || self.eats("=") {
            if matches!(self.peek(), Token::Symbol("[" | "{")) {
                return self.error(pos, "records and algebraic types are not in the subset that is evaluated here");
            }
            bases.push(self.name("a type")?);
            while self.eats("|") {
                bases.push(self.name("a type")?);
            }
        } else {
            bases.push("symbol".to_owned());
        }
        self.program.types.push(TypeDecl { name, bases, pos });
        Ok(())
    }

    fn io(&mut self, kind: IoKind) -> Parsed<()> {
        let mut relations = Vec::new();
        loop {
            let pos = self.pos();
            relations.push((self.name("the name of a relation")?, pos));
            if !self.eats(",") {
                break;
            }
        }
        let mut parameters = Vec::new();
        if self.eats("(") {
            while !self.eats(")") {
                let key = self.name("a parameter such as `filename`")?;
                self.expect("=")?;
                let value = match self.next() {
                    Token::Text(text) | Token::Name(text) => text,
                    Token::Number(number) => number.to_string(),
                    _ => return Err(self.unexpected("the value of the parameter")),
                };
                parameters.push((key, value));
                if !matches!(self.peek(), Token::Symbol(")")) {
                    self.expect(",")?;
                }
            }
        }
        for (relation, pos) in relations {
            self.program.directives.push(Io { kind, relation, parameters: parameters.clone(), pos });
        }
        Ok(())
    }

    fn clause(&mut self) -> Parsed<()> {
        let mut heads = vec![self.atom()?];
        while self.eats(",") {
            heads.push(self.atom()?);
        }
        let body = if self.eats(":-") { self.disjunction()? } else { vec![Vec::new()] };
        if !matches!(self.peek(), Token::Stop) {
            return Err(self.unexpected("`.` at the end of the clause"));
        }
        self.next();
        for head in heads {
            for literals in &body {
                self.program.clauses.push(Clause { head: head.clone(), body: literals.clone() });
            }
        }
        Ok(())
    }

    fn atom(&mut self) -> Parsed<Atom> {
        let pos = self.pos();
        let relation = self.name("the name of a relation")?;
        self.expect("(")?;
        let mut arguments = Vec::new();
        while !self.eats(")") {
            let column = match (self.peek(), self.second()) {
                (Token::Name(column), Token::Symbol(":")) => Some(column.clone()),
                _ => None,
            };
            if column.is_some() {
                self.next();
                self.next();
            }
            arguments.push(Argument { column, term: self.term()? });
            if !matches!(self.peek(), Token::Symbol(")")) {
                self.expect(",")?;
            }
        }
        Ok(Atom { relation, arguments, pos })
    }

    fn deeper(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.error(self.pos(), format!("this is nested deeper than {MAX_DEPTH}"));
        }
        Ok(())
    }

    fn disjunction(&mut self) -> Parsed<Body> {
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
            (Token::Name(name), Token::Symbol("(")) if functor(&name).is_none() => {
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
        let mut depth = 0;
        for (number, (token, _)) in self.tokens[self.at..].iter().enumerate() {
            match token {
                Token::Symbol("(" | "{") => depth += 1,
                Token::Symbol(")" | "}") => {
                    depth -= 1;
                    if depth == 0 {
                        let after = self.tokens.get(self.at + number + 1).map(|(token, _)| token);
                        let goes_on = ["=", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "^"];
                        return !matches!(after, Some(Token::Symbol(symbol)) if goes_on.contains(symbol));
                    }
                }
                Token::Stop | Token::End => return true,
                _ => {}
            }
        }
        true
    }

    fn term(&mut self) -> Parsed<Term> {
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
                _ if matches!(self.peek(), Token::Symbol("(")) => {
                    if name == "as" {
                        self.next();
                        let inner = self.term()?;
                        self.expect(",")?;
                        self.name("a type")?;
                        self.expect(")")?;
                        return Ok(inner);
                    }
                    let Some((functor, arity)) = functor(&name) else {
                        return self.error(pos, format!("there is no function `{name}`; known are cat, strlen, substr, to_number, to_string, ord, min, max"));
                    };
                    self.next();
                    let mut arguments = Vec::new();
                    while !self.eats(")") {
                        arguments.push(self.term()?);
                        if !matches!(self.peek(), Token::Symbol(")")) {
                            self.expect(",")?;
                        }
                    }
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
                _ if matches!(name.as_str(), "bnot" | "lnot") => {
                    let functor = if name == "bnot" { Functor::BitNot } else { Functor::LogicalNot };
                    let inner = self.primary()?;
                    term(TermKind::Call(functor, vec![inner]))
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
            Token::Symbol(":") => true,
            Token::Name(_) | Token::Number(_) | Token::Text(_) => true,
            Token::Symbol("(") => {
                let mut depth = 0;
                for (number, (token, _)) in self.tokens[self.at..].iter().enumerate() {
                    match token {
                        Token::Symbol("(") => depth += 1,
                        Token::Symbol(")") => {
                            depth -= 1;
                            if depth == 0 {
                                return matches!(self.tokens.get(self.at + number + 1), Some((Token::Symbol(":"), _)));
                            }
                        }
                        Token::Stop | Token::End => return false,
                        _ => {}
                    }
                }
                false
            }
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
fn functor(name: &str) -> Option<(Functor, Option<usize>)> {
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

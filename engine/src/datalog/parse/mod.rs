//! Tokens to a program, by recursive descent. Disjunctions become clauses of their own.

mod bodies;
mod question;
mod terms;

use super::ast::{Argument, Atom, Clause, Decl, Io, IoKind, Literal, Program, Term, TermKind, TypeDecl};
use super::lex::{Token, lex};
use super::problem::{Pos, Problem};

pub use question::{Typed, parse_question, parse_said};

/// Parses a program; `include` gives the text of an included file, none if it cannot be had.
///
/// # Errors
/// What is not in the language, with its place.
pub fn parse(name: &str, text: &str, include: &mut dyn FnMut(&str) -> Option<String>) -> Result<Program, Problem> {
    let mut program = Program::default();
    read(&mut program, name, text, include)?;
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
            _ => match io_kind(name) {
                Some(kind) => self.io(kind),
                None => self.error(pos, format!("`.{name}` is not in the subset that is evaluated here")),
            },
        }
    }

    fn decl(&mut self) -> Parsed<()> {
        let names = self.relations()?;
        self.expect("(")?;
        let columns = self.list(|parser| {
            let column = parser.name("the name of a column")?;
            parser.expect(":")?;
            Ok((column, parser.name("a type")?))
        })?;
        // How a relation is kept is the evaluator's business, and so is what is printed of it.
        const QUALIFIERS: &[&str] = &["btree", "brie", "inline", "no_inline", "magic", "no_magic", "overridable"];
        while let Token::Name(name) = self.peek() {
            if let Some(kind) = io_kind(name) {
                self.next();
                self.add_directives(kind, &names, &[]);
            } else if name == "eqrel" {
                self.next();
                for (name, pos) in &names {
                    if columns.len() != 2 {
                        return self.error(
                            *pos,
                            format!("`{name}` is an `eqrel` and so has two columns, not {}", columns.len()),
                        );
                    }
                    self.program.clauses.extend(equivalence(name, *pos));
                }
            } else if QUALIFIERS.contains(&name.as_str()) {
                self.next();
            } else {
                break;
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
        let is_new = !matches!(self.peek(), Token::Symbol("="));
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
        self.program.types.push(TypeDecl { name, bases, is_new, pos });
        Ok(())
    }

    fn io(&mut self, kind: IoKind) -> Parsed<()> {
        let relations = self.relations()?;
        let mut parameters = Vec::new();
        if self.eats("(") {
            parameters = self.list(|parser| {
                let key = parser.name("a parameter such as `filename`")?;
                parser.expect("=")?;
                match parser.next() {
                    Token::Text(text) | Token::Name(text) => Ok((key, text)),
                    Token::Number(number) => Ok((key, number.to_string())),
                    _ => Err(parser.unexpected("the value of the parameter")),
                }
            })?;
        }
        self.add_directives(kind, &relations, &parameters);
        Ok(())
    }

    fn add_directives(&mut self, kind: IoKind, relations: &[(String, Pos)], parameters: &[(String, String)]) {
        let of = |(relation, pos): &(String, Pos)| Io {
            kind,
            relation: relation.clone(),
            parameters: parameters.to_vec(),
            pos: *pos,
        };
        self.program.directives.extend(relations.iter().map(of));
    }

    /// Names of relations, separated by commas.
    fn relations(&mut self) -> Parsed<Vec<(String, Pos)>> {
        let mut relations = Vec::new();
        loop {
            let pos = self.pos();
            relations.push((self.name("the name of a relation")?, pos));
            if !self.eats(",") {
                return Ok(relations);
            }
        }
    }

    /// What stands between a parenthesis that is open and the one that closes it, separated by commas.
    fn list<T>(&mut self, mut one: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut list = Vec::new();
        while !self.eats(")") {
            list.push(one(self)?);
            if !matches!(self.peek(), Token::Symbol(")")) {
                self.expect(",")?;
            }
        }
        Ok(list)
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
        let arguments = self.list(|parser| {
            let column = match (parser.peek(), parser.second()) {
                (Token::Name(column), Token::Symbol(":")) => Some(column.clone()),
                _ => None,
            };
            if column.is_some() {
                parser.next();
                parser.next();
            }
            Ok(Argument { column, term: parser.term()? })
        })?;
        Ok(Atom { relation, arguments, pos })
    }

    fn deeper(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.error(self.pos(), format!("this is nested deeper than {MAX_DEPTH}"));
        }
        Ok(())
    }

    /// What comes after the parenthesis that begins here; none if nothing closes it within the clause.
    fn after_parenthesis(&self) -> Option<&Token> {
        let mut depth = 0;
        for (number, (token, _)) in self.tokens[self.at..].iter().enumerate() {
            match token {
                Token::Symbol("(" | "{") => depth += 1,
                Token::Symbol(")" | "}") => {
                    depth -= 1;
                    if depth == 0 {
                        return self.tokens.get(self.at + number + 1).map(|(token, _)| token);
                    }
                }
                Token::Stop | Token::End => return None,
                _ => {}
            }
        }
        None
    }
}

/// What makes a relation an equivalence: everything in it is related to itself, both ways, and on.
fn equivalence(relation: &str, pos: Pos) -> [Clause; 4] {
    let atom = |left: &str, right: &str| {
        let kind = |name: &str| if name == "_" { TermKind::Wildcard } else { TermKind::Variable(name.to_owned()) };
        let argument = |name: &str| Argument { column: None, term: Term { kind: kind(name), pos } };
        Atom { relation: relation.to_owned(), arguments: vec![argument(left), argument(right)], pos }
    };
    let clause = |head: Atom, body: Vec<Atom>| Clause { head, body: body.into_iter().map(Literal::Atom).collect() };
    [
        clause(atom("x", "x"), vec![atom("x", "_")]),
        clause(atom("x", "x"), vec![atom("_", "x")]),
        clause(atom("y", "x"), vec![atom("x", "y")]),
        clause(atom("x", "z"), vec![atom("x", "y"), atom("y", "z")]),
    ]
}

fn io_kind(name: &str) -> Option<IoKind> {
    match name {
        "input" => Some(IoKind::Input),
        "output" => Some(IoKind::Output),
        "printsize" => Some(IoKind::PrintSize),
        _ => None,
    }
}

//! Questions: programs that say no more than what is asked.

use super::{Parser, parse, read};
use crate::datalog::ast::{Argument, Atom, Clause, Io, IoKind, Literal, Program, Term, TermKind};
use crate::datalog::lex::{Token, lex};
use crate::datalog::problem::{Pos, Problem, Texts};

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
    let texts = Texts(vec![(name.to_owned(), text.to_owned())]);
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

fn bare(texts: Texts, tokens: Vec<(Token, Pos)>) -> Result<Program, Problem> {
    asked(Program { texts, ..Program::default() }, tokens)
}

/// Adds a body alone to a program, which shows its answer and nothing else.
fn asked(mut program: Program, tokens: Vec<(Token, Pos)>) -> Result<Program, Problem> {
    program.directives.retain(|directive| directive.kind == IoKind::Input);
    let relation = free_name(&program);
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
    for literals in body {
        let head = Atom { relation: relation.clone(), arguments: arguments.clone(), pos };
        program.clauses.push(Clause { head, body: literals });
    }
    program.directives.push(Io { kind: IoKind::Output, relation, parameters: Vec::new(), pos });
    Ok(program)
}

/// `answer`, or the like of it that the program does not use.
fn free_name(program: &Program) -> String {
    let is_used = |name: &String| {
        program.decls.iter().any(|decl| decl.name == *name)
            || program.clauses.iter().any(|clause| clause.head.relation == *name)
    };
    let names = std::iter::successors(Some("answer".to_owned()), |name| Some(format!("{name}'")));
    names.skip_while(is_used).next().unwrap_or_default()
}

/// What a text is that was typed so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// It may go on in the next line.
    Unfinished,
    /// A body alone.
    Question,
    /// Declarations, facts, rules, directives.
    Statements,
}

impl Typed {
    /// # Errors
    /// What no further line can mend.
    pub fn of(text: &str) -> Result<Typed, Problem> {
        let texts = Texts(vec![("input".to_owned(), text.to_owned())]);
        let tokens = match lex(&texts, 0) {
            Ok(tokens) => tokens,
            Err(_) if is_in_comment(text) => return Ok(Typed::Unfinished),
            Err(problem) => return Err(problem),
        };
        if goes_on(&tokens) {
            return Ok(Typed::Unfinished);
        }
        let is_said = |(token, _): &(Token, Pos)| matches!(token, Token::Directive(_) | Token::Symbol(":-"));
        if tokens.iter().any(is_said) {
            let mut program = Program { texts, ..Program::default() };
            let mut parser = Parser { program: &mut program, tokens, at: 0, depth: 0, includes: Vec::new() };
            let outcome = parser.statements();
            return match outcome {
                Ok(()) => Ok(Typed::Statements),
                Err(_) if matches!(parser.peek(), Token::End) => Ok(Typed::Unfinished),
                Err(problem) => Err(problem),
            };
        }
        let mut program = Program { texts, ..Program::default() };
        let mut parser =
            Parser { program: &mut program, tokens: tokens.clone(), at: 0, depth: 0, includes: Vec::new() };
        let outcome = parser.disjunction();
        match outcome {
            Err(_) if matches!(parser.peek(), Token::End) => return Ok(Typed::Unfinished),
            Err(problem) => return Err(problem),
            Ok(_) => {}
        }
        // Rows without a variable, each with its point, are told; anything else is asked.
        let mut facts = Program { texts: program.texts.clone(), ..Program::default() };
        let mut parser = Parser { program: &mut facts, tokens, at: 0, depth: 0, includes: Vec::new() };
        let are_facts = parser.statements().is_ok()
            && facts.clauses.into_iter().all(|clause| {
                let (row, mut variables) = (Literal::Atom(clause.head), Vec::new());
                row.variables(&mut variables);
                variables.is_empty()
            });
        Ok(if are_facts { Typed::Statements } else { Typed::Question })
    }
}

/// Whether something must follow: what is open is to be closed, and behind most symbols something stands.
fn goes_on(tokens: &[(Token, Pos)]) -> bool {
    let open = tokens.iter().filter(|(token, _)| matches!(token, Token::Symbol("(" | "{" | "["))).count();
    let closed = tokens.iter().filter(|(token, _)| matches!(token, Token::Symbol(")" | "}" | "]"))).count();
    let last = tokens.iter().rev().map(|(token, _)| token).find(|token| **token != Token::End);
    let awaits = matches!(last, Some(Token::Symbol(symbol)) if !matches!(*symbol, ")" | "}" | "]" | "_"));
    open > closed || awaits
}

/// Whether a text ends within a comment.
fn is_in_comment(text: &str) -> bool {
    text.rfind("/*").is_some_and(|start| !text[start..].contains("*/"))
}

/// Parses texts that were said one after the other, and a question about them, if there is one. Of what they show, that of the
/// last text counts.
///
/// # Errors
/// What is not in the language, with its place.
pub fn parse_said(
    said: &[(String, String)],
    question: Option<(&str, &str)>,
    include: &mut dyn FnMut(&str) -> Option<String>,
) -> Result<Program, Problem> {
    let mut program = Program::default();
    for (name, text) in said {
        program.directives.retain(|directive| directive.kind == IoKind::Input);
        read(&mut program, name, text, include)?;
    }
    let Some((name, text)) = question else { return Ok(program) };
    let number = program.texts.0.len() as u32;
    program.texts.0.push((name.to_owned(), text.to_owned()));
    let tokens = lex(&program.texts, number)?;
    asked(program, tokens)
}

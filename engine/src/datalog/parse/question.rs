//! Questions: programs that say no more than what is asked.

use super::{Parser, parse};
use crate::datalog::ast::{Argument, Atom, Clause, Io, IoKind, Program, Term, TermKind};
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

//! Types that a program makes below others: a value of the wider one does not go where the narrower one is asked for, unless
//! something in the body says that it is one. What is accepted is what Souffle accepts (its documentation, "Type System").

use rustc_hash::FxHashMap;

use super::ast::{Atom, Clause, Comparison, Literal, Program, Term, TermKind};
use super::problem::Problem;

/// Holds the heads of a program against the types that its declarations name.
///
/// # Errors
/// A variable of a head whose values need not be of the column's type.
pub(super) fn check(program: &Program) -> Result<(), Problem> {
    if !program.types.iter().any(|decl| decl.is_new) {
        return Ok(());
    }
    let types = Types { program };
    for clause in &program.clauses {
        let known = types.of_variables(clause);
        for (variable, wanted) in types.columns(&clause.head) {
            let is_cast = program.casts.contains(&variable.pos);
            let Some(found) = name_of(variable).filter(|_| !is_cast).and_then(|name| known.get(name)) else { continue };
            let wanted = types.members(wanted);
            let is_wanted = |type_: &&str| wanted.iter().any(|wider| types.is_below(type_, wider));
            if let Some(stray) = found.iter().find(|type_| !is_wanted(type_)) {
                let name = name_of(variable).unwrap_or_default();
                let message = format!(
                    "`{name}` may be a `{stray}`, the column is `{}`; say in the body that it is one",
                    wanted.join(" | ")
                );
                return Err(Problem::at(&program.texts, variable.pos, message));
            }
        }
    }
    Ok(())
}

struct Types<'p> {
    program: &'p Program,
}

impl<'p> Types<'p> {
    /// What the values of each variable are: each is of one of these types. Variables of which the atoms say nothing, or that
    /// hold ids of the facts, are left out.
    fn of_variables(&self, clause: &'p Clause) -> FxHashMap<&'p str, Vec<&'p str>> {
        let mut found: FxHashMap<&str, Vec<&str>> = FxHashMap::default();
        for literal in &clause.body {
            let Literal::Atom(atom) = literal else { continue };
            for (term, type_) in self.columns(atom) {
                let Some(name) = name_of(term) else { continue };
                let members = self.members(type_);
                let both = found.get(name).map_or_else(|| members.clone(), |known| self.both(known, &members));
                found.insert(name, both);
            }
        }
        // What is equal is of both types; chains are as long as there are literals, at most.
        for _ in &clause.body {
            for literal in &clause.body {
                let Literal::Compare(Comparison::Equal, left, right) = literal else { continue };
                let (Some(left), Some(right)) = (name_of(left), name_of(right)) else { continue };
                let both = match (found.get(left), found.get(right)) {
                    (Some(one), Some(other)) => self.both(one, other),
                    (Some(one), None) | (None, Some(one)) => one.clone(),
                    (None, None) => continue,
                };
                found.insert(left, both.clone());
                found.insert(right, both);
            }
        }
        found
    }

    /// The terms of an atom of a relation that the program declares, each with its column's type.
    fn columns<'a>(&self, atom: &'a Atom) -> Vec<(&'a Term, &'p str)> {
        let Some(decl) = self.program.decls.iter().find(|decl| decl.name == atom.relation) else { return Vec::new() };
        let arguments = atom.arguments.iter().enumerate();
        let typed = arguments.filter_map(|(position, argument)| {
            let (_, type_) = match &argument.column {
                None => decl.columns.get(position)?,
                Some(name) => decl.columns.iter().find(|(column, _)| column == name)?,
            };
            Some((&argument.term, type_.as_str()))
        });
        typed.collect()
    }

    /// What a union is made of, and what another name stands for.
    fn members(&self, name: &'p str) -> Vec<&'p str> {
        let mut members: Vec<&str> = Vec::new();
        let mut open = vec![name];
        let mut seen = Vec::new();
        while let Some(name) = open.pop() {
            if seen.contains(&name) {
                continue;
            }
            seen.push(name);
            match self.program.types.iter().find(|decl| decl.name == name) {
                Some(decl) if !decl.is_new => open.extend(decl.bases.iter().rev().map(String::as_str)),
                _ => members.push(name),
            }
        }
        members
    }

    /// Whether each value of the one type is of the other.
    fn is_below(&self, type_: &str, wider: &str) -> bool {
        let mut at = type_;
        // A chain is no longer than there are types.
        for _ in 0..=self.program.types.len() {
            if at == wider {
                return true;
            }
            let Some(decl) = self.program.types.iter().find(|decl| decl.name == at && decl.is_new) else {
                return false;
            };
            match self.members(&decl.bases[0])[..] {
                [base] => at = base,
                // Below a union: below any of it, as far as is known.
                ref members => return members.contains(&wider),
            }
        }
        false
    }

    /// What is of a type of both.
    fn both(&self, one: &[&'p str], other: &[&'p str]) -> Vec<&'p str> {
        let within = |types: &[&'p str], of: &[&'p str]| -> Vec<&'p str> {
            types.iter().copied().filter(|type_| of.iter().any(|wider| self.is_below(type_, wider))).collect()
        };
        let mut both = within(one, other);
        for type_ in within(other, one) {
            if !both.contains(&type_) {
                both.push(type_);
            }
        }
        both
    }
}

fn name_of(term: &Term) -> Option<&str> {
    match &term.kind {
        TermKind::Variable(name) => Some(name),
        _ => None,
    }
}

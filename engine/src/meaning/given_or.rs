//! What a function takes where its caller gives something, and what else: `options.method ?? "GET"`, `body ? "POST" : "GET"`.

use distsys_facts::{FunctionId, SiteId, VarId};

use super::at_calls::Argument;
use super::operations::{Found, Operand};
use super::terms::{Describer, Hole, Name, Term};

impl Describer<'_, '_> {
    /// A conditional that asks whether the caller has given something, and is a text otherwise.
    pub(super) fn text_or(&mut self, var: VarId, depth: u32) -> Option<Term> {
        let choice = *self.reader.program.chosen(var)?;
        let asked = self.describe_at(choice.condition, depth + 1);
        let hole = self.hole(asked)?;
        let Term::Text(otherwise) = self.describe_at(choice.otherwise, depth + 1) else { return None };
        match self.describe_at(choice.taken, depth + 1) {
            taken if taken == asked => Some(Term::Given(hole, None, otherwise)),
            Term::Text(taken) => Some(Term::Given(hole, Some(taken), otherwise)),
            _ => None,
        }
    }

    /// A part of what the caller gives, and a text where it has none: `{ method = "GET" }` in a parameter's place.
    pub(super) fn part_or_text(&self, var: VarId, parts: &[Term]) -> Option<Term> {
        let &[part, Term::Text(otherwise)] = parts else { return None };
        let is_pattern = self.reader.program.variable(var).is_none();
        self.hole(part).filter(|_| is_pattern).map(|hole| Term::Given(hole, None, otherwise))
    }

    /// The place that a term is what the caller gives for.
    fn hole(&self, term: Term) -> Option<Hole> {
        let (parameter, field) = match term {
            Term::Parameter(parameter) => (parameter, None),
            Term::Within(parameter, field) => (parameter, Some(field)),
            _ => return None,
        };
        (!self.is_receiver(parameter)).then_some(Hole { parameter, field })
    }

    pub(super) fn given_at_call(
        &mut self,
        (hole, given, otherwise): (Hole, Option<Name>, Name),
        callee: FunctionId,
        call: Option<SiteId>,
        depth: u32,
    ) -> Term {
        let asked = match hole.field {
            None => Term::Parameter(hole.parameter),
            Some(field) => Term::Within(hole.parameter, field),
        };
        let Some(then) = given else {
            return match self.at_call_within(asked, callee, call, depth) {
                Term::Absent => Term::Text(otherwise),
                term @ (Term::Parameter(_) | Term::Within(..)) => match self.hole(term) {
                    Some(hole) => Term::Given(hole, None, otherwise),
                    None => Term::Unknown,
                },
                term => term,
            };
        };
        match self.argument(hole.parameter, callee, call) {
            Argument::Elsewhere => Term::Given(hole, given, otherwise),
            Argument::Omitted => Term::Text(otherwise),
            Argument::Given(var) => {
                let found = match hole.field {
                    None => Found::Is(Operand::Var(var)),
                    Some(field) => {
                        let path: Vec<String> = self.names.text(field).split('.').map(str::to_owned).collect();
                        self.reader.within(var, &path)
                    }
                };
                match found {
                    Found::Absent => Term::Text(otherwise),
                    Found::Is(Operand::Var(var)) if self.reader.is_null(var) => Term::Text(otherwise),
                    // Handed on: the caller may have been given none, too.
                    Found::Is(Operand::Var(var)) => {
                        let term = self.describe_at(var, depth + 1);
                        match self.hole(term).filter(|handed| self.may_be_omitted(handed, &hole)) {
                            Some(hole) => Term::Given(hole, given, otherwise),
                            None => Term::Text(then),
                        }
                    }
                    Found::Is(_) => {
                        let term = self.term(&found);
                        self.hole(term).map_or(Term::Unknown, |hole| Term::Given(hole, given, otherwise))
                    }
                    Found::Unknown => Term::Unknown,
                }
            }
            _ => Term::Unknown,
        }
    }

    /// Whether a caller may leave out what it hands on to `callee`: a parameter that has a default, an entry of the same name.
    fn may_be_omitted(&self, handed: &Hole, callee: &Hole) -> bool {
        let parameter = self.reader.program.parameter(handed.parameter);
        match handed.field {
            None => parameter.is_some_and(|row| row.default.is_some()),
            field => field == callee.field,
        }
    }
}

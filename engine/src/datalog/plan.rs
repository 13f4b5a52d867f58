//! The order in which a rule's literals are tried: as soon as they are bound, and the atom that gives the fewest rows first.

use super::ast::{Aggregate, Comparison, Program, Test};
use super::check::slots_of;
use super::expression::{AggregateOf, AtomOf, Expression, LiteralOf, Pattern, Rule};
use super::problem::Problem;
use super::relation::{Relation, Type};

/// Which rows of a relation of its own stratum an atom sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// Those known before this turn.
    All,
    /// Those that the last turn added.
    Delta,
    /// Those known before the last turn.
    Old,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// All rows, or those that an index gives for a key.
    Probe {
        relation: usize,
        version: Version,
        index: Option<usize>,
        key: Vec<Expression>,
        binds: Vec<(usize, usize)>,
        same: Vec<(usize, Expression)>,
    },
    /// Whether a row is there; all columns are bound.
    Contains {
        relation: usize,
        values: Vec<Expression>,
        holds: bool,
    },
    /// Whether no row has this key.
    Absent {
        relation: usize,
        index: usize,
        key: Vec<Expression>,
    },
    /// Whether there is no row at all.
    Empty {
        relation: usize,
    },
    Compare(Comparison, Expression, Expression, Type),
    Bind(usize, Expression),
    Test(Test, Expression, Expression, bool),
    Aggregate {
        slot: usize,
        is_bound: bool,
        aggregate: Aggregate,
        value: Option<Expression>,
        bodies: Vec<Vec<Step>>,
    },
    Never,
}

pub(super) struct Planner<'p> {
    pub program: &'p Program,
    pub rule: &'p Rule,
    /// The literal that sees the last turn's rows, if one does, and whether a relation is of the rule's stratum.
    pub delta: Option<usize>,
    pub in_stratum: &'p dyn Fn(usize) -> bool,
}

impl Planner<'_> {
    pub(super) fn plan(&self, relations: &mut [Relation]) -> Result<Vec<Step>, Problem> {
        let mut bound = vec![false; self.rule.slots.len()];
        let steps = self.order(&self.rule.body, self.delta, &mut bound, relations)?;
        let mut wanted = Vec::new();
        self.rule.values.iter().for_each(|value| value.slots(&mut wanted));
        match wanted.into_iter().find(|slot| !bound[*slot]) {
            Some(slot) => Err(self.unbound(slot)),
            None => Ok(steps),
        }
    }

    fn unbound(&self, slot: usize) -> Problem {
        let name = self.rule.slots[slot].trim_end_matches('\'');
        let message = format!(
            "`{name}` is bound by nothing: it must stand in an atom that is not negated, or be made equal to what is bound"
        );
        Problem::at(&self.program.texts, self.rule.pos, message)
    }

    fn order(
        &self,
        body: &[LiteralOf],
        delta: Option<usize>,
        bound: &mut [bool],
        relations: &mut [Relation],
    ) -> Result<Vec<Step>, Problem> {
        let mut open: Vec<usize> = (0..body.len()).collect();
        let mut steps = Vec::new();
        if let Some(delta) = delta {
            open.retain(|number| *number != delta);
            if let LiteralOf::Atom(atom) = &body[delta] {
                steps.push(probe(atom, Version::Delta, bound, relations));
            }
        }
        while !open.is_empty() {
            if let Some(at) = open.iter().position(|number| is_ready(&body[*number], bound)) {
                let number = open.remove(at);
                steps.push(self.ready(&body[number], bound, relations)?);
                continue;
            }
            let atoms = open.iter().enumerate().filter_map(|(at, number)| match &body[*number] {
                LiteralOf::Atom(atom) if is_usable(atom, bound) => {
                    Some((at, cost(atom, bound, &mut relations[atom.relation])))
                }
                _ => None,
            });
            let Some((at, _)) = atoms.min_by(|left, right| left.1.total_cmp(&right.1)) else {
                let mut slots = Vec::new();
                open.iter().for_each(|number| slots_of(&body[*number], &mut slots));
                let slot = slots.into_iter().find(|slot| !bound[*slot] && !self.rule.slots[*slot].is_empty());
                return Err(self.unbound(slot.unwrap_or_default()));
            };
            let number = open.remove(at);
            if let LiteralOf::Atom(atom) = &body[number] {
                let version = match delta {
                    Some(delta) if (self.in_stratum)(atom.relation) && number < delta => Version::Old,
                    _ => Version::All,
                };
                steps.push(probe(atom, version, bound, relations));
            }
        }
        Ok(steps)
    }

    fn ready(&self, literal: &LiteralOf, bound: &mut [bool], relations: &mut [Relation]) -> Result<Step, Problem> {
        Ok(match literal {
            LiteralOf::Never | LiteralOf::Atom(_) => Step::Never,
            LiteralOf::Test(test, part, text, holds) => Step::Test(*test, part.clone(), text.clone(), *holds),
            LiteralOf::Compare(comparison, left, right, type_) => match (left, right) {
                (Expression::Slot(slot), value) | (value, Expression::Slot(slot)) if !bound[*slot] => {
                    bound[*slot] = true;
                    Step::Bind(*slot, value.clone())
                }
                _ => Step::Compare(*comparison, left.clone(), right.clone(), *type_),
            },
            LiteralOf::Not(atom) => {
                let columns: Vec<usize> = (0..atom.patterns.len())
                    .filter(|column| matches!(atom.patterns[*column], Pattern::Is(_)))
                    .collect();
                let key: Vec<Expression> = atom
                    .patterns
                    .iter()
                    .filter_map(|pattern| match pattern {
                        Pattern::Is(expression) => Some(expression.clone()),
                        Pattern::Any => None,
                    })
                    .collect();
                let relation = atom.relation;
                if columns.is_empty() && !atom.patterns.is_empty() {
                    Step::Empty { relation }
                } else if columns.len() == atom.patterns.len() {
                    Step::Contains { relation, values: key, holds: false }
                } else {
                    Step::Absent { relation, index: relations[relation].index(&columns), key }
                }
            }
            LiteralOf::Aggregate(AggregateOf { slot, aggregate, value, bodies, .. }) => {
                let mut planned = Vec::new();
                for body in bodies {
                    let mut inner = bound.to_vec();
                    planned.push(self.order(body, None, &mut inner, relations)?);
                    let mut wanted = Vec::new();
                    value.iter().for_each(|value| value.slots(&mut wanted));
                    if let Some(slot) = wanted.into_iter().find(|slot| !inner[*slot]) {
                        return Err(self.unbound(slot));
                    }
                }
                let is_bound = std::mem::replace(&mut bound[*slot], true);
                Step::Aggregate { slot: *slot, is_bound, aggregate: *aggregate, value: value.clone(), bodies: planned }
            }
        })
    }
}

fn is_bound(expression: &Expression, bound: &[bool]) -> bool {
    match expression {
        Expression::Constant(_) => true,
        Expression::Slot(slot) => bound[*slot],
        Expression::Call(_, arguments) => arguments.iter().all(|argument| is_bound(argument, bound)),
    }
}

/// Whether a literal that is no atom can be decided, or binds one variable.
fn is_ready(literal: &LiteralOf, bound: &[bool]) -> bool {
    match literal {
        LiteralOf::Atom(_) => false,
        LiteralOf::Never => true,
        LiteralOf::Test(_, left, right, _) => is_bound(left, bound) && is_bound(right, bound),
        LiteralOf::Compare(comparison, left, right, _) => {
            let binds = |slot: &Expression, value: &Expression| {
                *comparison == Comparison::Equal && matches!(slot, Expression::Slot(_)) && is_bound(value, bound)
            };
            (is_bound(left, bound) && is_bound(right, bound)) || binds(left, right) || binds(right, left)
        }
        LiteralOf::Not(atom) => atom.patterns.iter().all(|pattern| match pattern {
            Pattern::Any => true,
            Pattern::Is(expression) => is_bound(expression, bound),
        }),
        LiteralOf::Aggregate(aggregate) => aggregate.outer.iter().all(|slot| bound[*slot]),
    }
}

/// Computed columns must be bound; variables may be bound by the atom.
fn is_usable(atom: &AtomOf, bound: &[bool]) -> bool {
    atom.patterns.iter().all(|pattern| match pattern {
        Pattern::Is(expression @ Expression::Call(..)) => is_bound(expression, bound),
        _ => true,
    })
}

/// The rows that an atom is expected to give, and what an index that is not there costs on the way to them.
fn cost(atom: &AtomOf, bound: &[bool], relation: &mut Relation) -> f64 {
    let columns: Vec<usize> = (0..atom.patterns.len())
        .filter(|column| matches!(&atom.patterns[*column], Pattern::Is(expression) if is_bound(expression, bound)))
        .collect();
    let rows = relation.len() as f64;
    if columns.len() == atom.patterns.len() || relation.is_empty() {
        return 0.0;
    }
    match relation.indexes.iter().position(|index| index.columns == columns) {
        Some(index) if relation.keys(index) > 0 => rows / relation.keys(index) as f64,
        _ => columns.iter().fold(rows, |rows, column| rows / relation.distinct(*column) as f64),
    }
}

/// A step for an atom, which binds its variables.
fn probe(atom: &AtomOf, version: Version, bound: &mut [bool], relations: &mut [Relation]) -> Step {
    let relation = atom.relation;
    let (mut columns, mut key, mut binds, mut same) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let before = bound.to_vec();
    for (column, pattern) in atom.patterns.iter().enumerate() {
        match pattern {
            Pattern::Any => {}
            Pattern::Is(expression) if is_bound(expression, &before) => {
                columns.push(column);
                key.push(expression.clone());
            }
            Pattern::Is(Expression::Slot(slot)) if !bound[*slot] => {
                bound[*slot] = true;
                binds.push((column, *slot));
            }
            // The same variable twice in the atom.
            Pattern::Is(expression) => same.push((column, expression.clone())),
        }
    }
    if version == Version::All && columns.len() == atom.patterns.len() {
        return Step::Contains { relation, values: key, holds: true };
    }
    let index = (!columns.is_empty()).then(|| relations[relation].index(&columns));
    Step::Probe { relation, version, index, key, binds, same }
}

//! The order in which a rule's literals are tried: as soon as they are bound, and the atom that gives the fewest rows first.

use super::ast::{Aggregate, Comparison, Program, Test};
use super::check::slots_of;
use super::expression::{AggregateOf, AtomOf, Expression, LiteralOf, Pattern, Rule};
use super::index::{Held, Index};
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
        /// Whether what is looked through holds the numbers of rows, not their cells.
        by_number: bool,
        /// Which cell of a row goes to which slot.
        binds: Vec<(usize, usize)>,
        /// Which cell must be what.
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
    Range {
        slot: usize,
        from: Expression,
        to: Expression,
        step: Option<Expression>,
    },
    Never,
}

pub(super) struct Planner<'p> {
    pub program: &'p Program,
    pub rule: &'p Rule,
    /// The literal that sees the last turn's rows, if one does, and whether a relation is of the rule's stratum.
    pub delta: Option<usize>,
    pub in_stratum: &'p dyn Fn(usize) -> bool,
    /// The rows of a relation that were known before the last turn.
    pub old: &'p dyn Fn(usize) -> usize,
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
        let mut wanted = self.cheapest(body, delta, bound, relations);
        wanted.reverse();
        let mut steps = Vec::new();
        while !open.is_empty() {
            if let Some(at) = open.iter().position(|number| is_ready(&body[*number], bound)) {
                let number = open.remove(at);
                steps.push(self.ready(&body[number], bound, relations)?);
                continue;
            }
            let usable = |number: &usize| matches!(&body[*number], LiteralOf::Atom(atom) if is_usable(atom, bound));
            let Some(at) = wanted.iter().rposition(usable) else {
                let mut slots = Vec::new();
                open.iter().for_each(|number| slots_of(&body[*number], &mut slots));
                let slot = slots.into_iter().find(|slot| !bound[*slot] && !self.rule.slots[*slot].is_empty());
                return Err(self.unbound(slot.unwrap_or_default()));
            };
            let number = wanted.remove(at);
            open.retain(|known| *known != number);
            if let LiteralOf::Atom(atom) = &body[number] {
                steps.push(probe(atom, self.version(atom, number, delta), bound, relations));
            }
        }
        Ok(steps)
    }

    fn version(&self, atom: &AtomOf, number: usize, delta: Option<usize>) -> Version {
        match delta {
            Some(delta) if number == delta => Version::Delta,
            Some(delta) if (self.in_stratum)(atom.relation) && number < delta => Version::Old,
            _ => Version::All,
        }
    }

    /// The atoms of a body in the order that visits the fewest rows, as far as samples say. The last turn's rows need not
    /// come first: where they are many, it may be cheaper to look them up.
    fn cheapest(
        &self,
        body: &[LiteralOf],
        delta: Option<usize>,
        bound: &[bool],
        relations: &mut [Relation],
    ) -> Vec<usize> {
        let atoms = body.iter().enumerate();
        let atoms: Vec<usize> =
            atoms.filter(|(_, literal)| matches!(literal, LiteralOf::Atom(_))).map(|(number, _)| number).collect();
        let mut search = Search { planner: self, body, delta, best: None };
        match atoms.len() {
            0..=MAX_SEARCHED => search.from(&atoms, &mut Vec::new(), bound, 1.0, 0.0, relations),
            _ => search.greedily(&atoms, bound, relations),
        }
        search.best.map_or(atoms, |(_, order)| order)
    }

    /// The rows that an atom gives for one row before it, and what an index that is not there costs: it is kept up from then
    /// on.
    fn fan_out(&self, atom: &AtomOf, version: Version, bound: &[bool], relations: &mut [Relation]) -> (f64, f64) {
        let relation = &mut relations[atom.relation];
        let rows = relation.len() as f64;
        if rows == 0.0 {
            return (0.0, 0.0);
        }
        let share = match version {
            Version::All => 1.0,
            Version::Delta => 1.0 - (self.old)(atom.relation) as f64 / rows,
            Version::Old => (self.old)(atom.relation) as f64 / rows,
        };
        let columns: Vec<usize> = (0..atom.patterns.len())
            .filter(|column| matches!(&atom.patterns[*column], Pattern::Is(expression) if is_bound(expression, bound)))
            .collect();
        let of_key = match columns.len() {
            0 => rows,
            _ if columns.len() == atom.patterns.len() => {
                let possible: f64 = columns.iter().map(|column| relation.distinct(*column) as f64).product();
                (rows / possible).min(1.0)
            }
            _ => relation.fan_out(&columns),
        };
        let looks_up = !columns.is_empty() && !is_membership(version, &columns, atom);
        if !looks_up {
            return (of_key * share, 0.0);
        }
        let has = relation.indexes.iter().find(|index| index.columns == columns).map_or(0, Index::len);
        // Where all columns are bound, each row has a block of its own.
        let cost = if columns.len() == atom.patterns.len() { LARGE_INDEX_COST } else { INDEX_COST };
        (of_key * share, cost * (rows - has as f64))
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
            LiteralOf::Range(range) => {
                bound[range.slot] = true;
                let (from, to, step) = (range.from.clone(), range.to.clone(), range.step.clone());
                Step::Range { slot: range.slot, from, to, step }
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
        LiteralOf::Range(range) => range.bounds().all(|expression| is_bound(expression, bound)),
    }
}

/// Computed columns must be bound; variables may be bound by the atom.
fn is_usable(atom: &AtomOf, bound: &[bool]) -> bool {
    atom.patterns.iter().all(|pattern| match pattern {
        Pattern::Is(expression @ Expression::Call(..)) => is_bound(expression, bound),
        _ => true,
    })
}

/// What putting a row into an index costs, in rows visited: little, for other rules and turns use it, too.
const INDEX_COST: f64 = 0.25;
const LARGE_INDEX_COST: f64 = 2.0;

/// Bodies with more atoms are ordered one atom after the other, each the cheapest then.
const MAX_SEARCHED: usize = 6;

struct Search<'s, 'p> {
    planner: &'s Planner<'p>,
    body: &'s [LiteralOf],
    delta: Option<usize>,
    best: Option<(f64, Vec<usize>)>,
}

impl Search<'_, '_> {
    /// Tries what may come next. `rows` come out of the atoms `before`, `visited` were looked at on the way.
    fn from(
        &mut self,
        open: &[usize],
        before: &mut Vec<usize>,
        bound: &[bool],
        rows: f64,
        visited: f64,
        relations: &mut [Relation],
    ) {
        if self.best.as_ref().is_some_and(|(best, _)| *best <= visited) {
            return;
        }
        if open.is_empty() {
            self.best = Some((visited, before.clone()));
            return;
        }
        for &number in open {
            let Some((after, fan_out, built)) = self.after(number, bound, relations) else { continue };
            let rest: Vec<usize> = open.iter().copied().filter(|known| *known != number).collect();
            before.push(number);
            // A probe costs, whether it gives a row or not.
            self.from(&rest, before, &after, rows * fan_out, visited + rows * (1.0 + fan_out) + built, relations);
            before.pop();
        }
    }

    fn greedily(&mut self, atoms: &[usize], bound: &[bool], relations: &mut [Relation]) {
        let (mut open, mut order, mut bound) = (atoms.to_vec(), Vec::new(), bound.to_vec());
        while !open.is_empty() {
            let usable = open.iter().filter_map(|number| Some((*number, self.after(*number, &bound, relations)?)));
            let Some((number, (after, ..))) = usable.min_by(|left, right| left.1.1.total_cmp(&right.1.1)) else {
                break;
            };
            open.retain(|known| *known != number);
            order.push(number);
            bound = after;
        }
        order.extend(open);
        self.best = Some((0.0, order));
    }

    /// What is bound after an atom, with what follows from that, the rows that it gives for each row before it, and what an
    /// index for it costs.
    fn after(&self, number: usize, bound: &[bool], relations: &mut [Relation]) -> Option<(Vec<bool>, f64, f64)> {
        let LiteralOf::Atom(atom) = &self.body[number] else { return None };
        let mut after = bound.to_vec();
        self.settle(&mut after);
        if !is_usable(atom, &after) {
            return None;
        }
        let version = self.planner.version(atom, number, self.delta);
        let (fan_out, built) = self.planner.fan_out(atom, version, &after, relations);
        for pattern in &atom.patterns {
            if let Pattern::Is(Expression::Slot(slot)) = pattern {
                after[*slot] = true;
            }
        }
        self.settle(&mut after);
        Some((after, fan_out, built))
    }

    /// Binds what equations and aggregates bind.
    fn settle(&self, bound: &mut [bool]) {
        loop {
            let before = bound.to_vec();
            for literal in self.body.iter().filter(|literal| is_ready(literal, &before)) {
                match literal {
                    LiteralOf::Compare(_, Expression::Slot(slot), _, _) if !bound[*slot] => bound[*slot] = true,
                    LiteralOf::Compare(_, _, Expression::Slot(slot), _) if !bound[*slot] => bound[*slot] = true,
                    LiteralOf::Aggregate(aggregate) => bound[aggregate.slot] = true,
                    LiteralOf::Range(range) => bound[range.slot] = true,
                    _ => {}
                }
            }
            if *bound == before[..] {
                break;
            }
        }
    }
}

/// Whether an atom only asks if a row is there. A row that is too new for the old version may be taken for one: what follows is
/// then derived twice, which costs less than an index of whole rows.
fn is_membership(version: Version, bound: &[usize], atom: &AtomOf) -> bool {
    version != Version::Delta && bound.len() == atom.patterns.len()
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
    if is_membership(version, &columns, atom) {
        return Step::Contains { relation, values: key, holds: true };
    }
    let mut by_number = false;
    let index = (!columns.is_empty()).then(|| {
        let number = relations[relation].index(&columns);
        match relations[relation].indexes[number].held() {
            Held::Number => by_number = true,
            // Where a column stands among those that the index holds.
            Held::Cells(others) => {
                let place = |column: &mut usize| {
                    *column = others.iter().position(|other| other == column).unwrap_or_default();
                };
                binds.iter_mut().for_each(|(column, _)| place(column));
                same.iter_mut().for_each(|(column, _)| place(column));
            }
        }
        number
    });
    Step::Probe { relation, version, index, key, by_number, binds, same }
}

//! Proofs: why a row is there, down to what was given, shortest first.

use std::cell::RefCell;

use rustc_hash::FxHashMap;

use super::ast::{Comparison, Program};
use super::check::check;
use super::expression::{AtomOf, Expression, LiteralOf, Pattern, Rule};
use super::index::{Held, turn_of};
use super::machine::{Clock, Machine, Sink, Stop};
use super::plan::{Planner, Version};
use super::problem::Problem;

use super::relation::{Database, Type};

/// Why a row is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    pub relation: String,
    pub row: Vec<Value>,
    /// The text and line of the clause that derives it; none for what was given.
    pub clause: Option<(String, u32)>,
    pub premises: Vec<Premise>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Premise {
    Holds(Proof),
    /// A row that was looked for and is not there; none: whatever stands there.
    Absent {
        relation: String,
        row: Vec<Option<Value>>,
        rows: usize,
    },
    /// A comparison, test or aggregate, which is as it is.
    Computed,
}

/// A raw value with what it is.
pub type Value = (u32, Type);

/// Longer proofs are not looked for.
const MAX_HEIGHT: usize = 200;
/// So many ways to derive a row by one clause are tried.
const MAX_WAYS: usize = 256;

/// Proves a row of an evaluated database; none if it is not there, or its proof is too long.
///
/// # Errors
/// What is wrong with the program.
pub fn explain(
    program: &Program,
    database: &mut Database,
    relation: &str,
    row: &[u32],
) -> Result<Option<Proof>, Problem> {
    let rules = check(program, database)?;
    let Some(number) = database.number(relation) else { return Ok(None) };
    let mut search =
        Search { program, rules: &rules, database, ways: FxHashMap::default(), unproven: FxHashMap::default() };
    for height in 0..MAX_HEIGHT {
        if let Some(proof) = search.prove(number, row, height)? {
            return Ok(Some(proof));
        }
    }
    Ok(None)
}

/// A row by its relation.
type Goal = (usize, Vec<u32>);

/// A way to derive a row: the clause, and the rows of its atoms.
#[derive(Clone, Debug)]
struct Way {
    rule: usize,
    rows: Vec<Goal>,
    absent: Vec<(usize, Vec<Option<u32>>)>,
    computed: bool,
}

/// Ways to fill the variables of a clause, so many and no more.
struct Solutions(Vec<Vec<u32>>);

impl Sink for Solutions {
    fn found(&mut self, _: &Machine<'_>, slots: &[u32]) -> Result<(), Stop> {
        self.0.push(slots.to_vec());
        if self.0.len() < MAX_WAYS { Ok(()) } else { Err(Box::new(Problem::limit("enough"))) }
    }
}

struct Search<'s> {
    program: &'s Program,
    rules: &'s [Rule],
    database: &'s mut Database,
    ways: FxHashMap<Goal, Vec<Way>>,
    /// The height below which a row has no proof.
    unproven: FxHashMap<Goal, usize>,
}

impl Search<'_> {
    fn prove(&mut self, relation: usize, row: &[u32], height: usize) -> Result<Option<Proof>, Problem> {
        let goal = (relation, row.to_vec());
        if !self.rules.iter().any(|rule| rule.head == relation) {
            return Ok(Some(self.proof(&goal, None, Vec::new())));
        }
        if self.unproven.get(&goal).is_some_and(|known| height <= *known) {
            return Ok(None);
        }
        let ways = self.ways(&goal)?;
        // A row that no clause derives was read from a file.
        if ways.is_empty() && self.database.relations()[relation].contains(row) {
            return Ok(Some(self.proof(&goal, None, Vec::new())));
        }
        for way in ways {
            let mut premises = Vec::new();
            for (relation, row) in &way.rows {
                if height == 0 {
                    break;
                }
                match self.prove(*relation, row, height - 1)? {
                    Some(proof) => premises.push(Premise::Holds(proof)),
                    None => break,
                }
            }
            if premises.len() == way.rows.len() {
                let relations = self.database.relations();
                let absent = way.absent.iter().map(|(relation, row)| {
                    let known = &relations[*relation];
                    let row =
                        row.iter().zip(&known.columns).map(|(value, column)| value.map(|value| (value, column.type_)));
                    Premise::Absent { relation: known.name.clone(), row: row.collect(), rows: known.len() }
                });
                premises.extend(absent);
                premises.extend(way.computed.then_some(Premise::Computed));
                return Ok(Some(self.proof(&goal, Some(way.rule), premises)));
            }
        }
        self.unproven.insert(goal, height);
        Ok(None)
    }

    fn proof(&self, goal: &Goal, rule: Option<usize>, premises: Vec<Premise>) -> Proof {
        let relation = &self.database.relations()[goal.0];
        let row = goal.1.iter().zip(&relation.columns).map(|(value, column)| (*value, column.type_)).collect();
        let place = rule.and_then(|rule| Problem::at(&self.program.texts, self.rules[rule].pos, "").place);
        let clause = place.map(|(name, line, ..)| (name, line));
        Proof { relation: relation.name.clone(), row, clause, premises }
    }

    /// The ways in which clauses derive a row from rows that are there; those of old rows first.
    fn ways(&mut self, goal: &Goal) -> Result<Vec<Way>, Problem> {
        if let Some(known) = self.ways.get(goal) {
            return Ok(known.clone());
        }
        let mut ways = Vec::new();
        for (number, rule) in self.rules.iter().enumerate().filter(|(_, rule)| rule.head == goal.0) {
            let mut bound = rule.clone();
            for (value, wanted) in rule.values.iter().zip(&goal.1) {
                let wanted = Expression::Constant(*wanted);
                bound.body.push(LiteralOf::Compare(Comparison::Equal, value.clone(), wanted, Type::Number));
            }
            for slots in self.solutions(&bound)? {
                ways.extend(self.way(number, rule, &slots));
            }
        }
        ways.sort_by_key(|way| way.rows.iter().filter(|(relation, _)| *relation == goal.0).count());
        self.ways.insert(goal.clone(), ways.clone());
        Ok(ways)
    }

    fn solutions(&mut self, rule: &Rule) -> Result<Vec<Vec<u32>>, Problem> {
        let nothing_new = |_: usize| false;
        let none = |_: usize| 0;
        let planner = Planner { program: self.program, rule, delta: None, in_stratum: &nothing_new, old: &none };
        let (relations, symbols) = self.database.parts();
        let steps = planner.plan(relations)?;
        relations.iter_mut().for_each(|relation| relation.refresh(None));
        let old = FxHashMap::default();
        let machine = Machine::new(relations, symbols, &old, Clock::default());
        let mut found = Solutions(Vec::new());
        let outcome = machine.run(&steps, &mut vec![0; rule.slots.len()], &mut found);
        let Solutions(found) = found;
        match outcome {
            Err(problem) if found.len() < MAX_WAYS => Err(*problem),
            _ => Ok(found),
        }
    }

    fn way(&mut self, number: usize, rule: &Rule, slots: &[u32]) -> Option<Way> {
        let mut way = Way { rule: number, rows: Vec::new(), absent: Vec::new(), computed: false };
        for literal in &rule.body {
            match literal {
                LiteralOf::Atom(atom) => {
                    let pattern = self.pattern(atom, slots);
                    let row = self.oldest(atom.relation, &pattern)?;
                    way.rows.push((atom.relation, row));
                }
                LiteralOf::Not(atom) => way.absent.push((atom.relation, self.pattern(atom, slots))),
                _ => way.computed = true,
            }
        }
        Some(way)
    }

    fn pattern(&mut self, atom: &AtomOf, slots: &[u32]) -> Vec<Option<u32>> {
        let (_, symbols) = self.database.parts();
        let symbols = RefCell::new(symbols);
        let value = |pattern: &Pattern| match pattern {
            Pattern::Is(expression) => expression.value(slots, &symbols),
            Pattern::Any => None,
        };
        atom.patterns.iter().map(value).collect()
    }

    /// The oldest row that fits: what it was derived from is older than what came after it.
    fn oldest(&mut self, relation: usize, pattern: &[Option<u32>]) -> Option<Vec<u32>> {
        let columns: Vec<usize> = (0..pattern.len()).filter(|column| pattern[*column].is_some()).collect();
        let key: Vec<u32> = pattern.iter().flatten().copied().collect();
        let (relations, _) = self.database.parts();
        let relation = &mut relations[relation];
        if columns.is_empty() {
            return (!relation.is_empty()).then(|| relation.row(0).to_vec());
        }
        if columns.len() == pattern.len() {
            return relation.contains(&key).then_some(key);
        }
        let number = relation.index(&columns);
        relation.refresh(None);
        let index = &relation.indexes[number];
        let slice = index.find(&key, Version::All, turn_of(0));
        if slice.count == 0 {
            return None;
        }
        match index.held() {
            Held::Number => Some(relation.row(slice.cells[0] as usize).to_vec()),
            Held::Cells(others) => {
                let mut row: Vec<u32> = pattern.iter().map(|value| value.unwrap_or_default()).collect();
                others.iter().zip(slice.cells).for_each(|(column, cell)| row[*column] = *cell);
                Some(row)
            }
        }
    }
}

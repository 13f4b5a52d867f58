//! Semi-naive evaluation: in each turn every recursive rule sees the rows that the last turn added once in each of its atoms.

use std::cell::{Cell, RefCell};
use std::time::Instant;

use distsys_facts::{Interner, Sym};
use regex::Regex;
use rustc_hash::FxHashMap;

use super::ast::{Aggregate, Program, Test};
use super::check::check;
use super::expression::{Expression, LiteralOf, Rule, compares};
use super::known::Fresh;
use super::magic;
use super::plan::{Planner, Step, Version};
use super::problem::Problem;
use super::relation::{Database, Limits, NO_ROW, Relation};
use super::strata::{Stratum, strata};

/// Derives all that a program says over what is in the database, in which its relations are declared.
///
/// # Errors
/// What is wrong with the program, or the limit that was met.
pub fn evaluate(program: &Program, database: &mut Database, limits: &Limits) -> Result<(), Problem> {
    let rules = check(program, database)?;
    derive(program, &rules, database, limits)
}

/// Derives what a program shows, and of the rest only what that needs.
///
/// # Errors
/// What is wrong with the program, or the limit that was met.
pub fn answer(program: &Program, database: &mut Database, limits: &Limits) -> Result<(), Problem> {
    let rules = check(program, database)?;
    // A program that has no meaning as it is written has none for a part of it either.
    strata(program, &rules, database.relations())?;
    let rules = magic::for_shown(program, rules, database);
    derive(program, &rules, database, limits)
}

fn derive(program: &Program, rules: &[Rule], database: &mut Database, limits: &Limits) -> Result<(), Problem> {
    let strata = strata(program, rules, database.relations())?;
    let started = Instant::now();
    let mut derived = 0;
    for stratum in &strata {
        if !stratum.rules.is_empty() {
            let mut turn = Turns { program, rules, stratum, limits, started, derived };
            let (relations, symbols) = database.parts();
            turn.run(relations, symbols)?;
            derived = turn.derived;
        }
    }
    Ok(())
}

struct Turns<'p> {
    program: &'p Program,
    rules: &'p [Rule],
    stratum: &'p Stratum,
    limits: &'p Limits,
    started: Instant,
    derived: usize,
}

/// A rule with the atom that sees the last turn's rows.
type Variant = (usize, Option<usize>);

impl Turns<'_> {
    fn run(&mut self, relations: &mut Vec<Relation>, symbols: &mut Interner) -> Result<(), Problem> {
        let recursive = |rule: &Rule| -> Vec<usize> {
            let atoms = rule.body.iter().enumerate();
            let own = |literal: &LiteralOf| matches!(literal, LiteralOf::Atom(atom) if self.stratum.relations.contains(&atom.relation));
            atoms.filter(|(_, literal)| own(literal)).map(|(number, _)| number).collect()
        };
        let first: Vec<Variant> = self.stratum.rules.iter().map(|rule| (*rule, None)).collect();
        let again: Vec<Variant> = self
            .stratum
            .rules
            .iter()
            .flat_map(|rule| recursive(&self.rules[*rule]).into_iter().map(|delta| (*rule, Some(delta))))
            .collect();
        // Before the first turn: what the program and its input say.
        let mut old: FxHashMap<usize, usize> = self.stratum.relations.iter().map(|number| (*number, 0)).collect();
        self.turn(&first, &old, relations, symbols)?;
        while !again.is_empty() {
            let known: FxHashMap<usize, usize> =
                self.stratum.relations.iter().map(|number| (*number, relations[*number].len())).collect();
            if known == old {
                break;
            }
            self.turn(&again, &old, relations, symbols)?;
            old = known;
        }
        Ok(())
    }

    /// Runs rules; what they find is added when all have run. `old`: the rows known before the last turn.
    fn turn(
        &mut self,
        variants: &[Variant],
        old: &FxHashMap<usize, usize>,
        relations: &mut Vec<Relation>,
        symbols: &mut Interner,
    ) -> Result<(), Problem> {
        let in_stratum = |number: usize| self.stratum.relations.contains(&number);
        let mut plans = Vec::with_capacity(variants.len());
        for &(rule, delta) in variants {
            let known = |number: usize| old.get(&number).copied().unwrap_or(0);
            let planner =
                Planner { program: self.program, rule: &self.rules[rule], delta, in_stratum: &in_stratum, old: &known };
            plans.push((rule, planner.plan(relations)?));
        }
        relations.iter_mut().for_each(Relation::refresh);
        let mut fresh: FxHashMap<usize, Fresh> = FxHashMap::default();
        for number in &self.stratum.relations {
            fresh.insert(*number, Fresh::new(relations[*number].columns.len()));
        }
        let room = self.limits.max_tuples.saturating_sub(self.derived);
        let mut found = 0;
        let machine = Machine {
            relations,
            old,
            symbols: RefCell::new(symbols),
            patterns: RefCell::default(),
            ticks: Cell::new(0),
            deadline: self.limits.timeout.map(|timeout| self.started + timeout),
        };
        for (rule, steps) in &plans {
            let rule = &self.rules[*rule];
            let Some(fresh) = fresh.get_mut(&rule.head) else { continue };
            let known = &relations[rule.head];
            let mut slots = vec![0; rule.slots.len()];
            let mut row = vec![0; rule.values.len()];
            // Mostly variables and constants, which need no working out.
            let plain: Option<Vec<Plain>> = rule.values.iter().map(Plain::of).collect();
            machine.run(steps, &mut slots, &mut |slots| {
                match &plain {
                    Some(plain) => {
                        for (value, cell) in plain.iter().zip(&mut row) {
                            *cell = match value {
                                Plain::Slot(slot) => slots[*slot],
                                Plain::Constant(value) => *value,
                            };
                        }
                    }
                    None => {
                        for (value, cell) in rule.values.iter().zip(&mut row) {
                            match value.value(slots, &machine.symbols) {
                                Some(value) => *cell = value,
                                None => return Ok(()),
                            }
                        }
                    }
                }
                if fresh.offer(&row) {
                    found += known.settle(fresh);
                    self.within(found, room, known)?;
                }
                Ok(())
            })?;
            found += known.settle(fresh);
            self.within(found, room, known)?;
        }
        for (number, fresh) in fresh {
            relations[number].append(fresh);
        }
        self.derived += found;
        Ok(())
    }

    fn within(&self, found: usize, room: usize, relation: &Relation) -> Result<(), Problem> {
        if found <= room {
            return Ok(());
        }
        Err(Problem::limit(format!(
            "more than {} tuples are derived, the last of them in `{}`; ask for less, or raise --max-tuples",
            self.limits.max_tuples, relation.name
        )))
    }
}

/// A column of a head that needs no working out.
enum Plain {
    Slot(usize),
    Constant(u32),
}

impl Plain {
    fn of(expression: &Expression) -> Option<Plain> {
        match expression {
            Expression::Slot(slot) => Some(Plain::Slot(*slot)),
            Expression::Constant(value) => Some(Plain::Constant(*value)),
            Expression::Call(..) => None,
        }
    }
}

pub(super) struct Machine<'m> {
    pub relations: &'m [Relation],
    pub old: &'m FxHashMap<usize, usize>,
    pub symbols: RefCell<&'m mut Interner>,
    pub patterns: RefCell<FxHashMap<u32, Option<Regex>>>,
    pub ticks: Cell<u32>,
    pub deadline: Option<Instant>,
}

pub(super) type Found<'f> = &'f mut dyn FnMut(&[u32]) -> Result<(), Problem>;

impl Machine<'_> {
    pub(super) fn run(&self, steps: &[Step], slots: &mut [u32], found: Found<'_>) -> Result<(), Problem> {
        let Some((step, rest)) = steps.split_first() else { return found(slots) };
        let value = |expression: &Expression, slots: &[u32]| expression.value(slots, &self.symbols);
        match step {
            Step::Probe { relation, version, index, key, binds, same } => {
                let rows = &self.relations[*relation];
                let old = self.old.get(relation).copied().unwrap_or(0) as u32;
                let (from, to) = match version {
                    Version::All => (0, rows.len() as u32),
                    Version::Delta => (old, rows.len() as u32),
                    Version::Old => (0, old),
                };
                let mut visit = |number: u32, slots: &mut [u32]| -> Result<(), Problem> {
                    self.tick()?;
                    let row = rows.row(number as usize);
                    for (column, slot) in binds {
                        slots[*slot] = row[*column];
                    }
                    if same.iter().all(|(column, expression)| value(expression, slots) == Some(row[*column])) {
                        self.run(rest, slots, found)?;
                    }
                    Ok(())
                };
                match index {
                    None => (from..to).try_for_each(|number| visit(number, slots)),
                    Some(index) => {
                        let mut wanted = [0u32; 16];
                        let mut spill = Vec::new();
                        let wanted = if key.len() <= 16 {
                            &mut wanted[..key.len()]
                        } else {
                            spill.resize(key.len(), 0);
                            &mut spill[..]
                        };
                        for (expression, cell) in key.iter().zip(wanted.iter_mut()) {
                            match value(expression, slots) {
                                Some(value) => *cell = value,
                                None => return Ok(()),
                            }
                        }
                        let mut number = rows.newest(*index, wanted);
                        while number != NO_ROW && number >= from {
                            if number < to {
                                visit(number, slots)?;
                            }
                            number = rows.before(*index, number);
                        }
                        Ok(())
                    }
                }
            }
            Step::Contains { relation, values, holds } => {
                let row: Option<Vec<u32>> = values.iter().map(|expression| value(expression, slots)).collect();
                let is_there = row.map(|row| self.relations[*relation].contains(&row));
                if is_there == Some(*holds) { self.run(rest, slots, found) } else { Ok(()) }
            }
            Step::Absent { relation, index, key } => {
                let key: Option<Vec<u32>> = key.iter().map(|expression| value(expression, slots)).collect();
                let is_absent = key.is_some_and(|key| self.relations[*relation].newest(*index, &key) == NO_ROW);
                if is_absent { self.run(rest, slots, found) } else { Ok(()) }
            }
            Step::Empty { relation } => {
                if self.relations[*relation].is_empty() {
                    self.run(rest, slots, found)
                } else {
                    Ok(())
                }
            }
            Step::Compare(comparison, left, right, type_) => match (value(left, slots), value(right, slots)) {
                (Some(left), Some(right)) if compares(*comparison, *type_, left, right, &self.symbols) => {
                    self.run(rest, slots, found)
                }
                _ => Ok(()),
            },
            Step::Bind(slot, expression) => match value(expression, slots) {
                Some(value) => {
                    slots[*slot] = value;
                    self.run(rest, slots, found)
                }
                None => Ok(()),
            },
            Step::Test(test, part, text, holds) => match (value(part, slots), value(text, slots)) {
                (Some(part), Some(text)) if self.holds(*test, part, text)? == *holds => self.run(rest, slots, found),
                _ => Ok(()),
            },
            Step::Aggregate { slot, is_bound, aggregate, value: of, bodies } => {
                let (mut count, mut sum, mut least, mut most) = (0i32, 0i32, None::<i32>, None::<i32>);
                for body in bodies {
                    let mut inner = slots.to_vec();
                    self.run(body, &mut inner, &mut |slots| {
                        count = count.wrapping_add(1);
                        if let Some(one) = of.as_ref().and_then(|of| value(of, slots)).map(|one| one as i32) {
                            sum = sum.wrapping_add(one);
                            least = Some(least.map_or(one, |least| least.min(one)));
                            most = Some(most.map_or(one, |most| most.max(one)));
                        }
                        Ok(())
                    })?;
                }
                let result = match aggregate {
                    Aggregate::Count => Some(count),
                    Aggregate::Sum => Some(sum),
                    Aggregate::Min => least,
                    Aggregate::Max => most,
                };
                match result.map(|result| result as u32) {
                    Some(result) if !is_bound || slots[*slot] == result => {
                        slots[*slot] = result;
                        self.run(rest, slots, found)
                    }
                    _ => Ok(()),
                }
            }
            Step::Range { slot, from, to, step } => {
                let number = |expression: &Expression| value(expression, slots).map(|value| i64::from(value as i32));
                let (Some(from), Some(to)) = (number(from), number(to)) else { return Ok(()) };
                let towards = if from <= to { 1 } else { -1 };
                let step = step.as_ref().map_or(Some(towards), number).unwrap_or_default();
                let mut at = from;
                while (step > 0 && at < to) || (step < 0 && at > to) {
                    self.tick()?;
                    slots[*slot] = at as i32 as u32;
                    self.run(rest, slots, found)?;
                    at += step;
                }
                Ok(())
            }
            Step::Never => Ok(()),
        }
    }

    /// The clock is looked at now and then.
    fn tick(&self) -> Result<(), Problem> {
        let ticks = self.ticks.get().wrapping_add(1);
        self.ticks.set(ticks);
        if ticks & 0xffff == 0 && self.deadline.is_some_and(|deadline| Instant::now() > deadline) {
            return Err(Problem::limit("the time for this query is over; ask for less, or raise --timeout"));
        }
        Ok(())
    }

    fn holds(&self, test: Test, part: u32, text: u32) -> Result<bool, Problem> {
        let symbols = self.symbols.borrow();
        let (part_text, text) = (symbols.text(Sym(part)), symbols.text(Sym(text)));
        if test == Test::Contains {
            return Ok(text.contains(part_text));
        }
        let mut patterns = self.patterns.borrow_mut();
        let pattern = patterns.entry(part).or_insert_with(|| Regex::new(&format!("^(?:{part_text})$")).ok());
        match pattern {
            Some(pattern) => Ok(pattern.is_match(text)),
            None => Err(Problem::limit(format!("`{part_text}` is no regular expression"))),
        }
    }
}

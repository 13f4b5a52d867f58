//! Semi-naive evaluation: in each turn every recursive rule sees the rows that the last turn added once in each of its atoms.

use std::time::Instant;

use distsys_facts::Interner;
use rustc_hash::FxHashMap;

use super::ast::Program;
use super::check::check;
use super::expression::{LiteralOf, Rule};
use super::fresh::Fresh;
use super::head::{Head, Room};
use super::machine::{Clock, Machine};
use super::magic;
use super::plan::Planner;
use super::problem::Problem;
use super::relation::{Database, Limits, Relation};
use super::strata::{Stratum, strata};

/// Derives all that a program says over what is in the database, in which its relations are declared.
///
/// # Errors
/// What is wrong with the program, or the limit that was met.
pub fn evaluate(program: &Program, database: &mut Database, limits: &Limits) -> Result<(), Problem> {
    let rules = verified(program, database)?;
    derive(program, &rules, database, limits)
}

/// Derives what a program shows, and of the rest only what that needs.
///
/// # Errors
/// What is wrong with the program, or the limit that was met.
pub fn answer(program: &Program, database: &mut Database, limits: &Limits) -> Result<(), Problem> {
    // A program that has no meaning as it is written has none for a part of it either.
    let rules = verified(program, database)?;
    let rules = magic::for_shown(program, rules, database);
    derive(program, &rules, database, limits)
}

/// Says what is wrong with a program whose relations are declared, without evaluating it.
///
/// # Errors
/// What is wrong with it.
pub fn verify(program: &Program, database: &mut Database) -> Result<(), Problem> {
    verified(program, database).map(drop)
}

fn verified(program: &Program, database: &mut Database) -> Result<Vec<Rule>, Problem> {
    let rules = check(program, database)?;
    strata(program, &rules, database.relations())?;
    let nothing = |_: usize| false;
    let (relations, _) = database.parts();
    for rule in &rules {
        Planner { program, rule, delta: None, in_stratum: &nothing, old: &|_| 0 }.plan(relations)?;
    }
    Ok(rules)
}

fn derive(program: &Program, rules: &[Rule], database: &mut Database, limits: &Limits) -> Result<(), Problem> {
    let strata = strata(program, rules, database.relations())?;
    let started = Instant::now();
    let mut derived = 0;
    let mut turns = Vec::new();
    for stratum in &strata {
        if !stratum.rules.is_empty() {
            let (relations, symbols) = database.parts();
            let fresh = |number: &usize| (*number, Fresh::new(relations[*number].columns.len()));
            let fresh = stratum.relations.iter().map(fresh).collect();
            let mut turn = Turns { program, rules, stratum, limits, started, derived, fresh };
            turns.push(turn.run(relations, symbols)?);
            derived = turn.derived;
        }
    }
    database.set_turns(turns);
    Ok(())
}

struct Turns<'p> {
    program: &'p Program,
    rules: &'p [Rule],
    stratum: &'p Stratum,
    limits: &'p Limits,
    started: Instant,
    derived: usize,
    /// What is found, by relation.
    fresh: FxHashMap<usize, Fresh>,
}

/// A rule with the atom that sees the last turn's rows.
type Variant = (usize, Option<usize>);

impl Turns<'_> {
    /// Gives the number of turns.
    fn run(&mut self, relations: &mut [Relation], symbols: &mut Interner) -> Result<usize, Problem> {
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
        // What an earlier evaluation knew of turns is not true of this one.
        self.stratum.relations.iter().for_each(|number| relations[*number].indexes.clear());
        // Before the first turn: what the program and its input say.
        let mut old: FxHashMap<usize, usize> = self.stratum.relations.iter().map(|number| (*number, 0)).collect();
        self.turn(&first, &old, relations, symbols)?;
        let mut turns = 1;
        while !again.is_empty() {
            let known: FxHashMap<usize, usize> =
                self.stratum.relations.iter().map(|number| (*number, relations[*number].len())).collect();
            if known == old {
                break;
            }
            self.turn(&again, &old, relations, symbols)?;
            turns += 1;
            old = known;
        }
        Ok(turns)
    }

    /// Runs rules; what they find is added when all have run. `old`: the rows known before the last turn.
    fn turn(
        &mut self,
        variants: &[Variant],
        old: &FxHashMap<usize, usize>,
        relations: &mut [Relation],
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
        for (number, relation) in relations.iter_mut().enumerate() {
            relation.refresh(old.get(&number).copied());
        }
        let room = self.limits.max_tuples.saturating_sub(self.derived);
        let mut found = 0;
        let deadline = self.limits.timeout.map(|timeout| self.started + timeout);
        let clock = Clock { deadline, stop: self.limits.stop };
        // Turns may be many and small.
        clock.look().map_err(|stop| *stop)?;
        let machine = Machine::new(relations, symbols, old, clock);
        for (rule, steps) in &plans {
            let rule = &self.rules[*rule];
            let Some(fresh) = self.fresh.get_mut(&rule.head) else { continue };
            let mut slots = vec![0; rule.slots.len()];
            let room = Room { left: room - found.min(room), of: self.limits.max_tuples };
            let mut head = Head::new(rule, steps, &relations[rule.head], fresh, room);
            let outcome = machine.run(steps, &mut slots, &mut head).and_then(|()| head.settle());
            found += outcome.map_err(|stop| *stop)?;
        }
        for (number, fresh) in &mut self.fresh {
            relations[*number].append(fresh);
        }
        self.derived += found;
        Ok(())
    }
}

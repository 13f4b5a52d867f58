//! Magic sets: what a question asks with constants is derived for these constants alone.
//!
//! `reaches("pay", x)` needs of `reaches` only the rows that begin with `pay`. A recursive relation that is asked with some
//! columns bound gets a twin for these columns, whose rules derive a row only when a *magic* relation wants it; the magic
//! relation holds what the question asks for and, through the rules, what answering asks for in turn. (Bancilhon, Maier,
//! Sagiv, Ullman 1986; Beeri and Ramakrishnan 1991. Sideways information goes from what is bound to what shares a variable.)

use rustc_hash::{FxHashMap, FxHashSet};

use super::ast::{Comparison, IoKind, Program};
use super::expression::{AtomOf, Expression, LiteralOf, Pattern, Rule};
use super::relation::{Column, Database, Type};
use super::strata::reads_of;

/// A relation as it is asked: the columns that are bound.
type Asked = (usize, Vec<usize>);

/// Rewrites `rules` so that they derive what `program` shows, and nothing else.
pub(super) fn for_shown(program: &Program, rules: Vec<Rule>, database: &mut Database) -> Vec<Rule> {
    let shown = program.directives.iter().filter(|directive| directive.kind != IoKind::Input);
    let roots: Vec<usize> = shown.filter_map(|directive| database.number(&directive.relation)).collect();
    if roots.is_empty() {
        return rules;
    }
    let rules = needed(&roots, rules);
    let uses = Uses::of(&rules);
    let mut magic = Magic {
        eligible: uses.recursive().filter(|number| database.relations()[*number].is_empty()).collect(),
        database,
        of_head: FxHashMap::default(),
        twins: FxHashMap::default(),
        open: Vec::new(),
        found: Vec::new(),
    };
    magic.eligible.retain(|number| !roots.contains(number));
    for (number, rule) in rules.iter().enumerate() {
        magic.of_head.entry(rule.head).or_default().push(number);
    }
    // What is shown is derived whole; so is what is asked without a constant. What is asked for its absence or its number is
    // left as it is: it must be complete before anything wants anything.
    let whole = asked_whole(&rules, &uses);
    for rule in &rules {
        let rewritten = if whole.contains(&rule.head) { rule.clone() } else { magic.rewrite(rule, None) };
        magic.found.push(rewritten);
    }
    while let Some(asked) = magic.open.pop() {
        for number in magic.of_head.get(&asked.0).cloned().unwrap_or_default() {
            let mut rewritten = magic.rewrite(&rules[number], Some(&asked));
            rewritten.head = magic.twins[&asked].0;
            magic.found.push(rewritten);
        }
    }
    needed(&roots, magic.found)
}

/// What each relation is derived from.
struct Uses(FxHashMap<usize, Vec<usize>>);

impl Uses {
    fn of(rules: &[Rule]) -> Uses {
        let mut uses: FxHashMap<usize, Vec<usize>> = FxHashMap::default();
        for rule in rules {
            uses.entry(rule.head).or_default().extend(rule.body.iter().flat_map(relations_of));
        }
        Uses(uses)
    }

    /// `start` with all that it rests on.
    fn closure(&self, start: &[usize]) -> FxHashSet<usize> {
        let mut reached: FxHashSet<usize> = start.iter().copied().collect();
        let mut stack = start.to_vec();
        while let Some(head) = stack.pop() {
            let used = self.0.get(&head).into_iter().flatten().copied();
            stack.extend(used.filter(|relation| reached.insert(*relation)));
        }
        reached
    }

    /// Relations that are derived from themselves, through others or not.
    fn recursive(&self) -> impl Iterator<Item = usize> {
        self.0.iter().filter(|(head, used)| self.closure(used).contains(head)).map(|(head, _)| *head)
    }
}

fn relations_of(literal: &LiteralOf) -> impl Iterator<Item = usize> + use<> {
    let mut found = Vec::new();
    reads_of(literal, false, &mut found);
    found.into_iter().map(|(relation, _)| relation)
}

/// The rules that the roots rest on.
fn needed(roots: &[usize], mut rules: Vec<Rule>) -> Vec<Rule> {
    let wanted = Uses::of(&rules).closure(roots);
    rules.retain(|rule| wanted.contains(&rule.head));
    rules
}

/// Relations that are negated or counted, with all that they rest on.
fn asked_whole(rules: &[Rule], uses: &Uses) -> FxHashSet<usize> {
    let literals = rules.iter().flat_map(|rule| &rule.body);
    let asked = literals.filter(|literal| !matches!(literal, LiteralOf::Atom(_))).flat_map(relations_of);
    uses.closure(&asked.collect::<Vec<_>>())
}

struct Magic<'d> {
    /// Relations that may get twins.
    eligible: FxHashSet<usize>,
    database: &'d mut Database,
    of_head: FxHashMap<usize, Vec<usize>>,
    /// The twin of a relation as it is asked, and the relation of what is wanted of it.
    twins: FxHashMap<Asked, (usize, usize)>,
    open: Vec<Asked>,
    found: Vec<Rule>,
}

impl Magic<'_> {
    /// A rule whose atoms ask twins where enough is bound. `asked`: the columns of its head that are bound by what is wanted.
    fn rewrite(&mut self, rule: &Rule, asked: Option<&Asked>) -> Rule {
        let mut rule = rule.clone();
        let mut bound: FxHashSet<usize> = FxHashSet::default();
        // What leads to the next atom: the positive literals before it.
        let mut before: Vec<LiteralOf> = Vec::new();
        if let Some((relation, columns)) = asked {
            let wanted = self.twins[&(*relation, columns.clone())].1;
            // What is worked out is looked at when it is known; that something is wanted is enough here.
            let patterns = columns.iter().map(|column| match &rule.values[*column] {
                Expression::Call(..) => Pattern::Any,
                value => Pattern::Is(value.clone()),
            });
            let patterns = patterns.collect();
            for column in columns {
                if let Expression::Slot(slot) = rule.values[*column] {
                    bound.insert(slot);
                }
            }
            before.push(LiteralOf::Atom(AtomOf { relation: wanted, patterns }));
        }
        for literal in &rule.body {
            if let LiteralOf::Compare(Comparison::Equal, Expression::Slot(slot), value @ Expression::Constant(_), _)
            | LiteralOf::Compare(Comparison::Equal, value @ Expression::Constant(_), Expression::Slot(slot), _) =
                literal
            {
                bound.insert(*slot);
                before.push(LiteralOf::Compare(
                    Comparison::Equal,
                    Expression::Slot(*slot),
                    value.clone(),
                    Type::Number,
                ));
            }
        }
        let guard = before.first().filter(|_| asked.is_some()).cloned();
        let mut open: Vec<usize> =
            (0..rule.body.len()).filter(|number| matches!(rule.body[*number], LiteralOf::Atom(_))).collect();
        while let Some(at) = self.next(&open, &rule.body, &bound) {
            let number = open.remove(at);
            let LiteralOf::Atom(atom) = &rule.body[number] else { continue };
            let mut atom = atom.clone();
            let columns = bound_columns(&atom, &bound);
            if self.eligible.contains(&atom.relation) && !columns.is_empty() {
                let values = columns.iter().filter_map(|column| match &atom.patterns[*column] {
                    Pattern::Is(expression) => Some(expression.clone()),
                    Pattern::Any => None,
                });
                let values: Vec<Expression> = values.collect();
                let (twin, wanted) = self.twin(&(atom.relation, columns));
                self.found.push(Rule {
                    head: wanted,
                    values,
                    body: before.clone(),
                    slots: rule.slots.clone(),
                    pos: rule.pos,
                });
                atom.relation = twin;
            }
            for pattern in &atom.patterns {
                if let Pattern::Is(Expression::Slot(slot)) = pattern {
                    bound.insert(*slot);
                }
            }
            before.push(LiteralOf::Atom(atom.clone()));
            rule.body[number] = LiteralOf::Atom(atom);
        }
        rule.body.splice(0..0, guard);
        rule
    }

    /// The atom that is bound best, those that are known before those that are derived; none if nothing is bound.
    fn next(&self, open: &[usize], body: &[LiteralOf], bound: &FxHashSet<usize>) -> Option<usize> {
        let weigh = |number: usize| match &body[number] {
            LiteralOf::Atom(atom) => {
                let columns = bound_columns(atom, bound).len();
                (columns > 0).then_some((!self.eligible.contains(&atom.relation), columns))
            }
            _ => None,
        };
        let weighed = open.iter().enumerate().filter_map(|(at, number)| Some((weigh(*number)?, std::cmp::Reverse(at))));
        weighed.max().map(|(_, std::cmp::Reverse(at))| at)
    }

    fn twin(&mut self, asked: &Asked) -> (usize, usize) {
        if let Some(&twin) = self.twins.get(asked) {
            return twin;
        }
        let relation = &self.database.relations()[asked.0];
        let (name, columns) = (relation.name.clone(), relation.columns.clone());
        let bound: Vec<Column> = asked.1.iter().map(|column| columns[*column].clone()).collect();
        let suffix: Vec<String> = asked.1.iter().map(usize::to_string).collect();
        let twin = self.declare(&format!("{name} by {}", suffix.join(",")), columns);
        let wanted = self.declare(&format!("{name} wanted by {}", suffix.join(",")), bound);
        self.twins.insert(asked.clone(), (twin, wanted));
        self.open.push(asked.clone());
        (twin, wanted)
    }

    fn declare(&mut self, name: &str, columns: Vec<Column>) -> usize {
        self.database.declare(name, columns);
        self.database.relations().len() - 1
    }
}

/// The columns of an atom that hold a constant or a bound variable.
fn bound_columns(atom: &AtomOf, bound: &FxHashSet<usize>) -> Vec<usize> {
    let is_bound = |pattern: &Pattern| match pattern {
        Pattern::Is(Expression::Constant(_)) => true,
        Pattern::Is(Expression::Slot(slot)) => bound.contains(slot),
        Pattern::Is(Expression::Call(..)) | Pattern::Any => false,
    };
    (0..atom.patterns.len()).filter(|column| is_bound(&atom.patterns[*column])).collect()
}

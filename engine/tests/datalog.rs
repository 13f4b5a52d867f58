//! The interpreter against a naive evaluator: random programs with recursion, negation, comparisons and constants, over
//! random facts, evaluated whole and for a question alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use distsys_engine::datalog::{Database, Limits, Premise, Proof, answer, declare, evaluate, explain, parse};

/// A small generator (xorshift), so that every run and machine sees the same programs.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

#[derive(Clone, Debug)]
enum Term {
    Variable(usize),
    Constant(i32),
}

#[derive(Clone, Debug)]
enum Literal {
    Atom { relation: usize, terms: Vec<Term>, holds: bool },
    Less(usize, usize),
    Unequal(usize, usize),
}

#[derive(Clone, Debug)]
struct Rule {
    head: usize,
    terms: Vec<Term>,
    body: Vec<Literal>,
}

/// Relations 0 and 1 are given, the others derived; a negated one is of a lower number than its head, so that all is stratified.
const GIVEN: usize = 2;
const RELATIONS: usize = 5;
const WIDTH: usize = 2;
const VALUES: usize = 6;

type Rows = BTreeMap<usize, BTreeSet<Vec<i32>>>;

fn term(random: &mut Random, variables: usize) -> Term {
    match random.below(6) {
        0 => Term::Constant(random.below(VALUES) as i32),
        _ => Term::Variable(random.below(variables)),
    }
}

fn rule(random: &mut Random, head: usize) -> Rule {
    let variables = 2 + random.below(3);
    let mut body = Vec::new();
    let mut bound = BTreeSet::new();
    for _ in 0..1 + random.below(3) {
        let relation = random.below(head + 1);
        let terms: Vec<Term> = (0..WIDTH).map(|_| term(random, variables)).collect();
        bound.extend(terms.iter().filter_map(|term| match term {
            Term::Variable(variable) => Some(*variable),
            Term::Constant(_) => None,
        }));
        body.push(Literal::Atom { relation, terms, holds: true });
    }
    let bound: Vec<usize> = bound.into_iter().collect();
    let one = |random: &mut Random| match bound.is_empty() || random.below(5) == 0 {
        true => Term::Constant(random.below(VALUES) as i32),
        false => Term::Variable(bound[random.below(bound.len())]),
    };
    if random.below(3) == 0 {
        let terms = (0..WIDTH).map(|_| one(random)).collect();
        body.push(Literal::Atom { relation: random.below(head), terms, holds: false });
    }
    if bound.len() > 1 && random.below(3) == 0 {
        let (left, right) = (bound[random.below(bound.len())], bound[random.below(bound.len())]);
        body.push(if random.below(2) == 0 { Literal::Less(left, right) } else { Literal::Unequal(left, right) });
    }
    let terms = (0..WIDTH).map(|_| one(random)).collect();
    Rule { head, terms, body }
}

fn written(terms: &[Term]) -> String {
    let one = |term: &Term| match term {
        Term::Variable(variable) => format!("v{variable}"),
        Term::Constant(value) => value.to_string(),
    };
    terms.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn text(rules: &[Rule], facts: &Rows, question: &[Term]) -> String {
    let mut text = String::new();
    for relation in 0..RELATIONS {
        let _ = writeln!(text, ".decl r{relation}(a: number, b: number)");
    }
    text.push_str(".decl asked(a: number, b: number)\n");
    for (relation, rows) in facts {
        for row in rows {
            let _ = writeln!(text, "r{relation}({}, {}).", row[0], row[1]);
        }
    }
    for rule in rules {
        let literals: Vec<String> = rule
            .body
            .iter()
            .map(|literal| match literal {
                Literal::Atom { relation, terms, holds } => {
                    format!("{}r{relation}({})", if *holds { "" } else { "!" }, written(terms))
                }
                Literal::Less(left, right) => format!("v{left} < v{right}"),
                Literal::Unequal(left, right) => format!("v{left} != v{right}"),
            })
            .collect();
        let _ = writeln!(text, "r{}({}) :- {}.", rule.head, written(&rule.terms), literals.join(", "));
    }
    let _ = writeln!(text, "asked(v0, v1) :- r{}({}), r0(v0, v1).", RELATIONS - 1, written(question));
    text.push_str(".output asked\n");
    text
}

/// Every assignment of the rule's variables is tried, until nothing new is found.
fn naively(rules: &[Rule], facts: &Rows) -> Rows {
    let mut rows = facts.clone();
    // Negated relations have lower numbers: they are complete before they are asked.
    for head in GIVEN..RELATIONS {
        loop {
            let mut fresh = Vec::new();
            for rule in rules.iter().filter(|rule| rule.head == head) {
                solutions(rule, &rows, &mut fresh);
            }
            let known = rows.entry(head).or_default();
            let before = known.len();
            known.extend(fresh);
            if known.len() == before {
                break;
            }
        }
    }
    rows
}

fn solutions(rule: &Rule, rows: &Rows, fresh: &mut Vec<Vec<i32>>) {
    let variables = 5u32;
    for number in 0..VALUES.pow(variables) {
        let value = |variable: usize| (number / VALUES.pow(variable as u32) % VALUES) as i32;
        let of = |term: &Term| match term {
            Term::Variable(variable) => value(*variable),
            Term::Constant(value) => *value,
        };
        let holds = rule.body.iter().all(|literal| match literal {
            Literal::Atom { relation, terms, holds } => {
                let row: Vec<i32> = terms.iter().map(of).collect();
                rows.get(relation).is_some_and(|known| known.contains(&row)) == *holds
            }
            Literal::Less(left, right) => value(*left) < value(*right),
            Literal::Unequal(left, right) => value(*left) != value(*right),
        });
        if holds {
            fresh.push(rule.terms.iter().map(of).collect());
        }
    }
}

fn rows_of(database: &Database, relation: &str) -> BTreeSet<Vec<i32>> {
    let relation = database.relation(relation).expect("it is declared");
    relation.rows().map(|row| row.iter().map(|value| *value as i32).collect()).collect()
}

fn assert_holds(proof: &Proof, database: &Database, text: &str) {
    let row: Vec<u32> = proof.row.iter().map(|(value, _)| *value).collect();
    assert!(database.relation(&proof.relation).is_some_and(|known| known.contains(&row)), "{proof:?}\n{text}");
    for premise in &proof.premises {
        match premise {
            Premise::Holds(proof) => assert_holds(proof, database, text),
            Premise::Absent { relation, row, .. } => {
                let row: Option<Vec<u32>> = row.iter().map(|value| value.map(|(value, _)| value)).collect();
                let known = database.relation(relation).expect("it is declared");
                assert!(row.is_none_or(|row| !known.contains(&row)), "{premise:?}\n{text}");
            }
            Premise::Computed => {}
        }
    }
}

#[test]
fn random_programs_give_what_a_naive_evaluator_gives() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for program in 0..250 {
        let mut facts: Rows = BTreeMap::new();
        for relation in 0..GIVEN {
            let rows =
                (0..3 + random.below(8)).map(|_| (0..WIDTH).map(|_| random.below(VALUES) as i32).collect()).collect();
            facts.insert(relation, rows);
        }
        let mut rules = Vec::new();
        for head in GIVEN..RELATIONS {
            rules.extend((0..1 + random.below(3)).map(|_| rule(&mut random, head)).collect::<Vec<_>>());
        }
        let question = vec![Term::Constant(random.below(VALUES) as i32), Term::Variable(random.below(2))];
        let text = text(&rules, &facts, &question);
        let expected = naively(&rules, &facts);
        let parsed = parse("random.dl", &text, &mut |_| None).unwrap_or_else(|problem| panic!("{problem}\n{text}"));

        let mut whole = Database::default();
        declare(&parsed, &mut whole).expect("all types are known");
        evaluate(&parsed, &mut whole, &Limits::default()).unwrap_or_else(|problem| panic!("{problem}\n{text}"));
        for relation in 0..RELATIONS {
            let known = expected.get(&relation).cloned().unwrap_or_default();
            assert_eq!(rows_of(&whole, &format!("r{relation}")), known, "program {program}, r{relation}:\n{text}");
        }

        // Every row has a proof, and each row in it is there.
        let last = format!("r{}", RELATIONS - 1);
        let rows: Vec<Vec<u32>> =
            whole.relation(&last).expect("it is declared").rows().take(4).map(<[u32]>::to_vec).collect();
        for row in rows {
            let proof = explain(&parsed, &mut whole, &last, &row).expect("it was evaluated");
            let proof = proof.unwrap_or_else(|| panic!("program {program}, {last}{row:?} has no proof:\n{text}"));
            assert_holds(&proof, &whole, &text);
        }

        let mut asked = Database::default();
        declare(&parsed, &mut asked).expect("all types are known");
        answer(&parsed, &mut asked, &Limits::default()).unwrap_or_else(|problem| panic!("{problem}\n{text}"));
        assert_eq!(rows_of(&asked, "asked"), rows_of(&whole, "asked"), "program {program}, asked alone:\n{text}");
    }
}

/// Programs that say what cannot be meant, each below a line `// what its error says`, with a line of dashes between them.
const WRONG: &str = include_str!("wrong.dl");

fn outcome(text: &str) -> Result<(), String> {
    let program = parse("wrong.dl", text, &mut |_| None).map_err(|problem| problem.to_string())?;
    let mut database = Database::default();
    declare(&program, &mut database).map_err(|problem| problem.to_string())?;
    let limits = Limits { max_tuples: 10_000, timeout: Some(std::time::Duration::from_secs(2)), stop: None };
    answer(&program, &mut database, &limits).map_err(|problem| problem.to_string())
}

#[test]
fn wrong_programs_give_errors_that_show_the_place() {
    let programs: Vec<(&str, &str)> = WRONG
        .split("\n----\n")
        .map(|program| program.trim_start_matches('\n').split_once('\n').expect("what its error says"))
        .collect();
    assert!(programs.len() >= 200, "{} programs", programs.len());
    for (says, text) in programs {
        let says = says.trim_start_matches("// ");
        let error = outcome(text).expect_err(text);
        assert!(error.starts_with(says), "{text}\ngives\n{error}\nnot\n{says}");
        // What is only known while it runs has no place in the text.
        let is_shown = error.contains(" --> wrong.dl:") && error.contains('^');
        assert!(is_shown || error.contains("regular expression"), "{text}\ngives\n{error}");
        let line = |rest: &str| rest.split(':').next().and_then(|line| line.parse::<usize>().ok());
        if let Some(line) = error.split(" --> wrong.dl:").nth(1).and_then(line) {
            assert!((1..=text.lines().count().max(1)).contains(&line), "{text}\ngives\n{error}");
        }
    }
}

#[test]
fn a_value_goes_where_the_body_says_that_it_may() {
    let types = "
        .type order_id <: symbol
        .type late_id <: order_id
        .type user_id <: symbol
        .type id = order_id | user_id
        .type other_name = order_id
        .decl any(x: id) .decl order(x: order_id) .decl late(x: late_id) .decl renamed(x: other_name) .decl text(x: symbol)";
    for clause in [
        "order(x) :- late(x).",
        "any(x) :- order(x).",
        "text(x) :- any(x).",
        "order(x) :- any(x), order(x).",
        "order(y) :- any(x), order(x), y = x.",
        "order(x) :- renamed(x). renamed(x) :- order(x).",
        "order(cat(x, x)) :- text(x).",
        "order(as(x, order_id)) :- text(x).",
        "order(\"an order\").",
    ] {
        if let Err(problem) = outcome(&format!("{types}\n{clause}")) {
            panic!("{clause} is right: {problem}");
        }
    }
}

#[test]
fn damaged_programs_give_an_answer_or_an_error() {
    let whole = "
        .decl edge(from: symbol, to: symbol)
        edge(\"a\", \"b\"). edge(\"b\", \"c\"). edge(\"c\", \"a\").
        .decl path(from: symbol, to: symbol, length: number)
        path(x, y, 1) :- edge(x, y).
        path(x, z, n + 1) :- path(x, y, n), edge(y, z), n < 5.
        .decl far(from: symbol, count: number)
        far(x, n) :- edge(x, _), n = count : { path(x, y, l), l > 2, !edge(x, y) }, (n > 0; match(\"a|b\", x)).
        .decl numbers(a: number) .decl same(a: number, b: number) eqrel
        numbers(n) :- n = range(0, 5). same(a, b) :- numbers(a), b = a band 1.
        .output far(filename=\"far.csv\")
    ";
    assert_eq!(outcome(whole), Ok(()));
    let pieces: Vec<&str> = whole.split_inclusive(|c: char| !c.is_alphanumeric()).collect();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut errors = 0;
    for _ in 0..1000 {
        let mut damaged = pieces.clone();
        for _ in 0..1 + random.below(3) {
            if damaged.is_empty() {
                break;
            }
            let at = random.below(damaged.len());
            let other = damaged[random.below(damaged.len())];
            match random.below(4) {
                0 => drop(damaged.remove(at)),
                1 => damaged.insert(at, other),
                2 => damaged[at] = other,
                _ => damaged.truncate(at.max(1)),
            }
        }
        if let Err(error) = outcome(&damaged.concat()) {
            errors += 1;
            assert!(error.lines().count() < 12, "{error}");
        }
    }
    assert!(errors > 500, "only {errors} of the damaged programs are refused");
}

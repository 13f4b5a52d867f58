//! Strata: the strongly connected components of what derives from what, callees first.

use std::collections::VecDeque;

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::ast::Program;
use super::expression::{LiteralOf, Rule};
use super::problem::Problem;
use super::relation::Relation;

/// Relations that derive one another, and the rules that derive them.
#[derive(Debug)]
pub(super) struct Stratum {
    pub relations: Vec<usize>,
    pub rules: Vec<usize>,
}

/// # Errors
/// A relation that is derived from its own absence, with the cycle.
pub(super) fn strata(program: &Program, rules: &[Rule], relations: &[Relation]) -> Result<Vec<Stratum>, Problem> {
    let mut graph: DiGraph<(), (), u32> = DiGraph::new();
    for _ in relations {
        graph.add_node(());
    }
    let mut reads = Vec::new();
    for rule in rules {
        let mut of_rule = Vec::new();
        rule.body.iter().for_each(|literal| reads_of(literal, false, &mut of_rule));
        for (read, _) in &of_rule {
            graph.add_edge(NodeIndex::new(rule.head), NodeIndex::new(*read), ());
        }
        reads.push(of_rule);
    }
    let components = kosaraju_scc(&graph);
    let mut component_of = vec![0; relations.len()];
    for (number, component) in components.iter().enumerate() {
        component.iter().for_each(|node| component_of[node.index()] = number);
    }
    for (rule, reads) in rules.iter().zip(&reads) {
        let own = component_of[rule.head];
        if let Some((read, _)) = reads.iter().find(|(read, strict)| *strict && component_of[*read] == own) {
            let cycle = way(&graph, *read, rule.head, &component_of);
            let names: Vec<&str> = cycle.iter().map(|number| relations[*number].name.as_str()).collect();
            let (head, read) = (&relations[rule.head].name, &relations[*read].name);
            let message = format!(
                "`{head}` is derived from the absence or the number of `{read}`, which is derived from `{head}`: {head} → {}; no order of evaluation gives a meaning to that",
                names.join(" → ")
            );
            return Err(Problem::at(&program.texts, rule.pos, message));
        }
    }
    let strata = components.iter().map(|component| {
        let mut relations: Vec<usize> = component.iter().map(|node| node.index()).collect();
        relations.sort_unstable();
        let of_component = |rule: &Rule| relations.contains(&rule.head);
        let rules = rules.iter().enumerate().filter(|(_, rule)| of_component(rule)).map(|(number, _)| number).collect();
        Stratum { relations, rules }
    });
    Ok(strata.collect())
}

/// What a literal reads, with whether all of it must be known before.
pub(super) fn reads_of(literal: &LiteralOf, strict: bool, found: &mut Vec<(usize, bool)>) {
    match literal {
        LiteralOf::Atom(atom) => found.push((atom.relation, strict)),
        LiteralOf::Not(atom) => found.push((atom.relation, true)),
        LiteralOf::Aggregate(aggregate) => {
            aggregate.bodies.iter().flatten().for_each(|literal| reads_of(literal, true, found));
        }
        LiteralOf::Compare(..) | LiteralOf::Test(..) | LiteralOf::Range(_) | LiteralOf::Never => {}
    }
}

/// A shortest way within a component, both ends included.
fn way(graph: &DiGraph<(), (), u32>, from: usize, to: usize, component_of: &[usize]) -> Vec<usize> {
    let mut before: Vec<Option<usize>> = vec![None; component_of.len()];
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        for next in graph.neighbors(NodeIndex::new(at)).map(NodeIndex::index) {
            if component_of[next] == component_of[from] && before[next].is_none() && next != from {
                before[next] = Some(at);
                queue.push_back(next);
            }
        }
    }
    let mut way = vec![to];
    while way[way.len() - 1] != from
        && let Some(previous) = before[way[way.len() - 1]]
    {
        way.push(previous);
    }
    way.reverse();
    way
}

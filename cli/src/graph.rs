//! The picture of a program: who calls whom, and who does what to which store, topic or service.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, Write};

use distsys_engine::datalog::Limits;
use distsys_facts::FactBase;
use distsys_facts::bundle::Derived;
use serde::Serialize;

use crate::outputs::plain;
use crate::query::{Cell, QueryError, ask};

/// Functions and what they reach outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Graph {
    pub nodes: BTreeMap<String, Node>,
    /// From, to, what: `calls`, or the kind of the effect.
    pub edges: BTreeSet<(String, String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Node {
    Function,
    /// Something outside runs it: a route, a message, a job, a schedule.
    EntryPoint,
    /// A table, topic, queue, lock, cache key or address.
    Entity,
}

/// How a graph is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphFormat {
    Dot,
    Mermaid,
    Json,
}

const QUESTION: &str = "called(f, g) :- call_graph(f, g, _).\n\
    outside(f) :- entry_point(f, _).\n\
    does(f, k, e) :- effect(function: f, kind: k, entity: e, direct: 1), e != \"\".\n\
    does(f, k, e) :- effect(function: f, kind: k, key: e, direct: 1), match(\"cache_.*|lock_.*|object_.*\", k), e != \"\".";

impl Graph {
    /// The graph of a whole tree.
    ///
    /// # Errors
    /// A model of the project's own that cannot be read.
    pub fn of(facts: &FactBase, own_models: &[(String, String)]) -> Result<Graph, QueryError> {
        let text = |cell: Cell| match cell {
            Cell::Text(text) => text,
            Cell::Number(number) => number.to_string(),
        };
        let mut graph = Graph::default();
        let mut entries = Vec::new();
        for table in ask(facts, &Derived::default(), own_models, "graph", QUESTION, &Limits::default())? {
            for row in table.rows {
                let row: Vec<String> = row.into_iter().map(text).collect();
                match table.relation.as_str() {
                    "called" => graph.edge(&row[0], &row[1], Node::Function, "calls"),
                    "does" => graph.edge(&row[0], &row[2], Node::Entity, &row[1]),
                    _ => entries.extend(row),
                }
            }
        }
        graph.nodes.extend(entries.into_iter().map(|function| (function, Node::EntryPoint)));
        Ok(graph)
    }

    fn edge(&mut self, from: &str, to: &str, kind: Node, what: &str) {
        self.nodes.entry(from.to_owned()).or_insert(Node::Function);
        self.nodes.entry(to.to_owned()).or_insert(kind);
        self.edges.insert((from.to_owned(), to.to_owned(), what.to_owned()));
    }

    /// What is at most `depth` edges away, either way, from the nodes whose names end in `name`.
    pub fn around(&self, name: &str, depth: usize) -> Graph {
        let mut beside: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (from, to, _) in &self.edges {
            beside.entry(from).or_default().push(to);
            beside.entry(to).or_default().push(from);
        }
        let begin = self.nodes.keys().filter(|node| node.ends_with(name));
        let mut queue: VecDeque<(&str, usize)> = begin.map(|node| (node.as_str(), 0)).collect();
        let mut kept: BTreeSet<&str> = BTreeSet::new();
        while let Some((node, away)) = queue.pop_front() {
            if kept.insert(node) && away < depth {
                queue.extend(beside.get(node).into_iter().flatten().map(|next| (*next, away + 1)));
            }
        }
        let nodes = self.nodes.iter().filter(|(node, _)| kept.contains(node.as_str()));
        let edges =
            self.edges.iter().filter(|(from, to, _)| kept.contains(from.as_str()) && kept.contains(to.as_str()));
        Graph { nodes: nodes.map(|(node, kind)| (node.clone(), *kind)).collect(), edges: edges.cloned().collect() }
    }

    /// Writes the graph; same graph, same bytes.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write, format: GraphFormat) -> io::Result<()> {
        let number: BTreeMap<&str, usize> =
            self.nodes.keys().enumerate().map(|(at, node)| (node.as_str(), at)).collect();
        match format {
            GraphFormat::Json => {
                let nodes: Vec<_> =
                    self.nodes.iter().map(|(name, kind)| serde_json::json!({ "name": name, "kind": kind })).collect();
                let edge = |(from, to, what): &(String, String, String)| serde_json::json!({ "from": from, "to": to, "what": what });
                let edges: Vec<_> = self.edges.iter().map(edge).collect();
                writeln!(out, "{}", crate::outputs::json_line(&serde_json::json!({ "nodes": nodes, "edges": edges }))?)
            }
            GraphFormat::Dot => {
                writeln!(out, "digraph distsys {{\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];")?;
                for (name, kind) in &self.nodes {
                    let shape = match kind {
                        Node::Function => "box",
                        Node::EntryPoint => "house",
                        Node::Entity => "cylinder",
                    };
                    writeln!(out, "  n{} [label=\"{}\", shape={shape}];", number[name.as_str()], dot(name))?;
                }
                for (from, to, what) in &self.edges {
                    let label = if what == "calls" { String::new() } else { format!(" [label=\"{}\"]", dot(what)) };
                    writeln!(out, "  n{} -> n{}{label};", number[from.as_str()], number[to.as_str()])?;
                }
                writeln!(out, "}}")
            }
            GraphFormat::Mermaid => {
                writeln!(out, "flowchart LR")?;
                for (name, kind) in &self.nodes {
                    let (open, close) = match kind {
                        Node::Function => ("[\"", "\"]"),
                        Node::EntryPoint => ("([\"", "\"])"),
                        Node::Entity => ("[(\"", "\")]"),
                    };
                    writeln!(out, "  n{}{open}{}{close}", number[name.as_str()], mermaid(name))?;
                }
                for (from, to, what) in &self.edges {
                    let label = if what == "calls" { String::new() } else { format!("|{}|", mermaid(what)) };
                    writeln!(out, "  n{} -->{label} n{}", number[from.as_str()], number[to.as_str()])?;
                }
                Ok(())
            }
        }
    }
}

fn dot(text: &str) -> String {
    plain(text).replace('\\', "\\\\").replace('"', "\\\"")
}

/// Mermaid's own escapes; what is left cannot end a label.
fn mermaid(text: &str) -> String {
    let mut out = String::new();
    for c in plain(text).chars() {
        match c {
            '"' | '<' | '>' | '&' | '#' | '|' | '[' | ']' | '(' | ')' | '{' | '}' | ';' => {
                out.push_str(&format!("#{};", c as u32))
            }
            c => out.push(c),
        }
    }
    out
}

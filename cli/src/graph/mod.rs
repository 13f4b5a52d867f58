//! The picture of a program: who calls whom, and who does what to which store, queue, lock, cache or service.

mod layout;
pub(crate) mod svg;
mod text;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, Write};

use distsys_engine::datalog::Limits;
use distsys_facts::bundle::Derived;
use distsys_facts::{FactBase, Id};
use distsys_queries::{Finding, Place};
use rustc_hash::{FxHashMap, FxHashSet};

pub(crate) use layout::layout;

use crate::query::{Cell, QueryError, ask};

/// Functions and what they reach outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// By kind and name.
    pub nodes: Vec<Node>,
    /// By where they begin and end.
    pub edges: Vec<Edge>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    pub kind: NodeKind,
    /// Of a function: `path:line qualified.name`.
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    /// Numbers of nodes.
    pub from: usize,
    pub to: usize,
    /// `calls`, or the kind of the effect.
    pub what: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeKind {
    /// A function that answers requests.
    Route,
    /// A function that something else outside runs: a message, a job, a schedule.
    EntryPoint,
    Function,
    /// A table, a collection, a bucket.
    Store,
    /// A topic, a queue, a job.
    Queue,
    Lock,
    Cache,
    /// An address, or whatever else is reached over the network.
    Service,
}

impl NodeKind {
    pub fn name(self) -> &'static str {
        match self {
            NodeKind::Route => "route",
            NodeKind::EntryPoint => "entry_point",
            NodeKind::Function => "function",
            NodeKind::Store => "store",
            NodeKind::Queue => "queue",
            NodeKind::Lock => "lock",
            NodeKind::Cache => "cache",
            NodeKind::Service => "service",
        }
    }

    pub fn is_code(self) -> bool {
        matches!(self, NodeKind::Route | NodeKind::EntryPoint | NodeKind::Function)
    }

    /// What an effect of this kind is on.
    fn of_effect(kind: &str) -> NodeKind {
        match kind {
            "publish" | "consume" | "enqueue" | "handle_job" | "send" | "receive" | "ack" | "nack" => NodeKind::Queue,
            _ if kind.starts_with("lock_") || kind == "guard" => NodeKind::Lock,
            _ if kind.starts_with("cache_") => NodeKind::Cache,
            _ if kind.starts_with("db_") || kind.starts_with("object_") || kind == "sql" => NodeKind::Store,
            _ => NodeKind::Service,
        }
    }
}

/// How a graph is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphFormat {
    Dot,
    Mermaid,
    Json,
    /// A picture with its own layout.
    Svg,
}

/// Tests, examples and generated code are left out, as by the rules.
const QUESTION: &str = "ours(f) :- function(function: f, module: m), module(module: m, file: d), file(file: d, role: \"source\").\n\
    called(f, g) :- call_graph(f, g, _), ours(f), ours(g).\n\
    outside(f, k) :- entry_point(f, k), ours(f).\n\
    does(f, k, e) :- effect(function: f, kind: k, entity: e, direct: 1), e != \"\", ours(f).\n\
    does(f, k, e) :- effect(function: f, kind: k, key: e, direct: 1), match(\"cache_.*|lock_.*|object_.*\", k), e != \"\", ours(f).\n\
    .output called\n.output outside\n.output does\n";

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
        let mut code: BTreeMap<String, NodeKind> = BTreeMap::new();
        let (mut called, mut does) = (Vec::new(), Vec::new());
        for table in ask(facts, &Derived::default(), own_models, "graph", QUESTION, &Limits::default())? {
            for row in table.rows {
                let row: Vec<String> = row.into_iter().map(text).collect();
                match (table.relation.as_str(), <[String; 2]>::try_from(row)) {
                    ("called", Ok([from, to])) => called.push((from, to)),
                    ("outside", Ok([function, kind])) => {
                        let kind = if kind == "route" { NodeKind::Route } else { NodeKind::EntryPoint };
                        let known = code.entry(function).or_insert(kind);
                        *known = kind.min(*known);
                    }
                    (_, Err(row)) => does.extend(<[String; 3]>::try_from(row).ok()),
                    _ => {}
                }
            }
        }
        for function in called.iter().flat_map(|(from, to)| [from, to]).chain(does.iter().map(|row| &row[0])) {
            code.entry(function.clone()).or_insert(NodeKind::Function);
        }
        let node = |name: String| Node { kind: code.get(&name).copied().unwrap_or(NodeKind::Function), name };
        let calls = called.into_iter().map(|(from, to)| (node(from), node(to), "calls".to_owned()));
        let effects = does.into_iter().map(|[function, kind, entity]| {
            (node(function), Node { kind: NodeKind::of_effect(&kind), name: entity }, kind)
        });
        let named: Vec<(Node, Node, String)> = calls.chain(effects).collect();
        let mut nodes: Vec<Node> = named.iter().flat_map(|(from, to, _)| [from.clone(), to.clone()]).collect();
        nodes.extend(code.into_iter().map(|(name, kind)| Node { kind, name }));
        nodes.sort_unstable();
        nodes.dedup();
        let mut edges: Vec<Edge> = {
            let number: FxHashMap<&Node, usize> = nodes.iter().enumerate().map(|(at, node)| (node, at)).collect();
            let edge = |(from, to, what): (Node, Node, String)| Edge { from: number[&from], to: number[&to], what };
            named.into_iter().map(edge).collect()
        };
        edges.sort_unstable();
        edges.dedup();
        Ok(Graph { nodes, edges })
    }

    /// What is at most `depth` edges away, either way, from the nodes whose names end in `name`.
    pub fn around(&self, name: &str, depth: usize) -> Graph {
        self.near((0..self.nodes.len()).filter(|at| self.nodes[*at].name.ends_with(name)), depth)
    }

    /// What is at most `depth` edges away from the functions that the derivation of `finding` goes through.
    pub fn around_finding(&self, finding: &Finding, facts: &FactBase, depth: usize) -> Graph {
        let functions = Functions::new(facts).of_finding(finding);
        self.near((0..self.nodes.len()).filter(|at| functions.contains(&self.nodes[*at].name)), depth)
    }

    fn near(&self, begin: impl Iterator<Item = usize>, depth: usize) -> Graph {
        let mut beside: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        for edge in &self.edges {
            beside[edge.from].push(edge.to);
            beside[edge.to].push(edge.from);
        }
        let mut queue: VecDeque<(usize, usize)> = begin.map(|node| (node, 0)).collect();
        let mut kept = vec![false; self.nodes.len()];
        while let Some((node, away)) = queue.pop_front() {
            if !std::mem::replace(&mut kept[node], true) && away < depth {
                queue.extend(beside[node].iter().map(|next| (*next, away + 1)));
            }
        }
        self.part(&kept)
    }

    /// The service's picture: what reaches something outside the code, the nearest to `matters` first where all of it
    /// would be too much to see; and how many nodes all of it has.
    pub(crate) fn picture(&self, matters: &FxHashSet<String>, most: usize) -> (usize, Graph) {
        let mut callers: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        for edge in &self.edges {
            callers[edge.to].push(edge.from);
        }
        let mut telling: Vec<bool> = self.nodes.iter().map(|node| !node.kind.is_code()).collect();
        let mut open: Vec<usize> = (0..self.nodes.len()).filter(|at| telling[*at]).collect();
        while let Some(node) = open.pop() {
            for &caller in &callers[node] {
                if !std::mem::replace(&mut telling[caller], true) {
                    open.push(caller);
                }
            }
        }
        let whole = self.part(&telling);
        if whole.nodes.len() <= most {
            return (whole.nodes.len(), whole);
        }
        let mut beside: Vec<Vec<usize>> = vec![Vec::new(); whole.nodes.len()];
        for edge in &whole.edges {
            beside[edge.from].push(edge.to);
            beside[edge.to].push(edge.from);
        }
        let all = 0..whole.nodes.len();
        let begin: Vec<usize> = all.clone().filter(|at| matters.contains(&whole.nodes[*at].name)).collect();
        let mut kept = vec![false; whole.nodes.len()];
        let mut count = 0;
        // Each with what stands beside it, so that what is seen of a function is what it does.
        let begin = begin.into_iter().flat_map(|root| std::iter::once(root).chain(beside[root].iter().copied()));
        // Then in order of nodes: what is run from outside comes first.
        for roots in std::iter::once(begin.collect()).chain(all.map(|root| vec![root])) {
            let mut queue: VecDeque<usize> = roots.into();
            while let Some(node) = queue.pop_front().filter(|_| count < most) {
                if !std::mem::replace(&mut kept[node], true) {
                    count += 1;
                    // Whoever else uses a store is not near for that.
                    let next = beside[node].iter().filter(|next| !kept[**next]);
                    queue.extend(next.filter(|_| whole.nodes[node].kind.is_code()));
                }
            }
        }
        (whole.nodes.len(), whole.part(&kept))
    }

    /// Only what is `kept`, and the edges between.
    fn part(&self, kept: &[bool]) -> Graph {
        let mut number = vec![None; self.nodes.len()];
        let mut nodes = Vec::new();
        for (at, node) in self.nodes.iter().enumerate().filter(|(at, _)| kept[*at]) {
            number[at] = Some(nodes.len());
            nodes.push(node.clone());
        }
        let edge = |edge: &Edge| Some(Edge { from: number[edge.from]?, to: number[edge.to]?, what: edge.what.clone() });
        Graph { nodes, edges: self.edges.iter().filter_map(edge).collect() }
    }

    /// Writes the graph; same graph, same bytes.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write, format: GraphFormat) -> io::Result<()> {
        match format {
            GraphFormat::Dot => text::dot(out, self),
            GraphFormat::Mermaid => text::mermaid(out, self),
            GraphFormat::Json => text::json(out, self),
            GraphFormat::Svg => svg::write(out, self),
        }
    }
}

/// The functions of a tree, by path.
pub(crate) struct Functions<'f> {
    facts: &'f FactBase,
    /// First and last line, number.
    by_path: FxHashMap<&'f str, Vec<(u32, u32, usize)>>,
}

impl<'f> Functions<'f> {
    pub(crate) fn new(facts: &'f FactBase) -> Self {
        let mut by_path: FxHashMap<&str, Vec<(u32, u32, usize)>> = FxHashMap::default();
        for (at, row) in facts.relations.function.iter().enumerate() {
            by_path.entry(path(facts, at)).or_default().push((row.start.line(), row.end.line(), at));
        }
        Functions { facts, by_path }
    }

    /// The innermost ones around the places that the derivation of a finding goes through, as the nodes are called.
    pub(crate) fn of_finding(&self, finding: &Finding) -> BTreeSet<String> {
        let facts = self.facts;
        let innermost = |place: &Place| {
            let inside = |&&(start, end, _): &&(u32, u32, usize)| (start..=end).contains(&place.line);
            let around = self.by_path.get(place.path.as_str())?.iter().filter(inside);
            around.max_by_key(|(start, end, at)| (*start, std::cmp::Reverse(*end), *at)).map(|(_, _, at)| *at)
        };
        let name = |at: usize| {
            let row = &facts.relations.function[at];
            format!("{}:{} {}", path(facts, at), row.start.line(), facts.text(row.qualified))
        };
        let places = finding.steps.iter().map(|step| &step.place).chain([&finding.primary]);
        places.filter_map(innermost).map(name).collect()
    }
}

fn path(facts: &FactBase, function: usize) -> &str {
    let module = facts.relations.function[function].module;
    facts.text(facts.relations.file[facts.relations.module[module.index()].file.index()].path)
}

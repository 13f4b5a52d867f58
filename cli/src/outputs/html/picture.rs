//! The service's picture, placed and outlined; the page only draws it.

use distsys_queries::Finding;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

use crate::analysis::Report;
use crate::graph::svg::{self, HEIGHT};
use crate::graph::{Functions, Graph, layout};
use crate::outputs::plain;

/// More than that cannot be looked at.
const MOST: usize = 1_000;

#[derive(Serialize)]
pub(super) struct Picture {
    nodes: Vec<Node>,
    lines: Vec<Line>,
    left_out: usize,
}

#[derive(Serialize)]
struct Node {
    name: String,
    label: String,
    kind: &'static str,
    x: f64,
    y: f64,
    width: f64,
    shape: String,
}

#[derive(Serialize)]
struct Line {
    from: usize,
    to: usize,
    what: String,
    path: String,
    tip: String,
    x: f64,
    y: f64,
}

/// A picture, with what findings need to be found in it.
pub(super) struct Drawn<'r> {
    pub(super) picture: Picture,
    functions: Functions<'r>,
    numbers: FxHashMap<String, usize>,
}

impl<'r> Drawn<'r> {
    pub(super) fn new(report: &'r Report, graph: &Graph) -> Self {
        let functions = Functions::new(report.facts());
        let matters: FxHashSet<String> = report
            .findings
            .iter()
            .filter(|reported| reported.counts())
            .flat_map(|reported| functions.of_finding(&reported.finding))
            .collect();
        let (whole, seen) = graph.picture(&matters, MOST);
        let numbers = seen.nodes.iter().enumerate().map(|(at, node)| (node.name.clone(), at));
        let numbers = numbers.filter(|(_, at)| seen.nodes[*at].kind.is_code()).collect();
        Drawn { picture: draw(&seen, whole - seen.nodes.len()), functions, numbers }
    }

    pub(super) fn nodes_of(&self, finding: &Finding) -> Vec<usize> {
        let names = self.functions.of_finding(finding);
        names.iter().filter_map(|name| self.numbers.get(name).copied()).collect()
    }
}

fn draw(graph: &Graph, left_out: usize) -> Picture {
    let labels: Vec<String> = graph.nodes.iter().map(svg::label).collect();
    let widths: Vec<f64> = labels.iter().map(|label| svg::width(label)).collect();
    let lines = svg::lines(graph);
    let edges: Vec<(usize, usize)> = lines.keys().copied().collect();
    let placed = layout(&widths, HEIGHT, &edges);
    let nodes = graph.nodes.iter().zip(labels).enumerate().map(|(at, (node, label))| Node {
        name: plain(&node.name),
        label,
        kind: node.kind.name(),
        x: rounded(placed.nodes[at].0),
        y: rounded(placed.nodes[at].1 - HEIGHT / 2.0),
        width: rounded(widths[at]),
        shape: svg::shape(node.kind, widths[at]),
    });
    let line = |(number, ((from, to), what)): (usize, ((usize, usize), Vec<&str>))| {
        let curve = svg::Curve::new(&placed, &widths, (from, to), number);
        let (x, y) = curve.label();
        Line {
            from,
            to,
            what: plain(&what.join(", ")),
            path: curve.path(),
            tip: curve.tip(),
            x: rounded(x),
            y: rounded(y),
        }
    };
    Picture { nodes: nodes.collect(), lines: lines.into_iter().enumerate().map(line).collect(), left_out }
}

fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

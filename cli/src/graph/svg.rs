//! A graph as a picture on its own: no script, no font and nothing else from elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::layout::{Layout, layout};
use super::{Graph, Node, NodeKind};
use crate::outputs::plain;

pub(crate) const HEIGHT: f64 = 30.0;
/// Of a letter of the font below.
const LETTER: f64 = 6.7;
/// Longer names are cut; the whole name is the title of the node.
const LONGEST: usize = 44;
const MARGIN: f64 = 20.0;
/// What the head of an arrow takes up.
const TIP: f64 = 5.0;

const STYLE: &str = "\
text{font:11px ui-monospace,monospace;fill:#1b1f24}.edge text{fill:#59636e;font-size:9px}\
.edge path{fill:none;stroke:#8c959f}.edge .tip{fill:#8c959f;stroke:none}\
.node path{fill:#f6f8fa;stroke:#59636e}.route path,.entry_point path{fill:#ddf4ff;stroke:#0969da}\
.store path{fill:#dafbe1;stroke:#1a7f37}.queue path{fill:#fff8c5;stroke:#9a6700}.lock path{fill:#ffebe9;stroke:#cf222e}\
.cache path{fill:#fbefff;stroke:#8250df}.service path{fill:#fff1e5;stroke:#bc4c00}\
@media(prefers-color-scheme:dark){svg{background:#0d1117}text{fill:#e6edf3}.edge text{fill:#9198a1}\
.node path{fill:#161b22;stroke:#9198a1}.route path,.entry_point path{fill:#0c2d6b;stroke:#4493f8}\
.store path{fill:#04260f;stroke:#3fb950}.queue path{fill:#341a00;stroke:#d29922}.lock path{fill:#490202;stroke:#f85149}\
.cache path{fill:#271052;stroke:#ab7df8}.service path{fill:#3d1300;stroke:#db6d28}}";

pub(super) fn write(out: &mut dyn Write, graph: &Graph) -> io::Result<()> {
    let labels: Vec<String> = graph.nodes.iter().map(label).collect();
    let widths: Vec<f64> = labels.iter().map(|label| width(label)).collect();
    let lines = lines(graph);
    let edges: Vec<(usize, usize)> = lines.keys().copied().collect();
    let placed = layout(&widths, HEIGHT, &edges);
    let (width, height) = (placed.width + 2.0 * MARGIN, placed.height + 2.0 * MARGIN);
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"{0:.0} {0:.0} {width:.0} {height:.0}\">",
        -MARGIN
    )?;
    writeln!(out, "<title>Calls and effects</title>\n<style>{STYLE}</style>")?;
    for (number, (&edge, what)) in lines.iter().enumerate() {
        let curve = Curve::new(&placed, &widths, edge, number);
        let (path, tip) = (curve.path(), curve.tip());
        write!(out, "<g class=\"edge\"><path d=\"{path}\"/><path class=\"tip\" d=\"{tip}\"/>")?;
        if !what.is_empty() {
            let ((x, y), what) = (curve.label(), escaped(&what.join(", ")));
            write!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{what}</text>")?;
        }
        writeln!(out, "</g>")?;
    }
    for (number, node) in graph.nodes.iter().enumerate() {
        let (x, y) = placed.nodes[number];
        let shape = shape(node.kind, widths[number]);
        writeln!(
            out,
            "<g class=\"node {}\" transform=\"translate({x:.1} {:.1})\"><title>{}</title><path d=\"{shape}\"/><text x=\"{:.1}\" y=\"19\" text-anchor=\"middle\">{}</text></g>",
            node.kind.name(),
            y - HEIGHT / 2.0,
            escaped(&node.name),
            widths[number] / 2.0,
            escaped(&labels[number]),
        )?;
    }
    writeln!(out, "</svg>")
}

/// The way of a line from the right edge of a node to the left one of another.
pub(crate) struct Curve {
    points: Vec<(f64, f64)>,
    end: (f64, f64),
}

impl Curve {
    /// Of the edge `number` of the layout.
    pub(crate) fn new(placed: &Layout, widths: &[f64], (from, to): (usize, usize), number: usize) -> Self {
        let (begin, end) = (placed.nodes[from], placed.nodes[to]);
        let bends = placed.bends[number].iter().copied();
        let points = [(begin.0 + widths[from], begin.1)].into_iter().chain(bends).chain([(end.0 - TIP, end.1)]);
        Curve { points: points.collect(), end }
    }

    pub(crate) fn path(&self) -> String {
        let mut path = format!("M{:.1} {:.1}", self.points[0].0, self.points[0].1);
        for pair in self.points.windows(2) {
            let ((x, y), middle) = (pair[1], (pair[0].0 + pair[1].0) / 2.0);
            let _ = write!(path, "C{middle:.1} {:.1} {middle:.1} {y:.1} {x:.1} {y:.1}", pair[0].1);
        }
        path
    }

    pub(crate) fn tip(&self) -> String {
        format!("M{:.1} {:.1}l-6 -3.5v7z", self.end.0, self.end.1)
    }

    /// Where its words stand: a curve goes through the middle of its ends.
    pub(crate) fn label(&self) -> (f64, f64) {
        let (from, to) = (self.points[0], self.points[1]);
        ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0 - 2.0)
    }
}

/// One line from a node to another, whatever is done on it; calls need no words.
pub(crate) fn lines(graph: &Graph) -> BTreeMap<(usize, usize), Vec<&str>> {
    let mut lines: BTreeMap<(usize, usize), Vec<&str>> = BTreeMap::new();
    for edge in &graph.edges {
        let line = lines.entry((edge.from, edge.to)).or_default();
        line.extend(Some(edge.what.as_str()).filter(|what| *what != "calls"));
    }
    lines
}

/// The outline of a node of this width.
pub(crate) fn shape(kind: NodeKind, width: f64) -> String {
    let h = HEIGHT;
    let inner = width - 12.0;
    match kind {
        NodeKind::Function => format!("M0 0h{width:.1}v{h}h-{width:.1}z"),
        NodeKind::Route | NodeKind::EntryPoint => {
            let (inner, half) = (width - h, h / 2.0);
            format!("M{half} 0h{inner:.1}a{half} {half} 0 0 1 0 {h}h-{inner:.1}a{half} {half} 0 0 1 0 -{h}z")
        }
        NodeKind::Store => {
            let half = width / 2.0;
            format!(
                "M0 4a{half:.1} 4 0 0 1 {width:.1} 0v22a{half:.1} 4 0 0 1 -{width:.1} 0zM0 4a{half:.1} 4 0 0 0 {width:.1} 0"
            )
        }
        NodeKind::Queue => format!("M0 0h{inner:.1}l12 15l-12 15h-{inner:.1}l8 -15z"),
        NodeKind::Lock => format!("M12 0h{:.1}l12 15l-12 15h-{0:.1}l-12 -15z", inner - 12.0),
        NodeKind::Cache => format!("M0 0h{width:.1}v{h}h-{width:.1}zM6 0v{h}M{inner:.1} 0m6 0v{h}"),
        NodeKind::Service => {
            let half = width / 2.0;
            format!("M0 15a{half:.1} 15 0 0 1 {width:.1} 0a{half:.1} 15 0 0 1 -{width:.1} 0z")
        }
    }
}

/// The name of a function without its path; the end of what is too long.
pub(crate) fn label(node: &Node) -> String {
    let name = match node.name.split_once(' ') {
        Some((_, function)) if node.kind.is_code() => function,
        _ => node.name.as_str(),
    };
    let name = plain(name);
    let length = name.chars().count();
    if length <= LONGEST { name } else { format!("…{}", name.chars().skip(length + 1 - LONGEST).collect::<String>()) }
}

pub(crate) fn width(label: &str) -> f64 {
    label.chars().count() as f64 * LETTER + 34.0
}

fn escaped(text: &str) -> String {
    plain(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

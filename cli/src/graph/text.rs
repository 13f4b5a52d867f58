//! Graphs as text that other tools draw.

use std::io::{self, Write};

use serde_json::json;

use super::{Graph, NodeKind};
use crate::outputs::{json_line, plain};

pub(super) fn json(out: &mut dyn Write, graph: &Graph) -> io::Result<()> {
    let name = |at: usize| &graph.nodes[at].name;
    let nodes: Vec<_> = graph.nodes.iter().map(|node| json!({ "name": node.name, "kind": node.kind.name() })).collect();
    let edges: Vec<_> = graph
        .edges
        .iter()
        .map(|edge| json!({ "from": name(edge.from), "to": name(edge.to), "what": edge.what }))
        .collect();
    writeln!(out, "{}", json_line(&json!({ "nodes": nodes, "edges": edges }))?)
}

pub(super) fn dot(out: &mut dyn Write, graph: &Graph) -> io::Result<()> {
    let quoted = |text: &str| plain(text).replace('\\', "\\\\").replace('"', "\\\"");
    writeln!(out, "digraph distsys {{\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];")?;
    for (at, node) in graph.nodes.iter().enumerate() {
        let shape = match node.kind {
            NodeKind::Function => "box",
            NodeKind::Route | NodeKind::EntryPoint => "house",
            NodeKind::Store => "cylinder",
            NodeKind::Queue => "cds",
            NodeKind::Lock => "hexagon",
            NodeKind::Cache => "tab",
            NodeKind::Service => "ellipse",
        };
        writeln!(out, "  n{at} [label=\"{}\", shape={shape}];", quoted(&node.name))?;
    }
    for edge in &graph.edges {
        let label = if edge.what == "calls" { String::new() } else { format!(" [label=\"{}\"]", quoted(&edge.what)) };
        writeln!(out, "  n{} -> n{}{label};", edge.from, edge.to)?;
    }
    writeln!(out, "}}")
}

pub(super) fn mermaid(out: &mut dyn Write, graph: &Graph) -> io::Result<()> {
    writeln!(out, "flowchart LR")?;
    for (at, node) in graph.nodes.iter().enumerate() {
        let (open, close) = match node.kind {
            NodeKind::Function => ("[\"", "\"]"),
            NodeKind::Route | NodeKind::EntryPoint => ("([\"", "\"])"),
            NodeKind::Store => ("[(\"", "\")]"),
            NodeKind::Queue => ("[/\"", "\"/]"),
            NodeKind::Lock => ("{{\"", "\"}}"),
            NodeKind::Cache => ("[[\"", "\"]]"),
            NodeKind::Service => ("((\"", "\"))"),
        };
        writeln!(out, "  n{at}{open}{}{close}", inert(&node.name))?;
    }
    for edge in &graph.edges {
        let label = if edge.what == "calls" { String::new() } else { format!("|{}|", inert(&edge.what)) };
        writeln!(out, "  n{} -->{label} n{}", edge.from, edge.to)?;
    }
    Ok(())
}

/// Mermaid's own escapes; what is left cannot end a label.
fn inert(text: &str) -> String {
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

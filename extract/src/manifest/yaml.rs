//! YAML as key paths: Kubernetes manifests, compose files, workflows.
//!
//! A text may name a part of itself again and again (`*alias`) and so grow without bounds when it is written out, or hold
//! itself; it may be nested as deep as it is long. So parts are shared while the text is read, and writing out has a budget.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};
use saphyr_parser::{Event, Parser};

/// Deeper texts are refused.
const DEEPEST: usize = 64;
/// Parts that are written out.
const BUDGET: usize = 50_000;

/// A part of a text, which others may share.
type Part = Rc<Node>;

#[derive(Debug)]
enum Node {
    Scalar { text: String, line: u32 },
    List(Vec<Part>),
    Map(Vec<(String, Part)>),
}

/// What is being read.
enum Open {
    List(Vec<Part>),
    /// With the key whose value comes next.
    Map(Vec<(String, Part)>, Option<String>),
}

/// Calls `row` with key path, value and line of each scalar. Where there are several documents, paths begin with the
/// number of theirs (`[1].spec.replicas`).
///
/// # Errors
/// What is wrong with the text, and where.
pub(super) fn rows(text: &str, row: &mut dyn FnMut(&str, &str, u32)) -> Result<(), String> {
    let documents = documents(text)?;
    let mut budget = BUDGET;
    for (number, document) in documents.iter().enumerate() {
        let mut key = if documents.len() > 1 { format!("[{number}]") } else { String::new() };
        flatten(document, &mut key, 0, &mut budget, row);
    }
    Ok(())
}

fn documents(text: &str) -> Result<Vec<Part>, String> {
    let mut documents = Vec::new();
    let mut open: Vec<(Open, usize, usize)> = Vec::new();
    // With how many levels are below: names of names could make a part deeper than any stack.
    let mut anchors: FxHashMap<usize, (Part, usize)> = FxHashMap::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| error.to_string())?;
        let line = u32::try_from(span.start.line()).unwrap_or(u32::MAX);
        let (node, anchor, height) = match event {
            Event::MappingStart(anchor, _) | Event::SequenceStart(anchor, _) if open.len() == DEEPEST => {
                let _ = anchor;
                return Err(format!("{line}: nested deeper than {DEEPEST} levels"));
            }
            Event::MappingStart(anchor, _) => {
                open.push((Open::Map(Vec::new(), None), anchor, 0));
                continue;
            }
            Event::SequenceStart(anchor, _) => {
                open.push((Open::List(Vec::new()), anchor, 0));
                continue;
            }
            Event::MappingEnd | Event::SequenceEnd => match open.pop() {
                Some((Open::List(values), anchor, height)) => (Rc::new(Node::List(values)), anchor, height + 1),
                Some((Open::Map(entries, _), anchor, height)) => (Rc::new(Node::Map(entries)), anchor, height + 1),
                None => continue,
            },
            Event::Scalar(value, _, anchor, _) => (Rc::new(Node::Scalar { text: value.into_owned(), line }), anchor, 0),
            // What is not closed yet would hold itself.
            Event::Alias(anchor) => match anchors.get(&anchor).filter(|(_, height)| *height < DEEPEST) {
                Some((node, height)) => (Rc::clone(node), 0, *height),
                None => (empty(line), 0, 0),
            },
            _ => continue,
        };
        if anchor > 0 {
            anchors.insert(anchor, (Rc::clone(&node), height));
        }
        let Some((around, _, highest)) = open.last_mut() else {
            documents.push(node);
            continue;
        };
        *highest = height.max(*highest);
        match around {
            Open::List(values) => values.push(node),
            Open::Map(entries, key) => match key.take() {
                Some(name) => entries.push((name, node)),
                // A key that is no text names nothing.
                None => {
                    *key = Some(match &*node {
                        Node::Scalar { text, .. } => text.clone(),
                        _ => String::new(),
                    })
                }
            },
        }
    }
    Ok(documents)
}

fn empty(line: u32) -> Part {
    Rc::new(Node::Scalar { text: String::new(), line })
}

fn flatten(node: &Node, key: &mut String, depth: usize, budget: &mut usize, row: &mut dyn FnMut(&str, &str, u32)) {
    // Shared parts can be nested in one another deeper than the text is.
    if *budget == 0 || depth > DEEPEST {
        return;
    }
    *budget -= 1;
    let length = key.len();
    match node {
        Node::Scalar { text, line } if !text.is_empty() => row(key, text, *line),
        Node::Scalar { .. } => {}
        Node::List(values) => {
            for (number, value) in values.iter().enumerate() {
                key.push_str(&format!("[{number}]"));
                flatten(value, key, depth + 1, budget, row);
                key.truncate(length);
            }
        }
        Node::Map(entries) => {
            let own: FxHashSet<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
            for (name, value) in entries {
                if name == "<<" {
                    merge(value, &own, key, depth + 1, budget, row);
                    continue;
                }
                entry(name, value, key, depth, budget, row);
                key.truncate(length);
            }
        }
    }
}

fn entry(
    name: &str,
    value: &Node,
    key: &mut String,
    depth: usize,
    budget: &mut usize,
    row: &mut dyn FnMut(&str, &str, u32),
) {
    if !key.is_empty() {
        key.push('.');
    }
    key.push_str(name);
    flatten(value, key, depth + 1, budget, row);
}

/// `<<`: the entries of other maps, those that are `own` left out.
fn merge(
    value: &Node,
    own: &FxHashSet<&str>,
    key: &mut String,
    depth: usize,
    budget: &mut usize,
    row: &mut dyn FnMut(&str, &str, u32),
) {
    if *budget == 0 || depth > DEEPEST {
        return;
    }
    *budget -= 1;
    let length = key.len();
    match value {
        Node::Map(entries) => {
            for (name, value) in entries.iter().filter(|(name, _)| !own.contains(name.as_str())) {
                if name == "<<" {
                    merge(value, own, key, depth + 1, budget, row);
                } else {
                    entry(name, value, key, depth, budget, row);
                    key.truncate(length);
                }
            }
        }
        Node::List(values) => values.iter().for_each(|value| merge(value, own, key, depth + 1, budget, row)),
        Node::Scalar { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String, u32)> {
        let mut found = Vec::new();
        rows(text, &mut |key, value, line| found.push((key.to_owned(), value.to_owned(), line))).expect("it is YAML");
        found
    }

    fn keys(text: &str) -> Vec<String> {
        read(text).into_iter().map(|(key, value, line)| format!("{line} {key}={value}")).collect()
    }

    #[test]
    fn paths_and_lines_are_those_of_the_text() {
        assert_eq!(
            keys("kind: Deployment\nspec:\n  replicas: 3\n  ports: [80, {name: b}]\n"),
            ["1 kind=Deployment", "3 spec.replicas=3", "4 spec.ports[0]=80", "4 spec.ports[1].name=b"]
        );
        assert_eq!(keys("a: 1\n---\na: 2\n"), ["1 [0].a=1", "3 [1].a=2"]);
        assert_eq!(keys("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\n"), ["1 x.a=1", "1 x.b=2", "1 y.a=1", "4 y.b=3"]);
    }

    #[test]
    fn hostile_texts_are_bounded() {
        // Each level names the one before nine times.
        let mut bomb = "a0: &a0 [x]\n".to_owned();
        for level in 1..40 {
            let names = vec![format!("*a{}", level - 1); 9].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{names}]\n"));
        }
        assert!(read(&bomb).len() <= BUDGET);
        let mut merges = "a0: &a0 {x: 1}\n".to_owned();
        for level in 1..40 {
            let names = vec![format!("*a{}", level - 1); 9].join(", ");
            merges.push_str(&format!("a{level}: &a{level} {{<<: [{names}]}}\n"));
        }
        assert!(read(&merges).len() <= BUDGET);
        let chain: String = (1..20_000).map(|level| format!("a{level}: &a{level} [*a{}]\n", level - 1)).collect();
        assert!(read(&format!("a0: &a0 [x]\n{chain}")).len() <= BUDGET);
        assert!(read("a: &a [*a]\n").is_empty());
        let deep: String = (0..10_000).map(|level| format!("{}a:\n", " ".repeat(level % 500))).collect();
        assert!(rows(&deep, &mut |_, _, _| {}).is_err());
        for deep in ["[".repeat(200_000), "- ".repeat(200_000), "? ".repeat(200_000), "a: &a ".repeat(100_000)] {
            assert!(rows(&deep, &mut |_, _, _| {}).is_err());
        }
        let _ = rows("a: b: c: *x\n\t%&!@`", &mut |_, _, _| {});
    }
}

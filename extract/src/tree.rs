//! What front ends that read a tree-sitter tree share.

use tree_sitter::{Language, Node, Parser, Tree};

use crate::lower::Span;

/// Deeper trees than this are cut off: the walk recurses, and no person nests so deep.
pub(crate) const MAX_DEPTH: u32 = 2_500;

/// The tree of a text; none if the grammar does not fit the library.
pub(crate) fn parse(language: &Language, text: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(language).ok()?;
    parser.parse(text, None)
}

pub(crate) fn span(node: Node<'_>) -> Span {
    Span::new(node.start_byte() as u32, node.end_byte() as u32)
}

/// The named children without comments, by one cursor: `child(i)` counts from the first each time.
pub(crate) fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| !child.is_extra()).collect()
}

/// The first named child that is no comment.
pub(crate) fn first(node: Node<'_>) -> Option<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).find(|child| !child.is_extra())
}

pub(crate) fn first_of_kind<'t>(node: Node<'t>, kind: &str) -> Option<Node<'t>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).find(|child| child.kind() == kind)
}

/// The children, brackets and keywords included.
pub(crate) fn tokens(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).collect()
}

/// The first place that did not parse.
pub(crate) fn first_error(root: Node<'_>) -> Option<Node<'_>> {
    let mut at = root;
    while at.has_error() && !at.is_error() && !at.is_missing() {
        let mut cursor = at.walk();
        let next =
            at.children(&mut cursor).find(|child| child.has_error() || child.is_error() || child.is_missing())?;
        at = next;
    }
    (at.is_error() || at.is_missing()).then_some(at)
}

/// The comments of a tree, wherever they stand.
pub(crate) fn comments(root: Node<'_>) -> Vec<Node<'_>> {
    let mut found = Vec::new();
    let mut cursor = root.walk();
    loop {
        if cursor.node().is_extra() {
            found.push(cursor.node());
        }
        if cursor.goto_first_child() || cursor.goto_next_sibling() {
            continue;
        }
        loop {
            if !cursor.goto_parent() {
                return found;
            }
            if cursor.goto_next_sibling() {
                break;
            }
        }
    }
}

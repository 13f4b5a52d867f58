//! What front ends over tree-sitter share: parsing, children without comments, errors, comments.

use distsys_facts::DiagnosticKind;
use tree_sitter::{Language, Node, Parser, Tree};

use crate::lower::{Lowering, Span};

/// Deeper trees than this are cut off where a front end's walk recurses: no person nests so deep.
pub(crate) const MAX_DEPTH: u32 = 2_500;

/// The tree of a text; none if the grammar does not fit the library, which the tests of each language would show.
pub(crate) fn parse(language: &Language, text: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(language).ok()?;
    parser.parse(text, None)
}

pub(crate) fn span(node: Node<'_>) -> Span {
    Span::new(node.start_byte() as u32, node.end_byte() as u32)
}

pub(crate) fn text<'s>(source: &'s str, node: Node<'_>) -> &'s str {
    source.get(node.byte_range()).unwrap_or("")
}

/// The named children of a node but comments, by one cursor: asking for them by number is quadratic on wide nodes.
pub(crate) fn parts<'t>(node: Node<'t>) -> Vec<Node<'t>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| !child.is_extra()).collect()
}

/// The children under a field's name, without the separators that some grammars put there.
pub(crate) fn fields<'t>(node: Node<'t>, name: &str) -> Vec<Node<'t>> {
    let mut cursor = node.walk();
    node.children_by_field_name(name, &mut cursor).filter(Node::is_named).collect()
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

/// The first node below `node`, itself included, that did not parse.
pub(crate) fn first_error(node: Node<'_>) -> Option<Node<'_>> {
    let mut at = node;
    loop {
        if at.is_error() || at.is_missing() {
            return Some(at);
        }
        let mut cursor = at.walk();
        at = at.children(&mut cursor).find(|child| child.has_error() || child.is_missing())?;
    }
}

/// Says that a declaration is not read.
pub(crate) fn report_error(to: &mut Lowering<'_>, declaration: Node<'_>) {
    let at = first_error(declaration).unwrap_or(declaration);
    let what = if at.is_missing() { format!("`{}` is missing", at.kind()) } else { "unexpected text".to_owned() };
    let message = format!("{what}; the declaration around it is not read, the others are");
    to.diagnostic(DiagnosticKind::SyntaxError, at.start_byte() as u32, &message);
}

/// Hands all comments to the lowering; costs nothing in a text without directives.
pub(crate) fn comments(to: &mut Lowering<'_>, source: &str, root: Node<'_>) {
    if !source.contains("distsys-graph:") {
        return;
    }
    let mut cursor = root.walk();
    loop {
        let node = cursor.node();
        if node.is_extra() {
            to.comment(node.start_byte() as u32, text(source, node));
        }
        if cursor.goto_first_child() || cursor.goto_next_sibling() {
            continue;
        }
        loop {
            if !cursor.goto_parent() {
                return;
            }
            if cursor.goto_next_sibling() {
                break;
            }
        }
    }
}

/// Whether a block only returns constants, or nothing, with no comment that says why.
pub(crate) fn only_answers(block: Node<'_>) -> bool {
    let Some(at) = only_statement(block).filter(|at| at.kind() == "return_statement") else { return false };
    let listed = |value: Node<'_>| value.kind() == "expression_list";
    let values: Vec<Node<'_>> =
        parts(at).into_iter().flat_map(|value| if listed(value) { parts(value) } else { vec![value] }).collect();
    values.iter().all(|value| CONSTANTS.contains(&value.kind()))
}

/// Whether a block only returns, and says not what.
pub(crate) fn only_leaves(block: Node<'_>) -> bool {
    only_statement(block).is_some_and(|at| at.kind() == "return_statement" && at.named_child_count() == 0)
}

/// The only statement of a block, if no comment stands beside it.
fn only_statement(block: Node<'_>) -> Option<Node<'_>> {
    let mut at = block;
    while matches!(at.kind(), "block" | "statement_list") {
        at = at.named_child(0).filter(|_| at.named_child_count() == 1)?;
    }
    Some(at)
}

/// Kinds of nodes that are constants.
const CONSTANTS: &[&str] = &[
    "true",
    "false",
    "nil",
    "null_literal",
    "int_literal",
    "decimal_integer_literal",
    "string_literal",
    "interpreted_string_literal",
];

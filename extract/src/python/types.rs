//! Annotations in the schema's spelling.

use ruff_python_ast::{Expr, Operator};

/// `Optional[Session]` → `Optional<Session>`, `A | None` → `A|None`; empty if it is no type.
pub(super) fn type_text(annotation: &Expr) -> String {
    let mut text = String::new();
    write(annotation, &mut text);
    text
}

fn write(annotation: &Expr, out: &mut String) {
    match annotation {
        Expr::Name(name) => out.push_str(&name.id),
        Expr::Attribute(attribute) => {
            write(&attribute.value, out);
            if !out.is_empty() {
                out.push('.');
            }
            out.push_str(&attribute.attr);
        }
        Expr::Subscript(subscript) => {
            let mut head = String::new();
            write(&subscript.value, &mut head);
            if head.rsplit('.').next() == Some("Union") {
                return write_joined(elements(&subscript.slice), '|', out);
            }
            if head.rsplit('.').next() == Some("Literal") {
                out.push_str("str");
                return;
            }
            out.push_str(&head);
            out.push('<');
            write_joined(elements(&subscript.slice), ',', out);
            out.push('>');
        }
        Expr::BinOp(binary) if binary.op == Operator::BitOr => {
            write(&binary.left, out);
            out.push('|');
            write(&binary.right, out);
        }
        Expr::NoneLiteral(_) => out.push_str("None"),
        Expr::StringLiteral(string) => write_quoted(string.value.to_str(), out),
        Expr::List(list) => write_joined(&list.elts, ',', out),
        _ => {}
    }
}

fn elements(slice: &Expr) -> &[Expr] {
    match slice {
        Expr::Tuple(tuple) => &tuple.elts,
        other => std::slice::from_ref(other),
    }
}

fn write_joined(parts: &[Expr], separator: char, out: &mut String) {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.push(separator);
        }
        write(part, out);
    }
}

/// A quoted annotation is spelled by its characters; it has the same brackets.
fn write_quoted(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '[' => out.push('<'),
            ']' => out.push('>'),
            c if c.is_alphanumeric() || matches!(c, '_' | '.' | ',' | '|') => out.push(c),
            _ => {}
        }
    }
}

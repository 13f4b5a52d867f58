//! Imports.

use distsys_facts::VarId;
use tree_sitter::Node;

use super::Lower;
use super::names::is_type_name;
use crate::tree;

/// Names are looked for in so many classes that a file imports whole.
const MAX_STATIC_GLOBS: usize = 16;

impl<'s> Lower<'s> {
    pub(super) fn import(&mut self, node: Node<'_>) {
        let tokens = tree::tokens(node);
        let is_static = tokens.iter().any(|token| token.kind() == "static");
        let all = tokens.iter().any(|token| token.kind() == "asterisk");
        let Some(name) = tokens.iter().find(|token| token.kind().ends_with("identifier")) else { return };
        let whole = self.dotted(*name);
        match (is_static, all) {
            (false, true) => self.to.import_glob(&whole),
            (false, false) => {
                let (outer, last) = whole.rsplit_once('.').unwrap_or(("", &whole));
                let var = self.to.declare(last);
                if outer.split('.').any(is_type_name) {
                    let outer = self.type_in_full(outer);
                    self.to.load_to(var, outer, last);
                } else {
                    self.to.import_to(var, outer, last);
                }
                self.in_full.insert(whole, var);
            }
            // Each may be what any name without another meaning comes from.
            (true, true) if self.static_globs.len() >= MAX_STATIC_GLOBS => {}
            (true, true) => {
                let class = self.type_in_full(&whole);
                self.static_globs.push(class);
            }
            (true, false) => {
                let Some((class, _)) = whole.rsplit_once('.') else { return };
                let class = self.type_in_full(class);
                let last = self.last_part(*name);
                self.static_imports.insert(last, (class, last));
            }
        }
    }

    /// The last part of a dotted name.
    fn last_part(&self, node: Node<'_>) -> &'s str {
        let text = self.slice(node);
        text.rsplit('.').next().unwrap_or(text).trim()
    }

    /// The type that a name in full means: the package up to the first part that is spelt as types are.
    pub(super) fn type_in_full(&mut self, name: &str) -> VarId {
        if let Some(&var) = self.in_full.get(name) {
            return var;
        }
        let parts: Vec<&str> = name.split('.').collect();
        let at = parts.iter().position(|part| is_type_name(part)).unwrap_or(parts.len() - 1);
        let outermost = parts[..=at].join(".");
        let mut var = match self.in_full.get(&outermost) {
            Some(&var) => var,
            None => {
                let package = parts[..at].join(".");
                let var = self.to.fresh_var();
                self.to.import_to(var, &package, parts[at]);
                self.in_full.insert(outermost, var);
                var
            }
        };
        for part in &parts[at + 1..] {
            var = self.to.load(var, part);
        }
        self.in_full.insert(name.to_owned(), var);
        var
    }
}

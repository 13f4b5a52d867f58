//! What a simple name means: a local, a member of a class around, a type, something inherited or imported.

use distsys_facts::{ClassId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};
use tree_sitter::Node;

use super::Lower;
use crate::lower::Span;
use crate::tree;

/// What the text of a class declares.
#[derive(Debug)]
pub(super) struct Declared<'s> {
    pub(super) name: &'s str,
    /// Within the file: `Outer.Inner`.
    pub(super) qualified: String,
    /// Holds the class.
    pub(super) var: VarId,
    pub(super) outer: Option<usize>,
    inner: FxHashMap<&'s str, usize>,
    fields: FxHashSet<&'s str>,
    methods: FxHashSet<&'s str>,
    /// Whether it derives from anything, so that names may be inherited.
    derives: bool,
}

/// A class that the walk is in.
#[derive(Clone, Debug)]
pub(super) struct Enclosing<'s> {
    /// Index into the declared classes.
    pub(super) declared: usize,
    pub(super) class: ClassId,
    pub(super) is_interface: bool,
    /// What it derives from, in the schema's spelling.
    pub(super) bases: Vec<String>,
    /// Of a record.
    pub(super) components: Vec<Component<'s>>,
}

/// A component of a record.
#[derive(Clone, Debug)]
pub(super) struct Component<'s> {
    pub(super) name: &'s str,
    pub(super) type_: String,
    pub(super) span: Span,
}

/// Spelt as types are: `Order`, not `order` nor `MAX_ORDERS`.
pub(super) fn is_type_name(name: &str) -> bool {
    name.starts_with(char::is_uppercase)
}

fn is_constant_name(name: &str) -> bool {
    name.len() > 1 && !name.contains(char::is_lowercase)
}

pub(super) fn is_class(kind: &str) -> bool {
    matches!(
        kind,
        "class_declaration"
            | "interface_declaration"
            | "enum_declaration"
            | "record_declaration"
            | "annotation_type_declaration"
    )
}

impl<'s> Lower<'s> {
    /// Declares the classes among `nodes`, with those inside of them.
    pub(super) fn collect(&mut self, nodes: &[Node<'_>], outer: Option<usize>) {
        for node in nodes.iter().filter(|node| is_class(node.kind())) {
            let Some(name) = node.child_by_field_name("name") else { continue };
            let name = self.slice(name);
            let derives = ["superclass", "interfaces"].iter().any(|field| node.child_by_field_name(field).is_some())
                || tree::first_of_kind(*node, "extends_interfaces").is_some();
            let body = node.child_by_field_name("body");
            self.declare_class(name, *node, body, outer, derives);
        }
    }

    /// Declares one class; `body` holds its members.
    pub(super) fn declare_class(
        &mut self,
        name: &'s str,
        node: Node<'_>,
        body: Option<Node<'_>>,
        outer: Option<usize>,
        derives: bool,
    ) -> usize {
        let qualified = match outer {
            Some(outer) => format!("{}.{name}", self.declared[outer].qualified),
            None => name.to_owned(),
        };
        let var = self.to.declare(&qualified);
        let (mut fields, mut methods) = (FxHashSet::default(), FxHashSet::default());
        let mut inner = Vec::new();
        if let Some(parameters) = node.child_by_field_name("parameters") {
            // A record's components are fields with accessors.
            for parameter in tree::parts(parameters) {
                if let Some(name) = parameter.child_by_field_name("name") {
                    fields.insert(self.slice(name));
                    methods.insert(self.slice(name));
                }
            }
        }
        for member in members(body) {
            match member.kind() {
                "field_declaration" | "constant_declaration" => {
                    let mut cursor = member.walk();
                    for declarator in member.children_by_field_name("declarator", &mut cursor) {
                        if let Some(name) = declarator.child_by_field_name("name") {
                            fields.insert(self.slice(name));
                        }
                    }
                }
                "enum_constant" => {
                    if let Some(name) = member.child_by_field_name("name") {
                        fields.insert(self.slice(name));
                    }
                }
                "method_declaration" | "annotation_type_element_declaration" => {
                    if let Some(name) = member.child_by_field_name("name") {
                        methods.insert(self.slice(name));
                    }
                }
                kind if is_class(kind) => inner.push(member),
                _ => {}
            }
        }
        let number = self.declared.len();
        let inner_names = FxHashMap::default();
        self.declared.push(Declared { name, qualified, var, outer, inner: inner_names, fields, methods, derives });
        self.declared_at.insert(node.start_byte(), number);
        if let Some(outer) = outer {
            self.declared[outer].inner.insert(name, number);
        }
        if self.descend(node) {
            self.collect(&inner, Some(number));
            self.ascend();
        }
        number
    }

    /// The class that this node declares.
    pub(super) fn class_declared_at(&self, node: Node<'_>) -> Option<usize> {
        self.declared_at.get(&node.start_byte()).copied()
    }

    /// The instance of a class around, or the class where there is none (static code).
    pub(super) fn instance_of(&mut self, declared: usize) -> VarId {
        let this = format!("{}.this", self.declared[declared].qualified);
        match self.to.lookup(&this) {
            Some(var) => var,
            None => self.declared[declared].var,
        }
    }

    /// The innermost class around whose text declares a member.
    fn owner(&self, has: impl Fn(&Declared<'s>) -> bool) -> Option<usize> {
        self.enclosing.iter().rev().map(|enclosing| enclosing.declared).find(|number| has(&self.declared[*number]))
    }

    /// Where a member that no class around declares may come from: bases, static imports.
    fn sources_of_member(&mut self) -> Option<VarId> {
        let deriving: Vec<usize> = self
            .enclosing
            .iter()
            .rev()
            .map(|enclosing| enclosing.declared)
            .filter(|number| self.declared[*number].derives)
            .collect();
        let mut sources: Vec<VarId> = deriving.into_iter().map(|number| self.instance_of(number)).collect();
        sources.extend(&self.static_globs);
        match sources.as_slice() {
            [] => None,
            [only] => Some(*only),
            several => {
                let either = self.to.fresh_var();
                for &source in several {
                    self.to.assign(either, source);
                }
                Some(either)
            }
        }
    }

    /// What a method is called on that is called by its name alone, with the name that it has there.
    pub(super) fn receiver_of_plain_call(&mut self, name: &'s str) -> Option<(VarId, &'s str)> {
        if let Some(owner) = self.owner(|class| class.methods.contains(name)) {
            return Some((self.instance_of(owner), name));
        }
        if let Some(&found) = self.static_imports.get(name) {
            return Some(found);
        }
        Some((self.sources_of_member()?, name))
    }

    /// Where a variable is kept that is no local: the base and the field.
    pub(super) fn field_by_name(&mut self, name: &'s str) -> Option<(VarId, &'s str)> {
        let owner = self.owner(|class| class.fields.contains(name))?;
        Some((self.instance_of(owner), name))
    }

    /// The value of a simple name.
    pub(super) fn simple_name(&mut self, name: &'s str) -> VarId {
        if let Some(var) = self.to.lookup(name) {
            return var;
        }
        if let Some((base, field)) = self.field_by_name(name) {
            return self.to.load(base, field);
        }
        if let Some(var) = self.nested_type(name) {
            return var;
        }
        if let Some(&(class, member)) = self.static_imports.get(name) {
            return self.to.load(class, member);
        }
        let of_type = is_type_name(name) && !is_constant_name(name);
        if !of_type && let Some(base) = self.sources_of_member() {
            return self.to.load(base, name);
        }
        self.to.global(name)
    }

    /// A class of this name that the classes around declare or are.
    pub(super) fn nested(&self, name: &str) -> Option<usize> {
        self.enclosing.iter().rev().find_map(|enclosing| {
            let around = &self.declared[enclosing.declared];
            let inner = around.inner.get(name).copied();
            inner.or_else(|| (around.name == name).then_some(enclosing.declared))
        })
    }

    fn nested_type(&self, name: &str) -> Option<VarId> {
        self.nested(name).map(|number| self.declared[number].var)
    }

    /// The value that a type's name stands for.
    pub(super) fn type_value(&mut self, name: &str) -> VarId {
        let (first, rest) = name.split_once('.').unwrap_or((name, ""));
        if !rest.is_empty() && !is_type_name(first) {
            return self.type_in_full(name);
        }
        let mut var = match self.nested_type(first).or_else(|| self.to.lookup(first)) {
            Some(var) => var,
            None => self.to.global(first),
        };
        for part in rest.split('.').filter(|part| !part.is_empty()) {
            var = self.to.load(var, part);
        }
        var
    }
}

/// The members of a class body; those of an enum after its constants, too.
pub(super) fn members(body: Option<Node<'_>>) -> Vec<Node<'_>> {
    let Some(body) = body else { return Vec::new() };
    let mut found = Vec::new();
    for child in tree::parts(body) {
        match child.kind() {
            "enum_body_declarations" => found.extend(tree::parts(child)),
            _ => found.push(child),
        }
    }
    found
}

//! Items: modules, imports, types, implementations, constants.

use distsys_facts::{CallKind, ClassId, ClassKind, SiteId};
use syn::spanned::Spanned;
use syn::{
    Attribute, Expr, Fields, ImplItem, Item, ItemImpl, ItemMod, ItemTrait, ItemUse, Meta, TraitItem, Type,
    TypeParamBound, UseTree, Visibility,
};

use super::Lower;
use super::functions::FunctionItem;
use crate::lower::{Arg, Callee, ClassSpec, Span};

impl Lower<'_> {
    /// Lowers the items of a module: first all names, so that order does not matter, then what they hold.
    pub(super) fn module_items(&mut self, items: &[Item]) {
        self.declare_items(items, true);
        self.lower_items(items);
    }

    pub(super) fn declare_items<'i>(&mut self, items: impl IntoIterator<Item = &'i Item>, at_module_level: bool) {
        for item in items {
            let name = match item {
                Item::Fn(item) => item.sig.ident.to_string(),
                Item::Const(item) => item.ident.to_string(),
                Item::Static(item) => item.ident.to_string(),
                Item::Struct(item) => {
                    let class = self.declare_class(&item.ident, ClassKind::Struct, item.span(), at_module_level);
                    self.fields(class, &item.fields, "");
                    continue;
                }
                Item::Union(item) => {
                    self.declare_class(&item.ident, ClassKind::Struct, item.span(), at_module_level);
                    continue;
                }
                Item::Enum(item) => {
                    let class = self.declare_class(&item.ident, ClassKind::Enum, item.span(), at_module_level);
                    for variant in &item.variants {
                        let name = variant.ident.to_string();
                        self.to.field(class, &name, "", None);
                        self.fields(class, &variant.fields, &format!("{name}."));
                    }
                    continue;
                }
                Item::Trait(item) => {
                    self.declare_class(&item.ident, ClassKind::Trait, item.span(), at_module_level);
                    continue;
                }
                Item::Use(item) => {
                    self.use_item(item, at_module_level);
                    continue;
                }
                Item::Type(item) => {
                    let text = self.type_text(&item.ty);
                    if item.generics.params.is_empty() || !text.is_empty() {
                        self.to.type_alias(&item.ident.to_string(), &text);
                    }
                    continue;
                }
                _ => continue,
            };
            let var = self.to.declare(&name);
            if at_module_level {
                self.to.export(&name, var);
            }
        }
    }

    fn declare_class(&mut self, ident: &syn::Ident, kind: ClassKind, span: proc_macro2::Span, export: bool) -> ClassId {
        let name = ident.to_string();
        let class = self.to.class(ClassSpec { name: &name, kind, outer: None, span: self.at(span) });
        let var = self.to.declare(&name);
        self.to.class_value_to(var, class);
        if export {
            self.to.export(&name, var);
        }
        if let Some(known) = self.classes.last_mut() {
            known.insert(name, class);
        }
        class
    }

    fn fields(&mut self, class: ClassId, fields: &Fields, prefix: &str) {
        for (index, field) in fields.iter().enumerate() {
            let name = match &field.ident {
                Some(name) => name.to_string(),
                None => format!("{prefix}{index}"),
            };
            let text = self.type_text(&field.ty);
            self.to.field(class, &name, &text, None);
        }
    }

    pub(super) fn lower_items<'i>(&mut self, items: impl IntoIterator<Item = &'i Item>) {
        for item in items {
            match item {
                Item::Fn(item) => {
                    let function = self.function(FunctionItem {
                        attributes: &item.attrs,
                        is_public: matches!(item.vis, Visibility::Public(_)),
                        signature: &item.sig,
                        body: Some(&item.block),
                        span: item.span(),
                    });
                    let var = self.to.name(&item.sig.ident.to_string());
                    self.to.function_value_to(var, function);
                }
                Item::Const(item) => self.constant(&item.ident.to_string(), &item.ty, &item.expr),
                Item::Static(item) => self.constant(&item.ident.to_string(), &item.ty, &item.expr),
                Item::Struct(item) => self.annotate(&item.ident, &item.attrs),
                Item::Enum(item) => self.annotate(&item.ident, &item.attrs),
                Item::Trait(item) => {
                    self.annotate(&item.ident, &item.attrs);
                    self.trait_(item);
                }
                Item::Impl(item) => self.impl_(item),
                Item::Mod(item) => self.mod_(item),
                Item::Macro(item) if item.ident.is_none() => {
                    self.macro_item(&item.mac);
                }
                _ => {}
            }
        }
    }

    fn class_named(&self, name: &str) -> Option<ClassId> {
        self.classes.last().and_then(|known| known.get(name).copied())
    }

    fn constant(&mut self, name: &str, type_: &Type, value: &Expr) {
        let var = self.to.name(name);
        let text = self.type_text(type_);
        self.to.declare_type(var, &text);
        let value = self.expression(value);
        self.to.assign(var, value);
    }

    fn mod_(&mut self, item: &ItemMod) {
        let Some((_, items)) = &item.content else { return };
        let was_test = self.in_test;
        self.in_test |= is_cfg_test(&item.attrs);
        let class = self.class.take();
        self.to.begin_inline_module(&item.ident.to_string());
        self.classes.push(Default::default());
        self.module_items(items);
        self.classes.pop();
        self.to.end_inline_module();
        self.class = class;
        self.in_test = was_test;
    }

    fn annotate(&mut self, class: &syn::Ident, attributes: &[Attribute]) {
        let Some(class) = self.class_named(&class.to_string()) else { return };
        self.derives(class, attributes);
        for site in self.attributes(attributes) {
            self.to.annotate_class(class, site);
        }
    }

    /// `#[derive(FromQueryResult)]`: the class has the functions of the trait that is called like the macro.
    fn derives(&mut self, class: ClassId, attributes: &[Attribute]) {
        const OF_LANGUAGE: &[&str] = &[
            "Clone",
            "Copy",
            "Debug",
            "Default",
            "Deserialize",
            "Eq",
            "Hash",
            "Ord",
            "PartialEq",
            "PartialOrd",
            "Serialize",
        ];
        // Numbers of bases only order them.
        let mut index = 3000;
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
            // What cannot be read derives nothing.
            let _ = attribute.parse_nested_meta(|meta| {
                let is_plain =
                    meta.path.get_ident().is_some_and(|name| OF_LANGUAGE.contains(&name.to_string().as_str()));
                if !is_plain {
                    let mut base = String::new();
                    self.write_path(&meta.path, &mut base);
                    self.to.extends(class, index, &base);
                    index += 1;
                }
                Ok(())
            });
        }
    }

    fn use_item(&mut self, item: &ItemUse, at_module_level: bool) {
        let public = at_module_level && !matches!(item.vis, Visibility::Inherited);
        self.use_tree(&item.tree, &mut Vec::new(), at_module_level, public);
    }

    fn use_tree(&mut self, tree: &UseTree, prefix: &mut Vec<String>, export: bool, public: bool) {
        match tree {
            UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.use_tree(&path.tree, prefix, export, public);
                prefix.pop();
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.use_tree(tree, prefix, export, public);
                }
            }
            UseTree::Name(name) => self.use_name(prefix, &name.ident.to_string(), None, export, public),
            UseTree::Rename(rename) => {
                self.use_name(prefix, &rename.ident.to_string(), Some(rename.rename.to_string()), export, public)
            }
            UseTree::Glob(_) => {
                let target = prefix.join(".");
                self.to.import_glob(&target);
                if public {
                    self.to.reexport("*", &target, "*");
                }
            }
        }
    }

    fn use_name(&mut self, prefix: &[String], name: &str, rename: Option<String>, export: bool, public: bool) {
        // `use a::b::{self, c}`
        let (prefix, name) = match (name, prefix.split_last()) {
            ("self", Some((last, rest))) => (rest, last.as_str()),
            _ => (prefix, name),
        };
        let local = rename.unwrap_or_else(|| name.to_owned());
        if local == "_" {
            return;
        }
        let target = prefix.join(".");
        let (target, member) = if target.is_empty() { (name, "") } else { (target.as_str(), name) };
        let var = self.to.import(&local, target, member);
        if export {
            self.to.export(&local, var);
        }
        if public {
            self.to.reexport(&local, target, if member.is_empty() { "*" } else { member });
        }
    }

    fn trait_(&mut self, item: &ItemTrait) {
        let name = item.ident.to_string();
        let Some(class) = self.class_named(&name) else { return };
        let mut index = 0;
        for bound in &item.supertraits {
            if let TypeParamBound::Trait(bound) = bound {
                let mut text = String::new();
                self.write_path(&bound.path, &mut text);
                self.to.extends(class, index, &text);
                index += 1;
            }
        }
        let added = self.bounds_of(&item.generics);
        let (outer_class, outer_self) = (self.class.replace(class), std::mem::replace(&mut self.self_type, name));
        let outer_bounds = self.bounds.clone();
        self.bounds.extend(added);
        self.to.push_scope();
        self.bind_self(class);
        for member in &item.items {
            match member {
                TraitItem::Fn(function) => {
                    self.function(FunctionItem {
                        attributes: &function.attrs,
                        is_public: true,
                        signature: &function.sig,
                        body: function.default.as_ref(),
                        span: function.span(),
                    });
                }
                TraitItem::Const(constant) => {
                    let value = constant.default.as_ref().map(|(_, value)| self.expression(value));
                    let text = self.type_text(&constant.ty);
                    self.to.field(class, &constant.ident.to_string(), &text, value);
                }
                _ => {}
            }
        }
        self.to.pop_scope();
        self.bounds = outer_bounds;
        self.class = outer_class;
        self.self_type = outer_self;
    }

    fn bind_self(&mut self, class: ClassId) {
        let var = self.to.fresh_var();
        self.to.class_value_to(var, class);
        self.to.bind("Self", var);
    }

    fn impl_(&mut self, item: &ItemImpl) {
        let was_test = self.in_test;
        self.in_test |= is_cfg_test(&item.attrs);
        let added = self.bounds_of(&item.generics);
        let outer_bounds = self.bounds.clone();
        self.bounds.extend(added);
        let text = self.type_text(&item.self_ty);
        let plain = text.split('<').next().unwrap_or_default().to_owned();
        let class = match self.class_named(&plain) {
            Some(class) => class,
            None => {
                let name = plain.rsplit('.').next().unwrap_or(&plain).to_owned();
                let class = self.to.class(ClassSpec {
                    name: &name,
                    kind: ClassKind::Struct,
                    outer: None,
                    span: self.at(item.impl_token.span),
                });
                self.to.extends(class, 1000, &format!("impl.{plain}"));
                class
            }
        };
        if let Some((path, _)) = &item.trait_ {
            let mut base = String::new();
            self.write_path(path, &mut base);
            // Numbers of bases only order them; implementations come one by one.
            let index = item.impl_token.span.byte_range().start as u32 + 2000;
            self.to.extends(class, index, &base);
        }
        let (outer_class, outer_self) = (self.class.replace(class), std::mem::replace(&mut self.self_type, text));
        self.to.push_scope();
        self.bind_self(class);
        for member in &item.items {
            match member {
                ImplItem::Fn(function) => {
                    self.function(FunctionItem {
                        attributes: &function.attrs,
                        is_public: matches!(function.vis, Visibility::Public(_)),
                        signature: &function.sig,
                        body: Some(&function.block),
                        span: function.span(),
                    });
                }
                ImplItem::Const(constant) => {
                    let value = self.expression(&constant.expr);
                    let text = self.type_text(&constant.ty);
                    self.to.field(class, &constant.ident.to_string(), &text, Some(value));
                }
                _ => {}
            }
        }
        self.to.pop_scope();
        self.bounds = outer_bounds;
        self.class = outer_class;
        self.self_type = outer_self;
        self.in_test = was_test;
    }

    /// Attributes as annotation calls; `derive`, `doc` and the like say nothing that is asked for.
    pub(super) fn attributes(&mut self, attributes: &[Attribute]) -> Vec<SiteId> {
        let mut sites = Vec::new();
        for attribute in attributes {
            let path = attribute.path();
            let last = path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
            if matches!(
                last.as_str(),
                "derive" | "doc" | "allow" | "cfg" | "expect" | "warn" | "deny" | "inline" | "must_use" | "cfg_attr"
            ) {
                continue;
            }
            let span = self.at(attribute.span());
            let mut arguments = Vec::new();
            if let Meta::List(list) = &attribute.meta
                && let Ok(expressions) =
                    list.parse_args_with(syn::punctuated::Punctuated::<Expr, syn::Token![,]>::parse_terminated)
            {
                let parsed: Vec<Expr> = expressions.into_iter().collect();
                for expression in &parsed {
                    match expression {
                        Expr::Assign(assign) => {
                            if let Expr::Path(path) = &*assign.left
                                && let Some(name) = path.path.get_ident()
                            {
                                let value = self.expression(&assign.right);
                                arguments.push((Some(name.to_string()), value));
                            }
                        }
                        other => {
                            let value = self.expression(other);
                            arguments.push((None, value));
                        }
                    }
                }
            }
            let (callee_value, name) = self.path_callee(path, span);
            let args: Vec<Arg<'_>> = arguments
                .iter()
                .map(|(name, var)| match name {
                    Some(name) => Arg::Keyword(name, *var),
                    None => Arg::Positional(*var),
                })
                .collect();
            let callee = match callee_value {
                Ok(receiver) => Callee::Member(receiver, &name),
                Err(value) => Callee::Value(value, &name),
            };
            sites.push(self.to.call(CallKind::Annotation, callee, &args, span).0);
        }
        sites
    }

    /// The callee of a path: the receiver of its last segment (`Ok`), or the plain name (`Err`).
    pub(super) fn path_callee(
        &mut self,
        path: &syn::Path,
        _at: Span,
    ) -> (Result<distsys_facts::VarId, distsys_facts::VarId>, String) {
        let mut names = path.segments.iter().map(|segment| segment.ident.to_string());
        let first = names.next().unwrap_or_default();
        let rest: Vec<String> = names.collect();
        let mut value = if rest.is_empty() { self.to.name(&first) } else { self.path_root(&first) };
        match rest.split_last() {
            None => (Err(value), first),
            Some((last, middle)) => {
                for segment in middle {
                    value = self.to.load(value, segment);
                }
                (Ok(value), last.clone())
            }
        }
    }
}

/// `#[cfg(test)]`, also inside `any(…)` and `all(…)`.
pub(super) fn is_cfg_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let text = list.tokens.to_string();
            // `cfg(test)`, `cfg(feature = "test_util")`
            let is_test = |word: &str| word == "test" || word.starts_with("test_") || word.starts_with("test-");
            text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-')).any(is_test) && !text.contains("not")
        }
        _ => false,
    })
}

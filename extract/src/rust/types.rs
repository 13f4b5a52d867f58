//! Types in the schema's spelling.

use syn::{GenericArgument, Generics, Path, PathArguments, ReturnType, Type, TypeParamBound, WherePredicate};

use super::Lower;

impl Lower<'_> {
    pub(super) fn type_text(&self, type_: &Type) -> String {
        let mut out = String::new();
        self.write_type(type_, &mut out);
        out
    }

    pub(super) fn return_text(&self, output: &ReturnType) -> String {
        match output {
            ReturnType::Default => String::new(),
            ReturnType::Type(_, type_) => self.type_text(type_),
        }
    }

    fn write_type(&self, type_: &Type, out: &mut String) {
        match type_ {
            Type::Path(path) => {
                if let Some(qself) = &path.qself
                    && path.path.segments.len() <= 1
                {
                    self.write_type(&qself.ty, out);
                    return;
                }
                self.write_path(&path.path, out);
            }
            Type::Reference(reference) => self.write_type(&reference.elem, out),
            Type::Paren(paren) => self.write_type(&paren.elem, out),
            Type::Group(group) => self.write_type(&group.elem, out),
            Type::Ptr(pointer) => self.write_type(&pointer.elem, out),
            Type::Slice(slice) => self.write_generic("Vec", std::iter::once(&*slice.elem), out),
            Type::Array(array) => self.write_generic("Vec", std::iter::once(&*array.elem), out),
            Type::Tuple(tuple) => {
                out.push('(');
                for (index, element) in tuple.elems.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    self.write_type(element, out);
                }
                out.push(')');
            }
            Type::ImplTrait(impl_) => self.write_bounds(impl_.bounds.iter(), out),
            Type::TraitObject(object) => self.write_bounds(object.bounds.iter(), out),
            Type::FnPtr(_) => out.push_str("fn"),
            _ => {}
        }
    }

    fn write_generic<'t>(&self, name: &str, arguments: impl Iterator<Item = &'t Type>, out: &mut String) {
        out.push_str(name);
        out.push('<');
        for (index, argument) in arguments.enumerate() {
            if index > 0 {
                out.push(',');
            }
            self.write_type(argument, out);
        }
        out.push('>');
    }

    /// The first trait that says something: `impl Future<Output = T>` is its output.
    fn write_bounds<'t>(&self, bounds: impl Iterator<Item = &'t TypeParamBound>, out: &mut String) {
        for bound in bounds {
            if let TypeParamBound::Trait(bound) = bound {
                let last = bound.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
                if matches!(last.as_str(), "Send" | "Sync" | "Clone" | "Sized" | "Copy" | "Debug" | "Unpin" | "Default")
                {
                    continue;
                }
                self.write_path(&bound.path, out);
                return;
            }
        }
    }

    pub(super) fn write_path(&self, path: &Path, out: &mut String) {
        if let Some(only) = path.get_ident() {
            let name = only.to_string();
            if name == "Self" {
                out.push_str(&self.self_type);
                return;
            }
            if let Some(bound) = self.bounds.get(&name) {
                out.push_str(bound);
                return;
            }
        }
        for (index, segment) in path.segments.iter().enumerate() {
            if index > 0 {
                out.push('.');
            }
            let name = segment.ident.to_string();
            let is_last = index + 1 == path.segments.len();
            if index == 0 && name == "Self" {
                out.push_str(&self.self_type);
            } else {
                out.push_str(&name);
            }
            let PathArguments::AngleBracketed(arguments) = &segment.arguments else { continue };
            if !is_last {
                continue;
            }
            let mut inner = String::new();
            for argument in &arguments.args {
                let text = match argument {
                    GenericArgument::Type(type_) => self.type_text(type_),
                    GenericArgument::AssocType(assoc)
                        if matches!(assoc.ident.to_string().as_str(), "Output" | "Item" | "Ok") =>
                    {
                        self.type_text(&assoc.ty)
                    }
                    _ => continue,
                };
                if !inner.is_empty() {
                    inner.push(',');
                }
                inner.push_str(&text);
            }
            if !inner.is_empty() {
                out.push('<');
                out.push_str(&inner);
                out.push('>');
            }
        }
    }

    /// The generic parameters of an item, by what their bounds say they are.
    pub(super) fn bounds_of(&self, generics: &Generics) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for parameter in generics.type_params() {
            let mut text = String::new();
            self.write_bounds(parameter.bounds.iter(), &mut text);
            found.push((parameter.ident.to_string(), text));
        }
        for predicate in generics.where_clause.iter().flat_map(|clause| &clause.predicates) {
            if let WherePredicate::Type(predicate) = predicate
                && let Type::Path(path) = &predicate.bounded_ty
                && let Some(name) = path.path.get_ident()
            {
                let mut text = String::new();
                self.write_bounds(predicate.bounds.iter(), &mut text);
                if !text.is_empty() {
                    found.push((name.to_string(), text));
                }
            }
        }
        found
    }
}

//! Patterns: what they bind, and what they ask.

use distsys_facts::VarId;
use syn::{Lit, Member, Pat};

use super::Lower;

impl Lower<'_> {
    /// Binds the names of a pattern that `value` matches.
    pub(super) fn bind_pattern(&mut self, pattern: &Pat, value: VarId) {
        match pattern {
            Pat::Ident(ident) => {
                let name = ident.ident.to_string();
                // `None`, `CONSTANT`: no binding.
                if ident.subpat.is_none() && ident.by_ref.is_none() && name.starts_with(char::is_uppercase) {
                    return;
                }
                let var = self.to.declare(&name);
                self.locals.insert(var);
                self.to.assign(var, value);
                if let Some((_, inner)) = &ident.subpat {
                    self.bind_pattern(inner, value);
                }
            }
            Pat::Reference(reference) => self.bind_pattern(&reference.pat, value),
            Pat::Paren(paren) => self.bind_pattern(&paren.pat, value),
            Pat::Guard(guard) => self.bind_pattern(&guard.pat, value),
            Pat::Type(typed) => {
                let text = self.type_text(&typed.ty);
                if let Pat::Ident(ident) = &*typed.pat {
                    let var = self.to.declare(&ident.ident.to_string());
                    self.locals.insert(var);
                    self.to.declare_type(var, &text);
                    self.to.assign(var, value);
                } else {
                    self.bind_pattern(&typed.pat, value);
                }
            }
            Pat::Tuple(tuple) => {
                for (index, element) in tuple.elems.iter().enumerate() {
                    if binds(element) {
                        let part = self.to.load(value, &index.to_string());
                        self.bind_pattern(element, part);
                    }
                }
            }
            Pat::Slice(slice) => {
                for element in slice.elems.iter().filter(|element| binds(element)) {
                    let part = self.to.load(value, "[]");
                    self.bind_pattern(element, part);
                }
            }
            Pat::TupleStruct(tuple) => {
                let name = tuple.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
                let wrapper = matches!(
                    name.as_str(),
                    "Some"
                        | "Ok"
                        | "Err"
                        | "Ready"
                        | "Path"
                        | "Json"
                        | "State"
                        | "Data"
                        | "Extension"
                        | "Query"
                        | "Form"
                );
                // `Store::Redis(cache)`: what a variant holds is a field of its enumeration.
                let prefix = if is_variant(&tuple.path) { format!("{name}.") } else { String::new() };
                for (index, element) in tuple.elems.iter().enumerate().filter(|(_, element)| binds(element)) {
                    let part = match wrapper && tuple.elems.len() == 1 {
                        true => value,
                        false => self.to.load(value, &format!("{prefix}{index}")),
                    };
                    self.bind_pattern(element, part);
                }
            }
            Pat::Struct(fields) => {
                for field in &fields.fields {
                    let name = match &field.member {
                        Member::Named(name) => name.to_string(),
                        Member::Unnamed(index) => index.index.to_string(),
                    };
                    if binds(&field.pat) {
                        let part = self.to.load(value, &name);
                        self.bind_pattern(&field.pat, part);
                    }
                }
            }
            Pat::Or(or) => {
                if let Some(first) = or.cases.first() {
                    self.bind_pattern(first, value);
                }
            }
            _ => {}
        }
    }

    /// The condition that a pattern puts on `value`: `value is Err`; none if it always matches.
    pub(super) fn pattern_condition(&mut self, pattern: &Pat, value: VarId, at: crate::lower::Span) -> Option<VarId> {
        let name = asked(pattern)?;
        let name = self.to.string(&name);
        Some(self.to.binary("is", value, Some(name), at))
    }

    /// What a pattern asks of an error beside that it is one: `error is Shutdown` of `Err(Error::Shutdown)`, `error is Db` and
    /// `error is Duplicate` of `Err(Error::Db(DbError::Duplicate))`.
    pub(super) fn kind_conditions(&mut self, pattern: &Pat, value: VarId, at: crate::lower::Span) -> Vec<VarId> {
        let mut kinds = Vec::new();
        let mut inner = match pattern {
            Pat::Guard(guard) => return self.kind_conditions(&guard.pat, value, at),
            Pat::TupleStruct(tuple) if tuple.path.is_ident("Err") => tuple.elems.first(),
            _ => None,
        };
        while let Some(pattern) = inner {
            kinds.extend(asked(pattern));
            inner = match pattern {
                Pat::TupleStruct(tuple) if tuple.elems.len() == 1 => tuple.elems.first(),
                _ => None,
            };
        }
        let ask = |kind: String| {
            let kind = self.to.string(&kind);
            self.to.binary("is", value, Some(kind), at)
        };
        kinds.into_iter().map(ask).collect()
    }
}

/// The variant, constant or literal that a pattern asks for.
fn asked(pattern: &Pat) -> Option<String> {
    let last = |path: &syn::Path| path.segments.last().map(|segment| segment.ident.to_string());
    match pattern {
        Pat::TupleStruct(tuple) => last(&tuple.path),
        Pat::Struct(fields) => last(&fields.path),
        Pat::Path(path) => last(&path.path),
        Pat::Ident(ident) => {
            let name = ident.ident.to_string();
            name.starts_with(char::is_uppercase)
                .then_some(name)
                .or_else(|| ident.subpat.as_ref().and_then(|(_, inner)| asked(inner)))
        }
        Pat::Reference(reference) => asked(&reference.pat),
        Pat::Paren(paren) => asked(&paren.pat),
        Pat::Guard(guard) => asked(&guard.pat).or_else(|| Some("guard".to_owned())),
        Pat::Or(or) => or.cases.first().and_then(asked),
        Pat::Tuple(tuple) => tuple.elems.iter().find_map(asked),
        Pat::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            Lit::Int(number) => Some(number.base10_digits().to_owned()),
            Lit::Bool(value) => Some(value.value.to_string()),
            _ => Some("literal".to_owned()),
        },
        Pat::Range(_) => Some("range".to_owned()),
        _ => None,
    }
}

/// Whether a path is written as that of a variant: `Store::Redis`, `Self::Redis`.
fn is_variant(path: &syn::Path) -> bool {
    let owner = path.segments.iter().rev().nth(1);
    owner.is_some_and(|segment| segment.ident.to_string().starts_with(char::is_uppercase))
}

fn binds(pattern: &Pat) -> bool {
    !matches!(pattern, Pat::Wild(_) | Pat::Rest(_) | Pat::Lit(_) | Pat::Range(_))
}

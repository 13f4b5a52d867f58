//! Which of several methods of one name a call means: by number and static types of its arguments.

use distsys_facts::schema::Call;
use distsys_facts::{ClassId, FunctionId, ParameterKind, Sym, VarId};

use super::Flow;
use crate::program::Program;

impl<'p, 'f> Flow<'p, 'f> {
    /// The methods that the call of `found` may mean.
    pub(super) fn chosen(&self, row: &Call, class: ClassId, found: FunctionId) -> Vec<FunctionId> {
        let program = self.program;
        let overloads = self.grounds.hierarchy.overloads(class, program.function(found).name);
        if overloads.len() < 2 {
            return vec![found];
        }
        let arguments: Vec<VarId> = program.arguments(row.site).map(|argument| argument.var).collect();
        let mut best: (i32, Vec<FunctionId>, Vec<Vec<Sym>>) = (i32::MIN, Vec::new(), Vec::new());
        for function in overloads {
            let Some(fit) = self.fit(&arguments, function) else { continue };
            let types: Vec<Sym> = parameters(program, function).iter().map(|(_, type_)| *type_).collect();
            if fit > best.0 {
                best = (fit, vec![function], vec![types]);
            } else if fit == best.0 && !best.2.contains(&types) {
                // What a base declares alike is overridden by what was found before.
                best.1.push(function);
                best.2.push(types);
            }
        }
        if best.1.is_empty() { vec![found] } else { best.1 }
    }

    /// How well arguments fit the parameters; none if they cannot be passed.
    fn fit(&self, arguments: &[VarId], function: FunctionId) -> Option<i32> {
        let parameters = parameters(self.program, function);
        let is_open = parameters.last().is_some_and(|(kind, _)| *kind == ParameterKind::Rest);
        let fits = if is_open { arguments.len() + 1 >= parameters.len() } else { arguments.len() == parameters.len() };
        if !fits {
            return None;
        }
        let mut fit = if is_open { -1 } else { 0 };
        for (argument, (kind, type_)) in arguments.iter().zip(&parameters) {
            if *kind == ParameterKind::Rest {
                break;
            }
            if let Some(closure) = self.program.closure(*argument) {
                fit += self.fit_of_closure(closure, plain(self.program.text(*type_)));
            }
            let (Some(given), wanted) = (self.static_type(*argument, 0), self.program.text(*type_)) else { continue };
            let wanted = plain(wanted);
            if given == wanted {
                fit += 2;
            } else if is_plain_data(given) && is_plain_data(wanted) {
                // A number is passed as a wider one, boxed or not; text is not.
                if (given == "String") != (wanted == "String") || (given == "boolean") != (wanted == "boolean") {
                    return None;
                }
                fit += 1;
            } else if is_plain_data(given) && !wanted.is_empty() && wanted != "Object" {
                fit -= 1;
            } else if let Some(given) = self.class_named(given) {
                match self.class_named(wanted) {
                    Some(wanted) if self.grounds.hierarchy.ancestors(given).contains(&wanted) => fit += 1,
                    Some(_) => return None,
                    None if is_plain_data(wanted) => return None,
                    None => {}
                }
            }
        }
        Some(fit)
    }

    /// How well a lambda fits an interface of the language: whether it gives something, and what it takes.
    fn fit_of_closure(&self, closure: FunctionId, wanted: &str) -> i32 {
        let program = self.program;
        let takes = match wanted {
            "Runnable" | "Callable" | "Supplier" => 0,
            "Consumer" | "Function" | "Predicate" => 1,
            "BiConsumer" | "BiFunction" | "BiPredicate" => 2,
            _ => return 0,
        };
        let gives =
            program.returns_by_function.of(&program.facts.relations.returns, closure).any(|row| row.var.is_some());
        let should_give = !matches!(wanted, "Runnable" | "Consumer" | "BiConsumer");
        i32::from(parameters(program, closure).len() == takes) + i32::from(gives == should_give)
    }
}

/// `List` of `java.util.List<Order>`
pub(super) fn plain(type_: &str) -> &str {
    let name = type_.split('<').next().unwrap_or(type_);
    name.rsplit('.').next().unwrap_or(name)
}

fn is_plain_data(type_: &str) -> bool {
    matches!(
        type_,
        "String"
            | "int"
            | "long"
            | "short"
            | "byte"
            | "char"
            | "float"
            | "double"
            | "boolean"
            | "Integer"
            | "Long"
            | "Short"
            | "Byte"
            | "Character"
            | "Float"
            | "Double"
            | "Boolean"
    )
}

fn parameters(program: &Program<'_>, function: FunctionId) -> Vec<(ParameterKind, Sym)> {
    let all = program.parameters(function).filter(|row| row.kind != ParameterKind::Receiver);
    all.map(|row| (row.kind, row.type_)).collect()
}

//! Where code runs by its own say: what is left in production, or entered in development alone.

use distsys_facts::{SiteId, VarId};

use super::Meaning;
use crate::words::words;

/// Conditions are taken apart this deep.
const MAX_DEPTH: u32 = 6;

impl Meaning<'_> {
    /// Whether a site is not come to in production: `if (IS_PRODUCTION) return`, `if (process.env.NODE_ENV === "development")`.
    pub fn is_left_out_in_production(&self, site: SiteId) -> bool {
        let decisions = self.decisions(site);
        decisions.into_iter().any(|decision| self.is_for_development(decision.condition, decision.holds, 0))
    }

    /// Whether that a condition holds, or does not, says that this is not production.
    fn is_for_development(&self, condition: VarId, holds: bool, depth: u32) -> bool {
        if depth > MAX_DEPTH {
            return false;
        }
        let program = self.program;
        if let Some(row) = program.binary_by_dst.first(&program.facts.relations.binary, condition) {
            let both = || std::iter::once(row.left).chain(row.right);
            let either = || both().any(|side| self.is_for_development(side, holds, depth + 1));
            return match program.text(row.operator) {
                "!" | "not" => self.is_for_development(row.left, !holds, depth + 1),
                "&&" | "and" => holds && either(),
                "||" | "or" => !holds && either(),
                operator @ ("==" | "===" | "!=" | "!==") => {
                    let named = both().any(|side| self.names_environment(side));
                    let equal = holds == matches!(operator, "==" | "===");
                    let is = |texts: &[&str]| {
                        both().filter_map(|side| self.constant(side)).any(|text| texts.contains(&text))
                    };
                    named
                        && if equal {
                            is(&["development", "dev", "local", "test"])
                        } else {
                            is(&["production", "prod"])
                        }
                }
                _ => false,
            };
        }
        let says = |name: &str, is: &[&str]| {
            let words = words(name);
            words.len() <= 2 && words.last().is_some_and(|word| is.contains(&word.as_str()))
        };
        self.written_as(condition).into_iter().any(|name| {
            if holds {
                says(name, &["development", "dev"]) && words(name).first().is_some_and(|word| word == "is")
            } else {
                says(name, &["production", "prod"])
            }
        })
    }

    /// Whether a value is called like the setting that says where the code runs: `NODE_ENV`, `settings.ENVIRONMENT`.
    fn names_environment(&self, var: VarId) -> bool {
        let says =
            |name: &str| words(name).last().is_some_and(|word| matches!(word.as_str(), "env" | "environment" | "mode"));
        self.written_as(var).into_iter().any(says)
    }

    /// What a value is called where it is asked for: a variable, an import, a field.
    fn written_as(&self, var: VarId) -> Vec<&str> {
        let program = self.program;
        let mut names = Vec::new();
        let mut at = Some(var);
        for _ in 0..MAX_DEPTH {
            let Some(var) = at else { break };
            names.extend(program.variable(var).map(|row| program.text(row.name)));
            names.extend(program.import(var).map(|row| program.text(row.member)));
            names.extend(program.loaded_as(var).map(|load| program.text(load.field)));
            let path = program.global(var).map(|path| program.text(path));
            names.extend(path.and_then(|path| path.rsplit('.').next()));
            at = program.assigned_from(var).next().map(|row| row.src);
        }
        names.retain(|name| !name.is_empty());
        names
    }
}

//! Where code runs by its own say: what is left in production, or entered in development alone.

use distsys_facts::{FunctionId, SiteId, VarId};
use rustc_hash::FxHashSet;

use super::Meaning;
use crate::words::words;

/// Conditions are taken apart this deep.
const MAX_DEPTH: u32 = 6;

/// Which code is there for development.
#[derive(Debug, Default)]
pub(super) struct Development {
    /// Functions that ask where they run.
    asking: FxHashSet<FunctionId>,
    /// Functions that production does not come to.
    alone: FxHashSet<FunctionId>,
}

impl Meaning<'_> {
    /// Whether a site is not come to in production: `if (IS_PRODUCTION) return`, `if (process.env.NODE_ENV === "development")`.
    pub fn is_left_out_in_production(&self, site: SiteId) -> bool {
        let decisions = self.decisions(site);
        decisions.into_iter().any(|decision| self.is_for_development(decision.condition, decision.holds, 0))
    }

    /// Whether a site is in code that only development comes to: left out in production itself, or in a function that all calls
    /// of which are.
    pub fn is_for_development_alone(&self, site: SiteId) -> bool {
        let Development { asking, alone } = self.development.get_or_init(|| self.development());
        let function = self.program.site(site).function;
        alone.contains(&function) || asking.contains(&function) && self.is_left_out_in_production(site)
    }

    /// Whether production does not come to a function at all.
    pub fn is_of_development(&self, function: FunctionId) -> bool {
        self.development.get_or_init(|| self.development()).alone.contains(&function)
    }

    fn development(&self) -> Development {
        let program = self.program;
        let r = &program.facts.relations;
        let asks = |var: VarId| [true, false].iter().any(|holds| self.is_for_development(var, *holds, 0));
        let asked = r.condition.iter().filter(|row| asks(row.var));
        let asking: FxHashSet<FunctionId> = asked.map(|row| program.region(row.region).function).collect();
        let mut sites: Vec<SiteId> =
            asking.iter().flat_map(|function| program.sites(*function)).map(|row| row.site).collect();
        sites.retain(|site| self.is_left_out_in_production(*site));
        let left_out: FxHashSet<SiteId> = sites.iter().copied().collect();
        // All that is called from there, less what others call, too: such functions may call one another in circles.
        let mut alone: FxHashSet<FunctionId> = FxHashSet::default();
        while let Some(site) = sites.pop() {
            for callee in self.callees(site) {
                if alone.insert(callee) {
                    sites.extend(program.sites(callee).map(|row| row.site));
                }
            }
        }
        let mut asked: Vec<FunctionId> = alone.iter().copied().collect();
        while let Some(function) = asked.pop() {
            let is_other = |site: &&SiteId| {
                let caller = program.site(**site).function;
                !left_out.contains(site) && !alone.contains(&caller) && !program.is_out_of_scope(caller)
            };
            if alone.contains(&function) && self.callers(function).iter().any(|site| is_other(&site)) {
                alone.remove(&function);
                asked.extend(program.sites(function).flat_map(|row| self.callees(row.site)));
            }
        }
        Development { asking, alone }
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
                // `isDev`, `settings.DEVELOPMENT`
                let begins = words(name).first().is_some_and(|word| matches!(word.as_str(), "is" | "development"));
                says(name, &["development", "dev"]) && begins
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

//! Reading one model file into the set.

use super::format;
use super::pattern::Pattern;
use super::set::{LibraryInfo, ModelError, ModelSet};
use super::{Family, Returned};

impl ModelSet {
    /// Adds one model file. `origin` names it in errors.
    pub fn add(&mut self, family: Family, origin: &str, text: &str) -> Result<(), ModelError> {
        let fail = |message: String| ModelError { origin: origin.to_owned(), message };
        let library = format::library(text).map_err(fail)?;
        if self.libraries.iter().any(|known| known.family == family && known.name == library.name) {
            return Err(fail(format!("library `{}` has a model already", library.name)));
        }
        let number = self.libraries.len() as u32;
        self.libraries.push(LibraryInfo {
            family,
            name: library.name,
            modules: library.modules,
            operations: library.ops.len(),
        });
        let models = self.families.entry(family).or_default();
        for (from, to) in library.aliases {
            models.prefixes.insert(from.clone());
            if let Some(other) = models.aliases.insert(from.clone(), to.clone())
                && other != to
            {
                return Err(fail(format!("alias `{from}` already stands for `{other}`")));
            }
        }
        models.types.extend(
            library.constants.iter().filter_map(|(path, _)| path.rsplit_once('.')).map(|(type_, _)| type_.to_owned()),
        );
        models.constants.extend(library.constants);
        for failure in library.failures {
            models.failures.entry(failure).or_default().push(number);
        }
        for makes in library.makes {
            let at = models.makes.len() as u32;
            for pattern in &makes.patterns {
                models.prefixes.extend(pattern.prefixes());
                models.by_making.add(pattern.clone(), at);
            }
            models.makes.push(makes);
        }
        for sets in library.sets {
            let at = models.sets.len() as u32;
            for pattern in &sets.patterns {
                models.prefixes.extend(pattern.prefixes());
                models.by_setting.add(pattern.clone(), at);
            }
            models.sets.push(sets);
        }
        for returns in library.returns {
            for pattern in returns.patterns {
                let prefixes = pattern.prefixes();
                match &returns.returned {
                    Returned::Type(text) => drop(models.types.insert(text.clone())),
                    Returned::SelfType => models.types.extend(prefixes.last().cloned()),
                    _ => {}
                }
                models.prefixes.extend(prefixes);
                models.returns.add(pattern, returns.returned.clone());
            }
        }
        for carrier in library.carriers {
            models.carriers.extend(Pattern::parse(&carrier));
        }
        for call in library.detached {
            models.detached.extend(Pattern::parse(&call));
        }
        models.answered.extend(library.answered.iter().flat_map(|call| Pattern::parse(call)));
        models.answers.extend(library.answers.iter().flat_map(|type_| Pattern::parse(type_)));
        models.bounding.extend(library.bounding.iter().flat_map(|call| Pattern::parse(call)));
        models.extended.extend(library.extended);
        for holder in library.holders {
            models.holders.extend(Pattern::parse(&holder));
        }
        for annotation in library.unstored {
            models.unstored.extend(Pattern::parse(&annotation));
        }
        for container in library.containers {
            let calls = container.register.iter().chain(&container.resolve);
            models.prefixes.extend(calls.flat_map(Pattern::prefixes));
            models.holders.extend(Pattern::parse(&container.holds));
            models.containers.push(container);
        }
        for handed in library.handed {
            models.prefixes.extend(handed.of.iter().flat_map(Pattern::prefixes));
            models.handed.push(handed);
        }
        for registry in library.registries {
            models.prefixes.extend(registry.register.iter().chain(&registry.base).flat_map(Pattern::prefixes));
            models.registries.push(registry);
        }
        for handle in library.handles {
            models.handles.extend(Pattern::parse(&handle));
        }
        models.stubs.extend(library.stubs);
        models.generated.extend(library.generated);
        models.declares.extend(library.declares);
        models.provides.extend(library.provides);
        for mut op in library.ops {
            op.library = number;
            let at = models.ops.len() as u32;
            for pattern in &op.patterns {
                models.prefixes.extend(pattern.prefixes());
                models.by_call.add(pattern.clone(), at);
                if !op.gives.is_empty() {
                    models.giving.add(pattern.clone(), at);
                }
            }
            if op.is_convention() {
                models.conventions.push(at);
            }
            for pattern in &op.shapes {
                models.shapes.add(pattern.clone(), at);
            }
            models.ops.push(op);
        }
        Ok(())
    }
}

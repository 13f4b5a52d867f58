//! Reading one model file into the set.

use super::format;
use super::pattern::{Pattern, first_segment};
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
            models.aliased.insert(first_segment(&from).to_owned());
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
        for timeout in library.timeouts {
            models.timeouts.entry(timeout).or_default().push(number);
        }
        for makes in library.makes {
            models.prefixes.extend(makes.patterns.iter().flat_map(Pattern::prefixes));
            models.by_making.add_all(&makes.patterns, &(models.makes.len() as u32));
            models.makes.push(makes);
        }
        for sets in library.sets {
            models.prefixes.extend(sets.patterns.iter().flat_map(Pattern::prefixes));
            models.by_setting.add_all(&sets.patterns, &(models.sets.len() as u32));
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
        let parsed = |texts: Vec<String>| texts.into_iter().flat_map(|text| Pattern::parse(&text));
        models.carriers.extend(parsed(library.carriers));
        models.detached.extend(parsed(library.detached));
        models.answered.extend(parsed(library.answered));
        models.answers.extend(parsed(library.answers));
        models.bounding.extend(parsed(library.bounding));
        models.holders.extend(parsed(library.holders));
        models.unstored.extend(parsed(library.unstored));
        models.related.extend(parsed(library.related));
        models.primary.extend(parsed(library.primary));
        models.handles.extend(parsed(library.handles));
        models.builders.extend(parsed(library.builders));
        models.promises.extend(library.promises);
        models.subscribed.extend(library.subscribed);
        models.extended.extend(library.extended);
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
        models.stubs.extend(library.stubs);
        models.sql_handles.extend(library.sql_handles);
        models.generated.extend(library.generated);
        models.declares.extend(library.declares);
        models.provides.extend(library.provides);
        for mut op in library.ops {
            op.library = number;
            let at = models.ops.len() as u32;
            models.prefixes.extend(op.patterns.iter().flat_map(Pattern::prefixes));
            models.by_call.add_all(&op.patterns, &at);
            if !op.gives.is_empty() {
                models.giving.add_all(&op.patterns, &at);
            }
            if op.is_convention() {
                models.conventions.push(at);
            }
            models.shapes.add_all(&op.shapes, &at);
            models.ops.push(op);
        }
        Ok(())
    }
}

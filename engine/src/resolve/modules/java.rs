//! Java: files belong to the package that they name; types of one package see each other.

use distsys_facts::ModuleId;
use rustc_hash::FxHashMap;

use crate::program::Program;

/// The files of every package, by its name.
#[derive(Debug, Default)]
pub(super) struct Packages {
    files: FxHashMap<String, Vec<ModuleId>>,
}

impl Packages {
    pub(super) fn add(&mut self, module: ModuleId, package: &str) {
        self.files.entry(package.to_owned()).or_default().push(module);
    }

    /// The files of `package`, nearest to the importer first: two services of one tree may have classes of one name.
    pub(super) fn files(&self, program: &Program<'_>, importer: ModuleId, package: &str) -> Vec<ModuleId> {
        let Some(files) = self.files.get(package) else { return Vec::new() };
        if let [only] = files.as_slice() {
            return vec![*only];
        }
        let here = program.path(program.file_of_module(importer));
        let mut files = files.clone();
        files.sort_by_cached_key(|module| {
            let path = program.path(program.file_of_module(*module));
            let shared = path.bytes().zip(here.bytes()).take_while(|(a, b)| a == b).count();
            (std::cmp::Reverse(shared), path)
        });
        files
    }

    pub(super) fn len(&self) -> usize {
        self.files.values().map(Vec::len).sum()
    }
}

/// Types of `java.lang`, which every file sees.
const OF_LANGUAGE: &[&str] = &[
    "AssertionError",
    "AutoCloseable",
    "Boolean",
    "Byte",
    "CharSequence",
    "Character",
    "Class",
    "ClassLoader",
    "Cloneable",
    "Comparable",
    "Deprecated",
    "Double",
    "Enum",
    "Error",
    "Exception",
    "Float",
    "FunctionalInterface",
    "IllegalArgumentException",
    "IllegalStateException",
    "IndexOutOfBoundsException",
    "Integer",
    "InterruptedException",
    "Iterable",
    "Long",
    "Math",
    "NullPointerException",
    "Number",
    "NumberFormatException",
    "Object",
    "Override",
    "Process",
    "ProcessBuilder",
    "Record",
    "Runnable",
    "Runtime",
    "RuntimeException",
    "SafeVarargs",
    "ScopedValue",
    "Short",
    "StackTraceElement",
    "StackWalker",
    "StrictMath",
    "String",
    "StringBuffer",
    "StringBuilder",
    "SuppressWarnings",
    "System",
    "Thread",
    "ThreadGroup",
    "ThreadLocal",
    "Throwable",
    "UnsupportedOperationException",
    "Void",
];

pub(crate) fn is_of_language(name: &str) -> bool {
    OF_LANGUAGE.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_of_the_language_can_be_searched() {
        assert!(OF_LANGUAGE.is_sorted());
        assert!(is_of_language("Thread") && !is_of_language("Order"));
    }
}

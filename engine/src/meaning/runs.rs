//! How long a run lasts at most: what a platform grants an entry point, by what its file exports or a manifest says of it.

use distsys_facts::{FunctionId, FunctionKind};
use globset::GlobBuilder;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Meaning;
use super::invoked::Mode;
use super::operations::{Found, Operand, Operation};
use super::reader::Reader;
use crate::operation::{Attr, OpKind};

/// A function that more than these call, directly or not, is part of everything.
const MAX_CALLERS: usize = 2000;

impl Reader<'_, '_> {
    /// What the file of an operation exports under a name: `export const maxDuration = 60`.
    pub(super) fn exported(&self, op: &Operation, name: &str, path: &[String]) -> Found {
        let program = self.program;
        let module = program.function(op.function).module;
        let mut exports = program.export_by_module.of(&program.facts.relations.export, module);
        exports.find(|row| program.text(row.name) == name).map_or(Found::Absent, |row| self.within(row.var, path))
    }

    /// What the manifest called `name` that lies nearest above the file of an operation says in `section` of files like it,
    /// under `entry`: `"functions": { "app/api/**": { "maxDuration": 60 } }`.
    pub(super) fn deployed(&self, op: &Operation, name: &str, section: &str, entry: &str) -> Found {
        let program = self.program;
        let r = &program.facts.relations;
        let path = program.path(program.file_of_function(op.function));
        let folder_of = |manifest: &str| {
            let folder = manifest.strip_suffix(name)?;
            (folder.is_empty() || folder.ends_with('/')).then_some(folder.len())
        };
        let manifests = program.manifests().filter_map(|file| {
            let manifest = program.path(file);
            folder_of(manifest).filter(|length| path.starts_with(&manifest[..*length])).map(|length| (length, file))
        });
        let Some((length, file)) = manifests.max_by_key(|(length, _)| *length) else { return Found::Absent };
        let like = |key: &str| {
            let glob = key.strip_prefix(section)?.strip_prefix('.')?.strip_suffix(entry)?.strip_suffix('.')?;
            let glob = GlobBuilder::new(glob).literal_separator(true).build().ok()?;
            Some(glob.compile_matcher().is_match(&path[length..]))
        };
        let rows = program.manifest_by_file.of(&r.manifest, file);
        let mut found = rows.filter(|row| like(program.text(row.key)) == Some(true));
        found.next().map_or(Found::Absent, |row| Found::Is(Operand::Text(program.text(row.value).to_owned())))
    }
}

impl Meaning<'_> {
    /// The milliseconds after which whatever runs `function` is ended from outside; none where one of its runs is not known
    /// to be.
    pub fn run_limit(&self, function: FunctionId) -> Option<f64> {
        let limits = self.run_limits.get_or_init(|| self.limits_of_entries());
        if limits.is_empty() {
            return None;
        }
        let (mut stack, mut seen) = (vec![function], FxHashSet::default());
        let mut longest: Option<f64> = None;
        while let Some(at) = stack.pop() {
            if !seen.insert(at) {
                continue;
            }
            if seen.len() > MAX_CALLERS {
                return None;
            }
            if let Some(limit) = limits.get(&at) {
                longest = Some(longest.unwrap_or(0.0).max((*limit)?));
                continue;
            }
            let row = self.program.function(at);
            // A closure runs in the run that made it.
            let outer = row.parent.filter(|_| matches!(row.kind, FunctionKind::Closure | FunctionKind::AsyncBlock));
            let before = stack.len();
            match outer {
                Some(outer) if self.program.function(outer).kind != FunctionKind::Module => stack.push(outer),
                _ => {
                    let callers = self.callers(at).iter().map(|site| self.program.site(*site).function);
                    stack.extend(callers.filter(|caller| !self.is_out_of_scope(*caller)));
                }
            }
            if stack.len() == before {
                return None;
            }
        }
        longest
    }

    /// What an entry point is granted, in milliseconds; none where nothing says so, or not everything that runs it.
    fn limits_of_entries(&self) -> FxHashMap<FunctionId, Option<f64>> {
        let mut limits: FxHashMap<FunctionId, Option<f64>> = FxHashMap::default();
        let runs =
            |op: &&Operation| matches!(op.kind, OpKind::Route | OpKind::HandleJob | OpKind::Consume | OpKind::Cron);
        for row in self.invocations.all.iter().filter(|row| row.mode == Mode::Registered) {
            for op in self.operations.at(row.site).filter(runs) {
                let limit = self.span(op, Attr::Timeout);
                let known = limits.entry(row.function).or_insert(limit);
                *known = known.zip(limit).map(|(known, limit)| known.max(limit));
            }
        }
        if limits.values().all(Option::is_none) { FxHashMap::default() } else { limits }
    }
}

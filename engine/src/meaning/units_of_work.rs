//! Transactions that a unit of work or a dependency of a framework holds: begun before a yield or in `__enter__`, committed after it.

use distsys_facts::{FunctionId, SiteId, SiteKind};

use super::effects::{Effect, EffectFlags};
use super::operations::{Found, Operation};
use super::scopes::{Builder, Extent, Scope};
use crate::operation::{Attr, OpKind};

impl<'b, 'm, 'f> Builder<'b, 'm, 'f> {
    /// Handlers that get a session from a dependency which commits behind them (`yield session`, then `commit`), or a
    /// connection that it gives back behind them.
    pub(super) fn by_dependencies(&self) -> Vec<Scope> {
        let mut found = Vec::new();
        let mut dependencies: Vec<FunctionId> = self.index.depending.keys().copied().collect();
        dependencies.sort_unstable();
        for dependency in dependencies {
            for &(site, function) in &self.index.depending[&dependency] {
                let extent = Extent::Function(function);
                if let Some(commit) = self.commit_after_yield(dependency) {
                    found.push(session_scope(commit, Some(site), function, extent));
                }
                if let Some((number, taken)) = self.taken_before_yield(dependency) {
                    found.push(Scope {
                        kind: OpKind::ConnectionAcquire,
                        op: Some(number),
                        lazy: self.reader.attribute(taken, Attr::Lazy) != Found::Absent,
                        ..session_scope(taken.site, Some(site), function, extent)
                    });
                }
            }
        }
        found
    }

    /// `with unit_of_work():` where the project's own manager commits behind the body: after its `yield`, or as it exits.
    /// One that begins a transaction in so many words is found by that.
    pub(super) fn by_units_of_work(&self) -> Vec<Scope> {
        let program = self.reader.program;
        let mut found = Vec::new();
        for (&manager, regions) in &self.index.managed_by {
            // `connect()` is a transaction only where a `with` holds what it gives.
            let is_bare = |site: SiteId| {
                self.operations.at(site).any(|op| op.kind == OpKind::TxScope)
                    && self.operations.at(site).all(|op| self.has_with(op) && !self.is_managed(op))
            };
            let begins = |(effect, site): (Effect, SiteId)| match effect.kind {
                OpKind::TxBegin => true,
                OpKind::TxScope => !is_bare(site),
                _ => false,
            };
            if self.effects.in_function(manager).map(|(effect, row)| (effect, row.site)).any(begins) {
                continue;
            }
            let Some(commit) = self.commit_after_yield(manager).or_else(|| self.commit_on_exit(manager)) else {
                continue;
            };
            for &(region, site) in regions {
                found.push(session_scope(commit, site, program.region(region).function, Extent::Region(region)));
            }
        }
        found.sort_unstable_by_key(|scope| (scope.function, scope.extent, scope.origin));
        found
    }

    /// Where a generator commits what was done while it had yielded.
    fn commit_after_yield(&self, generator: FunctionId) -> Option<SiteId> {
        let program = self.reader.program;
        let yields: Vec<SiteId> =
            program.sites(generator).filter(|row| row.kind == SiteKind::Yield).map(|row| row.site).collect();
        self.commits(generator).find(|commit| yields.iter().any(|site| self.order.precedes(program, *site, *commit)))
    }

    /// Where a generator takes the connection that it holds while it has yielded.
    fn taken_before_yield(&self, generator: FunctionId) -> Option<(u32, &'b Operation)> {
        let program = self.reader.program;
        let mut yields =
            program.sites(generator).filter(|row| row.kind == SiteKind::Yield).map(|row| row.site).peekable();
        yields.peek()?;
        let yields: Vec<SiteId> = yields.collect();
        let numbered = program.sites(generator).flat_map(|row| self.operations.numbers_at(row.site));
        numbered.map(|number| (*number, &self.operations.all[*number as usize])).find(|(_, op)| {
            op.kind == OpKind::ConnectionAcquire
                && yields.iter().any(|site| self.order.precedes(program, op.site, *site))
        })
    }

    /// Where the class whose `__enter__` is given commits as it exits.
    fn commit_on_exit(&self, enter: FunctionId) -> Option<SiteId> {
        let program = self.reader.program;
        let exit = match program.text(program.function(enter).name) {
            "__enter__" => "__exit__",
            "__aenter__" => "__aexit__",
            _ => return None,
        };
        let class = program.function(enter).class?;
        let exit = *program.methods.get(&(class, program.facts.symbols.lookup(exit)?))?;
        self.commits(exit).next()
    }

    /// What a function commits before it is over and has not begun in the same breath, on a connection taken for that.
    pub(super) fn commits(&self, function: FunctionId) -> impl Iterator<Item = SiteId> {
        let commits = self.effects.in_function(function).filter(|(effect, _)| effect.kind == OpKind::TxCommit);
        let in_time = commits.filter(|(effect, _)| !effect.flags.has(EffectFlags::BACKGROUND));
        in_time.map(|(_, row)| row.site).filter(|site| !self.takes_its_own(*site))
    }

    fn takes_its_own(&self, commit: SiteId) -> bool {
        const TAKEN: &[OpKind] = &[OpKind::TxBegin, OpKind::TxScope, OpKind::ConnectionAcquire];
        let is_call = !self.operations.at(commit).any(|op| op.kind == OpKind::TxCommit);
        is_call && self.effects.at(commit).any(|(effect, _)| TAKEN.contains(&effect.kind))
    }
}

/// The transaction of a session: open from the first statement to the commit.
fn session_scope(commit: SiteId, through: Option<SiteId>, function: FunctionId, extent: Extent) -> Scope {
    Scope {
        kind: OpKind::TxScope,
        op: None,
        origin: Some(commit),
        steps: through.into_iter().collect(),
        function,
        extent,
        endless: false,
        closers: Vec::new(),
        lazy: true,
        passed_on: false,
    }
}

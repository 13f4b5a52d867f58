//! What rules judge with: the meaning of the tree, and the words that findings are told in.

use std::hash::Hash;
use std::sync::{Mutex, OnceLock, PoisonError};

use distsys_engine::meaning::{Effect, Meaning, Operation, Role, Term};
use distsys_engine::words::words;
use distsys_engine::{OpKind, resolve};
use distsys_facts::{FileId, FunctionId, FunctionKind, RegionKind, SiteId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::finding::{Confidence, Place};
use crate::sizes::Origin;

/// The tree under judgement.
#[derive(Debug)]
pub struct Context<'m> {
    pub meaning: &'m Meaning<'m>,
    pub(crate) known: Known,
}

/// What rules ask again and again, kept from the first time.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Whether a value is what another system answered.
    pub(crate) answers: Memo<VarId, bool>,
    /// Whether a value is made of what was read: by what is asked of it, the value, what was read, and its column.
    pub(crate) made_of: Memo<(Option<String>, VarId, VarId, Option<String>), bool>,
    /// The arguments that what a call of helpers gives is made from.
    pub(crate) made_from_arguments: Memo<SiteId, Vec<VarId>>,
    /// The files in which a broker is told how many messages it may hand out at once.
    pub(crate) prefetching: OnceLock<FxHashSet<FileId>>,
    /// The collections whose size is compared with more than nothing.
    pub(crate) measured: OnceLock<FxHashSet<Origin>>,
}

/// Answers by what was asked; two threads that ask at once both work it out.
#[derive(Debug)]
pub(crate) struct Memo<K, V>(Mutex<FxHashMap<K, V>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Memo(Mutex::new(FxHashMap::default()))
    }
}

impl<K: Eq + Hash, V: Clone> Memo<K, V> {
    pub(crate) fn get(&self, asked: K, work_out: impl FnOnce() -> V) -> V {
        let kept = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept().get(&asked).cloned();
        known.unwrap_or_else(|| {
            let answer = work_out();
            kept().insert(asked, answer.clone());
            answer
        })
    }
}

impl<'m> Context<'m> {
    pub fn new(meaning: &'m Meaning<'m>) -> Self {
        Context { meaning, known: Known::default() }
    }

    pub fn place(&self, site: SiteId) -> Place {
        let program = self.meaning.program;
        let row = program.site(site);
        Place {
            path: program.path(program.file_of_function(row.function)).to_owned(),
            line: row.start.line(),
            column: row.start.column(),
            end_line: row.end.line(),
            end_column: row.end.column(),
        }
    }

    /// `OrderService.place`
    pub fn function_name(&self, function: FunctionId) -> &'m str {
        self.meaning.program.text(self.meaning.program.function(function).qualified)
    }

    /// The function as a reader calls it: closures by the function around them.
    pub fn named_function(&self, function: FunctionId) -> &'m str {
        let program = self.meaning.program;
        let mut at = function;
        while program.text(program.function(at).name) == "closure"
            && let Some(parent) = program.function(at).parent
        {
            at = parent;
        }
        self.function_name(at)
    }

    pub fn function_of(&self, site: SiteId) -> FunctionId {
        self.meaning.program.site(site).function
    }

    /// Where a reviewer would put the comment on what `trace` (from a site down to the operation) does: the operation,
    /// or, where more than one caller shares the operation, the call in the lowest function that is not shared.
    pub fn primary(&self, trace: &[SiteId]) -> SiteId {
        let is_shared = |site: &SiteId| {
            let function = self.function_of(*site);
            let own = !matches!(
                self.meaning.program.function(function).kind,
                FunctionKind::Closure | FunctionKind::AsyncBlock
            );
            own && self.meaning.callers(function).len() > 1
        };
        let shared = trace.iter().skip(1).position(is_shared);
        *match shared {
            Some(above) => &trace[above],
            None => trace.last().expect("a trace holds at least the site that it starts from"),
        }
    }

    /// What an effect does, in words: "writes `order`", "sends POST `…`".
    pub fn does(&self, effect: &Effect) -> String {
        let entity = self.quoted(effect.entity);
        match effect.kind {
            OpKind::DbWrite => match self.meaning.text(effect.verb) {
                Some("insert") => format!("inserts into {entity}"),
                Some("delete") => format!("deletes from {entity}"),
                Some("upsert") => format!("upserts {entity}"),
                Some("increment") => format!("increments {entity}"),
                _ => format!("writes {entity}"),
            },
            OpKind::DbRead if effect.role == Role::Replica => format!("reads {entity} from a replica"),
            OpKind::DbRead => format!("reads {entity}"),
            OpKind::HttpRequest => {
                let method = self.meaning.text(effect.verb).map(str::to_ascii_uppercase);
                match (method, self.meaning.text(effect.entity)) {
                    (Some(method), Some(_)) => format!("sends {method} {entity}"),
                    (Some(method), _) => format!("sends a {method} request"),
                    (None, Some(_)) => format!("sends a request to {entity}"),
                    (None, _) => "sends a request".to_owned(),
                }
            }
            OpKind::Enqueue => format!("enqueues {}", self.or(effect.entity, "a job")),
            OpKind::Publish => format!("publishes {}", self.or(effect.entity, "a message")),
            OpKind::ObjectWrite => format!("writes the object {}", self.or(effect.key, "under a key")),
            OpKind::Payment => "makes a payment".to_owned(),
            OpKind::Notify => "sends a notification".to_owned(),
            OpKind::Rpc => "calls another service".to_owned(),
            OpKind::ObjectRead => format!("reads the object {}", self.or(effect.key, "under a key")),
            OpKind::CacheWrite if self.meaning.text(effect.verb) == Some("increment") => {
                format!("counts up {}", self.or(effect.key, "a key of the cache"))
            }
            OpKind::LockAcquire => format!("waits for the lock {}", self.or(effect.key, "of another system")),
            OpKind::TxScope | OpKind::TxBegin => "opens a transaction".to_owned(),
            OpKind::Consensus => "asks the coordination service".to_owned(),
            kind => format!("does a {kind}"),
        }
    }

    fn or(&self, term: Term, otherwise: &str) -> String {
        match self.meaning.text(term) {
            Some(text) if !text.is_empty() => format!("`{text}`"),
            _ => otherwise.to_owned(),
        }
    }

    pub fn quoted(&self, term: Term) -> String {
        match self.meaning.text(term) {
            Some(text) if !text.is_empty() => format!("`{text}`"),
            _ => "a table".to_owned(),
        }
    }

    /// The steps of a trace: the calls in between, then what the operation does.
    pub fn steps(&self, trace: &[SiteId], effect: &Effect) -> Vec<(SiteId, String)> {
        let mut steps = Vec::new();
        for pair in trace.windows(2) {
            let called = self.named_function(self.function_of(pair[1]));
            let says = match called {
                // A closure beside the functions: it has no name.
                "<module>" => "runs what it is given".to_owned(),
                _ => format!("calls `{called}`"),
            };
            steps.push((pair[0], says));
        }
        if let Some(&last) = trace.last() {
            steps.push((last, self.does(effect)));
        }
        steps
    }

    /// How sure it is that `effect` happens at `site`.
    pub fn confidence_of(&self, site: SiteId, effect: &Effect) -> Confidence {
        // What any of several implementations does says less of the same.
        let says = |known: Term, said: Term| known == said || known == Term::Unknown;
        let rows = self.meaning.effects.at(site).filter(|(known, _)| {
            known.kind == effect.kind
                && known.flags == effect.flags
                && says(known.verb, effect.verb)
                && says(known.entity, effect.entity)
                && says(known.key, effect.key)
        });
        rows.map(|(_, row)| row.confidence).max().map_or(Confidence::High, |confidence| self.confidence(confidence))
    }

    /// Whether something bounds how many run this at once: the call itself, or a permit for it.
    pub fn is_limited(&self, site: SiteId) -> bool {
        self.meaning.operations.at(site).any(|op| op.kind == OpKind::Limiter) || self.has_permit(site)
    }

    /// Whether a limiter is around a site, or a permit taken before it.
    pub fn has_permit(&self, site: SiteId) -> bool {
        let meaning = self.meaning;
        let function = self.function_of(site);
        let around = meaning
            .scopes
            .in_function(function)
            .any(|scope| scope.kind == OpKind::Limiter && meaning.sites(scope).contains(&site));
        let before = |op: &Operation| op.function == function && meaning.precedes(op.site, site);
        around || meaning.operations.of_kind(OpKind::Limiter).any(before)
    }

    /// What the regions around a site ask before they run it, innermost first.
    pub fn conditions(&self, site: SiteId) -> Vec<VarId> {
        let program = self.meaning.program;
        let r = &program.facts.relations;
        program
            .regions_outward(program.site(site).region)
            .flat_map(|region| program.condition_by_region.of(&r.condition, region.region))
            .map(|row| row.var)
            .collect()
    }

    /// What the branches around a site ask; not what loops run over.
    pub fn decisions(&self, site: SiteId) -> Vec<VarId> {
        let program = self.meaning.program;
        let r = &program.facts.relations;
        program
            .regions_outward(program.site(site).region)
            .filter(|region| region.kind != RegionKind::Loop)
            .flat_map(|region| program.condition_by_region.of(&r.condition, region.region))
            .map(|row| row.var)
            .collect()
    }

    pub fn confidence(&self, confidence: resolve::Confidence) -> Confidence {
        match confidence {
            resolve::Confidence::Low => Confidence::Low,
            resolve::Confidence::Medium => Confidence::Medium,
            resolve::Confidence::High => Confidence::High,
        }
    }

    /// The operation of a kind at a site.
    pub fn operation(&self, site: SiteId, kind: OpKind) -> Option<&'m Operation> {
        let meaning: &'m Meaning<'m> = self.meaning;
        meaning.operations.at(site).find(|op| op.kind == kind)
    }

    /// Whether a function only tells how the product is used, as its name, its class or its file says: what is lost there
    /// is borne.
    pub fn is_telemetry(&self, function: FunctionId) -> bool {
        let program = self.meaning.program;
        let path = program.path(program.file_of_function(function));
        let file = path.rsplit('/').next().unwrap_or(path);
        let says = |text: &str| words(text).iter().any(|word| matches!(word.as_str(), "telemetry" | "analytics"));
        says(self.named_function(function)) || says(file)
    }

    /// Whether the rules look at a site: not in tests, examples, generated code, nor in what is there for development alone.
    pub fn in_scope(&self, site: SiteId) -> bool {
        !self.meaning.is_out_of_scope(self.function_of(site)) && !self.meaning.is_for_development_alone(site)
    }
}

//! One run: what there is; the outcome of the same run before, or reading and judging; then what the project accepts.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use distsys_extract::cache::TreeCache;
use distsys_extract::driver::{Extraction, Reached, Skipped, Watch};
use distsys_facts::{DiagnosticKind, FactBase, Id, Language, Word};
use distsys_queries::{JudgeError, Judgement, OwnRule, Rule, RuleInfo, judge_while};
use rustc_hash::FxHashSet;

use crate::accept;
use crate::analysis::{Analysis, AnalysisError, Progress, Report, Stage, Summary};
use crate::config::Config;
use crate::json::Diagnostic;
use crate::kept::Outcome;
use crate::own_rules;
use crate::suppress;

/// Names what concluded: outcomes of another program are not used.
const PROGRAM: &str = env!("DISTSYS_PROGRAM");
/// What judging may take beyond the limit to come to the end of a rule.
const GRACE: Duration = Duration::from_millis(250);
const TICK: Duration = Duration::from_millis(10);

/// What is to be judged by.
struct Means {
    rules: Vec<&'static Rule>,
    models: Vec<(String, String)>,
    /// Those of the project's own that are to run.
    own: Vec<OwnRule>,
}

impl Analysis {
    pub fn run_with(&self, progress: Progress<'_>) -> Result<Report, AnalysisError> {
        let known = own_rules::load(self)?;
        let is_selected: Vec<bool> = self.selected_own(&known)?;
        let own = known.into_iter().zip(is_selected).filter_map(|(rule, is_selected)| is_selected.then_some(rule));
        let means = Means { rules: self.selected_rules()?, models: self.config.own_models()?, own: own.collect() };
        let infos: Vec<&'static RuleInfo> =
            means.rules.iter().map(|rule| &rule.info).chain(means.own.iter().map(|rule| rule.info)).collect();
        let start = Instant::now();
        let watch = Watch::start(self.limits);
        let options = self.extract_options();
        let survey = self.survey(&options, watch)?;
        let cache = options.cache.as_ref();
        let key = |digest: Option<[u8; 32]>| Some(self.run_key(&digest?, &means));
        if let (Some(cache), Some(key)) = (cache, key(survey.digest())) {
            let kept = cache.run(&key).and_then(|bytes| Outcome::decode(&bytes, &infos));
            if let Some(outcome) = kept {
                let notes = survey.note_times().err().map(|error| error.to_string());
                let mut report = self.report(outcome, &infos, None);
                report.notes.extend(notes);
                report.phases = vec![("all", millis(start))];
                return Ok(report);
            }
        }
        let extraction = survey.extract(&options, &|done, all| progress(Stage::Parse { done, all }))?;
        progress(Stage::Judge);
        let Extraction { facts, skipped, times, stopped, digest, writing, .. } = extraction;
        let key = key(digest);
        let mut phases: Vec<(&'static str, f64)> = vec![
            ("walk", times.walk.as_secs_f64() * 1000.0),
            ("load", times.load.as_secs_f64() * 1000.0),
            ("parse+lower", times.lower.as_secs_f64() * 1000.0),
            ("merge", times.merge.as_secs_f64() * 1000.0),
        ];
        let (facts, means) = (Arc::new(facts), Arc::new(means));
        let (judgement, judging) = self.judged(&facts, &means, watch)?;
        phases.extend(&judgement.phases);
        let mut partial = String::new();
        if let Some((reached, unread)) = stopped {
            let _ = write!(partial, "{reached} was reached while reading: {unread} files were not read");
        }
        if let Some(reached) = judging {
            let and = if partial.is_empty() { "" } else { "; " };
            let rules = judgement.unfinished.join(", ");
            let _ = write!(partial, "{and}{reached} was reached while judging: not judged were {rules}");
        }
        let mut ran = infos;
        ran.retain(|info| !judgement.unfinished.contains(&info.slug));
        let outcome = self.outcome(&facts, &skipped, judgement, &ran);
        let mut notes = Vec::new();
        if let (Some(cache), Some(key), true) = (cache, key, partial.is_empty()) {
            notes.extend(
                writing.finish().and_then(|()| keep(cache, &key, &outcome)).err().map(|error| error.to_string()),
            );
        } else {
            notes.extend(writing.finish().err().map(|error| error.to_string()));
        }
        let mut report = self.report(outcome, &ran, Some(facts));
        if !partial.is_empty() {
            report.tell(DiagnosticKind::Limit, format!("{partial}; what is told is not all"));
            report.summary.partial = Some(partial);
        }
        report.notes = notes;
        phases.push(("all", millis(start)));
        report.phases = phases;
        Ok(report)
    }

    /// Stands for the outcome of the run: the files, and all by which they are judged.
    fn run_key(&self, digest: &[u8; 32], means: &Means) -> [u8; 32] {
        // Where the configuration stands says nothing; the models that it names are there as texts.
        let config = Config { folder: PathBuf::new(), ..self.config.clone() };
        let mut text = format!("{PROGRAM}\n{:?}\n{config:?}\n{:?}\n", self.selection, means.models);
        for rule in &means.rules {
            let _ = writeln!(text, "{}", rule.info.slug);
        }
        let _ = write!(text, "{:?}", means.own);
        let mut bytes = digest.to_vec();
        bytes.extend_from_slice(text.as_bytes());
        distsys_extract::cache::hash(&bytes)
    }

    /// Judges the facts; where the run has limits, aside, so that it can be left. Tells the limit that was reached.
    fn judged(
        &self,
        facts: &Arc<FactBase>,
        means: &Arc<Means>,
        watch: Watch,
    ) -> Result<(Judgement, Option<Reached>), AnalysisError> {
        let jobs = self.options.jobs;
        if !watch.is_bounded() {
            return Ok((judge_on_threads(jobs, facts, means, &|| true)?, None));
        }
        let (sender, receiver) = channel();
        let (facts, aside) = (Arc::clone(facts), Arc::clone(means));
        let spawned = std::thread::Builder::new().name("judge".to_owned()).spawn(move || {
            let _ = sender.send(judge_on_threads(jobs, &facts, &aside, &|| watch.reached().is_none()));
        });
        spawned.map_err(|error| distsys_extract::driver::ExtractError::Threads(error.to_string()))?;
        let mut over: Option<(Reached, Instant)> = None;
        loop {
            match receiver.recv_timeout(TICK) {
                Ok(judged) => {
                    let judged = judged?;
                    let reached =
                        if judged.unfinished.is_empty() { None } else { over.map(|over| over.0).or(watch.reached()) };
                    return Ok((judged, reached));
                }
                // It panicked: the fault is ours, and told by whoever joins it.
                Err(RecvTimeoutError::Disconnected) => return Err(AnalysisError::Judging),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = Instant::now();
            match over {
                Some((reached, since)) if now - since >= GRACE => {
                    let unfinished = means.rules.iter().map(|rule| rule.info.slug);
                    let unfinished = unfinished.chain(means.own.iter().map(|rule| rule.info.slug)).collect();
                    return Ok((Judgement { unfinished, ..Judgement::default() }, Some(reached)));
                }
                Some(_) => {}
                None => over = watch.reached().map(|reached| (reached, now)),
            }
        }
    }

    fn outcome(&self, facts: &FactBase, skipped: &[Skipped], judgement: Judgement, ran: &[&RuleInfo]) -> Outcome {
        let mut diagnostics: Vec<Diagnostic> = skipped
            .iter()
            .map(|skip| Diagnostic {
                path: skip.path.clone(),
                kind: skip.kind.name().to_owned(),
                message: skip.message.clone(),
            })
            .collect();
        let path_of = |file: distsys_facts::FileId| facts.text(facts.relations.file[file.index()].path).to_owned();
        for row in &facts.relations.diagnostic {
            let message = format!("{}:{}: {}", row.position.line(), row.position.column(), facts.text(row.message));
            diagnostics.push(Diagnostic { path: path_of(row.file), kind: row.kind.name().to_owned(), message });
        }
        let mut findings = judgement.findings;
        for finding in &mut findings {
            if let Some(&severity) = self.config.severities.get(finding.rule.slug) {
                finding.severity = severity;
            }
        }
        findings.retain(|finding| self.is_kept(finding));
        let ran: FxHashSet<&str> = ran.iter().map(|info| info.slug).collect();
        let findings = suppress::apply(facts, findings, &ran, &mut diagnostics);
        let mut summary = Summary::default();
        for row in &facts.relations.file {
            summary.files += 1;
            if row.language != Language::Manifest {
                summary.lines += u64::from(row.lines);
            }
            *summary.lines_by_language.entry(row.language.name()).or_default() += u64::from(row.lines);
        }
        for skip in skipped {
            *summary.skipped.entry(skip.kind.name()).or_default() += 1;
        }
        let counts = facts.relations.counts().into_iter().chain(judgement.counts);
        let resolution = judgement.resolution.into_iter();
        Outcome {
            findings,
            diagnostics,
            summary,
            counts: counts.map(|(name, count)| (name.to_owned(), count)).collect(),
            resolution: resolution.map(|(language, a, b, c)| (language.to_owned(), a, b, c)).collect(),
            paths: facts.relations.file.iter().map(|row| facts.text(row.path).to_owned()).collect(),
        }
    }

    /// What depends on the day and on documents, and so is no part of an outcome.
    fn report(&self, outcome: Outcome, ran: &[&'static RuleInfo], facts: Option<Arc<FactBase>>) -> Report {
        let Outcome { mut findings, mut diagnostics, mut summary, counts, resolution, paths } = outcome;
        let mut acceptances = self.config.accept.clone();
        if let Some(root) = self.policy_root() {
            acceptances.extend(accept::of_documents(root, &mut diagnostics));
        }
        let today = self.today.unwrap_or_else(accept::today);
        let has_run = |rule: &str| ran.iter().any(|info| info.slug == rule);
        accept::apply(&acceptances, today, has_run, &mut findings, &mut diagnostics);
        diagnostics.sort();
        summary.count(&findings);
        let again = if facts.is_none() { Some(Box::new(self.clone())) } else { None };
        let mut report = Report {
            findings,
            diagnostics,
            rules: ran.to_vec(),
            summary,
            phases: Vec::new(),
            counts,
            resolution,
            notes: Vec::new(),
            paths,
            facts: facts.map(Into::into).unwrap_or_default(),
            again,
        };
        if !report.has_code() {
            let message = "no file of a language that is read was analysed; this says nothing about the code";
            report.tell(DiagnosticKind::NothingAnalysed, message.to_owned());
        }
        report
    }
}

fn judge_on_threads(
    jobs: Option<usize>,
    facts: &FactBase,
    means: &Means,
    go_on: &(dyn Fn() -> bool + Sync),
) -> Result<Judgement, JudgeError> {
    let own: Vec<&OwnRule> = means.own.iter().collect();
    let judge = || judge_while(facts, &means.rules, &means.models, &own, go_on);
    match rayon::ThreadPoolBuilder::new().num_threads(jobs.unwrap_or(0)).stack_size(64 << 20).build() {
        Ok(pool) => pool.install(judge),
        Err(_) => judge(),
    }
}

fn keep(cache: &TreeCache, key: &[u8; 32], outcome: &Outcome) -> Result<(), distsys_extract::cache::CacheError> {
    match outcome.encode() {
        Some(bytes) => cache.keep_run(key, &bytes),
        None => Ok(()),
    }
}

fn millis(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1000.0
}

//! The parts of a run, each by itself: `cargo bench -p distsys-benches`.

#![allow(clippy::unwrap_used, reason = "a bench that cannot run has to say so")]

use distsys_benches::{lower, service};
use distsys_engine::resolve::Resolution;
use distsys_engine::{Meaning, Program};
use distsys_extract::driver::SourceText;
use distsys_queries::{judge, model_set, read_models, rules};
use divan::Bencher;

fn main() {
    divan::main();
}

const MODULES: usize = 100;

fn of_language(extension: &str) -> Vec<SourceText> {
    service(MODULES).into_iter().filter(|text| text.path.ends_with(extension)).collect()
}

#[divan::bench(args = [".py", ".ts", ".rs"])]
fn lowering(bencher: Bencher<'_, '_>, extension: &str) {
    let texts = of_language(extension);
    bencher.bench_local(|| lower(&texts).unwrap());
}

#[divan::bench]
fn models(bencher: Bencher<'_, '_>) {
    bencher.bench_local(|| read_models(&[]).unwrap());
}

#[divan::bench]
fn linking(bencher: Bencher<'_, '_>) {
    let (extraction, models) = (lower(&service(MODULES)).unwrap(), model_set(&[]).unwrap());
    bencher.bench_local(|| {
        let program = Program::new(&extraction.facts);
        Resolution::solve(&program, &models).calls.len()
    });
}

#[divan::bench]
fn meaning(bencher: Bencher<'_, '_>) {
    let (extraction, models) = (lower(&service(MODULES)).unwrap(), model_set(&[]).unwrap());
    let program = Program::new(&extraction.facts);
    let resolution = Resolution::solve(&program, &models);
    bencher.bench_local(|| Meaning::derive(&program, &models, &resolution).scopes.all.len());
}

/// Linking, meaning and one rule; what the rule adds is the difference from `judging/none`.
#[divan::bench(args = std::iter::once("none").chain(rules().iter().map(|rule| rule.info.slug)))]
fn judging(bencher: Bencher<'_, '_>, slug: &str) {
    let extraction = lower(&service(MODULES)).unwrap();
    let chosen: Vec<_> = rules().iter().copied().filter(|rule| rule.info.slug == slug).collect();
    bencher.bench_local(|| judge(&extraction.facts, &chosen, &[], &[]).unwrap().findings.len());
}

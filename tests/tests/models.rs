//! Every operation of every library model is what the last call of its example does.

use distsys_engine::meaning::Meaning;
use distsys_engine::resolve::Resolution;
use distsys_engine::{Family, Program};
use distsys_extract::driver::{Input, Options, SourceText, extract};
use distsys_queries::model_set;

fn path_of(family: Family) -> &'static str {
    match family {
        Family::Go => "example.go",
        Family::Java => "Example.java",
        Family::Python => "example.py",
        Family::Rust => "src/lib.rs",
        Family::Script => "example.ts",
    }
}

/// What examples in Go use without saying so.
const GO_IMPORTS: &[&str] =
    &["context", "database/sql", "errors", "fmt", "log", "net/http", "os", "strings", "sync", "time"];

/// The example as a whole file: Python and Go get the imports that its dotted names ask for.
fn file(family: Family, modules: &[String], example: &str) -> String {
    match family {
        Family::Go if example.trim_start().starts_with("package ") => example.to_owned(),
        Family::Go => {
            let more = GO_IMPORTS.iter().filter(|path| !modules.iter().any(|module| module == *path));
            let paths = modules.iter().map(String::as_str).chain(more.copied());
            let imports: String = paths.map(|path| format!("import \"{path}\"\n")).collect();
            match example.trim_start().starts_with("func ") || example.trim_start().starts_with("type ") {
                true => format!("package example\n{imports}{example}\n"),
                false => format!("package example\n{imports}func example(ctx context.Context) {{\n{example}\n}}\n"),
            }
        }
        Family::Python => {
            let imports: String = modules.iter().map(|module| format!("import {module}\n")).collect();
            format!("{imports}{example}\n")
        }
        Family::Rust if example.contains("fn ") => example.to_owned(),
        Family::Rust => format!("async fn example() {{ {example}; }}\n"),
        Family::Script | Family::Java => format!("{example}\n"),
    }
}

#[test]
fn examples_are_their_operations() {
    let models = model_set(&[]).expect("the built-in models are right");
    let mut failures = Vec::new();
    for (family, op) in models.all_ops() {
        let library = &models.libraries[op.library as usize];
        for example in &op.examples {
            let text = file(family, &library.modules, example);
            let sources = [SourceText::new(path_of(family), text.clone())];
            let options = Options { jobs: Some(1), ..Options::default() };
            let facts = extract(Input::Texts(&sources), &options, &|_, _| {}).expect("texts can be read").facts;
            let program = Program::new(&facts);
            let resolution = Resolution::solve(&program, &models);
            let meaning = Meaning::derive(&program, &models, &resolution);
            if !meaning.operations.all.iter().any(|found| found.kind == op.kind) {
                let calls: Vec<&str> =
                    resolution.external.iter().map(|(_, path, _)| resolution.paths.text(*path)).collect();
                failures.push(format!("{}: {} not found in\n{text}  calls: {calls:?}", library.name, op.kind));
            }
        }
    }
    assert!(failures.is_empty(), "{} examples fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_library_names_its_modules() {
    let models = model_set(&[]).expect("the built-in models are right");
    for library in &models.libraries {
        assert!(!library.modules.is_empty(), "{} names no module", library.name);
        assert!(library.operations > 0, "{} has no operation", library.name);
    }
}

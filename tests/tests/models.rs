//! Every operation of every library model is what the last call of its example does.

use distsys_engine::meaning::Meaning;
use distsys_engine::resolve::Resolution;
use distsys_engine::{Family, Program};
use distsys_extract::driver::{Input, Options, SourceText, extract};
use distsys_queries::model_set;

fn path_of(family: Family) -> &'static str {
    match family {
        Family::Java => "Example.java",
        Family::Python => "example.py",
        Family::Rust => "src/lib.rs",
        Family::Script => "example.ts",
    }
}

/// The example as a whole file: Python gets the imports that its dotted names ask for.
fn file(family: Family, modules: &[String], example: &str) -> String {
    match family {
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

//! Prints the resolved calls of a tree as TSV, for `tests/oracle/compare.py`.
//!
//! `call<TAB>path<TAB>start line:column<TAB>end line:column<TAB>name`, then for each function that the call may reach
//! `edge<TAB>confidence<TAB>path<TAB>first line<TAB>last line<TAB>name<TAB>class`, and `above<TAB>…` with the same columns for
//! the methods that it overrides. `function<TAB>path<TAB>first line<TAB>last line<TAB>name<TAB>abstract` lists all functions.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use distsys_engine::Program;
use distsys_engine::resolve::Resolution;
use distsys_facts::{CallKind, FunctionFlags, FunctionId, FunctionKind};
use distsys_graph::Analysis;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(path) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return Err("name the folder to read".into());
    };
    let extraction = Analysis::of_paths([path]).extract(&|_| {})?;
    let models = distsys_queries::model_set(&[])?;
    let program = Program::new(&extraction.facts);
    let resolution = Resolution::solve(&program, &models);
    let mut out = BufWriter::new(io::stdout().lock());
    let place = |id: FunctionId| {
        let row = program.function(id);
        let class = row.class.map_or("", |class| program.text(program.class(class).name));
        let (path, name) = (program.path(program.file_of_function(id)), program.text(row.name));
        format!("{path}\t{}\t{}\t{name}\t{class}", row.start.line(), row.end.line())
    };
    for row in &program.facts.relations.function {
        let hollow = u8::from(row.flags.has(FunctionFlags::ABSTRACT) || row.kind == FunctionKind::Module);
        writeln!(out, "function\t{}\t{hollow}", place(row.function))?;
    }
    for row in program.facts.relations.call.iter().filter(|row| row.kind != CallKind::Annotation) {
        let site = program.site(row.site);
        let path = program.path(program.file_of_function(site.function));
        let (start, end) = (site.start, site.end);
        writeln!(
            out,
            "call\t{path}\t{}:{}\t{}:{}\t{}",
            start.line(),
            start.column(),
            end.line(),
            end.column(),
            program.text(row.name)
        )?;
        for edge in resolution.calls_at(row.site) {
            let confidence = format!("{:?}", edge.confidence).to_lowercase();
            writeln!(out, "edge\t{confidence}\t{}", place(edge.function))?;
            let function = program.function(edge.function);
            for &ancestor in function.class.map_or(&[][..], |class| resolution.ancestors(class)) {
                if let Some(&above) = program.methods.get(&(ancestor, function.name))
                    && above != edge.function
                {
                    writeln!(out, "above\t{}", place(above))?;
                }
            }
        }
    }
    out.flush()?;
    Ok(())
}

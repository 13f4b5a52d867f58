//! Four programs compiled by `ascent`, to hold the interpreter of `query` against: `cargo run --release --example datalog tc DIR`
//! reads `DIR/*.facts` and prints the sizes of the results. `benches/datalog.sh` runs both in turns.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, run by hand")]

use std::path::Path;

use ascent::ascent_run;

fn numbers(folder: &Path, name: &str) -> Vec<Vec<i32>> {
    let text = std::fs::read_to_string(folder.join(name).with_extension("facts")).unwrap();
    text.lines().map(|line| line.split('\t').map(|cell| cell.parse().unwrap()).collect()).collect()
}

fn pairs(folder: &Path, name: &str) -> Vec<(i32, i32)> {
    numbers(folder, name).into_iter().map(|row| (row[0], row[1])).collect()
}

fn triples(folder: &Path, name: &str) -> Vec<(i32, i32, i32)> {
    numbers(folder, name).into_iter().map(|row| (row[0], row[1], row[2])).collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let folder = Path::new(&arguments[2]);
    match arguments[1].as_str() {
        "tc" => {
            let program = ascent_run! {
                relation edge(i32, i32) = pairs(folder, "edge");
                relation path(i32, i32);
                path(x, y) <-- edge(x, y);
                path(x, z) <-- path(x, y), edge(y, z);
            };
            println!("path\t{}", program.path.len());
        }
        "reach" => {
            let source: Vec<(i32,)> = numbers(folder, "source").into_iter().map(|row| (row[0],)).collect();
            let program = ascent_run! {
                relation edge(i32, i32) = pairs(folder, "edge");
                relation source(i32) = source;
                relation reach(i32, i32);
                reach(s, y) <-- source(s), edge(s, y);
                reach(s, z) <-- reach(s, y), edge(y, z);
            };
            println!("reach\t{}", program.reach.len());
        }
        "pt" => {
            let program = ascent_run! {
                relation alloc(i32, i32) = pairs(folder, "alloc");
                relation assign(i32, i32) = pairs(folder, "assign");
                relation load(i32, i32, i32) = triples(folder, "load");
                relation store(i32, i32, i32) = triples(folder, "store");
                relation vpt(i32, i32);
                relation hpt(i32, i32, i32);
                vpt(v, h) <-- alloc(v, h);
                vpt(v, h) <-- assign(v, w), vpt(w, h);
                hpt(h, f, g) <-- store(b, f, s), vpt(b, h), vpt(s, g);
                vpt(v, g) <-- load(v, b, f), vpt(b, h), hpt(h, f, g);
            };
            println!("vpt\t{}\nhpt\t{}", program.vpt.len(), program.hpt.len());
        }
        other => println!("no program is called {other}; there are tc, reach and pt"),
    }
}

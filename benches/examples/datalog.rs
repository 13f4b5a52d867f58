//! Four programs, compiled by `ascent` and run by the interpreter of `query`, with the same inputs and the same allocator:
//! `datalog ascent PROGRAM.dl DIR` and `datalog interpreter PROGRAM.dl DIR` read `DIR/*.facts` and print the sizes of the
//! results. `benches/datalog.sh` runs both in turns.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, run by hand")]

use std::collections::HashMap;
use std::path::Path;

use ascent::aggregators::{count, max, sum};
use ascent::ascent_run;
use distsys_engine::datalog::{Database, IoKind, Limits, answer, declare, parse, read};

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
    let [_, engine, program, folder] = &arguments[..] else { panic!("usage: datalog ENGINE PROGRAM.dl DIR") };
    let (program, folder) = (Path::new(program), Path::new(folder));
    match engine.as_str() {
        "interpreter" => interpreted(program, folder),
        _ => compiled(program.file_stem().unwrap().to_str().unwrap(), folder),
    }
}

fn interpreted(program: &Path, folder: &Path) {
    let text = std::fs::read_to_string(program).unwrap();
    let program = parse(&program.display().to_string(), &text, &mut |_| None).unwrap();
    let mut database = Database::default();
    declare(&program, &mut database).unwrap();
    for input in program.directives.iter().filter(|directive| directive.kind == IoKind::Input) {
        let text = std::fs::read_to_string(folder.join(input.file())).unwrap();
        read(&mut database, input, &text).unwrap();
    }
    answer(&program, &mut database, &Limits::default()).unwrap();
    for shown in program.directives.iter().filter(|directive| directive.kind != IoKind::Input) {
        let relation = database.relation(&shown.relation).unwrap();
        match shown.kind {
            IoKind::Output => relation.rows().for_each(|row| println!("{}\t{}", shown.relation, row[0])),
            _ => println!("{}\t{}", shown.relation, relation.len()),
        }
    }
}

/// Texts as numbers, as the interpreter keeps them.
#[derive(Default)]
struct Texts {
    numbers: HashMap<String, u32>,
    texts: Vec<String>,
}

impl Texts {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), self.texts.len() as u32 - 1);
        self.texts.len() as u32 - 1
    }
}

fn functions(folder: &Path, texts: &mut Texts) -> Vec<(i32, u32, u32, i32)> {
    let text = std::fs::read_to_string(folder.join("func.facts")).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        (cells[0].parse().unwrap(), texts.number(cells[1]), texts.number(cells[2]), cells[3].parse().unwrap())
    };
    text.lines().map(row).collect()
}

fn compiled(program: &str, folder: &Path) {
    match program {
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
        "neg" => negation(folder),
        other => println!("no program is called {other}; there are tc, reach, pt and neg"),
    }
}

fn negation(folder: &Path) {
    let mut texts = Texts::default();
    let functions = functions(folder, &mut texts);
    let has = |text: u32, part: &str| texts.texts[text as usize].contains(part);
    let program = ascent_run! {
        relation func(i32, u32, u32, i32) = functions;
        relation call(i32, i32) = pairs(folder, "call");
        relation root(i32);
        root(f) <-- func(f, _, n, _), if has(*n, ".main_") || has(*n, ".test_");
        relation live(i32);
        live(f) <-- root(f);
        live(g) <-- live(f), call(f, g);
        relation dead(i32);
        dead(f) <-- func(f, _, n, _), !live(f), if !has(*n, "._priv_");
        relation module(u32);
        module(m) <-- func(_, m, _, _);
        relation tested(u32);
        tested(m) <-- func(t, _, n, _), if has(*n, ".test_"), call(t, f), func(f, m, _, _);
        relation untested(u32);
        untested(m) <-- module(m), !tested(m);
        relation mdep(u32, u32);
        mdep(a, b) <-- call(f, g), func(f, a, _, _), func(g, b, _, _), if a != b;
        relation deadf(u32, i32, i32);
        deadf(m, f, l) <-- dead(f), func(f, m, _, l);
        relation deadstat(u32, i32, i32);
        deadstat(m, c as i32, x) <-- module(m), agg c = count() in deadf(m, _, _), agg x = max(l) in deadf(m, _, l);
        relation fan_in(i32, i32);
        fan_in(g, c as i32) <-- func(g, _, _, _), agg c = count() in call(_, g);
        relation mf(u32, i32, i32);
        mf(m, g, c) <-- func(g, m, _, _), fan_in(g, c);
        relation fanmax(u32, i32);
        fanmax(m, c) <-- module(m), agg c = max(l) in mf(m, _, l);
        relation sumdead(i32);
        sumdead(x) <-- agg x = sum(c) in deadstat(_, c, _);
        relation sumfan(i32);
        sumfan(x) <-- agg x = sum(c) in fanmax(_, c);
    };
    println!("root\t{}\nlive\t{}\ndead\t{}", program.root.len(), program.live.len(), program.dead.len());
    println!("tested\t{}\nuntested\t{}\nmdep\t{}", program.tested.len(), program.untested.len(), program.mdep.len());
    println!("deadstat\t{}\nfan_in\t{}", program.deadstat.len(), program.fan_in.len());
    println!("sumdead\t{}\nsumfan\t{}", program.sumdead[0].0, program.sumfan[0].0);
}

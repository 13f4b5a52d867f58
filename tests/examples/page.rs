//! Scratch: checks the cases of pages given as files; a second argument filters titles.
use distsys_graph::pages::cases;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (filter, files) = arguments.split_last().expect("files and a filter");
    for file in files {
        let text = std::fs::read_to_string(file).expect("a page");
        for case in cases(&text).iter().filter(|case| case.title.contains(filter.as_str())) {
            match case.check(|analysis| analysis) {
                Ok(()) => println!("ok {} / {}", case.section, case.title),
                Err(problem) => println!("FAIL {file} {} / {}\n{problem}", case.section, case.title),
            }
        }
    }
}

//! Same input, same output, byte for byte, whatever the number of threads.

mod support;

use support::run;

#[test]
fn threads_change_nothing() {
    // The example and the sources of this project: three languages, several hundred files.
    for folder in ["/../examples/shop", "/.."] {
        let path = format!("{}{folder}", env!("CARGO_MANIFEST_DIR"));
        let mut outputs = Vec::new();
        for jobs in ["1", "2", "8"] {
            for _ in 0..if folder.ends_with("shop") { 10 } else { 2 } {
                outputs
                    .push(run(&["check", &path, "--format", "json", "--min-confidence", "low", "--jobs", jobs]).stdout);
            }
        }
        assert!(outputs.windows(2).all(|pair| pair[0] == pair[1]), "{folder} differs between runs");
    }
}

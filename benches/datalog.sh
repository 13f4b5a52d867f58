#!/usr/bin/env bash
# The interpreter of `query` against compiled ascent on the same programs and inputs, in turns: processor seconds (user and
# system, loading included) and peak memory of each run.
# Usage: benches/datalog.sh DIR [RUNS]; DIR holds PROGRAM.dl and data/PROGRAM/*.facts for tc, reach, pt and neg.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1
runs=${2:-3}
cargo build --quiet --release -p distsys-benches --example datalog
for program in tc reach pt neg; do
    for _ in $(seq "$runs"); do
        for engine in interpreter ascent; do
            /usr/bin/time -f "$program $engine %U %S s %M KB" \
                target/release/examples/datalog "$engine" "$folder/$program.dl" "$folder/data/$program" >/dev/null
        done
    done
done

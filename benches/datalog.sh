#!/usr/bin/env bash
# The interpreter of `query` against compiled ascent on the same programs and inputs, in turns.
# Usage: benches/datalog.sh DIR [RUNS]; DIR holds PROGRAM.dl and data/PROGRAM/*.facts for tc, reach and pt.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1
runs=${2:-3}
cargo build --quiet --release -p distsys-graph
cargo build --quiet --release -p distsys-benches --example datalog
for program in tc reach pt; do
    for _ in $(seq "$runs"); do
        /usr/bin/time -f "$program interpreter %U %S s %M KB" \
            target/release/distsys-graph query "$folder/$program.dl" --facts-dir "$folder/data/$program" >/dev/null
        /usr/bin/time -f "$program ascent %U %S s %M KB" \
            target/release/examples/datalog "$program" "$folder/data/$program" >/dev/null
    done
done

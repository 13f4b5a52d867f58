#!/usr/bin/env bash
# The interpreter of `query` against compiled ascent on the same programs and inputs, and against what Souffle compiles of them where
# `souffle` is on PATH, in turns: medians of processor seconds (user and system, loading included) and of peak memory in MB.
# Usage: benches/datalog.sh DIR [RUNS]; DIR holds PROGRAM.dl and data/PROGRAM/*.facts for tc, reach, pt and neg.
set -euo pipefail
cd "$(dirname "$0")/.."
data=$1
runs=${2:-3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
engines=(interpreter ascent)
command -v souffle > /dev/null && engines+=(souffle)
cargo build --quiet --release -p distsys-benches --example datalog
echo "| program | ${engines[*]/%/ |}"
for program in tc reach pt neg; do
    if [ ${#engines[@]} = 3 ]; then
        souffle -j1 -o "$folder/souffle" "$data/$program.dl"
    fi
    for _ in $(seq "$runs"); do
        for engine in "${engines[@]}"; do
            case $engine in
                souffle) command=("$folder/souffle" -F "$data/data/$program" -D "$folder") ;;
                *) command=(target/release/examples/datalog "$engine" "$data/$program.dl" "$data/data/$program") ;;
            esac
            /usr/bin/time -o "$folder/time" -f "%U %S %M" "${command[@]}" > /dev/null
            awk '{ print $1 + $2, $3 / 1024 }' "$folder/time" >> "$folder/$program.$engine"
        done
    done
    line="| $program |"
    for engine in "${engines[@]}"; do
        median() { cut -d' ' -f"$1" "$folder/$program.$engine" | sort -g | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }
        line+=$(printf ' %.1f / %.0f |' "$(median 1)" "$(median 2)")
    done
    echo "$line"
done

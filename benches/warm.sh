#!/usr/bin/env bash
# Cold and warm on trees: warm.sh BINARY DIR… — medians of five alternating runs each (RUNS to change), seconds of the clock and of
# the processor, peak memory. Works on a copy of each tree, in which it changes one file a round.
set -euo pipefail
binary=$(realpath "$1")
shift
runs=${RUNS:-5}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
timed() { # NAME ARGUMENTS…
    local name=$1
    shift
    /usr/bin/time -o "$folder/time" -f "%e %U %S %M" "$binary" check "$folder/tree" --format json "$@" > "$folder/out.$name" || true
    tail -n 1 "$folder/time" | awk '{ print $1, $2 + $3, $4 / 1000 }' >> "$folder/$name"
}
median() { # NAME COLUMN
    cut -d' ' -f"$2" "$folder/$1" | sort -g | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'
}
echo "| tree | run | seconds | of the processor | peak MB | cache MB |"
echo "|---|---|---:|---:|---:|---:|"
for tree in "$@"; do
    rm -rf "$folder"/*
    cp -r "$tree" "$folder/tree"
    changed=$(find "$folder/tree" -path '*/node_modules' -prune -o \( -name '*.py' -o -name '*.ts' -o -name '*.rs' \) -size +4k -print | sort | head -n 1)
    comment='//'
    case $changed in *.py) comment='#' ;; esac
    sleep 2.1 # so that the times of the copy are believed
    for round in $(seq "$runs"); do
        rm -rf "$folder/cache"
        timed cold --no-cache
        timed first --cache-dir "$folder/cache"
        timed again --cache-dir "$folder/cache"
        cmp "$folder/out.cold" "$folder/out.again"
        echo "$comment $round" >> "$changed"
        timed one --cache-dir "$folder/cache"
        timed cold --no-cache
        cmp "$folder/out.cold" "$folder/out.one"
    done
    size=$(du -sm "$folder/cache" | cut -f1)
    for run in "cold:without a cache" "first:first, the cache is written" "again:nothing changed" "one:one file changed"; do
        name=${run%%:*}
        echo "| $(basename "$tree") | ${run#*:} | $(median "$name" 1) | $(median "$name" 2) | $(median "$name" 3) | $size |"
    done
done

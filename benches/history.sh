#!/usr/bin/env bash
# Warm against cold over the history of a real repository: history.sh BINARY REPOSITORY [COMMITS] [REVISION]
#
# Checks out COMMITS consecutive commits (200), oldest first, each over the one before, and runs `check` with one cache and
# without. Any difference ends the run. Prints the processor seconds of both, summed.
set -euo pipefail
binary=$(realpath "$1") repository=$(realpath "$2") commits=${3:-200} revision=${4:-HEAD}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
git -C "$repository" rev-list --first-parent -n "$commits" "$revision" | tac > "$folder/commits"
mkdir "$folder/tree"
tree=(git --git-dir="$(git -C "$repository" rev-parse --absolute-git-dir)" --work-tree="$folder/tree")
export GIT_INDEX_FILE="$folder/index"
run() { # NAME ARGUMENTS…
    local name=$1 status=0
    shift
    /usr/bin/time -a -o "$folder/$name.times" -f "%U %S" \
        "$binary" check "$folder/tree" --format json "$@" > "$folder/$name.json" 2> "$folder/$name.notes" || status=$?
    echo "$status" >> "$folder/$name.json"
    grep -v "^Command exited" "$folder/$name.times" > "$folder/rest" || true
    mv "$folder/rest" "$folder/$name.times"
    cat "$folder/$name.notes" >&2
}
count=0
while read -r commit; do
    "${tree[@]}" read-tree -u --reset "$commit" 2> /dev/null || "${tree[@]}" checkout -q -f "$commit" -- .
    run warm --cache-dir "$folder/cache"
    run cold --no-cache
    if ! cmp "$folder/warm.json" "$folder/cold.json"; then
        echo "$commit: warm and cold differ" >&2
        exit 1
    fi
    count=$((count + 1))
done < "$folder/commits"
sum() { awk '{ s += $1 + $2 } END { printf "%.1f", s }' "$folder/$1.times"; }
echo "$count commits, warm = cold at each; processor seconds: warm $(sum warm), cold $(sum cold); the cache holds $(du -sm "$folder/cache" | cut -f1) MB"

#!/usr/bin/env bash
# What people would run instead, on the same tree, in alternating runs: peers.sh TREE [RUNS]
# Medians of seconds of the clock, of the processor (user and system), and the peak of memory. `ruff`, `ast-grep` and `semgrep` are
# taken from PATH; what is not there is left out. The floor is the parse of the same files by the parsers that the tool has.
set -euo pipefail
tree=$(realpath "$1")
runs=${2:-5}
cd "$(dirname "$0")/.."
cargo build --quiet --release -p distsys-graph -p distsys-benches --example floor
cargo build --quiet --release -p distsys-graph
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The commonest languages of the tree decide what a pattern is written in.
count() { find "$tree" -name "*.$1" -not -path '*/node_modules/*' | wc -l; }
language=python
[ "$(count ts)" -gt "$(count py)" ] && language=ts
case $language in
    python) calls=(requests.get requests.post time.sleep time.time json.loads json.dumps os.getenv open print len random.random uuid.uuid4 subprocess.run datetime.now asyncio.gather asyncio.sleep cache.get cache.set logger.info logger.error) ;;
    ts) calls=(fetch axios.get axios.post setTimeout Date.now JSON.parse JSON.stringify Promise.all Promise.race console.log console.error crypto.randomUUID Math.random process.exit prisma.findMany redis.get redis.set queue.add parseInt encodeURIComponent) ;;
esac
mkdir "$folder/ast-grep" "$folder/semgrep"
echo "ruleDirs: [.]" > "$folder/ast-grep/sgconfig.yml"
echo "rules:" > "$folder/semgrep/twenty.yml"
number=0
for call in "${calls[@]}"; do
    number=$((number + 1))
    grammar=$([ $language = python ] && echo python || echo typescript)
    printf 'id: call-%s\nlanguage: %s\nrule:\n  pattern: %s($$$)\n' "$number" "$grammar" "$call" > "$folder/ast-grep/$number.yml"
    printf '  - id: call-%s\n    languages: [%s]\n    severity: INFO\n    message: call\n    pattern: %s(...)\n' "$number" "$grammar" "$call" >> "$folder/semgrep/twenty.yml"
    [ "$number" = 1 ] && cp "$folder/semgrep/twenty.yml" "$folder/semgrep/one.yml"
done

names=(check floor)
commands=("target/release/distsys-graph check --no-cache --format json $tree" "target/release/examples/floor $tree")
add() { names+=("$1"); commands+=("$2"); }
if [ $language = python ] && command -v ruff > /dev/null; then
    add "ruff check, two groups, no cache" "ruff check --no-cache --isolated --select B,ASYNC $tree"
fi
if command -v ast-grep > /dev/null; then
    add "ast-grep, one pattern" "ast-grep run --lang $language --pattern ${calls[0]}(\$\$\$) --json=stream $tree"
    add "ast-grep, twenty rules" "ast-grep scan --config $folder/ast-grep/sgconfig.yml --json=stream $tree"
fi
if command -v semgrep > /dev/null; then
    add "semgrep, one rule" "semgrep scan --metrics=off --disable-version-check --quiet --config $folder/semgrep/one.yml $tree"
    add "semgrep, twenty rules" "semgrep scan --metrics=off --disable-version-check --quiet --config $folder/semgrep/twenty.yml $tree"
fi
for _ in $(seq "$runs"); do
    for i in "${!names[@]}"; do
        read -r -a command <<< "${commands[$i]}"
        /usr/bin/time -o "$folder/time" -f "%e %U %S %M" "${command[@]}" > "$folder/out" 2> "$folder/err" || true
        tail -n 1 "$folder/time" | awk '{ print $1, $2 + $3, $4 / 1024 }' >> "$folder/times.$i"
    done
done
median() { cut -d' ' -f"$2" "$folder/times.$1" | sort -g | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }
echo "| $(basename "$tree") | seconds | of the processor | peak MB |"
echo "|---|---:|---:|---:|"
for i in "${!names[@]}"; do
    printf '| %s | %.2f | %.2f | %.0f |\n' "${names[$i]}" "$(median "$i" 1)" "$(median "$i" 2)" "$(median "$i" 3)"
done

#!/usr/bin/env bash
# Same input, same bytes: benches/determinism.sh BINARY DIR [RUNS]
# Runs `check` over DIR and over a copy of it elsewhere, in turn with 1, 2 and 4 threads and with other locales, time zones and
# homes, without a cache and then with one, and says how many different outputs there were (JSON and SARIF; one is right).
set -euo pipefail
binary=$(realpath "$1") folder=$(realpath "$2") runs=${3:-20}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
copy="$work/elsewhere, ünder another näme/tests"
mkdir -p "$copy"
# Files come in another order, and without their times.
(cd "$folder" && find . -name .git -prune -o \( -type f -o -type l \) -print | sort -r | tar -cf - --no-recursion -T -) | tar -xmf - -C "$copy"
threads=(1 2 4) locales=(C tr_TR.UTF-8 ja_JP.EUC-JP en_US.UTF-8) zones=(UTC Pacific/Kiritimati America/Los_Angeles)
outputs() {
    for ((run = 0; run < runs; run++)); do
        tree=$folder
        if ((run % 2)); then tree=$copy; fi
        cache=(--no-cache)
        # The last quarter reads what the runs before it left.
        if ((run * 4 >= runs * 3)); then cache=(--cache-dir "$work/cache"); fi
        RAYON_NUM_THREADS=${threads[run % 3]} LC_ALL=${locales[run % 4]} LANG=${locales[run % 4]} TZ=${zones[run % 3]} HOME=$work COLUMNS=$((40 + run)) \
            "$binary" check "$tree" --format "$1" --min-confidence low --preview "${cache[@]}" 2> /dev/null | sha256sum || true
    done
}
status=0
for format in json sarif; do
    different=$(outputs "$format" | sort | uniq -c | sort -rn)
    count=$(printf '%s\n' "$different" | wc -l)
    echo "$(basename "$folder") $format: $runs runs, $count different"
    if ((count != 1)); then printf '%s\n' "$different"; status=1; fi
done
exit $status

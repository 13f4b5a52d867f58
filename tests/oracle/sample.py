#!/usr/bin/env python3
"""Compares how calls are resolved with answers that were found by reading the code.

usage: sample.py SAMPLE.tsv REPOSITORY CALLS.tsv [--show]

SAMPLE.tsv has a call a line: repository, path, `line:column` of its start, name, answer. The answer is `path:line` of the function that is
called, several with ` | ` between them where a call through an interface may reach each of them, `-` where it is none of the project's,
`?` where reading does not say. A method that an interface of the project declares counts as its own where no implementation has a body to
read, and the header of a record as its constructor. The calls were drawn at random from those of the repository outside of tests and generated code; whoever
answered did not see what the tool says. CALLS.tsv is what `cargo run --release -p distsys-tests --example calls -- FOLDER` prints for a
checkout of the commit that docs/real-runs.md names.

Prints, for each confidence, how many edges lead where the answer says (precision), and how many calls of the project's own functions have
an edge to what they call (recall). A call that is answered with `?` is left out.
"""
import argparse
import collections


def answers(path, repository):
    """`{(path, start, name): set of (path, line)}`; an empty set: not of the project."""
    found = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("#") or not line.strip():
                continue
            where, file, start, name, answer = line.rstrip("\n").split("\t")
            if where != repository or answer == "?":
                continue
            targets = set() if answer == "-" else set(answer.split(" | "))
            found[(file, start, name)] = {(target.rsplit(":", 1)[0], int(target.rsplit(":", 1)[1])) for target in targets}
    return found


def resolved(path):
    """`{(path, start, name): [(confidence, path, first line, last line)]}`"""
    found, current = collections.defaultdict(list), None
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            kind, *cells = line.rstrip("\n").split("\t")
            if kind == "call":
                current = found[(cells[0], cells[1], cells[3])]
            elif kind == "edge":
                current.append((cells[0], cells[1], int(cells[2]), int(cells[3])))
    return found


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("sample")
    arguments.add_argument("repository")
    arguments.add_argument("calls")
    arguments.add_argument("--show", action="store_true", help="the calls on which tool and reader differ")
    options = arguments.parse_args()
    expected, calls = answers(options.sample, options.repository), resolved(options.calls)
    edges, agreed = collections.Counter(), collections.Counter()
    own = reached = missing = 0
    for key, targets in sorted(expected.items()):
        if key not in calls:
            missing += 1
            continue
        is_reached = False
        for confidence, path, first, last in calls[key]:
            # A doc comment or an annotation may stand above the line that a reader names.
            is_right = any(path == file and first <= line <= last for file, line in targets)
            edges[confidence] += 1
            agreed[confidence] += is_right
            is_reached |= is_right
            if options.show and not is_right:
                print("wrong  ", *key, f"-> {path}:{first} ({confidence}), not {sorted(targets) or 'of the project'}")
        if targets:
            own += 1
            reached += is_reached
            if options.show and not is_reached:
                print("missing", *key, f"-> {sorted(targets)}")
    print(f"{options.repository}: {len(expected)} calls answered, {own} of them of the project's functions")
    for confidence in sorted(edges):
        print(f"{confidence}: {agreed[confidence]} of {edges[confidence]} edges agree")
    print(f"recall: {reached} of {own}")
    if missing:
        print(f"{missing} calls are not there: another commit?")


if __name__ == "__main__":
    main()

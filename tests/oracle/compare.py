#!/usr/bin/env python3
"""Compares how calls are resolved with an index that a compiler made (SCIP).

usage: compare.py FOLDER CALLS.tsv INDEX.scip [--show N]

CALLS.tsv is what `cargo run --release -p distsys-tests --example calls -- FOLDER` prints; INDEX.scip is what `scip-typescript index`
or `scip-python index` wrote in the same folder. Prints, for each confidence, how many edges agree with the index (precision), and how
many calls of the project's own functions are resolved as the index says (recall).

A call counts where the index says what its name refers to. An edge is right if it leads to that definition, to a method that
overrides it, or to the constructor of that class, which may be inherited. Where the definition is a variable, a field or a
parameter of the project that holds a function, the index does not say which; such calls are not judged. Calls whose definition
has no body (interfaces, overloads, stubs) or is a class without a constructor are left out of recall: there is nothing to
resolve them to.
"""
import argparse
import collections
import os


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def fields(data):
    """The fields of a protobuf message: number and value (bytes or integer)."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = varint(data, at)
        elif wire == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        elif wire == 5:
            value, at = data[at:at + 4], at + 4
        elif wire == 1:
            value, at = data[at:at + 8], at + 8
        else:
            raise ValueError(f"wire type {wire} is not of SCIP")
        yield number, value


def occurrences(document):
    """`(line, column, end column, symbol, is definition)`, lines and columns from 1; path first (scip.proto: Document)."""
    path, found = "", []
    for number, value in fields(document):
        if number == 1:
            path = value.decode()
        elif number == 2:
            place, symbol, roles = [], "", 0
            for field, inner in fields(value):
                if field == 1:
                    at = 0
                    while at < len(inner):
                        part, at = varint(inner, at)
                        place.append(part)
                elif field == 2:
                    symbol = inner.decode()
                elif field == 3:
                    roles = inner
            if len(place) in (3, 4) and symbol:
                end = place[2] if len(place) == 3 else place[3]
                found.append((place[0] + 1, place[1] + 1, end + 1, symbol, bool(roles & 1)))
    return path, found


def read_index(file):
    data = open(file, "rb").read()
    definitions, references = {}, {}
    for number, value in fields(data):
        if number != 2:
            continue
        path, found = occurrences(value)
        rows = references.setdefault(path, [])
        for line, column, end, symbol, defines in found:
            key = (path, symbol) if symbol.startswith("local ") else symbol
            if defines:
                definitions.setdefault(key, (path, line))
            else:
                rows.append((line, column, end, key))
    return definitions, references


def read_calls(file):
    functions, calls = collections.defaultdict(list), []
    for text in open(file, encoding="utf-8"):
        row = text.rstrip("\n").split("\t")
        if row[0] == "function":
            functions[row[1]].append((int(row[2]), int(row[3]), row[4], row[5], row[6] == "1"))
        elif row[0] == "call":
            start, end = (tuple(map(int, part.split(":"))) for part in row[2:4])
            calls.append({"path": row[1], "start": start, "end": end, "name": row[4], "edges": []})
        elif row[0] == "edge":
            target = (row[2], int(row[3]), int(row[4]), row[5], row[6])
            calls[-1]["edges"].append({"confidence": row[1], "targets": [target]})
        elif row[0] == "above":
            calls[-1]["edges"][-1]["targets"].append((row[1], int(row[2]), int(row[3]), row[4], row[5]))
    return functions, calls


def pair(folder, calls, references):
    """Each reference belongs to the smallest call around it that has its name."""
    by_path = collections.defaultdict(list)
    for call in calls:
        by_path[call["path"]].append(call)
    for path, inside in by_path.items():
        with open(os.path.join(folder, path), encoding="utf-8", errors="replace") as file:
            source = file.read().split("\n")
        lines = collections.defaultdict(list)
        for line, column, end, key in references.get(path, []):
            lines[line].append((column, end, key))
        taken = set()
        size = lambda call: (call["end"][0] - call["start"][0], call["end"][1] - call["start"][1])
        for call in sorted(inside, key=size):
            for line in range(call["start"][0], call["end"][0] + 1):
                for column, end, key in lines.get(line, []):
                    at = (line, column)
                    fits = call["start"] <= at < call["end"] and at not in taken
                    if fits and "symbol" not in call and source[line - 1][column - 1:end - 1] == call["name"]:
                        call["symbol"] = key
                        taken.add(at)


def function_at(functions, path, line, name):
    """The innermost function that begins at a definition."""
    found = None
    for first, last, called, class_, hollow in functions.get(path, []):
        if first <= line <= last and (called == name or (called == "closure" and first == line)):
            if found is None or last - first < found[1] - found[0]:
                found = (first, last, called, class_, hollow)
    return found


CONSTRUCTORS = ("__init__", "__new__", "__post_init__", "constructor")


def constructor(functions, place, name):
    """The first line of the constructor that a class defines itself."""
    if not place:
        return None
    rows = [row for row in functions.get(place[0], []) if row[2] in CONSTRUCTORS and row[3] == name and row[0] >= place[1]]
    return min((row[0] for row in rows), default=None)


def is_target(target, place):
    path, first, last, name, class_ = target
    return path == place[0] and first - 1 <= place[1] <= last


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder")
    options.add_argument("calls")
    options.add_argument("index")
    options.add_argument("--show", type=int, default=0, help="print so many disagreements of each kind")
    arguments = options.parse_args()
    definitions, references = read_index(arguments.index)
    functions, calls = read_calls(arguments.calls)
    calls = [call for call in calls if call["path"] in references]
    pair(arguments.folder, calls, references)
    right, wrong = collections.Counter(), collections.Counter()
    found = missed = 0
    shown = collections.Counter()
    for call in calls:
        if "symbol" not in call:
            continue
        symbol = call["symbol"]
        if isinstance(symbol, str) and symbol.endswith("`<constructor>`()."):
            symbol = symbol.removesuffix("`<constructor>`().")
        place = definitions.get(symbol)
        # A member of a type that has no name.
        if not place and not isinstance(symbol, str):
            continue
        is_class = isinstance(symbol, str) and symbol.endswith("#")
        target = place and function_at(functions, place[0], place[1], call["name"])
        is_parameter = isinstance(symbol, str) and symbol.endswith(")")
        if place and (is_parameter or not target and not is_class):
            continue
        say = f'{call["path"]}:{call["start"][0]} {call["name"]} -> {place}'
        own = is_class and constructor(functions, place, call["name"])
        agrees = False
        for edge in call["edges"]:
            fits = place and any(is_target(one, place) for one in edge["targets"])
            # One of several signatures of the same function.
            fits = fits or (target and target[4] and any(one[0] == place[0] and one[3] == target[2] for one in edge["targets"]))
            constructs = is_class and any(one[3] in CONSTRUCTORS for one in edge["targets"])
            fits = fits or (constructs and (not own or any(one[0] == place[0] and one[1] == own for one in edge["targets"])))
            agrees = agrees or fits
            (right if fits else wrong)[edge["confidence"]] += 1
            if not fits and shown[edge["confidence"]] < arguments.show:
                shown[edge["confidence"]] += 1
                print("wrong", edge["confidence"], say, "we:", edge["targets"][0])
        if own or (target and not target[4]):
            if agrees:
                found += 1
            else:
                missed += 1
                if shown["missed"] < arguments.show:
                    shown["missed"] += 1
                    print("missed", say)
    for confidence in ("high", "medium", "low"):
        edges = right[confidence] + wrong[confidence]
        if edges:
            print(f"{confidence}: {right[confidence]} of {edges} edges agree ({100 * right[confidence] / edges:.1f} %)")
    print(f"recall: {found} of {found + missed} calls ({100 * found / max(1, found + missed):.1f} %)")


main()

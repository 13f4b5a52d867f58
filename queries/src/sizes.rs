//! How many elements a collection may have, as far as the code says.

use distsys_engine::meaning::{Found, Meaning};
use distsys_engine::words::words;
use distsys_engine::{Attr, OpKind};
use distsys_facts::schema::{Call, Load};
use distsys_facts::{FunctionFlags, ParameterKind, RegionKind, SiteId, Sym, VarId};
use rustc_hash::FxHashSet;

use crate::Context;

/// Chains of steps from a collection to what it is made from are followed this far.
const MAX_STEPS: usize = 12;

/// Calls that give a part of limited size.
const CUTTING: &[&str] = &[
    "slice",
    "chunk",
    "chunks",
    "chunked",
    "take",
    "batch",
    "batched",
    "batches",
    "islice",
    "first",
    "limit",
    "splice",
    "head",
    "sample",
    "windows",
    "array_chunks",
    "sampleSize",
    "subList",
];

/// Whether the code bounds how many elements the collection has: a literal, a page, a slice, a constant count.
pub(crate) fn is_bounded(context: &Context<'_>, collection: VarId) -> bool {
    is_bounded_within(context, collection, MAX_FILLS)
}

/// Lists that are filled from lists are followed this far.
const MAX_FILLS: u32 = 3;

fn is_bounded_within(context: &Context<'_>, collection: VarId, fills: u32) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let mut at = collection;
    for _ in 0..MAX_STEPS {
        // `[row.id for row in rows]`
        if let Some(row) =
            program.binary_by_dst.first(&r.binary, at).filter(|row| program.text(row.operator) == "[for]")
        {
            at = row.left;
            continue;
        }
        // `[...new Set(ids)]`
        let mut spread = program.element_by_var.of(&r.element, at).filter_map(|row| program.loaded_as(row.value));
        if let Some(load) = spread.find(|load| program.text(load.field) == "[*]") {
            at = load.base;
            continue;
        }
        let literal = program.element_by_var.of(&r.element, at).next().is_some()
            || program.entry_by_var.of(&r.entry, at).next().is_some();
        if literal || named_for_a_part(context, at) || meaning.constant(at).is_some() || is_configured(context, at) {
            return true;
        }
        // What a function named for a part is given, alone or in an object.
        let given = program.parameter(at).or_else(|| program.parameter(program.loaded_as(at)?.base));
        if given
            .is_some_and(|row| row.kind != ParameterKind::Receiver && is_of_few(context.named_function(row.function)))
        {
            return true;
        }
        if is_compared(context, at)
            || is_of_enumeration(context, at)
            || is_declared_small(context, at)
            || is_filled_from_bounded(context, at, fills)
        {
            return true;
        }
        // What all callers bound.
        if fills > 0 && program.parameter(at).is_some_and(|row| row.kind != ParameterKind::Receiver) {
            let mut given = meaning.resolution.passed_to(at).map(|row| row.argument).peekable();
            return given.peek().is_some() && given.all(|var| is_bounded_within(context, var, fills - 1));
        }
        if let Some(call) = program.call_giving(at) {
            let name = program.text(call.name);
            if cuts(name) {
                return true;
            }
            if asks_for_a_page(context, call.site) {
                return true;
            }
            if is_declared_limited(context, call.site) {
                return true;
            }
            if meaning.operations.at(call.site).any(|op| op.kind == OpKind::DbRead || op.kind == OpKind::Sql) {
                return is_limited_query(context, call.site) || is_linked_by_one(context, call.site);
            }
            // What a function of the project gives, whatever it is given to ask with.
            let given = given_by_project(context, call);
            if fills > 0 && !given.is_empty() && given.into_iter().all(|var| is_bounded_within(context, var, fills - 1))
            {
                return true;
            }
            // What the closure of a transaction gives.
            let given = given_by_transaction(context, call);
            if !given.is_empty() {
                return fills > 0 && given.into_iter().all(|var| is_bounded_within(context, var, fills - 1));
            }
            if is_of_few(name) {
                return true;
            }
            let mut arguments = program.arguments(call.site).peekable();
            if name == "range" {
                return arguments.all(|argument| meaning.constant(argument.var).is_some());
            }
            // The object that a function of the project is a member of is not what it gives.
            if !meaning.resolution.calls_at(call.site).is_empty() && call.receiver.is_some() {
                return false;
            }
            // `Object.keys(x)`, `list(x)`, `x.filter(…)`: as many as `x` has.
            let first = arguments.peek().map(|argument| argument.var);
            match (call.receiver.filter(|receiver| !is_named(context, *receiver)), first) {
                (Some(receiver), _) => at = receiver,
                (None, Some(first)) if meaning.resolution.calls_at(call.site).is_empty() => at = first,
                _ => return false,
            }
            continue;
        }
        // What is in a set and not in another, in both, in either.
        let sets = program
            .binary_by_dst
            .first(&r.binary, at)
            .and_then(|row| Some((program.text(row.operator), row.left, row.right?)));
        match sets {
            Some(("-", left, _)) => {
                at = left;
                continue;
            }
            Some(("&", left, right)) if fills > 0 => {
                return [left, right].into_iter().any(|var| is_bounded_within(context, var, fills - 1));
            }
            Some(("|", left, right)) if fills > 0 => {
                return [left, right].into_iter().all(|var| is_bounded_within(context, var, fills - 1));
            }
            _ => {}
        }
        if let Some(range) = program.binary_by_dst.first(&r.binary, at) {
            return program.text(range.operator) == "[..]"
                || program.text(range.operator).starts_with("..")
                    && range.right.is_some_and(|end| meaning.constant(end).is_some());
        }
        if let Some(row) = program.assigned_from(at).next() {
            at = row.src;
        } else if let Some(load) = program.loaded_as(at).filter(|load| program.text(load.field) == "[*]") {
            // One of the parts that a loop runs over.
            return program.call_giving(load.base).is_some_and(|call| cuts(program.text(call.name)));
        } else if let Some(load) = program.loaded_as(at).filter(|load| program.text(load.field) == "[&]") {
            // What a call has put into it.
            at = load.base;
        } else if let Some(load) = program.loaded_as(at).filter(|load| holds_rows(context, load)) {
            // `const { rows } = await pool.query(…)`
            at = load.base;
        } else if let Some(original) = meaning.resolution.imported(at) {
            at = original;
        } else {
            return false;
        }
    }
    false
}

/// Whether a field of what a query gave is what it has found.
fn holds_rows(context: &Context<'_>, load: &Load) -> bool {
    let meaning = context.meaning;
    let named = matches!(
        meaning.program.text(load.field),
        "rows" | "Items" | "items" | "records" | "results" | "docs" | "hits" | "data"
    );
    let mut made = meaning.made_from(load.base).into_iter().filter_map(|var| meaning.program.call_giving(var));
    // What another system answers in pages, too: `const { data } = await stripe.invoices.list({ limit: 20 })`.
    let gives_rows = |kind: OpKind| matches!(kind, OpKind::DbRead | OpKind::Sql | OpKind::HttpRequest);
    named && made.any(|call| meaning.operations.at(call.site).any(|op| gives_rows(op.kind)))
}

/// Whether the elements are of an enumeration by the schema that the input was checked with, or by all of them that know a list
/// of this name: `z.object({ zones: z.array(z.enum(ZONES)) })`. There are as many as it has members.
fn is_of_enumeration(context: &Context<'_>, list: VarId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let Some(load) = program.loaded_as(list).filter(|load| !program.text(load.field).starts_with('[')) else {
        return false;
    };
    let checks =
        |call: &Call| matches!(program.text(call.name), "parse" | "safeParse" | "parseAsync" | "safeParseAsync");
    let checked = context.meaning.made_from(load.base).into_iter().filter_map(|var| program.call_giving(var));
    let schemas = checked.filter(|call| checks(call)).filter_map(|call| call.receiver);
    let declared = schemas.flat_map(|schema| parts_of_schema(context, schema));
    let declared = declared.flat_map(|part| program.entry_by_var.of(&r.entry, part));
    let mut declared: Vec<VarId> = declared.filter(|row| row.key == load.field).map(|row| row.value).collect();
    if declared.is_empty() {
        declared = program.entries_under(load.field).map(|row| row.value).collect();
    }
    let names = |schema: VarId| {
        let calls = parts_of_schema(context, schema).into_iter().filter_map(|part| program.call_giving(part));
        calls.map(|call| program.text(call.name)).collect::<Vec<&str>>()
    };
    let mut lists = declared.into_iter().map(names).filter(|names| names.contains(&"array")).peekable();
    let is_enumeration = |names: Vec<&str>| {
        let has = |known: &[&str]| names.iter().any(|name| known.contains(name));
        has(&["enum", "nativeEnum", "picklist", "keyof"]) && !has(&["or", "union", "string", "number", "any"])
    };
    lists.peek().is_some() && lists.all(is_enumeration)
}

/// What a schema is made of: `array(enum(…)).optional()`, `preprocess(split, array(zone))`.
fn parts_of_schema(context: &Context<'_>, schema: VarId) -> Vec<VarId> {
    let program = context.meaning.program;
    let (mut parts, mut stack) = (Vec::new(), vec![schema]);
    while let Some(at) = stack.pop().filter(|_| parts.len() < MAX_SCHEMA) {
        let at = context.meaning.resolution.imported(at).unwrap_or(at);
        if parts.contains(&at) {
            continue;
        }
        parts.push(at);
        stack.extend(program.assigned_from(at).map(|row| row.src));
        if let Some(call) = program.call_giving(at) {
            stack.extend(call.receiver);
            stack.extend(program.arguments(call.site).map(|row| row.var));
        }
    }
    parts
}

/// A schema is made by so many calls.
const MAX_SCHEMA: usize = 24;

/// What functions of the project that a call may run return.
fn given_by_project(context: &Context<'_>, call: &Call) -> Vec<VarId> {
    let meaning = context.meaning;
    let r = &meaning.program.facts.relations;
    let edges = meaning.resolution.calls_at(call.site).iter();
    let returned = edges.flat_map(|edge| meaning.program.returns_by_function.of(&r.returns, edge.function));
    returned.filter_map(|row| row.var).collect()
}

/// Whether a call of this name gives a part of limited size.
fn cuts(name: &str) -> bool {
    CUTTING.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// What a collection is known by: where it comes from, and the member of an object that it is loaded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    Value(VarId),
    Member(Sym, VarId),
}

/// Whether a look at its size decides: `if (ids.length > 100) throw …`, `assert len(ids) <= LIMIT`.
fn is_compared(context: &Context<'_>, at: VarId) -> bool {
    let measured = context.known.measured.get_or_init(|| all_measured(context));
    origins(context, at).into_iter().flatten().any(|origin| measured.contains(&origin))
}

/// All collections whose size is compared with more than nothing.
fn all_measured(context: &Context<'_>) -> FxHashSet<Origin> {
    let meaning = context.meaning;
    let program = meaning.program;
    let of_length = |var: VarId| {
        let load = program.loaded_as(var)?;
        matches!(program.text(load.field), "length" | "size").then_some(load.base)
    };
    let of_call = |var: VarId| {
        let call = program.call_giving(var)?;
        let counts = matches!(program.text(call.name), "len" | "size" | "count");
        let of = call.receiver.or_else(|| program.arguments(call.site).next().map(|row| row.var));
        of.filter(|_| counts)
    };
    let is_small = |var: VarId| meaning.constant(var).is_some_and(|text| matches!(text, "0" | "1"));
    let mut measured = FxHashSet::default();
    for row in &program.facts.relations.binary {
        let Some(right) = row.right.filter(|_| matches!(program.text(row.operator), ">" | ">=" | "<" | "<=")) else {
            continue;
        };
        for (side, other) in [(row.left, right), (right, row.left)] {
            let mut of = of_length(side).into_iter().chain(of_call(side)).peekable();
            if of.peek().is_some() && !is_small(other) {
                measured.extend(of.flat_map(|var| origins(context, var)).flatten());
            }
        }
    }
    measured
}

/// Where a collection comes from, and the member of an object that this is loaded from.
fn origins(context: &Context<'_>, var: VarId) -> [Option<Origin>; 2] {
    let program = context.meaning.program;
    let origin = |var: VarId| {
        let mut at = var;
        for _ in 0..MAX_STEPS {
            let Some(source) = program.only_source(at) else { break };
            at = source;
        }
        at
    };
    let value = origin(var);
    let member = program.loaded_as(value).map(|load| Origin::Member(load.field, origin(load.base)));
    [Some(Origin::Value(value)), member]
}

/// Whether two variables are one, or are loaded from one field of one object.
fn is_same(context: &Context<'_>, left: VarId, right: VarId) -> bool {
    let right = origins(context, right);
    origins(context, left).into_iter().flatten().any(|origin| right.contains(&Some(origin)))
}

/// Words by which schemas and validators bound a list.
fn says_most(name: &str) -> bool {
    matches!(
        name,
        "max"
            | "maxItems"
            | "max_items"
            | "max_length"
            | "maxLength"
            | "ArrayMaxSize"
            | "MaxLen"
            | "max_len"
            | "arrayMaxSize"
    )
}

/// Whether what checks the input says how many there may be: `z.array(…).max(50)`, `Field(max_length=50)`, `@ArrayMaxSize(50)`.
fn is_declared_small(context: &Context<'_>, at: VarId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let parameter = program.parameter(at).map(|row| (row.name, row.type_));
    if parameter.is_some_and(|(_, type_)| says_most_in(program.text(type_))) {
        return true;
    }
    let Some(name) = program.loaded_as(at).map(|load| load.field).or(parameter.map(|(name, _)| name)) else {
        return false;
    };
    if program.text(name).len() < 2 {
        return false;
    }
    let bounded = |value: VarId| {
        let mut next = program.call_giving(value);
        for _ in 0..MAX_STEPS {
            let Some(call) = next else { return false };
            let told = program.arguments(call.site).any(|row| {
                says_most(program.text(row.keyword))
                    || program.entry_by_var.of(&r.entry, row.var).any(|entry| says_most(program.text(entry.key)))
            });
            if told || says_most(program.text(call.name)) {
                return true;
            }
            next = call.receiver.and_then(|receiver| program.call_giving(receiver));
        }
        false
    };
    let of_object = program.entries_under(name).any(|row| {
        bounded(row.value)
            || program.entry_by_var.of(&r.entry, row.value).any(|entry| says_most(program.text(entry.key)))
    });
    let of_class = program.fields_named(name).any(|row| {
        says_most_in(program.text(row.type_))
            || row.value.is_some_and(bounded)
            || program
                .field_annotation_by_class
                .of(&r.field_annotation, row.class)
                .filter(|annotation| annotation.name == name)
                .filter_map(|annotation| program.call(annotation.site))
                .any(|call| {
                    says_most(program.written_name(call))
                        || program.arguments(call.site).any(|row| says_most(program.text(row.keyword)))
                })
    });
    of_object || of_class
}

/// `Annotated[list[str], Field(max_length=50)]`, `conlist(str, max_items=50)`
fn says_most_in(type_: &str) -> bool {
    type_.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word != "max" && says_most(word))
}

/// Whether a list starts empty and gets its elements in a loop over a bounded one.
fn is_filled_from_bounded(context: &Context<'_>, at: VarId, depth: u32) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    if depth == 0 || program.variable(at).is_none() {
        return false;
    }
    let mut fills = program
        .calls_by_receiver
        .of(&r.call, at)
        .filter(|call| matches!(program.text(call.name), "append" | "push" | "add" | "push_back" | "insert"))
        .peekable();
    fills.peek().is_some()
        && fills.all(|call| {
            let around =
                program.regions_outward(program.site(call.site).region).find(|row| row.kind == RegionKind::Loop);
            let over = around.and_then(|row| program.iterates_by_region.first(&r.iterates, row.region));
            over.is_some_and(|row| is_bounded_within(context, row.var, depth - 1)) || is_one_of_few(context, call)
        })
}

/// Whether a collection is put together from literals only, here or by all who give it.
fn is_of_literals(context: &Context<'_>, collection: VarId) -> bool {
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let (mut stack, mut seen) = (vec![collection], Vec::new());
    while let Some(at) = stack.pop() {
        if seen.contains(&at) {
            continue;
        }
        if seen.len() > MAX_STEPS {
            return false;
        }
        seen.push(at);
        let is_literal = program.element_by_var.of(&r.element, at).next().is_some()
            || program.entry_by_var.of(&r.entry, at).next().is_some();
        if is_literal {
            continue;
        }
        let before = stack.len();
        if program.parameter(at).is_some() {
            stack.extend(meaning.resolution.passed_to(at).map(|row| row.argument));
        } else if let Some(call) = program.call_giving(at) {
            let is_set = matches!(program.written_name(call), "set" | "frozenset" | "Set");
            stack.extend(program.arguments(call.site).filter(|_| is_set).map(|row| row.var));
        } else if let Some(row) = program.binary_by_dst.first(&r.binary, at) {
            stack.extend([Some(row.left), row.right].into_iter().flatten());
        } else {
            stack.extend(program.assigned_from(at).map(|row| row.src));
            stack.extend(meaning.resolution.imported(at));
        }
        if stack.len() == before {
            return false;
        }
    }
    true
}

/// Whether what is added to a set is asked for first among a bounded collection: `if kind in {"flow", "task"}: found.add(kind)`.
fn is_one_of_few(context: &Context<'_>, call: &Call) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let mut given = program.arguments(call.site).map(|row| row.var);
    let (Some(added), None, "add") = (given.next(), given.next(), program.text(call.name)) else { return false };
    let decisions = context.decisions(call.site).into_iter();
    // `if ready and kind in kinds`
    let parts = decisions.flat_map(|asked| context.meaning.made_from(asked).into_iter().chain([asked]));
    parts.into_iter().any(|asked| {
        let within = program.binary_by_dst.of(&r.binary, asked).filter(|row| program.text(row.operator) == "in");
        let among = within.filter(|row| is_same(context, row.left, added)).filter_map(|row| row.right);
        let asks = program
            .call_giving(asked)
            .filter(|call| matches!(program.text(call.name), "includes" | "has" | "contains"));
        let called = asks
            .filter(|call| program.arguments(call.site).any(|row| is_same(context, row.var, added)))
            .and_then(|call| call.receiver);
        among.chain(called).any(|kinds| is_of_literals(context, kinds))
    })
}

fn is_named(context: &Context<'_>, var: VarId) -> bool {
    let program = context.meaning.program;
    program.global(var).is_some()
        || (program.import(var).is_some() && context.meaning.resolution.imported(var).is_none())
}

/// What the closures that a transaction runs, or who lends a connection, give to its caller.
fn given_by_transaction<'m>(context: &Context<'m>, call: &Call) -> Vec<VarId> {
    let meaning: &'m Meaning<'m> = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let holds = |kind: OpKind| matches!(kind, OpKind::TxScope | OpKind::ConnectionAcquire);
    let is_transaction = meaning.operations.at(call.site).any(|op| holds(op.kind))
        || words(program.text(call.name)).iter().any(|word| word == "transaction");
    let closures = program.arguments(call.site).filter_map(|row| program.closure(row.var)).filter(|_| is_transaction);
    closures.flat_map(|closure| program.returns_by_function.of(&r.returns, closure)).filter_map(|row| row.var).collect()
}

/// Whether a function is named for a part of limited size, or for what there is little of.
pub(crate) fn is_of_few(function: &str) -> bool {
    let name = function.rsplit('.').next().unwrap_or(function);
    words(name).iter().any(|word| is_few(word) && !matches!(word.as_str(), "top" | "window" | "slice"))
}

/// Whether a list comes out of a configuration, which somebody has written: `config.get("PEERS")`, `settings.peers`.
fn is_configured(context: &Context<'_>, var: VarId) -> bool {
    let program = context.meaning.program;
    let says = |text: &str| {
        let is_of_settings =
            |word: &str| matches!(word, "config" | "configuration" | "cfg" | "conf" | "settings" | "env" | "environ");
        words(text).iter().any(|word| is_of_settings(word))
    };
    let is_settings = |var: VarId| {
        let named = program.variable(var).map(|row| row.name).or_else(|| program.loaded_as(var).map(|load| load.field));
        named.is_some_and(|name| says(program.text(name)))
    };
    let held = |load: &Load| !program.text(load.field).starts_with('[') && is_settings(load.base);
    program.loaded_as(var).is_some_and(held)
        || program.call_giving(var).is_some_and(|call| {
            let asks = program.text(call.name).starts_with("get") && call.receiver.is_some_and(is_settings);
            asks || context.meaning.operations.at(call.site).any(|op| op.kind == OpKind::ConfigRead)
        })
}

/// `for chunk in chunks(…)`: the outer loop has cut it.
fn named_for_a_part(context: &Context<'_>, var: VarId) -> bool {
    let program = context.meaning.program;
    let name = program
        .variable(var)
        .map(|row| row.name)
        .or_else(|| program.parameter(var).map(|row| row.name))
        .or_else(|| program.loaded_as(var).map(|load| load.field))
        .map(|name| program.text(name))
        .unwrap_or_default();
    words(name).iter().any(|word| is_few(word))
}

/// A part that was cut off, or what there is little of.
fn is_few(word: &str) -> bool {
    matches!(
        word,
        "chunk"
            | "chunks"
            | "batch"
            | "page"
            | "slice"
            | "window"
            | "top"
            | "shards"
            | "replicas"
            | "nodes"
            | "peers"
            // Few people hold a role, and one belongs to few groups.
            | "admin"
            | "admins"
            | "owner"
            | "owners"
            | "authentications"
            | "invitations"
            | "memberships"
            | "organizations"
            | "providers"
    )
}

/// Whether a call of the project or a library says which page it wants: `list({ page, per_page: 50 })`.
fn asks_for_a_page(context: &Context<'_>, site: distsys_facts::SiteId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let says = |text: &str| {
        matches!(
            text,
            "page"
                | "cursor"
                | "pageSize"
                | "page_size"
                | "per_page"
                | "perPage"
                | "limit"
                | "startingAfter"
                | "starting_after"
        )
    };
    program.arguments(site).any(|argument| {
        says(program.text(argument.keyword))
            || program.entry_by_var.of(&r.entry, argument.var).any(|row| says(program.text(row.key)))
    }) || asks_for_so_many(context, site)
}

/// Whether a function of the project that gives a list is told how many it may give: `pop(queue, count)`.
fn asks_for_so_many(context: &Context<'_>, site: distsys_facts::SiteId) -> bool {
    let meaning = context.meaning;
    let says_count = |name: &str| {
        matches!(name, "count" | "n" | "size" | "max" | "limit") || {
            let words = words(name);
            let is_of_number =
                |word: &str| matches!(word, "count" | "size" | "items" | "results" | "messages" | "number");
            words.iter().any(|word| word == "limit")
                || words.iter().any(|word| matches!(word.as_str(), "max" | "batch" | "page"))
                    && words.iter().any(|word| is_of_number(word))
        }
    };
    meaning.resolution.passed_at(site).iter().any(|row| {
        meaning
            .program
            .parameter(row.parameter)
            .is_some_and(|parameter| says_count(meaning.program.text(parameter.name)))
    })
}

/// Whether a statement that stands on the method called, which has no body, bounds what it gives:
/// `@SqlQuery("SELECT … LIMIT :n")`.
fn is_declared_limited(context: &Context<'_>, site: distsys_facts::SiteId) -> bool {
    let meaning = context.meaning;
    let is_declared = |site: distsys_facts::SiteId| {
        meaning.program.function(context.function_of(site)).flags.has(FunctionFlags::ABSTRACT)
    };
    let mut reads = meaning.effects.at(site).filter(|(effect, _)| effect.kind == OpKind::DbRead);
    reads.any(|(effect, _)| match meaning.trace(site, &effect)[..] {
        [_, declared] => is_declared(declared) && is_limited_query(context, declared),
        _ => false,
    })
}

/// Whether what is read is what one person has linked by hand: the channels, devices, connected accounts of a user.
fn is_linked_by_one(context: &Context<'_>, site: SiteId) -> bool {
    const LINKED: &[&str] = &[
        "channel",
        "connection",
        "credential",
        "device",
        "devicetoken",
        "installation",
        "integration",
        "linkedaccount",
        "emailaccount",
        "oauthaccount",
        "pushsubscription",
        "pushtoken",
        "socialaccount",
    ];
    const PERSONS: &[&str] =
        &["account", "customer", "employee", "member", "owner", "patient", "person", "profile", "user"];
    let meaning = context.meaning;
    let mut read = meaning.effects.at(site).filter(|(effect, _)| effect.kind == OpKind::DbRead);
    let is_link = read.any(|(effect, _)| {
        meaning.text(effect.entity).is_some_and(|entity| LINKED.iter().any(|link| entity.ends_with(link)))
    });
    let is_of_one = |column: &&str| {
        let said = words(column);
        said.len() > 1
            && said.last().is_some_and(|word| word == "id")
            && said.iter().any(|word| PERSONS.contains(&word.as_str()))
    };
    is_link && !asks_for_several(context, site) && meaning.columns_filtered(site).iter().any(is_of_one)
}

/// Whether a query asks for the rows of several at once, or says in SQL which it asks for: `{ userId: { in: ids } }`.
fn asks_for_several(context: &Context<'_>, site: SiteId) -> bool {
    const MAX_DEPTH: u32 = 3;
    let meaning = context.meaning;
    let program = meaning.program;
    let r = &program.facts.relations;
    let given = meaning.chain_arguments(site);
    let is_text = given.iter().any(|var| program.sql_by_var.of(&r.sql, *var).next().is_some());
    let in_list = program.arguments(site).any(|row| program.text(row.keyword).ends_with("__in"));
    let mut stack: Vec<(VarId, u32)> = given.into_iter().map(|var| (var, 0)).collect();
    while let Some((var, depth)) = stack.pop() {
        for row in program.entry_by_var.of(&r.entry, program.held_at(var)).filter(|_| depth <= MAX_DEPTH) {
            if matches!(program.text(row.key), "in" | "$in" | "not" | "NOT") {
                return true;
            }
            stack.push((row.value, depth + 1));
        }
    }
    is_text || in_list
}

fn is_limited_query(context: &Context<'_>, site: SiteId) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let says = |text: &str| {
        matches!(
            text,
            "limit"
                | "take"
                | "first"
                | "Limit"
                | "page_size"
                | "pageSize"
                | "per_page"
                | "setMaxResults"
                | "maxResults"
        )
    };
    let told =
        context.meaning.operations.at(site).any(|op| context.meaning.attribute(op, Attr::Limit) != Found::Absent);
    let options = program.arguments(site).any(|argument| {
        says(program.text(argument.keyword))
            || context
                .meaning
                .made_from(argument.var)
                .into_iter()
                .any(|var| program.entry_by_var.of(&r.entry, var).any(|row| says(program.text(row.key))))
    });
    let chained = program.call(site).and_then(|call| call.receiver).is_some_and(|receiver| {
        context
            .meaning
            .made_from(receiver)
            .into_iter()
            .filter_map(|var| program.call_giving(var))
            .any(|call| says(program.text(call.name)))
    });
    let limited =
        context.meaning.chain_arguments(site).into_iter().any(|argument| {
            program.sql_by_var.of(&r.sql, argument).any(|row| program.text(row.clauses).contains("limit"))
        });
    told || options || chained || limited
}

//! Reading a model file: TOML to [`Library`], with every unknown word refused.

use toml::{Table, Value};

use super::pattern::Pattern;
use super::set::Library;
use super::source::{Condition, Source};
use super::{
    Callback, Container, Declares, Generated, Handed, Makes, OpModel, Provides, Registry, Returned, Returns, ScopeKind,
    Sets, Slot, SqlHandle, Stub,
};
use crate::operation::{Attr, OpKind};

pub(super) fn library(text: &str) -> Result<Library, String> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let mut library = Library::default();
    for (key, value) in &table {
        match key.as_str() {
            "library" => library.name = string(key, value)?,
            "modules" => library.modules = strings(key, value)?,
            "alias" => {
                for (from, to) in value.as_table().ok_or("`alias` must be a table")? {
                    library.aliases.push((from.clone(), string(from, to)?));
                }
            }
            "constants" => {
                for (name, text) in value.as_table().ok_or("`constants` must be a table")? {
                    library.constants.push((name.clone(), string(name, text)?));
                }
            }
            "failures" => library.failures = strings(key, value)?,
            "timeouts" => library.timeouts = strings(key, value)?,
            "makes" => library.makes.extend(each(key, value, makes)?),
            "sets" => library.sets.extend(each(key, value, sets)?),
            "returns" => library.returns.extend(each(key, value, returns)?),
            "declares" => library.declares.extend(each(key, value, declares)?),
            "carrier" => {
                for entry in tables(key, value)? {
                    for (key, value) in entry {
                        match key.as_str() {
                            "type" => library.carriers.extend(strings(key, value)?),
                            "detached" => library.detached.extend(strings(key, value)?),
                            "answered" => library.answered.extend(strings(key, value)?),
                            "answers" => library.answers.extend(strings(key, value)?),
                            "bounding" => library.bounding.extend(strings(key, value)?),
                            _ => {
                                let message = format!(
                                    "[[carrier]]: unknown key `{key}`; known are `type`, `detached`, `answered`, `answers`, `bounding`"
                                );
                                return Err(message);
                            }
                        }
                    }
                }
            }
            "stub" => library.stubs.extend(each(key, value, stub)?),
            "sql_handle" => library.sql_handles.extend(each(key, value, sql_handle)?),
            "generated" => library.generated.extend(each(key, value, generated)?),
            "holder" => library.holders.extend(named(key, value, "type")?),
            "extended" => library.extended.extend(named(key, value, "type")?),
            "unstored" => library.unstored.extend(named(key, value, "annotation")?),
            "container" => library.containers.extend(each(key, value, container)?),
            "handed" => library.handed.extend(each(key, value, handed)?),
            "registry" => library.registries.extend(each(key, value, registry)?),
            "provides" => library.provides.extend(each(key, value, provides)?),
            "related" => library.related.extend(named(key, value, "call")?),
            "handle" => {
                for (key, value) in tables(key, value)?.into_iter().flatten() {
                    match key.as_str() {
                        "type" => library.handles.extend(strings(key, value)?),
                        "primary" => library.primary.extend(strings(key, value)?),
                        _ => return Err(format!("[[handle]]: unknown key `{key}`; known are `type`, `primary`")),
                    }
                }
            }
            "builder" => library.builders.extend(named(key, value, "type")?),
            "promise" => library.promises.extend(named(key, value, "type")?),
            "subscribed" => library.subscribed.extend(named(key, value, "type")?),
            "op" => {
                for entry in tables(key, value)? {
                    library.ops.push(op(entry).map_err(|error| format!("[[op]] {}: {error}", name_of(entry)))?);
                }
            }
            _ => {
                return Err(format!(
                    "unknown key `{key}`; known are library, modules, alias, constants, failures, timeouts, returns, makes, sets, declares, provides, handle, builder, promise, subscribed, stub, sql_handle, generated, carrier, holder, extended, related, unstored, container, handed, registry, op"
                ));
            }
        }
    }
    if library.name.is_empty() {
        return Err("`library = \"…\"` is missing".to_owned());
    }
    Ok(library)
}

fn name_of(entry: &Table) -> String {
    entry.get("call").or_else(|| entry.get("shape")).map(|value| value.to_string()).unwrap_or_default()
}

fn returns(entry: &Table) -> Result<Returns, String> {
    let (mut patterns, mut returned) = (Vec::new(), None);
    for (key, value) in entry {
        match key.as_str() {
            "call" => patterns = self::patterns(key, value)?,
            "type" => {
                let text = string(key, value)?;
                returned = Some(match text.as_str() {
                    "self" => Returned::SelfType,
                    "receiver" => Returned::Receiver,
                    "class" => Returned::OfClass,
                    _ => returned_of(text)?,
                });
            }
            _ => return Err(format!("unknown key `{key}`; known are call, type")),
        }
    }
    let returned = returned.ok_or("`type` is missing")?;
    if patterns.is_empty() {
        return Err("`call` is missing".to_owned());
    }
    Ok(Returns { patterns, returned })
}

/// `0`, `call(0)`, `of(0)`, `instance(0)`, `member(0, 1)`, `named(Meta.model)`, `value(queryset)`, or a type's name.
fn returned_of(text: String) -> Result<Returned, String> {
    let within = |word: &str| text.strip_prefix(word)?.strip_prefix('(')?.strip_suffix(')');
    let position = |written: &str| written.trim().parse::<usize>().map_err(|_| format!("`{text}` is no type"));
    if let Ok(position) = text.parse::<usize>() {
        return Ok(Returned::Argument(position));
    }
    if let Some(written) = within("of") {
        return Ok(Returned::Of(position(written)?));
    }
    if let Some(written) = within("instance") {
        return Ok(Returned::InstanceOf(position(written)?));
    }
    if let Some(written) = within("on") {
        return Ok(Returned::InstanceOn(position(written)?));
    }
    if let Some(written) = within("call") {
        return Ok(Returned::CallOf(position(written)?));
    }
    if let Some(written) = within("waited") {
        return Ok(Returned::Waited(position(written)?));
    }
    if let Some(written) = within("pairs") {
        return Ok(Returned::Pairs(position(written)?));
    }
    if let Some(written) = within("named") {
        return Ok(Returned::Named(names(written)));
    }
    if let Some(written) = within("value") {
        return Ok(Returned::Held(names(written)));
    }
    if let Some((object, name)) = within("member").and_then(|written| written.split_once(',')) {
        return Ok(Returned::MemberOf(position(object)?, position(name)?));
    }
    Ok(Returned::Type(text))
}

fn names(written: &str) -> Vec<String> {
    written.split(',').map(|name| name.trim().to_owned()).collect()
}

fn handed(entry: &Table) -> Result<Handed, String> {
    let mut handed = Handed::default();
    for (key, value) in entry {
        match key.as_str() {
            "of" => handed.of = patterns(key, value)?,
            "methods" => handed.methods = strings(key, value)?,
            "parameter" => {
                let position = value.as_integer().and_then(|position| usize::try_from(position).ok());
                handed.parameter = position.ok_or("`parameter` must be a position")?;
            }
            "type" => match returned_of(string(key, value)?)? {
                Returned::Named(names) => handed.named = names,
                Returned::Type(type_) => handed.type_ = type_,
                _ => return Err("`type` must be `named(…)` or a type of the library".to_owned()),
            },
            _ => return Err(format!("unknown key `{key}`; known are of, methods, parameter, type")),
        }
    }
    let is_typed = !handed.named.is_empty() || !handed.type_.is_empty();
    match handed.of.is_empty() || handed.methods.is_empty() || !is_typed {
        true => Err("`of`, `methods` and `type` are needed".to_owned()),
        false => Ok(handed),
    }
}

fn registry(entry: &Table) -> Result<Registry, String> {
    let mut registry = Registry::default();
    for (key, value) in entry {
        match key.as_str() {
            "register" => registry.register = patterns(key, value)?,
            "base" => registry.base = patterns(key, value)?,
            "beside" => registry.beside = string(key, value)?,
            "given" => registry.given = string(key, value)?,
            "members" => registry.members = strings(key, value)?,
            _ => return Err(format!("unknown key `{key}`; known are register, base, beside, given, members")),
        }
    }
    match registry.register.is_empty() && registry.base.is_empty()
        || registry.beside.is_empty() != registry.given.is_empty()
    {
        true => Err("`register` or `base` is needed, and `beside` and `given` together or not at all".to_owned()),
        false => Ok(registry),
    }
}

fn stub(entry: &Table) -> Result<Stub, String> {
    let mut stub = Stub::default();
    for (key, value) in entry {
        match key.as_str() {
            "on" => stub.on = strings(key, value)?,
            "type" => stub.type_ = string(key, value)?,
            _ => return Err(format!("unknown key `{key}`; known are on, type")),
        }
    }
    match stub.on.is_empty() || stub.type_.is_empty() {
        true => Err("`on` or `type` is missing".to_owned()),
        false => Ok(stub),
    }
}

fn sql_handle(entry: &Table) -> Result<SqlHandle, String> {
    let mut handle = SqlHandle::default();
    for (key, value) in entry {
        match key.as_str() {
            "methods" => handle.methods = strings(key, value)?,
            "made_by" => handle.made_by = strings(key, value)?,
            "type" => handle.type_ = string(key, value)?,
            _ => return Err(format!("unknown key `{key}`; known are methods, made_by, type")),
        }
    }
    match handle.methods.is_empty() || handle.type_.is_empty() {
        true => Err("`methods` or `type` is missing".to_owned()),
        false => Ok(handle),
    }
}

fn container(entry: &Table) -> Result<Container, String> {
    let mut container = Container::default();
    for (key, value) in entry {
        match key.as_str() {
            "register" => container.register = patterns(key, value)?,
            "resolve" => container.resolve = patterns(key, value)?,
            "holds" => container.holds = string(key, value)?,
            "class" => container.classes = strings(key, value)?,
            "function" => container.functions = strings(key, value)?,
            "value" => container.values = strings(key, value)?,
            _ => {
                return Err(format!("unknown key `{key}`; known are register, resolve, holds, class, function, value"));
            }
        }
    }
    match container.register.is_empty() || container.holds.is_empty() {
        true => Err("`register` or `holds` is missing".to_owned()),
        false => Ok(container),
    }
}

fn generated(entry: &Table) -> Result<Generated, String> {
    let mut generated = Generated::default();
    for (key, value) in entry {
        match key.as_str() {
            "imports" => generated.imports = string(key, value)?,
            "package" => generated.package = string(key, value)?,
            _ => return Err(format!("unknown key `{key}`; known are imports, package")),
        }
    }
    match generated.imports.is_empty() || generated.package.is_empty() {
        true => Err("`imports` or `package` is missing".to_owned()),
        false => Ok(generated),
    }
}

fn makes(entry: &Table) -> Result<Makes, String> {
    let mut makes = Makes::default();
    for (key, value) in entry {
        match key.as_str() {
            "call" => makes.patterns = patterns(key, value)?,
            "fields" => {
                for (name, from) in value.as_table().ok_or("`fields` must be a table")? {
                    makes.fields.push((name.clone(), sources(name, from)?));
                }
            }
            "pairs" => makes.pairs = value.as_bool().ok_or("`pairs` must be true or false")?,
            "copies" => makes.copies = sources(key, value)?,
            _ => return Err(format!("unknown key `{key}`; known are call, fields, pairs, copies")),
        }
    }
    match makes.patterns.is_empty() {
        true => Err("`call` is missing".to_owned()),
        false => Ok(makes),
    }
}

fn sets(entry: &Table) -> Result<Sets, String> {
    let mut sets = Sets::default();
    for (key, value) in entry {
        match key.as_str() {
            "call" => sets.patterns = patterns(key, value)?,
            "key" => sets.key = sources(key, value)?,
            "value" => sets.value = sources(key, value)?,
            "into" => {
                let position = value.as_str().and_then(|text| text.parse().ok());
                sets.into = Some(position.ok_or("`into` must be the position of an argument")?);
            }
            "entries" => sets.entries = sources(key, value)?,
            _ => return Err(format!("unknown key `{key}`; known are call, key, value, into, entries")),
        }
    }
    let one = !sets.key.is_empty() && !sets.value.is_empty();
    match !sets.patterns.is_empty() && (one || !sets.entries.is_empty()) {
        true => Ok(sets),
        false => Err("`call` and either `key` and `value` or `entries` are needed".to_owned()),
    }
}

fn declares(entry: &Table) -> Result<Declares, String> {
    let mut declares = Declares::default();
    for (key, value) in entry {
        match key.as_str() {
            "annotation" => declares.annotation = string(key, value)?,
            "entity" => declares.entity = strings(key, value)?,
            "names" => {
                for (name, type_) in value.as_table().ok_or("`names` must be a table")? {
                    declares.names.push((name.clone(), string(name, type_)?));
                }
            }
            "implements" => declares.implements = value.as_bool().ok_or("`implements` must be true or false")?,
            _ => return Err(format!("unknown key `{key}`; known are annotation, names, entity, implements")),
        }
    }
    if declares.annotation.is_empty() {
        return Err("`annotation` is missing".to_owned());
    }
    Ok(declares)
}

fn provides(entry: &Table) -> Result<Provides, String> {
    let mut provides = Provides::default();
    for (key, value) in entry {
        match key.as_str() {
            "annotation" => provides.annotation = string(key, value)?,
            "name" => provides.name = strings(key, value)?,
            "asked" => provides.asked = strings(key, value)?,
            "fills" => provides.fills = strings(key, value)?,
            "first" => provides.first = string(key, value)?,
            _ => return Err(format!("unknown key `{key}`; known are annotation, name, asked, fills, first")),
        }
    }
    if provides.annotation.is_empty() {
        return Err("`annotation` is missing".to_owned());
    }
    Ok(provides)
}

fn op(entry: &Table) -> Result<OpModel, String> {
    let mut kind = None;
    let mut op = OpModel {
        library: 0,
        patterns: Vec::new(),
        shapes: Vec::new(),
        files: Vec::new(),
        classes: Vec::new(),
        derives: Vec::new(),
        takes: Vec::new(),
        typed: Vec::new(),
        reads: Vec::new(),
        kind: OpKind::Apply,
        when: Vec::new(),
        routed: Vec::new(),
        attributes: Vec::new(),
        scopes: Vec::new(),
        callbacks: Vec::new(),
        gives: Vec::new(),
        chain: false,
        deferred: false,
        rendezvous: false,
        handlers: Vec::new(),
        client: Vec::new(),
        unit: None,
        examples: Vec::new(),
    };
    for (key, value) in entry {
        match key.as_str() {
            "call" => op.patterns = patterns(key, value)?,
            "shape" => op.shapes = patterns(key, value)?,
            "files" => op.files = patterns(key, value)?,
            "classes" => op.classes = patterns(key, value)?,
            "derives" => op.derives = patterns(key, value)?,
            "takes" => op.takes = patterns(key, value)?,
            "typed" => op.typed = patterns(key, value)?,
            "reads" => op.reads = strings(key, value)?,
            "kind" => {
                let name = string(key, value)?;
                kind = Some(OpKind::from_name(&name).ok_or_else(|| format!("unknown kind `{name}`"))?);
            }
            "when" => {
                for text in strings(key, value)? {
                    op.when.push(Condition::parse(&text)?);
                }
            }
            "routed" => {
                for text in strings(key, value)? {
                    op.routed.push(Condition::parse(&text)?);
                }
            }
            "scope" => {
                for text in strings(key, value)? {
                    op.scopes.push(scope(&text)?);
                }
            }
            "callback" => {
                for text in strings(key, value)? {
                    let of = text.strip_prefix("methods(").and_then(|rest| rest.strip_suffix(')'));
                    let listeners = text.strip_prefix("listeners(").and_then(|rest| rest.strip_suffix(')'));
                    if let Some(name) = listeners {
                        op.callbacks.push(Callback::Listeners(name.to_owned()));
                        continue;
                    }
                    let heard = text.strip_prefix("heard(").and_then(|rest| rest.strip_suffix(')'));
                    if let Some(heard) = heard {
                        let (what, whose) = heard.split_once(", ").unwrap_or((heard, ""));
                        let whose = if whose.is_empty() { Vec::new() } else { Source::parse_all(whose)? };
                        op.callbacks.push(Callback::Heard { what: Source::parse_all(what)?, whose });
                        continue;
                    }
                    op.callbacks.push(match (text.as_str(), of) {
                        ("decorated", _) => Callback::Decorated,
                        (_, Some("decorated")) => Callback::MethodsDecorated,
                        (_, Some(of)) => Callback::Methods(Source::parse_all(of)?),
                        _ => Callback::At(Source::parse_all(&text)?),
                    });
                }
            }
            "handlers" => {
                for (method, serves) in value.as_table().ok_or("`handlers` must be a table")? {
                    op.handlers.push((method.clone(), string(method, serves)?));
                }
            }
            "gives" => op.gives = strings(key, value)?,
            "chain" => op.chain = value.as_bool().ok_or("`chain` must be true or false")?,
            "rendezvous" => op.rendezvous = value.as_bool().ok_or("`rendezvous` must be true or false")?,
            "deferred" => op.deferred = value.as_bool().ok_or("`deferred` must be true or false")?,
            "unit" => {
                op.unit = Some(match string(key, value)?.as_str() {
                    "ms" => 1.0,
                    "s" => 1000.0,
                    "min" => 60_000.0,
                    other => return Err(format!("unknown unit `{other}`; known are ms, s, min")),
                });
            }
            "client" => op.client = sources(key, value)?,
            "example" => op.examples = strings(key, value)?,
            _ => {
                let attr = Attr::from_name(key).ok_or_else(|| {
                    let known: Vec<&str> = Attr::ALL.iter().map(|attr| attr.name()).collect();
                    format!("unknown key `{key}`; attributes are {}", known.join(", "))
                })?;
                op.attributes.push((attr, sources(key, value)?));
            }
        }
    }
    op.kind = kind.ok_or("`kind` is missing")?;
    let named = [&op.patterns, &op.shapes, &op.files, &op.classes, &op.derives, &op.takes, &op.typed];
    if named.iter().all(|patterns| patterns.is_empty()) && op.reads.is_empty() {
        return Err("`call`, `shape`, `files`, `classes`, `derives`, `takes`, `typed` or `reads` is missing".to_owned());
    }
    let of_class = |callback: &Callback| matches!(callback, Callback::Methods(_) | Callback::MethodsDecorated);
    let names_them = !op.files.is_empty() || !op.classes.is_empty() || !op.derives.is_empty();
    if op.handlers.is_empty() == (op.callbacks.iter().any(of_class) || names_them) {
        return Err(
            "`handlers` and `callback = \"methods(…)\"`, `files`, `classes` or `derives` need each other".to_owned()
        );
    }
    if !op.gives.is_empty() && op.callbacks.is_empty() && op.classes.is_empty() {
        return Err("`gives` needs `callback` or `classes`".to_owned());
    }
    if op.examples.is_empty() && op.files.is_empty() && op.classes.is_empty() {
        return Err("`example` is missing: a line of code whose last call is the operation".to_owned());
    }
    Ok(op)
}

fn scope(text: &str) -> Result<ScopeKind, String> {
    Ok(match text {
        "with" => ScopeKind::With,
        "decorator" => ScopeKind::Decorator,
        "guard" => ScopeKind::Guard,
        "open" => ScopeKind::Open,
        "client" => ScopeKind::Client,
        "chain" => ScopeKind::Chain,
        "call" => ScopeKind::Call,
        "function" => ScopeKind::Function,
        "passed" => ScopeKind::Passed,
        "handlers" => ScopeKind::Handlers,
        _ => {
            let slot = text.strip_prefix("callback(").and_then(|rest| rest.strip_suffix(')'));
            let slot = slot.ok_or_else(|| {
                format!("unknown scope `{text}`; known are with, decorator, callback(…), guard, open, client, chain, call, function, handlers, passed")
            })?;
            ScopeKind::Callback(match slot.parse::<usize>() {
                Ok(position) => Slot::Position(position),
                Err(_) => Slot::Named(slot.to_owned()),
            })
        }
    })
}

fn sources(key: &str, value: &Value) -> Result<Vec<Source>, String> {
    let mut all = Vec::new();
    for text in strings(key, value)? {
        all.extend(Source::parse_all(&text).map_err(|error| format!("`{key}`: {error}"))?);
    }
    Ok(all)
}

fn patterns(key: &str, value: &Value) -> Result<Vec<Pattern>, String> {
    Ok(strings(key, value)?.iter().flat_map(|text| Pattern::parse(text)).collect())
}

fn string(key: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        _ => Err(format!("`{key}` must be text")),
    }
}

fn strings(key: &str, value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::Array(values) => values.iter().map(|value| string(key, value)).collect(),
        value => Ok(vec![string(key, value)?]),
    }
}

/// What the tables of a `kind` name under the one key that they have.
fn named(kind: &str, value: &Value, known: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for (key, value) in tables(kind, value)?.into_iter().flatten() {
        if key != known {
            return Err(format!("[[{kind}]]: unknown key `{key}`; known is `{known}`"));
        }
        names.extend(strings(key, value)?);
    }
    Ok(names)
}

/// The entries of a section, each read.
fn each<T>(key: &str, value: &Value, read: impl Fn(&Table) -> Result<T, String>) -> Result<Vec<T>, String> {
    let read = |entry: &Table| read(entry).map_err(|error| format!("[[{key}]]: {error}"));
    tables(key, value)?.into_iter().map(read).collect()
}

fn tables<'v>(key: &str, value: &'v Value) -> Result<Vec<&'v Table>, String> {
    let entries = value.as_array().ok_or_else(|| format!("`{key}` must be a list of tables, as [[{key}]]"))?;
    entries.iter().map(|entry| entry.as_table().ok_or_else(|| format!("`{key}` must be a list of tables"))).collect()
}

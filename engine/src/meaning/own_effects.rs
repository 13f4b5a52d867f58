//! What one operation does: its effects, by its model's attributes and by the SQL that it runs.

use distsys_facts::{ClassId, FunctionFlags, FunctionId, ParameterKind, SiteId, SqlVerb, VarId, names_version};

use super::built_statements::{self, locked_later};
use super::effects::{Effect, EffectFlags};
use super::inference::asks_model;
use super::operations::{Found, Operand, Operation, Operations};
use super::reader::Reader;
use super::terms::{Describer, Role, Term};
use crate::operation::{Attr, OpKind};
use crate::words::{is_idempotency_key, words};

/// SQL text that the caller gave, read.
pub(super) fn of_sql_text(describer: &mut Describer<'_, '_>, effect: Effect) -> Effect {
    if effect.entity.pattern().is_none() {
        return effect;
    }
    match statements_of_text(describer, effect.entity).first() {
        Some(row) => of_statement(describer, effect, row, None),
        None => Effect { entity: Term::Unknown, ..effect },
    }
}

/// What an SQL text reads beside its first table.
pub(super) fn joined_in_text(describer: &mut Describer<'_, '_>, text: Term, read: Effect) -> Vec<Effect> {
    let rows = statements_of_text(describer, text);
    rows.iter().skip(1).map(|row| of_statement(describer, read, row, None)).collect()
}

fn statements_of_text(describer: &Describer<'_, '_>, text: Term) -> Vec<distsys_facts::schema::Sql> {
    let Some(text) = text.pattern() else { return Vec::new() };
    let program = describer.reader.program;
    let Some(symbol) = program.facts.symbols.lookup(describer.names.text(text)) else { return Vec::new() };
    program.sql_of_text(symbol).copied().collect()
}

/// The effect of a statement; `filled` is what stands for its table if that is put together.
fn of_statement(
    describer: &mut Describer<'_, '_>,
    effect: Effect,
    row: &distsys_facts::schema::Sql,
    filled: Option<Term>,
) -> Effect {
    let program = describer.reader.program;
    let has = |clause: &str| program.has_clause(row, clause);
    let entity = match filled {
        Some(filled) => describer.as_entity(filled),
        // Which of the templates that are alike it is, and so what fills its holes, is not known.
        None if program.text(row.table).starts_with('{') => Term::Unknown,
        None => {
            let table = describer.names.intern(program.text(row.table));
            describer.as_entity(Term::Text(table))
        }
    };
    let mut flags = effect.flags;
    let (kind, verb) = match row.verb {
        SqlVerb::Select if has("session_lock") => (OpKind::SessionLock, ""),
        SqlVerb::Select if has("session_unlock") => (OpKind::SessionUnlock, ""),
        SqlVerb::Select => {
            if ["for_update", "for_share", "transaction_lock"].into_iter().any(has) {
                flags = flags | EffectFlags::ROW_LOCK;
            }
            (OpKind::DbRead, "select")
        }
        SqlVerb::Insert if has("increment") => (OpKind::DbWrite, "increment"),
        SqlVerb::Insert if has("on_conflict") => (OpKind::DbWrite, "upsert"),
        SqlVerb::Insert => (OpKind::DbWrite, "insert"),
        SqlVerb::Update if has("increment") => (OpKind::DbWrite, "increment"),
        SqlVerb::Update => (OpKind::DbWrite, "update"),
        SqlVerb::Delete => (OpKind::DbWrite, "delete"),
        SqlVerb::Transaction => {
            let first = describer.reader.program.text(row.columns);
            (transaction_kind(first), "")
        }
        SqlVerb::Ddl | SqlVerb::Other => {
            // Of two transactions that read what the other writes one is refused: as good as a lock of all that is read.
            if has("serializable") {
                flags = flags | EffectFlags::ROW_LOCK;
            }
            (OpKind::Sql, "")
        }
    };
    // A new row has no version yet that could be asked for.
    if has("atomic_where") || has("version") && verb != "insert" || has("if_absent") {
        flags = flags | EffectFlags::CONDITIONAL;
    }
    if has("newer_wins") {
        flags = flags | EffectFlags::BY_CLOCK;
    }
    let verb = if verb.is_empty() { Term::Unknown } else { Term::Text(describer.names.intern(verb)) };
    Effect { kind, verb, entity, flags, ..effect }
}

/// What stands for the table of a statement that is put together: `UPDATE {TABLE} SET …`.
fn filler(describer: &mut Describer<'_, '_>, row: &distsys_facts::schema::Sql) -> Option<Term> {
    let program = describer.reader.program;
    let index: u32 = program.text(row.table).strip_prefix('{')?.strip_suffix('}')?.parse().ok()?;
    let mut holes = program.hole_by_var.of(&program.facts.relations.hole, row.var);
    Some(holes.find(|hole| hole.index == index).map_or(Term::Unknown, |hole| describer.describe(hole.value)))
}

fn transaction_kind(word: &str) -> OpKind {
    match word.to_ascii_lowercase().as_str() {
        "commit" | "end" => OpKind::TxCommit,
        "rollback" => OpKind::TxRollback,
        _ => OpKind::TxBegin,
    }
}

/// Whether a statement that a call is given is done where its time is the later one.
fn is_built_by_time(reader: Reader<'_, '_>, op: &Operation, statement: VarId) -> bool {
    let made = reader.maker(statement).map(|call| Operation { site: call.site, call: call.site, ..*op });
    reader.is_newer_by_excluded(op) || made.is_some_and(|made| reader.newer_wins(&made, false))
}

/// The effects of one operation; most kinds have none.
pub(super) fn effects_of(describer: &mut Describer<'_, '_>, operations: &Operations, op: &Operation) -> Vec<Effect> {
    use OpKind::*;
    let attribute = |describer: &mut Describer<'_, '_>, attr: Attr| {
        let found = describer.reader.attribute(op, attr);
        describer.term(&found)
    };
    let mut effect = Effect {
        kind: op.kind,
        verb: Term::Unknown,
        entity: Term::Unknown,
        role: Role::Unknown,
        key: Term::Absent,
        flags: EffectFlags::default(),
    };
    match op.kind {
        HttpRequest => {
            effect.verb = attribute(describer, Attr::Method);
            effect.verb = lower_case(describer, effect.verb);
            effect.entity = attribute(describer, Attr::Url);
            effect.key = attribute(describer, Attr::IdempotencyKey);
            if effect.key == Term::Absent
                && let Some(declared) = operations.decorated(op.site)
            {
                effect.key = match declared_key(describer.reader, declared) {
                    Some(parameter) => describer.describe(parameter),
                    None if says_in_annotations(describer.reader, op, declared) => Term::Unknown,
                    None => Term::Absent,
                };
            }
            if effect.key == Term::Absent && says_its_key(describer, operations, op) {
                effect.key = Term::Unknown;
            }
            if asks_model(describer.reader, op) {
                effect.flags = effect.flags | EffectFlags::COMPUTED;
            }
        }
        Rpc | Payment | Notify => {
            effect.entity = attribute(describer, Attr::Entity);
            effect.key = attribute(describer, Attr::IdempotencyKey);
        }
        DbRead | DbWrite => {
            let entity = describer.reader.attribute(op, Attr::Entity);
            let entity = describer.entity_term(&entity);
            effect.entity = describer.as_entity(entity);
            if effect.entity == Term::Unknown
                && let Some(class) = op.via.class.filter(|class| !describer.reader.resolution.is_held(*class))
            {
                effect.entity = describer.entity_of(class);
            }
            effect.verb = attribute(describer, Attr::Verb);
            if op.kind == DbWrite && counts_on(describer, operations, op, effect.verb) {
                effect.verb = Term::Text(describer.names.intern("increment"));
            }
            effect.role = role_of(describer, op);
            let inserts = matches!(effect.verb, Term::Text(name) if describer.names.text(name) == "insert");
            if op.kind == DbWrite
                && (!inserts && (is_versioned(describer.reader, op) || describer.reader.adds_what_is_not_there(op))
                    || asks_what_it_sets(describer, op, effect.verb))
            {
                effect.flags = effect.flags | EffectFlags::CONDITIONAL;
            }
            let replaces = matches!(effect.verb, Term::Text(name) if describer.names.text(name) == "upsert");
            if op.kind == DbWrite && describer.reader.newer_wins(op, replaces) {
                effect.flags = effect.flags | EffectFlags::BY_CLOCK | EffectFlags::CONDITIONAL;
            }
            let reader = describer.reader;
            if is_there(&reader.attribute(op, Attr::Condition)) {
                effect.flags =
                    effect.flags | if op.kind == DbRead { EffectFlags::ROW_LOCK } else { EffectFlags::CONDITIONAL };
                // Rows are locked on the primary, whoever else is asked for rows.
                if op.kind == DbRead && effect.role == Role::Replica {
                    effect.role = Role::Primary;
                }
            } else if op.kind == DbRead {
                effect = locked_later(reader, effect, reader.put_later(op, Attr::Condition, op.site));
            }
        }
        Sql => {
            effect.role = role_of(describer, op);
            let found = describer.reader.attribute(op, Attr::Sql);
            if let Found::Is(Operand::Var(var)) = &found {
                if describer.reader.waits_for_replica(*var) {
                    return vec![Effect { kind: ReplicaSync, ..effect }];
                }
                let rows = statements(describer.reader, *var);
                if !rows.is_empty() {
                    let of_each = rows.iter().map(|row| {
                        let filled = filler(describer, row);
                        of_statement(describer, effect, row, filled)
                    });
                    return of_each.collect();
                }
                if let Some(mut whole) = built_statements::of_built(describer, operations, effect, *var) {
                    if whole.kind == DbWrite && is_built_by_time(describer.reader, op, *var) {
                        whole.flags = whole.flags | EffectFlags::BY_CLOCK | EffectFlags::CONDITIONAL;
                    }
                    let within = built_statements::read_within(describer, operations, effect, *var);
                    return std::iter::once(whole).chain(within).collect();
                }
            }
            effect.entity = match &found {
                Found::Is(Operand::Var(var)) => built_statements::begun(describer.reader, *var),
                _ => None,
            }
            .unwrap_or_else(|| describer.term(&found));
            if effect.entity.pattern().is_some() {
                effect = of_sql_text(describer, effect);
            }
        }
        TxBegin | TxCommit | TxRollback | TxScope | ReplicaSync | Consensus | Sleep | Delivery => {}
        CacheRead | CacheWrite | CacheDelete | ObjectRead | ObjectWrite => {
            let space = describer.space(op);
            if let Some(swept) = describer.swept(op) {
                effect.key = describer.in_space(&space, op.kind, swept);
                return vec![effect];
            }
            if matches!(op.kind, CacheWrite | CacheDelete) {
                let keys = describer.keys_given(op);
                if !keys.is_empty() {
                    let keys = keys.into_iter().map(|key| describer.in_space(&space, op.kind, key));
                    return keys.map(|key| Effect { key, ..effect }).collect();
                }
            }
            effect.key = attribute(describer, Attr::Key);
            effect.key = describer.in_space(&space, op.kind, effect.key);
            effect.entity = attribute(describer, Attr::Entity);
            // `INCR`
            if describer.reader.model(op).attribute(Attr::Verb).is_some() {
                effect.verb = attribute(describer, Attr::Verb);
            }
            if is_there(&describer.reader.attribute(op, Attr::Condition)) {
                effect.flags = effect.flags | EffectFlags::CONDITIONAL;
            }
        }
        LockAcquire | LockRelease | LockExtend => effect.key = attribute(describer, Attr::Key),
        Publish | Enqueue => {
            effect.entity = attribute(describer, Attr::Entity);
            let handler = attribute(describer, Attr::Handler);
            if let Term::Function(_) = handler {
                effect.entity = handler;
            }
            effect.key = attribute(describer, Attr::IdempotencyKey);
            if is_there(&describer.reader.attribute(op, Attr::Transaction)) {
                effect.flags = effect.flags | EffectFlags::TRANSACTIONAL;
            }
            let redelivered = describer.reader.model(op).attribute(Attr::Redelivered);
            if redelivered.is_some_and(|sources| describer.reader.is_text(op, sources, "false")) {
                effect.flags = effect.flags | EffectFlags::LOSSY;
            }
        }
        Ack | Nack | Send | Receive | GuardRelease | ConnectionRelease => {}
        _ => return Vec::new(),
    }
    vec![effect]
}

/// How deep in a payload a key is looked for.
const MAX_PAYLOAD_DEPTH: u32 = 3;

/// The parameter that a declared request takes its idempotency key as: `@Header("Idempotency-Key") String key`.
fn declared_key(reader: Reader<'_, '_>, function: FunctionId) -> Option<VarId> {
    let program = reader.program;
    let annotated =
        program.parameter_annotation_by_function.of(&program.facts.relations.parameter_annotation, function);
    let mut named = annotated.filter(|row| {
        program.arguments(row.site).any(|argument| reader.constant(argument.var).is_some_and(is_idempotency_key))
    });
    let index = named.next()?.index;
    program.parameters(function).find(|row| row.index == index).map(|row| row.var)
}

/// Whether another annotation of a declared request says its headers, the key among them: `@Headers("Idempotency-Key: {id}")`.
fn says_in_annotations(reader: Reader<'_, '_>, op: &Operation, function: FunctionId) -> bool {
    let program = reader.program;
    let r = &program.facts.relations;
    let beside = program.annotation_by_function.of(&r.function_annotation, function).filter(|row| row.site != op.site);
    let mut given = beside.flat_map(|row| program.arguments(row.site)).flat_map(|row| {
        let elements = program.element_by_var.of(&r.element, row.var).map(|element| element.value);
        std::iter::once(row.var).chain(elements)
    });
    given.any(|var| {
        reader.constant(var).is_some_and(|text| text.split([':', '=']).next().is_some_and(is_idempotency_key))
    })
}

/// Whether what a request sends has an entry or field that is named for an idempotency key.
fn says_its_key(describer: &Describer<'_, '_>, operations: &Operations, op: &Operation) -> bool {
    let reader = describer.reader;
    let program = reader.program;
    let r = &program.facts.relations;
    // Of a declared request what its method takes.
    let declared = operations.decorated(op.site).into_iter().flat_map(|function| program.parameters(function));
    let given = reader.chain_arguments(op.site).into_iter().chain(declared.map(|row| row.var));
    let mut stack: Vec<(VarId, u32)> = given.map(|var| (var, 0)).collect();
    while let Some((var, depth)) = stack.pop() {
        if depth > MAX_PAYLOAD_DEPTH {
            continue;
        }
        let object = reader.object(var).unwrap_or(var);
        for entry in program.entry_by_var.of(&r.entry, object) {
            if is_idempotency_key(program.text(entry.key)) {
                return true;
            }
            stack.push((entry.value, depth + 1));
        }
        stack.extend(program.assigned_from(var).map(|row| (row.src, depth + 1)));
        // `JSON.stringify(body)`, `json.dumps(body)`, `serde_json::to_vec(&body)`.
        if let Some(call) = program.call_giving(var) {
            stack.extend(program.arguments(call.site).map(|row| (row.var, depth + 1)));
        }
        // Of objects, not of what a library gives on the way from one.
        let mut fields =
            reader.classes_of(var).into_iter().flat_map(|class| program.field_by_class.of(&r.field, class));
        if fields.any(|row| is_idempotency_key(program.text(row.name))) {
            return true;
        }
    }
    false
}

/// Whether the class of the entity counts its versions, which its mapper then compares at each write.
pub(super) fn is_versioned(reader: Reader<'_, '_>, op: &Operation) -> bool {
    let program = reader.program;
    let Found::Is(Operand::Class(class)) = reader.attribute(op, Attr::Entity) else { return false };
    // `repository.update(id, { total })`: columns by themselves have no version that could be compared.
    let given: Vec<VarId> = program.arguments(op.call).map(|row| row.var).collect();
    let is_of_class = |var: &VarId| reader.class_of(*var) == Some(class);
    if given.iter().any(|var| reader.object(*var).is_some()) && !given.iter().any(is_of_class) {
        return false;
    }
    counts_versions(reader, class)
}

/// Whether a class counts the versions of its rows: a field, an accessor or a setting of its mapper's says so.
pub(super) fn counts_versions(reader: Reader<'_, '_>, class: ClassId) -> bool {
    let program = reader.program;
    let r = &program.facts.relations;
    let mapped = |name: &str| words(name).iter().any(|word| word == "version");
    // What its bases have is its own, too.
    let classes = reader.resolution.ancestors(class);
    let annotated = classes.iter().flat_map(|class| program.field_annotation_by_class.of(&r.field_annotation, *class));
    // `@Property({ version: true })`
    let asked = |site: SiteId| {
        let objects = program.arguments(site).filter_map(|row| reader.object(row.var));
        let mut entries = objects.flat_map(|object| program.entry_by_var.of(&r.entry, object));
        entries.any(|row| {
            let is_true = || program.literal(row.value).is_some_and(|row| program.text(row.value) == "true");
            program.text(row.key) == "version" && is_true()
        })
    };
    // `@DynamoDbVersionAttribute public Long getVersion()`
    let methods = classes.iter().flat_map(|class| program.method_by_class.of(&r.method, *class));
    let of_methods = methods.flat_map(|row| program.annotation_by_function.of(&r.function_annotation, row.function));
    let of_methods = of_methods.filter_map(|row| program.call(row.site)).map(|call| program.written_name(call));
    if of_methods.into_iter().any(mapped) {
        return true;
    }
    annotated
        .filter_map(|row| program.call(row.site))
        .any(|call| mapped(program.written_name(call)) || asked(call.site))
        || classes.iter().flat_map(|class| program.field_by_class.of(&r.field, *class)).filter_map(|row| row.value).any(
            |value| program.entry_by_var.of(&r.entry, value).any(|entry| program.text(entry.key) == "version_id_col"),
        )
}

/// Whether what the row holds decides whether an update changes it: `.filter(version=seen)`, `where: { status: "new" }`.
fn asks_what_it_sets(describer: &Describer<'_, '_>, op: &Operation, verb: Term) -> bool {
    let reader = describer.reader;
    let updates = matches!(verb, Term::Text(name) if describer.names.text(name) == "update");
    updates && {
        let set = reader.columns_set(op.site);
        reader
            .columns_asked(op.site)
            .iter()
            .any(|column| names_version(column) || set.iter().any(|(known, _)| known == column))
    }
}

/// Whether an update sets a column to what the database works out from its old value: `balance=F("balance") + amount`.
fn counts_on(describer: &Describer<'_, '_>, operations: &Operations, op: &Operation, verb: Term) -> bool {
    let reader = describer.reader;
    let updates = matches!(verb, Term::Text(name) if describer.names.text(name) == "update");
    let of_columns = || {
        let set = reader.columns_set(op.site);
        let is_alone = set.len() == 1;
        let mut counted = set.iter().filter(|(column, _)| is_alone || !names_version(column));
        counted.any(|(column, value)| reader.is_counted_on(operations, column, *value))
    };
    updates && (reader.counts_by_operator(op.site) || of_columns())
}

pub(super) fn is_there(found: &Found) -> bool {
    !matches!(found, Found::Absent)
}

pub(super) fn lower_case(describer: &mut Describer<'_, '_>, term: Term) -> Term {
    match term {
        Term::Text(name) => {
            let text = describer.names.text(name).to_ascii_lowercase();
            Term::Text(describer.names.intern(&text))
        }
        Term::Given(hole, given, otherwise) => {
            let mut lower = |name| {
                let text = describer.names.text(name).to_ascii_lowercase();
                describer.names.intern(&text)
            };
            Term::Given(hole, given.map(&mut lower), lower(otherwise))
        }
        term => term,
    }
}

/// The SQL statements that `var` holds, through assignments and wrappers such as `text(…)`.
pub(super) fn statements(reader: Reader<'_, '_>, var: VarId) -> Vec<distsys_facts::schema::Sql> {
    let program = reader.program;
    let r = &program.facts.relations;
    let mut at = var;
    for _ in 0..6 {
        let rows: Vec<_> = program.sql_by_var.of(&r.sql, at).copied().collect();
        if !rows.is_empty() {
            return rows;
        }
        if let Some(literal) = reader.literal(at)
            && literal != at
        {
            at = literal;
            continue;
        }
        if let Some(call) = program.call_giving(at)
            && let Some(first) = program.arguments(call.site).next()
            && matches!(
                program.text(call.name),
                "text" | "SQL" | "sql" | "query" | "raw" | "dedent" | "strip" | "literal_sql"
            )
        {
            at = first.var;
            continue;
        }
        match program.assigned_from(at).next() {
            Some(row) => at = row.src,
            None => break,
        }
    }
    Vec::new()
}

fn role_of(describer: &mut Describer<'_, '_>, op: &Operation) -> Role {
    match describer.reader.attribute(op, Attr::Role) {
        Found::Is(Operand::Text(text)) => return crate::words::role_said(&text).into(),
        Found::Is(Operand::Var(var)) => {
            return match describer.describe(var) {
                Term::Text(name) | Term::Filled(_, name, _) => {
                    crate::words::role_said(describer.names.text(name)).into()
                }
                // `using(settings.REPLICA_NAME)`: what a setting that is not seen is called.
                _ => match describer.role_of(var) {
                    Role::Unknown => describer.reader.role_said(var).into(),
                    role => role,
                },
            };
        }
        _ => {}
    }
    let own: Role = op.via.role.into();
    if own != Role::Unknown {
        // Other values may reach the receiver with another role; then it is the caller's.
        let receiver = describer.reader.program.call(op.call).and_then(|call| call.receiver);
        return match receiver.map(|var| describer.role_of(var)) {
            // Of several that a helper gives, the one that this call asked for.
            Some(role) if role != Role::Unknown => role,
            _ => own,
        };
    }
    let program = describer.reader.program;
    // What stands on a method without a body is done by the object that the method is called on.
    let declared = || {
        let function = program.site(op.call).function;
        let is_abstract = program.function(function).flags.has(FunctionFlags::ABSTRACT);
        program.parameters(function).find(|row| is_abstract && row.kind == ParameterKind::Receiver).map(|row| row.var)
    };
    let receiver = program.call(op.call).and_then(|call| call.receiver).or_else(declared);
    receiver.map_or(Role::Unknown, |var| describer.role_of(var))
}

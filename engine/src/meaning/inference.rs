//! Requests that a model answers by computing: what is sent is what it is asked, and nothing is kept of it on the other side.

use distsys_facts::VarId;

use super::operations::Operation;
use super::reader::Reader;

/// A request's body is put together in so many steps.
const MAX_STEPS: usize = 24;

/// What a model is asked, beside its name.
const ASKED: &[&str] = &["input", "inputs", "prompt", "messages", "texts", "documents", "contents"];

/// Whether the body of a request names a model and what it is asked: `{"model": "large", "input": texts}`.
pub(super) fn asks_model(reader: Reader<'_, '_>, op: &Operation) -> bool {
    let program = reader.program;
    let r = &program.facts.relations;
    let mut stack: Vec<VarId> = reader.chain_arguments(op.site);
    let mut seen: Vec<VarId> = Vec::new();
    while let Some(var) = stack.pop() {
        if seen.len() > MAX_STEPS || seen.contains(&var) {
            continue;
        }
        seen.push(var);
        let entries = program.entry_by_var.of(&r.entry, var);
        let names = entries.clone().map(|row| program.text(row.key)).chain(stored(reader, var)).collect::<Vec<&str>>();
        if names.contains(&"model") && ASKED.iter().any(|name| names.contains(name)) {
            return true;
        }
        // `fetch(url, { body: JSON.stringify({ … }) })`, `data=json.dumps(body)`
        stack.extend(entries.filter(|row| is_body(program.text(row.key))).map(|row| row.value));
        stack.extend(program.assigned_from(var).map(|row| row.src));
        if let Some(call) = program.call_giving(var).filter(|call| reader.resolution.calls_at(call.site).is_empty()) {
            stack.extend(program.arguments(call.site).map(|row| row.var));
        }
    }
    false
}

fn is_body(key: &str) -> bool {
    matches!(key, "body" | "json" | "data" | "**")
}

/// The keys that are stored into an object before it is sent: `body["model"] = name`.
fn stored<'m>(reader: Reader<'m, '_>, var: VarId) -> impl Iterator<Item = &'m str> {
    reader.program.stores_to(var).map(move |row| reader.program.text(row.field))
}

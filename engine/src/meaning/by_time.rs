//! Writes that change what is there only where its time of change is older than the new one: `{ updatedAt: { $lt: change.updatedAt } }`,
//! `updated_at < :time`.

use distsys_facts::{VarId, names_moment, names_time};

use super::columns::asks_columns;
use super::operations::{Found, Operand, Operation};
use super::reader::Reader;
use crate::operation::Attr;
use crate::words::words;

/// How deep in what a write is given its filter is looked for.
const MAX_FILTER: u32 = 3;

impl<'m> Reader<'m, '_> {
    /// Whether the later of two times decides whether a write is done.
    pub(super) fn newer_wins(&self, op: &Operation, replaces: bool) -> bool {
        self.is_newer_by_text(op, replaces) || self.is_newer_by_filter(op) || self.is_newer_by_excluded(op)
    }

    /// A condition in words, whose value the write sets, too; what `replaces` the whole sets all of it.
    fn is_newer_by_text(&self, op: &Operation, replaces: bool) -> bool {
        let Found::Is(Operand::Var(var)) = self.attribute(op, Attr::Condition) else { return false };
        let Some(condition) = self.constant(var) else { return false };
        let given = self.given_by_name(op);
        // `#at` stands for a column that the language keeps for itself.
        let column = |word: &str| match word.starts_with('#') {
            true => given.iter().find(|(key, _)| *key == word).and_then(|(_, var)| self.constant(*var)).unwrap_or(""),
            false => "",
        };
        let sets = |word: &str, value: &str| {
            let set = format!("{word}={value}");
            let texts = given.iter().filter(|(_, other)| *other != var).filter_map(|(_, var)| self.constant(*var));
            texts.into_iter().any(|text| {
                let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
                plain.match_indices(&set).any(|(at, found)| {
                    let ends = |c: char| !(c.is_alphanumeric() || c == '_');
                    plain[at + found.len()..].chars().next().is_none_or(ends)
                })
            })
        };
        compared(condition).into_iter().any(|(older, newer)| {
            let named = if older.starts_with('#') { column(older) } else { older };
            newer.starts_with(':') && names_time(named) && (replaces || sets(older, newer))
        })
    }

    /// An object of conditions, one of which asks for an older time than the one that is set.
    fn is_newer_by_filter(&self, op: &Operation) -> bool {
        let program = self.program;
        let r = &program.facts.relations;
        let mut stack: Vec<(VarId, u32)> = program.arguments(op.call).map(|row| (row.var, 0)).collect();
        let mut asked = Vec::new();
        while let Some((var, depth)) = stack.pop().filter(|_| asked.len() < 8) {
            // `Filters.and(Filters.eq("_id", id), Filters.lt("updatedAt", at))`
            asked.extend(self.older_by_call(var, depth));
            let Some(object) = self.object(var).filter(|_| depth < MAX_FILTER) else { continue };
            for entry in program.entry_by_var.of(&r.entry, object) {
                let column = program.text(entry.key);
                let limits = self.object(entry.value).filter(|_| is_time(column)).into_iter();
                let mut limits = limits.flat_map(|limits| program.entry_by_var.of(&r.entry, limits));
                let limit = limits.find(|row| matches!(program.text(row.key), "$lt" | "$lte" | "lt" | "lte"));
                // `{ updatedAt: LessThan(change.updatedAt) }`
                let said =
                    || self.asks_less(entry.value).filter(|(column, _)| column.is_none()).map(|(_, limit)| limit);
                match limit.map(|row| row.value).or_else(|| said().filter(|_| is_time(column))) {
                    Some(limit) => asked.push((column, limit)),
                    None => stack.push((entry.value, depth + 1)),
                }
            }
        }
        asked.extend(self.older_by_calls(op));
        if asked.is_empty() {
            return false;
        }
        let mut set = self.columns_set(op.call);
        program.arguments(op.call).for_each(|row| self.add_set_by_calls(row.var, 0, &mut set));
        let mut wholes: Vec<VarId> = program.arguments(op.call).flat_map(|row| self.set_as_a_whole(row.var)).collect();
        // `.insert(change).onConflict("id").merge()`
        let puts = self
            .builders(self.chain_end(op.site))
            .into_iter()
            .filter(|call| matches!(program.text(call.name), "insert" | "values" | "update" | "set"));
        wholes.extend(puts.flat_map(|call| program.arguments(call.site)).map(|row| row.var));
        // `ReplaceOne(ctx, filter, change)`
        let replaces =
            self.call(op.call).is_some_and(|call| words(program.text(call.name)).iter().any(|word| word == "replace"));
        wholes.extend(program.arguments(op.call).filter(|_| replaces).map(|row| row.var));
        asked.into_iter().any(|(column, limit)| {
            let is_limit = |value: VarId| self.is_same_value(value, limit);
            let of = self.field_of(limit).filter(|(_, field)| plain(field) == plain(column)).map(|(base, _)| base);
            let beside = || set.iter().any(|(known, _)| plain(known) != plain(column));
            set.iter().any(|(known, value)| plain(known) == plain(column) && is_limit(*value))
                && (names_time(column) || beside())
                || of.is_some_and(|of| wholes.iter().any(|whole| self.root(*whole) == of))
        })
    }

    /// The columns of times that a built statement asks to be older than something, each with that:
    /// `.where("updated_at", "<", change.updated_at)`, `.filter(updated_at__lt=at)`, `.where(Item.updated_at < at)`.
    fn older_by_calls(&self, op: &Operation) -> Vec<(&'m str, VarId)> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut asked = Vec::new();
        for call in
            self.builders(self.chain_end(op.site)).into_iter().filter(|call| asks_columns(program.text(call.name)))
        {
            let given: Vec<VarId> =
                program.arguments(call.site).filter(|row| row.keyword.is_empty()).map(|row| row.var).collect();
            if let [column, sign, limit] = given[..]
                && matches!(self.constant(sign), Some("<" | "<="))
                && let Some(column) = self.column_in_text(column).filter(|column| is_time(column))
            {
                asked.push((column, limit));
            }
            for row in program.arguments(call.site) {
                let keyword = program.text(row.keyword);
                let column = keyword.strip_suffix("__lt").or(keyword.strip_suffix("__lte"));
                asked.extend(column.filter(|column| is_time(column)).map(|column| (column, row.var)));
                for compared in program.binary_by_dst.of(&r.binary, row.var) {
                    let sides = match (program.text(compared.operator), compared.right) {
                        ("<" | "<=", Some(right)) => (compared.left, right),
                        (">" | ">=", Some(right)) => (right, compared.left),
                        _ => continue,
                    };
                    let column = program.loaded_as(sides.0).map(|load| program.text(load.field));
                    asked.extend(column.filter(|column| is_time(column)).map(|column| (column, sides.1)));
                }
                asked.extend(self.older_by_call(row.var, 0));
            }
        }
        asked
    }

    /// Likewise, of what a call in a condition asks, and those that it is given:
    /// `Column::UpdatedAt.lt(at)`, `lt(items.updatedAt, at)`, `and(eq(items.id, id), lt(items.updatedAt, at))`.
    fn older_by_call(&self, var: VarId, depth: u32) -> Vec<(&'m str, VarId)> {
        let mut asked = Vec::new();
        if let Some((Some(column), limit)) = self.asks_less(var) {
            asked.extend(Some((column, limit)).filter(|_| is_time(column)));
        } else if let Some(call) = self.program.call_giving(self.root(var)).filter(|_| depth < MAX_FILTER) {
            let given = self.program.arguments(call.site).map(|row| row.var).chain(call.receiver);
            asked.extend(given.flat_map(|var| self.older_by_call(var, depth + 1)));
        }
        asked
    }

    /// What a call asks to be less than what, if it is named for that; of one argument alone whoever is given the call says what.
    fn asks_less(&self, var: VarId) -> Option<(Option<&'m str>, VarId)> {
        const LESS: &[&str] = &[
            "lt",
            "lte",
            "le",
            "loe",
            "lessthan",
            "lessthanequal",
            "lessthanorequal",
            "lessthanorequalto",
            "lessorequal",
            "before",
        ];
        let program = self.program;
        let call = program.call_giving(self.root(var))?;
        if !LESS.contains(&plain(program.text(call.name)).as_str()) {
            return None;
        }
        let given: Vec<VarId> = program.arguments(call.site).map(|row| row.var).collect();
        match given[..] {
            [limit] => Some((call.receiver.and_then(|column| self.column_meant(column)), limit)),
            [column, limit] => Some((self.column_meant(column), limit)),
            _ => None,
        }
    }

    /// The column that a value stands for in a condition: `Column::UpdatedAt`, `items.updatedAt`, `field("updated_at")`.
    fn column_meant(&self, var: VarId) -> Option<&'m str> {
        let program = self.program;
        if let Some(load) = program.loaded_as(self.root(var)) {
            return Some(program.text(load.field));
        }
        let named = program.call_giving(self.root(var)).and_then(|call| {
            let first = program.arguments(call.site).next()?;
            self.column_in_text(first.var)
        });
        named.or_else(|| self.column_in_text(var))
    }

    /// The column that a text names, behind that of its table: `items.updated_at`, `` `${table}.updated_at` ``.
    fn column_in_text(&self, var: VarId) -> Option<&'m str> {
        let template = || self.program.template(var).map(|text| self.program.text(text));
        let text = self.constant(var).or_else(template)?;
        text.rsplit('.').next()
    }

    /// What an update puts into the row as it is: `{ $set: change }`, `{ data: change }`.
    fn set_as_a_whole(&self, var: VarId) -> Vec<VarId> {
        let program = self.program;
        let object = self.object(var).into_iter();
        let entries = object.flat_map(|object| program.entry_by_var.of(&program.facts.relations.entry, object));
        let set = entries.filter(|row| matches!(program.text(row.key), "$set" | "data" | "set"));
        set.map(|row| row.value).collect()
    }

    /// The columns that calls set in what an update is given: `combine(set("state", state), set("updatedAt", at))`.
    fn add_set_by_calls(&self, var: VarId, depth: u32, set: &mut Vec<(&'m str, VarId)>) {
        let Some(call) = self.program.call_giving(self.root(var)).filter(|_| depth < MAX_FILTER) else { return };
        let given: Vec<VarId> = self.program.arguments(call.site).map(|row| row.var).collect();
        match given[..] {
            [column, value] if self.program.text(call.name) == "set" => {
                set.extend(self.column_in_text(column).map(|column| (column, value)));
            }
            _ => given.into_iter().chain(call.receiver).for_each(|var| self.add_set_by_calls(var, depth + 1, set)),
        }
    }

    /// Whether two values are the same, each in its form: `new Date(change.at)`, `Expr::value(change.at)`.
    pub(super) fn is_same_value(&self, left: VarId, right: VarId) -> bool {
        let (left, right) = (self.unconverted(left), self.unconverted(right));
        let is_same = self.root(left) == self.root(right);
        is_same || self.field_of(left).is_some() && self.field_of(left) == self.field_of(right)
    }

    /// What a value is before calls of one thing alone have made other forms of it.
    fn unconverted(&self, var: VarId) -> VarId {
        const MAX_FORMS: usize = 3;
        let mut at = var;
        for _ in 0..MAX_FORMS {
            let call = self.program.call_giving(self.root(at));
            let Some(call) = call.filter(|call| self.resolution.calls_at(call.site).is_empty()) else { break };
            let given: Vec<VarId> = self.program.arguments(call.site).map(|row| row.var).collect();
            at = match (&given[..], call.receiver) {
                (&[only], _) => only,
                (&[], Some(receiver)) => receiver,
                _ => break,
            };
        }
        at
    }

    /// The object and the field that a value is read from.
    fn field_of(&self, var: VarId) -> Option<(VarId, &'m str)> {
        let load = self.program.loaded_as(self.root(var))?;
        Some((self.root(load.base), self.program.text(load.field)))
    }

    /// What a call is given by name: keywords, and entries of objects, with those of objects within.
    fn given_by_name(&self, op: &Operation) -> Vec<(&'m str, VarId)> {
        let program = self.program;
        let mut given = Vec::new();
        let mut stack: Vec<(VarId, u32)> = Vec::new();
        for row in program.arguments(op.call) {
            given.extend((!row.keyword.is_empty()).then_some((program.text(row.keyword), row.var)));
            stack.push((row.var, 0));
        }
        while let Some((var, depth)) = stack.pop() {
            let Some(object) = self.object(var).filter(|_| depth < MAX_FILTER) else { continue };
            for entry in program.entry_by_var.of(&program.facts.relations.entry, object) {
                given.push((program.text(entry.key), entry.value));
                stack.push((entry.value, depth + 1));
            }
        }
        given
    }
}

/// Whether a column of this name holds the time of a change, or of what it tells.
fn is_time(column: &str) -> bool {
    names_time(column) || names_moment(column)
}

/// A name without its marks.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// The comparisons of a condition, the smaller side first.
pub(super) fn compared(condition: &str) -> Vec<(&str, &str)> {
    let is_of_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '#' | ':' | '.');
    let signs = condition.match_indices(['<', '>']);
    signs
        .filter_map(|(at, sign)| {
            let after = condition[at + 1..].trim_start_matches('=').trim_start();
            let before = condition[..at].trim_end();
            let left = before.rsplit(|c| !is_of_word(c)).next().filter(|word| !word.is_empty())?;
            let right = after.split(|c| !is_of_word(c)).next().filter(|word| !word.is_empty())?;
            Some(if sign == "<" { (left, right) } else { (right, left) })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::compared;

    #[test]
    fn comparisons_stand_smaller_side_first() {
        assert_eq!(
            compared("attribute_not_exists(id) OR updated_at <= :t AND :n > #seq"),
            [("updated_at", ":t"), ("#seq", ":n")]
        );
        assert!(compared("a <> :b").is_empty());
    }
}

//! Rows of one table that a constant tells apart: settings by their name, accounts by their kind.

use distsys_facts::{ParameterKind, SiteId, VarId};

use super::Meaning;
use super::callbacks::parameter_of;
use super::columns::{is_of_word, last_word};
use crate::words::words;

/// A value is followed through so many fields and parameters.
const MAX_HOPS: u32 = 4;

/// A value that so many callers decide is any.
const MAX_CALLERS: usize = 16;

/// Objects within objects that say which rows are meant.
const MAX_FILTER: u32 = 3;

/// A column, and the constants that a statement asks it to be.
type Equal = (String, Vec<String>);

impl<'m> Meaning<'m> {
    /// Whether two statements ask one column for constants that have nothing in common, so that they never are about the same
    /// row; `left` and `right` are the ways to them, outermost first.
    pub fn are_of_other_rows(&self, left: &[SiteId], right: &[SiteId]) -> bool {
        let of_left = self.equal_constants(left);
        if of_left.is_empty() {
            return false;
        }
        let of_right = self.equal_constants(right);
        of_left.iter().any(|(column, wanted)| {
            let same = of_right.iter().find(|(other, _)| other == column);
            same.is_some_and(|(_, others)| !others.iter().any(|other| wanted.contains(other)))
        })
    }

    /// The columns that the statement at the end of a way asks for constants.
    fn equal_constants(&self, way: &[SiteId]) -> Vec<Equal> {
        let Some(site) = way.last() else { return Vec::new() };
        let mut found: Vec<Equal> = Vec::new();
        for (column, value) in self.columns_equal(*site) {
            if let Some(constants) = self.constants(value, way, 0) {
                found.push((words(column).concat(), constants));
            }
        }
        let texts = self.texts_run(*site).into_iter().filter_map(|row| self.program.literal(row.var));
        for text in texts.map(|row| self.program.text(row.value)) {
            found.extend(equal_in_text(text).map(|(column, text)| (words(column).concat(), vec![text.to_owned()])));
        }
        found
    }

    /// The columns that a statement compares with values, each with the value: of those that all must be so.
    fn columns_equal(&self, site: SiteId) -> Vec<(&'m str, VarId)> {
        let (program, reader) = (self.program, self.reader());
        let r = &program.facts.relations;
        let mut found = Vec::new();
        let entries = |object: VarId| program.entry_by_var.of(&r.entry, object);
        let mut filters: Vec<(VarId, u32)> = Vec::new();
        for call in reader.builders(site) {
            let name = program.text(call.name);
            found.extend(
                named_in_method(name)
                    .into_iter()
                    .zip(program.arguments(call.site))
                    .map(|(column, row)| (column, row.var)),
            );
            let objects = program.arguments(call.site).filter_map(|row| reader.object(row.var));
            filters.extend(
                objects.flat_map(entries).filter(|row| program.text(row.key) == "where").map(|row| (row.value, 0)),
            );
            if !matches!(
                name,
                "where"
                    | "Where"
                    | "filter"
                    | "filter_by"
                    | "get"
                    | "and"
                    | "And"
                    | "andWhere"
                    | "findOne"
                    | "find_one"
            ) {
                continue;
            }
            let given: Vec<_> = program.arguments(call.site).collect();
            for row in &given {
                match program.text(row.keyword) {
                    "" => filters.push((row.var, 0)),
                    keyword if !keyword.contains("__") && !keyword.contains('*') => found.push((keyword, row.var)),
                    _ => {}
                }
                let compared = program.binary_by_dst.of(&r.binary, row.var);
                let equal = compared.filter(|row| matches!(program.text(row.operator), "==" | "==="));
                found.extend(equal.filter_map(|row| Some((reader.column_name(row.left)?, row.right?))));
            }
            // `.where("kind", "invoice")`
            if let [column, value] = given[..]
                && let Some(column) = reader.constant(column.var)
                && column.chars().all(is_of_word)
            {
                found.push((column, value.var));
            }
        }
        while let Some((var, depth)) = filters.pop() {
            for row in reader.object(var).into_iter().flat_map(entries) {
                match program.text(row.key) {
                    "AND" | "$and" if depth < MAX_FILTER => filters.push((row.value, depth + 1)),
                    "OR" | "NOT" | "$or" | "$nor" | "" | "**" => {}
                    key => found.push((key, row.value)),
                }
            }
        }
        found
    }

    /// The constants that a value is one of, if all of them are seen.
    fn constants(&self, var: VarId, way: &[SiteId], hops: u32) -> Option<Vec<String>> {
        let (program, reader) = (self.program, self.reader());
        if let Some(text) = reader.constant(var) {
            return Some(vec![text.to_owned()]);
        }
        if hops > MAX_HOPS {
            return None;
        }
        let root = reader.root(var);
        if let Some(load) = program.loaded_as(root) {
            // `Kind.INVOICE`
            if reader.only_class(load.base).is_some() {
                return Some(vec![program.text(load.field).to_owned()]);
            }
            return self.all_constants(self.stored_in(load.base, load.field), way, hops);
        }
        let parameter = program.parameter(parameter_of(reader, root)?)?;
        if parameter.kind == ParameterKind::Receiver || program.assigned_from(parameter.var).next().is_some() {
            return None;
        }
        let passed = |site: &SiteId| {
            let given = self.resolution.passed_at(*site).iter().find(|row| row.parameter == parameter.var);
            given.map(|row| row.argument)
        };
        let on_the_way = way.iter().enumerate().rev().find_map(|(at, site)| Some((at, passed(site)?)));
        match on_the_way {
            Some((at, given)) => self.constants(given, &way[..at], hops + 1),
            None => {
                let given = self.resolution.passed_to(parameter.var).filter(|row| row.argument != parameter.var);
                self.all_constants(given.map(|row| row.argument).collect(), &[], hops)
            }
        }
    }

    fn all_constants(&self, values: Vec<VarId>, way: &[SiteId], hops: u32) -> Option<Vec<String>> {
        if values.is_empty() || values.len() > MAX_CALLERS {
            return None;
        }
        let all: Option<Vec<Vec<String>>> =
            values.into_iter().map(|value| self.constants(value, way, hops + 1)).collect();
        all.map(|all| all.concat())
    }
}

/// The columns that the name of a method asks for, in the order of its arguments: `deleteByTenantIdAndKey`.
fn named_in_method(name: &str) -> Vec<&str> {
    const NOT_EQUAL: &[&str] = &[
        "Not",
        "In",
        "Like",
        "Than",
        "ThanEqual",
        "After",
        "Before",
        "Between",
        "Containing",
        "With",
        "Null",
        "True",
        "False",
        "Case",
    ];
    let Some((verb, rest)) = name.split_once("By") else { return Vec::new() };
    let is_verb = ["find", "get", "read", "query", "count", "exists", "delete", "remove", "stream", "search"]
        .into_iter()
        .any(|known| verb.starts_with(known));
    let rest = rest.split("OrderBy").next().unwrap_or_default();
    if !is_verb || rest.is_empty() || rest.contains("Or") {
        return Vec::new();
    }
    let columns: Vec<&str> = rest.split("And").collect();
    // Some take more arguments than one, or none.
    if columns.iter().any(|column| NOT_EQUAL.iter().any(|end| column.ends_with(end))) { Vec::new() } else { columns }
}

/// The columns that the condition of a statement asks for texts that it says itself: `WHERE kind = 'invoice'`.
fn equal_in_text(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let lower = text.to_ascii_lowercase();
    let condition = lower.rfind("where ").map_or("", |at| &text[at..]);
    // Of alternatives none must hold.
    let condition = if condition.to_ascii_lowercase().contains(" or ") { "" } else { condition };
    condition.match_indices('\'').step_by(2).filter_map(move |(at, _)| {
        let before = condition[..at].trim_end().strip_suffix('=')?;
        let value = condition[at + 1..].split('\'').next()?;
        let is_plain = !before.ends_with(['<', '>', '!', ':']);
        let column = last_word(before.trim_end().trim_end_matches(['`', '"', ']']));
        (is_plain && !column.is_empty()).then_some((column, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_written_as_text_say_their_constants() {
        let said = |text| equal_in_text(text).collect::<Vec<_>>();
        assert_eq!(
            said("select * from a where kind = 'x' and \"name\"='y' and id <> 'z'"),
            [("kind", "x"), ("name", "y")]
        );
        assert_eq!(said("update a set kind = 'x' where id = $1"), []);
        assert_eq!(said("select 1 from a where kind = 'x' or id = 1"), []);
    }
}

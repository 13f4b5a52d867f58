//! The columns that reads take.

use distsys_facts::schema::Sql;
use distsys_facts::{SiteId, SqlVerb, VarId};

use super::Meaning;

impl<'m> Meaning<'m> {
    /// The columns that a read takes or asks for, by name or in its statement (`select label from vessels`), if all are known.
    pub fn columns_read(&self, site: SiteId) -> Option<Vec<&'m str>> {
        let named = self.columns_named(site).or_else(|| self.columns_selected(site)).or_else(|| {
            let program = self.program;
            let texts: Vec<Sql> = self.texts_run(site);
            let of_text: Option<Vec<Vec<&str>>> = texts
                .iter()
                .map(|row| {
                    let whole = row.verb != SqlVerb::Select || program.text(row.columns).is_empty();
                    let lists = [program.text(row.columns), program.text(row.where_columns)];
                    let columns =
                        lists.into_iter().flat_map(|list| list.split(',')).filter(|column| !column.is_empty());
                    (!whole).then(|| columns.collect::<Vec<&str>>())
                })
                .collect();
            of_text.map(|columns| columns.concat())
        });
        named.filter(|columns| !columns.is_empty())
    }

    /// The columns that a built statement says one by one, with those that it asks for: `select(ORDERS.ID, field("total"))`.
    fn columns_selected(&self, site: SiteId) -> Option<Vec<&'m str>> {
        let (program, reader) = (self.program, self.reader());
        let says = |name: &str| {
            matches!(name, "select" | "Select" | "addSelect" | "column" | "columns" | "values" | "values_list" | "only")
        };
        let mut named = Vec::new();
        for call in reader.builders(site).into_iter().filter(|call| says(program.text(call.name))) {
            let given: Vec<VarId> = program.arguments(call.site).map(|row| row.var).collect();
            let columns: Option<Vec<&str>> = given.into_iter().map(|var| self.column_said(var)).collect();
            named.extend(columns?);
        }
        if named.is_empty() {
            return None;
        }
        named.extend(reader.columns_asked(site));
        Some(named)
    }

    /// One column by its own name: a text that is no more than that, a field of a table, or `field("total")`. A class is a table.
    fn column_said(&self, var: VarId) -> Option<&'m str> {
        let program = self.program;
        let is_stated = program.literal(var).is_some()
            || program.loaded_as(var).is_some()
            || program
                .call_giving(var)
                .is_some_and(|call| matches!(program.text(call.name), "field" | "column" | "col"));
        let name = self.reader().column_name(var).filter(|_| is_stated)?;
        let mut letters = name.chars();
        let is_class = letters.next().is_some_and(char::is_uppercase) && letters.any(char::is_lowercase);
        (!is_class && name.chars().all(|c| c.is_alphanumeric() || c == '_')).then_some(name)
    }
}

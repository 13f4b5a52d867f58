//! Rows that bring their id: the primary key refuses a second one.

use distsys_facts::SiteId;

use super::Meaning;

impl Meaning<'_> {
    /// Whether what is inserted at `site` names its id among the columns: `INSERT INTO orders (id, total)`, `create({ id, total })`.
    pub fn brings_id(&self, site: SiteId) -> bool {
        let program = self.program;
        let is_id = |column: &str| matches!(column.to_ascii_lowercase().as_str(), "id" | "_id" | "uuid" | "pk");
        let texts = self.texts_run(site);
        let mut of_text = texts.iter().flat_map(|row| program.text(row.columns).split(','));
        of_text.any(is_id)
            || self.columns_set(site).into_iter().any(|(column, _)| is_id(column))
            || self.columns_named(site).unwrap_or_default().into_iter().any(is_id)
            || self.fields_given(site).into_iter().any(is_id)
    }
}

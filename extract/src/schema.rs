//! Schema files (`.sql` migrations, Prisma schemas): which tables have a key that a second row would break, and where a
//! client that is generated from the schema stands.

use distsys_facts::schema::{File, Manifest, Module, Sql};
use distsys_facts::{FactBase, FileId, Language, ModuleId, Role, SqlVerb, Sym, VarId};

use crate::front_end::FrontEnd;
use crate::sql;

/// Reads what a database is made of.
#[derive(Debug)]
pub struct Schema;

impl FrontEnd for Schema {
    fn name(&self) -> &'static str {
        "sql"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["sql", "prisma"]
    }

    fn lower(&self, path: &str, text: &str, role: Role) -> FactBase {
        let mut facts = FactBase::default();
        let file: FileId = facts.fresh();
        let module: ModuleId = facts.fresh();
        let name = facts.intern(path);
        let lines = text.lines().count() as u32;
        facts.relations.file.push(File { file, path: name, language: Language::Sql, role, lines });
        facts.relations.module.push(Module { module, file, parent: None, name: Sym::EMPTY });
        let tables = if path.ends_with(".prisma") { of_prisma(text) } else { of_sql(text) };
        for (table, columns) in tables {
            let row = Sql {
                var: facts.fresh::<VarId>(),
                index: 0,
                verb: SqlVerb::Ddl,
                table: facts.intern(&table),
                columns: facts.intern(&columns.join(",")),
                where_columns: Sym::EMPTY,
                clauses: facts.intern("unique"),
            };
            facts.relations.sql.push(row);
        }
        if path.ends_with(".prisma")
            && let Some(folder) = generated_by_prisma(text)
        {
            let (key, value) = (facts.intern("generated.@prisma/client"), facts.intern(folder));
            facts.relations.manifest.push(Manifest { file, key, value, line: 0 });
        }
        facts
    }
}

/// `generator client { provider = "prisma-client" output = "../generated" }`: the folder, which is seldom kept with the code.
fn generated_by_prisma(text: &str) -> Option<&str> {
    text.split("generator ").skip(1).find_map(|rest| {
        let block = rest.split_once('{')?.1.split_once('}')?.0;
        let value = |key: &str| {
            let line = block
                .lines()
                .map(str::trim)
                .find(|line| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('=')));
            line.and_then(|line| line.split('"').nth(1))
        };
        let makes_client = value("provider").is_some_and(|provider| provider.starts_with("prisma-client"));
        value("output").filter(|_| makes_client)
    })
}

/// A table and the columns of its unique keys.
type Unique = (String, Vec<String>);

fn of_sql(text: &str) -> Vec<Unique> {
    text.split(';')
        .filter(|statement| {
            let upper = statement.to_ascii_uppercase();
            upper.contains("UNIQUE") && (upper.contains("CREATE") || upper.contains("ALTER"))
        })
        .flat_map(sql::read)
        .filter(|statement| statement.verb == SqlVerb::Ddl && statement.clauses.contains(&"unique"))
        .map(|statement| (statement.table, statement.columns))
        .collect()
}

/// `model Order { reference String @unique … @@unique([customer, day]) @@map("orders") }`
fn of_prisma(text: &str) -> Vec<Unique> {
    let mut found: Vec<Unique> = Vec::new();
    let mut model: Option<(Vec<String>, Vec<String>)> = None;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("model ").and_then(|rest| rest.split([' ', '{']).next()) {
            model = Some((vec![name.to_owned()], Vec::new()));
        } else if line == "}" {
            if let Some((names, columns)) = model.take().filter(|(_, columns)| !columns.is_empty()) {
                found.extend(names.into_iter().map(|name| (name, columns.clone())));
            }
        } else if let Some((names, columns)) = &mut model {
            if let Some(list) = line.strip_prefix("@@unique") {
                let inner = list.split(['[', ']']).nth(1).unwrap_or_default();
                columns.extend(inner.split(',').map(|column| column.trim().to_owned()));
            } else if let Some(mapped) = line.strip_prefix("@@map(").and_then(|rest| rest.split('"').nth(1)) {
                names.push(mapped.to_owned());
            } else if is_key(line) {
                columns.extend(line.split_whitespace().next().map(str::to_owned));
            }
        }
    }
    found
}

/// Whether a field of a Prisma model is a key of which a second row would be refused; a primary one where it says what the
/// row is of, and whoever inserts the row gives it (`eventId String @id`).
fn is_key(line: &str) -> bool {
    let says = |attribute: &str| line.split_whitespace().any(|word| word.starts_with(attribute));
    let is_plain = line.split_whitespace().next() == Some("id");
    says("@unique") || !is_plain && line.split_whitespace().any(|word| word == "@id") && !says("@default")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unique_keys_of_tables_are_read() {
        let text = "CREATE TABLE orders (id serial PRIMARY KEY, reference text UNIQUE);\n\
                    CREATE TABLE items (id serial PRIMARY KEY);\n\
                    CREATE UNIQUE INDEX one ON payments (order_id, kind);\n\
                    ALTER TABLE refunds ADD CONSTRAINT once UNIQUE (payment_id);";
        let found = of_sql(text);
        let tables: Vec<&str> = found.iter().map(|(table, _)| table.as_str()).collect();
        assert_eq!(tables, ["orders", "payments", "refunds"]);
        assert_eq!(found[1].1, ["order_id", "kind"]);
    }

    #[test]
    fn the_folder_of_a_generated_client_is_read() {
        let text = "generator docs {\n  provider = \"docs\"\n  output = \"../docs\"\n}\n\
                    generator client {\n  provider = \"prisma-client\"\n  output   = \"../src/generated\"\n}\n";
        assert_eq!(generated_by_prisma(text), Some("../src/generated"));
        assert_eq!(generated_by_prisma("generator client {\n  provider = \"prisma-client-js\"\n}\n"), None);
    }

    #[test]
    fn unique_keys_of_a_prisma_schema_are_read() {
        let text = "model Order {\n  id Int @id\n  reference String @unique\n  @@map(\"orders\")\n}\n\
                    model Item {\n  id Int @id\n}\nmodel Seat {\n  @@unique([row, number])\n}\n\
                    model Seen {\n  eventId String @id\n}\n";
        let found = of_prisma(text);
        let tables: Vec<&str> = found.iter().map(|(table, _)| table.as_str()).collect();
        assert_eq!(tables, ["Order", "orders", "Seat", "Seen"]);
        assert_eq!(found[2].1, ["row", "number"]);
        assert_eq!(found[3].1, ["eventId"]);
    }
}

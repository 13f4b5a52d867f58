//! Questions in Datalog, over the facts of a tree and what is derived from them, or over plain files of facts.

use std::path::Path;

use distsys_engine::datalog::{self, Column, Database, IoKind, Limits, Problem, Program, Type};
use distsys_facts::column::ColumnType;
use distsys_facts::relation::{RelationSpec, RelationVisitor, Row};
use distsys_facts::{
    ClassId, FactBase, FileId, FunctionId, Id, IdKind, ModuleId, Position, RegionId, SiteId, VarId, schema,
};
use distsys_queries::{DERIVED, ModelError};

/// A value of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    Number(i64),
    Text(String),
}

/// A relation that was asked for.
#[derive(Clone, Debug)]
pub struct Table {
    pub relation: String,
    pub columns: Vec<String>,
    /// Sorted by value; ids as what they stand for.
    pub rows: Vec<Vec<Cell>>,
    /// Only the number of rows was asked for.
    pub only_size: bool,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    #[error(transparent)]
    Program(#[from] Problem),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error("{path}: {source}; it is read for `.input {relation}`")]
    Facts { path: String, relation: String, source: std::io::Error },
}

/// A relation that questions may use.
#[derive(Clone, Debug)]
pub struct Schema {
    pub name: &'static str,
    pub doc: &'static str,
    pub columns: Vec<Column>,
}

/// Every relation over a tree, extracted and derived.
pub fn schemas() -> Vec<Schema> {
    let extracted =
        schema::SPECS.iter().map(|spec| Schema { name: spec.name, doc: spec.doc.trim(), columns: columns_of(spec) });
    let derived = DERIVED.iter().map(|derived| {
        let column = |(name, type_): &(&str, Type)| Column { name: (*name).to_owned(), type_: *type_ };
        Schema { name: derived.name, doc: derived.doc, columns: derived.columns.iter().map(column).collect() }
    });
    extracted.chain(derived).collect()
}

fn columns_of(spec: &RelationSpec) -> Vec<Column> {
    let type_of = |column_type| match column_type {
        ColumnType::Number => Type::Number,
        ColumnType::Id(kind) => Type::Id(kind),
        ColumnType::Symbol | ColumnType::Position | ColumnType::Word { .. } | ColumnType::Flags { .. } => Type::Symbol,
    };
    let columns = spec.columns.iter();
    columns
        .map(|column| Column { name: column.name.trim_end_matches('_').to_owned(), type_: type_of(column.column_type) })
        .collect()
}

/// Answers a question over the facts of a tree.
///
/// # Errors
/// What is wrong with the program, or the limit that was met.
pub fn ask(
    facts: &FactBase,
    own_models: &[(String, String)],
    name: &str,
    text: &str,
    limits: &Limits,
) -> Result<Vec<Table>, QueryError> {
    let program = datalog::parse_question(name, text, &mut beside(name))?;
    let mut database = Database::default();
    let foreign = program.foreign();
    // The interner's numbers stay those of the facts, so that their symbols need no translation.
    facts.symbols.iter().for_each(|text| {
        database.symbols.intern(text);
    });
    let mut load = Load { wanted: &foreign, database: &mut database };
    let Ok(()) = facts.relations.visit(&mut load);
    distsys_queries::derive_relations(facts, own_models, &foreign, &mut database)?;
    // So that a slip of the pen finds its neighbour.
    for schema in schemas() {
        database.declare(schema.name, schema.columns);
    }
    datalog::declare(&program, &mut database)?;
    datalog::evaluate(&program, &mut database, limits)?;
    Ok(tables(&program, &database, Some(facts)))
}

/// Runs a program over plain files of facts, as Souffle does.
///
/// # Errors
/// What is wrong with the program or a file, or the limit that was met.
pub fn run(folder: &Path, name: &str, text: &str, limits: &Limits) -> Result<Vec<Table>, QueryError> {
    let program = datalog::parse_question(name, text, &mut beside(name))?;
    let mut database = Database::default();
    datalog::declare(&program, &mut database)?;
    for directive in program.directives.iter().filter(|directive| directive.kind == IoKind::Input) {
        let path = folder.join(directive.file());
        let text = std::fs::read_to_string(&path).map_err(|source| QueryError::Facts {
            path: path.display().to_string(),
            relation: directive.relation.clone(),
            source,
        })?;
        datalog::read(&mut database, directive, &text)?;
    }
    datalog::evaluate(&program, &mut database, limits)?;
    Ok(tables(&program, &database, None))
}

/// Included files stand beside the program.
fn beside(name: &str) -> impl FnMut(&str) -> Option<String> + use<> {
    let folder = Path::new(name).parent().map(Path::to_path_buf).unwrap_or_default();
    move |path| std::fs::read_to_string(folder.join(path)).ok()
}

struct Load<'l> {
    wanted: &'l [&'l str],
    database: &'l mut Database,
}

impl RelationVisitor for Load<'_> {
    type Error = std::convert::Infallible;

    fn relation<R: Row>(&mut self, rows: &[R]) -> Result<(), Self::Error> {
        let spec = R::SPEC;
        if !self.wanted.contains(&spec.name) {
            return Ok(());
        }
        self.database.declare(spec.name, columns_of(spec));
        let mut raw = Vec::new();
        let mut cells: Vec<u32> = Vec::new();
        for row in rows {
            raw.clear();
            row.encode(&mut raw);
            cells.clear();
            for (column, value) in spec.columns.iter().zip(&raw) {
                cells.push(match column.column_type {
                    ColumnType::Symbol | ColumnType::Number | ColumnType::Id(_) => *value,
                    ColumnType::Position => {
                        let text = format!("{}:{}", Position(*value).line(), Position(*value).column());
                        self.database.symbols.intern(&text).0
                    }
                    ColumnType::Word { names, .. } => {
                        self.database.symbols.intern(names.get(*value as usize).copied().unwrap_or("?")).0
                    }
                    ColumnType::Flags { names } => {
                        let set = names.iter().enumerate().filter(|(bit, _)| value & (1 << bit) != 0);
                        let set: Vec<&str> = set.map(|(_, name)| *name).collect();
                        self.database.symbols.intern(&set.join("|")).0
                    }
                });
            }
            self.database.declare(spec.name, Vec::new()).insert(&cells);
        }
        Ok(())
    }
}

fn tables(program: &Program, database: &Database, facts: Option<&FactBase>) -> Vec<Table> {
    let shown = program.directives.iter().filter(|directive| directive.kind != IoKind::Input);
    let mut tables = Vec::new();
    for directive in shown {
        let Some(relation) = database.relation(&directive.relation) else { continue };
        let only_size = directive.kind == IoKind::PrintSize;
        let cells = |row: &[u32]| -> Vec<Cell> {
            row.iter()
                .zip(&relation.columns)
                .map(|(value, column)| cell(database, facts, column.type_, *value))
                .collect()
        };
        let mut shown: Vec<Vec<Cell>> = if only_size { Vec::new() } else { relation.rows().map(cells).collect() };
        shown.sort_by(|left, right| by_value(left, right));
        if only_size {
            shown = vec![Vec::new(); relation.len()];
        }
        let columns = relation.columns.iter().map(|column| column.name.clone()).collect();
        tables.push(Table { relation: relation.name.clone(), columns, rows: shown, only_size });
    }
    tables
}

fn by_value(left: &[Cell], right: &[Cell]) -> std::cmp::Ordering {
    let pairs = left.iter().zip(right).map(|pair| match pair {
        (Cell::Number(left), Cell::Number(right)) => left.cmp(right),
        (Cell::Text(left), Cell::Text(right)) => left.cmp(right),
        (Cell::Number(_), Cell::Text(_)) => std::cmp::Ordering::Less,
        (Cell::Text(_), Cell::Number(_)) => std::cmp::Ordering::Greater,
    });
    pairs.into_iter().find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
}

fn cell(database: &Database, facts: Option<&FactBase>, type_: Type, value: u32) -> Cell {
    match (type_, facts) {
        (Type::Symbol, _) => Cell::Text(database.text(value).to_owned()),
        (Type::Number, _) => Cell::Number(i64::from(value as i32)),
        (Type::Id(kind), Some(facts)) => {
            readable(facts, kind, value).map_or(Cell::Number(i64::from(value)), Cell::Text)
        }
        (Type::Id(_), None) => Cell::Number(i64::from(value)),
    }
}

/// An id as a person reads it: `src/orders/service.py:42 OrderService.place`.
fn readable(facts: &FactBase, kind: IdKind, value: u32) -> Option<String> {
    let r = &facts.relations;
    let path = |file: FileId| facts.text(r.file[file.index()].path);
    let of_module = |module: ModuleId| path(r.module[module.index()].file);
    let of_function = |function: FunctionId| of_module(r.function[function.index()].module);
    Some(match kind {
        IdKind::File => path(FileId::from_raw(value)?).to_owned(),
        IdKind::Module => of_module(ModuleId::from_raw(value)?).to_owned(),
        IdKind::Function => {
            let row = r.function.get(FunctionId::from_raw(value)?.index())?;
            format!("{}:{} {}", of_module(row.module), row.start.line(), facts.text(row.qualified))
        }
        IdKind::Class => {
            let row = r.class.get(ClassId::from_raw(value)?.index())?;
            format!("{}:{} {}", of_module(row.module), row.start.line(), facts.text(row.qualified))
        }
        IdKind::Site => {
            let row = r.site.get(SiteId::from_raw(value)?.index())?;
            format!("{}:{}:{}", of_function(row.function), row.start.line(), row.start.column())
        }
        IdKind::Region => {
            let row = r.region.get(RegionId::from_raw(value)?.index())?;
            format!("{}:{}:{}", of_function(row.function), row.start.line(), row.start.column())
        }
        IdKind::Var => {
            let id = VarId::from_raw(value)?;
            let row = r.variable.iter().find(|row| row.var == id)?;
            format!("{} {}", of_function(row.function), facts.text(row.name))
        }
        IdKind::Block => return None,
    })
}

//! Questions in Datalog, over the facts of a tree and what is derived from them, or over plain files of facts.

use std::cell::OnceCell;
use std::path::Path;

use distsys_engine::datalog::{self, Column, Database, IoKind, Limits, Problem, Program, Proof, Relation, Type};
use distsys_facts::bundle::Derived;
use distsys_facts::{ClassId, FactBase, FileId, FunctionId, Id, IdKind, ModuleId, RegionId, SiteId, VarId, schema};
use distsys_queries::{ModelError, load_extracted};
pub use distsys_queries::{Schema, derive_tables, schemas};

mod session;

use rustc_hash::FxHashMap;
pub use session::{Reply, Session};

/// A value of an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// The number of rows, where no more was asked for.
    pub only_size: Option<usize>,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    #[error(transparent)]
    Program(#[from] Problem),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error("`{name}` is what the tree says; take another name")]
    Taken { name: String },
    #[error("{path}: {source}; it is read for `.input {relation}`")]
    Facts { path: String, relation: String, source: std::io::Error },
}

/// Answers a question over the facts of a tree; `derived` is what a bundle holds besides.
///
/// # Errors
/// What is wrong with the program, or the limit that was met.
pub fn ask(
    facts: &FactBase,
    derived: &Derived,
    own_models: &[(String, String)],
    name: &str,
    text: &str,
    limits: &Limits,
) -> Result<Vec<Table>, QueryError> {
    let program = datalog::parse_question(name, text, &mut beside(name))?;
    let mut database = Database::default();
    load(facts, derived, own_models, &program, &mut database, &[])?;
    datalog::answer(&program, &mut database, limits)?;
    Ok(tables(&program, &database, Some(facts)))
}

/// Fills and declares what a program uses of a tree. Relations that are `its_own` it may define, whatever the tree calls so.
fn load(
    facts: &FactBase,
    derived: &Derived,
    own_models: &[(String, String)],
    program: &Program,
    database: &mut Database,
    its_own: &[&str],
) -> Result<(), QueryError> {
    let foreign = program.foreign();
    load_extracted(facts, &foreign, database);
    // What a bundle holds was derived with the shipped models.
    let open = match own_models {
        [] => distsys_queries::load_tables(facts, derived, &foreign, database),
        _ => foreign,
    };
    distsys_queries::derive_relations(facts, own_models, &open, database)?;
    // So that a slip of the pen finds its neighbour.
    for schema in schemas().into_iter().filter(|schema| !its_own.contains(&schema.name)) {
        database.declare(schema.name, schema.columns);
    }
    datalog::declare(program, database)?;
    Ok(())
}

/// The proof of what a rule of the project's own finds at `place` (`path:line:column`), as lines.
pub(crate) fn prove_finding(
    facts: &FactBase,
    own_models: &[(String, String)],
    name: &str,
    text: &str,
    include: &mut dyn FnMut(&str) -> Option<String>,
    place: &str,
) -> Result<Option<Vec<String>>, QueryError> {
    let program = datalog::parse(name, text, include)?;
    let mut database = Database::default();
    load(facts, &Derived::default(), own_models, &program, &mut database, &["finding", "step"])?;
    datalog::evaluate(&program, &mut database, &Limits::default())?;
    let names = Names::new(facts);
    let Some(relation) = database.relation("finding") else { return Ok(None) };
    let is_there = |row: &&[u32]| {
        let mut values = row.iter().zip(&relation.columns);
        values.any(|(value, column)| {
            let readable = match column.type_ {
                Type::Id(kind) => names.readable(kind, *value),
                _ => None,
            };
            readable.is_some_and(|readable| readable == place)
        })
    };
    let Some(row) = relation.rows().find(is_there).map(<[u32]>::to_vec) else { return Ok(None) };
    let proof = datalog::explain(&program, &mut database, "finding", &row)?;
    Ok(proof.map(|proof| crate::proofs::lines(&proof, &database, &readable(Some(&names)))))
}

/// Runs a program over plain files of facts, as Souffle does.
///
/// # Errors
/// What is wrong with the program or a file, or the limit that was met.
pub fn run(folder: &Path, name: &str, text: &str, limits: &Limits) -> Result<Vec<Table>, QueryError> {
    let program = datalog::parse_question(name, text, &mut beside(name))?;
    let mut database = Database::default();
    load_files(folder, &program, &mut database)?;
    datalog::answer(&program, &mut database, limits)?;
    Ok(tables(&program, &database, None))
}

/// Declares what a program uses and reads its files.
fn load_files(folder: &Path, program: &Program, database: &mut Database) -> Result<(), QueryError> {
    datalog::declare(program, database)?;
    // What is wrong with the program is told before files are read.
    datalog::verify(program, database)?;
    for directive in program.directives.iter().filter(|directive| directive.kind == IoKind::Input) {
        let path = folder.join(directive.file());
        let text = std::fs::read_to_string(&path).map_err(|source| QueryError::Facts {
            path: path.display().to_string(),
            relation: directive.relation.clone(),
            source,
        })?;
        datalog::read(database, directive, &text)?;
    }
    Ok(())
}

/// What a program is asked of.
#[derive(Clone, Copy, Debug)]
pub enum Source<'s> {
    /// The facts of a tree, with what a bundle holds besides.
    Tree { facts: &'s FactBase, derived: &'s Derived, own_models: &'s [(String, String)] },
    /// Plain files of facts in a folder.
    Files(&'s Path),
}

/// Why rows of an answer are there: for each relation that is shown the proofs of its first `count` rows, as lines.
///
/// # Errors
/// As [`ask`] and [`run`].
pub fn prove(
    source: Source<'_>,
    name: &str,
    text: &str,
    limits: &Limits,
    count: usize,
) -> Result<Vec<Vec<String>>, QueryError> {
    let program = datalog::parse_question(name, text, &mut beside(name))?;
    let mut database = Database::default();
    let facts = match source {
        Source::Tree { facts, derived, own_models } => {
            load(facts, derived, own_models, &program, &mut database, &[])?;
            Some(facts)
        }
        Source::Files(folder) => {
            load_files(folder, &program, &mut database)?;
            None
        }
    };
    datalog::evaluate(&program, &mut database, limits)?;
    let names = facts.map(Names::new);
    let proofs = proofs(&program, &mut database, names.as_ref(), count)?;
    Ok(proofs.iter().map(|proof| crate::proofs::lines(proof, &database, &readable(names.as_ref()))).collect())
}

/// Proofs of the first `count` rows of each relation that an evaluated program shows, first as they are shown.
fn proofs(
    program: &Program,
    database: &mut Database,
    names: Option<&Names<'_>>,
    count: usize,
) -> Result<Vec<Proof>, QueryError> {
    let mut proofs = Vec::new();
    for directive in program.directives.iter().filter(|directive| directive.kind == IoKind::Output) {
        let Some(relation) = database.relation(&directive.relation) else { continue };
        let mut rows: Vec<(Vec<Cell>, Vec<u32>)> =
            relation.rows().map(|row| (cells(row, relation, database, names), row.to_vec())).collect();
        rows.sort();
        for (_, row) in rows.iter().take(count) {
            proofs.extend(datalog::explain(program, database, &directive.relation, row)?);
        }
    }
    Ok(proofs)
}

/// A row as it is shown.
fn cells(row: &[u32], relation: &Relation, database: &Database, names: Option<&Names<'_>>) -> Vec<Cell> {
    let cell = |(value, column): (&u32, &Column)| match column.type_ {
        Type::Symbol => Cell::Text(database.text(*value).to_owned()),
        Type::Number => Cell::Number(i64::from(*value as i32)),
        Type::Id(kind) => {
            let readable = names.and_then(|names| names.readable(kind, *value));
            readable.map_or(Cell::Number(i64::from(*value)), Cell::Text)
        }
    };
    row.iter().zip(&relation.columns).map(cell).collect()
}

pub(crate) fn readable<'n, 'f>(
    names: Option<&'n Names<'f>>,
) -> impl Fn(datalog::Value) -> Option<String> + use<'n, 'f> {
    move |(value, type_)| match type_ {
        Type::Id(kind) => names.and_then(|names| names.readable(kind, value)),
        _ => None,
    }
}

/// Included files stand beside the program.
fn beside(name: &str) -> impl FnMut(&str) -> Option<String> + use<> {
    let folder = Path::new(name).parent().map(Path::to_path_buf).unwrap_or_default();
    move |path| std::fs::read_to_string(folder.join(path)).ok()
}

fn tables(program: &Program, database: &Database, facts: Option<&FactBase>) -> Vec<Table> {
    let names = facts.map(Names::new);
    let shown = program.directives.iter().filter(|directive| directive.kind != IoKind::Input);
    let mut tables = Vec::new();
    for directive in shown {
        let Some(relation) = database.relation(&directive.relation) else { continue };
        let only_size = directive.kind == IoKind::PrintSize;
        let rows = if only_size {
            Vec::new()
        } else {
            let mut rows: Vec<Vec<Cell>> =
                relation.rows().map(|row| cells(row, relation, database, names.as_ref())).collect();
            rows.sort();
            rows
        };
        let columns = relation.columns.iter().map(|column| column.name.clone()).collect();
        let only_size = only_size.then(|| relation.len());
        tables.push(Table { relation: relation.name.clone(), columns, rows, only_size });
    }
    tables
}

/// What ids stand for.
pub(crate) struct Names<'f> {
    facts: &'f FactBase,
    variables: OnceCell<FxHashMap<VarId, &'f schema::Variable>>,
}

impl<'f> Names<'f> {
    pub(crate) fn new(facts: &'f FactBase) -> Self {
        Names { facts, variables: OnceCell::new() }
    }

    /// An id as a person reads it: `src/orders/service.py:42 OrderService.place`.
    pub(crate) fn readable(&self, kind: IdKind, value: u32) -> Option<String> {
        let facts = self.facts;
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
                let by_id = || r.variable.iter().map(|row| (row.var, row)).collect();
                let row = self.variables.get_or_init(by_id).get(&VarId::from_raw(value)?)?;
                format!("{} {}", of_function(row.function), facts.text(row.name))
            }
            IdKind::Block => return None,
        })
    }
}

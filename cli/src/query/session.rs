//! Questions one after the other: what was said before holds for those that follow, and what a tree says is derived once.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use distsys_engine::datalog::{self, Database, IoKind, Limits, Premise, Program, Type, Typed};
use distsys_facts::FactBase;
use distsys_facts::bundle::Derived;
use distsys_queries::{derive_relations, derive_tables, load_extracted, load_tables, schemas};
use rustc_hash::FxHashSet;

use super::{Names, QueryError, Table, beside, load_files, proofs, readable, tables};

/// What comes of a line.
#[derive(Debug)]
pub enum Reply {
    /// It is kept for what follows, or was empty.
    Kept,
    /// The statement may go on in the next line.
    More,
    /// Answers, and how long they took, if that is wanted.
    Tables(Vec<Table>, Option<Duration>),
    Lines(Vec<String>),
    Error(String),
    End,
}

/// A conversation over a tree or over plain files of facts.
#[derive(Debug)]
pub struct Session {
    base: Base,
    limits: Limits,
    /// Statements that hold, each with its name.
    said: Vec<(String, String)>,
    count: usize,
    /// Lines of a statement that goes on.
    open: String,
    is_timed: bool,
}

#[derive(Debug)]
enum Base {
    Tree(Box<Tree>),
    Files(PathBuf),
}

#[derive(Debug)]
struct Tree {
    facts: FactBase,
    derived: Derived,
    own_models: Vec<(String, String)>,
    /// The relations of the tree; they are filled when they are first asked for.
    database: Database,
    filled: FxHashSet<&'static str>,
}

/// A command, what stands behind it, and what it does.
const COMMANDS: &[(&str, &str, &str)] = &[
    (":relations", "", "the relations that may be asked for"),
    (":schema", "NAME", "the columns of a relation, and what a row says"),
    (":explain", "TUPLE", "why it holds: the proof of the first answer"),
    (":program", "", "what was said so far"),
    (":forget", "", "forget what was said"),
    (":time", "", "show how long answers take, or no longer"),
    (":help", "", "this list"),
    (":quit", "", "the end"),
];

impl Session {
    /// # Errors
    /// A model that cannot be read.
    pub fn of_tree(
        mut facts: FactBase,
        derived: Derived,
        own_models: &[(String, String)],
        limits: Limits,
    ) -> Result<Session, QueryError> {
        // What a bundle holds was derived with the shipped models.
        let derived = match own_models {
            [] if !derived.tables.is_empty() => derived,
            _ => derive_tables(&mut facts, own_models)?,
        };
        let mut database = Database::default();
        load_extracted(&facts, &[], &mut database);
        for schema in schemas() {
            database.declare(schema.name, schema.columns);
        }
        let own_models = own_models.to_vec();
        let tree = Tree { facts, derived, own_models, database, filled: FxHashSet::default() };
        Ok(Session::new(Base::Tree(Box::new(tree)), limits))
    }

    pub fn of_files(folder: PathBuf, limits: Limits) -> Session {
        Session::new(Base::Files(folder), limits)
    }

    fn new(base: Base, limits: Limits) -> Session {
        Session { base, limits, said: Vec::new(), count: 0, open: String::new(), is_timed: false }
    }

    /// Whether the last line began what may go on.
    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Drops the lines of a statement that goes on.
    pub fn drop_open(&mut self) {
        self.open.clear();
    }

    /// Takes a line. An empty one ends a statement that goes on.
    pub fn line(&mut self, line: &str) -> Reply {
        let is_last = line.trim().is_empty();
        if self.open.is_empty() {
            if is_last {
                return Reply::Kept;
            }
            if let Some(command) = line.trim().strip_prefix(':') {
                return self.command(command);
            }
        }
        self.open.push_str(line);
        self.open.push('\n');
        match Typed::of(&self.open) {
            Ok(Typed::Unfinished) if !is_last => Reply::More,
            Ok(Typed::Statements) => {
                let text = std::mem::take(&mut self.open);
                self.say(text)
            }
            Ok(_) => {
                let text = std::mem::take(&mut self.open);
                self.ask(&text)
            }
            Err(problem) => {
                self.open.clear();
                Reply::Error(problem.to_string())
            }
        }
    }

    fn command(&mut self, command: &str) -> Reply {
        let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
        match (name, rest.trim()) {
            ("relations", _) => {
                Reply::Lines(self.relations().into_iter().map(|(name, columns)| shape(&name, &columns)).collect())
            }
            ("schema", name) => self.schema(name),
            ("explain", text) => self.explain(text),
            ("program", _) => {
                Reply::Lines(self.said.iter().flat_map(|(_, text)| text.lines().map(str::to_owned)).collect())
            }
            ("forget", _) => {
                self.said.clear();
                Reply::Kept
            }
            ("time", _) => {
                self.is_timed = !self.is_timed;
                let now = if self.is_timed { "times are shown" } else { "times are not shown" };
                Reply::Lines(vec![now.to_owned()])
            }
            ("help", _) => Reply::Lines(help()),
            ("quit" | "exit" | "q", _) => Reply::End,
            _ => Reply::Error(format!("there is no command `:{name}`; `:help` lists them")),
        }
    }

    fn schema(&self, name: &str) -> Reply {
        let known = self.relations().into_iter().find(|(known, _)| known == name);
        let Some((_, columns)) = known else {
            return Reply::Error(format!("there is no relation `{name}`; `:relations` lists them"));
        };
        let mut lines = vec![shape(name, &columns)];
        let schemas = schemas();
        let doc = schemas.iter().find(|schema| schema.name == name && matches!(self.base, Base::Tree(_)));
        if let Some(schema) = doc {
            lines.extend([String::new(), schema.doc.to_owned()]);
        }
        Reply::Lines(lines)
    }

    /// Names and columns, those that were said last; what does not hold by itself has none.
    fn relations(&self) -> Vec<(String, Vec<datalog::Column>)> {
        let mut database = match &self.base {
            Base::Tree(_) => {
                let mut database = Database::default();
                for schema in schemas() {
                    database.declare(schema.name, schema.columns);
                }
                database
            }
            Base::Files(_) => Database::default(),
        };
        if let Ok(program) = datalog::parse_said(&self.said, None, &mut beside("")) {
            // Each statement was found to be sound when it was said.
            let _ = datalog::declare(&program, &mut database);
        }
        database.relations().iter().map(|relation| (relation.name.clone(), relation.columns.clone())).collect()
    }

    fn say(&mut self, text: String) -> Reply {
        self.count += 1;
        self.said.push((format!("input {}", self.count), text));
        let outcome = datalog::parse_said(&self.said, None, &mut beside("")).map_err(QueryError::from);
        let outcome = outcome.and_then(|program| {
            let shows = program.directives.iter().any(|directive| directive.kind != IoKind::Input);
            self.run(&program, if shows { Wanted::Rows } else { Wanted::Soundness })
        });
        match outcome {
            Ok(reply) => reply,
            Err(error) => {
                self.said.pop();
                Reply::Error(error.to_string())
            }
        }
    }

    fn ask(&mut self, text: &str) -> Reply {
        self.about(text, Wanted::Rows)
    }

    fn explain(&mut self, text: &str) -> Reply {
        if text.is_empty() {
            return Reply::Error("what is to be explained? `:explain calls(s, f, _)`".to_owned());
        }
        self.about(text, Wanted::Proof)
    }

    fn about(&mut self, text: &str, wanted: Wanted) -> Reply {
        let program = datalog::parse_said(&self.said, Some(("question", text)), &mut beside(""));
        let reply = program.map_err(QueryError::from).and_then(|program| self.run(&program, wanted));
        reply.unwrap_or_else(|error| Reply::Error(error.to_string()))
    }

    fn run(&mut self, program: &Program, wanted: Wanted) -> Result<Reply, QueryError> {
        let (limits, started) = (self.limits, Instant::now());
        let reply = match &mut self.base {
            Base::Tree(tree) => tree.run(program, wanted, &limits)?,
            Base::Files(folder) => {
                let mut database = Database::default();
                match wanted {
                    Wanted::Soundness => datalog::declare(program, &mut database)?,
                    Wanted::Rows | Wanted::Proof => load_files(folder, program, &mut database)?,
                }
                evaluate(program, &mut database, None, wanted, &limits)?
            }
        };
        Ok(match reply {
            Reply::Tables(tables, _) => Reply::Tables(tables, self.is_timed.then(|| started.elapsed())),
            other => other,
        })
    }

    /// What the word before `at` may become: where it begins, and the ways to go on.
    pub fn completions(&self, line: &str, at: usize) -> (usize, Vec<String>) {
        let before = line.get(..at).unwrap_or(line);
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '?');
        let start = before.rfind(|c: char| !is_name(c)).map_or(0, |last| last + 1);
        let (lead, word) = before.split_at(start);
        if lead == ":" {
            let names = COMMANDS.iter().map(|(name, ..)| name[1..].to_owned());
            return (start, names.filter(|name| name.starts_with(word)).collect());
        }
        let relations = self.relations();
        let columns = called(lead).and_then(|name| relations.iter().find(|(known, _)| known == name));
        let mut found: Vec<String> = match columns {
            // Behind a colon stands a value.
            Some((_, columns)) if !lead.trim_end().ends_with(':') => {
                columns.iter().map(|column| format!("{}: ", column.name)).collect()
            }
            Some(_) => Vec::new(),
            None => {
                let end = if lead.trim_start().starts_with(":schema") { "" } else { "(" };
                relations.iter().map(|(name, _)| format!("{name}{end}")).collect()
            }
        };
        found.retain(|name| name.starts_with(word));
        found.sort();
        (start, found)
    }
}

/// What is wanted of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Rows,
    Proof,
    /// Only to know that it has a meaning.
    Soundness,
}

impl Tree {
    fn run(&mut self, program: &Program, wanted: Wanted, limits: &Limits) -> Result<Reply, QueryError> {
        let schemas = schemas();
        if let Some(name) = program.defined().find(|name| schemas.iter().any(|schema| schema.name == *name)) {
            return Err(QueryError::Taken { name: name.to_owned() });
        }
        let foreign = program.foreign();
        let open: Vec<&str> = foreign.into_iter().filter(|name| !self.filled.contains(name)).collect();
        if wanted != Wanted::Soundness {
            load_extracted(&self.facts, &open, &mut self.database);
            let open_still = load_tables(&self.facts, &self.derived, &open, &mut self.database);
            derive_relations(&self.facts, &self.own_models, &open_still, &mut self.database)?;
            let filled = schemas.iter().map(|schema| schema.name).filter(|name| open.contains(name));
            self.filled.extend(filled);
        }
        let known = self.database.relations().len();
        let outcome = datalog::declare(program, &mut self.database)
            .map_err(QueryError::from)
            .and_then(|()| evaluate(program, &mut self.database, Some(&self.facts), wanted, limits));
        self.database.truncate(known);
        outcome
    }
}

/// Evaluates a program whose relations are declared and filled.
fn evaluate(
    program: &Program,
    database: &mut Database,
    facts: Option<&FactBase>,
    wanted: Wanted,
    limits: &Limits,
) -> Result<Reply, QueryError> {
    match wanted {
        Wanted::Soundness => {
            datalog::verify(program, database)?;
            Ok(Reply::Kept)
        }
        Wanted::Rows => {
            datalog::answer(program, database, limits)?;
            Ok(Reply::Tables(tables(program, database, facts), None))
        }
        Wanted::Proof => {
            datalog::evaluate(program, database, limits)?;
            let names = facts.map(Names::new);
            let proofs = proofs(program, database, names.as_ref(), 1)?;
            let mut lines = Vec::new();
            // The question itself says nothing; what it rests on does.
            for premise in proofs.iter().flat_map(|proof| &proof.premises) {
                if let Premise::Holds(proof) = premise {
                    lines.extend(crate::proofs::lines(proof, database, &readable(names.as_ref())));
                }
            }
            if proofs.is_empty() {
                lines.push("it does not hold".to_owned());
            }
            Ok(Reply::Lines(lines))
        }
    }
}

/// The relation whose parenthesis is open at the end of a text.
fn called(text: &str) -> Option<&str> {
    let mut depth = 0;
    for (at, c) in text.char_indices().rev() {
        match c {
            ')' => depth += 1,
            '(' if depth > 0 => depth -= 1,
            '(' => {
                let before = text[..at].trim_end();
                let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '?');
                let start = before.rfind(|c: char| !is_name(c)).map_or(0, |last| last + 1);
                return Some(&before[start..]).filter(|name| !name.is_empty());
            }
            _ => {}
        }
    }
    None
}

fn shape(name: &str, columns: &[datalog::Column]) -> String {
    let columns: Vec<String> =
        columns.iter().map(|column| format!("{}: {}", column.name, type_name(column.type_))).collect();
    format!("{name}({})", columns.join(", "))
}

fn type_name(type_: Type) -> &'static str {
    match type_ {
        Type::Number => "number",
        Type::Symbol => "symbol",
        Type::Id(kind) => kind.name(),
    }
}

fn help() -> Vec<String> {
    let mut lines = vec![
        "a body alone is asked:            effect(function: f, kind: \"db_write\", entity: e)".to_owned(),
        "a statement with its point holds: writes(f) :- effect(function: f, kind: \"db_write\").".to_owned(),
        "an empty line ends what goes on over several lines".to_owned(),
    ];
    lines.extend(COMMANDS.iter().map(|(name, what, does)| format!("{:20}{does}", format!("{name} {what}"))));
    lines
}

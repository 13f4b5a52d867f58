//! `distsys-graph query` without a program: questions line by line, typed at a terminal or read from a pipe.

use std::io::{self, BufRead, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use distsys_graph::datalog::Limits;
use distsys_graph::query::{Reply, Session};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Editor, Helper};

use crate::args::QueryArguments;
use crate::query::{Base, Tree, show};
use crate::text::plain;

/// Set by Ctrl-C while a query runs.
static STOP: AtomicBool = AtomicBool::new(false);

pub(crate) fn run(arguments: &QueryArguments, base: Base<'_>, limits: Limits) -> anyhow::Result<ExitCode> {
    let limits = Limits { stop: Some(&STOP), ..limits };
    let session = match base {
        Base::Files(folder) => Session::of_files(folder.to_path_buf(), limits),
        Base::Tree(path) => {
            let Tree { facts, derived, own_models } = Tree::read(path, arguments)?;
            Session::of_tree(facts, derived, &own_models, limits)?
        }
    };
    if io::stdin().is_terminal() { typed(arguments, session) } else { piped(arguments, session, io::stdin().lock()) }
}

/// Answers line by line; an error does not end the conversation, but says so at the end.
fn piped(arguments: &QueryArguments, mut session: Session, lines: impl BufRead) -> anyhow::Result<ExitCode> {
    let mut out = BufWriter::new(anstream::stdout());
    let mut has_failed = false;
    let end = std::iter::once(Ok(String::new()));
    for line in lines.lines().chain(end) {
        match tell(&mut out, arguments, session.line(&line?))? {
            Told::End => break,
            Told::Error => has_failed = true,
            Told::Answer => {}
        }
    }
    Ok(if has_failed { ExitCode::from(2) } else { ExitCode::SUCCESS })
}

fn typed(arguments: &QueryArguments, session: Session) -> anyhow::Result<ExitCode> {
    // While a line is typed Ctrl-C is a key; else it is this signal.
    ctrlc::set_handler(|| STOP.store(true, Ordering::Relaxed)).context("Ctrl-C cannot be caught")?;
    let config = Config::builder().completion_type(CompletionType::List).max_history_size(1000)?.build();
    let mut editor: Editor<Typing, FileHistory> = Editor::with_config(config)?;
    editor.set_helper(Some(Typing { session }));
    let history = history_file();
    if let Some(file) = &history {
        // There is none the first time.
        let _ = editor.load_history(file);
    }
    anstream::eprintln!("questions in Datalog; `:help` says how, Tab completes, Ctrl-D ends");
    let mut out = anstream::stdout();
    loop {
        let is_open = editor.helper().is_some_and(|typing| typing.session.is_open());
        let line = match editor.readline(if is_open { ". " } else { "? " }) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => {
                if let Some(typing) = editor.helper_mut() {
                    typing.session.drop_open();
                }
                continue;
            }
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(error.into()),
        };
        if !line.trim().is_empty() {
            editor.add_history_entry(&line)?;
        }
        STOP.store(false, Ordering::Relaxed);
        let Some(typing) = editor.helper_mut() else { break };
        if matches!(tell(&mut out, arguments, typing.session.line(&line))?, Told::End) {
            break;
        }
    }
    if let Some(file) = &history {
        let folder = file.parent().map_or(Ok(()), std::fs::create_dir_all);
        let saved = folder.map_err(ReadlineError::Io).and_then(|()| editor.save_history(file));
        saved.with_context(|| format!("{}: the history cannot be kept", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

enum Told {
    Answer,
    Error,
    End,
}

fn tell(out: &mut impl Write, arguments: &QueryArguments, reply: Reply) -> io::Result<Told> {
    match reply {
        Reply::Kept | Reply::More => {}
        Reply::Tables(tables, time) => {
            show(out, arguments, &tables)?;
            if let Some(time) = time {
                writeln!(out, "in {:.3} s", time.as_secs_f64())?;
            }
        }
        Reply::Lines(lines) => lines.iter().try_for_each(|line| writeln!(out, "{}", plain(line)))?,
        Reply::Error(error) => {
            out.flush()?;
            anstream::eprintln!("{error}");
            return Ok(Told::Error);
        }
        Reply::End => return Ok(Told::End),
    }
    out.flush()?;
    Ok(Told::Answer)
}

/// Where lines are kept between conversations, after the customs of the system.
fn history_file() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = of("XDG_STATE_HOME").or_else(|| of("LOCALAPPDATA"));
    let state = state.or_else(|| of("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("distsys-graph").join("history"))
}

/// What helps while a line is typed.
struct Typing {
    session: Session,
}

impl Helper for Typing {}
impl Validator for Typing {}

impl Hinter for Typing {
    type Hint = String;
}

impl Highlighter for Typing {}

impl Completer for Typing {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &rustyline::Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.session.completions(line, at))
    }
}

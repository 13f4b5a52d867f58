//! What no model knows: the calls into libraries that a tree makes and no operation stands for, so that the next model to
//! write is never a guess.

use distsys_engine::resolve::Resolution;
use distsys_engine::{Family, ModelError, Program};
use distsys_facts::FactBase;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::models;

/// A library that a tree calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingLibrary {
    pub family: Family,
    /// As it is imported: `axios`, `@prisma/client`, `sqlx`.
    pub library: String,
    /// Call sites that no operation stands for.
    pub unknown: usize,
    /// Call sites that an operation stands for.
    pub known: usize,
    /// The qualified names that are called most, each with its unknown call sites.
    pub callees: Vec<(String, usize)>,
}

/// Call sites that are unknown, that are known, and the unknown ones by name.
type Counted<'p> = (usize, usize, FxHashMap<&'p str, usize>);

/// So many names are told of each library.
const MAX_CALLEES: usize = 8;

/// The libraries that the sources of a tree call (its tests and examples left out), by unknown call sites, most first. The
/// standard libraries are left out.
pub fn missing(facts: &FactBase, own_models: &[(String, String)]) -> Result<Vec<MissingLibrary>, ModelError> {
    let models = models::model_set(own_models)?;
    let program = Program::new(facts);
    let resolution = Resolution::solve(&program, &models);
    let imported = imported(&program);
    let mut by_library: FxHashMap<(Family, &str), Counted<'_>> = FxHashMap::default();
    let mut seen: FxHashSet<_> = FxHashSet::default();
    for &(site, path, _) in &resolution.external {
        let function = program.site(site).function;
        if program.is_out_of_scope(function) || !seen.insert(site) {
            continue;
        }
        let family: Family = program.language(program.file_of_function(function)).into();
        let callee = resolution.paths.text(path);
        let library = library(family, callee);
        if !imported.contains(&(family, library)) || is_standard(family, library) {
            continue;
        }
        let entry = by_library.entry((family, library)).or_default();
        if models.ops_of(family, callee).is_empty() {
            entry.0 += 1;
            *entry.2.entry(callee).or_default() += 1;
        } else {
            entry.1 += 1;
        }
    }
    let mut found: Vec<MissingLibrary> = by_library
        .into_iter()
        .filter(|(_, (unknown, ..))| *unknown > 0)
        .map(|((family, library), (unknown, known, callees))| {
            let mut callees: Vec<(String, usize)> =
                callees.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
            callees.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
            callees.truncate(MAX_CALLEES);
            MissingLibrary { family, library: library.to_owned(), unknown, known, callees }
        })
        .collect();
    found.sort_by(|a, b| (b.unknown, a.family, &a.library).cmp(&(a.unknown, b.family, &b.library)));
    Ok(found)
}

/// The library that a qualified name belongs to.
fn library(family: Family, path: &str) -> &str {
    match family {
        // `@aws-sdk/client-s3.S3Client`, `next/server.NextResponse`
        Family::Script => {
            let module = path.split('.').next().unwrap_or(path);
            let mut slashes = module.match_indices('/').map(|(at, _)| at);
            let end = if module.starts_with('@') { slashes.nth(1) } else { slashes.next() };
            &module[..end.unwrap_or(module.len())]
        }
        Family::Python | Family::Rust => path.split('.').next().unwrap_or(path),
        // `github.com/redis/go-redis.Client`, `gorm.io/gorm.DB`: the repository, or the path where it has a name of its own.
        Family::Go => {
            let (host, rest) = path.split_once('/').unwrap_or((path, ""));
            if !host.contains('.') || rest.is_empty() {
                return path.split('.').next().unwrap_or(path);
            }
            let segments = if matches!(host, "github.com" | "gitlab.com" | "bitbucket.org") { 2 } else { 1 };
            let end = rest.match_indices(['/', '.']).map(|(at, _)| at);
            let end = end
                .filter(|at| rest[..*at].matches('/').count() + 1 >= segments)
                .find(|at| rest.as_bytes()[*at] == b'/' || rest[at + 1..].starts_with(char::is_uppercase));
            &path[..host.len() + 1 + end.unwrap_or(rest.len())]
        }
        // `org.springframework.kafka.core.KafkaTemplate`: so much of a package as tells libraries apart.
        Family::Java => {
            let mut dots = path.match_indices('.').map(|(at, _)| at);
            let package = path.split('.').position(|part| part.starts_with(char::is_uppercase)).unwrap_or(usize::MAX);
            &path[..dots.nth(package.clamp(1, 3) - 1).unwrap_or(path.len())]
        }
    }
}

/// The libraries that imports name.
fn imported<'f>(program: &Program<'f>) -> FxHashSet<(Family, &'f str)> {
    let r = &program.facts.relations;
    let targets = r.import.iter().map(|row| (row.module, row.target));
    let globs = r.import_glob.iter().map(|row| (row.module, row.target));
    let globals = r.global.iter().map(|row| (row.module, row.path));
    targets
        .chain(globs)
        .map(|(module, target)| (module, target, false))
        .chain(globals.map(|(module, path)| (module, path, true)))
        .filter_map(|(module, target, global)| {
            let family: Family = program.language(program.file_of_module(module)).into();
            // What Rust names in full needs no `use`.
            (!global || family == Family::Rust).then(|| (family, library(family, program.text(target))))
        })
        .filter(|(_, name)| !name.is_empty() && !name.starts_with('.'))
        .collect()
}

fn is_standard(family: Family, library: &str) -> bool {
    match family {
        Family::Rust => matches!(library, "std" | "core" | "alloc" | "crate" | "self" | "super"),
        // A host has a dot in its name, the packages of the language and its built-in names have none.
        Family::Go => !library.split('/').next().is_some_and(|host| host.contains('.')),
        Family::Java => library == "java" || library.starts_with("java."),
        Family::Python => PYTHON_STANDARD.split_ascii_whitespace().any(|known| known == library),
        Family::Script => {
            library.starts_with("node:") || NODE_STANDARD.split_ascii_whitespace().any(|known| known == library)
        }
    }
}

/// `sys.stdlib_module_names` of Python 3, those that begin with `_` left out.
const PYTHON_STANDARD: &str = "\
    abc aifc antigravity argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii bisect \
    builtins bz2 cProfile calendar cgi cgitb chunk cmath cmd code codecs codeop collections colorsys compileall \
    concurrent configparser contextlib contextvars copy copyreg crypt csv ctypes curses dataclasses datetime dbm \
    decimal difflib dis distutils doctest email encodings ensurepip enum errno faulthandler fcntl filecmp \
    fileinput fnmatch fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip \
    hashlib heapq hmac html http idlelib imaplib imghdr imp importlib inspect io ipaddress itertools json keyword \
    lib2to3 linecache locale logging lzma mailbox mailcap marshal math mimetypes mmap modulefinder msilib msvcrt \
    multiprocessing netrc nis nntplib nt ntpath nturl2path numbers opcode operator optparse os ossaudiodev pathlib \
    pdb pickle pickletools pipes pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd \
    py_compile pyclbr pydoc pydoc_data pyexpat queue quopri random re readline reprlib resource rlcompleter runpy \
    sched secrets select selectors shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver spwd \
    sqlite3 sre_compile sre_constants sre_parse ssl stat statistics string stringprep struct subprocess sunau \
    symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios textwrap this threading time timeit \
    tkinter token tokenize tomllib trace traceback tracemalloc tty turtle turtledemo types typing unicodedata \
    unittest urllib uu uuid venv warnings wave weakref webbrowser winreg winsound wsgiref xdrlib xml xmlrpc zipapp \
    zipfile zipimport zlib zoneinfo";

/// `module.builtinModules` of Node.js.
const NODE_STANDARD: &str = "\
    assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns domain events fs \
    http http2 https inspector module net os path perf_hooks process punycode querystring readline repl stream \
    string_decoder sys timers tls trace_events tty url util v8 vm wasi worker_threads zlib";

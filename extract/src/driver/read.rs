//! One file: its text, then its facts.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use distsys_facts::{DiagnosticKind, FactBase, Role};

use super::{guard, paths};
use crate::front_end::front_end_for;
use crate::manifest;

/// Where the bytes of a file are.
#[derive(Debug)]
pub(super) enum Origin {
    File(PathBuf),
    Memory(Vec<u8>),
}

/// Why a file gives no facts.
pub(super) type Refusal = (DiagnosticKind, String);

impl Origin {
    /// Leaves nothing to be read.
    pub(super) fn take(&mut self) -> Origin {
        std::mem::replace(self, Origin::Memory(Vec::new()))
    }

    pub(super) fn bytes(&self) -> Result<std::borrow::Cow<'_, [u8]>, Refusal> {
        match self {
            Origin::Memory(bytes) => Ok(bytes.into()),
            Origin::File(path) => match std::fs::read(path) {
                Ok(bytes) => Ok(bytes.into()),
                Err(error) => Err((DiagnosticKind::Unreadable, error.to_string())),
            },
        }
    }
}

/// The facts of a text, a function of path and bytes alone. Parsers that panic give up one file.
pub(super) fn lower(path: &str, bytes: &[u8]) -> Result<FactBase, Refusal> {
    let text = decode(bytes)
        .map_err(|at| (DiagnosticKind::InvalidUtf8, format!("no valid UTF-8 at byte {at}; save the file as UTF-8")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let name = path.rsplit('/').next().unwrap_or(path);
    if let Some(refusal) = guard::refuse(text) {
        return Err(refusal);
    }
    if manifest::is_manifest(name) {
        return manifest::lower(path, name, text).map_err(|message| (DiagnosticKind::Unparsable, message));
    }
    let Some(front_end) = front_end_for(path) else {
        return Err((DiagnosticKind::Unparsable, "no front end reads this kind of file".to_owned()));
    };
    let role = match paths::role(path) {
        Role::Source if guard::is_generated(text) => Role::Generated,
        Role::Source if guard::is_for_page(text) => Role::Page,
        role => role,
    };
    catch_unwind(AssertUnwindSafe(|| front_end.lower(path, text, role))).map_err(|_| {
        let message = format!("the {} front end failed on this file; please report it", front_end.name());
        (DiagnosticKind::Internal, message)
    })
}

/// UTF-8, or UTF-16 that says so; the offset of the first fault else.
fn decode(bytes: &[u8]) -> Result<std::borrow::Cow<'_, str>, usize> {
    let wide = |bytes: &[u8], read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| read([pair[0], pair[1]])).collect();
        String::from_utf16(&units).map(Into::into).map_err(|_| 0)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        _ => std::str::from_utf8(bytes).map(Into::into).map_err(|error| error.valid_up_to()),
    }
}

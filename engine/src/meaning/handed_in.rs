//! Requests that a function of the project is handed half made and only sends:
//! `async fn json(&self, call: RequestBuilder)`, where `call.send()` stands. What was said of one before is the caller's to
//! say, each for its own: its attributes are entries of the parameter, under names that say of which model they are.

use distsys_facts::{ParameterKind, VarId};

use super::callbacks::parameter_of;
use super::operations::{Found, Operand, Operation};
use super::reader::Reader;
use crate::model::source::Source;
use crate::operation::{Attr, OpKind};

/// What a caller may have said of a request that it hands on.
const SAID_BEFORE: &[Attr] = &[Attr::Method, Attr::Url, Attr::IdempotencyKey, Attr::Timeout];

/// How the entry for an attribute of a model begins; no text in a program is like it.
const MARK: &str = "\u{1}";

fn entry_of(model: u32, attr: Attr) -> String {
    format!("{MARK}{model} {attr}")
}

/// Whether an entry of a parameter stands for what was said of a request.
pub(super) fn is_said_before(entry: &str) -> bool {
    entry.starts_with(MARK)
}

fn said(entry: &str) -> Option<(u32, Attr)> {
    let (model, attr) = entry.strip_prefix(MARK)?.split_once(' ')?;
    Some((model.parse().ok()?, Attr::from_name(attr)?))
}

impl Reader<'_, '_> {
    /// An attribute of a request that was handed in, of which the function that sends it says nothing.
    pub(super) fn said_by_callers(&self, op: &Operation, attr: Attr) -> Option<Found> {
        if op.kind != OpKind::HttpRequest || !SAID_BEFORE.contains(&attr) {
            return None;
        }
        let url = self.model(op).attribute(Attr::Url)?;
        if attr != Attr::Url && !matches!(self.first(op, url), Found::Absent | Found::Unknown) {
            return None;
        }
        let parameter = self.request_handed_in(op, url)?;
        let mut passed = self.resolution.passed_to(parameter).filter(|row| row.argument != parameter).peekable();
        passed.peek()?;
        // What nobody says is not said.
        let is_absent = |argument: VarId| self.said_of(argument, op.model, attr) == Found::Absent;
        Some(match passed.all(|row| is_absent(row.argument)) {
            true => Found::Absent,
            false => Found::Is(Operand::Within(parameter, vec![entry_of(op.model, attr)])),
        })
    }

    /// The parameter that the request is which an operation sends, or is built on.
    fn request_handed_in(&self, op: &Operation, url: &[Source]) -> Option<VarId> {
        let request = url.iter().find_map(|source| match source {
            Source::Maker(position, _) => self.argument(op.call, *position + op.shift as usize),
            Source::Chain(..) => self.call(op.call).and_then(|call| call.receiver),
            _ => None,
        })?;
        self.plain_parameter(request).or_else(|| self.built_on(request))
    }

    fn plain_parameter(&self, var: VarId) -> Option<VarId> {
        let parameter = parameter_of(*self, var)?;
        self.program.parameter(parameter).filter(|row| row.kind != ParameterKind::Receiver).map(|row| row.var)
    }

    /// What the entry `entry` of a request stands for, if it is one that says what was said before.
    pub(super) fn said_under(&self, request: VarId, entry: &str) -> Option<Found> {
        let (model, attr) = said(entry)?;
        Some(self.said_of(request, model, attr))
    }

    /// What the calls that made `request` said of it.
    fn said_of(&self, request: VarId, model: u32, attr: Attr) -> Found {
        let before = || Found::Is(Operand::Within(request, vec![entry_of(model, attr)]));
        let Some(call) = self.made_at_last(request).and_then(|site| self.call(site)) else {
            return if self.plain_parameter(request).is_some() { before() } else { Found::Unknown };
        };
        let at = self.at(call);
        let here = |attr| self.said_here(&at, request, self.models.op(at.family, model).attribute(attr));
        let found = here(attr);
        if !matches!(found, Found::Absent | Found::Unknown) {
            return found;
        }
        // Where it is begun, nothing was said before.
        let is_begun = attr != Attr::Url && !matches!(here(Attr::Url), Found::Absent | Found::Unknown);
        match self.built_on(request).filter(|_| !is_begun) {
            Some(parameter) => Found::Is(Operand::Within(parameter, vec![entry_of(model, attr)])),
            None => found,
        }
    }

    /// What sources find at the calls of one function that made `request`.
    fn said_here(&self, at: &Operation, request: VarId, sources: Option<&[Source]>) -> Found {
        Found::first(sources.unwrap_or_default().iter().map(|source| match source {
            Source::Maker(_, inner) => self.at_maker(at, request, inner),
            Source::Chain(..) | Source::After(_) | Source::Any(_) => self.at_maker(at, request, source),
            _ => Found::Absent,
        }))
    }
}

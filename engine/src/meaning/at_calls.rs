//! Terms of a callee said in the words of its caller.

use distsys_facts::{FunctionId, ParameterKind, SiteId, VarId};

use super::terms::{Describer, Name, Term};

pub(super) enum Argument {
    Given(VarId),
    /// What is given for a parameter that gathers what is left: none, some, or one that is spread.
    Gathered(Vec<VarId>),
    Omitted,
    /// The parameter is of a function around the callee.
    Elsewhere,
    /// The caller is not seen (a callback run by a library).
    Hidden,
    /// All keyword arguments of the call that no other parameter takes.
    Keywords(SiteId),
}

impl<'m, 'f> Describer<'m, 'f> {
    /// A callee's term at a call: what the caller passes for its parameters.
    /// `call` is the site, none if a library makes the call.
    pub(super) fn at_call(&mut self, term: Term, callee: FunctionId, call: Option<SiteId>) -> Term {
        self.at_call_within(term, callee, call, 0)
    }

    pub(super) fn at_call_within(&mut self, term: Term, callee: FunctionId, call: Option<SiteId>, depth: u32) -> Term {
        match term {
            Term::Parameter(parameter) => match self.argument(parameter, callee, call) {
                Argument::Given(var) => self.describe_at(var, depth),
                Argument::Omitted => Term::Absent,
                Argument::Elsewhere => term,
                Argument::Gathered(given) => match given[..] {
                    [only] => self.describe(only),
                    _ => Term::Unknown,
                },
                Argument::Hidden | Argument::Keywords(_) => Term::Unknown,
            },
            Term::Filled(hole, name, at) => match self.argument(hole.parameter, callee, call) {
                Argument::Given(var) => {
                    let given = match hole.field {
                        Some(field) if self.is_receiver(hole.parameter) => self.held(var, field, depth),
                        // `key({ of: "order", id })`
                        Some(field) => {
                            let path = self.path_of(field);
                            let found = self.reader.within(var, &path);
                            match self.term(&found) {
                                // What is but partly known tells keys apart that are of one kind.
                                Term::Text(name) if self.names.text(name).contains("{}") => Term::Unknown,
                                Term::Filled(..) => Term::Unknown,
                                given => given,
                            }
                        }
                        None => self.describe_at(var, depth),
                    };
                    self.filled(name, at, given)
                }
                Argument::Elsewhere => term,
                Argument::Gathered(given) => match given[..] {
                    [only] => {
                        let given = self.describe(only);
                        self.filled(name, at, given)
                    }
                    _ => self.settled(name),
                },
                Argument::Omitted | Argument::Hidden | Argument::Keywords(_) => self.settled(name),
            },
            Term::Within(parameter, path) => match self.argument(parameter, callee, call) {
                Argument::Given(var) if self.is_receiver(parameter) => self.held(var, path, depth),
                Argument::Given(var) => {
                    let path = self.path_of(path);
                    let found = self.reader.within(var, &path);
                    self.term(&found)
                }
                Argument::Keywords(site) => {
                    let path = self.path_of(path);
                    let found = self.reader.keyword(site, &path);
                    self.term(&found)
                }
                Argument::Gathered(given) => {
                    let path = self.path_of(path);
                    let found = self.reader.set_by_options(&given, &path);
                    self.term(&found)
                }
                Argument::Omitted => Term::Absent,
                Argument::Elsewhere => term,
                Argument::Hidden => Term::Unknown,
            },
            Term::Given(hole, given, otherwise) => self.given_at_call((hole, given, otherwise), callee, call, depth),
            term => term,
        }
    }

    /// The members that a dotted name leads through.
    pub(super) fn path_of(&self, name: Name) -> Vec<String> {
        self.names.text(name).split('.').map(str::to_owned).collect()
    }

    pub(super) fn argument(&self, parameter: VarId, callee: FunctionId, call: Option<SiteId>) -> Argument {
        let program = self.reader.program;
        let Some(row) = program.parameter(parameter) else { return Argument::Hidden };
        if row.function != callee {
            let given = call.and_then(|site| self.reader.given_to_maker(site, row));
            return given.map_or(Argument::Elsewhere, Argument::Given);
        }
        let Some(site) = call else { return Argument::Hidden };
        match self.reader.given_at(site, row) {
            Some(given) => Argument::Given(given),
            None if row.kind == ParameterKind::KeywordRest => Argument::Keywords(site),
            None if row.kind == ParameterKind::Rest => {
                self.reader.gathered(row, site).map_or(Argument::Hidden, Argument::Gathered)
            }
            None => row.default.map_or(Argument::Omitted, Argument::Given),
        }
    }
}

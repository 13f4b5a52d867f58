//! Roles of handles: primary, replica or unknown, followed through fields, helpers and choices.

use distsys_facts::{FunctionId, ParameterKind, SiteId, Sym, VarId};

use super::at_calls::Argument;
use super::callbacks;
use super::terms::{Describer, MAX_DEPTH, Role};
use crate::resolve::{HandleRole, ValueKind};
use crate::words;

impl<'m, 'f> Describer<'m, 'f> {
    pub(super) fn role_at_call(&mut self, role: Role, callee: FunctionId, call: Option<SiteId>) -> Role {
        let (parameter, otherwise) = match role {
            Role::Parameter(parameter) => (parameter, HandleRole::Unknown),
            Role::ParameterOr(parameter, otherwise) => (parameter, otherwise),
            Role::Chosen(condition, taken, other) => return self.role_chosen((condition, taken, other), callee, call),
            Role::Carried(context) => {
                return match self.argument(context, callee, call) {
                    Argument::Given(given) => self.reader.role_carried(given),
                    Argument::Elsewhere => role,
                    _ => Role::Unknown,
                };
            }
            role => return role,
        };
        match self.argument(parameter, callee, call) {
            Argument::Given(var) if otherwise != HandleRole::Unknown && self.reader.is_null(var) => otherwise.into(),
            // Handed on: the caller may have been given none, too.
            Argument::Given(var) if self.is_plain_parameter(var) => match (self.role_of(var), otherwise) {
                (Role::Parameter(of_caller), HandleRole::Replica | HandleRole::Primary) => {
                    Role::ParameterOr(of_caller, otherwise)
                }
                (role, _) => role,
            },
            Argument::Given(var) => match self.role_of(var) {
                // `find(db.reader(), id)`; one of several connections has the name of none.
                Role::Unknown if self.reader.maker(var).is_some() && !self.is_one_of_several(var) => {
                    self.reader.role_named(var).into()
                }
                role => role,
            },
            Argument::Elsewhere => role,
            Argument::Omitted => otherwise.into(),
            Argument::Hidden | Argument::Keywords(_) | Argument::Gathered(_) => Role::Unknown,
        }
    }

    /// The role of the connection that `var` is or holds.
    pub(super) fn role_of(&self, var: VarId) -> Role {
        self.role_at(var, 0)
    }

    pub(super) fn role_at(&self, var: VarId, depth: usize) -> Role {
        if self.is_replica_if_any(var) {
            return Role::Replica;
        }
        if let Some(role) = self.role_by_helper(var, depth) {
            return role;
        }
        let mut found = HandleRole::Unknown;
        let (mut mixed, mut plain) = (false, false);
        for value in self.reader.resolution.values_of(var) {
            if value.role != HandleRole::Unknown {
                mixed |= found != HandleRole::Unknown && found != value.role;
                found = value.role;
            } else {
                plain |= matches!(value.kind, ValueKind::External(_));
            }
        }
        // Some give a connection whose role nothing says.
        mixed |= plain && !self.is_provided(var);
        if (mixed || found == HandleRole::Unknown)
            && let Some(role) = self.role_by_choice(var, depth)
        {
            return role;
        }
        let root = self.root_of(var, depth);
        if found != HandleRole::Unknown && !mixed && !matches!(root, Role::ParameterOr(..)) {
            return found.into();
        }
        root
    }

    /// Whether a connection is called a replica and may be one: where none is set up it is the primary
    /// (`const replica = url ? connect(url) : primary`), and where one is, all that is asked of it is behind.
    fn is_replica_if_any(&self, var: VarId) -> bool {
        let program = self.reader.program;
        let says = |sym: Sym| words::role_of_name(program.text(sym), false) == HandleRole::Replica;
        let may_be_one = |var: VarId| {
            let roles: Vec<HandleRole> = self.reader.resolution.values_of(var).map(|value| value.role).collect();
            roles.contains(&HandleRole::Replica) && roles.contains(&HandleRole::Primary)
        };
        let mut at = var;
        for _ in 0..MAX_DEPTH {
            if program.parameter(at).is_some() {
                return false;
            }
            if program.variable(at).is_some_and(|row| says(row.name)) {
                return may_be_one(at);
            }
            // What objects of one class were made with may be different for each of them.
            if let Some(load) = program.loaded_as(at).filter(|load| says(load.field)) {
                let Some(stored) = self.reader.stored(load.base, load.field) else { return false };
                at = stored;
                continue;
            }
            let called = program.call_giving(at).filter(|call| self.reader.resolution.calls_at(call.site).is_empty());
            let on = called.and_then(|call| call.receiver.or(call.callee));
            let Some(next) = on.or_else(|| program.only_source(at)) else { return false };
            at = next;
        }
        false
    }

    /// The role of what a helper of the project made from a connection that it was given: that of this call's connection, not
    /// of all that the helper was ever given (`tx, err := begin(ctx, pool)`).
    fn role_by_helper(&self, var: VarId, depth: usize) -> Option<Role> {
        const MAX_HELPERS: usize = 4;
        let program = self.reader.program;
        let names_role = |sym: Sym| words::role_of_name(program.text(sym), false) != HandleRole::Unknown;
        if depth >= MAX_HELPERS {
            return None;
        }
        let mut at = var;
        for _ in 0..MAX_DEPTH {
            if program.parameter(at).is_some() || program.variable(at).is_some_and(|row| names_role(row.name)) {
                return None;
            }
            if let Some(call) = program.call_giving(at) {
                // `pool(readonly).connection()`: that of what it is called on.
                let on = call.receiver.filter(|_| self.reader.resolution.calls_at(call.site).is_empty());
                match on.filter(|on| !self.reader.is_named(*on)) {
                    Some(on) => at = on,
                    None => return self.role_given(call.site, depth),
                }
                continue;
            }
            at = match program.loaded_as(at) {
                // An object of the project's own is not a connection, whatever it is called.
                Some(load) if names_role(load.field) && self.reader.class_of(at).is_none() => return None,
                Some(load) => self.reader.stored(load.base, load.field)?,
                None => {
                    let mut sources = program.assigned_from(at).map(|row| row.src);
                    match (sources.next(), sources.next()) {
                        (Some(only), None) => only,
                        (Some(_), Some(_)) => return self.role_of_ways(at, depth),
                        _ => return None,
                    }
                }
            };
        }
        None
    }

    /// The role of what is one of several connections, if a helper made one of them.
    fn role_of_ways(&self, var: VarId, depth: usize) -> Option<Role> {
        let program = self.reader.program;
        const MAX_WAYS: usize = 6;
        let ways = program.assigned_from(var).map(|row| row.src).filter(|way| program.literal(*way).is_none());
        let ways: Vec<VarId> = ways.take(MAX_WAYS).collect();
        ways.iter().find_map(|way| self.role_by_helper(*way, depth + 1))?;
        let mut roles = ways.iter().map(|way| self.role_at(*way, depth + 1));
        let first = roles.next()?;
        Some(if roles.all(|role| role == first) { first } else { Role::Unknown })
    }

    /// The role of one of two connections between which the caller decides.
    fn role_by_choice(&self, var: VarId, depth: usize) -> Option<Role> {
        const MAX_CHOICES: usize = 2;
        let choice = self.choice_behind(var).filter(|_| depth < MAX_CHOICES)?;
        if !self.is_asked_of_caller(choice.condition, 0) {
            return None;
        }
        let role = |var: VarId| match self.role_at(var, depth + 1) {
            Role::Primary => Some(HandleRole::Primary),
            Role::Replica => Some(HandleRole::Replica),
            Role::Unknown => Some(HandleRole::Unknown),
            _ => None,
        };
        // Of methods between which is chosen that of what they give.
        let plain = |var: VarId| match callbacks::functions_of(self.reader, var)[..] {
            [] => role(var),
            [function] => {
                let mut given = self.given_in(function).into_iter();
                let first = role(given.next()?)?;
                given.all(|var| role(var) == Some(first)).then_some(first)
            }
            _ => None,
        };
        Some(match (plain(choice.taken)?, plain(choice.otherwise)?) {
            (HandleRole::Unknown, HandleRole::Unknown) => return None,
            (taken, otherwise) if taken == otherwise => taken.into(),
            // Of one that has no name, only what the other is counts.
            (taken, otherwise) => Role::Chosen(choice.condition, taken, otherwise),
        })
    }

    /// What a function gives, or yields to the block under it.
    fn given_in(&self, function: FunctionId) -> Vec<VarId> {
        let program = self.reader.program;
        let r = &program.facts.relations;
        let returned = program.returns_by_function.of(&r.returns, function).filter_map(|row| row.var);
        let yielded = program.yields_by_function.of(&r.yields, function).filter_map(|row| row.var);
        returned.chain(yielded).filter(|var| program.literal(*var).is_none()).collect()
    }

    fn role_given(&self, site: SiteId, depth: usize) -> Option<Role> {
        if let Some(role) = self.role_held(site, depth).or_else(|| self.role_by_context(site, depth)) {
            return Some(role);
        }
        let [edge] = self.reader.resolution.calls_at(site) else { return None };
        let mut found = None;
        for var in self.given_by(site, edge.function) {
            let role = match self.role_at(var, depth + 1) {
                Role::Unknown => return None,
                Role::Parameter(parameter) | Role::ParameterOr(parameter, _) => {
                    let passed =
                        self.reader.resolution.passed_at(site).iter().find(|row| row.parameter == parameter)?;
                    self.role_at(passed.argument, depth + 1)
                }
                Role::Chosen(condition, taken, otherwise) => {
                    self.role_chosen((condition, taken, otherwise), edge.function, Some(site))
                }
                // An accessor of one of the connections: `fn reader(&self) -> &Pool { &self.replica }`.
                role => role,
            };
            if found.is_some_and(|known| known != role) {
                return Some(Role::Unknown);
            }
            found = Some(role);
        }
        found
    }

    /// Whether a function of the project provides the connection: nobody else gives one.
    fn is_provided(&self, var: VarId) -> bool {
        let program = self.reader.program;
        let resolution = self.reader.resolution;
        let answered = |var: VarId| program.parameter(var).is_some() && resolution.imported(var).is_some();
        let Some(load) = program.loaded_as(var) else { return answered(var) };
        let class = self.reader.class_of(load.base);
        let filled = class.into_iter().flat_map(|class| resolution.ancestors(class));
        filled.into_iter().any(|class| resolution.provided(*class, load.field).is_some())
            || self.reader.stored(load.base, load.field).is_some_and(answered)
    }

    /// Whether more than one value is assigned to `var`, or to what it is a copy of: `tx ?? this.connection`.
    fn is_one_of_several(&self, var: VarId) -> bool {
        let mut at = var;
        for _ in 0..MAX_DEPTH {
            let mut sources = self.reader.program.assigned_from(at).map(|row| row.src);
            match (sources.next(), sources.next()) {
                (Some(_), Some(_)) => return true,
                (Some(only), None) => at = only,
                (None, _) => return false,
            }
        }
        false
    }

    fn is_plain_parameter(&self, var: VarId) -> bool {
        self.reader.program.parameter(var).is_some_and(|row| row.kind != ParameterKind::Receiver)
    }

    /// The role of the parameter that a connection comes from: `session` of `session.query(…)`, `self` of `self.session`.
    fn root_of(&self, var: VarId, depth: usize) -> Role {
        let program = self.reader.program;
        let mut at = var;
        for _ in 0..MAX_DEPTH {
            if program.parameter(at).is_some() {
                return Role::Parameter(at);
            }
            if let Some(load) = program.loaded_as(at) {
                at = load.base;
            } else if let Some(call) = program.call_giving(at) {
                // `on("orders")`, where a connection is called itself.
                let called = || call.callee.filter(|_| self.reader.resolution.calls_at(call.site).is_empty());
                let Some(receiver) = call.receiver.or_else(called) else { break };
                at = receiver;
            } else {
                let mut sources = program.assigned_from(at).map(|row| row.src);
                match (sources.next(), sources.next(), sources.next()) {
                    (Some(only), None, _) => at = only,
                    (Some(given), Some(otherwise), None) => return self.given_or(given, otherwise, depth),
                    _ => break,
                }
            }
        }
        Role::Unknown
    }

    /// `tx ?? this.replica`: what is passed, else a connection that is there.
    fn given_or(&self, given: VarId, otherwise: VarId, depth: usize) -> Role {
        const MAX_CHOICES: usize = 3;
        if depth >= MAX_CHOICES || !self.is_plain_parameter(given) {
            return Role::Unknown;
        }
        match self.role_at(otherwise, depth + 1) {
            Role::Primary => Role::ParameterOr(given, HandleRole::Primary),
            Role::Replica => Role::ParameterOr(given, HandleRole::Replica),
            _ => Role::Unknown,
        }
    }
}

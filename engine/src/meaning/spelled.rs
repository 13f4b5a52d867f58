//! What a value is called in the source: by its variable, its field, what it was taken from.

use distsys_facts::{ClassId, VarId};

use super::callbacks::parameter_of;
use super::operations::{Found, Operand, Operation};
use super::reader::{MAX_CHAIN, Reader, is_var};
use crate::resolve::{HandleRole, ValueKind};
use crate::words::{role_of_name, role_said};

/// A text for `format` with its holes left open, whatever they are called: `tenant:{tenant}` is `tenant:{}`, as `tenant:%s` is.
pub(super) fn unnamed_holes(text: &str) -> String {
    let mut open = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '%']) {
        open.push_str(&rest[..at]);
        let hole = &rest[at..];
        let named = hole.strip_prefix('{').and_then(|inner| inner.find('}')).map(|end| end + 2);
        let printed = ["%s", "%d"].iter().find(|verb| hole.starts_with(**verb)).map(|verb| verb.len());
        match named.or(printed) {
            Some(length) => {
                open.push_str("{}");
                rest = &hole[length..];
            }
            None => {
                open.push_str(&hole[..1]);
                rest = &hole[1..];
            }
        }
    }
    open.push_str(rest);
    open
}

impl<'m> Reader<'m, '_> {
    /// What the receiver of the first call of the chain is called, as a member or a variable: `models.Order.unscoped().findAll()`.
    pub(super) fn receiver_name(&self, op: &Operation) -> Found {
        let program = self.program;
        let mut at = self.call(op.call).and_then(|call| call.receiver);
        for _ in 0..MAX_CHAIN {
            let Some(var) = at else { break };
            if let Some(call) = program.call_giving(var) {
                at = call.receiver;
                continue;
            }
            let member = program.loaded_as(var).map(|load| load.field);
            let name = member.or_else(|| program.variable(var).map(|row| row.name)).map(|name| program.text(name));
            let name = name.filter(|name| name.starts_with(char::is_uppercase));
            return name.map_or(Found::Absent, |name| Found::Is(Operand::Text(name.to_owned())));
        }
        Found::Absent
    }

    pub(super) fn name_of(&self, var: VarId) -> Found {
        // `cls` of a class that others derive from is the class that the method is called on.
        if let Some(own) = self.own(var) {
            return Found::Is(own);
        }
        if let Some(class) = self.class_of(var) {
            return Found::Is(Operand::Class(class));
        }
        if self.is_null(var) {
            return Found::Unknown;
        }
        if let Some(text) = self.constant(var) {
            return Found::Is(Operand::Text(text.to_owned()));
        }
        // A column of an entity's class: `select(Account.balance)`, `select(func.count(Account.id))`.
        let counted = self.program.call_giving(var).and_then(|call| self.program.arguments(call.site).next());
        if let Some(load) = self.program.loaded_as(counted.map_or(var, |row| row.var))
            && let Some(class) = self.only_class(load.base)
        {
            return Found::Is(Operand::Class(class));
        }
        if let Some(class) = self.class_of_columns(var) {
            return Found::Is(Operand::Class(class));
        }
        if let Some(name) = self.made_under(var) {
            return Found::Is(Operand::Text(name.to_owned()));
        }
        // What a call of a library gave is not called like that.
        let is_given = self.maker(var).is_some() || parameter_of(*self, var).is_some();
        let is_name = |path: &str| {
            let is_type = path.rsplit('.').next().is_some_and(|name| name.starts_with(char::is_uppercase));
            !path.starts_with("typing") && (is_type || !is_given)
        };
        let mut names = self.resolution.values_of(var).filter_map(|value| match value.kind {
            ValueKind::External(path) if !is_name(self.resolution.paths.text(path)) => None,
            ValueKind::Function(function) => Some(self.program.text(self.program.function(function).name).to_owned()),
            // What a library made for a variable of the project is not called like the library's function.
            ValueKind::External(_) if self.resolution.imported(var).is_some() => None,
            ValueKind::External(path) => self.resolution.paths.text(path).rsplit('.').next().map(str::to_owned),
            _ => None,
        });
        match (names.next(), names.next()) {
            (Some(name), None) => Found::Is(Operand::Text(name)),
            _ => is_var(var),
        }
    }

    /// The class that columns which an operator works on are of: `Plan.visits_allowed - used`, `Visit.plan_id == plan_id`.
    pub(super) fn class_of_columns(&self, var: VarId) -> Option<ClassId> {
        let program = self.program;
        let mut stack = vec![var];
        for _ in 0..MAX_CHAIN {
            let at = stack.pop()?;
            if at != var
                && let Some(class) = program.loaded_as(at).and_then(|load| self.only_class(load.base))
            {
                return Some(class);
            }
            let binary = program.binary_by_dst.of(&program.facts.relations.binary, at);
            let sides: Vec<VarId> = binary.flat_map(|row| std::iter::once(row.left).chain(row.right)).collect();
            stack.extend(sides.into_iter().rev());
        }
        None
    }

    /// The name under which a library made `var`: `pgTable("orders", …)`, `Table("orders", metadata)`.
    pub(super) fn made_under(&self, var: VarId) -> Option<&'m str> {
        let maker = self.maker(var)?;
        if self.resolution.external_at(maker.site).is_empty() {
            return None;
        }
        let name = self.constant(self.argument(maker.site, 0)?)?;
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        name.chars().all(plain).then_some(name)
    }

    /// Everything that names a value: its constant text, the text around its holes, the variables and fields it is held by.
    pub(super) fn names_of(&self, var: VarId) -> Vec<&'m str> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut names = Vec::new();
        let mut stack = vec![var];
        while let Some(at) = stack.pop() {
            if names.len() > MAX_CHAIN {
                break;
            }
            names.extend(self.constant(at));
            names.extend(program.template(at).map(|text| program.text(text)));
            names.extend(program.variable(at).map(|row| program.text(row.name)));
            names.extend(program.parameter(at).map(|row| program.text(row.name)));
            if let Some(load) = program.loaded_as(at) {
                names.push(program.text(load.field));
            }
            if let Some(call) = program.call_giving(at) {
                names.push(program.text(call.name));
            }
            stack.extend(program.assigned_from(at).map(|row| row.src));
            stack.extend(program.element_by_var.of(&r.element, at).map(|row| row.value));
            stack.extend(program.hole_by_var.of(&r.hole, at).map(|row| row.value));
            // `PREFIX + id`
            for row in program.binary_by_dst.of(&r.binary, at).filter(|row| program.text(row.operator) == "+") {
                stack.extend(row.right);
                stack.push(row.left);
            }
            // `lock_key(id)`: a helper of the project that puts it together.
            stack.extend(program.call_giving(at).and_then(|call| self.only_return(call.site)));
        }
        names
    }

    /// The role of a connection that the names of a value say.
    pub(super) fn role_named(&self, var: VarId) -> HandleRole {
        let roles = self.names_of(var).into_iter().map(|name| role_of_name(name, false));
        roles.into_iter().find(|role| *role != HandleRole::Unknown).unwrap_or_default()
    }
}

impl Reader<'_, '_> {
    /// The role that a value says which is there to say one: `ReadPreference.secondaryPreferred()`.
    pub(super) fn role_said(&self, var: VarId) -> HandleRole {
        let roles = self.names_of(var).into_iter().map(role_said);
        roles.into_iter().find(|role| *role != HandleRole::Unknown).unwrap_or_default()
    }
}

/// The segment of a qualified name before the one called `segment`.
pub(super) fn before<'t>(path: &'t str, segment: &str) -> Option<&'t str> {
    let mut last = None;
    for part in path.split('.') {
        if part == segment {
            return last;
        }
        last = Some(part);
    }
    None
}

impl Reader<'_, '_> {
    /// Whether an entry is under a key that is wanted; none where a constant names it (`[SIGNATURE]`) whose text is not seen.
    pub(super) fn is_under(&self, key: &str, wanted: &str) -> Option<bool> {
        let Some(name) = key.strip_prefix('[').and_then(|key| key.strip_suffix(']')).filter(|name| is_constant(name))
        else {
            return Some(!key.is_empty() && same_key(key, wanted));
        };
        let texts = self.program.facts.symbols.lookup(name).map_or(&[][..], |name| self.program.texts_called(name));
        if texts.is_empty() { None } else { Some(texts.iter().any(|text| same_key(self.program.text(*text), wanted))) }
    }
}

fn is_constant(name: &str) -> bool {
    name.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Keys compare without case, `-` and `_`; an idempotency key is one by whichever of its names.
pub(super) fn same_key(left: &str, right: &str) -> bool {
    let plain =
        |text: &str| text.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect::<String>();
    if left == right || left.is_empty() || left.len().abs_diff(right.len()) > 6 {
        return left == right;
    }
    let (left, right) = (plain(left), plain(right));
    left == right
        || left == IDEMPOTENCY_KEY && is_other_idempotency_key(&right)
        || right == IDEMPOTENCY_KEY && is_other_idempotency_key(&left)
}

const IDEMPOTENCY_KEY: &str = "idempotencykey";

/// Whether a name, without its marks, is one that some service has for the header: `X-Idempotence-Uuid`, `PayPal-Request-Id`.
fn is_other_idempotency_key(plain: &str) -> bool {
    let names_one = ["key", "id", "token"].iter().any(|end| plain.ends_with(end));
    plain == "paypalrequestid" || plain.contains("idempot") && names_one
}

/// Headers compare without case; one that is asked for as an idempotency key may have another of its names.
pub(super) fn same_header(given: &str, asked: &str) -> bool {
    given.eq_ignore_ascii_case(asked) || asked.eq_ignore_ascii_case("idempotency-key") && same_key(given, asked)
}

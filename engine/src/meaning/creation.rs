//! Options that were set when a client was made.

use distsys_facts::schema::Call;
use distsys_facts::{ParameterKind, SiteId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::callbacks::parameter_of;
use super::operations::{Found, Operand, Operation};
use super::{Creation, Meaning};
use crate::model::Family;
use crate::model::source::Source;
use crate::operation::Attr;
use crate::resolve::ValueKind;

impl<'m> Meaning<'m> {
    /// Where an attribute may also be set for all calls at once.
    pub fn set_at_creation(&self, op: &Operation, attr: Attr) -> Creation {
        let Some((created, complete)) = self.creations_seen(op, attr) else { return Creation::None };
        let off = self.off_among(op, &created);
        if !off.is_empty() {
            return Creation::Seen(off);
        }
        if !complete || created.is_empty() {
            return Creation::Unseen;
        }
        // Made in one place, set on one of the ways from there.
        let set: FxHashSet<SiteId> =
            created.iter().filter(|(_, found)| *found != Found::Absent).map(|(site, _)| *site).collect();
        let mut bare: Vec<SiteId> =
            created.into_iter().map(|(site, _)| site).filter(|site| !set.contains(site)).collect();
        bare.dedup();
        Creation::Seen(bare)
    }

    /// Where a limit of time that an attribute says is switched off on purpose as the client is made, though the library would
    /// have set it, be the client made elsewhere, too.
    /// Nowhere if the call itself says it.
    pub fn switched_off_at_creation(&self, op: &Operation, attr: Attr) -> Vec<SiteId> {
        let reader = self.reader();
        let of_call = |source: &&Source| !matches!(source, Source::Chain(..) | Source::Constant(_));
        let mut said = reader.model(op).attribute(attr).into_iter().flatten().filter(of_call);
        if said.any(|source| reader.source(op, source) != Found::Absent) {
            return Vec::new();
        }
        self.creations_seen(op, attr).map_or_else(Vec::new, |(created, _)| self.off_among(op, &created))
    }

    /// Where what is made for an operation has no limit of time: there, or where its maker is told so, or told nothing of it, by
    /// those who call it and not by all.
    fn off_among(&self, op: &Operation, created: &[(SiteId, Found)]) -> Vec<SiteId> {
        let off = created.iter().flat_map(|(site, found)| match found {
            Found::Is(Operand::Var(var) | Operand::Counted(var, _)) if self.is_endless(*var) => vec![*site],
            Found::Is(Operand::Var(var) | Operand::Counted(var, _)) => {
                let given = self.given_by_each(*var);
                let left_out = self.left_out_by(*var);
                let all: Vec<SiteId> = given.iter().map(|(site, _)| *site).chain(left_out.iter().copied()).collect();
                let endless = given.into_iter().filter(|(_, value)| self.is_endless(*value)).map(|(site, _)| site);
                let mut off: Vec<SiteId> = endless.chain(left_out).collect();
                if !off.is_empty() && off.len() == all.len() {
                    return vec![*site];
                }
                // Of clients that one maker makes, the one that the operation goes through.
                let own: Vec<SiteId> = all.into_iter().filter(|site| self.gives_client(*site, op)).collect();
                off.retain(|site| own.is_empty() || own.contains(site));
                off
            }
            _ => Vec::new(),
        });
        let mut off: Vec<SiteId> = off.collect();
        off.sort_unstable();
        off.dedup();
        off
    }

    /// Whether the client that an operation goes through is what the call at a site gives, under whatever name.
    fn gives_client(&self, site: SiteId, op: &Operation) -> bool {
        let client = self.program.call(op.call).and_then(|call| call.receiver.or(call.callee));
        let made = self.program.call(site).map(|call| call.result);
        client.zip(made).is_some_and(|(client, made)| self.flows_to(made).contains(&client))
    }

    /// Where a creation is given a value that is `wanted` for what `var` stands for: the creation itself where all who decide
    /// it say so, else their calls that do.
    pub fn decided_by_each(&self, created: SiteId, var: VarId, wanted: impl Fn(VarId) -> bool) -> Vec<SiteId> {
        let given = self.given_by_each(var);
        let said: Vec<SiteId> = given.iter().filter(|(_, value)| wanted(*value)).map(|(site, _)| *site).collect();
        if !said.is_empty() && said.len() == given.len() { vec![created] } else { said }
    }

    /// What the creation of the client that an operation goes through gives as an attribute, by site of creation; nothing if
    /// not all of them are seen, none if no client is made.
    fn creations(&self, op: &Operation, attr: Attr) -> Option<Vec<(SiteId, Found)>> {
        let (created, complete) = self.creations_seen(op, attr)?;
        Some(if complete { created } else { Vec::new() })
    }

    /// Likewise as far as they are seen, with whether all of them are.
    fn creations_seen(&self, op: &Operation, attr: Attr) -> Option<(Vec<(SiteId, Found)>, bool)> {
        let reader = self.reader();
        let of_chain = |source: &&Source| matches!(source, Source::Chain(..));
        let sources: Vec<Source> =
            reader.model(op).attribute(attr).into_iter().flatten().filter(of_chain).cloned().collect();
        let receiver = self.program.call(op.call).and_then(|call| call.receiver.or(call.callee))?;
        // A function of the library's module has no client of its own; one that another file made is one.
        if sources.is_empty() || reader.is_named(receiver) && self.resolution.imported(receiver).is_none() {
            return None;
        }
        let given = |site: SiteId| {
            let Some(call) = self.program.call(site) else { return Found::Absent };
            let at = Operation { site, call: site, ..*op };
            let of_call = sources.iter().filter_map(|source| match source {
                Source::Chain(name, inner) if name == "*" || name == self.program.text(call.name) => {
                    Some(reader.source(&at, inner))
                }
                _ => None,
            });
            let found = of_call.into_iter().find(|found| *found != Found::Absent);
            found.or_else(|| self.client_default(site, attr)).unwrap_or(Found::Absent)
        };
        let mut on_the_way = Vec::new();
        let (created, complete) = self.creators(receiver, |site| {
            let found = given(site);
            let is_set = found != Found::Absent;
            on_the_way.extend(is_set.then_some(found));
            is_set
        });
        let found = created.into_iter().map(|(site, set)| match given(site) {
            // By a call on the way from there.
            Found::Absent if set && on_the_way.len() == 1 => (site, on_the_way[0].clone()),
            Found::Absent if set => (site, Found::Unknown),
            found => (site, found),
        });
        Some((found.collect(), complete))
    }

    /// Where the client is made that an operation goes through and that may say the attribute, as far as all places are seen.
    pub fn made_with(&self, op: &Operation, attr: Attr) -> Vec<SiteId> {
        self.creations(op, attr).unwrap_or_default().into_iter().map(|(site, _)| site).collect()
    }

    /// The span that an attribute says at the call or, the same wherever it is made, at the creation of the client that the
    /// call goes through, in milliseconds; the library's own default does not count.
    pub fn span_set(&self, op: &Operation, attr: Attr) -> Option<f64> {
        let said = self.attribute(op, attr);
        if let Some(span) = self.span_by_maker(op, &said, &[]) {
            return Some(span);
        }
        if matches!(said, Found::Is(Operand::Var(_))) {
            return self.span(op, attr).filter(|_| !self.may_be_left_out(&said));
        }
        let created = self.creations(op, attr)?;
        if let [(_, found)] = &created[..]
            && let Some(span) = self.span_by_maker(op, found, &[])
        {
            return Some(span);
        }
        if created.iter().any(|(_, found)| self.may_be_left_out(found)) {
            return None;
        }
        let mut spans = created.into_iter().map(|(_, found)| self.span_found(op, &found));
        let first = spans.next()??;
        spans.all(|span| span == Some(first)).then_some(first)
    }

    /// The span that the project gives where it makes the client of an operation, be it made for others with others:
    /// `const pay = client({ timeout: 5_000 })`, `new Api(url, 5_000)` whose method `calls` (outermost first) lead to.
    pub(super) fn span_by_maker(&self, op: &Operation, found: &Found, calls: &[SiteId]) -> Option<f64> {
        let call = self.made_by_call(op, calls)?;
        let reader = self.reader();
        let program = self.program;
        // `Timeout(seconds, pool=2)`
        let wrapped = match found {
            Found::Is(Operand::Var(var)) => {
                reader.maker(*var).filter(|made| program.text(made.name).ends_with("Timeout"))
            }
            _ => None,
        };
        let wrapped = wrapped.and_then(|made| {
            program.arguments(made.site).find(|row| matches!(program.text(row.keyword), "" | "total"))
        });
        let wrapped =
            wrapped.filter(|row| parameter_of(reader, row.var).is_some()).map(|row| Found::Is(Operand::Var(row.var)));
        let given = match wrapped.as_ref().unwrap_or(found) {
            // `({ timeout }) => create({ timeout })`
            Found::Is(Operand::Var(var)) if parameter_of(reader, *var).is_none() => {
                let load = program.loaded_as(reader.root(*var))?;
                let object = parameter_of(reader, load.base)?;
                Found::Is(Operand::Within(object, vec![program.text(load.field).to_owned()]))
            }
            found => found.clone(),
        };
        let given = match (reader.passed_from(given.clone(), call.site, 0), given) {
            (passed, given) if passed == given => return None,
            (passed, _) => passed,
        };
        self.span_found(op, &given)
    }

    /// The call of the project's own helper or constructor that made the client of an operation.
    fn made_by_call(&self, op: &Operation, calls: &[SiteId]) -> Option<&Call> {
        let program = self.program;
        let receiver = program.call(op.call).and_then(|call| call.receiver.or(call.callee))?;
        let client = self.reader().root(receiver);
        let own = program.loaded_as(client).and_then(|load| program.parameter(self.reader().root(load.base)));
        let is_of_object = own.is_some_and(|row| row.kind == ParameterKind::Receiver);
        let of_caller = || program.call(*calls.last()?)?.receiver;
        let held = is_of_object.then(of_caller).flatten().and_then(|object| self.made_of_project(object));
        held.or_else(|| self.made_of_project(client))
    }

    /// The call of the project that gave a value, by whatever name it is held.
    fn made_of_project(&self, var: VarId) -> Option<&Call> {
        const MAX_NAMES: usize = 3;
        let (program, reader) = (self.program, self.reader());
        let mut at = reader.root(var);
        for _ in 0..MAX_NAMES {
            let held = program.loaded_as(at).and_then(|load| reader.stored(load.base, load.field));
            // `new Insurer(client(5_000))`, which nobody makes with another.
            let handed = || {
                let mut given = self.resolution.passed_to(parameter_of(reader, at)?);
                given.next().filter(|_| given.next().is_none()).map(|row| row.argument)
            };
            let Some(inner) = self.resolution.imported(at).or(held).or_else(handed) else { break };
            at = reader.root(inner);
        }
        program.call_giving(at).filter(|call| !self.resolution.calls_at(call.site).is_empty())
    }

    /// Whether some caller gives nothing for what a value is: what others give is not that of its client.
    pub(super) fn may_be_left_out(&self, found: &Found) -> bool {
        match found {
            Found::Is(Operand::Var(var) | Operand::Counted(var, _)) => !self.left_out_by(*var).is_empty(),
            _ => false,
        }
    }

    /// What sets an attribute beyond the call itself is not seen: a default of the library that the project changes
    /// (`axios.defaults.timeout = …`), or of a client that may be the one which the call goes through.
    pub fn has_default_set(&self, op: &Operation, attr: Attr) -> bool {
        let unmade = |client: VarId| self.reader().maker(client).is_none();
        self.defaults_stored(attr).iter().any(|&(client, _)| unmade(client) && self.may_go_through(op, client))
    }

    /// Whether a client is one of the operation's library, or of none that is known: another library's is not asked, nor is
    /// one that code in another language holds.
    fn may_go_through(&self, op: &Operation, client: VarId) -> bool {
        let program = self.program;
        let Some(row) = program.variable(client) else { return true };
        if Family::from(program.language(program.file_of_function(row.function))) != op.family {
            return false;
        }
        let library = &self.models.libraries[self.reader().model(op).library as usize];
        let paths = &self.resolution.paths;
        let mut named = self.resolution.values_of(client).filter_map(|value| match value.kind {
            ValueKind::External(path) => Some(self.models.canonical(paths.family(path), paths.text(path))),
            _ => None,
        });
        let is_of = |path: &str| {
            let mut below = library.modules.iter().filter_map(|module| path.strip_prefix(module.as_str()));
            below.any(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
        };
        match named.next() {
            None => true,
            Some(first) => is_of(&first) || named.any(|path| is_of(&path)),
        }
    }

    /// The default that the client made at `site` is given later: `client.defaults.timeout = 500`.
    fn client_default(&self, site: SiteId, attr: Attr) -> Option<Found> {
        let is_of = |client: VarId| self.reader().maker(client).is_some_and(|made| made.site == site);
        let stored = self.defaults_stored(attr).iter().find(|(client, _)| is_of(*client));
        stored.map(|&(_, value)| Found::Is(Operand::Var(value)))
    }

    /// Clients whose default for an attribute is stored, or set by what sees each request before it is sent
    /// (`client.interceptors.request.use((config) => …)`), each with the value.
    fn defaults_stored(&self, attr: Attr) -> &[(VarId, VarId)] {
        let all = self.defaults.get_or_init(|| self.all_defaults_stored());
        all.get(attr.name()).map_or(&[], Vec::as_slice)
    }

    /// Likewise, by the name of what is stored.
    fn all_defaults_stored(&self) -> FxHashMap<&'m str, Vec<(VarId, VarId)>> {
        let program = self.program;
        let r = &program.facts.relations;
        let mut found: FxHashMap<&'m str, Vec<(VarId, VarId)>> = FxHashMap::default();
        for row in &r.store {
            if let Some(client) = self.member_base(row.base, "defaults") {
                found.entry(program.text(row.field)).or_default().push((client, row.src));
            }
        }
        for call in r.call.iter().filter(|call| program.text(call.name) == "use") {
            let requests = call.receiver.and_then(|var| self.member_base(var, "request"));
            let Some(client) = requests.and_then(|var| self.member_base(var, "interceptors")) else { continue };
            for function in program.arguments(call.site).filter_map(|row| program.closure(row.var)) {
                let given = program.parameters(function).next().map(|row| row.var);
                let stored = given.into_iter().flat_map(|var| program.stores_to(var));
                let stored = stored.map(|row| (row.field, row.src));
                let returned = program.returns_by_function.of(&r.returns, function).filter_map(|row| row.var);
                let entries = returned.flat_map(|var| program.entry_by_var.of(&r.entry, var));
                for (name, value) in stored.chain(entries.map(|row| (row.key, row.value))) {
                    found.entry(program.text(name)).or_default().push((client, value));
                }
            }
        }
        found
    }

    /// The object whose member of this name a variable is.
    fn member_base(&self, var: VarId, member: &str) -> Option<VarId> {
        self.program.loaded_as(var).filter(|load| self.program.text(load.field) == member).map(|load| load.base)
    }
}

//! All models of a run, by family; what is asked of them.

use std::borrow::Cow;

use rustc_hash::{FxHashMap, FxHashSet};

use super::lookup::{Lookup, Patterns};
use super::pattern::{Pattern, first_segment};
use super::{
    Container, Declares, Family, Generated, Handed, Makes, OpModel, Provides, Registry, Returned, Returns, Sets,
    SqlHandle, Stub,
};
use crate::operation::OpKind;

#[derive(Clone, Debug, Default)]
pub(super) struct Library {
    pub(super) name: String,
    pub(super) modules: Vec<String>,
    pub(super) aliases: Vec<(String, String)>,
    pub(super) constants: Vec<(String, String)>,
    pub(super) failures: Vec<String>,
    pub(super) timeouts: Vec<String>,
    pub(super) returns: Vec<Returns>,
    pub(super) makes: Vec<Makes>,
    pub(super) sets: Vec<Sets>,
    pub(super) handles: Vec<String>,
    pub(super) builders: Vec<String>,
    pub(super) promises: Vec<String>,
    pub(super) subscribed: Vec<String>,
    pub(super) carriers: Vec<String>,
    pub(super) detached: Vec<String>,
    pub(super) answered: Vec<String>,
    pub(super) answers: Vec<String>,
    pub(super) bounding: Vec<String>,
    pub(super) stubs: Vec<Stub>,
    pub(super) sql_handles: Vec<SqlHandle>,
    pub(super) generated: Vec<Generated>,
    pub(super) holders: Vec<String>,
    pub(super) extended: Vec<String>,
    pub(super) unstored: Vec<String>,
    pub(super) related: Vec<String>,
    pub(super) primary: Vec<String>,
    pub(super) containers: Vec<Container>,
    pub(super) handed: Vec<Handed>,
    pub(super) registries: Vec<Registry>,
    pub(super) declares: Vec<Declares>,
    pub(super) provides: Vec<Provides>,
    pub(super) ops: Vec<OpModel>,
}

/// Why a model file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {message}")]
pub struct ModelError {
    /// The file.
    pub origin: String,
    pub message: String,
}

/// A library that has a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibraryInfo {
    pub family: Family,
    pub name: String,
    pub modules: Vec<String>,
    pub operations: usize,
}

/// All models, by family.
#[derive(Debug, Default)]
pub struct ModelSet {
    pub libraries: Vec<LibraryInfo>,
    pub(super) families: FxHashMap<Family, FamilyModels>,
}

#[derive(Debug, Default)]
pub(super) struct FamilyModels {
    pub(super) aliases: FxHashMap<String, String>,
    /// What names that have another spelling begin with.
    pub(super) aliased: FxHashSet<String>,
    /// Named values of libraries, each with its text.
    pub(super) constants: FxHashMap<String, String>,
    /// The exceptions that all failures of a library's calls are, each with the libraries.
    pub(super) failures: FxHashMap<String, Vec<u32>>,
    /// The exceptions that a call of a library which was not answered in time fails with, where none of its failures is that.
    pub(super) timeouts: FxHashMap<String, Vec<u32>>,
    pub(super) returns: Lookup<Returned>,
    pub(super) makes: Vec<Makes>,
    pub(super) by_making: Lookup<u32>,
    pub(super) sets: Vec<Sets>,
    pub(super) by_setting: Lookup<u32>,
    pub(super) handles: Patterns,
    /// Statements that calls add to, and that waiting for them runs.
    pub(super) builders: Patterns,
    /// Types of what is under way when it is given, and is waited for.
    pub(super) promises: Vec<String>,
    /// Types of what does nothing before somebody subscribes to it.
    pub(super) subscribed: Vec<String>,
    pub(super) carriers: Patterns,
    /// Calls that make a carrier which ends with no other.
    pub(super) detached: Patterns,
    /// Calls that give the carrier of a request, the types by which a function answers one, and the calls after which
    /// requests have a deadline.
    pub(super) answered: Patterns,
    pub(super) answers: Patterns,
    pub(super) bounding: Patterns,
    /// Names of types that calls give.
    pub(super) types: FxHashSet<String>,
    pub(super) stubs: Vec<Stub>,
    pub(super) sql_handles: Vec<SqlHandle>,
    pub(super) generated: Vec<Generated>,
    pub(super) holders: Patterns,
    /// Types that the project puts functions of its own onto.
    pub(super) extended: Vec<String>,
    /// Annotations of fields that are no columns, by their qualified names.
    pub(super) unstored: Patterns,
    pub(super) related: Patterns,
    /// Calls that give the primary's connection where nothing that they are given names another.
    pub(super) primary: Patterns,
    pub(super) containers: Vec<Container>,
    pub(super) handed: Vec<Handed>,
    pub(super) registries: Vec<Registry>,
    pub(super) declares: Vec<Declares>,
    pub(super) provides: Vec<Provides>,
    pub(super) ops: Vec<OpModel>,
    pub(super) by_call: Lookup<u32>,
    pub(super) giving: Lookup<u32>,
    /// What names of calls begin with, as far as patterns say it in plain text.
    pub(super) prefixes: FxHashSet<String>,
    /// Operations that no call names.
    pub(super) conventions: Vec<u32>,
    pub(super) shapes: Lookup<u32>,
}

const MAX_ALIAS_STEPS: usize = 4;

impl ModelSet {
    pub fn registries(&self) -> impl Iterator<Item = (Family, &Registry)> {
        self.families.iter().flat_map(|(family, models)| models.registries.iter().map(|registry| (*family, registry)))
    }

    /// What a framework gives to methods of classes that derive from one of its types.
    pub fn handed<'a>(&'a self, family: Family, base: &'a str) -> impl Iterator<Item = &'a Handed> {
        let models = self.families.get(&family).into_iter();
        let known = models.flat_map(|models| &models.handed);
        known.filter(move |handed| handed.of.iter().any(|pattern| pattern.matches(base)))
    }

    /// Whether the library of an operation acknowledges messages by hand.
    pub fn acknowledges(&self, family: Family, model: u32) -> bool {
        let library = self.op(family, model).library;
        self.families
            .get(&family)
            .is_some_and(|models| models.ops.iter().any(|op| op.library == library && op.kind == OpKind::Ack))
    }

    /// The one spelling of a name: aliases applied to its longest known prefix.
    pub fn canonical<'t>(&self, family: Family, path: &'t str) -> Cow<'t, str> {
        let Some(models) = self.families.get(&family) else { return Cow::Borrowed(path) };
        let mut at = Cow::Borrowed(path);
        for _ in 0..MAX_ALIAS_STEPS {
            match models.step(&at) {
                Some(next) => at = Cow::Owned(next),
                None => break,
            }
        }
        at
    }

    /// Whether the whole of `path` has another spelling.
    pub(crate) fn is_alias(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.aliases.contains_key(path))
    }

    /// The spelling of `canonical`; none if nothing changes.
    pub fn respelled(&self, family: Family, path: &str) -> Option<String> {
        match self.canonical(family, path) {
            Cow::Owned(text) => Some(text),
            Cow::Borrowed(_) => None,
        }
    }

    /// The text of the library's constant `path`.
    pub fn constant(&self, family: Family, path: &str) -> Option<&str> {
        self.families.get(&family)?.constants.get(path).map(String::as_str)
    }

    /// What calling `path` makes, as an object.
    pub fn makes(&self, family: Family, path: &str) -> Option<&Makes> {
        let models = self.families.get(&family)?;
        models.by_making.of(path).next().map(|at| &models.makes[*at as usize])
    }

    /// What calling `path` stores into its receiver.
    pub fn sets(&self, family: Family, path: &str) -> Option<&Sets> {
        let models = self.families.get(&family)?;
        models.by_setting.of(path).next().map(|at| &models.sets[*at as usize])
    }

    /// Whether some model names `path` or something below it.
    pub fn mentions(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.prefixes.contains(path))
    }

    /// Likewise, `path` being spelt as it may be, of a type or an annotation.
    pub fn knows_type(&self, family: Family, path: &str) -> bool {
        let spelt = self.canonical(family, path);
        let Some(models) = self.families.get(&family) else { return false };
        let is_mentioned = |path: &str| models.prefixes.contains(path) || models.types.contains(path);
        is_mentioned(path) || is_mentioned(&spelt) || models.by_call.of(&spelt).next().is_some()
    }

    /// What calling `path` gives, if a model says so.
    pub fn returns(&self, family: Family, path: &str) -> Option<&Returned> {
        self.families.get(&family)?.returns.of(path).next()
    }

    /// The type that calling `path` gives, if a model names it.
    pub fn returned_type(&self, family: Family, path: &str) -> Option<String> {
        match self.returns(family, path)? {
            Returned::Type(text) => Some(text.clone()),
            Returned::SelfType => path.rsplit_once('.').map(|(parent, _)| parent.to_owned()),
            _ => None,
        }
    }

    /// The type of the elements of what `path` (ending in `.[]`) names, if a model says so.
    pub fn element_of_class(&self, family: Family, path: &str) -> bool {
        self.returns(family, path) == Some(&Returned::OfClass)
    }

    pub fn element_type(&self, family: Family, path: &str) -> Option<String> {
        match self.returns(family, path) {
            Some(Returned::Type(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// Whether some call gives a value of the type `path`, so that it is no trait.
    pub fn is_given(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.types.contains(path))
    }

    /// The type of what a call that no model knows makes on a connection of the type `path`.
    pub fn stub_on(&self, family: Family, path: &str) -> Option<&str> {
        let models = self.families.get(&family)?;
        models.stubs.iter().find(|stub| stub.on.iter().any(|on| on == path)).map(|stub| stub.type_.as_str())
    }

    pub fn has_stubs(&self, family: Family) -> bool {
        self.families.get(&family).is_some_and(|models| !models.stubs.is_empty())
    }

    /// What a value of which nothing is known is, if its method `name` is given a statement.
    pub fn sql_handle(&self, family: Family, name: &str) -> Option<&SqlHandle> {
        let models = self.families.get(&family)?;
        models.sql_handles.iter().find(|handle| handle.methods.iter().any(|method| method == name))
    }

    /// What models call a package that holds a generated file which imports `target`.
    pub fn generated_by(&self, family: Family, target: &str) -> Option<&str> {
        let models = self.families.get(&family)?;
        models.generated.iter().find(|known| known.imports == target).map(|known| known.package.as_str())
    }

    /// What an annotation on a class says of it.
    pub fn declares(&self, family: Family, annotation: &str) -> Option<&Declares> {
        self.families.get(&family)?.declares.iter().find(|known| known.annotation == annotation)
    }

    /// Whether values of the type carry deadlines and the like along with calls, and no data.
    pub fn is_carrier(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.carriers.matches(path))
    }

    /// Whether a call makes a carrier that ends with no other, not even the one that it is given.
    pub fn is_detached(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.detached.matches(path))
    }

    /// Whether a call gives the carrier of a request, and so no deadline of its own where the request is answered here.
    pub fn is_answered(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.answered.matches(path))
    }

    /// Whether a function that takes a value of the type answers a request.
    pub fn answers(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.answers.matches(path))
    }

    /// Whether a call gives the requests of a server a deadline.
    pub fn bounds_requests(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.bounding.matches(path))
    }

    /// The libraries any failure of whose calls is an exception of this qualified name.
    pub fn failing_with(&self, family: Family, path: &str) -> &[u32] {
        let libraries = self
            .families
            .get(&family)
            .and_then(|models| models.failures.get(self.respelled(family, path).as_deref().unwrap_or(path)));
        libraries.map_or(&[], Vec::as_slice)
    }

    /// The libraries whose calls fail with an exception of this qualified name when they are not answered in time, where those
    /// that all other failures are do not cover it.
    pub fn timing_out_with(&self, family: Family, path: &str) -> &[u32] {
        let libraries = self
            .families
            .get(&family)
            .and_then(|models| models.timeouts.get(self.respelled(family, path).as_deref().unwrap_or(path)));
        libraries.map_or(&[], Vec::as_slice)
    }

    /// Whether what a call of the library fails with when it is not answered in time is none of its other failures.
    pub fn times_out_apart(&self, family: Family, library: u32) -> bool {
        let mut apart = self.families.get(&family).into_iter().flat_map(|models| models.timeouts.values());
        apart.any(|libraries| libraries.contains(&library))
    }

    pub fn has_containers(&self) -> bool {
        self.families.values().any(|models| !models.containers.is_empty())
    }

    /// The container one of whose calls of a sort has this name.
    pub fn container(
        &self,
        family: Family,
        calls: impl Fn(&Container) -> &Vec<Pattern>,
        path: &str,
    ) -> Option<&Container> {
        let known = &self.families.get(&family)?.containers;
        known.iter().find(|container| calls(container).iter().any(|pattern| pattern.matches(path)))
    }

    /// Whether objects of the type only hold what the project puts into them, under names of the project's own.
    pub fn is_holder(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.holders.matches(path))
    }

    /// Whether an annotation says of a field that it is no column.
    pub fn is_unstored(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.unstored.matches(path))
    }

    /// Whether a field that is given what such a call gives holds other rows, and no value of its own.
    pub fn is_related(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.related.matches(path))
    }

    /// Whether a call gives a connection to the primary unless it is asked for another, whatever that is called.
    pub fn gives_primary(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.primary.matches(path))
    }

    /// Whether objects of the type hold what the project puts into them under keys (`app["cache"]`), beside members of the
    /// library's own.
    pub fn is_holder_by_key(&self, family: Family, path: &str) -> bool {
        self.is_holder(family, &format!("{path}.[]"))
    }

    /// The type that the project puts functions of its own onto, if it is `path` or calls and members on it lead to `path`.
    pub fn extended(&self, family: Family, path: &str) -> Option<&str> {
        let known = &self.families.get(&family)?.extended;
        let is_of = |type_: &str| path.strip_prefix(type_).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        known.iter().map(String::as_str).find(|type_| is_of(type_))
    }

    /// Whether the project puts things into objects of the type, under names or keys.
    pub fn is_holder_anyhow(&self, family: Family, path: &str) -> bool {
        self.is_holder(family, path) || self.is_holder_by_key(family, path)
    }

    /// Whether members of objects of the type are called to get what they hold (`container.orders()`).
    pub fn gives_members(&self, family: Family, path: &str) -> bool {
        self.is_holder(family, &format!("{path}.()"))
    }

    /// What a model says of values that annotated functions provide, chosen by a test.
    pub fn provides(&self, family: Family, test: impl Fn(&Provides) -> bool) -> Option<&Provides> {
        self.families.get(&family)?.provides.iter().find(|known| test(known))
    }

    /// Whether values of the type are connections.
    pub fn is_handle_anywhere(&self, path: &str) -> bool {
        self.families.values().any(|models| models.handles.matches(path))
    }

    /// Whether values of the type are statements that calls add to, and that waiting for them runs.
    pub fn is_builder(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.builders.matches(path))
    }

    /// Whether values of a type so called (`Uni`) are waited for, and if so, whether they do nothing before somebody subscribes.
    pub fn promised_by(&self, family: Family, name: &str) -> Option<bool> {
        let models = self.families.get(&family)?;
        let is_among = |types: &[String]| types.iter().any(|type_| type_.rsplit('.').next() == Some(name));
        match (is_among(&models.subscribed), is_among(&models.promises)) {
            (false, false) => None,
            (lazy, _) => Some(lazy),
        }
    }

    /// The models of calls of `path`, most specific library first come.
    pub fn ops_of(&self, family: Family, path: &str) -> Vec<u32> {
        let mut found: Vec<u32> =
            self.families.get(&family).map(|models| models.by_call.of(path).copied().collect()).unwrap_or_default();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether a model names the last segment of `path` in plain text: what any name matches is no method of a trait.
    pub fn names_method(&self, family: Family, path: &str) -> bool {
        self.families.get(&family).is_some_and(|models| models.by_call.of_named(path).next().is_some())
    }

    /// The models of a call that say what the function given to it gets.
    pub fn giving(&self, family: Family, path: &str) -> impl Iterator<Item = &OpModel> {
        let models = self.families.get(&family);
        models.into_iter().flat_map(move |models| models.giving.of(path).map(|number| &models.ops[*number as usize]))
    }

    /// The models of what a file offers by its path, written as a name (`app.orders.route`).
    pub fn ops_of_file(&self, family: Family, path: &str) -> Vec<u32> {
        self.ops_where(family, |op| op.files.iter().any(|pattern| pattern.matches(path)))
    }

    /// The models of what a class of this name lists.
    pub fn ops_of_class(&self, family: Family, name: &str) -> Vec<u32> {
        self.ops_where(family, |op| op.classes.iter().any(|pattern| pattern.matches(name)))
    }

    /// The models of methods of classes that derive from this type.
    pub fn ops_of_base(&self, family: Family, type_: &str) -> Vec<u32> {
        self.ops_where(family, |op| op.derives.iter().any(|pattern| pattern.matches(type_)))
    }

    /// Operations that functions are about by what they read of their first parameter.
    pub fn ops_that_read(&self, family: Family) -> Vec<u32> {
        self.ops_where(family, |op| !op.reads.is_empty())
    }

    /// The models of functions that take a value of this type.
    pub fn ops_that_take(&self, family: Family, type_: &str) -> Vec<u32> {
        self.ops_where(family, |op| op.takes.iter().any(|pattern| pattern.matches(type_)))
    }

    /// The models of functions that are declared of a type.
    pub fn ops_of_type(&self, family: Family, type_: &str) -> Vec<u32> {
        self.ops_where(family, |op| op.typed.iter().any(|pattern| pattern.matches(type_)))
    }

    fn ops_where(&self, family: Family, test: impl Fn(&OpModel) -> bool) -> Vec<u32> {
        let Some(models) = self.families.get(&family) else { return Vec::new() };
        models.conventions.iter().copied().filter(|number| test(&models.ops[*number as usize])).collect()
    }

    /// The models that a method name alone suggests.
    pub fn ops_of_shape(&self, family: Family, path: &str) -> Vec<u32> {
        let Some(models) = self.families.get(&family) else { return Vec::new() };
        let mut found: Vec<u32> = models.shapes.of_end(path).copied().collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    pub fn op(&self, family: Family, number: u32) -> &OpModel {
        &self.families[&family].ops[number as usize]
    }

    /// All operations with their family, for the tests of models.
    pub fn all_ops(&self) -> impl Iterator<Item = (Family, &OpModel)> {
        self.families.iter().flat_map(|(family, models)| models.ops.iter().map(|op| (*family, op)))
    }
}

impl FamilyModels {
    fn step(&self, path: &str) -> Option<String> {
        if !self.aliased.contains(first_segment(path)) {
            return None;
        }
        if let Some(to) = self.aliases.get(path) {
            return Some(to.clone());
        }
        let mut end = path.len();
        while let Some(dot) = path[..end].rfind('.') {
            if let Some(to) = self.aliases.get(&path[..dot]) {
                // An alias that lengthens its own name (`a` → `a.b`) is applied once.
                if to.len() > dot && path.starts_with(to.as_str()) {
                    return None;
                }
                return Some(format!("{to}{}", &path[dot..]));
            }
            end = dot;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REDIS: &str = r#"
library = "redis"
modules = ["redis"]
[alias]
"redis.asyncio" = "redis"
[[returns]]
call = "redis.from_url"
type = "redis.Redis"
[[handle]]
type = "redis.Redis"
[[op]]
call = "redis.Redis.set"
kind = "lock_acquire"
when = ["nx"]
key = "0|name"
ttl = ["ex", "px"]
example = "redis.Redis().set('lock', 't', nx=True)"
"#;

    #[test]
    fn a_model_is_found_under_its_aliases() {
        let mut models = ModelSet::default();
        models.add(Family::Python, "redis.toml", REDIS).expect("the model is right");
        assert_eq!(models.canonical(Family::Python, "redis.asyncio.Redis.set"), "redis.Redis.set");
        assert_eq!(models.returns(Family::Python, "redis.from_url"), Some(&Returned::Type("redis.Redis".to_owned())));
        let ops = models.ops_of(Family::Python, "redis.Redis.set");
        assert_eq!(models.op(Family::Python, ops[0]).kind, OpKind::LockAcquire);
        assert!(models.ops_of(Family::Rust, "redis.Redis.set").is_empty());
    }

    #[test]
    fn unknown_words_and_duplicates_are_refused() {
        let mut models = ModelSet::default();
        let error = models.add(Family::Python, "x.toml", "library = 'x'\nmodles = []").expect_err("a typing error");
        assert!(error.message.contains("modles"), "{error}");
        models.add(Family::Python, "a.toml", REDIS).expect("the model is right");
        assert!(models.add(Family::Python, "b.toml", REDIS).is_err());
    }
}

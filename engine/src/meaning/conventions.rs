//! Entry points by convention: functions that a framework runs because of the file that offers them, the class that lists
//! them, what they take, or what type they are declared of or given back as.

use distsys_facts::{FunctionId, FunctionKind, SiteId, VarId};
use rustc_hash::FxHashMap;

use super::callbacks::functions_of;
use super::reader::Reader;
use crate::model::Family;
use crate::paths::PathId;
use crate::program::Program;
use crate::resolve::ValueKind;

/// A function that a model's operation runs, and where that is said to be: the call that wraps it, or its own first site.
pub(super) struct Entry {
    pub site: SiteId,
    pub function: FunctionId,
    pub model: u32,
}

pub(super) fn entries(reader: &Reader<'_, '_>) -> Vec<Entry> {
    let mut found = Vec::new();
    by_file(reader, &mut found);
    by_class(reader, &mut found);
    by_base(reader, &mut found);
    by_parameter(reader, &mut found);
    by_type(reader, &mut found);
    by_result(reader, &mut found);
    by_what_is_read(reader, &mut found);
    found
}

/// `class WorkerSettings: functions = [send_mail, place_order]`.
fn by_class(reader: &Reader<'_, '_>, found: &mut Vec<Entry>) {
    let program = reader.program;
    let r = &program.facts.relations;
    for class in &r.class {
        let family = Family::from(program.language(program.file_of_module(class.module)));
        for model in reader.models.ops_of_class(family, program.text(class.name)) {
            let handlers = &reader.models.op(family, model).handlers;
            let listing = |name: &str| handlers.iter().any(|(known, _)| known == name);
            let fields = program.field_by_class.of(&r.field, class.class).filter(|row| listing(program.text(row.name)));
            for value in fields.filter_map(|row| row.value) {
                let elements = program.element_by_var.of(&r.element, value).map(|row| row.value);
                let functions = elements.flat_map(|var| functions_of(*reader, var));
                found.extend(functions.filter_map(|function| {
                    Some(Entry { site: program.sites(function).next()?.site, function, model })
                }));
            }
        }
    }
}

/// `class Orders(APIView): def post(self, request)`.
fn by_base(reader: &Reader<'_, '_>, found: &mut Vec<Entry>) {
    let program = reader.program;
    let r = &program.facts.relations;
    let mut models = FxHashMap::default();
    for class in &r.class {
        let family = Family::from(program.language(program.file_of_module(class.module)));
        for &base in reader.resolution.library_bases(class.class) {
            let models = models
                .entry((family, base))
                .or_insert_with(|| reader.models.ops_of_base(family, reader.resolution.paths.text(base)));
            for &model in models.iter() {
                let handlers = &reader.models.op(family, model).handlers;
                let own = program.method_by_class.of(&r.method, class.class);
                let named = own.filter(|row| handlers.iter().any(|(known, _)| known == program.text(row.name)));
                found.extend(named.filter_map(|row| {
                    let site = program.sites(row.function).next()?.site;
                    Some(Entry { site, function: row.function, model })
                }));
            }
        }
    }
}

/// `export async function POST(request)` in `app/orders/route.ts`.
fn by_file(reader: &Reader<'_, '_>, found: &mut Vec<Entry>) {
    let program = reader.program;
    let r = &program.facts.relations;
    let mut by_module = FxHashMap::default();
    for row in &r.export {
        let models = by_module.entry(row.module).or_insert_with(|| {
            let file = program.file_of_module(row.module);
            let family = Family::from(program.language(file));
            let path = program.path(file);
            let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
            (family, reader.models.ops_of_file(family, &stem.replace('/', ".")))
        });
        for &model in &models.1 {
            let name = program.text(row.name);
            if reader.models.op(models.0, model).handlers.iter().any(|(known, _)| known == name) {
                found.extend(offered(reader, row.var).into_iter().map(|(site, function)| Entry {
                    site,
                    function,
                    model,
                }));
            }
        }
    }
}

/// The functions that are offered as `var`, be it through a wrapper: `export const POST = withUser(async (request) => …)`.
fn offered(reader: &Reader<'_, '_>, var: VarId) -> Vec<(SiteId, FunctionId)> {
    let program = reader.program;
    let r = &program.facts.relations;
    let own = functions_of(*reader, var);
    let own = own.into_iter().filter_map(|function| Some((program.sites(function).next()?.site, function)));
    let mut found: Vec<(SiteId, FunctionId)> = own.collect();
    let Some(maker) = reader.maker(var) else { return found };
    // `withUser(handler)`, `withUser({ handler, limit: 3 })`
    for argument in program.arguments(maker.site) {
        let entries = program.entry_by_var.of(&r.entry, argument.var).map(|row| row.value);
        let given = std::iter::once(argument.var).chain(entries).flat_map(|var| functions_of(*reader, var));
        found.extend(given.map(|function| (maker.site, function)));
    }
    found
}

/// `async fn place(&self, request: tonic::Request<Order>)`.
fn by_parameter(reader: &Reader<'_, '_>, found: &mut Vec<Entry>) {
    let program = reader.program;
    let mut models = FxHashMap::default();
    for row in &program.facts.relations.parameter {
        if row.type_.is_empty() || is_inner_closure(program, row.function) {
            continue;
        }
        let family = Family::from(program.language(program.file_of_function(row.function)));
        let Some(site) = program.sites(row.function).next() else { continue };
        for path in libraries_of(reader, row.var) {
            let models = models
                .entry((family, path))
                .or_insert_with(|| reader.models.ops_that_take(family, reader.resolution.paths.text(path)));
            found.extend(models.iter().map(|&model| Entry { site: site.site, function: row.function, model }));
        }
    }
}

/// What of libraries a variable may be.
fn libraries_of(reader: &Reader<'_, '_>, var: VarId) -> impl Iterator<Item = PathId> {
    reader.resolution.values_of(var).filter_map(|value| match value.kind {
        ValueKind::External(path) => Some(path),
        _ => None,
    })
}

/// A closure that a function makes is run by whoever that gives it to.
fn is_inner_closure(program: &Program<'_>, function: FunctionId) -> bool {
    let row = program.function(function);
    let of_module = row.parent.is_some_and(|parent| program.function(parent).kind == FunctionKind::Module);
    row.kind == FunctionKind::Closure && !of_module
}

/// `export const handler: SQSHandler = async (event) => …`, be it through a wrapper.
fn by_type(reader: &Reader<'_, '_>, found: &mut Vec<Entry>) {
    let program = reader.program;
    let mut models = FxHashMap::default();
    for row in &program.facts.relations.declared_type {
        let Some(variable) = program.variable(row.var) else { continue };
        if program.function(variable.function).kind != FunctionKind::Module {
            continue;
        }
        let family = Family::from(program.language(program.file_of_function(variable.function)));
        for path in libraries_of(reader, row.var) {
            let models = models
                .entry((family, path))
                .or_insert_with(|| reader.models.ops_of_type(family, reader.resolution.paths.text(path)));
            for &model in models.iter() {
                let given = program.assigned_from(row.var).flat_map(|row| offered(reader, row.src));
                found.extend(given.map(|(site, function)| Entry { site, function, model }));
            }
        }
    }
}

/// `@Bean Consumer<Paid> paid() { return paid -> … }`, `MessageReceiver receiver() { return (message, reply) -> … }`.
fn by_result(reader: &Reader<'_, '_>, found: &mut Vec<Entry>) {
    let program = reader.program;
    let r = &program.facts.relations;
    for &(giver, function, path) in &reader.resolution.given_as {
        let family = Family::from(program.language(program.file_of_function(giver)));
        // An annotation of the function that gives it says what becomes of it.
        let annotation = program.annotation_by_function.of(&r.function_annotation, giver).map(|row| row.site).min();
        let Some(site) = annotation.or(program.sites(function).next().map(|row| row.site)) else { continue };
        let models = reader.models.ops_of_type(family, reader.resolution.paths.text(path));
        found.extend(models.into_iter().map(|model| Entry { site, function, model }));
    }
}

/// `def handler(event, context): for record in event["Records"]: body = json.loads(record["body"])`.
fn by_what_is_read(reader: &Reader<'_, '_>, found: &mut Vec<Entry>) {
    let program = reader.program;
    let r = &program.facts.relations;
    let mut models = FxHashMap::default();
    for row in r.parameter.iter().filter(|row| row.index == 0) {
        let function = program.function(row.function);
        if function.parent.is_some_and(|parent| program.function(parent).kind != FunctionKind::Module) {
            continue;
        }
        let file = program.file_of_function(row.function);
        let family = Family::from(program.language(file));
        let models = models.entry(family).or_insert_with(|| reader.models.ops_that_read(family));
        for &model in models.iter() {
            let [first, further @ ..] = &reader.models.op(family, model).reads[..] else { continue };
            let mut of_parameter = program.load_by_base.of(&r.load, row.var).map(|load| program.text(load.field));
            // The rest may be read by a helper beside it.
            let beside = |field: &String| {
                let owner = |var: VarId| {
                    let parameter = program.parameter(var).map(|row| row.function);
                    parameter.or(program.variable(var).map(|row| row.function))
                };
                let mut loads = program.facts.symbols.lookup(field).into_iter().flat_map(|name| program.loads_of(name));
                loads.any(|load| owner(load.base).is_some_and(|function| program.file_of_function(function) == file))
            };
            if of_parameter.any(|field| field == first)
                && further.iter().all(beside)
                && let Some(site) = program.sites(row.function).next()
            {
                found.push(Entry { site: site.site, function: row.function, model });
            }
        }
    }
}

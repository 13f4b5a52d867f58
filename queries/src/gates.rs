//! What a framework runs before the handlers of routes: middlewares, interceptors, guards, filters, dependencies.

use distsys_engine::meaning::Operation;
use distsys_engine::resolve::ValueKind;
use distsys_facts::{ClassId, FunctionId, SiteId, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::Context;

/// Functions that nothing of the project calls and that no route, message or schedule reaches: who wrote them gave them, or the
/// class that they are of, to a framework.
pub(crate) struct Gates {
    functions: FxHashSet<FunctionId>,
    /// Those that a function is, or has around it.
    by_function: FxHashMap<FunctionId, Vec<FunctionId>>,
    by_class: FxHashMap<ClassId, Vec<FunctionId>>,
}

/// Wrappers around what is given: a list, `Depends(claim)`, `createMiddleware(claim)`.
const MAX_DEPTH: usize = 4;

impl Gates {
    /// Those of the functions `asked` that are gates.
    pub(crate) fn new(context: &Context<'_>, asked: impl IntoIterator<Item = FunctionId>) -> Gates {
        let meaning = context.meaning;
        let program = meaning.program;
        let mut gates = Gates {
            functions: FxHashSet::default(),
            by_function: FxHashMap::default(),
            by_class: FxHashMap::default(),
        };
        for gate in asked {
            let around: Vec<FunctionId> =
                std::iter::successors(Some(gate), |function| program.function(*function).parent).collect();
            let is_reached = |function: &FunctionId| meaning.is_served(*function);
            // What is given to a library counts as run there, too.
            let is_given = |site: SiteId| program.arguments(site).any(|row| gives(context, row.var, gate));
            let calls = |site: &SiteId| {
                meaning.resolution.calls_at(*site).iter().any(|edge| edge.function == gate) && !is_given(*site)
            };
            let is_called = meaning.callers(gate).iter().any(calls);
            if is_called
                || meaning.is_out_of_scope(gate)
                || around.iter().any(is_reached)
                || !gates.functions.insert(gate)
            {
                continue;
            }
            for function in around {
                gates.by_function.entry(function).or_default().push(gate);
                if let Some(class) = program.function(function).class {
                    gates.by_class.entry(class).or_default().push(gate);
                }
            }
        }
        gates
    }

    /// Whether some that are run before no route in particular, as `of_one` are, are run before all of them.
    pub(crate) fn hold_for_all(&self, context: &Context<'_>, of_one: &FxHashSet<FunctionId>) -> bool {
        self.functions.difference(of_one).any(|gate| self.is_registered(context, *gate))
    }

    /// Whether something hands a gate to its framework: an annotation, a library's class that its own derives from, a value, or
    /// a name in a setting.
    fn is_registered(&self, context: &Context<'_>, gate: FunctionId) -> bool {
        let meaning = context.meaning;
        let program = meaning.program;
        let r = &program.facts.relations;
        let around: Vec<FunctionId> =
            std::iter::successors(Some(gate), |function| program.function(*function).parent).collect();
        let class = around.iter().find_map(|function| program.function(*function).class);
        let is_marked = |function: &FunctionId| {
            program.annotation_by_function.of(&r.function_annotation, *function).next().is_some()
        };
        if around.iter().any(is_marked)
            || class.is_some_and(|class| !meaning.resolution.library_bases(class).is_empty())
        {
            return true;
        }
        let names = around.iter().map(|function| program.text(program.function(*function).name));
        let names: Vec<&str> = names.chain(class.map(|class| program.text(program.class(class).name))).collect();
        let is_named = |text: &str| {
            text.rsplit(['.', ':']).next().is_some_and(|last| last.len() < text.len() && names.contains(&last))
        };
        let given = r
            .argument
            .iter()
            .map(|row| row.var)
            .chain(r.element.iter().map(|row| row.value))
            .chain(r.store.iter().map(|row| row.src));
        let leads = |var: VarId| {
            let mut found = FxHashSet::default();
            self.given(context, var, MAX_DEPTH, &mut found);
            found.contains(&gate)
        };
        r.literal.iter().any(|row| is_named(program.text(row.value))) || given.into_iter().any(leads)
    }

    /// The gates of one route: what its call, the router that it is of, or an annotation of its handler is given.
    pub(crate) fn before(
        &self,
        context: &Context<'_>,
        route: &Operation,
        handler: FunctionId,
    ) -> FxHashSet<FunctionId> {
        if self.functions.is_empty() {
            return FxHashSet::default();
        }
        let program = context.meaning.program;
        let r = &program.facts.relations;
        let class = program.function(handler).class;
        let of_function = program.annotation_by_function.of(&r.function_annotation, handler).map(|row| row.site);
        let of_class = class
            .into_iter()
            .flat_map(|class| program.annotation_by_class.of(&r.class_annotation, class))
            .map(|row| row.site);
        let mut sites: Vec<SiteId> = of_function.chain(of_class).collect();
        // `router.With(claim).Post(…)`, `group := engine.Group("/v1", claim)`
        let mut at = Some(route.site);
        while let Some(site) = at.filter(|site| !sites.contains(site)) {
            sites.push(site);
            let router = program.call(site).and_then(|call| call.receiver);
            at = router.and_then(|router| context.meaning.made_by(router));
        }
        let mut found = FxHashSet::default();
        for row in sites.into_iter().flat_map(|site| program.arguments(site)) {
            self.given(context, row.var, 0, &mut found);
        }
        found
    }

    /// The gates that a value is, or that it holds.
    fn given(&self, context: &Context<'_>, var: VarId, depth: usize, found: &mut FxHashSet<FunctionId>) {
        if depth > MAX_DEPTH {
            return;
        }
        let meaning = context.meaning;
        let program = meaning.program;
        let r = &program.facts.relations;
        for value in meaning.resolution.values_of(var) {
            found.extend(
                match value.kind {
                    ValueKind::Function(function) => self.by_function.get(&function),
                    ValueKind::Class(class) | ValueKind::Instance(class) => self.by_class.get(&class),
                    _ => None,
                }
                .into_iter()
                .flatten(),
            );
        }
        let mut within: Vec<VarId> = program.assigned_from(var).map(|row| row.src).collect();
        within.extend(program.element_by_var.of(&r.element, var).map(|row| row.value));
        if let Some(call) = program.call_giving(var) {
            let made = meaning.callees(call.site).into_iter().filter_map(|function| self.by_function.get(&function));
            found.extend(made.flatten());
            within.extend(program.arguments(call.site).map(|row| row.var));
        }
        for var in within {
            self.given(context, var, depth + 1, found);
        }
    }
}

fn gives(context: &Context<'_>, var: VarId, function: FunctionId) -> bool {
    context.meaning.resolution.values_of(var).any(|value| value.kind == ValueKind::Function(function))
}

//! A POST route reaches a payment or creates what a customer would see twice, and nothing knows a request again.

use distsys_engine::meaning::{Effect, EffectFlags, Found, Mode, Operand, Operation, Term};
use distsys_engine::words::{entity_name, is_idempotency_key, is_seen_twice, is_unique_violation};
use distsys_engine::{Attr, OpKind};
use distsys_facts::schema::Binary;
use distsys_facts::{FileId, FunctionId, SiteId, Sym, VarId};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::handlers::is_known_again;
use crate::retried::is_payment;

use crate::finding::{Category, Finding, Maturity, RuleInfo, Severity};
use crate::{Context, FindingBuilder, Rule};

pub(crate) static RULE: Rule = Rule {
    info: RuleInfo {
        slug: "post-without-idempotency-key",
        category: Category::EndToEnd,
        severity: Severity::Major,
        maturity: Maturity::Stable,
        yields_to: &[],
        summary: "a POST that a client repeats is done twice",
        page: include_str!("post-without-idempotency-key.md"),
    },
    judge,
};

fn judge(context: &Context<'_>) -> Vec<Finding> {
    let meaning = context.meaning;
    let speaking = Speaking::new(context);
    if speaking.everywhere {
        return Vec::new();
    }
    let mut by_place: FxHashMap<SiteId, (SiteId, Vec<SiteId>, Effect)> = FxHashMap::default();
    for op in meaning.operations.of_kind(OpKind::Route).filter(|op| context.in_scope(op.site) && is_post(context, op)) {
        for row in meaning.invocations.at(op.site).filter(|row| row.mode == Mode::Registered) {
            for (effect, site) in meaning.effects.in_function(row.function) {
                if !creates(context, &effect) {
                    continue;
                }
                let trace = meaning.trace(site.site, &effect);
                let functions = trace.iter().map(|site| context.function_of(*site)).chain([row.function]);
                if speaking.any(context, functions) || is_known_again(context, &trace) || is_unique(context, &effect) {
                    continue;
                }
                by_place.entry(context.primary(&trace)).or_insert((op.site, trace, effect));
            }
        }
    }
    by_place.into_values().map(|(route, trace, effect)| report(context, route, &trace, &effect)).collect()
}

fn is_post(context: &Context<'_>, op: &Operation) -> bool {
    match context.meaning.attribute(op, Attr::Method) {
        Found::Is(Operand::Text(text)) => text.eq_ignore_ascii_case("post"),
        Found::Is(Operand::Var(var)) => {
            let program = context.meaning.program;
            let mut elements = program.element_by_var.of(&program.facts.relations.element, var).map(|row| row.value);
            let is_post = |var| context.meaning.constant(var).is_some_and(|text| text.eq_ignore_ascii_case("post"));
            is_post(var) || elements.any(is_post)
        }
        _ => false,
    }
}

/// Whether a customer sees it twice when the request comes twice.
fn creates(context: &Context<'_>, effect: &Effect) -> bool {
    let entity = context.meaning.text(effect.entity);
    if effect.flags.has(EffectFlags::CONDITIONAL) || effect.key != Term::Absent {
        return false;
    }
    match effect.kind {
        OpKind::Payment => true,
        OpKind::DbWrite => context.meaning.text(effect.verb) == Some("insert") && entity.is_some_and(is_seen_twice),
        OpKind::HttpRequest => {
            let posts = context.meaning.text(effect.verb) == Some("post");
            posts && entity.is_some_and(|url| url.rsplit('/').find(|part| !part.is_empty()).is_some_and(is_seen_twice))
        }
        _ => false,
    }
}

/// Where the code speaks of idempotency keys or of the database's refusal of a second row.
struct Speaking {
    files: FxHashSet<FileId>,
    /// A middleware does, for all routes.
    everywhere: bool,
}

impl Speaking {
    fn new(context: &Context<'_>) -> Speaking {
        let meaning = context.meaning;
        let program = meaning.program;
        let r = &program.facts.relations;
        let says = |sym: Sym| {
            let text = program.text(sym);
            is_idempotency_key(text) || is_unique_violation(text)
        };
        let mut files: FxHashSet<FileId> = FxHashSet::default();
        let of = |function: FunctionId| program.file_of_function(function);
        files.extend(r.variable.iter().filter(|row| says(row.name)).map(|row| of(row.function)));
        files.extend(r.parameter.iter().filter(|row| says(row.name)).map(|row| of(row.function)));
        files.extend(r.call.iter().filter(|row| says(row.name)).map(|row| of(context.function_of(row.site))));
        files.extend(r.field.iter().filter(|row| says(row.name)).map(|row| program.file_of_module(program.class(row.class).module)));
        files.extend(r.catches.iter().filter(|row| says(row.type_)).map(|row| of(program.region(row.region).function)));
        let literals: FxHashSet<VarId> = r.literal.iter().filter(|row| says(row.value)).map(|row| row.var).collect();
        let given = r.argument.iter().filter(|row| literals.contains(&row.var)).map(|row| row.site);
        let compared = |row: &&Binary| row.right.is_some_and(|right| literals.contains(&right));
        let compared = r.binary.iter().filter(compared).map(|row| row.site);
        files.extend(given.chain(compared).map(|site| of(context.function_of(site))));
        let everywhere = meaning.operations.of_kind(OpKind::Middleware).any(|op| {
            meaning.invocations.at(op.site).any(|row| files.contains(&of(row.function)))
        });
        Speaking { files, everywhere }
    }

    fn any(&self, context: &Context<'_>, mut functions: impl Iterator<Item = FunctionId>) -> bool {
        functions.any(|function| {
            let program = context.meaning.program;
            let typed = program.parameters(function).filter_map(|row| context.meaning.class_of(row.var));
            let mut files = typed.map(|class| program.file_of_module(program.class(class).module));
            self.files.contains(&program.file_of_function(function)) || files.any(|file| self.files.contains(&file))
        })
    }
}

/// Whether the class of the entity has a key of its own that a second row would break.
fn is_unique(context: &Context<'_>, effect: &Effect) -> bool {
    let program = context.meaning.program;
    let r = &program.facts.relations;
    let Some(entity) = context.meaning.text(effect.entity) else { return false };
    r.class.iter().filter(|class| entity_name(program.text(class.name)) == entity_name(entity)).any(|class| {
        program.field_by_class.of(&r.field, class.class).filter_map(|row| row.value).any(|value| {
            program.call_giving(value).is_some_and(|call| {
                program.arguments(call.site).any(|argument| {
                    program.text(argument.keyword) == "unique"
                        && context.meaning.constant(argument.var).is_none_or(|text| !text.eq_ignore_ascii_case("false"))
                })
            })
        })
    })
}

fn report(context: &Context<'_>, route: SiteId, trace: &[SiteId], effect: &Effect) -> Finding {
    let payment = is_payment(context, trace, effect);
    let what = context.does(effect);
    let harm = if payment { "the customer pays twice" } else { "it is there twice" };
    let message = format!(
        "this route {what} each time it is called; a client that got no answer and tries again, or a second click, and {harm}"
    );
    let mut builder = FindingBuilder::new(context, &RULE.info, context.primary(trace), message)
        .subject(context.meaning.text(effect.entity).unwrap_or_default())
        .rests_on(context.confidence_of(trace[0], effect));
    if payment {
        builder = builder.severity(Severity::Blocker);
    }
    builder
        .step(route, "the route")
        .steps(context.steps(trace, effect))
        .checked("no idempotency key is read, and no unique key, upsert or look at stored state knows the request again")
        .help("take an idempotency key from the client and store it with the effect, or give the row a key that the request determines")
        .build()
}

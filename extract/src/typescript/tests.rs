use distsys_facts::{FactBase, FunctionFlags, ParameterKind, RegionKind, Role, SiteKind};

use super::TypeScript;
use crate::front_end::FrontEnd;

fn lower(text: &str) -> FactBase {
    let facts = TypeScript.lower("src/a.ts", text, Role::Source);
    let problems: Vec<&str> = facts.relations.diagnostic.iter().map(|row| facts.text(row.message)).collect();
    assert!(problems.is_empty(), "{problems:?}");
    facts
}

/// `.name` for members, `name` for plain calls, in order.
fn calls(text: &str) -> Vec<String> {
    let facts = lower(text);
    let r = &facts.relations;
    r.call
        .iter()
        .map(|call| format!("{}{}", if call.receiver.is_some() { "." } else { "" }, facts.text(call.name)))
        .collect()
}

fn imports(text: &str) -> Vec<(String, String)> {
    let facts = lower(text);
    facts
        .relations
        .import
        .iter()
        .map(|row| (facts.text(row.target).to_owned(), facts.text(row.member).to_owned()))
        .collect()
}

fn pair(target: &str, member: &str) -> (String, String) {
    (target.to_owned(), member.to_owned())
}

#[test]
fn calls_in_evaluation_order() {
    assert_eq!(calls("f(g(1), new H(k()))"), ["g", "k", "H", "f"]);
    assert_eq!(calls("a?.b.c(...x)"), [".c"]);
    assert_eq!(calls("await sql`select 1`"), ["sql"]);
}

#[test]
fn modules_of_both_kinds() {
    assert_eq!(
        imports("import d, { a as b } from './m'; import * as n from 'n'; import type { T } from 't'"),
        [pair("./m", "default"), pair("./m", "a"), pair("n", ""), pair("t", "T")]
    );
    assert_eq!(
        imports("const { a, b: c } = require('m'); const whole = require('w')"),
        [pair("m", "a"), pair("m", "b"), pair("w", "")]
    );
    let facts = lower(
        "export const a = 1; export default class B {}; export * from './c'; export { d as e } from './f'; exports.g = 2; module.exports = { h }",
    );
    let names: Vec<&str> = facts.relations.export.iter().map(|row| facts.text(row.name)).collect();
    assert_eq!(names, ["a", "default", "g", "=", "h"]);
    assert_eq!(facts.relations.reexport.len(), 2);
}

#[test]
fn constructor_parameters_are_fields() {
    let facts = lower(
        "@Injectable() class A extends Base<Order> implements I { constructor(private readonly repo: Repo<Order>) { super() } get x() { return 1 } m(@Body() b: Dto) {} static s() {} }",
    );
    let field = facts.relations.field[0];
    assert_eq!((facts.text(field.name), facts.text(field.type_)), ("repo", "Repo<Order>"));
    assert_eq!(facts.relations.store.len(), 1);
    let bases: Vec<&str> = facts.relations.extends.iter().map(|row| facts.text(row.base)).collect();
    assert_eq!(bases, ["Base<Order>", "I"]);
    let receivers = facts.relations.parameter.iter().filter(|row| row.kind == ParameterKind::Receiver).count();
    assert_eq!(receivers, 4);
    assert_eq!((facts.relations.class_annotation.len(), facts.relations.parameter_annotation.len()), (1, 1));
    assert_eq!(facts.relations.parameter_annotation[0].index, 1, "the receiver counts");
}

#[test]
fn functions_see_what_is_declared_later() {
    let facts = lower("function f() { return later() } const later = async () => 1");
    assert!(facts.relations.global.is_empty());
    let names: Vec<&str> = facts.relations.function.iter().skip(1).map(|row| facts.text(row.name)).collect();
    assert_eq!(names, ["f", "later"]);
}

#[test]
fn the_class_above_is_meant_where_the_own_one_has_the_method_too() {
    let calls = |text: &str| {
        let facts = lower(text);
        let names: Vec<String> = facts.relations.call.iter().map(|row| facts.text(row.name).to_owned()).collect();
        names.join(" ")
    };
    assert_eq!(calls("class A extends B { m() { super.m() } }"), "super m");
    assert_eq!(calls("class A extends B { m() { super.n() } }"), "n");
}

#[test]
fn arrows_capture_this() {
    let facts = lower("class A { run() { return this.items.map(x => this.one(x)) } }");
    assert!(!facts.relations.capture.is_empty());
}

#[test]
fn text_with_holes() {
    for text in ["const s = `a${x}b`", "const s = 'a' + x + 'b'"] {
        let facts = lower(text);
        assert_eq!(facts.text(facts.relations.template[0].text), "a{}b", "{text}");
    }
}

#[test]
fn a_break_in_a_switch_leaves_the_switch_only() {
    let facts = lower("for (const a of b) { switch (a) { case 1: f(); break; default: g() } h() }");
    let r = &facts.relations;
    let block_of = |name: &str| {
        let call = r.call.iter().find(|call| facts.text(call.name) == name).expect("called");
        r.site.iter().find(|site| site.site == call.site).expect("its site").block
    };
    let mut reached = vec![block_of("f")];
    let mut at = 0;
    while at < reached.len() {
        let next: Vec<_> = r.edge.iter().filter(|edge| edge.from == reached[at]).map(|edge| edge.to).collect();
        next.into_iter().for_each(|to| {
            if !reached.contains(&to) {
                reached.push(to)
            }
        });
        at += 1;
    }
    assert!(reached.contains(&block_of("h")));
}

#[test]
fn tests_are_marked_by_construct() {
    let facts = lower("describe('x', () => { it('y', async () => { f() }) }); const g = () => 1");
    let flags: Vec<bool> =
        facts.relations.function.iter().skip(1).map(|row| row.flags.has(FunctionFlags::TEST)).collect();
    assert_eq!(flags, [true, true, false]);
}

#[test]
fn awaits_and_loops_have_their_shape() {
    let facts = lower(
        "async function f() { for await (const x of y) { try { await g(x) } catch (e) { h(e) } finally { k() } } }",
    );
    let awaits = facts.relations.site.iter().filter(|row| row.kind == SiteKind::Await).count();
    assert_eq!(awaits, 2);
    for kind in [RegionKind::Loop, RegionKind::Try, RegionKind::Catch, RegionKind::Finally] {
        assert!(facts.relations.region.iter().any(|row| row.kind == kind), "{kind:?}");
    }
}

#[test]
fn types_are_spelled_in_one_way() {
    let facts = lower(
        "function f<T extends Repo>(a: Order[], b: Promise<Order> | null, c: T, d: ns.Type, e: { x: string }): Promise<void> {}",
    );
    let types: Vec<&str> = facts.relations.parameter.iter().map(|row| facts.text(row.type_)).collect();
    assert_eq!(types, ["Array<Order>", "Promise<Order>|null", "Repo", "ns.Type", ""]);
}

#[test]
fn jsx_and_flow_are_read() {
    let facts = TypeScript.lower("a.jsx", "const x = <A b={f()}>{g()}</A>", Role::Source);
    assert_eq!(facts.relations.call.len(), 2);
    let flow = TypeScript.lower("a.js", "function f(x: string): number { return g(x) }", Role::Source);
    assert_eq!(flow.relations.call.len(), 1);
}

#[test]
fn what_does_not_parse_is_said() {
    let facts = TypeScript.lower("a.ts", "function f( {", Role::Source);
    assert_eq!(facts.relations.diagnostic.len(), 1);
}

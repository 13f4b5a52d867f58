use distsys_facts::{
    CallKind, ClassKind, DiagnosticKind, FactBase, FunctionFlags, LiteralKind, ParameterKind, RegionKind, Role,
};

use super::Java;
use crate::front_end::FrontEnd;

fn lower(text: &str) -> FactBase {
    let facts = Java.lower("src/A.java", text, Role::Source);
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
    let r = &facts.relations;
    r.import.iter().map(|row| (facts.text(row.target).to_owned(), facts.text(row.member).to_owned())).collect()
}

fn pair(target: &str, member: &str) -> (String, String) {
    (target.to_owned(), member.to_owned())
}

fn types_of_fields(text: &str) -> Vec<String> {
    let facts = lower(text);
    facts.relations.field.iter().map(|row| facts.text(row.type_).to_owned()).collect()
}

fn loads(facts: &FactBase) -> Vec<&str> {
    facts.relations.load.iter().map(|row| facts.text(row.field)).collect()
}

fn regions(facts: &FactBase, kind: RegionKind) -> usize {
    facts.relations.region.iter().filter(|row| row.kind == kind).count()
}

#[test]
fn calls_in_evaluation_order() {
    assert_eq!(calls("class A { void f() { g(h(1), new K(m())); } }"), ["h", "m", "K", "g"]);
    assert_eq!(calls("class A { void f() { g(); } void g() {} }"), [".g"]);
    assert_eq!(calls("import static a.B.c; class A { void f() { c(1); } }"), [".c"]);
}

#[test]
fn a_file_says_its_package_and_imports_types() {
    let facts = lower("package com.shop; class A {}");
    assert_eq!(facts.text(facts.relations.module[0].name), "com.shop");
    assert_eq!(
        imports(
            "import a.b.C; import a.b.D.E; import static x.Y.z; import q.*; class A { java.util.List<C> all; Object o = p.Q.r; }"
        ),
        [pair("a.b", "C"), pair("a.b", "D"), pair("x", "Y"), pair("p", "Q")]
    );
    let facts = lower("import q.*; class A {}");
    assert_eq!(facts.text(facts.relations.import_glob[0].target), "q");
}

#[test]
fn types_are_spelt_as_the_schema_does() {
    assert_eq!(
        types_of_fields(
            "class A<T extends Order> { List<? extends Line> a; int[] b; T c; Map<String, List<Inner>> d; void f() {} class Inner {} }"
        ),
        ["List<Line>", "Array<int>", "Order", "Map<String,List<A.Inner>>"]
    );
}

#[test]
fn names_are_locals_before_fields_before_types() {
    let facts = lower("class A { int total; void f(int total) { g(total); } void h() { g(total); } void g(int x) {} }");
    assert_eq!(loads(&facts), ["total"]);
    let facts =
        lower("class A { static final int MAX = 3; int f() { return MAX; } int g() { return this.MAX + Other.MIN; } }");
    assert_eq!(loads(&facts), ["MAX", "MAX", "MIN"]);
}

#[test]
fn inner_classes_see_the_instance_around() {
    let facts = lower(
        "class A { int n; class B { int f() { return n + A.this.n; } } Runnable r = new Runnable() { public void run() { n = 1; } }; }",
    );
    let names: Vec<&str> = facts.relations.class.iter().map(|row| facts.text(row.qualified)).collect();
    assert_eq!(names, ["A", "A.B", "Runnable"]);
    assert_eq!(loads(&facts), ["n", "n"]);
    assert_eq!(facts.relations.store.len(), 1);
}

#[test]
fn an_object_of_one_method_is_a_function_too() {
    let facts = lower(
        "class A { void f(Pool p) { p.submit(new Runnable() { public void run() { g(); } }); p.submit(() -> g()); p.submit(this::g); } void g() {} }",
    );
    assert_eq!(facts.relations.closure.len(), 2);
    assert_eq!(loads(&facts), ["g"]);
}

#[test]
fn accessors_are_loads_and_stores() {
    let facts = lower(
        "class A { void f(Order o, Row r) { o.setTotal(o.getTotal() + 1); if (o.isPaid()) {} r.getLong(\"total\"); r.get(key()); } }",
    );
    assert_eq!(loads(&facts), ["total", "paid", "total"]);
    assert_eq!(facts.text(facts.relations.store[0].field), "total");
}

#[test]
fn methods_that_are_operators() {
    let facts = lower(
        "class A { boolean f(T a, T b, List l) { l.add(a); if (a.isBefore(b)) {} x = a.add(b); return a.compareTo(b) >= 0; } }",
    );
    let operators: Vec<&str> = facts.relations.binary.iter().map(|row| facts.text(row.operator)).collect();
    assert_eq!(operators, ["<", "+", ">=", ">="]);
}

#[test]
fn annotations_are_calls_with_arguments() {
    let facts = lower(
        "@Table(name = \"orders\") class A { @Column(\"n\") int n; @Get(value = \"/a\", produces = {\"x\", \"y\"}) void f(@Id long id) {} }",
    );
    let r = &facts.relations;
    assert!(r.call.iter().all(|call| call.kind == CallKind::Annotation));
    let keywords: Vec<&str> = r.argument.iter().map(|row| facts.text(row.keyword)).collect();
    assert_eq!(keywords, ["name", "", "", "produces"]);
    assert_eq!((r.class_annotation.len(), r.field_annotation.len(), r.function_annotation.len()), (1, 1, 1));
    assert_eq!(r.parameter_annotation[0].index, 1);
}

#[test]
fn annotations_of_a_method_without_body_stand_inside_of_it() {
    let facts = lower(
        "interface Orders { @Query(\"select id from orders where open = 1\") int open(); } class A { @Tx void f() {} }",
    );
    let r = &facts.relations;
    let inside: Vec<bool> = r
        .function_annotation
        .iter()
        .map(|row| r.site.iter().any(|site| site.site == row.site && site.function == row.function))
        .collect();
    assert_eq!(inside, [true, false]);
    assert!(
        r.function.iter().any(|row| row.flags.has(FunctionFlags::ABSTRACT) && row.flags.has(FunctionFlags::PUBLIC))
    );
    assert_eq!(facts.text(r.sql[0].table), "orders");
}

#[test]
fn records_and_enums() {
    let facts = lower(
        "record Line(String id, Order order) { String id() { return id; } } enum State { OPEN, PAID(\"p\") { int f() { return 1; } }; State(String s) {} State() {} }",
    );
    let r = &facts.relations;
    let functions: Vec<&str> = r.function.iter().map(|row| facts.text(row.qualified)).collect();
    assert_eq!(
        functions,
        ["<module>", "Line.constructor", "Line.order", "Line.id", "PAID.f", "State.constructor", "State.constructor"]
    );
    assert_eq!(r.store.len(), 2);
    assert_eq!(
        r.class.iter().map(|row| row.kind).collect::<Vec<_>>(),
        [ClassKind::Struct, ClassKind::Enum, ClassKind::Class]
    );
    let compact = lower("record Line(String id) { Line { check(id); } }");
    assert_eq!(compact.relations.store.len(), 1);
    assert_eq!(compact.relations.parameter.iter().filter(|row| row.kind == ParameterKind::Receiver).count(), 2);
}

#[test]
fn resources_and_monitors_are_with_regions() {
    let facts = lower(
        "class A { void f() { try (var a = open(); B b = a.more()) { b.use(); } catch (X | Y e) { } finally { done(); } synchronized (this) { g(); } } synchronized void g() { h(); } }",
    );
    assert_eq!(regions(&facts, RegionKind::With), 4);
    assert_eq!(facts.text(facts.relations.catches[0].type_), "X|Y");
    assert_eq!(facts.relations.idle.len(), 1);
    let monitors = facts.relations.call.iter().filter(|call| facts.text(call.name) == "synchronized").count();
    assert_eq!(monitors, 2);
}

#[test]
fn control_flow() {
    let facts = lower(
        "class A { int f(int x, Object o) { out: for (int i = 0; i < x; i++) { while (true) { if (x > 3) break out; else continue; } } do { x--; } while (x > 0); for (String s : all()) { g(s); } return switch (o) { case String s -> s.length(); case Integer n when n > 3 -> { yield 4; } default -> 5; }; } }",
    );
    assert_eq!(regions(&facts, RegionKind::Loop), 4);
    assert_eq!(facts.relations.iterates.len(), 1);
    let old =
        lower("class A { void f(State s) { switch (s) { case OPEN: g(); case PAID: h(); break; default: k(); } } }");
    assert_eq!(regions(&old, RegionKind::Branch), 3);
}

#[test]
fn text_is_put_together() {
    let text = |source: &str| -> Vec<String> {
        let facts = lower(&format!("class A {{ void f(String x) {{ g({source}); }} }}"));
        let r = &facts.relations;
        let literals = r.literal.iter().filter(|row| row.kind == LiteralKind::String).map(|row| row.value);
        literals.chain(r.template.iter().map(|row| row.text)).map(|text| facts.text(text).to_owned()).collect()
    };
    assert_eq!(text("\"a\" + x + \"b\\n\""), ["a{}b\n"]);
    assert_eq!(text("\"a\" + \"b\""), ["ab"]);
    assert_eq!(text("String.format(\"%s of %5.2f%%\", x, 3)"), ["{} of {}%"]);
    assert_eq!(text("\"\"\"\n    select 1\n      from t\"\"\""), ["select 1\n  from t"]);
    assert_eq!(text("\"%d\".formatted(x)"), ["{}"]);
}

#[test]
fn numbers_are_plain() {
    let facts = lower("class A { long[] all = { 1_000L, 0xff, 0b101, -7, 2.5f }; }");
    let values: Vec<&str> = facts.relations.literal.iter().map(|row| facts.text(row.value)).collect();
    assert_eq!(values, ["1000", "255", "5", "-7", "2.5"]);
}

#[test]
fn an_error_costs_the_function_that_holds_it() {
    let facts = Java.lower("A.java", "class A { void f() { g(; } void h() { k(); } }", Role::Source);
    assert!(facts.relations.diagnostic.iter().any(|row| row.kind == DiagnosticKind::SyntaxError));
    let called: Vec<&str> = facts.relations.call.iter().map(|row| facts.text(row.name)).collect();
    assert_eq!(called, ["k"]);
}

#[test]
fn suppressions_are_kept() {
    let facts = lower("class A { void f() {\n  // distsys-graph: ignore[lost-update] one writer\n  g(); } }");
    assert_eq!(facts.relations.directive.len(), 1);
}

#[test]
fn damaged_text_does_no_harm() {
    let whole = "package a; import static b.C.*; @X(y = {1, 2}) class A<T> extends B implements C { int f = 3, g[] = {1}; enum E { P(1) { }, Q; int z; } record R(int a, int b) { R { } } A() { this(1); super.f(); } <U> void m(int... xs) throws E { try (var r = o()) { switch (x) { case 1 -> { } default -> throw e; } } catch (E | F e) { } finally { } synchronized (this) { } l: for (;;) { break l; } Runnable q = () -> x::y; Object o = new I() { void n() { } }; if (a instanceof B b && !b.c()) return; var s = \"\"\"\n  a\n  \"\"\" + 1 + 'c'; } }";
    for at in (0..whole.len()).filter(|at| whole.is_char_boundary(*at)) {
        Java.lower("A.java", &whole[..at], Role::Source);
        Java.lower("A.java", &whole[at..], Role::Source);
        Java.lower("A.java", &format!("{}{}", &whole[..at], &whole[(at + 3).min(whole.len())..]), Role::Source);
    }
}

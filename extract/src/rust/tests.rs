use distsys_facts::{FactBase, FunctionFlags, RegionKind, Role, SiteKind};

use super::Rust;
use crate::front_end::FrontEnd;

fn lower(text: &str) -> FactBase {
    let facts = Rust.lower("src/lib.rs", text, Role::Source);
    let problems: Vec<&str> = facts.relations.diagnostic.iter().map(|row| facts.text(row.message)).collect();
    assert!(problems.is_empty(), "{problems:?}");
    facts
}

/// `.name` for members, `name` for plain calls, in order.
fn calls(body: &str) -> Vec<String> {
    let facts = lower(&format!("async fn f() {{ {body} }}"));
    let r = &facts.relations;
    r.call
        .iter()
        .map(|call| format!("{}{}", if call.receiver.is_some() { "." } else { "" }, facts.text(call.name)))
        .collect()
}

#[test]
fn calls_in_evaluation_order() {
    assert_eq!(calls("a(b(1), c.d(2));"), ["b", ".d", "a"]);
    assert_eq!(calls("tokio::sync::mpsc::channel(1);"), [".channel"]);
    assert_eq!(calls("Some(x());"), ["x"]);
}

#[test]
fn macros_are_read() {
    assert_eq!(
        calls("tokio::select! { x = a() => b(x), _ = c.d(), if e() => { g() } else => h() }"),
        ["a", ".d", "e", "b", "g", "h"]
    );
    assert_eq!(calls("tokio::join!(a(), b());"), ["a", "b", ".join"]);
    assert_eq!(calls("vec![a(), b()];"), ["a", "b"]);
    assert_eq!(calls("assert!(a() == 1);"), ["a"]);
    assert_eq!(calls("my_macro!(a(), b(c()));"), ["a", "c", "b", "my_macro"]);
    assert_eq!(calls("odd!(x => a(), y => b());").last().map(String::as_str), Some("odd"));
    assert_eq!(calls("json!({\"a\": [f(1), {\"b\": g()}]});"), ["f", "g"]);
}

#[test]
fn formats_are_templates() {
    let facts = lower("fn f(id: u32) -> String { format!(\"user:{id}:{}\", 7) }");
    assert_eq!(facts.text(facts.relations.template[0].text), "user:{}:{}");
    assert_eq!(facts.relations.hole.len(), 2);
}

#[test]
fn sql_macros_have_their_text() {
    let facts = lower(
        "async fn f(p: &PgPool) { sqlx::query!(\"UPDATE orders SET a = 1 WHERE id = $1\", 1).execute(p).await.unwrap(); }",
    );
    assert_eq!(facts.text(facts.relations.sql[0].table), "orders");
}

#[test]
fn types_are_spelled_in_one_way() {
    let facts = lower(
        "fn f<R: Repo>(a: &'a Arc<Mutex<T>>, b: Option<&str>, c: R, d: Box<dyn Store + Send>, e: &[Order]) -> impl Future<Output = X> { }",
    );
    let types: Vec<&str> = facts.relations.parameter.iter().map(|row| facts.text(row.type_)).collect();
    assert_eq!(types, ["Arc<Mutex<T>>", "Option<str>", "Repo", "Box<Store>", "Vec<Order>"]);
    assert_eq!(facts.text(facts.relations.return_type[0].type_), "Future<X>");
}

#[test]
fn methods_belong_to_their_types() {
    let facts = lower(
        "struct A { b: Arc<B> } impl A { fn new() -> Self { A { b: x } } fn m(&self) {} } impl Store for A { fn s(&self) {} } impl Store for other::C { fn s(&self) {} }",
    );
    let methods: Vec<&str> = facts.relations.method.iter().map(|row| facts.text(row.name)).collect();
    assert_eq!(methods, ["new", "m", "s", "s"]);
    let bases: Vec<&str> = facts.relations.extends.iter().map(|row| facts.text(row.base)).collect();
    assert_eq!(bases, ["Store", "impl.other.C", "Store"]);
    assert_eq!(facts.text(facts.relations.return_type[0].type_), "A");
}

#[test]
fn imports_name_target_and_member() {
    let facts = lower("use crate::db::{self, connect as c, pool::*}; pub use a::B;");
    let rows: Vec<_> =
        facts.relations.import.iter().map(|row| (facts.text(row.target), facts.text(row.member))).collect();
    assert_eq!(rows, [("crate", "db"), ("crate.db", "connect"), ("a", "B")]);
    assert_eq!(facts.text(facts.relations.import_glob[0].target), "crate.db.pool");
    assert_eq!(facts.relations.reexport.len(), 1);
}

#[test]
fn test_code_is_marked() {
    let facts = lower("#[tokio::test] async fn a() {} #[cfg(test)] mod tests { fn helper() {} } fn real() {}");
    let flags: Vec<bool> =
        facts.relations.function.iter().skip(1).map(|row| row.flags.has(FunctionFlags::TEST)).collect();
    assert_eq!(flags, [true, true, false]);
}

#[test]
fn guards_end_with_their_block_or_drop() {
    let facts = lower(
        "async fn f() { { let g = m.lock().unwrap(); g.push(1); } let h = m.lock().unwrap(); drop(h); wait().await; }",
    );
    assert_eq!(facts.relations.releases.len(), 1);
    let g = facts.relations.variable.iter().find(|row| facts.text(row.name) == "g").expect("declared");
    let region = facts.relations.region.iter().find(|row| row.region == g.region).expect("its region");
    assert_eq!(region.kind, RegionKind::Block);
}

#[test]
fn temporaries_of_a_scrutinee_live_through_it() {
    let facts = lower("async fn f() { if let Some(x) = m.lock().unwrap().get(1) { x.go().await; } }");
    let held: Vec<_> = facts.relations.variable.iter().filter(|row| facts.text(row.name).is_empty()).collect();
    assert!(held.len() >= 2, "the lock and what is unwrapped of it");
    let awaits = facts.relations.site.iter().filter(|row| row.kind == SiteKind::Await).count();
    assert_eq!(awaits, 1);
}

#[test]
fn arms_say_what_they_ask() {
    let facts = lower("fn f() { match r { Ok(x) => a(x), Err(e) => b(e) } }");
    let asked: Vec<&str> = facts.relations.literal.iter().map(|row| facts.text(row.value)).collect();
    assert_eq!(asked, ["Ok", "Err"]);
}

#[test]
fn what_does_not_parse_is_said() {
    let facts = Rust.lower("a.rs", "fn f( {", Role::Source);
    assert_eq!(facts.relations.diagnostic.len(), 1);
}

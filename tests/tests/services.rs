//! Small services in the shapes that engineers write, full of bugs and of code that only looks like one. A line marked
//! `finds: rule, rule` has these findings, and no other line has any.

use std::collections::BTreeSet;
use std::path::Path;

use distsys_graph::Analysis;

type Mark = (String, u32, String);

fn marked(root: &Path, folder: &Path, marks: &mut BTreeSet<Mark>) {
    let entries = std::fs::read_dir(folder).expect("a folder of the service");
    for path in entries.map(|entry| entry.expect("an entry of the folder").path()) {
        if path.is_dir() {
            marked(root, &path, marks);
            continue;
        }
        let name = path.strip_prefix(root).expect("a path below the service").to_string_lossy().replace('\\', "/");
        let text = std::fs::read_to_string(&path).expect("a file of the service");
        for (number, line) in text.lines().enumerate() {
            let Some((_, rules)) = line.split_once(" finds: ") else { continue };
            marks.extend(rules.split(", ").map(|rule| (name.clone(), number as u32 + 1, rule.trim().to_owned())));
        }
    }
}

fn holds(service: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("services").join(service);
    let mut marks = BTreeSet::new();
    marked(&root, &root, &mut marks);
    assert!(marks.len() > 15, "{service} has lost its marks");
    let report = Analysis::of_paths([root.clone()]).run().expect("an analysis");
    let found: BTreeSet<Mark> = report
        .findings
        .iter()
        .map(|reported| &reported.finding)
        .map(|finding| (finding.primary.path.clone(), finding.primary.line, finding.rule.slug.to_owned()))
        .collect();
    let missing: Vec<&Mark> = marks.difference(&found).collect();
    let unexpected: Vec<&Mark> = found.difference(&marks).collect();
    assert!(missing.is_empty() && unexpected.is_empty(), "missing: {missing:#?}\nunexpected: {unexpected:#?}");
}

#[test]
fn a_booking_service_in_python() {
    holds("python");
}

#[test]
fn a_shop_in_django() {
    holds("django");
}

#[test]
fn a_shop_in_nestjs() {
    holds("nestjs");
}

#[test]
fn a_wallet_service_in_fastapi() {
    holds("fastapi");
}

#[test]
fn an_invoice_service_in_flask() {
    holds("flask");
}

#[test]
fn an_order_service_in_express() {
    holds("express");
}

#[test]
fn an_order_service_in_typescript() {
    holds("typescript");
}

#[test]
fn a_ledger_in_axum_and_sea_orm() {
    holds("axum");
}

#[test]
fn a_billing_service_in_actix_and_diesel() {
    holds("actix");
}

#[test]
fn an_order_service_in_rust() {
    holds("rust");
}

#[test]
fn a_shipping_service_in_fastify() {
    holds("fastify");
}

#[test]
fn a_ticketing_service_in_aiohttp() {
    holds("aiohttp");
}

#[test]
fn a_ledger_service_in_tonic() {
    holds("tonic");
}

#[test]
fn a_storefront_in_nextjs() {
    holds("nextjs");
}

#[test]
fn a_fulfilment_service_in_koa() {
    holds("koa");
}

#[test]
fn an_inventory_service_in_litestar() {
    holds("litestar");
}

#[test]
fn an_auction_service_in_rocket() {
    holds("rocket");
}

#[test]
fn an_order_service_in_go() {
    holds("go-orders");
}

#[test]
fn a_catalogue_in_gin_and_gorm() {
    holds("go-catalog");
}

#[test]
fn a_ledger_in_echo_and_asynq() {
    holds("go-ledger");
}

#[test]
fn a_booking_service_in_spring() {
    holds("spring");
}

#[test]
fn a_parcel_service_in_java() {
    holds("java");
}

#[test]
fn a_stock_service_in_quarkus() {
    holds("quarkus");
}

//! What the benches run on: a service of many small modules, made here, the same at every run.

use distsys_extract::driver::{ExtractError, Extraction, Input, Options, SourceText, extract};

/// A module of the service: it takes an order, keeps it, sends a job, asks another service with retries.
const PYTHON: &str = r#"
import requests
from celery import shared_task
from django.db import models, transaction

class Order{n}(models.Model):
    state = models.TextField()

@shared_task
def confirm_{n}(order_id):
    order = Order{n}.objects.get(id=order_id)
    return order.state

def charge_{n}(order, key):
    for attempt in range(3):
        try:
            return requests.post(f"https://pay.example.com/{order.id}", headers={"Idempotency-Key": key}, timeout=5)
        except requests.ConnectionError:
            continue

def place_{n}(request, key):
    with transaction.atomic():
        order = Order{n}.objects.create(state="new")
    charge_{n}(order, key)
    confirm_{n}.delay(order.id)
    return next_{n}(order)

def next_{n}(order):
    from service.module_{m} import place_{m}
    return place_{m}(order, order.id)
"#;

const TYPESCRIPT: &str = r#"
import { Queue } from "bullmq"
import { place{m} } from "./module{m}"

const orders = new Queue("orders-{n}")

export class Orders{n} {
  constructor(private readonly base: string) {}

  async send(order: { id: string }, key: string) {
    return fetch(`${this.base}/orders/${order.id}`, { method: "POST", headers: { "Idempotency-Key": key } })
  }

  async place(order: { id: string }, key: string) {
    const answer = await this.send(order, key)
    if (answer.ok) await orders.add("confirm", order, { jobId: order.id })
    return place{m}(order, key)
  }
}

export const place{n} = (order: { id: string }, key: string) => new Orders{n}("https://orders").place(order, key)
"#;

const RUST: &str = r#"
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};

pub struct Orders{n} {
    client: reqwest::Client,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Orders{n} {
    pub async fn place(&self, id: &str, sender: &mpsc::Sender<String>) -> Result<(), reqwest::Error> {
        {
            let mut seen = self.seen.lock().await;
            seen.push(id.to_owned());
        }
        self.client.post(format!("https://orders/{}", id)).header("Idempotency-Key", id).send().await?;
        let _ = sender.send(id.to_owned()).await;
        super::module_{m}::count(id.len());
        Ok(())
    }
}

pub fn count(length: usize) -> usize {
    if length > 3 { super::module_{m}::count(length - 1) } else { length }
}
"#;

/// A service of `modules` modules in each language; each calls the next.
pub fn service(modules: usize) -> Vec<SourceText> {
    let fill =
        |text: &str, n: usize| text.replace("{n}", &n.to_string()).replace("{m}", &((n + 1) % modules).to_string());
    let mut texts = vec![SourceText::new("Cargo.toml", "[package]\nname = \"service\"\nversion = \"0.1.0\"\n")];
    let mut root = String::new();
    for n in 0..modules {
        texts.push(SourceText::new(format!("service/module_{n}.py"), fill(PYTHON, n)));
        texts.push(SourceText::new(format!("web/module{n}.ts"), fill(TYPESCRIPT, n)));
        texts.push(SourceText::new(format!("src/module_{n}.rs"), fill(RUST, n)));
        root.push_str(&format!("pub mod module_{n};\n"));
    }
    texts.push(SourceText::new("src/lib.rs", root));
    texts.push(SourceText::new("service/__init__.py", ""));
    texts
}

/// The facts of `texts`, on one thread.
pub fn lower(texts: &[SourceText]) -> Result<Extraction, ExtractError> {
    extract(Input::Texts(texts), &Options { jobs: Some(1), ..Options::default() }, &|_, _| {})
}

use reqwest::Client;
use serde_json::{json, Value};
use uuid::Uuid;

use super::retry::with_retries;
use crate::config::{HTTP_TIMEOUT, PAYMENTS};
use crate::workers::Event;

pub struct Payments {
    http: Client,
    legacy: Client,
}

impl Payments {
    pub fn new() -> Self {
        Self {
            http: Client::builder().timeout(HTTP_TIMEOUT).build().expect("client"),
            legacy: Client::new(),  // finds: missing-timeout
        }
    }

    async fn post(&self, path: &str, body: Value, key: Option<&str>) -> Result<Value, reqwest::Error> {
        let mut request = self.http.post(format!("{PAYMENTS}{path}")).json(&body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        request.send().await?.error_for_status()?.json().await
    }

    pub async fn capture(&self, order: i64, amount: i64) -> Result<Value, reqwest::Error> {
        with_retries(3, || self.post("/captures", json!({ "order": order, "amount": amount }), None)).await  // finds: retry-without-idempotency-key
    }

    pub async fn capture_keyed(&self, order: i64, amount: i64) -> Result<Value, reqwest::Error> {
        let key = format!("capture-{order}");
        with_retries(3, || self.post("/captures", json!({ "order": order, "amount": amount }), Some(&key))).await
    }

    pub async fn refund(&self, order: i64) -> Result<Value, reqwest::Error> {
        with_retries(3, || async {
            let key = Uuid::new_v4().to_string();
            self.post("/refunds", json!({ "order": order }), Some(&key)).await  // finds: idempotency-key-per-attempt
        })
        .await
    }

    pub async fn status(&self, order: i64) -> Result<Value, reqwest::Error> {
        with_retries(3, || async { self.http.get(format!("{PAYMENTS}/orders/{order}")).send().await?.json().await }).await
    }

    pub async fn legacy_status(&self, order: i64) -> Result<Value, reqwest::Error> {
        self.legacy.get(format!("http://legacy/orders/{order}")).send().await?.json().await
    }

    pub async fn notify(&self, event: Event) -> Result<(), reqwest::Error> {
        self.http.post("http://hooks.internal/events").json(&event).send().await?;
        Ok(())
    }
}

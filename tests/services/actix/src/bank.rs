use std::time::Duration;

use backoff::ExponentialBackoff;
use serde_json::json;
use tokio_retry::strategy::{jitter, ExponentialBackoff as Steps};
use tokio_retry::Retry;
use uuid::Uuid;

pub struct Bank {
    client: reqwest::Client,
}

impl Bank {
    pub fn new() -> anyhow::Result<Self> {
        Ok(Bank { client: reqwest::Client::builder().timeout(Duration::from_secs(5)).build()? })
    }

    async fn post(&self, path: &str, body: serde_json::Value) -> Result<reqwest::Response, reqwest::Error> {
        self.client.post(format!("https://bank.example.com{path}")).json(&body).send().await?.error_for_status() // finds: retry-without-idempotency-key
    }

    pub async fn charge(&self, invoice: i64, cents: i64) -> anyhow::Result<()> {
        let steps = Steps::from_millis(50).map(jitter).take(4);
        Retry::spawn(steps, || self.post("/charges", json!({ "invoice": invoice, "cents": cents }))).await?;
        Ok(())
    }

    pub async fn charge_once(&self, key: &str, cents: i64) -> anyhow::Result<()> {
        let steps = Steps::from_millis(50).map(jitter).take(4);
        Retry::spawn(steps, || async {
            self.client
                .post("https://bank.example.com/charges")
                .header("Idempotency-Key", key)
                .json(&json!({ "cents": cents }))
                .send()
                .await?
                .error_for_status()
        })
        .await?;
        Ok(())
    }

    pub async fn refund(&self, invoice: i64) -> anyhow::Result<()> {
        backoff::future::retry(ExponentialBackoff::default(), || async {
            let key = Uuid::new_v4().to_string();
            let response = self // finds: idempotency-key-per-attempt
                .client
                .post("https://bank.example.com/refunds")
                .header("Idempotency-Key", key)
                .json(&json!({ "invoice": invoice }))
                .send()
                .await
                .map_err(backoff::Error::transient)?;
            Ok(response)
        })
        .await?;
        Ok(())
    }

    pub async fn statement(&self, customer: i64) -> anyhow::Result<String> {
        loop { // finds: unbounded-retry
            match self.client.get(format!("https://bank.example.com/statements/{customer}")).send().await {
                Ok(response) => return Ok(response.text().await?),
                Err(error) => {
                    tracing::warn!(%error, "no statement yet");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    pub async fn limits(&self) -> anyhow::Result<String> {
        let client = reqwest::Client::new(); // finds: missing-timeout
        Ok(client.get("https://bank.example.com/limits").send().await?.text().await?)
    }

    pub async fn limits_bounded(&self) -> anyhow::Result<String> {
        let client = reqwest::Client::new();
        let response = client.get("https://bank.example.com/limits").timeout(Duration::from_secs(2)).send().await?;
        Ok(response.text().await?)
    }
}

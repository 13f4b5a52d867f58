use std::time::Duration;

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use reqwest_retry::{policies::ExponentialBackoff, RetryTransientMiddleware};
use serde_json::{json, Value};
use uuid::Uuid;

use super::retry::Policy;

#[async_trait]
pub trait BankApi: Send + Sync {
    async fn transfer(&self, from: &str, to: &str, cents: i64) -> anyhow::Result<String>;
    async fn transfer_once(&self, from: &str, to: &str, cents: i64, key: &str) -> anyhow::Result<String>;
    async fn balance(&self, account: &str) -> anyhow::Result<i64>;
    async fn hold(&self, account: &str, cents: i64) -> anyhow::Result<()>;
    async fn release(&self, account: &str, cents: i64) -> anyhow::Result<()>;
}

pub struct HttpBank {
    client: reqwest::Client,
    base: String,
    policy: Policy,
}

impl HttpBank {
    pub fn new(client: reqwest::Client, base: String) -> Self {
        HttpBank { client, base, policy: Policy::default() }
    }

    async fn post(&self, path: &str, body: Value, key: Option<&str>) -> anyhow::Result<Value> {
        let mut request = self.client.post(format!("{}{}", self.base, path)).json(&body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        Ok(request.send().await?.error_for_status()?.json().await?)
    }
}

#[async_trait]
impl BankApi for HttpBank {
    async fn transfer(&self, from: &str, to: &str, cents: i64) -> anyhow::Result<String> {
        let answer = self
            .policy
            .run(|| self.post("/transfers", json!({ "from": from, "to": to, "cents": cents }), None)) // finds: retry-without-idempotency-key
            .await?;
        Ok(answer["id"].to_string())
    }

    async fn transfer_once(&self, from: &str, to: &str, cents: i64, key: &str) -> anyhow::Result<String> {
        let answer = self
            .policy
            .run(|| self.post("/transfers", json!({ "from": from, "to": to, "cents": cents }), Some(key)))
            .await?;
        Ok(answer["id"].to_string())
    }

    async fn balance(&self, account: &str) -> anyhow::Result<i64> {
        let fetch = || async {
            let answer: Value = self.client.get(format!("{}/accounts/{}", self.base, account)).send().await?.json().await?;
            anyhow::Ok(answer["cents"].as_i64().unwrap_or(0))
        };
        fetch.retry(ExponentialBuilder::default()).await
    }

    async fn hold(&self, account: &str, cents: i64) -> anyhow::Result<()> {
        let attempt = || async {
            let key = Uuid::new_v4().to_string();
            self.post("/holds", json!({ "account": account, "cents": cents }), Some(&key)).await // finds: idempotency-key-per-attempt
        };
        attempt.retry(ExponentialBuilder::default().with_max_times(3)).await?;
        Ok(())
    }

    async fn release(&self, account: &str, cents: i64) -> anyhow::Result<()> {
        let key = Uuid::new_v4().to_string();
        let attempt = || self.post("/releases", json!({ "account": account, "cents": cents }), Some(&key));
        attempt.retry(ExponentialBuilder::default().with_max_times(3)).await?;
        Ok(())
    }
}

pub fn retrying_client() -> ClientWithMiddleware {
    let inner = reqwest::Client::builder().timeout(Duration::from_secs(3)).build().expect("a client");
    ClientBuilder::new(inner)
        .with(RetryTransientMiddleware::new_with_policy(ExponentialBackoff::builder().build_with_max_retries(3)))
        .build()
}

pub async fn open_account(owner: &str) -> anyhow::Result<()> {
    let client = retrying_client();
    client.post("https://bank.example.com/accounts").body(owner.to_owned()).send().await?; // finds: retry-without-idempotency-key
    Ok(())
}

pub async fn list_webhooks() -> anyhow::Result<String> {
    Ok(retrying_client().get("https://bank.example.com/webhooks").send().await?.text().await?)
}

pub async fn rates() -> anyhow::Result<Value> {
    Ok(reqwest::get("https://rates.example.com/latest").await?.json().await?) // finds: missing-timeout
}

pub async fn rates_bounded() -> anyhow::Result<Value> {
    let response = tokio::time::timeout(Duration::from_secs(2), reqwest::get("https://rates.example.com/latest")).await??;
    Ok(response.json().await?)
}

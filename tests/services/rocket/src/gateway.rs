use std::time::Duration;

use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use reqwest_retry::policies::ExponentialBackoff;
use reqwest_retry::RetryTransientMiddleware;
use tokio_retry::strategy::{jitter, ExponentialBackoff as Backoff};
use tokio_retry::Retry;
use ulid::Ulid;

#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    #[error(transparent)]
    Http(#[from] reqwest_middleware::Error),
    #[error(transparent)]
    Plain(#[from] reqwest::Error),
}

pub struct Gateway {
    retrying: ClientWithMiddleware,
    plain: reqwest::Client,
    base: String,
}

impl Gateway {
    pub fn new(base: impl Into<String>) -> Self {
        let plain = reqwest::Client::builder().timeout(Duration::from_secs(4)).build().unwrap();
        let policy = ExponentialBackoff::builder().build_with_max_retries(3);
        let retrying = ClientBuilder::new(plain.clone()).with(RetryTransientMiddleware::new_with_policy(policy)).build();
        Self { retrying, plain, base: base.into() }
    }

    pub async fn charge(&self, bidder: i32, amount: i32) -> Result<String, GatewayError> {
        let body = serde_json::json!({ "bidder": bidder, "amount": amount });
        let response = self.retrying.post(format!("{}/charges", self.base)).body(body.to_string()).send().await?; // finds: retry-without-idempotency-key
        Ok(response.text().await?)
    }

    pub async fn charge_once(&self, lot: i32, bidder: i32, amount: i32) -> Result<String, GatewayError> {
        let body = serde_json::json!({ "bidder": bidder, "amount": amount });
        let response = self
            .retrying
            .post(format!("{}/charges", self.base))
            .header("Idempotency-Key", format!("lot-{lot}"))
            .body(body.to_string())
            .send()
            .await?;
        Ok(response.text().await?)
    }

    pub async fn pay_out(&self, lot: i32, amount: i32) -> Result<(), GatewayError> {
        let strategy = Backoff::from_millis(50).map(jitter).take(4);
        Retry::spawn(strategy, || async {
            let key = Ulid::new().to_string();
            self.plain // finds: idempotency-key-per-attempt
                .post(format!("{}/payouts", self.base))
                .header("Idempotency-Key", key)
                .body(format!("{lot}:{amount}"))
                .send()
                .await?
                .error_for_status()
                .map(|_| ())
        })
        .await?;
        Ok(())
    }

    pub async fn seller(&self, id: i32) -> Result<String, GatewayError> {
        Ok(self.plain.get(format!("{}/sellers/{id}", self.base)).send().await?.text().await?)
    }
}

pub fn webhook_client() -> reqwest::Client {
    reqwest::Client::new()
}

pub async fn deliver(client: &reqwest::Client, url: &str, body: String) -> reqwest::Result<()> {
    client.post(url).body(body).send().await?;
    Ok(())
}

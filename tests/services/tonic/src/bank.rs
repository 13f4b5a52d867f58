use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use uuid::Uuid;

pub struct Bank {
    http: reqwest::Client,
    base: String,
}

impl Bank {
    pub fn new(base: String) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(8)).build().expect("client");
        Self { http, base }
    }

    pub async fn pay_out(&self, account: i64, amount: i64) -> reqwest::Result<String> {
        let url = format!("{}/payouts", self.base);
        let send = || async {
            self.http.post(&url).json(&serde_json::json!({ "account": account, "amount": amount })).send().await?.error_for_status()?.text().await // finds: retry-without-idempotency-key
        };
        send.retry(ExponentialBuilder::default()).await
    }

    pub async fn pay_out_once(&self, transfer: u64, amount: i64) -> reqwest::Result<String> {
        let key = format!("payout-{transfer}");
        let send = || async {
            self.http
                .post(format!("{}/payouts", self.base))
                .header("Idempotency-Key", &key)
                .json(&amount)
                .send()
                .await?
                .text()
                .await
        };
        send.retry(ExponentialBuilder::default().with_max_times(3)).await
    }

    pub async fn refund(&self, transfer: u64) -> anyhow::Result<String> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let key = Uuid::new_v4().to_string();
            let sent = self.http.post(format!("{}/refunds/{transfer}", self.base)).header("Idempotency-Key", key).send().await; // finds: idempotency-key-per-attempt
            match sent {
                Ok(response) => return Ok(response.text().await?),
                Err(error) if attempt < 5 => {
                    tracing::warn!(%error, attempt, "refund failed");
                    tokio::time::sleep(Duration::from_millis(200 * attempt)).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub async fn rate(&self, currency: &str) -> reqwest::Result<f64> {
        self.http.get(format!("{}/rates/{currency}", self.base)).send().await?.json().await
    }

    pub async fn statement(&self, account: i64) -> String {
        loop { // finds: unbounded-retry
            match self.http.get(format!("{}/statements/{account}", self.base)).send().await {
                Ok(response) => return response.text().await.unwrap_or_default(),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
}

pub async fn ping(url: &str) -> bool {
    reqwest::get(url).await.is_ok() // finds: missing-timeout
}

use std::future::Future;
use std::time::Duration;

pub async fn with_retries<T, E, F, Fut>(attempts: u32, mut operation: F) -> Result<T, E>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let mut attempt = 0;
    loop {
        match operation().await {
            Ok(value) => return Ok(value),
            Err(err) if attempt + 1 >= attempts => return Err(err),
            Err(_) => {
                attempt += 1;
                tokio::time::sleep(Duration::from_millis(100 * 2u64.pow(attempt))).await;
            }
        }
    }
}

pub async fn until_ok<T, E, F, Fut>(mut operation: F) -> T
where
    E: std::fmt::Display,
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    loop {  // finds: unbounded-retry
        match operation().await {
            Ok(value) => return value,
            Err(err) => {
                tracing::warn!("retrying: {err}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

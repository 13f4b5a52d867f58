use std::future::Future;
use std::time::Duration;

pub struct Policy {
    pub attempts: u32,
    pub base: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Policy { attempts: 4, base: Duration::from_millis(100) }
    }
}

impl Policy {
    pub async fn run<T, E, F, Fut>(&self, mut operation: F) -> Result<T, E>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let mut attempt = 0;
        loop {
            match operation().await {
                Ok(value) => return Ok(value),
                Err(error) if attempt + 1 >= self.attempts => return Err(error),
                Err(_) => {
                    tokio::time::sleep(self.base * 2u32.pow(attempt)).await;
                    attempt += 1;
                }
            }
        }
    }
}

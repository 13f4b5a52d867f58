use std::time::{Duration, SystemTime};

use redis::AsyncCommands;
use uuid::Uuid;

pub struct Locks {
    client: redis::Client,
}

impl Locks {
    pub fn new(url: &str) -> redis::RedisResult<Self> {
        Ok(Self { client: redis::Client::open(url)? })
    }

    pub async fn with<T, F>(&self, name: &str, ttl: Duration, work: F) -> anyhow::Result<Option<T>>
    where
        F: std::future::Future<Output = anyhow::Result<T>>,
    {
        let mut con = self.client.get_multiplexed_async_connection().await?;
        let token = Uuid::new_v4().to_string();
        let taken: bool = redis::cmd("SET").arg(name).arg(&token).arg("NX").arg("PX").arg(ttl.as_millis() as u64).query_async(&mut con).await?;
        if !taken {
            return Ok(None);
        }
        let result = work.await;
        let _: () = con.del(name).await?; // finds: lock-release-without-owner-check
        Ok(Some(result?))
    }

    pub async fn enter(&self, name: &str) -> anyhow::Result<bool> {
        let mut con = self.client.get_multiplexed_async_connection().await?;
        Ok(con.set_nx(format!("mutex:{name}"), 1).await?) // finds: lock-without-expiry
    }

    pub async fn leave(&self, name: &str) -> anyhow::Result<()> {
        let mut con = self.client.get_multiplexed_async_connection().await?;
        con.del::<_, ()>(format!("mutex:{name}")).await?; // finds: lock-release-without-owner-check
        Ok(())
    }
}

pub struct Lease {
    granted: SystemTime,
    ttl: Duration,
}

impl Lease {
    pub fn grant(ttl: Duration) -> Self {
        Self { granted: SystemTime::now(), ttl }
    }

    pub fn is_valid(&self) -> bool {
        self.granted.elapsed().map(|age| age < self.ttl).unwrap_or(false)
    }
}

use deadpool_redis::redis::{AsyncCommands, Script};
use deadpool_redis::Pool;
use serde::de::DeserializeOwned;
use serde::Serialize;

#[derive(Clone)]
pub struct Cache {
    pool: Pool,
}

impl Cache {
    pub async fn get_or_load<T, F, Fut>(&self, key: &str, ttl: u64, load: F) -> anyhow::Result<T>
    where
        T: Serialize + DeserializeOwned,
        F: FnOnce() -> Fut,
        Fut: std::future::Future<Output = anyhow::Result<T>>,
    {
        let mut conn = self.pool.get().await?;
        let hit: Option<String> = conn.get(key).await?;
        if let Some(hit) = hit {
            return Ok(serde_json::from_str(&hit)?);
        }
        let value = load().await?; // finds: cache-stampede
        conn.set_ex::<_, _, ()>(key, serde_json::to_string(&value)?, ttl).await?;
        Ok(value)
    }

    pub async fn forget(&self, key: &str) -> anyhow::Result<()> {
        let mut conn = self.pool.get().await?;
        Ok(conn.del(key).await?)
    }

    pub async fn try_lock(&self, name: &str, owner: &str, ttl_ms: u64) -> anyhow::Result<bool> {
        let mut conn = self.pool.get().await?;
        let reply: Option<String> = deadpool_redis::redis::cmd("SET")
            .arg(format!("lock:{name}"))
            .arg(owner)
            .arg("NX")
            .arg("PX")
            .arg(ttl_ms)
            .query_async(&mut conn)
            .await?;
        Ok(reply.is_some())
    }

    pub async fn unlock(&self, name: &str, owner: &str) -> anyhow::Result<()> {
        let mut conn = self.pool.get().await?;
        let script = Script::new("if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end");
        script.key(format!("lock:{name}")).arg(owner).invoke_async::<()>(&mut conn).await?;
        Ok(())
    }

    pub async fn force_unlock(&self, name: &str) -> anyhow::Result<()> {
        let mut conn = self.pool.get().await?;
        Ok(conn.del(format!("lock:{name}")).await?) // finds: lock-release-without-owner-check
    }
}

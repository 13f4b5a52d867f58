use deadpool_redis::{redis::AsyncCommands, Pool};
use serde::{de::DeserializeOwned, Serialize};

#[derive(Clone)]
pub struct Cache {
    pool: Pool,
}

impl Cache {
    pub fn new(pool: Pool) -> Self {
        Cache { pool }
    }

    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> anyhow::Result<Option<T>> {
        let mut connection = self.pool.get().await?;
        let raw: Option<String> = connection.get(key).await?;
        Ok(raw.map(|raw| serde_json::from_str(&raw)).transpose()?)
    }

    pub async fn put<T: Serialize>(&self, key: &str, value: &T, seconds: u64) -> anyhow::Result<()> {
        let mut connection = self.pool.get().await?;
        let _: () = connection.set_ex(key, serde_json::to_string(value)?, seconds).await?;
        Ok(())
    }

    pub async fn forget(&self, key: &str) -> anyhow::Result<()> {
        let mut connection = self.pool.get().await?;
        let _: () = connection.del(key).await?;
        Ok(())
    }
}

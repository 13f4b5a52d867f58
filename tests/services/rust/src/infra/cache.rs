use redis::AsyncCommands;
use serde::{de::DeserializeOwned, Serialize};

#[derive(Clone)]
pub struct Cache {
    client: redis::Client,
}

impl Cache {
    pub fn new(client: redis::Client) -> Self {
        Self { client }
    }

    pub async fn read<T: DeserializeOwned>(&self, key: &str) -> anyhow::Result<Option<T>> {
        let mut con = self.client.get_multiplexed_async_connection().await?;
        let raw: Option<String> = con.get(key).await?;
        Ok(raw.map(|raw| serde_json::from_str(&raw)).transpose()?)
    }

    pub async fn write<T: Serialize>(&self, key: &str, value: &T, seconds: u64) -> anyhow::Result<()> {
        let mut con = self.client.get_multiplexed_async_connection().await?;
        let _: () = con.set_ex(key, serde_json::to_string(value)?, seconds).await?;
        Ok(())
    }

    pub async fn forget(&self, key: &str) -> anyhow::Result<()> {
        let mut con = self.client.get_multiplexed_async_connection().await?;
        let _: () = con.del(key).await?;
        Ok(())
    }
}

use bb8_redis::redis::AsyncCommands;

use crate::state::RedisPool;

pub async fn read(pool: &RedisPool, key: &str) -> anyhow::Result<Option<String>> {
    let mut connection = pool.get().await?;
    Ok(connection.get(key).await?)
}

pub async fn write(pool: &RedisPool, key: &str, value: &str) -> anyhow::Result<()> {
    let mut connection = pool.get().await?;
    let _: () = connection.set_ex(key, value, 120).await?;
    Ok(())
}

pub async fn drop(pool: &RedisPool, key: &str) -> anyhow::Result<()> {
    let mut connection = pool.get().await?;
    let _: () = connection.del(key).await?;
    Ok(())
}

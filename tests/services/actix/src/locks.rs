use bb8_redis::redis;
use uuid::Uuid;

use crate::state::RedisPool;

pub struct Lock {
    pool: RedisPool,
    key: String,
    token: String,
}

impl Lock {
    pub async fn acquire(pool: &RedisPool, name: &str, seconds: u64) -> anyhow::Result<Lock> {
        let (key, token) = (format!("lock:{name}"), Uuid::new_v4().to_string());
        let mut connection = pool.get().await?;
        let taken: Option<String> =
            redis::cmd("SET").arg(&key).arg(&token).arg("NX").arg("EX").arg(seconds).query_async(&mut *connection).await?;
        anyhow::ensure!(taken.is_some(), "{name} is locked");
        Ok(Lock { pool: pool.clone(), key, token })
    }

    pub async fn release(self) -> anyhow::Result<()> {
        let mut connection = self.pool.get().await?;
        let script = redis::Script::new("if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0");
        let _: i32 = script.key(&self.key).arg(&self.token).invoke_async(&mut *connection).await?;
        Ok(())
    }
}

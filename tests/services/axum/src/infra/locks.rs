use std::future::Future;

use deadpool_redis::{redis, redis::AsyncCommands, Pool};
use uuid::Uuid;

const RELEASE: &str = r#"
if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("del", KEYS[1]) end
return 0
"#;

pub struct Locks {
    pool: Pool,
}

impl Locks {
    pub fn new(pool: Pool) -> Self {
        Locks { pool }
    }

    pub async fn with<T, F, Fut>(&self, name: &str, seconds: u64, work: F) -> anyhow::Result<T>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = anyhow::Result<T>>,
    {
        let token = Uuid::new_v4().to_string();
        let key = format!("lock:{name}");
        let mut connection = self.pool.get().await?;
        let taken: Option<String> = redis::cmd("SET").arg(&key).arg(&token).arg("NX").arg("EX").arg(seconds).query_async(&mut connection).await?;
        anyhow::ensure!(taken.is_some(), "{name} is locked");
        let outcome = work().await;
        let _: i32 = redis::Script::new(RELEASE).key(&key).arg(&token).invoke_async(&mut connection).await?;
        outcome
    }

    pub async fn try_mutex(&self, name: &str) -> anyhow::Result<bool> {
        let mut connection = self.pool.get().await?;
        Ok(connection.set_nx(format!("mutex:{name}"), 1).await?) // finds: lock-without-expiry
    }

    pub async fn free_mutex(&self, name: &str) -> anyhow::Result<()> {
        let mut connection = self.pool.get().await?;
        let _: () = connection.del(format!("mutex:{name}")).await?; // finds: lock-release-without-owner-check
        Ok(())
    }
}

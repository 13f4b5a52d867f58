use std::future::Future;
use std::time::{Duration, SystemTime};

use redis::AsyncCommands;
use uuid::Uuid;

use crate::config::LOCK_TTL;

const UNLOCK: &str = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end";

pub async fn with_naive_lock<T, Fut: Future<Output = T>>(client: &redis::Client, name: &str, work: impl FnOnce() -> Fut) -> anyhow::Result<T> {
    let mut con = client.get_multiplexed_async_connection().await?;
    loop {
        let got: Option<String> = redis::cmd("SET").arg(name).arg("1").arg("NX").arg("EX").arg(LOCK_TTL.as_secs()).query_async(&mut con).await?;
        if got.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let result = work().await;
    let _: () = con.del(name).await?;  // finds: lock-release-without-owner-check
    Ok(result)
}

pub async fn with_lock<T, Fut: Future<Output = T>>(client: &redis::Client, name: &str, work: impl FnOnce() -> Fut) -> anyhow::Result<T> {
    let token = Uuid::new_v4().to_string();
    let mut con = client.get_multiplexed_async_connection().await?;
    let started = SystemTime::now();
    loop {
        let got: Option<String> = redis::cmd("SET").arg(name).arg(&token).arg("NX").arg("EX").arg(LOCK_TTL.as_secs()).query_async(&mut con).await?;
        if got.is_some() {
            break;
        }
        if started.elapsed()? > Duration::from_secs(10) {  // finds: wall-clock-duration
            anyhow::bail!("lock timeout");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let result = work().await;
    let _: i32 = redis::Script::new(UNLOCK).key(name).arg(&token).invoke_async(&mut con).await?;
    Ok(result)
}

pub async fn claim(client: &redis::Client, name: &str) -> anyhow::Result<bool> {
    let mut con = client.get_multiplexed_async_connection().await?;
    let key = format!("lock:{name}");
    Ok(con.set_nx(key, 1).await?)  // finds: lock-without-expiry
}

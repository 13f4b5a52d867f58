use std::time::Duration;

use bb8_redis::RedisConnectionManager;
use diesel_async::pooled_connection::{bb8::Pool, AsyncDieselConnectionManager};
use diesel_async::AsyncPgConnection;
use parking_lot::Mutex;
use sqlx::postgres::{PgPool, PgPoolOptions};

use crate::bank::Bank;
use crate::events::Events;

pub type RedisPool = bb8::Pool<RedisConnectionManager>;

pub struct State {
    pub pool: Pool<AsyncPgConnection>,
    pub sql: PgPool,
    pub read_replica: PgPool,
    pub redis: RedisPool,
    pub bank: Bank,
    pub events: Events,
    pub counters: Mutex<Vec<u64>>,
}

impl State {
    pub async fn connect() -> anyhow::Result<Self> {
        let url = std::env::var("DATABASE_URL")?;
        let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new(&url);
        let options = PgPoolOptions::new().acquire_timeout(Duration::from_secs(3));
        Ok(State {
            pool: Pool::builder().build(manager).await?,
            sql: options.clone().connect(&url).await?,
            read_replica: options.connect(&std::env::var("READ_REPLICA_URL")?).await?,
            redis: bb8::Pool::builder().build(RedisConnectionManager::new(std::env::var("REDIS_URL")?)?).await?,
            bank: Bank::new()?,
            events: Events::new()?,
            counters: Mutex::new(Vec::new()),
        })
    }
}

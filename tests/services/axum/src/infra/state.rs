use std::sync::Arc;
use std::time::Duration;

use sea_orm::{Database, DatabaseConnection};

use super::bank::{BankApi, HttpBank};
use super::cache::Cache;
use super::events::Events;
use super::locks::Locks;

pub struct AppState {
    pub db: DatabaseConnection,
    pub replica: DatabaseConnection,
    pub bank: Arc<dyn BankApi>,
    pub cache: Cache,
    pub locks: Locks,
    pub events: Events,
    pub told: tokio::sync::Mutex<std::collections::HashSet<i64>>,
}

impl AppState {
    pub async fn connect() -> anyhow::Result<Self> {
        let db = Database::connect(std::env::var("DATABASE_URL")?).await?;
        let replica = Database::connect(std::env::var("DATABASE_REPLICA_URL")?).await?;
        let pool = deadpool_redis::Config::from_url(std::env::var("REDIS_URL")?).create_pool(Some(deadpool_redis::Runtime::Tokio1))?;
        let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build()?;
        Ok(AppState {
            db,
            replica,
            bank: Arc::new(HttpBank::new(client, std::env::var("BANK_URL")?)),
            cache: Cache::new(pool.clone()),
            locks: Locks::new(pool),
            events: Events::connect().await?,
            told: Default::default(),
        })
    }
}

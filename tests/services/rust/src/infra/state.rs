use std::collections::HashMap;
use std::sync::Arc;

use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::sync::{mpsc, Mutex};

use super::payments::Payments;
use crate::workers::Event;

#[derive(Clone)]
pub struct AppState {
    pub db: PgPool,
    pub replica: PgPool,
    pub redis: redis::Client,
    pub payments: Arc<Payments>,
    pub tokens: Arc<Mutex<HashMap<String, String>>>,
    pub counter: Arc<std::sync::Mutex<u64>>,
    pub events: mpsc::UnboundedSender<Event>,
    pub jobs: mpsc::Sender<Event>,
}

impl AppState {
    pub async fn connect() -> anyhow::Result<Self> {
        let db = PgPoolOptions::new().max_connections(20).connect(&std::env::var("DATABASE_URL")?).await?;
        let replica = PgPoolOptions::new().max_connections(20).connect(&std::env::var("DATABASE_REPLICA_URL")?).await?;
        let (events, mut inbox) = mpsc::unbounded_channel();  // finds: unbounded-queue
        let (jobs, mut work) = mpsc::channel(64);
        let payments = Arc::new(Payments::new());
        let sender = payments.clone();
        tokio::spawn(async move {
            while let Some(event) = inbox.recv().await {
                let _ = sender.notify(event).await; // finds: swallowed-remote-error
            }
        });
        tokio::spawn(async move { while let Some(_event) = work.recv().await {} });
        Ok(Self {
            db,
            replica,
            redis: redis::Client::open("redis://cache/")?,
            payments,
            tokens: Default::default(),
            counter: Default::default(),
            events,
            jobs,
        })
    }
}

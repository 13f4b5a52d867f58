use rdkafka::config::ClientConfig;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::Message;
use sqlx::PgPool;

use super::Event;
use crate::infra::state::AppState;

pub async fn run(state: AppState) -> anyhow::Result<()> {
    let consumer: StreamConsumer = ClientConfig::new().set("group.id", "orders").set("enable.auto.commit", "false").create()?;
    consumer.subscribe(&["credits"])?;
    loop {
        let message = consumer.recv().await?;
        let Some(payload) = message.payload() else { continue };
        let event: Event = serde_json::from_slice(payload)?;
        if let Err(err) = credit(&state.db, &event).await {  // finds: swallowed-consumer-error
            tracing::error!("failed: {err}");
        }
        consumer.commit_message(&message, CommitMode::Async)?;
    }
}

async fn credit(db: &PgPool, event: &Event) -> anyhow::Result<()> {
    sqlx::query("UPDATE wallets SET balance = balance + $2 WHERE user_id = $1")  // finds: redelivery-without-dedup
        .bind(event.id)
        .bind(event.amount)
        .execute(db)
        .await?;
    Ok(())
}

pub async fn run_early(state: AppState) -> anyhow::Result<()> {
    let consumer: StreamConsumer = ClientConfig::new().set("group.id", "debits").set("enable.auto.commit", "false").create()?;
    consumer.subscribe(&["debits"])?;
    loop {
        let message = consumer.recv().await?;
        consumer.commit_message(&message, CommitMode::Async)?;  // finds: ack-before-processing
        let Some(payload) = message.payload() else { continue };
        let event: Event = serde_json::from_slice(payload)?;
        debit_once(&state.db, &event).await?;
    }
}

pub async fn run_once(state: AppState) -> anyhow::Result<()> {
    let consumer: StreamConsumer = ClientConfig::new().set("group.id", "once").set("enable.auto.commit", "false").create()?;
    consumer.subscribe(&["once"])?;
    loop {
        let message = consumer.recv().await?;
        let Some(payload) = message.payload() else { continue };
        let event: Event = serde_json::from_slice(payload)?;
        debit_once(&state.db, &event).await?;
        consumer.commit_message(&message, CommitMode::Async)?;
    }
}

async fn debit_once(db: &PgPool, event: &Event) -> anyhow::Result<()> {
    let mut tx = db.begin().await?;
    let done = sqlx::query("INSERT INTO processed (event_id) VALUES ($1) ON CONFLICT DO NOTHING").bind(event.id).execute(&mut *tx).await?;
    if done.rows_affected() == 0 {
        return Ok(());
    }
    sqlx::query("UPDATE wallets SET balance = balance - $2 WHERE user_id = $1").bind(event.id).bind(event.amount).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(())
}

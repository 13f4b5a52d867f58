use actix_web::web;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::{ClientConfig, Message};
use serde::Deserialize;

use crate::repo;
use crate::state::State;

#[derive(Deserialize)]
struct Credit {
    customer: i64,
    cents: i64,
}

pub async fn run(state: web::Data<State>) -> anyhow::Result<()> {
    let consumer: StreamConsumer = ClientConfig::new()
        .set("group.id", "credits")
        .set("bootstrap.servers", "kafka:9092")
        .set("enable.auto.commit", "false")
        .create()?;
    consumer.subscribe(&["credits"])?;
    loop {
        let message = consumer.recv().await?;
        let Some(payload) = message.payload() else { continue };
        let credit: Credit = serde_json::from_slice(payload)?;
        apply(&state, &credit).await?;
        consumer.commit_message(&message, CommitMode::Async)?;
    }
}

async fn apply(state: &State, credit: &Credit) -> anyhow::Result<()> {
    repo::credit_atomic(&state.sql, credit.customer, credit.cents).await // finds: redelivery-without-dedup
}

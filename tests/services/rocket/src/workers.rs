use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicNackOptions};
use lapin::types::FieldTable;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::Message;
use tokio::sync::mpsc;

use crate::repo::Lots;

pub async fn raises(channel: lapin::Channel, lots: std::sync::Arc<dyn Lots>) -> anyhow::Result<()> {
    let mut consumer = channel.basic_consume("raises", "worker", BasicConsumeOptions::default(), FieldTable::default()).await?;
    while let Some(delivery) = consumer.next().await {
        let delivery = delivery?;
        let by: i32 = serde_json::from_slice(&delivery.data)?;
        lots.raise(1, by).await?; // finds: cache-not-invalidated, redelivery-without-dedup
        delivery.ack(BasicAckOptions::default()).await?;
    }
    Ok(())
}

pub async fn titles(channel: lapin::Channel, lots: std::sync::Arc<dyn Lots>) -> anyhow::Result<()> {
    let mut consumer = channel.basic_consume("titles", "worker", BasicConsumeOptions::default(), FieldTable::default()).await?;
    while let Some(delivery) = consumer.next().await {
        let delivery = delivery?;
        delivery.ack(BasicAckOptions::default()).await?; // finds: ack-before-processing
        lots.retitle(1, &String::from_utf8_lossy(&delivery.data)).await?; // finds: cache-not-invalidated
    }
    Ok(())
}

pub async fn prices(consumer: StreamConsumer, lots: std::sync::Arc<dyn Lots>) -> anyhow::Result<()> {
    loop {
        let message = consumer.recv().await?;
        let price: i32 = serde_json::from_slice(message.payload().unwrap_or_default())?;
        if let Err(error) = lots.set_price(1, price).await { // finds: cache-not-invalidated, swallowed-consumer-error
            tracing::warn!(%error, "price not stored");
        }
        consumer.commit_message(&message, CommitMode::Async)?;
    }
}

pub async fn careful(channel: lapin::Channel, lots: std::sync::Arc<dyn Lots>) -> anyhow::Result<()> {
    let mut consumer = channel.basic_consume("careful", "worker", BasicConsumeOptions::default(), FieldTable::default()).await?;
    while let Some(delivery) = consumer.next().await {
        let delivery = delivery?;
        match lots.retitle(1, "x").await { // finds: cache-not-invalidated
            Ok(()) => delivery.ack(BasicAckOptions::default()).await?,
            Err(_) => delivery.nack(BasicNackOptions { requeue: true, ..Default::default() }).await?, // finds: requeue-forever
        }
    }
    Ok(())
}

pub struct Lease {
    taken_at: u64,
    ttl: u64,
}

impl Lease {
    pub fn take(ttl: u64) -> Self {
        Self { taken_at: now(), ttl }
    }

    pub fn holds(&self) -> bool {
        now() - self.taken_at < self.ttl // finds: wall-clock-duration
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

pub fn start(consumer: StreamConsumer) -> mpsc::UnboundedReceiver<Vec<u8>> {
    let (sender, receiver) = mpsc::unbounded_channel(); // finds: unbounded-queue
    tokio::spawn(async move {
        while let Ok(message) = consumer.recv().await {
            let _ = sender.send(message.payload().unwrap_or_default().to_vec());
        }
    });
    receiver
}

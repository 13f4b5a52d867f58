use std::sync::Arc;

use futures::StreamExt;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use serde::Deserialize;

use crate::domain::accounts;
use crate::infra::state::AppState;

#[derive(Deserialize)]
struct Transfer {
    account: i64,
    cents: i64,
}

pub async fn run(state: Arc<AppState>) -> anyhow::Result<()> {
    let mut consumer = state.events.consumer("transfers").await?;
    while let Some(delivery) = consumer.next().await {
        let delivery = delivery?;
        let transfer: Transfer = match serde_json::from_slice(&delivery.data) {
            Ok(transfer) => transfer,
            Err(error) => {
                tracing::warn!(%error, "not a transfer");
                delivery.nack(BasicNackOptions { requeue: false, ..Default::default() }).await?;
                continue;
            }
        };
        match accounts::deposit_atomic(&state.db, transfer.account, transfer.cents).await { // finds: redelivery-without-dedup
            Ok(()) => delivery.ack(BasicAckOptions::default()).await?,
            Err(error) => {
                tracing::error!(%error, "transfer failed");
                delivery.nack(BasicNackOptions { requeue: true, ..Default::default() }).await?;
            }
        }
    }
    Ok(())
}

pub async fn run_eager(state: Arc<AppState>) -> anyhow::Result<()> {
    let mut consumer = state.events.consumer("charges").await?;
    while let Some(delivery) = consumer.next().await {
        let delivery = delivery?;
        delivery.ack(BasicAckOptions::default()).await?; // finds: ack-before-processing
        let transfer: Transfer = serde_json::from_slice(&delivery.data)?;
        accounts::deposit_locked(&state.db, transfer.account, transfer.cents).await?;
    }
    Ok(())
}

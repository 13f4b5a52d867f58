use async_nats::jetstream::consumer::PullConsumer;
use futures::StreamExt;

use crate::bank::Bank;
use crate::store::Store;

pub async fn deposits(consumer: PullConsumer, store: Store) -> anyhow::Result<()> {
    let mut messages = consumer.messages().await?;
    while let Some(message) = messages.next().await {
        let message = message?;
        let amount: i64 = serde_json::from_slice(&message.payload)?;
        store.add(1, amount).await?; // finds: redelivery-without-dedup
        message.ack().await.map_err(|error| anyhow::anyhow!(error))?;
    }
    Ok(())
}

pub async fn deposits_once(consumer: PullConsumer, store: Store) -> anyhow::Result<()> {
    let mut messages = consumer.messages().await?;
    while let Some(Ok(message)) = messages.next().await {
        let id = message.info().map(|info| info.stream_sequence.to_string()).unwrap_or_default();
        if !store.seen(&id).await? {
            store.add(1, serde_json::from_slice(&message.payload)?).await?;
        }
        message.ack().await.map_err(|error| anyhow::anyhow!(error))?;
    }
    Ok(())
}

pub async fn names(consumer: PullConsumer, store: Store) -> anyhow::Result<()> {
    let mut messages = consumer.messages().await?;
    while let Some(Ok(message)) = messages.next().await {
        message.ack().await.ok(); // finds: ack-before-processing
        let name: String = serde_json::from_slice(&message.payload)?;
        store.set_balance(1, name.len() as i64).await?;
    }
    Ok(())
}

pub async fn balances(consumer: PullConsumer, store: Store) -> anyhow::Result<()> {
    let mut messages = consumer.messages().await?;
    while let Some(Ok(message)) = messages.next().await {
        let balance: i64 = serde_json::from_slice(&message.payload)?;
        if let Err(error) = store.set_balance(1, balance).await { // finds: swallowed-consumer-error
            tracing::error!(%error, "balance lost");
        }
        message.ack().await.ok();
    }
    Ok(())
}

pub async fn payouts(consumer: PullConsumer, bank: Bank) -> anyhow::Result<()> {
    let mut messages = consumer.messages().await?;
    while let Some(Ok(message)) = messages.next().await {
        bank.pay_out(1, serde_json::from_slice(&message.payload)?).await?;
        message.ack().await.ok();
    }
    Ok(())
}

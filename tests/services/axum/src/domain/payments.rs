use futures::future::join_all;
use futures::{stream, StreamExt};
use sea_orm::{ActiveModelTrait, EntityTrait, Set, TransactionTrait};

use super::entities::{outbox, payment};
use crate::infra::state::AppState;

pub async fn pay(state: &AppState, account: i64, cents: i64) -> anyhow::Result<i64> {
    let tx = state.db.begin().await?;
    let payment = payment::ActiveModel { account: Set(account), cents: Set(cents), state: Set("new".to_owned()), ..Default::default() } // finds: post-without-idempotency-key
        .insert(&tx)
        .await?;
    state.bank.transfer_once("house", "customer", cents, &payment.id.to_string()).await?; // finds: remote-call-in-transaction
    tx.commit().await?;
    Ok(payment.id)
}

pub async fn pay_outside(state: &AppState, id: i64, cents: i64) -> anyhow::Result<()> {
    state.bank.transfer_once("house", "customer", cents, &id.to_string()).await?;
    let tx = state.db.begin().await?;
    payment::ActiveModel { id: Set(id), state: Set("paid".to_owned()), ..Default::default() }.update(&tx).await?;
    tx.commit().await?;
    Ok(())
}

pub async fn announce_inside(state: &AppState, id: i64) -> anyhow::Result<()> {
    let tx = state.db.begin().await?;
    payment::ActiveModel { id: Set(id), state: Set("announced".to_owned()), ..Default::default() }.update(&tx).await?;
    state.events.publish("payments", id.to_string().as_bytes()).await?; // finds: enqueue-before-commit
    tx.commit().await?;
    Ok(())
}

pub async fn announce_after(state: &AppState, id: i64) -> anyhow::Result<()> {
    payment::ActiveModel { id: Set(id), state: Set("announced".to_owned()), ..Default::default() }.update(&state.db).await?;
    state.events.publish("payments", id.to_string().as_bytes()).await?; // finds: dual-write
    Ok(())
}

pub async fn announce_outbox(state: &AppState, id: i64) -> anyhow::Result<()> {
    let tx = state.db.begin().await?;
    payment::ActiveModel { id: Set(id), state: Set("announced".to_owned()), ..Default::default() }.update(&tx).await?;
    outbox::ActiveModel { topic: Set("payments".to_owned()), payload: Set(id.to_string()), ..Default::default() }.insert(&tx).await?;
    tx.commit().await?;
    Ok(())
}

pub async fn balances(state: &AppState, accounts: Vec<String>) -> Vec<anyhow::Result<i64>> {
    join_all(accounts.iter().map(|account| state.bank.balance(account))).await // finds: unbounded-fanout
}

pub async fn balances_bounded(state: &AppState, accounts: Vec<String>) -> Vec<anyhow::Result<i64>> {
    stream::iter(accounts.iter().map(|account| state.bank.balance(account))).buffer_unordered(8).collect().await
}

pub async fn pending(state: &AppState) -> anyhow::Result<Vec<payment::Model>> {
    Ok(payment::Entity::find().all(&state.replica).await?)
}

pub async fn hint(state: &AppState, id: i64) {
    let _ = state.events.publish_unconfirmed("hints", id.to_string().as_bytes()).await; // finds: swallowed-remote-error
}

pub async fn tell(state: &AppState, id: i64) {
    if let Err(error) = state.events.publish("hints", id.to_string().as_bytes()).await {
        tracing::warn!(%error, id, "a hint was not told");
    }
}

pub async fn tell_once(state: &AppState, id: i64) -> anyhow::Result<()> {
    let mut told = state.told.lock().await;
    if told.insert(id) {
        state.events.publish("hints", id.to_string().as_bytes()).await?; // finds: lock-held-across-await
    }
    Ok(())
}

pub async fn tell_unless_told(state: &AppState, id: i64) -> anyhow::Result<()> {
    let first = state.told.lock().await.insert(id);
    if first {
        state.events.publish("hints", id.to_string().as_bytes()).await?;
    }
    Ok(())
}

use futures::future::join_all;
use futures::{stream, StreamExt};

use super::repo::{self, Order};
use crate::infra::cache::Cache;
use crate::infra::lock::{with_lock, with_naive_lock};
use crate::infra::state::AppState;
use crate::workers::{publisher, Event};

pub async fn place(state: &AppState, user: i64, total: i64) -> anyhow::Result<Order> {
    let order = repo::insert(&state.db, user, total).await?;
    Ok(repo::find(&state.replica, order.id).await?)  // finds: write-then-replica-read
}

pub async fn pay(state: &AppState, id: i64) -> anyhow::Result<()> {
    let mut tx = state.db.begin().await?;
    let order = repo::lock(&mut *tx, id).await?;
    state.payments.capture_keyed(id, order.total).await?;  // finds: remote-call-in-transaction
    repo::set_state(&mut *tx, id, "paid").await?; // finds: cache-not-invalidated
    tx.commit().await?;
    Ok(())
}

pub async fn pay_first(state: &AppState, id: i64, total: i64) -> anyhow::Result<()> {
    state.payments.capture_keyed(id, total).await?;
    let mut tx = state.db.begin().await?;
    repo::set_state(&mut *tx, id, "paid").await?; // finds: cache-not-invalidated
    tx.commit().await?;
    Ok(())
}

pub async fn place_and_tell(state: &AppState, user: i64, total: i64) -> anyhow::Result<()> {
    let mut tx = state.db.begin().await?;
    let order = repo::insert(&mut *tx, user, total).await?;
    publisher::publish("order-placed", &Event { id: order.id, amount: total }).await?;  // finds: enqueue-before-commit
    tx.commit().await?;
    Ok(())
}

pub async fn place_then_tell(state: &AppState, user: i64, total: i64) -> anyhow::Result<()> {
    let mut tx = state.db.begin().await?;
    let order = repo::insert(&mut *tx, user, total).await?;
    tx.commit().await?;
    publisher::publish("order-placed", &Event { id: order.id, amount: total }).await?;  // finds: dual-write
    Ok(())
}

pub async fn cancel(state: &AppState, id: i64) -> anyhow::Result<()> {
    with_lock(&state.redis, &format!("order:{id}"), || async {
        repo::set_state(&state.db, id, "cancelled").await  // finds: cache-not-invalidated, lock-without-fenced-write
    })
    .await??;
    Ok(())
}

pub async fn cancel_versioned(state: &AppState, id: i64, version: i64) -> anyhow::Result<()> {
    with_lock(&state.redis, &format!("order:{id}"), || async {
        repo::set_state_versioned(&state.db, id, "cancelled", version).await
    })
    .await??;
    Ok(())
}

pub async fn cached(state: &AppState, id: i64) -> anyhow::Result<Order> {
    let cache = Cache::new(state.redis.clone());
    let key = format!("order:{id}");
    if let Some(hit) = cache.read::<Order>(&key).await? {
        return Ok(hit);
    }
    let order = repo::find(&state.db, id).await?;  // finds: cache-stampede
    cache.write(&key, &order, 600).await?;
    Ok(order)
}

pub async fn rename(state: &AppState, id: i64) -> anyhow::Result<()> {
    sqlx::query("UPDATE orders SET state = 'renamed' WHERE id = $1").bind(id).execute(&state.db).await?;
    Cache::new(state.redis.clone()).forget(&format!("order:{id}")).await
}

pub async fn reprice(state: &AppState, id: i64, total: i64) -> anyhow::Result<()> {
    sqlx::query("UPDATE orders SET total = $2 WHERE id = $1").bind(id).bind(total).execute(&state.db).await?;  // finds: cache-not-invalidated
    Ok(())
}

pub async fn add_item(state: &AppState, id: i64, price: i64) -> anyhow::Result<()> {
    let order = repo::find(&state.db, id).await?;
    repo::set_total(&state.db, id, order.total + price).await?;  // finds: lost-update
    Ok(())
}

pub async fn add_item_locked(state: &AppState, id: i64, price: i64) -> anyhow::Result<()> {
    let mut tx = state.db.begin().await?;
    let order = repo::lock(&mut *tx, id).await?;
    repo::set_total(&mut *tx, id, order.total + price).await?;
    tx.commit().await?;
    Ok(())
}

pub async fn settle(state: &AppState, id: i64) -> anyhow::Result<()> {
    let order = repo::find(&state.replica, id).await?;  // finds: replica-read-modify-write
    if order.state == "new" {
        repo::set_state(&state.db, id, "settled").await?;
    }
    Ok(())
}

pub async fn statuses(state: &AppState, ids: Vec<i64>) -> Vec<bool> {
    join_all(ids.iter().map(|id| state.payments.status(*id))).await.into_iter().map(|r| r.is_ok()).collect()  // finds: unbounded-fanout
}

pub async fn statuses_bounded(state: &AppState, ids: Vec<i64>) -> Vec<bool> {
    stream::iter(ids).map(|id| async move { state.payments.status(id).await.is_ok() }).buffer_unordered(8).collect().await
}

pub async fn merge(state: &AppState, incoming: Order) -> anyhow::Result<()> {
    let stored = repo::find(&state.db, incoming.id).await?;
    if incoming.updated_at > stored.updated_at {
        sqlx::query("UPDATE orders SET state = $2, updated_at = $3 WHERE id = $1")  // finds: cache-not-invalidated, last-write-wins
            .bind(incoming.id)
            .bind(incoming.state)
            .bind(incoming.updated_at)
            .execute(&state.db)
            .await?;
    }
    Ok(())
}

pub async fn held(state: &AppState, id: i64) -> anyhow::Result<bool> {
    let mut connection = state.db.acquire().await?;
    let order = repo::find(&mut *connection, id).await?;
    let status = state.payments.status(order.id).await?;  // finds: connection-held-across-remote-call
    Ok(status.is_object())
}

pub async fn naive(state: &AppState, id: i64) -> anyhow::Result<()> {
    with_naive_lock(&state.redis, "x", || async { id }).await?;
    Ok(())
}

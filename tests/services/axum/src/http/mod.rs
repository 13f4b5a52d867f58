use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;

use crate::domain::{accounts, entities::account, payments};
use crate::infra::state::AppState;

type Shared = State<Arc<AppState>>;

#[derive(Deserialize)]
pub struct Amount {
    cents: i64,
}

#[derive(Deserialize)]
pub struct Rename {
    owner: String,
}

pub fn router(state: Arc<AppState>) -> Router {
    Router::new()
        .route("/accounts/:id", get(show).put(rename))
        .route("/accounts/:id/shown", put(rename_and_show))
        .route("/accounts/:id/deposit", put(deposit))
        .route("/accounts/:id/deposit-safe", put(deposit_safe))
        .route("/accounts/:id/settle", put(settle))
        .route("/accounts/:id/withdraw", put(withdraw))
        .route("/accounts/rename-all", put(rename_all))
        .route("/accounts/:id/payments", post(pay))
        .route("/payments/:id/pay", put(pay_outside))
        .route("/payments/:id/hint", post(hint))
        .route("/payments/:id/announce", put(announce))
        .route("/payments/:id/announce-after", put(announce_after))
        .route("/payments", get(pending))
        .route("/balances", post(balances))
        .route("/balances-bounded", post(balances_bounded))
        .route("/transfers", put(transfer))
        .with_state(state)
}

async fn show(State(state): Shared, Path(id): Path<i64>) -> Result<String, StatusCode> {
    let found = accounts::find(&state.db, &state.cache, id).await.map_err(internal)?;
    found.ok_or(StatusCode::NOT_FOUND)
}

async fn rename(State(state): Shared, Path(id): Path<i64>, Json(body): Json<Rename>) -> Result<(), StatusCode> {
    accounts::rename(&state.db, &state.cache, id, body.owner).await.map_err(internal)
}

async fn rename_and_show(State(state): Shared, Path(id): Path<i64>, Json(body): Json<Rename>) -> Result<String, StatusCode> {
    let shown = accounts::rename_and_show(&state.db, &state.replica, &state.cache, id, body.owner).await.map_err(internal)?;
    Ok(shown.map(|account: account::Model| account.owner).unwrap_or_default())
}

async fn deposit(State(state): Shared, Path(id): Path<i64>, Json(body): Json<Amount>) -> Result<(), StatusCode> {
    accounts::deposit(&state.db, id, body.cents).await.map_err(internal)
}

async fn deposit_safe(State(state): Shared, Path(id): Path<i64>, Json(body): Json<Amount>) -> Result<(), StatusCode> {
    accounts::deposit_atomic(&state.db, id, body.cents).await.map_err(internal)?;
    accounts::deposit_locked(&state.db, id, body.cents).await.map_err(internal)?;
    accounts::deposit_versioned(&state.db, id, body.cents).await.map_err(internal)
}

async fn settle(State(state): Shared, Path(id): Path<i64>, Json(body): Json<Amount>) -> Result<(), StatusCode> {
    accounts::settle(&state.db, &state.locks, id, body.cents).await.map_err(internal)
}

async fn withdraw(State(state): Shared, Path(id): Path<i64>, Json(body): Json<Amount>) -> Result<(), StatusCode> {
    accounts::withdraw(&state.db, &state.replica, id, body.cents).await.map_err(internal)
}

async fn rename_all(State(state): Shared, Json(body): Json<Rename>) -> Result<(), StatusCode> {
    accounts::rename_all(&state.db, "unknown", &body.owner).await.map_err(internal)
}

async fn pay(State(state): Shared, Path(id): Path<i64>, Json(body): Json<Amount>) -> Result<String, StatusCode> {
    let payment = payments::pay(&state, id, body.cents).await.map_err(internal)?;
    Ok(payment.to_string())
}

async fn hint(State(state): Shared, Path(id): Path<i64>) {
    payments::hint(&state, id).await;
    payments::tell(&state, id).await;
    let _first = payments::tell_once(&state, id).await;
    let _second = payments::tell_unless_told(&state, id).await;
}

async fn pay_outside(State(state): Shared, Path(id): Path<i64>, Json(body): Json<Amount>) -> Result<(), StatusCode> {
    payments::pay_outside(&state, id, body.cents).await.map_err(internal)
}

async fn announce(State(state): Shared, Path(id): Path<i64>) -> Result<(), StatusCode> {
    payments::announce_inside(&state, id).await.map_err(internal)?;
    payments::announce_outbox(&state, id).await.map_err(internal)
}

async fn announce_after(State(state): Shared, Path(id): Path<i64>) -> Result<(), StatusCode> {
    payments::announce_after(&state, id).await.map_err(internal)
}

async fn pending(State(state): Shared) -> Result<String, StatusCode> {
    Ok(payments::pending(&state).await.map_err(internal)?.len().to_string())
}

async fn balances(State(state): Shared, Json(accounts): Json<Vec<String>>) -> Json<Vec<i64>> {
    Json(payments::balances(&state, accounts).await.into_iter().flatten().collect())
}

async fn balances_bounded(State(state): Shared, Json(accounts): Json<Vec<String>>) -> Json<Vec<i64>> {
    Json(payments::balances_bounded(&state, accounts).await.into_iter().flatten().collect())
}

async fn transfer(State(state): Shared, headers: HeaderMap, Json(body): Json<Amount>) -> Result<(), StatusCode> {
    let key = headers.get("Idempotency-Key").and_then(|key| key.to_str().ok()).unwrap_or_default();
    state.bank.transfer_once("a", "b", body.cents, key).await.map_err(internal)?;
    state.bank.transfer("a", "b", body.cents).await.map_err(internal)?;
    state.bank.hold("a", body.cents).await.map_err(internal)?;
    state.bank.release("a", body.cents).await.map_err(internal)
}

fn internal(error: anyhow::Error) -> StatusCode {
    tracing::error!(%error, "request failed");
    StatusCode::INTERNAL_SERVER_ERROR
}

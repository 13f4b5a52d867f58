use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::Value;

use crate::infra::retry::until_ok;
use crate::infra::state::AppState;
use crate::orders::{repo, service};
use crate::workers::{publisher, Event};

pub fn router(state: AppState) -> Router {
    Router::new()
        .route("/orders", post(create))
        .route("/orders/keyed", post(create_keyed))
        .route("/orders/:id/place", put(place))
        .route("/orders/:id/pay", put(pay))
        .route("/orders/:id", get(show))
        .route("/orders/:id/items", put(items))
        .route("/orders/:id/settle", put(settle))
        .route("/orders/:id/merge", put(merge))
        .route("/orders/:id/held", get(held))
        .route("/orders/:id/price", put(reprice))
        .route("/statuses", put(statuses))
        .route("/token/:name", get(token))
        .route("/count", get(count))
        .route("/impatient/:id", get(impatient))
        .route("/soft/:id", put(soft))
        .with_state(state)
}

async fn create(State(state): State<AppState>, Json(body): Json<Value>) -> Result<StatusCode, StatusCode> {
    repo::insert(&state.db, body["user"].as_i64().unwrap_or(0), 1).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;  // finds: post-without-idempotency-key
    Ok(StatusCode::CREATED)
}

async fn create_keyed(State(state): State<AppState>, headers: HeaderMap, Json(body): Json<Value>) -> Result<StatusCode, StatusCode> {
    let key = headers.get("idempotency-key").and_then(|v| v.to_str().ok()).ok_or(StatusCode::BAD_REQUEST)?;
    repo::insert_once(&state.db, body["user"].as_i64().unwrap_or(0), 1, key).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(StatusCode::CREATED)
}

async fn place(State(state): State<AppState>, Path(id): Path<i64>) -> Result<StatusCode, StatusCode> {
    service::place(&state, id, 1).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    service::place_and_tell(&state, id, 1).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    service::place_then_tell(&state, id, 1).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(StatusCode::OK)
}

async fn pay(State(state): State<AppState>, Path(id): Path<i64>) -> Result<StatusCode, StatusCode> {
    service::pay(&state, id).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    service::pay_first(&state, id, 5).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    service::cancel(&state, id).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    service::cancel_versioned(&state, id, 5).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(StatusCode::OK)
}

async fn show(State(state): State<AppState>, Path(id): Path<i64>) -> Result<Json<repo::Order>, StatusCode> {
    let order = service::cached(&state, id).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let _ = state.events.send(Event { id, amount: 0 });
    let _ = state.jobs.send(Event { id, amount: 0 }).await;
    Ok(Json(order))
}

async fn items(State(state): State<AppState>, Path(id): Path<i64>) -> Result<StatusCode, StatusCode> {
    service::add_item(&state, id, 1).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    service::add_item_locked(&state, id, 1).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(StatusCode::OK)
}

async fn settle(State(state): State<AppState>, Path(id): Path<i64>) -> Result<StatusCode, StatusCode> {
    service::settle(&state, id).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    service::rename(&state, id).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(StatusCode::OK)
}

async fn reprice(State(state): State<AppState>, Path(id): Path<i64>) -> Result<StatusCode, StatusCode> {
    service::reprice(&state, id, 3).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(StatusCode::OK)
}

async fn merge(State(state): State<AppState>, Json(body): Json<repo::Order>) -> Result<StatusCode, StatusCode> {
    service::merge(&state, body).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(StatusCode::OK)
}

async fn held(State(state): State<AppState>, Path(id): Path<i64>) -> Result<StatusCode, StatusCode> {
    service::held(&state, id).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(StatusCode::OK)
}

async fn statuses(State(state): State<AppState>, Json(ids): Json<Vec<i64>>) -> Json<Vec<bool>> {
    service::statuses_bounded(&state, ids.clone()).await;
    Json(service::statuses(&state, ids).await)
}

async fn token(State(state): State<AppState>, Path(name): Path<String>) -> Result<String, StatusCode> {
    let mut tokens = state.tokens.lock().await;
    if let Some(token) = tokens.get(&name) {
        return Ok(token.clone());
    }
    let fresh = state.payments.status(1).await.map_err(|_| StatusCode::BAD_GATEWAY)?.to_string();
    tokens.insert(name, fresh.clone());
    Ok(fresh)
}

async fn count(State(state): State<AppState>) -> Result<StatusCode, StatusCode> {
    let mut counter = state.counter.lock().unwrap();
    *counter += 1;
    state.payments.legacy_status(1).await.map_err(|_| StatusCode::BAD_GATEWAY)?;  // finds: lock-held-across-await
    Ok(StatusCode::OK)
}

async fn impatient(State(state): State<AppState>, Path(id): Path<i64>) -> Result<StatusCode, StatusCode> {
    let _ = tokio::time::timeout(Duration::from_secs(2), state.payments.capture_keyed(id, 1)).await;  // finds: timeout-inversion
    Ok(StatusCode::OK)
}

async fn soft(State(state): State<AppState>, Path(id): Path<i64>) -> StatusCode {
    let _ = publisher::publish("soft", &Event { id, amount: 1 }).await; // finds: swallowed-remote-error
    let _ = publisher::publish_lossy("soft", &Event { id, amount: 1 });
    until_ok(|| state.payments.status(id)).await;
    StatusCode::OK
}

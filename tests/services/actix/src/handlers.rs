use actix_web::{error, get, post, put, web, HttpRequest, HttpResponse, Result};
use futures::future::join_all;
use futures::{stream, StreamExt};
use serde::Deserialize;

use crate::repo;
use crate::state::State;

type Shared = web::Data<State>;

#[derive(Deserialize)]
pub struct NewInvoice {
    customer: i64,
    cents: i64,
}

#[derive(Deserialize)]
pub struct Text {
    text: String,
}

fn internal(error: anyhow::Error) -> actix_web::Error {
    tracing::error!(%error, "request failed");
    error::ErrorInternalServerError("internal")
}

#[post("/invoices")]
pub async fn create(state: Shared, body: web::Json<NewInvoice>) -> Result<HttpResponse> {
    let mut connection = state.pool.get().await.map_err(|error| internal(error.into()))?;
    repo::create(&mut connection, body.customer, body.cents).await.map_err(internal)?;
    Ok(HttpResponse::Created().finish())
}

#[post("/invoices/once")]
pub async fn create_once(state: Shared, request: HttpRequest, body: web::Json<NewInvoice>) -> Result<HttpResponse> {
    let key = request.headers().get("Idempotency-Key").and_then(|key| key.to_str().ok()).ok_or_else(|| error::ErrorBadRequest("no key"))?;
    repo::create_once(&state.sql, key, body.customer, body.cents).await.map_err(internal)?;
    Ok(HttpResponse::Created().finish())
}

#[get("/customers/{id}")]
pub async fn show(state: Shared, id: web::Path<i64>) -> Result<String> {
    repo::name_of(&state, *id).await.map_err(internal)
}

#[put("/customers/{id}/name")]
pub async fn rename(state: Shared, id: web::Path<i64>, body: web::Json<Text>) -> Result<HttpResponse> {
    repo::rename(&state, *id, &body.text).await.map_err(internal)?;
    Ok(HttpResponse::NoContent().finish())
}

#[put("/customers/{id}/email")]
pub async fn change_email(state: Shared, id: web::Path<i64>, body: web::Json<Text>) -> Result<HttpResponse> {
    repo::change_email(&state, *id, &body.text).await.map_err(internal)?;
    Ok(HttpResponse::NoContent().finish())
}

pub async fn pay(state: Shared, id: web::Path<i64>) -> Result<HttpResponse> {
    repo::pay(&state, *id).await.map_err(internal)?;
    Ok(HttpResponse::NoContent().finish())
}

pub async fn pay_after(state: Shared, id: web::Path<i64>) -> Result<HttpResponse> {
    repo::pay_after(&state, *id).await.map_err(internal)?;
    state.bank.charge(*id, 100).await.map_err(internal)?;
    state.bank.refund(*id).await.map_err(internal)?;
    Ok(HttpResponse::NoContent().finish())
}

pub async fn confirm(state: Shared, id: web::Path<i64>) -> Result<HttpResponse> {
    repo::confirm(&state, *id).await.map_err(internal)?;
    repo::confirm_inside(&state, *id).await.map_err(internal)?;
    Ok(HttpResponse::NoContent().finish())
}

pub async fn credit(state: Shared, id: web::Path<i64>) -> Result<HttpResponse> {
    repo::credit(&state.sql, *id, 100).await.map_err(internal)?;
    Ok(HttpResponse::NoContent().finish())
}

pub async fn credit_safe(state: Shared, id: web::Path<i64>) -> Result<HttpResponse> {
    repo::credit_atomic(&state.sql, *id, 100).await.map_err(internal)?;
    let mut connection = state.pool.get().await.map_err(|error| internal(error.into()))?;
    repo::credit_diesel(&mut connection, *id, 100).await.map_err(internal)?;
    Ok(HttpResponse::NoContent().finish())
}

pub async fn settle(state: Shared, id: web::Path<i64>) -> Result<HttpResponse> {
    repo::settle(&state, *id, 100).await.map_err(internal)?;
    Ok(HttpResponse::NoContent().finish())
}

pub async fn spend(state: Shared, id: web::Path<i64>) -> Result<HttpResponse> {
    repo::spend(&state, *id, 100).await.map_err(internal)?;
    repo::anonymise(&state, *id).await.map_err(internal)?;
    Ok(HttpResponse::NoContent().finish())
}

pub async fn limit(state: Shared, id: web::Path<i64>) -> Result<String> {
    let shown = repo::set_limit(&state, *id, 100).await.map_err(internal)?;
    let _ = (state.bank.limits().await.map_err(internal)?, state.bank.limits_bounded().await.map_err(internal)?);
    Ok(shown.to_string())
}

pub async fn statements(state: Shared, ids: web::Json<Vec<i64>>) -> Result<HttpResponse> {
    let all = join_all(ids.iter().map(|id| state.bank.statement(*id))).await; // finds: unbounded-fanout
    let some: Vec<_> = stream::iter(ids.iter().map(|id| state.bank.statement(*id))).buffered(4).collect().await;
    let mut counters = state.counters.lock();
    counters.push((all.len() + some.len()) as u64);
    Ok(HttpResponse::Ok().finish())
}

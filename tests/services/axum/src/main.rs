mod domain;
mod http;
mod infra;
mod jobs;

use std::sync::Arc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let state = Arc::new(infra::state::AppState::connect().await?);
    tokio::spawn(jobs::transfers::run(state.clone()));
    tokio::spawn(jobs::outbox::run(state.clone()));
    let listener = tokio::net::TcpListener::bind("0.0.0.0:8080").await?;
    axum::serve(listener, http::router(state)).await?;
    Ok(())
}

mod config;
mod http;
mod infra;
mod orders;
mod workers;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let state = infra::state::AppState::connect().await?;
    tokio::spawn(workers::consumer::run(state.clone()));
    let listener = tokio::net::TcpListener::bind("0.0.0.0:8080").await?;
    axum::serve(listener, http::router(state)).await?;
    Ok(())
}

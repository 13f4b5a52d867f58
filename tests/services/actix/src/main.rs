mod bank;
mod cache;
mod consumer;
mod events;
mod handlers;
mod locks;
mod repo;
mod schema;
mod state;

use actix_web::{web, App, HttpServer};

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let state = web::Data::new(state::State::connect().await?);
    let consumed = state.clone();
    tokio::spawn(async move {
        if let Err(error) = consumer::run(consumed).await {
            tracing::error!(%error, "the consumer has stopped");
        }
    });
    HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .service(handlers::create)
            .service(handlers::create_once)
            .service(handlers::show)
            .service(handlers::rename)
            .service(handlers::change_email)
            .route("/invoices/{id}/pay", web::put().to(handlers::pay))
            .route("/invoices/{id}/pay-after", web::put().to(handlers::pay_after))
            .route("/invoices/{id}/confirm", web::put().to(handlers::confirm))
            .route("/invoices/{id}/credit", web::put().to(handlers::credit))
            .route("/invoices/{id}/credit-safe", web::put().to(handlers::credit_safe))
            .route("/invoices/{id}/settle", web::put().to(handlers::settle))
            .route("/customers/{id}/spend", web::put().to(handlers::spend))
            .route("/customers/{id}/limit", web::put().to(handlers::limit))
            .route("/statements", web::post().to(handlers::statements))
    })
    .bind(("0.0.0.0", 8080))?
    .run()
    .await?;
    Ok(())
}

mod bank;
mod consumer;
mod lock;
mod service;
mod store;

pub mod pb {
    tonic::include_proto!("ledger");
}

use tokio::sync::mpsc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let store = store::Store::connect(&std::env::var("DATABASE_URL")?, &std::env::var("REPLICA_URL")?).await?;
    let (audit, mut entries) = mpsc::unbounded_channel::<String>(); // finds: unbounded-queue
    tokio::spawn(async move {
        while let Some(entry) = entries.recv().await {
            tracing::info!(entry, "audit");
        }
    });
    let nats = async_nats::jetstream::new(async_nats::connect("nats").await?);
    let bank = std::sync::Arc::new(bank::Bank::new("https://bank.example".into()));
    let redis = redis::Client::open("redis://cache")?.get_multiplexed_async_connection().await?;
    let service = service::LedgerService {
        store,
        bank,
        locks: lock::Locks::new("redis://locks")?,
        redis,
        nats,
        audit,
        totals: Default::default(),
        gate: std::sync::Arc::new(tokio::sync::Semaphore::new(4)),
    };
    tonic::transport::Server::builder()
        .add_service(pb::ledger_server::LedgerServer::new(service))
        .serve("0.0.0.0:50051".parse()?)
        .await?;
    Ok(())
}

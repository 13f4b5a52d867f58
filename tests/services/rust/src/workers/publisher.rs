use std::sync::OnceLock;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::Event;

fn producer() -> &'static FutureProducer {
    static PRODUCER: OnceLock<FutureProducer> = OnceLock::new();
    PRODUCER.get_or_init(|| ClientConfig::new().set("bootstrap.servers", "kafka:9092").create().expect("producer"))
}

pub async fn publish(topic: &str, event: &Event) -> anyhow::Result<()> {
    let payload = serde_json::to_string(event)?;
    let key = event.id.to_string();
    producer()
        .send(FutureRecord::to(topic).payload(&payload).key(&key), Duration::from_secs(5))
        .await
        .map_err(|(err, _)| err)?;
    Ok(())
}

pub fn publish_lossy(topic: &str, event: &Event) -> anyhow::Result<()> {
    let payload = serde_json::to_string(event)?;
    let key = event.id.to_string();
    let _ = producer().send_result(FutureRecord::to(topic).payload(&payload).key(&key)); // finds: floating-effect
    Ok(())
}

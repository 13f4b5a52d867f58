use std::time::Duration;

use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::ClientConfig;

pub struct Events {
    producer: FutureProducer,
}

impl Events {
    pub fn new() -> anyhow::Result<Self> {
        let producer = ClientConfig::new().set("bootstrap.servers", "kafka:9092").set("acks", "all").create()?;
        Ok(Events { producer })
    }

    pub async fn publish(&self, topic: &str, key: &str, payload: &str) -> anyhow::Result<()> {
        let record = FutureRecord::to(topic).key(key).payload(payload);
        self.producer.send(record, Duration::from_secs(5)).await.map_err(|(error, _)| error)?;
        Ok(())
    }
}

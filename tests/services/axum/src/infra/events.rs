use lapin::{options::*, types::FieldTable, BasicProperties, Channel, Connection, ConnectionProperties};

pub struct Events {
    channel: Channel,
}

impl Events {
    pub async fn connect() -> anyhow::Result<Self> {
        let connection = Connection::connect(&std::env::var("AMQP_URL")?, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Events { channel })
    }

    pub async fn publish(&self, topic: &str, payload: &[u8]) -> anyhow::Result<()> {
        self.channel
            .basic_publish("events", topic, BasicPublishOptions::default(), payload, BasicProperties::default())
            .await?
            .await?;
        Ok(())
    }

    pub async fn publish_unconfirmed(&self, topic: &str, payload: &[u8]) -> anyhow::Result<()> {
        let _ = self // finds: floating-effect
            .channel
            .basic_publish("events", topic, BasicPublishOptions::default(), payload, BasicProperties::default())
            .await?;
        Ok(())
    }

    pub async fn consumer(&self, queue: &str) -> anyhow::Result<lapin::Consumer> {
        Ok(self.channel.basic_consume(queue, "ledger", BasicConsumeOptions::default(), FieldTable::default()).await?)
    }
}

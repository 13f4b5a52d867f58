use std::sync::Arc;
use std::time::Duration;

use sea_orm::{EntityTrait, ModelTrait, QuerySelect};

use crate::domain::entities::outbox;
use crate::infra::state::AppState;

pub async fn run(state: Arc<AppState>) {
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    loop {
        tick.tick().await;
        if let Err(error) = relay(&state).await {
            tracing::error!(%error, "relay failed");
        }
    }
}

async fn relay(state: &AppState) -> anyhow::Result<()> {
    for message in outbox::Entity::find().limit(100).all(&state.db).await? {
        state.events.publish(&message.topic, message.payload.as_bytes()).await?;
        message.delete(&state.db).await?;
    }
    Ok(())
}

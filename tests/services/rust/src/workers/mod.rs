pub mod consumer;
pub mod publisher;

#[derive(serde::Serialize, serde::Deserialize, Clone)]
pub struct Event {
    pub id: i64,
    pub amount: i64,
}

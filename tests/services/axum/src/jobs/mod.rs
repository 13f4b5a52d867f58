pub mod outbox;
pub mod transfers;

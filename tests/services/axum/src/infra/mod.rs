pub mod bank;
pub mod cache;
pub mod events;
pub mod locks;
pub mod retry;
pub mod state;

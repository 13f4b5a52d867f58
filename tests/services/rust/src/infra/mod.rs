pub mod cache;
pub mod lock;
pub mod payments;
pub mod retry;
pub mod state;

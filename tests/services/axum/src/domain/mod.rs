pub mod accounts;
pub mod entities;
pub mod payments;

use std::time::Duration;

pub const LOCK_TTL: Duration = Duration::from_secs(30);
pub const HTTP_TIMEOUT: Duration = Duration::from_secs(5);
pub const PAYMENTS: &str = "http://payments.internal";

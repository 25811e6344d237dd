//! Making load: when, over which connections, what becomes of it.

pub(crate) mod otlp;
pub(crate) mod schedule;
pub(crate) mod sent;
pub(crate) mod spread;
pub(crate) mod way;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long and how fast.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Items a second; `None` = as fast as answers come (closed loop).
    pub(crate) rate: Option<f64>,
    /// Not measured.
    pub(crate) warmup: Duration,
    /// Measured.
    pub(crate) length: Duration,
    /// Items after which it is over in any case.
    pub(crate) count: Option<u64>,
}

/// Unix nanoseconds.
pub(crate) fn now_ns() -> u64 {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(unix.as_nanos()).unwrap_or(u64::MAX)
}

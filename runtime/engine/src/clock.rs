//! The process's clocks: the only place that reads them.

use sagaflow_core::time::Time;
use std::time::{SystemTime, UNIX_EPOCH};

/// The wall clock, in whole milliseconds.
#[must_use]
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

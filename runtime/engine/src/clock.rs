//! The process's clocks: the only place that reads them.
//!
//! Promises: where several nodes share a store, time is the store's, whatever a node's wall clock
//! says, and it is counted on by the clock that a suspended machine does not stop.

use rustix::time::{ClockId, clock_gettime};
use sagaflow_core::port::Store;
use sagaflow_core::time::Time;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The wall clock, in whole milliseconds.
#[must_use]
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// An instant of the clock that leases are counted by: ms since the machine started, sleep included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Boot(pub(crate) i64);

impl Boot {
    /// Whether it was longer ago than that.
    pub(crate) fn passed(self, by: Duration) -> bool {
        self.plus(by) < Self::now()
    }

    pub(crate) fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    pub(crate) fn now() -> Self {
        let now = clock_gettime(ClockId::Boottime);
        Self(now.tv_sec.saturating_mul(1_000).saturating_add(now.tv_nsec / 1_000_000))
    }
}

/// Bound: a reading that took longer says too little about the store's clock. A node is late by what a
/// reading took, so two nodes differ by this at most.
pub(crate) const SKEW_MS: i64 = 50;

/// The time by which runs are decided. Clones are the same clock.
#[derive(Clone, Default)]
pub(crate) struct Clock {
    /// The store's time minus this machine's uptime; 0 where the wall clock is the store's.
    ahead: Arc<AtomicI64>,
}

impl Clock {
    pub(crate) fn now(&self) -> Time {
        match self.ahead.load(Ordering::Relaxed) {
            0 => now(),
            ahead => Time(Boot::now().0.saturating_add(ahead)),
        }
    }

    /// Reads the clock of a store that several nodes share.
    pub(crate) async fn read<S: Store>(&self, store: &S) -> sagaflow_core::port::Result<()> {
        let before = Boot::now();
        let at = store.now().await?;
        let after = Boot::now();
        // Order: a first reading that is late is better than the wall clock.
        if after.0 - before.0 <= SKEW_MS || self.ahead.load(Ordering::Relaxed) == 0 {
            self.ahead.store(ahead(at, after), Ordering::Relaxed);
        }
        Ok(())
    }
}

/// By how much the store's time is ahead of the uptime, where the store said `at` no later than `after`.
///
/// Order: as if the answer had been made when it was here, and at the end of that millisecond: what falls
/// due at a time of the store never does so before that time.
fn ahead(at: Time, after: Boot) -> i64 {
    at.0.saturating_sub(after.0.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::{Boot, Time, ahead};

    /// The uptime and the store's time in µs, each shown in whole ms; the store answers at `answered`.
    #[test]
    fn the_store_s_time_is_never_ahead_of_the_store() {
        let began = 1_700_000_000_000_300;
        for answered in [5_000_000, 5_000_001, 5_000_699, 5_000_999] {
            for took in [0, 1, 300, 999, 1_000, 49_000] {
                let at = Time((began + answered) / 1_000);
                let ahead = ahead(at, Boot((answered + took) / 1_000));
                for later in [0, 1, 700, 999, 1_000, 60_000_123] {
                    let now = answered + took + later;
                    let said = now / 1_000 + ahead;
                    assert!(said * 1_000 <= began + now, "{answered} {took} {later}");
                    assert!(began + now - said * 1_000 < took + 3_000, "{answered} {took} {later}");
                }
            }
        }
    }
}

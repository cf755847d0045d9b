//! Until when calls may leave under a lease.
//!
//! Promises: nothing leaves after the lease may have run out, whatever the process slept through: the
//! clock counts the time that the machine was suspended. Opened per acquisition, closed for ever.

use crate::clock::Boot;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// Open while the lease is sure to be ours. Clones are the same gate.
#[derive(Clone)]
pub(crate) struct Gate {
    until: Arc<AtomicI64>,
    closed: Arc<Notify>,
    /// How long one renewal is good for, the margin taken off; none where leases do not run out.
    good_for: Option<i64>,
}

impl Gate {
    /// A gate of a lease that was asked for at `sent` and lasts so long.
    pub(crate) fn new(sent: Boot, ttl: Option<Duration>) -> Self {
        // Bound: a tenth of the time is left for the clocks' difference in speed and for what lies
        // between the look at the gate and the first byte of a call.
        let good_for = ttl.map(|ttl| i64::try_from((ttl - ttl / 10).as_millis()).unwrap_or(0));
        let until = good_for.map_or(i64::MAX, |good_for| sent.0.saturating_add(good_for));
        Self { until: Arc::new(AtomicI64::new(until)), closed: Arc::default(), good_for }
    }

    /// The store has taken something under the lease that was sent at `sent`.
    pub(crate) fn renewed(&self, sent: Boot) {
        let Some(good_for) = self.good_for else { return };
        let until = sent.0.saturating_add(good_for);
        // Order: a closed gate stays closed, also for an answer that comes after that.
        let later = |old: i64| (old != i64::MIN && old < until).then_some(until);
        let _ = self.until.fetch_update(Ordering::AcqRel, Ordering::Acquire, later);
    }

    /// The memory behind it is dropped.
    pub(crate) fn close(&self) {
        self.until.store(i64::MIN, Ordering::Release);
        self.closed.notify_one();
    }

    /// Waits until it is closed, for the one task that serves behind it.
    pub(crate) async fn closing(&self) {
        self.closed.notified().await;
    }

    /// Whether a call may leave now.
    ///
    /// Order: whoever finds it closed closes it for good. A call that is not made because of it is made
    /// by nobody else while the memory that decided on it lives, so a renewal that is answered after
    /// that must not save that memory.
    pub(crate) fn is_open(&self) -> bool {
        let mut until = self.until.load(Ordering::Acquire);
        while until != i64::MIN && until != i64::MAX {
            if Boot::now().0 < until {
                return true;
            }
            let shut =
                self.until.compare_exchange(until, i64::MIN, Ordering::AcqRel, Ordering::Acquire);
            until = shut.err().unwrap_or(i64::MIN);
        }
        until == i64::MAX
    }

    /// How long it stays open without a renewal; none where it needs none.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.good_for?;
        let left = self.until.load(Ordering::Acquire).saturating_sub(Boot::now().0);
        Some(Duration::from_millis(u64::try_from(left).unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::Gate;
    use crate::clock::Boot;
    use std::time::Duration;

    #[test]
    fn a_gate_is_open_for_nine_tenths_of_a_lease_and_a_renewal_moves_its_end() {
        let now = Boot::now();
        let gate = Gate::new(Boot(now.0 - 2_000), Some(Duration::from_secs(10)));
        assert!(gate.is_open());
        let left = gate.remaining().expect("it runs out");
        assert!(left <= Duration::from_secs(7) && left > Duration::from_secs(6), "{left:?}");
        gate.renewed(now);
        assert!(gate.remaining().expect("it runs out") > Duration::from_secs(8));
        gate.renewed(Boot(now.0 - 5_000));
        assert!(gate.remaining().expect("it runs out") > Duration::from_secs(8), "never backwards");
        assert!(!Gate::new(Boot(now.0 - 9_000), Some(Duration::from_secs(10))).is_open());
    }

    /// A call used to be held up for ever here: it was not made, and the shard that waited for its
    /// answer went on under the renewed lease.
    #[test]
    fn a_gate_that_was_found_closed_is_not_opened_by_a_renewal() {
        let late = Gate::new(Boot(Boot::now().0 - 9_500), Some(Duration::from_secs(10)));
        assert!(!late.is_open());
        late.renewed(Boot::now());
        assert!(!late.is_open());
    }

    #[test]
    fn a_closed_gate_stays_closed_and_one_without_an_end_stays_open() {
        let gate = Gate::new(Boot::now(), Some(Duration::from_secs(10)));
        gate.close();
        gate.renewed(Boot::now());
        assert!(!gate.is_open());
        let forever = Gate::new(Boot(i64::MIN), None);
        forever.renewed(Boot::now());
        assert!(forever.is_open() && forever.remaining().is_none());
        forever.close();
        assert!(!forever.is_open());
    }
}

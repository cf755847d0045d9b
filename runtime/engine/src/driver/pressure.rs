//! When a node is asked for more than it can do: how long what comes to a shard has waited, and whether
//! it takes new starts.
//!
//! Everything that waits counts: a request until it has its answer, a record from when it was decided
//! until the store has it, an outcome from the end of its call. A start whose own way into the shard is
//! short is refused too, where commits grow because they are late: that is no queue that could be seen.
//! Calls do not count, nor the wait for a place to make one: a service that is slow is no reason to
//! refuse runs that do not need it.

use crate::clock::Boot;
use crate::limits;
use sagaflow_core::id::ShardId;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What a shard has taken in and committed since it last told of it.
#[derive(Default)]
pub(super) struct Crowd {
    taken: usize,
    longest: Duration,
}

impl Crowd {
    /// One more, which had waited so long.
    pub(super) fn note(&mut self, waited: Duration) {
        self.landed(1, waited);
    }

    /// So many records have been committed, of which the first was decided so long ago.
    pub(super) fn landed(&mut self, records: usize, ago: Duration) {
        self.taken += records;
        self.longest = self.longest.max(ago);
    }
}

/// What is known of all shards.
pub(crate) struct Pressure(Vec<OfShard>);

#[derive(Default)]
struct OfShard {
    /// Until when new starts are refused, in ms of [`Boot`].
    until: AtomicI64,
    /// When those asked who wait for an answer.
    asked: Mutex<VecDeque<Instant>>,
}

/// Somebody waits for an answer of a shard until this is dropped.
pub(crate) struct Waits<'a>(Option<&'a OfShard>);

impl Pressure {
    pub(crate) fn new(shards: u32) -> Self {
        Self((0..shards).map(|_| OfShard::default()).collect())
    }

    /// Somebody asks.
    pub(crate) fn waits(&self, shard: ShardId) -> Waits<'_> {
        let of = self.0.get(shard.0 as usize);
        if let Some(of) = of {
            of.asked().push_back(Instant::now());
        }
        Waits(of)
    }

    /// For how many ms a shard is asked for no new start, because others wait too long already.
    pub(crate) fn pressed(&self, shard: ShardId) -> Option<i64> {
        let of = self.0.get(shard.0 as usize)?;
        let told = of.until.load(Ordering::Relaxed) - Boot::now().0;
        let (waiting, oldest) = {
            let asked = of.asked();
            (asked.len(), asked.front().map_or(Duration::ZERO, Instant::elapsed))
        };
        let seen = if waiting < limits::CROWD { 0 } else { beyond(oldest) };
        Some(told.max(seen)).filter(|left| *left > 0)
    }

    /// What a shard has taken in, and how much more is waiting.
    pub(super) fn told(&self, shard: ShardId, crowd: &mut Crowd, waiting: usize) {
        let Crowd { taken, longest } = std::mem::take(crowd);
        let over = beyond(longest);
        if taken + waiting >= limits::CROWD && over > 0 {
            self.press(shard, over);
        }
    }

    /// A shard takes no new starts for so many ms.
    pub(crate) fn press(&self, shard: ShardId, ms: i64) {
        if let Some(of) = self.0.get(shard.0 as usize) {
            of.until.store(Boot::now().0.saturating_add(ms), Ordering::Relaxed);
        }
    }
}

impl OfShard {
    fn asked(&self) -> MutexGuard<'_, VecDeque<Instant>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if let Some(of) = self.0 {
            // A shard answers in the order in which it was asked, or nearly so.
            of.asked().pop_front();
        }
    }
}

/// How many ms a wait is beyond what it may be.
fn beyond(waited: Duration) -> i64 {
    let over = waited.saturating_sub(limits::WAIT_BUDGET);
    i64::try_from(over.as_millis()).unwrap_or(i64::MAX).min(limits::PRESSED_MS)
}

#[cfg(test)]
mod tests {
    use super::{Crowd, Pressure};
    use crate::limits;
    use sagaflow_core::id::ShardId;
    use std::time::Duration;

    const HERE: ShardId = ShardId(1);

    fn after(count: usize, waited: Duration, waiting: usize) -> Option<i64> {
        let (pressure, mut crowd) = (Pressure::new(2), Crowd::default());
        (0..count).for_each(|_| crowd.note(waited));
        pressure.told(HERE, &mut crowd, waiting);
        assert_eq!(pressure.pressed(ShardId(0)), None, "another shard has time");
        pressure.pressed(HERE)
    }

    #[test]
    fn a_crowd_that_waited_beyond_the_budget_keeps_new_starts_out_for_as_long() {
        let over = limits::WAIT_BUDGET + Duration::from_secs(60);
        let left = after(limits::CROWD, over, 0).expect("new starts are refused");
        assert!(left <= limits::PRESSED_MS, "and asked again before long: {left}");
        assert!(after(1, over, limits::CROWD).is_some(), "those still behind it count");
    }

    #[test]
    fn a_pause_that_few_have_felt_and_a_crowd_that_is_served_in_time_keep_nobody_out() {
        assert_eq!(after(limits::CROWD - 1, limits::WAIT_BUDGET * 10, 0), None);
        assert_eq!(after(limits::CROWD * 4, limits::WAIT_BUDGET, 0), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_that_waits_for_its_answers_keeps_new_starts_out_until_it_has_them() {
        let pressure = Pressure::new(2);
        let mut all: Vec<_> = (0..limits::CROWD).map(|_| pressure.waits(HERE)).collect();
        tokio::time::advance(limits::WAIT_BUDGET).await;
        assert_eq!(pressure.pressed(HERE), None);
        tokio::time::advance(Duration::from_millis(20)).await;
        assert_eq!(pressure.pressed(HERE), Some(20));
        assert_eq!(pressure.pressed(ShardId(0)), None, "another shard has time");
        all.pop();
        assert_eq!(pressure.pressed(HERE), None, "the rest is no crowd");
        drop(all);
        assert_eq!(pressure.pressed(HERE), None);
    }
}

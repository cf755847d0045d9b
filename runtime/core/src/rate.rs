//! A token bucket in whole numbers: `limit CALLS per WINDOW`.
//!
//! Promises: no drift (nothing is divided before it is compared), no refill from a clock that steps
//! back, and a refusal names the first instant at which the same request would pass. A full bucket
//! lets one window's calls through at once.

use crate::codegen::LimitSpec;
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// A bucket that fills by `calls` tokens per window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    spec: LimitSpec,
    /// Tokens times the window's length, so that a refill of one ms is a whole number: `calls`.
    level: u64,
    /// When `level` was right; none until the first use.
    filled_at: Option<Time>,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn new(spec: LimitSpec) -> Self {
        let level = capacity(&spec);
        Self { spec, level, filled_at: None }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// When the bucket is empty: the instant at which it holds a token again.
    pub fn take(&mut self, now: Time) -> Result<(), Time> {
        let now = self.fill(now);
        let cost = cost(&self.spec);
        if capacity(&self.spec) < cost {
            return Err(Time(i64::MAX));
        }
        if let Some(rest) = self.level.checked_sub(cost) {
            self.level = rest;
            return Ok(());
        }
        let wait = (cost - self.level).div_ceil(u64::from(self.spec.calls));
        Err(now.plus(i64::try_from(wait).unwrap_or(i64::MAX)))
    }

    /// Gives one token back, where what it was taken for did not happen.
    pub fn give_back(&mut self) {
        self.level = self.level.saturating_add(cost(&self.spec)).min(capacity(&self.spec));
    }

    /// Tokens it holds at an instant.
    #[must_use]
    pub fn available(&self, now: Time) -> u32 {
        let mut filled = self.clone();
        filled.fill(now);
        u32::try_from(filled.level / cost(&self.spec)).unwrap_or(u32::MAX)
    }

    fn fill(&mut self, now: Time) -> Time {
        let Some(before) = self.filled_at else {
            self.filled_at = Some(now);
            return now;
        };
        let now = now.max(before);
        let passed = u64::try_from(now.since(before)).unwrap_or(0);
        let gain = passed.saturating_mul(u64::from(self.spec.calls));
        self.level = self.level.saturating_add(gain).min(capacity(&self.spec));
        self.filled_at = Some(now);
        now
    }
}

fn cost(spec: &LimitSpec) -> u64 {
    u64::try_from(spec.window_ms.max(1)).unwrap_or(1)
}

fn capacity(spec: &LimitSpec) -> u64 {
    cost(spec).saturating_mul(u64::from(spec.calls))
}

#[cfg(test)]
mod tests {
    use super::Bucket;
    use crate::codegen::LimitSpec;
    use crate::time::Time;

    fn bucket(calls: u32, window_ms: i64) -> Bucket {
        Bucket::new(LimitSpec { calls, window_ms })
    }

    #[test]
    fn a_full_bucket_lets_a_window_through_and_names_the_next_instant() {
        let mut bucket = bucket(3, 1_000);
        let script: [(i64, Result<(), i64>); 8] = [
            (0, Ok(())),
            (0, Ok(())),
            (0, Ok(())),
            (0, Err(334)),
            (333, Err(334)),
            (334, Ok(())),
            (334, Err(667)),
            (667, Ok(())),
        ];
        for (at, expected) in script {
            assert_eq!(bucket.take(Time(at)), expected.map_err(Time), "at {at}");
        }
    }

    #[test]
    fn ten_windows_admit_ten_windows_and_one_burst() {
        let mut bucket = bucket(7, 1_000);
        let taken = (0..10_000).filter(|at| bucket.take(Time(*at)).is_ok()).count();
        assert_eq!(taken, 7 + 69, "the burst, and what drips in 9,999 ms");
    }

    #[test]
    fn a_clock_that_steps_back_fills_nothing() {
        let mut bucket = bucket(1, 100);
        assert_eq!(bucket.take(Time(1_000)), Ok(()));
        assert_eq!(bucket.take(Time(0)), Err(Time(1_100)));
        assert_eq!(bucket.take(Time(1_099)), Err(Time(1_100)));
        assert_eq!(bucket.take(Time(1_100)), Ok(()));
    }

    #[test]
    fn a_token_given_back_can_be_taken_again_but_never_adds_one() {
        let mut bucket = bucket(1, 100);
        bucket.give_back();
        assert_eq!(bucket.take(Time(0)), Ok(()));
        bucket.give_back();
        assert_eq!(bucket.take(Time(0)), Ok(()));
        assert_eq!(bucket.take(Time(0)), Err(Time(100)));
        assert_eq!((bucket.available(Time(99)), bucket.available(Time(100))), (0, 1));
    }

    #[test]
    fn extreme_limits_neither_overflow_nor_divide_by_zero() {
        assert_eq!(bucket(0, 1_000).take(Time(5)), Err(Time(i64::MAX)));
        let mut wide = bucket(u32::MAX, i64::MAX);
        assert_eq!(wide.take(Time(0)), Ok(()));
        assert_eq!(wide.take(Time(i64::MAX)), Ok(()));
        let mut instant = bucket(1, 0);
        assert_eq!(instant.take(Time(0)), Ok(()));
        assert_eq!(instant.take(Time(0)), Err(Time(1)));
    }
}

//! A token bucket in whole numbers: `limit CALLS per WINDOW`, of a service's calls or a workflow's
//! starts.
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
    /// This process may use so much of it: `.0` of `.1` parts.
    share: (u32, u32),
    /// Tokens times the window's length and the parts, so that a refill of one ms is a whole number.
    level: u64,
    /// When `level` was right; none until the first use.
    filled_at: Option<Time>,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn new(spec: LimitSpec) -> Self {
        let mut bucket = Self { spec, share: (1, 1), level: 0, filled_at: None };
        bucket.level = bucket.capacity();
        bucket
    }

    /// From now on so many of so many parts of the limit may be used here. What a bucket gains by
    /// that it fills in its time: whoever had it before may just have used it.
    pub fn share(&mut self, own: u32, of: u32) {
        let of = of.max(1);
        let level = u128::from(self.level) * u128::from(of) / u128::from(self.share.1.max(1));
        self.share = (own.min(of), of);
        self.level = u64::try_from(level).unwrap_or(u64::MAX).min(self.capacity());
    }

    /// From now on it holds and gains what another limit says; what is missing stays missing, as so
    /// many tokens.
    pub fn rule(&mut self, spec: &LimitSpec) {
        if self.spec == *spec {
            return;
        }
        let missing = self.capacity().saturating_sub(self.level).div_ceil(self.cost());
        self.spec = spec.clone();
        let missing = missing.saturating_mul(self.cost());
        self.level = self.capacity().saturating_sub(missing);
    }

    /// Whether nothing of it is missing at an instant: as good as a new one.
    #[must_use]
    pub fn full(&self, now: Time) -> bool {
        let mut filled = self.clone();
        filled.fill(now);
        filled.level == filled.capacity()
    }

    /// Takes one token.
    ///
    /// # Errors
    /// When the bucket is empty: the instant at which it holds a token again.
    pub fn take(&mut self, now: Time) -> Result<(), Time> {
        let now = self.fill(now);
        let cost = self.cost();
        if self.capacity() < cost {
            return Err(Time(i64::MAX));
        }
        if let Some(rest) = self.level.checked_sub(cost) {
            self.level = rest;
            return Ok(());
        }
        let wait = (cost - self.level).div_ceil(self.gain());
        Err(now.plus(i64::try_from(wait).unwrap_or(i64::MAX)))
    }

    /// Gives one token back, where what it was taken for did not happen.
    pub fn give_back(&mut self) {
        self.level = self.level.saturating_add(self.cost()).min(self.capacity());
    }

    /// Tokens it holds at an instant.
    #[must_use]
    pub fn available(&self, now: Time) -> u32 {
        let mut filled = self.clone();
        filled.fill(now);
        u32::try_from(filled.level / self.cost()).unwrap_or(u32::MAX)
    }

    fn fill(&mut self, now: Time) -> Time {
        let Some(before) = self.filled_at else {
            self.filled_at = Some(now);
            return now;
        };
        let now = now.max(before);
        let passed = u64::try_from(now.since(before)).unwrap_or(0);
        let gain = passed.saturating_mul(self.gain());
        self.level = self.level.saturating_add(gain).min(self.capacity());
        self.filled_at = Some(now);
        now
    }

    /// What one token is.
    fn cost(&self) -> u64 {
        let window = u64::try_from(self.spec.window_ms.max(1)).unwrap_or(1);
        window.saturating_mul(u64::from(self.share.1))
    }

    /// What one ms adds.
    fn gain(&self) -> u64 {
        u64::from(self.spec.calls).saturating_mul(u64::from(self.share.0))
    }

    /// The share of a window's calls, but never less than one of them: a small share is a slow one.
    fn capacity(&self) -> u64 {
        let window = u64::try_from(self.spec.window_ms.max(1)).unwrap_or(1);
        let full = window.saturating_mul(self.gain());
        if self.gain() == 0 { 0 } else { full.max(self.cost()) }
    }
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
    fn shares_of_several_processes_are_the_limit_together() {
        let mut shares: Vec<_> = (0..3).map(|_| bucket(10, 1_000)).collect();
        for (bucket, own) in shares.iter_mut().zip([1, 1, 2]) {
            bucket.share(own, 4);
        }
        let taken =
            |bucket: &mut Bucket| (0..100_000).filter(|at| bucket.take(Time(*at)).is_ok()).count();
        let all: Vec<_> = shares.iter_mut().map(taken).collect();
        // Each has its share of the burst, and of what drips in within 99,999 ms.
        assert_eq!(all, [252, 252, 504]);
        shares[0].share(0, 4);
        assert_eq!(shares[0].take(Time(200_000)), Err(Time(i64::MAX)), "nothing is served here");
        shares[0].share(4, 4);
        assert!(shares[0].take(Time(200_000)).is_err(), "a gained share fills in its time");
        assert!(shares[0].take(Time(200_100)).is_ok());
    }

    #[test]
    fn another_limit_holds_at_once_and_what_was_taken_stays_taken() {
        let mut bucket = bucket(1, 86_400_000);
        assert_eq!(bucket.take(Time(0)), Ok(()));
        bucket.rule(&LimitSpec { calls: 3, window_ms: 3_000 });
        assert_eq!((bucket.take(Time(0)), bucket.take(Time(0))), (Ok(()), Ok(())));
        assert_eq!(bucket.take(Time(0)), Err(Time(1_000)), "one was taken before");
        bucket.rule(&LimitSpec { calls: 1, window_ms: 500 });
        assert_eq!(bucket.take(Time(0)), Err(Time(500)), "it never owes more than it holds");
        assert_eq!((bucket.full(Time(499)), bucket.full(Time(500))), (false, true));
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

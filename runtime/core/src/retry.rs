//! How long a step pauses between two attempts.
//!
//! Promises: total, overflow-safe, and the same answer for the same random number. It never decides
//! *whether* to try again: attempts, deadlines and errors are counted by the shard.

use crate::codegen::Retry;

/// The pause in ms before the next attempt, after `failed_attempts` (from 1) have failed.
///
/// The pause doubles from `first_ms` and stops growing at `max_ms`. Jitter draws from its upper
/// half, so it never adds to the worst case that the compiler computed.
#[must_use]
pub fn delay(policy: &Retry, failed_attempts: u32, random: u64) -> i64 {
    let doublings = failed_attempts.saturating_sub(1);
    let first = policy.first_ms.max(0);
    // Bound: 62 doublings of 1 ms already exceed every pause that fits its type.
    let grown = match 1_i64.checked_shl(doublings) {
        Some(factor) if doublings < 63 => first.saturating_mul(factor),
        _ if first == 0 => 0,
        _ => i64::MAX,
    };
    let full = grown.min(policy.max_ms.max(0));
    if !policy.jitter {
        return full;
    }
    let low = full - full / 2;
    let width = u64::try_from(full / 2).unwrap_or(0) + 1;
    low + i64::try_from(random % width).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::delay;
    use crate::codegen::Retry;

    fn policy(first_ms: i64, max_ms: i64, jitter: bool) -> Retry {
        Retry { attempts: None, first_ms, max_ms, jitter, on: Vec::new() }
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let given = [(1, 1_000), (2, 2_000), (3, 4_000), (5, 16_000), (6, 30_000), (7, 30_000)];
        for (failed, expected) in given {
            assert_eq!(delay(&policy(1_000, 30_000, false), failed, 7), expected, "after {failed}");
        }
    }

    #[test]
    fn a_constant_pause_stays_constant() {
        for failed in [1, 2, 40, u32::MAX] {
            assert_eq!(delay(&policy(5_000, 5_000, false), failed, 0), 5_000);
        }
    }

    #[test]
    fn the_pause_does_not_overflow_at_the_ends() {
        for failed in [0, 1, 62, 63, 64, 65, u32::MAX] {
            let paused = delay(&policy(i64::MAX, i64::MAX, true), failed, u64::MAX);
            assert!(paused >= i64::MAX / 2, "after {failed}: {paused}");
            assert_eq!(delay(&policy(0, i64::MAX, true), failed, 9), 0);
            assert_eq!(delay(&policy(-5, -1, true), failed, 9), 0);
        }
        assert_eq!(delay(&policy(1, i64::MAX, false), 63, 0), 1 << 62);
        assert_eq!(delay(&policy(1, i64::MAX, false), 64, 0), i64::MAX);
    }

    #[test]
    fn jitter_stays_in_the_upper_half_and_reaches_both_ends() {
        let jittery = policy(1_000, 30_000, true);
        let (mut seen_low, mut seen_high) = (false, false);
        for random in 0..10_000_u64 {
            let paused = delay(&jittery, 3, random.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            assert!((2_000..=4_000).contains(&paused), "{paused}");
            seen_low |= paused < 2_050;
            seen_high |= paused > 3_950;
        }
        assert!(seen_low && seen_high);
        assert_eq!(delay(&policy(1, 1, true), 1, 5), 1, "a pause of one tick keeps its tick");
        assert_eq!(delay(&policy(3, 3, true), 1, 0), 2, "an odd pause rounds its half up");
    }
}

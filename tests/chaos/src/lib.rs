//! What the long tests with real processes share. They run with `cargo xtask test --all`.

use std::time::{SystemTime, UNIX_EPOCH};

/// A small generator of moments and choices: xorshift, seeded. `FLOW_SEED` reproduces them; the
/// interleavings inside the processes are their own.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Of `FLOW_SEED`, or of the clock; the seed is printed either way.
    #[must_use]
    pub fn of_environment() -> Self {
        let given = std::env::var("FLOW_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            now.map_or(1, |d| d.as_nanos() as u64)
        });
        println!("FLOW_SEED={seed}");
        Self::new(seed)
    }

    /// Of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        // Order: xorshift stays at zero for ever.
        Self(seed.max(1))
    }

    /// The next number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n.max(1)
    }

    /// True so often in a hundred.
    pub fn percent(&mut self, often: u64) -> bool {
        self.below(100) < often
    }

    /// Another generator that goes its own way from here.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self::new(self.below(u64::MAX))
    }
}

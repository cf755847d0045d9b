//! Identities: namespaces, shards, slots, runs.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Slots a run id can name; the slot map turns them into shards.
pub const SLOTS: u16 = 4096;

/// A shard of one store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShardId(pub u32);

/// A run: a UUIDv7 whose `rand_a` holds the slot, so that any node finds its shard from it alone.
///
/// Source: RFC 9562, section 5.7 (the 12 bits after the version).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub Uuid);

impl RunId {
    /// A run admitted at `now_ms`, on `slot`, with 62 random bits from `random`.
    #[must_use]
    pub fn new(now_ms: i64, slot: u16, random: [u8; 8]) -> Self {
        let mut bytes = [0_u8; 16];
        bytes[..6].copy_from_slice(&now_ms.max(0).to_be_bytes()[2..]);
        bytes[6..8].copy_from_slice(&(0x7000 | (slot % SLOTS)).to_be_bytes());
        bytes[8..].copy_from_slice(&random);
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        Self(Uuid::from_bytes(bytes))
    }

    /// The slot it was admitted on.
    #[must_use]
    pub fn slot(self) -> u16 {
        let bytes = self.0.as_bytes();
        u16::from_be_bytes([bytes[6], bytes[7]]) % SLOTS
    }
}

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for RunId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// The slot of a start key: a hash of namespace, workflow name and key.
#[must_use]
pub fn slot_of(namespace: &str, workflow: &str, key: &str) -> u16 {
    use sha2::Digest as _;
    let mut hash = sha2::Sha256::new();
    for part in [namespace, workflow, key] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    u16::from_be_bytes([digest[0], digest[1]]) % SLOTS
}

/// The slot of an event's home: a hash of namespace, event name and key.
#[must_use]
pub fn event_slot(namespace: &str, event: &str, key: &str) -> u16 {
    slot_of(namespace, event, key)
}

/// The slot of a service, where what operators do about it is decided.
#[must_use]
pub fn service_slot(service: &str) -> u16 {
    slot_of("", service, "")
}

/// Which shard owns a slot: with equal ranges, as every store begins.
#[must_use]
pub fn shard_of(slot: u16, shards: u32) -> ShardId {
    ShardId(u32::from(slot) * shards / u32::from(SLOTS))
}

/// Where a shard stands among those of its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// It.
    pub shard: ShardId,
    /// How many shards the store has.
    pub of: u32,
    /// By how much the clocks of two shards may differ, in ms: 0 where one process has them all.
    pub skew_ms: i64,
}

impl Default for Place {
    /// The only shard of its store.
    fn default() -> Self {
        Self { shard: ShardId(0), of: 1, skew_ms: 0 }
    }
}

impl Place {
    /// Whether a slot is its own.
    #[must_use]
    pub fn owns(self, slot: u16) -> bool {
        shard_of(slot, self.of) == self.shard
    }

    /// The home of an event, where that is another shard.
    #[must_use]
    pub fn elsewhere(self, namespace: &str, event: &str, key: &str) -> Option<ShardId> {
        // With one shard nothing has to be hashed.
        if self.of <= 1 {
            return None;
        }
        let home = shard_of(event_slot(namespace, event, key), self.of);
        (home != self.shard).then_some(home)
    }

    /// One of its own slots, chosen by a random number.
    #[must_use]
    pub fn slot(self, random: u16) -> u16 {
        let (of, slots) = (self.of.max(1), u32::from(SLOTS));
        let first = (self.shard.0 * slots).div_ceil(of);
        let end = ((self.shard.0 + 1) * slots).div_ceil(of);
        let slot = first + u32::from(random) % end.saturating_sub(first).max(1);
        u16::try_from(slot).unwrap_or(0) % SLOTS
    }

    /// The other shards.
    pub fn others(self) -> impl Iterator<Item = ShardId> {
        (0..self.of).map(ShardId).filter(move |shard| *shard != self.shard)
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, SLOTS, ShardId, shard_of};

    #[test]
    fn every_slot_belongs_to_one_shard_and_a_shard_draws_only_its_own() {
        for of in [1, 2, 3, 7, 16, 64, 4096] {
            let mut owned = 0;
            for shard in (0..of).map(ShardId) {
                let place = Place { shard, of, skew_ms: 0 };
                owned += (0..SLOTS).filter(|slot| place.owns(*slot)).count();
                for random in [0, 1, 63, 64, 4095, u16::MAX] {
                    assert_eq!(shard_of(place.slot(random), of), shard, "{shard:?} of {of}");
                }
            }
            assert_eq!(owned, usize::from(SLOTS));
        }
    }
}

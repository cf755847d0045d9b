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

/// Which shard owns a slot: with equal ranges, as every store begins.
#[must_use]
pub fn shard_of(slot: u16, shards: u32) -> ShardId {
    ShardId(u32::from(slot) * shards / u32::from(SLOTS))
}

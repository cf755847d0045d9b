//! What a shard's row says about who may write and from where: what every fence compares.

use sagaflow_core::port::{Batch, Lease};
use uuid::Uuid;

/// A shard's lease and positions as they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub epoch: u64,
    pub owner: Option<Uuid>,
    pub last: u64,
    pub bucket: u32,
    pub checkpoint: u64,
    pub emitted: u64,
}

impl Held {
    /// Why this lease is not the current one.
    pub fn mismatch(&self, lease: Lease) -> Option<String> {
        if self.owner.is_none() {
            Some("its lease was given back".to_owned())
        } else if self.epoch != lease.epoch {
            Some(format!("epoch {} is now {}", lease.epoch, self.epoch))
        } else if self.owner != Some(lease.owner) {
            Some("another owner has it".to_owned())
        } else {
            None
        }
    }

    /// Why this batch was fenced.
    pub fn refusal(&self, lease: Lease, batch: &Batch) -> String {
        let moved = || {
            let moved = self.last != batch.prev;
            moved.then(|| format!("position {} is now {}", batch.prev, self.last))
        };
        let flaw = || batch.flaw(self.bucket);
        let cause = self.mismatch(lease).or_else(moved).or_else(flaw);
        cause.unwrap_or_else(|| "it was fenced".to_owned())
    }
}

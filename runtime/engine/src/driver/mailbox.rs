//! When a shard reads its inbox.

use crate::limits;

/// Where a shard stands with its inbox.
pub(super) struct Mailbox {
    /// Something may have been sent since the last look.
    pub(super) wanted: bool,
    /// The first look after a recovery has been answered.
    pub(super) first: bool,
    /// A look is under way.
    reading: bool,
    /// The last page was full: there is more when what was taken of it is gone.
    more: bool,
}

impl Mailbox {
    /// Of a shard that has just been recovered. The only shard of a store is sent nothing.
    pub(super) fn new(shards: u32) -> Self {
        let alone = shards <= 1;
        Self { wanted: !alone, first: alone, reading: false, more: false }
    }

    /// Whether to look now; not while something that was read is about to be deleted.
    pub(super) fn begin(&mut self, taking: bool) -> bool {
        let now = self.wanted && !self.reading && !taking;
        if now {
            (self.wanted, self.reading) = (false, true);
        }
        now
    }

    /// A look has found so many.
    pub(super) fn read(&mut self, found: usize) {
        (self.reading, self.first) = (false, true);
        self.more = found >= limits::MAIL as usize;
    }

    /// So many have been deleted.
    pub(super) fn taken(&mut self, taken: usize) {
        if taken > 0 && self.more {
            (self.more, self.wanted) = (false, true);
        }
    }
}

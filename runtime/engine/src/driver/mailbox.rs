//! When a shard reads its inbox, and when it goes by its tray.

use crate::limits;
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{MessageRow, Source};
use std::collections::BTreeMap;

/// Where a shard stands with its messages.
pub(super) struct Mailbox {
    /// The inbox has to be read.
    pub(super) wanted: bool,
    /// Something may be on the tray.
    pub(super) stirred: bool,
    /// The first look after a recovery has been answered.
    pub(super) first: bool,
    /// The last look has found everything there was: what is sent since is on the tray.
    pub(super) current: bool,
    /// A look is under way.
    reading: bool,
    /// The last page was full: there is more when what was taken of it is gone.
    more: bool,
    /// The last message of each sender that was seen.
    seen: BTreeMap<ShardId, (u64, u64, u32)>,
}

impl Mailbox {
    /// Of a shard that has just been recovered. The only shard of a store is sent nothing.
    pub(super) fn new(shards: u32) -> Self {
        let alone = shards <= 1;
        Self {
            wanted: !alone,
            stirred: false,
            first: alone,
            current: false,
            reading: false,
            more: false,
            seen: BTreeMap::new(),
        }
    }

    /// Whether to look now; not while something that was read is about to be deleted.
    pub(super) fn begin(&mut self, taking: bool) -> bool {
        let now = self.wanted && !self.reading && !taking;
        if now {
            (self.wanted, self.reading) = (false, true);
        }
        now
    }

    /// Whether the tray may be looked at: not while the inbox is read, which has what comes before.
    pub(super) fn may_take(&self) -> bool {
        self.stirred && !self.reading
    }

    /// A look has found these. Returns whether they were everything.
    pub(super) fn read(&mut self, found: &[MessageRow]) -> bool {
        (self.reading, self.first) = (false, true);
        self.more = found.len() >= limits::MAIL as usize;
        self.current = !self.more;
        // What was sent since waits on the tray.
        self.stirred |= self.current;
        for row in found {
            self.see(row.from);
        }
        self.current
    }

    /// Those of a tray that were not seen yet.
    ///
    /// Order: a sender's messages are read in the order in which it sent them, so one that is before
    /// another one that was seen was seen too: in the inbox, where it was already when its sender
    /// learned that it had committed.
    pub(super) fn unseen(&mut self, mut rows: Vec<MessageRow>) -> Vec<MessageRow> {
        rows.retain(|row| self.see(row.from));
        rows
    }

    /// So many have been deleted.
    pub(super) fn taken(&mut self, taken: usize) {
        if taken > 0 && self.more {
            (self.more, self.wanted) = (false, true);
        }
    }

    fn see(&mut self, from: Source) -> bool {
        let Source { shard, epoch, seq, index } = from;
        let last = self.seen.entry(shard).or_default();
        let new = (epoch, seq, index) > *last;
        if new {
            *last = (epoch, seq, index);
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::Mailbox;
    use sagaflow_core::id::ShardId;
    use sagaflow_core::port::{MessageRow, Source};

    fn row(shard: u32, epoch: u64, seq: u64, index: u32) -> MessageRow {
        let from = Source { shard: ShardId(shard), epoch, seq, index };
        MessageRow { to: ShardId(9), from, body: Vec::new() }
    }

    #[test]
    fn what_the_inbox_had_is_not_taken_again_from_the_tray() {
        let mut mailbox = Mailbox::new(4);
        assert!(mailbox.begin(false) && !mailbox.may_take());
        assert!(mailbox.read(&[row(0, 1, 5, 0), row(0, 1, 5, 1), row(2, 3, 1, 0)]));
        assert!(mailbox.may_take());
        let on_tray = vec![
            row(0, 1, 5, 1),
            row(2, 3, 1, 0),
            row(0, 1, 6, 0),
            row(1, 1, 1, 0),
            row(2, 4, 1, 0),
            row(2, 3, 9, 0),
        ];
        let unseen = mailbox.unseen(on_tray);
        let new = [row(0, 1, 6, 0), row(1, 1, 1, 0), row(2, 4, 1, 0)];
        assert_eq!(unseen, new, "the last one is of an owner before");
    }
}

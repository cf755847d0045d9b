//! When a shard reads its inbox, and when it goes by its tray.
//!
//! The inbox is read in pages from its beginning. A page of which something is taken is read again
//! when that is deleted. One that holds what the shard cannot do yet, as the start of a workflow that
//! another version of the program knows, is passed over, so that it holds up nothing behind it; the
//! next look finds it again.

use crate::limits;
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{MessageRow, Source};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Bound: pages after which a look begins anew, where messages keep coming behind those that were left.
const PAGES_MAX: u32 = 256;

/// Bound: pages that count when it is said how long what was left is left alone.
const PAGES_COUNTED: u32 = 10;

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
    /// Behind which message the next page begins.
    pub(super) after: Option<Source>,
    /// Since the inbox was read from its beginning: pages, and whether something was left.
    swept: (u32, bool),
    /// When what was left is looked for again.
    pub(super) rests: Option<Instant>,
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
            after: None,
            swept: (0, false),
            rests: None,
            seen: BTreeMap::new(),
        }
    }

    /// Whether to look now; not while something that was read is about to be deleted.
    pub(super) fn begin(&mut self, taking: bool) -> bool {
        let now = self.wanted && !self.reading && !taking;
        if now {
            (self.wanted, self.reading) = (false, true);
            if self.after.is_none() {
                // Order: what is on the tray goes, and comes with one of the pages; nothing of a tray is
                // taken before all of them were read.
                (self.swept, self.rests, self.current) = ((0, false), None, false);
            }
        }
        now
    }

    /// Whether the tray may be looked at: not while the inbox is read, or is to be read, which has what
    /// comes before. Order: so a shard that is never without messages reads its inbox all the same.
    pub(super) fn may_take(&self) -> bool {
        self.stirred && !self.reading && !self.wanted
    }

    /// Something was sent, and the tray may not be taken from: where no page is waited for, the inbox is
    /// read again.
    pub(super) fn not_current(&mut self) {
        self.stirred = false;
        self.wanted |= self.after.is_none() && !self.more;
    }

    /// A look has found these.
    pub(super) fn read(&mut self, found: &[MessageRow]) {
        (self.reading, self.first) = (false, true);
        self.more = found.len() >= limits::MAIL as usize;
        self.swept.0 += 1;
        for row in found {
            self.see(row.from);
        }
    }

    /// What the look has found is decided, up to this message, and some of it was left. Returns whether
    /// the tray still has all that was sent since.
    pub(super) fn applied(&mut self, last: Option<Source>, left: bool) -> bool {
        self.swept.1 |= left;
        if self.more && left {
            (self.after, self.more, self.wanted) = (last, false, true);
            return true;
        }
        if self.more {
            self.current = false;
            if self.swept.0 >= PAGES_MAX {
                self.after = None;
            }
            // What is read again from the beginning has all of it.
            return self.after.is_some();
        }
        self.after = None;
        // What was sent since waits on the tray.
        (self.current, self.stirred) = (true, true);
        if self.swept.1 {
            self.left();
        }
        true
    }

    /// Something was left that may be done in a while: the longer the more pages it takes to find it.
    pub(super) fn left(&mut self) {
        let pages = self.swept.0.clamp(1, PAGES_COUNTED);
        self.rests.get_or_insert_with(|| Instant::now() + limits::MAIL_LOOK * pages);
    }

    /// How long until what was left is looked for.
    pub(super) fn until_look(&self) -> Option<Duration> {
        Some(self.rests?.saturating_duration_since(Instant::now()))
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
        mailbox.read(&[row(0, 1, 5, 0), row(0, 1, 5, 1), row(2, 3, 1, 0)]);
        assert!(mailbox.applied(Some(row(2, 3, 1, 0).from), false));
        assert!(mailbox.may_take() && mailbox.current);
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

//! What a shard asks the store beside its commits: start keys, items, events, who waits, its inbox.
//!
//! Promises: every question is answered once, by an input; a store that is away is asked until it is
//! back, and those who wait for the answer have bounds of their own.

use super::Message;
use super::flight::pause;
use super::serve::Serving;
use super::tray::{Taken, Tray};
use crate::limits;
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{self, Batch, EventName, EventRow, KeyName, MessageRow, Store};
use sagaflow_core::shard::Input;
use sagaflow_core::time::Time;
use std::sync::Arc;

impl<S: Store> Serving<'_, S> {
    /// Looks start keys up. A store that is away is asked until it is back: those who wait for the
    /// start have bounds of their own.
    pub(super) fn find(&self, names: Vec<KeyName>) {
        let store = Arc::clone(&self.store);
        self.look_up(async move {
            let rows = patiently("start keys", || store.keys(&names)).await;
            let mut rows = rows.into_iter();
            let found = |name: KeyName| {
                let KeyName { namespace, workflow, key } = name;
                Input::Found { namespace, workflow, key, row: rows.next().flatten() }
            };
            names.into_iter().map(found).collect()
        });
    }

    /// Looks an item up, as patiently.
    pub(super) fn find_item(&self, item: String) {
        let store = Arc::clone(&self.store);
        self.look_up(async move {
            let row = patiently("an item", || store.item(&item)).await;
            vec![Input::FoundItem { item, row }]
        });
    }

    /// Asks who wants to be told of events, as patiently.
    pub(super) fn find_waits(&self, names: Vec<EventName>) {
        let store = Arc::clone(&self.store);
        self.look_up(async move {
            let all = patiently("waits", || store.waits(&names)).await;
            let found = |(name, shards)| Input::FoundWaits { name, shards };
            names.into_iter().zip(all).map(found).collect()
        });
    }

    /// Reads the events that another home keeps, as patiently.
    pub(super) fn find_events(&self, home: ShardId, name: EventName, since: Time) {
        let store = Arc::clone(&self.store);
        self.look_up(async move {
            let mut rows: Vec<EventRow> = Vec::new();
            loop {
                let after = rows.last().map_or(0, |row| row.number);
                let read = || store.events(home, &name, since, after, limits::EVENTS_PAGE);
                let page = patiently("events", read).await;
                let more = page.len() == limits::EVENTS_PAGE as usize;
                rows.extend(page);
                if !more {
                    return vec![Input::FoundEvents { name, since, rows }];
                }
            }
        });
    }

    /// Reads the inbox where it is time to.
    ///
    /// Order: what was taken of the last page is deleted before the next one is read, so that a page
    /// brings what is new.
    pub(super) fn look_for_mail(&mut self) {
        // What was left is passed over; what is in hand is deleted soon.
        if self.mail.after.is_some() && self.shard.mail_in_hand() >= limits::IN_HAND {
            return;
        }
        let taken = |batch: &Batch| !batch.taken.is_empty();
        let taking = self.flight.as_ref().is_some_and(|flight| taken(&flight.batch))
            || taken(&self.pending.batch);
        if !self.mail.begin(taking) {
            return;
        }
        let after = self.mail.after;
        // Order: a look that goes on behind a page brings nothing that was sent meanwhile before it.
        if after.is_none()
            && let Some(tray) = self.tray()
        {
            tray.lay();
        }
        let (store, lease, back) = (Arc::clone(&self.store), self.lease, self.inlets.back.clone());
        tokio::spawn(async move {
            let read = || store.inbox(lease.shard, after, limits::MAIL);
            let rows = patiently("messages", read).await;
            // The shard is gone only when the process stops.
            let _ = back.send(Message::Mail(lease.epoch, rows)).await;
        });
    }

    /// Does what a look into the inbox has found.
    pub(super) fn read_mail(&mut self, rows: Vec<MessageRow>) {
        let last = rows.last().map(|row| row.from);
        self.mail.read(&rows);
        if !rows.is_empty() {
            self.apply(Input::Mail(rows));
        }
        let left = self.shard.left_mail();
        if !self.mail.applied(last, left)
            && let Some(tray) = self.tray()
        {
            tray.miss();
        }
    }

    /// Does what is on the tray, as far as there is room.
    ///
    /// Crash: each message is in the store until the batch that holds what came of it has committed.
    pub(super) fn take_from_tray(&mut self) {
        let in_hand = self.shard.mail_in_hand();
        if !self.mail.may_take() || in_hand >= limits::IN_HAND || !self.room() {
            return;
        }
        // Messages begin runs, which a node that is leaving would not bring to a rest.
        if self.leave.is_cancelled() {
            return;
        }
        let Some(tray) = self.tray() else { return };
        if !self.mail.current {
            return self.mail.not_current();
        }
        let Taken::Rows { rows, more, look } = tray.take(limits::IN_HAND - in_hand) else {
            self.mail.current = false;
            return self.mail.not_current();
        };
        self.mail.stirred = more;
        // Order: where something was left, it is looked for soon, together with this.
        self.mail.wanted |= look && self.mail.rests.is_none();
        let rows = self.mail.unseen(rows);
        if !rows.is_empty() {
            self.apply(Input::Mail(rows));
        }
        if self.shard.left_mail() {
            self.mail.left();
        }
    }

    pub(super) fn tray(&self) -> Option<&Tray> {
        self.shared.trays.get(self.lease.shard.0 as usize)
    }

    fn look_up(&self, found: impl Future<Output = Vec<Input>> + Send + 'static) {
        let (back, epoch) = (self.inlets.back.clone(), self.lease.epoch);
        tokio::spawn(async move {
            // The shard is gone only when the process stops.
            let _ = back.send(Message::Found(epoch, found.await)).await;
        });
    }
}

/// Asks the store until it answers.
async fn patiently<T, F: Future<Output = port::Result<T>>>(what: &str, ask: impl Fn() -> F) -> T {
    let mut tries = 0;
    loop {
        match ask().await {
            Ok(found) => return found,
            Err(error) => {
                tries += 1;
                tracing::warn!(%error, tries, "{what} could not be looked up");
                tokio::time::sleep(pause(tries)).await;
            }
        }
    }
}

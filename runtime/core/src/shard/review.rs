//! Reviews: notes of a run for a person, closed by whoever has looked at them.
//!
//! A run does not remember its reviews, and may have ended long ago: whether one is open is what the
//! store says. While it is asked everybody who resolves that review waits, so that one of them closes
//! it and the others come too late.

use super::Shard;
use super::input::{Actor, Answer, Token};
use super::output::{Effect, Output};
use super::turn::Turn;
use crate::journal::{Happened, ShardRecord};
use crate::limits::RESOLVERS_PER_REVIEW;
use crate::port::ItemRow;
use crate::time::Time;
use std::collections::BTreeMap;

/// Kind of the items.
pub(super) const KIND: &str = "review";

/// Those who wait for a review to be looked up, by item.
pub(super) type Reviews = BTreeMap<String, Vec<Waiting>>;

/// Somebody who resolves a review.
pub(super) struct Waiting {
    pub(super) actor: Actor,
    pub(super) reason: String,
    pub(super) token: Option<Token>,
}

impl Shard {
    /// A person has looked at a review.
    pub(super) fn review(&mut self, now: Time, item: String, one: Waiting, out: &mut Output) {
        let waiting = self.reviews.entry(item.clone()).or_default();
        if waiting.len() >= RESOLVERS_PER_REVIEW {
            return out.reply(one.token, Answer::Busy { after: now.plus(1_000) });
        }
        waiting.push(one);
        if waiting.len() == 1 {
            // Crash: nothing was promised yet; whoever asked asks again.
            out.effects.push(Effect::FindItem { item });
        }
    }

    /// The store has answered.
    pub(super) fn found_item(
        &mut self,
        now: Time,
        item: &str,
        row: Option<ItemRow>,
        out: &mut Output,
    ) {
        let mut waiting = self.reviews.remove(item).unwrap_or_default().into_iter();
        let row = row.filter(|row| row.kind == KIND);
        let rest = if row.is_some() { Answer::TooLate } else { Answer::NotFound };
        if let Some(row) = row.filter(|row| row.open)
            && let Some(first) = waiting.next()
        {
            let token = first.token;
            self.close_review(now, row, first, out);
            out.reply(token, Answer::Done);
        }
        for one in waiting {
            out.reply(one.token, rest.clone());
        }
    }

    /// Crash: the record and the item's row are in one batch; without it the review is still open,
    /// and nobody was told otherwise.
    fn close_review(&mut self, now: Time, row: ItemRow, one: Waiting, out: &mut Output) {
        let Waiting { actor: Actor { name: actor, .. }, reason, .. } = one;
        let mut body = row.body.clone();
        if let Some(fields) = body.as_object_mut() {
            fields.insert("resolved_by".to_owned(), actor.clone().into());
            fields.insert("resolved_at".to_owned(), now.0.into());
            fields.insert("reason".to_owned(), reason.clone().into());
        }
        self.record_review(now, &row, (actor, reason), out);
        out.put_item(ItemRow { open: false, at: now, body, ..row });
    }

    /// In the run's own history where it goes on, else beside it.
    fn record_review(
        &mut self,
        now: Time,
        row: &ItemRow,
        (actor, reason): (String, String),
        out: &mut Output,
    ) {
        let item = row.id.clone();
        let run = row.run.and_then(|id| Some((id, self.runs.remove(&id)?)));
        let Some((id, run)) = run else {
            let record = ShardRecord::Reviewed { item, actor, reason, at: now };
            return self.shard_record(now, &record, out);
        };
        self.turn_of(now, id, run, out, |turn: &mut Turn<'_>| {
            turn.note(Happened::Reviewed { item, actor, reason });
            Answer::Done
        });
    }
}

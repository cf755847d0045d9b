//! Items that no run remembers, closed by whoever has looked at them: reviews, and dead letters of
//! topics.
//!
//! A review's run may have ended long ago: whether an item is open is what the store says. While it is
//! asked everybody who resolves that item waits, so that one of them closes it and the others come too
//! late.

use super::input::{Actor, Answer, LetterAct, Token};
use super::output::{Effect, Output};
use super::turn::Turn;
use super::{Shard, letter};
use crate::journal::{Happened, ShardRecord};
use crate::limits::RESOLVERS_PER_REVIEW;
use crate::port::ItemRow;
use crate::time::Time;
use std::collections::BTreeMap;

/// Kind of the items.
pub(super) const KIND: &str = "review";

/// Those who wait for an item to be looked up, by item.
pub(super) type Reviews = BTreeMap<String, Vec<Waiting>>;

/// Somebody who resolves an item.
pub(super) struct Waiting {
    /// What becomes of a dead letter; none for a review.
    pub(super) act: Option<Box<LetterAct>>,
    pub(super) actor: Actor,
    pub(super) reason: String,
    pub(super) token: Option<Token>,
}

impl Waiting {
    fn kind(&self) -> &'static str {
        if self.act.is_some() { letter::KIND } else { KIND }
    }
}

impl Shard {
    /// A person has looked at an item.
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
        let waiting = self.reviews.remove(item).unwrap_or_default();
        let mut open = row.as_ref().is_some_and(|row| row.open);
        for one in waiting {
            let token = one.token;
            let answer = match &row {
                Some(row) if row.kind != one.kind() => Answer::NotFound,
                Some(row) if open && self.is_behind(one.act.as_deref(), row) => Answer::Refused(
                    "the partition has been read on since; give the letter up".to_owned(),
                ),
                Some(row) if open => {
                    open = false;
                    self.close(now, row.clone(), one, out);
                    Answer::Done
                }
                Some(_) => Answer::TooLate,
                None => Answer::NotFound,
            };
            out.reply(token, answer);
        }
    }

    /// Whether a partition has been read on since its letter was written: from where it stood then, all
    /// that came after would come again.
    fn is_behind(&self, act: Option<&LetterAct>, row: &ItemRow) -> bool {
        let Some(LetterAct::ReadOn(to)) = act else { return false };
        let known = self.consumed(&to.topic, to.partition, to.workflow.as_deref());
        let said = (row.body["known_id"].as_str(), row.body["next"].as_u64());
        said != (known.map(|known| known.topic_id.as_str()), known.map(|known| known.next))
    }

    /// Crash: what came of it, the record and the item's row are in one batch; without it the item is
    /// still open, and nobody was told otherwise.
    fn close(&mut self, now: Time, row: ItemRow, one: Waiting, out: &mut Output) {
        let Waiting { act, actor: Actor { name: actor, .. }, reason, .. } = one;
        let mut body = row.body.clone();
        if let Some(fields) = body.as_object_mut() {
            fields.insert("resolved_by".to_owned(), actor.clone().into());
            fields.insert("resolved_at".to_owned(), now.0.into());
            fields.insert("reason".to_owned(), reason.clone().into());
        }
        match act {
            None => self.record_review(now, &row, (actor, reason), out),
            Some(act) => {
                let item = row.id.clone();
                let record = ShardRecord::Reviewed { item, actor, reason, at: now };
                self.shard_record(now, &record, out);
                if let Some(fields) = body.as_object_mut() {
                    fields.insert("resolved".to_owned(), act.word().into());
                }
                self.act_on_letter(now, *act, out);
            }
        }
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

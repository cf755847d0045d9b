//! The fold of what a store holds of a shard: its state as the last owner left it.
//!
//! Promises: a run whose records cannot be read is set apart, and holds up nobody else. Must not decide
//! anything.

use super::Run;
use super::input::BreakerAct;
use crate::id::RunId;
use crate::journal::{self, EventBody, Position, Record, ShardRecord, Snapshot};
use crate::port::Tail;
use crate::rate::Bucket;
use crate::run::{ClaimClass, RunState};
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// The fold of a tail.
#[derive(Default)]
pub(super) struct Fold {
    pub(super) runs: BTreeMap<RunId, Run>,
    pub(super) damaged: BTreeMap<RunId, (u64, String)>,
    pub(super) events: Vec<(u64, EventBody)>,
    pub(super) triggered: BTreeSet<(String, String)>,
    /// What operators did last about the breaker of a service.
    pub(super) breakers: BTreeMap<String, (BreakerAct, ShardRecord)>,
    /// Until when a breaker that opened is open.
    pub(super) opened: BTreeMap<String, Time>,
    /// How much of their `limit` classes had left, behind what was let in last.
    pub(super) buckets: BTreeMap<ClaimClass, Bucket>,
    /// Up to where partitions were taken in, in order.
    pub(super) positions: Vec<Position>,
    /// Runs with a row that have not ended.
    rows: BTreeSet<RunId>,
    /// Those, and runs whose first record is in the tail: they may have no row yet.
    alive: BTreeSet<RunId>,
}

/// Whether the last owner stopped in good order.
pub(super) fn handed_over(tail: &Tail) -> bool {
    tail.rows.last().is_some_and(|row| {
        row.run.is_none()
            && matches!(journal::decode(&row.body), Ok(ShardRecord::HandedOver { .. }))
    })
}

impl Fold {
    pub(super) fn of(tail: Tail) -> Self {
        let rows: BTreeSet<_> = tail.runs.iter().map(|row| row.run).collect();
        let mut fold = Self { alive: rows.clone(), rows, ..Self::default() };
        for row in tail.runs {
            let Some(bytes) = &row.snapshot else { continue };
            let state = journal::decode::<Snapshot>(bytes).and_then(|snapshot| {
                let state = RunState::from_parts(snapshot.number, &snapshot.parts)?;
                Ok((state, snapshot.at))
            });
            match state {
                Ok((state, at)) => {
                    let mut run = Run::new(state, None);
                    run.snapshot = Some(row.upto);
                    run.listed = true;
                    run.seq = row.upto;
                    run.at = at;
                    fold.runs.insert(row.run, run);
                }
                Err(error) => {
                    fold.damaged.insert(row.run, (row.upto, error.to_string()));
                }
            }
        }
        for row in tail.rows {
            match row.run {
                Some(run) => fold.record(run, row.seq, row.number, &row.body),
                None => fold.shard_record(row.seq, &row.body),
            }
        }
        fold.runs.retain(|_, run| !run.state.ended());
        fold
    }

    fn shard_record(&mut self, seq: u64, body: &[u8]) {
        // A shard record that does not decode only loses what it would have saved: an event is kept
        // in its own row, a trigger that is asked again finds its key, and what is read again from a
        // topic is known by its id.
        match journal::decode::<ShardRecord>(body) {
            Ok(ShardRecord::Event(event)) => self.events.push((seq, event)),
            Ok(ShardRecord::Triggered { namespace, id }) => {
                self.triggered.insert((namespace, id));
            }
            Ok(ShardRecord::Breaker { ref service, act, .. }) => {
                // Whatever it had learned, an operator knows better.
                self.opened.remove(service);
                if let Ok(record) = journal::decode::<ShardRecord>(body) {
                    self.breakers.insert(service.clone(), (act, record));
                }
            }
            Ok(ShardRecord::BreakerOpened { service, until }) => {
                self.opened.insert(service, until);
            }
            Ok(ShardRecord::LetIn(buckets)) => self.buckets.extend(buckets),
            Ok(ShardRecord::Consumed(positions)) => self.positions.extend(positions),
            // What a review came to is in its item.
            Ok(
                ShardRecord::Fence { .. }
                | ShardRecord::Mirrored(_)
                | ShardRecord::HandedOver { .. }
                | ShardRecord::Reviewed { .. },
            )
            | Err(_) => {}
        }
    }

    fn record(&mut self, id: RunId, seq: u64, number: u64, body: &[u8]) {
        if number == 1 {
            self.alive.insert(id);
        }
        if self.damaged.contains_key(&id) {
            return;
        }
        let folded = journal::decode::<Record>(body).and_then(|record| {
            if record.number != number {
                return Err(journal::Error::Damaged("it has another number".to_owned()));
            }
            // One without a number was sent to its home by message, in the same batch.
            let here = record.emitted.iter().filter(|event| event.number > 0);
            self.events.extend(here.cloned().map(|event| (seq, event)));
            self.absorb(id, seq, &record)
        });
        // Of a run that has ended nothing is wanted any more.
        if let Err(error) = folded
            && self.alive.contains(&id)
        {
            // What is before it is needed too, by a program that can read this one.
            let needed =
                self.runs.remove(&id).map(|run| run.snapshot.map_or(run.first, |at| at + 1));
            self.damaged.insert(id, (needed.unwrap_or(seq).min(seq), error.to_string()));
        }
    }

    fn absorb(&mut self, id: RunId, seq: u64, record: &Record) -> Result<(), journal::Error> {
        let Some(run) = self.runs.get_mut(&id) else {
            if !self.alive.contains(&id) {
                // It has ended; its first records lie before the checkpoint.
                return Ok(());
            }
            if record.number != 1 {
                return Err(journal::Error::Damaged("the record before it is missing".to_owned()));
            }
            let mut run = Run::new(RunState::from_parts(1, &record.parts)?, None);
            run.listed = self.rows.contains(&id);
            run.first = seq;
            run.seq = seq;
            run.at = record.at;
            self.runs.insert(id, run);
            return Ok(());
        };
        if run.snapshot.is_some_and(|upto| seq <= upto) {
            return Ok(());
        }
        if record.number != run.state.number() + 1 {
            return Err(journal::Error::Damaged("the record before it is missing".to_owned()));
        }
        run.state.absorb(record.number, &record.parts)?;
        run.seq = seq;
        run.at = record.at;
        Ok(())
    }
}

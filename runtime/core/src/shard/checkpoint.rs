//! Checkpoints: snapshots of runs that their rows do not hold yet, and the position from which the next
//! recovery reads.
//!
//! A run that began since the last checkpoint is left out, and the position stays before its first
//! record: most runs are short, and are over before the next one, so their state is never written but
//! in their records. Recovery reads what came since the last but one.

use super::Shard;
use super::indexed::put_row;
use super::input::Answer;
use super::output::Output;
use crate::journal::ShardRecord;
use crate::time::Time;
use std::collections::BTreeMap;

impl Shard {
    /// Moves the position from which recovery reads.
    ///
    /// Order: the snapshots are in the same batch as the new position, or in an earlier one, so no
    /// record before it is still needed but those of the runs that are left out, and it stays before
    /// them.
    pub fn checkpoint(&mut self, now: Time) -> Output {
        let mut out = Output::after(self.seq);
        let since = self.checkpointed;
        let (mut behind, mut oldest_left) = (Vec::new(), None::<u64>);
        for (id, run) in self.runs.iter().filter(|(_, run)| run.snapshot != Some(run.seq)) {
            if run.snapshot.is_none() && run.first > since {
                oldest_left = Some(oldest_left.map_or(run.first, |first| first.min(run.first)));
            } else {
                behind.push(*id);
            }
        }
        for id in behind {
            if self.runs.get(&id).is_some_and(|run| run.state.changed()) {
                // Reads that still wait for a record of their own get one here: a snapshot is a
                // recorded state.
                self.turn(now, id, None, &mut out, |turn| {
                    turn.durable = true;
                    Answer::Done
                });
            }
            if let Some(run) = self.runs.get_mut(&id) {
                put_row(id, run, true, &mut out);
            }
        }
        self.mirror(now, &mut out);
        let kept = self.keep_breakers(now, &mut out).min(self.keep_positions(now, &mut out));
        let kept = kept.min(self.keep_buckets(now, &mut out));
        let position = self.events.checkpoint_max(self.seq).min(kept);
        let needed = self.damaged.values().map(|damaged| damaged.at).chain(oldest_left);
        let before = needed.map(|at| at.saturating_sub(1));
        out.batch.checkpoint = Some(before.fold(position, u64::min));
        (self.checkpointed, self.left_out) = (self.seq, oldest_left.is_some());
        self.events.tidy(&mut out);
        self.prune(now);
        out
    }

    /// Whether the last checkpoint left runs out: another one moves the position on, also where nothing
    /// happens meanwhile.
    #[must_use]
    pub fn left_out(&self) -> bool {
        self.left_out
    }

    /// Says that its owner stops in good order, so that the next one counts no recovery.
    ///
    /// Crash: without this record the stop was a crash, and what was open is counted once.
    pub fn hand_over(&mut self, now: Time) -> Output {
        let mut out = Output::after(self.seq);
        self.shard_record(now, &ShardRecord::HandedOver { at: now }, &mut out);
        out
    }

    /// Forgets events that no unfinished run can want.
    fn prune(&mut self, now: Time) {
        let mut oldest: BTreeMap<String, (u64, Time)> = BTreeMap::new();
        for run in self.runs.values() {
            let origin = run.state.origin();
            let first =
                oldest.entry(origin.namespace.clone()).or_insert((u64::MAX, Time(i64::MAX)));
            *first = (origin.events.min(first.0), origin.started.min(first.1));
        }
        self.events.prune(now, &oldest);
    }
}

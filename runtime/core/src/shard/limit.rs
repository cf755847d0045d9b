//! `limit`: how many runs of a class start in a window, decided by the class's home.
//!
//! Promises: a class lets in no more than its token bucket has, over all shards and through every crash,
//! and whoever waits is let in at the first instant at which it has one. How much of a bucket is left is
//! in the batch of the starts that it let in, and in the records of the next checkpoint.
//!
//! A start that was let in is counted there and nowhere else, so its run says no more of it
//! ([`Claim::open`](crate::run::Claim::open)). Who waits is asked, as [`super::concurrency`] says.

use super::Shard;
use super::output::Output;
use crate::codegen::LimitSpec;
use crate::journal::ShardRecord;
use crate::limits::{LIMITED, LIMITED_RECORD};
use crate::rate::Bucket;
use crate::run::ClaimClass;
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// How long a class waits that has no bucket yet, where there are too many.
const CROWDED_MS: i64 = 1_000;

/// A `limit` of a workflow, in a namespace.
type Clause = (String, String, u32);

fn clause(class: &ClaimClass) -> Clause {
    (class.namespace.clone(), class.workflow.clone(), class.clause)
}

/// The buckets of the classes whose home is here.
#[derive(Default)]
pub(super) struct Limits {
    /// Those that are not full.
    buckets: BTreeMap<ClaimClass, Bucket>,
    /// How many of them each clause has.
    counts: BTreeMap<Clause, usize>,
    /// What has been taken from since the last record.
    taken: BTreeSet<ClaimClass>,
    /// Classes in which somebody waits, by when the next may be let in.
    later: BTreeSet<(Time, ClaimClass)>,
    until: BTreeMap<ClaimClass, Time>,
    /// When full buckets were looked for.
    emptied: Option<Time>,
}

impl Limits {
    /// Whether one more may start now; else the class is looked at again when it may.
    pub(super) fn take(&mut self, class: &ClaimClass, spec: &LimitSpec, now: Time) -> bool {
        let until = match self.bucket(class, spec, now) {
            Ok(bucket) => bucket.take(now),
            Err(until) => Err(until),
        };
        match until {
            Ok(()) => {
                self.taken.insert(class.clone());
                true
            }
            Err(until) => {
                self.wait(class, until);
                false
            }
        }
    }

    fn bucket(
        &mut self,
        class: &ClaimClass,
        spec: &LimitSpec,
        now: Time,
    ) -> Result<&mut Bucket, Time> {
        if self.crowded(class) && !self.buckets.contains_key(class) {
            let again = self.emptied.map(|at| at.plus(CROWDED_MS));
            if again.is_none_or(|again| again <= now) {
                self.drop_full(now);
            }
            if self.crowded(class) {
                return Err(self.emptied.unwrap_or(now).plus(CROWDED_MS));
            }
        }
        let bucket = self.buckets.entry(class.clone()).or_insert_with(|| {
            *self.counts.entry(clause(class)).or_default() += 1;
            Bucket::new(spec.clone())
        });
        bucket.rule(spec);
        Ok(bucket)
    }

    /// Whether a clause has as many buckets as it may. Order: by itself, so that the keys of one
    /// workflow keep nobody of another one waiting.
    fn crowded(&self, class: &ClaimClass) -> bool {
        self.counts.get(&clause(class)).is_some_and(|count| *count >= LIMITED)
    }

    /// Forgets the buckets that are as good as new ones.
    fn drop_full(&mut self, now: Time) {
        self.buckets.retain(|class, bucket| self.taken.contains(class) || !bucket.full(now));
        self.counts.clear();
        for class in self.buckets.keys() {
            *self.counts.entry(clause(class)).or_default() += 1;
        }
        self.emptied = Some(now);
    }

    fn wait(&mut self, class: &ClaimClass, until: Time) {
        if let Some(before) = self.until.insert(class.clone(), until) {
            self.later.remove(&(before, class.clone()));
        }
        self.later.insert((until, class.clone()));
    }

    /// When the next class may let somebody in.
    pub(super) fn due(&self) -> Option<Time> {
        self.later.first().map(|(until, _)| *until)
    }

    /// The classes that may let somebody in by now.
    pub(super) fn ready(&mut self, now: Time) -> Vec<ClaimClass> {
        let mut ready = Vec::new();
        while self.due().is_some_and(|until| until <= now) {
            let Some((_, class)) = self.later.pop_first() else { break };
            self.until.remove(&class);
            ready.push(class);
        }
        ready
    }

    /// A bucket as it was recorded.
    pub(super) fn recall(&mut self, class: ClaimClass, bucket: Bucket) {
        let clause = clause(&class);
        if self.buckets.insert(class, bucket).is_none() {
            *self.counts.entry(clause).or_default() += 1;
        }
    }

    fn taken(&mut self) -> Vec<(ClaimClass, Bucket)> {
        let taken = std::mem::take(&mut self.taken).into_iter();
        taken.filter_map(|class| Some((class.clone(), self.buckets.get(&class)?.clone()))).collect()
    }

    fn all(&mut self, now: Time) -> Vec<(ClaimClass, Bucket)> {
        self.drop_full(now);
        self.buckets.iter().map(|(class, bucket)| (class.clone(), bucket.clone())).collect()
    }
}

impl Shard {
    /// Records what is left of the buckets that let somebody in.
    ///
    /// Crash: the record is in the batch that lets them in; both or neither.
    pub(super) fn note_let_in(&mut self, now: Time, out: &mut Output) {
        let taken = self.classes.limits.taken();
        self.write_buckets(now, taken, out);
    }

    /// Writes the buckets again that are not full, for the next recovery reads nothing before the
    /// checkpoint; returns the last position that the checkpoint may have.
    pub(super) fn keep_buckets(&mut self, now: Time, out: &mut Output) -> u64 {
        let (before, all) = (self.seq, self.classes.limits.all(now));
        let none = all.is_empty();
        self.write_buckets(now, all, out);
        if none { u64::MAX } else { before }
    }

    fn write_buckets(&mut self, now: Time, all: Vec<(ClaimClass, Bucket)>, out: &mut Output) {
        for some in all.chunks(LIMITED_RECORD) {
            self.shard_record(now, &ShardRecord::LetIn(some.to_vec()), out);
        }
    }
}

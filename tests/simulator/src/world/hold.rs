//! How a node stands to a shard: without it, on the way to it, or serving it.

use crate::judges::fold::Print;
use sagaflow_core::id::{RunId, ShardId};
use sagaflow_core::port::{Batch, Lease};
use sagaflow_core::run::RunState;
use sagaflow_core::shard::{Effect, Output, Shard};
use sagaflow_core::time::Time;

/// How a node stands to a shard.
pub(super) enum Hold {
    /// It stands by.
    Away,
    /// It asked for the lease.
    Asking { op: u64 },
    /// It has the lease, and reads.
    Reading { op: u64, lease: Lease },
    /// It has folded the shard, and commits its fence record.
    Fencing(Box<Fencing>),
    /// It serves.
    Serving(Box<Serving>),
    /// It has handed the shard over, and gives the lease back.
    Leaving,
}

/// A shard between its fold and its fence.
pub(super) struct Fencing {
    pub(super) op: u64,
    pub(super) lease: Lease,
    pub(super) shard: Shard,
    pub(super) effects: Vec<Effect>,
    pub(super) sent: i64,
    pub(super) rows: usize,
}

/// A batch on its way, and what it holds back.
pub(super) struct Flight {
    pub(super) op: u64,
    pub(super) batch: Batch,
    pub(super) effects: Vec<Effect>,
    pub(super) heard: Vec<usize>,
    pub(super) prints: Vec<Print>,
    pub(super) sent: i64,
}

/// A shard that is served.
pub(super) struct Serving {
    pub(super) lease: Lease,
    pub(super) shard: Shard,
    /// Until when calls may leave, by the node's own clock.
    pub(super) gate: i64,
    pub(super) pending: Output,
    /// Requests whose answers are in `pending`.
    pub(super) heard: Vec<usize>,
    pub(super) prints: Vec<Print>,
    pub(super) flight: Option<Flight>,
    /// Time never steps back for the shard.
    pub(super) now: Time,
    /// Rows since the last checkpoint.
    pub(super) rows: usize,
    /// When it is told the time next, and which of the tellings that is.
    pub(super) tick: Option<(Time, u64)>,
    /// A renewal under way, and when it was sent.
    pub(super) renewal: Option<(u64, i64)>,
    /// It looks for messages.
    pub(super) reading: bool,
    /// Its node stops: it hands over when all is committed.
    pub(super) leaving: bool,
    pub(super) handed_over: bool,
}

impl Serving {
    pub(super) fn new(fencing: Fencing, gate: i64) -> Self {
        let Fencing { lease, shard, rows, .. } = fencing;
        Self {
            lease,
            shard,
            gate,
            pending: Output::default(),
            heard: Vec::new(),
            prints: Vec::new(),
            flight: None,
            now: Time(i64::MIN),
            rows,
            tick: None,
            renewal: None,
            reading: false,
            leaving: false,
            handed_over: false,
        }
    }
}

/// The states in memory behind the records of an output.
pub(super) fn prints(shard: &Shard, out: &Output) -> Vec<Print> {
    let mut last: Vec<(RunId, u64)> = Vec::new();
    for row in &out.batch.rows {
        let Some(run) = row.run else { continue };
        last.retain(|(other, _)| *other != run);
        last.push((run, row.number));
    }
    let state = |(run, number): (RunId, u64)| {
        let state = shard.run(run)?;
        (state.number() == number && !state.changed()).then(|| Print::of(run, state))
    };
    last.into_iter().filter_map(state).collect()
}

/// All states in memory, for comparing them with the fold.
pub(super) fn states(shard: &Shard) -> impl Iterator<Item = (RunId, &RunState)> {
    shard.runs().filter(|(_, state)| !state.changed())
}

/// The number of a shard as an index.
pub(super) fn index(shard: ShardId) -> usize {
    usize::try_from(shard.0).unwrap_or(usize::MAX)
}

//! What the engine asks of a store: ownership, one fenced batch per shard at a time, and reading.
//!
//! One method is one transaction. A batch commits whole or not at all; it is refused unless epoch,
//! owner and the position before it are what the store holds. Bodies are opaque to the store; what
//! it may index stands beside them. Every adapter passes the same conformance suite
//! (`sagaflow_store::conformance`).

use crate::id::{RunId, ShardId};
use crate::time::Time;
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// The current right to write a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The shard.
    pub shard: ShardId,
    /// Grows with every acquisition.
    pub epoch: u64,
    /// Fresh for every acquisition.
    pub owner: Uuid,
}

/// One journal row: one record of one run (or of the shard itself, where `run` is none).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRow {
    /// Position in the shard, without gaps.
    pub seq: u64,
    /// Hour of the store's clock at admission to the journal; never decreasing in a shard.
    pub bucket: u32,
    /// Retention class.
    pub class: u8,
    /// Whose record.
    pub run: Option<RunId>,
    /// The record's number within its run, from 1; 0 for the shard's own.
    pub number: u64,
    /// Codec tag and bytes (`journal::encode`), with their checksum.
    pub body: Vec<u8>,
}

/// A start key, kept as long as its run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Namespace.
    pub namespace: String,
    /// Qualified workflow name (keys are scoped to it over all versions).
    pub workflow: String,
    /// The key, as canonical text.
    pub key: String,
    /// The run it started.
    pub run: RunId,
    /// Hash of the canonical input.
    pub fingerprint: [u8; 32],
}

/// What names a start key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyName {
    /// Namespace.
    pub namespace: String,
    /// Qualified workflow name.
    pub workflow: String,
    /// The key, as canonical text.
    pub key: String,
}

/// The look-up row of a run, and its snapshot where it has one.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    /// The run.
    pub run: RunId,
    /// Namespace.
    pub namespace: String,
    /// Qualified workflow name.
    pub workflow: String,
    /// Version.
    pub version: u32,
    /// Hash of the meaning it is pinned to.
    pub hash: String,
    /// Key as text, where it has one.
    pub key: Option<String>,
    /// Status word of `semantics`, with flags beside it in `flags`.
    pub status: String,
    /// Flags, sorted.
    pub flags: Vec<String>,
    /// Admission.
    pub started_at: Time,
    /// End.
    pub ended_at: Option<Time>,
    /// When it may be deleted.
    pub expires_at: Option<Time>,
    /// Earliest timer.
    pub due_at: Option<Time>,
    /// Position of the last record folded into `snapshot`.
    pub upto: u64,
    /// The whole state; absent rows are folded from the journal.
    pub snapshot: Option<Vec<u8>>,
}

/// A value by which a run is found (`index by`), kept as long as the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedRow {
    /// Namespace.
    pub namespace: String,
    /// What it is looked for by; a run has one value of each name.
    pub name: String,
    /// The value, as canonical text.
    pub value: String,
    /// The run.
    pub run: RunId,
}

/// Something a person may have to look at: a human task or question, a review, a dead letter.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemRow {
    /// Stable id, unique in the store.
    pub id: String,
    /// `task`, `review`, `dead_letter`.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// The run it belongs to, where it has one.
    pub run: Option<RunId>,
    /// Open items are listed.
    pub open: bool,
    /// When it appeared, or was closed.
    pub at: Time,
    /// What it says.
    pub body: serde_json::Value,
}

/// An event kept at its home until no unfinished run could still want it, and for deduplication.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRow {
    /// Stable id: the sender's key, or the emitting record's position.
    pub id: String,
    /// Namespace.
    pub namespace: String,
    /// Qualified event name.
    pub event: String,
    /// Its key, as text.
    pub key: String,
    /// Number at its home, growing.
    pub number: u64,
    /// Stamp of the store's clock at its insert.
    pub at: Time,
    /// Payload.
    pub payload: serde_json::Value,
}

/// What names the events that one wait is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventName {
    /// Namespace.
    pub namespace: String,
    /// Qualified event name.
    pub event: String,
    /// Its key, as text.
    pub key: String,
}

/// A shard begins or ends to be told of the events of one name, whose home is another shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitRow {
    /// Which events.
    pub name: EventName,
    /// Whether it wants them from now on, or not any more.
    pub wanted: bool,
}

/// Where a message between shards comes from, and its place among all that come from there: compared
/// in this order, it only grows.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Source {
    /// The shard that sent it.
    pub shard: ShardId,
    /// The epoch under which it was sent.
    pub epoch: u64,
    /// The last position of its shard when it was decided.
    pub seq: u64,
    /// Which of those decided at that position.
    pub index: u32,
}

impl Source {
    /// At or before every source.
    pub const FIRST: Self = Self { shard: ShardId(0), epoch: 0, seq: 0, index: 0 };
    /// At or after every source.
    pub const LAST: Self =
        Self { shard: ShardId(u32::MAX), epoch: u64::MAX, seq: u64::MAX, index: u32::MAX };
}

/// A message from one shard to another. It is written by the batch that decided it, and deleted by
/// the batch of its receiver that holds what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// The shard it is for.
    pub to: ShardId,
    /// Where it comes from; with `to` it names the message.
    pub from: Source,
    /// Codec tag and bytes (`journal::encode`), with their checksum.
    pub body: Vec<u8>,
}

/// Everything one shard decided in one commit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Position before this batch: compared by the fence.
    pub prev: u64,
    /// Records in order of position.
    pub rows: Vec<JournalRow>,
    /// New start keys.
    pub keys: Vec<KeyRow>,
    /// Look-up rows and snapshots, one per run.
    pub runs: Vec<RunRow>,
    /// Values by which runs are found. What is there already stays: one is written again where nobody
    /// knows whether it was.
    pub indexed: Vec<IndexedRow>,
    /// Items, one per id.
    pub items: Vec<ItemRow>,
    /// Events taken in.
    pub events: Vec<EventRow>,
    /// What this shard wants to be told of, one row per name.
    pub waits: Vec<WaitRow>,
    /// Messages to other shards.
    pub sent: Vec<MessageRow>,
    /// Messages to this shard that need not be shown to it again.
    pub taken: Vec<Source>,
    /// Moves the position from which recovery reads.
    pub checkpoint: Option<u64>,
    /// At or before this position every event that went out for a topic is there, or set aside.
    pub emitted: Option<u64>,
}

impl Batch {
    /// Position after this batch.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.rows.last().map_or(self.prev, |row| row.seq)
    }

    /// What makes this batch one that no store may write, after a batch that ended in `bucket`:
    /// positions with gaps, a bucket that steps back, a checkpoint that is not written yet, or events
    /// said to be sent that are not.
    #[must_use]
    pub fn flaw(&self, bucket: u32) -> Option<String> {
        let mut before = (self.prev, bucket);
        for row in &self.rows {
            let (prev, bucket) = before;
            if prev.checked_add(1) != Some(row.seq) {
                return Some(format!("position {} follows {prev}", row.seq));
            }
            if row.bucket < bucket {
                return Some(format!("bucket {} follows {bucket}", row.bucket));
            }
            before = (row.seq, row.bucket);
        }
        let beyond = |position: &u64| *position > self.last();
        if let Some(checkpoint) = self.checkpoint.filter(beyond) {
            let last = self.last();
            return Some(format!("checkpoint {checkpoint} is beyond the last position {last}"));
        }
        let emitted = self.emitted.filter(beyond)?;
        Some(format!("events up to {emitted} are beyond the last position {}", self.last()))
    }
}

/// What recovery reads after an acquisition, in a statement of its own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tail {
    /// Recovery starts after this position.
    pub checkpoint: u64,
    /// Last position written.
    pub last: u64,
    /// Last bucket written.
    pub bucket: u32,
    /// Events for topics that went out after this position may not be there yet.
    pub emitted: u64,
    /// Rows after the checkpoint, by position.
    pub rows: Vec<JournalRow>,
    /// Rows of runs that have not ended.
    pub runs: Vec<RunRow>,
    /// Events still kept.
    pub events: Vec<EventRow>,
    /// The events of other shards that this one wants to be told of.
    pub waits: Vec<EventName>,
}

impl Tail {
    /// Runs without a row among `runs` of which a record cannot be read: each has begun and has no row
    /// yet, or it has ended. The store's row tells which; whoever recovers asks for it, and forgets
    /// those that have ended.
    #[must_use]
    pub fn doubtful(&self) -> BTreeSet<RunId> {
        let open: BTreeSet<_> = self.runs.iter().map(|row| row.run).collect();
        let damaged = self.rows.iter().filter(|row| !crate::journal::is_sound(&row.body));
        damaged.filter_map(|row| row.run).filter(|run| !open.contains(run)).collect()
    }

    /// Leaves the records of a run out.
    pub fn forget(&mut self, run: RunId) {
        self.rows.retain(|row| row.run != Some(run));
    }
}

/// Who holds a shard, by the store's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnerRow {
    /// The shard.
    pub shard: ShardId,
    /// Epoch of the last acquisition; 0 where there was none.
    pub epoch: u64,
    /// The node that holds it, or held it when its lease ran out; none after a release.
    pub node: Option<Uuid>,
    /// Whether its lease is current: nobody else can acquire the shard.
    pub live: bool,
}

/// What a node says of itself to the others on its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    /// The node: fresh for every start of its process.
    pub node: Uuid,
    /// Where others reach its API.
    pub address: String,
    /// What it can run, each as `name@version#hash`.
    pub workflows: Vec<String>,
    /// The oldest and the newest format of records that it reads.
    pub formats: (u32, u32),
    /// Whether it is about to leave and takes no more shards.
    pub draining: bool,
}

/// Events that programs take in, by qualified name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Those that start a workflow by themselves.
    pub starts: BTreeSet<String>,
    /// Those that a run waits for, or that interrupt it.
    pub waits: BTreeSet<String>,
}

/// What was declared of the programs of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// All of it.
    pub all: Interest,
    /// How long ago it last grew, by the store's clock; none where one process has the store.
    pub age: Option<Duration>,
}

impl Interest {
    /// Of a store that had runs before it was told what they may want.
    pub const ANYTHING: &str = "*";

    /// Whether it says what nobody wants.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.waits.contains(Self::ANYTHING)
    }

    /// Adds one event.
    pub fn add(&mut self, event: String, waits: bool) {
        let which = if waits { &mut self.waits } else { &mut self.starts };
        which.insert(event);
    }

    /// Whether it has all of another one.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let starts = |event| self.starts.contains(event) || self.waits.contains(event);
        other.starts.iter().all(starts) && other.waits.is_subset(&self.waits)
    }
}

/// Filters of a listing; unset ones do not filter.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Namespace.
    pub namespace: String,
    /// Qualified or short workflow name.
    pub workflow: Option<String>,
    /// Status word.
    pub status: Option<String>,
    /// Key.
    pub key: Option<String>,
    /// Names and values by which runs are found, all of them, in `namespace`.
    pub indexed: Vec<(String, String)>,
    /// Started at or after.
    pub since: Option<Time>,
    /// Continue after this run (listing is newest first).
    pub after: Option<RunId>,
    /// At most this many.
    pub limit: u32,
}

/// Why a store did not do it, named by what the caller does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another owner has the shard, or the position is not what was expected: drop its memory.
    #[error("shard `{shard}` is fenced: {cause}")]
    Fenced {
        /// The shard.
        shard: u32,
        /// What did not match.
        cause: String,
    },
    /// Somebody else holds an unexpired lease.
    #[error("the store is held by another process: {0}")]
    Held(String),
    /// Nothing was done; try again later.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// It may or may not have been done: bump the own epoch, read the tail.
    #[error("the outcome of a commit is unknown: {0}")]
    Unknown(String),
    /// The store is newer than this program, or not a store of ours: nothing was touched.
    #[error("{0}")]
    Refused(String),
    /// The store's own data is damaged.
    #[error("the store is corrupt: {0}")]
    Corrupt(String),
}

/// Answer of a store.
pub type Result<T> = std::result::Result<T, Error>;

/// Bound: how long an event is kept at least, whether or not a run could want it: a sender that
/// repeats itself within this time is recognised.
pub const EVENT_KEPT_MS: i64 = 7 * 86_400_000;

/// Bound: how long an item of no run is kept after it was closed; one of a run goes with its run.
pub const ITEM_KEPT_MS: i64 = 7 * 86_400_000;

/// A store of runs.
pub trait Store: Send + Sync + 'static {
    /// Number of shards, fixed when the store was made.
    fn shards(&self) -> u32;

    /// Takes the lease of a free or expired shard, with a grown epoch and a fresh owner. The
    /// process that holds a lease may take it again, which fences what it has under way (that is
    /// how it settles a commit whose outcome it does not know).
    ///
    /// # Errors
    /// [`Error::Held`] where another process holds it.
    fn acquire(&self, shard: ShardId) -> impl Future<Output = Result<Lease>> + Send;

    /// Reads what recovery needs. Called after `acquire` returned, never in its statement.
    fn tail(&self, lease: Lease) -> impl Future<Output = Result<Tail>> + Send;

    /// Commits a batch under its lease. It may be dropped before it has answered: the batch is then
    /// written whole or not at all, now or a little later, and the tail after the next acquisition
    /// tells which. It is shared, not copied: whoever may have to send it again keeps it, and a store
    /// lets go of it before it answers.
    ///
    /// # Errors
    /// [`Error::Fenced`] and [`Error::Unavailable`] promise that nothing was written;
    /// [`Error::Unknown`] promises nothing.
    fn commit(
        &self,
        lease: Lease,
        batch: impl Into<Arc<Batch>> + Send,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Messages for a shard that have not been taken, in order of their sources, at most `limit`; from
    /// the first one behind `after` on, where that is given.
    ///
    /// Order: what one shard sends becomes readable in the order of its sources, because its batches
    /// do; a page therefore holds no message of a shard while an earlier one of that shard is missing.
    fn inbox(
        &self,
        shard: ShardId,
        after: Option<Source>,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<MessageRow>>> + Send;

    /// Which shards want to be told of events, by name, in the order of the names.
    ///
    /// Order: a shard that wants to be told commits that first and reads what is kept then
    /// ([`Store::events`]); the home commits the event first and asks who wants it then. Whichever
    /// comes first, the event is seen by one of the two.
    fn waits(&self, names: &[EventName]) -> impl Future<Output = Result<Vec<Vec<ShardId>>>> + Send;

    /// Events kept at a home that came at `since` or later, with a number above `after`, in order of
    /// number, at most `limit`.
    fn events(
        &self,
        home: ShardId,
        name: &EventName,
        since: Time,
        after: u64,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<EventRow>>> + Send;

    /// Adds to what programs take in of this store, for ever, and answers all of it: an event that is
    /// not in it can be wanted by no run that was ever admitted.
    fn interest(&self, add: &Interest) -> impl Future<Output = Result<Declared>> + Send;

    /// Which of these shards have messages waiting, in order: one look for a whole node.
    fn mail(&self, shards: &[ShardId]) -> impl Future<Output = Result<Vec<ShardId>>> + Send;

    /// How long a lease lasts without renewal; none where it is held until it is released.
    fn ttl(&self) -> Option<Duration>;

    /// Renews these leases at once, and answers the shards that are not ours any more. A commit
    /// renews its lease too. A lease that ran out and that nobody took since is renewed.
    fn renew(&self, leases: &[Lease]) -> impl Future<Output = Result<Vec<ShardId>>> + Send;

    /// Every shard and who holds it, by the store's clock, in order.
    fn owners(&self) -> impl Future<Output = Result<Vec<OwnerRow>>> + Send;

    /// Announces this node, and answers those that are live, in order: announced within the time
    /// that a lease lasts, this one included.
    fn announce(&self, node: &NodeRow) -> impl Future<Output = Result<Vec<NodeRow>>> + Send;

    /// Withdraws a node; one that is not announced is left alone.
    fn withdraw(&self, node: Uuid) -> impl Future<Output = Result<()>> + Send;

    /// Gives the lease back; one that is no longer current is left alone.
    fn release(&self, lease: Lease) -> impl Future<Output = Result<()>> + Send;

    /// The store's clock.
    fn now(&self) -> impl Future<Output = Result<Time>> + Send;

    /// The run a key started.
    fn key(
        &self,
        namespace: &str,
        workflow: &str,
        key: &str,
    ) -> impl Future<Output = Result<Option<KeyRow>>> + Send;

    /// The runs that several keys started, in the order of the names.
    fn keys(&self, names: &[KeyName]) -> impl Future<Output = Result<Vec<Option<KeyRow>>>> + Send {
        async move {
            let mut rows = Vec::with_capacity(names.len());
            for KeyName { namespace, workflow, key } in names {
                rows.push(self.key(namespace, workflow, key).await?);
            }
            Ok(rows)
        }
    }

    /// One run's row.
    fn run(&self, run: RunId) -> impl Future<Output = Result<Option<RunRow>>> + Send;

    /// Runs, newest first, without their snapshots.
    fn runs(&self, filter: &RunFilter) -> impl Future<Output = Result<Vec<RunRow>>> + Send;

    /// A run's journal rows after record `number`, in order, at most `limit`.
    fn history(
        &self,
        run: RunId,
        after: u64,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<JournalRow>>> + Send;

    /// A shard's journal rows after position `after` and not after `upto`, in order, at most `limit`:
    /// what its owner reads again of the events that may not be in their topics yet.
    fn journal(
        &self,
        shard: ShardId,
        after: u64,
        upto: u64,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<JournalRow>>> + Send;

    /// Items of a kind, oldest first, open ones only unless `all`.
    fn items(
        &self,
        namespace: &str,
        kind: &str,
        all: bool,
        after: Option<&str>,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<ItemRow>>> + Send;

    /// One item.
    fn item(&self, id: &str) -> impl Future<Output = Result<Option<ItemRow>>> + Send;

    /// Deletes ended runs that expired before `before` with all that is theirs; returns how many.
    ///
    /// A run with a record after its shard's checkpoint stays, so that a tail has no gaps, and one
    /// with a record whose events may not be in their topics yet. With them go events that were kept
    /// for [`EVENT_KEPT_MS`] and are older than every unfinished run of their namespace, items of no
    /// run that were closed [`ITEM_KEPT_MS`] ago, and the shards' own records that neither of the two
    /// still needs.
    fn expire(&self, before: Time, limit: u32) -> impl Future<Output = Result<u64>> + Send;
}

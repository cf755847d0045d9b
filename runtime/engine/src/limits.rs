//! Every bound of the driver, in one table, each with its reason.

use std::time::Duration;

/// Requests from outside that wait for a shard.
/// Bound: more than a shard decides in a second; beyond it callers are told to come back.
pub const INBOX: usize = 4_096;

/// Outcomes that wait for a shard; a call that has ended holds on until there is room.
pub const OUTCOMES: usize = 4_096;

/// Inputs that are decided before a commit is sent.
/// Bound: the width of a batch; what came later is the next one.
pub const BATCH_INPUTS: usize = 2_048;

/// Outcomes, and then requests, that are taken in before the loop looks again whether a batch can be
/// sent or has landed.
/// Bound: some milliseconds of work, about as long as a commit.
pub const GATHER: usize = 64;

/// Bytes of records in one batch, after which nothing more is taken in until it has committed.
pub const BATCH_BYTES: usize = 1024 * 1024;

/// First and longest pause between two tries to commit while the store is away.
pub const STORE_BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// History entries that a slow watcher may fall behind before it has to read them from the store.
pub const FEED: usize = 1_024;

/// Runs whose end is kept for whoever comes to wait for it a moment later.
/// Bound: with [`ENDED_BYTES`], some MB.
pub const ENDED: usize = 1_024;

/// The largest state that is kept so.
pub const ENDED_BYTES: usize = 8 * 1024;

/// For how long; later the store is read.
pub const ENDED_FOR: Duration = Duration::from_secs(2);

/// Records of one run that are folded or shown at once.
pub const HISTORY_PAGE: u32 = 500;

/// Calls in flight in one process.
/// Bound: each holds a socket; the rest wait their turn before their `within` begins.
pub const CALLS: usize = 1_024;

/// Listings of runs at once.
///
/// Bound: half of the connections by which an embedded store is read.
pub const LISTINGS: usize = 2;

/// How long another one waits for its turn.
pub const LISTING_WAIT: Duration = Duration::from_secs(5);

/// How long a shutdown waits for calls in flight.
pub const SHUTDOWN: Duration = Duration::from_secs(10);

/// How long a caller waits for a recorded decision before it is told to ask again.
pub const DECISION: Duration = Duration::from_secs(5);

/// Inputs answered "later" that are still told about.
/// Bound: as many as may wait for a decision at once, and the last ones that did.
pub const INPUTS: usize = 2 * INBOX;

/// Rows after which a shard is checkpointed.
/// Bound: twice as many are what a recovery reads beside the snapshots.
pub const CHECKPOINT_ROWS: usize = 2_000;

/// Time after which it is, where there are fewer.
pub const CHECKPOINT: Duration = Duration::from_secs(5);

/// Time between two looks for ended runs whose time is over.
pub const KEEPING: Duration = Duration::from_secs(60);

/// Runs deleted in one transaction.
/// Bound: commits wait behind it.
pub const KEEPING_RUNS: u32 = 200;

/// Start keys looked up in one statement.
/// Bound: what a statement of the store holds.
pub const KEYS_AT_ONCE: usize = 256;

/// How long a shard is asked whether it knows a run, before the store is read.
pub const LOOK: Duration = Duration::from_millis(100);

/// Time between two announcements of a node; shorter where leases are.
/// Bound: how old an address that requests are sent on to may be.
pub const ANNOUNCE: Duration = Duration::from_secs(1);

/// Time between two tries of a node that stands by to take the lease.
/// Bound: what a takeover adds to the time that a lease lasts.
pub const STAND_BY: Duration = Duration::from_millis(250);

/// Time after which a renewal that failed is tried again.
pub const RENEW_AGAIN: Duration = Duration::from_millis(250);

/// Messages of one look into a shard's inbox.
/// Bound: what they cause is in the batches of one transition after the other; more would hold it.
pub const MAIL: u32 = 1_024;

/// Starts from messages that a shard has in hand before it takes more from its tray: their keys are being
/// looked up.
/// Bound: a page of the inbox must have room for others beside them.
pub const IN_HAND: usize = 768;

/// Messages on the tray of a shard, and their bytes; what is beyond is read from the store.
/// Bound: what one process holds in memory of what another one could read as well.
pub const TRAY: usize = 4_096;
/// See [`TRAY`].
pub const TRAY_BYTES: usize = 4 * 1024 * 1024;

/// How long a batch of a partition waits for shards that are behind with their messages, and how often
/// it looks.
/// Bound: partitions go on slowly where a shard stays behind, which may have a reason of its own.
pub const CROWDED: Duration = Duration::from_millis(100);
/// See [`CROWDED`].
pub const CROWDED_LOOK: Duration = Duration::from_millis(2);

/// How often a node looks for messages that other nodes have sent to its shards.
/// Bound: one statement for all shards of a node; a message within a node needs none.
pub const MAIL_LOOK: Duration = Duration::from_millis(100);

/// How often a node reads what the programs of its store take in.
pub const INTEREST_LOOK: Duration = Duration::from_millis(500);

/// How long what it has read is good for; then anything may be wanted.
/// Bound: a few looks, so that one that is slow costs nothing.
pub const KNOWN_FOR: Duration = Duration::from_secs(2);

/// How old the last addition to what programs take in has to be before a node runs anything while others
/// are at work.
/// Bound: longer than [`KNOWN_FOR`], by [`DECIDED_FOR`] and what clocks may be wrong by.
pub const NEW_INTEREST: Duration = Duration::from_secs(5);

/// How long after a reading has run out a batch that was decided by it may still be sent again.
/// Bound: an event that it left out must not become durable long after a run that would want it began.
pub const DECIDED_FOR: Duration = Duration::from_secs(2);

/// How often a store is asked at the start before it counts as away.
pub const STARTING: u32 = 5;

/// Events of one page, where a shard reads what their home keeps.
pub const EVENTS_PAGE: u32 = 1_000;

/// How long a node leaves a shard alone that it has given back for another one to take.
/// Bound: the other one looks every [`ANNOUNCE`]; if it does not take it, the shard must not stay free.
pub const GIVEN: Duration = Duration::from_secs(3);

/// How long it is tried to let go of a lease whose shard could not be recovered.
pub const LET_GO: Duration = Duration::from_secs(1);

/// How often it is tried to give a lease back, which is safe to repeat.
/// Bound: after that others wait until it has run out.
pub const GIVE_BACK: u32 = 4;

/// How often somebody who waits for a run of another node looks into the store.
pub const WAIT_LOOK: Duration = Duration::from_millis(250);

/// How long a request may wait for its answer, a record until the store has it, or an outcome until it is
/// taken in, while a [`CROWD`] does; beyond it new starts are refused with a time.
/// Bound: whoever is told to come back can; whoever waits for seconds has gone away by then. Several
/// commits, so that load can make them wide first.
pub const WAIT_BUDGET: Duration = Duration::from_millis(250);

/// Requests, records and outcomes from which on waiting means too much work, and not a pause of another
/// kind such as a recovery.
pub const CROWD: usize = 256;

/// The longest time, in ms, for which starts are refused before the next look at how long they wait.
pub const PRESSED_MS: i64 = 1_000;

/// Runs of batches of one partition that may be under way; then it is read no further.
/// Bound: each holds its batch, of up to [`GATHERED_BYTES`] as it was read.
pub const BATCHES: usize = 64;

/// How often a partition that waits for a shard with too much work looks whether it has less.
pub const PRESSED_LOOK: Duration = Duration::from_millis(50);

/// How often a node looks for new partitions of topics; one that is not to be had is asked for again as
/// a store is.
/// Bound: one request for each topic of a node.
pub const TOPIC_LOOK: Duration = Duration::from_secs(30);

/// How long a node takes it that a topic is not to be had, once the brokers have said so.
/// Bound: all its shards ask for the same ones.
pub const TOPIC_MISSED: Duration = Duration::from_secs(1);

/// Records of one batch of a partition, those that nobody can read with them; one that would have more
/// is closed early.
/// Bound: letters and events in one commit.
pub const GATHERED: usize = 10_000;

/// Bytes of the records of one batch of a partition; one that would have more is closed early.
/// Bound: the input of one run, which is in its records and in the memory of its shard. A record that
/// has more is a batch of its own.
pub const GATHERED_BYTES: usize = 1024 * 1024;

/// Time after which a partition is tried again that a person has to look at.
pub const STOPPED: Duration = Duration::from_secs(60);

/// Events of one shard that wait for the brokers in memory; more are read from the journal later.
/// Bound: with [`FLYING`], what an outage of the brokers takes of the memory, for each shard.
pub const OUTGOING: usize = 1_024;

/// Events of one shard that the brokers have not acknowledged.
pub const FLYING: usize = 1_024;

/// Records of one page, where events are read again that may not be in their topics.
pub const JOURNAL_PAGE: u32 = 500;

/// How often it is recorded up to where events are in their topics.
/// Bound: what is sent twice after a crash, against a commit for it where there is no other.
pub const EMITTED: Duration = Duration::from_millis(250);

/// How long a person who has an event sent again waits for the brokers.
/// Bound: below what clients wait for an answer.
pub const SENT_AGAIN: Duration = Duration::from_secs(10);

//! Every bound of the pure core, in one table, each with its reason.

/// Moves one run may make within one record.
/// Bound: a program that moves on without a durable point would otherwise hold its shard for ever.
pub const MOVES_PER_RECORD: u32 = 10_000;

/// Branches of one fork.
/// Bound: each is a fiber in memory and a part of the state; the compiler warns above 100 (F0408).
pub const BRANCHES: u32 = 10_000;

/// Events delivered within one transition of the shard; the rest follows with the next.
/// Bound: runs that answer each other's events must not hold the shard.
pub const DELIVERIES: usize = 1_024;

/// How long the id of an event is remembered, in ms.
/// Bound: senders retry for hours, not for days; memory grows with it.
pub const EVENT_DEDUPE_MS: i64 = 24 * 3_600_000;

/// Recoveries with the same open intent before a run is dead-lettered.
/// Bound: a step that kills its process must not take the others with it again and again, and a node
/// that is killed from outside while a run happens to start alone must not have that run set aside.
pub const RECOVERIES: u32 = 10;

/// Recoveries from which on a run starts alone, counted by its own record just before.
/// Bound: two shared crashes are chance; from the third on the one to blame has to be found.
pub const SUSPECT: u32 = 3;

/// Effects of a run that its dead letters can name; of more the oldest are only counted.
/// Bound: a run may go on for years, and its state must not grow with all it has done.
pub const EFFECTS: usize = 512;

/// How long a run is kept that could not be read and was terminated, in ms.
/// Bound: what it says about its own retention cannot be read either.
pub const DAMAGED_KEPT_MS: i64 = 90 * 86_400_000;

/// Attempts of an undo before the run is flagged `undo_late`.
pub const UNDO_LATE_ATTEMPTS: u32 = 10;

/// Time of an undo before the run is flagged `undo_late`, in ms.
pub const UNDO_LATE_MS: i64 = 10 * 60_000;

/// Pause after refused credentials where the service has no breaker, in ms.
/// Bound: they are repaired by a person; asking more often only fills the service's log.
pub const CREDENTIALS_PAUSE_MS: i64 = 15_000;

/// Pause of a call whose breaker an operator holds open, in ms.
/// Bound: whoever closes it lets waiting calls go at once; this is for steps with a deadline.
pub const HELD_OPEN_MS: i64 = 60_000;

/// A read with a longer `within` is recorded before it is sent, in ms.
/// Bound: doing it again after a crash must be cheap.
pub const QUICK_READ_MS: i64 = 2_000;

/// How long a run that is running may be without a row of its own: it is found by its id and its key,
/// and is in no list.
/// Bound: what a person who looks at a list would call at once.
pub const UNLISTED_MS: i64 = 500;

/// Attempts at a probe where the step's own policy has fewer.
/// Bound: a write that may not be repeated is tried once, but asking costs nothing.
pub const PROBES: u32 = 3;

/// Starts that may wait for one key to be looked up.
/// Bound: identical requests in flight; more than that is a client gone wild.
pub const STARTS_PER_KEY: usize = 1_024;

/// People who may wait for one review to be looked up.
/// Bound: as with starts; more than that is a script gone wild.
pub const RESOLVERS_PER_REVIEW: usize = 1_024;

/// Lines of history that may wait for a record, two for each quick read.
/// Bound: a loop that only reads would otherwise lose all its progress in a crash, and grow for ever.
pub const UNRECORDED: usize = 32;

/// Turns under `limit` and `concurrency` that are granted at once; the next ones follow in a batch of their own.
/// Bound: one batch of the store.
pub const GRANTS: usize = 256;

/// Claims that one message of a census holds.
/// Bound: some 100 KB.
pub const CLAIMS: usize = 500;

/// Classes of one `limit` whose homes are on one shard and that have not all of it left; a class beyond
/// them waits until one is full again.
/// Bound: each is written again with every checkpoint, some 200 bytes, for as long as its window.
pub const LIMITED: usize = 10_000;

/// Those of them that one record holds.
/// Bound: some 100 KB.
pub const LIMITED_RECORD: usize = 500;

/// Values by which one run is found.
/// Bound: as many as the compiler takes; each is a row of the store.
pub const INDEXED: usize = 8;

/// Bytes of such a value as it is kept; a longer one finds nothing.
/// Bound: an entry of an index; what people look for is an id, a number or a name.
pub const INDEXED_BYTES: usize = 256;

/// Starts from messages that ask for a place at once; the others stay in the inbox until then.
/// Bound: each waits for a message of the class's home.
pub const ASKING: usize = 128;

/// Runs of one shard that may wait for their turn; callers who start more are asked to come back.
/// Bound: each is held in memory, some 10 KB. What events start is admitted all the same, for a topic
/// that is not read may hold what those in flight wait for.
pub const QUEUED: usize = 10_000;

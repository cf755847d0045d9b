//! One schema of a Postgres server, shared by several nodes.
//!
//! ```text
//!  commit ─┐                    ┌─ one statement: fence, insert what joins it ─► acknowledge all
//!  commit ─┼─► queue ─► writer ─┤
//!  commit ─┘   (bounded)  task  └─ what arrives meanwhile is the next group
//!
//!  acquire, renew, tail, run, history … ─► connections, one statement each, never behind the writer
//! ```
//!
//! A shard is held by a lease: a row with an epoch that only grows, a fresh owner, and an end by the
//! server's clock. A lease that ran out may be taken by any node; the one before it is fenced from
//! then on, whatever it has under way.
//!
//! Every use of the server is one statement in a task of its own, so a caller that goes away leaves
//! no connection in the middle of anything, and nothing is done in two steps that a crash could part.

mod commit;
mod connect;
mod connections;
mod expire;
mod failure;
mod leases;
mod migrate;
mod options;
mod table;
mod writer;

#[cfg(test)]
pub(crate) mod tests;

pub use options::PostgresOptions;

use crate::desk::Desk;
use crate::held::Held;
use connect::{Connector, unavailable};
use connections::Connections;
use failure::{Failure, read_error};
use leases::Leases;
use options::Schema;
use sagaflow_core::id::{RunId, ShardId};
use sagaflow_core::port::{
    Batch, Declared, Error, EventName, EventRow, Interest, ItemRow, JournalRow, KeyName, KeyRow,
    Lease, MessageRow, NodeRow, OwnerRow, Result, RunFilter, RunRow, Source, Store, Tail,
};
use sagaflow_core::time::Time;
use sqlx::postgres::PgRow;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use table::{
    Query, event, get, inbox, indexed, int, interest, item, journal, key, node, run, shard, short,
    wait,
};
use uuid::Uuid;
use writer::Writer;

/// Bound: connections that no reader takes, so that leases are kept while many read; two, because many
/// shards may be taken over at once.
const LEASE_CONNECTIONS: u32 = 2;

/// Order: downwards. A cast rounds, and half of the times would say what has not come yet.
const NOW: &str = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/// A store in one schema of a Postgres server. Clones share it.
#[derive(Clone)]
pub struct Postgres {
    writer: Writer,
    desk: Desk,
    readers: Connections,
    /// For leases, nodes and the clock.
    keepers: Connections,
    schema: Schema,
    leases: Arc<Leases>,
    node: Uuid,
    again: bool,
    ttl: Duration,
    shards: u32,
}

/// Why a statement gave no answer.
enum Lost {
    /// It never left.
    Unsent(Error),
    /// It may have been done.
    Sent(sqlx::Error),
    /// Nobody answered in time.
    Unanswered,
}

impl From<Lost> for Failure {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Unsent(error) => Self::NotDone(error),
            Lost::Sent(error) => error.into(),
            Lost::Unanswered => Self::Unknown("the server does not answer".to_owned()),
        }
    }
}

impl Postgres {
    /// Makes the schema or moves it to this program's version, as a role that may: the owner's act,
    /// once before the nodes of a new version start.
    ///
    /// # Errors
    /// [`Error::Refused`] where the schema is not ours, is newer than this program, or the role may
    /// not change it; [`Error::Unavailable`] where the server cannot be reached.
    pub async fn migrate(options: &PostgresOptions) -> Result<()> {
        let options = options.clone();
        detached(async move { migrate::migrate(&options).await }).await?
    }

    /// Gives a role what a node needs on the migrated schema, and no more.
    ///
    /// # Errors
    /// [`Error::Refused`] where there is no such role or schema.
    pub async fn grant(options: &PostgresOptions, role: &str) -> Result<()> {
        let (options, role) = (options.clone(), role.to_owned());
        detached(async move { migrate::grant(&options, &role).await }).await?
    }

    /// Opens a store that was migrated. Nothing of it is touched.
    ///
    /// # Errors
    /// [`Error::Refused`] where the server could lose what it acknowledged, is a standby or too old,
    /// or the schema is not one that this program knows; [`Error::Unavailable`] where the server
    /// cannot be reached.
    pub async fn open(options: PostgresOptions) -> Result<Self> {
        detached(Self::opened(options)).await?
    }

    async fn opened(options: PostgresOptions) -> Result<Self> {
        let (address, schema) = options.checked()?;
        let leases = Arc::new(Leases::default());
        let connector = Arc::new(Connector::new(address, schema.clone(), Arc::clone(&leases)));
        let mut conn = connector.connect().await?;
        let shards = migrate::look(&mut conn, &schema).await?;
        let readers = Connections::new(&connector, options.readers);
        let keepers = Connections::new(&connector, LEASE_CONNECTIONS);
        let (asked, named) = (readers.clone(), schema.clone());
        let desk = Desk::start(move |names| {
            let (asked, query) = (asked.clone(), key::read_many(&named, &names));
            async move { key::decode_many(&asked.rows(query).await.map_err(unread)?, &names) }
        });
        let PostgresOptions { node, again, ttl, .. } = options;
        let writer = Writer::start(connector, Arc::clone(&leases), ttl, conn);
        Ok(Self { writer, desk, readers, keepers, schema, leases, node, again, ttl, shards })
    }

    /// Counts the commits that held batches, each of one shard or of several.
    #[must_use]
    pub fn commits(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.writer.commits)
    }

    /// A statement that changes nothing.
    async fn read(&self, query: Query) -> Result<Vec<PgRow>> {
        self.readers.rows(query).await.map_err(unread)
    }

    /// One that leases hang on: it waits for no reader.
    async fn ask(&self, query: Query) -> Result<Vec<PgRow>> {
        self.keepers.rows(query).await.map_err(unread)
    }

    /// A statement that changes something, and that leases hang on as well.
    async fn change(&self, query: Query) -> Result<Vec<PgRow>> {
        self.keepers.rows(query).await.map_err(unchanged)
    }

    async fn shard(&self, shard: ShardId) -> Result<shard::ShardRow> {
        let rows = self.read(shard::read(&self.schema, &[shard])).await?;
        let row = rows.first();
        let row = row.ok_or_else(|| Error::Refused(format!("there is no shard `{}`", shard.0)))?;
        shard::ShardRow::decode(row)
    }

    async fn fence(&self, lease: Lease) -> Result<Held> {
        self.leases.current(lease)?;
        let held = self.shard(lease.shard).await?.held;
        match held.mismatch(lease) {
            None => Ok(held),
            Some(cause) => Err(Error::Fenced { shard: lease.shard.0, cause }),
        }
    }

    fn ttl_ms(&self) -> i64 {
        i64::try_from(self.ttl.as_millis()).unwrap_or(i64::MAX)
    }
}

fn unread(lost: Lost) -> Error {
    match lost {
        Lost::Unsent(error) => error,
        Lost::Sent(error) => read_error(error),
        Lost::Unanswered => Error::Unavailable("the server does not answer".to_owned()),
    }
}

fn unchanged(lost: Lost) -> Error {
    match Failure::from(lost) {
        Failure::Constraint(cause) => Error::Corrupt(cause),
        failure => failure.error(0),
    }
}

/// Runs to its end whatever becomes of the caller.
async fn detached<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T> {
    let done = tokio::spawn(work).await;
    done.map_err(|error| Error::Unavailable(format!("a task of the store stopped: {error}")))
}

impl Store for Postgres {
    fn shards(&self) -> u32 {
        self.shards
    }

    /// Crash: the grown epoch is on the disk or it is not; nobody has been told of it, and the next
    /// acquisition grows it again.
    async fn acquire(&self, shard: ShardId) -> Result<Lease> {
        if i32::try_from(shard.0).is_err() {
            return Err(Error::Refused(format!("there is no shard `{}`", shard.0)));
        }
        let owner = Uuid::now_v7();
        let (mine, changes) = self.leases.acquiring(shard, owner);
        let query = sqlx::query(self.schema.sql(shard::ACQUIRE))
            .bind(short(shard.0))
            .bind(owner)
            .bind(self.node)
            .bind(self.ttl_ms())
            .bind(mine)
            .bind(self.again);
        let rows = self.change(query).await?;
        let Some(row) = rows.first() else {
            return Err(Error::Held(self.shard(shard).await?.holder));
        };
        let lease = Lease { shard, epoch: table::uint(row, 0)?, owner };
        self.leases.acquired(lease, changes)?;
        Ok(lease)
    }

    /// Order: statements of their own, after the acquisition was answered, each seeing what was
    /// committed before it began. In the acquisition's own statement a batch that it waited for would
    /// not be seen.
    async fn tail(&self, lease: Lease) -> Result<Tail> {
        let before = self.fence(lease).await?;
        let rows = self.read(journal::after(&self.schema, lease.shard, before.checkpoint)).await?;
        let runs = self.read(run::open(&self.schema, lease.shard)).await?;
        let events = self.read(event::kept(&self.schema, lease.shard)).await?;
        let waits = self.read(wait::told(&self.schema, lease.shard)).await?;
        // Order: only the holder of the lease writes the shard, so an unchanged fence row after the
        // reads proves that all of them saw one state.
        let after = self.fence(lease).await?;
        if after != before {
            let cause = "it was written while its tail was read".to_owned();
            return Err(Error::Fenced { shard: lease.shard.0, cause });
        }
        Ok(Tail {
            checkpoint: after.checkpoint,
            last: after.last,
            bucket: after.bucket,
            emitted: after.emitted,
            rows: rows.iter().map(journal::decode).collect::<Result<_>>()?,
            runs: runs.iter().map(run::decode).collect::<Result<_>>()?,
            events: events.iter().map(event::decode).collect::<Result<_>>()?,
            waits: waits.iter().map(wait::decode_told).collect::<Result<_>>()?,
        })
    }

    async fn commit(&self, lease: Lease, batch: impl Into<Arc<Batch>> + Send) -> Result<()> {
        self.writer.commit(lease, batch.into()).await
    }

    async fn inbox(
        &self,
        shard: ShardId,
        after: Option<Source>,
        limit: u32,
    ) -> Result<Vec<MessageRow>> {
        let rows = self.read(inbox::read(&self.schema, shard, after, limit)).await?;
        rows.iter().map(inbox::decode).collect()
    }

    async fn waits(&self, names: &[EventName]) -> Result<Vec<Vec<ShardId>>> {
        let rows = self.read(wait::waits(&self.schema, names)).await?;
        wait::decode_waits(&rows, names.len())
    }

    async fn events(
        &self,
        home: ShardId,
        name: &EventName,
        since: Time,
        after: u64,
        limit: u32,
    ) -> Result<Vec<EventRow>> {
        let query = event::named(&self.schema, home, name, (since, after, limit));
        self.read(query).await?.iter().map(event::decode).collect()
    }

    /// Crash: what was added stays, and wants no more than it did.
    async fn interest(&self, add: &Interest) -> Result<Declared> {
        if *add != Interest::default() {
            self.change(interest::add(&self.schema, add)).await?;
        }
        let rows = self.read(interest::all(&self.schema)).await?;
        interest::decode(&rows)
    }

    async fn mail(&self, shards: &[ShardId]) -> Result<Vec<ShardId>> {
        let rows = self.read(inbox::mail(&self.schema, shards)).await?;
        rows.iter().map(inbox::decode_shard).collect()
    }

    fn ttl(&self) -> Option<Duration> {
        Some(self.ttl)
    }

    /// Crash: the leases are renewed or they are not; the shards are the same.
    async fn renew(&self, leases: &[Lease]) -> Result<Vec<ShardId>> {
        let fresh: Vec<&Lease> =
            leases.iter().filter(|lease| self.leases.current(**lease).is_ok()).collect();
        let query = sqlx::query(self.schema.sql(shard::RENEW))
            .bind(fresh.iter().map(|lease| short(lease.shard.0)).collect::<Vec<_>>())
            .bind(fresh.iter().map(|lease| int(lease.epoch)).collect::<Vec<_>>())
            .bind(fresh.iter().map(|lease| lease.owner).collect::<Vec<_>>())
            .bind(self.ttl_ms());
        let rows = self.change(query).await?;
        let renewed = rows.iter().map(shard::lease).collect::<Result<Vec<_>>>()?;
        let lost = |lease: &&Lease| !renewed.contains(lease);
        Ok(leases.iter().filter(lost).map(|lease| lease.shard).collect())
    }

    async fn owners(&self) -> Result<Vec<OwnerRow>> {
        let rows = self.ask(sqlx::query(self.schema.sql(shard::OWNERS))).await?;
        rows.iter().map(shard::owner_row).collect()
    }

    /// Crash: what is announced without a life behind it counts for one time of a lease at most.
    async fn announce(&self, node: &NodeRow) -> Result<Vec<NodeRow>> {
        let rows = self.change(node::announce(&self.schema, node, self.ttl)).await?;
        rows.iter().map(node::decode).collect()
    }

    /// Crash: as for an announcement.
    async fn withdraw(&self, node: Uuid) -> Result<()> {
        self.change(node::withdraw(&self.schema, node)).await.map(drop)
    }

    /// Crash: the lease stays where it was, and runs out.
    async fn release(&self, lease: Lease) -> Result<()> {
        let query = sqlx::query(self.schema.sql(shard::RELEASE))
            .bind(short(lease.shard.0))
            .bind(int(lease.epoch))
            .bind(lease.owner);
        self.change(query).await.map(drop)
    }

    async fn now(&self) -> Result<Time> {
        let rows = self.ask(sqlx::query(NOW)).await?;
        let row = rows.first().ok_or_else(|| unavailable(&"the server has no clock"))?;
        Ok(Time(get(row, 0)?))
    }

    async fn key(&self, namespace: &str, workflow: &str, key: &str) -> Result<Option<KeyRow>> {
        let name = (namespace, workflow, key);
        let rows = self.read(key::read(&self.schema, name)).await?;
        rows.first().map(|row| key::decode(row, name)).transpose()
    }

    async fn keys(&self, names: &[KeyName]) -> Result<Vec<Option<KeyRow>>> {
        self.desk.keys(names).await
    }

    async fn run(&self, run: RunId) -> Result<Option<RunRow>> {
        let rows = self.read(run::read(&self.schema, run)).await?;
        rows.first().map(run::decode).transpose()
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>> {
        let query = match filter.indexed.len() {
            0 => run::list(&self.schema, filter),
            1 => indexed::find(&self.schema, filter, 0),
            _ => {
                let rows = self.read(indexed::rarest(&self.schema, filter)).await?;
                let place = rows.first().map_or(Ok(1), |row| table::get::<i64>(row, 0))?;
                indexed::find(&self.schema, filter, table::small::<usize>(place - 1)?)
            }
        };
        let rows = self.read(query).await?;
        rows.iter().map(run::decode).collect()
    }

    async fn history(&self, run: RunId, after: u64, limit: u32) -> Result<Vec<JournalRow>> {
        let rows = self.read(journal::history(&self.schema, run, after, limit)).await?;
        rows.iter().map(journal::decode).collect()
    }

    async fn journal(
        &self,
        shard: ShardId,
        after: u64,
        upto: u64,
        limit: u32,
    ) -> Result<Vec<JournalRow>> {
        let rows = self.read(journal::between(&self.schema, shard, (after, upto), limit)).await?;
        rows.iter().map(journal::decode).collect()
    }

    async fn items(
        &self,
        namespace: &str,
        kind: &str,
        all: bool,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ItemRow>> {
        let query = item::list(&self.schema, (namespace, kind), all, after, limit);
        self.read(query).await?.iter().map(item::decode).collect()
    }

    async fn item(&self, id: &str) -> Result<Option<ItemRow>> {
        let rows = self.read(item::read(&self.schema, id)).await?;
        rows.first().map(item::decode).transpose()
    }

    async fn expire(&self, before: Time, limit: u32) -> Result<u64> {
        let expired = self.readers.rows(expire::expire(&self.schema, before, limit)).await;
        let rows = expired.map_err(unchanged)?;
        rows.first().map_or(Ok(0), |row| table::uint(row, 0))
    }
}

//! One statement for a group of batches: the fence, and everything that joins it.
//!
//! Promises: each batch is written whole or not at all; a batch is refused alone, its neighbours are
//! not; an answer is given only after the server has said that the statement's transaction ended.
//!
//! Why the fence holds: the statement locks the shard's row before it judges it, and an acquisition
//! updates the same row. Either this statement is first, and the acquisition waits, so that the tail
//! which the new owner then reads shows the batch; or the acquisition is first, and under READ
//! COMMITTED the row is judged again as the acquisition left it, does not pass, and nothing that
//! joins it is written.

use super::failure::Failure;
use super::options::Schema;
use super::table::shard::{self, ShardRow};
use super::table::{indexed, int, short};
use crate::weight::{flags, sources};
use sagaflow_core::id::{RunId, ShardId};
use sagaflow_core::port::{
    Batch, Error, EventName, EventRow, IndexedRow, ItemRow, JournalRow, KeyRow, Lease, MessageRow,
    Result, RunRow, Source,
};
use sqlx::postgres::{PgBindIterExt as _, PgHasArrayType};
use sqlx::{AssertSqlSafe, Encode, PgConnection, Row as _, Type};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Order: the rows of shards are locked in the order of shards, as by every statement that locks
/// several, because two that lock them in different orders can wait for each other.
///
/// The position lies in the row that is locked anyway, so that the fence is one look-up however long
/// the journal is; the update stays on the row's page and leaves nothing to vacuum. It renews the
/// lease for nothing.
///
/// What is taken is found in the inbox one by one, through its key: a plan made while the inbox was empty
/// would rather read all of it, and go on doing so when a receiver was away for a day. Only the holder of
/// the fenced row deletes there, so a place that was found is still that row's.
pub(super) const COMMIT: &str = "WITH asked AS MATERIALIZED ( \
     SELECT * FROM unnest($1::integer[], $2::bigint[], $3::uuid[], $4::bigint[], $5::bigint[], \
     $6::integer[], $7::integer[], $8::bigint[], $76::bigint[]) \
     AS a (shard, epoch, owner, prev, last, first_bucket, last_bucket, checkpoint, emitted) \
     ), held AS MATERIALIZED ( \
     SELECT s.shard FROM {schema}.shard AS s JOIN asked AS a ON s.shard = a.shard \
     AND s.epoch = a.epoch AND s.owner = a.owner AND s.last = a.prev \
     AND s.bucket <= a.first_bucket ORDER BY s.shard FOR NO KEY UPDATE OF s \
     ), fence AS ( \
     UPDATE {schema}.shard AS s SET last = a.last, bucket = greatest(s.bucket, a.last_bucket), \
     checkpoint = greatest(s.checkpoint, a.checkpoint), \
     emitted = greatest(s.emitted, a.emitted), \
     lease_until = clock_timestamp() + $9::bigint * interval '1 millisecond' \
     FROM held JOIN asked AS a USING (shard) WHERE s.shard = held.shard RETURNING s.shard \
     ), j AS ( \
     INSERT INTO {schema}.journal (shard, seq, bucket, class, run, number, body) \
     SELECT r.* FROM unnest($10::integer[], $11::bigint[], $12::integer[], $13::smallint[], \
     $14::uuid[], $15::bigint[], $16::bytea[]) \
     AS r (shard, seq, bucket, class, run, number, body) JOIN fence USING (shard) \
     ), k AS ( \
     INSERT INTO {schema}.start_key (namespace, workflow, key, run, fingerprint) \
     SELECT r.namespace, r.workflow, r.key, r.run, r.fingerprint FROM unnest($17::integer[], \
     $18::text[], $19::text[], $20::text[], $21::uuid[], $22::bytea[]) \
     AS r (shard, namespace, workflow, key, run, fingerprint) JOIN fence USING (shard) \
     ), n AS ( \
     INSERT INTO {schema}.run (shard, run, namespace, workflow, version, hash, key, status, flags, \
     started_at, ended_at, expires_at, due_at, upto, snapshot) \
     SELECT r.* FROM unnest($23::integer[], $24::uuid[], $25::text[], $26::text[], $27::bigint[], \
     $28::text[], $29::text[], $30::text[], $31::text[], $32::bigint[], $33::bigint[], \
     $34::bigint[], $35::bigint[], $36::bigint[], $37::bytea[]) \
     AS r (shard, run, namespace, workflow, version, hash, key, status, flags, started_at, \
     ended_at, expires_at, due_at, upto, snapshot) JOIN fence USING (shard) \
     ON CONFLICT (run) DO UPDATE SET shard = excluded.shard, namespace = excluded.namespace, \
     workflow = excluded.workflow, version = excluded.version, hash = excluded.hash, \
     key = excluded.key, status = excluded.status, flags = excluded.flags, \
     started_at = excluded.started_at, ended_at = excluded.ended_at, \
     expires_at = excluded.expires_at, due_at = excluded.due_at, upto = excluded.upto, \
     snapshot = excluded.snapshot \
     ), i AS ( \
     INSERT INTO {schema}.item (id, kind, namespace, run, open, at, body) \
     SELECT r.id, r.kind, r.namespace, r.run, r.open, r.at, r.body FROM unnest($38::integer[], \
     $39::text[], $40::text[], $41::text[], $42::uuid[], $43::boolean[], $44::bigint[], \
     $45::text[]) AS r (shard, id, kind, namespace, run, open, at, body) JOIN fence USING (shard) \
     ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, namespace = excluded.namespace, \
     run = excluded.run, open = excluded.open, at = excluded.at, body = excluded.body \
     ), e AS ( \
     INSERT INTO {schema}.event (shard, namespace, event, id, whole_id, key, number, at, payload) \
     SELECT r.* FROM unnest($46::integer[], $47::text[], $48::text[], $49::text[], $50::text[], \
     $51::text[], $52::bigint[], $53::bigint[], $54::text[]) \
     AS r (shard, namespace, event, id, whole_id, key, number, at, payload) \
     JOIN fence USING (shard) ON CONFLICT (shard, namespace, event, id) DO NOTHING \
     ), m AS ( \
     INSERT INTO {schema}.inbox (shard, src_shard, src_epoch, src_seq, src_index, body) \
     SELECT r.receiver, r.src_shard, r.src_epoch, r.src_seq, r.src_index, r.body \
     FROM unnest($55::integer[], $56::integer[], $57::integer[], $58::bigint[], $59::bigint[], \
     $60::integer[], $61::bytea[]) \
     AS r (shard, receiver, src_shard, src_epoch, src_seq, src_index, body) \
     JOIN fence USING (shard) ON CONFLICT (shard, src_shard, src_epoch, src_seq, src_index) \
     DO UPDATE SET body = excluded.body \
     ), t AS ( \
     DELETE FROM {schema}.inbox AS i USING ( \
     SELECT x.place FROM unnest($62::integer[], $63::integer[], $64::bigint[], $65::bigint[], \
     $66::integer[]) AS r (shard, src_shard, src_epoch, src_seq, src_index) \
     JOIN fence USING (shard) CROSS JOIN LATERAL ( \
     SELECT o.ctid AS place FROM {schema}.inbox AS o WHERE o.shard = r.shard \
     AND o.src_shard = r.src_shard AND o.src_epoch = r.src_epoch AND o.src_seq = r.src_seq \
     AND o.src_index = r.src_index LIMIT 1) AS x) AS d WHERE i.ctid = d.place \
     ), w AS ( \
     INSERT INTO {schema}.wait (namespace, event, key, shard, whole_key) \
     SELECT r.namespace, r.event, r.key, r.shard, r.whole_key FROM unnest($67::integer[], \
     $68::text[], $69::text[], $70::text[], $71::text[]) \
     AS r (shard, namespace, event, key, whole_key) JOIN fence USING (shard) \
     ON CONFLICT (namespace, event, key, shard) DO NOTHING \
     ), u AS ( \
     DELETE FROM {schema}.wait AS i USING ( \
     SELECT x.place FROM unnest($72::integer[], $73::text[], $74::text[], $75::text[]) \
     AS r (shard, namespace, event, key) JOIN fence USING (shard) CROSS JOIN LATERAL ( \
     SELECT o.ctid AS place FROM {schema}.wait AS o WHERE o.namespace = r.namespace \
     AND o.event = r.event AND o.key = r.key AND o.shard = r.shard LIMIT 1) AS x) AS d \
     WHERE i.ctid = d.place \
     ), x AS ( \
     INSERT INTO {schema}.indexed (run, name, namespace, value) \
     SELECT r.run, r.name, r.namespace, r.value FROM unnest($77::integer[], $78::uuid[], \
     $79::text[], $80::text[], $81::text[]) AS r (shard, run, name, namespace, value) \
     JOIN fence USING (shard) ON CONFLICT (run, name) DO NOTHING \
     ) SELECT shard FROM fence";

/// A batch and who waits for its outcome.
pub(super) struct Waiting {
    pub lease: Lease,
    pub batch: Arc<Batch>,
    /// Dropped unanswered only if the writer dies.
    pub reply: oneshot::Sender<Result<()>>,
}

/// What a batch writes over.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Run(RunId),
    Item(String),
}

impl Waiting {
    /// Answers; a caller that has gone away learns it from the tail. Order: the batch is let go of
    /// first, so that its sender has it alone.
    pub fn answer(self, answer: Result<()>) {
        let Self { batch, reply, .. } = self;
        drop(batch);
        let _ = reply.send(answer);
    }

    pub fn fenced(self, cause: String) {
        let shard = self.lease.shard.0;
        self.answer(Err(Error::Fenced { shard, cause }));
    }

    /// Runs and items that it writes over: a statement may name each once.
    pub fn targets(&self) -> impl Iterator<Item = Target> {
        let runs = self.batch.runs.iter().map(|row| Target::Run(row.run));
        runs.chain(self.batch.items.iter().map(|row| Target::Item(row.id.clone())))
    }

    /// What no server could write, or would write as something else.
    pub fn flaw(&self) -> Option<String> {
        let batch = &self.batch;
        let large = |value: u64| i64::try_from(value).is_err();
        let wide = |value: u32| i32::try_from(value).is_err();
        let unnumbered = |from: Source| {
            wide(from.shard.0) || large(from.epoch) || large(from.seq) || wide(from.index)
        };
        let beyond = large(batch.last())
            || large(batch.prev)
            || large(self.lease.epoch)
            || batch.rows.iter().any(|row| large(row.number) || wide(row.bucket))
            || batch.runs.iter().any(|row| large(row.upto))
            || batch.events.iter().any(|row| large(row.number))
            || batch.sent.iter().any(|row| wide(row.to.0))
            || sources(batch).any(unnumbered);
        let beyond = beyond.then(|| "a position is beyond what a store can number".to_owned());
        batch.flaw(0).or(beyond)
    }
}

/// Sends a group as one statement, [`COMMIT`] in its schema, and answers which shards passed the fence.
///
/// Crash: before the server has said that the statement ended, all of it is written or none, and
/// nobody was answered; after that it is on the server's disk, and on those of its synchronous
/// standbys.
pub(super) async fn send(
    conn: &mut PgConnection,
    text: &Arc<str>,
    ttl: Duration,
    group: &[Waiting],
) -> std::result::Result<BTreeSet<ShardId>, Failure> {
    let query = sqlx::query(AssertSqlSafe(Arc::clone(text)));
    let rows = Rows::of(group);
    let query = rows.bind(bind_fence(query, ttl, group));
    let query = query.bind(column(group, |waiting| waiting.batch.emitted.map_or(0, int)));
    let query = rows.bind_indexed(query);
    // Order: a row comes before the transaction's end; all is read up to that end.
    let passed = query.fetch_all(conn).await?;
    let shard = |row: &sqlx::postgres::PgRow| row.try_get::<i32, usize>(0);
    // What cannot be read was written all the same.
    let lost = |error: sqlx::Error| Failure::Unknown(error.to_string());
    let passed: Vec<i32> =
        passed.iter().map(shard).collect::<std::result::Result<_, _>>().map_err(lost)?;
    Ok(passed.into_iter().filter_map(|shard| u32::try_from(shard).ok()).map(ShardId).collect())
}

/// Why each of these batches did not pass, as far as the server can still say.
pub(super) async fn refusals(
    conn: &mut PgConnection,
    schema: &Schema,
    fenced: &[Waiting],
) -> BTreeMap<ShardId, String> {
    let shards: Vec<_> = fenced.iter().map(|waiting| waiting.lease.shard).collect();
    let found = shard::read(schema, &shards).fetch_all(conn).await.unwrap_or_default();
    let rows = found.iter().filter_map(|row| ShardRow::decode(row).ok());
    let rows: BTreeMap<_, _> = rows.map(|row| (row.shard, row)).collect();
    let refusal = |waiting: &Waiting| {
        let row = rows.get(&waiting.lease.shard)?;
        Some((row.shard, row.held.refusal(waiting.lease, &waiting.batch)))
    };
    fenced.iter().filter_map(refusal).collect()
}

type Statement<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// One value of each row as an array, written into the statement's arguments as it is.
fn column<'r, T, U>(
    rows: &'r [T],
    value: impl Fn(&'r T) -> U,
) -> impl Encode<'r, sqlx::Postgres> + Type<sqlx::Postgres>
where
    U: Encode<'r, sqlx::Postgres> + Type<sqlx::Postgres> + PgHasArrayType,
{
    rows.iter().map(value).bind_iter()
}

fn bind_fence<'q>(query: Statement<'q>, ttl: Duration, group: &[Waiting]) -> Statement<'q> {
    let first =
        |waiting: &Waiting| waiting.batch.rows.first().map_or(i32::MAX, |row| short(row.bucket));
    query
        .bind(column(group, |waiting| short(waiting.lease.shard.0)))
        .bind(column(group, |waiting| int(waiting.lease.epoch)))
        .bind(column(group, |waiting| waiting.lease.owner))
        .bind(column(group, |waiting| int(waiting.batch.prev)))
        .bind(column(group, |waiting| int(waiting.batch.last())))
        .bind(column(group, first))
        .bind(column(group, |waiting| waiting.batch.rows.last().map_or(0, |row| short(row.bucket))))
        .bind(column(group, |waiting| waiting.batch.checkpoint.map_or(0, int)))
        .bind(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX))
}

/// What a group writes, table by table. Where a statement may name a row only once, the last one
/// stands for all, and of events the first.
struct Rows<'a> {
    journal: Vec<(i32, &'a JournalRow)>,
    keys: Vec<(i32, &'a KeyRow)>,
    runs: Vec<(i32, &'a RunRow)>,
    indexed: Vec<(i32, &'a IndexedRow)>,
    items: Vec<(i32, &'a ItemRow)>,
    events: Vec<(i32, &'a EventRow)>,
    sent: Vec<(i32, &'a MessageRow)>,
    taken: Vec<(i32, Source)>,
    wanted: Vec<(i32, &'a EventName)>,
    unwanted: Vec<(i32, &'a EventName)>,
}

impl<'a> Rows<'a> {
    fn of(group: &'a [Waiting]) -> Self {
        let (mut journal, mut keys) = (Vec::new(), Vec::new());
        let (mut runs, mut items, mut events) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (mut sent, mut taken) = (BTreeMap::new(), BTreeSet::new());
        let (mut waits, mut indexed) = (BTreeMap::new(), BTreeMap::new());
        for Waiting { lease, batch, .. } in group {
            let shard = short(lease.shard.0);
            journal.extend(batch.rows.iter().map(|row| (shard, row)));
            keys.extend(batch.keys.iter().map(|row| (shard, row)));
            runs.extend(batch.runs.iter().map(|row| (row.run, (shard, row))));
            for row in &batch.indexed {
                indexed.entry((row.run, &row.name)).or_insert((shard, row));
            }
            items.extend(batch.items.iter().map(|row| (&row.id, (shard, row))));
            for row in &batch.events {
                let name = (shard, &row.namespace, &row.event, &row.id);
                events.entry(name).or_insert((shard, row));
            }
            sent.extend(batch.sent.iter().map(|row| ((short(row.to.0), row.from), (shard, row))));
            waits.extend(batch.waits.iter().map(|row| ((shard, &row.name), row.wanted)));
            taken.extend(batch.taken.iter().map(|source| (shard, *source)));
        }
        // Order: taken before sent. One statement may not do both to a row, so what is sent again is
        // written over instead.
        taken.retain(|name| !sent.contains_key(name));
        let (runs, items) = (runs.into_values().collect(), items.into_values().collect());
        let (events, sent) = (events.into_values().collect(), sent.into_values().collect());
        let (wanted, unwanted): (Vec<_>, Vec<_>) =
            waits.into_iter().partition(|(_, wanted)| *wanted);
        let names = |rows: Vec<_>| rows.into_iter().map(|(name, _)| name).collect();
        let (wanted, unwanted) = (names(wanted), names(unwanted));
        let taken = taken.into_iter().collect();
        let indexed = indexed.into_values().collect();
        Self { journal, keys, runs, indexed, items, events, sent, taken, wanted, unwanted }
    }

    fn bind<'q>(&self, query: Statement<'q>) -> Statement<'q> {
        let query = query
            .bind(column(&self.journal, |(shard, _)| *shard))
            .bind(column(&self.journal, |(_, row)| int(row.seq)))
            .bind(column(&self.journal, |(_, row)| short(row.bucket)))
            .bind(column(&self.journal, |(_, row)| i16::from(row.class)))
            .bind(column(&self.journal, |(_, row)| row.run.map(|run| run.0)))
            .bind(column(&self.journal, |(_, row)| int(row.number)))
            .bind(column(&self.journal, |(_, row)| row.body.as_slice()))
            .bind(column(&self.keys, |(shard, _)| *shard))
            .bind(column(&self.keys, |(_, row)| row.namespace.as_str()))
            .bind(column(&self.keys, |(_, row)| row.workflow.as_str()))
            .bind(column(&self.keys, |(_, row)| indexed(&row.key)))
            .bind(column(&self.keys, |(_, row)| row.run.0))
            .bind(column(&self.keys, |(_, row)| row.fingerprint.as_slice()));
        let query = self.bind_events(self.bind_items(self.bind_runs(query)));
        self.bind_waits(self.bind_messages(query))
    }

    fn bind_runs<'q>(&self, query: Statement<'q>) -> Statement<'q> {
        query
            .bind(column(&self.runs, |(shard, _)| *shard))
            .bind(column(&self.runs, |(_, row)| row.run.0))
            .bind(column(&self.runs, |(_, row)| row.namespace.as_str()))
            .bind(column(&self.runs, |(_, row)| row.workflow.as_str()))
            .bind(column(&self.runs, |(_, row)| i64::from(row.version)))
            .bind(column(&self.runs, |(_, row)| row.hash.as_str()))
            .bind(column(&self.runs, |(_, row)| row.key.as_deref()))
            .bind(column(&self.runs, |(_, row)| row.status.as_str()))
            .bind(column(&self.runs, |(_, row)| flags(&row.flags)))
            .bind(column(&self.runs, |(_, row)| row.started_at.0))
            .bind(column(&self.runs, |(_, row)| row.ended_at.map(|at| at.0)))
            .bind(column(&self.runs, |(_, row)| row.expires_at.map(|at| at.0)))
            .bind(column(&self.runs, |(_, row)| row.due_at.map(|at| at.0)))
            .bind(column(&self.runs, |(_, row)| int(row.upto)))
            .bind(column(&self.runs, |(_, row)| row.snapshot.as_deref()))
    }

    fn bind_indexed<'q>(&self, query: Statement<'q>) -> Statement<'q> {
        query
            .bind(column(&self.indexed, |(shard, _)| *shard))
            .bind(column(&self.indexed, |(_, row)| row.run.0))
            .bind(column(&self.indexed, |(_, row)| row.name.as_str()))
            .bind(column(&self.indexed, |(_, row)| row.namespace.as_str()))
            .bind(column(&self.indexed, |(_, row)| row.value.as_str()))
    }

    fn bind_items<'q>(&self, query: Statement<'q>) -> Statement<'q> {
        query
            .bind(column(&self.items, |(shard, _)| *shard))
            .bind(column(&self.items, |(_, row)| row.id.as_str()))
            .bind(column(&self.items, |(_, row)| row.kind.as_str()))
            .bind(column(&self.items, |(_, row)| row.namespace.as_str()))
            .bind(column(&self.items, |(_, row)| row.run.map(|run| run.0)))
            .bind(column(&self.items, |(_, row)| row.open))
            .bind(column(&self.items, |(_, row)| row.at.0))
            .bind(column(&self.items, |(_, row)| row.body.to_string()))
    }

    fn bind_events<'q>(&self, query: Statement<'q>) -> Statement<'q> {
        let whole = |row: &'a EventRow| {
            let long = indexed(&row.id) != row.id.as_str();
            long.then_some(row.id.as_str())
        };
        query
            .bind(column(&self.events, |(shard, _)| *shard))
            .bind(column(&self.events, |(_, row)| row.namespace.as_str()))
            .bind(column(&self.events, |(_, row)| row.event.as_str()))
            .bind(column(&self.events, |(_, row)| indexed(&row.id)))
            .bind(column(&self.events, |(_, row)| whole(row)))
            .bind(column(&self.events, |(_, row)| row.key.as_str()))
            .bind(column(&self.events, |(_, row)| int(row.number)))
            .bind(column(&self.events, |(_, row)| row.at.0))
            .bind(column(&self.events, |(_, row)| row.payload.to_string()))
    }

    fn bind_waits<'q>(&self, query: Statement<'q>) -> Statement<'q> {
        let whole = |key: &'a str| (indexed(key) != key).then_some(key);
        query
            .bind(column(&self.wanted, |(shard, _)| *shard))
            .bind(column(&self.wanted, |(_, name)| name.namespace.as_str()))
            .bind(column(&self.wanted, |(_, name)| name.event.as_str()))
            .bind(column(&self.wanted, |(_, name)| indexed(&name.key)))
            .bind(column(&self.wanted, |(_, name)| whole(&name.key)))
            .bind(column(&self.unwanted, |(shard, _)| *shard))
            .bind(column(&self.unwanted, |(_, name)| name.namespace.as_str()))
            .bind(column(&self.unwanted, |(_, name)| name.event.as_str()))
            .bind(column(&self.unwanted, |(_, name)| indexed(&name.key)))
    }

    fn bind_messages<'q>(&self, query: Statement<'q>) -> Statement<'q> {
        query
            .bind(column(&self.sent, |(shard, _)| *shard))
            .bind(column(&self.sent, |(_, row)| short(row.to.0)))
            .bind(column(&self.sent, |(_, row)| short(row.from.shard.0)))
            .bind(column(&self.sent, |(_, row)| int(row.from.epoch)))
            .bind(column(&self.sent, |(_, row)| int(row.from.seq)))
            .bind(column(&self.sent, |(_, row)| short(row.from.index)))
            .bind(column(&self.sent, |(_, row)| row.body.as_slice()))
            .bind(column(&self.taken, |(shard, _)| *shard))
            .bind(column(&self.taken, |(_, source)| short(source.shard.0)))
            .bind(column(&self.taken, |(_, source)| int(source.epoch)))
            .bind(column(&self.taken, |(_, source)| int(source.seq)))
            .bind(column(&self.taken, |(_, source)| short(source.index)))
    }
}

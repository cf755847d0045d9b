//! The fence against real concurrency, each beside the wrong form that it is not.

use super::{Schemas, acquire, rows};
use crate::conformance::Harness as _;
use crate::postgres::commit::{self, Waiting};
use crate::postgres::table::shard;
use crate::postgres::{Connector, Leases, Postgres, PostgresOptions};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Batch, Error, Lease, Store as _};
use sqlx::{Connection as _, PgConnection, Row as _};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

const TTL: Duration = Duration::from_secs(10);

impl Schemas {
    pub async fn connection(&self) -> PgConnection {
        let (address, schema) = self.options().checked().expect("sound options");
        let connector = Connector::new(address, schema, Arc::new(Leases::default()));
        connector.connect().await.expect("a connection")
    }

    /// Waits until so many statements wait for a lock in this database.
    pub async fn waiting(&self, statements: usize) {
        let script = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                      AND wait_event_type = 'Lock'";
        for _ in 0..200 {
            if self.psql(script) == statements.to_string() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("there are not {statements} statements that wait");
    }
}

/// A statement inside a transaction that the test ends when it likes.
async fn begin(conn: &mut PgConnection) {
    sqlx::raw_sql("BEGIN").execute(conn).await.expect("a transaction");
}

async fn end(conn: &mut PgConnection) {
    sqlx::raw_sql("COMMIT").execute(conn).await.expect("its end");
}

fn waiting(lease: Lease, batch: Batch) -> Waiting {
    Waiting { lease, batch: Arc::new(batch), reply: tokio::sync::oneshot::channel().0 }
}

async fn send(
    schemas: &Schemas,
    conn: &mut PgConnection,
    group: &[(Lease, Batch)],
) -> BTreeSet<ShardId> {
    let (_, schema) = schemas.options().checked().expect("sound options");
    let group: Vec<_> = group.iter().map(|(lease, batch)| waiting(*lease, batch.clone())).collect();
    commit::send(conn, &schema.sql(commit::COMMIT).0.into(), TTL, &group).await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acquisition_waits_for_a_commit_before_it_and_its_tail_shows_it() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    let one = schemas.fresh().await;
    let two = schemas.open().await;
    let lease = acquire(&one, 1).await;
    schemas.expire_leases();
    let mut conn = schemas.connection().await;
    begin(&mut conn).await;
    assert_eq!(
        send(&schemas, &mut conn, &[(lease, rows(0, 3))]).await,
        BTreeSet::from([ShardId(1)])
    );
    let taking = tokio::spawn({
        let two = two.clone();
        async move { two.acquire(ShardId(1)).await }
    });
    schemas.waiting(1).await;
    assert!(!taking.is_finished(), "it waits for the batch");
    // The commit renewed the lease, so the other node finds it held after all.
    end(&mut conn).await;
    let held = taking.await.expect("no panic");
    assert!(matches!(held, Err(Error::Held(_))), "{held:?}");

    begin(&mut conn).await;
    send(&schemas, &mut conn, &[(lease, rows(3, 2))]).await;
    let retaking = tokio::spawn({
        let one = one.clone();
        async move { one.acquire(ShardId(1)).await }
    });
    schemas.waiting(1).await;
    end(&mut conn).await;
    let lease = retaking.await.expect("no panic").expect("its own");
    assert_eq!(one.tail(lease).await.map(|tail| tail.last), Ok(5), "the tail shows the batch");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_waits_for_an_acquisition_writes_nothing() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    let store = schemas.fresh().await;
    let lease = acquire(&store, 1).await;
    let mut conn = schemas.connection().await;
    begin(&mut conn).await;
    let taken = sqlx::query(sqlx::AssertSqlSafe(
        shard::ACQUIRE.replace("{schema}", &schemas.options().schema),
    ))
    .bind(1_i32)
    .bind(Uuid::from_u128(1))
    .bind(Uuid::from_u128(2))
    .bind(10_000_i64)
    .bind(vec![lease.owner])
    .bind(false)
    .fetch_all(&mut conn)
    .await
    .expect("an acquisition");
    assert_eq!(taken.len(), 1);
    let committing = tokio::spawn({
        let store = store.clone();
        async move { store.commit(lease, rows(0, 3)).await }
    });
    schemas.waiting(1).await;
    end(&mut conn).await;
    let fenced = committing.await.expect("no panic");
    assert!(matches!(fenced, Err(Error::Fenced { .. })), "{fenced:?}");
    assert_eq!(schemas.psql("SELECT count(*) FROM {schema}.journal"), "0");
}

/// The wrong form: a fence that looks without a lock.
#[tokio::test(flavor = "multi_thread")]
async fn a_fence_without_a_lock_lets_a_record_land_behind_the_tail() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    let store = schemas.fresh().await;
    let lease = acquire(&store, 1).await;
    let schema = schemas.options().schema;
    let mut conn = schemas.connection().await;
    begin(&mut conn).await;
    let text = format!(
        "INSERT INTO {schema}.journal (shard, seq, bucket, class, number, body) \
         SELECT shard, 1, 1, 1, 0, '' FROM {schema}.shard WHERE shard = 1 AND epoch = $1"
    );
    let epoch = i64::try_from(lease.epoch).expect("small");
    let written = sqlx::query(sqlx::AssertSqlSafe(text)).bind(epoch).execute(&mut conn).await;
    assert_eq!(written.expect("it passes").rows_affected(), 1);
    let new = acquire(&store, 1).await;
    assert_eq!(
        store.tail(new).await.map(|tail| tail.rows.len()),
        Ok(0),
        "the tail does not show it"
    );
    end(&mut conn).await;
    assert_eq!(store.tail(new).await.map(|tail| tail.rows.len()), Ok(1), "and there it is");
}

/// The wrong form: the tail in the acquiring statement. It sees what was committed before the
/// statement began, and not the batch that the statement waited for.
#[tokio::test(flavor = "multi_thread")]
async fn a_tail_read_in_the_acquiring_statement_misses_the_batch_it_waited_for() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    let store = schemas.fresh().await;
    let lease = acquire(&store, 1).await;
    let schema = schemas.options().schema;
    let (mut writing, mut taking) = (schemas.connection().await, schemas.connection().await);
    begin(&mut writing).await;
    send(&schemas, &mut writing, &[(lease, rows(0, 3))]).await;
    let text = format!(
        "WITH taken AS (UPDATE {schema}.shard SET epoch = epoch + 1 WHERE shard = 1 \
         RETURNING shard) SELECT (SELECT count(*) FROM {schema}.journal JOIN taken USING (shard))"
    );
    let taken = tokio::spawn(async move {
        let row = sqlx::query(sqlx::AssertSqlSafe(text)).fetch_one(&mut taking).await;
        row.and_then(|row| row.try_get::<i64, usize>(0)).expect("a count")
    });
    schemas.waiting(1).await;
    end(&mut writing).await;
    assert_eq!(taken.await.expect("no panic"), 0, "it misses three records that are committed");
    assert_eq!(schemas.psql("SELECT count(*) FROM {schema}.journal"), "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_shards_in_one_statement_the_fenced_one_writes_nothing() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    let store = schemas.fresh().await;
    let (old, other) = (acquire(&store, 1).await, acquire(&store, 2).await);
    let new = acquire(&store, 1).await;
    let mut conn = schemas.connection().await;
    let group = [(old, crate::conformance::full(1)), (other, crate::conformance::full(2))];
    let passed = send(&schemas, &mut conn, &group).await;
    assert_eq!(passed, BTreeSet::from([ShardId(2)]));
    assert_eq!(store.tail(new).await, Ok(sagaflow_core::port::Tail::default()));
    assert_eq!(store.tail(other).await.map(|tail| (tail.last, tail.events.len())), Ok((2, 1)));
    for table in ["start_key", "run", "item", "event", "inbox"] {
        let count = schemas.psql(&format!("SELECT count(*) FROM {{schema}}.{table}"));
        assert_eq!(count, "1", "{table}: nothing of the fenced one");
    }
    conn.close().await.expect("it closes");
}

/// Shards that are written by batches, while all of them are renewed in the other order.
#[tokio::test(flavor = "multi_thread")]
async fn renewals_and_batches_never_wait_for_each_other_in_a_circle() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    let wide = || PostgresOptions { shards: 32, ..schemas.options() };
    Postgres::migrate(&wide()).await.expect("it migrates");
    let store = Postgres::open(wide()).await.expect("it opens");
    let mut leases = Vec::new();
    for shard in 0..32 {
        leases.push(acquire(&store, shard).await);
    }
    let mut writers = tokio::task::JoinSet::new();
    for lease in leases.clone() {
        let store = store.clone();
        writers.spawn(async move {
            for last in 0..20 {
                store.commit(lease, rows(last, 1)).await.expect("a commit");
            }
        });
    }
    leases.reverse();
    let mut renewals = 0;
    while !writers.is_empty() {
        assert_eq!(store.renew(&leases).await, Ok(vec![]));
        renewals += 1;
        while let Some(done) = writers.try_join_next() {
            done.expect("a writer");
        }
    }
    assert!(renewals > 3, "{renewals} renewals met the batches");
    drop(store);
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(schemas.psql(deadlocks), "0");
}

/// The wrong form: locks in the order of the list.
#[tokio::test(flavor = "multi_thread")]
async fn renewals_in_no_order_deadlock() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    drop(schemas.fresh().await);
    let schema = schemas.options().schema;
    let text = format!(
        "WITH held AS MATERIALIZED (SELECT s.shard, pg_sleep(0.3) FROM {schema}.shard AS s \
         JOIN unnest($1::integer[]) WITH ORDINALITY AS a (shard, place) ON s.shard = a.shard \
         ORDER BY a.place FOR NO KEY UPDATE OF s) SELECT count(shard) FROM held"
    );
    let (mut one, mut two) = (schemas.connection().await, schemas.connection().await);
    let lock = async |conn: &mut PgConnection, order: Vec<i32>| {
        let query = sqlx::query(sqlx::AssertSqlSafe(text.clone())).bind(order);
        let error = query.fetch_all(conn).await.err()?;
        error.as_database_error()?.code().map(std::borrow::Cow::into_owned)
    };
    // On a busy machine one may be over before the other begins.
    for _ in 0..20 {
        let both = tokio::join!(lock(&mut one, vec![0, 1, 2, 3]), lock(&mut two, vec![3, 2, 1, 0]));
        match both {
            (None, None) => {}
            (Some(code), None) | (None, Some(code)) => {
                assert_eq!(code, "40P01", "one of them is the victim");
                return;
            }
            both => panic!("{both:?}"),
        }
    }
    panic!("no deadlock: locks need no order any more");
}

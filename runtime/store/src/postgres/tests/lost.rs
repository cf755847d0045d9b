//! Answers that are lost, callers that go away, and a server that dies.

use super::proxy::Proxy;
use super::{Schemas, acquire, rows};
use crate::conformance::Harness as _;
use crate::postgres::{Postgres, PostgresOptions};
use sagaflow_core::id::{RunId, ShardId};
use sagaflow_core::port::{Error, Lease, Store as _};
use sqlx::Connection as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

async fn behind(proxy: &Proxy, schemas: &Schemas) -> Postgres {
    let options = schemas.options();
    let options = PostgresOptions { url: proxy.url(&options.url), ..options };
    Postgres::open(options).await.expect("it opens")
}

/// The batch waits in its backend for a lock, and its answer is lost. What the tail shows after the
/// next acquisition is what stays: the batch is there, or it never comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_in_the_tail_or_never_lands() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    drop(schemas.fresh().await);
    let proxy = Proxy::start(cluster, Duration::ZERO).await;
    let store = behind(&proxy, &schemas).await;
    let mut landed = Vec::new();
    for acquired_first in [false, true] {
        let lease = acquire(&store, 1).await;
        let before = store.tail(lease).await.expect("a tail").last;
        let mut blocker = schemas.connection().await;
        let lock = "BEGIN; SELECT FROM {schema}.shard WHERE shard = 1 FOR UPDATE";
        let lock = lock.replace("{schema}", &schemas.options().schema);
        sqlx::raw_sql(sqlx::AssertSqlSafe(lock)).execute(&mut blocker).await.expect("a lock");
        let taking = || {
            let store = store.clone();
            tokio::spawn(async move { store.acquire(ShardId(1)).await })
        };
        let committing = || {
            let store = store.clone();
            tokio::spawn(async move { store.commit(lease, rows(before, 3)).await })
        };
        let (taking, committing) = if acquired_first {
            let taking = taking();
            schemas.waiting(1).await;
            let committing = committing();
            schemas.waiting(2).await;
            (Some(taking), committing)
        } else {
            let committing = committing();
            schemas.waiting(1).await;
            (None, committing)
        };
        proxy.cut();
        let unknown = committing.await.expect("no panic");
        assert!(matches!(unknown, Err(Error::Unknown(_))), "{unknown:?}");
        if let Some(taking) = taking {
            let unknown = taking.await.expect("no panic");
            assert!(matches!(unknown, Err(Error::Unknown(_))), "{unknown:?}");
        }
        let settling = tokio::spawn({
            let store = store.clone();
            async move { again(&store, 1).await }
        });
        schemas.waiting(if acquired_first { 3 } else { 2 }).await;
        sqlx::raw_sql("COMMIT").execute(&mut blocker).await.expect("the lock is free");
        let lease = settling.await.expect("its own lease, whoever answered");
        // The readers' connections were cut as well, and each of them may say so once.
        let tail = loop {
            match store.tail(lease).await {
                Ok(tail) => break tail.last,
                Err(Error::Unavailable(_)) => {}
                Err(other) => panic!("{other:?}"),
            }
        };
        schemas.waiting(0).await;
        assert_eq!(store.tail(lease).await.map(|tail| tail.last), Ok(tail), "it came later");
        store.commit(lease, rows(tail, 1)).await.expect("the shard goes on from its tail");
        landed.push(tail - before);
        blocker.close().await.expect("it closes");
    }
    assert_eq!(landed, [3, 0], "the one before the acquisition landed, the one behind it did not");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_could_not_be_sent_did_nothing() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    drop(schemas.fresh().await);
    let proxy = Proxy::start(cluster, Duration::ZERO).await;
    let store = behind(&proxy, &schemas).await;
    let lease = acquire(&store, 1).await;
    drop(proxy);
    // The connection that was lost had nothing under way, but nobody can know that, unless it has rested
    // and was asked.
    let first = store.commit(lease, rows(0, 1)).await;
    assert!(matches!(first, Err(Error::Unknown(_) | Error::Unavailable(_))), "{first:?}");
    let second = store.commit(lease, rows(0, 1)).await;
    assert!(matches!(second, Err(Error::Unavailable(_))), "{second:?}");
    let third = store.acquire(ShardId(1)).await;
    assert!(matches!(third, Err(Error::Unavailable(_) | Error::Unknown(_))), "{third:?}");
}

/// The first batch of a node that took over used to meet a connection that had died long before, and
/// nobody could say what had become of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_died_at_rest_is_replaced_before_a_batch_is_sent_on_it() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    drop(schemas.fresh().await);
    let proxy = Proxy::start(cluster, Duration::ZERO).await;
    let store = behind(&proxy, &schemas).await;
    let lease = acquire(&store, 1).await;
    store.commit(lease, rows(0, 1)).await.expect("the writer has its connection");
    proxy.cut();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(store.commit(lease, rows(1, 1)).await, Ok(()));
}

fn idle_in_transaction(schemas: &Schemas) -> String {
    schemas.psql(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND state LIKE 'idle in transaction%'",
    )
}

/// Every kind of call, given up at every point of it.
#[tokio::test(flavor = "multi_thread")]
async fn callers_that_go_away_leave_no_open_transaction() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    drop(schemas.fresh().await);
    let proxy = Proxy::start(cluster, Duration::from_millis(20)).await;
    let store = behind(&proxy, &schemas).await;
    let long = std::env::var(sagaflow_postgres::ALL).as_deref() == Ok("1");
    let (begun, time) = (Instant::now(), Duration::from_secs(if long { 60 } else { 10 }));
    let mut given_up = 0_u64;
    while begun.elapsed() < time {
        let patience = Duration::from_millis(given_up * 7 % 70);
        let shard = u32::try_from(given_up % 4).expect("small");
        let stranger = Lease { shard: ShardId(shard), epoch: 1, owner: uuid::Uuid::nil() };
        let call = async {
            match given_up % 5 {
                0 => drop(store.acquire(ShardId(shard)).await),
                1 => drop(store.commit(stranger, rows(0, 1)).await),
                2 => drop(store.renew(&[stranger]).await),
                3 => drop(store.expire(sagaflow_core::time::Time(1), 1).await),
                _ => drop(store.run(RunId::new(1, 1, [0; 8])).await),
            }
        };
        let _ = tokio::time::timeout(patience, call).await;
        given_up += 1;
        if given_up.is_multiple_of(50) {
            assert_eq!(idle_in_transaction(&schemas), "0", "after {given_up} calls");
        }
    }
    assert!(given_up > 30, "{given_up} calls");
    let lease = acquire(&store, 1).await;
    store.commit(lease, rows(0, 1)).await.expect("it works as before");
    assert_eq!(idle_in_transaction(&schemas), "0");
}

/// The wrong form: a transaction that is begun by whoever may go away.
#[tokio::test(flavor = "multi_thread")]
async fn a_begin_that_is_given_up_leaves_a_transaction_open() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    let proxy = Proxy::start(cluster, Duration::from_millis(20)).await;
    let url = proxy.url(&schemas.options().url);
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(1).test_before_acquire(false);
    let pool = pool.connect(&url).await.expect("a pool");
    for round in 0..100_u64 {
        let patience = Duration::from_millis(1 + round * 3 % 60);
        let _ = tokio::time::timeout(patience, pool.begin()).await;
        tokio::time::sleep(Duration::from_millis(150)).await;
        if idle_in_transaction(&schemas) != "0" {
            return;
        }
    }
    panic!("the library heals itself: beginning in a task of its own is not needed any more");
}

/// The store's own handle lives through it and goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_under_load_loses_nothing_it_acknowledged() {
    let Some(mut cluster) = sagaflow_postgres::private(&[]) else { return };
    let schemas = Schemas::new(&cluster);
    let store = schemas.fresh().await;
    for round in 0..3 {
        let acknowledged = Arc::new([const { AtomicU64::new(0) }; 4]);
        let mut writers = tokio::task::JoinSet::new();
        for shard in 0..4_u32 {
            let lease = acquire(&store, shard).await;
            let mut last = store.tail(lease).await.expect("a tail").last;
            let (store, acknowledged) = (store.clone(), Arc::clone(&acknowledged));
            writers.spawn(async move {
                let mine = acknowledged.get(shard as usize).expect("four");
                loop {
                    match store.commit(lease, rows(last, 7)).await {
                        Ok(()) => last += 7,
                        Err(Error::Unknown(_) | Error::Unavailable(_)) => return,
                        Err(error) => panic!("shard {shard}: {error}"),
                    }
                    mine.store(last, Ordering::SeqCst);
                }
            });
        }
        while acknowledged.iter().any(|last| last.load(Ordering::SeqCst) == 0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        cluster.kill9().expect("killed");
        while let Some(writer) = writers.join_next().await {
            writer.expect("a writer");
        }
        cluster.restart().expect("started");
        for shard in 0..4_u32 {
            let lease = again(&store, shard).await;
            let tail = store.tail(lease).await.expect("a tail");
            let known = acknowledged.get(shard as usize).expect("four").load(Ordering::SeqCst);
            assert!(tail.last >= known, "round {round}: {} of {known}", tail.last);
            assert!(tail.last <= known + 7 && tail.last % 7 == 0, "whole batches: {}", tail.last);
            assert_eq!(tail.rows.len() as u64, tail.last, "without gaps");
        }
    }
}

/// Connections of before the kill are found dead one by one.
async fn again(store: &Postgres, shard: u32) -> Lease {
    for _ in 0..20 {
        match store.acquire(ShardId(shard)).await {
            Ok(lease) => return lease,
            Err(Error::Unavailable(_) | Error::Unknown(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the store does not come back");
}

/// The server comes back as a standby, and is then promoted: its history has branched.
#[tokio::test(flavor = "multi_thread")]
async fn a_failover_fences_the_leases_of_before_and_reuses_no_epoch() {
    let Some(mut cluster) = sagaflow_postgres::private(&[]) else { return };
    let schemas = Schemas::new(&cluster);
    let store = schemas.fresh().await;
    let before = acquire(&store, 1).await;
    store.commit(before, rows(0, 2)).await.expect("a commit");
    cluster.kill9().expect("killed");
    let signal = cluster.folder().expect("a private one").join("data/standby.signal");
    std::fs::write(&signal, "").expect("a file");
    cluster.restart().expect("started");

    let standby = Postgres::open(schemas.options()).await.err();
    let Some(Error::Refused(cause)) = &standby else { panic!("{standby:?}") };
    assert!(cause.contains("standby"), "{cause}");
    for _ in 0..2 {
        let unwritten = store.commit(before, rows(2, 1)).await;
        let known = matches!(unwritten, Err(Error::Unavailable(_) | Error::Unknown(_)));
        assert!(known, "a standby takes nothing: {unwritten:?}");
    }

    assert_eq!(schemas.psql("SELECT pg_promote()"), "t");
    let fenced = store.commit(before, rows(2, 1)).await;
    let Err(Error::Fenced { cause, .. }) = &fenced else { panic!("{fenced:?}") };
    assert!(cause.contains("timeline"), "{cause}");
    assert!(matches!(store.tail(before).await, Err(Error::Fenced { .. })));
    assert_eq!(store.renew(&[before]).await, Ok(vec![ShardId(1)]));
    let after = again(&store, 1).await;
    assert!(before.epoch >> 32 < after.epoch >> 32, "{} after {}", after.epoch, before.epoch);
    assert_eq!(store.tail(after).await.map(|tail| tail.last), Ok(2));
    store.commit(after, rows(2, 1)).await.expect("the shard goes on");
}

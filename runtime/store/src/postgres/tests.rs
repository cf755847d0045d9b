//! The suite over Postgres, and what only a server can do wrong.

use super::{Postgres, PostgresOptions};
use crate::conformance::{self, Harness};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Batch, Error, JournalRow, Lease, Store};
use sagaflow_postgres::{Cluster, Database};
use std::sync::atomic::{AtomicU32, Ordering};

mod cost;
mod fence;
mod lost;
mod proxy;
mod schema;
mod tls;

/// Stores in one database, each in a schema of its own.
pub(crate) struct Schemas {
    database: Database,
    made: AtomicU32,
}

impl Schemas {
    pub fn new(cluster: &Cluster) -> Self {
        Self { database: cluster.fresh().expect("a database"), made: AtomicU32::new(0) }
    }

    /// How to open the store that was made last, as another node.
    pub fn options(&self) -> PostgresOptions {
        let schema = format!("flow_{}", self.made.load(Ordering::Relaxed));
        PostgresOptions { shards: 4, schema, ..PostgresOptions::new(self.database.url()) }
    }

    /// Runs a script, with `{schema}` in the place of the last store's.
    pub fn psql(&self, script: &str) -> String {
        let script = script.replace("{schema}", &self.options().schema);
        self.database.psql(&script).expect("a script")
    }

    pub async fn open(&self) -> Postgres {
        Postgres::open(self.options()).await.expect("it opens")
    }

    /// The leases of dead nodes run out at once.
    pub fn expire_leases(&self) {
        self.psql("UPDATE {schema}.shard SET lease_until = '-infinity'");
    }
}

impl Harness for Schemas {
    type Store = Postgres;

    async fn fresh(&self) -> Postgres {
        self.made.fetch_add(1, Ordering::Relaxed);
        Postgres::migrate(&self.options()).await.expect("it migrates");
        self.open().await
    }

    async fn crash(&self, store: Postgres) -> Postgres {
        drop(store);
        self.expire_leases();
        self.open().await
    }
}

/// Records of a shard itself, after `prev`.
pub(super) fn rows(prev: u64, width: u64) -> Batch {
    let row = |seq| JournalRow {
        seq,
        bucket: 1,
        class: 1,
        run: None,
        number: 0,
        body: vec![u8::try_from(seq % 251).unwrap_or(0); 300],
    };
    Batch { prev, rows: (prev + 1..=prev + width).map(row).collect(), ..Batch::default() }
}

pub(super) async fn acquire(store: &Postgres, shard: u32) -> Lease {
    store.acquire(ShardId(shard)).await.expect("a lease")
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_a_store() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    conformance::all(&Schemas::new(cluster)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_keeps_other_nodes_out_until_it_runs_out() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    let one = schemas.fresh().await;
    let two = schemas.open().await;
    let lease = acquire(&one, 1).await;
    let node = crate::conformance::nodes::node(7);
    one.announce(&sagaflow_core::port::NodeRow { node: one.node, ..node })
        .await
        .expect("announced");
    let held = two.acquire(ShardId(1)).await;
    let Err(Error::Held(who)) = &held else { panic!("{held:?}") };
    let named = who.contains(&one.node.to_string()) && who.contains("http://10.0.0.7:7070");
    assert!(named && who.contains("until 2"), "who and until when: {who}");

    schemas.psql("UPDATE {schema}.shard SET lease_until = clock_timestamp() - interval '1 s'");
    one.commit(lease, rows(0, 1)).await.expect("an expired lease that nobody took still writes");
    let held = two.acquire(ShardId(1)).await;
    assert!(matches!(held, Err(Error::Held(_))), "the commit renewed it: {held:?}");
    schemas.expire_leases();
    assert_eq!(one.renew(&[lease]).await, Ok(vec![]), "so does a renewal");
    assert!(matches!(two.acquire(ShardId(1)).await, Err(Error::Held(_))));
    schemas.expire_leases();
    let taken = acquire(&two, 1).await;
    assert!(taken.epoch > lease.epoch);
    let fenced = one.commit(lease, rows(1, 1)).await;
    assert!(matches!(fenced, Err(Error::Fenced { .. })), "{fenced:?}");
    assert!(matches!(one.acquire(ShardId(1)).await, Err(Error::Held(_))), "it is not ours now");
    two.release(taken).await.expect("a release");
    acquire(&one, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_begins_at_the_timeline_and_never_falls_behind() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    let store = schemas.fresh().await;
    let timeline = schemas.psql("SELECT timeline_id FROM pg_control_checkpoint()");
    let timeline: u64 = timeline.parse().expect("a number");
    assert!(timeline >= 1);
    assert_eq!(acquire(&store, 1).await.epoch, (timeline << 32) + 1);
    schemas.psql("UPDATE {schema}.shard SET epoch = 77::bigint << 32");
    assert_eq!(acquire(&store, 1).await.epoch, (77 << 32) + 1, "it was further");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_says_nothing_for_a_lease_is_not_live() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    let store = schemas.fresh().await;
    let node = crate::conformance::nodes::node;
    store.announce(&node(1)).await.expect("announced");
    schemas.psql("UPDATE {schema}.node SET seen_at = clock_timestamp() - interval '9 s'");
    assert_eq!(store.announce(&node(2)).await, Ok(vec![node(1), node(2)]), "within the time");
    schemas.psql(
        "UPDATE {schema}.node SET seen_at = clock_timestamp() - interval '11 s' \
         WHERE address LIKE '%0.1:%'",
    );
    assert_eq!(store.announce(&node(2)).await, Ok(vec![node(2)]), "too long ago");
    schemas.psql("UPDATE {schema}.node SET seen_at = clock_timestamp() - interval '25 h'");
    assert_eq!(store.announce(&node(3)).await, Ok(vec![node(3)]));
    assert_eq!(schemas.psql("SELECT count(*) FROM {schema}.node"), "1", "the dead go after a day");
}

/// A text that does not compress.
fn long(seed: u32) -> String {
    let letter = |n: u32| (n.wrapping_add(seed).wrapping_mul(2_654_435_761) >> 9) % 26;
    (0..9_000).map(|n| char::from_digit(10 + letter(n), 36).unwrap_or('a')).collect()
}

/// A key may be as long as its writer likes; an index entry may not.
#[tokio::test(flavor = "multi_thread")]
async fn long_keys_and_event_ids_are_kept_and_told_apart() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    let store = schemas.fresh().await;
    let lease = acquire(&store, 1).await;
    let key = |index: u32| sagaflow_core::port::KeyRow {
        namespace: "n".to_owned(),
        workflow: "w".to_owned(),
        key: format!("{}{index}", long(3)),
        run: sagaflow_core::id::RunId::new(1, 1, u64::from(index).to_be_bytes()),
        fingerprint: [1; 32],
    };
    let event = |index: u32| sagaflow_core::port::EventRow {
        id: format!("{}{index}", long(5)),
        namespace: "n".to_owned(),
        event: "e".to_owned(),
        key: long(7),
        number: u64::from(index),
        at: sagaflow_core::time::Time(1),
        payload: serde_json::json!(null),
    };
    let sent = Batch { keys: vec![key(1), key(2)], events: vec![event(1), event(2)], ..rows(0, 1) };
    store.commit(lease, sent).await.expect("a commit");
    for index in [1, 2] {
        let found = store.key("n", "w", &key(index).key).await;
        assert_eq!(found, Ok(Some(key(index))));
    }
    assert_eq!(store.key("n", "w", &key(3).key).await, Ok(None));
    let again = store.commit(lease, Batch { keys: vec![key(2)], ..rows(1, 1) }).await;
    assert!(matches!(again, Err(Error::Fenced { .. })), "taken: {again:?}");
    store.commit(lease, Batch { events: vec![event(2)], ..rows(1, 1) }).await.expect("a commit");
    let tail = store.tail(lease).await.expect("a tail");
    assert_eq!(tail.events, [event(1), event(2)]);
}

/// Text that this server cannot hold breaks one batch, not its neighbours.
#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_no_server_can_hold_is_refused_alone() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    let store = schemas.fresh().await;
    let mut commits = tokio::task::JoinSet::new();
    for shard in 0..4 {
        let lease = acquire(&store, shard).await;
        let item = sagaflow_core::port::ItemRow {
            id: if shard == 2 { "a\0b".to_owned() } else { format!("i{shard}") },
            kind: "task".to_owned(),
            namespace: "n".to_owned(),
            run: None,
            open: true,
            at: sagaflow_core::time::Time(1),
            body: serde_json::json!({ "text": "\u{0}" }),
        };
        let store = store.clone();
        let sent = Batch { items: vec![item], ..rows(0, 1) };
        commits.spawn(async move { (shard, store.commit(lease, sent).await) });
    }
    while let Some(done) = commits.join_next().await {
        let (shard, answer) = done.expect("no panic");
        let fenced = matches!(answer, Err(Error::Fenced { .. }));
        assert_eq!(fenced, shard == 2, "shard {shard}: {answer:?}");
    }
    let item = store.item("i1").await.expect("an item").expect("it is there");
    assert_eq!(item.body, serde_json::json!({ "text": "\u{0}" }));
}

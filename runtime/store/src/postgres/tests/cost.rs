//! What a batch costs, in counts that are the same on every machine.

use super::proxy::Proxy;
use super::{Schemas, acquire, rows};
use crate::conformance::Harness as _;
use crate::postgres::commit;
use crate::postgres::table::{event, inbox, indexed, item, journal, key, run, wait};
use crate::postgres::{Postgres, PostgresOptions};
use crate::short_run::{BODY, short_run};
use sagaflow_core::port::{Batch, Store as _};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_one_round_trip() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    drop(schemas.fresh().await);
    let proxy = Proxy::start(cluster, Duration::ZERO).await;
    let options = schemas.options();
    let options = PostgresOptions { url: proxy.url(&options.url), ..options };
    let store = Postgres::open(options).await.expect("it opens");
    let lease = acquire(&store, 1).await;
    store.commit(lease, rows(0, 1)).await.expect("the first one prepares");
    // What gives a connection back asks once more, behind the caller's back.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = proxy.turns();
    for last in 1..=20 {
        let full = crate::conformance::full(u32::try_from(last).expect("small"));
        let run = full.runs.first().map(|row| row.run);
        let sent = Batch { runs: full.runs, keys: full.keys, ..rows(last, 1) };
        assert!(run.is_some());
        store.commit(lease, sent).await.expect("a commit");
    }
    assert_eq!(proxy.turns() - before, 20, "turns of the client for 20 batches");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_run_leaves_one_dead_row_and_writes_little_log() {
    const RUNS: u64 = 60;
    let Some(cluster) = sagaflow_postgres::private(&["autovacuum=off"]) else { return };
    let schemas = Schemas::new(&cluster);
    let store = schemas.fresh().await;
    let lease = acquire(&store, 1).await;
    schemas.psql("CHECKPOINT");
    let position = || -> u64 {
        let text = schemas.psql("SELECT pg_current_wal_lsn() - '0/0'");
        text.parse().expect("a position")
    };
    // The first writes after a checkpoint of the server log whole pages.
    let mut last = 0;
    for index in 0..RUNS {
        for batch in short_run(index, last) {
            last = batch.last();
            store.commit(lease, batch).await.expect("a commit");
        }
    }
    let begun = position();
    for index in RUNS..2 * RUNS {
        for batch in short_run(index, last) {
            last = batch.last();
            store.commit(lease, batch).await.expect("a commit");
        }
    }
    let record = (position() - begun) / (3 * RUNS);
    println!("{record} bytes of log for a record of {BODY} bytes");
    assert!(record < 1_400, "{record} bytes of log for a record of {BODY} bytes");

    drop(store);
    let statistics = "SELECT n_tup_upd, n_tup_upd - n_tup_hot_upd, n_dead_tup \
                      FROM pg_stat_user_tables WHERE schemaname = '{schema}' AND relname = '";
    let of = |table: &str| schemas.psql(&format!("{statistics}{table}'"));
    // A connection tells its counts when it ends.
    for _ in 0..200 {
        if of("shard").starts_with(&(6 * RUNS + 1).to_string()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let shard = of("shard");
    assert!(
        shard.starts_with(&format!("{}|0|", 6 * RUNS + 1)),
        "every update stays on its page: {shard}"
    );
    let run = of("run");
    assert!(run.starts_with(&format!("{}|", 2 * RUNS)), "one update for each run: {run}");
    for table in ["journal_2", "start_key"] {
        assert_eq!(of(table), "0|0|0", "{table} is only inserted into");
    }
}

/// The plan that a writer keeps is made while the inbox is empty, and has to do when it is full.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_is_found_by_its_key_in_the_plan_of_an_empty_store() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    drop(schemas.fresh().await);
    let values = vec!["NULL"; 81].join(", ");
    let plan = schemas.psql(&format!(
        "SET plan_cache_mode = force_generic_plan; PREPARE q AS {}; \
         EXPLAIN (COSTS OFF) EXECUTE q ({values})",
        commit::COMMIT
    ));
    assert!(plan.contains("Index Scan using inbox_pkey on inbox"), "{plan}");
    assert!(!plan.contains("Seq Scan on inbox"), "{plan}");
}

/// A store with many keys is asked for some: the plan must not read them all.
#[tokio::test(flavor = "multi_thread")]
async fn several_keys_are_looked_up_by_their_index_among_many() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    drop(schemas.fresh().await);
    schemas.psql(
        "INSERT INTO {schema}.start_key SELECT 'n', 'w', 'k' || i, gen_random_uuid(), \
         decode(repeat('00', 32), 'hex') FROM generate_series(1, 20000) AS i; \
         ANALYZE {schema}.start_key",
    );
    let many = |text: &str| format!("array_fill('{text}'::text, ARRAY[300])");
    let keys: Vec<String> = (1..=300).map(|i| format!("k{i}")).collect();
    let keys = format!("'{{{}}}'", keys.join(","));
    for mode in ["force_generic_plan", "force_custom_plan"] {
        let plan = schemas.psql(&format!(
            "SET plan_cache_mode = {mode}; PREPARE q AS {}; EXPLAIN (COSTS OFF) EXECUTE q ({}, {}, {keys})",
            key::READ_MANY,
            many("n"),
            many("w"),
        ));
        assert!(plan.contains("using start_key_pkey"), "{mode}: {plan}");
        assert!(!plan.contains("Seq Scan"), "{mode}: {plan}");
    }
}

/// The statements that must be fast use the index that their comment names, in the plan for any
/// values that sessions are set to.
#[tokio::test(flavor = "multi_thread")]
async fn statements_use_their_index() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    drop(schemas.fresh().await);
    let id = "'018bcfe5-6800-7007-8000-000000000001'";
    let page = format!("{id}, '', NULL, NULL, NULL, NULL, 9");
    let found = format!("{id}, 'n', NULL, NULL, NULL, NULL, 9, 'a', 'b', '{{c}}', '{{d}}'");
    let table = [
        (journal::AFTER, "1, 0".to_owned(), "using journal_0_pkey"),
        (journal::BETWEEN, "1, 0, 9, 9".to_owned(), "using journal_0_pkey"),
        (journal::HISTORY, format!("{id}, 0, 9"), "using journal_0_run_number_class_idx"),
        (key::READ, "'n', 'w', 'k'".to_owned(), "using start_key_pkey"),
        (run::READ, id.to_owned(), "using run_pkey"),
        (run::OPEN, "1".to_owned(), "run_open"),
        (run::LIST, page.clone(), "Backward using run_pkey"),
        (run::LIST_AFTER, page, "Index Cond: (run < $1)"),
        (indexed::FIND, found, "Backward using indexed_value"),
        (indexed::RAREST, "'n', '{a,b}', '{c,d}'".to_owned(), "using indexed_value"),
        (item::READ, "'i'".to_owned(), "using item_pkey"),
        (item::LIST_OPEN, "'n', 'k', NULL, 9".to_owned(), "using item_open"),
        (item::LIST_ALL, "'n', 'k', NULL, 9".to_owned(), "using item_all"),
        (event::KEPT, "1".to_owned(), "Index Cond: (shard = $1)"),
        (event::NAMED, "1, 'n', 'E', 'k', 0, 0, 9".to_owned(), "event_name"),
        (wait::WAITS, "'{0}', '{n}', '{E}', '{k}'".to_owned(), "wait_pkey"),
        (wait::TOLD, "1".to_owned(), "wait_shard"),
        (inbox::INBOX, "1, 2, 3, 4, 5, 9".to_owned(), "using inbox_pkey"),
        (inbox::MAIL, "'{1}'".to_owned(), "using inbox_pkey"),
    ];
    for (text, values, expected) in table {
        // Tables this small are read whole, if that is allowed.
        let plan = schemas.psql(&format!(
            "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
             PREPARE q AS {text}; EXPLAIN (COSTS OFF) EXECUTE q ({values})"
        ));
        assert!(plan.contains(expected), "{text}: {plan}");
        assert!(!plan.contains("Seq Scan"), "{text}: {plan}");
    }
}

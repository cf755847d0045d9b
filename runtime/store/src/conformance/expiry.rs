//! Expiry: what goes, goes whole; what may still be wanted stays.

use super::Harness;
use super::rows::{SHARD, acquire, batch, commit, ended, event, item, key, own, record, row, run};
use sagaflow_core::port::{Batch, EVENT_KEPT_MS, ITEM_KEPT_MS, ItemRow, Lease, Store};
use sagaflow_core::time::Time;

/// Runs every case of this file.
pub async fn all(harness: &impl Harness) {
    an_expired_run_goes_with_all_that_is_its_own(harness).await;
    a_run_after_the_checkpoint_stays_so_that_a_tail_has_no_gaps(harness).await;
    expiry_is_bounded_and_goes_on(harness).await;
    events_stay_while_a_run_could_want_them(harness).await;
    an_item_of_no_run_goes_a_week_after_it_was_closed(harness).await;
}

/// A store with run 0 expired at 10, run 1 ended but not expired, run 2 not ended, all at 1 to 4.
async fn three_runs(store: &impl Store) -> Lease {
    let lease = acquire(store, SHARD).await;
    let items = vec![item("i0", "task", 1), ItemRow { run: Some(run(1)), ..item("i1", "task", 1) }];
    let sent = Batch {
        keys: vec![key(0), key(1)],
        runs: vec![ended(0, 10), ended(1, 20), row(2)],
        items,
        ..batch(0, vec![record(1, 0, 1), record(2, 1, 1), record(3, 2, 1), own(4)])
    };
    commit(store, lease, sent).await;
    lease
}

/// Run, journal, start key, items: and nothing of the others.
pub async fn an_expired_run_goes_with_all_that_is_its_own(harness: &impl Harness) {
    let store = harness.fresh().await;
    let lease = three_runs(&store).await;
    commit(
        &store,
        lease,
        Batch { checkpoint: Some(4), emitted: Some(4), ..batch(4, vec![own(5)]) },
    )
    .await;
    assert_eq!(store.expire(Time(10), 9).await, Ok(0), "it expires after its time, not at it");
    assert_eq!(store.expire(Time(11), 9).await, Ok(1));

    assert_eq!(store.run(run(0)).await, Ok(None));
    assert_eq!(store.history(run(0), 0, 9).await, Ok(vec![]));
    assert_eq!(store.key("default", "shop.Order", &key(0).key).await, Ok(None));
    assert_eq!(store.item("i0").await, Ok(None));

    assert_eq!(store.run(run(1)).await, Ok(Some(ended(1, 20))));
    assert_eq!(store.history(run(1), 0, 9).await, Ok(vec![record(2, 1, 1)]));
    assert_eq!(store.key("default", "shop.Order", &key(1).key).await, Ok(Some(key(1))));
    assert!(store.item("i1").await.expect("an item").is_some());
    assert_eq!(store.run(run(2)).await, Ok(Some(row(2))), "a run that has not ended");

    let tail = store.tail(lease).await.expect("a tail");
    assert_eq!((tail.last, tail.rows), (5, vec![own(5)]), "the tail is as it was");
    let again = Batch { keys: vec![key(0)], runs: vec![row(0)], ..batch(5, vec![record(6, 0, 1)]) };
    commit(&store, lease, again).await;
    assert_eq!(store.expire(Time(i64::MAX), 9).await, Ok(1), "only run 1 has ended");
}

/// The owner moves its checkpoint first.
pub async fn a_run_after_the_checkpoint_stays_so_that_a_tail_has_no_gaps(harness: &impl Harness) {
    let store = harness.fresh().await;
    let lease = three_runs(&store).await;
    assert_eq!(store.expire(Time(i64::MAX), 9).await, Ok(0), "all lie after the checkpoint");
    commit(&store, lease, Batch { checkpoint: Some(1), emitted: Some(4), ..batch(4, vec![]) })
        .await;
    assert_eq!(store.expire(Time(i64::MAX), 9).await, Ok(1), "run 0 lies before it");
    let tail = store.tail(lease).await.expect("a tail");
    let rows = vec![record(2, 1, 1), record(3, 2, 1), own(4)];
    assert_eq!((tail.checkpoint, tail.rows), (1, rows));
}

/// Nobody waits for a purge of everything.
pub async fn expiry_is_bounded_and_goes_on(harness: &impl Harness) {
    let store = harness.fresh().await;
    let lease = acquire(&store, SHARD).await;
    let rows: Vec<_> = (0..7).map(|index| record(u64::from(index) + 1, index, 1)).collect();
    let runs = (0..7).map(|index| ended(index, 20 - i64::from(index))).collect();
    commit(&store, lease, Batch { runs, checkpoint: Some(7), emitted: Some(7), ..batch(0, rows) })
        .await;
    for (expected, oldest) in [(3, 3), (3, 0), (1, 0), (0, 0)] {
        assert_eq!(store.expire(Time(100), 3).await, Ok(expected));
        let stays = store.run(run(oldest)).await.expect("a row").is_some();
        assert_eq!(stays, expected == 3, "what expired first goes first");
    }
}

/// A repeated one is recognised for a week, and longer while a run from before it has not ended.
pub async fn events_stay_while_a_run_could_want_them(harness: &impl Harness) {
    let store = harness.fresh().await;
    let lease = acquire(&store, SHARD).await;
    // Run 0 was started at 1,000,000 and has not ended.
    let events = vec![
        event("old", 1, 999_999),
        event("wanted", 2, 1_000_000),
        event("new", 3, 1_000_001),
        // Nobody waits for what was counted in a batch.
        event("counted", 0, 1_000_001),
    ];
    commit(&store, lease, Batch { runs: vec![row(0)], events, ..batch(0, vec![own(1)]) }).await;
    let ids = async |now: i64| {
        store.expire(Time(now), 9).await.expect("expiry");
        let tail = store.tail(lease).await.expect("a tail");
        tail.events.into_iter().map(|event| event.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(999_999 + EVENT_KEPT_MS).await, ["counted", "old", "wanted", "new"], "a week");
    let older = ids(1_000_000 + EVENT_KEPT_MS).await;
    assert_eq!(older, ["counted", "wanted", "new"], "older than every run");
    assert_eq!(ids(i64::MAX).await, ["wanted", "new"], "run 0 could want them");
    commit(&store, lease, Batch { runs: vec![ended(0, 5)], ..batch(1, vec![own(2)]) }).await;
    assert_eq!(ids(1_000_001 + EVENT_KEPT_MS).await, ["new"], "nobody could");
}

/// A letter of a topic, say: nobody would ever delete it with a run.
pub async fn an_item_of_no_run_goes_a_week_after_it_was_closed(harness: &impl Harness) {
    let store = harness.fresh().await;
    let lease = acquire(&store, SHARD).await;
    let letter = |id: &str, open: bool, at: i64| ItemRow {
        run: None,
        open,
        at: Time(at),
        ..item(id, "dead_letter", 1)
    };
    let items = vec![
        letter("open", true, 1),
        letter("closed", false, 1_000),
        letter("later", false, 1_001),
        ItemRow { run: Some(run(2)), ..letter("of a run", false, 1) },
    ];
    commit(&store, lease, Batch { runs: vec![row(2)], items, ..batch(0, vec![own(1)]) }).await;
    let left = async |now: i64| {
        store.expire(Time(now), 9).await.expect("expiry");
        let all = store.items("default", "dead_letter", true, None, 9).await.expect("items");
        let mut ids: Vec<_> = all.into_iter().map(|item| item.id).collect();
        ids.sort();
        ids
    };
    assert_eq!(left(1_000 + ITEM_KEPT_MS).await, ["closed", "later", "of a run", "open"]);
    assert_eq!(left(1_001 + ITEM_KEPT_MS).await, ["later", "of a run", "open"], "a week");
    assert_eq!(left(i64::MAX).await, ["of a run", "open"], "it goes with its run, or stays");
}

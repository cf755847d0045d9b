//! Crashes: what was acknowledged is there, whole, and the dead owner writes no more.

use super::Harness;
use super::rows::{
    SHARD, acquire, assert_fenced, batch, commit, event, item, key, name, record, row, run, wait,
};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Batch, Store, Tail};

/// Runs every case of this file.
pub async fn all(harness: &impl Harness) {
    what_was_acknowledged_survives(harness).await;
    a_restart_takes_over_at_once_and_fences_the_dead(harness).await;
    epochs_grow_over_restarts(harness).await;
}

/// Everything that a batch can carry.
pub async fn what_was_acknowledged_survives(harness: &impl Harness) {
    let store = harness.fresh().await;
    let lease = acquire(&store, SHARD).await;
    let first = Batch {
        keys: vec![key(0)],
        runs: vec![row(0)],
        items: vec![item("i", "task", 1)],
        events: vec![event("e", 1, 1)],
        waits: vec![wait("k", true)],
        ..batch(0, vec![record(1, 0, 1), record(2, 0, 2)])
    };
    commit(&store, lease, first).await;
    commit(&store, lease, Batch { checkpoint: Some(1), ..batch(2, vec![record(3, 0, 3)]) }).await;
    let store = harness.crash(store).await;
    let lease = acquire(&store, SHARD).await;
    let expected = Tail {
        checkpoint: 1,
        last: 3,
        bucket: 7,
        emitted: 0,
        rows: vec![record(2, 0, 2), record(3, 0, 3)],
        runs: vec![row(0)],
        events: vec![event("e", 1, 1)],
        waits: vec![name("k")],
    };
    assert_eq!(store.tail(lease).await, Ok(expected));
    assert_eq!(store.history(run(0), 0, 9).await.map(|rows| rows.len()), Ok(3));
    assert_eq!(store.key("default", "shop.Order", &key(0).key).await, Ok(Some(key(0))));
    assert_eq!(store.item("i").await, Ok(Some(item("i", "task", 1))));
    assert_eq!(store.run(run(0)).await, Ok(Some(row(0))));
}

/// No time to live has to pass where the dead process is known to be dead.
pub async fn a_restart_takes_over_at_once_and_fences_the_dead(harness: &impl Harness) {
    let store = harness.fresh().await;
    let dead = acquire(&store, SHARD).await;
    commit(&store, dead, batch(0, vec![record(1, 0, 1)])).await;
    let store = harness.crash(store).await;
    let new = acquire(&store, SHARD).await;
    assert_fenced(
        &store.commit(dead, batch(1, vec![record(2, 0, 2)])).await,
        "a dead owner writes",
    );
    commit(&store, new, batch(1, vec![record(2, 0, 2)])).await;
}

/// Tokens and ids are made of epochs: none may come twice.
pub async fn epochs_grow_over_restarts(harness: &impl Harness) {
    let mut store = harness.fresh().await;
    let mut before = 0;
    for _ in 0..3 {
        for shard in [ShardId(0), SHARD] {
            let lease = acquire(&store, shard).await;
            assert!(shard != SHARD || lease.epoch > before, "{} after {before}", lease.epoch);
            before = if shard == SHARD { lease.epoch } else { before };
        }
        store = harness.crash(store).await;
    }
}

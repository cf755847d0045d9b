//! Up to where events are in their topics: the mark grows with batches, keeps what lies behind it, and
//! what lies behind it is read in pages.

use super::Harness;
use super::rows::{SHARD, acquire, assert_fenced, batch, commit, ended, own, record, run};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Batch, Store};
use sagaflow_core::time::Time;

/// Runs every case of this file.
pub async fn all(harness: &impl Harness) {
    the_mark_grows_with_batches_and_outlives_the_process(harness).await;
    a_shard_is_read_again_in_pages(harness).await;
    what_may_not_be_in_its_topic_is_kept(harness).await;
}

/// A stale owner moves nothing, and an older mark comes too late.
pub async fn the_mark_grows_with_batches_and_outlives_the_process(harness: &impl Harness) {
    let store = harness.fresh().await;
    let old = acquire(&store, SHARD).await;
    commit(&store, old, batch(0, vec![own(1), own(2), own(3)])).await;
    let lease = acquire(&store, SHARD).await;
    let stale = Batch { emitted: Some(3), ..batch(3, vec![]) };
    assert_fenced(&store.commit(old, stale).await, "a stale owner says what was sent");
    for (said, expected) in [(None, 0), (Some(2), 2), (Some(1), 2), (None, 2)] {
        commit(&store, lease, Batch { emitted: said, ..batch(3, vec![]) }).await;
        let tail = store.tail(lease).await.expect("a tail");
        assert_eq!((tail.emitted, tail.last, tail.checkpoint), (expected, 3, 0), "{said:?}");
    }
    let store = harness.crash(store).await;
    let lease = acquire(&store, SHARD).await;
    assert_eq!(store.tail(lease).await.map(|tail| tail.emitted), Ok(2));
}

/// Before the checkpoint and behind it, of runs and of the shard itself, and of no other shard.
pub async fn a_shard_is_read_again_in_pages(harness: &impl Harness) {
    let store = harness.fresh().await;
    let (lease, other) = (acquire(&store, SHARD).await, acquire(&store, ShardId(2)).await);
    let rows: Vec<_> =
        (1..=9).map(|seq| if seq % 3 == 0 { own(seq) } else { record(seq, 0, seq) }).collect();
    commit(&store, lease, Batch { checkpoint: Some(5), ..batch(0, rows.clone()) }).await;
    commit(&store, other, batch(0, vec![record(1, 7, 1), own(2)])).await;
    let read = async |after, upto, limit| {
        store.journal(SHARD, after, upto, limit).await.expect("rows can be read")
    };
    assert_eq!(read(0, u64::MAX, 100).await, rows);
    assert_eq!(read(2, 7, 100).await, rows[2..7]);
    assert_eq!(read(2, 7, 3).await, rows[2..5], "a page");
    assert_eq!(read(5, 7, 3).await, rows[5..7], "the next one");
    for (after, upto, limit) in [(7, 7, 3), (8, 7, 3), (9, u64::MAX, 3), (0, 9, 0)] {
        assert_eq!(read(after, upto, limit).await, [], "after {after} up to {upto}");
    }
    assert_eq!(read(u64::MAX, u64::MAX, 9).await, []);
}

/// A run may have ended, and expired, while the broker was away.
pub async fn what_may_not_be_in_its_topic_is_kept(harness: &impl Harness) {
    let store = harness.fresh().await;
    let lease = acquire(&store, SHARD).await;
    let rows = vec![record(1, 0, 1), own(2), record(3, 1, 1), own(4)];
    let runs = vec![ended(0, 10), ended(1, 10)];
    commit(&store, lease, Batch { runs, checkpoint: Some(4), ..batch(0, rows.clone()) }).await;
    assert_eq!(store.expire(Time(100), 9).await, Ok(0), "nothing of it was sent");
    assert_eq!(store.journal(SHARD, 0, 9, 9).await, Ok(rows.clone()));
    commit(&store, lease, Batch { emitted: Some(2), ..batch(4, vec![]) }).await;
    assert_eq!(store.expire(Time(100), 9).await, Ok(1));
    assert_eq!(store.run(run(0)).await, Ok(None), "its events are in their topics");
    assert_eq!(store.journal(SHARD, 0, 9, 9).await, Ok(rows[2..].to_vec()));
    commit(&store, lease, Batch { emitted: Some(4), ..batch(4, vec![]) }).await;
    assert_eq!(store.expire(Time(100), 9).await, Ok(1));
    assert_eq!(store.journal(SHARD, 0, 9, 9).await, Ok(vec![]));
}

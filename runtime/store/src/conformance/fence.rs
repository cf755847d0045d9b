//! Fencing: by epoch, by owner, by position; a refused batch leaves nothing.

use super::Harness;
use super::rows::{
    SHARD, acquire, assert_fenced, batch, commit, event, indexed, item, key, message, own, record,
    row, run, source, wait,
};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Batch, Error, Lease, RunFilter, Store};
use std::sync::Arc;
use uuid::Uuid;

/// Runs every case of this file.
pub async fn all(harness: &impl Harness) {
    an_acquisition_fences_the_lease_before_it(harness).await;
    an_epoch_without_its_owner_is_fenced(harness).await;
    a_batch_that_does_not_follow_the_last_position_is_fenced(harness).await;
    a_refused_batch_leaves_nothing(harness).await;
    a_flawed_batch_is_refused_whole(harness).await;
    a_lease_given_back_writes_no_more(harness).await;
    a_start_key_is_taken_once(harness).await;
    a_batch_is_refused_alone_among_its_neighbours(harness).await;
    a_shard_that_is_not_there_is_refused(harness).await;
}

/// Also where the older lease has a batch under way: I19.
pub async fn an_acquisition_fences_the_lease_before_it(harness: &impl Harness) {
    let store = harness.fresh().await;
    let old = acquire(&store, SHARD).await;
    commit(&store, old, batch(0, vec![record(1, 0, 1)])).await;
    let new = acquire(&store, SHARD).await;
    assert!(new.epoch > old.epoch, "epochs grow: {} after {}", new.epoch, old.epoch);
    assert_ne!(new.owner, old.owner, "an owner is fresh for every acquisition");
    assert_fenced(&store.commit(old, batch(1, vec![record(2, 0, 2)])).await, "an old epoch writes");
    assert_fenced(&store.tail(old).await, "an old epoch recovers");
    commit(&store, new, batch(1, vec![record(2, 0, 2)])).await;
    let other = acquire(&store, ShardId(0)).await;
    commit(&store, other, batch(0, vec![own(1)])).await;
    commit(&store, new, batch(2, vec![record(3, 0, 3)])).await;
}

/// An epoch alone could be reached twice by a failover that lost an acquisition.
pub async fn an_epoch_without_its_owner_is_fenced(harness: &impl Harness) {
    let store = harness.fresh().await;
    let lease = acquire(&store, SHARD).await;
    let stranger = Lease { owner: Uuid::from_u128(lease.owner.as_u128() ^ 1), ..lease };
    assert_fenced(&store.commit(stranger, batch(0, vec![own(1)])).await, "a stranger writes");
    let ahead = Lease { epoch: lease.epoch + 1, ..lease };
    assert_fenced(
        &store.commit(ahead, batch(0, vec![own(1)])).await,
        "an epoch of tomorrow writes",
    );
    let elsewhere = Lease { shard: ShardId(2), ..lease };
    assert_fenced(
        &store.commit(elsewhere, batch(0, vec![own(1)])).await,
        "a lease writes elsewhere",
    );
    commit(&store, lease, batch(0, vec![own(1)])).await;
}

/// A failover that lost a tail, or a batch that was sent twice.
pub async fn a_batch_that_does_not_follow_the_last_position_is_fenced(harness: &impl Harness) {
    let store = harness.fresh().await;
    let lease = acquire(&store, SHARD).await;
    let first = batch(0, vec![record(1, 0, 1), record(2, 0, 2)]);
    commit(&store, lease, first.clone()).await;
    assert_fenced(&store.commit(lease, first).await, "a batch is written twice");
    for prev in [0, 1, 3, u64::MAX] {
        let rows = vec![own(prev.wrapping_add(1))];
        assert_fenced(&store.commit(lease, batch(prev, rows)).await, "a wrong position writes");
        assert_fenced(&store.commit(lease, batch(prev, vec![])).await, "even without a record");
    }
    commit(&store, lease, batch(2, vec![record(3, 0, 3)])).await;
}

/// Everything a batch can carry, refused for its position.
pub async fn a_refused_batch_leaves_nothing(harness: &impl Harness) {
    let store = harness.fresh().await;
    let lease = acquire(&store, SHARD).await;
    commit(&store, lease, batch(0, vec![own(1)])).await;
    let waiting = message(SHARD, source(1, 1, 0));
    let sent = vec![waiting.clone()];
    commit(&store, lease, Batch { sent, ..batch(1, vec![]) }).await;
    let before = store.tail(lease).await;
    let full = Batch {
        prev: 5,
        rows: vec![record(6, 0, 1)],
        keys: vec![key(0)],
        runs: vec![row(0)],
        indexed: vec![indexed(0, "customer", "ann")],
        items: vec![item("i", "task", 1)],
        events: vec![event("e", 1, 1)],
        waits: vec![wait("k", true)],
        sent: vec![message(SHARD, source(1, 6, 0))],
        taken: vec![waiting.from],
        checkpoint: Some(6),
        emitted: Some(6),
    };
    assert_fenced(&store.commit(lease, full).await, "a wrong position writes");
    assert_eq!(store.tail(lease).await, before, "a refused batch is in the tail");
    let found = store.key("default", "shop.Order", &key(0).key).await;
    assert_eq!(found, Ok(None), "a refused batch left a key");
    assert_eq!(store.run(run(0)).await, Ok(None), "a refused batch left a run");
    assert_eq!(store.item("i").await, Ok(None), "a refused batch left an item");
    assert_eq!(store.history(run(0), 0, 9).await, Ok(vec![]), "a refused batch left a record");
    let kept = store.inbox(SHARD, None, 9).await;
    assert_eq!(kept, Ok(vec![waiting]), "a refused batch sent or took a message");
    let filter = RunFilter { limit: 9, ..RunFilter::default() };
    assert_eq!(store.runs(&filter).await, Ok(vec![]), "a refused batch is listed");
}

/// Bugs of the caller that would make a journal nobody can fold.
pub async fn a_flawed_batch_is_refused_whole(harness: &impl Harness) {
    let store = harness.fresh().await;
    let lease = acquire(&store, SHARD).await;
    commit(&store, lease, batch(0, vec![record(1, 0, 1)])).await;
    let early = sagaflow_core::port::JournalRow { bucket: 6, ..record(2, 0, 2) };
    let flawed = [
        ("a gap", batch(1, vec![record(2, 0, 2), record(4, 0, 3)])),
        ("a position twice", batch(1, vec![record(2, 0, 2), record(2, 0, 3)])),
        ("a bucket that steps back", batch(1, vec![early])),
        ("a record number twice", batch(1, vec![record(2, 1, 1), record(3, 0, 1)])),
        ("a record number twice at once", batch(1, vec![record(2, 1, 1), record(3, 1, 1)])),
        ("a checkpoint ahead", Batch { checkpoint: Some(3), ..batch(1, vec![record(2, 0, 2)]) }),
        ("events ahead", Batch { emitted: Some(3), ..batch(1, vec![record(2, 0, 2)]) }),
        ("a position beyond numbering", batch(u64::MAX - 1, vec![record(u64::MAX, 0, 2)])),
    ];
    for (what, flawed) in flawed {
        assert_fenced(&store.commit(lease, flawed).await, what);
        let tail = store.tail(lease).await.expect("the tail can be read");
        assert_eq!((tail.last, tail.checkpoint, tail.rows.len()), (1, 0, 1), "{what}");
    }
    commit(&store, lease, batch(1, vec![record(2, 0, 2)])).await;
}

/// A clean hand-over; and a late one of an older owner takes nothing from the new one.
pub async fn a_lease_given_back_writes_no_more(harness: &impl Harness) {
    let store = harness.fresh().await;
    let old = acquire(&store, SHARD).await;
    store.release(old).await.expect("a lease can be given back");
    assert_fenced(&store.commit(old, batch(0, vec![own(1)])).await, "it writes after its release");
    assert_fenced(&store.tail(old).await, "it recovers after its release");
    let new = acquire(&store, SHARD).await;
    assert!(new.epoch > old.epoch, "epochs grow over a release");
    store.release(old).await.expect("an old lease is left alone");
    commit(&store, new, batch(0, vec![own(1)])).await;
}

/// I36: the same key never starts a second run, not even for its own owner.
pub async fn a_start_key_is_taken_once(harness: &impl Harness) {
    let store = harness.fresh().await;
    let lease = acquire(&store, SHARD).await;
    let start = Batch { keys: vec![key(0)], ..batch(0, vec![record(1, 0, 1)]) };
    commit(&store, lease, start).await;
    let twin = sagaflow_core::port::KeyRow { run: run(9), ..key(0) };
    let again = Batch { keys: vec![twin], ..batch(1, vec![record(2, 9, 1)]) };
    assert_fenced(&store.commit(lease, again).await, "a key starts a second run");
    let found = store.key("default", "shop.Order", &key(0).key).await;
    assert_eq!(found, Ok(Some(key(0))), "the first run keeps its key");
    let scopes = [("other", "shop.Order"), ("default", "shop.Return")];
    for (index, (namespace, workflow)) in (1_u32..).zip(scopes) {
        let scoped = sagaflow_core::port::KeyRow {
            namespace: namespace.to_owned(),
            workflow: workflow.to_owned(),
            run: run(index),
            ..key(0)
        };
        let seq = u64::from(index) + 1;
        let start =
            Batch { keys: vec![scoped.clone()], ..batch(seq - 1, vec![record(seq, index, 1)]) };
        commit(&store, lease, start).await;
        let found = store.key(namespace, workflow, &scoped.key).await;
        assert_eq!(found, Ok(Some(scoped)), "keys are scoped to namespace and workflow (I37)");
    }
}

/// Batches of several shards may share a transaction; none may suffer for another.
pub async fn a_batch_is_refused_alone_among_its_neighbours(harness: &impl Harness) {
    let store = Arc::new(harness.fresh().await);
    let first = acquire(&*store, ShardId(0)).await;
    let taken = Batch { keys: vec![key(0)], ..batch(0, vec![record(1, 0, 1)]) };
    commit(&*store, first, taken).await;
    for round in 0..20_u32 {
        let mut commits = tokio::task::JoinSet::new();
        for shard in [1, 2, 3] {
            let lease = acquire(&*store, ShardId(shard)).await;
            let prev = store.tail(lease).await.expect("a tail").last;
            let index = 100 + round * 10 + shard;
            let mut sent = batch(prev, vec![record(prev + 1, index, 1)]);
            if shard == 2 {
                sent.keys = vec![sagaflow_core::port::KeyRow { run: run(index), ..key(0) }];
            }
            let store = Arc::clone(&store);
            commits.spawn(async move { (shard, index, store.commit(lease, sent).await) });
        }
        while let Some(done) = commits.join_next().await {
            let (shard, index, answer) = done.expect("a commit does not panic");
            let written = store.history(run(index), 0, 9).await.expect("a history").len();
            if shard == 2 {
                assert_fenced(&answer, "a taken key");
                assert_eq!(written, 0, "the refused one left a record");
            } else {
                assert_eq!(answer, Ok(()), "shard {shard} suffers for its neighbour");
                assert_eq!(written, 1, "shard {shard} was acknowledged");
            }
        }
    }
}

/// A slot map that does not fit the store.
pub async fn a_shard_that_is_not_there_is_refused(harness: &impl Harness) {
    let store = harness.fresh().await;
    let beyond = ShardId(store.shards());
    let answer = store.acquire(beyond).await;
    assert!(matches!(answer, Err(Error::Refused(_))), "{answer:?}");
}

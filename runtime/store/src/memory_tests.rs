//! The suite over the store in memory, and what only it can do: leases that run out, faults on
//! demand.

use crate::conformance::{self, Harness};
use sagaflow_core::id::ShardId;
use sagaflow_core::memory::{Fault, LEASE_MS, Memory};
use sagaflow_core::port::{Batch, Error, JournalRow, Lease, Store};
use sagaflow_core::time::Time;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

const START: i64 = 1_700_000_000_000;

struct InMemory;

impl Harness for InMemory {
    type Store = Memory;

    async fn fresh(&self) -> Memory {
        Memory::new(4, Arc::new(|| Time(START)))
    }

    async fn crash(&self, store: Memory) -> Memory {
        store.abandon();
        store.another_node()
    }
}

fn next(prev: u64) -> Batch {
    let row =
        JournalRow { seq: prev + 1, bucket: 0, class: 0, run: None, number: 0, body: vec![1] };
    Batch { prev, rows: vec![row], ..Batch::default() }
}

async fn last(store: &Memory, lease: Lease) -> u64 {
    store.tail(lease).await.expect("a tail").last
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_a_store() {
    conformance::all(&InMemory).await;
}

#[tokio::test]
async fn a_lease_of_another_node_is_held_to_its_last_tick_and_commits_renew_it() {
    let clock = Arc::new(AtomicI64::new(0));
    let read = Arc::clone(&clock);
    let one = Memory::new(1, Arc::new(move || Time(read.load(Ordering::SeqCst))));
    let two = one.another_node();
    let shard = ShardId(0);
    let lease = one.acquire(shard).await.expect("a free shard");

    clock.store(LEASE_MS - 1, Ordering::SeqCst);
    assert!(matches!(two.acquire(shard).await, Err(Error::Held(_))));
    one.commit(lease, next(0)).await.expect("the holder commits");
    clock.store(2 * LEASE_MS - 2, Ordering::SeqCst);
    assert!(matches!(two.acquire(shard).await, Err(Error::Held(_))), "the commit renewed it");

    clock.store(2 * LEASE_MS - 1, Ordering::SeqCst);
    let taken = two.acquire(shard).await.expect("an expired lease");
    assert!(matches!(one.commit(lease, next(1)).await, Err(Error::Fenced { .. })));
    assert!(matches!(one.acquire(shard).await, Err(Error::Held(_))));
    two.release(taken).await.expect("a release");
    one.acquire(shard).await.expect("a released shard");
}

#[tokio::test]
async fn an_expired_lease_that_nobody_took_still_writes() {
    let clock = Arc::new(AtomicI64::new(0));
    let read = Arc::clone(&clock);
    let store = Memory::new(1, Arc::new(move || Time(read.load(Ordering::SeqCst))));
    let lease = store.acquire(ShardId(0)).await.expect("a lease");
    clock.store(10 * LEASE_MS, Ordering::SeqCst);
    store.commit(lease, next(0)).await.expect("the fence is epoch and owner, not time");
}

#[tokio::test]
async fn a_fault_hits_one_commit_and_tells_what_it_promises() {
    let store = InMemory.fresh().await;
    let lease = store.acquire(ShardId(0)).await.expect("a lease");
    for fault in [Fault::Unavailable, Fault::UnknownLost, Fault::UnknownDone] {
        store.fail_next(fault);
    }
    assert!(matches!(store.commit(lease, next(0)).await, Err(Error::Unavailable(_))));
    assert_eq!(last(&store, lease).await, 0);
    assert!(matches!(store.commit(lease, next(0)).await, Err(Error::Unknown(_))));
    assert_eq!(last(&store, lease).await, 0);
    assert!(matches!(store.commit(lease, next(0)).await, Err(Error::Unknown(_))));
    assert_eq!(last(&store, lease).await, 1, "it was done, only not told");
    assert!(matches!(store.commit(lease, next(0)).await, Err(Error::Fenced { .. })));
    store.commit(lease, next(1)).await.expect("no fault is left");
}

#[tokio::test]
async fn a_store_that_is_down_does_nothing_until_it_is_back() {
    let store = InMemory.fresh().await;
    let lease = store.acquire(ShardId(0)).await.expect("a lease");
    store.set_down(true);
    assert!(matches!(store.commit(lease, next(0)).await, Err(Error::Unavailable(_))));
    assert!(matches!(store.acquire(ShardId(1)).await, Err(Error::Unavailable(_))));
    assert!(matches!(store.now().await, Err(Error::Unavailable(_))));
    store.set_down(false);
    store.commit(lease, next(0)).await.expect("it is back");
}

//! Who holds what, and who is there: what nodes on one store know of each other.

use super::Harness;
use super::rows::{SHARD, acquire, assert_fenced, batch, commit, own};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Lease, NodeRow, OwnerRow, Store};
use uuid::Uuid;

/// Runs every case of this file.
pub async fn all(harness: &impl Harness) {
    every_shard_says_who_holds_it(harness).await;
    a_renewal_names_the_shards_that_are_lost(harness).await;
    a_node_is_live_from_its_announcement_to_its_withdrawal(harness).await;
    an_owner_that_crashed_is_followed_by_the_next_one(harness).await;
}

/// A node as it announces itself.
#[must_use]
pub fn node(number: u128) -> NodeRow {
    NodeRow {
        node: Uuid::from_u128(number),
        address: format!("http://10.0.0.{number}:7070"),
        workflows: vec!["shop.Order@2#ab".to_owned(), "a \"quoted\" one, and a \\".to_owned()],
        formats: (1, u32::MAX),
        draining: false,
    }
}

async fn owners(store: &impl Store) -> Vec<OwnerRow> {
    store.owners().await.expect("owners can be read")
}

async fn owner(store: &impl Store, shard: ShardId) -> OwnerRow {
    let rows = owners(store).await;
    *rows.iter().find(|row| row.shard == shard).expect("every shard is there")
}

/// From nobody over an acquisition to a release.
pub async fn every_shard_says_who_holds_it(harness: &impl Harness) {
    let store = harness.fresh().await;
    let free = |shard| OwnerRow { shard: ShardId(shard), epoch: 0, node: None, live: false };
    let all: Vec<_> = (0..store.shards()).map(free).collect();
    assert_eq!(owners(&store).await, all, "a new store, in order");
    let lease = acquire(&store, SHARD).await;
    let other = acquire(&store, ShardId(3)).await;
    let held = owner(&store, SHARD).await;
    assert!(held.live && held.node.is_some() && held.epoch == lease.epoch, "{held:?}");
    assert_eq!(owner(&store, ShardId(3)).await.node, held.node, "one node holds both");
    assert_eq!(owner(&store, ShardId(2)).await, free(2), "nobody took it");
    store.release(lease).await.expect("a release");
    let expected = OwnerRow { shard: SHARD, epoch: lease.epoch, node: None, live: false };
    assert_eq!(owner(&store, SHARD).await, expected, "it was given back");
    assert!(owner(&store, ShardId(3)).await.live, "the other was not");
    commit(&store, other, batch(0, vec![own(1)])).await;
}

/// In any order, also twice; and it gives nobody a right that was lost.
pub async fn a_renewal_names_the_shards_that_are_lost(harness: &impl Harness) {
    let store = harness.fresh().await;
    assert_eq!(store.renew(&[]).await, Ok(vec![]), "nothing to renew");
    let (mine, old) = (acquire(&store, ShardId(3)).await, acquire(&store, SHARD).await);
    let back = acquire(&store, ShardId(2)).await;
    assert_eq!(store.renew(&[mine, old, back]).await, Ok(vec![]), "all are ours");
    let new = acquire(&store, SHARD).await;
    store.release(back).await.expect("a release");
    let stranger = Lease { shard: ShardId(0), epoch: 1, owner: Uuid::from_u128(1) };
    let beyond = Lease { shard: ShardId(store.shards()), ..mine };
    let lost = store.renew(&[mine, old, back, stranger, beyond]).await;
    let mut lost = lost.expect("a renewal");
    lost.sort();
    assert_eq!(
        lost,
        [ShardId(0), SHARD, ShardId(2), beyond.shard],
        "taken, given back, never ours"
    );
    assert_eq!(store.renew(&[old, new]).await, Ok(vec![SHARD]), "the older of two of one shard");
    assert_fenced(&store.commit(old, batch(0, vec![own(1)])).await, "a renewal revives a lease");
    assert_fenced(&store.commit(back, batch(0, vec![own(1)])).await, "a renewal undoes a release");
    commit(&store, mine, batch(0, vec![own(1)])).await;
    commit(&store, new, batch(0, vec![own(1)])).await;
}

/// What it said last counts.
pub async fn a_node_is_live_from_its_announcement_to_its_withdrawal(harness: &impl Harness) {
    let store = harness.fresh().await;
    assert_eq!(store.announce(&node(2)).await, Ok(vec![node(2)]), "the first one");
    assert_eq!(store.announce(&node(1)).await, Ok(vec![node(1), node(2)]), "in order");
    let leaving = NodeRow { draining: true, workflows: vec![], address: String::new(), ..node(2) };
    let both = Ok(vec![node(1), leaving.clone()]);
    assert_eq!(store.announce(&leaving).await, both, "it says something else");
    store.withdraw(leaving.node).await.expect("a withdrawal");
    store.withdraw(leaving.node).await.expect("one that is not there");
    assert_eq!(store.announce(&node(1)).await, Ok(vec![node(1)]), "it has left");
}

/// The dead node's name goes with its lease.
pub async fn an_owner_that_crashed_is_followed_by_the_next_one(harness: &impl Harness) {
    let store = harness.fresh().await;
    let dead = acquire(&store, SHARD).await;
    let store = harness.crash(store).await;
    assert!(!owner(&store, SHARD).await.live, "its lease ended");
    let new = acquire(&store, SHARD).await;
    let held = owner(&store, SHARD).await;
    assert!(held.live && held.epoch == new.epoch, "{held:?} after {dead:?}");
    let lost = store.renew(&[dead]).await;
    assert_eq!(lost, Ok(vec![SHARD]), "the dead one renews");
}

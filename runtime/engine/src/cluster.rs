//! The nodes on one store: who is there, who owns which shard, and which of them this node may take.
//!
//! Promises: what is told is what the store said last, at most [`limits::ANNOUNCE`] ago while it can
//! be reached. A node takes no more than its fair share of the shards, and gives back what it has
//! beyond that when another has less. Must not decide who may write: the lease alone does.

use crate::contact::Contact;
use crate::driver::Shared;
use crate::limits;
use sagaflow_core::id::ShardId;
use sagaflow_core::journal;
use sagaflow_core::port::{self, NodeRow, OwnerRow, Store};
use sagaflow_core::shard::Protection;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// This process among the nodes of its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Fresh for every start of a process.
    pub node: Uuid,
    /// Where the other nodes reach its API, `http://10.0.0.5:7070`.
    pub address: String,
}

/// What a node does for some runs of its store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// It decides about them.
    Owner,
    /// It answers what the store knows, and takes over when the owner is gone.
    Standby {
        /// Address of the owner's API, where one is live.
        owner: Option<String>,
    },
}

/// What a node knows of the others, and what it has itself.
pub(crate) struct Cluster {
    member: Option<Member>,
    shards: u32,
    protection: Protection,
    known: Mutex<Known>,
    contact: Mutex<Contact>,
}

#[derive(Default)]
struct Known {
    /// Served here, each with the token by which it is asked back.
    owned: BTreeMap<ShardId, CancellationToken>,
    /// About to be acquired.
    taking: BTreeSet<ShardId>,
    /// Asked back, and lost before they could be given: taken once more for that, whatever the share.
    owed: BTreeSet<ShardId>,
    /// Given back to be taken by another, and until when this node leaves them alone.
    given: BTreeMap<ShardId, Instant>,
    owners: Vec<OwnerRow>,
    nodes: Vec<NodeRow>,
}

impl Cluster {
    /// Without a member there are no others, and the node owns what it has opened.
    pub(crate) fn new(member: Option<Member>, shards: u32, protection: Protection) -> Self {
        let (known, contact) = Default::default();
        Self { member, shards, protection, known, contact }
    }

    pub(crate) fn shards(&self) -> u32 {
        self.shards
    }

    pub(crate) fn member(&self) -> Option<&Member> {
        self.member.as_ref()
    }

    pub(crate) fn nodes(&self) -> Vec<NodeRow> {
        self.known().nodes.clone()
    }

    /// The shards served here.
    pub(crate) fn owned(&self) -> Vec<ShardId> {
        self.known().owned.keys().copied().collect()
    }

    /// What this node does for a shard.
    pub(crate) fn role_for(&self, shard: ShardId) -> Role {
        let Some(member) = &self.member else { return Role::Owner };
        let known = self.known();
        if known.owned.contains_key(&shard) {
            return Role::Owner;
        }
        let row = known.owners.iter().find(|row| row.shard == shard && row.live);
        let other = row.and_then(|row| row.node).filter(|owner| *owner != member.node);
        let owner = other.and_then(|owner| known.nodes.iter().find(|row| row.node == owner));
        Role::Standby { owner: owner.map(|row| row.address.clone()) }
    }

    /// Whether others own shards, and the node at this address none.
    pub(crate) fn replaced(&self, address: &str) -> bool {
        let known = self.known();
        let mut live = known.owners.iter().filter(|row| row.live).peekable();
        let node = known.nodes.iter().find(|row| row.address == address).map(|row| row.node);
        live.peek().is_some() && !live.any(|row| row.node.is_some() && row.node == node)
    }

    /// What it does at all: an owner has at least one shard.
    pub(crate) fn role(&self) -> Role {
        let owns = self.member.is_none() || !self.known().owned.is_empty();
        if owns { Role::Owner } else { self.role_for(ShardId(0)) }
    }

    /// Whether this node may try to acquire a shard now; it then says how that went.
    ///
    /// Bound: it tries for what the store says is free, and only up to its fair share.
    pub(crate) fn may_take(&self, shard: ShardId) -> bool {
        let Some(member) = &self.member else { return true };
        let mut known = self.known();
        let row = known.owners.iter().find(|row| row.shard == shard);
        let free = row.is_none_or(|row| !row.live || row.node == Some(member.node));
        let given = known.given.get(&shard).is_some_and(|until| Instant::now() < *until);
        let has = known.owned.len() + known.taking.len();
        let owed = known.owed.contains(&shard);
        let may = free && !given && (owed || has < known.most(self.shards, member.node));
        if may {
            known.taking.insert(shard);
        }
        may
    }

    /// It was not acquired.
    pub(crate) fn not_taken(&self, shard: ShardId) {
        self.known().taking.remove(&shard);
    }

    /// It is served here from now on. Answers the token by which it is asked back, a child of `stop`.
    pub(crate) fn taken(&self, shard: ShardId, stop: &CancellationToken) -> CancellationToken {
        let leave = stop.child_token();
        let mut known = self.known();
        known.taking.remove(&shard);
        known.given.remove(&shard);
        known.owed.remove(&shard);
        known.owned.insert(shard, leave.clone());
        self.share(&known);
        leave
    }

    /// It is not served here any more; `left` where everything about it is done, and another may have it.
    pub(crate) fn lost(&self, shard: ShardId, left: bool) {
        let mut known = self.known();
        let asked_back = known.owned.remove(&shard).is_some_and(|leave| leave.is_cancelled());
        // Order: who lost its memory on the way out has not given anything back, and takes it again for
        // that.
        if asked_back && !left {
            known.owed.insert(shard);
        } else if asked_back {
            known.given.insert(shard, Instant::now() + limits::GIVEN);
        }
        self.share(&known);
    }

    /// What the store has answered to this node.
    pub(crate) fn note<T>(&self, answer: &port::Result<T>) {
        self.contact().note(answer);
    }

    /// Whether the store was away and the time of a lease has not passed since.
    pub(crate) fn fresh_contact(&self, ttl: Duration) -> bool {
        self.contact().fresh(ttl)
    }

    fn contact(&self) -> MutexGuard<'_, Contact> {
        self.contact.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its lease was given back: from now on others have their time to take it.
    pub(crate) fn given_back(&self, shard: ShardId) {
        if let Some(until) = self.known().given.get_mut(&shard) {
            *until = Instant::now() + limits::GIVEN;
        }
    }

    fn share(&self, known: &Known) {
        let owned = u32::try_from(known.owned.len()).unwrap_or(u32::MAX);
        self.protection.share(owned, self.shards);
    }

    fn learn(&self, nodes: Vec<NodeRow>, owners: Vec<OwnerRow>) {
        let Some(member) = &self.member else { return };
        let mut known = self.known();
        (known.nodes, known.owners) = (nodes, owners);
        for shard in known.surplus(self.shards, member.node) {
            if let Some(leave) = known.owned.get(&shard) {
                leave.cancel();
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// The nodes that take shards: those that are not about to leave, and this one.
    fn takers(&self, me: Uuid) -> BTreeSet<Uuid> {
        let staying = self.nodes.iter().filter(|row| !row.draining).map(|row| row.node);
        staying.chain([me]).collect()
    }

    /// The most that a node should have.
    fn most(&self, shards: u32, me: Uuid) -> usize {
        (shards as usize).div_ceil(self.takers(me).len())
    }

    /// The shards that this node should give back: it has more than anybody should, or one more than
    /// everybody is sure of while another has less.
    fn surplus(&self, shards: u32, me: Uuid) -> Vec<ShardId> {
        let staying = self.owned.iter().filter(|(_, leave)| !leave.is_cancelled());
        let staying: Vec<ShardId> = staying.map(|(shard, _)| *shard).collect();
        let takers = self.takers(me);
        let least = shards as usize / takers.len();
        let count = |node: Uuid| {
            let of = |row: &&OwnerRow| row.live && row.node == Some(node);
            self.owners.iter().filter(of).count()
        };
        let poor = takers.iter().any(|node| *node != me && count(*node) < least);
        // Order: of several that have one too many the first gives it back.
        let rich = takers.iter().find(|node| **node != me && count(**node) > least);
        let first = rich.is_none_or(|other| me < *other);
        let too_many = staying.len().saturating_sub(self.most(shards, me));
        let one_too_many = usize::from(staying.len() > least && poor && first);
        staying.into_iter().rev().take(too_many.max(one_too_many)).collect()
    }
}

/// Announces this node and learns of the others, until it is to stop; then says that it leaves.
///
/// Crash: what is announced without a life behind it is gone after the time of a lease.
pub(crate) async fn announce<S: Store>(
    store: Arc<S>,
    shared: Arc<Shared>,
    mut row: NodeRow,
    stop: CancellationToken,
) {
    let pause = store.ttl().map_or(limits::ANNOUNCE, |ttl| limits::ANNOUNCE.min(ttl / 3));
    while tokio::time::timeout(pause, stop.cancelled()).await.is_err() {
        let seen = look(store.as_ref(), &shared.cluster, &row).await;
        shared.cluster.note(&seen);
        if seen.is_ok() && shared.cluster.owned().is_empty() {
            // Whoever owns a shard learns from its commits whether the store takes them.
            shared.away.store(false, Ordering::Relaxed);
        }
        if let Err(error) = seen {
            tracing::warn!(%error, "the node could not be announced");
        }
    }
    row.draining = true;
    if let Err(error) = store.announce(&row).await {
        tracing::warn!(%error, "the node could not say that it leaves");
    }
}

/// What this node says of itself; none where there are no others.
pub(crate) fn row(cluster: &Cluster, workflows: Vec<String>) -> Option<NodeRow> {
    let Member { node, address } = cluster.member()?.clone();
    let formats = (journal::OLDEST, journal::FORMAT);
    Some(NodeRow { node, address, workflows, formats, draining: false })
}

/// Announces this node once, and learns of the others.
pub(crate) async fn look<S: Store>(
    store: &S,
    cluster: &Cluster,
    row: &NodeRow,
) -> port::Result<()> {
    let nodes = store.announce(row).await?;
    let owners = store.owners().await?;
    cluster.learn(nodes, owners);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Cluster, Member};
    use sagaflow_core::id::ShardId;
    use sagaflow_core::port::{NodeRow, OwnerRow};
    use sagaflow_core::shard::Protection;
    use tokio_util::sync::CancellationToken;
    use uuid::Uuid;

    fn id(n: u8) -> Uuid {
        Uuid::from_u128(u128::from(n))
    }

    fn nodes(all: &[u8]) -> Vec<NodeRow> {
        let row = |n: &u8| NodeRow {
            node: id(*n),
            address: format!("http://{n}"),
            workflows: Vec::new(),
            formats: (1, 1),
            draining: false,
        };
        all.iter().map(row).collect()
    }

    /// Owners as the store tells them: a letter per shard, 0 for a free one.
    fn owners(all: &[u8]) -> Vec<OwnerRow> {
        let row = |(shard, n): (u32, &u8)| OwnerRow {
            shard: ShardId(shard),
            epoch: 1,
            node: (*n > 0).then(|| id(*n)),
            live: *n > 0,
        };
        (0..).zip(all).map(row).collect()
    }

    fn node(n: u8, held: &[u32], shards: u32) -> (Cluster, Vec<CancellationToken>) {
        let member = Member { node: id(n), address: format!("http://{n}") };
        let cluster = Cluster::new(Some(member), shards, Protection::default());
        let stop = CancellationToken::new();
        let tokens = held.iter().map(|shard| cluster.taken(ShardId(*shard), &stop)).collect();
        (cluster, tokens)
    }

    #[test]
    fn a_node_takes_what_is_free_up_to_its_share() {
        let (cluster, _tokens) = node(1, &[], 4);
        cluster.learn(nodes(&[1, 2]), owners(&[2, 0, 0, 0]));
        let took: Vec<bool> = (0..4).map(|shard| cluster.may_take(ShardId(shard))).collect();
        assert_eq!(took, [false, true, true, false]);
        cluster.not_taken(ShardId(1));
        assert!(cluster.may_take(ShardId(3)), "its place is free again");
    }

    #[test]
    fn a_node_gives_back_what_it_has_beyond_its_share_and_no_more() {
        let (cluster, tokens) = node(1, &[0, 1, 2, 3], 4);
        cluster.learn(nodes(&[1]), owners(&[1, 1, 1, 1]));
        let given = |tokens: &[CancellationToken]| {
            tokens.iter().filter(|token| token.is_cancelled()).count()
        };
        assert_eq!(given(&tokens), 0, "it is alone");
        for _ in 0..3 {
            cluster.learn(nodes(&[1, 2]), owners(&[1, 1, 1, 1]));
            assert_eq!(given(&tokens), 2, "until it has its share, and no more");
        }
    }

    /// Else the node that gave it back would be the first to take it again.
    #[test]
    fn a_shard_that_was_given_back_is_left_to_others_for_a_while() {
        let (cluster, tokens) = node(1, &[0, 1, 2], 7);
        cluster.learn(nodes(&[1, 2, 3]), owners(&[1, 1, 1, 2, 2, 2, 3]));
        assert!(tokens[2].is_cancelled());
        cluster.lost(ShardId(2), true);
        assert!(!cluster.may_take(ShardId(2)), "it is free, and below the most it may have");
        cluster.lost(ShardId(1), false);
        assert!(cluster.may_take(ShardId(1)), "what was lost otherwise is taken again at once");
    }

    /// Else the others would wait for the time of its lease.
    #[test]
    fn a_node_that_loses_its_memory_on_the_way_out_may_take_its_shard_to_give_it_back() {
        let (cluster, _tokens) = node(1, &[], 1);
        let stop = CancellationToken::new();
        cluster.taken(ShardId(0), &stop);
        cluster.learn(nodes(&[1, 2]), owners(&[1]));
        stop.cancel();
        cluster.lost(ShardId(0), false);
        assert!(cluster.may_take(ShardId(0)));
    }

    #[test]
    fn a_node_that_loses_its_memory_while_it_gives_back_may_take_it_beyond_its_share() {
        let (cluster, tokens) = node(1, &[0, 1, 2, 3], 4);
        cluster.learn(nodes(&[1, 2]), owners(&[1, 1, 1, 1]));
        assert!(tokens[3].is_cancelled());
        cluster.lost(ShardId(3), false);
        assert!(cluster.may_take(ShardId(3)), "it has three, one more than its share");
        cluster.taken(ShardId(3), &CancellationToken::new());
        cluster.lost(ShardId(3), false);
        assert!(!cluster.may_take(ShardId(3)), "once");
    }

    #[test]
    fn with_one_shard_nobody_gives_it_back() {
        let (cluster, tokens) = node(2, &[0], 1);
        cluster.learn(nodes(&[1, 2, 3]), owners(&[2]));
        assert!(!tokens[0].is_cancelled());
    }

    #[test]
    fn of_two_that_have_one_too_many_one_gives_it_back() {
        let told = owners(&[1, 1, 1, 2, 2, 2, 3]);
        let (one, first) = node(1, &[0, 1, 2], 7);
        one.learn(nodes(&[1, 2, 3]), told.clone());
        let (two, second) = node(2, &[3, 4, 5], 7);
        two.learn(nodes(&[1, 2, 3]), told);
        let given = |all: &[CancellationToken]| all.iter().any(CancellationToken::is_cancelled);
        assert_eq!((given(&first), given(&second)), (true, false));
    }
}

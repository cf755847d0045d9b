//! The nodes on one store: who is there, and who owns the runs.
//!
//! Promises: what is told is what the store said last, at most [`limits::ANNOUNCE`] ago while it can
//! be reached. Decides nothing: the lease alone says who may write.

use crate::driver::Shared;
use crate::limits;
use sagaflow_core::id::ShardId;
use sagaflow_core::journal;
use sagaflow_core::port::{self, NodeRow, Store};
use std::sync::{Arc, PoisonError, RwLock};
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

/// What a node does for the runs of its store.
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

/// What a node knows of the others.
pub(crate) struct Cluster {
    member: Option<Member>,
    known: RwLock<Known>,
}

#[derive(Clone, Default)]
struct Known {
    owning: bool,
    owner: Option<Uuid>,
    nodes: Vec<NodeRow>,
}

impl Cluster {
    /// Without a member there are no others, and the node owns what it has opened.
    pub(crate) fn new(member: Option<Member>) -> Self {
        Self { member, known: RwLock::default() }
    }

    pub(crate) fn role(&self) -> Role {
        let Some(member) = &self.member else { return Role::Owner };
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.owning {
            return Role::Owner;
        }
        let other = known.owner.filter(|owner| *owner != member.node);
        let row = other.and_then(|owner| known.nodes.iter().find(|row| row.node == owner));
        Role::Standby { owner: row.map(|row| row.address.clone()) }
    }

    pub(crate) fn member(&self) -> Option<&Member> {
        self.member.as_ref()
    }

    pub(crate) fn nodes(&self) -> Vec<NodeRow> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).nodes.clone()
    }

    /// This node has taken the shard, or was told that another has it.
    pub(crate) fn set_owning(&self, owning: bool) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).owning = owning;
    }

    fn learn(&self, nodes: Vec<NodeRow>, owner: Option<Uuid>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        (known.nodes, known.owner) = (nodes, owner);
    }
}

/// Announces this node and learns of the others, until it is to stop; then says that it leaves.
///
/// Crash: what is announced without a life behind it is gone after the time of a lease.
pub(crate) async fn announce<S: Store>(
    store: Arc<S>,
    shared: Arc<Shared>,
    workflows: Vec<String>,
    stop: CancellationToken,
) {
    let Some(member) = shared.cluster.member.clone() else { return };
    let mut row = NodeRow {
        node: member.node,
        address: member.address,
        workflows,
        formats: (journal::FORMAT, journal::FORMAT),
        draining: false,
    };
    let pause = store.ttl().map_or(limits::ANNOUNCE, |ttl| limits::ANNOUNCE.min(ttl / 3));
    while !stop.is_cancelled() {
        match look(store.as_ref(), &row).await {
            Ok((nodes, owner)) => shared.cluster.learn(nodes, owner),
            Err(error) => tracing::warn!(%error, "the node could not be announced"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    row.draining = true;
    if let Err(error) = store.announce(&row).await {
        tracing::warn!(%error, "the node could not say that it leaves");
    }
}

async fn look<S: Store>(store: &S, row: &NodeRow) -> port::Result<(Vec<NodeRow>, Option<Uuid>)> {
    let nodes = store.announce(row).await?;
    let owners = store.owners().await?;
    let of = owners.iter().find(|owner| owner.shard == ShardId(0) && owner.live);
    Ok((nodes, of.and_then(|owner| owner.node)))
}

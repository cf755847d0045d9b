//! Who is at work on the file: the one process that has it.
//!
//! Nothing of this is stored, because nobody else could read it: the file is locked for as long as
//! this lives, and with it end every lease and every announcement.

use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Lease, NodeRow, OwnerRow};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// This process as a node, and what was announced through it.
#[derive(Debug)]
pub(super) struct Nodes {
    node: Uuid,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The owner that this process gave each shard last; what else is stored is of dead ones.
    owners: BTreeMap<ShardId, Uuid>,
    announced: BTreeMap<Uuid, NodeRow>,
}

impl Nodes {
    pub fn new() -> Self {
        Self { node: Uuid::now_v7(), state: Mutex::default() }
    }

    pub fn acquired(&self, lease: Lease) {
        self.state().owners.insert(lease.shard, lease.owner);
    }

    /// A shard whose stored owner is `owner`.
    pub fn row(&self, shard: ShardId, epoch: u64, owner: Option<Uuid>) -> OwnerRow {
        let live = owner.is_some() && self.state().owners.get(&shard) == owner.as_ref();
        OwnerRow { shard, epoch, node: live.then_some(self.node), live }
    }

    pub fn announce(&self, node: &NodeRow) -> Vec<NodeRow> {
        let mut state = self.state();
        state.announced.insert(node.node, node.clone());
        state.announced.values().cloned().collect()
    }

    pub fn withdraw(&self, node: Uuid) {
        self.state().announced.remove(&node);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one insert or one removal, so a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

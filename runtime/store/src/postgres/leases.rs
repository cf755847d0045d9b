//! What this process knows of its leases: which owners are its own, and which server gave them.

use super::connect::Identity;
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Error, Lease};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// Bound: acquisitions of one shard without an answer that are remembered; more only wait out the
/// lease.
const UNANSWERED_MAX: usize = 16;

/// The leases of one process.
#[derive(Debug, Default)]
pub(super) struct Leases {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    identity: Option<Identity>,
    /// How often the server has changed.
    changes: u64,
    /// Owners that this process may have made the current one, oldest first: an acquisition whose
    /// answer was lost is ours too.
    mine: BTreeMap<ShardId, Vec<Uuid>>,
    /// The last owner that was given before the server changed.
    stale: BTreeMap<ShardId, Uuid>,
    /// The last owner that was given.
    given: BTreeMap<ShardId, Uuid>,
}

impl Leases {
    /// A connection leads to this server. Where the last one led elsewhere (a failover, or an
    /// address that means another machine), leases of before count no more: their shard's journal
    /// may have lost its end, and their epochs may be given again.
    pub fn identified(&self, identity: Identity) {
        let mut state = self.state();
        let before = state.identity.replace(identity);
        if before.is_some_and(|before| before != identity) {
            tracing::warn!(?before, ?identity, "the server has changed: all leases are dropped");
            state.changes += 1;
            let given = std::mem::take(&mut state.given);
            state.stale.extend(given);
        }
    }

    /// A fresh owner is about to be sent; answers those of before, which it may replace, and what
    /// [`Leases::acquired`] is told.
    ///
    /// Order: it is remembered before it is sent, so that an answer that is lost keeps nobody out.
    pub fn acquiring(&self, shard: ShardId, owner: Uuid) -> (Vec<Uuid>, u64) {
        let mut state = self.state();
        let mine = state.mine.entry(shard).or_default();
        let before = mine.clone();
        if mine.len() == UNANSWERED_MAX {
            mine.remove(0);
        }
        mine.push(owner);
        (before, state.changes)
    }

    /// A lease was given.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where the server changed meanwhile: nobody knows which of them gave it.
    pub fn acquired(&self, lease: Lease, changes: u64) -> Result<(), Error> {
        let mut state = self.state();
        state.mine.insert(lease.shard, vec![lease.owner]);
        if state.changes != changes {
            let cause = "the server changed while a lease was taken".to_owned();
            return Err(Error::Unavailable(cause));
        }
        state.given.insert(lease.shard, lease.owner);
        Ok(())
    }

    /// Refuses a lease that another server gave.
    ///
    /// # Errors
    /// [`Error::Fenced`].
    pub fn current(&self, lease: Lease) -> Result<(), Error> {
        if self.state().stale.get(&lease.shard) != Some(&lease.owner) {
            return Ok(());
        }
        let cause = "its lease was taken on another server or timeline".to_owned();
        Err(Error::Fenced { shard: lease.shard.0, cause })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What a panic elsewhere could leave half done only forgets an owner, which waits.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Identity, Leases, UNANSWERED_MAX};
    use sagaflow_core::id::ShardId;
    use sagaflow_core::port::Lease;
    use uuid::Uuid;

    fn lease(owner: u128) -> Lease {
        Lease { shard: ShardId(1), epoch: 1, owner: Uuid::from_u128(owner) }
    }

    #[test]
    fn another_server_or_timeline_fences_the_leases_of_before() {
        let first = Identity { system: 1, timeline: 2 };
        for second in [
            Identity { timeline: 3, ..first },
            Identity { timeline: 1, ..first },
            Identity { system: 2, ..first },
        ] {
            let leases = Leases::default();
            leases.identified(first);
            leases.acquired(lease(1), 0).expect("the same server");
            leases.identified(first);
            assert!(leases.current(lease(1)).is_ok(), "the same server again");
            leases.identified(second);
            assert!(leases.current(lease(1)).is_err(), "{second:?}");
            let unsure = leases.acquired(lease(2), 0);
            assert!(unsure.is_err(), "it was asked for before the change");
            leases.acquired(lease(2), 1).expect("the new server");
            assert!(leases.current(lease(2)).is_ok(), "taken on the new one");
            assert!(leases.current(lease(1)).is_err(), "still of before");
        }
    }

    #[test]
    fn acquisitions_without_an_answer_are_remembered_up_to_a_bound() {
        let leases = Leases::default();
        for owner in 0..100 {
            let (before, _) = leases.acquiring(ShardId(1), Uuid::from_u128(owner));
            assert!(before.len() <= UNANSWERED_MAX);
            assert!(owner == 0 || before.contains(&Uuid::from_u128(owner - 1)), "the last one");
        }
        leases.acquired(lease(99), 0).expect("the same server");
        assert_eq!(leases.acquiring(ShardId(1), Uuid::nil()).0, [Uuid::from_u128(99)]);
    }
}

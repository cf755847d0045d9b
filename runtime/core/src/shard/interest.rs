//! Which events anybody may want: what spares a home the others.
//!
//! Promises: an event is kept from its home only while it is certain that no run that was admitted
//! before can want it, on the version that it is on. Must not: take that for certain without having been
//! told. A run that moves to another version may want what was not kept, and does not get it.

use super::Shard;
use crate::port::Interest;
use std::sync::Arc;

/// What is known of it; none: anything may be wanted.
#[derive(Default)]
pub(super) struct Interests(Option<Arc<Interest>>);

impl Interests {
    /// Whether a run may wait for an event of this name, or be interrupted by it.
    pub(super) fn waits(&self, event: &str) -> bool {
        self.0.as_ref().is_none_or(|known| known.waits.contains(event))
    }

    /// Whether anything may be started by it, or wait for it.
    pub(super) fn any(&self, event: &str) -> bool {
        let known = self.0.as_ref();
        known.is_none_or(|known| known.waits.contains(event) || known.starts.contains(event))
    }
}

impl Shard {
    /// What programs of this store take in, where that is known.
    ///
    /// Order: for the next input; whoever says so knows that no run of another program is admitted
    /// before it.
    pub fn interested(&mut self, known: Option<Arc<Interest>>) {
        self.interest = Interests(known);
    }
}

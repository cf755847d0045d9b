//! What every store must do, as one suite of functions over any store.
//!
//! An adapter implements [`Harness`] and calls [`all`] in a test. Each case gets a fresh store,
//! panics with a sentence where the store is wrong, and asks nothing of the store but its port.
//! Cases are public, so that an adapter can run one alone.

pub mod crash;
pub mod emitted;
pub mod expiry;
pub mod fence;
pub mod indexed;
pub mod listing;
pub mod messages;
pub mod nodes;
pub mod reading;
mod rows;
pub mod waits;

use sagaflow_core::port::{Batch, Store};
use std::future::Future;

/// How the suite makes stores and takes them down.
pub trait Harness {
    /// The store under test.
    type Store: Store;

    /// An empty store of at least four shards, which nobody else uses.
    fn fresh(&self) -> impl Future<Output = Self::Store>;

    /// The same store after its process was killed at this instant and started again.
    fn crash(&self, store: Self::Store) -> impl Future<Output = Self::Store>;
}

/// A first batch with everything that one can carry, of run `index`.
#[must_use]
pub fn full(index: u32) -> Batch {
    let id = format!("{index}");
    Batch {
        keys: vec![rows::key(index)],
        runs: vec![rows::row(index)],
        indexed: vec![rows::indexed(index, "customer", "C-1")],
        items: vec![rows::item(&id, "task", 1)],
        events: vec![rows::event(&id, 1, 1)],
        waits: vec![rows::wait(&id, true)],
        sent: vec![rows::message(rows::SHARD, rows::source(0, 2, index))],
        checkpoint: Some(1),
        emitted: Some(1),
        ..rows::batch(0, vec![rows::record(1, index, 1), rows::record(2, index, 2)])
    }
}

/// Runs every case.
pub async fn all(harness: &impl Harness) {
    fence::all(harness).await;
    reading::all(harness).await;
    listing::all(harness).await;
    indexed::all(harness).await;
    expiry::all(harness).await;
    nodes::all(harness).await;
    messages::all(harness).await;
    waits::all(harness).await;
    emitted::all(harness).await;
    crash::all(harness).await;
}

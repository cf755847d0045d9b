//! What every store must do, as one suite of functions over any store.
//!
//! An adapter implements [`Harness`] and calls [`all`] in a test. Each case gets a fresh store,
//! panics with a sentence where the store is wrong, and asks nothing of the store but its port.
//! Cases are public, so that an adapter can run one alone.

pub mod crash;
pub mod expiry;
pub mod fence;
pub mod listing;
pub mod reading;
mod rows;

use sagaflow_core::port::Store;
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

/// Runs every case.
pub async fn all(harness: &impl Harness) {
    fence::all(harness).await;
    reading::all(harness).await;
    listing::all(harness).await;
    expiry::all(harness).await;
    crash::all(harness).await;
}

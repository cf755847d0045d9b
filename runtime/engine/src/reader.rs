//! Reading a store, whatever store it is: what handles and the API need beside the shards.

use crate::limits;
use sagaflow_core::id::RunId;
use sagaflow_core::port::{Error, ItemRow, JournalRow, KeyRow, Result, RunFilter, RunRow, Store};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// A boxed answer of a store.
pub type Reading<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// The reading half of [`Store`], behind a pointer.
pub trait Reader: Send + Sync {
    /// The run a key started.
    fn key<'a>(
        &'a self,
        ns: &'a str,
        workflow: &'a str,
        key: &'a str,
    ) -> Reading<'a, Option<KeyRow>>;
    /// One run's row.
    fn run(&self, run: RunId) -> Reading<'_, Option<RunRow>>;
    /// Runs, newest first.
    fn runs<'a>(&'a self, filter: &'a RunFilter) -> Reading<'a, Vec<RunRow>>;
    /// A run's journal rows after a record.
    fn history(&self, run: RunId, after: u64, limit: u32) -> Reading<'_, Vec<JournalRow>>;
    /// Items of a kind.
    fn items<'a>(&'a self, list: &'a ItemList) -> Reading<'a, Vec<ItemRow>>;
    /// One item.
    fn item<'a>(&'a self, id: &'a str) -> Reading<'a, Option<ItemRow>>;
}

/// A page of items.
#[derive(Clone, Debug, Default)]
pub struct ItemList {
    /// Namespace.
    pub namespace: String,
    /// `task`, `review` or `dead_letter`.
    pub kind: String,
    /// Closed ones too.
    pub all: bool,
    /// Continue after this item.
    pub after: Option<String>,
    /// At most this many.
    pub limit: u32,
}

/// Any store, for reading.
pub(crate) struct Of<S> {
    store: Arc<S>,
    /// Places for listings: a listing walks what its filters leave out, however much that is, and starts
    /// and recoveries read through the same connections.
    listings: Arc<Semaphore>,
}

impl<S: Store> Of<S> {
    pub(crate) fn new(store: Arc<S>) -> Self {
        Self { store, listings: Arc::new(Semaphore::new(limits::LISTINGS)) }
    }

    async fn list(&self, filter: &RunFilter) -> Result<Vec<RunRow>> {
        let place = Arc::clone(&self.listings).acquire_owned();
        let place = tokio::time::timeout(limits::LISTING_WAIT, place).await;
        let Ok(Ok(place)) = place else {
            return Err(Error::Unavailable("too many listings at once".to_owned()));
        };
        let (store, filter) = (Arc::clone(&self.store), filter.clone());
        // A caller that goes away does not end the statement, which keeps its place until then.
        let listing = tokio::spawn(async move {
            let rows = store.runs(&filter).await;
            drop(place);
            rows
        });
        let stopped = |error| Err(Error::Unavailable(format!("the listing has stopped: {error}")));
        listing.await.unwrap_or_else(stopped)
    }
}

impl<S: Store> Reader for Of<S> {
    fn key<'a>(
        &'a self,
        ns: &'a str,
        workflow: &'a str,
        key: &'a str,
    ) -> Reading<'a, Option<KeyRow>> {
        Box::pin(self.store.key(ns, workflow, key))
    }

    fn run(&self, run: RunId) -> Reading<'_, Option<RunRow>> {
        Box::pin(self.store.run(run))
    }

    fn runs<'a>(&'a self, filter: &'a RunFilter) -> Reading<'a, Vec<RunRow>> {
        Box::pin(self.list(filter))
    }

    fn history(&self, run: RunId, after: u64, limit: u32) -> Reading<'_, Vec<JournalRow>> {
        Box::pin(self.store.history(run, after, limit))
    }

    fn items<'a>(&'a self, list: &'a ItemList) -> Reading<'a, Vec<ItemRow>> {
        let after = list.after.as_deref();
        Box::pin(self.store.items(&list.namespace, &list.kind, list.all, after, list.limit))
    }

    fn item<'a>(&'a self, id: &'a str) -> Reading<'a, Option<ItemRow>> {
        Box::pin(self.store.item(id))
    }
}

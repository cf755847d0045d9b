//! The store of a node, of whichever kind: opened, and given an engine.
//!
//! Promises: whoever opens a server is a member of its cluster under an id that is fresh for every
//! start.

use crate::config::{Config, ServerUrl, StoreUrl};
use crate::identity::Identity;
use sagaflow_core::port;
use sagaflow_engine::{Engine, Member, Options};
use sagaflow_server::Serving;
use sagaflow_store::{Postgres, PostgresOptions, Sqlite};
use std::path::Path;
use std::sync::Arc;

/// Shards of an embedded store: each decides on a core of its own, and their batches share a commit.
const EMBEDDED_SHARDS: u32 = 4;

/// Shards of a store on a server: each node has its share of them, so there are more than nodes.
const SHARDS: u32 = 16;

/// A store that was opened.
#[derive(Clone)]
pub(crate) enum Opened {
    /// A file of this process.
    Sqlite(Arc<Sqlite>),
    /// A server that several nodes share.
    Postgres {
        /// The store.
        store: Arc<Postgres>,
        /// This process among them.
        member: Member,
        /// Held for as long as the store is open.
        _identity: Identity,
    },
}

impl Opened {
    /// Opens the store of a configuration, for a node whose API others reach at `address`.
    pub(crate) async fn open(config: &Config, address: &str) -> port::Result<Self> {
        match &config.store {
            StoreUrl::Sqlite(path) => sqlite(path, None).await.map(Self::Sqlite),
            StoreUrl::Postgres(url) => {
                let identity = match &config.cluster.identity {
                    Some(path) => Identity::of(path).map_err(port::Error::Refused)?,
                    None => Identity::fresh(),
                };
                let Identity { node, again, .. } = identity;
                let options = PostgresOptions { node, again, ..postgres(url, config, None) };
                let member = Member { node, address: address.to_owned() };
                let store = Arc::new(Postgres::open(options).await?);
                Ok(Self::Postgres { store, member, _identity: identity })
            }
        }
    }

    /// Starts an engine on it.
    pub(crate) async fn start(&self, options: Options) -> port::Result<Engine> {
        match self {
            Self::Sqlite(store) => Engine::start(Arc::clone(store), options).await,
            Self::Postgres { store, member, .. } => {
                let options = Options { member: Some(member.clone()), ..options };
                Engine::start(Arc::clone(store), options).await
            }
        }
    }

    /// Whether other nodes may be waiting for what this one has.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres { .. })
    }

    /// The word for its kind.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres { .. } => "postgres",
        }
    }
}

/// Ends the part of this process: no more requests, then no more runs.
///
/// Crash: as a kill: what was recorded goes on at the next owner.
pub(crate) async fn stop(store: &Opened, serving: Serving, engine: Engine) {
    if store.is_shared() {
        // Order: both at once, so that requests which wait do not keep the runs from the next owner.
        tokio::join!(serving.stop(), engine.stop());
    } else {
        serving.stop().await;
        engine.stop().await;
    }
}

/// Opens a file, and moves it to this program's format.
pub(crate) async fn sqlite(path: &Path, shards: Option<u32>) -> port::Result<Arc<Sqlite>> {
    let shards = shards.unwrap_or(EMBEDDED_SHARDS);
    let options = sagaflow_store::Options { shards, ..sagaflow_store::Options::new(path) };
    Sqlite::open(options).await.map(Arc::new)
}

/// How a server is opened.
pub(crate) fn postgres(url: &ServerUrl, config: &Config, shards: Option<u32>) -> PostgresOptions {
    PostgresOptions {
        ttl: config.cluster.lease_ttl,
        shards: shards.unwrap_or(SHARDS),
        ..PostgresOptions::new(url.secret())
    }
}

/// Whether a server was refused because its schema is not there yet, or is of an older program: what
/// `migrate` changes.
pub(crate) fn is_unmigrated(error: &port::Error) -> bool {
    let port::Error::Refused(cause) = error else { return false };
    cause.contains("migrate it first") || cause.contains("this program needs")
}

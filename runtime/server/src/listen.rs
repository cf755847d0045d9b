//! Listening, serving, stopping.
//!
//! The address is taken before the engine starts, because services are told it for their completions;
//! requests are answered once the engine is there.

use crate::api;
use sagaflow_engine::Handle;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Bound: how long requests under way are waited for at the end.
const DRAIN: Duration = Duration::from_secs(3);

/// Why the API cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no authentication, so nobody else may reach it.
    #[error(
        "R1030: `{0}` is not a loopback address; there is no authentication yet, so only loopback is served"
    )]
    Open(SocketAddr),
    /// The address cannot be had.
    #[error("R1038: `{address}` cannot be listened on: {cause}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        cause: std::io::Error,
    },
}

/// An address that was taken.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    about: About,
}

/// What a node tells about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// The kind of its store, in a word.
    pub store: &'static str,
    /// Where others reach its API, `http://10.0.0.5:7070`.
    pub address: String,
}

/// The handle that requests use; another engine's after a reload.
pub(crate) type Current = Arc<RwLock<Handle>>;

impl Server {
    /// Takes an address on loopback.
    ///
    /// # Errors
    /// [`Error`] where it is open to others, or cannot be had.
    pub async fn listen(address: SocketAddr) -> Result<Self, Error> {
        if !address.ip().is_loopback() {
            return Err(Error::Open(address));
        }
        let bound = match TcpListener::bind(address).await {
            Ok(listener) => listener.local_addr().map(|address| (listener, address)),
            Err(cause) => Err(cause),
        };
        let (listener, address) = bound.map_err(|cause| Error::Address { address, cause })?;
        let about = About { store: "sqlite", address: format!("http://{address}") };
        Ok(Self { listener, address, about })
    }

    /// Where it is, `http://127.0.0.1:7070`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same API of a node of which this is true.
    #[must_use]
    pub fn about(self, about: About) -> Self {
        Self { about, ..self }
    }

    /// Base of the API, as services reach it: `http://127.0.0.1:7070/api/`.
    #[must_use]
    pub fn api(&self) -> String {
        format!("{}/api/", self.url())
    }

    /// Serves an engine.
    #[must_use]
    pub fn serve(self, handle: Handle) -> Serving {
        let current: Current = Arc::new(RwLock::new(handle));
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let app = api::router(Arc::clone(&current), self.about);
        let task = tokio::spawn(async move {
            let served = axum::serve(self.listener, app).with_graceful_shutdown(async move {
                // Ends also when the sender is dropped.
                let _ = stopped.await;
            });
            if let Err(error) = served.await {
                tracing::error!(%error, "the API is no longer served");
            }
        });
        Serving { address: self.address, current, stop: Some(stop), task }
    }
}

/// An API that is served.
pub struct Serving {
    address: SocketAddr,
    current: Current,
    /// Sent, or dropped, when no more requests are to be taken.
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Serving {
    /// Where it is, `http://127.0.0.1:7070`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves another engine from now on.
    pub fn replace(&self, handle: Handle) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = handle;
    }

    /// Takes no more requests and waits a little for those under way.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        if tokio::time::timeout(DRAIN, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

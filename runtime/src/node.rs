//! A node inside a binary: it hosts generated flows, serves the API, and gives typed access to runs.
//!
//! Configuration → [`Node`] → [`Running`] → [`Client`] → [`Run`].

use crate::bind::{self, Plan};
use crate::brokers;
use crate::config::{self, Config, Flags};
use crate::program::Program;
use crate::store::{self, Opened};
use sagaflow_core::codegen::rt::{Flows, Start};
use sagaflow_core::codegen::{Fault, Json};
use sagaflow_core::id::RunId;
use sagaflow_core::port;
use sagaflow_core::status::Cause;
use sagaflow_engine::view::View;
use sagaflow_engine::{Engine, Handle, Options, Until};
use sagaflow_server::{About, Server};
use std::marker::PhantomData;
use std::time::Duration;

/// Why a node does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] config::Error),
    /// A service.
    #[error(transparent)]
    Bind(#[from] bind::Error),
    /// The brokers.
    #[error(transparent)]
    Brokers(#[from] brokers::Error),
    /// The store.
    #[error("R1016: {0}")]
    Store(port::Error),
    /// The store's schema is not there yet, or is of an older program.
    #[error("R1041: the store has not been migrated: {0}; the command `migrate` does it")]
    Unmigrated(port::Error),
    /// The address of the API.
    #[error(transparent)]
    Listen(#[from] sagaflow_server::Error),
    /// The engine.
    #[error("{code}: {0}", code = sagaflow_engine::code::of(.0).name)]
    Engine(#[from] sagaflow_engine::Error),
    /// The program is at fault.
    #[error("R1014: {0}")]
    Fault(#[from] Fault),
    /// A run did not complete.
    #[error("run {run} ended {status}: {error}")]
    Run {
        /// It.
        run: RunId,
        /// Its status.
        status: String,
        /// Name of the error, or the word of what ended it.
        error: String,
    },
}

impl From<port::Error> for Error {
    fn from(error: port::Error) -> Self {
        if store::is_unmigrated(&error) { Self::Unmigrated(error) } else { Self::Store(error) }
    }
}

/// Answer of a node.
pub type Result<T> = std::result::Result<T, Error>;

/// A node that is being put together.
#[derive(Debug)]
pub struct Node {
    config: Config,
    flows: Flows,
}

impl Node {
    /// A node as the file named by `SAGAFLOW_CONFIG` and the environment say.
    ///
    /// # Errors
    /// What cannot be used, and where.
    pub fn from_env() -> Result<Self> {
        let file = std::env::var_os("SAGAFLOW_CONFIG").map(std::path::PathBuf::from);
        Ok(Self::new(Config::load(file.as_deref(), std::env::vars(), &Flags::default())?))
    }

    /// A node with this configuration.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, flows: Flows::default() }
    }

    /// Hosts these flows too.
    #[must_use]
    pub fn host(mut self, flows: impl Into<Flows>) -> Self {
        self.flows = self.flows.and(flows);
        self
    }

    /// Binds the services, opens the store, recovers, and serves.
    ///
    /// # Errors
    /// [`Error`] says what is missing or in the way; nothing runs then.
    pub async fn start(self) -> Result<Running> {
        let program = Program { flows: self.flows, ..Program::default() };
        let server = Server::listen(self.config.listen).await?;
        let address = self.config.cluster.address.clone().unwrap_or_else(|| server.url());
        let plan = Plan {
            program: &program,
            urls: &self.config.services,
            databases: &self.config.databases,
            failing: &[],
            simulate: false,
            kept: None,
            node: Some(format!("{address}/api/")),
        };
        let services = plan.bind()?;
        let kafka = brokers::connect(&self.config, &program.flows.machines, false).await?;
        let store = Opened::open(&self.config, &address).await?;
        let options = Options {
            namespace: self.config.namespace,
            machines: program.flows.machines,
            services,
            paused: false,
            on_commit: None,
            member: None,
            kafka,
        };
        let engine = store.start(options).await?;
        let about = About { store: store.kind(), address };
        let server = server.about(about).serve(engine.handle());
        Ok(Running { store, engine, server })
    }
}

/// A node that serves.
pub struct Running {
    store: Opened,
    engine: Engine,
    server: sagaflow_server::Serving,
}

impl Running {
    /// Typed access to its runs.
    #[must_use]
    pub fn client(&self) -> Client {
        Client { handle: self.engine.handle() }
    }

    /// Where its API is, `http://127.0.0.1:7070`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Serves until the process is asked to stop (SIGTERM, SIGINT), then stops within a bound.
    ///
    /// # Errors
    /// Why the store could not go on.
    pub async fn run_until_signal(self) -> Result<()> {
        let mut fatal = self.engine.handle().fatal();
        tokio::select! {
            () = signal() => {}
            _ = fatal.wait_for(Option::is_some) => {}
        }
        let told = fatal.borrow().clone();
        self.stop().await;
        told.map_or(Ok(()), |told| Err(Error::Store(port::Error::Corrupt(told))))
    }

    /// Refuses new work, waits for what is under way, and gives the store back.
    pub async fn stop(self) {
        store::stop(&self.store, self.server, self.engine).await;
    }
}

/// Ends when the process is asked to stop.
pub(crate) async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupt = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => drop(interrupt.await),
    }
}

/// Typed access to the runs of a node. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    handle: Handle,
}

impl Client {
    /// Starts a run, or finds the one its key has started. Returns after it is recorded.
    ///
    /// # Errors
    /// The input does not fit, the key was used with another input, or the node is away.
    pub async fn start<S: Start>(&self, start: S) -> Result<Run<S>> {
        let started = self.handle.start_with(S::WORKFLOW, &start.input()?).await?;
        Ok(self.run(started.run))
    }

    /// A run that was started before.
    #[must_use]
    pub fn run<S: Start>(&self, id: RunId) -> Run<S> {
        Run { handle: self.handle.clone(), id, of: PhantomData }
    }

    /// The untyped way in.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

/// One run of a workflow.
pub struct Run<S> {
    handle: Handle,
    id: RunId,
    of: PhantomData<fn() -> S>,
}

/// How a run did not complete.
#[derive(Debug)]
pub enum Unfinished<E> {
    /// It failed with one of the workflow's errors, or one of the built-in causes, and was undone.
    Failed(E),
    /// Somebody cancelled it, and it was undone.
    Cancelled,
    /// Its deadline passed before the commit, and it was undone.
    Deadline,
}

impl<S: Start> Run<S> {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.id
    }

    /// Waits for its end and gives its result.
    ///
    /// # Errors
    /// [`Error::Run`] where it did not complete.
    pub async fn result(&self) -> Result<S::Output> {
        let view = self.ended().await?;
        if view.row.status == "completed" {
            return Ok(S::output(view.result().unwrap_or(&Json::Null))?);
        }
        let error = view.error().map(|(name, ..)| name).unwrap_or_default();
        Err(Error::Run { run: self.id, status: view.row.status, error })
    }

    /// Waits for its end and gives its result or its typed error.
    ///
    /// # Errors
    /// The node's own, not the workflow's.
    pub async fn outcome(&self) -> Result<std::result::Result<S::Output, Unfinished<S::Error>>> {
        let view = self.ended().await?;
        let cause = view.state.as_ref().and_then(|state| state.head().cause.clone());
        Ok(match cause {
            None => Ok(S::output(view.result().unwrap_or(&Json::Null))?),
            Some(Cause::Failed(failure)) => Err(Unfinished::Failed(S::error(failure))),
            Some(Cause::Cancelled { .. }) => Err(Unfinished::Cancelled),
            Some(Cause::Deadline) => Err(Unfinished::Deadline),
        })
    }

    async fn ended(&self) -> Result<View> {
        loop {
            // Bound: one look a minute, should every wake-up be lost.
            let view = self.handle.wait(self.id, Until::End, Duration::from_secs(60)).await?;
            if view.row.ended_at.is_some() {
                return Ok(view);
            }
            if !self.handle.ready() && self.handle.fatal().borrow().is_some() {
                return Err(Error::Engine(sagaflow_engine::Error::Stopping));
            }
        }
    }
}

//! A private Postgres server for tests, from the machine's own programs.
//!
//! ```text
//!  test process ── pipe ──► sh (supervisor) ──► postgres
//!               end of file: stop the server, remove its folder
//! ```
//!
//! Promises: durable settings (`fsync` and `synchronous_commit` on), so that a kill proves
//! something; a port and a folder of its own; no server outlives the process that started it,
//! however that process ends. Where [`URL`] is set, tests share the server it names and make
//! databases in it. Nothing here is part of the product.

mod binaries;
mod database;
mod proxy;
mod server;
#[cfg(test)]
mod tests;

pub use binaries::{Binaries, Missing};
pub use database::Database;
pub use proxy::Proxy;

use anyhow::Context as _;
use server::Server;
use std::io::Write as _;
use std::sync::OnceLock;

// Not under `SAGAFLOW_`: programs that are tested take those for configuration, and refuse what they do
// not know.

/// Names a server to use instead of a private one; its role must be allowed to make databases and
/// roles.
pub const URL: &str = "FLOW_TEST_POSTGRES";

/// Set to `1` where the server that [`URL`] names goes after the tests: then nothing in it is dropped,
/// which would make the server write out all it has, each time.
pub const DISPOSABLE: &str = "FLOW_TEST_POSTGRES_DISPOSABLE";

/// Set to `1` where a test must not be skipped.
pub const ALL: &str = "FLOW_TEST_ALL";

/// A server: a private one, stopped with this value, or the one that [`URL`] names.
#[derive(Debug)]
pub struct Cluster {
    url: String,
    binaries: Binaries,
    /// None where the server is somebody else's.
    server: Option<Server>,
}

impl Cluster {
    /// Makes and starts a private server.
    ///
    /// # Errors
    /// Where the machine has no Postgres, or the server does not start.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(&[])
    }

    /// Makes and starts a private server with these settings too, each `name=value`.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub fn start_with(settings: &[&str]) -> anyhow::Result<Self> {
        let binaries = Binaries::find()?;
        let server = Server::make(&binaries, settings)?;
        Ok(Self { url: server.url(), binaries, server: Some(server) })
    }

    /// The server of the environment, or a private one.
    fn of_environment() -> anyhow::Result<Self> {
        match std::env::var(URL) {
            Ok(url) if !url.is_empty() => {
                Ok(Self { url, binaries: Binaries::find()?, server: None })
            }
            _ => Self::start(),
        }
    }

    /// Where the server listens, with the database `postgres`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port of a private server.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.server.as_ref().map(Server::port)
    }

    /// The folder of a private server: its data, and room for a test's own files beside it.
    #[must_use]
    pub fn folder(&self) -> Option<&std::path::Path> {
        self.server.as_ref().map(Server::folder)
    }

    /// A database of its own, dropped with the value where the server stays.
    ///
    /// # Errors
    /// Where the server refuses.
    pub fn fresh(&self) -> anyhow::Result<Database> {
        let stays = self.server.is_none() && std::env::var(DISPOSABLE).as_deref() != Ok("1");
        Database::make(&self.url, &self.binaries, stays)
    }

    /// Kills every process of a private server at once, as a power cut would.
    ///
    /// # Errors
    /// Where it is not ours, or is not running.
    pub fn kill9(&mut self) -> anyhow::Result<()> {
        self.own()?.kill9()
    }

    /// Starts a private server again on its port, after [`Cluster::kill9`] or while it runs.
    ///
    /// # Errors
    /// Where it is not ours, or does not start.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        let binaries = self.binaries.clone();
        self.own()?.restart(&binaries)
    }

    /// Stops a private server and removes its folder; one of others stays.
    pub fn stop(self) {
        drop(self);
    }

    fn own(&mut self) -> anyhow::Result<&mut Server> {
        self.server.as_mut().context("the server belongs to somebody else")
    }
}

/// The server that the tests of one process share; none where the machine has no Postgres, which is
/// said loudly.
///
/// # Panics
/// Where there is a Postgres that does not start, or [`ALL`] is set and there is none.
#[must_use]
pub fn shared() -> Option<&'static Cluster> {
    static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
    SHARED.get_or_init(|| or_skipped(Cluster::of_environment())).as_ref()
}

/// A private server for a test that kills it or wants other settings; skipped as with [`shared`].
///
/// # Panics
/// As [`shared`].
#[must_use]
pub fn private(settings: &[&str]) -> Option<Cluster> {
    or_skipped(Cluster::start_with(settings))
}

fn or_skipped(started: anyhow::Result<Cluster>) -> Option<Cluster> {
    match started {
        Ok(cluster) => Some(cluster),
        Err(error) if error.is::<Missing>() && std::env::var(ALL).as_deref() != Ok("1") => {
            // Order: past the capture of the test harness, which would swallow it.
            let _ = writeln!(std::io::stderr(), "skipped: no Postgres binaries ({error})");
            None
        }
        Err(error) => panic!("Postgres for tests: {error:#}"),
    }
}

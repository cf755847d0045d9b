//! Where a scenario runs: an engine over SQLite or over a private Postgres, beside what the machine
//! can do with the same bytes and no engine, measured in the same run.

use crate::loads::{self, Hook};
use crate::{server, sqlite_rate, sync_times};
use sagaflow_engine::{Engine, Handle};
use sagaflow_postgres::{Cluster, Database};
use sagaflow_store::{Postgres, PostgresOptions, Sqlite};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long each limit of the machine is measured.
const LADDER: Duration = Duration::from_secs(2);

/// Row pairs in the batches of the limit.
const PAIRS: u32 = 500;

/// An engine with its store.
pub struct Place {
    /// `SQLite` or `Postgres`.
    pub name: &'static str,
    /// Row pairs per second in batches of 500: L5 or L3.
    pub pairs: f64,
    /// Name of that limit.
    pub limit: &'static str,
    engine: Engine,
    /// The database, where it is a server's.
    pub database: Option<Database>,
    commits: Arc<AtomicU64>,
    // Order: the server and the folder go last.
    server: Option<Cluster>,
    folder: tempfile::TempDir,
}

/// Shards of an embedded store, as `flowd` makes it.
pub const EMBEDDED: u32 = 4;

/// Shards of a store on a server, as `flowd` makes it.
pub const SHARED: u32 = 16;

impl Place {
    /// Over a file in a folder of its own.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub async fn sqlite(hook: Hook) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir_in(".")?;
        let pairs = sqlite_rate(folder.path(), PAIRS as usize, LADDER).await?;
        let path = folder.path().join("store.db");
        let options =
            sagaflow_store::Options { shards: EMBEDDED, ..sagaflow_store::Options::new(&path) };
        let store = Sqlite::open(options).await?;
        let commits = store.commits();
        let engine = loads::engine(store, hook, None).await?;
        Ok(Self {
            name: "SQLite",
            pairs,
            limit: "L5(500)",
            engine,
            commits,
            database: None,
            server: None,
            folder,
        })
    }

    /// Over a database of a private server; none where the machine has no Postgres.
    ///
    /// # Errors
    /// Where it does not start.
    pub async fn postgres(hook: Hook) -> anyhow::Result<Option<Self>> {
        let Some(server) = server::start()? else { return Ok(None) };
        let pairs = server::batch_rate(&server, PAIRS, LADDER).await?;
        let database = server.fresh()?;
        let options = PostgresOptions { shards: SHARED, ..PostgresOptions::new(database.url()) };
        Postgres::migrate(&options).await?;
        let store = Postgres::open(options).await?;
        let commits = store.commits();
        let engine = loads::engine(store, hook, None).await?;
        Ok(Some(Self {
            name: "Postgres",
            pairs,
            limit: "L3(500)",
            engine,
            commits,
            database: Some(database),
            server: Some(server),
            folder: tempfile::tempdir_in(".")?,
        }))
    }

    /// Both, one after the other: SQLite, then Postgres where the machine has it. Says so where
    /// not.
    ///
    /// # Errors
    /// Where one cannot be made.
    pub async fn nth(number: usize, hook: &Hook) -> anyhow::Result<Option<Self>> {
        match number {
            0 => Self::sqlite(Hook::clone(hook)).await.map(Some),
            1 => {
                let place = Self::postgres(Hook::clone(hook)).await?;
                if place.is_none() {
                    println!("Postgres: not measured, this machine has none.\n");
                }
                Ok(place)
            }
            _ => Ok(None),
        }
    }

    /// The way in.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.engine.handle()
    }

    /// Commits of the store so far.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// A folder on the same disk.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The disk's own times for an append of 8 KB, sorted.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn sync_times(&self, span: Duration) -> anyhow::Result<Vec<Duration>> {
        let mut times = sync_times(self.folder.path(), 8 * 1024, span)?;
        times.sort();
        Ok(times)
    }

    /// A URL of its database, where it is a server's.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.database.as_ref().map(Database::url)
    }

    /// Stops the engine in good order, then everything else.
    pub async fn close(self) {
        self.engine.stop().await;
        drop((self.database, self.server, self.folder));
    }
}

/// Says in a child of [`one_process_each`] which store it is for.
const STORE: &str = "FLOW_BENCH_STORE";

/// The number of the store that this process measures; none in the parent, which has printed the
/// title and run a process for each: what one store's runs leave in the allocator would be counted
/// as another's memory.
///
/// # Errors
/// Where a child fails.
pub fn one_process_each(title: &str) -> anyhow::Result<Option<usize>> {
    if let Ok(number) = std::env::var(STORE) {
        return Ok(Some(number.parse()?));
    }
    println!("{title}");
    for number in ["0", "1"] {
        let mut command = std::process::Command::new(std::env::current_exe()?);
        let status = command.args(std::env::args().skip(1)).env(STORE, number).status()?;
        anyhow::ensure!(status.success(), "store {number}: {status}");
    }
    Ok(None)
}

/// Resident memory of this process, in bytes.
///
/// # Errors
/// Where the machine does not say.
pub fn resident() -> anyhow::Result<f64> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: f64 = text.split(' ').nth(1).unwrap_or("0").parse()?;
    Ok(pages * 4096.0)
}

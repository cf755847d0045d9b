//! The file: whose it is, whether this program knows it, how it is opened.
//!
//! Promises: nothing of a file is touched before it is known that no other process has it, that it
//! is ours, and that it is not newer than this program.

use super::Options;
use super::failure::{self, read_error};
use super::log;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use sagaflow_core::id::SLOTS;
use sagaflow_core::port::{Error, Result};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqlSafeStr as _, SqliteConnection, SqlitePool};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What every SQLite file begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// `SGFW`, as the first migration writes it.
const OURS: i64 = 0x5347_4657;

/// Bound: bytes of the log that stay on the disk after it was copied.
const LOG_BYTES: &str = "67108864";

/// Bound: statements that the writer keeps prepared; it has fewer.
const PREPARED: usize = 64;

/// Bound: how long a statement waits for programs of others that look into the file.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// Bound: how long [`fold`] waits for readers: nobody's commit may wait for it much longer.
const FOLD_BUSY: Duration = Duration::from_secs(1);

const FOLD: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// `synchronous = FULL`, as the database numbers it.
const FULL: i64 = 2;

const MODES: &str = "SELECT journal_mode, synchronous FROM pragma_journal_mode, pragma_synchronous";
const APPLICATION: &str = "SELECT application_id FROM pragma_application_id";
/// Without the list of migrations, which is made before the first of them: a start that was
/// interrupted between the two leaves a file that is still new.
const TABLES: &str = "SELECT count(*) FROM sqlite_schema WHERE tbl_name <> '_sqlx_migrations'";
const VERSION: &str = "SELECT max(version) FROM _sqlx_migrations WHERE success = 1";
const SHARDS: &str = "SELECT value FROM meta WHERE key = 'shards'";
const SET_SHARDS: &str = "INSERT INTO meta (key, value) VALUES ('shards', ?1)";
const ADD_SHARDS: &str = "INSERT INTO shard (shard) WITH RECURSIVE n (shard) AS \
     (SELECT 0 UNION ALL SELECT shard + 1 FROM n WHERE shard + 1 < ?1) SELECT shard FROM n";

/// The opened file. Its lock is held for as long as this lives.
#[derive(Debug)]
pub(super) struct StoreFile {
    path: PathBuf,
    readers: u32,
    pages_max: Option<u32>,
    /// Shards of this store.
    pub shards: u32,
}

/// The lock beside the file: dropped last, and by the operating system if the process dies.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl StoreFile {
    /// Locks, checks, makes or migrates the file, and opens the one connection that writes.
    pub async fn open(options: &Options) -> Result<(Self, Lock, Connection)> {
        if options.shards == 0 || options.shards > u32::from(SLOTS) {
            return Err(Error::Refused(format!("a store has 1 to {SLOTS} shards")));
        }
        let path = resolve(&options.path)?;
        let lock = lock(&path)?;
        let new = recognise(&path)?;
        let mut file = Self {
            path,
            readers: options.readers.max(1),
            pages_max: options.pages_max,
            shards: options.shards,
        };
        if !new {
            file.probe().await?;
        }
        let mut conn = file.connect()?;
        file.migrate().await?;
        file.shards = shards(&mut conn, options.shards)?;
        // What a crash left in the log, or what has just been made.
        fold(&conn);
        Ok((file, lock, conn))
    }

    /// Opens the writing connection. It is not of the pool's kind: that one has a thread of its own,
    /// and this one's thread is the writer's, which would only wake it and wait.
    pub fn connect(&self) -> Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let failed = |error| Error::Refused(format!("open `{}`: {error}", self.path.display()));
        let conn = Connection::open_with_flags(&self.path, flags).map_err(failed)?;
        conn.busy_timeout(BUSY).map_err(failed)?;
        conn.set_prepared_statement_cache_capacity(PREPARED);
        self.configure(&conn)?;
        Ok(conn)
    }

    /// Connections that only read. They are opened when they are first wanted.
    pub fn readers(&self) -> SqlitePool {
        let options = self.options().read_only(true).create_if_missing(false);
        SqlitePoolOptions::new()
            .max_connections(self.readers)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(options)
    }

    fn options(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .busy_timeout(BUSY)
            .statement_cache_capacity(128)
            .disable_statement_logging()
    }

    /// Looks without touching: closing a connection that may write would copy the log into the
    /// file.
    async fn probe(&self) -> Result<()> {
        let options = self.options().read_only(true).create_if_missing(false);
        let failed = |error| Error::Refused(format!("open `{}`: {error}", self.path.display()));
        let mut conn = SqliteConnection::connect_with(&options).await.map_err(failed)?;
        let known = known_or_new(&mut conn, &self.path).await;
        let closed = conn.close().await.map_err(failed);
        known.and(closed)
    }

    /// Moves the file to this program's format.
    ///
    /// Crash: each migration commits together with the row that says so, so the next start goes on
    /// where this one stopped.
    async fn migrate(&self) -> Result<()> {
        let failed = |cause: &dyn std::fmt::Display| {
            Error::Refused(format!("migrate `{}`: {cause}", self.path.display()))
        };
        let options = self.options().create_if_missing(false);
        let options = options.synchronous(SqliteSynchronous::Full).pragma("fullfsync", "ON");
        let mut conn =
            SqliteConnection::connect_with(&options).await.map_err(|error| failed(&error))?;
        let migrated = Migrator::with_migrations(migrations()).run(&mut conn).await;
        let closed = conn.close().await;
        migrated.map_err(|error| failed(&error))?;
        closed.map_err(|error| failed(&error))
    }

    /// Crash: with a write-ahead log and `FULL`, a commit that was answered is on the disk, and one
    /// that was not is there whole or not at all when the file is opened again.
    fn configure(&self, conn: &Connection) -> Result<()> {
        let pages = self.pages_max.map(|pages| format!("PRAGMA max_page_count = {pages};"));
        // Built of constants and one number; pragmas take no bound values.
        let script = format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; \
             PRAGMA checkpoint_fullfsync = ON; PRAGMA wal_autocheckpoint = 0; \
             PRAGMA journal_size_limit = {LOG_BYTES}; {}",
            pages.unwrap_or_default()
        );
        conn.execute_batch(&script).map_err(|error| self.unwritable(&error))?;
        // Both are asked back: a file system without shared memory keeps its old mode in silence,
        // and a store that only believes itself durable would lie to everybody.
        let modes = conn.query_row(MODES, [], |row| Ok((row.get(0)?, row.get(1)?)));
        let modes: (String, i64) = modes.map_err(|error| self.unwritable(&error))?;
        log::watch(conn);
        match modes {
            (mode, FULL) if mode == "wal" => Ok(()),
            (mode, level) => Err(Error::Refused(format!(
                "`{}` is not durable: log `{mode}`, synchronous {level}",
                self.path.display()
            ))),
        }
    }

    fn unwritable(&self, error: &rusqlite::Error) -> Error {
        Error::Refused(format!("write `{}`: {error}", self.path.display()))
    }
}

/// Copies the log into the file and empties it, so that the file alone is the whole store. Where it
/// cannot, because somebody reads or the disk is full, the log stays and goes on belonging to it.
///
/// Crash: the log is emptied after the file was forced to the disk, so at every moment the two
/// together hold every commit that was answered.
pub(super) fn fold(conn: &Connection) {
    if let Err(error) = try_fold(conn) {
        tracing::warn!(%error, "the store's log is not copied into its file: keep them together");
    }
}

fn try_fold(conn: &Connection) -> Result<()> {
    conn.busy_timeout(FOLD_BUSY).map_err(failure::error)?;
    let folded = conn.query_row(FOLD, [], |row| row.get::<_, i64>(0));
    conn.busy_timeout(BUSY).map_err(failure::error)?;
    match folded.map_err(failure::error)? {
        0 => Ok(()),
        _ => Err(Error::Unavailable("somebody reads it".to_owned())),
    }
}

/// The real path of the file, so that two names of one file have one lock, and one log.
fn resolve(path: &Path) -> Result<PathBuf> {
    let refused = |what: &str, cause: &dyn std::fmt::Display| {
        Error::Refused(format!("{what} `{}`: {cause}", path.display()))
    };
    if path.is_dir() {
        return Err(refused("open", &"it is a folder"));
    }
    if path.exists() {
        return path.canonicalize().map_err(|error| refused("open", &error));
    }
    let name = path.file_name().ok_or_else(|| refused("open", &"it names no file"))?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.exists() {
        std::fs::create_dir(folder).map_err(|error| refused("make the folder of", &error))?;
    }
    let folder = folder.canonicalize().map_err(|error| refused("open", &error))?;
    Ok(folder.join(name))
}

fn lock(path: &Path) -> Result<Lock> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let failed = |error: &std::io::Error| {
        Error::Refused(format!("lock `{}`: {error}", PathBuf::from(&name).display()))
    };
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&name);
    let mut file = file.map_err(|error| failed(&error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Who it is only helps the reader of the message; the lock itself has already spoken.
            let read = (&file).take(64).read_to_string(&mut holder);
            let holder = read.map_or("", |_| holder.trim());
            let who = if holder.is_empty() { "another process" } else { holder };
            return Err(Error::Held(format!("{who} has `{}`", path.display())));
        }
        Err(TryLockError::Error(error)) => return Err(failed(&error)),
    }
    // Crash: the text may then name a dead process, but nobody reads it unless the lock is held.
    let named = file.set_len(0).and_then(|()| write!(file, "process {}", std::process::id()));
    named.map_err(|error| failed(&error))?;
    Ok(Lock { _file: file })
}

/// Refuses what is no SQLite file, and tells whether there is none yet. Order: before SQLite has it
/// open, because closing any descriptor of a file gives up the locks that the process has on it.
fn recognise(path: &Path) -> Result<bool> {
    let mut head = [0; 16];
    let Ok(mut file) = File::open(path) else { return Ok(true) };
    match file.read(&mut head) {
        Ok(0) => Ok(true),
        Ok(_) if head == *MAGIC => Ok(false),
        Ok(_) => {
            Err(Error::Refused(format!("`{}` is not a store: no SQLite file", path.display())))
        }
        Err(error) => Err(Error::Refused(format!("open `{}`: {error}", path.display()))),
    }
}

/// Refuses a file of somebody else, and one that a newer program has migrated.
async fn known_or_new(conn: &mut SqliteConnection, path: &Path) -> Result<()> {
    let path = path.display();
    let mark: i64 =
        sqlx::query_scalar(APPLICATION).fetch_one(&mut *conn).await.map_err(read_error)?;
    let tables: i64 = sqlx::query_scalar(TABLES).fetch_one(&mut *conn).await.map_err(read_error)?;
    match (mark, tables) {
        (0, 0) => return Ok(()),
        (OURS, _) => {}
        _ => return Err(Error::Refused(format!("`{path}` is not a store: it belongs to others"))),
    }
    let found: Option<i64> =
        sqlx::query_scalar(VERSION).fetch_one(&mut *conn).await.map_err(read_error)?;
    let known = migrations().iter().map(|migration| migration.version).max();
    match (found, known) {
        (Some(found), Some(known)) if found > known => Err(Error::Refused(format!(
            "`{path}` has format {found}, this program knows {known}: use a newer program"
        ))),
        _ => Ok(()),
    }
}

/// Each change of the schema with its number and name, in order. Their texts are checksummed: one
/// that was released is never edited.
const MIGRATIONS: [(i64, &str, &str); 7] = [
    (1, "create store", include_str!("../../migrations/0001_create_store.sql")),
    (2, "create inbox", include_str!("../../migrations/0002_create_inbox.sql")),
    (3, "create wait", include_str!("../../migrations/0003_create_wait.sql")),
    (4, "add emitted", include_str!("../../migrations/0004_add_emitted.sql")),
    (5, "index closed items", include_str!("../../migrations/0005_index_closed_items.sql")),
    (6, "create interest", include_str!("../../migrations/0006_create_interest.sql")),
    (7, "create indexed", include_str!("../../migrations/0007_create_indexed.sql")),
];

/// Every change of the schema.
pub(super) fn migrations() -> Vec<Migration> {
    let migration = |(version, name, text): (i64, &'static str, &'static str)| {
        let kind = MigrationType::Simple;
        Migration::new(version, name.into(), kind, text.into_sql_str(), false)
    };
    MIGRATIONS.into_iter().map(migration).collect()
}

/// The number of shards, set when the store is made.
fn shards(conn: &mut Connection, wanted: u32) -> Result<u32> {
    let found = conn.query_row(SHARDS, [], |row| row.get::<_, String>(0)).optional();
    if let Some(text) = found.map_err(failure::error)? {
        let corrupt = |_| Error::Corrupt(format!("it says it has `{text}` shards"));
        return text.parse().map_err(corrupt);
    }
    // Crash: both statements commit together, so a store without its number has no shards either.
    let made = conn.transaction().map_err(failure::error)?;
    made.execute(SET_SHARDS, params![wanted.to_string()]).map_err(failure::error)?;
    made.execute(ADD_SHARDS, params![wanted]).map_err(failure::error)?;
    made.commit().map_err(failure::error)?;
    Ok(wanted)
}

/// The constant statements of this file, to prepare them in a test.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 7] =
    [MODES, APPLICATION, TABLES, VERSION, SHARDS, SET_SHARDS, ADD_SHARDS];

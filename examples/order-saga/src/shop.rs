//! The shop's own data: a SQLite file beside the engine's, and the guard that makes every write
//! once-only.
//!
//! Each call is one transaction: the guard's row and the effect are there together or not at all.

use sagaflow::guard::{self, Begun, Sqlite, Undoing};
use sagaflow::{Call, Failure};
use serde_json::Value;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Tables, made when they are missing.
const TABLES: &[&str] = &[
    "create table if not exists stock (sku text primary key, on_hand integer not null check (on_hand >= 0)) strict",
    "create table if not exists reservation (order_id text not null, sku text not null, quantity integer not null, primary key (order_id, sku)) strict",
    "create table if not exists payment (order_id text primary key, amount text not null, state text not null check (state in ('held', 'captured'))) strict",
    "create table if not exists parcel (order_id text primary key, tracking text not null, state text not null check (state in ('booked', 'dispatched'))) strict",
    "create table if not exists letter (order_id text not null, kind text not null, primary key (order_id, kind)) strict",
    "insert into stock (sku, on_hand) values ('LMP-0042', 1000), ('BLB-0007', 1000) on conflict do nothing",
];

/// Where the data is: `SHOP_DB`, else beside the engine's default store.
pub fn path() -> PathBuf {
    std::env::var_os("SHOP_DB").map_or_else(|| PathBuf::from(".sagaflow/shop.db"), PathBuf::from)
}

/// The shop's database. One connection: SQLite has one writer anyway.
#[derive(Clone)]
pub struct Shop(Arc<Mutex<SqliteConnection>>);

/// What a forward call finds.
pub enum Work {
    /// Nothing yet: make the effect in this transaction.
    Fresh(Desk),
    /// It happened before; its answer.
    Answered(Value),
    /// It failed before with this declared error.
    Failed(Value),
}

impl Shop {
    /// Opens the database, makes what is missing and fills the shelves.
    pub async fn open(path: &Path) -> sqlx::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        let mut db = options.connect().await?;
        for table in TABLES {
            sqlx::query(*table).execute(&mut db).await?;
        }
        Sqlite::create(&mut db).await?;
        Ok(Self(Arc::new(Mutex::new(db))))
    }

    /// A transaction. What an aborted call left open is rolled back first.
    async fn begin(&self) -> sqlx::Result<Desk> {
        let mut held = Arc::clone(&self.0).lock_owned().await;
        // Order: a call that was dropped between `begin` and `commit` could not roll back itself; the
        // statement fails where nothing is open, and that is as good.
        let _nothing_open = sqlx::query("rollback").execute(&mut *held).await;
        sqlx::query("begin immediate").execute(&mut *held).await?;
        Ok(Desk(held))
    }

    /// Begins a forward call.
    pub async fn forward<E>(&self, call: &Call) -> Result<Work, Failure<E>> {
        let mut desk = self.begin().await?;
        match guard::begin(&mut Sqlite(desk.db()), call).await? {
            Begun::Fresh => Ok(Work::Fresh(desk)),
            Begun::Answered(answer) => Ok(Work::Answered(answer)),
            Begun::Failed { payload, .. } => Ok(Work::Failed(payload)),
            Begun::Undone => Err(Failure::Refused("its undo came first".to_owned())),
        }
    }

    /// Begins an undo: the transaction, and whether there is anything to take back.
    pub async fn backward<E>(&self, call: &Call) -> Result<(Desk, bool), Failure<E>> {
        let mut desk = self.begin().await?;
        let found = guard::undo(&mut Sqlite(desk.db()), call).await?;
        Ok((desk, matches!(found, Undoing::Applied(_))))
    }
}

/// One transaction of the shop. Dropped without an end it leaves nothing behind.
pub struct Desk(OwnedMutexGuard<SqliteConnection>);

impl Desk {
    /// Its connection.
    pub fn db(&mut self) -> &mut SqliteConnection {
        &mut self.0
    }

    /// Commits the effect together with its answer.
    ///
    /// Crash: before the commit neither effect nor answer is there, and the engine asks again with
    /// the same key; after it the repeated call finds the answer.
    pub async fn done<E>(mut self, call: &Call, answer: &Value) -> Result<(), Failure<E>> {
        guard::done(&mut Sqlite(self.db()), call, answer.clone()).await?;
        sqlx::query("commit").execute(self.db()).await?;
        Ok(())
    }

    /// Commits nothing but the fact that the call failed with a declared error.
    pub async fn failed<E>(
        mut self,
        call: &Call,
        error: &str,
        payload: Value,
    ) -> Result<(), Failure<E>> {
        sqlx::query("rollback").execute(self.db()).await?;
        sqlx::query("begin immediate").execute(self.db()).await?;
        guard::failed(&mut Sqlite(self.db()), call, error, payload).await?;
        sqlx::query("commit").execute(self.db()).await?;
        Ok(())
    }

    /// Commits an undo.
    pub async fn undone<E>(mut self) -> Result<(), Failure<E>> {
        sqlx::query("commit").execute(self.db()).await?;
        Ok(())
    }
}

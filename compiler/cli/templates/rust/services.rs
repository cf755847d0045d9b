//! The services behind the contracts of `flows/orders.flow`, over a SQLite database of their own.
//!
//! Every write is one transaction with a row of the guard: a repeated call gets the first one's
//! answer, and an undo that comes before its call is remembered. `?` on a database error means
//! *unknown*: it may have happened. Only a declared error promises that it did not.

use crate::orders::{OrderId, Payments, Shipping, Sku, Stock, payments, shipping, stock};
use sagaflow::guard::{self, Begun, Sqlite, Undoing};
use sagaflow::{Call, Failure, Money, NoError, Outcome};
use serde_json::{Value, json};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Tables, made when they are missing.
const TABLES: &[&str] = &[
    "create table if not exists stock (sku text primary key, on_hand integer not null check (on_hand >= 0)) strict",
    "create table if not exists taken (order_id text primary key, sku text not null, quantity integer not null) strict",
    "create table if not exists charge (order_id text primary key, amount text not null) strict",
    "create table if not exists parcel (order_id text primary key, tracking text not null) strict",
    "insert into stock (sku, on_hand) values ('LMP-0042', 1000) on conflict do nothing",
];

/// Where the data is: `SHOP_DB`, else beside the engine's default store.
pub fn path() -> PathBuf {
    std::env::var_os("SHOP_DB").map_or_else(|| PathBuf::from(".sagaflow/shop.db"), PathBuf::from)
}

/// The database of the services. One connection: SQLite has one writer anyway.
#[derive(Clone)]
pub struct Shop(Arc<Mutex<SqliteConnection>>);

/// One transaction. Dropped without an end it leaves nothing behind.
struct Desk(OwnedMutexGuard<SqliteConnection>);

/// What a forward call finds.
enum Work {
    /// Nothing yet: make the effect in this transaction.
    Fresh(Desk),
    /// It happened before; its answer.
    Answered(Value),
    /// It failed before with its declared error; the payload.
    Failed(Value),
}

impl Shop {
    /// Opens the database and makes what is missing.
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
        let _nothing_open = sqlx::query("rollback").execute(&mut *held).await;
        sqlx::query("begin immediate").execute(&mut *held).await?;
        Ok(Desk(held))
    }

    /// Begins a forward call.
    async fn forward<E>(&self, call: &Call) -> Result<Work, Failure<E>> {
        let mut desk = self.begin().await?;
        match guard::begin(&mut Sqlite(&mut desk.0), call).await? {
            Begun::Fresh => Ok(Work::Fresh(desk)),
            Begun::Answered(answer) => Ok(Work::Answered(answer)),
            Begun::Failed { payload, .. } => Ok(Work::Failed(payload)),
            Begun::Undone => Err(Failure::Refused("its undo came first".to_owned())),
        }
    }

    /// Takes back what the forward call did, if it did.
    async fn backward(
        &self,
        call: &Call,
        order: OrderId,
        sql: &[&'static str],
    ) -> Outcome<(), NoError> {
        let mut desk = self.begin().await?;
        if let Undoing::Applied(_) = guard::undo(&mut Sqlite(&mut desk.0), call).await? {
            for statement in sql {
                sqlx::query(*statement).bind(text(&order)).execute(&mut *desk.0).await?;
            }
        }
        sqlx::query("commit").execute(&mut *desk.0).await?;
        Ok(())
    }
}

impl Desk {
    /// Commits the effect together with its answer: a repeated call finds both or neither.
    async fn done<E>(mut self, call: &Call, answer: Value) -> Result<(), Failure<E>> {
        guard::done(&mut Sqlite(&mut self.0), call, answer).await?;
        sqlx::query("commit").execute(&mut *self.0).await?;
        Ok(())
    }

    /// Commits nothing but that the call failed with a declared error.
    async fn failed<E>(
        mut self,
        call: &Call,
        error: &str,
        payload: Value,
    ) -> Result<(), Failure<E>> {
        sqlx::query("rollback").execute(&mut *self.0).await?;
        sqlx::query("begin immediate").execute(&mut *self.0).await?;
        guard::failed(&mut Sqlite(&mut self.0), call, error, payload).await?;
        sqlx::query("commit").execute(&mut *self.0).await?;
        Ok(())
    }
}

/// How an id or amount is written at the boundary.
fn text(value: &impl serde::Serialize) -> String {
    match json!(value) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

impl Stock for Shop {
    async fn take(
        &self,
        call: &Call,
        order: OrderId,
        sku: Sku,
        quantity: i64,
    ) -> Outcome<(), stock::TakeError> {
        let mut desk = match self.forward(call).await? {
            Work::Fresh(desk) => desk,
            Work::Answered(_) => return Ok(()),
            Work::Failed(_) => return Err(Failure::Failed(stock::TakeError::SoldOut)),
        };
        let taken =
            sqlx::query("update stock set on_hand = on_hand - ?1 where sku = ?2 and on_hand >= ?1")
                .bind(quantity)
                .bind(text(&sku))
                .execute(&mut *desk.0)
                .await?;
        if taken.rows_affected() == 0 {
            desk.failed(call, "SoldOut", Value::Null).await?;
            return Err(Failure::Failed(stock::TakeError::SoldOut));
        }
        sqlx::query("insert into taken (order_id, sku, quantity) values (?, ?, ?)")
            .bind(text(&order))
            .bind(text(&sku))
            .bind(quantity)
            .execute(&mut *desk.0)
            .await?;
        desk.done(call, Value::Null).await
    }

    async fn put_back(&self, call: &Call, order: OrderId) -> Outcome<(), NoError> {
        let statements = [
            "update stock set on_hand = on_hand + t.quantity
             from (select sku, quantity from taken where order_id = ?) t
             where stock.sku = t.sku",
            "delete from taken where order_id = ?",
        ];
        self.backward(call, order, &statements).await
    }
}

impl Payments for Shop {
    async fn charge(
        &self,
        call: &Call,
        order: OrderId,
        amount: Money,
    ) -> Outcome<(), payments::ChargeError> {
        let mut desk = match self.forward(call).await? {
            Work::Fresh(desk) => desk,
            Work::Answered(_) => return Ok(()),
            Work::Failed(payload) => {
                let reason = payload["reason"].as_str().unwrap_or_default().to_owned();
                return Err(Failure::Failed(payments::ChargeError::Declined { reason }));
            }
        };
        sqlx::query("insert into charge (order_id, amount) values (?, ?)")
            .bind(text(&order))
            .bind(text(&amount))
            .execute(&mut *desk.0)
            .await?;
        desk.done(call, Value::Null).await
    }

    async fn refund(&self, call: &Call, order: OrderId) -> Outcome<(), NoError> {
        self.backward(call, order, &["delete from charge where order_id = ?"]).await
    }
}

impl Shipping for Shop {
    async fn ship(&self, call: &Call, order: OrderId) -> Outcome<String, shipping::ShipError> {
        let mut desk = match self.forward(call).await? {
            Work::Fresh(desk) => desk,
            Work::Answered(answer) => return Ok(serde_json::from_value(answer)?),
            Work::Failed(_) => return Err(Failure::Failed(shipping::ShipError::NoCarrier)),
        };
        let tracking = format!("track-{}", text(&order));
        sqlx::query("insert into parcel (order_id, tracking) values (?, ?)")
            .bind(text(&order))
            .bind(&tracking)
            .execute(&mut *desk.0)
            .await?;
        desk.done(call, json!(tracking)).await?;
        Ok(tracking)
    }
}

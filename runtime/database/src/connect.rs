//! Connections: how many, how they are prepared, and when one is closed.

use crate::trouble::Trouble;
use sqlx::Executor as _;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, Postgres};
use std::str::FromStr as _;
use std::time::Duration;
use tokio::sync::OnceCell;

/// Bound: waiting for a connection.
const ACQUIRE: Duration = Duration::from_secs(5);

/// Where a database is.
#[derive(Clone, PartialEq, Eq)]
pub struct Options {
    /// `postgres://…`, with the password.
    pub url: String,
    /// Bound: connections of this process.
    pub connections: u32,
}

impl Options {
    /// Connections where nothing is said.
    pub const CONNECTIONS: u32 = 8;

    /// Whether an address is one of a server, whatever stands behind its scheme.
    #[must_use]
    pub fn is_server(url: &str) -> bool {
        matches!(url.split_once("://"), Some(("postgres" | "postgresql", _)))
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("connections", &self.connections).finish_non_exhaustive()
    }
}

/// Why a database cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The address is none.
    #[error(
        "the address of the database `{0}` is no URL such as `postgres://user@host:5432/database`"
    )]
    Address(String),
    /// Two versions of a workflow, both served, mean two things by one name.
    #[error(
        "two served versions differ in the `sql` of `{database}.{action}`: give the changed one another name"
    )]
    TwoStatements {
        /// Qualified database.
        database: String,
        /// The action.
        action: String,
    },
    /// No `sql`.
    #[error(
        "`{action}` of the database `{database}` has no `sql`, and nothing else answers for it"
    )]
    NoStatement {
        /// Qualified database.
        database: String,
        /// The action.
        action: String,
    },
}

/// Makes connections.
pub(crate) struct Connector {
    pool: PgPool,
    /// The table of outcome rows is there.
    prepared: OnceCell<()>,
}

/// A connection that is closed unless it is given back.
pub(crate) struct Held {
    connection: Option<PoolConnection<Postgres>>,
    /// Bound of its statements that was set since it was lent, in ms.
    bound: Option<i64>,
}

impl Connector {
    pub(crate) fn new(database: &str, options: &Options) -> Result<Self, Unusable> {
        // The library takes any scheme, and its words may repeat the password.
        let connect = PgConnectOptions::from_str(&options.url).ok();
        let connect = connect.filter(|_| Options::is_server(&options.url));
        let connect = connect.ok_or_else(|| Unusable::Address(database.to_owned()))?;
        let connect = connect.application_name("sagaflow").options([
            // A process that sleeps in the middle keeps nobody waiting for its row for longer.
            ("idle_in_transaction_session_timeout", "60s"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(options.connections.max(1))
            .acquire_timeout(ACQUIRE)
            .connect_lazy_with(connect);
        Ok(Self { pool, prepared: OnceCell::new() })
    }

    /// A connection, outside of any transaction.
    pub(crate) async fn hold(&self) -> Result<Held, Trouble> {
        let connection = self.pool.acquire().await?;
        let mut held = Held { connection: Some(connection), bound: None };
        self.prepared.get_or_try_init(|| crate::outcome::create(&mut held)).await?;
        Ok(held)
    }
}

impl Held {
    /// Executes what has no parameters and no rows.
    pub(crate) async fn execute(&mut self, text: &'static str) -> sqlx::Result<()> {
        self.get()?.execute(sqlx::raw_sql(text)).await.map(drop)
    }

    pub(crate) fn get(&mut self) -> sqlx::Result<&mut sqlx::PgConnection> {
        self.connection.as_deref_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// Whether its statements are bounded so already.
    pub(crate) fn bounded(&self, ms: i64) -> bool {
        self.bound == Some(ms)
    }

    /// What was set may be taken back by a rollback.
    pub(crate) fn unbind(&mut self) {
        self.bound = None;
    }

    pub(crate) fn set_bound(&mut self, ms: i64) {
        self.bound = Some(ms);
    }

    /// Gives it back: it is outside of any transaction.
    pub(crate) fn give_back(mut self) {
        drop(self.connection.take());
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // It may stand inside a transaction: closing it is what rolls that back.
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}

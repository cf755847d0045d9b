//! Connections: how each is made, checked and set, and which server it leads to.
//!
//! Promises: no connection is used before its server was found durable, not a standby, and known;
//! whatever that server was changed for another one, every lease taken before is fenced.

use super::leases::Leases;
use super::options::Schema;
use sagaflow_core::port::{Error, Result};
use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, Row as _};
use std::sync::Arc;
use std::time::Duration;

/// The oldest server: 15.
const SERVER_MIN: i32 = 150_000;

/// Bound: how long making a connection may take, and waiting for a free one.
pub(super) const CONNECT: Duration = Duration::from_secs(5);

/// Bound: how long a statement waits for a lock, in ms. A batch waits only for statements of one
/// round trip each.
const LOCK_MS: u64 = 5_000;

/// Bound: how long the server works on a statement, in ms. Recovery of a large shard and the
/// deletion of many runs are the longest.
const STATEMENT_MS: u64 = 30_000;

/// Bound: how long an answer is waited for; more than the server may take, so that what hangs is the
/// network.
pub(super) const ANSWER: Duration = Duration::from_millis(STATEMENT_MS + 5_000);

/// Bound: a connection that rested longer is asked whether it lives before it is used.
pub(super) const RESTED: Duration = Duration::from_secs(1);

/// What must be known of a server before it is trusted.
const CHECK: &str = "SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4, \
     pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('fsync'), \
     pg_catalog.current_setting('full_page_writes'), \
     pg_catalog.current_setting('synchronous_commit'), \
     (SELECT system_identifier FROM pg_catalog.pg_control_system()), \
     CASE WHEN NOT pg_catalog.pg_is_in_recovery() \
     THEN pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()) END";

/// Which server it is, and how often its history has branched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub system: i64,
    pub timeline: u32,
}

/// Makes connections.
#[derive(Debug)]
pub(super) struct Connector {
    options: PgConnectOptions,
    schema: Schema,
    leases: Arc<Leases>,
}

impl Connector {
    pub fn new(options: PgConnectOptions, schema: Schema, leases: Arc<Leases>) -> Self {
        let options = options
            .application_name("sagaflow")
            .statement_cache_capacity(64)
            .disable_statement_logging();
        Self { options, schema, leases }
    }

    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// A connection of its own.
    ///
    /// # Errors
    /// [`Error::Refused`] where the server must not be used, [`Error::Unavailable`] where it cannot.
    pub async fn connect(&self) -> Result<PgConnection> {
        let connecting = PgConnection::connect_with(&self.options);
        let connected = tokio::time::timeout(CONNECT, connecting).await;
        let connected = connected.map_err(|_| unavailable(&"no answer to a connection"))?;
        let mut conn = connected.map_err(|error| unavailable(&error))?;
        let prepared = tokio::time::timeout(CONNECT, self.prepare(&mut conn)).await;
        prepared.unwrap_or_else(|_| Err(unavailable(&"no answer at a connection's begin")))?;
        Ok(conn)
    }

    /// Checks the server and sets the session. Settings are sent as statements, because poolers do
    /// not take them with a connection.
    async fn prepare(&self, conn: &mut PgConnection) -> Result<()> {
        let row = sqlx::query(CHECK).fetch_one(&mut *conn).await;
        let (identity, durable) = check(&row.map_err(|error| unavailable(&error))?)?;
        // A stronger level than `on` is the administrator's choice.
        let level = if durable == "remote_apply" { "remote_apply" } else { "on" };
        let script = format!(
            "SET search_path = pg_catalog, pg_temp; SET synchronous_commit = {level}; \
             SET plan_cache_mode = force_generic_plan; SET jit = off; \
             SET default_transaction_isolation = 'read committed'; \
             SET default_transaction_read_only = off; SET lock_timeout = {LOCK_MS}; \
             SET statement_timeout = {STATEMENT_MS}; \
             SET idle_in_transaction_session_timeout = {STATEMENT_MS}"
        );
        // Built of constants.
        let set = sqlx::raw_sql(sqlx::AssertSqlSafe(script)).execute(conn).await;
        set.map_err(|error| unavailable(&error))?;
        self.leases.identified(identity);
        Ok(())
    }
}

/// Refuses a server that could lose what it acknowledged.
fn check(row: &PgRow) -> Result<(Identity, String)> {
    let text = |column| row.try_get::<String, usize>(column).map_err(|error| unavailable(&error));
    let refused = |cause: &str| Err(Error::Refused(format!("the server {cause}")));
    let version: i32 = row.try_get(0).map_err(|error| unavailable(&error))?;
    if version < SERVER_MIN {
        let major = version / 10_000;
        return Err(Error::Refused(format!("the server is Postgres {major}: 15 is the oldest")));
    }
    if row.try_get(1).map_err(|error| unavailable(&error))? {
        return refused("is a standby: name the primary");
    }
    if text(2)? != "on" {
        return refused("runs with `fsync = off`: it would lose what it acknowledged");
    }
    if text(3)? != "on" {
        return refused("runs with `full_page_writes = off`: a power cut would damage it");
    }
    let durable = text(4)?;
    if durable == "off" {
        return refused("runs with `synchronous_commit = off`: it would lose what it acknowledged");
    }
    // The name of a log file begins with its timeline, in eight hexadecimal digits.
    let file = text(6)?;
    let timeline = file.get(..8).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let timeline = timeline.ok_or_else(|| unavailable(&format!("`{file}` names no timeline")))?;
    let system = row.try_get(5).map_err(|error| unavailable(&error))?;
    Ok((Identity { system, timeline }, durable))
}

pub(super) fn unavailable(cause: &dyn std::fmt::Display) -> Error {
    Error::Unavailable(cause.to_string())
}

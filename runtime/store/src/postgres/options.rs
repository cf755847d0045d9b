//! How to open a store: what the caller says, and what is refused before anything is sent.

use sagaflow_core::id::SLOTS;
use sagaflow_core::port::{Error, Result};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnectOptions;
use std::str::FromStr as _;
use std::time::Duration;
use uuid::Uuid;

/// Bound: a shorter lease is lost to one slow write of the server.
const TTL_MIN: Duration = Duration::from_secs(3);

/// Bound: a name of the server has at most this many bytes.
const NAME_MAX: usize = 63;

/// How to open a store.
#[derive(Clone)]
pub struct PostgresOptions {
    /// Where the server is: `postgres://user:password@host:port/database`.
    ///
    /// With `?sslmode=verify-full&sslrootcert=/path/ca.crt` the server must prove its name by that
    /// authority, and every connection is sealed; without `sslmode` a server that offers no TLS is
    /// spoken to in the open. A pooler between must keep a connection for one client as long as that
    /// client has it.
    pub url: String,
    /// The schema that holds the store: lower-case letters, digits and `_`.
    pub schema: String,
    /// This node, fresh for every start of its process, unless `again`.
    pub node: Uuid,
    /// A process that was this node before is known to be dead: its leases are free for this one.
    pub again: bool,
    /// How long a lease lasts without renewal, at least 3 s.
    pub ttl: Duration,
    /// Shards of a new store; an existing one keeps its number.
    pub shards: u32,
    /// Connections for everything but batches, which have one of their own.
    pub readers: u32,
}

impl PostgresOptions {
    /// A store in the schema `flow`, made with 64 shards if it is new, with leases of 10 s.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            schema: "flow".to_owned(),
            node: Uuid::now_v7(),
            again: false,
            ttl: Duration::from_secs(10),
            shards: 64,
            readers: 4,
        }
    }

    /// Refuses what cannot work anywhere.
    pub(super) fn checked(&self) -> Result<(PgConnectOptions, Schema)> {
        let refused = |cause: String| Err(Error::Refused(cause));
        if self.shards == 0 || self.shards > u32::from(SLOTS) {
            return refused(format!("a store has 1 to {SLOTS} shards"));
        }
        if self.ttl < TTL_MIN {
            return refused(format!("a lease lasts at least {} s", TTL_MIN.as_secs()));
        }
        if !is_name(&self.schema) {
            return refused(format!("`{}` is no name of a schema", self.schema));
        }
        // The library's own words may repeat the address, and with it the password.
        let ours =
            ["postgres://", "postgresql://"].iter().any(|scheme| self.url.starts_with(scheme));
        match PgConnectOptions::from_str(&self.url) {
            Ok(options) if ours => Ok((options, Schema(self.schema.clone()))),
            _ => refused("the store's address is no `postgres://…` URL".to_owned()),
        }
    }
}

impl std::fmt::Debug for PostgresOptions {
    /// Without the address, which may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("schema", &self.schema)
            .field("node", &self.node)
            .field("ttl", &self.ttl)
            .field("shards", &self.shards)
            .field("readers", &self.readers)
            .finish_non_exhaustive()
    }
}

/// The schema of a store; its name needs no quotes.
#[derive(Clone, Debug)]
pub(super) struct Schema(String);

impl Schema {
    /// A statement of ours, with `{schema}` in the place of the name.
    pub fn sql(&self, text: &str) -> AssertSqlSafe<String> {
        AssertSqlSafe(text.replace("{schema}", &self.0))
    }

    pub fn name(&self) -> &str {
        &self.0
    }
}

fn is_name(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let first = text.bytes().next();
    // The server keeps names with `pg_` for itself.
    first.is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_')
        && text.bytes().all(inner)
        && text.len() <= NAME_MAX
        && !text.starts_with("pg_")
}

//! The schema: whose it is, whether this program knows it, how it is made and moved forward.
//!
//! Promises: nothing of a schema is touched before it is known that it is ours and not newer than
//! this program. Migrating is the owner's act; a node only looks.

use super::connect::{Connector, unavailable};
use super::leases::Leases;
use super::options::{PostgresOptions, Schema};
use sagaflow_core::port::{Error, Result};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, PgConnection, SqlSafeStr as _};
use std::sync::Arc;

/// Each change of the schema with its number and name, in order. Their texts are checksummed: one
/// that was released is never edited.
const MIGRATIONS: [(i64, &str, &str); 7] = [
    (1, "create store", include_str!("../../migrations/postgres/0001_create_store.sql")),
    (2, "create inbox", include_str!("../../migrations/postgres/0002_create_inbox.sql")),
    (3, "create wait", include_str!("../../migrations/postgres/0003_create_wait.sql")),
    (4, "add emitted", include_str!("../../migrations/postgres/0004_add_emitted.sql")),
    (
        5,
        "index closed items",
        include_str!("../../migrations/postgres/0005_index_closed_items.sql"),
    ),
    (6, "create interest", include_str!("../../migrations/postgres/0006_create_interest.sql")),
    (7, "create indexed", include_str!("../../migrations/postgres/0007_create_indexed.sql")),
];

/// What a node's role needs.
const ROLE: &str = include_str!("../../migrations/postgres/role.sql");

const EXISTS: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)";

/// Tables of the schema, without the list of migrations, which is made before the first of them.
const TABLES: &str = "SELECT count(*) FROM pg_catalog.pg_class AS c \
     JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
     WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm') AND c.relname <> 'migration'";

const LISTED: &str = "SELECT pg_catalog.to_regclass($1) IS NOT NULL";

const VERSION: &str = "SELECT max(version) FROM {schema}.migration WHERE success";

const SHARDS: &str = "SELECT value FROM {schema}.meta WHERE key = 'shards'";

/// Bound: how long a migration waits for another, and for the statements of nodes at work, in ms; its
/// own work takes as long as it takes.
const PATIENCE: &str = "SET lock_timeout = 60000; SET statement_timeout = 0";

/// Crash: the number and the rows come together or not at all, and a store that has them keeps them.
const ADD_SHARDS: &str = "WITH made AS (INSERT INTO {schema}.meta (key, value) \
     VALUES ('shards', $1::text) ON CONFLICT (key) DO NOTHING RETURNING 1) \
     INSERT INTO {schema}.shard (shard) SELECT n FROM made, generate_series(0, $1 - 1) AS n";

/// Makes the schema or moves it to this program's version.
pub(super) async fn migrate(options: &PostgresOptions) -> Result<()> {
    let (address, schema) = options.checked()?;
    let connector = Connector::new(address, schema.clone(), Arc::new(Leases::default()));
    let mut conn = connector.connect().await?;
    sqlx::raw_sql(PATIENCE).execute(&mut conn).await.map_err(|error| unavailable(&error))?;
    let found = version(&mut conn, &schema).await?;
    refuse_newer(&schema, found)?;
    let exists: bool = sqlx::query_scalar(EXISTS)
        .bind(schema.name())
        .fetch_one(&mut conn)
        .await
        .map_err(|error| unavailable(&error))?;
    let mut migrator = Migrator::with_migrations(migrations(&schema));
    migrator.dangerous_set_table_name(format!("{}.migration", schema.name()));
    // A role that may not make schemas may still own one that was made for it.
    if !exists {
        migrator.create_schema(schema.name().to_owned());
    }
    // Crash: each migration commits together with the row that says so, so the next call goes on
    // where this one stopped.
    let failed = |error| Error::Refused(format!("migrate schema `{}`: {error}", schema.name()));
    migrator.run_direct(None, &mut conn, false).await.map_err(failed)?;
    let shards = i32::try_from(options.shards).unwrap_or(i32::MAX);
    let added = sqlx::query(schema.sql(ADD_SHARDS)).bind(shards).execute(&mut conn).await;
    added.map(drop).map_err(|error| unavailable(&error))
}

/// Gives a role what a node needs, and no more.
pub(super) async fn grant(options: &PostgresOptions, role: &str) -> Result<()> {
    let (address, schema) = options.checked()?;
    let connector = Connector::new(address, schema.clone(), Arc::new(Leases::default()));
    let mut conn = connector.connect().await?;
    let role = format!("\"{}\"", role.replace('"', "\"\""));
    let script = schema.sql(ROLE).0.replace("{role}", &role);
    let granted = sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut conn).await;
    granted.map(drop).map_err(|error| Error::Refused(format!("grant to {role}: {error}")))
}

/// Refuses a store that this program does not know, and answers its number of shards.
pub(super) async fn look(conn: &mut PgConnection, schema: &Schema) -> Result<u32> {
    let found = version(conn, schema).await?;
    refuse_newer(schema, found)?;
    let name = schema.name();
    if found < known() {
        let cause = match found {
            0 => format!("schema `{name}` has no store: migrate it first"),
            _ => format!("schema `{name}` has format {found}, this program needs {}", known()),
        };
        return Err(Error::Refused(cause));
    }
    let text: Option<String> = sqlx::query_scalar(schema.sql(SHARDS))
        .fetch_optional(conn)
        .await
        .map_err(|error| refused_or_unavailable(schema, error))?;
    let text = text.ok_or_else(|| {
        Error::Refused(format!("schema `{name}` has no shards yet: migrate it first"))
    })?;
    text.parse().map_err(|_| Error::Corrupt(format!("it says it has `{text}` shards")))
}

/// The version of a schema; 0 where nothing is there.
async fn version(conn: &mut PgConnection, schema: &Schema) -> Result<i64> {
    let listed: bool = sqlx::query_scalar(LISTED)
        .bind(format!("{}.migration", schema.name()))
        .fetch_one(&mut *conn)
        .await
        .map_err(|error| refused_or_unavailable(schema, error))?;
    if !listed {
        let tables: i64 = sqlx::query_scalar(TABLES)
            .bind(schema.name())
            .fetch_one(&mut *conn)
            .await
            .map_err(|error| unavailable(&error))?;
        let name = schema.name();
        return match tables {
            0 => Ok(0),
            _ => Err(Error::Refused(format!("schema `{name}` is no store: it belongs to others"))),
        };
    }
    let found: Option<i64> = sqlx::query_scalar(schema.sql(VERSION))
        .fetch_one(conn)
        .await
        .map_err(|error| refused_or_unavailable(schema, error))?;
    Ok(found.unwrap_or(0))
}

fn refuse_newer(schema: &Schema, found: i64) -> Result<()> {
    if found <= known() {
        return Ok(());
    }
    let name = schema.name();
    Err(Error::Refused(format!(
        "schema `{name}` has format {found}, this program knows {}: use a newer program",
        known()
    )))
}

/// A right that is missing stays missing until a person acts.
fn refused_or_unavailable(schema: &Schema, error: sqlx::Error) -> Error {
    let denied =
        error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("42501"));
    if denied {
        Error::Refused(format!("read schema `{}`: {error}", schema.name()))
    } else {
        unavailable(&error)
    }
}

fn known() -> i64 {
    MIGRATIONS.iter().map(|(version, ..)| *version).max().unwrap_or(0)
}

pub(super) fn migrations(schema: &Schema) -> Vec<Migration> {
    let migration = |(version, name, text): (i64, &'static str, &str)| {
        let text = schema.sql(text).into_sql_str();
        Migration::new(version, name.into(), MigrationType::Simple, text, false)
    };
    MIGRATIONS.into_iter().map(migration).collect()
}

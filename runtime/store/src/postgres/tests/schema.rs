//! The schema: the sum of the migrations, refused where it is not ours, and the rights it takes.

use super::{Schemas, acquire, rows};
use crate::conformance::Harness as _;
use crate::postgres::migrate::migrations;
use crate::postgres::{Postgres, PostgresOptions};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Error, Store as _};
use sagaflow_core::time::Time;
use sqlx::ConnectOptions as _;
use sqlx::migrate::Migrator;
use std::time::Duration;

/// The catalog's own words for every table, column, constraint and index of a schema.
const DESCRIBE: &str = "\
SELECT line FROM (SELECT 'table ' || c.relname || coalesce(' of ' || p.relname || ' ' || pg_get_expr(c.relpartbound, \
  c.oid), '') || CASE c.relkind WHEN 'p' THEN ' by ' || pg_get_partkeydef(c.oid) ELSE '' END || \
  coalesce(' with ' || array_to_string(c.reloptions, ', '), '') AS line \
FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p \
  ON p.oid = i.inhparent \
WHERE c.relnamespace = '{schema}'::regnamespace AND c.relkind IN ('r', 'p') \
UNION ALL SELECT 'column ' || c.relname || '.' || lpad(a.attnum::text, 2, '0') || ' ' || a.attname \
  || ' ' || format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attcollation = \
  'pg_catalog.\"C\"'::regcollation THEN ' C' ELSE '' END || CASE WHEN a.attnotnull THEN \
  ' not null' ELSE '' END || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') \
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d \
  ON d.adrelid = c.oid AND d.adnum = a.attnum \
WHERE c.relnamespace = '{schema}'::regnamespace AND c.relkind IN ('r', 'p') \
  AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped \
UNION ALL SELECT 'constraint ' || c.relname || ' ' || k.conname || ' ' || \
  pg_get_constraintdef(k.oid) \
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid \
WHERE k.contype <> 'n' AND c.relnamespace = '{schema}'::regnamespace AND NOT c.relispartition \
UNION ALL SELECT 'index ' || replace(pg_get_indexdef(i.indexrelid), '{schema}.', '') \
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid \
WHERE c.relnamespace = '{schema}'::regnamespace AND NOT c.relispartition \
) AS t ORDER BY line COLLATE \"C\"";

async fn refusal(options: PostgresOptions) -> String {
    match Postgres::open(options).await {
        Err(Error::Refused(cause)) => cause,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was opened"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_is_the_sum_of_its_migrations() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    drop(schemas.fresh().await);
    let found = schemas.psql(DESCRIBE) + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres/schema.txt");
    if std::env::var("SAGAFLOW_WRITE_SCHEMA").as_deref() == Ok("1") {
        std::fs::write(path, &found).expect("it is written");
    }
    let kept = std::fs::read_to_string(path).expect("it is committed");
    assert!(found == kept, "SAGAFLOW_WRITE_SCHEMA=1 writes `schema.txt` anew; found:\n{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_twice_and_at_once_changes_nothing() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    let (one, two) = (schemas.options(), schemas.options());
    let both = tokio::join!(Postgres::migrate(&one), Postgres::migrate(&two));
    assert_eq!(both, (Ok(()), Ok(())));
    let store = schemas.open().await;
    let lease = acquire(&store, 1).await;
    store.commit(lease, rows(0, 1)).await.expect("a commit");
    let wider = PostgresOptions { shards: 64, ..schemas.options() };
    Postgres::migrate(&wider).await.expect("again");
    assert_eq!(Postgres::open(wider).await.expect("it opens").shards(), 4, "it keeps its number");
    assert_eq!(store.tail(lease).await.map(|tail| tail.last), Ok(1));
}

/// A node does not move a store of the first version; its owner does, and nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_the_first_version_is_refused_until_it_is_migrated() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    let options = schemas.options();
    let (address, schema) = options.checked().expect("sound options");
    let mut conn: sqlx::PgConnection = address.connect().await.expect("a connection");
    let mut first = Migrator::with_migrations(migrations(&schema).into_iter().take(1).collect());
    first.dangerous_set_table_name(format!("{}.migration", schema.name()));
    first.create_schema(schema.name().to_owned());
    first.run_direct(None, &mut conn, false).await.expect("the first format");
    schemas.psql(
        "INSERT INTO {schema}.meta VALUES ('shards', '2'); \
         INSERT INTO {schema}.shard (shard) VALUES (0); \
         INSERT INTO {schema}.shard (shard, last, bucket) VALUES (1, 1, 3); \
         INSERT INTO {schema}.journal (shard, seq, bucket, class, run, number, body) \
         VALUES (1, 1, 3, 2, '00010203-0405-0607-0809-0a0b0c0d0e0f', 1, '\\xff')",
    );
    assert!(refusal(options.clone()).await.contains("has format 1, this program needs"));
    Postgres::migrate(&options).await.expect("it migrates");
    let store = Postgres::open(options).await.expect("it opens");
    assert_eq!(store.shards(), 2);
    let lease = acquire(&store, 1).await;
    let tail = store.tail(lease).await.expect("a tail");
    let run = tail.rows.first().and_then(|row| row.run).expect("a run");
    assert_eq!(store.history(run, 0, 9).await, Ok(tail.rows));
    store.commit(lease, rows(1, 1)).await.expect_err("its bucket steps back");
    let sent = sagaflow_core::port::Batch { prev: 1, ..crate::conformance::full(3) };
    store
        .commit(lease, sagaflow_core::port::Batch { rows: vec![], checkpoint: None, ..sent })
        .await
        .expect("everything but records");
    assert_eq!(store.mail(&[ShardId(1)]).await, Ok(vec![ShardId(1)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_of_others_of_tomorrow_and_of_nobody_are_refused_untouched() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    let named = |schema: &str| PostgresOptions { schema: schema.to_owned(), ..schemas.options() };
    assert!(refusal(named("nothing")).await.contains("migrate it first"));

    schemas.psql("CREATE SCHEMA diary; CREATE TABLE diary.day (day text)");
    assert!(refusal(named("diary")).await.contains("belongs to others"));
    let migrated = Postgres::migrate(&named("diary")).await;
    assert!(matches!(migrated, Err(Error::Refused(_))), "{migrated:?}");
    let tables = "SELECT string_agg(tablename, ',') FROM pg_tables WHERE schemaname = 'diary'";
    assert_eq!(schemas.psql(tables), "day");

    drop(schemas.fresh().await);
    schemas.psql(
        "INSERT INTO {schema}.migration (version, description, success, checksum, execution_time) \
         VALUES (9, 'tomorrow', true, '', 1)",
    );
    let newer = refusal(schemas.options()).await;
    assert!(newer.contains("format 9, this program knows 7"), "{newer}");
    let migrated = Postgres::migrate(&schemas.options()).await;
    assert!(matches!(&migrated, Err(Error::Refused(cause)) if cause.contains("newer program")));

    drop(schemas.fresh().await);
    schemas.psql("UPDATE {schema}.migration SET checksum = 'edited'");
    let migrated = Postgres::migrate(&schemas.options()).await;
    assert!(matches!(&migrated, Err(Error::Refused(cause)) if cause.contains("modified")));
}

#[tokio::test(flavor = "multi_thread")]
async fn options_that_cannot_work_are_refused_without_a_word_of_the_password() {
    let base = PostgresOptions::new("postgres://user:secret@127.0.0.1:1/none");
    let long = "x".repeat(64);
    let mut refused = vec![
        PostgresOptions { ttl: Duration::from_millis(2_999), ..base.clone() },
        PostgresOptions { shards: 0, ..base.clone() },
        PostgresOptions { shards: 4_097, ..base.clone() },
        PostgresOptions { url: "user:secret@somewhere".to_owned(), ..base.clone() },
    ];
    for schema in ["", "Flow", "a b", "flow; DROP SCHEMA flow", "pg_flow", "1flow", &long] {
        refused.push(PostgresOptions { schema: schema.to_owned(), ..base.clone() });
    }
    for options in refused {
        let said = format!("{options:?}");
        let cause = refusal(options).await;
        assert!(!said.contains("secret") && !cause.contains("secret"), "{said}: {cause}");
    }
    let nobody = Postgres::open(base).await.err();
    let Some(Error::Unavailable(cause)) = nobody else { panic!("{nobody:?}") };
    assert!(!cause.contains("secret"), "{cause}");
}

/// A node's role owns nothing; the owner migrates.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_owns_nothing_works_with_its_grants_alone() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    drop(schemas.fresh().await);
    let role = format!("node_{}", std::process::id());
    schemas.psql(&format!("CREATE ROLE {role} LOGIN NOSUPERUSER PASSWORD 'word'"));
    let url = schemas.options().url;
    let rest = url.split_once('@').map(|(_, rest)| rest).expect("a URL names a user");
    let url = format!("postgres://{role}:word@{rest}");
    let options = PostgresOptions { url, ..schemas.options() };
    assert!(refusal(options.clone()).await.contains("permission denied"), "before the grants");

    Postgres::grant(&schemas.options(), &role).await.expect("granted");
    let store = Postgres::open(options.clone()).await.expect("it opens");
    let lease = acquire(&store, 1).await;
    let full = crate::conformance::full(1);
    store.commit(lease, full.clone()).await.expect("a commit");
    store
        .commit(
            lease,
            sagaflow_core::port::Batch { prev: full.last(), ..crate::conformance::full(2) },
        )
        .await
        .expect_err("it does not follow");
    assert_eq!(store.renew(&[lease]).await, Ok(vec![]));
    assert_eq!(store.owners().await.map(|rows| rows.len()), Ok(4));
    store.announce(&crate::conformance::nodes::node(1)).await.expect("announced");
    store.withdraw(crate::conformance::nodes::node(1).node).await.expect("withdrawn");
    store.tail(lease).await.expect("a tail");
    store.expire(Time(i64::MAX), 9).await.expect("expiry");
    store.release(lease).await.expect("a release");
    assert!(matches!(store.acquire(ShardId(9)).await, Err(Error::Refused(_))));

    let denied =
        Postgres::migrate(&PostgresOptions { schema: "other".to_owned(), ..options }).await;
    assert!(matches!(denied, Err(Error::Refused(_))), "it makes no schema: {denied:?}");
    schemas.psql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

/// Each of these would lose what was acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_could_lose_a_commit_is_refused() {
    let Some(cluster) = sagaflow_postgres::private(&[]) else { return };
    let options = PostgresOptions::new(cluster.url());
    let database = cluster.fresh().expect("a database");
    for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
        database.psql(&format!("ALTER SYSTEM SET {setting} = off")).expect("set");
        database.psql("SELECT pg_reload_conf()").expect("read again");
        let show = format!("SELECT current_setting('{setting}')");
        while database.psql(&show).expect("a setting") != "off" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let cause = refusal(options.clone()).await;
        assert!(cause.contains(setting), "{setting}: {cause}");
        let migrated = Postgres::migrate(&options).await;
        assert!(matches!(migrated, Err(Error::Refused(_))), "{migrated:?}");
        database.psql(&format!("ALTER SYSTEM RESET {setting}")).expect("set");
    }
}

//! Connections that trust one authority and no other.

use crate::postgres::{Postgres, PostgresOptions};
use sagaflow_core::id::ShardId;
use sagaflow_core::port::{Error, Store as _};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Two authorities, and a server's certificate by the first, for its address and no name. The server
/// runs it itself, so that the key is its own and nobody else can read it.
const CERTIFY: &str = "set -e; cd \"$(dirname \"$PWD\")\"; \
    for ca in ca other; do openssl req -x509 -newkey rsa:2048 -nodes -keyout $ca.key -out $ca.crt \
    -days 2 -subj /CN=$ca; done; \
    openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=server; \
    echo subjectAltName=IP:127.0.0.1 >server.ext; \
    openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
    -extfile server.ext -out server.crt";

fn can_certify() -> bool {
    let found = Command::new("openssl").arg("version").stdout(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    assert!(
        found || std::env::var(sagaflow_postgres::ALL).as_deref() != Ok("1"),
        "`openssl` is missing"
    );
    if !found {
        // Past the capture of the test harness, which would swallow it.
        let _ = writeln!(std::io::stderr(), "skipped: no `openssl` to make a certificate with");
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_used_only_where_its_certificate_names_it_and_is_trusted() {
    if !can_certify() {
        return;
    }
    let Some(cluster) = sagaflow_postgres::private(&[]) else { return };
    let database = cluster.fresh().expect("a database");
    let folder = cluster.folder().expect("a private one").display().to_string();
    database.psql(&format!("COPY (SELECT 1) TO PROGRAM '{CERTIFY}'")).expect("certificates");
    for setting in [
        format!("ssl_cert_file = '{folder}/server.crt'"),
        format!("ssl_key_file = '{folder}/server.key'"),
        "ssl = on".to_owned(),
    ] {
        database.psql(&format!("ALTER SYSTEM SET {setting}")).expect("set");
    }
    database.psql("SELECT pg_reload_conf()").expect("read again");
    let with = |url: &str, ca: &str| {
        let url = format!("{url}?sslmode=verify-full&sslrootcert={folder}/{ca}.crt");
        PostgresOptions { shards: 2, ..PostgresOptions::new(url) }
    };
    let good = with(database.url(), "ca");
    let mut migrated = Postgres::migrate(&good).await;
    for _ in 0..100 {
        if migrated.is_ok() {
            break;
        }
        // The server reads its settings again when it comes to it.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        migrated = Postgres::migrate(&good).await;
    }
    assert_eq!(migrated, Ok(()));
    let store = Postgres::open(good).await.expect("it opens");
    store.acquire(ShardId(1)).await.expect("a lease");
    let plain = database.psql(
        "SELECT count(*) FILTER (WHERE NOT ssl), count(*) > 1 FROM pg_stat_ssl \
         JOIN pg_stat_activity USING (pid) WHERE application_name = 'sagaflow'",
    );
    assert_eq!(plain.expect("counts"), "0|t", "every connection is sealed");

    let by_name = database.url().replace("127.0.0.1", "localhost");
    for (what, wrong) in [
        ("another authority", with(database.url(), "other")),
        ("a name that the certificate does not have", with(&by_name, "ca")),
    ] {
        let refused = Postgres::open(wrong).await.err();
        let Some(Error::Unavailable(cause)) = &refused else { panic!("{what}: {refused:?}") };
        assert!(cause.to_lowercase().contains("certificate"), "{what}: {cause}");
    }
}

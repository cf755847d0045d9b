//! The server is away, or its schema is not this program's.

use super::{START, TTL, World, completed, insist, loses, order};
use sagaflow_it::{Flowd, flow, flowd};
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_and_comes_back_loses_nothing() {
    let Some(mut cluster) = sagaflow_postgres::private(&[]) else { return };
    let world = World::on(&cluster, TTL).await;
    let (owner, standby) = world.pair().await;
    let mut runs = Vec::new();
    for number in 1..=20 {
        if number == 18 {
            world.lose_answers();
        }
        runs.push(insist(&[&standby, &owner], &order(number)).await);
    }
    // Over wires that lose commits the last start may take long enough for all to end.
    assert!(loses() > 0 || world.ledger.count("Mail.receipt") < 20, "it dies in the middle");
    cluster.kill9().unwrap();
    for node in [&owner, &standby] {
        refused_with_a_time(node).await;
    }
    tokio::time::sleep(TTL).await;
    refused_with_a_time(&owner).await;

    cluster.restart().unwrap();
    let back = Instant::now();
    runs.push(insist(&[&owner, &standby], &order(21)).await);
    let took = back.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    completed(&owner, &runs).await;
    world.each_once(21);
}

async fn refused_with_a_time(node: &Flowd) {
    let (status, headers, said) = node.full("POST", START, Some(order(21)), &[]).await;
    assert_eq!(status, 503, "{said}");
    assert!(headers.contains_key("retry-after"), "{headers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_is_not_there_is_named_with_the_command_that_makes_it() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let world = World::unmigrated(cluster, TTL).await;
    let url = world.database.url();
    let secret = url.replacen("postgres@", "postgres:hunter2@", 1);
    let file = flow("shop/orders.flow");
    let binds = world.ledger.binds();
    let mut args = vec!["serve", file.as_str(), "--listen", "127.0.0.1:0", "--store", &secret];
    args.extend(binds.iter().map(String::as_str));
    let output = flowd(&args).await;
    assert_eq!(output.code, Some(2), "{output:?}");
    let command = format!("run `flowd migrate --store {url}`");
    assert!(output.err.contains("R1041") && output.err.contains(&command), "{}", output.err);
    assert!(!output.err.contains("hunter2"), "{}", output.err);
    let tables = "SELECT count(*) FROM pg_namespace WHERE nspname = 'flow'";
    assert_eq!(world.database.psql(tables).unwrap(), "0", "a node makes nothing");

    let role = format!("node_{}", world.database.name());
    world.database.psql(&format!("CREATE ROLE {role} LOGIN")).unwrap();
    for (times, said) in [(1, "was migrated"), (2, "already")] {
        let output = flowd(&["migrate", "--store", &secret, "--grant", &role]).await;
        assert_eq!(output.code, Some(0), "{times}: {output:?}");
        assert!(output.out.contains(said) && output.out.contains("may work"), "{output:?}");
        assert!(!output.out.contains("hunter2"), "{}", output.out);
    }
    let shards = "SELECT count(*) FROM flow.shard";
    assert_eq!(world.database.psql(shards).unwrap(), "16");
    // The role has what a node needs.
    let granted = url.replacen("postgres@", &format!("{role}@"), 1);
    let mut args = vec![file.as_str(), "--store", &granted];
    args.extend(binds.iter().map(String::as_str));
    let node = Flowd::start("serve", &args).await;
    let path = format!("{START}?wait=10s&until=end");
    let (status, run) = node.request("POST", &path, Some(order(1))).await;
    assert_eq!((status, &run["status"]), (201, &json!("completed")), "{run}");
    drop(node);
    world.database.psql(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_a_newer_program_is_refused_untouched() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let world = World::on(cluster, TTL).await;
    let newer = "INSERT INTO flow.migration (version, description, success, checksum, \
                 execution_time) VALUES (99, 'tomorrow', true, '', 1)";
    world.database.psql(newer).unwrap();
    let file = flow("shop/orders.flow");
    let binds = world.ledger.binds();
    let mut serve = vec!["serve", file.as_str(), "--listen", "127.0.0.1:0"];
    serve.extend(["--store", world.database.url()]);
    serve.extend(binds.iter().map(String::as_str));
    for args in [serve, vec!["migrate", "--store", world.database.url()]] {
        let output = flowd(&args).await;
        assert_eq!(output.code, Some(2), "{output:?}");
        assert!(output.err.contains("R1016"), "{}", output.err);
        assert!(output.err.contains("use a newer program"), "{}", output.err);
    }
}

#[tokio::test]
async fn commands_for_an_embedded_store_refuse_a_server() {
    let (file, url) = (flow("shop/orders.flow"), "postgres://flow:hunter2@127.0.0.1:1/shop");
    let run = ["run", &file, "--workflow", "FulfilOrder", "--input", "order", "--store", url];
    for args in [&run[..], &["dev", &file, "--store", url]] {
        let output = flowd(args).await;
        assert_eq!(output.code, Some(2), "{output:?}");
        assert!(output.err.contains("R1034"), "{}", output.err);
        assert!(!output.err.contains("hunter2"), "{}", output.err);
    }
}

#[tokio::test]
async fn an_embedded_store_can_be_made_before_it_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.db").to_string_lossy().into_owned();
    for said in ["was made", "has this program's format"] {
        let output = flowd(&["migrate", "--store", &store]).await;
        assert_eq!((output.code, output.out.contains(said)), (Some(0), true), "{output:?}");
    }
    let output = flowd(&["migrate", "--store", &store, "--grant", "anna"]).await;
    assert_eq!((output.code, output.err.contains("--grant")), (Some(2), true), "{output:?}");
}

//! An owner that dies, leaves, or sleeps: who goes on, how soon, and that nothing happens twice.

use super::{TTL, World, completed, insist, loses, order, patient, until};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const ORDERS: u32 = 50;

fn owns(health: &Value) -> bool {
    health["role"] == "owner"
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_is_killed_is_replaced_within_the_time_of_a_lease() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let world = World::on(cluster, TTL).await;
    let (owner, standby) = world.pair().await;
    let mut runs = Vec::new();
    for number in 1..=ORDERS - 10 {
        // Both take starts, whoever decides.
        let nodes = [&owner, &standby];
        let from = usize::from(number % 2 == 0);
        runs.push(insist(&[nodes[from], nodes[1 - from]], &order(number)).await);
    }
    // The rest is on its way while the owner dies, and some effects whose answers it never sees.
    world.lose_answers();
    let (took, rest) = tokio::join!(
        async {
            world.ledger.wait_for("Payments.authorize", ORDERS as usize - 9).await;
            owner.kill9();
            let killed = Instant::now();
            until(&standby, owns).await;
            killed.elapsed()
        },
        async {
            let mut rest = Vec::new();
            for number in ORDERS - 9..=ORDERS {
                rest.push(insist(&[&standby], &order(number)).await);
            }
            rest
        }
    );
    runs.extend(rest);
    assert!(took < TTL + Duration::from_secs(2), "{took:?}");
    completed(&standby, &runs).await;
    world.each_once(ORDERS as usize);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_is_asked_to_stop_hands_over_at_once() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let ttl = Duration::from_secs(30);
    let world = World::on(cluster, ttl).await;
    let (owner, standby) = world.pair().await;
    let mut runs = Vec::new();
    for number in 1..=10 {
        runs.push(insist(&[&standby], &order(number)).await);
    }
    // Somebody follows a run that waits, through the node that stands by.
    let input = json!({ "input": { "item": "lamp", "note": "" } });
    let waiting = patient(&standby, "/api/workflows/Buy/runs", input, Some("lamp")).await.1;
    let waiting = waiting["id"].as_str().unwrap();
    let client = sagaflow_it::client();
    let events = client.get(format!("{}/api/runs/{waiting}/events", standby.url));
    let _events = events.send().await.unwrap();

    let asked = Instant::now();
    owner.signal("-TERM");
    until(&standby, owns).await;
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    let (code, took) = owner.terminate().await;
    assert_eq!(code, Some(0), "{took:?}");
    completed(&standby, &runs).await;
    world.each_once(10);
    let gone = |health: &Value| health["nodes"].as_array().is_some_and(|all| all.len() == 1);
    let draining = |health: &Value| {
        let mut all = health["nodes"].as_array().into_iter().flatten();
        all.any(|row| row["draining"] == json!(true))
    };
    until(&standby, |health| gone(health) || draining(health)).await;
}

/// It knows that the process which had its leases is dead, and need not wait until they run out.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_and_started_again_goes_on_at_once() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let ttl = Duration::from_secs(60);
    let world = World::of(cluster, ttl, "8").await;
    let node = world.same_node().await;
    world.lose_answers();
    let mut runs = Vec::new();
    for number in 1..=20 {
        runs.push(insist(&[&node], &order(number)).await);
    }
    node.kill9();
    let killed = Instant::now();
    let again = world.same_node().await;
    until(&again, |health| health["shards"]["owned"] == json!(8)).await;
    let took = killed.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    completed(&again, &runs).await;
    world.each_once(20);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_sleeps_through_its_lease_does_nothing_more_when_it_wakes() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let world = World::on(cluster, TTL).await;
    let (owner, standby) = world.pair().await;
    let mut runs = Vec::new();
    for number in 1..=20 {
        if number == 18 {
            world.lose_answers();
        }
        runs.push(insist(&[&owner], &order(number)).await);
    }
    owner.signal("-STOP");
    let slept = Instant::now();
    // Over wires that lose commits the last start may take long enough for all to end.
    assert!(loses() > 0 || world.ledger.count("Mail.receipt") < 20, "it sleeps in the middle");
    until(&standby, owns).await;
    completed(&standby, &runs).await;
    world.each_once(20);
    tokio::time::sleep((TTL * 3).saturating_sub(slept.elapsed())).await;
    let sent = world.ledger.entries().len();
    let before = history(&world);

    owner.signal("-CONT");
    let health = until(&owner, |health| health["role"] == "standby").await;
    // It learns who the owner is a little later.
    assert_ne!(health["owner"], json!(owner.url), "{health}");
    tokio::time::sleep(TTL).await;
    // A request may have been stopped between the look at the lease and its first byte. It changes
    // nothing: the new owner has sent the same attempt under the same key.
    let entries = world.ledger.entries();
    let (known, late) = entries.split_at(sent);
    for entry in late {
        let mut same = known.iter().filter(|other| other.key == entry.key);
        assert!(same.any(|other| other.attempt >= entry.attempt), "it begins nothing: {entry:?}");
        assert!(!entry.applied, "it applies nothing: {entry:?}");
    }
    assert_eq!(history(&world), before, "it writes nothing");
    until(&owner, |health| health["owner"] == json!(standby.url)).await;
    let run = insist(&[&owner], &order(21)).await;
    completed(&owner, &[run]).await;
    world.each_once(21);
}

/// Every row of every journal, and who wrote last.
fn history(world: &World) -> String {
    let rows = "SELECT count(*), max(seq) FROM flow.journal";
    world.database.psql(rows).unwrap()
}

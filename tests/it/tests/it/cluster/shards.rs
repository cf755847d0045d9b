//! Several shards: each node decides about its share of the runs, and any node is asked.

use super::{TTL, World, completed, insist, order, patient, until};
use sagaflow_it::Flowd;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const SHARDS: u64 = 8;

fn owned(health: &Value) -> u64 {
    health["shards"]["owned"].as_u64().unwrap()
}

/// How many of the shards each node has, once all are served and every node has its fair share.
async fn shared(nodes: &[&Flowd]) -> Vec<u64> {
    let least = SHARDS / nodes.len() as u64;
    let began = Instant::now();
    loop {
        let mut all = Vec::new();
        for node in nodes {
            all.push(owned(&until(node, |_| true).await));
        }
        if all.iter().sum::<u64>() == SHARDS && all.iter().all(|owned| *owned >= least) {
            return all;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "they do not share: {all:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_share_the_shards_and_any_of_them_takes_any_request() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let world = World::of(cluster, TTL, "8").await;
    let first = world.node().await;
    assert_eq!(shared(&[&first]).await, [8], "alone it has them all");
    let (second, third) = (world.node().await, world.node().await);
    let all = [&first, &second, &third];
    shared(&all).await;
    let mut runs = Vec::new();
    for number in 1..=30 {
        let mut nodes = all;
        nodes.rotate_left(number as usize % 3);
        runs.push(insist(&nodes, &order(number)).await);
    }
    // The same key is the same run, whichever node is asked.
    for (number, run) in (1..=30).zip(&runs) {
        assert_eq!(insist(&[all[number as usize % 2]], &order(number)).await, *run);
    }
    for node in all {
        completed(node, &runs).await;
    }
    world.each_once(30);

    // An event starts one run, whichever nodes it is sent to, and how often.
    for number in 31..=40 {
        let input = order(number)["input"].clone();
        for node in [all[number as usize % 3], all[(number as usize + 1) % 3]] {
            let (event, id) = (json!({ "order": input }), format!("e-{number}"));
            let sent = patient(node, "/api/events/OrderRequested", event, Some(&id)).await;
            assert!(matches!(sent.0, 200 | 202), "{sent:?}");
        }
    }
    let receipts = || world.ledger.applied().iter().filter(|one| *one == "Mail.receipt").count();
    let began = Instant::now();
    while receipts() < 40 {
        assert!(began.elapsed() < Duration::from_secs(60), "{} receipts", receipts());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.each_once(40);

    // It reaches the run that waits for it, wherever that lives and it comes in.
    let mut waiting = Vec::new();
    for number in 0..12 {
        let input = json!({ "input": format!("item-{number}") });
        let started = patient(all[number % 3], "/api/workflows/Prepaid/runs", input, None);
        let (status, run) = started.await;
        assert!(matches!(status, 200 | 201), "{run}");
        waiting.push(run["id"].as_str().unwrap().to_owned());
    }
    for number in 0..12 {
        let paid = json!({ "item": format!("item-{number}"), "amount": "5.00 EUR" });
        let id = format!("p-{number}");
        let sent = patient(all[(number + 1) % 3], "/api/events/Paid", paid, Some(&id)).await;
        assert!(matches!(sent.0, 200 | 202), "{sent:?}");
    }
    completed(&second, &waiting).await;

    // A run is acted upon through any node.
    for number in 0..9 {
        let item = format!("lamp-{number}");
        let input = json!({ "input": { "item": &item, "note": "" } });
        let (status, run) =
            patient(all[number % 3], "/api/workflows/Buy/runs", input, Some(&item)).await;
        assert!(matches!(status, 200 | 201), "{run}");
        let run = run["id"].as_str().unwrap();
        let path = format!("/api/runs/{run}/cancel");
        let asked = patient(all[(number + 1) % 3], &path, json!({}), None).await;
        assert!(matches!(asked.0, 200 | 202), "{asked:?}");
        all[(number + 2) % 3].wait_for(run, "cancelled").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_leaves_its_share_to_the_others() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let world = World::of(cluster, TTL, "8").await;
    let (first, second, third) = (world.node().await, world.node().await, world.node().await);
    shared(&[&first, &second, &third]).await;
    let mut runs = Vec::new();
    world.lose_answers();
    for number in 1..=40 {
        runs.push(insist(&[&second, &third], &order(number)).await);
    }
    first.kill9();
    let killed = Instant::now();
    let all = [&second, &third];
    shared(&all).await;
    let took = killed.elapsed();
    assert!(took < TTL + Duration::from_secs(2), "{took:?}");
    for number in 41..=50 {
        runs.push(insist(&all, &order(number)).await);
    }
    completed(&second, &runs).await;
    completed(&third, &runs).await;
    world.each_once(50);
    // One that comes back takes its share again, in good order.
    let again = world.node().await;
    shared(&[&second, &third, &again]).await;
    let run = insist(&[&again], &order(51)).await;
    completed(&again, &[run]).await;
    world.each_once(51);
}

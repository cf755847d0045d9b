//! Any node finds a run by its values, whoever owns it, and goes on finding it when its owner is gone.

use super::{TTL, World, until};
use crate::indexed::{claim, find};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn each_node_finds_runs_of_all_nodes_also_of_one_that_was_killed() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let world = World::of(cluster, TTL, "4").await;
    let (one, two) = (world.node().await, world.node().await);
    let shared = |health: &serde_json::Value| health["shards"]["owned"] == json!(2);
    until(&one, shared).await;
    until(&two, shared).await;
    let mut runs = Vec::new();
    for number in 0..12 {
        let id = format!("c-{number}");
        let node = if number % 2 == 0 { &one } else { &two };
        runs.push(claim(node, &id, |input| input["parts"] = json!(number % 3)).await);
    }
    let third = |rest: usize| -> Vec<&String> {
        runs.iter().enumerate().filter(|(n, _)| n % 3 == rest).map(|(_, run)| run).rev().collect()
    };
    for node in [&one, &two] {
        for rest in 0..3 {
            find(node, &format!("index.id=ann&index.parts={rest}"), &third(rest)).await;
        }
    }
    one.kill9();
    until(&two, |health| health["shards"]["owned"] == json!(4)).await;
    let path = format!("/api/runs/{}/cancel", runs[0]);
    let cancelled = two.request("POST", &path, Some(json!({ "reason": "withdrawn" }))).await;
    assert!(matches!(cancelled.0, 200 | 202), "{cancelled:?}");
    find(&two, "index.id=ann&status=cancelled", &[&runs[0]]).await;
    for rest in 0..3 {
        find(&two, &format!("index.parts={rest}&index.id=ann"), &third(rest)).await;
    }
}

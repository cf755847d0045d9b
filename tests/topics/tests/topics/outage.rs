//! Brokers that are away make events late, and nothing else.

use sagaflow_it::{Flowd, build};
use sagaflow_topics::{World, item, until};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long the brokers are away.
const AWAY: Duration = Duration::from_secs(20);

async fn brokers(node: &Flowd) -> Value {
    node.request("GET", "/health", None).await.1["kafka"].clone()
}

/// Starts the run of a number over HTTP, and waits for its end.
async fn run(node: &Flowd, n: usize) {
    let (_, record) = item(n);
    let input: Value = serde_json::from_slice(&record).unwrap();
    let start = Some(json!({ "input": input["item"] }));
    let (status, run) = node.request("POST", "/api/workflows/Relay/runs", start).await;
    assert_eq!(status, 201, "{run}");
    node.wait_for(run["id"].as_str().unwrap(), "completed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_go_on_while_the_broker_is_away_and_a_node_starts_without_it() {
    build();
    let Some(mut cluster) = sagaflow_kafka_server::private(1) else { return };
    let world = World::on(cluster.bootstrap(), None).await;
    let mut tap = world.tap().await;
    world.place(0..200).await;
    let node = world.node().await;
    tap.until(200).await;
    until("the brokers are seen", async || brokers(&node).await["status"] == "ready").await;
    cluster.kill9(1).unwrap();
    let began = Instant::now();
    for n in 200..250 {
        run(&node, n).await;
    }
    node.kill9();
    let node = world.node().await;
    for n in 250..300 {
        run(&node, n).await;
    }
    until("it is seen", async || brokers(&node).await["status"] == "away").await;
    assert!(brokers(&node).await["unacknowledged"].as_u64().unwrap() > 0);
    let (ready, _) = node.request("GET", "/health/ready", None).await;
    assert_eq!(ready, 200, "a node without brokers serves");
    tokio::time::sleep(AWAY.saturating_sub(began.elapsed())).await;
    cluster.restart(1).unwrap();
    world.place(300..400).await;
    tap.until(400).await;
    until("they are back", async || brokers(&node).await["status"] == "ready").await;
    // What was read before is looked at every few seconds.
    let caught_up = format!("{{topic=\"{}\",partition=\"0\"}} 0\n", world.placed);
    until("nothing waits", async || {
        let (_, metrics) = node.request("GET", "/metrics", None).await;
        let metrics = metrics.as_str().unwrap();
        metrics.contains("flow_events_unacknowledged 0\n") && metrics.contains(&caught_up)
    })
    .await;
    tap.seen.one_each(0..400);
}

//! Brokers that are away make events late, and nothing else.

use sagaflow_it::{Flowd, build};
use sagaflow_topics::{World, item, log, until};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn brokers(node: &Flowd) -> Value {
    node.request("GET", "/health", None).await.1["kafka"].clone()
}

/// A gauge of a node, as whoever is to be alarmed reads it.
async fn gauge(node: &Flowd, name: &str) -> u64 {
    let (_, metrics) = node.request("GET", "/metrics", None).await;
    let lines = metrics.as_str().unwrap().lines();
    let mut values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    values.next().unwrap().parse().unwrap()
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

/// For how long the broker is away after everything has been seen: as long as a test of every day can
/// wait, or as many seconds as `FLOW_BROKERS_AWAY` says.
fn away() -> Duration {
    let seconds = std::env::var("FLOW_BROKERS_AWAY").ok();
    let seconds = seconds.map(|seconds| seconds.parse().expect("a number of seconds"));
    Duration::from_secs(seconds.unwrap_or(2))
}

/// Waits until the outage is seen by all signs of it: what waits, for how long, and the log.
async fn late(world: &World, node: &Flowd) {
    until("it is seen", async || brokers(node).await["status"] == "away").await;
    until("the log says so", async || {
        let said = log(world.folder.path());
        said.contains("R1043") && said.contains("events wait for the brokers; runs go on")
    })
    .await;
    // Both events of each of the hundred runs wait, and what the first node could not note any more.
    until("all that wait are counted", async || {
        gauge(node, "flow_events_unacknowledged").await >= 200
    })
    .await;
    assert!(brokers(node).await["unacknowledged"].as_u64() >= Some(200));
    for sign in ["flow_brokers_away_ms", "flow_events_waiting_ms"] {
        let before = gauge(node, sign).await;
        assert!(before > 0, "{sign}");
        until("it grows", async || gauge(node, sign).await > before).await;
    }
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
    assert_eq!(gauge(&node, "flow_brokers_away_ms").await, 0);
    cluster.kill9(1).unwrap();
    for n in 200..250 {
        run(&node, n).await;
    }
    node.kill9();
    let node = world.node().await;
    for n in 250..300 {
        run(&node, n).await;
    }
    late(&world, &node).await;
    let (ready, _) = node.request("GET", "/health/ready", None).await;
    assert_eq!(ready, 200, "a node without brokers serves");
    let (until_then, mut n) = (Instant::now() + away(), 300);
    while Instant::now() < until_then {
        run(&node, n).await;
        n += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(brokers(&node).await["status"], "away");
    cluster.restart(1).unwrap();
    let all = n + 100;
    world.place(n..all).await;
    tap.until(all).await;
    until("they are back", async || brokers(&node).await["status"] == "ready").await;
    until("the log is quiet again", async || {
        let said = log(world.folder.path());
        said.contains("the brokers answer again") && said.contains("events reach the brokers again")
    })
    .await;
    assert_eq!(gauge(&node, "flow_brokers_away_ms").await, 0);
    // What was read before is looked at every few seconds.
    let caught_up = format!("{{topic=\"{}\",partition=\"0\"}} 0\n", world.placed);
    until("nothing waits", async || {
        let (_, metrics) = node.request("GET", "/metrics", None).await;
        let metrics = metrics.as_str().unwrap();
        metrics.contains("flow_events_unacknowledged 0\n") && metrics.contains(&caught_up)
    })
    .await;
    tap.seen.one_each(0..all);
}

//! `concurrency` over several nodes: what the gate has seen says how many were inside.

use super::{TTL, World, completed};
use sagaflow_it::{Behave, Flowd};
use serde_json::json;
use std::time::Duration;

const VISITS: usize = 60;

/// Starts a visit, by whichever node takes it.
async fn visit(nodes: &[&Flowd], number: usize) -> String {
    let body = json!({ "input": format!("visitor-{number}") });
    for node in nodes.iter().cycle().skip(number).take(1_000) {
        let answer = node.try_request("POST", "/api/workflows/Visit/runs", Some(&body)).await;
        if let Some((200 | 201, run)) = answer {
            return run["id"].as_str().unwrap().to_owned();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody takes it");
}

/// How many were inside at once, at most.
fn most_inside(world: &World) -> usize {
    let (mut inside, mut most) = (0, 0);
    for action in world.ledger.applied() {
        match action.as_str() {
            "Gate.enter" => inside += 1,
            _ => inside -= 1,
        }
        most = most.max(inside);
    }
    most
}

#[tokio::test(flavor = "multi_thread")]
async fn never_more_are_in_flight_than_allowed_though_nodes_are_killed() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let world = World::of(cluster, TTL, "8").await;
    let (first, mut second, third) = (world.node().await, world.node().await, world.node().await);
    let mut runs = Vec::new();
    for number in 0..VISITS {
        runs.push(visit(&[&first, &second, &third], number).await);
        if number % 20 == 10 {
            // What it has begun stays begun, and counts, until somebody else goes on with it.
            for _ in 0..3 {
                world.ledger.next("Gate.enter", Behave::Lose);
            }
            second.kill9();
            second = world.node().await;
        }
    }
    completed(&first, &runs).await;
    let applied = world.ledger.applied();
    assert_eq!(applied.len(), 2 * VISITS, "each goes in and out once");
    // Those whose answers were lost are inside while others come and go.
    let most = most_inside(&world);
    assert!((2..=4).contains(&most), "{most} were inside at once");
}

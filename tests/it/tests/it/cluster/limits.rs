//! `limit` over several nodes: what the post has seen says how many were let in.

use super::{TTL, World};
use sagaflow_it::Flowd;
use serde_json::json;
use std::time::Duration;

const LETTERS: usize = 12;

/// Starts a letter, by whichever node takes it.
async fn letter(nodes: &[&Flowd], sender: &str, number: usize) -> String {
    let body = json!({ "input": { "sender": sender, "letter": format!("{sender}-{number}") } });
    for node in nodes.iter().cycle().skip(number).take(1_000) {
        let answer = node.try_request("POST", "/api/workflows/Letter/runs", Some(&body)).await;
        if let Some((200 | 201, run)) = answer {
            return run["id"].as_str().unwrap().to_owned();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("nobody takes it");
}

/// How many of the sender's letters were sent.
fn sent(world: &World) -> usize {
    world.ledger.applied().len()
}

/// How many of these have ended, and how many wait, when none is anywhere else.
async fn settled(node: &Flowd, runs: &[String]) -> (usize, usize) {
    for _ in 0..1_200 {
        let (mut ended, mut waiting) = (0, 0);
        for run in runs {
            let shown = node.try_request("GET", &format!("/api/runs/{run}"), None).await;
            match shown.as_ref().and_then(|(_, run)| run["status"].as_str()) {
                Some("completed") => ended += 1,
                Some("waiting") => waiting += 1,
                _ => {}
            }
        }
        if ended + waiting == runs.len() && ended > 1 {
            return (ended, waiting);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("they never come to rest");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_are_let_in_than_allowed_though_nodes_are_killed() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let world = World::of(cluster, TTL, "8").await;
    let (first, mut second, third) = (world.node().await, world.node().await, world.node().await);
    let mut runs = Vec::new();
    for number in 0..LETTERS {
        runs.push(letter(&[&first, &second, &third], "ann", number).await);
        if number % 4 == 1 {
            second.kill9();
            second = world.node().await;
        }
    }
    assert_eq!(settled(&first, &runs).await, (2, LETTERS - 2));
    // Whoever else sends is let in, also where the class of the other had its home.
    for sender in ["bob", "cem", "dua", "eli"] {
        let run = letter(&[&first, &second, &third], sender, 0).await;
        super::completed(&first, &[run]).await;
    }
    first.kill9();
    assert_eq!(settled(&second, &runs).await, (2, LETTERS - 2), "who was let in is counted");
    assert_eq!(sent(&world), 2 + 4, "each is sent once");
}

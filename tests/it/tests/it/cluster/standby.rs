//! A node that stands by: what it answers itself, what it sends on, and what it refuses.

use super::{START, TTL, World, order, until};
use sagaflow_it::Flowd;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn reads_are_answered_by_any_node_and_everything_else_by_the_owner() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let world = World::on(cluster, TTL).await;
    let (owner, standby) = world.pair().await;
    said_of_themselves(&owner, &standby).await;

    let path = format!("{START}?wait=10s&until=end");
    let (status, run) = standby.request("POST", &path, Some(order(1))).await;
    assert_eq!((status, &run["status"]), (201, &json!("completed")), "{run}");
    let (status, again) = owner.request("POST", &path, Some(order(1))).await;
    assert_eq!((status, &again["id"]), (200, &run["id"]), "one key, one run, at any node");
    let id = run["id"].as_str().unwrap();
    for path in [format!("/api/runs/{id}"), format!("/api/runs/{id}/history")] {
        let (status, read) = standby.request("GET", &path, None).await;
        assert_eq!((status, read), owner.request("GET", &path, None).await);
    }
    let (status, services) = standby.request("GET", "/api/services", None).await;
    assert_eq!((status, services["items"].as_array().map(Vec::len)), (200, Some(8)), "{services}");

    let elsewhere = "/api/ns/team/workflows/FulfilOrder/runs?wait=10s&until=end";
    let (status, run) = standby.request("POST", elsewhere, Some(order(1))).await;
    assert_eq!((status, &run["status"]), (201, &json!("completed")), "{run}");
    let runs = standby.request("GET", "/api/ns/team/runs", None).await.1;
    assert_eq!(runs["items"].as_array().map(Vec::len), Some(1), "{runs}");
}

async fn said_of_themselves(owner: &Flowd, standby: &Flowd) {
    for (node, role, gauge) in [(owner, "owner", "1"), (standby, "standby", "0")] {
        let both = |health: &Value| health["nodes"].as_array().is_some_and(|all| all.len() == 2);
        let health = until(node, both).await;
        assert_eq!(health["role"], role, "{health}");
        assert_eq!((&health["store"], &health["owner"]), (&json!("postgres"), &json!(owner.url)));
        for known in [owner, standby] {
            let found = health["nodes"].as_array().unwrap();
            let found = found.iter().find(|row| row["address"] == json!(known.url));
            assert_eq!(found.map(|row| &row["draining"]), Some(&json!(false)), "{health}");
        }
        assert_eq!(node.request("GET", "/health/ready", None).await.0, 200);
        let metrics = node.request("GET", "/metrics", None).await.1;
        let line = format!("\nflow_node_owner {gauge}\n");
        assert!(metrics.as_str().is_some_and(|text| text.contains(&line)), "{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_answered_and_its_run_followed_through_a_node_that_stands_by() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let world = World::on(cluster, TTL).await;
    let (_owner, standby) = world.pair().await;
    let input = json!({ "input": { "item": "lamp", "note": "" } });
    let (status, run) = standby.request("POST", "/api/workflows/Buy/runs", Some(input)).await;
    assert_eq!(status, 201, "{run}");
    let run = run["id"].as_str().unwrap();
    standby.wait_for(run, "waiting").await;

    let client = sagaflow_it::client();
    let events = client.get(format!("{}/api/runs/{run}/events", standby.url));
    let mut events = events.send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let first = events.chunk().await.unwrap().unwrap();
    assert!(first.starts_with(b"id: 1\n"), "it comes while the run waits: {first:?}");

    let tasks = standby.request("GET", "/api/tasks", None).await.1;
    let task = tasks["items"][0]["id"].as_str().unwrap().to_owned();
    let answer = Some(json!({ "answer": true }));
    let path = format!("/api/tasks/{task}/answer");
    let (status, said) = standby.request("POST", &path, answer.clone()).await;
    assert_eq!((status, &said["status"]), (200, &json!("applied")), "{said}");
    let (status, said) = standby.request("POST", &path, answer).await;
    assert_eq!((status, &said["code"]), (409, &json!("R1008")), "{said}");

    let mut rest = Vec::new();
    while let Some(chunk) = events.chunk().await.unwrap() {
        rest.extend_from_slice(&chunk);
    }
    let rest = String::from_utf8(rest).unwrap();
    assert!(rest.contains("event: end\n") && rest.contains("\"completed\""), "{rest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_on_is_refused_with_a_time() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let world = World::on(cluster, TTL).await;
    let (owner, standby) = world.pair().await;

    let forwarded = [("flow-forwarded", "1")];
    let (status, headers, said) = standby.full("POST", START, Some(order(1)), &forwarded).await;
    assert_eq!((status, &said["code"]), (503, &json!("R1039")), "it goes round: {said}");
    assert_eq!(headers["retry-after"], "1");
    assert_eq!(headers["content-type"], "application/problem+json");
    let (status, ..) = standby.full("GET", "/api/runs", None, &forwarded).await;
    assert_eq!(status, 200, "a read is not sent on");

    let long = json!({ "input": "x".repeat(1024 * 1024) });
    let (status, said) = standby.request("POST", START, Some(long)).await;
    assert_eq!((status, &said["code"]), (413, &json!("R1018")), "{said}");

    owner.kill9();
    let (status, headers, said) = standby.full("POST", START, Some(order(1)), &[]).await;
    assert_eq!((status, &said["code"]), (503, &json!("R1039")), "nobody is there: {said}");
    assert_eq!(headers["retry-after"], "1");
    assert_eq!(standby.request("GET", "/api/runs", None).await.0, 200);
    assert_eq!(standby.request("GET", "/health/ready", None).await.0, 200);
    assert_eq!(world.ledger.entries(), [], "none of this was done");
}

/// The owner takes the request and answers nothing: a caller must not be told that nothing happened.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_after_the_request_left_is_said_to_be_unknown() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let world = World::on(cluster, TTL).await;
    let (owner, standby) = world.pair().await;
    owner.signal("-STOP");
    let asked = standby.full("POST", START, Some(order(1)), &[]);
    let (status, headers, said) = asked.await;
    assert_eq!((status, &said["code"]), (504, &json!("R1040")), "{said}");
    assert_eq!(headers["retry-after"], "1");
    let path = format!("{START}?wait=10s&until=end");
    let (status, run) = standby.request("POST", &path, Some(order(1))).await;
    assert_eq!((status, &run["status"]), (201, &json!("completed")), "{run}");
    owner.signal("-CONT");
    until(&owner, |health| health["role"] == "standby").await;
    world.each_once(1);
}

//! Runs that wait for a `limit`, as whoever asks for them sees it.

use sagaflow_it::{Flowd, Ledger, flow};
use serde_json::{Value, json};
use std::time::Duration;

async fn start(node: &Flowd, workflow: &str, sender: &str, letter: &str) -> String {
    let body = json!({ "input": { "sender": sender, "letter": letter } });
    let (status, run) =
        node.request("POST", &format!("/api/workflows/{workflow}/runs"), Some(body)).await;
    assert_eq!(status, 201, "{run}");
    run["id"].as_str().unwrap().to_owned()
}

async fn shown(node: &Flowd, run: &str) -> Value {
    node.request("GET", &format!("/api/runs/{run}"), None).await.1
}

/// Waits for as long as a slow machine may take.
async fn completed(node: &Flowd, run: &str) {
    for _ in 0..1_200 {
        if shown(node, run).await["status"] == "completed" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it does not complete: {}", shown(node, run).await);
}

fn sent(ledger: &Ledger) -> usize {
    ledger.applied().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_too_much_waits_through_a_crash_and_delays_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.db").to_string_lossy().into_owned();
    let ledger = Ledger::open().await;
    let post = format!("Post={}/Post", ledger.url);
    let program = flow("limited.flow");
    let args = [&*program, "--store", &store, "--bind", &post];
    let node = Flowd::start("serve", &args).await;
    let mut hot = Vec::new();
    for letter in 0..5 {
        hot.push(start(&node, "Letter", "ann", &format!("a{letter}")).await);
    }
    let cold = start(&node, "Letter", "bob", "b").await;
    for run in [&hot[0], &hot[1], &cold] {
        completed(&node, run).await;
    }
    let waits = json!([{ "at": "start", "limit": 2, "window_ms": 36_000_000, "key": "ann" }]);
    let waiting = |run: &Value| {
        assert_eq!((&run["status"], &run["waits"]), (&json!("waiting"), &waits), "{run}");
        assert_eq!(run["position"][0]["state"], "queued");
    };
    for run in &hot[2..] {
        waiting(&shown(&node, run).await);
    }
    node.kill9();

    let node = Flowd::start("serve", &args).await;
    let late = start(&node, "Letter", "bob", "late").await;
    completed(&node, &late).await;
    let more = start(&node, "Letter", "ann", "more").await;
    for run in hot[2..].iter().chain([&more]) {
        waiting(&shown(&node, run).await);
    }
    // Waiting for its outcome tells a caller that it is not there yet.
    let body = json!({ "input": { "sender": "ann", "letter": "more" } });
    let again = node.request("POST", "/api/workflows/Letter/runs?wait=50ms", Some(body)).await;
    assert_eq!((again.0, &again.1["id"]), (202, &json!(more)), "{}", again.1);
    // A third of bob's would be one too many as well: what was let in before the crash is counted.
    let third = start(&node, "Letter", "bob", "third").await;
    assert_eq!(shown(&node, &third).await["waits"][0]["key"], "bob");
    assert_eq!(sent(&ledger), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_limit_is_let_in_when_its_time_has_come() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.db").to_string_lossy().into_owned();
    let ledger = Ledger::open().await;
    let post = format!("Post={}/Post", ledger.url);
    let node =
        Flowd::start("serve", &[&*flow("limited.flow"), "--store", &store, "--bind", &post]).await;
    let mut runs = Vec::new();
    for letter in 0..3 {
        runs.push(start(&node, "Parcel", "ann", &format!("a{letter}")).await);
    }
    for run in &runs {
        completed(&node, run).await;
    }
    assert_eq!(sent(&ledger), 3, "each is sent once");
}

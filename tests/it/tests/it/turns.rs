//! Runs that wait for their turn, as whoever asks for them sees it.

use sagaflow_it::{Flowd, Ledger, flow};
use serde_json::{Value, json};

async fn start(node: &Flowd, item: &str) -> String {
    let body = json!({ "input": item });
    let (status, run) = node.request("POST", "/api/workflows/Stay/runs", Some(body)).await;
    assert_eq!(status, 201, "{run}");
    run["id"].as_str().unwrap().to_owned()
}

async fn shown(node: &Flowd, run: &str) -> Value {
    node.request("GET", &format!("/api/runs/{run}"), None).await.1
}

/// Lets the one go that is inside.
async fn let_out(node: &Flowd, run: &str) {
    let inside = node.wait_for(run, "waiting").await;
    let mut tasks = Value::Null;
    for _ in 0..400 {
        tasks = node.request("GET", "/api/tasks", None).await.1;
        if tasks["items"][0]["run"] == inside["id"] {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let path = format!("/api/tasks/{}/answer", tasks["items"][0]["id"].as_str().unwrap());
    let answer = Some(json!({ "answer": true }));
    assert_eq!(node.request("POST", &path, answer).await.0, 200);
    node.wait_for(run, "completed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_says_that_it_waits_for_its_turn_and_gets_it_after_a_crash_too() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.db").to_string_lossy().into_owned();
    let ledger = Ledger::open().await;
    let gate = format!("Gate={}/Gate", ledger.url);
    let program = flow("visit.flow");
    let args = [&*program, "--store", &store, "--bind", &gate];
    let node = Flowd::start("serve", &args).await;
    let (first, second) = (start(&node, "ann").await, start(&node, "bob").await);
    ledger.wait_for("Gate.enter", 1).await;
    let waits = json!([{ "at": "start", "limit": 1, "key": null }]);
    let run = shown(&node, &second).await;
    assert_eq!((&run["status"], &run["waits"]), (&json!("waiting"), &waits), "{run}");
    assert_eq!(run["position"][0]["state"], "queued");
    node.kill9();

    let node = Flowd::start("serve", &args).await;
    assert_eq!(shown(&node, &second).await["waits"], waits);
    let_out(&node, &first).await;
    let_out(&node, &second).await;
    assert_eq!(ledger.applied(), ["Gate.enter", "Gate.leave", "Gate.enter", "Gate.leave"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_wait_is_refused_or_gets_the_run_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.db").to_string_lossy().into_owned();
    let ledger = Ledger::open().await;
    let gate = format!("Gate={}/Gate", ledger.url);
    let program = flow("visit.flow");
    let args = [&*program, "--store", &store, "--bind", &gate];
    let node = Flowd::start("serve", &args).await;
    let ask = async |node: &Flowd, workflow: &str, item: &str, room: &str| {
        let body = json!({ "input": { "item": item, "room": room } });
        node.request("POST", &format!("/api/workflows/{workflow}/runs"), Some(body)).await
    };
    let alone = ask(&node, "Alone", "ann", "red").await;
    let shared = ask(&node, "Shared", "ann", "red").await;
    assert_eq!((alone.0, shared.0), (201, 201), "{alone:?} {shared:?}");
    // Sixteen shards: whoever else starts there asks another one.
    for item in ["bob", "cem", "dua", "eli", "fay"] {
        let refused = ask(&node, "Alone", item, "red").await;
        assert_eq!(refused.0, 409, "{refused:?}");
        let named = (&refused.1["code"], &refused.1["run"]);
        assert_eq!(named, (&json!("R1025"), &alone.1["id"]), "{refused:?}");
        let joined = ask(&node, "Shared", item, "red").await;
        assert_eq!((joined.0, &joined.1["id"]), (200, &shared.1["id"]), "{joined:?}");
    }
    assert_eq!(ask(&node, "Alone", "bob", "blue").await.0, 201, "another room is free");
    node.kill9();

    let node = Flowd::start("serve", &args).await;
    assert_eq!(ask(&node, "Alone", "cem", "red").await.0, 409, "it is in flight after a crash too");
    let id = alone.1["id"].as_str().unwrap();
    let path = format!("/api/runs/{id}/cancel");
    let cancel = Some(json!({ "reason": "it is late" }));
    assert_eq!(node.request("POST", &path, cancel).await.0, 200);
    for _ in 0..1_200 {
        if shown(&node, id).await["ended_at"].is_string() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    // A start that was refused has left nothing: it is a new one now.
    let mut after = ask(&node, "Alone", "bob", "red").await;
    for _ in 0..600 {
        if after.0 != 409 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        after = ask(&node, "Alone", "bob", "red").await;
    }
    assert_eq!(after.0, 201, "{after:?}");
}

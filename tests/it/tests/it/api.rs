//! Starting, waiting, looking, listing, following.

use sagaflow_it::{Behave, Flowd, Ledger, flow, sample};
use serde_json::{Value, json};
use std::collections::BTreeSet;

struct World {
    node: Flowd,
    ledger: Ledger,
    _folder: tempfile::TempDir,
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.db").to_string_lossy().into_owned();
    let (file, ledger) = (flow("shop/orders.flow"), Ledger::open().await);
    let binds = ledger.binds();
    let mut args = vec![file.as_str(), "--store", store.as_str()];
    args.extend(binds.iter().map(String::as_str));
    World { node: Flowd::start("serve", &args).await, ledger, _folder: folder }
}

const START: &str = "/api/workflows/FulfilOrder/runs";

fn input() -> Option<Value> {
    Some(json!({ "input": sample(|_| {}) }))
}

fn other(id: u32) -> Option<Value> {
    let id = format!("0192f0c1-7a50-7cc3-9a53-{id:012x}");
    Some(json!({ "input": sample(|order| order["id"] = json!(id)) }))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_is_one_run_however_many_ask_at_once() {
    let world = world().await;
    let path = format!("{START}?wait=10s&until=end");
    let asked = (0..8).map(|_| world.node.request("POST", &path, input()));
    let answers = join_all(asked).await;
    let new = answers.iter().filter(|(status, _)| *status == 201).count();
    let ids: BTreeSet<_> = answers.iter().map(|(_, run)| run["id"].to_string()).collect();
    assert_eq!((new, ids.len()), (1, 1), "{answers:?}");
    assert!(answers.iter().all(|(_, run)| run["result"] == answers[0].1["result"]));
    assert_eq!(world.ledger.count("Payments.capture"), 1);
    let changed = sample(|order| order["email"] = json!("eve@example.com"));
    let (status, problem) =
        world.node.request("POST", START, Some(json!({ "input": changed }))).await;
    assert_eq!((status, problem["code"].as_str()), (422, Some("R1006")), "{problem}");
    assert_eq!(problem["run"].to_string(), *ids.first().unwrap());
    let conflict = format!("{START}?on_conflict=fail");
    let (status, problem) = world.node.request("POST", &conflict, input()).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("R1007")));
}

async fn join_all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pinned: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut all = true;
        for (future, done) in &mut pinned {
            if done.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *done = Some(value),
                    std::task::Poll::Pending => all = false,
                }
            }
        }
        if all { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    pinned.into_iter().filter_map(|(_, done)| done).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_waits_as_long_as_it_said_and_is_told_202() {
    let world = world().await;
    world.ledger.next("Payments.authorize", Behave::Hang);
    let (status, run) = world.node.request("POST", &format!("{START}?wait=200ms"), input()).await;
    assert_eq!(status, 202, "{run}");
    assert_eq!(run["status"], "running");
    let (status, run) = world.node.request("POST", &format!("{START}?wait=20s"), input()).await;
    assert_eq!((status, run["status"].as_str()), (200, Some("completed")), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_answered_when_unwinding_starts() {
    let world = world().await;
    let no = json!({ "error": "Declined", "reason": "no funds" });
    world.ledger.next("Payments.authorize", Behave::Answer(402, no));
    world.ledger.next("Inventory.release", Behave::Hang);
    let (status, run) = world.node.request("POST", &format!("{START}?wait=10s"), input()).await;
    assert_eq!((status, run["status"].as_str()), (201, Some("undoing")), "{run}");
    assert_eq!(run["error"]["name"], "PaymentDeclined");
    assert_eq!(run["error"]["payload"]["reason"], "no funds");
    let run = world.node.wait_for(run["id"].as_str().unwrap(), "failed").await;
    assert_eq!(run["error"]["name"], "PaymentDeclined");
    assert_eq!(run["undo"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_shown_without_what_is_personal() {
    let world = world().await;
    world.ledger.next("Payments.authorize", Behave::Hang);
    let (_, run) = world.node.request("POST", START, input()).await;
    world.ledger.wait_for("Payments.authorize", 1).await;
    let id = run["id"].as_str().unwrap();
    let (_, run) = world.node.request("GET", &format!("/api/runs/{id}"), None).await;
    assert_eq!(run["input"]["order"]["email"], "…");
    assert_eq!(run["input"]["order"]["total"], "52.00 EUR");
    assert_eq!(run["position"][0]["call"]["path"], "hold", "{run}");
    assert!(run["undo"].as_array().is_some_and(|undo| !undo.is_empty()), "{run}");
    let (_, history) = world.node.request("GET", &format!("/api/runs/{id}/history"), None).await;
    for text in [run.to_string(), history.to_string()] {
        assert!(!text.contains("ada@example.com") && !text.contains("Analytical"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_listed_newest_first_in_pages_and_found_by_their_key() {
    let world = world().await;
    let mut ids = Vec::new();
    for id in 1..=5 {
        let path = format!("{START}?wait=10s&until=end");
        let (status, run) = world.node.request("POST", &path, other(id)).await;
        assert_eq!(status, 201, "{run}");
        ids.push(run["id"].clone());
    }
    ids.reverse();
    let (mut listed, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/runs?limit=2&workflow=FulfilOrder&status=completed{after}");
        let (_, page) = world.node.request("GET", &path, None).await;
        listed.extend(page["items"].as_array().unwrap().iter().map(|run| run["id"].clone()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(listed, ids);
    let path = "/api/runs?key=0192f0c1-7a50-7cc3-9a53-000000000003";
    let (_, found) = world.node.request("GET", path, None).await;
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found["items"][0]["id"], ids[2]);
    let (_, none) = world.node.request("GET", "/api/runs?status=failed", None).await;
    assert_eq!(none["items"], json!([]));
}

/// Names and numbers of the events of a stream that ends by itself.
fn parsed(text: &str) -> Vec<(String, u64)> {
    let blocks = text.split("\n\n").filter(|block| block.contains("event:"));
    let field = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
        line.unwrap_or_default().trim().to_owned()
    };
    blocks.map(|block| (field(block, "event:"), field(block, "id:").parse().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_after_the_last_event_that_was_seen_without_gap_or_repeat() {
    let world = world().await;
    world.ledger.next("Shipping.book", Behave::Answer(503, json!({})));
    let (_, run) = world.node.request("POST", START, input()).await;
    let id = run["id"].as_str().unwrap();
    let path = format!("/api/runs/{id}/events");
    // Opened while the run is under way, it ends with the run.
    let (status, _, text) = world.node.full("GET", &path, None, &[]).await;
    assert_eq!(status, 200);
    let whole = parsed(text.as_str().unwrap());
    let numbers: Vec<u64> =
        whole.iter().filter(|(event, _)| event == "record").map(|(_, id)| *id).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    assert_eq!(whole.last().map(|(event, _)| event.as_str()), Some("end"));
    let (_, _, text) = world.node.full("GET", &path, None, &[("last-event-id", "3")]).await;
    let rest = parsed(text.as_str().unwrap());
    assert_eq!(rest, whole[3..]);
    let last = numbers.len().to_string();
    let (status, _, _) = world.node.full("GET", &path, None, &[("last-event-id", &last)]).await;
    assert_eq!(status, 204, "there is nothing more, ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_of_the_metrics_agree_with_what_happened() {
    let world = world().await;
    for id in 1..=3 {
        if id == 2 {
            world
                .ledger
                .next("Shipping.book", Behave::Answer(422, json!({ "error": "NoCarrier" })));
        }
        world.node.request("POST", &format!("{START}?wait=10s&until=end"), other(id)).await;
    }
    let (_, _, metrics) = world.node.full("GET", "/metrics", None, &[]).await;
    let metrics = metrics.as_str().unwrap();
    for line in
        ["flow_runs_started_total 3", "flow_runs_completed_total 2", "flow_runs_failed_total 1"]
    {
        assert!(metrics.lines().any(|found| found == line), "`{line}` is missing in\n{metrics}");
    }
    for path in ["/health/live", "/health/ready", "/api/health"] {
        assert_eq!(world.node.request("GET", path, None).await.0, 200, "{path}");
    }
}

//! A serving node is killed with `kill -9` at random moments under load, and goes on each time.
//!
//! The oracle is the ledger outside: what was applied, under which key, how often. `FLOW_SEED`
//! reproduces the moments; the interleavings inside the processes are their own.

use sagaflow_chaos::Dice;
use sagaflow_it::{Flowd, Ledger, flow, sample};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Kills, as asked for.
const KILLS: u32 = 100;

/// Runs in flight at a time.
const RUNS: u32 = 50;

/// Starts a run; none where the node died before it answered.
async fn start(http: &reqwest::Client, url: &str, number: u32) -> Option<String> {
    let id = format!("0192f0c1-7a50-7cc3-9a53-{number:012x}");
    let body = json!({ "input": sample(|order| order["id"] = json!(id)) });
    let request = http
        .post(format!("{url}/api/workflows/FulfilOrder/runs"))
        .header("content-type", "application/json")
        .body(body.to_string());
    let text = request.send().await.ok()?.text().await.ok()?;
    let run: serde_json::Value = serde_json::from_str(&text).ok()?;
    run["id"].as_str().map(str::to_owned)
}

/// Starts these orders again until each was answered: the same key is the same run.
async fn start_all(url: &str, numbers: &[u32]) -> BTreeMap<u32, String> {
    let http = sagaflow_it::client();
    let tasks: Vec<_> = numbers
        .iter()
        .map(|number| {
            let (http, url, number) = (http.clone(), url.to_owned(), *number);
            tokio::spawn(async move { (number, start(&http, &url, number).await) })
        })
        .collect();
    let mut answered = BTreeMap::new();
    for task in tasks {
        if let (number, Some(run)) = task.await.expect("a start is waited for") {
            answered.insert(number, run);
        }
    }
    answered
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_kills_under_fifty_runs_lose_nothing_and_do_nothing_twice() {
    let mut dice = Dice::of_environment();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ledger = Ledger::open().await;
    let (file, store) = (flow("shop/orders.flow"), folder.path().join("store.db"));
    let (store, binds) = (store.to_string_lossy().into_owned(), ledger.binds());
    sagaflow_it::build();
    let mut args = vec![file.as_str(), "--store", store.as_str()];
    args.extend(binds.iter().map(String::as_str));

    let mut runs: BTreeMap<u32, String> = BTreeMap::new();
    let mut next = 0_u32;
    let mut restarts = Vec::new();
    for _ in 0..KILLS {
        let before = ledger.requests();
        let begun = Instant::now();
        let node = Flowd::start("serve", &args).await;
        // New orders keep the node busy; those that were cut off are asked for again.
        let missing = (0..next).filter(|n| !runs.contains_key(n)).take(RUNS as usize);
        let missing: Vec<u32> = missing.collect();
        let more = if next == 0 { RUNS } else { RUNS / 4 };
        let fresh: Vec<u32> = (next..next + more).collect();
        next += more;
        let url = node.url.clone();
        let asked: Vec<u32> = missing.into_iter().chain(fresh).collect();
        let starts = tokio::spawn(async move { start_all(&url, &asked).await });
        while ledger.requests() == before {
            assert!(begun.elapsed() < Duration::from_secs(20), "no progress after a restart");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        restarts.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(dice.below(250))).await;
        drop(node);
        for (number, run) in starts.await.expect("the starts are waited for") {
            let known = runs.insert(number, run.clone());
            assert!(known.is_none_or(|known| known == run), "one key started two runs");
        }
    }
    restarts.sort_unstable();
    let of = |percent: usize| restarts[(restarts.len() - 1) * percent / 100];
    println!(
        "restart until the first call: p50 {} ms, p90 {} ms, slowest {} ms",
        of(50).as_millis(),
        of(90).as_millis(),
        of(100).as_millis()
    );
    assert!(of(90) < Duration::from_secs(2), "it takes too long until it goes on");

    let node = Flowd::start("serve", &args).await;
    let all: Vec<u32> = (0..next).collect();
    // A node that is asked for everything at once tells some to come back, and they do.
    let mut answered = BTreeMap::new();
    let begun = Instant::now();
    while answered.len() < all.len() {
        assert!(begun.elapsed() < Duration::from_secs(60), "not every order has a run");
        let left: Vec<u32> = all.iter().filter(|n| !answered.contains_key(*n)).copied().collect();
        answered.extend(start_all(&node.url, &left).await);
    }
    for (number, run) in &answered {
        assert!(runs.get(number).is_none_or(|known| known == run), "an answered run was lost");
        node.wait_for(run, "completed").await;
    }
    judge(&ledger, all.len());
}

/// Each key was applied at most once, nothing after its undo, and each order captured once.
fn judge(ledger: &Ledger, orders: usize) {
    let mut applied: BTreeMap<String, u32> = BTreeMap::new();
    let mut undone: Vec<String> = Vec::new();
    let mut captured = 0;
    for entry in ledger.entries() {
        undone.extend(entry.undoes.clone());
        if entry.applied {
            assert!(!undone.contains(&entry.key), "applied after its undo: {entry:?}");
            captured += usize::from(entry.action == "Payments.capture");
            *applied.entry(entry.key.clone()).or_default() += 1;
        }
    }
    let twice: Vec<_> = applied.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "applied more than once: {twice:?}");
    assert_eq!(captured, orders, "one capture an order");
    assert_eq!(ledger.count("Payments.void"), 0, "nothing was undone");
}

//! Crashes at every record: the world sees each effect once, whatever the process does.

use sagaflow_it::{Behave, Flowd, Ledger, flow, flowd, sample};
use serde_json::json;

/// Runs the order process, crashing after record 1, 2, 3, … once each, until a run ends by itself.
/// Each crash is followed by the same command again, which must end as `code`.
async fn sweep(code: i32, prepare: impl Fn(&Ledger)) -> Vec<Vec<String>> {
    let mut worlds = Vec::new();
    for record in 1..60 {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open().await;
        prepare(&ledger);
        let (file, store) = (flow("shop/orders.flow"), folder.path().join("s.db"));
        let (store, binds) = (store.to_string_lossy().into_owned(), ledger.binds());
        let mut args = vec!["run", &file, "--workflow", "FulfilOrder", "--input", "order"];
        args.extend(["--store", &store]);
        args.extend(binds.iter().map(String::as_str));
        let number = record.to_string();
        let crash = [&args[..], &["--crash-after", &number]].concat();
        let first = flowd(&crash).await;
        if first.code.is_some() {
            assert_eq!(first.code, Some(code), "{first:?}");
            assert!(record > 3, "it ended before anything could crash: {first:?}");
            worlds.push(ledger.applied());
            return worlds;
        }
        let second = flowd(&args).await;
        assert_eq!(second.code, Some(code), "after record {record}: {second:?}");
        assert!(second.out.contains("goes on where it was") || second.out.contains("already run"));
        once(&ledger, record);
        worlds.push(ledger.applied());
    }
    panic!("the run does not end");
}

/// No effect was made twice, and no forward call came through after its undo.
fn once(ledger: &Ledger, record: usize) {
    let entries = ledger.entries();
    for (index, entry) in entries.iter().enumerate() {
        let again = entries.iter().skip(index + 1).any(|e| e.applied && e.key == entry.key);
        assert!(!(entry.applied && again), "after record {record}, twice: {entry:?}");
        let undone = entries.iter().take(index).any(|e| e.undoes.as_deref() == Some(&entry.key));
        assert!(!(entry.applied && undone), "after record {record}, after its undo: {entry:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_any_record_changes_nothing_in_the_world() {
    let worlds = sweep(0, |_| {}).await;
    let mut expected = worlds.last().cloned().unwrap();
    expected.sort();
    for mut world in worlds {
        world.sort();
        // A read may be made again: it changes nothing.
        world.dedup();
        assert_eq!(world, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_any_record_of_a_failing_run_leaves_everything_undone() {
    let declined = json!({ "error": "NoCarrier" });
    let worlds = sweep(1, |ledger| {
        // Enough for every attempt, before and after the crash.
        for _ in 0..4 {
            ledger.next("Shipping.book", Behave::Answer(422, declined.clone()));
        }
    })
    .await;
    for world in worlds {
        for (done, undone) in
            [("Inventory.reserve", "Inventory.release"), ("Payments.authorize", "Payments.void")]
        {
            let at = |action: &str| world.iter().position(|applied| applied == action);
            assert!(at(done) < at(undone) && at(done).is_some(), "{world:?}");
        }
        let at = |action: &str| world.iter().position(|applied| applied == action);
        assert!(at("Payments.void") < at("Inventory.release"), "reverse order: {world:?}");
        assert!(!world.contains(&"Payments.capture".to_owned()), "{world:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_goes_on_where_it_was_and_asks_under_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open().await;
    // The effect happens, the answer never comes, and the process dies meanwhile.
    ledger.next("Payments.authorize", Behave::Lose);
    let (file, store) = (flow("shop/orders.flow"), folder.path().join("s.db"));
    let (store, binds) = (store.to_string_lossy().into_owned(), ledger.binds());
    let mut args = vec![file.as_str(), "--store", store.as_str()];
    args.extend(binds.iter().map(String::as_str));
    let node = Flowd::start("serve", &args).await;
    let body = json!({ "input": sample(|_| {}) });
    let (status, run) = node.request("POST", "/api/workflows/FulfilOrder/runs", Some(body)).await;
    assert_eq!(status, 201, "{run}");
    let id = run["id"].as_str().unwrap().to_owned();
    ledger.wait_for("Payments.authorize", 1).await;
    drop(node);
    let node = Flowd::start("serve", &args).await;
    let run = node.wait_for(&id, "completed").await;
    assert_eq!(run["result"]["charged"], "52.00 EUR");
    let tries: Vec<_> =
        ledger.entries().into_iter().filter(|e| e.action == "Payments.authorize").collect();
    assert_eq!(tries.len(), 2);
    assert_eq!(tries[0].key, tries[1].key);
    assert_eq!(tries[1].attempt, 1, "sending again after a crash is the same attempt");
    assert_eq!(tries.iter().filter(|e| e.applied).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_runs_survive_kills_at_any_moment() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open().await;
    let (file, store) = (flow("shop/orders.flow"), folder.path().join("s.db"));
    let (store, binds) = (store.to_string_lossy().into_owned(), ledger.binds());
    let mut args = vec![file.as_str(), "--store", store.as_str()];
    args.extend(binds.iter().map(String::as_str));
    let mut node = Flowd::start("serve", &args).await;
    let mut ids = Vec::new();
    for number in 1..=30_u32 {
        let id = format!("0192f0c1-7a50-7cc3-9a53-{number:012x}");
        let body = json!({ "input": sample(|order| order["id"] = json!(id)) });
        let (status, run) =
            node.request("POST", "/api/workflows/FulfilOrder/runs", Some(body)).await;
        assert_eq!(status, 201, "{run}");
        ids.push(run["id"].as_str().unwrap().to_owned());
        if number % 10 == 0 {
            // Right after the last answer: whatever is under way is cut off.
            drop(node);
            node = Flowd::start("serve", &args).await;
        }
    }
    for id in &ids {
        node.wait_for(id, "completed").await;
    }
    once(&ledger, 0);
    let captured = ledger.applied().iter().filter(|action| *action == "Payments.capture").count();
    assert_eq!(captured, ids.len(), "one capture each");
}

//! `flowd run`: exit codes, the story, and commands that are repeated.

use sagaflow_it::{Behave, Ledger, flow, flowd};
use serde_json::{Value, json};

fn order<'a>(file: &'a str, store: &'a str) -> Vec<&'a str> {
    vec!["run", file, "--workflow", "FulfilOrder", "--input", "order", "--store", store]
}

#[tokio::test]
async fn a_run_on_simulated_services_completes_and_tells_its_story() {
    let folder = tempfile::tempdir().unwrap();
    let (file, store) = (flow("shop/orders.flow"), folder.path().join("s.db"));
    let store = store.to_string_lossy();
    let output = flowd(&order(&file, &store)).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    let told = [
        "started     FulfilOrder v1",
        "ok          hold = Payments.authorize",
        "committed   charged",
    ];
    for line in told {
        assert!(output.out.contains(line), "`{line}` is missing in\n{}", output.out);
    }
    assert!(output.out.contains("completed after"), "{}", output.out);
    assert!(!output.out.contains('\x1b'), "no colour where there is no terminal");
    for personal in ["ada@example.com", "Analytical Way"] {
        assert!(!output.out.contains(personal), "{}", output.out);
    }
    let again = flowd(&order(&file, &store)).await;
    assert_eq!(again.code, Some(0));
    assert!(again.out.contains("has already run"), "{}", again.out);
    assert!(again.out.contains("committed   charged"), "its story is told again: {}", again.out);
}

#[tokio::test]
async fn a_failed_run_is_undone_in_reverse_and_exits_1() {
    let folder = tempfile::tempdir().unwrap();
    let (file, store) = (flow("shop/orders.flow"), folder.path().join("s.db"));
    let store = store.to_string_lossy();
    let mut args = order(&file, &store);
    args.extend(["--fail", "Shipping.book=NoCarrier"]);
    let output = flowd(&args).await;
    assert_eq!(output.code, Some(1), "{output:?}");
    let at = |text: &str| output.out.find(text).unwrap_or_else(|| panic!("{text}: {}", output.out));
    let (undoing, void) = (at("because of Unshippable"), at("← undone    hold  by Payments.void"));
    let release = at("← undone    Inventory.reserve  by Inventory.release");
    assert!(undoing < void && void < release, "{}", output.out);
    assert!(at("failed      parcel = Shipping.book: NoCarrier") < undoing, "{}", output.out);
    assert!(output.out.contains("failed with Unshippable, at parcel"), "{}", output.out);
}

#[tokio::test]
async fn the_store_of_a_command_that_ended_is_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let (file, store) = (flow("shop/orders.flow"), folder.path().join("s.db"));
    let alone = folder.path().join("copy.db");
    let output = flowd(&order(&file, &store.to_string_lossy())).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    std::fs::copy(&store, &alone).unwrap();
    let again = flowd(&order(&file, &alone.to_string_lossy())).await;
    assert!(again.out.contains("has already run"), "the key is known: {}", again.out);
}

#[tokio::test]
async fn json_goes_to_stdout_and_the_story_to_stderr() {
    let folder = tempfile::tempdir().unwrap();
    let (file, store) = (flow("shop/orders.flow"), folder.path().join("s.db"));
    let store = store.to_string_lossy();
    let mut args = order(&file, &store);
    args.extend(["--json", "--fail", "Payments.authorize=Declined(\"no funds\")"]);
    let output = flowd(&args).await;
    let run: Value = serde_json::from_str(&output.out).expect("stdout is one JSON value");
    assert_eq!(output.code, Some(1));
    assert_eq!(run["status"], "failed");
    assert_eq!(run["error"]["name"], "PaymentDeclined");
    assert_eq!(run["error"]["payload"], json!({ "reason": "no funds" }));
    assert!(output.err.contains("because of PaymentDeclined"), "{}", output.err);
}

#[tokio::test]
async fn a_contract_that_is_broken_parks_the_run_and_exits_3() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open().await;
    ledger.answer("Payments.authorize", json!("nonsense"));
    let (file, store) = (flow("shop/orders.flow"), folder.path().join("s.db"));
    let store = store.to_string_lossy();
    let binds = ledger.binds();
    let mut args = order(&file, &store);
    args.extend(binds.iter().map(String::as_str));
    let output = flowd(&args).await;
    assert_eq!(output.code, Some(3), "{output:?}");
    assert!(output.out.contains("fault       hold"), "{}", output.out);
    assert_eq!(ledger.count("Inventory.release"), 0, "a fault never unwinds");
}

#[tokio::test]
async fn real_services_get_each_effect_once_with_keys_that_differ() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open().await;
    ledger.next("Payments.authorize", Behave::Answer(503, json!({})));
    let (file, store) = (flow("shop/orders.flow"), folder.path().join("s.db"));
    let store = store.to_string_lossy();
    let binds = ledger.binds();
    let mut args = order(&file, &store);
    args.extend(binds.iter().map(String::as_str));
    let output = flowd(&args).await;
    assert_eq!(output.code, Some(0), "{output:?}");
    let entries = ledger.entries();
    let tries: Vec<_> = entries.iter().filter(|e| e.action == "Payments.authorize").collect();
    assert_eq!(tries.len(), 2);
    assert_eq!(tries[0].key, tries[1].key, "an unknown attempt is asked again under its key");
    assert_eq!((tries[0].attempt, tries[1].attempt), (1, 2));
    let mut keys: Vec<_> = entries.iter().filter(|e| e.applied).map(|e| &e.key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), ledger.applied().len());
    assert!(output.out.contains("retry"), "{}", output.out);
}

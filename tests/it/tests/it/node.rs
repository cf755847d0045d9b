//! A node as a process: its store, its address, its end, its configuration.

use sagaflow_it::{Behave, Flowd, Ledger, flow, flowd, sample};
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_store_has_one_owner() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.db").to_string_lossy().into_owned();
    let file = flow("shop/orders.flow");
    let node = Flowd::start("dev", &[&file, "--store", &store]).await;
    let args = ["run", &file, "--workflow", "FulfilOrder", "--input", "order", "--store", &store];
    let output = flowd(&args).await;
    assert_eq!(output.code, Some(2));
    assert!(output.err.contains("R1033"), "{}", output.err);
    drop(node);
    assert_eq!(flowd(&args).await.code, Some(0), "it is free the moment its owner is gone");
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.db").to_string_lossy().into_owned();
    let file = flow("shop/orders.flow");
    let output = flowd(&["dev", &file, "--store", &store, "--listen", "0.0.0.0:0"]).await;
    assert_eq!(output.code, Some(2));
    assert!(output.err.contains("R1030"), "{}", output.err);
}

#[tokio::test]
async fn a_node_refuses_to_simulate() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.db").to_string_lossy().into_owned();
    let output = flowd(&["serve", &flow("shop/orders.flow"), "--store", &store]).await;
    assert_eq!(output.code, Some(2));
    assert!(output.err.contains("R1035") && output.err.contains("`shop.orders.Payments`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_stops_cleanly_when_asked_and_waits_for_calls_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.db").to_string_lossy().into_owned();
    let (file, ledger) = (flow("shop/orders.flow"), Ledger::open().await);
    let binds = ledger.binds();
    let mut args = vec![file.as_str(), "--store", store.as_str()];
    args.extend(binds.iter().map(String::as_str));
    let node = Flowd::start("serve", &args).await;
    // The service answers nothing; its call is over after 3 s, and the node waits for that.
    ledger.next("Payments.authorize", Behave::Hang);
    let body = json!({ "input": sample(|_| {}) });
    let (_, run) = node.request("POST", "/api/workflows/FulfilOrder/runs", Some(body)).await;
    ledger.wait_for("Payments.authorize", 1).await;
    let (code, took) = node.terminate().await;
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(15), "{took:?}");
    let node = Flowd::start("serve", &args).await;
    node.wait_for(run["id"].as_str().unwrap(), "completed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_reloads_a_program_that_changed_and_keeps_the_old_one_while_it_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.db").to_string_lossy().into_owned();
    let file = folder.path().join("hello.flow");
    let program = |text: &str| {
        format!(
            "module hello\nworkflow Hello v1 (name: text) -> text idempotent by name deadline 1h {{\n  return \"{text} {{name}}\"\n}}\n"
        )
    };
    std::fs::write(&file, program("hello")).unwrap();
    let path = file.to_string_lossy().into_owned();
    let node = Flowd::start("dev", &[&path, "--store", &store]).await;
    let hello = async |name: &str| {
        let path = "/api/workflows/Hello/runs?wait=5s&until=end";
        node.request("POST", path, Some(json!({ "input": name }))).await.1["result"].clone()
    };
    assert_eq!(hello("Ada").await, "hello Ada");
    std::fs::write(&file, "workflow {").unwrap();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(hello("Ben").await, "hello Ben", "a broken program changes nothing");
    std::fs::write(&file, program("good day")).unwrap();
    for attempt in 0..100 {
        // A run of the same key would be found again: each asks for another name.
        let name = format!("guest {attempt}");
        if hello(&name).await == json!(format!("good day {name}")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it was not reloaded");
}

#[tokio::test]
async fn a_configuration_is_checked_and_shown_without_its_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flowd.toml");
    let file = flow("shop/orders.flow");
    let services = ["Inventory", "Fraud", "Shipping", "Mail"];
    let bound: String = services
        .iter()
        .map(|name| {
            format!("[services.\"shop.orders.{name}\"]\nurl = \"http://127.0.0.1:9/{name}\"\n")
        })
        .collect();
    let payments = "[services.\"shop.orders.Payments\"]\nurl = \"https://u:hunter2@pay.example/v1\"\n\
                    headers = { authorization = \"Bearer hunter3\" }\nerrors = { 402 = \"Declined\" }\n";
    let text = format!("listen = \"127.0.0.1:0\"\n[flows]\nfiles = [{file:?}]\n{bound}{payments}");
    let check = async |text: &str| {
        std::fs::write(&path, text).unwrap();
        flowd(&["check-config", "--config", &path.to_string_lossy()]).await
    };
    let good = check(&text).await;
    assert_eq!(good.code, Some(0), "{good:?}");
    assert!(good.out.contains("pay.example") && !good.out.contains("hunter"), "{}", good.out);
    for (bad, told) in [
        (text.replace("listen", "listn"), "did you mean `listen`?"),
        (text.replace("Declined", "Decline"), "declares an error `Decline`"),
        (text.replace("orders.Mail", "orders.Male"), "did you mean `shop.orders.Mail`?"),
        (text.replace("Bearer hunter3", "env:SAGAFLOW_IT_NOT_SET"), "SAGAFLOW_IT_NOT_SET"),
    ] {
        let output = check(&bad).await;
        assert_eq!(output.code, Some(2), "{output:?}");
        assert!(output.err.contains(told), "`{told}` is missing in {}", output.err);
        assert!(!output.err.contains("hunter"), "{}", output.err);
    }
}

//! A program that is replaced while runs wait: they end on the version they were started with, and
//! new ones start on the new one. Interpreted and generated.

use sagaflow::codegen::rt::Flows;
use sagaflow::config::{Config, StoreUrl};
use sagaflow::{Call, NoError, Node, Outcome, Running};
use sagaflow_it::Flowd;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

mod first {
    sagaflow::include_flow!("versions/first/flows/renewal.flow");
}

mod second {
    sagaflow::include_flow!("versions/second/flows/renewal.flow");
}

/// The second again, as a program that takes the runs of the first.
mod moved {
    sagaflow::include_flow!("versions/moved/flows/renewal.flow");
}

use first::renewal as old;
use moved::renewal as taking;
use second::renewal as new;

/// Serves both: what the first version asks for is asked for in the same words by the second.
struct Desk;

impl old::Desk for Desk {
    async fn note(&self, _: &Call, id: String, years: i64) -> Outcome<String, NoError> {
        Ok(format!("{id} for {years}, noted by the old desk"))
    }

    async fn forget(&self, _: &Call, _: String) -> Outcome<(), NoError> {
        Ok(())
    }
}

impl new::Desk for Desk {
    async fn note(&self, _: &Call, id: String, years: i64) -> Outcome<String, NoError> {
        Ok(format!("{id} for {years}"))
    }

    async fn forget(&self, _: &Call, _: String) -> Outcome<(), NoError> {
        Ok(())
    }

    async fn stamp(&self, _: &Call, _: String, _: String) -> Outcome<(), NoError> {
        Ok(())
    }
}

impl taking::Desk for Desk {
    async fn note(&self, _: &Call, id: String, years: i64) -> Outcome<String, NoError> {
        Ok(format!("{id} for {years}"))
    }

    async fn forget(&self, _: &Call, _: String) -> Outcome<(), NoError> {
        Ok(())
    }

    async fn stamp(&self, _: &Call, _: String, _: String) -> Outcome<(), NoError> {
        Ok(())
    }
}

async fn node<F: Into<Flows>>(folder: &Path, flows: impl Fn() -> F) -> Running {
    let mut last = None;
    for _ in 0..1_200 {
        let config = Config {
            store: StoreUrl::Sqlite(folder.join("s.db")),
            listen: ([127, 0, 0, 1], 0).into(),
            ..Config::default()
        };
        match Node::new(config).host(flows()).start().await {
            Ok(node) => return node,
            // The one before gives the store back when the last that reads it is gone.
            Err(error) => last = Some(error),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no node: {last:?}");
}

/// Tells a node that somebody has paid.
async fn paid(url: &str, id: &str) {
    let body = json!({ "id": id }).to_string();
    let request = sagaflow_it::client().post(format!("{url}/api/events/Paid"));
    let answer = request.header("content-type", "application/json").body(body).send().await;
    let answer = answer.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

/// Waits until a run waits.
async fn waits(url: &str, run: &str) {
    for _ in 0..3_000 {
        let answer = sagaflow_it::client().get(format!("{url}/api/runs/{run}")).send().await;
        let run: Value = serde_json::from_str(&answer.unwrap().text().await.unwrap()).unwrap();
        if run["status"] == "waiting" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it does not wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_run_ends_on_its_version_and_a_new_one_starts_on_the_new() {
    let folder = tempfile::tempdir().unwrap();
    let before = node(folder.path(), || old::flows().desk(Desk)).await;
    let run = before.client().start(old::Renew("ada".to_owned())).await.unwrap();
    let id = run.id();
    waits(&before.url(), &id.to_string()).await;
    drop(run);
    before.stop().await;

    let after = node(folder.path(), || new::flows().desk(Desk)).await;
    let fresh = after.client().start(new::Renew("ben".to_owned())).await.unwrap();
    paid(&after.url(), "ada").await;
    paid(&after.url(), "ben").await;
    let known = after.client().run::<old::Renew>(id);
    assert_eq!(known.result().await.unwrap(), "ada for 1, noted by the old desk: 1 on v1");
    assert_eq!(fresh.result().await.unwrap(), "ben for 2: 2 on v2");
    let again = after.client().start(new::Renew("ada".to_owned())).await.unwrap();
    assert_eq!(again.id(), id, "a key is one over all versions");
    after.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_of_an_old_run_is_that_of_its_version() {
    let folder = tempfile::tempdir().unwrap();
    let before = node(folder.path(), || old::flows().desk(Desk)).await;
    let run = before.client().start(old::Renew("eve".to_owned())).await.unwrap();
    let id = run.id();
    waits(&before.url(), &id.to_string()).await;
    drop(run);
    before.stop().await;

    let after = node(folder.path(), || new::flows().desk(Desk)).await;
    let url = format!("{}/api/runs/{id}", after.url());
    let cancel = sagaflow_it::client().post(format!("{url}/cancel"));
    let cancel = cancel.header("content-type", "application/json").header("flow-actor", "anna");
    let answer = cancel.body(r#"{"reason": "no longer wanted"}"#).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    let known = after.client().run::<old::Renew>(id);
    assert!(known.outcome().await.unwrap().is_err(), "it was cancelled");
    let answer = sagaflow_it::client().get(format!("{url}/history")).send().await.unwrap();
    let story = answer.text().await.unwrap();
    assert!(story.contains("noted/undo"), "{story}");
    after.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_run_is_moved_and_ends_on_the_new_version() {
    let folder = tempfile::tempdir().unwrap();
    let before = node(folder.path(), || old::flows().desk(Desk)).await;
    let run = before.client().start(old::Renew("ada".to_owned())).await.unwrap();
    let id = run.id();
    waits(&before.url(), &id.to_string()).await;
    drop(run);
    before.stop().await;

    let after = node(folder.path(), || taking::flows().desk(Desk)).await;
    let url = format!("{}/api/runs/{id}/upgrade", after.url());
    let upgrade = sagaflow_it::client().post(&url).header("content-type", "application/json");
    let answer = upgrade.body(r#"{"reason": "stamps"}"#).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    paid(&after.url(), "ada").await;
    let known = after.client().run::<taking::Renew>(id);
    let result = known.result().await.unwrap();
    assert_eq!(result, "ada for 1, noted by the old desk: 1 on v2, gold of ada");
    after.stop().await;
}

/// The folder of a source root with the program of that version.
fn root(folder: &Path, version: &str, released: bool) -> String {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("versions").join(version).join("flows");
    let to = folder.join("flows");
    std::fs::create_dir_all(to.join("released")).unwrap();
    std::fs::copy(from.join("renewal.flow"), to.join("renewal.flow")).unwrap();
    let file = Path::new("released/renewal.Renew@1.fir.json");
    match released {
        true => drop(std::fs::copy(from.join(file), to.join(file)).unwrap()),
        // It is not there before the first copy.
        false => drop(std::fs::remove_file(to.join(file))),
    }
    to.join("renewal.flow").to_string_lossy().into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interpreted_run_waits_while_its_version_is_not_there_and_then_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.db").to_string_lossy().into_owned();
    let start = async |version: &str, released: bool| {
        let file = root(folder.path(), version, released);
        Flowd::start("dev", &[&file, "--store", &store]).await
    };
    let begin = async |node: &Flowd, id: &str| {
        let path = "/api/workflows/Renew/runs";
        let (_, run) = node.request("POST", path, Some(json!({ "input": id }))).await;
        run["id"].as_str().unwrap().to_owned()
    };

    let node = start("first", false).await;
    let run = begin(&node, "ada").await;
    node.wait_for(&run, "waiting").await;
    node.kill9();

    let node = start("second", false).await;
    let (_, stranded) = node.request("GET", &format!("/api/runs/{run}"), None).await;
    assert_eq!(stranded["served"], false, "it waits, and says why: {stranded}");
    let (_, listed) = node.request("GET", "/api/runs?workflow=Renew", None).await;
    assert_eq!(listed["items"][0]["served"], false, "{listed}");
    assert!(listed["items"][0]["hash"].is_string(), "{listed}");
    node.kill9();

    let node = start("second", true).await;
    let (_, flows) = node.request("GET", "/api/workflows", None).await;
    let versions = flows["items"][0]["versions"].as_array().unwrap();
    assert_eq!((flows["items"][0]["version"].clone(), versions.len()), (json!(2), 2), "{flows}");
    let fresh = begin(&node, "ben").await;
    node.wait_for(&fresh, "waiting").await;
    paid(&node.url, "ada").await;
    paid(&node.url, "ben").await;
    let one = node.wait_for(&run, "completed").await;
    let two = node.wait_for(&fresh, "completed").await;
    assert!(one["result"].as_str().unwrap().ends_with(": 1 on v1"), "{one}");
    assert!(two["result"].as_str().unwrap().ends_with(": 2 on v2"), "{two}");
    assert_eq!((one["version"].clone(), two["version"].clone()), (json!(1), json!(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn interpreted_runs_are_moved_over_http_and_stay_moved_through_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.db").to_string_lossy().into_owned();
    let start = async |version: &str| {
        let file = root(folder.path(), version, version != "first");
        Flowd::start("dev", &[&file, "--store", &store]).await
    };
    let begin = async |node: &Flowd, id: &str| {
        let path = "/api/workflows/Renew/runs";
        let (_, run) = node.request("POST", path, Some(json!({ "input": id }))).await;
        run["id"].as_str().unwrap().to_owned()
    };
    let version = async |node: &Flowd, run: &str| {
        let (_, run) = node.request("GET", &format!("/api/runs/{run}"), None).await;
        run["version"].clone()
    };

    let node = start("first").await;
    let mut runs = Vec::new();
    for id in ["ada", "ben", "eve"] {
        let run = begin(&node, id).await;
        node.wait_for(&run, "waiting").await;
        runs.push(run);
    }
    let one = format!("/api/runs/{}/upgrade", runs[0]);
    let (status, stays) = node.request("POST", &one, Some(json!({ "reason": "stamps" }))).await;
    assert_eq!((status, &stays["code"]), (409, &json!("R1045")), "{stays}");
    assert_eq!(stays["because"], "newest", "{stays}");
    node.kill9();

    let node = start("moved").await;
    let dry = json!({ "reason": "stamps", "dry_run": true });
    let (status, possible) = node.request("POST", &one, Some(dry)).await;
    assert_eq!((status, &possible["status"]), (200, &json!("possible")), "{possible}");
    assert_eq!(version(&node, &runs[0]).await, 1, "nobody was moved");
    let (status, moved) = node.request("POST", &one, Some(json!({ "reason": "stamps" }))).await;
    assert_eq!((status, &moved["status"]), (200, &json!("applied")), "{moved}");
    node.kill9();

    let node = start("moved").await;
    assert_eq!(version(&node, &runs[0]).await, 2, "what was answered outlives the process");
    let all = "/api/workflows/Renew/upgrade";
    let wrong = json!({ "from": "one", "reason": "stamps" });
    assert_eq!(node.request("POST", all, Some(wrong)).await.0, 400);
    let rest = json!({ "from": 1, "reason": "stamps" });
    let (status, moved) = node.request("POST", all, Some(rest.clone())).await;
    assert_eq!(status, 200, "{moved}");
    assert_eq!((&moved["moved"], &moved["refused"]), (&json!(2), &json!([])), "{moved}");
    let (_, moved) = node.request("POST", all, Some(rest)).await;
    assert_eq!((&moved["moved"], &moved["next"]), (&json!(0), &Value::Null), "{moved}");
    let (_, listed) = node.request("GET", "/api/runs?workflow=Renew", None).await;
    let versions: Vec<&Value> =
        listed["items"].as_array().unwrap().iter().map(|run| &run["version"]).collect();
    assert_eq!(versions, [&json!(2), &json!(2), &json!(2)], "{listed}");
    for (id, run) in ["ada", "ben", "eve"].into_iter().zip(&runs) {
        paid(&node.url, id).await;
        let ended = node.wait_for(run, "completed").await;
        let wanted = format!(": 1 on v2, gold of {id}");
        assert!(ended["result"].as_str().unwrap().ends_with(&wanted), "{ended}");
        let path = format!("/api/runs/{run}/history");
        let (_, history) = node.request("GET", &path, None).await;
        let told = history.to_string();
        assert!(told.contains("upgraded") && told.contains("stamps"), "{told}");
    }
}

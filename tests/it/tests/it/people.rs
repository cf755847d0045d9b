//! What comes from outside while a run waits: people, events, operators, late services.

use sagaflow_it::{Behave, Flowd, Ledger, flow};
use serde_json::{Value, json};

struct World {
    node: Flowd,
    ledger: Ledger,
    args: Vec<String>,
    _folder: tempfile::TempDir,
}

impl World {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("s.db").to_string_lossy().into_owned();
        let ledger = Ledger::open().await;
        // The address stays over a restart: services were told it.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let bind = format!("Shop={}/Shop", ledger.url);
        let listen = format!("127.0.0.1:{port}");
        let args = [&flow("small.flow"), "--store", &store, "--bind", &bind, "--listen", &listen];
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let node = Self::node(&args).await;
        Self { node, ledger, args, _folder: folder }
    }

    async fn node(args: &[String]) -> Flowd {
        Flowd::start("serve", &args.iter().map(String::as_str).collect::<Vec<_>>()).await
    }

    /// Kills the node and starts it again.
    async fn restart(self) -> Self {
        let Self { node, ledger, args, _folder } = self;
        drop(node);
        let node = Self::node(&args).await;
        Self { node, ledger, args, _folder }
    }

    async fn start(&self, workflow: &str, input: Value) -> String {
        let path = format!("/api/workflows/{workflow}/runs");
        let (status, run) = self.node.request("POST", &path, Some(json!({ "input": input }))).await;
        assert_eq!(status, 201, "{run}");
        run["id"].as_str().unwrap().to_owned()
    }

    /// The one open task.
    async fn task(&self) -> Value {
        let (_, tasks) = self.node.request("GET", "/api/tasks", None).await;
        assert_eq!(tasks["items"].as_array().map(Vec::len), Some(1), "{tasks}");
        tasks["items"][0].clone()
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.node.request("POST", path, Some(body)).await
    }
}

fn buy(item: &str) -> Value {
    json!({ "item": item, "note": "for ada@example.com" })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_typed_taken_once_and_survives_the_death_of_the_node() {
    let world = World::open().await;
    let run = world.start("Buy", buy("lamp")).await;
    world.node.wait_for(&run, "waiting").await;
    let world = world.restart().await;
    let task = world.task().await;
    assert_eq!(task["body"]["title"], "Approve lamp?");
    assert!(!task.to_string().contains("ada@example.com"), "{task}");
    let path = format!("/api/tasks/{}", task["id"].as_str().unwrap());
    let (status, problem) = world.post(&format!("{path}/answer"), json!({ "answer": "yes" })).await;
    assert_eq!((status, problem["code"].as_str()), (400, Some("R1005")), "{problem}");
    assert_eq!(world.post(&format!("{path}/claim"), json!({})).await.0, 200);
    let headers = [("flow-actor", "eve")];
    let answer = Some(json!({ "answer": true }));
    let claimed = world.node.full("POST", &format!("{path}/answer"), answer, &headers).await;
    assert_eq!((claimed.0, claimed.2["code"].as_str()), (409, Some("R1010")), "{}", claimed.2);
    assert_eq!(world.post(&format!("{path}/answer"), json!({ "answer": true })).await.0, 200);
    let run = world.node.wait_for(&run, "completed").await;
    assert_eq!(run["result"], "lamp");
    let late = world.post(&format!("{path}/answer"), json!({ "answer": false })).await;
    assert_eq!((late.0, late.1["code"].as_str()), (409, Some("R1008")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_is_resolved_once_by_name_also_after_its_run_has_ended() {
    let world = World::open().await;
    let mut runs = Vec::new();
    for item in ["lamp", "bulb"] {
        let run = world.start("Odd", json!(item)).await;
        world.node.wait_for(&run, "waiting").await;
        runs.push(run);
    }
    assert_eq!(world.post(&format!("/api/runs/{}/cancel", runs[1]), json!({})).await.0, 200);
    world.node.wait_for(&runs[1], "cancelled").await;
    let (_, reviews) = world.node.request("GET", "/api/reviews", None).await;
    let reviews = reviews["items"].as_array().unwrap().clone();
    assert_eq!(reviews.len(), 2, "{reviews:?}");
    assert_eq!(reviews[0]["body"]["text"], "odd: lamp");
    let path =
        |index: usize| format!("/api/reviews/{}/resolve", reviews[index]["id"].as_str().unwrap());
    let body = || Some(json!({ "reason": "looked at it" }));
    let headers = [("flow-actor", "eve")];
    for index in 0..2 {
        let done = world.node.full("POST", &path(index), body(), &headers).await;
        assert_eq!(done.0, 200, "{}", done.2);
    }
    let world = world.restart().await;
    for index in 0..2 {
        let (status, late) = world.post(&path(index), json!({ "reason": "me too" })).await;
        assert_eq!((status, late["code"].as_str()), (409, Some("R1008")), "{late}");
    }
    let (_, open) = world.node.request("GET", "/api/reviews", None).await;
    assert_eq!(open["items"], json!([]));
    let (_, closed) = world.node.request("GET", "/api/reviews?all=true", None).await;
    for review in closed["items"].as_array().unwrap() {
        let said = [&review["body"]["resolved_by"], &review["body"]["reason"]];
        assert_eq!(said, ["eve", "looked at it"], "{review}");
    }
    let history = format!("/api/runs/{}/history", runs[0]);
    let (_, history) = world.node.request("GET", &history, None).await;
    assert!(history.to_string().contains("\"reviewed\""), "{history}");
    let (status, _) = world.post("/api/reviews/nothing/resolve", json!({})).await;
    assert_eq!(status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_say_about_a_task_is_kept_with_their_names() {
    let world = World::open().await;
    let run = world.start("Buy", buy("lamp")).await;
    world.node.wait_for(&run, "waiting").await;
    let id = world.task().await["id"].as_str().unwrap().to_owned();
    let path = format!("/api/tasks/{id}");
    for (who, comment) in [("eve", "called the customer"), ("bob", "no answer")] {
        let (body, headers) = (json!({ "comment": comment }), [("flow-actor", who)]);
        let url = format!("{path}/comment");
        let said = world.node.full("POST", &url, Some(body), &headers).await;
        assert_eq!(said.0, 200, "{}", said.2);
    }
    for bad in [json!({}), json!({ "comment": "" }), json!({ "comment": "x".repeat(4_001) })] {
        let (status, problem) = world.post(&format!("{path}/comment"), bad).await;
        assert_eq!((status, problem["code"].as_str()), (400, Some("R1005")), "{problem}");
    }
    let world = world.restart().await;
    let (_, task) = world.node.request("GET", &path, None).await;
    let said: Vec<_> = task["comments"].as_array().unwrap().iter().collect();
    assert_eq!(said.len(), 2, "{task}");
    assert_eq!(
        (&said[0]["actor"], &said[0]["text"]),
        (&json!("eve"), &json!("called the customer"))
    );
    assert_eq!(world.post(&format!("{path}/answer"), json!({ "answer": true })).await.0, 200);
    let late = world.post(&format!("{path}/comment"), json!({ "comment": "late" })).await;
    assert_eq!((late.0, late.1["code"].as_str()), (409, Some("R1008")));
    let (_, task) = world.node.request("GET", &path, None).await;
    assert_eq!(task["comments"].as_array().map(Vec::len), Some(2), "they stay: {task}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_reaches_the_run_that_waits_for_its_key_and_counts_once() {
    let world = World::open().await;
    let (lamp, bulb) =
        (world.start("Prepaid", json!("lamp")).await, world.start("Prepaid", json!("bulb")).await);
    world.node.wait_for(&lamp, "waiting").await;
    let payload = json!({ "item": "lamp", "amount": "5.00 EUR" });
    let key = [("idempotency-key", "sender-1")];
    for _ in 0..2 {
        let sent = world.node.full("POST", "/api/events/Paid", Some(payload.clone()), &key).await;
        assert_eq!(sent.0, 200, "{}", sent.2);
    }
    let run = world.node.wait_for(&lamp, "completed").await;
    assert_eq!(run["result"], "5.00 EUR");
    let (_, other) = world.node.request("GET", &format!("/api/runs/{bulb}"), None).await;
    assert_eq!(other["status"], "waiting");
    let (status, problem) = world.post("/api/events/Paid", json!({ "item": "bulb" })).await;
    assert_eq!((status, problem["code"].as_str()), (400, Some("R1005")), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_holds_a_service_off_over_a_restart_and_lets_it_go() {
    let world = World::open().await;
    world.ledger.answer("Shop.slow", json!("made of glass"));
    let shop = async |world: &World| {
        let (_, services) = world.node.request("GET", "/api/services", None).await;
        services["items"][0].clone()
    };
    let fresh = shop(&world).await;
    assert_eq!((&fresh["name"], &fresh["bound"]), (&json!("small.Shop"), &json!("http")));
    assert_eq!(fresh["breaker"], json!({ "state": "closed" }));
    let path = "/api/services/Shop/breaker";
    let body = Some(json!({ "state": "open", "reason": "maintenance" }));
    let held = world.node.full("POST", path, body, &[("flow-actor", "eve")]).await;
    assert_eq!(held.0, 200, "{}", held.2);
    let run = world.start("Long", json!("lamp")).await;
    let world = world.restart().await;
    let shown = shop(&world).await["breaker"].clone();
    let said = ["state", "held_by", "reason"].map(|name| shown[name].clone());
    assert_eq!(said, ["open", "eve", "maintenance"], "{shown}");
    assert!(shown["since"].is_string(), "{shown}");
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(world.ledger.entries().is_empty(), "nothing is sent");
    assert_eq!(world.post(path, json!({ "state": "closed" })).await.0, 200);
    world.node.wait_for(&run, "completed").await;
    assert_eq!(world.ledger.count("Shop.slow"), 1);
    let (status, problem) = world.post(path, json!({ "state": "ajar" })).await;
    assert_eq!((status, problem["code"].as_str()), (400, Some("R1005")), "{problem}");
    let (status, problem) =
        world.post("/api/services/Shap/breaker", json!({ "state": "open" })).await;
    assert_eq!((status, problem["code"].as_str()), (404, Some("R1003")), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_that_opened_by_itself_says_when_and_is_closed_by_hand() {
    let world = World::open().await;
    world.ledger.answer("Shop.slow", json!("made of glass"));
    world.ledger.next("Shop.slow", Behave::Answer(401, json!({})));
    let run = world.start("Long", json!("lamp")).await;
    let mut shop = Value::Null;
    for _ in 0..500 {
        let (_, services) = world.node.request("GET", "/api/services", None).await;
        shop = services["items"][0].clone();
        if shop["breaker"]["state"] == "open" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(shop["breaker"]["state"], "open", "{shop}");
    assert!(shop["breaker"]["since"].is_string(), "{shop}");
    assert!(shop["breaker"]["since"].as_str() < shop["breaker"]["probe_at"].as_str(), "{shop}");
    // The other shards hear that it has opened by message; one that heard later than that it was closed
    // would open it once more.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let path = "/api/services/small.Shop/breaker";
    assert_eq!(world.post(path, json!({ "state": "closed" })).await.0, 200);
    world.node.wait_for(&run, "completed").await;
    let (_, services) = world.node.request("GET", "/api/services", None).await;
    assert_eq!(services["items"][0]["breaker"]["state"], "closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_node_records_and_sends_nothing_until_it_is_started_without() {
    let world = World::open().await;
    let run = world.start("Buy", buy("lamp")).await;
    world.node.wait_for(&run, "waiting").await;
    let World { node, ledger, mut args, _folder } = world;
    drop(node);
    args.push("--paused".to_owned());
    let world = World { node: World::node(&args).await, ledger, args, _folder };
    let (_, health) = world.node.request("GET", "/api/health", None).await;
    assert_eq!(health["paused"], true, "{health}");
    let sent = world.ledger.entries().len();
    let other = world.start("Buy", buy("bulb")).await;
    assert_eq!(world.post(&format!("/api/runs/{run}/cancel"), json!({})).await.0, 200);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(world.ledger.entries().len(), sent, "nothing is sent");
    let World { node, ledger, mut args, _folder } = world;
    drop(node);
    args.pop();
    let world = World { node: World::node(&args).await, ledger, args, _folder };
    world.node.wait_for(&run, "cancelled").await;
    world.node.wait_for(&other, "waiting").await;
    assert_eq!(world.ledger.count("Shop.reserve"), 2);
    assert_eq!(world.ledger.count("Shop.release"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_in_the_path_has_runs_keys_events_and_tasks_of_its_own() {
    let world = World::open().await;
    let body = || Some(json!({ "input": "lamp" }));
    let path = "/api/ns/team-a/workflows/Prepaid/runs";
    let (status, headers, run) = world.node.full("POST", path, body(), &[]).await;
    assert_eq!(status, 201, "{run}");
    let there = run["id"].as_str().unwrap().to_owned();
    assert_eq!(headers["location"], format!("/api/ns/team-a/runs/{there}").as_str());
    let here = world.start("Prepaid", json!("lamp")).await;
    assert_ne!(here, there, "the same key in another namespace is another run");
    let (status, _) = world.node.request("GET", &format!("/api/runs/{there}"), None).await;
    assert_eq!(status, 404, "it is not of this namespace");
    let cancel = format!("/api/runs/{there}/cancel");
    assert_eq!(world.post(&cancel, json!({})).await.0, 404);
    world.node.wait_for(&here, "waiting").await;
    // One that has only just begun is in no list yet.
    let begun = std::time::Instant::now();
    loop {
        let (_, listed) = world.node.request("GET", "/api/ns/team-a/runs?limit=5", None).await;
        match listed["items"].as_array().map(Vec::len) {
            Some(1) => break,
            count => assert!(count == Some(0) && begun.elapsed().as_secs() < 60, "{listed}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let payload = json!({ "item": "lamp", "amount": "5.00 EUR" });
    assert_eq!(world.post("/api/ns/team-a/events/Paid", payload).await.0, 200);
    let done = format!("/api/ns/team-a/runs/{there}");
    for _ in 0..500 {
        if world.node.request("GET", &done, None).await.1["status"] == "completed" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(world.node.request("GET", &done, None).await.1["status"], "completed");
    let (_, other) = world.node.request("GET", &format!("/api/runs/{here}"), None).await;
    assert_eq!(other["status"], "waiting", "the event was of the other namespace");
    assert_eq!(world.node.request("GET", "/api/ns/a%2Fb/runs", None).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_completes_a_call_of_another_namespace_at_the_address_it_was_given() {
    let world = World::open().await;
    world.ledger.next("Shop.slow", Behave::Accept);
    let body = Some(json!({ "input": "lamp" }));
    let path = "/api/ns/team-a/workflows/Long/runs";
    let (_, run) = world.node.request("POST", path, body).await;
    world.ledger.wait_for("Shop.slow", 1).await;
    let callback = world.ledger.entries()[0].callback.clone().unwrap();
    let local = callback.strip_prefix(&world.node.url).unwrap().to_owned();
    let (status, problem) = world.post(&format!("{local}/complete"), json!("glass")).await;
    assert_eq!(status, 200, "{problem}");
    let path = format!("/api/ns/team-a/runs/{}", run["id"].as_str().unwrap());
    for _ in 0..500 {
        if world.node.request("GET", &path, None).await.1["result"] == "glass" {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it is not completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_is_undone_and_a_second_cancel_comes_too_late() {
    let world = World::open().await;
    let run = world.start("Buy", buy("lamp")).await;
    world.node.wait_for(&run, "waiting").await;
    let path = format!("/api/runs/{run}/cancel");
    let (status, answer) = world.post(&path, json!({ "reason": "changed my mind" })).await;
    assert_eq!(status, 200, "{answer}");
    world.node.wait_for(&run, "cancelled").await;
    assert_eq!(world.ledger.applied(), ["Shop.reserve", "Shop.release"]);
    let (status, problem) = world.post(&path, json!({})).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("R1008")), "{problem}");
    let (_, tasks) = world.node.request("GET", "/api/tasks", None).await;
    assert_eq!(tasks["items"], json!([]), "its question is withdrawn");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_run_sends_nothing_until_it_is_resumed() {
    let world = World::open().await;
    let run = world.start("Buy", buy("lamp")).await;
    world.node.wait_for(&run, "waiting").await;
    assert_eq!(world.post(&format!("/api/runs/{run}/pause"), json!({})).await.0, 200);
    let task = world.task().await;
    let path = format!("/api/tasks/{}/answer", task["id"].as_str().unwrap());
    assert_eq!(world.post(&path, json!({ "answer": false })).await.0, 200);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(world.ledger.count("Shop.release"), 0);
    assert_eq!(world.post(&format!("/api/runs/{run}/resume"), json!({})).await.0, 200);
    world.node.wait_for(&run, "failed").await;
    assert_eq!(world.ledger.count("Shop.release"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_call_is_completed_later_also_after_a_restart() {
    let world = World::open().await;
    world.ledger.next("Shop.slow", Behave::Accept);
    let run = world.start("Long", json!("lamp")).await;
    world.ledger.wait_for("Shop.slow", 1).await;
    let callback = world.ledger.entries()[0].callback.clone().unwrap();
    let local = callback.strip_prefix(&world.node.url).unwrap().to_owned();
    // The record that the service has accepted it commits just after the service answered.
    for _ in 0..100 {
        let (_, history) =
            world.node.request("GET", &format!("/api/runs/{run}/history"), None).await;
        if history.to_string().contains("\"accepted\"") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let world = world.restart().await;
    assert_eq!(world.post(&format!("{local}/heartbeat"), Value::Null).await.0, 200);
    let (status, problem) = world.post(&format!("{local}/complete"), json!("made of glass")).await;
    assert_eq!(status, 200, "{problem}");
    let run = world.node.wait_for(&run, "completed").await;
    assert_eq!(run["result"], "made of glass");
    let (status, late) = world.post(&format!("{local}/complete"), json!("again")).await;
    assert_eq!((status, late["code"].as_str()), (409, Some("R1008")), "{late}");
    assert_eq!(world.ledger.count("Shop.slow"), 1, "an accepted call is not sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_contract_waits_for_a_person_who_may_say_what_happened() {
    let world = World::open().await;
    world.ledger.next("Shop.slow", Behave::Apply(json!(5)));
    let run = world.start("Long", json!("lamp")).await;
    world.node.wait_for(&run, "parked").await;
    let (_, letters) = world.node.request("GET", "/api/dead-letters", None).await;
    assert_eq!(letters["items"].as_array().map(Vec::len), Some(1), "{letters}");
    let path = format!("/api/runs/{run}/steps/made/resolve");
    let outcome = json!({ "outcome": { "ok": "by hand" }, "reason": "asked the service" });
    let (status, answer) = world.post(&path, outcome).await;
    assert_eq!(status, 200, "{answer}");
    let run = world.node.wait_for(&run, "completed").await;
    assert_eq!(run["result"], "by hand");
    let (_, letters) = world.node.request("GET", "/api/dead-letters", None).await;
    assert_eq!(letters["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_was_given_up_is_not_told_as_undone() {
    let world = World::open().await;
    world.ledger.next("Shop.release", Behave::Answer(400, json!({})));
    let run = world.start("Buy", json!({ "item": "lamp", "note": "" })).await;
    world.node.wait_for(&run, "waiting").await;
    let (status, _) = world.post(&format!("/api/runs/{run}/cancel"), json!({})).await;
    assert_eq!(status, 200);
    for _ in 0..500 {
        let (_, letters) = world.node.request("GET", "/api/dead-letters", None).await;
        if letters["items"] != json!([]) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let path = format!("/api/runs/{run}/steps/Shop.reserve/resolve");
    let outcome = json!({ "outcome": "give_up", "reason": "the shop has closed" });
    let (status, answer) = world.post(&path, outcome).await;
    assert_eq!(status, 200, "{answer}");
    let ended = world.node.wait_for(&run, "cancelled").await;
    assert_eq!(ended["given_up"][0]["path"], "Shop.reserve", "{ended}");
    assert_eq!(ended["given_up"][0]["reason"], "the shop has closed", "{ended}");
    let (_, again) = world
        .node
        .request(
            "POST",
            "/api/workflows/Buy/runs?wait=5s&until=end",
            Some(json!({ "input": { "item": "lamp", "note": "" } })),
        )
        .await;
    assert_eq!(again["given_up"], ended["given_up"], "a caller that asks again: {again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_version_is_not_here_is_shown_as_not_served() {
    let world = World::open().await;
    let run = world.start("Buy", json!({ "item": "lamp", "note": "" })).await;
    let waiting = world.node.wait_for(&run, "waiting").await;
    assert!(waiting.get("served").is_none(), "{waiting}");
    let World { node, ledger, mut args, _folder } = world;
    drop(node);
    let again = args.clone();
    let other = _folder.path().join("other.flow");
    let program = "module other\nworkflow Hello v1 (name: text) -> text idempotent by name deadline 1h {\n  return name\n}\n";
    std::fs::write(&other, program).unwrap();
    args[0] = other.to_string_lossy().into_owned();
    // Nothing of the other program calls the shop.
    let bind = args.iter().position(|arg| arg == "--bind").unwrap();
    args.drain(bind..bind + 2);
    let node = World::node(&args).await;
    let (_, runs) = node.request("GET", "/api/runs", None).await;
    assert_eq!(runs["items"][0]["id"], run.as_str(), "{runs}");
    assert_eq!(runs["items"][0]["served"], false, "{runs}");
    let (_, one) = node.request("GET", &format!("/api/runs/{run}"), None).await;
    assert_eq!((&one["served"], &one["status"]), (&json!(false), &json!("parked")), "{one}");
    let (_, parked) = node.request("GET", "/api/runs?status=parked", None).await;
    assert_eq!(parked["items"][0]["id"], run.as_str(), "it waits for a person: {parked}");
    let (_, waiting) = node.request("GET", "/api/runs?status=waiting", None).await;
    assert_eq!(waiting["items"], json!([]), "and for nothing else");
    drop(node);
    let node = World::node(&again).await;
    let (_, one) = node.request("GET", &format!("/api/runs/{run}"), None).await;
    assert_eq!(one["status"], "waiting", "it goes on where its program is served: {one}");
    let (_, parked) = node.request("GET", "/api/runs?status=parked", None).await;
    assert_eq!(parked["items"], json!([]));
    drop(ledger);
}

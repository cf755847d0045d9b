//! Batches of a partition: each record is in one of them, whatever is killed meanwhile.

use sagaflow_it::{Flowd, build};
use sagaflow_kafka::{Consumer, Event, Partition};
use sagaflow_topics::{PARTITIONS, PATIENCE, World, item, until};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

const RECORDS: usize = 5_000;

/// The most that the program takes at once.
const UP_TO: usize = 100;

/// What came out of the batches, and of the runs of single records.
#[derive(Default)]
struct Counted {
    /// By the batch's id: what was in it. An event that is sent twice says the same twice.
    batches: BTreeMap<String, Value>,
    alone: BTreeSet<String>,
}

impl Counted {
    /// The numbers in all batches, sorted, each as often as it is there.
    fn numbers(&self) -> Vec<usize> {
        let ids = self.batches.values().flat_map(|batch| batch["ids"].as_array().unwrap());
        let mut all: Vec<usize> = ids.map(|id| id.as_str().unwrap().parse().unwrap()).collect();
        all.sort_unstable();
        all
    }
}

struct Tap {
    events: sagaflow_kafka::Events,
    _consumer: Consumer,
    seen: Counted,
}

impl Tap {
    async fn on(world: &World) -> Self {
        let (consumer, events) = Consumer::start(&world.settings).unwrap();
        for partition in 0..PARTITIONS {
            consumer.assign(Partition::new(world.shipped.as_str(), partition), 0).await.unwrap();
        }
        Self { events, _consumer: consumer, seen: Counted::default() }
    }

    async fn until(&mut self, what: &str, done: impl Fn(&Counted) -> bool) {
        let began = Instant::now();
        while !done(&self.seen) {
            let left = PATIENCE.saturating_sub(began.elapsed());
            let next = tokio::time::timeout(left, self.events.next()).await;
            let have = self.seen.numbers().len();
            match next.unwrap_or_else(|_| panic!("{what}: {have} numbers came out")) {
                Some(Event::Records(read)) => {
                    for record in read.records {
                        self.take(&serde_json::from_slice(&record.value.unwrap()).unwrap());
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn take(&mut self, value: &Value) {
        if let Some(alone) = value["alone"].as_str() {
            self.seen.alone.insert(alone.to_owned());
            return;
        }
        let id = value["batch"].as_str().unwrap().to_owned();
        let known = self.seen.batches.entry(id).or_insert_with(|| value.clone());
        assert_eq!(known, value, "one batch, one content");
    }
}

/// Kills the node at every fifth of what comes out.
async fn counts(world: &World) {
    world.source(include_str!("../../flows/count.flow"));
    let mut tap = Tap::on(world).await;
    world.place(0..RECORDS / 2).await;
    let (lane, _) = item(3);
    let note: (&str, Option<&[u8]>) = ("note", Some(b"\xff"));
    world.write(&[(lane, b"no json".to_vec())], &[note]).await;
    world.place(RECORDS / 2..RECORDS).await;
    let mut node = world.node().await;
    for fifth in 1..5 {
        let some = fifth * RECORDS / 5;
        tap.until("a fifth", |seen| seen.numbers().len() >= some).await;
        node.kill9();
        node = world.node().await;
    }
    let all: Vec<usize> = (0..RECORDS).collect();
    tap.until("all", |seen| seen.numbers().len() >= RECORDS).await;
    tap.until("the single ones", |seen| seen.alone.len() >= RECORDS / 100).await;
    assert_eq!(tap.seen.numbers(), all, "each record is in one batch");
    let most = tap.seen.batches.values().map(|it| it["ids"].as_array().unwrap().len()).max();
    assert!(most <= Some(UP_TO) && most > Some(1), "{most:?}");
    assert!(tap.seen.batches.len() >= RECORDS / UP_TO);
    sent_again(world, &mut tap).await;
    set_aside(world, &node, &mut tap).await;
    let (code, _) = node.terminate().await;
    assert_eq!(code, Some(0));
}

/// An event of ours is sent twice, and behind it somebody else makes two of it and passes what it says
/// of itself on.
async fn sent_again(world: &World, tap: &mut Tap) {
    let (run, id) =
        ("018bcfe5-6800-7007-8000-000000000001", "018bcfe5-6800-7007-8000-000000000001.1");
    let said = |event: &'static str| {
        [("flow-id", id), ("flow-run", run), ("flow-event", event)]
            .map(|(name, value)| (name, Some(value.as_bytes())))
    };
    for _ in 0..2 {
        world.write(&[item(RECORDS)], &said("relay.Placed")).await;
    }
    // Their lane is the same.
    let behind = [RECORDS + 16, RECORDS + 32];
    world.write(&behind.map(item), &said("relay.Ordered")).await;
    tap.until("what is behind it", |seen| seen.numbers().contains(&behind[1])).await;
    let all: Vec<usize> = (0..=RECORDS).chain(behind).collect();
    assert_eq!(tap.seen.numbers(), all, "it counts once, and what others write each time");
}

/// One record cannot be read, for both readers; fifty are rejected, and one of them comes again.
async fn set_aside(world: &World, node: &Flowd, tap: &mut Tap) {
    let rejected = RECORDS / 100;
    let whole = async || open(node).await;
    until("all are set aside", async || whole().await.len() == rejected + 2).await;
    let all = whole().await;
    let (heavy, poison): (Vec<_>, Vec<_>) =
        all.iter().partition(|letter| letter["body"]["message"] == "too heavy");
    assert_eq!(poison.len(), 2, "a reader each");
    for letter in &poison {
        let body = &letter["body"];
        assert_eq!((&body["value"], &body["kind"]), (&json!("bm8ganNvbg=="), &json!("record")));
        assert_eq!(body["headers"], json!([["note", "/w=="]]));
    }
    let workflows: BTreeSet<_> =
        poison.iter().map(|letter| letter["body"]["workflow"].as_str()).collect();
    assert_eq!(workflows, [None, Some("relay.Count")].into());
    let places: BTreeSet<String> = heavy
        .iter()
        .map(|letter| {
            let body = &letter["body"];
            assert_eq!(body["topic"], world.placed);
            let id = body["payload"]["item"]["id"].as_str().unwrap();
            assert!(id.ends_with("77"), "{id}");
            let bytes = body["value"].as_str().unwrap();
            assert!(!bytes.is_empty() && body["headers"].is_array(), "it is there whole: {body}");
            format!("{}/{}", body["partition"], body["offset"])
        })
        .collect();
    assert_eq!(places.len(), rejected, "each has a place of its own");

    let letter = heavy[0];
    let retry = format!("/api/dead-letters/{}/retry", letter["id"].as_str().unwrap());
    let why = || Some(json!({ "reason": "it may be light by now" }));
    let (status, said) = node.request("POST", &retry, why()).await;
    assert_eq!((status, &said["status"]), (200, &json!("applied")), "{said}");
    let (status, said) = node.request("POST", &retry, why()).await;
    assert_eq!((status, &said["code"]), (409, &json!("R1008")), "once: {said}");
    tap.until("it comes again", |seen| seen.numbers().len() > RECORDS + 3).await;
    let again = |id: &&String| id.matches('/').count() == 4;
    let alone: Vec<_> = tap.seen.batches.keys().filter(again).collect();
    let alone: Vec<_> = alone.into_iter().map(|id| &tap.seen.batches[id]).collect();
    assert_eq!(alone.len(), 1);
    let body = &letter["body"];
    assert_eq!(alone[0]["ids"], json!([body["payload"]["item"]["id"]]));
    assert_eq!((&alone[0]["first"], &alone[0]["last"]), (&body["offset"], &body["offset"]));
    until("it is rejected again", async || whole().await.len() == rejected + 2).await;
}

/// All letters that are open.
async fn open(node: &Flowd) -> Vec<Value> {
    let (status, body) = node.request("GET", "/api/dead-letters?limit=200", None).await;
    assert_eq!(status, 200, "{body}");
    body["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_record_is_in_one_batch_though_the_node_is_killed_again_and_again() {
    build();
    let Some(brokers) = sagaflow_kafka_server::shared() else { return };
    let world = World::on(brokers.bootstrap(), None).await;
    counts(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_record_is_in_one_batch_on_a_server_with_many_shards_too() {
    build();
    let Some(brokers) = sagaflow_kafka_server::shared() else { return };
    let Some(server) = sagaflow_postgres::shared() else { return };
    let database = server.fresh().unwrap();
    let world = World::on_server(brokers.bootstrap(), database.url()).await;
    counts(&world).await;
}

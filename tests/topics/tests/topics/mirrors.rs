//! Others are told of every run and every dead letter, whatever is killed meanwhile.

use sagaflow_it::build;
use sagaflow_kafka::{Consumer, Event, Events, Partition};
use sagaflow_topics::{PARTITIONS, PATIENCE, World, letters, until};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::time::Instant;

const RECORDS: usize = 400;

/// CloudEvents of one topic, each once: what is sent again is the same.
struct Told {
    events: Events,
    _consumer: Consumer,
    all: BTreeMap<String, Value>,
}

impl Told {
    async fn on(world: &World, topic: &str) -> Self {
        let (consumer, events) = Consumer::start(&world.settings).unwrap();
        for partition in 0..PARTITIONS {
            consumer.assign(Partition::new(topic, partition), 0).await.unwrap();
        }
        Self { events, _consumer: consumer, all: BTreeMap::new() }
    }

    /// The data of those that were told in this way.
    fn data(&self, kind: &str) -> Vec<&Value> {
        let of = self.all.values().filter(|event| event["type"] == kind);
        of.map(|event| &event["data"]).collect()
    }

    fn runs(&self, kind: &str) -> BTreeSet<&str> {
        self.data(kind).into_iter().map(|data| data["run"].as_str().unwrap()).collect()
    }

    async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !done(self) {
            let left = PATIENCE.saturating_sub(began.elapsed());
            let next = tokio::time::timeout(left, self.events.next()).await;
            let known = self.all.len();
            match next.unwrap_or_else(|_| panic!("{what}: {known} were told")) {
                Some(Event::Records(read)) => read.records.into_iter().for_each(|record| {
                    let event: Value = serde_json::from_slice(&record.value.unwrap()).unwrap();
                    let header = |name: &str| {
                        let found = record.headers.iter().find(|(known, _)| known == name);
                        String::from_utf8(found.unwrap().1.clone().unwrap()).unwrap()
                    };
                    assert_eq!(header("content-type"), "application/cloudevents+json");
                    let id = event["id"].as_str().unwrap().to_owned();
                    assert_eq!(header("flow-id"), id);
                    assert_eq!(record.key.unwrap(), event["subject"].as_str().unwrap().as_bytes());
                    let known = self.all.entry(id).or_insert_with(|| event.clone());
                    assert_eq!(*known, event, "one id, one content");
                }),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_run_and_each_letter_is_told_of_though_the_node_is_killed_again_and_again() {
    build();
    let Some(brokers) = sagaflow_kafka_server::shared() else { return };
    let world = World::bare(brokers.bootstrap(), None);
    let (runs, told_letters) =
        (format!("runs-{}", world.placed), format!("letters-{}", world.placed));
    let mut config = std::fs::OpenOptions::new().append(true).open(&world.config).unwrap();
    writeln!(config, "mirror_runs = \"{runs}\"\nmirror_letters = \"{told_letters}\"").unwrap();
    let made = world.topics("create").await;
    assert!(made.code == Some(0) && made.out.contains(&runs), "{made:?}");

    world.place(0..RECORDS / 2).await;
    let lane = sagaflow_topics::item(3).0;
    world.write(&[(lane, b"no json, and private".to_vec())], &[]).await;
    world.place(RECORDS / 2..RECORDS).await;
    let (mut of_runs, mut of_letters) =
        (Told::on(&world, &runs).await, Told::on(&world, &told_letters).await);
    let mut node = world.node().await;
    for third in 1..3 {
        let some = third * RECORDS / 3;
        of_runs.until("a third", |told| told.runs("sagaflow.run.ended").len() >= some).await;
        node.kill9();
        node = world.node().await;
    }
    of_runs.until("all", |told| told.runs("sagaflow.run.ended").len() >= RECORDS).await;
    of_runs.until("all", |told| told.runs("sagaflow.run.started").len() >= RECORDS).await;
    assert_eq!(of_runs.runs("sagaflow.run.started"), of_runs.runs("sagaflow.run.ended"));
    assert_eq!(of_runs.all.len(), 2 * RECORDS, "and nothing else");
    let ended = of_runs.data("sagaflow.run.ended");
    assert!(ended.iter().all(|data| data["status"] == "completed"), "{:?}", ended[0]);

    until("it is set aside", async || letters(&node, false).await.len() == 1).await;
    let letter = letters(&node, false).await.remove(0);
    let id = letter["id"].as_str().unwrap();
    let resolve = format!("/api/dead-letters/{id}/resolve");
    let why = json!({ "outcome": "give_up", "reason": "nobody needs it" });
    let (status, said) = node.request("POST", &resolve, Some(why)).await;
    assert_eq!((status, &said["status"]), (200, &json!("applied")), "{said}");
    of_letters.until("both", |told| told.all.len() == 2).await;
    let opened = of_letters.data("sagaflow.dead_letter.opened");
    let closed = of_letters.data("sagaflow.dead_letter.closed");
    assert_eq!((&opened[0]["letter"], &opened[0]["kind"]), (&json!(id), &json!("record")));
    assert_eq!(opened[0]["topic"], world.placed);
    assert_eq!((&closed[0]["letter"], &closed[0]["resolved"]), (&json!(id), &json!("given up")));
    let shown = format!("{:?}", of_letters.all);
    assert!(!shown.contains("bm8ganNvbi") && !shown.contains("private"), "no value: {shown}");
    assert_eq!(node.terminate().await.0, Some(0));
}

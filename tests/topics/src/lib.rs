//! A program between two topics, a node that serves it, and a tap on what comes out.
//!
//! Promises: every world has topics and a store of its own. The oracle is the tap: what came out, by
//! number, under which ids, in which order. Must not look into a store.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use sagaflow_it::{Flowd, flowd};
use sagaflow_kafka::{
    Admin, Consumer, Event, Header, Message, Partition, Producer, Record, Report, Settings,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Partitions of each topic.
pub const PARTITIONS: i32 = 4;
/// Keys that records have in turn.
const LANES: usize = 16;

/// Bound: for anything that a test waits for, on a machine that has other work.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Two topics of their own, a configuration, and a folder for the log.
pub struct World {
    /// How the brokers are reached.
    pub settings: Settings,
    /// The topic that is read.
    pub placed: String,
    /// The topic that is written.
    pub shipped: String,
    /// The file of the configuration.
    pub config: String,
    /// Where it lies, with the program, the store and the `log`.
    pub folder: tempfile::TempDir,
}

impl World {
    /// Topics are not made yet. `store` is said as it is, or is a file of its own.
    pub fn bare(brokers: String, store: Option<&str>) -> Self {
        static WORLDS: AtomicU32 = AtomicU32::new(0);
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let folder = tempfile::tempdir().unwrap();
        let (placed, shipped) = (format!("placed-{number}"), format!("shipped-{number}"));
        let config = folder.path().join("flowd.toml");
        let store = store.unwrap_or("sqlite:flow.db");
        let text = format!(
            "store = \"{store}\"\n[flows]\nfiles = [\"relay.flow\"]\n[cluster]\nlease_ttl = \"3s\"\n\
             [kafka]\nbrokers = \"{brokers}\"\ngroup = \"{placed}\"\n"
        );
        std::fs::write(&config, text).unwrap();
        let config = config.to_str().unwrap().to_owned();
        let mut settings = Settings::new(brokers);
        settings.group.clone_from(&placed);
        let world = Self { settings, placed, shipped, config, folder };
        world.program(|text| text);
        world
    }

    /// With its topics.
    pub async fn on(brokers: String, store: Option<&str>) -> Self {
        let world = Self::bare(brokers, store);
        let made = world.topics("create").await;
        assert_eq!(made.code, Some(0), "{made:?}");
        world
    }

    /// With its topics, on a store of four shards on a server.
    pub async fn on_server(brokers: String, store: &str) -> Self {
        let world = Self::on(brokers, Some(store)).await;
        let migrated = flowd(&["migrate", "--config", &world.config, "--shards", "4"]).await;
        assert_eq!(migrated.code, Some(0), "{migrated:?}");
        world
    }

    /// Runs `flowd topics`.
    pub async fn topics(&self, command: &str) -> sagaflow_it::Output {
        let mut args = vec!["topics", command, "--config", &self.config];
        if command == "create" {
            args.extend(["--partitions", "4", "--replication", "1", "--retention", "1d"]);
        }
        flowd(&args).await
    }

    /// Writes the program, changed a little.
    pub fn program(&self, change: impl FnOnce(String) -> String) {
        let text = include_str!("../flows/relay.flow");
        let text = text.replace("\"placed\"", &format!("{:?}", self.placed));
        let text = text.replace("\"shipped\"", &format!("{:?}", self.shipped));
        std::fs::write(self.folder.path().join("relay.flow"), change(text)).unwrap();
    }

    /// A node, as soon as it serves.
    pub async fn node(&self) -> Flowd {
        let log = self.folder.path().join("log");
        let began = Instant::now();
        loop {
            // The one before may have left its lease behind.
            if let Some(node) = Flowd::try_start(&["--config", &self.config], &log).await {
                return node;
            }
            let log = std::fs::read_to_string(&log).unwrap();
            assert!(began.elapsed() < Duration::from_secs(30), "no node comes up: {log}");
        }
    }

    /// Writes numbered records, round the lanes.
    pub async fn place(&self, numbers: std::ops::Range<usize>) {
        let values: Vec<(String, Vec<u8>)> = numbers.map(item).collect();
        self.write(&values, &[]).await;
    }

    /// Writes records with these headers, each to the partition of its key.
    pub async fn write(&self, records: &[(String, Vec<u8>)], headers: &[(&str, Option<&[u8]>)]) {
        let (producer, mut reports) = Producer::start(&self.settings).unwrap();
        let generation = producer.generation();
        let topic = self.placed.as_str();
        let sending = async {
            for (key, value) in records {
                let (key, value) = (Some(key.as_bytes()), Some(value.as_slice()));
                producer.send(generation, Message { topic, key, value, headers }).await.unwrap();
            }
        };
        let taking = async {
            let mut left = records.len();
            while left > 0 {
                for report in reports.next().await.unwrap() {
                    assert!(matches!(report, Report::Delivered { .. }), "{report:?}");
                    left -= 1;
                }
            }
        };
        within("all are written", async { tokio::join!(sending, taking) }).await;
    }

    /// Listens to what comes out.
    pub async fn tap(&self) -> Tap {
        Tap::on(&self.settings, &self.shipped).await
    }

    /// What the group was told of each partition.
    pub async fn committed(&self) -> Vec<i64> {
        let (consumer, _events) = Consumer::start(&self.settings).unwrap();
        let all = (0..PARTITIONS).map(|it| Partition::new(self.placed.as_str(), it)).collect();
        let told = within("the group is known", async {
            loop {
                let partitions: &Vec<Partition> = &all;
                if let Ok(told) = consumer.committed(partitions.clone()).await {
                    break told;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        told.await.into_iter().map(Option::unwrap_or_default).collect()
    }
}

/// The record of a number.
pub fn item(n: usize) -> (String, Vec<u8>) {
    let lane = format!("lane-{}", n % LANES);
    let value = json!({ "item": { "id": n.to_string(), "lane": lane } });
    (lane, value.to_string().into_bytes())
}

/// Events that each run lets out, one after the other.
const PARTS: u64 = 2;

/// What came out, by number.
#[derive(Default)]
pub struct Seen {
    /// Runs from which each number came out.
    pub runs: BTreeMap<usize, BTreeSet<String>>,
    /// Ids under which each part of a number came out, and its first place among all.
    pub parts: BTreeMap<(usize, u64), (BTreeSet<String>, usize)>,
    /// Records in all, repeated ones too.
    pub records: usize,
}

impl Seen {
    fn take(&mut self, record: &Record) {
        let value: Value = serde_json::from_slice(record.value.as_ref().unwrap()).unwrap();
        let n = value["id"].as_str().unwrap().parse().unwrap();
        let part = value["part"].as_u64().unwrap();
        assert_eq!(record.key.as_deref(), value["lane"].as_str().map(str::as_bytes));
        let said = |name| header(&record.headers, name).unwrap();
        self.runs.entry(n).or_default().insert(said("flow-run"));
        let place = self.records;
        let (ids, _) = self.parts.entry((n, part)).or_insert((BTreeSet::new(), place));
        ids.insert(said("flow-id"));
        self.records += 1;
    }

    /// Each number came out of one run, each part of it under one id, and the parts in their order.
    ///
    /// # Panics
    /// Where that is not so.
    pub fn one_each(&self, numbers: std::ops::Range<usize>) {
        assert_eq!(self.runs.keys().copied().collect::<Vec<_>>(), numbers.collect::<Vec<_>>());
        let twice: Vec<_> = self.runs.iter().filter(|(_, runs)| runs.len() != 1).collect();
        assert!(twice.is_empty(), "each has one run: {twice:?}");
        let ids: BTreeSet<_> = self.parts.values().flat_map(|(ids, _)| ids).collect();
        assert_eq!(self.parts.len(), self.runs.len() * PARTS as usize);
        assert_eq!(ids.len(), self.parts.len(), "each part has an id of its own, and one");
        for n in self.runs.keys() {
            let places = (1..=PARTS).map(|part| self.parts[&(*n, part)].1);
            assert!(places.is_sorted(), "the parts of {n} are out of order");
        }
    }
}

/// The text of a header.
pub fn header(headers: &[Header], name: &str) -> Option<String> {
    let (_, value) = headers.iter().find(|(given, _)| given == name)?;
    String::from_utf8(value.clone()?).ok()
}

/// Reads a topic from its beginning.
pub struct Tap {
    events: sagaflow_kafka::Events,
    _consumer: Consumer,
    /// What it has read.
    pub seen: Seen,
}

impl Tap {
    async fn on(settings: &Settings, topic: &str) -> Self {
        let (consumer, events) = Consumer::start(settings).unwrap();
        for partition in 0..PARTITIONS {
            let partition = Partition::new(topic, partition);
            within("it is assigned", consumer.assign(partition, 0)).await.unwrap();
        }
        Self { events, _consumer: consumer, seen: Seen::default() }
    }

    /// Reads until so many numbers have come out.
    pub async fn until(&mut self, count: usize) {
        let began = Instant::now();
        while self.seen.parts.len() < count * PARTS as usize {
            let left = PATIENCE.saturating_sub(began.elapsed());
            let next = tokio::time::timeout(left, self.events.next()).await;
            let have = self.seen.runs.len();
            match next.unwrap_or_else(|_| panic!("{have} of {count} came out")) {
                Some(Event::Records(batch)) => {
                    batch.records.iter().for_each(|record| self.seen.take(record));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// Takes what comes for a while.
    pub async fn rest(&mut self, time: Duration) {
        let end = tokio::time::sleep(time);
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => return,
                Some(event) = self.events.next() => match event {
                    Event::Records(batch) => {
                        batch.records.iter().for_each(|record| self.seen.take(record));
                    }
                    other => panic!("{other:?}"),
                },
            }
        }
    }
}

/// What comes in time.
///
/// # Panics
/// Where it does not.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let Ok(done) = tokio::time::timeout(PATIENCE, future).await else { panic!("{what}: never") };
    done
}

/// Asks again and again.
pub async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    within(what, asking).await;
}

/// Letters that are open, or all.
pub async fn letters(node: &Flowd, all: bool) -> Vec<Value> {
    let path = format!("/api/dead-letters?all={all}");
    let (status, body) = node.request("GET", &path, None).await;
    assert_eq!(status, 200, "{body}");
    body["items"].as_array().unwrap().clone()
}

/// What a topic is.
pub async fn topic(settings: &Settings, name: &str) -> sagaflow_kafka::Topic {
    let admin = Admin::start(settings).unwrap();
    within("it is described", admin.topic(name)).await.unwrap()
}

/// What the nodes of a world logged.
pub fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap_or_default()
}

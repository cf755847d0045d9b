//! A program between two topics, a node that serves it, and a tap on what comes out.
//!
//! Promises: every world has topics and a store of its own. The oracle is the tap: what came out, by
//! number, under which ids, in which order. Must not look into a store.
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod positions;
mod tap;

pub use positions::Positions;
pub use tap::{Seen, Tap};

use sagaflow_it::{Flowd, flowd};
use sagaflow_kafka::{Admin, Header, Message, Producer, Report, Settings};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Partitions of each topic.
pub const PARTITIONS: i32 = 4;
/// Keys that records have in turn.
const LANES: usize = 16;

/// Bound: for anything that a test waits for, on a machine that has other work.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Partition and offset of each of some records.
pub type Places = Vec<(i32, i64)>;

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
        // As many copies as there are brokers.
        let copies = self.settings.brokers.split(',').count().to_string();
        if command == "create" {
            args.extend(["--partitions", "4", "--replication", &copies, "--retention", "1d"]);
        }
        flowd(&args).await
    }

    /// Writes the program, changed a little.
    pub fn program(&self, change: impl FnOnce(String) -> String) {
        self.source(&change(include_str!("../flows/relay.flow").to_owned()));
    }

    /// Writes another program, which names the topics `placed` and `shipped`.
    pub fn source(&self, text: &str) {
        let text = text.replace("\"placed\"", &format!("{:?}", self.placed));
        let text = text.replace("\"shipped\"", &format!("{:?}", self.shipped));
        std::fs::write(self.folder.path().join("relay.flow"), text).unwrap();
    }

    /// A node, as soon as it serves.
    pub async fn node(&self) -> Flowd {
        self.node_with(&[]).await
    }

    /// A node that is told more than the configuration says.
    pub async fn node_with(&self, more: &[&str]) -> Flowd {
        let log = self.folder.path().join("log");
        let args = [&["--config", self.config.as_str()], more].concat();
        let began = Instant::now();
        loop {
            // The one before may have left its lease behind.
            if let Some(node) = Flowd::try_start(&args, &log).await {
                return node;
            }
            let log = std::fs::read_to_string(&log).unwrap();
            assert!(began.elapsed() < PATIENCE, "no node comes up: {log}");
        }
    }

    /// Writes numbered records, round the lanes.
    pub async fn place(&self, numbers: std::ops::Range<usize>) -> Places {
        let values: Vec<(String, Vec<u8>)> = numbers.map(item).collect();
        self.write(&values, &[]).await
    }

    /// Writes records with these headers, each to the partition of its key; says where they are, in
    /// their order.
    pub async fn write(
        &self,
        records: &[(String, Vec<u8>)],
        headers: &[(&str, Option<&[u8]>)],
    ) -> Places {
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
            let mut places = BTreeMap::new();
            while places.len() < records.len() {
                for report in reports.next().await.unwrap() {
                    let Report::Delivered { ticket, partition, offset } = report else {
                        panic!("{report:?}");
                    };
                    places.insert(ticket, (partition, offset));
                }
            }
            places.into_values().collect()
        };
        within("all are written", async { tokio::join!(sending, taking).1 }).await
    }

    /// Listens to what comes out.
    pub async fn tap(&self) -> Tap {
        Tap::on(&self.settings, &self.shipped).await
    }
}

/// The record of a number.
pub fn item(n: usize) -> (String, Vec<u8>) {
    let lane = format!("lane-{}", n % LANES);
    let value = json!({ "item": { "id": n.to_string(), "lane": lane } });
    (lane, value.to_string().into_bytes())
}

/// The text of a header.
pub fn header(headers: &[Header], name: &str) -> Option<String> {
    let (_, value) = headers.iter().find(|(given, _)| given == name)?;
    String::from_utf8(value.clone()?).ok()
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

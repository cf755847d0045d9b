//! Claim (14): from a topic into a run with one durable step, and out to another topic, at 15,000
//! events per second, or half of the records that a topic takes (L6); under 1 s from end to end at that
//! rate (measured at half of what was reached); nothing lost and nothing under two ids while the node is
//! killed.
//! Set-up: one broker of Apache Kafka on the same machine, 8 partitions each way, 200-byte records on
//! 256 keys; a node of this program over SQLite, generated code, a service in Rust that does nothing. The
//! parent writes and reads. First a backlog is worked off; then half of that rate is offered for 10 s,
//! and for 30 s more with a `kill -9` every 10 s.
//! Run: `cargo run --release -p sagaflow-benches -- kafka_pipeline`; with `at 8000` behind it, that many
//! events per second are offered instead of half of what was reached.

use crate::percentile_ms;
use anyhow::Context as _;
use sagaflow_kafka::{
    Admin, Consumer, Event, Events, Message, NewTopic, Partition, Producer, Report, Reports,
    Settings,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

sagaflow::include_flow!("flows/pipe.flow");

const PARTITIONS: i32 = 8;
const LANES: u64 = 256;
const BACKLOG: u64 = 100_000;
const CALM: Duration = Duration::from_secs(10);
const KILLS: u32 = 3;

/// Bound: how long anything may take.
const PATIENCE: Duration = Duration::from_secs(120);

struct Idle;

impl pipe::Nothing for Idle {
    async fn go(
        &self,
        _call: &sagaflow::Call,
        n: i64,
    ) -> sagaflow::Outcome<i64, sagaflow::NoError> {
        Ok(n)
    }
}

pub async fn measure(args: &[String]) -> anyhow::Result<()> {
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => pipeline(None).await,
        ["at", rate] => pipeline(Some(rate.parse()?)).await,
        ["node", file] => node(Path::new(file)).await,
        _ => anyhow::bail!("it takes no arguments"),
    }
}

/// The child: a node as a user's binary is one.
async fn node(file: &Path) -> anyhow::Result<()> {
    let flags = sagaflow::config::Flags::default();
    let config = sagaflow::config::Config::load(Some(file), std::env::vars(), &flags)?;
    let _running = sagaflow::Node::new(config).host(pipe::flows().nothing(Idle)).start().await?;
    std::future::pending().await
}

/// A node that is killed when it is dropped.
struct Killed(Child);

impl Killed {
    fn start(file: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["kafka_pipeline", "node"]).arg(file);
        Ok(Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?))
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The writer of the first topic.
struct Source {
    producer: Producer,
    reports: Reports,
    next: u64,
    open: usize,
}

impl Source {
    fn start(settings: &Settings) -> anyhow::Result<Self> {
        let (producer, reports) = Producer::start(settings)?;
        Ok(Self { producer, reports, next: 0, open: 0 })
    }

    async fn put(&mut self, topic: &str) -> anyhow::Result<()> {
        let (n, lane) = (self.next, format!("lane-{}", self.next % LANES));
        let ping = json!({ "n": n, "lane": lane, "at": now_ms(), "pad": "x".repeat(120) });
        let value = json!({ "ping": ping }).to_string().into_bytes();
        let (key, value) = (Some(lane.as_bytes()), Some(value.as_slice()));
        let message = Message { topic, key, value, headers: &[] };
        let generation = self.producer.generation();
        let mut reports = Vec::new();
        {
            let sending = self.producer.send(generation, message);
            tokio::pin!(sending);
            loop {
                tokio::select! {
                    biased;
                    some = self.reports.next() => reports.extend(some.context("it has ended")?),
                    sent = &mut sending => {
                        sent.ok().context("the producer was replaced")?;
                        break;
                    }
                }
            }
        }
        self.next += 1;
        self.open += 1;
        self.count(&reports)
    }

    fn count(&mut self, reports: &[Report]) -> anyhow::Result<()> {
        for report in reports {
            anyhow::ensure!(matches!(report, Report::Delivered { .. }), "{report:?}");
            self.open -= 1;
        }
        Ok(())
    }

    async fn settled(&mut self) -> anyhow::Result<()> {
        while self.open > 0 {
            let reports = self.reports.next().await.context("it has ended")?;
            self.count(&reports)?;
        }
        Ok(())
    }

    /// Writes at intended times.
    async fn offer(&mut self, topic: &str, rate: f64, span: Duration) -> anyhow::Result<()> {
        let begun = Instant::now();
        for count in 0_u32.. {
            let intended = Duration::from_secs_f64(f64::from(count) / rate);
            if intended >= span {
                break;
            }
            let early = intended.saturating_sub(begun.elapsed());
            if early > Duration::from_millis(1) {
                tokio::time::sleep(early).await;
            }
            self.put(topic).await?;
        }
        self.settled().await
    }
}

/// The reader of the last topic.
struct Sink {
    events: Events,
    _consumer: Consumer,
    ids: BTreeMap<u64, BTreeSet<String>>,
    /// From writing to reading, by number.
    took: BTreeMap<u64, Duration>,
    records: u64,
    first: Option<Instant>,
}

impl Sink {
    async fn start(settings: &Settings) -> anyhow::Result<Self> {
        let (consumer, events) = Consumer::start(settings)?;
        for number in 0..PARTITIONS {
            consumer.assign(Partition::new("went", number), 0).await?;
        }
        let (ids, took) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { events, _consumer: consumer, ids, took, records: 0, first: None })
    }

    /// Reads until so many numbers have come.
    async fn until(&mut self, count: u64) -> anyhow::Result<()> {
        let begun = Instant::now();
        while (self.ids.len() as u64) < count {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            let next = tokio::time::timeout(left, self.events.next()).await;
            let have = self.ids.len();
            let next = next.with_context(|| format!("{have} of {count} came out"))?;
            let Some(Event::Records(batch)) = next else { anyhow::bail!("{next:?}") };
            self.first.get_or_insert_with(Instant::now);
            for record in &batch.records {
                let value: Value = serde_json::from_slice(record.value.as_deref().unwrap_or(b""))?;
                let of = |name: &str| value[name].as_u64().context("a number");
                let (n, at) = (of("n")?, of("at")?);
                let id = record.headers.iter().find(|(name, _)| name == "flow-id");
                let id = id.and_then(|(_, id)| id.clone()).context("an id")?;
                self.ids.entry(n).or_default().insert(String::from_utf8(id)?);
                let took = Duration::from_millis(now_ms().saturating_sub(at));
                self.took.entry(n).or_insert(took);
                self.records += 1;
            }
        }
        Ok(())
    }

    fn latencies(&self, from: u64) -> Vec<Duration> {
        let mut times: Vec<_> = self.took.range(from..).map(|(_, took)| *took).collect();
        times.sort();
        times
    }
}

/// L6: records of this size that a topic takes per second.
async fn taken_rate(settings: &Settings, span: Duration) -> anyhow::Result<f64> {
    let mut source = Source::start(settings)?;
    let begun = Instant::now();
    while begun.elapsed() < span {
        source.put("ladder").await?;
    }
    source.settled().await?;
    Ok(source.next as f64 / begun.elapsed().as_secs_f64())
}

async fn pipeline(at: Option<f64>) -> anyhow::Result<()> {
    println!("## From topic to topic\n");
    let Some(brokers) = sagaflow_kafka_server::private(1) else {
        println!("Not measured: this machine has no brokers.");
        return Ok(());
    };
    let settings = Settings::new(brokers.bootstrap());
    let admin = Admin::start(&settings)?;
    for name in ["came", "went", "ladder"] {
        let (name, settings) = (name.to_owned(), Vec::new());
        let new = NewTopic { name, partitions: PARTITIONS, replication: 1, settings };
        admin.create(&new).await?;
    }
    let limit = taken_rate(&settings, Duration::from_secs(3)).await?;
    println!("Records that a topic takes (L6), in this run: {limit:.0} per second.\n");
    let folder = tempfile::tempdir_in(".")?;
    let file = folder.path().join("node.toml");
    let text = format!(
        "store = \"sqlite:pipe.db\"\nlisten = \"127.0.0.1:0\"\n[kafka]\nbrokers = \"{}\"\ngroup = \"bench\"\n",
        brokers.bootstrap()
    );
    std::fs::write(&file, text)?;

    let (mut source, mut sink) = (Source::start(&settings)?, Sink::start(&settings).await?);
    let backlog = if at.is_some() { 1_000 } else { BACKLOG };
    for _ in 0..backlog {
        source.put("came").await?;
    }
    source.settled().await?;
    let mut node = Killed::start(&file)?;
    sink.until(backlog).await?;
    let first = sink.first.context("it has come")?;
    let rate = sink.ids.len() as f64 / first.elapsed().as_secs_f64();

    let calm = source.next;
    let offered = at.unwrap_or(rate / 2.0);
    let read = calm + (offered * CALM.as_secs_f64()) as u64;
    let (wrote, came) = tokio::join!(source.offer("came", offered, CALM), sink.until(read));
    wrote?;
    came?;
    sink.until(source.next).await?;
    let times = sink.latencies(calm);
    println!(
        "| backlog of {BACKLOG}, events/s | of L6 | claim | at half of it: offered/s | p50 ms | p99 ms | claim |"
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|");
    println!(
        "| {rate:.0} | {:.3} | {:.0} | {offered:.0} | {:.0} | {:.0} | 1000 |\n",
        rate / limit,
        (0.5 * limit).min(15_000.0),
        percentile_ms(&times, 50),
        percentile_ms(&times, 99)
    );

    let before = source.next;
    for _ in 0..KILLS {
        let end = source.next + (offered * CALM.as_secs_f64()) as u64;
        let (wrote, came) = tokio::join!(source.offer("came", offered, CALM), sink.until(end));
        wrote?;
        came?;
        drop(node);
        node = Killed::start(&file)?;
    }
    sink.until(source.next).await?;
    let twice = sink.ids.values().filter(|ids| ids.len() > 1).count();
    println!("| kills | events | came out | under two ids | records, repeated ones too | p99 ms |");
    println!("|--:|--:|--:|--:|--:|--:|");
    println!(
        "| {KILLS} | {} | {} | {twice} | {} | {:.0} |",
        source.next,
        sink.ids.len(),
        sink.records,
        percentile_ms(&sink.latencies(before), 99)
    );
    drop(node);
    Ok(())
}

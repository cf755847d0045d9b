//! Claims: a node that is killed at 80 % of its capacity, with thousands of runs in flight, has all
//! of them progressing again within 2 s (12), or within the time of a lease and 2 s at another node
//! (13); nothing that was accepted is lost, and nothing is done under two keys.
//! Set-up: real processes of this program; the parent stands for the world: a call is a line that
//! the child writes before it answers. Runs of two steps with 3 s between, started at intended
//! times; `kill -9`; then the same store in a new process, or, on Postgres with a lease of 3 s, in
//! one that stood by. On Postgres a new process is the node of before, as with `cluster.identity`, or
//! one that nobody knows: that one waits for the lease of the dead one, as any other node does.
//! Run: `cargo run --release -p sagaflow-benches -- kill_matrix`.

use crate::loads::{self, Hook, closed, next, numbered};
use crate::place::{EMBEDDED, SHARED};
use crate::server;
use anyhow::Context as _;
use sagaflow_core::port::Store;
use sagaflow_engine::{Error, Member, Request};
use sagaflow_store::{Postgres, PostgresOptions, Sqlite};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use uuid::Uuid;

const TTL: Duration = Duration::from_secs(3);

/// Between the two steps of a run.
const REST: Duration = Duration::from_secs(3);

/// How long starts come before the kill: longer than a run.
const LOAD: Duration = Duration::from_secs(8);

/// Bound: how long what was in flight may take.
const PATIENCE: Duration = Duration::from_secs(90);

pub fn measure(runtime: &tokio::runtime::Runtime, args: &[String]) -> anyhow::Result<()> {
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => matrix(runtime),
        ["node", store, mode, rate, who] => {
            runtime.block_on(node(store, mode, rate.parse()?, Who::read(who)?))
        }
        _ => anyhow::bail!("it takes no arguments"),
    }
}

/// Which node a child is.
#[derive(Clone, Copy)]
struct Who {
    node: Uuid,
    /// The process that was it is dead.
    again: bool,
}

impl Who {
    fn fresh() -> Self {
        Self { node: Uuid::now_v7(), again: false }
    }

    fn read(text: &str) -> anyhow::Result<Self> {
        let again = text.strip_prefix("again-");
        Ok(Self { node: again.unwrap_or(text).parse()?, again: again.is_some() })
    }

    fn said(self) -> String {
        format!("{}{}", if self.again { "again-" } else { "" }, self.node)
    }
}

/// One line to the parent, whole and at once.
fn say(line: &str) {
    // A parent that is gone reads nothing.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// A child: an engine on `store`, with starts or without.
async fn node(store: &str, mode: &str, rate: f64, who: Who) -> anyhow::Result<()> {
    if store.starts_with("postgres") {
        let Who { node, again } = who;
        let options = PostgresOptions::new(store);
        let options = PostgresOptions { shards: SHARED, ttl: TTL, node, again, ..options };
        let member = Member { node, address: format!("http://{node}.invalid:1") };
        serve(Postgres::open(options).await?, Some(member), mode, rate).await
    } else {
        let options =
            sagaflow_store::Options { shards: EMBEDDED, ..sagaflow_store::Options::new(store) };
        serve(Sqlite::open(options).await?, None, mode, rate).await
    }
}

async fn serve<S: Store>(
    store: S,
    member: Option<Member>,
    mode: &str,
    rate: f64,
) -> anyhow::Result<()> {
    // Crash: what was done is with the parent before the engine hears of it.
    let hook: Hook = Arc::new(|key, n, turn| say(&format!("c {n} {turn} {key}")));
    let hook = if mode == "capacity" { loads::unheard() } else { hook };
    let engine = loads::engine(store, hook, member).await?;
    let handle = engine.handle();
    say("ready");
    if mode == "capacity" {
        let one = move || numbered(handle.clone(), "loads.Three");
        closed(64, Duration::from_secs(1), one.clone()).await?;
        let came = closed(512, Duration::from_secs(4), one).await?;
        say(&format!("capacity {:.1}", came.rate()));
        engine.stop().await;
        return Ok(());
    }
    let begun = Instant::now();
    for count in 0_u32.. {
        if mode != "load" {
            std::future::pending::<()>().await;
        }
        let intended = begun + Duration::from_secs_f64(f64::from(count) / rate);
        let early = intended.saturating_duration_since(Instant::now());
        if early > Duration::from_millis(1) {
            tokio::time::sleep(early).await;
        }
        let handle = handle.clone();
        tokio::spawn(async move {
            let n = next();
            let workflow = "loads.Rest".to_owned();
            let request = Request { workflow, input: json!(n), ..Request::default() };
            loop {
                match handle.start(request.clone()).await {
                    Ok(_) => return say(&format!("s {n}")),
                    // Elsewhere: its shard is still being taken over, while others serve.
                    Err(Error::Busy { .. } | Error::Away { .. } | Error::Elsewhere { .. }) => {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    Err(error) => return say(&format!("bad {error}")),
                }
            }
        });
    }
    Ok(())
}

/// A child process and what it says, with the time at which it was heard. Dropping it kills it.
struct Node {
    child: Child,
    lines: Receiver<(Instant, String)>,
}

impl Node {
    /// Starts one, and waits until its engine is there.
    fn start(store: &str, mode: &str, rate: f64, who: Who) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["kill_matrix", "node", store, mode, &rate.to_string(), &who.said()])
            .stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let out = BufReader::new(child.stdout.take().context("it is piped")?);
        let (heard, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if heard.send((Instant::now(), line)).is_err() {
                    return;
                }
            }
        });
        let node = Self { child, lines };
        let ready = node.lines.recv_timeout(PATIENCE).context("the child is not ready")?;
        anyhow::ensure!(ready.1 == "ready", "the child said `{}`", ready.1);
        Ok(node)
    }

    fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

#[derive(Default)]
struct Run {
    accepted: bool,
    /// When each step was called first.
    calls: BTreeMap<i64, Instant>,
    keys: BTreeMap<i64, BTreeSet<String>>,
}

/// The world as the parent knows it.
#[derive(Default)]
struct World {
    runs: BTreeMap<i64, Run>,
    /// Calls that were made again under their key.
    again: usize,
}

impl World {
    /// The run that a line is about.
    fn hear(&mut self, at: Instant, line: &str) -> anyhow::Result<i64> {
        let parts: Vec<&str> = line.split(' ').collect();
        match parts.as_slice() {
            ["s", n] => {
                let n = n.parse()?;
                self.runs.entry(n).or_default().accepted = true;
                Ok(n)
            }
            ["c", n, turn, key] => {
                let (n, turn) = (n.parse()?, turn.parse()?);
                let run = self.runs.entry(n).or_default();
                run.calls.entry(turn).or_insert(at);
                let fresh = run.keys.entry(turn).or_default().insert((*key).to_owned());
                self.again += usize::from(!fresh);
                Ok(n)
            }
            _ => anyhow::bail!("the child said `{line}`"),
        }
    }

    fn open(&self) -> BTreeSet<i64> {
        let open = |run: &Run| !run.calls.contains_key(&2);
        self.runs.iter().filter(|(_, run)| open(run)).map(|(n, _)| *n).collect()
    }
}

/// Who goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// A new process, which is the node of before.
    Same,
    /// A new process that nobody knows.
    New,
    /// A process that was there.
    StoodBy,
}

/// One cell: load, kill, and what came after; a row of the table.
fn cell(name: &str, store: &str, capacity: f64, next: Next) -> anyhow::Result<String> {
    let (rate, who) = (capacity * 0.8, Who::fresh());
    let mut first = Node::start(store, "load", rate, who)?;
    let resume = |who| Node::start(store, "resume", 0.0, who);
    let standby = (next == Next::StoodBy).then(|| resume(Who::fresh())).transpose()?;
    let (begun, mut world) = (Instant::now(), World::default());
    while begun.elapsed() < LOAD {
        match first.lines.recv_timeout(Duration::from_millis(50)) {
            Ok((at, line)) => _ = world.hear(at, &line)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => anyhow::bail!("the node ended by itself"),
        }
    }
    let killed = Instant::now();
    first.kill();
    // What it said before it died was heard, also what is still in the pipe.
    while let Ok((at, line)) = first.lines.recv() {
        world.hear(at, &line)?;
    }
    let in_flight = world.open();
    let second = match standby {
        Some(standby) => standby,
        None if next == Next::Same => resume(Who { again: true, ..who })?,
        None => resume(Who::fresh())?,
    };
    let (mut waited, mut heard) = (in_flight.clone(), None);
    // A start that nobody was told about may have been recorded or not.
    let told = |n: &i64| world.runs.get(n).is_some_and(|run| run.accepted || !run.calls.is_empty());
    waited.retain(told);
    let (mut delays, mut left) = (Vec::new(), waited.clone());
    while !left.is_empty() && killed.elapsed() < PATIENCE {
        let Ok((at, line)) = second.lines.recv_timeout(PATIENCE) else { break };
        heard.get_or_insert(at - killed);
        let n = world.hear(at, &line)?;
        if waited.remove(&n) {
            let rested = world.runs.get(&n).and_then(|run| run.calls.get(&1)).map(|at| *at + REST);
            let due = rested.map_or(killed, |due| due.max(killed));
            delays.push(at.saturating_duration_since(due.min(at)));
        }
        if world.runs.get(&n).is_some_and(|run| run.calls.contains_key(&2)) {
            left.remove(&n);
        }
    }
    delays.sort();
    let doubled = world.runs.values().flat_map(|run| run.keys.values());
    let doubled = doubled.filter(|keys| keys.len() > 1).count();
    let at = |percent| crate::percentile_ms(&delays, percent) / 1e3;
    let claim = if next == Next::Same { 2 } else { TTL.as_secs() + 2 };
    Ok(format!(
        "| {name} | {rate:.0} | {} | {:.2} | {:.2} | {:.2} | {claim} | {} | {doubled} | {} |",
        in_flight.len(),
        heard.unwrap_or_default().as_secs_f64(),
        at(50),
        at(100),
        left.len(),
        world.again
    ))
}

fn capacity(store: &str) -> anyhow::Result<f64> {
    let node = Node::start(store, "capacity", 0.0, Who::fresh())?;
    let said = node.lines.recv_timeout(PATIENCE).context("no capacity")?.1;
    let rate = said.strip_prefix("capacity ").context("no capacity")?;
    Ok(rate.parse()?)
}

fn matrix(runtime: &tokio::runtime::Runtime) -> anyhow::Result<()> {
    println!("## Killed at 80 % of its capacity\n");
    println!("Seconds after the kill, or after a rest was over where that was later.\n");
    println!(
        "| store, who goes on | starts/s | in flight | first call | progress p50 | all | claim | lost | \
         under two keys | asked again |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    let folder = tempfile::tempdir_in(".")?;
    let file = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let rate = capacity(&file("capacity.db"))?;
    println!("{}", cell("SQLite, a new process", &file("store.db"), rate, Next::Same)?);
    let Some(server) = server::start()? else {
        println!("\nPostgres: not measured, this machine has none.");
        return Ok(());
    };
    let mut rate = None;
    for (name, next) in [
        ("Postgres, a new process of the node", Next::Same),
        ("Postgres, a new node", Next::New),
        ("Postgres, one that stood by", Next::StoodBy),
    ] {
        let databases = [server.fresh()?, server.fresh()?];
        for database in &databases {
            let options =
                PostgresOptions { shards: SHARED, ..PostgresOptions::new(database.url()) };
            runtime.block_on(Postgres::migrate(&options))?;
        }
        let rate = match rate {
            Some(rate) => rate,
            None => *rate.insert(capacity(databases[0].url())?),
        };
        println!("{}", cell(name, databases[1].url(), rate, next)?);
    }
    Ok(())
}

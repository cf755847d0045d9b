//! Several nodes of one world, which come and go.

use sagaflow_it::{Flowd, Ledger};
use sagaflow_topics::{Tap, World, until};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// What was sent twice is there after this.
pub const STRAGGLERS: Duration = Duration::from_secs(1);

pub struct Fleet<'a> {
    world: &'a World,
    args: Vec<String>,
    nodes: Vec<Flowd>,
}

impl<'a> Fleet<'a> {
    /// So many nodes, each told more than the configuration says.
    pub async fn start(world: &'a World, args: &[&str], count: usize) -> Self {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let mut fleet = Self { world, args, nodes: Vec::new() };
        for _ in 0..count {
            fleet.join().await;
        }
        fleet
    }

    /// One more node.
    pub async fn join(&mut self) {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        self.nodes.push(self.world.node_with(&args).await);
    }

    /// Kills one at once, which has shards, and starts another one.
    pub async fn kill(&mut self, number: usize) {
        self.shares(number).await;
        self.nodes.remove(number).kill9();
        self.join().await;
    }

    /// One goes in good order.
    pub async fn leave(&mut self, number: usize) {
        let (code, _) = self.nodes.remove(number).terminate().await;
        assert_eq!(code, Some(0), "it stops in good order");
    }

    /// All go in good order.
    pub async fn stop(&mut self) {
        while !self.nodes.is_empty() {
            self.leave(0).await;
        }
    }

    /// Waits until one has shards.
    pub async fn shares(&self, number: usize) {
        until("it has its share", async || {
            let health = get(&self.nodes[number], "/health").await;
            health["shards"]["owned"].as_u64() > Some(0)
        })
        .await;
    }

    /// Waits until so many runs are completed; the run of each key.
    pub async fn completed(&self, count: usize) -> BTreeMap<String, String> {
        completed(&self.nodes[0], count).await
    }

    /// Waits until all events have come to their end, and stops: each has one run, which made one call and
    /// let its events out in order.
    pub async fn come_to_rest(&mut self, tap: &mut Tap, ledger: &Ledger, events: usize) {
        let runs = self.completed(events).await;
        self.stop().await;
        tap.rest(STRAGGLERS).await;
        tap.seen.one_each(0..events);
        tap.seen.of_runs(&runs);
        let applied = ledger.entries().into_iter().filter(|entry| entry.applied).count();
        assert_eq!(applied, events, "each run made one call");
    }

    pub fn size(&self) -> usize {
        self.nodes.len()
    }
}

/// Waits until so many runs are completed, and there are no others; the run of each key.
pub async fn completed(node: &Flowd, count: usize) -> BTreeMap<String, String> {
    let mut runs = BTreeMap::new();
    // Lists are a moment late.
    until("all are completed", async || {
        runs = list(node, "&status=completed").await;
        runs.len() >= count
    })
    .await;
    assert_eq!(runs.len(), count, "each has a run");
    assert_eq!(list(node, "").await, runs, "there are others");
    runs
}

/// The run of each key.
async fn list(node: &Flowd, filter: &str) -> BTreeMap<String, String> {
    let (mut runs, mut after) = (BTreeMap::new(), String::new());
    loop {
        let path = format!("/api/runs?workflow=Relay&limit=500{filter}{after}");
        let page = get(node, &path).await;
        for run in page["items"].as_array().unwrap() {
            let text = |name: &str| run[name].as_str().unwrap().to_owned();
            let other = runs.insert(text("key"), text("id"));
            assert_eq!(other, None, "one key has one run: {run}");
        }
        let Some(next) = page["next"].as_str() else { return runs };
        after = format!("&after={next}");
    }
}

async fn get(node: &Flowd, path: &str) -> Value {
    let (status, body) = node.request("GET", path, None).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

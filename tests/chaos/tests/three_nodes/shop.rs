//! The callers: they ask any node, and the same again with the same key wherever the answer is that
//! nobody knows, or not now.

use crate::world::{awaited, id};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Bound: callers that wait at a time; beyond it new ones stay away.
const CALLERS: usize = 64;

/// Between two tries of one caller.
const AGAIN: Duration = Duration::from_millis(100);

/// Longer than a node takes to decide or to say that it cannot.
const ANSWER: Duration = Duration::from_secs(8);

/// What all callers share.
#[derive(Clone)]
pub struct Shop {
    http: reqwest::Client,
    /// Where each node answers; empty while it is down.
    nodes: Arc<Mutex<Vec<String>>>,
    accepted: Arc<Mutex<BTreeMap<u32, String>>>,
    wrong: Arc<Mutex<Vec<String>>>,
    next: Arc<AtomicU32>,
    repeated: Arc<AtomicU32>,
    places: Arc<Semaphore>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shop {
    pub fn new(nodes: usize) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER);
        let http = http.pool_idle_timeout(Duration::from_secs(1)).build().expect("a client");
        Self {
            http,
            nodes: Arc::new(Mutex::new(vec![String::new(); nodes])),
            accepted: Arc::default(),
            wrong: Arc::default(),
            next: Arc::new(AtomicU32::new(1)),
            repeated: Arc::default(),
            places: Arc::new(Semaphore::new(CALLERS)),
        }
    }

    /// Where a node answers from now on.
    pub fn moved(&self, node: usize, url: &str) {
        if let Some(place) = locked(&self.nodes).get_mut(node) {
            url.clone_into(place);
        }
    }

    /// Orders that were accepted, with their runs.
    pub fn accepted(&self) -> BTreeMap<u32, String> {
        locked(&self.accepted).clone()
    }

    /// Answers that must not be.
    pub fn wrong(&self) -> Vec<String> {
        locked(&self.wrong).clone()
    }

    /// How often a request was made again.
    pub fn repeated(&self) -> u32 {
        self.repeated.load(Ordering::Relaxed)
    }

    /// Callers that have no answer yet.
    pub fn waiting(&self) -> usize {
        CALLERS - self.places.available_permits()
    }

    /// One more order, placed in the background at a node of its own choice; none where too many wait.
    pub fn walk_in(&self, choice: u64) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return };
        let (shop, order) = (self.clone(), self.next.fetch_add(1, Ordering::Relaxed));
        let nodes: Vec<usize> = (0..locked(&self.nodes).len()).collect();
        tokio::spawn(async move {
            shop.place(order, &nodes, choice).await;
            // One in eight was asked twice by a caller that does not know what it has asked.
            if order % 8 == 0 {
                shop.place(order, &nodes, choice + 1).await;
            }
            drop(place);
        });
    }

    /// As many new orders at once, at these nodes only: how long until the first was accepted,
    /// and the last.
    pub async fn probe(&self, count: u32, nodes: &[usize]) -> (Duration, Duration) {
        let orders: Vec<_> = (0..count)
            .map(|n| {
                let (shop, nodes) = (self.clone(), nodes.to_vec());
                let order = self.next.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move { shop.place(order, &nodes, u64::from(n)).await })
            })
            .collect();
        let (mut first, mut last) = (Duration::MAX, Duration::ZERO);
        for order in orders {
            let took = order.await.expect("a caller does not panic");
            (first, last) = (first.min(took), last.max(took));
        }
        (first, last)
    }

    /// Asks until a node has accepted an order, and pays for it where it waits for that; how long the
    /// first took.
    async fn place(&self, order: u32, nodes: &[usize], choice: u64) -> Duration {
        let begun = Instant::now();
        let body = json!({ "input": { "id": id(order), "awaited": awaited(order) } });
        let said = self.insist("/api/workflows/Take/runs", &body, None, nodes, choice).await;
        let Some(run) = said["id"].as_str() else {
            locked(&self.wrong).push(format!("order {order}: an answer without a run: {said}"));
            return begun.elapsed();
        };
        let took = begun.elapsed();
        let known = locked(&self.accepted).insert(order, run.to_owned());
        if let Some(known) = known.filter(|known| known != run) {
            locked(&self.wrong).push(format!("order {order} has two runs: {known}, {run}"));
        }
        if awaited(order) {
            let (payload, key) = (json!({ "order": id(order) }), format!("paid-{order}"));
            self.insist("/api/events/Paid", &payload, Some(&key), nodes, choice).await;
        }
        took
    }

    /// The same request again and again until it was taken.
    async fn insist(
        &self,
        path: &str,
        body: &Value,
        key: Option<&str>,
        nodes: &[usize],
        choice: u64,
    ) -> Value {
        let mut turn = choice as usize;
        loop {
            let node = nodes.get(turn % nodes.len()).copied().unwrap_or(0);
            let url = locked(&self.nodes).get(node).cloned().unwrap_or_default();
            match self.ask(&format!("{url}{path}"), body, key).await {
                Some((200 | 201, said)) => return said,
                // It was cut off; it is decided later and could be forgotten; or not now: the same
                // again is safe.
                None | Some((202 | 429 | 503 | 504, _)) => {}
                Some((status, said)) => {
                    locked(&self.wrong).push(format!("{path} {body}: {status} {said}"));
                    return said;
                }
            }
            self.repeated.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(AGAIN).await;
            turn += 1;
        }
    }

    async fn ask(&self, url: &str, body: &Value, key: Option<&str>) -> Option<(u16, Value)> {
        let mut request = self.http.post(url).header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let response = request.body(body.to_string()).send().await.ok()?;
        let status = response.status().as_u16();
        let text = response.text().await.ok()?;
        Some((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    /// What a node says at a path.
    pub async fn look(&self, node: usize, path: &str) -> Option<Value> {
        let url = locked(&self.nodes).get(node).cloned()?;
        let response = self.http.get(format!("{url}{path}")).send().await.ok()?;
        serde_json::from_str(&response.text().await.ok()?).ok()
    }
}

//! I18: a step that ends its process is found out after a few recoveries and set aside, and everybody
//! else on its shard goes on.

use sagaflow_it::Flowd;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The input on which the program's service aborts.
const DEADLY: i64 = 13;

/// Recoveries after which a run is set aside, and the life in which it was started.
const LIVES_MAX: u32 = 11;

/// Bound: how long all of it may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that is started again whenever it ends, as a supervisor would.
struct Kept {
    /// Where it answers, as of its last start.
    url: watch::Receiver<String>,
    deaths: Arc<AtomicU32>,
    /// No more others are wanted beside the one that is set aside.
    enough: AtomicBool,
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

impl Kept {
    fn start(store: &Path) -> Self {
        let ((told, url), deaths) = (watch::channel(String::new()), Arc::<AtomicU32>::default());
        let stop = Arc::new(AtomicBool::new(false));
        let (counted, stopped) = (Arc::clone(&deaths), Arc::clone(&stop));
        let (log, store) = (store.with_extension("log"), store.to_string_lossy().into_owned());
        let task = tokio::spawn(async move {
            while !stopped.load(Ordering::SeqCst) {
                let program = Command::new(env!("CARGO_BIN_EXE_bomb"));
                let started = Flowd::of(program, &["--store", &store], &log).await;
                if let Some(mut node) = started {
                    told.send_replace(node.url.clone());
                    while !node.ended() && !stopped.load(Ordering::SeqCst) {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                }
                if !stopped.load(Ordering::SeqCst) {
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        Self { url, deaths, enough: AtomicBool::new(false), stop, task }
    }

    fn deaths(&self) -> u32 {
        self.deaths.load(Ordering::SeqCst)
    }

    /// Asks again until it answers.
    async fn ask(&self, http: &reqwest::Client, path: &str, body: Option<&Value>) -> (u16, Value) {
        let begun = Instant::now();
        loop {
            let url = format!("{}{path}", self.url.borrow().as_str());
            let request = match body {
                None => http.get(url),
                Some(body) => {
                    http.post(url).header("content-type", "application/json").body(body.to_string())
                }
            };
            if let Ok(response) = request.send().await {
                let status = response.status().as_u16();
                if let Ok(text) = response.text().await
                    && !matches!(status, 429 | 503)
                {
                    return (status, serde_json::from_str(&text).unwrap_or_default());
                }
            }
            assert!(begun.elapsed() < PATIENCE, "nobody answers {path}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// One run of an other, from its start to its end; how long that took.
    async fn other(&self, http: &reqwest::Client, n: usize) -> Duration {
        let (begun, body) = (Instant::now(), json!({ "input": n }));
        loop {
            let path = "/api/workflows/Fuse/runs?wait=5s&until=end";
            let (status, run) = self.ask(http, path, Some(&body)).await;
            if run["status"] == "completed" {
                return begun.elapsed();
            }
            assert_eq!(status, 202, "run {n} is neither done nor under way: {run}");
            assert!(begun.elapsed() < PATIENCE, "run {n} does not end: {run}");
        }
    }
}

/// One run of others after the other, until it is enough.
async fn others(kept: Arc<Kept>, http: reqwest::Client) -> Vec<Duration> {
    let mut times = Vec::new();
    while !kept.enough.load(Ordering::SeqCst) {
        times.push(kept.other(&http, 200 + times.len()).await);
    }
    times
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_ends_its_process_is_set_aside_and_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let kept = Arc::new(Kept::start(&folder.path().join("store.db")));
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10));
    let http = http.build().unwrap();
    let mut before = Vec::new();
    for n in 100..130 {
        before.push(kept.other(&http, n).await);
    }

    let begun = Instant::now();
    let (status, run) =
        kept.ask(&http, "/api/workflows/Fuse/runs", Some(&json!({ "input": DEADLY }))).await;
    assert!(matches!(status, 200 | 201), "{run}");
    let run = run["id"].as_str().unwrap().to_owned();
    let others = tokio::spawn(others(Arc::clone(&kept), http.clone()));
    let letter = loop {
        assert!(begun.elapsed() < PATIENCE, "it is not set aside after {} deaths", kept.deaths());
        let letters = kept.ask(&http, "/api/dead-letters", None).await.1;
        if let Some(letter) = letters["items"].as_array().and_then(|all| all.first()) {
            break letter.clone();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let (took, deaths) = (begun.elapsed(), kept.deaths());
    assert_eq!((&letter["body"]["kind"], &letter["run"]), (&json!("poison"), &json!(run)));
    assert!((3..=LIVES_MAX).contains(&deaths), "it took {deaths} deaths");
    let (_, state) = kept.ask(&http, &format!("/api/runs/{run}"), None).await;
    assert_eq!(state["status"], "parked", "{state}");

    kept.enough.store(true, Ordering::SeqCst);
    let during = others.await.unwrap();
    let mut after = Vec::new();
    for n in 100_000..100_030 {
        after.push(kept.other(&http, n).await);
    }
    assert_eq!(kept.deaths(), deaths, "it is set aside, and ends no process any more");
    println!(
        "set aside after {deaths} deaths in {} ms; others, p50: {:?} before, {:?} of {} meanwhile, the \
         slowest {:?}, {:?} after",
        took.as_millis(),
        median(before),
        median(during.clone()),
        during.len(),
        during.iter().max(),
        median(after)
    );
    kept.stop.store(true, Ordering::SeqCst);
    Arc::into_inner(kept).expect("nobody else asks any more").task.await.unwrap();
}

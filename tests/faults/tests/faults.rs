//! The engine on stores of which one operation in a hundred fails, one in fifty, and one in twenty:
//! `FLOW_SEED=seed` for other ones.

use sagaflow_core::codegen::Values;
use sagaflow_core::id::RunId;
use sagaflow_core::memory::Memory;
use sagaflow_core::port::{Error, Store};
use sagaflow_core::time::Time;
use sagaflow_engine::{Bound, Engine, Handle, Options, Services, Until};
use sagaflow_faults::{Faulty, Keeper};
use sagaflow_store::{Options as SqliteOptions, Postgres, PostgresOptions, Sqlite};
use sagaflow_sweep::sample;
use sagaflow_sweep::subject::Subject;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::task::JoinSet;

/// Runs of each program, and a third more requests for them.
const RUNS: usize = 80;

/// Operations of a thousand that fail, by program.
const FAILING: [usize; 3] = [10, 20, 50];

/// Bound: nothing here takes longer, but for a machine that is very busy.
const PATIENCE: Duration = Duration::from_secs(180);

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A loop, branches, and a commit: all that a run does is keyed, but for one write of the loop.
fn subjects() -> Vec<Subject> {
    let all = [sample::looped(), sample::branching(), sample::committing()];
    all.into_iter().map(|subject| subject.expect("it is accepted")).collect()
}

async fn engine<S: Store>(store: &Faulty<S>, subject: &Subject, keeper: &Arc<Keeper>) -> Engine {
    let services: Services =
        [("m.S".to_owned(), Bound::Code(Arc::clone(keeper) as _))].into_iter().collect();
    loop {
        let options = Options {
            namespace: "default".to_owned(),
            machines: vec![subject.machine.clone()],
            services: services.clone(),
            paused: false,
            on_commit: None,
            member: None,
            kafka: None,
        };
        match Engine::start(Arc::new(store.clone()), options).await {
            Ok(engine) => return engine,
            // The engine before it may still be about to end.
            Err(
                Error::Fenced { .. } | Error::Unavailable(_) | Error::Unknown(_) | Error::Held(_),
            ) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => panic!("the engine does not start: {error}"),
        }
    }
}

/// A client that asks until it is told: its key has one run.
async fn start(handle: Handle, key: String) -> RunId {
    let input = serde_json::json!({ "id": key, "k": 5 });
    let input: Values = [("input".to_owned(), input)].into_iter().collect();
    loop {
        match handle.start_with("m.W", &input).await {
            Ok(started) => return started.run,
            Err(_) => tokio::time::sleep(Duration::from_millis(30)).await,
        }
    }
}

async fn end(handle: Handle, run: RunId) -> String {
    loop {
        if let Ok(view) = handle.wait(run, Until::End, PATIENCE).await
            && view.row.ended_at.is_some()
        {
            return view.row.status;
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// Starts runs, lets the process of the engine go on with another one in the middle, and judges all.
async fn survives<S: Store>(what: &str, store: S, (at, subject): (usize, Subject)) {
    let seed = number("FLOW_SEED", 1) + at as u64;
    let permille = FAILING[at];
    let store = Faulty::new(store, seed, permille);
    let keeper = Arc::new(Keeper::new(&subject, seed));
    let mut known: BTreeMap<String, RunId> = BTreeMap::new();
    for half in [0, 1] {
        let engine = engine(&store, &subject, &keeper).await;
        let mut starts = JoinSet::new();
        for one in 0..RUNS {
            // Every key is asked for twice in the second half, where half of them are known.
            let key = format!("r{}", one % (RUNS / 2) + half * RUNS / 4);
            let handle = engine.handle();
            // One after the other, so that there are many small batches and not a few large ones.
            let after = Duration::from_millis(20 * one as u64);
            starts.spawn(async move {
                tokio::time::sleep(after).await;
                (key.clone(), start(handle, key).await)
            });
        }
        while let Some(started) = starts.join_next().await {
            let (key, run) = started.expect("no client panics");
            let first = *known.entry(key.clone()).or_insert(run);
            assert_eq!(first, run, "{what}: key {key} has two runs");
        }
        if half == 0 {
            // What it has under way ends with it; the next one finds it in the store.
            drop(engine);
            continue;
        }
        let mut ends = JoinSet::new();
        for run in known.values().copied() {
            let handle = engine.handle();
            ends.spawn(async move { (run, end(handle, run).await) });
        }
        let mut statuses: BTreeMap<String, u32> = BTreeMap::new();
        let all = async {
            while let Some(ended) = ends.join_next().await {
                let (run, status) = ended.expect("no client panics");
                if let Some(mess) = keeper.mess(&subject, run, &status) {
                    panic!("{what}, FLOW_SEED={seed}: run {run}: {mess}\n{}", subject.text);
                }
                *statuses.entry(status).or_default() += 1;
            }
        };
        let ended = tokio::time::timeout(PATIENCE, all).await;
        println!(
            "{what}, {permille} of 1,000: {statuses:?}, {} requests, {:?}",
            keeper.requests(),
            store.struck()
        );
        assert!(ended.is_ok(), "{what}, FLOW_SEED={seed}: a run does not end");
        engine.stop().await;
    }
    assert_eq!(known.len(), RUNS * 3 / 4, "{what}");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

#[test]
fn an_engine_on_a_failing_store_in_memory_leaves_no_mess() {
    runtime().block_on(async {
        for (at, subject) in (0..).zip(subjects()) {
            let since = |now: SystemTime| now.duration_since(SystemTime::UNIX_EPOCH);
            let clock = Arc::new(move || {
                let ms = since(SystemTime::now()).expect("it is later than 1970").as_millis();
                Time(i64::try_from(ms).expect("it fits"))
            });
            let store = Memory::new(2, clock);
            survives("memory", store, (at, subject)).await;
        }
    });
}

#[test]
fn an_engine_on_a_failing_sqlite_leaves_no_mess() {
    runtime().block_on(async {
        for (at, subject) in (0..).zip(subjects()) {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("flow.db");
            let options = SqliteOptions { shards: 2, ..SqliteOptions::new(path) };
            let store = Sqlite::open(options).await.expect("it opens");
            survives("sqlite", store, (at, subject)).await;
        }
    });
}

#[test]
fn an_engine_on_a_failing_postgres_leaves_no_mess() {
    let Some(cluster) = sagaflow_postgres::private(&[]) else { return };
    runtime().block_on(async {
        for (at, subject) in (0..).zip(subjects()) {
            let database = cluster.fresh().expect("a database");
            let options = PostgresOptions { shards: 2, ..PostgresOptions::new(database.url()) };
            Postgres::migrate(&options).await.expect("it migrates");
            let store = Postgres::open(options).await.expect("it opens");
            survives("postgres", store, (at, subject)).await;
        }
    });
}

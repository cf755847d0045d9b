//! Claims: 100,000 timers that fall due within 60 s fire at most 20 ms late (15, p99); a run that
//! waits for a time or for a person takes at most 4 KB of memory (11).
//! Set-up: SQLite, then a private Postgres; runs that sleep until a moment of their own, spread
//! evenly over 60 s; how late is counted where the step behind the sleep is called. Then 10,000
//! runs that wait for a person. Memory is what the process holds more than before; with Postgres
//! the store's own is elsewhere.
//! Run: `cargo run --release -p sagaflow-benches -- sleepers`; a number of timers may follow.

use crate::loads::{Hook, next};
use crate::place::{Place, one_process_each, resident};
use anyhow::Context as _;
use sagaflow_core::time::Time;
use sagaflow_core::value::print_time;
use sagaflow_engine::{Error, Handle, Request};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The span in which they fall due, in ms.
const SPAN_MS: i64 = 60_000;

const TASKS: usize = 10_000;

fn now_us() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(0)
}

/// Starts so many runs, a few hundred at a time; runs per second.
async fn park(
    handle: &Handle,
    workflow: &'static str,
    count: usize,
    input: impl Fn(usize) -> Value + Send + Sync + 'static,
) -> anyhow::Result<f64> {
    let (begun, turn, input) = (Instant::now(), Arc::<AtomicUsize>::default(), Arc::new(input));
    let mut starters = tokio::task::JoinSet::new();
    for _ in 0..500 {
        let (handle, turn, input) = (handle.clone(), Arc::clone(&turn), Arc::clone(&input));
        starters.spawn(async move {
            loop {
                let mine = turn.fetch_add(1, Ordering::Relaxed);
                if mine >= count {
                    return anyhow::Ok(());
                }
                let (workflow, input) = (workflow.to_owned(), input(mine));
                let request = Request { workflow, input, ..Request::default() };
                while let Err(error) = handle.start(request.clone()).await {
                    anyhow::ensure!(matches!(error, Error::Busy { .. }), "{error}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        });
    }
    while let Some(ended) = starters.join_next().await {
        ended??;
    }
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

/// How late each was, in µs, as it is called.
#[derive(Default)]
struct Lateness {
    /// The number of the first.
    first: AtomicI64,
    begin_us: AtomicI64,
    every_us: AtomicI64,
    heard: AtomicBool,
    late_us: Mutex<Vec<i64>>,
}

impl Lateness {
    fn called(&self, n: i64) {
        if self.heard.load(Ordering::Relaxed) {
            let due = self.due_us(n);
            let late = now_us() - due;
            self.late_us.lock().unwrap_or_else(PoisonError::into_inner).push(late);
        }
    }

    fn due_us(&self, n: i64) -> i64 {
        let turn = n - self.first.load(Ordering::Relaxed);
        let due =
            self.begin_us.load(Ordering::Relaxed) + turn * self.every_us.load(Ordering::Relaxed);
        // A moment of the language has whole milliseconds.
        due / 1_000 * 1_000
    }

    fn count(&self) -> usize {
        self.late_us.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

async fn timers(place: &Place, late: &Arc<Lateness>, count: usize) -> anyhow::Result<()> {
    let handle = place.handle();
    // Bound: twice what parking them takes at five thousand a second, and a little.
    let begin = now_us() + 10_000_000 + i64::try_from(count)? * 400;
    late.first.store(next() + 1, Ordering::Relaxed);
    late.begin_us.store(begin, Ordering::Relaxed);
    late.every_us.store(SPAN_MS * 1_000 / i64::try_from(count)?, Ordering::Relaxed);
    late.heard.store(true, Ordering::Relaxed);
    let before = resident()?;
    let told = Arc::clone(late);
    let rate = park(&handle, "loads.Sleeper", count, move |_| {
        let n = next();
        json!({ "n": n, "due": print_time(Time(told.due_us(n) / 1_000)) })
    })
    .await?;
    let parked_kb = (resident()? - before) / 1024.0 / count as f64;
    let spare = (begin - now_us()) as f64 / 1e6;
    anyhow::ensure!(spare > 0.0, "parking took longer than was meant: {:.0} s", -spare);
    let end = Duration::from_secs_f64(spare) + Duration::from_millis(SPAN_MS.unsigned_abs());
    let (begun, mut last) = (Instant::now(), end + Duration::from_secs(60));
    while late.count() < count && begun.elapsed() < last {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    last = begun.elapsed();
    let mut all = std::mem::take(&mut *late.late_us.lock().unwrap_or_else(PoisonError::into_inner));
    anyhow::ensure!(all.len() == count, "{} of {count} fired within {last:?}", all.len());
    all.sort_unstable();
    let at =
        |percent: usize| all.get((count - 1) * percent / 100).map_or(0.0, |us| *us as f64 / 1e3);
    let first = at(0);
    anyhow::ensure!(first >= 0.0, "one fired {first} ms early");
    println!(
        "| {} | {count} | {rate:.0} | {:.1} | {:.1} | {:.1} | 20 | {parked_kb:.1} | 4 |",
        place.name,
        at(50),
        at(99),
        at(100)
    );
    Ok(())
}

pub async fn measure(args: &[String]) -> anyhow::Result<()> {
    let count = args.first().map(|text| text.parse()).transpose();
    let count: usize = count.context("a number of timers")?.unwrap_or(100_000);
    let Some(number) = one_process_each("## Runs that wait\n")? else { return Ok(()) };
    let late = Arc::<Lateness>::default();
    let told = Arc::clone(&late);
    let hook: Hook = Arc::new(move |_, n, _| told.called(n));
    let Some(place) = Place::nth(number, &hook).await? else { return Ok(()) };
    // Tasks first: what timers leave behind in the allocator would hide their memory.
    let before = resident()?;
    let rate = park(&place.handle(), "loads.Ask", TASKS, |_| json!(next())).await?;
    let each = (resident()? - before) / 1024.0 / TASKS as f64;
    println!("| store | human tasks | opened/s | KB each | claim |\n|---|--:|--:|--:|--:|");
    println!("| {} | {TASKS} | {rate:.0} | {each:.1} | 4 |\n", place.name);
    println!(
        "| store | timers | parked/s | late p50 ms | p99 ms | latest ms | claim p99 | KB each | claim |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    timers(&place, &late, count).await?;
    println!();
    place.close().await;
    Ok(())
}

//! Three durable steps that do nothing, over any store: what is measured is the engine and the store.

use crate::percentile_ms;
use sagaflow_core::id::RunId;
use sagaflow_core::port::Store;
use sagaflow_engine::{Bound, Engine, Handle, Options, Request, Until};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

sagaflow::include_flow!("flows/chain.flow");

struct Idle;

impl chain::Nothing for Idle {
    async fn first(
        &self,
        _call: &sagaflow::Call,
        _n: i64,
    ) -> sagaflow::Outcome<(), sagaflow::NoError> {
        Ok(())
    }
    async fn second(
        &self,
        _call: &sagaflow::Call,
        _n: i64,
    ) -> sagaflow::Outcome<(), sagaflow::NoError> {
        Ok(())
    }
    async fn third(
        &self,
        _call: &sagaflow::Call,
        _n: i64,
    ) -> sagaflow::Outcome<(), sagaflow::NoError> {
        Ok(())
    }
}

static NEXT: AtomicI64 = AtomicI64::new(0);

/// An engine over `store` that hosts the chain, with its services in Rust.
///
/// # Errors
/// What the store says.
pub async fn engine<S: Store>(store: S) -> anyhow::Result<Engine> {
    let flows: sagaflow::codegen::rt::Flows = chain::flows().nothing(Idle).into();
    let services = flows.services.into_iter().map(|(name, code)| (name, Bound::Code(code)));
    let options = Options {
        namespace: "default".to_owned(),
        machines: flows.machines,
        services: services.collect(),
        paused: false,
        on_commit: None,
        member: None,
        kafka: None,
    };
    Ok(Engine::start(Arc::new(store), options).await?)
}

/// Starts a run of a workflow with a key of its own.
///
/// # Errors
/// What the engine says.
pub async fn start(handle: &Handle, workflow: &str) -> anyhow::Result<RunId> {
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let request = Request { workflow: workflow.to_owned(), input: json!(n), ..Request::default() };
    Ok(handle.start(request).await?.run)
}

async fn one(handle: &Handle) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let run = start(handle, "chain.Chain").await?;
    handle.wait(run, Until::End, Duration::from_secs(60)).await?;
    Ok(begun.elapsed())
}

/// Runs per second and sorted latencies with `clients` at once, each with one run after the other.
///
/// # Errors
/// What the engine says.
pub async fn load(
    handle: &Handle,
    clients: usize,
    span: Duration,
) -> anyhow::Result<(f64, Vec<Duration>)> {
    let begun = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let handle = handle.clone();
            tokio::spawn(async move {
                let mut times = Vec::new();
                while begun.elapsed() < span {
                    times.push(one(&handle).await?);
                }
                anyhow::Ok(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    let rate = times.len() as f64 / begun.elapsed().as_secs_f64();
    times.sort();
    Ok((rate, times))
}

/// A table of rates and latencies for growing numbers of clients, beside a limit of the machine;
/// `made` counts the store's commits.
///
/// # Errors
/// What the engine says.
pub async fn closed_loop(
    (handle, made): (&Handle, &AtomicU64),
    (name, limit): (&str, f64),
    span: Duration,
) -> anyhow::Result<()> {
    println!("| clients | runs/s | of {name} | commits per run | p50 ms | p99 ms |");
    println!("|--:|--:|--:|--:|--:|--:|");
    for clients in [1, 16, 64, 256, 1024] {
        let before = made.load(Ordering::Relaxed);
        let (rate, times) = load(handle, clients, span).await?;
        let commits = made.load(Ordering::Relaxed) - before;
        println!(
            "| {clients} | {rate:.0} | {:.2} | {:.2} | {:.2} | {:.2} |",
            rate / limit,
            commits as f64 / times.len() as f64,
            percentile_ms(&times, 50),
            percentile_ms(&times, 99)
        );
    }
    Ok(())
}

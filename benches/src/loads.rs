//! The loads of the scenarios: an engine whose services do nothing but tell that they were called,
//! and ways to drive it.
//!
//! A closed loop has so many clients, each with one run after the other: it finds the capacity. An
//! open loop has starts at intended times whatever becomes of them, and counts from those: what a
//! caller feels. Must not judge: a scenario says what it claims.

use sagaflow_core::codegen::Json;
use sagaflow_core::port::Store;
use sagaflow_engine::{Bound, Engine, Error, Handle, Member, Options, Request, Until};
use serde_json::json;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

sagaflow::include_flow!("flows/loads.flow");

/// Told of every call: its key, the run's number, and the turn.
pub type Hook = Arc<dyn Fn(&str, i64, i64) + Send + Sync>;

/// Nobody is told.
#[must_use]
pub fn unheard() -> Hook {
    Arc::new(|_, _, _| {})
}

struct Services(Hook);

impl loads::Nothing for Services {
    async fn go(
        &self,
        call: &sagaflow::Call,
        n: i64,
        turn: i64,
    ) -> sagaflow::Outcome<i64, sagaflow::NoError> {
        (self.0)(&call.key, n, turn);
        Ok(turn)
    }
}

impl loads::Leg for Services {
    async fn go(
        &self,
        call: &sagaflow::Call,
        n: i64,
        leg: i64,
        full: bool,
    ) -> sagaflow::Outcome<i64, loads::leg::GoError> {
        if full {
            return Err(sagaflow::Failure::Failed(loads::leg::GoError::Full));
        }
        (self.0)(&call.key, n, leg);
        Ok(leg)
    }

    async fn back(
        &self,
        call: &sagaflow::Call,
        n: i64,
        leg: i64,
    ) -> sagaflow::Outcome<(), sagaflow::NoError> {
        (self.0)(&call.key, n, -leg);
        Ok(())
    }
}

/// An engine over `store` that hosts the loads; a member of a cluster where it is told so.
///
/// # Errors
/// What the store says.
pub async fn engine<S: Store>(
    store: S,
    hook: Hook,
    member: Option<Member>,
) -> anyhow::Result<Engine> {
    let flows = loads::flows().nothing(Services(Arc::clone(&hook))).leg(Services(hook));
    let flows: sagaflow::codegen::rt::Flows = flows.into();
    let services = flows.services.into_iter().map(|(name, code)| (name, Bound::Code(code)));
    let options = Options {
        namespace: "default".to_owned(),
        machines: flows.machines,
        services: services.collect(),
        paused: false,
        on_commit: None,
        member,
        kafka: None,
    };
    Ok(Engine::start(Arc::new(store), options).await?)
}

/// What became of one start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// Its run ended.
    Ended,
    /// It was told to come back later.
    Refused,
}

static NEXT: AtomicI64 = AtomicI64::new(1);

/// A number that no run of this process has had.
pub fn next() -> i64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// One run from its start to its end.
///
/// # Errors
/// What the engine says, but for "come back later".
pub async fn run(handle: &Handle, workflow: &str, input: Json) -> anyhow::Result<Became> {
    let request = Request { workflow: workflow.to_owned(), input, ..Request::default() };
    let started = match handle.start(request).await {
        Ok(started) => started,
        Err(Error::Busy { .. } | Error::Away { .. }) => return Ok(Became::Refused),
        Err(error) => return Err(error.into()),
    };
    handle.wait(started.run, Until::End, Duration::from_secs(120)).await?;
    Ok(Became::Ended)
}

/// One run of a workflow whose input is its number.
///
/// # Errors
/// As [`run`].
pub async fn numbered(handle: Handle, workflow: &'static str) -> anyhow::Result<Became> {
    run(&handle, workflow, json!(next())).await
}

/// What a load came to.
#[derive(Debug, Default)]
pub struct Came {
    /// From the intended start to the end, sorted; of runs that ended.
    pub times: Vec<Duration>,
    /// Starts that were told to come back later.
    pub refused: usize,
    /// From the first start to the last end.
    pub took: Duration,
}

impl Came {
    /// Runs that ended, per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.times.len() as f64 / self.took.as_secs_f64()
    }

    /// A percentile, in milliseconds.
    #[must_use]
    pub fn ms(&self, percent: usize) -> f64 {
        crate::percentile_ms(&self.times, percent)
    }
}

/// So many clients for about `span`, each with one run after the other.
///
/// # Errors
/// What a run says.
pub async fn closed<F, R>(clients: usize, span: Duration, one: F) -> anyhow::Result<Came>
where
    F: Fn() -> R + Clone + Send + 'static,
    R: Future<Output = anyhow::Result<Became>> + Send,
{
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let one = one.clone();
        tasks.spawn(async move {
            let mut times = Vec::new();
            while begun.elapsed() < span {
                let before = Instant::now();
                if one().await? == Became::Ended {
                    times.push(before.elapsed());
                }
            }
            anyhow::Ok(times)
        });
    }
    let mut came = Came::default();
    while let Some(times) = tasks.join_next().await {
        came.times.extend(times??);
    }
    came.took = begun.elapsed();
    came.times.sort();
    Ok(came)
}

/// Starts at intended times, so many a second for `span`, whatever becomes of them; then waits for
/// all.
///
/// # Errors
/// What a run says.
pub async fn open<F, R>(per_second: f64, span: Duration, one: F) -> anyhow::Result<Came>
where
    F: Fn() -> R,
    R: Future<Output = anyhow::Result<Became>> + Send + 'static,
{
    let begun = Instant::now();
    let (mut tasks, mut came, mut count) = (JoinSet::new(), Came::default(), 0_u32);
    let total = (per_second * span.as_secs_f64()) as u32;
    while count < total {
        while count < total {
            let intended = begun + Duration::from_secs_f64(f64::from(count) / per_second);
            if intended > Instant::now() {
                break;
            }
            let one = one();
            tasks.spawn(async move { anyhow::Ok((one.await?, intended.elapsed())) });
            count += 1;
        }
        while let Some(ended) = tasks.try_join_next() {
            note(&mut came, ended??);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    while let Some(ended) = tasks.join_next().await {
        note(&mut came, ended??);
    }
    came.took = begun.elapsed();
    came.times.sort();
    Ok(came)
}

fn note(came: &mut Came, (became, time): (Became, Duration)) {
    match became {
        Became::Ended => came.times.push(time),
        Became::Refused => came.refused += 1,
    }
}

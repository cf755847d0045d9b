//! The loop against a store that fails, services that misbehave, and restarts.

mod cluster;
mod messages;

use crate::inputs::Became;
use crate::{Bound, Decided, Engine, Error, Handle, Options, Request, Until, clock};
use sagaflow_core::codegen::{
    CallSpec, Class, Draw, Event, Fault, Frame, Json, Leave, Machine, Move, Next, Point, PointKind,
    Retry, Ty, UndoSpec, Values, WorkflowSpec,
};
use sagaflow_core::journal::Happened;
use sagaflow_core::memory::{Fault as StoreFault, Memory};
use sagaflow_core::service::{Attempt, Attempting, Call, Purpose, Service};
use sagaflow_core::shard::{Act, Actor};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long a key of `pay` is good: longer than any test takes that does not mean to outlast it.
const KEY_FOR_MS: i64 = 2_000;

/// `step reserve = Shop.reserve(n)` (undone by `release`), then `step pay = Shop.pay(n)`.
struct TwoSteps(WorkflowSpec);

fn call(action: &str, undo: UndoSpec, result: Option<Ty>) -> PointKind {
    PointKind::Call(Box::new(CallSpec {
        service: "a.Shop".to_owned(),
        action: action.to_owned(),
        class: Class::Write,
        idempotent: true,
        key_for_ms: (action == "pay").then_some(KEY_FOR_MS),
        within_ms: 500,
        deadline_ms: None,
        retry: Retry { attempts: Some(3), first_ms: 10, max_ms: 10, jitter: false, on: Vec::new() },
        errors: Vec::new(),
        result,
        params: BTreeMap::from([("n".to_owned(), Ty::Int)]),
        leaves_when_refused: false,
        undo,
        commits: false,
        probe: None,
        sql: None,
        isolation: None,
    }))
}

impl TwoSteps {
    fn new() -> Self {
        let point = |at: &str, kind: PointKind| {
            let (at, path) = (at.to_owned(), at.to_owned());
            (at.clone(), Point { at, path, kind, live: BTreeMap::new(), line: 1, ask: None })
        };
        let armed = UndoSpec::Args("reserve/undo".to_owned());
        Self(WorkflowSpec {
            name: "a.Two".to_owned(),
            version: 1,
            hash: "h".to_owned(),
            continues: false,
            params: vec![("n".to_owned(), Ty::Int)],
            result: Some(Ty::Int),
            fails: Vec::new(),
            deadline_ms: None,
            retain_ms: 60_000,
            keyed: true,
            concurrency: Vec::new(),
            limits: Vec::new(),
            indexed: Vec::new(),
            upgrades: Vec::new(),
            otherwise: Vec::new(),
            key_for_ms: None,
            triggers: Vec::new(),
            points: BTreeMap::from([
                point("start", PointKind::Begin),
                point("reserve", call("reserve", armed, None)),
                point("reserve/undo", PointKind::Begin),
                point("reserve/undo/release", call("release", UndoSpec::None, None)),
                point("pay", call("pay", UndoSpec::None, Some(Ty::Int))),
            ]),
            aftermath: false,
            tasks: BTreeMap::new(),
            events: BTreeMap::new(),
            services: BTreeMap::new(),
            schema: sagaflow_core::codegen::Schema::default(),
        })
    }
}

impl Machine for TwoSteps {
    fn spec(&self) -> &WorkflowSpec {
        &self.0
    }

    fn resume(&self, frame: &Frame, event: Event, _: &mut Draw) -> Result<Move, Fault> {
        let at = |at: &str| Frame { at: at.to_owned(), ..frame.clone() };
        let n = frame.values.get("n").cloned().unwrap_or_default();
        let call = |to: &str, undo| Next::Call {
            frame: at(to),
            args: json!({ "n": n }),
            by: None,
            probe: None,
            undo,
        };
        let next = match (frame.at.as_str(), event) {
            ("start", _) => {
                if n == json!(14) {
                    std::thread::sleep(Duration::from_millis(1_700));
                }
                call("reserve", Some(frame.values.clone()))
            }
            ("reserve", Event::Done(_)) => call("pay", None),
            ("reserve/undo", _) => call("reserve/undo/release", None),
            ("reserve/undo/release", Event::Done(_)) => Next::End(Json::Null),
            ("pay", Event::Done(value)) => Next::Return(value),
            (_, Event::Failed(failure)) => Next::Fail(failure),
            (at, _) => return Err(Fault { message: format!("nothing happens at `{at}`") }),
        };
        Ok(Move { leave: Leave::Fail, ops: Vec::new(), next })
    }

    fn matches(&self, _: &Frame, _: usize, _: &Json) -> Result<bool, Fault> {
        Ok(false)
    }

    fn key(&self, input: &Values) -> Result<Option<Json>, Fault> {
        match input.get("n") {
            Some(n) if *n == json!(13) => Err(Fault { message: "division by zero".to_owned() }),
            n => Ok(n.cloned()),
        }
    }

    fn classes(&self, _: &Values) -> Result<Vec<Json>, Fault> {
        Ok(Vec::new())
    }

    fn indexed(&self, _: &Values) -> Result<Vec<Json>, Fault> {
        Ok(Vec::new())
    }
}

/// Remembers what it was asked, and pays as it was told.
struct Shop {
    log: Mutex<Vec<(String, String, u32)>>,
    pay: Box<dyn Fn(usize) -> Attempt + Send + Sync>,
    paid: AtomicUsize,
}

impl Shop {
    fn new(pay: impl Fn(usize) -> Attempt + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { log: Mutex::default(), pay: Box::new(pay), paid: AtomicUsize::new(0) })
    }

    fn asked(&self) -> Vec<String> {
        self.log.lock().unwrap().iter().map(|(action, ..)| action.clone()).collect()
    }
}

impl Service for Shop {
    fn call<'a>(&'a self, call: &'a Call, args: Json) -> Attempting<'a> {
        Box::pin(async move {
            self.log.lock().unwrap().push((call.action.clone(), call.key.clone(), call.attempt));
            match call.action.as_str() {
                "pay" if call.purpose == Purpose::Do => {
                    match (self.pay)(self.paid.fetch_add(1, Ordering::SeqCst)) {
                        Attempt::Ok(Json::Null) => Attempt::Ok(args["n"].clone()),
                        other => other,
                    }
                }
                _ => Attempt::Ok(Json::Null),
            }
        })
    }
}

/// Takes its store away when it has reserved, for longer than the key of the payment is good.
struct Outage(Arc<Shop>, Memory);
impl Service for Outage {
    fn call<'a>(&'a self, call: &'a Call, args: Json) -> Attempting<'a> {
        if call.action == "reserve" {
            // The pauses between so many tries add up to over 3 s.
            (0..6).for_each(|_| self.1.fail_next(StoreFault::Unavailable));
        }
        self.0.call(call, args)
    }
}

/// Has the commit after a payment done and not heard of, once somebody waits for the run's end.
struct Last(Arc<Shop>, Memory);
impl Service for Last {
    fn call<'a>(&'a self, call: &'a Call, args: Json) -> Attempting<'a> {
        Box::pin(async move {
            if call.action == "pay" {
                tokio::time::sleep(Duration::from_millis(300)).await;
                self.1.fail_next(StoreFault::UnknownDone);
            }
            self.0.call(call, args).await
        })
    }
}

/// Never answers a first attempt to pay.
struct Hangs(Arc<Shop>);
impl Service for Hangs {
    fn call<'a>(&'a self, call: &'a Call, args: Json) -> Attempting<'a> {
        Box::pin(async move {
            let attempt = self.0.call(call, args).await;
            if call.action == "pay" && call.attempt == 1 {
                std::future::pending::<()>().await;
            }
            attempt
        })
    }
}

fn memory() -> Memory {
    Memory::new(1, Arc::new(clock::now))
}

async fn engine(store: &Memory, shop: &Arc<Shop>) -> Engine {
    engine_with(store, shop.clone()).await
}

async fn engine_with(store: &Memory, shop: Arc<dyn Service>) -> Engine {
    let options = Options {
        namespace: "default".to_owned(),
        machines: vec![Arc::new(TwoSteps::new())],
        services: BTreeMap::from([("a.Shop".to_owned(), Bound::Code(shop))]),
        paused: false,
        on_commit: None,
        member: None,
        kafka: None,
    };
    Engine::start(Arc::new(store.clone()), options).await.unwrap()
}

fn two(n: i64) -> Request {
    Request { workflow: "Two".to_owned(), input: json!(n), ..Request::default() }
}

async fn outcome(handle: &Handle, request: Request) -> (String, Json) {
    let started = handle.start(request).await.unwrap();
    let view = handle.wait(started.run, Until::End, Duration::from_secs(5)).await.unwrap();
    let result = view.result().cloned().unwrap_or_default();
    (view.row.status, result)
}

fn fine() -> Attempt {
    Attempt::Ok(Json::Null)
}

#[tokio::test]
async fn a_run_goes_from_start_to_result_with_a_record_per_effect() {
    let (store, shop) = (memory(), Shop::new(|_| fine()));
    let engine = engine(&store, &shop).await;
    assert_eq!(outcome(&engine.handle(), two(7)).await, ("completed".to_owned(), json!(7)));
    assert_eq!(shop.asked(), ["reserve", "pay"]);
    let commits = engine.handle().counters().commits.load(Ordering::Relaxed);
    assert!(commits <= 3, "two effects are three records: {commits}");
    engine.stop().await;
}

/// More work than it can do: whoever waits is served, whoever comes is told when to come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starts_are_refused_with_a_time_while_others_wait_too_long() {
    let (store, shop) = (memory(), Shop::new(|_| fine()));
    let engine = engine(&store, &shop).await;
    let handle = engine.handle();
    // The loop is held for longer than anybody should wait, with many behind it.
    let held = handle.start(two(14));
    let many = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        futures_util::future::join_all((100..500).map(|n| handle.start(two(n)))).await
    };
    let (held, many) = tokio::join!(held, many);
    assert!(held.is_ok() && many.iter().all(Result::is_ok), "who waits is served");
    let late = handle.start(two(15)).await;
    let Err(Error::Busy { retry_after_ms }) = late else { panic!("{late:?}") };
    assert!((1..=1_000).contains(&retry_after_ms), "{retry_after_ms}");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert!(handle.start(two(15)).await.is_ok(), "and then it takes them again");
    engine.stop().await;
}

#[tokio::test]
async fn the_same_key_is_the_same_run_and_other_input_is_refused() {
    let (store, shop) = (memory(), Shop::new(|_| fine()));
    let engine = engine(&store, &shop).await;
    let handle = engine.handle();
    let first = handle.start(two(7)).await.unwrap();
    handle.wait(first.run, Until::End, Duration::from_secs(5)).await.unwrap();
    let again = handle.start(two(7)).await.unwrap();
    assert_eq!((again.run, first.new, again.new), (first.run, true, false));
    assert_eq!(shop.asked().len(), 2, "nothing happened twice");
}

#[tokio::test]
async fn a_failed_step_is_undone_in_the_mirror_of_the_program() {
    let shop = Shop::new(|_| Attempt::Refused {
        reason: "away".to_owned(),
        retry_after_ms: None,
        cause: sagaflow_core::service::Refusal::Away,
    });
    let engine = engine(&memory(), &shop).await;
    assert_eq!(outcome(&engine.handle(), two(7)).await.0, "failed");
    assert_eq!(shop.asked(), ["reserve", "pay", "pay", "pay", "release"]);
}

#[tokio::test]
async fn a_panic_in_a_service_is_unknown_and_is_asked_again_under_its_key() {
    let shop = Shop::new(|n| if n == 0 { panic!("bug") } else { fine() });
    let engine = engine(&memory(), &shop).await;
    assert_eq!(outcome(&engine.handle(), two(7)).await.0, "completed");
    let log = shop.log.lock().unwrap().clone();
    assert_eq!(log[1].1, log[2].1, "the retry is the question: the same key");
    assert_eq!((log[1].2, log[2].2), (1, 2));
}

#[tokio::test]
async fn a_service_that_does_not_end_is_unknown_after_its_time() {
    let shop = Shop::new(|_| fine());
    let engine = engine_with(&memory(), Arc::new(Hangs(shop.clone()))).await;
    assert_eq!(outcome(&engine.handle(), two(7)).await.0, "completed");
    assert_eq!(shop.asked(), ["reserve", "pay", "pay"]);
}

#[tokio::test]
async fn a_store_that_is_away_holds_effects_back_and_nothing_is_lost() {
    let (store, shop) = (memory(), Shop::new(|_| fine()));
    let engine = engine(&store, &shop).await;
    store.fail_next(StoreFault::Unavailable);
    store.fail_next(StoreFault::Unavailable);
    assert_eq!(outcome(&engine.handle(), two(7)).await, ("completed".to_owned(), json!(7)));
    assert_eq!(shop.asked(), ["reserve", "pay"]);
    assert!(engine.handle().counters().commit_errors.load(Ordering::Relaxed) >= 2);
}

#[tokio::test]
async fn an_input_that_takes_longer_than_its_caller_waits_is_told_about_later() {
    let store = memory();
    let shop = Shop::new(|_| fine());
    let engine = engine_with(&store, Arc::new(Hangs(shop.clone()))).await;
    let handle = engine.handle();
    let run = handle.start(two(7)).await.unwrap().run;
    while shop.asked().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Nothing is committed for longer than a caller waits.
    (0..8).for_each(|_| store.fail_next(StoreFault::Unavailable));
    let actor = Actor { name: "ann".to_owned(), ..Actor::default() };
    let asked = || handle.operate(run, Act::Pause, actor.clone(), "slow".to_owned());
    let Ok(Decided::Later(input)) = asked().await else { panic!("it was decided in time") };
    assert_eq!(handle.input(&input).unwrap(), Some(Became::Pending));
    let end = tokio::time::Instant::now() + Duration::from_secs(20);
    while handle.input(&input).unwrap() == Some(Became::Pending) {
        assert!(tokio::time::Instant::now() < end, "it is never decided");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(handle.input(&input).unwrap(), Some(Became::Applied));
    let view = handle.view(run).await.unwrap();
    assert!(view.state.expect("it reads").head().paused, "it was recorded");
    assert_eq!(handle.input("another").unwrap(), None);
}

#[tokio::test]
async fn a_call_whose_commit_took_longer_than_its_key_is_good_leaves_under_a_new_one() {
    // It used to be sent however long its commit had taken.
    let (store, shop) = (memory(), Shop::new(|_| fine()));
    let engine = engine_with(&store, Arc::new(Outage(shop.clone(), store.clone()))).await;
    let handle = engine.handle();
    let run = handle.start(two(7)).await.unwrap().run;
    let view = handle.wait(run, Until::End, Duration::from_secs(20)).await.unwrap();
    assert_eq!(view.row.status, "completed");
    let history = handle.history(run, 0, 100).await.unwrap();
    let mut keys = Vec::new();
    for happened in history.iter().flat_map(|entry| &entry.happened) {
        if let Happened::Sent { path, key, .. } = happened
            && path == "pay"
        {
            keys.push(key.clone());
        }
    }
    assert_eq!(keys.len(), 2, "the first key was spent before it left");
    let log = shop.log.lock().unwrap().clone();
    let paid: Vec<_> = log.iter().filter(|(action, ..)| action == "pay").collect();
    assert_eq!(paid.len(), 1, "{log:?}");
    assert_eq!((&paid[0].1, paid[0].2), (&keys[1], 1), "and used no attempt");
}

#[tokio::test]
async fn a_commit_of_unknown_outcome_is_settled_by_reading_again() {
    for fault in [StoreFault::UnknownDone, StoreFault::UnknownLost] {
        let (store, shop) = (memory(), Shop::new(|_| fine()));
        let engine = engine(&store, &shop).await;
        let handle = engine.handle();
        store.fail_next(fault);
        // Whoever asked is told to ask again, and may: the key makes it one run.
        assert!(matches!(handle.start(two(7)).await, Err(Error::Away { .. })), "{fault:?}");
        assert_eq!(outcome(&handle, two(7)).await, ("completed".to_owned(), json!(7)), "{fault:?}");
        assert_eq!(shop.asked(), ["reserve", "pay"], "{fault:?}");
        assert_eq!(handle.counters().recoveries.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn whoever_waits_for_an_end_that_was_committed_without_an_answer_is_told() {
    let store = memory();
    // The last commit of the run is done, and nobody hears of it.
    let (hand, shop) = (store.clone(), Shop::new(|_| fine()));
    let last = Arc::new(Last(shop.clone(), hand));
    let engine = engine_with(&store, last).await;
    let handle = engine.handle();
    let run = handle.start(two(7)).await.unwrap().run;
    let begun = tokio::time::Instant::now();
    let view = handle.wait(run, Until::End, Duration::from_secs(60)).await.unwrap();
    assert_eq!(view.row.status, "completed");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(handle.counters().recoveries.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_engine_that_is_dropped_mid_way_is_continued_by_the_next() {
    let store = memory();
    let stuck = Shop::new(|_| fine());
    let first = engine_with(&store, Arc::new(Hangs(stuck.clone()))).await;
    let run = first.handle().start(two(7)).await.unwrap().run;
    while stuck.asked().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let shop = Shop::new(|_| fine());
    drop(first);
    let second = engine(&store, &shop).await;
    let view = second.handle().wait(run, Until::End, Duration::from_secs(5)).await.unwrap();
    assert_eq!(view.row.status, "completed");
    let keys = |shop: &Shop| -> Vec<String> {
        let log = shop.log.lock().unwrap();
        log.iter().filter(|(action, ..)| action == "pay").map(|(_, key, _)| key.clone()).collect()
    };
    assert_eq!(keys(&stuck)[0], keys(&shop)[0], "sent again under the same key");
}

#[tokio::test]
async fn an_input_that_does_not_fit_and_a_workflow_that_is_not_there_are_refused() {
    let engine = engine(&memory(), &Shop::new(|_| fine())).await;
    let handle = engine.handle();
    let request = Request { workflow: "Two".to_owned(), input: json!("x"), ..Request::default() };
    let Err(Error::Input(found)) = handle.start(request).await else { panic!("it fits") };
    assert_eq!(found.path, "input");
    let request = Request { workflow: "Twoo".to_owned(), ..Request::default() };
    let error = handle.start(request).await.unwrap_err().to_string();
    assert_eq!(error, "there is no workflow `Twoo`; did you mean `a.Two`?");
}

#[tokio::test]
async fn a_key_that_cannot_be_computed_is_a_fault_of_the_program_and_starts_nothing() {
    let shop = Shop::new(|_| fine());
    let engine = engine(&memory(), &shop).await;
    let handle = engine.handle();
    let untyped = handle.start(two(13)).await;
    let typed = handle.start_with("a.Two", &Values::from([("n".to_owned(), json!(13))])).await;
    for refused in [untyped, typed] {
        let error = refused.expect_err("there is no key");
        assert_eq!(crate::code::of(&error), crate::code::FAULT, "{error:?}");
        assert!(error.to_string().contains("division by zero"), "{error}");
    }
    assert!(shop.asked().is_empty());
}

#[tokio::test]
async fn a_stopped_engine_refuses_and_has_kept_everything() {
    let (store, shop) = (memory(), Shop::new(|_| fine()));
    let engine = engine(&store, &shop).await;
    let handle = engine.handle();
    assert_eq!(outcome(&handle, two(7)).await.0, "completed");
    engine.stop().await;
    assert!(matches!(handle.start(two(8)).await, Err(Error::Stopping)));
    let again = super::tests::engine(&store, &shop).await;
    let started = again.handle().start(two(7)).await.unwrap();
    assert!(!started.new);
}

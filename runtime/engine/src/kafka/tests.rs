//! Topics through an engine that is stopped like a crash, on brokers in memory.

use super::{
    Asking, Broker, Kafka, Message, Mirrors, Partition, Read, Reading, Record, Result, Sent, Start,
    Topic, Wanted, is_of_topic,
};
use crate::reader::ItemList;
use crate::{Engine, Options, clock};
use sagaflow_core::codegen::{
    Draw, Event, EventSpec, Fault, Frame, Json, Leave, Machine, Move, Next, Op, Point, PointKind,
    Schema, TriggerSpec, Ty, Values, WorkflowSpec,
};
use sagaflow_core::id::ShardId;
use sagaflow_core::memory::Memory;
use sagaflow_core::port::{Error, ItemRow, Store as _};
use sagaflow_core::shard::Actor;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// `on Placed(n)`: `emit Shipped(n)`, and that is all.
struct Relay(WorkflowSpec);

impl Relay {
    fn new() -> Self {
        let event = |topic: &str, awaited| EventSpec {
            fields: vec![("n".to_owned(), Ty::Int)],
            key: "n".to_owned(),
            topic: Some(topic.to_owned()),
            awaited,
            waited: false,
        };
        let trigger = TriggerSpec {
            event: "a.Placed".to_owned(),
            param: "n".to_owned(),
            field: Some("n".to_owned()),
            gather: None,
        };
        let (at, path, kind) = ("start".to_owned(), "start".to_owned(), PointKind::Begin);
        let start = Point { at, path, kind, live: BTreeMap::new(), line: 1, ask: None };
        Self(WorkflowSpec {
            name: "a.Relay".to_owned(),
            version: 1,
            hash: "h".to_owned(),
            continues: false,
            params: vec![("n".to_owned(), Ty::Int)],
            result: None,
            fails: Vec::new(),
            deadline_ms: None,
            retain_ms: 60_000,
            keyed: false,
            concurrency: Vec::new(),
            limits: Vec::new(),
            indexed: Vec::new(),
            upgrades: Vec::new(),
            otherwise: Vec::new(),
            key_for_ms: None,
            triggers: vec![trigger],
            points: BTreeMap::from([("start".to_owned(), start)]),
            aftermath: false,
            tasks: BTreeMap::new(),
            events: BTreeMap::from([
                ("a.Placed".to_owned(), event("placed", true)),
                ("a.Shipped".to_owned(), event("shipped", false)),
            ]),
            services: BTreeMap::new(),
            schema: Schema::default(),
        })
    }
}

impl Relay {
    /// The next version, which reads one field more.
    fn lenient() -> Self {
        let mut relay = Self::new();
        (relay.0.version, relay.0.hash) = (2, "h2".to_owned());
        if let Some(placed) = relay.0.events.get_mut("a.Placed") {
            placed.fields.push(("more".to_owned(), Ty::Optional(Box::new(Ty::Int))));
        }
        relay
    }
}

impl Machine for Relay {
    fn spec(&self) -> &WorkflowSpec {
        &self.0
    }

    fn resume(&self, frame: &Frame, _: Event, _: &mut Draw) -> std::result::Result<Move, Fault> {
        let n = frame.values.get("n").cloned().unwrap_or_default();
        let (event, key) = ("a.Shipped".to_owned(), n.to_string());
        let ops = vec![Op::Emit { event, key, payload: json!({ "n": n }) }];
        Ok(Move { leave: Leave::Fail, ops, next: Next::Return(Json::Null) })
    }

    fn matches(&self, _: &Frame, _: usize, _: &Json) -> std::result::Result<bool, Fault> {
        Ok(false)
    }

    /// None: the event's id is the key, so that an event that is taken in twice would start two runs.
    fn key(&self, _: &Values) -> std::result::Result<Option<Json>, Fault> {
        Ok(None)
    }

    fn classes(&self, _: &Values) -> std::result::Result<Vec<Json>, Fault> {
        Ok(Vec::new())
    }

    fn indexed(&self, _: &Values) -> std::result::Result<Vec<Json>, Fault> {
        Ok(Vec::new())
    }
}

/// Brokers in memory, which are away now and then.
#[derive(Default)]
struct Brokers {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Default)]
struct State {
    placed: BTreeMap<u32, Vec<Vec<u8>>>,
    topic_id: &'static str,
    shipped: Vec<Message>,
    away: bool,
    /// Nobody says what a topic is; so often it was asked.
    silent: bool,
    asked: u32,
    /// Messages with this key are never taken.
    never: Option<String>,
}

impl Brokers {
    fn new(partitions: u32, records: i64) -> Arc<Self> {
        let brokers = Self::default();
        let mut state = brokers.state.lock().unwrap();
        state.topic_id = "t1";
        for n in 0..records {
            let partition = u32::try_from(n).unwrap() % partitions;
            let value = json!({ "n": n }).to_string().into_bytes();
            state.placed.entry(partition).or_default().push(value);
        }
        drop(state);
        Arc::new(brokers)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// What came out, each once, and how often in all.
    fn shipped(&self) -> (BTreeMap<i64, BTreeSet<String>>, usize) {
        let state = self.state();
        let mut all: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
        for message in &state.shipped {
            let payload: Json = serde_json::from_slice(&message.value).unwrap();
            let (_, id) = message.headers.iter().find(|(name, _)| *name == "flow-id").unwrap();
            all.entry(payload["n"].as_i64().unwrap()).or_default().insert(id.clone());
        }
        (all, state.shipped.len())
    }
}

struct Reads {
    brokers: Arc<Brokers>,
    partition: u32,
    next: usize,
}

impl Reading for Reads {
    fn next(&mut self) -> Asking<'_, Read> {
        Box::pin(async move {
            loop {
                let records: Vec<Record> = {
                    let state = self.brokers.state();
                    let all = state.placed.get(&self.partition).map(Vec::as_slice);
                    let all = all.unwrap_or_default().iter().enumerate();
                    let some = all.skip(self.next).take(7);
                    some.map(|(offset, value)| Record {
                        offset: offset as u64,
                        value: Some(value.clone()),
                        ..Record::default()
                    })
                    .collect()
                };
                self.next += records.len();
                if !records.is_empty() {
                    return Read::Records(records);
                }
                self.brokers.news.notified().await;
            }
        })
    }
}

struct Client(Arc<Brokers>);

impl Broker for Client {
    fn topic<'a>(&'a self, name: &'a str) -> Asking<'a, Result<Topic>> {
        let mut state = self.0.state();
        assert_eq!(name, "placed", "what is only written to is not read");
        state.asked += 1;
        let partitions = u32::try_from(state.placed.len()).unwrap();
        let topic = Topic { id: state.topic_id.to_owned(), partitions };
        let silent = state.silent;
        Box::pin(async move {
            match silent {
                true => Err(super::Fault("the brokers do not answer".to_owned())),
                false => Ok(topic),
            }
        })
    }

    fn first<'a>(&'a self, _: &'a Partition, start: Start) -> Asking<'a, Result<u64>> {
        assert_eq!(start, Start::Earliest);
        Box::pin(async { Ok(0) })
    }

    fn read<'a>(
        &'a self,
        partition: &'a Partition,
        from: u64,
        _: Option<&'a str>,
    ) -> Asking<'a, Result<Box<dyn Reading>>> {
        let next = usize::try_from(from).unwrap();
        let reads = Reads { brokers: Arc::clone(&self.0), partition: partition.number, next };
        Box::pin(async move { Ok(Box::new(reads) as Box<dyn Reading>) })
    }

    fn send(&self, message: Message) -> Asking<'_, oneshot::Receiver<Sent>> {
        let (reply, answer) = oneshot::channel();
        let brokers = Arc::clone(&self.0);
        if brokers.state().never.as_ref() == Some(&message.key) {
            // Whoever sent it may be gone.
            let _ = reply.send(Sent::Never("it is too large".to_owned()));
        } else {
            tokio::spawn(async move {
                while brokers.state().away {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                brokers.state().shipped.push(message);
                tokio::time::sleep(Duration::from_millis(3)).await;
                let _ = reply.send(Sent::Done);
            });
        }
        Box::pin(std::future::ready(answer))
    }
}

async fn engine(store: &Memory, brokers: &Arc<Brokers>) -> Engine {
    engine_of(store, brokers, Relay::new()).await
}

async fn engine_of(store: &Memory, brokers: &Arc<Brokers>, relay: Relay) -> Engine {
    let broker: Arc<dyn Broker> = Arc::new(Client(Arc::clone(brokers)));
    let options = Options {
        namespace: "default".to_owned(),
        machines: vec![Arc::new(relay)],
        services: BTreeMap::new(),
        paused: false,
        on_commit: None,
        member: None,
        kafka: Some(Kafka { broker, start: Start::Earliest, mirrors: Mirrors::default() }),
    };
    // What the last one had under way may land after it is gone, and fence the one that starts.
    loop {
        match Engine::start(Arc::new(store.clone()), options.clone()).await {
            Ok(engine) => return engine,
            Err(Error::Fenced { .. }) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(error) => panic!("{error}"),
        }
    }
}

async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    for _ in 0..6_000 {
        if done().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}: never");
}

/// How far behind the marks of all shards are together.
async fn unsettled(store: &Memory) -> u64 {
    let mut behind = 0;
    for shard in (0..store.shards()).map(ShardId) {
        let lease = store.acquire(shard).await.unwrap();
        let tail = store.tail(lease).await.unwrap();
        let rows = store.journal(shard, tail.emitted, tail.last, 10_000).await.unwrap();
        behind += rows.iter().flat_map(sagaflow_core::shard::Outgoing::read).count() as u64;
    }
    behind
}

async fn letters(engine: &Engine) -> Vec<ItemRow> {
    let kind = "dead_letter".to_owned();
    let list = ItemList { kind, limit: 99, ..ItemList::default() };
    engine.handle().items(list).await.unwrap()
}

/// A person retries a letter; why not.
async fn retry(engine: &Engine, letter: &ItemRow) -> std::result::Result<(), String> {
    let handle = engine.handle();
    let letter = handle.item(&letter.id).await.unwrap();
    let by = (Actor { name: "ann".to_owned(), ..Actor::default() }, "mended".to_owned());
    let decided = handle.topic_letter(&letter, Wanted::Retry, by).await;
    decided.map(drop).map_err(|error| error.to_string())
}

fn one_each(brokers: &Brokers, records: i64) -> usize {
    let (shipped, times) = brokers.shipped();
    assert_eq!(shipped.keys().copied().collect::<Vec<_>>(), (0..records).collect::<Vec<_>>());
    assert!(shipped.values().all(|ids| ids.len() == 1), "each has one run: {shipped:?}");
    times
}

#[tokio::test(flavor = "multi_thread")]
async fn each_record_starts_one_run_and_lets_one_event_out_whatever_stops_when() {
    for shards in [1, 4] {
        let store = Memory::new(shards, Arc::new(clock::now));
        let brokers = Brokers::new(6, 400);
        brokers.state().placed.get_mut(&0).unwrap().push(b"{ no json".to_vec());
        for stop_ms in [5_u64, 20, 1, 40, 60, 9, 90, 30] {
            let engine = engine(&store, &brokers).await;
            tokio::time::sleep(Duration::from_millis(stop_ms)).await;
            drop(engine);
        }
        let engine = engine(&store, &brokers).await;
        until("all are shipped", async || brokers.shipped().0.len() == 400).await;
        until("the poison is set aside", async || letters(&engine).await.len() == 1).await;
        let letter = letters(&engine).await.remove(0);
        assert_eq!(letter.body["kind"], "record");
        assert_eq!(letter.body["value"], "eyBubyBqc29u", "with its bytes");
        engine.stop().await;
        let times = one_each(&brokers, 400);
        assert_eq!(unsettled(&store).await, 0, "of {times} sent");
        // A start in good order sends nothing again, and reads nothing again.
        let engine = self::engine(&store, &brokers).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        engine.stop().await;
        assert_eq!(one_each(&brokers, 400), times);
    }
}

/// More than memory holds: what came out while nobody took it is read from the journal.
#[tokio::test(flavor = "multi_thread")]
async fn runs_go_on_while_brokers_are_away_and_their_events_come_later() {
    let store = Memory::new(1, Arc::new(clock::now));
    let records = 3 * i64::try_from(crate::limits::OUTGOING).unwrap();
    let brokers = Brokers::new(2, records);
    brokers.state().away = true;
    let engine = engine(&store, &brokers).await;
    let ended = engine.handle();
    let done = || {
        let completed = ended.counters().completed.load(std::sync::atomic::Ordering::Relaxed);
        completed == u64::try_from(records).unwrap()
    };
    until("all runs end", async || done()).await;
    assert_eq!(brokers.shipped().1, 0, "nobody takes events");
    // The brokers come back to an owner that knows of them only from the journal.
    drop(engine);
    let engine = self::engine(&store, &brokers).await;
    brokers.state().away = false;
    until("all are shipped", async || brokers.shipped().0.len() as i64 == records).await;
    engine.stop().await;
    one_each(&brokers, records);
    assert_eq!(unsettled(&store).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_started_without_brokers_asks_for_its_topics_until_they_are_back() {
    let store = Memory::new(1, Arc::new(clock::now));
    let brokers = Brokers::new(1, 5);
    brokers.state().silent = true;
    let engine = engine(&store, &brokers).await;
    // It does not leave them alone for as long as where there is nothing new.
    until("it asks again", async || brokers.state().asked > 4).await;
    assert_eq!(brokers.shipped().1, 0);
    brokers.state().silent = false;
    until("all are shipped", async || brokers.shipped().0.len() == 5).await;
    engine.stop().await;
    one_each(&brokers, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_no_broker_takes_is_set_aside_and_the_others_go_on() {
    let store = Memory::new(1, Arc::new(clock::now));
    let brokers = Brokers::new(1, 20);
    brokers.state().never = Some("7".to_owned());
    let engine = engine(&store, &brokers).await;
    until("the others are shipped", async || brokers.shipped().0.len() == 19).await;
    until("it is set aside", async || letters(&engine).await.len() == 1).await;
    let letter = letters(&engine).await.remove(0);
    assert_eq!((&letter.body["kind"], &letter.body["key"]), (&json!("event_out"), &json!("7")));
    engine.stop().await;
    assert_eq!(unsettled(&store).await, 0, "it counts as settled");

    // The topic takes it by now.
    brokers.state().never = None;
    let engine = self::engine(&store, &brokers).await;
    assert_eq!(retry(&engine, &letter).await, Ok(()));
    assert_eq!(retry(&engine, &letter).await, Err(crate::Error::TooLate.to_string()));
    let (shipped, times) = brokers.shipped();
    assert_eq!((shipped.len(), times), (20, 20), "it was sent once");
    let own = shipped[&7].first().unwrap();
    assert_eq!(*own, letter.body["id"].as_str().unwrap(), "under its own id");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_was_set_aside_is_taken_in_once_however_many_people_retry_it() {
    for shards in [1, 4] {
        let store = Memory::new(shards, Arc::new(clock::now));
        let brokers = Brokers::new(1, 3);
        brokers.state().placed.get_mut(&0).unwrap().push(br#"{"n":3,"more":1}"#.to_vec());
        let first = engine(&store, &brokers).await;
        until("it is set aside", async || letters(&first).await.len() == 1).await;
        let letter = letters(&first).await.remove(0);
        assert!(is_of_topic(&letter));
        assert!(retry(&first, &letter).await.unwrap_err().contains("still cannot be read"));
        first.stop().await;
        // A program that reads it.
        let second = engine_of(&store, &brokers, Relay::lenient()).await;
        let all = futures_util::future::join_all((0..8).map(|_| retry(&second, &letter))).await;
        assert_eq!(all.iter().filter(|it| it.is_ok()).count(), 1, "{all:?}");
        until("it is shipped", async || brokers.shipped().1 == 4).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(brokers.shipped().1, 4);
        assert_eq!(letters(&second).await, Vec::new());
        second.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_wait_while_new_starts_are_refused() {
    let store = Memory::new(1, Arc::new(clock::now));
    let brokers = Brokers::new(1, 1);
    let engine = engine(&store, &brokers).await;
    until("the first is shipped", async || brokers.shipped().1 == 1).await;
    engine.handle().shared.pressure.press(ShardId(0), 600);
    brokers.state().placed.get_mut(&0).unwrap().push(br#"{"n":1}"#.to_vec());
    brokers.news.notify_waiters();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(brokers.shipped().1, 1, "it waits");
    until("the second is shipped", async || brokers.shipped().1 == 2).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_made_anew_is_left_alone_and_a_person_is_told() {
    let store = Memory::new(1, Arc::new(clock::now));
    let brokers = Brokers::new(1, 5);
    let first = engine(&store, &brokers).await;
    until("all are shipped", async || brokers.shipped().0.len() == 5).await;
    first.stop().await;
    brokers.state().topic_id = "t2";
    brokers.state().placed.insert(0, vec![br#"{"n":99}"#.to_vec(); 9]);
    let second = engine(&store, &brokers).await;
    until("a person is told", async || letters(&second).await.len() == 1).await;
    let letter = letters(&second).await.remove(0);
    assert_eq!(letter.body["kind"], "topic");
    one_each(&brokers, 5);
    // A person decides that it is read as any other.
    assert_eq!(retry(&second, &letter).await, Ok(()));
    until("it is read", async || brokers.shipped().0.contains_key(&99)).await;
    until("once each", async || brokers.shipped().1 == 5 + 9).await;
    assert_eq!(letters(&second).await, Vec::new());
    second.stop().await;
}

//! Random sequences of calls, answered alike by every store.
//!
//! The store in memory is the specification; the others are held to its answers, call by call. A
//! failure names its seed.

use crate::conformance::Harness as _;
use crate::postgres::tests::Schemas;
use crate::{Options, Sqlite};
use sagaflow_core::id::{RunId, ShardId};
use sagaflow_core::memory::Memory;
use sagaflow_core::port::{
    Batch, EVENT_KEPT_MS, Error, EventName, EventRow, IndexedRow, ItemRow, JournalRow, KeyRow,
    Lease, MessageRow, RunFilter, RunRow, Source, Store, WaitRow,
};
use sagaflow_core::time::Time;
use std::fmt::Debug;
use std::sync::Arc;

/// Sequences, and those of the long tier; and calls in each.
const SEEDS: u64 = 3;
const SEEDS_ALL: u64 = 40;
const CALLS: u32 = 250;

/// Few names, so that calls meet.
const NAMES: u64 = 6;
const SHARDS: u64 = 4;

/// A source of numbers that is the same everywhere (splitmix64).
#[derive(Clone)]
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    fn some<T>(&mut self, value: T) -> Option<T> {
        self.one_in(2).then_some(value)
    }

    fn name(&mut self, what: &str) -> String {
        format!("{what}{}", self.below(NAMES))
    }

    fn time(&mut self) -> Time {
        Time(i64::try_from(self.below(40)).unwrap_or(0))
    }

    fn run(&mut self) -> RunId {
        RunId::new(1, 1, self.below(NAMES * 3).to_be_bytes())
    }
}

/// What is done next. Epochs and owners differ from store to store, so a lease is named by the
/// acquisition that gave it.
#[derive(Clone, Debug)]
enum Call {
    Acquire(ShardId),
    Release(usize),
    Renew(Vec<usize>),
    Commit(usize, Batch),
    Tail(usize),
    Read(RunId, String, RunFilter, bool),
    Mail(Vec<ShardId>, ShardId, u32),
    Waits(Vec<EventName>, ShardId, u64),
    Expire(Time, u32),
}

/// Where each shard stands as far as the sequence knows: most batches follow it.
#[derive(Clone, Copy, Default)]
struct Shard {
    last: u64,
    bucket: u32,
    lease: Option<usize>,
}

fn record(numbers: &mut Numbers, seq: u64, bucket: u32) -> JournalRow {
    let run = numbers.some(()).map(|()| numbers.run());
    // Mostly new, sometimes one that is there.
    let number = if run.is_some() { seq * 8 + numbers.below(9) } else { 0 };
    // A run has one class.
    let class = run.map_or(numbers.below(9), |run| u64::from(run.0.as_bytes()[15]) % 9);
    let class = u8::try_from(class).unwrap_or(0);
    let body =
        vec![u8::try_from(seq % 251).unwrap_or(0); usize::try_from(numbers.below(40)).unwrap_or(0)];
    JournalRow { seq, bucket, class, run, number, body }
}

fn run_row(numbers: &mut Numbers) -> RunRow {
    let ended = numbers.one_in(2);
    RunRow {
        run: numbers.run(),
        namespace: numbers.name("n"),
        workflow: format!("{}.{}", numbers.name("m"), numbers.name("w")),
        version: 1,
        hash: "ab".to_owned(),
        key: numbers.some(()).map(|()| numbers.name("k")),
        status: numbers.name("s"),
        flags: (0..numbers.below(3)).map(|flag| format!("f{flag}")).collect(),
        started_at: numbers.time(),
        ended_at: ended.then(|| numbers.time()),
        expires_at: numbers.some(()).map(|()| numbers.time()),
        due_at: numbers.some(()).map(|()| numbers.time()),
        upto: numbers.below(9),
        snapshot: numbers.some(vec![1, 2, 3]),
    }
}

/// Few sources, so that what is taken, sent again and looked for is often there.
fn source(numbers: &mut Numbers) -> Source {
    let shard = shard(numbers);
    let index = u32::try_from(numbers.below(2)).unwrap_or(0);
    Source { shard, epoch: numbers.below(2), seq: numbers.below(3), index }
}

fn shard(numbers: &mut Numbers) -> ShardId {
    ShardId(u32::try_from(numbers.below(SHARDS)).unwrap_or(0))
}

fn event_name(numbers: &mut Numbers) -> EventName {
    EventName { namespace: numbers.name("n"), event: numbers.name("E"), key: numbers.name("k") }
}

/// A batch says it once for each name, so its names differ.
fn waits(numbers: &mut Numbers) -> Vec<WaitRow> {
    let names: std::collections::BTreeSet<_> =
        (0..numbers.below(3)).map(|_| event_name(numbers)).collect();
    names.into_iter().map(|name| WaitRow { name, wanted: !numbers.one_in(3) }).collect()
}

fn message(numbers: &mut Numbers) -> MessageRow {
    let (to, from) = (shard(numbers), source(numbers));
    MessageRow { to, from, body: numbers.name("m").into_bytes() }
}

/// A name and one of few values.
fn indexed(numbers: &mut Numbers) -> (String, String) {
    (numbers.name("x"), format!("\"v{}\"", numbers.below(2)))
}

fn indexed_row(numbers: &mut Numbers) -> IndexedRow {
    let (name, value) = indexed(numbers);
    IndexedRow { namespace: numbers.name("n"), name, value, run: numbers.run() }
}

fn batch(numbers: &mut Numbers, shard: Shard) -> Batch {
    let prev = if numbers.one_in(12) { numbers.below(9) } else { shard.last };
    let mut bucket = shard.bucket;
    let rows: Vec<_> = (1..=numbers.below(4))
        .map(|offset| {
            bucket += u32::from(numbers.one_in(5));
            let bucket = if numbers.one_in(40) { 0 } else { bucket };
            let gap = u64::from(numbers.one_in(60));
            record(numbers, prev + offset + gap, bucket)
        })
        .collect();
    let last = rows.last().map_or(prev, |row| row.seq);
    let keys = numbers.one_in(3).then(|| KeyRow {
        namespace: numbers.name("n"),
        workflow: numbers.name("w"),
        key: format!("{}{}", numbers.name("k"), numbers.below(20)),
        run: numbers.run(),
        fingerprint: [7; 32],
    });
    let items = (0..numbers.below(3)).map(|_| ItemRow {
        id: numbers.name("i"),
        kind: numbers.name("k"),
        namespace: "n1".to_owned(),
        run: numbers.some(()).map(|()| numbers.run()),
        open: numbers.one_in(2),
        at: numbers.time(),
        body: serde_json::json!({ "n": numbers.below(9) }),
    });
    let items = items.collect();
    let events = (0..numbers.below(3)).map(|_| EventRow {
        id: numbers.name("e"),
        namespace: numbers.name("n"),
        event: numbers.name("E"),
        key: numbers.name("k"),
        number: numbers.below(1_000_000),
        at: numbers.time(),
        payload: serde_json::json!([numbers.below(9)]),
    });
    let events = events.collect();
    Batch {
        prev,
        keys: keys.into_iter().collect(),
        runs: (0..numbers.below(3)).map(|_| run_row(numbers)).collect(),
        indexed: (0..numbers.below(4)).map(|_| indexed_row(numbers)).collect(),
        items,
        events,
        waits: waits(numbers),
        sent: (0..numbers.below(4)).map(|_| message(numbers)).collect(),
        taken: (0..numbers.below(4)).map(|_| source(numbers)).collect(),
        checkpoint: numbers.one_in(4).then(|| numbers.below(last + 2)),
        emitted: numbers.one_in(4).then(|| numbers.below(last + 2)),
        rows,
    }
}

fn next(numbers: &mut Numbers, shards: &[Shard], leases: usize) -> Call {
    let shard = usize::try_from(numbers.below(SHARDS)).unwrap_or(0);
    let state = shards.get(shard).copied().unwrap_or_default();
    let id = ShardId(u32::try_from(shard).unwrap_or(0));
    let any =
        |numbers: &mut Numbers| usize::try_from(numbers.below(leases.max(1) as u64)).unwrap_or(0);
    let Some(held) = state.lease else { return Call::Acquire(id) };
    match numbers.below(24) {
        22 | 23 => {
            let names = (0..=numbers.below(3)).map(|_| event_name(numbers)).collect();
            Call::Waits(names, id, numbers.below(1_000_000))
        }
        20 | 21 => {
            let shards = (0..numbers.below(5)).map(|_| self::shard(numbers)).collect();
            Call::Mail(shards, id, u32::try_from(numbers.below(9)).unwrap_or(1))
        }
        0 => Call::Acquire(id),
        1 => Call::Release(any(numbers)),
        2 => Call::Renew(vec![any(numbers), held]),
        3 => Call::Commit(any(numbers), batch(numbers, state)),
        4 | 5 => Call::Tail(if numbers.one_in(3) { any(numbers) } else { held }),
        6..=8 => {
            let filter = RunFilter {
                namespace: if numbers.one_in(2) { String::new() } else { numbers.name("n") },
                workflow: numbers.some(()).map(|()| numbers.name("w")),
                status: numbers.one_in(3).then(|| numbers.name("s")),
                key: numbers.one_in(4).then(|| numbers.name("k")),
                indexed: (0..numbers.below(6).saturating_sub(3))
                    .map(|_| indexed(numbers))
                    .collect(),
                since: numbers.one_in(3).then(|| numbers.time()),
                after: numbers.one_in(3).then(|| numbers.run()),
                limit: u32::try_from(numbers.below(12)).unwrap_or(1),
            };
            Call::Read(numbers.run(), numbers.name("k"), filter, numbers.one_in(2))
        }
        9 => {
            let week = if numbers.one_in(2) { EVENT_KEPT_MS } else { 0 };
            Call::Expire(numbers.time().plus(week), u32::try_from(numbers.below(4)).unwrap_or(1))
        }
        _ => Call::Commit(held, batch(numbers, state)),
    }
}

/// Errors by kind: their words are each store's own.
fn kind<T: Debug>(answer: Result<T, Error>) -> String {
    match answer {
        Ok(value) => format!("{value:?}"),
        Err(error) => {
            let words = format!("{error:?}");
            words.split([' ', '(']).next().unwrap_or_default().to_owned()
        }
    }
}

/// Does one call and says what came of it.
async fn answer(store: &impl Store, leases: &mut Vec<Lease>, call: &Call) -> String {
    let lease = |place: usize| *leases.get(place).expect("it was given");
    match call {
        Call::Acquire(shard) => {
            let given = store.acquire(*shard).await;
            leases.extend(given.clone().ok());
            kind(given.map(drop))
        }
        Call::Release(place) => kind(store.release(lease(*place)).await),
        Call::Renew(places) => {
            let named: Vec<_> = places.iter().map(|place| lease(*place)).collect();
            kind(store.renew(&named).await)
        }
        Call::Commit(place, batch) => kind(store.commit(lease(*place), batch.clone()).await),
        Call::Tail(place) => kind(store.tail(lease(*place)).await),
        Call::Read(run, name, filter, all) => {
            let items = store.items("n1", name, *all, None, 9).await;
            let after = items.as_ref().ok().and_then(|rows| Some(rows.first()?.id.clone()));
            let parts =
                [
                    kind(store.run(*run).await),
                    kind(store.history(*run, 3, 5).await),
                    kind(store.runs(filter).await),
                    kind(store.items("n1", name, *all, after.as_deref(), 2).await),
                    kind(items),
                    kind(store.key(&filter.namespace, name, &format!("{name}1")).await),
                    kind(store.owners().await.map(|rows| {
                        rows.iter().map(|row| (row.shard, row.live)).collect::<Vec<_>>()
                    })),
                ];
            parts.join("\n")
        }
        Call::Mail(shards, shard, limit) => {
            let page = store.inbox(*shard, None, *limit).await;
            let first = page.as_ref().ok().and_then(|page| page.first().map(|row| row.from));
            let behind = store.inbox(*shard, first, *limit).await;
            kind(store.mail(shards).await) + &kind(page) + &kind(behind)
        }
        Call::Waits(names, home, after) => {
            let mut all = kind(store.waits(names).await);
            for name in names {
                all += &kind(store.events(*home, name, Time(0), 0, 9).await);
                all += &kind(store.events(*home, name, Time(500), *after, 1).await);
            }
            all
        }
        Call::Expire(before, limit) => kind(store.expire(*before, *limit).await),
    }
}

/// What the specification's answer means for the calls to come.
fn learn(shards: &mut [Shard], leases: &[Lease], call: &Call, answer: &str) {
    let home = |place: usize| leases.get(place).map_or(0, |lease| lease.shard.0 as usize);
    match call {
        Call::Acquire(shard) if answer == "()" => {
            if let Some(state) = shards.get_mut(shard.0 as usize) {
                state.lease = leases.len().checked_sub(1);
            }
        }
        Call::Commit(place, batch) if answer == "()" => {
            if let Some(state) = shards.get_mut(home(*place)) {
                state.last = batch.last();
                state.bucket = batch.rows.last().map_or(state.bucket, |row| row.bucket);
            }
        }
        _ => {}
    }
}

/// Plays a sequence on the specification and on another store.
async fn alike(seed: u64, other: &impl Store) {
    let model = Memory::new(u32::try_from(SHARDS).unwrap_or(4), Arc::new(|| Time(1)));
    let mut numbers = Numbers(seed);
    let mut shards = vec![Shard::default(); usize::try_from(SHARDS).unwrap_or(4)];
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut committed = 0;
    for number in 0..CALLS {
        let call = next(&mut numbers, &shards, ours.len());
        let expected = answer(&model, &mut ours, &call).await;
        let found = answer(other, &mut theirs, &call).await;
        assert_eq!(found, expected, "seed {seed}, call {number}: {call:?}");
        committed += u32::from(matches!(call, Call::Commit(..)) && expected == "()");
        learn(&mut shards, &ours, &call, &expected);
    }
    // Some batches are refused for what is wrong with them.
    assert!(committed > CALLS / 10, "seed {seed}: only {committed} batches were written");
}

fn seeds() -> u64 {
    let all = std::env::var(sagaflow_postgres::ALL).as_deref() == Ok("1");
    if all { SEEDS_ALL } else { SEEDS }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_answers_as_the_store_in_memory_does() {
    let folder = tempfile::tempdir().expect("a folder");
    for seed in 0..seeds() {
        let path = folder.path().join(format!("{seed}.db"));
        let store = Sqlite::open(Options { shards: 4, ..Options::new(path) }).await;
        alike(seed, &store.expect("it opens")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_answers_as_the_store_in_memory_does() {
    let Some(cluster) = sagaflow_postgres::shared() else { return };
    let schemas = Schemas::new(cluster);
    for seed in 0..seeds() {
        alike(seed, &schemas.fresh().await).await;
    }
}

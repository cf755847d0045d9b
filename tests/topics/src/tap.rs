//! What came out: by number, under which ids, in which order.

use crate::{PARTITIONS, PATIENCE, header, within};
use sagaflow_kafka::{Consumer, Event, Partition, Record, Settings};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Events that each run lets out, one after the other.
const PARTS: u64 = 2;

/// What came out, by number.
#[derive(Default)]
pub struct Seen {
    /// Runs from which each number came out.
    pub runs: BTreeMap<usize, BTreeSet<String>>,
    /// Ids under which each part of a number came out, and its first place among all.
    pub parts: BTreeMap<(usize, u64), (BTreeSet<String>, usize)>,
    /// Records in all, repeated ones too.
    pub records: usize,
}

impl Seen {
    fn take(&mut self, record: &Record) {
        let value: Value = serde_json::from_slice(record.value.as_ref().unwrap()).unwrap();
        let n = value["id"].as_str().unwrap().parse().unwrap();
        let part = value["part"].as_u64().unwrap();
        assert_eq!(record.key.as_deref(), value["lane"].as_str().map(str::as_bytes));
        let said = |name| header(&record.headers, name).unwrap();
        self.runs.entry(n).or_default().insert(said("flow-run"));
        let place = self.records;
        let (ids, _) = self.parts.entry((n, part)).or_insert((BTreeSet::new(), place));
        ids.insert(said("flow-id"));
        self.records += 1;
    }

    /// Each number came out of one run, each part of it under one id, and the parts in their order.
    ///
    /// # Panics
    /// Where that is not so.
    pub fn one_each(&self, numbers: std::ops::Range<usize>) {
        assert_eq!(self.runs.keys().copied().collect::<Vec<_>>(), numbers.collect::<Vec<_>>());
        let twice: Vec<_> = self.runs.iter().filter(|(_, runs)| runs.len() != 1).collect();
        assert!(twice.is_empty(), "each has one run: {twice:?}");
        let ids: BTreeSet<_> = self.parts.values().flat_map(|(ids, _)| ids).collect();
        assert_eq!(self.parts.len(), self.runs.len() * PARTS as usize);
        assert_eq!(ids.len(), self.parts.len(), "each part has an id of its own, and one");
        for n in self.runs.keys() {
            let places = (1..=PARTS).map(|part| self.parts[&(*n, part)].1);
            assert!(places.is_sorted(), "the parts of {n} are out of order");
        }
    }

    /// What came out of a number came out of the run that has this key.
    ///
    /// # Panics
    /// Where that is not so.
    pub fn of_runs(&self, runs: &BTreeMap<String, String>) {
        let all = self.runs.iter().flat_map(|(n, of)| of.iter().map(|run| (n.to_string(), run)));
        let all: BTreeSet<_> = all.collect();
        let known = runs.iter().map(|(key, run)| (key.clone(), run)).collect();
        assert_eq!(all, known, "what came out has other runs than those that there are");
    }

    /// How many came out again.
    pub fn repeated(&self) -> usize {
        self.records - self.parts.len()
    }
}

/// Reads a topic from its beginning.
pub struct Tap {
    events: sagaflow_kafka::Events,
    _consumer: Consumer,
    /// What it has read.
    pub seen: Seen,
}

impl Tap {
    pub(crate) async fn on(settings: &Settings, topic: &str) -> Self {
        let (consumer, events) = Consumer::start(settings).unwrap();
        for partition in 0..PARTITIONS {
            let partition = Partition::new(topic, partition);
            within("it is assigned", consumer.assign(partition, 0)).await.unwrap();
        }
        Self { events, _consumer: consumer, seen: Seen::default() }
    }

    /// Reads until so many numbers have come out.
    pub async fn until(&mut self, count: usize) {
        let began = Instant::now();
        while self.seen.parts.len() < count * PARTS as usize {
            let left = PATIENCE.saturating_sub(began.elapsed());
            let next = tokio::time::timeout(left, self.events.next()).await;
            let have = self.seen.runs.len();
            match next.unwrap_or_else(|_| panic!("{have} of {count} came out")) {
                Some(Event::Records(batch)) => {
                    batch.records.iter().for_each(|record| self.seen.take(record));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// Takes what comes for a while.
    pub async fn rest(&mut self, time: Duration) {
        let end = tokio::time::sleep(time);
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => return,
                Some(event) = self.events.next() => match event {
                    Event::Records(batch) => {
                        batch.records.iter().for_each(|record| self.seen.take(record));
                    }
                    other => panic!("{other:?}"),
                },
            }
        }
    }
}

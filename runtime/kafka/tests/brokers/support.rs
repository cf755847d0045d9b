//! Topics, records and waiting.

use sagaflow_kafka::{
    Admin, Assignment, Consumer, Event, Events, Message, NewTopic, Partition, Producer, Record,
    Report, Reports, Settings, Ticket,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Bound: for anything that a test waits for, on a machine that has other work.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Settings of the shared broker; none where tests are skipped.
pub fn broker() -> Option<Settings> {
    Some(Settings::new(sagaflow_kafka_server::shared()?.bootstrap()))
}

pub async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it takes too long")
}

/// Makes a topic and waits until it can be described.
pub async fn topic(settings: &Settings, name: &str, partitions: i32) {
    with(settings, name, partitions, 1, &[]).await;
}

pub async fn with(
    settings: &Settings,
    name: &str,
    partitions: i32,
    replication: i32,
    more: &[(&str, &str)],
) {
    let admin = Admin::start(settings).expect("a client");
    let settings = more.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let new = NewTopic { name: name.to_owned(), partitions, replication, settings };
    admin.create(&new).await.expect("a topic");
    within(async {
        while admin.topic(name).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

/// Writes one record per text, with the text as value and this key, to partition by key.
pub async fn write(settings: &Settings, topic: &str, key: &str, values: &[&str]) -> Vec<i64> {
    let (producer, mut reports) = Producer::start(settings).expect("a producer");
    let generation = producer.generation();
    let mut tickets = Vec::new();
    for value in values {
        let (key, value) = (Some(key.as_bytes()), Some(value.as_bytes()));
        let message = Message { topic, key, value, headers: &[] };
        tickets.push(within(producer.send(generation, message)).await.expect("sent"));
    }
    let offsets = delivered(&mut reports, &tickets).await;
    tickets.iter().map(|ticket| offsets[ticket]).collect()
}

/// Waits until these are delivered, and gives their offsets.
pub async fn delivered(reports: &mut Reports, tickets: &[Ticket]) -> BTreeMap<Ticket, i64> {
    let mut wanted: BTreeSet<Ticket> = tickets.iter().copied().collect();
    let mut found = BTreeMap::new();
    within(async {
        while !wanted.is_empty() {
            for report in reports.next().await.expect("the producer lives") {
                let Report::Delivered { ticket, offset, .. } = report else {
                    panic!("{report:?}");
                };
                assert!(wanted.remove(&ticket), "{ticket:?} is reported once");
                found.insert(ticket, offset);
            }
        }
    })
    .await;
    found
}

/// The next event that is not of an assignment that has ended.
pub async fn next(events: &mut Events, current: &[Assignment]) -> Event {
    within(async {
        loop {
            let event = events.next().await.expect("the consumer lives");
            let of = match &event {
                Event::Records(batch) => batch.assignment,
                Event::Stopped { assignment, .. } => *assignment,
                Event::Fatal(error) => panic!("{error}"),
            };
            if current.contains(&of) {
                return event;
            }
        }
    })
    .await
}

/// So many records of one assignment.
pub async fn records(events: &mut Events, assignment: Assignment, count: usize) -> Vec<Record> {
    let mut all = Vec::new();
    while all.len() < count {
        match next(events, &[assignment]).await {
            Event::Records(batch) => all.extend(batch.records),
            other => panic!("{other:?}"),
        }
    }
    all
}

pub fn values(records: &[Record]) -> Vec<String> {
    let value = |record: &Record| {
        String::from_utf8(record.value.clone().unwrap_or_default()).expect("text")
    };
    records.iter().map(value).collect()
}

/// Nothing comes of an assignment for a while.
pub async fn silence(events: &mut Events, assignment: Assignment) {
    let quiet = Duration::from_millis(700);
    let said = tokio::time::timeout(quiet, next(events, &[assignment])).await;
    assert!(said.is_err(), "{said:?}");
}

pub async fn consumer(
    settings: &Settings,
    topic: &str,
    next: i64,
) -> (Consumer, Events, Assignment) {
    let (consumer, events) = Consumer::start(settings).expect("a consumer");
    let assignment = within(consumer.assign(Partition::new(topic, 0), next)).await;
    (consumer, events, assignment.expect("assigned"))
}

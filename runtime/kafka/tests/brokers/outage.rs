//! Three brokers, of which one or all go away.

use crate::support::{self, within};
use sagaflow_kafka::{Consumer, Event, Message, Partition, Producer, Report, Settings};
use std::collections::{HashMap, HashSet};
use std::time::Duration;

const KEYS: usize = 16;
const PARTITIONS: i32 = 4;

/// Sends `count` numbered messages round the keys, until each is delivered.
async fn produce(settings: &Settings, topic: &str, count: usize) {
    let (producer, mut reports) = Producer::start(settings).expect("a producer");
    let generation = producer.generation();
    let sending = async {
        for n in 0..count {
            let (key, value) = (format!("key-{}", n % KEYS), n.to_string());
            let message = Message {
                topic,
                key: Some(key.as_bytes()),
                value: Some(value.as_bytes()),
                headers: &[],
            };
            producer.send(generation, message).await.expect("no client breaks of an outage");
            if n % 100 == 99 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    };
    let taking = async {
        let mut delivered = HashSet::new();
        while delivered.len() < count {
            for report in reports.next().await.expect("it lives") {
                let Report::Delivered { ticket, .. } = report else { panic!("{report:?}") };
                assert!(delivered.insert(ticket), "one report each");
            }
        }
    };
    within(async { tokio::join!(sending, taking) }).await;
    assert_eq!(producer.outstanding(), 0);
}

/// Reads everything and compares: all there, and each key's first appearances in order.
async fn judge(settings: &Settings, topic: &str, count: usize) {
    let (consumer, mut events) = Consumer::start(settings).expect("a consumer");
    for partition in 0..PARTITIONS {
        within(consumer.assign(Partition::new(topic, partition), 0)).await.expect("assigned");
    }
    let mut last: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut seen = HashSet::new();
    let mut twice = 0;
    within(async {
        while seen.len() < count {
            let event = events.next().await.expect("it lives");
            let Event::Records(batch) = event else { panic!("{event:?}") };
            for record in batch.records {
                let value = String::from_utf8(record.value.expect("a value")).expect("text");
                let n: usize = value.parse().expect("a number");
                if !seen.insert(n) {
                    twice += 1;
                    continue;
                }
                let before = last.insert(record.key.expect("a key"), n);
                assert!(before.is_none_or(|before| before + KEYS == n), "{before:?} before {n}");
            }
        }
    })
    .await;
    assert_eq!(twice, 0, "an idempotent producer that did not break writes once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_arrives_once_in_order_while_one_of_three_is_killed_and_another_sleeps() {
    let Some(mut cluster) = sagaflow_kafka_server::private(3) else { return };
    let settings = Settings::new(cluster.bootstrap());
    support::with(&settings, "storm", PARTITIONS, 3, &[("min.insync.replicas", "2")]).await;
    let disturbed = tokio::task::spawn_blocking(move || {
        std::thread::sleep(Duration::from_millis(300));
        cluster.kill9(1).expect("killed");
        std::thread::sleep(Duration::from_secs(1));
        cluster.restart(1).expect("restarted");
        cluster.pause(2).expect("asleep");
        std::thread::sleep(Duration::from_secs(2));
        cluster.resume(2).expect("awake");
        cluster
    });
    produce(&settings, "storm", 20_000).await;
    let mut cluster = disturbed.await.expect("disturbed");
    judge(&settings, "storm", 20_000).await;
    // And all of them at once: what is sent waits for them.
    support::with(&settings, "night", PARTITIONS, 3, &[]).await;
    let disturbed = tokio::task::spawn_blocking(move || {
        for broker in 1..=3 {
            cluster.pause(broker).expect("asleep");
        }
        std::thread::sleep(Duration::from_secs(3));
        for broker in 1..=3 {
            cluster.resume(broker).expect("awake");
        }
        cluster
    });
    produce(&settings, "night", 2_000).await;
    let cluster = disturbed.await.expect("disturbed");
    judge(&settings, "night", 2_000).await;
    drop(cluster);
}

//! Records that their writer took back.

use crate::fleet::{STRAGGLERS, completed};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use sagaflow_it::build;
use sagaflow_topics::{PATIENCE, Positions, World, item, letters, until, within};
use std::ops::Range;

/// Records of each transaction.
const EACH: usize = 50;

/// Writes some records in a transaction of their own, and takes them back or not.
fn write(producer: &BaseProducer, topic: &str, numbers: Range<usize>, keep: bool) {
    producer.begin_transaction().unwrap();
    for (key, value) in numbers.map(item) {
        producer.send(BaseRecord::to(topic).key(&key).payload(&value)).map_err(|it| it.0).unwrap();
    }
    // All are in the topic before it is decided about them.
    producer.flush(PATIENCE).unwrap();
    if keep {
        producer.commit_transaction(PATIENCE).unwrap();
    } else {
        producer.abort_transaction(PATIENCE).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_taken_back_starts_no_run() {
    build();
    let Some(brokers) = sagaflow_kafka_server::shared() else { return };
    let world = World::on(brokers.bootstrap(), None).await;
    let mut tap = world.tap().await;
    let node = world.node().await;
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers.bootstrap())
        .set("transactional.id", &world.placed)
        .create()
        .unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    // Those that are taken back have the higher numbers. Behind them each key has others, so that a
    // reader that is through with these has passed them.
    let places = [(2, false), (0, true), (3, false), (1, true)];
    let topic = world.placed.clone();
    let writing = tokio::task::spawn_blocking(move || {
        places.map(|(part, keep)| write(&producer, &topic, part * EACH..(part + 1) * EACH, keep))
    });
    within("they are written", writing).await.unwrap();
    tap.until(2 * EACH).await;
    let positions = Positions::of(&world);
    let all = i64::try_from(4 * EACH).unwrap();
    until("all are passed", async || positions.ask().await.iter().sum::<i64>() >= all).await;
    tap.rest(STRAGGLERS).await;
    tap.seen.one_each(0..2 * EACH);
    tap.seen.of_runs(&completed(&node, 2 * EACH).await);
    assert!(letters(&node, true).await.is_empty());
    node.terminate().await;
}

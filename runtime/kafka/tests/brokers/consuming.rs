//! What a reader may rely on.

use crate::support::{self, broker, consumer, next, records, silence, values, within, write};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};
use sagaflow_kafka::{
    Assignment, At, Consumer, Error, Event, Message, Partition, Producer, Settings, Stopped,
};
use std::time::Duration;

#[tokio::test]
async fn a_record_is_read_as_it_was_written_with_its_place() {
    let Some(settings) = broker() else { return };
    support::topic(&settings, "whole", 1).await;
    let (producer, mut reports) = Producer::start(&settings).expect("a producer");
    let headers: &[(&str, Option<&[u8]>)] = &[
        ("flow-id", Some(b"1:2:3:4")),
        ("none", None),
        ("flow-id", Some(b"")),
        ("x", Some(&[0xff])),
    ];
    let full = Message { topic: "whole", key: Some(b"k"), value: Some(b"v"), headers };
    let tombstone = Message { topic: "whole", key: Some(b""), ..Message::default() };
    let bare = Message { topic: "whole", value: Some(b""), ..Message::default() };
    let mut tickets = Vec::new();
    for message in [full, tombstone, bare] {
        tickets.push(producer.send(producer.generation(), message).await.expect("sent"));
    }
    let offsets = support::delivered(&mut reports, &tickets).await;
    assert_eq!(offsets.into_values().collect::<Vec<_>>(), [0, 1, 2]);
    let (_consumer, mut events, assignment) = consumer(&settings, "whole", 0).await;
    let read = records(&mut events, assignment, 3).await;
    let first = &read[0];
    assert_eq!((&*first.topic, first.partition, first.offset), ("whole", 0, 0));
    assert_eq!((first.key.as_deref(), first.value.as_deref()), (Some(&b"k"[..]), Some(&b"v"[..])));
    let of = |name: &str, value: Option<&[u8]>| (name.to_owned(), value.map(<[u8]>::to_vec));
    let wanted: Vec<_> = headers.iter().map(|(name, value)| of(name, *value)).collect();
    assert_eq!(first.headers, wanted, "in order, twice, empty and none");
    assert!(first.timestamp_ms.is_some_and(|ms| ms > 1_700_000_000_000));
    assert_eq!((read[1].key.as_deref(), &read[1].value), (Some(&b""[..]), &None), "a tombstone");
    assert_eq!((&read[2].key, read[2].value.as_deref()), (&None, Some(&b""[..])), "no key");
}

#[tokio::test]
async fn a_partition_is_read_from_the_offset_that_the_caller_names_each_time() {
    let Some(settings) = broker() else { return };
    support::topic(&settings, "seek", 1).await;
    write(&settings, "seek", "k", &["a", "b", "c", "d"]).await;
    let (consumer, mut events, assignment) = consumer(&settings, "seek", 2).await;
    assert_eq!(values(&records(&mut events, assignment, 2).await), ["c", "d"]);
    // Assigned again, without a release, it goes back.
    let again = within(consumer.assign(Partition::new("seek", 0), 1)).await.expect("assigned");
    assert_ne!(again, assignment);
    assert_eq!(values(&records(&mut events, again, 3).await), ["b", "c", "d"]);
    within(consumer.release(again)).await.expect("released");
    within(consumer.release(again)).await.expect("twice is no error");
    write(&settings, "seek", "k", &["e"]).await;
    silence(&mut events, again).await;
    let last = within(consumer.assign(Partition::new("seek", 0), 4)).await.expect("assigned");
    assert_eq!(values(&records(&mut events, last, 1).await), ["e"]);
    let refused = within(consumer.assign(Partition::new("seek", 0), -1)).await;
    assert!(matches!(refused, Err(Error::Rejected(_))), "{refused:?}");
    let refused = within(consumer.assign(Partition::new("a\0b", 0), 0)).await;
    assert!(matches!(refused, Err(Error::Rejected(_))), "{refused:?}");
}

#[tokio::test]
async fn a_paused_partition_waits_while_others_are_read_and_goes_on_without_loss() {
    let Some(settings) = broker() else { return };
    support::topic(&settings, "paused", 1).await;
    support::topic(&settings, "running", 1).await;
    let (consumer, mut events, paused) = consumer(&settings, "paused", 0).await;
    let running = within(consumer.assign(Partition::new("running", 0), 0)).await.expect("assigned");
    write(&settings, "paused", "k", &["1", "2"]).await;
    assert_eq!(values(&records(&mut events, paused, 2).await), ["1", "2"]);
    within(consumer.pause(paused)).await.expect("paused");
    // What is on its way comes still; let it.
    tokio::time::sleep(Duration::from_millis(300)).await;
    write(&settings, "paused", "k", &["3", "4"]).await;
    write(&settings, "running", "k", &["x"]).await;
    let Event::Records(batch) = next(&mut events, &[paused, running]).await else { panic!() };
    assert_eq!((batch.assignment, values(&batch.records)), (running, vec!["x".to_owned()]));
    silence(&mut events, paused).await;
    let lag = within(consumer.lag()).await.expect("a lag");
    let behind = |of: Assignment| lag.iter().find(|it| it.assignment == of).map(|it| it.records());
    assert_eq!((behind(paused), behind(running)), (Some(2), Some(0)), "a pause hides no lag");
    within(consumer.resume(paused)).await.expect("resumed");
    assert_eq!(values(&records(&mut events, paused, 2).await), ["3", "4"]);
    // A pause ends with its assignment.
    within(consumer.pause(paused)).await.expect("paused");
    let again = within(consumer.assign(Partition::new("paused", 0), 3)).await.expect("assigned");
    assert_eq!(values(&records(&mut events, again, 1).await), ["4"]);
}

#[tokio::test]
async fn what_a_transaction_rolled_back_is_never_read() {
    let Some(settings) = broker() else { return };
    support::topic(&settings, "rolled", 1).await;
    let brokers = settings.brokers.clone();
    tokio::task::spawn_blocking(move || {
        let wait = Duration::from_secs(30);
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("transactional.id", "rolled")
            .create()
            .expect("a producer");
        producer.init_transactions(wait).expect("begun");
        for (value, commit) in [("no", false), ("yes", true), ("never", false), ("also", true)] {
            producer.begin_transaction().expect("a transaction");
            producer.send(BaseRecord::<str, str>::to("rolled").payload(value)).expect("sent");
            producer.flush(wait).expect("flushed");
            let ended = if commit {
                producer.commit_transaction(wait)
            } else {
                producer.abort_transaction(wait)
            };
            ended.expect("ended");
        }
    })
    .await
    .expect("written");
    let (consumer, mut events, assignment) = consumer(&settings, "rolled", 0).await;
    let read = records(&mut events, assignment, 2).await;
    assert_eq!(values(&read), ["yes", "also"]);
    assert!(read[1].offset > read[0].offset + 1, "offsets have holes");
    silence(&mut events, assignment).await;
    // A position among what was rolled back is a position.
    let again = within(consumer.assign(Partition::new("rolled", 0), read[0].offset + 1)).await;
    assert_eq!(values(&records(&mut events, again.expect("assigned"), 1).await), ["also"]);
}

#[tokio::test]
async fn an_offset_that_is_not_there_stops_its_partition_alone() {
    let Some(settings) = broker() else { return };
    support::topic(&settings, "deleted", 2).await;
    support::topic(&settings, "kept", 1).await;
    write(&settings, "deleted", "k", &["a", "b", "c"]).await;
    write(&settings, "kept", "k", &["1"]).await;
    let (probe, _) = Consumer::start(&settings).expect("a consumer");
    let both = vec![Partition::new("deleted", 0), Partition::new("deleted", 1)];
    let ends = within(probe.offsets(both.clone(), At::End)).await.expect("offsets");
    let at = both[usize::from(ends[1] == Some(3))].clone();
    delete(&settings, &at, 2).await;
    let first = within(probe.offsets(vec![at.clone()], At::First)).await.expect("offsets");
    assert_eq!(first, [Some(2)]);
    let (consumer, mut events, kept) = consumer(&settings, "kept", 0).await;
    assert_eq!(values(&records(&mut events, kept, 1).await), ["1"]);
    // Before the first record, and past the end.
    for wrong in [1, 100] {
        let gone = within(consumer.assign(at.clone(), wrong)).await.expect("assigned");
        let event = next(&mut events, &[gone]).await;
        let reason = Stopped::OutOfRange;
        assert_eq!(event, Event::Stopped { assignment: gone, partition: at.clone(), reason });
        silence(&mut events, gone).await;
    }
    write(&settings, "kept", "k", &["2"]).await;
    assert_eq!(values(&records(&mut events, kept, 1).await), ["2"], "the other one goes on");
    // Somebody chose: it goes on where there are records.
    let chosen = within(consumer.assign(at.clone(), 2)).await.expect("assigned");
    assert_eq!(values(&records(&mut events, chosen, 1).await), ["c"]);
}

async fn delete(settings: &Settings, at: &Partition, before: i64) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &settings.brokers).create().expect("a client");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&at.topic, at.partition, Offset::Offset(before)).expect("listed");
    within(admin.delete_records(&list, &AdminOptions::new())).await.expect("deleted");
}

#[tokio::test]
async fn offsets_are_found_by_place_and_by_time() {
    let Some(settings) = broker() else { return };
    support::topic(&settings, "times", 1).await;
    let (consumer, mut events, assignment) = consumer(&settings, "times", 0).await;
    let at = vec![Partition::new("times", 0)];
    for place in [At::First, At::End] {
        assert_eq!(within(consumer.offsets(at.clone(), place)).await, Ok(vec![Some(0)]));
    }
    write(&settings, "times", "k", &["a"]).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    write(&settings, "times", "k", &["b"]).await;
    let read = records(&mut events, assignment, 2).await;
    let timestamp_ms = read[1].timestamp_ms.expect("a time");
    let found = within(consumer.offsets(at.clone(), At::Time { timestamp_ms })).await;
    assert_eq!(found, Ok(vec![Some(1)]));
    let late = At::Time { timestamp_ms: timestamp_ms + 60_000 };
    assert_eq!(within(consumer.offsets(at.clone(), late)).await, Ok(vec![None]));
    assert_eq!(within(consumer.offsets(at.clone(), At::End)).await, Ok(vec![Some(2)]));
    let told = within(consumer.commit(vec![(at[0].clone(), 2)])).await;
    assert_eq!(told, Ok(()), "a group that nobody joined takes positions");
    assert_eq!(within(consumer.offsets(Vec::new(), At::End)).await, Ok(vec![]));
}

#[tokio::test]
async fn a_topic_that_is_not_there_stops_its_partition() {
    let Some(settings) = broker() else { return };
    let (_consumer, mut events, assignment) = consumer(&settings, "nowhere", 0).await;
    let event = next(&mut events, &[assignment]).await;
    let partition = Partition::new("nowhere", 0);
    let reason = Stopped::UnknownTopic;
    assert_eq!(event, Event::Stopped { assignment, partition, reason });
}

#[tokio::test]
async fn a_caller_that_stands_still_is_not_overrun_and_loses_nothing() {
    let Some(settings) = broker() else { return };
    support::topic(&settings, "slow", 1).await;
    let (producer, mut reports) = Producer::start(&settings).expect("a producer");
    let value = [b'x'; 1000];
    let count = 30_000;
    let sending = async {
        for _ in 0..count {
            let message =
                Message { topic: "slow", key: Some(b"k"), value: Some(&value), headers: &[] };
            producer.send(producer.generation(), message).await.expect("sent");
        }
    };
    let taking = async {
        let mut taken = 0;
        while taken < count {
            taken += reports.next().await.expect("it lives").len();
        }
    };
    within(async { tokio::join!(sending, taking) }).await;
    let (consumer, mut events, assignment) = consumer(&settings, "slow", 0).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    // It answers while nobody takes what it read.
    let lag = within(consumer.lag()).await.expect("a lag");
    assert!(lag[0].records() > 10_000, "what waits is bounded: {lag:?}");
    let read = records(&mut events, assignment, count).await;
    let offsets: Vec<i64> = read.iter().map(|record| record.offset).collect();
    assert!(offsets.windows(2).all(|pair| pair[1] == pair[0] + 1), "each once, in order");
}

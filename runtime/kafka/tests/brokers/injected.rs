//! What no broker does on demand, by librdkafka's mock of one.

use crate::support::{delivered, within};
use rdkafka::mocking::MockCluster;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use sagaflow_kafka::{Failure, Message, Producer, Report, Settings};

#[tokio::test]
async fn errors_that_pass_are_ridden_out() {
    let mock = MockCluster::new(1).expect("a mock");
    mock.create_topic("shaky", 1, 1).expect("a topic");
    mock.request_errors(
        RDKafkaApiKey::Produce,
        &[
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT,
        ],
    );
    let settings = Settings::new(mock.bootstrap_servers());
    let (producer, mut reports) = Producer::start(&settings).expect("a producer");
    let message = Message { topic: "shaky", key: Some(b"k"), value: Some(b"v"), headers: &[] };
    let mut tickets = Vec::new();
    for _ in 0..20 {
        tickets.push(producer.send(producer.generation(), message).await.expect("taken"));
    }
    let offsets = delivered(&mut reports, &tickets).await;
    assert_eq!(offsets.into_values().collect::<Vec<_>>(), (0..20).collect::<Vec<i64>>());
}

#[tokio::test]
async fn nothing_overtakes_a_message_that_the_brokers_refuse() {
    let mock = MockCluster::new(1).expect("a mock");
    mock.create_topic("middle", 1, 1).expect("a topic");
    let settings = Settings::new(mock.bootstrap_servers());
    let (producer, mut reports) = Producer::start(&settings).expect("a producer");
    let first = producer.generation();
    let large = vec![b'x'; 100_000];
    let message = Message { topic: "middle", key: Some(b"k"), value: Some(&large), headers: &[] };
    let refusal = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    mock.request_errors(RDKafkaApiKey::Produce, &[refusal]);
    let mut sent = Vec::new();
    for _ in 0..20 {
        sent.extend(producer.send(first, message).await);
    }
    let (mut failed, mut closed, mut undecided) = (Vec::new(), Vec::new(), None);
    let mut generation = first;
    within(async {
        while undecided.is_none() {
            for report in reports.next().await.expect("it lives") {
                match report {
                    Report::Failed { ticket, failure: Failure::Closed, .. } => closed.push(ticket),
                    Report::Failed { ticket, failure, .. } => {
                        assert!(matches!(failure, Failure::Unauthorised(_)), "{failure:?}");
                        failed.push(ticket);
                    }
                    Report::Restarted { generation: new, undecided: tickets, .. } => {
                        generation = new;
                        undecided = Some(tickets);
                    }
                    Report::Delivered { ticket, .. } => panic!("{ticket:?} overtook"),
                }
            }
        }
    })
    .await;
    let undecided = undecided.expect("it restarted");
    assert_eq!(failed, sent[..1], "the first was refused");
    assert!(undecided.is_sorted() && closed.is_sorted());
    let mut all = [failed, undecided, closed].concat();
    all.sort();
    assert_eq!(all, sent, "each has one end");
    producer.reopen("middle");
    let again = producer.send(generation, message).await.expect("taken");
    delivered(&mut reports, &[again]).await;
}

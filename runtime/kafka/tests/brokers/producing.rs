//! What a writer may rely on while brokers live.

use crate::support::{self, broker, consumer, delivered, records, values, within};
use sagaflow_kafka::{
    Failure, MESSAGE_BYTES_MAX, Mechanism, Message, Password, Producer, Report, Reports, Sasl,
    Settings, Ticket,
};
use std::time::Duration;

async fn failure(reports: &mut Reports, of: Ticket) -> Failure {
    within(async {
        loop {
            for report in reports.next().await.expect("the producer lives") {
                match report {
                    Report::Failed { ticket, failure, .. } if ticket == of => return failure,
                    Report::Restarted { .. } => {}
                    other => panic!("{other:?}"),
                }
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_message_that_is_too_large_fails_alone() {
    let Some(settings) = broker() else { return };
    support::topic(&settings, "large", 1).await;
    let (producer, mut reports) = Producer::start(&settings).expect("a producer");
    let large = vec![b'x'; MESSAGE_BYTES_MAX + 1];
    let generation = producer.generation();
    let message =
        |value| Message { topic: "large", key: Some(b"k"), value: Some(value), headers: &[] };
    let ticket = producer.send(generation, message(&large)).await.expect("taken");
    assert_eq!(failure(&mut reports, ticket).await, Failure::TooLarge);
    let ticket = producer.send(generation, message(b"small")).await.expect("taken");
    delivered(&mut reports, &[ticket]).await;
}

/// Later messages used to overtake in partitions that did not know the client yet.
#[tokio::test]
async fn nothing_overtakes_a_message_that_only_its_topic_finds_too_large() {
    let Some(settings) = broker() else { return };
    support::with(&settings, "narrow", 1, 1, &[("max.message.bytes", "200000")]).await;
    let (producer, mut reports) = Producer::start(&settings).expect("a producer");
    let large = vec![b'x'; 300_000];
    let message =
        |value| Message { topic: "narrow", key: Some(b"k"), value: Some(value), headers: &[] };
    let mut generation = producer.generation();
    // First where the partition does not know the client, then where it does.
    for round in 1..=2 {
        let old = generation;
        let too_large = producer.send(generation, message(&large)).await.expect("taken");
        let mut behind = Vec::new();
        for _ in 0..10 {
            behind.extend(producer.send(generation, message(b"behind")).await);
        }
        // The client breaks, and says what is to be sent again.
        let (mut failed, mut undecided) = (None, None);
        within(async {
            while undecided.is_none() {
                for report in reports.next().await.expect("the producer lives") {
                    match report {
                        Report::Failed { ticket, failure, .. } => failed = Some((ticket, failure)),
                        Report::Delivered { ticket, .. } => panic!("{ticket:?} overtook"),
                        Report::Restarted { generation: new, undecided: tickets, .. } => {
                            generation = new;
                            undecided = Some(tickets);
                        }
                    }
                }
            }
        })
        .await;
        assert_eq!(failed, Some((too_large, Failure::TooLarge)), "round {round}");
        assert_eq!(undecided, Some(behind), "round {round}");
        assert!(producer.send(old, message(b"late")).await.is_err(), "the generation is over");
        let again = producer.send(generation, message(b"behind")).await.expect("taken");
        delivered(&mut reports, &[again]).await;
        assert_eq!(producer.health().restarts, round);
    }
}

#[tokio::test]
async fn a_missing_topic_closes_until_the_caller_says_so() {
    let Some(settings) = broker() else { return };
    let (producer, mut reports) = Producer::start(&settings).expect("a producer");
    let generation = producer.generation();
    let message = Message { topic: "later", key: Some(b"k"), value: Some(b"1"), headers: &[] };
    let ticket = producer.send(generation, message).await.expect("taken");
    assert_eq!(failure(&mut reports, ticket).await, Failure::UnknownTopic);
    support::topic(&settings, "later", 1).await;
    let ticket = producer.send(generation, message).await.expect("taken");
    assert_eq!(failure(&mut reports, ticket).await, Failure::Closed, "nothing overtakes the first");
    producer.reopen("later");
    within(async {
        // The library learns of the topic with its next look at the cluster.
        loop {
            let ticket = producer.send(generation, message).await.expect("taken");
            let report = reports.next().await.expect("it lives");
            match &report[..] {
                [Report::Delivered { ticket: of, .. }] if *of == ticket => return,
                [Report::Failed { .. }] => producer.reopen("later"),
                other => panic!("{other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_user_without_rights_is_refused_and_a_wrong_password_is_seen() {
    let Some(open) = broker() else { return };
    support::topic(&open, "forbidden", 1).await;
    let cluster = sagaflow_kafka_server::shared().expect("it runs");
    let sasl = |password: &str| {
        let (mechanism, user) = (Mechanism::Plain, sagaflow_kafka_server::USER.to_owned());
        let sasl = Some(Sasl { mechanism, user, password: Password::new(password) });
        Settings { sasl, ..Settings::new(cluster.bootstrap_sasl()) }
    };
    let guest = sasl(sagaflow_kafka_server::PASSWORD);
    let (producer, mut reports) = Producer::start(&guest).expect("a producer");
    let message = Message { topic: "forbidden", value: Some(b"v"), ..Message::default() };
    let ticket = producer.send(producer.generation(), message).await.expect("taken");
    let refused = failure(&mut reports, ticket).await;
    assert!(matches!(refused, Failure::Unauthorised(_)), "{refused:?}");
    let (_consumer, mut events, assignment) = consumer(&guest, "forbidden", 0).await;
    let event = support::next(&mut events, &[assignment]).await;
    let sagaflow_kafka::Event::Stopped { reason, .. } = event else { panic!("{event:?}") };
    assert!(matches!(reason, sagaflow_kafka::Stopped::Unauthorised(_)), "{reason:?}");
    let wrong = sasl("wrong");
    let (producer, _reports) = Producer::start(&wrong).expect("a producer");
    producer.send(producer.generation(), message).await.expect("taken");
    within(async {
        while producer.health().refused == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(producer.outstanding(), 1, "it waits for somebody to put it right");
}

#[tokio::test]
async fn messages_of_one_key_arrive_in_the_order_of_sending() {
    let Some(settings) = broker() else { return };
    support::topic(&settings, "order", 1).await;
    let sent: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
    let texts: Vec<&str> = sent.iter().map(String::as_str).collect();
    let offsets = support::write(&settings, "order", "k", &texts).await;
    assert!(offsets.windows(2).all(|pair| pair[0] < pair[1]));
    let (_consumer, mut events, assignment) = consumer(&settings, "order", 0).await;
    assert_eq!(values(&records(&mut events, assignment, 1000).await), sent);
}

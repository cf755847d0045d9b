//! What is told about topics.

use crate::support::{self, broker, within};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use sagaflow_kafka::{Admin, Error, NewTopic};
use std::time::Duration;

#[tokio::test]
async fn a_topic_is_made_and_described_with_what_starting_up_checks() {
    let Some(settings) = broker() else { return };
    let admin = Admin::start(&settings).expect("a client");
    let more = [("retention.ms", "3600000"), ("cleanup.policy", "compact,delete")];
    support::with(&settings, "described", 3, 1, &more).await;
    let topic = within(admin.topic("described")).await.expect("a topic");
    assert_eq!((topic.partitions, topic.replication), (3, 1));
    assert_eq!((topic.min_insync_replicas, topic.retention_ms), (Some(1), Some(3_600_000)));
    assert_eq!((topic.retention_bytes, topic.message_bytes_max), (None, Some(1_048_588)));
    assert!(topic.compacted && topic.id.is_some());
    let new = |replication, name: &str| NewTopic {
        name: name.to_owned(),
        partitions: 1,
        replication,
        settings: Vec::new(),
    };
    let again = within(admin.create(&new(1, "described"))).await;
    assert!(matches!(again, Err(Error::Exists(_))), "{again:?}");
    let copies = within(admin.create(&new(9, "copies"))).await;
    assert!(matches!(copies, Err(Error::Rejected(_))), "{copies:?}");
    let missing = within(admin.topic("missing")).await;
    assert!(matches!(missing, Err(Error::UnknownTopic(_))), "{missing:?}");
}

#[tokio::test]
async fn a_topic_that_was_made_anew_has_another_id() {
    let Some(settings) = broker() else { return };
    let admin = Admin::start(&settings).expect("a client");
    support::topic(&settings, "anew", 1).await;
    let first = within(admin.topic_id("anew")).await.expect("an id");
    assert_eq!(within(admin.topic_id("anew")).await, Ok(first), "it stays");
    let raw: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &settings.brokers).create().expect("a client");
    within(raw.delete_topics(&["anew"], &AdminOptions::new())).await.expect("deleted");
    within(async {
        let new =
            NewTopic { name: "anew".to_owned(), partitions: 1, replication: 1, settings: vec![] };
        while admin.create(&new).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // The old one may be told of for a moment.
        loop {
            if let Ok(second) = admin.topic_id("anew").await
                && second.is_some()
                && second != first
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

//! TLS and SCRAM against a broker that wants both.

use crate::support;
use sagaflow_kafka::{
    Admin, Consumer, Event, Mechanism, Message, Partition, Password, Producer, Sasl, Settings, Tls,
};
use sagaflow_kafka_server::{Certificate, Cluster, OWNER, OWNER_PASSWORD};
use std::path::Path;
use std::time::Duration;

fn settings(cluster: &Cluster, authority: Option<&Path>, password: &str) -> Settings {
    let (brokers, own) = cluster.bootstrap_tls().expect("it has TLS");
    let authority = Some(authority.unwrap_or(own).to_owned());
    Settings {
        tls: Some(Tls { authority, certificate: None, key: None }),
        sasl: Some(Sasl {
            mechanism: Mechanism::ScramSha512,
            user: OWNER.to_owned(),
            password: Password::new(password),
        }),
        ..Settings::new(brokers)
    }
}

/// What a producer says of brokers that it cannot send to, as soon as these words are in it.
async fn trouble(settings: &Settings, words: &str) -> String {
    let (producer, _reports) = Producer::start(settings).expect("a producer");
    let message = Message { topic: "t", value: Some(b"v"), ..Message::default() };
    producer.send(producer.generation(), message).await.expect("taken");
    let mut heard = None;
    let said = tokio::time::timeout(support::PATIENCE, async {
        loop {
            heard = producer.health().last;
            if let Some(last) = heard.clone().filter(|last| last.to_lowercase().contains(words)) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    said.await.unwrap_or_else(|_| panic!("it says {heard:?}"))
}

/// One test, for the broker is started for it alone.
#[tokio::test]
async fn brokers_are_reached_over_tls_with_scram_and_what_is_wrong_is_said_without_the_password() {
    let Some(cluster) = sagaflow_kafka_server::private_with_tls() else { return };
    let right = settings(&cluster, None, OWNER_PASSWORD);
    support::topic(&right, "t", 1).await;
    assert_eq!(support::write(&right, "t", "k", &["a", "b"]).await, [0, 1]);
    let (consumer, mut events) = Consumer::start(&right).expect("a consumer");
    let assignment = consumer.assign(Partition::new("t", 0), 0).await.expect("assigned");
    let Event::Records(read) = support::next(&mut events, &[assignment]).await else {
        panic!("no records")
    };
    assert_eq!(read.records[0].value.as_deref(), Some(b"a".as_slice()));

    let folder = std::env::temp_dir().join(format!("flow-tls-{}", std::process::id()));
    let other = Certificate::make(&folder).expect("a certificate");
    let stranger = settings(&cluster, Some(&other.authority), OWNER_PASSWORD);
    let said = trouble(&stranger, "certificate verify failed").await;
    assert!(!said.contains(OWNER_PASSWORD), "{said}");
    std::fs::remove_dir_all(folder).expect("a folder");

    let wrong = settings(&cluster, None, "not-the-secret");
    let said = trouble(&wrong, "authentication fail").await;
    assert!(!said.contains("not-the-secret") && !said.contains(OWNER_PASSWORD), "{said}");

    // A file that is not there is a setting that somebody must change.
    let missing = settings(&cluster, Some(Path::new("/no/such.pem")), OWNER_PASSWORD);
    let refused = Admin::start(&missing).expect_err("no client").to_string();
    assert!(
        refused.starts_with("kafka settings: ") && refused.contains("ssl.ca.location"),
        "{refused}"
    );
}

//! What is looked at before a node serves, and what the commands say.

use sagaflow_it::{Flowd, build, flowd};
use sagaflow_kafka_server::{PASSWORD, USER};
use sagaflow_topics::{World, log, topic};

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_are_not_there_keep_a_node_from_starting_until_they_are_made() {
    build();
    let Some(brokers) = sagaflow_kafka_server::shared() else { return };
    let world = World::bare(brokers.bootstrap(), None);
    let file = world.folder.path().join("log");
    assert!(Flowd::try_start(&["--config", &world.config], &file).await.is_none());
    let said = log(world.folder.path());
    for (topic, event) in [(&world.placed, "relay.Placed"), (&world.shipped, "relay.Shipped")] {
        let words = format!("R1042: the topic `{topic}` of `{event}` does not exist");
        assert!(said.contains(&words), "{said}");
    }
    assert!(said.contains("`topics create`"), "{said}");

    let missing = world.topics("check").await;
    assert_eq!(missing.code, Some(2), "{missing:?}");
    assert!(missing.err.contains(&world.placed) && missing.out.is_empty(), "{missing:?}");
    let made = world.topics("create").await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let again = world.topics("create").await;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.out.contains("is there and stays as it is"), "{again:?}");
    let found = world.topics("check").await;
    let words =
        format!("`{}` of `relay.Placed`: 4 partitions, 1 copies, records kept 1d", world.placed);
    assert!(found.code == Some(0) && found.out.contains(&words), "{found:?}");
    assert_eq!(topic(&world.settings, &world.placed).await.retention_ms, Some(86_400_000));
    world.node().await.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_not_see_a_topic_is_told_so_and_no_password_is_shown() {
    build();
    let Some(brokers) = sagaflow_kafka_server::shared() else { return };
    let world = World::on(brokers.bootstrap(), None).await;
    let text = std::fs::read_to_string(&world.config).unwrap();
    let text = text.replace(&brokers.bootstrap(), &brokers.bootstrap_sasl());
    let text = format!(
        "{text}[kafka.sasl]\nmechanism = \"PLAIN\"\nusername = \"{USER}\"\n\
         password = \"{PASSWORD}\"\n"
    );
    std::fs::write(&world.config, text).unwrap();
    let shown = flowd(&["check-config", "--config", &world.config]).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.out.contains("password = \"…\""), "{shown:?}");
    let file = world.folder.path().join("log");
    assert!(Flowd::try_start(&["--config", &world.config], &file).await.is_none());
    let said = log(world.folder.path());
    assert!(said.contains("R1042") && said.contains(&world.placed), "{said}");
    assert!(!format!("{shown:?}{said}").contains(PASSWORD));
}

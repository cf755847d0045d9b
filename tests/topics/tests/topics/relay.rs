//! Everything that comes in goes out once, whatever is killed meanwhile.

use sagaflow_it::build;
use sagaflow_topics::{Positions, World};
use std::time::Duration;

const RECORDS: usize = 2_000;

/// Kills the node at every fifth of what comes out.
async fn relays(world: &World) {
    let mut tap = world.tap().await;
    world.place(0..RECORDS).await;
    let mut node = world.node().await;
    let mut positions = Positions::of(world);
    for fifth in 1..5 {
        tap.until(fifth * RECORDS / 5).await;
        node.kill9();
        node = world.node().await;
        positions.look().await;
    }
    tap.until(RECORDS).await;
    positions.until(RECORDS).await;
    let (code, _) = node.terminate().await;
    assert_eq!(code, Some(0));
    // What was sent twice is there by now.
    tap.rest(Duration::from_millis(500)).await;
    tap.seen.one_each(0..RECORDS);
    // A start in good order reads nothing again and sends nothing again.
    let records = tap.seen.records;
    let node = world.node().await;
    tap.rest(Duration::from_secs(1)).await;
    assert_eq!(tap.seen.records, records);
    drop(node);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_record_has_one_run_and_its_events_though_the_node_is_killed_again_and_again() {
    build();
    let Some(brokers) = sagaflow_kafka_server::shared() else { return };
    let world = World::on(brokers.bootstrap(), None).await;
    relays(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_record_has_one_run_and_its_events_on_a_server_with_many_shards_too() {
    build();
    let Some(brokers) = sagaflow_kafka_server::shared() else { return };
    let Some(server) = sagaflow_postgres::shared() else { return };
    let database = server.fresh().unwrap();
    let world = World::on_server(brokers.bootstrap(), database.url()).await;
    relays(&world).await;
}

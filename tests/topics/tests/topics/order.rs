//! The order process as it ships, from a topic to a topic, by configuration alone.

use sagaflow_it::{Ledger, ORDER, build, flow, sample};
use sagaflow_kafka::{Consumer, Event, Partition};
use sagaflow_topics::{PARTITIONS, World, until, within};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const ORDERS: usize = 20;

const SERVICES: [&str; 5] = ["Inventory", "Payments", "Fraud", "Shipping", "Mail"];

fn order(number: usize) -> (String, Vec<u8>) {
    let id = format!("0192f0c1-7a50-7cc3-9a53-{number:012x}");
    let value = json!({ "order": sample(|order| order["id"] = json!(id)) });
    (id, value.to_string().into_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_process_runs_from_events_with_nothing_but_configuration() {
    build();
    let Some(brokers) = sagaflow_kafka_server::shared() else { return };
    let ledger = Ledger::open().await;
    let mut world = World::bare(brokers.bootstrap(), None);
    let mut config = std::fs::read_to_string(&world.config).unwrap();
    config = config.replace("relay.flow", &flow("shop/orders.flow"));
    for service in SERVICES {
        config += &format!("[services.{service}]\nurl = \"{}/{service}\"\n", ledger.url);
    }
    std::fs::write(&world.config, config).unwrap();
    (world.placed, world.shipped) =
        ("orders.requested.v1".to_owned(), "orders.shipped.v1".to_owned());
    let made = world.topics("create").await;
    assert_eq!(made.code, Some(0), "{made:?}");

    // Whoever asks for them asks twice: their key is in the order.
    let orders: Vec<_> = (0..ORDERS).chain(0..ORDERS).map(order).collect();
    world.write(&orders, &[]).await;
    let node = world.node().await;
    ledger.wait_for("Mail.receipt", ORDERS / 4).await;
    node.kill9();
    let node = world.node().await;
    let wanted: BTreeSet<String> = (0..ORDERS).map(|number| order(number).0).collect();
    assert_eq!(shipped(&world).await, wanted);
    let times = |effect: &str| ledger.applied().iter().filter(|one| *one == effect).count();
    // The last step comes behind the event.
    until("all have a receipt", async || times("Mail.receipt") == ORDERS).await;
    for effect in ORDER {
        assert_eq!(times(effect), ORDERS, "{effect}");
    }
    drop(node);
}

/// The orders of the first so many records that come out, however often each comes.
async fn shipped(world: &World) -> BTreeSet<String> {
    let (consumer, mut events) = Consumer::start(&world.settings).unwrap();
    for partition in 0..PARTITIONS {
        let partition = Partition::new(world.shipped.as_str(), partition);
        within("it is assigned", consumer.assign(partition, 0)).await.unwrap();
    }
    let mut seen = BTreeSet::new();
    while seen.len() < ORDERS {
        let Some(Event::Records(read)) = within("all come out", events.next()).await else {
            panic!("the topic cannot be read")
        };
        for record in read.records {
            let value: Value = serde_json::from_slice(&record.value.unwrap()).unwrap();
            seen.insert(value["order_id"].as_str().unwrap().to_owned());
        }
    }
    seen
}

//! Many events through three nodes and three brokers, while nodes and a broker are killed.
//!
//! `FLOW_STORM_EVENTS` says how many; the promise is 100,000.

use crate::durable::Durable;
use crate::fleet::Fleet;
use sagaflow_it::{Ledger, build};
use sagaflow_topics::{Positions, World};
use std::time::Instant;

/// Events, where nobody says another number.
const EVENTS: usize = 20_000;

const NODES: usize = 3;

/// So often it is looked at how far all are, and written on.
const STEPS: usize = 20;

/// A node is killed after each of these.
const FIFTH: usize = STEPS / 5;

/// The broker that dies, and after which steps it does and is back.
const BROKER: i32 = 2;
const DIES: usize = STEPS * 4 / 10;
const RETURNS: usize = STEPS * 7 / 10;

fn events() -> usize {
    let said = std::env::var("FLOW_STORM_EVENTS").ok();
    said.and_then(|text| text.parse().ok()).unwrap_or(EVENTS)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_has_one_run_whose_events_come_out_in_order_though_nodes_and_a_broker_are_killed()
 {
    build();
    let Some(mut brokers) = sagaflow_kafka_server::private(3) else { return };
    let Some(server) = sagaflow_postgres::shared() else { return };
    let database = server.fresh().unwrap();
    let ledger = Ledger::open().await;
    let world = World::on_server(brokers.bootstrap(), database.url()).await;
    world.source(include_str!("../../flows/storm.flow"));
    let events = events();
    let mut tap = world.tap().await;
    let positions = Positions::of(&world);
    let mut durable = Durable::of(&database);
    // A quarter of all is ahead of what comes out.
    let upto = |step: usize| (events * (step + STEPS / 4) / STEPS).min(events);
    world.place(0..upto(0)).await;
    let bind = format!("Stamp={}/Stamp", ledger.url);
    let mut fleet = Fleet::start(&world, &["--bind", &bind], NODES).await;
    let began = Instant::now();
    for step in 1..STEPS {
        world.place(upto(step - 1)..upto(step)).await;
        tap.until(step * events / STEPS).await;
        // Order: the group hears of what was durable before.
        let told = positions.ask().await;
        let ahead = told.iter().zip(durable.look()).find(|(told, next)| told > next);
        assert_eq!(ahead, None, "the group is told of what is not durable");
        if step % FIFTH == 0 {
            fleet.kill(step / FIFTH % NODES).await;
        }
        match step {
            DIES => brokers.kill9(BROKER).unwrap(),
            RETURNS => brokers.restart(BROKER).unwrap(),
            _ => {}
        }
    }
    tap.until(events).await;
    let took = began.elapsed();
    positions.until(events).await;
    fleet.come_to_rest(&mut tap, &ledger, events).await;
    println!(
        "{events} events in {took:?}, {} each second; {} came out twice, {} calls were repeated",
        events as u128 * 1_000 / took.as_millis().max(1),
        tap.seen.repeated(),
        ledger.requests() - events,
    );
}

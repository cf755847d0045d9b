//! Shards that go from node to node all the time.
//!
//! `FLOW_HANDOFF_SECONDS` says for how long.

use crate::durable::Durable;
use crate::fleet::Fleet;
use sagaflow_it::{Ledger, build};
use sagaflow_topics::{Positions, World};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// For how long, where nobody says another time.
const SECONDS: u64 = 12;

/// Records that are written at a time, so that there are always some under way.
const EACH: usize = 200;

fn span() -> Duration {
    let said = std::env::var("FLOW_HANDOFF_SECONDS").ok();
    Duration::from_secs(said.and_then(|text| text.parse().ok()).unwrap_or(SECONDS))
}

/// Has nodes come and go; how often one did.
async fn to_and_fro(fleet: &mut Fleet<'_>, durable: &mut Durable<'_>) -> usize {
    let began = Instant::now();
    let mut moves = 0;
    // Each of the others comes and goes at least, however slow they are.
    while moves < 4 || began.elapsed() < span() {
        fleet.join().await;
        // What the new one has, another one had.
        fleet.shares(fleet.size() - 1).await;
        moves += 1;
        durable.look();
        if fleet.size() == 3 {
            fleet.leave(1).await;
            moves += 1;
        }
    }
    moves
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_and_nothing_runs_twice_while_shards_go_to_and_fro() {
    build();
    let Some(brokers) = sagaflow_kafka_server::shared() else { return };
    let Some(server) = sagaflow_postgres::shared() else { return };
    let database = server.fresh().unwrap();
    let ledger = Ledger::open().await;
    let world = World::on_server(brokers.bootstrap(), database.url()).await;
    world.source(include_str!("../../flows/storm.flow"));
    let mut tap = world.tap().await;
    let positions = Positions::of(&world);
    let mut durable = Durable::of(&database);
    let bind = format!("Stamp={}/Stamp", ledger.url);
    let mut fleet = Fleet::start(&world, &["--bind", &bind], 1).await;
    let over = AtomicBool::new(false);
    let writing = async {
        let mut events = 0;
        while !over.load(Ordering::Relaxed) {
            world.place(events..events + EACH).await;
            events += EACH;
        }
        events
    };
    let moving = async {
        let began = Instant::now();
        let moves = to_and_fro(&mut fleet, &mut durable).await;
        over.store(true, Ordering::Relaxed);
        (moves, began.elapsed())
    };
    let (events, (moves, took)) = tokio::join!(writing, moving);
    tap.until(events).await;
    positions.until(events).await;
    durable.look();
    fleet.come_to_rest(&mut tap, &ledger, events).await;
    println!(
        "{events} events, {moves} nodes came or went in {took:?}; {} came out twice, {} calls were \
         repeated",
        tap.seen.repeated(),
        ledger.requests() - events,
    );
}

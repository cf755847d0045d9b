//! Three nodes on one Postgres in a storm: whatever is killed, put to sleep, cut off or lied to, every
//! order that was accepted ends as it must, and each of its effects happens once.
//!
//! The oracle is the world outside, which no node can write to but by asking. A storm lasts about a
//! minute, or `FLOW_CHAOS_MINUTES`. `FLOW_SEED` reproduces its moments. The logs of the nodes
//! stay in the target's `tmp` where something is wrong.

mod judge;
mod nodes;
mod shop;
mod storm;
mod world;

use nodes::{COUNT, Held, Nodes, TTL};
use sagaflow_chaos::Dice;
use shop::Shop;
use std::path::Path;
use std::time::{Duration, Instant};
use storm::Weather;
use world::{Fate, World};

/// How long a storm lasts where nobody says; longer if that is not enough for every kind of fault.
const SHORT: Duration = Duration::from_secs(30);

/// Between two new orders.
const EVERY: Duration = Duration::from_millis(60);

/// Bound: how long the backlog may take once everybody is well.
const DRAIN: Duration = Duration::from_secs(90);

/// Bound: until the last of many new orders was accepted elsewhere: the time of a lease and two seconds.
const TAKEOVER: Duration = Duration::from_secs(TTL.as_secs() + 2);

/// Bound: what a program that is not optimised, on a machine that does other things, may take for a
/// takeover beside that, by what it takes for as many orders without one.
const SLOWNESS: u32 = 10;

/// Connections that a node has to its store: one for batches, a pool of four, and two for leases.
const CONNECTIONS: u32 = 7;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_befalls_three_nodes_every_order_ends_and_nothing_happens_twice() {
    let Some(cluster) = sagaflow_postgres::private(&[]) else { return };
    sagaflow_it::build();
    let mut dice = Dice::of_environment();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = folder.join(format!("three-nodes-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for logs");
    println!("logs: {}", folder.display());
    let (world, shop) = (World::open(dice.fork()).await, Shop::new(COUNT));
    let mut nodes = Nodes::start(cluster, &world, &shop, &folder).await;

    let files: Vec<usize> = (0..COUNT).map(|node| nodes.held(node).files).collect();
    let load = load(shop.clone(), dice.fork());
    tokio::time::sleep(Duration::from_secs(5)).await;
    let memory: Vec<u64> = (0..COUNT).map(|node| nodes.held(node).memory_kb).collect();
    let mut weather = Weather::storm(&mut nodes, &shop, &mut dice, span()).await;
    weather.settle(&mut nodes, &shop).await;
    load.abort();
    println!("{}", weather.told());

    let healed = Instant::now();
    while shop.waiting() > 0 {
        assert!(healed.elapsed() < DRAIN, "{} callers have no answer", shop.waiting());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!(
        "the last caller had its answer {:.1} s after the end",
        healed.elapsed().as_secs_f64()
    );
    let wrong = ended(&shop, &world, healed).await;
    println!(
        "{} orders, {} requests to services, {} requests made again, all ended {:.1} s after the end",
        shop.accepted().len(),
        world.requests(),
        shop.repeated(),
        healed.elapsed().as_secs_f64()
    );
    let all = wrong.len();
    assert!(wrong.is_empty(), "{all} are wrong, the first of them:\n{:#?}", &wrong[..all.min(20)]);
    nothing_is_left(&nodes, &shop, &files, &memory).await;
    for (well, (_, took)) in weather.calm {
        let bound = TAKEOVER + well * SLOWNESS;
        assert!(took < bound, "a takeover took {took:?}, and as many orders {well:?} otherwise");
    }
    assert!(weather.eaten > 0, "no commit's answer was lost");
    drop(nodes);
    std::fs::remove_dir_all(&folder).expect("the logs are ours");
}

fn span() -> Duration {
    let minutes = std::env::var("FLOW_CHAOS_MINUTES").ok().and_then(|text| text.parse().ok());
    minutes.map_or(SHORT, |minutes: u64| Duration::from_secs(60 * minutes))
}

/// New orders keep coming.
fn load(shop: Shop, mut dice: Dice) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let mut clock = tokio::time::interval(EVERY);
        loop {
            clock.tick().await;
            shop.walk_in(dice.below(COUNT as u64));
        }
    })
}

/// Waits until every accepted order has ended, and says what is wrong with any.
async fn ended(shop: &Shop, world: &World, healed: Instant) -> Vec<String> {
    let accepted = shop.accepted();
    let (known, mut wrong) = world.found();
    wrong.extend(shop.wrong());
    let strange = known.iter().filter(|order| !accepted.contains_key(order));
    wrong.extend(strange.map(|order| format!("order {order} was never accepted and is known")));
    // The nodes answer several at a time.
    let mut looks = tokio::task::JoinSet::new();
    for (order, run) in accepted {
        while looks.len() >= 8 {
            wrong.extend(
                looks
                    .join_next()
                    .await
                    .into_iter()
                    .flat_map(|found| found.expect("a look does not panic")),
            );
        }
        let (shop, world) = (shop.clone(), world.clone());
        looks.spawn(async move {
            let mut wrong = run_ended(&shop, order, &run, healed).await;
            wrong.extend(judge::order(order, &run, &world.seen(order)));
            wrong
        });
    }
    for found in looks.join_all().await {
        wrong.extend(found);
    }
    wrong
}

/// Waits until a run has ended, and says what is wrong with how.
async fn run_ended(shop: &Shop, order: u32, run: &str, healed: Instant) -> Vec<String> {
    let expected = judge::status(Fate::of(order));
    loop {
        let said = shop.look(order as usize % COUNT, &format!("/api/runs/{run}")).await;
        let said = said.unwrap_or_default();
        if !said["ended_at"].is_null() || healed.elapsed() > DRAIN {
            let wrong = format!("order {order} is not {expected}: {said}");
            return if said["status"] == expected { Vec::new() } else { vec![wrong] };
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// I44 and I4: what the storm opened is closed, and nobody has to look after anything.
async fn nothing_is_left(nodes: &Nodes, shop: &Shop, files: &[usize], memory: &[u64]) {
    let letters = shop.look(0, "/api/dead-letters").await.unwrap_or_default();
    assert_eq!(letters["items"], serde_json::json!([]), "a person would have to look");
    let begun = Instant::now();
    let most = CONNECTIONS * COUNT as u32;
    // Connections to services and callers are kept for a while.
    loop {
        let held: Vec<Held> = (0..COUNT).map(|node| nodes.held(node)).collect();
        let open: u32 = (0..COUNT).map(|node| nodes.wire(node).open()).sum();
        let (backends, stuck) = (nodes.backends(None), nodes.backends(Some("idle in transaction")));
        // Before the first order a node has not opened its pool yet.
        let more = |(now, then): (&Held, &usize)| now.files > then + CONNECTIONS as usize + 4;
        let leaks = held.iter().zip(files).any(more);
        if !leaks && open <= most && backends <= most && stuck == 0 {
            println!(
                "before: {memory:?} KB, {files:?} files; after: {held:?}; {backends} backends"
            );
            let (now, then) = (held[COUNT - 1].memory_kb, memory[COUNT - 1]);
            assert!(now < then * 2 + 32 * 1024, "it keeps memory: {then} KB, then {now} KB");
            return;
        }
        let late = begun.elapsed() > Duration::from_secs(40);
        assert!(
            !late,
            "left behind: {held:?} (before: {files:?}), {open} wires, {backends} backends, {stuck} \
             idle in a transaction"
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

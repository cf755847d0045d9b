//! `concurrency`: how many runs are in flight, who is next, and what crashes may not change about it.

use super::program::{Program, S, pivot, step, write};
use super::shards::Town;
use super::world::{World, crash_everywhere};
use crate::journal::Happened;
use crate::run::ClaimClass;
use crate::shard::{Act, Answer};
use crate::status::Status;
use std::collections::BTreeMap;

fn program(limits: &[u32]) -> Program {
    let body = vec![step("a").s(), S::Sleep { at: "s", ms: 5 }, pivot("b").s()];
    let program = Program::new(body).after(vec![write("tell").s()]);
    program.with(|spec| spec.concurrency = limits.to_vec())
}

/// How many runs are in flight, by class, and whether any of them has begun before its turn.
pub(super) fn in_flight(town: &Town) -> BTreeMap<ClaimClass, u32> {
    let mut counts = BTreeMap::new();
    for one in &town.all {
        for (_, state) in one.shard.runs() {
            let claims = &state.head().claims;
            // Nobody is called before.
            let begun = state.fibers().values().any(|fiber| fiber.call().is_some());
            assert!(!begun || claims.iter().all(|claim| claim.granted), "it began before its turn");
            for claim in claims.iter().filter(|claim| claim.granted) {
                *counts.entry(claim.class.clone()).or_default() += 1;
            }
        }
    }
    counts
}

/// Orders of three customers, one of whom has most of them.
const ORDERS: [&str; 10] = ["A@x", "B@x", "C@y", "D@x", "E@z", "F@x", "G@y", "H@x", "I@x", "J@x"];

/// Answers how many were in flight at most, by clause.
fn storm(seed: u64, crashes: usize, cancels: bool) -> BTreeMap<u32, u32> {
    let limits = [2, 3];
    let mut town = Town::new(&[program(&limits).arc()], seed, crashes);
    let mut most = BTreeMap::new();
    let watch = |town: &Town, most: &mut BTreeMap<u32, u32>| {
        for (class, count) in in_flight(town) {
            let limit = limits[class.clause as usize];
            assert!(count <= limit, "seed {seed}: {count} runs are in flight in {class:?}");
            let seen = most.entry(class.clause).or_default();
            *seen = count.max(*seen);
        }
    };
    let mut cancelled = 0;
    for order in ORDERS {
        let run = town.start(order);
        for _ in 0..town.numbers.below(20) {
            town.step();
            watch(&town, &mut most);
        }
        // Some are given up, wherever they stand.
        if cancels && town.numbers.below(3) == 0 {
            town.cancel(run);
            cancelled += 1;
        }
    }
    for left in (0..20_000).rev() {
        if left == 19_500 {
            town.crashes = 0;
        }
        if !town.step() {
            let now = town.time();
            let due = town.all.iter().filter_map(|one| one.shard.next_due()).min();
            let Some(due) = due else { break };
            assert!(due.since(now) < 10_000, "seed {seed}: it never comes to rest");
        }
        watch(&town, &mut most);
        assert!(left > 0, "seed {seed}: it never comes to rest");
    }
    let statuses = town.statuses();
    let count = |status: &str| statuses.get(status).copied().unwrap_or(0);
    let (completed, given_up) = (count("shop.Order completed"), count("shop.Order cancelled"));
    assert_eq!(completed + given_up, ORDERS.len(), "seed {seed}: {statuses:?}");
    assert!(given_up <= cancelled, "seed {seed}: {statuses:?}");
    assert_eq!(town.count("b"), completed, "seed {seed}: who was given up did not come so far");
    assert_eq!(town.count("tell"), given_up, "seed {seed}: each was told of once");
    assert!(in_flight(&town).is_empty());
    town.crashes = 0;
    town.tidy();
    most
}

#[test]
fn a_class_never_has_more_runs_in_flight_than_its_limit_over_all_shards() {
    let mut most: BTreeMap<u32, u32> = BTreeMap::new();
    for (clause, count) in (0..200).flat_map(|seed| storm(seed, 0, false)) {
        let seen = most.entry(clause).or_default();
        *seen = count.max(*seen);
    }
    assert_eq!(most, [(0, 2), (1, 3)].into(), "the limits are used up");
}

#[test]
fn its_limit_holds_and_everybody_comes_to_their_turn_when_shards_lose_their_memory() {
    for seed in 0..400 {
        storm(seed, 6 + usize::try_from(seed % 20).unwrap_or(0), seed % 2 == 0);
    }
}

fn queued(limit: u32) -> World {
    World::new(program(&[limit]).arc())
}

#[test]
fn who_came_first_is_in_flight_first_and_the_others_wait() {
    let mut world = queued(1);
    let orders = ["A@x", "B@x", "C@x", "D@y"];
    let runs = orders.map(|order| world.start_as(order));
    assert_eq!(world.status(runs[0]), Status::Running);
    assert_eq!(world.status(runs[1]), Status::Waiting);
    assert_eq!(world.status(runs[3]), Status::Running, "another customer's is a class of its own");
    world.settle();
    let dequeued = |run| {
        let records = world.records(run);
        let turn = records.iter().find(|record| record.happened.contains(&Happened::Dequeued));
        turn.map(|record| record.at)
    };
    let ended = |run| world.records(run).last().map(|record| record.at);
    assert!(dequeued(runs[1]) >= ended(runs[0]), "one at a time");
    assert!(dequeued(runs[2]) >= ended(runs[1]), "in the order in which they came");
    assert!(runs.iter().all(|run| world.status(*run) == Status::Completed));
}

#[test]
fn a_run_that_is_cancelled_while_it_waits_does_nothing_before_its_turn() {
    let mut world = queued(1);
    let [first, second, third] = ["A@x", "B@x", "C@x"].map(|order| world.start_as(order));
    assert_eq!(world.operate(second, Act::Cancel), Answer::Done);
    assert_eq!(world.status(second), Status::Closing);
    world.restart();
    world.settle();
    let statuses = [first, second, third].map(|run| world.status(run));
    assert_eq!(statuses, [Status::Completed, Status::Cancelled, Status::Completed]);
    let calls = ["a", "b", "tell", "a", "b"];
    assert_eq!(world.effects(), calls, "whoever is told of it is told in its turn");
}

#[test]
fn who_waits_comes_to_its_turn_though_the_program_has_no_such_clause_any_more() {
    for seed in 0..50 {
        let mut town = Town::new(&[program(&[1]).arc()], seed, 0);
        for order in ORDERS {
            town.start(order);
        }
        town.steps(30);
        town.serve(&[program(&[]).arc()]);
        while town.step() || town.all.iter().any(|one| one.shard.next_due().is_some()) {
            town.time();
        }
        let ended = [("shop.Order completed".to_owned(), ORDERS.len())];
        assert_eq!(town.statuses(), ended.into(), "seed {seed}");
    }
}

#[test]
fn a_deadline_counts_from_the_turn_of_a_run_and_not_from_its_start() {
    let with = program(&[1]).with(|spec| spec.deadline_ms = Some(1_000));
    let mut world = World::new(with.arc());
    let [first, second] = ["A@x", "B@x"].map(|order| world.start_as(order));
    world.operate(first, Act::Pause);
    world.pass(900);
    assert_eq!(world.status(second), Status::Waiting);
    world.operate(first, Act::Terminate);
    world.pass(900);
    world.settle();
    assert_eq!(world.status(second), Status::Completed);
}

#[test]
fn turns_survive_a_crash_at_any_place() {
    crash_everywhere(|| {
        let mut world = queued(1);
        for order in ["A@x", "B@x", "C@x"] {
            world.start_as(order);
        }
        world
    });
}

//! `limit`: who starts when, and what crashes may not change about it.

use super::program::{Program, S, pivot, step, write};
use super::shards::{SHARDS, Town, now};
use super::world::{World, crash_everywhere};
use crate::codegen::LimitSpec;
use crate::id::{RunId, ShardId};
use crate::journal::{self, Happened, Record};
use crate::port::Store;
use crate::shard::{Act, Answer};
use crate::status::Status;
use crate::time::Time;
use std::collections::BTreeMap;

fn program(limits: &[(u32, i64)], concurrency: &[u32]) -> Program {
    let body = vec![step("a").s(), S::Sleep { at: "s", ms: 5 }, pivot("b").s()];
    let program = Program::new(body).after(vec![write("tell").s()]);
    let limit =
        |(calls, window_ms): &(u32, i64)| LimitSpec { calls: *calls, window_ms: *window_ms };
    program.with(|spec| {
        spec.limits = limits.iter().map(limit).collect();
        spec.concurrency = concurrency.to_vec();
    })
}

fn limited(calls: u32, window_ms: i64) -> World {
    World::new(program(&[(calls, window_ms)], &[]).arc())
}

/// When a run was let in, of those that were.
fn let_in(world: &World, run: RunId) -> Option<Time> {
    let records = world.records(run);
    records.iter().find(|one| one.happened.contains(&Happened::Dequeued)).map(|one| one.at)
}

fn waits(world: &World, runs: &[RunId]) -> Vec<bool> {
    runs.iter().map(|run| world.status(*run) == Status::Waiting).collect()
}

#[test]
fn who_starts_beyond_the_limit_waits_and_nobody_else_does() {
    let mut world = limited(2, 1_000);
    let hot: Vec<_> = ["A@x", "B@x", "C@x", "D@x", "E@x"].map(|o| world.start_as(o)).into();
    let cold = world.start_as("F@y");
    let begun = world.now;
    assert_eq!(waits(&world, &hot), [false, false, true, true, true]);
    assert_eq!(let_in(&world, cold), Some(begun), "another key has its own");
    let queued = Happened::Queued { limit: 2, window_ms: Some(1_000), key: "\"x\"".into() };
    assert!(world.happened(hot[4]).contains(&queued));
    world.settle();
    let after = |run: &RunId| let_in(&world, *run).map(|at| at.since(begun));
    let times: Vec<_> = hot.iter().map(after).collect();
    let expected = [0, 0, 500, 1_000, 1_500].map(Some);
    assert_eq!(times, expected, "in the order in which they came, each as soon as it may");
    assert!(hot.iter().chain([&cold]).all(|run| world.status(*run) == Status::Completed));
}

#[test]
fn a_start_that_was_counted_is_counted_after_a_crash_and_after_a_checkpoint_too() {
    for checkpoint in [false, true] {
        let mut world = limited(2, 86_400_000);
        let first = ["A@x", "B@x"].map(|order| world.start_as(order));
        world.settle();
        assert!(first.iter().all(|run| world.status(*run) == Status::Completed));
        for _ in 0..3 {
            if checkpoint {
                let out = world.shard.checkpoint(world.now);
                world.finish(out);
            }
            world.restart();
        }
        let begun = let_in(&world, first[0]).expect("it was let in");
        let third = world.start_as("C@x");
        assert_eq!(world.status(third), Status::Waiting, "its window is half a day away");
        world.settle();
        let waited = let_in(&world, third).expect("it was let in").since(begun);
        assert_eq!(waited, 43_200_000, "with a checkpoint: {checkpoint}");
    }
}

#[test]
fn a_bucket_that_is_full_again_is_kept_nowhere() {
    let mut world = limited(1, 1_000);
    world.start_as("A@x");
    world.settle();
    world.pass(2_000);
    for _ in 0..2 {
        let out = world.shard.checkpoint(world.now);
        assert_eq!(out.batch.rows.len(), 0, "nothing but the position is written");
        world.finish(out);
    }
}

#[test]
fn a_run_that_is_cancelled_while_it_waits_does_nothing_before_its_turn() {
    let mut world = limited(1, 1_000);
    let [first, second, third] = ["A@x", "B@x", "C@x"].map(|order| world.start_as(order));
    assert_eq!(world.operate(second, Act::Cancel), Answer::Done);
    assert_eq!(world.status(second), Status::Closing);
    world.run_calls();
    assert!(!world.effects().contains(&"tell"));
    world.restart();
    world.settle();
    let statuses = [first, second, third].map(|run| world.status(run));
    assert_eq!(statuses, [Status::Completed, Status::Cancelled, Status::Completed]);
}

#[test]
fn another_number_counts_at_once_for_those_who_wait_and_what_was_let_in_stays_counted() {
    let mut town = Town::new(&[program(&[(1, 86_400_000)], &[]).arc()], 3, 0);
    let runs = ["A@x", "B@x", "C@x", "D@x"].map(|order| town.start(order));
    town.settle();
    assert_eq!(times(&town, &runs).len(), 1);
    town.serve(&[program(&[(2, 10_000)], &[]).arc()]);
    rest(&mut town);
    assert_eq!(times(&town, &runs).len(), 4, "a day is over in seconds");
    let mut gone = Town::new(&[program(&[(1, 10_000)], &[]).arc()], 4, 0);
    let runs = ["A@x", "B@x", "C@x"].map(|order| gone.start(order));
    gone.serve(&[program(&[], &[]).arc()]);
    rest(&mut gone);
    let times = times(&gone, &runs);
    assert!(times[1].since(times[0]) >= 10_000 - LATE, "who waits is let in as it was promised");
}

#[test]
fn a_run_waits_for_its_limit_before_it_takes_a_place_from_others() {
    let mut world = World::new(program(&[(1, 60_000)], &[1]).arc());
    let [hot, waiting] = ["A@x", "B@x"].map(|order| world.start_as(order));
    world.settle_for(1_000);
    let other = world.start_as("C@y");
    world.settle_for(1_000);
    let statuses = [hot, waiting, other].map(|run| world.status(run));
    assert_eq!(statuses, [Status::Completed, Status::Waiting, Status::Completed]);
    world.settle();
    assert_eq!(world.status(waiting), Status::Completed);
}

#[test]
fn starts_survive_a_crash_at_any_place() {
    crash_everywhere(|| {
        let mut world = limited(1, 1_000);
        for order in ["A@x", "B@x", "C@x"] {
            world.start_as(order);
        }
        world
    });
}

/// Orders of three customers, one of whom has most of them.
const ORDERS: [&str; 10] = ["A@x", "B@x", "C@y", "D@x", "E@z", "F@x", "G@y", "H@x", "I@x", "J@x"];

/// How long a start may be on its way between two shards here, at most.
const LATE: i64 = 2_000;

/// When runs were let in, of those that were, in order.
fn times(town: &Town, runs: &[RunId]) -> Vec<Time> {
    let of = |run: &RunId| {
        let rows = now(town.store.history(*run, 0, 100)).expect("its history");
        let records =
            rows.iter().map(|row| journal::decode::<Record>(&row.body).expect("a record"));
        let mut turns = records.filter(|one| one.happened.contains(&Happened::Dequeued));
        let turn = turns.next().map(|record| record.at);
        assert!(turns.next().is_none(), "its turn comes once");
        turn
    };
    let mut all: Vec<_> = runs.iter().filter_map(of).collect();
    all.sort();
    all
}

/// Goes on until nothing is left to do, whatever time that takes.
fn rest(town: &mut Town) {
    for left in (0..60_000).rev() {
        if left == 59_000 {
            town.crashes = 0;
        }
        if !town.step() {
            let due = town.all.iter().filter_map(|one| one.shard.next_due()).min();
            let Some(due) = due else { return };
            town.sleep_until(due);
        }
        assert!(left > 0, "it never comes to rest");
    }
}

fn storm(seed: u64, crashes: usize) {
    let (calls, window) = (2, 4_000);
    let mut town = Town::new(&[program(&[(calls, window)], &[]).arc()], seed, crashes);
    let mut runs: BTreeMap<&str, Vec<RunId>> = BTreeMap::new();
    for order in ORDERS {
        let run = town.start(order);
        let (_, customer) = order.split_once('@').expect("a customer");
        runs.entry(customer).or_default().push(run);
        town.steps(20);
        let shard = ShardId(u32::try_from(town.numbers.below(SHARDS as usize)).unwrap_or(0));
        match town.numbers.below(4) {
            0 => town.checkpoint(shard),
            1 if crashes > 0 => town.crash(shard),
            _ => {}
        }
    }
    rest(&mut town);
    let ended = [("shop.Order completed".to_owned(), ORDERS.len())];
    assert_eq!(town.statuses(), ended.into(), "seed {seed}");
    assert_eq!(town.count("b"), ORDERS.len(), "seed {seed}: each is done once");
    for (customer, runs) in runs {
        let times = times(&town, &runs);
        assert_eq!(times.len(), runs.len(), "seed {seed}: everybody's turn has come");
        // The home lets in at the first instant at which it may, or later; each knows it later still.
        for (at, time) in times.iter().enumerate() {
            let more = i64::try_from(at).unwrap_or(0) + 1 - i64::from(calls);
            let earliest = times[0].plus(more.max(0) * window / i64::from(calls) - LATE);
            assert!(*time >= earliest, "seed {seed}: {customer} has {times:?}");
        }
    }
    town.crashes = 0;
    town.tidy();
}

#[test]
fn a_class_lets_in_no_more_than_its_limit_over_all_shards() {
    (0..100).for_each(|seed| storm(seed, 0));
}

#[test]
fn nobody_starts_early_or_is_lost_when_shards_lose_their_memory() {
    for seed in 0..200 {
        storm(seed, 6 + usize::try_from(seed % 20).unwrap_or(0));
    }
}

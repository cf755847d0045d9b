//! `concurrency … else`: what a start gets whose class is full.

use super::concurrency::in_flight;
use super::program::{Program, S, pivot, step, write};
use super::shards::{Town, now};
use super::world::World;
use crate::codegen::Otherwise;
use crate::id::RunId;
use crate::port::Store;
use crate::shard::Answer;
use crate::status::Status;

fn program(limit: u32, otherwise: Otherwise) -> Program {
    let body = vec![step("a").s(), S::Sleep { at: "s", ms: 5 }, pivot("b").s()];
    let program = Program::new(body).after(vec![write("tell").s()]);
    program.with(|spec| (spec.concurrency, spec.otherwise) = (vec![limit], vec![otherwise]))
}

fn answer(world: &mut World, order: &str) -> Answer {
    let input = world.start_input(order);
    world.apply(input);
    world.answers.remove(&world.token).expect("an answer")
}

fn new_run(answer: &Answer) -> RunId {
    match answer {
        Answer::Started { run, new: true } => *run,
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_joins_gets_the_run_that_is_in_flight_and_leaves_nothing() {
    let mut world = World::new(program(1, Otherwise::Join).arc());
    let first = new_run(&answer(&mut world, "A@x"));
    assert_eq!(world.status(first), Status::Running, "it begins with its first record");
    let joined = Answer::Started { run: first, new: false };
    assert_eq!(answer(&mut world, "B@x"), joined);
    world.restart();
    assert_eq!(answer(&mut world, "C@x"), joined);
    new_run(&answer(&mut world, "D@y"));
    world.settle();
    assert_eq!(world.status(first), Status::Completed);
    // It has started nothing, so its key is as new.
    let later = new_run(&answer(&mut world, "B@x"));
    world.settle();
    assert_eq!(world.status(later), Status::Completed);
    assert_eq!(answer(&mut world, "A@x"), joined, "a key that has a run answers with that");
}

#[test]
fn who_is_refused_is_told_who_is_in_flight() {
    let mut world = World::new(program(2, Otherwise::Refuse).arc());
    let first = new_run(&answer(&mut world, "A@x"));
    let second = new_run(&answer(&mut world, "B@x"));
    let Answer::InFlight { run } = answer(&mut world, "C@x") else { panic!("there is no place") };
    assert!([first, second].contains(&run));
    assert_eq!(answer(&mut world, "A@x"), Answer::Started { run: first, new: false });
    world.settle();
    new_run(&answer(&mut world, "C@x"));
}

const ORDERS: [&str; 12] =
    ["A@x", "B@x", "C@y", "D@x", "E@z", "F@x", "G@y", "H@x", "I@x", "J@x", "K@y", "L@z"];

fn storm(seed: u64, crashes: usize) -> (usize, usize) {
    let limit = 1 + u32::from(seed.is_multiple_of(2));
    let mut town = Town::new(&[program(limit, Otherwise::Refuse).arc()], seed, crashes);
    let (mut admitted, mut refused) = (0, 0);
    for order in ORDERS.iter().cycle().take(30) {
        match town.try_start(order) {
            Answer::Started { .. } => admitted += 1,
            Answer::InFlight { run } => {
                refused += 1;
                let history = now(town.store.history(run, 0, 1)).expect("a history");
                assert_eq!(history.len(), 1, "seed {seed}: whoever is named is there");
            }
            other => panic!("{other:?}"),
        }
        for (class, count) in in_flight(&town) {
            assert!(count <= limit, "seed {seed}: {count} runs are in flight in {class:?}");
        }
        town.steps(12);
    }
    town.crashes = 0;
    for _ in 0..20_000 {
        if !town.step() {
            let due = town.all.iter().filter_map(|one| one.shard.next_due()).min();
            let Some(due) = due else { break };
            town.sleep_until(due);
        }
    }
    // No place was lost on the way: everybody finds one, or the run of their key.
    for order in ["M@x", "N@y", "O@z"] {
        let answer = town.try_start(order);
        assert!(matches!(answer, Answer::Started { new: true, .. }), "seed {seed}: {answer:?}");
    }
    (admitted, refused)
}

#[test]
fn a_class_never_has_more_in_flight_than_its_limit_and_loses_no_place_in_crashes() {
    let (mut admitted, mut refused) = (0, 0);
    for seed in 0..300 {
        let crashes = if seed % 3 == 0 { 0 } else { 8 + usize::try_from(seed % 20).unwrap_or(0) };
        let counts = storm(seed, crashes);
        (admitted, refused) = (admitted + counts.0, refused + counts.1);
    }
    assert!(admitted > 1_000 && refused > 100, "{admitted} {refused}");
}

//! By what runs are found: written with their first row, out of their first record.

use super::program::{Program, S, step};
use super::world::World;
use crate::codegen::Ty;
use crate::id::RunId;
use crate::limits::{INDEXED_BYTES, UNLISTED_MS};
use crate::shard::Machines;
use crate::status::Status;
use std::sync::Arc;

/// Found by `customer`, what stands behind the `@` of an order, and by `order`, the whole of it.
fn program(names: &[&str]) -> Arc<Program> {
    let body = vec![step("a").s(), S::Sleep { at: "s", ms: 60_000 }, step("b").s()];
    let indexed = names.iter().map(|name| ((*name).to_owned(), Ty::Text)).collect();
    Program::new(body).with(|spec| spec.indexed = indexed).arc()
}

fn world() -> World {
    World::new(program(&["customer", "order"]))
}

/// What was written for a run, in order.
fn written(world: &World, run: RunId) -> Vec<(&str, &str)> {
    let rows = world.store.indexed.iter().filter(|row| row.run == run);
    rows.map(|row| (row.name.as_str(), row.value.as_str())).collect()
}

const A_OF_X: [(&str, &str); 2] = [("customer", "\"x\""), ("order", "\"A@x\"")];

#[test]
fn what_finds_a_run_is_written_once_with_its_first_row() {
    let mut world = world();
    let run = world.start_as("A@x");
    assert_eq!(written(&world, run), [], "it has no row yet");
    world.pass(UNLISTED_MS);
    assert!(world.store.runs.contains_key(&run));
    assert_eq!(written(&world, run), A_OF_X);
    let out = world.shard.checkpoint(world.now);
    world.finish(out);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(written(&world, run), A_OF_X, "nothing more at its end");
}

#[test]
fn a_run_that_ends_at_once_is_found_too() {
    let body = vec![step("a").s()];
    let indexed = vec![("customer".to_owned(), Ty::Text)];
    let mut world = World::new(Program::new(body).with(|spec| spec.indexed = indexed).arc());
    let run = world.start_as("A@x");
    world.run_calls();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(written(&world, run), [("customer", "\"x\"")]);
}

#[test]
fn the_next_owner_writes_it_as_the_first_record_has_it_whatever_the_program_says_now() {
    for listed in [false, true] {
        let mut world = world();
        let run = world.start_as("A@x");
        if listed {
            world.pass(UNLISTED_MS);
        }
        let before = written(&world, run).len();
        world.machines = Machines::default();
        world.machines.add(program(&["another"]));
        world.restart();
        world.settle();
        assert_eq!(world.status(run), Status::Completed);
        assert_eq!(written(&world, run)[before..], A_OF_X, "had a row: {listed}");
    }
}

#[test]
fn it_comes_back_with_a_snapshot_behind_which_the_first_record_is_not_read() {
    let mut world = world();
    let run = world.start_as("A@x");
    for _ in 0..2 {
        let out = world.shard.checkpoint(world.now);
        world.finish(out);
        world.pass(1_000);
    }
    let out = world.shard.checkpoint(world.now);
    world.finish(out);
    assert!(world.store.checkpoint > 0, "its first record is not in the tail");
    world.store.indexed.clear();
    world.restart();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(written(&world, run), A_OF_X);
}

#[test]
fn a_value_that_is_none_or_too_long_finds_nothing_and_others_do() {
    let mut world = world();
    // Two bytes are its quotes.
    let [fits, long] = [INDEXED_BYTES - 2, INDEXED_BYTES - 1].map(|length| "y".repeat(length));
    let runs = ["B".to_owned(), fits.clone(), long].map(|order| world.start_as(&order));
    world.pass(UNLISTED_MS);
    assert_eq!(written(&world, runs[0]), [("order", "\"B\"")], "it has no customer");
    assert_eq!(written(&world, runs[1]), [("order", format!("\"{fits}\"").as_str())]);
    assert_eq!(written(&world, runs[2]), []);
    assert!(runs.iter().all(|run| world.store.runs.contains_key(run)), "all of them are listed");
}

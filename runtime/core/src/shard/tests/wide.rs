//! Runs with many branches: what they cost grows with their number, not with its square.
//!
//! Counted is how many fibers are looked at, and how many bytes are recorded: both are the same on
//! every machine.

use super::program::{S, step, write};
use super::world::{Play, World};
use crate::run::visits;
use crate::shard::Act;
use crate::status::Status;

/// The order in which the branches are answered.
#[derive(Clone, Copy)]
enum Answers {
    InOrder,
    LastFirst,
}

fn wide(branches: usize, max: Option<u32>) -> World {
    let name = |index| Box::leak(format!("b{index}").into_boxed_str());
    let branches = (0..branches).map(|index| vec![step(name(index)).s()]).collect();
    let fork = S::Fork { at: "all", branches, max, settle: false };
    let mut world = World::of(vec![fork, write("last").s()]).play("last", &[Play::Ok]);
    world.unchecked = true;
    world
}

/// Fibers looked at and bytes recorded, for each branch.
fn each(branches: usize, play: impl FnOnce(World)) -> u64 {
    visits::take();
    let world = wide(branches, None);
    play(world);
    visits::take() / branches as u64
}

/// What `play` costs for each of a few branches and of many is about the same.
fn assert_linear(what: &str, play: impl Fn(World)) {
    let (few, many) = (each(100, &play), each(2_000, &play));
    assert!(many <= few + few / 2, "{what}: {few} of 100 branches each, {many} of 2,000");
}

fn answer_all(world: &mut World, order: Answers) {
    if matches!(order, Answers::LastFirst) {
        world.pending.make_contiguous().reverse();
    }
    world.run_calls();
}

fn bytes(world: &World) -> usize {
    world.store.rows.iter().map(|row| row.body.len()).sum()
}

#[test]
fn a_fork_looks_at_each_of_its_branches_a_bounded_number_of_times() {
    for order in [Answers::InOrder, Answers::LastFirst] {
        assert_linear("fork and join", |mut world| {
            let run = world.start();
            answer_all(&mut world, order);
            assert_eq!(world.status(run), Status::Completed);
        });
    }
}

#[test]
fn a_bounded_fork_looks_at_each_of_its_branches_a_bounded_number_of_times() {
    for max in [10, 100_000] {
        let each = |branches: usize| {
            let mut world = wide(branches, Some(max));
            visits::take();
            let run = world.start();
            world.run_calls();
            assert_eq!(world.status(run), Status::Completed);
            visits::take() / branches as u64
        };
        let (few, many) = (each(100), each(2_000));
        assert!(many <= few + few / 2, "max {max}: {few} of 100 branches each, {many} of 2,000");
    }
}

#[test]
fn the_undo_of_a_fork_looks_at_each_of_its_branches_a_bounded_number_of_times() {
    assert_linear("undo", |world| {
        let mut world = world.play("last", &[]);
        world.script.insert("last".to_owned(), [Play::Failed("Declined")].into());
        let run = world.start();
        world.run_calls();
        assert_eq!(world.status(run), Status::Failed);
        assert_eq!(world.undone.len(), world.applied.len() / 2);
    });
}

#[test]
fn the_cancel_of_a_fork_looks_at_each_of_its_branches_a_bounded_number_of_times() {
    assert_linear("cancel", |mut world| {
        let run = world.start();
        for _ in 0..world.pending.len() / 2 {
            world.answer_one();
        }
        world.operate(run, Act::Cancel);
        world.run_calls();
        assert_eq!(world.status(run), Status::Cancelled);
    });
}

#[test]
fn the_recovery_of_a_fork_looks_at_each_of_its_branches_a_bounded_number_of_times() {
    assert_linear("recovery", |mut world| {
        let run = world.start();
        for _ in 0..world.pending.len() / 2 {
            world.answer_one();
        }
        world.restart();
        answer_all(&mut world, Answers::LastFirst);
        assert_eq!(world.status(run), Status::Completed);
    });
}

#[test]
fn a_bounded_fork_records_each_of_its_branches_a_bounded_number_of_times() {
    let each = |branches: usize| {
        let mut world = wide(branches, Some(10));
        let run = world.start();
        world.run_calls();
        assert_eq!(world.status(run), Status::Completed);
        bytes(&world) / branches
    };
    let (few, many) = (each(100), each(2_000));
    assert!(many <= few + few / 2, "{few} bytes of 100 branches each, {many} of 2,000");
}

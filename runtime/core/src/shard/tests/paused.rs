//! A paused node records what it is told, sends nothing and lets no time pass for its runs.

use super::program::{S, step};
use super::world::{Play, World};
use crate::shard::{Act, Answer};
use crate::status::Status;

/// Restarts as a paused node, or as one that is not.
fn restart(world: &mut World, paused: bool) {
    world.paused = paused;
    world.restart();
}

#[test]
fn a_paused_node_sends_nothing_and_the_next_one_goes_on() {
    let body = vec![step("a").s(), S::Sleep { at: "s", ms: 60_000 }, step("b").s()];
    let mut world = World::of(body).play("a", &[Play::Silent]);
    let run = world.start();
    world.run_calls();
    restart(&mut world, true);
    let other = world.start_as("o-2");
    world.pass(600_000);
    assert_eq!(world.shard.next_due(), None, "no timer is set");
    world.settle();
    assert_eq!(world.sends.len(), 1, "only what was sent before");
    restart(&mut world, false);
    world.settle();
    for run in [run, other] {
        assert_eq!(world.status(run), Status::Completed);
    }
    assert_eq!(world.effects().len(), 4, "every effect once: {:?}", world.effects());
}

#[test]
fn a_cancel_that_a_paused_node_takes_is_carried_out_by_the_next() {
    let body = vec![step("a").s(), S::Sleep { at: "s", ms: 60_000 }];
    let mut world = World::of(body);
    let run = world.start();
    world.run_calls();
    restart(&mut world, true);
    assert_eq!(world.operate(run, Act::Cancel), Answer::Done);
    world.settle();
    assert_eq!(world.calls(), ["a#1"], "the undo is not sent either");
    restart(&mut world, true);
    restart(&mut world, false);
    world.settle();
    assert_eq!(world.status(run), Status::Cancelled);
    assert_eq!(world.effects(), ["a", "una"]);
}

#[test]
fn what_may_not_be_repeated_is_unknown_after_a_pause_too() {
    let mut world = World::of(vec![step("a").probed().s()]).play("a", &[Play::Applied]);
    let run = world.start();
    let send = world.pending.pop_front().expect("a call");
    world.applied.push(("a".into(), send.call.key));
    restart(&mut world, true);
    world.settle();
    assert!(world.calls().is_empty(), "not even its probe is asked");
    restart(&mut world, false);
    world.settle();
    assert_eq!(world.calls(), ["status#1"]);
    assert_eq!(world.status(run), Status::Completed);
}

#[test]
fn a_paused_node_that_is_restarted_counts_no_recovery_for_what_it_never_sent() {
    let recoveries = |world: &World, run| world.fold(run).expect("a run").head().recoveries;
    let mut world = World::of(vec![step("a").s()]).play("a", &vec![Play::Silent; 9]);
    let run = world.start();
    world.run_calls();
    // Whatever was with a service when the first process died may have killed it.
    for _ in 0..9 {
        restart(&mut world, true);
        assert_eq!(recoveries(&world, run), 1);
    }
    restart(&mut world, false);
    assert_eq!(recoveries(&world, run), 1, "what died in between had sent nothing");
}

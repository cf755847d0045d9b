//! Recoveries that are counted, runs that kill their process, and runs that cannot be run here
//! (I18, I40).

use super::program::{Program, S, step};
use super::world::{Play, World};
use crate::limits::RECOVERIES;
use crate::limits::UNLISTED_MS;
use crate::shard::{Act, Answer};
use crate::status::Status;

#[test]
fn a_poisoned_run_can_be_cancelled_and_is_undone() {
    let mut world = World::of(vec![step("x").s(), step("a").s()]);
    let run = world.start();
    world.answer_one();
    for _ in 0..=RECOVERIES {
        world.restart();
    }
    assert_eq!(world.status(run), Status::Parked);
    world.operate(run, Act::Cancel);
    world.settle();
    assert_eq!(world.status(run), Status::Cancelled);
    assert_eq!(world.effects(), ["x", "una", "unx"], "what may have happened is undone");
    assert!(world.open_items("dead_letter").is_empty());
}

#[test]
fn nothing_of_a_poisoned_run_goes_on_beside_the_step_that_poisons() {
    let branches = vec![vec![step("a").s()], vec![S::Sleep { at: "s", ms: 60_000 }, step("b").s()]];
    let mut world = World::of(vec![super::program::fork("both", branches)]);
    let run = world.start();
    for _ in 0..=RECOVERIES {
        world.restart();
    }
    world.settle();
    assert_eq!(world.status(run), Status::Parked);
    assert!(world.calls().is_empty(), "it is set aside altogether");
    assert_eq!(world.operate(run, Act::Retry(None)), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
}

#[test]
fn what_recovery_decides_by_itself_is_no_outcome() {
    let mut world = World::of(vec![step("a").probed().s()]);
    let run = world.start();
    world.restart();
    assert_eq!(world.fold(run).expect("a run").head().recoveries, 1);
}

#[test]
fn a_call_that_a_service_has_accepted_counts_no_recovery() {
    let long = step("a").with(|spec| spec.within_ms = 86_400_000);
    let mut world = World::of(vec![long.s()]).play("a", &[Play::Silent]);
    let run = world.start();
    let ticket = world.pending[0].ticket;
    world.answer_one();
    world.apply(crate::shard::Input::Accepted(ticket));
    for _ in 0..10 {
        world.restart();
    }
    assert_eq!(world.status(run), Status::Running, "nothing of it was in this process");
}

#[test]
fn a_run_without_its_machine_can_be_terminated() {
    let program = Program::new(vec![step("a").s(), step("b").s()]).arc();
    let mut world = World::new(program);
    let run = world.start();
    world.answer_one();
    world.machines = crate::shard::Machines::default();
    world.restart();
    assert_eq!(world.operate(run, Act::Terminate), Answer::Done);
    assert_eq!(world.status(run), Status::Cancelled);
    assert_eq!(world.open_items("dead_letter").len(), 2, "a is not undone, b is unknown");
}

#[test]
fn a_run_without_its_machine_takes_a_cancel_and_unwinds_when_the_machine_is_there() {
    let program = Program::new(vec![step("a").s(), step("b").s()]).arc();
    let mut world = World::new(program.clone());
    let run = world.start();
    world.answer_one();
    let machines = std::mem::take(&mut world.machines);
    world.restart();
    assert_eq!(world.store.runs[&run].status, "parked", "an absent version parks");
    assert_eq!(world.operate(run, Act::Cancel), Answer::Pending);
    world.restart();
    world.machines = machines;
    let out = world.shard.register(world.now, program);
    world.finish(out);
    world.settle();
    assert_eq!(world.status(run), Status::Cancelled);
    assert_eq!(world.effects(), ["a", "b", "unb", "una"]);
}

#[test]
fn a_run_that_was_parked_for_its_machine_is_shown_running_when_it_is_there() {
    let program = Program::new(vec![S::Sleep { at: "s", ms: 60_000 }, step("a").s()]).arc();
    let mut world = World::new(program.clone());
    let run = world.start();
    let machines = std::mem::take(&mut world.machines);
    world.restart();
    assert_eq!(world.store.runs[&run].status, "parked");
    world.machines = machines;
    let out = world.shard.register(world.now, program);
    world.finish(out);
    assert_eq!(world.store.runs[&run].status, "waiting");
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
}

#[test]
fn a_damaged_run_can_be_terminated_and_recovery_reads_no_more_of_it() {
    let mut world = World::of(vec![step("a").s(), step("b").s()]);
    let run = world.start();
    world.store.rows[0].body[30] ^= 1;
    world.restart_damaged(1);
    assert_eq!(world.operate(run, Act::Terminate), Answer::Done);
    assert_eq!(world.store.runs[&run].status, "cancelled");
    assert!(world.open_items("dead_letter").is_empty());
    let out = world.shard.checkpoint(world.now);
    world.finish(out);
    assert!(world.store.checkpoint > 1, "its rows hold the checkpoint back no longer");
    world.store.checkpoint = 0;
    world.restart_damaged(0);
}

#[test]
fn a_run_that_began_since_the_last_checkpoint_is_left_to_its_records() {
    let mut world = World::of(vec![step("a").s(), step("b").s()]);
    let before = world.store.checkpoint;
    let run = world.start();
    let checkpoint = |world: &mut World| {
        let out = world.shard.checkpoint(world.now);
        world.finish(out);
    };
    checkpoint(&mut world);
    let held = |world: &World| world.store.runs.get(&run).is_some_and(|row| row.snapshot.is_some());
    assert!(!held(&world) && world.shard.left_out());
    assert_eq!(world.store.checkpoint, before, "its first record is read again");
    world.restart();
    assert_eq!(world.pending.len(), 1, "it goes on from its records");

    let other = world.start_as("o-other");
    checkpoint(&mut world);
    assert!(held(&world), "it is not new any more");
    assert!(world.store.runs.get(&other).is_none_or(|row| row.snapshot.is_none()));
    let between = world.store.checkpoint;
    assert!(between > before && world.shard.left_out());
    checkpoint(&mut world);
    assert!(world.store.checkpoint > between && !world.shard.left_out());
    world.restart();
    world.settle();
    assert_eq!([world.status(run), world.status(other)], [Status::Completed; 2]);
}

#[test]
fn from_its_third_recovery_on_a_run_starts_alone() {
    let mut world = World::of(vec![step("a").s(), step("b").s()]);
    let runs: Vec<_> = (0..3).map(|n| world.start_as(&format!("o-{n}"))).collect();
    assert_eq!(world.pending.len(), 3);
    world.restart();
    world.restart();
    assert_eq!(world.pending.len(), 3, "twice they are sent together");
    world.restart();
    assert_eq!(world.pending.len(), 1, "then one after the other");
    let counts = |world: &World| -> Vec<u32> {
        runs.iter().map(|run| world.fold(*run).expect("a run").head().recoveries).collect()
    };
    let mut sorted = counts(&world);
    sorted.sort_unstable();
    assert_eq!(sorted, [2, 2, 3], "only the one that was started is counted");
    // Kills from outside hit each in turn.
    world.restart();
    world.restart();
    assert_eq!(counts(&world), [3, 3, 3]);
    // One kills its process again and again, until it is set aside; it has gone last since.
    let killer = runs[1];
    while world.status(killer) != Status::Parked {
        while world.pending[0].ticket.run != killer {
            world.answer_one();
        }
        world.restart();
    }
    assert_eq!(world.fold(killer).expect("a run").head().recoveries, RECOVERIES + 1);
    world.settle();
    assert_eq!(world.status(killer), Status::Parked);
    let done = runs.iter().filter(|run| world.status(**run) == Status::Completed).count();
    assert_eq!(done, 2, "the others are not harmed");
}

#[test]
fn a_hand_over_in_good_order_counts_nothing() {
    let mut world = World::of(vec![step("a").s()]);
    let run = world.start();
    for _ in 0..=RECOVERIES {
        let out = world.shard.hand_over(world.now);
        world.finish(out);
        world.restart();
    }
    assert_eq!(world.fold(run).expect("a run").head().recoveries, 0);
    world.restart();
    assert_eq!(world.fold(run).expect("a run").head().recoveries, 1, "a crash does");
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
}

#[test]
fn a_suspect_rests_altogether_until_its_turn() {
    let branches = vec![vec![step("a").s()], vec![S::Sleep { at: "s", ms: 1_000 }, step("b").s()]];
    let mut world = World::of(vec![super::program::fork("both", branches)]);
    let runs: Vec<_> = (0..2).map(|n| world.start_as(&format!("o-{n}"))).collect();
    for _ in 0..3 {
        world.restart();
    }
    world.pass(2_000);
    let owners: std::collections::BTreeSet<_> =
        world.pending.iter().map(|send| send.ticket.run).collect();
    assert_eq!(owners.len(), 1, "no timer moves the one that waits");
    world.settle();
    for run in runs {
        assert_eq!(world.status(run), Status::Completed);
    }
}

#[test]
fn a_run_that_ends_soon_writes_one_row_and_one_that_does_not_is_listed_soon() {
    let mut world = World::of(vec![step("a").s(), step("b").s()]);
    let run = world.start();
    assert!(!world.store.runs.contains_key(&run), "it may end at once");
    world.settle();
    assert_eq!(world.store.runs[&run].status, "completed");
    let slow = world.start_as("slow");
    world.pass(UNLISTED_MS - 1);
    assert!(!world.store.runs.contains_key(&slow));
    let due = world.shard.next_due();
    assert_eq!(due, Some(world.now.plus(1)), "it is the next thing to do");
    world.pass(1);
    assert_eq!(world.store.runs[&slow].status, "running");
    assert_ne!(world.shard.next_due(), due, "once is enough");
}

#[test]
fn a_run_without_a_row_is_recovered_by_its_first_record() {
    let mut world = World::of(vec![step("a").s(), step("b").s()]);
    let run = world.start();
    world.restart();
    assert_eq!(world.store.runs[&run].status, "running", "from then on it is listed");
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
}

#[test]
fn a_run_without_a_row_that_ended_behind_a_damaged_record_is_left_in_peace() {
    let mut world = World::of(vec![step("a").s(), step("b").s()]);
    let run = world.start();
    world.settle();
    let mine: Vec<_> =
        (0..world.store.rows.len()).filter(|at| world.store.rows[*at].run == Some(run)).collect();
    assert!(mine.len() > 2);
    world.store.rows[mine[1]].body[30] ^= 1;
    world.restart_damaged(0);
    assert_eq!(world.store.runs[&run].status, "completed");
    assert!(world.open_items("dead_letter").is_empty());
}

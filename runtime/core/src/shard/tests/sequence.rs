//! Sequences: attempts, undo, recovery.

use super::program::{On, Program, S, asking, pivot, read, retry, step, write};
use super::world::{Crash, Play, World, crash_everywhere};
use crate::journal::Happened;
use crate::shard::{Input, Notice};
use crate::status::Status;

fn three() -> Vec<S> {
    vec![step("a").s(), step("b").s(), step("c").s()]
}

#[test]
fn a_run_of_k_effects_writes_k_plus_one_records() {
    let mut world = World::of(three());
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["a", "b", "c"]);
    assert_eq!(world.records(run).len(), 4);
    assert!(world.shard.run(run).is_none(), "an ended run leaves memory");
}

#[test]
fn quick_reads_in_a_row_ride_in_the_next_record() {
    let body = vec![read("x").s(), read("y").s(), step("a").s(), read("z").s()];
    let mut world = World::of(body);
    let run = world.start();
    world.settle();
    assert_eq!(world.effects(), ["x", "y", "a", "z"]);
    // The start with x, the result of y with the intent of a, the result of a, the end.
    assert_eq!(world.records(run).len(), 4);
}

#[test]
fn undo_runs_in_reverse_order_and_the_declared_error_is_not_undone() {
    let make = || World::of(three()).play("c", &[Play::Failed("Declined")]);
    let mut world = make();
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    assert_eq!(world.effects(), ["a", "b", "unb", "una"]);
    let forward = world.keys_of("b")[0].to_owned();
    let undo = world.sends.iter().find(|send| send.call.action == "unb").expect("an undo");
    assert_eq!(undo.call.undoes.as_deref(), Some(&*forward));
    assert!(world.notices.iter().any(|n| matches!(n, Notice::Undoing(_))));
    crash_everywhere(make);
}

#[test]
fn the_undo_is_armed_before_the_call_so_an_unknown_first_step_is_undone() {
    for play in [Play::Applied, Play::Lost] {
        let plays = vec![play.clone(); 3];
        let mut world = World::of(three()).play("a", &plays);
        let run = world.start();
        world.settle();
        assert_eq!(world.status(run), Status::Failed);
        assert_eq!(world.calls(), ["a#1", "a#2", "a#3", "una#1"]);
    }
}

#[test]
fn an_unknown_attempt_is_asked_again_with_the_same_key() {
    let make = || World::of(three()).play("b", &[Play::Applied]);
    let mut world = make();
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.calls(), ["a#1", "b#1", "b#2", "c#1"]);
    let keys = world.keys_of("b");
    assert_eq!(keys[0], keys[1]);
    crash_everywhere(make);
}

#[test]
fn refusals_alone_leave_nothing_to_undo() {
    let mut world = World::of(three()).play("b", &[Play::Refused, Play::Refused, Play::Refused]);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    assert_eq!(world.calls(), ["a#1", "b#1", "b#2", "b#3", "una#1"]);
}

#[test]
fn a_retried_declared_error_gets_a_new_key_and_the_undo_with_it() {
    let body =
        vec![step("a").with(|spec| spec.retry.on = vec!["Declined".into()]).s(), step("b").s()];
    let make = || {
        World::of(body.clone())
            .play("a", &[Play::Failed("Declined")])
            .play("b", &[Play::Failed("Declined")])
    };
    let mut world = make();
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    let keys: Vec<_> = world.keys_of("a").into_iter().map(str::to_owned).collect();
    assert_ne!(keys[0], keys[1]);
    let undo = world.sends.iter().find(|send| send.call.action == "una").expect("an undo");
    assert_eq!(undo.call.undoes.as_deref(), Some(&*keys[1]));
    crash_everywhere(make);
}

#[test]
fn an_undo_that_needs_the_result_gets_it() {
    let make =
        || World::of(vec![asking("a").s(), step("b").s()]).play("b", &[Play::Failed("Declined")]);
    let mut world = make();
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    assert_eq!(world.effects(), ["a", "una"]);
    crash_everywhere(make);
}

#[test]
fn popping_an_ask_asks_the_forward_call_with_its_key() {
    let plays = [Play::Lost, Play::Applied, Play::Lost];
    let make = || World::of(vec![asking("a").s(), step("b").s()]).play("a", &plays);
    let mut world = make();
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    assert_eq!(world.calls(), ["a#1", "a#2", "a#3", "a#4", "una#1"]);
    let keys = world.keys_of("a");
    assert!(keys.iter().all(|key| *key == keys[0]));
    crash_everywhere(make);
}

#[test]
fn a_write_that_may_not_be_repeated_is_asked_about_by_its_probe() {
    let body = vec![step("a").probed().s(), step("b").s()];
    let mut world = World::of(body.clone()).play("a", &[Play::Applied]);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.calls(), ["a#1", "status#1", "b#1"]);

    let mut world = World::of(body).play("a", &[Play::Lost]);
    let run = world.start();
    world.settle();
    // The probe found nothing, so it never happens, and its only attempt is used.
    assert_eq!(world.status(run), Status::Failed);
    assert_eq!(world.calls(), ["a#1", "status#1"]);
}

#[test]
fn a_crash_makes_a_call_unknown_that_may_not_be_repeated() {
    let body = vec![step("a").probed().s(), step("b").s()];
    let mut world = World::of(body).play("a", &[Play::Silent]);
    let run = world.start();
    assert!(world.answer_one());
    world.restart();
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    assert_eq!(world.calls(), ["a#1", "status#1"], "the probe is the question, not the call");
}

#[test]
fn recovery_sends_the_open_attempt_again_with_its_key_and_number() {
    let mut world = World::of(three()).play("b", &[Play::Lost, Play::Silent]);
    let run = world.start();
    world.run_calls();
    world.pass(1_000);
    world.run_calls();
    world.restart();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.calls(), ["a#1", "b#1", "b#2", "b#2", "c#1"]);
    let keys = world.keys_of("b");
    assert!(keys.iter().all(|key| *key == keys[0]));
}

#[test]
fn the_counter_of_attempts_survives_a_crash_and_none_is_used_up() {
    let make = || World::of(three()).play("a", &[Play::Refused, Play::Refused, Play::Refused]);
    let mut plain = make();
    plain.start();
    plain.settle();
    for n in 1..=plain.commits {
        let mut world = make().crashing(Crash::After(n));
        let run = world.start();
        world.settle();
        assert_eq!(world.status(run), Status::Failed);
        let highest = world.sends.iter().map(|send| send.call.attempt).max();
        assert_eq!(highest, Some(3), "crash after {n}");
    }
}

#[test]
fn a_start_with_the_same_key_finds_the_run_and_another_input_is_refused() {
    let mut world = World::of(three());
    let run = world.start();
    let again = world.start_input("o-1");
    world.apply(again);
    let token = world.token;
    let answer = crate::shard::Answer::Started { run, new: false };
    assert_eq!(world.answers.get(&token), Some(&answer));
    world.settle();
    let again = world.start_input("o-1");
    world.apply(again);
    let token = world.token;
    assert_eq!(world.answers.get(&token), Some(&answer), "also when it has ended");
}

#[test]
fn a_pivot_drops_what_was_to_be_undone() {
    let body = vec![step("a").s(), pivot("p").s(), write("w").with(|s| s.retry = retry(None)).s()];
    let make = || World::of(body.clone()).play("p", &[Play::Applied, Play::Lost]);
    let mut world = make();
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["a", "p", "w"]);
    let committed = |h: &Happened| matches!(h, Happened::Committed { .. });
    assert!(world.happened(run).iter().any(committed));
    crash_everywhere(make);
}

#[test]
fn a_declined_pivot_is_an_ordinary_failure() {
    let mut world =
        World::of(vec![step("a").s(), pivot("p").s()]).play("p", &[Play::Failed("Declined")]);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    assert_eq!(world.effects(), ["a", "una"]);
}

#[test]
fn the_aftermath_runs_once_everything_is_undone() {
    let make = || {
        World::new(Program::new(three()).after(vec![write("sorry").s()]).arc())
            .play("b", &[Play::Failed("Declined")])
    };
    let mut world = make();
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    assert_eq!(world.effects(), ["a", "una", "sorry"]);
    crash_everywhere(make);
}

#[test]
fn leaving_an_unknown_step_makes_its_undo_due_beside_what_follows() {
    let body = vec![step("a").on(On::Use).s(), step("b").s()];
    let lost = [Play::Applied, Play::Lost, Play::Lost];
    let make = || World::of(body.clone()).play("a", &lost).play("una", &[Play::Refused]);
    let mut world = make();
    let run = world.start();
    world.run_calls();
    world.pass(1_000);
    world.run_calls();
    world.pass(2_000);
    world.run_calls();
    // b is done and the callers are answered, while the undo of a is refused once.
    assert_eq!(world.status(run), Status::Closing);
    assert!(world.notices.iter().any(|n| matches!(n, Notice::Reply(_))));
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["a", "b", "una"]);
    crash_everywhere(make);
}

#[test]
fn skip_keeps_the_undo_armed_on_an_unknown_outcome() {
    let body = vec![step("a").on(On::Skip).s(), step("b").s()];
    let lost = [Play::Applied, Play::Lost, Play::Lost];
    let mut world = World::of(body.clone()).play("a", &lost);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["a", "b"]);

    let mut world = World::of(body).play("a", &lost).play("b", &[Play::Failed("Declined")]);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    assert_eq!(world.effects(), ["a", "una"]);
}

#[test]
fn a_late_outcome_of_an_ended_attempt_is_refused() {
    let mut world = World::of(three());
    world.start();
    let send = world.pending.front().expect("a call").clone();
    world.run_calls();
    let result = crate::service::Attempt::Ok("late".into());
    world.token += 1;
    world.apply(Input::Outcome { ticket: send.ticket, result, token: Some(world.token) });
    assert_eq!(world.answers.get(&world.token), Some(&crate::shard::Answer::NotFound));
}

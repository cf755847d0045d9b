//! Cancel, deadline, pause, terminate, faults, manual questions, stuck undos, poison, checkpoints.

use super::program::{On, Program, S, call, pivot, retry, step, write};
use super::world::{Play, World, crash_everywhere};
use crate::codegen::{BreakerSpec, Class, Json, ServiceSpec};
use crate::limits::RECOVERIES;
use crate::shard::{Act, Actor, Answer, Resolution, TaskAct};
use crate::status::{Cause, Status};
use std::sync::atomic::Ordering;

fn operator() -> Actor {
    Actor { name: "ann".into(), roles: vec!["operator".into()], everything: false }
}

#[test]
fn cancel_unwinds_at_the_next_boundary() {
    let mut world = World::of(vec![step("a").s(), step("b").s(), step("c").s()]);
    let run = world.start();
    assert!(world.answer_one());
    assert_eq!(world.operate(run, Act::Cancel), Answer::Pending);
    world.settle();
    assert_eq!(world.status(run), Status::Cancelled);
    assert_eq!(world.effects(), ["a", "b", "unb", "una"], "a call in flight is never abandoned");
}

#[test]
fn cancel_of_a_waiting_run_is_done_at_once_and_nothing_handles_it() {
    let body = vec![step("a").s(), S::Sleep { at: "s", ms: 60_000 }];
    let mut world = World::of(body);
    let run = world.start();
    world.run_calls();
    assert_eq!(world.operate(run, Act::Cancel), Answer::Done);
    assert_eq!(world.operate(run, Act::Cancel), Answer::TooLate);
    world.settle();
    assert_eq!(world.status(run), Status::Cancelled);
}

#[test]
fn cancel_during_an_unresolved_pivot_waits_and_the_commit_wins() {
    let after = write("w").with(|spec| spec.retry = retry(None)).s();
    let mut world =
        World::of(vec![step("a").s(), pivot("p").s(), after]).play("p", &[Play::Applied]);
    let run = world.start();
    world.run_calls();
    // The first attempt is unknown, the second one in back-off: no boundary.
    assert_eq!(world.operate(run, Act::Cancel), Answer::Pending);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["a", "p", "w"]);
}

#[test]
fn cancel_during_an_unresolved_pivot_wins_if_the_pivot_fails() {
    let mut world = World::of(vec![step("a").s(), pivot("p").on(On::Use).s(), step("b").s()])
        .play("p", &[Play::Lost, Play::Failed("Declined")]);
    let run = world.start();
    world.run_calls();
    assert_eq!(world.operate(run, Act::Cancel), Answer::Pending);
    world.settle();
    assert_eq!(world.status(run), Status::Cancelled);
    assert_eq!(world.effects(), ["a", "una"], "the handler of the pivot does not run");
}

#[test]
fn a_branch_at_a_boundary_waits_while_a_cause_waits_for_a_pivot() {
    let right = vec![step("b").s(), step("c").s()];
    let body = vec![super::program::fork("both", vec![vec![pivot("p").s()], right])];
    let mut world = World::of(body).play("p", &[Play::Lost]);
    let run = world.start();
    assert!(world.answer_one());
    assert_eq!(world.operate(run, Act::Cancel), Answer::Pending);
    world.run_calls();
    assert_eq!(world.effects(), ["b"], "c is not begun");
    world.restart();
    assert!(world.pending.is_empty());
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["b", "p", "c"]);
}

#[test]
fn the_deadline_unwinds_before_the_commit_and_only_alerts_after_it() {
    let slow = vec![step("a").s(), S::Sleep { at: "s", ms: 60_000 }, step("b").s()];
    let program = Program::new(slow).with(|spec| spec.deadline_ms = Some(10_000)).arc();
    let make = || World::new(program.clone());
    let mut world = make();
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    assert_eq!(world.fold(run).expect("a run").head().cause, Some(Cause::Deadline));
    assert_eq!(world.effects(), ["a", "una"]);
    crash_everywhere(make);

    let late = vec![pivot("p").s(), S::Sleep { at: "s", ms: 60_000 }];
    let mut world =
        World::new(Program::new(late).with(|spec| spec.deadline_ms = Some(10_000)).arc());
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.fold(run).expect("a run").head().flags(), ["committed", "overdue"]);
    assert_eq!(world.operate(run, Act::Cancel), Answer::NotFound);
}

#[test]
fn a_step_deadline_ends_the_policy() {
    let slow = step("a").with(|spec| {
        spec.retry = retry(None);
        spec.deadline_ms = Some(5_000);
    });
    let mut world = World::of(vec![slow.s()]).play("a", &vec![Play::Refused; 20]);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    assert!(world.calls().len() <= 4);
    assert!(world.now.0 <= 1_005_000);
}

#[test]
fn a_fault_parks_the_run_and_a_retry_goes_on_from_the_same_frame() {
    let program = Program::new(vec![step("a").s(), S::Bug { at: "bug" }, step("b").s()]).arc();
    let mut world = World::new(program.clone());
    program.bug.store(true, Ordering::Relaxed);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Parked);
    assert_eq!(world.effects(), ["a"], "a fault undoes nothing");
    let item = world.open_items("dead_letter")[0].id.clone();
    world.restart();
    program.bug.store(false, Ordering::Relaxed);
    assert_eq!(world.operate(run, Act::Retry(Some(item.clone()))), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.calls(), ["a#1", "b#1"]);
    assert!(world.open_items("dead_letter").is_empty());
}

#[test]
fn a_broken_contract_parks_the_run_and_a_retry_asks_with_the_same_key() {
    let mut world = World::of(vec![step("a").s()]).play("a", &[Play::Fault]);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Parked);
    assert_eq!(world.operate(run, Act::Retry(None)), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    let keys = world.keys_of("a");
    assert_eq!((keys.len(), keys[0] == keys[1]), (2, true));
}

#[test]
fn a_policy_that_ends_on_a_panic_parks_and_never_unwinds() {
    let mut world = World::of(vec![step("x").s(), step("a").s()])
        .play("a", &[Play::Panic, Play::Panic, Play::Panic]);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Parked);
    assert_eq!(world.effects(), ["x", "a"]);
}

#[test]
fn an_undo_that_cannot_succeed_is_stuck_and_its_neighbours_go_on() {
    let branches = vec![vec![step("a").s(), step("b").s()], vec![step("c").s()]];
    let body = vec![super::program::fork("both", branches), step("d").s()];
    for outcome in [Resolution::Ok(Json::Null), Resolution::GiveUp, Resolution::Again] {
        let mut world = World::of(body.clone())
            .play("d", &[Play::Failed("Declined")])
            .play("unb", &[Play::Fault]);
        let run = world.start();
        world.settle();
        assert_eq!(world.status(run), Status::Undoing);
        assert!(world.effects().contains(&"unc") && !world.effects().contains(&"una"));
        world.restart();
        world.settle();
        let act = Act::Resolve { path: "b".into(), outcome: outcome.clone() };
        assert_eq!(world.operate(run, act), Answer::Done, "{outcome:?}");
        world.settle();
        assert_eq!(world.status(run), Status::Failed);
        assert!(world.effects().contains(&"una"));
        assert_eq!(world.effects().contains(&"unb"), outcome == Resolution::Again);
    }
}

#[test]
fn an_undo_that_takes_long_is_flagged_and_goes_on() {
    let mut world = World::of(vec![step("a").s(), step("b").s()])
        .play("b", &[Play::Failed("Declined")])
        .play("una", &vec![Play::Refused; 12]);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    assert_eq!(world.fold(run).expect("a run").head().flags(), ["undo_late"]);
    assert_eq!(world.effects(), ["a", "una"]);
}

#[test]
fn a_manual_answer_is_the_outcome_of_the_step() {
    let lost = [Play::Applied, Play::Lost, Play::Lost];
    let body = vec![step("a").on(On::Ask).s(), step("b").s()];
    for (answer, effects) in [
        (serde_json::json!({ "ok": "fine" }), vec!["a", "b"]),
        (serde_json::json!("again"), vec!["a", "b"]),
    ] {
        let mut world = World::of(body.clone()).play("a", &lost);
        let run = world.start();
        world.settle();
        assert_eq!(world.status(run), Status::Parked);
        world.restart();
        let item = world.open_items("task")[0].id.clone();
        let nobody = Actor { name: "bob".into(), ..Actor::default() };
        let act = || TaskAct::Answer(answer.clone());
        assert_eq!(world.act(&item, act(), nobody), Answer::Forbidden);
        assert_eq!(world.act(&item, act(), operator()), Answer::Done);
        world.settle();
        assert_eq!(world.status(run), Status::Completed);
        assert_eq!(world.effects(), effects);
        let keys = world.keys_of("a");
        assert!(keys.iter().all(|key| *key == keys[0]), "the question is about one intent");
    }
}

#[test]
fn a_manual_answer_that_it_failed_disarms_the_step() {
    let lost = [Play::Lost, Play::Lost, Play::Lost];
    let body = vec![step("x").s(), step("a").on(On::Ask).s()];
    let mut world = World::of(body).play("a", &lost);
    let run = world.start();
    world.settle();
    let item = world.open_items("task")[0].id.clone();
    let failed = TaskAct::Answer(serde_json::json!({ "failed": { "name": "Declined" } }));
    assert_eq!(world.act(&item, failed, operator()), Answer::Done);
    world.settle();
    // The handler asks again about a step that is now known not to have happened.
    assert_eq!(world.status(run), Status::Parked);
    assert_eq!(world.operate(run, Act::Cancel), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Cancelled);
    assert_eq!(world.effects(), ["x", "unx"]);
}

#[test]
fn a_step_asked_anew_after_its_declared_error_has_a_new_key_and_an_armed_undo() {
    let body = vec![step("a").on(On::Ask).s(), step("b").s()];
    let mut world = World::of(body)
        .play("a", &[Play::Failed("Declined")])
        .play("b", &[Play::Failed("Declined")]);
    let run = world.start();
    world.settle();
    world.restart();
    let item = world.open_items("task")[0].id.clone();
    let again = TaskAct::Answer(serde_json::json!("again"));
    assert_eq!(world.act(&item, again, operator()), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    assert_eq!(world.effects(), ["a", "una"]);
    let keys = world.keys_of("a");
    assert_ne!(keys[0], keys[1]);
    world.assert_undone();
}

#[test]
fn reads_in_an_endless_loop_are_recorded_from_time_to_time() {
    let at = |n: usize| -> &'static str { Box::leak(format!("r{n}").into_boxed_str()) };
    let body = (0..100).map(|n| super::program::read(at(n)).s()).collect();
    let mut world = World::of(body);
    let run = world.start();
    world.settle();
    let records = world.records(run).len();
    assert!((4..20).contains(&records), "{records}");
}

#[test]
fn a_manual_statement_takes_its_answer() {
    let mut world = World::of(vec![S::Manual { at: "m" }, step("a").s()]);
    let run = world.start();
    assert_eq!(world.status(run), Status::Parked);
    let item = world.open_items("task")[0].id.clone();
    assert_eq!(world.act(&item, TaskAct::Answer(Json::Null), operator()), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
}

#[test]
fn a_paused_run_sends_nothing_new_and_goes_on_when_resumed() {
    let mut world = World::of(vec![step("a").s(), step("b").s()]).play("a", &[Play::Lost]);
    let run = world.start();
    assert_eq!(world.operate(run, Act::Pause), Answer::Done);
    world.settle();
    assert_eq!(world.calls(), ["a#1"], "what was sent is awaited, nothing follows");
    world.restart();
    world.settle();
    assert_eq!(world.calls().len(), 1);
    assert_eq!(world.operate(run, Act::Resume), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.calls(), ["a#1", "a#2", "b#1"]);
}

#[test]
fn terminate_ends_at_once_and_what_was_not_undone_becomes_dead_letters() {
    let mut world = World::of(vec![step("a").s(), step("b").s(), S::Manual { at: "m" }]);
    let run = world.start();
    world.run_calls();
    assert_eq!(world.operate(run, Act::Terminate), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Cancelled);
    assert_eq!(world.fold(run).expect("a run").head().flags(), ["abandoned"]);
    assert_eq!(world.open_items("dead_letter").len(), 2);
    assert!(world.open_items("task").is_empty());
    assert_eq!(world.effects(), ["a", "b"]);
}

#[test]
fn an_open_breaker_uses_no_attempt() {
    let breaker = BreakerSpec { rate: None, failures: Some(2), probe_ms: 60_000 };
    let guarded = ServiceSpec { breaker: Some(breaker), limit: None };
    let program = Program::new(vec![step("a").s()]).service("Shop", guarded).arc();
    let mut world = World::new(program).play("a", &[Play::Lost, Play::Lost]);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.calls(), ["a#1", "a#2", "a#3"]);
    assert!(world.now.0 >= 1_060_000, "the third waited for the probe time");
}

#[test]
fn refused_credentials_use_no_attempt_and_open_the_breaker() {
    let mut world = World::of(vec![step("a").s()]).play("a", &vec![Play::Credentials; 4]);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert!(world.calls().iter().all(|call| call == "a#1"), "{:?}", world.calls());
}

#[test]
fn a_step_that_kills_its_process_is_set_aside() {
    let mut world = World::of(vec![step("a").s(), step("b").s()]);
    let run = world.start();
    world.answer_one();
    for _ in 0..=RECOVERIES {
        world.restart();
    }
    assert_eq!(world.status(run), Status::Parked);
    assert!(world.pending.is_empty(), "it is not sent again");
    world.restart();
    assert!(world.pending.is_empty());
    assert_eq!(world.operate(run, Act::Retry(None)), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
}

#[test]
fn a_run_without_its_machine_is_left_alone_until_it_is_there() {
    let program = Program::new(vec![step("a").s(), step("b").s()]).arc();
    let mut world = World::new(program.clone());
    let run = world.start();
    let machines = std::mem::take(&mut world.machines);
    world.restart();
    world.settle();
    assert!(world.sends.is_empty());
    assert!(matches!(world.operate(run, Act::Retry(None)), Answer::Refused(_)));
    world.machines = machines;
    let out = world.shard.register(world.now, program);
    world.finish(out);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
}

#[test]
fn recovery_from_a_checkpoint_is_the_same_as_from_the_whole_journal() {
    let make = || {
        let branches = vec![vec![step("a").s(), step("b").s()], vec![step("c").s()]];
        let body = vec![super::program::fork("both", branches), step("d").s()];
        World::of(body).play("d", &[Play::Failed("Declined")])
    };
    let mut plain = make();
    plain.start();
    plain.settle();
    let sends = plain.sends.len();
    for n in 0..sends {
        let mut world = make();
        let run = world.start();
        for _ in 0..n {
            world.answer_one();
        }
        let out = world.shard.checkpoint(world.now);
        world.finish(out);
        world.answer_one();
        world.restart();
        world.settle();
        assert_eq!(world.status(run), Status::Failed);
        world.assert_undone();
    }
}

#[test]
fn a_damaged_record_parks_its_run_and_no_other() {
    let mut world = World::of(vec![step("a").s(), step("b").s()]);
    world.start();
    world.store.rows[0].body[30] ^= 1;
    let tail = crate::port::Tail {
        checkpoint: 0,
        last: 1,
        bucket: 0,
        emitted: 0,
        rows: world.store.rows.clone(),
        runs: world.store.runs.values().cloned().collect(),
        events: Vec::new(),
        waits: Vec::new(),
    };
    let lease = crate::port::Lease {
        shard: crate::id::ShardId(0),
        epoch: 2,
        owner: uuid::Uuid::from_u128(1),
    };
    let machines = world.machines.clone();
    let recovery = crate::shard::Recovery::alone(lease, tail, machines, world.now);
    let recovered = crate::shard::Shard::recover(recovery);
    assert_eq!(recovered.damaged.len(), 1);
    assert_eq!(recovered.fence.batch.items[0].kind, "dead_letter");
    let row = &recovered.fence.batch.runs[0];
    assert_eq!((row.status.as_str(), row.workflow.as_str()), ("parked", "unreadable"));
    assert!(recovered.fence.effects.is_empty());
}

#[test]
fn a_step_with_an_alternative_leaves_at_once_when_the_breaker_is_open() {
    let breaker = BreakerSpec { rate: None, failures: Some(1), probe_ms: 60_000 };
    let guarded = ServiceSpec { breaker: Some(breaker), limit: None };
    let leaving = step("a").with(|spec| spec.leaves_when_refused = true);
    let body = vec![leaving.on(On::Then(vec![step("alt").s()])).s()];
    let mut body = body;
    if let Some(S::Call(call)) = body.first_mut()
        && let On::Then(then) = &mut call.on
        && let Some(S::Call(alternative)) = then.first_mut()
    {
        alternative.spec.service = "Other".into();
    }
    let program = Program::new(body).service("Shop", guarded).arc();
    let mut world = World::new(program).play("a", &[Play::Applied]);
    let run = world.start();
    world.run_calls();
    world.pass(1_000);
    world.run_calls();
    // Its first attempt is unknown, so its undo is due beside the alternative (A5).
    assert_eq!(world.effects()[..2], ["a", "alt"]);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["a", "alt", "una"]);
}

#[test]
fn an_accepted_call_is_completed_late_or_becomes_unknown() {
    let mut world = World::of(vec![step("a").s()]).play("a", &[Play::Silent]);
    let run = world.start();
    let ticket = world.pending[0].ticket;
    world.answer_one();
    world.apply(crate::shard::Input::Accepted(ticket));
    world.restart();
    assert!(world.pending.is_empty(), "an accepted call is not sent again");
    world.pass(1_500);
    world.apply(crate::shard::Input::Heartbeat { ticket, token: None });
    world.pass(1_500);
    assert!(world.pending.is_empty(), "a heartbeat begins the bound anew");
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.calls(), ["a#1", "a#2"]);
}

/// C9: an attempt that nobody heard of may still commit, and its row is what the others find.
#[test]
fn what_came_of_a_transaction_is_said_by_its_row_and_by_no_person() {
    let transaction = call(Class::Tx, "t", "t").with(|spec| spec.retry = retry(None));
    let mut world = World::of(vec![transaction.s()]).play("t", &[Play::Lost]);
    let run = world.start();
    assert!(world.answer_one());
    let declined = Resolution::Failed { name: "Declined".into(), payload: Json::Null };
    for outcome in [Resolution::Ok("by hand".into()), declined] {
        let act = Act::Resolve { path: "t".into(), outcome };
        let answer = world.operate(run, act);
        assert!(matches!(&answer, Answer::Refused(why) if why.contains("row")), "{answer:?}");
    }
    let act = Act::Resolve { path: "t".into(), outcome: Resolution::Again };
    assert_eq!(world.operate(run, act), Answer::Done);
    world.settle();
    assert_eq!((world.status(run), world.effects()), (Status::Completed, vec!["t"]));
}

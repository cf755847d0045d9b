//! Services: keys that expire, breakers and limiters, credentials, bounds of accepted calls (A3, A4, T2).

use super::program::{On, Program, S, read, step};
use super::world::{Play, World};
use crate::breaker::State;
use crate::codegen::{BreakerSpec, ErrorSpec, ServiceSpec, Ty};
use crate::journal::Happened;
use crate::service::Attempt;
use crate::shard::{Act, Actor, Answer, BreakerAct, Input};
use crate::status::Status;

pub(super) fn guarded(failures: u32) -> ServiceSpec {
    let breaker = BreakerSpec { rate: None, failures: Some(failures), probe_ms: 60_000 };
    ServiceSpec { breaker: Some(breaker), limit: None }
}

#[test]
fn recovery_never_sends_an_expired_key_again() {
    let short = step("a").with(|spec| spec.key_for_ms = Some(10_000));
    let mut world = World::of(vec![step("x").s(), short.s()]).play("a", &[Play::Silent]);
    let run = world.start();
    assert!(world.answer_one() && world.answer_one());
    world.now = world.now.plus(60_000);
    world.restart();
    world.settle();
    assert_eq!(world.keys_of("a").len(), 1, "the key had expired");
    assert_eq!(world.status(run), Status::Failed, "its outcome is unknown, so it is undone");
    assert_eq!(world.effects(), ["x", "una", "unx"]);
}

#[test]
fn a_probe_answers_for_an_expired_key_after_a_crash() {
    let short = step("a").probed().with(|spec| {
        spec.idempotent = true;
        spec.key_for_ms = Some(10_000);
    });
    let mut world = World::of(vec![short.s()]).play("a", &[Play::Applied]);
    let run = world.start();
    let send = world.pending.pop_front().expect("a call");
    world.applied.push(("a".into(), send.call.key));
    world.now = world.now.plus(60_000);
    world.restart();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.calls(), ["status#1"]);
}

#[test]
fn a_paused_run_asks_no_probe_either() {
    let mut world = World::of(vec![step("a").probed().s()]).play("a", &[Play::Applied]);
    let run = world.start();
    assert_eq!(world.operate(run, Act::Pause), Answer::Done);
    world.settle();
    assert_eq!(world.calls(), ["a#1"], "nothing new is sent");
    assert_eq!(world.operate(run, Act::Resume), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.calls(), ["a#1", "status#1"]);
}

#[test]
fn refused_credentials_use_up_no_question_of_a_probe() {
    let mut world = World::of(vec![step("a").probed().s()])
        .play("a", &[Play::Applied])
        .play("status", &vec![Play::Credentials; 6]);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert!(world.calls().iter().skip(1).all(|call| call == "status#1"), "{:?}", world.calls());
}

#[test]
fn a_breaker_does_not_make_an_unresolved_step_fail_where_only_refusals_are_handled() {
    // `on refused` alone: what is unknown would propagate, and the refusal would undo the run.
    let leaving = step("a").with(|spec| spec.leaves_when_refused = true);
    let program = Program::new(vec![leaving.s()]).service("Shop", guarded(1)).arc();
    let mut world = World::new(program).play("a", &[Play::Applied]);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed, "it waits for the breaker, and asks again");
    assert_eq!(world.calls(), ["a#1", "a#2"]);
}

#[test]
fn the_late_answer_of_an_earlier_attempt_does_not_close_the_breaker() {
    let program =
        Program::new(vec![step("a").s(), step("b").s()]).service("Shop", guarded(1)).arc();
    let mut world = World::new(program).play("a", &[Play::Lost]).play("b", &[Play::Ok]);
    world.start();
    let first = world.pending[0].ticket;
    world.run_calls();
    // The breaker is open; a minute later its probe is the second attempt, still on its way.
    world.pass(60_000);
    assert_eq!(world.pending.len(), 1);
    world.apply(Input::Outcome { ticket: first, result: Attempt::Ok("late".into()), token: None });
    let sent: Vec<_> = world.pending.iter().map(|send| send.call.action.as_str()).collect();
    assert_eq!(sent, ["a"], "b waits: the probe of the breaker has not answered");
}

fn breaker(world: &mut World, act: BreakerAct) -> Answer {
    world.token += 1;
    world.apply(Input::Breaker {
        service: "Shop".into(),
        act,
        actor: Actor { name: "ann".into(), ..Actor::default() },
        reason: "because".into(),
        token: Some(world.token),
    });
    world.answers.remove(&world.token).expect("an answer")
}

#[test]
fn an_operator_holds_a_breaker_open_over_crashes_and_checkpoints_and_closes_it() {
    let program = Program::new(vec![step("a").s()]).service("Shop", guarded(3)).arc();
    let mut world = World::new(program);
    assert_eq!(breaker(&mut world, BreakerAct::Open), Answer::Done);
    for _ in 0..3 {
        world.restart();
        let out = world.shard.checkpoint(world.now);
        world.finish(out);
    }
    world.restart();
    let state = world.shard.services(world.now);
    assert!(state[0].held_open && state[0].service == "Shop");
    let held = state[0].held.clone().expect("somebody holds it");
    assert_eq!((held.actor.as_str(), held.reason.as_str()), ("ann", "because"));
    let run = world.start();
    world.run_calls();
    world.pass(1_000);
    assert!(world.calls().is_empty(), "nothing is sent");
    assert_eq!(breaker(&mut world, BreakerAct::Close), Answer::Done);
    assert_eq!(world.pending.len(), 1, "what was held back goes at once");
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.calls(), ["a#1"], "it used no attempt");
    world.restart();
    assert!(!world.shard.services(world.now)[0].held_open);
}

#[test]
fn a_breaker_that_opened_is_open_after_a_crash_until_its_probe() {
    let program =
        Program::new(vec![step("a").s(), step("b").s()]).service("Shop", guarded(1)).arc();
    let mut world = World::new(program).play("a", &[Play::Refused]);
    let run = world.start();
    world.run_calls();
    let open = |world: &World| world.shard.services(world.now)[0].breaker;
    let before = open(&world);
    assert!(matches!(before, Some(State::Open { .. })), "{before:?}");
    for _ in 0..3 {
        world.restart();
        assert_eq!(open(&world), before, "it was forgotten");
        let out = world.shard.checkpoint(world.now);
        world.finish(out);
    }
    assert!(world.pending.is_empty(), "nothing is sent before the probe");
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(open(&world), Some(State::Closed));
}

#[test]
fn what_was_held_back_before_a_crash_goes_at_once_too_when_the_breaker_is_closed() {
    // It used to wait out the rest of a minute.
    let program = Program::new(vec![step("a").s(), step("b").probed().s()]);
    let mut world =
        World::new(program.service("Shop", guarded(9)).arc()).play("b", &[Play::Applied]);
    assert_eq!(breaker(&mut world, BreakerAct::Open), Answer::Done);
    let run = world.start();
    world.restart();
    assert_eq!(breaker(&mut world, BreakerAct::Close), Answer::Done);
    assert!(world.answer_one(), "the call goes");
    assert_eq!(breaker(&mut world, BreakerAct::Open), Answer::Done);
    assert!(world.answer_one(), "its answer is lost, and the probe is held back");
    assert!(world.pending.is_empty());
    world.restart();
    assert_eq!(breaker(&mut world, BreakerAct::Close), Answer::Done);
    assert!(world.answer_one(), "the question goes");
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.calls(), ["a#1", "b#1", "status#1"]);
}

#[test]
fn the_state_of_breakers_and_limits_is_shown_without_changing_it() {
    let limit = crate::codegen::LimitSpec { calls: 2, window_ms: 1_000 };
    let service = ServiceSpec { limit: Some(limit), ..guarded(1) };
    let program = Program::new(vec![step("a").s()]).service("Shop", service).arc();
    let mut world = World::new(program).play("a", &[Play::Lost]);
    let shown = |world: &World| world.shard.services(world.now)[0].clone();
    assert_eq!(shown(&world).breaker, Some(crate::breaker::State::Closed));
    assert_eq!(shown(&world).available, Some(2));
    world.start();
    world.run_calls();
    let until = world.now.plus(60_000);
    assert_eq!(shown(&world).breaker, Some(crate::breaker::State::Open { until }));
    assert_eq!(shown(&world).since, Some(world.now));
    assert_eq!((shown(&world).available, shown(&world).available), (Some(1), Some(1)));
    assert_eq!(breaker(&mut world, BreakerAct::Close), Answer::Done);
    assert_eq!(shown(&world).breaker, Some(crate::breaker::State::Closed));
}

#[test]
fn closing_a_breaker_does_not_shorten_a_pause_of_the_steps_own_policy() {
    let program = Program::new(vec![step("a").s()]).service("Shop", guarded(9)).arc();
    let mut world = World::new(program).play("a", &[Play::Refused]);
    assert_eq!(breaker(&mut world, BreakerAct::Open), Answer::Done);
    let run = world.start();
    assert!(world.pending.is_empty(), "it is held back");
    assert_eq!(breaker(&mut world, BreakerAct::Close), Answer::Done);
    world.run_calls();
    assert_eq!(world.calls(), ["a#1"]);
    assert_eq!(breaker(&mut world, BreakerAct::Close), Answer::Done);
    assert!(world.pending.is_empty(), "it pauses because it was refused");
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
}

#[test]
fn heartbeats_do_not_extend_a_step_beyond_its_deadline() {
    let slow = step("a").with(|spec| spec.deadline_ms = Some(5_000));
    let mut world = World::of(vec![slow.s()]).play("a", &[Play::Silent]);
    let run = world.start();
    let ticket = world.pending[0].ticket;
    world.answer_one();
    world.apply(Input::Accepted(ticket));
    for _ in 0..4 {
        world.apply(Input::Heartbeat { ticket, token: None });
        world.pass(1_500);
    }
    assert_eq!(world.pending[0].call.action, "una", "heartbeats go on, and its deadline is over");
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    assert_eq!(world.calls(), ["a#1", "una#1"], "its deadline ended the policy, unresolved");
}

#[test]
fn a_read_that_was_not_always_refused_does_not_end_as_refused() {
    let mut world =
        World::of(vec![read("x").s()]).play("x", &[Play::Lost, Play::Lost, Play::Refused]);
    let run = world.start();
    world.settle();
    let cause = world.fold(run).expect("a run").head().cause.clone();
    assert_eq!(cause.expect("a cause").error(), "exhausted");
}

#[test]
fn an_undo_that_a_breaker_holds_back_for_long_is_flagged() {
    let breaker = BreakerSpec { rate: None, failures: Some(1), probe_ms: 3_600_000 };
    let guarded = ServiceSpec { breaker: Some(breaker), limit: None };
    let mut body = vec![step("a").s(), step("b").s()];
    if let Some(S::Call(call)) = body.first_mut()
        && let Some(S::Call(undo)) = call.undo.first_mut()
    {
        undo.spec.service = "Other".into();
    }
    let program = Program::new(body).service("Other", guarded).arc();
    let mut world =
        World::new(program).play("b", &[Play::Failed("Declined")]).play("una", &[Play::Lost]);
    let run = world.start();
    world.run_calls();
    world.pass(11 * 60_000);
    assert_eq!(world.fold(run).expect("a run").head().flags(), ["undo_late"]);
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    assert_eq!(world.effects(), ["a", "una"]);
}

#[test]
fn a_late_completion_is_too_late_and_recorded() {
    let mut world = World::of(vec![step("a").on(On::Use).s(), S::Sleep { at: "s", ms: 600_000 }]);
    let run = world.start();
    let ticket = world.pending[0].ticket;
    world.run_calls();
    world.token += 1;
    let token = Some(world.token);
    world.apply(Input::Outcome { ticket, result: Attempt::Ok("late".into()), token });
    assert_eq!(world.answers.get(&world.token), Some(&Answer::TooLate));
    let late = |h: &Happened| matches!(h, Happened::TooLate { .. });
    assert!(world.happened(run).iter().any(late));
}

/// Names of the errors that steps failed with, and whether unwinding had begun by then.
fn failed_lines(world: &World, run: crate::id::RunId) -> Vec<(String, bool)> {
    let mut unwinding = false;
    let lines = world.happened(run).into_iter().filter_map(|happened| match happened {
        Happened::Unwinding { .. } => {
            unwinding = true;
            None
        }
        Happened::Failed { error, .. } => Some((error, unwinding)),
        _ => None,
    });
    lines.collect()
}

#[test]
fn what_a_step_ends_with_stands_in_history_before_the_unwinding() {
    let ends: [(&[Play], &[&str]); 3] = [
        (&[Play::Failed("Declined")], &["Declined"]),
        (
            &[Play::Lost, Play::Refused, Play::Failed("Declined")],
            &["unknown", "refused", "Declined"],
        ),
        (&[Play::Refused, Play::Refused, Play::Refused], &["refused", "refused", "refused"]),
    ];
    for (plays, expected) in ends {
        let mut world = World::of(vec![step("x").s(), step("a").s()]).play("a", plays);
        let run = world.start();
        world.settle();
        let expected: Vec<_> = expected.iter().map(|error| ((*error).to_owned(), false)).collect();
        assert_eq!(failed_lines(&world, run), expected, "{plays:?}");
    }
}

#[test]
fn a_step_that_leaves_because_of_a_breaker_says_so_in_history() {
    let leaving = step("a").with(|spec| spec.leaves_when_refused = true);
    let program = Program::new(vec![leaving.s()]).service("Shop", guarded(1)).arc();
    let mut world = World::new(program);
    assert_eq!(breaker(&mut world, BreakerAct::Open), Answer::Done);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    assert_eq!(failed_lines(&world, run), [("refused".to_owned(), false)]);
}

#[test]
fn the_payload_of_a_declared_error_is_in_history_without_what_is_personal() {
    let declined = ErrorSpec {
        name: "Declined".into(),
        fields: vec![("reason".into(), Ty::Text), ("card".into(), Ty::Pii(Box::new(Ty::Text)))],
        transient: false,
    };
    let told = step("a").with(|spec| spec.errors = vec![declined]);
    let mut world = World::of(vec![told.s()]).play("a", &[Play::Silent]);
    let run = world.start();
    let ticket = world.pending[0].ticket;
    let payload = serde_json::json!({ "reason": "no funds", "card": "4111" });
    let result = Attempt::Failed { name: "Declined".into(), payload };
    world.apply(Input::Outcome { ticket, result, token: None });
    let payloads = world.happened(run).into_iter().filter_map(|happened| match happened {
        Happened::Failed { payload, .. } => Some(payload),
        _ => None,
    });
    let payloads: Vec<_> = payloads.collect();
    assert_eq!(payloads, [serde_json::json!({ "reason": "no funds", "card": "…" })]);
}

/// When each call under a key of `a` left.
fn spans_of(world: &World, run: crate::id::RunId) -> Vec<i64> {
    let mut sent: std::collections::BTreeMap<String, Vec<i64>> = std::collections::BTreeMap::new();
    for record in world.records(run) {
        for happened in record.happened {
            if let Happened::Sent { path, key, .. } = happened
                && path == "a"
            {
                sent.entry(key).or_default().push(record.at.0);
            }
        }
    }
    sent.values().map(|at| at[at.len() - 1] - at[0]).collect()
}

#[test]
fn a_call_that_waited_longer_than_its_key_is_good_is_not_sent_under_it() {
    let limit = crate::codegen::LimitSpec { calls: 1, window_ms: 60_000 };
    let limited = ServiceSpec { limit: Some(limit), breaker: None };
    let slow = || {
        step("a").with(|spec| {
            spec.key_for_ms = Some(10_000);
            (spec.retry.first_ms, spec.retry.max_ms) = (60_000, 60_000);
        })
    };
    let quick = || step("a").with(|spec| spec.key_for_ms = Some(10_000));
    let cases = [
        ("back-off", Program::new(vec![slow().s()]).arc()),
        ("an open breaker", Program::new(vec![quick().s()]).service("Shop", guarded(1)).arc()),
        ("a limit", Program::new(vec![quick().s()]).service("Shop", limited).arc()),
    ];
    for (why, program) in cases {
        for first in [Play::Lost, Play::Refused] {
            let mut world = World::new(program.clone()).play("a", std::slice::from_ref(&first));
            let run = world.start();
            world.settle();
            let spans = spans_of(&world, run);
            assert!(spans.iter().all(|ms| *ms <= 10_000), "{why}, {first:?}: {spans:?}");
            let (status, keys) = match first {
                Play::Lost => (Status::Failed, 1),
                _ => (Status::Completed, 2),
            };
            assert_eq!((world.status(run), spans.len()), (status, keys), "{why}, {first:?}");
        }
    }
}

fn expired() -> Attempt {
    let cause = crate::service::Refusal::Expired;
    Attempt::Refused { reason: "too late".into(), retry_after_ms: None, cause }
}

#[test]
fn a_key_that_expired_on_the_way_out_is_spent_and_uses_no_attempt() {
    let quick = step("a").with(|spec| spec.key_for_ms = Some(10_000));
    let program = Program::new(vec![quick.s()]).service("Shop", guarded(1)).arc();
    let mut world = World::new(program);
    let run = world.start();
    let first = world.pending.pop_front().expect("a call");
    assert_eq!(first.expires, Some(world.now.plus(10_000)));
    world.now = world.now.plus(20_000);
    world.apply(Input::Outcome { ticket: first.ticket, result: expired(), token: None });
    let second = world.pending.front().expect("it is sent anew").clone();
    assert_ne!(second.call.key, first.call.key);
    assert_eq!(second.call.attempt, 1);
    let state = world.shard.services(world.now)[0].breaker;
    assert_eq!(state, Some(crate::breaker::State::Closed), "it says nothing about the service");
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
}

#[test]
fn a_key_that_expired_on_the_way_out_leaves_an_earlier_attempt_unknown() {
    let quick = step("a").with(|spec| spec.key_for_ms = Some(10_000));
    let mut world = World::of(vec![step("x").s(), quick.s()]).play("a", &[Play::Applied]);
    let run = world.start();
    assert!(world.answer_one() && world.answer_one());
    world.pass(1_000);
    let again = world.pending.pop_front().expect("the second attempt");
    world.now = world.now.plus(20_000);
    world.apply(Input::Outcome { ticket: again.ticket, result: expired(), token: None });
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    assert_eq!(world.effects(), ["x", "a", "una", "unx"], "its undo was armed, and ran");
}

//! Waits: events, people, times, and triggers.

use super::program::{Program, S, event, step, write};
use super::world::{Crash, World};
use crate::codegen::{Arm, Json};
use crate::shard::{Actor, Answer, TaskAct};
use crate::status::Status;
use crate::time::Time;

fn on(name: &str) -> Arm {
    Arm::Event(event(name, "o-1"))
}

fn wait(at: &'static str, arm: Arm) -> S {
    S::Wait { at, arms: vec![(arm, Vec::new())], within: Some(60_000) }
}

fn confirm() -> Arm {
    Arm::Task {
        task: "shop.Confirm".into(),
        title: "ok?".into(),
        assign: vec!["role:fraud".into()],
        show: Json::Null,
    }
}

fn fraud(name: &str) -> Actor {
    Actor { name: name.into(), roles: vec!["fraud".into()], everything: false }
}

#[test]
fn an_event_that_came_after_the_admission_and_before_the_wait_counts() {
    let body = vec![S::Sleep { at: "s", ms: 1_000 }, wait("w", on("shop.Paid")), step("a").s()];
    let mut world = World::of(body);
    world.deliver("old", "shop.Paid", "o-1");
    let run = world.start();
    assert_eq!(world.deliver("e-1", "shop.Paid", "o-1"), Answer::Done);
    assert_eq!(world.deliver("e-1", "shop.Paid", "o-1"), Answer::Duplicate);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.now.0, 1_001_000);
}

#[test]
fn an_event_from_before_the_admission_does_not_count() {
    let body = vec![wait("w", on("shop.Paid")), step("a").s()];
    let mut world = World::of(body);
    world.deliver("old", "shop.Paid", "o-1");
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Failed, "the wait timed out");
}

#[test]
fn fresh_wants_an_event_that_comes_after_the_wait_began() {
    let mut fresh = event("shop.Paid", "o-1");
    fresh.fresh = true;
    let body = vec![S::Sleep { at: "s", ms: 1_000 }, wait("w", Arm::Event(fresh))];
    let mut world = World::of(body);
    let run = world.start();
    world.deliver("e-1", "shop.Paid", "o-1");
    world.pass(1_000);
    assert_eq!(world.status(run), Status::Waiting);
    world.deliver("e-2", "shop.Paid", "o-1");
    assert_eq!(world.status(run), Status::Completed);
}

#[test]
fn two_places_may_take_one_event_and_one_place_takes_it_once() {
    let body = vec![wait("w1", on("shop.Paid")), wait("w2", on("shop.Paid"))];
    let mut world = World::of(body);
    let run = world.start();
    world.deliver("e-1", "shop.Paid", "o-1");
    assert_eq!(world.status(run), Status::Completed);
    let state = world.fold(run).expect("a run");
    assert_eq!((state.taken("w1#0 o-1"), state.taken("w2#0 o-1")), (1, 1));
}

#[test]
fn an_event_that_does_not_match_is_left_alone() {
    let mut world = World::of(vec![wait("w", on("shop.Paid"))]);
    let run = world.start();
    world.deliver_with("e-1", "shop.Paid", "o-1", serde_json::json!({ "no": true }));
    assert_eq!(world.status(run), Status::Waiting);
    world.deliver("e-2", "shop.Paid", "o-1");
    assert_eq!(world.status(run), Status::Completed);
}

#[test]
fn an_accepted_event_is_not_lost_by_a_crash_at_any_point() {
    let body = vec![step("a").s(), wait("w", on("shop.Paid")), step("b").s()];
    for n in 1..8 {
        for crash in [Crash::Before(n), Crash::After(n)] {
            let mut world = World::of(body.clone()).crashing(crash);
            let run = world.start();
            // The sender repeats what was not answered.
            for _ in 0..2 {
                world.token += 1;
                world.apply(crate::shard::Input::Event {
                    id: "e-1".into(),
                    namespace: "default".into(),
                    event: "shop.Paid".into(),
                    key: "o-1".into(),
                    payload: serde_json::json!({ "order": "o-1" }),
                    token: Some(world.token),
                });
            }
            world.settle();
            assert_eq!(world.status(run), Status::Completed, "{crash:?}");
            assert_eq!(world.effects(), ["a", "b"]);
        }
    }
}

#[test]
fn a_task_is_answered_once_by_who_may_and_with_the_right_type() {
    let mut world = World::of(vec![wait("w", confirm()), step("a").s()]);
    let run = world.start();
    let item = world.open_items("task")[0].id.clone();
    let nobody = Actor { name: "bob".into(), ..Actor::default() };
    let yes = || TaskAct::Answer(Json::Bool(true));
    assert_eq!(world.act(&item, yes(), nobody), Answer::Forbidden);
    let wrong = TaskAct::Answer(Json::from("perhaps"));
    assert!(matches!(world.act(&item, wrong, fraud("ann")), Answer::Mismatch { .. }));
    assert_eq!(world.act(&item, TaskAct::Claim, fraud("ann")), Answer::Done);
    world.restart();
    let claimed = Answer::Claimed { by: "ann".into() };
    assert_eq!(world.act(&item, yes(), fraud("eve")), claimed);
    assert_eq!(world.act(&item, yes(), fraud("ann")), Answer::Done);
    assert!(matches!(world.act(&item, yes(), fraud("ann")), Answer::TooLate));
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert!(world.open_items("task").is_empty());
}

#[test]
fn a_task_whose_wait_ends_otherwise_is_withdrawn() {
    let arms = vec![
        (on("shop.Cancelled"), vec![write("told").s()]),
        (Arm::Sleep { until: Time(1_030_000) }, Vec::new()),
        (confirm(), vec![step("a").s()]),
    ];
    let mut world = World::of(vec![S::Wait { at: "first", arms, within: None }]);
    let run = world.start();
    let item = world.open_items("task")[0].id.clone();
    world.pass(30_000);
    assert_eq!(world.status(run), Status::Completed);
    assert!(world.open_items("task").is_empty());
    let answer = world.act(&item, TaskAct::Answer(Json::Bool(true)), fraud("ann"));
    assert_eq!(answer, Answer::NotFound);
}

#[test]
fn an_answer_and_a_timeout_in_the_same_instant_never_both_win() {
    let mut world = World::of(vec![wait("w", confirm()), step("a").s()]);
    let run = world.start();
    let item = world.open_items("task")[0].id.clone();
    world.now = Time(1_060_000);
    assert_eq!(world.act(&item, TaskAct::Answer(Json::Bool(true)), fraud("ann")), Answer::Done);
    world.apply(crate::shard::Input::Tick);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
}

#[test]
fn an_emitted_event_reaches_waits_and_triggers_once_each() {
    let waiting = Program::new(vec![S::Emit { event: "shop.Shipped", key: "o-1" }, step("a").s()]);
    let mut second = Program::new(vec![write("mail").s()]).trigger("shop.Shipped");
    second = second.with(|spec| {
        spec.name = "shop.Mail".into();
        spec.hash = "h2".into();
    });
    let (first, second) = (waiting.arc(), second.arc());
    for n in 1..10 {
        for crash in [Crash::Never, Crash::Before(n), Crash::After(n)] {
            let mut world = World::new(first.clone()).crashing(crash);
            world.machines.add(second.clone());
            world.shard.register(world.now, second.clone());
            world.start();
            world.settle();
            let mut effects = world.effects();
            effects.sort_unstable();
            assert_eq!(effects, ["a", "mail"], "{crash:?}");
            assert_eq!(world.store.keys.len(), 2);
        }
    }
}

#[test]
fn a_trigger_uses_the_workflows_own_key() {
    let program = Program::new(vec![step("a").s()]).trigger("shop.Requested").arc();
    let mut world = World::new(program);
    world.deliver("e-1", "shop.Requested", "o-1");
    world.settle();
    world.deliver("e-2", "shop.Requested", "o-1");
    world.settle();
    assert_eq!(world.effects(), ["a"]);
    assert_eq!(world.store.keys.len(), 1);
}

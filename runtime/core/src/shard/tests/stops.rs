//! Stops, interrupts and block deadlines against steps that are unresolved (C6, X1, P1, verdict 60).

use super::program::{On, S, event, fork, pivot, retry, step, unit, write};
use super::world::{Play, World, crash_everywhere};
use crate::codegen::{Arm, Json, UndoSpec};
use crate::journal::Happened;
use crate::shard::{Act, Actor, Answer, TaskAct};
use crate::status::Status;

fn on(name: &str) -> Arm {
    Arm::Event(event(name, "o-1"))
}

fn wait(at: &'static str, arm: Arm) -> S {
    S::Wait { at, arms: vec![(arm, Vec::new())], within: Some(600_000) }
}

#[test]
fn what_arrives_while_an_interrupted_scope_winds_down_waits_for_its_next_run() {
    let inner = vec![step("a").s(), S::Sleep { at: "s", ms: 60_000 }];
    let scope = unit("search", inner, Some(vec![step("h").s()])).with(|unit| {
        unit.interrupts = vec![event("shop.Withdrawn", "o-1")];
        unit.spec.keep = vec![false];
    });
    let mut world = World::of(vec![scope.s(), wait("w", on("shop.Withdrawn"))]);
    let run = world.start();
    // The call is in flight: the stop waits for it, and the second event finds it waiting.
    world.deliver("e-1", "shop.Withdrawn", "o-1");
    world.deliver("e-2", "shop.Withdrawn", "o-1");
    let fired = |world: &World| {
        let interrupted = |h: &&Happened| matches!(h, Happened::Interrupted { .. });
        world.happened(run).iter().filter(interrupted).count()
    };
    assert_eq!(fired(&world), 1, "an interrupt fires once");
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(fired(&world), 1);
}

#[test]
fn an_interrupt_that_came_while_an_inner_scope_was_undone_is_seen_at_its_end() {
    let inner = unit("inner", vec![step("a").s(), step("b").s()], Some(Vec::new()));
    let body = vec![inner.s(), S::Sleep { at: "s", ms: 60_000 }, step("c").s()];
    let scope = unit("outer", body, Some(vec![step("h").s()])).with(|unit| {
        unit.interrupts = vec![event("shop.Withdrawn", "o-1")];
        unit.spec.keep = vec![false];
    });
    let make = || World::of(vec![scope.clone().s()]).play("b", &[Play::Failed("Declined")]);
    let mut world = make();
    let run = world.start();
    assert!(world.answer_one() && world.answer_one());
    assert_eq!(world.pending[0].call.action, "una", "the inner scope is being undone");
    world.deliver("e-1", "shop.Withdrawn", "o-1");
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["a", "una", "h"], "the rest of the scope is not run");
}

#[test]
fn keeping_a_scope_leaves_the_unknown_steps_of_its_branches_with_their_undo_due() {
    let branches = vec![vec![step("a").s()], vec![S::Sleep { at: "s", ms: 60_000 }]];
    let scope = unit("search", vec![fork("both", branches)], Some(Vec::new())).with(|unit| {
        unit.interrupts = vec![event("shop.Enough", "o-1")];
        unit.spec.keep = vec![true];
    });
    let mut world = World::of(vec![scope.s(), step("c").s()]).play("a", &[Play::Applied]);
    let run = world.start();
    world.run_calls();
    world.deliver("e-1", "shop.Enough", "o-1");
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert!(world.effects().contains(&"una"), "it is left as by A5: {:?}", world.effects());
}

#[test]
fn a_scope_whose_pivot_commits_after_its_deadline_goes_on() {
    let late = write("w").with(|spec| spec.retry = retry(None)).s();
    let scope = unit("block", vec![step("a").s(), pivot("p").s(), late], None)
        .with(|unit| unit.spec.deadline_ms = Some(1_500));
    let make = || World::of(vec![scope.clone().s()]).play("p", &[Play::Lost, Play::Lost]);
    let mut world = make();
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed, "the commit wins over the deadline");
    assert_eq!(world.effects(), ["a", "p", "w"]);
    crash_everywhere(make);
}

#[test]
fn a_scope_whose_deadline_has_passed_is_not_run_again() {
    let body = vec![step("a").s(), S::Sleep { at: "s", ms: 60_000 }];
    let scope = unit("block", body, Some(vec![step("h").s()])).with(|unit| {
        unit.spec.deadline_ms = Some(10_000);
        unit.spec.retry = Some(retry(Some(3)));
    });
    let make = || World::of(vec![scope.clone().s()]);
    let mut world = make();
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["a", "una", "h"]);
    crash_everywhere(make);
}

#[test]
fn an_event_that_came_while_a_cause_waited_is_seen_when_the_commit_wins() {
    let branches = vec![vec![pivot("p").s()], vec![wait("w", on("shop.Paid"))]];
    let mut world = World::of(vec![fork("both", branches)]).play("p", &[Play::Lost]);
    let run = world.start();
    assert!(world.answer_one());
    assert_eq!(world.operate(run, Act::Cancel), Answer::Pending);
    assert_eq!(world.deliver("e-1", "shop.Paid", "o-1"), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert!(world.now.0 < 1_600_000, "the wait did not run into its bound");
}

#[test]
fn skipping_an_unknown_step_after_the_commit_keeps_nothing() {
    let lost = [Play::Applied, Play::Lost, Play::Lost];
    let body = vec![pivot("p").s(), step("a").on(On::Skip).s(), S::Sleep { at: "s", ms: 60_000 }];
    let mut world = World::of(body).play("a", &lost);
    let run = world.start();
    for _ in 0..4 {
        world.run_calls();
        world.pass(2_000);
    }
    assert_eq!(world.status(run), Status::Waiting);
    assert!(world.fold(run).expect("a run").nodes().is_empty());
    world.settle();
    assert_eq!(world.effects(), ["p", "a"]);
}

#[test]
fn a_branch_that_has_ended_within_a_scope_beside_the_pivot_is_still_undone_with_it() {
    let declined = step("b").s();
    let inner = vec![vec![step("a").s()], vec![S::Sleep { at: "s", ms: 5_000 }, declined]];
    let scope = unit("extras", vec![fork("inner", inner)], Some(Vec::new()));
    let slow = vec![S::Sleep { at: "t", ms: 1_000 }, pivot("p").s()];
    let body = vec![fork("outer", vec![slow, vec![scope.s()]])];
    let make = || World::of(body.clone()).play("b", &[Play::Failed("Declined")]);
    let mut world = make();
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["a", "p", "una"], "the scope keeps its own until it ends");
    crash_everywhere(make);
}

#[test]
fn the_deadline_of_a_scope_in_an_undo_block_ends_it_too() {
    let mut body = vec![step("a").s(), step("b").s()];
    if let Some(S::Call(call)) = body.first_mut() {
        let mut instead = vec![step("other").s()];
        if let Some(S::Call(call)) = instead.first_mut() {
            call.undo.clear();
            call.spec.undo = crate::codegen::UndoSpec::None;
        }
        let block = std::mem::take(&mut call.undo);
        let scope = unit("release", block, Some(instead));
        call.undo = vec![scope.with(|unit| unit.spec.deadline_ms = Some(20_000)).s()];
    }
    let make = || {
        World::of(body.clone())
            .play("b", &[Play::Failed("Declined")])
            .play("una", &vec![Play::Refused; 200])
    };
    let mut world = make();
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    assert_eq!(world.effects(), ["a", "other"]);
    assert_eq!(world.now.0, 1_020_000);
    crash_everywhere(make);
}

#[test]
fn events_of_different_keys_at_one_place_do_not_hide_each_other() {
    // Two branches wait at one place of the source, each for its own key.
    let arm = |key: &str| Arm::Event(event("shop.Paid", key));
    let slow = vec![
        S::Sleep { at: "s", ms: 1_000 },
        S::Wait { at: "w", arms: vec![(arm("o-2"), Vec::new())], within: Some(600_000) },
    ];
    let quick = vec![S::Wait { at: "w~2", arms: vec![(arm("o-1"), Vec::new())], within: None }];
    let program =
        super::program::Program::new(vec![fork("both", vec![quick, slow])]).with(|spec| {
            // The second arm's point has the same path, as the iterations of one loop have.
            spec.points.get_mut("w~2").expect("a point").path = "w".into();
        });
    let mut world = World::new(program.arc());
    let run = world.start();
    world.deliver("e-2", "shop.Paid", "o-2");
    world.deliver("e-1", "shop.Paid", "o-1");
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert!(world.now.0 < 1_600_000, "the event of the other key was seen");
}

#[test]
fn places_of_events_do_not_make_records_grow() {
    let at = |n: usize| -> &'static str { Box::leak(format!("wait-number-{n}").into_boxed_str()) };
    let body = (0..60).map(|n| wait(at(n), Arm::Event(event("shop.Paid", at(n))))).collect();
    let mut world = World::of(body);
    let run = world.start();
    for n in 0..60 {
        world.deliver(at(n), "shop.Paid", at(n));
    }
    assert_eq!(world.status(run), Status::Completed);
    // The frame holds what the program bound; the rest must not grow.
    let records = world.records(run);
    let size = |number: usize| {
        let parts = records[number].parts.set.iter();
        let rest = parts.filter(|(part, _)| !matches!(part, crate::journal::Part::Fiber(_)));
        rest.map(|(_, body)| body.get().len()).sum::<usize>()
    };
    assert!(size(55) < size(5) + 20, "record 5 has {} bytes, record 55 has {}", size(5), size(55));
}

#[test]
fn a_manual_statement_gives_its_place_back_and_takes_one_again() {
    let branches = vec![vec![S::Manual { at: "m" }, step("a").s()], vec![step("b").s()]];
    let body = vec![S::Fork { at: "all", branches, max: Some(1), settle: false }];
    let mut world = World::of(body).play("b", &[Play::Silent]);
    let run = world.start();
    assert_eq!(world.pending.len(), 1, "b takes the place of the branch that asks");
    let item = world.open_items("task")[0].id.clone();
    let ann = Actor { name: "ann".into(), roles: vec!["operator".into()], everything: false };
    assert_eq!(world.act(&item, TaskAct::Answer(Json::Null), ann), Answer::Done);
    assert_eq!(world.pending.len(), 1, "one place, one call");
    world.answer_one();
    world.restart();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["b", "a"]);
}

#[test]
fn a_task_answered_after_its_wait_is_too_late_and_recorded() {
    let task = Arm::Task {
        task: "shop.Confirm".into(),
        title: "ok?".into(),
        assign: Vec::new(),
        show: Json::Null,
    };
    let arms =
        vec![(Arm::Sleep { until: crate::time::Time(1_010_000) }, Vec::new()), (task, vec![])];
    let first = S::Wait { at: "first", arms, within: None };
    let mut world = World::of(vec![first, S::Sleep { at: "s", ms: 60_000 }]);
    let run = world.start();
    let item = world.open_items("task")[0].id.clone();
    world.pass(10_000);
    let answer = world.act(&item, TaskAct::Answer(Json::Bool(true)), Actor::default());
    assert_eq!(answer, Answer::TooLate);
    let late = |h: &Happened| matches!(h, Happened::TooLate { input } if input.contains(&item));
    assert!(world.happened(run).iter().any(late));
}

/// A cancel that waited for a write without undo stood in the way of its own end for ever, where the
/// write stayed unknown.
#[test]
fn a_cause_that_waits_for_a_step_without_undo_is_taken_where_the_step_stays_unknown() {
    let waived = write("a").with(|spec| spec.undo = UndoSpec::Waived);
    let alone = vec![step("z").s(), waived.clone().s(), step("b").s()];
    let branches = fork("both", vec![vec![waived.clone().s()], vec![step("c").s()]]);
    let handled = unit("scope", vec![waived.s()], Some(vec![step("h").s()])).s();
    for body in [alone, vec![step("z").s(), branches], vec![step("z").s(), handled]] {
        let lost = [Play::Lost, Play::Lost, Play::Lost];
        let make = || World::of(body.clone()).play("a", &lost);
        let mut world = make();
        let run = world.start();
        world.run_calls();
        assert_eq!(world.operate(run, Act::Cancel), Answer::Pending);
        world.settle();
        assert_eq!(world.status(run), Status::Cancelled);
        world.assert_undone();
        assert!(!world.effects().contains(&"h"), "nothing handles a cancel");
        crash_everywhere(make);
    }
}

/// The person was never asked: the question waited for the cancel, and the cancel for the answer.
#[test]
fn a_person_is_asked_about_an_unknown_pivot_while_a_cancel_waits_for_it() {
    let pivot = pivot("p").with(|spec| spec.retry = retry(Some(2))).on(On::Ask).s();
    for (answer, status) in [
        (serde_json::json!({ "ok": "fine" }), Status::Completed),
        (serde_json::json!({ "failed": { "name": "Declined" } }), Status::Cancelled),
    ] {
        let body = vec![step("a").s(), pivot.clone()];
        let mut world = World::of(body).play("p", &[Play::Lost, Play::Lost]);
        let run = world.start();
        world.run_calls();
        assert_eq!(world.operate(run, Act::Cancel), Answer::Pending);
        world.settle();
        world.restart();
        let item = world.open_items("task")[0].id.clone();
        let boss = Actor { everything: true, ..Actor::default() };
        assert_eq!(world.act(&item, TaskAct::Answer(answer), boss), Answer::Done);
        world.settle();
        assert_eq!(world.status(run), status);
    }
}

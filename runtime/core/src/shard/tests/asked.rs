//! A person answers in the place of a block that failed or was interrupted: with its value, with an
//! error that it handles, or that it is to be done again.

use super::program::{On, S, Unit, ask, event, fork, pivot, step, unit, write};
use super::world::{Play, World, crash_everywhere};
use crate::codegen::Json;
use crate::id::RunId;
use crate::journal::Happened;
use crate::shard::{Act, Actor, Answer, Resolution, TaskAct};
use crate::status::Status;
use serde_json::json;

fn operator() -> Actor {
    Actor { name: "ann".into(), roles: vec!["operator".into()], everything: false }
}

fn answer(world: &mut World, value: Json) -> Answer {
    let item = world.open_items("task")[0].id.clone();
    world.act(&item, TaskAct::Answer(value), operator())
}

/// `a`, then `b`, which says Declined as often as it is told to; whoever is asked may let the block
/// fail with Gone, which its handler takes with `h`.
fn block() -> Unit {
    unit("block", vec![step("a").s(), step("b").s()], Some(vec![step("h").s()]))
        .with(|unit| unit.ask = Some(ask(&["Gone"])))
}

fn parked(body: Vec<S>) -> (World, RunId) {
    let mut world = World::of(body).play("b", &[Play::Failed("Declined")]);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Parked);
    (world, run)
}

#[test]
fn what_a_person_answers_is_the_value_of_the_block_that_failed_and_is_undone() {
    let body = vec![step("first").s(), block().s(), step("c").s()];
    let (mut world, run) = parked(body.clone());
    assert_eq!(world.effects(), ["first", "a", "una"], "it is undone before anybody is asked");
    let item = world.open_items("task")[0].body.clone();
    assert_eq!((&item["path"], &item["step"]), (&json!("block"), &json!(true)));
    assert_eq!((&item["errors"], &item["again"]), (&json!(["Gone"]), &json!(true)));
    let nobody = Actor { name: "bob".into(), ..Actor::default() };
    let id = world.open_items("task")[0].id.clone();
    let ok = || TaskAct::Answer(json!({ "ok": "fine" }));
    assert_eq!(world.act(&id, ok(), nobody), Answer::Forbidden);
    world.restart();
    assert_eq!(world.act(&id, ok(), operator()), Answer::Done);
    assert_eq!(world.act(&id, ok(), operator()), Answer::TooLate);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["first", "a", "una", "c"]);
    let answered =
        |line: &Happened| matches!(line, Happened::Answered { actor, .. } if actor == "ann");
    assert!(world.happened(run).iter().any(answered), "by whom is recorded");
    crash_everywhere(|| World::of(body.clone()).play("b", &[Play::Failed("Declined")]));
}

#[test]
fn an_answer_that_does_not_fit_changes_nothing() {
    let (mut world, run) = parked(vec![block().s()]);
    for wrong in [json!({ "ok": 1 }), json!("what?"), json!(null)] {
        assert!(matches!(answer(&mut world, wrong), Answer::Mismatch { .. }));
    }
    for wrong in [json!({ "failed": { "name": "Declined" } }), json!("give_up")] {
        assert!(matches!(answer(&mut world, wrong), Answer::Refused(_)));
    }
    assert_eq!(world.status(run), Status::Parked);
    assert_eq!(answer(&mut world, json!({ "ok": "fine" })), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
}

#[test]
fn an_error_that_is_answered_goes_to_the_handler_that_takes_it() {
    let (mut world, run) = parked(vec![block().s(), step("c").s()]);
    world.restart();
    assert_eq!(answer(&mut world, json!({ "failed": { "name": "Gone" } })), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["a", "una", "h", "c"]);
}

#[test]
fn a_block_that_is_done_again_has_new_keys_and_is_undone_anew() {
    let body = vec![block().s(), step("c").s()];
    let mut world = World::of(body)
        .play("b", &[Play::Failed("Declined"), Play::Failed("Declined")])
        .play("c", &[Play::Failed("Declined")]);
    let run = world.start();
    for _ in 0..2 {
        world.settle();
        assert_eq!(world.status(run), Status::Parked);
        world.restart();
        assert_eq!(answer(&mut world, json!("again")), Answer::Done);
        world.restart();
    }
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    let effects = world.effects();
    assert_eq!(effects[..4], ["a", "una", "a", "una"]);
    assert_eq!(effects.len(), 8, "{effects:?}");
    for action in ["a", "b", "una"] {
        let mut keys = world.keys_of(action);
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 3, "every call of `{action}` has its own key");
    }
    world.assert_undone();
}

#[test]
fn a_block_is_done_again_only_when_no_undo_is_due() {
    let scope = unit("block", vec![step("a").on(On::Use).s(), step("b").s()], None)
        .with(|unit| unit.ask = Some(ask(&[])));
    let mut world = World::of(vec![scope.s()])
        .play("a", &[Play::Applied, Play::Lost, Play::Lost])
        .play("una", &[Play::Refused, Play::Refused, Play::Refused, Play::Refused])
        .play("b", &[Play::Failed("Declined")]);
    let run = world.start();
    world.run_calls();
    while world.open_items("task").is_empty() {
        world.pass(1_000);
        world.run_calls();
    }
    assert_eq!(answer(&mut world, json!("again")), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    let calls = world.calls();
    let again = calls.iter().rposition(|call| call == "a#1").expect("a second turn");
    let undone = calls.iter().rposition(|call| call.starts_with("una")).expect("an undo");
    assert!(undone < again, "{calls:?}");
}

#[test]
fn a_block_that_holds_a_write_without_undo_is_not_done_again() {
    let scope = block().with(|unit| {
        unit.ask = unit.ask.take().map(|ask| crate::codegen::AskSpec { again: false, ..ask })
    });
    let (mut world, _) = parked(vec![scope.s()]);
    assert!(matches!(answer(&mut world, json!("again")), Answer::Refused(_)));
}

#[test]
fn after_the_commit_no_error_can_be_answered() {
    let (mut world, run) = parked(vec![pivot("p").s(), block().s()]);
    let failed = json!({ "failed": { "name": "Gone" } });
    assert!(matches!(answer(&mut world, failed), Answer::Refused(_)));
    assert_eq!(answer(&mut world, json!("again")), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["p", "a", "una", "a", "b"]);
}

#[test]
fn a_run_is_cancelled_while_somebody_is_asked_about_a_block() {
    let (mut world, run) = parked(vec![step("first").s(), block().s()]);
    assert_eq!(world.operate(run, Act::Cancel), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Cancelled);
    assert_eq!(world.effects(), ["first", "a", "una", "unfirst"]);
    assert!(world.open_items("task").is_empty());
}

#[test]
fn an_operator_answers_by_the_path_of_the_block_too() {
    let (mut world, run) = parked(vec![block().s(), step("c").s()]);
    let act = Act::Resolve { path: "block".into(), outcome: Resolution::Ok(json!("fine")) };
    assert_eq!(world.operate(run, act), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert!(world.open_items("task").is_empty());
}

#[test]
fn an_interrupt_that_came_while_somebody_was_asked_stops_the_block_that_is_done_again() {
    let scope = block().with(|unit| {
        unit.interrupts = vec![event("shop.Withdrawn", "o-1")];
        unit.spec.keep = vec![false];
    });
    let (mut world, run) = parked(vec![scope.s(), step("c").s()]);
    assert_eq!(world.deliver("e-1", "shop.Withdrawn", "o-1"), Answer::Done);
    world.restart();
    assert_eq!(answer(&mut world, json!("again")), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["a", "una", "h", "c"], "the handler of the interrupt ran");
}

#[test]
fn about_an_interrupt_only_a_value_can_be_answered() {
    let scope =
        unit("search", vec![step("a").s(), S::Sleep { at: "s", ms: 60_000 }], None).with(|unit| {
            unit.interrupts = vec![event("shop.Withdrawn", "o-1")];
            unit.spec.keep = vec![false];
            unit.ask = Some(ask(&["Gone"]));
        });
    let mut world = World::of(vec![scope.s(), step("c").s()]);
    let run = world.start();
    world.run_calls();
    assert_eq!(world.deliver("e-1", "shop.Withdrawn", "o-1"), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Parked);
    let item = world.open_items("task")[0].body.clone();
    assert_eq!((&item["errors"], &item["again"]), (&json!([]), &json!(false)));
    for wrong in [json!("again"), json!({ "failed": { "name": "Gone" } })] {
        assert!(matches!(answer(&mut world, wrong), Answer::Refused(_)));
    }
    assert_eq!(answer(&mut world, json!({ "ok": "stopped" })), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["a", "una", "c"]);
}

#[test]
fn a_branch_that_is_done_again_waits_for_a_place() {
    let both = S::Fork {
        at: "both",
        branches: vec![vec![block().s()], vec![write("w").s(), write("v").s()]],
        max: Some(1),
        settle: false,
    };
    let mut world = World::of(vec![both, fork("end", vec![vec![step("c").s()]])])
        .play("b", &[Play::Failed("Declined")]);
    let run = world.start();
    while world.open_items("task").is_empty() {
        assert!(world.answer_one(), "it is asked before the other branch ends");
    }
    assert_eq!(answer(&mut world, json!("again")), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    let calls = world.calls();
    let last = |name: &str| calls.iter().rposition(|call| call == name).expect("it was called");
    assert!(last("v#1") < last("a#1"), "{calls:?}");
}

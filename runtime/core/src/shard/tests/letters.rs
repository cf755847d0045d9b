//! Dead letters say what was applied, undone, not undone and unknown (I4), and are closed when there
//! is nothing left to repair.

use super::program::{Program, S, asking, event, fork, pivot, step, write};
use super::world::{Play, World};
use crate::codegen::{Arm, Json};
use crate::journal::Happened;
use crate::shard::{Act, Answer, Resolution};
use crate::status::Status;

fn list(world: &World, name: &str) -> Vec<String> {
    let item = world.open_items("dead_letter")[0];
    let paths = item.body["effects"][name].as_array().cloned().unwrap_or_default();
    paths.iter().map(|one| one["path"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_stuck_undo_lists_every_effect_with_what_became_of_it() {
    let branches = vec![vec![step("a").s(), step("b").s()], vec![step("c").s()]];
    let body = vec![write("w").s(), fork("both", branches), step("d").s()];
    let mut world =
        World::of(body).play("d", &[Play::Failed("Declined")]).play("unb", &[Play::Fault]);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Undoing);
    assert_eq!(list(&world, "applied"), ["w", "a", "c", "b"]);
    assert_eq!(list(&world, "undone"), ["c"], "also what was undone after it was stuck");
    assert_eq!(list(&world, "not_undone"), ["w", "a", "b"]);
    assert_eq!(list(&world, "unknown"), ["b/undo/unb"]);
    world.restart();
    assert_eq!(list(&world, "undone"), ["c"]);
    let act = Act::Resolve { path: "b".into(), outcome: Resolution::Ok(Json::Null) };
    assert_eq!(world.operate(run, act), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
}

#[test]
fn a_step_whose_outcome_is_unknown_is_listed_as_such() {
    let mut world = World::of(vec![step("a").s(), write("b").s()]).play("b", &[Play::Fault]);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Parked);
    assert_eq!(list(&world, "applied"), ["a"]);
    assert_eq!(list(&world, "unknown"), ["b"]);
    assert!(list(&world, "undone").is_empty());
}

#[test]
fn a_terminated_run_leaves_a_letter_for_what_is_unknown_and_lists_what_was_undone() {
    let body = vec![step("a").s(), pivot("p").s()];
    let mut world = World::of(body).play("p", &[Play::Lost]);
    let run = world.start();
    world.run_calls();
    assert_eq!(world.operate(run, Act::Terminate), Answer::Done);
    assert_eq!(world.status(run), Status::Cancelled);
    let letters: Vec<_> =
        world.open_items("dead_letter").iter().map(|item| item.body["path"].clone()).collect();
    assert_eq!(letters, ["a", "p"]);
    assert_eq!(list(&world, "not_undone"), ["a"]);
    assert_eq!(list(&world, "unknown"), ["p"]);
}

#[test]
fn an_ask_that_finds_nothing_is_not_listed_as_unknown() {
    let lost = [Play::Lost, Play::Lost, Play::Lost, Play::Failed("Declined")];
    let mut world = World::of(vec![step("x").s(), asking("a").s()])
        .play("a", &lost)
        .play("unx", &[Play::Fault]);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Undoing);
    assert_eq!(list(&world, "applied"), ["x"]);
    assert_eq!(list(&world, "unknown"), ["unx".replace("unx", "x/undo/unx")]);
}

#[test]
fn an_undo_that_was_given_up_is_not_said_to_be_needless() {
    let mut world = World::of(vec![step("a").s(), step("b").s()])
        .play("b", &[Play::Failed("Declined")])
        .play("una", &[Play::Fault]);
    let run = world.start();
    world.settle();
    let act = Act::Resolve { path: "a".into(), outcome: Resolution::GiveUp };
    assert_eq!(world.operate(run, act), Answer::Done);
    let happened = world.happened(run);
    assert!(happened.iter().any(|h| matches!(h, Happened::GaveUp { .. })));
    assert!(!happened.iter().any(|h| matches!(h, Happened::NotNeeded { .. })));
}

#[test]
fn the_letter_of_an_undo_that_was_given_up_says_who_and_why() {
    // It used to be closed as `done`, like one whose undo had succeeded.
    let letter = |outcome| {
        let mut world = World::of(vec![step("a").s(), step("b").s()])
            .play("b", &[Play::Failed("Declined")])
            .play("una", &[Play::Fault]);
        let run = world.start();
        world.settle();
        let item = world.open_items("dead_letter")[0].id.clone();
        let act = Act::Resolve { path: "a".into(), outcome };
        assert_eq!(world.operate(run, act), Answer::Done);
        world.settle();
        assert_eq!(world.status(run), Status::Failed);
        let row = world.store.items[&item].clone();
        assert!(!row.open);
        row.body
    };
    let given_up = letter(Resolution::GiveUp);
    let said = ["resolved", "actor", "reason"].map(|name| given_up[name].clone());
    assert_eq!(said, ["given up", "ann", "because"]);
    assert_eq!(given_up["effects"]["not_undone"][0]["path"], "a", "it still stands");
    assert_eq!(letter(Resolution::Ok(Json::Null))["resolved"], "done");
}

#[test]
fn a_condition_with_a_bug_opens_one_letter_and_closes_it_with_its_wait() {
    let arm = Arm::Event(event("shop.Paid", "o-1"));
    let wait = S::Wait { at: "w", arms: vec![(arm, Vec::new())], within: Some(60_000) };
    let mut world = World::new(Program::new(vec![wait]).arc());
    let run = world.start();
    let bad = || serde_json::json!({ "bug": true });
    world.deliver_with("e-1", "shop.Paid", "o-1", bad());
    world.deliver_with("e-2", "shop.Paid", "o-1", bad());
    world.restart();
    assert_eq!(world.open_items("dead_letter").len(), 1);
    assert_eq!(world.status(run), Status::Parked, "a fault parks");
    assert_eq!(world.operate(run, Act::Cancel), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Cancelled);
    assert!(world.open_items("dead_letter").is_empty());
}

#[test]
fn a_retried_letter_that_is_closed_already_changes_nothing() {
    let mut world = World::of(vec![step("a").s()]).play("a", &[Play::Fault, Play::Silent]);
    let run = world.start();
    world.settle();
    let item = world.open_items("dead_letter")[0].id.clone();
    assert_eq!(world.operate(run, Act::Retry(Some(item.clone()))), Answer::Done);
    let sent = world.pending.len();
    assert_eq!(world.operate(run, Act::Retry(Some(item))), Answer::TooLate);
    assert_eq!(world.pending.len(), sent, "twice clicked is one replay");
}

#[test]
fn a_long_run_names_its_latest_effects_and_its_records_do_not_grow() {
    let at = |n: usize| -> &'static str { Box::leak(format!("s{n:03}").into_boxed_str()) };
    let count = crate::limits::EFFECTS + 8;
    let mut body: Vec<_> = (0..count).map(|n| write(at(n)).s()).collect();
    body.push(step("last").s());
    let mut world = World::of(body).play("last", &[Play::Fault]);
    world.unchecked = true;
    let run = world.start();
    world.run_calls();
    assert_eq!(world.status(run), Status::Parked);
    let applied = list(&world, "applied");
    assert_eq!((applied.len(), applied[0].as_str()), (crate::limits::EFFECTS, at(8)));
    assert_eq!(world.open_items("dead_letter")[0].body["effects"]["more"], 8);
    let records = world.records(run);
    let size = |number: usize| {
        let parts = records[number].parts.set.iter();
        let rest = parts.filter(|(part, _)| !matches!(part, crate::journal::Part::Fiber(_)));
        rest.map(|(_, body)| body.get().len()).sum::<usize>()
    };
    let (early, late) = (size(5), size(count - 5));
    assert!(late < early + 20, "record 5 has {early} bytes, a late one {late}");
}

#[test]
fn a_key_that_no_store_holds_is_a_fault_of_its_run_and_nothing_of_it_is_written() {
    let emit = S::Emit { event: "shop.Shipped", key: "o\u{0}1" };
    let arm = Arm::Event(event("shop.Paid", "o\u{0}1"));
    let wait = S::Wait { at: "w", arms: vec![(arm, Vec::new())], within: None };
    for (body, name) in [(emit, "shop.Shipped"), (wait, "shop.Paid")] {
        let mut world = World::of(vec![step("a").s(), body]);
        let run = world.start();
        world.settle();
        assert_eq!(world.status(run), Status::Parked);
        let letter = world.open_items("dead_letter")[0].body.clone();
        assert_eq!((&letter["kind"], &letter["path"]), (&"fault".into(), &"a".into()));
        let words = format!("the key of `{name}` holds the character U+0000, which no store takes");
        assert_eq!(letter["message"], words);
        let (status, retried) = (Act::Retry(None), Answer::Done);
        assert_eq!(world.operate(run, status), retried);
        assert_eq!(world.status(run), Status::Parked, "the program is as it was");
    }
}

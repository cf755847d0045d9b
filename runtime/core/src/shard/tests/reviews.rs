//! Reviews are closed once, by whom and with which word, also when their run has ended long ago; and
//! what people say about a task.

use super::program::{S, step};
use super::world::{Crash, World};
use crate::codegen::{Arm, Json};
use crate::id::RunId;
use crate::journal::Happened;
use crate::port::ItemRow;
use crate::shard::{Actor, Answer, Input, TaskAct};
use crate::status::Status;

fn reviewed(world: &mut World, item: &str, who: &str) -> u64 {
    world.token += 1;
    world.apply(Input::Review {
        item: item.into(),
        actor: Actor { name: who.into(), ..Actor::default() },
        reason: "looks right".into(),
        token: Some(world.token),
    });
    world.token
}

fn open(world: &mut World, run: RunId, kind: &str) -> String {
    let id = format!("{run}.77");
    let row = ItemRow {
        id: id.clone(),
        kind: kind.into(),
        namespace: "default".into(),
        run: Some(run),
        open: true,
        at: world.now,
        body: serde_json::json!({ "text": "look at this", "path": "a" }),
    };
    world.store.items.insert(id.clone(), row);
    id
}

#[test]
fn a_review_is_closed_once_with_a_name_and_a_reason_while_its_run_goes_on_and_after_it() {
    for ended in [false, true] {
        let mut world = World::of(vec![step("a").s()]);
        let run = world.start();
        if ended {
            world.settle();
            assert_eq!(world.status(run), Status::Completed);
        }
        let item = open(&mut world, run, "review");
        let first = reviewed(&mut world, &item, "ann");
        assert_eq!(world.answers.get(&first), Some(&Answer::Done));
        world.restart();
        let late = reviewed(&mut world, &item, "bob");
        assert_eq!(world.answers.get(&late), Some(&Answer::TooLate));
        let row = &world.store.items[&item];
        assert!(!row.open);
        assert_eq!(
            (&row.body["resolved_by"], &row.body["reason"]),
            (&"ann".into(), &"looks right".into())
        );
        assert_eq!(row.body["text"], "look at this", "what it was about stays");
        let told = world.happened(run).iter().any(|h| matches!(h, Happened::Reviewed { .. }));
        assert_eq!(told, !ended, "the history of a run that has ended is closed");
        world.settle();
        assert_eq!(world.status(run), Status::Completed);
    }
}

#[test]
fn of_two_who_resolve_a_review_at_once_one_is_too_late() {
    let mut world = World::of(vec![step("a").s()]);
    let run = world.start();
    let item = open(&mut world, run, "review");
    let ask = |world: &mut World, token| {
        let actor = Actor { name: format!("p{token}"), ..Actor::default() };
        let input =
            Input::Review { item: item.clone(), actor, reason: String::new(), token: Some(token) };
        world.shard.apply(world.now, input)
    };
    // Both are asked before the store has answered for either.
    let (mut out, second) = (ask(&mut world, 101), ask(&mut world, 102));
    assert!(second.effects.is_empty(), "the second waits for the same answer");
    out.merge(second);
    world.finish(out);
    assert_eq!(world.answers.get(&101), Some(&Answer::Done));
    assert_eq!(world.answers.get(&102), Some(&Answer::TooLate));
}

#[test]
fn only_reviews_are_resolved_as_reviews() {
    let mut world = World::of(vec![step("a").s()]);
    let run = world.start();
    let item = open(&mut world, run, "task");
    for item in [item.as_str(), "nothing"] {
        let token = reviewed(&mut world, item, "ann");
        assert_eq!(world.answers.get(&token), Some(&Answer::NotFound), "{item}");
    }
    assert!(world.store.items[&item].open);
}

#[test]
fn a_review_whose_closing_was_lost_in_a_crash_is_still_open_and_nobody_was_told_otherwise() {
    let mut world = World::of(vec![step("a").s()]);
    let run = world.start();
    world.settle();
    let item = open(&mut world, run, "review");
    world.crash = Crash::Before(world.commits + 1);
    let lost = reviewed(&mut world, &item, "ann");
    assert_eq!(world.answers.get(&lost), None);
    assert!(world.store.items[&item].open);
    let again = reviewed(&mut world, &item, "ann");
    assert_eq!(world.answers.get(&again), Some(&Answer::Done));
}

#[test]
fn a_comment_is_recorded_whoever_has_claimed_the_task_and_is_too_late_when_it_is_answered() {
    let arm = Arm::Task {
        task: "Approve".into(),
        title: "Approve?".into(),
        assign: vec!["role:fraud".into()],
        show: Json::Null,
    };
    let wait = S::Wait { at: "w", arms: vec![(arm, Vec::new())], within: Some(60_000) };
    let mut world = World::of(vec![wait]);
    let run = world.start();
    let item = world.open_items("task")[0].id.clone();
    let fraud =
        |name: &str| Actor { name: name.into(), roles: vec!["fraud".into()], everything: false };
    assert_eq!(world.act(&item, TaskAct::Claim, fraud("ann")), Answer::Done);
    let comment = || TaskAct::Comment("called the customer".into());
    assert_eq!(world.act(&item, comment(), Actor::default()), Answer::Forbidden);
    assert_eq!(world.act(&item, comment(), fraud("bob")), Answer::Done);
    assert_eq!(world.act(&item, TaskAct::Answer(Json::Bool(true)), fraud("ann")), Answer::Done);
    assert_eq!(world.act(&item, comment(), fraud("bob")), Answer::NotFound, "the run has ended");
    let comments = world.happened(run).into_iter().filter_map(|happened| match happened {
        Happened::Commented { actor, text, .. } => Some((actor, text)),
        _ => None,
    });
    assert_eq!(comments.collect::<Vec<_>>(), [("bob".into(), "called the customer".to_owned())]);
}

//! Forks: coordinated interruption, `settle`, `max`, undo of branches.

use super::program::{On, S, fork, pivot, read, retry, step, write};
use super::world::{Play, World, crash_everywhere};
use crate::journal::Happened;
use crate::run::State;
use crate::status::Status;

fn settle_fork(branches: Vec<Vec<S>>, max: Option<u32>) -> S {
    S::Fork { at: "all", branches, max, settle: true }
}

#[test]
fn branches_run_together_and_each_effect_is_one_record() {
    let body = vec![fork("both", vec![vec![step("a").s()], vec![step("b").s()]]), step("c").s()];
    let make = || World::of(body.clone());
    let mut world = make();
    let run = world.start();
    assert_eq!(world.pending.len(), 2, "both are in flight");
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.records(run).len(), 4);
    crash_everywhere(make);
}

#[test]
fn a_failing_branch_stops_its_siblings_and_all_are_undone() {
    let left = vec![step("a").s(), step("b").s()];
    let right = vec![step("c").s(), step("d").s(), step("e").s()];
    let body = vec![step("first").s(), fork("both", vec![left, right])];
    let make = || World::of(body.clone()).play("b", &[Play::Failed("Declined")]);
    let mut world = make();
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    let effects = world.effects();
    // d was in flight: it is awaited, and undone; e is never begun.
    assert_eq!(effects[..4], ["first", "a", "c", "d"]);
    let mut undone = effects[4..].to_vec();
    assert_eq!(undone.pop(), Some("unfirst"), "what came before is undone last");
    let d = undone.iter().position(|one| *one == "und");
    let c = undone.iter().position(|one| *one == "unc");
    assert!(d < c && undone.contains(&"una"));
    let mut plain = make();
    plain.start();
    plain.settle();
    for n in 1..=plain.commits {
        for crash in [super::world::Crash::Before(n), super::world::Crash::After(n)] {
            // Where a sibling stops may differ; that everything applied is undone may not.
            let mut world = make().crashing(crash);
            let run = world.start();
            world.settle();
            assert_eq!(world.status(run), Status::Failed);
            world.assert_undone();
        }
    }
}

#[test]
fn a_sibling_in_back_off_stops_there_and_its_unknown_step_is_undone() {
    let body = vec![fork("both", vec![vec![step("a").s()], vec![step("b").s()]])];
    let mut world =
        World::of(body).play("a", &[Play::Applied]).play("b", &[Play::Failed("Declined")]);
    let run = world.start();
    world.run_calls();
    // No time has passed: the back-off of a was a boundary.
    assert_eq!(world.status(run), Status::Failed);
    assert_eq!(world.calls(), ["a#1", "b#1", "una#1"]);
}

#[test]
fn a_write_without_undo_has_no_boundary_while_it_is_unresolved() {
    let body = vec![fork("both", vec![vec![write("a").s()], vec![step("b").s()]])];
    let mut world =
        World::of(body).play("a", &[Play::Applied]).play("b", &[Play::Failed("Declined")]);
    let run = world.start();
    world.run_calls();
    assert_eq!(world.status(run), Status::Running);
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    assert_eq!(world.calls(), ["a#1", "b#1", "a#2"], "it is asked until it answers");
}

#[test]
fn settle_undoes_the_failing_branch_alone() {
    let branch = |a, b| vec![step(a).s(), step(b).s()];
    let body = vec![settle_fork(vec![branch("a", "b"), branch("c", "d")], None), step("e").s()];
    let make = || World::of(body.clone()).play("b", &[Play::Failed("Declined")]);
    let mut world = make();
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    let effects = world.effects();
    assert!(effects.contains(&"una") && effects.contains(&"d") && !effects.contains(&"unc"));
    assert_eq!(effects.last(), Some(&"e"));
    crash_everywhere(make);
}

#[test]
fn no_more_branches_run_than_max_allows_and_waiting_ones_give_their_place_back() {
    let sleepy = |at, after: &'static str| vec![S::Sleep { at, ms: 60_000 }, step(after).s()];
    let branches = vec![sleepy("s1", "a"), sleepy("s2", "b"), vec![step("c").s()]];
    let body = vec![S::Fork { at: "all", branches, max: Some(1), settle: false }];
    let mut world = World::of(body);
    let run = world.start();
    world.run_calls();
    assert_eq!(world.effects(), ["c"], "sleeping branches hold no place");
    world.pass(60_000);
    assert_eq!(world.pending.len(), 1, "one place, one call");
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["c", "a", "b"]);
}

#[test]
fn a_pivot_in_a_branch_drops_what_its_plain_sibling_has_done() {
    let left = vec![pivot("p").s()];
    let late = write("w").with(|spec| spec.retry = retry(None)).s();
    let body = vec![step("a").s(), fork("both", vec![left, vec![step("b").s(), late]])];
    let make = || World::of(body.clone());
    let mut world = make();
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    crash_everywhere(make);
    let mut world = make();
    let run = world.start();
    while !world.fold(run).is_some_and(|state| state.head().committed) {
        assert!(world.answer_one());
    }
    let state = world.fold(run).expect("a run");
    let only_own = state.nodes().len();
    let calls = state.fibers().values().filter_map(|fiber| fiber.call()?.entry).count();
    assert_eq!(only_own, calls, "only a step in flight keeps its own");
}

#[test]
fn nested_forks_are_undone_as_they_were_done() {
    let inner = fork("inner", vec![vec![step("a").s()], vec![step("b").s()]]);
    let body =
        vec![fork("outer", vec![vec![inner, step("c").s()], vec![step("d").s()]]), step("e").s()];
    let make = || World::of(body.clone()).play("e", &[Play::Failed("Declined")]);
    let mut world = make();
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    world.assert_undone();
    let effects = world.effects();
    let at = |name: &str| effects.iter().position(|one| *one == name);
    assert!(at("unc") < at("una") && at("unc") < at("unb"));
    crash_everywhere(make);
}

#[test]
fn reads_in_branches_need_no_undo_and_fail_as_timeout_or_exhausted() {
    let body = vec![fork("both", vec![vec![read("x").on(On::Use).s()], vec![step("a").s()]])];
    let mut world = World::of(body).play("x", &[Play::Lost, Play::Lost, Play::Applied]);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    let joined = |happened: &Happened| matches!(happened, Happened::Joined { .. });
    assert!(world.happened(run).iter().any(joined));
}

#[test]
fn a_join_of_a_thousand_branches_writes_small_records() {
    let at = |n: usize| -> &'static str { Box::leak(format!("s{n}").into_boxed_str()) };
    let branches = (0..1_000).map(|n| vec![write(at(n)).s()]).collect();
    let mut world = World::of(vec![fork("all", branches)]);
    world.unchecked = true;
    let run = world.start();
    world.run_calls();
    assert_eq!(world.status(run), Status::Completed);
    let rows: Vec<_> = world.store.rows.iter().map(|row| row.body.len()).collect();
    let middle = rows[500];
    assert!(middle < 2_000, "a branch's record does not carry its siblings: {middle}");
    let joins = |fiber: &crate::run::Fiber| matches!(fiber.state, State::Join(_));
    assert!(!world.fold(run).expect("a run").fibers().values().any(joins));
}

//! Moves to another version: what was recorded stands, what follows is the new program, and who cannot
//! move altogether stays.

use super::program::{On, Program, S, event, fork, retry, step, unit, write};
use super::world::{Crash, Play, World, crash_everywhere};
use crate::codegen::{Arm, Json, Ty, UpgradeSpec};
use crate::id::RunId;
use crate::journal::Happened;
use crate::run::{ROOT, State};
use crate::shard::{Act, Answer, Stays, TaskAct};
use crate::status::Status;
use std::sync::Arc;

const MOVE: Act = Act::Upgrade { dry_run: false };

fn paid(at: &'static str) -> S {
    let arm = Arm::Event(event("shop.Paid", "o-1"));
    S::Wait { at, arms: vec![(arm, Vec::new())], within: None }
}

/// The second version, which takes runs of the first at every point, and gives them a stamp.
fn second(program: Program) -> Program {
    program.with(|spec| {
        (spec.version, spec.hash) = (2, "h2".to_owned());
        for point in spec.points.values_mut() {
            point.live = [("order".to_owned(), Ty::Text), ("stamp".to_owned(), Ty::Text)].into();
        }
        let gives = vec![("stamp".to_owned(), 0)];
        let points = spec.points.keys().map(|at| (at.clone(), gives.clone())).collect();
        let clause =
            UpgradeSpec { from: 1, hash: "h1".to_owned(), points, ..UpgradeSpec::default() };
        spec.upgrades = vec![clause];
    })
}

/// A world whose process is replaced by one that serves both versions.
fn deploy(world: &mut World, program: Program) {
    world.machines.add(Arc::new(program));
    world.restart();
}

fn version(world: &World, run: RunId) -> u32 {
    world.fold(run).expect("a run").origin().version
}

#[test]
fn a_run_at_a_wait_goes_on_with_the_new_program() {
    let mut world = World::of(vec![step("a").s(), paid("w")]);
    let run = world.start();
    world.run_calls();
    deploy(&mut world, second(Program::new(vec![step("a").s(), paid("w"), step("b").s()])));
    assert_eq!(version(&world, run), 1, "nobody moves by itself");
    assert_eq!(world.operate(run, MOVE), Answer::Done);
    let moved = world.happened(run).into_iter().any(|line| {
        let Happened::Upgraded { from, to, actor, reason } = line else { return false };
        (from, to, actor.as_str(), reason.as_str()) == (1, 2, "ann", "because")
    });
    assert!(moved, "it is in its history who did it, and why");
    let frame = &world.fold(run).expect("a run").fiber(ROOT).expect("its root").frame;
    assert_eq!(frame.values.get("stamp"), Some(&Json::from("v1.0 of o-1")));
    assert_eq!(frame.values.get("a"), None, "what the new program does not need is left behind");
    world.restart();
    assert_eq!(version(&world, run), 2, "whoever takes over knows it");
    world.deliver("e-1", "shop.Paid", "o-1");
    world.settle();
    assert_eq!((world.status(run), world.effects()), (Status::Completed, vec!["a", "b"]));
    let row = &world.store.runs[&run];
    assert_eq!((row.version, row.hash.as_str()), (2, "h2"));
}

#[test]
fn the_row_of_a_run_that_is_listed_names_the_new_version_at_once() {
    let mut world = World::of(vec![paid("w")]);
    let run = world.start();
    world.pass(60_000);
    assert_eq!(world.store.runs[&run].version, 1);
    deploy(&mut world, second(Program::new(vec![paid("w"), step("b").s()])));
    world.operate(run, MOVE);
    assert_eq!(world.store.runs[&run].version, 2);
}

#[test]
fn a_crash_before_the_record_leaves_it_on_the_old_version_and_one_after_it_on_the_new() {
    for after in [false, true] {
        let mut world = World::of(vec![step("a").s(), paid("w")]);
        let run = world.start();
        world.run_calls();
        deploy(&mut world, second(Program::new(vec![step("a").s(), paid("w"), step("b").s()])));
        let next = world.commits + 1;
        world.crash = if after { Crash::After(next) } else { Crash::Before(next) };
        world.operate_unheard(run, MOVE);
        world.crash = Crash::Never;
        assert_eq!(version(&world, run), if after { 2 } else { 1 });
        world.deliver("e-1", "shop.Paid", "o-1");
        world.settle();
        let wanted = if after { vec!["a", "b"] } else { vec!["a"] };
        assert_eq!((world.status(run), world.effects()), (Status::Completed, wanted));
    }
}

#[test]
fn a_call_under_way_is_called_under_its_key_again_and_its_answer_is_taken() {
    for plays in [vec![Play::Lost], vec![Play::Silent]] {
        let mut world = World::of(vec![step("a").s()]).play("a", &plays);
        let run = world.start();
        world.run_calls();
        deploy(&mut world, second(Program::new(vec![step("a").s(), step("b").s()])));
        assert_eq!(world.operate(run, MOVE), Answer::Done);
        world.settle();
        assert_eq!((world.status(run), world.effects()), (Status::Completed, vec!["a", "b"]));
        let keys = world.keys_of("a");
        assert!(keys.len() > 1 && keys.iter().all(|key| *key == keys[0]), "one key: {keys:?}");
    }
}

#[test]
fn what_was_done_before_is_undone_under_the_new_version_as_it_was_armed() {
    let first = vec![step("a").s(), paid("w")];
    let next = vec![step("a").s(), paid("w"), write("b").on(On::Propagate).s()];
    let mut world = World::of(first).play("b", &[Play::Failed("Declined")]);
    let run = world.start();
    world.run_calls();
    let armed = world.fold(run).expect("a run").nodes().clone();
    deploy(&mut world, second(Program::new(next)));
    world.operate(run, MOVE);
    assert_eq!(world.fold(run).expect("a run").nodes(), &armed, "nothing is armed anew");
    world.deliver("e-1", "shop.Paid", "o-1");
    world.settle();
    assert_eq!((world.status(run), world.effects()), (Status::Failed, vec!["a", "una"]));
    world.assert_undone();
    let undo = world.sends.iter().find(|send| send.call.action == "una").expect("it was undone");
    assert_eq!(undo.args["order"], "o-1", "with what was captured");
}

#[test]
fn branches_and_units_move_with_their_run() {
    let body = |tail: Vec<S>| {
        let left = vec![step("a").s(), paid("w")];
        let scope = unit("extras", vec![step("c").s(), paid("x")], Some(Vec::new()));
        let mut body = vec![fork("both", vec![left, vec![scope.s()]])];
        body.extend(tail);
        body
    };
    let mut world = World::of(body(Vec::new())).play("z", &[Play::Failed("Declined")]);
    let run = world.start();
    world.run_calls();
    deploy(&mut world, second(Program::new(body(vec![write("z").s()]))));
    assert_eq!(world.operate(run, MOVE), Answer::Done);
    let state = world.fold(run).expect("a run");
    let frames = state
        .fibers()
        .values()
        .flat_map(|fiber| fiber.units.iter().map(|unit| &unit.frame).chain([&fiber.frame]));
    assert!(frames.into_iter().all(|frame| frame.values.contains_key("stamp")), "{state:?}");
    assert_eq!(state.fibers().iter().count(), 3);
    world.deliver("e-1", "shop.Paid", "o-1");
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    world.assert_undone();
}

#[test]
fn a_scope_that_waits_to_be_done_again_is_done_again_under_new_keys() {
    let scope = |tail: Vec<S>| {
        let body = vec![step("a").s(), step("b").s()];
        let scope = unit("block", body, None).with(|unit| {
            let mut policy = retry(Some(3));
            policy.on = vec!["Declined".into()];
            unit.spec.retry = Some(policy);
        });
        let mut all = vec![scope.s()];
        all.extend(tail);
        all
    };
    let mut world = World::of(scope(Vec::new())).play("b", &[Play::Failed("Declined")]);
    let run = world.start();
    world.run_calls();
    let root = world.fold(run).and_then(|state| state.fiber(ROOT)).expect("its root");
    assert!(matches!(root.state, State::Again { .. }), "{root:?}");
    deploy(&mut world, second(Program::new(scope(vec![step("z").s()]))));
    assert_eq!(world.operate(run, MOVE), Answer::Done);
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["a", "una", "a", "b", "z"]);
    let keys = world.keys_of("a");
    assert!(keys[0] != keys[1], "what was undone is not called under its key again");
}

#[test]
fn a_question_stays_asked_and_its_answer_goes_on_with_the_new_program() {
    let mut world = World::of(vec![S::Manual { at: "m" }]);
    let run = world.start();
    let item = world.open_items("task")[0].id.clone();
    deploy(&mut world, second(Program::new(vec![S::Manual { at: "m" }, step("b").s()])));
    assert_eq!(world.operate(run, MOVE), Answer::Done);
    let person = crate::shard::Actor { everything: true, ..Default::default() };
    assert_eq!(world.act(&item, TaskAct::Answer(Json::Null), person), Answer::Done);
    world.settle();
    assert_eq!((world.status(run), world.effects()), (Status::Completed, vec!["b"]));
}

#[test]
fn a_run_that_a_bug_has_parked_goes_on_where_the_new_version_has_none() {
    let program = Program::new(vec![step("a").s(), S::Bug { at: "bug" }, step("b").s()]);
    program.bug.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut world = World::new(Arc::new(program));
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Parked);
    deploy(&mut world, second(Program::new(vec![step("a").s(), step("b").s()])));
    assert_eq!(world.operate(run, MOVE), Answer::Done);
    assert_eq!(world.status(run), Status::Parked, "it is moved, and tried again when one says so");
    assert_eq!(world.operate(run, Act::Retry(None)), Answer::Done);
    world.settle();
    assert_eq!((world.status(run), world.effects()), (Status::Completed, vec!["a", "b"]));
    assert_eq!(world.keys_of("a").len(), 1, "what was done is not done again");
}

#[test]
fn what_is_done_after_a_failure_begins_with_what_the_run_was_given() {
    let first = Program::new(vec![paid("w")]);
    let program = second(Program::new(vec![paid("w"), write("b").s()]).after(vec![step("z").s()]));
    let mut world = World::new(first.arc()).play("b", &[Play::Failed("Declined")]);
    world = world.play("z", &[Play::Silent]);
    let run = world.start();
    deploy(&mut world, program);
    assert_eq!(world.operate(run, MOVE), Answer::Done);
    world.deliver("e-1", "shop.Paid", "o-1");
    world.run_calls();
    let state = world.fold(run).expect("a run");
    let after = state.fibers().values().next().expect("it does what is left");
    assert_eq!(after.frame.values.get("stamp"), Some(&Json::from("v1.0 of o-1")), "{after:?}");
    assert_eq!(
        world.fold(run).expect("a run").origin().input.values().len(),
        1,
        "its input is its input"
    );
}

#[test]
fn a_run_stays_where_it_cannot_move_altogether_and_says_why() {
    let stay = |program: Program| {
        let mut world = World::of(vec![step("a").s(), paid("w")]);
        let run = world.start();
        world.run_calls();
        deploy(&mut world, program);
        let records = world.records(run).len();
        let answer = world.operate(run, MOVE);
        assert_eq!((version(&world, run), world.records(run).len()), (1, records), "{answer:?}");
        answer
    };
    let next = || Program::new(vec![step("a").s(), paid("w"), step("b").s()]);
    let newest = |spec: &mut crate::codegen::WorkflowSpec| {
        (spec.version, spec.hash) = (2, "h2".to_owned());
    };
    let none = next().with(newest);
    assert_eq!(stay(none), Answer::Stays(Stays::NotTaken { from: 1, to: 2 }));
    let other = second(next()).with(|spec| spec.upgrades[0].hash = "h9".to_owned());
    assert_eq!(stay(other), Answer::Stays(Stays::NotTaken { from: 1, to: 2 }));
    let nowhere = second(next()).with(|spec| drop(spec.upgrades[0].points.remove("w")));
    assert_eq!(stay(nowhere), Answer::Stays(Stays::Nowhere("w".to_owned())));
    let path = second(next()).with(|spec| {
        spec.points.get_mut("w").expect("it waits").path = "elsewhere".to_owned();
    });
    assert_eq!(stay(path), Answer::Stays(Stays::Nowhere("w".to_owned())));
    let lacks = second(next()).with(|spec| {
        spec.points.get_mut("w").expect("it waits").live.insert("more".to_owned(), Ty::Text);
    });
    let Answer::Stays(Stays::Value { at, why }) = stay(lacks) else { panic!("it lacks a value") };
    assert!(at == "w" && why.contains("`more`"), "{at}: {why}");
    assert_eq!(stay(Program::new(vec![paid("w")])), Answer::Stays(Stays::Newest(1)));
}

#[test]
fn a_run_that_is_being_undone_ends_that_on_its_version() {
    let body = vec![step("a").s(), write("b").s()];
    let plays = [Play::Silent];
    let world = World::of(body.clone()).play("b", &[Play::Failed("Declined")]).play("una", &plays);
    let mut world = world;
    let run = world.start();
    world.run_calls();
    assert_eq!(world.status(run), Status::Undoing);
    let mut next = body;
    next.push(step("z").s());
    deploy(&mut world, second(Program::new(next)));
    assert_eq!(world.operate(run, MOVE), Answer::Stays(Stays::Unwinding));
    world.settle();
    assert_eq!((world.status(run), version(&world, run)), (Status::Failed, 1));
    world.assert_undone();
    assert_eq!(world.operate(run, MOVE), Answer::NotFound, "it has ended");
}

#[test]
fn a_transaction_that_is_with_its_database_ends_first() {
    let block = || {
        let call =
            write("t").with(|spec| spec.isolation = Some(crate::codegen::Isolation::Serializable));
        vec![call.s(), paid("w")]
    };
    let mut world = World::of(block()).play("t", &[Play::Silent]);
    let run = world.start();
    world.run_calls();
    deploy(&mut world, second(Program::new(block())));
    assert_eq!(world.operate(run, MOVE), Answer::Stays(Stays::Busy("t".to_owned())));
    world.settle();
    assert_eq!(world.operate(run, MOVE), Answer::Done);
}

#[test]
fn asking_whether_it_would_move_changes_nothing() {
    let mut world = World::of(vec![paid("w")]);
    let run = world.start();
    deploy(&mut world, second(Program::new(vec![paid("w"), step("b").s()])));
    let records = world.records(run).len();
    assert_eq!(world.operate(run, Act::Upgrade { dry_run: true }), Answer::Done);
    assert_eq!((version(&world, run), world.records(run).len()), (1, records));
    assert_eq!(world.operate(run, MOVE), Answer::Done);
    let again = world.operate(run, MOVE);
    assert_eq!(again, Answer::Stays(Stays::Newest(2)), "asked twice, moved once");
}

#[test]
fn a_moved_run_ends_alike_with_a_crash_before_and_after_every_record() {
    crash_everywhere(|| {
        let mut world = World::of(vec![paid("w"), step("a").s()]).play("b", &[Play::Lost]);
        let run = world.start();
        deploy(&mut world, second(Program::new(vec![paid("w"), step("a").s(), step("b").s()])));
        world.operate(run, MOVE);
        world.deliver("e-1", "shop.Paid", "o-1");
        world.commits = 0;
        world
    });
}

#[test]
fn a_run_stays_within_a_block_that_began_as_one_that_never_runs_again() {
    let scope = |tries: Option<u32>| {
        let block = unit("block", vec![step("a").s(), paid("w"), step("b").s()], None);
        vec![block.with(|unit| unit.spec.retry = tries.map(|tries| retry(Some(tries)))).s()]
    };
    let may_move = |old, new| {
        let mut world = World::of(scope(old));
        let run = world.start();
        world.run_calls();
        deploy(&mut world, second(Program::new(scope(new))));
        world.operate(run, MOVE)
    };
    // The key of `a` is not remembered, so that what a second time calls would have it again.
    let once = Answer::Stays(Stays::Once("block".to_owned()));
    assert_eq!(may_move(None, Some(3)), once);
    assert_eq!(may_move(Some(1), Some(3)), once);
    assert_eq!(may_move(Some(3), Some(5)), Answer::Done);
    assert_eq!(may_move(Some(3), None), Answer::Done);
    assert_eq!(may_move(None, Some(1)), Answer::Done);
}

#[test]
fn branches_that_a_bug_has_parked_where_they_begin_go_on_in_the_frame_of_their_fork() {
    let body =
        || vec![fork("all", vec![vec![S::Bug { at: "bug" }, step("a").s()], vec![step("b").s()]])];
    let program = Program::new(body()).with(|spec| {
        let all = spec.points.get_mut("all").expect("the fork's point");
        all.live = [("order".to_owned(), Ty::Text), ("list".to_owned(), Ty::Text)].into();
    });
    program.bug.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut world = World::new(Arc::new(program));
    let run = world.start();
    world.settle();
    let begun = world.fold(run).expect("a run");
    let parked = begun.fibers().iter().find(|(_, fiber)| matches!(fiber.state, State::Ready(_)));
    let (branch, parked) =
        parked.map(|(id, fiber)| (*id, fiber.frame.clone())).expect("one is parked");
    assert!(parked.values.is_empty(), "it has not begun: {parked:?}");
    deploy(&mut world, second(Program::new(body())));
    assert_eq!(world.operate(run, MOVE), Answer::Done);
    assert_eq!(world.fold(run).expect("a run").fiber(branch).expect("it").frame, parked);
}

//! Units: undo of what they did, retry with a new generation, deadlines, interrupts, the commit.

use super::program::{On, S, asking, event, fork, pivot, retry, step, unit, write};
use super::world::{Play, World, crash_everywhere};
use crate::shard::Answer;
use crate::status::Status;

#[test]
fn a_failed_scope_undoes_what_it_did_and_its_handler_goes_on() {
    let scope = unit("extras", vec![step("a").s(), step("b").s()], Some(vec![step("h").s()]));
    let body = vec![step("first").s(), scope.s(), step("c").s()];
    let make = || World::of(body.clone()).play("b", &[Play::Failed("Declined")]);
    let mut world = make();
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["first", "a", "una", "h", "c"]);
    crash_everywhere(make);
}

#[test]
fn a_scope_that_completed_is_undone_with_the_rest() {
    let scope = unit("extras", vec![step("a").s()], Some(Vec::new()));
    let body = vec![scope.s(), step("b").s()];
    let mut world = World::of(body).play("b", &[Play::Failed("Declined")]);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Failed);
    assert_eq!(world.effects(), ["a", "una"]);
}

#[test]
fn a_scope_runs_again_with_new_keys_for_calls_and_undos() {
    let scope = unit("block", vec![step("a").s(), step("b").s()], None).with(|unit| {
        let mut policy = retry(Some(3));
        policy.on = vec!["Declined".into()];
        unit.spec.retry = Some(policy);
    });
    let body = vec![scope.s()];
    let declined = [Play::Failed("Declined"), Play::Failed("Declined")];
    let make = || World::of(body.clone()).play("b", &declined);
    let mut world = make();
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["a", "una", "a", "una", "a", "b"]);
    for action in ["a", "b", "una"] {
        let mut keys = world.keys_of(action);
        let all = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), all, "every call of `{action}` has its own key");
    }
    crash_everywhere(make);
}

#[test]
fn a_scope_does_not_repeat_declared_errors_its_policy_does_not_name() {
    let scope = unit("block", vec![step("a").s()], Some(vec![step("h").s()]))
        .with(|unit| unit.spec.retry = Some(retry(Some(3))));
    let mut world = World::of(vec![scope.s()]).play("a", &[Play::Failed("Declined")]);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.calls(), ["a#1", "h#1"]);
}

#[test]
fn a_scope_runs_again_only_when_no_undo_is_due() {
    let scope = unit("block", vec![step("a").on(On::Use).s(), step("b").s()], None)
        .with(|unit| unit.spec.retry = Some(retry(Some(2))));
    let lost = [Play::Applied, Play::Lost, Play::Lost];
    let refused = vec![Play::Refused; 3];
    let mut world = World::of(vec![scope.s()])
        .play("a", &lost)
        .play("una", &[Play::Refused, Play::Refused, Play::Refused, Play::Refused])
        .play("b", &refused);
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    let calls = world.calls();
    let again = calls.iter().rposition(|call| call == "a#1").expect("a second turn");
    let undone = calls.iter().rposition(|call| call.starts_with("una")).expect("an undo");
    assert!(undone < again, "{calls:?}");
}

#[test]
fn the_deadline_of_a_unit_stops_its_body_and_fails_as_timeout() {
    let body = vec![
        unit("block", vec![step("a").s(), S::Sleep { at: "s", ms: 60_000 }], Some(Vec::new()))
            .with(|unit| unit.spec.deadline_ms = Some(10_000))
            .s(),
        step("b").s(),
    ];
    let make = || World::of(body.clone());
    let mut world = make();
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["a", "una", "b"]);
    assert_eq!(world.now.0, 1_010_000);
    crash_everywhere(make);
}

#[test]
fn an_interrupt_stops_the_body_undoes_it_and_runs_its_handler() {
    for keep in [false, true] {
        let parts =
            vec![vec![step("a").s(), S::Sleep { at: "s", ms: 60_000 }], vec![step("b").s()]];
        let body = vec![
            unit("search", vec![fork("both", parts)], Some(vec![step("h").s()]))
                .with(|unit| {
                    unit.interrupts = vec![event("shop.Withdrawn", "o-1")];
                    unit.spec.keep = vec![keep];
                })
                .s(),
            step("c").s(),
        ];
        let mut world = World::of(body);
        let run = world.start();
        world.run_calls();
        assert_eq!(world.status(run), Status::Waiting);
        assert_eq!(world.deliver("e-1", "shop.Withdrawn", "o-1"), Answer::Done);
        world.settle();
        assert_eq!(world.status(run), Status::Completed);
        let mut undone: Vec<_> =
            world.effects().into_iter().filter(|e| e.starts_with("un")).collect();
        undone.sort_unstable();
        let expected: &[&str] = if keep { &[] } else { &["una", "unb"] };
        assert_eq!(undone, expected);
        assert_eq!(world.effects().last(), Some(&"c"));
        assert_eq!(world.now.0, 1_000_000, "nobody slept");
    }
}

#[test]
fn an_interrupt_sees_no_event_from_before_its_scope() {
    let body = vec![
        S::Sleep { at: "s", ms: 1_000 },
        unit("search", vec![S::Sleep { at: "t", ms: 1_000 }, step("a").s()], Some(Vec::new()))
            .with(|unit| unit.interrupts = vec![event("shop.Withdrawn", "o-1")])
            .s(),
    ];
    let mut world = World::of(body);
    let run = world.start();
    world.deliver("e-1", "shop.Withdrawn", "o-1");
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["a"]);
}

#[test]
fn after_the_commit_a_unit_still_keeps_its_own_until_it_ends() {
    let scope = |at| unit(at, vec![step("a").s(), step("b").s()], Some(Vec::new())).s();
    let body = vec![step("first").s(), pivot("p").s(), scope("extras"), step("c").s()];
    let make = || World::of(body.clone()).play("b", &[Play::Failed("Declined")]);
    let mut world = make();
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["first", "p", "a", "una", "c"]);
    crash_everywhere(make);
}

#[test]
fn a_due_undo_of_a_fallback_runs_beside_it_and_no_commit_drops_it() {
    let lost = [Play::Applied, Play::Lost, Play::Lost];
    let body = vec![
        step("a").on(On::Then(vec![step("alt").s()])).s(),
        pivot("p").s(),
        write("w").with(|spec| spec.retry = retry(None)).s(),
    ];
    let refused = vec![Play::Refused; 8];
    let make = || World::of(body.clone()).play("a", &lost).play("una", &refused);
    let mut world = make();
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.effects(), ["a", "alt", "p", "w", "una"]);
    crash_everywhere(make);
}

#[test]
fn an_ask_in_a_scope_is_settled_before_its_handler_runs() {
    let lost = [Play::Applied, Play::Lost, Play::Lost];
    let scope = unit("extras", vec![asking("a").s()], Some(vec![step("h").s()]));
    let make = || World::of(vec![scope.clone().s()]).play("a", &lost);
    let mut world = make();
    let run = world.start();
    world.settle();
    assert_eq!(world.status(run), Status::Completed);
    assert_eq!(world.calls(), ["a#1", "a#2", "a#3", "a#4", "una#1", "h#1"]);
    crash_everywhere(make);
}

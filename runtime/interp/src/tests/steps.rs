//! Steps: intent, outcome, handlers, fallbacks, undo.

use super::build::*;
use sagaflow_core::codegen::Machine as _;
use sagaflow_core::codegen::{Event, Failure, FailureKind, Leave, Next, Op, PointKind, UndoSpec};
use sagaflow_fir::{BinaryOp, CallUndo, Class, Fallback, LocalId, On, Remedy, Stmt, Ty};
use serde_json::json;

fn declared(name: &str, payload: serde_json::Value) -> Failure {
    Failure { kind: FailureKind::Declared, name: name.into(), payload, step: "a".into() }
}

fn built_in(kind: FailureKind) -> Failure {
    Failure { kind, name: String::new(), payload: json!(null), step: "a".into() }
}

/// `x = 2 * n   step y = S.put(n: x) … undo drop(y, x)   return x + y`
fn two_names() -> (Build, LocalId, LocalId, LocalId) {
    let mut build = Build::new();
    let n = build.param("n", Ty::Int);
    let x = build.local("x", Ty::Int);
    let y = build.local("y", Ty::Int);
    build.action(
        "put",
        Class::Write,
        &[("n", Ty::Int)],
        Some(Ty::Int),
        &[("Full", &[("left", Ty::Int)])],
    );
    build.point("a", &[x]);
    (build, n, x, y)
}

#[test]
fn a_step_rests_with_exactly_its_live_names_and_goes_on_from_them() {
    let (mut build, n, x, y) = two_names();
    build.flow.body = vec![
        Stmt::Let(x, op(BinaryOp::Mul, int(2), name(n, Ty::Int), Ty::Int)),
        run(step("a", "put", &[("n", name(x, Ty::Int))], Some(y))),
        Stmt::Return(Some(op(BinaryOp::Add, name(x, Ty::Int), name(y, Ty::Int), Ty::Int))),
    ];
    let machine = build.machine();
    let first = go(&machine, &frame("start", &[], json!({"n": 4})), Event::Enter);
    let Next::Call { frame: at, args, by, probe, undo } = first.next else { panic!("{first:?}") };
    assert_eq!(at, frame("a", &[], json!({"x": 8})));
    assert_eq!((args, by, probe, undo), (json!({"n": 8}), None, None, None));
    let last = go(&machine, &at, Event::Done(json!(5)));
    assert_eq!(last.next, Next::Return(json!(13)));
}

#[test]
fn captures_are_evaluated_before_the_call_and_an_undo_begins_from_them_and_the_result() {
    let (mut build, n, x, y) = two_names();
    let kept = build.local("kept", Ty::Int);
    let result = build.local("result#2", Ty::Int);
    build.action("drop", Class::Write, &[("n", Ty::Int), ("of", Ty::Int)], None, &[]);
    build.point("a/undo", &[kept, result]);
    build.point("a/undo/S.drop", &[kept]);
    let mut put = step("a", "put", &[("n", name(x, Ty::Int))], Some(y));
    let of = ("of", name(result, Ty::Int));
    put.undo = CallUndo::Block {
        at: "a/undo".into(),
        capture: vec![(kept, op(BinaryOp::Add, name(n, Ty::Int), int(1), Ty::Int))],
        result: Some(result),
        body: vec![run(step("a/undo/S.drop", "drop", &[("n", name(kept, Ty::Int)), of], None))],
    };
    build.flow.body = vec![Stmt::Let(x, int(1)), run(put), Stmt::Return(None)];
    let machine = build.machine();
    let first = go(&machine, &frame("start", &[], json!({"n": 4})), Event::Enter);
    let Next::Call { undo, .. } = first.next else { panic!("{first:?}") };
    assert_eq!(undo, Some([("kept".to_owned(), json!(5))].into()));
    let begin = frame("a/undo", &[], json!({"kept": 5, "result": 9}));
    let undoing = go(&machine, &begin, Event::Enter);
    let Next::Call { frame: at, args, .. } = undoing.next else { panic!("{undoing:?}") };
    assert_eq!(args, json!({"n": 5, "of": 9}));
    assert_eq!(at, frame("a/undo/S.drop", &[], json!({"kept": 5})));
    assert_eq!(go(&machine, &at, Event::Done(json!(null))).next, Next::End(json!(null)));
    let point = &machine.spec().points["a"];
    let PointKind::Call(call) = &point.kind else { panic!("{point:?}") };
    assert_eq!(call.undo, UndoSpec::Result("a/undo".into()));
}

#[test]
fn the_first_handler_that_fits_binds_the_payload_and_says_how_the_step_is_left() {
    let (mut build, _, x, y) = two_names();
    let left = build.local("left", Ty::Int);
    let mut put = step("a", "put", &[("n", int(1))], Some(y));
    put.handlers.on = vec![
        on(On::Unknown, &[], Remedy::Block { body: vec![Stmt::Skip], skips: true, fails: false }),
        on(On::Error("Full".into()), &[left], block(vec![Stmt::Use(name(left, Ty::Int))])),
        on(
            On::Refused,
            &[],
            Remedy::Block {
                body: vec![Stmt::Fail("Late".into(), vec![("by".into(), int(3))])],
                skips: false,
                fails: true,
            },
        ),
    ];
    let sum = op(BinaryOp::Add, name(x, Ty::Int), name(y, Ty::Int), Ty::Int);
    build.point("a", &[x]);
    build.flow.body = vec![Stmt::Let(x, int(1)), run(put), Stmt::Return(Some(sum))];
    let machine = build.machine();
    let at = frame("a", &[], json!({"x": 1}));
    let full = go(&machine, &at, Event::Failed(declared("Full", json!({"left": 6}))));
    assert_eq!((full.leave, full.next), (Leave::GoOn, Next::Return(json!(7))));
    let refused = go(&machine, &at, Event::Failed(built_in(FailureKind::Refused)));
    let late = Failure { step: String::new(), ..declared("Late", json!({"by": 3})) };
    assert_eq!((refused.leave, refused.next), (Leave::Fail, Next::Fail(late)));
    // `skip` binds nothing, so using the name would be a fault; the compiler forbids it.
    let skipped = go_or(&machine, &at, Event::Failed(built_in(FailureKind::Unknown)));
    assert!(skipped.is_err());
    let other = declared("Odd", json!(null));
    let unhandled = go(&machine, &at, Event::Failed(other.clone()));
    assert_eq!((unhandled.leave, unhandled.next), (Leave::Fail, Next::Fail(other)));
}

#[test]
fn skip_leaves_the_step_and_goes_on_after_it() {
    let (mut build, _, x, _) = two_names();
    let mut put = step("a", "put", &[("n", int(1))], None);
    let skip = Remedy::Block { body: vec![Stmt::Skip], skips: true, fails: false };
    put.handlers.otherwise = Some(skip);
    build.flow.body = vec![Stmt::Let(x, int(1)), run(put), Stmt::Return(Some(name(x, Ty::Int)))];
    let machine = build.machine();
    let at = frame("a", &[], json!({"x": 1}));
    let left = go(&machine, &at, Event::Failed(built_in(FailureKind::Unknown)));
    assert_eq!((left.leave, left.next), (Leave::Skip, Next::Return(json!(1))));
}

#[test]
fn manual_parks_at_the_steps_own_frame_with_its_question() {
    let (mut build, _, x, y) = two_names();
    let mut put = step("a", "put", &[("n", int(1))], Some(y));
    put.handlers.on = vec![on(On::Unknown, &[], Remedy::Manual(text("was it put?")))];
    build.flow.body = vec![Stmt::Let(x, int(1)), run(put), Stmt::Return(Some(name(y, Ty::Int)))];
    let machine = build.machine();
    let at = frame("a", &[], json!({"x": 1}));
    let parked = go(&machine, &at, Event::Failed(built_in(FailureKind::Unknown)));
    let question = "was it put?".to_owned();
    assert_eq!(parked.next, Next::Manual { frame: at.clone(), question });
    assert_eq!(go(&machine, &at, Event::Done(json!(2))).next, Next::Return(json!(2)));
}

#[test]
fn a_fallback_is_a_unit_whose_value_is_the_steps_and_whose_failure_meets_the_handlers() {
    let (mut build, _, x, y) = two_names();
    let z = build.local("z", Ty::Int);
    build.action("other", Class::Write, &[], Some(Ty::Int), &[]);
    build.point("a/fallback", &[x]);
    build.point("a/fallback/S.other", &[x]);
    let mut put = step("a", "put", &[("n", int(1))], Some(y));
    put.fallback = Some(Fallback {
        at: "a/fallback".into(),
        body: vec![
            run(step("a/fallback/S.other", "other", &[], Some(z))),
            Stmt::Use(name(z, Ty::Int)),
        ],
    });
    put.handlers.otherwise = Some(block(vec![Stmt::Use(int(100))]));
    let sum = op(BinaryOp::Add, name(x, Ty::Int), name(y, Ty::Int), Ty::Int);
    build.flow.body = vec![Stmt::Let(x, int(1)), run(put), Stmt::Return(Some(sum))];
    let machine = build.machine();
    let at = frame("a", &[], json!({"x": 1}));
    let tried = go(&machine, &at, Event::Failed(declared("Full", json!({"left": 0}))));
    let unit = frame("a/fallback", &[], json!({"x": 1}));
    assert_eq!(tried.ops, vec![Op::Enter { frame: unit.clone(), interrupts: vec![] }]);
    assert_eq!(tried.leave, Leave::GoOn);
    let Next::Call { frame: inner, .. } = tried.next else { panic!() };
    let used = go(&machine, &inner, Event::Done(json!(4)));
    assert_eq!(used.ops, vec![Op::Leave { at: "a/fallback".into() }]);
    assert_eq!(used.next, Next::Return(json!(5)));
    let failed = go(&machine, &unit, Event::Failed(built_in(FailureKind::Unknown)));
    assert_eq!((failed.ops, failed.next), (vec![], Next::Return(json!(101))));
}

#[test]
fn what_is_drawn_comes_from_the_draw_alone_in_evaluation_order() {
    let (mut build, _, x, y) = two_names();
    build.action("mark", Class::Write, &[("a", Ty::Uuid), ("b", Ty::Uuid)], None, &[]);
    let uuid = || builtin("new_uuid", vec![], Ty::Uuid);
    let mut mark = step("a", "mark", &[("a", uuid()), ("b", uuid())], None);
    mark.call.by = Some(vec![uuid(), builtin("now", vec![], Ty::Time)]);
    build.flow.body = vec![Stmt::Let(x, int(1)), run(mark), Stmt::Return(Some(int(1)))];
    let _ = y;
    let machine = build.machine();
    let begin = frame("start", &[], json!({"n": 1}));
    let one = go(&machine, &begin, Event::Enter);
    assert_eq!(one, go(&machine, &begin, Event::Enter));
    let Next::Call { args, by: Some(by), .. } = one.next else { panic!() };
    let mut same = draw();
    let mut next = || uuid_text(same.bytes());
    let drawn = [next(), next(), next()];
    assert_eq!(args, json!({"a": drawn[0], "b": drawn[1]}));
    assert_eq!(by, json!([drawn[2], "2023-11-14T22:13:20Z"]));
}

fn uuid_text(bytes: [u8; 16]) -> String {
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

#[test]
fn a_fault_is_told_without_values() {
    let (mut build, n, x, _) = two_names();
    let max = lit(Ty::Int, json!(i64::MAX));
    build.flow.body =
        vec![Stmt::Let(x, op(BinaryOp::Add, name(n, Ty::Int), max, Ty::Int)), Stmt::Return(None)];
    let machine = build.machine();
    let fault = go_or(&machine, &frame("start", &[], json!({"n": 4711})), Event::Enter);
    assert_eq!(fault.unwrap_err().message, "arithmetic overflow");
    let wrong = go_or(&machine, &frame("start", &[], json!({"n": "4711"})), Event::Enter);
    assert_eq!(wrong.unwrap_err().message, "`n`: a value is no int");
}

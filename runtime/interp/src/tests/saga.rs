//! A small order saga, run, failed, crashed and judged.
//!
//! ```text
//!  parallel { reserve ⟲ release · risk = score }   if risk > 80% { ok = await Review  if not ok { fail } }
//!  hold = authorize ⟲ void  on Declined => fail    pivot capture  on Expired => fail    receipt else skip
//!  after failure { apology else skip }
//! ```

use super::build::*;
use crate::simulate::{Failing, Plan, Program, Script, World};
use crate::test::TestReport;
use sagaflow_core::service::Purpose;
use sagaflow_core::status::Status;
use sagaflow_fir as fir;
use sagaflow_fir::{
    BinaryOp, CallUndo, Class, ForkStmt, Handlers, On, ParallelBlock, Remedy, Stmt, Test,
    TestOutcome, TestStmt, Ty,
};
use serde_json::json;
use std::sync::Arc;

fn fails(name: &str) -> Remedy {
    Remedy::Block { body: vec![Stmt::Fail(name.into(), vec![])], skips: false, fails: true }
}

fn skips() -> Option<Remedy> {
    Some(Remedy::Block { body: vec![Stmt::Skip], skips: true, fails: false })
}

fn saga() -> fir::Fir {
    let mut build = Build::new();
    let order = build.param("order", Ty::Text);
    let risk = build.local("risk", Ty::Percent);
    let ok = build.local("ok", Ty::Bool);
    let hold = build.local("hold", Ty::Text);
    let charged = build.local("charged", Ty::Int);
    let of_release = build.local("order#2", Ty::Text);
    let of_void = build.local("order#3", Ty::Text);
    let (error, place) =
        (build.local("failure.error", Ty::Text), build.local("failure.step", Ty::Text));
    build.flow.failure = Some((error, place));
    build.flow.fails = ["PaymentDeclined", "OutOfStock"]
        .map(|name| fir::ErrorDecl { name: name.into(), fields: vec![], transient: false })
        .to_vec();
    let by_order = [("order", Ty::Text)];
    build.action("reserve", Class::Write, &by_order, None, &[("OutOfStock", &[])]);
    build.action("release", Class::Write, &by_order, None, &[]);
    build.action("score", Class::Read, &by_order, Some(Ty::Percent), &[]);
    build.action(
        "authorize",
        Class::Write,
        &by_order,
        Some(Ty::Text),
        &[("Declined", &[("reason", Ty::Text)])],
    );
    build.action("void", Class::Write, &by_order, None, &[]);
    build.action(
        "capture",
        Class::Pivot,
        &[("hold", Ty::Text)],
        Some(Ty::Int),
        &[("Expired", &[])],
    );
    build.action("receipt", Class::Write, &by_order, None, &[]);
    build.action("apology", Class::Write, &by_order, None, &[]);
    let human = fir::Human {
        params: vec![],
        locals: vec![],
        answer: Ty::Bool,
        title: text("look at it"),
        assign: None,
        show: vec![],
    };
    build.fir.humans.insert("t.Review".into(), human);
    let o = || ("order", name(order, Ty::Text));

    let mut reserve = step("reserve", "reserve", &[o()], None);
    reserve.undo = undo("reserve", "release", order, of_release);
    let mut score = step("risk", "score", &[o()], Some(risk));
    score.class = Class::Read;
    score.handlers.otherwise = Some(block(vec![Stmt::Use(lit(Ty::Percent, json!("0%")))]));
    let mut authorize = step("hold", "authorize", &[o()], Some(hold));
    authorize.undo = undo("hold", "void", order, of_void);
    authorize.handlers.on = vec![on(On::Error("Declined".into()), &[], fails("PaymentDeclined"))];
    let mut capture = step("charged", "capture", &[("hold", name(hold, Ty::Text))], Some(charged));
    (capture.class, capture.commits) = (Class::Pivot, true);
    capture.call.retry.attempts = None;
    capture.handlers.on = vec![on(On::Error("Expired".into()), &[], fails("PaymentDeclined"))];
    let mut receipt = step("S.receipt", "receipt", &[o()], None);
    receipt.handlers.otherwise = skips();
    let mut apology = step("after/S.apology", "apology", &[o()], None);
    apology.handlers.otherwise = skips();
    let review = fir::AwaitStmt {
        at: "ok".into(),
        arms: vec![fir::Arm {
            wait: fir::ArmWait::Task("t.Review".into(), vec![]),
            bind: Some(ok),
            body: vec![],
        }],
        until: Some(lit(Ty::Duration, json!("4h"))),
        handlers: Handlers {
            on: vec![on(On::Timeout, &[], fails("PaymentDeclined"))],
            otherwise: None,
        },
    };
    let risky = op(BinaryOp::Gt, name(risk, Ty::Percent), lit(Ty::Percent, json!("80%")), Ty::Bool);
    let rejected =
        expr(Ty::Bool, fir::ExprKind::Unary(fir::UnaryOp::Not, Box::new(name(ok, Ty::Bool))));
    build.flow.body = vec![
        Stmt::Fork(Box::new(ForkStmt {
            at: "parallel".into(),
            max: None,
            branches: ParallelBlock::Fixed(vec![
                (vec![run(reserve)], vec![]),
                (vec![run(score)], vec![risk]),
            ]),
        })),
        Stmt::If(
            risky,
            vec![
                Stmt::Await(Box::new(review)),
                Stmt::If(rejected, vec![Stmt::Fail("PaymentDeclined".into(), vec![])], vec![]),
            ],
            vec![],
        ),
        run(authorize),
        run(capture),
        run(receipt),
        Stmt::Return(Some(name(charged, Ty::Int))),
    ];
    build.flow.aftermath = Some(vec![run(apology)]);
    build.flow.deadline_ms = Some(6 * 3_600_000);
    for at in ["parallel", "reserve", "risk", "ok", "hold"] {
        build.point(at, &[order]);
    }
    for (at, live) in [
        ("charged", vec![order, hold]),
        ("S.receipt", vec![charged]),
        ("after", vec![order]),
        ("after/S.apology", vec![]),
        ("reserve/undo", vec![of_release]),
        ("reserve/undo/S.release", vec![]),
        ("hold/undo", vec![of_void]),
        ("hold/undo/S.void", vec![]),
    ] {
        build.point(at, &live);
    }
    build.fir.workflows.insert(W.into(), build.flow);
    build.fir
}

fn undo(at: &str, action: &str, order: fir::LocalId, own: fir::LocalId) -> CallUndo {
    let mut step =
        step(&format!("{at}/undo/S.{action}"), action, &[("order", name(own, Ty::Text))], None);
    step.call.retry.attempts = None;
    CallUndo::Block {
        at: format!("{at}/undo"),
        capture: vec![(own, name(order, Ty::Text))],
        result: None,
        body: vec![run(step)],
    }
}

fn world(program: &Program, script: Script) -> (World<'_>, Status) {
    let mut world = World::new(program, script);
    let run =
        world.run(W, [("order".to_owned(), json!("o-1"))].into()).expect("the run comes to rest");
    let status = world.standing(run).expect("the run is there").status;
    (world, status)
}

fn calls(world: &World<'_>) -> Vec<String> {
    let run = world.ledger().effects().first().expect("something was done").run;
    let calls = world.ledger().in_program_order(run);
    calls.iter().map(|call| call.action.trim_start_matches("t.S.").to_owned()).collect()
}

fn failing(path: &str, action: &str, plan: Plan, attempts: u32) -> Script {
    let failing = Failing {
        path: path.into(),
        action: format!("t.S.{action}"),
        purpose: Purpose::Do,
        plan,
        attempts,
    };
    Script { failing: vec![failing], ..Script::default() }
}

#[test]
fn the_default_run_completes_and_calls_in_program_order() {
    let program = Program::new(Arc::new(saga()));
    let (world, status) = world(&program, Script::default());
    assert_eq!(status, Status::Completed);
    assert_eq!(calls(&world), ["reserve", "score", "authorize", "capture", "receipt"]);
}

#[test]
fn a_declared_error_unwinds_what_was_done_and_not_the_failed_step_itself() {
    let program = Program::new(Arc::new(saga()));
    let declined = Plan::Fail("Declined".into(), json!({"reason": "no funds"}));
    let (world, status) = world(&program, failing("hold", "authorize", declined, 1));
    assert_eq!(status, Status::Failed);
    assert_eq!(calls(&world), ["reserve", "score", "authorize", "release", "apology"]);
}

#[test]
fn a_step_that_stays_unknown_is_undone_too() {
    let program = Program::new(Arc::new(saga()));
    let (world, status) = world(&program, failing("hold", "authorize", Plan::UnknownLost, 3));
    assert_eq!(status, Status::Failed);
    assert_eq!(calls(&world), ["reserve", "score", "authorize", "void", "release", "apology"]);
    // It was never authorized, so voiding it changed nothing.
    assert!(world.ledger().effects().iter().all(|effect| effect.action != "t.S.authorize"));
}

#[test]
fn the_same_script_gives_the_same_run() {
    let program = Program::new(Arc::new(saga()));
    let script = || failing("charged", "capture", Plan::UnknownDone, 2);
    let (one, _) = world(&program, script());
    let (two, _) = world(&program, script());
    assert_eq!(one.ledger().effects(), two.ledger().effects());
    assert_eq!(one.now(), two.now());
    assert!(one.now() > crate::simulate::BEGIN, "back-off takes virtual time");
}

fn given(target: &str, outcome: TestOutcome) -> TestStmt {
    let target = format!("t.{target}");
    TestStmt::Given { target, args: None, outcome, after_ms: 0, calls: None, line: 2 }
}

fn go(stmts: Vec<TestStmt>) -> TestReport {
    let mut fir = saga();
    let locals = vec![fir::Local { name: "result".into(), ty: Ty::Int }];
    fir.tests = vec![Test { module: "t".into(), name: "it".into(), line: 1, locals, stmts }];
    crate::test::run(&fir, "it").remove(0)
}

fn start() -> TestStmt {
    TestStmt::Run { workflow: W.into(), args: vec![text("o-1")], bind: None }
}

#[test]
fn expectations_hold_or_say_what_was_found() {
    let risky = || given("S.score", TestOutcome::Value(lit(Ty::Percent, json!("81%"))));
    let nobody = || given("Review", TestOutcome::Timeout);
    let names = |all: &[&str]| all.iter().map(|name| format!("t.S.{name}")).collect::<Vec<_>>();
    let one = op(BinaryOp::Eq, name(fir::LocalId(0), Ty::Int), int(1), Ty::Bool);
    let report = go(vec![
        start(),
        TestStmt::ExpectCompleted(5),
        TestStmt::Expect(one, Some(fir::LocalId(0)), 6),
    ]);
    assert!(report.passed, "{report:?}");
    let report = go(vec![
        risky(),
        nobody(),
        start(),
        TestStmt::ExpectFailed("PaymentDeclined".into(), 5),
        TestStmt::ExpectCalls(names(&["reserve", "score", "release", "apology"]), 6),
    ]);
    assert!(report.passed, "{report:?}");
    let report = go(vec![risky(), nobody(), start(), TestStmt::ExpectCompleted(7)]);
    assert_eq!((report.passed, report.line), (false, 7));
    assert!(report.message.contains("PaymentDeclined"), "{}", report.message);
    let report = go(vec![start(), TestStmt::ExpectCalls(names(&["reserve"]), 8)]);
    assert!(report.message.contains("S.score"), "{}", report.message);
}

fn never(call: &str, twice: bool, after: Option<&str>) -> TestStmt {
    let after = after.map(|after| format!("t.S.{after}"));
    TestStmt::ExpectNever { call: format!("t.S.{call}"), twice, after, unless: None, line: 9 }
}

fn every(expect: Vec<TestStmt>) -> TestReport {
    let all = TestStmt::EveryFailure { workflow: W.into(), args: vec![text("o-1")] };
    go(std::iter::once(all).chain(expect).collect())
}

#[test]
fn no_failure_or_crash_anywhere_leaves_a_mess() {
    let report = every(vec![
        TestStmt::ExpectSettled(3),
        never("capture", true, None),
        never("void", false, Some("capture")),
        never("release", false, Some("capture")),
    ]);
    assert!(report.passed, "{report:?}");
    assert!(report.runs > 1_000, "{}", report.runs);
}

#[test]
fn an_expectation_that_some_failure_breaks_is_found_with_its_scenario() {
    let report = every(vec![never("release", false, None)]);
    assert_eq!((report.passed, report.line), (false, 9));
    assert!(
        report.message.starts_with("`t.S.release` was applied; in the run where"),
        "{report:?}"
    );
}

#[test]
fn a_step_that_no_run_reaches_fails_the_test_by_name() {
    let mut fir = saga();
    let flow = fir.workflows.get_mut(W).expect("the program has it");
    let dead = run(step("dead", "receipt", &[("order", text("o"))], None));
    let at = fir::Point { path: "dead".into(), live: vec![], hidden: vec![], line: 1 };
    flow.points.insert("dead".into(), at);
    flow.body = vec![Stmt::If(lit(Ty::Bool, json!(false)), vec![dead], vec![])];
    flow.aftermath = None;
    flow.result = None;
    flow.points.retain(|at, _| ["start", "dead"].contains(&at.as_str()));
    let all = TestStmt::EveryFailure { workflow: W.into(), args: vec![text("o-1")] };
    let stmts = vec![all, TestStmt::ExpectSettled(3)];
    fir.tests =
        vec![Test { module: "t".into(), name: "it".into(), line: 1, locals: vec![], stmts }];
    let report = crate::test::run(&fir, "").remove(0);
    assert_eq!(report.message, "`dead` is never reached by any run");
}

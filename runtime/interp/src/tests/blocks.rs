//! Scopes, forks, loops, waits: what is inside them and how they are left.

use super::build::*;
use sagaflow_core::codegen::{
    Arm, BranchEnd, Event, Failure, FailureKind, Machine as _, Next, Op, Subscription,
};
use sagaflow_core::time::Time;
use sagaflow_fir as fir;
use sagaflow_fir::{
    ArmWait, AwaitStmt, BinaryOp, Class, EachStmt, EventDecl, ForkStmt, Handlers, Interrupt,
    LocalId, On, ParallelBlock, Remedy, RepeatStmt, ScopeStmt, Stmt, Ty,
};
use serde_json::json;

fn list(of: Ty) -> Ty {
    Ty::List(Box::new(of))
}

fn failure(kind: FailureKind) -> Failure {
    Failure { kind, name: String::new(), payload: json!(null), step: "x".into() }
}

/// `out = each v in list [settle] { step y = S.put(n: v)  give y + total }  return out.sum()`
fn each_program(settle: bool) -> Build {
    let mut build = Build::new();
    let xs = build.param("xs", list(Ty::Int));
    let v = build.local("v", Ty::Int);
    let y = build.local("y", Ty::Int);
    let given = if settle { Ty::Outcome(Box::new(Ty::Int)) } else { Ty::Int };
    let out = build.local("out", list(given.clone()));
    build.flow.result = Some(list(given.clone()));
    build.action("put", Class::Write, &[("n", Ty::Int)], Some(Ty::Int), &[]);
    let hidden = [("#each[].list", list(Ty::Int)), ("#each[].out", list(given.clone()))];
    build.point("each[]/y", &[v]).path = "each[]/y".into();
    build.hidden("each[]/y", &hidden);
    if settle {
        build.point("each[]", &[v]);
        build.hidden("each[]", &hidden);
    }
    build.flow.body = vec![
        Stmt::Each(Box::new(EachStmt {
            at: "each[]".into(),
            pattern: vec![v],
            over: name(xs, list(Ty::Int)),
            max: Some(3),
            settle,
            body: vec![
                run(step("each[]/y", "put", &[("n", name(v, Ty::Int))], Some(y))),
                Stmt::Give(op(BinaryOp::Add, name(y, Ty::Int), name(v, Ty::Int), Ty::Int)),
            ],
            bind: Some(out),
        })),
        Stmt::Return(Some(name(out, list(given)))),
    ];
    build
}

#[test]
fn a_sequential_loop_carries_its_list_and_what_was_given_and_ends_with_it() {
    let machine = each_program(false).machine();
    let first = go(&machine, &frame("start", &[], json!({"xs": [10, 20]})), Event::Enter);
    let Next::Call { frame: at, args, .. } = first.next else { panic!() };
    let values = json!({"v": 10, "#each[].list": [10, 20], "#each[].out": []});
    assert_eq!(at, frame("each[]/y", &[0], values));
    assert_eq!(args, json!({"n": 10}));
    let second = go(&machine, &at, Event::Done(json!(1)));
    let Next::Call { frame: at, .. } = second.next else { panic!() };
    let values = json!({"v": 20, "#each[].list": [10, 20], "#each[].out": [11]});
    assert_eq!(at, frame("each[]/y", &[1], values));
    let last = go(&machine, &at, Event::Done(json!(2)));
    assert_eq!(last.next, Next::Return(json!([11, 22])));
    let none = go(&machine, &frame("start", &[], json!({"xs": []})), Event::Enter);
    assert_eq!(none.next, Next::Return(json!([])));
}

#[test]
fn more_items_than_max_are_a_fault() {
    let machine = each_program(false).machine();
    let begin = frame("start", &[], json!({"xs": [1, 2, 3, 4]}));
    assert!(go_or(&machine, &begin, Event::Enter).is_err());
}

#[test]
fn a_settled_turn_is_a_unit_that_gives_its_failure_and_the_next_turn_begins() {
    let machine = each_program(true).machine();
    let first = go(&machine, &frame("start", &[], json!({"xs": [10, 20]})), Event::Enter);
    let values = json!({"v": 10, "#each[].list": [10, 20], "#each[].out": []});
    let unit = frame("each[]", &[0], values);
    assert_eq!(first.ops, vec![Op::Enter { frame: unit.clone(), interrupts: vec![] }]);
    let lost = failure(FailureKind::Exhausted);
    let second = go(&machine, &unit, Event::Failed(lost));
    let Next::Call { frame: at, .. } = second.next else { panic!() };
    let failed = json!({"Failed": {"kind": "exhausted", "step": "x"}});
    assert_eq!(at.values["#each[].out"], json!([failed]));
    assert!(matches!(&second.ops[..], [Op::Enter { .. }]));
    let last = go(&machine, &at, Event::Done(json!(2)));
    assert_eq!(last.ops, vec![Op::Leave { at: "each[]".into() }]);
    assert_eq!(last.next, Next::Return(json!([failed, {"Ok": 22}])));
    let again = go(&machine, &unit, Event::Enter);
    assert!(matches!(again.next, Next::Call { ref frame, .. } if frame.at == "each[]/y"));
}

/// `out = repeat (n = 0) forever { step y = S.put(n)  if y > 5 { give n }  again (n: n + y) }`
fn repeat_program(times: Option<u32>, otherwise: Option<fir::Block>) -> Build {
    let mut build = Build::new();
    let n = build.local("n", Ty::Int);
    let y = build.local("y", Ty::Int);
    let out = build.local("out", Ty::Int);
    build.action("put", Class::Write, &[("n", Ty::Int)], Some(Ty::Int), &[]);
    build.point("repeat[]/y", &[n]);
    let next = op(BinaryOp::Add, name(n, Ty::Int), name(y, Ty::Int), Ty::Int);
    build.flow.body = vec![
        Stmt::Repeat(Box::new(RepeatStmt {
            at: "repeat[]".into(),
            vars: vec![(n, int(0))],
            times,
            body: vec![
                run(step("repeat[]/y", "put", &[("n", name(n, Ty::Int))], Some(y))),
                Stmt::If(
                    op(BinaryOp::Gt, name(y, Ty::Int), int(5), Ty::Bool),
                    vec![Stmt::Give(name(n, Ty::Int))],
                    vec![],
                ),
                Stmt::Again(vec![(n, next)]),
            ],
            until: None,
            otherwise,
            bind: Some(out),
            optional: false,
        })),
        Stmt::Return(Some(name(out, Ty::Int))),
    ];
    build
}

#[test]
fn again_hands_new_values_to_the_next_turn_and_give_ends_the_loop_with_one() {
    let machine = repeat_program(None, None).machine();
    let first = go(&machine, &frame("start", &[], json!({})), Event::Enter);
    let Next::Call { frame: at, .. } = first.next else { panic!() };
    assert_eq!(at, frame("repeat[]/y", &[0], json!({"n": 0})));
    let second = go(&machine, &at, Event::Done(json!(3)));
    let Next::Call { frame: at, .. } = second.next else { panic!() };
    assert_eq!(at, frame("repeat[]/y", &[1], json!({"n": 3})));
    assert_eq!(go(&machine, &at, Event::Done(json!(6))).next, Next::Return(json!(3)));
}

#[test]
fn a_loop_whose_turns_run_out_takes_the_value_of_its_else() {
    let machine = repeat_program(Some(1), Some(vec![Stmt::Use(int(-1))])).machine();
    let at = frame("repeat[]/y", &[0], json!({"n": 0}));
    assert_eq!(go(&machine, &at, Event::Done(json!(1))).next, Next::Return(json!(-1)));
}

#[test]
fn a_loop_that_never_rests_is_stopped_by_a_fault() {
    let mut build = Build::new();
    build.flow.body = vec![Stmt::Repeat(Box::new(RepeatStmt {
        at: "repeat[]".into(),
        vars: vec![],
        times: None,
        body: vec![Stmt::Pass],
        until: None,
        otherwise: None,
        bind: None,
        optional: false,
    }))];
    let machine = build.machine();
    let fault = go_or(&machine, &frame("start", &[], json!({})), Event::Enter);
    assert_eq!(fault.unwrap_err().message, "too much work without a durable point");
}

fn shipped(build: &mut Build) {
    let fields = vec![field("order", Ty::Text), field("count", Ty::Int)];
    let event = EventDecl { topic: None, key: "order".into(), retain_ms: None, fields };
    build.fir.events.insert("t.Shipped".into(), event);
}

/// `scope s { step y = S.put(n: 1) } on event Shipped(_, c) where order == "o" and count > 2 => …
///  on Full => skip   return 1`
fn scope_program() -> Build {
    let mut build = Build::new();
    let event = build.local("event", Ty::Named("t.Shipped".into()));
    let c = build.local("c", Ty::Int);
    shipped(&mut build);
    build.action("put", Class::Write, &[("n", Ty::Int)], Some(Ty::Int), &[("Full", &[])]);
    build.point("s", &[]);
    build.point("s/S.put", &[]);
    let payload = expr(Ty::Named("t.Shipped".into()), fir::ExprKind::Local(event));
    let count = expr(Ty::Int, fir::ExprKind::Field(Box::new(payload), "count".into()));
    build.flow.body = vec![
        Stmt::Scope(Box::new(ScopeStmt {
            at: "s".into(),
            body: vec![run(step("s/S.put", "put", &[("n", int(1))], None))],
            retry: None,
            deadline_ms: None,
            interrupts: vec![Interrupt {
                event: "t.Shipped".into(),
                key: text("o"),
                rest: Some(op(BinaryOp::Gt, count, int(2), Ty::Bool)),
                event_local: event,
                binders: vec![None, Some(c)],
                keep: false,
                remedy: block(vec![Stmt::Return(Some(name(c, Ty::Int)))]),
            }],
            fallback: None,
            handlers: Handlers {
                on: vec![on(On::Error("Full".into()), &[], block(vec![Stmt::Skip]))],
                otherwise: None,
            },
        })),
        Stmt::Return(Some(int(1))),
    ];
    build
}

#[test]
fn a_scope_is_entered_left_handled_and_interrupted() {
    let machine = scope_program().machine();
    let begin = go(&machine, &frame("start", &[], json!({})), Event::Enter);
    let unit = frame("s", &[], json!({}));
    let interrupts = vec![Subscription { event: "t.Shipped".into(), key: "o".into(), fresh: true }];
    assert_eq!(begin.ops, vec![Op::Enter { frame: unit.clone(), interrupts }]);
    let Next::Call { frame: at, .. } = begin.next else { panic!() };
    let well = go(&machine, &at, Event::Done(json!(1)));
    assert_eq!(well.ops, vec![Op::Leave { at: "s".into() }]);
    assert_eq!(well.next, Next::Return(json!(1)));
    let again = go(&machine, &unit, Event::Enter);
    assert_eq!(again.ops, vec![]);
    assert!(matches!(again.next, Next::Call { .. }));
    let full = Failure { name: "Full".into(), ..failure(FailureKind::Declared) };
    assert_eq!(go(&machine, &unit, Event::Failed(full)).next, Next::Return(json!(1)));
    let few = json!({"order": "o", "count": 2});
    let many = json!({"order": "o", "count": 3});
    assert_eq!(machine.matches(&unit, 0, &few), Ok(false));
    assert_eq!(machine.matches(&unit, 0, &many), Ok(true));
    let stopped = go(&machine, &unit, Event::Interrupt { index: 0, value: many });
    assert_eq!((stopped.ops, stopped.next), (vec![], Next::Return(json!(3))));
}

#[test]
fn return_leaves_the_units_around_it_innermost_first() {
    let mut build = Build::new();
    build.point("a", &[]);
    build.point("a/b", &[]);
    let scope = |at: &str, body: fir::Block| {
        Stmt::Scope(Box::new(ScopeStmt {
            at: at.into(),
            body,
            retry: None,
            deadline_ms: None,
            interrupts: vec![],
            fallback: None,
            handlers: Handlers::default(),
        }))
    };
    build.flow.body = vec![scope("a", vec![scope("a/b", vec![Stmt::Return(Some(int(1)))])])];
    let machine = build.machine();
    let all = go(&machine, &frame("start", &[], json!({})), Event::Enter);
    let left = |at: &str| Op::Leave { at: at.into() };
    assert_eq!(all.ops[2..], [left("a/b"), left("a")]);
    assert_eq!(all.next, Next::Return(json!(1)));
}

#[test]
fn branches_begin_from_the_parents_frame_and_their_names_exist_after_the_join() {
    let mut build = Build::new();
    let x = build.local("x", Ty::Int);
    let y = build.local("y", Ty::Int);
    build.action("put", Class::Write, &[("n", Ty::Int)], Some(Ty::Int), &[]);
    build.point("fork", &[]);
    build.point("x", &[]);
    let call = |at: &str, bind: LocalId| run(step(at, "put", &[("n", int(1))], Some(bind)));
    let sum = op(BinaryOp::Add, name(x, Ty::Int), name(y, Ty::Int), Ty::Int);
    build.flow.body = vec![
        Stmt::Fork(Box::new(ForkStmt {
            at: "fork".into(),
            max: None,
            branches: ParallelBlock::Fixed(vec![
                (vec![call("x", x)], vec![x]),
                (vec![Stmt::Let(y, int(7))], vec![y]),
            ]),
        })),
        Stmt::Return(Some(sum)),
    ];
    let machine = build.machine();
    let fork = go(&machine, &frame("start", &[], json!({})), Event::Enter);
    let at = frame("fork", &[], json!({}));
    assert_eq!(fork.next, Next::Fork { frame: at.clone(), branches: 2 });
    let Next::Call { frame: inner, .. } = go(&machine, &at, Event::Branch(0)).next else {
        panic!()
    };
    let first = go(&machine, &inner, Event::Done(json!(4))).next;
    assert_eq!(first, Next::End(json!({"x": 4})));
    assert_eq!(go(&machine, &at, Event::Branch(1)).next, Next::End(json!({"y": 7})));
    let ends = vec![BranchEnd::Ok(json!({"x": 4})), BranchEnd::Ok(json!({"y": 7}))];
    assert_eq!(go(&machine, &at, Event::Joined(ends)).next, Next::Return(json!(11)));
}

#[test]
fn a_parallel_loop_over_a_map_takes_entries_in_key_order_each_its_own_and_gathers_outcomes() {
    let mut build = Build::new();
    let map = Ty::Map(Box::new(Ty::Text), Box::new(Ty::Int));
    let m = build.param("m", map.clone());
    let k = build.local("k", Ty::Text);
    let v = build.local("v", Ty::Int);
    let outcome = Ty::Outcome(Box::new(Ty::Int));
    let out = build.local("out", list(outcome.clone()));
    build.point("all[]", &[]);
    build.hidden("all[]", &[("#all[].list", list(Ty::Int))]);
    build.flow.result = Some(list(outcome.clone()));
    build.flow.body = vec![
        Stmt::Fork(Box::new(ForkStmt {
            at: "all[]".into(),
            max: Some(2),
            branches: ParallelBlock::Each {
                pattern: vec![k, v],
                over: name(m, map),
                body: vec![Stmt::Give(name(v, Ty::Int))],
                settle: true,
                bind: Some(out),
            },
        })),
        Stmt::Return(Some(name(out, list(outcome)))),
    ];
    let machine = build.machine();
    let begin = frame("start", &[], json!({"m": {"b": 2, "a": 1}}));
    let Next::Fork { frame: at, branches: 2 } = go(&machine, &begin, Event::Enter).next else {
        panic!()
    };
    assert_eq!(at, frame("all[]", &[], json!({"#all[].list": [["a", 1], ["b", 2]]})));
    assert_eq!(go(&machine, &at, Event::Branch(1)).next, Next::End(json!(2)));
    // A branch reads its own item alone: what another one has is nothing to it.
    let odd = frame("all[]", &[], json!({"#all[].list": [[7, 1], ["b", 2]]}));
    assert_eq!(go(&machine, &odd, Event::Branch(1)).next, Next::End(json!(2)));
    assert!(go_or(&machine, &odd, Event::Branch(0)).is_err());
    assert!(go_or(&machine, &at, Event::Branch(2)).is_err());
    let ends = vec![BranchEnd::Ok(json!(1)), BranchEnd::Failed(failure(FailureKind::Unknown))];
    let joined = go(&machine, &at, Event::Joined(ends)).next;
    assert_eq!(joined, Next::Return(json!([{"Ok": 1}, "Unknown"])));
}

#[test]
fn the_first_of_several_takes_its_arm_and_a_wait_without_handler_fails_as_timeout() {
    let mut build = Build::new();
    let event = build.local("event", Ty::Named("t.Shipped".into()));
    let ok = build.local("ok", Ty::Bool);
    shipped(&mut build);
    let title = expr(
        Ty::Text,
        fir::ExprKind::Text(vec![
            fir::TextPart::Text("order ".into()),
            fir::TextPart::Value(name(LocalId(0), Ty::Text)),
        ]),
    );
    let human = fir::Human {
        params: vec![field("order", Ty::Text)],
        locals: vec![fir::Local { name: "order".into(), ty: Ty::Text }],
        answer: Ty::Bool,
        title,
        assign: Some(op(
            BinaryOp::Or,
            builtin("role", vec![text("boss")], Ty::Role),
            builtin("user", vec![text("ann")], Ty::Role),
            Ty::Role,
        )),
        show: vec![("order".into(), name(LocalId(0), Ty::Pii(Box::new(Ty::Text))))],
    };
    build.fir.humans.insert("t.Confirm".into(), human);
    build.point("await first", &[]);
    let arm = |wait, bind, body| fir::Arm { wait, bind, body };
    let shipped = ArmWait::Event {
        event: "t.Shipped".into(),
        key: text("o"),
        rest: None,
        event_local: event,
        fresh: false,
    };
    build.flow.body = vec![
        Stmt::Await(Box::new(AwaitStmt {
            at: "await first".into(),
            arms: vec![
                arm(shipped, None, vec![Stmt::Return(Some(int(1)))]),
                arm(ArmWait::Sleep(lit(Ty::Duration, json!("5s"))), None, vec![]),
                arm(
                    ArmWait::Task("t.Confirm".into(), vec![text("o")]),
                    Some(ok),
                    vec![Stmt::If(
                        name(ok, Ty::Bool),
                        vec![Stmt::Return(Some(int(3)))],
                        vec![Stmt::Fail("Rejected".into(), vec![])],
                    )],
                ),
            ],
            until: Some(lit(Ty::Duration, json!("1m"))),
            handlers: Handlers::default(),
        })),
        Stmt::Return(Some(int(2))),
    ];
    let machine = build.machine();
    let begin = go(&machine, &frame("start", &[], json!({})), Event::Enter);
    let Next::Wait { frame: at, arms, until } = begin.next else { panic!() };
    let now = draw().now;
    assert_eq!(until, Some(now.plus(60_000)));
    assert_eq!(arms[1], Arm::Sleep { until: Time(now.0 + 5_000) });
    let Arm::Task { title, assign, show, .. } = &arms[2] else { panic!() };
    assert_eq!((title.as_str(), show), ("order o", &json!({"order": "…"})));
    assert_eq!(assign, &["role:boss", "user:ann"]);
    let arm = |index, value| go(&machine, &at, Event::Arm { index, value }).next;
    assert_eq!(arm(0, json!({"order": "o", "count": 1})), Next::Return(json!(1)));
    assert_eq!(arm(1, json!(null)), Next::Return(json!(2)));
    assert_eq!(arm(2, json!(true)), Next::Return(json!(3)));
    assert!(matches!(arm(2, json!(false)), Next::Fail(failure) if failure.name == "Rejected"));
    let late = go(&machine, &at, Event::Timeout);
    let timeout = Failure { step: String::new(), ..failure(FailureKind::Timeout) };
    assert_eq!(late.next, Next::Fail(timeout));
}

#[test]
fn an_event_goes_out_with_its_key_as_text_and_the_aftermath_knows_what_failed() {
    let mut build = Build::new();
    let error = build.local("failure.error", Ty::Text);
    let step = build.local("failure.step", Ty::Text);
    shipped(&mut build);
    build.point("after", &[error, step]);
    build.flow.failure = Some((error, step));
    build.flow.body = vec![Stmt::Emit {
        event: "t.Shipped".into(),
        fields: vec![("order".into(), text("o-1")), ("count".into(), int(2))],
    }];
    build.flow.aftermath = Some(vec![Stmt::Review(name(error, Ty::Text))]);
    let machine = build.machine();
    let sent = go(&machine, &frame("start", &[], json!({})), Event::Enter);
    let payload = json!({"order": "o-1", "count": 2});
    let emit = Op::Emit { event: "t.Shipped".into(), key: "o-1".into(), payload };
    assert_eq!((sent.ops, sent.next), (vec![emit], Next::Return(json!(null))));
    let after = frame("after", &[], json!({"failure.error": "Full", "failure.step": "a"}));
    let after = go(&machine, &after, Event::Enter);
    assert_eq!(after.ops, vec![Op::Review("Full".into())]);
    assert_eq!(after.next, Next::End(json!(null)));
}

#[test]
fn manual_as_a_statement_goes_on_when_it_is_answered() {
    let mut build = Build::new();
    build.point("manual", &[]);
    build.flow.body =
        vec![Stmt::Manual { at: "manual".into(), text: text("look") }, Stmt::Return(Some(int(1)))];
    let machine = build.machine();
    let at = frame("manual", &[], json!({}));
    let parked = go(&machine, &frame("start", &[], json!({})), Event::Enter);
    assert_eq!(parked.next, Next::Manual { frame: at.clone(), question: "look".into() });
    assert_eq!(go(&machine, &at, Event::Answer(json!(null))).next, Next::Return(json!(1)));
}

#[test]
fn what_cannot_happen_at_a_point_is_a_fault_and_not_a_panic() {
    let machine = scope_program().machine();
    for at in ["start", "s", "s/S.put", "nowhere", "after", "s/S.put/undo"] {
        let frame = frame(at, &[], json!({}));
        for event in [
            Event::Joined(vec![]),
            Event::Branch(9),
            Event::Arm { index: 7, value: json!(1) },
            Event::Interrupt { index: 7, value: json!(1) },
        ] {
            assert!(go_or(&machine, &frame, event).is_err(), "{at}");
        }
    }
    let _ = Remedy::Manual(text("a remedy without a block has no child"));
}

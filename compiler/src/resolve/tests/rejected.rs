//! Programs that resolution refuses, and where it points.

use super::{body, check, check_alone, modules};

#[test]
fn impossible_and_colliding_identifiers_are_f0004() {
    assert_eq!(check_alone("record R { self: int }"), "1:12 F0004");
    assert_eq!(check_alone("record R { orderId: uuid, order_id: uuid }"), "1:27 F0004");
    assert_eq!(
        check_alone("service S { read get_it() within 1s\n read getIt() within 1s }"),
        "2:7 F0004"
    );
    assert_eq!(check_alone("service HTTPMail {}\nservice HttpMail {}"), "2:9 F0004");
    assert_eq!(
        check_alone("service S { read a() fails NotThere, Not_there within 1s }"),
        "1:38 F0004"
    );
}

#[test]
fn repeated_clauses_are_f0006() {
    assert_eq!(body("step Post.send(order) within 2s within 3s"), "2:33 F0006");
    assert_eq!(
        body("step Bank.pay(order, total) on Declined(a) => fail Failed(a) on Declined => skip"),
        "2:62 F0006"
    );
    assert_eq!(body("scope s { pass } deadline 1s deadline 2s"), "2:30 F0006");
    assert_eq!(
        body("transaction Shop retry 2 times { step Shop.take(order) } retry 3 times"),
        "2:58 F0006"
    );
    assert_eq!(check("workflow V(a: uuid) deadline 1h deadline 2h {}"), "1:33 F0006");
    assert_eq!(check("human H() -> bool { title \"a\" title \"b\" }"), "1:31 F0006");
    assert_eq!(check_alone("service S { read a() within 1s within 2s }"), "1:32 F0006");
    assert_eq!(body("await Ask(order) within 1h until now()"), "2:28 F0006");
}

#[test]
fn clauses_that_mean_nothing_where_they_stand_are_f0006() {
    assert_eq!(body("parallel { pass pass } heartbeat 30s"), "2:24 F0006");
    assert_eq!(body("step Bank.balance(order) compensate none because \"x\""), "2:26 F0006");
    assert_eq!(body("step Bank.balance(order) probe Bank.balance(order)"), "2:26 F0006");
    assert_eq!(body("scope s { pass } within 2s"), "2:18 F0006");
    assert_eq!(
        body("await event Settled where order == order within 1h remind every 5m"),
        "2:52 F0006"
    );
    assert_eq!(
        check_alone("service S { read a() within 1s compensate b()\n write b() within 1s }"),
        "1:32 F0006"
    );
    assert_eq!(check_alone("service S { tx a() }"), "1:13 F0006");
    assert_eq!(body("step Post.send(order) retry 0 times"), "2:29 F0006");
}

#[test]
fn a_child_run_takes_few_clauses() {
    let child = "workflow V() {}\nworkflow W() { step run V() ";
    assert_eq!(check(&format!("{child} retry 2 times }}")), "2:30 F0102");
    assert_eq!(check(&format!("{child} within 2s }}")), "2:30 F0006");
    assert_eq!(check(&format!("{child} compensate Post.send(x) }}")), "2:30 F0006");
}

#[test]
fn ways_out_that_are_walled_off_are_f0006() {
    assert_eq!(body("give 1"), "2:1 F0006");
    assert_eq!(body("again"), "2:1 F0006");
    assert_eq!(body("skip"), "2:1 F0006");
    assert_eq!(body("use 1"), "2:1 F0006");
    assert_eq!(body("parallel { return\n pass }"), "2:12 F0006");
    assert_eq!(body("parallel each x in items max 2 { return }"), "2:34 F0006");
    assert_eq!(body("each x in items settle { return }"), "2:26 F0006");
    assert_eq!(body("repeat forever { parallel { again\n sleep 1s } }"), "2:29 F0006");
    assert_eq!(body("repeat forever { parallel each x in items max 2 { again } }"), "2:51 F0006");
    assert_eq!(
        body("each x in items { step Post.send(x.id) compensate { give 1 } }"),
        "2:53 F0006"
    );
    assert_eq!(body("transaction Shop { savepoint s { return } }"), "2:34 F0006");
    assert_eq!(body("step Post.send(order) fallback { return }"), "2:34 F0006");
}

#[test]
fn unknown_names_are_f0101() {
    assert_eq!(body("step Bnak.pay(order, total)"), "2:6 F0101");
    assert_eq!(body("step Bank.payy(order, total)"), "2:11 F0101");
    assert_eq!(body("x = ordr"), "2:5 F0101");
    assert_eq!(body("if true { x = nothing }"), "2:15 F0101");
    assert_eq!(body("parallel { x = nothing\n pass }"), "2:16 F0101");
    assert_eq!(body("scope s { each i in items { x = nothing } }"), "2:33 F0101");
    assert_eq!(body("x = thrice(2)"), "2:5 F0101");
    assert_eq!(body("x = Itme(id: order)"), "2:5 F0101");
    assert_eq!(body("x = Colour.Blue"), "2:12 F0101");
    assert_eq!(body("x = Red"), "2:5 F0101");
    assert_eq!(body("emit Setled(order: order, amount: total)"), "2:6 F0101");
    assert_eq!(body("step run Nowhere()"), "2:10 F0101");
    assert_eq!(body("lock Stokc(order) ttl 1m { pass }"), "2:6 F0101");
    assert_eq!(body("await Sak(order) within 1h"), "2:7 F0101");
    assert_eq!(body("step Post.send(order) retry quikc"), "2:29 F0101");
    assert_eq!(body("fail Nowhere"), "2:6 F0101");
    assert_eq!(check_alone("record R { a: float }"), "1:15 F0101");
    assert_eq!(check_alone("record R { a: list<Nope> }"), "1:20 F0101");
}

#[test]
fn a_declaration_of_the_wrong_kind_is_f0101() {
    assert_eq!(body("emit Item(id: order)"), "2:6 F0101");
    assert_eq!(body("step run Ask(order)"), "2:10 F0101");
    assert_eq!(check("record R { a: Bank }"), "1:15 F0101");
}

#[test]
fn inside_where_the_right_side_sees_only_the_run() {
    assert_eq!(body("await event Settled where order == amount within 1h"), "2:36 F0101");
    assert_eq!(
        body("await event Settled where order == order and amount > amount within 1h"),
        "2:55 F0101"
    );
}

#[test]
fn shadowing_is_f0110() {
    assert_eq!(body("order = 1"), "2:1 F0110");
    assert_eq!(body("x = 1\nif true { x = 2 }"), "3:11 F0110");
    assert_eq!(body("x = 1\neach x in items { pass }"), "3:6 F0110");
    assert_eq!(body("x = items.map(order => 1)"), "2:15 F0110");
    assert_eq!(
        body("step Bank.pay(order, total) on Declined(order) => fail Failed(\"\")"),
        "2:41 F0110"
    );
    assert_eq!(body("parallel { x = 1\n x = 2 }"), "3:2 F0110");
    assert_eq!(check_alone("fn f(a: int) -> int { a = 1  a }"), "1:23 F0110");
    assert_eq!(body("repeat (order = 1) forever { sleep 1s }"), "2:9 F0110");
}

#[test]
fn colliding_paths_are_f0116_at_the_second() {
    assert_eq!(body("step Post.send(order)\nstep Post.send(order)"), "3:6 F0116");
    assert_eq!(body("step a = Post.send(order)\nstep a = Post.send(order)"), "3:6 F0116");
    assert_eq!(
        body("if true { step Post.send(order) }\nif true { step Post.send(order) }"),
        "3:16 F0116"
    );
    assert_eq!(body("parallel { step Post.send(order)\n step Post.send(order) }"), "3:7 F0116");
    assert_eq!(body("scope a { step x = Post.send(order) }\nscope a { pass }"), "3:7 F0116");
    assert_eq!(
        body("each i in items { step Post.send(order) step Post.send(i.id) }"),
        "2:46 F0116"
    );
    assert_eq!(
        body(
            "step x = Bank.balance(order) else { step Post.send(order) use total }\nstep Post.send(order)"
        ),
        "3:6 F0116"
    );
}

#[test]
fn handlers_that_nothing_can_reach_are_f0117() {
    assert_eq!(body("step Bank.pay(order, total) on Declind => fail Failed(\"\")"), "2:32 F0117");
    assert_eq!(body("step Post.send(order) on Declined => skip"), "2:26 F0117");
    assert_eq!(body("scope s { step Post.send(order) } on Declined => skip"), "2:38 F0117");
    assert_eq!(
        body("step Bank.pay(order, total) fallback Post.send(order) on Declined => skip"),
        "2:58 F0117"
    );
}

#[test]
fn cycles_of_calls_are_f0118_at_the_call_that_closes_them() {
    assert_eq!(check_alone("fn f(a: int) -> int = f(a)"), "1:23 F0118");
    assert_eq!(
        check_alone(
            "fn f(a: int) -> int = g(a)\nfn g(a: int) -> int = if true { f(a) } else { 0 }"
        ),
        "2:33 F0118"
    );
    assert_eq!(
        check_alone("workflow A() { step run B() }\nworkflow B() { if true { step run A() } }"),
        "2:31 F0118"
    );
    assert_eq!(check_alone("type A = list<B>\ntype B = A"), "1:10 F0118");
}

#[test]
fn duplicates_and_module_trouble_are_f0119_at_the_later_one() {
    assert_eq!(check_alone("record A {}\nenum A { X }"), "2:6 F0119");
    assert_eq!(check_alone("module other\nrecord A {}"), "1:8 F0119");
    assert_eq!(
        modules(&[("a", "use b { B }\nrecord A {}"), ("b", "use a { A }\nrecord B {}")]),
        "b.flow:1:1 F0119"
    );
    assert_eq!(
        modules(&[("a", "record A {}"), ("b", "use a { A }\nrecord A {}")]),
        "b.flow:2:8 F0119"
    );
    assert_eq!(
        modules(&[("a", "use a { A }\nrecord A {}")]).lines().next(),
        Some("a.flow:1:1 F0119")
    );
}

#[test]
fn imports_of_what_is_not_there_are_f0101() {
    assert_eq!(modules(&[("a", "use nowhere { X }")]), "a.flow:1:5 F0101");
    assert_eq!(modules(&[("a", "record A {}"), ("b", "use a { B }")]), "b.flow:1:9 F0101");
    let passed_on = modules(&[
        ("a", "record A {}"),
        ("b", "use a { A }\nrecord B { a: A }"),
        ("c", "use b { A }"),
    ]);
    assert_eq!(passed_on, "c.flow:1:9 F0101");
}

#[test]
fn arguments_of_the_wrong_shape_are_f0120() {
    assert_eq!(body("step Bank.pay(order)"), "2:14 F0120");
    assert_eq!(body("step Bank.pay(order, total, 1)"), "2:29 F0120");
    assert_eq!(body("step Bank.pay(order, amout: total)"), "2:22 F0120");
    assert_eq!(body("step Bank.pay(order, total, order: order)"), "2:29 F0120");
    assert_eq!(body("step Bank.pay(order: order, total)"), "2:29 F0120");
    assert_eq!(body("x = Item(id: order)"), "2:9 F0120");
    assert_eq!(body("x = twice()"), "2:10 F0120");
    assert_eq!(body("x = now(1)"), "2:8 F0120");
    assert_eq!(body("if true { x = Colour.Other }"), "2:22 F0120");
    assert_eq!(body("parallel { fail Failed\n pass }"), "2:17 F0120");
    assert_eq!(body("emit Settled(order)"), "2:13 F0120");
    assert_eq!(body("repeat (n = 0) forever { again (m: 1) }"), "2:33 F0120");
    assert_eq!(
        body("scope s { step Bank.pay(order, total) on Declined(a, b) => skip }"),
        "2:54 F0120"
    );
}

#[test]
fn a_compensation_that_does_not_exist_or_fit_is_f0203() {
    assert_eq!(
        check_alone("service S { write a(x: int) compensate b(x) within 1s }"),
        "1:40 F0203"
    );
    let misfit =
        "service S { write a(x: int) compensate b() within 1s\n write b(x: int) within 1s }";
    assert_eq!(check_alone(misfit), "1:41 F0203");
    assert_eq!(body("step Post.send(order) compensate Post.unsend(order)"), "2:39 F0203");
}

#[test]
fn effects_in_expressions_are_f0111() {
    assert_eq!(body("x = Bank.balance(order)"), "2:5 F0111");
    assert_eq!(body("if Bank.balance(order) > total { pass }"), "2:4 F0111");
}

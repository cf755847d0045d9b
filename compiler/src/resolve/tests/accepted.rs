//! Programs that look like mistakes and are none.

use super::{body, check, check_alone, modules};

#[test]
fn names_that_differ_in_more_than_case_are_fine() {
    assert_eq!(check_alone("record R { order: uuid, order_id: uuid, type: text, match: int }"), "");
    assert_eq!(
        check_alone("service A { read get() within 1s }\nservice B { read get() within 1s }"),
        ""
    );
}

#[test]
fn clauses_may_stand_where_they_mean_something() {
    assert_eq!(
        body(
            "step Bank.pay(order, total) retry quick within 2s deadline 1m heartbeat 1s idempotent by order probe Bank.balance(order) compensate Bank.refund(order) fallback Post.send(order) on refused => skip else skip"
        ),
        ""
    );
    assert_eq!(body("scope s { pass } retry 2 times deadline 1h on timeout => skip else skip"), "");
    assert_eq!(
        body(
            "transaction Shop { step Shop.take(order) } deadline 1m compensate none because \"x\" on Gone => skip"
        ),
        ""
    );
    assert_eq!(
        body(
            "await Ask(order) within 1h remind every 5m escalate after 30m to role(\"x\") on timeout => skip"
        ),
        ""
    );
    assert_eq!(
        check("workflow V(a: uuid) concurrency 1 per a limit 1 per 1s by a limit 5 per 1s {}"),
        ""
    );
}

#[test]
fn ways_out_may_pass_what_does_not_hold_them() {
    assert_eq!(body("xs = each x in items { if true { give 1 } give 2 }"), "");
    assert_eq!(body("xs = parallel each x in items max 2 { match x { _ => give 1 } }"), "");
    assert_eq!(body("repeat (n = 0) forever { each x in items { again (n: 1) } sleep 1s }"), "");
    assert_eq!(body("each x in items { lock Stock(x.id) ttl 1m { return } }"), "");
    assert_eq!(body("step x = Bank.balance(order) else { if true { use total } use total }"), "");
    assert_eq!(body("x = repeat up to 3 times { sleep 1s } until true else use 1"), "");
    assert_eq!(
        body("step x = Bank.balance(order) fallback { step y = Bank.balance(order) use y }"),
        ""
    );
}

#[test]
fn names_are_found_where_they_can_be_seen() {
    assert_eq!(
        body("parallel { step a = Bank.balance(order)\n b = 1 }\nc = [a, total]\nd = b"),
        ""
    );
    assert_eq!(body("if true { x = 1 } else { x = 2 }\ny = x"), "");
    assert_eq!(body("if true { x = 1 } else { return }\ny = x"), "");
    assert_eq!(body("scope s { x = 1 }\ny = x"), "");
    assert_eq!(body("lock Stock(order) ttl 1m { x = 1 }\ny = x"), "");
    assert_eq!(body("repeat forever { step b = Bank.balance(order) } until b == total"), "");
    assert_eq!(
        body("match Colour.Red { Red => pass  Other(name) => progress \"{name}\"  rest => pass }"),
        ""
    );
}

#[test]
fn names_that_may_not_be_bound_are_left_to_definite_assignment() {
    assert_eq!(body("if true { x = 1 }\ny = x"), "");
    assert_eq!(body("parallel { y = [x]\n x = 1 }"), "");
    assert_eq!(body("each i in items { x = 1 }\ny = x"), "");
}

#[test]
fn a_step_may_use_its_result_in_its_undo_only() {
    assert_eq!(body("step p = Bank.capture(order) compensate Post.send(p)"), "");
    assert_eq!(
        check_alone(
            "service S { write a() -> int compensate b(result) within 1s\n write b(x: int) within 1s }"
        ),
        ""
    );
}

#[test]
fn one_name_may_be_bound_on_two_ways() {
    assert_eq!(body("if true { x = 1 }\nif true { x = 2 }"), "");
    assert_eq!(body("each i in items { x = 1 }\neach i in items { x = 2 }"), "");
    assert_eq!(body("a = items.map(c => c.id)\nb = items.map(c => c.price)"), "");
    assert_eq!(
        body("step Bank.pay(order, total) on Declined(why) => fail Failed(why)\nwhy = 1"),
        ""
    );
}

#[test]
fn paths_differ_where_blocks_or_ways_differ() {
    assert_eq!(body("if true { step Post.send(order) } else { step Post.send(order) }"), "");
    assert_eq!(
        body("match true { true => step Post.send(order) false => step Post.send(order) }"),
        ""
    );
    assert_eq!(body("if true { step Post.send(order) return }\nstep Post.send(order)"), "");
    assert_eq!(body("scope a { step Post.send(order) }\nscope b { step Post.send(order) }"), "");
    assert_eq!(body("each i in items { step Post.send(order) }\nstep Post.send(order)"), "");
    assert_eq!(body("sleep 1s\nsleep 1s\nif true { sleep 1s }"), "");
    assert_eq!(
        body(
            "step a = Bank.pay(order, total) on Declined => { step Post.send(order) fail Failed(\"\") }\nstep Post.send(order)"
        ),
        ""
    );
}

#[test]
fn handlers_see_what_their_block_or_fallback_can_raise() {
    assert_eq!(
        body("scope s { if true { step Bank.pay(order, total) } } on Declined(r) => skip"),
        ""
    );
    assert_eq!(body("scope s fails Own { fail Own } on Own => skip"), "");
    assert_eq!(body("parallel { step Bank.pay(order, total)\n pass } on Declined => skip"), "");
    assert_eq!(
        body("step Post.send(order) fallback Bank.pay(order, total) on Declined => skip"),
        ""
    );
    assert_eq!(body("step Post.send(order) on unknown => manual \"?\" on refused => skip"), "");
}

#[test]
fn a_workflow_may_start_its_successor() {
    assert_eq!(check("workflow A(n: int) { start A(n + 1) at now() }"), "");
    assert_eq!(check_alone("fn f(a: int) -> int = g(a)\nfn g(a: int) -> int = a"), "");
}

#[test]
fn modules_use_each_other_without_a_circle() {
    let files = [
        ("shop.types", "record A { id: uuid }"),
        ("shop.orders", "module shop.orders\nuse shop.types { A }\nrecord B { a: A, b: types.A }"),
        ("shop.more", "use shop.types { A }\nuse shop.orders { B }\nfn f(a: A, b: B) -> A = a"),
    ];
    assert_eq!(modules(&files), "");
}

#[test]
fn arguments_may_be_named_and_defaults_left_out() {
    assert_eq!(check("record R { a: int, b: int = 2 }\nfn f() -> R = R(a: 1)"), "");
    assert_eq!(body("step Bank.pay(amount: total, order: order)"), "");
    assert_eq!(body("step Bank.pay(order, amount: total)"), "");
    assert_eq!(
        check("service S { write a(x: int, fence: int) within 1s }\nworkflow V() { step S.a(1) }"),
        ""
    );
    assert_eq!(check("workflow V(a: int, b: int) {}\ntest \"t\" { run V(sample(\"both\")) }"), "");
    assert_eq!(check("test \"t\" { given Bank.pay(amount: 1 EUR) => \"x\" }"), "");
}

#[test]
fn a_name_whose_declaration_could_not_be_read_is_not_blamed() {
    let broken = check_alone("record R { a: int b c d }\nfn f(r: R) -> R = R(a: 1, b: 2)");
    assert!(!broken.contains("F0101") && !broken.contains("F0120"), "{broken}");
    let in_body = body("x = = 3\ny = x");
    assert!(!in_body.contains("F0101"), "{in_body}");
}

#[test]
fn copied_contracts_are_services_of_their_own() {
    let hotels = "service A { write book(id: uuid) idempotent by id compensate cancel(id) within 1s\n write cancel(id: uuid) idempotent by id within 1s }\nservice B = A\nservice C = B\n";
    assert_eq!(
        check(&format!(
            "{hotels}workflow V(id: uuid) {{ step A.book(id) step B.book(id) step C.book(id) }}"
        )),
        ""
    );
}

#[test]
fn failure_has_two_parts_in_the_aftermath() {
    let text = "workflow V(id: uuid) { step Post.send(id) } after failure { review \"{failure.error} in {failure.step}\" }";
    assert_eq!(check(text), "");
}

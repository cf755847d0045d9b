//! F0103, F0211, F0108, F0109, F0706: names, reach and what turns give.

use super::{after_world, body};

#[test]
fn a_name_is_bound_on_every_path_to_its_use() {
    assert_eq!(body("if order.gift {\n step n = Shop.note(id)\n}\nstart Say(n)"), ["4 F0103"]);
    assert_eq!(body("parallel {\n step n = Shop.note(id)\n step Shop.mail(id, n)\n}"), ["3 F0103"]);
    assert_eq!(body("scope s {\n step n = Shop.note(id)\n} else skip\nstart Say(n)"), ["4 F0103"]);
    assert_eq!(body("step n = Shop.note(id) else skip\nstart Say(n)"), ["2 F0103"]);
    assert_eq!(
        body("each m in many {\n step n = Shop.note(m)\n start Say(n)\n}\nstart Say(n)"),
        ["5 F0103"]
    );
    assert_eq!(
        body(
            "match order.gift {\n true => { n = 1 progress \"{n}\" }\n false => pass\n}\nprogress \"{n}\""
        ),
        ["5 F0103"]
    );
    assert_eq!(body("start Say(n)\nstep n = Shop.note(id)"), ["1 F0103"]);
    assert_eq!(body("n = m + 1\nm = n"), ["1 F0103"]);
    assert_eq!(
        body(
            "parallel first 1 {\n step n = Shop.note(id)\n step k = Shop.note(order.id)\n}\nstart Say(n)"
        ),
        ["5 F0103", "3 F0107"].map(str::to_owned).into_iter().rev().collect::<Vec<_>>()
    );
    assert_eq!(
        body(
            "repeat up to 3 times {\n step n = Shop.note(id)\n} until n == \"\" else skip\nstart Say(n)"
        ),
        ["4 F0103"]
    );
    assert_eq!(
        body(
            "await first {\n p = event Paid where order == id => { n = 1 progress \"{p.amount} {n}\" }\n sleep 1h => pass\n}\nprogress \"{n}\""
        ),
        ["5 F0103"]
    );
}

#[test]
fn a_name_that_every_path_binds_can_be_used() {
    assert!(body("if order.gift {\n step n = Shop.note(id)\n} else {\n step n = Shop.note(order.id)\n}\nstart Say(n)").is_empty());
    assert!(
        body("if order.gift {\n step n = Shop.note(id)\n} else {\n fail Late\n}\nstart Say(n)")
            .is_empty()
    );
    assert!(
        body(
            "parallel {\n step n = Shop.note(id)\n step k = Shop.score(id)\n}\nprogress \"{n} {k}\""
        )
        .is_empty()
    );
    assert!(body("scope s {\n step n = Shop.note(id)\n} else fail Late\nstart Say(n)").is_empty());
    assert!(body("step n = Shop.note(id) else use \"\"\nstart Say(n)").is_empty());
    assert!(
        body("lock Desk(id) ttl 1m within 1s {\n step n = Shop.note(id)\n}\nstart Say(n)")
            .is_empty()
    );
    assert!(body("transaction Books {\n step n = Books.count(id)\n}\nprogress \"{n}\"").is_empty());
    assert!(body("if order.gift {\n step n = Shop.note(id)\n start Say(n)\n}").is_empty());
    assert!(
        body("match order.gift {\n true => { n = 1 }\n false => { n = 2 }\n}\nprogress \"{n}\"")
            .is_empty()
    );
    assert!(body("if order.gift { if plain(order) { n = 1 } else { n = 2 } } else { n = 3 }\nprogress \"{n}\"").is_empty());
}

#[test]
fn a_name_has_one_type_after_the_arms() {
    assert_eq!(
        body("if order.gift {\n n = 1\n} else {\n n = \"one\"\n}\nprogress \"{n}\""),
        ["6 F0102"]
    );
}

#[test]
fn one_cause_is_one_finding() {
    assert_eq!(body("step n = Shop.note(id) else skip\nstart Say(n)\nstart Say(n)"), ["2 F0103"]);
    assert_eq!(body("start Say(unheard)\nprogress \"{unheard + 1}\""), ["1 F0101", "2 F0101"]);
}

#[test]
fn an_undo_reads_what_is_bound_when_it_is_armed() {
    assert_eq!(
        body(
            "step a = Shop.reserve(id)\n on OutOfStock => fail Late\n compensate { step Shop.mail(id, b) }\nstep b = Shop.note(id)\nstart Say(b)"
        ),
        ["1 F0211"]
    );
    assert_eq!(
        body(
            "parallel {\n step Shop.reserve(id)\n compensate { step Shop.mail(id, b) }\n on OutOfStock => fail Late\n step b = Shop.note(id)\n}\nstart Say(b)"
        ),
        ["2 F0211"]
    );
    assert_eq!(
        body(
            "if order.gift {\n step b = Shop.note(id)\n start Say(b)\n}\nstep Shop.reserve(id)\n compensate { step Shop.mail(id, b) }\n on OutOfStock => fail Late"
        ),
        ["5 F0211"]
    );
    assert!(body("step b = Shop.note(id)\nstep a = Shop.reserve(id)\n compensate { step Shop.mail(id, b) }\n on OutOfStock => fail Late").is_empty());
    assert!(body("step a = Shop.reserve(id)\n compensate { step Shop.mail(id, a) }\n on OutOfStock => fail Late").is_empty());
    assert!(body("transaction Books {\n step n = Books.count(id)\n}\ncompensate { transaction Books { step Books.strike(id) } }\nprogress \"{n}\"").is_empty());
}

#[test]
fn nothing_stands_behind_what_leaves() {
    assert_eq!(body("return\nprogress \"x\"\nprogress \"y\""), ["2 F0108"]);
    assert_eq!(body("if order.gift {\n fail Late\n progress \"x\"\n}"), ["3 F0108"]);
    assert_eq!(
        body("match order.gift {\n true => fail Late\n false => fail Late\n}\nprogress \"x\""),
        ["5 F0108"]
    );
    assert_eq!(body("repeat forever {\n sleep 1h\n}\nprogress \"x\""), ["4 F0108"]);
    assert_eq!(
        body("x = each m in many {\n give m\n progress \"x\"\n}\nprogress \"{x}\""),
        ["3 F0108"]
    );
    assert!(
        body("match order.gift {\n true => fail Late\n false => pass\n}\nprogress \"x\"")
            .is_empty()
    );
    assert!(body("x = repeat forever {\n sleep 1h\n give 1\n}\nprogress \"{x}\"").is_empty());
}

#[test]
fn every_path_answers() {
    let w = |text: &str| {
        after_world(&format!(
            "workflow W v1 (id: OrderId, c: bool) -> int idempotent by id fails Late deadline 1h {{\n{text}\n}}"
        ))
    };
    assert_eq!(w("if c { return 1 }\nif not c { fail Late }"), ["1 F0109"]);
    assert_eq!(w("scope s { fail Late } else skip"), ["1 F0109", "1 F0117"]);
    assert_eq!(w("if c { fail Late }\nreply 1"), ["1 F0109"]);
    assert!(w("if c { return 1 }\nfail Late").is_empty());
    assert!(w("if c { fail Late } else { return 2 }").is_empty());
    assert!(w("if c { fail Late }\nrepeat forever { sleep 1h if c { return 3 } }").is_empty());
    assert_eq!(w("if c { fail Late }\nreturn \"x\""), ["3 F0102"]);
    assert_eq!(w("if c { fail Late }\nreturn"), ["3 F0102"]);
}

#[test]
fn every_turn_of_a_collecting_loop_gives() {
    assert_eq!(
        body("x = each m in many {\n if m == id { give 1 }\n}\nprogress \"{x}\""),
        ["1 F0706"]
    );
    assert_eq!(
        body(
            "x = parallel each m in many max 3 {\n step n = Shop.note(m)\n start Say(n)\n}\nprogress \"{x}\""
        ),
        ["1 F0706"]
    );
    assert_eq!(
        body("x = each m in many {\n if m == id { give 1 }\n give \"one\"\n}\nprogress \"{x}\""),
        ["1 F0706"]
    );
    assert_eq!(
        body(
            "x = repeat up to 3 times {\n if order.gift { give 1 }\n give \"one\"\n} else skip\nprogress \"{x}\""
        ),
        ["1 F0706", "5 F0103"]
    );
    assert!(
        body("x = each m in many {\n if m == id { give none }\n give \"one\"\n}\nprogress \"{x}\"")
            .is_empty()
    );
    assert!(
        body("x = each m in many {\n if m == id { give 1 }\n give 2\n}\nprogress \"{x.sum}\"")
            .is_empty()
    );
    assert!(body("x = repeat up to 3 times {\n if order.gift { give 1 }\n} else use 2\nprogress \"{x + 1}\"").is_empty());
    assert_eq!(
        body("x = repeat up to 3 times {\n if order.gift { give 1 }\n}\nprogress \"{x + 1}\""),
        ["4 F0114"]
    );
    assert_eq!(
        body(
            "x = repeat (n = 0) forever {\n if n > 3 { give n }\n again (n: \"x\")\n}\nprogress \"{x}\""
        ),
        ["3 F0102"]
    );
    assert!(body("x = repeat (n = 0, c: text? = none) forever {\n if n > 3 { give n }\n again (n: n + 1, c: \"x\")\n}\nprogress \"{x + 1}\"").is_empty());
}

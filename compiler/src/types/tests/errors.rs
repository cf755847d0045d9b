//! F0104 and F0117: declared errors on their way out.

use super::{after_world, body};

fn w(fails: &str, text: &str) -> Vec<String> {
    after_world(&format!(
        "workflow W v1 (id: OrderId, many: list<OrderId>) idempotent by id {fails} deadline 1h {{\n{text}\n}}"
    ))
}

#[test]
fn an_error_is_handled_or_declared() {
    assert_eq!(w("", "step r = Shop.reserve(id)"), ["2 F0104"]);
    assert_eq!(w("", "each m in many {\n step r = Shop.reserve(m)\n}"), ["3 F0104"]);
    assert_eq!(
        w("", "parallel {\n step r = Shop.reserve(id)\n step Shop.release(id)\n}"),
        ["3 F0104"]
    );
    assert_eq!(w("", "transaction Books {\n step Books.enter(id)\n}"), ["3 F0104"]);
    assert_eq!(
        w(
            "fails Bad",
            "step r = Shop.reserve(id) on OutOfStock => fail Bad\nstep q = Shop.reserve(id)"
        ),
        ["3 F0104"]
    );
    assert_eq!(
        w("", "lock Desk(id) ttl 1m within 1s {\n step r = Shop.reserve(id)\n}"),
        ["3 F0104"]
    );
    assert!(w("fails OutOfStock(sku: Sku)", "step r = Shop.reserve(id)").is_empty());
    assert!(w("", "step r = Shop.reserve(id) else skip").is_empty());
    assert!(w("", "step r = Shop.reserve(id) on OutOfStock => skip").is_empty());
    assert!(
        w("", "parallel each m in many max 3 settle {\n step r = Shop.reserve(m)\n}").is_empty()
    );
    assert!(w("", "scope s {\n step r = Shop.reserve(id)\n} else skip").is_empty());
    assert!(w("", "scope s {\n step r = Shop.reserve(id)\n} on OutOfStock => skip").is_empty());
    assert!(w("", "step r = Shop.note(id) fallback { use \"\" }\nstart Say(r)").is_empty());
}

#[test]
fn the_payload_is_part_of_an_error() {
    assert_eq!(w("fails OutOfStock(sku: text)", "step r = Shop.reserve(id)"), ["2 F0104"]);
    assert_eq!(w("fails OutOfStock", "step r = Shop.reserve(id)"), ["2 F0104"]);
    assert_eq!(w("fails OutOfStock(what: Sku)", "step r = Shop.reserve(id)"), ["2 F0104"]);
}

#[test]
fn a_fail_names_an_error_of_its_own_workflow() {
    assert_eq!(w("", "fail OutOfStock(\"ABC-0001\")"), ["2 F0104"]);
    assert_eq!(w("", "fail Nowhere"), ["2 F0101"]);
    assert!(w("fails Late", "fail Late").is_empty());
    assert!(
        w("", "parallel each m in many max 3 settle {\n fail OutOfStock(\"ABC-0001\")\n}")
            .is_empty()
    );
}

#[test]
fn a_child_fails_with_what_it_declares() {
    let child = "workflow C v1 (id: OrderId) idempotent by id fails Late, Bad { if id == id { fail Late } fail Bad }\n";
    let p = |fails: &str, text: &str| {
        after_world(&format!(
            "{child}workflow P v1 (id: OrderId) idempotent by id {fails} {{\n{text}\n}}"
        ))
    };
    assert_eq!(p("", "step c = run C(id)"), ["3 F0104"]);
    assert_eq!(p("fails Late", "step c = run C(id)"), ["3 F0104"]);
    assert!(p("fails Late, Bad", "step c = run C(id)").is_empty());
    assert!(p("fails Late", "step c = run C(id) on Bad => skip").is_empty());
}

#[test]
fn an_error_of_a_scope_is_handled_there() {
    assert_eq!(w("", "scope s fails None1 {\n fail None1\n}"), ["3 F0104"]);
    assert_eq!(
        w(
            "fails OutOfStock(sku: Sku)",
            "scope s fails OutOfStock(sku: Sku) {\n step r = Shop.reserve(id)\n}"
        ),
        ["3 F0104", "1 F0117"].map(str::to_owned).into_iter().rev().collect::<Vec<_>>()
    );
    assert!(w("", "scope s fails None1 {\n fail None1\n} on None1 => skip").is_empty());
    assert!(w("", "scope s fails None1 {\n fail None1\n} else skip").is_empty());
    assert_eq!(
        w("", "scope s fails None1 {\n step Shop.release(id)\n} on None1 => skip"),
        ["2 F0117", "4 F0117"]
    );
}

#[test]
fn what_nothing_raises_is_named() {
    assert_eq!(w("fails Late", "step Shop.release(id)"), ["1 F0117"]);
    assert_eq!(w("", "step Shop.release(id) on OutOfStock => skip"), ["2 F0117"]);
    assert_eq!(
        w(
            "",
            "scope s {\n step r = Shop.reserve(id) on OutOfStock => skip\n} on OutOfStock => skip"
        ),
        ["4 F0117"]
    );
    assert_eq!(w("", "step r = Shop.note(id) on unknown => use \"\"\nstart Say(r)"), ["2 F0117"]);
    assert_eq!(
        w("", "step r = Shop.reserve(id) on timeout => skip\n on OutOfStock => skip"),
        ["2 F0117"]
    );
    assert!(w("fails Late", "parallel each m in many max 3 settle {\n fail Late\n}").is_empty());
    assert!(w("", "step r = Shop.note(id) on timeout => use \"\"\nstart Say(r)").is_empty());
    assert_eq!(w("", "await r = Review(id) on timeout => use false\nif r { pass }"), ["2 F0117"]);
    assert!(
        w("", "await r = Review(id) within 1h on timeout => use false\nif r { pass }").is_empty()
    );
}

#[test]
fn several_errors_of_one_call_are_one_finding() {
    let service = "service T { write a(id: OrderId) idempotent by id within 1s fails A, B }\n";
    let text =
        format!("{service}workflow W v1 (id: OrderId) idempotent by id {{\n step T.a(id)\n}}");
    assert_eq!(after_world(&text), ["3 F0104"]);
    assert!(
        body("step r = Shop.reserve(id) on OutOfStock(sku) => fail Bad(\"no {sku}\")").is_empty()
    );
}

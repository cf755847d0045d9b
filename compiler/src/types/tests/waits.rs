//! F0703 and F0708: which event is meant; waits and their bounds.

use super::{after_world, body, codes};

#[test]
fn an_event_is_found_by_its_key() {
    assert_eq!(
        body(
            "await p = event Paid where amount > 5.00 EUR within 1h on timeout => fail Late\nprogress \"{p.amount}\""
        ),
        ["1 F0703"]
    );
    assert_eq!(
        body(
            "await p = event Paid where order != id within 1h on timeout => fail Late\nprogress \"{p.amount}\""
        ),
        ["1 F0703"]
    );
    assert_eq!(
        body(
            "await first {\n p = event Paid where amount > 5.00 EUR => pass\n sleep 1h => pass\n}"
        ),
        ["2 F0703"]
    );
    assert_eq!(
        body("scope s {\n step Shop.release(id)\n} on event Paid where amount > 5.00 EUR => skip"),
        ["3 F0703"]
    );
    assert!(body("await p = event Paid where order == id within 1h on timeout => fail Late\nprogress \"{p.amount}\"").is_empty());
    assert!(body("await p = event Paid where order == id and amount > 5.00 EUR within 1h on timeout => fail Late\nprogress \"{p.amount}\"").is_empty());
    assert!(body("scope s {\n step Shop.release(id)\n} on event Paid(_, amount) where order == id => { progress \"{amount}\" }").is_empty());
}

#[test]
fn the_sides_of_a_condition_fit() {
    assert_eq!(
        body(
            "await p = event Paid where order == order.customer within 1h on timeout => fail Late\nprogress \"{p.amount}\""
        ),
        ["1 F0102"]
    );
    assert!(body("await p = event Paid where order == order.id within 1h on timeout => fail Late\nprogress \"{p.amount}\"").is_empty());
}

#[test]
fn the_key_that_is_waited_for_is_there() {
    let wait = "await p = event Paid where order == many.first within 1h on timeout => fail Late\nprogress \"{p.amount}\"";
    assert_eq!(body(wait), ["1 F0114"]);
}

#[test]
fn the_key_of_an_event_is_part_of_it() {
    assert_eq!(codes("event E key b { a: text }"), ["1 F0708"]);
    assert_eq!(codes("record R { x: text }\nevent E key r.y { r: R }"), ["2 F0708"]);
    assert_eq!(codes("event E key a.b { a: text }"), ["1 F0708"]);
    assert!(codes("event E key a { a: text }").is_empty());
    assert!(codes("record R { x: text }\nevent E key r.x { r: R }").is_empty());
}

#[test]
fn a_bound_is_a_duration_or_an_instant() {
    assert_eq!(
        body("await r = Review(id) within order.customer on timeout => use false\nif r { pass }"),
        ["1 F0102"]
    );
    assert_eq!(
        body("await r = Review(id) until 5h on timeout => use false\nif r { pass }"),
        ["1 F0102"]
    );
    assert!(
        body("await r = Review(id) until now() + 5h on timeout => use false\nif r { pass }")
            .is_empty()
    );
    assert_eq!(
        body(
            "await r = Review(id) within 1h escalate after 5m to \"boss\" on timeout => use false\nif r { pass }"
        ),
        ["1 F0102"]
    );
}

#[test]
fn four_eyes_ask_for_another_person() {
    assert!(after_world("human Second(id: OrderId, first: bool) -> bool { title \"{id}\" assign role(\"boss\") except answered_by(first) }").is_empty());
    assert_eq!(body("t = answered_at(order.id)\nprogress \"{t}\""), ["1 F0102"]);
    assert!(body("await r = Review(id) within 1h on timeout => fail Late\nprogress \"{r} {answered_at(r)} {answered_by(r)}\"").is_empty());
}

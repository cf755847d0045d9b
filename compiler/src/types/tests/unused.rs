//! F0107: answers nobody uses.

use super::{after_world, body};

#[test]
fn what_is_read_is_used() {
    assert_eq!(body("step n = Shop.note(id)"), ["1 F0107"]);
    assert_eq!(body("step Shop.note(id)"), ["1 F0107"]);
    assert_eq!(body("n = 1 + 2"), ["1 F0107"]);
    assert_eq!(body("await r = Review(id) within 1h on timeout => fail Late"), ["1 F0107"]);
    assert_eq!(body("x = each m in many {\n give m\n}"), ["1 F0107"]);
    assert_eq!(body("if order.gift {\n step n = Shop.score(id)\n}"), ["2 F0107"]);
    assert_eq!(after_world("fn f() -> int {\n a = 1\n 2\n}"), ["2 F0107"]);
}

#[test]
fn names_of_writes_are_identities() {
    assert!(body("step r = Shop.reserve(id) on OutOfStock => fail Late").is_empty());
    assert!(body("step second = Shop.release(id)").is_empty());
    assert!(body("step Shop.get(id) on NoSuchOrder => fail Late").is_empty());
    assert!(
        body("await first {\n p = event Paid where order == id => pass\n sleep 1h => pass\n}")
            .is_empty()
    );
    assert!(body("if order.gift { n = 1 } else { n = 2 }\nprogress \"{n}\"").is_empty());
    assert!(body("step n = Shop.note(id) fallback Shop.note(order.id)\nstart Say(n)").is_empty());
}

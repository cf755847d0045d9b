//! F0111: pure code.

use super::{after_world, body, codes};

#[test]
fn pure_code_draws_nothing() {
    assert_eq!(codes("fn f() -> time = now()"), ["1 F0111"]);
    assert_eq!(codes("fn f() -> uuid = new_uuid()"), ["1 F0111"]);
    assert_eq!(
        codes("decide d(a: int) -> int {\n random() < 0.5 => 1\n else => 2\n}"),
        ["2 F0111"]
    );
    assert_eq!(
        codes("fn f(a: list<int>) -> list<int> = a.where(x => random() > 0.5)"),
        ["1 F0111"]
    );
    assert!(body("t = now()\nprogress \"{t} {random()} {new_uuid()}\"").is_empty());
    assert!(body("if now() > order_time(now()) { fail Late }").len() == 1);
}

#[test]
fn pure_code_calls_nothing() {
    assert_eq!(after_world("fn f(id: OrderId) -> text = Shop.note(id)"), ["1 F0111"]);
    assert_eq!(body("if Shop.note(id) == \"\" { pass }"), ["1 F0111"]);
}

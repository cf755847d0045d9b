//! F0112: currencies.

use super::{body, codes};

#[test]
fn amounts_of_two_currencies_do_not_mix() {
    assert_eq!(codes("fn f(a: money<EUR>, b: money<USD>) -> bool = a < b"), ["1 F0112"]);
    assert_eq!(codes("fn f(a: money<EUR>, b: money<USD>) -> bool = a == b"), ["1 F0112"]);
    assert_eq!(codes("fn f(a: money<EUR>) -> money<EUR> = a + 5.00 USD"), ["1 F0112"]);
    assert_eq!(codes("fn f(a: money<USD>) -> money<EUR> = a"), ["1 F0112"]);
    assert_eq!(codes("fn f(a: money) -> money<EUR> = a"), ["1 F0112"]);
    assert_eq!(body("if order.gift {\n if order.total > 5.00 USD { pass }\n}"), ["2 F0112"]);
    assert_eq!(body("each l in order.lines {\n if l.price > 5.00 USD { pass }\n}"), ["2 F0112"]);
    assert_eq!(body("pivot p = Shop.pay(\n id, 5.00 USD)\n on Declined => fail Late"), ["1 F0112"]);
    assert!(codes("fn f(a: money<EUR>, b: money<EUR>) -> money<EUR> = (a + b) * 19%").is_empty());
    assert!(codes("fn f(a: money<EUR>, b: money<EUR>) -> decimal = a / b").is_empty());
    assert!(codes("fn f(a: money<EUR>) -> money = a").is_empty());
    assert!(codes("fn f() -> money = 5.00 EUR").is_empty());
}

#[test]
fn plain_money_mixes_under_same_currency_only() {
    let f = |e: &str| codes(&format!("fn f(a: money, b: money, c: money) -> bool = {e}"));
    assert_eq!(f("a <= b"), ["1 F0112"]);
    assert!(f("same_currency(a, b) and a <= b").is_empty());
    assert!(f("same_currency(a, b) and same_currency(b, c) and a <= c").is_empty());
    assert_eq!(f("a <= b and same_currency(a, b)"), ["1 F0112"]);
    assert_eq!(f("same_currency(a, b) or a <= b"), ["1 F0112"]);
    assert_eq!(f("same_currency(a, b) and a <= c"), ["1 F0112"]);
    assert!(f("a + a <= a * 2").is_empty());
    assert_eq!(f("a == b"), ["1 F0112"]);
    assert!(f("if same_currency(a, b) { a <= b } else { false }").is_empty());
    assert!(f("not same_currency(a, b) or a <= b").is_empty());
}

#[test]
fn a_condition_refines_its_arm() {
    let w = |text: &str| {
        codes(&format!("workflow W v1 (a: money, b: money) fails Bad idempotent by a {{ {text} }}"))
    };
    assert!(w("if same_currency(a, b) {\n if a < b { fail Bad }\n}").is_empty());
    assert_eq!(
        w("if same_currency(a, b) {\n pass\n} else {\n if a < b { fail Bad }\n}"),
        ["4 F0112"]
    );
    assert_eq!(w("if same_currency(a, b) { pass }\nif a < b { fail Bad }"), ["2 F0112"]);
    assert!(w("if not same_currency(a, b) { fail Bad }\nif a < b { fail Bad }").is_empty());
    assert!(w("if same_currency(a, 5.00 EUR) and a < 5.00 EUR { fail Bad }").is_empty());
}

#[test]
fn a_sum_needs_a_static_currency() {
    assert_eq!(codes("fn f(a: list<money>) -> money = a.sum"), ["1 F0112"]);
    assert_eq!(codes("fn f(a: list<money>) -> money? = a.max"), ["1 F0112"]);
    assert!(codes("fn f(a: list<money<EUR>>) -> money<EUR> = a.sum").is_empty());
    assert!(codes("fn f(a: list<money<EUR>>) -> money<EUR>? = a.max").is_empty());
}

#[test]
fn an_amount_has_the_digits_of_its_currency() {
    assert_eq!(codes("fn f() -> money<EUR> = 1.005 EUR"), ["1 F0102"]);
    assert_eq!(codes("fn f() -> money<JPY> = 1.50 JPY"), ["1 F0102"]);
    assert!(codes("fn f() -> money<KWD> = 1.005 KWD").is_empty());
}

#[test]
fn tests_may_compare_an_amount_with_one_of_known_currency() {
    let text = "service S { read get(a: text) -> money within 1s }\nworkflow W v1 (a: text) -> money idempotent by a {\n step m = S.get(a)\n return m\n}\ntest \"t\" {\n run W(\"a\")\n expect result == 5.00 EUR\n}";
    assert!(codes(text).is_empty(), "{:?}", codes(text));
}

//! F0105 and F0106: covered cases, dead arms.

use super::{after_world, body, codes};

#[test]
fn a_match_covers_every_case() {
    assert_eq!(
        body(
            "await a = Judge(id) within 1h on timeout => fail Late\nmatch a {\n Yes(_) => pass\n}"
        ),
        ["2 F0105"]
    );
    assert_eq!(
        after_world("fn f(s: Signer) -> int = match s { Board => 1, Nobody => 2 }"),
        ["1 F0105"]
    );
    assert_eq!(
        after_world("fn f(s: Signer?) -> int = match s { none => 1, Board => 2, Nobody => 3 }"),
        ["1 F0105"]
    );
    assert_eq!(codes("fn f(s: text?) -> int = match s { none => 1 }"), ["1 F0105"]);
    assert_eq!(codes("fn f(s: bool) -> int = match s { true => 1 }"), ["1 F0105"]);
    assert_eq!(codes("fn f(s: int) -> int = match s { 1 => 1, 2 => 2 }"), ["1 F0105"]);
    assert_eq!(body("each m in many {\n match order.gift {\n true => pass\n}\n}"), ["2 F0105"]);
    assert!(
        after_world("fn f(s: Signer) -> int = match s { Board => 1, Nobody => 2, Manager => 3 }")
            .is_empty()
    );
    assert!(
        after_world("fn f(s: Signer?) -> int = match s { none => 1, Board => 2, x => 3 }")
            .is_empty()
    );
    assert!(codes("fn f(s: text?) -> int = match s { x => 1 }").is_empty());
    assert!(codes("fn f(s: text?) -> text = match s { x => x, none => \"\" }").is_empty());
    assert!(codes("fn f(s: int) -> int = match s { 1 => 1, _ => 2 }").is_empty());
    assert!(
        codes("fn f(s: bool?) -> int = match s { true => 1, false => 2, none => 3 }").is_empty()
    );
}

#[test]
fn outcomes_have_three_cases() {
    let w = |arms: &str| {
        body(&format!(
            "all = parallel each m in many max 3 settle {{ step s = Shop.note(m) give s }}\neach o in all {{\n match o {{\n{arms}\n}}\n}}"
        ))
    };
    assert!(
        w("Ok(v) => start Say(v)\nFailed(e) => progress \"{e.name} at {e.step}\"\nUnknown => pass")
            .is_empty()
    );
    assert_eq!(w("Ok(v) => start Say(v)\nUnknown => pass"), ["3 F0105"]);
    assert_eq!(w("Okay(v) => pass\n_ => pass"), ["4 F0101"]);
}

#[test]
fn a_dead_arm_is_named() {
    assert_eq!(
        after_world("fn f(s: Signer) -> int = match s { _ => 1,\n Board => 2 }"),
        ["2 F0106"]
    );
    assert_eq!(
        after_world(
            "fn f(s: Signer) -> int = match s { Board => 1, Nobody => 2, Manager => 3,\n _ => 4 }"
        ),
        ["2 F0106"]
    );
    assert_eq!(codes("fn f(s: int) -> int = match s { 1 => 1,\n 1 => 2, _ => 3 }"), ["2 F0106"]);
    assert_eq!(
        codes("fn f(s: bool) -> int = match s { true => 1, false => 2,\n x => 3 }"),
        ["2 F0106"]
    );
    assert_eq!(
        codes("fn f(s: text?) -> int = match s { x => 1, none => 2,\n _ => 3 }"),
        ["2 F0106"]
    );
}

#[test]
fn patterns_fit_their_subject() {
    assert_eq!(after_world("fn f(s: Signer) -> int = match s { Bord => 1, _ => 2 }"), ["1 F0101"]);
    assert_eq!(
        after_world("fn f(s: Signer) -> int = match s { Answer.Yes => 1, _ => 2 }"),
        ["1 F0102"]
    );
    assert_eq!(codes("fn f(s: int) -> int = match s { \"a\" => 1, _ => 2 }"), ["1 F0102"]);
    assert_eq!(codes("fn f(s: int) -> int = match s { none => 1, _ => 2 }"), ["1 F0102"]);
    assert_eq!(
        after_world("fn f(a: Answer) -> int = match a { Yes(a1, b) => 1, _ => 2 }"),
        ["1 F0120"]
    );
    assert_eq!(after_world("fn f(s: Sku) -> int = match s { \"abc\" => 1, _ => 2 }"), ["1 F0102"]);
    assert_eq!(
        codes("fn f(m: money<EUR>) -> int = match m { 5.00 USD => 1, _ => 2 }"),
        ["1 F0112"]
    );
    assert!(
        after_world(
            "fn f(a: Answer) -> text? = match a { Yes(note) => note, No(reason) => reason }"
        )
        .is_empty()
    );
    assert!(after_world("fn f(s: Sku) -> int = match s { \"ABC-0001\" => 1, _ => 2 }").is_empty());
}

#[test]
fn a_decision_without_else_is_proven_complete() {
    let d = |rows: &str| {
        after_world(&format!(
            "decide d(s: Signer, t: Signer, a: int, b: int, c: bool, p: text?) -> int {{\n{rows}\n}}"
        ))
    };
    assert!(d("s == Signer.Board => 1\ns != Signer.Board => 2").is_empty());
    assert!(
        d("s == Signer.Board => 1\ns == Signer.Nobody => 2\ns == Signer.Manager => 3").is_empty()
    );
    assert!(d("s in [Signer.Board, Signer.Nobody] => 1\ns == Signer.Manager => 2").is_empty());
    assert!(d("a < b => 1\na == b => 2\nb < a => 3").is_empty());
    assert!(d("a <= b => 1\na > b => 2").is_empty());
    assert!(d("a < 5 => 1\na >= 5 and a < 10 => 2\na >= 10 => 3").is_empty());
    assert!(d("c => 1\nnot c => 2").is_empty());
    assert!(d("p == none => 1\np != none => 2").is_empty());
    assert!(d("c and s == Signer.Board => 1\nc and s != Signer.Board => 2\nnot c => 3").is_empty());
    assert_eq!(d("s == Signer.Board => 1\ns == Signer.Nobody => 2"), ["1 F0105"]);
    assert_eq!(d("a < b => 1\na > b => 2"), ["1 F0105"]);
    assert_eq!(d("a < 5 => 1\na > 5 => 2"), ["1 F0105"]);
    assert_eq!(d("c and s == Signer.Board => 1\nnot c => 3"), ["1 F0105"]);
    assert_eq!(d("a < 5 => 1\nb >= 5 => 2"), ["1 F0105"]);
}

#[test]
fn a_dead_row_is_named() {
    let d = |rows: &str| codes(&format!("decide d(a: int, c: bool) -> int {{\n{rows}\n}}"));
    assert_eq!(d("a < 5 => 1\na < 3 => 2\nelse => 3"), ["3 F0106"]);
    assert_eq!(d("c => 1\nnot c => 2\nelse => 3"), ["4 F0106"]);
    assert_eq!(d("true => 1\nc => 2"), ["3 F0106"]);
    assert!(d("a < 3 => 1\na < 5 => 2\nelse => 3").is_empty());
}

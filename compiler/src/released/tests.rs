//! What is said of two versions: every difference once, in words, and where a run may move.

use super::{differences, moves};
use crate::{analyze, load};
use sagaflow_fir::{Damage, Frozen};

/// A workflow of a text, frozen.
fn frozen(text: &str) -> Frozen {
    let loaded = load::load_text("shop.flow", "shop", text);
    let analysis = analyze(&loaded);
    let fir = analysis.lower(&loaded.sources);
    let fir = fir.unwrap_or_else(|| panic!("{:?}\n{text}", analysis.diagnostics));
    fir.freeze("shop.Pay").expect("every text has it")
}

const SERVICES: &str = "
service Bank {
  write charge(id: text, cents: int) -> text idempotent by id fails Declined compensate refund(id) within 2s
  write refund(id: text) idempotent by id within 2s
  write give_back(id: text) idempotent by id within 2s
}
service Mail {
  write send(id: text) idempotent by id compensate none because \"a letter harms nobody\" within 2s
}
human Agree(id: text) -> bool { title \"Agree to {told(id)}\" assign role(\"clerk\") }
fn told(id: text) -> text = \"no. {id}\"
";

/// The program whose workflow has this body.
fn program(body: &str) -> String {
    format!(
        "workflow Pay v1 (id: text, cents: int) idempotent by id, cents fails Declined, Late deadline 1h {{\n{body}\n}}\n{SERVICES}"
    )
}

const BODY: &str = "step paid = Bank.charge(id, cents)\n\
    await ok = Agree(id) within 10m on timeout => fail Late\n\
    if ok { step sent = Mail.send(paid) }";

/// What is said of a change: of a text of the program, and what stands for it.
fn said(old: &str, new: &str) -> Vec<String> {
    let before = program(BODY);
    assert!(before.contains(old), "`{old}` is not in the program");
    let after = before.replacen(old, new, 1);
    let found = differences(&frozen(&before), &frozen(&after));
    let policy = |policy: bool| if policy { "policy: " } else { "" };
    found.iter().map(|it| format!("{}{it}", policy(it.policy))).collect()
}

#[test]
fn nothing_is_said_of_words_that_nobody_is_shown() {
    assert_eq!(said("workflow Pay", "/// Pays.\nworkflow Pay"), [""; 0]);
    assert_eq!(said("step paid", "// first\n\n  step paid"), [""; 0]);
}

#[test]
fn what_differs_is_named_by_its_place_and_only_once() {
    for (old, new, wanted) in [
        (
            "charge(id, cents)\n",
            "charge(id, cents + 1)\n",
            "the step `paid`: what it is called with is another",
        ),
        ("step paid", "progress \"on it\"\nstep paid", "the workflow: a `progress` is new"),
        (
            "step paid",
            "twice = cents * 2\nprogress \"{twice}\"\nstep paid",
            "the workflow: `twice = …` is new",
        ),
        ("if ok {", "if not ok {", "the workflow: a condition is another"),
        (
            "cents: int) idempotent by id, cents fails",
            "cents: int, more: text?) idempotent by id, cents fails",
            "the workflow: the parameter `more` is new",
        ),
        (
            "fn told(id: text) -> text = \"no.",
            "fn told(id: text) -> text = \"number",
            "policy: the function `told`: what it says is another",
        ),
    ] {
        let found = said(old, new);
        assert!(found.contains(&wanted.to_owned()), "{wanted}: {found:?}");
    }
}

#[test]
fn policy_is_said_as_policy_with_what_it_was_and_is() {
    assert_eq!(
        said("deadline 1h", "deadline 2h"),
        ["policy: the workflow: its `deadline` was 1h and is 2h"]
    );
    assert_eq!(
        said("Mail.send(paid)", "Mail.send(paid) within 5s"),
        ["policy: the step `sent`: its `within` was 2s and is 5s"]
    );
    assert_eq!(
        said("Agree to", "Please agree to"),
        ["policy: the task `Agree`: its `title` is another"]
    );
}

/// Points where a run may not move, with why.
fn stuck(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (frozen(&program(old)), frozen(&program(new).replacen("v1", "v2", 1)));
    let all = moves(&old, &new);
    assert!(all.iter().any(|it| it.at == "start"), "the start is a point too: {all:?}");
    let no = all.into_iter().filter(|it| !it.because.is_empty());
    no.map(|it| format!("{}: {}", it.at, it.because.join("; "))).collect()
}

#[test]
fn a_run_may_move_everywhere_to_a_version_that_needs_nothing_more() {
    assert_eq!(stuck(BODY, BODY), [""; 0]);
    assert_eq!(stuck(BODY, &BODY.replace("Mail.send(paid)", "Mail.send(\"x\")")), [""; 0]);
}

#[test]
fn a_run_may_not_move_to_where_a_value_is_missing_or_an_undo_is_another() {
    let needs = format!("now_then = cents * 2\n{BODY}\nprogress \"{{now_then}}\"");
    let found = stuck(BODY, &needs);
    assert!(found.iter().any(|it| it.starts_with("paid: it needs `now_then`")), "{found:?}");
    assert!(!found.iter().any(|it| it.starts_with("start")), "it is bound behind it: {found:?}");
    let undone =
        BODY.replace("charge(id, cents)", "charge(id, cents) compensate Bank.give_back(id)");
    let found = stuck(BODY, &undone);
    assert!(
        found.iter().any(|it| it.starts_with("ok: the undo of `paid` is another")),
        "{found:?}"
    );
    assert!(!found.iter().any(|it| it.starts_with("start")), "nothing is armed there: {found:?}");
}

#[test]
fn a_run_may_not_move_to_where_its_point_is_gone() {
    let other = BODY.replace("step paid =", "step charged =").replace("(paid)", "(charged)");
    let found = stuck(BODY, &other);
    assert!(found.iter().any(|it| it == "paid: there is no such point any more"), "{found:?}");
}

#[test]
fn another_number_alone_is_no_difference() {
    let text = program(BODY);
    let (old, new) = (frozen(&text), frozen(&text.replacen("v1", "v2", 1)));
    assert_ne!(old.hash, new.hash);
    assert_eq!(differences(&old, &new), []);
}

#[test]
fn a_frozen_version_reads_back_and_one_that_was_changed_does_not() {
    let one = frozen(&program(BODY));
    let text = one.text();
    assert_eq!(Frozen::read(&text), Ok(one.clone()));
    assert!(text.contains("told"), "what only the title names is frozen too");
    let changed = text.replace("a letter harms nobody", "a letter harms somebody");
    assert_ne!(changed, text, "the reason is in the text");
    assert_eq!(Frozen::read(&changed), Err(Damage::Content));
    let newer = text.replace("\"format\":1", "\"format\":9");
    assert_eq!(Frozen::read(&newer), Err(Damage::Format(9)));
    assert!(matches!(Frozen::read("{"), Err(Damage::Shape(_))));
}

#[test]
fn a_frozen_version_is_the_same_wherever_it_stands_in_its_file() {
    let text = program(BODY);
    assert_eq!(frozen(&text), frozen(&format!("// a word before\n\n{text}")));
}

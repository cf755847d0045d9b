//! What is said of two versions: every difference once, in words.

mod fitting;
mod moving;
mod same;

use super::differences;
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
service Till {
  write take(id: text) -> text idempotent by id compensate give(id) within 2s
  write give(id: text) idempotent by id within 2s
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

/// What is said where this text of the body becomes that one.
fn said_within(body: &str, old: &str, new: &str) -> Vec<String> {
    assert!(body.contains(old), "`{old}` is not in the body");
    let found =
        differences(&frozen(&program(body)), &frozen(&program(&body.replacen(old, new, 1))));
    let policy = |policy: bool| if policy { "policy: " } else { "" };
    found.iter().map(|it| format!("{}{it}", policy(it.policy))).collect()
}

#[test]
fn a_text_for_people_is_policy_as_long_as_a_run_keeps_what_it_needs() {
    let body = "twice = cents * 2\nlist = [cents, twice]\nprogress \"pays {twice}\"\n\
        step paid = Bank.charge(id, cents)\n\
        if list.any(n => n > 9) { review \"large\" }\nmanual \"go on?\"\n\
        await ok = Agree(id) within 10m on timeout => fail Late\n\
        if ok { step sent = Mail.send(paid) }";
    for (old, new, wanted) in [
        ("\"pays {twice}\"", "\"{cents} twice\"", "policy: a `progress`: what it tells is another"),
        (
            "\"pays {twice}\"",
            "\"{list.where(n => n > 1).len()} amounts\"",
            "policy: a `progress`: what it tells is another",
        ),
        ("\"large\"", "\"much\"", "policy: a `review`: what it tells is another"),
        (
            "\"go on?\"",
            "\"may it go on?\"",
            "policy: the `manual` `manual`: what it asks is another",
        ),
        ("within 10m", "within 20m", "policy: the wait `ok`: its `within` was 10m and is 20m"),
    ] {
        assert_eq!(said_within(body, old, new), [wanted], "{new}");
    }
    let kept = said_within(body, "\"go on?\"", "\"go on with {twice}?\"");
    assert!(kept.iter().any(|it| !it.starts_with("policy")), "nobody has kept it: {kept:?}");
}

#[test]
fn why_something_is_not_undone_and_what_a_person_is_shown_are_policy() {
    assert_eq!(
        said("harms nobody", "is harmless"),
        [
            "policy: the step `sent`: its reason is another",
            "policy: the service `Mail`, `send`: its reason is another"
        ]
    );
    let shown = "title \"Agree to {id}\" show [1, 2].where(n => n > 1), id";
    assert_eq!(
        said("title \"Agree to {told(id)}\"", shown),
        [
            "policy: the task `Agree`: what it shows is another",
            "policy: the task `Agree`: its `title` is another"
        ]
    );
}

#[test]
fn numbers_are_policy_and_that_there_is_a_bound_is_meaning() {
    let body = "scope s { step paid = Bank.charge(id, cents) retry 3 times } retry 2 times \
        else fail Late";
    let policy = |old, new| said_within(body, old, new).iter().all(|it| it.starts_with("policy"));
    assert!(policy("retry 2 times", "retry 4 times"));
    assert!(policy("retry 3 times", "retry 5 times"));
    assert!(!policy("retry 2 times", ""), "a scope that is not tried again ends otherwise");
    assert!(!policy("retry 2 times", "retry 2 times deadline 5m"), "it may be late now");
    assert!(!policy("retry 3 times", "retry 3 times on Declined"), "an error that is tried again");
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
    let newer = text.replace("\"format\":2", "\"format\":9");
    assert_eq!(Frozen::read(&newer), Err(Damage::Format(9)));
    assert!(matches!(Frozen::read("{"), Err(Damage::Shape(_))));
}

#[test]
fn a_frozen_version_is_the_same_wherever_it_stands_in_its_file() {
    let text = program(BODY);
    assert_eq!(frozen(&text), frozen(&format!("// a word before\n\n{text}")));
}

/// An expression of so many operators in a row.
fn row(operand: &str, operator: &str, count: usize) -> String {
    vec![operand; count + 1].join(operator)
}

#[test]
fn as_many_operators_as_the_language_takes_are_frozen_and_read_back() {
    let sum = format!("sum = {}\nprogress \"{{sum}}\"\n{BODY}", row("cents", " + ", 250));
    let all = format!("if {} {{ progress \"all\" }}\n{BODY}", row("(cents > 1)", " and ", 250));
    for body in [sum, all] {
        let one = frozen(&program(&body));
        assert_eq!(Frozen::read(&one.text()), Ok(one.clone()));
    }
}

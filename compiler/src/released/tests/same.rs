//! What leaves the meaning alone, because no run can tell the difference.

use super::super::differences;
use super::{BODY, frozen, program, row};
use sagaflow_fir::Frozen;

/// Whether both texts mean the same.
fn same(old: &str, new: &str) -> bool {
    assert_ne!(old, new, "the texts differ");
    frozen(old).hash == frozen(new).hash
}

#[test]
fn a_name_that_only_a_text_binds_does_not_rename_what_a_frame_holds() {
    let turn = "each n in [cents] { step sent = Mail.send(\"{n}\") else skip }\n";
    let old = program(&format!("progress \"on it\"\n{turn}{BODY}"));
    let text = "progress \"{[cents].where(n => n > 1).len()} of it\"\n";
    assert!(same(&old, &program(&format!("{text}{turn}{BODY}"))));
    let text = "progress \"{match told(id) { n => n }} of it\"\n";
    assert!(same(&old, &program(&format!("{text}{turn}{BODY}"))));
    assert!(
        !same(&old, &old.replace("each n in", "each m in").replace("\"{n}\"", "\"{m}\"")),
        "what a frame holds has its name"
    );
}

#[test]
fn what_the_parameters_of_a_function_are_called_is_no_matter() {
    let old = program(&BODY.replace("Mail.send(paid)", "Mail.send(told(paid))"));
    let new = old.replace(
        "fn told(id: text) -> text = \"no. {id}\"",
        "fn told(it: text) -> text = \"no. {it}\"",
    );
    assert!(same(&old, &new));
    assert!(
        !same(&old, &old.replace("\"no. {id}\"", "\"number {id}\"")),
        "what it says is meaning"
    );
}

#[test]
fn what_a_person_is_shown_brings_no_types_along() {
    let old = format!("{}record Line {{ n: int }}\n", program(BODY));
    let shown = "assign role(\"clerk\") show [Line(n: 1)].where(l => l.n > 0).len()";
    assert!(same(&old, &old.replacen("assign role(\"clerk\")", shown, 1)));
}

#[test]
fn what_an_undo_holds_is_called_the_same_whatever_stands_before_it() {
    let undo = |one: &Frozen| {
        let workflow = &one.fir.workflows["shop.Pay"];
        let names = &workflow.points["paid/undo"].live;
        names.iter().map(|it| workflow.locals[it.0 as usize].name.clone()).collect::<Vec<_>>()
    };
    let before = format!("step first = Till.take(\"{{id}} 1\")\n{BODY}");
    let (old, new) = (frozen(&program(BODY)), frozen(&program(&before)));
    assert_eq!(undo(&old), undo(&new));
    assert_eq!(undo(&old), ["id"]);
}

#[test]
fn as_deep_as_the_language_goes_is_frozen_and_read_back() {
    let calls = format!("{}cents{}", "same(".repeat(180), ")".repeat(180));
    let mut body = format!("deep = {calls}\nprogress \"{{deep ?? 0}}\"\n");
    for _ in 0..60 {
        body = format!("if cents > 0 {{ {body} }}\n");
    }
    let text = format!("{}fn same(n: int?) -> int? = n\n", program(&format!("{body}{BODY}")));
    let one = frozen(&text);
    assert_eq!(Frozen::read(&one.text()), Ok(one.clone()));
}

#[test]
fn what_is_deeper_than_any_program_is_refused_and_not_walked() {
    let one = frozen(&program(&format!(
        "sum = {}\nprogress \"{{sum}}\"\n{BODY}",
        row("cents", " + ", 2)
    )));
    let text = one.text();
    let some = "{\"kind\":{\"some\":";
    let at = text.find("{\"kind\":{\"binary\"").expect("the sum");
    for depth in [600, 2_000, 5_000, 200_000] {
        let deep = format!("{}{}{}", &text[..at], some.repeat(depth), &text[at..]);
        assert!(Frozen::read(&deep).is_err(), "{depth}");
    }
}

#[test]
fn what_an_expression_binds_is_called_as_anyone_likes() {
    let old = program(
        "few = [cents].where(n => n > 1).len()\n\
         if (match told(id) { n => n }) == id or few > 3 { progress \"{[few].map(n => n).len()}\" }\n\
         await ok = Agree(id) within 10m on timeout => fail Late\n\
         if ok { step paid = Bank.charge(id, cents) }",
    );
    let new = old
        .replace("where(n => n > 1)", "where(m => m > 1)")
        .replace("{ n => n }", "{ word => word }")
        .replace("map(n => n)", "map(it => it)");
    assert!(same(&old, &new));
    assert_eq!(differences(&frozen(&old), &frozen(&new)), []);
    let shown = "assign role(\"clerk\") show [id].where(one => one == id)";
    let old = old.replacen("assign role(\"clerk\")", shown, 1);
    let new = old.replace("one => one", "it => it");
    // What is shown says its source beside it, which people read.
    let found = differences(&frozen(&old), &frozen(&new));
    assert_eq!(found.len(), 1, "{found:?}");
    let other = old.replace("n => n > 1", "n => 1 > n");
    assert_ne!(differences(&frozen(&old), &frozen(&other)), []);
}

#[test]
fn a_choice_between_two_names_of_an_expression_is_told_from_the_other_one() {
    let fold = |taken: &str| {
        program(&format!(
            "sum = [cents].fold(0, (a, b) => {taken})\nstep paid = Bank.charge(id, sum)"
        ))
    };
    let found = differences(&frozen(&fold("a - b")), &frozen(&fold("b - a")));
    assert_ne!(found, []);
    assert_eq!(differences(&frozen(&fold("a - b")), &frozen(&fold("a - b"))), []);
}

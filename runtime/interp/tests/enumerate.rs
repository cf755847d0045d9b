//! What `every failure of` covers, and what the expectations behind it mean, from texts.

use sagaflow_compiler::{analyze, load::load_text};
use sagaflow_fir::Fir;
use sagaflow_interp::simulate::{Failing, Plan, Program, Script, World};
use sagaflow_interp::test::{TestReport, run};
use serde_json::json;
use std::sync::Arc;

const CONTRACTS: &str = r#"
event Stop key id { id: text, why: text }
human Ask(id: text) -> Ruling {
  title  "Rule on {id}"
  assign role("boss")
}
record Ruling { yes: bool, why: text }
service S {
  write take(id: text) -> text
    probe taken(id)
    compensate back(id)
    within 2s
  read taken(id: text) -> text? within 1s
  write back(id: text) idempotent within 2s
  write note(id: text) -> text
    idempotent
    compensate unnote(id)
    within 2s
  write unnote(id: text) idempotent within 2s
  read look(id: text) -> int fails Gone within 1s
}
"#;

fn fir(text: &str) -> Fir {
    let loaded = load_text("m.flow", "m", &format!("{CONTRACTS}{text}"));
    let analysis = analyze(&loaded);
    let told: Vec<String> = analysis.diagnostics.iter().map(|d| d.headline.clone()).collect();
    analysis.lower(&loaded.sources).unwrap_or_else(|| panic!("{told:#?}"))
}

/// The reports of the tests in a text.
fn tested(text: &str) -> Vec<TestReport> {
    run(&fir(text), "")
}

fn only(text: &str) -> TestReport {
    let mut reports = tested(text);
    assert_eq!(reports.len(), 1, "{reports:?}");
    reports.remove(0)
}

#[test]
fn a_step_of_an_interrupt_is_reached_and_made_to_fail() {
    let report = only(
        r#"
workflow W v1 (id: text) -> text idempotent by id deadline 9h {
  scope work {
    step a = S.note(id)
    sleep 1m
  } on event Stop(_, why) where id == id => { step told = S.look(why) else use 1  progress "{told}" }
  return "x"
}
test "settles" { every failure of W("a")  expect settled  expect never S.look }
"#,
    );
    assert!(!report.passed && report.message.contains("S.look"), "{report:?}");
}

#[test]
fn a_request_that_arrives_after_its_undo_applies_nothing() {
    let fir = fir(r#"
workflow W v1 (id: text) -> text idempotent by id deadline 9h fails Lost {
  step a = S.note(id) retry 1 times on unknown => fail Lost
  return "x"
}
"#);
    let program = Program::new(Arc::new(fir));
    let failing = Failing {
        path: "a".into(),
        action: "m.S.note".into(),
        purpose: sagaflow_core::service::Purpose::Do,
        plan: Plan::UnknownLost,
        attempts: 1,
    };
    let mut world = World::new(&program, Script { failing: vec![failing], ..Script::default() });
    world.run("m.W", [("id".to_owned(), json!("a"))].into()).expect("it comes to rest");
    let late: Vec<_> = world.ledger().late().iter().map(|late| late.action.as_str()).collect();
    assert_eq!(late, ["m.S.note"]);
    assert_eq!(world.ledger().effects(), []);
}

#[test]
fn what_a_test_says_about_people_and_events_holds_in_every_run() {
    let reports = tested(
        r#"
workflow W v1 (id: text) -> text idempotent by id deadline 9h fails Refused2, Late {
  await r = Ask(id) within 2h on timeout => fail Late
  if r.yes { step a = S.note(id) } else { fail Refused2 }
  await e = event Stop where id == id within 2h on timeout => fail Late
  return e.why
}
test "given" {
  given Ask => Ruling(yes: true, why: "w")
  deliver Stop(id: "a", why: "said") after 1s
  every failure of W("a")
  expect settled
  expect never S.note twice
}
test "not given" {
  deliver Stop(id: "a", why: "said") after 1s
  every failure of W("a")
  expect settled
}
"#,
    );
    let runs: Vec<u64> = reports.iter().map(|report| report.runs).collect();
    assert!(reports.iter().all(|report| report.passed), "{reports:?}");
    // A record is varied field by field: without the test's answer there are more runs.
    assert!(matches!(runs.as_slice(), [given, free] if given < free), "{runs:?}");
}

#[test]
fn never_after_itself_means_a_second_time() {
    let report = only(
        r#"
workflow W v1 (id: text) -> text idempotent by id {
  step a = S.note(id)
  return a
}
test "once" { run W("a")  expect never S.note after S.note }
"#,
    );
    assert!(report.passed, "{report:?}");
}

const UNDECIDED: &str = r#"
workflow W v1 (id: text) -> text idempotent by id deadline 9h {
  step S.take(id) on unknown => { step told = S.look(id) else use 1  progress "{told}" }
  return "x"
}
"#;

#[test]
fn what_decides_about_a_probed_write_is_reached_where_its_probe_does_not_answer() {
    let report = only(&format!(
        "{UNDECIDED}test \"settles\" {{ every failure of W(\"a\")  expect settled }}"
    ));
    assert!(report.passed, "{report:?}");
    // Left by going on, it is undone, whether it was done or not.
    let done = "{ every failure of W(\"a\")  expect never S.look }";
    let report = only(&format!("{UNDECIDED}test \"decides\" {done}"));
    assert!(!report.passed && report.message.contains("`taken` (probe)"), "{report:?}");
    let orders = ["S.back after S.look", "S.look after S.back"].map(|order| {
        let beside = format!("{{ every failure of W(\"a\")  expect never {order} }}");
        only(&format!("{UNDECIDED}test \"beside\" {beside}"))
    });
    let done = |report: &TestReport| report.message.contains("its answer is lost");
    assert!(orders.iter().any(done), "{orders:?}");
}

#[test]
fn a_write_that_nothing_forbids_any_more_may_be_done_behind_everything_else() {
    let of = |second: &str| {
        only(&format!(
            r#"
workflow W v1 (id: text) -> text idempotent by id deadline 9h fails Gone {{
  step S.note(id) retry 1 times on unknown => {second}
  step a = S.take(id)
  return a
}}
test "never behind" {{ every failure of W("a")  expect never S.note after S.take }}
"#
        ))
    };
    let report = of("skip");
    assert!(!report.passed && report.message.contains("come to rest"), "{report:?}");
    // An undo that runs beside what follows forbids it.
    let report = of("{ progress \"go on\" }");
    assert!(report.passed, "{report:?}");
}

const ASKED: &str = r#"
workflow W v1 (id: text, names: list<text>) -> text idempotent by id deadline 9h {
  scope first {
    step S.note(id)
    step seen = S.look(id)
    progress "{seen}"
  } on Gone => skip else manual "what of it?"
  return "x"
}
workflow V v1 (id: text, names: list<text>) -> text idempotent by id deadline 9h {
  sizes = parallel each name in names max 2 {
    step size = S.look(name)
    give size
  } else manual "which sizes?"
  if sizes.len == 2 { step S.take(id) }
  return "x"
}
"#;

#[test]
fn every_answer_about_a_block_is_tried() {
    let of = |workflow: &str, expect: &str| {
        let every = format!("every failure of {workflow}(\"a\", [\"b\"])");
        only(&format!("{ASKED}test \"asks\" {{ {every}  expect settled {expect} }}"))
    };
    let again = of("W", "expect never S.note twice");
    assert!(!again.passed && again.message.contains("answered \"again\""), "{again:?}");
    let value = of("V", "expect never S.take");
    assert!(!value.passed && value.message.contains("answered {\"ok\":[1,2]}"), "{value:?}");
    let settled = of("W", "");
    assert!(settled.passed, "{settled:?}");
}

#[test]
fn who_is_asked_about_a_call_that_was_done_never_says_that_it_was_not() {
    let report = only(
        r#"
service Bank { pivot pay(id: text) -> text idempotent by id fails Closed within 2s }
workflow W v1 (id: text) -> text idempotent by id fails Closed deadline 9h {
  step S.note(id)
  pivot receipt = Bank.pay(id) retry 2 times on unknown => manual "was it paid?"
  return receipt
}
test "paid is not taken back" { every failure of W("a")  expect settled  expect never S.unnote after Bank.pay }
"#,
    );
    assert!(report.passed, "{report:?}");
    assert!(report.runs > 30, "{report:?}");
}

const EXCUSED: &str = r#"
enum Came { Well, Badly }
workflow W v1 (id: text) -> Came idempotent by id fails Gone deadline 9h {
  step size = S.look(id)
  if size > 5 { return Came.Well }
  step S.note(id)
  return Came.Badly
}
"#;

#[test]
fn a_result_excuses_the_runs_that_have_it_and_no_others() {
    let of = |unless: &str| {
        let every = "every failure of W(\"a\")";
        only(&format!("{EXCUSED}test \"t\" {{ {every} expect never S.note unless {unless} }}"))
    };
    // A run that is cancelled behind the note has no result, and so no excuse.
    let report = of("result == Came.Badly");
    assert!(!report.passed && report.message.contains("was applied"), "{report:?}");
    let one = |unless: &str| {
        only(&format!("{EXCUSED}test \"t\" {{ run W(\"a\") expect never S.note unless {unless} }}"))
    };
    assert!(one("result == Came.Badly").passed, "the default size is 1");
    assert!(!one("result == Came.Well").passed);
}

#[test]
fn a_result_that_is_not_there_is_said_so() {
    let report = only(&format!(
        "{EXCUSED}test \"t\" {{ given S.look => fail Gone run W(\"a\") expect result == Came.Well }}"
    ));
    let told = "there is no `result`: it is failed with `Gone`";
    assert!(!report.passed && report.message == told, "{report:?}");
}

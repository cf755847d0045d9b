//! The clauses of the contract that simulated services keep.

use crate::simulate::Plan;
use crate::simulate::service::{Asked, Services};
use sagaflow_core::service::{Attempt, Purpose, Refusal};
use sagaflow_fir::{Action, Class, Compensation};
use serde_json::{Value as Json, json};

fn action(idempotent: bool) -> Action {
    Action {
        class: Class::Write,
        params: vec![],
        result: None,
        idempotent,
        errors: vec![],
        within_ms: None,
        compensation: Compensation::Action("t.S.back".into()),
        sql: None,
        no_rows: None,
        lasts_ms: None,
    }
}

/// One attempt under `key`; `undoes` makes it an undo by `t.S.back`.
fn ask(services: &mut Services, key: &str, undoes: Option<&str>, plan: Plan) -> (Attempt, bool) {
    let purpose = if undoes.is_some() { Purpose::Undo } else { Purpose::Do };
    let name = if undoes.is_some() { "t.S.back" } else { "t.S.go" };
    ask_as(services, (key, undoes, purpose, name), &action(true), plan)
}

fn ask_as(
    services: &mut Services,
    (key, undoes, purpose, name): (&str, Option<&str>, Purpose, &str),
    action: &Action,
    plan: Plan,
) -> (Attempt, bool) {
    let usual = json!("usual");
    let answered =
        services.answer(&Asked { key, undoes, purpose, name, action, usual: &usual }, plan);
    (answered.attempt, answered.applied)
}

fn ok(value: Json) -> Plan {
    Plan::Answer(value)
}

fn is_undone(attempt: &Attempt) -> bool {
    matches!(attempt, Attempt::Refused { cause: Refusal::Undone, .. })
}

#[test]
fn the_undo_of_nothing_succeeds_changes_nothing_and_spends_the_key() {
    let mut services = Services::default();
    let undone = ask(&mut services, "u", Some("k"), ok(json!(null)));
    assert_eq!(undone, (Attempt::Ok(json!(null)), false));
    let (late, applied) = ask(&mut services, "k", None, ok(json!(1)));
    assert!(is_undone(&late) && !applied, "{late:?}");
}

#[test]
fn both_directions_are_applied_once_however_often_they_are_asked() {
    let mut services = Services::default();
    assert_eq!(ask(&mut services, "k", None, ok(json!(1))), (Attempt::Ok(json!(1)), true));
    assert_eq!(ask(&mut services, "k", None, ok(json!(2))), (Attempt::Ok(json!(1)), false));
    assert!(ask(&mut services, "u", Some("k"), ok(json!(null))).1);
    assert!(!ask(&mut services, "u", Some("k"), ok(json!(null))).1);
    assert!(is_undone(&ask(&mut services, "k", None, ok(json!(1))).0));
}

#[test]
fn a_declared_error_is_remembered_and_applied_nothing() {
    let mut services = Services::default();
    let failed = Attempt::Failed { name: "Full".into(), payload: json!(null) };
    let plan = Plan::Fail("Full".into(), json!(null));
    assert_eq!(ask(&mut services, "k", None, plan), (failed.clone(), false));
    assert_eq!(ask(&mut services, "k", None, ok(json!(1))), (failed, false));
}

#[test]
fn a_lost_answer_is_an_effect_and_the_repetition_gets_the_answer() {
    let mut services = Services::default();
    let (attempt, applied) = ask(&mut services, "k", None, Plan::UnknownDone);
    assert!(matches!(attempt, Attempt::Unknown { .. }) && applied);
    let again = ask(&mut services, "k", None, ok(json!("other")));
    assert_eq!(again, (Attempt::Ok(json!("usual")), false));
    let (attempt, applied) = ask(&mut services, "l", None, Plan::UnknownLost);
    assert!(matches!(attempt, Attempt::Unknown { .. }) && !applied);
    assert_eq!(ask(&mut services, "l", None, ok(json!(1))), (Attempt::Ok(json!(1)), true));
}

#[test]
fn what_may_not_be_repeated_happens_again_if_it_is() {
    let mut services = Services::default();
    let once = ("k", None, Purpose::Do, "t.S.go");
    assert!(ask_as(&mut services, once, &action(false), ok(json!(1))).1);
    assert!(ask_as(&mut services, once, &action(false), ok(json!(1))).1);
}

#[test]
fn a_probe_answers_from_the_state_of_its_forward_key_and_none_spends_it() {
    let mut services = Services::default();
    let read = Action { class: Class::Read, ..action(true) };
    let probe = |services: &mut Services, of: &str| {
        let question = ("p", Some(of), Purpose::Probe, "t.S.look");
        ask_as(services, question, &read, ok(json!("anything"))).0
    };
    ask(&mut services, "done", None, ok(json!(7)));
    assert_eq!(probe(&mut services, "done"), Attempt::Ok(json!(7)));
    assert_eq!(probe(&mut services, "never"), Attempt::Ok(json!(null)));
    assert!(is_undone(&ask(&mut services, "never", None, ok(json!(1))).0));
}

//! Transactions as runs see them: one effect that commits or does not, whose outcome nobody leaves
//! unknown, and whose undo is armed by its commit.

use sagaflow_compiler::{analyze, load::load_text};
use sagaflow_core::service::Purpose;
use sagaflow_core::status::Status;
use sagaflow_fir::{Fir, SETTLE, TRANSACTION};
use sagaflow_interp::simulate::{Failing, Plan, Program, Script, Strike, StrikeKind, World};
use sagaflow_interp::test::run;
use serde_json::json;
use std::sync::Arc;

const SHOP: &str = r#"
event Booked key order { order: text, number: int }
service Payments {
  write charge(order: text) -> text
    idempotent by order
    fails Declined
    compensate refund(order)
    within 2s
  write refund(order: text) idempotent by order within 2s
}
database Stock {
  tx open(order: text) -> int fails Twice
    sql """insert into o (id) values (:order) returning n""" no rows => Twice
  tx take(number: int, order: text)
    sql """update p set n = n - 1 where id = :order and :number > 0"""
  tx cancel(number: int, order: text)
    sql """delete from o where n = :number and id = :order"""
}
workflow Book v1 (order: text) -> int
  idempotent by order
  deadline 9h
  fails Rejected
{
  step first = Payments.charge(order) retry 2 times on Declined => fail Rejected else fail Rejected
  transaction Stock retry 3 times, backoff 10ms..1s {
    step number = Stock.open(order) on Twice => fail Rejected
    step Stock.take(number, order)
  }
  compensate { transaction Stock { step Stock.cancel(number, order) } }
  on Rejected => fail Rejected
  else fail Rejected
  step second = Payments.charge("{order} again") retry 2 times
    on Declined => fail Rejected
    else fail Rejected
  progress "{first} {second}"
  return number
}
"#;

fn fir(more: &str) -> Fir {
    let loaded = load_text("m.flow", "m", &format!("{SHOP}{more}"));
    let analysis = analyze(&loaded);
    let told: Vec<String> = analysis.diagnostics.iter().map(|d| d.headline.clone()).collect();
    analysis.lower(&loaded.sources).unwrap_or_else(|| panic!("{told:#?}"))
}

/// A run in which the transaction goes wrong so often, with the status it ends in and what was applied.
fn ended(plan: Plan, attempts: u32, strike: Option<Strike>) -> (Status, Vec<String>) {
    let failing = Failing {
        path: "number".to_owned(),
        action: format!("m.Stock.{TRANSACTION}"),
        purpose: Purpose::Do,
        plan,
        attempts,
    };
    let program = Program::new(Arc::new(fir("")));
    let script = Script { failing: vec![failing], strike, ..Script::default() };
    let mut world = World::new(&program, script);
    let run = world.run("m.Book", [("order".to_owned(), json!("a"))].into()).expect("it rests");
    let status = world.state(run).expect("it is there").status();
    let applied = world.ledger().effects().iter();
    (status, applied.map(|effect| effect.action.replacen("m.", "", 1)).collect())
}

#[test]
fn both_sides_call_a_transaction_and_its_question_the_same() {
    use sagaflow_core::transaction;
    assert_eq!((TRANSACTION, SETTLE), (transaction::ACTION, transaction::SETTLE));
}

const ALL: [&str; 4] = ["Payments.charge", "Stock.open", "Stock.take", "Payments.charge"];

#[test]
fn a_commit_whose_answers_are_all_lost_is_found_in_its_row() {
    let (status, applied) = ended(Plan::UnknownDone, 3, None);
    assert_eq!((status, applied), (Status::Completed, ALL.map(str::to_owned).to_vec()));
}

#[test]
fn what_is_lost_in_every_attempt_is_refused_before_anything_else_is_done() {
    for plan in [Plan::UnknownLost, Plan::UnknownLate, Plan::Timeout] {
        let (status, applied) = ended(plan.clone(), 3, None);
        // What comes late finds its key refused: nothing of the block is there.
        assert_eq!(status, Status::Failed, "{plan:?}");
        assert_eq!(applied, ["Payments.charge", "Payments.refund"], "{plan:?}");
    }
}

#[test]
fn a_refusal_is_tried_again_and_then_the_rest_is_undone() {
    assert_eq!(ended(Plan::Refused, 2, None).0, Status::Completed);
    let (status, applied) = ended(Plan::Refused, 3, None);
    assert_eq!(status, Status::Failed);
    assert_eq!(applied, ["Payments.charge", "Payments.refund"]);
}

#[test]
fn whoever_cancels_while_it_is_unknown_undoes_it_only_if_it_committed() {
    // Record by record: somewhere in between it is under way, and its answer is lost.
    for record in 1..9 {
        let strike = Some(Strike { record, what: StrikeKind::Cancel });
        for plan in [Plan::UnknownDone, Plan::UnknownLost] {
            let (status, applied) = ended(plan.clone(), 2, strike);
            assert!(status.ended(), "{plan:?} {record}: {status:?}");
            let times = |name: &str| applied.iter().filter(|one| *one == name).count();
            let undone = times("Stock.open") == times("Stock.cancel");
            assert!(undone || status == Status::Completed, "{plan:?} {record}: {applied:?}");
            assert!(times("Stock.open") <= 1, "{plan:?} {record}: {applied:?}");
        }
    }
}

#[test]
fn no_failure_or_crash_leaves_half_a_transaction() {
    let reports = run(
        &fir(r#"
test "every failure" {
  every failure of Book("a")
  expect settled
  expect never Stock.open twice
  expect never Stock.take twice
  expect never Stock.cancel twice
}
test "an error inside leaves nothing" {
  given Stock.open => fail Twice
  run Book("a")
  expect failed Rejected
  expect never Stock.take
  expect calls Payments.charge, Stock.open, Payments.refund
}
"#),
        "",
    );
    for report in reports {
        assert!(report.passed, "{report:?}");
        assert!(report.runs == 1 || report.runs > 1_000, "{report:?}");
    }
}

//! The hand-picked programs, which together use every construct that can be executed.

use sagaflow::codegen::rt::{DurationMs, Pii, Start as _};
use sagaflow::codegen::{Failure, FailureKind};
use sagaflow::service::{Attempt, Call, Purpose};
use sagaflow_differential::check;
use serde_json::json;
use std::sync::Arc;

sagaflow_macros::include_flow!(
    "flows/diff/steps.flow",
    "flows/diff/blocks.flow",
    "flows/diff/more.flow",
    "flows/diff/found.flow",
    "flows/diff/asked.flow",
    "flows/diff/transactions.flow",
    "flows/diff/batches.flow",
    "flows/diff/methods.flow",
    "flows/diff/library.flow"
);

/// The program that everybody reads first.
mod shop {
    sagaflow_macros::include_flow!("../../flows/shop/orders.flow");
}

/// A service that is only there to be a type: the machines are asked directly.
struct Nobody;

mod nobody {
    use super::{Nobody, blocks, more, steps, transactions};
    use sagaflow::codegen::rt::{Call, Money, Secret};
    use sagaflow::service::{Failure, NoError, Outcome};

    fn away<T, E>() -> Outcome<T, E> {
        Err(Failure::Refused("nobody is here".into()))
    }

    impl transactions::Desk for Nobody {
        async fn sign(
            &self,
            _: &Call,
            _id: String,
        ) -> Outcome<String, transactions::desk::SignError> {
            away()
        }

        async fn unsign(&self, _: &Call, _id: String) -> Outcome<(), NoError> {
            away()
        }
    }

    impl steps::Desk for Nobody {
        async fn reserve(
            &self,
            _call: &Call,
            _id: steps::ItemId,
            _lines: Vec<steps::Line>,
        ) -> Outcome<(), steps::desk::ReserveError> {
            away()
        }

        async fn release(&self, _call: &Call, _id: steps::ItemId) -> Outcome<(), NoError> {
            away()
        }

        async fn hold(
            &self,
            _call: &Call,
            _id: steps::ItemId,
            amount: Money,
        ) -> Outcome<String, steps::desk::HoldError> {
            let reason = format!("{amount} is too much");
            Err(Failure::Failed(steps::desk::HoldError::Declined { reason }))
        }

        async fn drop(&self, _: &Call, _id: steps::ItemId, _hold: String) -> Outcome<(), NoError> {
            away()
        }

        async fn look(
            &self,
            _call: &Call,
            _id: steps::ItemId,
            note: Option<String>,
        ) -> Outcome<steps::Verdict, steps::desk::LookError> {
            Ok(steps::Verdict::Yes { note })
        }

        async fn level(&self, _: &Call, _id: steps::ItemId) -> Outcome<steps::Level, NoError> {
            Ok(steps::Level::High)
        }

        async fn count(&self, _call: &Call, _id: steps::ItemId) -> Outcome<i64, NoError> {
            Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused))?;
            Ok(1)
        }

        async fn commit(
            &self,
            _call: &Call,
            _id: steps::ItemId,
            _hold: String,
        ) -> Outcome<String, steps::desk::CommitError> {
            away()
        }

        async fn tell(&self, _: &Call, _: steps::ItemId, _text: String) -> Outcome<(), NoError> {
            away()
        }
    }

    impl steps::Other for Nobody {
        async fn hold(
            &self,
            _call: &Call,
            _id: steps::ItemId,
            _amount: Money,
        ) -> Outcome<String, steps::other::HoldError> {
            away()
        }

        async fn undo_hold(&self, _call: &Call, _id: steps::ItemId) -> Outcome<(), NoError> {
            away()
        }
    }

    impl blocks::Work for Nobody {
        async fn make(
            &self,
            _call: &Call,
            _id: blocks::ItemId,
            _name: String,
        ) -> Outcome<String, blocks::work::MakeError> {
            away()
        }

        async fn unmake(&self, _: &Call, _: blocks::ItemId, _: String) -> Outcome<(), NoError> {
            away()
        }

        async fn poll(&self, _call: &Call, _id: blocks::ItemId) -> Outcome<bool, NoError> {
            away()
        }

        async fn next(
            &self,
            _call: &Call,
            _cursor: Option<String>,
        ) -> Outcome<Vec<String>, blocks::work::NextError> {
            away()
        }

        async fn size(&self, _call: &Call, _name: String) -> Outcome<i64, blocks::work::SizeError> {
            away()
        }
    }

    /// Two services of one contract: one body serves both.
    macro_rules! bank {
        ($service:ident, $errors:ident) => {
            impl more::$service for Nobody {
                async fn pay(
                    &self,
                    _call: &Call,
                    _id: more::ItemId,
                    _from: Secret<String>,
                    _amount: Money,
                ) -> Outcome<more::Label, more::$errors::PayError> {
                    away()
                }

                async fn refund(
                    &self,
                    _call: &Call,
                    _id: more::ItemId,
                    _amount: Money,
                ) -> Outcome<(), NoError> {
                    away()
                }

                async fn paid(
                    &self,
                    _call: &Call,
                    _id: more::ItemId,
                ) -> Outcome<Option<more::Label>, NoError> {
                    Ok(Some("yes".to_owned().into()))
                }

                async fn note(
                    &self,
                    _call: &Call,
                    _id: more::ItemId,
                    _text: String,
                ) -> Outcome<i64, NoError> {
                    away()
                }

                async fn charge(
                    &self,
                    _call: &Call,
                    _id: more::ItemId,
                    _level: more::Level,
                ) -> Outcome<more::Label, more::$errors::ChargeError> {
                    away()
                }

                async fn levels(
                    &self,
                    _call: &Call,
                    _id: more::ItemId,
                ) -> Outcome<Vec<more::Level>, NoError> {
                    away()
                }
            }
        };
    }

    bank!(Bank, bank);
    bank!(Bench, bench);
}

#[test]
fn steps_run_alike_in_both_machines() {
    let seen = check(steps::flows().desk(Nobody).other(Nobody).into_flows().machines, "flows");
    assert!(seen.undos > 0, "{seen:?}");
}

#[test]
fn blocks_run_alike_in_both_machines() {
    let seen = check(blocks::flows().work(Nobody).into_flows().machines, "flows");
    assert!(seen.undos > 0, "{seen:?}");
}

#[test]
fn transactions_run_alike_in_both_machines() {
    let flows = transactions::flows().desk(Nobody).into_flows();
    let seen = check(flows.machines, "flows");
    assert!(seen.undos > 0, "{seen:?}");
}

#[test]
fn the_order_saga_runs_alike_in_both_machines() {
    let machine = Arc::new(shop::orders::__w0_fulfil_order::machine());
    let seen = check(vec![machine], "../../flows/shop/orders.flow");
    assert!(seen.undos > 0, "{seen:?}");
}

#[test]
fn the_rest_runs_alike_in_both_machines() {
    let seen = check(more::flows().bank(Nobody).bench(Nobody).into_flows().machines, "flows");
    assert!(seen.undos > 0, "{seen:?}");
}

#[test]
fn people_are_asked_alike_about_fallbacks_waits_blocks_and_loops() {
    let machines: Vec<Arc<dyn sagaflow::codegen::Machine>> = vec![
        Arc::new(asked::__w0_blocks::machine()),
        Arc::new(asked::__w1_loops::machine()),
        Arc::new(asked::__w2_steps::machine()),
    ];
    let seen = check(machines, "flows");
    assert!(seen.undos > 0, "{seen:?}");
}

#[test]
fn batches_and_what_they_reject_are_alike_in_both_machines() {
    let machines: Vec<Arc<dyn sagaflow::codegen::Machine>> =
        vec![Arc::new(batches::__w0_count::machine()), Arc::new(batches::__w1_methods::machine())];
    let seen = check(machines, "flows");
    assert!(seen.undos > 0, "{seen:?}");
}

#[test]
fn methods_of_every_value_answer_alike_in_both_machines() {
    let machines: Vec<Arc<dyn sagaflow::codegen::Machine>> = vec![
        Arc::new(methods::__w0_amounts::machine()),
        Arc::new(methods::__w1_days::machine()),
        Arc::new(methods::__w2_faults::machine()),
        Arc::new(methods::__w3_lists::machine()),
        Arc::new(methods::__w4_maps::machine()),
        Arc::new(methods::__w5_texts::machine()),
    ];
    let seen = check(machines, "flows");
    assert!(seen.faults > 0, "nothing faults: {seen:?}");
}

#[test]
fn the_standard_library_is_alike_in_both_machines() {
    let machines: Vec<Arc<dyn sagaflow::codegen::Machine>> =
        vec![Arc::new(library::__w0_asked::machine()), Arc::new(library::__w1_computed::machine())];
    let seen = check(machines, "flows");
    assert!(seen.undos > 0, "{seen:?}");
}

#[test]
fn where_the_machines_once_differed_they_run_alike() {
    let machines: Vec<Arc<dyn sagaflow::codegen::Machine>> = vec![
        Arc::new(found::__w0_entries::machine()),
        Arc::new(found::__w1_extremes::machine()),
        Arc::new(found::__w2_guarded::machine()),
        Arc::new(found::__w3_kept::machine()),
        Arc::new(found::__w4_turns::machine()),
    ];
    let seen = check(machines, "flows");
    assert!(seen.undos > 0, "{seen:?}");
}

/// One attempt at a service of `steps`, as the engine makes it.
fn attempt(service: &str, action: &str, args: serde_json::Value) -> Attempt {
    let flows = steps::flows().desk(Nobody).other(Nobody).into_flows();
    let call = Call {
        namespace: "default".into(),
        service: service.into(),
        action: action.into(),
        key: "0".repeat(32),
        undoes: None,
        run: "00000000-0000-7000-8000-000000000000".parse().expect("a run id"),
        path: action.into(),
        attempt: 1,
        purpose: Purpose::Do,
        fence: None,
        within: std::time::Duration::from_secs(1),
        callback: String::new(),
    };
    let service = flows.services.get(service).expect("the builder took it");
    let mut answer = service.call(&call, args);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match answer.as_mut().poll(&mut context) {
        std::task::Poll::Ready(attempt) => attempt,
        std::task::Poll::Pending => panic!("nobody waits for anything"),
    }
}

#[test]
fn a_typed_service_answers_in_boundary_json() {
    let id = "00000000-0000-7000-8000-000000000001";
    let hold = json!({ "id": id, "amount": "3.50 EUR" });
    let declined = Attempt::Failed {
        name: "Declined".into(),
        payload: json!({ "reason": "3.50 EUR is too much" }),
    };
    assert_eq!(attempt("diff.steps.Desk", "hold", hold), declined);
    let look = json!({ "id": id, "note": "x" });
    let yes = Attempt::Ok(json!({ "Yes": { "note": "x" } }));
    assert_eq!(attempt("diff.steps.Desk", "look", look), yes);
    let absent = Attempt::Ok(json!({ "Yes": {} }));
    assert_eq!(attempt("diff.steps.Desk", "look", json!({ "id": id })), absent);
    let refused = attempt("diff.steps.Desk", "count", json!({ "id": id }));
    assert!(matches!(refused, Attempt::Refused { .. }), "{refused:?}");
}

#[test]
fn arguments_that_do_not_fit_are_faults_and_are_not_quoted() {
    let args = json!({ "id": "4111 1111 1111 1111", "amount": "3.50 EUR" });
    let Attempt::Fault { message } = attempt("diff.steps.Desk", "hold", args) else {
        panic!("the argument fits");
    };
    assert_eq!(message, "argument `id` does not fit its declared type");
    let unknown = attempt("diff.steps.Desk", "gone", json!({}));
    assert!(matches!(unknown, Attempt::Fault { .. }), "{unknown:?}");
}

#[test]
fn a_failed_run_has_the_error_that_its_workflow_declares() {
    let declared = Failure {
        kind: FailureKind::Declared,
        name: "Late".into(),
        payload: json!({ "by": "1m30s" }),
        step: "done".into(),
    };
    let late = steps::take::Error::Late { by: DurationMs(90_000) };
    assert_eq!(steps::Take::error(declared.clone()), late);
    let timeout = Failure { kind: FailureKind::Timeout, ..declared };
    assert_eq!(steps::Take::error(timeout.clone()), steps::take::Error::Cause(timeout));
}

#[test]
fn a_nominal_type_is_made_only_of_what_fits_its_pattern() {
    assert!(steps::Sku::try_from("ABC-1234".to_owned()).is_ok());
    assert!(steps::Sku::try_from("ABC-1234 ".to_owned()).is_err());
    assert!(serde_json::from_value::<steps::Sku>(json!("abc")).is_err());
}

#[test]
fn personal_data_does_not_print() {
    let address = steps::Address { name: "Ann".into(), city: None };
    let owner = more::Owner::from(Pii("Ann".to_owned()));
    assert_eq!(format!("{:?} {owner:?}", Pii(address)), "… Owner(…)");
}

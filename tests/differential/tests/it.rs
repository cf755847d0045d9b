//! The hand-picked programs, which together use every construct that can be executed.

use sagaflow::codegen::rt::{DurationMs, Flows, Pii, Start as _};
use sagaflow::codegen::{Failure, FailureKind};
use sagaflow::service::{Attempt, Call, Purpose};
use sagaflow_compiler::load::{Files, load};
use sagaflow_differential::{Stats, compare};
use sagaflow_interp::Interpreter;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

sagaflow_macros::include_flow!(
    "flows/diff/steps.flow",
    "flows/diff/blocks.flow",
    "flows/diff/more.flow"
);

/// The program that everybody reads first.
mod shop {
    sagaflow_macros::include_flow!("../../flows/shop/orders.flow");
}

/// Traces of each workflow. `FLOW_SEED` begins elsewhere and `FLOW_TRACES` makes more.
const TRACES: u64 = 300;

struct Disk;

impl Files for Disk {
    fn read(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|error| error.to_string())
    }

    fn exists(&self, path: &str) -> bool {
        Path::new(path).is_file()
    }

    fn list(&self, folder: &str) -> Option<Vec<String>> {
        let entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
        let mut names: Vec<String> = entries
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                Some(if entry.path().is_dir() { format!("{name}/") } else { name })
            })
            .collect();
        names.sort();
        Some(names)
    }
}

/// The program of a path below this package.
fn fir(path: &str) -> Arc<sagaflow_fir::Fir> {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    let loaded = load(&[path], &Disk).expect("the flows are where they were");
    let analysis = sagaflow_compiler::analyze(&loaded);
    Arc::new(analysis.lower(&loaded.sources).expect("the flows have no errors"))
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Compares every machine of `flows` with the program at `path` over many seeds; answers what was
/// seen.
fn check(flows: Flows, path: &str) -> Stats {
    let fir = fir(path);
    let (first, traces) = (number("FLOW_SEED", 0), number("FLOW_TRACES", TRACES));
    let mut seen = Stats::default();
    for machine in &flows.machines {
        let name = &machine.spec().name;
        let interp = Interpreter::new(Arc::clone(&fir), name).expect("it runs interpreted too");
        let mut own = Stats::default();
        for seed in first..first + traces {
            match compare(machine.as_ref(), &interp, seed) {
                Ok(stats) => own.add(stats),
                Err(differ) => panic!("{differ}"),
            }
        }
        // What no trace reaches is not compared; what mostly faults is hardly compared.
        let missed: Vec<&String> =
            machine.spec().points.keys().filter(|at| !own.points.contains(*at)).collect();
        assert!(missed.is_empty(), "`{name}`: no trace reaches {missed:?}");
        assert!(own.faults * 4 < own.resumes, "`{name}`: {own:?}");
        seen.add(own);
    }
    seen
}

/// A service that is only there to be a type: the machines are asked directly.
struct Nobody;

mod nobody {
    use super::{Nobody, blocks, more, steps};
    use sagaflow::codegen::rt::{Call, Money, Secret};
    use sagaflow::service::{Failure, NoError, Outcome};

    fn away<T, E>() -> Outcome<T, E> {
        Err(Failure::Refused("nobody is here".into()))
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
    let seen = check(steps::flows().desk(Nobody).other(Nobody).into_flows(), "flows");
    assert!(seen.undos > 0, "{seen:?}");
}

#[test]
fn blocks_run_alike_in_both_machines() {
    let seen = check(blocks::flows().work(Nobody).into_flows(), "flows");
    assert!(seen.undos > 0, "{seen:?}");
}

#[test]
fn the_order_saga_runs_alike_in_both_machines() {
    let machine = Arc::new(shop::orders::__w0_fulfil_order::machine());
    let flows = Flows { machines: vec![machine], ..Flows::default() };
    let seen = check(flows, "../../flows/shop/orders.flow");
    assert!(seen.undos > 0, "{seen:?}");
}

#[test]
fn the_rest_runs_alike_in_both_machines() {
    let seen = check(more::flows().bank(Nobody).bench(Nobody).into_flows(), "flows");
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

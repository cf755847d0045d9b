//! The hand-picked programs, which together use every construct that can be executed.

use sagaflow::codegen::rt::Flows;
use sagaflow_compiler::load::{Files, load};
use sagaflow_differential::{Stats, compare};
use sagaflow_interp::Interpreter;
use std::path::Path;
use std::sync::Arc;

sagaflow_macros::include_flow!("flows/diff/steps.flow", "flows/diff/blocks.flow");

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

fn fir() -> Arc<sagaflow_fir::Fir> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/flows").to_owned();
    let loaded = load(&[folder], &Disk).expect("the flows are beside the tests");
    let analysis = sagaflow_compiler::analyze(&loaded);
    Arc::new(analysis.lower(&loaded.sources).expect("the flows have no errors"))
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Compares every machine of `flows` over many seeds; answers what was seen.
fn check(flows: Flows) -> Stats {
    let fir = fir();
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
    use super::{Nobody, blocks, steps};
    use sagaflow::codegen::rt::{Call, Money};
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
            let unreachable: std::net::TcpStream = std::net::TcpStream::connect("127.0.0.1:1")?;
            drop(unreachable);
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

        async fn size(
            &self,
            _call: &Call,
            _name: String,
        ) -> Outcome<i64, blocks::work::SizeError> {
            away()
        }
    }
}

#[test]
fn steps_run_alike_in_both_machines() {
    let seen = check(steps::flows().desk(Nobody).other(Nobody).into_flows());
    assert!(seen.undos > 0, "{seen:?}");
}

#[test]
fn blocks_run_alike_in_both_machines() {
    let seen = check(blocks::flows().work(Nobody).into_flows());
    assert!(seen.undos > 0, "{seen:?}");
}

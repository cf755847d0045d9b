//! Many traces of many machines, against the interpreter of the same text.

use crate::{Stats, compare, tables};
use sagaflow::codegen::Machine;
use sagaflow_compiler::load::{Files, load};
use sagaflow_fir::Fir;
use sagaflow_interp::Interpreter;
use std::path::Path;
use std::sync::Arc;

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

/// The program of a path below this package, as it is interpreted.
///
/// # Panics
/// Where the flows are not where they were, or have errors.
#[must_use]
pub fn fir(path: &str) -> Arc<Fir> {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    let loaded = load(&[path], &Disk).expect("the flows are where they were");
    let analysis = sagaflow_compiler::analyze(&loaded);
    Arc::new(analysis.lower(&loaded.sources).expect("the flows have no errors"))
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Compares every machine with the program at `path` over many seeds; answers what was seen. Every
/// durable point must be reached.
///
/// # Panics
/// Where the machines differ, with the seed that repeats it; where a durable point was never reached.
#[must_use]
pub fn check(machines: Vec<Arc<dyn Machine>>, path: &str) -> Stats {
    let fir = fir(path);
    let mut seen = Stats::default();
    for machine in &machines {
        let own = traced(machine.as_ref(), &fir, TRACES);
        // What no trace reaches is not compared.
        let missed = missed(machine.as_ref(), &own);
        assert!(missed.is_empty(), "`{}`: no trace reaches {missed:?}", machine.spec().name);
        seen.add(own);
    }
    seen
}

/// The same of programs that nobody picked, with so many traces of each: a few of their points stand
/// behind conditions that never hold.
///
/// # Panics
/// Where the machines differ, with the seed that repeats it; where too many points were not reached.
#[must_use]
pub fn check_generated(machines: Vec<Arc<dyn Machine>>, fir: &Arc<Fir>, traces: u64) -> Stats {
    let (mut seen, mut not_reached, mut points) = (Stats::default(), Vec::new(), 0);
    for machine in &machines {
        let own = traced(machine.as_ref(), fir, traces);
        let name = &machine.spec().name;
        let missed = missed(machine.as_ref(), &own).into_iter();
        not_reached.extend(missed.map(|at| format!("{name}: {at}")));
        points += machine.spec().points.len();
        seen.add(own);
    }
    let few = not_reached.len() * 10 < points;
    assert!(few, "of {points} points no trace reaches {not_reached:#?}");
    seen
}

/// The durable points that no trace resumed.
fn missed<'m>(machine: &'m dyn Machine, own: &Stats) -> Vec<&'m String> {
    machine.spec().points.keys().filter(|at| !own.points.contains(*at)).collect()
}

fn traced(machine: &dyn Machine, fir: &Arc<Fir>, traces: u64) -> Stats {
    let name = &machine.spec().name;
    let interp = Interpreter::new(Arc::clone(fir), name).expect("it runs interpreted too");
    tables(machine, &interp).unwrap_or_else(|differ| panic!("{differ}"));
    let (first, traces) = (number("FLOW_SEED", 0), number("FLOW_TRACES", traces));
    let mut own = Stats::default();
    for seed in first..first + traces {
        match compare(machine, &interp, seed) {
            Ok(stats) => own.add(stats),
            Err(differ) => panic!("{differ}"),
        }
    }
    println!("`{name}`: seeds {first}..{}, {} resumes", first + traces, own.resumes);
    // What mostly faults is hardly compared.
    assert!(own.faults * 4 < own.resumes, "`{name}`: {own:?}");
    own
}

//! Runs that move to another version, from either machine to either machine: all do the same.

mod world;

use sagaflow::codegen::rt::{Flows, NoError};
use sagaflow::codegen::{Json, Machine};
use sagaflow::service::{Call, Failure, Outcome};
use sagaflow::status::Status;
use sagaflow_compiler::load::{Files, load};
use sagaflow_interp::Interpreter;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use world::World;

mod first {
    sagaflow_macros::include_flow!("moved/first/flows/moved.flow");
}

mod second {
    sagaflow_macros::include_flow!("moved/second/flows/moved.flow");
}

/// A service that is only there to be a type: the machines are asked directly.
struct Nobody;

fn away<T, E>() -> Outcome<T, E> {
    Err(Failure::Refused("nobody is here".into()))
}

impl first::moved::Desk for Nobody {
    async fn hold(&self, _: &Call, _: String, _: String) -> Outcome<String, NoError> {
        away()
    }

    async fn drop(&self, _: &Call, _: String, _: String) -> Outcome<(), NoError> {
        away()
    }

    async fn stamp(
        &self,
        _: &Call,
        _: String,
        _: String,
    ) -> Outcome<(), first::moved::desk::StampError> {
        away()
    }
}

impl second::moved::Desk for Nobody {
    async fn hold(&self, _: &Call, _: String, _: String) -> Outcome<String, NoError> {
        away()
    }

    async fn drop(&self, _: &Call, _: String, _: String) -> Outcome<(), NoError> {
        away()
    }

    async fn stamp(
        &self,
        _: &Call,
        _: String,
        _: String,
    ) -> Outcome<(), second::moved::desk::StampError> {
        away()
    }
}

type Made = Arc<dyn Machine>;

/// A machine that starts runs of the first version, and those of both that go on with them later.
struct Pair {
    name: &'static str,
    first: Made,
    released: Made,
    second: Made,
}

/// The generated machines: of the first program, and of the second with what was released.
fn generated() -> [Made; 3] {
    let before: Flows = first::moved::flows().desk(Nobody).into();
    let flows: Flows = second::moved::flows().desk(Nobody).into();
    let of = |version: u32| {
        flows.machines.iter().find(|it| it.spec().version == version).expect("both are there")
    };
    [before.machines[0].clone(), of(1).clone(), of(2).clone()]
}

/// The disk.
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
        let names = entries.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some(if entry.path().is_dir() { format!("{name}/") } else { name })
        });
        Some(names.collect())
    }
}

/// Today's program of a folder, and what was released before it.
fn interpreted(version: &str) -> (Made, Vec<Made>) {
    let path = format!("{}/moved/{version}/flows/moved.flow", env!("CARGO_MANIFEST_DIR"));
    let loaded = load(&[path], &Disk).expect("the flow is where it was");
    let analysis = sagaflow_compiler::analyze(&loaded);
    let fir = analysis.lower(&loaded.sources);
    let fir = fir.unwrap_or_else(|| panic!("{:#?}", analysis.diagnostics));
    let older = analysis.older(&fir).into_iter().map(|frozen| -> Made {
        let name = frozen.workflow.clone();
        Arc::new(Interpreter::new(Arc::new(frozen.fir), &name).expect("it runs"))
    });
    let older = older.collect();
    let today = Interpreter::new(Arc::new(fir), "moved.Rent").expect("it runs");
    (Arc::new(today), older)
}

/// Each way from machine to machine.
fn pairs() -> Vec<Pair> {
    let [first, released, second] = generated();
    let (walked_first, _) = interpreted("first");
    let (walked, older) = interpreted("second");
    let [walked_released] =
        <[Made; 1]>::try_from(older).unwrap_or_else(|_| panic!("one was released"));
    let of = |name, first: &Made, released: &Made, second: &Made| Pair {
        name,
        first: first.clone(),
        released: released.clone(),
        second: second.clone(),
    };
    vec![
        of("walked to walked", &walked_first, &walked_released, &walked),
        of("walked to generated", &walked_first, &walked_released, &second),
        of("generated to walked", &first, &released, &walked),
        of("generated to generated", &first, &released, &second),
    ]
}

/// After how many records a run can be moved: as long as it has not ended.
fn moments(pair: &Pair) -> std::ops::Range<usize> {
    let mut world = World::new(pair.first.clone(), false);
    world.go(usize::MAX);
    assert!(world.records() > 6, "it has many records");
    1..world.records()
}

/// A run that is moved when so many records are written, and what became of it.
fn ended(pair: &Pair, records: usize, torn: bool) -> World {
    let mut world = World::new(pair.first.clone(), torn);
    world.go(records);
    world.deploy([pair.released.clone(), pair.second.clone()]);
    world.upgrade();
    world.go(usize::MAX);
    world
}

#[test]
fn the_released_version_is_the_one_that_the_first_program_makes() {
    let (today, _) = interpreted("first");
    let (_, older) = interpreted("second");
    assert_eq!(today.spec().hash, older[0].spec().hash);
    let flows: Flows = first::moved::flows().desk(Nobody).into();
    assert_eq!(flows.machines[0].spec().hash, older[0].spec().hash);
}

#[test]
fn a_run_that_moves_at_any_record_ends_on_the_new_version_with_what_it_was_given() {
    let all = pairs();
    for records in moments(&all[0]) {
        for pair in &all {
            let name = pair.name;
            let world = ended(pair, records, false);
            let what = format!("{name}, moved after {records} records");
            let state = world.state();
            assert_eq!(state.status(), Status::Completed, "{what}: {state:?}");
            let result = "h-first 6 [\"h-a\",\"h-b\"] h-other gold 3 2 3";
            assert_eq!(state.head().result, Some(Json::from(result)), "{what}");
            assert_eq!(state.origin().version, 2, "{what}");
            let gold =
                |(action, args): &(String, Json)| action != "stamp" || args["tier"] == "gold 3 2";
            assert!(world.applied.values().all(gold), "{what}: {:?}", world.applied);
            assert_eq!(world.done("hold"), ["a", "b", "first 6", "other"], "{what}: each once");
        }
    }
}

#[test]
fn what_was_done_before_the_move_is_undone_with_what_was_captured() {
    let all = pairs();
    for records in moments(&all[0]) {
        for pair in &all {
            let name = pair.name;
            let world = ended(pair, records, true);
            let what = format!("{name}, moved after {records} records");
            assert_eq!(world.state().status(), Status::Failed, "{what}");
            assert_eq!(world.done("hold"), world.done("drop"), "{what}");
            assert_eq!(world.done("hold").len(), 4, "{what}");
        }
    }
}

#[test]
fn both_machines_write_the_same_records_of_a_move() {
    let all = pairs();
    for records in moments(&all[0]) {
        let mut told: Vec<(&str, Json)> = Vec::new();
        for pair in &all {
            let name = pair.name;
            let world = ended(pair, records, false);
            told.push((name, world.written()));
        }
        for (name, written) in &told[1..] {
            assert_eq!(*written, told[0].1, "{name} and {}, after {records} records", told[0].0);
        }
    }
}

#[test]
fn both_machines_make_the_same_values_and_refuse_the_same() {
    let all = pairs();
    let (walked, generated) = (&all[0].second, &all[1].second);
    let input = |json: Json| serde_json::from_value(json).expect("values by name");
    for values in [
        json!({ "days": 3, "parts": [], "id": "x" }),
        json!({ "days": 3, "parts": [{ "name": "a", "price": 1 }] }),
        json!({ "days": "three", "parts": [] }),
        json!({ "parts": [] }),
        json!({}),
    ] {
        for (from, index) in [(1, 0), (1, 1), (2, 0)] {
            let values = input(values.clone());
            let (one, other) =
                (walked.given(from, index, &values), generated.given(from, index, &values));
            assert_eq!(one.is_ok(), other.is_ok(), "{values:?}: {one:?} {other:?}");
            assert_eq!(one.ok(), other.ok(), "{values:?}");
        }
    }
    let spec = |machine: &Made| serde_json::to_value(&machine.spec().upgrades).expect("tables");
    assert_eq!(spec(walked), spec(generated));
    assert!(!walked.spec().upgrades[0].points.is_empty());
}

//! `flowc cost` against the machine: what it says of a path is what a run along it writes.

mod common;

use common::{flowc, root};
use sagaflow_compiler::{analyze, cost, load::load_text};
use sagaflow_core::limits;
use sagaflow_interp::simulate::{Choice, Program, Script, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What `flowc cost` says of one workflow of a file.
fn costs(file: &str, workflow: &str) -> Value {
    let (code, out, err) = flowc(&["cost", file, "--workflow", workflow, "--format", "json"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let all: Vec<Value> = serde_json::from_str(&out).expect("it writes JSON");
    assert_eq!(all.len(), 1, "{out}");
    all.into_iter().next().unwrap_or_default()
}

/// An amount where every loop makes so many turns.
fn amount(of: &Value, turns: u64) -> u64 {
    let per = of["per_turn"].as_object().into_iter().flatten();
    let per: u64 = per.map(|(_, each)| each.as_u64().unwrap_or(0) * turns).sum();
    of["fixed"].as_u64().expect("an amount has a fixed part") + per
}

/// A run of the real shard: its records, calls and bytes.
struct Ran {
    records: u64,
    calls: u64,
    bytes: u64,
}

fn ran(program: &Program, workflow: &str, input: &Value, script: Script) -> Ran {
    let input: BTreeMap<String, Value> =
        serde_json::from_value(input.clone()).expect("an input by parameter");
    let mut world = World::new(program, script);
    let run = world.run(workflow, input).expect("it comes to rest");
    let state = world.state(run).expect("the run is there");
    assert!(state.status().ended(), "{workflow}: {:?}", state.status());
    Ran {
        records: world.records(run),
        calls: world.ledger().in_program_order(run).len() as u64,
        bytes: world.journal_bytes(run),
    }
}

fn program(path: &Path, module: &str) -> Program {
    let text = std::fs::read_to_string(path).expect("the file is there");
    let loaded = load_text(&path.display().to_string(), module, &text);
    let analysis = analyze(&loaded);
    let told: Vec<String> = analysis.diagnostics.iter().map(|d| d.headline.clone()).collect();
    Program::new(Arc::new(analysis.lower(&loaded.sources).unwrap_or_else(|| panic!("{told:#?}"))))
}

/// A path as it was said, held against a run along it.
fn agrees(path: &Value, turns: u64, ran: &Ran) {
    assert_eq!(path["exact"], json!(true), "{path:#}");
    let said = ["records", "calls"].map(|what| amount(&path[what], turns));
    assert_eq!(said, [ran.records, ran.calls], "records, calls with {turns} turns: {path:#}");
    let bytes = amount(&path["bytes"], turns);
    let near = ran.bytes / 2 <= bytes && bytes <= ran.bytes * 2;
    assert!(near, "{bytes} bytes estimated, {} written: {path:#}", ran.bytes);
}

const TEXT: &str = r#"
event Told key id { id: text }
human Ask(id: text) -> bool { title "Yes?" assign role("boss") }
service S {
  write take(id: text) -> text idempotent by id compensate back(id) within 2s
  write back(id: text) idempotent by id within 2s
  read look(id: text) -> int within 1s
  read search(id: text) -> int within 10s
  write told(id: text) idempotent by id within 2s
}
workflow Sequence v1 (id: text) -> int idempotent by id deadline 9h {
  step a = S.look(id)
  step b = S.look(id)
  step S.take(id)
  step c = S.look(id)
  step d = S.search(id)
  sleep 5s
  step e = S.look(id)
  return a + b + c + d + e
}
workflow Blocks v1 (id: text) -> text idempotent by id deadline 9h {
  scope part { step S.take(id) }
  parallel {
    step first = S.search(id)
    step second = S.take("{id}2")
  }
  progress "{first}"
  reply second
  review "look at {id}"
  emit Told(id: id)
  await ok = Ask(id) within 1h on timeout => use true
  if ok { step S.told(id) retry forever } else { progress "no" }
  return second
}
workflow Known v1 (id: text) -> int idempotent by id deadline 9h {
  each n in range(40) { step x = S.look("{n}")  y = x + 1 }
  return 1
}
workflow Turns v1 (ids: list<text>) -> int idempotent by ids deadline 9h {
  step S.take("x")
  each id in ids { step S.take(id)  step x = S.look(id)  progress "{x}" }
  return 1
}
workflow Queued v1 (id: text) idempotent by id concurrency 2 per id concurrency 9
  limit 5 per 1m by id deadline 9h {
  step S.take(id)
}
workflow Side v1 (ids: list<text>) -> int idempotent by ids deadline 9h {
  parallel each id in ids max 2 { step x = S.look(id)  step S.take("{id}{x}") }
  return 1
}
"#;

/// The program in a folder of its own.
fn written() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let path = dir.path().join("m.flow");
    std::fs::write(&path, TEXT).expect("written");
    (dir, path)
}

/// The path that some choices lead along.
fn path<'v>(cost: &'v Value, choices: &[&str]) -> &'v Value {
    let paths = cost["paths"].as_array().expect("paths");
    paths
        .iter()
        .find(|path| path["choices"] == json!(choices))
        .unwrap_or_else(|| panic!("{cost:#}"))
}

#[test]
fn it_counts_by_the_limits_of_the_machine() {
    assert_eq!(cost::QUICK_READ_MS, limits::QUICK_READ_MS);
    assert_eq!(usize::try_from(cost::UNRECORDED), Ok(limits::UNRECORDED));
}

#[test]
fn a_sequence_writes_the_records_that_were_said() {
    let (_dir, file) = written();
    let program = program(&file, "m");
    let cost = costs(&file.display().to_string(), "Sequence");
    let ran = ran(&program, "m.Sequence", &json!({ "id": "a" }), Script::default());
    agrees(path(&cost, &[]), 0, &ran);
    // One after the other, every record is a commit that is waited for.
    assert_eq!(path(&cost, &[])["commits"], path(&cost, &[])["records"]);
}

#[test]
fn a_run_that_waits_for_its_turn_writes_a_record_for_each_of_its_clauses_more() {
    let (_dir, file) = written();
    let program = program(&file, "m");
    let cost = costs(&file.display().to_string(), "Queued");
    let ran = ran(&program, "m.Queued", &json!({ "id": "a" }), Script::default());
    assert_eq!(ran.records, 2 + 3);
    agrees(path(&cost, &[]), 0, &ran);
}

#[test]
fn blocks_waits_and_branches_write_the_records_that_were_said() {
    let (_dir, file) = written();
    let program = program(&file, "m");
    let cost = costs(&file.display().to_string(), "Blocks");
    let ask = |answer| Script {
        choices: vec![Choice::Task { path: "ok".into(), answer: Some(json!(answer)) }],
        ..Script::default()
    };
    let input = json!({ "id": "a" });
    let yes = ran(&program, "m.Blocks", &input, ask(true));
    agrees(path(&cost, &["`ok` holds"]), 0, &yes);
    let no = ran(&program, "m.Blocks", &input, ask(false));
    agrees(path(&cost, &["`ok` does not hold"]), 0, &no);
    let late = ["nothing comes of `await Ask(id)` in time", "`ok` holds"];
    let nobody = Choice::Task { path: "ok".into(), answer: None };
    let nobody = Script { choices: vec![nobody], ..Script::default() };
    agrees(path(&cost, &late), 0, &ran(&program, "m.Blocks", &input, nobody));
}

#[test]
fn a_turn_of_a_loop_writes_the_records_that_were_said() {
    let (_dir, file) = written();
    let program = program(&file, "m");
    for workflow in ["Turns", "Side"] {
        let cost = costs(&file.display().to_string(), workflow);
        for turns in 1..=5_u64 {
            let ids: Vec<String> = (0..turns).map(|n| n.to_string()).collect();
            let name = format!("m.{workflow}");
            let ran = ran(&program, &name, &json!({ "ids": ids }), Script::default());
            let path = path(&cost, &[]);
            let said = ["records", "calls"].map(|what| amount(&path[what], turns));
            assert_eq!(said, [ran.records, ran.calls], "{workflow}, {turns} turns: {path:#}");
        }
    }
}

#[test]
fn quick_reads_that_nothing_follows_write_a_record_only_now_and_then() {
    let (_dir, file) = written();
    let program = program(&file, "m");
    let cost = costs(&file.display().to_string(), "Known");
    let ran = ran(&program, "m.Known", &json!({ "id": "a" }), Script::default());
    let said = &path(&cost, &[])["records"];
    assert_eq!(amount(said, 0), ran.records, "{said}");
    assert!(ran.records < 20, "a record for each read would be {}", ran.records);
}

#[test]
fn the_order_process_writes_the_records_that_were_said() {
    let file = "flows/shop/orders.flow";
    let cost = costs(file, "FulfilOrder");
    let sources = root().join("flows/shop");
    let text = |name: &str| std::fs::read_to_string(sources.join(name)).expect("it is there");
    let sample: Value = serde_json::from_str(&text("samples/order.json")).expect("JSON");
    let loaded = sagaflow_compiler::load::load(&[root().join(file).display().to_string()], &Here)
        .expect("it is loaded");
    let fir = analyze(&loaded).lower(&loaded.sources).expect("it has no error");
    let program = Program::new(Arc::new(fir));
    let risk = |risk: &str| Script {
        choices: vec![Choice::Result { path: "risk".into(), value: json!(risk) }],
        ..Script::default()
    };
    let input = json!({ "order": sample });
    let calm = ran(&program, "shop.orders.FulfilOrder", &input, risk("10%"));
    agrees(path(&cost, &["`risk > 80%` does not hold"]), 0, &calm);
    let risky = ran(&program, "shop.orders.FulfilOrder", &input, risk("90%"));
    agrees(path(&cost, &["`risk > 80%` holds", "`genuine` holds"]), 0, &risky);
}

/// The disk, for a program of several files.
struct Here;

impl sagaflow_compiler::load::Files for Here {
    fn read(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|error| error.to_string())
    }

    fn exists(&self, path: &str) -> bool {
        Path::new(path).is_file()
    }

    fn list(&self, folder: &str) -> Option<Vec<String>> {
        let entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
        let name = |entry: std::fs::DirEntry| entry.file_name().into_string().ok();
        let mut names: Vec<String> = entries.filter_map(name).collect();
        names.sort();
        Some(names)
    }
}

#[test]
fn the_page_reads_as_it_should() {
    let (code, out, err) = flowc(&["cost", "flows/shop/orders.flow", "flows/studio"]);
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!(out);
}

#[test]
fn what_is_not_there_and_what_has_errors_costs_nothing() {
    let (code, out, err) = flowc(&["cost", "flows/shop/orders.flow", "--workflow", "FulfillOrder"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("did you mean `FulfilOrder`?"), "{err}");
    let (_dir, file) = written();
    std::fs::write(&file, "workflow A v1 (id: text) idempotent by id { fail Late }\n").expect("it");
    let (code, out, err) = flowc(&["cost", &file.display().to_string()]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("error[F0"), "{err}");
}

//! What lowering promises: frames hold what is still read and nothing else, what cannot be executed
//! yet is named, and `use` ends what it stands in.

use crate::{analyze, load};
use sagaflow_fir::{Fir, Remedy, Stmt, Workflow};
use serde_json::Value;

const WORLD: &str = r#"
service R {
  read ping(id: text) within 1s
  read get(id: text) -> text within 1s
  read find(id: text) -> text fails Missing within 1s
}
service W {
  write make(id: text) -> text idempotent within 1s compensate undo(id)
  write undo(id: text) idempotent within 1s
}
event Stop key id { id: text, why: text }
"#;

/// A program around the body of one workflow, which must be free of errors.
fn lowered(body: &str) -> Fir {
    let text = format!(
        "workflow T v1 (id: text, a: text, b: text, ids: list<text>, yes: bool, m: map<text, int>)\n  \
         idempotent by id, a, b, ids, yes\n{{\n{body}\n}}\n{WORLD}"
    );
    let loaded = load::load_text("t.flow", "t", &text);
    let analysis = analyze(&loaded);
    let refused: Vec<_> =
        analysis.diagnostics.iter().filter(|d| d.code != "F0107").map(|d| d.code).collect();
    assert!(refused.is_empty(), "{refused:?} in {body}");
    analysis.lower(&loaded.sources).expect("nothing is wrong with it")
}

fn workflow(fir: &Fir) -> &Workflow {
    fir.workflows.get("t.T").expect("the workflow is there")
}

/// Names that a frame at `at` holds.
fn live(fir: &Fir, at: &str) -> Vec<String> {
    let workflow = workflow(fir);
    let point = workflow.points.get(at).unwrap_or_else(|| {
        panic!("`{at}` is none of {:?}", workflow.points.keys().collect::<Vec<_>>())
    });
    let name = |id: &sagaflow_fir::LocalId| workflow.locals[id.0 as usize].name.clone();
    point.live.iter().map(name).collect()
}

/// What stands in the way of executing it.
fn unsupported(body: &str) -> Vec<String> {
    workflow(&lowered(body)).unsupported.iter().map(|(what, _)| what.clone()).collect()
}

#[test]
fn a_frame_holds_what_is_read_behind_it_and_drops_the_rest() {
    let fir = lowered(
        "step one = R.get(a)\nstep two = R.get(one)\nstep three = R.get(b)\nstep four = R.get(\"{two}{three}\")",
    );
    assert_eq!(live(&fir, "one"), ["b"]);
    assert_eq!(live(&fir, "two"), ["b"]);
    assert_eq!(live(&fir, "three"), ["two"]);
    assert!(live(&fir, "four").is_empty());
}

#[test]
fn what_only_a_remedy_reads_is_held_until_the_step_is_over() {
    let fir = lowered(
        "step one = R.get(id) else { progress \"{a}\" skip }\nstep two = R.get(id) fallback R.get(b)\nstep R.ping(id)",
    );
    assert_eq!(live(&fir, "one"), ["id", "a", "b"]);
    assert_eq!(live(&fir, "two"), ["id", "b"]);
    assert!(live(&fir, "R.ping").is_empty());
}

#[test]
fn what_an_undo_reads_is_captured_and_leaves_the_frame() {
    let fir = lowered(
        "step W.make(a)\nstep other = W.make(id) compensate { step W.undo(b) }\nstep R.ping(id)",
    );
    assert_eq!(live(&fir, "W.make"), ["id", "b"]);
    assert_eq!(live(&fir, "other"), ["id"]);
    assert_eq!(live(&fir, "W.make/undo"), ["id"]);
    assert_eq!(live(&fir, "other/undo"), ["b"]);
}

#[test]
fn what_a_later_turn_reads_outlives_the_turn() {
    let fir = lowered(
        "each x in ids {\n step R.ping(\"{x}{a}\")\n step last = R.get(x)\n progress \"{last}\"\n}\nstep R.find(b) else skip",
    );
    assert_eq!(live(&fir, "each[]/R.ping"), ["a", "b", "x"]);
    assert_eq!(live(&fir, "each[]/last"), ["a", "b"]);
    let fir = lowered(
        "n = repeat (k = 0, kept = a) forever {\n if k > 3 { give kept }\n step R.ping(b)\n again (k: k + 1)\n}\nprogress \"{n}\"",
    );
    assert_eq!(live(&fir, "n[]/R.ping"), ["b", "k", "kept"]);
}

#[test]
fn a_loop_that_runs_out_still_has_what_its_else_reads() {
    let fir = lowered(
        "repeat up to 3 times { step f = R.get(id)\n sleep 1s } until f == \"x\" else { progress \"{a}\" skip }\nstep R.ping(b)",
    );
    assert_eq!(live(&fir, "repeat[]/f"), ["id", "a", "b"]);
    assert_eq!(live(&fir, "repeat[]/sleep"), ["id", "a", "b", "f"]);
}

#[test]
fn a_branch_holds_what_it_reads_and_the_fork_what_is_read_behind_it() {
    let fir = lowered(
        "parallel {\n step one = R.get(a)\n scope s { step R.ping(b)\n step R.find(b) else skip } else skip\n}\nstep R.get(\"{one}{id}\") else skip",
    );
    assert!(live(&fir, "one").is_empty());
    assert_eq!(live(&fir, "s/R.ping"), ["b"]);
    assert_eq!(live(&fir, "parallel"), ["id", "a", "b"]);
}

#[test]
fn a_fallback_of_a_scope_does_not_hold_what_only_its_body_read() {
    let fir = lowered(
        "scope s { step R.ping(\"{a}{id}\") } fallback { step R.find(b) else skip } else skip\nstep R.get(id) else skip",
    );
    assert_eq!(live(&fir, "s"), ["id", "a", "b"]);
    assert_eq!(live(&fir, "s/fallback"), ["id", "b"]);
}

#[test]
fn a_parallel_with_a_fallback_does_not_hold_the_value_it_has_yet_to_give() {
    let fir = lowered(
        "all = parallel each x in ids max 2 { step y = R.get(x)\ngive y } fallback { step z = R.get(b)\nuse [z] } else use [a]\nprogress \"{all.len}\"",
    );
    assert_eq!(live(&fir, "all"), ["a", "b", "ids"]);
    assert_eq!(live(&fir, "all/fallback"), ["a", "b"]);
}

/// What may be answered to the question that rests at `at`: type of the value, errors, again.
fn answers(body: &str, at: &str) -> (Value, Vec<String>, bool) {
    let fir = lowered(body);
    assert!(workflow(&fir).unsupported.is_empty(), "{body}");
    let spec = sagaflow_fir::spec(&fir, "t.T");
    let ask = &spec["points"][at]["ask"];
    assert!(ask.is_object(), "nobody is asked at `{at}` of {:?}", spec["points"]);
    let errors = ask["errors"].as_array().into_iter().flatten();
    let names = errors.filter_map(|error| error["name"].as_str()).map(str::to_owned).collect();
    (ask["answer"].clone(), names, ask["again"] == true)
}

#[test]
fn a_person_gives_the_value_of_what_failed_last() {
    let person = "else manual \"what now?\"";
    let (text, none) = (Value::from("text"), Value::Null);
    let list = serde_json::json!({ "list": "text" });
    let cases = [
        (format!("step x = R.get(id) fallback R.get(a) {person}\nprogress \"{{x}}\""), "x/fallback", &text),
        (format!("scope s {{ step R.ping(id) }} {person}"), "s", &none),
        (format!("scope s {{ step R.ping(id) }} fallback {{ step R.ping(a) }} {person}"), "s/fallback", &none),
        (format!("parallel {{ step R.ping(id)\nstep R.get(id) else skip }} {person}"), "parallel", &none),
        (
            format!("all = parallel each x in ids max 2 {{ step y = R.get(x)\ngive y }} {person}\nprogress \"{{all.len}}\""),
            "all",
            &list,
        ),
        (format!("repeat up to 3 times {{ sleep 1s }} until yes {person}"), "repeat", &none),
        (
            format!("x = repeat up to 3 times {{ sleep 1s\nif yes {{ give a }} }} {person}\nprogress \"{{x}}\""),
            "x",
            &text,
        ),
        (
            "scope s { step R.ping(id) } on event Stop where id == id => manual \"what now?\"".into(),
            "s",
            &none,
        ),
        (
            "await e = event Stop where id == id within 1h on timeout => manual \"what now?\"\nprogress \"{e.why}\"".into(),
            "e",
            &serde_json::json!({ "named": "t.Stop" }),
        ),
    ];
    for (body, at, value) in &cases {
        assert_eq!(&answers(body, at).0, *value, "{body}");
    }
}

#[test]
fn only_errors_that_a_handler_takes_can_be_answered_about_a_block() {
    let body = "scope s { step x = R.find(id)\nprogress \"{x}\" } on Missing => { progress \"gone\" } else manual \"what now?\"";
    assert_eq!(answers(body, "s").1, ["Missing"]);
    let asked = "scope s { step x = R.find(id)\nprogress \"{x}\" } on Missing => manual \"what now?\" else skip";
    assert!(answers(asked, "s").1.is_empty(), "whoever answers it would be asked again");
}

#[test]
fn a_block_is_done_again_only_where_everything_in_it_has_an_undo() {
    let again =
        |write: &str| answers(&format!("scope s {{ {write} }} else manual \"what now?\""), "s").2;
    assert!(again("step R.ping(id)"));
    assert!(again("step W.make(id)"), "what its undo writes does not count");
    assert!(!again(
        "allow F0214 because \"it keeps\" step W.make(id) compensate none because \"it keeps\""
    ));
}

#[test]
fn a_question_does_not_hold_the_value_that_is_its_answer() {
    let fir = lowered(
        "all = parallel each x in ids max 2 { step y = R.get(x)\ngive y } else manual \"{a}?\"\nprogress \"{all.len}{b}\"",
    );
    assert_eq!(live(&fir, "all"), ["a", "b", "ids"]);
}

#[test]
fn a_person_may_be_asked_about_one_call_and_between_statements() {
    let asks = [
        "step R.ping(id) else manual \"what now?\"",
        "step x = R.find(id) on Missing => manual \"what now?\"\nprogress \"{x}\"",
        "scope s { step R.ping(id) else manual \"what now?\" } else skip",
        "scope s { step R.ping(id) } else { review \"look\"\nmanual \"what now?\" }",
        "manual \"what now?\"",
    ];
    for body in asks {
        assert!(unsupported(body).is_empty(), "{body}: {:?}", unsupported(body));
    }
}

#[test]
fn a_frame_holds_the_entries_of_a_map_as_records() {
    let fir = lowered(
        "all = m.entries\nstep R.ping(id)\neach e in all { step R.ping(e.key)\nprogress \"{e.value}\" }",
    );
    assert!(workflow(&fir).unsupported.is_empty());
    assert_eq!(live(&fir, "R.ping"), ["all"]);
    let spec = sagaflow_fir::spec(&fir, "t.T");
    let named = serde_json::json!({ "list": { "named": "entry<text, int>" } });
    assert_eq!(spec["points"]["R.ping"]["live"]["all"], named);
    let fields = serde_json::json!([["key", "text", null], ["value", "int", null]]);
    assert_eq!(spec["schema"]["entry<text, int>"]["record"]["fields"], fields);
}

#[test]
fn use_in_a_scope_of_a_handler_gives_the_parallel_its_value() {
    let fir = lowered(
        "all = parallel each x in ids max 2 { step y = R.get(x)\ngive y } else {\n scope s { if yes { use [a] }\n step R.ping(id) } else skip\n use [b]\n}\nprogress \"{all.len}\"",
    );
    let Some(Stmt::Scope(unit)) = workflow(&fir).body.first() else {
        panic!("a unit stands first")
    };
    let Some(Remedy::Block { body, .. }) = &unit.handlers.otherwise else {
        panic!("it has a block")
    };
    let Some(Stmt::Scope(inner)) = body.first() else { panic!("the scope stands first in it") };
    let Some(Stmt::If(_, then, _)) = inner.body.first() else { panic!("the choice stands in it") };
    assert!(matches!(then.as_slice(), [Stmt::Let(..), Stmt::Skip]), "{then:?}");
}

/// What stands in the way of executing a workflow that takes batches.
fn of_batches(params: &str, headers: &str) -> Vec<String> {
    let text = format!(
        "event Click on \"clicks\" key id {{ id: text }}\nevent Near key id {{ id: text }}\n\
         workflow T v1 ({params}) {headers} {{ }}"
    );
    let loaded = load::load_text("t.flow", "t", &text);
    let analysis = analyze(&loaded);
    let fir = analysis.lower(&loaded.sources).unwrap_or_else(|| panic!("{headers} has errors"));
    workflow(&fir).unsupported.iter().map(|(what, _)| what.clone()).collect()
}

#[test]
fn a_batch_is_started_under_its_id_where_its_partition_is_read_and_nothing_else_is_executed() {
    let batch = "on batch Click up to 5 or every 1s";
    let one = |headers: &str| of_batches("b: batch<Click>", &format!("{batch} {headers}"));
    assert!(one("idempotent by b.id shard by b.partition").is_empty());
    assert!(one("idempotent by b.id").is_empty());
    let other = ["`on batch` with another key than the `id` of its batch"];
    assert_eq!(one("idempotent by b.hour"), other);
    assert_eq!(one("idempotent by b.id, b.hour"), other);
    let elsewhere = ["`shard by` anything but the `partition` of its batch"];
    assert_eq!(one("idempotent by b.id shard by b.first_offset"), elsewhere);
    assert_eq!(of_batches("id: text", "idempotent by id shard by id"), elsewhere);
    let near = "on batch Near up to 5 or every 1s idempotent by b.id";
    let nowhere = ["`on batch` of an event without a topic"];
    assert_eq!(of_batches("b: batch<Near>", near), nowhere);
    let two = of_batches("b: batch<Click>, n: int", &format!("{batch} idempotent by b.id"));
    assert_eq!(two, ["`on batch` with a second parameter"]);
}

#[test]
fn how_a_batch_is_gathered_is_policy_and_what_it_is_of_is_not() {
    let hash = |gather: &str| {
        let text = format!(
            "event Click on \"clicks\" key id {{ id: text }}\n\
             workflow T v1 (b: batch<Click>) on batch Click {gather} idempotent by b.id {{ }}\n\
             workflow R v1 (b: batch<Click>) on batch Click {gather} idempotent by b.id {{\n\
               reject b.where(c => c.id == \"\") as \"no id\"\n\
             }}\n"
        );
        let loaded = load::load_text("t.flow", "t", &text);
        let fir = analyze(&loaded).lower(&loaded.sources).expect("nothing is wrong with it");
        let spec = sagaflow_fir::spec(&fir, "t.T");
        let rejects = sagaflow_fir::spec(&fir, "t.R");
        assert_eq!(rejects["triggers"][0]["gather"]["whole"], true, "its records are kept whole");
        (fir.hash("t.T"), spec["triggers"][0]["gather"].clone(), spec["events"].clone())
    };
    let (one, gather, events) = hash("up to 5 or every 2s");
    let wanted = serde_json::json!({ "up_to": 5, "every_ms": 2_000, "whole": false });
    assert_eq!(gather, wanted);
    assert_eq!(events["t.Click"]["awaited"], false, "nobody takes one of them by itself");
    assert_eq!(events["t.Click"]["topic"], "clicks");
    assert_eq!(hash("up to 9 or every 1m").0, one);
}

#[test]
fn a_text_that_is_read_as_a_date_is_a_literal_of_it() {
    let loaded = load::load_text("t.flow", "t", "fn first() -> date = \"2026-01-31\"\n");
    let fir = analyze(&loaded).lower(&loaded.sources).expect("nothing is wrong with it");
    let function = fir.functions.get("t.first").expect("the function is there");
    let json = serde_json::to_value(&function.body).expect("a function is JSON");
    let literal = serde_json::json!({ "ty": "date", "kind": { "literal": "2026-01-31" } });
    assert_eq!(json.pointer("/fn/value"), Some(&literal));
}

//! `flowc certify` against the machine: what it says is undone where a call fails is what a run undoes,
//! in that order.

mod common;

use common::flowc;
use sagaflow_compiler::certify::{Certificate, Sheet, Undoing, Way};
use sagaflow_compiler::{analyze, load::load_text};
use sagaflow_core::codegen::Values;
use sagaflow_core::id::RunId;
use sagaflow_core::service::Purpose;
use sagaflow_interp::simulate::{
    Choice, Failing, Plan, Program, Script, Strike, StrikeKind, World,
};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SERVICES: &str = r#"
service S {
  write take(id: text) -> text idempotent by id fails Gone compensate back(id) within 2s
  write back(id: text) idempotent by id within 2s
  write note(id: text) -> text idempotent by id fails Gone compensate unnote(id) within 2s
  write unnote(id: text) idempotent by id within 2s
  write hold(id: text) -> text idempotent by id fails Gone compensate drop(id) within 2s
  write drop(id: text) idempotent by id within 2s
  write send(id: text) idempotent by id within 2s
  read look(id: text) -> int fails Gone within 1s
  pivot pay(id: text) -> text idempotent by id fails Gone within 2s
}
"#;

/// One program for each thing that decides what is undone.
const BODIES: &[(&str, &str)] = &[
    (
        "Sequence",
        "step a = S.take(id) step b = S.note(id) step c = S.hold(id) pivot S.pay(id) retry forever step S.send(id) retry forever return \"x\"",
    ),
    (
        "Parallel",
        "step a = S.take(id) parallel { step b = S.note(id) step c = S.hold(id) } step d = S.look(id) progress \"{d}\" return b",
    ),
    (
        "Scope",
        "step a = S.take(id) scope part { step b = S.note(id) step c = S.hold(id) step d = S.look(id) progress \"{d}\" } on Gone => skip step e = S.look(id) progress \"{e}\" return a",
    ),
    (
        "Loop",
        "step a = S.take(id) each n in [\"1\", \"2\", \"3\"] { step b = S.note(n) step c = S.hold(n) } step d = S.look(id) progress \"{d}\" return a",
    ),
    (
        "Side",
        "step a = S.take(id) parallel each n in [\"1\", \"2\"] max 2 { step b = S.note(n) } step d = S.look(id) progress \"{d}\" return a",
    ),
    (
        "Skipped",
        "step a = S.take(id) step S.note(id) else skip step d = S.look(id) progress \"{d}\" return a",
    ),
    (
        "Alternative",
        "step a = S.take(id) step b = S.note(id) fallback S.hold(id) step d = S.look(id) progress \"{d}\" return b",
    ),
    (
        "Decided",
        "step a = S.take(id) step S.note(id) on unknown => { progress \"go on\" } step d = S.look(id) progress \"{d}\" return a",
    ),
    (
        "Renamed",
        "step a = S.take(id) step b = S.note(id) on Gone => fail Late step d = S.look(id) progress \"{d}\" return b",
    ),
    (
        "Condition",
        "step a = S.take(id) step n = S.look(id) if n > 0 { step b = S.note(id) progress \"{b}\" } else { step c = S.hold(id) progress \"{c}\" } step d = S.look(id) progress \"{d}\" return a",
    ),
    (
        "Settled",
        "step a = S.take(id) all = parallel each n in [\"1\", \"2\"] max 2 settle { step b = S.note(n) step c = S.look(n) give c } progress \"{all.len}\" step d = S.look(id) progress \"{d}\" return a",
    ),
];

fn text() -> String {
    let workflow = |(name, body): &(&str, &str)| {
        let late = if *name == "Renamed" { ", Late" } else { "" };
        format!(
            "workflow {name} v1 (id: text) -> text idempotent by id fails Gone{late} deadline 9h {{\n  {body}\n}}\n"
        )
    };
    format!("{SERVICES}{}", BODIES.iter().map(workflow).collect::<String>())
}

fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let path = dir.path().join("m.flow");
    std::fs::write(&path, text).expect("written");
    (dir, path)
}

fn certificate(path: &Path) -> Certificate {
    let (code, out, err) = flowc(&["certify", &path.display().to_string(), "--format", "json"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    serde_json::from_str(&out).expect("it writes a certificate")
}

/// Takes what was said to be undone off the front of what was undone; what is not sure may be there.
/// Every way in which lists that run side by side can follow one another is tried.
fn fits(said: &[Undoing], undone: &[String]) -> bool {
    rests(said, undone).iter().any(Vec::is_empty)
}

/// What may be left of `undone` behind what was said.
fn rests(said: &[Undoing], undone: &[String]) -> Vec<Vec<String>> {
    let Some((first, others)) = said.split_first() else { return vec![undone.to_vec()] };
    let mut left = Vec::new();
    match first {
        Undoing::Step { by, sure, .. } => {
            let done = undone.get(..by.len()).is_some_and(|front| front == by);
            if done {
                left.push(undone.get(by.len()..).unwrap_or_default().to_vec());
            }
            if !sure {
                left.push(undone.to_vec());
            }
        }
        Undoing::If { then, .. } => {
            left.extend(rests(then, undone));
            left.push(undone.to_vec());
        }
        Undoing::Turns { together: false, each, .. } => {
            let mut open = vec![undone.to_vec()];
            for _ in 0..4 {
                left.extend(open.iter().cloned());
                open = open.iter().flat_map(|rest| rests(each, rest)).collect();
            }
        }
        Undoing::Turns { together: true, each, .. } => {
            let lists = vec![each.clone(), each.clone()];
            left.extend(rests(&[Undoing::Together(lists)], undone));
            left.extend(rests(each, undone));
            left.push(undone.to_vec());
        }
        Undoing::Together(lists) => {
            // Side by side: any of them may be next.
            let flat: usize = lists.iter().map(Vec::len).sum();
            if flat == 0 {
                left.push(undone.to_vec());
            }
            for (at, list) in lists.iter().enumerate() {
                let Some((next, behind)) = list.split_first() else { continue };
                let mut rest = lists.clone();
                if let Some(own) = rest.get_mut(at) {
                    *own = behind.to_vec();
                }
                for after in rests(std::slice::from_ref(next), undone) {
                    left.extend(rests(&[Undoing::Together(rest.clone())], &after));
                }
            }
        }
    }
    left.sort();
    left.dedup();
    left.iter().flat_map(|rest| rests(others, rest)).collect()
}

/// What a run undoes, in order, and how it ends.
struct Ran {
    undone: Vec<String>,
    ends: String,
}

/// What a run has undone, in order.
fn undone(world: &World<'_>, run: RunId) -> Vec<String> {
    let undone = world.ledger().calls(run).filter(|call| call.purpose == Purpose::Undo);
    undone.map(|call| call.action.trim_start_matches("m.").to_owned()).collect()
}

fn program(text: &str) -> Program {
    let loaded = load_text("m.flow", "m", text);
    let analysis = analyze(&loaded);
    let told: Vec<String> = analysis.diagnostics.iter().map(|d| d.headline.clone()).collect();
    Program::new(Arc::new(analysis.lower(&loaded.sources).unwrap_or_else(|| panic!("{told:#?}"))))
}

/// A run in which a call fails; where the call stands aside, what leads to it happens too.
fn ran(program: &Program, workflow: &str, failing: &Failing) -> Ran {
    let mut script = Script { failing: vec![failing.clone()], ..Script::default() };
    match (workflow, failing.action.as_str()) {
        ("Alternative", "m.S.hold") => script.failing.push(Failing {
            path: "b".into(),
            action: "m.S.note".into(),
            purpose: Purpose::Do,
            plan: Plan::Refused,
            attempts: 3,
        }),
        ("Condition", "m.S.hold") => {
            script.choices.push(Choice::Result { path: "n".into(), value: json!(0) });
        }
        _ => {}
    }
    let mut world = World::new(program, script);
    let input: Values = [("id".to_owned(), json!("a"))].into();
    let run = world.run(&format!("m.{workflow}"), input).expect("it comes to rest");
    let reached = |call: &sagaflow_interp::simulate::Called| {
        call.path == failing.path && call.action == failing.action
    };
    assert!(world.ledger().calls(run).any(reached), "{workflow} never reaches {failing:?}");
    let undone = undone(&world, run);
    let state = world.state(run).expect("the run is there");
    let word = state.status().word();
    let ends = match state.head().cause.as_ref() {
        Some(cause) => format!("{word} {}", cause.error()),
        None => word.to_owned(),
    };
    Ran { undone, ends }
}

/// Each way of each call of a workflow that a service can bring about, with a run in which it does.
fn each_way(sheet: &Sheet, see: &mut dyn FnMut(&str, &str, &Way, Failing)) {
    for point in sheet.points.iter().filter(|point| point.what.starts_with("S.")) {
        for way in &point.ways {
            let plan = match way.what.as_str() {
                "refused" => Plan::Refused,
                "unknown" => Plan::UnknownDone,
                "timeout" => Plan::Timeout,
                "fails Gone" => Plan::Fail("Gone".into(), json!(null)),
                _ => continue,
            };
            let path = point.at.split('~').next().unwrap_or_default().replace("[]", "[0]");
            let action = format!("m.{}", point.what);
            // As often as any policy here tries, and more where it never gives up.
            let attempts = if way.ends == "tries again" { 2 } else { 3 };
            see(
                &point.at,
                &point.what,
                way,
                Failing { path, action, purpose: Purpose::Do, plan, attempts },
            );
        }
    }
}

#[test]
fn what_is_said_to_be_undone_is_what_a_run_undoes() {
    let text = text();
    let (_dir, path) = written(&text);
    let certificate = certificate(&path);
    let program = program(&text);
    let (mut ways, mut wrong) = (0, Vec::new());
    for sheet in &certificate.workflows {
        let name = sheet.workflow.trim_start_matches("m.");
        each_way(sheet, &mut |at, what, way, failing| {
            let ran = ran(&program, name, &failing);
            ways += 1;
            let ends = match way.ends.as_str() {
                "goes on" | "tries again" => "completed",
                other => other,
            };
            // The cause of a failure that no contract declares is named by how it ended.
            let same = ran.ends.starts_with(ends.split(' ').next().unwrap_or_default());
            let declared =
                way.ends.strip_prefix("failed ").filter(|e| e.starts_with(char::is_uppercase));
            let named = declared.is_none_or(|error| ran.ends.ends_with(error));
            if !fits(&way.undone, &ran.undone) || !same || !named {
                wrong.push(format!(
                    "{name}: `{what}` at `{at}`, {}: said {} and {:?}, a run {} and undid {:?}",
                    way.what, way.ends, way.undone, ran.ends, ran.undone
                ));
            }
        });
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(ways > 80, "only {ways} ways were tried");
}

#[test]
fn a_cancel_or_a_deadline_at_any_call_undoes_what_was_said() {
    let text = text();
    let (_dir, path) = written(&text);
    let certificate = certificate(&path);
    let program = program(&text);
    let (mut struck, mut wrong) = (0, Vec::new());
    for sheet in &certificate.workflows {
        let run_of = |strike: Option<Strike>| {
            let script = Script { strike, ..Script::default() };
            let mut world = World::new(&program, script);
            let input: Values = [("id".to_owned(), json!("a"))].into();
            let run = world.run(&sheet.workflow, input).expect("it comes to rest");
            (world, run)
        };
        let (usual, run) = run_of(None);
        for call in usual.ledger().calls(run) {
            let point = sheet.points.iter().find(|point| point.at == call.at);
            let point =
                point.unwrap_or_else(|| panic!("{}: no point `{}`", sheet.workflow, call.at));
            for (word, what) in [("cancel", StrikeKind::Cancel), ("deadline", StrikeKind::Deadline)]
            {
                let way =
                    point.ways.iter().find(|way| way.what == word).expect("every point has it");
                let (world, run) = run_of(Some(Strike { record: call.record.max(1), what }));
                let undone = undone(&world, run);
                struck += 1;
                if !fits(&way.undone, &undone) {
                    let place = format!("{}: {word} at `{}`", sheet.workflow, call.at);
                    wrong.push(format!("{place}: said {:?}, undid {undone:?}", way.undone));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(struck > 80, "only {struck} were struck");
}

#[test]
fn what_is_undone_first_is_told_from_what_is_undone_last() {
    let step = |call: &str| Undoing::Step {
        at: call.into(),
        call: call.into(),
        by: vec![format!("un{call}")],
        sure: true,
    };
    let undone = |all: &[&str]| all.iter().map(|each| (*each).to_owned()).collect::<Vec<_>>();
    let said = [step("b"), step("a")];
    assert!(fits(&said, &undone(&["unb", "una"])));
    assert!(!fits(&said, &undone(&["una", "unb"])));
    assert!(!fits(&said, &undone(&["unb"])));
    let side = [Undoing::Together(vec![vec![step("b"), step("a")], vec![step("c")]])];
    assert!(fits(&side, &undone(&["unb", "unc", "una"])));
    assert!(!fits(&side, &undone(&["una", "unc", "unb"])));
}

#[test]
fn what_stops_a_block_and_what_a_transaction_leaves_are_places_of_their_own() {
    let (code, out, err) = flowc(&["certify", "flows/finance/invoices.flow"]);
    assert_eq!((code, err.as_str()), (0, ""));
    for said in [
        "| crash | its outcome row says whether it committed | – | goes on |",
        "| fails Duplicate | the run fails; there is nothing to undo | – | failed Duplicate |",
        "| timeout | its remedy: fail with `Refused(\"nobody signed\")`; the run fails, and everything is undone | `Ledger.withdraw` | failed Refused |",
        "where it did not happen: `Ledger.withdraw`",
    ] {
        assert!(out.contains(said), "`{said}` is missing:\n{out}");
    }
    // The question about a pivot is asked where the pivot stands: nothing stops the run there.
    assert!(!out.contains(". `manual"), "{out}");
    let text = format!(
        "event Stop key id {{ id: text }}\n{SERVICES}workflow W v1 (id: text) -> text idempotent by id fails Gone deadline 9h {{\n  step a = S.take(id)\n  scope part {{ step S.note(id) sleep 1m }} deadline 1h on event Stop where id == id => skip else skip\n  return a\n}}\n"
    );
    let (_dir, path) = written(&text);
    let sheet = certificate(&path).workflows.remove(0);
    let part = sheet.points.iter().find(|point| point.what == "scope part").expect("a place");
    let undone: Vec<String> =
        part.ways.iter().map(|way| sagaflow_compiler::certify::undone(&way.undone)).collect();
    assert_eq!(undone, ["`S.unnote` if done", "`S.unnote` if done"], "{part:#?}");
}

#[test]
fn the_order_process_is_certified() {
    let (code, out, err) = flowc(&["certify", "flows/shop/orders.flow"]);
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!(out);
}

#[test]
fn what_has_changed_is_said_in_words() {
    let (dir, path) = written(&text());
    let (_, json, _) = flowc(&["certify", &path.display().to_string(), "--format", "json"]);
    let kept = dir.path().join("kept.json");
    std::fs::write(&kept, &json).expect("written");
    let against = |text: &str| {
        std::fs::write(&path, text).expect("written");
        let args = [path.display().to_string(), kept.display().to_string()];
        let (code, out, err) = flowc(&["certify", &args[0], "--against", &args[1]]);
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        out
    };
    assert_eq!(against(&text()), "nothing has changed\n");
    // Lines move, promises do not.
    assert_eq!(against(&format!("\n\n{}", text())), "nothing has changed\n");
    let other =
        text().replace("compensate unnote(id)", "compensate none because \"a note is harmless\"");
    let said = against(&other);
    assert!(said.contains("newly waived: no undo of S.note because a note is harmless"), "{said}");
    let undo =
        "where `S.hold` meets refused, undone was `S.unnote`, then `S.back`, and is `S.back`";
    assert!(said.contains(undo), "{said}");
    let said = against(&text().replace(
        "step c = S.hold(id) pivot",
        "step c = S.hold(id) step e = S.look(\"more\") progress \"{e}\" pivot",
    ));
    assert!(said.contains("new place where it can fail: `S.look`"), "{said}");
}

#[test]
fn the_digest_depends_on_promises_and_not_on_places() {
    let (_one, path) = written(&text());
    let first = certificate(&path).digest;
    assert_eq!(first.len(), 64);
    std::fs::write(&path, format!("\n// A remark.\n{}", text())).expect("written");
    assert_eq!(certificate(&path).digest, first);
    std::fs::write(&path, text().replace("within 2s", "within 3s")).expect("written");
    assert_eq!(certificate(&path).digest, first);
    std::fs::write(&path, text().replace("compensate drop(id)", "compensate back(id)"))
        .expect("it");
    assert_ne!(certificate(&path).digest, first);
}

#[test]
fn what_is_refused_is_not_certified() {
    let (dir, path) = written("workflow A v1 (id: text) idempotent by id { fail Late }\n");
    let file = path.display().to_string();
    let (code, out, err) = flowc(&["certify", &file]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("error[F0") && err.ends_with("not certified\n"), "{err}");
    let kept = dir.path().join("kept.json");
    std::fs::write(&kept, "{}").expect("written");
    let (code, _, err) = flowc(&["certify", &file, "--against", &kept.display().to_string()]);
    assert_eq!(code, 2);
    assert!(err.contains("is no certificate in JSON"), "{err}");
}

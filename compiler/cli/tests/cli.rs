//! The command as a person or a script meets it: exit codes, what goes to stdout and what to stderr.

use assert_cmd::Command;
use insta::assert_snapshot;
use std::fs;
use tempfile::TempDir;

/// A program in which nothing is wrong.
const CLEAN: &str = "\
workflow Ping v1 (id: text) idempotent by id { step Web.ping(id) }
service Web { read ping(id: text) within 1s }
resource Item(text)
";

/// A program that could leave a mess.
const MESSY: &str = "\
workflow Pay v1 (id: text) idempotent by id {
  step Bank.charge(id) retry forever
  step Bank.check(id)
}
service Bank {
  write charge(id: text) idempotent within 1s
  read check(id: text) within 1s
}
";

/// A flow with a test that holds and one that does not.
const TESTED: &str = "\
workflow Ask v1 (id: text) -> int idempotent by id {
  step n = Web.count(id) else use 0
  return n
}
service Web { read count(id: text) -> int within 1s }
test \"what it counts\" {
  given Web.count => 3
  run Ask(\"x\")
  expect result == 3
}
test \"what it never counts\" {
  given Web.count => 3
  run Ask(\"x\")
  expect result == 4
}
";

/// A folder with these files in it.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    for (name, bytes) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().expect("it is below the folder")).expect("writable");
        fs::write(path, bytes).expect("writable");
    }
    dir
}

/// Runs `flowc` in a folder: exit code, stdout, stderr.
fn flowc(dir: &TempDir, args: &[&str]) -> (i32, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_flowc"))
        .current_dir(dir.path())
        .env_remove("NO_COLOR")
        .args(args)
        .output()
        .expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it writes text");
    (done.status.code().expect("it ends by itself"), text(&done.stdout), text(&done.stderr))
}

#[test]
fn a_clean_file_ends_with_zero_and_says_so_on_stderr() {
    let dir = folder(&[("a.flow", CLEAN.as_bytes())]);
    let (code, out, err) = flowc(&dir, &["check", "a.flow"]);
    assert_eq!((code, out.as_str()), (0, ""));
    assert_snapshot!(err, @"checked 1 file: nothing to report");
}

#[test]
fn an_error_ends_with_one_and_is_drawn_beside_its_source() {
    let dir = folder(&[("pay.flow", MESSY.as_bytes())]);
    let (code, out, err) = flowc(&dir, &["check", "pay.flow"]);
    assert_eq!(code, 1);
    assert_snapshot!(out);
    assert_snapshot!(err, @"checked 1 file: 1 error");
}

#[test]
fn short_is_one_line_a_finding_and_nothing_else() {
    let dir = folder(&[("pay.flow", MESSY.as_bytes())]);
    let (code, out, err) = flowc(&dir, &["check", "--format", "short", "pay.flow"]);
    assert_eq!((code, err.as_str()), (1, ""));
    assert_snapshot!(out);
}

#[test]
fn json_carries_the_same_finding_for_tools() {
    let dir = folder(&[("pay.flow", MESSY.as_bytes())]);
    let (code, out, _) = flowc(&dir, &["check", "--format", "json", "pay.flow"]);
    let found: serde_json::Value = serde_json::from_str(&out).expect("it is JSON");
    assert_eq!((code, found[0]["code"].as_str()), (1, Some("F0201")));
    assert_eq!(found[0]["span"]["line"], 2);
}

#[test]
fn a_folder_stands_for_every_file_below_it() {
    let files = [("flows/a.flow", CLEAN.as_bytes()), ("flows/deep/pay.flow", MESSY.as_bytes())];
    let dir = folder(&files);
    let (code, out, err) = flowc(&dir, &["check", "--format", "short", "flows"]);
    assert_eq!((code, err.as_str()), (1, ""));
    assert!(out.starts_with("flows/deep/pay.flow:2:"), "{out}");
    let (code, _, err) = flowc(&dir, &["check"]);
    assert_eq!(code, 1);
    assert_snapshot!(err, @"checked 2 files: 1 error");
}

#[test]
fn warnings_alone_do_not_fail() {
    let lonely = "workflow A v1 (id: text) idempotent by id { n = id.len }\n";
    let dir = folder(&[("a.flow", lonely.as_bytes())]);
    let (code, _, err) = flowc(&dir, &["check", "a.flow"]);
    assert_eq!(code, 0);
    assert_snapshot!(err, @"checked 1 file: 1 warning");
}

#[test]
fn what_cannot_be_read_ends_with_two_and_is_named() {
    let dir = folder(&[("bad.flow", b"workflow \xff\xfe"), ("notes.txt", b"nothing")]);
    let (code, out, err) = flowc(&dir, &["check", "none.flow"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.starts_with("flowc: ") && err.contains("none.flow"), "{err}");
    let (code, out, err) = flowc(&dir, &["check", "bad.flow"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("bad.flow") && err.contains("not UTF-8"), "{err}");
    fs::remove_file(dir.path().join("bad.flow")).expect("it was there");
    let (code, _, err) = flowc(&dir, &["check", "."]);
    assert_eq!(code, 2);
    assert_snapshot!(err, @"flowc: no `.flow` file in .");
}

#[test]
fn usage_that_makes_no_sense_ends_with_two() {
    let dir = folder(&[]);
    assert_eq!(flowc(&dir, &["chekc"]).0, 2);
    assert_eq!(flowc(&dir, &["check", "--format", "poem"]).0, 2);
    assert_eq!(flowc(&dir, &[]).0, 2);
}

#[test]
fn explain_prints_the_page_of_a_code() {
    let dir = folder(&[]);
    let (code, out, err) = flowc(&dir, &["explain", "F0201"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("# F0201: ") && out.contains("## Why"), "{out}");
    assert_eq!(flowc(&dir, &["explain", "f0201"]).1, out);
    assert_eq!(flowc(&dir, &["check", "--explain", "F0201"]).1, out);
}

#[test]
fn explain_of_no_code_ends_with_two_and_offers_what_is_near() {
    let dir = folder(&[]);
    let (code, out, err) = flowc(&dir, &["explain", "NOPE"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert_snapshot!(err, @"flowc: there is no page for `NOPE`");
    let (code, _, err) = flowc(&dir, &["explain", "F020"]);
    assert_eq!(code, 2);
    assert!(err.contains("did you mean") && err.contains("`F0201`"), "{err}");
}

#[test]
fn a_test_that_does_not_hold_ends_with_one_and_says_where() {
    let dir = folder(&[("ask.flow", TESTED.as_bytes())]);
    let (code, out, err) = flowc(&dir, &["test", "ask.flow"]);
    assert_eq!(code, 1);
    assert_snapshot!(out);
    assert_snapshot!(err, @"1 passed, 1 failed");
    let (code, out, _) = flowc(&dir, &["test", "ask.flow", "--filter", "what it counts"]);
    assert_eq!(code, 0, "{out}");
}

/// Twice the same batch is one run: a sample is the same however often it is read.
#[test]
fn a_list_of_records_is_a_batch_in_a_test() {
    let flows = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../flows");
    let dir = folder(&[]);
    let (code, out, err) =
        flowc(&dir, &["test", &flows.join("web/analytics.flow").to_string_lossy()]);
    assert_eq!(code, 0, "{out}{err}");
    assert_snapshot!(err, @"1 passed, 0 failed");
}

#[test]
fn a_test_of_what_cannot_be_executed_yet_names_it_and_check_does_not() {
    let text = "\
workflow Ask v1 (id: text) idempotent by id {
  lock Item(id) ttl 2m within 30s { step Web.ping(id) }
}
service Web { read ping(id: text) within 1s }
resource Item(text)
test \"it asks\" { run Ask(\"x\") expect completed }
";
    let dir = folder(&[("ask.flow", text.as_bytes())]);
    assert_eq!(flowc(&dir, &["check", "ask.flow"]).0, 0);
    let (code, out, _) = flowc(&dir, &["test", "ask.flow"]);
    assert_eq!(code, 1);
    assert_snapshot!(out);
    let (code, out, _) = flowc(&dir, &["debug", "rust", "ask.flow"]);
    assert_eq!(code, 0);
    assert!(out.contains("compile_error") && out.contains("F0005"), "{out}");
}

#[test]
fn a_file_without_tests_is_no_success() {
    let dir = folder(&[("a.flow", CLEAN.as_bytes())]);
    let (code, _, err) = flowc(&dir, &["test", "a.flow"]);
    assert_eq!(code, 2);
    assert_snapshot!(err, @"flowc: no `test` in a.flow");
}

#[test]
fn debug_fir_prints_what_runs_and_refuses_what_must_not() {
    let dir = folder(&[("a.flow", CLEAN.as_bytes()), ("pay.flow", MESSY.as_bytes())]);
    let (code, out, _) = flowc(&dir, &["debug", "fir", "a.flow"]);
    let fir: serde_json::Value = serde_json::from_str(&out).expect("it is JSON");
    assert_eq!(code, 0);
    assert_eq!(fir["workflows"]["a.Ping"]["points"]["Web.ping"]["path"], "Web.ping");
    let (code, out, err) = flowc(&dir, &["debug", "fir", "pay.flow"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("error[F0201]") && err.contains("no intermediate form"), "{err}");
}

//! `flowc fix` as a person and a script meet it.

use assert_cmd::Command;
use std::fs;
use tempfile::TempDir;

/// Two misspellings, and one of them twice.
const WRONG: &str = "\
workflow Pay v1 (id: text) -> text idempotent by id {
  stpe hold = Bank.balanec(id)
  return lenght(hold) + lenght(id)
}
service Bank { read balance(id: text) -> text within 1s }
fn length(id: text) -> text = id
";

/// What is bound twice: another name for the second would change what the last line means.
const SHADOWED: &str = "\
workflow Pay v1 (id: text) -> int idempotent by id {
  n = 1
  n = 2
  return n
}
";

fn flowc(dir: &TempDir, args: &[&str]) -> (i32, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_flowc"))
        .current_dir(dir.path())
        .args(args)
        .output()
        .expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it writes text");
    (done.status.code().expect("it ends by itself"), text(&done.stdout), text(&done.stderr))
}

fn folder(text: &str) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    fs::write(dir.path().join("pay.flow"), text).expect("writable");
    dir
}

fn text(dir: &TempDir) -> String {
    fs::read_to_string(dir.path().join("pay.flow")).expect("readable")
}

#[test]
fn what_is_offered_is_mended_until_nothing_is_left() {
    let dir = folder(WRONG);
    let (code, out, err) = flowc(&dir, &["fix", "pay.flow"]);
    assert_eq!((code, err.as_str()), (0, "4 edits made, 0 errors left\n"), "{out}");
    let mended =
        WRONG.replace("stpe", "step").replace("balanec", "balance").replace("lenght", "length");
    assert_eq!(text(&dir), mended);
    assert_eq!(flowc(&dir, &["check", "pay.flow"]).0, 0);
    assert_eq!(flowc(&dir, &["fix", "pay.flow"]).2, "0 edits made, 0 errors left\n");
}

#[test]
fn a_dry_run_prints_the_same_edits_and_makes_none() {
    let dir = folder(WRONG);
    let (code, out, _) = flowc(&dir, &["fix", "--dry-run"]);
    assert_eq!((code, text(&dir).as_str()), (1, WRONG));
    assert!(out.contains("pay.flow:2:3: ") && out.lines().count() == 4, "{out}");
    assert_eq!(flowc(&dir, &["fix"]).1, out);
}

#[test]
fn what_only_a_person_can_decide_is_left_and_named() {
    let dir = folder(SHADOWED);
    let (code, out, err) = flowc(&dir, &["fix"]);
    assert_eq!((code, out.as_str(), text(&dir).as_str()), (1, "", SHADOWED));
    assert!(err.contains("pay.flow:3:3: error[F0110]"), "{err}");
}

#[test]
fn what_cannot_be_read_ends_with_two() {
    let dir = folder(WRONG);
    assert_eq!(flowc(&dir, &["fix", "none.flow"]).0, 2);
}

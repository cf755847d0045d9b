//! `flowc fmt` as a person, an editor and a script meet it.

use assert_cmd::Command;
use std::fs;
use tempfile::TempDir;

const ROUGH: &str =
    "record A { id:text, n : int }\nworkflow W v1(id: text) idempotent by id{pass}\n";
const LAID_OUT: &str = "\
record A { id: text, n: int }

workflow W v1 (id: text) idempotent by id {
  pass
}
";

fn flowc(dir: &TempDir, args: &[&str], stdin: &str) -> (i32, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_flowc"))
        .current_dir(dir.path())
        .args(args)
        .write_stdin(stdin)
        .output()
        .expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it writes text");
    (done.status.code().expect("it ends by itself"), text(&done.stdout), text(&done.stderr))
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    for (name, text) in files {
        fs::write(dir.path().join(name), text).expect("writable");
    }
    dir
}

fn text(dir: &TempDir, name: &str) -> String {
    fs::read_to_string(dir.path().join(name)).expect("readable")
}

#[test]
fn files_are_laid_out_in_place_and_nothing_else_is_left_behind() {
    let dir = folder(&[("a.flow", ROUGH), ("b.flow", LAID_OUT)]);
    let (code, out, err) = flowc(&dir, &["fmt"], "");
    assert_eq!((code, out.as_str(), err.as_str()), (0, "", "1 of 2 files laid out anew\n"));
    assert_eq!(
        (text(&dir, "a.flow").as_str(), text(&dir, "b.flow").as_str()),
        (LAID_OUT, LAID_OUT)
    );
    assert_eq!(fs::read_dir(dir.path()).expect("readable").count(), 2);
    assert_eq!(flowc(&dir, &["fmt", "--check"], "").0, 0);
}

#[test]
fn check_names_what_would_change_and_changes_nothing() {
    let dir = folder(&[("a.flow", ROUGH), ("b.flow", LAID_OUT)]);
    let (code, out, _) = flowc(&dir, &["fmt", "--check", "."], "");
    assert_eq!((code, out.as_str()), (1, "a.flow\n"));
    assert_eq!(text(&dir, "a.flow"), ROUGH);
}

#[test]
fn stdin_is_laid_out_to_stdout() {
    let dir = folder(&[]);
    assert_eq!(flowc(&dir, &["fmt", "-"], ROUGH), (0, LAID_OUT.into(), String::new()));
    assert_eq!(flowc(&dir, &["fmt", "--check", "-"], ROUGH).0, 1);
    assert_eq!(flowc(&dir, &["fmt", "--check", "-"], LAID_OUT).0, 0);
    let (code, out, err) = flowc(&dir, &["fmt", "-"], "workflow (");
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.starts_with("<stdin>:1:") && err.contains("error[F0"), "{err}");
    assert_eq!(flowc(&dir, &["fmt", "-", "a.flow"], "").0, 2);
}

#[test]
fn a_text_that_does_not_read_is_left_alone_and_the_others_are_not() {
    let dir = folder(&[("a.flow", "workflow ("), ("b.flow", ROUGH)]);
    let (code, _, err) = flowc(&dir, &["fmt"], "");
    assert_eq!(code, 1);
    assert!(err.starts_with("a.flow:1:"), "{err}");
    assert_eq!(
        (text(&dir, "a.flow").as_str(), text(&dir, "b.flow").as_str()),
        ("workflow (", LAID_OUT)
    );
    assert_eq!(flowc(&dir, &["fmt", "none.flow"], "").0, 2);
}

#[cfg(unix)]
#[test]
fn links_and_permissions_survive() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let dir = folder(&[("a.flow", ROUGH)]);
    let own = dir.path().join("a.flow");
    fs::set_permissions(&own, fs::Permissions::from_mode(0o640)).expect("ours");
    symlink("a.flow", dir.path().join("link.flow")).expect("writable");
    assert_eq!(flowc(&dir, &["fmt", "link.flow"], "").0, 0);
    assert!(dir.path().join("link.flow").is_symlink());
    assert_eq!(text(&dir, "a.flow"), LAID_OUT);
    let mode = fs::metadata(&own).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

//! Versions as whoever deploys them meets them: freeze, change, compare, ask a node, retire.

use assert_cmd::Command;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use tempfile::TempDir;

const FIRST: &str = "\
workflow Pay v1 (id: text, cents: int) -> text idempotent by id, cents deadline 1h {
  step paid = Bank.charge(id, cents)
  return paid
}
service Bank {
  write charge(id: text, cents: int) -> text idempotent by id compensate refund(id) within 2s
  write refund(id: text) idempotent by id within 2s
}
";

/// A source root with this program in it.
fn program(text: &str) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    fs::create_dir(dir.path().join("flows")).expect("writable");
    write(&dir, text);
    dir
}

fn write(dir: &TempDir, text: &str) {
    fs::write(dir.path().join("flows/shop.flow"), text).expect("writable");
}

/// Runs `flowc` in a folder: exit code, stdout, stderr.
fn flowc(dir: &TempDir, args: &[&str]) -> (i32, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_flowc"))
        .current_dir(dir.path())
        .env_remove("SAGAFLOW_TOKEN")
        .args(args)
        .output()
        .expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it writes text");
    (done.status.code().expect("it ends by itself"), text(&done.stdout), text(&done.stderr))
}

/// The findings of `flowc check` with these arguments, a line each.
fn check(dir: &TempDir, args: &[&str]) -> (i32, String) {
    let all: Vec<&str> =
        ["check", "--format", "short", "flows"].iter().chain(args).copied().collect();
    let (code, out, err) = flowc(dir, &all);
    (code, out + &err)
}

const FILE: &str = "flows/released/shop.Pay@1.fir.json";

/// A program whose first version is released.
fn released() -> TempDir {
    let dir = program(FIRST);
    let (code, out, err) = flowc(&dir, &["release"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(out, format!("`shop.Pay` v1 released: {FILE}\n"));
    dir
}

#[test]
fn what_is_released_is_released_once_and_found_again() {
    let dir = released();
    let text = fs::read_to_string(dir.path().join(FILE)).expect("it was written");
    assert_eq!(text.lines().count(), 2, "{text}");
    let (code, out, err) = flowc(&dir, &["release", "Pay", "--check"]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(err.contains("is released already"), "{err}");
    assert_eq!(check(&dir, &["--locked"]), (0, String::new()));
    let left: Vec<_> = fs::read_dir(dir.path().join("flows/released")).expect("a folder").collect();
    assert_eq!(left.len(), 1, "nothing is left over: {left:?}");
}

#[test]
fn a_program_with_errors_is_not_released_and_neither_is_one_that_does_not_exist() {
    let dir = program(&FIRST.replace("return paid", "return nobody"));
    let (code, _, err) = flowc(&dir, &["release"]);
    assert_eq!(code, 1);
    assert!(err.contains("F0101") && err.contains("nothing was released"), "{err}");
    assert!(!dir.path().join("flows/released").exists());
    let dir = program(FIRST);
    let (code, _, err) = flowc(&dir, &["release", "Pey"]);
    assert_eq!(code, 2);
    assert!(err.contains("did you mean `shop.Pay`") || err.contains("shop.Pay"), "{err}");
    let (code, out, _) = flowc(&dir, &["release", "--check"]);
    assert_eq!((code, out.contains("is not released")), (1, true), "{out}");
    assert!(!dir.path().join("flows/released").exists(), "a check writes nothing");
}

#[test]
fn a_changed_meaning_is_refused_until_the_version_is_raised() {
    let dir = released();
    let changed = FIRST.replace("charge(id, cents)\n", "charge(id, cents + 1)\n");
    write(&dir, &changed);
    let (code, out) = check(&dir, &[]);
    assert_eq!(code, 1);
    assert!(out.starts_with("flows/shop.flow:1:14: error[F0901]"), "{out}");
    let (code, _, err) = flowc(&dir, &["release"]);
    assert_eq!((code, err.contains("F0901")), (1, true), "{err}");
    let (code, out, _) = flowc(&dir, &["diff", "Pay@1", "Pay"]);
    assert_eq!(code, 0);
    assert!(out.contains("the step `paid`: what it is called with is another"), "{out}");
    write(&dir, &changed.replace("v1", "v2"));
    assert_eq!(check(&dir, &[]), (0, String::new()));
    let (code, out) = check(&dir, &["--locked"]);
    assert!(code == 1 && out.contains("error[F0905]") && out.contains("v2"), "{out}");
    let (code, out, _) = flowc(&dir, &["release"]);
    assert_eq!((code, out.contains("`shop.Pay` v2 released")), (0, true), "{out}");
    assert_eq!(check(&dir, &["--locked"]), (0, String::new()));
}

#[test]
fn another_policy_is_noted_and_taken_down_by_the_next_release() {
    let dir = released();
    write(&dir, &FIRST.replace("deadline 1h", "deadline 2h"));
    let (code, out) = check(&dir, &[]);
    assert!(code == 0 && out.contains("warning[F0908]"), "{out}");
    let (code, out) = check(&dir, &["--locked"]);
    assert!(code == 1 && out.contains("F0905") && !out.contains("F0908"), "{out}");
    let (code, out, _) = flowc(&dir, &["release"]);
    assert!(code == 0 && out.contains("released with its new policy"), "{out}");
    assert_eq!(check(&dir, &["--locked"]), (0, String::new()));
}

#[test]
fn a_file_that_was_changed_by_hand_is_refused() {
    let dir = released();
    let path = dir.path().join(FILE);
    let text = fs::read_to_string(&path).expect("it is there");
    fs::write(&path, text.replace("refund", "refuse")).expect("writable");
    let (code, out) = check(&dir, &[]);
    assert!(code == 1 && out.contains("F0901") && out.contains(FILE), "{out}");
    fs::write(&path, "{").expect("writable");
    assert_eq!(check(&dir, &[]).0, 1);
}

#[test]
fn two_versions_are_compared_point_by_point() {
    let dir = released();
    let needs = FIRST.replace("  step paid", "  twice = cents * 2\n  step paid");
    write(&dir, &needs.replace("return paid", "return \"{paid} {twice}\"").replace("v1", "v2"));
    let (code, out, _) = flowc(&dir, &["diff", "shop.Pay@1", "Pay"]);
    assert_eq!(code, 0);
    let answer = |at: &str| {
        let mut lines = out.lines().filter_map(|line| line.trim().split_once(' '));
        lines.find(|(point, _)| *point == at).map(|(_, answer)| answer.trim().to_owned())
    };
    assert_eq!(answer("start").as_deref(), Some("yes"), "{out}");
    let lacks = "no: it needs `twice`, which the old frame lacks";
    assert_eq!(answer("paid").as_deref(), Some(lacks), "{out}");
    let (_, out, _) = flowc(&dir, &["diff", "Pay@1", "Pay", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&out).expect("it is JSON");
    assert_eq!(json["workflow"], "shop.Pay");
    assert_eq!(json["points"][0]["may_move"], true, "{json}");
    let (code, _, err) = flowc(&dir, &["diff", "Pay@7", "Pay"]);
    assert!(code == 2 && err.contains("there is no `Pay@7`"), "{err}");
}

/// A node that tells of these runs, each as often as it is asked for those that wait.
fn node(runs: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it has an address"));
    let runs = runs.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap_or(0) == 0 {
                    break;
                }
                asked.extend(byte);
            }
            let waiting =
                String::from_utf8_lossy(&asked).starts_with("GET /api/runs?status=waiting");
            let items = if waiting { runs.as_str() } else { "" };
            let body = format!("{{\"items\":[{items}],\"next\":null}}");
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
            // Whoever asks may be gone.
            let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        }
    });
    url
}

/// A run as a node lists it.
fn run(id: &str, version: u32, hash: &str) -> String {
    format!(
        "{{\"id\":\"{id}\",\"workflow\":\"shop.Pay\",\"version\":{version},\"hash\":\"{hash}\"}}"
    )
}

/// The hash in the file of the first version.
fn hash(dir: &TempDir) -> String {
    let text = fs::read_to_string(dir.path().join(FILE)).expect("it is there");
    let json: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    json["hash"].as_str().expect("it has one").to_owned()
}

#[test]
fn a_build_without_the_version_of_open_runs_is_refused() {
    let dir = released();
    let first = hash(&dir);
    write(&dir, &FIRST.replace("cents)\n", "cents + 1)\n").replace("v1", "v2"));
    let url = node(&[run("a", 1, &first), run("b", 1, &first)].join(","));
    assert_eq!(check(&dir, &["--against", &url]), (0, String::new()));
    let (code, _, err) = flowc(&dir, &["retire", "Pay@1", "--against", &url]);
    assert!(code == 1 && err.contains("2 open runs of `shop.Pay` v1"), "{err}");
    let (code, _, err) = flowc(&dir, &["retire", "Pay@1"]);
    assert!(code == 1 && err.contains("--against"), "{err}");
    assert!(dir.path().join(FILE).exists());
    let (code, out, _) = flowc(&dir, &["retire", "Pay@1", "--force"]);
    assert!(code == 0 && out.contains("retired"), "{out}");
    assert!(!dir.path().join(FILE).exists());
    let (code, out) = check(&dir, &["--against", &url]);
    assert!(code == 1 && out.contains("error[F0906]: 2 runs of `Pay` v1"), "{out}");
}

#[test]
fn a_version_without_open_runs_is_retired_and_a_node_that_does_not_answer_keeps_it() {
    let dir = released();
    write(&dir, &FIRST.replace("v1", "v2"));
    let (code, _, err) = flowc(&dir, &["retire", "Pay@1", "--against", "http://127.0.0.1:1"]);
    assert!(code == 2 && err.contains("127.0.0.1:1"), "{err}");
    assert!(dir.path().join(FILE).exists());
    let (code, out, err) = flowc(&dir, &["retire", "Pay@1", "--against", &node("")]);
    assert!(code == 0 && out.contains(FILE), "{out}{err}");
    assert!(!dir.path().join(FILE).exists());
}

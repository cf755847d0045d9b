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
fn a_file_of_an_older_build_is_told_from_a_damaged_one() {
    let dir = released();
    let path = dir.path().join(FILE);
    let text = fs::read_to_string(&path).expect("it is there");
    let (head, rest) = text.split_once(',').expect("its first part is the format");
    assert_eq!(head, "{\"format\":2");
    for (format, words, help) in [
        (1, "an older build wrote it, in format 1", "`flowc release Pay` with this build"),
        (3, "a newer build wrote it, in format 3", "use the build that wrote it"),
    ] {
        fs::write(&path, format!("{{\"format\":{format},{rest}")).expect("writable");
        let (code, out, err) = flowc(&dir, &["check", "flows"]);
        assert!(code == 1 && (out.clone() + &err).contains(words), "{out}{err}");
        assert!((out.clone() + &err).contains(help), "{out}{err}");
        assert!(!(out + &err).contains("version control"));
    }
    // What the help says is a way out.
    fs::remove_file(&path).expect("it is there");
    assert_eq!(flowc(&dir, &["release", "Pay"]).0, 0);
    assert_eq!(check(&dir, &["--locked"]), (0, String::new()));
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

/// A node that tells of these runs of its own namespace, each as often as it is asked for those that
/// wait.
fn node(runs: &str) -> String {
    node_of(&[("/api", runs)])
}

/// The same with several namespaces, by where their interface begins.
fn node_of(namespaces: &[(&str, &str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it has an address"));
    let own =
        |(base, runs): &(&str, &str)| (format!("GET {base}/runs?status=waiting"), runs.to_string());
    let waiting: Vec<(String, String)> = namespaces.iter().map(own).collect();
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
            let asked = String::from_utf8_lossy(&asked).into_owned();
            let known = waiting.iter().find(|(line, _)| asked.starts_with(line));
            let items = known.map_or("", |(_, runs)| runs.as_str());
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
    let asked = "asked for open runs in the node's own namespace, and in no other\n".to_owned();
    assert_eq!(check(&dir, &["--against", &url]), (0, asked));
    let (code, _, err) = flowc(&dir, &["retire", "Pay@1", "--against", &url]);
    assert!(code == 1 && err.contains("2 open runs of `shop.Pay` v1 in the node's own"), "{err}");
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

#[test]
fn a_version_is_retired_and_a_build_judged_by_the_runs_of_every_namespace_that_is_named() {
    let dir = released();
    let first = hash(&dir);
    write(&dir, &FIRST.replace("cents)\n", "cents + 1)\n").replace("v1", "v2"));
    let one = run("a", 1, &first);
    let url = node_of(&[("/api", ""), ("/api/ns/team-a", ""), ("/api/ns/team-b", &one)]);
    let both = ["--against", &url, "--namespace", "team-a", "--namespace", "team-b"];
    let retire = |args: &[&str]| flowc(&dir, &[&["retire", "Pay@1"][..], args].concat());
    let (code, _, err) = retire(&both);
    assert!(code == 1 && err.contains("in the namespaces `team-a` and `team-b`"), "{err}");
    let (code, out, err) = retire(&both[..4]);
    assert!(code == 0 && out.contains("retired"), "{err}");
    let said = "no run of it is open in the namespace `team-a`; no other namespace was asked about";
    assert!(err.contains(said), "{err}");
    assert_eq!(check(&dir, &both[..4]).0, 0, "its runs are in a namespace that was not named");
    let (code, out) = check(&dir, &both);
    assert!(code == 1 && out.contains("error[F0906]: 1 run of `Pay` v1"), "{out}");
    assert!(out.contains("asked for open runs in the namespaces `team-a` and `team-b`"), "{out}");
    let twice = format!("{url}/api/ns/team-a");
    let (code, _, err) = flowc(&dir, &["check", "flows", "--against", &twice, "--namespace", "x"]);
    assert!(code == 2 && err.contains("names a namespace already"), "{err}");
}

#[test]
fn of_one_file_only_the_runs_of_what_it_declares_are_asked_for() {
    let dir = released();
    let first = hash(&dir);
    fs::write(dir.path().join("flows/other.flow"), "fn one() -> int = 1\n").expect("writable");
    fs::remove_file(dir.path().join(FILE)).expect("it is there");
    write(&dir, &FIRST.replace("cents)\n", "cents + 1)\n").replace("v1", "v2"));
    let url = node(&run("a", 1, &first));
    let at = |path: &str| {
        let (code, out, _) = flowc(&dir, &["check", "--format", "short", path, "--against", &url]);
        (code, out)
    };
    assert_eq!(at("flows/other.flow"), (0, String::new()));
    for path in ["flows/shop.flow", "flows", "."] {
        let (code, out) = at(path);
        assert!(
            code == 1 && out.starts_with("flows/shop.flow:1:14: error[F0906]"),
            "{path}: {out}"
        );
    }
}

#[test]
fn a_released_workflow_whose_file_is_gone_is_refused_until_it_is_retired_or_brought_back() {
    let dir = released();
    let (source, other) = (dir.path().join("flows/shop.flow"), dir.path().join("flows/other.flow"));
    fs::write(&other, "fn one() -> int = 1\n").expect("writable");
    fs::remove_file(&source).expect("it is there");
    let (code, out) = check(&dir, &[]);
    let said = "flows/other.flow:1:1: error[F0903]: runs of `Pay` v1 would be served by nobody: \
                `shop.flow` is gone\n";
    assert_eq!((code, out.as_str()), (1, said));
    // Brought back with what old runs call, it gives the builder that serves them.
    let (_, services) = FIRST.split_once("service").expect("it has one");
    fs::write(&source, format!("service{services}")).expect("writable");
    assert_eq!(check(&dir, &[]), (0, String::new()));
    fs::write(&source, "").expect("writable");
    let (code, out) = check(&dir, &[]);
    assert!(code == 1 && out.contains("F0903") && out.contains("`Bank.charge`"), "{out}");
    fs::remove_file(&source).expect("it is there");
    let (code, _, err) = flowc(&dir, &["retire", "Pay@1", "--force"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(check(&dir, &[]), (0, String::new()));
}

#[test]
fn what_old_runs_call_in_a_file_that_is_gone_is_missed() {
    let dir = program("");
    let (flow, services) = FIRST.split_once("service").expect("it has one");
    let used = format!("use bank {{ Bank }}\n{flow}");
    write(&dir, &used);
    let bank = dir.path().join("flows/bank.flow");
    fs::write(&bank, format!("service{services}")).expect("writable");
    assert_eq!(flowc(&dir, &["release"]).0, 0);
    fs::remove_file(&bank).expect("it is there");
    write(
        &dir,
        "workflow Pay v2 (id: text) -> text idempotent by id deadline 1h {\n  return id\n}\n",
    );
    let (code, out) = check(&dir, &[]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("F0903]: runs of `Pay` v1"), "{out}");
    for action in ["charge", "refund"] {
        assert!(out.contains(&format!("`Bank.{action}`")), "{out}");
    }
}

#[test]
fn every_file_that_cannot_be_used_is_told_and_so_is_a_folder() {
    let dir = released();
    let path = dir.path().join(FILE);
    fs::write(&path, "{").expect("writable");
    let second = FILE.replace("@1", "@2");
    fs::write(dir.path().join(&second), "{}").expect("writable");
    let (code, out) = check(&dir, &[]);
    assert_eq!((code, out.lines().count()), (1, 2), "{out}");
    assert!(out.contains(FILE) && out.contains(&second), "{out}");
    let folder = dir.path().join("flows/released");
    fs::remove_dir_all(&folder).expect("it is there");
    fs::write(&folder, "no folder").expect("writable");
    let (code, out) = check(&dir, &[]);
    let said = "error[F0901]: `flows/released` cannot be used: it cannot be read: ";
    assert!(code == 1 && out.contains(said), "{out}");
}

#[test]
fn a_root_in_which_nothing_is_left_but_a_released_version_is_refused_until_that_is_retired() {
    let dir = released();
    fs::remove_file(dir.path().join("flows/shop.flow")).expect("it is there");
    for path in ["flows", "."] {
        let (code, out, _) = flowc(&dir, &["check", "--format", "short", path]);
        let said = format!(
            "{FILE}:1:1: error[F0903]: runs of `Pay` v1 would be served by nobody: `shop.flow` is gone\n"
        );
        assert_eq!((code, out), (1, said), "{path}");
    }
    let (code, out, err) = flowc(&dir, &["check", "flows"]);
    assert!(code == 1 && out.contains("would be served by nobody"), "{out}{err}");
    let (code, _, err) = flowc(&dir, &["retire", "Pay@1", "--force"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let (code, _, err) = flowc(&dir, &["check", "flows"]);
    assert!(code == 2 && err.contains("no `.flow` file"), "{err}");
}

#[test]
fn what_old_runs_call_in_the_standard_library_is_there_though_nobody_uses_it_any_more() {
    let first = "use std.notify { Chat, Notice }\n\
        workflow Pay v1 (id: text) -> text idempotent by id deadline 1h {\n  \
        step Chat.post(id, \"sales\", Notice(title: id, body: id, link: none)) else skip\n  return id\n}\n";
    let dir = program(first);
    let (code, _, err) = flowc(&dir, &["release"]);
    assert_eq!(code, 0, "{err}");
    let second =
        "workflow Pay v2 (id: text) -> text idempotent by id deadline 1h {\n  return id\n}\n";
    write(&dir, second);
    assert_eq!(check(&dir, &[]), (0, String::new()));
}

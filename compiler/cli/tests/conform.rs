//! `flowc conform` against a service on this machine.

#![cfg(feature = "conform")]

mod common;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Json, Router};
use common::flowc;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

const CONTRACT: &str = "module notes\n
service Notes {
  write keep(id: uuid) -> text
    idempotent by id
    compensate none because \"a note harms nobody\"
    within 60s
}
";

/// What the service has seen, and whether it remembers keys.
#[derive(Default)]
struct Seen {
    forgets: bool,
    notes: HashMap<String, String>,
    tokens: Vec<String>,
}

#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Seen>>);

impl Notes {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().expect("no test panics while it looks")
    }

    /// Serves it from a thread of its own; its URL.
    fn open(&self) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}/notes", listener.local_addr().expect("it has an address"));
        let router = Router::new().route("/notes/keep", post(keep)).with_state(self.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a thread can serve").block_on(async move {
                listener.set_nonblocking(true).expect("it can be polled");
                let listener = tokio::net::TcpListener::from_std(listener).expect("it is a socket");
                axum::serve(listener, router).await.expect("it serves");
            });
        });
        url
    }
}

async fn keep(State(notes): State<Notes>, headers: HeaderMap) -> Json<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut seen = notes.seen();
    seen.tokens.push(text("authorization").to_owned());
    let next = format!("note-{}", seen.tokens.len());
    match seen.forgets {
        true => Json(next),
        false => Json(seen.notes.entry(text("idempotency-key").to_owned()).or_insert(next).clone()),
    }
}

fn contract() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let path = folder.path().join("notes.flow");
    std::fs::write(&path, CONTRACT).expect("a file can be written");
    let path = path.display().to_string();
    (folder, path)
}

#[test]
fn a_service_that_keeps_its_contract_is_told_so_and_one_that_does_not_is_shown_where() {
    let (_folder, path) = contract();
    let notes = Notes::default();
    let bind = format!("Notes={}", notes.open());
    let (code, out, err) = flowc(&["conform", &path, "--bind", &bind]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("3 kept, 0 broken, 0 not tried"), "{out}");
    assert!(err.contains("warning: Notes is called for real"), "{err}");
    notes.seen().forgets = true;
    let (code, out, err) = flowc(&["conform", &path, "--bind", &bind, "--seed", "1"]);
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("a retry after a lost answer would do it twice"), "{out}");
    let (code, out, _) = flowc(&["conform", &path, "--bind", &bind, "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&out).expect("it writes JSON");
    assert_eq!((code, &json["broken"]), (1, &1.into()), "{out}");
}

#[test]
fn a_service_elsewhere_is_not_called_without_leave() {
    let (_folder, path) = contract();
    let bind = "Notes=http://notes.invalid/notes";
    let (code, out, err) = flowc(&["conform", &path, "--bind", bind]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(err.contains("--yes"), "{err}");
    // With leave it is called, and not found.
    let (code, out, err) = flowc(&["conform", &path, "--bind", bind, "--yes"]);
    assert_eq!(code, 2, "{out}{err}");
    assert!(out.contains("could not connect"), "{out}");
}

#[test]
fn a_token_is_sent_and_never_printed() {
    let (folder, path) = contract();
    let token = folder.path().join("token");
    std::fs::write(&token, "hunter2\n").expect("a file can be written");
    let notes = Notes::default();
    let url = notes.open().replace("http://", "http://user:hunter3@");
    let bind = format!("Notes={url}");
    let token = token.display().to_string();
    let (code, out, err) = flowc(&["conform", &path, "--bind", &bind, "--token-file", &token]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(notes.seen().tokens.iter().all(|token| token == "Bearer hunter2"));
    assert!(!format!("{out}{err}").contains("hunter"), "{out}{err}");
}

#[test]
fn what_cannot_be_tried_is_said_before_anything_is_called() {
    let (folder, path) = contract();
    let notes = Notes::default();
    let bind = format!("Notes={}", notes.open());
    let given = folder.path().join("given.json");
    std::fs::write(&given, "{\"Notes.keep\": {\"arguments\": []}}").expect("it can be written");
    let given = given.display().to_string();
    for (more, cause) in [
        (&["--bind", "Letters=http://127.0.0.1:9"][..], "no service `Letters`"),
        (&["--action", "Notes.keeps"][..], "`Notes.keeps`"),
        (&["--given", &given][..], "arguments"),
        (&["--timeout", "soon"][..], "write a time"),
        (&["--bind", "Notes"][..], "SERVICE=URL"),
    ] {
        let all = [&["conform", &path, "--bind", &bind][..], more].concat();
        let (code, out, err) = flowc(&all);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains(cause), "{err}");
    }
    assert!(notes.seen().tokens.is_empty());
}

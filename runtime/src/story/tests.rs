//! What people read.

use super::Story;
use sagaflow_core::codegen::{ErrorSpec, Json, Schema, Ty};
use sagaflow_core::journal::Happened as H;
use sagaflow_core::port::RunRow;
use sagaflow_core::service::Purpose;
use sagaflow_core::time::Time;
use sagaflow_engine::view::{Entry, View};

fn sent(path: &str, action: &str) -> H {
    H::Sent {
        path: path.to_owned(),
        action: action.to_owned(),
        purpose: Purpose::Do,
        key: String::new(),
        attempt: 1,
        generation: 0,
        args: Json::Null,
    }
}

fn done(path: &str, action: &str, purpose: Purpose) -> H {
    let (path, action) = (path.to_owned(), action.to_owned());
    H::Done { path, action, purpose, attempt: 1, result: Json::Null }
}

fn told(records: Vec<(i64, Vec<H>)>) -> String {
    let mut story = Story::new(false);
    let entries = records.into_iter().enumerate().map(|(index, (at, happened))| Entry {
        number: index as u64 + 1,
        at: Time(1_000_000 + at),
        happened,
    });
    entries.map(|entry| story.tell(&entry)).collect()
}

#[test]
fn a_failed_run_reads_from_start_to_undo() {
    let text = told(vec![
        (
            0,
            vec![
                H::Started {
                    workflow: "shop.orders.FulfilOrder".to_owned(),
                    version: 1,
                    key: Some("\"42\"".to_owned()),
                },
                sent("Inventory.reserve", "shop.orders.Inventory.reserve"),
            ],
        ),
        (
            120,
            vec![
                done("Inventory.reserve", "shop.orders.Inventory.reserve", Purpose::Do),
                sent("hold", "shop.orders.Payments.authorize"),
            ],
        ),
        (
            1_350,
            vec![
                H::Failed {
                    path: "hold".to_owned(),
                    action: "shop.orders.Payments.authorize".to_owned(),
                    purpose: Purpose::Do,
                    attempt: 1,
                    error: "Declined".to_owned(),
                    reason: String::new(),
                    payload: serde_json::json!({ "reason": "no funds" }),
                },
                H::Unwinding { path: "hold".to_owned(), error: "PaymentDeclined".to_owned() },
                H::Undoing { path: "Inventory.reserve".to_owned(), due: false },
            ],
        ),
        (
            1_400,
            vec![
                done("Inventory.reserve/undo", "shop.orders.Inventory.release", Purpose::Undo),
                H::Undone { path: "Inventory.reserve".to_owned() },
            ],
        ),
    ]);
    let expected = "     0.000s  started     FulfilOrder v1, key 42\n\
                    \x20    0.120s  ok          Inventory.reserve  (120 ms)\n\
                    \x20    1.350s  failed      hold = Payments.authorize: Declined(\"no funds\")\n\
                    \x20    1.350s  undoing     hold: because of PaymentDeclined\n\
                    \x20    1.350s  ← undo      Inventory.reserve\n\
                    \x20    1.400s  ← undone    Inventory.reserve  by Inventory.release\n";
    assert_eq!(text, expected, "\n{text}");
}

fn view(status: &str) -> View {
    let row = RunRow {
        run: "01a1fd94-2cf6-7194-9711-860128910d86".parse().unwrap(),
        namespace: "default".to_owned(),
        workflow: "a.W".to_owned(),
        version: 1,
        hash: String::new(),
        key: None,
        status: status.to_owned(),
        flags: Vec::new(),
        started_at: Time(1_000_000),
        ended_at: Some(Time(1_003_000)),
        expires_at: None,
        due_at: None,
        upto: 1,
        snapshot: None,
    };
    View { row, state: None }
}

#[test]
fn what_was_given_up_is_not_said_to_be_undone() {
    let mut story = Story::new(false);
    assert_eq!(story.end(&view("cancelled"), None), "cancelled; everything was undone after 3 s\n");
    let (path, actor, reason) = ("hold".to_owned(), "ada".to_owned(), "refunded".to_owned());
    let happened = vec![H::GaveUp { path, actor, reason }];
    story.tell(&Entry { number: 1, at: Time(0), happened });
    let end = story.end(&view("cancelled"), None);
    assert_eq!(end, "cancelled after 3 s; given up and not undone: hold\n");
    let end = story.end(&view("completed"), None);
    assert_eq!(end, "completed after 3 s; given up and not undone: hold\n", "a unit of it unwound");
}

#[test]
fn control_characters_never_reach_the_terminal() {
    let text =
        told(vec![(0, vec![H::Review { text: "a\x1b[2Jb\nc".to_owned(), item: String::new() }])]);
    assert_eq!(text.matches('\n').count(), 1);
    assert!(!text.contains('\x1b'), "{text:?}");
}

#[test]
fn colour_is_only_there_when_wanted() {
    let entry = Entry { number: 1, at: Time(0), happened: vec![H::Replied] };
    assert!(!Story::new(false).tell(&entry).contains('\x1b'));
    assert!(Story::new(true).tell(&entry).contains("\x1b[32m"));
}

#[test]
fn the_payload_of_an_error_is_masked() {
    let spec = ErrorSpec {
        name: "Declined".to_owned(),
        fields: vec![
            ("reason".to_owned(), Ty::Text),
            ("card".to_owned(), Ty::Pii(Box::new(Ty::Text))),
        ],
        transient: false,
    };
    let workflow = serde_json::json!({
        "name": "a.W", "version": 1, "hash": "", "params": [], "result": null,
        "fails": [spec], "deadline_ms": null, "retain_ms": 0, "keyed": false, "concurrency": [],
        "key_for_ms": null,
        "triggers": [], "points": {}, "aftermath": false, "tasks": {}, "events": {},
        "services": {}, "schema": Schema::default(),
    });
    let workflow = serde_json::from_value(workflow).unwrap();
    let payload = serde_json::json!({ "reason": "no funds", "card": "4111" });
    let shown = super::masked_error(Some(&workflow), "Declined", &payload);
    assert_eq!(shown, "(reason: \"no funds\", card: \"…\")");
    assert_eq!(
        super::masked_error(Some(&workflow), "Other", &payload),
        "",
        "unknown: nothing is shown"
    );
}

//! What an editor must never have to fear: broken frames, broken texts, strange letters, a server
//! that stays.

use super::client::{Editor, apply, at, find, flows, uri};
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};

#[test]
fn positions_count_utf16_unless_utf8_was_offered() {
    let (_dir, flows) = flows();
    let path = flows.join("letters.flow");
    let text = "fn hello(name: text, other: text) -> text =\n  \"grüß 𝄞𝄞 {name} ✓ {other}\"\n";
    for encodings in [json!(["utf-8", "utf-16"]), json!(["utf-16"]), Value::Null] {
        let capabilities = json!({ "general": { "positionEncodings": encodings } });
        let mut editor = Editor::new(capabilities, Some(&flows));
        let chosen = editor.answered["capabilities"]["positionEncoding"].clone();
        let utf8 = encodings[0] == "utf-8";
        assert_eq!(chosen, if utf8 { "utf-8" } else { "utf-16" });
        editor.open(&path, text);
        let (line, mut column) = find(text, "other}", 0);
        if utf8 {
            let start = text.lines().nth(line as usize).expect("a line");
            column = start.find("other}").expect("there") as u32;
        }
        let found = editor.at("textDocument/definition", &path, (line, column + 2));
        let (to_line, to_column) = find(text, "other: text", 0);
        let start = json!({ "line": to_line, "character": to_column });
        assert_eq!(found[0]["range"]["start"], start, "{chosen}: {found}");
        // A change behind letters that are wide.
        let place = |character: u32| json!({ "line": line, "character": character });
        let range = json!({ "start": place(column), "end": place(column + 5) });
        editor.change(&path, 2, json!([{ "range": range, "text": "missing" }]));
        let found = editor.told(&path, 2);
        let unknown = found.iter().find(|f| f["code"] == "F0101").expect("nobody declares it");
        assert_eq!(unknown["range"]["start"], place(column), "{unknown}");
        assert_eq!(unknown["range"]["end"], place(column + 7), "{unknown}");
        assert!(editor.end().success());
    }
}

#[test]
fn a_name_behind_wide_letters_is_renamed_where_it_stands() {
    let (_dir, flows) = flows();
    let path = flows.join("letters.flow");
    let text = "fn hello(name: text) -> text = \"grüß 𝄞 {name} ✓ {name}\"\n";
    fs::write(&path, text).expect("writable");
    let mut editor = Editor::new(json!({}), Some(&flows));
    let mut params = at(&path, find(text, "name}", 1));
    params["newName"] = json!("who");
    let answer = editor.ask("textDocument/rename", params).expect("ours");
    assert_eq!(apply(&answer["changes"]), 3);
    let after = fs::read_to_string(&path).expect("readable");
    assert_eq!(after, text.replace("name", "who"));
}

#[test]
fn malformed_frames_and_requests_are_answered_and_the_server_goes_on() {
    let (_dir, flows) = flows();
    let mut editor = Editor::silent();
    let early = editor.ask("textDocument/hover", json!({})).expect_err("nothing before initialize");
    assert_eq!(early["code"], -32002);
    editor.ask("initialize", json!({ "capabilities": 7, "rootUri": 3 })).expect("it copes");
    assert!(editor.ask("initialize", json!({})).is_err(), "once is enough");

    editor.raw(b"Content-Length: 9\r\n\r\nnot json!");
    let told = editor.next();
    assert_eq!((&told["id"], &told["error"]["code"]), (&Value::Null, &json!(-32700)), "{told}");
    editor.raw(b"Content-Length: 2\r\n\r\n[]");
    assert_eq!(editor.next()["error"]["code"], -32700);
    editor.raw(b"Content-Length: nine\r\n\r\n");
    assert_eq!(editor.next()["error"]["code"], -32700);
    editor.raw(b"hello\r\n");
    assert_eq!(editor.next()["error"]["code"], -32700);
    editor.raw(b"Content-Length: 4\r\n\r\n\xff\xfe\xfd\xfc");
    assert_eq!(editor.next()["error"]["code"], -32700);

    assert_eq!(editor.ask("no/such", json!({})).expect_err("unknown")["code"], -32601);
    let path = flows.join("shop/orders.flow");
    for method in [
        "textDocument/hover",
        "textDocument/completion",
        "textDocument/rename",
        "textDocument/semanticTokens/full",
        "textDocument/codeAction",
        "sagaflow/graph",
    ] {
        for params in [Value::Null, json!([]), json!({ "textDocument": { "uri": 7 } })] {
            let refused = editor.ask(method, params).expect_err(method);
            assert_eq!(refused["code"], -32602, "{method}");
        }
        let other = json!({ "textDocument": { "uri": "untitled:1" } });
        assert!(editor.ask(method, other).is_err());
    }
    for (method, params) in [
        ("textDocument/didOpen", json!(null)),
        ("textDocument/didOpen", json!({ "textDocument": { "uri": uri(&path) } })),
        ("textDocument/didChange", json!({ "textDocument": { "uri": uri(&path) } })),
        ("textDocument/didChange", json!({ "textDocument": { "uri": "file:///none.flow" } })),
        ("textDocument/didClose", json!({ "textDocument": { "uri": "file:///none.flow" } })),
        ("$/cancelRequest", json!({ "id": 1 })),
        ("no/such", json!({})),
    ] {
        editor.note(method, params);
    }
    let far = at(&path, (4_000_000_000, 4_000_000_000));
    assert!(editor.ask("textDocument/hover", far).is_ok());
    let nowhere = at(&flows.join("none.flow"), (0, 0));
    assert_eq!(editor.ask("textDocument/hover", nowhere), Ok(Value::Null));
    assert!(editor.end().success());
}

#[test]
fn the_server_ends_with_its_editor() {
    assert!(Editor::new(json!({}), None).end().success());
    let gone = Editor::new(json!({}), None).hang_up();
    assert_eq!(gone.code(), Some(1), "nobody said goodbye");
    let mut editor = Editor::new(json!({}), None);
    editor.ask("shutdown", Value::Null).expect("it shuts down");
    assert!(editor.ask("workspace/symbol", json!({ "query": "" })).is_err(), "it was shut down");
}

#[test]
fn every_text_on_the_way_to_a_program_is_answered() {
    let (_dir, flows) = flows();
    let path = flows.join("shop/orders.flow");
    let text = fs::read_to_string(&path).expect("readable");
    let mut editor = Editor::new(json!({}), Some(&flows));
    editor.open(&path, "");
    let cuts: Vec<usize> = (0..text.len()).filter(|at| text.is_char_boundary(*at)).collect();
    for (n, cut) in cuts.iter().step_by(211).enumerate() {
        let typed = &text[..*cut];
        editor.change(&path, n as i64 + 2, json!([{ "text": typed }]));
        let line = typed.matches('\n').count() as u32;
        let column = typed.rsplit('\n').next().map_or(0, |l| l.encode_utf16().count()) as u32;
        for method in [
            "textDocument/completion",
            "textDocument/hover",
            "textDocument/definition",
            "textDocument/documentSymbol",
            "textDocument/semanticTokens/full",
        ] {
            let answer = editor.ask(method, at(&path, (line, column)));
            assert!(answer.is_ok(), "{method} after {cut} bytes: {answer:?}");
        }
    }
    // Half a program is known by what can be read of it.
    let at_body = text.find("  pivot charged").expect("there");
    let typed = format!("{}  step x = Shipping.", &text[..at_body]);
    editor.change(&path, 9_000, json!([{ "text": typed }]));
    let (line, column) = find(&typed, "  step x = Shipping.", 0);
    let found = editor.at("textDocument/completion", &path, (line, column + 20));
    let names: Vec<&str> =
        found.as_array().expect("a list").iter().filter_map(|i| i["label"].as_str()).collect();
    assert_eq!(names, ["book", "cancel", "dispatch"]);
    assert!(editor.end().success());
}

#[test]
fn an_edited_text_is_answered_before_the_typist_notices() {
    let (_dir, flows) = flows();
    let path = flows.join("shop/orders.flow");
    let text = fs::read_to_string(&path).expect("readable");
    let mut editor = Editor::new(json!({}), Some(&flows));
    editor.open(&path, &text);
    editor.told(&path, 1);
    let mut times: Vec<Duration> = (0..40)
        .map(|n| {
            let edited = format!("{text}// {n}\n");
            editor.change(&path, n + 2, json!([{ "text": edited }]));
            let began = Instant::now();
            editor.at("textDocument/hover", &path, (0, 0));
            began.elapsed()
        })
        .collect();
    times.sort();
    let (middle, last) = (times[times.len() / 2], times[times.len() - 1]);
    println!("an edit is answered in {middle:?}, at worst {last:?}");
    // What is promised holds for a release build on a machine of its own; this holds anywhere.
    assert!(middle < Duration::from_secs(2), "{middle:?}");
}

#[test]
fn a_file_without_a_source_root_is_a_program_with_what_it_uses() {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let folder = fs::canonicalize(dir.path()).expect("there");
    fs::write(folder.join("b.flow"), "record B { id: uuid }\n").expect("writable");
    fs::write(folder.join("c.flow"), "record (\n").expect("writable");
    let path = folder.join("a.flow");
    let mut editor = Editor::new(json!({}), None);
    // It is not on the disk yet.
    let text = "use b { B }\n\nfn id(b: B) -> uuid = b.id\n";
    editor.open(&path, text);
    assert_eq!(editor.told(&path, 1), Vec::<Value>::new(), "what it uses is found");
    let found = editor.at("textDocument/definition", &path, find(text, "id\n", 0));
    assert_eq!(found[0]["uri"], uri(&folder.join("b.flow")), "{found}");
    assert_eq!(editor.findings.len(), 1, "its neighbour is another program");
    assert!(editor.end().success());
}

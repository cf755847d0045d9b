//! `flowc lsp` as an editor meets it: a real process, JSON over its streams.

mod client;
mod hard;

use client::{Editor, apply, at, byte, find, flows, uri};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("readable")
}

/// The flows of the repository, with the order process open.
fn orders() -> (tempfile::TempDir, Editor, std::path::PathBuf, String) {
    let (dir, flows) = flows();
    let path = flows.join("shop/orders.flow");
    let text = read(&path);
    let mut editor = Editor::new(json!({}), Some(&flows));
    editor.open(&path, &text);
    (dir, editor, path, text)
}

fn labels(answer: &Value) -> BTreeSet<String> {
    let items = answer.as_array().expect("a list").iter();
    items.map(|item| item["label"].as_str().expect("a text").to_owned()).collect()
}

/// The words at the locations of an answer, with their file names.
fn words(answer: &Value) -> Vec<(String, String)> {
    let all = answer.as_array().expect("a list").iter();
    all.map(|location| {
        let path = location["uri"].as_str().and_then(|uri| uri.strip_prefix("file://"));
        let path = path.expect("a file");
        let text = read(Path::new(path));
        let place = |which: &str| {
            let at = &location["range"][which];
            byte(&text, at["line"].as_u64(), at["character"].as_u64())
        };
        let file = path.rsplit('/').next().expect("a name").to_owned();
        (file, text[place("start")..place("end")].to_owned())
    })
    .collect()
}

#[test]
fn findings_come_while_typing_and_go_when_mended() {
    let (_dir, mut editor, path, text) = orders();
    assert_eq!(editor.told(&path, 1), Vec::<Value>::new(), "the order process is clean");
    let (line, column) = find(&text, "Payments.authorize(order.id", 0);
    let place = |column| json!({ "line": line, "character": column });
    // One letter more, one letter less, as parts.
    let insert =
        json!([{ "range": { "start": place(column), "end": place(column) }, "text": "X" }]);
    editor.change(&path, 2, insert);
    let found = editor.told(&path, 2);
    let unknown = found.iter().find(|f| f["code"] == "F0101").expect("an unknown service");
    assert_eq!(unknown["range"]["start"], place(column));
    assert_eq!(unknown["severity"], 1);
    assert!(unknown["message"].as_str().is_some_and(|m| m.contains("XPayments")), "{unknown}");
    let remove =
        json!([{ "range": { "start": place(column), "end": place(column + 1) }, "text": "" }]);
    editor.change(&path, 3, remove);
    assert_eq!(editor.told(&path, 3), Vec::<Value>::new());
    // All of it at once; and a change of an old version is none.
    editor.change(&path, 4, json!([{ "text": "workflow (" }]));
    assert!(!editor.told(&path, 4).is_empty());
    editor.change(&path, 3, json!([{ "text": text }]));
    editor.note("textDocument/didSave", json!({ "textDocument": { "uri": uri(&path) } }));
    let answer = editor.ask("textDocument/formatting", at(&path, (0, 0))).expect("answered");
    assert_eq!(answer, Value::Null, "what is open does not read, whatever came late");
    assert!(editor.end().success());
}

#[test]
fn what_an_open_text_breaks_in_another_file_is_told_of_that_file() {
    let (_dir, flows) = flows();
    let types = flows.join("shop/types.flow");
    let mut editor = Editor::new(json!({}), Some(&flows));
    let text = read(&types);
    editor.open(&types, &text.replace("CustomerId", "ClientId"));
    assert_eq!(editor.told(&types, 1), Vec::<Value>::new());
    // The order process was never open, and what it imports is on the disk.
    let orders = uri(&flows.join("shop/orders.flow"));
    editor.tells_of(&orders);
    let told = &editor.findings[&orders]["diagnostics"][0];
    assert!(told["message"].as_str().is_some_and(|m| m.contains("CustomerId")), "{told}");
    editor.change(&types, 2, json!([{ "text": text }]));
    editor.told(&types, 2);
    assert_eq!(editor.findings[&orders]["diagnostics"], json!([]), "it is taken back");
}

#[test]
fn a_finding_with_a_path_shows_its_steps_beside_it() {
    let (_dir, mut editor, path, text) = orders();
    let broken = text.replace("    compensate void(order)\n", "");
    editor.change(&path, 2, json!([{ "text": broken }]));
    let found = editor.told(&path, 2);
    let dirty = found.iter().find(|f| f["code"] == "F0201").expect("a write without undo");
    let steps = dirty["relatedInformation"].as_array().expect("a list");
    assert!(steps.len() >= 2, "{dirty}");
    assert!(steps[0]["message"].as_str().is_some_and(|m| m.starts_with("1. ")), "{dirty}");
    assert_eq!(steps[0]["location"]["uri"], uri(&path));
}

#[test]
fn completion_knows_what_may_stand_where() {
    let (_dir, mut editor, path, text) = orders();
    let cases = [
        // In the text, what is put there, what is offered, what is not.
        ("  if risk > 80%", "step x = ", vec!["Payments", "Inventory", "run"], vec!["order"]),
        ("  if risk > 80%", "step x = Payments.", vec!["authorize", "capture"], vec!["Payments"]),
        ("  if risk > 80%", "x = order.", vec!["items", "total", "email"], vec!["Payments"]),
        ("  if risk > 80%", "x = order.address.", vec!["street", "country"], vec!["items"]),
        ("  if risk > 80%", "x = order.items.", vec!["first", "sum"], vec!["sku"]),
        ("  if risk > 80%", "x = order.items.first()?.", vec!["sku", "price"], vec!["first"]),
        ("  if risk > 80%", "x = order.items[0].qu", vec!["quantity"], vec!["first"]),
        ("  if risk > 80%", "x = ord", vec!["order", "risk", "now"], vec!["hold"]),
        ("  if risk > 80%", "st", vec!["step", "await", "retry"], vec!["service"]),
        ("  if risk > 80%", "emit ", vec!["OrderShipped"], vec!["Payments"]),
        ("  if risk > 80%", "await x = ", vec!["ReviewOrder", "event"], vec!["Payments"]),
        ("    on NoCarrier", "on ", vec!["NoCarrier", "unknown", "refused"], vec!["Declined"]),
        ("    on NoCarrier", "retry ", vec!["quick", "polite", "forever"], vec!["order"]),
        ("    on NoCarrier", "on refused => fail ", vec!["Unshippable"], vec!["order"]),
        ("service Fraud", "re", vec!["record", "service", "workflow"], vec!["step"]),
        ("service Fraud", "record X { a: ", vec!["text", "Sku", "Address"], vec!["order"]),
        ("use shop.types", "use shop.", vec!["types", "checkout"], vec!["shop.types"]),
        ("use shop.types", "use shop.types { ", vec!["Country", "Address"], vec!["Sku"]),
        ("use shop.types", "use std.", vec!["time", "money"], vec!["std.time"]),
        ("use shop.types", "use std.time { ", vec!["Calendar", "easter"], vec!["Address"]),
        ("    fails Declined", "compensate ", vec!["void", "capture"], vec!["order"]),
    ];
    for (n, (before, put, offered, not)) in cases.into_iter().enumerate() {
        let at = text.find(before).expect("the text has it");
        let edited = format!("{}{put}\n{}", &text[..at], &text[at..]);
        editor.change(&path, n as i64 + 2, json!([{ "text": edited }]));
        let (line, column) = find(&text, before, 0);
        assert_eq!(column, 0, "the cases put whole lines");
        let place = (line, put.len() as u32);
        let found = labels(&editor.at("textDocument/completion", &path, place));
        for label in offered {
            assert!(found.contains(label), "`{put}` should offer `{label}`: {found:?}");
        }
        for label in not {
            assert!(!found.contains(label), "`{put}` should not offer `{label}`");
        }
    }
    // Nothing inside comments and texts.
    for put in ["// st", "x = \"st"] {
        let at = text.find("  if risk").expect("there");
        let edited = format!("{}{put}\n{}", &text[..at], &text[at..]);
        editor.change(&path, 90 + put.len() as i64, json!([{ "text": edited }]));
        let (line, _) = find(&text, "  if risk", 0);
        let found = editor.at("textDocument/completion", &path, (line, put.len() as u32));
        assert_eq!(found, json!([]), "`{put}`");
    }
}

#[test]
fn completion_inside_a_text_completes_its_expressions() {
    let (_dir, mut editor, path, text) = orders();
    let (line, column) = find(&text, "order.id} looks risky", 0);
    let found = labels(&editor.at("textDocument/completion", &path, (line, column + 6)));
    assert!(found.contains("customer") && found.contains("id"), "{found:?}");
}

#[test]
fn hover_tells_types_contracts_and_worst_case_times() {
    let (_dir, mut editor, path, text) = orders();
    let mut hover = |piece: &str, n: usize, skip: u32| {
        let (line, column) = find(&text, piece, n);
        let told = editor.at("textDocument/hover", &path, (line, column + skip));
        told["contents"]["value"].as_str().unwrap_or_default().to_owned()
    };
    let action = hover("Payments.authorize(order.id", 0, 10);
    assert!(action.contains("fails Declined(reason: text)"), "{action}");
    assert!(action.contains("compensate void(order)"), "{action}");
    assert!(action.contains("shop.orders.Payments"), "{action}");
    assert!(action.contains("At worst: **") && action.contains("3 attempts of 3s"), "{action}");
    let local = hover("hold.id", 0, 1);
    assert!(local.contains("hold: Hold") && local.contains("result of a step"), "{local}");
    let field = hover("hold.id", 0, 5);
    assert!(field.contains("id: text"), "{field}");
    let workflow = hover("FulfilOrder", 0, 2);
    assert!(workflow.contains("deadline 6h") && workflow.contains("At worst: **"), "{workflow}");
    let keyword = hover("pivot charged", 0, 2);
    assert!(keyword.contains("attempts without end"), "{keyword}");
    let error = hover("fail Unshippable", 0, 7);
    assert!(error.contains("declared by `FulfilOrder`"), "{error}");
    let record = hover("list<Item>", 0, 6);
    assert!(record.contains("record Item"), "{record}");
    assert_eq!(hover("// Independent", 0, 5), "", "a comment means nothing");
}

#[test]
fn definition_and_references_cross_files() {
    let (_dir, mut editor, path, text) = orders();
    let (line, column) = find(&text, "to: pii Address", 0);
    let found = editor.at("textDocument/definition", &path, (line, column + 9));
    assert_eq!(words(&found), [("types.flow".to_owned(), "Address".to_owned())]);
    let (line, column) = find(&text, "address)", 0);
    let field = editor.at("textDocument/definition", &path, (line, column));
    assert_eq!(words(&field), [("orders.flow".to_owned(), "address".to_owned())]);
    let (line, column) = find(&text, "use shop.types", 0);
    let module = editor.at("textDocument/definition", &path, (line, column + 5));
    assert!(module["uri"].as_str().is_some_and(|uri| uri.ends_with("shop/types.flow")), "{module}");

    let (line, column) = find(&text, "Address, CustomerId", 0);
    let mut params = at(&path, (line, column));
    params["context"] = json!({ "includeDeclaration": false });
    let uses = words(&editor.ask("textDocument/references", params.clone()).expect("answered"));
    assert!(uses.iter().all(|(_, word)| word == "Address"), "{uses:?}");
    let files: BTreeSet<&str> = uses.iter().map(|(file, _)| file.as_str()).collect();
    assert_eq!(files, BTreeSet::from(["orders.flow"]), "it is only declared in the other");
    params["context"]["includeDeclaration"] = json!(true);
    let all = words(&editor.ask("textDocument/references", params).expect("answered"));
    assert_eq!(all.len(), uses.len() + 1);
    // An action: its contract, the steps that call it, and the tests that name it.
    let (line, column) = find(&text, "write authorize", 0);
    let calls = editor.at("textDocument/documentHighlight", &path, (line, column + 8));
    assert_eq!(calls.as_array().map(Vec::len), Some(4), "{calls}");
}

#[test]
fn a_name_is_changed_in_every_file_and_the_program_stays_clean() {
    let (dir, mut editor, path, text) = orders();
    let flows = path.parent().and_then(Path::parent).expect("two above").to_owned();
    let renames = [
        ("Address, CustomerId", 0, "Anschrift", 2),
        ("tracking: text, eta", 0, "track_id", 1),
        ("write authorize", 6, "hold_money", 1),
        ("fails Declined", 6, "Rejected", 1),
        ("policy quick", 7, "swift", 1),
        ("step hold =", 5, "held", 1),
        ("event OrderShipped", 6, "OrderSent", 1),
        ("step risk =", 5, "danger", 1),
    ];
    for (n, (piece, skip, new, files)) in renames.into_iter().enumerate() {
        let text = if n == 0 { text.clone() } else { read(&path) };
        if n > 0 {
            editor.change(&path, n as i64 + 1, json!([{ "text": text }]));
        }
        let (line, column) = find(&text, piece, 0);
        let mut params = at(&path, (line, column + skip));
        let prepared = editor.ask("textDocument/prepareRename", params.clone()).expect("ours");
        let (start, end) = (&prepared["range"]["start"], &prepared["range"]["end"]);
        let old = &text[byte(&text, start["line"].as_u64(), start["character"].as_u64())
            ..byte(&text, end["line"].as_u64(), end["character"].as_u64())];
        assert_eq!(prepared["placeholder"], old, "{piece}");
        params["newName"] = json!(new);
        let answer = editor.ask("textDocument/rename", params).expect("it can be renamed");
        let changes = &answer["changes"];
        assert!(changes.as_object().is_some_and(|c| c.len() >= files), "{piece}: {changes}");
        assert!(apply(changes) >= 2, "{piece}: it is used somewhere");
        editor.note("workspace/didChangeWatchedFiles", json!({ "changes": [] }));
    }
    let checked = Command::new(env!("CARGO_BIN_EXE_flowc"))
        .args(["check", "--format", "short", "--deny", "warnings"])
        .arg(&flows)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.status.success(), "{said}");
    let after = read(&path);
    for (old, new) in [("Declined", "Rejected"), ("quick", "swift"), ("OrderShipped", "OrderSent")]
    {
        assert!(after.contains(new), "{new}");
        let word = |text: &str| text.split(|c: char| !c.is_alphanumeric()).any(|w| w == old);
        assert!(!word(&after), "`{old}` is left over");
    }
    drop(dir);
}

#[test]
fn a_name_that_is_not_ours_or_would_break_something_is_refused() {
    let (_dir, mut editor, path, text) = orders();
    let mut refuse = |piece: &str, skip: u32, new: &str| {
        let (line, column) = find(&text, piece, 0);
        let mut params = at(&path, (line, column + skip));
        params["newName"] = json!(new);
        let refused = editor.ask("textDocument/rename", params).expect_err(new);
        refused["message"].as_str().expect("why").to_owned()
    };
    assert!(refuse("use shop.types", 5, "shop.kinds").contains("move the file"));
    assert!(refuse("step hold =", 5, "Held").contains("small letter"));
    assert!(refuse("step hold =", 5, "step").contains("reserved"));
    assert!(refuse("step hold =", 5, "a b").contains("no name"));
    assert!(refuse("step hold =", 5, "parcel").contains("parcel"), "it would shadow another");
    let event = refuse("v1 (order: Order)", 4, "request");
    assert!(event.contains("OrderRequested"), "a trigger fills it by its name: {event}");
    let sample = refuse("items:    list", 0, "goods");
    assert!(sample.contains("order.json"), "the samples are not ours to edit: {sample}");
    assert!(refuse("record Hold", 7, "Item").contains("Item"), "there is one");
    assert!(refuse("// Independent", 4, "x").contains("no name here"));
    let prepared = editor.at("textDocument/prepareRename", &path, find(&text, "// Indep", 0));
    assert_eq!(prepared, Value::Null);
}

#[test]
fn symbols_of_a_text_and_of_the_workspace_are_found() {
    let (_dir, mut editor, path, text) = orders();
    let outline = editor.at("textDocument/documentSymbol", &path, (0, 0));
    let all = outline.as_array().expect("a list");
    let named = |name: &str| all.iter().find(|s| s["name"] == name).expect("it is declared");
    let actions: Vec<&str> = named("Payments")["children"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|action| action["name"].as_str())
        .collect();
    assert_eq!(actions, ["authorize", "void", "capture"]);
    let steps = named("FulfilOrder")["children"].as_array().expect("a list");
    assert!(steps.iter().any(|s| s["name"] == "hold" && s["detail"] == "Payments.authorize"));
    assert!(all.iter().any(|s| s["detail"] == "test"), "tests are symbols too");
    for symbol in all {
        let (outer, inner) = (&symbol["range"], &symbol["selectionRange"]);
        let place = |at: &Value| byte(&text, at["line"].as_u64(), at["character"].as_u64());
        assert!(place(&outer["start"]) <= place(&inner["start"]), "{symbol}");
        assert!(place(&inner["end"]) <= place(&outer["end"]), "{symbol}");
    }
    let found = editor.ask("workspace/symbol", json!({ "query": "fulord" })).expect("answered");
    assert!(labels_of(&found).contains("FulfilOrder"), "{found}");
    let everything = editor.ask("workspace/symbol", json!({ "query": "" })).expect("answered");
    let texts: BTreeSet<&str> = everything
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|symbol| symbol["location"]["uri"].as_str())
        .collect();
    assert!(texts.len() > 10, "the whole workspace, not only what is open: {}", texts.len());
}

fn labels_of(symbols: &Value) -> BTreeSet<&str> {
    symbols.as_array().expect("a list").iter().filter_map(|s| s["name"].as_str()).collect()
}

#[test]
fn every_word_has_its_kind() {
    let (_dir, mut editor, path, text) = orders();
    let legend = &editor.answered["capabilities"]["semanticTokensProvider"]["legend"]["tokenTypes"];
    let kinds: Vec<String> = serde_json::from_value(legend.clone()).expect("a list of texts");
    let answer = editor.at("textDocument/semanticTokens/full", &path, (0, 0));
    let data: Vec<u64> = serde_json::from_value(answer["data"].clone()).expect("numbers");
    let (mut line, mut column) = (0, 0);
    let mut found: Vec<(String, String, bool)> = Vec::new();
    for token in data.chunks(5) {
        column = if token[0] == 0 { column + token[1] } else { token[1] };
        line += token[0];
        let start = byte(&text, Some(line), Some(column));
        let end = byte(&text, Some(line), Some(column + token[2]));
        let kind = kinds[token[3] as usize].clone();
        found.push((text[start..end].to_owned(), kind, token[4] == 1));
    }
    let is = |word: &str, kind: &str| found.iter().any(|(w, k, _)| w == word && k == kind);
    for (word, kind) in [
        ("Payments", "interface"),
        ("authorize", "method"),
        ("Order", "struct"),
        ("Sku", "type"),
        ("FulfilOrder", "class"),
        ("order", "parameter"),
        ("hold", "variable"),
        ("id", "property"),
        ("OrderShipped", "event"),
        ("step", "keyword"),
        ("2s", "number"),
        ("shop.types", "namespace"),
        ("\"order\"", "string"),
        ("Declined", "type"),
    ] {
        let own: Vec<_> = found.iter().filter(|(w, _, _)| w == word).collect();
        assert!(is(word, kind), "`{word}` is no {kind}: {own:?}");
    }
    assert!(found.iter().any(|(w, k, _)| w.starts_with("// Before this line") && k == "comment"));
    assert!(found.iter().any(|(w, _, declares)| w == "hold" && *declares));
    assert!(!is("order", "keyword"), "a name is no keyword");
}

#[test]
fn the_layout_is_one_small_edit_and_a_text_that_does_not_read_is_left_alone() {
    let (_dir, mut editor, path, _) = orders();
    let ask = |editor: &mut Editor| {
        editor.ask("textDocument/formatting", at(&path, (0, 0))).expect("answered")
    };
    let edits = ask(&mut editor);
    apply(&json!({ uri(&path): edits }));
    let text = read(&path);
    editor.change(&path, 2, json!([{ "text": text }]));
    assert_eq!(ask(&mut editor), json!([]), "it is laid out");
    let rough = text.replace("  write void(order: OrderId)\n", "  write   void(order:OrderId)\n");
    assert_ne!(rough, text);
    fs::write(&path, &rough).expect("writable");
    editor.change(&path, 3, json!([{ "text": rough }]));
    let edits = ask(&mut editor);
    let lines =
        edits[0]["range"]["end"]["line"].as_u64().zip(edits[0]["range"]["start"]["line"].as_u64());
    assert_eq!(lines.map(|(end, start)| end - start), Some(1), "{edits}");
    apply(&json!({ uri(&path): edits }));
    assert_eq!(read(&path), text);
    editor.change(&path, 4, json!([{ "text": "workflow (" }]));
    assert_eq!(ask(&mut editor), Value::Null);
}

#[test]
fn what_findings_offer_is_an_action_that_mends() {
    let (_dir, mut editor, path, text) = orders();
    let broken = text
        .replace("Shipping.book(order.id, order.address)", "Shipping.bok(order.id, order.addres)");
    fs::write(&path, &broken).expect("writable");
    editor.change(&path, 2, json!([{ "text": broken }]));
    let (line, column) = find(&broken, "Shipping.bok", 0);
    let place = |column: u32| json!({ "line": line, "character": column });
    let params = json!({
        "textDocument": { "uri": uri(&path) },
        "range": { "start": place(column + 9), "end": place(column + 10) },
        "context": { "diagnostics": [] },
    });
    let offers = editor.ask("textDocument/codeAction", params).expect("answered");
    let offers = offers.as_array().expect("a list");
    let mend = offers.iter().find(|o| o["title"] == "write `book`").expect("the one that is meant");
    assert_eq!(mend["kind"], "quickfix");
    assert_eq!(mend["diagnostics"][0]["code"], "F0101");
    let all = offers.iter().find(|o| o["kind"] == "source.fixAll").expect("all at once");
    apply(&all["edit"]["changes"]);
    assert_eq!(read(&path), text);
}

#[test]
fn a_workflow_is_drawn_for_the_preview() {
    let (_dir, mut editor, path, text) = orders();
    let document = json!({ "uri": uri(&path) });
    let ask = |editor: &mut Editor, more: Value| {
        let mut params = json!({ "textDocument": document });
        params.as_object_mut().expect("made so").extend(more.as_object().expect("made so").clone());
        editor.ask("sagaflow/graph", params)
    };
    let drawn = ask(&mut editor, json!({})).expect("drawn");
    assert_eq!((&drawn["workflow"], &drawn["format"]), (&json!("FulfilOrder"), &json!("svg")));
    assert!(drawn["text"].as_str().is_some_and(|t| t.starts_with("<svg")), "{drawn}");
    let mermaid = ask(&mut editor, json!({ "format": "mermaid", "workflow": "FulfilOrder" }));
    let mermaid = mermaid.expect("drawn");
    assert!(mermaid["text"].as_str().is_some_and(|t| t.contains("authorize")), "{mermaid}");
    assert!(ask(&mut editor, json!({ "workflow": "Nothing" })).is_err());
    assert!(ask(&mut editor, json!({ "format": "png" })).is_err());
    editor.change(&path, 2, json!([{ "text": text.replace("Payments.void", "Payments.x") }]));
    let refused = ask(&mut editor, json!({})).expect_err("it has errors");
    assert!(refused["message"].as_str().is_some_and(|m| m.contains("not drawn")), "{refused}");
}

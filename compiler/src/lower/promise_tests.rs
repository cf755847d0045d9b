//! What a contract promises is said as it stands there: keys, undos and probes with their arguments.

use crate::{analyze, load};
use sagaflow_fir::{Ask, Promise, Source};
use serde_json::json;

fn promise(action: &str) -> Promise {
    let text = "module t\n
record Item { id: text }
record Held { item: Item, until: time }

service S {
  write hold(id: text, item: Item) -> Held
    idempotent by id for 2h
    probe held(id)
    compensate drop(result.item.id, item.id, 3)
    within 1s
  write note(id: text) idempotent by id compensate { step S.drop(id, id, 1) step S.forget(id) } within 1s
  write mark(id: text) idempotent by id compensate drop(\"x{id}\", id, 1) within 1s
  write send(id: text) compensate none because \"a letter harms nobody\" within 1s
  write drop(id: text, item: text, times: int) idempotent by id within 1s
  write forget(id: text) idempotent by id within 1s
  read held(id: text) -> Held? within 1s
}
";
    let loaded = load::load_text("t.flow", "t", text);
    let analysis = analyze(&loaded);
    let told: Vec<_> = analysis.diagnostics.iter().map(|found| &found.headline).collect();
    let fir = analysis.lower(&loaded.sources).unwrap_or_else(|| panic!("{told:#?}"));
    fir.promises["t.S"][action].clone()
}

fn ask(action: &str, args: Vec<(&str, Source)>) -> Option<Ask> {
    let args = args.into_iter().map(|(name, source)| (name.to_owned(), source)).collect();
    Some(Ask { service: "t.S".to_owned(), action: action.to_owned(), args })
}

fn fields(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn an_undo_takes_its_arguments_from_the_call_its_result_and_what_is_written_out() {
    let hold = promise("hold");
    let args = vec![
        ("id", Source::Result(fields(&["item", "id"]))),
        ("item", Source::Argument("item".to_owned(), fields(&["id"]))),
        ("times", Source::Value(json!(3))),
    ];
    assert_eq!(hold.undo, ask("drop", args));
    assert_eq!(hold.probe, ask("held", vec![("id", Source::Argument("id".to_owned(), vec![]))]));
    assert_eq!((hold.key_for_ms, hold.undo_beyond), (Some(2 * 60 * 60 * 1000), false));
}

#[test]
fn an_undo_of_several_calls_and_one_that_computes_are_said_to_be_beyond() {
    for action in ["note", "mark"] {
        let promise = promise(action);
        assert_eq!((promise.undo, promise.undo_beyond), (None, true), "{action}");
    }
    assert_eq!(promise("send"), Promise::default());
}

//! `flowc doc` as whoever runs a process meets it.

mod common;

use common::flowc;

#[test]
fn the_order_process_has_a_page_that_tells_its_story() {
    let (code, out, err) = flowc(&["doc", "flows/shop/orders.flow"]);
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!(out);
}

#[test]
fn a_payment_with_locks_transactions_and_people_has_one_too() {
    let (code, out, err) = flowc(&["doc", "flows/finance/invoices.flow"]);
    assert_eq!((code, err.as_str()), (0, ""));
    insta::assert_snapshot!(out);
}

#[test]
fn every_workflow_gets_a_file_of_its_own() {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let out = dir.path().join("pages");
    let folder = out.to_str().expect("a path");
    let (code, said, err) = flowc(&["doc", "flows", "--out", folder, "--format", "html"]);
    assert_eq!((code, said.as_str()), (0, ""), "{err}");
    let pages = std::fs::read_dir(&out).expect("a folder").count();
    assert!(pages > 5, "{pages}");
    assert_eq!(err, format!("wrote {pages} pages\n"));
    let page = std::fs::read_to_string(out.join("web.analytics.CountClicks.html")).expect("a page");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"), "{page}");
    // What the source says never becomes markup.
    assert!(page.contains("batch&lt;Click&gt;") && !page.contains("batch<Click>"), "{page}");
}

#[test]
fn who_said_a_default_stands_beside_it() {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let path = dir.path().join("m.flow");
    let text = r#"
/// Keeps a promise.
service S {
  /// Takes one from the shelf.
  write take(id: text) -> text idempotent by id for 2h compensate back(id) within 2s
  write back(id: text) idempotent by id within 3s
}
policy brief = 2 times, backoff 1s
/// Takes it, and no more.
workflow W v1 (id: text) -> text idempotent by id deadline 9h {
  step a = S.take(id) retry brief within 4s
  step b = S.take("{id}2")
  return "{a}{b}"
}
"#;
    std::fs::write(&path, text).expect("written");
    let (code, out, _) = flowc(&["doc", path.to_str().expect("a path")]);
    assert_eq!(code, 0, "{out}");
    for said in [
        "Takes it, and no more.",
        "Takes one from the shelf.",
        "| `S.take` | 2 attempts, 1s apart (policy `brief`) | 4s (the step) | 9s at worst | `id`, good for 2h (contract) |",
        "| `S.take` | 3 attempts, 1s to 30s apart (default) | 2s (contract) | 9s at worst | `id`, good for 2h (contract) |",
        "| `S.back`, undoing | again and again until it succeeds, 1s to 5m apart (default) | 3s (contract) | no bound | `id`, good for ever (contract) |",
        "Undone by `S.back(id)`, as its contract says.",
    ] {
        assert!(out.contains(said), "`{said}` is missing:\n{out}");
    }
}

#[test]
fn a_program_with_errors_has_no_page() {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let path = dir.path().join("a.flow");
    std::fs::write(&path, "workflow A v1 (id: text) idempotent by id { fail Late }\n").expect("it");
    let (code, out, err) = flowc(&["doc", path.to_str().expect("a path")]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("error[F0"), "{err}");
    assert_eq!(flowc(&["doc", "none.flow"]).0, 2);
}

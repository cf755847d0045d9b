//! `flowc graph` as a person and a script meet it.

mod common;

use common::flowc;

#[test]
fn the_order_process_is_drawn_in_every_format() {
    let file = "flows/shop/orders.flow";
    let (code, mermaid, err) = flowc(&["graph", file]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(mermaid.starts_with("flowchart TD\n") && mermaid.contains("-. undo .->"), "{mermaid}");
    let (code, dot, _) = flowc(&["graph", file, "--format", "dot"]);
    assert!(code == 0 && dot.starts_with("digraph \"FulfilOrder v1\""), "{dot}");
    let (code, svg, _) = flowc(&["graph", file, "--format", "svg"]);
    assert!(code == 0 && svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
    assert!(svg.contains("Payments.capture") && svg.contains("url(#undo)"), "{svg}");
}

#[test]
fn a_workflow_is_chosen_by_its_name_where_there_are_several() {
    let file = "flows/shop/checkout.flow";
    let (code, out, err) = flowc(&["graph", file]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("`Checkout`, `ReconcileDeliveries`"), "{err}");
    let (code, out, _) = flowc(&["graph", file, "--workflow", "ReconcileDeliveries"]);
    assert!(code == 0 && out.contains("ReconcileDeliveries v1"), "{out}");
    let (code, _, err) = flowc(&["graph", file, "--workflow", "Chekout"]);
    assert_eq!(code, 2);
    assert!(err.contains("did you mean `Checkout`?"), "{err}");
}

#[test]
fn a_program_with_errors_is_not_drawn() {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let path = dir.path().join("a.flow");
    std::fs::write(&path, "workflow A v1 (id: text) idempotent by id { fail Late }\n")
        .expect("written");
    let (code, out, err) = flowc(&["graph", path.to_str().expect("a path")]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("error[F0"), "{err}");
    assert_eq!(flowc(&["graph", "none.flow"]).0, 2);
}

//! What a picture shows, and that nothing in it lies on anything else.

use super::layout::{Mark, picture};
use super::*;
use crate::load::load_text;
use crate::{Analysis, analyze};

const TRIP: &str = "\
workflow Trip v2 (id: text, far: bool) -> text idempotent by id fails Full {
  parallel {
    step seat = Air.book(id) on Full => fail Full
    step Hotel.book(id) on Full => fail Full
  }
  if far { step Car.rent(id) }
  scope extras { step Hotel.wifi(id) } else skip
  pivot paid = Bank.pay(id) retry forever
  each n in [1, 2] { step Mail.send(id) retry forever }
  return paid
}
after failure { step Mail.sorry(id) else skip }
service Air {
  write book(id: text) -> text idempotent by id fails Full compensate cancel(id) within 1s
  write cancel(id: text) idempotent by id within 1s
}
service Hotel {
  write book(id: text) idempotent by id fails Full compensate cancel(id) within 1s
  write cancel(id: text) idempotent by id within 1s
  write wifi(id: text) idempotent by id compensate cut(id) within 1s
  write cut(id: text) idempotent by id within 1s
}
service Car {
  write rent(id: text) idempotent by id compensate back(id) within 1s
  write back(id: text) idempotent by id within 1s
}
service Bank { pivot pay(id: text) -> text idempotent by id within 1s }
service Mail {
  write send(id: text) idempotent by id within 1s
  write sorry(id: text) idempotent by id within 1s
}
";

fn trip() -> (Sources, Analysis) {
    let loaded = load_text("trip.flow", "trip", TRIP);
    let analysis = analyze(&loaded);
    (loaded.sources, analysis)
}

fn drawn(format: Format) -> String {
    let (sources, analysis) = trip();
    let workflow = analysis.program.workflows.ids().next().expect("there is one");
    draw(&analysis.program, &sources, workflow, format)
}

#[test]
fn mermaid_has_undos_dashed_and_groups_as_subgraphs() {
    insta::assert_snapshot!(drawn(Format::Mermaid));
}

#[test]
fn dot_has_undos_dashed_and_groups_as_clusters() {
    let dot = drawn(Format::Dot);
    assert_eq!(dot.matches("style=dashed").count(), 4, "{dot}");
    assert_eq!(dot.matches("subgraph cluster_").count(), 4, "{dot}");
    assert_eq!(dot.matches('{').count(), dot.matches('}').count());
    assert!(dot.contains("width=5") && dot.contains("Bank.pay"), "{dot}");
}

#[test]
fn every_step_is_in_the_picture_with_what_undoes_it() {
    let svg = drawn(Format::Svg);
    for name in ["Air.book", "Air.cancel", "Hotel.wifi", "Hotel.cut", "Car.rent", "Bank.pay"] {
        assert!(svg.contains(&format!(">{name}</text>")), "{name}");
    }
    assert_eq!(svg.matches("url(#undo)").count(), 4);
    assert_eq!(svg.matches("stroke-width=\"3\"").count(), 1, "one pivot is one bar");
}

#[test]
fn no_box_lies_on_another_and_all_are_inside_the_picture() {
    let (sources, analysis) = trip();
    let workflow = analysis.program.workflows.ids().next().expect("there is one");
    let whole = picture(&read::scene(&analysis.program, &sources, workflow));
    let boxes: Vec<(f64, f64, f64, f64)> = whole
        .marks
        .iter()
        .filter_map(|mark| match mark {
            Mark::Box { x, y, width, height, .. } => {
                Some((x - width / 2.0, *y, x + width / 2.0, y + height))
            }
            _ => None,
        })
        .collect();
    assert!(boxes.len() > 12, "{}", boxes.len());
    for (n, a) in boxes.iter().enumerate() {
        assert!(-whole.left <= a.0 && a.2 <= whole.right && a.3 <= whole.height, "{a:?}");
        for b in &boxes[n + 1..] {
            let apart = a.2 <= b.0 || b.2 <= a.0 || a.3 <= b.1 || b.3 <= a.1;
            assert!(apart, "{a:?} lies on {b:?}");
        }
    }
}

#[test]
fn words_of_the_program_cannot_break_out_of_a_picture() {
    let text = TRIP.replace("if far", "if far and \"<&>{id}\\\"\" != \"`\"");
    let loaded = load_text("trip.flow", "trip", &text);
    let analysis = analyze(&loaded);
    let workflow = analysis.program.workflows.ids().next().expect("there is one");
    let svg = draw(&analysis.program, &loaded.sources, workflow, Format::Svg);
    assert!(svg.contains("&lt;&amp;&gt;") && !svg.contains("<&"), "{svg}");
    let mermaid = draw(&analysis.program, &loaded.sources, workflow, Format::Mermaid);
    assert!(mermaid.contains("#lt;") && mermaid.contains("#quot;"), "{mermaid}");
}

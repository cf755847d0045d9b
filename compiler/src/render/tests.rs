//! What a person sees.

use super::*;
use crate::source::Source;
use crate::span::FileId;

const ORDERS: &str = "\
workflow FulfilOrder(order: Order) {
  // The gift card comes first.



  if order.gift {
    step card = Printer.print_card(order.id, order.note)
  }

  step parcel = Shipping.book(order.id, order.address)
    on NoCarrier => fail Unshippable

}
";

fn at(source: &Source, file: FileId, words: &str) -> Span {
    let start = source.text.find(words).expect("the words stand in the text");
    Span::new(file, start, start + words.len())
}

fn orders() -> (Sources, Diagnostic) {
    let mut sources = Sources::default();
    let source = Source::new("shop/orders.flow", "shop.orders", ORDERS);
    let file = sources.add(source.clone());
    let at = |words: &str| at(&source, file, words);
    let print = at("Printer.print_card(order.id, order.note)");
    let diagnostic = Diagnostic::error(
        "F0201",
        print,
        "`FulfilOrder` can fail after `Printer.print_card` has happened, and nothing undoes it",
    )
    .label(at("order.gift"), "if this branch is taken")
    .label(print, "`print_card` may have happened here…")
    .label(at("fail Unshippable"), "…then the run can fail with Unshippable")
    .help("`print_card` is a `write` with no `compensate`. Any one of these fixes it:\n• declare how to undo it\n• move the step below every step that can fail");
    (sources, diagnostic)
}

#[test]
fn the_path_to_a_failure_is_drawn_as_one_picture() {
    let (sources, diagnostic) = orders();
    let expected = "\
F0201

  × `FulfilOrder` can fail after `Printer.print_card` has happened, and nothing undoes it
    ╭─[shop/orders.flow:6:6]
  5 │
  6 │   if order.gift {
    ·      ─────┬────
    ·           ╰── 1. if this branch is taken
  7 │     step card = Printer.print_card(order.id, order.note)
    ·                 ────────────────────┬───────────────────
    ·                                     ╰── 2. `print_card` may have happened here…
  8 │   }
  9 │
 10 │   step parcel = Shipping.book(order.id, order.address)
 11 │     on NoCarrier => fail Unshippable
    ·                     ────────┬───────
    ·                             ╰── 3. …then the run can fail with Unshippable
 12 │
    ╰────
  help: `print_card` is a `write` with no `compensate`. Any one of these fixes it:
          • declare how to undo it
          • move the step below every step that can fail
";
    assert_eq!(pretty(&diagnostic, &sources, false, None), expected);
}

#[test]
fn a_label_in_another_file_is_a_second_snippet() {
    let (mut sources, diagnostic) = orders();
    let types = Source::new("shop/types.flow", "shop.types", "record A {}\nrecord B {}\n");
    let file = sources.add(types.clone());
    let diagnostic = diagnostic.label(at(&types, file, "B"), "declared here");
    let text = pretty(&diagnostic, &sources, false, None);
    assert!(text.contains("╭─[shop/types.flow:2:8]"), "{text}");
    assert!(text.contains("4. declared here"), "{text}");
}

#[test]
fn a_single_label_has_no_number_and_colours_only_where_wanted() {
    let (sources, mut diagnostic) = orders();
    diagnostic.labels.truncate(1);
    let plain = pretty(&diagnostic, &sources, false, None);
    assert!(plain.contains("╰── if this branch is taken"), "{plain}");
    assert!(!plain.contains('\u{1b}'));
    assert!(pretty(&diagnostic, &sources, true, None).contains('\u{1b}'));
}

#[test]
fn labels_at_the_ends_of_a_file_and_on_wide_letters_are_drawn() {
    let mut sources = Sources::default();
    let source = Source::new("a.flow", "a", "é = ü");
    let file = sources.add(source.clone());
    for words in ["é", "ü"] {
        let place = at(&source, file, words);
        let text = pretty(
            &Diagnostic::error("F0101", place, "no").label(place, "here"),
            &sources,
            false,
            None,
        );
        assert!(text.contains("1 │ é = ü"), "{text}");
    }
    let end = Span::new(file, source.text.len(), source.text.len());
    let text =
        pretty(&Diagnostic::error("F0001", end, "no").label(end, "here"), &sources, false, None);
    assert!(text.contains("here"), "{text}");
}

#[test]
fn a_label_over_many_lines_is_cut_to_its_first() {
    let (sources, _) = orders();
    let whole = Span::new(FileId(0), 0, ORDERS.len());
    let text = pretty(
        &Diagnostic::error("F0109", whole, "no").label(whole, "here"),
        &sources,
        false,
        None,
    );
    assert!(!text.contains("Shipping"), "{text}");
}

#[test]
fn machine_formats_report_the_primary_place() {
    let (sources, diagnostic) = orders();
    assert!(
        short(&diagnostic, &sources).starts_with("shop/orders.flow:7:17: error[F0201]: `Fulfil")
    );
    let json = json(&diagnostic, &sources);
    assert_eq!(json["code"], "F0201");
    assert_eq!(json["span"]["line"], 7);
    assert_eq!(json["labels"][2]["text"], "…then the run can fail with Unshippable");
}

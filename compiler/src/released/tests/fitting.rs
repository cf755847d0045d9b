//! What one version has written, read by another.

use super::super::fit::{Fit, Reader};
use super::frozen;
use crate::{analyze, load};
use sagaflow_fir::{Fir, Frozen};

#[test]
fn a_type_of_its_own_stands_as_what_it_wraps() {
    let with = |ty: &str, key: &str, decl: &str| {
        frozen(&format!(
            "workflow Pay v1 (id: text) -> text idempotent by id deadline 1h {{\n\
             step got = R.get({key})\nreturn got\n}}\n\
             service R {{ read get(id: {ty}) -> text within 1s }}\n{decl}\n"
        ))
    };
    let plain = with("text", "id", "");
    let named = with("Id", "Id(id)", "type Id = text");
    let strict = with("Id", "Id(id)", "type Id = text matching \"[a-z]+\"");
    let fit = |from: &Frozen, to: &Frozen| {
        let params = |it: &Frozen| it.fir.services["shop.R"].actions["get"].params.clone();
        let mut fit = Fit::new(&from.fir, &to.fir, Reader::Today);
        fit.fields(&params(from), &params(to), "")
    };
    assert_eq!((fit(&plain, &named), fit(&named, &plain)), (None, None));
    assert_eq!(fit(&plain, &strict).as_deref(), Some("`id` must match a pattern"));
    assert_eq!(fit(&strict, &plain), None);
}

/// What does not fit where one contract becomes another; each with the types beside it.
fn refit(old: (&str, &str), new: (&str, &str)) -> Option<String> {
    let fir = |(params, types): (&str, &str)| {
        let text = format!("service R {{ read get({params}) -> text within 1s }}\n{types}\n");
        let loaded = load::load_text("shop.flow", "shop", &text);
        let analysis = analyze(&loaded);
        let fir = analysis.lower(&loaded.sources);
        fir.unwrap_or_else(|| panic!("{:?}\n{text}", analysis.diagnostics))
    };
    let (old, new) = (fir(old), fir(new));
    let params = |fir: &Fir| fir.services["shop.R"].actions["get"].params.clone();
    Fit::new(&old, &new, Reader::Today).fields(&params(&old), &params(&new), "")
}

#[test]
fn a_name_that_was_met_on_one_side_says_nothing_of_the_other_side() {
    let found = refit(("a: Id, b: text", "type Id = text"), ("a: text, b: Id", "type Id = int"));
    assert_eq!(found.as_deref(), Some("`b` was text and is int"));
    let found = refit(
        ("a: A, b: B", "type A = text\nrecord B { x: int }\ntype C = int"),
        ("a: B, b: A", "type B = text\ntype A = int"),
    );
    assert!(found.is_some(), "a record is no number");
}

#[test]
fn a_name_for_a_record_is_read_as_the_record() {
    let (line, many) = ("record Line { n: int }", "record Line { n: int }\ntype Row = Line");
    assert_eq!(refit(("a: Line", line), ("a: Row", many)), None);
    assert_eq!(refit(("a: Row", many), ("a: Line", line)), None);
    let other = "record Line { n: int }\nrecord Other { n: text }\ntype Row = Other";
    assert_eq!(
        refit(("a: Line", line), ("a: Row", other)).as_deref(),
        Some("`a`, `n` was int and is text")
    );
}

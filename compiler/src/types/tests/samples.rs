//! Sample data against the types it stands for.

use super::inferred;
use crate::hir::Sample;
use crate::load;

/// The findings where the samples of the module are these, as `line code`.
fn with(samples: &[(&str, &str)], text: &str) -> Vec<String> {
    let mut loaded = load::load_text("test.flow", "test", text);
    for (name, json) in samples {
        let sample = Sample { path: format!("samples/{name}.json"), text: (*json).to_owned() };
        loaded.samples.insert(("test".into(), (*name).into()), sample);
    }
    let (found, ..) = inferred(&loaded);
    found.iter().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
}

const ONE: &str = "record R { a: int, b: money<EUR>, c: text? }
workflow W v1 (r: R) idempotent by r.a { }
test \"t\" {
  run W(sample(\"r\"))
  expect completed
}";

const TWO: &str = "workflow W v1 (a: int, b: text) idempotent by a, b { }
test \"t\" {
  run W(sample(\"r\"))
  expect completed
}";

#[test]
fn a_sample_has_the_type_the_context_asks_for() {
    assert!(with(&[("r", r#"{"a": 1, "b": "5.00 EUR"}"#)], ONE).is_empty());
    assert!(with(&[("r", r#"{"a": 1, "b": "5.00 EUR", "c": null, "d": 2}"#)], ONE).is_empty());
    assert_eq!(with(&[("r", r#"{"a": 1, "b": "5.00 USD"}"#)], ONE), ["4 F0102"]);
    assert_eq!(with(&[("r", r#"{"a": "1", "b": "5.00 EUR"}"#)], ONE), ["4 F0102"]);
    assert_eq!(with(&[("r", r#"{"a": 1}"#)], ONE), ["4 F0102"]);
    assert_eq!(with(&[("r", "{")], ONE), ["4 F0102"]);
}

#[test]
fn a_sample_for_all_parameters_has_a_value_for_each() {
    assert!(with(&[("r", r#"{"a": 1, "b": "x"}"#)], TWO).is_empty());
    assert_eq!(with(&[("r", r#"{"a": 1}"#)], TWO), ["3 F0102"]);
}

#[test]
fn a_sample_that_is_not_there_is_named_where_others_are() {
    assert_eq!(with(&[("other", "{}")], ONE), ["4 F0101"]);
    assert!(with(&[], ONE).is_empty());
}

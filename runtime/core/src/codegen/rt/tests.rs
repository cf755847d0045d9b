//! The boundary forms of typed values, and the arithmetic that programs rely on.

use super::*;

fn money(text: &str) -> Money {
    scalar(text).expect("an amount")
}

fn number(text: &str) -> Decimal {
    scalar(text).expect("a decimal")
}

#[test]
fn typed_values_have_the_boundary_forms_of_the_interpreter() {
    let forms = [
        encode(&money("12 EUR")),
        encode(&number("1.50")),
        encode(&DurationMs(90_000)),
        encode(&Time(0)),
        encode(&Pii(Some("a".to_owned()))),
        encode(&Outcome::Ok(3_i64)),
        encode(&Outcome::<i64>::Unknown),
    ];
    let texts: Vec<String> =
        forms.into_iter().map(|form| form.expect("a form").to_string()).collect();
    assert_eq!(
        texts.join(" "),
        r#""12.00 EUR" "1.5" "1m30s" "1970-01-01T00:00:00Z" "a" {"Ok":3} "Unknown""#
    );
}

#[test]
fn decimals_are_read_from_numbers_too_and_money_never() {
    assert_eq!(decode::<Decimal>(&Json::from(12), "x"), Ok(number("12")));
    assert!(decode::<Money>(&Json::from(12), "x").is_err());
    assert_eq!(decode::<Option<Money>>(&Json::Null, "x"), Ok(None));
}

#[test]
fn faults_of_decoding_do_not_quote_the_value() {
    let fault = decode::<i64>(&Json::from("4111-1111"), "card").expect_err("text is no number");
    assert_eq!(fault.message, "`card` does not fit its type");
}

#[test]
fn labels_do_not_print_what_they_hide() {
    assert_eq!(format!("{:?} {:?}", Pii("a"), Secret(7)), "… …");
}

#[test]
fn money_is_rounded_half_to_even_and_currencies_do_not_mix() {
    let half: Result<Money, Fault> = Mul::mul(money("0.25 EUR"), number("0.5"));
    assert_eq!(half, Ok(money("0.12 EUR")));
    assert!(money("1 EUR").plus(money("1 USD")).is_err());
    assert!(compare_money(&money("1 EUR"), &money("1 USD")).is_err());
    let ratio: Result<Decimal, Fault> = Div::div(money("3 EUR"), money("2 EUR"));
    assert_eq!(ratio, Ok(number("1.5")));
}

#[test]
fn overflow_and_division_by_zero_are_faults() {
    assert!(i64::MAX.plus(1).is_err());
    assert!(i64::MIN.neg().is_err());
    assert!(Div::<i64, i64>::div(1, 0).is_err());
    assert!(Rem::<i64, i64>::rem(i64::MIN, -1).is_err());
    assert!(Plus::plus(Time(i64::MAX), DurationMs(1)).is_err());
}

#[test]
fn maps_with_keys_that_are_no_text_come_back_from_their_frames() {
    let map = std::collections::BTreeMap::from([(7_i64, true), (12, false)]);
    let json = encode(&map).expect("a form");
    assert_eq!(json.to_string(), r#"{"12":false,"7":true}"#);
    assert_eq!(decode(&json, "map"), Ok(map));
    let days = std::collections::BTreeMap::from([(DurationMs(1_000), money("1 EUR"))]);
    assert_eq!(decode(&encode(&days).expect("a form"), "map"), Ok(days));
}

#[test]
fn a_split_conserves_the_sum() {
    let parts = part::split(money("-10.00 EUR"), 3).expect("three parts");
    let sum = list::sum(&parts, Ok, list::no_sum).expect("one currency");
    assert_eq!(sum, money("-10.00 EUR"));
    assert!(part::split(money("1 EUR"), 0).is_err());
}

#[test]
fn a_pattern_fits_whole_texts_only() {
    let pattern = Pattern::new("[A-Z]|[a-z]{2}");
    assert!(pattern.fits("A") && pattern.fits("ab"));
    assert!(!pattern.fits("Ab") && !pattern.fits("abA"));
}

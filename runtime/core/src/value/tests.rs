//! Every form: what is read, how it is written, what is refused.

use super::*;
use crate::time::Time;
use rust_decimal::{Decimal, RoundingStrategy};

/// Pairs of text and its canonical form, nothing where it is refused; canonical texts stay as they
/// are.
fn check(form: impl Fn(&str) -> Option<String>, table: &[(&str, Option<&str>)]) {
    for (text, expected) in table {
        let canonical = form(text);
        assert_eq!(canonical.as_deref(), *expected, "`{text}`");
        if let Some(canonical) = canonical {
            assert_eq!(form(&canonical).as_deref(), Some(canonical.as_str()), "`{text}` again");
        }
    }
}

#[test]
fn money_has_its_currencys_digits_and_no_more() {
    check(
        |text| parse_money(text).map(print_money),
        &[
            ("12.00 EUR", Some("12.00 EUR")),
            ("12 EUR", Some("12.00 EUR")),
            ("12.5 EUR", Some("12.50 EUR")),
            ("0.01 EUR", Some("0.01 EUR")),
            ("-0.01 EUR", Some("-0.01 EUR")),
            ("-0.00 EUR", Some("0.00 EUR")),
            ("007.10 EUR", Some("7.10 EUR")),
            ("500 JPY", Some("500 JPY")),
            ("1.234 KWD", Some("1.234 KWD")),
            ("1 CLF", Some("1.0000 CLF")),
            ("92233720368547758.07 EUR", Some("92233720368547758.07 EUR")),
            ("-92233720368547758.08 EUR", Some("-92233720368547758.08 EUR")),
            ("92233720368547758.08 EUR", None),
            ("12.005 EUR", None),
            ("12.000 EUR", None),
            ("500.0 JPY", None),
            ("12. EUR", None),
            (".5 EUR", None),
            ("+1 EUR", None),
            ("1e2 EUR", None),
            ("1 eur", None),
            ("1 EURO", None),
            ("1  EUR", None),
            ("1EUR", None),
            ("EUR", None),
            ("- EUR", None),
            ("1,00 EUR", None),
            ("", None),
            ("١ EUR", None),
        ],
    );
}

#[test]
fn amounts_become_money_exactly_or_rounded_on_purpose() {
    let eur = Currency::new("EUR").expect("a code");
    let amount = |text| parse_decimal(text).expect("a decimal");
    let minor = |money: Option<Money>| money.map(|money| money.minor);
    assert_eq!(minor(Money::exact(amount("12.340"), eur)), Some(1_234));
    assert_eq!(minor(Money::exact(amount("12.345"), eur)), None);
    for (text, expected) in [("0.125", 12), ("0.135", 14), ("-0.125", -12), ("0.1251", 13)] {
        let rounded = Money::rounded(amount(text), eur, RoundingStrategy::MidpointNearestEven);
        assert_eq!(minor(rounded), Some(expected), "{text}");
    }
    assert_eq!(Money::exact(Decimal::MAX, eur), None);
    assert_eq!(Money { minor: -5, currency: eur }.amount().to_string(), "-0.05");
}

#[test]
fn durations_print_the_widest_units_first() {
    check(
        |text| parse_duration(text).map(print_duration),
        &[
            ("1m30s", Some("1m30s")),
            ("90s", Some("1m30s")),
            ("1500ms", Some("1s500ms")),
            ("24h", Some("1d")),
            ("1s1d", Some("1d1s")),
            ("0ms", Some("0s")),
            ("-5s", Some("-5s")),
            ("-0s", Some("0s")),
            ("106751991167d7h12m55s807ms", Some("106751991167d7h12m55s807ms")),
            ("-106751991167d7h12m55s808ms", Some("-106751991167d7h12m55s808ms")),
            ("106751991167d7h12m55s808ms", None),
            ("99999999999999999999d", None),
            ("5", None),
            ("s", None),
            ("", None),
            ("-", None),
            ("--1s", None),
            ("1.5s", None),
            ("1 s", None),
            ("1w", None),
        ],
    );
    assert_eq!(parse_duration("1m30s"), Some(90_000));
}

#[test]
fn times_are_written_in_utc_to_the_millisecond() {
    check(
        |text| parse_time(text).map(print_time),
        &[
            ("2026-01-31T12:00:00Z", Some("2026-01-31T12:00:00Z")),
            ("2026-01-31T12:00:00+02:00", Some("2026-01-31T10:00:00Z")),
            ("2026-01-31t12:00:00z", Some("2026-01-31T12:00:00Z")),
            ("2026-01-31T12:00:00.5Z", Some("2026-01-31T12:00:00.500Z")),
            ("2026-01-31T12:00:00.1239Z", Some("2026-01-31T12:00:00.123Z")),
            ("1969-12-31T23:59:59.9999Z", Some("1969-12-31T23:59:59.999Z")),
            ("0000-01-01T00:00:00Z", Some("0000-01-01T00:00:00Z")),
            ("9999-12-30T22:00:00Z", Some("9999-12-30T22:00:00Z")),
            ("9999-12-31T23:59:59Z", None),
            ("2026-01-31T12:00:00", None),
            ("2026-01-31T12:00Z", None),
            ("2026-01-31 12:00:00Z", None),
            ("2026-01-31T12:00:00Z[UTC]", None),
            ("2026-02-30T12:00:00Z", None),
            ("2026-01-31", None),
            ("now", None),
        ],
    );
    assert_eq!(parse_time("1970-01-01T00:00:01Z"), Some(Time(1_000)));
    assert!(print_time(Time(i64::MIN)).starts_with("0000-"));
    assert!(print_time(Time(i64::MAX)).starts_with("9999-"));
}

#[test]
fn dates_and_uuids_have_one_form() {
    check(
        |text| parse_date(text).map(print_date),
        &[
            ("2026-01-31", Some("2026-01-31")),
            ("2026-02-30", None),
            ("20260131", None),
            ("2026-01-31T00:00:00Z", None),
        ],
    );
    check(
        |text| parse_uuid(text).map(print_uuid),
        &[
            ("01890A5D-AC96-774B-BCCE-B302099A8057", Some("01890a5d-ac96-774b-bcce-b302099a8057")),
            ("01890a5dac96774bbcceb302099a8057", None),
            ("{01890a5d-ac96-774b-bcce-b302099a8057}", None),
            ("urn:uuid:01890a5d-ac96-774b-bcce-b302099a8057", None),
        ],
    );
}

#[test]
fn decimals_and_percents_have_no_exponent_and_no_trailing_noughts() {
    check(
        |text| parse_decimal(text).map(print_decimal),
        &[
            ("1.50", Some("1.5")),
            ("100", Some("100")),
            ("-0.0", Some("0")),
            ("0.0000000000000000000000000001", Some("0.0000000000000000000000000001")),
            ("79228162514264337593543950335", Some("79228162514264337593543950335")),
            ("79228162514264337593543950336", None),
            ("0.00000000000000000000000000001", None),
            ("1e5", None),
            ("1_000", None),
            ("+1", None),
            (".5", None),
            ("5.", None),
            ("", None),
            ("-", None),
            ("NaN", None),
        ],
    );
    check(
        |text| parse_percent(text).map(print_percent),
        &[("80%", Some("80%")), ("2.50%", Some("2.5%")), ("80", None), ("%", None), ("80 %", None)],
    );
}

#[test]
fn floats_are_taken_as_decimals_only_while_their_digits_hold() {
    let table = [
        ("0.1", Some("0.1")),
        ("12.50", Some("12.5")),
        ("1e-7", Some("0.0000001")),
        ("18446744073709551615", Some("18446744073709551615")),
        ("123456789012345.0", Some("123456789012345")),
        ("0.12345678901234567", None),
        ("12345678901234567.5", None),
        ("1e300", None),
    ];
    for (text, expected) in table {
        let number: serde_json::Number = serde_json::from_str(text).expect("a JSON number");
        assert_eq!(decimal_of_number(&number).map(print_decimal).as_deref(), expected, "{text}");
    }
}

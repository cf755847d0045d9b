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
    let parts = share::split(money("-10.00 EUR"), 3).expect("three parts");
    let sum = list::sum(&parts, Ok, list::no_sum).expect("one currency");
    assert_eq!(sum, money("-10.00 EUR"));
    assert!(share::split(money("1 EUR"), 0).is_err());
}

#[test]
fn a_pattern_fits_whole_texts_only() {
    let pattern = Pattern::new("[A-Z]|[a-z]{2}");
    assert!(pattern.fits("A") && pattern.fits("ab"));
    assert!(!pattern.fits("Ab") && !pattern.fits("abA"));
}

fn date(text: &str) -> Date {
    scalar(text).expect("a date")
}

fn time(text: &str) -> Time {
    scalar(text).expect("a time")
}

#[test]
fn an_amount_in_parts_is_never_more_or_less_than_the_whole() {
    let weights: [&[i64]; 6] =
        [&[1], &[1, 1, 1], &[0, 7, 3], &[1, 2, 3, 5, 8], &[9, 0, 1], &[3, 3]];
    for minor in [0, 1, -1, 5, 99, -100, 1_000, i64::MAX, i64::MIN + 1] {
        let whole = Money { minor, ..money("1 EUR") };
        for weights in weights {
            let parts = share::allocate(whole, weights).expect("it can be shared");
            let sum: i128 = parts.iter().map(|part| i128::from(part.minor)).sum();
            assert_eq!(sum, i128::from(minor), "{minor} by {weights:?}");
            for (part, weight) in parts.iter().zip(weights) {
                assert!(*weight > 0 || part.minor == 0, "{minor} by {weights:?}");
            }
        }
    }
    assert!(share::allocate(money("1 EUR"), &[]).is_err());
    assert!(share::allocate(money("1 EUR"), &[0, 0]).is_err());
    assert!(share::allocate(money("1 EUR"), &[1, -1]).is_err());
    assert!(share::extreme(money("1 EUR"), money("1 USD"), std::cmp::Ordering::Less).is_err());
    assert!(share::round_to(money("1 EUR"), money("0 EUR"), None).is_err());
}

#[test]
fn the_clock_of_a_place_is_never_in_doubt() {
    let berlin = "Europe/Berlin";
    let skipped = calendar::at(date("2026-03-29"), "02:30", berlin);
    assert_eq!(skipped, Ok(time("2026-03-29T01:30:00Z")));
    let twice = calendar::at(date("2026-10-25"), "02:30", berlin);
    assert_eq!(twice, Ok(time("2026-10-25T00:30:00Z")));
    let late = time("2026-06-30T22:30:00Z");
    assert_eq!(calendar::date_in(late, berlin), Ok(date("2026-07-01")));
    assert!(calendar::date_in(late, "Europe/Berln").is_err());
    for clock in ["2:30", "24:00", "02:60", "02:30:00", "+2:30", "", "é:30"] {
        assert!(calendar::at(date("2026-03-28"), clock, berlin).is_err(), "{clock}");
    }
}

#[test]
fn what_leaves_the_calendar_is_a_fault() {
    let day = date("2026-01-31");
    assert_eq!(calendar::add_months(day, 1), Ok(date("2026-02-28")));
    for far in [i64::MAX, i64::MIN, 100_000_000] {
        assert!(calendar::add_days(day, far).is_err());
        assert!(calendar::add_months(day, far).is_err());
        assert!(calendar::add_years(day, far).is_err());
    }
    for weekday in [i64::MIN, 0, 8, i64::MAX] {
        assert!(calendar::next_weekday(day, weekday).is_err());
    }
    assert!(part::floor_time(time("2026-01-31T00:00:00Z"), DurationMs(0)).is_err());
}

#[test]
fn a_text_grows_only_so_far() {
    assert_eq!(text::repeat("ab", 2), Ok("abab".to_owned()));
    assert_eq!(text::repeat("ab", -2), Ok(String::new()));
    assert!(text::repeat("ab", i64::MAX).is_err());
    assert!(text::pad_start("a", i64::MAX, "b").is_err());
    assert!(text::pad_start("a", 2, "").is_err());
    assert_eq!(text::pad_end("aä", 5, "xy"), Ok("aäxyx".to_owned()));
    assert!(text::replace(&"a".repeat(10_000), "a", &"b".repeat(1_000)).is_err());
}

#[test]
fn a_text_is_padded_up_to_a_million_bytes_whatever_it_is_padded_with() {
    let ascii = text::pad_start("7", 1_000_000, "0").expect("a million bytes are allowed");
    assert_eq!(ascii.len(), 1_000_000);
    assert!(text::pad_end("", 1_000_001, "0").is_err());
    assert_eq!(text::pad_end("", 500_000, "ä").map(|text| text.len()), Ok(1_000_000));
    assert!(text::pad_end("", 500_001, "ä").is_err());
    assert_eq!(text::pad_end("", 5, "aä").as_deref(), Ok("aäaäa"));
}

fn day(text: &str) -> Date {
    scalar(text).expect("a date")
}

fn working(from: &str, days: i64, weekend: &[i64], holidays: &[Date]) -> Result<Date, Fault> {
    calendar::add_working_days(&Work::new(), day(from), days, weekend, holidays)
}

#[test]
fn working_days_are_counted_over_weekends_and_holidays() {
    let christmas = [day("2026-12-25"), day("2026-12-26"), day("2026-12-25")];
    let counted = |from, days| working(from, days, &[6, 7], &christmas);
    assert_eq!(counted("2026-12-23", 2), Ok(day("2026-12-28")));
    assert_eq!(counted("2026-12-28", -2), Ok(day("2026-12-23")));
    assert_eq!(counted("2026-12-26", 0), Ok(day("2026-12-28")));
    assert_eq!(counted("2026-12-28", 0), Ok(day("2026-12-28")));
    assert_eq!(working("2026-12-26", 1, &[], &[]), Ok(day("2026-12-27")));
}

#[test]
fn a_calendar_without_a_working_day_says_so_and_is_never_long() {
    let message = |result: Result<Date, Fault>| result.expect_err("it is no calendar").message;
    let all = message(working("2026-01-01", 1, &[1, 2, 3, 4, 5, 6, 7], &[]));
    assert_eq!(all, "a calendar whose weekend has all seven days has no business day");
    for junk in [0, 8, -1, i64::MIN] {
        let junk = message(working("2026-01-01", 1, &[6, junk], &[]));
        assert_eq!(junk, "a day of a calendar's weekend is 1 to 7, from Monday on");
    }
    let beyond = message(working("2026-01-01", i64::MAX, &[6, 7], &[]));
    assert_eq!(beyond, "a date is out of range");
    assert!(working("2026-01-01", i64::MIN, &[6, 7], &[]).is_err());
}

#[test]
fn work_is_what_values_are_and_ends_at_its_budget() {
    assert_eq!((size(&7_i64), size(&"short".to_owned()), size(&None::<String>)), (0, 0, 0));
    assert_eq!(size(&vec![1_i64, 2, 3]), 3);
    assert_eq!(size(&vec![None::<i64>, None]), 2, "what is absent takes its place in a list");
    assert_eq!(size(&"x".repeat(160)), 10);
    let work = Work::new();
    assert_eq!(made(&work, vec![1_i64, 2]), Ok(vec![1, 2]));
    assert_eq!(work.spent(), 2);
    assert!(work.spend(WORK_MAX).is_err());
    assert!(work.spend(0).is_err(), "once beyond it stays so");
}

#[test]
fn parts_of_a_text_and_what_stands_between_items_are_counted_before_they_are_made() {
    let long = "x".repeat(600_000);
    let work = Work::new();
    assert!(text::split(&work, &long, "").is_ok());
    work.spend(WORK_MAX - work.spent()).expect("the rest of the budget");
    assert!(text::split(&work, &long, "").is_err());
    let items = vec![0_i64; 1_000];
    assert!(list::join(&Work::new(), &items, ",").is_ok());
    assert!(list::join(&Work::new(), &items, &long).is_err());
}

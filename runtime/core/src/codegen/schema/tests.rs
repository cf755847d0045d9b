//! Boundary values: what is accepted and how it is written, what is refused and where, what is
//! hidden, what a simulated service answers.

use super::{SampleSeed, Schema, Ty, TypeDecl, VariantDecl, pattern};
use crate::codegen::Json;
use crate::time::Time;
use serde_json::json;

fn named(name: &str) -> Ty {
    Ty::Named(name.to_owned())
}

fn optional(of: Ty) -> Ty {
    Ty::Optional(Box::new(of))
}

fn list(of: Ty) -> Ty {
    Ty::List(Box::new(of))
}

fn map(key: Ty, of: Ty) -> Ty {
    Ty::Map(Box::new(key), Box::new(of))
}

fn pii(of: Ty) -> Ty {
    Ty::Pii(Box::new(of))
}

fn eur() -> Ty {
    Ty::Money(Some("EUR".to_owned()))
}

fn field(name: &str, ty: Ty) -> (String, Ty, Option<Json>) {
    (name.to_owned(), ty, None)
}

fn shop() -> Schema {
    let alias =
        |of, pattern: Option<&str>| TypeDecl::Alias { of, pattern: pattern.map(str::to_owned) };
    let variant =
        |name: &str, fields: Vec<(String, Ty)>| VariantDecl { name: name.to_owned(), fields };
    let note = vec![("note".to_owned(), pii(Ty::Text)), ("level".to_owned(), optional(Ty::Int))];
    let types = [
        ("s.Sku", alias(Ty::Text, Some("[A-Z]{3}-[0-9]{4}"))),
        ("s.Id", alias(Ty::Uuid, None)),
        ("s.Loop", alias(named("s.Loop"), None)),
        (
            "s.Item",
            TypeDecl::Record {
                fields: vec![
                    field("sku", named("s.Sku")),
                    field("price", eur()),
                    ("count".to_owned(), Ty::Int, Some(json!(1))),
                    ("gift".to_owned(), optional(Ty::Text), Some(json!("no"))),
                ],
            },
        ),
        (
            "s.Order",
            TypeDecl::Record {
                fields: vec![
                    field("id", named("s.Id")),
                    field("email", optional(pii(Ty::Text))),
                    field("items", list(named("s.Item"))),
                    field("state", optional(named("s.State"))),
                ],
            },
        ),
        (
            "s.State",
            TypeDecl::Enum { variants: vec![variant("Open", vec![]), variant("Held", note)] },
        ),
        ("s.Tree", TypeDecl::Record { fields: vec![field("children", list(named("s.Tree")))] }),
        ("s.Endless", TypeDecl::Record { fields: vec![field("next", named("s.Endless"))] }),
    ];
    Schema { types: types.into_iter().map(|(name, ty)| (name.to_owned(), ty)).collect() }
}

/// Decodes, and asserts that the canonical form is its own canonical form.
fn decode(ty: &Ty, value: &Json) -> Result<Json, String> {
    let schema = shop();
    let decoded = schema.decode(ty, value).map_err(|mismatch| mismatch.to_string())?;
    assert_eq!(schema.decode(ty, &decoded).as_ref(), Ok(&decoded), "{value} again");
    Ok(decoded)
}

#[test]
fn scalars_come_out_in_one_form() {
    let uuid = "01890A5D-AC96-774B-BCCE-B302099A8057";
    let table = [
        (Ty::Text, json!(""), json!("")),
        (Ty::Bool, json!(false), json!(false)),
        (Ty::Int, json!(-7), json!(-7)),
        (Ty::Int, json!(1.0), json!(1)),
        (Ty::Decimal, json!("1.50"), json!("1.5")),
        (Ty::Decimal, json!(0.1), json!("0.1")),
        (Ty::Decimal, json!(3), json!("3")),
        (Ty::Percent, json!("80.0%"), json!("80%")),
        (eur(), json!("12 EUR"), json!("12.00 EUR")),
        (Ty::Money(None), json!("500 JPY"), json!("500 JPY")),
        (Ty::Duration, json!("90s"), json!("1m30s")),
        (Ty::Time, json!("2026-01-31T12:00:00+02:00"), json!("2026-01-31T10:00:00Z")),
        (Ty::Date, json!("2026-01-31"), json!("2026-01-31")),
        (named("s.Id"), json!(uuid), json!(uuid.to_lowercase())),
        (Ty::Size, json!(u64::MAX), json!(u64::MAX)),
        (Ty::Unit, json!({"anything": 1}), json!(null)),
        (optional(Ty::Int), json!(null), json!(null)),
        (
            Ty::Blob,
            json!({"blob": "AB".repeat(32), "size": 2, "more": 1}),
            json!({"blob": "ab".repeat(32), "size": 2}),
        ),
        (Ty::Outcome(Box::new(Ty::Int)), json!({"Ok": 1.0}), json!({"Ok": 1})),
        (Ty::Outcome(Box::new(Ty::Int)), json!({"Failed": {"E": 1}}), json!({"Failed": {"E": 1}})),
        (Ty::Outcome(Box::new(Ty::Int)), json!("Unknown"), json!("Unknown")),
    ];
    for (ty, value, expected) in table {
        assert_eq!(decode(&ty, &value), Ok(expected), "{ty:?} {value}");
    }
}

#[test]
fn what_does_not_fit_is_named_in_words() {
    let table = [
        (Ty::Text, json!(1), "`input` must be text"),
        (Ty::Text, json!("a\u{0}b"), "`input` must be text"),
        (Ty::Bool, json!("true"), "`input` must be `true` or `false`"),
        (Ty::Int, json!(1.5), "`input` must be a whole number"),
        (Ty::Int, json!(9_223_372_036_854_775_808_u64), "`input` must be a whole number"),
        (Ty::Int, json!("1"), "`input` must be a whole number"),
        (eur(), json!("12.005 EUR"), "`input` must be money in EUR such as `\"12.00 EUR\"`"),
        (eur(), json!("12.00 USD"), "`input` must be money in EUR such as `\"12.00 EUR\"`"),
        (
            Ty::Money(Some("JPY".to_owned())),
            json!("1.50 JPY"),
            "`input` must be money in JPY such as `\"12 JPY\"`",
        ),
        (Ty::Percent, json!(80), "`input` must be a percentage such as `\"80%\"`"),
        (Ty::Size, json!(-1), "`input` must be a size in whole bytes"),
        (
            named("s.Sku"),
            json!("ABC-12345"),
            "`input` must be `Sku`: text matching `[A-Z]{3}-[0-9]{4}`",
        ),
        (
            named("s.Sku"),
            json!("xABC-1234"),
            "`input` must be `Sku`: text matching `[A-Z]{3}-[0-9]{4}`",
        ),
        (named("s.State"), json!("Shut"), "`input` must be one of `\"Open\"`, `{\"Held\": {…}}`"),
        (
            named("s.Gone"),
            json!(1),
            "`input` must be a `Gone`, a type that this version does not declare",
        ),
        (list(Ty::Int), json!([1, "x"]), "`input[1]` must be a whole number"),
        (list(list(Ty::Int)), json!([[1], [2, null]]), "`input[1][1]` must be a whole number"),
        (map(Ty::Int, Ty::Bool), json!({"x": true}), "`x` must be a whole number"),
        (optional(Ty::Bool), json!(1), "`input` must be `true` or `false`"),
    ];
    for (ty, value, expected) in table {
        assert_eq!(decode(&ty, &value), Err(expected.to_owned()), "{ty:?} {value}");
    }
}

#[test]
fn records_fill_defaults_and_drop_nulls_and_unknown_fields() {
    let given = json!({
        "id": "01890a5d-ac96-774b-bcce-b302099a8057", "email": null, "news": {"later": true},
        "items": [{"sku": "ABC-0001", "price": "1.5 EUR", "count": null, "gift": null}],
        "state": {"Held": {"note": "n", "level": null, "more": 1}},
    });
    let expected = json!({
        "id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "items": [{"sku": "ABC-0001", "price": "1.50 EUR", "count": 1, "gift": "no"}],
        "state": {"Held": {"note": "n"}},
    });
    assert_eq!(decode(&named("s.Order"), &given), Ok(expected));
}

#[test]
fn a_mismatch_names_the_path_of_the_first_wrong_place() {
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let order = |items: Json, state: Json| json!({"id": id, "items": items, "state": state});
    let fine = json!({"sku": "ABC-0001", "price": "1 EUR"});
    let table = [
        (
            order(json!([fine, fine, {"sku": "ABC-0001", "price": 3}]), json!(null)),
            "items[2].price",
        ),
        (order(json!([{"price": "1 EUR"}]), json!(null)), "items[0].sku"),
        (order(json!({}), json!(null)), "items"),
        (order(json!([]), json!({"Held": {"note": 1}})), "state.Held.note"),
        (order(json!([]), json!("Held")), "state.Held.note"),
        (order(json!([]), json!({"Held": {"note": "n"}, "Open": {}})), "state"),
        (json!({"items": []}), "id"),
        (json!([]), "input"),
    ];
    for (value, path) in table {
        let mismatch = shop().decode(&named("s.Order"), &value).expect_err("it does not fit");
        assert_eq!(mismatch.path, path, "{value}");
    }
    let missing = decode(&named("s.Order"), &json!({"items": []}));
    assert_eq!(missing, Err("`id` must be a UUID, and it is missing".to_owned()));
}

#[test]
fn enums_without_payload_are_words_in_either_spelling() {
    for given in [json!("Open"), json!({"Open": {}}), json!({"Open": null})] {
        assert_eq!(decode(&named("s.State"), &given), Ok(json!("Open")), "{given}");
    }
}

#[test]
fn map_keys_are_checked_and_must_stay_apart() {
    let upper = "01890A5D-AC96-774B-BCCE-B302099A8057";
    let by_id = map(named("s.Id"), optional(Ty::Int));
    assert_eq!(decode(&by_id, &json!({upper: null})), Ok(json!({upper.to_lowercase(): null})));
    assert!(decode(&by_id, &json!({upper: 1, upper.to_lowercase(): 2})).is_err());
    assert_eq!(decode(&map(Ty::Bool, Ty::Int), &json!({"true": 1})), Ok(json!({"true": 1})));
    assert_eq!(decode(&map(Ty::Int, Ty::Int), &json!({"-3": 1})), Ok(json!({"-3": 1})));
    assert!(decode(&map(Ty::Int, Ty::Int), &json!({"3.5": 1})).is_err());
}

#[test]
fn depth_is_bounded_and_endless_types_are_refused() {
    let tree = (0..100).fold(json!({"children": []}), |tree, _| json!({"children": [tree]}));
    let mismatch = shop().decode(&named("s.Tree"), &tree).expect_err("too deep");
    assert_eq!(mismatch.expected, "nested at most 64 deep");
    assert!(shop().decode(&named("s.Loop"), &json!(1)).is_err());
    assert!(shop().describe(&named("s.Loop")).contains("Loop"));
    assert!(decode(&Ty::Outcome(Box::new(Ty::Int)), &json!({"Failed": tree})).is_err());
}

#[test]
fn labelled_values_and_what_does_not_fit_are_hidden() {
    let secret = Ty::Secret(Box::new(list(Ty::Text)));
    let table = [
        (pii(Ty::Text), json!("ann@x"), json!("…")),
        (secret, json!(["a"]), json!("…")),
        (optional(pii(Ty::Int)), json!(null), json!(null)),
        (list(pii(Ty::Int)), json!([1, 2]), json!(["…", "…"])),
        (map(pii(Ty::Text), Ty::Int), json!({"ann": 1, "bob": 2}), json!({"…0": 1, "…1": 2})),
        (Ty::Text, json!({"ann": 1}), json!("…")),
        (Ty::Int, json!("ann"), json!("…")),
        (
            named("s.State"),
            json!({"Held": {"note": "n", "level": 3}}),
            json!({"Held": {"note": "…", "level": 3}}),
        ),
        (named("s.State"), json!("ann"), json!("…")),
        (named("s.State"), json!({"ann": {}}), json!("…")),
        (
            named("s.Order"),
            json!({"id": "i", "email": "ann@x", "items": [], "extra": "ann"}),
            json!({"id": "i", "email": "…", "items": [], "extra": "…"}),
        ),
        (named("s.Gone"), json!("ann"), json!("…")),
        (
            Ty::Outcome(Box::new(pii(Ty::Int))),
            json!({"Failed": {"name": "Declined", "payload": {"who": "ann"}}}),
            json!({"Failed": {"name": "Declined", "payload": "…"}}),
        ),
    ];
    for (ty, value, expected) in table {
        assert_eq!(shop().mask(&ty, &value), expected, "{ty:?} {value}");
    }
}

const SEED: SampleSeed<'static> = SampleSeed {
    key: "0123456789abcdef",
    name: "authorize",
    now: Time(1_769_860_800_500),
    money: None,
};

#[test]
fn samples_are_the_plain_values_of_each_type() {
    let table = [
        (Ty::Bool, json!(true)),
        (Ty::Int, json!(1)),
        (Ty::Size, json!(1)),
        (Ty::Decimal, json!("1")),
        (Ty::Percent, json!("0%")),
        (Ty::Money(None), json!("1.00 EUR")),
        (Ty::Money(Some("KWD".to_owned())), json!("1.000 KWD")),
        (Ty::Duration, json!("1s")),
        (Ty::Time, json!("2026-01-31T12:00:00.500Z")),
        (Ty::Date, json!("2026-01-31")),
        (optional(Ty::Int), json!(1)),
        (list(Ty::Int), json!([1, 2])),
        (list(Ty::Bool), json!([true, false])),
        (list(list(Ty::Bool)), json!([[true, false], [false, true]])),
        (map(Ty::Int, Ty::Bool), json!({"1": true})),
        (named("s.State"), json!("Open")),
        (named("s.Tree"), json!({"children": []})),
        (named("s.Endless"), json!(null)),
        (Ty::Unit, json!(null)),
    ];
    for (ty, expected) in table {
        assert_eq!(shop().sample(&ty, &SEED), expected, "{ty:?}");
    }
    let text = shop().sample(&Ty::Text, &SEED);
    assert!(text.as_str().is_some_and(|text| text.starts_with("authorize-")), "{text}");
}

#[test]
fn a_sample_fits_its_type_and_hangs_on_the_key_alone() {
    let schema = shop();
    let types =
        [Ty::Text, Ty::Uuid, Ty::Blob, named("s.Sku"), named("s.Order"), list(named("s.Sku"))];
    for ty in types {
        let sample = schema.sample(&ty, &SEED);
        assert_eq!(schema.decode(&ty, &sample).as_ref(), Ok(&sample), "{ty:?}");
        assert_eq!(schema.sample(&ty, &SEED), sample);
        let other = schema.sample(&ty, &SampleSeed { key: "other", ..SEED });
        assert_eq!(other == sample, ty == Ty::Blob, "{ty:?}: {other}");
    }
    let two = schema.sample(&list(named("s.Order")), &SEED);
    assert_eq!(two.as_array().map(Vec::len), Some(2));
    assert_ne!(two.get(0), two.get(1));
}

#[test]
fn a_sample_of_money_is_the_first_argument_where_its_currency_fits() {
    let amount = json!("59.90 EUR");
    let seed = SampleSeed { money: Some(&amount), ..SEED };
    assert_eq!(shop().sample(&eur(), &seed), amount);
    assert_eq!(shop().sample(&Ty::Money(None), &seed), amount);
    assert_eq!(shop().sample(&Ty::Money(Some("USD".to_owned())), &seed), json!("1.00 USD"));
    assert_eq!(shop().sample(&list(eur()), &seed), json!(["59.90 EUR", "59.91 EUR"]));
}

#[test]
fn a_drawn_text_matches_its_pattern_and_is_short() {
    let table = [
        ("[A-Z]{3}-[0-9]{4}", 8),
        ("[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", 15),
        ("(?:north|south)-\\d+(\\.\\d{2})?", 7),
        ("a*b+c?", 1),
        ("[^a-z]{4}", 4),
        ("[]x-]{3}", 3),
        ("^[\\w.+-]+@[a-z]+\\.(com|org)$", 7),
        ("\\+49 \\(0\\) .{3}", 11),
        ("", 0),
    ];
    for (text, length) in table {
        for seed in [[0; 32], [1; 32], [200; 32]] {
            let drawn = pattern::draw(text, seed).unwrap_or_else(|| panic!("`{text}` has a match"));
            assert!(pattern::matches(text, &drawn), "`{text}`: `{drawn}`");
            assert_eq!(drawn.chars().count(), length, "`{text}`: `{drawn}`");
        }
    }
}

#[test]
fn a_pattern_beyond_the_subset_is_no_panic_and_does_not_pass_the_boundary() {
    let beyond = [
        "\\bx",
        "(?i)x",
        "[[:alpha:]]",
        "x{300}",
        "(",
        "[a",
        "a{",
        "a{,3}",
        "*",
        "\\",
        "[z-a]",
        "x^y",
    ];
    for text in beyond {
        assert_eq!(pattern::draw(text, [7; 32]), None, "`{text}`");
    }
    let nested = format!("{}x{}", "(".repeat(40), ")".repeat(40));
    assert_eq!(pattern::draw(&nested, [7; 32]), None);
    let types =
        [("p".to_owned(), TypeDecl::Alias { of: Ty::Text, pattern: Some("\\bx".to_owned()) })];
    let schema = Schema { types: types.into_iter().collect() };
    let sample = schema.sample(&named("p"), &SEED);
    assert!(schema.decode(&named("p"), &sample).is_err(), "{sample}");
}

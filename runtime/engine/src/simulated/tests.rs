//! The contract's clauses, kept by simulated services; and `--fail`.

use super::{Failing, Simulated, World};
use crate::contract::{Action, Contract};
use sagaflow_core::codegen::{Class, ErrorSpec, Json, Schema, Ty, TypeDecl, VariantDecl};
use sagaflow_core::id::RunId;
use sagaflow_core::service::{Attempt, Call, Purpose, Refusal};
use sagaflow_core::shard::Machines;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

fn action(class: Class, result: Option<Ty>) -> Action {
    let declined = ErrorSpec {
        name: "Declined".to_owned(),
        fields: vec![("reason".to_owned(), Ty::Text), ("code".to_owned(), Ty::Int)],
        transient: false,
    };
    Action {
        class,
        idempotent: true,
        undoable: true,
        errors: vec![declined],
        result,
        params: BTreeMap::from([("amount".to_owned(), Ty::Money(None))]),
        schema: Arc::new(Schema::default()),
    }
}

fn contract() -> Contract {
    Contract::from([
        ("authorize".to_owned(), action(Class::Write, Some(Ty::Text))),
        ("capture".to_owned(), action(Class::Pivot, Some(Ty::Money(None)))),
        ("void".to_owned(), action(Class::Write, None)),
        ("find".to_owned(), action(Class::Read, Some(Ty::Optional(Box::new(Ty::Text))))),
    ])
}

fn service(failing: &[(&str, &str)]) -> Simulated {
    in_world(World::default(), failing)
}

fn in_world(world: World, failing: &[(&str, &str)]) -> Simulated {
    let read = |(name, text): &(&str, &str)| {
        let failing = Failing::parse(text, name, &contract()[*name]).unwrap();
        ((*name).to_owned(), failing)
    };
    let failing = failing.iter().map(read).collect();
    let (samples, machines) = (BTreeMap::new(), Machines::default());
    Simulated::new(Arc::new(world), contract(), failing, samples, machines)
}

fn call(action: &str, purpose: Purpose, key: &str, undoes: Option<&str>) -> Call {
    Call {
        namespace: "default".to_owned(),
        service: "shop.Payments".to_owned(),
        action: action.to_owned(),
        key: key.to_owned(),
        undoes: undoes.map(str::to_owned),
        run: RunId::new(1_000, 7, [1; 8]),
        path: "hold".to_owned(),
        attempt: 1,
        purpose,
        fence: None,
        within: Duration::from_secs(2),
        callback: String::new(),
    }
}

fn forward(service: &Simulated, key: &str) -> Attempt {
    service.attempt(&call("authorize", Purpose::Do, key, None), &json!({}))
}

fn undo(service: &Simulated, key: &str, of: &str) -> Attempt {
    service.attempt(&call("void", Purpose::Undo, key, Some(of)), &json!({}))
}

fn probe(service: &Simulated, of: &str) -> Attempt {
    service.attempt(&call("find", Purpose::Probe, "p", Some(of)), &json!({}))
}

fn undone(attempt: &Attempt) -> bool {
    matches!(attempt, Attempt::Refused { cause: Refusal::Undone, .. })
}

#[test]
fn the_same_key_gets_the_same_answer_and_another_key_another() {
    let service = service(&[]);
    let first = forward(&service, "a");
    assert!(matches!(&first, Attempt::Ok(Json::String(text)) if text.starts_with("authorize-")));
    assert_eq!(forward(&service, "a"), first);
    assert_ne!(forward(&service, "b"), first);
}

#[test]
fn money_is_answered_with_the_money_that_was_asked_for() {
    let call = call("capture", Purpose::Do, "a", None);
    let answer = service(&[]).attempt(&call, &json!({ "amount": "12.00 EUR" }));
    assert_eq!(answer, Attempt::Ok(json!("12.00 EUR")));
}

#[test]
fn the_undo_of_something_that_never_happened_succeeds_and_is_remembered() {
    let service = service(&[]);
    assert_eq!(undo(&service, "u", "a"), Attempt::Ok(Json::Null));
    assert!(undone(&forward(&service, "a")), "the delayed forward call is refused");
    assert_eq!(undo(&service, "u", "a"), Attempt::Ok(Json::Null), "undo may be repeated");
}

#[test]
fn a_forward_call_after_its_undo_is_refused() {
    let service = service(&[]);
    forward(&service, "a");
    undo(&service, "u", "a");
    assert!(undone(&forward(&service, "a")));
    assert!(matches!(forward(&service, "b"), Attempt::Ok(_)), "another key is untouched");
}

#[test]
fn a_key_that_a_probe_called_not_applied_is_spent() {
    let service = service(&[]);
    let applied = forward(&service, "a");
    assert_eq!(probe(&service, "a"), applied);
    assert_eq!(probe(&service, "b"), Attempt::Ok(Json::Null));
    assert!(undone(&forward(&service, "b")));
}

#[test]
fn a_declared_error_is_given_again() {
    let service = service(&[("authorize", "Declined(\"no funds\", 3)")]);
    let expected = Attempt::Failed {
        name: "Declined".to_owned(),
        payload: json!({ "reason": "no funds", "code": 3 }),
    };
    assert_eq!(forward(&service, "a"), expected);
    assert_eq!(forward(&service, "a"), expected);
    assert_eq!(probe(&service, "a"), Attempt::Ok(Json::Null), "it did not happen");
}

#[test]
fn a_payload_that_is_not_given_is_sampled() {
    let service = service(&[("authorize", "Declined(\"no funds\")")]);
    let payload = json!({ "reason": "no funds", "code": 1 });
    let expected = Attempt::Failed { name: "Declined".to_owned(), payload };
    assert_eq!(forward(&service, "a"), expected);
}

#[test]
fn unknown_is_applied_with_its_answer_lost_and_refused_is_not() {
    let lossy = service(&[("authorize", "unknown")]);
    assert!(matches!(forward(&lossy, "a"), Attempt::Unknown { timeout: false, .. }));
    assert!(matches!(probe(&lossy, "a"), Attempt::Ok(Json::String(_))), "it happened");
    let away = service(&[("authorize", "refused")]);
    assert!(matches!(forward(&away, "a"), Attempt::Refused { cause: Refusal::Away, .. }));
    assert_eq!(probe(&away, "a"), Attempt::Ok(Json::Null));
}

#[test]
fn a_failure_that_the_contract_does_not_know_is_refused_in_words() {
    let action = &contract()["authorize"];
    let read =
        |text: &str| Failing::parse(text, "Payments.authorize", action).map_err(|e| e.to_string());
    assert_eq!(
        read("Declind").unwrap_err(),
        "`Payments.authorize` declares no error `Declind`; it declares `Declined`"
    );
    for bad in ["Declined(", "Declined(x)", "Declined(1)", "Declined(\"a\", 1, 2)", ""] {
        assert!(read(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_payload_of_a_failure_is_written_as_in_a_flow_file() {
    let level = TypeDecl::Enum {
        variants: vec![
            VariantDecl { name: "High".to_owned(), fields: Vec::new() },
            VariantDecl {
                name: "Other".to_owned(),
                fields: vec![("why".to_owned(), Ty::Text), ("code".to_owned(), Ty::Int)],
            },
        ],
    };
    let field = |name: &str, ty: Ty| (name.to_owned(), ty, None);
    let person = TypeDecl::Record {
        fields: vec![
            field("name", Ty::Pii(Box::new(Ty::Text))),
            field("city", Ty::Optional(Box::new(Ty::Text))),
        ],
    };
    let sku = TypeDecl::Alias { of: Ty::Text, pattern: Some("[A-Z]{3}".to_owned()) };
    let types = [("shop.Level", level), ("shop.Person", person), ("shop.Sku", sku)];
    let types = types.into_iter().map(|(name, decl)| (name.to_owned(), decl)).collect();
    let named = |name: &str| Ty::Named(format!("shop.{name}"));
    let read = |ty: Ty, written: &str| {
        let fields = vec![("it".to_owned(), ty)];
        let errors = vec![ErrorSpec { name: "Err".to_owned(), fields, transient: false }];
        let schema = Arc::new(Schema { types: BTreeMap::clone(&types) });
        let action = Action { errors, schema, ..action(Class::Write, None) };
        match Failing::parse(&format!("Err({written})"), "Payments.authorize", &action) {
            Ok(Failing::Declared { values, .. }) => Ok(values["it"].clone()),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    };
    let eur = || Ty::Money(Some("EUR".to_owned()));
    for (ty, written, value) in [
        (eur(), "1200.00 EUR", json!("1200.00 EUR")),
        (eur(), "it: 1_200.5 EUR", json!("1200.50 EUR")),
        (eur(), "\"12.00 EUR\"", json!("12.00 EUR")),
        (Ty::Money(None), "-3 USD", json!("-3.00 USD")),
        (Ty::Int, "-1_000", json!(-1000)),
        (Ty::Decimal, "0.1", json!("0.1")),
        (Ty::Percent, "80%", json!("80%")),
        (Ty::Duration, "1h30m", json!("1h30m")),
        (Ty::Size, "2MB", json!(2_000_000)),
        (Ty::Bool, "true", json!(true)),
        (Ty::Text, "\"a \\\"b\\\" \\{c\\}, (d)\"", json!("a \"b\" {c}, (d)")),
        (Ty::Date, "\"2026-01-31\"", json!("2026-01-31")),
        (Ty::Optional(Box::new(Ty::Int)), "none", json!(null)),
        (Ty::List(Box::new(eur())), "[1 EUR, 2.50 EUR]", json!(["1.00 EUR", "2.50 EUR"])),
        (Ty::List(Box::new(Ty::Int)), "[]", json!([])),
        (named("Level"), "Level.High", json!("High")),
        (named("Level"), "High", json!("High")),
        (
            named("Level"),
            "Level.Other(\"x\", code: 3)",
            json!({ "Other": { "why": "x", "code": 3 } }),
        ),
        (named("Person"), "Person(name: \"Ann\")", json!({ "name": "Ann" })),
        (
            named("Person"),
            "shop.Person(\"Ann\", \"Bonn\")",
            json!({ "name": "Ann", "city": "Bonn" }),
        ),
        (named("Person"), "{\"name\": \"Ann\"}", json!({ "name": "Ann" })),
        (named("Sku"), "\"ABC\"", json!("ABC")),
    ] {
        assert_eq!(read(ty, written), Ok(value), "{written}");
    }
    for (ty, written, why) in [
        (eur(), "12.00 USD", "`it` must be money in EUR"),
        (eur(), "12", "`it` must be money in EUR"),
        (Ty::Int, "1.5", "`it` must be a whole number"),
        (Ty::Int, "1, 2", "it has one field"),
        (Ty::Int, "that: 1", "there is no field `that`; it has `it`"),
        (Ty::Int, "it: 1, it: 2", "`it` is given twice"),
        (Ty::Int, "x", "`x` is no value here: a whole number is wanted"),
        (Ty::Text, "\"a", "a text does not end"),
        (Ty::List(Box::new(Ty::Int)), "[1", "a list does not end"),
        (named("Level"), "Level.Low", "is wanted"),
        (named("Person"), "Person(city: \"Bonn\")", "`it`: `name` must be text, and it is missing"),
        (named("Sku"), "\"abc\"", "`it` must be `Sku`"),
    ] {
        let told = read(ty, written).unwrap_err();
        assert!(told.contains(why), "{written}: {told}");
    }
}

/// A file for one test, gone with it.
struct Place(std::path::PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let file = format!("sagaflow-{}-{name}.simulated", std::process::id());
        let place = Self(std::env::temp_dir().join(file));
        let _ = std::fs::remove_file(&place.0);
        place
    }

    fn open(&self) -> Simulated {
        in_world(World::kept_in(self.0.clone()).unwrap(), &[])
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn what_was_done_before_a_crash_is_neither_forgotten_nor_done_again() {
    let place = Place::new("crash");
    let Attempt::Ok(hold) = forward(&place.open(), "a") else { panic!("it answers") };
    undo(&place.open(), "u", "b");
    let after = place.open();
    assert_eq!(probe(&after, "a"), Attempt::Ok(hold.clone()), "it used to be `none`");
    assert_eq!(forward(&after, "a"), Attempt::Ok(hold));
    assert!(undone(&forward(&after, "b")), "its undo came before the crash");
    assert_eq!(probe(&after, "c"), Attempt::Ok(Json::Null));
    assert!(undone(&forward(&place.open(), "c")), "a probe has said that it never happens");
}

#[test]
fn an_answer_is_kept_also_where_the_next_process_is_told_to_fail() {
    let place = Place::new("fail");
    let Attempt::Ok(hold) = forward(&place.open(), "a") else { panic!("it answers") };
    let world = World::kept_in(place.0.clone()).unwrap();
    let failing = in_world(world, &[("authorize", "Declined")]);
    assert_eq!(forward(&failing, "a"), Attempt::Ok(hold));
    assert!(matches!(forward(&failing, "b"), Attempt::Failed { .. }));
}

#[test]
fn a_torn_line_is_skipped_and_what_follows_it_is_kept() {
    let place = Place::new("torn");
    forward(&place.open(), "a");
    let whole = std::fs::read(&place.0).unwrap();
    std::fs::write(&place.0, [&whole[..], &whole[..whole.len() / 2]].concat()).unwrap();
    let Attempt::Ok(hold) = forward(&place.open(), "b") else { panic!("it answers") };
    let after = place.open();
    assert!(matches!(probe(&after, "a"), Attempt::Ok(found) if !found.is_null()));
    assert_eq!(probe(&after, "b"), Attempt::Ok(hold));
}

#[test]
fn what_cannot_be_kept_has_not_happened() {
    let folder = std::env::temp_dir().join("sagaflow-no-such-folder/x.simulated");
    let service = in_world(World::kept_in(folder).unwrap(), &[]);
    let refused = |attempt| matches!(attempt, Attempt::Refused { cause: Refusal::Away, .. });
    assert!(refused(forward(&service, "a")));
    assert!(refused(probe(&service, "a")), "it cannot promise `never` either");
}

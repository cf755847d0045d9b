//! Services over real HTTP: the right one keeps every clause, and each broken one is caught by the
//! clause that it breaks, and by no other.

mod shop;

use sagaflow_compiler::load::load_text;
use sagaflow_conform::{
    Binding, Bound, Clause, Contract, Error, Format, Given, Options, Report, Verdict,
};
use shop::{CONTRACT, Defect, Shop};
use std::time::Duration;

fn contract() -> Contract {
    let loaded = load_text("pay.flow", "pay", CONTRACT);
    let analysis = sagaflow_compiler::analyze(&loaded);
    let told: Vec<_> = analysis.diagnostics.iter().map(|one| &one.headline).collect();
    let fir = analysis.lower(&loaded.sources).unwrap_or_else(|| panic!("{told:#?}"));
    let json = sagaflow_fir::contract(&fir, "pay.Payments").to_string();
    Contract::parse(&json).expect("the compiler writes what is read here")
}

const GIVEN: &str = r#"{"Payments.charge": {
    "errors":  {"Declined": {"amount": "13.00 EUR"}},
    "observe": {"read": "Payments.taken"}
}}"#;

fn options() -> Options {
    let given = Given::parse(GIVEN).expect("it is right");
    let wait = Some(Duration::from_millis(1));
    Options { seed: 7, wait, given, ..Options::default() }
}

async fn report(url: &str, options: Options) -> Report {
    let bound = Bound::http(contract(), &Binding::to(url)).expect("it can be bound");
    sagaflow_conform::run(vec![bound], options).await.expect("what is given fits")
}

/// The clauses that are broken.
fn broken(report: &Report) -> Vec<Clause> {
    let broken = report.found().filter(|(_, _, found)| matches!(found.verdict, Verdict::Broken(_)));
    broken.map(|(_, _, found)| found.clause.clone()).collect()
}

/// What a broken service's report says, with its broken clause alone.
async fn caught(defect: Defect, by: Clause, options: Options) -> String {
    let (url, _) = Shop::open(defect).await;
    let mut report = report(&url, options).await;
    assert_eq!(broken(&report), [by], "{}", report.pretty());
    for action in report.services.iter_mut().flat_map(|service| &mut service.actions) {
        action.found.retain(|found| matches!(found.verdict, Verdict::Broken(_)));
    }
    for service in &mut report.services {
        service.actions.retain(|action| !action.found.is_empty());
    }
    report.pretty().replace(&url, "http://…/payments")
}

#[tokio::test]
async fn a_service_that_keeps_its_contract_keeps_every_clause() {
    let (url, _) = Shop::open(Defect::None).await;
    let report = report(&url, options()).await;
    insta::assert_snapshot!(report.pretty().replace(&url, "http://…/payments"));
    report.assert_kept();
}

#[tokio::test]
async fn a_key_that_lives_as_long_as_was_said_is_waited_for() {
    let (url, _) = Shop::open(Defect::None).await;
    let wait = Some(Duration::from_secs(60));
    let report = report(&url, Options { wait, ..options() }).await;
    let of = |clause: &Clause| {
        let found = report
            .found()
            .find(|(_, action, found)| action.action == "charge" && found.clause == *clause);
        found.map(|(_, _, found)| found.verdict.clone())
    };
    assert_eq!(of(&Clause::KeyLife), Some(Verdict::Kept(None)), "{}", report.pretty());
}

#[tokio::test]
async fn an_answer_of_another_type_is_caught() {
    insta::assert_snapshot!(caught(Defect::WrongType, Clause::Answers, options()).await);
}

#[tokio::test]
async fn an_undeclared_error_is_caught() {
    insta::assert_snapshot!(caught(Defect::UndeclaredError, Clause::Answers, options()).await);
}

#[tokio::test]
async fn a_key_that_is_forgotten_is_caught() {
    insta::assert_snapshot!(caught(Defect::ForgetsTheKey, Clause::Repeat, options()).await);
}

#[tokio::test]
async fn another_answer_to_a_repeat_is_caught() {
    insta::assert_snapshot!(caught(Defect::AnswersAnotherValue, Clause::Repeat, options()).await);
}

#[tokio::test]
async fn a_declared_error_that_leaves_an_effect_is_caught() {
    let by = Clause::Error("Declined".to_owned());
    insta::assert_snapshot!(caught(Defect::ErrorLeavesAnEffect, by, options()).await);
}

#[tokio::test]
async fn a_second_undo_that_fails_is_caught() {
    insta::assert_snapshot!(caught(Defect::SecondUndoFails, Clause::UndoTwice, options()).await);
}

#[tokio::test]
async fn a_second_undo_that_undoes_again_is_caught() {
    insta::assert_snapshot!(caught(Defect::UndoesTwice, Clause::UndoTwice, options()).await);
}

#[tokio::test]
async fn an_undo_that_came_first_and_was_forgotten_is_caught() {
    insta::assert_snapshot!(caught(Defect::NoTombstone, Clause::UndoFirst, options()).await);
}

#[tokio::test]
async fn a_call_that_is_done_again_after_its_undo_is_caught() {
    // The same defect lets a call through whose undo, or whose probe, came first.
    let (url, _) = Shop::open(Defect::ForgetsTheUndo).await;
    let report = report(&url, options()).await;
    let all = [Clause::UndoFirst, Clause::DoAfterUndo, Clause::Probe];
    assert_eq!(broken(&report), all, "{}", report.pretty());
}

#[tokio::test]
async fn two_at_once_that_both_apply_are_caught() {
    let by = Clause::TwoAtOnce;
    let said = caught(Defect::TwoAtOnceApplyTwice, by, options()).await;
    // Which of the two is first is nobody's to say.
    insta::with_settings!({ filters => [(r#""id":"ch-\d+""#, r#""id":"ch-N""#)] }, {
        insta::assert_snapshot!(said);
    });
}

#[tokio::test]
async fn a_key_that_expires_earlier_than_was_said_is_caught() {
    let wait = Some(Duration::from_secs(60));
    let options = Options { wait, ..options() };
    insta::assert_snapshot!(caught(Defect::KeyExpiresEarly, Clause::KeyLife, options).await);
}

#[tokio::test]
async fn a_probe_that_lets_the_late_call_through_is_caught() {
    let by = Clause::Probe;
    insta::assert_snapshot!(caught(Defect::ProbeLeavesNoTombstone, by, options()).await);
}

#[tokio::test]
async fn without_a_read_a_repeat_is_judged_by_its_answers_and_the_report_says_so() {
    let (url, _) = Shop::open(Defect::UndoesTwice).await;
    let report = report(&url, Options { given: Given::default(), ..options() }).await;
    assert_eq!(broken(&report), []);
    let said = report.pretty();
    assert!(said.contains("as far as its answers tell"), "{said}");
    assert!(
        said.contains(r#"{"Payments.charge": {"errors": {"Declined": {…}}}} in `--given`"#),
        "{said}"
    );
}

#[tokio::test]
async fn calls_carry_the_headers_of_the_engine_and_say_that_they_are_trials() {
    let (url, shop) = Shop::open(Defect::None).await;
    let only = Some("Payments.charge".to_owned());
    report(&url, Options { only, ..options() }).await;
    let heads = shop.heads();
    assert!(!heads.is_empty());
    for head in &heads {
        assert_eq!(
            head.get("flow-namespace").map(|value| value.as_bytes()),
            Some(&b"conformance"[..])
        );
        assert_eq!(head.get("flow-purpose").map(|value| value.as_bytes()), Some(&b"do"[..]));
        assert_eq!(head.get("idempotency-key").map(|value| value.len()), Some(32));
        for name in ["flow-run", "flow-step", "flow-attempt", "traceparent"] {
            assert!(head.contains_key(name), "{name}");
        }
    }
}

#[tokio::test]
async fn the_same_seed_makes_the_same_calls_and_another_one_others() {
    let mut keys = Vec::new();
    for seed in [7, 7, 8] {
        let (url, shop) = Shop::open(Defect::None).await;
        report(&url, Options { seed, ..options() }).await;
        let key = |head: &axum::http::HeaderMap| head.get("idempotency-key").cloned();
        keys.push(shop.heads().iter().map(key).collect::<Vec<_>>());
    }
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[0], keys[2]);
}

#[tokio::test]
async fn a_service_that_is_not_there_is_neither_kept_nor_broken() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it has an address"));
    drop(listener);
    let report = report(&url, options()).await;
    assert_eq!((report.kept(), report.broken(), report.unreached()), (0, 0, true));
}

#[tokio::test]
async fn an_action_that_is_completed_later_is_not_tried() {
    let (url, _) = Shop::open(Defect::CompletesLater).await;
    let report = report(&url, Options { given: Given::default(), ..options() }).await;
    let charge = report.found().filter(|(_, action, _)| action.action == "charge");
    for (_, _, found) in charge {
        assert!(matches!(found.verdict, Verdict::NotTried(_)), "{}", report.pretty());
    }
    assert!(report.pretty().contains("it answers 202"), "{}", report.pretty());
}

#[tokio::test]
async fn a_status_that_the_binding_maps_is_the_declared_error() {
    let (url, _) = Shop::open(Defect::UndeclaredError).await;
    let mut binding = Binding::to(&url);
    binding.errors.insert("402".to_owned(), "Declined".to_owned());
    let bound = Bound::http(contract(), &binding).expect("it can be bound");
    let only = Some("Payments.charge".to_owned());
    let options = Options { only, ..options() };
    let report = sagaflow_conform::run(vec![bound], options).await.expect("what is given fits");
    assert_eq!(broken(&report), [], "{}", report.pretty());
    assert!(report.pretty().contains("with `Declined`"), "{}", report.pretty());
}

#[tokio::test]
async fn what_is_given_must_fit_the_contract() {
    for (given, cause) in [
        (r#"{"Payments.charg": {}}"#, "no bound service has an action `Payments.charg`"),
        (r#"{"Payments.charge": {"args": [{"amount": 7}]}}"#, "`amount`"),
        (r#"{"Payments.charge": {"args": [{"total": 7}]}}"#, "no parameter `total`"),
        (r#"{"Payments.charge": {"errors": {"Gone": {}}}}"#, "no error `Gone`"),
        (r#"{"Payments.charge": {"observe": {"read": "Payments.sum"}}}"#, "`Payments.sum`"),
    ] {
        let bound = Bound::http(contract(), &Binding::to("http://127.0.0.1:9")).expect("a URL");
        let given = Given::parse(given).expect("it is read");
        let done = sagaflow_conform::run(vec![bound], Options { given, ..options() }).await;
        let told = done.map(|_| ()).map_err(|error: Error| error.to_string());
        assert!(told.as_ref().is_err_and(|told| told.contains(cause)), "{told:?}");
    }
    assert!(Given::parse(r#"{"Payments.charge": {"arg": []}}"#).is_err());
}

#[tokio::test]
async fn programs_read_the_report_as_json_and_ci_reads_it_as_junit() {
    let (url, _) = Shop::open(Defect::NoTombstone).await;
    let report = report(&url, options()).await;
    let json: serde_json::Value = serde_json::from_str(&report.print(Format::Json)).expect("JSON");
    assert_eq!(json["broken"], 1);
    let clauses = json["clauses"].as_array().expect("a list");
    let broken = clauses.iter().find(|one| one["verdict"] == "broken").expect("it is there");
    assert_eq!((&broken["clause"], &broken["action"]), (&"undo-first".into(), &"charge".into()));
    assert_eq!(broken["calls"].as_array().map(Vec::len), Some(4));
    let junit = report.print(Format::Junit);
    assert_eq!(junit.matches("<failure ").count(), 1, "{junit}");
    assert!(junit.contains("<testsuite name=\"pay.Payments.charge\""), "{junit}");
    assert!(!junit.contains("{\"error\""), "quotes are escaped: {junit}");
}

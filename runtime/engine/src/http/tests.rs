//! The outcome table against real servers, one test for each line.

use super::{Answered, BODY_MAX, Binding, Completion, Http, completed, is_loopback, rounded};
use crate::contract::{Action, Contract};
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use sagaflow_core::codegen::{Class, ErrorSpec, Json, Schema, Ty};
use sagaflow_core::id::RunId;
use sagaflow_core::service::{Attempt, Call, Purpose, Refusal};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

type Seen = Arc<Mutex<Vec<(String, HeaderMap, Json)>>>;

fn action(result: Option<Ty>) -> Action {
    let declined = ErrorSpec {
        name: "Declined".to_owned(),
        fields: vec![("reason".to_owned(), Ty::Text)],
        transient: false,
    };
    let gone = ErrorSpec { name: "Gone".to_owned(), fields: Vec::new(), transient: false };
    Action {
        class: Class::Write,
        idempotent: true,
        undoable: true,
        errors: vec![declined, gone],
        result,
        params: BTreeMap::new(),
        schema: Arc::new(Schema::default()),
    }
}

fn contract() -> Contract {
    Contract::from([
        ("authorize".to_owned(), action(Some(Ty::Int))),
        ("void".to_owned(), action(None)),
        ("find".to_owned(), action(Some(Ty::Optional(Box::new(Ty::Int))))),
    ])
}

fn call(action: &str) -> Call {
    Call {
        namespace: "default".to_owned(),
        service: "shop.Payments".to_owned(),
        action: action.to_owned(),
        key: "0123456789abcdef0123456789abcdef".to_owned(),
        undoes: None,
        run: RunId::new(1_000, 7, [1; 8]),
        path: "files[2]/größe".to_owned(),
        attempt: 2,
        purpose: Purpose::Do,
        fence: None,
        within: Duration::from_secs(2),
        callback: "/api/callbacks/here".to_owned(),
    }
}

fn bound(url: &str, errors: &[(&str, &str)]) -> Http {
    let mut binding = Binding::to(url);
    binding.errors = errors.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    Http::new("shop.Payments", &binding, contract(), None).expect("a good binding")
}

/// Serves one answer for everything.
async fn server(answer: impl Fn() -> Response + Clone + Send + Sync + 'static) -> (String, Seen) {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let app = axum::Router::new().fallback(
        move |uri: axum::http::Uri, headers: HeaderMap, body: Bytes| async move {
            let body = serde_json::from_slice(&body).unwrap_or_default();
            log.lock().unwrap().push((uri.to_string(), headers, body));
            answer()
        },
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/payments", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, seen)
}

async fn answered(status: u16, headers: &[(&str, &str)], body: &str, action: &str) -> Attempt {
    mapped(&[], status, headers, body, action).await
}

async fn mapped(
    errors: &[(&str, &str)],
    status: u16,
    headers: &[(&str, &str)],
    body: &str,
    action: &str,
) -> Attempt {
    let body = body.to_owned();
    let headers: Vec<(String, String)> =
        headers.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let (url, _) = server(move || {
        let mut response = (StatusCode::from_u16(status).unwrap(), body.clone()).into_response();
        for (name, value) in &headers {
            let name = axum::http::HeaderName::try_from(name).unwrap();
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        response
    })
    .await;
    ended(&bound(&url, errors), &call(action)).await
}

/// A server that reads the request and then does `then` with the connection.
async fn raw(answer: &'static [u8], hold: Duration) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = [0_u8; 4096];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(answer).await;
                tokio::time::sleep(hold).await;
            });
        }
    });
    url
}

async fn ended(http: &Http, call: &Call) -> Attempt {
    match http.exchange(call, &json!({})).await {
        Answered::Ended(attempt) => attempt,
        Answered::Accepted => panic!("it was not accepted"),
    }
}

fn failed(name: &str, payload: Json) -> Attempt {
    Attempt::Failed { name: name.to_owned(), payload }
}

fn is_unknown(attempt: &Attempt, timed_out: bool) -> bool {
    matches!(attempt, Attempt::Unknown { timeout, .. } if *timeout == timed_out)
}

fn is_refused(attempt: &Attempt, why: Refusal, after: Option<i64>) -> bool {
    matches!(attempt, Attempt::Refused { cause, retry_after_ms, .. }
        if *cause == why && *retry_after_ms == after)
}

fn is_fault(attempt: &Attempt) -> bool {
    matches!(attempt, Attempt::Fault { .. })
}

#[tokio::test]
async fn a_request_says_everything_a_service_needs() {
    let (url, seen) = server(|| "7".into_response()).await;
    let mut binding = Binding::to(&url);
    binding.headers.insert("Authorization".to_owned(), "env:PATH".to_owned());
    let node = Some("http://127.0.0.1:7070/".parse().unwrap());
    let http = Http::new("shop.Payments", &binding, contract(), node).unwrap();
    let mut call = call("authorize");
    call.undoes = Some("ffff".to_owned());
    call.fence = Some(5);
    let answered = http.exchange(&call, &json!({ "order": "x" })).await;
    assert_eq!(answered, Answered::Ended(Attempt::Ok(json!(7))));
    let (path, headers, body) = seen.lock().unwrap().remove(0);
    assert_eq!((path.as_str(), body), ("/payments/authorize", json!({ "order": "x" })));
    let expected = [
        ("content-type", "application/json"),
        ("idempotency-key", "0123456789abcdef0123456789abcdef"),
        ("flow-undoes", "ffff"),
        ("flow-run", &call.run.to_string()),
        ("flow-step", "files[2]/gr%C3%B6%C3%9Fe"),
        ("flow-attempt", "2"),
        ("flow-purpose", "do"),
        ("flow-namespace", "default"),
        ("flow-fence", "5"),
        ("flow-callback", "http://127.0.0.1:7070/api/callbacks/here"),
        ("authorization", &std::env::var("PATH").unwrap()),
    ];
    for (name, value) in expected {
        assert_eq!(headers.get(name).and_then(|v| v.to_str().ok()), Some(value), "{name}");
    }
    let trace = headers["traceparent"].to_str().unwrap();
    assert_eq!(trace, format!("00-{}-0123456789abcdef-01", call.run.0.simple()));
}

#[tokio::test]
async fn a_mapped_status_is_its_declared_error_whatever_the_body() {
    let map = [("402", "Declined"), ("404", "Gone")];
    let attempt = mapped(&map, 402, &[], r#"{"reason":"no funds"}"#, "authorize").await;
    assert_eq!(attempt, failed("Declined", json!({ "reason": "no funds" })));
    let attempt = mapped(&map, 402, &[], "<html>", "authorize").await;
    assert_eq!(attempt, failed("Declined", json!({ "reason": "status 402" })));
    // It comes before every other line: an unmapped 404 would be a broken contract.
    assert_eq!(mapped(&map, 404, &[], "", "authorize").await, failed("Gone", Json::Null));
}

#[tokio::test]
async fn a_2xx_is_ok_when_it_decodes_and_a_fault_when_it_does_not() {
    assert_eq!(answered(200, &[], "7", "authorize").await, Attempt::Ok(json!(7)));
    assert_eq!(answered(201, &[], "7", "authorize").await, Attempt::Ok(json!(7)));
    assert_eq!(answered(204, &[], "", "void").await, Attempt::Ok(Json::Null));
    assert_eq!(answered(200, &[], "{}", "void").await, Attempt::Ok(Json::Null));
    assert_eq!(answered(204, &[], "", "find").await, Attempt::Ok(Json::Null));
    for body in ["", "\"seven\"", "{", "<html>", "7 7"] {
        assert!(is_fault(&answered(200, &[], body, "authorize").await), "{body}");
    }
    assert!(is_fault(&answered(200, &[], "<html>", "void").await), "a stray page is no answer");
}

#[tokio::test]
async fn a_4xx_that_names_a_declared_error_is_that_error() {
    for status in [400, 401, 404, 409, 422, 429] {
        let body = r#"{"error":"Declined","reason":"no funds"}"#;
        let attempt = answered(status, &[], body, "authorize").await;
        assert_eq!(attempt, failed("Declined", json!({ "reason": "no funds" })), "{status}");
    }
    let attempt = answered(422, &[], r#"{"error":"Declined"}"#, "authorize").await;
    assert!(is_fault(&attempt), "its payload does not decode: {attempt:?}");
    let attempt = answered(422, &[], r#"{"error":"Never"}"#, "authorize").await;
    assert!(is_unknown(&attempt, false), "it is not declared: {attempt:?}");
    let attempt = answered(500, &[], r#"{"error":"Gone"}"#, "authorize").await;
    assert!(is_unknown(&attempt, false), "a 5xx promises nothing: {attempt:?}");
}

#[tokio::test]
async fn what_was_not_sent_is_refused() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (plain, seen) = server(|| "7".into_response()).await;
    let tls = plain.replace("http://", "https://");
    for url in [closed.as_str(), "http://nowhere.invalid", &tls] {
        let attempt = ended(&bound(url, &[]), &call("authorize")).await;
        assert!(is_refused(&attempt, Refusal::Away, None), "{url}: {attempt:?}");
    }
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn overload_is_refused_and_its_time_honoured() {
    let later = [("retry-after", "7")];
    assert!(is_refused(&answered(429, &[], "", "void").await, Refusal::Away, None));
    assert!(is_refused(&answered(429, &later, "", "void").await, Refusal::Away, Some(7_000)));
    assert!(is_refused(&answered(503, &later, "", "void").await, Refusal::Away, Some(7_000)));
    let attempt = answered(503, &[], "", "void").await;
    assert!(is_unknown(&attempt, false), "without a time it promises nothing: {attempt:?}");
}

#[tokio::test]
async fn an_undone_key_is_refused_as_such() {
    let attempt = answered(409, &[], r#"{"error":"undone"}"#, "authorize").await;
    assert!(is_refused(&attempt, Refusal::Undone, None), "{attempt:?}");
    assert!(is_unknown(&answered(409, &[], "{}", "authorize").await, false));
}

#[tokio::test]
async fn bad_credentials_are_refused_and_ours_to_repair() {
    for status in [401, 403] {
        let attempt = answered(status, &[], "", "authorize").await;
        assert!(is_refused(&attempt, Refusal::Credentials, None), "{attempt:?}");
    }
}

#[tokio::test]
async fn a_broken_contract_is_a_fault() {
    for status in [301, 302, 307, 400, 404, 405, 413, 415] {
        let attempt = answered(status, &[("location", "/elsewhere")], "", "authorize").await;
        assert!(is_fault(&attempt), "{status}: {attempt:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (url, seen) = server(|| {
        let mut response = StatusCode::TEMPORARY_REDIRECT.into_response();
        response.headers_mut().insert("location", "/elsewhere".parse().unwrap());
        response
    })
    .await;
    assert!(is_fault(&ended(&bound(&url, &[]), &call("void")).await));
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn anything_else_is_unknown() {
    for status in [402, 408, 409, 418, 422, 500, 502, 503, 504] {
        let attempt = answered(status, &[], "oops", "authorize").await;
        assert!(is_unknown(&attempt, false), "{status}: {attempt:?}");
    }
}

#[tokio::test]
async fn a_time_out_is_unknown() {
    let url = raw(b"", Duration::from_secs(60)).await;
    let mut call = call("void");
    call.within = Duration::from_millis(200);
    assert!(is_unknown(&ended(&bound(&url, &[]), &call).await, true));
    // Also where the head of the answer came in time and its body did not.
    let url = raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n7", Duration::from_secs(60)).await;
    assert!(is_unknown(&ended(&bound(&url, &[]), &call).await, true));
}

#[tokio::test]
async fn a_connection_lost_after_sending_is_unknown() {
    for answer in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n7", b"garbage\r\n\r\n"] {
        let url = raw(answer, Duration::ZERO).await;
        let attempt = ended(&bound(&url, &[]), &call("authorize")).await;
        assert!(is_unknown(&attempt, false), "{attempt:?}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_not_read() {
    let (url, _) = server(|| vec![b' '; BODY_MAX + 1].into_response()).await;
    let mut call = call("void");
    call.within = Duration::from_secs(20);
    assert!(is_fault(&ended(&bound(&url, &[]), &call).await));
}

#[tokio::test]
async fn an_accepted_call_is_completed_later_where_somebody_can_take_it() {
    let (url, _) = server(|| StatusCode::ACCEPTED.into_response()).await;
    let node = Some("http://127.0.0.1:7070/".parse().unwrap());
    let http = Http::new("shop.Payments", &Binding::to(&url), contract(), node).unwrap();
    assert_eq!(http.exchange(&call("authorize"), &json!({})).await, Answered::Accepted);
    let attempt = ended(&bound(&url, &[]), &call("authorize")).await;
    assert!(is_unknown(&attempt, false), "nobody here takes its completion: {attempt:?}");
}

#[test]
fn a_completion_is_judged_as_an_answer_is() {
    let action = action(Some(Ty::Int));
    let complete = |body: &str| completed(&action, &Completion::Complete(body.into()));
    let fail = |body: &str| completed(&action, &Completion::Fail(body.into()));
    assert_eq!(complete("7"), Attempt::Ok(json!(7)));
    assert!(is_fault(&complete("\"x\"")));
    let declined = r#"{"error":"Declined","reason":"no"}"#;
    assert_eq!(fail(declined), failed("Declined", json!({ "reason": "no" })));
    assert!(is_unknown(&fail("{}"), false), "it names no declared error");
}

#[test]
fn secrets_never_show() {
    let mut binding = Binding::to("https://user:hunter2@pay.example/v1?token=hunter3");
    binding.headers.insert("authorization".to_owned(), "Bearer hunter4".to_owned());
    let shown = format!("{binding:?}");
    assert!(!shown.contains("hunter"), "{shown}");
    assert!(shown.contains("pay.example/v1") && shown.contains("authorization"), "{shown}");
}

#[test]
fn a_binding_that_cannot_work_is_refused_at_once() {
    let with = |url: &str, header: Option<(&str, &str)>, error: Option<(&str, &str)>| {
        let mut binding = Binding::to(url);
        binding.headers.extend(header.map(|(a, b)| (a.to_owned(), b.to_owned())));
        binding.errors.extend(error.map(|(a, b)| (a.to_owned(), b.to_owned())));
        Http::new("shop.Payments", &binding, contract(), None)
            .map(|_| ())
            .map_err(|e| e.to_string())
    };
    let url = "http://127.0.0.1:9";
    assert_eq!(with(url, None, Some(("402", "Declined"))), Ok(()));
    for bad in ["127.0.0.1:9", "ftp://x", "http://", "http://x/?q=1", "nonsense"] {
        assert!(with(bad, None, None).is_err(), "{bad}");
    }
    for bad in [("Flow-Run", "x"), ("idempotency-key", "x"), ("a b", "x"), ("x", "a\nb")] {
        assert!(with(url, Some(bad), None).is_err(), "{bad:?}");
    }
    for bad in [("402", "Never"), ("200", "Declined"), ("abc", "Declined")] {
        assert!(with(url, None, Some(bad)).is_err(), "{bad:?}");
    }
    let missing = with(url, Some(("x-key", "env:SAGAFLOW_NOT_SET_ANYWHERE")), None).unwrap_err();
    assert!(missing.contains("SAGAFLOW_NOT_SET_ANYWHERE"), "{missing}");
}

#[test]
fn times_to_connect_are_few_and_never_longer_than_the_attempt() {
    let ms = |ms: u64| rounded(Duration::from_millis(ms));
    assert_eq!((ms(2_000), ms(3_000), ms(30_000)), (1_792, 2_560, 28_672));
    for within in [0, 1, 5, 1_001, 9_999_999, u64::MAX] {
        assert!(ms(within) <= within.max(4), "{within}");
    }
    let all: std::collections::BTreeSet<u64> = (0..100_000).map(ms).collect();
    assert!(all.len() <= 80, "{}", all.len());
}

#[test]
fn this_machine_is_told_from_others_by_its_address() {
    for here in
        ["http://127.0.0.1:9/a", "http://localhost:9", "https://[::1]:9/", "http://127.9.9.9"]
    {
        assert!(is_loopback(here), "{here}");
    }
    let others = [
        "http://10.0.0.1",
        "http://127.0.0.1.example",
        "http://localhost.example",
        "http://[::2]/",
        "x",
    ];
    for other in others {
        assert!(!is_loopback(other), "{other}");
    }
    assert!(!is_loopback("http://127.0.0.1@pay.example/"), "the host stands behind the sign");
}

//! What bad input gets: a clear, coded message, and an unchanged world.

use sagaflow_it::{Flowd, flow, flowd, sample};
use serde_json::{Value, json};

/// Arguments after `run FILE`, the exit code, and what is said.
#[tokio::test]
async fn a_command_line_that_cannot_work_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let (orders, store) = (flow("shop/orders.flow"), folder.path().join("s.db"));
    let store = store.to_string_lossy().into_owned();
    let (invoices, missing) = (flow("finance/invoices.flow"), "nowhere.flow".to_owned());
    let table: &[(&str, &[&str], &str)] = &[
        (
            &orders,
            &["--workflow", "FulfillOrder"],
            "R1001: there is no workflow `FulfillOrder`; did you mean",
        ),
        (&orders, &["--input", "{"], "R1037: the input is not JSON"),
        (
            &orders,
            &["--input", "nothing.json"],
            "R1037: `nothing.json` is neither JSON, nor a file",
        ),
        (&orders, &["--input", "5"], "R1004: the input does not fit"),
        (&orders, &[], "give it with `--input`"),
        (&orders, &["--input", "{\"id\": 5}"], "`id` must be a UUID"),
        (
            &orders,
            &["--input", "order", "--bind", "Payment=http://x"],
            "did you mean `shop.orders.Payments`?",
        ),
        (&orders, &["--input", "order", "--bind", "Payments=ftp://x"], "must be `http://…`"),
        (
            &orders,
            &["--input", "order", "--fail", "Payments.authorize=Declind"],
            "it declares `Declined`",
        ),
        (&orders, &["--input", "order", "--fail", "Payments.void"], "write it as NAME=VALUE"),
        (&orders, &["--input", "order", "--fail", "authorize=Declined"], "name an action"),
        (&orders, &["--input", "order", "--crash-after", "0"], "--crash-after"),
        (&orders, &["--input", "order", "--store", "postgres://u:hunter2@h/d"], "R1034"),
        (&orders, &["--nonsense"], "--nonsense"),
        (&missing, &[], "nowhere.flow"),
        (&invoices, &["--workflow", "PayInvoice", "--input", "{}"], "F0005"),
    ];
    for (file, more, told) in table {
        let mut args = vec!["run", file];
        args.extend(more.iter().copied());
        if !more.contains(&"--store") {
            args.extend(["--store", &store]);
        }
        let output = flowd(&args).await;
        assert_eq!(output.code, Some(2), "{args:?}: {output:?}");
        assert!(output.err.contains(told), "{args:?}: `{told}` is missing in\n{}", output.err);
        assert!(output.out.is_empty() && !output.err.contains("hunter2"), "{args:?}: {output:?}");
        assert!(!output.err.contains("panicked"), "{}", output.err);
    }
    assert!(!std::path::Path::new(&store).exists(), "nothing was touched");
}

#[tokio::test]
async fn a_program_with_findings_is_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.flow");
    std::fs::write(
        &file,
        "workflow W v1 (x: text) -> text idempotent by x deadline 1h { return y }\n",
    )
    .unwrap();
    let store = folder.path().join("s.db").to_string_lossy().into_owned();
    let file = file.to_string_lossy().into_owned();
    let output =
        flowd(&["run", &file, "--workflow", "W", "--input", "\"x\"", "--store", &store]).await;
    assert_eq!(output.code, Some(2));
    assert!(output.err.contains("F0"), "{}", output.err);
}

struct Bad {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Value>,
    status: u16,
    code: &'static str,
}

fn bad(
    method: &'static str,
    path: &str,
    body: Option<Value>,
    status: u16,
    code: &'static str,
) -> Bad {
    Bad { method, path: path.to_owned(), headers: Vec::new(), body, status, code }
}

fn table() -> Vec<Bad> {
    let start = "/api/workflows/FulfilOrder/runs";
    let nobody = "0192f0c1-7a50-7cc3-9a53-1f2c6d3b9aff";
    let with = |headers: &[(&'static str, &str)], bad: Bad| Bad {
        headers: headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        ..bad
    };
    let input = |change: fn(&mut Value)| Some(json!({ "input": sample(change) }));
    let deep: Value = (0..80).fold(json!(1), |inner, _| json!([inner]));
    let big = json!({ "input": "x".repeat(2 * 1024 * 1024) });
    vec![
        bad("POST", "/api/workflows/Nope/runs", Some(json!({})), 404, "R1001"),
        bad("GET", &format!("/api/runs/{nobody}"), None, 404, "R1002"),
        bad("GET", "/api/runs/nonsense", None, 404, "R1002"),
        bad("GET", "/api/runs/%00", None, 404, "R1002"),
        bad("POST", start, Some(json!({})), 400, "R1004"),
        bad("POST", start, Some(json!({ "input": 5 })), 400, "R1004"),
        bad("POST", start, input(|order| order["total"] = json!(52)), 400, "R1004"),
        bad("POST", start, input(|order| order["total"] = json!("52.001 EUR")), 400, "R1004"),
        bad("POST", start, input(|order| order["items"][0]["sku"] = json!("x")), 400, "R1004"),
        bad(
            "POST",
            start,
            input(|order| drop(order.as_object_mut().unwrap().remove("id"))),
            400,
            "R1004",
        ),
        bad("POST", start, Some(json!({ "inputs": 1 })), 400, "R1005"),
        bad("POST", start, Some(json!([1])), 400, "R1005"),
        bad("POST", start, Some(Value::Null), 400, "R1004"),
        bad("POST", start, Some(json!({ "input": deep })), 400, "R1019"),
        bad("POST", start, Some(big), 413, "R1018"),
        bad("POST", &format!("{start}?wait=forever"), input(|_| {}), 400, "R1023"),
        bad("POST", &format!("{start}?wait=2h"), input(|_| {}), 400, "R1023"),
        bad("POST", &format!("{start}?until=never"), input(|_| {}), 400, "R1023"),
        bad("POST", &format!("{start}?on_conflict=maybe"), input(|_| {}), 400, "R1023"),
        bad("POST", &format!("{start}?nope=1"), input(|_| {}), 400, "R1023"),
        bad("POST", &format!("{start}?version=9"), input(|_| {}), 404, "R1003"),
        with(
            &[("idempotency-key", &"k".repeat(300))],
            bad("POST", start, input(|_| {}), 400, "R1023"),
        ),
        with(&[("origin", "http://evil.example")], bad("POST", start, input(|_| {}), 403, "R1020")),
        with(&[("host", "evil.example")], bad("GET", "/api/runs", None, 403, "R1020")),
        bad("GET", "/api/runs?limit=0", None, 400, "R1023"),
        bad("GET", "/api/runs?limit=100000", None, 400, "R1023"),
        bad("GET", "/api/runs?status=happy", None, 400, "R1023"),
        bad("GET", "/api/runs?since=yesterday", None, 400, "R1023"),
        bad("GET", "/api/runs?after=x", None, 400, "R1023"),
        bad("DELETE", "/api/runs", None, 405, "R1022"),
        bad("GET", "/api/nothing", None, 404, "R1021"),
        bad("GET", "/../etc/passwd", None, 404, "R1021"),
        bad("POST", &format!("/api/runs/{nobody}/cancel"), Some(json!({})), 404, "R1002"),
        bad(
            "POST",
            &format!("/api/runs/{nobody}/steps/hold/resolve"),
            Some(json!({ "outcome": "again" })),
            404,
            "R1002",
        ),
        bad(
            "POST",
            &format!("/api/runs/{nobody}/steps/hold/resolve"),
            Some(json!({ "outcome": "maybe" })),
            400,
            "R1005",
        ),
        bad("POST", "/api/tasks/nothing/claim", None, 404, "R1003"),
        bad("POST", "/api/dead-letters/nothing/retry", None, 404, "R1003"),
        bad("POST", "/api/events/Nope", Some(json!({})), 404, "R1003"),
        bad("POST", &format!("/api/runs/{nobody}/calls/1/1/do/complete"), None, 404, "R1002"),
        bad("POST", &format!("/api/runs/{nobody}/calls/1/1/what/complete"), None, 404, "R1003"),
        bad("GET", "/api/inputs/nothing", None, 404, "R1003"),
        bad("GET", "/api/runs/%ff", None, 404, "R1021"),
        bad("POST", &format!("/api/runs/{nobody}/calls/x/1/do/complete"), None, 404, "R1021"),
        bad("POST", "/api/workflows//runs", None, 404, "R1001"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_cannot_work_gets_its_code_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.db").to_string_lossy().into_owned();
    let node = Flowd::start("dev", &[&flow("shop/orders.flow"), "--store", &store]).await;
    for bad in table() {
        let headers: Vec<_> = bad.headers.iter().map(|(a, b)| (*a, b.as_str())).collect();
        let (status, sent, body) = node.full(bad.method, &bad.path, bad.body, &headers).await;
        let place = format!("{} {} {:?}: {body}", bad.method, bad.path, bad.headers);
        assert_eq!((status, body["code"].as_str()), (bad.status, Some(bad.code)), "{place}");
        assert_eq!(sent["content-type"], "application/problem+json", "{place}");
        assert_eq!(body["status"], bad.status, "{place}");
        assert!(body["detail"].as_str().is_some_and(|text| !text.is_empty()), "{place}");
    }
    let (_, runs) = node.request("GET", "/api/runs", None).await;
    assert_eq!(runs["items"], json!([]), "nothing was started");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_does_not_fit_is_named_with_its_type() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.db").to_string_lossy().into_owned();
    let node = Flowd::start("dev", &[&flow("shop/orders.flow"), "--store", &store]).await;
    let input = sample(|order| order["items"][1]["price"] = json!(3.25));
    let body = Some(json!({ "input": input }));
    let (_, problem) = node.request("POST", "/api/workflows/FulfilOrder/runs", body).await;
    assert_eq!(problem["path"], "items[1].price");
    assert!(problem["expected"].as_str().unwrap().contains("money"), "{problem}");
    assert!(!problem.to_string().contains("3.25"), "what was sent is not repeated: {problem}");
}

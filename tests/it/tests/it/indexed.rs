//! Runs are found by the values that their workflows declare, as people look for them.

use sagaflow_it::{Flowd, flow};
use serde_json::{Value, json};
use std::time::Duration;

pub(crate) async fn claim(node: &Flowd, id: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut input = json!({
        "id": id, "customer": { "id": "ann", "email": "ann@example.com" },
        "total": "12.00 EUR", "channel": "Web", "parts": 2,
    });
    change(&mut input);
    let body = json!({ "input": input });
    for _ in 0..600 {
        let answer = node.try_request("POST", "/api/workflows/Claim/runs", Some(&body)).await;
        match answer {
            Some((200 | 201, run)) => return run["id"].as_str().unwrap().to_owned(),
            // Its shard is on the way to another node; the same again is safe.
            None | Some((503 | 504, _)) => tokio::time::sleep(Duration::from_millis(100)).await,
            Some(other) => panic!("{other:?}"),
        }
    }
    panic!("nobody takes it");
}

async fn asked(node: &Flowd, query: &str) -> (u16, Value) {
    node.request("GET", &format!("/api/runs?{query}"), None).await
}

pub(crate) async fn found(node: &Flowd, query: &str) -> Vec<String> {
    let (status, page) = asked(node, query).await;
    assert_eq!(status, 200, "{query}: {page}");
    let items = page["items"].as_array().unwrap();
    items.iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect()
}

/// Waits until these are found, newest first, for as long as a slow machine may take.
pub(crate) async fn find(node: &Flowd, query: &str, expected: &[&String]) {
    let mut last = Vec::new();
    for _ in 0..1_200 {
        last = found(node, query).await;
        if last.iter().eq(expected.iter().copied()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{query} finds {last:?}, not {expected:?}");
}

async fn serve(store: &str) -> Flowd {
    Flowd::start("serve", &[&flow("sought.flow"), "--store", store]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_found_by_what_they_declare_while_they_wait_after_a_crash_and_after_their_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.db").to_string_lossy().into_owned();
    let node = serve(&store).await;
    let first = claim(&node, "c-1", |_| {}).await;
    let phoned = claim(&node, "c-2", |input| input["channel"] = json!("Phone")).await;
    let other = claim(&node, "c-3", |input| {
        input["customer"]["id"] = json!("a \"b\" & ü");
        input["total"] = json!("7.50 EUR");
        input["broker"] = json!("x");
    });
    let other = other.await;
    let memo = json!({ "input": { "id": "ann", "note": "hello" } });
    let memo = node.request("POST", "/api/workflows/Memo/runs?wait=30s", Some(memo)).await.1;
    assert_eq!(memo["status"], "completed", "{memo}");
    let memo = memo["id"].as_str().unwrap().to_owned();
    let parcel = json!({ "input": { "id": "p", "parts": "2" } });
    let parcel = node.request("POST", "/api/workflows/Parcel/runs?wait=30s", Some(parcel)).await.1;
    let parcel = parcel["id"].as_str().unwrap().to_owned();

    let all: [(&str, &[&String]); 13] = [
        ("index.id=ann", &[&memo, &phoned, &first]),
        ("index.id=ann&workflow=Claim", &[&phoned, &first]),
        ("index.id=a+%22b%22+%26+%C3%BC", &[&other]),
        ("index.id=an", &[]),
        ("index.total=12+EUR", &[&phoned, &first]),
        ("index.channel=Phone", &[&phoned]),
        ("index.parts=2", &[&parcel, &other, &phoned, &first]),
        ("index.parts=2&limit=2", &[&parcel, &other]),
        ("index.parts=2&workflow=Claim", &[&other, &phoned, &first]),
        ("index.broker=x", &[&other]),
        ("index.id=ann&index.total=12.00+EUR&index.channel=Web", &[&first]),
        ("index.id=ann&status=completed", &[&memo]),
        ("index.id=ann&limit=1", &[&memo]),
    ];
    for (query, expected) in all {
        find(&node, query, expected).await;
    }
    let next = asked(&node, "index.id=ann&limit=1").await.1["next"].clone();
    let page = format!("index.id=ann&limit=1&after={}", next.as_str().unwrap());
    assert_eq!(found(&node, &page).await, std::slice::from_ref(&phoned));
    let shown = node.request("GET", &format!("/api/runs/{other}"), None).await.1;
    let email = shown["index"]["email"].as_str().unwrap().to_owned();
    assert!(!shown.to_string().contains("example.com"), "{shown}");
    assert_eq!(shown["index"]["total"], "7.50 EUR", "{shown}");
    assert_eq!(shown["index"]["parts"], 2, "{shown}");

    node.kill9();
    let node = serve(&store).await;
    for (query, expected) in all {
        find(&node, query, expected).await;
    }
    find(&node, &format!("index.email={email}"), &[&other, &phoned, &first]).await;
    let path = format!("/api/runs/{first}/cancel");
    let cancelled = node.request("POST", &path, Some(json!({ "reason": "withdrawn" }))).await;
    assert!(matches!(cancelled.0, 200 | 202), "{cancelled:?}");
    find(&node, "index.id=ann&status=cancelled", &[&first]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_can_be_found_by_is_refused_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.db").to_string_lossy().into_owned();
    let node = serve(&store).await;
    let long = format!("index.id={}", "x".repeat(300));
    let many: Vec<_> = (0..9).map(|n| format!("index.n{n}=1")).collect();
    let many = many.join("&");
    let table = [
        ("index.totla=5", "no workflow is indexed by `totla`; did you mean `total`?"),
        ("index.total=5+EUR&workflow=Memo", "no workflow is indexed by `total`"),
        ("index.total=plenty", "`total` must be"),
        ("index.channel=Fax", "`channel` must be"),
        ("index.parts=two&workflow=Claim", "`parts` must be"),
        ("index.parts=null&workflow=Claim", "`parts` must be"),
        ("index.=5", "no workflow is indexed by ``"),
        (long.as_str(), "`id` may be 256 bytes long"),
        (many.as_str(), "by 8 values at most"),
        ("index.id=a&index.id=b", "`index.id` is given twice"),
        ("indexed.id=a", "there is no parameter `indexed.id`"),
    ];
    for (query, why) in table {
        let (status, problem) = asked(&node, query).await;
        assert_eq!((status, problem["code"].as_str()), (400, Some("R1023")), "{query}: {problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(why), "{query}: {detail}");
    }
}

//! What cannot be read is set aside whole, and taken in once when it can.

use sagaflow_it::build;
use sagaflow_topics::{World, item, letters, until};
use serde_json::json;
use std::time::Duration;

const RECORDS: usize = 300;

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_read_is_set_aside_and_retried_once_after_a_fix() {
    build();
    let Some(brokers) = sagaflow_kafka_server::shared() else { return };
    let world = World::on(brokers.bootstrap(), None).await;
    let mut tap = world.tap().await;
    world.place(0..RECORDS / 2).await;
    // It has a field too many for the program, which is mended below.
    let (lane, _) = item(RECORDS);
    let odd = json!({ "item": { "id": RECORDS.to_string() } }).to_string().into_bytes();
    world.write(&[(lane.clone(), odd)], &[("note", Some(b"\xff\x00")), ("empty", None)]).await;
    world.place(RECORDS / 2..RECORDS).await;
    let node = world.node().await;
    tap.until(RECORDS).await;
    until("it is set aside", async || letters(&node, false).await.len() == 1).await;
    let letter = letters(&node, false).await.remove(0);
    let body = &letter["body"];
    assert_eq!((&body["kind"], &body["topic"]), (&json!("record"), &json!(world.placed)));
    assert_eq!(body["value"], "eyJpdGVtIjp7ImlkIjoiMzAwIn19", "its bytes");
    assert_eq!(body["headers"], json!([["note", "/wA="], ["empty", null]]), "its headers");
    let retry = format!("/api/dead-letters/{}/retry", letter["id"].as_str().unwrap());
    let why = || Some(json!({ "reason": "the program reads it now" }));
    let (status, said) = node.request("POST", &retry, why()).await;
    assert_eq!((status, &said["code"]), (409, &json!("R1015")), "it is no better yet: {said}");
    node.terminate().await;

    world.program(|text| {
        let text = text.replace("  lane: text\n", "  lane: text = \"lane-12\"\n");
        text.replace("Relay v1", "Relay v2")
    });
    let node = world.node().await;
    let (status, said) = node.request("POST", &retry, why()).await;
    assert_eq!((status, &said["status"]), (200, &json!("applied")), "{said}");
    tap.until(RECORDS + 1).await;
    let (status, said) = node.request("POST", &retry, why()).await;
    assert_eq!((status, &said["code"]), (409, &json!("R1008")), "once: {said}");
    assert_eq!(letters(&node, false).await, Vec::<serde_json::Value>::new());
    let closed = letters(&node, true).await.remove(0);
    assert_eq!(closed["body"]["resolved"], "retried");
    tap.rest(Duration::from_millis(500)).await;
    tap.seen.one_each(0..RECORDS + 1);
}

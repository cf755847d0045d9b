//! Values of every type, there and back.

use crate::world::World;
use sagaflow_core::service::Attempt;
use serde_json::json;

#[tokio::test]
async fn every_type_comes_back_as_it_went() {
    let Some(world) = World::made().await else { return };
    world.said(
        "create table kept (id uuid primary key, name text, ok bool, n bigint, exact numeric(12, 2), \
         share numeric, price text, at timestamptz, day date, mood text, tags text[], numbers bigint[], \
         line jsonb, note text)",
    );
    let all = json!({
        "id": "018f2a10-0000-7000-8000-000000000001",
        "name": "Robert'); drop table kept; --",
        "ok": true,
        "n": 9_007_199_254_740_993_i64,
        "exact": "12.5",
        "share": "12.5%",
        "price": "12.00 EUR",
        "at": "2026-11-22T05:00:00.123Z",
        "day": "2026-02-28",
        "mood": "Good",
        "tags": ["a", "b,c", "d\"e"],
        "numbers": [1, -2],
        "line": { "sku": "tea", "quantity": 2 },
    });
    let put = world.lone("k1", "keep", &json!({ "row": all.clone() })).await;
    assert_eq!(put, Attempt::Ok(json!(null)), "by a record");
    let mut args = all.clone();
    args["id"] = json!("018f2a10-0000-7000-8000-000000000002");
    assert_eq!(world.lone("k2", "put", &args).await, Attempt::Ok(json!(null)));
    let got = world.lone("", "got", &json!({ "id": args["id"] })).await;
    let Attempt::Ok(got) = got else { panic!("{got:?}") };
    let mut wanted = args.clone();
    wanted["note"] = json!(null);
    assert_eq!(got, json!([wanted]));
    assert_eq!(world.said("select count(*) from kept"), "2");
}

//! Transactions against a real Postgres: each attempt is what the engine makes, and what came of it is
//! read in the database itself.

mod lost;
mod together;
mod types;
mod world;

use sagaflow_core::service::{Attempt, Refusal};
use serde_json::json;
use world::{World, refused};

#[tokio::test]
async fn a_block_commits_with_its_row_and_a_rerun_finds_it() {
    let Some(world) = World::made().await else { return };
    let first = world.book("k1", "o-1", &[("tea", 2), ("jam", 1)]).await;
    let Attempt::Ok(outcome) = &first else { panic!("{first:?}") };
    assert_eq!(outcome["values"], json!({ "total": 17 }));
    assert_eq!(outcome["said"].as_array().map(Vec::len), Some(2), "{outcome}");
    // The same key: nothing is done again, and the answer is the same, emitted events and all.
    assert_eq!(world.book("k1", "o-1", &[("tea", 2), ("jam", 1)]).await, first);
    assert_eq!(
        world.said("select string_agg(sku || stock, ' ' order by sku) from product"),
        "jam9 tea8"
    );
    assert_eq!(world.said("select count(*) from shop_order"), "1");
    assert_eq!(world.said("select state from sagaflow_outcome"), "done");
}

#[tokio::test]
async fn a_declared_failure_leaves_nothing_and_spends_the_key() {
    let Some(world) = World::made().await else { return };
    let attempt = world.book("k1", "o-1", &[("tea", 1), ("jam", 99)]).await;
    let reason = json!({ "reason": "jam is out" });
    assert_eq!(attempt, Attempt::Failed { name: "Rejected".to_owned(), payload: reason });
    assert_eq!(world.said("select count(*) from shop_order"), "0");
    assert_eq!(world.said("select stock from product where sku = 'tea'"), "10");
    // Whoever comes later under this key, from whatever process, cannot commit any more.
    let later = world.book("k1", "o-1", &[("tea", 1)]).await;
    assert_eq!(refused(&later), Some(Refusal::Undone), "{later:?}");
    assert_eq!(world.said("select count(*) from shop_order"), "0");
}

#[tokio::test]
async fn what_a_savepoint_takes_back_is_neither_done_nor_said() {
    let Some(world) = World::made().await else { return };
    let attempt = world.parts("k1", "o-1", &[("tea", 1), ("jam", 99), ("tea", 2)]).await;
    let Attempt::Ok(outcome) = attempt else { panic!("{attempt:?}") };
    assert_eq!(outcome["said"].as_array().map(Vec::len), Some(2), "{outcome}");
    assert_eq!(world.said("select stock from product where sku = 'tea'"), "7");
    assert_eq!(world.said("select string_agg(sku, ' ' order by sku) from missing"), "jam");
}

#[tokio::test]
async fn what_is_settled_as_refused_never_commits() {
    let Some(world) = World::made().await else { return };
    assert_eq!(world.settle("k1").await, Attempt::Ok(json!(null)));
    assert_eq!(world.settle("k1").await, Attempt::Ok(json!(null)), "asked again");
    let late = world.book("k1", "o-1", &[("tea", 1)]).await;
    assert_eq!(refused(&late), Some(Refusal::Undone), "{late:?}");
    assert_eq!(world.said("select count(*) from shop_order"), "0");
    // What has committed is told with what it came to.
    let done = world.book("k2", "o-2", &[("tea", 1)]).await;
    let Attempt::Ok(outcome) = done else { panic!("{done:?}") };
    assert_eq!(world.settle("k2").await, Attempt::Ok(json!({ "outcome": outcome })));
}

#[tokio::test]
async fn a_statement_alone_is_a_transaction_of_its_own() {
    let Some(world) = World::made().await else { return };
    let args = json!({ "order": "o-1" });
    assert_eq!(world.lone("k1", "open", &args).await, Attempt::Ok(json!(null)));
    assert_eq!(world.lone("k1", "open", &args).await, Attempt::Ok(json!(null)), "the same key");
    let twice = world.lone("k2", "open", &args).await;
    assert_eq!(
        twice,
        Attempt::Failed { name: "AlreadyOrdered".to_owned(), payload: json!(null) },
        "another key"
    );
    assert_eq!(world.settle("k1").await, Attempt::Ok(json!({ "outcome": null })));
    assert_eq!(world.lone("", "stock", &json!({ "sku": "tea" })).await, Attempt::Ok(json!(10)));
    assert_eq!(world.lone("", "stock", &json!({ "sku": "ale" })).await, Attempt::Ok(json!(null)));
}

#[tokio::test]
async fn a_value_that_the_database_refuses_is_a_fault_and_repeats_no_value() {
    let Some(world) = World::made().await else { return };
    world.said("alter table product add constraint few check (stock > 8)");
    let attempt = world.book("k1", "o-1", &[("tea", 5)]).await;
    let Attempt::Fault { message } = &attempt else { panic!("{attempt:?}") };
    assert!(message.contains("23514") && message.contains("`few`"), "{message}");
    assert!(!message.contains("tea"), "{message}");
    // Whoever decides about it can rely on it: nothing of it commits late.
    let later = world.book("k1", "o-1", &[("tea", 1)]).await;
    assert_eq!(refused(&later), Some(Refusal::Undone), "{later:?}");
    assert_eq!(world.said("select count(*) from shop_order"), "0");
}

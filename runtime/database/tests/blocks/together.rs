//! Attempts beside each other, and beside others who use the database.

use crate::world::{World, refused, until};
use sagaflow_core::service::{Attempt, Refusal};
use std::sync::Arc;
use std::time::Duration;

/// Somebody else holds the tea for a while; from now on.
async fn hold_tea(world: &Arc<World>, seconds: f32) -> std::thread::JoinHandle<()> {
    let script = format!(
        "begin; update product set stock = stock - 1 where sku = 'tea'; \
         select pg_sleep({seconds}); commit;"
    );
    let holder = std::thread::spawn({
        let world = Arc::clone(world);
        move || drop(world.said(&script))
    });
    until(world, HELD, "t").await;
    holder
}

const HELD: &str = "select count(*) > 0 from pg_locks \
     where relation = 'product'::regclass and mode = 'RowExclusiveLock'";

const WAITS: &str = "select count(*) > 0 from pg_stat_activity where datname = current_database() \
     and application_name = 'sagaflow' and wait_event_type = 'Lock'";

#[tokio::test(flavor = "multi_thread")]
async fn whoever_settles_waits_for_the_attempt_under_way_and_obeys_it() {
    let Some(world) = World::made().await else { return };
    let world = Arc::new(world);
    let holder = hold_tea(&world, 1.5).await;
    let running = tokio::spawn({
        let world = Arc::clone(&world);
        async move { world.parts("k1", "o-1", &[("tea", 1)]).await }
    });
    until(&world, WAITS, "t").await;
    // The engine has lost patience with the attempt, and asks what came of it.
    let settled = world.settle("k1").await;
    let Attempt::Ok(outcome) = running.await.expect("it ends") else { panic!("it commits") };
    assert_eq!(settled, Attempt::Ok(serde_json::json!({ "outcome": outcome })));
    holder.join().expect("it lets go");
    assert_eq!(world.said("select stock from product where sku = 'tea'"), "8");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_attempts_of_one_transaction_apply_it_once() {
    let Some(world) = World::made().await else { return };
    let world = Arc::new(world);
    let mut all = Vec::new();
    for _ in 0..6 {
        let world = Arc::clone(&world);
        all.push(tokio::spawn(async move { world.parts("k1", "o-1", &[("tea", 3)]).await }));
    }
    let mut outcomes = Vec::new();
    for attempt in all {
        match attempt.await.expect("it ends") {
            Attempt::Ok(outcome) => outcomes.push(outcome),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(outcomes.len(), 6);
    assert!(outcomes.windows(2).all(|two| two[0] == two[1]), "{outcomes:?}");
    assert_eq!(world.said("select stock from product where sku = 'tea'"), "7");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_serialization_failure_is_refused_and_the_next_attempt_goes_through() {
    let Some(world) = World::made().await else { return };
    let world = Arc::new(world);
    let holder = hold_tea(&world, 0.8).await;
    // Its snapshot is older than what it must change (40001).
    let first = world.book("k1", "o-1", &[("tea", 1)]).await;
    assert_eq!(refused(&first), Some(Refusal::Away), "{first:?}");
    holder.join().expect("it lets go");
    assert_eq!(world.said("select count(*) from sagaflow_outcome"), "0");
    let second = world.book("k1", "o-1", &[("tea", 1)]).await;
    assert!(matches!(second, Attempt::Ok(_)), "{second:?}");
    assert_eq!(world.said("select stock from product where sku = 'tea'"), "8");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_in_a_deadlock_one_is_refused_and_both_end_once() {
    let Some(world) = World::made().await else { return };
    let world = Arc::new(world);
    for round in 0..5 {
        let one = tokio::spawn({
            let (world, key) = (Arc::clone(&world), format!("a{round}"));
            async move { again(&world, &key, &[("tea", 1), ("jam", 1)]).await }
        });
        let other = again(&world, &format!("b{round}"), &[("jam", 1), ("tea", 1)]).await;
        assert!(matches!(other, Attempt::Ok(_)), "{other:?}");
        assert!(matches!(one.await.expect("it ends"), Attempt::Ok(_)));
        world.said("update product set stock = 10");
    }
    assert_eq!(world.said("select count(*) from sagaflow_outcome where state = 'done'"), "10");
}

async fn again(world: &World, key: &str, lines: &[(&str, i64)]) -> Attempt {
    for _ in 0..10 {
        let attempt = world.parts(key, key, lines).await;
        if refused(&attempt).is_none() {
            return attempt;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("refused again and again");
}

//! Connections, servers and answers that go away in the middle.

use crate::world::{BACKENDS, World, refused, until};
use sagaflow_core::service::{Attempt, Refusal};
use sagaflow_postgres::Proxy;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_unknown_and_its_row_tells() {
    let Some(world) = World::made().await else { return };
    let proxy = Proxy::before(world.made.url()).await;
    let url = proxy.url(world.made.url());
    let world = world.through(&url);
    assert!(matches!(world.settle("warm").await, Attempt::Ok(_)), "a connection is open");
    proxy.eat_next();
    let lost = world.book("k1", "o-1", &[("tea", 1)]).await;
    assert!(matches!(lost, Attempt::Unknown { .. }), "{lost:?}");
    assert_eq!(proxy.eaten(), 1);
    // It had committed: a rerun finds it, and so does whoever settles.
    let rerun = world.book("k1", "o-1", &[("tea", 1)]).await;
    let Attempt::Ok(outcome) = rerun else { panic!("{rerun:?}") };
    assert_eq!(world.settle("k1").await, Attempt::Ok(serde_json::json!({ "outcome": outcome })));
    assert_eq!(world.said("select stock from product where sku = 'tea'"), "9");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_ended_in_the_middle_is_a_refusal_and_leaves_nothing() {
    let Some(world) = World::made().await else { return };
    world.said(
        "create function slow() returns trigger language plpgsql as \
         $$ begin perform pg_sleep(20); return new; end $$; \
         create trigger slow before update on product for each row execute function slow()",
    );
    let world = Arc::new(world);
    let running = tokio::spawn({
        let world = Arc::clone(&world);
        async move { world.book("k1", "o-1", &[("tea", 1)]).await }
    });
    until(&world, "select count(*) from pg_stat_activity where wait_event = 'PgSleep'", "1").await;
    world.said(
        "select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'",
    );
    let ended = running.await.expect("it ends");
    assert_eq!(refused(&ended), Some(Refusal::Away), "{ended:?}");
    world.said("drop trigger slow on product");
    let next = world.book("k1", "o-1", &[("tea", 1)]).await;
    assert!(matches!(next, Attempt::Ok(_)), "{next:?}");
    assert_eq!(world.said("select count(*) from shop_order"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_stops_waiting_leaves_no_backend_inside_a_transaction() {
    let Some(world) = World::made().await else { return };
    world.said("update product set stock = 1000");
    for number in 0..20 {
        let key = format!("k{number}");
        let waiting = world.parts(&key, &key, &[("tea", 1), ("jam", 1)]);
        let _ = tokio::time::timeout(std::time::Duration::from_millis(number), waiting).await;
    }
    until(&world, BACKENDS, "0").await;
    // What was given up has committed whole, or will never.
    let mut done = 0;
    for number in 0..20 {
        match world.settle(&format!("k{number}")).await {
            Attempt::Ok(outcome) => done += usize::from(!outcome.is_null()),
            other => panic!("{other:?}"),
        }
    }
    let left = world.said("select string_agg(stock::text, ' ') from product");
    assert_eq!(left, format!("{0} {0}", 1000 - done));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_a_refusal() {
    let Some(world) = World::made().await else { return };
    let world = world.through("postgres://nobody@127.0.0.1:9/nowhere");
    let away = world.book("k1", "o-1", &[("tea", 1)]).await;
    assert_eq!(refused(&away), Some(Refusal::Away), "{away:?}");
    let strange = World::made().await.expect("it was there");
    let url = strange.made.url().replace("postgres://", "postgres://stranger_");
    let strange = strange.through(&url);
    let attempt = strange.book("k1", "o-1", &[("tea", 1)]).await;
    assert_eq!(refused(&attempt), Some(Refusal::Credentials), "{attempt:?}");
}

//! Several engines on one store: one owns, the others stand by and take over.

use super::{Shop, TwoSteps, fine, memory, outcome, two};
use crate::{Bound, Engine, Error, Member, Options, Role, Until};
use sagaflow_core::memory::Memory;
use sagaflow_core::service::Service;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An engine that is a node of a cluster, and its node.
async fn node(store: &Memory, shop: &Arc<Shop>) -> Engine {
    let shop: Arc<dyn Service> = shop.clone();
    let node = store.node();
    let options = Options {
        namespace: "default".to_owned(),
        machines: vec![Arc::new(TwoSteps::new())],
        services: BTreeMap::from([("a.Shop".to_owned(), Bound::Code(shop))]),
        paused: false,
        on_commit: None,
        member: Some(Member { node, address: format!("http://{node}") }),
        kafka: None,
    };
    Engine::start(Arc::new(store.clone()), options).await.unwrap()
}

async fn owns_within(engine: &Engine, wait: Duration) -> Duration {
    let begun = Instant::now();
    while engine.handle().role() != Role::Owner {
        assert!(begun.elapsed() < wait, "it does not own after {wait:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    begun.elapsed()
}

#[tokio::test]
async fn a_second_node_stands_by_and_refuses_to_decide() {
    let (store, shop) = (memory(), Shop::new(|_| fine()));
    let first = node(&store, &shop).await;
    let second = node(&store.another_node(), &shop).await;
    assert_eq!(first.handle().role(), Role::Owner);
    assert!(matches!(second.handle().role(), Role::Standby { .. }));
    let refused = second.handle().start(two(7)).await;
    assert!(matches!(refused, Err(Error::Elsewhere { .. })), "{refused:?}");
    assert_eq!(outcome(&first.handle(), two(7)).await.0, "completed");
    let run = first.handle().start(two(7)).await.unwrap().run;
    let seen = second.handle().view(run).await.unwrap();
    assert_eq!(seen.row.status, "completed", "it reads what the owner wrote");
    assert_eq!(shop.asked().len(), 2);
    second.stop().await;
    first.stop().await;
}

#[tokio::test]
async fn an_owner_that_stops_hands_over_at_once() {
    let (store, shop) = (memory(), Shop::new(|_| fine()));
    let first = node(&store, &shop).await;
    let second = node(&store.another_node(), &shop).await;
    first.stop().await;
    owns_within(&second, Duration::from_secs(3)).await;
    assert_eq!(outcome(&second.handle(), two(8)).await.0, "completed");
    second.stop().await;
}

/// A pause of the whole process longer than a lease, seen from inside: the store has given the shard
/// to another node, and what the first one still has in its hands is fenced and does not leave.
#[tokio::test]
async fn an_owner_that_was_overtaken_drops_its_memory_and_stands_by() {
    let (store, shop) = (memory(), Shop::new(|_| fine()));
    let first = node(&store, &shop).await;
    store.abandon();
    let second = node(&store.another_node(), &shop).await;
    owns_within(&second, Duration::from_secs(3)).await;
    // Its next commit is fenced; nobody is told that anything was done.
    let refused = first.handle().start(two(9)).await;
    assert!(matches!(refused, Err(Error::Away { .. } | Error::Elsewhere { .. })), "{refused:?}");
    let begun = Instant::now();
    while first.handle().role() == Role::Owner {
        assert!(begun.elapsed() < Duration::from_secs(3), "it still thinks that it owns");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(shop.asked().is_empty(), "nothing left under the lost lease");
    assert_eq!(outcome(&second.handle(), two(9)).await.0, "completed");
    assert_eq!(shop.asked().len(), 2);
    first.stop().await;
    second.stop().await;
}

/// Several shards of one store: each node takes its share, and what another decides is told.
#[tokio::test]
async fn nodes_share_the_shards_of_a_store_and_a_stopped_one_leaves_its_share() {
    let store = Memory::new(4, Arc::new(crate::clock::now));
    let shop = Shop::new(|_| fine());
    let first = node(&store, &shop).await;
    assert_eq!(first.handle().shards(), (4, 4));
    let second = node(&store.another_node(), &shop).await;
    let begun = Instant::now();
    while (first.handle().shards().0, second.handle().shards().0) != (2, 2) {
        assert!(begun.elapsed() < Duration::from_secs(20), "they do not share");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut elsewhere = 0;
    for n in 20..40 {
        let handles = [first.handle(), second.handle()];
        let mut decided = 0;
        for handle in &handles {
            match handle.start(two(n)).await {
                Ok(started) => {
                    decided += 1;
                    handle.wait(started.run, Until::End, Duration::from_secs(9)).await.unwrap();
                }
                Err(Error::Elsewhere { .. }) => elsewhere += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(decided, 1, "one of them decides about {n}");
    }
    assert_eq!((elsewhere, shop.asked().len()), (20, 40));
    first.stop().await;
    let begun = Instant::now();
    while second.handle().shards().0 < 4 {
        assert!(begun.elapsed() < Duration::from_secs(5), "the share is not taken over");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(outcome(&second.handle(), two(41)).await.0, "completed");
    second.stop().await;
}

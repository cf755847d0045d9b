//! Messages between shards: what one of them cannot do yet, and what waits behind it.

use super::{Shop, TwoSteps, engine, fine};
use crate::{Bound, Engine, Options, clock, limits};
use sagaflow_core::codegen::Otherwise;
use sagaflow_core::id::{ShardId, shard_of, slot_of};
use sagaflow_core::journal::{self, Mail};
use sagaflow_core::memory::Memory;
use sagaflow_core::port::{Batch, MessageRow, Source, Store as _};
use sagaflow_core::service::Service;
use sagaflow_core::time::Time;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

const FROM: ShardId = ShardId(1);
const TO: ShardId = ShardId(0);

/// Keys whose runs are at a shard.
fn keys(workflow: &'static str, to: ShardId) -> impl Iterator<Item = String> {
    let at_home = move |key: &String| shard_of(slot_of("default", workflow, key), 2) == to;
    (0..).map(|n| format!("\"{n}\"")).filter(at_home)
}

fn start(workflow: &str, (to, key): (ShardId, String), epoch: u64, index: u32) -> MessageRow {
    let mail = Mail::Start {
        namespace: "default".to_owned(),
        workflow: workflow.to_owned(),
        key,
        input: [("n".to_owned(), json!(7))].into(),
        event: format!("e-{index}"),
        came: (Time(1), u64::from(index)),
    };
    let body = journal::encode(&mail).expect("our own values are JSON");
    MessageRow { to, from: Source { shard: FROM, epoch, seq: 0, index }, body }
}

#[tokio::test]
async fn what_no_machine_here_can_start_holds_up_nothing_behind_it() {
    let (store, shop) = (Memory::new(2, Arc::new(clock::now)), Shop::new(|_| fine()));
    let lease = store.acquire(FROM).await.expect("a lease");
    let others = 2 * limits::MAIL + 9;
    let key = |workflow| keys(workflow, TO).next().expect("half of them are");
    let newer = |n| start("a.Newer", (TO, key("a.Newer")), lease.epoch, n);
    let mut sent: Vec<_> = (0..others).map(newer).collect();
    sent.push(start("a.Two", (TO, key("a.Two")), lease.epoch, others));
    store.commit(lease, Batch { sent, ..Batch::default() }).await.expect("a commit");
    store.release(lease).await.expect("it is given back");

    let engine = engine(&store, &shop).await;
    let begun = Instant::now();
    while shop.asked() != ["reserve", "pay"] {
        assert!(begun.elapsed() < Duration::from_secs(60), "it waits behind them");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    engine.stop().await;
    let left = store.inbox(TO, None, u32::MAX).await.expect("an inbox");
    assert_eq!(left.len(), others as usize, "they wait for whoever can");
}

/// What a start asks for is answered by a message: with too many of them in hand a shard would never
/// take it.
#[tokio::test]
async fn starts_that_ask_for_a_place_do_not_keep_the_answer_out() {
    let (store, shop) = (Memory::new(2, Arc::new(clock::now)), Shop::new(|_| fine()));
    let lease = store.acquire(FROM).await.expect("a lease");
    // One of the two shards is the home of the class, and the other one asks it.
    let each = limits::MAIL + 9;
    let all = [TO, FROM]
        .into_iter()
        .flat_map(|to| keys("a.Two", to).take(each as usize).map(move |key| (to, key)));
    let sent = (0..).zip(all).map(|(n, at)| start("a.Two", at, lease.epoch, n)).collect();
    store.commit(lease, Batch { sent, ..Batch::default() }).await.expect("a commit");
    store.release(lease).await.expect("it is given back");

    let mut machine = TwoSteps::new();
    (machine.0.concurrency, machine.0.otherwise) = (vec![1], vec![Otherwise::Refuse]);
    let service: Arc<dyn Service> = shop.clone();
    let options = Options {
        namespace: "default".to_owned(),
        machines: vec![Arc::new(machine)],
        services: BTreeMap::from([("a.Shop".to_owned(), Bound::Code(service))]),
        paused: false,
        on_commit: None,
        member: None,
        kafka: None,
    };
    let engine = Engine::start(Arc::new(store.clone()), options).await.expect("it starts");
    let begun = Instant::now();
    while !store.mail(&[TO, FROM]).await.expect("an inbox").is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60), "they wait for each other");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    engine.stop().await;
    assert!(!shop.asked().is_empty(), "somebody had the place");
}

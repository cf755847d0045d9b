//! Messages between shards: what one of them cannot do yet, and what waits behind it.

use super::{Shop, engine, fine};
use crate::{clock, limits};
use sagaflow_core::id::{ShardId, shard_of, slot_of};
use sagaflow_core::journal::{self, Mail};
use sagaflow_core::memory::Memory;
use sagaflow_core::port::{Batch, MessageRow, Source, Store as _};
use sagaflow_core::time::Time;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

const FROM: ShardId = ShardId(1);
const TO: ShardId = ShardId(0);

/// A key whose runs are at the receiver.
fn key(workflow: &str) -> String {
    let at_home = |n: &u32| shard_of(slot_of("default", workflow, &format!("\"{n}\"")), 2) == TO;
    let n = (0..).find(at_home).expect("half of them are");
    format!("\"{n}\"")
}

fn start(workflow: &str, epoch: u64, index: u32) -> MessageRow {
    let mail = Mail::Start {
        namespace: "default".to_owned(),
        workflow: workflow.to_owned(),
        key: key(workflow),
        input: [("n".to_owned(), json!(7))].into(),
        event: format!("e-{index}"),
        came: (Time(1), u64::from(index)),
    };
    let body = journal::encode(&mail).expect("our own values are JSON");
    MessageRow { to: TO, from: Source { shard: FROM, epoch, seq: 0, index }, body }
}

#[tokio::test]
async fn what_no_machine_here_can_start_holds_up_nothing_behind_it() {
    let (store, shop) = (Memory::new(2, Arc::new(clock::now)), Shop::new(|_| fine()));
    let lease = store.acquire(FROM).await.expect("a lease");
    let others = 2 * limits::MAIL + 9;
    let mut sent: Vec<_> = (0..others).map(|n| start("a.Newer", lease.epoch, n)).collect();
    sent.push(start("a.Two", lease.epoch, others));
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

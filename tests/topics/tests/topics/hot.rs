//! One key with more than it may have at once holds nobody else up.

use sagaflow_it::build;
use sagaflow_topics::World;
use serde_json::json;

/// Records of the key that is slow.
const HOT: usize = 24;
/// Records of others, behind all of those.
const COLD: usize = 60;

fn record(n: usize, lane: &str) -> (String, Vec<u8>) {
    let value = json!({ "item": { "id": n.to_string(), "lane": lane } });
    (lane.to_owned(), value.to_string().into_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_waits_for_its_turns_holds_no_other_up() {
    build();
    let Some(brokers) = sagaflow_kafka_server::shared() else { return };
    let world = World::on(brokers.bootstrap(), None).await;
    // One at a time, and slow.
    world.program(|text| {
        let text =
            text.replace("  deadline 1h\n", "  concurrency 1 per item.lane\n  deadline 1h\n");
        text.replace("{\n  emit", "{\n  if item.lane == \"hot\" { sleep 500ms }\n  emit")
    });
    let mut tap = world.tap().await;
    let hot = (0..HOT).map(|n| record(n, "hot"));
    let cold = (HOT..HOT + COLD).map(|n| record(n, &format!("lane-{n}")));
    world.write(&hot.chain(cold).collect::<Vec<_>>(), &[]).await;
    let node = world.node().await;
    tap.until(HOT + COLD).await;
    tap.seen.one_each(0..HOT + COLD);
    let places: Vec<usize> = (0..HOT).map(|n| tap.seen.parts[&(n, 1)].1).collect();
    let others = (HOT..HOT + COLD).map(|n| tap.seen.parts[&(n, 1)].1).max().unwrap();
    let before = places.iter().filter(|place| **place < others).count();
    assert!(before < HOT - 4, "{before} of {HOT} slow ones came before the last of the others");
    drop(node);
}

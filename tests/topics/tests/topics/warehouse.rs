//! Batches into a database of the program's own: each offset counts once there, though the node and
//! the database's server are killed again and again.

use sagaflow_it::build;
use sagaflow_topics::{World, until};
use std::io::Write as _;
use std::time::Duration;

const RECORDS: usize = 5_000;

const TABLES: &str = "create table seen (id text not null, slice text not null);
    create table mark (shard int primary key, last bigint not null);";

/// Nothing in the tables stands against a second count: only the program does.
const FLOW: &str = r#"
module relay

record Item { id: text, lane: text }
event Placed on "placed" key item.lane { item: Item }
event Shipped on "shipped" key lane { lane: text, count: int }

database Warehouse {
  tx add(ids: list<text>, slice: text)
    sql """insert into seen (id, slice) select unnest(:ids), :slice"""
  tx mark(shard: int, last: int)
    sql """
      insert into mark (shard, last) values (:shard, :last)
      on conflict (shard) do update set last = excluded.last
      where mark.last < excluded.last and pg_sleep(0.01) is not null
    """
}

workflow Count v1 (batch: batch<Placed>)
  on batch Placed up to 50 or every 200ms
  idempotent by batch.id
  shard by batch.partition
  deadline 1h
{
  transaction Warehouse retry forever, backoff 10ms..500ms jitter {
    step Warehouse.add(batch.map(p => p.item.id), batch.id)
    step Warehouse.mark(batch.partition, batch.last_offset)
    emit Shipped(lane: "{batch.partition}", count: batch.len)
  }
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn each_offset_counts_once_in_the_warehouse_though_everything_is_killed() {
    build();
    let Some(brokers) = sagaflow_kafka_server::shared() else { return };
    let Some(mut server) = sagaflow_postgres::private(&[]) else { return };
    let database = server.fresh().unwrap();
    database.psql(TABLES).unwrap();
    let world = World::on(brokers.bootstrap(), None).await;
    world.source(FLOW);
    let mut config = std::fs::OpenOptions::new().append(true).open(&world.config).unwrap();
    writeln!(config, "[databases.\"Warehouse\"]\nurl = \"{}\"", database.url()).unwrap();
    world.place(0..RECORDS).await;
    let counted = || -> usize {
        let said = database.psql("select count(*) from seen");
        said.ok().and_then(|said| said.trim().parse().ok()).unwrap_or(0)
    };
    let mut node = world.node().await;
    for part in 1..6 {
        until("a sixth", async || counted() >= part * RECORDS / 6).await;
        if part % 2 == 0 {
            server.kill9().unwrap();
            tokio::time::sleep(Duration::from_millis(300)).await;
            server.restart().unwrap();
        } else {
            node.kill9();
            node = world.node().await;
        }
    }
    until("all are counted", async || counted() >= RECORDS).await;
    let (code, _) = node.terminate().await;
    assert_eq!(code, Some(0));
    let said = |script: &str| database.psql(script).unwrap().trim().to_owned();
    assert_eq!(said("select count(*) || ' ' || count(distinct id) from seen"), "5000 5000");
    assert_eq!(said("select sum(last + 1) from mark"), RECORDS.to_string());
    let rows = "select count(*) from sagaflow_outcome where state = 'done'";
    assert_eq!(said(rows), said("select count(distinct slice) from seen"));
}

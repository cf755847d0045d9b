//! Claims, on Postgres on the same machine with `fsync` on, client, engine and server sharing the
//! cores: 5,000 three-step runs per second at least; a step at low load in one fsync and a
//! millisecond; 0.02 commits per effect at capacity.
//! Set-up: a private server of the machine's own programs, one node, as many shards as `flowd` makes,
//! generated code, services in Rust that do nothing. Run: `cargo xtask bench`.

use crate::chain::{closed_loop, engine, load};
use crate::place::SHARED;
use crate::server;
use sagaflow_store::{Postgres, PostgresOptions};
use std::time::Duration;

pub async fn measure() -> anyhow::Result<()> {
    println!("## Three-step runs on Postgres\n");
    let Some(server) = server::start()? else {
        println!("Not measured: this machine has no Postgres.");
        return Ok(());
    };
    let span = Duration::from_secs(4);
    let rows = server::batch_rate(&server, 500, Duration::from_secs(2)).await?;
    let database = server.fresh()?;
    let options = PostgresOptions { shards: SHARED, ..PostgresOptions::new(database.url()) };
    Postgres::migrate(&options).await?;
    let store = Postgres::open(options).await?;
    let made = store.commits();
    let engine = engine(store).await?;
    let handle = engine.handle();
    load(&handle, 16, Duration::from_secs(1)).await?;
    println!(
        "Rows through the store's own statement, 500 at once (L3), in this run: {rows:.0} per second."
    );
    println!("A run writes four records, a start key and its row.\n");
    closed_loop((&handle, &made), ("L3", rows), span).await?;
    engine.stop().await;
    Ok(())
}

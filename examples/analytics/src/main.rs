//! The analytics pipeline in one command: brokers, a warehouse, a node, and somebody who clicks.
//!
//! ```text
//!  clicks ──► clicks.raw.v1 ──► node (CountClicks) ──► warehouse: page_hits, watermark
//!                                    └──────────────► pages.counted.v1, pages.alarms.v1, pager
//! ```
//!
//! At the end the warehouse is compared with what was clicked: they are equal, or the exit code is 1.

mod services;
mod visitors;
mod warehouse;

sagaflow::include_flow!("flows/clicks.flow");

use anyhow::Context as _;
use clap::Parser;
use sagaflow::config::{Config, Flags};
use std::time::{Duration, Instant};

/// Partitions of each topic.
const PARTITIONS: i32 = 4;

/// From so many clicks on the rush is one that stands out.
const RUSH: u32 = 10_000;

/// Bound: for the pipeline to take in what was clicked.
const PATIENCE: Duration = Duration::from_secs(120);

/// Folds clicks into a warehouse, and shows that each was counted once.
#[derive(Parser)]
struct Args {
    /// How many clicks.
    #[arg(long, default_value_t = 20_000)]
    clicks: u32,
    /// Which clicks: the same number gives the same ones.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    match run(&Args::parse()).await {
        Ok(true) => std::process::ExitCode::SUCCESS,
        Ok(false) => std::process::ExitCode::FAILURE,
        Err(error) => {
            eprintln!("analytics: {error:#}");
            std::process::ExitCode::from(2)
        }
    }
}

async fn run(args: &Args) -> anyhow::Result<bool> {
    println!("starting a broker and a database of its own…");
    let brokers = sagaflow_kafka_server::Cluster::start(1).context("Kafka")?;
    let server = sagaflow_postgres::Cluster::start().context("Postgres")?;
    let warehouse = warehouse::Warehouse::made(server.fresh()?)?;
    let (bootstrap, folder) = (brokers.bootstrap(), tempfile::tempdir()?);
    visitors::topics(&bootstrap).await?;

    let file = folder.path().join("flowd.toml");
    let text = format!(
        "store = \"sqlite:flow.db\"\nlisten = \"127.0.0.1:0\"\n\
         [databases.\"Warehouse\"]\nurl = \"{}\"\n[kafka]\nbrokers = \"{bootstrap}\"\n",
        warehouse.url()
    );
    std::fs::write(&file, text)?;
    let config = Config::load(Some(&file), std::env::vars(), &Flags::default())?;
    let pager = services::Pager::default();
    let flows = clicks::flows()
        .pages(services::Titles)
        .anomalies(services::Rates::default())
        .pager(pager.clone());
    let node = sagaflow::Node::new(config).host(flows).start().await?;

    let began = Instant::now();
    let made = visitors::click(&bootstrap, args.clicks, args.seed).await?;
    println!("{} clicks on {} pages are in their topic", args.clicks, made.by_page.len());
    let ends = made.ends.clone();
    while warehouse.watermarks()? != ends {
        anyhow::ensure!(began.elapsed() < PATIENCE, "the pipeline does not come to the end");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let took = began.elapsed();
    let counted = warehouse.hits()?;
    // A batch is counted first, and rings then.
    let rush = args.clicks >= RUSH;
    while rush && !pager.rang_for("/sale") {
        anyhow::ensure!(began.elapsed() < PATIENCE, "nobody was told of the rush");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    node.stop().await;

    println!("\n{:<12} {:>8} {:>8}", "page", "clicked", "counted");
    for (page, clicked) in &made.by_page {
        println!("{page:<12} {clicked:>8} {:>8}", counted.get(page).copied().unwrap_or(0));
    }
    let rate = f64::from(args.clicks) / took.as_secs_f64();
    println!("\n{} by bots, {} without a page; {rate:.0} clicks per second", made.bots, made.empty);
    let once = counted == made.by_page;
    println!("{}", if once { "each click counted once" } else { "THE COUNTS DIFFER" });
    Ok(once)
}

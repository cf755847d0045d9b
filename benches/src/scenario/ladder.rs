//! Claim: none; these are the limits of the machine that the other figures stand beside.
//! Set-up: a temporary folder on the disk of the working directory. Run: `cargo xtask bench`.

use std::time::Duration;

pub async fn measure() -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(".")?;
    let span = Duration::from_secs(3);
    println!("## The machine's limits\n\n| id | limit | per second |\n|---|---|--:|");
    for bytes in [8 * 1024, 64 * 1024] {
        let rate = crate::sync_rate(folder.path(), bytes, span)?;
        println!("| L1 | fdatasync of {} KB appends, one at a time | {rate:.0} |", bytes / 1024);
    }
    for batch in [1, 100, 500] {
        let rate = crate::sqlite_rate(folder.path(), batch, span).await?;
        println!("| L5 | SQLite, WAL, FULL, row pairs in batches of {batch} | {rate:.0} |");
    }
    let Some(server) = crate::server::start()? else {
        println!("| L2, L3 | not measured: this machine has no Postgres | |");
        return Ok(());
    };
    for connections in [1, 8, 32] {
        let rate = crate::server::one_row_rate(&server, connections, span).await?;
        println!("| L2 | Postgres, one-row transactions, connections: {connections} | {rate:.0} |");
    }
    for pairs in [1, 10, 100, 500, 2_000] {
        let rate = crate::server::batch_rate(&server, pairs, span).await?;
        println!(
            "| L3 | Postgres, record and row pairs through the store's statement, batches of {pairs} | {rate:.0} |"
        );
    }
    Ok(())
}

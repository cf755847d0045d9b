//! Claim: none; these are the limits of the machine that the other figures stand beside.
//! Set-up: a temporary folder on the disk of the working directory. Run: `cargo xtask bench`.

use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(".")?;
    let span = Duration::from_secs(3);
    println!("## The machine's limits\n\n| id | limit | per second |\n|---|---|--:|");
    for bytes in [8 * 1024, 64 * 1024] {
        let rate = sagaflow_benches::sync_rate(folder.path(), bytes, span)?;
        println!("| L1 | fdatasync of {} KB appends, one at a time | {rate:.0} |", bytes / 1024);
    }
    for batch in [1, 100, 500] {
        let rate = sagaflow_benches::sqlite_rate(folder.path(), batch, span).await?;
        println!("| L5 | SQLite, WAL, FULL, row pairs in batches of {batch} | {rate:.0} |");
    }
    Ok(())
}

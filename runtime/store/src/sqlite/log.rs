//! When the log is copied into the file.
//!
//! SQLite itself would try at every commit for as long as the log is long, and a log stays long while
//! readers come and go without a pause: every commit then copied its own pages at once, the hot ones
//! again and again. Here so many new pages come together first.
//!
//! Crash: the log is on the disk before anybody was answered, so a copy that is missing or half done is
//! made good by whoever opens the file next.

use super::file::BUSY;
use rusqlite::Connection;
use std::cell::Cell;
use std::time::Duration;

/// Bound: pages that come together before they are copied (16 MB): more would make recovery slow, fewer
/// would have the same page copied more often.
const COPY_PAGES: u32 = 4_000;

/// Bound: pages of the log (96 MB) after which the copy waits for readers, so that the log begins anew;
/// until then it begins anew where no reader happens to be in the way.
const LOG_PAGES: u32 = 24_000;

/// Bound: how long it waits for them. Their statements take a few milliseconds.
const READERS: Duration = Duration::from_millis(50);

const COPY: &str = "PRAGMA wal_checkpoint(PASSIVE)";
const COPY_ALL: &str = "PRAGMA wal_checkpoint(RESTART)";

thread_local! {
    /// Pages in the log after this thread's last commit: there is one writer, and it is a thread.
    static PAGES: Cell<u32> = const { Cell::new(0) };
}

/// Counts what commits of this connection leave in the log, and copies nothing. Order: after
/// everything that sets how the connection copies by itself.
pub(super) fn watch(conn: &Connection) {
    PAGES.set(0);
    conn.wal_hook(Some(|_, pages| {
        PAGES.set(u32::try_from(pages).unwrap_or(0));
        Ok(())
    }));
}

/// When the log was copied last.
#[derive(Default)]
pub(super) struct Log {
    /// Pages in it then.
    copied: u32,
}

impl Log {
    /// Copies where enough has come together. Order: after whoever waited for a commit was answered.
    pub(super) fn copy(&mut self, conn: &Connection) {
        let pages = PAGES.get();
        if pages < self.copied {
            // It has begun anew.
            self.copied = 0;
        }
        if pages - self.copied < COPY_PAGES {
            return;
        }
        // Whatever hinders it, a reader or a full disk, the next one is due when as much has come again.
        self.copied = pages;
        let tried = if pages < LOG_PAGES { copy(conn, COPY) } else { copy_all(conn) };
        if let Err(error) = tried {
            tracing::warn!(%error, "the store's log is not copied into its file: it grows");
        }
    }
}

fn copy_all(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(READERS)?;
    let copied = copy(conn, COPY_ALL);
    conn.busy_timeout(BUSY)?;
    copied
}

fn copy(conn: &Connection, how: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(how)?.query_row([], |_| Ok(()))
}

/// The statements of this file, to prepare them in a test.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 2] = [COPY, COPY_ALL];

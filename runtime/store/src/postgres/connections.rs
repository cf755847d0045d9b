//! Connections for statements of their own: reads, leases, the clock.
//!
//! Promises: one round trip a statement; no connection is used for another one before the server has
//! said everything about the last.
//!
//! Order: a statement runs to its end in a task of its own, whatever becomes of who awaits it, so no
//! connection is given back in the middle of anything and none has to be asked whether it was. A pool
//! that lends connections to others must ask: that is two more round trips each time.

use super::Lost;
use super::connect::{ANSWER, CONNECT, Connector, RESTED, unavailable};
use super::table::Query;
use sagaflow_core::port::Result;
use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::Semaphore;

/// Some connections, opened when they are first wanted. Clones share them.
#[derive(Clone)]
pub(super) struct Connections {
    inner: Arc<Inner>,
}

struct Inner {
    connector: Arc<Connector>,
    /// Bound: how many there are at once.
    permits: Semaphore,
    /// Those that nobody uses, the one last used at the end, each with when that was.
    resting: Mutex<Vec<(Instant, PgConnection)>>,
}

impl Connections {
    /// At most `most`.
    pub fn new(connector: &Arc<Connector>, most: u32) -> Self {
        let permits = Semaphore::new(most.max(1) as usize);
        let connector = Arc::clone(connector);
        Self { inner: Arc::new(Inner { connector, permits, resting: Mutex::default() }) }
    }

    /// Runs one statement in a task of its own.
    pub async fn rows(&self, query: Query) -> std::result::Result<Vec<PgRow>, Lost> {
        let inner = Arc::clone(&self.inner);
        let statement = async move { inner.rows(query).await };
        super::detached(statement).await.unwrap_or_else(|error| Err(Lost::Unsent(error)))
    }
}

impl Inner {
    async fn rows(&self, query: Query) -> std::result::Result<Vec<PgRow>, Lost> {
        let permit = tokio::time::timeout(CONNECT, self.permits.acquire()).await;
        let busy = || Lost::Unsent(unavailable(&"all its connections are in use"));
        let _permit = permit.map_err(|_| busy())?.map_err(|_| busy())?;
        let mut conn = self.take().await.map_err(Lost::Unsent)?;
        match tokio::time::timeout(ANSWER, query.fetch_all(&mut conn)).await {
            Ok(Ok(rows)) => {
                self.rest(conn);
                Ok(rows)
            }
            Ok(Err(error)) => {
                // What the server refused it has said to the end; after anything else it may be gone.
                if matches!(error, sqlx::Error::Database(_)) {
                    self.rest(conn);
                }
                Err(Lost::Sent(error))
            }
            // Whatever it still says belongs to nobody: the connection is closed.
            Err(_) => Err(Lost::Unanswered),
        }
    }

    async fn take(&self) -> Result<PgConnection> {
        while let Some((since, mut conn)) = self.pop() {
            if since.elapsed() < RESTED {
                return Ok(conn);
            }
            if matches!(tokio::time::timeout(CONNECT, conn.ping()).await, Ok(Ok(()))) {
                return Ok(conn);
            }
        }
        self.connector.connect().await
    }

    fn pop(&self) -> Option<(Instant, PgConnection)> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn rest(&self, conn: PgConnection) {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.push((Instant::now(), conn));
    }
}

//! Attempts: a block, a statement alone, and the question what came of either.

use crate::Inner;
use crate::connect::Held;
use crate::outcome::{self, Known};
use crate::statement::Prepared;
use crate::trouble::{Trouble, at_commit};
use sagaflow_core::codegen::{Draw, Isolation, Json, PointKind};
use sagaflow_core::service::{Attempt, Call};
use sagaflow_core::time::Time;
use sagaflow_core::transaction::{Body, Entry, SETTLE, Step};
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Executor as _};

/// Bound of a wait for another attempt's row, and of the question what came of it.
const SETTLE_MS: i64 = 30_000;

/// How a transaction's statements ended.
enum Ended {
    Commit(Json),
    Failed { name: String, payload: Json },
}

impl Inner {
    /// One attempt of a block.
    pub(crate) async fn block(&self, call: &Call, args: Json) -> Result<Attempt, Trouble> {
        let entry: Entry = serde_json::from_value(args)
            .map_err(|cause| Trouble::Fault(format!("the transaction cannot be read: {cause}")))?;
        let machine = entry.machine(&self.machines).ok_or_else(|| {
            Trouble::Refused(format!("`{}` of this version is not here", entry.workflow))
        })?;
        let point = machine.spec().points.get(&entry.frame.at).map(|point| &point.kind);
        let isolation = match point {
            Some(PointKind::Call(spec)) => spec.isolation.unwrap_or(Isolation::ReadCommitted),
            _ => return Err(Trouble::Fault("there is no such transaction".to_owned())),
        };
        let body = Body::begin(machine, entry.frame, Draw::new(now(), seed(call)));
        let mut held = self.connector.hold().await?;
        if let Some(known) = begin(&mut held, call, isolation).await? {
            return known_already(held, known).await;
        }
        let ended = self.statements(&mut held, call, body).await?;
        self.end(held, call, ended).await
    }

    /// One attempt of a statement outside of any block: a transaction of its own, or a read.
    pub(crate) async fn lone(&self, call: &Call, args: &Json) -> Result<Attempt, Trouble> {
        let action = self.actions.get(&call.action)?;
        let mut held = self.connector.hold().await?;
        if action.reads() {
            bound(&mut held, within(call)).await?;
            let attempt = action.execute(&mut held, args).await?;
            held.give_back();
            return Ok(attempt);
        }
        if let Some(known) = begin(&mut held, call, Isolation::ReadCommitted).await? {
            return known_already(held, known).await;
        }
        bound(&mut held, within(call)).await?;
        let ended = match action.execute(&mut held, args).await? {
            Attempt::Ok(value) => Ended::Commit(value),
            Attempt::Failed { name, payload } => Ended::Failed { name, payload },
            other => return Ok(other),
        };
        self.end(held, call, ended).await
    }

    /// Whether a call is a transaction, or a statement that is one by itself.
    pub(crate) fn writes(&self, call: &Call) -> bool {
        let reads = self.actions.get(&call.action).is_ok_and(|action| action.reads());
        call.action != SETTLE && !reads
    }

    /// The program is at fault, and its transaction is refused from now on; or it had committed.
    pub(crate) async fn fault(&self, message: String, call: &Call) -> Result<Attempt, Trouble> {
        let mut held = self.connector.hold().await?;
        bound(&mut held, SETTLE_MS).await?;
        let known = outcome::settle(&mut held, &call.key, call).await?;
        held.give_back();
        Ok(match known {
            Known::Done(outcome) => Attempt::Ok(outcome),
            Known::Refused => Attempt::Fault { message },
        })
    }

    /// What came of a transaction: a wrapped outcome, or `null` where there is none and never will be.
    pub(crate) async fn settle(&self, forward: &str, call: &Call) -> Result<Attempt, Trouble> {
        let mut held = self.connector.hold().await?;
        bound(&mut held, within(call)).await?;
        let known = outcome::settle(&mut held, forward, call).await?;
        held.give_back();
        Ok(Attempt::Ok(match known {
            Known::Done(outcome) => serde_json::json!({ "outcome": outcome }),
            Known::Refused => Json::Null,
        }))
    }

    async fn statements(
        &self,
        held: &mut Held,
        call: &Call,
        mut body: Body,
    ) -> Result<Ended, Trouble> {
        loop {
            match body.step() {
                Step::Call(statement) if statement.spec.service != call.service => {
                    let other = &statement.spec.service;
                    return Err(Trouble::Fault(format!("`{other}` is another database")));
                }
                Step::Call(statement) => {
                    let action: &Prepared = &*self.actions.get(&statement.spec.action)?;
                    bound(held, statement.spec.within_ms).await?;
                    let attempt = action.execute(held, &statement.args).await?;
                    body.answer(&statement.spec, attempt);
                }
                Step::Savepoint(number) => savepoint(held, "savepoint", number).await?,
                Step::Release(number) => savepoint(held, "release savepoint", number).await?,
                Step::Rollback(number) => {
                    savepoint(held, "rollback to savepoint", number).await?;
                    held.unbind();
                    savepoint(held, "release savepoint", number).await?;
                }
                Step::Done(outcome) => {
                    let outcome = serde_json::to_value(outcome);
                    return Ok(Ended::Commit(outcome.unwrap_or_default()));
                }
                Step::Failed { name, payload } => return Ok(Ended::Failed { name, payload }),
                Step::Fault(message) => return Err(Trouble::Fault(message)),
            }
        }
    }

    /// Commits with the outcome in its row; or rolls back, and lets nobody commit under this key.
    async fn end(&self, mut held: Held, call: &Call, ended: Ended) -> Result<Attempt, Trouble> {
        match ended {
            Ended::Commit(outcome) => {
                outcome::write(&mut held, &call.key, &outcome).await?;
                // Crash: the writes and the row are there, or neither: a rerun under this key finds
                // the row, or does it all anew.
                held.execute("commit").await.map_err(at_commit)?;
                held.give_back();
                Ok(Attempt::Ok(outcome))
            }
            Ended::Failed { name, payload } => {
                held.execute("rollback").await?;
                held.unbind();
                bound(&mut held, SETTLE_MS).await?;
                // An earlier attempt, also of another process, may still be under way: what it comes
                // to is the outcome, unless it is refused now (C9).
                // Crash: the key is refused; a rerun is told so, and goes on under a new one.
                let known = outcome::settle(&mut held, &call.key, call).await?;
                held.give_back();
                Ok(match known {
                    Known::Done(outcome) => Attempt::Ok(outcome),
                    Known::Refused => Attempt::Failed { name, payload },
                })
            }
        }
    }
}

/// Begins a transaction with its row. Says what the row says, where there is one.
async fn begin(
    held: &mut Held,
    call: &Call,
    isolation: Isolation,
) -> Result<Option<Known>, Trouble> {
    // Order: the commit must be durable before the run's next record says that it happened.
    held.execute(match isolation {
        Isolation::ReadCommitted => {
            "begin isolation level read committed read write; set local synchronous_commit = on"
        }
        Isolation::RepeatableRead => {
            "begin isolation level repeatable read read write; set local synchronous_commit = on"
        }
        Isolation::Serializable => {
            "begin isolation level serializable read write; set local synchronous_commit = on"
        }
    })
    .await?;
    bound(held, SETTLE_MS).await?;
    outcome::take(held, call).await
}

/// The row was there before: nothing is done again.
async fn known_already(mut held: Held, known: Known) -> Result<Attempt, Trouble> {
    held.execute("rollback").await?;
    held.give_back();
    match known {
        Known::Done(outcome) => Ok(Attempt::Ok(outcome)),
        Known::Refused => Err(Trouble::Spent),
    }
}

/// The server ends a statement that takes longer than its bound.
async fn bound(held: &mut Held, ms: i64) -> Result<(), Trouble> {
    if held.bounded(ms) {
        return Ok(());
    }
    let text = format!("{}ms", ms.max(1));
    let query = sqlx::query("select set_config('statement_timeout', $1, false)").bind(text);
    query.execute(held.get()?).await?;
    held.set_bound(ms);
    Ok(())
}

async fn savepoint(held: &mut Held, what: &str, number: usize) -> Result<(), Trouble> {
    let text = format!("{what} sagaflow_{number}");
    held.get()?.execute(sqlx::raw_sql(AssertSqlSafe(text))).await?;
    Ok(())
}

/// The bound that the step has, which may not be its action's.
fn within(call: &Call) -> i64 {
    i64::try_from(call.within.as_millis()).unwrap_or(SETTLE_MS)
}

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Time(since.ok().and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0))
}

/// Each attempt draws anew: all of it is done, or none.
fn seed(call: &Call) -> [u8; 16] {
    let digest = Sha256::digest(format!("{} {}", call.key, call.attempt));
    let mut seed = [0; 16];
    seed.copy_from_slice(&digest[..16]);
    seed
}

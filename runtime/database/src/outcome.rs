//! Outcome rows: one per transaction of a run, in the user's own database.
//!
//! | row | means |
//! |---|---|
//! | none | the transaction has not committed, and may |
//! | `done` | it has, and came to this |
//! | `refused` | it has not, and never will |
//!
//! Order: the row is the block's first statement. Two that want one key wait for each other at the
//! index, so whoever loses obeys what the other committed.

use crate::connect::Held;
use crate::trouble::Trouble;
use sagaflow_core::codegen::Json;
use sagaflow_core::service::Call;
use sqlx::Row as _;

const IS_THERE: &str = "select to_regclass('sagaflow_outcome') is not null";

/// Rows are found by time, so that whoever keeps the database can delete those that nobody asks for.
const CREATE: &str = "create table if not exists sagaflow_outcome (
    key text primary key,
    run text not null,
    path text not null,
    state text not null check (state in ('done', 'refused')),
    outcome jsonb,
    at timestamptz not null default now()
);
create index if not exists sagaflow_outcome_at on sagaflow_outcome (at);";

const INSERT: &str = "insert into sagaflow_outcome (key, run, path, state)
    values ($1, $2, $3, $4) on conflict (key) do nothing";

const READ: &str = "select state, outcome from sagaflow_outcome where key = $1";

const WRITE: &str = "update sagaflow_outcome set outcome = $2 where key = $1";

/// What a row says.
pub(crate) enum Known {
    Done(Json),
    Refused,
}

/// Makes the table, where it is missing.
pub(crate) async fn create(held: &mut Held) -> Result<(), Trouble> {
    let there: bool = sqlx::query(IS_THERE).fetch_one(held.get()?).await?.try_get(0)?;
    if there {
        return Ok(());
    }
    // Two processes that make it at once: one of them fails at the catalogue, and asks again.
    held.execute(CREATE).await.map_err(|error| match Trouble::from(error) {
        Trouble::Fault(reason) => Trouble::Refused(reason),
        other => other,
    })
}

/// Takes the key for a transaction that begins. Says what is known, where it is taken.
pub(crate) async fn take(held: &mut Held, call: &Call) -> Result<Option<Known>, Trouble> {
    if insert(held, (&call.key, call), "done").await? {
        return Ok(None);
    }
    read(held, &call.key).await?.map(Some).ok_or_else(gone)
}

fn gone() -> Trouble {
    Trouble::Refused("its outcome row was deleted meanwhile".to_owned())
}

/// What came of a transaction; where nothing is known, it is refused from now on.
///
/// Crash: the row is there or not; whoever asks again gets the same answer.
pub(crate) async fn settle(held: &mut Held, key: &str, call: &Call) -> Result<Known, Trouble> {
    // Order: what is told must outlive the server, whatever its role's settings are.
    held.execute(
        "begin isolation level read committed read write; set local synchronous_commit = on",
    )
    .await?;
    let refused = insert(held, (key, call), "refused").await?;
    held.execute("commit").await?;
    if refused {
        return Ok(Known::Refused);
    }
    read(held, key).await?.ok_or_else(gone)
}

/// Writes what the transaction came to, in its own row.
pub(crate) async fn write(held: &mut Held, key: &str, outcome: &Json) -> Result<(), Trouble> {
    let query = sqlx::query(WRITE).bind(key).bind(outcome);
    let done = query.execute(held.get()?).await?;
    if done.rows_affected() != 1 {
        return Err(gone());
    }
    Ok(())
}

async fn insert(
    held: &mut Held,
    (key, call): (&str, &Call),
    state: &'static str,
) -> Result<bool, Trouble> {
    let query = sqlx::query(INSERT).bind(key).bind(call.run.to_string()).bind(&call.path);
    let done = query.bind(state).execute(held.get()?).await?;
    Ok(done.rows_affected() == 1)
}

async fn read(held: &mut Held, key: &str) -> Result<Option<Known>, Trouble> {
    let Some(row) = sqlx::query(READ).bind(key).fetch_optional(held.get()?).await? else {
        return Ok(None);
    };
    // It may have committed: whatever cannot be read here is not known.
    let unread = |error: sqlx::Error| Trouble::Unknown(format!("its outcome row: {error}"));
    let state: String = row.try_get(0).map_err(unread)?;
    Ok(Some(match state.as_str() {
        "done" => {
            Known::Done(row.try_get::<Option<Json>, _>(1).map_err(unread)?.unwrap_or_default())
        }
        _ => Known::Refused,
    }))
}

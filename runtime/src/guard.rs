//! The idempotency guard for services written in Rust, over their own SQLite database.
//!
//! ```text
//! begin a transaction
//!   guard::begin  ── Fresh ──► make the effect, guard::done      ┐ one commit
//!                 └─ else ───► give the remembered answer again  ┘
//! ```
//!
//! The row and the effect commit together, so a repeated call finds exactly what it must know. See
//! [`sagaflow_engine::guard`] for what is promised.

pub use sagaflow_engine::guard::{Begun, Memory, Table, Undoing, begin, done, failed, probe, undo};

use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

/// Makes the table, where it is missing.
const CREATE: &str = "create table if not exists sagaflow_guard (
    key text primary key, state text not null, error text, answer text not null
) strict, without rowid";

const READ: &str = "select state, error, answer from sagaflow_guard where key = ?";

const WRITE: &str = "insert into sagaflow_guard (key, state, error, answer) values (?, ?, ?, ?)
    on conflict (key) do update set state = excluded.state, error = excluded.error,
    answer = excluded.answer";

/// The guard's table inside a transaction of the service. Begin it with `BEGIN IMMEDIATE`: two calls
/// with one key must not both find nothing.
pub struct Sqlite<'a>(pub &'a mut SqliteConnection);

impl Sqlite<'_> {
    /// Makes the guard's table in the service's database, where it is missing.
    ///
    /// # Errors
    /// What the database says.
    pub async fn create(connection: &mut SqliteConnection) -> sqlx::Result<()> {
        sqlx::query(CREATE).execute(connection).await.map(drop)
    }
}

impl Table for Sqlite<'_> {
    type Error = sqlx::Error;

    async fn read(&mut self, key: &str) -> sqlx::Result<Option<Memory>> {
        let row = sqlx::query(READ).bind(key).fetch_optional(&mut *self.0).await?;
        let Some(row) = row else { return Ok(None) };
        let (state, error): (String, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
        let answer: String = row.try_get(2)?;
        let damaged = |cause: serde_json::Error| sqlx::Error::Decode(Box::new(cause));
        let answer = serde_json::from_str(&answer).map_err(damaged)?;
        Ok(Some(match state.as_str() {
            "done" => Memory::Done(answer),
            "failed" => Memory::Failed { name: error.unwrap_or_default(), payload: answer },
            _ => Memory::Undone,
        }))
    }

    async fn write(&mut self, key: &str, memory: &Memory) -> sqlx::Result<()> {
        let (state, error, answer) = match memory {
            Memory::Done(answer) => ("done", None, answer.to_string()),
            Memory::Failed { name, payload } => ("failed", Some(name), payload.to_string()),
            Memory::Undone => ("undone", None, "null".to_owned()),
        };
        // Crash: before the service's commit neither this row nor its effect is there.
        let query = sqlx::query(WRITE).bind(key).bind(state).bind(error).bind(answer);
        query.execute(&mut *self.0).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::{Begun, Sqlite, Undoing, begin, done, failed, probe, undo};
    use sagaflow_core::id::RunId;
    use sagaflow_core::service::{Call, Purpose};
    use serde_json::json;
    use sqlx::Connection as _;
    use sqlx::sqlite::SqliteConnection;
    use std::time::Duration;

    async fn database() -> SqliteConnection {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        Sqlite::create(&mut connection).await.unwrap();
        Sqlite::create(&mut connection).await.unwrap();
        connection
    }

    fn call(key: &str, undoes: Option<&str>) -> Call {
        Call {
            namespace: "default".to_owned(),
            service: "a.Shop".to_owned(),
            action: "pay".to_owned(),
            key: key.to_owned(),
            undoes: undoes.map(str::to_owned),
            run: RunId::new(0, 0, [0; 8]),
            path: "pay".to_owned(),
            attempt: 1,
            purpose: Purpose::Do,
            fence: None,
            within: Duration::from_secs(1),
            callback: String::new(),
        }
    }

    #[tokio::test]
    async fn an_answer_an_error_and_an_undo_are_remembered_under_the_forward_key() {
        let mut connection = database().await;
        let mut table = Sqlite(&mut connection);
        let (a, b) = (call("a", None), call("b", None));
        assert_eq!(begin(&mut table, &a).await.unwrap(), Begun::Fresh);
        done(&mut table, &a, json!({ "id": 7 })).await.unwrap();
        assert_eq!(begin(&mut table, &a).await.unwrap(), Begun::Answered(json!({ "id": 7 })));
        failed(&mut table, &b, "Declined", json!({ "reason": "no" })).await.unwrap();
        let again =
            Begun::Failed { name: "Declined".to_owned(), payload: json!({ "reason": "no" }) };
        assert_eq!(begin(&mut table, &b).await.unwrap(), again);
        let undoing = undo(&mut table, &call("u", Some("a"))).await.unwrap();
        assert_eq!(undoing, Undoing::Applied(json!({ "id": 7 })));
        assert_eq!(undo(&mut table, &call("u", Some("a"))).await.unwrap(), Undoing::Nothing);
        assert_eq!(begin(&mut table, &a).await.unwrap(), Begun::Undone);
    }

    #[tokio::test]
    async fn what_a_probe_called_not_applied_and_what_was_undone_first_never_happens() {
        let mut connection = database().await;
        let mut table = Sqlite(&mut connection);
        assert_eq!(probe(&mut table, &call("p", Some("a"))).await.unwrap(), None);
        assert_eq!(begin(&mut table, &call("a", None)).await.unwrap(), Begun::Undone);
        assert_eq!(undo(&mut table, &call("u", Some("b"))).await.unwrap(), Undoing::Nothing);
        assert_eq!(begin(&mut table, &call("b", None)).await.unwrap(), Begun::Undone);
    }

    #[tokio::test]
    async fn a_transaction_that_is_rolled_back_leaves_nothing_remembered() {
        let mut connection = database().await;
        let mut transaction = connection.begin().await.unwrap();
        done(&mut Sqlite(&mut transaction), &call("a", None), json!(1)).await.unwrap();
        transaction.rollback().await.unwrap();
        let mut table = Sqlite(&mut connection);
        assert_eq!(begin(&mut table, &call("a", None)).await.unwrap(), Begun::Fresh);
    }
}

//! What an error of the database means for an attempt.
//!
//! Promises: *refused* is said only of what certainly did not commit; *unknown* only where a commit
//! was sent and not answered, or its row cannot be read. No value of a row is repeated.

use sagaflow_core::service::{Attempt, Refusal};
use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// Why an attempt ends without a commit that is known.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// It did not commit, and may be tried again.
    Refused(String),
    /// We are not let in, or may not do what we must: ours to repair.
    Credentials(String),
    /// A statement may not do what it does: of a program's own it is a fault, of ours it is repaired like
    /// credentials.
    Rights(String),
    /// The key is spent.
    Spent,
    /// A commit was sent, and nothing came back, or nothing that can be read.
    Unknown(String),
    /// The program or its contract is at fault; it did not commit.
    Fault(String),
}

impl Trouble {
    pub(crate) fn attempt(self) -> Attempt {
        let refused = |reason, cause| Attempt::Refused { reason, retry_after_ms: None, cause };
        match self {
            Self::Refused(reason) => refused(reason, Refusal::Away),
            Self::Credentials(reason) | Self::Rights(reason) => {
                refused(reason, Refusal::Credentials)
            }
            Self::Spent => refused("it was refused before".to_owned(), Refusal::Undone),
            Self::Unknown(cause) => Attempt::Unknown { cause, timeout: false },
            Self::Fault(message) => Attempt::Fault { message },
        }
    }
}

/// Any error before a commit was sent: nothing has happened.
impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(found) => of_server(found.as_ref()),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::Encode(_) => {
                Self::Fault(format!("the database's answer cannot be read: {error}"))
            }
            sqlx::Error::PoolTimedOut => Self::Refused("all connections are in use".to_owned()),
            _ => Self::Refused(format!("the database is away: {error}")),
        }
    }
}

/// An error at the commit itself. Where the server says that the commit failed it rolled back; where
/// it says that the whole connection ends, it may have committed before.
pub(crate) fn at_commit(error: sqlx::Error) -> Trouble {
    let ends = |found: &dyn sqlx::error::DatabaseError| {
        let severity = found.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::severity);
        // What stands between may say on its own that the server is gone; 40003 says it in so many words.
        let code = found.code().unwrap_or_default();
        let lost =
            matches!(code.get(..2), Some("08" | "53" | "57" | "58" | "XX")) || code == "40003";
        lost || !matches!(severity, Some(PgSeverity::Error))
    };
    match error {
        sqlx::Error::Database(found) if !ends(found.as_ref()) => of_server(found.as_ref()),
        other => Trouble::Unknown(format!("the commit was not answered: {other}")),
    }
}

fn of_server(error: &dyn sqlx::error::DatabaseError) -> Trouble {
    let code = error.code().unwrap_or_default();
    let constraint = error.constraint().map(|name| format!(", constraint `{name}`"));
    let place = format!("SQLSTATE {code}{}", constraint.unwrap_or_default());
    match code.get(..2).unwrap_or_default() {
        // The server's words on values of rows stay there.
        "22" | "23" | "P0" | "XX" => {
            Trouble::Fault(format!("the database refuses a value: {place}"))
        }
        "28" => Trouble::Credentials(format!("{} ({place})", error.message())),
        _ if code == "42501" => Trouble::Rights(format!("{} ({place})", error.message())),
        // A plan that was made before a migration, or a database that is being made anew: the connection
        // is closed, and the next one knows better.
        _ if matches!(&*code, "0A000" | "26000" | "3D000") => {
            Trouble::Refused(format!("{} ({place})", error.message()))
        }
        "08" | "25" | "40" | "53" | "55" | "57" | "58" => {
            Trouble::Refused(format!("{} ({place})", error.message()))
        }
        _ => Trouble::Fault(format!("{} ({place})", error.message())),
    }
}

//! What an error of the server means for the caller.
//!
//! Promises: whatever may have happened is *unknown*. Only where the server said `ERROR`, which it
//! says after it has rolled back, is it known that nothing was written.

use sagaflow_core::port::Error;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// Why a statement failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server refuses these rows, and always will: somebody broke the rules of the port.
    Constraint(String),
    /// The server rolled it back for the sake of others: it may be done again at once.
    Conflict(String),
    /// The server or the network could not; nothing was written.
    NotDone(Error),
    /// It may or may not have been written; the connection is of no more use.
    Unknown(String),
}

impl Failure {
    /// The error to answer with.
    pub fn error(self, shard: u32) -> Error {
        match self {
            Self::Constraint(cause) => Error::Fenced { shard, cause },
            Self::Conflict(cause) => Error::Unavailable(cause),
            Self::NotDone(error) => error,
            Self::Unknown(cause) => Error::Unknown(cause),
        }
    }
}

/// What the failure of a statement that was sent means.
impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        let text = error.to_string();
        match &error {
            sqlx::Error::Database(database) => {
                match database.try_downcast_ref::<PgDatabaseError>() {
                    Some(error) => Self::of(error, text),
                    None => Self::Unknown(text),
                }
            }
            // Order: arguments are encoded before anything is sent.
            sqlx::Error::Encode(_) => Self::Constraint(text),
            _ => Self::Unknown(text),
        }
    }
}

impl Failure {
    fn of(error: &PgDatabaseError, text: String) -> Self {
        // Crash: a server that goes down, or a backend that is told to, says FATAL or PANIC wherever
        // it stands, perhaps behind the commit.
        let rolled_back = matches!(error.severity(), PgSeverity::Error);
        match (rolled_back, error.code()) {
            // The server itself does not know.
            (false, _) | (true, "40003") => Self::Unknown(text),
            (true, "40001" | "40P01") => Self::Conflict(text),
            (true, "XX001" | "XX002") => Self::NotDone(Error::Corrupt(text)),
            (true, code) => match code.get(..2) {
                Some("08") => Self::Unknown(text),
                // Rows against a constraint, values out of range, programs past a limit.
                Some("21" | "22" | "23" | "54") => Self::Constraint(text),
                _ => Self::NotDone(Error::Unavailable(text)),
            },
        }
    }
}

/// The error of a read.
pub(super) fn read_error(error: sqlx::Error) -> Error {
    let damaged = match &error {
        sqlx::Error::Database(error) => {
            matches!(error.code().as_deref(), Some("XX001" | "XX002"))
        }
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => true,
        _ => false,
    };
    if damaged { Error::Corrupt(error.to_string()) } else { Error::Unavailable(error.to_string()) }
}

/// A row whose columns do not make sense.
pub(super) fn corrupt(what: &str) -> Error {
    Error::Corrupt(what.to_owned())
}

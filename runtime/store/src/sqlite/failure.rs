//! What an error of the database means for the caller.

use rusqlite::ErrorCode;
use sagaflow_core::port::Error;

/// SQLITE_CORRUPT and SQLITE_NOTADB; extended codes keep them in their low byte.
const CORRUPT: [i64; 2] = [11, 26];

/// Why a statement of the writer failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// A row that must not be there is there: somebody broke the rules of the port.
    Constraint(String),
    /// The database could not.
    Other(Error),
}

impl Failure {
    /// The error to answer with, where it is known that nothing was written.
    pub(super) fn not_done(self, shard: u32) -> Error {
        match self {
            Self::Constraint(cause) => Error::Fenced { shard, cause },
            Self::Other(error) => error,
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => Self::Constraint(error.to_string()),
            _ => Self::Other(self::error(error)),
        }
    }
}

/// The error of a statement of the writer that did nothing.
pub(super) fn error(error: rusqlite::Error) -> Error {
    let corrupt = match &error {
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::InvalidColumnType(..) => true,
        other => matches!(
            other.sqlite_error_code(),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        ),
    };
    if corrupt { Error::Corrupt(error.to_string()) } else { Error::Unavailable(error.to_string()) }
}

/// The error of a read.
pub(super) fn read_error(error: sqlx::Error) -> Error {
    let corrupt = match &error {
        sqlx::Error::Database(error) => {
            code(error.as_ref()).is_some_and(|code| CORRUPT.contains(&(code & 0xff)))
        }
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => true,
        _ => false,
    };
    if corrupt { Error::Corrupt(error.to_string()) } else { Error::Unavailable(error.to_string()) }
}

/// A row whose columns do not make sense.
pub(super) fn corrupt(what: &str) -> Error {
    Error::Corrupt(what.to_owned())
}

fn code(error: &dyn sqlx::error::DatabaseError) -> Option<i64> {
    error.code()?.parse().ok()
}

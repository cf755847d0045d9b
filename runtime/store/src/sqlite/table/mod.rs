//! The tables, one file each: their statements, how rows are written and how they are read.

pub(super) mod event;
pub(super) mod inbox;
pub(super) mod indexed;
pub(super) mod interest;
pub(super) mod item;
pub(super) mod journal;
pub(super) mod key;
pub(super) mod run;
pub(super) mod shard;
pub(super) mod wait;

mod many;

pub(super) use many::Many;

use sagaflow_core::id::RunId;
use sagaflow_core::port::Result;
use sqlx::Sqlite;
use sqlx::sqlite::SqliteArguments;
use uuid::Uuid;

/// A statement of a reader with its values bound so far.
type Query = sqlx::query::Query<'static, Sqlite, SqliteArguments>;

/// Bits of a position that number the records of one shard.
const SEQ_BITS: u32 = 40;

/// Bound: positions and numbers that fit beside a shard in one whole number of the database.
pub(super) const SEQ_MAX: u64 = (1 << SEQ_BITS) - 1;

/// A number as the database keeps it.
///
/// Bound: batches with numbers above [`SEQ_MAX`] are refused before they come here, and epochs
/// count acquisitions, so nothing is cut off.
pub(super) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A number as the database kept it.
pub(super) fn uint(value: i64) -> Result<u64> {
    u64::try_from(value).map_err(|_| super::failure::corrupt("a number is negative"))
}

/// A small number as the database kept it.
pub(super) fn small<T: TryFrom<i64>>(value: i64) -> Result<T> {
    T::try_from(value).map_err(|_| super::failure::corrupt("a number is out of its range"))
}

pub(super) fn run_id(bytes: &[u8]) -> Result<RunId> {
    let id = Uuid::from_slice(bytes).map_err(|_| super::failure::corrupt("a run id is no UUID"))?;
    Ok(RunId(id))
}

pub(super) fn json(text: &str) -> Result<serde_json::Value> {
    serde_json::from_str(text).map_err(|_| super::failure::corrupt("a payload is no JSON"))
}

//! The tables, one file each: the statements that read them, and how rows are read and bound. What
//! is written by batches is one statement over all of them, in `commit`.

pub(super) mod event;
pub(super) mod inbox;
pub(super) mod indexed;
pub(super) mod interest;
pub(super) mod item;
pub(super) mod journal;
pub(super) mod key;
pub(super) mod node;
pub(super) mod run;
pub(super) mod shard;
pub(super) mod wait;

use super::failure::{corrupt, read_error};
use sagaflow_core::port::Result;
use sha2::{Digest as _, Sha256};
use sqlx::Row as _;
use sqlx::postgres::{PgArguments, PgRow};
use std::borrow::Cow;
use std::fmt::Write as _;

/// A statement with its values.
pub(super) type Query = sqlx::query::Query<'static, sqlx::Postgres, PgArguments>;

/// Bound: bytes of a text that stand in an index as they are. An entry has at most some 2,700 bytes,
/// of all its columns.
const INDEXED_MAX: usize = 400;

/// Bound: bytes of a longer text that stand before its hash, so that its neighbours stay near.
const HEAD: usize = 300;

/// A text as an index keeps it. A short one is itself; a long one its beginning and its hash, which
/// is longer than any short one and so never the same.
pub(super) fn indexed(text: &str) -> Cow<'_, str> {
    if text.len() <= INDEXED_MAX {
        return Cow::Borrowed(text);
    }
    let head: String =
        text.char_indices().take_while(|(at, _)| *at < HEAD).map(|(_, c)| c).collect();
    let mut long = format!("{head}#");
    for byte in Sha256::digest(text) {
        // Writing to a text cannot fail.
        let _ = write!(long, "{byte:02x}");
    }
    long.extend(std::iter::repeat_n('#', INDEXED_MAX.saturating_sub(long.len()) + 1));
    Cow::Owned(long)
}

/// A number as the database keeps it.
///
/// Bound: batches with numbers beyond it are refused before they come here.
pub(super) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A shard or a bucket as the database keeps it; bounded as with [`int`].
pub(super) fn short(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// A column.
pub(super) fn get<'r, T>(row: &'r PgRow, column: usize) -> Result<T>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(column).map_err(read_error)
}

/// A number as the database kept it.
pub(super) fn uint(row: &PgRow, column: usize) -> Result<u64> {
    u64::try_from(get::<i64>(row, column)?).map_err(|_| corrupt("a number is negative"))
}

/// A small number as the database kept it.
pub(super) fn small<T: TryFrom<i64>>(value: i64) -> Result<T> {
    T::try_from(value).map_err(|_| corrupt("a number is out of its range"))
}

pub(super) fn json(text: &str) -> Result<serde_json::Value> {
    serde_json::from_str(text).map_err(|_| corrupt("a payload is no JSON"))
}

#[cfg(test)]
mod tests {
    use super::{INDEXED_MAX, indexed};
    use std::collections::BTreeSet;

    #[test]
    fn long_texts_are_indexed_by_beginning_and_hash_and_never_meet() {
        let mut seen = BTreeSet::new();
        for text in ["", "A-1", "ä"] {
            assert_eq!(indexed(text), text);
        }
        for length in [INDEXED_MAX, INDEXED_MAX + 2, 10_000, 1_000_000] {
            for (unit, end) in [("a", "x"), ("a", "y"), ("ß", "x")] {
                let text = unit.repeat(length / unit.len()) + end;
                let kept = indexed(&text).into_owned();
                assert!(kept.len() < 700, "{} bytes of {}", kept.len(), text.len());
                assert!(kept.len() > INDEXED_MAX, "no short text is the same");
                assert!(seen.insert(kept.clone()), "{length} {unit} {end}");
                assert!(seen.insert(indexed(&kept).into_owned()), "a text that looks like one");
            }
        }
    }
}

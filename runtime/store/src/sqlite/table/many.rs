//! One statement for many rows.
//!
//! Every statement is a trip to the connection's thread and back, which costs more than writing a
//! row; so rows go in groups of fixed sizes, each with a prepared statement of its own.

use super::Query;
use crate::sqlite::failure::Failure;
use sqlx::SqliteConnection;

/// Bound: rows in one statement, from the widest. 256 rows of 15 columns stay far below the 32,766
/// values a statement may have; four sizes keep both the trips and the cache of statements small.
const SIZES: [usize; 4] = [256, 32, 4, 1];

/// The same statement for each size.
pub(in crate::sqlite) struct Many {
    statements: [(usize, &'static str); 4],
}

impl Many {
    /// A statement whose rows stand between `head` and `tail`, each as `row`.
    pub(super) fn new(head: &str, row: &str, tail: &str) -> Self {
        // Leaked once per process: a statement's text must live as long as its preparation.
        let text = |size: usize| format!("{head} {} {tail}", vec![row; size].join(", ")).leak();
        Self { statements: SIZES.map(|size| (size, &*text(size))) }
    }

    /// Its texts, to prepare them in a test.
    #[cfg(test)]
    pub(in crate::sqlite) fn texts(&self) -> impl Iterator<Item = &'static str> {
        self.statements.iter().map(|(_, text)| *text)
    }

    /// Writes all rows and counts those that changed.
    pub(in crate::sqlite) async fn write<T>(
        &self,
        conn: &mut SqliteConnection,
        rows: &[T],
        bind: impl Fn(Query, &T) -> Query,
    ) -> Result<u64, Failure> {
        let mut changed = 0;
        for (text, chunk) in self.chunks(rows) {
            let query = chunk.iter().fold(sqlx::query(text), &bind);
            changed += query.execute(&mut *conn).await?.rows_affected();
        }
        Ok(changed)
    }

    /// The statements for so many rows, in the order in which rows are bound.
    pub(in crate::sqlite) fn statements(&self, rows: usize) -> Vec<&'static str> {
        let mut left = rows;
        let mut texts = Vec::new();
        for (size, text) in self.statements {
            while left >= size {
                texts.push(text);
                left -= size;
            }
        }
        texts
    }

    fn chunks<'a, T>(&self, mut rows: &'a [T]) -> Vec<(&'static str, &'a [T])> {
        let mut chunks = Vec::new();
        for (size, text) in self.statements {
            while let Some((chunk, rest)) = rows.split_at_checked(size) {
                chunks.push((text, chunk));
                rows = rest;
            }
        }
        chunks
    }
}

//! One statement that asks about many rows.
//!
//! A statement of a reader is a trip to its connection's thread and back, which costs more than
//! reading a row; so questions go together in statements of a few fixed sizes, each prepared once.
//! What a statement has room for and nobody needs is null, and is passed over.

use super::Query;

/// Bound: rows in one statement. 256 rows of a few columns stay far below the 32,766 values a statement
/// may have; few sizes keep the cache of statements small.
const SIZES: [usize; 5] = [1, 4, 16, 64, 256];

/// The same statement for each size.
pub(in crate::sqlite) struct Many {
    columns: usize,
    texts: [&'static str; SIZES.len()],
}

impl Many {
    /// A statement over rows of so many columns: they stand between `head` and `tail`, as a table
    /// whose columns are named `column1` and so on.
    pub(super) fn new(head: &str, columns: usize, tail: &str) -> Self {
        let row = format!("({})", vec!["?"; columns].join(", "));
        // Leaked once per process: a statement's text must live as long as its preparation.
        let text = |size: usize| -> &'static str {
            format!("{head} (VALUES {}) {tail}", vec![row.as_str(); size].join(", ")).leak()
        };
        Self { columns, texts: SIZES.map(text) }
    }

    /// Its texts, to prepare them in a test.
    #[cfg(test)]
    pub(in crate::sqlite) fn texts(&self) -> impl Iterator<Item = &'static str> {
        self.texts.into_iter()
    }

    /// Rows as statements take them.
    pub(super) fn chunks<'a, T>(
        &self,
        rows: &'a [T],
    ) -> impl Iterator<Item = (&'static str, &'a [T])> {
        let chunks = rows.chunks(SIZES[SIZES.len() - 1]);
        chunks.filter_map(|chunk| Some((self.text(chunk.len())?, chunk)))
    }

    /// The one statement for so many rows; none where there are no rows, or more than one holds.
    fn text(&self, rows: usize) -> Option<&'static str> {
        if rows == 0 {
            return None;
        }
        let size = SIZES.iter().position(|size| *size >= rows)?;
        Some(self.texts[size])
    }

    /// Binds the rows of one statement, and nulls where it has room for more.
    pub(super) fn bind<T>(
        &self,
        query: Query,
        rows: &[T],
        bind: impl Fn(Query, &T) -> Query,
    ) -> Query {
        let room = SIZES.into_iter().find(|size| *size >= rows.len() && !rows.is_empty());
        let spare = room.map_or(0, |room| (room - rows.len()) * self.columns);
        let query = rows.iter().fold(query, bind);
        (0..spare).fold(query, |query, _| query.bind(None::<i64>))
    }
}

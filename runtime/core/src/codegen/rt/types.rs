//! Types that stand for themselves: nominal types, outcomes, batches, blobs, roles.

use super::{DurationMs, Failure, Fault, Time, fault};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A type with a name of its own over a plain one.
pub trait Nominal: Sized {
    /// What it wraps.
    type Plain;

    /// The value with its name, if it fits the pattern.
    ///
    /// # Errors
    /// A fault where it does not fit.
    fn named(plain: Self::Plain) -> Result<Self, Fault>;

    /// The value without its name.
    fn plain(self) -> Self::Plain;
}

/// [`Nominal::named`], with the type to infer.
///
/// # Errors
/// A fault where the value does not fit the pattern.
pub fn nominal<T: Nominal>(plain: T::Plain) -> Result<T, Fault> {
    T::named(plain)
}

/// The pattern of a nominal type, compiled at its first use.
pub struct Pattern {
    text: &'static str,
    regex: OnceLock<Option<regex_lite::Regex>>,
}

impl Pattern {
    /// A pattern that must fit a whole text.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self { text, regex: OnceLock::new() }
    }

    /// Whether a text fits. A pattern that is none fits nothing; the compiler has refused it.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        let compile = || regex_lite::Regex::new(&format!("^(?:{})$", self.text)).ok();
        self.regex.get_or_init(compile).as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

/// How an isolated iteration ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome<T> {
    /// Well, with what it gave.
    Ok(T),
    /// It failed, and what it did was undone.
    Failed(Failure),
    /// Nobody knows.
    Unknown,
}

impl<T> Outcome<T> {
    /// The outcome of an iteration that failed.
    #[must_use]
    pub fn of(failure: Failure) -> Self {
        match failure.kind {
            super::FailureKind::Unknown => Self::Unknown,
            _ => Self::Failed(failure),
        }
    }
}

/// Records of one partition that came together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch<E> {
    /// In order.
    pub items: Vec<E>,
    /// Names the batch.
    pub id: String,
    /// Where it came from.
    pub partition: i64,
    /// Of its first record.
    pub first_offset: i64,
    /// Of its last record.
    pub last_offset: i64,
    /// When the run was admitted.
    pub started: Time,
    /// The hour of that.
    pub hour: Time,
}

/// A reference to a large payload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Blob {
    /// SHA-256 of its bytes.
    pub blob: String,
    /// In bytes.
    pub size: u64,
}

/// Who may answer: `role:NAME` or `user:NAME`, any of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Role(pub Vec<String>);

/// What a loop goes over.
pub trait Items {
    /// One of them; key and value of a map.
    type Item;

    /// All, in order.
    fn items(self) -> Vec<Self::Item>;
}

impl<T> Items for Vec<T> {
    type Item = T;

    fn items(self) -> Vec<T> {
        self
    }
}

impl<E> Items for Batch<E> {
    type Item = E;

    fn items(self) -> Vec<E> {
        self.items
    }
}

impl<K, V> Items for BTreeMap<K, V> {
    type Item = (K, V);

    fn items(self) -> Vec<(K, V)> {
        self.into_iter().collect()
    }
}

/// The item at an index of a loop.
///
/// # Errors
/// A fault where the frame's index lies outside its list.
pub fn item<T: Clone>(items: &[T], index: u32) -> Result<T, Fault> {
    items.get(index as usize).cloned().ok_or_else(|| fault("a frame's index is not in its list"))
}

/// Whether a loop has an item at this index.
#[must_use]
pub fn more<T>(items: &[T], index: u32) -> bool {
    (index as usize) < items.len()
}

impl From<std::time::Duration> for DurationMs {
    fn from(duration: std::time::Duration) -> Self {
        Self(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
    }
}

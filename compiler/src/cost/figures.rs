//! Amounts that depend on how often loops turn, and times that may have no bound.

use serde::Serialize;
use std::collections::BTreeMap;

/// A number, and what each turn of a loop adds whose turns are not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// Whatever the loops do.
    pub fixed: u64,
    /// By loop: what one turn adds.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub per_turn: BTreeMap<String, u64>,
}

/// A worst-case time; none has no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Time {
    /// In ms.
    pub ms: Option<i64>,
}

/// A place where time goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Spent {
    /// `step hold = Payments.authorize`.
    pub what: String,
    /// `file:line`.
    pub place: String,
    /// At worst.
    pub time: Time,
    /// Why: `3 attempts of 3s`.
    pub why: String,
}

impl Default for Time {
    fn default() -> Self {
        Self { ms: Some(0) }
    }
}

impl Amount {
    /// A number.
    #[must_use]
    pub fn of(fixed: u64) -> Self {
        Self { fixed, per_turn: BTreeMap::new() }
    }

    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        self.fixed += other.fixed;
        for (name, each) in &other.per_turn {
            *self.per_turn.entry(name.clone()).or_default() += each;
        }
    }

    /// Makes it as large as another in every part.
    pub fn most(&mut self, other: &Self) {
        self.fixed = self.fixed.max(other.fixed);
        for (name, each) in &other.per_turn {
            let own = self.per_turn.entry(name.clone()).or_default();
            *own = (*own).max(*each);
        }
    }

    /// So many times.
    #[must_use]
    pub fn times(&self, n: u64) -> Self {
        Self {
            fixed: self.fixed.saturating_mul(n),
            per_turn: self
                .per_turn
                .iter()
                .map(|(name, each)| (name.clone(), each.saturating_mul(n)))
                .collect(),
        }
    }

    /// Once for each turn of a loop.
    #[must_use]
    pub fn each_turn(&self, name: &str) -> Self {
        let mut per_turn = BTreeMap::new();
        if self.fixed > 0 {
            per_turn.insert(name.to_owned(), self.fixed);
        }
        for (inner, each) in &self.per_turn {
            per_turn.insert(format!("{name}, {inner}"), *each);
        }
        Self { fixed: 0, per_turn }
    }
}

impl Time {
    /// One after the other.
    #[must_use]
    pub fn then(self, other: Self) -> Self {
        Self { ms: crate::check::time::add(self.ms, other.ms) }
    }

    /// The longer one.
    #[must_use]
    pub fn longer(self, other: Self) -> Self {
        match (self.ms, other.ms) {
            (Some(a), Some(b)) => Self { ms: Some(a.max(b)) },
            _ => Self { ms: None },
        }
    }

    /// So many times; turns that nobody bounds have no bound.
    #[must_use]
    pub fn times(self, n: Option<u64>) -> Self {
        if self.ms == Some(0) {
            return self;
        }
        let n = n.map(|n| i64::try_from(n).unwrap_or(i64::MAX));
        Self { ms: self.ms.zip(n).map(|(ms, n)| ms.saturating_mul(n)) }
    }
}

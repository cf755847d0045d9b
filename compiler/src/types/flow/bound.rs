//! Which names are bound at a point of a body, and why others are not.

use crate::hir::{Idx as _, LocalId};
use crate::span::Span;
use std::collections::BTreeMap;

/// The names that are bound: a bit for each, because every step copies them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names(Vec<u64>);

impl Names {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a name is bound.
    pub fn contains(&self, name: LocalId) -> bool {
        let (word, bit) = place(name);
        self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }

    /// Binds a name.
    pub fn insert(&mut self, name: LocalId) {
        let (word, bit) = place(name);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        if let Some(bits) = self.0.get_mut(word) {
            *bits |= bit;
        }
    }

    /// Binds what is bound in another.
    pub fn add(&mut self, other: &Self) {
        self.0.resize(self.0.len().max(other.0.len()), 0);
        self.0.iter_mut().zip(&other.0).for_each(|(bits, more)| *bits |= more);
    }

    /// Keeps what is bound in another too.
    fn keep(&mut self, other: &Self) {
        self.0.truncate(other.0.len());
        self.0.iter_mut().zip(&other.0).for_each(|(bits, also)| *bits &= also);
    }

    /// What is bound here and not in another.
    fn without(&self, other: &Self) -> Vec<LocalId> {
        let mut found = Vec::new();
        for (word, bits) in self.0.iter().enumerate() {
            let mut left = bits & !other.0.get(word).copied().unwrap_or(0);
            while left != 0 {
                found.push(LocalId::new(word * 64 + left.trailing_zeros() as usize));
                left &= left - 1;
            }
        }
        found
    }
}

impl Extend<LocalId> for Names {
    fn extend<T: IntoIterator<Item = LocalId>>(&mut self, names: T) {
        names.into_iter().for_each(|name| self.insert(name));
    }
}

fn place(name: LocalId) -> (usize, u64) {
    (name.index() / 64, 1 << (name.index() % 64))
}

/// The names that are bound where control is; none where control never gets.
pub(super) type Reach = Option<Names>;

/// Why a name may not be bound.
#[derive(Clone, Debug)]
pub(super) struct Reason {
    /// What leaves it unbound.
    pub span: Span,
    /// In words, as a label.
    pub words: String,
}

/// Reasons by name; the last one that was found.
pub(super) type Reasons = BTreeMap<LocalId, Reason>;

/// Where several ways meet: what is bound on all of them. What only some of them bind is remembered
/// with a reason.
pub(super) fn meet(ways: Vec<(Reach, Reason)>, reasons: &mut Reasons) -> Reach {
    let reached: Vec<(Names, Reason)> =
        ways.into_iter().filter_map(|(reach, reason)| Some((reach?, reason))).collect();
    let (first, rest) = reached.split_first()?;
    let (mut all, mut some) = (first.0.clone(), first.0.clone());
    for (names, _) in rest {
        all.keep(names);
        some.add(names);
    }
    for name in some.without(&all) {
        if let Some((_, reason)) = reached.iter().find(|(names, _)| !names.contains(name)) {
            reasons.insert(name, reason.clone());
        }
    }
    Some(all)
}

/// With one more name.
pub(super) fn with(reach: Reach, name: Option<LocalId>) -> Reach {
    reach.map(|mut names| {
        names.extend(name);
        names
    })
}

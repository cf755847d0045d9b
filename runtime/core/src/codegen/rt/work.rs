//! The work of an evaluation: one budget, counted alike by generated code and by the interpreter.
//!
//! What counts is items touched and texts made, never time, so that the same evaluation costs the
//! same on every machine and in either of the two. Promises: an amount is counted before its memory
//! is taken, or right behind an operation that at most doubles what was counted; beyond the budget
//! everything is one fault.

use super::map::Entry;
use super::{
    Batch, Blob, Date, Decimal, DurationMs, Failure, Fault, Money, Outcome, Percent, Pii, Role,
    Secret, Time, Uuid, fault,
};
use std::cell::Cell;
use std::collections::BTreeMap;

/// Bound: the work between two durable points. A turn of a loop costs ten; a loop of a million turns
/// without a durable point is a mistake.
pub const WORK_MAX: u64 = 10_000_000;

/// Work of one turn of a loop.
pub const TURN: u64 = 10;

/// Bytes of a text that cost as much as one item.
const TEXT_UNIT: usize = 16;

/// What is only handed to a lambda or function costs one part of so many.
const HANDED: u64 = 8;

/// The work of one evaluation so far.
#[derive(Debug, Default)]
pub struct Work {
    spent: Cell<u64>,
}

impl Work {
    /// Nothing done yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts so much.
    ///
    /// # Errors
    /// A fault beyond the budget.
    pub fn spend(&self, amount: u64) -> Result<(), Fault> {
        let spent = self.spent.get().saturating_add(amount);
        self.spent.set(spent);
        match spent > WORK_MAX {
            true => Err(fault("too much work without a durable point")),
            false => Ok(()),
        }
    }

    /// All that was counted.
    #[must_use]
    pub fn spent(&self) -> u64 {
        self.spent.get()
    }
}

/// How much a value is.
pub trait Weight {
    /// 1 for a scalar and a short text, more for a long one, 1 and its parts for what has parts,
    /// nothing for what is absent.
    fn weight(&self) -> u64;
}

/// What a value costs beside a scalar.
pub fn size<T: Weight + ?Sized>(value: &T) -> u64 {
    value.weight().saturating_sub(1)
}

/// What handing a value of this size to a lambda or function costs.
#[must_use]
pub fn handed(size: u64) -> u64 {
    size / HANDED
}

/// What a text of so many bytes costs.
#[must_use]
pub fn text_units(bytes: usize) -> u64 {
    amount(bytes / TEXT_UNIT)
}

/// The weight of items, each of which takes its place even where it is absent.
pub fn items_weight(weights: impl Iterator<Item = u64>) -> u64 {
    weights.fold(1, |sum, weight| sum.saturating_add(weight.max(1)))
}

/// A length as an amount of work.
#[must_use]
pub fn amount(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// Counts a value that was made.
///
/// # Errors
/// A fault beyond the budget.
pub fn made<T: Weight>(work: &Work, value: T) -> Result<T, Fault> {
    work.spend(size(&value)).map(|()| value)
}

/// Counts a value that is copied or compared.
///
/// # Errors
/// A fault beyond the budget.
pub fn read<'v, T: Weight + ?Sized>(work: &Work, value: &'v T) -> Result<&'v T, Fault> {
    work.spend(size(value)).map(|()| value)
}

/// Counts a value that is handed to a function.
///
/// # Errors
/// A fault beyond the budget.
pub fn hand<'v, T: Weight + ?Sized>(work: &Work, value: &'v T) -> Result<&'v T, Fault> {
    work.spend(handed(size(value))).map(|()| value)
}

/// What has parts to go through.
pub trait Through {
    /// How many.
    fn parts(&self) -> u64;
}

impl<T> Through for [T] {
    fn parts(&self) -> u64 {
        amount(self.len())
    }
}

impl<K, V> Through for BTreeMap<K, V> {
    fn parts(&self) -> u64 {
        amount(self.len())
    }
}

impl Through for str {
    fn parts(&self) -> u64 {
        text_units(self.len())
    }
}

/// Counts what a method goes through.
///
/// # Errors
/// A fault beyond the budget.
pub fn through<'v, T: Through + ?Sized>(work: &Work, value: &'v T) -> Result<&'v T, Fault> {
    work.spend(value.parts()).map(|()| value)
}

/// Counts the items of a list that are compared one by one: most differ soon, so each costs no more than
/// what is handed on, beside its own place.
///
/// # Errors
/// A fault beyond the budget.
pub fn compared<'v, T: Weight>(work: &Work, items: &'v [T]) -> Result<&'v [T], Fault> {
    let beyond = items.iter().map(size).fold(0, u64::saturating_add);
    work.spend(handed(beyond)).map(|()| items)
}

/// Counts what stands between so many items before it is written: it may be long, and is one value.
///
/// # Errors
/// A fault beyond the budget.
pub fn betweens(work: &Work, items: usize, between: &str) -> Result<(), Fault> {
    work.spend(amount(items).saturating_mul(text_units(between.len())))
}

macro_rules! scalars {
    ($($ty:ty),*) => {$(
        impl Weight for $ty {
            fn weight(&self) -> u64 {
                1
            }
        }
    )*};
}

scalars!((), bool, i64, u64, Decimal, Percent, Money, DurationMs, Time, Date, Uuid, Blob, Failure);

impl Weight for String {
    fn weight(&self) -> u64 {
        text_units(self.len()).saturating_add(1)
    }
}

impl<T: Weight> Weight for Option<T> {
    fn weight(&self) -> u64 {
        self.as_ref().map_or(0, Weight::weight)
    }
}

impl<T: Weight> Weight for Vec<T> {
    fn weight(&self) -> u64 {
        items_weight(self.iter().map(Weight::weight))
    }
}

impl<K: Weight, V: Weight> Weight for BTreeMap<K, V> {
    fn weight(&self) -> u64 {
        items_weight(self.iter().flat_map(|(key, value)| [key.weight(), value.weight()]))
    }
}

impl<K: Weight, V: Weight> Weight for Entry<K, V> {
    fn weight(&self) -> u64 {
        self.key.weight().saturating_add(self.value.weight()).saturating_add(1)
    }
}

impl<T: Weight> Weight for Outcome<T> {
    fn weight(&self) -> u64 {
        match self {
            Self::Ok(value) => value.weight().saturating_add(1),
            Self::Failed(_) | Self::Unknown => 1,
        }
    }
}

impl<T: Weight> Weight for Batch<T> {
    fn weight(&self) -> u64 {
        // Its other five fields are scalars.
        self.items.weight().saturating_add(self.id.weight()).saturating_add(6)
    }
}

impl Weight for Role {
    fn weight(&self) -> u64 {
        items_weight(self.0.iter().map(Weight::weight))
    }
}

impl<T: Weight> Weight for Pii<T> {
    fn weight(&self) -> u64 {
        self.0.weight()
    }
}

impl<T: Weight> Weight for Secret<T> {
    fn weight(&self) -> u64 {
        self.0.weight()
    }
}

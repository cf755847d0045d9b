//! Methods of lists. A lambda gets a copy of an item and may fault.

use super::work::betweens;
use super::{Date, Fault, Plus, Work, fault, json};
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Bound: the items of a range.
const RANGE_MAX: i64 = 1_000_000;

/// A count or position from a program: negative ones are nought.
pub(super) fn clamp(n: i64) -> usize {
    usize::try_from(n.max(0)).unwrap_or(usize::MAX)
}

/// A length as a value.
pub(super) fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// `len`
#[must_use]
pub fn len<T>(items: &[T]) -> i64 {
    count(items.len())
}

/// `is_empty`
#[must_use]
pub fn is_empty<T>(items: &[T]) -> bool {
    items.is_empty()
}

/// `first`
#[must_use]
pub fn first<T: Clone>(items: &[T]) -> Option<T> {
    items.first().cloned()
}

/// `last`
#[must_use]
pub fn last<T: Clone>(items: &[T]) -> Option<T> {
    items.last().cloned()
}

/// `reverse`
#[must_use]
pub fn reverse<T: Clone>(items: &[T]) -> Vec<T> {
    items.iter().rev().cloned().collect()
}

/// `unique`, in the order they first come.
#[must_use]
pub fn unique<T: Clone + Ord>(items: &[T]) -> Vec<T> {
    let mut seen = BTreeSet::new();
    items.iter().filter(|item| seen.insert(*item)).cloned().collect()
}

/// `take`
#[must_use]
pub fn take<T: Clone>(items: &[T], n: i64) -> Vec<T> {
    items.iter().take(clamp(n)).cloned().collect()
}

/// `drop`
#[must_use]
pub fn drop<T: Clone>(items: &[T], n: i64) -> Vec<T> {
    items.iter().skip(clamp(n)).cloned().collect()
}

/// `contains`, and `in`
#[must_use]
pub fn contains<T: PartialEq>(items: &[T], item: &T) -> bool {
    items.contains(item)
}

/// `at`
#[must_use]
pub fn at<T: Clone>(items: &[T], index: i64) -> Option<T> {
    usize::try_from(index).ok().and_then(|index| items.get(index)).cloned()
}

/// `index_of`
#[must_use]
pub fn index_of<T: PartialEq>(items: &[T], item: &T) -> Option<i64> {
    items.iter().position(|each| each == item).map(count)
}

/// `flat`
#[must_use]
pub fn flat<T: Clone>(lists: &[Vec<T>]) -> Vec<T> {
    lists.concat()
}

/// `chunks`: parts of so many items; the last may have fewer.
///
/// # Errors
/// A fault where they would have none.
pub fn chunks<T: Clone>(items: &[T], size: i64) -> Result<Vec<Vec<T>>, Fault> {
    match clamp(size) {
        0 => Err(fault("a part of a list has at least one item")),
        size => Ok(items.chunks(size).map(<[T]>::to_vec).collect()),
    }
}

/// `join`
///
/// # Errors
/// As [`json::print`], and beyond the budget of work.
pub fn join<T: Serialize>(work: &Work, items: &[T], between: &str) -> Result<String, Fault> {
    betweens(work, items.len(), between)?;
    let texts = items.iter().map(json::print).collect::<Result<Vec<_>, _>>()?;
    Ok(texts.join(between))
}

/// `xs[i]`
///
/// # Errors
/// A fault where there is nothing.
pub fn index<T: Clone>(items: &[T], index: i64) -> Result<T, Fault> {
    let found = usize::try_from(index).ok().and_then(|index| items.get(index));
    found.cloned().ok_or_else(|| fault("there is nothing at this index or key"))
}

/// `map`
///
/// # Errors
/// What the lambda answers.
pub fn map<T: Clone, U>(
    items: &[T],
    f: impl FnMut(T) -> Result<U, Fault>,
) -> Result<Vec<U>, Fault> {
    items.iter().cloned().map(f).collect()
}

/// `where`
///
/// # Errors
/// What the lambda answers.
pub fn filter<T: Clone>(
    items: &[T],
    mut f: impl FnMut(T) -> Result<bool, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut out = Vec::new();
    for item in items {
        if f(item.clone())? {
            out.push(item.clone());
        }
    }
    Ok(out)
}

/// `find`
///
/// # Errors
/// What the lambda answers.
pub fn find<T: Clone>(
    items: &[T],
    mut f: impl FnMut(T) -> Result<bool, Fault>,
) -> Result<Option<T>, Fault> {
    for item in items {
        if f(item.clone())? {
            return Ok(Some(item.clone()));
        }
    }
    Ok(None)
}

/// `unique_by`: the first item of each key.
///
/// # Errors
/// What the lambda answers.
pub fn unique_by<T: Clone, K: Ord>(
    items: &[T],
    mut f: impl FnMut(T) -> Result<K, Fault>,
) -> Result<Vec<T>, Fault> {
    let (mut seen, mut out) = (BTreeSet::new(), Vec::new());
    for item in items {
        if seen.insert(f(item.clone())?) {
            out.push(item.clone());
        }
    }
    Ok(out)
}

/// `to_map`; of two values with one key the later stays.
///
/// # Errors
/// What the lambdas answer.
pub fn to_map<T: Clone, K: Ord, V>(
    items: &[T],
    mut key: impl FnMut(T) -> Result<K, Fault>,
    mut value: impl FnMut(T) -> Result<V, Fault>,
) -> Result<BTreeMap<K, V>, Fault> {
    items.iter().map(|item| Ok((key(item.clone())?, value(item.clone())?))).collect()
}

/// `count` with a condition
///
/// # Errors
/// What the lambda answers.
pub fn count_where<T: Clone>(
    items: &[T],
    f: impl FnMut(T) -> Result<bool, Fault>,
) -> Result<i64, Fault> {
    filter(items, f).map(|found| count(found.len()))
}

/// `any`
///
/// # Errors
/// What the lambda answers.
pub fn any<T: Clone>(
    items: &[T],
    mut f: impl FnMut(T) -> Result<bool, Fault>,
) -> Result<bool, Fault> {
    for item in items {
        if f(item.clone())? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `all`
///
/// # Errors
/// What the lambda answers.
pub fn all<T: Clone>(
    items: &[T],
    mut f: impl FnMut(T) -> Result<bool, Fault>,
) -> Result<bool, Fault> {
    for item in items {
        if !f(item.clone())? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `sum`; `empty` is the sum of nothing.
///
/// # Errors
/// What the lambda answers, and an overflow.
pub fn sum<T: Clone, U: Plus<U, Out = U>>(
    items: &[T],
    mut f: impl FnMut(T) -> Result<U, Fault>,
    empty: impl FnOnce() -> Result<U, Fault>,
) -> Result<U, Fault> {
    let Some((first, rest)) = items.split_first() else { return empty() };
    let mut total = f(first.clone())?;
    for item in rest {
        total = total.plus(f(item.clone())?)?;
    }
    Ok(total)
}

/// The sum of nothing, where its type has none.
///
/// # Errors
/// Always.
pub fn no_sum<U>() -> Result<U, Fault> {
    Err(fault("an empty sum of this type has no value"))
}

/// `min` and `max`: the first item whose value is the least or greatest, with that value.
///
/// # Errors
/// What the lambda answers, and where two values have no order.
pub fn extreme<T: Clone, K>(
    items: &[T],
    mut f: impl FnMut(T) -> Result<K, Fault>,
    compare: impl Fn(&K, &K) -> Result<Ordering, Fault>,
    wanted: Ordering,
) -> Result<Option<(K, T)>, Fault> {
    let mut best: Option<(K, &T)> = None;
    for item in items {
        let value = f(item.clone())?;
        let better = match &best {
            Some((so_far, _)) => compare(&value, so_far)? == wanted,
            None => true,
        };
        if better {
            best = Some((value, item));
        }
    }
    Ok(best.map(|(value, item)| (value, item.clone())))
}

/// `sort` and `sort_by`, stable.
///
/// # Errors
/// What the lambda answers, and where two values have no order.
pub fn sort<T: Clone, K>(
    items: &[T],
    mut f: impl FnMut(T) -> Result<K, Fault>,
    compare: impl Fn(&K, &K) -> Result<Ordering, Fault>,
) -> Result<Vec<T>, Fault> {
    let keyed = items.iter().map(|item| Ok((f(item.clone())?, item)));
    let mut keyed = keyed.collect::<Result<Vec<_>, Fault>>()?;
    // Comparing first finds what has no order, because a sort cannot fail half way.
    for pair in keyed.windows(2) {
        if let [(a, _), (b, _)] = pair {
            compare(a, b)?;
        }
    }
    keyed.sort_by(|(a, _), (b, _)| compare(a, b).unwrap_or(Ordering::Equal));
    Ok(keyed.into_iter().map(|(_, item)| item.clone()).collect())
}

/// `group_by`
///
/// # Errors
/// What the lambda answers.
pub fn group_by<T: Clone, K: Ord>(
    items: &[T],
    mut f: impl FnMut(T) -> Result<K, Fault>,
) -> Result<BTreeMap<K, Vec<T>>, Fault> {
    let mut groups: BTreeMap<K, Vec<T>> = BTreeMap::new();
    for item in items {
        groups.entry(f(item.clone())?).or_default().push(item.clone());
    }
    Ok(groups)
}

/// `count_by`
///
/// # Errors
/// What the lambda answers.
pub fn count_by<T: Clone, K: Ord>(
    items: &[T],
    f: impl FnMut(T) -> Result<K, Fault>,
) -> Result<BTreeMap<K, i64>, Fault> {
    let groups = group_by(items, f)?;
    Ok(groups.into_iter().map(|(key, group)| (key, count(group.len()))).collect())
}

/// `fold`
///
/// # Errors
/// What the lambda answers.
pub fn fold<T: Clone, A>(
    items: &[T],
    first: A,
    f: impl FnMut(A, T) -> Result<A, Fault>,
) -> Result<A, Fault> {
    items.iter().cloned().try_fold(first, f)
}

/// `zip` with a lambda, as long as the shorter.
///
/// # Errors
/// What the lambda answers.
pub fn zip_with<T: Clone, U: Clone, O>(
    left: &[T],
    right: &[U],
    mut f: impl FnMut(T, U) -> Result<O, Fault>,
) -> Result<Vec<O>, Fault> {
    left.iter().zip(right).map(|(a, b)| f(a.clone(), b.clone())).collect()
}

/// `range`: from the first up to but not the last.
///
/// # Errors
/// A fault where it has too many items.
pub fn range(from: i64, to: i64) -> Result<Vec<i64>, Fault> {
    if to.saturating_sub(from) > RANGE_MAX {
        return Err(fault("a range has more than a million items"));
    }
    Ok((from..to).collect())
}

/// `dates`: from the first up to but not the last.
///
/// # Errors
/// A fault where it has too many items, or leaves the calendar.
pub fn dates(from: Date, to: Date) -> Result<Vec<Date>, Fault> {
    // The days are told before any of them is made.
    if i64::from((to.0 - from.0).get_days()) > RANGE_MAX {
        return Err(fault("a range has more than a million items"));
    }
    let mut dates = Vec::new();
    let mut next = from;
    while next < to {
        dates.push(next);
        next = next.0.tomorrow().map(Date).map_err(|_| fault("a date is out of range"))?;
    }
    Ok(dates)
}

/// The items of a loop, at most so many.
///
/// # Errors
/// A fault beyond.
pub fn at_most<T>(items: Vec<T>, max: usize) -> Result<Vec<T>, Fault> {
    match items.len() > max {
        true => Err(fault("a loop has more items than its `max`")),
        false => Ok(items),
    }
}

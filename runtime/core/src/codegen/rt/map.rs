//! Methods of maps, in key order.

use super::{Fault, fault, list};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One entry of a map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry<K, V> {
    /// Its key.
    pub key: K,
    /// Its value.
    pub value: V,
}

/// `len`
#[must_use]
pub fn len<K, V>(map: &BTreeMap<K, V>) -> i64 {
    list::count(map.len())
}

/// `is_empty`
#[must_use]
pub fn is_empty<K, V>(map: &BTreeMap<K, V>) -> bool {
    map.is_empty()
}

/// `keys`
#[must_use]
pub fn keys<K: Clone, V>(map: &BTreeMap<K, V>) -> Vec<K> {
    map.keys().cloned().collect()
}

/// `values`
#[must_use]
pub fn values<K, V: Clone>(map: &BTreeMap<K, V>) -> Vec<V> {
    map.values().cloned().collect()
}

/// `entries`
#[must_use]
pub fn entries<K: Clone, V: Clone>(map: &BTreeMap<K, V>) -> Vec<Entry<K, V>> {
    map.iter().map(|(key, value)| Entry { key: key.clone(), value: value.clone() }).collect()
}

/// `get`
#[must_use]
pub fn get<K: Ord, V: Clone>(map: &BTreeMap<K, V>, key: &K) -> Option<V> {
    map.get(key).cloned()
}

/// `contains`, and `in`
#[must_use]
pub fn contains<K: Ord, V>(map: &BTreeMap<K, V>, key: &K) -> bool {
    map.contains_key(key)
}

/// `m[k]`
///
/// # Errors
/// A fault where there is nothing.
pub fn index<K: Ord, V: Clone>(map: &BTreeMap<K, V>, key: &K) -> Result<V, Fault> {
    get(map, key).ok_or_else(|| fault("there is nothing at this index or key"))
}

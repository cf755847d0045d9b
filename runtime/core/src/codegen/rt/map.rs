//! Methods of maps, in key order.

use super::{Fault, Json, fault, list};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// One entry of a map. As every record it leaves out a value that is absent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry<K, V> {
    /// Its key.
    pub key: K,
    /// Its value.
    pub value: V,
}

/// The form of an entry in frames.
#[derive(Serialize, Deserialize)]
struct Written {
    key: Json,
    #[serde(default, skip_serializing_if = "Json::is_null")]
    value: Json,
}

impl<K: Serialize, V: Serialize> Serialize for Entry<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let key = serde_json::to_value(&self.key).map_err(serde::ser::Error::custom)?;
        let value = serde_json::to_value(&self.value).map_err(serde::ser::Error::custom)?;
        Written { key, value }.serialize(serializer)
    }
}

impl<'de, K: DeserializeOwned, V: DeserializeOwned> Deserialize<'de> for Entry<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { key, value } = Written::deserialize(deserializer)?;
        let key = serde_json::from_value(key).map_err(serde::de::Error::custom)?;
        let value = serde_json::from_value(value).map_err(serde::de::Error::custom)?;
        Ok(Self { key, value })
    }
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

/// `put`
#[must_use]
pub fn put<K: Clone + Ord, V: Clone>(map: &BTreeMap<K, V>, key: K, value: V) -> BTreeMap<K, V> {
    let mut map = map.clone();
    map.insert(key, value);
    map
}

/// `remove`
#[must_use]
pub fn remove<K: Clone + Ord, V: Clone>(map: &BTreeMap<K, V>, key: &K) -> BTreeMap<K, V> {
    let mut map = map.clone();
    map.remove(key);
    map
}

/// `merge`: of one key the other's value stays.
#[must_use]
pub fn merge<K: Clone + Ord, V: Clone>(
    map: &BTreeMap<K, V>,
    other: &BTreeMap<K, V>,
) -> BTreeMap<K, V> {
    let mut map = map.clone();
    map.extend(other.iter().map(|(key, value)| (key.clone(), value.clone())));
    map
}

/// `where`
///
/// # Errors
/// What the lambda answers.
pub fn filter<K: Clone + Ord, V: Clone>(
    map: &BTreeMap<K, V>,
    mut f: impl FnMut(K, V) -> Result<bool, Fault>,
) -> Result<BTreeMap<K, V>, Fault> {
    let mut out = BTreeMap::new();
    for (key, value) in map {
        if f(key.clone(), value.clone())? {
            out.insert(key.clone(), value.clone());
        }
    }
    Ok(out)
}

/// `map_values`
///
/// # Errors
/// What the lambda answers.
pub fn map_values<K: Clone + Ord, V: Clone, U>(
    map: &BTreeMap<K, V>,
    mut f: impl FnMut(V) -> Result<U, Fault>,
) -> Result<BTreeMap<K, U>, Fault> {
    map.iter().map(|(key, value)| Ok((key.clone(), f(value.clone())?))).collect()
}

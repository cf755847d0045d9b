//! Messages that wait for the first of their key to arrive.
//!
//! Brokers keep later messages of a client from overtaking a refused one by their sequence, but only
//! in partitions where they know the client already: to one that they do not know, they take the
//! second batch though they refused the first. So the first message of a key goes alone; when it is
//! in its topic, its partition knows the client, and the others of the key follow without waiting.

use super::Message;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bound: keys that are known to be known. Beyond that all are forgotten, and each goes alone once
/// more.
const KNOWN_MAX: usize = 64 * 1024;

/// Bound: how long keys stay known: much less than the day after which brokers forget a client that
/// does not write to a partition.
const KNOWN_FOR: Duration = Duration::from_secs(3600);

/// A topic's key, hashed. Two keys of one hash only wait for each other.
pub(super) type Key = u64;

/// A message's own copy.
pub(super) struct Held {
    pub ticket: u64,
    pub topic: Arc<str>,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Held {
    /// Does something with it as a message.
    pub fn with<T>(&self, body: impl FnOnce(&Message<'_>) -> T) -> T {
        let headers: Vec<(&str, Option<&[u8]>)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
        body(&Message {
            topic: &self.topic,
            key: Some(&self.key),
            value: self.value.as_deref(),
            headers: &headers,
        })
    }
}

/// Which keys are known to their partitions, and what waits for the others.
pub(super) struct First {
    hasher: RandomState,
    known: HashSet<Key>,
    /// When the oldest of them became known, or before.
    known_since: Instant,
    /// Keys whose first message is on its way, with what waits for it, in order.
    waiting: HashMap<Key, VecDeque<Held>>,
}

impl Default for First {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            known: HashSet::new(),
            known_since: Instant::now(),
            waiting: HashMap::new(),
        }
    }
}

impl First {
    /// The key of a message; none where it has none, and no order.
    pub fn key(&self, message: &Message<'_>) -> Option<Key> {
        message.key.map(|key| self.hasher.hash_one((message.topic, key)))
    }

    /// Keeps a message if it must wait; false where it may go at once.
    pub fn hold(&mut self, key: Option<Key>, ticket: u64, message: &Message<'_>) -> bool {
        let Some(waiting) = key.and_then(|key| self.waiting.get_mut(&key)) else { return false };
        let owned =
            |(name, value): &(&str, Option<&[u8]>)| ((*name).to_owned(), value.map(<[u8]>::to_vec));
        waiting.push_back(Held {
            ticket,
            topic: message.topic.into(),
            key: message.key.unwrap_or_default().to_vec(),
            value: message.value.map(<[u8]>::to_vec),
            headers: message.headers.iter().map(owned).collect(),
        });
        true
    }

    /// A message is on its way: if it is the first of its key, others wait for it.
    pub fn went(&mut self, key: Option<Key>) {
        if self.known.len() >= KNOWN_MAX || self.known_since.elapsed() > KNOWN_FOR {
            self.known.clear();
            self.known_since = Instant::now();
        }
        if let Some(key) = key
            && !self.known.contains(&key)
        {
            self.waiting.entry(key).or_default();
        }
    }

    /// A message arrived: what may follow it now.
    pub fn arrived(&mut self, key: Option<Key>) -> VecDeque<Held> {
        let Some((key, waiting)) = key.and_then(|key| self.waiting.remove_entry(&key)) else {
            return VecDeque::new();
        };
        self.known.insert(key);
        waiting
    }

    /// A message failed: what waited for it.
    pub fn failed(&mut self, key: Option<Key>) -> VecDeque<Held> {
        key.and_then(|key| self.waiting.remove(&key)).unwrap_or_default()
    }

    /// Waits go on behind another first message.
    pub fn wait(&mut self, key: Option<Key>, held: VecDeque<Held>) {
        if let Some(key) = key {
            self.waiting.insert(key, held);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::First;
    use crate::Message;

    #[test]
    fn a_key_goes_alone_until_its_first_message_arrived() {
        let mut first = First::default();
        let message = Message { topic: "t", key: Some(b"k"), value: Some(b"v"), headers: &[] };
        let key = first.key(&message);
        let other = first.key(&Message { topic: "u", ..message });
        assert!(!first.hold(key, 1, &message), "nothing is on its way");
        first.went(key);
        assert!(first.hold(key, 2, &message) && first.hold(key, 3, &message));
        assert!(!first.hold(other, 4, &message) && !first.hold(None, 5, &message));
        let follow: Vec<u64> = first.arrived(key).iter().map(|held| held.ticket).collect();
        assert_eq!(follow, [2, 3], "in order");
        first.went(key);
        assert!(!first.hold(key, 6, &message), "its partition knows us");
        first.went(other);
        assert!(first.hold(other, 7, &message));
        assert_eq!(first.failed(other).len(), 1);
        assert!(!first.hold(other, 8, &message), "the next is a first again");
    }
}

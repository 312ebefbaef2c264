//! A bounded map that forgets what was not used for longest.

use std::{borrow::Borrow, collections::HashMap, hash::Hash};

/// Keys and what they stand for, at most `capacity` of them.
pub(super) struct Cache<K, V> {
    entries: HashMap<K, Entry<V>>,
    capacity: usize,
    /// Counts uses; the smallest is the longest ago.
    clock: u64,
}

struct Entry<V> {
    value: V,
    used: u64,
}

impl<K: Hash + Eq + Clone, V> Cache<K, V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { entries: HashMap::new(), capacity, clock: 0 }
    }

    pub(super) fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.clock += 1;
        let entry = self.entries.get_mut(key)?;
        entry.used = self.clock;
        Some(&entry.value)
    }

    /// Adds an entry. Finding the one that makes room looks at all of them, which costs less than the schema that is
    /// being added did.
    pub(super) fn insert(&mut self, key: K, value: V) {
        if self.capacity == 0 {
            return;
        }
        if self.entries.len() >= self.capacity {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
            oldest.map(|key| self.entries.remove(&key));
        }
        self.clock += 1;
        self.entries.insert(key, Entry { value, used: self.clock });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let mut cache = Cache::new(2);
        cache.insert("a".to_string(), 1);
        cache.insert("b".to_string(), 2);
        assert_eq!(cache.get("a"), Some(&1));
        cache.insert("c".to_string(), 3);
        let found = ["a", "b", "c"].map(|key| cache.get(key).copied());
        assert_eq!(found, [Some(1), None, Some(3)]);
    }

    #[test]
    fn a_cache_without_room_stays_empty() {
        let mut cache = Cache::new(0);
        cache.insert("a".to_string(), 1);
        assert_eq!(cache.get("a"), None);
    }
}

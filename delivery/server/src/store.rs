//! Equal resources once, however many proxies have them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::resource::{Named, Resource, Snapshot, Version};

/// Everything that some proxy has. What no proxy has any more is forgotten.
#[derive(Debug, Default)]
pub struct Store {
    resources: Shelf<Resource>,
    named: Shelf<Named>,
    snapshots: Shelf<Snapshot>,
}

/// Things by what identifies them.
#[derive(Debug)]
struct Shelf<T>(Mutex<HashMap<Version, Weak<T>>>, Mutex<usize>);

impl<T> Default for Shelf<T> {
    fn default() -> Shelf<T> {
        Shelf(Mutex::default(), Mutex::default())
    }
}

impl<T> Shelf<T> {
    /// What is there by this key, else what is made now.
    fn get(&self, key: Version, make: impl FnOnce() -> T) -> Arc<T> {
        let there = |map: &HashMap<Version, Weak<T>>| map.get(&key).and_then(Weak::upgrade);
        if let Some(found) = there(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return found;
        }
        // Made outside of the lock: others need not wait. Of two that are made at a time the first stays.
        let made = Arc::new(make());
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = there(&map) {
            return found;
        }
        map.insert(key, Arc::downgrade(&made));
        let mut limit = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        if map.len() > (*limit).max(1024) {
            map.retain(|_, it| it.strong_count() > 0);
            *limit = map.len() * 2;
        }
        made
    }
}

impl Store {
    /// The resource that `make` makes. `key` tells it from every other one.
    pub fn resource(&self, key: Version, make: impl FnOnce() -> Resource) -> Arc<Resource> {
        self.resources.get(key, make)
    }

    /// The same resources, which others may have too.
    pub fn named(&self, named: Named) -> Arc<Named> {
        let key = crate::subscription::version_of(&named);
        self.named.get(key, || named)
    }

    /// The same snapshot, which others may have too: what comes of it is then computed once for all of them.
    pub fn snapshot(&self, snapshot: Snapshot) -> Arc<Snapshot> {
        let mut parts: Vec<String> = Vec::new();
        for (type_url, named) in &snapshot.types {
            parts.push(format!("{type_url} {}", crate::subscription::version_of(named)));
        }
        // What is known of the rest decides about answers too.
        parts.push(format!("{:?} {:?}", snapshot.named, snapshot.rest));
        let key = Version::of_parts(parts.iter().map(String::as_bytes));
        self.snapshots.get(key, || snapshot)
    }

    /// How many resources there are.
    pub fn len(&self) -> usize {
        let map = self.resources.0.lock().unwrap_or_else(PoisonError::into_inner);
        map.values().filter(|it| it.strong_count() > 0).count()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn what_is_equal_is_there_once_and_what_nobody_has_is_forgotten() {
        let store = Store::default();
        let make = |number: usize| {
            let content = Bytes::from(number.to_string());
            store.resource(Version::of(&content), || Resource::new("t", "n", content.clone()))
        };
        let one = make(1);
        assert!(Arc::ptr_eq(&one, &make(1)));
        for number in 0..5000 {
            make(number);
        }
        assert!(Arc::ptr_eq(&one, &make(1)));
        assert_eq!(store.len(), 1);
        let map = store.resources.0.lock().expect("no panic");
        assert!(map.len() < 2100, "{}", map.len());
    }
}

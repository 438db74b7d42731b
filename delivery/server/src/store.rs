//! Equal resources once, however many proxies have them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::resource::{Named, Resource, Snapshot, Version};
use crate::subscription::version_of;

/// With how many things it is first looked which of them nobody has any more.
const LEAST_LIMIT: usize = 1024;

/// Everything that some proxy has. What no proxy has any more is forgotten.
#[derive(Debug, Default)]
pub struct Store {
    resources: Shelf<Resource>,
    named: Shelf<Named>,
    snapshots: Shelf<Snapshot>,
}

/// Things by what identifies them.
#[derive(Debug)]
struct Shelf<T>(Mutex<Things<T>>);

#[derive(Debug)]
struct Things<T> {
    there: HashMap<Version, Weak<T>>,
    /// With how many of them it is looked which nobody has any more.
    limit: usize,
}

impl<T> Default for Shelf<T> {
    fn default() -> Shelf<T> {
        Shelf(Mutex::new(Things { there: HashMap::new(), limit: LEAST_LIMIT }))
    }
}

impl<T> Shelf<T> {
    fn lock(&self) -> MutexGuard<'_, Things<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is there by this key, else what is made now.
    fn get(&self, key: Version, make: impl FnOnce() -> T) -> Arc<T> {
        let there = |things: &Things<T>| things.there.get(&key).and_then(Weak::upgrade);
        if let Some(found) = there(&self.lock()) {
            return found;
        }
        // Made outside of the lock: others need not wait. Of two that are made at a time the first stays.
        let made = Arc::new(make());
        let mut things = self.lock();
        if let Some(found) = there(&things) {
            return found;
        }
        things.there.insert(key, Arc::downgrade(&made));
        if things.there.len() > things.limit {
            things.there.retain(|_, it| it.strong_count() > 0);
            things.limit = (things.there.len() * 2).max(LEAST_LIMIT);
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
        let key = version_of(named.values());
        self.named.get(key, || named)
    }

    /// The same snapshot, which others may have too: what comes of it is then computed once for all of them.
    pub fn snapshot(&self, snapshot: Snapshot) -> Arc<Snapshot> {
        let mut parts: Vec<String> = Vec::new();
        for (type_url, named) in &snapshot.types {
            parts.push(format!("{type_url} {}", version_of(named.values())));
        }
        // What is known of the rest decides about answers too.
        parts.push(format!("{:?} {:?}", snapshot.named, snapshot.rest));
        let key = Version::of_parts(parts.iter().map(String::as_bytes));
        self.snapshots.get(key, || snapshot)
    }

    /// How many resources there are.
    pub fn count(&self) -> usize {
        self.resources.lock().there.values().filter(|it| it.strong_count() > 0).count()
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
        assert_eq!(store.count(), 1);
        let things = store.resources.lock();
        assert!(things.there.len() < 2100, "{}", things.there.len());
    }
}

//! [`Store`]: entries with an end, an atomic compare-and-set, and what is sealed, symbolically.

use std::time::Duration;

use bytes::Bytes;

use crate::schedule::fixture::secs;

pub(super) const FLEETS: usize = 2;
/// What begins a value that a fleet has sealed.
const SEALED: u8 = 1;

/// One of the two names of a fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub(super) fleet: usize,
    pub(super) is_lease: bool,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) value: Bytes,
    /// Since the start; `None` if it has no end.
    pub(super) until: Option<Duration>,
}

/// What processes share. Its time is handed in.
#[derive(Clone, Debug, Default, Hash, PartialEq, Eq)]
pub(super) struct Store([[Option<Entry>; 2]; FLEETS]);

// === impl Name ===

impl Name {
    pub(super) const fn token(fleet: usize) -> Self {
        Self { fleet, is_lease: false }
    }

    pub(super) const fn lease(fleet: usize) -> Self {
        Self { fleet, is_lease: true }
    }

    /// What only this fleet can write, and only under this name.
    pub(super) fn seal(self, plain: &[u8]) -> Bytes {
        [&self.head()[..], plain].concat().into()
    }

    pub(super) fn open(self, value: &[u8]) -> Option<&[u8]> {
        value.strip_prefix(&self.head()[..])
    }

    fn head(self) -> [u8; 3] {
        [SEALED, self.fleet.try_into().unwrap(), self.is_lease.into()]
    }
}

// === impl Store ===

impl Store {
    pub(super) fn get(&self, name: Name, now: Duration) -> Option<&Entry> {
        let entry = self.0[name.fleet][usize::from(name.is_lease)].as_ref();
        entry.filter(|entry| entry.until.is_none_or(|until| now < until))
    }

    pub(super) fn put(&mut self, name: Name, value: Bytes, until: Option<Duration>) {
        self.0[name.fleet][usize::from(name.is_lease)] = Some(Entry { value, until });
    }

    pub(super) fn compare_and_set(
        &mut self,
        name: Name,
        expected: Option<&Bytes>,
        value: Bytes,
        ttl: Duration,
        now: Duration,
    ) -> bool {
        let is_expected = self.get(name, now).map(|entry| &entry.value) == expected;
        if is_expected {
            self.put(name, value, Some(now + ttl));
        }
        is_expected
    }

    pub(super) fn compare_and_remove(&mut self, name: Name, expected: &Bytes, now: Duration) -> bool {
        let is_expected = self.get(name, now).is_some_and(|entry| entry.value == expected);
        if is_expected {
            self.0[name.fleet][usize::from(name.is_lease)] = None;
        }
        is_expected
    }

    pub(super) fn flush(&mut self) {
        *self = Self::default();
    }

    /// How long until the first entry is gone.
    pub(super) fn next_end(&self, now: Duration) -> Option<Duration> {
        let ends = self.0.iter().flatten().flatten().filter_map(|entry| entry.until);
        ends.filter(|until| *until > now).min().map(|until| until - now)
    }

    /// What does not change any more what happens is dropped.
    pub(super) fn tidy(&mut self, now: Duration) {
        for entry in self.0.iter_mut().flatten() {
            entry.take_if(|entry| entry.until.is_some_and(|until| until <= now));
        }
    }
}

#[test]
fn the_store_of_the_model_compares_and_forgets() {
    let (mut store, name) = (Store::default(), Name::lease(0));
    let (one, two) = (Bytes::from("one"), Bytes::from("two"));
    assert!(!store.compare_and_set(name, Some(&one), two.clone(), secs(1), secs(0)));
    assert!(store.compare_and_set(name, None, one.clone(), secs(1), secs(0)));
    assert!(!store.compare_and_set(name, None, two.clone(), secs(1), secs(0)));
    assert!(!store.compare_and_remove(name, &two, secs(0)));
    assert_eq!(store.get(Name::lease(1), secs(0)), None);
    assert_eq!(store.get(Name::token(0), secs(0)), None);
    assert_eq!(store.get(name, secs(1)), None);
    assert!(store.compare_and_set(name, None, two.clone(), secs(1), secs(1)));
    assert!(store.compare_and_remove(name, &two, secs(1)));
}

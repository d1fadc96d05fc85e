//! [`MemoryStore`]: a store for tests, which can be told to fail as real ones do.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::state::now;
use crate::{
    error::BoxError,
    fleet::{Stored, TokenStore},
    schedule::deadline,
};

/// A [`TokenStore`] in memory, for tests: scripted to refuse, to hang, to be slow, and to lose what it holds.
///
/// Its time is Tokio's monotonic clock, so entries expire under `tokio::time::pause` and `advance`, too. What a test
/// scripts holds for operations that are under way as well: a hanging one goes on after `hang(false)`.
///
/// # Cloning
///
/// A clone is another handle of the same store, as processes that share one have.
///
/// # Cancel safety
///
/// An operation whose future is dropped has taken effect, or it has not and never will.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_sinch_auth::{TokenStore, testing::MemoryStore};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), tower_sinch_auth::BoxError> {
///
/// let store = MemoryStore::new();
/// let other_process = store.clone();
/// assert!(store.compare_and_set("name", None, b"value", Duration::from_secs(60)).await?);
/// assert_eq!(other_process.load("name").await?.map(|stored| stored.value), Some("value".into()));
///
/// store.refuse(true);
/// assert!(other_process.load("name").await.is_err());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct MemoryStore(Arc<Shared>);

/// What the handles of one store share.
struct Shared {
    entries: Mutex<HashMap<String, Entry>>,
    script: watch::Sender<Script>,
    operations: AtomicU64,
}

struct Entry {
    value: Bytes,
    until: Instant,
}

/// What a test has the store do.
#[derive(Clone, Copy, Debug, Default)]
struct Script {
    refuse: bool,
    hang: bool,
    latency: Duration,
}

/// An operation under way.
struct Operation<'a> {
    store: &'a Shared,
    began: Instant,
    script: watch::Receiver<Script>,
}

// === impl MemoryStore ===

impl MemoryStore {
    /// Makes an empty store that answers at once.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            entries: Mutex::default(),
            script: watch::Sender::new(Script::default()),
            operations: AtomicU64::new(0),
        }))
    }

    /// Makes every operation fail, or none any more. Default: none.
    ///
    /// One that is under way fails if it is refused when its time has come. It may have taken effect before.
    pub fn refuse(&self, refuse: bool) {
        self.0.script.send_modify(|script| script.refuse = refuse);
    }

    /// Makes every operation wait for `hang(false)`, or lets all go on. Default: none waits.
    ///
    /// One that has not taken effect does so when it goes on.
    pub fn hang(&self, hang: bool) {
        self.0.script.send_modify(|script| script.hang = hang);
    }

    /// Sets the time that an operation takes, refused ones included. Default: zero.
    ///
    /// It takes effect after half of it: the way to the store is as long as the way back. So a caller that gives up
    /// in the second half has changed the store nevertheless.
    pub fn latency(&self, latency: Duration) {
        self.0.script.send_modify(|script| script.latency = latency);
    }

    /// Drops all entries, as a store does that is flushed or replaced.
    pub fn lose(&self) {
        self.0.lock().clear();
    }

    /// Returns how many operations were begun, through all handles. Those that hang or fail count, too.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.0.operations.load(Ordering::Relaxed)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl TokenStore for MemoryStore {
    async fn load(&self, name: &str) -> Result<Option<Stored>, BoxError> {
        self.0.perform(|entries, now| entries.get(name).map(|entry| entry.at(now))).await
    }

    async fn compare_and_set(
        &self,
        name: &str,
        expected: Option<&[u8]>,
        value: &[u8],
        ttl: Duration,
    ) -> Result<bool, BoxError> {
        let set = |entries: &mut HashMap<String, Entry>, now: Instant| {
            let is_expected = entries.get(name).map(|entry| &*entry.value) == expected;
            if is_expected {
                let entry = Entry { value: Bytes::copy_from_slice(value), until: deadline(now, ttl) };
                entries.insert(name.to_owned(), entry);
            }
            is_expected
        };
        self.0.perform(set).await
    }

    async fn compare_and_remove(&self, name: &str, expected: &[u8]) -> Result<bool, BoxError> {
        let remove = |entries: &mut HashMap<String, Entry>, _| {
            let is_expected = entries.get(name).is_some_and(|entry| entry.value == expected);
            if is_expected {
                entries.remove(name);
            }
            is_expected
        };
        self.0.perform(remove).await
    }
}

impl fmt::Debug for MemoryStore {
    /// Shows how many entries there are, and not what is in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("entries", &self.0.lock().len())
            .field("operations", &self.operations())
            .field("script", &*self.0.script.borrow())
            .finish()
    }
}

// === impl Shared ===

impl Shared {
    /// Applies `effect` half-way through an operation.
    async fn perform<T>(
        &self,
        effect: impl FnOnce(&mut HashMap<String, Entry>, Instant) -> T,
    ) -> Result<T, BoxError> {
        self.operations.fetch_add(1, Ordering::Relaxed);
        let mut operation = Operation { store: self, began: now(), script: self.script.subscribe() };
        operation.until(|latency| latency / 2).await?;
        let answer = operation.take_effect(effect);
        operation.until(|latency| latency).await?;
        Ok(answer)
    }

    /// Nothing panics under the lock.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Operation ===

impl Operation<'_> {
    /// Waits until the operation is as old as `age` makes of the latency, and while the store hangs.
    ///
    /// What the script says is read again each time it changes.
    async fn until(&mut self, age: impl Fn(Duration) -> Duration) -> Result<(), BoxError> {
        loop {
            let Script { refuse, hang, latency } = *self.script.borrow_and_update();
            let due = deadline(self.began, age(latency));
            if hang {
                // The store, and with it the sender, outlives the operation.
                let _ = self.script.changed().await;
            } else if now() < due {
                let _ = timeout_at(due, self.script.changed()).await;
            } else if refuse {
                return Err("the store was told to refuse".into());
            } else {
                return Ok(());
            }
        }
    }

    /// Drops what has expired, and applies `effect` to what is left.
    fn take_effect<T>(&self, effect: impl FnOnce(&mut HashMap<String, Entry>, Instant) -> T) -> T {
        let now = now();
        let mut entries = self.store.lock();
        entries.retain(|_, entry| now < entry.until);
        effect(&mut entries, now)
    }
}

// === impl Entry ===

impl Entry {
    fn at(&self, now: Instant) -> Stored {
        let expires_in = Some(self.until.saturating_duration_since(now));
        Stored { value: self.value.clone(), expires_in }
    }
}

//! [`TokenStore`]: what a fleet needs of a store. It decides nothing about tokens.

#[cfg(feature = "__client")]
use std::pin::Pin;
use std::{fmt, future::Future, time::Duration};

use bytes::Bytes;

use crate::error::BoxError;

/// A store with a compare-and-set, in which the processes of a fleet share a token.
///
/// It holds entries of up to a few KiB under names of up to 64 bytes. What is in it is sealed: a store sees neither a token nor
/// a secret. A store **never fails a call**: if an operation fails, panics or takes more than 500 ms, the process asks
/// the issuer itself.
///
/// `RedisStore`, with the feature `redis`, is one for Redis and Valkey. With the feature `test-util`,
/// `testing::check_store` tells whether another keeps these rules:
///
/// - Compare and write are one step: of two that expect the same, one wins.
/// - An entry is gone when its time is over.
/// - Values and names are bytes: what is loaded is what was written.
/// - What one process has written, another one loads.
pub trait TokenStore: Send + Sync + 'static {
    /// Loads the entry called `name`; `None` if there is none.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from answering.
    fn load(&self, name: &str) -> impl Future<Output = Result<Option<Stored>, BoxError>> + Send;

    /// Writes `value` for `ttl`, if the entry is `expected`; `None` expects that there is none. Returns whether it has.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from answering. The value may have been written nevertheless.
    fn compare_and_set(
        &self,
        name: &str,
        expected: Option<&[u8]>,
        value: &[u8],
        ttl: Duration,
    ) -> impl Future<Output = Result<bool, BoxError>> + Send;

    /// Removes the entry if it is `expected`. Returns whether it has.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from answering. The entry may have been removed nevertheless.
    fn compare_and_remove(
        &self,
        name: &str,
        expected: &[u8],
    ) -> impl Future<Output = Result<bool, BoxError>> + Send;
}

/// An entry of a [`TokenStore`].
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// The bytes that were written.
    pub value: Bytes,
    /// How long the entry lives from now. `None` if it has no end, which none that this crate writes is without.
    pub expires_in: Option<Duration>,
}

/// [`TokenStore`] behind a pointer.
#[cfg(feature = "__client")]
pub(super) trait DynTokenStore: Send + Sync {
    fn dyn_load<'a>(&'a self, name: &'a str) -> Answer<'a, Option<Stored>>;

    fn dyn_compare_and_set<'a>(
        &'a self,
        name: &'a str,
        expected: Option<&'a [u8]>,
        value: &'a [u8],
        ttl: Duration,
    ) -> Answer<'a, bool>;

    fn dyn_compare_and_remove<'a>(&'a self, name: &'a str, expected: &'a [u8]) -> Answer<'a, bool>;
}

#[cfg(feature = "__client")]
type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send + 'a>>;

// === impl TokenStore ===

#[cfg(feature = "__client")]
impl<S: TokenStore> DynTokenStore for S {
    fn dyn_load<'a>(&'a self, name: &'a str) -> Answer<'a, Option<Stored>> {
        Box::pin(self.load(name))
    }

    fn dyn_compare_and_set<'a>(
        &'a self,
        name: &'a str,
        expected: Option<&'a [u8]>,
        value: &'a [u8],
        ttl: Duration,
    ) -> Answer<'a, bool> {
        Box::pin(self.compare_and_set(name, expected, value, ttl))
    }

    fn dyn_compare_and_remove<'a>(&'a self, name: &'a str, expected: &'a [u8]) -> Answer<'a, bool> {
        Box::pin(self.compare_and_remove(name, expected))
    }
}

// === impl Stored ===

impl fmt::Debug for Stored {
    /// Shows how long the value is, and not what it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored")
            .field("value", &format_args!("{} bytes", self.value.len()))
            .field("expires_in", &self.expires_in)
            .finish()
    }
}

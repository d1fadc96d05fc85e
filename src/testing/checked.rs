//! [`Checked`]: a store each of whose operations has to answer, and the one way to say that it breaks a rule.

use std::{fmt, time::Duration};

use bytes::Bytes;
use tokio::time::timeout;

use crate::{
    error::BoxError,
    fleet::{Stored, TokenStore},
};

/// Twice the time of a flight, and sixty times what a process of a fleet would wait.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);

/// A store that is checked. Its operations succeed, or end the check.
#[derive(Debug)]
pub(super) struct Checked<'a, S>(&'a S);

// === impl Checked ===

impl<'a, S: TokenStore> Checked<'a, S> {
    pub(super) fn new(store: &'a S) -> Self {
        Self(store)
    }

    pub(super) async fn load(&self, name: &str) -> Option<Stored> {
        answer("load", self.0.load(name)).await
    }

    pub(super) async fn value(&self, name: &str) -> Option<Bytes> {
        self.load(name).await.map(|stored| stored.value)
    }

    pub(super) async fn set(&self, name: &str, expected: Option<&[u8]>, value: &[u8], ttl: Duration) -> bool {
        answer("compare_and_set", self.0.compare_and_set(name, expected, value, ttl)).await
    }

    pub(super) async fn remove(&self, name: &str, expected: &[u8]) -> bool {
        answer("compare_and_remove", self.0.compare_and_remove(name, expected)).await
    }
}

/// Returns a name that no store has, in the form of those that a fleet uses.
pub(super) fn random_name(label: &str) -> String {
    format!("{{{:032x}}}:{label}", fastrand::u128(..))
}

/// Ends the check, unless the rule `holds`.
pub(super) fn demand(holds: bool, rule: &str) {
    if !holds {
        broken(format_args!("{rule}"));
    }
}

async fn answer<T>(operation: &str, answer: impl Future<Output = Result<T, BoxError>>) -> T {
    match timeout(ANSWERS_WITHIN, answer).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => broken(format_args!("Operations succeed. `{operation}` failed: {error}")),
        Err(_) => broken(format_args!("Operations answer. `{operation}` did not within {ANSWERS_WITHIN:?}.")),
    }
}

#[expect(clippy::panic, reason = "the check tells what it found by a panic, as a test does")]
fn broken(rule: fmt::Arguments<'_>) -> ! {
    panic!("the store breaks a rule: {rule}")
}

//! [`Memory`]: what a process remembers from attempt to attempt.
//!
//! # Lock discipline
//!
//! There is one lock. It is held for a few instructions, never across an await, and no code of others runs under it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::breaker::Breaker;
use crate::schedule::Now;

/// What a process remembers of store and issuer.
#[derive(Default)]
pub(super) struct Memory(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    breaker: Breaker,
    /// Refusals of the issuer in a row, those of other processes included.
    refusals: u32,
    /// The name of the entry that was logged last.
    announced: String,
}

// === impl Memory ===

impl Memory {
    /// Remembers that the token goes by `name`. Returns whether that is new.
    pub(super) fn announce(&self, name: &str) -> bool {
        let mut remembered = self.lock();
        let is_new = remembered.announced != name;
        if is_new {
            name.clone_into(&mut remembered.announced);
        }
        is_new
    }

    /// Returns whether the store may be asked.
    pub(super) fn store_allows(&self, now: Now) -> bool {
        self.lock().breaker.allows(now)
    }

    /// Enters that the store failed. Returns how long it is left alone, and whether it answered before.
    pub(super) fn on_store_failed(&self, now: Now) -> (Duration, bool) {
        self.lock().breaker.on_failure(now)
    }

    /// Enters that the store did all that it was asked in an attempt. Returns whether it had failed before.
    pub(super) fn on_store_answered(&self) -> bool {
        self.lock().breaker.on_success()
    }

    /// Returns how often in a row the issuer has refused.
    pub(super) fn refusals(&self) -> u32 {
        self.lock().refusals
    }

    /// Enters how often in a row the issuer has refused: 0 with a token.
    pub(super) fn set_refusals(&self, refusals: u32) {
        self.lock().refusals = refusals;
    }

    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! [`SharedState`]: what all handles of a refresher, its waiters and its flight share.
//!
//! # Invariants
//!
//! 1. `mirror` holds the token of the state as it was when the lock was last given back. Calls read it without the lock.
//! 2. The state holds the handle of at most one flight. Every task of a flight that is not that one has been cancelled.
//! 3. A flight that ends, in whatever way, is reported once: its number tells a late report from that of the flight that
//!    is up.
//! 4. Nothing in the state is left half-done by a panic, so a poisoned lock is taken as it is.
//!
//! # Lock discipline
//!
//! There is one lock, and it is never held across an await. Under it no code of others runs: no subscriber, no recorder,
//! no source, no waker and no runtime. What these are told is taken out first. So a subscriber that asks the refresher
//! for a token cannot deadlock. Reading the mirror, counters and clocks takes no lock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use arc_swap::ArcSwapOption;

use super::{channel::FlightHandle, state::State};
use crate::{
    audience::Audience,
    error::TokenError,
    schedule::{Clock, Now, Phase, Settings},
    telemetry::{FlightSpan, Observer},
    token::{AccessToken, CachedToken, DynTokenSource, IssuedToken, TokenStatus},
};

/// What all handles of a refresher, its waiters and its flight share.
pub(super) struct SharedState {
    pub(super) mirror: ArcSwapOption<CachedToken>,
    state: Mutex<State<FlightHandle>>,
    pub(super) source: Arc<dyn DynTokenSource>,
    pub(super) audience: Audience,
    pub(super) settings: Settings,
    pub(super) clock: Clock,
    pub(super) observer: Arc<Observer>,
}

pub(super) type Locked<'a> = MutexGuard<'a, State<FlightHandle>>;

// === impl SharedState ===

impl SharedState {
    pub(super) fn new(
        source: Arc<dyn DynTokenSource>,
        audience: Audience,
        settings: Settings,
        clock: Clock,
    ) -> Self {
        Self {
            mirror: ArcSwapOption::empty(),
            state: Mutex::new(State::new(settings, clock)),
            source,
            audience,
            settings,
            clock,
            observer: Arc::default(),
        }
    }

    pub(super) fn lock(&self) -> Locked<'_> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lock, unless someone holds it.
    pub(super) fn try_lock(&self) -> Option<Locked<'_>> {
        match self.state.try_lock() {
            Ok(state) => Some(state),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Returns the token, unless it has expired.
    pub(super) fn usable(&self) -> Option<(AccessToken, Phase)> {
        let token = AccessToken::from(self.mirror.load_full()?);
        let phase = token.phase();
        (phase != Phase::Expired).then_some((token, phase))
    }

    pub(super) fn status(&self, state: &Locked<'_>, now: Now) -> TokenStatus {
        state.status(self.observer.token_requests(), now)
    }

    /// Enters what flight `id` brought, and returns what its waiters get; `None` if the flight had been cancelled.
    pub(super) fn on_success(
        &self,
        id: u64,
        issued: IssuedToken,
        sent: Now,
        span: &FlightSpan,
    ) -> Option<Result<AccessToken, TokenError>> {
        let now = self.clock.now();
        let mut state = self.lock();
        let failures = state.failures();
        let result = state.on_success(id, issued, sent, now, fastrand::f64())?;
        if let Ok(token) = &result {
            self.mirror.store(Some(Arc::clone(token.as_cached())));
        }
        let status = self.status(&state, now);
        drop(state);
        match &result {
            Ok(token) => span.succeeded(token, failures, &status, now),
            Err(error) => span.failed(error, &status, now),
        }
        Some(result)
    }

    /// Enters what flight `id` failed with. Tells no one if the flight had been cancelled.
    pub(super) fn on_failure(&self, id: u64, error: &TokenError, span: &FlightSpan) {
        let now = self.clock.now();
        let mut state = self.lock();
        if state.on_failure(id, error, now, fastrand::f64()) {
            let status = self.status(&state, now);
            drop(state);
            span.failed(error, &status, now);
        }
    }

    /// Enters that flight `id` ended without a result.
    pub(super) fn on_abandoned(&self, id: u64) {
        self.lock().on_abandoned(id);
    }
}

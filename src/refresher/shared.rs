//! [`SharedState`]: what all handles of a refresher, its waiters and its flight share.
//!
//! # Invariants
//!
//! 1. `mirror` holds the token that calls use without the lock. It is empty while something is open that calls have to ask
//!    about: no token yet, a successor that is not in use yet, a question that an authority has not answered. It is as the
//!    state was when the lock was last given back.
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

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
};

use arc_swap::ArcSwapOption;

use super::{channel::FlightHandle, state::State};
use crate::{
    audience::Audience,
    error::{TokenError, token::Kind},
    schedule::{Clock, Now, Phase, Settings},
    telemetry::{FlightSpan, Observer},
    token::{AccessToken, CachedToken, DynTokenSource, IssuedToken, RefresherId, TokenStatus},
};

/// What all handles of a refresher, its waiters and its flight share.
pub(super) struct SharedState {
    pub(super) id: RefresherId,
    pub(super) mirror: ArcSwapOption<CachedToken>,
    state: Mutex<State<FlightHandle>>,
    pub(super) source: Arc<dyn DynTokenSource>,
    pub(super) audience: Audience,
    pub(super) settings: Settings,
    pub(super) clock: Clock,
    pub(super) observer: Arc<Observer>,
}

/// A token, and whether the answer to a call with it is evidence.
pub(crate) struct UsableToken {
    pub(crate) token: AccessToken,
    /// Something is open about the token: what its call is answered is to be reported.
    pub(crate) is_watched: bool,
}

/// The state under its lock, and when it was locked. Puts the mirror in order when the lock is given back.
pub(super) struct Locked<'a> {
    shared: &'a SharedState,
    state: MutexGuard<'a, State<FlightHandle>>,
    pub(super) now: Now,
}

// === impl SharedState ===

impl SharedState {
    pub(super) fn new(
        source: Arc<dyn DynTokenSource>,
        audience: Audience,
        settings: Settings,
        clock: Clock,
        observer: Observer,
    ) -> Self {
        let id = RefresherId::unique();
        Self {
            id,
            mirror: ArcSwapOption::empty(),
            state: Mutex::new(State::new(id, settings, clock, clock.now())),
            source,
            audience,
            settings,
            clock,
            observer: Arc::new(observer),
        }
    }

    pub(super) fn lock(&self) -> Locked<'_> {
        self.locked(self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes the lock, unless someone holds it.
    pub(super) fn try_lock(&self) -> Option<Locked<'_>> {
        match self.state.try_lock() {
            Ok(state) => Some(self.locked(state)),
            Err(TryLockError::Poisoned(poisoned)) => Some(self.locked(poisoned.into_inner())),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn locked<'a>(&'a self, state: MutexGuard<'a, State<FlightHandle>>) -> Locked<'a> {
        Locked { shared: self, state, now: self.clock.now() }
    }

    /// Returns the token, unless it has expired.
    pub(super) fn usable(&self) -> Option<(AccessToken, Phase)> {
        let token = match self.mirror.load_full() {
            Some(token) => AccessToken::from(token),
            None => {
                let mut state = self.lock();
                let now = state.now;
                state.cached(now)?
            }
        };
        let phase = token.phase();
        (phase != Phase::Expired).then_some((token, phase))
    }

    /// Returns `token` together with whether something is open about it.
    pub(super) fn watch(&self, token: AccessToken) -> UsableToken {
        UsableToken { token, is_watched: self.mirror.load().is_none() }
    }

    /// Returns the error of a caller that waited as long as it wants to, while the flight goes on.
    pub(super) fn wait_timed_out(&self) -> TokenError {
        let error = TokenError::of(Kind::WaitTimedOut);
        match self.lock().last_error().cloned() {
            Some(last) => error.with_source(last),
            None => error,
        }
    }

    pub(super) fn status(&self, state: &Locked<'_>) -> TokenStatus {
        let (key_id, store) = (self.observer.known_key_id(), self.observer.store());
        TokenStatus { key_id, store, ..state.status(self.observer.token_requests(), state.now) }
    }

    /// Returns the token that flight `id` is to replace, and whether an API rejected it.
    pub(super) fn replaced_by(&self, id: u64) -> (Option<AccessToken>, bool) {
        let state = self.lock();
        let (token, is_rejected) = state.replaced_by(id);
        (token.cloned(), is_rejected)
    }

    /// Enters that an attempt of flight `id` failed. Returns whether calls have a usable token.
    pub(super) fn on_attempt_failed(&self, id: u64, error: &TokenError) -> bool {
        let mut state = self.lock();
        let now = state.now;
        state.on_attempt_failed(id, error, now)
    }

    /// Enters what flight `id` brought, and returns the token; `None` if the flight had been cancelled.
    pub(super) fn on_success(
        &self,
        id: u64,
        issued: IssuedToken,
        sent: Now,
        span: &FlightSpan,
    ) -> Option<AccessToken> {
        let mut state = self.lock();
        let now = state.now;
        let failures = state.failures();
        let token = state.on_success(id, issued.within(&self.audience), sent, now, fastrand::f64())?;
        let status = self.status(&state);
        drop(state);
        span.succeeded(&token, failures, &status, now);
        Some(token)
    }

    /// Enters what flight `id` failed with. Tells no one if the flight had been cancelled.
    pub(super) fn on_failure(&self, id: u64, error: &TokenError, span: &FlightSpan) {
        let mut state = self.lock();
        let now = state.now;
        if state.on_failure(id, error, now, fastrand::f64()) {
            let status = self.status(&state);
            drop(state);
            span.failed(error, &status, now);
        }
    }

    /// Enters that flight `id` ended without a result.
    pub(super) fn on_abandoned(&self, id: u64) {
        let mut state = self.lock();
        let now = state.now;
        state.on_abandoned(id, now, fastrand::f64());
    }
}

// === impl Locked ===

impl Deref for Locked<'_> {
    type Target = State<FlightHandle>;

    fn deref(&self) -> &Self::Target {
        &self.state
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.state
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let settled = self.state.settled_token(self.now).map(AccessToken::as_cached);
        let mirrored = self.shared.mirror.load();
        if settled.map(Arc::as_ptr) != mirrored.as_ref().map(Arc::as_ptr) {
            self.shared.mirror.store(settled.cloned());
        }
    }
}

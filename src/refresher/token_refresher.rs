//! [`TokenRefresher`]: the cache of one token, and the one flight that renews it.
//!
//! A thin shell: every decision is the [`Ledger`]'s, made under one lock that is never held across an await; a
//! flight is a task of its own ([`flight`]). The token is mirrored where calls read it without a lock.

use std::{
    borrow::Borrow,
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, TryLockError, atomic::AtomicU64},
};

use arc_swap::ArcSwapOption;
use futures_util::future::Shared;
use http::{HeaderMap, header::MaxSizeReached};
use tokio::{
    runtime::Handle,
    sync::oneshot,
    time::{Instant, Timeout, timeout_at},
};

use super::{
    builder::TokenRefresherBuilder,
    flight::{self, Flight, Outcome},
    state::{Goal, Ledger, Step, Verdict},
};
use crate::{
    audience::Audience,
    error::{Fault, TokenError},
    origin::Origin,
    schedule::{Clock, Now, Phase, Policy, after},
    telemetry::{Observer, Watch},
    token::{AccessToken, DynTokenSource, Inner as Token, TokenSource, TokenStatus},
};

/// Keeps one token fresh for everyone who uses it.
///
/// # Cloning
///
/// A clone is another handle of the same cache, the same flight and the same back-off. Make one refresher per access
/// key and share it; the token request under way ends when the last handle is dropped.
///
/// # Behavior
///
/// Nothing runs without traffic. A call that finds a fresh token uses it. A call that finds its refresh due uses it,
/// too, and starts one token request that no one waits for. A call that finds no usable token waits for the one token
/// request that is under way, or starts it. After failures token requests are spaced, a valid token is used
/// meanwhile, and without one the last error is the answer, at once.
///
/// Building and cloning need no runtime. Getting a token that is not cached does: a Tokio runtime with time enabled.
///
/// # Examples
///
/// ```
/// # use tower_sinch_auth::{IssuedToken, TokenRefresher};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), tower_sinch_auth::TokenError> {
/// # let source = || async { IssuedToken::bearer("abc", None) };
/// let tokens = TokenRefresher::new(source);
/// let token = tokens.token().await?; // at start, so that the first call does not wait
/// assert_eq!(token.authorization(), "Bearer abc");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct TokenRefresher {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    /// The ledger's token, for reading without its lock.
    pub(super) current: ArcSwapOption<Token>,
    pub(super) ledger: Mutex<Ledger<flight::Handle>>,
    pub(super) token_requests: AtomicU64,
    pub(super) source: Arc<dyn DynTokenSource>,
    pub(super) audience: Audience,
    pub(super) policy: Policy,
    pub(super) clock: Clock,
    pub(super) observer: Arc<Observer>,
}

/// What [`TokenRefresher::acquire`] finds.
pub(crate) enum Acquired {
    Token(AccessToken),
    Failed(TokenError),
    /// To be passed to [`TokenRefresher::wait`].
    Flight(Joined),
}

/// A waiter's place in a flight.
pub(crate) struct Joined {
    id: u64,
    outcome: Shared<oneshot::Receiver<Outcome>>,
}

pub(super) type Locked<'a> = MutexGuard<'a, Ledger<flight::Handle>>;

/// How many flights a waiter sees disappear before it gives up.
pub(crate) const MAX_LOST_FLIGHTS: u8 = 3;

// === impl TokenRefresher ===

impl TokenRefresher {
    /// Creates a refresher with the default settings.
    #[must_use]
    pub fn new(source: impl TokenSource) -> Self {
        Self::builder(source).build()
    }

    /// Starts to build a refresher with other settings.
    #[must_use]
    pub fn builder(source: impl TokenSource) -> TokenRefresherBuilder {
        TokenRefresherBuilder::new(source)
    }

    /// Returns a usable token: the cached one, or the one that the flight brings.
    ///
    /// Call it once at start to warm up.
    ///
    /// # Errors
    ///
    /// A [`TokenError`] if there is no usable token and none can be had; it comes after `flight_timeout` and a
    /// little at the latest, and at once while token requests rest after a failure.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the flight goes on, for the other waiters and the next call.
    pub async fn token(&self) -> Result<AccessToken, TokenError> {
        let Some((token, phase)) = self.usable() else {
            return self.acquire_or_wait(Goal::Token).await;
        };
        if phase == Phase::RefreshDue {
            self.refresh_in_background();
        }
        Ok(token)
    }

    /// Returns the token if it is usable right now. Never waits and starts nothing.
    #[must_use]
    pub fn cached(&self) -> Option<AccessToken> {
        let (token, _) = self.usable()?;
        Some(token)
    }

    /// Returns a token to replace `rejected`, which an API answered with a `401`.
    ///
    /// That is a newer one if it is cached already, else what the flight brings, which is started if none is up. It
    /// is `rejected` itself (the same [generation](AccessToken::generation)) while a refresh would not help: the
    /// issuer brought the same token again, the token is static, or tokens refreshed by hand were rejected within
    /// 10 s of their issue, which lets such refreshes rest for 1 s, doubling to 60 s.
    ///
    /// [`SinchAuth`](crate::SinchAuth) does this by itself; call it for requests that do not go through the layer.
    ///
    /// # Errors
    ///
    /// As [`TokenRefresher::token`]. A token that is rejected but has not expired stays in use.
    ///
    /// # Cancel safety
    ///
    /// As [`TokenRefresher::token`].
    pub async fn refresh(&self, rejected: &AccessToken) -> Result<AccessToken, TokenError> {
        self.acquire_or_wait(Goal::Replace { generation: rejected.generation(), origin: None }).await
    }

    /// Returns what an operator wants to know. Takes the lock that calls take only to refresh; allocates nothing.
    #[must_use]
    pub fn status(&self) -> TokenStatus {
        let now = self.inner.clock.now();
        self.inner.status(&self.inner.lock(), now)
    }

    pub(crate) fn built(builder: TokenRefresherBuilder) -> Self {
        let TokenRefresherBuilder { source, audience, policy, clock } = builder;
        let ledger = Mutex::new(Ledger::new(policy, clock));
        let (current, token_requests) = (ArcSwapOption::empty(), AtomicU64::new(0));
        let observer = Arc::default();
        let inner = Inner { current, ledger, token_requests, source, audience, policy, clock, observer };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn audience(&self) -> &Audience {
        &self.inner.audience
    }

    pub(crate) fn observer(&self) -> &Arc<Observer> {
        &self.inner.observer
    }

    /// Puts the header of a usable token among `headers`, and returns its generation. Never waits; takes no lock
    /// while it is fresh.
    #[inline]
    pub(crate) fn authorize(&self, headers: &mut HeaderMap) -> Result<Option<u64>, MaxSizeReached> {
        let current = self.inner.current.load();
        let Some(token) = current.as_ref() else {
            return Ok(None);
        };
        match token.phase() {
            Phase::Fresh => {}
            Phase::RefreshDue => self.refresh_in_background(),
            Phase::Expired => return Ok(None),
        }
        token.authorize(headers)?;
        Ok(Some(token.generation))
    }

    /// Decides about `goal`, and starts a flight where one is called for.
    pub(crate) fn acquire(&self, goal: &Goal) -> Acquired {
        self.acquire_locked(goal, self.inner.lock())
    }

    /// Waits for the flight; should it disappear, for the next one.
    // Not an `async fn`, which holds its arguments twice: many callers may wait at once.
    #[expect(clippy::manual_async_fn, reason = "the future would be larger by a third")]
    pub(crate) fn wait(
        self,
        goal: impl Borrow<Goal> + Send,
        mut joined: Joined,
    ) -> impl Future<Output = Outcome> + Send {
        async move {
            let waiting = self.observer().waiting();
            let outcome = 'landed: {
                for _ in 0..MAX_LOST_FLIGHTS {
                    let Some(patience) = timeout(self.deadline(), joined.outcome) else {
                        break 'landed Err(TokenError::of(Fault::NoRuntime));
                    };
                    if let Ok(Ok(outcome)) = patience.await {
                        // What is in use by now is never older.
                        break 'landed outcome.map(|token| self.cached().unwrap_or(token));
                    }
                    self.inner.lost(joined.id);
                    match self.acquire(goal.borrow()) {
                        Acquired::Token(token) => break 'landed Ok(token),
                        Acquired::Failed(error) => break 'landed Err(error),
                        Acquired::Flight(next) => joined = next,
                    }
                }
                Err(TokenError::of(Fault::FlightLost))
            };
            waiting.ended(&outcome);
            outcome
        }
    }

    /// Reports how the retry of a request of `origin` went with `generation`.
    pub(crate) fn report(&self, origin: &Origin, generation: u64, verdict: Verdict) {
        let now = self.inner.clock.now();
        let mut ledger = self.inner.lock();
        let rested = ledger.rest(origin, now);
        ledger.verdict(origin, generation, verdict, now);
        let rests = ledger.rest(origin, now);
        drop(ledger);
        self.observer().rests(origin, rested, rests);
    }

    fn usable(&self) -> Option<(AccessToken, Phase)> {
        let token = AccessToken(self.inner.current.load_full()?);
        let phase = token.0.phase();
        (phase != Phase::Expired).then_some((token, phase))
    }

    async fn acquire_or_wait(&self, goal: Goal) -> Outcome {
        match self.acquire(&goal) {
            Acquired::Token(token) => Ok(token),
            Acquired::Failed(error) => Err(error),
            Acquired::Flight(joined) => self.clone().wait(goal, joined).await,
        }
    }

    /// Starts the refresh that is due. Whoever holds the lock is about to do the same, or someone is soon.
    #[cold]
    fn refresh_in_background(&self) {
        let ledger = match self.inner.ledger.try_lock() {
            Ok(ledger) => ledger,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        self.acquire_locked(Goal::ANY, ledger);
    }

    fn acquire_locked(&self, goal: &Goal, mut ledger: Locked<'_>) -> Acquired {
        let now = self.inner.clock.now();
        let rested = goal.origin().and_then(|origin| ledger.rest(origin, now));
        match ledger.step(goal, now) {
            Step::Use(token) => {
                if let Some(origin) = goal.origin() {
                    let rests = ledger.rest(origin, now);
                    drop(ledger);
                    self.observer().rests(origin, rested, rests);
                }
                Acquired::Token(token)
            }
            Step::Fail(error) => Acquired::Failed(error),
            Step::Join => match ledger.flight() {
                Some((id, handle)) => Acquired::Flight(Joined { id, outcome: handle.outcome.clone() }),
                None => Acquired::Failed(TokenError::of(Fault::FlightLost)),
            },
            Step::Start => self.start(goal, ledger, now).map_or_else(Acquired::Failed, Acquired::Flight),
            Step::UseAndRefresh(token) => {
                // Without a runtime here, a call from within one starts it.
                let _ = self.start(goal, ledger, now);
                Acquired::Token(token)
            }
        }
    }

    fn start(&self, goal: &Goal, mut ledger: Locked<'_>, now: Now) -> Result<Joined, TokenError> {
        let runtime = Handle::try_current().map_err(|_| TokenError::of(Fault::NoRuntime))?;
        let (handle, controls) = flight::channel();
        let outcome = handle.outcome.clone();
        let reason = ledger.reason(goal, now);
        let id = ledger.started(goal, handle, now);
        // A runtime that is shutting down drops the flight within `spawn`, and that takes the lock.
        drop(ledger);
        let inner = &self.inner;
        let flight = Flight {
            id,
            refresher: Arc::downgrade(inner),
            source: Arc::clone(&inner.source),
            policy: inner.policy,
            clock: inner.clock,
            watch: Watch::new(&inner.observer, reason),
        };
        runtime.spawn(Arc::clone(&flight.watch).over(flight.run(controls)));
        Ok(Joined { id, outcome })
    }

    /// When a waiter stops believing in a flight.
    fn deadline(&self) -> Instant {
        after(self.inner.clock.now().mono, self.inner.policy.patience())
    }
}

impl fmt::Debug for TokenRefresher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.inner.current.load_full().map(AccessToken);
        f.debug_struct("TokenRefresher").field("token", &token).finish_non_exhaustive()
    }
}

/// A timeout, if the caller runs in a Tokio runtime with time enabled. tokio has no other way to ask than to try.
fn timeout<F: Future>(deadline: Instant, future: F) -> Option<Timeout<F>> {
    Handle::try_current().ok()?;
    catch_unwind(AssertUnwindSafe(|| timeout_at(deadline, future))).ok()
}

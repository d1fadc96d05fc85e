//! [`TokenRefresher`]: the handle of a refresher, for applications and for the layer.
//!
//! A thin shell over [`SharedState`] and [`acquire`](super::acquire).

use std::{fmt, sync::Arc, time::Duration};

use http::{Request, StatusCode, header::MaxSizeReached};

use super::{
    acquire::{Acquired, acquire, acquire_for_call, refresh_in_background},
    shared::SharedState,
    state::{Rejected, Want},
};
use crate::{
    audience::Audience,
    error::{AudienceError, TokenError},
    origin::Origin,
    schedule::Phase,
    switches::Untouched,
    token::{AccessToken, RetryOutcome, TokenStatus},
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
/// request that is under way, or starts it. After failures token requests back off. Meanwhile a valid token is used, and
/// without one the last error is the answer, at once.
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
    shared: Arc<SharedState>,
}

/// Why a request does not get a token.
pub(crate) enum NotAuthorized {
    Outside(Box<AudienceError>),
    TooManyHeaders(MaxSizeReached),
}

// === impl TokenRefresher ===

impl TokenRefresher {
    /// Returns a usable token: the cached one, or the one that the flight brings.
    ///
    /// Call it once at start to warm up.
    ///
    /// # Errors
    ///
    /// A [`TokenError`] if there is no usable token and the flight fails. It comes 2 s after
    /// [`flight_timeout`](crate::TokenRefresherBuilder::flight_timeout) at the latest, and at once while token requests back off
    /// after a failure.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the flight goes on, for the other waiters and the next call.
    pub async fn token(&self) -> Result<AccessToken, TokenError> {
        let Some((token, phase)) = self.shared.usable() else {
            return self.acquire_or_wait(Want::AnyToken).await;
        };
        if phase == Phase::RefreshDue {
            refresh_in_background(&self.shared);
        }
        Ok(token)
    }

    /// Returns the token if it is usable right now. Never waits and starts nothing.
    #[must_use]
    pub fn cached(&self) -> Option<AccessToken> {
        let (token, _) = self.shared.usable()?;
        Some(token)
    }

    /// Returns a token to replace `rejected`, which an API answered with a `401`.
    ///
    /// That is a newer one if it is cached already, else what the flight brings, which is started if none is up. It
    /// is `rejected` itself (the same [generation](AccessToken::generation)) while a refresh would not help: the
    /// issuer brought the same token again, the token is static, the budget of such refreshes is spent (10 at once, then one
    /// every 10 s), or a token that this method brought was rejected within 10 s of its request. Then such refreshes back
    /// off for 1 s, doubling to 60 s, of which the second half is drawn.
    ///
    /// A token of another refresher is not compared: then this is [`TokenRefresher::token`].
    ///
    /// [`SinchAuth`](crate::SinchAuth) does this by itself. Call it for requests that do not go through the layer.
    ///
    /// # Errors
    ///
    /// As [`TokenRefresher::token`]. A token that is rejected but has not expired stays in use.
    ///
    /// # Cancel safety
    ///
    /// As [`TokenRefresher::token`].
    pub async fn refresh(&self, rejected: &AccessToken) -> Result<AccessToken, TokenError> {
        if !rejected.is_of(self.shared.id) {
            return self.token().await;
        }
        self.acquire_or_wait(Want::newer_than(rejected.generation(), Origin::UNKNOWN, false)).await
    }

    /// Drops the token and the flight under way, now: when a tenant's key was rotated or withdrawn, say.
    ///
    /// The next call, and those that wait, ask anew, with the key as it is then read; those that wait go on to do so until
    /// the deadline that they had. What the dropped flight brings serves nobody. Remembered errors and back-offs are
    /// forgotten, too, but for a running `Retry-After`, which is the issuer's. Budgets of forced refreshes are not.
    ///
    /// Generations go on growing, and [`TokenStatus::generation`] keeps the last one. What an API answers to a forgotten
    /// token says nothing about the next one. A call that was sent with it, and meets a `401`, is sent again with the next.
    pub fn forget(&self) {
        let mut state = self.shared.lock();
        let now = state.now;
        let flight = state.forget(now);
        let status = self.shared.status(&state);
        drop(state);
        // Cancels it, which wakes its task: not under the lock.
        drop(flight);
        self.shared.observer.forgotten(&status, now);
    }

    /// Returns what an operator wants to know. Takes the lock that calls take only to refresh; allocates nothing.
    #[must_use]
    pub fn status(&self) -> TokenStatus {
        self.shared.status(&self.shared.lock())
    }

    async fn acquire_or_wait(&self, want: Want) -> Result<AccessToken, TokenError> {
        let usable = match acquire(&self.shared, want, None) {
            Acquired::Token(usable) => usable,
            Acquired::Failed(error) => return Err(error),
            Acquired::Flight(waiter) => waiter.wait().await?,
        };
        Ok(usable.token)
    }
}

/// What the layer asks for.
impl TokenRefresher {
    pub(super) fn from_shared(shared: SharedState) -> Self {
        Self { shared: Arc::new(shared) }
    }

    pub(crate) fn source_audience(&self) -> &Audience {
        &self.shared.audience
    }

    /// Inserts the header of a usable token into `request`, and returns its generation; `None` if the refresher has to be
    /// asked. The token goes where `audience` lets it, else where its own does.
    ///
    /// Never waits. Takes no lock while the token is fresh.
    #[inline]
    pub(crate) fn authorize<B>(
        &self,
        request: &mut Request<B>,
        audience: Option<&Audience>,
    ) -> Result<Option<u64>, NotAuthorized> {
        let mirror = self.shared.mirror.load();
        let Some(token) = mirror.as_ref() else {
            return Ok(None);
        };
        audience.unwrap_or(token.audience()).check(request.uri(), request.headers())?;
        match token.phase() {
            Phase::Fresh => {}
            Phase::RefreshDue => refresh_in_background(&self.shared),
            Phase::Expired => return Ok(None),
        }
        token.authorize(request.headers_mut())?;
        Ok(Some(token.generation()))
    }

    /// Finds any usable token, or the flight to wait for, `max_wait` at most.
    pub(crate) fn acquire(&self, max_wait: Option<Duration>) -> Acquired {
        acquire(&self.shared, Want::AnyToken, max_wait)
    }

    /// Finds a token for a call to `origin`, or the flight to wait for, `max_wait` at most.
    pub(crate) fn acquire_for_call(&self, origin: &Origin, max_wait: Option<Duration>) -> Acquired {
        acquire_for_call(&self.shared, origin, max_wait)
    }

    /// Finds what replaces a generation that was answered with a `401`, or the flight to wait for, `max_wait` at most.
    pub(crate) fn replace(&self, rejected: Rejected, max_wait: Option<Duration>) -> Acquired {
        self.shared.observer.token_rejected(&rejected.origin, rejected.generation);
        acquire(&self.shared, Want::NewerThan(Box::new(rejected)), max_wait)
    }

    /// Records and judges what became of a call whose token `origin` rejected, and that was sent with `generation` last.
    pub(crate) fn settle(&self, origin: &Origin, generation: u64, outcome: RetryOutcome) {
        self.shared.observer.call_settled(origin, generation, outcome);
        let mut state = self.shared.lock();
        let now = state.now;
        let backoff_began = state.on_settled(origin, generation, outcome, now, fastrand::f64());
        drop(state);
        if let Some(backoff) = backoff_began {
            self.shared.observer.backoff_began(origin, backoff, now);
        }
    }

    /// Enters that `origin` accepted `generation`: it answered a call with a `status` other than `401`.
    pub(crate) fn accept(&self, origin: &Origin, generation: u64, status: StatusCode) {
        self.shared.lock().on_accepted(origin, generation, RetryOutcome::of(status) == RetryOutcome::Helped);
    }

    /// Records the entries of `audience` that match nothing.
    pub(crate) fn warn_of_invalid_hosts(&self, audience: &Audience) {
        self.shared.observer.invalid_hosts(audience);
    }

    /// Records a request that is sent as it came.
    pub(crate) fn passed_untouched(&self, why: Untouched) {
        self.shared.observer.passed_untouched(why);
    }

    /// Records a request that must not carry the token.
    pub(crate) fn refuse(&self, error: &AudienceError) {
        self.shared.observer.request_refused(error);
    }
}

impl fmt::Debug for TokenRefresher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.shared.mirror.load_full().map(AccessToken::from);
        f.debug_struct("TokenRefresher").field("token", &token).finish_non_exhaustive()
    }
}

// === impl NotAuthorized ===

impl From<AudienceError> for NotAuthorized {
    fn from(error: AudienceError) -> Self {
        Self::Outside(Box::new(error))
    }
}

impl From<MaxSizeReached> for NotAuthorized {
    fn from(error: MaxSizeReached) -> Self {
        Self::TooManyHeaders(error)
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::TokenRefresher;
    use crate::token::IssuedToken;

    #[tokio::test]
    async fn a_request_gets_a_fresh_token_while_another_holds_the_lock() {
        let tokens = TokenRefresher::new(|| async { IssuedToken::bearer("abc", None) });
        let token = tokens.token().await.unwrap();
        let _held = tokens.shared.lock();
        let mut request = Request::new(());
        let generation = tokens.authorize(&mut request, None).ok().flatten();
        assert_eq!(generation, Some(token.generation()));
        assert_eq!(request.headers()["authorization"], "Bearer abc");
    }
}

//! [`AccessToken`]: a token in use, as the header that carries it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{
    HeaderMap, HeaderValue,
    header::{AUTHORIZATION, MaxSizeReached},
};

use super::{issued_token::IssuedToken, status::TokenOrigin};
use crate::{
    audience::Audience,
    schedule::{Clock, Phase, Validity},
};

/// A token that the [`TokenRefresher`](crate::TokenRefresher) holds.
///
/// Cloning is one reference count. There is no way to read the token itself but through its header; `Debug`
/// shows the generation only.
#[derive(Clone)]
pub struct AccessToken(Arc<CachedToken>);

/// What an [`AccessToken`] points to, for those who keep the pointer elsewhere.
pub(crate) struct CachedToken {
    authorization: HeaderValue,
    generation: u64,
    validity: Validity,
    audience: Audience,
    origin: TokenOrigin,
    refresher: RefresherId,
    clock: Clock,
}

/// A refresher, as its tokens tell it from others: generations of two refreshers are not comparable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RefresherId(u64);

// === impl AccessToken ===

impl AccessToken {
    pub(crate) fn new(
        issued: IssuedToken,
        generation: u64,
        validity: Validity,
        refresher: RefresherId,
        clock: Clock,
    ) -> Self {
        let origin = issued.origin();
        let (authorization, audience) = issued.into_parts();
        Self(Arc::new(CachedToken {
            authorization,
            generation,
            validity,
            audience,
            origin,
            refresher,
            clock,
        }))
    }

    /// Returns the value for the `Authorization` header, `Bearer …` (RFC 6750 §2.1), marked sensitive.
    #[must_use]
    pub fn authorization(&self) -> &HeaderValue {
        &self.0.authorization
    }

    /// Returns the number of this token: 1 for a refresher's first, growing with each that differs from the last.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.0.generation
    }

    /// Returns the time left, as reported by the issuer and counted from when the token request was sent.
    ///
    /// It counts down to zero. `None` for a token that never expires, such as a service plan's.
    #[must_use]
    pub fn expires_in(&self) -> Option<Duration> {
        self.0.validity.expires_in(self.0.clock.now())
    }

    /// Inserts the header that carries this token.
    pub(crate) fn authorize(&self, headers: &mut HeaderMap) -> Result<(), MaxSizeReached> {
        self.0.authorize(headers)
    }

    #[inline]
    pub(crate) fn validity(&self) -> &Validity {
        &self.0.validity
    }

    /// Returns where the token is in its life, by a reading of the clocks.
    pub(crate) fn phase(&self) -> Phase {
        self.0.phase()
    }

    /// Returns where the token may travel.
    pub(crate) fn audience(&self) -> &Audience {
        &self.0.audience
    }

    /// Returns where the token was got from.
    pub(crate) fn origin(&self) -> TokenOrigin {
        self.0.origin
    }

    /// Returns whether the token is one of `refresher`.
    pub(crate) fn is_of(&self, refresher: RefresherId) -> bool {
        self.0.refresher == refresher
    }

    pub(crate) fn as_cached(&self) -> &Arc<CachedToken> {
        &self.0
    }
}

impl From<Arc<CachedToken>> for AccessToken {
    fn from(cached: Arc<CachedToken>) -> Self {
        Self(cached)
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("authorization", &"[redacted]")
            .field("generation", &self.0.generation)
            .field("expires_in", &self.expires_in())
            .finish()
    }
}

// === impl RefresherId ===

impl RefresherId {
    /// Returns an id that no other refresher of this process has.
    pub(crate) fn unique() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

// === impl CachedToken ===

impl CachedToken {
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    #[inline]
    pub(crate) fn audience(&self) -> &Audience {
        &self.audience
    }

    /// Reads the clocks, unless the token never expires.
    #[inline]
    pub(crate) fn phase(&self) -> Phase {
        if self.validity.is_static() { Phase::Fresh } else { self.validity.phase(self.clock.now()) }
    }

    #[inline]
    pub(crate) fn authorize(&self, headers: &mut HeaderMap) -> Result<(), MaxSizeReached> {
        headers.try_insert(AUTHORIZATION, self.authorization.clone())?;
        Ok(())
    }
}

//! [`TokenSource`]: one attempt to get a token, and what it brings.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use http::HeaderValue;

use crate::{
    Audience, ServicePlan, TokenError, TokenRefresher, observe,
    schedule::Lifetime,
    token::{self, AccessToken},
};

/// Where tokens come from.
///
/// Implemented by [`ClientCredentials`](crate::ClientCredentials), by [`ServicePlan`], and by closures
/// `Fn() -> impl Future<Output = Result<IssuedToken, TokenError>>`. A source makes **one** attempt: the
/// [`TokenRefresher`](crate::TokenRefresher) calls it from one task at a time, repeats it, backs off, and shares
/// the result. A source that brings a token again which an API rejected is not asked for the sake of that token any
/// more, until its refresh is due: give tokens that others renew, in a file for example, a short lifetime.
///
/// # Examples
///
/// ```
/// # use tower_sinch_auth::{IssuedToken, TokenError, TokenErrorKind, TokenRefresher};
/// // A token that a sidecar writes to a file every few minutes.
/// let tokens = TokenRefresher::new(|| async {
///     let token = std::fs::read_to_string("/run/sinch/token")
///         .map_err(|error| TokenError::new(TokenErrorKind::Unavailable, error))?;
///     IssuedToken::bearer(token.trim_end(), None)
/// });
/// ```
pub trait TokenSource: Send + Sync + 'static {
    /// Makes one attempt to get a token. Its lifetime is counted from when this is called.
    ///
    /// # Errors
    ///
    /// A [`TokenError`]; whether it [is transient](TokenError::is_transient) decides whether the attempt is repeated.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when the last handle of the refresher is, and after `flight_timeout`.
    fn fetch(&self) -> impl Future<Output = Result<IssuedToken, TokenError>> + Send;

    /// Returns where the tokens of this source may travel, unless
    /// [`SinchAuthLayer::audience`](crate::SinchAuthLayer::audience) says otherwise. Anywhere, by default.
    fn audience(&self) -> Audience {
        Audience::any()
    }
}

/// What a [`TokenSource`] brings: a token and how long it lives.
#[derive(Clone)]
pub struct IssuedToken {
    authorization: HeaderValue,
    lifetime: Lifetime,
}

/// [`TokenSource`] behind a pointer.
pub(crate) trait DynTokenSource: Send + Sync {
    fn dyn_fetch(&self) -> DynFetch<'_>;
}

type DynFetch<'a> = Pin<Box<dyn Future<Output = Result<IssuedToken, TokenError>> + Send + 'a>>;

// === impl IssuedToken ===

impl IssuedToken {
    /// Creates a bearer token (RFC 6750) that lives for `lifetime` from when its request was sent.
    ///
    /// `None`: the issuer did not say; the refresher's `default_lifetime` applies. Less than 1 s counts as 1 s from
    /// receipt, more than 365 days as 365 days.
    ///
    /// # Errors
    ///
    /// [`TokenErrorKind::InvalidResponse`](crate::TokenErrorKind::InvalidResponse) if the token is empty or has a
    /// character other than visible ASCII (RFC 6750 §2.1).
    pub fn bearer(token: impl AsRef<str>, lifetime: Option<Duration>) -> Result<Self, TokenError> {
        let lifetime = lifetime.map_or(Lifetime::Unknown, Lifetime::Of);
        Ok(Self { authorization: token::bearer(token.as_ref())?, lifetime })
    }

    pub(crate) fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    pub(crate) fn into_authorization(self) -> HeaderValue {
        self.authorization
    }

    /// Whether this is the very token that is in use already.
    pub(crate) fn is_the_same_as(&self, token: &AccessToken) -> bool {
        self.authorization == token.authorization()
    }
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedToken")
            .field("authorization", &"[redacted]")
            .field("lifetime", &self.lifetime)
            .finish()
    }
}

// === impl TokenSource ===

impl TokenSource for ServicePlan {
    async fn fetch(&self) -> Result<IssuedToken, TokenError> {
        observe::asks_as(self.service_plan_id());
        Ok(IssuedToken { authorization: token::bearer(self.api_token())?, lifetime: Lifetime::Static })
    }

    fn audience(&self) -> Audience {
        Audience::sms_service_plans()
    }
}

impl<F, Fut> TokenSource for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<IssuedToken, TokenError>> + Send,
{
    fn fetch(&self) -> impl Future<Output = Result<IssuedToken, TokenError>> + Send {
        self()
    }
}

/// What [`SinchAuthLayer::new`](crate::SinchAuthLayer::new) takes: any source, with the default settings.
impl<T: TokenSource> From<T> for TokenRefresher {
    fn from(source: T) -> Self {
        Self::new(source)
    }
}

impl<T: TokenSource> DynTokenSource for T {
    fn dyn_fetch(&self) -> DynFetch<'_> {
        Box::pin(self.fetch())
    }
}

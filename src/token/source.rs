//! [`TokenSource`]: one attempt to get a token, and what it brings.

use std::{future::Future, pin::Pin};

use super::{access_token::AccessToken, issued_token::IssuedToken};
use crate::{audience::Audience, error::TokenError};

/// Where tokens come from.
///
/// Implemented by [`ClientCredentials`](crate::ClientCredentials), by [`ServicePlan`](crate::ServicePlan), and by closures
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no source of tokens",
    label = "no `TokenSource`",
    note = "`AccessKey` needs an HTTP client: enable the feature `client` or `client-ring`, or pass \
            `ClientCredentials::with_client(client, key)`",
    note = "a closure must be `Fn() -> impl Future<Output = Result<IssuedToken, TokenError>> + Send`"
)]
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

    /// Makes one attempt to get a token other than `current`, whose refresh is due, or which an API rejected.
    ///
    /// By default this is [`fetch`](TokenSource::fetch). A source that shares tokens with others looks for theirs.
    ///
    /// # Errors
    ///
    /// As [`fetch`](TokenSource::fetch).
    fn renew(&self, current: &AccessToken) -> impl Future<Output = Result<IssuedToken, TokenError>> + Send {
        let _ = current;
        self.fetch()
    }

    /// Returns where the tokens of this source may travel, unless
    /// [`SinchAuthLayer::audience`](crate::SinchAuthLayer::audience) says otherwise. Anywhere, by default.
    fn audience(&self) -> Audience {
        Audience::any()
    }
}

/// [`TokenSource`] behind a pointer.
pub(crate) trait DynTokenSource: Send + Sync {
    fn dyn_fetch(&self) -> DynFetch<'_>;
    fn dyn_renew<'a>(&'a self, current: &'a AccessToken) -> DynFetch<'a>;
}

type DynFetch<'a> = Pin<Box<dyn Future<Output = Result<IssuedToken, TokenError>> + Send + 'a>>;

// === impl TokenSource ===

impl<F, Fut> TokenSource for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<IssuedToken, TokenError>> + Send,
{
    fn fetch(&self) -> impl Future<Output = Result<IssuedToken, TokenError>> + Send {
        self()
    }
}

impl<T: TokenSource> DynTokenSource for T {
    fn dyn_fetch(&self) -> DynFetch<'_> {
        Box::pin(self.fetch())
    }

    fn dyn_renew<'a>(&'a self, current: &'a AccessToken) -> DynFetch<'a> {
        Box::pin(self.renew(current))
    }
}
